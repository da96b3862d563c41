//! Whether a commit waits for company. Under load a commit that more share costs less for each:
//! its sync, its wake-ups and its system calls are a tenth of all that the server does.
//!
//! A commit waits only if the one before it was shared by several (who is alone never waits), only
//! until a good group is together, and only as long as that works out: where too few come in the
//! time, as from a handful of callers who all wait for their answers, it is tried more and more
//! rarely.

use std::time::Duration;

/// With so many there is no more waiting: each further one would make it little cheaper.
pub const GROUP_EVENTS: usize = 24;
/// With so many a wait has paid, even if its time ran out.
const WORTH_EVENTS: usize = 12;
/// A group of fewer says that there is no load to speak of.
const LOAD_EVENTS: usize = 4;
/// The longest wait: in it so many come at the rates where it pays.
const WAIT: Duration = Duration::from_micros(400);
/// After a wait in vain so many groups are committed at once; after the next, twice as many.
const PAUSE_MIN: u32 = 1;
const PAUSE_MAX: u32 = 1_024;

/// What earlier waits came to.
#[derive(Debug, Default)]
pub struct Company {
    /// Groups still to be committed without a wait.
    pause: u32,
    /// How long the last pause was; 0 after a wait that was worth it.
    last_pause: u32,
}

impl Company {
    /// How long to wait for more, after a group of `group` events and with `queued` there already.
    pub fn wait(&mut self, group: usize, queued: usize) -> Option<Duration> {
        if group < LOAD_EVENTS || queued >= GROUP_EVENTS {
            return None;
        }
        if self.pause > 0 {
            self.pause -= 1;
            return None;
        }
        Some(WAIT)
    }

    /// How many events were there when the wait was over.
    pub fn waited(&mut self, queued: usize) {
        self.last_pause = if queued >= WORTH_EVENTS {
            0
        } else {
            (self.last_pause * 2).clamp(PAUSE_MIN, PAUSE_MAX)
        };
        self.pause = self.last_pause;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_alone_or_nearly_never_waits() {
        let mut company = Company::default();
        for group in 0..LOAD_EVENTS {
            assert_eq!(company.wait(group, 0), None, "{group}");
        }
        assert_eq!(company.wait(LOAD_EVENTS, 0), Some(WAIT));
    }

    #[test]
    fn a_group_that_is_together_does_not_wait() {
        let mut company = Company::default();
        assert_eq!(company.wait(100, GROUP_EVENTS), None);
        assert_eq!(company.wait(100, GROUP_EVENTS - 1), Some(WAIT));
    }

    #[test]
    fn waits_that_pay_go_on() {
        let mut company = Company::default();
        for _ in 0..100 {
            assert_eq!(company.wait(GROUP_EVENTS, 0), Some(WAIT));
            company.waited(WORTH_EVENTS);
        }
    }

    #[test]
    fn waits_in_vain_get_rare_and_come_back_with_the_load() {
        let mut company = Company::default();
        let (groups, mut waits) = (100_000, 0);
        for _ in 0..groups {
            if company.wait(8, 0).is_some() {
                waits += 1;
                company.waited(WORTH_EVENTS - 1);
            }
        }
        assert!((90..120).contains(&waits), "{waits} of {groups}");
        // A longest pause later, at most, it is tried again; and then every time.
        while company.wait(8, 0).is_none() {}
        company.waited(WORTH_EVENTS);
        assert_eq!(company.wait(8, 0), Some(WAIT));
    }
}
