//! The catalogue: built-in event types, and those that accounts add.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use posthaste_core::audit::AuditAction;
use posthaste_core::canonical::canonicalise_object;
use posthaste_core::catalogue::{self, BuiltinEventType};
use posthaste_core::error::{Complaints, Invalid};
use posthaste_core::event_type::{CustomEventType, EventType};
use posthaste_core::id::AccountId;
use posthaste_core::limits::DESCRIPTION_CHARS_MAX;
use posthaste_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::List;
use crate::audit::{Changed, OwnEventType, Record};
use crate::auth::{Caller, Read, Write};
use crate::checks::{Fault, Findings};
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Json as JsonBody, Segment, given};
use crate::schema::Schema;
use crate::state::AppState;

const GROUP_CHARS_MAX: usize = 50;
const USE_CASES_MAX: usize = 20;
const USE_CASE_CHARS_MAX: usize = 200;
/// Of one account: the list of them is one answer.
const CUSTOM_EVENT_TYPES_MAX: usize = 1_000;

/// An event type.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventType)]
pub struct EventTypeJson {
    #[schema(example = "call.ended")]
    name: String,
    /// As people read it.
    title: String,
    #[schema(example = "Call")]
    group: String,
    description: String,
    /// When it occurs; null for one that an account added.
    #[schema(required)]
    triggered: Option<&'static str>,
    use_cases: Vec<String>,
    /// A JSON Schema of `data`, if there is one.
    #[schema(required, value_type = Option<Object>)]
    schema: Option<Box<RawValue>>,
    /// An example of `data`.
    #[schema(required, value_type = Option<Object>)]
    sample: Option<Box<RawValue>>,
    deprecated: bool,
    /// Built-in ones cannot be changed.
    built_in: bool,
    #[serde(flatten)]
    checks: ChecksJson,
    /// null for a built-in one.
    #[schema(required, format = DateTime)]
    created_at: Option<String>,
    /// null for a built-in one.
    #[schema(required, format = DateTime)]
    updated_at: Option<String>,
}

/// What became of comparing published data with the schema.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DataChecks)]
struct ChecksJson {
    /// How many events' data was compared with the schema since `counted_since`; when very many
    /// come, not all of them are.
    checked_events: u64,
    /// How many of these did not match it.
    invalid_events: u64,
    /// The last one that did not match; null if none.
    #[schema(required)]
    last_invalid: Option<LastInvalid>,
    /// When the server started.
    #[schema(format = DateTime)]
    counted_since: String,
}

/// Data that did not match its schema.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastInvalid {
    /// What was wrong; nothing of the data itself.
    #[schema(example = "/call_duration must be a number")]
    error: String,
    #[schema(format = DateTime)]
    at: String,
}

/// The account's counts, for the event types that are shown to it.
struct Shown<'s> {
    state: &'s AppState,
    account: AccountId,
}

impl Shown<'_> {
    /// After everything that was published before is counted.
    async fn to(state: &AppState, account: AccountId) -> Shown<'_> {
        state.check_waiting().await;
        Shown { state, account }
    }

    fn builtin(&self, builtin: &BuiltinEventType) -> EventTypeJson {
        EventTypeJson {
            name: builtin.name.to_owned(),
            title: builtin.title.to_owned(),
            group: builtin.group.to_string(),
            description: builtin.description.to_owned(),
            triggered: Some(builtin.triggered),
            use_cases: builtin.use_cases.iter().map(|text| (*text).to_owned()).collect(),
            schema: Some(compact(builtin.schema)),
            sample: raw(builtin.sample.trim()),
            deprecated: false,
            built_in: true,
            checks: self.checks_of(builtin.name),
            created_at: None,
            updated_at: None,
        }
    }

    fn custom(&self, custom: &CustomEventType) -> EventTypeJson {
        EventTypeJson {
            name: custom.name.to_string(),
            title: custom.name.to_string(),
            group: custom.group.clone(),
            description: custom.description.clone(),
            triggered: None,
            use_cases: custom.use_cases.clone(),
            schema: custom.schema.as_deref().and_then(raw),
            sample: custom.sample.as_deref().and_then(raw),
            deprecated: custom.deprecated,
            built_in: false,
            checks: self.checks_of(custom.name.as_str()),
            created_at: Some(custom.created_at.to_string()),
            updated_at: Some(custom.updated_at.to_string()),
        }
    }

    fn checks_of(&self, name: &str) -> ChecksJson {
        let Findings { checked, invalid, last } = self.state.checks.of(self.account, name);
        ChecksJson {
            checked_events: checked,
            invalid_events: invalid,
            last_invalid: last.map(|Fault { error, at }| LastInvalid { error, at: at.to_string() }),
            counted_since: self.state.started_at.to_string(),
        }
    }
}

