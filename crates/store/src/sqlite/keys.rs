//! Idempotency keys: which accept came with a key. The key is part of the accept's frame in the
//! event log, and on disk with it; this is the index to it, which follows behind.
//!
//! In memory are the places of accepts that are not yet in their day's file. They are written in
//! the background, many in one transaction that also says up to where the log is in it; at start,
//! the log is read from there on. A transaction that a power cut takes away is made again from the
//! log, so none of them is synced. They are written when a segment of the log is full, which
//! bounds what is read at start, and when there are many, which bounds memory. (Not by time: a
//! store has no clock, and the last segment is read at every start anyway.)

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};
use posthaste_core::event::Idempotency;
use posthaste_core::id::AccountId;
use posthaste_core::limits::IDEMPOTENCY_WINDOW;
use posthaste_core::store::Accepted;
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::connection::{FileKind, Writer};
use super::fault::Fault;
use super::partitions::{Day, Partitions};
use super::rows::{EventTypes, id_of};
use crate::log::frame::Frame;

/// So many are written in one transaction: half a megabyte of memory.
const PLACES_FLUSHED_AT: usize = 16_384;
/// Up to so many are not worth a thread.
const PLACES_FEW: usize = 1_024;
/// So many and accepting waits for the writing.
const PLACES_WAITED_FOR: usize = 4 * PLACES_FLUSHED_AT;
/// So many and no more keys are taken: something keeps the file from being written.
const PLACES_MAX: usize = 8 * PLACES_FLUSHED_AT;

/// Where an accept with a key lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    key: u64,
    accept_id: u64,
}

impl Place {
    pub fn new(account: AccountId, idempotency: &Idempotency, accept_id: u64) -> Place {
        Place { key: short(account, idempotency), accept_id }
    }
}

