//! Numbers over time, put together from the rollups of all days' files: an attempt is counted in
//! the minute it was made, in the file of the day its event was accepted.

use std::sync::Arc;

use async_trait::async_trait;
use posthaste_core::id::{AccountId, WebhookId};
use posthaste_core::limits::STATS_BUCKETS_MAX;
use posthaste_core::stats::Rollup;
use posthaste_core::store::{Health, StatsQuery, StatsSeries, StatsStore, StoreError};
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::fault::Fault;
use super::partitions::Partition;
use super::rows::id_of;
use super::{Shared, SqliteStore};

const MINUTE_MS: i64 = 60_000;

#[async_trait]
impl StatsStore for SqliteStore {
    async fn stats(&self, query: StatsQuery) -> Result<StatsSeries, StoreError> {
        self.read(move |shared| stats(shared, query)).await
    }

    async fn health(&self, webhook: WebhookId, since: Timestamp) -> Result<Health, StoreError> {
        self.read(move |shared| health(shared, webhook, since)).await
    }
}

fn stats(shared: &Shared, query: StatsQuery) -> Result<StatsSeries, Fault> {
    let from = query.from.minute();
    // A minute that has begun before `to` is part of it.
    let to = (query.to.as_millis() + MINUTE_MS - 1).div_euclid(MINUTE_MS);
    let step = i64::try_from(query.step.as_secs() / 60).unwrap_or(i64::MAX).max(1);
    let series = match query.webhook_id {
        Some(webhook) => Series::Webhook(Some(query.account_id), webhook),
        None => Series::Account(query.account_id),
    };
    let minutes = sealed_minutes(shared, series, from, to)?;
    let mut minutes = minutes.into_iter().peekable();
    let mut buckets = Vec::new();
    let mut start = from;
    while start < to && buckets.len() < STATS_BUCKETS_MAX {
        let end = start.saturating_add(step);
        let mut bucket = Rollup::default();
        while let Some((_, rollup)) = minutes.next_if(|(minute, _)| *minute < end) {
            bucket.merge(&rollup);
        }
        buckets.push((Timestamp::from_millis(start.saturating_mul(MINUTE_MS)), bucket));
        start = end;
    }
    Ok(StatsSeries { query, buckets })
}

/// Whose rollups.
#[derive(Debug, Clone, Copy)]
enum Series {
    Account(AccountId),
    /// With an account, only if the webhook is that account's.
    Webhook(Option<AccountId>, WebhookId),
}

/// The minutes from `from` to before `to` that have anything, in order. Each is put together from
/// all partitions first and sealed then: the busiest second may have its attempts in two files.
fn sealed_minutes(
    shared: &Shared,
    series: Series,
    from: i64,
    to: i64,
) -> Result<Vec<(i64, Rollup)>, Fault> {
    let partitions: Vec<(Arc<Partition>, i64, i64)> = shared
        .partitions
        .all()
        .into_iter()
        .filter_map(|partition| {
            let (first, last) = partition.minutes()?;
            let (first, end) = (first.max(from), (last + 1).min(to));
            (first < end).then_some((partition, first, end))
        })
        .collect();
    let mut days = Vec::with_capacity(partitions.len());
    for (partition, first, end) in &partitions {
        let rows = partition.history.read(|connection| match series {
            Series::Account(account) => account_rows(connection, account, *first, *end),
            Series::Webhook(account, webhook) => {
                webhook_rows(connection, account, webhook, *first, *end)
            }
        })?;
        days.push(rows);
    }
    let mut rows: Vec<(i64, Vec<u8>)> = days.into_iter().flatten().collect();
    // Stable and nearly sorted: the partitions come oldest first.
    rows.sort_by_key(|(minute, _)| *minute);
    let mut minutes: Vec<(i64, Rollup)> = Vec::new();
    for chunk in rows.chunk_by(|(a, _), (b, _)| a == b) {
        let mut minute = Rollup::default();
        for (_, blob) in chunk {
            minute.merge(&Rollup::decode(blob).ok_or_else(|| Fault::damaged("a rollup"))?);
        }
        minutes.push((chunk[0].0, minute.sealed()));
    }
    Ok(minutes)
}

// By the primary key, minute by minute: along it would read the rows of all other accounts.
fn account_rows(
    connection: &Connection,
    account: AccountId,
    first: i64,
    end: i64,
) -> Result<Vec<(i64, Vec<u8>)>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT rollup FROM account_rollups WHERE minute = ?1 AND account_id = ?2",
    )?;
    let mut rows = Vec::new();
    for minute in first..end {
        let found = statement.query_row((minute, account.as_i64()), |row| row.get(0)).optional()?;
        rows.extend(found.map(|rollup| (minute, rollup)));
    }
    Ok(rows)
}

// By the primary key, minute by minute: along it would read the rows of all other webhooks.
fn webhook_rows(
    connection: &Connection,
    account: Option<AccountId>,
    webhook: WebhookId,
    first: i64,
    end: i64,
) -> Result<Vec<(i64, Vec<u8>)>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT rollup FROM rollups
         WHERE minute = ?1 AND webhook_id = ?2 AND account_id = coalesce(?3, account_id)",
    )?;
    let account = account.map(AccountId::as_i64);
    let mut rows = Vec::new();
    for minute in first..end {
        let found = statement
            .query_row((minute, webhook.as_i64(), account), |row| row.get(0))
            .optional()?;
        rows.extend(found.map(|rollup| (minute, rollup)));
    }
    Ok(rows)
}

fn health(shared: &Shared, webhook: WebhookId, since: Timestamp) -> Result<Health, Fault> {
    let mut health = Health { hits: shared.hits.of(&[webhook])[0], ..Health::default() };
    for partition in shared.partitions.all() {
        let (pending, error) = partition.history.read(|connection| {
            Ok((unfinished(connection, webhook)?, last_error(connection, webhook)?))
        })?;
        health.pending += pending;
        health.last_error = health.last_error.max(error);
    }
    let series = Series::Webhook(None, webhook);
    for (_, minute) in sealed_minutes(shared, series, since.minute(), i64::MAX)? {
        health.recent.merge(&minute);
    }
    Ok(health)
}

// From unfinished_by_webhook alone.
fn unfinished(connection: &Connection, webhook: WebhookId) -> Result<u64, Fault> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM outstanding WHERE webhook_id = ?1 AND state <= 1")?
        .query_row([webhook.as_i64()], |row| row.get(0))?;
    Ok(id_of(count))
}

// By the primary key.
fn last_error(
    connection: &Connection,
    webhook: WebhookId,
) -> Result<Option<(Timestamp, String)>, Fault> {
    let found: Option<(Option<i64>, Option<String>)> = connection
        .prepare_cached("SELECT error_at, error FROM hits WHERE webhook_id = ?1")?
        .query_row([webhook.as_i64()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let found = found.and_then(|(at, error)| at.zip(error));
    Ok(found.map(|(at, error)| (Timestamp::from_millis(at), error)))
}
