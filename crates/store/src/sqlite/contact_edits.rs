//! Changing contacts, inside a transaction that is somebody else's: of the API, of a request to an
//! inbound webhook, or of an import. What a change comes to, `posthaste_core::contact` decides; here
//! it is loaded and written, with its words, its list's count and the note of its event.

use std::collections::HashMap;

use posthaste_core::contact::{
    Contact, ContactEdit, ContactKey, ContactPatch, DeleteReason, Edited, OnExisting,
};
use posthaste_core::id::{AccountId, ContactId, PowerlistId};
use posthaste_core::phone::PhoneNumber;
use posthaste_core::store::Origin;
use posthaste_core::time::Timestamp;
use rusqlite::Connection;

use super::contact_rows::{fields_text, noted_edit, noted_text, phone_column, read_contact};
use super::contact_words::{email_query, words_of};
use super::contacts_file::ContactsChange;
use super::fault::Fault;
use super::powerlists;
use super::rows::id_of;

/// The changes of one transaction.
pub struct Edits<'c, 'w> {
    change: &'c mut ContactsChange<'w>,
    now: Timestamp,
    account: AccountId,
    origin: Origin,
    /// The numbers of the lists met so far.
    lists: HashMap<PowerlistId, Option<i64>>,
    /// By how many contacts each list grew.
    grown: HashMap<i64, i64>,
}

/// A contact, and the number of its list.
struct Found {
    list: i64,
    contact: Contact,
}

impl<'c, 'w> Edits<'c, 'w> {
    pub fn new(
        change: &'c mut ContactsChange<'w>,
        now: Timestamp,
        account: AccountId,
        origin: Origin,
    ) -> Edits<'c, 'w> {
        let (lists, grown) = (HashMap::new(), HashMap::new());
        Edits { change, now, account, origin, lists, grown }
    }

    pub fn make(&mut self, edit: ContactEdit) -> Result<Edited, Fault> {
        let (edited, reason) = match edit {
            ContactEdit::Upsert { powerlist_id, phone_number, patch, on_existing } => {
                (self.upsert(powerlist_id, &phone_number, &patch, on_existing)?, None)
            }
            ContactEdit::Change { id, patch } => {
                let edited = match self.by_id(id)? {
                    Some(found) => self.change(found, &patch)?,
                    None => Edited::Missing,
                };
                (edited, None)
            }
            ContactEdit::Delete { contact, reason } => (self.delete(&contact)?, Some(reason)),
        };
        if self.origin.raise_events {
            self.note(&edited, reason)?;
        }
        Ok(edited)
    }

    /// Writes down by how much the lists grew: once for all changes.
    pub fn finish(self) -> Result<(), Fault> {
        for (list, more) in self.grown {
            powerlists::count(&self.change.tx, list, more)?;
        }
        Ok(())
    }

    fn upsert(
        &mut self,
        powerlist_id: PowerlistId,
        phone_number: &PhoneNumber,
        patch: &ContactPatch,
        on_existing: OnExisting,
    ) -> Result<Edited, Fault> {
        let Some(list) = self.list(powerlist_id)? else { return Ok(Edited::NoSuchList) };
        if let Some(found) = self.by_phone(list, powerlist_id, phone_number)? {
            return match on_existing {
                OnExisting::Update => self.change(found, patch),
                OnExisting::Skip => Ok(Edited::Unchanged(found.contact.id)),
            };
        }
        let fields = match patch.create(phone_number.clone()) {
            Ok(fields) => fields,
            Err(invalid) => return Ok(Edited::Refused(invalid)),
        };
        // The patch may name another number than the one that was looked for.
        if fields.phone_number != *phone_number && self.is_taken(list, &fields.phone_number)? {
            return Ok(Edited::NumberTaken);
        }
        let contact = Contact {
            id: ContactId::from_raw(self.change.new_id(self.now)),
            account_id: self.account,
            powerlist_id,
            fields,
            source: self.origin.source,
            created_at: self.now,
            updated_at: self.now,
        };
        insert(&self.change.tx, list, &contact)?;
        insert_words(&self.change.tx, contact.id, &words_of(list, &contact.fields))?;
        *self.grown.entry(list).or_default() += 1;
        Ok(Edited::Created(contact))
    }

    fn change(&mut self, found: Found, patch: &ContactPatch) -> Result<Edited, Fault> {
        let Found { list, mut contact } = found;
        let before = contact.fields.clone();
        match patch.apply(&mut contact.fields) {
            Ok(true) => {}
            Ok(false) => return Ok(Edited::Unchanged(contact.id)),
            Err(invalid) => return Ok(Edited::Refused(invalid)),
        }
        if contact.fields.phone_number != before.phone_number
            && self.is_taken(list, &contact.fields.phone_number)?
        {
            return Ok(Edited::NumberTaken);
        }
        contact.updated_at = self.now;
        update(&self.change.tx, &contact)?;
        let words = words_of(list, &contact.fields);
        if words != words_of(list, &before) {
            delete_words(&self.change.tx, contact.id)?;
            insert_words(&self.change.tx, contact.id, &words)?;
        }
        Ok(Edited::Updated(contact))
    }

