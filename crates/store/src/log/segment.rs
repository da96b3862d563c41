//! One file of the event log: what it is called, and going through it frame by frame.
//!
//! **A torn end or a damaged middle?** What was written last may be torn by a power cut: it was
//! not synced, so nobody was told of it, and it is cut off. It can be torn anywhere, because the
//! kernel writes pages back in any order: a page of zeros in front of whole frames is normal. So
//! "whole frames follow" is no sign of damage. But every frame says up to where the file was
//! synced when it was written. If a whole frame anywhere behind a bad place says that the bad
//! place had been synced, then it was whole once, may have been acknowledged, and is damaged;
//! that is said, and nothing is cut. (If damage hits exactly the last write of the log, it looks
//! like a torn end; no log can tell the two apart.)

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::frame::{Frame, HEADER_BYTES, MARKER, read_frame, read_header};
use super::index::{Placed, SparseIndex};
use crate::sqlite::fault::Fault;
use crate::sqlite::partitions::Day;

/// What every segment begins with; written together with its first frames.
pub const FILE_HEADER: &[u8; 16] = b"posthaste log 1\n";
/// Read at once while scanning.
const WINDOW_BYTES: usize = 1024 * 1024;

/// `events-20250115-0001.log`.
pub fn path(dir: &Path, day: Day, number: u32) -> PathBuf {
    dir.join(format!("events-{}-{number:04}.log", day.digits()))
}

/// Of the file beside it that holds its index.
pub fn index_path(dir: &Path, day: Day, number: u32) -> PathBuf {
    path(dir, day, number).with_extension("idx")
}

/// The day and number of a segment, or of its index, by the name of its file.
pub fn parse_name(name: &str) -> Option<(Day, u32, Kind)> {
    let (stem, ending) = name.strip_prefix("events-")?.split_once('.')?;
    let (day, number) = stem.split_once('-')?;
    let is_number = number.len() >= 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    let kind = match ending {
        "log" => Kind::Log,
        "idx" => Kind::Index,
        _ => return None,
    };
    is_number.then_some(())?;
    Some((Day::from_digits(day)?, number.parse().ok()?, kind))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Log,
    Index,
}

/// How much of a segment may be missing at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The last one written: its end may be torn.
    MayBeTorn,
    /// All others: every byte of them was synced.
    Complete,
}

/// What a scan found.
#[derive(Debug, Default)]
pub struct Scan {
    pub index: SparseIndex,
    /// Where the last group of frames begins that was written at once.
    pub last_group: u32,
    /// Bytes behind the last whole frame that are not frames.
    pub rest_bytes: u64,
    /// Not only the zeros that are written ahead: something was being written.
    pub is_torn: bool,
}

/// Goes through a whole segment and checks every byte of it.
pub fn scan(file: &File, path: &Path, ending: Ending) -> Result<Scan, Fault> {
    let size = file.metadata()?.len();
    let mut window = Window::new(file, size);
    let mut scan = Scan::default();
    let mut at = 0;
    if window.bytes(0, FILE_HEADER.len())? == Some(FILE_HEADER) {
        at = FILE_HEADER.len() as u64;
        while let Some(placed) = next_frame(&mut window, at, &mut scan)? {
            at = u64::from(placed.end);
            scan.index.add(placed);
        }
    }
    if at == size && !scan.index.is_empty() {
        return Ok(scan);
    }
    if ending == Ending::Complete {
        return Err(damaged(path, at));
    }
    if synced_behind(&mut window, at)? {
        return Err(damaged(path, at));
    }
    scan.rest_bytes = size - u64::from(scan.index.end());
    scan.is_torn = !window.is_zero(at)?;
    Ok(scan)
}

pub fn damaged(path: &Path, at: u64) -> Fault {
    Fault::damaged(format!("{} at byte {at}", path.display()))
}

