//! One day's part of the log, as it is read: its segments, of which at most the last is still
//! written. Readers see what was synced, never more.

use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use posthaste_core::id::EventId;
use posthaste_core::store::StoreError;

use super::frame::{Frame, StoredEvent, read_frame};
use super::index::{Block, Placed, SparseIndex};
use super::segment::{self, Ending, damaged};
use crate::sqlite::fault::Fault;
use crate::sqlite::partitions::Day;

/// Sealed segments kept open with their index (32 KiB each): bounds memory and file descriptors,
/// however many days are kept.
const SEGMENTS_OPEN_MAX: usize = 32;

/// Whether the last segment of a day may have a torn end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// The newest day of the log: it was being written when the process ended.
    MayBeTorn,
    /// A day behind which another one was begun.
    Complete,
}

#[derive(Debug)]
pub struct DayLog {
    pub day: Day,
    pub dir: PathBuf,
    open: Arc<OpenSegments>,
    segments: RwLock<Segments>,
}

#[derive(Debug, Default)]
struct Segments {
    /// The `n`-th has number `n + 1`. Only ever pushed to.
    sealed: Vec<Arc<Sealed>>,
    /// The next one.
    active: Option<Active>,
}

#[derive(Debug)]
struct Sealed {
    number: u32,
    /// Its first and last id, known since it was first looked at.
    ids: OnceLock<(u64, u64)>,
}

/// The segment that is written.
#[derive(Debug)]
struct Active {
    file: Arc<File>,
    /// Of what is synced.
    index: SparseIndex,
}

impl DayLog {
    /// Takes up the segments with these numbers. A torn end is cut off.
    pub fn open(
        dir: &Path,
        day: Day,
        mut numbers: Vec<u32>,
        tail: Tail,
        open: &Arc<OpenSegments>,
    ) -> Result<DayLog, Fault> {
        numbers.sort_unstable();
        for (expected, number) in (1..).zip(&numbers) {
            if expected != *number {
                let path = segment::path(dir, day, expected);
                return Err(Fault::damaged(format!("{} is missing", path.display())));
            }
        }
        let mut segments = Segments::default();
        if tail == Tail::MayBeTorn
            && let Some(number) = numbers.pop()
        {
            segments.active = reopen_last(dir, day, number)?;
        }
        let sealed = |number| Arc::new(Sealed { number, ids: OnceLock::new() });
        segments.sealed = numbers.into_iter().map(sealed).collect();
        let (dir, open) = (dir.to_owned(), open.clone());
        Ok(DayLog { day, dir, open, segments: RwLock::new(segments) })
    }

    /// The highest id that an event or delivery of the day has; 0 if there is nothing.
    pub fn last_id(&self) -> Result<u64, Fault> {
        let last_sealed = {
            let segments = self.segments.read();
            match &segments.active {
                Some(active) if !active.index.is_empty() => return Ok(active.index.last_id()),
                _ => segments.sealed.last().cloned(),
            }
        };
        let Some(sealed) = last_sealed else { return Ok(0) };
        Ok(self.ids_of(&sealed)?.1)
    }

    /// Shows `visit` the events with ids from `floor` to just below `before`, newest first, until
    /// it breaks.
    pub fn newest_first(
        &self,
        floor: u64,
        before: u64,
        mut visit: impl FnMut(&StoredEvent<'_>) -> Result<ControlFlow<()>, Fault>,
    ) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        for position in (0..self.positions()).rev() {
            let mut block_before = before;
            while let Some((file, block)) = self.block_before(position, block_before)? {
                self.read_block(position, &file, block, &mut bytes)?;
                let mut events = Vec::new();
                self.frames(position, block, &bytes, |frame| {
                    events.extend(frame.events()?);
                    Ok(())
                })?;
                for event in events.iter().rev().filter(|event| event.id.as_raw() < before) {
                    if event.id.as_raw() < floor || visit(event)?.is_break() {
                        return Ok(());
                    }
                }
                if block.first_id <= floor {
                    return Ok(());
                }
                block_before = block.first_id;
            }
        }
        Ok(())
    }

