//! Contacts as they are looked up, listed and searched, the notes of their events, and sweeping up
//! after what was deleted.

use async_trait::async_trait;
use posthaste_core::contact::{
    Contact, ContactEdit, ContactFields, Edited, NewPowerlist, Powerlist,
};
use posthaste_core::id::{AccountId, ContactId, PowerlistId};
use posthaste_core::page::{Page, PageRequest};
use posthaste_core::store::{ContactEvent, ContactFilter, ContactStore, Origin, StoreError};
use posthaste_core::time::Timestamp;
use rusqlite::Connection;

use super::SqliteStore;
use super::contact_edits::{self, Edits};
use super::contact_rows::{read_contact, read_event};
use super::contact_words::{Had, Search};
use super::fault::Fault;
use super::pages::{PageScan, before};
use super::rows::{id_of, text};
use super::{inbound_requests, powerlists};

/// Contacts that a search looks at one by one before it asks the index: there it finds what many
/// have, and learns which words are worth asking for.
const LOOKED_AT_FIRST: usize = 1_000;
/// Of the events that are read at once.
const EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;

#[async_trait]
impl ContactStore for SqliteStore {
    async fn create_powerlist(
        &self,
        now: Timestamp,
        powerlist: NewPowerlist,
    ) -> Result<Powerlist, StoreError> {
        self.write(move |shared| {
            shared.contacts.change(|change| powerlists::create(change, now, powerlist))
        })
        .await
    }

    async fn update_powerlist(&self, powerlist: &Powerlist) -> Result<bool, StoreError> {
        let powerlist = powerlist.clone();
        self.write(move |shared| {
            shared.contacts.change(|change| powerlists::update(&change.tx, &powerlist))
        })
        .await
    }

    async fn delete_powerlist(
        &self,
        account: AccountId,
        id: PowerlistId,
    ) -> Result<bool, StoreError> {
        self.write(move |shared| {
            let imports =
                shared.contacts.change(|change| powerlists::delete(&change.tx, account, id))?;
            let is_deleted = imports.is_some();
            for import in imports.into_iter().flatten() {
                shared.import_files.delete(import)?;
            }
            Ok(is_deleted)
        })
        .await
    }

    async fn powerlist(
        &self,
        account: AccountId,
        id: PowerlistId,
    ) -> Result<Option<Powerlist>, StoreError> {
        self.read(move |shared| {
            shared.contacts.read(|connection| powerlists::powerlist(connection, account, id))
        })
        .await
    }

    async fn count_powerlists(&self, account: AccountId) -> Result<usize, StoreError> {
        self.read(move |shared| {
            shared.contacts.read(|connection| powerlists::count_of(connection, account))
        })
        .await
    }

    async fn list_powerlists(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Powerlist>, StoreError> {
        self.read(move |shared| {
            shared.contacts.read(|connection| powerlists::list(connection, account, page))
        })
        .await
    }

    async fn contact(
        &self,
        account: AccountId,
        id: ContactId,
    ) -> Result<Option<Contact>, StoreError> {
        self.read(move |shared| {
            let found =
                shared.contacts.read(|connection| contact_edits::by_id(connection, account, id))?;
            Ok(found.map(|(_, contact)| contact))
        })
        .await
    }

    async fn list_contacts(
        &self,
        account: AccountId,
        powerlist: PowerlistId,
        filter: &ContactFilter,
        page: PageRequest,
    ) -> Result<Page<Contact>, StoreError> {
        let search = Search::of(filter);
        self.read(move |shared| {
            shared.contacts.read(|connection| {
                match powerlists::number_of(connection, account, powerlist)? {
                    Some(number) => {
                        let list = List { connection, account, powerlist, number };
                        list.page(search.as_ref(), page)
                    }
                    None => Ok(Page { items: Vec::new(), next: None }),
                }
            })
        })
        .await
    }

    async fn edit_contacts(
        &self,
        now: Timestamp,
        account: AccountId,
        edits: Vec<ContactEdit>,
        origin: Origin,
    ) -> Result<Vec<Edited>, StoreError> {
        self.write(move |shared| {
            shared.contacts.change(|change| {
                let mut making = Edits::new(change, now, account, origin);
                let edited = edits.into_iter().map(|edit| making.make(edit));
                let edited = edited.collect::<Result<_, _>>()?;
                making.finish()?;
                Ok(edited)
            })
        })
        .await
    }

    async fn contact_events(&self, limit: usize) -> Result<Vec<ContactEvent>, StoreError> {
        self.read(move |shared| shared.contacts.read(|connection| events(connection, limit))).await
    }

    async fn contact_events_raised(&self, up_to: u64) -> Result<(), StoreError> {
        self.write(move |shared| shared.contacts.change(|change| events_raised(&change.tx, up_to)))
            .await
    }

    async fn sweep(&self, requests_before: Timestamp, rows: usize) -> Result<bool, StoreError> {
        self.write(move |shared| {
            let known = inbound_requests::gone_webhooks(shared)?;
            shared.contacts.change(|change| {
                let mut left = rows;
                sweep_contacts(&change.tx, &mut left)?;
                inbound_requests::sweep(&change.tx, requests_before, &known, &mut left)?;
                Ok(left == 0)
            })
        })
        .await
    }
}

/// One list that is looked through.
struct List<'c> {
    connection: &'c Connection,
    account: AccountId,
    powerlist: PowerlistId,
    number: i64,
}

