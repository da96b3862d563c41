//! The canonical form of event data: the one spelling of a JSON text that survives
//! `JSON.stringify(JSON.parse(text))` unchanged, because receivers re-serialise a body before
//! they verify its signature. One pass over the bytes checks the text, and rewrites only what is
//! spelled differently; a text that is canonical already is handed back as it came.
//!
//! The form:
//! - no whitespace between tokens;
//! - numbers in ECMAScript's spelling: the shortest digits that read back as the same double, so
//!   `1.10` is `1.1`, `1E5` is `100000`, `1e21` is `1e+21` and `-0` is `0`;
//! - in strings only `\" \\ \b \f \n \r \t` and lower-case `\u00xx` for the other controls; all
//!   else is raw UTF-8. A surrogate escape without its partner stays one, in lower case;
//! - in objects the keys that are array indices (`0` to `4294967294`) first, ascending; all others
//!   in the order given. RFC 8785 sorts every key, which is not what JavaScript does.
//!
//! Refused, each with a pointer to the spot, is what this form cannot keep:
//! - integers (digits only) that come out as another integer. That includes one that a double
//!   holds exactly but that ECMAScript rounds when it writes it: 1541815603606036480 would reach a
//!   receiver with big integers as 1541815603606036500;
//! - numbers beyond a double (`1e400`), and numbers other than 0 so small that they become 0;
//! - a key that stands twice in an object, compared after un-escaping;
//! - nesting over [`DEPTH_MAX`] levels, text that is not UTF-8, a byte order mark, and whatever
//!   else is not JSON.
//!
//! A number with a fraction or an exponent is taken for a measurement, and becomes the nearest
//! double however many digits it has: that is what every reader of JSON does with it.

mod glance;
mod number;
mod rewrite;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::error::{Invalid, escape_pointer};
use crate::limits::DEPTH_MAX;

use self::rewrite::Rewrite;

/// Up to so many keys are compared each with each; beyond that sorting them is cheaper, and it
/// keeps an object of 20,000 keys from costing 200 million comparisons. A hash set would need
/// chance against keys made to collide.
const PAIRWISE_KEYS_MAX: usize = 8;

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// The canonical form of the one JSON value that `text` is. Borrowed from `text` when that needs
/// nothing but trimming; otherwise up to five times as long (`1e20` has 21 digits).
pub fn canonicalise(text: &[u8]) -> Result<Cow<'_, str>, Invalid> {
    Reader::open(text)?.document_at_a_glance()
}

/// Like [`canonicalise`], for a place where only an object may stand.
pub fn canonicalise_object(text: &[u8]) -> Result<Cow<'_, str>, Invalid> {
    let reader = Reader::open(text)?;
    if reader.peek() != Some(b'{') {
        return Err(Invalid::at("", "data must be an object"));
    }
    reader.document_at_a_glance()
}

/// The canonical form of the object that `text` starts with, and where behind it the text goes on.
/// `None` if there is none: why not is for [`canonicalise_object`] to say, of the object alone.
pub fn canonicalise_leading_object(text: &str) -> Option<(Cow<'_, str>, usize)> {
    if let Some(len) = glance::object_len(text.as_bytes()) {
        return Some((Cow::Borrowed(&text[..len]), len));
    }
    let mut reader = Reader::new(text);
    if reader.peek() != Some(b'{') {
        return None;
    }
    reader.value().ok()?;
    let end = reader.at;
    Some((reader.rewrite.finish(end), end))
}

/// Where one member of an object stands in the output; `key_end` is behind the closing quote.
struct Member {
    start: usize,
    key_end: usize,
    end: usize,
}

/// A recursive-descent parser that writes nothing itself: it tells [`Rewrite`] what differs.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    rewrite: Rewrite<'a>,
    depth: usize,
    /// The members so far of every object that is still open, innermost last.
    members: Vec<Member>,
    /// Length of the whitespace trimmed off in front, so that messages count as the caller does.
    trimmed: usize,
    /// Where the input stops being UTF-8, if it does; `text` ends there.
    utf8_until: Option<usize>,
}

