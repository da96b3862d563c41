//! What is counted about a webhook in a minute, in a form that can be added up in any order:
//! counters, a histogram of response times, and the busiest second. Reading and writing the rows,
//! and choosing which to add up for a chart, is left to `store` and `api`.

use std::fmt;
use std::iter::Sum;

use crate::time::Timestamp;
use crate::varint::{Reader, write_varint};

/// Sub-buckets per power of two: the more, the finer and the larger.
const SUB_BUCKETS: u32 = 16;
const SUB_BUCKET_BITS: u32 = SUB_BUCKETS.ilog2();
/// One bucket per value below 16, then 16 for each of the 28 powers of two that follow.
const BUCKETS: u16 = 464;

/// Response times in milliseconds, in buckets that grow with the value: exact below 32, and
/// within 1/32 (3 %) from there on. Count, sum and maximum are exact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Only buckets that hold something, by rising index. A minute of one webhook touches some
    /// twenty of the 464, so this is a tenth of an array and needs no memory while empty.
    buckets: Vec<(u16, u64)>,
    count: u64,
    sum_ms: u64,
    max_ms: u32,
}

impl Histogram {
    pub fn add(&mut self, value_ms: u32) {
        add_at(&mut self.buckets, bucket_of(value_ms), 1);
        self.count = self.count.saturating_add(1);
        self.sum_ms = self.sum_ms.saturating_add(u64::from(value_ms));
        self.max_ms = self.max_ms.max(value_ms);
    }

    /// Adds all of `other`. Neither order nor grouping matters.
    pub fn merge(&mut self, other: &Histogram) {
        merge_sorted(&mut self.buckets, &other.buckets);
        self.count = self.count.saturating_add(other.count);
        self.sum_ms = self.sum_ms.saturating_add(other.sum_ms);
        self.max_ms = self.max_ms.max(other.max_ms);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn sum_ms(&self) -> u64 {
        self.sum_ms
    }

    /// The largest value; `None` if there is none.
    pub fn max_ms(&self) -> Option<u32> {
        (self.count > 0).then_some(self.max_ms)
    }

    /// The average, rounded to whole milliseconds.
    pub fn mean_ms(&self) -> Option<u32> {
        let half = self.count / 2;
        let mean = self.sum_ms.saturating_add(half).checked_div(self.count)?;
        Some(u32::try_from(mean).unwrap_or(u32::MAX))
    }

    /// The value that a share `q` (0 to 1) of all values do not exceed: `quantile(0.95)` is the
    /// p95. Never more than the maximum, which `quantile(1.0)` is.
    pub fn quantile(&self, q: f64) -> Option<u32> {
        // Saturates, and makes a NaN zero: the smallest value then.
        let rank = ((q * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        if rank == self.count {
            return self.max_ms();
        }
        let mut below = 0_u64;
        for &(bucket, count) in &self.buckets {
            below = below.saturating_add(count);
            if below >= rank {
                return Some(middle_of(bucket).min(self.max_ms));
            }
        }
        None
    }

    /// Compact bytes: two or three per bucket in use.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + 3 * self.buckets.len());
        self.write(&mut bytes);
        bytes
    }

    /// Reads what [`Histogram::encode`] wrote; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Histogram> {
        let mut reader = Reader(bytes);
        let histogram = Histogram::read(&mut reader)?;
        reader.finish()?;
        Some(histogram)
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let buckets = self.buckets.iter().map(|&(bucket, count)| (u64::from(bucket), count));
        write_counts(bytes, buckets);
        write_varint(bytes, self.sum_ms);
        write_varint(bytes, u64::from(self.max_ms));
    }

    fn read(reader: &mut Reader<'_>) -> Option<Histogram> {
        let mut buckets = Vec::new();
        let mut count = 0_u64;
        read_counts(reader, |bucket, in_bucket| {
            let bucket = u16::try_from(bucket).ok().filter(|&bucket| bucket < BUCKETS)?;
            count = count.saturating_add(in_bucket);
            buckets.push((bucket, in_bucket));
            Some(())
        })?;
        let sum_ms = reader.varint()?;
        let max_ms = u32::try_from(reader.varint()?).ok()?;
        let consistent = match buckets.last() {
            Some(&(highest, _)) => bucket_of(max_ms) == highest && sum_ms >= u64::from(max_ms),
            None => max_ms == 0 && sum_ms == 0,
        };
        consistent.then_some(Histogram { buckets, count, sum_ms, max_ms })
    }
}

fn bucket_of(value_ms: u32) -> u16 {
    let bucket = if value_ms < SUB_BUCKETS {
        value_ms
    } else {
        let power = value_ms.ilog2();
        let sub_bucket = (value_ms >> (power - SUB_BUCKET_BITS)) % SUB_BUCKETS;
        (power - SUB_BUCKET_BITS + 1) * SUB_BUCKETS + sub_bucket
    };
    u16::try_from(bucket).expect("the largest u32 lies in bucket 463")
}

/// The value that stands for all in the bucket.
fn middle_of(bucket: u16) -> u32 {
    let bucket = u32::from(bucket);
    if bucket < SUB_BUCKETS {
        return bucket;
    }
    let shift = bucket / SUB_BUCKETS - 1;
    let lowest = (SUB_BUCKETS + bucket % SUB_BUCKETS) << shift;
    lowest + ((1 << shift) - 1) / 2
}

/// Why an attempt went wrong: the few kinds that charts and counters tell apart. The exact words
/// are the attempt's own. Names and order are stored, so new ones go to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    /// The host name did not resolve.
    Dns,
    /// No connection: refused, unreachable, or not within its time.
    Connect,
    /// The TLS handshake failed: certificate, name or version.
    Tls,
    /// Connected, but no whole answer within the deadline.
    Timeout,
    /// The receiver closed the connection before its answer was whole.
    Reset,
    /// The egress policy forbids the address.
    Blocked,
    /// What came back was not HTTP, or broke a limit of ours.
    Protocol,
    /// The receiver asked for less: 429, or 503 with `Retry-After`.
    RateLimited,
}

