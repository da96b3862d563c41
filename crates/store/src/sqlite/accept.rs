//! Accepting events: the queue of those who wait, the thread that commits, and what a commit does.
//!
//! Group commit: while one commit syncs, the next accepts gather in the queue, and are then written
//! together. One sync is shared by all that came during the one before it; alone, an event waits
//! for nothing but its own. Under load a group waits a little for more ([`Company`]).

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use parking_lot::{Condvar, Mutex};
use posthaste_core::event::{Event, Idempotency, NewEvent};
use posthaste_core::id::{AccountId, EventId, ID_STRIDE, IdSequence};
use posthaste_core::limits::{ACCEPT_COMMIT_MAX, ACCEPT_QUEUE_MAX};
use posthaste_core::store::{Accept, Accepted, StoreError};
use posthaste_core::time::Timestamp;
use tokio::sync::oneshot;

use super::company::{Company, GROUP_EVENTS};
use super::fault::{Fault, same};
use super::keys::{Flush, FlushSize, Place};
use super::partitions::Day;
use super::{Shared, SqliteStore};
use crate::log::LogWriter;
use crate::log::frame::{NewFrame, ids_of};

/// Data that is gathered for one commit: with more, those who wait would wait for the writing and
/// not for the sync. One accept may be larger.
const COMMIT_BYTES: usize = 4 * 1024 * 1024;

type Outcome = Result<Accepted, StoreError>;
type Answer = oneshot::Sender<Outcome>;

/// An accept that waits for its commit.
struct PendingAccept {
    now: Timestamp,
    accept: Accept,
    answer: Answer,
}

/// Who waits to be committed, and whether somebody commits.
#[derive(Default)]
pub struct AcceptQueue {
    waiting: Mutex<Waiting>,
    /// There are events enough for a good group.
    gathered: Condvar,
}

#[derive(Default)]
struct Waiting {
    accepts: VecDeque<PendingAccept>,
    /// In all of `accepts`.
    events: usize,
    is_committing: bool,
    company: Company,
}

impl AcceptQueue {
    /// Whether the caller must see to it that somebody commits.
    fn push(&self, accept: PendingAccept) -> Result<bool, StoreError> {
        let mut waiting = self.waiting.lock();
        if waiting.accepts.len() >= ACCEPT_QUEUE_MAX {
            return Err(StoreError::Overloaded);
        }
        let before = waiting.events;
        waiting.events += accept.accept.events.len();
        if before < GROUP_EVENTS && waiting.events >= GROUP_EVENTS {
            // Costs nothing where nobody waits.
            self.gathered.notify_one();
        }
        waiting.accepts.push_back(accept);
        Ok(!std::mem::replace(&mut waiting.is_committing, true))
    }

    /// What is committed next. If there is nothing, the one who asks has ended committing.
    fn take_group(&self) -> Option<Vec<PendingAccept>> {
        let mut waiting = self.waiting.lock();
        let (mut events, mut bytes) = (0, 0);
        let mut count = 0;
        // By events and bytes too: a thousand batches of a thousand would be one long commit.
        for PendingAccept { accept, .. } in waiting.accepts.iter().take(ACCEPT_COMMIT_MAX) {
            if events >= ACCEPT_COMMIT_MAX || bytes >= COMMIT_BYTES {
                break;
            }
            count += 1;
            events += accept.events.len();
            bytes += accept.events.iter().map(|event| event.data.len()).sum::<usize>();
        }
        waiting.is_committing = count > 0;
        waiting.events -= events;
        (count > 0).then(|| waiting.accepts.drain(..count).collect())
    }

    /// Waits for more, if that is worth it after a group of `group` events.
    fn gather(&self, group: usize) {
        let mut waiting = self.waiting.lock();
        let queued = waiting.events;
        let Some(wait) = waiting.company.wait(group, queued) else { return };
        self.gathered.wait_while_for(&mut waiting, |waiting| waiting.events < GROUP_EVENTS, wait);
        let queued = waiting.events;
        waiting.company.waited(queued);
    }
}

