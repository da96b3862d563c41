//! Deliveries: one event for one outbound webhook each, and the one function that moves them from
//! state to state.

use std::time::Duration;

use crate::attempt::{Attempt, Outcome, Trigger};
use crate::event_type::EventType;
use crate::id::{AccountId, DeliveryId, EventId, WebhookId};
use crate::limits::{DEFERRAL_DEFAULT, DEFERRAL_MAX};
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
    let wait = retry_after.unwrap_or(DEFERRAL_DEFAULT).min(DEFERRAL_MAX);
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