impl ErrorClass {
    pub const ALL: [ErrorClass; 8] = [
        ErrorClass::Dns,
        ErrorClass::Connect,
        ErrorClass::Tls,
        ErrorClass::Timeout,
        ErrorClass::Reset,
        ErrorClass::Blocked,
        ErrorClass::Protocol,
        ErrorClass::RateLimited,
    ];

    /// As JSON, columns and metrics write it.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorClass::Dns => "dns",
            ErrorClass::Connect => "connect",
            ErrorClass::Tls => "tls",
            ErrorClass::Timeout => "timeout",
            ErrorClass::Reset => "reset",
            ErrorClass::Blocked => "blocked",
            ErrorClass::Protocol => "protocol",
            ErrorClass::RateLimited => "rate_limited",
        }
    }

    /// Reads what [`ErrorClass::as_str`] gives.
    pub fn parse(name: &str) -> Option<ErrorClass> {
        ErrorClass::ALL.into_iter().find(|class| class.as_str() == name)
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One attempt, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedAttempt {
    /// 1 for the first of its delivery; every later one is a retry.
    pub number: u32,
    pub started_at: Timestamp,
    pub duration_ms: u32,
    /// What the receiver answered, if it came to that.
    pub status: Option<u16>,
    /// Beside a status where the answer was cut off, or asked for less.
    pub error: Option<ErrorClass>,
}

/// What happened at one webhook in some span of time: at first a part of a minute, and by merging
/// a minute, an hour or any longer span. The default is the one of nothing at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rollup {
    /// Events accepted for the webhook.
    pub events: u64,
    pub attempts: u64,
    /// Deliveries that came to this end.
    pub delivered: u64,
    /// Deliveries that came to this end, whatever their attempts were before.
    pub failed: u64,
    /// Attempts other than the first of their delivery.
    pub retries: u64,
    by_status_class: [u64; STATUS_CLASSES],
    by_error: [u64; ErrorClass::ALL.len()],
    durations: Histogram,
    /// Attempts in each second since 1970 that had any, rising. Batches of the same minute add up
    /// here second by second, which the busiest second alone could not do.
    seconds: Vec<(u64, u64)>,
    /// The busiest of the seconds that are no longer listed.
    sealed_peak: u64,
}

const STATUS_CLASSES: usize = 5;
const ROLLUP_VERSION: u8 = 1;

