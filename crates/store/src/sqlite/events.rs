//! Reading events back.

use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use posthaste_core::event::Event;
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, DeliveryId, EventId, first_of_millisecond};
use posthaste_core::page::{Page, PageRequest};
use posthaste_core::store::{Accept, Accepted, EventFilter, EventStore, StoreError};
use posthaste_core::time::Timestamp;

use super::fault::Fault;
use super::pages::{self, PageScan};
use super::partitions::{Day, Partition};
use super::rows::EventTypes;
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
            let event = newest_before(&partition, id.as_raw() + 1)?;
            Ok(event.filter(|event| event.id == id).map(Arc::new))
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
            let mut types = EventTypes::default();
            for of_day in ids.chunk_by(|one, other| Day::of_event(*one) == Day::of_event(*other)) {
                let Some(partition) = shared.partitions.get(Day::of_event(of_day[0])) else {
                    continue;
                };
                let flow = partition.events.find(of_day, |event| {
                    let event = event.to_event(&mut types)?;
                    bytes += event.data.len();
                    if bytes > bytes_max {
                        return Ok(ControlFlow::Break(()));
                    }
                    found.push(Arc::new(event));
                    Ok(ControlFlow::Continue(()))
                })?;
                if flow.is_break() {
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
            // Its ids stand right before.
            let event = newest_before(&partition, delivery.as_raw())?;
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

/// The newest event with an id below `before`.
fn newest_before(partition: &Partition, before: u64) -> Result<Option<Event>, Fault> {
    let mut found = None;
    partition.events.newest_first(0, before, |event| {
        found = Some(event.to_event(&mut EventTypes::default())?);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

/// How many targets an event has.
pub fn target_count(
    partition: &Partition,
    account: AccountId,
    id: EventId,
) -> Result<Option<usize>, Fault> {
    let mut found = None;
    partition.events.newest_first(id.as_raw(), id.as_raw() + 1, |event| {
        found = (event.account_id == account).then(|| event.target_count());
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}

/// All events of the partition above `mark`, oldest first.
pub fn above(partition: &Partition, mark: u64) -> Result<Vec<Arc<Event>>, Fault> {
    let mut types = EventTypes::default();
    let mut events = Vec::new();
    partition.events.frames_above(mark, |frame| {
        for event in frame.events()? {
            if event.id.as_raw() > mark {
                events.push(Arc::new(event.to_event(&mut types)?));
            }
        }
        Ok(())
    })?;
    Ok(events)
}

/// Backwards through the log, partition by partition.
fn list(
    shared: &Shared,
    account: AccountId,
    filter: &EventFilter,
    page: PageRequest,
) -> Result<Page<Arc<Event>>, Fault> {
    let floor = filter.since.map_or(0, first_of_millisecond);
    let before = filter.until.map_or(u64::MAX, first_of_millisecond).min(pages::before(&page));
    let mut scan = PageScan::new(page.limit);
    let mut types = EventTypes::default();
    for partition in shared.partitions.newest_first(floor, before) {
        partition.events.newest_first(floor, before, |event| {
            scan.visit(event.id.as_raw(), || {
                let wanted = event.account_id == account
                    && is_wanted_type(filter.event_type.as_ref(), event.event_type);
                if !wanted {
                    return Ok(None);
                }
                Ok(Some(Arc::new(event.to_event(&mut types)?)))
            })
        })?;
        if scan.is_done() {
            break;
        }
    }
    Ok(scan.finish())
}

pub fn is_wanted_type(wanted: Option<&EventType>, stored: &str) -> bool {
    wanted.is_none_or(|wanted| wanted.as_str() == stored)
}
