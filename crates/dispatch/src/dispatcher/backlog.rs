//! What memory has no room for: handed to the disk and loaded back (the marks are in
//! [`spill`](crate::spill)).

use std::iter::Peekable;
use std::sync::Arc;

use posthaste_core::delivery::DeliveryState;
use posthaste_core::engine::EngineStopped;
use posthaste_core::event::Event;
use posthaste_core::id::{DeliveryId, EventId, WebhookId};
use posthaste_core::store::StoreError;
use posthaste_core::time::Timestamp;

use super::{Deps, Dispatcher};
use crate::messages::{Backlog, Report};
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
        // Half of it: what is accepted meanwhile needs room as well.
        let bytes_max = self.bodies.room() / 2;
        self.tasks.spawn(async move {
            let loaded = async {
                recorder.flush().await.map_err(|_| EngineStopped.to_string())?;
                read(&deps, after, bytes_max).await.map_err(|error| error.to_string())
            };
            let loaded = loaded.await.inspect_err(|reason| {
                tracing::error!(reason, "waiting deliveries could not be loaded");
            });
            let _ = reports.send(Report::Loaded(loaded.ok()));
        });
    }

    pub(super) fn take_loaded(&mut self, now: Timestamp, loaded: Backlog) {
        let Backlog { outstanding, events } = loaded;
        let mut load = self.spill.loaded();
        let last = outstanding.last().map(|last| last.delivery.id);
        let is_end = outstanding.len() < Spill::LOAD_MAX;
        let mut events = events.into_iter().peekable();
        for outstanding in outstanding {
            let (id, webhook_id) = (outstanding.delivery.id, outstanding.delivery.webhook_id);
            let has_room = self.tickets.has_room(webhook_id);
            if self.spill.wants(&mut load, webhook_id, id, has_room) {
                self.take_outstanding(now, outstanding);
                self.keep_body(now, id, &mut events);
            }
        }
        self.spill.walked(&load, last, is_end);
    }

    /// Keeps the body of a delivery that is to be sent now. `events` and the deliveries that this
    /// is called with both stand in the order of their ids.
    fn keep_body(
        &mut self,
        now: Timestamp,
        id: DeliveryId,
        events: &mut Peekable<impl Iterator<Item = Arc<Event>>>,
    ) {
        let Some(ticket) = self.tickets.get_mut(id) else { return };
        while events.next_if(|event| event.id < ticket.event_id).is_some() {}
        let Some(event) = events.peek().filter(|event| event.id == ticket.event_id) else { return };
        let is_sent_soon = is_due(now, ticket.state) && !self.lanes.is_held(ticket.webhook_id);
        if is_sent_soon && !ticket.has_body {
            ticket.has_body = self.bodies.keep(event, 1);
        }
    }
}

/// What is outstanding above `after`, and the events of what is due.
async fn read(deps: &Deps, after: DeliveryId, bytes_max: usize) -> Result<Backlog, StoreError> {
    let outstanding = deps.store.outstanding_after(after, Spill::LOAD_MAX).await?;
    let now = deps.clock.now();
    let due = outstanding.iter().filter(|one| is_due(now, one.delivery.state));
    let mut ids: Vec<EventId> = due.map(|one| one.delivery.event_id).collect();
    ids.dedup();
    let events = deps.store.events_to_deliver(ids, bytes_max).await?;
    Ok(Backlog { outstanding, events })
}

fn is_due(now: Timestamp, state: DeliveryState) -> bool {
    state.due().is_some_and(|due| due <= now)
}
