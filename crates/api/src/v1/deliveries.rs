//! Deliveries: the log, one delivery with its attempts, trying again and cancelling.
//!
//! A delivery has no row until its first outcome (see `core::store`), so one that is asked for by
//! id, or as one of its event's, is shown from the event then: pending, without attempts.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use posthaste_core::attempt::{Attempt, Timings};
use posthaste_core::delivery::{Delivery, DeliveryState, DeliveryStatus, LastAttempt, Progress};
use posthaste_core::engine::Cancellation;
use posthaste_core::error::{Complaints, Invalid};
use posthaste_core::event::Event;
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, DeliveryId, EventId, WebhookId};
use posthaste_core::page::{Cursor, Page, PageRequest};
use posthaste_core::store::DeliveryFilter;
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::WebhookStatus;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::names::{DeliveryStatusName, OutcomeName, TriggerName};
use super::webhooks::{PageQuery, disabled};
use super::{List, text_of};
use crate::auth::{Caller, Read, Write};
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Parameters, Segment};
use crate::state::AppState;

/// One event for one webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryJson {
    #[schema(example = "dlv_06a2b3c4d5e6f")]
    id: String,
    event_id: String,
    webhook_id: String,
    event: String,
    /// Why it exists: `event`, `recover` or `test`.
    #[schema(value_type = TriggerName)]
    trigger: &'static str,
    #[schema(value_type = DeliveryStatusName)]
    status: &'static str,
    /// When its event was accepted.
    #[schema(format = DateTime)]
    created_at: String,
    /// When the schedule wants it tried next; null once it has ended.
    #[schema(required, format = DateTime)]
    next_attempt_at: Option<String>,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    /// Requests sent so far.
    attempt_count: u32,
    #[schema(required)]
    last_attempt: Option<LastAttemptJson>,
}

/// The newest attempt, in short.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LastAttempt)]
pub struct LastAttemptJson {
    #[schema(value_type = OutcomeName)]
    outcome: &'static str,
    #[schema(required)]
    status_code: Option<u16>,
    #[schema(required)]
    error: Option<String>,
    #[schema(format = DateTime)]
    started_at: String,
    duration_ms: u32,
}

impl From<&LastAttempt> for LastAttemptJson {
    fn from(last: &LastAttempt) -> LastAttemptJson {
        LastAttemptJson {
            outcome: last.outcome.as_str(),
            status_code: last.status_code,
            error: last.error.clone(),
            started_at: last.started_at.to_string(),
            duration_ms: last.duration_ms,
        }
    }
}

/// A delivery with everything that was sent for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryDetail {
    #[serde(flatten)]
    delivery: DeliveryJson,
    /// Oldest first.
    attempts: Vec<AttemptJson>,
}

/// One HTTP request of a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub struct AttemptJson {
    /// 1, 2, 3 …: what `x-webhook-attempt` said.
    number: u32,
    /// Why it was made.
    #[schema(value_type = TriggerName)]
    trigger: &'static str,
    #[schema(value_type = OutcomeName)]
    outcome: &'static str,
    #[schema(required)]
    status_code: Option<u16>,
    /// A sentence; null on success.
    #[schema(required)]
    error: Option<String>,
    #[schema(format = DateTime)]
    started_at: String,
    duration_ms: u32,
    timings: TimingsJson,
    #[schema(required, example = "203.0.113.7:443")]
    remote_address: Option<String>,
    /// Values of the webhook's own headers are redacted.
    request_headers: Vec<HeaderJson>,
    response_headers: Vec<HeaderJson>,
    /// As UTF-8; other bytes are shown as U+FFFD.
    response_body: String,
    /// The answer's body went on beyond what is kept (16 KiB).
    truncated: bool,
}

/// Milliseconds; null for a step that did not happen (an open connection was used again).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Timings)]
pub struct TimingsJson {
    #[schema(required)]
    dns: Option<u32>,
    #[schema(required)]
    connect: Option<u32>,
    #[schema(required)]
    tls: Option<u32>,
    /// From the request's start to the answer's head.
    #[schema(required)]
    first_byte: Option<u32>,
}

