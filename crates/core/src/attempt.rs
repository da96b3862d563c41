//! One HTTP request of a delivery, and how it ended.

use std::net::SocketAddr;

use crate::header_lines::HeaderLines;
use crate::sent_headers::SentHeaders;
use crate::stats::{CountedAttempt, ErrorClass};
use crate::time::Timestamp;

/// Why a delivery exists, or was tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// An event was accepted.
    Event,
    /// The retry schedule came round.
    Retry,
    /// Somebody asked for this one delivery to be tried, outside the schedule.
    Manual,
    /// A recovery job brought it back.
    Recover,
    /// Somebody sent a sample to this webhook.
    Test,
}

impl Trigger {
    pub const ALL: [Trigger; 5] =
        [Trigger::Event, Trigger::Retry, Trigger::Manual, Trigger::Recover, Trigger::Test];

    pub fn as_str(self) -> &'static str {
        match self {
            Trigger::Event => "event",
            Trigger::Retry => "retry",
            Trigger::Manual => "manual",
            Trigger::Recover => "recover",
            Trigger::Test => "test",
        }
    }

    pub fn parse(text: &str) -> Option<Trigger> {
        Trigger::ALL.into_iter().find(|trigger| trigger.as_str() == text)
    }
}

/// Why no answer came. Each is a thing a receiver's owner would fix in a different place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnreachableReason {
    /// The name does not resolve.
    Dns,
    /// Nothing accepts connections there.
    Refused,
    /// The network has no way there, or the connection could not be made for another reason.
    Connect,
    /// The handshake failed: certificate, name or version.
    Tls,
    /// The connection was closed or reset before an answer came.
    Closed,
    /// What came back is not HTTP.
    Protocol,
}

impl UnreachableReason {
    pub const ALL: [UnreachableReason; 6] = [
        UnreachableReason::Dns,
        UnreachableReason::Refused,
        UnreachableReason::Connect,
        UnreachableReason::Tls,
        UnreachableReason::Closed,
        UnreachableReason::Protocol,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            UnreachableReason::Dns => "dns",
            UnreachableReason::Refused => "refused",
            UnreachableReason::Connect => "connect",
            UnreachableReason::Tls => "tls",
            UnreachableReason::Closed => "closed",
            UnreachableReason::Protocol => "protocol",
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A 2xx.
    Succeeded,
    /// Any other status that does not ask us to come back later.
    Rejected,
    /// The deadline passed: connecting, or waiting for the whole answer.
    TimedOut,
    Unreachable(UnreachableReason),
    /// The egress policy forbids the address; nothing was sent.
    Blocked,
    /// 429, or 503 with `Retry-After`: come back later. Uses up none of the schedule.
    Deferred,
}

impl Outcome {
    /// The glossary's word: what `outcome` says in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Succeeded => "succeeded",
            Outcome::Rejected => "rejected",
            Outcome::TimedOut => "timed_out",
            Outcome::Unreachable(_) => "unreachable",
            Outcome::Blocked => "blocked",
            Outcome::Deferred => "deferred",
        }
    }

    /// Which kind of error the charts count it as. A rejection is none: its status says it all.
    pub fn error_class(self) -> Option<ErrorClass> {
        Some(match self {
            Outcome::Succeeded | Outcome::Rejected => return None,
            Outcome::TimedOut => ErrorClass::Timeout,
            Outcome::Blocked => ErrorClass::Blocked,
            Outcome::Deferred => ErrorClass::RateLimited,
            Outcome::Unreachable(reason) => match reason {
                UnreachableReason::Dns => ErrorClass::Dns,
                UnreachableReason::Refused | UnreachableReason::Connect => ErrorClass::Connect,
                UnreachableReason::Tls => ErrorClass::Tls,
                UnreachableReason::Closed => ErrorClass::Reset,
                UnreachableReason::Protocol => ErrorClass::Protocol,
            },
        })
    }

    /// One small number for a column; [`Outcome::from_code`] reads it back.
    pub fn code(self) -> u8 {
        match self {
            Outcome::Succeeded => 0,
            Outcome::Rejected => 1,
            Outcome::TimedOut => 2,
            Outcome::Blocked => 3,
            Outcome::Deferred => 4,
            Outcome::Unreachable(reason) => 10 + reason as u8,
        }
    }

    pub fn from_code(code: u8) -> Option<Outcome> {
        Some(match code {
            0 => Outcome::Succeeded,
            1 => Outcome::Rejected,
            2 => Outcome::TimedOut,
            3 => Outcome::Blocked,
            4 => Outcome::Deferred,
            _ => {
                let reason = UnreachableReason::ALL.get(usize::from(code).checked_sub(10)?)?;
                Outcome::Unreachable(*reason)
            }
        })
    }

    /// What a status means for a delivery. `defers` says whether the answer named a time
    /// to come back (`Retry-After`).
    pub fn of_status(status: u16, defers: bool) -> Outcome {
        match status {
            200..=299 => Outcome::Succeeded,
            429 => Outcome::Deferred,
            503 if defers => Outcome::Deferred,
            _ => Outcome::Rejected,
        }
    }
}

