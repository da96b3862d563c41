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
use rusqlite::{Connection, Row};

use super::fault::Fault;
use super::packed_rows::unpack_attempt;
use super::pages::{self, PageScan};
use super::partitions::{Day, Partition};
use super::rows::{
    DELIVERY_COLUMNS, OUTSTANDING_COLUMNS, TypeNames, blob, event_type_number, id_of,
    read_delivery, read_standing,
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
                let found = delivery(connection, id)?;
                let Some((delivery, inline)) =
                    found.filter(|(found, _)| found.account_id == account)
                else {
                    return Ok(None);
                };
                let mut attempts = attempts(connection, id)?;
                attempts.extend(inline);
                attempts.sort_by_key(|attempt| attempt.number);
                Ok(Some((delivery, attempts)))
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

/// A delivery and the attempt in its own row. By the primary key.
fn delivery(
    connection: &Connection,
    id: DeliveryId,
) -> Result<Option<(Delivery, Option<Attempt>)>, Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {DELIVERY_COLUMNS}, attempt FROM deliveries WHERE id = ?1"
    ))?;
    let mut rows = statement.query([id.as_i64()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let delivery = read_delivery(row, &mut TypeNames::of(connection))?;
    let inline: Option<Vec<u8>> = row.get(7)?;
    let attempt = inline.map(|packed| unpack_attempt(id, &packed)).transpose()?;
    Ok(Some((delivery, attempt)))
}

/// Those that have rows of their own. Along the primary key.
fn attempts(connection: &Connection, id: DeliveryId) -> Result<Vec<Attempt>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT attempt FROM attempts WHERE delivery_id = ?1")?;
    let mut rows = statement.query([id.as_i64()])?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        attempts.push(unpack_attempt(id, blob(row, 0)?)?);
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
    let partitions = shared.partitions.all();
    for partition in partitions.iter().filter(|partition| partition.day.last_id() > after) {
        partition.history.read(|connection| {
            let room = limit.saturating_sub(found.len());
            outstanding_of(connection, after, room, &mut found)
        })?;
    }
    Ok(found)
}

