//! An attempt the engine has decided on, as the task that makes it and reports back.

use std::sync::Arc;

use futures_util::future::join_all;
use posthaste_core::attempt::Trigger;
use posthaste_core::event::Event;
use posthaste_core::id::{DeliveryId, EventId};
use posthaste_core::secret::SigningKeys;
use posthaste_core::webhook::SharedWebhook;
use tokio::sync::mpsc;

use crate::deliver::{Job, deliver};
use crate::dispatcher::Deps;
use crate::messages::Report;

pub struct PlannedAttempt {
    pub delivery: DeliveryId,
    pub manual: bool,
    pub event_id: EventId,
    /// `None`: memory had no room for it; read it back.
    pub body: Option<Arc<Event>>,
    pub webhook: SharedWebhook,
    pub keys: Arc<SigningKeys>,
    pub number: u32,
    pub trigger: Trigger,
}

impl PlannedAttempt {
    /// Makes the attempt. Whatever happens, one report is sent: the engine counts on it.
    pub async fn make(self, deps: Deps, reports: mpsc::UnboundedSender<Report>) {
        let mut pending = PendingReport {
            reports,
            report: Some(Report::Fault {
                delivery: self.delivery,
                manual: self.manual,
                reason: "the attempt's task ended early".to_owned(),
            }),
        };
        pending.report = Some(self.report(&deps).await);
    }

    async fn report(self, deps: &Deps) -> Report {
        let (delivery, manual) = (self.delivery, self.manual);
        let fault = |reason: String| Report::Fault { delivery, manual, reason };
        let event = match self.body {
            Some(event) => event,
            None => match deps.store.event_to_deliver(self.event_id).await {
                Ok(Some(event)) => event,
                Ok(None) => return Report::Expired { delivery },
                Err(error) => return fault(error.to_string()),
            },
        };
        let job = Job {
            event,
            webhook: self.webhook,
            keys: self.keys,
            number: self.number,
            trigger: self.trigger,
        };
        match deliver(deps.transport.as_ref(), deps.clock.as_ref(), &job).await {
            Ok((attempt, retry_after)) => {
                Report::Finished { delivery, manual, attempt: Box::new(attempt), retry_after }
            }
            Err(ours) => fault(ours.reason),
        }
    }
}

/// Makes attempts whose events memory had no room for: reads these together first. Events that
/// cannot be read so are left to their attempts, which say what is wrong with each.
pub async fn make_together(
    mut attempts: Vec<PlannedAttempt>,
    deps: Deps,
    reports: mpsc::UnboundedSender<Report>,
) {
    let mut ids: Vec<EventId> = attempts.iter().map(|attempt| attempt.event_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let events = deps.store.events_to_deliver(ids, usize::MAX).await.unwrap_or_default();
    for attempt in &mut attempts {
        let found = events.binary_search_by_key(&attempt.event_id, |event| event.id);
        attempt.body = found.ok().map(|position| events[position].clone());
    }
    drop(events);
    let attempts = attempts.into_iter();
    join_all(attempts.map(|attempt| attempt.make(deps.clone(), reports.clone()))).await;
}

/// Sends its report when it goes, also when it goes because the task panicked.
struct PendingReport {
    reports: mpsc::UnboundedSender<Report>,
    report: Option<Report>,
}

impl Drop for PendingReport {
    fn drop(&mut self) {
        if let Some(report) = self.report.take() {
            // An engine that is gone has no use for it; the delivery is still owed on disk.
            let _ = self.reports.send(report);
        }
    }
}
