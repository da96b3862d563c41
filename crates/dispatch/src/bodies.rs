//! Events kept in memory until all their deliveries have ended, up to a bound in bytes. Beyond the
//! bound an event is read back from the store when its turn comes: 15 µs, against memory that
//! grows with the backlog.

use std::collections::HashMap;
use std::sync::Arc;

use posthaste_core::event::Event;
use posthaste_core::id::EventId;
use posthaste_core::limits::BODY_CACHE_BYTES_MAX;

/// What an event costs beside its data.
const EVENT_OVERHEAD_BYTES: usize = 256;

#[derive(Debug, Default)]
pub struct Bodies {
    kept: HashMap<EventId, (Arc<Event>, usize)>,
    bytes: usize,
}

impl Bodies {
    /// Keeps an event for `deliveries` deliveries, if there is room.
    pub fn keep(&mut self, event: &Arc<Event>, deliveries: usize) {
        let bytes = cost(event);
        if deliveries == 0 || self.bytes + bytes > BODY_CACHE_BYTES_MAX {
            return;
        }
        if self.kept.insert(event.id, (event.clone(), deliveries)).is_none() {
            self.bytes += bytes;
        }
    }

    pub fn get(&self, id: EventId) -> Option<Arc<Event>> {
        self.kept.get(&id).map(|(event, _)| event.clone())
    }

    /// One delivery of the event needs it no more.
    pub fn release(&mut self, id: EventId) {
        let Some((event, users)) = self.kept.get_mut(&id) else { return };
        *users -= 1;
        if *users == 0 {
            self.bytes -= cost(event);
            self.kept.remove(&id);
        }
    }
}

fn cost(event: &Event) -> usize {
    EVENT_OVERHEAD_BYTES + event.data.len() + 8 * event.targets.len()
}
