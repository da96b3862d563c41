//! Gathers outcomes and writes them in large batches: one transaction each `RECORD_EVERY` instead
//! of one per delivery is most of what makes a delivery cheap to record.
//!
//! Whatever is handed over is written in that order. An outcome that cannot be written is kept and
//! tried again while the disk is full; when the store says that it is no longer usable, the
//! recorder stops and with it the engine, because outcomes that pile up in memory would all be
//! sent again after the next start.

use std::sync::Arc;
use std::time::Duration;

use posthaste_core::id::EventId;
use posthaste_core::limits::{RECORD_BATCH_MAX, RECORD_EVERY};
use posthaste_core::store::{DeliveryRecord, DeliveryStore, RecordBatch, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::admission::Admission;

/// How long to leave a full disk alone.
const FULL_DISK_PAUSE: Duration = Duration::from_millis(500);

pub enum Entry {
    /// A record, and the low-water mark that holds once it is written.
    Record { record: Box<DeliveryRecord>, low_water: Option<EventId> },
    /// Write at once what came before this, then answer.
    Flush(oneshot::Sender<()>),
}

/// The engine's end of the recorder.
#[derive(Debug, Clone)]
pub struct RecorderHandle(mpsc::UnboundedSender<Entry>);

impl RecorderHandle {
    /// The queue's bound is admission: the engine takes no events while too many deliveries are
    /// without a row.
    pub fn record(&self, record: DeliveryRecord, low_water: Option<EventId>) {
        // A recorder that stopped has already stopped the engine; what is lost here is sent
        // again after the restart.
        let _ = self.0.send(Entry::Record { record: Box::new(record), low_water });
    }

    /// Waits until all that was handed over is on disk. `Err` if it never will be.
    pub async fn flush(&self) -> Result<(), oneshot::error::RecvError> {
        let (done, wait) = oneshot::channel();
        let _ = self.0.send(Entry::Flush(done));
        wait.await
    }
}

pub fn channel() -> (RecorderHandle, mpsc::UnboundedReceiver<Entry>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (RecorderHandle(sender), receiver)
}

/// Runs until every handle is gone and all is written, or until the store fails.
pub async fn run(
    mut entries: mpsc::UnboundedReceiver<Entry>,
    store: Arc<dyn DeliveryStore>,
    admission: Arc<Admission>,
) -> Result<(), StoreError> {
    let mut received = Vec::new();
    while let Some(first) = entries.recv().await {
        let mut batch = RecordBatch::default();
        let mut flushes = Vec::new();
        let deadline = Instant::now() + RECORD_EVERY;
        received.push(first);
        loop {
            for entry in received.drain(..) {
                match entry {
                    Entry::Record { record, low_water } => {
                        batch.records.push(*record);
                        batch.low_water = low_water.or(batch.low_water);
                    }
                    Entry::Flush(done) => flushes.push(done),
                }
            }
            let room = RECORD_BATCH_MAX.saturating_sub(batch.records.len());
            if room == 0 || !flushes.is_empty() {
                break;
            }
            tokio::select! {
                count = entries.recv_many(&mut received, room) => if count == 0 { break },
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        write(batch, store.as_ref(), &admission).await?;
        for done in flushes {
            let _ = done.send(());
        }
    }
    Ok(())
}

async fn write(
    batch: RecordBatch,
    store: &dyn DeliveryStore,
    admission: &Admission,
) -> Result<(), StoreError> {
    if batch.records.is_empty() {
        return Ok(());
    }
    let batch = Arc::new(batch);
    let first_rows = batch.records.iter().filter(|record| record.first).count();
    loop {
        match store.record(batch.clone()).await {
            Ok(()) => break,
            Err(error @ (StoreError::Full | StoreError::Overloaded)) => {
                tracing::error!(%error, records = batch.records.len(), "outcomes wait to be recorded");
                tokio::time::sleep(FULL_DISK_PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
    admission.recorded(first_rows);
    Ok(())
}