/// Half a table of whole digests would be digests. Who makes two keys share these bits only makes
/// their own look-ups slower.
fn short(account: AccountId, idempotency: &Idempotency) -> u64 {
    let (head, _) = idempotency.key_hash.split_first_chunk::<8>().expect("a digest has 32 bytes");
    // Odd, so that it mixes accounts without loss: one key that all of them use must not become
    // one place.
    u64::from_le_bytes(*head) ^ account.as_raw().wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[derive(Debug, Default)]
pub struct Keys {
    recent: Mutex<Recent>,
    writer: Mutex<Option<(Day, Writer)>>,
    is_flushing: AtomicBool,
}

#[derive(Debug, Default)]
struct Recent {
    places: BTreeSet<Place>,
    /// A segment of these days was sealed since the last flush.
    sealed: BTreeSet<Day>,
    /// More than so many ask for a flush. Rises when one fails.
    flushed_at: usize,
}

/// What a flush writes: all that was there when it was decided on.
#[derive(Debug)]
pub struct Flush {
    places: BTreeMap<Day, Vec<Place>>,
    /// Up to where in the log these are all.
    through: u64,
    size: FlushSize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushSize {
    /// Done in no time.
    Few,
    Many,
    /// Memory fills up faster than it is emptied.
    TooMany,
}

impl Flush {
    pub fn size(&self) -> FlushSize {
        self.size
    }
}

impl Keys {
    /// Reads the log where it is ahead of the files of keys. Only days whose keys may still count.
    pub fn load(partitions: &Partitions) -> Result<Keys, Fault> {
        let keys = Keys::default();
        let mut newest = None;
        for partition in partitions.all().iter().rev() {
            if partition.events.last_id()? == 0 {
                continue;
            }
            let newest = *newest.get_or_insert(partition.day);
            if partition.day.0 + 1 < newest.0 {
                break;
            }
            let through = partition.keys_through()?;
            partition.events.frames_above(through, |frame| {
                let Some(idempotency) = &frame.idempotency else { return Ok(()) };
                keys.add([Place::new(frame.account_id, idempotency, frame.first_id)]);
                // Its file was lost, or this is a day's whole log for another reason.
                match keys.take_due(frame.last_id()) {
                    Some(flush) => keys.flush(partitions, &flush),
                    None => Ok(()),
                }
            })?;
        }
        Ok(keys)
    }

    pub fn has_room(&self) -> bool {
        self.recent.lock().places.len() < PLACES_MAX
    }

    /// Adds accepts that are on disk.
    pub fn add(&self, places: impl IntoIterator<Item = Place>) {
        self.recent.lock().places.extend(places);
    }

    /// A segment of that day is complete.
    pub fn note_sealed(&self, day: Day) {
        self.recent.lock().sealed.insert(day);
    }

    /// What was answered to an earlier request with this key, if its window is still open.
    pub fn find(
        &self,
        partitions: &Partitions,
        now: Timestamp,
        account: AccountId,
        idempotency: &Idempotency,
    ) -> Result<Option<Accepted>, Fault> {
        let key = short(account, idempotency);
        let from = |accept_id| Place { key, accept_id };
        let mut accepts: Vec<u64> = {
            let recent = self.recent.lock();
            recent.places.range(from(0)..=from(u64::MAX)).map(|place| place.accept_id).collect()
        };
        // Whoever was stored within the window lies in a partition of a day within it, or, if ids
        // ran ahead of the clock, in a later one.
        let oldest = Day(now.saturating_sub(IDEMPOTENCY_WINDOW).day());
        for partition in partitions.newest_first(oldest.first_id(), u64::MAX) {
            partition.read_keys(|connection| accepts_of(connection, key, &mut accepts))?;
        }
        accepts.sort_unstable();
        accepts.dedup();
        for accept_id in accepts.into_iter().rev() {
            let Some(partition) = partitions.get(Day::of_raw(accept_id)) else { continue };
            let answer = |frame: &Frame<'_>| answer(frame, now, account, idempotency);
            match partition.events.frame(accept_id, answer)? {
                Some(Some(answer)) => return Ok(Some(answer)),
                Some(None) => {}
                None => {
                    let what = format!("the accept of id {accept_id} is remembered but not stored");
                    return Err(Fault::damaged(what));
                }
            }
        }
        Ok(None)
    }

    /// What is to be written now, if anything; `through` is the last id in the log. The caller
    /// must be the one who commits, so that nothing is added meanwhile.
    pub fn take_due(&self, through: u64) -> Option<Flush> {
        let mut recent = self.recent.lock();
        let count = recent.places.len();
        let is_due = !recent.sealed.is_empty() || count >= recent.flushed_at.max(PLACES_FLUSHED_AT);
        let size = match count {
            0..PLACES_FEW => FlushSize::Few,
            PLACES_FEW..PLACES_WAITED_FOR => FlushSize::Many,
            _ => FlushSize::TooMany,
        };
        let is_next_to_another = self.is_flushing.load(Ordering::Acquire);
        if !is_due || (is_next_to_another && size != FlushSize::TooMany) {
            return None;
        }
        self.is_flushing.store(true, Ordering::Release);
        let mut places: BTreeMap<Day, Vec<Place>> =
            std::mem::take(&mut recent.sealed).into_iter().map(|day| (day, Vec::new())).collect();
        for place in &recent.places {
            places.entry(Day::of_raw(place.accept_id)).or_default().push(*place);
        }
        recent.flushed_at = count + PLACES_FLUSHED_AT;
        Some(Flush { places, through, size })
    }

    pub fn flush(&self, partitions: &Partitions, flush: &Flush) -> Result<(), Fault> {
        let flushed = self.flush_days(partitions, flush);
        self.is_flushing.store(false, Ordering::Release);
        flushed?;
        let mut recent = self.recent.lock();
        for place in flush.places.values().flatten() {
            recent.places.remove(place);
        }
        recent.flushed_at = 0;
        Ok(())
    }

    fn flush_days(&self, partitions: &Partitions, flush: &Flush) -> Result<(), Fault> {
        let mut writer = self.writer.lock();
        for (day, places) in &flush.places {
            // Under the lock, see `stand_still`.
            let Some(partition) = partitions.get(*day) else { continue };
            if writer.as_ref().is_none_or(|(of, _)| of != day) {
                *writer = Some((*day, Writer::open(partition.keys_path(), FileKind::Keys)?));
            }
            let (_, writer) = writer.as_mut().expect("set above");
            write(writer, places, flush.through.min(day.last_id()))?;
            partition.note_has_keys();
        }
        Ok(())
    }

    /// Forgets a day that is dropped. Nothing is written while the answer is held.
    pub fn stand_still(&self, day: Day) -> MutexGuard<'_, Option<(Day, Writer)>> {
        let mut writer = self.writer.lock();
        if writer.as_ref().is_some_and(|(of, _)| *of == day) {
            *writer = None;
        }
        let mut recent = self.recent.lock();
        recent.places.retain(|place| Day::of_raw(place.accept_id) != day);
        recent.sealed.remove(&day);
        writer
    }
}

/// `None` if the accept came with another key, or its window has closed.
fn answer(
    frame: &Frame<'_>,
    now: Timestamp,
    account: AccountId,
    idempotency: &Idempotency,
) -> Result<Option<Accepted>, Fault> {
    let stored = match &frame.idempotency {
        Some(stored) if stored.key_hash == idempotency.key_hash => stored,
        _ => return Ok(None),
    };
    if frame.account_id != account || frame.at.saturating_add(IDEMPOTENCY_WINDOW) <= now {
        return Ok(None);
    }
    if stored.request_hash != idempotency.request_hash {
        return Ok(Some(Accepted::KeyReused));
    }
    let mut types = EventTypes::default();
    let events = frame.events()?;
    let receipts: Result<Vec<_>, Fault> =
        events.iter().map(|event| event.receipt(&mut types)).collect();
    Ok(Some(Accepted::Repeated(receipts?)))
}

// By the primary key.
fn accepts_of(connection: &Connection, key: u64, accepts: &mut Vec<u64>) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached("SELECT accept_id FROM keys WHERE key = ?1")?;
    let mut rows = statement.query([key.cast_signed()])?;
    while let Some(row) = rows.next()? {
        accepts.push(id_of(row.get(0)?));
    }
    Ok(())
}

