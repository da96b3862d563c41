//! The store on SQLite and the event log: what it is made of and how it is opened. Each role trait
//! of the contract has a file of its own; accepting and recording, the two that must be fast, have
//! one more.
//!
//! All work is done by tokio's blocking threads and none by threads of our own: a runtime whose
//! time is paused then knows that something is going on, and does not jump past a commit.

mod accept;
mod accounts;
mod audit;
mod company;
mod config;
mod connection;
mod contact_edits;
mod contact_rows;
mod contact_words;
mod contacts;
mod contacts_file;
mod counts;
mod deliveries;
mod event_types;
mod events;
mod expire;
pub(crate) mod fault;
mod hits;
mod hours;
mod import_files;
mod import_skips;
mod imports;
mod inbound;
mod inbound_requests;
mod keys;
mod packed_lines;
mod packed_rows;
mod pages;
pub(crate) mod partitions;
mod powerlists;
mod record;
pub(crate) mod rows;
mod sessions;
mod stats;
#[cfg(test)]
mod tests;
mod users;
mod webhooks;

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use posthaste_core::store::{AcceptedSink, StoreError};
use posthaste_core::time::Timestamp;
use tokio::sync::Semaphore;

use accept::{AcceptQueue, Accepting};
use config::Config;
use contacts_file::ContactsFile;
use fault::{DiskTrust, Fault};
use hits::HitCounts;
use import_files::ImportFiles;
use keys::Keys;
use partitions::{Day, Partitions};
use record::Recording;

/// Reads at the same time: more would only wait for the same disk and processors.
const READS_MAX: usize = 16;

/// The store in a folder of this machine. One process at a time.
pub struct SqliteStore {
    shared: Arc<Shared>,
    accepts: Arc<AcceptQueue>,
}

/// What the store's operations share. Whoever works on a blocking thread holds it until done, so
/// that the folder's lock is let go only when nothing is written any more.
struct Shared {
    sink: Arc<dyn AcceptedSink>,
    trust: DiskTrust,
    config: Config,
    contacts: ContactsFile,
    import_files: ImportFiles,
    partitions: Partitions,
    accepting: Mutex<Accepting>,
    recording: Mutex<Recording>,
    hits: HitCounts,
    keys: Keys,
    reads: Arc<Semaphore>,
    /// Last, so that it is let go when every file is closed.
    _lock: File,
}

impl SqliteStore {
    /// Opens the store in `dir`, made if it is not there. `now` dates the first account of a new
    /// store; `node` goes into the ids.
    pub fn open(
        dir: &Path,
        node: u16,
        sink: Arc<dyn AcceptedSink>,
        now: Timestamp,
    ) -> Result<SqliteStore, StoreError> {
        let shared = Arc::new(Shared::open(dir, node, sink, now)?);
        Ok(SqliteStore { shared, accepts: Arc::default() })
    }

    /// Reads on a blocking thread.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.shared.reads.clone().acquire_owned().await;
        let permit = permit.expect("nothing closes the semaphore");
        let shared = self.shared.clone();
        let work = move || {
            let result = read(&shared);
            // Before the answer: whoever gets it may drop the store and open it again.
            drop((shared, permit));
            result
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result.map_err(StoreError::from),
            Err(panic) => Err(unfinished(&panic)),
        }
    }

    /// Writes on a blocking thread, unless an earlier write left the disk in doubt.
    async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Shared) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.shared.trust.check()?;
        let shared = self.shared.clone();
        let work = move || {
            shared.trust.check()?;
            write(&shared).map_err(|fault| shared.trust.judge(fault))
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(panic) => Err(unfinished(&panic)),
        }
    }
}

/// A blocking task that panicked, or a runtime that is going down.
fn unfinished(error: &tokio::task::JoinError) -> StoreError {
    StoreError::Unavailable { reason: format!("an operation did not finish: {error}") }
}

impl Shared {
    fn open(
        dir: &Path,
        node: u16,
        sink: Arc<dyn AcceptedSink>,
        now: Timestamp,
    ) -> Result<Shared, Fault> {
        // Bodies and secrets lie here: nobody else's business.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let lock = lock(dir)?;
        let config = Config::open(&dir.join("config.db"), node, now)?;
        let expired_before = config.expired_before()?;
        let partitions = Partitions::open(dir, expired_before)?;
        let contacts = ContactsFile::open(&dir.join("contacts.db"), node)?;
        let open_imports = contacts.read(imports::open)?;
        let import_files = ImportFiles::open(dir.join("imports"), &open_imports)?;
        let hits = HitCounts::load(&config, &contacts, &partitions)?;
        let keys = Keys::load(&partitions)?;
        let last_id = last_event_id(&config, &partitions, expired_before)?;
        Ok(Shared {
            sink,
            trust: DiskTrust::default(),
            config,
            contacts,
            import_files,
            partitions,
            accepting: Mutex::new(Accepting::new(node, last_id)),
            recording: Mutex::default(),
            hits,
            keys,
            reads: Arc::new(Semaphore::new(READS_MAX)),
            _lock: lock,
        })
    }
}

/// Two processes on one folder would hand out the same ids and deliver everything twice.
fn lock(dir: &Path) -> Result<File, Fault> {
    let file = File::options().create(true).truncate(false).write(true).open(dir.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Fault::Store(StoreError::Unavailable {
            reason: format!("another process is using the data folder {}", dir.display()),
        })),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// The highest id that an event or delivery can have. What was never committed was told to
/// nobody, so the end of the log decides; where the newest day was dropped, its note in the
/// configuration does.
fn last_event_id(
    config: &Config,
    partitions: &Partitions,
    expired_before: Day,
) -> Result<u64, Fault> {
    let noted = config.last_event_id()?.max(expired_before.first_id().saturating_sub(1));
    // Ids rise from day to day, so the newest day that has any has the highest.
    for partition in partitions.all().iter().rev() {
        let last = partition.events.last_id()?;
        if last > 0 {
            return Ok(last.max(noted));
        }
    }
    Ok(noted)
}
