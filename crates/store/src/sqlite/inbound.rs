//! Inbound webhooks: configuration like the others, with the same numbers and the same sequence of
//! ids. What comes in at their URLs is `inbound_requests`' matter.

use std::collections::BTreeMap;

use posthaste_core::id::{AccountId, PowerlistId, WebhookId};
use posthaste_core::inbound::{
    InboundOperation, InboundSettings, InboundTokens, InboundWebhook, Mapping, NewInboundWebhook,
    SharedSecret, Verification, VerificationScheme,
};
use posthaste_core::page::{Page, PageRequest};
use posthaste_core::rate_limit::RateLimit;
use posthaste_core::session::Token;
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::WebhookStatus;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::config::Change;
use super::fault::Fault;
use super::pages::{PageScan, before};
use super::rows::{id_of, text};
use super::webhooks::{disabled_reason, next_number, read_status};

pub fn create(
    change: &mut Change<'_>,
    now: Timestamp,
    webhook: NewInboundWebhook,
) -> Result<InboundWebhook, Fault> {
    let NewInboundWebhook { account_id, settings, token } = webhook;
    let webhook = InboundWebhook {
        id: WebhookId::from_raw(change.new_id(now)?),
        account_id,
        number: next_number(&change.tx, account_id)?,
        settings,
        tokens: InboundTokens { current: token, previous: None },
        status: WebhookStatus::Enabled,
        created_at: now,
        updated_at: now,
    };
    change.tx.execute(
        "INSERT INTO inbound_webhooks (id, account_id, number, settings, token,
             verification_secret, status, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (
            webhook.id.as_i64(),
            webhook.account_id.as_i64(),
            webhook.number,
            settings_text(&webhook.settings),
            webhook.tokens.current.expose(),
            secret_column(&webhook.settings),
            webhook.status.as_str(),
            webhook.created_at.as_millis(),
            webhook.updated_at.as_millis(),
        ),
    )?;
    Ok(webhook)
}

// By the primary key.
pub fn update(connection: &Connection, webhook: &InboundWebhook) -> Result<bool, Fault> {
    let previous = webhook.tokens.previous.as_ref();
    let updated = connection.execute(
        "UPDATE inbound_webhooks SET settings = ?3, token = ?4, previous_token = ?5,
             previous_until = ?6, verification_secret = ?7, status = ?8, disabled_reason = ?9,
             updated_at = ?10
         WHERE id = ?1 AND account_id = ?2",
        (
            webhook.id.as_i64(),
            webhook.account_id.as_i64(),
            settings_text(&webhook.settings),
            webhook.tokens.current.expose(),
            previous.map(|(token, _)| token.expose()),
            previous.map(|(_, until)| until.as_millis()),
            secret_column(&webhook.settings),
            webhook.status.as_str(),
            disabled_reason(&webhook.status),
            webhook.updated_at.as_millis(),
        ),
    )?;
    Ok(updated > 0)
}

// By the primary key.
pub fn delete(connection: &Connection, account: AccountId, id: WebhookId) -> Result<bool, Fault> {
    let deleted = connection.execute(
        "DELETE FROM inbound_webhooks WHERE id = ?1 AND account_id = ?2",
        (id.as_i64(), account.as_i64()),
    )?;
    Ok(deleted > 0)
}

// By the primary key.
pub fn is_there(connection: &Connection, id: WebhookId) -> Result<bool, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM inbound_webhooks WHERE id = ?1")?;
    Ok(statement.exists([id.as_i64()])?)
}

// Backwards along inbound_webhooks_by_account.
pub fn list(
    connection: &Connection,
    account: AccountId,
    page: PageRequest,
) -> Result<Page<InboundWebhook>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, number, settings, token, previous_token, previous_until,
             verification_secret, status, disabled_reason, created_at, updated_at
         FROM inbound_webhooks WHERE account_id = ?1 AND id < ?2 ORDER BY id DESC",
    )?;
    let mut rows = statement.query((account.as_i64(), before(&page).cast_signed()))?;
    let mut scan = PageScan::new(page.limit);
    while let Some(row) = rows.next()? {
        if scan.visit(id_of(row.get(0)?), || read_webhook(row).map(Some))?.is_break() {
            break;
        }
    }
    Ok(scan.finish())
}

