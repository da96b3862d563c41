//! Requests to inbound webhooks: each with the change it asks for, its hit and its idempotency key
//! in one transaction.

use async_trait::async_trait;
use bytes::Bytes;
use posthaste_core::contact::ContactSource;
use posthaste_core::error::FieldError;
use posthaste_core::event::Idempotency;
use posthaste_core::id::{AccountId, ContactId, RequestId, WebhookId, first_of_millisecond};
use posthaste_core::inbound::{
    Done, InboundRequest, InboundWebhook, NewInboundWebhook, ReceivedRequest, Verdict,
};
use posthaste_core::limits::{IDEMPOTENCY_WINDOW, INBOUND_KEPT_MAX, SCAN_ROWS_MAX};
use posthaste_core::page::{Page, PageRequest};
use posthaste_core::store::{InboundStore, Origin, StoreError, Wanted};
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::Hits;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::contact_edits::Edits;
use super::contacts_file::ContactsChange;
use super::fault::Fault;
use super::pages::{PageScan, before};
use super::rows::{blob, id_of, text};
use super::{Shared, SqliteStore, inbound};

/// Keys that are over, taken away with each one that comes: more than come, so that none stay.
const KEYS_DROPPED_AT_ONCE: i64 = 4;
/// Bytes of bodies in one page: a page is short rather than large.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

#[async_trait]
impl InboundStore for SqliteStore {
    async fn create_inbound_webhook(
        &self,
        now: Timestamp,
        webhook: NewInboundWebhook,
    ) -> Result<InboundWebhook, StoreError> {
        self.write(move |shared| {
            shared.config.change(|change| inbound::create(change, now, webhook))
        })
        .await
    }

    async fn update_inbound_webhook(&self, webhook: &InboundWebhook) -> Result<bool, StoreError> {
        let webhook = webhook.clone();
        self.write(move |shared| {
            shared.config.change(|change| inbound::update(&change.tx, &webhook))
        })
        .await
    }

    async fn delete_inbound_webhook(
        &self,
        account: AccountId,
        id: WebhookId,
    ) -> Result<bool, StoreError> {
        self.write(move |shared| {
            shared.config.change(|change| inbound::delete(&change.tx, account, id))
        })
        .await
    }

