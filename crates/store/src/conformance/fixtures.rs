//! What the cases are made of: a store that can be opened again, a sink that remembers, and short
//! ways to say "an event", "an attempt", "a record".

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use posthaste_core::attempt::{Attempt, Exchange, Outcome, Timings, Trigger};
use posthaste_core::delivery::{Delivery, DeliveryState, LastAttempt, Progress};
use posthaste_core::event::{Event, Idempotency, NewEvent};
use posthaste_core::event_type::EventType;
use posthaste_core::header_lines::HeaderLines;
use posthaste_core::id::{AccountId, DeliveryId, EventId, WebhookId};
use posthaste_core::sent_headers::{OwnHeader, SentHeaders, SentValue};
use posthaste_core::store::{Accept, Accepted, AcceptedSink, DeliveryRecord, RecordBatch, Store};
use posthaste_core::time::Timestamp;

/// A store under test.
#[async_trait]
pub trait Fixture: Send {
    fn store(&self) -> Arc<dyn Store>;

    /// What the store handed over since the fixture was made, over all openings.
    fn sink(&self) -> Arc<Collected>;

    /// Closes the store and opens it again. Nobody else may hold it.
    async fn reopen(&mut self);
}

/// A sink that remembers.
#[derive(Debug, Default)]
pub struct Collected(Mutex<Vec<Vec<Arc<Event>>>>);

impl AcceptedSink for Collected {
    fn accepted(&self, events: Vec<Arc<Event>>) {
        self.0.lock().push(events);
    }
}

impl Collected {
    pub fn commits(&self) -> Vec<Vec<Arc<Event>>> {
        self.0.lock().clone()
    }

    pub fn events(&self) -> Vec<Arc<Event>> {
        self.0.lock().iter().flatten().cloned().collect()
    }
}

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
pub const DAY: Duration = Duration::from_hours(24);

/// 2025-01-15T14:30:00Z and so long after.
pub fn at(after: Duration) -> Timestamp {
    Timestamp::from_millis(1_736_951_400_000).saturating_add(after)
}

pub fn now() -> Timestamp {
    at(Duration::ZERO)
}

pub fn account(number: u64) -> AccountId {
    AccountId::from_raw(1_000_000 + number)
}

pub fn webhook(number: u64) -> WebhookId {
    WebhookId::from_raw(2_000_000 + number)
}

pub fn event_type(text: &str) -> EventType {
    EventType::parse(text).expect("a case's own name")
}

/// A `call.ended` for these webhooks.
pub fn new_event(targets: &[WebhookId]) -> NewEvent {
    NewEvent {
        event_type: event_type("call.ended"),
        timestamp: now(),
        powerlist_id: None,
        data: r#"{"call_id":"c_1","duration_s":42}"#.into(),
        trigger: Trigger::Event,
        hops: 0,
        targets: targets.to_vec(),
    }
}

pub fn accept_of(account_id: AccountId, events: Vec<NewEvent>) -> Accept {
    Accept { account_id, events, idempotency: None }
}

pub fn with_key(mut accept: Accept, key: u8, request: u8) -> Accept {
    accept.idempotency = Some(Idempotency { key_hash: [key; 32], request_hash: [request; 32] });
    accept
}

/// Accepts one event and gives it as it was stored.
pub async fn accept_one(
    store: &dyn Store,
    now: Timestamp,
    account: AccountId,
    event: NewEvent,
) -> Arc<Event> {
    let accepted = store.accept(now, accept_of(account, vec![event])).await.expect("accept");
    let Accepted::New(receipts) = accepted else { panic!("{accepted:?}") };
    let event = store.event(account, receipts[0].id).await.expect("event");
    event.expect("it was accepted")
}

/// A delivery of the event's target at `position`, as the engine would first record it.
pub fn delivery_of(event: &Event, position: usize, state: DeliveryState) -> Delivery {
    Delivery {
        id: event.id.delivery(position),
        event_id: event.id,
        account_id: event.account_id,
        webhook_id: event.targets[position],
        event_type: event.event_type.clone(),
        trigger: event.trigger,
        state,
        progress: Progress::default(),
        last: None,
    }
}