/// The duty to commit what is queued, from the first accept that comes until none waits. If it is
/// lost (the runtime goes down), so is what waits: nobody would ever answer.
struct Committer {
    queue: Arc<AcceptQueue>,
    shared: Weak<Shared>,
    is_done: bool,
}

impl Drop for Committer {
    fn drop(&mut self) {
        if !self.is_done {
            let lost = std::mem::take(&mut *self.queue.waiting.lock());
            drop(lost);
        }
    }
}

impl Committer {
    /// On a blocking thread, which goes on as long as there is something: a thread that had to be
    /// woken for each commit would cost as much as the commit. It ends when nothing waits, so
    /// that a runtime whose time is paused knows that nothing goes on.
    fn run(mut self) {
        while let Some(group) = self.queue.take_group() {
            let events = group.iter().map(|pending| pending.accept.events.len()).sum();
            // Not held while waiting: the folder's lock goes with it.
            let Some(shared) = self.shared.upgrade() else { continue };
            // What panics drops the senders of all that shared the commit; the next goes on.
            let committed = catch_unwind(AssertUnwindSafe(|| commit(&shared, group)));
            let Ok((answers, flush)) = committed else {
                tracing::error!("a commit of accepted events failed");
                continue;
            };
            let flush = flush.and_then(|flush| flush_or_keep(&shared, flush));
            // Before the answers: whoever gets one may drop the store and open it again.
            drop(shared);
            for (answer, result) in answers {
                // Whoever posted it may have hung up; the event is delivered all the same.
                let _ = answer.send(result);
            }
            if let Some((shared, flush)) = flush {
                flush_keys(shared, flush);
            }
            self.queue.gather(events);
        }
        self.is_done = true;
    }
}

/// A few keys are written at once, a millisecond for each segment of the log; many go into the
/// background, with those who wait for the disk answered first.
fn flush_or_keep(shared: &Arc<Shared>, flush: Flush) -> Option<(Arc<Shared>, Flush)> {
    match flush.size() {
        FlushSize::Few | FlushSize::TooMany => {
            write_keys(shared, &flush);
            None
        }
        FlushSize::Many => Some((shared.clone(), flush)),
    }
}

/// Not joined: it holds the folder's lock until it is over, and what it does not get to is read
/// from the log at the next start.
fn flush_keys(shared: Arc<Shared>, flush: Flush) {
    drop(tokio::task::spawn_blocking(move || write_keys(&shared, &flush)));
}

fn write_keys(shared: &Shared, flush: &Flush) {
    if let Err(fault) = shared.keys.flush(&shared.partitions, flush) {
        let error = shared.trust.judge(fault);
        tracing::warn!(%error, "idempotency keys were not written; they are kept in memory");
    }
}

/// What only the committing code touches.
#[derive(Debug)]
pub struct Accepting {
    ids: IdSequence,
    node: u16,
    /// Of the day that is being written, which is always the newest.
    writer: Option<LogWriter>,
}

impl Accepting {
    /// Continues behind `last_id`.
    pub fn new(node: u16, last_id: u64) -> Accepting {
        Accepting { ids: IdSequence::new(node, last_id), node, writer: None }
    }

    /// An id, rising from call to call, with `count - 1` more behind it, all of the same day: an
    /// accept is one frame, so it must fit one partition.
    fn block(&mut self, now: Timestamp, count: usize) -> u64 {
        let first = self.ids.block(now, count);
        let last = first + (count as u64).saturating_sub(1) * ID_STRIDE;
        let day = Day::of_raw(first);
        if Day::of_raw(last) == day {
            return first;
        }
        // Around midnight the rest of the day may be too short. The next one has room: the most
        // that one accept can ask for is some seconds' worth of ids.
        let midnight = Timestamp::from_millis((day.0 + 1) * 86_400_000);
        self.ids.block(midnight, count)
    }