    /// Shows `visit` those of the events `ids`, which rise, that are there, until it breaks. Each
    /// block is read once, however many of them lie in it.
    pub fn find(
        &self,
        ids: &[EventId],
        mut visit: impl FnMut(&StoredEvent<'_>) -> Result<ControlFlow<()>, Fault>,
    ) -> Result<ControlFlow<()>, Fault> {
        let (mut bytes, mut next) = (Vec::new(), 0);
        while let Some(id) = ids.get(next) {
            let before = next;
            if let Some((position, file, block)) = self.block_of(id.as_raw())? {
                self.read_block(position, &file, block, &mut bytes)?;
                let mut flow = ControlFlow::Continue(());
                self.frames(position, block, &bytes, |frame| {
                    for event in frame.events()? {
                        while ids.get(next).is_some_and(|id| *id < event.id) {
                            next += 1;
                        }
                        if flow.is_continue() && ids.get(next) == Some(&event.id) {
                            next += 1;
                            flow = visit(&event)?;
                        }
                    }
                    Ok(())
                })?;
                if flow.is_break() {
                    return Ok(flow);
                }
            }
            // It is not there, or would have stood behind the last event of the block.
            next = next.max(before + 1);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The block that has this id, if there is an event with it.
    fn block_of(&self, id: u64) -> Result<Option<(usize, Arc<File>, Block)>, Fault> {
        for position in (0..self.positions()).rev() {
            if let Some((file, block)) = self.block_before(position, id + 1)? {
                return Ok(Some((position, file, block)));
            }
        }
        Ok(None)
    }

    /// Shows `visit` every frame with ids above `mark`, oldest first.
    pub fn frames_above(
        &self,
        mark: u64,
        mut visit: impl FnMut(&Frame<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if self.last_id()? <= mark {
            return Ok(());
        }
        for (position, file, block) in self.blocks_above(mark)? {
            let mut bytes = Vec::new();
            self.read_block(position, &file, block, &mut bytes)?;
            self.frames(position, block, &bytes, |frame| match frame.last_id() > mark {
                true => visit(frame),
                false => Ok(()),
            })?;
        }
        Ok(())
    }

    /// Oldest first. Looks for them newest first: the mark is near the end.
    fn blocks_above(&self, mark: u64) -> Result<Vec<(usize, Arc<File>, Block)>, Fault> {
        let mut blocks = Vec::new();
        'all: for position in (0..self.positions()).rev() {
            let mut before = u64::MAX;
            while let Some((file, block)) = self.block_before(position, before)? {
                blocks.push((position, file, block));
                if block.first_id <= mark {
                    break 'all;
                }
                before = block.first_id;
            }
        }
        blocks.reverse();
        Ok(blocks)
    }

    /// The frame that begins with this id.
    pub fn frame<T>(
        &self,
        first_id: u64,
        read: impl FnOnce(&Frame<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        for position in (0..self.positions()).rev() {
            let Some((file, block)) = self.block_before(position, first_id + 1)? else { continue };
            let mut bytes = Vec::new();
            self.read_block(position, &file, block, &mut bytes)?;
            let (mut read, mut result) = (Some(read), None);
            self.frames(position, block, &bytes, |frame| {
                if frame.first_id == first_id
                    && let Some(read) = read.take()
                {
                    result = Some(read(frame)?);
                }
                Ok(())
            })?;
            return Ok(result);
        }
        Ok(None)
    }

    fn positions(&self) -> usize {
        let segments = self.segments.read();
        segments.sealed.len() + usize::from(segments.active.is_some())
    }

    /// The last block with an id below `before` in the segment at `position`. A segment keeps its
    /// position when it is sealed.
    fn block_before(
        &self,
        position: usize,
        before: u64,
    ) -> Result<Option<(Arc<File>, Block)>, Fault> {
        let sealed = {
            let segments = self.segments.read();
            match segments.sealed.get(position) {
                Some(sealed) => sealed.clone(),
                None => {
                    let Some(active) = &segments.active else { return Ok(None) };
                    let block = active.index.block_before(before);
                    return Ok(block.map(|block| (active.file.clone(), block)));
                }
            }
        };
        if self.ids_of(&sealed)?.0 >= before {
            return Ok(None);
        }
        let open = self.open.get(self, sealed.number)?;
        Ok(open.index.block_before(before).map(|block| (open.file.clone(), block)))
    }

    fn ids_of(&self, sealed: &Sealed) -> Result<(u64, u64), Fault> {
        if let Some(ids) = sealed.ids.get() {
            return Ok(*ids);
        }
        let open = self.open.get(self, sealed.number)?;
        Ok(*sealed.ids.get_or_init(|| (open.index.first_id(), open.index.last_id())))
    }

    fn read_block(
        &self,
        position: usize,
        file: &File,
        block: Block,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        bytes.resize((block.end - block.start) as usize, 0);
        match file.read_exact_at(bytes, u64::from(block.start)) {
            // The file was shortened behind our back.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged(position, block.start))
            }
            read => Ok(read?),
        }
    }

    /// Shows `visit` each frame of a block. All of its bytes must be frames.
    fn frames<'b>(
        &self,
        position: usize,
        block: Block,
        bytes: &'b [u8],
        mut visit: impl FnMut(&Frame<'b>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some((frame, size)) = read_frame(rest) else {
                let at = block.end - u32::try_from(rest.len()).expect("part of a segment");
                return Err(self.damaged(position, at));
            };
            visit(&frame)?;
            rest = &rest[size..];
        }
        Ok(())
    }

    fn damaged(&self, position: usize, at: u32) -> Fault {
        let number = u32::try_from(position + 1).expect("segments are numbered by u32");
        damaged(&segment::path(&self.dir, self.day, number), u64::from(at))
    }

    // For the writer.

    /// The segment to go on with: its file, and where it ends.
    pub(super) fn active(&self) -> Option<(Arc<File>, u32)> {
        let segments = self.segments.read();
        segments.active.as_ref().map(|active| (active.file.clone(), active.index.end()))
    }

    /// Makes the next segment. Only when the last one is sealed.
    pub(super) fn create_next(&self) -> Result<Arc<File>, Fault> {
        let mut segments = self.segments.write();
        assert!(segments.active.is_none(), "one segment is written at a time");
        let number = u32::try_from(segments.sealed.len() + 1).expect("a day has few segments");
        let path = segment::path(&self.dir, self.day, number);
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = Arc::new(file.map_err(|error| not_begun(&path, error))?);
        segments.active = Some(Active { file: file.clone(), index: SparseIndex::default() });
        Ok(file)
    }

    /// Shows readers frames that are synced.
    pub(super) fn publish(&self, frames: &[Placed]) {
        let mut segments = self.segments.write();
        let active = segments.active.as_mut().expect("there is one while it is written");
        for frame in frames {
            active.index.add(*frame);
        }
    }

    /// Closes the segment that was written. One that nothing was written to goes away.
    pub(super) fn seal(&self) -> Result<(), Fault> {
        let mut segments = self.segments.write();
        let Some(Active { file, index }) = segments.active.take() else { return Ok(()) };
        let number = u32::try_from(segments.sealed.len() + 1).expect("a day has few segments");
        if index.is_empty() {
            let path = segment::path(&self.dir, self.day, number);
            return fs::remove_file(&path).map_err(|error| not_begun(&path, error));
        }
        write_index(&segment::index_path(&self.dir, self.day, number), &index);
        let ids = OnceLock::from((index.first_id(), index.last_id()));
        segments.sealed.push(Arc::new(Sealed { number, ids }));
        self.open.put((self.day, number), Arc::new(OpenSegment { file, index }));
        Ok(())
    }
}

/// Opens the last segment of the newest day: cuts off what is torn, and makes sure that the rest
/// is on disk. `None` if nothing of it was ever synced.
fn reopen_last(dir: &Path, day: Day, number: u32) -> Result<Option<Active>, Fault> {
    let path = segment::path(dir, day, number);
    let file = File::options().read(true).write(true).open(&path)?;
    let scan = segment::scan(&file, &path, Ending::MayBeTorn)?;
    if scan.is_torn {
        tracing::warn!(
            file = %path.display(), bytes = scan.rest_bytes,
            "cut off an unfinished write at the end of the event log; it was never acknowledged"
        );
    }
    if scan.rest_bytes > 0 {
        file.set_len(u64::from(scan.index.end()))?;
    }
    if scan.index.is_empty() {
        fs::remove_file(&path)?;
        File::open(dir)?.sync_all()?;
        return Ok(None);
    }
    // Once sealed and then taken up again, it would not be of this segment any more.
    remove_if_there(&segment::index_path(dir, day, number))?;
    // The last group may never have been synced, and is about to be answered for. Written again,
    // because after a sync that failed the kernel may hold pages that it takes for written.
    let group = scan.index.end() - scan.last_group;
    let mut bytes = vec![0; group as usize];
    file.read_exact_at(&mut bytes, u64::from(scan.last_group))?;
    file.write_all_at(&bytes, u64::from(scan.last_group))?;
    file.sync_all()?;
    File::open(dir)?.sync_all()?;
    Ok(Some(Active { file: Arc::new(file), index: scan.index }))
}

/// Nothing that was written is in doubt if a file can not be made or removed.
fn not_begun(path: &Path, error: io::Error) -> Fault {
    if error.kind() == io::ErrorKind::StorageFull {
        return error.into();
    }
    let reason = format!("{}: {error}", path.display());
    Fault::Store(StoreError::Unavailable { reason })
}

fn remove_if_there(path: &Path) -> Result<(), Fault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Without a sync: if it is lost or torn, it is made again.
fn write_index(path: &Path, index: &SparseIndex) {
    if let Err(error) = fs::write(path, index.to_bytes()) {
        tracing::warn!(file = %path.display(), %error, "an index was not written");
    }
}

/// A sealed segment with its index.
#[derive(Debug)]
pub struct OpenSegment {
    file: Arc<File>,
    index: SparseIndex,
}

type SegmentName = (Day, u32);

/// The sealed segments that were read last, of all days.
#[derive(Debug, Default)]
pub struct OpenSegments(Mutex<Vec<(SegmentName, Arc<OpenSegment>)>>);

impl OpenSegments {
    fn get(&self, log: &DayLog, number: u32) -> Result<Arc<OpenSegment>, Fault> {
        let name = (log.day, number);
        // Held while an index is loaded (microseconds) or made again (a scan, after damage):
        // otherwise many readers would do it at once.
        let mut open = self.0.lock();
        if let Some(position) = open.iter().position(|(known, _)| *known == name) {
            // The last used stand last.
            open[position..].rotate_left(1);
        } else {
            let segment = load(&log.dir, log.day, number)?;
            push(&mut open, name, Arc::new(segment));
        }
        let (_, segment) = open.last().expect("put there above");
        Ok(segment.clone())
    }