impl From<Timings> for TimingsJson {
    fn from(timings: Timings) -> TimingsJson {
        TimingsJson {
            dns: timings.dns_ms,
            connect: timings.connect_ms,
            tls: timings.tls_ms,
            first_byte: timings.first_byte_ms,
        }
    }
}

/// One header line.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Header)]
pub struct HeaderJson {
    name: String,
    value: String,
}

impl From<&Attempt> for AttemptJson {
    fn from(attempt: &Attempt) -> AttemptJson {
        let exchange = &attempt.exchange;
        let request_headers = exchange
            .request_headers
            .iter()
            .map(|(name, value)| HeaderJson { name: name.to_owned(), value: value.to_text() });
        let response_headers = exchange
            .response_headers
            .iter()
            .map(|(name, value)| HeaderJson { name: name.to_owned(), value: value.to_owned() });
        AttemptJson {
            number: attempt.number,
            trigger: attempt.trigger.as_str(),
            outcome: attempt.outcome.as_str(),
            status_code: attempt.status_code,
            error: attempt.error.clone(),
            started_at: attempt.started_at.to_string(),
            duration_ms: attempt.duration_ms,
            timings: attempt.timings.into(),
            remote_address: exchange.remote_address.map(|address| address.to_string()),
            request_headers: request_headers.collect(),
            response_headers: response_headers.collect(),
            response_body: String::from_utf8_lossy(&exchange.response_body).into_owned(),
            truncated: exchange.truncated,
        }
    }
}

impl DeliveryJson {
    pub fn of(delivery: &Delivery, status: DeliveryStatus) -> DeliveryJson {
        DeliveryJson {
            id: delivery.id.to_string(),
            event_id: delivery.event_id.to_string(),
            webhook_id: delivery.webhook_id.to_string(),
            event: delivery.event_type.to_string(),
            trigger: delivery.trigger.as_str(),
            status: status.as_str(),
            created_at: delivery.event_id.created_at().to_string(),
            next_attempt_at: text_of(delivery.state.due()),
            ended_at: text_of(delivery.state.ended_at()),
            attempt_count: delivery.progress.attempts,
            last_attempt: delivery.last.as_ref().map(LastAttemptJson::from),
        }
    }
}

/// What a delivery looks like before it has a row.
fn unrecorded(event: &Event, position: usize) -> Option<Delivery> {
    Some(Delivery {
        id: event.id.delivery(position),
        event_id: event.id,
        account_id: event.account_id,
        webhook_id: *event.targets.get(position)?,
        event_type: event.event_type.clone(),
        trigger: event.trigger,
        state: DeliveryState::Pending { due: event.id.created_at() },
        progress: Progress::default(),
        last: None,
    })
}

/// The delivery and its attempts, with or without a row.
async fn find(
    state: &AppState,
    account: AccountId,
    id: DeliveryId,
) -> Result<(Delivery, Vec<Attempt>), ApiError> {
    if let Some(found) = state.store.delivery(account, id).await? {
        return Ok(found);
    }
    let missing = || ApiError::not_found("delivery");
    let event = state.store.event_of_delivery(account, id).await?.ok_or_else(missing)?;
    let position = id.position_in(event.id).ok_or_else(missing)?;
    let delivery = unrecorded(&event, position).ok_or_else(missing)?;
    // It may have got its row between the two look-ups.
    let recorded = state.store.delivery(account, id).await?;
    Ok(recorded.unwrap_or((delivery, Vec::new())))
}

/// The status of each, with what only the engine knows. Without an engine nothing is on the wire.
async fn statuses(state: &AppState, deliveries: &[Delivery]) -> Vec<DeliveryStatus> {
    let is_open = |delivery: &&Delivery| delivery.state.ended_at().is_none();
    let open: Vec<DeliveryId> =
        deliveries.iter().filter(is_open).map(|delivery| delivery.id).collect();
    let mut on_wire = if open.is_empty() {
        Vec::new()
    } else {
        state.engine.is_delivering(&open).await.unwrap_or_default()
    }
    .into_iter();
    let status_of = |delivery: &Delivery| {
        let delivering = is_open(&delivery) && on_wire.next().unwrap_or(false);
        if delivering { DeliveryStatus::Delivering } else { delivery.state.status() }
    };
    deliveries.iter().map(status_of).collect()
}

