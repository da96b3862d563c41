//! Accounts and API keys.

use async_trait::async_trait;
use posthaste_core::account::{Account, ApiKey, KeyHash, NewApiKey, Role, Validate};
use posthaste_core::id::{AccountId, KeyId};
use posthaste_core::page::{Page, PageRequest};
use posthaste_core::store::{AccountStore, StoreError};
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, ErrorCode, Row};

use super::SqliteStore;
use super::fault::Fault;
use super::pages::{PageScan, before};
use super::rows::{blob, id_of, text};

#[async_trait]
impl AccountStore for SqliteStore {
    async fn create_account(&self, now: Timestamp, name: &str) -> Result<Account, StoreError> {
        let name = name.to_owned();
        self.write(move |shared| {
            shared.config.change(|change| {
                let id = AccountId::from_raw(change.new_id(now)?);
                insert_account(&change.tx, id, &name, now)?;
                Ok(Account { id, name, validate: Validate::default(), created_at: now })
            })
        })
        .await
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.read(move |shared| shared.config.read(|connection| account(connection, id))).await
    }

    async fn account_named(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let name = name.to_owned();
        self.read(move |shared| shared.config.read(|connection| account_named(connection, &name)))
            .await
    }

    async fn set_validate(
        &self,
        id: AccountId,
        validate: Validate,
    ) -> Result<Option<Account>, StoreError> {
        self.write(move |shared| {
            shared.config.change(|change| {
                set_validate(&change.tx, id, validate)?;
                account(&change.tx, id)
            })
        })
        .await
    }

    async fn list_accounts(&self, page: PageRequest) -> Result<Page<Account>, StoreError> {
        self.read(move |shared| shared.config.read(|connection| list_accounts(connection, page)))
            .await
    }

    async fn create_key(&self, now: Timestamp, key: NewApiKey) -> Result<ApiKey, StoreError> {
        self.write(move |shared| {
            shared.config.change(|change| {
                let id = KeyId::from_raw(change.new_id(now)?);
                let NewApiKey { account_id, role, name, hint, hash } = key;
                let key = ApiKey { id, account_id, role, name, hint, hash, created_at: now };
                insert_key(&change.tx, &key)?;
                Ok(key)
            })
        })
        .await
    }

    async fn all_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.read(|shared| shared.config.read(all_keys)).await
    }

    async fn list_keys(
        &self,
        account: Option<AccountId>,
        page: PageRequest,
    ) -> Result<Page<ApiKey>, StoreError> {
        self.read(move |shared| {
            shared.config.read(|connection| list_keys(connection, account, page))
        })
        .await
    }

    async fn delete_key(&self, account: Option<AccountId>, id: KeyId) -> Result<bool, StoreError> {
        self.write(move |shared| shared.config.change(|change| delete_key(&change.tx, account, id)))
            .await
    }
}

/// `Taken` if the unique index on the name says so.
pub fn insert_account(
    connection: &Connection,
    id: AccountId,
    name: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    let inserted = connection.execute(
        "INSERT INTO accounts (id, name, created_at) VALUES (?1, ?2, ?3)",
        (id.as_i64(), name, now.as_millis()),
    );
    taken_if_known(inserted, "the account's name")
}

// By the primary key.
fn account(connection: &Connection, id: AccountId) -> Result<Option<Account>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT id, name, validate, created_at FROM accounts WHERE id = ?1")?;
    let mut rows = statement.query([id.as_i64()])?;
    rows.next()?.map(read_account).transpose()
}

// By the unique index on the name.
fn account_named(connection: &Connection, name: &str) -> Result<Option<Account>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT id, name, validate, created_at FROM accounts WHERE name = ?1")?;
    let mut rows = statement.query([name])?;
    rows.next()?.map(read_account).transpose()
}

// Backwards along the primary key.
fn list_accounts(connection: &Connection, page: PageRequest) -> Result<Page<Account>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, validate, created_at FROM accounts WHERE id < ?1 ORDER BY id DESC",
    )?;
    let mut rows = statement.query([before(&page).cast_signed()])?;
    let mut scan = PageScan::new(page.limit);
    while let Some(row) = rows.next()? {
        if scan.visit(id_of(row.get(0)?), || read_account(row).map(Some))?.is_break() {
            break;
        }
    }
    Ok(scan.finish())
}

