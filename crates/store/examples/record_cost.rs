//! Measures what recording costs: processor time, bytes on disk and memory for each delivery,
//! and then how long lists and charts take over what was written. Nothing is accepted: the ids
//! of events are made up, as an accept would have made them.
//!
//! `cargo run --release -p posthaste-store --example record_cost -- ROWS BATCH WEBHOOKS [FOLDER]`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use posthaste_core::attempt::{Attempt, Exchange, Outcome, Timings, Trigger};
use posthaste_core::delivery::{Delivery, DeliveryState, DeliveryStatus, LastAttempt, Progress};
use posthaste_core::event::Event;
use posthaste_core::event_type::EventType;
use posthaste_core::header_lines::HeaderLines;
use posthaste_core::id::{AccountId, EventId, IdSequence, WebhookId};
use posthaste_core::page::PageRequest;
use posthaste_core::sent_headers::{OwnHeader, SentHeaders, SentValue};
use posthaste_core::store::{
    AcceptedSink, DeliveryFilter, DeliveryRecord, DeliveryStore, RecordBatch, StatsQuery,
    StatsStore,
};
use posthaste_core::time::Timestamp;
use posthaste_store::SqliteStore;
use tokio::time::Instant;

/// 2025-01-15T00:00:00Z.
const START: i64 = 1_736_899_200_000;
/// Rows of one second: what a million rows are spread over decides how many rollups there are.
const ROWS_PER_SECOND: i64 = 1_000;
/// One delivery in so many fails, with a status of 500.
const FAILED_EACH: u64 = 500;
/// One delivery in so many is of a rare event type.
const RARE_EACH: u64 = 100_000;

struct Nobody;

impl AcceptedSink for Nobody {
    fn accepted(&self, _: Vec<Arc<Event>>) {}
}

struct Plan {
    rows: u64,
    batch: u64,
    webhooks: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| {
        let given = arguments.next();
        given.map_or(default, |text| text.parse().expect("a number"))
    };
    let plan = Plan { rows: number(200_000), batch: number(1_000), webhooks: number(100) };
    let folder = arguments.next().map_or_else(|| "record-cost".into(), PathBuf::from);
    let _ = std::fs::remove_dir_all(&folder);
    let now = Timestamp::from_millis(START);
    let store = SqliteStore::open(&folder, 0, Arc::new(Nobody), now).expect("open");

