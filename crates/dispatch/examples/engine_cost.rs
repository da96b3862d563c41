//! Measures what the engine costs on this machine, with the real store and without a network:
//! 100,000 accepted events to 100 webhooks, from the engine's start until all is on record.
//!
//! `cargo run --release -p posthaste-dispatch --example engine_cost [FOLDER]`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use posthaste_core::attempt::{Timings, Trigger};
use posthaste_core::directory::Directory;
use posthaste_core::egress::EgressPolicy;
use posthaste_core::engine::{DeliveryEngine, EngineLoad};
use posthaste_core::event::NewEvent;
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, WebhookId};
use posthaste_core::secret::{Secret, Secrets};
use posthaste_core::store::{Accept, Store};
use posthaste_core::time::{Clock, Entropy, Timestamp};
use posthaste_core::webhook::{NewWebhook, SettingsDraft};
use posthaste_dispatch::transport::{Answer, AttemptRequest, Sent, Transport};
use posthaste_dispatch::{Bounds, Deps, Engine, Intake};
use posthaste_store::SqliteStore;
use tokio::time::Instant;

const EVENTS: usize = 100_000;
const WEBHOOKS: usize = 100;
const AT_ONCE: usize = 1_000;

/// Answers everything at once.
struct Nowhere;

#[async_trait]
impl Transport for Nowhere {
    async fn send(&self, _: AttemptRequest<'_>) -> Sent {
        let headers = ["content-type", "date", "server", "x-request-id"];
        let headers = headers.map(|name| (name, "a value of a usual length")).into_iter().collect();
        let body = br#"{"received":true}"#.to_vec();
        let answer = Answer { status: 200, headers, body, truncated: false };
        let remote_address = Some(([192, 0, 2, 1], 443).into());
        Sent { result: Ok(answer), timings: Timings::default(), remote_address }
    }
}

struct Ticking(Instant);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_736_951_425_123).saturating_add(self.0.elapsed())
    }
}

/// Chance is not what is measured.
struct NoChance;

impl Entropy for NoChance {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

#[tokio::main]
async fn main() {
    let folder = std::env::args_os().nth(1).map_or_else(|| "engine-cost".into(), PathBuf::from);
    let _ = std::fs::remove_dir_all(&folder);
    let clock = Arc::new(Ticking(Instant::now()));
    let intake = Intake::new();
    let store: Arc<dyn Store> = Arc::new(
        SqliteStore::open(&folder, 0, Arc::new(intake.sender()), clock.now()).expect("open"),
    );
    let account = store.account_named("default").await.expect("readable").expect("there").id;
    for number in 0..WEBHOOKS {
        create_webhook(&*store, clock.now(), account, number).await;
    }
    let webhooks = store.all_webhooks().await.expect("readable");
    let ids: Vec<_> = webhooks.iter().map(|webhook| webhook.id).collect();
    for _ in 0..EVENTS / AT_ONCE {
        let events = (0..AT_ONCE).map(|n| event(clock.now(), ids[n % WEBHOOKS])).collect();
        let accept = Accept { account_id: account, events, idempotency: None };
        store.accept(clock.now(), accept).await.expect("accepted");
    }
    let deps = Deps {
        store: store.clone(),
        directory: Arc::new(Directory::new(webhooks)),
        transport: Arc::new(Nowhere),
        clock,
        entropy: Arc::new(NoChance),
        bounds: Bounds::default(),
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (started, cpu) = (Instant::now(), cpu_time());
    // Another intake: the engine takes up from the store what was accepted before it started.
    let intake = Intake::new();
    let _open = intake.sender();
    let (engine, run) = Engine::start(deps, intake, async {
        let _ = stopped.await;
    })
    .await
    .expect("started");
    let running = tokio::spawn(run);
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let EngineLoad { outstanding, unrecorded, .. } = engine.load();
        if outstanding == 0 && unrecorded == 0 {
            break;
        }
    }
    let (took, cpu) = (started.elapsed(), cpu_time() - cpu);
    let _ = stop.send(());
    running.await.expect("no panic").expect("recorded");
    println!(
        "{:.0} deliveries/s, {:.1} µs of CPU each",
        EVENTS as f64 / took.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / EVENTS as f64
    );
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

async fn create_webhook(store: &dyn Store, now: Timestamp, account: AccountId, number: usize) {
    let draft = SettingsDraft {
        title: Some(format!("webhook {number}")),
        url: Some(format!("https://receiver{number}.example/hook")),
        events: Some(vec!["*".to_owned()]),
        ..SettingsDraft::default()
    };
    let settings = draft.create(&EgressPolicy::public_only()).expect("valid");
    let secrets = Secrets::new(Secret::generate(&NoChance));
    let new = NewWebhook { account_id: account, settings, secrets };
    store.create_webhook(now, new).await.expect("stored");
}

fn event(now: Timestamp, target: WebhookId) -> NewEvent {
    let data = format!(r#"{{"call_id":"call_1","transcript":"{}"}}"#, "x".repeat(260));
    NewEvent {
        event_type: EventType::parse("call.ended").expect("valid"),
        timestamp: now,
        powerlist_id: None,
        data: data.into(),
        trigger: Trigger::Event,
        hops: 0,
        targets: vec![target],
    }
}

/// User and system time of this process so far, in ticks of 10 ms.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<u64>().expect("a number");
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}
