//! Jobs: what takes longer than a request, such as an import. Watched, cancelled, and asked what was
//! left out.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use posthaste_core::audit::AuditAction;
use posthaste_core::contact_sheet::guarded;
use posthaste_core::csv::write_row;
use posthaste_core::error::Complaints;
use posthaste_core::id::{AccountId, JobId, PowerlistId};
use posthaste_core::import::{ImportJob, ImportProgress, JobState, SkippedRow};
use posthaste_core::page::PageRequest;
use posthaste_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::names::JobStateName;
use super::{List, text_of};
use crate::audit::{Changed, Record};
use crate::auth::{Caller, Read, Write};
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Parameters, Segment};
use crate::state::AppState;

/// An import.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobJson {
    #[schema(example = "job_06a2b3c4d5e6f")]
    id: String,
    /// Always `import`.
    r#type: &'static str,
    #[schema(value_type = JobStateName)]
    state: &'static str,
    powerlist_id: String,
    file_name: String,
    file_bytes: u64,
    /// Why it failed, or was cancelled by something else than a call.
    #[schema(required)]
    error: Option<String>,
    progress: Progress,
    /// While it runs: lately. When it is over: in all.
    #[schema(required)]
    rows_per_s: Option<f64>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    started_at: Option<String>,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
}

/// How far it is. The heading does not count.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobProgress)]
pub struct Progress {
    /// null until the file has been read through.
    #[schema(required)]
    rows: Option<u64>,
    rows_done: u64,
    bytes_done: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    skipped: u64,
}

impl JobJson {
    /// `rows_per_s`: of one that runs, if it is known.
    pub fn of(job: &ImportJob, rows_per_s: Option<f64>) -> JobJson {
        JobJson {
            id: job.id.to_string(),
            r#type: "import",
            state: job.state.as_str(),
            powerlist_id: job.settings.powerlist_id.to_string(),
            file_name: job.settings.file_name.clone(),
            file_bytes: job.file_bytes,
            error: job.error.clone(),
            progress: (&job.progress).into(),
            rows_per_s: match (job.started_at, job.ended_at) {
                (Some(started), Some(ended)) => rate(job.progress.rows_done, started, ended),
                _ => rows_per_s,
            },
            created_at: job.created_at.to_string(),
            started_at: text_of(job.started_at),
            ended_at: text_of(job.ended_at),
        }
    }

    fn now(state: &AppState, job: &ImportJob) -> JobJson {
        let rows_per_s = match job.state {
            JobState::Running => state.imports.rows_per_s(state.now(), job),
            _ => None,
        };
        JobJson::of(job, rows_per_s)
    }
}

impl From<&ImportProgress> for Progress {
    fn from(progress: &ImportProgress) -> Progress {
        Progress {
            rows: progress.rows,
            rows_done: progress.rows_done,
            bytes_done: progress.bytes_done,
            created: progress.created,
            updated: progress.updated,
            unchanged: progress.unchanged,
            skipped: progress.skipped,
        }
    }
}

/// Rounded, because nobody wants to know more. `None` before any time has passed.
pub fn rate(rows: u64, from: Timestamp, to: Timestamp) -> Option<f64> {
    let millis = to.as_millis() - from.as_millis();
    (rows > 0 && millis > 0).then(|| (rows as f64 * 1_000.0 / millis as f64).round())
}

/// Rows that were not imported.
#[derive(Debug, Serialize, ToSchema)]
pub struct SkippedRows {
    /// In the order of the file; of very many only the first 10,000.
    data: Vec<SkippedRowJson>,
    /// All there are.
    total: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SkippedRow)]
pub struct SkippedRowJson {
    /// In the file, the heading being 1; 0 where it is not known.
    line: u64,
    reason: String,
    /// What the row says where it cannot be taken.
    text: String,
}

