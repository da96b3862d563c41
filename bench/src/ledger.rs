//! What was posted, what was accepted and what arrived, event by event, from which everything is
//! counted afterwards: rates, latencies, what was lost and what came twice. Bounded: a ledger has
//! a fixed number of entries, and when they are used up no more is posted.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Entries for arrivals of one run: 64 MiB, and more than a run of a few seconds needs.
pub const ARRIVALS_MAX: usize = 4_000_000;
/// "Not yet", of a time.
const NEVER: u32 = u32::MAX;

/// Written by all connections at once, without locks. Times are microseconds since the start.
pub struct Ledger {
    started: Instant,
    /// Receivers that each event is to arrive at.
    receivers: usize,
    next: AtomicUsize,
    events: Box<[EventEntry]>,
    /// `receivers` for each event.
    arrivals: Box<[Arrival]>,
    /// Events that may still be posted before others have to arrive.
    window: Semaphore,
    delivered: AtomicU64,
    duplicates: AtomicU64,
    strangers: AtomicU64,
    refused: AtomicU64,
}

struct EventEntry {
    sent_us: AtomicU32,
    accepted_us: AtomicU32,
    /// Arrivals still missing.
    missing: AtomicU32,
}

struct Arrival {
    at_us: AtomicU32,
    /// Of the `webhook-id`: the same delivery must keep it.
    id_hash: AtomicU32,
}

/// A part of a run, in microseconds since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    pub from_us: u32,
    pub until_us: u32,
}

/// Everything the ledger knows at the end, about the events posted within an interval.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    pub accept_us: Vec<u32>,
    pub end_to_end_us: Vec<u32>,
    /// Of the whole run: events.
    pub accepted: u64,
    /// Of the whole run: accepted, and missing at a receiver.
    pub lost: u64,
    /// Of the whole run: arrived again.
    pub duplicates: u64,
    /// Of the whole run: what nobody posted, or what came again under another `webhook-id`.
    pub strangers: u64,
    /// Of the whole run: events that were not accepted.
    pub refused: u64,
}

impl Ledger {
    pub fn new(receivers: usize, window: usize) -> Ledger {
        Ledger::with_events(receivers, window, ARRIVALS_MAX / receivers.max(1))
    }

