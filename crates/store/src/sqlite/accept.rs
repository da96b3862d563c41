//! Accepting events: the one task that commits, and what a commit does.
//!
//! Group commit without a timer: while one transaction syncs, the next accepts gather in the
//! queue, and are then written together. One sync is shared by all that came during the one
//! before it; alone, an event waits for nothing but its own.

use std::sync::{Arc, Weak};

use posthaste_core::event::{Event, EventReceipt, Idempotency, NewEvent};
use posthaste_core::id::{AccountId, EventId, ID_STRIDE, IdSequence, PowerlistId};
use posthaste_core::limits::{ACCEPT_COMMIT_MAX, ACCEPT_QUEUE_MAX, IDEMPOTENCY_WINDOW};
use posthaste_core::store::{Accept, Accepted, StoreError};
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use super::connection::Writer;
use super::fault::{Fault, same};
use super::partitions::{Day, Partition};
use super::rows::{EventTypes, blob, ids_blob, ids_of_blob, text, trigger_code};
use super::{Shared, SqliteStore, unfinished};

type Answer = oneshot::Sender<Result<Accepted, StoreError>>;

/// An accept that waits for its commit.
pub struct PendingAccept {
    now: Timestamp,
    accept: Accept,
    answer: Answer,
}

/// What only the committing code touches.
#[derive(Debug)]
pub struct Accepting {
    ids: IdSequence,
    node: u16,
    /// Of the day that is being written, which is always the newest.
    writer: Option<(Arc<Partition>, Writer)>,
}

impl Accepting {
    /// Continues behind `last_id`.
    pub fn new(node: u16, last_id: u64) -> Accepting {
        Accepting { ids: IdSequence::new(node, last_id), node, writer: None }
    }

    /// An id, rising from call to call, with `count - 1` more behind it, all of the same day: an
    /// accept is one transaction, so it must fit one partition.
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
        if self.writer.as_ref().is_some_and(|(partition, _)| partition.day <= day) {
            self.writer = None;
        }
        let next = self.ids.block(Timestamp::EPOCH, 1);
        if next <= day.last_id() {
            self.ids = IdSequence::new(self.node, day.last_id());
        }
    }

    fn writer(
        &mut self,
        shared: &Shared,
        day: Day,
    ) -> Result<&mut (Arc<Partition>, Writer), Fault> {
        if self.writer.as_ref().is_none_or(|(partition, _)| partition.day != day) {
            let partition = shared.partitions.get_or_create(day)?;
            let writer = partition.events_writer()?;
            self.writer = Some((partition, writer));
        }
        Ok(self.writer.as_mut().expect("set above"))
    }
}

#[cfg(test)]
impl Accepting {
    /// As if the disk had room for so many pages of the day that is being written.
    pub fn set_page_count_max(&mut self, pages: i64) {
        let (_, writer) = self.writer.as_mut().expect("something was accepted");
        let set = writer.connection.pragma_update(None, "max_page_count", pages);
        set.expect("a pragma that answers with its value");
    }
}

