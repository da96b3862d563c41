//! The response headers of an attempt, packed: `name: value` lines, most of which are the same
//! from attempt to attempt but for the second in their date. As text they take a third of a row.
//!
//! A line starts with one byte that says what it is; nothing is guessed on the way back, and a
//! line that is not known is kept as it is. The codes are stored, so new ones go to the end.

use posthaste_core::time::Timestamp;
use posthaste_core::varint::{Reader, write_bytes};

/// Any other line.
const LITERAL: u8 = 0;
/// `date: `, as many seconds from the attempt's end as the next byte says.
const DATE: u8 = 1;
/// From here on whole lines, in the order of `LINES`.
const FIRST_LINE: u8 = 2;
/// The last line was before this.
const END: u8 = 127;
/// From here on names whose values follow, in the order of `NAMES`.
const FIRST_NAME: u8 = 128;

const LINES: [&str; 19] = [
    "connection: keep-alive",
    "connection: close",
    "keep-alive: timeout=5",
    "content-length: 0",
    "content-length: 2",
    "content-type: application/json",
    "content-type: application/json; charset=utf-8",
    "content-type: text/plain",
    "content-type: text/plain; charset=utf-8",
    "content-type: text/html",
    "content-type: text/html; charset=utf-8",
    "content-type: text/html; charset=UTF-8",
    "server: nginx",
    "server: cloudflare",
    "transfer-encoding: chunked",
    "vary: accept-encoding",
    "vary: Accept-Encoding",
    "x-powered-by: Express",
    "cache-control: no-cache",
];

/// With what stands between a name and its value.
const NAMES: [&str; 24] = [
    "content-length: ",
    "content-type: ",
    "date: ",
    "server: ",
    "connection: ",
    "keep-alive: ",
    "etag: ",
    "vary: ",
    "via: ",
    "age: ",
    "allow: ",
    "location: ",
    "retry-after: ",
    "set-cookie: ",
    "cache-control: ",
    "expires: ",
    "last-modified: ",
    "x-request-id: ",
    "x-powered-by: ",
    "x-content-type-options: ",
    "x-frame-options: ",
    "strict-transport-security: ",
    "alt-svc: ",
    "cf-ray: ",
];

/// Packs the lines of one attempt after the other. Most are those of the attempt before: within
/// the same second a receiver tends to answer the same, and comparing costs a tenth of packing.
#[derive(Debug, Default)]
pub struct LinePacker {
    lines: String,
    /// Of the attempt's end, which the packed form depends on.
    second: i64,
    /// Empty before the first, and never after it.
    packed: Vec<u8>,
}

impl LinePacker {
    /// Appends the packed form of `lines`, each with its line break, of an attempt that ended
    /// then.
    pub fn pack(&mut self, packed: &mut Vec<u8>, ended_at: Timestamp, lines: &str) {
        let second = ended_at.as_unix_seconds();
        if self.packed.is_empty() || self.second != second || self.lines != lines {
            self.second = second;
            lines.clone_into(&mut self.lines);
            self.packed.clear();
            pack(&mut self.packed, ended_at, lines);
        }
        packed.extend_from_slice(&self.packed);
    }
}

fn pack(packed: &mut Vec<u8>, ended_at: Timestamp, lines: &str) {
    let lines = lines.strip_suffix('\n').unwrap_or(lines).as_bytes();
    if lines.is_empty() {
        packed.push(END);
        return;
    }
    for line in lines.split(|byte| *byte == b'\n') {
        if let Some(position) = LINES.iter().position(|known| known.as_bytes() == line) {
            packed.push(FIRST_LINE + position as u8);
        } else if let Some(distance) = date_distance(ended_at, line) {
            packed.extend([DATE, distance.cast_unsigned()]);
        } else if let Some(position) =
            NAMES.iter().position(|known| line.starts_with(known.as_bytes()))
        {
            packed.push(FIRST_NAME + position as u8);
            write_bytes(packed, &line[NAMES[position].len()..]);
        } else {
            packed.push(LITERAL);
            write_bytes(packed, line);
        }
    }
    packed.push(END);
}

/// The lines again; `None` if their packed form is not what comes next.
pub fn unpack(reader: &mut Reader<'_>, ended_at: Timestamp) -> Option<String> {
    let mut lines = String::new();
    loop {
        match reader.byte()? {
            END => return Some(lines),
            LITERAL => lines.push_str(std::str::from_utf8(reader.bytes()?).ok()?),
            DATE => {
                let distance = i64::from(reader.byte()?.cast_signed());
                lines.push_str(std::str::from_utf8(&date_line(ended_at, distance)).ok()?);
            }
            code @ FIRST_LINE..END => lines.push_str(LINES.get(usize::from(code - FIRST_LINE))?),
            code @ FIRST_NAME.. => {
                lines.push_str(NAMES.get(usize::from(code - FIRST_NAME))?);
                lines.push_str(std::str::from_utf8(reader.bytes()?).ok()?);
            }
        }
        lines.push('\n');
    }
}

const DATE_LINE: &[u8; 35] = b"date: Day, 00 Mon 0000 00:00:00 GMT";
/// Where its seconds stand.
const SECOND: usize = 29;

