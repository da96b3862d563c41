//! Gathers outcomes and writes them in large batches: one transaction each `RECORD_EVERY` instead
//! of one per delivery is most of what makes a delivery cheap to record.
//!
//! Whatever is handed over is written in that order. An outcome that cannot be written is kept and
//! tried again while the disk is full; the queue's bound is in bytes, and the engine sends nothing
//! more while it is reached. When the store says that it is no longer usable, the
//! recorder stops and with it the engine, because outcomes that pile up in memory would all be
//! sent again after the next start.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use posthaste_core::id::EventId;
use posthaste_core::limits::{RECORD_BATCH_MAX, RECORD_EVERY, RECORD_QUEUE_BYTES_MAX};
use posthaste_core::store::{DeliveryRecord, DeliveryStore, RecordBatch, StoreError};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::admission::Admission;
use crate::live::Live;

/// How long to leave a full disk alone.
const FULL_DISK_PAUSE: Duration = Duration::from_millis(500);
/// What a record takes in memory beside what the receiver answered.
const RECORD_OVERHEAD_BYTES: usize = 1_024;

pub enum Entry {
    /// A record, what it takes in the queue, and the low-water mark that holds once it is written.
    Record { record: DeliveryRecord, bytes: usize, low_water: Option<EventId> },
    /// The low-water mark rose without a record.
    LowWater(EventId),
    /// Write at once what came before this, then answer.
    Flush(oneshot::Sender<()>),
}

/// The engine's end of the recorder.
#[derive(Debug, Clone)]
pub struct RecorderHandle {
    entries: mpsc::UnboundedSender<Entry>,
    queued: Arc<Queued>,
}

/// The recorder's end of the queue.
#[derive(Debug)]
pub struct RecorderQueue {
    entries: mpsc::UnboundedReceiver<Entry>,
    queued: Arc<Queued>,
}

/// What was handed over and is not on disk yet.
#[derive(Debug, Default)]
struct Queued {
    bytes: AtomicUsize,
    /// Records that the recorder has not taken up yet.
    waiting: AtomicUsize,
    /// A batch is full, or somebody waits for what is not: do not wait for more.
    hurry: Notify,
}

impl RecorderHandle {
    /// Takes it in any case: what happened has to be written. Whoever would make more happen asks
    /// [`RecorderHandle::has_room`] first.
    pub fn record(&self, record: DeliveryRecord, low_water: Option<EventId>) {
        // A recorder that stopped has already stopped the engine; what is lost here is sent
        // again after the restart.
        let bytes = cost(&record);
        self.queued.bytes.fetch_add(bytes, Ordering::Relaxed);
        let _ = self.entries.send(Entry::Record { record, bytes, low_water });
        // Once for a batch, so that most records wake nobody.
        if self.queued.waiting.fetch_add(1, Ordering::AcqRel) + 1 == RECORD_BATCH_MAX {
            self.queued.hurry.notify_one();
        }
    }

    pub fn low_water(&self, mark: EventId) {
        let _ = self.entries.send(Entry::LowWater(mark));
    }

    pub fn has_room(&self) -> bool {
        self.queued.bytes.load(Ordering::Relaxed) < RECORD_QUEUE_BYTES_MAX
    }

    /// Waits until all that was handed over is on disk. `Err` if it never will be.
    pub async fn flush(&self) -> Result<(), oneshot::error::RecvError> {
        let (done, wait) = oneshot::channel();
        let _ = self.entries.send(Entry::Flush(done));
        self.queued.hurry.notify_one();
        wait.await
    }
}

pub fn channel() -> (RecorderHandle, RecorderQueue) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let queued = Arc::new(Queued::default());
    let handle = RecorderHandle { entries: sender, queued: queued.clone() };
    (handle, RecorderQueue { entries: receiver, queued })
}

fn cost(record: &DeliveryRecord) -> usize {
    let answered = record.attempt.as_ref().map_or(0, |attempt| {
        let exchange = &attempt.exchange;
        exchange.response_headers.as_str().len() + exchange.response_body.len()
    });
    RECORD_OVERHEAD_BYTES + answered
}

