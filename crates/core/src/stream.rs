//! The live stream of what changes about deliveries: what is kept of it in memory, what a
//! subscriber is shown, and how one that was cut off goes on. Waiting for the next change, and
//! writing it to somebody, is left to `dispatch` and `api`.
//!
//! There is one [`Ring`] for all, and each subscriber has a place in it ([`Subscription`]): no
//! queue per subscriber that could grow, and nothing to do for the engine but to push. Who reads
//! slowly is overtaken by the ring, and told how much it lost.
//!
//! Updates are numbered by account. One number for all would tell every customer how much the
//! others send, and a subscriber could not be told how many updates *of its own* it lost.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::delivery::{Delivery, DeliveryStatus};
use crate::event_type::EventPattern;
use crate::id::{AccountId, WebhookId};
use crate::id_map::IdMap;
use crate::limits::{
    STREAM_PIECE_MAX, STREAM_SCAN_MAX, STREAM_SUBSCRIBERS_MAX, STREAM_SUBSCRIBERS_PER_ACCOUNT_MAX,
};
use crate::time::{Entropy, Timestamp};

/// A rate is counted in windows of this length.
const WINDOW: Duration = Duration::from_secs(1);

/// One life of a ring: its numbers mean nothing in another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(u64);

impl Epoch {
    pub fn generate(entropy: &dyn Entropy) -> Epoch {
        let mut bytes = [0_u8; 8];
        entropy.fill(&mut bytes);
        Epoch(u64::from_le_bytes(bytes))
    }
}

/// What a subscriber that was cut off says to go on where it was. Written `<epoch>-<sequence>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateId {
    epoch: Epoch,
    sequence: u64,
}

impl UpdateId {
    fn parse(text: &str) -> Option<UpdateId> {
        let (epoch, sequence) = text.trim().split_once('-')?;
        let epoch = Epoch(u64::from_str_radix(epoch, 16).ok()?);
        Some(UpdateId { epoch, sequence: sequence.parse().ok()? })
    }
}

impl fmt::Display for UpdateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.epoch.0, self.sequence)
    }
}

/// Why a subscriber cannot go on where it was, and has to load anew what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// What followed is not kept any more.
    TooOld,
    /// The id is of another epoch (another process, or nobody listened for a while), or it is none.
    Unknown,
}

impl Reset {
    pub fn as_str(self) -> &'static str {
        match self {
            Reset::TooOld => "too_old",
            Reset::Unknown => "unknown",
        }
    }
}

/// Which updates a subscriber wants.
#[derive(Debug, Clone)]
pub struct UpdateFilter {
    pub account_id: AccountId,
    pub webhook_id: Option<WebhookId>,
    pub event: Option<EventPattern>,
    pub status: Option<DeliveryStatus>,
}

impl UpdateFilter {
    pub fn everything_of(account_id: AccountId) -> UpdateFilter {
        UpdateFilter { account_id, webhook_id: None, event: None, status: None }
    }

    fn wants(&self, delivery: &Delivery) -> bool {
        delivery.account_id == self.account_id
            && self.webhook_id.is_none_or(|wanted| wanted == delivery.webhook_id)
            && self.status.is_none_or(|wanted| wanted == delivery.state.status())
            && self.event.as_ref().is_none_or(|wanted| wanted.matches(&delivery.event_type))
    }
}

/// What a new subscriber asks for.
#[derive(Debug, Clone)]
pub struct Subscribe {
    pub filter: UpdateFilter,
    /// No more updates than these in a second; `None` is as many as can be read.
    pub max_per_s: Option<u32>,
    /// The id it saw last, as it was given back.
    pub last_id: Option<String>,
}

/// A delivery as it stood after a change.
#[derive(Debug)]
struct Update {
    /// 1, 2, 3 … among those of its account.
    sequence: u64,
    delivery: Delivery,
}

/// Updates that a subscriber is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    pub count: u64,
    /// All up to here were shown or are counted.
    pub id: UpdateId,
}

/// What there is for a subscriber at one look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Piece {
    /// Comes before `updates`.
    pub skipped: Option<Skipped>,
    pub updates: Vec<(UpdateId, Delivery)>,
    /// There may be more right now: look again without waiting.
    pub more: bool,
}

impl Piece {
    pub fn is_empty(&self) -> bool {
        self.skipped.is_none() && self.updates.is_empty()
    }
}