// All of the table.
pub fn all(connection: &Connection) -> Result<Vec<InboundWebhook>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, number, settings, token, previous_token, previous_until,
             verification_secret, status, disabled_reason, created_at, updated_at
         FROM inbound_webhooks",
    )?;
    let mut rows = statement.query(())?;
    let mut webhooks = Vec::new();
    while let Some(row) = rows.next()? {
        webhooks.push(read_webhook(row)?);
    }
    Ok(webhooks)
}

fn read_webhook(row: &Row<'_>) -> Result<InboundWebhook, Fault> {
    let id = WebhookId::from_raw(id_of(row.get(0)?));
    // Says nothing of the text: it is a secret even when it cannot be read.
    let token =
        |text: &str| Token::parse(text).ok_or_else(|| Fault::damaged(format!("a token of {id}")));
    let previous = match (row.get::<_, Option<String>>(5)?, row.get::<_, Option<i64>>(6)?) {
        (Some(text), Some(until)) => Some((token(&text)?, Timestamp::from_millis(until))),
        _ => None,
    };
    Ok(InboundWebhook {
        id,
        account_id: AccountId::from_raw(id_of(row.get(1)?)),
        number: row.get(2)?,
        settings: read_settings(id, text(row, 3)?, row.get(7)?)?,
        tokens: InboundTokens { current: token(text(row, 4)?)?, previous },
        status: read_status(id, text(row, 8)?, row.get(9)?)?,
        created_at: Timestamp::from_millis(row.get(10)?),
        updated_at: Timestamp::from_millis(row.get(11)?),
    })
}

/// The settings as they lie in their column. A member added later needs a default, so that what
/// was stored before can be read.
#[derive(Debug, Serialize, Deserialize)]
struct StoredSettings {
    title: String,
    description: String,
    powerlist_id: u64,
    /// By the event types that choose them.
    operations: Vec<String>,
    mapping: BTreeMap<String, String>,
    /// Its secret has a column.
    verification: Option<String>,
    /// `count` per `per_s`.
    rate_limit: (u32, u32),
}

fn settings_text(settings: &InboundSettings) -> String {
    let operations = settings.operations.iter();
    let verification = settings.verification.as_ref();
    let stored = StoredSettings {
        title: settings.title.clone(),
        description: settings.description.clone(),
        powerlist_id: settings.powerlist_id.as_raw(),
        operations: operations.map(|operation| operation.event().to_owned()).collect(),
        mapping: settings.mapping.0.clone(),
        verification: verification.map(|verification| verification.scheme.as_str().to_owned()),
        rate_limit: (settings.rate_limit.count(), settings.rate_limit.per_s()),
    };
    serde_json::to_string(&stored).expect("strings and numbers always serialise")
}

fn secret_column(settings: &InboundSettings) -> Option<&str> {
    settings.verification.as_ref().map(|verification| verification.secret.expose())
}

fn read_settings(
    id: WebhookId,
    text: &str,
    secret: Option<String>,
) -> Result<InboundSettings, Fault> {
    let stored: StoredSettings = serde_json::from_str(text)
        .map_err(|error| Fault::damaged(format!("the settings of {id}: {error}")))?;
    let unreadable = || Fault::damaged(format!("the settings of {id}"));
    let operations = stored.operations.iter();
    let operations = operations.map(|event| operation_of(event).ok_or_else(unreadable));
    let verification = match (stored.verification, secret) {
        (None, _) => None,
        (Some(scheme), Some(secret)) => Some(Verification {
            scheme: VerificationScheme::parse(&scheme).ok_or_else(unreadable)?,
            secret: SharedSecret::new(secret),
        }),
        // Read as "everybody may post", it would let everybody in.
        (Some(_), None) => return Err(unreadable()),
    };
    let (count, per_s) = stored.rate_limit;
    Ok(InboundSettings {
        title: stored.title,
        description: stored.description,
        powerlist_id: PowerlistId::from_raw(stored.powerlist_id),
        operations: operations.collect::<Result<_, _>>()?,
        mapping: Mapping(stored.mapping),
        verification,
        rate_limit: RateLimit::new(u64::from(count), u64::from(per_s))
            .map_err(Fault::unreadable(&format!("the settings of {id}")))?,
    })
}

/// The operation that an event type chooses.
pub fn operation_of(event: &str) -> Option<InboundOperation> {
    InboundOperation::ALL.into_iter().find(|operation| operation.event() == event)
}
