//! Runs imports, one after the other: reads each file through before anything is changed, then
//! makes its changes in batches. Between two batches it can be cancelled, stopped, or killed; it
//! goes on where the store says it was. What a file means is decided in `core::import_file`.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use posthaste_core::contact_columns::{Columns, RowRules};
use posthaste_core::csv::{CsvError, CsvReader, Place};
use posthaste_core::error::Invalid;
use posthaste_core::id::{AccountId, JobId};
use posthaste_core::import::{ImportJob, ImportProgress, JobState};
use posthaste_core::import_file::{Batch, Check, Unfit};
use posthaste_core::limits::IMPORTS_WAITING_MAX;
use posthaste_core::phone::PhoneNumber;
use posthaste_core::store::StoreError;
use posthaste_core::time::Timestamp;
use tokio::sync::Notify;

use crate::state::AppState;
use crate::v1::jobs::rate;

/// Of a file, at a time.
const PIECE_BYTES: usize = 256 * 1024;
/// How often it is asked, while a file is read through, whether it was cancelled.
const ASK_EVERY_BYTES: u64 = 8 * 1024 * 1024;
/// After the store failed, or nobody said that there is something to do.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// What is known of imports beside what is stored.
#[derive(Debug, Default)]
pub struct Imports {
    there_is_one: Notify,
    running: Mutex<Option<Running>>,
    /// Files on their way in, of each account.
    uploads: Mutex<HashMap<AccountId, usize>>,
}

/// The place of a file on its way in; given back when dropped.
pub struct Uploading<'i> {
    imports: &'i Imports,
    account: AccountId,
}

impl Drop for Uploading<'_> {
    fn drop(&mut self) {
        let mut uploads = self.imports.uploads.lock();
        if let Some(open) = uploads.get_mut(&self.account) {
            *open -= 1;
            if *open == 0 {
                uploads.remove(&self.account);
            }
        }
    }
}

/// The import that runs, since this process took it up.
#[derive(Debug, Clone, Copy)]
struct Running {
    id: JobId,
    since: Timestamp,
    rows_before: u64,
}

impl Imports {
    /// A place for one more file of an account with so many imports that wait: they may be as many
    /// together. Who sends slowly would otherwise fill the disk with files that nobody counts.
    pub fn begin_upload(&self, account: AccountId, waiting: usize) -> Option<Uploading<'_>> {
        let mut uploads = self.uploads.lock();
        let open = uploads.get(&account).copied().unwrap_or_default();
        if waiting + open >= IMPORTS_WAITING_MAX {
            return None;
        }
        uploads.insert(account, open + 1);
        Some(Uploading { imports: self, account })
    }

    /// There is a new one.
    pub fn wake(&self) {
        self.there_is_one.notify_one();
    }

    /// How fast it is, if it is the one that runs.
    pub fn rows_per_s(&self, now: Timestamp, job: &ImportJob) -> Option<f64> {
        let running = (*self.running.lock()).filter(|running| running.id == job.id)?;
        rate(job.progress.rows_done.checked_sub(running.rows_before)?, running.since, now)
    }
}

/// Why an import does not go on.
enum Ended {
    /// The file cannot be imported.
    Unfit(String),
    /// It is over, or the server stops.
    Left,
    Store(StoreError),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Ended {
        Ended::Store(error)
    }
}

impl From<Unfit> for Ended {
    fn from(unfit: Unfit) -> Ended {
        Ended::Unfit(unfit.to_string())
    }
}

impl From<CsvError> for Ended {
    fn from(error: CsvError) -> Ended {
        Ended::Unfit(error.to_string())
    }
}

impl From<Invalid> for Ended {
    fn from(invalid: Invalid) -> Ended {
        Ended::Unfit(invalid.to_string())
    }
}

/// Runs imports until `stopped`.
pub async fn run_imports(state: AppState, stopped: impl Future<Output = ()>) {
    let mut stopped = pin!(stopped);
    loop {
        let there_is_one = state.imports.there_is_one.notified();
        let ran = tokio::select! {
            // Dropped between two calls of the store: each of them is all or nothing.
            () = &mut stopped => return,
            ran = run_next(&state) => ran,
        };
        match ran {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "an import cannot go on; it is tried again"),
        }
        tokio::select! {
            () = &mut stopped => return,
            () = there_is_one => {}
            () = tokio::time::sleep(LOOK_AGAIN_AFTER) => {}
        }
    }
}

/// Whether there was one.
async fn run_next(state: &AppState) -> Result<bool, StoreError> {
    let Some(job) = state.store.next_import().await? else { return Ok(false) };
    let id = job.id;
    let ended = run(state, job).await;
    *state.imports.running.lock() = None;
    let (end, error) = match ended {
        Ok(()) => (JobState::Done, None),
        Err(Ended::Unfit(error)) => (JobState::Failed, Some(error)),
        Err(Ended::Left) => return Ok(true),
        Err(Ended::Store(StoreError::Damaged { what })) => {
            // It would be so the next time too, and nobody else's import would ever begin.
            tracing::error!(job.id = %id, error.what = what, "an import cannot be read");
            (JobState::Failed, Some("its file cannot be read any more".to_owned()))
        }
        Err(Ended::Store(error)) => return Err(error),
    };
    state.store.set_import_state(state.now(), id, end, error).await?;
    tracing::info!(job.id = %id, state = end.as_str(), "an import ended");
    Ok(true)
}