async fn shown(state: &AppState, delivery: Delivery) -> DeliveryJson {
    let status = statuses(state, std::slice::from_ref(&delivery)).await[0];
    DeliveryJson::of(&delivery, status)
}

async fn shown_page(
    state: &AppState,
    page: Page<Delivery>,
    wanted: Option<DeliveryStatus>,
) -> List<DeliveryJson> {
    let statuses = statuses(state, &page.items).await;
    let items = page.items.iter().zip(statuses);
    let items = items.filter(|(_, status)| wanted.is_none_or(|wanted| wanted == *status));
    let items = items.map(|(delivery, status)| DeliveryJson::of(delivery, status)).collect();
    Page { items, next: page.next }.into()
}

/// The whole answer about one delivery.
pub async fn show_delivery(
    state: &AppState,
    account: AccountId,
    id: DeliveryId,
) -> Result<DeliveryDetail, ApiError> {
    let (delivery, attempts) = find(state, account, id).await?;
    let delivery = shown(state, delivery).await;
    Ok(DeliveryDetail { delivery, attempts: attempts.iter().map(AttemptJson::from).collect() })
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryListQuery {
    /// To this webhook.
    #[param(pattern = "^wh_[0-9a-z]{13}$")]
    webhook_id: Option<String>,
    /// Of this event.
    #[param(pattern = "^evt_[0-9a-z]{13}$")]
    event_id: Option<String>,
    /// Of this event type.
    #[param(min_length = 1, max_length = 100)]
    event: Option<String>,
    /// Of the delivery.
    #[param(value_type = Option<DeliveryStatusName>, inline)]
    status: Option<String>,
    /// The status code of the newest attempt.
    #[param(value_type = Option<u16>, minimum = 100, maximum = 599)]
    status_code: Option<String>,
    /// Whose event was accepted at or after, RFC 3339.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Whose event was accepted before, RFC 3339.
    #[param(format = DateTime)]
    until: Option<String>,
    /// 1 to 200; 50 if left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl DeliveryListQuery {
    fn parse(self) -> Result<(DeliveryFilter, PageRequest), Invalid> {
        fn read<T>(
            wrong: &mut Complaints,
            pointer: &str,
            text: Option<String>,
            parse: impl FnOnce(&str) -> Result<T, Invalid>,
        ) -> Option<T> {
            text.and_then(|text| wrong.check(pointer, parse(&text)))
        }
        let mut wrong = Complaints::default();
        let page = PageRequest::parse(self.limit.as_deref(), self.cursor.as_deref());
        let page = wrong.check("", page).unwrap_or_default();
        let filter = DeliveryFilter {
            webhook_id: read(&mut wrong, "/webhook_id", self.webhook_id, WebhookId::parse),
            event_id: read(&mut wrong, "/event_id", self.event_id, EventId::parse),
            event_type: read(&mut wrong, "/event", self.event, EventType::parse),
            status: read(&mut wrong, "/status", self.status, parse_status),
            status_code: read(&mut wrong, "/status_code", self.status_code, parse_status_code),
            since: read(&mut wrong, "/since", self.since, Timestamp::parse),
            until: read(&mut wrong, "/until", self.until, Timestamp::parse),
        };
        wrong.finish()?;
        Ok((filter, page))
    }
}

pub fn parse_status(text: &str) -> Result<DeliveryStatus, Invalid> {
    DeliveryStatus::parse(text).ok_or_else(|| {
        let all: Vec<&str> = DeliveryStatus::ALL.iter().map(|status| status.as_str()).collect();
        Invalid::at("", format!("must be one of {}", all.join(", ")))
    })
}

fn parse_status_code(text: &str) -> Result<u16, Invalid> {
    let code = text.parse().ok().filter(|code| (100..=599).contains(code));
    code.ok_or_else(|| Invalid::at("", "must be a number from 100 to 599"))
}

/// List deliveries
///
/// A delivery appears with its first outcome, at the latest a second after its event was accepted.
#[utoipa::path(get, path = "/v1/deliveries", operation_id = "listDeliveries", tag = "Deliveries",
    security(("api_key" = ["read"])), params(DeliveryListQuery),
    responses((status = 200, body = List<DeliveryJson>)))]
