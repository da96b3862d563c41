//! Events kept in memory until all their deliveries have been tried once, up to a bound in bytes.
//! Beyond the bound an event is read back from the store when its turn comes: 15 µs, against memory
//! that grows with the backlog.

use std::sync::Arc;

use posthaste_core::event::Event;
use posthaste_core::id::EventId;
use posthaste_core::id_map::IdMap;
use posthaste_core::limits::BODY_CACHE_BYTES_MAX;

/// What an event costs beside its data.
const EVENT_OVERHEAD_BYTES: usize = 256;

#[derive(Debug, Default)]
pub struct Bodies {
    kept: IdMap<EventId, (Arc<Event>, usize)>,
    bytes: usize,
}

impl Bodies {
    /// Keeps an event for `deliveries` more deliveries. `false` if there is no room. Each of them
    /// has to [`Bodies::release`] it.
    pub fn keep(&mut self, event: &Arc<Event>, deliveries: usize) -> bool {
        debug_assert!(deliveries > 0, "{} is kept for nobody", event.id);
        if let Some((_, users)) = self.kept.get_mut(&event.id) {
            *users += deliveries;
            return true;
        }
        let bytes = cost(event);
        if self.bytes + bytes > BODY_CACHE_BYTES_MAX {
            return false;
        }
        self.kept.insert(event.id, (event.clone(), deliveries));
        self.bytes += bytes;
        true
    }

    /// Bytes that may still be kept.
    pub fn room(&self) -> usize {
        BODY_CACHE_BYTES_MAX - self.bytes
    }

    pub fn get(&self, id: EventId) -> Option<Arc<Event>> {
        self.kept.get(&id).map(|(event, _)| event.clone())
    }

    /// One of the deliveries it is kept for needs it no more.
    pub fn release(&mut self, id: EventId) {
        let (event, users) = self.kept.get_mut(&id).expect("released once by each it is kept for");
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
