//! The live stream's end in the engine: the recorder pushes, subscribers wait and read. What is
//! kept and who is shown what is decided in `posthaste_core::stream`.
//!
//! While nobody listens, and nobody has for `STREAM_KEPT`, there is no ring: all it costs then is
//! to look at one flag for each batch, which is of up to 5,000 deliveries. Otherwise each
//! recorded delivery, which would be freed now, is moved into the ring instead (152 bytes, no
//! allocation), and the one that makes room is freed: 68 ns (measured) of the 25 µs that a delivery
//! costs in all. Filters and texts are the subscribers' own business, in their own tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use posthaste_core::engine::{Subscribed, Updates};
use posthaste_core::id::AccountId;
use posthaste_core::limits::{STREAM_KEPT, STREAM_RING_MAX};
use posthaste_core::store::RecordBatch;
use posthaste_core::stream::{
    Epoch, NoPlace, Piece, PlaceBounds, Places, Ring, Subscribe, Subscription, UpdateId,
};
use posthaste_core::time::{Clock, Entropy, Timestamp};
use tokio::sync::watch;

/// What the recorder and all subscribers share. Cheap to clone.
#[derive(Clone)]
pub struct Live(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// There is a ring. Beside the lock, so that the recorder need not take it to find none.
    is_kept: AtomicBool,
    state: Mutex<State>,
    /// Wakes whoever waits for the next update; true once there will be none.
    closed: watch::Sender<bool>,
}

struct State {
    ring: Option<Ring>,
    places: Places,
    /// When a place was last given back.
    left_at: Timestamp,
}

impl Live {
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Live {
        let state = State {
            ring: None,
            places: Places::new(PlaceBounds::default()),
            left_at: Timestamp::EPOCH,
        };
        Live(Arc::new(Shared {
            clock,
            entropy,
            is_kept: AtomicBool::new(false),
            state: Mutex::new(state),
            closed: watch::Sender::new(false),
        }))
    }

    /// Shows a batch that is on disk.
    pub fn publish(&self, batch: Arc<RecordBatch>) {
        // Whoever subscribes in this moment reads from disk what this batch held.
        if !self.0.is_kept.load(Ordering::Acquire) {
            return;
        }
        let mut state = self.0.state.lock();
        let is_watched = state.places.taken() > 0;
        if !is_watched && self.0.clock.now().since(state.left_at) >= STREAM_KEPT {
            state.ring = None;
            self.0.is_kept.store(false, Ordering::Release);
            return;
        }
        let ring = state.ring.as_mut().expect("kept until it is dropped right above");
        // The store has mostly let go of its share by now.
        match Arc::try_unwrap(batch) {
            Ok(batch) => {
                for record in batch.records {
                    ring.push(record.delivery);
                }
            }
            Err(batch) => {
                for record in &batch.records {
                    ring.push(record.delivery.clone());
                }
            }
        }
        drop(state);
        if is_watched {
            self.0.closed.send_modify(|_| {});
        }
    }

    pub fn subscribe(&self, subscribe: Subscribe) -> Result<Subscribed, NoPlace> {
        let account = subscribe.filter.account_id;
        // Subscribe before looking, so that a change between the two is not missed.
        let changed = self.0.closed.subscribe();
        if *changed.borrow() {
            return Err(NoPlace::Stopped);
        }
        let mut state = self.0.state.lock();
        state.places.take(account)?;
        let ring = state
            .ring
            .get_or_insert_with(|| Ring::new(Epoch::generate(&*self.0.entropy), STREAM_RING_MAX));
        let (subscription, reset) = ring.subscribe(subscribe);
        self.0.is_kept.store(true, Ordering::Release);
        drop(state);
        let subscriber = Subscriber { live: self.clone(), account, subscription, changed };
        Ok(Subscribed { updates: Box::new(subscriber), reset })
    }

    pub fn subscribers(&self) -> usize {
        self.0.state.lock().places.taken()
    }

    /// There will be no more updates: ends every stream.
    pub fn close(&self) {
        self.0.closed.send_replace(true);
    }
}

struct Subscriber {
    live: Live,
    account: AccountId,
    subscription: Subscription,
    changed: watch::Receiver<bool>,
}

impl Subscriber {
    fn read(&mut self) -> Piece {
        let shared = &self.live.0;
        let now = shared.clock.now();
        let state = shared.state.lock();
        let ring = state.ring.as_ref().expect("kept while somebody has a place");
        ring.read(now, &mut self.subscription)
    }

    /// Until there may be something to read. False: never again.
    async fn wait(&mut self) -> bool {
        let Some(due) = self.subscription.due() else {
            return self.changed.changed().await.is_ok();
        };
        let wait = due.since(self.live.0.clock.now());
        // Time up: there is a number of skipped ones to tell.
        tokio::time::timeout(wait, self.changed.changed()).await.unwrap_or(Ok(())).is_ok()
    }
}

#[async_trait]
impl Updates for Subscriber {
    async fn next(&mut self) -> Option<Piece> {
        loop {
            // Marked as seen before the look: what comes during it wakes the wait below.
            if *self.changed.borrow_and_update() {
                return None;
            }
            let piece = self.read();
            if !piece.is_empty() {
                return Some(piece);
            }
            if piece.more {
                tokio::task::yield_now().await;
            } else if !self.wait().await {
                return None;
            }
        }
    }

    fn id(&self) -> UpdateId {
        self.subscription.id()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let now = self.live.0.clock.now();
        let mut state = self.live.0.state.lock();
        state.places.leave(self.account);
        state.left_at = now;
    }
}
