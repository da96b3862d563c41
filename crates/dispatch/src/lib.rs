//! Sending: the delivery engine, and the one dialer through which anything leaves the process.
//!
//! # The engine
//! An accepted event reaches the engine from the store, the moment it is on disk
//! ([`Intake`]). Each of its deliveries gets a ticket and a place in its webhook's lane
//! (`posthaste_core::lanes`); when its turn comes, a task builds the body, signs it, sends it and
//! reports the outcome; `posthaste_core::delivery::after_attempt` decides what follows; the
//! recorder writes it down together with hundreds of others.
//!
//! Nothing is claimed, leased or polled. What makes this safe is that every delivery is owed on
//! disk before it is in memory: by its event's row until it has a row of its own, by that row
//! until it has ended. A crash loses memory and nothing else; the next start finds what is owed
//! and sends it, at worst a second time under the same `webhook-id`. That is at-least-once, with
//! duplicates bounded by what was on the wire or not yet recorded.
//!
//! # What bounds it
//! Requests on the wire, per webhook and in all; deliveries in memory, of which no webhook may take
//! more than there is room left (more wait on disk); bodies in memory; deliveries without a row
//! (accepting waits); outcomes not recorded yet (sending waits). Each bound has a name in
//! `posthaste_core::limits`.

mod admission;
mod bodies;
pub mod client;
mod deliver;
pub mod dialer;
mod dispatcher;
mod http1;
mod http2;
pub mod http_transport;
mod keys;
mod live;
mod load;
mod messages;
mod planned;
mod pool;
mod recorder;
pub mod resolver;
mod spill;
mod tickets;
pub mod tls;
pub mod transport;
mod unrecorded;

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_core::delivery::Delivery;
use posthaste_core::engine::{Cancellation, DeliveryEngine, EngineLoad, EngineStopped, Subscribed};
use posthaste_core::event::Event;
use posthaste_core::id::{DeliveryId, WebhookId};
use posthaste_core::limits::SHUTDOWN_GRACE;
use posthaste_core::store::{AcceptedSink, StoreError};
use posthaste_core::stream::{NoPlace, Subscribe};
use tokio::sync::{mpsc, oneshot};

use admission::Admission;
pub use deliver::{Job, deliver};
use dispatcher::Dispatcher;
pub use dispatcher::{Bounds, Deps};
use live::Live;
use load::LoadCell;
use messages::{Inbox, Request, Wish};
use spill::Spill;

/// Requests waiting for the engine; a caller beyond that waits.
const REQUESTS_MAX: usize = 1_024;

/// Where the store puts accepted events. Made before the store is opened, given to the engine
/// when that starts.
#[derive(Debug)]
pub struct Intake {
    sender: IntakeSender,
    receiver: mpsc::UnboundedReceiver<Vec<Arc<Event>>>,
}

/// The store's end. Unbounded in itself; the API asks [`DeliveryEngine::admit`] before it
/// accepts.
#[derive(Debug, Clone)]
pub struct IntakeSender(mpsc::UnboundedSender<Vec<Arc<Event>>>);

impl Intake {
    #[expect(
        clippy::new_without_default,
        reason = "it makes a channel: worth seeing in the caller"
    )]
    pub fn new() -> Intake {
        let (sender, receiver) = mpsc::unbounded_channel();
        Intake { sender: IntakeSender(sender), receiver }
    }

    pub fn sender(&self) -> IntakeSender {
        self.sender.clone()
    }
}

impl AcceptedSink for IntakeSender {
    fn accepted(&self, events: Vec<Arc<Event>>) {
        // An engine that has stopped finds them on disk when it starts again.
        let _ = self.0.send(events);
    }
}

/// The running engine, as others see it.
#[derive(Clone)]
pub struct Engine {
    requests: mpsc::Sender<Request>,
    admission: Arc<Admission>,
    load: Arc<LoadCell>,
    live: Live,
}

