//! Measures what accepting costs on this machine: single events, batches of 100, and events with
//! an idempotency key, with what those who wait for the answers see.
//!
//! `cargo run --release -p posthaste-store --example accept_cost [FOLDER [EVENTS [LOAD]]]`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use posthaste_core::attempt::Trigger;
use posthaste_core::event::{Event, Idempotency, NewEvent};
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, WebhookId};
use posthaste_core::store::{Accept, AcceptedSink, EventStore};
use posthaste_core::time::Timestamp;
use posthaste_store::SqliteStore;
use tokio::time::Instant;

const EVENTS: u64 = 200_000;
const WEBHOOKS: u64 = 100;

struct Forgetful;

impl AcceptedSink for Forgetful {
    fn accepted(&self, _: Vec<Arc<Event>>) {}
}

#[derive(Clone, Copy)]
struct Load {
    what: &'static str,
    producers: u64,
    batch: u64,
    with_keys: bool,
}

#[tokio::main]
async fn main() {
    let folder = std::env::args_os().nth(1).map_or_else(|| "accept-cost".into(), PathBuf::from);
    let events = std::env::args().nth(2).map_or(EVENTS, |events| events.parse().expect("a number"));
    let wanted = std::env::args().nth(3);
    let loads = [
        Load { what: "64 producers", producers: 64, batch: 1, with_keys: false },
        Load { what: "8 producers", producers: 8, batch: 1, with_keys: false },
        Load { what: "8 producers, batches of 100", producers: 8, batch: 100, with_keys: false },
        Load { what: "64 producers, with keys", producers: 64, batch: 1, with_keys: true },
    ];
    for load in loads.into_iter().filter(|load| wanted.as_ref().is_none_or(|w| load.what == w)) {
        let _ = std::fs::remove_dir_all(&folder);
        let now = Timestamp::from_millis(1_736_951_425_123);
        let store = SqliteStore::open(&folder, 0, Arc::new(Forgetful), now).expect("open");
        run(&Arc::new(store), now, load, events).await;
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }
}

async fn run(store: &Arc<SqliteStore>, now: Timestamp, load: Load, events: u64) {
    let (started, cpu) = (Instant::now(), cpu_time());
    let mut producers = tokio::task::JoinSet::new();
    for producer in 0..load.producers {
        let accepts = events / load.producers / load.batch;
        producers.spawn(produce(store.clone(), now, load, producer * accepts, accepts));
    }
    let mut waits: Vec<Duration> = producers.join_all().await.into_iter().flatten().collect();
    let (took, cpu) = (started.elapsed(), cpu_time().saturating_sub(cpu));
    waits.sort_unstable();
    let wait_ms = |share: f64| {
        let position = ((waits.len() - 1) as f64 * share) as usize;
        waits[position].as_secs_f64() * 1e3
    };
    let count = (waits.len() as u64 * load.batch) as f64;
    println!(
        "{}: {count} events, {:.0}/s, CPU {:.1} us each; accepts took \
         p50 {:.2} p99 {:.2} max {:.1} ms",
        load.what,
        count / took.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / count,
        wait_ms(0.5),
        wait_ms(0.99),
        wait_ms(1.0),
    );
}

async fn produce(
    store: Arc<SqliteStore>,
    now: Timestamp,
    load: Load,
    first: u64,
    accepts: u64,
) -> Vec<Duration> {
    let data: Arc<str> = format!(r#"{{"text":"{}"}}"#, "x".repeat(1_013)).into();
    let event_type = EventType::parse("call.ended").expect("a name");
    let mut waits = Vec::new();
    for number in first..first + accepts {
        let event = NewEvent {
            event_type: event_type.clone(),
            timestamp: now,
            powerlist_id: None,
            data: data.clone(),
            trigger: Trigger::Event,
            hops: 0,
            targets: vec![WebhookId::from_raw(number % WEBHOOKS + 1)],
        };
        let accept = Accept {
            account_id: AccountId::from_raw(1),
            events: vec![event; usize::try_from(load.batch).expect("small")],
            idempotency: load.with_keys.then(|| key(number)),
        };
        let asked = Instant::now();
        store.accept(now, accept).await.expect("accept");
        waits.push(asked.elapsed());
    }
    waits
}

/// As scattered as a digest.
fn key(number: u64) -> Idempotency {
    let mut key_hash = [0; 32];
    key_hash[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Idempotency { key_hash, request_hash: [1; 32] }
}

/// Of the whole process, user and system, in steps of 10 ms: fields 14 and 15 of its stat file.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: u64 =
        after_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
