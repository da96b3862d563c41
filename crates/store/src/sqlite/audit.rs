//! The audit log.

use async_trait::async_trait;
use posthaste_core::audit::{
    Actor, ActorKind, AuditAction, AuditEntry, FieldChange, NewAuditEntry, Target, TargetKind,
};
use posthaste_core::id::{AccountId, AuditId, first_of_millisecond};
use posthaste_core::page::{Page, PageRequest};
use posthaste_core::store::{AuditFilter, AuditStore, StoreError};
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, Row};
use serde_json::Value;

use super::SqliteStore;
use super::fault::Fault;
use super::pages::{PageScan, before};
use super::rows::{id_of, text};

#[async_trait]
impl AuditStore for SqliteStore {
    async fn append_audit(&self, now: Timestamp, entry: NewAuditEntry) -> Result<(), StoreError> {
        self.write(move |shared| {
            shared.config.change(|change| {
                let id = AuditId::from_raw(change.new_id(now)?);
                append(&change.tx, &AuditEntry { id, at: now, entry })
            })
        })
        .await
    }

    async fn list_audit(
        &self,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let filter = filter.clone();
        self.read(move |shared| shared.config.read(|connection| list(connection, &filter, page)))
            .await
    }

    async fn drop_audit_before(&self, before: Timestamp) -> Result<(), StoreError> {
        self.write(move |shared| shared.config.change(|change| drop_before(&change.tx, before)))
            .await
    }
}

fn append(connection: &Connection, AuditEntry { id, at, entry }: &AuditEntry) -> Result<(), Fault> {
    let changes: Vec<(&str, &Value, &Value)> = entry
        .changes
        .iter()
        .map(|change| (change.field.as_str(), &change.before, &change.after))
        .collect();
    let changes = serde_json::to_string(&changes).expect("texts and values always serialise");
    let target = entry.target.as_ref();
    connection.execute(
        "INSERT INTO audit_log (id, at, account_id, actor_type, actor_id, actor_name, action,
             target_type, target_id, target_name, changes, remote_address)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        (
            id.as_i64(),
            at.as_millis(),
            entry.account_id.map(AccountId::as_i64),
            entry.actor.kind.as_str(),
            &entry.actor.id,
            &entry.actor.name,
            entry.action.as_str(),
            target.map(|target| target.kind.as_str()),
            target.map(|target| &target.id),
            target.map(|target| &target.name),
            changes,
            entry.remote_address.map(|address| address.to_string()),
        ),
    )?;
    Ok(())
}

// Backwards along the primary key. Ids carry the time, unless the clock was set back; so they
// bound the search generously, and the time itself decides.
fn list(
    connection: &Connection,
    filter: &AuditFilter,
    page: PageRequest,
) -> Result<Page<AuditEntry>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, at, account_id, actor_type, actor_id, actor_name, action, target_type,
             target_id, target_name, changes, remote_address
         FROM audit_log WHERE id < ?1 AND id >= ?2 ORDER BY id DESC",
    )?;
    let first = filter.since.map_or(0, first_of_millisecond);
    let mut rows = statement.query((before(&page).cast_signed(), first.cast_signed()))?;
    let mut scan = PageScan::new(page.limit);
    while let Some(row) = rows.next()? {
        let take = || {
            let found = read_entry(row)?;
            let in_time = filter.since.is_none_or(|since| since <= found.at)
                && filter.until.is_none_or(|until| found.at < until);
            Ok((in_time && filter.wants(&found.entry)).then_some(found))
        };
        if scan.visit(id_of(row.get(0)?), take)?.is_break() {
            break;
        }
    }
    Ok(scan.finish())
}

// Along the primary key, from its beginning.
fn drop_before(connection: &Connection, before: Timestamp) -> Result<(), Fault> {
    let first = first_of_millisecond(before).cast_signed();
    connection.execute("DELETE FROM audit_log WHERE id < ?1", [first])?;
    Ok(())
}

fn read_entry(row: &Row<'_>) -> Result<AuditEntry, Fault> {
    let unknown = |what: &str, text: &str| Fault::damaged(format!("{text:?} is no {what}"));
    let (actor, action) = (text(row, 3)?, text(row, 6)?);
    let target = match row.get::<_, Option<String>>(7)? {
        None => None,
        Some(kind) => Some(Target {
            kind: TargetKind::parse(&kind).ok_or_else(|| unknown("kind of target", &kind))?,
            id: row.get(8)?,
            name: row.get(9)?,
        }),
    };
    let changes: Vec<(String, Value, Value)> = serde_json::from_str(text(row, 10)?)
        .map_err(|error| Fault::damaged(format!("changes in the audit log: {error}")))?;
    let remote_address = row
        .get::<_, Option<String>>(11)?
        .map(|text| text.parse().map_err(|_| unknown("remote address", &text)))
        .transpose()?;
    let entry = NewAuditEntry {
        account_id: row.get::<_, Option<i64>>(2)?.map(|raw| AccountId::from_raw(id_of(raw))),
        actor: Actor {
            kind: ActorKind::parse(actor).ok_or_else(|| unknown("kind of actor", actor))?,
            id: row.get(4)?,
            name: row.get(5)?,
        },
        action: AuditAction::parse(action).ok_or_else(|| unknown("action", action))?,
        target,
        changes: changes
            .into_iter()
            .map(|(field, before, after)| FieldChange { field, before, after })
            .collect(),
        remote_address,
    };
    Ok(AuditEntry {
        id: AuditId::from_raw(id_of(row.get(0)?)),
        at: Timestamp::from_millis(row.get(1)?),
        entry,
    })
}