    /// Lets go of a day that is dropped, and gives out no more ids of it.
    pub fn leave_day(&mut self, day: Day) {
        if self.writer.as_ref().is_some_and(|writer| writer.day() <= day) {
            self.writer = None;
        }
        let next = self.ids.block(Timestamp::EPOCH, 1);
        if next <= day.last_id() {
            self.ids = IdSequence::new(self.node, day.last_id());
        }
    }

    /// The writer of that day's log, a group begun.
    fn begin(&mut self, shared: &Shared, day: Day) -> Result<&mut LogWriter, Fault> {
        if self.writer.as_ref().is_none_or(|writer| writer.day() != day) {
            if let Some(writer) = &mut self.writer {
                writer.seal()?;
                shared.keys.note_sealed(writer.day());
            }
            let partition = shared.partitions.get_or_create(day)?;
            self.writer = Some(LogWriter::open(partition.events.clone())?);
        }
        let writer = self.writer.as_mut().expect("set above");
        if writer.begin()? {
            shared.keys.note_sealed(day);
        }
        Ok(writer)
    }

    fn last_id(&self) -> u64 {
        self.writer.as_ref().map_or(0, LogWriter::last_id)
    }
}

#[cfg(test)]
impl Accepting {
    pub fn log_writer(&mut self) -> &mut LogWriter {
        self.writer.as_mut().expect("something was accepted")
    }
}