/// The last updates of all accounts, up to a number of them.
#[derive(Debug)]
pub struct Ring {
    epoch: Epoch,
    updates_max: usize,
    updates: VecDeque<Update>,
    /// How many had to make room: the position of the oldest.
    dropped: u64,
    /// Of those accounts that had an update in this epoch. There are no more than accounts.
    accounts: IdMap<AccountId, Sequences>,
}

/// How far the numbers of one account have come.
#[derive(Debug, Clone, Copy, Default)]
struct Sequences {
    newest: u64,
    /// The newest that had to make room.
    dropped: u64,
}

impl Ring {
    pub fn new(epoch: Epoch, updates_max: usize) -> Ring {
        assert!(updates_max > 0, "a ring without room would keep nothing");
        let (updates, accounts) = (VecDeque::new(), IdMap::default());
        Ring { epoch, updates_max, updates, dropped: 0, accounts }
    }

    pub fn push(&mut self, delivery: Delivery) {
        if self.updates.len() == self.updates_max
            && let Some(oldest) = self.updates.pop_front()
        {
            self.dropped += 1;
            self.accounts.entry(oldest.delivery.account_id).or_default().dropped = oldest.sequence;
        }
        let sequences = self.accounts.entry(delivery.account_id).or_default();
        sequences.newest += 1;
        self.updates.push_back(Update { sequence: sequences.newest, delivery });
    }

    /// A place for what comes from now on, or for what came after the id that the subscriber saw
    /// last. If there is no going on from that id, the place is for what comes from now on.
    pub fn subscribe(&self, subscribe: Subscribe) -> (Subscription, Option<Reset>) {
        let Subscribe { filter, max_per_s, last_id } = subscribe;
        let sequences = self.sequences(filter.account_id);
        let resumed = last_id.map(|text| self.resume(&text, sequences));
        let (seen, reset) = match resumed {
            None => (sequences.newest, None),
            Some(Ok(sequence)) => (sequence, None),
            Some(Err(reset)) => (sequences.newest, Some(reset)),
        };
        let is_next = |update: &Update| {
            update.delivery.account_id == filter.account_id && update.sequence > seen
        };
        let index = if seen == sequences.newest {
            self.updates.len()
        } else {
            self.updates.iter().position(is_next).expect("newer ones are kept")
        };
        let position = self.dropped + index as u64;
        let cap = RateCap::new(max_per_s);
        (Subscription { filter, epoch: self.epoch, position, seen, cap }, reset)
    }

    fn resume(&self, text: &str, sequences: Sequences) -> Result<u64, Reset> {
        let id = UpdateId::parse(text).filter(|id| id.epoch == self.epoch).ok_or(Reset::Unknown)?;
        if id.sequence > sequences.newest {
            return Err(Reset::Unknown);
        }
        if id.sequence < sequences.dropped {
            return Err(Reset::TooOld);
        }
        Ok(id.sequence)
    }

    /// What there is for a subscriber, whose place moves on. Looks at a bounded number of updates.
    pub fn read(&self, now: Timestamp, subscription: &mut Subscription) -> Piece {
        assert_eq!(self.epoch, subscription.epoch, "a place is in one ring");
        let mut piece = Piece::default();
        let Subscription { filter, position, seen, cap, .. } = subscription;
        let overtaken = *position < self.dropped;
        if overtaken {
            // What the filter would have left out is counted too: nobody can look any more.
            let dropped = self.sequences(filter.account_id).dropped;
            cap.skipped += dropped.saturating_sub(*seen);
            *seen = dropped.max(*seen);
            *position = self.dropped;
        }
        let count = if overtaken { cap.take_skipped() } else { cap.take_due(now) };
        let id_of = |sequence: u64| UpdateId { epoch: self.epoch, sequence };
        if count > 0 {
            piece.skipped = Some(Skipped { count, id: id_of(*seen) });
        }
        let start = usize::try_from(*position - self.dropped).expect("within the ring");
        let looked_at = self.updates.range(start..).take(STREAM_SCAN_MAX);
        for update in looked_at {
            if piece.updates.len() == STREAM_PIECE_MAX {
                break;
            }
            *position += 1;
            if update.delivery.account_id != filter.account_id {
                continue;
            }
            *seen = update.sequence;
            if filter.wants(&update.delivery) && cap.lets_through(now) {
                piece.updates.push((id_of(update.sequence), update.delivery.clone()));
            }
        }
        piece.more = *position < self.dropped + self.updates.len() as u64;
        piece
    }