pub fn attempt(number: u32, outcome: Outcome, started_at: Timestamp) -> Attempt {
    let mut request_headers = SentHeaders::default();
    request_headers.push(OwnHeader::ContentType, SentValue::Json);
    request_headers.push(OwnHeader::WebhookSignature, SentValue::Text("v1,abc v1,def"));
    let (status_code, error) = match outcome {
        Outcome::Succeeded => (Some(200), None),
        Outcome::Rejected => (Some(500), Some("the receiver answered 500".to_owned())),
        Outcome::Deferred => (Some(429), Some("the receiver asked for patience".to_owned())),
        _ => (None, Some("no answer".to_owned())),
    };
    Attempt {
        number,
        trigger: if number == 1 { Trigger::Event } else { Trigger::Retry },
        outcome,
        status_code,
        error,
        started_at,
        duration_ms: 40 + number,
        timings: Timings { dns_ms: Some(1), first_byte_ms: Some(30), ..Timings::default() },
        exchange: Exchange {
            remote_address: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4433)),
            request_headers,
            response_headers: HeaderLines::from_iter([("server", "test: 1")]),
            response_body: vec![0, 159, 146, 150],
            truncated: number == 2,
        },
    }
}

/// The first row of a delivery, without an attempt.
pub fn first(delivery: Delivery) -> DeliveryRecord {
    DeliveryRecord { delivery, attempt: None, manual_due: false, first: true }
}

/// `delivery` after `attempt`, moved to `state`.
pub fn after(mut delivery: Delivery, attempt: Attempt, state: DeliveryState) -> DeliveryRecord {
    let first = delivery.progress.attempts == 0;
    delivery.state = state;
    delivery.progress.attempts = attempt.number;
    delivery.progress.used += 1;
    delivery.last = Some(LastAttempt::from(&attempt));
    DeliveryRecord { delivery, attempt: Some(attempt.into()), manual_due: false, first }
}

/// A delivery that succeeds at once, at `started_at`.
pub fn delivered(event: &Event, position: usize, started_at: Timestamp) -> DeliveryRecord {
    let pending = delivery_of(event, position, DeliveryState::Pending { due: started_at });
    let attempt = attempt(1, Outcome::Succeeded, started_at);
    let ended = attempt.ended_at();
    after(pending, attempt, DeliveryState::Delivered { at: ended })
}

/// A delivery whose first attempt was refused; it waits for its second.
pub fn retrying(event: &Event, position: usize, started_at: Timestamp) -> DeliveryRecord {
    let pending = delivery_of(event, position, DeliveryState::Pending { due: started_at });
    let due = started_at.saturating_add(30 * SECOND);
    after(pending, attempt(1, Outcome::Rejected, started_at), DeliveryState::Retrying { due })
}

/// A delivery that failed with its first attempt.
pub fn failed(event: &Event, position: usize, started_at: Timestamp) -> DeliveryRecord {
    let pending = delivery_of(event, position, DeliveryState::Pending { due: started_at });
    let attempt = attempt(1, Outcome::Rejected, started_at);
    let ended = attempt.ended_at();
    after(pending, attempt, DeliveryState::Failed { at: ended })
}

pub async fn record(store: &dyn Store, records: Vec<DeliveryRecord>) {
    record_to(store, records, None).await;
}

pub async fn record_to(
    store: &dyn Store,
    records: Vec<DeliveryRecord>,
    low_water: Option<EventId>,
) {
    store.record(Arc::new(RecordBatch { records, low_water })).await.expect("record");
}

/// The row and attempts, which must be there.
pub async fn row(
    store: &dyn Store,
    account: AccountId,
    id: DeliveryId,
) -> (Delivery, Vec<Attempt>) {
    store.delivery(account, id).await.expect("delivery").expect("it has a row")
}
