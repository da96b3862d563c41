//! What packed forms on disk are made of: numbers of one to ten bytes, the small ones short, and a
//! reader of those, of numbers of a fixed length and of bytes.

/// Seven bits a byte, lowest first; the top bit says that more follow (LEB128).
pub fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value as u8) | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// A number that may be negative, small ones of either sign short.
pub fn write_signed(bytes: &mut Vec<u8>, value: i64) {
    write_varint(bytes, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// How many bytes there are, then the bytes.
pub fn write_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    write_varint(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

/// What is left of some stored bytes. Everything it reads may be junk.
#[derive(Debug)]
pub struct Reader<'b>(pub &'b [u8]);

impl<'b> Reader<'b> {
    pub fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    pub fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            let placed = bits << shift;
            // Bits pushed out at the top, or a last byte that adds nothing, are not our writing.
            let padded = byte == 0 && shift > 0;
            if placed >> shift != bits || padded {
                return None;
            }
            value |= placed;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A number that the type asked for can hold.
    pub fn number<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.varint()?).ok()
    }

    pub fn signed(&mut self) -> Option<i64> {
        let folded = self.varint()?;
        Some((folded >> 1).cast_signed() ^ -((folded & 1).cast_signed()))
    }

    /// The next bytes, where they lie.
    pub fn array_ref<const N: usize>(&mut self) -> Option<&'b [u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(head)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.array_ref().copied()
    }

    /// Numbers of a fixed length stand lowest byte first.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// Reads what [`write_bytes`] wrote.
    pub fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = self.number()?;
        self.take(length)
    }

    /// All that is left.
    pub fn rest(self) -> &'b [u8] {
        self.0
    }

    /// `None` if something is left over.
    pub fn finish(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            value: u64,
            shift in 0..64_u32,
            signed: i64,
            text: Vec<u8>,
        ) {
            let mut bytes = Vec::new();
            write_varint(&mut bytes, value >> shift);
            write_signed(&mut bytes, signed >> shift);
            write_bytes(&mut bytes, &text);
            bytes.push(7);
            let mut reader = Reader(&bytes);
            prop_assert_eq!(reader.varint(), Some(value >> shift));
            prop_assert_eq!(reader.signed(), Some(signed >> shift));
            prop_assert_eq!(reader.bytes(), Some(&text[..]));
            prop_assert_eq!(reader.byte(), Some(7));
            prop_assert_eq!(reader.byte(), None);
        }

        #[test]
        fn junk_is_never_a_panic(junk: Vec<u8>) {
            let mut reader = Reader(&junk);
            while reader.varint().is_some() || reader.bytes().is_some() {}
        }
    }
}