pub async fn list(
    caller: Caller<Read>,
    State(state): State<AppState>,
    Parameters(query): Parameters<DeliveryListQuery>,
) -> Result<Json<List<DeliveryJson>>, ApiError> {
    let (filter, page) = query.parse()?;
    let found = state.store.list_deliveries(caller.account, &filter, page).await?;
    Ok(Json(shown_page(&state, found, filter.status).await))
}

/// List an event's deliveries
///
/// All of them, also those that have not been tried yet.
#[utoipa::path(get, path = "/v1/events/{id}/deliveries", operation_id = "listDeliveriesOfEvent", tag = "Events",
    security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "`evt_…`"), PageQuery),
    responses((status = 200, body = List<DeliveryJson>)))]
pub async fn list_of_event(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<List<DeliveryJson>>, ApiError> {
    let page = query.parse()?;
    let id: EventId = id.id("event")?;
    let event = state.store.event(caller.account, id).await?;
    let event = event.ok_or_else(|| ApiError::not_found("event"))?;
    let filter = DeliveryFilter { event_id: Some(id), ..DeliveryFilter::default() };
    let recorded = state.store.list_deliveries(caller.account, &filter, page).await?;
    let whole = with_unrecorded(&event, page, recorded);
    Ok(Json(shown_page(&state, whole, None).await))
}

/// A page of an event's deliveries in which those without a row are filled in. `recorded` is the
/// same page of those that have one; where it stopped early, so does this.
fn with_unrecorded(event: &Event, page: PageRequest, recorded: Page<Delivery>) -> Page<Delivery> {
    let looked_at_from = recorded.next.map_or(0, |cursor| cursor.before);
    let mut rows = recorded.items.into_iter().peekable();
    let mut items = Vec::new();
    for position in (0..event.targets.len()).rev() {
        let id = event.id.delivery(position);
        if id.as_raw() >= page.before() {
            continue;
        }
        if id.as_raw() < looked_at_from {
            return Page { items, next: recorded.next };
        }
        if items.len() == page.limit {
            return Page { items, next: Some(Cursor { before: id.as_raw() + 1 }) };
        }
        match rows.next_if(|row| row.id == id) {
            Some(row) => items.push(row),
            None => items.extend(unrecorded(event, position)),
        }
    }
    Page { items, next: None }
}

/// Show a delivery
#[utoipa::path(get, path = "/v1/deliveries/{id}", operation_id = "showDelivery", tag = "Deliveries",
    security(("api_key" = ["read"])), params(("id" = String, Path, description = "`dlv_…`")),
    responses((status = 200, body = DeliveryDetail)))]
pub async fn show(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<DeliveryDetail>, ApiError> {
    show_delivery(&state, caller.account, id.id("delivery")?).await.map(Json)
}

/// Try a delivery again now
///
/// One more attempt, whatever its status, that does not disturb the schedule. 202 means that the
/// wish is on disk.
#[utoipa::path(post, path = "/v1/deliveries/{id}/retry", operation_id = "retryDelivery", tag = "Deliveries",
    security(("api_key" = ["write"])), params(("id" = String, Path, description = "`dlv_…`")),
    responses((status = 202, body = DeliveryJson), (status = 409, description = "webhook_gone or webhook_disabled", body = Problem,
            content_type = "application/problem+json")))]
