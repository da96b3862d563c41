//! What the API may ask of the delivery engine. The engine lives in the dispatch crate; the API
//! knows only this.

use async_trait::async_trait;

use crate::delivery::Delivery;
use crate::id::{DeliveryId, WebhookId};
use crate::stream::{NoPlace, Piece, Reset, Subscribe, UpdateId};

/// The engine does not take any more work: it is shutting down, or its store failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the delivery engine has stopped")]
pub struct EngineStopped;

/// What came of asking for a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    Cancelled,
    /// It had ended before; nothing changed.
    AlreadyEnded,
}

/// A view of the engine's memory, for metrics and readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EngineLoad {
    /// Deliveries in memory that have not ended.
    pub outstanding: usize,
    /// Requests on the wire.
    pub in_flight: usize,
    /// Accepted deliveries without a row yet.
    pub unrecorded: usize,
    /// Open live streams.
    pub subscribers: usize,
}

/// A subscriber of the live stream. Its place is free again when this is dropped.
#[async_trait]
pub trait Updates: Send {
    /// Waits for what comes next; a piece is never empty. `None`: the engine has stopped. Whoever
    /// stops waiting half-way has lost nothing.
    async fn next(&mut self) -> Option<Piece>;

    /// Where to go on after the last piece.
    fn id(&self) -> UpdateId;
}

/// A new subscriber.
pub struct Subscribed {
    pub updates: Box<dyn Updates>,
    /// It wanted to go on from somewhere and cannot.
    pub reset: Option<Reset>,
}

#[async_trait]
pub trait DeliveryEngine: Send + Sync + 'static {
    /// Waits until the engine can take more. Ask before accepting events: this is what bounds
    /// memory when events come faster than outcomes can be recorded.
    async fn admit(&self) -> Result<(), EngineStopped>;

    /// Tries a delivery once more, now, whatever its state, without touching its schedule.
    /// Which one is all that counts of `delivery`: the engine knows better how it stands. Answers
    /// when the wish is on disk.
    async fn retry(&self, delivery: Delivery) -> Result<(), EngineStopped>;

    /// Ends a delivery that has not ended. Answers when that is on disk. An attempt on the wire
    /// is not called back, and still recorded; a success still counts as delivered.
    async fn cancel(&self, delivery: Delivery) -> Result<Cancellation, EngineStopped>;

    /// Waits until the delivery has had its first attempt and that is on disk, or has ended.
    async fn attempted(&self, delivery: DeliveryId) -> Result<(), EngineStopped>;

    /// Whether a request of this delivery is on the wire right now.
    async fn is_delivering(&self, deliveries: &[DeliveryId]) -> Result<Vec<bool>, EngineStopped>;

    /// The directory has a new version of this webhook, or lost it.
    async fn webhook_changed(&self, webhook: WebhookId) -> Result<(), EngineStopped>;

    /// Opens a live stream of what changes about deliveries. An update comes after it is on disk:
    /// who reads the store after this call, and then the stream, misses nothing.
    fn subscribe(&self, subscribe: Subscribe) -> Result<Subscribed, NoPlace>;

    fn load(&self) -> EngineLoad;
}