impl<'a> Reader<'a> {
    fn open(bytes: &'a [u8]) -> Result<Reader<'a>, Invalid> {
        let (text, utf8_until) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let until = error.valid_up_to();
                let text = std::str::from_utf8(&bytes[..until]).expect("checked up to here");
                (text, Some(until))
            }
        };
        if text.starts_with('\u{feff}') {
            return Err(Invalid::at("", "a byte order mark stands before the JSON: leave it out"));
        }
        let start = text.trim_start_matches(SPACE);
        let trimmed = text.len() - start.len();
        let text = start.trim_end_matches(SPACE);
        Ok(Reader { trimmed, utf8_until, ..Reader::new(text) })
    }

    fn new(text: &'a str) -> Reader<'a> {
        let rewrite = Rewrite::new(text);
        let members = Vec::new();
        Reader { text, at: 0, rewrite, depth: 0, members, trimmed: 0, utf8_until: None }
    }

    fn document_at_a_glance(self) -> Result<Cow<'a, str>, Invalid> {
        let is_whole = |len| len == self.text.len() && self.utf8_until.is_none();
        if glance::object_len(self.text.as_bytes()).is_some_and(is_whole) {
            return Ok(Cow::Borrowed(self.text));
        }
        self.document()
    }

    fn document(mut self) -> Result<Cow<'a, str>, Invalid> {
        self.value()?;
        self.skip_space();
        if self.at < self.text.len() || self.utf8_until.is_some() {
            return Err(self.expected("nothing behind the JSON value"));
        }
        let end = self.text.len();
        Ok(self.rewrite.finish(end))
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) {
        let start = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        if self.at > start {
            self.rewrite.replace(start, self.at, "");
        }
    }

    fn value(&mut self) -> Result<(), Invalid> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => Err(self.expected("a JSON value")),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Invalid> {
        for letter in word.bytes() {
            if self.peek() != Some(letter) {
                return Err(self.expected(&format!("`{word}`")));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Invalid> {
        let spelling = match number::scan(&self.text.as_bytes()[self.at..]) {
            Ok(spelling) => spelling,
            Err(digit_missing_at) => {
                self.at += digit_missing_at;
                return Err(self.expected("a digit"));
            }
        };
        let (start, end) = (self.at, self.at + spelling.len);
        self.at = end;
        if spelling.is_canonical {
            return Ok(());
        }
        let written = &self.text[start..end];
        let mut buffer = ryu_js::Buffer::new();
        let canonical = number::canonical(written, spelling.is_integer, &mut buffer)
            .map_err(|loss| Invalid::at("", loss.to_string()))?;
        self.respell(start, end, canonical);
        Ok(())
    }

    #[inline]
    fn respell(&mut self, start: usize, end: usize, canonical: &str) {
        if &self.text[start..end] != canonical {
            self.rewrite.replace(start, end, canonical);
        }
    }

    // --- Arrays and objects -------------------------------------------------------------------

    fn enter(&mut self) -> Result<(), Invalid> {
        if self.depth == DEPTH_MAX {
            let message = format!("nested deeper than {DEPTH_MAX} levels: send this as a string");
            return Err(Invalid::at("", message));
        }
        self.depth += 1;
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    fn array(&mut self) -> Result<(), Invalid> {
        self.enter()?;
        let mut position = 0_usize;
        while position > 0 || self.peek() != Some(b']') {
            self.value().map_err(|invalid| invalid.under(&format!("/{position}")))?;
            position += 1;
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.expected("`,` or `]`")),
            }
            self.skip_space();
        }
        self.leave();
        Ok(())
    }

    fn object(&mut self) -> Result<(), Invalid> {
        self.enter()?;
        let first = self.members.len();
        while self.members.len() > first || self.peek() != Some(b'}') {
            let member = self.member()?;
            self.members.push(member);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.expected("`,` or `}`")),
            }
            self.skip_space();
        }
        self.settle_keys(first)?;
        self.members.truncate(first);
        self.leave();
        Ok(())
    }

    fn member(&mut self) -> Result<Member, Invalid> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key in double quotes"));
        }
        let (key_at, start) = (self.at, self.rewrite.position_of(self.at));
        self.string()?;
        if self.rewrite.changed_since(key_at) {
            self.rewrite.keep_until(self.at);
        }
        let key_end = self.rewrite.position_of(self.at);
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.expected("`:` behind the key"));
        }
        self.at += 1;
        self.skip_space();
        if let Err(invalid) = self.value() {
            return Err(invalid.under(&pointer_segment(self.rewrite.written(start, key_end))));
        }
        Ok(Member { start, key_end, end: self.rewrite.position_of(self.at) })
    }

    /// Refuses an object with a key twice, and moves its index-like keys to the front; its members
    /// are those from `first` on. An object that must be reordered is copied once more, so the
    /// worst that nesting can make of it is [`DEPTH_MAX`] copies of the text.
    fn settle_keys(&mut self, first: usize) -> Result<(), Invalid> {
        let members = &self.members[first..];
        if let Some(key) = repeated_key(members, &self.rewrite) {
            let pointer = pointer_segment(key);
            return Err(Invalid::at(pointer, "the key stands twice in its object: keep one"));
        }
        let rank = |member: &Member| {
            array_index(key_of(member, &self.rewrite)).map_or(u64::MAX, u64::from)
        };
        if members.is_sorted_by_key(rank) {
            return Ok(());
        }
        let mut order: Vec<(u64, &Member)> =
            members.iter().map(|member| (rank(member), member)).collect();
        order.sort_by_key(|(rank, _)| *rank);
        let start = members[0].start;
        self.rewrite.keep_until(self.at);
        let mut sorted = String::with_capacity(self.rewrite.position_of(self.at) - start);
        for (_, member) in order {
            if !sorted.is_empty() {
                sorted.push(',');
            }
            sorted.push_str(self.rewrite.written(member.start, member.end));
        }
        self.rewrite.rewrite_tail(start, &sorted);
        Ok(())
    }

    // --- Strings ------------------------------------------------------------------------------

    fn string(&mut self) -> Result<(), Invalid> {
        self.at += 1;
        loop {
            self.at += plain_len(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.expected("an escape for a control character")),
                None => return Err(self.expected("`\"` at the end of the string")),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Invalid> {
        match self.text.as_bytes().get(self.at + 1) {
            Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'/') => {
                self.rewrite.replace(self.at, self.at + 2, "/");
                self.at += 2;
            }
            Some(b'u') => return self.unicode_escape(),
            _ => {
                self.at += 1;
                return Err(self.expected("one of \" \\ / b f n r t u behind a backslash"));
            }
        }
        Ok(())
    }

    fn unicode_escape(&mut self) -> Result<(), Invalid> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let Some(unit) = code_unit(&bytes[start..]) else {
            self.at += 2;
            while self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                self.at += 1;
            }
            return Err(self.expected("four hexadecimal digits behind \\u"));
        };
        let mut units = [unit, 0];
        let mut count = 1;
        if let 0xd800..=0xdbff = unit
            && let Some(low @ 0xdc00..=0xdfff) = code_unit(&bytes[start + 6..])
        {
            units[1] = low;
            count = 2;
        }
        self.at = start + 6 * count;
        let character = char::decode_utf16(units).next().and_then(Result::ok);
        let mut utf8 = [0; 4];
        match character {
            Some('"') => self.respell(start, self.at, "\\\""),
            Some('\\') => self.respell(start, self.at, "\\\\"),
            Some('\x08') => self.respell(start, self.at, "\\b"),
            Some('\t') => self.respell(start, self.at, "\\t"),
            Some('\n') => self.respell(start, self.at, "\\n"),
            Some('\x0c') => self.respell(start, self.at, "\\f"),
            Some('\r') => self.respell(start, self.at, "\\r"),
            // What must stay an escape, a control or half of a pair, needs at most lower case.
            Some('\0'..='\x1f') | None => {
                let lower_case = self.text[start..self.at].to_ascii_lowercase();
                self.respell(start, self.at, &lower_case);
            }
            Some(plain) => self.respell(start, self.at, plain.encode_utf8(&mut utf8)),
        }
        Ok(())
    }

    // --- What went wrong ----------------------------------------------------------------------

    /// The complaint that something else than `what` stands here. The pointer is put in front by
    /// the arrays and objects around.
    #[cold]
    fn expected(&self, what: &str) -> Invalid {
        let found = match (self.text[self.at..].chars().next(), self.utf8_until) {
            (Some(found), _) => format!("found {found:?}"),
            (None, None) => "found the end".to_owned(),
            (None, Some(until)) => {
                return Invalid::at("", format!("the text is not UTF-8 at byte {until}"));
            }
        };
        Invalid::at("", format!("expected {what}, {found} at byte {}", self.trimmed + self.at))
    }
}