    fn sequences(&self, account: AccountId) -> Sequences {
        self.accounts.get(&account).copied().unwrap_or_default()
    }
}

/// A subscriber's place in a ring.
#[derive(Debug, Clone)]
pub struct Subscription {
    filter: UpdateFilter,
    epoch: Epoch,
    /// Of the next update to look at, counted from the ring's first one.
    position: u64,
    /// Its account's updates up to this number were shown, left out or are counted as skipped.
    seen: u64,
    cap: RateCap,
}

impl Subscription {
    /// Where to go on from here.
    pub fn id(&self) -> UpdateId {
        UpdateId { epoch: self.epoch, sequence: self.seen }
    }

    /// When to look again although nothing came: something was skipped and not told yet.
    pub fn due(&self) -> Option<Timestamp> {
        (self.cap.skipped > 0).then(|| self.cap.window_ends_at())
    }
}

/// Lets through so many updates in each second and counts the others. Whoever asks for a cap
/// watches, and sees the first ones of each second; how many there were besides is told at its
/// end.
#[derive(Debug, Clone)]
struct RateCap {
    max_per_s: Option<u32>,
    window_began: Timestamp,
    passed: u32,
    skipped: u64,
}

impl RateCap {
    fn new(max_per_s: Option<u32>) -> RateCap {
        RateCap { max_per_s, window_began: Timestamp::EPOCH, passed: 0, skipped: 0 }
    }

    fn window_ends_at(&self) -> Timestamp {
        self.window_began.saturating_add(WINDOW)
    }

    fn lets_through(&mut self, now: Timestamp) -> bool {
        let Some(max_per_s) = self.max_per_s else { return true };
        if self.is_over(now) {
            (self.window_began, self.passed) = (now, 0);
        }
        if self.passed < max_per_s {
            self.passed += 1;
            return true;
        }
        self.skipped += 1;
        false
    }

    /// Also when the clock was set back: a window would otherwise last as long as it was moved.
    fn is_over(&self, now: Timestamp) -> bool {
        now < self.window_began || now >= self.window_ends_at()
    }

    /// What was skipped in a window that is over.
    fn take_due(&mut self, now: Timestamp) -> u64 {
        if self.is_over(now) { self.take_skipped() } else { 0 }
    }

    fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }
}

/// How many subscribers there are. Bounded in all, and for each account, so that one customer's
/// cannot keep all others out.
#[derive(Debug)]
pub struct Places {
    bounds: PlaceBounds,
    taken: usize,
    by_account: IdMap<AccountId, usize>,
}

/// The most subscribers at a time.
#[derive(Debug, Clone, Copy)]
pub struct PlaceBounds {
    pub in_all: usize,
    pub per_account: usize,
}

impl Default for PlaceBounds {
    fn default() -> PlaceBounds {
        PlaceBounds {
            in_all: STREAM_SUBSCRIBERS_MAX,
            per_account: STREAM_SUBSCRIBERS_PER_ACCOUNT_MAX,
        }
    }
}

/// Why there is no place for another subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    #[error("{max} streams are open, and no more are served at a time")]
    ServerFull { max: usize },
    #[error("this account has {max} streams open, and may not have more at a time")]
    AccountFull { max: usize },
    #[error("the delivery engine has stopped")]
    Stopped,
}

impl Places {
    pub fn new(bounds: PlaceBounds) -> Places {
        Places { bounds, taken: 0, by_account: IdMap::default() }
    }

    pub fn taken(&self) -> usize {
        self.taken
    }

    pub fn take(&mut self, account: AccountId) -> Result<(), NoPlace> {
        let PlaceBounds { in_all, per_account } = self.bounds;
        if self.taken >= in_all {
            return Err(NoPlace::ServerFull { max: in_all });
        }
        let of_account = self.by_account.get(&account).copied().unwrap_or_default();
        if of_account >= per_account {
            return Err(NoPlace::AccountFull { max: per_account });
        }
        self.taken += 1;
        self.by_account.insert(account, of_account + 1);
        Ok(())
    }

