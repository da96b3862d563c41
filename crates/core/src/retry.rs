//! When a delivery is tried again: the schedule of a webhook, the jitter on it, and what a
//! receiver's answer says about waiting. Whether an attempt counts, and what becomes of the
//! delivery, is decided elsewhere; here is only the arithmetic of time.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::DateTime;

use crate::error::{Complaints, Invalid};
use crate::limits::{JITTER_MAX, RETRY_ATTEMPTS_MAX, RETRY_DELAY_MAX};
use crate::time::Timestamp;

const DEFAULT_DELAYS_S: [u32; 5] = [0, 30, 120, 480, 1920];

/// The delays before each attempt of a delivery, each counted from the moment the attempt before
/// it ended; the first from the moment the event was accepted. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySchedule(Arc<[u32]>);

impl Default for RetrySchedule {
    /// At once, then after 30 s, 2 min, 8 min and 32 min.
    fn default() -> RetrySchedule {
        RetrySchedule(DEFAULT_DELAYS_S.into())
    }
}

impl RetrySchedule {
    /// From the `retry_delays_s` of a webhook. Complaints point into the list: `/0`, `/1` ….
    pub fn new(delays_s: &[u64]) -> Result<RetrySchedule, Invalid> {
        if delays_s.is_empty() || delays_s.len() > RETRY_ATTEMPTS_MAX {
            let count = delays_s.len();
            let why = format!(
                "a schedule has 1 to {RETRY_ATTEMPTS_MAX} delays, one before each attempt, such \
                 as [0,30,120,480,1920]; this one has {count}"
            );
            return Err(Invalid::at("", why));
        }
        let max_s = RETRY_DELAY_MAX.as_secs();
        let mut complaints = Complaints::default();
        let mut kept = Vec::with_capacity(delays_s.len());
        for (position, &delay_s) in delays_s.iter().enumerate() {
            match u32::try_from(delay_s) {
                Ok(delay_s) if u64::from(delay_s) <= max_s => kept.push(delay_s),
                _ => complaints.add(
                    format!("/{position}"),
                    format!("{delay_s} s is too long, a delay is 0 to {max_s} s (one day)"),
                ),
            }
        }
        complaints.finish()?;
        Ok(RetrySchedule(kept.into()))
    }

    /// How many attempts that count a delivery gets.
    pub fn attempts_max(&self) -> u32 {
        u32::try_from(self.0.len()).expect("a schedule has at most 20 delays")
    }

    /// The delay before attempt `attempt_number` (1, 2 …), without jitter; `None` for attempts
    /// that the schedule does not have.
    pub fn delay_before(&self, attempt_number: u32) -> Option<Duration> {
        let position = usize::try_from(attempt_number.checked_sub(1)?).ok()?;
        self.0.get(position).map(|&delay_s| Duration::from_secs(u64::from(delay_s)))
    }

    /// When to try next, after an attempt that ended `now`; `None` once the schedule is used up.
    ///
    /// `attempts_used` counts the attempts that used up one of the schedule's. A deferred attempt
    /// does not, so after one this gives the same place again, held back by `retry_after`: a
    /// receiver that defers without saying for how long needs a wait chosen by the caller, else
    /// the first place of the default schedule would mean "again at once".
    ///
    /// `retry_after` only ever delays: the longer of it and the schedule's delay counts. Jitter
    /// comes on top of either, because deliveries that were all told "in 60 seconds" would
    /// otherwise come back in the same instant.
    pub fn next_due(
        &self,
        now: Timestamp,
        attempts_used: u32,
        retry_after: Option<Duration>,
        jitter: Jitter,
    ) -> Option<Timestamp> {
        let scheduled = self.delay_before(attempts_used.checked_add(1)?)?;
        let told = retry_after.unwrap_or(Duration::ZERO).min(RETRY_DELAY_MAX);
        let delay = scheduled.max(told);
        Some(now.saturating_add(delay + jitter.on(delay)))
    }

    /// In seconds, as the API shows it.
    pub fn delays_s(&self) -> &[u32] {
        &self.0
    }
}

/// How much of the jitter that is allowed is taken: a fraction from 0 to 1, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter(u64);

impl Jitter {
    pub const NONE: Jitter = Jitter(0);
    /// All that is allowed: what a bound on waiting has to reckon with.
    pub const FULL: Jitter = Jitter(u64::MAX);

    /// From eight bytes of the process's `Entropy`.
    pub const fn from_random(random: u64) -> Jitter {
        Jitter(random)
    }

    /// What is added to `delay`: at most a tenth of it and at most [`JITTER_MAX`], so nothing for
    /// an attempt that is due at once.
    pub fn on(self, delay: Duration) -> Duration {
        let allowed = (delay / 10).min(JITTER_MAX);
        let part = allowed.as_millis() * u128::from(self.0) / u128::from(u64::MAX);
        Duration::from_millis(u64::try_from(part).expect("a part of 15 s fits"))
    }
}

