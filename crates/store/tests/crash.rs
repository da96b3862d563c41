//! Kills a process that accepts and records as fast as it can, again and again at points it does
//! not choose, and holds what is found afterwards against what had been acknowledged.
//!
//! This shows that the order of writes is right. It cannot show that they are synced: the kernel
//! keeps what a killed process has written. The log's own test of power cuts and
//! `scripts/power_cut.py` show that.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use posthaste_core::attempt::{Attempt, Exchange, Outcome, Timings, Trigger};
use posthaste_core::delivery::{Delivery, DeliveryState, LastAttempt, Progress};
use posthaste_core::event::{Event, NewEvent};
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, DeliveryId, EventId, WebhookId};
use posthaste_core::page::PageRequest;
use posthaste_core::store::{
    Accept, Accepted, AcceptedSink, DeliveryFilter, DeliveryRecord, DeliveryStore, EventStore,
    Outstanding, RecordBatch, Recovered, StatsQuery, StatsStore, WebhookStore,
};
use posthaste_core::time::Timestamp;
use posthaste_store::SqliteStore;
use tempfile::TempDir;

const ROUNDS: u64 = 25;
/// Tells the child which folder is its.
const FOLDER: &str = "POSTHASTE_CRASH_TEST_FOLDER";
const ROUND: &str = "POSTHASTE_CRASH_TEST_ROUND";
const ACCOUNT: AccountId = AccountId::from_raw(1);
const WEBHOOKS: [WebhookId; 3] =
    [WebhookId::from_raw(1), WebhookId::from_raw(2), WebhookId::from_raw(3)];

/// Each round is three hours later than the one before, so that midnights are crossed.
fn now(round: u64) -> Timestamp {
    let start = Timestamp::from_millis(1_736_951_425_123);
    start.saturating_add(Duration::from_secs(3 * 3_600 * round))
}

#[derive(Default)]
struct Collected(Mutex<Vec<Arc<Event>>>);

impl AcceptedSink for Collected {
    fn accepted(&self, events: Vec<Arc<Event>>) {
        self.0.lock().extend(events);
    }
}

// The child.

/// Does nothing unless the parent started it.
#[test]
fn the_process_that_is_killed() {
    let (Some(folder), Some(round)) = (std::env::var_os(FOLDER), std::env::var_os(ROUND)) else {
        return;
    };
    let round = round.to_str().and_then(|round| round.parse().ok()).expect("a number");
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(child(Path::new(&folder), now(round)));
}

/// Says on standard output what was acknowledged, a line each, right after it was.
fn acknowledged(kind: char, id: u64) {
    // One write, so that no line is torn between two threads.
    let line = format!("{kind} {id}\n").into_bytes();
    std::io::stdout().write_all(&line).expect("the parent reads");
}

async fn child(folder: &Path, now: Timestamp) {
    let sink = Arc::new(Collected::default());
    let store = Arc::new(SqliteStore::open(folder, 0, sink.clone(), now).expect("open"));
    // Before anything new comes, which the sink would bring a second time.
    let recovered = store.recover(1_000_000).await.expect("recover");
    for producer in 0..4 {
        let store = store.clone();
        // Never joined: the process is killed.
        tokio::spawn(async move {
            for number in producer.. {
                let event = NewEvent {
                    event_type: EventType::parse("call.ended").expect("a name"),
                    timestamp: now,
                    powerlist_id: None,
                    data: r#"{"call_id":"c_1"}"#.into(),
                    trigger: Trigger::Event,
                    hops: 0,
                    targets: WEBHOOKS[..number % 4].to_vec(),
                };
                let accept =
                    Accept { account_id: ACCOUNT, events: vec![event; 2], idempotency: None };
                let accepted = store.accept(now, accept).await.expect("accept");
                let Accepted::New(receipts) = accepted else { panic!("{accepted:?}") };
                for receipt in receipts {
                    acknowledged('A', receipt.id.as_raw());
                }
            }
        });
    }
    record_for_ever(&store, &sink, recovered, now).await;
}

