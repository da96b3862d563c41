//! What the engine holds in memory for each delivery, and how much of the memory each webhook may
//! take.
//!
//! A webhook may hold as many tickets as there is room left for. So one that is paused or dead
//! takes half of the memory at most, two of them two thirds together, and there is always room for
//! a webhook that has little waiting. A fixed share was rejected: eight times an eighth is all.

use std::collections::hash_map::Entry;

use posthaste_core::attempt::Trigger;
use posthaste_core::delivery::{Delivery, DeliveryState, Progress};
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, DeliveryId, EventId, WebhookId};
use posthaste_core::id_map::IdMap;

/// A delivery in memory.
#[derive(Debug)]
pub struct Ticket {
    pub event_id: EventId,
    pub account_id: AccountId,
    pub webhook_id: WebhookId,
    pub event_type: EventType,
    pub trigger: Trigger,
    pub state: DeliveryState,
    pub progress: Progress,
    /// It has a row.
    pub recorded: bool,
    /// It counts among those for whom the event's body is kept.
    pub has_body: bool,
    pub in_flight: u8,
    /// The number of the attempt started last.
    pub last_number: u32,
    pub manual_due: bool,
    /// Its webhook is gone, and it is about to be ended.
    pub doomed: bool,
}

impl Ticket {
    /// Of a delivery that has a row.
    pub fn of(delivery: Delivery, manual_due: bool) -> Ticket {
        Ticket {
            event_id: delivery.event_id,
            account_id: delivery.account_id,
            webhook_id: delivery.webhook_id,
            event_type: delivery.event_type,
            trigger: delivery.trigger,
            state: delivery.state,
            progress: delivery.progress,
            recorded: true,
            has_body: false,
            in_flight: 0,
            last_number: 0,
            manual_due,
            doomed: false,
        }
    }

    /// Whether an attempt is still to be made, by hand or by the schedule.
    pub fn wants(&self, manual: bool) -> bool {
        if manual { self.manual_due } else { self.state.due().is_some() }
    }

    /// The number of an attempt that starts now. One that a fault of ours kept from being made
    /// leaves its number to the next, unless another is on the wire beside it: no two that are
    /// recorded may share one.
    pub fn start_attempt(&mut self) -> u32 {
        let before = if self.in_flight == 0 { self.progress.attempts } else { self.last_number };
        self.last_number = before + 1;
        self.in_flight += 1;
        self.last_number
    }

    /// Nothing is to come of it any more.
    pub fn is_done(&self) -> bool {
        self.state.due().is_none() && self.in_flight == 0 && !self.manual_due
    }
}

/// All deliveries in memory.
#[derive(Debug)]
pub struct Tickets {
    by_id: IdMap<DeliveryId, Ticket>,
    held: IdMap<WebhookId, usize>,
    max: usize,
}

impl Tickets {
    pub fn new(max: usize) -> Tickets {
        Tickets { by_id: IdMap::default(), held: IdMap::default(), max }
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn contains(&self, id: DeliveryId) -> bool {
        self.by_id.contains_key(&id)
    }

    pub fn get(&self, id: DeliveryId) -> Option<&Ticket> {
        self.by_id.get(&id)
    }

    pub fn get_mut(&mut self, id: DeliveryId) -> Option<&mut Ticket> {
        self.by_id.get_mut(&id)
    }

    /// Adds the ticket of a delivery that has none.
    pub fn insert(&mut self, id: DeliveryId, ticket: Ticket) {
        *self.held.entry(ticket.webhook_id).or_default() += 1;
        let before = self.by_id.insert(id, ticket);
        debug_assert!(before.is_none(), "{id} has a ticket already");
    }

    pub fn remove(&mut self, id: DeliveryId) -> Option<Ticket> {
        let ticket = self.by_id.remove(&id)?;
        if let Entry::Occupied(mut held) = self.held.entry(ticket.webhook_id) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
        Some(ticket)
    }

    /// Marks those of one webhook as about to be ended, and answers them in order. A walk over all
    /// tickets: people delete and disable webhooks rarely, and an index by webhook would cost every
    /// delivery.
    pub fn doom(&mut self, webhook: WebhookId) -> Vec<DeliveryId> {
        let of_it = self.by_id.iter_mut().filter(|(_, ticket)| ticket.webhook_id == webhook);
        let mut ids: Vec<DeliveryId> = of_it
            .map(|(id, ticket)| {
                ticket.doomed = true;
                *id
            })
            .collect();
        ids.sort_unstable();
        ids
    }

    /// Whether this webhook may hold one more.
    pub fn has_room(&self, webhook: WebhookId) -> bool {
        self.held_by(webhook) < self.room()
    }

    /// Whether it may hold twice what it holds: then it is worth loading more from disk.
    pub fn has_plenty_of_room(&self, webhook: WebhookId) -> bool {
        2 * self.held_by(webhook) < self.room()
    }

    fn held_by(&self, webhook: WebhookId) -> usize {
        self.held.get(&webhook).copied().unwrap_or_default()
    }

    fn room(&self) -> usize {
        self.max.saturating_sub(self.by_id.len())
    }
}
