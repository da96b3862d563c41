//! Everything durable: the contract of `posthaste_core::store` kept on SQLite. Only this crate
//! knows tables and columns.
//!
//! What is written when, and why it is cheap: accepting appends one row per event (with its
//! targets) in a group commit; the recorder writes each delivery once, mostly in its final state,
//! thousands per transaction. Accepts and outcomes go to different files, so that neither waits
//! for the other. Files are by day: keeping is free, and dropping a day is deleting its files.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod migrate;
mod sqlite;

pub use sqlite::SqliteStore;
