//! Events: publishing them, one or many at a time, and looking them up.

use std::fmt::Display;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{self, HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use posthaste_core::account::Validate;
use posthaste_core::attempt::Trigger;
use posthaste_core::error::{Complaints, Invalid};
use posthaste_core::event::{Event, EventReceipt, Idempotency, NewEvent};
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, EventId};
use posthaste_core::limits::{BATCH_EVENTS_MAX, FAN_OUT_MAX, IDEMPOTENCY_KEY_BYTES_MAX};
use posthaste_core::page::PageRequest;
use posthaste_core::store::{Accept, Accepted, EventFilter, StoreError};
use posthaste_core::time::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::List;
use super::event_body::{EventBody, ParsedEvent, Refusal, WrittenEvent};
use super::event_text;
use super::names::TriggerName;
use crate::auth::{Caller, Publish, Read};
use crate::checks::Selection;
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Parameters, Segment, parse_json, read_json_bytes};
use crate::state::AppState;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Enough for one receipt, and for the headers of every answer.
const ANSWER_BYTES: usize = 160;
const ANSWER_HEADERS: usize = 8;
pub const EVENTS_PATH: &str = "/v1/events";
pub const BATCH_PATH: &str = "/v1/events/batch";

/// Many events to publish, all or none of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with the member events")]
#[schema(as = NewEvents)]
pub struct BatchBody<'a> {
    /// 1 to 1,000.
    #[serde(borrow)]
    #[schema(value_type = Vec<EventBody>, min_items = 1, max_items = 1000)]
    events: Vec<&'a RawValue>,
}

/// The promise: this event is on disk, with its deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receipt<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, example = "evt_06a2b3c4d5e6f")]
    id: EventId,
    #[schema(example = "call.ended")]
    event: &'a str,
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// How many webhooks it goes to.
    deliveries: usize,
}

impl<'a> From<&'a EventReceipt> for Receipt<'a> {
    fn from(receipt: &'a EventReceipt) -> Receipt<'a> {
        Receipt {
            id: receipt.id,
            event: receipt.event_type.as_str(),
            timestamp: receipt.timestamp,
            deliveries: receipt.deliveries,
        }
    }
}

fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The receipts of a batch, in the order of its events.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receipts<'a> {
    events: Vec<Receipt<'a>>,
}

/// An accepted event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventJson {
    id: String,
    event: String,
    /// When it happened.
    #[schema(format = DateTime)]
    timestamp: String,
    /// When it reached us.
    #[schema(format = DateTime)]
    accepted_at: String,
    /// `event`, or `test` for a sample sent to one webhook.
    #[schema(value_type = TriggerName)]
    trigger: &'static str,
    #[schema(required)]
    powerlist_id: Option<String>,
    /// How many webhooks it goes to.
    deliveries: usize,
    /// In canonical form. Lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    data: Option<Box<RawValue>>,
}

impl EventJson {
    fn of(event: &Event) -> EventJson {
        EventJson {
            id: event.id.to_string(),
            event: event.event_type.to_string(),
            timestamp: event.timestamp.to_string(),
            accepted_at: event.id.created_at().to_string(),
            trigger: event.trigger.as_str(),
            powerlist_id: event.powerlist_id.map(|id| id.to_string()),
            deliveries: event.targets.len(),
            data: None,
        }
    }

    fn with_data(event: &Event) -> Result<EventJson, StoreError> {
        let data = RawValue::from_string(event.data.to_string());
        let data =
            data.map_err(|_| StoreError::Damaged { what: format!("data of {}", event.id) })?;
        Ok(EventJson { data: Some(data), ..EventJson::of(event) })
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventListQuery {
    /// Of this event type.
    #[param(min_length = 1, max_length = 100)]
    event: Option<String>,
    /// Accepted at or after, RFC 3339.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Accepted before, RFC 3339.
    #[param(format = DateTime)]
    until: Option<String>,
    /// 1 to 200; 50 if left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// Publish an event
///
/// 202 means: on disk with its deliveries, which go out at once and survive a crash. Send an
/// `idempotency-key` to be able to repeat a call whose answer got lost: for 24 hours the same key
/// and body get the same answer (with the header `idempotent-replayed: true`) and nothing is
/// published twice; the same key with another body gets 409.
///
/// Data need not match the schema of its event type, unless the account chose `validate: reject`:
/// then what does not is refused with 422 `data_does_not_match_schema` and what is wrong with it.
#[utoipa::path(post, path = "/v1/events", operation_id = "publishEvent", tag = "Events", security(("api_key" = ["publish"])),
    params(("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255,
        pattern = "^[!-~]+$", description = "1 to 255 visible ASCII characters")),
    request_body = EventBody,
    responses((status = 202, body = Receipt), (status = 409, description = "idempotency_key_reused", body = Problem,
            content_type = "application/problem+json")))]
pub async fn publish(
    caller: Caller<Publish>,
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    Ok(take_event(caller, &state, &head.headers, body).await?.map(Body::from))
}

/// [`publish`], from whatever kind of body.
pub async fn take_event<B>(
    caller: Caller<Publish>,
    state: &AppState,
    headers: &HeaderMap,
    body: B,
) -> Result<http::Response<Bytes>, ApiError>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let idempotency_key = idempotency_key(headers)?;
    let body = read_json_bytes(headers, body, state.settings.body_bytes_max).await?;
    let now = state.now();
    let mut refusal = Refusal::default();
    let event = match event_text::event(&body) {
        Some(event) => event,
        None => parse_json::<EventBody<'_>>(&body)?.into(),
    };
    let event = event.parse(now, state, caller.account, "", &mut refusal);
    refusal.finish()?;
    let idempotency = idempotency_key.map(|key| idempotency(&key, EVENTS_PATH, &body));
    let events: Vec<ParsedEvent> = event.into_iter().collect();
    let validate = state.accounts.validate(caller.account);
    if validate == Validate::Reject {
        // Boxed, so that the future is no larger for those who do not ask for it.
        let place = |_| "/data".to_owned();
        Box::pin(state.refuse_invalid(now, caller.account, &events, place)).await?;
    }
    let taken = accept(now, state, caller.account, validate, events, idempotency).await?;
    let (receipts, repeated) = taken;
    let receipt = receipts.first().map(Receipt::from).ok_or_else(ApiError::internal)?;
    Ok(accepted(&receipt, repeated))
}