impl Rollup {
    /// Counts an attempt, under the second in which it started.
    pub fn add_attempt(&mut self, attempt: &CountedAttempt) {
        self.attempts = self.attempts.saturating_add(1);
        if attempt.number > 1 {
            self.retries = self.retries.saturating_add(1);
        }
        if let Some(class) = attempt.status.and_then(status_class_position) {
            self.by_status_class[class] = self.by_status_class[class].saturating_add(1);
        }
        if let Some(error) = attempt.error {
            let slot = &mut self.by_error[error as usize];
            *slot = slot.saturating_add(1);
        }
        self.durations.add(attempt.duration_ms);
        let second = attempt.started_at.as_unix_seconds();
        let second = u64::try_from(second).expect("a timestamp is not before 1970");
        add_at(&mut self.seconds, second, 1);
    }

    /// Adds all of `other`. Neither order nor grouping matters, and seconds that both have add up.
    pub fn merge(&mut self, other: &Rollup) {
        self.events = self.events.saturating_add(other.events);
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.failed = self.failed.saturating_add(other.failed);
        self.retries = self.retries.saturating_add(other.retries);
        for (mine, theirs) in self.by_status_class.iter_mut().zip(other.by_status_class) {
            *mine = mine.saturating_add(theirs);
        }
        for (mine, theirs) in self.by_error.iter_mut().zip(other.by_error) {
            *mine = mine.saturating_add(theirs);
        }
        self.durations.merge(&other.durations);
        merge_sorted(&mut self.seconds, &other.seconds);
        self.sealed_peak = self.sealed_peak.max(other.sealed_peak);
    }

    /// The same with the single seconds forgotten and only their peak kept: 60 entries less per
    /// minute in an hour or a day. For a minute that is complete, which means that everything of
    /// it (every node's row, every webhook's where several are shown as one) was merged before:
    /// what is merged later no longer adds to these seconds, only the higher peak wins.
    #[must_use]
    pub fn sealed(mut self) -> Rollup {
        self.sealed_peak = self.peak_per_second();
        self.seconds = Vec::new();
        self
    }

    /// The most attempts that started within one second.
    pub fn peak_per_second(&self) -> u64 {
        let listed = self.seconds.iter().map(|&(_, count)| count).max().unwrap_or(0);
        self.sealed_peak.max(listed)
    }

    /// Answers by first digit of their status: `[1xx, 2xx, 3xx, 4xx, 5xx]`. Others are in none.
    pub fn by_status_class(&self) -> [u64; STATUS_CLASSES] {
        self.by_status_class
    }

    /// Every error class with the number of attempts that ended in it.
    pub fn by_error(&self) -> impl Iterator<Item = (ErrorClass, u64)> {
        ErrorClass::ALL.into_iter().zip(self.by_error)
    }

    /// How long the attempts took, sum and maximum included.
    pub fn durations(&self) -> &Histogram {
        &self.durations
    }

    /// Compact bytes, some 30 and two or three per bucket and second in use.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        bytes.push(ROLLUP_VERSION);
        for counter in [self.events, self.attempts, self.delivered, self.failed, self.retries] {
            write_varint(&mut bytes, counter);
        }
        for counter in self.by_status_class.into_iter().chain(self.by_error) {
            write_varint(&mut bytes, counter);
        }
        write_varint(&mut bytes, self.sealed_peak);
        write_counts(&mut bytes, self.seconds.iter().copied());
        self.durations.write(&mut bytes);
        bytes
    }

    /// Reads what [`Rollup::encode`] wrote; `None` for anything else, a later version included.
    pub fn decode(bytes: &[u8]) -> Option<Rollup> {
        let (&ROLLUP_VERSION, rest) = bytes.split_first()? else { return None };
        let mut reader = Reader(rest);
        let mut rollup = Rollup {
            events: reader.varint()?,
            attempts: reader.varint()?,
            delivered: reader.varint()?,
            failed: reader.varint()?,
            retries: reader.varint()?,
            ..Rollup::default()
        };
        for slot in rollup.by_status_class.iter_mut().chain(&mut rollup.by_error) {
            *slot = reader.varint()?;
        }
        rollup.sealed_peak = reader.varint()?;
        read_counts(&mut reader, |second, count| {
            rollup.seconds.push((second, count));
            Some(())
        })?;
        rollup.durations = Histogram::read(&mut reader)?;
        reader.finish()?;
        Some(rollup)
    }
}

impl<'a> Sum<&'a Rollup> for Rollup {
    fn sum<I: Iterator<Item = &'a Rollup>>(rollups: I) -> Rollup {
        let mut total = Rollup::default();
        for rollup in rollups {
            total.merge(rollup);
        }
        total
    }
}

