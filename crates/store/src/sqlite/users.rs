//! Users. Their sessions and links are `sessions`' matter, except where a change to a user ends
//! them.

use async_trait::async_trait;
use posthaste_core::id::{AccountId, UserId};
use posthaste_core::page::{Page, PageRequest};
use posthaste_core::session::{Link, NewSession, Session, TokenHash};
use posthaste_core::store::{StoreError, UserChange, UserStore};
use posthaste_core::time::Timestamp;
use posthaste_core::user::{Email, NewUser, PasswordHash, User, UserRole};
use rusqlite::{Connection, Row};

use super::SqliteStore;
use super::accounts::taken_if_known;
use super::config::Change;
use super::fault::Fault;
use super::pages::{PageScan, before};
use super::rows::{id_of, text};
use super::sessions;

#[async_trait]
impl UserStore for SqliteStore {
    async fn create_user(&self, now: Timestamp, user: NewUser) -> Result<User, StoreError> {
        self.write(move |shared| shared.config.change(|change| create(change, now, user))).await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.read(move |shared| shared.config.read(|connection| user(connection, id))).await
    }

    async fn user_by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        let email = email.clone();
        self.read(move |shared| shared.config.read(|connection| by_email(connection, &email))).await
    }

    async fn list_users(
        &self,
        account: Option<AccountId>,
        page: PageRequest,
    ) -> Result<Page<User>, StoreError> {
        self.read(move |shared| shared.config.read(|connection| list(connection, account, page)))
            .await
    }

    async fn count_users(&self, account: Option<AccountId>) -> Result<usize, StoreError> {
        self.read(move |shared| shared.config.read(|connection| count(connection, account))).await
    }

    async fn update_user(&self, user: &User) -> Result<UserChange, StoreError> {
        let user = user.clone();
        self.write(move |shared| shared.config.change(|change| update(&change.tx, &user))).await
    }

    async fn delete_user(&self, id: UserId) -> Result<UserChange, StoreError> {
        self.write(move |shared| shared.config.change(|change| delete(&change.tx, id))).await
    }

    async fn set_password(
        &self,
        user: UserId,
        password: PasswordHash,
        session: NewSession,
    ) -> Result<bool, StoreError> {
        self.write(move |shared| {
            shared.config.change(|change| {
                if !update_password(&change.tx, user, &password)? {
                    return Ok(false);
                }
                sessions::end_all(&change.tx, user)?;
                sessions::start(&change.tx, &session.of(user))
            })
        })
        .await
    }

    async fn start_session(&self, user: UserId, session: NewSession) -> Result<bool, StoreError> {
        self.write(move |shared| {
            shared.config.change(|change| sessions::start(&change.tx, &session.of(user)))
        })
        .await
    }

    async fn session(
        &self,
        now: Timestamp,
        hash: TokenHash,
    ) -> Result<Option<(Session, User)>, StoreError> {
        self.read(move |shared| {
            shared.config.read(|connection| {
                let Some(session) = sessions::live(connection, now, hash)? else {
                    return Ok(None);
                };
                let user = user(connection, session.user_id)?;
                Ok(user.map(|user| (session, user)))
            })
        })
        .await
    }

    async fn renew_session(
        &self,
        hash: TokenHash,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |shared| {
            shared.config.change(|change| sessions::renew(&change.tx, hash, expires_at))
        })
        .await
    }

    async fn end_session(&self, hash: TokenHash) -> Result<bool, StoreError> {
        self.write(move |shared| shared.config.change(|change| sessions::end(&change.tx, hash)))
            .await
    }

    async fn put_link(&self, link: Link) -> Result<bool, StoreError> {
        self.write(move |shared| {
            shared.config.change(|change| sessions::put_link(&change.tx, &link))
        })
        .await
    }

    async fn redeem_link(
        &self,
        now: Timestamp,
        link: TokenHash,
        first_owner: NewUser,
        session: NewSession,
    ) -> Result<Option<User>, StoreError> {
        self.write(move |shared| {
            shared.config.change(|change| sessions::redeem(change, now, link, first_owner, session))
        })
        .await
    }

    async fn drop_expired_sessions(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |shared| {
            shared.config.change(|change| sessions::drop_expired(&change.tx, now))
        })
        .await
    }
}

/// `Taken` if the unique index on the address says so.
pub fn create(change: &mut Change<'_>, now: Timestamp, user: NewUser) -> Result<User, Fault> {
    let id = UserId::from_raw(change.new_id(now)?);
    let NewUser { account_id, email, name, role } = user;
    let inserted = change.tx.execute(
        "INSERT INTO users (id, account_id, email, name, role, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (
            id.as_i64(),
            account_id.map(AccountId::as_i64),
            email.as_str(),
            &name,
            role.as_str(),
            now.as_millis(),
        ),
    );
    taken_if_known(inserted, ADDRESS)?;
    Ok(User {
        id,
        account_id,
        email,
        name,
        role,
        password: None,
        created_at: now,
        last_sign_in_at: None,
    })
}

