//! Numbers and digests as text, for what is written several times for each delivery: without
//! `core::fmt`, which costs ten times as much, and without allocating.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::secret::Digest;

/// Hex digits of a digest.
pub const HEX_LEN: usize = 2 * size_of::<Digest>();
/// Padded base64 of a digest.
pub const BASE64_LEN: usize = size_of::<Digest>().div_ceil(3) * 4;
/// Digits of the largest `u64`.
const DECIMAL_LEN_MAX: usize = 20;

/// A number in decimal, without leading zeros.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    digits: [u8; DECIMAL_LEN_MAX],
    start: usize,
}

impl Decimal {
    pub fn of(mut number: u64) -> Decimal {
        let mut digits = [0; DECIMAL_LEN_MAX];
        let mut start = DECIMAL_LEN_MAX;
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return Decimal { digits, start };
            }
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[self.start..]
    }
}

/// Lower-case hex. Arithmetic instead of a table: the compiler makes SIMD of it.
pub fn hex(digest: &Digest) -> [u8; HEX_LEN] {
    let digit = |value: u8| value + if value < 10 { b'0' } else { b'a' - 10 };
    let mut text = [0; HEX_LEN];
    for (pair, byte) in text.chunks_exact_mut(2).zip(digest) {
        pair[0] = digit(byte >> 4);
        pair[1] = digit(byte & 15);
    }
    text
}

/// The standard alphabet, padded.
pub fn base64(digest: &Digest) -> [u8; BASE64_LEN] {
    let mut text = [0; BASE64_LEN];
    let written = STANDARD.encode_slice(digest, &mut text).expect("the room fits a digest");
    debug_assert_eq!(written, BASE64_LEN);
    text
}

/// Writes `number` into all of `room`, with leading zeros.
pub(crate) fn put_padded(room: &mut [u8], mut number: u32) {
    for slot in room.iter_mut().rev() {
        *slot = b'0' + (number % 10) as u8;
        number /= 10;
    }
    debug_assert_eq!(number, 0, "the room is too small");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn writes_what_the_libraries_write(number: u64, small in 0_u64..20_000, digest: Digest) {
            for number in [number, small] {
                let (expected, written) = (number.to_string(), Decimal::of(number));
                prop_assert_eq!(expected.as_bytes(), written.as_bytes());
            }
            let (expected, written) = (hex::encode(digest), hex(&digest));
            prop_assert_eq!(expected.as_bytes(), &written);
            let (expected, written) = (STANDARD.encode(digest), base64(&digest));
            prop_assert_eq!(expected.as_bytes(), &written);
        }
    }

    #[test]
    fn a_number_fills_its_room() {
        let mut room = *b"....";
        put_padded(&mut room, 42);
        assert_eq!(&room, b"0042");
    }
}
