//! What the recorder is handed, and waiting for it.

use posthaste_core::attempt::Attempt;
use posthaste_core::delivery::{Delivery, LastAttempt};
use posthaste_core::id::DeliveryId;
use posthaste_core::store::DeliveryRecord;
use posthaste_core::time::Timestamp;
use tokio::sync::oneshot;

use super::Dispatcher;

impl Dispatcher {
    /// Hands the delivery as it now stands to the recorder.
    pub(super) fn record(&mut self, id: DeliveryId, attempt: Option<Box<Attempt>>) {
        let ticket = self.tickets.get_mut(id).expect("only what has a ticket is recorded");
        let first = !ticket.recorded;
        ticket.recorded = true;
        let record = DeliveryRecord {
            delivery: Delivery {
                id,
                event_id: ticket.event_id,
                account_id: ticket.account_id,
                webhook_id: ticket.webhook_id,
                event_type: ticket.event_type.clone(),
                trigger: ticket.trigger,
                state: ticket.state,
                progress: ticket.progress,
                last: attempt.as_deref().map(LastAttempt::from),
            },
            attempt,
            manual_due: ticket.manual_due,
            first,
        };
        if first {
            self.unrecorded.recorded(record.delivery.event_id);
        }
        self.recorder.record(record, self.unrecorded.low_water());
    }

    /// Gives rows to what has waited `PARK_AFTER` without an outcome.
    pub(super) fn park_overdue(&mut self, now: Timestamp) {
        while let Some((event_id, deliveries)) = self.unrecorded.next_overdue(now) {
            for position in 0..deliveries {
                let id = event_id.delivery(position);
                let Some(ticket) = self.tickets.get(id).filter(|ticket| !ticket.recorded) else {
                    continue;
                };
                if self.lanes.is_held(ticket.webhook_id) {
                    self.release_body(id);
                }
                self.record(id, None);
            }
        }
    }

    pub(super) fn tell_low_water(&mut self) {
        if let Some(mark) = self.unrecorded.risen_low_water() {
            self.recorder.low_water(mark);
        }
    }

    pub(super) fn answer_when_recorded<T: Send + 'static>(
        &mut self,
        done: oneshot::Sender<T>,
        answer: T,
    ) {
        let recorder = self.recorder.clone();
        self.tasks.spawn(async move {
            if recorder.flush().await.is_ok() {
                let _ = done.send(answer);
            }
        });
    }
}
