//! Rows and what they stand for: the only place that knows how deliveries lie in columns;
//! what is packed into one is `packed_rows`'. Numbers that are stored for an enum never change their
//! meaning.

use std::collections::HashSet;

use posthaste_core::attempt::Trigger;
use posthaste_core::delivery::{Delivery, DeliveryState};
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, DeliveryId, WebhookId};
use posthaste_core::id_map::IdMap;
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::fault::Fault;
use super::packed_rows::{Standing, unpack_standing};

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
const FAILED: i64 = 3;

/// The code of a state, and its time: when it is due, or when it ended.
pub fn state_columns(state: DeliveryState) -> (i64, Timestamp) {
    let (code, at) = match state {
        DeliveryState::Pending { due } => (0, due),
        DeliveryState::Retrying { due } => (1, due),
        DeliveryState::Delivered { at } => (DELIVERED, at),
        DeliveryState::Failed { at } => (FAILED, at),
        DeliveryState::Cancelled { at } => (4, at),
    };
    (code, at)
}

pub fn state_of(code: i64, at: Timestamp) -> Option<DeliveryState> {
    Some(match code {
        0 => DeliveryState::Pending { due: at },
        1 => DeliveryState::Retrying { due: at },
        DELIVERED => DeliveryState::Delivered { at },
        FAILED => DeliveryState::Failed { at },
        4 => DeliveryState::Cancelled { at },
        _ => return None,
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

/// Names of event types by the number that stands for them in one history file, read when they
/// are first met.
#[derive(Debug)]
pub struct TypeNames<'c> {
    history: &'c Connection,
    known: IdMap<i64, EventType>,
}

impl TypeNames<'_> {
    pub fn of(history: &Connection) -> TypeNames<'_> {
        TypeNames { history, known: IdMap::default() }
    }

    // By the primary key.
    fn get(&mut self, number: i64) -> Result<EventType, Fault> {
        if let Some(known) = self.known.get(&number) {
            return Ok(known.clone());
        }
        let mut statement =
            self.history.prepare_cached("SELECT name FROM event_types WHERE number = ?1")?;
        let name: String = statement.query_row([number], |row| row.get(0))?;
        let event_type = EventType::parse(&name).map_err(Fault::unreadable("event type"))?;
        self.known.insert(number, event_type.clone());
        Ok(event_type)
    }
}

/// The number of an event type in a history file, if a row there has ever had it. By the index on
/// the name.
pub fn event_type_number(history: &Connection, name: &EventType) -> Result<Option<i64>, Fault> {
    let mut statement = history.prepare_cached("SELECT number FROM event_types WHERE name = ?1")?;
    Ok(statement.query_row([name.as_str()], |row| row.get(0)).optional()?)
}

/// What [`read_delivery`] expects, in this order.
pub const DELIVERY_COLUMNS: &str =
    "id, account_id, webhook_id, event_type, state, status_code, standing";

/// The same of the outstanding table, followed by whether a manual attempt is due.
pub const OUTSTANDING_COLUMNS: &str = "delivery_id, account_id, webhook_id, event_type, state, \
     status_code, standing, manual_due";

/// What a row says of its delivery beside its first columns.
pub fn read_standing(row: &Row<'_>) -> Result<Standing, Fault> {
    let id = DeliveryId::from_raw(id_of(row.get(0)?));
    unpack_standing(id, row.get(4)?, row.get(5)?, blob(row, 6)?)
}

pub fn read_delivery(row: &Row<'_>, types: &mut TypeNames<'_>) -> Result<Delivery, Fault> {
    let standing = read_standing(row)?;
    Ok(Delivery {
        id: DeliveryId::from_raw(id_of(row.get(0)?)),
        event_id: standing.event_id,
        account_id: AccountId::from_raw(id_of(row.get(1)?)),
        webhook_id: WebhookId::from_raw(id_of(row.get(2)?)),
        event_type: types.get(row.get(3)?)?,
        trigger: standing.trigger,
        state: standing.state,
        progress: standing.progress,
        last: standing.last,
    })
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
            assert_eq!(state_of(code, at), Some(state));
        }
        assert_eq!(state_of(9, at), None);
    }
}
