//! Points in time, and the two traits through which time and chance come into the process.
//! Nothing in this crate reads a clock: `now` is always an argument.

use std::fmt;
use std::time::Duration;

use crate::digits::put_padded;
use crate::error::Invalid;

/// Milliseconds since 1970-01-01T00:00:00Z: the resolution of everything we store, sign or show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// 9999-12-30T21:59:59.999Z: whatever the offset it is written with, the year has four digits, which
/// is where RFC 3339 ends.
const LATEST_MS: i64 = 253_402_207_199_999;
const TEXT_LEN: usize = "2025-01-15T14:30:25.123Z".len();

impl Timestamp {
    pub const EPOCH: Timestamp = Timestamp(0);

    /// Clamped to what RFC 3339 can write, so that no arithmetic can make an unprintable time.
    pub fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis.clamp(0, LATEST_MS))
    }

    pub fn as_millis(self) -> i64 {
        self.0
    }

    pub fn as_unix_seconds(self) -> i64 {
        self.0 / 1000
    }

    /// Reads an RFC 3339 time with any offset, from 1970 to 9999; digits past the millisecond
    /// are cut off.
    pub fn parse(text: &str) -> Result<Timestamp, Invalid> {
        let wrong = |why: &str| Invalid::at("", format!("{text:?} is not {why}"));
        const FORM: &str = "an RFC 3339 time such as 2025-01-15T14:30:25.123Z";
        if !has_rfc_3339_form(text.as_bytes()) {
            return Err(wrong(FORM));
        }
        let parsed: jiff::Timestamp = text.parse().map_err(|_| wrong(FORM))?;
        let millis = parsed.as_millisecond();
        if !(0..=LATEST_MS).contains(&millis) {
            return Err(wrong("a time from 1970 to 9999"));
        }
        Ok(Timestamp(millis))
    }

    pub fn saturating_add(self, duration: Duration) -> Timestamp {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.0.saturating_add(millis))
    }

    pub fn saturating_sub(self, duration: Duration) -> Timestamp {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.0.saturating_sub(millis))
    }

    /// How long after `earlier` this is; zero if it is not after.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// What `Display` writes, for whoever writes bytes.
    pub fn to_text(self) -> [u8; TEXT_LEN] {
        let millis = self.0.cast_unsigned();
        let narrow = |value: u64| u32::try_from(value).expect("no later than the year 9999");
        let (days, millis) = (narrow(millis / 86_400_000), narrow(millis % 86_400_000));
        // Howard Hinnant's civil-from-days, written out because this runs for every delivery:
        // a general formatter costs about ten times as much.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_index = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_index + 2) / 5 + 1;
        let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
        let year = year_of_era + era * 400 + u32::from(month <= 2);
        let seconds = millis / 1000;

        let mut text = *b"0000-00-00T00:00:00.000Z";
        put_padded(&mut text[..4], year);
        put_padded(&mut text[5..7], month);
        put_padded(&mut text[8..10], day);
        put_padded(&mut text[11..13], seconds / 3600);
        put_padded(&mut text[14..16], seconds / 60 % 60);
        put_padded(&mut text[17..19], seconds % 60);
        put_padded(&mut text[20..23], millis % 1000);
        text
    }

    /// The start of the minute this lies in, as minutes since 1970.
    pub fn minute(self) -> i64 {
        self.0.div_euclid(60_000)
    }

    /// The UTC day this lies in, as days since 1970.
    pub fn day(self) -> i64 {
        self.0.div_euclid(86_400_000)
    }
}

/// `YYYY-MM-DDThh:mm:ss`, perhaps a fraction, and `Z` or `±hh:mm`. The library that reads it takes
/// more forms (ISO 8601's basic one, a comma, a zone in brackets), which others would refuse.
fn has_rfc_3339_form(text: &[u8]) -> bool {
    let matches = |text: &[u8], form: &[u8]| {
        text.len() == form.len()
            && text.iter().zip(form).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                b'T' => matches!(byte, b'T' | b't' | b' '),
                b'Z' => matches!(byte, b'Z' | b'z'),
                b'+' => matches!(byte, b'+' | b'-'),
                other => byte == other,
            })
    };
    let date_time = b"0000-00-00T00:00:00";
    let Some((head, tail)) = text.split_at_checked(date_time.len()) else { return false };
    let zone = match tail.split_first() {
        Some((b'.', rest)) => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &rest[digits..]
        }
        _ => tail,
    };
    matches(head, date_time) && (matches(zone, b"Z") || matches(zone, b"+00:00"))
}

/// `2025-01-15T14:30:25.123Z`: always UTC, always three digits of milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_text()).expect("digits are ASCII"))
    }
}

/// Tells the wall-clock time. One real implementation, in the binary; tests move theirs by hand
/// or with tokio's paused time.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

/// The one source of chance: keys, secrets, tokens and jitter take their bytes from it.
pub trait Entropy: Send + Sync + 'static {
    fn fill(&self, bytes: &mut [u8]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_what_the_seed_document_shows() {
        assert_eq!(
            Timestamp::from_millis(1_736_951_425_123).to_string(),
            "2025-01-15T14:30:25.123Z"
        );
        assert_eq!(Timestamp::EPOCH.to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(LATEST_MS).to_string(), "9999-12-30T21:59:59.999Z");
    }

    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(Timestamp::parse(text).ok().map(Timestamp::as_millis), expected, "{text}");
    }

    #[test]
    fn reads_rfc_3339_and_nothing_else() {
        check("2025-01-15T14:30:25.123Z", Some(1_736_951_425_123));
        check("2025-01-15T14:30:25Z", Some(1_736_951_425_000));
        check("2025-01-15T16:30:25.1239+02:00", Some(1_736_951_425_123));
        check("2025-01-15t14:30:25z", Some(1_736_951_425_000));
        check("1969-12-31T23:59:59.999Z", None);
        check("2025-01-15", None);
        check("2025-01-15T14:30Z", None);
        check("2025-01-15T14:30:25", None);
        check("2025-02-30T14:30:25Z", None);
        check("1736951425", None);
        check("20250115T143025Z", None);
        check("2025-01-15T14:30:25,5Z", None);
        check("2025-01-15T14:30:25.Z", None);
        check("2025-01-15T14:30:25+02", None);
        check("2025-01-15T14:30:25Z[Europe/Berlin]", None);
        check("2025-01-15T14:30:25.123456789-05:30", Some(1_736_971_225_123));
        check("2025-01-15 14:30:25Z", Some(1_736_951_425_000));
        check("9999-12-31T23:59:59Z", None);
        check("", None);
    }

    proptest! {
        #[test]
        fn reads_back_what_it_printed(millis in 0..=LATEST_MS) {
            let printed = Timestamp(millis).to_string();
            prop_assert_eq!(Timestamp::parse(&printed).expect("own format"), Timestamp(millis));
            let library = jiff::Timestamp::from_millisecond(millis).expect("in range");
            prop_assert_eq!(printed, library.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
        }
    }
}