/// Runs until every handle is gone and all is written, or until the store fails.
pub async fn run(
    queue: RecorderQueue,
    store: Arc<dyn DeliveryStore>,
    admission: Arc<Admission>,
    live: Live,
) -> Result<(), StoreError> {
    let RecorderQueue { mut entries, queued } = queue;
    let mut received = Vec::new();
    while entries.recv_many(&mut received, 1).await > 0 {
        // Asleep rather than receiving, so that a record wakes nobody. Whoever has to hurry says so.
        if queued.waiting.load(Ordering::Acquire) < RECORD_BATCH_MAX && !entries.is_closed() {
            let _ = tokio::time::timeout(RECORD_EVERY, queued.hurry.notified()).await;
        }
        while received.len() < RECORD_BATCH_MAX
            && let Ok(entry) = entries.try_recv()
        {
            received.push(entry);
        }
        let mut batch = RecordBatch::default();
        let mut flushes = Vec::new();
        let mut bytes = 0;
        for entry in received.drain(..) {
            match entry {
                Entry::Record { record, bytes: of_record, low_water } => {
                    batch.records.push(record);
                    batch.low_water = low_water.or(batch.low_water);
                    bytes += of_record;
                }
                Entry::LowWater(mark) => batch.low_water = Some(mark),
                Entry::Flush(done) => flushes.push(done),
            }
        }
        queued.waiting.fetch_sub(batch.records.len(), Ordering::AcqRel);
        write(batch, store.as_ref(), &admission, &live).await?;
        queued.bytes.fetch_sub(bytes, Ordering::Relaxed);
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
    live: &Live,
) -> Result<(), StoreError> {
    if batch.records.is_empty() && batch.low_water.is_none() {
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
    live.publish(batch);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use async_trait::async_trait;
    use posthaste_core::attempt::{Attempt, Exchange, Outcome, Timings, Trigger};
    use posthaste_core::delivery::{Delivery, DeliveryState, Progress};
    use posthaste_core::event_type::EventType;
    use posthaste_core::id::{AccountId, DeliveryId, WebhookId};
    use posthaste_core::page::{Page, PageRequest};
    use posthaste_core::store::{DeliveryFilter, Outstanding, Recovered};
    use posthaste_core::time::{Clock, Entropy, Timestamp};

    use super::*;

    /// A disk that is full until it is not. It only records.
    #[derive(Default)]
    struct Disk {
        has_room: AtomicBool,
        written: AtomicUsize,
    }

    const RECORDS_ONLY: StoreError = StoreError::Overloaded;

    #[async_trait]
    impl DeliveryStore for Disk {
        async fn record(&self, batch: Arc<RecordBatch>) -> Result<(), StoreError> {
            if !self.has_room.load(Ordering::Relaxed) {
                return Err(StoreError::Full);
            }
            self.written.fetch_add(batch.records.len(), Ordering::Relaxed);
            Ok(())
        }

        async fn recover(&self, _: usize) -> Result<Recovered, StoreError> {
            Err(RECORDS_ONLY)
        }

        async fn outstanding_after(
            &self,
            _: DeliveryId,
            _: usize,
        ) -> Result<Vec<Outstanding>, StoreError> {
            Err(RECORDS_ONLY)
        }

        async fn delivery(
            &self,
            _: AccountId,
            _: DeliveryId,
        ) -> Result<Option<(Delivery, Vec<Attempt>)>, StoreError> {
            Err(RECORDS_ONLY)
        }

        async fn list_deliveries(
            &self,
            _: AccountId,
            _: &DeliveryFilter,
            _: PageRequest,
        ) -> Result<Page<Delivery>, StoreError> {
            Err(RECORDS_ONLY)
        }

        async fn expire(&self, _: Timestamp) -> Result<usize, StoreError> {
            Err(RECORDS_ONLY)
        }
    }

    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::EPOCH
        }
    }

    impl Entropy for Still {
        fn fill(&self, _: &mut [u8]) {}
    }

    /// A live stream that nobody listens to.
    fn unheard() -> Live {
        Live::new(Arc::new(Still), Arc::new(Still))
    }

    fn record(response_bytes: usize) -> DeliveryRecord {
        let at = Timestamp::EPOCH;
        DeliveryRecord {
            delivery: Delivery {
                id: DeliveryId::from_raw(2),
                event_id: EventId::from_raw(1),
                account_id: AccountId::from_raw(1),
                webhook_id: WebhookId::from_raw(1),
                event_type: EventType::parse("call.ended").expect("a name"),
                trigger: Trigger::Event,
                state: DeliveryState::Retrying { due: at },
                progress: Progress::default(),
                last: None,
            },
            attempt: Some(Box::new(Attempt {
                number: 1,
                trigger: Trigger::Event,
                outcome: Outcome::Rejected,
                status_code: Some(500),
                error: None,
                started_at: at,
                duration_ms: 1,
                timings: Timings::default(),
                exchange: Exchange {
                    response_body: vec![b'x'; response_bytes],
                    ..Exchange::default()
                },
            })),
            manual_due: false,
            first: false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_full_disk_the_queue_says_when_it_is_full_and_later_that_it_is_not() {
        let disk = Arc::new(Disk::default());
        let (recorder, queue) = channel();
        let running = tokio::spawn(run(queue, disk.clone(), Arc::default(), unheard()));
        let mut handed_over = 0;
        while recorder.has_room() {
            recorder.record(record(1024 * 1024), None);
            handed_over += 1;
            assert!(handed_over <= 128, "the bound is in bytes");
        }
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert!(!recorder.has_room());
        disk.has_room.store(true, Ordering::Relaxed);
        recorder.flush().await.expect("the disk has room again");
        assert!(recorder.has_room());
        assert_eq!(disk.written.load(Ordering::Relaxed), handed_over);
        assert_eq!(recorder.queued.bytes.load(Ordering::Relaxed), 0);
        drop(recorder);
        running.await.expect("no panic").expect("everything is written");
    }
}