impl Engine {
    /// Takes up what an earlier process left, and gives the engine with the future that runs it.
    /// The future ends after `shutdown` has resolved and everything is recorded (or, with a full
    /// disk, could not be within `SHUTDOWN_GRACE`), or with the store's error when the store fails: then the process must not go on acknowledging.
    pub async fn start(
        deps: Deps,
        intake: Intake,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(Engine, impl Future<Output = Result<(), StoreError>> + Send), StoreError> {
        // The rest is loaded while the engine runs: a start with a million takes no longer.
        let recovered = deps.store.recover(Spill::LOAD_MAX).await?;
        let admission = Arc::new(Admission::default());
        let load = Arc::new(LoadCell::default());
        let live = Live::new(deps.clock.clone(), deps.entropy.clone());
        let (recorder, queue) = recorder::channel();
        let (requests, requests_received) = mpsc::channel(REQUESTS_MAX);
        let (report, reports) = mpsc::unbounded_channel();
        let store = deps.store.clone();
        let mut dispatcher =
            Dispatcher::new(deps, recorder, admission.clone(), report, load.clone());
        dispatcher.take_up(recovered);
        let inbox = Inbox { accepted: intake.receiver, requests: requests_received, reports };
        let engine = Engine { requests, admission: admission.clone(), load, live: live.clone() };
        let run = async move {
            // However this ends, dropped half-way included, nobody may go on waiting for it.
            let _stop = StopWhenDropped(admission.clone(), live.clone());
            let recording = recorder::run(queue, store, admission, live);
            tokio::pin!(recording);
            tokio::select! {
                // The dispatcher ends first in a normal shutdown, and with it the recorder's
                // last handle: the recorder then writes what it has and ends too.
                () = dispatcher.run(inbox, shutdown) => {
                    let recorded = tokio::time::timeout(SHUTDOWN_GRACE, &mut recording).await;
                    // What is not recorded is still owed, and sent again after the next start.
                    recorded.unwrap_or(Err(StoreError::Full))
                }
                result = &mut recording => result,
            }
        };
        Ok((engine, run))
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, EngineStopped> {
        let (answer, wait) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| EngineStopped)?;
        wait.await.map_err(|_| EngineStopped)
    }
}

struct StopWhenDropped(Arc<Admission>, Live);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.stop();
        self.1.close();
    }
}

#[async_trait]
impl DeliveryEngine for Engine {
    async fn admit(&self) -> Result<(), EngineStopped> {
        self.admission.admit().await
    }

    async fn retry(&self, delivery: Delivery) -> Result<(), EngineStopped> {
        let (account, delivery) = (delivery.account_id, delivery.id);
        self.ask(|done| Request::Wish { account, delivery, wish: Wish::Retry(done) }).await
    }

    async fn cancel(&self, delivery: Delivery) -> Result<Cancellation, EngineStopped> {
        let (account, delivery) = (delivery.account_id, delivery.id);
        self.ask(|done| Request::Wish { account, delivery, wish: Wish::Cancel(done) }).await
    }

    async fn attempted(&self, delivery: DeliveryId) -> Result<(), EngineStopped> {
        self.ask(|done| Request::Attempted(delivery, done)).await
    }

    async fn is_delivering(&self, deliveries: &[DeliveryId]) -> Result<Vec<bool>, EngineStopped> {
        self.ask(|done| Request::IsDelivering(deliveries.to_vec(), done)).await
    }

    async fn webhook_changed(&self, webhook: WebhookId) -> Result<(), EngineStopped> {
        self.requests.send(Request::WebhookChanged(webhook)).await.map_err(|_| EngineStopped)
    }

    fn subscribe(&self, subscribe: Subscribe) -> Result<Subscribed, NoPlace> {
        self.live.subscribe(subscribe)
    }

    fn load(&self) -> EngineLoad {
        self.load.read(&self.admission, &self.live)
    }
}