/// Plays the engine: takes up what was left, then records what comes in, some of it in the end,
/// some to be tried again, with the mark that holds.
async fn record_for_ever(
    store: &SqliteStore,
    sink: &Collected,
    recovered: Recovered,
    now: Timestamp,
) {
    let has_row: BTreeSet<DeliveryId> = recovered.recorded.into_iter().collect();
    let mut records: Vec<DeliveryRecord> =
        recovered.outstanding.into_iter().map(|outstanding| succeed(outstanding, now)).collect();
    let mut newest = None;
    let mut events = recovered.events;
    loop {
        for event in events {
            newest = newest.max(Some(event.id));
            let without_row = (0..event.targets.len())
                .filter(|position| !has_row.contains(&event.id.delivery(*position)));
            records.extend(without_row.map(|position| first_attempt(&event, position, now)));
        }
        let ids: Vec<DeliveryId> = records.iter().map(|record| record.delivery.id).collect();
        let batch = RecordBatch { records: std::mem::take(&mut records), low_water: newest };
        store.record(Arc::new(batch)).await.expect("record");
        for id in ids {
            acknowledged('R', id.as_raw());
        }
        tokio::task::yield_now().await;
        events = std::mem::take(&mut *sink.0.lock());
    }
}

fn first_attempt(event: &Event, position: usize, now: Timestamp) -> DeliveryRecord {
    let succeeds = !event.id.as_raw().is_multiple_of(3) || position > 0;
    let attempt = attempt(1, succeeds, now);
    let state = if succeeds {
        DeliveryState::Delivered { at: now }
    } else {
        DeliveryState::Retrying { due: now }
    };
    let delivery = Delivery {
        id: event.id.delivery(position),
        event_id: event.id,
        account_id: event.account_id,
        webhook_id: event.targets[position],
        event_type: event.event_type.clone(),
        trigger: event.trigger,
        state,
        progress: Progress { attempts: 1, used: 1, first_deferred_at: None },
        last: Some(LastAttempt::from(&attempt)),
    };
    DeliveryRecord { delivery, attempt: Some(attempt.into()), manual_due: false, first: true }
}

fn succeed(outstanding: Outstanding, now: Timestamp) -> DeliveryRecord {
    let mut delivery = outstanding.delivery;
    let attempt = attempt(delivery.progress.attempts + 1, true, now);
    delivery.progress.attempts += 1;
    delivery.state = DeliveryState::Delivered { at: now };
    delivery.last = Some(LastAttempt::from(&attempt));
    DeliveryRecord { delivery, attempt: Some(attempt.into()), manual_due: false, first: false }
}

fn attempt(number: u32, succeeds: bool, now: Timestamp) -> Attempt {
    let (outcome, status) =
        if succeeds { (Outcome::Succeeded, 200) } else { (Outcome::Rejected, 500) };
    Attempt {
        number,
        trigger: Trigger::Event,
        outcome,
        status_code: Some(status),
        error: None,
        started_at: now,
        duration_ms: 5,
        timings: Timings::default(),
        exchange: Exchange::default(),
    }
}

// The parent.

/// What children acknowledged before they were killed.
#[derive(Default)]
struct Acknowledged {
    accepted: BTreeSet<EventId>,
    recorded: BTreeMap<DeliveryId, u32>,
}

impl Acknowledged {
    fn read(&mut self, line: &str) {
        // The test harness of the child prints lines of its own.
        let parsed = line.split_once(' ').and_then(|(kind, id)| Some((kind, id.parse().ok()?)));
        match parsed {
            Some(("A", id)) => {
                self.accepted.insert(EventId::from_raw(id));
            }
            Some(("R", id)) => *self.recorded.entry(DeliveryId::from_raw(id)).or_default() += 1,
            _ => {}
        }
    }

    fn add(&mut self, more: Acknowledged) {
        self.accepted.extend(more.accepted);
        for (id, count) in more.recorded {
            *self.recorded.entry(id).or_default() += count;
        }
    }
}

#[test]
fn whatever_was_acknowledged_survives_a_kill_at_any_point() {
    let dir = TempDir::new().expect("a folder");
    let mut acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        let mut of_round = Acknowledged::default();
        run_and_kill(dir.path(), round, &mut of_round);
        assert!(
            of_round.accepted.first() > acknowledged.accepted.last()
                || of_round.accepted.is_empty(),
            "no id comes twice"
        );
        acknowledged.add(of_round);
        // Not only what this round added: an old day could be harmed as well.
        let runtime = tokio::runtime::Runtime::new().expect("runtime");
        runtime.block_on(check(dir.path(), now(round), &acknowledged));
    }
    assert!(acknowledged.accepted.len() > 1_000 && acknowledged.recorded.len() > 1_000);
}

