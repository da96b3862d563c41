//! The file of contacts and of what brings them in: its one writer, its readers, and the ids of
//! what is in it.

use std::path::Path;

use parking_lot::Mutex;
use posthaste_core::id::IdSequence;
use posthaste_core::time::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::connection::{FileKind, Readers, Writer};
use super::fault::Fault;
use super::rows::id_of;

#[derive(Debug)]
pub struct ContactsFile {
    writer: Mutex<ContactsWriter>,
    readers: Readers,
}

#[derive(Debug)]
struct ContactsWriter {
    writer: Writer,
    ids: IdSequence,
}

/// A change on its way: one transaction.
pub struct ContactsChange<'w> {
    pub tx: Transaction<'w>,
    ids: &'w mut IdSequence,
    last_id: Option<u64>,
}

impl ContactsFile {
    pub fn open(path: &Path, node: u16) -> Result<ContactsFile, Fault> {
        let writer = Writer::open(path, FileKind::Contacts)?;
        let ids = IdSequence::new(node, last_id(&writer.connection)?);
        let readers = Readers::new(path.to_owned());
        Ok(ContactsFile { writer: Mutex::new(ContactsWriter { writer, ids }), readers })
    }

    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        self.readers.read(read)
    }

    /// Makes a change and commits it; an `Err` undoes it.
    pub fn change<T>(
        &self,
        change: impl FnOnce(&mut ContactsChange<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut locked = self.writer.lock();
        let ContactsWriter { writer, ids } = &mut *locked;
        let result = {
            let immediate = TransactionBehavior::Immediate;
            let tx = writer.connection.transaction_with_behavior(immediate)?;
            let mut in_progress = ContactsChange { tx, ids, last_id: None };
            let result = change(&mut in_progress)?;
            in_progress.commit()?;
            result
        };
        writer.checkpoint_if_due()?;
        Ok(result)
    }
}

impl ContactsChange<'_> {
    /// An id above every one given out before in this file.
    pub fn new_id(&mut self, now: Timestamp) -> u64 {
        let id = self.ids.block(now, 1);
        self.last_id = Some(id);
        id
    }

    /// Notes the last id once for all that were given out. By the primary key; a note only ever
    /// rises.
    fn commit(self) -> Result<(), Fault> {
        if let Some(last_id) = self.last_id {
            self.tx
                .prepare_cached(
                    "INSERT INTO meta (name, value) VALUES ('last_id', ?1)
                     ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
                )?
                .execute([last_id.cast_signed()])?;
        }
        self.tx.commit()?;
        Ok(())
    }
}

// By the primary key.
fn last_id(connection: &Connection) -> Result<u64, Fault> {
    let value: Option<i64> = connection
        .query_row("SELECT value FROM meta WHERE name = 'last_id'", (), |row| row.get(0))
        .optional()?;
    Ok(value.map_or(0, id_of))
}
