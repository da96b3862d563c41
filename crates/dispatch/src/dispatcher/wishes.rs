//! What people ask for of single deliveries: another attempt, or the end. A delivery that memory
//! does not know is looked up first.

use posthaste_core::delivery::{Delivery, DeliveryState};
use posthaste_core::engine::Cancellation;
use posthaste_core::id::{AccountId, DeliveryId};
use posthaste_core::store::Outstanding;
use posthaste_core::time::Timestamp;
use tokio::sync::oneshot;

use super::Dispatcher;
use crate::messages::{Report, Wish};

/// A delivery on its way into memory, and who waits for it.
pub struct Reload {
    account: AccountId,
    wishes: Vec<Wish>,
    /// It came into memory by another way and ended since: what is being read is out of date.
    pub(super) is_stale: bool,
}

impl Dispatcher {
    pub(super) fn take_wish(
        &mut self,
        now: Timestamp,
        account: AccountId,
        id: DeliveryId,
        wish: Wish,
    ) {
        if self.tickets.contains(id) {
            self.grant(now, id, wish);
        } else if let Some(reload) = self.reloads.get_mut(&id) {
            reload.wishes.push(wish);
        } else {
            self.reload(id, Reload { account, wishes: vec![wish], is_stale: false });
        }
    }

    /// Looks up a delivery that memory does not know. What the asker saw may be out of date: it
    /// may have ended since, and not even be recorded yet. So everything is written first.
    pub(super) fn reload(&mut self, id: DeliveryId, reload: Reload) {
        let (deps, recorder, reports) =
            (self.deps.clone(), self.recorder.clone(), self.reports.clone());
        let account = reload.account;
        self.reloads.insert(id, reload);
        self.tasks.spawn(async move {
            if recorder.flush().await.is_err() {
                return;
            }
            let delivery = match deps.store.delivery(account, id).await {
                Ok(found) => found.map(|(delivery, _)| Box::new(delivery)),
                Err(error) => {
                    tracing::error!(delivery.id = %id, %error, "delivery not read");
                    None
                }
            };
            let _ = reports.send(Report::Reloaded { id, delivery });
        });
    }

    pub(super) fn take_reloaded(
        &mut self,
        now: Timestamp,
        id: DeliveryId,
        delivery: Option<Box<Delivery>>,
    ) {
        let Some(reload) = self.reloads.remove(&id) else { return };
        if reload.is_stale {
            return self.reload(id, Reload { is_stale: false, ..reload });
        }
        // Gone since it was asked about: the wishes' senders drop, which the askers see.
        let Some(delivery) = delivery else { return };
        self.take_outstanding(now, Outstanding { delivery: *delivery, manual_due: false });
        for wish in reload.wishes {
            self.take_wish(now, reload.account, id, wish);
        }
    }

    pub(super) fn grant(&mut self, now: Timestamp, id: DeliveryId, wish: Wish) {
        match wish {
            Wish::Retry(done) => self.retry(now, id, done),
            Wish::Cancel(done) => self.cancel(now, id, done),
        }
    }

    pub(super) fn retry(&mut self, now: Timestamp, id: DeliveryId, done: oneshot::Sender<()>) {
        let ticket = self.tickets.get_mut(id).expect("granted for tickets only");
        if !ticket.manual_due {
            ticket.manual_due = true;
            self.record(id, None);
            self.enqueue(now, id, true);
        }
        self.answer_when_recorded(done, ());
    }

    pub(super) fn cancel(
        &mut self,
        now: Timestamp,
        id: DeliveryId,
        done: oneshot::Sender<Cancellation>,
    ) {
        let ticket = self.tickets.get_mut(id).expect("granted for tickets only");
        if ticket.state.due().is_none() {
            self.drop_if_done(id);
            // Its end may still be on its way to disk, where the asker looks next.
            return self.answer_when_recorded(done, Cancellation::AlreadyEnded);
        }
        self.end(id, DeliveryState::Cancelled { at: now });
        self.answer_when_recorded(done, Cancellation::Cancelled);
    }
}