    async fn list_inbound_webhooks(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<InboundWebhook>, StoreError> {
        self.read(move |shared| {
            shared.config.read(|connection| inbound::list(connection, account, page))
        })
        .await
    }

    async fn all_inbound_webhooks(&self) -> Result<Vec<InboundWebhook>, StoreError> {
        self.read(|shared| shared.config.read(inbound::all)).await
    }

    async fn receive(
        &self,
        request: ReceivedRequest,
        wants: Wanted,
        idempotency: Option<Idempotency>,
    ) -> Result<InboundRequest, StoreError> {
        self.write(move |shared| {
            let request =
                shared.contacts.change(|change| receive(change, request, wants, idempotency))?;
            if let Some(hit) = hit_of(&request.received) {
                shared.hits.add(std::iter::once((request.received.webhook_id, hit)));
            }
            Ok(request)
        })
        .await
    }

    async fn inbound_request(
        &self,
        account: AccountId,
        id: RequestId,
    ) -> Result<Option<InboundRequest>, StoreError> {
        self.read(move |shared| shared.contacts.read(|connection| request(connection, account, id)))
            .await
    }

    async fn list_inbound_requests(
        &self,
        account: AccountId,
        webhook: WebhookId,
        verdict: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<InboundRequest>, StoreError> {
        let verdict = verdict.map(str::to_owned);
        self.read(move |shared| {
            shared
                .contacts
                .read(|connection| list(connection, account, webhook, verdict.as_deref(), page))
        })
        .await
    }
}

fn receive(
    change: &mut ContactsChange<'_>,
    received: ReceivedRequest,
    wants: Wanted,
    idempotency: Option<Idempotency>,
) -> Result<InboundRequest, Fault> {
    let verdict = match wants {
        // The key of a request that is refused anyway means nothing: it may be anybody's.
        Wanted::Refused(verdict) => verdict,
        Wanted::Edit(edit) => {
            let first = match &idempotency {
                Some(key) => first_under(&change.tx, &received, key)?,
                None => None,
            };
            match first {
                Some(verdict) => verdict,
                None => {
                    let origin = Origin {
                        source: ContactSource::Webhook,
                        raise_events: true,
                        hops: received.hops,
                    };
                    let (now, account) = (received.received_at, received.account_id);
                    let mut making = Edits::new(change, now, account, origin);
                    let edited = making.make(edit)?;
                    making.finish()?;
                    let verdict = Verdict::of(&edited);
                    if let Some(key) = &idempotency {
                        remember(&change.tx, &received, key, &verdict)?;
                    }
                    verdict
                }
            }
        }
    };
    let id = RequestId::from_raw(change.new_id(received.received_at));
    let request = InboundRequest { id, received, verdict };
    insert(&change.tx, &request)?;
    count(&change.tx, &request.received)?;
    Ok(request)
}

/// What the first request under that key came to, if it is not over; another request is told so.
/// By the primary key.
fn first_under(
    connection: &Connection,
    received: &ReceivedRequest,
    key: &Idempotency,
) -> Result<Option<Verdict>, Fault> {
    let over = over_before(received.received_at);
    let mut statement = connection.prepare_cached(
        "SELECT request_hash, verdict_json FROM inbound_keys
         WHERE webhook_id = ?1 AND key_hash = ?2 AND at > ?3",
    )?;
    let mut rows = statement.query((received.webhook_id.as_i64(), &key.key_hash[..], over))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    if blob(row, 0)? != key.request_hash {
        return Ok(Some(Verdict::KeyReused));
    }
    read_verdict(text(row, 1)?).map(Some)
}

fn over_before(now: Timestamp) -> i64 {
    now.saturating_sub(IDEMPOTENCY_WINDOW).as_millis()
}

fn remember(
    connection: &Connection,
    received: &ReceivedRequest,
    key: &Idempotency,
    verdict: &Verdict,
) -> Result<(), Fault> {
    // Along inbound_keys_by_time.
    connection
        .prepare_cached(
            "DELETE FROM inbound_keys WHERE rowid IN (
                 SELECT rowid FROM inbound_keys WHERE at <= ?1 ORDER BY at LIMIT ?2)",
        )?
        .execute((over_before(received.received_at), KEYS_DROPPED_AT_ONCE))?;
    // By the primary key. One that is there is over.
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO inbound_keys
                 (webhook_id, key_hash, request_hash, verdict_json, at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            received.webhook_id.as_i64(),
            &key.key_hash[..],
            &key.request_hash[..],
            verdict_text(verdict),
            received.received_at.as_millis(),
        ))?;
    Ok(())
}

fn insert(connection: &Connection, request: &InboundRequest) -> Result<(), Fault> {
    let received = &request.received;
    let headers = serde_json::to_string(&received.headers).expect("strings always serialise");
    let mut statement = connection.prepare_cached(
        "INSERT INTO inbound_requests (id, account_id, webhook_id, operation, verdict,
             verdict_json, received_at, remote_address, replay_of, hops, query, headers, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    statement.execute((
        request.id.as_i64(),
        received.account_id.as_i64(),
        received.webhook_id.as_i64(),
        received.operation.event(),
        request.verdict.as_str(),
        verdict_text(&request.verdict),
        received.received_at.as_millis(),
        received.remote_address.map(|address| address.to_string()),
        received.replay_of.map(RequestId::as_i64),
        received.hops,
        &received.query,
        headers,
        &received.body[..],
    ))?;
    Ok(())
}

/// What is counted of a request: nothing if it only repeats another.
fn hit_of(received: &ReceivedRequest) -> Option<Hits> {
    let hit = Hits { count: 1, last_at: Some(received.received_at) };
    received.replay_of.is_none().then_some(hit)
}

// By the primary key.
fn count(connection: &Connection, received: &ReceivedRequest) -> Result<(), Fault> {
    let hits = hit_of(received).unwrap_or_default();
    let mut statement = connection.prepare_cached(
        "INSERT INTO inbound_hits (webhook_id, count, last_at, kept) VALUES (?1, ?2, ?3, 1)
         ON CONFLICT (webhook_id) DO UPDATE
         SET count = count + excluded.count,
             last_at = CASE WHEN excluded.last_at IS NULL THEN last_at
                            ELSE max(coalesce(last_at, excluded.last_at), excluded.last_at) END,
             kept = kept + 1",
    )?;
    statement.execute((
        received.webhook_id.as_i64(),
        hits.count.cast_signed(),
        hits.last_at.map(Timestamp::as_millis),
    ))?;
    Ok(())
}

// By the primary key.
fn request(
    connection: &Connection,
    account: AccountId,
    id: RequestId,
) -> Result<Option<InboundRequest>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, webhook_id, operation, verdict_json, received_at, remote_address,
             replay_of, hops, query, headers, body
         FROM inbound_requests WHERE id = ?1 AND account_id = ?2",
    )?;
    let mut rows = statement.query((id.as_i64(), account.as_i64()))?;
    rows.next()?.map(read_request).transpose()
}

