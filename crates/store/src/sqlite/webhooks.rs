//! Webhooks. Their settings are one JSON object that nothing but this file reads: they are
//! always read and replaced as a whole, and are never searched.

use async_trait::async_trait;
use posthaste_core::custom_headers::CustomHeaders;
use posthaste_core::event_type::EventPattern;
use posthaste_core::id::{AccountId, PowerlistId, WebhookId};
use posthaste_core::page::{Page, PageRequest};
use posthaste_core::rate_limit::RateLimit;
use posthaste_core::retry::RetrySchedule;
use posthaste_core::secret::{PreviousSecret, Secret, Secrets};
use posthaste_core::signature::SignatureFormat;
use posthaste_core::store::{StoreError, WebhookStore};
use posthaste_core::target_url::TargetUrl;
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::{Hits, NewWebhook, Webhook, WebhookSettings, WebhookStatus};
use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::SqliteStore;
use super::fault::Fault;
use super::pages::{PageScan, before};
use super::rows::{id_of, text};

#[async_trait]
impl WebhookStore for SqliteStore {
    async fn create_webhook(
        &self,
        now: Timestamp,
        webhook: NewWebhook,
    ) -> Result<Webhook, StoreError> {
        self.write(move |shared| {
            shared.config.change(|change| {
                let NewWebhook { account_id, settings, secrets } = webhook;
                let webhook = Webhook {
                    id: WebhookId::from_raw(change.new_id(now)?),
                    account_id,
                    number: next_number(&change.tx, account_id)?,
                    settings,
                    secrets,
                    status: WebhookStatus::Enabled,
                    created_at: now,
                    updated_at: now,
                };
                insert(&change.tx, &webhook)?;
                Ok(webhook)
            })
        })
        .await
    }

    async fn update_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError> {
        let webhook = webhook.clone();
        self.write(move |shared| shared.config.change(|change| update(&change.tx, &webhook))).await
    }

    async fn delete_webhook(&self, account: AccountId, id: WebhookId) -> Result<bool, StoreError> {
        self.write(move |shared| shared.config.change(|change| delete(&change.tx, account, id)))
            .await
    }

    async fn webhook(
        &self,
        account: AccountId,
        id: WebhookId,
    ) -> Result<Option<Webhook>, StoreError> {
        self.read(move |shared| shared.config.read(|connection| webhook(connection, account, id)))
            .await
    }

    async fn list_webhooks(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Webhook>, StoreError> {
        self.read(move |shared| shared.config.read(|connection| list(connection, account, page)))
            .await
    }

    async fn all_webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        self.read(|shared| shared.config.read(all)).await
    }

    async fn hits(&self, webhooks: &[WebhookId]) -> Result<Vec<Hits>, StoreError> {
        Ok(self.shared.hits.of(webhooks))
    }
}

// By the primary key.
pub fn next_number(connection: &Connection, account: AccountId) -> Result<u32, Fault> {
    let number = connection.query_row(
        "INSERT INTO webhook_numbers (account_id, last) VALUES (?1, 1)
         ON CONFLICT (account_id) DO UPDATE SET last = last + 1
         RETURNING last",
        [account.as_i64()],
        |row| row.get(0),
    )?;
    Ok(number)
}

fn insert(connection: &Connection, webhook: &Webhook) -> Result<(), Fault> {
    let previous = webhook.secrets.previous.as_ref();
    connection.execute(
        "INSERT INTO webhooks (id, account_id, number, settings, secret, previous_secret,
             previous_until, status, disabled_reason, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        (
            webhook.id.as_i64(),
            webhook.account_id.as_i64(),
            webhook.number,
            settings_text(&webhook.settings),
            webhook.secrets.current.expose(),
            previous.map(|previous| previous.secret.expose()),
            previous.map(|previous| previous.expires_at.as_millis()),
            webhook.status.as_str(),
            disabled_reason(&webhook.status),
            webhook.created_at.as_millis(),
            webhook.updated_at.as_millis(),
        ),
    )?;
    Ok(())
}

// By the primary key.
fn update(connection: &Connection, webhook: &Webhook) -> Result<bool, Fault> {
    let previous = webhook.secrets.previous.as_ref();
    let updated = connection.execute(
        "UPDATE webhooks SET settings = ?3, secret = ?4, previous_secret = ?5,
             previous_until = ?6, status = ?7, disabled_reason = ?8, updated_at = ?9
         WHERE id = ?1 AND account_id = ?2",
        (
            webhook.id.as_i64(),
            webhook.account_id.as_i64(),
            settings_text(&webhook.settings),
            webhook.secrets.current.expose(),
            previous.map(|previous| previous.secret.expose()),
            previous.map(|previous| previous.expires_at.as_millis()),
            webhook.status.as_str(),
            disabled_reason(&webhook.status),
            webhook.updated_at.as_millis(),
        ),
    )?;
    Ok(updated > 0)
}

// By the primary key.
fn delete(connection: &Connection, account: AccountId, id: WebhookId) -> Result<bool, Fault> {
    let deleted = connection.execute(
        "DELETE FROM webhooks WHERE id = ?1 AND account_id = ?2",
        (id.as_i64(), account.as_i64()),
    )?;
    Ok(deleted > 0)
}

// By the primary key.
fn webhook(
    connection: &Connection,
    account: AccountId,
    id: WebhookId,
) -> Result<Option<Webhook>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, number, settings, secret, previous_secret, previous_until,
             status, disabled_reason, created_at, updated_at
         FROM webhooks WHERE id = ?1 AND account_id = ?2",
    )?;
    let found = statement
        .query_row((id.as_i64(), account.as_i64()), |row| Ok(read_webhook(row)))
        .optional()?;
    found.transpose()
}