fn status_class_position(status: u16) -> Option<usize> {
    let position = usize::from(status / 100).checked_sub(1)?;
    (position < STATUS_CLASSES).then_some(position)
}

/// Adds to the count of `key` in a list that is sorted by key and holds no zeros.
fn add_at<K: Copy + Ord>(counts: &mut Vec<(K, u64)>, key: K, more: u64) {
    // Seconds arrive in order, so the end is the place to look first.
    let found = match counts.last() {
        Some(&(last, _)) if last == key => Ok(counts.len() - 1),
        Some(&(last, _)) if last > key => counts.binary_search_by_key(&key, |&(key, _)| key),
        _ => Err(counts.len()),
    };
    match found {
        Ok(position) => counts[position].1 = counts[position].1.saturating_add(more),
        Err(position) => counts.insert(position, (key, more)),
    }
}

/// Merges a sorted list of counts into another, in one pass over both.
fn merge_sorted<K: Copy + Ord>(into: &mut Vec<(K, u64)>, from: &[(K, u64)]) {
    // Minutes are mostly merged in order, and then nothing needs to be interleaved.
    let behind = match (into.last(), from.first()) {
        (Some(&(last, _)), Some(&(first, _))) => last < first,
        _ => true,
    };
    if behind {
        into.extend_from_slice(from);
        return;
    }
    let mut merged = Vec::with_capacity(into.len() + from.len());
    let mut mine = into.iter().copied().peekable();
    for &(key, count) in from {
        while let Some(before) = mine.next_if(|&(mine, _)| mine < key) {
            merged.push(before);
        }
        let same = mine.next_if(|&(mine, _)| mine == key).map_or(0, |(_, count)| count);
        merged.push((key, count.saturating_add(same)));
    }
    merged.extend(mine);
    *into = merged;
}

/// Writes how many there are, then each one's distance from the one before, and its count.
fn write_counts(bytes: &mut Vec<u8>, counts: impl ExactSizeIterator<Item = (u64, u64)>) {
    write_varint(bytes, counts.len() as u64);
    let mut next = 0;
    for (key, count) in counts {
        write_varint(bytes, key - next);
        write_varint(bytes, count);
        next = key + 1;
    }
}

