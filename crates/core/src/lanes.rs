//! Which deliveries may start now. Each webhook has a lane of its own with a bound on what is in
//! flight in it; accounts take turns, and in each turn the next of the account's lanes. So a
//! receiver that never answers fills its own lane and nobody else's, and an account whose one
//! event goes to ten thousand webhooks is waited for by itself only.
//!
//! A lane's bound adapts: timeouts and broken connections halve it, successes raise it by one,
//! up to what the webhook allows. A dead receiver so ends with a handful of requests in flight
//! instead of the process's whole allowance.

use std::collections::{BTreeSet, VecDeque};

use crate::attempt::Outcome;
use crate::id::{AccountId, DeliveryId, WebhookId};
use crate::id_map::IdMap;
use crate::rate_limit::{Pacer, RateLimit};
use crate::time::Timestamp;

/// A struggling lane keeps this many requests, so that a few deliveries to a slow receiver still
/// start when they are due …
const WINDOW_FLOOR: u32 = 8;
/// … unless the process as a whole runs out of room, in which case it keeps one.
const WINDOW_FLOOR_CROWDED: u32 = 1;

/// What a lane must know of its webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneSettings {
    pub account: AccountId,
    pub max_in_flight: u32,
    pub rate_limit: Option<RateLimit>,
    pub paused: bool,
}

/// A delivery in a lane, and whether somebody asked for it by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ready {
    pub delivery: DeliveryId,
    pub manual: bool,
}

#[derive(Debug)]
struct Lane {
    account: AccountId,
    ready: VecDeque<Ready>,
    in_flight: u32,
    max_in_flight: u32,
    /// At most `max_in_flight`; shrinks while the receiver struggles.
    window: u32,
    paused: bool,
    /// The receiver asked for patience (429, Retry-After).
    paced_until: Option<Timestamp>,
    pacer: Option<Pacer>,
    rate_limit: Option<RateLimit>,
    /// The lane stands in [`Turns`]; keeps it from standing there twice.
    has_turn: bool,
    /// When it stands in `Lanes::waiting`.
    wakes_at: Option<Timestamp>,
    /// It was drained and nothing came since: it closes with its last request.
    drained: bool,
}

impl Lane {
    fn new(settings: LaneSettings) -> Lane {
        Lane {
            account: settings.account,
            ready: VecDeque::new(),
            in_flight: 0,
            max_in_flight: settings.max_in_flight,
            window: settings.max_in_flight,
            paused: settings.paused,
            paced_until: None,
            pacer: settings.rate_limit.map(Pacer::new),
            rate_limit: settings.rate_limit,
            has_turn: false,
            wakes_at: None,
            drained: false,
        }
    }

    fn may_start(&self) -> bool {
        !self.ready.is_empty() && !self.paused && self.in_flight < self.window
    }
}

/// All lanes, and whose turn it is.
#[derive(Debug)]
pub struct Lanes {
    lanes: IdMap<WebhookId, Lane>,
    /// Lanes that could start something when they were last looked at, each once.
    turns: Turns,
    /// Lanes that may go on at a known time.
    waiting: BTreeSet<(Timestamp, WebhookId)>,
    in_flight: usize,
    in_flight_max: usize,
}