impl List<'_> {
    fn page(&self, search: Option<&Search>, page: PageRequest) -> Result<Page<Contact>, Fault> {
        let mut scan = PageScan::new(page.limit);
        let before = before(&page);
        let Some(search) = search else {
            self.look(&mut scan, before, usize::MAX, &mut |_| true)?;
            return Ok(scan.finish());
        };
        // A contact that is searched is read as a whole.
        scan.set_row_cost(2);
        let mut had = Had::default();
        let mut wants = |fields: &ContactFields| search.wants(fields, &mut had);
        if let Some(below) = self.look(&mut scan, before, LOOKED_AT_FIRST, &mut wants)? {
            match search.index_query(self.number, &had) {
                Some(query) => self.look_up(&mut scan, search, &query, below)?,
                // Many have what is looked for, so that it is found by looking on.
                None => {
                    let mut wants = |fields: &ContactFields| search.wants(fields, &mut had);
                    self.look(&mut scan, below, usize::MAX, &mut wants)?;
                }
            }
        }
        Ok(scan.finish())
    }

    /// Looks at up to so many contacts of the list. Below which id there are more, for which the
    /// page has room. Backwards along contacts_by_list.
    fn look(
        &self,
        scan: &mut PageScan<Contact>,
        before: u64,
        rows_max: usize,
        wants: &mut dyn FnMut(&ContactFields) -> bool,
    ) -> Result<Option<u64>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, phone_number, fields, source, created_at, updated_at
             FROM contacts WHERE list = ?1 AND id < ?2 ORDER BY id DESC",
        )?;
        let mut rows = statement.query((self.number, before.cast_signed()))?;
        let mut below = before;
        let mut looked_at = 0;
        while let Some(row) = rows.next()? {
            if looked_at == rows_max {
                return Ok(Some(below));
            }
            looked_at += 1;
            below = id_of(row.get(0)?);
            let visited = scan.visit(below, || {
                let contact = read_contact(row, self.account, self.powerlist)?;
                Ok(wants(&contact.fields).then_some(contact))
            })?;
            if visited.is_break() {
                break;
            }
        }
        Ok(None)
    }

    /// Backwards along contact_words, and for each by the primary key.
    fn look_up(
        &self,
        scan: &mut PageScan<Contact>,
        search: &Search,
        query: &str,
        before: u64,
    ) -> Result<(), Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT rowid FROM contact_words
             WHERE contact_words MATCH ?1 AND rowid < ?2 ORDER BY rowid DESC",
        )?;
        let mut by_id = self.connection.prepare_cached(
            "SELECT id, phone_number, fields, source, created_at, updated_at
             FROM contacts WHERE id = ?1 AND list = ?2",
        )?;
        let mut rows = statement.query((query, before.cast_signed()))?;
        let mut had = Had::default();
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let visited = scan.visit(id_of(id), || {
                let mut found = by_id.query((id, self.number))?;
                let Some(row) = found.next()? else { return Ok(None) };
                let contact = read_contact(row, self.account, self.powerlist)?;
                Ok(search.wants(&contact.fields, &mut had).then_some(contact))
            })?;
            if visited.is_break() {
                break;
            }
        }
        Ok(())
    }
}

// Along the primary key.
fn events(connection: &Connection, limit: usize) -> Result<Vec<ContactEvent>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, account_id, edited, contact, reason, at, hops
         FROM contact_events ORDER BY id",
    )?;
    let mut rows = statement.query(())?;
    let mut events = Vec::new();
    let mut bytes = 0;
    while events.len() < limit && bytes < EVENT_BYTES_MAX {
        let Some(row) = rows.next()? else { break };
        bytes += text(row, 3)?.len();
        events.push(read_event(row)?);
    }
    Ok(events)
}

// By the primary key.
fn events_raised(connection: &Connection, up_to: u64) -> Result<(), Fault> {
    // A number that is no id of ours means all of them.
    let up_to = i64::try_from(up_to).unwrap_or(i64::MAX);
    connection.execute("DELETE FROM contact_events WHERE id <= ?1", [up_to])?;
    Ok(())
}

/// Deletes contacts of deleted lists, and the notes of lists that have none left.
fn sweep_contacts(connection: &Connection, left: &mut usize) -> Result<(), Fault> {
    // All of the table: few are deleted at a time.
    let mut deleted = connection.prepare_cached("SELECT number FROM deleted_powerlists")?;
    let deleted: Vec<i64> = deleted.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?;
    for list in deleted {
        if *left == 0 {
            break;
        }
        // Along contacts_by_list.
        let mut of_list =
            connection.prepare_cached("SELECT id FROM contacts WHERE list = ?1 LIMIT ?2")?;
        let ids: Vec<i64> = of_list
            .query_map((list, i64::try_from(*left).unwrap_or(i64::MAX)), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in &ids {
            contact_edits::delete(connection, ContactId::from_raw(id_of(*id)))?;
        }
        *left -= ids.len();
        if *left > 0 {
            // By the primary key.
            connection.execute("DELETE FROM deleted_powerlists WHERE number = ?1", [list])?;
        }
    }
    Ok(())
}
