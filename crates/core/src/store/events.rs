//! Accepting events, and reading them back.

use std::sync::Arc;

use async_trait::async_trait;

use super::StoreError;
use crate::event::{Event, EventReceipt, Idempotency, NewEvent};
use crate::event_type::EventType;
use crate::id::{AccountId, DeliveryId, EventId};
use crate::page::{Page, PageRequest};
use crate::time::Timestamp;

/// Events to be accepted together: one `POST /v1/events`, or one batch.
#[derive(Debug, Clone)]
pub struct Accept {
    pub account_id: AccountId,
    pub events: Vec<NewEvent>,
    pub idempotency: Option<Idempotency>,
}

/// What came of an [`Accept`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Stored now.
    New(Vec<EventReceipt>),
    /// The same request under the same key was stored before: its receipts.
    Repeated(Vec<EventReceipt>),
    /// Another request was stored under this key. Nothing was stored.
    KeyReused,
}

/// Takes over events the moment they are on disk. The store calls it, not whoever posted the
/// event: a poster may hang up between commit and answer, and its event must still be delivered.
pub trait AcceptedSink: Send + Sync + 'static {
    /// Called once per commit, in commit order, before the posters get their answers. Must not
    /// block.
    fn accepted(&self, events: Vec<Arc<Event>>);
}

/// Which events of an account to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub event_type: Option<EventType>,
    /// Accepted at or after.
    pub since: Option<Timestamp>,
    /// Accepted before.
    pub until: Option<Timestamp>,
}

#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Stores events with their targets. `Ok` means: on disk. All or nothing.
    ///
    /// Ids rise in the order of commits: once an id was handed out, no smaller one will appear.
    /// (The low-water mark of [`super::DeliveryStore`] rests on this.) Each event is followed by
    /// the ids of its deliveries ([`EventId::delivery`]).
    ///
    /// With an idempotency key, the first request wins however many come at once, and its answer
    /// is repeated for 24 h after it was stored, also after a restart. Keys of different accounts
    /// have nothing to do with each other.
    ///
    /// Calls that come together share a commit. [`StoreError::Overloaded`] when too many wait.
    async fn accept(&self, now: Timestamp, accept: Accept) -> Result<Accepted, StoreError>;

    async fn event(
        &self,
        account: AccountId,
        id: EventId,
    ) -> Result<Option<Arc<Event>>, StoreError>;

    /// For the engine: the event with that id, whosever it is.
    async fn event_to_deliver(&self, id: EventId) -> Result<Option<Arc<Event>>, StoreError>;

    /// For the engine: those of `ids`, which rise, that are there, until the data of all is
    /// `bytes_max` together. Events lie beside each other, so many cost less than each alone.
    async fn events_to_deliver(
        &self,
        ids: Vec<EventId>,
        bytes_max: usize,
    ) -> Result<Vec<Arc<Event>>, StoreError>;

    /// The event that `delivery` delivers: known even before the delivery has a row.
    async fn event_of_delivery(
        &self,
        account: AccountId,
        delivery: DeliveryId,
    ) -> Result<Option<Arc<Event>>, StoreError>;

    async fn list_events(
        &self,
        account: AccountId,
        filter: &EventFilter,
        page: PageRequest,
    ) -> Result<Page<Arc<Event>>, StoreError>;
}
