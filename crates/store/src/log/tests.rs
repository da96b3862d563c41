//! The log against what disks and power cuts do: torn ends, changed bytes, failing writes and
//! syncs. Long, because each way in which a disk fails is a story of its own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use posthaste_core::attempt::Trigger;
use posthaste_core::event::{Event, NewEvent};
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, ID_STRIDE, WebhookId};
use posthaste_core::store::StoreError;
use posthaste_core::time::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;

use super::frame::{NewFrame, ids_of};
use super::segment::{self, Kind};
use super::writer::Medium;
use super::{DayLog, LogWriter, OpenSegments, Tail};
use crate::sqlite::fault::{DiskTrust, Fault};
use crate::sqlite::partitions::Day;
use crate::sqlite::rows::EventTypes;

const DAY: Day = Day(20_103);

/// Opens the log that is in a folder.
fn open_as(dir: &Path, tail: Tail) -> Result<Arc<DayLog>, Fault> {
    let names = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("entry").file_name());
    let numbers = names.filter_map(|name| match segment::parse_name(name.to_str()?)? {
        (_, number, Kind::Log) => Some(number),
        _ => None,
    });
    let open = Arc::new(OpenSegments::default());
    Ok(Arc::new(DayLog::open(dir, DAY, numbers.collect(), tail, &open)?))
}

fn open(dir: &Path) -> Arc<DayLog> {
    open_as(dir, Tail::MayBeTorn).expect("open")
}

fn segment_path(dir: &Path, number: u32) -> PathBuf {
    segment::path(dir, DAY, number)
}

fn event(targets: usize, data: &str) -> NewEvent {
    NewEvent {
        event_type: EventType::parse("call.ended").expect("a name"),
        timestamp: Timestamp::from_millis(5),
        powerlist_id: None,
        data: data.into(),
        trigger: Trigger::Event,
        hops: 0,
        targets: vec![WebhookId::from_raw(9); targets],
    }
}

/// Pushes an accept behind all that the log holds; `next_id` moves on.
fn push(writer: &mut LogWriter, next_id: &mut u64, events: &[NewEvent]) {
    writer.push(&NewFrame {
        first_id: *next_id,
        account_id: AccountId::from_raw(1),
        at: Timestamp::from_millis(7),
        idempotency: None,
        events,
    });
    *next_id += ids_of(events) as u64 * ID_STRIDE;
}

/// One group with these accepts.
fn commit(
    writer: &mut LogWriter,
    next_id: &mut u64,
    accepts: &[Vec<NewEvent>],
) -> Result<(), Fault> {
    writer.begin()?;
    for accept in accepts {
        push(writer, next_id, accept);
    }
    writer.commit()
}

/// All events, oldest first, read both ways.
fn events(log: &DayLog) -> Result<Vec<Event>, Fault> {
    let mut types = EventTypes::default();
    let mut backwards = Vec::new();
    log.newest_first(0, u64::MAX, |event| {
        backwards.push(event.to_event(&mut types)?);
        Ok(ControlFlow::Continue(()))
    })?;
    backwards.reverse();
    let mut forwards = Vec::new();
    log.frames_above(0, |frame| {
        for event in frame.events()? {
            forwards.push(event.to_event(&mut types)?);
        }
        Ok(())
    })?;
    assert_eq!(forwards, backwards);
    assert!(forwards.is_sorted_by(|a, b| a.id < b.id));
    Ok(forwards)
}

fn data_of(log: &DayLog) -> Vec<String> {
    let events = events(log).expect("readable");
    events.into_iter().map(|event| event.data.to_string()).collect()
}

fn first_id() -> u64 {
    DAY.first_id() + ID_STRIDE
}

/// A folder whose only segment holds these bytes.
fn folder_with(bytes: &[u8]) -> TempDir {
    let dir = TempDir::new().expect("a folder");
    fs::write(segment_path(dir.path(), 1), bytes).expect("write");
    dir
}

/// A segment of three groups, without the zeros behind: its bytes, and where the groups end. The
/// second has a batch among single events.
fn three_groups() -> (Vec<u8>, [usize; 3]) {
    let dir = TempDir::new().expect("a folder");
    let mut next_id = first_id();
    let mut ends = [0; 3];
    {
        let log = open(dir.path());
        let mut writer = LogWriter::open(log.clone()).expect("writer");
        let groups = [
            vec![vec![event(1, "a1")]],
            vec![vec![event(0, "b1")], vec![event(2, "b2"), event(1, "b3")], vec![event(1, "b4")]],
            vec![vec![event(1, "c1")]],
        ];
        for (group, end) in groups.iter().zip(&mut ends) {
            commit(&mut writer, &mut next_id, group).expect("commit");
            *end = log.active().expect("written").1 as usize;
        }
    }
    let mut bytes = fs::read(segment_path(dir.path(), 1)).expect("read");
    assert!(bytes[ends[2]..].iter().all(|byte| *byte == 0) && bytes.len() > ends[2]);
    bytes.truncate(ends[2]);
    (bytes, ends)
}