    /// Gives one back that was taken.
    pub fn leave(&mut self, account: AccountId) {
        self.taken -= 1;
        let of_account = self.by_account.get_mut(&account).expect("taken before");
        *of_account -= 1;
        if *of_account == 0 {
            self.by_account.remove(&account);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::attempt::Trigger;
    use crate::delivery::{DeliveryState, Progress};
    use crate::event_type::EventType;
    use crate::id::{DeliveryId, EventId};

    const EPOCH: Epoch = Epoch(0xfeed);
    const NOW: Timestamp = Timestamp::EPOCH;
    const NOTHING: [i64; 0] = [];

    fn account(number: u64) -> AccountId {
        AccountId::from_raw(number)
    }

    fn delivery(of: u64, webhook: u64, event: &str, state: DeliveryState) -> Delivery {
        Delivery {
            id: DeliveryId::from_raw(2),
            event_id: EventId::from_raw(1),
            account_id: account(of),
            webhook_id: WebhookId::from_raw(webhook),
            event_type: EventType::parse(event).expect("a name"),
            trigger: Trigger::Event,
            state,
            progress: Progress::default(),
            last: None,
        }
    }

    fn plain(of: u64) -> Delivery {
        delivery(of, 1, "call.ended", DeliveryState::Delivered { at: NOW })
    }

    /// One update of each of these accounts, in order.
    fn ring(updates_max: usize, accounts: &[u64]) -> Ring {
        let mut ring = Ring::new(EPOCH, updates_max);
        accounts.iter().for_each(|of| ring.push(plain(*of)));
        ring
    }

    fn everything_of(of: u64) -> Subscribe {
        let filter = UpdateFilter::everything_of(account(of));
        Subscribe { filter, max_per_s: None, last_id: None }
    }

    fn after_second(seconds: u64) -> Timestamp {
        NOW.saturating_add(Duration::from_secs(seconds))
    }

    /// All that there is: the numbers of updates, and `-3` where three were skipped.
    fn read(ring: &Ring, now: Timestamp, subscription: &mut Subscription) -> Vec<i64> {
        let mut seen = Vec::new();
        loop {
            let piece = ring.read(now, subscription);
            seen.extend(piece.skipped.map(|skipped| -i64::try_from(skipped.count).unwrap()));
            seen.extend(piece.updates.iter().map(|(id, _)| i64::try_from(id.sequence).unwrap()));
            if !piece.more {
                return seen;
            }
        }
    }

    #[test]
    fn an_account_sees_its_own_from_now_on_and_numbered_by_itself() {
        let mut ring = ring(10, &[7, 7, 8]);
        let (mut subscription, reset) = ring.subscribe(everything_of(7));
        assert_eq!(reset, None);
        assert_eq!(subscription.id().to_string(), "000000000000feed-2");
        assert_eq!(read(&ring, NOW, &mut subscription), NOTHING);
        for of in [8, 7, 8, 7] {
            ring.push(plain(of));
        }
        assert_eq!(read(&ring, NOW, &mut subscription), [3, 4]);
        assert_eq!(read(&ring, NOW, &mut subscription), NOTHING);
    }

    #[test]
    fn whoever_was_cut_off_goes_on_where_it_was_or_hears_that_it_cannot() {
        // Of account 7, the ring keeps 3, 4 and 5; of account 8, the 2.
        let ring = ring(4, &[8, 7, 7, 7, 7, 8, 7]);
        let check = |of: u64, last: &str, expected: Result<&[i64], Reset>| {
            let last_id = Some(last.to_owned());
            let asked = Subscribe { last_id, ..everything_of(of) };
            let (mut subscription, reset) = ring.subscribe(asked);
            let seen = read(&ring, NOW, &mut subscription);
            match expected {
                Ok(numbers) => assert_eq!((reset, seen.as_slice()), (None, numbers), "{last}"),
                Err(why) => assert_eq!((reset, seen), (Some(why), vec![]), "{last}"),
            }
        };
        check(7, "feed-5", Ok(&[]));
        check(7, "feed-4", Ok(&[5]));
        check(7, "000000000000feed-2", Ok(&[3, 4, 5]));
        check(7, " feed-3\r", Ok(&[4, 5]));
        check(7, "feed-1", Err(Reset::TooOld));
        check(7, "feed-0", Err(Reset::TooOld));
        check(7, "feed-6", Err(Reset::Unknown));
        check(7, "beef-4", Err(Reset::Unknown));
        check(8, "feed-1", Ok(&[2]));
        check(8, "feed-0", Err(Reset::TooOld));
        // That others filled the ring is nothing to an account that had no updates.
        check(9, "feed-0", Ok(&[]));
        for odd in [
            "",
            "-",
            "feed",
            "feed-",
            "-4",
            "feed-4-4",
            "feed--4",
            "é-4",
            "feed-99999999999999999999",
        ] {
            check(7, odd, Err(Reset::Unknown));
        }
    }

    #[test]
    fn a_filter_leaves_out_the_rest() {
        use DeliveryState::{Delivered, Failed, Retrying};
        let mut ring = Ring::new(EPOCH, 10);
        let (subscription, _) = ring.subscribe(everything_of(7));
        ring.push(delivery(7, 1, "call.ended", Delivered { at: NOW }));
        ring.push(delivery(7, 2, "call.ended", Failed { at: NOW }));
        ring.push(delivery(8, 1, "call.ended", Delivered { at: NOW }));
        ring.push(delivery(7, 1, "sms.sent", Retrying { due: NOW }));
        let check = |webhook: Option<u64>, event: &str, status: &str, expected: &[i64]| {
            let mut subscription = subscription.clone();
            subscription.filter.webhook_id = webhook.map(WebhookId::from_raw);
            subscription.filter.event = Some(EventPattern::parse(event).expect("a pattern"));
            subscription.filter.status = DeliveryStatus::parse(status);
            assert_eq!(read(&ring, NOW, &mut subscription), expected);
            // What was left out need not be looked through again.
            assert_eq!(subscription.id().sequence, 3);
        };
        check(None, "*", "", &[1, 2, 3]);
        check(Some(1), "*", "", &[1, 3]);
        check(Some(2), "call.*", "", &[2]);
        check(None, "call.*", "delivered", &[1]);
        check(None, "sms.sent", "", &[3]);
        check(Some(2), "sms.sent", "", &[]);
        check(Some(3), "*", "", &[]);
    }

    #[test]
    fn who_is_overtaken_hears_how_much_of_its_own_it_lost() {
        let mut ring = ring(4, &[7]);
        let (mut mine, _) = ring.subscribe(everything_of(7));
        let (mut others, _) = ring.subscribe(everything_of(8));
        for of in [7, 7, 8, 7, 7, 7, 7, 8] {
            ring.push(plain(of));
        }
        let piece = ring.read(NOW, &mut mine);
        let skipped = piece.skipped.expect("overtaken");
        assert_eq!((skipped.count, skipped.id.to_string()), (3, "000000000000feed-4".to_owned()));
        assert_eq!(piece.updates[0].0.sequence, 5);
        assert_eq!(read(&ring, NOW, &mut mine), NOTHING);
        assert_eq!(read(&ring, NOW, &mut others), [-1, 2]);
        // Only others' updates went by: nothing was lost.
        (0..9).for_each(|_| ring.push(plain(9)));
        assert_eq!(read(&ring, NOW, &mut mine), NOTHING);
        ring.push(plain(7));
        assert_eq!(read(&ring, NOW, &mut mine), [8]);
    }

    #[test]
    fn a_cap_shows_the_first_of_each_second_and_counts_the_others() {
        let mut ring = Ring::new(EPOCH, 100);
        let capped = Subscribe { max_per_s: Some(2), ..everything_of(7) };
        let (mut subscription, _) = ring.subscribe(capped);
        let push = |ring: &mut Ring, count: usize| {
            (0..count).for_each(|_| ring.push(plain(7)));
        };
        push(&mut ring, 1);
        assert_eq!(read(&ring, after_second(10), &mut subscription), [1]);
        assert_eq!(subscription.due(), None);
        push(&mut ring, 4);
        assert_eq!(read(&ring, after_second(10), &mut subscription), [2]);
        assert_eq!(subscription.due(), Some(after_second(11)), "three are to be told");
        push(&mut ring, 1);
        assert_eq!(read(&ring, after_second(10), &mut subscription), NOTHING);
        // Told at the second's end, even if nothing more comes.
        assert_eq!(read(&ring, after_second(11), &mut subscription), [-4]);
        assert_eq!(subscription.due(), None);
        push(&mut ring, 3);
        assert_eq!(read(&ring, after_second(12), &mut subscription), [7, 8]);
        // A clock that was set back begins a new second.
        push(&mut ring, 1);
        assert_eq!(read(&ring, after_second(3), &mut subscription), [-1, 10]);
    }

    #[test]
    fn a_look_is_bounded_and_says_that_there_is_more() {
        let mut ring = Ring::new(EPOCH, 3 * STREAM_SCAN_MAX);
        let (mut subscription, _) = ring.subscribe(everything_of(7));
        (0..2 * STREAM_SCAN_MAX).for_each(|_| ring.push(plain(8)));
        (0..2 * STREAM_PIECE_MAX).for_each(|_| ring.push(plain(7)));
        let mut pieces = Vec::new();
        loop {
            let piece = ring.read(NOW, &mut subscription);
            pieces.push(piece.updates.len());
            if !piece.more {
                break;
            }
        }
        assert_eq!(pieces, [0, 0, STREAM_PIECE_MAX, STREAM_PIECE_MAX]);
    }

    #[test]
    fn places_are_bounded_in_all_and_by_account() {
        let mut places = Places::new(PlaceBounds { in_all: 3, per_account: 2 });
        let take = |places: &mut Places, of: u64| places.take(account(of));
        assert_eq!(take(&mut places, 7), Ok(()));
        assert_eq!(take(&mut places, 7), Ok(()));
        assert_eq!(take(&mut places, 7), Err(NoPlace::AccountFull { max: 2 }));
        assert_eq!(take(&mut places, 8), Ok(()));
        assert_eq!(take(&mut places, 9), Err(NoPlace::ServerFull { max: 3 }));
        places.leave(account(7));
        assert_eq!(take(&mut places, 9), Ok(()));
        places.leave(account(8));
        assert_eq!(take(&mut places, 7), Ok(()));
        assert_eq!(places.taken(), 3);
        for of in [7, 7, 9] {
            places.leave(account(of));
        }
        assert_eq!(places.taken(), 0);
        assert!(places.by_account.is_empty());
    }

    proptest! {
        /// Whatever comes and whenever one looks: what was seen and what was told as skipped are
        /// together all that came, in order; and cut off anywhere, one goes on right there.
        #[test]
        fn nothing_is_lost_untold_and_nothing_comes_twice(
            steps in proptest::collection::vec((1_u64..4, 0_u8..4), 1..200),
            updates_max in 1_usize..20,
            max_per_s in proptest::option::of(1_u32..4),
        ) {
            let mut ring = Ring::new(EPOCH, updates_max);
            let capped = Subscribe { max_per_s, ..everything_of(1) };
            let (mut subscription, _) = ring.subscribe(capped.clone());
            let (mut came, mut accounted_for, mut now) = (0, 0, NOW);
            for (of, then) in steps {
                ring.push(plain(of));
                came += u64::from(of == 1);
                now = now.saturating_add(Duration::from_millis(200));
                if then == 0 {
                    continue;
                }
                let piece = ring.read(now, &mut subscription);
                if let Some(skipped) = piece.skipped {
                    accounted_for += skipped.count;
                    prop_assert_eq!(accounted_for, skipped.id.sequence);
                }
                for (id, _) in &piece.updates {
                    prop_assert!(id.sequence > accounted_for);
                    let untold = id.sequence - accounted_for - 1;
                    prop_assert!(max_per_s.is_some() || untold == 0);
                    if then == 3 {
                        let last_id = Some(id.to_string());
                        let again = Subscribe { last_id, max_per_s: None, ..capped.clone() };
                        let (mut resumed, reset) = ring.subscribe(again);
                        prop_assert_eq!(reset, None);
                        let numbers = read(&ring, now, &mut resumed);
                        let all: Vec<i64> = (id.sequence + 1..=came).map(|n| n as i64).collect();
                        prop_assert_eq!(numbers, all);
                    }
                    if max_per_s.is_none() {
                        accounted_for = id.sequence;
                    }
                }
                if max_per_s.is_some() {
                    // What a cap left out is told later.
                    accounted_for += piece.updates.len() as u64;
                    let left = subscription.cap.skipped;
                    prop_assert_eq!(accounted_for + left, subscription.seen);
                }
                prop_assert_eq!(subscription.seen, came);
            }
        }
    }
}
