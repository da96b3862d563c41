//! How fast a webhook may be sent to: the limit its owner set, and the pacer that keeps to it.
//! What a receiver says about its own limit, with 429 and headers, is read in `retry`.

use std::collections::VecDeque;
use std::time::Duration;

use crate::error::{Complaints, Invalid};
use crate::limits::{RATE_LIMIT_COUNT_MAX, RATE_LIMIT_PERIOD_S_MAX};
use crate::time::Timestamp;

/// At most `count` requests per `per_s` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RateLimit {
    count: u32,
    per_s: u32,
}

impl RateLimit {
    /// Complaints point to `/count` and `/per_s`.
    pub fn new(count: u64, per_s: u64) -> Result<RateLimit, Invalid> {
        let mut complaints = Complaints::default();
        let mut bounded = |pointer: &str, number: u64, max: u32| {
            let fits = u32::try_from(number).ok().filter(|fits| (1..=max).contains(fits));
            if fits.is_none() {
                complaints.add(pointer, format!("{number} is not between 1 and {max}"));
            }
            fits
        };
        let count = bounded("/count", count, RATE_LIMIT_COUNT_MAX);
        let per_s = bounded("/per_s", per_s, RATE_LIMIT_PERIOD_S_MAX);
        complaints.finish()?;
        let whole = "a missing number left a complaint";
        Ok(RateLimit { count: count.expect(whole), per_s: per_s.expect(whole) })
    }

    pub fn count(self) -> u32 {
        self.count
    }

    pub fn per_s(self) -> u32 {
        self.per_s
    }

    fn period(self) -> Duration {
        Duration::from_secs(u64::from(self.per_s))
    }
}

/// How many runs a pacer divides a period into, at most. With 64, a limit that is always used in
/// full is kept to within 1/64 below what it allows.
const RUNS_PER_PERIOD: u32 = 64;

/// Lets through at most `count` requests in *any* window of `per_s` seconds, wherever it begins:
/// receivers count in windows of their own, and we cannot know when those start. All of `count`
/// may go at once, because a burst within the limit is what a customer wants soon, not spread.
///
/// It is a sliding log with neighbours merged into runs: a run counts as a whole until its last
/// request is out of the window, so merging errs towards too slow. Limits up to 64 are exact.
/// A token bucket (or GCRA) was turned down: filled with `count` and refilled at `count` per
/// period it lets nearly twice `count` through in one period, and made safe it halves the rate.
/// The log holds at most about 66 runs, 1.5 KiB, whatever the count.
#[derive(Debug, Clone)]
pub struct Pacer {
    limit: RateLimit,
    /// Oldest first; only those that a window ending at the newest may still hold.
    runs: VecDeque<Run>,
    /// The requests in all of `runs`.
    taken: u32,
}

/// Requests that went within one 64th of the period.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: Timestamp,
    last: Timestamp,
    count: u32,
}

impl Pacer {
    pub fn new(limit: RateLimit) -> Pacer {
        Pacer { limit, runs: VecDeque::new(), taken: 0 }
    }

