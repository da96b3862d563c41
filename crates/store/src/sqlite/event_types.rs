//! The event types that accounts added to the catalogue.

use async_trait::async_trait;
use posthaste_core::event_type::{CustomEventType, EventType};
use posthaste_core::id::AccountId;
use posthaste_core::store::{EventTypeStore, StoreError};
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, Row};

use super::SqliteStore;
use super::fault::Fault;
use super::rows::text;

#[async_trait]
impl EventTypeStore for SqliteStore {
    async fn put_event_type(
        &self,
        account: AccountId,
        event_type: CustomEventType,
    ) -> Result<(), StoreError> {
        self.write(move |shared| {
            shared.config.change(|change| put(&change.tx, account, &event_type))
        })
        .await
    }

    async fn custom_event_types(
        &self,
        account: AccountId,
    ) -> Result<Vec<CustomEventType>, StoreError> {
        self.read(move |shared| shared.config.read(|connection| all(connection, account))).await
    }

    async fn delete_event_type(
        &self,
        account: AccountId,
        name: &EventType,
    ) -> Result<bool, StoreError> {
        let name = name.clone();
        self.write(move |shared| shared.config.change(|change| delete(&change.tx, account, &name)))
            .await
    }
}

// By the primary key.
fn put(
    connection: &Connection,
    account: AccountId,
    event_type: &CustomEventType,
) -> Result<(), Fault> {
    let use_cases =
        serde_json::to_string(&event_type.use_cases).expect("a list of strings always serialises");
    connection.execute(
        "INSERT OR REPLACE INTO event_types (account_id, name, group_name, description,
             use_cases, schema, sample, deprecated, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        (
            account.as_i64(),
            event_type.name.as_str(),
            &event_type.group,
            &event_type.description,
            use_cases,
            &event_type.schema,
            &event_type.sample,
            event_type.deprecated,
            event_type.created_at.as_millis(),
            event_type.updated_at.as_millis(),
        ),
    )?;
    Ok(())
}

// Along the primary key.
fn all(connection: &Connection, account: AccountId) -> Result<Vec<CustomEventType>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT name, group_name, description, use_cases, schema, sample, deprecated,
             created_at, updated_at
         FROM event_types WHERE account_id = ?1 ORDER BY name",
    )?;
    let mut rows = statement.query([account.as_i64()])?;
    let mut event_types = Vec::new();
    while let Some(row) = rows.next()? {
        event_types.push(read_event_type(row)?);
    }
    Ok(event_types)
}

// By the primary key.
fn delete(connection: &Connection, account: AccountId, name: &EventType) -> Result<bool, Fault> {
    let deleted = connection.execute(
        "DELETE FROM event_types WHERE account_id = ?1 AND name = ?2",
        (account.as_i64(), name.as_str()),
    )?;
    Ok(deleted > 0)
}

fn read_event_type(row: &Row<'_>) -> Result<CustomEventType, Fault> {
    let name = text(row, 0)?;
    Ok(CustomEventType {
        name: EventType::parse(name).map_err(Fault::unreadable("event type"))?,
        group: row.get(1)?,
        description: row.get(2)?,
        use_cases: serde_json::from_str(text(row, 3)?)
            .map_err(|error| Fault::damaged(format!("the use cases of {name}: {error}")))?,
        schema: row.get(4)?,
        sample: row.get(5)?,
        deprecated: row.get(6)?,
        created_at: Timestamp::from_millis(row.get(7)?),
        updated_at: Timestamp::from_millis(row.get(8)?),
    })
}
