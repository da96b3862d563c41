//! Rows and what they stand for: the only place that knows how deliveries and attempts lie in
//! columns. Numbers that are stored for an enum never change their meaning.

use std::collections::HashSet;
use std::net::SocketAddr;

use posthaste_core::attempt::{Attempt, Exchange, Outcome, Timings, Trigger};
use posthaste_core::delivery::{Delivery, DeliveryState, LastAttempt, Progress};
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, DeliveryId, EventId, WebhookId};
use posthaste_core::time::Timestamp;
use rusqlite::Row;

use super::fault::Fault;
use super::packed_headers;

pub fn id_of(raw: i64) -> u64 {
    raw.cast_unsigned()
}

pub fn trigger_code(trigger: Trigger) -> i64 {
    match trigger {
        Trigger::Event => 0,
        Trigger::Retry => 1,
        Trigger::Manual => 2,
        Trigger::Recover => 3,
        Trigger::Test => 4,
    }
}

pub fn trigger_of(code: i64) -> Result<Trigger, Fault> {
    let position = usize::try_from(code).ok();
    position
        .and_then(|position| Trigger::ALL.get(position))
        .copied()
        .ok_or_else(|| Fault::damaged(format!("{code} is no trigger")))
}

pub const DELIVERED: i64 = 2;
pub const FAILED: i64 = 3;

/// The `state` and `state_at` of a delivery.
pub fn state_columns(state: DeliveryState) -> (i64, i64) {
    let (code, at) = match state {
        DeliveryState::Pending { due } => (0, due),
        DeliveryState::Retrying { due } => (1, due),
        DeliveryState::Delivered { at } => (DELIVERED, at),
        DeliveryState::Failed { at } => (FAILED, at),
        DeliveryState::Cancelled { at } => (4, at),
    };
    (code, at.as_millis())
}

pub fn state_of(code: i64, at: i64) -> Result<DeliveryState, Fault> {
    let at = Timestamp::from_millis(at);
    Ok(match code {
        0 => DeliveryState::Pending { due: at },
        1 => DeliveryState::Retrying { due: at },
        DELIVERED => DeliveryState::Delivered { at },
        FAILED => DeliveryState::Failed { at },
        4 => DeliveryState::Cancelled { at },
        _ => return Err(Fault::damaged(format!("{code} is no delivery state"))),
    })
}

/// Event types read before: a million deliveries share the texts of a few.
#[derive(Debug, Default)]
pub struct EventTypes(HashSet<EventType>);

impl EventTypes {
    pub fn get(&mut self, text: &str) -> Result<EventType, Fault> {
        if let Some(known) = self.0.get(text) {
            return Ok(known.clone());
        }
        let event_type = EventType::parse(text).map_err(Fault::unreadable("event type"))?;
        self.0.insert(event_type.clone());
        Ok(event_type)
    }
}

/// What [`read_delivery`] expects, in this order; 16 of them.
pub const DELIVERY_COLUMNS: &str = "id, event_id, account_id, webhook_id, event_type, trigger, \
     state, state_at, attempts, used, first_deferred_at, last_outcome, last_status_code, \
     last_error, last_started_at, last_duration_ms";

/// The same of the outstanding table, followed by whether a manual attempt is due.
pub const OUTSTANDING_COLUMNS: &str = "delivery_id, event_id, account_id, webhook_id, \
     event_type, trigger, state, state_at, attempts, used, first_deferred_at, last_outcome, \
     last_status_code, last_error, last_started_at, last_duration_ms, manual_due";

pub fn read_delivery(row: &Row<'_>, types: &mut EventTypes) -> Result<Delivery, Fault> {
    let last_outcome: Option<u8> = row.get(11)?;
    let last = match last_outcome {
        None => None,
        Some(code) => Some(LastAttempt {
            outcome: outcome_of(code)?,
            status_code: row.get(12)?,
            error: row.get(13)?,
            started_at: Timestamp::from_millis(row.get(14)?),
            duration_ms: row.get(15)?,
        }),
    };
    Ok(Delivery {
        id: DeliveryId::from_raw(id_of(row.get(0)?)),
        event_id: EventId::from_raw(id_of(row.get(1)?)),
        account_id: AccountId::from_raw(id_of(row.get(2)?)),
        webhook_id: WebhookId::from_raw(id_of(row.get(3)?)),
        event_type: types.get(text(row, 4)?)?,
        trigger: trigger_of(row.get(5)?)?,
        state: state_of(row.get(6)?, row.get(7)?)?,
        progress: Progress {
            attempts: row.get(8)?,
            used: row.get(9)?,
            first_deferred_at: row.get::<_, Option<i64>>(10)?.map(Timestamp::from_millis),
        },
        last,
    })
}

