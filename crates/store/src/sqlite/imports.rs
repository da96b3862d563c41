//! Imports: the jobs, and moving one on in the transaction that makes its changes. Their files are
//! `import_files`' matter.

use async_trait::async_trait;
use bytes::Bytes;
use posthaste_core::contact::{ContactEdit, ContactSource, OnExisting};
use posthaste_core::id::{AccountId, JobId, PowerlistId};
use posthaste_core::import::{ImportJob, ImportProgress, ImportSettings, JobState, SkippedRow};
use posthaste_core::page::{Page, PageRequest};
use posthaste_core::store::{ImportStore, Origin, StoreError, Upload};
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::SqliteStore;
use super::contact_edits::Edits;
use super::contacts_file::ContactsChange;
use super::fault::Fault;
use super::import_files::FileUpload;
use super::import_skips;
use super::pages::{PageScan, before};
use super::rows::{id_of, text};

/// What [`read_job`] expects, in this order.
const JOB_COLUMNS: &str = "id, account_id, powerlist_id, settings, file_bytes, state, error, rows, \
     bytes_done, rows_done, created, updated, unchanged, skipped, created_at, started_at, ended_at";

#[async_trait]
impl ImportStore for SqliteStore {
    async fn begin_upload(&self) -> Result<Box<dyn Upload>, StoreError> {
        self.write(|shared| Ok(Box::new(shared.import_files.begin()?) as Box<dyn Upload>)).await
    }

    async fn create_import(
        &self,
        now: Timestamp,
        account: AccountId,
        settings: ImportSettings,
        upload: Box<dyn Upload>,
    ) -> Result<ImportJob, StoreError> {
        let upload = upload.into_any().downcast::<FileUpload>();
        let upload = *upload.expect("an upload comes from the store it goes to");
        self.write(move |shared| {
            // The file first: an import without one cannot be, a file without one goes at the next
            // start.
            let id = shared.contacts.change(|change| Ok(JobId::from_raw(change.new_id(now))))?;
            let file_bytes = shared.import_files.keep(upload, id)?;
            let job = ImportJob {
                id,
                account_id: account,
                settings,
                file_bytes,
                state: JobState::Waiting,
                error: None,
                progress: ImportProgress::default(),
                created_at: now,
                started_at: None,
                ended_at: None,
            };
            shared.contacts.change(|change| insert(&change.tx, &job))?;
            Ok(job)
        })
        .await
    }

    async fn import(&self, account: AccountId, id: JobId) -> Result<Option<ImportJob>, StoreError> {
        self.read(move |shared| {
            let job = shared.contacts.read(|connection| job(connection, id))?;
            Ok(job.filter(|job| job.account_id == account))
        })
        .await
    }

    async fn list_imports(
        &self,
        account: AccountId,
        powerlist: Option<PowerlistId>,
        page: PageRequest,
    ) -> Result<Page<ImportJob>, StoreError> {
        self.read(move |shared| {
            shared.contacts.read(|connection| list(connection, account, powerlist, page))
        })
        .await
    }

    async fn next_import(&self) -> Result<Option<ImportJob>, StoreError> {
        self.read(|shared| shared.contacts.read(next)).await
    }

    async fn read_import(
        &self,
        id: JobId,
        from: u64,
        bytes_max: usize,
    ) -> Result<Bytes, StoreError> {
        self.read(move |shared| {
            if let Some(bytes) = shared.import_files.read(id, from, bytes_max)? {
                return Ok(bytes);
            }
            let job = shared.contacts.read(|connection| job(connection, id))?;
            match job {
                Some(job) if !job.state.is_over() => {
                    Err(Fault::damaged(format!("the file of {id}: it is not there")))
                }
                // Cancelled meanwhile.
                _ => Ok(Bytes::new()),
            }
        })
        .await
    }

    async fn advance_import(
        &self,
        now: Timestamp,
        id: JobId,
        progress: ImportProgress,
        edits: Vec<ContactEdit>,
        skipped: Vec<SkippedRow>,
    ) -> Result<Option<ImportJob>, StoreError> {
        self.write(move |shared| {
            shared.contacts.change(|change| {
                let Some(job) = job(&change.tx, id)?.filter(|job| !job.state.is_over()) else {
                    return Ok(None);
                };
                let brings_rows = !(edits.is_empty() && skipped.is_empty());
                if brings_rows && progress.rows_done <= job.progress.rows_done {
                    return Ok(None);
                }
                advance(change, now, job, progress, edits, &skipped).map(Some)
            })
        })
        .await
    }

    async fn set_import_state(
        &self,
        now: Timestamp,
        id: JobId,
        state: JobState,
        error: Option<String>,
    ) -> Result<bool, StoreError> {
        self.write(move |shared| {
            let is_set = shared
                .contacts
                .change(|change| set_state(&change.tx, now, id, state, error.as_deref()))?;
            if is_set && state.is_over() {
                shared.import_files.delete(id)?;
            }
            Ok(is_set)
        })
        .await
    }