/// Kills the child after a number of lines that differs from round to round, then takes in what
/// it had said before it died.
fn run_and_kill(folder: &Path, round: u64, acknowledged: &mut Acknowledged) {
    let own = std::env::current_exe().expect("this test");
    let mut child = Command::new(own)
        .args(["--exact", "the_process_that_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let lines_wanted = 20 + round.wrapping_mul(6_364_136_223_846_793_005) % 1_000;
    for line in lines.by_ref().take(usize::try_from(lines_wanted).expect("small")) {
        acknowledged.read(&line.expect("text"));
    }
    child.kill().expect("it is ours");
    child.wait().expect("it ends");
    for line in lines {
        acknowledged.read(&line.expect("text"));
    }
}

async fn check(folder: &Path, now: Timestamp, acknowledged: &Acknowledged) {
    let store = SqliteStore::open(folder, 0, Arc::new(Collected::default()), now).expect("open");
    let recovered = store.recover(1_000_000).await.expect("recover");
    let above_the_mark: BTreeSet<EventId> = recovered.events.iter().map(|event| event.id).collect();

    // I1: every acknowledged event is there, and each of its deliveries is either owed by its
    // event (above the mark) or has a row.
    let rows = all_rows(&store).await;
    for id in &acknowledged.accepted {
        let event = store.event(ACCOUNT, *id).await.expect("event").expect("it was acknowledged");
        for position in 0..event.targets.len() {
            let is_owed = above_the_mark.contains(id);
            assert!(is_owed || rows.contains_key(&id.delivery(position)), "{id} at {position}");
        }
    }
    // I2: what has a row and has not ended is found again.
    let unfinished: BTreeSet<DeliveryId> = rows
        .values()
        .filter(|delivery| delivery.state.due().is_some())
        .map(|delivery| delivery.id)
        .collect();
    let outstanding: BTreeSet<DeliveryId> =
        recovered.outstanding.iter().map(|outstanding| outstanding.delivery.id).collect();
    assert_eq!(unfinished, outstanding);
    let above: BTreeSet<DeliveryId> = rows
        .values()
        .filter(|delivery| above_the_mark.contains(&delivery.event_id))
        .map(|delivery| delivery.id)
        .collect();
    assert_eq!(above, recovered.recorded.iter().copied().collect());

    // I3: every acknowledged outcome is there, with all its attempts.
    for (id, count) in &acknowledged.recorded {
        let (delivery, attempts) =
            store.delivery(ACCOUNT, *id).await.expect("delivery").expect("it was acknowledged");
        assert!(attempts.len() >= *count as usize, "{id}: {count} acknowledged");
        let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.number).collect();
        assert_eq!(numbers, (1..=delivery.progress.attempts).collect::<Vec<_>>());
    }

    // I4: hits and rollups moved with the attempts they count.
    let attempts: u64 = rows.values().map(|delivery| u64::from(delivery.progress.attempts)).sum();
    let hits = store.hits(&WEBHOOKS).await.expect("hits");
    assert_eq!(hits.iter().map(|hits| hits.count).sum::<u64>(), attempts);
    let step = Duration::from_hours(24 * 30);
    let query = StatsQuery {
        account_id: ACCOUNT,
        webhook_id: None,
        from: self::now(0).saturating_sub(Duration::from_hours(1)),
        to: now.saturating_add(Duration::from_hours(1)),
        step,
    };
    let series = store.stats(query).await.expect("stats");
    let total = &series.buckets[0].1;
    assert_eq!((total.attempts, total.events), (attempts, rows.len() as u64));
    assert_eq!(total.delivered, (rows.len() - unfinished.len()) as u64);
}

async fn all_rows(store: &SqliteStore) -> BTreeMap<DeliveryId, Delivery> {
    let mut rows = BTreeMap::new();
    let mut page = PageRequest { limit: 200, cursor: None };
    loop {
        let filter = DeliveryFilter::default();
        let found = store.list_deliveries(ACCOUNT, &filter, page).await.expect("list");
        rows.extend(found.items.into_iter().map(|delivery| (delivery.id, delivery)));
        page.cursor = found.next;
        if page.cursor.is_none() {
            return rows;
        }
    }
}
