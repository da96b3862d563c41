//! What the engine hears: from outside, and from the tasks it has going.

use std::sync::Arc;
use std::time::Duration;

use posthaste_core::attempt::Attempt;
use posthaste_core::delivery::Delivery;
use posthaste_core::engine::Cancellation;
use posthaste_core::event::Event;
use posthaste_core::id::{AccountId, DeliveryId, WebhookId};
use posthaste_core::store::Outstanding;
use tokio::sync::{mpsc, oneshot};

/// The channels the engine listens on.
pub struct Inbox {
    pub accepted: mpsc::UnboundedReceiver<Vec<Arc<Event>>>,
    pub requests: mpsc::Receiver<Request>,
    pub reports: mpsc::UnboundedReceiver<Report>,
}

/// What may be asked of the engine from outside.
pub enum Request {
    Wish { account: AccountId, delivery: DeliveryId, wish: Wish },
    Attempted(DeliveryId, oneshot::Sender<()>),
    IsDelivering(Vec<DeliveryId>, oneshot::Sender<Vec<bool>>),
    WebhookChanged(WebhookId),
}

/// What somebody wants of one delivery.
pub enum Wish {
    Retry(oneshot::Sender<()>),
    Cancel(oneshot::Sender<Cancellation>),
}

/// Deliveries that waited on disk.
#[derive(Debug)]
pub struct Backlog {
    pub outstanding: Vec<Outstanding>,
    /// Of those that are due, as many as memory had room for.
    pub events: Vec<Arc<Event>>,
}

/// What the engine's own tasks bring back.
pub enum Report {
    /// An attempt ended.
    Finished {
        delivery: DeliveryId,
        manual: bool,
        attempt: Box<Attempt>,
        retry_after: Option<Duration>,
    },
    /// A fault of ours kept an attempt from being made. Uses up nothing.
    Fault { delivery: DeliveryId, manual: bool, reason: String },
    /// The event is not in the store any more: retention dropped it while the delivery waited.
    Expired { delivery: DeliveryId },
    /// Deliveries that waited on disk; `None` if the store could not say.
    Loaded(Option<Backlog>),
    /// What the store says of a delivery that somebody asked about and memory did not know.
    Reloaded { id: DeliveryId, delivery: Option<Box<Delivery>> },
    /// The engine itself disabled this webhook.
    Disabled(WebhookId),
}
