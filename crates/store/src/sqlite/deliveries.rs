//! Deliveries: reading them back, listing them, and finding after a restart what is still to be
//! done. Writing them is `record`'s.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use async_trait::async_trait;
use posthaste_core::attempt::Attempt;
use posthaste_core::delivery::{Delivery, DeliveryStatus};
use posthaste_core::id::{
    AccountId, DeliveryId, EventId, ID_STRIDE, WebhookId, first_of_millisecond,
};
use posthaste_core::limits::FAN_OUT_MAX;
use posthaste_core::page::{Page, PageRequest};
use posthaste_core::store::{
    DeliveryFilter, DeliveryStore, Outstanding, RecordBatch, Recovered, StoreError,
};
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, ToSql};

use super::fault::Fault;
use super::pages::{self, PageScan};
use super::partitions::{Day, Partition};
use super::rows::{
    ATTEMPT_COLUMNS, DELIVERY_COLUMNS, EventTypes, OUTSTANDING_COLUMNS, id_of, read_attempt,
    read_delivery, text,
};
use super::{Shared, SqliteStore, events, expire, record};

#[async_trait]
impl DeliveryStore for SqliteStore {
    async fn record(&self, batch: Arc<RecordBatch>) -> Result<(), StoreError> {
        self.write(move |shared| record::record(shared, &batch)).await
    }

    async fn recover(&self, outstanding_max: usize) -> Result<Recovered, StoreError> {
        self.read(move |shared| recover(shared, outstanding_max)).await
    }

    async fn outstanding_after(
        &self,
        after: DeliveryId,
        limit: usize,
    ) -> Result<Vec<Outstanding>, StoreError> {
        self.read(move |shared| outstanding(shared, after.as_raw(), limit)).await
    }

    async fn delivery(
        &self,
        account: AccountId,
        id: DeliveryId,
    ) -> Result<Option<(Delivery, Vec<Attempt>)>, StoreError> {
        self.read(move |shared| {
            let day = Day::of_raw(id.as_raw());
            let Some(partition) = shared.partitions.get(day) else { return Ok(None) };
            partition.history.read(|connection| {
                let delivery = delivery(connection, id)?;
                let Some(delivery) = delivery.filter(|found| found.account_id == account) else {
                    return Ok(None);
                };
                Ok(Some((delivery, attempts(connection, id)?)))
            })
        })
        .await
    }

    async fn list_deliveries(
        &self,
        account: AccountId,
        filter: &DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        let filter = filter.clone();
        self.read(move |shared| list(shared, account, &filter, page)).await
    }

    async fn expire(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.write(move |shared| expire::expire(shared, before)).await
    }
}

// By the primary key.
fn delivery(connection: &Connection, id: DeliveryId) -> Result<Option<Delivery>, Fault> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {DELIVERY_COLUMNS} FROM deliveries WHERE id = ?1"))?;
    let mut types = EventTypes::default();
    let found =
        statement.query_row([id.as_i64()], |row| Ok(read_delivery(row, &mut types))).optional()?;
    found.transpose()
}

// Along the primary key.
fn attempts(connection: &Connection, id: DeliveryId) -> Result<Vec<Attempt>, Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {ATTEMPT_COLUMNS} FROM attempts WHERE delivery_id = ?1 ORDER BY number"
    ))?;
    let mut rows = statement.query([id.as_i64()])?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        attempts.push(read_attempt(row)?);
    }
    Ok(attempts)
}

// After a restart.

fn recover(shared: &Shared, outstanding_max: usize) -> Result<Recovered, Fault> {
    let mut recovered = Recovered::default();
    for partition in shared.partitions.all() {
        let events = events::above(&partition, partition.low_water())?;
        if let Some(first) = events.first() {
            recovered.recorded.extend(recorded_of(&partition, first.id)?);
        }
        recovered.events.extend(events);
    }
    // One more than asked for, to know whether there are more.
    recovered.outstanding = outstanding(shared, 0, outstanding_max.saturating_add(1))?;
    recovered.more = recovered.outstanding.len() > outstanding_max;
    recovered.outstanding.truncate(outstanding_max);
    Ok(recovered)
}

/// The rows of `first`'s deliveries and of all events behind it: their ids stand behind its own.
/// Along the primary key.
fn recorded_of(partition: &Partition, first: EventId) -> Result<Vec<DeliveryId>, Fault> {
    partition.history.read(|connection| {
        let mut statement =
            connection.prepare_cached("SELECT id FROM deliveries WHERE id > ?1 ORDER BY id")?;
        let mut rows = statement.query([first.as_i64()])?;
        let mut recorded = Vec::new();
        while let Some(row) = rows.next()? {
            recorded.push(DeliveryId::from_raw(id_of(row.get(0)?)));
        }
        Ok(recorded)
    })
}

