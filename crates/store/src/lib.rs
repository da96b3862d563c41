//! Everything durable: the contract of `posthaste_core::store` kept on an event log of our own and
//! SQLite. Only this crate knows tables, columns and frames.
//!
//! What is written when, and why it is cheap: accepting appends events (with their targets) to a
//! log, many accepts to one write and one sync; the recorder writes each delivery once, mostly in
//! its final state, thousands per transaction. Accepts and outcomes go to different files, so that
//! neither waits for the other. Files are by day: keeping is free, and dropping a day is deleting
//! its files.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod log;
mod migrate;
mod sqlite;

pub use sqlite::SqliteStore;
