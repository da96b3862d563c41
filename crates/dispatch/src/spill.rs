//! What becomes of more deliveries than memory may hold: they get their row at once and are
//! forgotten, and are loaded back, oldest first, as room appears.
//!
//! It goes by webhook, so that one with a long backlog holds up only itself. A webhook with
//! deliveries on disk only has a mark, and all of them lie above it; while it has one, everything
//! new of it goes to disk too. Loading is a walk upwards over everything outstanding, from the
//! lowest mark whose webhook has room again.
//!
//! What a load brings was read a moment ago, and some of it may have ended since, so whatever ends
//! while a load is under way is remembered until it arrives: otherwise it would be sent again.

use std::time::Duration;

use posthaste_core::id::{DeliveryId, WebhookId};
use posthaste_core::id_map::{IdMap, IdSet};
use posthaste_core::time::Timestamp;

/// How often to look for a webhook with room: it is a walk over all that wait.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// After a load that failed.
const FAILED_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct Spill {
    /// Everything of this webhook that is on disk only lies above.
    marks: IdMap<WebhookId, DeliveryId>,
    /// After a restart: nobody has looked at what is outstanding above this, whosever it is.
    unread_above: Option<DeliveryId>,
    load: Option<Load>,
    next_look: Timestamp,
    /// Something has changed since the last look.
    worth_a_look: bool,
}

/// A load under way.
#[derive(Debug)]
pub struct Load {
    after: DeliveryId,
    spilled_since: IdSet<WebhookId>,
    ended_since: IdSet<DeliveryId>,
    /// Webhooks that had no room for all of it.
    full: IdSet<WebhookId>,
}

impl Spill {
    /// Deliveries loaded at a time: some 30 ms.
    pub const LOAD_MAX: usize = 10_000;

    /// After a restart: what is outstanding above `last` is still to be read.
    pub fn unread_above(&mut self, last: DeliveryId) {
        self.unread_above = Some(last);
        self.worth_a_look = true;
    }

    /// Whether deliveries of this webhook wait on disk, so that new ones have to queue there too.
    pub fn is_behind(&self, webhook: WebhookId) -> bool {
        !self.marks.is_empty() && self.marks.contains_key(&webhook)
    }

    /// This delivery is on disk only.
    pub fn spilled(&mut self, webhook: WebhookId, id: DeliveryId) {
        let below = before(id).min(self.unread_above.unwrap_or(id));
        let mark = self.marks.entry(webhook).or_insert(below);
        // Ids rise, so this lowers a mark only after a restart, when events are taken up beside
        // deliveries that were accepted later.
        *mark = below.min(*mark);
        self.worth_a_look = true;
        if let Some(load) = &mut self.load {
            load.spilled_since.insert(webhook);
        }
    }

    /// A ticket went.
    pub fn ended(&mut self, id: DeliveryId) {
        self.worth_a_look |= !self.marks.is_empty();
        if let Some(load) = &mut self.load
            && id > load.after
        {
            load.ended_since.insert(id);
        }
    }

    /// When to look again whether something can be loaded.
    pub fn look_at(&self) -> Option<Timestamp> {
        (self.worth_a_look && self.load.is_none()).then_some(self.next_look)
    }

    /// From where to load now, if anything has room and nothing is on its way. The caller must
    /// load, and say what came of it with [`Spill::loaded`] or [`Spill::load_failed`].
    pub fn begin_load(
        &mut self,
        now: Timestamp,
        has_room: impl Fn(WebhookId) -> bool,
    ) -> Option<DeliveryId> {
        if self.look_at()? > now {
            return None;
        }
        self.next_look = now.saturating_add(LOOK_EVERY);
        self.worth_a_look = false;
        let with_room = self.marks.iter().filter(|(webhook, _)| has_room(**webhook));
        let after = with_room.map(|(_, mark)| *mark).chain(self.unread_above).min()?;
        self.load = Some(Load {
            after,
            spilled_since: IdSet::default(),
            ended_since: IdSet::default(),
            full: IdSet::default(),
        });
        Some(after)
    }

    pub fn load_failed(&mut self, now: Timestamp) {
        self.load = None;
        self.worth_a_look = true;
        self.next_look = now.saturating_add(FAILED_PAUSE);
    }

    /// A load has come. Each of its deliveries is to be asked about with [`Spill::wants`], in
    /// order; then it is [`Spill::walked`].
    pub fn loaded(&mut self) -> Load {
        self.load.take().expect("what comes was begun")
    }

    /// Whether a loaded delivery is one that memory does not know and has room for.
    pub fn wants(
        &mut self,
        load: &mut Load,
        webhook: WebhookId,
        id: DeliveryId,
        has_room: bool,
    ) -> bool {
        let is_sought = match self.marks.get(&webhook) {
            Some(mark) => load.after <= *mark && *mark < id,
            None => self.unread_above.is_some_and(|unread| unread < id),
        };
        if !is_sought || load.ended_since.contains(&id) || load.full.contains(&webhook) {
            return false;
        }
        if !has_room {
            load.full.insert(webhook);
            self.marks.insert(webhook, before(id));
        }
        has_room
    }

    /// The load ended at `last`. `is_end`: there was nothing above when it was read.
    pub fn walked(&mut self, load: &Load, last: Option<DeliveryId>, is_end: bool) {
        self.worth_a_look = true;
        let reached = last.unwrap_or(load.after);
        self.marks.retain(|webhook, mark| {
            if *mark < load.after || load.full.contains(webhook) {
                return true;
            }
            *mark = reached.max(*mark);
            !is_end || load.spilled_since.contains(webhook)
        });
        self.unread_above = self.unread_above.map(|unread| unread.max(reached));
        if is_end {
            self.unread_above = None;
        }
    }
}

