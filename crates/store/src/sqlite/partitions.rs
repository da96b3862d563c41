//! The files of days. A row lies in the partition of its event's id, an event and all of its
//! deliveries in the same one, so an id says where to look, and walking the partitions backwards
//! is walking the ids backwards.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use posthaste_core::id::{EventId, first_of_millisecond};
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::connection::{FileKind, Readers, Writer};
use super::fault::Fault;
use super::{hours, keys};
use crate::log::segment::{self, Kind};
use crate::log::{DayLog, OpenSegments, Tail};

const DAY_MS: i64 = 86_400_000;
/// Days whose files are kept open for reading; bounds file descriptors, however many days are
/// kept.
const DAYS_OPEN_MAX: usize = 8;

/// Days since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    pub fn of_event(id: EventId) -> Day {
        Day(id.created_at().day())
    }

    /// The day of any id: those of deliveries lie in the day of their event.
    pub fn of_raw(raw: u64) -> Day {
        Day::of_event(EventId::from_raw(raw))
    }

    /// The smallest id of the day.
    pub fn first_id(self) -> u64 {
        first_of_millisecond(Timestamp::from_millis(self.0.saturating_mul(DAY_MS)))
    }

    /// The largest id of the day.
    pub fn last_id(self) -> u64 {
        Day(self.0 + 1).first_id().saturating_sub(1)
    }

    /// `20250115`, as file names have it.
    pub fn digits(self) -> String {
        let text = Timestamp::from_millis(self.0.saturating_mul(DAY_MS)).to_string();
        text[..10].replace('-', "")
    }

    pub fn from_digits(digits: &str) -> Option<Day> {
        let all_digits = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let (year, month, day) = all_digits.then(|| (&digits[..4], &digits[4..6], &digits[6..]))?;
        let start = Timestamp::parse(&format!("{year}-{month}-{day}T00:00:00Z")).ok()?;
        Some(Day(start.day()))
    }
}

/// One day's files: the segments of its log, its history, its keys.
#[derive(Debug)]
pub struct Partition {
    pub day: Day,
    pub events: Arc<DayLog>,
    pub history: Readers,
    keys: Readers,
    history_path: PathBuf,
    keys_path: PathBuf,
    /// A day may have no file of keys; it is made when there is something to write.
    has_keys: AtomicBool,
    /// The day's low-water mark, as a raw id; 0 for none.
    low_water: AtomicU64,
    /// The first and last minute with rollups: attempts are made on later days too, and a chart
    /// skips the partitions that have none in its time.
    minutes: Mutex<Option<(i64, i64)>>,
    /// Hours below this have rollups of their own.
    folded_below: AtomicI64,
}

impl Partition {
    /// Opens the day's files, making what is missing. `segments` are those of its log.
    fn open(
        dir: &Path,
        day: Day,
        segments: Vec<u32>,
        tail: Tail,
        open_segments: &Arc<OpenSegments>,
    ) -> Result<Partition, Fault> {
        let [history_path, keys_path] = paths(dir, day);
        let history_is_new = !history_path.exists();
        let history = Writer::open(&history_path, FileKind::History)?;
        let low_water = read_low_water(&history.connection)?;
        let minutes = read_minutes(&history.connection)?;
        let folded_below = hours::read_mark(&history.connection)?;
        if history_is_new {
            // A name is on disk only once its directory is.
            fs::File::open(dir)?.sync_all()?;
        }
        Ok(Partition {
            day,
            events: Arc::new(DayLog::open(dir, day, segments, tail, open_segments)?),
            history: Readers::new(history_path.clone()),
            keys: Readers::new(keys_path.clone()),
            has_keys: AtomicBool::new(keys::is_there(&keys_path)?),
            history_path,
            keys_path,
            low_water: AtomicU64::new(low_water),
            minutes: Mutex::new(minutes),
            folded_below: AtomicI64::new(folded_below),
        })
    }

    pub fn keys_path(&self) -> &Path {
        &self.keys_path
    }

    pub fn note_has_keys(&self) {
        self.has_keys.store(true, Ordering::Release);
    }

    /// Does nothing if there is no file of keys.
    pub fn read_keys(
        &self,
        read: impl FnOnce(&Connection) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.has_keys.load(Ordering::Acquire) { self.keys.read(read) } else { Ok(()) }
    }

