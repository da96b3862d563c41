//! Recording what happened: for each day of acceptance in a batch one transaction, which holds
//! the rows, the attempts, what is outstanding, hits, rollups and the low-water mark.
//!
//! The common case is a delivery that gets its first row in its final state: one insert, which it
//! shares with others, and no look-up. Everything else looks at the row that is there, and what
//! that row already knows is left alone, so that a batch can be written again after a crash or an
//! error halfway.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use posthaste_core::attempt::{Attempt, Trigger};
use posthaste_core::delivery::Delivery;
use posthaste_core::event_type::EventType;
use posthaste_core::id::{DeliveryId, EventId};
use posthaste_core::store::{DeliveryRecord, RecordBatch};
use rusqlite::{Connection, Statement, Transaction, TransactionBehavior};

use super::Shared;
use super::connection::Writer;
use super::counts::{Counts, Written};
use super::fault::Fault;
use super::packed_lines::LinePacker;
use super::packed_rows::{Standing, pack_attempt, pack_standing, unpack_standing};
use super::partitions::{Day, Partition};
use super::rows::{
    DELIVERED, DELIVERY_COLUMNS, OUTSTANDING_COLUMNS, blob, event_type_number, state_columns,
};

/// Days whose history is kept open for writing: the newest, and those of retries.
const WRITERS_MAX: usize = 4;
/// Event types of one day whose numbers are kept in memory.
const EVENT_TYPES_KNOWN_MAX: usize = 10_000;

/// What only the recording code touches.
#[derive(Debug, Default)]
pub struct Recording {
    days: BTreeMap<Day, DayWriter>,
}

/// One day's file, open for writing.
#[derive(Debug)]
struct DayWriter {
    partition: Arc<Partition>,
    writer: Writer,
    /// Numbers of event types that are in the file.
    types: HashMap<EventType, i64>,
}

impl Recording {
    fn day(&mut self, shared: &Shared, day: Day) -> Result<&mut DayWriter, Fault> {
        if !self.days.contains_key(&day) {
            while self.days.len() >= WRITERS_MAX {
                self.days.pop_first();
            }
            let partition = shared.partitions.get_or_create(day)?;
            let writer = partition.history_writer()?;
            self.days.insert(day, DayWriter { partition, writer, types: HashMap::new() });
        }
        Ok(self.days.get_mut(&day).expect("inserted above"))
    }

    pub fn leave_day(&mut self, day: Day) {
        self.days.remove(&day);
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
        record_day(shared, recording.day(shared, day)?, &records, marks.get(&day).copied())?;
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
    day: &mut DayWriter,
    records: &[&DeliveryRecord],
    mark: Option<u64>,
) -> Result<(), Fault> {
    let written = match day.write(records, mark, Trust::First)? {
        Some(written) => written,
        None => day.write(records, mark, Trust::Nothing)?.expect("every row was looked up"),
    };
    // Only now: nobody may see in memory what is not on disk.
    if let Some(mark) = mark {
        day.partition.raise_low_water(mark);
    }
    if let Some((first, last)) = written.minutes {
        day.partition.widen_minutes(first, last);
    }
    day.partition.raise_folded_below(written.folded_below);
    shared.hits.add(written.hits.into_iter());
    day.writer.checkpoint_if_due()
}

/// What is believed of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// That what is called the first row of a delivery is one.
    First,
    /// Nothing: the batch may have been written before.
    Nothing,
}

impl DayWriter {
    /// Writes in one transaction. `None`, and nothing is written, if the batch is not worth its
    /// trust.
    fn write(
        &mut self,
        records: &[&DeliveryRecord],
        mark: Option<u64>,
        trust: Trust,
    ) -> Result<Option<Written>, Fault> {
        let written = self.transact(records, mark, trust);
        if !matches!(written, Ok(Some(_))) {
            // Numbers that were given out in it went with the transaction.
            self.types.clear();
        }
        written
    }

    fn transact(
        &mut self,
        records: &[&DeliveryRecord],
        mark: Option<u64>,
        trust: Trust,
    ) -> Result<Option<Written>, Fault> {
        let connection = &mut self.writer.connection;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut batch = DayBatch {
            tx: &tx,
            types: &mut self.types,
            packed: Vec::new(),
            lines: LinePacker::default(),
            counts: Counts::default(),
        };
        if trust == Trust::First && !batch.insert_first_rows(records)? {
            return Ok(None);
        }
        for record in records {
            batch.write(record, trust)?;
        }
        let written = batch.counts.write(&tx, self.partition.folded_below())?;
        if let Some(mark) = mark {
            write_mark(&tx, mark)?;
        }
        tx.commit()?;
        Ok(Some(written))
    }
}

