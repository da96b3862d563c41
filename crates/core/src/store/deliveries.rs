//! Recording what happened to deliveries, reading it back, and finding after a restart what is
//! still to be done.
//!
//! A delivery has no row when its event is accepted: the event's own row holds its targets, and
//! that is the promise. Its row appears with its first outcome, or after `PARK_AFTER` without
//! one. Which deliveries have rows is told by a low-water mark: every delivery of every event
//! with an id at or below the mark has one. Above the mark some have.

use std::sync::Arc;

use async_trait::async_trait;

use super::StoreError;
use crate::attempt::Attempt;
use crate::delivery::{Delivery, DeliveryStatus};
use crate::event::Event;
use crate::event_type::EventType;
use crate::id::{AccountId, DeliveryId, EventId, WebhookId};
use crate::page::{Page, PageRequest};
use crate::time::Timestamp;

/// A delivery as it now stands, and the attempt (if any) that brought it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    pub delivery: Delivery,
    /// Boxed: a record is moved from queue to queue.
    pub attempt: Option<Box<Attempt>>,
    /// Somebody asked for a manual attempt, and it has not been made yet. It survives a restart.
    pub manual_due: bool,
    /// The first row this delivery gets. The engine knows; it saves the store a look-up.
    pub first: bool,
}

/// What the recorder writes at once.
#[derive(Debug, Clone, Default)]
pub struct RecordBatch {
    /// In the order things happened; one delivery may appear more than once.
    pub records: Vec<DeliveryRecord>,
    /// With this batch, every delivery of every event at or below this id has a row.
    pub low_water: Option<EventId>,
}

/// A delivery that is not finished, as the engine needs it: no body, no log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding {
    pub delivery: Delivery,
    pub manual_due: bool,
}

/// What is still to be done, found when the engine starts.
#[derive(Debug, Clone, Default)]
pub struct Recovered {
    /// Accepted above the low-water mark; some of their deliveries may have rows.
    pub events: Vec<Arc<Event>>,
    /// Of the deliveries of `events`, those that have a row, finished or not.
    pub recorded: Vec<DeliveryId>,
    /// Unfinished deliveries with rows, and finished ones with a manual attempt due. Ordered by
    /// id; at most as many as were asked for.
    pub outstanding: Vec<Outstanding>,
    /// There are more outstanding ones behind the last of `outstanding`
    /// ([`DeliveryStore::outstanding_after`]).
    pub more: bool,
}

/// Which deliveries of an account to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    pub webhook_id: Option<WebhookId>,
    pub event_id: Option<EventId>,
    pub event_type: Option<EventType>,
    /// `Delivering` is never stored: it finds what is stored as pending or retrying.
    pub status: Option<DeliveryStatus>,
    /// Of the newest attempt.
    pub status_code: Option<u16>,
    /// Whose event was accepted at or after.
    pub since: Option<Timestamp>,
    /// Whose event was accepted before.
    pub until: Option<Timestamp>,
}

#[async_trait]
pub trait DeliveryStore: Send + Sync + 'static {
    /// Writes rows, attempts, what is outstanding, hits, rollups and the low-water mark. For each
    /// day of acceptance in the batch, all of that day's part is one transaction (I4): a crash
    /// leaves a day's part whole or absent.
    ///
    /// Writing the same attempt of a delivery again changes nothing, hits and rollups included.
    /// So does a record without an attempt that knows of fewer attempts than the row, or that
    /// would take an ended delivery back to an unfinished state: a batch may be written again.
    /// A record whose delivery says nothing of its newest attempt (`last` is `None`) leaves what
    /// the row says of it.
    async fn record(&self, batch: Arc<RecordBatch>) -> Result<(), StoreError>;

    /// What is to be done after a restart: at most `outstanding_max` unfinished deliveries, and
    /// every event above the low-water mark.
    async fn recover(&self, outstanding_max: usize) -> Result<Recovered, StoreError>;

    /// Unfinished deliveries with ids above `after`, in order: for going on when memory had no
    /// room for all of them.
    async fn outstanding_after(
        &self,
        after: DeliveryId,
        limit: usize,
    ) -> Result<Vec<Outstanding>, StoreError>;

    /// A delivery with its attempts, oldest first. `None` also if it has no row yet.
    async fn delivery(
        &self,
        account: AccountId,
        id: DeliveryId,
    ) -> Result<Option<(Delivery, Vec<Attempt>)>, StoreError>;

    /// Deliveries that have rows. A page may come back short with a cursor: a call looks at a
    /// bounded number of rows.
    async fn list_deliveries(
        &self,
        account: AccountId,
        filter: &DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError>;

    /// Drops what is older than `before` (whole days only), except hits; how many days. What is
    /// recorded of a dropped day afterwards is ignored, and no id of it is given out any more.
    async fn expire(&self, before: Timestamp) -> Result<usize, StoreError>;
}
