//! Reading one HTTP/1.1 answer (RFC 9112) from pieces of any size. It knows no socket: bytes go
//! in, and an [`Answer`] comes out, or the reason why they are none.
//!
//! Two things are decided here, and they are not the same. What is *read* is what HTTP clients in
//! general read, because a receiver that works with all others has to work with us. What the
//! connection may be *used again* after is much less: an answer that two readers could delimit in
//! two ways (lines ended by a bare line feed, a length beside chunks, a length said twice) is
//! read, and its connection closed, so that no doubt about where it ended can reach the next one.

use std::mem::MaybeUninit;

use http::StatusCode;
use httparse::{ParserConfig, Status};
use posthaste_core::header_lines::HeaderLines;
use posthaste_core::limits::{RESPONSE_HEAD_BYTES_MAX, RESPONSE_HEADERS_MAX};

use crate::transport::Answer;

/// Chunk extensions and trailers, which are read over, of one answer in all.
const CHUNK_EXTRAS_BYTES_MAX: usize = RESPONSE_HEAD_BYTES_MAX;
/// More would not fit a `u64`, or are zeros.
const CHUNK_SIZE_DIGITS_MAX: u8 = 16;
/// Room made for a body before any of it has come: a length can be a lie.
const BODY_ROOM_MAX: usize = 64 * 1024;
/// What the header lines of most answers take.
const USUAL_LINES_BYTES: usize = 256;
/// What every answer starts with.
const START: &[u8] = b"HTTP/1.";

/// Why what came is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotHttp {
    #[error("{0}")]
    Head(#[from] httparse::Error),
    #[error("{0}")]
    Message(&'static str),
}

/// Whether the request was one that is answered without a body (HEAD).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyExpected {
    Yes,
    No,
}

#[derive(Debug)]
pub(crate) struct AnswerReader {
    state: State,
    body_expected: BodyExpected,
    body_bytes_max: usize,
    /// Of the interim answers so far, which count with the head of the last.
    head_bytes: usize,
    /// How much of a head that is not complete yet has been looked at.
    scanned: usize,
    chunk_extras_bytes: usize,
    may_reuse: bool,
    answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    /// A body of known length: so much is left.
    Length(u64),
    Chunks(Chunk),
    /// A body that ends with the connection.
    UntilClosed,
    Complete,
}

/// Where in the chunked coding (RFC 9112, 7.1) the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    Size {
        size: u64,
        digits: u8,
    },
    /// Blanks behind the size, which the grammar takes before an extension.
    SizeBlank(u64),
    Extension(u64),
    SizeLineFeed(u64),
    Data(u64),
    DataReturn,
    DataLineFeed,
    TrailerStart,
    Trailer,
    TrailerLineFeed,
    LastLineFeed,
}

/// What a head says about the end of its message.
#[derive(Debug)]
struct Framing {
    length: Option<u64>,
    /// `Some` if there is a transfer coding at all; true if chunked is the last.
    chunked: Option<bool>,
    /// Nothing about it can be read in two ways.
    is_plain: bool,
    says_close: bool,
    says_keep_alive: bool,
}

impl AnswerReader {
    pub(crate) fn new(body_expected: BodyExpected, body_bytes_max: usize) -> AnswerReader {
        AnswerReader {
            state: State::Head,
            body_expected,
            body_bytes_max,
            head_bytes: 0,
            scanned: 0,
            chunk_extras_bytes: 0,
            may_reuse: true,
            answer: Answer {
                status: 0,
                headers: HeaderLines::default(),
                body: Vec::new(),
                truncated: false,
            },
        }
    }

    /// Reads on, and says how much of `input` was used up. What was not has to come again, with
    /// more behind it; once the answer is complete, it is not part of the answer.
    pub(crate) fn take(&mut self, input: &[u8]) -> Result<usize, NotHttp> {
        let mut taken = 0;
        loop {
            let rest = &input[taken..];
            let step = match self.state {
                State::Complete => 0,
                _ if rest.is_empty() => 0,
                State::Head => self.take_head(rest)?,
                State::Length(left) => self.take_length(rest, left),
                State::Chunks(Chunk::Data(left)) => self.take_chunk_data(rest, left),
                State::Chunks(chunk) => self.take_chunk_line(rest, chunk)?,
                State::UntilClosed => self.take_until_closed(rest),
            };
            if step == 0 {
                return Ok(taken);
            }
            taken += step;
        }
    }