/// A day's part of a batch on its way into the day's file.
struct DayBatch<'w> {
    tx: &'w Transaction<'w>,
    types: &'w mut HashMap<EventType, i64>,
    /// Where a row is packed.
    packed: Vec<u8>,
    lines: LinePacker,
    counts: Counts,
}

/// How many rows go into one statement, as many as there are still to go. A statement of its own
/// for each would open the table and its indexes, and look for the end of the table, for each: a
/// third of what a row costs in SQLite.
const ROWS_PER_INSERT: [usize; 3] = [64, 8, 1];
const INSERT_COLUMNS: usize = 8;

static INSERTS: LazyLock<[String; 3]> = LazyLock::new(|| ROWS_PER_INSERT.map(insert_sql));

/// A row whose id is there already is passed over, and missed in the count. (`OR IGNORE` rather
/// than an upsert, which is checked row by row.)
fn insert_sql(rows: usize) -> String {
    let row = "(?, ?, ?, ?, ?, ?, ?, ?)";
    let more = format!(", {row}").repeat(rows - 1);
    format!("INSERT OR IGNORE INTO deliveries ({DELIVERY_COLUMNS}, attempt) VALUES {row}{more}")
}

/// What a row said before.
struct Stored {
    state: i64,
    standing: Standing,
}

/// The attempt that goes into the row of its delivery: of a delivery that is done with it. Others
/// will have their rows changed, which would write the attempt again.
fn inline(record: &DeliveryRecord) -> Option<&Attempt> {
    let is_done = record.delivery.state.due().is_none() && !record.manual_due;
    record.attempt.as_deref().filter(|_| is_done)
}