/// What is outstanding above `after`, in order: partitions oldest first.
fn outstanding(shared: &Shared, after: u64, limit: usize) -> Result<Vec<Outstanding>, Fault> {
    let mut found = Vec::new();
    let mut types = EventTypes::default();
    let partitions = shared.partitions.all();
    for partition in partitions.iter().filter(|partition| partition.day.last_id() > after) {
        partition.history.read(|connection| {
            let room = limit.saturating_sub(found.len());
            outstanding_of(connection, after, room, &mut types, &mut found)
        })?;
    }
    Ok(found)
}

// Along the primary key.
fn outstanding_of(
    connection: &Connection,
    after: u64,
    limit: usize,
    types: &mut EventTypes,
    found: &mut Vec<Outstanding>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {OUTSTANDING_COLUMNS} FROM outstanding
         WHERE delivery_id > ?1 ORDER BY delivery_id LIMIT ?2"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((after.cast_signed(), limit))?;
    while let Some(row) = rows.next()? {
        let delivery = read_delivery(row, types)?;
        found.push(Outstanding { delivery, manual_due: row.get(16)? });
    }
    Ok(())
}

// Lists.

/// Which rows to walk, by the most telling part of the filter; the rest is looked at row by row.
/// Each walk goes backwards along an index, so a page costs what it shows and what it skips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// The primary key.
    All,
    /// deliveries_by_webhook.
    Webhook,
    /// failed_by_webhook.
    WebhookFailed,
    /// unfinished_by_webhook.
    WebhookUnfinished,
    /// failed_by_account.
    AccountFailed,
    /// The primary key of the outstanding table, which holds everything unfinished.
    Outstanding,
}

impl Walk {
    fn of(filter: &DeliveryFilter) -> Walk {
        use DeliveryStatus::{Delivering, Failed, Pending, Retrying};
        if filter.event_id.is_some() {
            // An event's deliveries are a range of ids, mostly short.
            return Walk::All;
        }
        match (filter.webhook_id.is_some(), filter.status) {
            (true, Some(Failed)) => Walk::WebhookFailed,
            (true, Some(Pending | Retrying | Delivering)) => Walk::WebhookUnfinished,
            (true, _) => Walk::Webhook,
            (false, Some(Failed)) => Walk::AccountFailed,
            (false, Some(Pending | Retrying | Delivering)) => Walk::Outstanding,
            (false, _) => Walk::All,
        }
    }

    /// `?1` and `?2` bound the ids; `?3`, where there is one, is the webhook or the account.
    fn sql(self) -> String {
        let rows = match self {
            Walk::All => "deliveries WHERE id >= ?1 AND id < ?2 ORDER BY id DESC",
            Walk::Webhook => {
                "deliveries INDEXED BY deliveries_by_webhook
                 WHERE id >= ?1 AND id < ?2 AND webhook_id = ?3 ORDER BY id DESC"
            }
            Walk::WebhookFailed => {
                "deliveries INDEXED BY failed_by_webhook
                 WHERE id >= ?1 AND id < ?2 AND webhook_id = ?3 AND state = 3 ORDER BY id DESC"
            }
            Walk::WebhookUnfinished => {
                "deliveries INDEXED BY unfinished_by_webhook
                 WHERE id >= ?1 AND id < ?2 AND webhook_id = ?3 AND state <= 1 ORDER BY id DESC"
            }
            Walk::AccountFailed => {
                "deliveries INDEXED BY failed_by_account
                 WHERE id >= ?1 AND id < ?2 AND account_id = ?3 AND state = 3 ORDER BY id DESC"
            }
            Walk::Outstanding => {
                let columns = OUTSTANDING_COLUMNS;
                return format!(
                    "SELECT {columns} FROM outstanding
                     WHERE delivery_id >= ?1 AND delivery_id < ?2 ORDER BY delivery_id DESC"
                );
            }
        };
        format!("SELECT {DELIVERY_COLUMNS} FROM {rows}")
    }
}

fn list(
    shared: &Shared,
    account: AccountId,
    filter: &DeliveryFilter,
    page: PageRequest,
) -> Result<Page<Delivery>, Fault> {
    let mut scan = PageScan::new(page.limit);
    let Some(ids) = id_range(shared, account, filter, page)? else { return Ok(scan.finish()) };
    for partition in shared.partitions.newest_first(ids.start, ids.end) {
        partition.history.read(|connection| {
            scan_deliveries(connection, account, filter, ids.clone(), &mut scan)
        })?;
        if scan.is_done() {
            break;
        }
    }
    Ok(scan.finish())
}

