//! Deliveries: one event for one outbound webhook each, and the one function that moves them from
//! state to state.

use std::time::Duration;

use crate::attempt::{Attempt, Outcome, Trigger};
use crate::event_type::EventType;
use crate::id::{AccountId, DeliveryId, EventId, WebhookId};
use crate::limits::{DEFERRAL_DEFAULT, DEFERRAL_MAX, DEFERRAL_MIN};
use crate::retry::{Jitter, RetrySchedule};
use crate::time::Timestamp;

/// Where a delivery stands. A pure function of its attempts, its schedule and what operators did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Nothing was sent yet.
    Pending {
        due: Timestamp,
    },
    /// Something was sent, and it is to be sent again.
    Retrying {
        due: Timestamp,
    },
    Delivered {
        at: Timestamp,
    },
    Failed {
        at: Timestamp,
    },
    Cancelled {
        at: Timestamp,
    },
}

impl DeliveryState {
    /// When the schedule wants it sent next; `None` once it has ended.
    pub fn due(self) -> Option<Timestamp> {
        match self {
            DeliveryState::Pending { due } | DeliveryState::Retrying { due } => Some(due),
            _ => None,
        }
    }

    pub fn ended_at(self) -> Option<Timestamp> {
        match self {
            DeliveryState::Delivered { at }
            | DeliveryState::Failed { at }
            | DeliveryState::Cancelled { at } => Some(at),
            _ => None,
        }
    }

    pub fn status(self) -> DeliveryStatus {
        match self {
            DeliveryState::Pending { .. } => DeliveryStatus::Pending,
            DeliveryState::Retrying { .. } => DeliveryStatus::Retrying,
            DeliveryState::Delivered { .. } => DeliveryStatus::Delivered,
            DeliveryState::Failed { .. } => DeliveryStatus::Failed,
            DeliveryState::Cancelled { .. } => DeliveryStatus::Cancelled,
        }
    }
}

/// The glossary's six words. `Delivering` is a moment of `Pending` or `Retrying`, known only to
/// the engine's memory: writing it down would cost a row for every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    Pending,
    Delivering,
    Retrying,
    Delivered,
    Failed,
    Cancelled,
}

impl DeliveryStatus {
    pub const ALL: [DeliveryStatus; 6] = [
        DeliveryStatus::Pending,
        DeliveryStatus::Delivering,
        DeliveryStatus::Retrying,
        DeliveryStatus::Delivered,
        DeliveryStatus::Failed,
        DeliveryStatus::Cancelled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryStatus::Pending => "pending",
            DeliveryStatus::Delivering => "delivering",
            DeliveryStatus::Retrying => "retrying",
            DeliveryStatus::Delivered => "delivered",
            DeliveryStatus::Failed => "failed",
            DeliveryStatus::Cancelled => "cancelled",
        }
    }

    pub fn parse(text: &str) -> Option<DeliveryStatus> {
        DeliveryStatus::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// How much of its chances a delivery has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Progress {
    /// Requests sent, of every kind: the last `x-webhook-attempt`.
    pub attempts: u32,
    /// Places of the retry schedule used up. Deferred and manual attempts use none.
    pub used: u32,
    /// When a receiver first asked for patience; its patience with us is `DEFERRAL_MAX` in all.
    pub first_deferred_at: Option<Timestamp>,
}

/// One event for one outbound webhook, as the log shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub event_id: EventId,
    pub account_id: AccountId,
    pub webhook_id: WebhookId,
    pub event_type: EventType,
    pub trigger: Trigger,
    pub state: DeliveryState,
    pub progress: Progress,
    /// Of the newest attempt, so that a list needs no second look-up.
    pub last: Option<LastAttempt>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastAttempt {
    pub outcome: Outcome,
    pub status_code: Option<u16>,
    pub error: Option<String>,
    pub started_at: Timestamp,
    pub duration_ms: u32,
}

impl From<&Attempt> for LastAttempt {
    fn from(attempt: &Attempt) -> LastAttempt {
        LastAttempt {
            outcome: attempt.outcome,
            status_code: attempt.status_code,
            error: attempt.error.clone(),
            started_at: attempt.started_at,
            duration_ms: attempt.duration_ms,
        }
    }
}

/// What an attempt means for its delivery and for its webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consequence {
    pub state: DeliveryState,
    pub progress: Progress,
    /// The receiver asked for patience: nothing goes to this webhook before then.
    pub pace_until: Option<Timestamp>,
    /// The receiver answered 410: it does not want this webhook any more.
    pub gone: bool,
}