impl SqliteStore {
    pub(super) async fn accept_queued(
        &self,
        now: Timestamp,
        accept: Accept,
    ) -> Result<Accepted, StoreError> {
        self.shared.trust.check()?;
        let (answer, wait) = oneshot::channel();
        match self.accepts.try_send(PendingAccept { now, accept, answer }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Err(StoreError::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(closed()),
        }
        // A commit that panics drops the senders of all that shared it.
        wait.await.unwrap_or_else(|_| Err(closed()))
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable { reason: "the commit of what was accepted did not finish".to_owned() }
}

/// Starts the task that commits. It ends when the store, which holds the sender, is dropped; it
/// is not joined, because it holds nothing but a weak reference while it waits, and a commit that
/// has begun holds the folder's lock until it is over.
pub fn spawn(shared: &Arc<Shared>) -> mpsc::Sender<PendingAccept> {
    let (sender, receiver) = mpsc::channel(ACCEPT_QUEUE_MAX);
    tokio::spawn(run(Arc::downgrade(shared), receiver));
    sender
}

async fn run(shared: Weak<Shared>, mut queue: mpsc::Receiver<PendingAccept>) {
    while let Some(first) = queue.recv().await {
        let mut events = first.accept.events.len();
        let mut waiting = vec![first];
        // By events too: a thousand batches of a thousand would be one long commit.
        while waiting.len() < ACCEPT_COMMIT_MAX && events < ACCEPT_COMMIT_MAX {
            let Ok(next) = queue.try_recv() else { break };
            events += next.accept.events.len();
            waiting.push(next);
        }
        let Some(shared) = shared.upgrade() else { return };
        let work = move || {
            let answers = commit(&shared, waiting);
            let checkpoint = checkpoint_is_due(&shared).then(|| shared.clone());
            // Before the answers: whoever gets one may drop the store and open it again.
            drop(shared);
            for (answer, result) in answers {
                // Whoever posted it may have hung up; the event is delivered all the same.
                let _ = answer.send(result);
            }
            if let Some(shared) = checkpoint {
                checkpoint_log(&shared);
            }
        };
        if let Err(panic) = tokio::task::spawn_blocking(work).await {
            tracing::error!(error = %unfinished(&panic), "a commit of accepted events failed");
        }
    }
}

fn checkpoint_is_due(shared: &Shared) -> bool {
    let accepting = shared.accepting.lock();
    accepting.writer.as_ref().is_some_and(|(_, writer)| writer.checkpoint_is_due())
}

/// After the answers: those who wait for the disk already have what they waited for.
fn checkpoint_log(shared: &Shared) {
    let accepting = shared.accepting.lock();
    if let Some((_, writer)) = &accepting.writer
        && let Err(fault) = writer.checkpoint()
    {
        shared.trust.judge(fault);
    }
}

/// An accept whose ids are fixed.
struct Planned {
    first_id: u64,
    now: Timestamp,
    accept: Accept,
}

/// What goes into one day's file, and whom to tell.
struct DayGroup {
    day: Day,
    planned: Vec<Planned>,
    answers: Vec<Answer>,
}

/// Writes everything that waits, and gives the answers. One transaction, except around midnight,
/// when there is one per day.
fn commit(
    shared: &Shared,
    waiting: Vec<PendingAccept>,
) -> Vec<(Answer, Result<Accepted, StoreError>)> {
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
                answered.extend(answers.into_iter().zip(results.into_iter().map(Ok)));
            }
            Err(error) => {
                answered.extend(answers.into_iter().map(|answer| (answer, Err(same(&error)))));
            }
        }
    }
    answered
}