    async fn skipped_rows(&self, id: JobId) -> Result<Vec<SkippedRow>, StoreError> {
        self.read(move |shared| shared.contacts.read(|connection| import_skips::of(connection, id)))
            .await
    }
}

fn advance(
    change: &mut ContactsChange<'_>,
    now: Timestamp,
    mut job: ImportJob,
    progress: ImportProgress,
    edits: Vec<ContactEdit>,
    skipped: &[SkippedRow],
) -> Result<ImportJob, Fault> {
    let origin =
        Origin { source: ContactSource::Import, raise_events: job.settings.raise_events, hops: 0 };
    job.progress = ImportProgress {
        rows: progress.rows,
        bytes_done: progress.bytes_done,
        rows_done: progress.rows_done,
        skipped: progress.skipped,
        ..job.progress
    };
    let mut refused = Vec::new();
    let mut making = Edits::new(change, now, job.account_id, origin);
    for edit in edits {
        let phone_number = phone_number_of(&edit);
        let edited = making.make(edit)?;
        if let Some(reason) = job.progress.count(&edited) {
            refused.push(SkippedRow { line: 0, reason, text: phone_number });
        }
    }
    making.finish()?;
    let skips = skipped.iter().chain(&refused);
    import_skips::keep(&change.tx, job.id, skips)?;
    set_progress(&change.tx, &job)?;
    Ok(job)
}

fn phone_number_of(edit: &ContactEdit) -> String {
    match edit {
        ContactEdit::Upsert { phone_number, .. } => phone_number.to_string(),
        ContactEdit::Change { .. } | ContactEdit::Delete { .. } => String::new(),
    }
}

fn insert(connection: &Connection, job: &ImportJob) -> Result<(), Fault> {
    connection.execute(
        "INSERT INTO imports (id, account_id, powerlist_id, settings, file_bytes, state,
             created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (
            job.id.as_i64(),
            job.account_id.as_i64(),
            job.settings.powerlist_id.as_i64(),
            settings_text(&job.settings),
            job.file_bytes.cast_signed(),
            job.state.as_str(),
            job.created_at.as_millis(),
        ),
    )?;
    Ok(())
}