// Backwards along inbound_requests_by_webhook. A row's verdict stands before its body, so the
// bodies of those that are not wanted are not read.
fn list(
    connection: &Connection,
    account: AccountId,
    webhook: WebhookId,
    verdict: Option<&str>,
    page: PageRequest,
) -> Result<Page<InboundRequest>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, webhook_id, operation, verdict_json, received_at, remote_address,
             replay_of, hops, query, headers, body, verdict
         FROM inbound_requests WHERE webhook_id = ?1 AND id < ?2 ORDER BY id DESC",
    )?;
    let mut rows = statement.query((webhook.as_i64(), before(&page).cast_signed()))?;
    let mut scan = PageScan::new(page.limit);
    while let Some(row) = rows.next()? {
        let is_wanted = row.get::<_, i64>(1)? == account.as_i64()
            && verdict.map_or(Ok(true), |verdict| text(row, 12).map(|found| found == verdict))?;
        if is_wanted {
            let bytes = blob(row, 11)?.len();
            scan.set_row_cost(1 + bytes * SCAN_ROWS_MAX / PAGE_BYTES_MAX);
        } else {
            scan.set_row_cost(1);
        }
        let take = || is_wanted.then(|| read_request(row)).transpose();
        if scan.visit(id_of(row.get(0)?), take)?.is_break() {
            break;
        }
    }
    Ok(scan.finish())
}

fn read_request(row: &Row<'_>) -> Result<InboundRequest, Fault> {
    let id = RequestId::from_raw(id_of(row.get(0)?));
    let damaged = |what: &str| Fault::damaged(format!("the {what} of {id}"));
    let remote_address = row.get::<_, Option<String>>(6)?;
    let remote_address = remote_address.map(|text| text.parse()).transpose();
    let replay_of = row.get::<_, Option<i64>>(7)?;
    Ok(InboundRequest {
        id,
        received: ReceivedRequest {
            account_id: AccountId::from_raw(id_of(row.get(1)?)),
            webhook_id: WebhookId::from_raw(id_of(row.get(2)?)),
            operation: inbound::operation_of(text(row, 3)?).ok_or_else(|| damaged("operation"))?,
            received_at: Timestamp::from_millis(row.get(5)?),
            remote_address: remote_address.map_err(|_| damaged("remote address"))?,
            headers: serde_json::from_str(text(row, 10)?).map_err(|_| damaged("headers"))?,
            query: row.get(9)?,
            body: Bytes::copy_from_slice(blob(row, 11)?),
            replay_of: replay_of.map(|raw| RequestId::from_raw(id_of(raw))),
            hops: row.get(8)?,
        },
        verdict: read_verdict(text(row, 4)?)?,
    })
}

/// A verdict as it lies in its column.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredVerdict {
    Done(String, Option<u64>),
    /// Of pointers and messages.
    Invalid(Vec<(String, String)>),
    Unverified(String),
    Loop,
    KeyReused,
}

fn verdict_text(verdict: &Verdict) -> String {
    let stored = match verdict {
        Verdict::Done { operation, contact_id } => {
            StoredVerdict::Done(operation.as_str().to_owned(), contact_id.map(ContactId::as_raw))
        }
        Verdict::Invalid(errors) => {
            let errors = errors.iter();
            let pairs = errors.map(|error| (error.pointer.clone(), error.message.clone()));
            StoredVerdict::Invalid(pairs.collect())
        }
        Verdict::Unverified(reason) => StoredVerdict::Unverified(reason.clone()),
        Verdict::Loop => StoredVerdict::Loop,
        Verdict::KeyReused => StoredVerdict::KeyReused,
    };
    serde_json::to_string(&stored).expect("strings and numbers always serialise")
}

