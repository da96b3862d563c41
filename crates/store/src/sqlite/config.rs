//! The configuration file: its one writer, its readers, the ids of what is in it, and the store's
//! own notes.

use std::path::Path;

use parking_lot::Mutex;
use posthaste_core::account::DEFAULT_ACCOUNT;
use posthaste_core::id::{AccountId, IdSequence};
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::accounts;
use super::connection::{FileKind, Readers, Writer};
use super::fault::Fault;
use super::partitions::Day;
use super::rows::id_of;

#[derive(Debug)]
pub struct Config {
    writer: Mutex<ConfigWriter>,
    readers: Readers,
}

#[derive(Debug)]
struct ConfigWriter {
    writer: Writer,
    ids: IdSequence,
}

/// A change of the configuration on its way: one transaction.
pub struct Change<'w> {
    pub tx: Transaction<'w>,
    ids: &'w mut IdSequence,
}

/// The notes in the `meta` table; see its comment in the schema.
const EXPIRED_BEFORE: &str = "expired_before";
const LAST_EVENT_ID: &str = "last_event_id";
const LAST_CONFIG_ID: &str = "last_config_id";

impl Config {
    /// Opens the file; a new one gets the default account.
    pub fn open(path: &Path, node: u16, now: Timestamp) -> Result<Config, Fault> {
        let writer = Writer::open(path, FileKind::Config)?;
        let last = note(&writer.connection, LAST_CONFIG_ID)?.map_or(0, id_of);
        let is_new = last == 0;
        let writer = ConfigWriter { writer, ids: IdSequence::new(node, last) };
        let readers = Readers::new(path.to_owned());
        let config = Config { writer: Mutex::new(writer), readers };
        if is_new {
            config.change(|change| {
                let id = AccountId::from_raw(change.new_id(now)?);
                accounts::insert_account(&change.tx, id, DEFAULT_ACCOUNT, now)
            })?;
        }
        Ok(config)
    }

    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        self.readers.read(read)
    }

    /// Makes a change and commits it; an `Err` undoes it.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut Change<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut locked = self.writer.lock();
        let ConfigWriter { writer, ids } = &mut *locked;
        let result = {
            let immediate = TransactionBehavior::Immediate;
            let tx = writer.connection.transaction_with_behavior(immediate)?;
            let mut in_progress = Change { tx, ids };
            let result = change(&mut in_progress)?;
            in_progress.tx.commit()?;
            result
        };
        writer.checkpoint_if_due()?;
        Ok(result)
    }

    /// Days before this one are folded and their files to be deleted.
    pub fn expired_before(&self) -> Result<Day, Fault> {
        self.read(|connection| Ok(Day(note(connection, EXPIRED_BEFORE)?.unwrap_or(0))))
    }

    /// No event or delivery gets an id at or below this one.
    pub fn last_event_id(&self) -> Result<u64, Fault> {
        self.read(|connection| Ok(note(connection, LAST_EVENT_ID)?.map_or(0, id_of)))
    }
}

impl Change<'_> {
    /// An id for a new account, key or webhook, above every one given out before.
    pub fn new_id(&mut self, now: Timestamp) -> Result<u64, Fault> {
        let id = self.ids.block(now, 1);
        self.set_note(LAST_CONFIG_ID, id.cast_signed())?;
        Ok(id)
    }

    /// Notes, in the transaction that folded it, that a day is gone.
    pub fn note_expired(&self, day: Day, last_event_id: u64) -> Result<(), Fault> {
        self.set_note(EXPIRED_BEFORE, day.0 + 1)?;
        self.set_note(LAST_EVENT_ID, last_event_id.cast_signed())
    }

    /// By the primary key. A note only ever rises.
    fn set_note(&self, name: &str, value: i64) -> Result<(), Fault> {
        self.tx.execute(
            "INSERT INTO meta (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            (name, value),
        )?;
        Ok(())
    }
}

// By the primary key.
fn note(connection: &Connection, name: &str) -> Result<Option<i64>, Fault> {
    let value = connection
        .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
        .optional()?;
    Ok(value)
}