// By the primary key.
fn job(connection: &Connection, id: JobId) -> Result<Option<ImportJob>, Fault> {
    let sql = format!("SELECT {JOB_COLUMNS} FROM imports WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([id.as_i64()])?;
    rows.next()?.map(read_job).transpose()
}

// Backwards along imports_by_account; an account has few, which list they go to is looked at row
// by row.
fn list(
    connection: &Connection,
    account: AccountId,
    powerlist: Option<PowerlistId>,
    page: PageRequest,
) -> Result<Page<ImportJob>, Fault> {
    let sql = format!(
        "SELECT {JOB_COLUMNS} FROM imports WHERE account_id = ?1 AND id < ?2 ORDER BY id DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((account.as_i64(), before(&page).cast_signed()))?;
    let mut scan = PageScan::new(page.limit);
    while let Some(row) = rows.next()? {
        let of_list: i64 = row.get(2)?;
        let is_wanted = powerlist.is_none_or(|wanted| wanted.as_i64() == of_list);
        let take = || is_wanted.then(|| read_job(row)).transpose();
        if scan.visit(id_of(row.get(0)?), take)?.is_break() {
            break;
        }
    }
    Ok(scan.finish())
}

// All of imports_open: the imports that wait, and no other.
fn next(connection: &Connection) -> Result<Option<ImportJob>, Fault> {
    let sql = format!(
        "SELECT {JOB_COLUMNS} FROM imports INDEXED BY imports_open
         WHERE ended_at IS NULL ORDER BY id LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(())?;
    rows.next()?.map(read_job).transpose()
}

/// The imports that are not over. All of imports_open.
pub fn open(connection: &Connection) -> Result<Vec<JobId>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM imports WHERE ended_at IS NULL")?;
    let ids = statement.query_map((), |row| row.get(0))?;
    let ids = ids.map(|raw| raw.map(|raw| JobId::from_raw(id_of(raw))));
    Ok(ids.collect::<Result<_, _>>()?)
}

// By the primary key.
fn set_progress(connection: &Connection, job: &ImportJob) -> Result<(), Fault> {
    let progress = &job.progress;
    let mut statement = connection.prepare_cached(
        "UPDATE imports SET rows = ?2, bytes_done = ?3, rows_done = ?4, created = ?5,
             updated = ?6, unchanged = ?7, skipped = ?8
         WHERE id = ?1",
    )?;
    statement.execute((
        job.id.as_i64(),
        progress.rows.map(u64::cast_signed),
        progress.bytes_done.cast_signed(),
        progress.rows_done.cast_signed(),
        progress.created.cast_signed(),
        progress.updated.cast_signed(),
        progress.unchanged.cast_signed(),
        progress.skipped.cast_signed(),
    ))?;
    Ok(())
}

/// By the primary key. It starts when it first does anything, and ends when it is over.
fn set_state(
    connection: &Connection,
    now: Timestamp,
    id: JobId,
    state: JobState,
    error: Option<&str>,
) -> Result<bool, Fault> {
    let started_at = (state != JobState::Waiting && !state.is_over()).then_some(now);
    let ended_at = state.is_over().then_some(now);
    let updated = connection.execute(
        "UPDATE imports SET state = ?2, error = ?3, started_at = coalesce(started_at, ?4),
             ended_at = ?5
         WHERE id = ?1 AND ended_at IS NULL",
        (
            id.as_i64(),
            state.as_str(),
            error,
            started_at.map(Timestamp::as_millis),
            ended_at.map(Timestamp::as_millis),
        ),
    )?;
    Ok(updated > 0)
}

/// Ends every import into a list that is deleted, and says which. By imports_open.
///
/// Deleting a list has no time of its own to tell: they end, as far as anybody can see, when they
/// began.
pub fn cancel_of_list(
    connection: &Connection,
    powerlist: PowerlistId,
) -> Result<Vec<JobId>, Fault> {
    let mut statement = connection.prepare_cached(
        "UPDATE imports SET state = ?2, error = 'its powerlist was deleted',
             ended_at = coalesce(started_at, created_at)
         WHERE powerlist_id = ?1 AND ended_at IS NULL
         RETURNING id",
    )?;
    let cancelled = JobState::Cancelled.as_str();
    let ids = statement.query_map((powerlist.as_i64(), cancelled), |row| row.get(0))?;
    let ids = ids.map(|raw| raw.map(|raw| JobId::from_raw(id_of(raw))));
    Ok(ids.collect::<Result<_, _>>()?)
}

fn read_job(row: &Row<'_>) -> Result<ImportJob, Fault> {
    let id = JobId::from_raw(id_of(row.get(0)?));
    let number = |column| row.get(column).map(id_of);
    let time = |column| -> Result<Option<Timestamp>, Fault> {
        Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
    };
    let powerlist_id = PowerlistId::from_raw(number(2)?);
    Ok(ImportJob {
        id,
        account_id: AccountId::from_raw(number(1)?),
        settings: read_settings(id, powerlist_id, text(row, 3)?)?,
        file_bytes: number(4)?,
        state: JobState::parse(text(row, 5)?)
            .ok_or_else(|| Fault::damaged(format!("the state of {id}")))?,
        error: row.get(6)?,
        progress: ImportProgress {
            rows: row.get::<_, Option<i64>>(7)?.map(id_of),
            bytes_done: number(8)?,
            rows_done: number(9)?,
            created: number(10)?,
            updated: number(11)?,
            unchanged: number(12)?,
            skipped: number(13)?,
        },
        created_at: Timestamp::from_millis(row.get(14)?),
        started_at: time(15)?,
        ended_at: time(16)?,
    })
}

/// The settings as they lie in their column; the list has one of its own.
#[derive(Debug, Serialize, Deserialize)]
struct StoredSettings {
    file_name: String,
    columns: Vec<Option<String>>,
    delimiter: u8,
    /// Whether contacts that are there are changed, or left alone.
    updates: bool,
    tags: Vec<String>,
    only_with_consent: bool,
    raise_events: bool,
}

fn settings_text(settings: &ImportSettings) -> String {
    let stored = StoredSettings {
        file_name: settings.file_name.clone(),
        columns: settings.columns.clone(),
        delimiter: settings.delimiter,
        updates: settings.on_existing == OnExisting::Update,
        tags: settings.tags.clone(),
        only_with_consent: settings.only_with_consent,
        raise_events: settings.raise_events,
    };
    serde_json::to_string(&stored).expect("strings and numbers always serialise")
}

fn read_settings(
    id: JobId,
    powerlist_id: PowerlistId,
    text: &str,
) -> Result<ImportSettings, Fault> {
    let stored: StoredSettings = serde_json::from_str(text)
        .map_err(|error| Fault::damaged(format!("the settings of {id}: {error}")))?;
    Ok(ImportSettings {
        powerlist_id,
        file_name: stored.file_name,
        columns: stored.columns,
        delimiter: stored.delimiter,
        on_existing: if stored.updates { OnExisting::Update } else { OnExisting::Skip },
        tags: stored.tags,
        only_with_consent: stored.only_with_consent,
        raise_events: stored.raise_events,
    })
}
