//! Writing the log: frames gather in a buffer, and a commit is one write and one sync.
//!
//! Zeros are written ahead of the frames, now and then, together with a group. The frames then
//! overwrite what is there, and their syncs need not put a new size of the file through the file
//! system's journal: 45 us of processor time instead of 85, and half the wait, for twice the
//! bytes (which are still less than a database writes). `fallocate` does not do: the state of
//! its blocks has to go through the journal as well.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::DayLog;
use super::frame::{NewFrame, push_frame};
use super::index::Placed;
use super::segment::FILE_HEADER;
use crate::sqlite::fault::Fault;
use crate::sqlite::partitions::Day;

/// Over this the next group begins a new segment.
pub const SEGMENT_BYTES: u32 = 64 * 1024 * 1024;
/// So many zeros are written at once: 200 events' worth. More of them delay the group they come
/// with for longer, fewer do it more often.
const ZEROS_BYTES: u32 = 256 * 1024;
/// A buffer that one large accept made larger than this is given back.
const BUFFER_BYTES_KEPT: usize = 8 * 1024 * 1024;

/// What the log does to a file that it writes: so few things that each can be made to fail.
pub trait Medium: Send + std::fmt::Debug {
    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    fn cut(&mut self, size: u64) -> io::Result<()>;
}

impl Medium for Arc<File> {
    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }
}

/// The one who writes to a day's log.
#[derive(Debug)]
pub struct LogWriter {
    log: Arc<DayLog>,
    medium: Box<dyn Medium>,
    /// Up to where the segment is written and synced.
    end: u32,
    /// Up to where there may be zeros behind that.
    zeros_end: u32,
    zeros: Vec<u8>,
    segment_bytes: u32,
    /// The group that is being gathered, and where its frames will lie.
    buffer: Vec<u8>,
    frames: Vec<Placed>,
}

impl LogWriter {
    /// Goes on where the day's log ends.
    pub fn open(log: Arc<DayLog>) -> Result<LogWriter, Fault> {
        let (file, end) = match log.active() {
            Some(active) => active,
            None => (log.create_next()?, 0),
        };
        let medium = Box::new(file);
        Ok(LogWriter {
            log,
            medium,
            end,
            zeros_end: end,
            zeros: vec![0; ZEROS_BYTES as usize],
            segment_bytes: SEGMENT_BYTES,
            buffer: Vec::new(),
            frames: Vec::new(),
        })
    }

    pub fn day(&self) -> Day {
        self.log.day
    }

    /// The last id that is on disk; 0 if there is none.
    pub fn last_id(&self) -> u64 {
        // Nothing has to be read for it: the last segment is this one, or was until just now.
        self.log.last_id().unwrap_or(0)
    }

    /// Begins a group, in a new segment if the last one is full; whether it is.
    pub fn begin(&mut self) -> Result<bool, Fault> {
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        self.frames.clear();
        let is_full = self.end >= self.segment_bytes;
        if is_full {
            self.cut_zeros()?;
            self.log.seal()?;
            self.medium = Box::new(self.log.create_next()?);
            (self.end, self.zeros_end) = (0, 0);
        }
        if self.end == 0 {
            self.buffer.extend(FILE_HEADER);
        }
        Ok(is_full)
    }

    pub fn push(&mut self, frame: &NewFrame<'_>) {
        let first_id = frame.first_id;
        let last_id = first_id + (frame.ids() as u64 - 1) * posthaste_core::id::ID_STRIDE;
        let start = self.position();
        push_frame(&mut self.buffer, self.end, frame);
        self.frames.push(Placed { first_id, last_id, start, end: self.position() });
    }

    fn position(&self) -> u32 {
        let group = u32::try_from(self.buffer.len()).ok();
        let position = group.and_then(|group| self.end.checked_add(group));
        position.expect("a segment, a group and the largest accept are far below 4 GiB")
    }

    /// Puts the group on disk and shows it to readers. Nothing happened if it fails because the
    /// disk is full; after any other failure nobody knows what is on disk.
    pub fn commit(&mut self) -> Result<(), Fault> {
        if self.frames.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.write() {
            return Err(self.take_back(error));
        }
        self.medium.sync().map_err(sync_failed)?;
        if self.end == 0 {
            // A name is on disk only once its directory is.
            File::open(&self.log.dir)?.sync_all().map_err(sync_failed)?;
        }
        self.end = self.position();
        self.zeros_end = self.zeros_end.max(self.end);
        self.log.publish(&self.frames);
        Ok(())
    }

    /// Writes the group, and zeros behind it if there are none left.
    fn write(&mut self) -> io::Result<()> {
        let end = self.position();
        self.medium.write_at(&self.buffer, u64::from(self.end))?;
        // None behind the end of the segment: they would only be cut off again.
        let count = ZEROS_BYTES.min(self.segment_bytes.saturating_sub(end));
        if end <= self.zeros_end || count == 0 {
            return Ok(());
        }
        // Also if they find no room: some of them may be there.
        self.zeros_end = end + count;
        match self.medium.write_at(&self.zeros[..count as usize], u64::from(end)) {
            Err(error) if is_no_room(&error) => Ok(()),
            written => written,
        }
    }

    /// What may be there of a group that found no room is cut off, and off the disk: it must not
    /// come back after a crash.
    fn take_back(&mut self, error: io::Error) -> Fault {
        if !is_no_room(&error) {
            return error.into();
        }
        match self.cut() {
            Ok(()) => Fault::Io(ErrorKind::StorageFull.into()),
            Err(error) => error.into(),
        }
    }

    fn cut(&mut self) -> io::Result<()> {
        self.zeros_end = self.end;
        self.medium.cut(u64::from(self.end)).map_err(sync_failed)?;
        self.medium.sync().map_err(sync_failed)
    }

    /// A sealed segment ends with its last frame.
    fn cut_zeros(&mut self) -> io::Result<()> {
        if self.zeros_end > self.end { self.cut() } else { Ok(()) }
    }

    /// Ends the day's log, because a later day's begins.
    pub fn seal(&mut self) -> Result<(), Fault> {
        self.cut_zeros()?;
        self.log.seal()
    }
}

fn is_no_room(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Never to be taken for a full disk, whatever the reason: what was written may be lost.
#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn sync_failed(error: io::Error) -> io::Error {
    io::Error::other(format!("a sync of the event log failed: {error}"))
}

#[cfg(test)]
impl LogWriter {
    pub fn set_medium(&mut self, medium: Box<dyn Medium>) {
        self.medium = medium;
    }

    /// The file that is written.
    pub fn file(&self) -> Arc<File> {
        self.log.active().expect("it is written").0
    }

    pub fn set_segment_bytes(&mut self, bytes: u32) {
        self.segment_bytes = bytes;
    }
}
