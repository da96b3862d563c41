//! Where in a segment an event lies: the id that each stretch of about 32 KiB begins with. In
//! memory for the segment that is written; of a sealed one in a file beside it, which can always
//! be made again from the segment.

use super::frame::Frame;

/// What is read at once to find an event: some thirty events of 1 KiB. Half of it would double
/// the index and save 5 us of a read.
const BLOCK_BYTES: u32 = 32 * 1024;

/// A stretch of a segment, made of whole frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    pub first_id: u64,
    pub start: u32,
    pub end: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SparseIndex {
    blocks: Vec<BlockStart>,
    last_id: u64,
    end: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BlockStart {
    first_id: u64,
    start: u32,
}

/// A frame and where it lies: all that the index needs of it.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    pub first_id: u64,
    pub last_id: u64,
    pub start: u32,
    pub end: u32,
}

impl Placed {
    pub fn new(frame: &Frame<'_>, start: u32, end: u32) -> Placed {
        Placed { first_id: frame.first_id, last_id: frame.last_id(), start, end }
    }
}

impl SparseIndex {
    /// Adds the next frame of the segment.
    pub fn add(&mut self, frame: Placed) {
        debug_assert!(frame.start >= self.end && frame.first_id > self.last_id);
        let is_block = |last: &BlockStart| frame.start - last.start >= BLOCK_BYTES;
        if self.blocks.last().is_none_or(is_block) {
            self.blocks.push(BlockStart { first_id: frame.first_id, start: frame.start });
        }
        self.last_id = frame.last_id;
        self.end = frame.end;
    }

    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// 0 if there is nothing.
    pub fn first_id(&self) -> u64 {
        self.blocks.first().map_or(0, |block| block.first_id)
    }

    /// The highest id that an event or delivery of the segment has; 0 if there is nothing.
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// Where the last frame ends.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// The last block that begins with an id below `before`.
    pub fn block_before(&self, before: u64) -> Option<Block> {
        let behind = self.blocks.partition_point(|block| block.first_id < before);
        let BlockStart { first_id, start } = *self.blocks.get(behind.checked_sub(1)?)?;
        let end = self.blocks.get(behind).map_or(self.end, |next| next.start);
        Some(Block { first_id, start, end })
    }

    /// As it is kept in a file: what it is, where the segment ends, its last id, the blocks, and
    /// a checksum of all that.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAGIC.len() + 16 + 12 * self.blocks.len());
        bytes.extend(MAGIC);
        bytes.extend(self.end.to_le_bytes());
        bytes.extend(self.last_id.to_le_bytes());
        for block in &self.blocks {
            bytes.extend(block.first_id.to_le_bytes());
            bytes.extend(block.start.to_le_bytes());
        }
        let checksum = crc32fast::hash(&bytes);
        bytes.extend(checksum.to_le_bytes());
        bytes
    }

    /// `None` if these are not the bytes of an index.
    pub fn from_bytes(bytes: &[u8]) -> Option<SparseIndex> {
        let (checked, checksum) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(checked) != u32::from_le_bytes(*checksum) {
            return None;
        }
        let (end, rest) = checked.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
        let (last_id, rest) = rest.split_first_chunk::<8>()?;
        let (blocks, []) = rest.as_chunks::<12>() else { return None };
        let block = |bytes: &[u8; 12]| {
            let (first_id, start) = bytes.split_first_chunk::<8>()?;
            let start = u32::from_le_bytes(*start.first_chunk()?);
            Some(BlockStart { first_id: u64::from_le_bytes(*first_id), start })
        };
        Some(SparseIndex {
            blocks: blocks.iter().map(block).collect::<Option<_>>()?,
            last_id: u64::from_le_bytes(*last_id),
            end: u32::from_le_bytes(*end),
        })
    }
}

const MAGIC: &[u8; 16] = b"posthaste idx 1\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Frames of these sizes, each taking two ids.
    fn index(sizes: &[u32]) -> SparseIndex {
        let mut index = SparseIndex::default();
        let mut start = 16;
        for (number, size) in (1..).zip(sizes) {
            let end = start + size;
            index.add(Placed { first_id: 10 * number, last_id: 10 * number + 1, start, end });
            start = end;
        }
        index
    }

    #[test]
    fn a_block_is_found_by_any_of_its_ids() {
        let index = index(&[20_000, 20_000, 100, 90_000, 50]);
        let check = |before: u64, expected: Option<(u64, u32, u32)>| {
            let found = index.block_before(before);
            assert_eq!(found.map(|block| (block.first_id, block.start, block.end)), expected);
        };
        check(10, None);
        check(11, Some((10, 16, 40_016)));
        check(30, Some((10, 16, 40_016)));
        check(31, Some((30, 40_016, 130_116)));
        check(50, Some((30, 40_016, 130_116)));
        check(51, Some((50, 130_116, 130_166)));
        check(u64::MAX, Some((50, 130_116, 130_166)));
        assert_eq!((index.first_id(), index.last_id(), index.end()), (10, 51, 130_166));
    }

    proptest! {
        #[test]
        fn comes_back_from_its_file(sizes in prop::collection::vec(50..60_000_u32, 0..200)) {
            let index = index(&sizes);
            prop_assert_eq!(SparseIndex::from_bytes(&index.to_bytes()), Some(index));
        }

        #[test]
        fn a_damaged_file_is_no_index(at: prop::sample::Index, change in 1..=u8::MAX) {
            let mut bytes = index(&[40_000; 9]).to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            prop_assert_eq!(SparseIndex::from_bytes(&bytes), None);
        }

        #[test]
        fn junk_is_no_index(junk: Vec<u8>) {
            prop_assert_eq!(SparseIndex::from_bytes(&junk), None);
        }
    }
}