/// Without the white space that is for whoever reads the source.
fn compact(json: &str) -> Box<RawValue> {
    let members: Map<String, Value> = serde_json::from_str(json).expect("schemas are JSON");
    to_raw_value(&members).expect("a value can be written")
}

fn raw(json: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(json.to_owned()).ok()
}

/// An event type to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with an event type")]
#[schema(as = NewEventType)]
pub struct NewEventTypeBody {
    #[schema(example = "deal.won")]
    name: String,
    /// The heading it stands under; `Custom`, if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, min_length = 1, max_length = 50)]
    group: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2000)]
    description: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_items = 20)]
    use_cases: Option<Vec<String>>,
    /// A JSON Schema of `data`, or null.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    schema: Option<Box<RawValue>>,
    /// An example of `data`, or null.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    sample: Option<Box<RawValue>>,
    #[serde(default)]
    deprecated: bool,
}

/// What an event type is to become; the name stands in the address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with an event type")]
#[schema(as = EventTypeSettings)]
pub struct EventTypeBody {
    /// The heading it stands under; `Custom`, if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, min_length = 1, max_length = 50)]
    group: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2000)]
    description: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_items = 20)]
    use_cases: Option<Vec<String>>,
    /// A JSON Schema of `data`, or null.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    schema: Option<Box<RawValue>>,
    /// An example of `data`, or null.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    sample: Option<Box<RawValue>>,
    #[serde(default)]
    deprecated: bool,
}

impl EventTypeBody {
    fn parse(
        self,
        now: Timestamp,
        name: Result<EventType, Invalid>,
    ) -> Result<CustomEventType, Invalid> {
        let mut wrong = Complaints::default();
        let name = wrong.check("/name", name);
        let group = self.group.unwrap_or_else(|| "Custom".to_owned());
        let group = wrong.check("/group", line(&group, GROUP_CHARS_MAX));
        let description = self.description.unwrap_or_default();
        if description.chars().count() > DESCRIPTION_CHARS_MAX {
            wrong.add("/description", format!("has more than {DESCRIPTION_CHARS_MAX} characters"));
        }
        let use_cases = self.use_cases.unwrap_or_default();
        if use_cases.len() > USE_CASES_MAX {
            wrong.add("/use_cases", format!("has more than {USE_CASES_MAX} entries"));
        }
        for (position, text) in use_cases.iter().enumerate().take(USE_CASES_MAX) {
            wrong.check(&format!("/use_cases/{position}"), line(text, USE_CASE_CHARS_MAX));
        }
        let schema = self.schema.as_deref().map(usable_schema).transpose();
        let schema = wrong.check("/schema", schema);
        let sample = self.sample.as_deref().map(object).transpose();
        let sample = wrong.check("/sample", sample);
        wrong.finish()?;
        let checked = "complaints would have been returned";
        Ok(CustomEventType {
            name: name.expect(checked),
            group: group.expect(checked),
            description,
            use_cases,
            schema: schema.expect(checked),
            sample: sample.expect(checked),
            deprecated: self.deprecated,
            created_at: now,
            updated_at: now,
        })
    }
}

/// In canonical form; one that data cannot be checked with is refused when it is written, not when
/// the first event comes.
fn usable_schema(raw: &RawValue) -> Result<String, Invalid> {
    let text = object(raw)?;
    Schema::compile(&text)?;
    Ok(text)
}

