//! Which deliveries have no row yet, and so where the low-water mark lies: every delivery of every
//! event at or below it has one (I1 rests on it: what is above is read back after a crash).

use std::collections::VecDeque;

use posthaste_core::id::EventId;
use posthaste_core::limits::PARK_AFTER;
use posthaste_core::time::Timestamp;

/// An event some of whose deliveries may need rows. Holds no body: at full rate a second's worth
/// of bodies is tens of megabytes.
#[derive(Debug)]
struct Waiting {
    event_id: EventId,
    deliveries: u32,
    without_row: u32,
    /// When to give rows to what has none by then.
    park_at: Timestamp,
}

#[derive(Debug, Default)]
pub struct Unrecorded {
    /// In the order of their ids, which is that of acceptance. The first has a delivery without a
    /// row, and the mark lies below it; behind it stand some that have all their rows already.
    /// `PARK_AFTER` bounds how many.
    events: VecDeque<Waiting>,
    /// So many of them, from the first on, have been looked at for parking.
    looked_at: usize,
    newest: Option<EventId>,
    /// The mark that the recorder was told last.
    told: Option<EventId>,
}

impl Unrecorded {
    /// An event was taken over. Events come in the order of their ids.
    pub fn taken(&mut self, event: EventId) {
        self.newest = self.newest.max(Some(event));
    }

    /// `without_row` of the event's `deliveries` have no row.
    pub fn add(&mut self, now: Timestamp, event_id: EventId, deliveries: u32, without_row: u32) {
        let is_next = self.events.back().is_none_or(|last| last.event_id < event_id);
        assert!(is_next, "{event_id} comes after an event that is newer");
        let park_at = now.saturating_add(PARK_AFTER);
        self.events.push_back(Waiting { event_id, deliveries, without_row, park_at });
    }

    /// One delivery of the event gets its first row.
    pub fn recorded(&mut self, event: EventId) {
        let found = self.events.binary_search_by_key(&event, |waiting| waiting.event_id);
        let Ok(position) = found else { return };
        self.events[position].without_row -= 1;
        while self.events.front().is_some_and(|first| first.without_row == 0) {
            self.events.pop_front();
            self.looked_at = self.looked_at.saturating_sub(1);
        }
    }

    /// The mark that holds once everything handed to the recorder so far is written.
    pub fn low_water(&mut self) -> Option<EventId> {
        self.told = match self.events.front() {
            Some(first) => Some(EventId::from_raw(first.event_id.as_raw() - 1)),
            None => self.newest,
        };
        self.told
    }

    /// The mark, if it has risen since it was last told.
    pub fn risen_low_water(&mut self) -> Option<EventId> {
        let told = self.told;
        self.low_water().filter(|mark| Some(*mark) > told)
    }

    /// An event that has waited `PARK_AFTER` and has deliveries without a row, and how many
    /// deliveries it has in all.
    pub fn next_overdue(&mut self, now: Timestamp) -> Option<(EventId, usize)> {
        while let Some(waiting) = self.events.get(self.looked_at)
            && waiting.park_at <= now
        {
            self.looked_at += 1;
            if waiting.without_row > 0 {
                return Some((waiting.event_id, waiting.deliveries as usize));
            }
        }
        None
    }

    /// When the next one will have waited that long.
    pub fn overdue_at(&self) -> Option<Timestamp> {
        self.events.get(self.looked_at).map(|next| next.park_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn event(n: u64) -> EventId {
        EventId::from_raw(n)
    }

    #[test]
    fn the_mark_stays_below_the_first_event_with_a_delivery_without_a_row() {
        let mut unrecorded = Unrecorded::default();
        assert_eq!(unrecorded.low_water(), None);
        for (id, without_row) in [(10, 2), (20, 1), (30, 1)] {
            unrecorded.taken(event(id));
            unrecorded.add(NOW, event(id), 2, without_row);
        }
        let mut check = |id, mark| {
            unrecorded.recorded(event(id));
            assert_eq!(unrecorded.low_water(), Some(event(mark)), "after one of {id}");
        };
        check(20, 9);
        check(10, 9);
        check(10, 29);
        check(30, 30);
    }

    #[test]
    fn an_event_without_deliveries_raises_the_mark_once() {
        let mut unrecorded = Unrecorded::default();
        unrecorded.taken(event(10));
        assert_eq!(unrecorded.risen_low_water(), Some(event(10)));
        assert_eq!(unrecorded.risen_low_water(), None);
    }

    #[test]
    fn only_what_still_has_no_row_is_parked() {
        let mut unrecorded = Unrecorded::default();
        for id in [10, 20] {
            unrecorded.taken(event(id));
            unrecorded.add(NOW, event(id), 1, 1);
        }
        unrecorded.recorded(event(10));
        assert_eq!(unrecorded.next_overdue(NOW), None);
        let later = NOW.saturating_add(PARK_AFTER);
        assert_eq!(unrecorded.overdue_at(), Some(later));
        assert_eq!(unrecorded.next_overdue(later), Some((event(20), 1)));
        assert_eq!(unrecorded.next_overdue(later), None);
    }
}
