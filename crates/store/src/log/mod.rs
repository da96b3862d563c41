//! The event log: accepted events, appended to files of their day. What is on disk is a sequence
//! of frames ([`frame`]), one per accept, in segments ([`segment`]) of about 64 MiB; an event is
//! found through a sparse index ([`index`]); a day's segments are read here ([`day`]) and written
//! there ([`writer`]).
//!
//! Nothing is ever changed after it was synced. Why this and not a database: a commit is one
//! write of what was accepted and one sync, nothing is written twice, and dropping a day is
//! deleting its files. `docs/decisions/0005-event-log.md` says more.

pub mod day;
pub mod frame;
pub mod index;
pub mod segment;
#[cfg(test)]
pub mod tests;
pub mod writer;

pub use day::{DayLog, OpenSegments, Tail};
pub use writer::LogWriter;
