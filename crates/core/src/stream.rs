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
use crate::limits::{STREAM_PIECE_MAX, STREAM_SCAN_MAX};
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// 1, 2, 3 … among those of its account.
    sequence: u64,
    pub delivery: Delivery,
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
#[derive(Debug, Default)]
pub struct Places {
    taken: usize,
    by_account: IdMap<AccountId, usize>,
}

/// What a place was asked in vain for.
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
    pub fn taken(&self) -> usize {
        self.taken
    }

    pub fn take(
        &mut self,
        account: AccountId,
        max: usize,
        max_per_account: usize,
    ) -> Result<(), NoPlace> {
        if self.taken >= max {
            return Err(NoPlace::ServerFull { max });
        }
        let of_account = self.by_account.get(&account).copied().unwrap_or_default();
        if of_account >= max_per_account {
            return Err(NoPlace::AccountFull { max: max_per_account });
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