    /// Up to which id the keys of the day's accepts are in its file.
    pub fn keys_through(&self) -> Result<u64, Fault> {
        let mut through = 0;
        self.read_keys(|connection| {
            through = keys::through(connection)?;
            Ok(())
        })?;
        Ok(through)
    }

    pub fn history_writer(&self) -> Result<Writer, Fault> {
        Writer::open(&self.history_path, FileKind::History)
    }

    pub fn low_water(&self) -> u64 {
        self.low_water.load(Ordering::Acquire)
    }

    pub fn raise_low_water(&self, mark: u64) {
        self.low_water.fetch_max(mark, Ordering::AcqRel);
    }

    pub fn minutes(&self) -> Option<(i64, i64)> {
        *self.minutes.lock()
    }

    pub fn folded_below(&self) -> i64 {
        self.folded_below.load(Ordering::Acquire)
    }

    pub fn raise_folded_below(&self, hour: i64) {
        self.folded_below.fetch_max(hour, Ordering::AcqRel);
    }

    pub fn widen_minutes(&self, first: i64, last: i64) {
        let mut minutes = self.minutes.lock();
        let (low, high) = minutes.unwrap_or((first, last));
        *minutes = Some((low.min(first), high.max(last)));
    }
}

fn paths(dir: &Path, day: Day) -> [PathBuf; 2] {
    let digits = day.digits();
    [dir.join(format!("history-{digits}.db")), dir.join(format!("keys-{digits}.db"))]
}

// By the primary key.
fn read_low_water(history: &Connection) -> Result<u64, Fault> {
    let mark: Option<i64> = history
        .query_row("SELECT value FROM meta WHERE name = 'low_water'", (), |row| row.get(0))
        .optional()?;
    Ok(mark.and_then(|mark| u64::try_from(mark).ok()).unwrap_or(0))
}