// By the primary key, in its order.
fn write(writer: &mut Writer, places: &[Place], through: u64) -> Result<(), Fault> {
    let tx = writer.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut insert =
            tx.prepare_cached("INSERT OR IGNORE INTO keys (key, accept_id) VALUES (?1, ?2)")?;
        for place in places {
            insert.execute((place.key.cast_signed(), place.accept_id.cast_signed()))?;
        }
        let mut note = tx.prepare_cached(
            "INSERT INTO meta (name, value) VALUES ('through', ?1)
             ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
        )?;
        note.execute([through.cast_signed()])?;
    }
    tx.commit()?;
    writer.checkpoint_if_due()
}

/// Up to which id the keys of a day are in its file. By the primary key.
pub fn through(connection: &Connection) -> Result<u64, Fault> {
    let found: Option<i64> = connection
        .query_row("SELECT value FROM meta WHERE name = 'through'", (), |row| row.get(0))
        .optional()?;
    Ok(found.map_or(0, id_of))
}

/// Whether the file is there and is one that can be read: a crash may have come before its schema.
pub fn is_there(path: &Path) -> Result<bool, Fault> {
    if !path.exists() {
        return Ok(false);
    }
    drop(Writer::open(path, FileKind::Keys)?);
    Ok(true)
}

#[cfg(test)]
impl Keys {
    pub fn recent_count(&self) -> usize {
        self.recent.lock().places.len()
    }
}