impl Lanes {
    pub fn new(in_flight_max: usize) -> Lanes {
        Lanes {
            lanes: IdMap::default(),
            turns: Turns::default(),
            waiting: BTreeSet::new(),
            in_flight: 0,
            in_flight_max,
        }
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub fn has_lane(&self, webhook: WebhookId) -> bool {
        self.lanes.contains_key(&webhook)
    }

    /// Whether the lane of `webhook` stands still: paused, or waiting for a known time.
    pub fn is_held(&self, webhook: WebhookId) -> bool {
        self.lanes.get(&webhook).is_some_and(|lane| lane.paused || lane.wakes_at.is_some())
    }

    /// Opens the lane of a webhook, or changes it. A changed rate limit starts afresh, at once and
    /// not when the old one would have; so do a raised bound and a resumed lane.
    pub fn configure(&mut self, webhook: WebhookId, settings: LaneSettings) {
        let lane = self.lanes.entry(webhook).or_insert_with(|| Lane::new(settings));
        if lane.max_in_flight != settings.max_in_flight {
            lane.max_in_flight = settings.max_in_flight;
            lane.window = settings.max_in_flight;
        }
        if lane.rate_limit != settings.rate_limit {
            lane.rate_limit = settings.rate_limit;
            lane.pacer = settings.rate_limit.map(Pacer::new);
            if let Some(at) = lane.wakes_at.take() {
                self.waiting.remove(&(at, webhook));
            }
        }
        lane.paused = settings.paused;
        self.offer_turn(webhook);
    }

    /// Puts a due delivery into its lane. What somebody asked for by hand goes to the front:
    /// they are watching.
    pub fn push(&mut self, webhook: WebhookId, ready: Ready) {
        let lane = self.lanes.get_mut(&webhook).expect("a lane is configured before it is used");
        lane.drained = false;
        if ready.manual {
            lane.ready.push_front(ready);
        } else {
            lane.ready.push_back(ready);
        }
        self.offer_turn(webhook);
    }

    /// Empties and closes a lane; what is in flight still has to be [`Lanes::finished`].
    pub fn drain(&mut self, webhook: WebhookId) -> Vec<Ready> {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return Vec::new() };
        let drained = lane.ready.drain(..).collect();
        lane.drained = true;
        if lane.in_flight == 0 {
            self.close(webhook);
        }
        drained
    }

    /// The next delivery to start, if anything may. The caller must start it, and say when it
    /// has [`Lanes::finished`].
    ///
    /// What `is_wanted` no more (it was cancelled while it waited) falls out here, so that it
    /// takes no place of a rate limit.
    pub fn next(
        &mut self,
        now: Timestamp,
        is_wanted: impl Fn(Ready) -> bool,
    ) -> Option<(WebhookId, Ready)> {
        self.wake(now);
        while self.in_flight < self.in_flight_max {
            let webhook = self.turns.next()?;
            let Some(lane) = self.lanes.get_mut(&webhook) else { continue };
            lane.has_turn = false;
            while lane.ready.front().is_some_and(|ready| !is_wanted(*ready)) {
                lane.ready.pop_front();
            }
            if !lane.may_start() {
                continue;
            }
            if let Some(until) = lane.blocked_until(now) {
                self.wait(webhook, until);
                continue;
            }
            let ready = lane.ready.pop_front().expect("a lane that may start is not empty");
            lane.in_flight += 1;
            self.in_flight += 1;
            self.offer_turn(webhook);
            return Some((webhook, ready));
        }
        None
    }

    /// An attempt that [`Lanes::next`] started has ended. `pace_until`: the receiver asked for
    /// patience until then.
    pub fn finished(
        &mut self,
        webhook: WebhookId,
        outcome: Option<Outcome>,
        pace_until: Option<Timestamp>,
    ) {
        self.in_flight = self.in_flight.checked_sub(1).expect("every finish had its start");
        let crowded = self.in_flight > self.in_flight_max / 2;
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        lane.in_flight = lane.in_flight.saturating_sub(1);
        lane.paced_until = lane.paced_until.max(pace_until);
        let floor = if crowded { WINDOW_FLOOR_CROWDED } else { WINDOW_FLOOR };
        let floor = floor.min(lane.max_in_flight);
        match outcome {
            Some(Outcome::Succeeded) => lane.window = (lane.window + 1).min(lane.max_in_flight),
            Some(Outcome::TimedOut | Outcome::Unreachable(_) | Outcome::Deferred) => {
                lane.window = (lane.window / 2).max(floor);
            }
            // A rejection came quickly from a live receiver: no reason to slow down.
            Some(Outcome::Rejected | Outcome::Blocked) | None => {}
        }
        // An idle lane costs nothing: it opens again, at full width, with the next delivery. A
        // narrowed, paced or rate-limited one has to remember.
        let has_to_remember =
            lane.paced_until.is_some() || lane.pacer.is_some() || lane.window < lane.max_in_flight;
        let is_idle = lane.in_flight == 0 && lane.ready.is_empty();
        if is_idle && (lane.drained || !has_to_remember) {
            self.close(webhook);
            return;
        }
        self.offer_turn(webhook);
    }