// Two ends of the primary key.
fn read_minutes(history: &Connection) -> Result<Option<(i64, i64)>, Fault> {
    let ends: (Option<i64>, Option<i64>) = history.query_row(
        "SELECT (SELECT min(minute) FROM account_rollups),
                (SELECT max(minute) FROM account_rollups)",
        (),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(ends.0.zip(ends.1))
}

/// All partitions, by day.
#[derive(Debug)]
pub struct Partitions {
    dir: PathBuf,
    open_segments: Arc<OpenSegments>,
    by_day: RwLock<BTreeMap<Day, Arc<Partition>>>,
}

impl Partitions {
    /// Opens what is in the folder. Days before `expired_before` were folded: their files are
    /// deleted, which a crash kept from being done.
    pub fn open(dir: &Path, expired_before: Day) -> Result<Partitions, Fault> {
        let open_segments = Arc::default();
        let found = find_days(dir)?;
        // Ids rise, so only the newest day of the log was being written.
        let newest_log = found.iter().rev().find(|(_, segments)| !segments.is_empty());
        let newest_log = newest_log.map(|(day, _)| *day);
        let mut by_day = BTreeMap::new();
        for (day, segments) in found {
            if day < expired_before {
                delete_files(dir, day)?;
                continue;
            }
            let tail = if Some(day) == newest_log { Tail::MayBeTorn } else { Tail::Complete };
            let partition = Partition::open(dir, day, segments, tail, &open_segments)?;
            by_day.insert(day, Arc::new(partition));
        }
        close_older(&by_day);
        Ok(Partitions { dir: dir.to_owned(), open_segments, by_day: RwLock::new(by_day) })
    }

    /// What all files in the store's folder take up, those that are no partition's included.
    pub fn disk_bytes(&self) -> Result<u64, Fault> {
        disk_bytes(&self.dir)
    }

    pub fn get(&self, day: Day) -> Option<Arc<Partition>> {
        self.by_day.read().get(&day).cloned()
    }

    pub fn get_or_create(&self, day: Day) -> Result<Arc<Partition>, Fault> {
        if let Some(partition) = self.get(day) {
            return Ok(partition);
        }
        // Under the lock, so that accepting and recording do not both make it: once a day.
        let mut by_day = self.by_day.write();
        if let Some(partition) = by_day.get(&day) {
            return Ok(partition.clone());
        }
        let (segments, tail) = (Vec::new(), Tail::Complete);
        let partition = Partition::open(&self.dir, day, segments, tail, &self.open_segments)?;
        let partition = Arc::new(partition);
        by_day.insert(day, partition.clone());
        close_older(&by_day);
        Ok(partition)
    }

    /// Oldest first.
    pub fn all(&self) -> Vec<Arc<Partition>> {
        self.by_day.read().values().cloned().collect()
    }

    /// Those that can hold ids from `floor` to just below `before`, newest first.
    pub fn newest_first(&self, floor: u64, before: u64) -> Vec<Arc<Partition>> {
        let by_day = self.by_day.read();
        let newest_first = by_day.values().rev();
        newest_first
            .filter(|partition| {
                partition.day.first_id() < before && partition.day.last_id() >= floor
            })
            .cloned()
            .collect()
    }

    /// Forgets a day and deletes its files. Whoever reads in it at the moment may finish: an
    /// unlinked file stays until it is closed.
    pub fn delete(&self, day: Day) -> Result<(), Fault> {
        let removed = self.by_day.write().remove(&day);
        if let Some(partition) = removed {
            partition.history.keep_none();
            partition.keys.keep_none();
        }
        self.open_segments.close_day(day);
        delete_files(&self.dir, day)
    }
}

/// What the files of a folder take up.
pub fn disk_bytes(dir: &Path) -> Result<u64, Fault> {
    const BLOCK_BYTES: u64 = 512;
    let mut blocks = 0;
    for entry in fs::read_dir(dir)? {
        match entry?.metadata() {
            Ok(metadata) => blocks += metadata.blocks(),
            // An expired day's, an import's that is over, or a journal that is not needed any more.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(blocks * BLOCK_BYTES)
}

fn close_older(by_day: &BTreeMap<Day, Arc<Partition>>) {
    for partition in by_day.values().rev().skip(DAYS_OPEN_MAX) {
        partition.history.keep_none();
        partition.keys.keep_none();
    }
}

/// The days that have files, oldest first, with the numbers of their log's segments.
fn find_days(dir: &Path) -> Result<BTreeMap<Day, Vec<u32>>, Fault> {
    let mut found: BTreeMap<Day, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else { continue };
        let Some(day) = day_of_file(name) else { continue };
        let segments = found.entry(day).or_default();
        if let Some((_, number, Kind::Log)) = segment::parse_name(name) {
            segments.push(number);
        }
    }
    Ok(found)
}

/// The day of a name such as `events-20250115-0001.log` or `history-20250115.db-wal`.
fn day_of_file(name: &str) -> Option<Day> {
    if let Some((day, _, _)) = segment::parse_name(name) {
        return Some(day);
    }
    let rest = name.strip_prefix("history-").or_else(|| name.strip_prefix("keys-"))?;
    let (digits, ending) = rest.split_once('.')?;
    ["db", "db-wal", "db-shm"].contains(&ending).then(|| Day::from_digits(digits))?
}

fn delete_files(dir: &Path, day: Day) -> Result<(), Fault> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_str().and_then(day_of_file) != Some(day) {
            continue;
        }
        match fs::remove_file(entry.path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_survives_its_file_name_and_other_names_are_left_alone() {
        let day = Day::of_raw(first_of_millisecond(Timestamp::from_millis(1_736_951_425_123)));
        assert_eq!(day.digits(), "20250115");
        let check = |name: &str, expected: Option<Day>| {
            assert_eq!(day_of_file(name), expected, "{name}");
        };
        check("events-20250115-0001.log", Some(day));
        check("events-20250115-0001.idx", Some(day));
        check("keys-20250115.db-wal", Some(day));
        check("history-20250115.db-wal", Some(day));
        check("history-20250115.db-shm", Some(day));
        check("history-20250115.db.bak", None);
        check("history-20250199.db", None);
        check("history-2025011.db", None);
        check("events-20250115.db", None);
        check("config.db", None);
        check("notes.txt", None);
    }

    #[test]
    fn the_ids_of_neighbouring_days_meet() {
        let day = Day(20_103);
        assert_eq!(day.last_id() + 1, Day(20_104).first_id());
        assert_eq!(Day::of_raw(day.first_id()), day);
        assert_eq!(Day::of_raw(day.last_id()), day);
    }
}
