//! Opening database files: which settings, and why each; and the pools of readers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::hooks::Wal;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::fault::Fault;
use crate::migrate::{Migration, migrate};

/// Pages (4 KiB) in a write-ahead log before it is copied into its database: rare enough that
/// pages written again and again are copied once, small enough to be copied in tens of
/// milliseconds.
const CHECKPOINT_PAGES: i32 = 12_000;
/// How long to wait for a lock that another process (a shell, a copy) holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const STATEMENTS_CACHED: usize = 64;
/// Connections kept open for reading, per file.
const IDLE_READERS_MAX: usize = 2;

/// Which of the store's files: they differ only in their schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Config,
    History,
    Keys,
    Contacts,
}

macro_rules! migration {
    ($kind:literal, $name:literal) => {
        Migration {
            name: $name,
            sql: include_str!(concat!("../../migrations/sqlite/", $kind, "/", $name, ".sql")),
        }
    };
}

impl FileKind {
    fn migrations(self) -> &'static [Migration] {
        match self {
            FileKind::Config => &[
                migration!("config", "0001_init"),
                migration!("config", "0002_people"),
                migration!("config", "0003_validate"),
                migration!("config", "0004_inbound"),
            ],
            FileKind::History => &[migration!("history", "0001_init")],
            FileKind::Keys => &[migration!("keys", "0001_init")],
            FileKind::Contacts => &[migration!("contacts", "0001_init")],
        }
    }
}

/// The one connection that writes to a file.
#[derive(Debug)]
pub struct Writer {
    pub connection: Connection,
    /// Pages in the write-ahead log after the last commit.
    log_pages: Arc<AtomicI32>,
}

impl Writer {
    /// Opens the file, made if it is not there, with its schema up to date.
    pub fn open(path: &Path, kind: FileKind) -> Result<Writer, Fault> {
        let mut connection = open(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        // Must come before the first table; 8 and 16 KiB were measured to be no better.
        connection.pragma_update(None, "page_size", 4096)?;
        // Readers never wait for the writer nor the writer for them, and a commit is one append
        // and one sync.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // NORMAL syncs only at checkpoints and loses acknowledged commits in a power cut; what it
        // loses of the keys is read from the event log again.
        let synchronous = if kind == FileKind::Keys { "NORMAL" } else { "FULL" };
        connection.pragma_update(None, "synchronous", synchronous)?;
        // Checkpoints are made by hand (`checkpoint_if_due`): SQLite's own run inside a commit
        // and hide a failed sync, after which the log would be overwritten although its pages
        // never reached the disk.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        // A log that once grew (a long reader) does not stay that large.
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        // 16 MiB: the end of each table and, for each webhook, of its part of an index, which are
        // written again and again. 64 were no quicker with 2,000 webhooks, 2 a sixth slower.
        connection.pragma_update(None, "cache_size", -16 * 1024)?;
        migrate(&mut connection, kind.migrations())
            .map_err(|source| Fault::Migrate { path: path.display().to_string(), source })?;
        let log_pages = Arc::new(AtomicI32::new(0));
        let counted = log_pages.clone();
        connection.wal_hook(Some(move |_: &mut Wal, pages| {
            counted.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Writer { connection, log_pages })
    }

    pub fn checkpoint_is_due(&self) -> bool {
        self.log_pages.load(Ordering::Relaxed) >= CHECKPOINT_PAGES
    }

    /// Copies the write-ahead log into the database, so that the next commit starts a new one.
    /// Passive: whoever reads at the moment keeps what it needs, and the rest is left for the
    /// next time.
    pub fn checkpoint(&self) -> Result<(), Fault> {
        let copied = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()));
        self.log_pages.store(0, Ordering::Relaxed);
        match copied {
            // What was committed is in the log all the same; the next checkpoint tries again.
            Err(error) if is_passing(&error) => Ok(()),
            copied => Ok(copied?),
        }
    }

    pub fn checkpoint_if_due(&self) -> Result<(), Fault> {
        if self.checkpoint_is_due() { self.checkpoint() } else { Ok(()) }
    }
}

/// A full disk, or somebody else's lock: says nothing about the disk's health.
fn is_passing(error: &rusqlite::Error) -> bool {
    use ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
    matches!(error.sqlite_error_code(), Some(DiskFull | DatabaseBusy | DatabaseLocked))
}

fn open(path: &Path, create: OpenFlags) -> Result<Connection, Fault> {
    // NO_MUTEX: a connection is only ever used by whoever owns it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // Sorting and the like stays in memory; it is bounded by what a list may look at.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // There are none to check, and asking would cost every insert.
    connection.pragma_update(None, "foreign_keys", false)?;
    Ok(connection)
}

/// Connections for reading one file. Opened when needed, a few kept.
#[derive(Debug)]
pub struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// Connections are opened again for every read.
    is_rarely_read: AtomicBool,
}

impl Readers {
    pub fn new(path: PathBuf) -> Readers {
        Readers { path, idle: Mutex::default(), is_rarely_read: AtomicBool::new(false) }
    }

    /// Runs `read` in one read transaction, so that all it sees is of one moment.
    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        let idle = self.idle.lock().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => {
                let connection = open(&self.path, OpenFlags::empty())?;
                // Not opened read-only, because a reader may be the first to find the log of a
                // process that was killed, and has to be allowed to recover it.
                connection.pragma_update(None, "query_only", true)?;
                // 512 KiB: there are many, and the kernel caches the same pages.
                connection.pragma_update(None, "cache_size", -512)?;
                connection
            }
        };
        let tx = connection.transaction()?;
        let result = read(&tx)?;
        drop(tx);
        let mut idle = self.idle.lock();
        let is_rarely_read = self.is_rarely_read.load(Ordering::Relaxed);
        if idle.len() < IDLE_READERS_MAX && !is_rarely_read {
            idle.push(connection);
        }
        Ok(result)
    }

    /// Closes what is not in use, and keeps nothing open from now on.
    pub fn keep_none(&self) {
        self.is_rarely_read.store(true, Ordering::Relaxed);
        self.idle.lock().clear();
    }
}