pub async fn retry(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<(StatusCode, Json<DeliveryJson>), ApiError> {
    let id = id.id("delivery")?;
    let (delivery, _) = find(&state, caller.account, id).await?;
    let webhook = state.store.webhook(caller.account, delivery.webhook_id).await?;
    let webhook = webhook.ok_or_else(|| {
        ApiError::new(Code::WebhookGone, "there is nowhere to send it: the webhook was deleted")
    })?;
    if let WebhookStatus::Disabled { .. } = webhook.status {
        return Err(disabled());
    }
    state.engine.retry(delivery).await?;
    let (delivery, _) = find(&state, caller.account, id).await?;
    Ok((StatusCode::ACCEPTED, Json(shown(&state, delivery).await)))
}

/// Cancel a delivery
///
/// It is not tried again. An attempt that is on the wire is not called back; if that succeeds,
/// the delivery counts as delivered.
#[utoipa::path(post, path = "/v1/deliveries/{id}/cancel", operation_id = "cancelDelivery", tag = "Deliveries",
    security(("api_key" = ["write"])), params(("id" = String, Path, description = "`dlv_…`")),
    responses((status = 200, body = DeliveryJson), (status = 409, description = "already_ended", body = Problem,
            content_type = "application/problem+json")))]
pub async fn cancel(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<DeliveryJson>, ApiError> {
    let id = id.id("delivery")?;
    let (delivery, _) = find(&state, caller.account, id).await?;
    let cancellation = state.engine.cancel(delivery).await?;
    let (delivery, _) = find(&state, caller.account, id).await?;
    match cancellation {
        Cancellation::Cancelled => Ok(Json(shown(&state, delivery).await)),
        Cancellation::AlreadyEnded => {
            let status = delivery.state.status().as_str();
            Err(ApiError::new(Code::AlreadyEnded, format!("the delivery is {status}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use posthaste_core::attempt::Trigger;

    use super::*;

    fn event(targets: usize) -> Event {
        Event {
            id: EventId::from_raw(1 << 40),
            account_id: AccountId::from_raw(1),
            event_type: EventType::parse("call.ended").expect("a name"),
            timestamp: Timestamp::EPOCH,
            powerlist_id: None,
            data: "{}".into(),
            trigger: Trigger::Event,
            hops: 0,
            targets: (0..targets as u64).map(|n| WebhookId::from_raw(n + 1)).collect(),
        }
    }

    /// Rows are given by their position; the page that comes out likewise, a row in brackets.
    fn check(limit: usize, before: Option<usize>, rows: &[usize], expected: &str) {
        let event = event(4);
        let cursor = before.map(|at| Cursor { before: event.id.delivery(at).as_raw() });
        let row = |&position: &usize| {
            let delivery = unrecorded(&event, position).expect("a target");
            Delivery { state: DeliveryState::Delivered { at: Timestamp::EPOCH }, ..delivery }
        };
        let recorded = Page { items: rows.iter().map(row).collect(), next: None };
        let page = with_unrecorded(&event, PageRequest { limit, cursor }, recorded);
        let mut text: Vec<String> = Vec::new();
        for delivery in &page.items {
            let position = delivery.id.position_in(event.id).expect("its own");
            let has_row = delivery.state.ended_at().is_some();
            text.push(if has_row { format!("[{position}]") } else { position.to_string() });
        }
        text.extend(page.next.map(|_| "more".to_owned()));
        assert_eq!(text.join(" "), expected);
    }

    #[test]
    fn deliveries_without_a_row_stand_between_those_that_have_one() {
        check(10, None, &[2, 1], "3 [2] [1] 0");
        check(10, None, &[], "3 2 1 0");
        check(4, None, &[3, 2, 1, 0], "[3] [2] [1] [0]");
        check(2, None, &[2, 1], "3 [2] more");
        check(2, Some(2), &[1], "[1] 0");
        check(2, Some(0), &[], "");
    }

    #[test]
    fn a_page_ends_where_the_store_stopped_looking() {
        let event = event(4);
        let next = Some(Cursor { before: event.id.delivery(2).as_raw() });
        let recorded = Page { items: Vec::new(), next };
        let page = with_unrecorded(&event, PageRequest::default(), recorded);
        assert_eq!(page.items.len(), 2);
        assert_eq!(page.next, next);
    }
}