async fn run(state: &AppState, mut job: ImportJob) -> Result<(), Ended> {
    let columns = Columns::parse(&job.settings.columns)?;
    let list = state.store.powerlist(job.account_id, job.settings.powerlist_id).await?;
    let list = list.ok_or_else(|| Ended::Unfit("its powerlist was deleted".to_owned()))?;
    if job.progress.rows.is_none() {
        set_state(state, &job, JobState::Checking).await?;
        job.progress = check(state, &job, &columns).await?;
        job = advance(state, &job, job.progress, Batch::default()).await?;
    }
    set_state(state, &job, JobState::Running).await?;
    *state.imports.running.lock() =
        Some(Running { id: job.id, since: state.now(), rows_before: job.progress.rows_done });

    let mut file = File { job: job.id, at: job.progress.bytes_done, piece: Bytes::new() };
    let place = place_of(state, &job).await?;
    let mut reader = CsvReader::new(job.settings.delimiter, place);
    loop {
        let mut batch = Batch::default();
        let is_last = loop {
            if file.piece.is_empty() && !file.read(state).await? {
                break true;
            }
            // Not held across an await, as it holds a closure that cannot be.
            let number = |text: &str| PhoneNumber::parse(text, list.default_country);
            let rules = RowRules::new(&job.settings, &number);
            let mut bytes = &file.piece[..];
            let is_full = batch.fill(&mut reader, &mut bytes, &job.settings, &columns, &rules)?;
            let read = file.piece.len() - bytes.len();
            drop(file.piece.split_to(read));
            if is_full {
                break false;
            }
        };
        if is_last {
            let number = |text: &str| PhoneNumber::parse(text, list.default_country);
            let rules = RowRules::new(&job.settings, &number);
            if let Some(row) = reader.finish()? {
                batch.add(row, &job.settings, &columns, &rules);
            }
        }
        if !batch.is_empty() {
            let progress = batch.after(job.progress);
            job = advance(state, &job, progress, batch).await?;
            // Whoever waits for the store goes first.
            tokio::task::yield_now().await;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// Reads the file through. The progress of one that begins behind its heading.
async fn check(
    state: &AppState,
    job: &ImportJob,
    columns: &Columns,
) -> Result<ImportProgress, Ended> {
    let mut check = Check::new(&job.settings, columns);
    let mut file = File { job: job.id, at: 0, piece: Bytes::new() };
    let mut asked_at = 0;
    while file.read(state).await? {
        check.pass(&file.piece)?;
        if file.at - asked_at >= ASK_EVERY_BYTES {
            asked_at = file.at;
            let now = state.store.import(job.account_id, job.id).await?;
            if now.is_none_or(|now| now.state.is_over()) {
                return Err(Ended::Left);
            }
        }
        tokio::task::yield_now().await;
    }
    Ok(check.finish()?)
}

/// Where in the file it goes on: what was read of it before has lines that count.
async fn place_of(state: &AppState, job: &ImportJob) -> Result<Place, Ended> {
    let mut place = Place::START;
    let mut file = File { job: job.id, at: 0, piece: Bytes::new() };
    while place.bytes < job.progress.bytes_done && file.read(state).await? {
        let missing = (job.progress.bytes_done - place.bytes) as usize;
        place.pass(&file.piece[..file.piece.len().min(missing)]);
    }
    Ok(place)
}

async fn advance(
    state: &AppState,
    job: &ImportJob,
    progress: ImportProgress,
    batch: Batch,
) -> Result<ImportJob, Ended> {
    let Batch { edits, skipped, .. } = batch;
    let advanced =
        state.store.advance_import(state.now(), job.id, progress, edits, skipped).await?;
    state.contacts_changed.notify_one();
    advanced.ok_or(Ended::Left)
}

async fn set_state(state: &AppState, job: &ImportJob, to: JobState) -> Result<(), Ended> {
    let is_set = state.store.set_import_state(state.now(), job.id, to, None).await?;
    if is_set { Ok(()) } else { Err(Ended::Left) }
}

/// The file of an import, read from front to back.
struct File {
    job: JobId,
    /// Where the next piece begins.
    at: u64,
    piece: Bytes,
}

impl File {
    /// Takes the next piece. `false` at the end.
    async fn read(&mut self, state: &AppState) -> Result<bool, StoreError> {
        self.piece = state.store.read_import(self.job, self.at, PIECE_BYTES).await?;
        self.at += self.piece.len() as u64;
        Ok(!self.piece.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_on_their_way_in_take_the_places_of_imports() {
        let imports = Imports::default();
        let (one, other) = (AccountId::from_raw(1), AccountId::from_raw(2));
        let mut places: Vec<Uploading<'_>> =
            (2..IMPORTS_WAITING_MAX).filter_map(|_| imports.begin_upload(one, 2)).collect();
        assert_eq!(places.len(), IMPORTS_WAITING_MAX - 2);
        assert!(imports.begin_upload(one, 2).is_none());
        assert!(imports.begin_upload(other, 0).is_some(), "each account has its own");
        places.pop();
        assert!(imports.begin_upload(one, 2).is_some(), "a place was given back");
        drop(places);
        assert!(imports.uploads.lock().is_empty());
    }
}
