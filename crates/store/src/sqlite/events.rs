//! Reading events back.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use async_trait::async_trait;
use posthaste_core::event::Event;
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, DeliveryId, EventId, first_of_millisecond};
use posthaste_core::page::{Page, PageRequest};
use posthaste_core::store::{Accept, Accepted, EventFilter, EventStore, StoreError};
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::fault::Fault;
use super::pages::{self, PageScan};
use super::partitions::{Day, Partition};
use super::rows::{EVENT_COLUMNS, EventTypes, id_of, read_event, text};
use super::{Shared, SqliteStore};

#[async_trait]
impl EventStore for SqliteStore {
    async fn accept(&self, now: Timestamp, accept: Accept) -> Result<Accepted, StoreError> {
        self.accept_queued(now, accept).await
    }

    async fn event(
        &self,
        account: AccountId,
        id: EventId,
    ) -> Result<Option<Arc<Event>>, StoreError> {
        let event = self.event_to_deliver(id).await?;
        Ok(event.filter(|event| event.account_id == account))
    }

    async fn event_to_deliver(&self, id: EventId) -> Result<Option<Arc<Event>>, StoreError> {
        self.read(move |shared| {
            let Some(partition) = shared.partitions.get(Day::of_event(id)) else { return Ok(None) };
            let event = partition.events.read(|connection| event(connection, id))?;
            Ok(event.map(Arc::new))
        })
        .await
    }

    async fn events_to_deliver(
        &self,
        ids: Vec<EventId>,
        bytes_max: usize,
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        self.read(move |shared| {
            let (mut found, mut bytes) = (Vec::new(), 0);
            for of_day in ids.chunk_by(|one, other| Day::of_event(*one) == Day::of_event(*other)) {
                let Some(partition) = shared.partitions.get(Day::of_event(of_day[0])) else {
                    continue;
                };
                partition.events.read(|connection| {
                    for id in of_day {
                        let Some(event) = event(connection, *id)? else { continue };
                        bytes += event.data.len();
                        if bytes > bytes_max {
                            break;
                        }
                        found.push(Arc::new(event));
                    }
                    Ok(())
                })?;
                if bytes > bytes_max {
                    break;
                }
            }
            Ok(found)
        })
        .await
    }

    async fn event_of_delivery(
        &self,
        account: AccountId,
        delivery: DeliveryId,
    ) -> Result<Option<Arc<Event>>, StoreError> {
        self.read(move |shared| {
            let day = Day::of_raw(delivery.as_raw());
            let Some(partition) = shared.partitions.get(day) else { return Ok(None) };
            let event = partition.events.read(|connection| event_before(connection, delivery))?;
            let is_of = |event: &Event| {
                let position = delivery.position_in(event.id);
                event.account_id == account
                    && position.is_some_and(|position| position < event.targets.len())
            };
            Ok(event.filter(is_of).map(Arc::new))
        })
        .await
    }

    async fn list_events(
        &self,
        account: AccountId,
        filter: &EventFilter,
        page: PageRequest,
    ) -> Result<Page<Arc<Event>>, StoreError> {
        let filter = filter.clone();
        self.read(move |shared| list(shared, account, &filter, page)).await
    }
}

// By the primary key.
fn event(connection: &Connection, id: EventId) -> Result<Option<Event>, Fault> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {EVENT_COLUMNS} FROM events WHERE id = ?1"))?;
    let mut types = EventTypes::default();
    let found =
        statement.query_row([id.as_i64()], |row| Ok(read_event(row, &mut types))).optional()?;
    found.transpose()
}

/// The event that `delivery` would belong to: its ids stand right before. By the primary key.
fn event_before(connection: &Connection, delivery: DeliveryId) -> Result<Option<Event>, Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {EVENT_COLUMNS} FROM events WHERE id < ?1 ORDER BY id DESC LIMIT 1"
    ))?;
    let mut types = EventTypes::default();
    let found = statement
        .query_row([delivery.as_i64()], |row| Ok(read_event(row, &mut types)))
        .optional()?;
    found.transpose()
}

/// The newest event and how many targets it has. By the end of the primary key.
pub fn newest(connection: &Connection) -> Result<Option<(EventId, usize)>, Fault> {
    let found = connection
        .query_row(
            "SELECT id, length(targets) / 8 FROM events ORDER BY id DESC LIMIT 1",
            (),
            |row| Ok((EventId::from_raw(id_of(row.get(0)?)), row.get::<_, u32>(1)? as usize)),
        )
        .optional()?;
    Ok(found)
}

/// How many targets an event has. By the primary key.
pub fn target_count(
    partition: &Partition,
    account: AccountId,
    id: EventId,
) -> Result<Option<usize>, Fault> {
    partition.events.read(|connection| {
        let mut statement = connection.prepare_cached(
            "SELECT length(targets) / 8 FROM events WHERE id = ?1 AND account_id = ?2",
        )?;
        let found = statement
            .query_row((id.as_i64(), account.as_i64()), |row| row.get::<_, u32>(0))
            .optional()?;
        Ok(found.map(|count| count as usize))
    })
}

/// All events of the partition above `mark`. Along the primary key.
pub fn above(partition: &Partition, mark: u64) -> Result<Vec<Arc<Event>>, Fault> {
    partition.events.read(|connection| {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {EVENT_COLUMNS} FROM events WHERE id > ?1 ORDER BY id"
        ))?;
        let mut rows = statement.query([mark.cast_signed()])?;
        let mut types = EventTypes::default();
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            events.push(Arc::new(read_event(row, &mut types)?));
        }
        Ok(events)
    })
}

/// Backwards along the primary keys, partition by partition.
fn list(
    shared: &Shared,
    account: AccountId,
    filter: &EventFilter,
    page: PageRequest,
) -> Result<Page<Arc<Event>>, Fault> {
    let floor = filter.since.map_or(0, first_of_millisecond);
    let before = filter.until.map_or(u64::MAX, first_of_millisecond).min(pages::before(&page));
    let mut scan = PageScan::new(page.limit);
    for partition in shared.partitions.newest_first(floor, before) {
        partition.events.read(|connection| {
            scan_events(connection, account, filter, floor..before, &mut scan)
        })?;
        if scan.is_done() {
            break;
        }
    }
    Ok(scan.finish())
}

fn scan_events(
    connection: &Connection,
    account: AccountId,
    filter: &EventFilter,
    ids: Range<u64>,
    scan: &mut PageScan<Arc<Event>>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {EVENT_COLUMNS} FROM events WHERE id >= ?1 AND id < ?2 ORDER BY id DESC"
    ))?;
    let mut rows = statement.query((ids.start.cast_signed(), ids.end.cast_signed()))?;
    let mut types = EventTypes::default();
    while let Some(row) = rows.next()? {
        let flow = scan.visit(id_of(row.get(0)?), || {
            let wanted = row.get::<_, i64>(1)? == account.as_i64()
                && is_wanted_type(filter.event_type.as_ref(), text(row, 2)?);
            if !wanted {
                return Ok(None);
            }
            Ok(Some(Arc::new(read_event(row, &mut types)?)))
        })?;
        if flow == ControlFlow::Break(()) {
            break;
        }
    }
    Ok(())
}

pub fn is_wanted_type(wanted: Option<&EventType>, stored: &str) -> bool {
    wanted.is_none_or(|wanted| wanted.as_str() == stored)
}