fn object(raw: &RawValue) -> Result<String, Invalid> {
    canonicalise_object(raw.get().as_bytes()).map(std::borrow::Cow::into_owned).map_err(
        |mut invalid| {
            for error in &mut invalid.errors {
                error.message = error.message.replace("data must be", "must be");
            }
            invalid
        },
    )
}

fn line(text: &str, chars_max: usize) -> Result<String, Invalid> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > chars_max || text.chars().any(char::is_control) {
        let message = format!("must have 1 to {chars_max} characters, none of them control ones");
        return Err(Invalid::at("", message));
    }
    Ok(text.to_owned())
}

fn refuse_built_in(name: &EventType) -> Result<(), ApiError> {
    match catalogue::builtin(name.as_str()) {
        None => Ok(()),
        Some(_) => Err(ApiError::new(Code::BuiltIn, format!("{name} is built in"))),
    }
}

fn no_such_type() -> ApiError {
    ApiError::new(Code::NotFound, "there is no event type with this name")
}

/// List event types
///
/// The whole catalogue in one answer: built-in ones group by group, those that only the platform
/// raises, and the account's own by name.
#[utoipa::path(get, path = "/v1/event-types", operation_id = "listEventTypes", tag = "Event types",
    security(("api_key" = ["read"])), responses((status = 200, body = List<EventTypeJson>)))]
pub async fn list(
    caller: Caller<Read>,
    State(state): State<AppState>,
) -> Result<Json<List<EventTypeJson>>, ApiError> {
    let custom = state.store.custom_event_types(caller.account).await?;
    let shown = Shown::to(&state, caller.account).await;
    let builtins = catalogue::builtins().iter().chain(catalogue::operational());
    let mut data: Vec<EventTypeJson> = builtins.map(|builtin| shown.builtin(builtin)).collect();
    data.extend(custom.iter().map(|custom| shown.custom(custom)));
    Ok(Json(List { data, next_cursor: None }))
}

/// Show an event type
#[utoipa::path(get, path = "/v1/event-types/{name}", operation_id = "showEventType", tag = "Event types",
    security(("api_key" = ["read"])), params(("name" = String, Path)),
    responses((status = 200, body = EventTypeJson)))]
pub async fn show(
    caller: Caller<Read>,
    State(state): State<AppState>,
    Segment(name): Segment,
) -> Result<Json<EventTypeJson>, ApiError> {
    let shown = Shown::to(&state, caller.account).await;
    if let Some(builtin) = catalogue::builtin(&name) {
        return Ok(Json(shown.builtin(builtin)));
    }
    let custom = state.store.custom_event_types(caller.account).await?;
    let found = custom.iter().find(|custom| custom.name.as_str() == name);
    Ok(Json(shown.custom(found.ok_or_else(no_such_type)?)))
}

/// Add an event type
#[utoipa::path(post, path = "/v1/event-types", operation_id = "createEventType", tag = "Event types",
    security(("api_key" = ["write"])), request_body = NewEventTypeBody,
    responses((status = 201, body = EventTypeJson), (status = 409, description = "taken or built_in", body = Problem,
            content_type = "application/problem+json")))]
pub async fn create(
    caller: Caller<Write>,
    State(state): State<AppState>,
    JsonBody(body): JsonBody<NewEventTypeBody>,
) -> Result<impl IntoResponse, ApiError> {
    let name = EventType::parse(&body.name);
    let settings = EventTypeBody {
        group: body.group,
        description: body.description,
        use_cases: body.use_cases,
        schema: body.schema,
        sample: body.sample,
        deprecated: body.deprecated,
    };
    let custom = settings.parse(state.now(), name)?;
    refuse_built_in(&custom.name)?;
    let (stored, _) = store(&state, caller, custom, Existing::Refuse).await?;
    let location = format!("/v1/event-types/{}", stored.name);
    let answer = Shown::to(&state, caller.account).await.custom(&stored);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(answer)))
}

