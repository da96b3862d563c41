//! Files of contacts on their way in: looked at before, then taken to disk as they come. What is
//! done with them afterwards is the [import runner](crate::import_runner)'s.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use posthaste_core::audit::AuditAction;
use posthaste_core::contact::{OnExisting, Powerlist, check_tags};
use posthaste_core::contact_columns::RowRules;
use posthaste_core::error::{Complaints, FieldError, Invalid};
use posthaste_core::id::AccountId;
use posthaste_core::import::{ImportJob, ImportSettings};
use posthaste_core::import_file::{Chosen, FileStart, PreviewRow, parse_delimiter};
use posthaste_core::limits::{IMPORT_FILE_BYTES_MAX, IMPORTS_WAITING_MAX, PAGE_LIMIT_MAX};
use posthaste_core::page::PageRequest;
use posthaste_core::phone::PhoneNumber;
use posthaste_core::store::Upload;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::contact_body::FieldsJson;
use super::jobs::JobJson;
use super::powerlists;
use crate::audit::{Changed, Record};
use crate::auth::{Caller, Read, Write};
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Parameters, Segment, announced_bytes, read_away, read_bytes};
use crate::state::AppState;

/// Of the start of a file, by which it is decided how it is read.
const START_BYTES_MAX: usize = 256 * 1024;
/// Of each column, in a preview.
const SAMPLES: usize = 3;
/// For each piece of a file; a whole one may take its time.
const PIECE_TIMEOUT: Duration = Duration::from_secs(60);
const FILE_NAME_CHARS_MAX: usize = 200;
const MEDIA_TYPES: [&str; 4] =
    ["text/csv", "application/csv", "text/tab-separated-values", "text/plain"];

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreviewQuery {
    /// What each column holds: a JSON array with the name of a contact's field,
    /// `custom_fields.` and a name, or null for a column that is left out. Suggested from the
    /// heading, if left out.
    #[param(example = json!("[\"phone_number\", \"custom_fields.budget\", null]"))]
    columns: Option<String>,
    /// `,`, `;`, `|` or `tab`; found out, if left out.
    delimiter: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// What the file is called; only shown.
    #[param(max_length = 200)]
    file_name: Option<String>,
    /// As for a preview.
    columns: Option<String>,
    /// `,`, `;`, `|` or `tab`; found out, if left out.
    delimiter: Option<String>,
    /// What is done with a contact that is there: `update` (if left out) or `skip`.
    on_existing: Option<String>,
    /// Put on every contact of the file, with commas between them.
    tags: Option<String>,
    /// Skip whoever did not agree to be called; `false`, if left out.
    only_with_consent: Option<bool>,
    /// Whether each change raises a `contact` event; `false`, if left out.
    raise_events: Option<bool>,
}

/// What a file looks like before it is imported.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportPreview {
    #[schema(example = ",")]
    delimiter: String,
    columns: Vec<PreviewColumn>,
    /// The first 20.
    rows: Vec<PreviewRowJson>,
    /// Why it cannot be imported like this.
    errors: Vec<PreviewError>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewColumn {
    /// As the heading has it.
    name: String,
    /// A field of a contact, `custom_fields.` and a name, or null: left out.
    #[schema(required)]
    field: Option<String>,
    samples: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewRow)]
