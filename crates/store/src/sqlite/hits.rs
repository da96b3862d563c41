//! Hits of every webhook, kept in memory: lists of webhooks show them, and adding up all days'
//! files for each would be slow. Loaded at start from what the transactions of the recorder and of
//! inbound requests hold, and moved on after each of them.

use std::collections::HashMap;

use parking_lot::RwLock;
use posthaste_core::id::WebhookId;
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::Hits;
use rusqlite::Connection;

use super::config::Config;
use super::contacts_file::ContactsFile;
use super::fault::Fault;
use super::partitions::Partitions;
use super::rows::id_of;

#[derive(Debug, Default)]
pub struct HitCounts(RwLock<HashMap<WebhookId, Hits>>);

impl HitCounts {
    pub fn load(
        config: &Config,
        contacts: &ContactsFile,
        partitions: &Partitions,
    ) -> Result<HitCounts, Fault> {
        let mut counts = HashMap::new();
        config.read(|connection| add_rows(connection, FOLDED_HITS, &mut counts))?;
        contacts.read(|connection| add_rows(connection, INBOUND_HITS, &mut counts))?;
        for partition in partitions.all() {
            partition.history.read(|connection| add_rows(connection, DAY_HITS, &mut counts))?;
        }
        Ok(HitCounts(RwLock::new(counts)))
    }

    pub fn of(&self, webhooks: &[WebhookId]) -> Vec<Hits> {
        let counts = self.0.read();
        webhooks.iter().map(|webhook| counts.get(webhook).copied().unwrap_or_default()).collect()
    }

    pub fn add(&self, more: impl Iterator<Item = (WebhookId, Hits)>) {
        let mut counts = self.0.write();
        for (webhook, hits) in more {
            add(&mut counts, webhook, hits);
        }
    }
}

// Each reads all of its table.
const FOLDED_HITS: &str = "SELECT webhook_id, count, last_at FROM folded_hits";
const INBOUND_HITS: &str = "SELECT webhook_id, count, last_at FROM inbound_hits";
const DAY_HITS: &str = "SELECT webhook_id, count, last_at FROM hits";

fn add_rows(
    connection: &Connection,
    sql: &'static str,
    counts: &mut HashMap<WebhookId, Hits>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let hits = Hits {
            count: id_of(row.get(1)?),
            last_at: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_millis),
        };
        add(counts, WebhookId::from_raw(id_of(row.get(0)?)), hits);
    }
    Ok(())
}

/// The hits of one day's file.
pub fn of_day(history: &Connection) -> Result<HashMap<WebhookId, Hits>, Fault> {
    let mut counts = HashMap::new();
    add_rows(history, DAY_HITS, &mut counts)?;
    Ok(counts)
}

// By the primary key.
pub fn fold(
    config: &Connection,
    hits: impl Iterator<Item = (WebhookId, Hits)>,
) -> Result<(), Fault> {
    let mut statement = config.prepare_cached(
        "INSERT INTO folded_hits (webhook_id, count, last_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (webhook_id) DO UPDATE
         SET count = count + excluded.count,
             last_at = max(coalesce(last_at, 0), coalesce(excluded.last_at, 0))",
    )?;
    for (webhook, hits) in hits {
        statement.execute((
            webhook.as_i64(),
            hits.count.cast_signed(),
            hits.last_at.map(Timestamp::as_millis),
        ))?;
    }
    Ok(())
}

fn add(counts: &mut HashMap<WebhookId, Hits>, webhook: WebhookId, more: Hits) {
    let hits = counts.entry(webhook).or_default();
    hits.count = hits.count.saturating_add(more.count);
    hits.last_at = hits.last_at.max(more.last_at);
}