/// How many seconds after `ended_at` a date line is, if it is within half a minute: the seconds
/// alone then tell which one it would have to be, and only that one is compared.
fn date_distance(ended_at: Timestamp, line: &[u8]) -> Option<i8> {
    let line: &[u8; 35] = line.try_into().ok()?;
    let [tens, ones] = [line[SECOND], line[SECOND + 1]];
    let second = i64::from(tens.wrapping_sub(b'0')) * 10 + i64::from(ones.wrapping_sub(b'0'));
    let ahead = (second - ended_at.as_unix_seconds()).rem_euclid(60);
    let distance = if ahead < 30 { ahead } else { ahead - 60 };
    (*line == date_line(ended_at, distance)).then_some(distance as i8)
}

/// `date: Wed, 15 Jan 2025 14:30:25 GMT`, so many seconds after `ended_at`.
fn date_line(ended_at: Timestamp, distance: i64) -> [u8; 35] {
    const DAYS: &[u8] = b"ThuFriSatSunMonTueWed";
    const MONTHS: &[u8] = b"MarAprMayJunJulAugSepOctNovDecJanFeb";
    let time = ended_at.as_unix_seconds() + distance;
    let (days, seconds) = (time.div_euclid(86_400), time.rem_euclid(86_400));
    // Howard Hinnant's civil-from-days; its year begins in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = year_of_era + era * 400 + i64::from(month >= 10);
    let mut line = *DATE_LINE;
    let name = |names: &[u8], position: i64| {
        let start = 3 * usize::try_from(position).expect("a position in a list");
        [names[start], names[start + 1], names[start + 2]]
    };
    line[6..9].copy_from_slice(&name(DAYS, days.rem_euclid(7)));
    line[14..17].copy_from_slice(&name(MONTHS, month));
    let fields =
        [(11, day), (18, year / 100), (20, year), (23, seconds / 3600), (26, seconds / 60 % 60)];
    for (at, number) in fields.into_iter().chain([(SECOND, seconds % 60)]) {
        line[at] = b'0' + (number / 10 % 10) as u8;
        line[at + 1] = b'0' + (number % 10) as u8;
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn check(lines: &str, ended_at: Timestamp, bytes: usize) {
        let mut packed = Vec::new();
        pack(&mut packed, ended_at, lines);
        let mut reader = Reader(&packed);
        assert_eq!(unpack(&mut reader, ended_at).as_deref(), Some(lines));
        assert_eq!(reader.finish(), Some(()));
        assert_eq!(packed.len(), bytes + 1, "{lines}");
    }

    #[test]
    fn what_most_receivers_answer_becomes_a_handful_of_bytes() {
        let at = Timestamp::parse("2025-01-15T14:30:25.123Z").expect("a time");
        let date = "date: Wed, 15 Jan 2025 14:30:25 GMT\n";
        check(date, at, 2);
        check("date: Wed, 15 Jan 2025 14:30:54 GMT\n", at, 2);
        check("date: Wed, 15 Jan 2025 14:29:55 GMT\n", at, 2);
        check("date: Wed, 15 Jan 2025 14:31:25 GMT\n", at, 31);
        check("date: Thu, 15 Jan 2025 14:30:25 GMT\n", at, 31);
        check("date: now\n", at, 5);
        let usual = format!("content-type: application/json\ncontent-length: 15\n{date}");
        check(&usual, at, 1 + 4 + 2);
        check("connection: keep-alive\nx: y\n", at, 1 + 6);
        check("", at, 0);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let check = |time: &str, expected: &str| {
            let line = date_line(Timestamp::parse(time).expect("a time"), 0);
            assert_eq!(std::str::from_utf8(&line), Ok(expected));
        };
        check("1970-01-01T00:00:00Z", "date: Thu, 01 Jan 1970 00:00:00 GMT");
        check("2000-02-29T23:59:59Z", "date: Tue, 29 Feb 2000 23:59:59 GMT");
        check("2024-12-31T12:00:00Z", "date: Tue, 31 Dec 2024 12:00:00 GMT");
        check("2026-03-01T09:08:07Z", "date: Sun, 01 Mar 2026 09:08:07 GMT");
        check("1994-11-06T08:49:37Z", "date: Sun, 06 Nov 1994 08:49:37 GMT");
    }

    proptest! {
        #[test]
        fn any_lines_come_back(
            lines in prop::collection::vec("(date|server|via|x|)(: |:)[ -~]{0,40}", 0..6),
            ended_at in 0..4_000_000_000_000_i64,
            distance in -200..200_i64,
        ) {
            let ended_at = Timestamp::from_millis(ended_at);
            let mut lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
            lines.push_str(std::str::from_utf8(&date_line(ended_at, distance)).expect("ASCII"));
            lines.push('\n');
            let mut packed = Vec::new();
            pack(&mut packed, ended_at, &lines);
            prop_assert_eq!(unpack(&mut Reader(&packed), ended_at), Some(lines));
        }

        #[test]
        fn junk_is_none_and_never_a_panic(junk: Vec<u8>) {
            let _ = unpack(&mut Reader(&junk), NOW);
        }
    }
}
