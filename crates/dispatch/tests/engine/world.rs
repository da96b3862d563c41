//! A whole engine under paused time: the real store in a temporary folder, the real dispatcher and
//! recorder; only the network is scripted. Time moves when everything waits, so 42 minutes of
//! retries take milliseconds.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use posthaste_core::attempt::{Attempt, Timings, Trigger};
use posthaste_core::canonical::canonicalise_object;
use posthaste_core::delivery::{Delivery, DeliveryStatus};
use posthaste_core::directory::Directory;
use posthaste_core::egress::EgressPolicy;
use posthaste_core::engine::DeliveryEngine;
use posthaste_core::event::{EventReceipt, NewEvent};
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, DeliveryId, EventId, WebhookId};
use posthaste_core::page::PageRequest;
use posthaste_core::secret::{Secret, Secrets};
use posthaste_core::store::{Accept, Accepted, DeliveryFilter, Store, StoreError};
use posthaste_core::time::{Clock, Entropy, Timestamp};
use posthaste_core::webhook::{NewWebhook, SettingsDraft, Webhook};
use posthaste_dispatch::transport::{Answer, AttemptRequest, SendError, Sent, Transport};
use posthaste_dispatch::{Bounds, Deps, Engine, Intake};
use posthaste_store::SqliteStore;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// 2025-01-15T14:30:25.123Z, and from there with tokio's time.
pub struct TestClock {
    started: Instant,
    offset_ms: i64,
}

pub const START_MS: i64 = 1_736_951_425_123;

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.started.elapsed().as_millis()).expect("short");
        Timestamp::from_millis(self.offset_ms + elapsed)
    }
}

