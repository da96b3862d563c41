//! Measures what the store costs on this machine: accepting with 64 producers, recording in
//! batches of 2,000, and finding a million outstanding deliveries at start.
//!
//! `cargo run --release -p posthaste-store --example store_cost [FOLDER]`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use posthaste_core::attempt::{Attempt, Exchange, Outcome, Timings, Trigger};
use posthaste_core::delivery::{Delivery, DeliveryState, DeliveryStatus, LastAttempt, Progress};
use posthaste_core::event::{Event, NewEvent};
use posthaste_core::event_type::EventType;
use posthaste_core::header_lines::HeaderLines;
use posthaste_core::id::{AccountId, EventId, WebhookId};
use posthaste_core::page::PageRequest;
use posthaste_core::sent_headers::{OwnHeader, SentHeaders, SentValue};
use posthaste_core::store::{
    Accept, AcceptedSink, DeliveryFilter, DeliveryRecord, DeliveryStore, EventStore, RecordBatch,
};
use posthaste_core::time::Timestamp;
use posthaste_store::SqliteStore;
use tokio::time::Instant;

const PRODUCERS: u64 = 64;
const EVENTS: u64 = 200_000;
const WEBHOOKS: u64 = 100;
const RECORD_BATCH: usize = 2_000;
const OUTSTANDING: usize = 1_000_000;

#[derive(Default)]
struct Collected(parking_lot::Mutex<Vec<Arc<Event>>>);

impl AcceptedSink for Collected {
    fn accepted(&self, events: Vec<Arc<Event>>) {
        self.0.lock().extend(events);
    }
}

