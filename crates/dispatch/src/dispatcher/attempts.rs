//! Attempts: started when their lane lets them, and what follows when they end.

use std::time::Duration;

use posthaste_core::attempt::{Attempt, Trigger};
use posthaste_core::delivery::{Consequence, DeliveryState, after_attempt};
use posthaste_core::id::{DeliveryId, WebhookId};
use posthaste_core::lanes::Ready;
use posthaste_core::retry::{Jitter, RetrySchedule};
use posthaste_core::time::{Entropy, Timestamp};

use super::Dispatcher;
use crate::planned::{PlannedAttempt, make_together};

/// After a fault of ours (the event cannot be read, a panic) a delivery waits this long.
const FAULT_PAUSE: Duration = Duration::from_secs(1);
/// Attempts whose events are read back in one go, and which are then made by one task.
const READ_TOGETHER_MAX: usize = 64;

impl Dispatcher {
    pub(super) fn start_what_may(&mut self, now: Timestamp) {
        let mut without_body = Vec::new();
        while self.recorder.has_room() {
            let tickets = &self.tickets;
            let is_wanted = |ready: Ready| {
                tickets.get(ready.delivery).is_some_and(|ticket| ticket.wants(ready.manual))
            };
            let Some((webhook_id, ready)) = self.lanes.next(now, is_wanted) else { break };
            match self.plan(now, webhook_id, ready) {
                None => self.lanes.finished(webhook_id, None, None),
                Some(attempt) if attempt.body.is_none() => without_body.push(attempt),
                Some(attempt) => {
                    self.tasks.spawn(attempt.make(self.deps.clone(), self.reports.clone()));
                }
            }
        }
        while !without_body.is_empty() {
            let rest = without_body.split_off(without_body.len().min(READ_TOGETHER_MAX));
            let attempts = std::mem::replace(&mut without_body, rest);
            self.tasks.spawn(make_together(attempts, self.deps.clone(), self.reports.clone()));
        }
    }

    /// An attempt that is to be made now. `None` if its webhook is gone, and with it the delivery.
    fn plan(
        &mut self,
        now: Timestamp,
        webhook_id: WebhookId,
        ready: Ready,
    ) -> Option<PlannedAttempt> {
        let id = ready.delivery;
        // Looked at here and not only when the lane is opened: a lane outlives its webhook while
        // requests are in flight, and what was accepted before the webhook went may come after it.
        let webhook = match self.usable(now, webhook_id) {
            Ok(webhook) => webhook,
            Err(end) => {
                self.end(id, end);
                return None;
            }
        };
        let ticket = self.tickets.get_mut(id).expect("only what is wanted comes out of a lane");
        let trigger = match (ready.manual, ticket.progress.attempts) {
            (true, _) => Trigger::Manual,
            (false, 0) => ticket.trigger,
            (false, _) => Trigger::Retry,
        };
        let number = ticket.start_attempt();
        Some(PlannedAttempt {
            delivery: id,
            manual: ready.manual,
            event_id: ticket.event_id,
            body: self.bodies.get(ticket.event_id),
            keys: self.keys.of(&webhook),
            webhook,
            number,
            trigger,
        })
    }

    pub(super) fn attempt_ended(
        &mut self,
        id: DeliveryId,
        manual: bool,
        attempt: Box<Attempt>,
        retry_after: Option<Duration>,
    ) {
        let ticket = self.tickets.get_mut(id).expect("a delivery on the wire keeps its ticket");
        ticket.in_flight -= 1;
        if manual {
            ticket.manual_due = false;
        }
        let webhook_id = ticket.webhook_id;
        let webhook = self.deps.directory.get(webhook_id);
        let default_schedule = RetrySchedule::default();
        let schedule =
            webhook.as_ref().map_or(&default_schedule, |webhook| &webhook.settings.retry_schedule);
        let jitter = Jitter::from_random(random_u64(self.deps.entropy.as_ref()));
        let Consequence { state, progress, pace_until, gone } =
            after_attempt(ticket.state, ticket.progress, &attempt, retry_after, schedule, jitter);
        // A manual attempt leaves the timer where it is; the schedule's own has used it up, even if
        // it is due again at the same millisecond.
        let rescheduled = state.due().filter(|_| !manual);
        ticket.state = state;
        ticket.progress = progress;

        self.lanes.finished(webhook_id, Some(attempt.outcome), pace_until);
        self.record(id, Some(attempt));
        // It comes back much later, if at all, and is read back then: else the bodies of what cannot
        // be delivered would fill the bound, and everybody else's be read from disk.
        self.release_body(id);
        if let Some(due) = rescheduled {
            self.timers.insert((due, Ready { delivery: id, manual: false }));
        }
        self.drop_if_done(id);
        if gone && webhook.is_some() {
            self.disable(webhook_id);
        }
        for watcher in self.watchers.remove(&id).unwrap_or_default() {
            self.answer_when_recorded(watcher, ());
        }
    }

    /// Nobody's attempt: it is made a little later. A manual one leaves the schedule alone.
    pub(super) fn attempt_not_made(
        &mut self,
        now: Timestamp,
        id: DeliveryId,
        manual: bool,
        reason: &str,
    ) {
        let ticket = self.tickets.get_mut(id).expect("a delivery on the wire keeps its ticket");
        tracing::error!(delivery.id = %id, webhook.id = %ticket.webhook_id, reason,
            "attempt not made by a fault of ours; it will be");
        ticket.in_flight -= 1;
        let again = now.saturating_add(FAULT_PAUSE);
        ticket.state = match ticket.state {
            DeliveryState::Pending { .. } if !manual => DeliveryState::Pending { due: again },
            DeliveryState::Retrying { .. } if !manual => DeliveryState::Retrying { due: again },
            as_it_was => as_it_was,
        };
        let is_wanted = ticket.wants(manual);
        let webhook_id = ticket.webhook_id;
        self.lanes.finished(webhook_id, None, None);
        if is_wanted {
            self.timers.insert((again, Ready { delivery: id, manual }));
        }
        self.drop_if_done(id);
    }

    /// There is nothing left to send, and no log to write it to: the delivery's row went with its
    /// event.
    pub(super) fn expired(&mut self, now: Timestamp, id: DeliveryId) {
        let ticket = self.tickets.get_mut(id).expect("a delivery on the wire keeps its ticket");
        tracing::warn!(delivery.id = %id, webhook.id = %ticket.webhook_id,
            "not delivered: its event expired while it waited");
        ticket.in_flight -= 1;
        let webhook_id = ticket.webhook_id;
        self.lanes.finished(webhook_id, None, None);
        self.end(id, DeliveryState::Cancelled { at: now });
    }
}

fn random_u64(entropy: &dyn Entropy) -> u64 {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
