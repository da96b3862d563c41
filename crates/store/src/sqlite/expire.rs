//! Dropping old days: their files are deleted, never their rows one by one (a DELETE costs what
//! the insert did). Only their hits live on, folded into the configuration file.
//!
//! A crash between folding and deleting does no harm: the same transaction that folds a day says
//! that it did, and what is folded and still there is deleted at the next start, unread.

use posthaste_core::time::Timestamp;

use super::fault::Fault;
use super::partitions::{Day, Partition};
use super::{Shared, hits};

/// Drops every day before that of `before`; how many there were.
pub fn expire(shared: &Shared, before: Timestamp) -> Result<usize, Fault> {
    let first_kept = Day(before.day());
    let mut dropped = 0;
    for partition in shared.partitions.all() {
        if partition.day >= first_kept {
            break;
        }
        drop_day(shared, &partition)?;
        dropped += 1;
    }
    Ok(dropped)
}

fn drop_day(shared: &Shared, partition: &Partition) -> Result<(), Fault> {
    let day = partition.day;
    // Both writers stand still, so that nothing is accepted or recorded into a day whose hits
    // are counted already. In this order everywhere: accepting before recording.
    let mut accepting = shared.accepting.lock();
    let mut recording = shared.recording.lock();
    let hits = partition.history.read(hits::of_day)?;
    // The whole day counts as used up: ids above it are the only ones that come now.
    let last_id = partition.events.last_id()?;
    shared.config.change(|change| {
        hits::fold(&change.tx, hits.into_iter())?;
        change.note_expired(day, last_id)
    })?;
    accepting.leave_day(day);
    recording.leave_day(day);
    let _nobody_writes_keys = shared.keys.stand_still(day);
    shared.partitions.delete(day)
}