// Backwards along webhooks_by_account.
fn list(
    connection: &Connection,
    account: AccountId,
    page: PageRequest,
) -> Result<Page<Webhook>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, number, settings, secret, previous_secret, previous_until,
             status, disabled_reason, created_at, updated_at
         FROM webhooks WHERE account_id = ?1 AND id < ?2 ORDER BY id DESC",
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
fn all(connection: &Connection) -> Result<Vec<Webhook>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, number, settings, secret, previous_secret, previous_until,
             status, disabled_reason, created_at, updated_at
         FROM webhooks",
    )?;
    let mut rows = statement.query(())?;
    let mut webhooks = Vec::new();
    while let Some(row) = rows.next()? {
        webhooks.push(read_webhook(row)?);
    }
    Ok(webhooks)
}

fn read_webhook(row: &Row<'_>) -> Result<Webhook, Fault> {
    let id = WebhookId::from_raw(id_of(row.get(0)?));
    let secret = |text: &str| {
        // Says nothing of the text: it is a secret even when it cannot be read.
        Secret::parse(text).map_err(|_| Fault::damaged(format!("a secret of {id}")))
    };
    let previous = match (row.get_ref(5)?.as_str_or_null(), row.get::<_, Option<i64>>(6)?) {
        (Ok(Some(text)), Some(until)) => Some(PreviousSecret {
            secret: secret(text)?,
            expires_at: Timestamp::from_millis(until),
        }),
        _ => None,
    };
    Ok(Webhook {
        id,
        account_id: AccountId::from_raw(id_of(row.get(1)?)),
        number: row.get(2)?,
        settings: read_settings(id, text(row, 3)?)?,
        secrets: Secrets { current: secret(text(row, 4)?)?, previous },
        status: read_status(id, text(row, 7)?, row.get(8)?)?,
        created_at: Timestamp::from_millis(row.get(9)?),
        updated_at: Timestamp::from_millis(row.get(10)?),
    })
}

pub fn read_status(
    id: WebhookId,
    status: &str,
    reason: Option<String>,
) -> Result<WebhookStatus, Fault> {
    Ok(match status {
        "enabled" => WebhookStatus::Enabled,
        "paused" => WebhookStatus::Paused,
        "disabled" => WebhookStatus::Disabled { reason: reason.unwrap_or_default() },
        other => return Err(Fault::damaged(format!("the status {other:?} of {id}"))),
    })
}

pub fn disabled_reason(status: &WebhookStatus) -> Option<&str> {
    match status {
        WebhookStatus::Disabled { reason } => Some(reason),
        WebhookStatus::Enabled | WebhookStatus::Paused => None,
    }
}

/// The settings as they lie in their column. A member added later needs a default, so that what
/// was stored before can be read.
#[derive(Debug, Serialize, Deserialize)]
struct StoredSettings {
    title: String,
    description: String,
    url: String,
    events: Vec<String>,
    powerlist_id: Option<u64>,
    headers: Vec<(String, String)>,
    signature_format: String,
    timeout_ms: u32,
    retry_delays_s: Vec<u32>,
    max_in_flight: u32,
    /// `count` per `per_s`.
    rate_limit: Option<(u32, u32)>,
}

fn settings_text(settings: &WebhookSettings) -> String {
    let stored = StoredSettings {
        title: settings.title.clone(),
        description: settings.description.clone(),
        url: settings.url.as_str().to_owned(),
        events: settings.events.iter().map(ToString::to_string).collect(),
        powerlist_id: settings.powerlist_id.map(PowerlistId::as_raw),
        headers: settings
            .headers
            .iter_text()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        signature_format: settings.signature_format.as_str().to_owned(),
        timeout_ms: settings.timeout_ms,
        retry_delays_s: settings.retry_schedule.delays_s().to_vec(),
        max_in_flight: settings.max_in_flight,
        rate_limit: settings.rate_limit.map(|limit| (limit.count(), limit.per_s())),
    };
    serde_json::to_string(&stored).expect("strings and numbers always serialise")
}

fn read_settings(id: WebhookId, text: &str) -> Result<WebhookSettings, Fault> {
    let stored: StoredSettings = serde_json::from_str(text)
        .map_err(|error| Fault::damaged(format!("the settings of {id}: {error}")))?;
    let unreadable = Fault::unreadable;
    let what = format!("the settings of {id}");
    let events = stored.events.iter().map(|pattern| EventPattern::parse(pattern));
    let delays_s: Vec<u64> = stored.retry_delays_s.into_iter().map(u64::from).collect();
    let rate_limit =
        stored.rate_limit.map(|(count, per_s)| RateLimit::new(u64::from(count), u64::from(per_s)));
    Ok(WebhookSettings {
        title: stored.title,
        description: stored.description,
        url: TargetUrl::parse(&stored.url).map_err(unreadable(&what))?,
        events: events.collect::<Result<_, _>>().map_err(unreadable(&what))?,
        powerlist_id: stored.powerlist_id.map(PowerlistId::from_raw),
        headers: CustomHeaders::parse(stored.headers).map_err(unreadable(&what))?,
        signature_format: SignatureFormat::parse(&stored.signature_format)
            .map_err(unreadable(&what))?,
        timeout_ms: stored.timeout_ms,
        retry_schedule: RetrySchedule::new(&delays_s).map_err(unreadable(&what))?,
        max_in_flight: stored.max_in_flight,
        rate_limit: rate_limit.transpose().map_err(unreadable(&what))?,
    })
}
