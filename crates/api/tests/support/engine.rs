//! A delivery engine for tests of the API. It keeps the promises of `DeliveryEngine` that the API
//! relies on, with a script in place of a network: nothing is tried until a test (or the API, by
//! waiting for `attempted`) asks for it, outcomes follow from `core`'s own rules, and whatever it
//! answers is in the store first. It has no lanes, no schedule and no recovery.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use parking_lot::Mutex;
use posthaste_core::attempt::{Attempt, Exchange, Outcome, Timings, Trigger};
use posthaste_core::delivery::{Delivery, DeliveryState, LastAttempt, Progress, after_attempt};
use posthaste_core::engine::{
    Cancellation, DeliveryEngine, EngineLoad, EngineStopped, Subscribed, Updates,
};
use posthaste_core::event::Event;
use posthaste_core::header_lines::HeaderLines;
use posthaste_core::id::{AccountId, DeliveryId, WebhookId};
use posthaste_core::retry::{Jitter, RetrySchedule};
use posthaste_core::sent_headers::{OwnHeader, SentHeaders, SentValue};
use posthaste_core::store::{AcceptedSink, DeliveryRecord, RecordBatch, Store};
use posthaste_core::stream::{
    Epoch, NoPlace, Piece, PlaceBounds, Places, Ring, Subscribe, Subscription, UpdateId,
};
use posthaste_core::time::Timestamp;
use tokio::sync::watch;

/// Updates that the live stream keeps: few, so that tests see what happens beyond.
pub const RING_MAX: usize = 100;
pub const SUBSCRIBERS_MAX: usize = 3;
pub const SUBSCRIBERS_PER_ACCOUNT_MAX: usize = 2;

#[derive(Default)]
pub struct TestEngine {
    store: OnceLock<Arc<dyn Store>>,
    now: Mutex<Timestamp>,
    state: Mutex<EngineState>,
    live: Arc<Live>,
    pub stopped: AtomicBool,
    /// A bug to be caught: `admit` panics.
    pub panics: AtomicBool,
    /// Never tries anything, so that `attempted` never answers.
    pub stuck: AtomicBool,
}

#[derive(Default)]
struct EngineState {
    waiting: HashMap<DeliveryId, Delivery>,
    delivering: HashSet<DeliveryId>,
    changed: Vec<WebhookId>,
    answers: HashMap<WebhookId, u16>,
}

impl TestEngine {
    pub fn use_store(&self, store: Arc<dyn Store>) {
        assert!(self.store.set(store).is_ok(), "an engine has one store");
    }

    pub fn set_now(&self, now: Timestamp) {
        *self.now.lock() = now;
    }

    /// What the receiver of a webhook answers; 200 if nothing was said.
    pub fn answer(&self, webhook: &str, status: u16) {
        let webhook = webhook.parse().expect("an id");
        self.state.lock().answers.insert(webhook, status);
    }

    /// Says that a request of the delivery is on the wire.
    pub fn put_on_wire(&self, delivery: &str) {
        self.state.lock().delivering.insert(delivery.parse().expect("an id"));
    }

    /// The webhooks the API told of, in order.
    pub fn told_of(&self) -> Vec<String> {
        self.state.lock().changed.iter().map(ToString::to_string).collect()
    }

    /// Tries everything that waits, once.
    pub async fn try_all(&self) {
        let mut waiting: Vec<Delivery> =
            self.state.lock().waiting.drain().map(|(_, delivery)| delivery).collect();
        waiting.sort_by_key(|delivery| delivery.id);
        for delivery in waiting {
            let trigger = delivery.trigger;
            self.attempt(delivery, trigger).await;
        }
    }

    fn store(&self) -> &Arc<dyn Store> {
        self.store.get().expect("given before the first request")
    }

    async fn attempt(&self, delivery: Delivery, trigger: Trigger) -> Delivery {
        let now = *self.now.lock();
        let status = self.state.lock().answers.get(&delivery.webhook_id).copied().unwrap_or(200);
        let attempt = attempt_answered(now, &delivery, trigger, status);
        let schedule = RetrySchedule::default();
        let after = after_attempt(
            delivery.state,
            delivery.progress,
            &attempt,
            None,
            &schedule,
            Jitter::NONE,
        );
        let first = delivery.progress.attempts == 0;
        let last = Some(LastAttempt::from(&attempt));
        let delivery = Delivery { state: after.state, progress: after.progress, last, ..delivery };
        self.record(&delivery, Some(attempt), first).await;
        delivery
    }

    async fn record(&self, delivery: &Delivery, attempt: Option<Attempt>, first: bool) {
        let record = DeliveryRecord {
            delivery: delivery.clone(),
            attempt: attempt.map(Box::new),
            manual_due: false,
            first,
        };
        let batch = RecordBatch { records: vec![record], low_water: None };
        self.store().record(Arc::new(batch)).await.expect("a store that works");
        self.live.state.lock().0.push(delivery.clone());
        self.live.changed.send_replace(());
    }

    fn running(&self) -> Result<(), EngineStopped> {
        if self.stopped.load(Ordering::Relaxed) { Err(EngineStopped) } else { Ok(()) }
    }
}