pub struct PreviewRowJson {
    /// In the file, the heading being 1.
    line: u64,
    values: Vec<String>,
    /// The contact it would become; null if it is skipped.
    #[schema(required)]
    contact: Option<FieldsJson>,
    /// Why it is skipped.
    #[schema(required)]
    reason: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewError {
    pointer: String,
    message: String,
}

impl From<FileStart> for ImportPreview {
    fn from(start: FileStart) -> ImportPreview {
        let mut fields = start.columns.names().into_iter();
        let samples = |column: usize| {
            let cells = start.rows.iter().filter_map(|row| row.cells.get(column));
            cells.filter(|cell| !cell.trim().is_empty()).take(SAMPLES).cloned().collect()
        };
        let column = |(column, name): (usize, &String)| PreviewColumn {
            name: name.clone(),
            field: fields.next().flatten(),
            samples: samples(column),
        };
        let error = |FieldError { pointer, message }| PreviewError { pointer, message };
        ImportPreview {
            delimiter: char::from(start.delimiter).to_string(),
            columns: start.heading.iter().enumerate().map(column).collect(),
            rows: start.rows.into_iter().map(PreviewRowJson::from).collect(),
            errors: start.errors.into_iter().map(error).collect(),
        }
    }
}

impl From<PreviewRow> for PreviewRowJson {
    fn from(row: PreviewRow) -> PreviewRowJson {
        let fields = row.read.map_err(|skipped| skipped.reason).and_then(|(number, patch)| {
            patch.create(number).map_err(|invalid| invalid.to_string())
        });
        let (contact, reason) = match fields {
            Ok(fields) => (Some(fields.into()), None),
            Err(reason) => (None, Some(reason)),
        };
        PreviewRowJson { line: row.line, values: row.cells, contact, reason }
    }
}

fn parse_chosen(columns: Option<&str>, delimiter: Option<&str>, wrong: &mut Complaints) -> Chosen {
    let columns = columns.map(|text| {
        serde_json::from_str(text)
            .map_err(|_| Invalid::at("", "must be a JSON array of texts and nulls"))
    });
    let columns = wrong.check("/columns", columns.transpose()).flatten();
    let delimiter = wrong.check("/delimiter", delimiter.map(parse_delimiter).transpose());
    Chosen { delimiter: delimiter.flatten(), columns }
}

/// What of an import is known before its file.
struct Wish {
    chosen: Chosen,
    settings: ImportSettings,
}

impl ImportQuery {
    fn parse(self, list: &Powerlist) -> Result<Wish, Invalid> {
        let mut wrong = Complaints::default();
        let chosen = parse_chosen(self.columns.as_deref(), self.delimiter.as_deref(), &mut wrong);
        let on_existing = parse_on_existing(self.on_existing.as_deref());
        let on_existing = wrong.check("/on_existing", on_existing);
        let tags = check_tags(self.tags.as_deref().unwrap_or_default().split(','));
        let tags = wrong.check("/tags", tags);
        let file_name = self.file_name.unwrap_or_default();
        let printable = file_name.chars().filter(|char| !char.is_control());
        let file_name = printable.take(FILE_NAME_CHARS_MAX).collect();
        wrong.finish()?;
        let checked = "complaints would have been returned";
        let settings = ImportSettings {
            powerlist_id: list.id,
            file_name,
            columns: Vec::new(),
            delimiter: 0,
            on_existing: on_existing.expect(checked),
            tags: tags.expect(checked),
            only_with_consent: self.only_with_consent.unwrap_or_default(),
            raise_events: self.raise_events.unwrap_or_default(),
        };
        Ok(Wish { chosen, settings })
    }
}

impl Wish {
    /// Decides how the file is read, from its start.
    fn look(&mut self, start: &[u8], is_whole: bool) -> Result<(), Invalid> {
        // What becomes of the rows is not asked here.
        let number = |_: &str| Err(Invalid::at("", ""));
        let rules = RowRules { tags: &[], only_with_consent: false, number: &number };
        let found = FileStart::look(start, is_whole, &self.chosen, &rules);
        if !found.errors.is_empty() {
            return Err(Invalid { errors: found.errors });
        }
        self.settings.delimiter = found.delimiter;
        self.settings.columns = found.columns.names();
        Ok(())
    }
}

fn parse_on_existing(text: Option<&str>) -> Result<OnExisting, Invalid> {
    match text {
        None => Ok(OnExisting::Update),
        Some(text) => [OnExisting::Update, OnExisting::Skip]
            .into_iter()
            .find(|on_existing| on_existing_word(*on_existing) == text)
            .ok_or_else(|| Invalid::at("", "must be update or skip")),
    }
}

pub fn on_existing_word(on_existing: OnExisting) -> &'static str {
    match on_existing {
        OnExisting::Update => "update",
        OnExisting::Skip => "skip",
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let refused = |detail: String| Err(ApiError::new(Code::UnsupportedMediaType, detail));
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return refused("a compressed file is not taken: leave content-encoding away".to_owned());
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return refused("content-type is missing, send text/csv".to_owned());
    };
    let media_type = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    if MEDIA_TYPES.contains(&media_type.as_str()) {
        return Ok(());
    }
    refused(format!("{media_type:?} is not text/csv"))
}

/// Look at a file before it is imported
///
/// Nothing is changed. Send the first 256 KiB of it, or all of it if it is smaller.
#[utoipa::path(post, path = "/v1/powerlists/{id}/imports/preview", operation_id = "previewImport",
    tag = "Contacts", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "`pl_…`"), PreviewQuery),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = ImportPreview)))]
pub async fn preview(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
    Parameters(query): Parameters<PreviewQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ImportPreview>, ApiError> {
    let list = powerlists::find(&state, caller.account, &id).await?;
    let mut wrong = Complaints::default();
    let chosen = parse_chosen(query.columns.as_deref(), query.delimiter.as_deref(), &mut wrong);
    wrong.finish()?;
    check_media_type(&headers)?;
    let start = read_bytes(&headers, body, START_BYTES_MAX).await?;
    let number = |text: &str| PhoneNumber::parse(text, list.default_country);
    let rules = RowRules { tags: &[], only_with_consent: false, number: &number };
    let is_whole = start.len() < START_BYTES_MAX;
    Ok(Json(FileStart::look(&start, is_whole, &chosen, &rules).into()))
}

/// Import a file of contacts
///
/// Answers when the file is on disk. It is read through before anything is changed, and then
/// imported row by row; what cannot be is skipped, with its reason. Two rows with one phone number
/// are one contact.
#[utoipa::path(post, path = "/v1/powerlists/{id}/imports", operation_id = "createImport",
    tag = "Contacts", security(("api_key" = ["write"])),
    params(("id" = String, Path, description = "`pl_…`"), ImportQuery),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 202, body = JobJson), (status = 409, description = "too_many_imports",
            body = Problem, content_type = "application/problem+json")))]