/// Publish up to 1,000 events
///
/// All or nothing: if one is refused, none is stored, and the problem points at it
/// (`/events/3/data/…`).
#[utoipa::path(post, path = "/v1/events/batch", operation_id = "publishEvents", tag = "Events",
    security(("api_key" = ["publish"])),
    params(("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255,
        pattern = "^[!-~]+$", description = "1 to 255 visible ASCII characters")),
    request_body = BatchBody,
    responses((status = 202, body = Receipts), (status = 409, description = "idempotency_key_reused", body = Problem,
            content_type = "application/problem+json")))]
pub async fn publish_batch(
    caller: Caller<Publish>,
    State(state): State<AppState>,
    request: Request,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    Ok(take_batch(caller, &state, &head.headers, body).await?.map(Body::from))
}

/// [`publish_batch`], from whatever kind of body.
pub async fn take_batch<B>(
    caller: Caller<Publish>,
    state: &AppState,
    headers: &HeaderMap,
    body: B,
) -> Result<http::Response<Bytes>, ApiError>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let idempotency_key = idempotency_key(headers)?;
    let body = read_json_bytes(headers, body, state.settings.batch_body_bytes_max).await?;
    let now = state.now();
    let events = match event_text::batch(&body, state.settings.body_bytes_max) {
        Some(events) => events,
        None => read_batch(&parse_json(&body)?, state.settings.body_bytes_max)?,
    };
    let events = parse_batch(now, state, caller.account, events)?;
    let idempotency = idempotency_key.map(|key| idempotency(&key, BATCH_PATH, &body));
    let validate = state.accounts.validate(caller.account);
    if validate == Validate::Reject {
        let place = |position| format!("/events/{position}/data");
        Box::pin(state.refuse_invalid(now, caller.account, &events, place)).await?;
    }
    let taken = accept(now, state, caller.account, validate, events, idempotency).await?;
    let (receipts, repeated) = taken;
    let receipts = Receipts { events: receipts.iter().map(Receipt::from).collect() };
    Ok(accepted(&receipts, repeated))
}

/// The events of a batch as serde found them.
pub fn read_batch<'a>(
    batch: &BatchBody<'a>,
    event_bytes_max: usize,
) -> Result<Vec<WrittenEvent<'a>>, ApiError> {
    let count = batch.events.len();
    if count == 0 || count > BATCH_EVENTS_MAX {
        let message = format!("a batch has 1 to {BATCH_EVENTS_MAX} events, this one has {count}");
        return Err(ApiError::invalid("/events", message));
    }
    let mut events = Vec::with_capacity(count);
    for (position, raw) in batch.events.iter().enumerate() {
        let pointer = format!("/events/{position}");
        if raw.get().len() > event_bytes_max {
            let detail = format!("{pointer}: an event has at most {event_bytes_max} bytes");
            return Err(ApiError::new(Code::BodyTooLarge, detail));
        }
        if !raw.get().starts_with('{') {
            return Err(ApiError::invalid(pointer, "must be an object"));
        }
        let event: EventBody<'_> = parse_json(raw.get().as_bytes()).map_err(|mut error| {
            let moved = Invalid { errors: std::mem::take(&mut error.errors) }.under(&pointer);
            ApiError { detail: moved.to_string(), errors: moved.errors, ..error }
        })?;
        events.push(event.into());
    }
    Ok(events)
}

fn parse_batch(
    now: Timestamp,
    state: &AppState,
    account: AccountId,
    written: Vec<WrittenEvent<'_>>,
) -> Result<Vec<ParsedEvent>, ApiError> {
    let mut refusal = Refusal::default();
    let mut events = Vec::with_capacity(written.len());
    for (position, event) in written.into_iter().enumerate() {
        let pointer = format!("/events/{position}");
        events.extend(event.parse(now, state, account, &pointer, &mut refusal));
    }
    refusal.finish()?;
    Ok(events)
}