/// Where the time of an attempt went, in milliseconds. `None`: that step did not happen, because
/// the connection was already there or the attempt ended before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    pub dns_ms: Option<u32>,
    pub connect_ms: Option<u32>,
    pub tls_ms: Option<u32>,
    /// From the request's start to the answer's head.
    pub first_byte_ms: Option<u32>,
}

/// The request and answer of an attempt, as far as they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exchange {
    pub remote_address: Option<SocketAddr>,
    /// Empty if nothing was sent.
    pub request_headers: SentHeaders,
    pub response_headers: HeaderLines,
    /// At most `RESPONSE_BODY_BYTES_MAX`, never decompressed.
    pub response_body: Vec<u8>,
    /// The answer's body went on beyond what is kept.
    pub truncated: bool,
}

/// One HTTP request of a delivery. Append-only: an attempt is written once and never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// 1, 2, 3 … over everything that was sent for this delivery, deferred and manual included:
    /// what `x-webhook-attempt` said.
    pub number: u32,
    pub trigger: Trigger,
    pub outcome: Outcome,
    pub status_code: Option<u16>,
    /// One sentence for a person; `None` on success.
    pub error: Option<String>,
    pub started_at: Timestamp,
    pub duration_ms: u32,
    pub timings: Timings,
    pub exchange: Exchange,
}

impl Attempt {
    /// What the rollups count of it.
    pub fn counted(&self) -> CountedAttempt {
        CountedAttempt {
            number: self.number,
            started_at: self.started_at,
            duration_ms: self.duration_ms,
            status: self.status_code,
            error: self.outcome.error_class(),
        }
    }

    pub fn ended_at(&self) -> Timestamp {
        self.started_at
            .saturating_add(std::time::Duration::from_millis(u64::from(self.duration_ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_survives_its_column() {
        let mut outcomes = vec![
            Outcome::Succeeded,
            Outcome::Rejected,
            Outcome::TimedOut,
            Outcome::Blocked,
            Outcome::Deferred,
        ];
        outcomes.extend(UnreachableReason::ALL.map(Outcome::Unreachable));
        for outcome in outcomes {
            assert_eq!(Outcome::from_code(outcome.code()), Some(outcome));
        }
        assert_eq!(Outcome::from_code(9), None);
        assert_eq!(Outcome::from_code(99), None);
    }

    #[test]
    fn only_a_2xx_is_success_and_only_429_or_a_dated_503_defers() {
        let check = |status, defers, expected| {
            assert_eq!(Outcome::of_status(status, defers), expected, "{status}");
        };
        check(200, false, Outcome::Succeeded);
        check(204, true, Outcome::Succeeded);
        check(199, false, Outcome::Rejected);
        check(301, false, Outcome::Rejected);
        check(304, false, Outcome::Rejected);
        check(410, true, Outcome::Rejected);
        check(429, false, Outcome::Deferred);
        check(503, true, Outcome::Deferred);
        check(503, false, Outcome::Rejected);
        check(500, true, Outcome::Rejected);
    }
}
