//! What to do with more deliveries than memory may hold: the newest get their row at once and are
//! forgotten; they are loaded back, oldest first, as room appears.
//!
//! While anything is spilled, everything new is spilled too. So what is on disk only is always
//! exactly what has an id above one mark, and loading is a walk upwards from that mark.

use posthaste_core::id::DeliveryId;

#[derive(Debug)]
pub struct Spill {
    /// Load back when fewer than half of these are in memory.
    tickets_max: usize,
    /// Everything above this was forgotten; `None` if nothing was.
    loaded_up_to: Option<DeliveryId>,
    newest_spilled: Option<DeliveryId>,
    loading: bool,
}

impl Spill {
    /// Deliveries loaded at a time.
    pub const LOAD_MAX: usize = 10_000;

    pub fn new(tickets_max: usize) -> Spill {
        Spill { tickets_max, loaded_up_to: None, newest_spilled: None, loading: false }
    }

    pub fn is_active(&self) -> bool {
        self.loaded_up_to.is_some()
    }

    /// Everything above `last` is on disk only.
    pub fn begin(&mut self, last: DeliveryId) {
        self.loaded_up_to = Some(last);
        // How far it reaches is not known: only an empty load says that the end was reached.
        self.newest_spilled = Some(DeliveryId::from_raw(u64::MAX));
    }

    pub fn spilled(&mut self, id: DeliveryId) {
        if self.loaded_up_to.is_none() {
            self.loaded_up_to = Some(DeliveryId::from_raw(id.as_raw() - 1));
        }
        self.newest_spilled = self.newest_spilled.max(Some(id));
    }

    /// From where to load now, if there is room and nothing is on its way. The caller must load.
    pub fn next_load(&mut self, tickets: usize) -> Option<DeliveryId> {
        if self.loading || tickets > self.tickets_max / 2 {
            return None;
        }
        let after = self.loaded_up_to?;
        self.loading = true;
        Some(after)
    }

    /// What was loaded ended at `last`; `None` if there was nothing more.
    pub fn loaded(&mut self, last: Option<DeliveryId>) {
        self.loading = false;
        let Some(last) = last else {
            self.loaded_up_to = None;
            self.newest_spilled = None;
            return;
        };
        self.loaded_up_to = Some(last);
        if Some(last) >= self.newest_spilled {
            self.loaded_up_to = None;
            self.newest_spilled = None;
        }
    }
}
