//! Numbers over time, put together from the rollups of all days' files: an attempt is counted in
//! the minute it was made, in the file of the day its event was accepted.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use posthaste_core::id::{AccountId, WebhookId};
use posthaste_core::limits::STATS_BUCKETS_MAX;
use posthaste_core::stats::Rollup;
use posthaste_core::store::{Health, StatsQuery, StatsSeries, StatsStore, StoreError};
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::fault::Fault;
use super::hours::{self, MINUTES};
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

    async fn disk_bytes(&self) -> Result<Option<u64>, StoreError> {
        self.read(|shared| Ok(shared.partitions.disk_bytes()? + shared.import_files.disk_bytes()?))
            .await
            .map(Some)
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
    let minutes = sealed_minutes(shared, series, from..to, step)?;
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

/// The minutes of `span` that have anything, in order, each under its number; where a whole hour
/// lies within one of the steps from the start of `span` on, and has a row wherever it has any, the
/// hour under that of its first minute. Each is put together from all partitions first and sealed
/// then: the busiest second may have its attempts in two files.
fn sealed_minutes(
    shared: &Shared,
    series: Series,
    span: Range<i64>,
    step: i64,
) -> Result<Vec<(i64, Rollup)>, Fault> {
    let is_one_step = |first: i64, end: i64| {
        end <= span.end && (first - span.start) / step == (end - 1 - span.start) / step
    };
    let partitions: Vec<Minutes> =
        shared.partitions.all().into_iter().filter_map(Minutes::of).collect();
    let is_folded = |hour: i64| partitions.iter().all(|minutes| minutes.has_folded(hour));
    let mut found: Vec<(i64, Rollup)> = Vec::new();
    for Minutes { partition, first, last, .. } in &partitions {
        // From the full hour on, so that an hour is read alike in all partitions.
        let first = first - first.rem_euclid(MINUTES);
        let (mut minute, end) = (span.start.max(first), span.end.min(last.saturating_add(1)));
        if minute >= end {
            continue;
        }
        partition.history.read(|connection| {
            while minute < end {
                let (hour, hour_end) = (minute / MINUTES, minute.saturating_add(MINUTES));
                let is_hour =
                    minute % MINUTES == 0 && is_one_step(minute, hour_end) && is_folded(hour);
                let rollup = match is_hour {
                    true => series.hour(connection, hour)?,
                    false => series.minute(connection, minute)?,
                };
                found.extend(rollup.map(|rollup| (minute, rollup)));
                minute = if is_hour { hour_end } else { minute + 1 };
            }
            Ok(())
        })?;
    }
    // Stable and nearly sorted: the partitions come oldest first.
    found.sort_by_key(|(minute, _)| *minute);
    let chunks = found.chunk_by(|(one, _), (other, _)| one == other);
    let sealed = chunks.map(|chunk| {
        let whole: Rollup = chunk.iter().map(|(_, part)| part).sum();
        (chunk[0].0, whole.sealed())
    });
    Ok(sealed.collect())
}

/// The minutes that a partition has.
struct Minutes {
    partition: Arc<Partition>,
    first: i64,
    last: i64,
    folded_below: i64,
}

impl Minutes {
    fn of(partition: Arc<Partition>) -> Option<Minutes> {
        let (first, last) = partition.minutes()?;
        let folded_below = partition.folded_below();
        Some(Minutes { partition, first, last, folded_below })
    }

    /// Whether all it has of that hour stands in the hour's row.
    fn has_folded(&self, hour: i64) -> bool {
        let (first, end) = (hour * MINUTES, (hour + 1) * MINUTES);
        self.last < first || self.first >= end || hour < self.folded_below
    }
}

// One by one, because along the primary key lie the rows of all others.
impl Series {
    fn hour(self, connection: &Connection, hour: i64) -> Result<Option<Rollup>, Fault> {
        match self {
            Series::Account(account) => hours::account_hour(connection, hour, account),
            Series::Webhook(account, webhook) => {
                hours::webhook_hour(connection, hour, webhook, account)
            }
        }
    }

    // By the primary key.
    fn minute(self, connection: &Connection, minute: i64) -> Result<Option<Rollup>, Fault> {
        let found: Option<Vec<u8>> = match self {
            Series::Account(account) => connection
                .prepare_cached(
                    "SELECT rollup FROM account_rollups WHERE minute = ?1 AND account_id = ?2",
                )?
                .query_row((minute, account.as_i64()), |row| row.get(0)),
            Series::Webhook(account, webhook) => connection
                .prepare_cached(
                    "SELECT rollup FROM rollups WHERE minute = ?1 AND webhook_id = ?2
                         AND account_id = coalesce(?3, account_id)",
                )?
                .query_row((minute, webhook.as_i64(), account.map(AccountId::as_i64)), |row| {
                    row.get(0)
                }),
        }
        .optional()?;
        let decoded =
            |bytes: Vec<u8>| Rollup::decode(&bytes).ok_or_else(|| Fault::damaged("a rollup"));
        found.map(decoded).transpose()
    }
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
    for (_, minute) in sealed_minutes(shared, series, since.minute()..i64::MAX, i64::MAX)? {
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
