//! Recording what happened: for each day of acceptance in a batch one transaction, which holds
//! the rows, the attempts, what is outstanding, hits, rollups and the low-water mark.
//!
//! The common case is a delivery that gets its first row in its final state: two inserts, no
//! look-up. Everything else looks at the row that is there, and what that row already knows is
//! left alone, so that a batch can be written again after a crash or an error halfway.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use posthaste_core::attempt::{Attempt, Outcome, Trigger};
use posthaste_core::delivery::{Delivery, DeliveryState};
use posthaste_core::id::{AccountId, DeliveryId, EventId, WebhookId};
use posthaste_core::stats::Rollup;
use posthaste_core::store::{DeliveryRecord, RecordBatch};
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::Hits;
use rusqlite::{
    CachedStatement, Connection, OptionalExtension, Transaction, TransactionBehavior, params,
};

use super::Shared;
use super::connection::Writer;
use super::fault::Fault;
use super::partitions::{Day, Partition};
use super::rows::{DELIVERED, DELIVERY_COLUMNS, OUTSTANDING_COLUMNS, state_columns, trigger_code};

/// Days whose history is kept open for writing: the newest, and those of retries.
const WRITERS_MAX: usize = 4;

/// What only the recording code touches.
#[derive(Debug, Default)]
pub struct Recording {
    writers: BTreeMap<Day, (Arc<Partition>, Writer)>,
}

impl Recording {
    fn writer(
        &mut self,
        shared: &Shared,
        day: Day,
    ) -> Result<&mut (Arc<Partition>, Writer), Fault> {
        if !self.writers.contains_key(&day) {
            while self.writers.len() >= WRITERS_MAX {
                self.writers.pop_first();
            }
            let partition = shared.partitions.get_or_create(day)?;
            let writer = partition.history_writer()?;
            self.writers.insert(day, (partition, writer));
        }
        Ok(self.writers.get_mut(&day).expect("inserted above"))
    }

    pub fn leave_day(&mut self, day: Day) {
        self.writers.remove(&day);
    }
}

/// Writes a batch, oldest day first: a day's mark then never says more than the days before it.
pub fn record(shared: &Shared, batch: &RecordBatch) -> Result<(), Fault> {
    // Held throughout, so that expiring a day cannot come between looking and writing.
    let mut recording = shared.recording.lock();
    let expired_before = shared.config.expired_before()?;
    let mut by_day: BTreeMap<Day, Vec<&DeliveryRecord>> = BTreeMap::new();
    for record in &batch.records {
        let day = Day::of_event(record.delivery.event_id);
        if day < expired_before {
            // Its log is gone, and with it the row this would change.
            tracing::warn!(delivery.id = %record.delivery.id, "not recorded: its day has expired");
            continue;
        }
        by_day.entry(day).or_default().push(record);
    }
    let marks = batch.low_water.map(|mark| marks(shared, mark, by_day.keys())).unwrap_or_default();
    for day in marks.keys() {
        by_day.entry(*day).or_default();
    }
    for (day, records) in by_day {
        let (partition, writer) = recording.writer(shared, day)?;
        record_day(shared, partition, writer, &records, marks.get(&day).copied())?;
    }
    Ok(())
}

/// Which day's mark becomes what. Each day keeps its own and claims only its own events; a day
/// that lies wholly below `mark` is closed once, even if this batch holds nothing of it.
fn marks<'d>(
    shared: &Shared,
    mark: EventId,
    in_batch: impl Iterator<Item = &'d Day>,
) -> BTreeMap<Day, u64> {
    let mark = mark.as_raw();
    let of = |day: Day| mark.min(day.last_id());
    let existing = shared.partitions.all();
    let behind = existing
        .iter()
        .filter(|partition| partition.low_water() < of(partition.day))
        .map(|partition| partition.day);
    let days: BTreeSet<Day> = behind.chain(in_batch.copied()).collect();
    days.into_iter().filter(|day| day.first_id() <= mark).map(|day| (day, of(day))).collect()
}

fn record_day(
    shared: &Shared,
    partition: &Partition,
    writer: &mut Writer,
    records: &[&DeliveryRecord],
    mark: Option<u64>,
) -> Result<(), Fault> {
    let tx = writer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let counts = {
        let mut day = DayBatch::new(&tx)?;
        for record in records {
            day.write(record)?;
        }
        day.counts
    };
    let minutes = counts.write(&tx)?;
    if let Some(mark) = mark {
        write_mark(&tx, mark)?;
    }
    tx.commit()?;
    // Only now: nobody may see in memory what is not on disk.
    if let Some(mark) = mark {
        partition.raise_low_water(mark);
    }
    if let Some((first, last)) = minutes {
        partition.widen_minutes(first, last);
    }
    let hits = counts.hits.into_iter();
    shared.hits.add(
        hits.map(|(webhook, hits)| {
            (webhook, Hits { count: hits.count, last_at: Some(hits.last_at) })
        }),
    );
    writer.checkpoint_if_due()
}