/// Opens a log that was torn, and goes on with it.
fn check_torn(bytes: &[u8], expected: &[&str]) {
    let (dir, log) = check_opened(bytes, expected);
    let mut next_id = log.last_id().expect("known").max(first_id()) + ID_STRIDE;
    let mut writer = LogWriter::open(log.clone()).expect("writer");
    commit(&mut writer, &mut next_id, &[vec![event(1, "new")]]).expect("commit");
    drop((writer, log));
    let mut expected = expected.to_vec();
    expected.push("new");
    assert_eq!(data_of(&open(dir.path())), expected);
}

fn check_opened(bytes: &[u8], expected: &[&str]) -> (TempDir, Arc<DayLog>) {
    let dir = folder_with(bytes);
    let log = open(dir.path());
    assert_eq!(data_of(&log), expected);
    (dir, log)
}

#[test]
fn a_log_cut_at_any_byte_keeps_every_whole_accept_and_goes_on() {
    let (bytes, [first, second, _]) = three_groups();
    // The frames of the second group, by where they end.
    let frame_ends: Vec<usize> = {
        let mut at = first;
        std::iter::from_fn(|| {
            let (_, size) = super::frame::read_frame(&bytes[at..second])?;
            at += size;
            Some(at)
        })
        .collect()
    };
    assert_eq!(frame_ends.last(), Some(&second));
    let accepts: [&[&str]; 3] = [&["b1"], &["b2", "b3"], &["b4"]];
    for cut in 0..=second {
        let mut expected = if cut >= first { vec!["a1"] } else { vec![] };
        for (end, accept) in frame_ends.iter().zip(accepts) {
            if cut >= *end {
                expected.extend(accept);
            }
        }
        // Shorter, or with the size already on disk and the rest not.
        check_torn(&bytes[..cut], &expected);
        let mut zeroed = bytes[..second].to_vec();
        zeroed[cut..].fill(0);
        zeroed.resize(second + 5_000, 0);
        check_opened(&zeroed, &expected);
    }
}

#[test]
fn a_group_torn_in_front_of_whole_frames_is_torn_and_not_damaged() {
    let (mut bytes, [first, second, _]) = three_groups();
    bytes.truncate(second);
    bytes[first..first + 40].fill(0);
    check_torn(&bytes, &["a1"]);
}

#[test]
fn a_changed_byte_in_what_was_synced_is_told_and_nothing_is_cut() {
    let (bytes, [_, second, _]) = three_groups();
    for at in 0..second {
        let mut changed = bytes.clone();
        changed[at] ^= 0x41;
        let dir = folder_with(&changed);
        let refused = open_as(dir.path(), Tail::MayBeTorn).expect_err("damage");
        let error = StoreError::from(refused).to_string();
        assert!(error.contains("damaged") && error.contains("events-20250115-0001.log"), "{error}");
        assert_eq!(fs::read(segment_path(dir.path(), 1)).expect("read"), changed);
    }
}

/// A log of this many segments of some groups each, closed. What is in it, and the next id.
fn sealed_segments(dir: &Path, groups: usize) -> (Vec<Event>, u64) {
    let mut next_id = first_id();
    let log = open(dir);
    let mut writer = LogWriter::open(log.clone()).expect("writer");
    writer.set_segment_bytes(100_000);
    for number in 0..groups {
        let data = format!("{number}-{}", "x".repeat(9_000));
        let accepts = [vec![event(1, &data)], vec![event(2, &data), event(0, &data)]];
        commit(&mut writer, &mut next_id, &accepts).expect("commit");
    }
    let all = events(&log).expect("readable");
    assert_eq!(all.len(), 3 * groups);
    (all, next_id)
}

