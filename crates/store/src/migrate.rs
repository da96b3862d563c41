//! Brings a database file to the schema this program was built with: forward only, one
//! transaction for all that is missing. A schema newer than the program, or one whose text was
//! changed after it was applied, is refused: guessing would damage what is stored.

use rusqlite::{Connection, TransactionBehavior};
use sha2::{Digest, Sha256};

/// One step of a schema. Its text never changes once it was released.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    pub name: &'static str,
    pub sql: &'static str,
}

#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    #[error(
        "it has schema version {found}, this program knows up to {known}: it was written by a \
         newer version of Posthaste, use that or a later one"
    )]
    Newer { found: usize, known: usize },
    #[error(
        "its schema version {version} ({name}) was made by a different text than this program \
         has: it belongs to another build"
    )]
    Changed { version: usize, name: &'static str },
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
}

/// Applies what is missing of `migrations`; version `n` is the `n`-th of them, from 1.
pub fn migrate(connection: &mut Connection, migrations: &[Migration]) -> Result<(), MigrateError> {
    // Looking first without a lock: a file that is up to date, which is nearly every one ever
    // opened, is not written to.
    if applied(connection)?.len() == migrations.len() {
        return check(&applied(connection)?, migrations);
    }
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_versions (
             version INTEGER PRIMARY KEY,
             name    TEXT NOT NULL,
             sha256  TEXT NOT NULL
         ) STRICT",
    )?;
    let done = applied(&tx)?;
    check(&done, migrations)?;
    for (version, migration) in (1_i64..).zip(migrations).skip(done.len()) {
        tx.execute_batch(migration.sql)?;
        tx.execute(
            "INSERT INTO schema_versions (version, name, sha256) VALUES (?1, ?2, ?3)",
            (version, migration.name, checksum(migration)),
        )?;
    }
    tx.commit()?;
    Ok(())
}

/// The checksums of what was applied, in order.
fn applied(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    let known: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'schema_versions')",
        (),
        |row| row.get(0),
    )?;
    if !known {
        return Ok(Vec::new());
    }
    let mut statement =
        connection.prepare("SELECT sha256 FROM schema_versions ORDER BY version")?;
    statement.query_map((), |row| row.get(0))?.collect()
}

fn check(applied: &[String], migrations: &[Migration]) -> Result<(), MigrateError> {
    if applied.len() > migrations.len() {
        return Err(MigrateError::Newer { found: applied.len(), known: migrations.len() });
    }
    for (position, (found, migration)) in applied.iter().zip(migrations).enumerate() {
        if *found != checksum(migration) {
            return Err(MigrateError::Changed { version: position + 1, name: migration.name });
        }
    }
    Ok(())
}

fn checksum(migration: &Migration) -> String {
    hex::encode(Sha256::digest(migration.sql.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { name: "first", sql: "CREATE TABLE a (x INTEGER)" };
    const SECOND: Migration = Migration { name: "second", sql: "CREATE TABLE b (x INTEGER)" };

    fn database() -> Connection {
        Connection::open_in_memory().expect("memory")
    }

    #[test]
    fn applies_what_is_missing_once() {
        let mut db = database();
        migrate(&mut db, &[FIRST]).expect("first");
        migrate(&mut db, &[FIRST, SECOND]).expect("second");
        migrate(&mut db, &[FIRST, SECOND]).expect("nothing");
        db.execute_batch("INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)").expect("tables");
    }

    #[test]
    fn refuses_a_newer_schema_and_says_so() {
        let mut db = database();
        migrate(&mut db, &[FIRST, SECOND]).expect("both");
        let error = migrate(&mut db, &[FIRST]).expect_err("newer");
        assert!(error.to_string().contains("newer version of Posthaste"), "{error}");
    }

    #[test]
    fn refuses_a_changed_text() {
        let mut db = database();
        migrate(&mut db, &[FIRST]).expect("first");
        let changed = Migration { sql: "CREATE TABLE a (y INTEGER)", ..FIRST };
        let error = migrate(&mut db, &[changed, SECOND]).expect_err("changed");
        assert!(matches!(error, MigrateError::Changed { version: 1, .. }), "{error}");
        assert!(db.execute_batch("SELECT * FROM b").is_err(), "nothing more was applied");
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing() {
        let mut db = database();
        let broken = Migration { name: "broken", sql: "CREATE TABLE c (x); SELECT nonsense" };
        assert!(migrate(&mut db, &[FIRST, broken]).is_err());
        assert!(db.execute_batch("SELECT * FROM a").is_err());
    }
}