/// The ids that can be of the page. `None` if there are none.
fn id_range(
    shared: &Shared,
    account: AccountId,
    filter: &DeliveryFilter,
    page: PageRequest,
) -> Result<Option<Range<u64>>, Fault> {
    let mut start = filter.since.map_or(0, first_of_millisecond);
    // Times are those of events; the deliveries of an event that lies just before `until` can
    // have ids behind it.
    let behind = (FAN_OUT_MAX as u64 + 1) * ID_STRIDE;
    let until = filter.until.map_or(u64::MAX, |until| first_of_millisecond(until) + behind);
    let mut end = until.min(pages::before(&page));
    if let Some(event) = filter.event_id {
        let Some(partition) = shared.partitions.get(Day::of_event(event)) else { return Ok(None) };
        let Some(targets) = events::target_count(&partition, account, event)? else {
            return Ok(None);
        };
        start = start.max(event.delivery(0).as_raw());
        end = end.min(event.delivery(targets).as_raw());
    }
    Ok((start < end).then_some(start..end))
}

fn scan_deliveries(
    connection: &Connection,
    account: AccountId,
    filter: &DeliveryFilter,
    ids: Range<u64>,
    scan: &mut PageScan<Delivery>,
) -> Result<(), Fault> {
    let walk = Walk::of(filter);
    let mut statement = connection.prepare_cached(&walk.sql())?;
    let (start, end) = (ids.start.cast_signed(), ids.end.cast_signed());
    let third = match walk {
        Walk::All | Walk::Outstanding => None,
        Walk::AccountFailed => Some(account.as_i64()),
        Walk::Webhook | Walk::WebhookFailed | Walk::WebhookUnfinished => {
            filter.webhook_id.map(WebhookId::as_i64)
        }
    };
    let bounds: [&dyn ToSql; 2] = [&start, &end];
    let third = third.as_ref().map(|third| third as &dyn ToSql);
    let parameters: Vec<&dyn ToSql> = bounds.into_iter().chain(third).collect();
    let mut rows = statement.query(&*parameters)?;
    let mut types = EventTypes::default();
    while let Some(row) = rows.next()? {
        let flow = scan.visit(id_of(row.get(0)?), || {
            if is_wanted(row, account, filter)? {
                read_delivery(row, &mut types).map(Some)
            } else {
                Ok(None)
            }
        })?;
        if flow == ControlFlow::Break(()) {
            break;
        }
    }
    Ok(())
}

/// Looks only at the columns that the filter asks about: most rows of a long walk are skipped.
fn is_wanted(row: &Row<'_>, account: AccountId, filter: &DeliveryFilter) -> Result<bool, Fault> {
    if row.get::<_, i64>(2)? != account.as_i64() {
        return Ok(false);
    }
    if let Some(webhook) = filter.webhook_id
        && row.get::<_, i64>(3)? != webhook.as_i64()
    {
        return Ok(false);
    }
    if !events::is_wanted_type(filter.event_type.as_ref(), text(row, 4)?) {
        return Ok(false);
    }
    if let Some(status) = filter.status
        && !states_of(status).contains(&row.get(6)?)
    {
        return Ok(false);
    }
    if let Some(status_code) = filter.status_code
        && row.get::<_, Option<u16>>(12)? != Some(status_code)
    {
        return Ok(false);
    }
    let event = id_of(row.get(1)?);
    let since = filter.since.is_none_or(|since| event >= first_of_millisecond(since));
    let until = filter.until.is_none_or(|until| event < first_of_millisecond(until));
    let of_event = filter.event_id.is_none_or(|wanted| event == wanted.as_raw());
    Ok(since && until && of_event)
}

/// The stored states that a status finds.
fn states_of(status: DeliveryStatus) -> &'static [i64] {
    match status {
        DeliveryStatus::Pending => &[0],
        DeliveryStatus::Retrying => &[1],
        DeliveryStatus::Delivering => &[0, 1],
        DeliveryStatus::Delivered => &[2],
        DeliveryStatus::Failed => &[3],
        DeliveryStatus::Cancelled => &[4],
    }
}

/// How SQLite goes about each walk.
#[cfg(test)]
pub fn explain_walks(shared: &Shared) -> Vec<(String, String)> {
    let walks = [
        Walk::All,
        Walk::Webhook,
        Walk::WebhookFailed,
        Walk::WebhookUnfinished,
        Walk::AccountFailed,
        Walk::Outstanding,
    ];
    let partition = &shared.partitions.all()[0];
    let explain = |walk: Walk| {
        let plan = partition.history.read(|connection| {
            let sql = format!("EXPLAIN QUERY PLAN {}", walk.sql());
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.raw_query();
            let mut steps = Vec::new();
            while let Some(row) = rows.next()? {
                steps.push(row.get::<_, String>(3)?);
            }
            Ok(steps.join("; "))
        });
        (format!("{walk:?}"), plan.expect("a plan"))
    };
    walks.map(explain).into()
}