/// A day's part of a batch on its way into the day's file.
struct DayBatch<'tx> {
    insert_delivery: CachedStatement<'tx>,
    insert_attempt: CachedStatement<'tx>,
    tx: &'tx Transaction<'tx>,
    counts: Counts,
}

/// What a row said before.
struct Stored {
    state: i64,
    attempts: u32,
}

impl<'tx> DayBatch<'tx> {
    fn new(tx: &'tx Transaction<'tx>) -> Result<DayBatch<'tx>, Fault> {
        let insert_delivery = tx.prepare_cached(&format!(
            "INSERT INTO deliveries ({DELIVERY_COLUMNS})
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
             ON CONFLICT (id) DO NOTHING"
        ))?;
        let insert_attempt = tx.prepare_cached(
            "INSERT INTO attempts (delivery_id, number, trigger, outcome, status_code, error,
                 started_at, duration_ms, dns_ms, connect_ms, tls_ms, first_byte_ms,
                 remote_address, request_headers, response_headers, response_body, truncated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
             ON CONFLICT (delivery_id, number) DO NOTHING",
        )?;
        Ok(DayBatch { insert_delivery, insert_attempt, tx, counts: Counts::default() })
    }

    fn write(&mut self, record: &DeliveryRecord) -> Result<(), Fault> {
        let delivery = &record.delivery;
        let stored = match record.first {
            true => None,
            false => stored(self.tx, delivery.id)?,
        };
        let is_new = stored.is_none() && self.insert_delivery(delivery)?;
        let stored = match (is_new, stored) {
            (true, _) => None,
            (false, Some(stored)) => Some(stored),
            // Called the first and is not: the batch was written before.
            (false, None) => stored_again(self.tx, delivery.id)?,
        };
        if let Some(attempt) = &record.attempt
            && !self.insert_attempt(delivery.id, attempt)?
        {
            // What it brought was written in the transaction that wrote it.
            return Ok(());
        }
        if let Some(stored) = &stored {
            if record.attempt.is_none() && is_overtaken(delivery, stored) {
                return Ok(());
            }
            update_delivery(self.tx, delivery)?;
        }
        let is_outstanding = delivery.state.due().is_some() || record.manual_due;
        if is_outstanding {
            put_outstanding(self.tx, delivery.id, record.manual_due)?;
        } else if !is_new {
            delete_outstanding(self.tx, delivery.id)?;
        }
        // A test says nothing about the traffic of a webhook.
        if delivery.trigger != Trigger::Test {
            self.counts.add(delivery, record.attempt.as_deref(), stored.as_ref());
        }
        Ok(())
    }

    /// Whether there was no such row. By the primary key.
    fn insert_delivery(&mut self, delivery: &Delivery) -> Result<bool, Fault> {
        let (state, state_at) = state_columns(delivery.state);
        let last = delivery.last.as_ref();
        let inserted = self.insert_delivery.execute(params![
            delivery.id.as_i64(),
            delivery.event_id.as_i64(),
            delivery.account_id.as_i64(),
            delivery.webhook_id.as_i64(),
            delivery.event_type.as_str(),
            trigger_code(delivery.trigger),
            state,
            state_at,
            delivery.progress.attempts,
            delivery.progress.used,
            delivery.progress.first_deferred_at.map(Timestamp::as_millis),
            last.map(|last| last.outcome.code()),
            last.and_then(|last| last.status_code),
            last.and_then(|last| last.error.as_deref()),
            last.map(|last| last.started_at.as_millis()),
            last.map(|last| last.duration_ms),
        ])?;
        Ok(inserted > 0)
    }

    /// Whether there was no such attempt. By the primary key.
    fn insert_attempt(&mut self, id: DeliveryId, attempt: &Attempt) -> Result<bool, Fault> {
        let exchange = &attempt.exchange;
        let inserted = self.insert_attempt.execute(params![
            id.as_i64(),
            attempt.number,
            trigger_code(attempt.trigger),
            attempt.outcome.code(),
            attempt.status_code,
            attempt.error.as_deref(),
            attempt.started_at.as_millis(),
            attempt.duration_ms,
            attempt.timings.dns_ms,
            attempt.timings.connect_ms,
            attempt.timings.tls_ms,
            attempt.timings.first_byte_ms,
            exchange.remote_address.map(|address| address.to_string()),
            exchange.request_headers.as_packed(),
            exchange.response_headers.as_str(),
            exchange.response_body,
            exchange.truncated,
        ])?;
        Ok(inserted > 0)
    }
}