    /// The connection was closed. Whether the answer is complete by that.
    pub(crate) fn end_of_input(&mut self) -> bool {
        if self.state == State::UntilClosed {
            self.state = State::Complete;
        }
        self.is_complete()
    }

    pub(crate) fn has_head(&self) -> bool {
        self.state != State::Head
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// Whether the connection is good for another request, as far as the answer tells.
    pub(crate) fn may_reuse(&self) -> bool {
        self.is_complete() && self.may_reuse
    }

    pub(crate) fn into_answer(self) -> Answer {
        debug_assert!(self.is_complete());
        debug_assert!(self.answer.body.len() <= self.body_bytes_max);
        self.answer
    }

    fn take_head(&mut self, rest: &[u8]) -> Result<usize, NotHttp> {
        let common = rest.len().min(START.len());
        if rest[..common] != START[..common] {
            return Err(NotHttp::Message("it does not start with HTTP/1"));
        }
        // A head that drips in is parsed again for each of its lines, of which there are not many,
        // and not for each of its bytes.
        let new_lines = rest[self.scanned..].iter().rposition(|&byte| byte == b'\n');
        let parsed = match new_lines {
            // Whole lines only: so it makes no difference to what is said of it how it came.
            Some(end) => self.parse_head(&rest[..=self.scanned + end])?,
            None => Status::Partial,
        };
        self.scanned = rest.len();
        let length = match parsed {
            Status::Complete(length) => length,
            Status::Partial => rest.len(),
        };
        if self.head_bytes + length >= RESPONSE_HEAD_BYTES_MAX {
            return Err(NotHttp::Message("its head is too long"));
        }
        if parsed.is_partial() {
            return Ok(0);
        }
        self.head_bytes += length;
        self.scanned = 0;
        Ok(length)
    }

    fn parse_head(&mut self, rest: &[u8]) -> Result<Status<usize>, NotHttp> {
        let mut room = [const { MaybeUninit::uninit() }; RESPONSE_HEADERS_MAX];
        let mut head = httparse::Response::new(&mut []);
        let parser = ParserConfig::default();
        let parsed = parser.parse_response_with_uninit_headers(&mut head, rest, &mut room)?;
        let Status::Complete(length) = parsed else { return Ok(parsed) };
        let status = head.code.expect("a complete head has a status");
        if StatusCode::from_u16(status).is_err() {
            return Err(NotHttp::Message("its status is none"));
        }
        self.may_reuse &= !has_bare_line_feed(&rest[..length]);
        if (100..200).contains(&status) && status != 101 {
            return Ok(parsed);
        }
        let is_http_1_1 = head.version == Some(1);
        self.answer.status = status;
        self.answer.headers = HeaderLines::with_capacity(USUAL_LINES_BYTES);
        for header in head.headers.iter() {
            self.answer.headers.push(header.name, header.value);
        }
        self.begin_body(is_http_1_1, &Framing::of(head.headers)?)?;
        Ok(parsed)
    }

    /// RFC 9112, 6.3, in its order.
    fn begin_body(&mut self, is_http_1_1: bool, framing: &Framing) -> Result<(), NotHttp> {
        let stays_open = if is_http_1_1 { !framing.says_close } else { framing.says_keep_alive };
        self.may_reuse &= stays_open && framing.is_plain && self.answer.status != 101;
        let never_has_body = matches!(self.answer.status, 101 | 204 | 304);
        if never_has_body || self.body_expected == BodyExpected::No {
            // A 204 has no length and no coding (RFC 9110, 8.6); one that has both, and sends it
            // too, would start the next answer with it.
            let has_framing = framing.length.unwrap_or(0) > 0 || framing.chunked.is_some();
            self.may_reuse &= !has_framing || self.answer.status == 304 || !never_has_body;
            self.state = State::Complete;
            return Ok(());
        }
        self.state = match (framing.chunked, framing.length) {
            (Some(_), _) if !is_http_1_1 => {
                return Err(NotHttp::Message("HTTP/1.0 has no transfer coding"));
            }
            (Some(true), _) => State::Chunks(Chunk::Size { size: 0, digits: 0 }),
            (None, Some(0)) => State::Complete,
            (None, Some(length)) => {
                let expected = usize::try_from(length).unwrap_or(usize::MAX);
                let room = expected.min(self.body_bytes_max).min(BODY_ROOM_MAX);
                self.answer.body.reserve_exact(room);
                State::Length(length)
            }
            (Some(false), _) | (None, None) => {
                self.may_reuse = false;
                State::UntilClosed
            }
        };
        Ok(())
    }

    /// `left` are the bytes of the body, or of its chunk, that have not been read.
    fn take_data(&mut self, rest: &[u8], left: u64) -> (usize, u64) {
        let length = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
        let room = self.body_bytes_max - self.answer.body.len();
        self.answer.body.extend_from_slice(&rest[..length.min(room)]);
        let left = left - length as u64;
        if length > room || (left > 0 && self.answer.body.len() == self.body_bytes_max) {
            self.cut_off();
        }
        (length, left)
    }

    fn take_length(&mut self, rest: &[u8], left: u64) -> usize {
        let (taken, left) = self.take_data(rest, left);
        if !self.is_complete() {
            self.state = if left == 0 { State::Complete } else { State::Length(left) };
        }
        taken
    }

    fn take_chunk_data(&mut self, rest: &[u8], left: u64) -> usize {
        let (taken, left) = self.take_data(rest, left);
        if !self.is_complete() {
            let next = if left == 0 { Chunk::DataReturn } else { Chunk::Data(left) };
            self.state = State::Chunks(next);
        }
        taken
    }

    fn take_until_closed(&mut self, rest: &[u8]) -> usize {
        let room = self.body_bytes_max - self.answer.body.len();
        self.answer.body.extend_from_slice(&rest[..rest.len().min(room)]);
        if rest.len() > room {
            self.cut_off();
        }
        rest.len()
    }

    /// Nobody wants the rest of the body, and it may never end.
    fn cut_off(&mut self) {
        self.answer.truncated = true;
        self.may_reuse = false;
        self.state = State::Complete;
    }

    /// Everything of the chunked coding but the data.
    fn take_chunk_line(&mut self, rest: &[u8], mut chunk: Chunk) -> Result<usize, NotHttp> {
        for (position, &byte) in rest.iter().enumerate() {
            if chunk == Chunk::LastLineFeed && byte == b'\n' {
                self.state = State::Complete;
                return Ok(position + 1);
            }
            chunk = chunk.after(byte)?;
            if chunk.is_extra() {
                self.chunk_extras_bytes += 1;
                if self.chunk_extras_bytes > CHUNK_EXTRAS_BYTES_MAX {
                    return Err(NotHttp::Message("its chunks say too much besides their data"));
                }
            }
            if let Chunk::Data(_) = chunk {
                self.state = State::Chunks(chunk);
                return Ok(position + 1);
            }
        }
        self.state = State::Chunks(chunk);
        Ok(rest.len())
    }
}

impl Chunk {
    /// The grammar, without the leniency of a bare line feed, which has split requests before.
    fn after(self, byte: u8) -> Result<Chunk, NotHttp> {
        Ok(match (self, byte) {
            (Chunk::Size { size, digits }, _) if byte.is_ascii_hexdigit() => {
                if digits == CHUNK_SIZE_DIGITS_MAX {
                    return Err(NotHttp::Message("a chunk is too large"));
                }
                let value = char::from(byte).to_digit(16).expect("a hex digit");
                Chunk::Size { size: size << 4 | u64::from(value), digits: digits + 1 }
            }
            (Chunk::Size { digits: 0, .. }, _) => {
                return Err(NotHttp::Message("a chunk has no size"));
            }
            (Chunk::Size { size, .. } | Chunk::SizeBlank(size), b' ' | b'\t') => {
                Chunk::SizeBlank(size)
            }
            (Chunk::Size { size, .. } | Chunk::SizeBlank(size), b';') => Chunk::Extension(size),
            (Chunk::Size { size, .. } | Chunk::SizeBlank(size) | Chunk::Extension(size), b'\r') => {
                Chunk::SizeLineFeed(size)
            }
            (Chunk::Extension(size), other) if other != b'\n' => Chunk::Extension(size),
            (Chunk::SizeLineFeed(0), b'\n') => Chunk::TrailerStart,
            (Chunk::SizeLineFeed(size), b'\n') => Chunk::Data(size),
            (Chunk::DataReturn, b'\r') => Chunk::DataLineFeed,
            (Chunk::DataLineFeed, b'\n') => Chunk::Size { size: 0, digits: 0 },
            (Chunk::TrailerStart, b'\r') => Chunk::LastLineFeed,
            (Chunk::Trailer, b'\r') => Chunk::TrailerLineFeed,
            (Chunk::TrailerLineFeed, b'\n') => Chunk::TrailerStart,
            (Chunk::TrailerStart | Chunk::Trailer, other) if other != b'\n' => Chunk::Trailer,
            _ => return Err(NotHttp::Message("a chunk does not end where it should")),
        })
    }