fn attempt_answered(now: Timestamp, delivery: &Delivery, trigger: Trigger, status: u16) -> Attempt {
    let outcome = Outcome::of_status(status, false);
    let mut request_headers = SentHeaders::default();
    request_headers.push(OwnHeader::Event, SentValue::Text(delivery.event_type.as_str()));
    request_headers.push_named("authorization", SentValue::Redacted);
    Attempt {
        number: delivery.progress.attempts + 1,
        trigger,
        outcome,
        status_code: Some(status),
        error: (outcome != Outcome::Succeeded).then(|| format!("answered {status}")),
        started_at: now,
        duration_ms: 42,
        timings: Timings {
            dns_ms: None,
            connect_ms: Some(3),
            tls_ms: Some(7),
            first_byte_ms: Some(40),
        },
        exchange: Exchange {
            remote_address: Some("203.0.113.7:443".parse().expect("an address")),
            request_headers,
            response_headers: HeaderLines::from_iter([("server", "test")]),
            response_body: b"ok \xff".to_vec(),
            truncated: false,
        },
    }
}

impl AcceptedSink for TestEngine {
    fn accepted(&self, events: Vec<Arc<Event>>) {
        let mut state = self.state.lock();
        for event in events {
            for (position, webhook_id) in event.targets.iter().enumerate() {
                let delivery = Delivery {
                    id: event.id.delivery(position),
                    event_id: event.id,
                    account_id: event.account_id,
                    webhook_id: *webhook_id,
                    event_type: event.event_type.clone(),
                    trigger: event.trigger,
                    state: DeliveryState::Pending { due: event.id.created_at() },
                    progress: Progress::default(),
                    last: None,
                };
                state.waiting.insert(delivery.id, delivery);
            }
        }
    }
}

#[async_trait]
impl DeliveryEngine for TestEngine {
    async fn admit(&self) -> Result<(), EngineStopped> {
        assert!(!self.panics.load(Ordering::Relaxed), "a bug with the canary-of-a-panic in it");
        self.running()
    }

    async fn retry(&self, delivery: Delivery) -> Result<(), EngineStopped> {
        self.running()?;
        self.state.lock().waiting.remove(&delivery.id);
        self.attempt(delivery, Trigger::Manual).await;
        Ok(())
    }

    async fn cancel(&self, delivery: Delivery) -> Result<Cancellation, EngineStopped> {
        self.running()?;
        if delivery.state.ended_at().is_some() {
            return Ok(Cancellation::AlreadyEnded);
        }
        let first = self.state.lock().waiting.remove(&delivery.id).is_some();
        let state = DeliveryState::Cancelled { at: *self.now.lock() };
        self.record(&Delivery { state, ..delivery }, None, first).await;
        Ok(Cancellation::Cancelled)
    }

    async fn attempted(&self, delivery: DeliveryId) -> Result<(), EngineStopped> {
        self.running()?;
        if self.stuck.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let waiting = self.state.lock().waiting.remove(&delivery);
        if let Some(waiting) = waiting {
            let trigger = waiting.trigger;
            self.attempt(waiting, trigger).await;
        }
        Ok(())
    }

    async fn is_delivering(&self, deliveries: &[DeliveryId]) -> Result<Vec<bool>, EngineStopped> {
        self.running()?;
        let state = self.state.lock();
        Ok(deliveries.iter().map(|id| state.delivering.contains(id)).collect())
    }

    async fn webhook_changed(&self, webhook: WebhookId) -> Result<(), EngineStopped> {
        self.running()?;
        self.state.lock().changed.push(webhook);
        Ok(())
    }

    fn subscribe(&self, subscribe: Subscribe) -> Result<Subscribed, NoPlace> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(NoPlace::Stopped);
        }
        let account = subscribe.filter.account_id;
        let mut state = self.live.state.lock();
        state.1.take(account)?;
        let (subscription, reset) = state.0.subscribe(subscribe);
        let changed = self.live.changed.subscribe();
        let subscriber = Subscriber { live: self.live.clone(), account, subscription, changed };
        Ok(Subscribed { updates: Box::new(subscriber), reset })
    }

    fn load(&self) -> EngineLoad {
        let outstanding = self.state.lock().waiting.len();
        let subscribers = self.live.state.lock().1.taken();
        EngineLoad { outstanding, in_flight: 0, unrecorded: outstanding, subscribers }
    }
}

/// The live stream, with core's own ring and rules. All is at one time: caps count what comes
/// in one second.
struct Live {
    state: Mutex<(Ring, Places)>,
    changed: watch::Sender<()>,
}

impl Default for Live {
    fn default() -> Live {
        let ring = Ring::new(Epoch::generate(&super::TestEntropy::default()), RING_MAX);
        let places = Places::new(PlaceBounds {
            in_all: SUBSCRIBERS_MAX,
            per_account: SUBSCRIBERS_PER_ACCOUNT_MAX,
        });
        Live { state: Mutex::new((ring, places)), changed: watch::Sender::new(()) }
    }
}

struct Subscriber {
    live: Arc<Live>,
    account: AccountId,
    subscription: Subscription,
    changed: watch::Receiver<()>,
}

#[async_trait]
impl Updates for Subscriber {
    async fn next(&mut self) -> Option<Piece> {
        loop {
            self.changed.mark_unchanged();
            let now = Timestamp::parse(super::START).expect("a time");
            let piece = self.live.state.lock().0.read(now, &mut self.subscription);
            if !piece.is_empty() {
                return Some(piece);
            }
            self.changed.changed().await.ok()?;
        }
    }

    fn id(&self) -> UpdateId {
        self.subscription.id()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.live.state.lock().1.leave(self.account);
    }
}