#[test]
fn every_event_is_found_over_many_segments() {
    let dir = TempDir::new().expect("a folder");
    let (all, next_id) = sealed_segments(dir.path(), 180);
    let log = open(dir.path());
    assert_eq!(log.last_id().expect("known"), next_id - ID_STRIDE);
    assert_eq!(events(&log).expect("readable"), all);
    let mut types = EventTypes::default();
    for (position, event) in all.iter().enumerate() {
        let id = event.id.as_raw();
        let mut found = None;
        log.newest_first(id, id + 1, |stored| {
            assert!(found.replace(stored.to_event(&mut types)?).is_none());
            Ok(ControlFlow::Continue(()))
        })
        .expect("readable");
        assert_eq!(found.as_ref(), Some(event));
        if position % 100 == 0 {
            let mut above = Vec::new();
            log.frames_above(id, |frame| {
                above.extend(frame.events()?.iter().map(|event| event.id));
                Ok(())
            })
            .expect("readable");
            above.retain(|other| *other > event.id);
            let expected: Vec<_> = all[position + 1..].iter().map(|event| event.id).collect();
            assert_eq!(above, expected);
        }
    }
    let segments = fs::read_dir(dir.path()).expect("a folder").count() / 2;
    assert!(segments > 32, "{segments}: more than are kept open");
}

#[test]
fn a_lost_or_damaged_index_is_made_again() {
    let dir = TempDir::new().expect("a folder");
    let (all, _) = sealed_segments(dir.path(), 20);
    let path = segment::index_path(dir.path(), DAY, 2);
    let whole = fs::read(&path).expect("an index");
    for spoil in [Vec::new(), vec![0; whole.len()], whole[..whole.len() - 1].to_vec()] {
        fs::write(&path, spoil).expect("write");
        assert_eq!(events(&open(dir.path())).expect("readable"), all);
        assert_eq!(fs::read(&path).expect("an index"), whole);
    }
    fs::remove_file(&path).expect("remove");
    assert_eq!(events(&open(dir.path())).expect("readable"), all);
    assert_eq!(fs::read(&path).expect("an index"), whole);
}

#[test]
fn damage_in_a_sealed_segment_is_told_with_and_without_its_index() {
    let dir = TempDir::new().expect("a folder");
    sealed_segments(dir.path(), 20);
    let path = segment_path(dir.path(), 2);
    let index_path = segment::index_path(dir.path(), DAY, 2);
    let (whole, index) = (fs::read(&path).expect("read"), fs::read(&index_path).expect("read"));
    let check = |bytes: &[u8], with_index: bool| {
        fs::write(&path, bytes).expect("write");
        match with_index {
            true => fs::write(&index_path, &index).expect("write"),
            false => fs::remove_file(&index_path).unwrap_or_default(),
        }
        let log = open(dir.path());
        let error = StoreError::from(events(&log).expect_err("damage")).to_string();
        assert!(error.contains("events-20250115-0002.log"), "{error}");
    };
    // The name of the file says more than its header; but with the index gone, all is checked.
    for at in (16..whole.len()).step_by(997) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        check(&changed, true);
        check(&changed, false);
    }
    check(&whole[..whole.len() - 1], true);
    check(&whole[..whole.len() - 1], false);
    check(&[], true);
    check(&[], false);
    fs::remove_file(&path).expect("remove");
    let refused = open_as(dir.path(), Tail::MayBeTorn).expect_err("a gap");
    assert!(refused.to_string().contains("0002.log is missing"), "{refused}");
}

#[test]
fn a_day_that_is_over_may_not_be_torn() {
    let (bytes, _) = three_groups();
    let dir = folder_with(&bytes);
    assert_eq!(events(&open_as(dir.path(), Tail::Complete).expect("open")).expect("all").len(), 6);
    let dir = folder_with(&bytes[..bytes.len() - 1]);
    let log = open_as(dir.path(), Tail::Complete).expect("open");
    assert!(matches!(events(&log), Err(Fault::Store(StoreError::Damaged { .. }))));
}

#[test]
fn a_segment_without_a_frame_goes_away() {
    for bytes in [&b""[..], b"posthaste", segment::FILE_HEADER, &[0; 5_000]] {
        let dir = folder_with(bytes);
        let log = open(dir.path());
        assert_eq!(log.last_id().expect("known"), 0);
        assert!(!segment_path(dir.path(), 1).exists());
        check_torn(bytes, &[]);
    }
    let dir = TempDir::new().expect("a folder");
    let log = open(dir.path());
    LogWriter::open(log).expect("writer").seal().expect("seal");
    assert!(!segment_path(dir.path(), 1).exists());
}

// Failing disks.

/// What a disk does from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    Nothing,
    /// There is room for a file of this size. What fits of a write is written.
    Full {
        size: u64,
    },
    /// Half of a write is written.
    Write,
    Sync(ErrorKind),
    /// Full, and what is there cannot be cut off.
    FullAndCut {
        size: u64,
    },
}