// By the primary key.
fn set_validate(connection: &Connection, id: AccountId, validate: Validate) -> Result<(), Fault> {
    connection.execute(
        "UPDATE accounts SET validate = ?2 WHERE id = ?1",
        (id.as_i64(), validate.as_str()),
    )?;
    Ok(())
}

fn read_account(row: &Row<'_>) -> Result<Account, Fault> {
    let validate = text(row, 2)?;
    let known = Validate::parse(validate);
    Ok(Account {
        id: AccountId::from_raw(id_of(row.get(0)?)),
        name: row.get(1)?,
        validate: known.ok_or_else(|| Fault::damaged(format!("{validate:?} is no validate")))?,
        created_at: Timestamp::from_millis(row.get(3)?),
    })
}

/// `Taken` if the unique index on the hash says so.
fn insert_key(connection: &Connection, key: &ApiKey) -> Result<(), Fault> {
    let inserted = connection.execute(
        "INSERT INTO api_keys (id, account_id, role, name, hint, hash, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (
            key.id.as_i64(),
            key.account_id.map(AccountId::as_i64),
            key.role.as_str(),
            &key.name,
            &key.hint,
            &key.hash.0,
            key.created_at.as_millis(),
        ),
    );
    taken_if_known(inserted, "the API key")
}

// All of the table.
fn all_keys(connection: &Connection) -> Result<Vec<ApiKey>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, role, name, hint, hash, created_at FROM api_keys",
    )?;
    let mut rows = statement.query(())?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(read_key(row)?);
    }
    Ok(keys)
}

// Backwards along api_keys_by_account; `IS` finds NULLs in it too.
fn list_keys(
    connection: &Connection,
    account: Option<AccountId>,
    page: PageRequest,
) -> Result<Page<ApiKey>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, role, name, hint, hash, created_at FROM api_keys
         WHERE account_id IS ?1 AND id < ?2 ORDER BY id DESC",
    )?;
    let mut rows =
        statement.query((account.map(AccountId::as_i64), before(&page).cast_signed()))?;
    let mut scan = PageScan::new(page.limit);
    while let Some(row) = rows.next()? {
        if scan.visit(id_of(row.get(0)?), || read_key(row).map(Some))?.is_break() {
            break;
        }
    }
    Ok(scan.finish())
}

// By the primary key.
fn delete_key(
    connection: &Connection,
    account: Option<AccountId>,
    id: KeyId,
) -> Result<bool, Fault> {
    let deleted = connection.execute(
        "DELETE FROM api_keys WHERE id = ?1 AND account_id IS ?2",
        (id.as_i64(), account.map(AccountId::as_i64)),
    )?;
    Ok(deleted > 0)
}

fn read_key(row: &Row<'_>) -> Result<ApiKey, Fault> {
    let role = text(row, 2)?;
    let hash = blob(row, 5)?;
    Ok(ApiKey {
        id: KeyId::from_raw(id_of(row.get(0)?)),
        account_id: row.get::<_, Option<i64>>(1)?.map(|raw| AccountId::from_raw(id_of(raw))),
        role: Role::parse(role).ok_or_else(|| Fault::damaged(format!("{role:?} is no role")))?,
        name: row.get(3)?,
        hint: row.get(4)?,
        hash: KeyHash(hash.try_into().map_err(|_| Fault::damaged("the hash of an API key"))?),
        created_at: Timestamp::from_millis(row.get(6)?),
    })
}

/// `Taken` if a unique index says so.
pub fn taken_if_known(
    inserted: Result<usize, rusqlite::Error>,
    what: &'static str,
) -> Result<(), Fault> {
    match inserted {
        Ok(_) => Ok(()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            Err(Fault::Store(StoreError::Taken { what }))
        }
        Err(error) => Err(error.into()),
    }
}