/// Add an event type, or replace it
#[utoipa::path(put, path = "/v1/event-types/{name}", operation_id = "putEventType", tag = "Event types",
    security(("api_key" = ["write"])), params(("name" = String, Path)),
    request_body = EventTypeBody,
    responses((status = 200, body = EventTypeJson, description = "Replaced"),
        (status = 201, body = EventTypeJson, description = "Added"), (status = 409, description = "built_in", body = Problem,
            content_type = "application/problem+json")))]
pub async fn put(
    caller: Caller<Write>,
    State(state): State<AppState>,
    Segment(name): Segment,
    JsonBody(body): JsonBody<EventTypeBody>,
) -> Result<(StatusCode, Json<EventTypeJson>), ApiError> {
    let custom = body.parse(state.now(), EventType::parse(&name))?;
    refuse_built_in(&custom.name)?;
    let (stored, replaced) = store(&state, caller, custom, Existing::Replace).await?;
    let status = if replaced { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(Shown::to(&state, caller.account).await.custom(&stored))))
}

/// What to do with an event type that has the name already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Refuse,
    Replace,
}

/// Answers what is stored now, and whether it replaced something.
async fn store(
    state: &AppState,
    caller: Caller<Write>,
    mut custom: CustomEventType,
    existing: Existing,
) -> Result<(CustomEventType, bool), ApiError> {
    let shared = state.clone();
    state
        .change(caller.by, async move {
            let known = shared.store.custom_event_types(caller.account).await?;
            let before = known.iter().find(|known| known.name == custom.name);
            match before {
                Some(_) if existing == Existing::Refuse => {
                    let detail = format!("there is an event type {} already", custom.name);
                    return Err(ApiError::new(Code::Taken, detail));
                }
                Some(before) => custom.created_at = before.created_at,
                None if known.len() >= CUSTOM_EVENT_TYPES_MAX => {
                    let message =
                        format!("an account has at most {CUSTOM_EVENT_TYPES_MAX} of its own");
                    return Err(ApiError::invalid("", message));
                }
                None => {}
            }
            shared.store.put_event_type(caller.account, custom.clone()).await?;
            shared.event_types.add(caller.account, custom.name.clone());
            shared.checks.forget_schema(caller.account, &custom.name);
            let after = OwnEventType(caller.account, &custom);
            let record = match before {
                None => Record::made(AuditAction::EventTypeCreated, &after),
                Some(before) => {
                    let before = OwnEventType(caller.account, before);
                    Record::changed(AuditAction::EventTypeUpdated, &before, &after)
                }
            };
            let replaced = before.is_some();
            Ok(Changed::and((custom, replaced), record))
        })
        .await
}

/// Delete an event type
///
/// Events of it that were published stay as they are.
#[utoipa::path(delete, path = "/v1/event-types/{name}", operation_id = "deleteEventType", tag = "Event types",
    security(("api_key" = ["write"])), params(("name" = String, Path)),
    responses((status = 204, description = "Deleted"), (status = 409, description = "built_in", body = Problem,
            content_type = "application/problem+json")))]
pub async fn delete(
    caller: Caller<Write>,
    State(state): State<AppState>,
    Segment(name): Segment,
) -> Result<StatusCode, ApiError> {
    let name = EventType::parse(&name).map_err(|_| no_such_type())?;
    refuse_built_in(&name)?;
    let shared = state.clone();
    state
        .change(caller.by, async move {
            let known = shared.store.custom_event_types(caller.account).await?;
            let custom = known.iter().find(|known| known.name == name).ok_or_else(no_such_type)?;
            if !shared.store.delete_event_type(caller.account, &name).await? {
                return Err(no_such_type());
            }
            shared.event_types.remove(caller.account, &name);
            shared.checks.forget(caller.account, &name);
            let custom = OwnEventType(caller.account, custom);
            let record = Record::deleted(AuditAction::EventTypeDeleted, &custom);
            Ok(Changed::and(StatusCode::NO_CONTENT, record))
        })
        .await
}