fn before(id: DeliveryId) -> DeliveryId {
    DeliveryId::from_raw(id.as_raw() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;
    const ANY: fn(WebhookId) -> bool = |_| true;

    fn webhook(n: u64) -> WebhookId {
        WebhookId::from_raw(n)
    }

    fn delivery(n: u64) -> DeliveryId {
        DeliveryId::from_raw(n)
    }

    fn later(seconds: u64) -> Timestamp {
        NOW.saturating_add(Duration::from_secs(seconds))
    }

    /// What of a load is taken.
    fn take(spill: &mut Spill, rows: &[(u64, u64)], is_end: bool, room: usize) -> Vec<u64> {
        let mut load = spill.loaded();
        let mut taken = Vec::new();
        for &(w, d) in rows {
            if spill.wants(&mut load, webhook(w), delivery(d), taken.len() < room) {
                taken.push(d);
            }
        }
        spill.walked(&load, rows.last().map(|(_, d)| delivery(*d)), is_end);
        taken
    }

    #[test]
    fn what_was_spilled_is_loaded_once_and_then_nothing_is_behind() {
        let mut spill = Spill::default();
        assert_eq!(spill.begin_load(NOW, ANY), None);
        spill.spilled(webhook(1), delivery(10));
        spill.spilled(webhook(1), delivery(20));
        assert!(spill.is_behind(webhook(1)) && !spill.is_behind(webhook(2)));
        assert_eq!(spill.begin_load(NOW, ANY), Some(delivery(9)));
        assert_eq!(spill.begin_load(later(1), ANY), None, "one at a time");
        assert_eq!(take(&mut spill, &[(1, 10), (2, 15), (1, 20)], true, 9), [10, 20]);
        assert!(!spill.is_behind(webhook(1)));
        assert_eq!(spill.begin_load(later(2), ANY), None);
    }

    #[test]
    fn a_load_that_failed_loses_nothing() {
        let mut spill = Spill::default();
        spill.spilled(webhook(1), delivery(10));
        assert_eq!(spill.begin_load(NOW, ANY), Some(delivery(9)));
        spill.load_failed(NOW);
        assert_eq!(spill.begin_load(NOW, ANY), None, "not at once");
        assert_eq!(spill.begin_load(later(1), ANY), Some(delivery(9)));
    }

    #[test]
    fn what_is_spilled_while_the_end_is_read_is_loaded_next() {
        let mut spill = Spill::default();
        spill.spilled(webhook(1), delivery(10));
        spill.begin_load(NOW, ANY);
        spill.spilled(webhook(1), delivery(20));
        assert!(take(&mut spill, &[], true, 9).is_empty(), "cancelled meanwhile");
        assert_eq!(spill.begin_load(later(1), ANY), Some(delivery(9)));
        assert_eq!(take(&mut spill, &[(1, 20)], true, 9), [20]);
        assert!(!spill.is_behind(webhook(1)));
    }

    #[test]
    fn what_has_no_room_waits_on_from_there_and_holds_up_nobody() {
        let mut spill = Spill::default();
        spill.spilled(webhook(1), delivery(10));
        spill.spilled(webhook(2), delivery(20));
        spill.begin_load(NOW, ANY);
        let mut load = spill.loaded();
        let mut check = |w, d, room, expected| {
            assert_eq!(spill.wants(&mut load, webhook(w), delivery(d), room), expected, "{d}");
        };
        check(1, 10, true, true);
        check(1, 11, false, false);
        check(2, 20, true, true);
        check(1, 21, true, false);
        spill.walked(&load, Some(delivery(21)), true);
        assert!(spill.is_behind(webhook(1)) && !spill.is_behind(webhook(2)));
        assert_eq!(spill.begin_load(later(1), |_| false), None);
        spill.ended(delivery(10));
        assert_eq!(spill.begin_load(later(2), ANY), Some(delivery(10)));
    }

    #[test]
    fn what_ended_while_it_was_read_is_not_taken_up_again() {
        let mut spill = Spill::default();
        spill.spilled(webhook(1), delivery(10));
        spill.begin_load(NOW, ANY);
        spill.ended(delivery(11));
        assert_eq!(take(&mut spill, &[(1, 10), (1, 11)], true, 9), [10]);
    }

    #[test]
    fn after_a_restart_all_that_nobody_read_is_walked_through() {
        let mut spill = Spill::default();
        spill.unread_above(delivery(5));
        spill.spilled(webhook(1), delivery(30));
        assert_eq!(spill.begin_load(NOW, |_| false), Some(delivery(5)));
        assert_eq!(take(&mut spill, &[(1, 6), (2, 7), (2, 8)], false, 2), [6, 7]);
        assert!(spill.is_behind(webhook(2)), "no room for 8");
        assert_eq!(spill.begin_load(later(1), |_| false), Some(delivery(8)));
        assert_eq!(take(&mut spill, &[(2, 9), (1, 30)], true, 9), [30]);
        assert!(!spill.is_behind(webhook(1)));
        assert_eq!(spill.begin_load(later(2), ANY), Some(delivery(7)));
        assert_eq!(take(&mut spill, &[(2, 8), (2, 9), (1, 30)], true, 9), [8, 9]);
        assert_eq!(spill.begin_load(later(3), ANY), None);
    }

    #[test]
    fn an_event_taken_up_late_lowers_the_mark() {
        let mut spill = Spill::default();
        spill.spilled(webhook(1), delivery(200));
        spill.spilled(webhook(1), delivery(100));
        assert_eq!(spill.begin_load(NOW, ANY), Some(delivery(99)));
    }
}