/// Gives out ids, in the order of the queue, and so of the commits: they rise, days included.
fn plan(accepting: &mut Accepting, waiting: Vec<PendingAccept>) -> Vec<DayGroup> {
    let mut groups: Vec<DayGroup> = Vec::new();
    for PendingAccept { now, accept, answer } in waiting {
        let ids: usize = accept.events.iter().map(|event| 1 + event.targets.len()).sum();
        // A repeated request will not need its ids. There are enough, and knowing it first would
        // take a look-up before the transaction.
        let first_id = accepting.block(now, ids.max(1));
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

/// One transaction in the file of `day`: what came of each, and all events that are new.
fn write_group(
    shared: &Shared,
    accepting: &mut Accepting,
    day: Day,
    group: Vec<Planned>,
) -> Result<(Vec<Accepted>, Vec<Arc<Event>>), Fault> {
    let (_, writer) = accepting.writer(shared, day)?;
    let tx = writer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut results = Vec::with_capacity(group.len());
    let mut events = Vec::with_capacity(group.len());
    for Planned { first_id, now, accept } in group {
        let account = accept.account_id;
        if let Some(idempotency) = &accept.idempotency
            && let Some(answer) = repeated(shared, &tx, day, now, account, idempotency)?
        {
            results.push(answer);
            continue;
        }
        let stored_from = events.len();
        write_events(&tx, first_id, account, accept.events, &mut events)?;
        let stored = &events[stored_from..];
        if let Some(idempotency) = &accept.idempotency {
            remember(&tx, now, account, idempotency, stored)?;
        }
        results.push(Accepted::New(stored.iter().map(|event| event.receipt()).collect()));
    }
    tx.commit()?;
    Ok((results, events))
}

fn write_events(
    connection: &Connection,
    first_id: u64,
    account_id: AccountId,
    new_events: Vec<NewEvent>,
    events: &mut Vec<Arc<Event>>,
) -> Result<(), Fault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO events (id, account_id, event_type, timestamp, powerlist_id, trigger,
             targets, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let mut next_id = first_id;
    for new in new_events {
        let id = EventId::from_raw(next_id);
        next_id += (1 + new.targets.len() as u64) * ID_STRIDE;
        insert.execute(params![
            id.as_i64(),
            account_id.as_i64(),
            new.event_type.as_str(),
            new.timestamp.as_millis(),
            new.powerlist_id.map(PowerlistId::as_i64),
            trigger_code(new.trigger),
            ids_blob(new.targets.iter().map(|target| target.as_raw())),
            &*new.data,
        ])?;
        events.push(Arc::new(Event {
            id,
            account_id,
            event_type: new.event_type,
            timestamp: new.timestamp,
            powerlist_id: new.powerlist_id,
            data: new.data,
            trigger: new.trigger,
            targets: new.targets.into(),
        }));
    }
    Ok(())
}

// Idempotency.

/// What was answered to an earlier request with this key, if its window is still open. `tx` is
/// the transaction in the file of `day`, and sees what this very commit has stored so far.
fn repeated(
    shared: &Shared,
    tx: &Connection,
    day: Day,
    now: Timestamp,
    account: AccountId,
    idempotency: &Idempotency,
) -> Result<Option<Accepted>, Fault> {
    if let Some(answer) = find_answer(tx, now, account, idempotency)? {
        return Ok(Some(answer));
    }
    // Whoever was stored within the window lies in a partition of a day within it, or, if ids
    // ran ahead of the clock, in a later one.
    let oldest = Day(now.saturating_sub(IDEMPOTENCY_WINDOW).day());
    for partition in shared.partitions.newest_first(oldest.first_id(), day.first_id()) {
        let found = partition
            .events
            .read(|connection| find_answer(connection, now, account, idempotency))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

// By the primary key.
fn find_answer(
    connection: &Connection,
    now: Timestamp,
    account: AccountId,
    idempotency: &Idempotency,
) -> Result<Option<Accepted>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT request_hash, event_ids FROM idempotency
         WHERE account_id = ?1 AND key_hash = ?2 AND expires_at > ?3",
    )?;
    let mut rows = statement.query((account.as_i64(), &idempotency.key_hash, now.as_millis()))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    if blob(row, 0)? != idempotency.request_hash {
        return Ok(Some(Accepted::KeyReused));
    }
    let mut types = EventTypes::default();
    let receipts: Result<Vec<_>, Fault> = ids_of_blob(blob(row, 1)?)?
        .map(|id| receipt(connection, EventId::from_raw(id), &mut types))
        .collect();
    Ok(Some(Accepted::Repeated(receipts?)))
}

// By the primary key.
fn receipt(
    connection: &Connection,
    id: EventId,
    types: &mut EventTypes,
) -> Result<EventReceipt, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT event_type, timestamp, length(targets) / 8 FROM events WHERE id = ?1",
    )?;
    let found = statement
        .query_row([id.as_i64()], |row| {
            Ok(text(row, 0).and_then(|event_type| {
                Ok(EventReceipt {
                    id,
                    event_type: types.get(event_type)?,
                    timestamp: Timestamp::from_millis(row.get(1)?),
                    deliveries: row.get::<_, u32>(2)? as usize,
                })
            }))
        })
        .optional()?;
    found.unwrap_or_else(|| Err(Fault::damaged(format!("{id} is remembered but not stored"))))
}

// By the primary key. Replaces an answer whose window has closed.
fn remember(
    connection: &Connection,
    now: Timestamp,
    account: AccountId,
    idempotency: &Idempotency,
    stored: &[Arc<Event>],
) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "INSERT OR REPLACE INTO idempotency (account_id, key_hash, request_hash, event_ids,
             expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    statement.execute((
        account.as_i64(),
        &idempotency.key_hash,
        &idempotency.request_hash,
        ids_blob(stored.iter().map(|event| event.id.as_raw())),
        now.saturating_add(IDEMPOTENCY_WINDOW).as_millis(),
    ))?;
    Ok(())
}
