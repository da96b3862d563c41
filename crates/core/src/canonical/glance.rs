//! Tells in one pass whether a text is canonical already, as whatever a JSON library of JavaScript
//! wrote is. It knows nothing of places and messages: what it does not know for certain, because it
//! is wrong or only unusual, is left to the reader that does.
//!
//! For every event this stands between the socket and the disk, so it is measured: 9 instructions
//! per byte of an event with 35 members in 1 KiB, where the reader takes 20.

use super::{number, plain_len};
use crate::limits::DEPTH_MAX;

/// Of all objects that are open at one time. Each key is compared with the others of its object,
/// so this also bounds what keys made to be compared can cost.
const OPEN_KEYS_MAX: usize = 64;

/// How long the object is that `text` starts with, if that object is canonical already. `None`
/// says nothing about it. The text must be UTF-8 from here to the object's end.
pub(super) fn object_len(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'{') {
        return None;
    }
    let keys = [Key::default(); OPEN_KEYS_MAX];
    let mut glance = Glance { text, at: 0, depth: 0, keys, open_keys: 0 };
    glance.object()?;
    Some(glance.at)
}

struct Glance<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    /// The first `open_keys` are those so far of every object that is still open, innermost last.
    keys: [Key; OPEN_KEYS_MAX],
    open_keys: usize,
}

#[derive(Clone, Copy, Default)]
struct Key {
    /// The first eight bytes, or all there are: most keys differ there.
    head: u64,
    start: usize,
    len: usize,
}

impl Glance<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            b'{' => self.object(),
            b'[' => self.array(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn object(&mut self) -> Option<()> {
        self.enter()?;
        let first = self.open_keys;
        // One bit for each key so far, at a place that its head and length say.
        let mut seen = 0_u64;
        if self.peek()? != b'}' {
            loop {
                self.key(first, &mut seen)?;
                self.value()?;
                match self.peek()? {
                    b',' => self.at += 1,
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        self.open_keys = first;
        self.leave()
    }

    fn array(&mut self) -> Option<()> {
        self.enter()?;
        if self.peek()? != b']' {
            loop {
                self.value()?;
                match self.peek()? {
                    b',' => self.at += 1,
                    b']' => break,
                    _ => return None,
                }
            }
        }
        self.leave()
    }

    #[inline]
    fn enter(&mut self) -> Option<()> {
        if self.depth == DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        self.at += 1;
        Some(())
    }

    #[inline]
    fn leave(&mut self) -> Option<()> {
        self.depth -= 1;
        self.at += 1;
        Some(())
    }

    /// A key without escapes that is no array index and new in its object, and the colon.
    #[inline]
    fn key(&mut self, first: usize, seen: &mut u64) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let len = plain_len(&self.text[start..]);
        let end = start + len;
        let (Some(b'"'), Some(b':')) = (self.text.get(end), self.text.get(end + 1)) else {
            return None;
        };
        if self.text[start].is_ascii_digit() {
            return None;
        }
        self.at = end + 2;
        let key = Key { head: head_of(self.text, start, len), start, len };
        let bit = 1 << ((key.head ^ len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58);
        if *seen & bit != 0
            && self.keys[first..self.open_keys].iter().any(|other| {
                let same_head = other.head == key.head && other.len == len;
                same_head && self.text[other.start..other.start + len] == self.text[start..end]
            })
        {
            return None;
        }
        *seen |= bit;
        *self.keys.get_mut(self.open_keys)? = key;
        self.open_keys += 1;
        Some(())
    }

    #[inline]
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            self.at += plain_len(&self.text[self.at..]);
            match self.peek()? {
                b'"' => break,
                b'\\' => match self.text.get(self.at + 1)? {
                    b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
                    _ => return None,
                },
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    #[inline]
    fn number(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_plain = (1..=number::DIGITS_ALWAYS_KEPT).contains(&digits)
            && (rest[0] != b'0' || digits == 1)
            && !matches!(rest.get(digits), Some(b'.' | b'e' | b'E'));
        if is_plain {
            self.at += digits;
            return Some(());
        }
        self.unusual_number()
    }

    fn unusual_number(&mut self) -> Option<()> {
        let rest = &self.text[self.at..];
        let spelling = number::scan(rest).ok()?;
        if !spelling.is_canonical {
            let written = std::str::from_utf8(&rest[..spelling.len]).ok()?;
            let mut buffer = ryu_js::Buffer::new();
            let canonical = number::canonical(written, spelling.is_integer, &mut buffer);
            if canonical != Ok(written) {
                return None;
            }
        }
        self.at += spelling.len;
        Some(())
    }
}

/// The first eight of the `len` bytes at `start`, or all of them.
#[inline]
fn head_of(text: &[u8], start: usize, len: usize) -> u64 {
    let word = match text[start..].first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => text[start..].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    if len >= 8 { word } else { word & ((1 << (8 * len)) - 1) }
}
