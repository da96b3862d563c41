//! How often a sign-in may be tried: for one e-mail address, so that a password cannot be found by
//! trying, and from one remote address, so that one machine cannot try a little of everybody's. And
//! how many that failed are written down, whoever tried, so that many machines cannot fill the disk.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};

use crate::limits::{
    SIGN_IN_PERIOD_S, SIGN_IN_REFUSALS_WRITTEN, SIGN_INS_COUNTED_MAX, SIGN_INS_PER_ADDRESS,
    SIGN_INS_PER_EMAIL,
};
use crate::rate_limit::{Pacer, RateLimit};
use crate::time::Timestamp;
use crate::user::Email;

/// Counts what was tried lately. In memory: whoever can restart the server needs no sign-in.
#[derive(Debug)]
pub struct Throttle {
    by_email: Counts<Email>,
    by_address: Counts<IpAddr>,
    written: Pacer,
    /// Since the last refusal that was written down.
    left_out: u64,
}

/// Whether a refusal is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is, and with it how many before it were not.
    Written {
        left_out: u64,
    },
    LeftOut,
}

/// Too much was tried; the time when it may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    pub until: Timestamp,
}

impl Default for Throttle {
    fn default() -> Throttle {
        Throttle {
            by_email: Counts::new(SIGN_INS_PER_EMAIL),
            by_address: Counts::new(SIGN_INS_PER_ADDRESS),
            written: Pacer::new(per_period(SIGN_IN_REFUSALS_WRITTEN)),
            left_out: 0,
        }
    }
}

impl Throttle {
    /// Counts a try, before it is known whether it succeeds: many at once would all be let through
    /// otherwise. What is refused because of the remote address does not count for the e-mail
    /// address, whose owner would be locked out by it.
    pub fn try_sign_in(
        &mut self,
        now: Timestamp,
        email: Option<&Email>,
        from: IpAddr,
    ) -> Result<(), TooMany> {
        self.by_address.count(now, network_of(from))?;
        email.map_or(Ok(()), |email| self.by_email.count(now, email.clone()))
    }

    /// Forgets what was tried for an e-mail address, because its owner has signed in. The remote
    /// address keeps its count: one known password must not pay for trying others.
    pub fn succeeded(&mut self, email: &Email) {
        self.by_email.counted.remove(email);
    }

    /// Counts a sign-in that failed. Those that are left out stand as a number in the next one that
    /// is written.
    pub fn refused(&mut self, now: Timestamp) -> Refusal {
        if self.written.try_take(now).is_ok() {
            return Refusal::Written { left_out: std::mem::take(&mut self.left_out) };
        }
        self.left_out += 1;
        Refusal::LeftOut
    }
}

fn per_period(count: u64) -> RateLimit {
    RateLimit::new(count, SIGN_IN_PERIOD_S).expect("within bounds")
}

/// One line has 2^64 addresses of IPv6; they count as one.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[derive(Debug)]
struct Counts<K> {
    limit: RateLimit,
    counted: HashMap<K, Counted>,
}

#[derive(Debug)]
struct Counted {
    pacer: Pacer,
    last: Timestamp,
}

impl<K: Eq + Hash + Clone> Counts<K> {
    fn new(count: u64) -> Counts<K> {
        Counts { limit: per_period(count), counted: HashMap::new() }
    }

    fn count(&mut self, now: Timestamp, key: K) -> Result<(), TooMany> {
        if self.counted.len() >= SIGN_INS_COUNTED_MAX && !self.counted.contains_key(&key) {
            self.make_room();
        }
        let limit = self.limit;
        let new = || Counted { pacer: Pacer::new(limit), last: now };
        let counted = self.counted.entry(key).or_insert_with(new);
        counted.last = now;
        counted.pacer.try_take(now).map_err(|until| TooMany { until })
    }

