//! Events: one accepted occurrence of an event type each, immutable.

use std::sync::Arc;

use crate::attempt::Trigger;
use crate::event_type::EventType;
use crate::id::{AccountId, EventId, PowerlistId, WebhookId};
use crate::time::Timestamp;

/// An event on its way in: valid, in canonical form, and already matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub event_type: EventType,
    /// The event's own time, which need not be the time it reached us.
    pub timestamp: Timestamp,
    pub powerlist_id: Option<PowerlistId>,
    /// A JSON object in canonical form (see `canonical`).
    pub data: Arc<str>,
    /// `Event`, or `Test` for a sample sent to one webhook.
    pub trigger: Trigger,
    /// Through how many webhooks came what it tells of.
    pub hops: u8,
    /// The webhooks it goes to, fixed when it is accepted: a later change of configuration must
    /// not change what a 202 promised.
    pub targets: Vec<WebhookId>,
}

/// An accepted event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Also says when it was accepted ([`EventId::created_at`]).
    pub id: EventId,
    pub account_id: AccountId,
    pub event_type: EventType,
    pub timestamp: Timestamp,
    pub powerlist_id: Option<PowerlistId>,
    pub data: Arc<str>,
    pub trigger: Trigger,
    /// Through how many webhooks came what it tells of.
    pub hops: u8,
    /// Position `n` is delivered as [`EventId::delivery`]`(n)`.
    pub targets: Arc<[WebhookId]>,
}

/// What the answer to `POST /v1/events` says of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventReceipt {
    pub id: EventId,
    pub event_type: EventType,
    pub timestamp: Timestamp,
    pub deliveries: usize,
}

impl Event {
    pub fn receipt(&self) -> EventReceipt {
        EventReceipt {
            id: self.id,
            event_type: self.event_type.clone(),
            timestamp: self.timestamp,
            deliveries: self.targets.len(),
        }
    }
}

/// A caller's `idempotency-key`, and what came with it: the same key with another body is a
/// mistake that must be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idempotency {
    /// SHA-256 of the key. Scoped to its account by the store.
    pub key_hash: [u8; 32],
    /// SHA-256 of the path and the body.
    pub request_hash: [u8; 32],
}