#[derive(Debug)]
pub struct FailingMedium<M> {
    pub medium: M,
    pub failing: Arc<Mutex<Failing>>,
}

impl<M: Medium> Medium for FailingMedium<M> {
    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        let failing = *self.failing.lock();
        match failing {
            Failing::Full { size } | Failing::FullAndCut { size } => {
                let room = usize::try_from(size.saturating_sub(at)).expect("small");
                self.medium.write_at(&bytes[..room.min(bytes.len())], at)?;
                if room < bytes.len() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
            }
            Failing::Write => {
                self.medium.write_at(&bytes[..bytes.len() / 2], at)?;
                Err(io::Error::other("input/output error"))
            }
            Failing::Nothing | Failing::Sync(_) => self.medium.write_at(bytes, at),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match *self.failing.lock() {
            Failing::Sync(kind) => Err(kind.into()),
            _ => self.medium.sync(),
        }
    }

    fn cut(&mut self, size: u64) -> io::Result<()> {
        match *self.failing.lock() {
            Failing::FullAndCut { .. } => Err(io::Error::other("input/output error")),
            _ => self.medium.cut(size),
        }
    }
}

/// A log on a failing disk, with one event in it.
struct Disk {
    dir: TempDir,
    log: Arc<DayLog>,
    writer: LogWriter,
    failing: Arc<Mutex<Failing>>,
    next_id: u64,
}

impl Disk {
    fn new() -> Disk {
        let dir = TempDir::new().expect("a folder");
        let log = open(dir.path());
        let mut writer = LogWriter::open(log.clone()).expect("writer");
        let failing = Arc::new(Mutex::new(Failing::Nothing));
        let medium = FailingMedium { medium: writer.file(), failing: failing.clone() };
        writer.set_medium(Box::new(medium));
        let mut disk = Disk { dir, log, writer, failing, next_id: first_id() };
        disk.accept("first").expect("commit");
        disk
    }

    fn accept(&mut self, data: &str) -> Result<(), StoreError> {
        let trust = DiskTrust::default();
        let accepts = [vec![event(1, data)], vec![event(1, data)]];
        let committed = commit(&mut self.writer, &mut self.next_id, &accepts);
        committed.map_err(|fault| {
            let error = trust.judge(fault);
            assert_eq!(matches!(error, StoreError::Full), trust.check().is_ok());
            error
        })
    }

    /// What is read now, and what would be if the process ended here.
    fn check(&self, expected: &[&str]) {
        let twice: Vec<&str> = expected.iter().flat_map(|data| [*data, *data]).collect();
        assert_eq!(data_of(&self.log), twice);
        let bytes = fs::read(segment_path(self.dir.path(), 1)).expect("read");
        check_torn(&bytes, &twice);
    }
}

#[test]
fn a_full_disk_takes_nothing_of_a_group_and_goes_on_once_there_is_room() {
    let large = "x".repeat(300_000);
    let end = u64::from(Disk::new().log.active().expect("written").1);
    for room in [0, 1, 5_000, 300_150, 600_000] {
        let mut disk = Disk::new();
        *disk.failing.lock() = Failing::Full { size: end + room };
        let refused = disk.accept(&large);
        assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
        disk.check(&["first"]);
        *disk.failing.lock() = Failing::Nothing;
        disk.accept("second").expect("room again");
        disk.check(&["first", "second"]);
    }
    // There is room for the group, but not for the zeros behind it.
    let mut disk = Disk::new();
    *disk.failing.lock() = Failing::Full { size: end + 700_000 };
    disk.accept(&large).expect("there is room");
    disk.check(&["first", &large]);
    disk.writer.seal().expect("seal");
    let log = open_as(disk.dir.path(), Tail::Complete).expect("open");
    assert_eq!(events(&log).expect("nothing but frames").len(), 4);
}

#[test]
fn after_any_other_failure_the_disk_is_not_trusted() {
    for failing in [
        Failing::Write,
        Failing::Sync(ErrorKind::Other),
        // A file system that finds out when it writes back: the pages may be gone all the same.
        Failing::Sync(ErrorKind::StorageFull),
        Failing::FullAndCut { size: 100 },
    ] {
        let mut disk = Disk::new();
        *disk.failing.lock() = failing;
        let refused = disk.accept("second");
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{failing:?}: {refused:?}");
        assert_eq!(data_of(&disk.log), ["first", "first"], "{failing:?}");
    }
}