    /// When a waiting lane may go on; `None` if only new events can change anything.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(at, _)| *at)
    }

    fn wake(&mut self, now: Timestamp) {
        while let Some(&(at, webhook)) = self.waiting.first() {
            if at > now {
                return;
            }
            self.waiting.pop_first();
            if let Some(lane) = self.lanes.get_mut(&webhook) {
                lane.wakes_at = None;
            }
            self.offer_turn(webhook);
        }
    }

    fn offer_turn(&mut self, webhook: WebhookId) {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        if !lane.has_turn && lane.wakes_at.is_none() && lane.may_start() {
            lane.has_turn = true;
            self.turns.offer(lane.account, webhook);
        }
    }

    fn wait(&mut self, webhook: WebhookId, until: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        lane.wakes_at = Some(until);
        self.waiting.insert((until, webhook));
    }

    fn close(&mut self, webhook: WebhookId) {
        let Some(lane) = self.lanes.remove(&webhook) else { return };
        if let Some(at) = lane.wakes_at {
            self.waiting.remove(&(at, webhook));
        }
        // Else it would stand there twice once it is open again. Only a drained lane can have kept
        // its turn, and draining is rare.
        if lane.has_turn {
            self.turns.take_back(lane.account, webhook);
        }
        self.turns.forget_if_idle(lane.account);
    }
}

/// Whose turn it is: accounts one after the other, and within each its lanes.
#[derive(Debug, Default)]
struct Turns {
    /// Accounts with lanes that have a turn, each once.
    accounts: VecDeque<AccountId>,
    /// Also of accounts that have none at the moment, for the room: most get one soon again.
    lanes: IdMap<AccountId, VecDeque<WebhookId>>,
}

impl Turns {
    fn offer(&mut self, account: AccountId, webhook: WebhookId) {
        let lanes = self.lanes.entry(account).or_default();
        if lanes.is_empty() {
            self.accounts.push_back(account);
        }
        lanes.push_back(webhook);
    }

    fn next(&mut self) -> Option<WebhookId> {
        let account = self.accounts.pop_front()?;
        let lanes = self.lanes.get_mut(&account)?;
        let webhook = lanes.pop_front();
        if !lanes.is_empty() {
            self.accounts.push_back(account);
        }
        webhook
    }

    fn take_back(&mut self, account: AccountId, webhook: WebhookId) {
        let Some(lanes) = self.lanes.get_mut(&account) else { return };
        lanes.retain(|other| *other != webhook);
        if lanes.is_empty() {
            self.accounts.retain(|other| *other != account);
        }
    }

    fn forget_if_idle(&mut self, account: AccountId) {
        if self.lanes.get(&account).is_some_and(VecDeque::is_empty) {
            self.lanes.remove(&account);
        }
    }
}

