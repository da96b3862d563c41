//! Bounds how many accepted deliveries may be without a row: the one valve between accepting and
//! recording, so that neither a slow disk nor a flood of events can fill the memory.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use posthaste_core::engine::EngineStopped;
use posthaste_core::limits::UNRECORDED_MAX;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub struct Admission {
    unrecorded: AtomicUsize,
    stopped: AtomicBool,
    changed: Notify,
}

impl Admission {
    pub fn unrecorded(&self) -> usize {
        self.unrecorded.load(Ordering::Relaxed)
    }

    /// Waits for room. Events admitted together can overshoot the bound by what they bring: it
    /// bounds memory, it does not count tickets.
    pub async fn admit(&self) -> Result<(), EngineStopped> {
        loop {
            // Subscribe before looking, so that a change between the two is not missed.
            let changed = self.changed.notified();
            if self.stopped.load(Ordering::Acquire) {
                return Err(EngineStopped);
            }
            if self.unrecorded() < UNRECORDED_MAX {
                return Ok(());
            }
            changed.await;
        }
    }

    pub fn accepted(&self, deliveries: usize) {
        self.unrecorded.fetch_add(deliveries, Ordering::Relaxed);
    }

    pub fn recorded(&self, deliveries: usize) {
        let before = self.unrecorded.fetch_sub(deliveries, Ordering::Relaxed);
        debug_assert!(before >= deliveries, "recorded {deliveries} of {before}");
        if before >= UNRECORDED_MAX {
            self.changed.notify_waiters();
        }
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }
}