impl DayBatch<'_> {
    /// Inserts the rows that are called first. Whether all of them were.
    fn insert_first_rows(&mut self, records: &[&DeliveryRecord]) -> Result<bool, Fault> {
        let first: Vec<&DeliveryRecord> =
            records.iter().filter(|record| record.first).copied().collect();
        let (mut rest, mut inserted) = (&first[..], 0);
        for (rows, sql) in ROWS_PER_INSERT.into_iter().zip(&*INSERTS) {
            if rest.len() < rows {
                continue;
            }
            let mut statement = self.tx.prepare_cached(sql)?;
            while let Some((chunk, after)) = rest.split_at_checked(rows) {
                for (position, record) in chunk.iter().enumerate() {
                    self.bind_row(&mut statement, position * INSERT_COLUMNS, record)?;
                }
                inserted += statement.raw_execute()?;
                rest = after;
            }
        }
        Ok(inserted == first.len())
    }

    /// Binds a row to the parameters behind `before`.
    fn bind_row(
        &mut self,
        statement: &mut Statement<'_>,
        before: usize,
        record: &DeliveryRecord,
    ) -> Result<(), Fault> {
        let delivery = &record.delivery;
        let attempt = inline(record);
        let event_type = self.type_number(&delivery.event_type)?;
        self.packed.clear();
        let last = delivery.last.as_ref();
        let number = attempt.map_or(0, |attempt| attempt.number);
        pack_standing(&mut self.packed, delivery, last, number);
        let standing_end = self.packed.len();
        if let Some(attempt) = attempt {
            pack_attempt(&mut self.packed, &mut self.lines, delivery.id, attempt);
        }
        let (standing, packed) = self.packed.split_at(standing_end);
        let (state, _) = state_columns(delivery.state);
        let status_code = last.and_then(|last| last.status_code);
        statement.raw_bind_parameter(before + 1, delivery.id.as_i64())?;
        statement.raw_bind_parameter(before + 2, delivery.account_id.as_i64())?;
        statement.raw_bind_parameter(before + 3, delivery.webhook_id.as_i64())?;
        statement.raw_bind_parameter(before + 4, event_type)?;
        statement.raw_bind_parameter(before + 5, state)?;
        statement.raw_bind_parameter(before + 6, status_code)?;
        statement.raw_bind_parameter(before + 7, standing)?;
        statement.raw_bind_parameter(before + 8, attempt.map(|_| packed))?;
        Ok(())
    }

    /// The number of an event type, given to it if it has none yet.
    fn type_number(&mut self, name: &EventType) -> Result<i64, Fault> {
        if let Some(number) = self.types.get(name) {
            return Ok(*number);
        }
        let number = match event_type_number(self.tx, name)? {
            Some(number) => number,
            None => add_event_type(self.tx, name)?,
        };
        if self.types.len() == EVENT_TYPES_KNOWN_MAX {
            self.types.clear();
        }
        self.types.insert(name.clone(), number);
        Ok(number)
    }

    fn write(&mut self, record: &DeliveryRecord, trust: Trust) -> Result<(), Fault> {
        let delivery = &record.delivery;
        let is_inserted = record.first && trust == Trust::First;
        let stored = if is_inserted { None } else { stored(self.tx, delivery.id)? };
        if stored.is_none() && !is_inserted {
            self.insert_row(record)?;
        }
        if let Some(attempt) = &record.attempt {
            let inline = match &stored {
                Some(stored) => stored.standing.inline,
                None => inline(record).map_or(0, |attempt| attempt.number),
            };
            let is_new = if inline == attempt.number {
                stored.is_none()
            } else {
                self.insert_attempt(delivery.id, attempt)?
            };
            if !is_new {
                // What it brought was written in the transaction that wrote it.
                return Ok(());
            }
        }
        if let Some(stored) = &stored {
            if record.attempt.is_none() && is_overtaken(delivery, stored) {
                return Ok(());
            }
            self.update_row(delivery, stored)?;
        }
        let is_outstanding = delivery.state.due().is_some() || record.manual_due;
        if is_outstanding {
            put_outstanding(self.tx, delivery.id, record.manual_due)?;
        } else if stored.is_some() {
            delete_outstanding(self.tx, delivery.id)?;
        }
        // A test says nothing about the traffic of a webhook.
        if delivery.trigger != Trigger::Test {
            let before = stored.map(|stored| stored.standing.state);
            self.counts.add(delivery, record.attempt.as_deref(), before);
        }
        Ok(())
    }

    fn insert_row(&mut self, record: &DeliveryRecord) -> Result<(), Fault> {
        let [.., insert_one] = &*INSERTS;
        let mut statement = self.tx.prepare_cached(insert_one)?;
        self.bind_row(&mut statement, 0, record)?;
        let inserted = statement.raw_execute()?;
        assert_eq!(inserted, 1, "a row that was not there can be inserted");
        Ok(())
    }

    /// Whether there was no such attempt. By the primary key.
    fn insert_attempt(&mut self, id: DeliveryId, attempt: &Attempt) -> Result<bool, Fault> {
        self.packed.clear();
        pack_attempt(&mut self.packed, &mut self.lines, id, attempt);
        let mut statement = self.tx.prepare_cached(
            "INSERT INTO attempts (delivery_id, number, attempt) VALUES (?1, ?2, ?3)
             ON CONFLICT (delivery_id, number) DO NOTHING",
        )?;
        Ok(statement.execute((id.as_i64(), attempt.number, &self.packed))? > 0)
    }

    // By the primary key.
    fn update_row(&mut self, delivery: &Delivery, stored: &Stored) -> Result<(), Fault> {
        let last = delivery.last.as_ref().or(stored.standing.last.as_ref());
        self.packed.clear();
        pack_standing(&mut self.packed, delivery, last, stored.standing.inline);
        let (state, _) = state_columns(delivery.state);
        let mut statement = self.tx.prepare_cached(
            "UPDATE deliveries SET state = ?2, status_code = ?3, standing = ?4 WHERE id = ?1",
        )?;
        let status_code = last.and_then(|last| last.status_code);
        statement.execute((delivery.id.as_i64(), state, status_code, &self.packed))?;
        Ok(())
    }
}

/// Whether the row knows more than a record without an attempt: such a record has nothing of its
/// own to be recognised by when a batch is written again. Attempts are only ever added, and
/// nothing but an attempt takes a delivery out of an end (`after_attempt`).
fn is_overtaken(delivery: &Delivery, stored: &Stored) -> bool {
    let had_ended = stored.state >= DELIVERED;
    let attempts = stored.standing.progress.attempts;
    delivery.progress.attempts < attempts || (had_ended && delivery.state.due().is_some())
}

// By the primary key.
fn stored(connection: &Connection, id: DeliveryId) -> Result<Option<Stored>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT state, status_code, standing FROM deliveries WHERE id = ?1")?;
    let mut rows = statement.query([id.as_i64()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let state = row.get(0)?;
    let standing = unpack_standing(id, state, row.get(1)?, blob(row, 2)?)?;
    Ok(Some(Stored { state, standing }))
}

fn add_event_type(connection: &Connection, name: &EventType) -> Result<i64, Fault> {
    connection
        .prepare_cached("INSERT INTO event_types (name) VALUES (?1)")?
        .execute([name.as_str()])?;
    Ok(connection.last_insert_rowid())
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