impl Lane {
    /// Until when pacing forbids a start now; takes a place of the rate limit if it does not.
    fn blocked_until(&mut self, now: Timestamp) -> Option<Timestamp> {
        if let Some(until) = self.paced_until {
            if until > now {
                return Some(until);
            }
            self.paced_until = None;
        }
        self.pacer.as_mut()?.try_take(now).err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::UnreachableReason;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn webhook(n: u64) -> WebhookId {
        WebhookId::from_raw(n)
    }

    fn ready(n: u64) -> Ready {
        Ready { delivery: DeliveryId::from_raw(n), manual: false }
    }

    fn settings(max_in_flight: u32) -> LaneSettings {
        let account = AccountId::from_raw(1);
        LaneSettings { account, max_in_flight, rate_limit: None, paused: false }
    }

    fn lanes(in_flight_max: usize, webhooks: u64, each: u64, max_in_flight: u32) -> Lanes {
        let mut lanes = Lanes::new(in_flight_max);
        for w in 1..=webhooks {
            lanes.configure(webhook(w), settings(max_in_flight));
            for d in 0..each {
                lanes.push(webhook(w), ready(w * 1_000 + d));
            }
        }
        lanes
    }

    fn started(lanes: &mut Lanes, now: Timestamp) -> Vec<u64> {
        std::iter::from_fn(|| lanes.next(now, |_| true))
            .map(|(webhook, _)| webhook.as_raw())
            .collect()
    }

    #[test]
    fn lanes_take_turns() {
        let mut lanes = lanes(100, 3, 2, 10);
        assert_eq!(started(&mut lanes, NOW), [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn an_account_with_many_lanes_takes_no_more_turns_than_others() {
        let mut lanes = lanes(100, 5, 1, 10);
        let other = LaneSettings { account: AccountId::from_raw(2), ..settings(10) };
        for w in [6, 7] {
            lanes.configure(webhook(w), other);
            lanes.push(webhook(w), ready(w));
        }
        assert_eq!(started(&mut lanes, NOW), [1, 6, 2, 7, 3, 4, 5]);
        for w in 1..=7 {
            lanes.finished(webhook(w), Some(Outcome::Succeeded), None);
        }
        assert!(lanes.turns.lanes.is_empty(), "nothing is kept of accounts without lanes");
    }

    #[test]
    fn a_full_lane_holds_up_nobody_else() {
        let mut lanes = lanes(100, 2, 5, 2);
        assert_eq!(started(&mut lanes, NOW), [1, 2, 1, 2]);
        lanes.finished(webhook(2), Some(Outcome::Succeeded), None);
        assert_eq!(started(&mut lanes, NOW), [2]);
    }

    #[test]
    fn the_whole_process_has_a_bound() {
        let mut lanes = lanes(3, 2, 5, 10);
        assert_eq!(started(&mut lanes, NOW).len(), 3);
        lanes.finished(webhook(1), Some(Outcome::Succeeded), None);
        assert_eq!(started(&mut lanes, NOW).len(), 1);
    }

    #[test]
    fn a_paused_lane_keeps_queueing_and_goes_on_when_resumed() {
        let mut lanes = lanes(100, 1, 2, 10);
        lanes.configure(webhook(1), LaneSettings { paused: true, ..settings(10) });
        lanes.push(webhook(1), ready(9));
        assert!(started(&mut lanes, NOW).is_empty());
        assert!(lanes.is_held(webhook(1)));
        lanes.configure(webhook(1), settings(10));
        assert_eq!(started(&mut lanes, NOW).len(), 3);
    }

    #[test]
    fn a_paced_lane_waits_as_long_as_it_was_told() {
        let mut lanes = lanes(100, 1, 3, 1);
        assert_eq!(started(&mut lanes, NOW).len(), 1);
        let until = Timestamp::from_millis(5_000);
        lanes.finished(webhook(1), Some(Outcome::Deferred), Some(until));
        assert!(started(&mut lanes, Timestamp::from_millis(4_999)).is_empty());
        assert_eq!(lanes.wake_at(), Some(until));
        assert_eq!(started(&mut lanes, until).len(), 1);
    }

    #[test]
    fn a_struggling_lane_narrows_and_a_healthy_one_widens_again() {
        let mut lanes = lanes(10_000, 1, 2_000, 64);
        assert_eq!(started(&mut lanes, NOW).len(), 64);
        let dead = Some(Outcome::Unreachable(UnreachableReason::Refused));
        for _ in 0..64 {
            lanes.finished(webhook(1), dead, None);
        }
        assert_eq!(started(&mut lanes, NOW).len(), WINDOW_FLOOR as usize);
        for _ in 0..100 {
            lanes.finished(webhook(1), Some(Outcome::Succeeded), None);
            if started(&mut lanes, NOW).is_empty() {
                break;
            }
        }
        let in_flight = lanes.in_flight();
        assert!(in_flight > 32, "widened to {in_flight}");
    }

    #[test]
    fn a_rate_limited_lane_sends_its_share_and_says_when_it_goes_on() {
        let mut lanes = Lanes::new(100);
        let limit = RateLimit::new(2, 10).expect("valid");
        lanes.configure(webhook(1), LaneSettings { rate_limit: Some(limit), ..settings(50) });
        for d in 0..5 {
            lanes.push(webhook(1), ready(d));
        }
        let at_once = started(&mut lanes, NOW).len();
        assert!((1..=2).contains(&at_once), "{at_once}");
        let wake = lanes.wake_at().expect("the lane waits");
        // The pacer keeps a millisecond to spare, since times are cut to milliseconds.
        assert!(wake > NOW && wake <= Timestamp::from_millis(10_001));
    }

    #[test]
    fn what_was_asked_for_by_hand_goes_first() {
        let mut lanes = lanes(100, 1, 3, 1);
        let manual = Ready { delivery: DeliveryId::from_raw(7), manual: true };
        lanes.push(webhook(1), manual);
        assert_eq!(lanes.next(NOW, |_| true), Some((webhook(1), manual)));
    }

    #[test]
    fn what_is_not_wanted_any_more_falls_out() {
        let mut lanes = lanes(100, 1, 3, 1);
        let wanted = |other: Ready| other == ready(1_002);
        assert_eq!(lanes.next(NOW, wanted), Some((webhook(1), ready(1_002))));
        lanes.finished(webhook(1), Some(Outcome::Succeeded), None);
        assert_eq!(lanes.next(NOW, wanted), None);
        assert!(!lanes.has_lane(webhook(1)));
    }

    #[test]
    fn a_changed_rate_limit_counts_at_once() {
        let mut lanes = Lanes::new(100);
        let limit = RateLimit::new(1, 86_400).expect("valid");
        lanes.configure(webhook(1), LaneSettings { rate_limit: Some(limit), ..settings(50) });
        for d in 0..3 {
            lanes.push(webhook(1), ready(d));
        }
        assert_eq!(started(&mut lanes, NOW).len(), 1);
        lanes.configure(webhook(1), settings(50));
        assert_eq!(started(&mut lanes, NOW).len(), 2);
        assert_eq!(lanes.wake_at(), None);
    }

    #[test]
    fn a_drained_lane_closes_with_its_last_request() {
        let mut lanes = lanes(100, 1, 3, 1);
        assert_eq!(started(&mut lanes, NOW).len(), 1);
        lanes.drain(webhook(1));
        assert!(lanes.has_lane(webhook(1)), "a request is still in flight");
        let until = Timestamp::from_millis(5_000);
        lanes.finished(webhook(1), Some(Outcome::Deferred), Some(until));
        assert!(!lanes.has_lane(webhook(1)));
    }

    #[test]
    fn a_lane_opened_again_takes_one_turn_at_a_time() {
        let mut lanes = lanes(100, 2, 3, 10);
        lanes.drain(webhook(1));
        lanes.configure(webhook(1), settings(10));
        for d in 0..3 {
            lanes.push(webhook(1), ready(d));
        }
        assert_eq!(started(&mut lanes, NOW), [2, 1, 2, 1, 2, 1]);
    }

    #[test]
    fn a_closed_lane_forgets_and_late_finishes_are_harmless() {
        let mut lanes = lanes(100, 1, 3, 1);
        assert_eq!(started(&mut lanes, NOW).len(), 1);
        assert_eq!(lanes.drain(webhook(1)).len(), 2);
        lanes.finished(webhook(1), Some(Outcome::TimedOut), None);
        assert_eq!(lanes.in_flight(), 0);
        assert!(started(&mut lanes, NOW).is_empty());
    }
}