fn read_verdict(text: &str) -> Result<Verdict, Fault> {
    let damaged = || Fault::damaged(format!("the verdict {text} of a request"));
    let stored: StoredVerdict = serde_json::from_str(text).map_err(|_| damaged())?;
    Ok(match stored {
        StoredVerdict::Done(operation, contact_id) => Verdict::Done {
            operation: Done::ALL
                .into_iter()
                .find(|done| done.as_str() == operation)
                .ok_or_else(damaged)?,
            contact_id: contact_id.map(ContactId::from_raw),
        },
        StoredVerdict::Invalid(errors) => {
            let errors = errors.into_iter();
            Verdict::Invalid(
                errors.map(|(pointer, message)| FieldError::new(pointer, message)).collect(),
            )
        }
        StoredVerdict::Unverified(reason) => Verdict::Unverified(reason),
        StoredVerdict::Loop => Verdict::Loop,
        StoredVerdict::KeyReused => Verdict::KeyReused,
    })
}

/// Inbound webhooks that have requests and are not there any more. Their ids are never used again,
/// so they stay gone.
pub fn gone_webhooks(shared: &Shared) -> Result<Vec<WebhookId>, Fault> {
    // All of the table: one row for each webhook.
    let known: Vec<WebhookId> = shared.contacts.read(|connection| {
        let mut statement = connection.prepare_cached("SELECT webhook_id FROM inbound_hits")?;
        let ids = statement.query_map((), |row| row.get(0))?;
        let ids = ids.map(|raw| raw.map(|raw| WebhookId::from_raw(id_of(raw))));
        Ok(ids.collect::<Result<_, _>>()?)
    })?;
    shared.config.read(|connection| {
        let mut gone = Vec::new();
        for id in known {
            if !inbound::is_there(connection, id)? {
                gone.push(id);
            }
        }
        Ok(gone)
    })
}

/// Deletes the requests of webhooks that are gone, those from before a time, and the oldest of
/// webhooks that have too many; up to `left` of them, which is counted down.
pub fn sweep(
    connection: &Connection,
    before: Timestamp,
    gone: &[WebhookId],
    left: &mut usize,
) -> Result<(), Fault> {
    for webhook in gone {
        sweep_oldest(connection, *webhook, i64::MAX, left)?;
        if *left > 0 {
            // By the primary keys.
            connection
                .execute("DELETE FROM inbound_hits WHERE webhook_id = ?1", [webhook.as_i64()])?;
            connection
                .execute("DELETE FROM inbound_keys WHERE webhook_id = ?1", [webhook.as_i64()])?;
        }
    }
    // All of the table: one row for each webhook.
    let mut many = connection
        .prepare_cached("SELECT webhook_id, kept - ?1 FROM inbound_hits WHERE kept > ?1")?;
    let kept_max = i64::try_from(INBOUND_KEPT_MAX).unwrap_or(i64::MAX);
    let many: Vec<(i64, i64)> = many
        .query_map([kept_max], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (webhook, too_many) in many {
        sweep_oldest(connection, WebhookId::from_raw(id_of(webhook)), too_many, left)?;
    }
    sweep_older(connection, before, left)
}

/// Deletes the oldest requests of one webhook. Along inbound_requests_by_webhook.
fn sweep_oldest(
    connection: &Connection,
    webhook: WebhookId,
    rows: i64,
    left: &mut usize,
) -> Result<(), Fault> {
    let rows = rows.min(i64::try_from(*left).unwrap_or(i64::MAX));
    let deleted = connection
        .prepare_cached(
            "DELETE FROM inbound_requests WHERE id IN (
                 SELECT id FROM inbound_requests WHERE webhook_id = ?1 ORDER BY id LIMIT ?2)",
        )?
        .execute((webhook.as_i64(), rows))?;
    kept_less(connection, webhook.as_i64(), deleted)?;
    *left -= deleted;
    Ok(())
}

/// Deletes requests from before a time, along the primary key: ids rise with it.
fn sweep_older(connection: &Connection, before: Timestamp, left: &mut usize) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, webhook_id FROM inbound_requests WHERE id < ?1 ORDER BY id LIMIT ?2",
    )?;
    let bound = first_of_millisecond(before).cast_signed();
    let rows = statement
        .query_map((bound, i64::try_from(*left).unwrap_or(i64::MAX)), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for (id, webhook) in &rows {
        connection.prepare_cached("DELETE FROM inbound_requests WHERE id = ?1")?.execute([id])?;
        kept_less(connection, *webhook, 1)?;
    }
    *left -= rows.len();
    Ok(())
}

// By the primary key.
fn kept_less(connection: &Connection, webhook: i64, rows: usize) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE inbound_hits SET kept = kept - ?2 WHERE webhook_id = ?1")?
        .execute((webhook, i64::try_from(rows).unwrap_or(0)))?;
    Ok(())
}