/// Whether the row knows more than a record without an attempt: such a record has nothing of its
/// own to be recognised by when a batch is written again. Attempts are only ever added, and
/// nothing but an attempt takes a delivery out of an end (`after_attempt`).
fn is_overtaken(delivery: &Delivery, stored: &Stored) -> bool {
    let had_ended = stored.state >= DELIVERED;
    delivery.progress.attempts < stored.attempts || (had_ended && delivery.state.due().is_some())
}

// By the primary key.
fn stored(connection: &Connection, id: DeliveryId) -> Result<Option<Stored>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT state, attempts FROM deliveries WHERE id = ?1")?;
    let found = statement
        .query_row([id.as_i64()], |row| Ok(Stored { state: row.get(0)?, attempts: row.get(1)? }))
        .optional()?;
    Ok(found)
}

fn stored_again(connection: &Connection, id: DeliveryId) -> Result<Option<Stored>, Fault> {
    let found = stored(connection, id)?;
    assert!(found.is_some(), "a row that could not be inserted is there");
    Ok(found)
}

// By the primary key.
fn update_delivery(connection: &Connection, delivery: &Delivery) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "UPDATE deliveries SET state = ?2, state_at = ?3, attempts = ?4, used = ?5,
             first_deferred_at = ?6
         WHERE id = ?1",
    )?;
    let (state, state_at) = state_columns(delivery.state);
    statement.execute((
        delivery.id.as_i64(),
        state,
        state_at,
        delivery.progress.attempts,
        delivery.progress.used,
        delivery.progress.first_deferred_at.map(Timestamp::as_millis),
    ))?;
    let Some(last) = &delivery.last else { return Ok(()) };
    let mut statement = connection.prepare_cached(
        "UPDATE deliveries SET last_outcome = ?2, last_status_code = ?3, last_error = ?4,
             last_started_at = ?5, last_duration_ms = ?6
         WHERE id = ?1",
    )?;
    statement.execute((
        delivery.id.as_i64(),
        last.outcome.code(),
        last.status_code,
        &last.error,
        last.started_at.as_millis(),
        last.duration_ms,
    ))?;
    Ok(())
}

// From and by primary keys: a copy of the row, so that both always say the same.
fn put_outstanding(connection: &Connection, id: DeliveryId, manual_due: bool) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "INSERT OR REPLACE INTO outstanding ({OUTSTANDING_COLUMNS})
         SELECT {DELIVERY_COLUMNS}, ?2 FROM deliveries WHERE id = ?1"
    ))?;
    statement.execute((id.as_i64(), manual_due))?;
    Ok(())
}

// By the primary key.
fn delete_outstanding(connection: &Connection, id: DeliveryId) -> Result<(), Fault> {
    connection
        .prepare_cached("DELETE FROM outstanding WHERE delivery_id = ?1")?
        .execute([id.as_i64()])?;
    Ok(())
}

// By the primary key. A mark only ever rises.
fn write_mark(connection: &Connection, mark: u64) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO meta (name, value) VALUES ('low_water', ?1)
             ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
        )?
        .execute([mark.cast_signed()])?;
    Ok(())
}

/// What a day's part of a batch adds to hits and rollups, gathered first so that each row is
/// written once.
#[derive(Default)]
struct Counts {
    hits: HashMap<WebhookId, HitsAdded>,
    rollups: BTreeMap<(i64, WebhookId), (AccountId, Rollup)>,
}

struct HitsAdded {
    count: u64,
    last_at: Timestamp,
    /// The newest attempt that did not succeed.
    error: Option<(Timestamp, String)>,
}

impl Counts {
    /// Counts what a record changed. `stored` is the row before; `None` if it is new.
    fn add(&mut self, delivery: &Delivery, attempt: Option<&Attempt>, stored: Option<&Stored>) {
        if stored.is_none() {
            self.rollup(delivery, delivery.event_id.created_at()).events += 1;
        }
        if let Some(attempt) = attempt {
            self.rollup(delivery, attempt.started_at).add_attempt(&attempt.counted());
            self.add_hit(delivery.webhook_id, attempt);
        }
        let (state, _) = state_columns(delivery.state);
        if stored.is_some_and(|stored| stored.state == state) {
            return;
        }
        match delivery.state {
            DeliveryState::Delivered { at } => self.rollup(delivery, at).delivered += 1,
            DeliveryState::Failed { at } => self.rollup(delivery, at).failed += 1,
            _ => {}
        }
    }