    /// Counts one request that goes `now`, or says when the next one may go.
    pub fn try_take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let now = self.settle_clock(now);
        self.forget_before(now);
        if self.taken >= self.limit.count {
            return Err(self.next_free());
        }
        let run_length = self.run_length();
        match self.runs.back_mut() {
            Some(run) if now.since(run.first) < run_length => {
                run.last = now;
                run.count += 1;
            }
            _ => self.runs.push_back(Run { first: now, last: now, count: 1 }),
        }
        self.taken += 1;
        Ok(())
    }

    /// Changes the limit and keeps what went already, so that editing a webhook is no way around
    /// its limit.
    pub fn set_limit(&mut self, limit: RateLimit) {
        self.limit = limit;
    }

    pub fn limit(&self) -> RateLimit {
        self.limit
    }

    /// A `now` a little behind the newest request is a reading taken earlier, and counts as the
    /// newest. One that is a whole period behind means that the clock was set back: then the log
    /// moves with it, else a webhook would stand still for as long as the clock moved.
    fn settle_clock(&mut self, now: Timestamp) -> Timestamp {
        let Some(newest) = self.runs.back().map(|run| run.last) else { return now };
        let behind = newest.since(now);
        if behind <= self.limit.period() {
            return now.max(newest);
        }
        for run in &mut self.runs {
            run.first = run.first.saturating_sub(behind);
            run.last = run.last.saturating_sub(behind);
        }
        now
    }

    fn forget_before(&mut self, now: Timestamp) {
        while let Some(&run) = self.runs.front()
            && self.leaves_window(run) <= now
        {
            self.taken -= run.count;
            self.runs.pop_front();
        }
    }

    /// When enough runs have left the window for one more request to fit in.
    fn next_free(&self) -> Timestamp {
        let mut left = self.taken;
        for &run in &self.runs {
            left -= run.count;
            if left < self.limit.count {
                return self.leaves_window(run);
            }
        }
        unreachable!("without any run nothing is taken, and every limit allows at least one")
    }

    /// The first moment whose window no longer holds any of `run`. One millisecond more than the
    /// period, because two times cut to milliseconds may be that much closer than they look.
    fn leaves_window(&self, run: Run) -> Timestamp {
        run.last.saturating_add(self.limit.period() + Duration::from_millis(1))
    }

    fn run_length(&self) -> Duration {
        if self.limit.count <= RUNS_PER_PERIOD {
            Duration::from_millis(1)
        } else {
            self.limit.period() / RUNS_PER_PERIOD
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(count: u64, per_s: u64) -> RateLimit {
        RateLimit::new(count, per_s).expect("within bounds")
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_736_951_425_000 + millis)
    }

    /// Takes as often as the pacer lets it, from the first millisecond to the last.
    fn take_greedily(pacer: &mut Pacer, for_ms: i64) -> Vec<i64> {
        let mut times = Vec::new();
        let mut now = at(0);
        while now < at(for_ms) {
            match pacer.try_take(now) {
                Ok(()) => times.push(now.as_millis() - at(0).as_millis()),
                Err(next) => {
                    assert!(next > now, "the wait ends");
                    now = next;
                }
            }
        }
        times
    }

    #[test]
    fn limits_are_checked_number_by_number() {
        let pointers = |count, per_s| -> Vec<String> {
            match RateLimit::new(count, per_s) {
                Ok(_) => Vec::new(),
                Err(invalid) => invalid.errors.into_iter().map(|error| error.pointer).collect(),
            }
        };
        assert!(pointers(1, 1).is_empty());
        assert!(pointers(1_000_000, 86_400).is_empty());
        assert_eq!(pointers(0, 1), ["/count"]);
        assert_eq!(pointers(1_000_001, 86_401), ["/count", "/per_s"]);
        assert_eq!(pointers(u64::MAX, 0), ["/count", "/per_s"]);
    }

    #[test]
    fn a_burst_goes_at_once_and_then_waits_for_the_window() {
        let mut pacer = Pacer::new(limit(3, 10));
        for _ in 0..3 {
            assert_eq!(pacer.try_take(at(0)), Ok(()));
        }
        assert_eq!(pacer.try_take(at(0)), Err(at(10_001)));
        assert_eq!(pacer.try_take(at(10_000)), Err(at(10_001)));
        assert_eq!(pacer.try_take(at(10_001)), Ok(()));
    }

    #[test]
    fn small_limits_are_exact() {
        let mut pacer = Pacer::new(limit(2, 1));
        assert_eq!(take_greedily(&mut pacer, 3_000), [0, 0, 1_001, 1_001, 2_002, 2_002]);
        let mut pacer = Pacer::new(limit(2, 1));
        assert_eq!(pacer.try_take(at(0)), Ok(()));
        assert_eq!(pacer.try_take(at(600)), Ok(()));
        assert_eq!(pacer.try_take(at(700)), Err(at(1_001)));
        assert_eq!(pacer.try_take(at(1_001)), Ok(()));
        assert_eq!(pacer.try_take(at(1_002)), Err(at(1_601)));
    }

    #[test]
    fn a_full_load_gets_all_but_a_64th_of_the_limit() {
        // One request a millisecond for a minute, against a limit of 500 per second.
        let mut pacer = Pacer::new(limit(500, 1));
        let taken = (0..60_000).filter(|&ms| pacer.try_take(at(ms)).is_ok()).count();
        assert!((29_400..=30_000).contains(&taken), "{taken}");
    }

    #[test]
    fn the_log_stays_small_whatever_the_limit() {
        let mut pacer = Pacer::new(limit(1_000_000, 10));
        let mut most = 0;
        for ms in 0..30_000 {
            assert_eq!(pacer.try_take(at(ms)), Ok(()));
            most = most.max(pacer.runs.len());
        }
        assert!(most <= RUNS_PER_PERIOD as usize + 2, "{most}");
    }

    #[test]
    fn a_stale_reading_of_the_clock_counts_as_the_newest() {
        let mut pacer = Pacer::new(limit(2, 10));
        assert_eq!(pacer.try_take(at(50)), Ok(()));
        assert_eq!(pacer.try_take(at(20)), Ok(()));
        assert_eq!(pacer.try_take(at(60)), Err(at(10_051)));
    }

    #[test]
    fn a_clock_set_back_by_a_day_does_not_stop_a_webhook_for_a_day() {
        let mut pacer = Pacer::new(limit(1, 10));
        assert_eq!(pacer.try_take(at(86_400_000)), Ok(()));
        assert_eq!(pacer.try_take(at(0)), Err(at(10_001)));
        assert_eq!(pacer.try_take(at(10_001)), Ok(()));
    }

    #[test]
    fn a_new_limit_remembers_what_went_before() {
        let mut pacer = Pacer::new(limit(100, 10));
        for ms in 0..10 {
            assert_eq!(pacer.try_take(at(ms * 500)), Ok(()));
        }
        pacer.set_limit(limit(2, 10));
        assert_eq!(pacer.try_take(at(4_600)), Err(at(14_001)));
        assert_eq!(pacer.try_take(at(14_001)), Ok(()));
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_limit(
            count in prop_oneof![1_u64..10, 60_u64..200],
            per_s in 1_u64..5,
            steps_ms in prop::collection::vec(
                prop_oneof![4 => Just(0_i64), 4 => 0_i64..20, 1 => 0_i64..3_000],
                1..1_500,
            ),
        ) {
            let mut pacer = Pacer::new(limit(count, per_s));
            let (mut now, mut sent) = (0_i64, Vec::new());
            let mut promised = None;
            for step_ms in steps_ms {
                now += step_ms;
                match pacer.try_take(at(now)) {
                    Ok(()) => {
                        sent.push(now);
                        promised = None;
                    }
                    Err(next) => {
                        prop_assert!(next > at(now));
                        prop_assert!(promised.is_none_or(|earlier| earlier == next), "kept word");
                        promised = Some(next);
                    }
                }
            }
            // The first of any `count + 1` neighbours must have left the window of the last.
            let period_ms = i64::try_from(per_s * 1_000).expect("a few seconds");
            for window in sent.windows(usize::try_from(count).expect("small") + 1) {
                prop_assert!(window[window.len() - 1] - window[0] > period_ms, "{:?}", window);
            }
        }

        #[test]
        fn the_time_it_names_is_when_the_next_may_go(
            count in 1_u64..150,
            steps_ms in prop::collection::vec(0_i64..15, 1..400),
        ) {
            let mut pacer = Pacer::new(limit(count, 1));
            let mut now = at(0);
            for step_ms in steps_ms {
                now = now.saturating_add(Duration::from_millis(step_ms.unsigned_abs()));
                if let Err(next) = pacer.try_take(now) {
                    prop_assert!(pacer.clone().try_take(next).is_ok());
                    let just_before = next.saturating_sub(Duration::from_millis(1));
                    prop_assert!(pacer.clone().try_take(just_before).is_err());
                }
            }
        }
    }
}