// Power cuts.

/// Sectors are written whole or not at all, in any order.
const SECTOR: usize = 512;

/// A file of which it is known what is on disk and what is only on its way there.
#[derive(Debug, Default)]
struct Platter {
    written: Vec<u8>,
    synced: Vec<u8>,
}

#[derive(Debug)]
struct PlatterMedium<M> {
    medium: M,
    platter: Arc<Mutex<Platter>>,
}

impl<M: Medium> Medium for PlatterMedium<M> {
    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut platter = self.platter.lock();
        let at_byte = usize::try_from(at).expect("small");
        let size = platter.written.len().max(at_byte + bytes.len());
        platter.written.resize(size, 0);
        platter.written[at_byte..at_byte + bytes.len()].copy_from_slice(bytes);
        self.medium.write_at(bytes, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut platter = self.platter.lock();
        platter.synced = platter.written.clone();
        Ok(())
    }

    fn cut(&mut self, size: u64) -> io::Result<()> {
        self.platter.lock().written.truncate(usize::try_from(size).expect("small"));
        self.medium.cut(size)
    }
}

impl Platter {
    /// What a power cut leaves: the size is anything between the two, and each sector that was on
    /// its way is there or not. `chance` says which.
    fn after_power_cut(&self, chance: &[u8]) -> Vec<u8> {
        let mut chance = chance.iter().copied().cycle();
        let mut next = || usize::from(chance.next().expect("not empty"));
        let (low, high) = (self.synced.len(), self.written.len());
        let size = low + high.saturating_sub(low) * next() / 255;
        let mut bytes = self.synced.clone();
        bytes.resize(size, 0);
        for (number, sector) in bytes.chunks_mut(SECTOR).enumerate() {
            let from = number * SECTOR;
            let to = (from + sector.len()).min(high);
            if next() % 3 > 0 && from < to {
                sector[..to - from].copy_from_slice(&self.written[from..to]);
            }
        }
        bytes
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn a_power_cut_loses_nothing_that_was_acknowledged(
        lives in prop::collection::vec(
            (
                prop::collection::vec(prop::collection::vec(0..3_000_usize, 1..5), 0..4),
                prop::collection::vec(0..3_000_usize, 1..40),
                prop::collection::vec(any::<u8>(), 1..60),
            ),
            1..5,
        )
    ) {
        let dir = TempDir::new().expect("a folder");
        let path = segment_path(dir.path(), 1);
        let mut next_id = first_id();
        // By id: acknowledged, or only ever tried.
        let mut acknowledged = BTreeMap::new();
        let mut tried: BTreeMap<u64, String> = BTreeMap::new();
        for (groups, last_group, chance) in lives {
            let log = open(dir.path());
            let mut writer = LogWriter::open(log.clone()).expect("writer");
            let bytes = fs::read(&path).expect("read");
            let platter = Platter { written: bytes.clone(), synced: bytes };
            let platter = Arc::new(Mutex::new(platter));
            let medium = PlatterMedium { medium: writer.file(), platter: platter.clone() };
            writer.set_medium(Box::new(medium));
            for group in groups {
                writer.begin().expect("begin");
                for size in group {
                    let data = format!("{next_id}{}", "y".repeat(size));
                    acknowledged.insert(next_id, data.clone());
                    push(&mut writer, &mut next_id, &[event(1, &data)]);
                }
                writer.commit().expect("commit");
            }
            // The power goes before the sync of this one.
            let before = platter.lock().synced.clone();
            writer.begin().expect("begin");
            for size in last_group {
                let data = format!("{next_id}{}", "z".repeat(size));
                tried.insert(next_id, data.clone());
                push(&mut writer, &mut next_id, &[event(1, &data)]);
            }
            writer.commit().expect("commit");
            drop((writer, log));
            platter.lock().synced = before;
            fs::write(&path, platter.lock().after_power_cut(&chance)).expect("write");

            let found = match open_as(dir.path(), Tail::MayBeTorn) {
                Ok(log) => events(&log).expect("readable"),
                Err(fault) => panic!("{fault}"),
            };
            let mut left = acknowledged.clone();
            for event in found {
                let id = event.id.as_raw();
                let expected = left.remove(&id).or_else(|| tried.get(&id).cloned());
                prop_assert_eq!(expected.as_deref(), Some(&*event.data));
                // Whoever found it answers for it from now on.
                acknowledged.insert(id, event.data.to_string());
            }
            prop_assert!(left.is_empty(), "lost: {:?}", left.keys());
        }
    }
}