    fn rollup(&mut self, delivery: &Delivery, at: Timestamp) -> &mut Rollup {
        let key = (at.minute(), delivery.webhook_id);
        let (_, rollup) =
            self.rollups.entry(key).or_insert_with(|| (delivery.account_id, Rollup::default()));
        rollup
    }

    fn add_hit(&mut self, webhook: WebhookId, attempt: &Attempt) {
        let added = self.hits.entry(webhook).or_insert(HitsAdded {
            count: 0,
            last_at: attempt.started_at,
            error: None,
        });
        added.count += 1;
        added.last_at = added.last_at.max(attempt.started_at);
        let newer = added.error.as_ref().is_none_or(|(at, _)| *at <= attempt.started_at);
        if attempt.outcome != Outcome::Succeeded && newer {
            added.error = Some((attempt.started_at, error_text(attempt)));
        }
    }

    /// Adds all of it to the rows; gives the first and the last minute touched.
    fn write(&self, tx: &Connection) -> Result<Option<(i64, i64)>, Fault> {
        let mut accounts: BTreeMap<(i64, AccountId), Rollup> = BTreeMap::new();
        for ((minute, webhook), (account, added)) in &self.rollups {
            accounts.entry((*minute, *account)).or_default().merge(added);
            merge_webhook_rollup(tx, *minute, *webhook, *account, added)?;
        }
        for ((minute, account), added) in &accounts {
            merge_account_rollup(tx, *minute, *account, added)?;
        }
        for (webhook, added) in &self.hits {
            add_hits(tx, *webhook, added)?;
        }
        let minute = |key: Option<&(i64, AccountId)>| key.map(|(minute, _)| *minute);
        let (first, last) = (accounts.first_key_value(), accounts.last_key_value());
        Ok(minute(first.map(|(key, _)| key)).zip(minute(last.map(|(key, _)| key))))
    }
}

fn error_text(attempt: &Attempt) -> String {
    match (&attempt.error, attempt.status_code) {
        (Some(error), _) => error.clone(),
        (None, Some(status)) => format!("answered {status}"),
        (None, None) => attempt.outcome.as_str().to_owned(),
    }
}

// By the primary key, both.
fn merge_webhook_rollup(
    connection: &Connection,
    minute: i64,
    webhook: WebhookId,
    account: AccountId,
    added: &Rollup,
) -> Result<(), Fault> {
    let stored: Option<Vec<u8>> = connection
        .prepare_cached("SELECT rollup FROM rollups WHERE minute = ?1 AND webhook_id = ?2")?
        .query_row((minute, webhook.as_i64()), |row| row.get(0))
        .optional()?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO rollups (minute, webhook_id, account_id, rollup)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute((minute, webhook.as_i64(), account.as_i64(), merged(stored, added)?))?;
    Ok(())
}

// By the primary key, both.
fn merge_account_rollup(
    connection: &Connection,
    minute: i64,
    account: AccountId,
    added: &Rollup,
) -> Result<(), Fault> {
    let stored: Option<Vec<u8>> = connection
        .prepare_cached("SELECT rollup FROM account_rollups WHERE minute = ?1 AND account_id = ?2")?
        .query_row((minute, account.as_i64()), |row| row.get(0))
        .optional()?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO account_rollups (minute, account_id, rollup)
             VALUES (?1, ?2, ?3)",
        )?
        .execute((minute, account.as_i64(), merged(stored, added)?))?;
    Ok(())
}

fn merged(stored: Option<Vec<u8>>, added: &Rollup) -> Result<Vec<u8>, Fault> {
    let Some(stored) = stored else { return Ok(added.encode()) };
    let mut rollup = Rollup::decode(&stored).ok_or_else(|| Fault::damaged("a rollup"))?;
    rollup.merge(added);
    Ok(rollup.encode())
}

// By the primary key. Attempts can be recorded out of their order in time.
fn add_hits(connection: &Connection, webhook: WebhookId, added: &HitsAdded) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO hits (webhook_id, count, last_at, error_at, error)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (webhook_id) DO UPDATE
             SET count = count + excluded.count,
                 last_at = max(last_at, excluded.last_at),
                 error = CASE WHEN coalesce(excluded.error_at, -1) >= coalesce(error_at, -1)
                     THEN coalesce(excluded.error, error) ELSE error END,
                 error_at = CASE WHEN coalesce(excluded.error_at, -1) >= coalesce(error_at, -1)
                     THEN coalesce(excluded.error_at, error_at) ELSE error_at END",
        )?
        .execute((
            webhook.as_i64(),
            added.count.cast_signed(),
            added.last_at.as_millis(),
            added.error.as_ref().map(|(at, _)| at.as_millis()),
            added.error.as_ref().map(|(_, text)| text),
        ))?;
    Ok(())
}