/// How many bytes from the start of `bytes` a string may hold as they are: everything before a
/// quote, a backslash or a control. Eight at a time, by the classic test for a zero byte in a word;
/// the borrow it may spread goes upwards only, so the lowest hit is always a true one.
fn plain_len(bytes: &[u8]) -> usize {
    const LOW_BITS: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);
    let below = |word: u64, bound: u64| word.wrapping_sub(LOW_BITS * bound) & !word;
    let equal = |word: u64, byte: u8| below(word ^ (LOW_BITS * u64::from(byte)), 1);

    let mut rest = bytes;
    while let Some((chunk, behind)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let hits = (below(word, 0x20) | equal(word, b'"') | equal(word, b'\\')) & HIGH_BITS;
        if hits != 0 {
            return bytes.len() - rest.len() + (hits.trailing_zeros() / 8) as usize;
        }
        rest = behind;
    }
    let stops = |byte: &u8| matches!(byte, 0..=0x1f | b'"' | b'\\');
    bytes.len() - rest.len() + rest.iter().position(stops).unwrap_or(rest.len())
}

/// The UTF-16 code unit that the `\uxxxx` at the start of `bytes` stands for.
fn code_unit(bytes: &[u8]) -> Option<u16> {
    let [b'\\', b'u', digits @ ..] = bytes.first_chunk::<6>()? else {
        return None;
    };
    let mut unit = 0;
    for digit in digits {
        unit = unit << 4 | char::from(*digit).to_digit(16)?;
    }
    u16::try_from(unit).ok()
}

