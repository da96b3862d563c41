//! What a store promises. One role trait per noun; an adapter implements all of them, and the
//! conformance suite in the store crate holds every adapter to the prose written here.
//!
//! Rules that hold for every operation:
//! - `now` is the caller's; a store never looks at a clock.
//! - When a call that changes something answers `Ok`, the change is on disk: it survives a power
//!   cut. When it answers `Err`, either nothing of it happened or (only for
//!   [`StoreError::Unavailable`] after the disk failed) the process must not go on acknowledging.
//! - A call is atomic: all of it or nothing.
//! - An id that belongs to another account does not exist for the caller.
//! - Lists come newest first.

mod accounts;
mod audit;
mod contacts;
mod deliveries;
mod events;
mod stats;
mod users;
mod webhooks;

pub use accounts::AccountStore;
pub use audit::{AuditFilter, AuditStore};
pub use contacts::{
    ContactEvent, ContactFilter, ContactStore, ImportStore, InboundStore, Origin, Upload, Wanted,
};
pub use deliveries::{
    DeliveryFilter, DeliveryRecord, DeliveryStore, Outstanding, RecordBatch, Recovered,
};
pub use events::{Accept, Accepted, AcceptedSink, EventFilter, EventStore};
pub use stats::{Health, StatsQuery, StatsSeries, StatsStore};
pub use users::{UserChange, UserStore};
pub use webhooks::{EventTypeStore, WebhookStore};

/// What can go wrong in a store, as far as a caller would act differently.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else has that name or number.
    #[error("{what} is already taken")]
    Taken { what: &'static str },
    /// More waits than may wait. The caller should come back.
    #[error("the store is overloaded")]
    Overloaded,
    /// The disk is full. Nothing was stored; it may work again once there is room.
    #[error("the disk is full")]
    Full,
    /// The store cannot be used: the disk failed, or it is shutting down. After a failed sync
    /// nobody knows what is on disk, so nothing may be acknowledged any more.
    #[error("the store is not available: {reason}")]
    Unavailable { reason: String },
    /// Something stored cannot be read back. Said instead of guessed around.
    #[error("stored data is damaged: {what}")]
    Damaged { what: String },
}

/// Everything a store does.
pub trait Store:
    AccountStore
    + UserStore
    + AuditStore
    + WebhookStore
    + EventTypeStore
    + EventStore
    + DeliveryStore
    + StatsStore
    + ContactStore
    + InboundStore
    + ImportStore
{
}

impl<T> Store for T where
    T: AccountStore
        + UserStore
        + AuditStore
        + WebhookStore
        + EventTypeStore
        + EventStore
        + DeliveryStore
        + StatsStore
        + ContactStore
        + InboundStore
        + ImportStore
{
}