/// What [`read_attempt`] expects, in this order.
pub const ATTEMPT_COLUMNS: &str = "number, trigger, outcome, status_code, error, started_at, \
     duration_ms, dns_ms, connect_ms, tls_ms, first_byte_ms, remote_address, request_headers, \
     response_headers, response_body, truncated";

pub fn read_attempt(row: &Row<'_>) -> Result<Attempt, Fault> {
    let remote_address = match row.get_ref(11)?.as_str_or_null().map_err(column_fault)? {
        None => None,
        Some(text) => Some(
            text.parse::<SocketAddr>()
                .map_err(|error| Fault::damaged(format!("remote address {text:?}: {error}")))?,
        ),
    };
    Ok(Attempt {
        number: row.get(0)?,
        trigger: trigger_of(row.get(1)?)?,
        outcome: outcome_of(row.get(2)?)?,
        status_code: row.get(3)?,
        error: row.get(4)?,
        started_at: Timestamp::from_millis(row.get(5)?),
        duration_ms: row.get(6)?,
        timings: Timings {
            dns_ms: row.get(7)?,
            connect_ms: row.get(8)?,
            tls_ms: row.get(9)?,
            first_byte_ms: row.get(10)?,
        },
        exchange: Exchange {
            remote_address,
            request_headers: packed_headers::unpack(blob(row, 12)?)?,
            response_headers: header_lines(text(row, 13)?)
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            response_body: blob(row, 14)?.to_vec(),
            truncated: row.get(15)?,
        },
    })
}

fn outcome_of(code: u8) -> Result<Outcome, Fault> {
    Outcome::from_code(code).ok_or_else(|| Fault::damaged(format!("{code} is no outcome")))
}

/// `name: value` lines: smaller and three times quicker than JSON, and readable at the shell.
pub fn response_header_lines(headers: &[(String, String)]) -> String {
    let mut lines = String::with_capacity(48 * headers.len());
    for (name, value) in headers {
        push_line(&mut lines, name, value);
    }
    lines
}

/// HTTP allows no line break in a header; should one come through, it must not make a new line.
fn push_line(lines: &mut String, name: &str, value: &str) {
    lines.push_str(name);
    lines.push_str(": ");
    if value.contains(['\n', '\r']) {
        lines.push_str(&value.replace(['\n', '\r'], " "));
    } else {
        lines.push_str(value);
    }
    lines.push('\n');
}

fn header_lines(lines: &str) -> impl Iterator<Item = (&str, &str)> {
    // Not `lines()`, which would also eat a carriage return.
    lines.split_terminator('\n').filter_map(|line| line.split_once(": "))
}

/// A text column without copying it.
pub fn text<'row>(row: &'row Row<'_>, column: usize) -> Result<&'row str, Fault> {
    row.get_ref(column)?.as_str().map_err(column_fault)
}

/// A blob column without copying it.
pub fn blob<'row>(row: &'row Row<'_>, column: usize) -> Result<&'row [u8], Fault> {
    row.get_ref(column)?.as_blob().map_err(column_fault)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn column_fault(error: rusqlite::types::FromSqlError) -> Fault {
    Fault::damaged(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip() {
        for trigger in Trigger::ALL {
            assert_eq!(trigger_of(trigger_code(trigger)).expect("own code"), trigger);
        }
        assert!(trigger_of(5).is_err());
        let at = Timestamp::from_millis(1_736_951_425_123);
        for state in [
            DeliveryState::Pending { due: at },
            DeliveryState::Retrying { due: at },
            DeliveryState::Delivered { at },
            DeliveryState::Failed { at },
            DeliveryState::Cancelled { at },
        ] {
            let (code, at) = state_columns(state);
            assert_eq!(state_of(code, at).expect("own code"), state);
        }
        assert!(state_of(9, 0).is_err());
    }

    #[test]
    fn a_line_break_cannot_forge_a_header() {
        let lines = response_header_lines(&[("a".to_owned(), "b\nset-cookie: c".to_owned())]);
        assert_eq!(header_lines(&lines).collect::<Vec<_>>(), [("a", "b set-cookie: c")]);
    }
}
