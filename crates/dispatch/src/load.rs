//! How busy the engine is, for metrics and readiness.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use posthaste_core::engine::EngineLoad;

use crate::admission::Admission;
use crate::live::Live;

/// The engine's load, readable without asking the engine.
#[derive(Debug, Default)]
pub struct LoadCell {
    outstanding: AtomicUsize,
    in_flight: AtomicUsize,
}

impl LoadCell {
    pub fn publish(&self, outstanding: usize, in_flight: usize) {
        self.outstanding.store(outstanding, Relaxed);
        self.in_flight.store(in_flight, Relaxed);
    }

    pub fn read(&self, admission: &Admission, live: &Live) -> EngineLoad {
        EngineLoad {
            outstanding: self.outstanding.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            unrecorded: admission.unrecorded(),
            subscribers: live.subscribers(),
        }
    }
}