/// Reads a `Retry-After` header: seconds, or an HTTP date. The answer lies between zero (a date
/// that is past) and [`RETRY_DELAY_MAX`]; what makes no sense, such as a negative number, is
/// `None`. Fractions of a second, which some servers send, are rounded up.
pub fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = match whole_seconds(value) {
        Some(seconds) => Duration::from_secs(seconds),
        None => parse_http_date(value)?.since(now),
    };
    Some(wait.min(RETRY_DELAY_MAX))
}

/// Reads the form of date that HTTP sends, and the two old ones that it still asks everybody to
/// read. The day of the week is skipped: a wrong one is no reason to come back too early.
fn parse_http_date(value: &str) -> Option<Timestamp> {
    const FORMATS: [&str; 3] =
        ["%d %b %Y %H:%M:%S GMT", "%d-%b-%y %H:%M:%S GMT", "%b %e %H:%M:%S %Y"];
    let (_weekday, date) = value.split_once(' ')?;
    // Through a civil time, because the library's own timestamps end a day before the year 9999
    // does, and "never" is sent as its last second.
    let parsed = FORMATS.iter().find_map(|format| DateTime::strptime(format, date.trim()).ok())?;
    let since_epoch = parsed.duration_since(jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0));
    Some(Timestamp::from_millis(since_epoch.as_secs().saturating_mul(1000)))
}

/// How long a receiver's rate limit lasts, for one that answers 429 without `Retry-After`:
/// `RateLimit-Reset`, then `RateLimit` (drafts 7 and later), then `X-RateLimit-Reset`; the first
/// that can be read counts. `get` looks a header up by its lower-case name.
pub fn rate_limit_reset<'h>(
    get: impl Fn(&str) -> Option<&'h str>,
    now: Timestamp,
) -> Option<Duration> {
    let reset = |name| get(name).and_then(|value| delta_or_epoch(value, now));
    reset("ratelimit-reset")
        .or_else(|| get("ratelimit").and_then(reset_of_policies))
        .or_else(|| reset("x-ratelimit-reset"))
}

/// Reads a reset that is seconds from now by the standard, but seconds (or even milliseconds)
/// since 1970 with many servers. No delta is ever as large as today's date, so size tells.
fn delta_or_epoch(value: &str, now: Timestamp) -> Option<Duration> {
    const EPOCH_SECONDS_FROM: u64 = 1_000_000_000;
    const EPOCH_MILLIS_FROM: u64 = 1_000_000_000_000;
    let number = whole_seconds(value.trim())?;
    let wait = if number < EPOCH_SECONDS_FROM {
        Duration::from_secs(number)
    } else {
        let is_millis = number >= EPOCH_MILLIS_FROM;
        let millis = if is_millis { number } else { number * 1000 };
        Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)).since(now)
    };
    Some(wait.min(RETRY_DELAY_MAX))
}

/// Reads a `RateLimit` header. Draft 7 has one limit, `limit=1000, remaining=0, reset=42`; later
/// ones have several policies, `"default";r=0;t=42`. Of those the one with the least left made
/// the receiver refuse; of equals the longest wait counts.
fn reset_of_policies(value: &str) -> Option<Duration> {
    let mut tightest: Option<(u64, u64)> = None;
    for policy in split_outside_quotes(value, ',') {
        let mut parts = split_outside_quotes(policy, ';').map(str::trim);
        if let Some(reset) = parts.next().and_then(|name| name.strip_prefix("reset=")) {
            return whole_seconds(reset).map(|s| Duration::from_secs(s).min(RETRY_DELAY_MAX));
        }
        let (mut remaining, mut reset_s) = (0, None);
        for part in parts {
            if let Some(number) = part.strip_prefix("r=") {
                remaining = whole_seconds(number)?;
            } else if let Some(number) = part.strip_prefix("t=") {
                reset_s = Some(whole_seconds(number)?);
            }
        }
        let Some(reset_s) = reset_s else { continue };
        let tighter = tightest.is_none_or(|(least, longest)| {
            remaining < least || (remaining == least && reset_s > longest)
        });
        if tighter {
            tightest = Some((remaining, reset_s));
        }
    }
    tightest.map(|(_, reset_s)| Duration::from_secs(reset_s).min(RETRY_DELAY_MAX))
}

/// Splits a structured header; separators inside a quoted name do not count.
fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |letter: char| {
        if escaped {
            escaped = false;
            return false;
        }
        match letter {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        letter == separator && !quoted
    })
}

