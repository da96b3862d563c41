//! The files of days. A row lies in the partition of its event's id, an event and all of its
//! deliveries in the same one, so an id says where to look, and walking the partitions backwards
//! is walking the ids backwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use posthaste_core::id::{EventId, first_of_millisecond};
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::connection::{FileKind, Readers, Writer};
use super::fault::Fault;
use super::hours;

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
    fn digits(self) -> String {
        let text = Timestamp::from_millis(self.0.saturating_mul(DAY_MS)).to_string();
        text[..10].replace('-', "")
    }

    fn from_digits(digits: &str) -> Option<Day> {
        let all_digits = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let (year, month, day) = all_digits.then(|| (&digits[..4], &digits[4..6], &digits[6..]))?;
        let start = Timestamp::parse(&format!("{year}-{month}-{day}T00:00:00Z")).ok()?;
        Some(Day(start.day()))
    }
}

/// One day's two files.
#[derive(Debug)]
pub struct Partition {
    pub day: Day,
    pub events: Readers,
    pub history: Readers,
    events_path: PathBuf,
    history_path: PathBuf,
    /// The day's low-water mark, as a raw id; 0 for none.
    low_water: AtomicU64,
    /// The first and last minute with rollups: attempts are made on later days too, and a chart
    /// skips the partitions that have none in its time.
    minutes: Mutex<Option<(i64, i64)>>,
    /// Hours below this have rollups of their own.
    folded_below: AtomicI64,
}

impl Partition {
    /// Opens the day's files, making what is missing.
    fn open(dir: &Path, day: Day) -> Result<Partition, Fault> {
        let [events_path, history_path] = paths(dir, day);
        let (events_is_new, history_is_new) = (!events_path.exists(), !history_path.exists());
        drop(Writer::open(&events_path, FileKind::Events)?);
        let history = Writer::open(&history_path, FileKind::History)?;
        let low_water = read_low_water(&history.connection)?;
        let minutes = read_minutes(&history.connection)?;
        let folded_below = hours::read_mark(&history.connection)?;
        if events_is_new || history_is_new {
            // A name is on disk only once its directory is.
            fs::File::open(dir)?.sync_all()?;
        }
        Ok(Partition {
            day,
            events: Readers::new(events_path.clone()),
            history: Readers::new(history_path.clone()),
            events_path,
            history_path,
            low_water: AtomicU64::new(low_water),
            minutes: Mutex::new(minutes),
            folded_below: AtomicI64::new(folded_below),
        })
    }

    pub fn events_writer(&self) -> Result<Writer, Fault> {
        Writer::open(&self.events_path, FileKind::Events)
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
    [dir.join(format!("events-{digits}.db")), dir.join(format!("history-{digits}.db"))]
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
    by_day: RwLock<BTreeMap<Day, Arc<Partition>>>,
}

impl Partitions {
    /// Opens what is in the folder. Days before `expired_before` were folded: their files are
    /// deleted, which a crash kept from being done.
    pub fn open(dir: &Path, expired_before: Day) -> Result<Partitions, Fault> {
        let mut days = Vec::new();
        for entry in fs::read_dir(dir)? {
            let name = entry?.file_name();
            days.extend(name.to_str().and_then(day_of_file));
        }
        days.sort_unstable();
        days.dedup();
        let mut by_day = BTreeMap::new();
        for day in days {
            if day < expired_before {
                delete_files(dir, day)?;
            } else {
                by_day.insert(day, Arc::new(Partition::open(dir, day)?));
            }
        }
        close_older(&by_day);
        Ok(Partitions { dir: dir.to_owned(), by_day: RwLock::new(by_day) })
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
        let partition = Arc::new(Partition::open(&self.dir, day)?);
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
            partition.events.keep_none();
            partition.history.keep_none();
        }
        delete_files(&self.dir, day)
    }
}

fn close_older(by_day: &BTreeMap<Day, Arc<Partition>>) {
    for partition in by_day.values().rev().skip(DAYS_OPEN_MAX) {
        partition.events.keep_none();
        partition.history.keep_none();
    }
}

/// The day of a name such as `events-20250115.db-wal`.
fn day_of_file(name: &str) -> Option<Day> {
    let rest = name.strip_prefix("events-").or_else(|| name.strip_prefix("history-"))?;
    let (digits, ending) = rest.split_once('.')?;
    ["db", "db-wal", "db-shm"].contains(&ending).then(|| Day::from_digits(digits))?
}

fn delete_files(dir: &Path, day: Day) -> Result<(), Fault> {
    for path in paths(dir, day) {
        for ending in ["", "-wal", "-shm"] {
            let mut name = path.clone().into_os_string();
            name.push(ending);
            match fs::remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
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
        check("events-20250115.db", Some(day));
        check("history-20250115.db-wal", Some(day));
        check("history-20250115.db-shm", Some(day));
        check("history-20250115.db.bak", None);
        check("events-20250199.db", None);
        check("events-2025011.db", None);
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