    let (mut cpu, mut took) = (Duration::ZERO, Duration::ZERO);
    let mut ids = IdSequence::new(0, 0);
    let mut made = 0;
    while made < plan.rows {
        let batch = Arc::new(batch(&plan, &mut ids, made));
        made += batch.records.len() as u64;
        let (started, cpu_before) = (Instant::now(), cpu_time());
        store.record(batch).await.expect("record");
        cpu += cpu_time().saturating_sub(cpu_before);
        took += started.elapsed();
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / plan.rows as f64;
    println!(
        "record: {} rows in batches of {}, {} webhooks: {:.2} us each, processor {:.2} us each",
        plan.rows,
        plan.batch,
        plan.webhooks,
        each(took),
        each(cpu),
    );
    println!("memory: {} KiB at most", status_line("VmHWM:"));
    drop(store);
    println!("disk: {} bytes each", file_bytes(&folder) / plan.rows);
    let store = SqliteStore::open(&folder, 0, Arc::new(Nobody), now).expect("open");
    lists(&store, &plan).await;
    charts(&store, &plan).await;
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

async fn lists(store: &SqliteStore, plan: &Plan) {
    let any = DeliveryFilter::default;
    let webhook_id = Some(WebhookId::from_raw(plan.webhooks / 2 + 1));
    let named = |name| Some(EventType::parse(name).expect("a name"));
    let middle = Timestamp::from_millis(START + (plan.rows as i64 / ROWS_PER_SECOND) * 500);
    let later = middle.saturating_add(Duration::from_secs(1));
    use DeliveryStatus::{Cancelled, Delivered, Failed, Pending, Retrying};
    for (what, filter) in [
        ("any", any()),
        ("webhook", DeliveryFilter { webhook_id, ..any() }),
        ("failed", DeliveryFilter { status: Some(Failed), ..any() }),
        ("failed, webhook", DeliveryFilter { status: Some(Failed), webhook_id, ..any() }),
        ("delivered", DeliveryFilter { status: Some(Delivered), ..any() }),
        ("pending", DeliveryFilter { status: Some(Pending), ..any() }),
        ("retrying, webhook", DeliveryFilter { status: Some(Retrying), webhook_id, ..any() }),
        ("cancelled", DeliveryFilter { status: Some(Cancelled), ..any() }),
        ("cancelled, webhook", DeliveryFilter { status: Some(Cancelled), webhook_id, ..any() }),
        ("status 500", DeliveryFilter { status_code: Some(500), ..any() }),
        ("status 500, webhook", DeliveryFilter { status_code: Some(500), webhook_id, ..any() }),
        ("status 404", DeliveryFilter { status_code: Some(404), ..any() }),
        ("status 200", DeliveryFilter { status_code: Some(200), ..any() }),
        ("status 201", DeliveryFilter { status_code: Some(201), ..any() }),
        ("type", DeliveryFilter { event_type: named("call.ended"), ..any() }),
        ("rare type", DeliveryFilter { event_type: named("call.rare"), ..any() }),
        (
            "rare type, webhook",
            DeliveryFilter { event_type: named("call.rare"), webhook_id, ..any() },
        ),
        ("unknown type", DeliveryFilter { event_type: named("call.never"), ..any() }),
        ("since", DeliveryFilter { since: Some(middle), ..any() }),
        ("until", DeliveryFilter { until: Some(middle), ..any() }),
        ("until, webhook", DeliveryFilter { until: Some(middle), webhook_id, ..any() }),
        (
            "one second, failed",
            DeliveryFilter {
                since: Some(middle),
                until: Some(later),
                status: Some(Failed),
                ..any()
            },
        ),
        (
            "several",
            DeliveryFilter {
                until: Some(middle),
                webhook_id,
                event_type: named("call.rare"),
                status_code: Some(500),
                status: Some(Failed),
                ..any()
            },
        ),
    ] {
        list(store, what, &filter, AccountId::from_raw(1)).await;
    }
    list(store, "another account", &any(), AccountId::from_raw(2)).await;
}

async fn list(store: &SqliteStore, what: &str, filter: &DeliveryFilter, account: AccountId) {
    let page = PageRequest::default();
    let mut times = Vec::new();
    let mut found = 0;
    let mut goes_on = false;
    for _ in 0..5 {
        let started = Instant::now();
        let list = store.list_deliveries(account, filter, page).await.expect("list");
        times.push(started.elapsed().as_micros());
        (found, goes_on) = (list.items.len(), list.next.is_some());
    }
    let first = times[0];
    times.sort_unstable();
    println!("list: {what}: {found} found, goes on: {goes_on}, {} us, first {first} us", times[2]);
}

async fn charts(store: &SqliteStore, plan: &Plan) {
    let from = Timestamp::from_millis(START);
    let to = from.saturating_add(Duration::from_hours(30 * 24));
    for webhook_id in [None, Some(WebhookId::from_raw(plan.webhooks / 2 + 1))] {
        let step = Duration::from_hours(1);
        let account_id = AccountId::from_raw(1);
        let started = Instant::now();
        let query = StatsQuery { account_id, webhook_id, from, to, step };
        let series = store.stats(query).await.expect("stats");
        let attempts: u64 = series.buckets.iter().map(|(_, rollup)| rollup.attempts).sum();
        println!("stats: {attempts} attempts in {} us", started.elapsed().as_micros());
    }
    let started = Instant::now();
    let health = store.health(WebhookId::from_raw(1), from).await.expect("health");
    println!("health: {} hits in {} us", health.hits.count, started.elapsed().as_micros());
}

fn batch(plan: &Plan, ids: &mut IdSequence, made: u64) -> RecordBatch {
    let names = ["call.ended", "call.rare"].map(|name| EventType::parse(name).expect("a name"));
    let numbers = made..(made + plan.batch).min(plan.rows);
    let records: Vec<DeliveryRecord> =
        numbers.map(|number| record(plan, ids, number, &names)).collect();
    let low_water = records.last().map(|record: &DeliveryRecord| record.delivery.event_id);
    RecordBatch { records, low_water }
}

fn record(
    plan: &Plan,
    ids: &mut IdSequence,
    number: u64,
    names: &[EventType; 2],
) -> DeliveryRecord {
    let now = Timestamp::from_millis(START + number.cast_signed() * 1_000 / ROWS_PER_SECOND);
    let event_id = EventId::from_raw(ids.block(now, 2));
    let fails = number.is_multiple_of(FAILED_EACH);
    let attempt = attempt(event_id, number, now, fails);
    let at = attempt.ended_at();
    let state = if fails { DeliveryState::Failed { at } } else { DeliveryState::Delivered { at } };
    let delivery = Delivery {
        id: event_id.delivery(0),
        event_id,
        account_id: AccountId::from_raw(1),
        // Scattered, as events of many webhooks are.
        webhook_id: WebhookId::from_raw(mix(number) % plan.webhooks + 1),
        event_type: names[usize::from(number.is_multiple_of(RARE_EACH))].clone(),
        trigger: Trigger::Event,
        state,
        progress: Progress { attempts: 1, used: u32::from(fails), first_deferred_at: None },
        last: Some(LastAttempt::from(&attempt)),
    };
    DeliveryRecord { delivery, attempt: Some(attempt.into()), manual_due: false, first: true }
}

/// Bits that look like chance.
fn mix(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 8
}

fn digest(number: u64) -> [u8; 32] {
    let mut digest = [0; 32];
    for (part, chunk) in digest.chunks_mut(8).enumerate() {
        chunk.copy_from_slice(&mix(number ^ ((part as u64 + 1) << 48)).to_le_bytes());
    }
    digest
}

fn attempt(event_id: EventId, number: u64, now: Timestamp, fails: bool) -> Attempt {
    let mut request_headers = SentHeaders::default();
    request_headers.push(OwnHeader::ContentType, SentValue::Json);
    request_headers.push(OwnHeader::UserAgent, SentValue::Text("Posthaste/0.1.0"));
    request_headers.push(OwnHeader::Signature, SentValue::Hex(&digest(number)));
    request_headers.push(OwnHeader::WebhookId, SentValue::EventId(event_id));
    let second = now.as_unix_seconds().cast_unsigned();
    request_headers.push(OwnHeader::WebhookTimestamp, SentValue::Number(second));
    request_headers.push(OwnHeader::WebhookSignature, SentValue::Standard(&digest(!number)));
    request_headers.push(OwnHeader::Event, SentValue::Text("call.ended"));
    request_headers.push(OwnHeader::Attempt, SentValue::Number(1));
    let date = format!("Wed, 15 Jan 2025 14:30:{:02} GMT", second % 60);
    let response_headers = HeaderLines::from_iter([
        ("content-type", "application/json; charset=utf-8"),
        ("content-length", "14"),
        ("date", date.as_str()),
        ("connection", "keep-alive"),
    ]);
    Attempt {
        number: 1,
        trigger: Trigger::Event,
        outcome: if fails { Outcome::Rejected } else { Outcome::Succeeded },
        status_code: Some(if fails { 500 } else { 200 }),
        error: fails.then(|| "the receiver answered 500".to_owned()),
        started_at: now,
        duration_ms: 5 + (mix(number) % 40) as u32,
        timings: Timings { first_byte_ms: Some(4), ..Timings::default() },
        exchange: Exchange {
            remote_address: "203.0.113.7:443".parse().ok(),
            request_headers,
            response_headers,
            response_body: br#"{"received":1}"#.to_vec(),
            truncated: false,
        },
    }
}

fn file_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("our folder");
    entries.map(|entry| entry.and_then(|entry| entry.metadata()).map_or(0, |file| file.len())).sum()
}

/// Of the whole process, user and system, in nanoseconds: what the scheduler counted.
fn cpu_time() -> Duration {
    let mut total = 0;
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        total += text.split(' ').next().and_then(|spent| spent.parse().ok()).unwrap_or(0);
    }
    Duration::from_nanos(total)
}

fn status_line(name: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or("?").trim().trim_end_matches(" kB").to_owned()
}