#[tokio::main]
async fn main() {
    let folder = std::env::args_os().nth(1).map_or_else(|| "store-cost".into(), PathBuf::from);
    let _ = std::fs::remove_dir_all(&folder);
    let sink = Arc::new(Collected::default());
    let now = Timestamp::from_millis(1_736_951_425_123);
    let store = Arc::new(open(&folder, &sink, now));

    let (took, cpu) = measure(accept_all(&store, now)).await;
    report("accept: event of 1 KiB, one target, 64 producers", EVENTS, took, cpu);

    let events = std::mem::take(&mut *sink.0.lock());
    let batches: Vec<_> =
        events.chunks(RECORD_BATCH).map(|events| delivered(events, now)).collect();
    let (took, cpu) = measure(record_all(&store, batches)).await;
    report("record: delivered at once, batches of 2,000", EVENTS, took, cpu);

    let wide =
        NewEvent { targets: vec![WebhookId::from_raw(7); OUTSTANDING / 10], ..new_event(now) };
    let accept =
        Accept { account_id: AccountId::from_raw(1), events: vec![wide; 10], idempotency: None };
    store.accept(now, accept).await.expect("accept");
    let wide = std::mem::take(&mut *sink.0.lock());
    let batches: Vec<_> = wide.iter().flat_map(|event| parked(event, now)).collect();
    let (took, cpu) = measure(record_all(&store, batches)).await;
    report("record: parked, batches of 2,000", OUTSTANDING as u64, took, cpu);

    drop(store);
    let opening = Instant::now();
    let store = open(&folder, &sink, now);
    println!("open: {} ms", opening.elapsed().as_millis());
    let (took, cpu) = measure(async {
        let recovered = store.recover(OUTSTANDING).await.expect("recover");
        assert_eq!(recovered.outstanding.len(), OUTSTANDING);
    })
    .await;
    report("recover: outstanding deliveries", OUTSTANDING as u64, took, cpu);
    for (what, filter) in [
        ("any", DeliveryFilter::default()),
        ("webhook", DeliveryFilter { webhook_id: Some(WebhookId::from_raw(5)), ..any() }),
        ("failed", DeliveryFilter { status: Some(DeliveryStatus::Failed), ..any() }),
        ("delivered", DeliveryFilter { status: Some(DeliveryStatus::Delivered), ..any() }),
    ] {
        let page = PageRequest::default();
        let account = AccountId::from_raw(1);
        store.list_deliveries(account, &filter, page).await.expect("list");
        let started = Instant::now();
        let found = store.list_deliveries(account, &filter, page).await.expect("list");
        let (items, took) = (found.items.len(), started.elapsed());
        println!("list: {what}, of 1,200,000 rows: {items} found in {} us", took.as_micros());
    }
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

fn any() -> DeliveryFilter {
    DeliveryFilter::default()
}

fn open(folder: &Path, sink: &Arc<Collected>, now: Timestamp) -> SqliteStore {
    SqliteStore::open(folder, 0, sink.clone(), now).expect("open")
}

async fn accept_all(store: &Arc<SqliteStore>, now: Timestamp) {
    let mut producers = tokio::task::JoinSet::new();
    for producer in 0..PRODUCERS {
        let store = store.clone();
        producers.spawn(async move {
            for number in 0..EVENTS / PRODUCERS {
                let webhook = WebhookId::from_raw((producer + number) % WEBHOOKS + 1);
                let event = NewEvent { targets: vec![webhook], ..new_event(now) };
                let accept = Accept {
                    account_id: AccountId::from_raw(1),
                    events: vec![event],
                    idempotency: None,
                };
                store.accept(now, accept).await.expect("accept");
            }
        });
    }
    producers.join_all().await;
}

async fn record_all(store: &SqliteStore, batches: Vec<RecordBatch>) {
    for batch in batches {
        store.record(Arc::new(batch)).await.expect("record");
    }
}

fn new_event(now: Timestamp) -> NewEvent {
    NewEvent {
        event_type: EventType::parse("call.ended").expect("a name"),
        timestamp: now,
        powerlist_id: None,
        data: format!(r#"{{"text":"{}"}}"#, "x".repeat(1_013)).into(),
        trigger: Trigger::Event,
        hops: 0,
        targets: Vec::new(),
    }
}

fn delivery(event: &Event, position: usize, state: DeliveryState) -> Delivery {
    Delivery {
        id: event.id.delivery(position),
        event_id: event.id,
        account_id: event.account_id,
        webhook_id: event.targets[position],
        event_type: event.event_type.clone(),
        trigger: Trigger::Event,
        state,
        progress: Progress::default(),
        last: None,
    }
}

fn delivered(events: &[Arc<Event>], now: Timestamp) -> RecordBatch {
    let attempt = attempt(now);
    let records = events.iter().map(|event| {
        let mut delivery = delivery(event, 0, DeliveryState::Delivered { at: now });
        delivery.progress = Progress { attempts: 1, used: 1, first_deferred_at: None };
        delivery.last = Some(LastAttempt::from(&attempt));
        DeliveryRecord {
            delivery,
            attempt: Some(attempt.clone().into()),
            manual_due: false,
            first: true,
        }
    });
    RecordBatch { records: records.collect(), low_water: events.last().map(|event| event.id) }
}

fn parked(event: &Event, now: Timestamp) -> Vec<RecordBatch> {
    let positions: Vec<usize> = (0..event.targets.len()).collect();
    let batches = positions.chunks(RECORD_BATCH).map(|positions| {
        let records = positions.iter().map(|&position| DeliveryRecord {
            delivery: delivery(event, position, DeliveryState::Pending { due: now }),
            attempt: None,
            manual_due: false,
            first: true,
        });
        RecordBatch { records: records.collect(), low_water: Some(event.id) }
    });
    batches.collect()
}

fn attempt(now: Timestamp) -> Attempt {
    let digest = [0x5f; 32];
    let mut request_headers = SentHeaders::default();
    request_headers.push(OwnHeader::ContentType, SentValue::Json);
    request_headers.push(OwnHeader::UserAgent, SentValue::Text("Posthaste/0.1.0"));
    request_headers.push(OwnHeader::Signature, SentValue::Hex(&digest));
    request_headers.push(OwnHeader::WebhookId, SentValue::EventId(EventId::from_raw(1 << 41)));
    request_headers.push(OwnHeader::WebhookTimestamp, SentValue::Number(1_736_951_425));
    request_headers.push(OwnHeader::WebhookSignature, SentValue::Standard(&digest));
    request_headers.push(OwnHeader::Event, SentValue::Text("call.ended"));
    request_headers.push(OwnHeader::Attempt, SentValue::Number(1));
    let response_headers = HeaderLines::from_iter([
        ("content-type", "application/json; charset=utf-8"),
        ("content-length", "15"),
        ("date", "Wed, 15 Jan 2025 14:30:25 GMT"),
        ("connection", "keep-alive"),
    ]);
    Attempt {
        number: 1,
        trigger: Trigger::Event,
        outcome: Outcome::Succeeded,
        status_code: Some(200),
        error: None,
        started_at: now,
        duration_ms: 12,
        timings: Timings { first_byte_ms: Some(11), ..Timings::default() },
        exchange: Exchange {
            remote_address: "203.0.113.7:443".parse().ok(),
            request_headers,
            response_headers,
            response_body: br#"{"received":1}"#.to_vec(),
            truncated: false,
        },
    }
}

async fn measure(work: impl Future<Output = ()>) -> (Duration, Duration) {
    let (started, cpu) = (Instant::now(), cpu_time());
    work.await;
    (started.elapsed(), cpu_time().saturating_sub(cpu))
}

/// Of the whole process, user and system, in steps of 10 ms: fields 14 and 15 of its stat file.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: u64 =
        after_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn report(what: &str, count: u64, took: Duration, cpu: Duration) {
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    println!(
        "{what}: {count} in {:.2} s = {:.0}/s, {:.1} us each, CPU {:.1} us each",
        took.as_secs_f64(),
        count as f64 / took.as_secs_f64(),
        each(took),
        each(cpu),
    );
}