/// The frame at `at`, if there is a whole one that fits behind those before it.
fn next_frame(window: &mut Window<'_>, at: u64, scan: &mut Scan) -> Result<Option<Placed>, Fault> {
    let last_id = scan.index.last_id();
    let found = window.frame(at)?.and_then(|(frame, size)| {
        let start = u32::try_from(at).ok()?;
        let end = start.checked_add(u32::try_from(size).ok()?)?;
        let fits = frame.first_id > last_id && frame.synced <= start;
        fits.then(|| (Placed::new(&frame, start, end), frame.synced))
    });
    Ok(found.map(|(placed, synced)| {
        scan.last_group = synced;
        placed
    }))
}

/// Whether a whole frame behind `at` says that `at` had been synced.
fn synced_behind(window: &mut Window<'_>, at: u64) -> Result<bool, Fault> {
    let mut next = at;
    while let Some(candidate) = window.find_marker(next)? {
        if let Some((frame, _)) = window.frame(candidate)?
            && u64::from(frame.synced) > at
        {
            return Ok(true);
        }
        next = candidate + 1;
    }
    Ok(false)
}

/// Looks at a file through a buffer.
struct Window<'f> {
    file: &'f File,
    size: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl<'f> Window<'f> {
    fn new(file: &'f File, size: u64) -> Window<'f> {
        Window { file, size, start: 0, buffer: Vec::new() }
    }

    /// `None` if the file ends before.
    fn bytes(&mut self, at: u64, count: usize) -> Result<Option<&[u8]>, Fault> {
        let Some(left) = self.size.checked_sub(at).filter(|left| *left >= count as u64) else {
            return Ok(None);
        };
        let end = at + count as u64;
        if at < self.start || end > self.start + self.buffer.len() as u64 {
            let wanted = left.min(count.max(WINDOW_BYTES) as u64);
            self.buffer.resize(usize::try_from(wanted).expect("segments are below 4 GiB"), 0);
            self.file.read_exact_at(&mut self.buffer, at)?;
            self.start = at;
        }
        let from = usize::try_from(at - self.start).expect("within the buffer");
        Ok(Some(&self.buffer[from..from + count]))
    }

    fn frame(&mut self, at: u64) -> Result<Option<(Frame<'_>, usize)>, Fault> {
        let header = self.bytes(at, HEADER_BYTES)?.and_then(read_header);
        let Some(header) = header else { return Ok(None) };
        let bytes = self.bytes(at, HEADER_BYTES + header.payload_bytes)?;
        Ok(bytes.and_then(read_frame))
    }

    fn is_zero(&mut self, mut at: u64) -> Result<bool, Fault> {
        while at < self.size {
            let count = (self.size - at).min(WINDOW_BYTES as u64);
            let bytes = self.bytes(at, usize::try_from(count).expect("at most a window"))?;
            if bytes.is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0)) {
                return Ok(false);
            }
            at += count;
        }
        Ok(true)
    }

    /// Where at or behind `at` a frame might begin.
    fn find_marker(&mut self, mut at: u64) -> Result<Option<u64>, Fault> {
        loop {
            let left = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
            let count = left.min(WINDOW_BYTES);
            if count < MARKER.len() {
                return Ok(None);
            }
            let Some(bytes) = self.bytes(at, count)? else { return Ok(None) };
            if let Some(found) = bytes.windows(MARKER.len()).position(|bytes| bytes == MARKER) {
                return Ok(Some(at + found as u64));
            }
            // The last bytes may be the beginning of one.
            at += (count - MARKER.len() + 1) as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_known_by_its_name() {
        let check = |name: &str, expected: Option<(i64, u32, Kind)>| {
            let found = parse_name(name).map(|(day, number, kind)| (day.0, number, kind));
            assert_eq!(found, expected, "{name}");
        };
        check("events-20250115-0001.log", Some((20_103, 1, Kind::Log)));
        check("events-20250115-0001.idx", Some((20_103, 1, Kind::Index)));
        check("events-20250115-12345.log", Some((20_103, 12_345, Kind::Log)));
        check("events-20250115-001.log", None);
        check("events-20250115-0001.log.bak", None);
        check("events-20250115.db", None);
        check("events-20250199-0001.log", None);
        check("history-20250115-0001.log", None);
        let name = path(Path::new("/data"), Day(20_103), 7);
        assert_eq!(name, Path::new("/data/events-20250115-0007.log"));
    }
}