    fn put(&self, name: SegmentName, segment: Arc<OpenSegment>) {
        push(&mut self.0.lock(), name, segment);
    }

    /// Closes what is open of a day that is dropped.
    pub fn close_day(&self, day: Day) {
        self.0.lock().retain(|((of, _), _)| *of != day);
    }
}

fn push(
    open: &mut Vec<(SegmentName, Arc<OpenSegment>)>,
    name: SegmentName,
    segment: Arc<OpenSegment>,
) {
    if open.len() >= SEGMENTS_OPEN_MAX {
        open.remove(0);
    }
    open.push((name, segment));
}

fn load(dir: &Path, day: Day, number: u32) -> Result<OpenSegment, Fault> {
    let path = segment::path(dir, day, number);
    let file = File::open(&path)?;
    let size = file.metadata()?.len();
    let index_path = segment::index_path(dir, day, number);
    let kept = fs::read(&index_path).ok().and_then(|bytes| SparseIndex::from_bytes(&bytes));
    if let Some(index) = kept {
        if u64::from(index.end()) == size {
            return Ok(OpenSegment { file: Arc::new(file), index });
        }
        if size < u64::from(index.end()) {
            return Err(damaged(&path, size));
        }
    }
    let scan = segment::scan(&file, &path, Ending::Complete)?;
    write_index(&index_path, &scan.index);
    Ok(OpenSegment { file: Arc::new(file), index: scan.index })
}