/// Decides what follows from one attempt. The only place where a delivery changes state because
/// of an answer.
///
/// - A 2xx ends it, whoever asked for the attempt.
/// - A manual attempt otherwise changes nothing, nor does one that ends after its delivery was
///   cancelled or had ended: neither the schedule moves nor the end.
/// - A test is tried once.
/// - A deferral waits as told without using up a place of the schedule, until it has waited
///   `DEFERRAL_MAX` in all; from then on it counts like any other refusal.
/// - 410 ends it: the receiver said never to come back.
pub fn after_attempt(
    state: DeliveryState,
    progress: Progress,
    attempt: &Attempt,
    retry_after: Option<Duration>,
    schedule: &RetrySchedule,
    jitter: Jitter,
) -> Consequence {
    let now = attempt.ended_at();
    let gone = attempt.status_code == Some(410);
    let progress = Progress { attempts: progress.attempts.max(attempt.number), ..progress };
    let stay = Consequence { state, progress, pace_until: None, gone };

    if attempt.outcome == Outcome::Succeeded {
        return Consequence { state: DeliveryState::Delivered { at: now }, ..stay };
    }
    let wait = retry_after.unwrap_or(DEFERRAL_DEFAULT).clamp(DEFERRAL_MIN, DEFERRAL_MAX);
    let pace_until = (attempt.outcome == Outcome::Deferred).then(|| now.saturating_add(wait));
    if attempt.trigger == Trigger::Manual || state.ended_at().is_some() {
        return Consequence { pace_until, ..stay };
    }
    let failed = Consequence { state: DeliveryState::Failed { at: now }, pace_until, ..stay };
    if attempt.trigger == Trigger::Test || gone {
        return failed;
    }

    if let Some(due) = pace_until {
        let first = progress.first_deferred_at.unwrap_or(now);
        if due.since(first) <= DEFERRAL_MAX {
            let progress = Progress { first_deferred_at: Some(first), ..progress };
            let state = DeliveryState::Retrying { due };
            return Consequence { state, progress, pace_until, gone };
        }
    }
    let progress = Progress { used: progress.used + 1, ..progress };
    match schedule.next_due(now, progress.used, retry_after, jitter) {
        Some(due) => {
            let state = DeliveryState::Retrying { due };
            Consequence { state, progress, pace_until, gone }
        }
        None => Consequence { progress, ..failed },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::attempt::{Exchange, Timings, UnreachableReason};

    const START: Timestamp = Timestamp::EPOCH;

    fn attempt(number: u32, trigger: Trigger, outcome: Outcome, at: Timestamp) -> Attempt {
        let status_code = match outcome {
            Outcome::Succeeded => Some(200),
            Outcome::Rejected => Some(500),
            Outcome::Deferred => Some(429),
            _ => None,
        };
        Attempt {
            number,
            trigger,
            outcome,
            status_code,
            error: None,
            started_at: at,
            duration_ms: 250,
            timings: Timings::default(),
            exchange: Exchange::default(),
        }
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// What follows one attempt of a delivery that has used `used` places of the default schedule.
    fn check(
        used: u32,
        trigger: Trigger,
        outcome: Outcome,
        retry_after: Option<u64>,
        expected: (DeliveryStatus, u32, Option<Duration>),
    ) {
        let state = DeliveryState::Pending { due: START };
        let progress = Progress { attempts: used, used, first_deferred_at: None };
        let attempt = attempt(used + 1, trigger, outcome, START);
        let schedule = RetrySchedule::default();
        let retry_after = retry_after.map(seconds);
        let after = after_attempt(state, progress, &attempt, retry_after, &schedule, Jitter::NONE);
        let wait = after.state.due().map(|due| due.since(attempt.ended_at()));
        assert_eq!(
            (after.state.status(), after.progress.used, wait),
            expected,
            "{trigger:?} {outcome:?} after {used}"
        );
        assert_eq!(after.progress.attempts, used + 1);
    }

    #[test]
    fn what_follows_an_attempt() {
        use DeliveryStatus::{Delivered, Failed, Pending, Retrying};
        let refused = Outcome::Unreachable(UnreachableReason::Refused);
        check(0, Trigger::Event, Outcome::Succeeded, None, (Delivered, 0, None));
        check(0, Trigger::Event, Outcome::Rejected, None, (Retrying, 1, Some(seconds(30))));
        check(1, Trigger::Retry, Outcome::TimedOut, None, (Retrying, 2, Some(seconds(120))));
        check(2, Trigger::Retry, refused, None, (Retrying, 3, Some(seconds(480))));
        check(3, Trigger::Retry, Outcome::Blocked, None, (Retrying, 4, Some(seconds(1_920))));
        check(4, Trigger::Retry, Outcome::Rejected, None, (Failed, 5, None));
        // Retry-After only ever delays.
        check(0, Trigger::Event, Outcome::Rejected, Some(5), (Retrying, 1, Some(seconds(30))));
        check(0, Trigger::Event, Outcome::Rejected, Some(90), (Retrying, 1, Some(seconds(90))));
        // A deferral waits as told and uses up nothing.
        check(0, Trigger::Event, Outcome::Deferred, Some(7), (Retrying, 0, Some(seconds(7))));
        check(0, Trigger::Event, Outcome::Deferred, Some(0), (Retrying, 0, Some(seconds(1))));
        check(4, Trigger::Retry, Outcome::Deferred, Some(7), (Retrying, 4, Some(seconds(7))));
        check(0, Trigger::Event, Outcome::Deferred, None, (Retrying, 0, Some(DEFERRAL_DEFAULT)));
        // A manual attempt leaves the schedule alone.
        check(2, Trigger::Manual, Outcome::Rejected, None, (Pending, 2, Some(Duration::ZERO)));
        check(2, Trigger::Manual, Outcome::Succeeded, None, (Delivered, 2, None));
        // A test is tried once.
        check(0, Trigger::Test, Outcome::Rejected, None, (Failed, 0, None));
        check(0, Trigger::Test, Outcome::Deferred, Some(5), (Failed, 0, None));
    }

    #[test]
    fn a_410_ends_the_delivery_and_tells_of_the_webhook() {
        let gone = Attempt {
            status_code: Some(410),
            ..attempt(1, Trigger::Event, Outcome::Rejected, START)
        };
        let state = DeliveryState::Pending { due: START };
        let after = after_attempt(
            state,
            Progress::default(),
            &gone,
            None,
            &RetrySchedule::default(),
            Jitter::NONE,
        );
        assert!(after.gone);
        assert_eq!(after.state.status(), DeliveryStatus::Failed);
    }

    #[test]
    fn what_ended_stays_ended_unless_it_is_delivered_after_all() {
        for state in [DeliveryState::Cancelled { at: START }, DeliveryState::Failed { at: START }] {
            let check = |outcome, expected: DeliveryStatus| {
                let attempt = attempt(6, Trigger::Retry, outcome, START);
                let schedule = RetrySchedule::default();
                let progress = Progress { attempts: 5, used: 4, first_deferred_at: None };
                let after = after_attempt(state, progress, &attempt, None, &schedule, Jitter::NONE);
                assert_eq!(after.state.status(), expected);
            };
            check(Outcome::Rejected, state.status());
            check(Outcome::Deferred, state.status());
            check(Outcome::Succeeded, DeliveryStatus::Delivered);
        }
    }

    #[test]
    fn patience_ends_after_a_day_and_then_uses_up_the_schedule() {
        let schedule = RetrySchedule::default();
        let mut state = DeliveryState::Pending { due: START };
        let mut progress = Progress::default();
        let mut deferrals = 0;
        for number in 1.. {
            let at = state.due().expect("still under way");
            let attempt = attempt(number, Trigger::Event, Outcome::Deferred, at);
            let hour = Some(Duration::from_hours(1));
            let after = after_attempt(state, progress, &attempt, hour, &schedule, Jitter::NONE);
            (state, progress) = (after.state, after.progress);
            if progress.used > 0 {
                break;
            }
            deferrals += 1;
        }
        // The first one starts the clock, and each takes its own 250 ms on top of its hour.
        assert_eq!(deferrals, 23);
        assert_eq!(state.status(), DeliveryStatus::Retrying);
    }

    fn outcomes() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            Just(Outcome::Succeeded),
            Just(Outcome::Rejected),
            Just(Outcome::TimedOut),
            Just(Outcome::Blocked),
            Just(Outcome::Deferred),
            Just(Outcome::Unreachable(UnreachableReason::Tls)),
        ]
    }

    proptest! {
        #[test]
        fn however_it_goes_the_schedule_is_kept(
            answers in proptest::collection::vec((outcomes(), 0_u64..100_000), 1..60),
            random: u64,
        ) {
            let schedule = RetrySchedule::default();
            let mut state = DeliveryState::Pending { due: START };
            let mut progress = Progress::default();
            for (number, (outcome, told)) in (1_u32..).zip(answers) {
                let Some(due) = state.due() else { break };
                let attempt = attempt(number, Trigger::Event, outcome, due);
                let jitter = Jitter::from_random(random.wrapping_mul(u64::from(number)));
                let told = seconds(told);
                let after =
                    after_attempt(state, progress, &attempt, Some(told), &schedule, jitter);
                prop_assert!(after.progress.used <= schedule.attempts_max());
                prop_assert!(after.progress.used >= progress.used);
                if let Some(next) = after.state.due() {
                    let wait = next.since(attempt.ended_at());
                    if after.progress.used > progress.used {
                        let delay = schedule.delay_before(after.progress.used + 1).expect("within");
                        prop_assert!(wait >= delay);
                        let longest = delay.max(DEFERRAL_MAX.min(told));
                        prop_assert!(wait <= longest + (longest / 10).min(seconds(15)));
                    }
                }
                if outcome == Outcome::Succeeded {
                    prop_assert_eq!(after.state.status(), DeliveryStatus::Delivered);
                }
                (state, progress) = (after.state, after.progress);
            }
        }
    }
}