/// The canonical spelling of a member's key, without its quotes. Two keys are the same exactly
/// when their canonical spellings are, so nothing needs to be un-escaped to compare them.
#[inline]
fn key_of<'r>(member: &Member, rewrite: &'r Rewrite<'_>) -> &'r str {
    rewrite.written(member.start + 1, member.key_end - 1)
}

/// A key that stands more than once among `members`, with its quotes.
fn repeated_key<'r>(members: &[Member], rewrite: &'r Rewrite<'_>) -> Option<&'r str> {
    let key_of = |member: &Member| rewrite.written(member.start, member.key_end);
    if members.len() <= PAIRWISE_KEYS_MAX {
        let mut keys = [""; PAIRWISE_KEYS_MAX];
        for (position, member) in members.iter().enumerate() {
            let key = key_of(member);
            if keys[..position].contains(&key) {
                return Some(key);
            }
            keys[position] = key;
        }
        return None;
    }
    let mut keys: Vec<&str> = members.iter().map(key_of).collect();
    keys.sort_unstable_by(|one, other| (one.len(), *one).cmp(&(other.len(), *other)));
    keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// The array index that ECMAScript takes `key` for: a canonical decimal below 2^32 - 1.
fn array_index(key: &str) -> Option<u32> {
    let is_canonical = match key.as_bytes() {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.len() < 10 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let index = if is_canonical { key.parse().ok()? } else { return None };
    (index < u32::MAX).then_some(index)
}

/// The step of an RFC 6901 pointer to the member with this key, given with its quotes. Half of a
/// surrogate pair has no place in a Rust string: a key with one keeps its escapes.
fn pointer_segment(quoted_key: &str) -> String {
    let key: Cow<'_, str> = match serde_json::from_str(quoted_key) {
        Ok(key) => Cow::Owned(key),
        Err(_) => Cow::Borrowed(quoted_key.trim_matches('"')),
    };
    format!("/{}", escape_pointer(&key))
}