    /// Neither data nor what delimits it.
    fn is_extra(self) -> bool {
        matches!(self, Chunk::SizeBlank(_) | Chunk::Extension(_) | Chunk::Trailer)
    }
}

impl Framing {
    fn of(headers: &[httparse::Header<'_>]) -> Result<Framing, NotHttp> {
        let mut framing = Framing {
            length: None,
            chunked: None,
            is_plain: true,
            says_close: false,
            says_keep_alive: false,
        };
        for header in headers {
            let is_called = |name: &str| header.name.eq_ignore_ascii_case(name);
            match header.name.len() {
                10 if is_called("connection") => {
                    for option in list(header.value) {
                        framing.says_close |= option.eq_ignore_ascii_case(b"close");
                        framing.says_keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                    }
                }
                14 if is_called("content-length") => framing.add_length(header.value)?,
                17 if is_called("transfer-encoding") => framing.add_codings(header.value),
                _ => {}
            }
        }
        // RFC 9112, 6.3: the coding wins, and the two together may be an attempt to smuggle.
        framing.is_plain &= framing.length.is_none() || framing.chunked.is_none();
        // HTTP/1.0's keep-alive is no match for a `close` beside it.
        framing.says_keep_alive &= !framing.says_close;
        Ok(framing)
    }

    /// RFC 9110, 8.6: one that is said several times, in a list or in lines, is good if all agree.
    fn add_length(&mut self, value: &[u8]) -> Result<(), NotHttp> {
        let wrong = NotHttp::Message("its length is none");
        for text in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
            let text = std::str::from_utf8(text).ok().filter(|_| is_number).ok_or(wrong)?;
            let length = text.parse().map_err(|_| wrong)?;
            match self.length.replace(length) {
                None => {}
                Some(before) if before == length => self.is_plain = false,
                Some(_) => return Err(NotHttp::Message("it has two lengths")),
            }
        }
        Ok(())
    }

    fn add_codings(&mut self, value: &[u8]) {
        for coding in list(value) {
            let is_chunked = coding.eq_ignore_ascii_case(b"chunked");
            // Anything but a single `chunked` is rare enough to be somebody's trick.
            self.is_plain &= is_chunked && self.chunked.is_none();
            self.chunked = Some(is_chunked);
        }
        if self.chunked.is_none() {
            (self.chunked, self.is_plain) = (Some(false), false);
        }
    }
}

/// A line feed without a return before it, which the parser lets through.
fn has_bare_line_feed(head: &[u8]) -> bool {
    // Without an early end, so that the compiler makes SIMD of it.
    let pairs = head.iter().zip(&head[1..]);
    pairs.fold(false, |found, (&before, &byte)| found | ((byte == b'\n') & (before != b'\r')))
}

fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests;
