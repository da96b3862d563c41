//! Numbers over time, from rollups that moved in the same transactions as the attempts they count.

use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::id::{AccountId, WebhookId};
use crate::stats::Rollup;
use crate::time::Timestamp;
use crate::webhook::Hits;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatsQuery {
    pub account_id: AccountId,
    /// `None`: all of the account's.
    pub webhook_id: Option<WebhookId>,
    /// Cut down to the minute.
    pub from: Timestamp,
    pub to: Timestamp,
    /// Whole minutes.
    pub step: Duration,
}

/// One rollup per step from `from` on to before `to`, empty ones included; at most
/// `STATS_BUCKETS_MAX`. A minute that has begun before `to` is part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsSeries {
    pub query: StatsQuery,
    pub buckets: Vec<(Timestamp, Rollup)>,
}

/// How a webhook's endpoint is doing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Health {
    pub hits: Hits,
    /// Over the time asked for.
    pub recent: Rollup,
    /// Deliveries not finished yet (those without a row are not counted).
    pub pending: u64,
    /// The newest attempt that did not succeed, tests left out: when, and what it said.
    pub last_error: Option<(Timestamp, String)>,
}

#[async_trait]
pub trait StatsStore: Send + Sync + 'static {
    async fn stats(&self, query: StatsQuery) -> Result<StatsSeries, StoreError>;

    /// The health of one webhook, its rollup taken over everything since `since`.
    async fn health(&self, webhook: WebhookId, since: Timestamp) -> Result<Health, StoreError>;

    /// How much of the disk the store takes up, roughly; `None` if that cannot be told.
    async fn disk_bytes(&self) -> Result<Option<u64>, StoreError>;
}