const ADDRESS: &str = "the e-mail address";

// By the primary key.
pub fn user(connection: &Connection, id: UserId) -> Result<Option<User>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, email, name, role, password, created_at, last_sign_in_at
         FROM users WHERE id = ?1",
    )?;
    let mut rows = statement.query([id.as_i64()])?;
    rows.next()?.map(read_user).transpose()
}

// By the unique index on the address.
fn by_email(connection: &Connection, email: &Email) -> Result<Option<User>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, email, name, role, password, created_at, last_sign_in_at
         FROM users WHERE email = ?1",
    )?;
    let mut rows = statement.query([email.as_str()])?;
    rows.next()?.map(read_user).transpose()
}

// Backwards along the primary key: there are few users, whose they are is looked at row by row.
fn list(
    connection: &Connection,
    account: Option<AccountId>,
    page: PageRequest,
) -> Result<Page<User>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, email, name, role, password, created_at, last_sign_in_at
         FROM users WHERE id < ?1 AND (?2 IS NULL OR account_id = ?2) ORDER BY id DESC",
    )?;
    let mut rows =
        statement.query((before(&page).cast_signed(), account.map(AccountId::as_i64)))?;
    let mut scan = PageScan::new(page.limit);
    while let Some(row) = rows.next()? {
        if scan.visit(id_of(row.get(0)?), || read_user(row).map(Some))?.is_break() {
            break;
        }
    }
    Ok(scan.finish())
}

// By users_by_account; `IS` finds NULLs in it too.
fn count(connection: &Connection, account: Option<AccountId>) -> Result<usize, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT count(*) FROM users WHERE account_id IS ?1")?;
    let count: u32 = statement.query_row([account.map(AccountId::as_i64)], |row| row.get(0))?;
    Ok(count as usize)
}

fn update(connection: &Connection, user: &User) -> Result<UserChange, Fault> {
    let Some(stored) = self::user(connection, user.id)? else { return Ok(UserChange::Missing) };
    let role_changes = stored.role != user.role;
    if role_changes && is_last_owner(connection, &stored)? {
        return Ok(UserChange::LastOwner);
    }
    // By the primary key.
    let updated = connection.execute(
        "UPDATE users SET email = ?2, name = ?3, role = ?4 WHERE id = ?1",
        (user.id.as_i64(), user.email.as_str(), &user.name, user.role.as_str()),
    );
    taken_if_known(updated, ADDRESS)?;
    if role_changes {
        sessions::end_all(connection, user.id)?;
    }
    Ok(UserChange::Done)
}

fn delete(connection: &Connection, id: UserId) -> Result<UserChange, Fault> {
    let Some(stored) = user(connection, id)? else { return Ok(UserChange::Missing) };
    if is_last_owner(connection, &stored)? {
        return Ok(UserChange::LastOwner);
    }
    sessions::end_all(connection, id)?;
    // By the primary key.
    connection.execute("DELETE FROM users WHERE id = ?1", [id.as_i64()])?;
    Ok(UserChange::Done)
}

/// Whether nobody else is an owner where this user is one.
fn is_last_owner(connection: &Connection, user: &User) -> Result<bool, Fault> {
    let is_owner = user.role == UserRole::Owner;
    Ok(is_owner && !has_other_owner(connection, user.account_id, Some(user.id))?)
}

/// Whether an account, or the platform, has an owner beside that one. By users_by_account; `IS`
/// finds NULLs in it too.
pub fn has_other_owner(
    connection: &Connection,
    account: Option<AccountId>,
    than: Option<UserId>,
) -> Result<bool, Fault> {
    let found = connection.query_row(
        "SELECT EXISTS (
             SELECT 1 FROM users WHERE account_id IS ?1 AND role = ?2 AND id IS NOT ?3)",
        (account.map(AccountId::as_i64), UserRole::Owner.as_str(), than.map(UserId::as_i64)),
        |row| row.get(0),
    )?;
    Ok(found)
}

// By the primary key.
fn update_password(
    connection: &Connection,
    user: UserId,
    password: &PasswordHash,
) -> Result<bool, Fault> {
    let updated = connection.execute(
        "UPDATE users SET password = ?2 WHERE id = ?1",
        (user.as_i64(), password.expose()),
    )?;
    Ok(updated > 0)
}

fn read_user(row: &Row<'_>) -> Result<User, Fault> {
    Ok(User {
        id: UserId::from_raw(id_of(row.get(0)?)),
        account_id: row.get::<_, Option<i64>>(1)?.map(|raw| AccountId::from_raw(id_of(raw))),
        email: Email::parse(text(row, 2)?).map_err(Fault::unreadable("e-mail address"))?,
        name: row.get(3)?,
        role: UserRole::parse(text(row, 4)?).map_err(Fault::unreadable("role of a user"))?,
        password: row.get::<_, Option<String>>(5)?.map(PasswordHash::new),
        created_at: Timestamp::from_millis(row.get(6)?),
        last_sign_in_at: row.get::<_, Option<i64>>(7)?.map(Timestamp::from_millis),
    })
}
