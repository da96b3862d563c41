//! Rollups by hour, made of those by minute once an hour is long over: a chart of thirty days then
//! reads 720 rows and not 43,200, each on a page of its own.
//!
//! Rows by minute stay what is counted, and these can be made of them at any time. The hour before
//! the current one is left alone, so that what is recorded late (a full disk, a long answer) still
//! finds its minute open; what comes even later is added to both. An hour keeps its seconds, two or
//! three bytes each: another day's file may have attempts in the same.

use std::collections::BTreeMap;

use posthaste_core::id::{AccountId, WebhookId};
use posthaste_core::stats::Rollup;
use rusqlite::{Connection, OptionalExtension};

use super::fault::Fault;
use super::rows::{blob, id_of};

pub const MINUTES: i64 = 60;

/// The hours below this have rows, in a file whose newest minute is `newest_minute`.
pub fn foldable_below(newest_minute: i64) -> i64 {
    newest_minute / MINUTES - 1
}

/// The name of the mark in `meta`: hours below it have rows.
const MARK: &str = "folded_below";

// By the primary key.
pub fn read_mark(connection: &Connection) -> Result<i64, Fault> {
    let mark = connection
        .query_row("SELECT value FROM meta WHERE name = ?1", [MARK], |row| row.get(0))
        .optional()?;
    Ok(mark.unwrap_or(0))
}

/// Makes rows of the hours from `from` to before `below`, whose minutes are all written.
pub fn fold(tx: &Connection, from: i64, below: i64) -> Result<(), Fault> {
    let (first, end) = (from * MINUTES, below * MINUTES);
    fold_webhooks(tx, first, end)?;
    fold_accounts(tx, first, end)?;
    // By the primary key.
    tx.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?
        .execute((MARK, below))?;
    Ok(())
}

// Along the primary key, and by it.
fn fold_webhooks(tx: &Connection, first: i64, end: i64) -> Result<(), Fault> {
    let mut hours: BTreeMap<(i64, WebhookId), (AccountId, Rollup)> = BTreeMap::new();
    let mut statement = tx.prepare_cached(
        "SELECT minute, webhook_id, account_id, rollup FROM rollups
         WHERE minute >= ?1 AND minute < ?2",
    )?;
    let mut rows = statement.query((first, end))?;
    while let Some(row) = rows.next()? {
        let hour = row.get::<_, i64>(0)?.div_euclid(MINUTES);
        let webhook = WebhookId::from_raw(id_of(row.get(1)?));
        let account = AccountId::from_raw(id_of(row.get(2)?));
        let (_, folded) =
            hours.entry((hour, webhook)).or_insert_with(|| (account, Rollup::default()));
        folded.merge(&decoded(blob(row, 3)?)?);
    }
    for ((hour, webhook), (account, rollup)) in hours {
        put_webhook(tx, hour, webhook, account, &rollup)?;
    }
    Ok(())
}

// Along the primary key, and by it.
fn fold_accounts(tx: &Connection, first: i64, end: i64) -> Result<(), Fault> {
    let mut hours: BTreeMap<(i64, AccountId), Rollup> = BTreeMap::new();
    let mut statement = tx.prepare_cached(
        "SELECT minute, account_id, rollup FROM account_rollups WHERE minute >= ?1 AND minute < ?2",
    )?;
    let mut rows = statement.query((first, end))?;
    while let Some(row) = rows.next()? {
        let hour = row.get::<_, i64>(0)?.div_euclid(MINUTES);
        let account = AccountId::from_raw(id_of(row.get(1)?));
        let minute = decoded(blob(row, 2)?)?;
        hours.entry((hour, account)).or_default().merge(&minute);
    }
    for ((hour, account), rollup) in hours {
        put_account(tx, hour, account, &rollup)?;
    }
    Ok(())
}

/// Adds to an hour that has its row already.
pub fn add_to_webhook(
    tx: &Connection,
    hour: i64,
    webhook: WebhookId,
    account: AccountId,
    late: &Rollup,
) -> Result<(), Fault> {
    let mut rollup = webhook_hour(tx, hour, webhook, None)?.unwrap_or_default();
    rollup.merge(late);
    put_webhook(tx, hour, webhook, account, &rollup)
}

/// Adds to an hour that has its row already.
pub fn add_to_account(
    tx: &Connection,
    hour: i64,
    account: AccountId,
    late: &Rollup,
) -> Result<(), Fault> {
    let mut rollup = account_hour(tx, hour, account)?.unwrap_or_default();
    rollup.merge(late);
    put_account(tx, hour, account, &rollup)
}

/// An hour of a webhook; with an account, only if the webhook is that account's. By the primary
/// key.
pub fn webhook_hour(
    connection: &Connection,
    hour: i64,
    webhook: WebhookId,
    account: Option<AccountId>,
) -> Result<Option<Rollup>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT rollup FROM hour_rollups
         WHERE hour = ?1 AND webhook_id = ?2 AND account_id = coalesce(?3, account_id)",
    )?;
    let mut rows = statement.query((hour, webhook.as_i64(), account.map(AccountId::as_i64)))?;
    rows.next()?.map(|row| decoded(blob(row, 0)?)).transpose()
}

/// An hour of an account. By the primary key.
pub fn account_hour(
    connection: &Connection,
    hour: i64,
    account: AccountId,
) -> Result<Option<Rollup>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT rollup FROM account_hour_rollups WHERE hour = ?1 AND account_id = ?2",
    )?;
    let mut rows = statement.query((hour, account.as_i64()))?;
    rows.next()?.map(|row| decoded(blob(row, 0)?)).transpose()
}

// By the primary key.
fn put_webhook(
    tx: &Connection,
    hour: i64,
    webhook: WebhookId,
    account: AccountId,
    rollup: &Rollup,
) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO hour_rollups (hour, webhook_id, account_id, rollup)
         VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute((hour, webhook.as_i64(), account.as_i64(), rollup.encode()))?;
    Ok(())
}

// By the primary key.
fn put_account(
    tx: &Connection,
    hour: i64,
    account: AccountId,
    rollup: &Rollup,
) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO account_hour_rollups (hour, account_id, rollup)
         VALUES (?1, ?2, ?3)",
    )?
    .execute((hour, account.as_i64(), rollup.encode()))?;
    Ok(())
}

fn decoded(bytes: &[u8]) -> Result<Rollup, Fault> {
    Rollup::decode(bytes).ok_or_else(|| Fault::damaged("a rollup"))
}