impl SqliteStore {
    pub(super) async fn accept_queued(&self, now: Timestamp, accept: Accept) -> Outcome {
        self.shared.trust.check()?;
        let (answer, wait) = oneshot::channel();
        if self.accepts.push(PendingAccept { now, accept, answer })? {
            let (queue, shared) = (self.accepts.clone(), Arc::downgrade(&self.shared));
            let committer = Committer { queue, shared, is_done: false };
            // By way of a task, which runs after those that are ready to accept now: they share
            // the commit. Not joined: it ends by itself, and what has begun holds the folder's
            // lock until it is over.
            tokio::spawn(async move {
                drop(tokio::task::spawn_blocking(move || committer.run()));
            });
        }
        // A commit that panics drops the senders of all that shared it.
        wait.await.unwrap_or_else(|_| Err(closed()))
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable { reason: "the commit of what was accepted did not finish".to_owned() }
}

/// An accept whose ids are fixed.
struct Planned {
    first_id: u64,
    now: Timestamp,
    accept: Accept,
}

/// What goes into one day's log, and whom to tell.
struct DayGroup {
    day: Day,
    planned: Vec<Planned>,
    answers: Vec<Answer>,
}

/// Writes everything that waits, and gives the answers. One write, except around midnight, when
/// there is one per day. And what is to be done about keys now, if anything.
fn commit(shared: &Shared, waiting: Vec<PendingAccept>) -> (Vec<(Answer, Outcome)>, Option<Flush>) {
    let mut accepting = shared.accepting.lock();
    let mut answered = Vec::with_capacity(waiting.len());
    for DayGroup { day, planned, answers } in plan(&mut accepting, waiting) {
        let written = shared.trust.check().and_then(|()| {
            let written = write_group(shared, &mut accepting, day, planned);
            written.map_err(|fault| shared.trust.judge(fault))
        });
        match written {
            Ok((results, events)) => {
                if !events.is_empty() {
                    shared.sink.accepted(events);
                }
                answered.extend(answers.into_iter().zip(results));
            }
            Err(error) => {
                answered.extend(answers.into_iter().map(|answer| (answer, Err(same(&error)))));
            }
        }
    }
    (answered, shared.keys.take_due(accepting.last_id()))
}

/// Gives out ids, in the order of the queue, and so of the commits: they rise, days included.
fn plan(accepting: &mut Accepting, waiting: Vec<PendingAccept>) -> Vec<DayGroup> {
    let mut groups: Vec<DayGroup> = Vec::new();
    for PendingAccept { now, accept, answer } in waiting {
        // A repeated request will not need its ids. There are enough, and knowing it first would
        // take a look-up before.
        let first_id = accepting.block(now, ids_of(&accept.events));
        let day = Day::of_raw(first_id);
        if groups.last().is_none_or(|group| group.day != day) {
            groups.push(DayGroup { day, planned: Vec::new(), answers: Vec::new() });
        }
        let group = groups.last_mut().expect("pushed above");
        group.planned.push(Planned { first_id, now, accept });
        group.answers.push(answer);
    }
    groups
}

/// One write into the log of `day`: what came of each, and all events that are new.
fn write_group(
    shared: &Shared,
    accepting: &mut Accepting,
    day: Day,
    group: Vec<Planned>,
) -> Result<(Vec<Outcome>, Vec<Arc<Event>>), Fault> {
    let writer = accepting.begin(shared, day)?;
    let mut results: Vec<Outcome> = Vec::with_capacity(group.len());
    let mut events = Vec::with_capacity(group.len());
    let mut keyed = KeyedAccepts::default();
    for Planned { first_id, now, accept } in group {
        let Accept { account_id, events: new_events, idempotency } = accept;
        if let Some(idempotency) = &idempotency {
            let known = match keyed.find(account_id, idempotency, &results) {
                Some(known) => Ok(Some(known)),
                None => shared.keys.find(&shared.partitions, now, account_id, idempotency),
            };
            // What cannot be read concerns this request only.
            let known = match known.map_err(StoreError::from) {
                Ok(None) if shared.keys.has_room() => None,
                Ok(known) => Some(known.ok_or(StoreError::Overloaded)),
                Err(error) => Some(Err(error)),
            };
            if let Some(outcome) = known {
                results.push(outcome);
                continue;
            }
            keyed.add(account_id, idempotency, first_id, results.len());
        } else if new_events.is_empty() {
            results.push(Ok(Accepted::New(Vec::new())));
            continue;
        }
        let idempotency = idempotency.as_ref();
        let frame = NewFrame { first_id, account_id, at: now, idempotency, events: &new_events };
        writer.push(&frame);
        let stored_from = events.len();
        give_ids(first_id, account_id, new_events, &mut events);
        let receipts = events[stored_from..].iter().map(|event: &Arc<Event>| event.receipt());
        results.push(Ok(Accepted::New(receipts.collect())));
    }
    writer.commit()?;
    if !keyed.places.is_empty() {
        shared.keys.add(keyed.places);
    }
    Ok((results, events))
}

fn give_ids(
    first_id: u64,
    account_id: AccountId,
    new_events: Vec<NewEvent>,
    events: &mut Vec<Arc<Event>>,
) {
    let mut next_id = first_id;
    for new in new_events {
        let id = EventId::from_raw(next_id);
        next_id += (1 + new.targets.len() as u64) * ID_STRIDE;
        events.push(Arc::new(Event {
            id,
            account_id,
            event_type: new.event_type,
            timestamp: new.timestamp,
            powerlist_id: new.powerlist_id,
            data: new.data,
            trigger: new.trigger,
            hops: new.hops,
            targets: new.targets.into(),
        }));
    }
}

/// The accepts with keys of one group, which are not in the log yet.
#[derive(Default)]
struct KeyedAccepts {
    by_key: HashMap<(AccountId, [u8; 32]), ([u8; 32], usize)>,
    places: Vec<Place>,
}

impl KeyedAccepts {
    fn add(&mut self, account: AccountId, key: &Idempotency, first_id: u64, result: usize) {
        self.by_key.insert((account, key.key_hash), (key.request_hash, result));
        self.places.push(Place::new(account, key, first_id));
    }

    fn find(&self, account: AccountId, key: &Idempotency, results: &[Outcome]) -> Option<Accepted> {
        let (request_hash, result) = self.by_key.get(&(account, key.key_hash))?;
        if *request_hash != key.request_hash {
            return Some(Accepted::KeyReused);
        }
        match &results[*result] {
            Ok(Accepted::New(receipts)) => Some(Accepted::Repeated(receipts.clone())),
            _ => None,
        }
    }
}