    fn delete(&mut self, key: &ContactKey) -> Result<Edited, Fault> {
        let found = match key {
            ContactKey::Id(id, powerlist) => self
                .by_id(*id)?
                .filter(|found| powerlist.is_none_or(|on| on == found.contact.powerlist_id)),
            ContactKey::Phone(powerlist, phone_number) => match self.list(*powerlist)? {
                Some(list) => self.by_phone(list, *powerlist, phone_number)?,
                None => return Ok(Edited::NoSuchList),
            },
            ContactKey::Email(powerlist, email) => {
                let Some(list) = self.list(*powerlist)? else { return Ok(Edited::NoSuchList) };
                match self.with_email(list, email)?[..] {
                    [] => None,
                    [id] => self.by_id(id)?,
                    ref several => return Ok(Edited::Several(several.len() as u64)),
                }
            }
        };
        let Some(Found { list, contact }) = found else { return Ok(Edited::Missing) };
        delete(&self.change.tx, contact.id)?;
        *self.grown.entry(list).or_default() -= 1;
        Ok(Edited::Deleted(contact))
    }

    fn list(&mut self, id: PowerlistId) -> Result<Option<i64>, Fault> {
        if let Some(known) = self.lists.get(&id) {
            return Ok(*known);
        }
        let number = powerlists::number_of(&self.change.tx, self.account, id)?;
        self.lists.insert(id, number);
        Ok(number)
    }

    // By the unique index on list and number.
    fn by_phone(
        &self,
        list: i64,
        powerlist_id: PowerlistId,
        phone_number: &PhoneNumber,
    ) -> Result<Option<Found>, Fault> {
        let mut statement = self.change.tx.prepare_cached(
            "SELECT id, phone_number, fields, source, created_at, updated_at
             FROM contacts WHERE list = ?1 AND phone_number = ?2",
        )?;
        let mut rows = statement.query((list, phone_column(phone_number)))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let contact = read_contact(row, self.account, powerlist_id)?;
        Ok(Some(Found { list, contact }))
    }

    fn by_id(&self, id: ContactId) -> Result<Option<Found>, Fault> {
        let found = by_id(&self.change.tx, self.account, id)?;
        Ok(found.map(|(list, contact)| Found { list, contact }))
    }

    // By the unique index on list and number.
    fn is_taken(&self, list: i64, phone_number: &PhoneNumber) -> Result<bool, Fault> {
        let mut statement = self
            .change
            .tx
            .prepare_cached("SELECT 1 FROM contacts WHERE list = ?1 AND phone_number = ?2")?;
        Ok(statement.exists((list, phone_column(phone_number)))?)
    }

    // By contact_words. Where many share an address, none is deleted, so it need not know them all.
    fn with_email(&self, list: i64, email: &str) -> Result<Vec<ContactId>, Fault> {
        let mut statement = self.change.tx.prepare_cached(
            "SELECT rowid FROM contact_words WHERE contact_words MATCH ?1 LIMIT 100",
        )?;
        let mut rows = statement.query([email_query(list, email)])?;
        let mut ids = Vec::new();
        while let Some(row) = rows.next()? {
            ids.push(ContactId::from_raw(id_of(row.get(0)?)));
        }
        Ok(ids)
    }

    fn note(&mut self, edited: &Edited, reason: Option<DeleteReason>) -> Result<(), Fault> {
        let Some((edited, contact)) = noted_edit(edited) else { return Ok(()) };
        let note = self.change.new_id(self.now);
        let mut statement = self.change.tx.prepare_cached(
            "INSERT INTO contact_events (id, account_id, edited, contact, reason, at, hops)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        statement.execute((
            note.cast_signed(),
            self.account.as_i64(),
            edited,
            noted_text(contact),
            reason.map(DeleteReason::as_str),
            self.now.as_millis(),
            self.origin.hops,
        ))?;
        Ok(())
    }
}

/// The contact, if its list is the account's and still there, with the list's number. By the
/// primary keys.
pub fn by_id(
    connection: &Connection,
    account: AccountId,
    id: ContactId,
) -> Result<Option<(i64, Contact)>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, phone_number, fields, source, created_at, updated_at, list
         FROM contacts WHERE id = ?1",
    )?;
    let mut rows = statement.query([id.as_i64()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let list = row.get(6)?;
    let Some(powerlist_id) = powerlists::of_number(connection, account, list)? else {
        return Ok(None);
    };
    Ok(Some((list, read_contact(row, account, powerlist_id)?)))
}

fn insert(connection: &Connection, list: i64, contact: &Contact) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO contacts (id, list, phone_number, fields, source, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    statement.execute((
        contact.id.as_i64(),
        list,
        phone_column(&contact.fields.phone_number),
        fields_text(&contact.fields),
        contact.source.as_str(),
        contact.created_at.as_millis(),
        contact.updated_at.as_millis(),
    ))?;
    Ok(())
}

// By the primary key.
fn update(connection: &Connection, contact: &Contact) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "UPDATE contacts SET phone_number = ?2, fields = ?3, updated_at = ?4 WHERE id = ?1",
    )?;
    statement.execute((
        contact.id.as_i64(),
        phone_column(&contact.fields.phone_number),
        fields_text(&contact.fields),
        contact.updated_at.as_millis(),
    ))?;
    Ok(())
}

/// The row and its words. By the primary keys.
pub fn delete(connection: &Connection, id: ContactId) -> Result<(), Fault> {
    connection.prepare_cached("DELETE FROM contacts WHERE id = ?1")?.execute([id.as_i64()])?;
    delete_words(connection, id)
}

fn insert_words(connection: &Connection, id: ContactId, words: &str) -> Result<(), Fault> {
    let mut statement =
        connection.prepare_cached("INSERT INTO contact_words (rowid, words) VALUES (?1, ?2)")?;
    statement.execute((id.as_i64(), words))?;
    Ok(())
}

fn delete_words(connection: &Connection, id: ContactId) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached("DELETE FROM contact_words WHERE rowid = ?1")?;
    statement.execute([id.as_i64()])?;
    Ok(())
}
