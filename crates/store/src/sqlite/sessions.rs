//! Sessions and one-time links, as steps of the operations on users.

use posthaste_core::id::UserId;
use posthaste_core::limits::SESSIONS_PER_USER_MAX;
use posthaste_core::session::{Link, LinkFor, NewSession, Session, SignedInBy, TokenHash};
use posthaste_core::time::Timestamp;
use posthaste_core::user::{NewUser, User};
use rusqlite::{Connection, OptionalExtension, Row};

use super::config::Change;
use super::fault::Fault;
use super::rows::{blob, id_of, text};
use super::users;

/// `false` if there is no such user.
pub fn start(connection: &Connection, session: &Session) -> Result<bool, Fault> {
    if !note_sign_in(connection, session.user_id, session.created_at)? {
        return Ok(false);
    }
    connection.execute(
        "INSERT INTO sessions (hash, user_id, signed_in_by, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        (
            &session.hash.0,
            session.user_id.as_i64(),
            session.by.as_str(),
            session.created_at.as_millis(),
            session.expires_at.as_millis(),
        ),
    )?;
    end_oldest(connection, session.user_id)?;
    Ok(true)
}

// By the primary key.
fn note_sign_in(connection: &Connection, user: UserId, now: Timestamp) -> Result<bool, Fault> {
    let updated = connection.execute(
        "UPDATE users SET last_sign_in_at = ?2 WHERE id = ?1",
        (user.as_i64(), now.as_millis()),
    )?;
    Ok(updated > 0)
}

// Backwards along sessions_by_user.
fn end_oldest(connection: &Connection, user: UserId) -> Result<(), Fault> {
    connection.execute(
        "DELETE FROM sessions WHERE hash IN (
             SELECT hash FROM sessions WHERE user_id = ?1
             ORDER BY created_at DESC LIMIT -1 OFFSET ?2)",
        (user.as_i64(), SESSIONS_PER_USER_MAX as i64),
    )?;
    Ok(())
}

// By the primary key.
pub fn live(
    connection: &Connection,
    now: Timestamp,
    hash: TokenHash,
) -> Result<Option<Session>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT hash, user_id, signed_in_by, created_at, expires_at FROM sessions
         WHERE hash = ?1 AND expires_at > ?2",
    )?;
    let mut rows = statement.query((&hash.0, now.as_millis()))?;
    rows.next()?.map(read_session).transpose()
}

// By the primary key.
pub fn renew(connection: &Connection, hash: TokenHash, expires_at: Timestamp) -> Result<(), Fault> {
    connection.execute(
        "UPDATE sessions SET expires_at = ?2 WHERE hash = ?1",
        (&hash.0, expires_at.as_millis()),
    )?;
    Ok(())
}

// By the primary key.
pub fn end(connection: &Connection, hash: TokenHash) -> Result<bool, Fault> {
    Ok(connection.execute("DELETE FROM sessions WHERE hash = ?1", [&hash.0])? > 0)
}

/// Ends all sessions and links of a user. By sessions_by_user and sign_in_links_by_user.
pub fn end_all(connection: &Connection, user: UserId) -> Result<(), Fault> {
    connection.execute("DELETE FROM sessions WHERE user_id = ?1", [user.as_i64()])?;
    connection.execute("DELETE FROM sign_in_links WHERE user_id = ?1", [user.as_i64()])?;
    Ok(())
}

/// `false` if there is no such user. By sign_in_links_by_user; `IS` finds NULLs in it too.
pub fn put_link(connection: &Connection, link: &Link) -> Result<bool, Fault> {
    let user = match link.whom {
        LinkFor::FirstOwner => None,
        LinkFor::User(id) if users::user(connection, id)?.is_none() => return Ok(false),
        LinkFor::User(id) => Some(id.as_i64()),
    };
    connection.execute("DELETE FROM sign_in_links WHERE user_id IS ?1", [user])?;
    connection.execute(
        "INSERT INTO sign_in_links (hash, user_id, expires_at) VALUES (?1, ?2, ?3)",
        (&link.hash.0, user, link.expires_at.as_millis()),
    )?;
    Ok(true)
}

pub fn redeem(
    change: &mut Change<'_>,
    now: Timestamp,
    link: TokenHash,
    first_owner: NewUser,
    session: NewSession,
) -> Result<Option<User>, Fault> {
    let Some(whom) = take_link(&change.tx, now, link)? else { return Ok(None) };
    let id = match whom {
        LinkFor::User(id) => id,
        LinkFor::FirstOwner if users::has_other_owner(&change.tx, None, None)? => return Ok(None),
        LinkFor::FirstOwner => users::create(change, now, first_owner)?.id,
    };
    if !start(&change.tx, &session.of(id))? {
        return Ok(None);
    }
    users::user(&change.tx, id)
}

/// By the primary key.
fn take_link(
    connection: &Connection,
    now: Timestamp,
    hash: TokenHash,
) -> Result<Option<LinkFor>, Fault> {
    let taken = connection
        .query_row(
            "DELETE FROM sign_in_links WHERE hash = ?1 AND expires_at > ?2 RETURNING user_id",
            (&hash.0, now.as_millis()),
            |row| row.get::<_, Option<i64>>(0),
        )
        .optional()?;
    Ok(taken.map(|user| match user {
        None => LinkFor::FirstOwner,
        Some(raw) => LinkFor::User(UserId::from_raw(id_of(raw))),
    }))
}

/// All of both tables, which are small.
pub fn drop_expired(connection: &Connection, now: Timestamp) -> Result<(), Fault> {
    connection.execute("DELETE FROM sessions WHERE expires_at <= ?1", [now.as_millis()])?;
    connection.execute("DELETE FROM sign_in_links WHERE expires_at <= ?1", [now.as_millis()])?;
    Ok(())
}

fn read_session(row: &Row<'_>) -> Result<Session, Fault> {
    let hash = blob(row, 0)?;
    let by = text(row, 2)?;
    Ok(Session {
        hash: TokenHash(hash.try_into().map_err(|_| Fault::damaged("the hash of a session"))?),
        user_id: UserId::from_raw(id_of(row.get(1)?)),
        by: SignedInBy::parse(by)
            .ok_or_else(|| Fault::damaged(format!("{by:?} is no way to sign in")))?,
        created_at: Timestamp::from_millis(row.get(3)?),
        expires_at: Timestamp::from_millis(row.get(4)?),
    })
}