impl From<SkippedRow> for SkippedRowJson {
    fn from(row: SkippedRow) -> SkippedRowJson {
        SkippedRowJson { line: row.line, reason: row.reason, text: row.text }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct JobsQuery {
    /// Imports into this list.
    #[param(pattern = "^pl_[0-9a-z]{13}$")]
    powerlist_id: Option<String>,
    /// 1 to 200; 50 if left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

async fn find(state: &AppState, account: AccountId, id: &Segment) -> Result<ImportJob, ApiError> {
    let id: JobId = id.id("job")?;
    let job = state.store.import(account, id).await?;
    job.ok_or_else(|| ApiError::not_found("job"))
}

/// List jobs
#[utoipa::path(get, path = "/v1/jobs", operation_id = "listJobs", tag = "Contacts",
    security(("api_key" = ["read"])), params(JobsQuery),
    responses((status = 200, body = List<JobJson>)))]
pub async fn list(
    caller: Caller<Read>,
    State(state): State<AppState>,
    Parameters(query): Parameters<JobsQuery>,
) -> Result<Json<List<JobJson>>, ApiError> {
    let mut wrong = Complaints::default();
    let list = query.powerlist_id.as_deref().map(PowerlistId::parse).transpose();
    let list = wrong.check("/powerlist_id", list).flatten();
    let page = PageRequest::parse(query.limit.as_deref(), query.cursor.as_deref());
    let page = wrong.check("", page);
    wrong.finish()?;
    let page = page.expect("complaints would have been returned");
    let found = state.store.list_imports(caller.account, list, page).await?;
    Ok(Json(found.map(|job| JobJson::now(&state, &job)).into()))
}

/// Show a job
#[utoipa::path(get, path = "/v1/jobs/{id}", operation_id = "showJob", tag = "Contacts",
    security(("api_key" = ["read"])), params(("id" = String, Path, description = "`job_…`")),
    responses((status = 200, body = JobJson)))]
pub async fn show(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<JobJson>, ApiError> {
    Ok(Json(JobJson::now(&state, &find(&state, caller.account, &id).await?)))
}

/// Cancel a job
///
/// What was imported until then stays.
#[utoipa::path(post, path = "/v1/jobs/{id}/cancel", operation_id = "cancelJob", tag = "Contacts",
    security(("api_key" = ["write"])), params(("id" = String, Path, description = "`job_…`")),
    responses((status = 200, body = JobJson), (status = 409, description = "already_ended",
            body = Problem, content_type = "application/problem+json")))]
pub async fn cancel(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<JobJson>, ApiError> {
    let shared = state.clone();
    let job = state
        .change(caller.by, async move {
            let job = find(&shared, caller.account, &id).await?;
            let cancelled = JobState::Cancelled;
            let set = shared.store.set_import_state(shared.now(), job.id, cancelled, None).await?;
            let job = find(&shared, caller.account, &id).await?;
            if !set {
                let detail = format!("the job is {}", job.state.as_str());
                return Err(ApiError::new(Code::AlreadyEnded, detail));
            }
            let record = Record::about(AuditAction::ImportCancelled, &job);
            Ok(Changed::and(job, record))
        })
        .await?;
    Ok(Json(JobJson::of(&job, None)))
}

/// List the rows that a job skipped
#[utoipa::path(get, path = "/v1/jobs/{id}/skipped", operation_id = "listSkippedRows",
    tag = "Contacts", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "`job_…`")),
    responses((status = 200, body = SkippedRows)))]
pub async fn skipped(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<SkippedRows>, ApiError> {
    let job = find(&state, caller.account, &id).await?;
    let rows = state.store.skipped_rows(job.id).await?;
    let data = rows.into_iter().map(SkippedRowJson::from).collect();
    Ok(Json(SkippedRows { data, total: job.progress.skipped }))
}

/// Get the rows that a job skipped as a file
#[utoipa::path(get, path = "/v1/jobs/{id}/skipped.csv", operation_id = "exportSkippedRows",
    tag = "Contacts", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "`job_…`")),
    responses((status = 200, body = String, content_type = "text/csv")))]
pub async fn skipped_csv(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<impl IntoResponse, ApiError> {
    let job = find(&state, caller.account, &id).await?;
    let mut file = String::new();
    write_row(&mut file, ["line", "reason", "text"]);
    for row in state.store.skipped_rows(job.id).await? {
        write_row(&mut file, [row.line.to_string(), guarded(&row.reason), guarded(&row.text)]);
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"skipped-{}.csv\"", job.id)),
    ];
    Ok((headers, file))
}