    /// For a run that posts `events` events and no more.
    pub fn with_events(receivers: usize, window: usize, events: usize) -> Ledger {
        let missing = u32::try_from(receivers).expect("receivers are few");
        let event = |_| EventEntry {
            sent_us: AtomicU32::new(NEVER),
            accepted_us: AtomicU32::new(NEVER),
            missing: AtomicU32::new(missing),
        };
        let arrival = |_| Arrival { at_us: AtomicU32::new(NEVER), id_hash: AtomicU32::new(0) };
        Ledger {
            started: Instant::now(),
            receivers,
            next: AtomicUsize::new(0),
            events: (0..events).map(event).collect(),
            arrivals: (0..events * receivers).map(arrival).collect(),
            window: Semaphore::new(window),
            delivered: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            strangers: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    pub fn now_us(&self) -> u32 {
        u32::try_from(self.started.elapsed().as_micros()).unwrap_or(NEVER - 1)
    }

    /// The first of `count` new sequence numbers, as soon as the window has room for them. `None`
    /// when nothing more is to be posted.
    pub async fn begin(&self, count: usize) -> Option<usize> {
        let room = u32::try_from(count).expect("a batch is small");
        self.window.acquire_many(room).await.ok()?.forget();
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        if first + count > self.events.len() {
            self.stop();
            return None;
        }
        let now = self.now_us();
        for entry in &self.events[first..first + count] {
            entry.sent_us.store(now, Ordering::Relaxed);
        }
        Some(first)
    }

    pub fn accepted(&self, first: usize, count: usize) {
        let now = self.now_us();
        for entry in &self.events[first..first + count] {
            entry.accepted_us.store(now, Ordering::Relaxed);
        }
    }

    pub fn refused(&self, count: usize) {
        self.refused.fetch_add(count as u64, Ordering::Relaxed);
        self.window.add_permits(count);
    }

    pub fn arrived(&self, sequence: Option<usize>, receiver: usize, webhook_id: &[u8]) {
        let posted = self.posted();
        let is_known = |&sequence: &usize| sequence < posted && receiver < self.receivers;
        let Some(sequence) = sequence.filter(is_known) else {
            self.strangers.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let arrival = &self.arrivals[sequence * self.receivers + receiver];
        let id_hash = hash(webhook_id);
        if arrival.at_us.swap(self.now_us(), Ordering::Relaxed) != NEVER {
            let is_same = arrival.id_hash.load(Ordering::Relaxed) == id_hash;
            let count = if is_same { &self.duplicates } else { &self.strangers };
            count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        arrival.id_hash.store(id_hash, Ordering::Relaxed);
        self.delivered.fetch_add(1, Ordering::Relaxed);
        if self.events[sequence].missing.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.window.add_permits(1);
        }
    }

    /// Events, accepted or not.
    pub fn posted(&self) -> usize {
        self.next.load(Ordering::Relaxed).min(self.events.len())
    }

    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// When deliveries arrived for the first time, in no order.
    pub fn arrivals_us(&self) -> Vec<u32> {
        let times = self.arrivals.iter().map(|arrival| arrival.at_us.load(Ordering::Relaxed));
        times.filter(|&at_us| at_us != NEVER).collect()
    }

    /// The times of one event that was posted and has arrived everywhere: sent, accepted, and
    /// arrived at the last of its receivers.
    pub fn times_us(&self, sequence: usize) -> (u32, u32, u32) {
        let entry = &self.events[sequence];
        let first = sequence * self.receivers;
        let arrivals = &self.arrivals[first..first + self.receivers];
        let last = arrivals.iter().map(|arrival| arrival.at_us.load(Ordering::Relaxed)).max();
        let sent_us = entry.sent_us.load(Ordering::Relaxed);
        (sent_us, entry.accepted_us.load(Ordering::Relaxed), last.unwrap_or(sent_us))
    }

    /// No more posts begin.
    pub fn stop(&self) {
        self.window.close();
    }

    pub fn is_stopped(&self) -> bool {
        self.window.is_closed()
    }

    /// Whether all that was accepted has arrived. Meant for after the last answer.
    pub fn is_complete(&self) -> bool {
        self.accepted_events().all(|(_, entry)| entry.missing.load(Ordering::Relaxed) == 0)
    }

    /// Meant for after the last arrival.
    pub fn findings(&self, interval: Interval) -> Findings {
        let mut findings = Findings {
            duplicates: self.duplicates.load(Ordering::Relaxed),
            strangers: self.strangers.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            ..Findings::default()
        };
        for (sequence, entry) in self.accepted_events() {
            findings.accepted += 1;
            let sent_us = entry.sent_us.load(Ordering::Relaxed);
            let is_measured = (interval.from_us..interval.until_us).contains(&sent_us);
            if is_measured {
                findings.accept_us.push(entry.accepted_us.load(Ordering::Relaxed) - sent_us);
            }
            let first = sequence * self.receivers;
            for arrival in &self.arrivals[first..first + self.receivers] {
                match arrival.at_us.load(Ordering::Relaxed) {
                    NEVER => findings.lost += 1,
                    at_us if is_measured => findings.end_to_end_us.push(at_us - sent_us),
                    _ => {}
                }
            }
        }
        findings
    }

    fn accepted_events(&self) -> impl Iterator<Item = (usize, &EventEntry)> {
        let posted = self.posted();
        self.events[..posted]
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.accepted_us.load(Ordering::Relaxed) != NEVER)
    }
}

fn hash(webhook_id: &[u8]) -> u32 {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(webhook_id);
    u32::try_from(hash >> 32).expect("32 bits are left")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Interval = Interval { from_us: 0, until_us: NEVER };

    #[tokio::test]
    async fn what_was_accepted_and_did_not_arrive_everywhere_is_lost() {
        let ledger = Ledger::new(2, 10);
        let first = ledger.begin(3).await.unwrap();
        ledger.accepted(first, 2);
        ledger.refused(1);
        ledger.arrived(Some(first), 0, b"evt_1");
        ledger.arrived(Some(first), 1, b"evt_1");
        ledger.arrived(Some(first + 1), 1, b"evt_2");
        assert!(!ledger.is_complete());
        let findings = ledger.findings(ALL);
        assert_eq!((findings.accepted, findings.lost, findings.refused), (2, 1, 1));
        assert_eq!((findings.accept_us.len(), findings.end_to_end_us.len()), (2, 3));
        ledger.arrived(Some(first + 1), 0, b"evt_2");
        assert!(ledger.is_complete());
        assert_eq!(ledger.findings(ALL).lost, 0);
    }

    #[tokio::test]
    async fn what_comes_again_is_a_duplicate_only_under_its_own_id() {
        let ledger = Ledger::new(1, 10);
        let first = ledger.begin(1).await.unwrap();
        for (sequence, id) in
            [(Some(first), "evt_1"), (Some(first), "evt_1"), (Some(first), "evt_2"), (None, "")]
        {
            ledger.arrived(sequence, 0, id.as_bytes());
        }
        ledger.arrived(Some(first + 1), 0, b"evt_3");
        let findings = ledger.findings(ALL);
        assert_eq!((findings.duplicates, findings.strangers), (1, 3));
    }

    #[tokio::test]
    async fn the_window_opens_again_when_an_event_has_arrived_everywhere() {
        let ledger = Ledger::new(2, 1);
        let first = ledger.begin(1).await.unwrap();
        ledger.arrived(Some(first), 0, b"evt_1");
        assert_eq!(ledger.window.available_permits(), 0);
        ledger.arrived(Some(first), 1, b"evt_1");
        assert_eq!(ledger.begin(1).await, Some(first + 1));
        ledger.stop();
        assert_eq!(ledger.begin(1).await, None);
    }
}