    /// Forgets whom nothing was tried for longest.
    fn make_room(&mut self) {
        let oldest = self.counted.iter().min_by_key(|(_, counted)| counted.last);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.counted.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_736_951_425_000 + seconds * 1_000)
    }

    fn email(name: &str) -> Email {
        Email::parse(&format!("{name}@example.com")).expect("an address")
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// How many of `tries` at that second are let through.
    fn passed(throttle: &mut Throttle, second: i64, tries: usize, name: &str, from: &str) -> usize {
        let email = email(name);
        let from = address(from);
        (0..tries).filter(|_| throttle.try_sign_in(at(second), Some(&email), from).is_ok()).count()
    }

    #[test]
    fn one_address_of_e_mail_is_tried_ten_times_in_a_quarter_of_an_hour() {
        let mut throttle = Throttle::default();
        assert_eq!(passed(&mut throttle, 0, 20, "ann", "192.0.2.1"), 10);
        // From wherever.
        assert_eq!(passed(&mut throttle, 1, 5, "ann", "192.0.2.2"), 0);
        assert_eq!(passed(&mut throttle, 1, 5, "bob", "192.0.2.2"), 5);
        let refused = throttle.try_sign_in(at(2), Some(&email("ann")), address("192.0.2.3"));
        let until = Timestamp::from_millis(at(900).as_millis() + 1);
        assert_eq!(refused, Err(TooMany { until }));
        assert_eq!(passed(&mut throttle, 901, 20, "ann", "192.0.2.4"), 10);
    }

    #[test]
    fn one_remote_address_tries_sixty_times_whoever_it_says_it_is() {
        let mut throttle = Throttle::default();
        let mut all = 0;
        for number in 0..100 {
            all += passed(&mut throttle, 0, 1, &format!("user{number}"), "2001:db8::1");
        }
        assert_eq!(all, 60);
        assert_eq!(passed(&mut throttle, 0, 1, "ann", "2001:db8::ffff:0:1"), 0, "the same line");
        assert_eq!(passed(&mut throttle, 0, 1, "ann", "2001:db8:0:1::1"), 1);
        // Also without an e-mail address: a link.
        assert!(throttle.try_sign_in(at(0), None, address("2001:db8::2")).is_err());
    }

    #[test]
    fn the_ways_to_write_an_ipv4_address_count_as_one() {
        let mut throttle = Throttle::default();
        for number in 0..60 {
            assert_eq!(passed(&mut throttle, 0, 1, &format!("u{number}"), "192.0.2.1"), 1);
        }
        assert_eq!(passed(&mut throttle, 0, 1, "ann", "::ffff:192.0.2.1"), 0);
    }

    #[test]
    fn who_is_stopped_by_the_remote_address_locks_nobody_out() {
        let mut throttle = Throttle::default();
        for number in 0..60 {
            passed(&mut throttle, 0, 1, &format!("u{number}"), "192.0.2.1");
        }
        assert_eq!(passed(&mut throttle, 0, 100, "ann", "192.0.2.1"), 0);
        assert_eq!(passed(&mut throttle, 0, 20, "ann", "192.0.2.2"), 10);
    }

    #[test]
    fn a_success_forgets_the_tries_of_its_e_mail_address_only() {
        let mut throttle = Throttle::default();
        for _ in 0..5 {
            assert_eq!(passed(&mut throttle, 0, 10, "ann", "192.0.2.1"), 10);
            throttle.succeeded(&email("ann"));
        }
        assert_eq!(passed(&mut throttle, 0, 20, "ann", "192.0.2.1"), 10);
        assert_eq!(passed(&mut throttle, 0, 1, "bob", "192.0.2.1"), 0);
    }

    /// The refusals of `tries` at that second: how many are written, and the last one's number of
    /// those left out before.
    fn written(throttle: &mut Throttle, second: i64, tries: usize) -> (usize, Option<u64>) {
        let refusals = (0..tries).map(|_| throttle.refused(at(second)));
        let written: Vec<u64> = refusals
            .filter_map(|refusal| match refusal {
                Refusal::Written { left_out } => Some(left_out),
                Refusal::LeftOut => None,
            })
            .collect();
        (written.len(), written.last().copied())
    }

    #[test]
    fn two_hundred_refusals_are_written_in_a_quarter_of_an_hour_and_the_rest_counted() {
        let mut throttle = Throttle::default();
        assert_eq!(written(&mut throttle, 0, 1), (1, Some(0)));
        assert_eq!(written(&mut throttle, 1, 1_199), (199, Some(0)));
        assert_eq!(written(&mut throttle, 800, 10), (0, None));
        assert_eq!(written(&mut throttle, 1_000, 1), (1, Some(1_010)));
        assert_eq!(written(&mut throttle, 1_000, 1), (1, Some(0)), "told once");
    }

    #[test]
    fn memory_has_a_bound() {
        let mut counts: Counts<usize> = Counts::new(1);
        for number in 0..SIGN_INS_COUNTED_MAX + 10 {
            assert!(counts.count(at(number as i64 / 100), number).is_ok());
        }
        assert_eq!(counts.counted.len(), SIGN_INS_COUNTED_MAX);
        let newest = SIGN_INS_COUNTED_MAX + 9;
        assert!(counts.count(at(200), newest).is_err(), "the newest are remembered");
    }
}
