//! What memory has no room for: handed to the disk and loaded back (the marks are in
//! [`spill`](crate::spill)).

use posthaste_core::engine::EngineStopped;
use posthaste_core::id::{DeliveryId, WebhookId};
use posthaste_core::store::Outstanding;
use posthaste_core::time::Timestamp;

use super::Dispatcher;
use crate::messages::Report;
use crate::spill::Spill;

impl Dispatcher {
    /// Whether memory may hold one more of this webhook's.
    pub(super) fn fits(&self, webhook_id: WebhookId) -> bool {
        self.tickets.has_room(webhook_id) && !self.spill.is_behind(webhook_id)
    }

    /// Beyond what memory may hold: give it its row at once and forget it until there is room.
    pub(super) fn spill_ticket(&mut self, id: DeliveryId) {
        self.record(id, None);
        self.release_body(id);
        let ticket = self.tickets.remove(id).expect("recorded just now");
        self.spill.spilled(ticket.webhook_id, id);
    }

    pub(super) fn load_more(&mut self, now: Timestamp) {
        let has_room = |webhook| self.tickets.has_plenty_of_room(webhook);
        let Some(after) = self.spill.begin_load(now, has_room) else { return };
        let (deps, recorder, reports) =
            (self.deps.clone(), self.recorder.clone(), self.reports.clone());
        self.tasks.spawn(async move {
            let loaded = async {
                recorder.flush().await.map_err(|_| EngineStopped.to_string())?;
                let loaded = deps.store.outstanding_after(after, Spill::LOAD_MAX).await;
                loaded.map_err(|error| error.to_string())
            };
            let loaded = loaded.await.inspect_err(|reason| {
                tracing::error!(reason, "waiting deliveries could not be loaded");
            });
            let _ = reports.send(Report::Loaded(loaded.ok()));
        });
    }

    pub(super) fn take_loaded(&mut self, now: Timestamp, loaded: Vec<Outstanding>) {
        let mut load = self.spill.loaded();
        let last = loaded.last().map(|last| last.delivery.id);
        let is_end = loaded.len() < Spill::LOAD_MAX;
        for outstanding in loaded {
            let (id, webhook_id) = (outstanding.delivery.id, outstanding.delivery.webhook_id);
            let has_room = self.tickets.has_room(webhook_id);
            if self.spill.wants(&mut load, webhook_id, id, has_room) {
                self.take_outstanding(now, outstanding);
            }
        }
        self.spill.walked(&load, last, is_end);
    }
}