/// A small generator with a seed: the same test run draws the same numbers.
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    pub fn new(seed: u64) -> SeededEntropy {
        SeededEntropy(AtomicU64::new(seed))
    }

    pub fn draw(&self) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.draw().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// What a scripted receiver does with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Status(u16),
    StatusWith(u16, Vec<(&'static str, String)>),
    /// Says nothing until the deadline.
    Hang,
    Fails(SendError),
    FailsAfter(Duration, SendError),
    Slow(Duration, u16),
}

/// One request as the receiver saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub at: Timestamp,
    pub url: String,
    pub event_id: String,
    pub attempt: u32,
    pub test: bool,
    pub body: String,
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

/// Stands in for the network and every receiver on it.
pub struct ScriptedTransport {
    clock: Arc<TestClock>,
    script: Box<Script>,
    pub seen: Mutex<Vec<Seen>>,
    in_flight: Mutex<BTreeMap<String, (usize, usize)>>,
}

impl ScriptedTransport {
    /// The most requests that were on the wire to `url` at once.
    pub fn most_in_flight(&self, url: &str) -> usize {
        self.in_flight.lock().get(url).map_or(0, |(_, most)| *most)
    }
}

#[async_trait]
impl Transport for ScriptedTransport {
    async fn send(&self, request: AttemptRequest<'_>) -> Sent {
        let header = |name: &str| request.headers.get(name).unwrap_or_default();
        let seen = Seen {
            at: self.clock.now(),
            url: request.url.as_str().to_owned(),
            event_id: header("webhook-id"),
            attempt: header("x-webhook-attempt").parse().expect("a number"),
            test: header("x-webhook-test") == "true",
            body: String::from_utf8(request.body.to_vec()).expect("JSON"),
        };
        let reply = (self.script)(&seen);
        let url = seen.url.clone();
        self.seen.lock().push(seen);
        {
            let mut in_flight = self.in_flight.lock();
            let (now, most) = in_flight.entry(url.clone()).or_default();
            *now += 1;
            *most = (*most).max(*now);
        }
        let result = match reply {
            Reply::Status(status) => Ok(answer(status, &[])),
            Reply::StatusWith(status, headers) => Ok(answer(status, &headers)),
            Reply::Hang => {
                tokio::time::sleep(request.timeout).await;
                Err(SendError::TimedOut { message: "no answer in time".to_owned() })
            }
            Reply::Fails(error) => Err(error),
            Reply::FailsAfter(delay, error) => {
                tokio::time::sleep(delay).await;
                Err(error)
            }
            Reply::Slow(delay, status) => {
                tokio::time::sleep(delay).await;
                Ok(answer(status, &[]))
            }
        };
        self.in_flight.lock().get_mut(&url).expect("counted above").0 -= 1;
        let remote_address = Some(SocketAddr::from(([192, 0, 2, 1], 443)));
        Sent { result, timings: Timings::default(), remote_address }
    }
}

fn answer(status: u16, headers: &[(&'static str, String)]) -> Answer {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Answer { status, headers, body: b"{}".to_vec(), truncated: false }
}

/// An engine on a store, with a scripted network.
pub struct World {
    pub folder: tempfile::TempDir,
    pub store: Arc<dyn Store>,
    pub engine: Engine,
    pub directory: Arc<Directory>,
    pub transport: Arc<ScriptedTransport>,
    pub clock: Arc<TestClock>,
    pub account: AccountId,
    entropy: Arc<SeededEntropy>,
    bounds: Bounds,
    shutdown: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), StoreError>>,
}

impl World {
    pub async fn new(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> World {
        World::bounded(Bounds::default(), script).await
    }

    pub async fn bounded(
        bounds: Bounds,
        script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(TestClock { started: Instant::now(), offset_ms: START_MS });
        let transport = Arc::new(ScriptedTransport {
            clock: clock.clone(),
            script: Box::new(script),
            seen: Mutex::default(),
            in_flight: Mutex::default(),
        });
        let entropy = Arc::new(SeededEntropy::new(1));
        World::start(folder, clock, transport, entropy, bounds).await
    }

    async fn start(
        folder: tempfile::TempDir,
        clock: Arc<TestClock>,
        transport: Arc<ScriptedTransport>,
        entropy: Arc<SeededEntropy>,
        bounds: Bounds,
    ) -> World {
        let intake = Intake::new();
        let store = open_store(&folder, &intake, clock.now()).await;
        let account =
            store.account_named("default").await.expect("readable").expect("always there");
        let webhooks = store.all_webhooks().await.expect("readable");
        let directory = Arc::new(Directory::new(webhooks));
        let deps = Deps {
            store: store.clone(),
            directory: directory.clone(),
            transport: transport.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            bounds,
        };
        let (shutdown, wait) = oneshot::channel();
        let (engine, run) = Engine::start(deps, intake, async move {
            let _ = wait.await;
        })
        .await
        .expect("the store can be recovered");
        World {
            folder,
            store,
            engine,
            directory,
            transport,
            clock,
            account: account.id,
            entropy,
            bounds,
            shutdown: Some(shutdown),
            running: tokio::spawn(run),
        }
    }

    /// Kills the engine where it stands, loses all memory, and starts anew on the same folder.
    pub async fn crash_and_restart(self) -> World {
        let World { folder, store, engine, transport, clock, entropy, bounds, running, .. } = self;
        running.abort();
        let _ = running.await;
        drop((store, engine));
        // What was aborted is dropped when the runtime comes to it.
        tokio::task::yield_now().await;
        World::start(folder, clock, transport, entropy, bounds).await
    }

    /// Stops as SIGTERM does: what is in flight ends, everything is recorded.
    pub async fn stop(&mut self) {
        let _ = self.shutdown.take().expect("stopped once").send(());
        let ended = (&mut self.running).await.expect("the engine does not panic");
        ended.expect("everything was recorded");
    }

    pub async fn stop_and_restart(mut self) -> World {
        self.stop().await;
        self.restart().await
    }

    /// Starts anew on the same folder, after a stop.
    pub async fn restart(self) -> World {
        let World { folder, store, engine, transport, clock, entropy, bounds, .. } = self;
        drop((store, engine));
        World::start(folder, clock, transport, entropy, bounds).await
    }

    pub async fn webhook(&self, name: &str) -> Webhook {
        self.webhook_with(name, SettingsDraft::default()).await
    }

    pub async fn webhook_with(&self, name: &str, draft: SettingsDraft) -> Webhook {
        let draft = SettingsDraft {
            title: Some(name.to_owned()),
            url: Some(format!("https://{name}.example/")),
            events: Some(draft.events.clone().unwrap_or_else(|| vec!["*".to_owned()])),
            ..draft
        };
        let settings = draft.create(&EgressPolicy::public_only()).expect("valid settings");
        let secrets = Secrets::new(Secret::generate(self.entropy.as_ref()));
        let new = NewWebhook { account_id: self.account, settings, secrets };
        let webhook = self.store.create_webhook(self.clock.now(), new).await.expect("stored");
        self.directory.put(webhook.clone());
        webhook
    }

    /// Changes a webhook the way the API does: store, directory, engine.
    pub async fn change(&self, webhook: Webhook) {
        assert!(self.store.update_webhook(&webhook).await.expect("stored"));
        let id = webhook.id;
        self.directory.put(webhook);
        self.engine.webhook_changed(id).await.expect("running");
    }

    pub async fn delete(&self, id: WebhookId) {
        assert!(self.store.delete_webhook(self.account, id).await.expect("stored"));
        self.directory.remove(id);
        self.engine.webhook_changed(id).await.expect("running");
    }

    pub fn event(&self, trigger: Trigger, targets: Vec<WebhookId>) -> NewEvent {
        let data = canonicalise_object(br#"{"call_id":"call_1"}"#).expect("canonical");
        NewEvent {
            event_type: EventType::parse("call.ended").expect("valid"),
            timestamp: self.clock.now(),
            powerlist_id: None,
            data: data.into(),
            trigger,
            hops: 0,
            targets,
        }
    }

    pub async fn post_to(&self, trigger: Trigger, targets: Vec<WebhookId>) -> EventReceipt {
        let events = vec![self.event(trigger, targets)];
        let accept = Accept { account_id: self.account, events, idempotency: None };
        self.engine.admit().await.expect("running");
        match self.store.accept(self.clock.now(), accept).await.expect("stored") {
            Accepted::New(mut receipts) => receipts.remove(0),
            other => panic!("expected a new event, got {other:?}"),
        }
    }

    /// Posts an event to every webhook that wants it.
    pub async fn post(&self) -> EventReceipt {
        let event_type = EventType::parse("call.ended").expect("valid");
        let targets = self.directory.targets(self.account, &event_type, None);
        self.post_to(Trigger::Event, targets).await
    }

    pub async fn delivery(&self, id: DeliveryId) -> (Delivery, Vec<Attempt>) {
        let found = self.store.delivery(self.account, id).await.expect("readable");
        found.unwrap_or_else(|| panic!("{id} has no row"))
    }

    /// Lets (paused) time pass until the delivery has ended.
    pub async fn ended(&self, event: EventId, position: usize) -> (Delivery, Vec<Attempt>) {
        let id = event.delivery(position);
        let mut found = None;
        for look in 0..3_000 {
            found = self.store.delivery(self.account, id).await.expect("readable");
            match found {
                Some(ended) if ended.0.state.ended_at().is_some() => return ended,
                // The short stories end within seconds; the longest deferral lasts a day.
                _ => pass(Duration::from_secs(if look < 300 { 1 } else { 60 })).await,
            }
        }
        panic!("{id} never ends: now {}, {found:#?}, {:?}", self.clock.now(), self.engine.load());
    }

    pub async fn all_deliveries(&self, status: Option<DeliveryStatus>) -> Vec<Delivery> {
        let filter = DeliveryFilter { status, ..DeliveryFilter::default() };
        let mut all = Vec::new();
        let mut page = PageRequest { limit: 200, cursor: None };
        loop {
            let found = self.store.list_deliveries(self.account, &filter, page).await;
            let found = found.expect("readable");
            all.extend(found.items);
            match found.next {
                Some(next) => page.cursor = Some(next),
                None => return all,
            }
        }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.transport.seen.lock().clone()
    }

    /// Milliseconds since the start at which requests to `url` came in.
    pub fn times(&self, url: &str) -> Vec<i64> {
        let to_url = self.seen().into_iter().filter(|seen| seen.url == url);
        to_url.map(|seen| seen.at.as_millis() - START_MS).collect()
    }
}

/// A transaction that was under way in a crash keeps the folder's lock until it is over, as no
/// process could that really ended.
async fn open_store(folder: &tempfile::TempDir, intake: &Intake, now: Timestamp) -> Arc<dyn Store> {
    for _ in 0..1_000_000 {
        match SqliteStore::open(folder.path(), 0, Arc::new(intake.sender()), now) {
            Ok(store) => return Arc::new(store),
            Err(StoreError::Unavailable { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("a store in a temporary folder cannot be opened: {error}"),
        }
    }
    panic!("the store of the crashed engine is never closed");
}

/// Lets (paused) time pass.
pub async fn pass(duration: Duration) {
    tokio::time::sleep(duration).await;
}