/// Waits until the engine has room, finds the targets, and has the store keep it all.
async fn accept(
    now: Timestamp,
    state: &AppState,
    account_id: AccountId,
    validate: Validate,
    parsed: Vec<ParsedEvent>,
    idempotency: Option<Idempotency>,
) -> Result<(Vec<EventReceipt>, bool), ApiError> {
    state.engine.admit().await?;
    let to_check = match validate {
        Validate::Warn => state.checks.select(now, account_id, &parsed),
        Validate::Off | Validate::Reject => Selection::default(),
    };
    let mut events = Vec::with_capacity(parsed.len());
    let mut deliveries = 0;
    for event in parsed {
        let targets = state.directory.targets(account_id, &event.event_type, event.powerlist_id);
        deliveries += targets.len();
        events.push(NewEvent {
            event_type: event.event_type,
            timestamp: event.timestamp,
            powerlist_id: event.powerlist_id,
            data: event.data,
            trigger: Trigger::Event,
            hops: 0,
            targets,
        });
    }
    if deliveries > FAN_OUT_MAX {
        let message =
            format!("this would make {deliveries} deliveries, at most {FAN_OUT_MAX} at a time");
        return Err(ApiError::invalid("", message));
    }
    let count = events.len() as u64;
    match state.store.accept(now, Accept { account_id, events, idempotency }).await? {
        Accepted::New(receipts) => {
            state.checks.add(account_id, to_check);
            state.metrics.events_accepted.fetch_add(count, Ordering::Relaxed);
            state.metrics.deliveries_promised.fetch_add(deliveries as u64, Ordering::Relaxed);
            Ok((receipts, false))
        }
        Accepted::Repeated(receipts) => {
            state.metrics.events_repeated.fetch_add(count, Ordering::Relaxed);
            Ok((receipts, true))
        }
        Accepted::KeyReused => Err(ApiError::new(
            Code::IdempotencyKeyReused,
            "another request was made with this idempotency-key in the last 24 hours; nothing was \
             stored now",
        )),
    }
}

/// Answers with what is written straight into its bytes: there is one for every event.
fn accepted(receipts: &impl Serialize, repeated: bool) -> http::Response<Bytes> {
    let mut body = Vec::with_capacity(ANSWER_BYTES);
    serde_json::to_writer(&mut body, receipts).expect("a receipt has only texts and numbers");
    let mut response = http::Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::ACCEPTED;
    let mut headers = HeaderMap::with_capacity(ANSWER_HEADERS);
    headers.insert(header::CONTENT_TYPE, JSON);
    if repeated {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    *response.headers_mut() = headers;
    response
}

/// The key that the caller gave, if any.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<Vec<u8>>, ApiError> {
    if !headers.contains_key(&IDEMPOTENCY_KEY) {
        return Ok(None);
    }
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.as_bytes();
    let fits = (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len());
    if values.next().is_some() || !fits || !key.iter().all(u8::is_ascii_graphic) {
        return Err(ApiError::new(
            Code::Invalid,
            format!(
                "idempotency-key must be one header of 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible \
                 ASCII characters"
            ),
        ));
    }
    Ok(Some(key.to_vec()))
}

pub fn idempotency(key: &[u8], path: &str, body: &[u8]) -> Idempotency {
    let request = Sha256::new().chain_update(path).chain_update([0]).chain_update(body);
    Idempotency { key_hash: Sha256::digest(key).into(), request_hash: request.finalize().into() }
}

/// List events
#[utoipa::path(get, path = "/v1/events", operation_id = "listEvents", tag = "Events", security(("api_key" = ["read"])),
    params(EventListQuery), responses((status = 200, body = List<EventJson>)))]
pub async fn list(
    caller: Caller<Read>,
    State(state): State<AppState>,
    Parameters(query): Parameters<EventListQuery>,
) -> Result<Json<List<EventJson>>, ApiError> {
    let mut wrong = Complaints::default();
    let page = PageRequest::parse(query.limit.as_deref(), query.cursor.as_deref());
    let page = wrong.check("", page).unwrap_or_default();
    let event = query.event.map(|text| EventType::parse(&text)).transpose();
    let since = query.since.map(|text| Timestamp::parse(&text)).transpose();
    let until = query.until.map(|text| Timestamp::parse(&text)).transpose();
    let filter = EventFilter {
        event_type: wrong.check("/event", event).flatten(),
        since: wrong.check("/since", since).flatten(),
        until: wrong.check("/until", until).flatten(),
    };
    wrong.finish()?;
    let found = state.store.list_events(caller.account, &filter, page).await?;
    Ok(Json(found.map(|event| EventJson::of(&event)).into()))
}

/// Show an event
#[utoipa::path(get, path = "/v1/events/{id}", operation_id = "showEvent", tag = "Events", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "`evt_…`")),
    responses((status = 200, body = EventJson)))]
pub async fn show(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<EventJson>, ApiError> {
    let id: EventId = id.id("event")?;
    let event = state.store.event(caller.account, id).await?;
    let event = event.ok_or_else(|| ApiError::not_found("event"))?;
    Ok(Json(EventJson::with_data(&event)?))
}