// Along the primary key.
fn outstanding_of(
    connection: &Connection,
    after: u64,
    limit: usize,
    found: &mut Vec<Outstanding>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {OUTSTANDING_COLUMNS} FROM outstanding
         WHERE delivery_id > ?1 ORDER BY delivery_id LIMIT ?2"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query((after.cast_signed(), limit))?;
    let mut types = TypeNames::of(connection);
    while let Some(row) = rows.next()? {
        let delivery = read_delivery(row, &mut types)?;
        found.push(Outstanding { delivery, manual_due: row.get(7)? });
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
    /// failed_by_webhook, and the same of a whole account.
    WebhookFailed,
    AccountFailed,
    /// refused_by_webhook, and the same of a whole account.
    WebhookRefused,
    AccountRefused,
    /// unfinished_by_webhook.
    WebhookUnfinished,
    /// The primary key of the outstanding table, which holds everything unfinished.
    Outstanding,
}

impl Walk {
    fn of(filter: &DeliveryFilter) -> Walk {
        use DeliveryStatus::{Cancelled, Delivering, Failed, Pending, Retrying};
        let is_refused = filter.status_code.is_some_and(|status_code| status_code >= 300);
        match (filter.webhook_id.is_some(), filter.status) {
            (true, Some(Failed | Cancelled)) => Walk::WebhookFailed,
            (false, Some(Failed | Cancelled)) => Walk::AccountFailed,
            (true, Some(Pending | Retrying | Delivering)) => Walk::WebhookUnfinished,
            (false, Some(Pending | Retrying | Delivering)) => Walk::Outstanding,
            (true, _) if is_refused => Walk::WebhookRefused,
            (false, _) if is_refused => Walk::AccountRefused,
            (true, _) => Walk::Webhook,
            (false, _) => Walk::All,
        }
    }

    /// The rows without the columns. `?1` and `?2` bound the ids; `?3`, where there is one, is
    /// the webhook or the account.
    fn rows(self) -> &'static str {
        match self {
            Walk::All => "deliveries WHERE id >= ?1 AND id < ?2 ORDER BY id DESC",
            Walk::Webhook => {
                "deliveries INDEXED BY deliveries_by_webhook
                 WHERE id >= ?1 AND id < ?2 AND webhook_id = ?3 ORDER BY id DESC"
            }
            Walk::WebhookFailed => {
                "deliveries INDEXED BY failed_by_webhook
                 WHERE id >= ?1 AND id < ?2 AND webhook_id = ?3 AND state >= 3 ORDER BY id DESC"
            }
            Walk::AccountFailed => {
                "deliveries INDEXED BY failed_by_account
                 WHERE id >= ?1 AND id < ?2 AND account_id = ?3 AND state >= 3 ORDER BY id DESC"
            }
            Walk::WebhookRefused => {
                "deliveries INDEXED BY refused_by_webhook
                 WHERE id >= ?1 AND id < ?2 AND webhook_id = ?3 AND status_code >= 300
                 ORDER BY id DESC"
            }
            Walk::AccountRefused => {
                "deliveries INDEXED BY refused_by_account
                 WHERE id >= ?1 AND id < ?2 AND account_id = ?3 AND status_code >= 300
                 ORDER BY id DESC"
            }
            Walk::WebhookUnfinished => {
                "outstanding INDEXED BY unfinished_by_webhook
                 WHERE delivery_id >= ?1 AND delivery_id < ?2 AND webhook_id = ?3 AND state <= 1
                 ORDER BY delivery_id DESC"
            }
            Walk::Outstanding => {
                "outstanding WHERE delivery_id >= ?1 AND delivery_id < ?2
                 ORDER BY delivery_id DESC"
            }
        }
    }

    fn sql(self) -> String {
        let columns = match self {
            Walk::WebhookUnfinished | Walk::Outstanding => OUTSTANDING_COLUMNS,
            _ => DELIVERY_COLUMNS,
        };
        format!("SELECT {columns} FROM {}", self.rows())
    }

    /// What `?3` is.
    fn key(self, account: AccountId, filter: &DeliveryFilter) -> Option<i64> {
        match self {
            Walk::All | Walk::Outstanding => None,
            Walk::AccountFailed | Walk::AccountRefused => Some(account.as_i64()),
            Walk::Webhook
            | Walk::WebhookFailed
            | Walk::WebhookRefused
            | Walk::WebhookUnfinished => filter.webhook_id.map(WebhookId::as_i64),
        }
    }

    /// What looking at a row costs, measured in rows of a walk along a table: where an index
    /// names the rows, each can lie on a page of its own.
    fn row_cost(self) -> usize {
        if matches!(self, Walk::All | Walk::Outstanding) { 1 } else { 10 }
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
    // A type without a number has no rows here.
    let event_type = match &filter.event_type {
        None => None,
        Some(wanted) => match event_type_number(connection, wanted)? {
            None => return Ok(()),
            number => number,
        },
    };
    let walk = Walk::of(filter);
    let mut statement = connection.prepare_cached(&walk.sql())?;
    statement.raw_bind_parameter(1, ids.start.cast_signed())?;
    statement.raw_bind_parameter(2, ids.end.cast_signed())?;
    if let Some(key) = walk.key(account, filter) {
        statement.raw_bind_parameter(3, key)?;
    }
    let mut rows = statement.raw_query();
    let mut types = TypeNames::of(connection);
    scan.set_row_cost(walk.row_cost());
    while let Some(row) = rows.next()? {
        let flow = scan.visit(id_of(row.get(0)?), || {
            if is_wanted(row, account, event_type, filter)? {
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
fn is_wanted(
    row: &Row<'_>,
    account: AccountId,
    event_type: Option<i64>,
    filter: &DeliveryFilter,
) -> Result<bool, Fault> {
    let wanted = |column, wanted: Option<i64>| match wanted {
        None => Ok(true),
        Some(_) => row.get(column).map(|stored: Option<i64>| stored == wanted),
    };
    let is_wanted = wanted(1, Some(account.as_i64()))?
        && wanted(2, filter.webhook_id.map(WebhookId::as_i64))?
        && wanted(3, event_type)?
        && wanted(5, filter.status_code.map(i64::from))?;
    if !is_wanted {
        return Ok(false);
    }
    if let Some(status) = filter.status
        && !states_of(status).contains(&row.get(4)?)
    {
        return Ok(false);
    }
    if filter.since.is_none() && filter.until.is_none() && filter.event_id.is_none() {
        return Ok(true);
    }
    let event = read_standing(row)?.event_id;
    let since = filter.since.is_none_or(|since| event.as_raw() >= first_of_millisecond(since));
    let until = filter.until.is_none_or(|until| event.as_raw() < first_of_millisecond(until));
    Ok(since && until && filter.event_id.is_none_or(|wanted| event == wanted))
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
        Walk::AccountFailed,
        Walk::WebhookRefused,
        Walk::AccountRefused,
        Walk::WebhookUnfinished,
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