/// Reads `42` and `41.2` as 42; more digits than fit mean the largest number.
fn whole_seconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let seconds: u64 = whole.parse().unwrap_or(u64::MAX);
    let begun = fraction.bytes().any(|digit| digit != b'0');
    Some(seconds.saturating_add(u64::from(begun)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2025-01-15T14:30:25Z, a Wednesday.
    fn now() -> Timestamp {
        Timestamp::from_millis(1_736_951_425_000)
    }

    fn wait_s(
        schedule: &RetrySchedule,
        attempts_used: u32,
        retry_after_s: Option<u64>,
        jitter: Jitter,
    ) -> Option<f64> {
        let retry_after = retry_after_s.map(Duration::from_secs);
        let due = schedule.next_due(now(), attempts_used, retry_after, jitter)?;
        Some(due.since(now()).as_secs_f64())
    }

    #[test]
    fn the_default_schedule_is_the_seeds() {
        let schedule = RetrySchedule::default();
        let waits: Vec<Option<f64>> =
            (0..6).map(|used| wait_s(&schedule, used, None, Jitter::NONE)).collect();
        assert_eq!(waits, [Some(0.0), Some(30.0), Some(120.0), Some(480.0), Some(1920.0), None]);
        assert_eq!(schedule.attempts_max(), 5);
        assert_eq!(schedule.delay_before(0), None);
        assert_eq!(schedule.delay_before(1), Some(Duration::ZERO));
        assert_eq!(schedule.delay_before(6), None);
        assert_eq!(schedule.next_due(now(), u32::MAX, None, Jitter::NONE), None);
        assert_eq!(RetrySchedule::new(&[0, 30, 120, 480, 1920]), Ok(schedule));
    }

    #[test]
    fn jitter_adds_at_most_a_tenth_and_at_most_fifteen_seconds() {
        let schedule = RetrySchedule::default();
        let waits: Vec<Option<f64>> =
            (0..5).map(|used| wait_s(&schedule, used, None, Jitter::FULL)).collect();
        assert_eq!(waits, [Some(0.0), Some(33.0), Some(132.0), Some(495.0), Some(1935.0)]);
        let half = Jitter::from_random(u64::MAX / 2);
        assert_eq!(wait_s(&schedule, 1, None, half), Some(31.499));
    }

    #[test]
    fn retry_after_header_only_ever_delays() {
        let schedule = RetrySchedule::default();
        assert_eq!(wait_s(&schedule, 1, Some(5), Jitter::NONE), Some(30.0));
        assert_eq!(wait_s(&schedule, 1, Some(90), Jitter::NONE), Some(90.0));
        assert_eq!(wait_s(&schedule, 1, Some(90), Jitter::FULL), Some(99.0));
        assert_eq!(wait_s(&schedule, 0, Some(42), Jitter::NONE), Some(42.0));
        assert_eq!(wait_s(&schedule, 1, Some(10_000_000), Jitter::NONE), Some(86_400.0));
        assert_eq!(wait_s(&schedule, 5, Some(90), Jitter::NONE), None, "adds no attempt");
    }

    fn check_schedule(delays_s: &[u64], expected_pointers: &[&str]) {
        let pointers: Vec<String> = match RetrySchedule::new(delays_s) {
            Ok(_) => Vec::new(),
            Err(invalid) => invalid.errors.into_iter().map(|error| error.pointer).collect(),
        };
        assert_eq!(pointers, expected_pointers, "{delays_s:?}");
    }

    #[test]
    fn schedules_out_of_bounds_are_refused_where_they_are_wrong() {
        check_schedule(&[0], &[]);
        check_schedule(&[5, 86_400, 0], &[]);
        check_schedule(&[1; 20], &[]);
        check_schedule(&[], &[""]);
        check_schedule(&[1; 21], &[""]);
        check_schedule(&[0, 86_401, 3, u64::MAX], &["/1", "/3"]);
    }

    fn check_retry_after(value: &str, expected_s: Option<u64>) {
        let expected = expected_s.map(Duration::from_secs);
        assert_eq!(parse_retry_after(value, now()), expected, "{value:?}");
    }

    #[test]
    fn reads_retry_after_in_seconds() {
        check_retry_after("120", Some(120));
        check_retry_after(" 120\t", Some(120));
        check_retry_after("0", Some(0));
        check_retry_after("0.35", Some(1));
        check_retry_after("2.0", Some(2));
        check_retry_after("86401", Some(86_400));
        check_retry_after("99999999999999999999999999", Some(86_400));
        for nonsense in
            ["", "-5", "+5", "NaN", "inf", "1e3", "0x10", "soon", "5 s", ".5", "5.", "٣"]
        {
            check_retry_after(nonsense, None);
        }
    }

    #[test]
    fn reads_retry_after_as_a_date() {
        check_retry_after("Wed, 15 Jan 2025 14:31:00 GMT", Some(35));
        check_retry_after("Fri, 15 Jan 2025 14:31:00 GMT", Some(35));
        check_retry_after("Wed, 15 Jan 2025 14:30:25 GMT", Some(0));
        check_retry_after("Wed, 15 Jan 2025 14:00:00 GMT", Some(0));
        check_retry_after("Thu, 01 Jan 1970 00:00:00 GMT", Some(0));
        check_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", Some(86_400));
        check_retry_after("Wednesday, 15-Jan-25 14:31:00 GMT", Some(35));
        check_retry_after("Wed Jan 15 14:31:00 2025", Some(35));
        check_retry_after("Fri Jan  3 14:31:00 2025", Some(0));
        check_retry_after("Wed, 31 Feb 2025 14:31:00 GMT", None);
        check_retry_after("2025-01-15T14:31:00Z", None);
    }

    fn check_reset(headers: &[(&str, &str)], expected_s: Option<u64>) {
        let get = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
        let expected = expected_s.map(Duration::from_secs);
        assert_eq!(rate_limit_reset(get, now()), expected, "{headers:?}");
    }

    #[test]
    fn reads_when_a_rate_limit_resets() {
        check_reset(&[], None);
        check_reset(&[("ratelimit-reset", "42")], Some(42));
        check_reset(&[("ratelimit-reset", "1736951435")], Some(10));
        check_reset(&[("ratelimit-reset", "9999999")], Some(86_400));
        check_reset(&[("x-ratelimit-reset", "42")], Some(42));
        check_reset(&[("x-ratelimit-reset", "1736951435")], Some(10));
        check_reset(&[("x-ratelimit-reset", "1736951434.2")], Some(10));
        check_reset(&[("x-ratelimit-reset", "1736951435000")], Some(10));
        check_reset(&[("x-ratelimit-reset", "1736951000")], Some(0));
        check_reset(&[("x-ratelimit-reset", "99999999999999999999")], Some(86_400));
        check_reset(&[("x-ratelimit-reset", "-1")], None);
        check_reset(&[("ratelimit-reset", "?"), ("x-ratelimit-reset", "7")], Some(7));
        check_reset(&[("ratelimit-reset", "3"), ("x-ratelimit-reset", "7")], Some(3));
    }

    #[test]
    fn reads_the_ratelimit_header_of_every_draft() {
        check_reset(&[("ratelimit", "limit=1000, remaining=0, reset=42")], Some(42));
        check_reset(&[("ratelimit", "limit=1000;w=60,remaining=0,reset=42")], Some(42));
        check_reset(&[("ratelimit", "\"default\";r=0;t=42")], Some(42));
        check_reset(&[("ratelimit", "\"default\"; r=0; t=42")], Some(42));
        check_reset(&[("ratelimit", "\"a,b;t=9\";r=0;t=42")], Some(42));
        check_reset(&[("ratelimit", "\"a\\\",\";r=0;t=42")], Some(42));
        check_reset(&[("ratelimit", "\"day\";r=10;t=5000, \"minute\";r=0;t=42")], Some(42));
        check_reset(&[("ratelimit", "\"minute\";r=0;t=42, \"hour\";r=0;t=900")], Some(900));
        check_reset(&[("ratelimit", "\"default\";r=0")], None);
        check_reset(&[("ratelimit", "\"default\";r=0;t=-1")], None);
        check_reset(&[("ratelimit", "limit=1000, reset=soon")], None);
    }

    proptest! {
        #[test]
        fn the_next_attempt_is_never_early_and_never_late(
            delays_s in prop::collection::vec(0_u64..=86_400, 1..=20),
            used in 0_u32..25,
            retry_after_s in prop::option::of(any::<u32>()),
            random in any::<u64>(),
        ) {
            let schedule = RetrySchedule::new(&delays_s).expect("within bounds");
            let retry_after = retry_after_s.map(|s| Duration::from_secs(u64::from(s)));
            let due = schedule.next_due(now(), used, retry_after, Jitter::from_random(random));
            let Some(&delay_s) = delays_s.get(used as usize) else {
                prop_assert_eq!(due, None);
                return Ok(());
            };
            let told = retry_after.unwrap_or_default().min(RETRY_DELAY_MAX);
            let least = Duration::from_secs(delay_s).max(told);
            let wait = due.expect("the schedule has this attempt").since(now());
            prop_assert!(wait >= least);
            prop_assert!(wait <= least + (least / 10).min(JITTER_MAX));
        }

        #[test]
        fn no_header_makes_a_wait_outside_a_day(value in "\\PC{0,40}", past in any::<bool>()) {
            let now = if past { Timestamp::EPOCH } else { now() };
            let waits = [parse_retry_after(&value, now), rate_limit_reset(|_| Some(&value), now)];
            for wait in waits.into_iter().flatten() {
                prop_assert!(wait <= RETRY_DELAY_MAX);
            }
        }
    }
}