pub async fn create(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
    Parameters(query): Parameters<ImportQuery>,
    headers: HeaderMap,
    mut body: Body,
) -> Result<impl IntoResponse, ApiError> {
    let taken = take(&state, caller.account, &id, query, &headers, &mut body).await;
    let (settings, upload) = match taken {
        Ok(taken) => taken,
        Err(error) => {
            if !headers.contains_key(header::EXPECT) {
                read_away(&mut body).await;
            }
            return Err(error);
        }
    };
    let shared = state.clone();
    let job = state
        .change(caller.by, async move {
            // Again, and now one at a time.
            check_waiting(&shared, caller.account).await?;
            let list = shared.store.powerlist(caller.account, settings.powerlist_id).await?;
            list.ok_or_else(powerlists::not_found)?;
            let made = shared.store.create_import(shared.now(), caller.account, settings, upload);
            let job = made.await?;
            shared.imports.wake();
            let record = Record::made(AuditAction::ImportStarted, &job);
            Ok(Changed::and(job, record))
        })
        .await?;
    let location = [(header::LOCATION, format!("/v1/jobs/{}", job.id))];
    Ok((StatusCode::ACCEPTED, location, Json(JobJson::of(&job, None))))
}

/// What is to be imported and how. Whatever can be said against it before the file is there is said
/// then.
async fn take(
    state: &AppState,
    account: AccountId,
    powerlist: &Segment,
    query: ImportQuery,
    headers: &HeaderMap,
    body: &mut Body,
) -> Result<(ImportSettings, Box<dyn Upload>), ApiError> {
    let list = powerlists::find(state, account, powerlist).await?;
    let mut wish = query.parse(&list)?;
    check_media_type(headers)?;
    if announced_bytes(headers).is_some_and(|bytes| bytes > IMPORT_FILE_BYTES_MAX) {
        return Err(too_large());
    }
    let waiting = check_waiting(state, account).await?;
    let place = state.imports.begin_upload(account, waiting);
    let _place = place.ok_or_else(|| too_many(IMPORTS_WAITING_MAX))?;
    let upload = take_file(state, body, &mut wish).await?;
    Ok((wish.settings, upload))
}

/// Takes the file to disk as it comes: no faster than the disk takes it, and with one piece of it in
/// memory beside its start.
async fn take_file(
    state: &AppState,
    body: &mut Body,
    wish: &mut Wish,
) -> Result<Box<dyn Upload>, ApiError> {
    let mut upload = state.store.begin_upload().await?;
    let mut start: Vec<u8> = Vec::new();
    while let Some(piece) = next_piece(body).await? {
        if upload.bytes() + piece.len() as u64 > IMPORT_FILE_BYTES_MAX {
            return Err(too_large());
        }
        if start.len() < START_BYTES_MAX {
            let missing = START_BYTES_MAX - start.len();
            start.extend_from_slice(&piece[..piece.len().min(missing)]);
            if start.len() == START_BYTES_MAX {
                // Whoever sent the wrong file hears of it now, not after the last of a million rows.
                wish.look(&start, false)?;
            }
        }
        upload.write(piece).await?;
    }
    if start.len() < START_BYTES_MAX {
        wish.look(&start, true)?;
    }
    Ok(upload)
}

async fn next_piece(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    loop {
        let Ok(frame) = tokio::time::timeout(PIECE_TIMEOUT, body.frame()).await else {
            let seconds = PIECE_TIMEOUT.as_secs();
            let detail = format!("nothing of the file came for {seconds} s");
            return Err(ApiError::new(Code::BodyTooSlow, detail));
        };
        let Some(frame) = frame else { return Ok(None) };
        let broken = |_| ApiError::invalid("", "the file ended before it was complete");
        if let Ok(piece) = frame.map_err(broken)?.into_data() {
            return Ok(Some(piece));
        }
    }
}

fn too_large() -> ApiError {
    let detail = format!("a file has at most {IMPORT_FILE_BYTES_MAX} bytes: part it");
    ApiError::new(Code::BodyTooLarge, detail)
}

/// How many wait.
async fn check_waiting(state: &AppState, account: AccountId) -> Result<usize, ApiError> {
    // The newest are enough: those that wait are among them, as older ones go first.
    let page = PageRequest { limit: PAGE_LIMIT_MAX, cursor: None };
    let newest = state.store.list_imports(account, None, page).await?.items;
    let waiting = newest.iter().filter(|job: &&ImportJob| !job.state.is_over()).count();
    if waiting >= IMPORTS_WAITING_MAX {
        return Err(too_many(waiting));
    }
    Ok(waiting)
}

fn too_many(waiting: usize) -> ApiError {
    let detail = format!("{waiting} imports come in, wait or run: let one end, or cancel it");
    ApiError::new(Code::TooManyImports, detail)
}