/// Reads what [`write_counts`] wrote, and gives each key and count to `keep`, which may
/// refuse. A claimed length reserves nothing: every entry has to be there to be read.
fn read_counts(
    reader: &mut Reader<'_>,
    mut keep: impl FnMut(u64, u64) -> Option<()>,
) -> Option<()> {
    let entries = reader.varint()?;
    let mut next = 0_u64;
    for _ in 0..entries {
        let key = next.checked_add(reader.varint()?)?;
        let count = reader.varint().filter(|&count| count > 0)?;
        keep(key, count)?;
        next = key.checked_add(1)?;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram(values_ms: &[u32]) -> Histogram {
        let mut histogram = Histogram::default();
        for &value_ms in values_ms {
            histogram.add(value_ms);
        }
        histogram
    }

    fn check_quantile(values_ms: &[u32], q: f64, expected: Option<u32>) {
        assert_eq!(histogram(values_ms).quantile(q), expected, "{values_ms:?} at {q}");
    }

    #[test]
    fn quantiles_of_a_few_values() {
        check_quantile(&[], 0.5, None);
        check_quantile(&[7], 0.0, Some(7));
        check_quantile(&[7], 0.5, Some(7));
        check_quantile(&[7], 1.0, Some(7));
        check_quantile(&[3, 1, 2], 0.5, Some(2));
        check_quantile(&[1, 2, 3, 4], 0.5, Some(2));
        check_quantile(&[1, 2, 3, 4], 0.75, Some(3));
        check_quantile(&[1, 2, 3, 4], 0.76, Some(4));
        check_quantile(&[1, 2, 123_457], 1.0, Some(123_457));
        check_quantile(&[u32::MAX, u32::MAX], 0.1, Some(4_227_858_431));
        check_quantile(&[1, 2], f64::NAN, Some(1));
        check_quantile(&[1, 2], -3.0, Some(1));
        check_quantile(&[1, 2], f64::INFINITY, Some(2));
    }

    #[test]
    fn count_sum_mean_and_maximum_are_exact() {
        let histogram = histogram(&[10, 1_001, 7_777]);
        assert_eq!(histogram.count(), 3);
        assert_eq!(histogram.sum_ms(), 8_788);
        assert_eq!(histogram.mean_ms(), Some(2_929));
        assert_eq!(histogram.max_ms(), Some(7_777));
        assert_eq!(Histogram::default().max_ms(), None);
        assert_eq!(Histogram::default().mean_ms(), None);
    }

    #[test]
    fn a_minute_of_sixty_response_times_is_small() {
        let values: Vec<u32> = (0..60).map(|n| 40 + n * n / 8).collect();
        let bytes = histogram(&values).encode();
        assert!(bytes.len() <= 128, "{}", bytes.len());
    }

    fn attempt(at_ms: i64, number: u32, status: u16) -> CountedAttempt {
        let started_at = Timestamp::from_millis(1_736_951_400_000 + at_ms);
        CountedAttempt { number, started_at, duration_ms: 80, status: Some(status), error: None }
    }

    #[test]
    fn an_attempt_is_counted_under_everything_it_was() {
        let mut rollup = Rollup::default();
        rollup.add_attempt(&attempt(0, 1, 200));
        rollup.add_attempt(&attempt(1, 2, 503));
        rollup.add_attempt(&CountedAttempt {
            status: None,
            error: Some(ErrorClass::Tls),
            ..attempt(2, 3, 0)
        });
        rollup.add_attempt(&CountedAttempt {
            error: Some(ErrorClass::RateLimited),
            ..attempt(3, 1, 429)
        });
        rollup.add_attempt(&attempt(4, 1, 799));
        assert_eq!((rollup.attempts, rollup.retries), (5, 2));
        assert_eq!(rollup.by_status_class(), [0, 1, 0, 1, 1]);
        let errors: Vec<_> = rollup.by_error().filter(|&(_, count)| count > 0).collect();
        assert_eq!(errors, [(ErrorClass::Tls, 1), (ErrorClass::RateLimited, 1)]);
        assert_eq!(rollup.durations().count(), 5);
    }

    #[test]
    fn batches_of_one_second_add_up_to_its_peak() {
        let (mut first, mut second) = (Rollup::default(), Rollup::default());
        for ms in [100, 200, 1_100] {
            first.add_attempt(&attempt(ms, 1, 200));
        }
        for ms in [300, 2_000, 2_100] {
            second.add_attempt(&attempt(ms, 1, 200));
        }
        assert_eq!((first.peak_per_second(), second.peak_per_second()), (2, 2));
        first.merge(&second);
        assert_eq!(first.peak_per_second(), 3);
    }

    #[test]
    fn sealed_minutes_merge_by_the_higher_peak() {
        let (mut first, mut second) = (Rollup::default(), Rollup::default());
        for ms in [0, 1, 2] {
            first.add_attempt(&attempt(ms, 1, 200));
        }
        for ms in [60_000, 60_001] {
            second.add_attempt(&attempt(ms, 1, 200));
        }
        let mut hour = first.clone().sealed();
        hour.merge(&second.sealed());
        assert_eq!((hour.peak_per_second(), hour.attempts), (3, 5));
        assert!(hour.encode().len() < first.encode().len() + 8);
    }

    #[test]
    fn error_classes_have_stable_names_and_places() {
        for (place, class) in ErrorClass::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, place);
            assert_eq!(ErrorClass::parse(class.as_str()), Some(class));
        }
        assert_eq!(ErrorClass::parse("rate_limited"), Some(ErrorClass::RateLimited));
        assert_eq!(ErrorClass::parse("Dns"), None);
    }

    #[test]
    fn bytes_of_another_version_or_with_a_tail_are_not_read() {
        let bytes = Rollup::default().encode();
        assert_eq!(Rollup::decode(&bytes), Some(Rollup::default()));
        assert_eq!(Rollup::decode(&[]), None);
        assert_eq!(Rollup::decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Rollup::decode(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(Rollup::decode(&[&[2], &bytes[1..]].concat()), None);
        // A claim of 2^63 buckets ends with the bytes, not with the memory.
        let claim = [[0x80_u8; 9].as_slice(), &[1]].concat();
        assert_eq!(Histogram::decode(&claim), None);
    }

    fn values() -> impl Strategy<Value = Vec<u32>> {
        let value = prop_oneof![0_u32..40, 0_u32..30_000, 0_u32..=1 << 27, any::<u32>()];
        prop::collection::vec(value, 0..60)
    }

    fn rollups() -> impl Strategy<Value = Rollup> {
        let attempt = (
            0_i64..120_000,
            1_u32..6,
            any::<u32>(),
            prop::option::of(100_u16..700),
            prop::option::of(prop::sample::select(ErrorClass::ALL.to_vec())),
        );
        let attempts = prop::collection::vec(attempt, 0..40);
        (attempts, any::<[u32; 3]>(), any::<bool>()).prop_map(|(attempts, ends, seal)| {
            let [events, delivered, failed] = ends.map(u64::from);
            let mut rollup = Rollup { events, delivered, failed, ..Rollup::default() };
            for (at_ms, number, duration_ms, status, error) in attempts {
                let started_at = Timestamp::from_millis(1_736_951_400_000 + at_ms);
                let counted = CountedAttempt { number, started_at, duration_ms, status, error };
                rollup.add_attempt(&counted);
            }
            if seal { rollup.sealed() } else { rollup }
        })
    }

    proptest! {
        #[test]
        fn a_value_and_its_bucket_are_at_most_a_32nd_apart(value_ms in any::<u32>()) {
            let stands_for = middle_of(bucket_of(value_ms));
            prop_assert!(u64::from(stands_for.abs_diff(value_ms)) * 32 <= u64::from(value_ms));
            prop_assert_eq!(bucket_of(stands_for), bucket_of(value_ms));
            prop_assert!(bucket_of(value_ms) <= bucket_of(value_ms.saturating_add(1)));
        }

        #[test]
        fn quantiles_are_as_near_to_the_true_ones(values_ms in values(), q in 0.0_f64..=1.0) {
            let mut sorted = values_ms.clone();
            sorted.sort_unstable();
            let rank = ((q * sorted.len() as f64).ceil() as usize).max(1);
            let truth = sorted.get(rank - 1).copied();
            let got = histogram(&values_ms).quantile(q);
            prop_assert_eq!(got.is_some(), truth.is_some());
            if let (Some(got), Some(truth)) = (got, truth) {
                prop_assert!(u64::from(got.abs_diff(truth)) * 32 <= u64::from(truth));
            }
        }

        #[test]
        fn merging_is_like_having_added_everything_to_one(a in values(), b in values()) {
            let mut merged = histogram(&a);
            merged.merge(&histogram(&b));
            prop_assert_eq!(merged, histogram(&[a, b].concat()));
        }

        #[test]
        fn histograms_are_read_back_as_written(values_ms in values()) {
            let histogram = histogram(&values_ms);
            prop_assert_eq!(Histogram::decode(&histogram.encode()), Some(histogram));
        }

        #[test]
        fn rollups_merge_in_any_order_and_grouping(
            a in rollups(), b in rollups(), c in rollups(),
        ) {
            let sum = |parts: &[&Rollup]| -> Rollup { parts.iter().copied().sum() };
            prop_assert_eq!(sum(&[&a, &b]), sum(&[&b, &a]));
            prop_assert_eq!(sum(&[&sum(&[&a, &b]), &c]), sum(&[&a, &sum(&[&b, &c])]));
            prop_assert_eq!(sum(&[&Rollup::default(), &a]), a.clone());
            prop_assert_eq!(sum(&[&a, &Rollup::default()]), a);
        }

        #[test]
        fn rollups_are_read_back_as_written(rollup in rollups()) {
            prop_assert_eq!(Rollup::decode(&rollup.encode()), Some(rollup));
        }

        #[test]
        fn junk_is_refused_or_read_as_what_would_write_it(
            mut bytes in prop::collection::vec(prop_oneof![0_u8..8, any::<u8>()], 0..80),
        ) {
            if let Some(histogram) = Histogram::decode(&bytes) {
                prop_assert_eq!(histogram.encode(), bytes.clone());
            }
            if let Some(first) = bytes.first_mut() {
                *first = ROLLUP_VERSION;
            }
            if let Some(rollup) = Rollup::decode(&bytes) {
                prop_assert_eq!(rollup.encode(), bytes);
            }
        }

        #[test]
        fn damaged_bytes_never_panic(
            rollup in rollups(), place in any::<prop::sample::Index>(), damage in 1_u8..,
        ) {
            let mut bytes = rollup.encode();
            let place = place.index(bytes.len());
            bytes[place] ^= damage;
            if let Some(mut read) = Rollup::decode(&bytes) {
                read.merge(&rollup);
                let _ = (read.durations().quantile(0.5), read.durations().mean_ms());
                prop_assert_eq!(Rollup::decode(&read.encode()), Some(read));
            }
        }
    }
}
