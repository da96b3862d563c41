//! How contacts and the notes of their events lie in columns.

use posthaste_core::contact::{
    Contact, ContactFields, ContactSource, DeleteReason, Edited, TextField,
};
use posthaste_core::id::{AccountId, ContactId, PowerlistId};
use posthaste_core::phone::PhoneNumber;
use posthaste_core::store::ContactEvent;
use posthaste_core::time::Timestamp;
use rusqlite::Row;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fault::Fault;
use super::rows::{id_of, text};

/// The fields beside the phone number as they lie in their column. A member added later needs a
/// default, so that what was stored before can be read.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct StoredFields {
    #[serde(skip_serializing_if = "Map::is_empty")]
    texts: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dnd: Option<bool>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    custom: Map<String, Value>,
}

pub fn fields_text(fields: &ContactFields) -> String {
    let texts = fields.texts.iter();
    let stored = StoredFields {
        texts: texts
            .map(|(field, text)| (field.as_str().to_owned(), text.as_str().into()))
            .collect(),
        tags: fields.tags.clone(),
        consent: fields.consent,
        dnd: fields.dnd,
        custom: fields.custom.clone(),
    };
    serde_json::to_string(&stored).expect("JSON always serialises")
}

fn read_fields(phone_number: PhoneNumber, text: &str) -> Result<ContactFields, Fault> {
    let stored: StoredFields = serde_json::from_str(text)
        .map_err(|error| Fault::damaged(format!("the fields of a contact: {error}")))?;
    let texts =
        stored.texts.into_iter().map(|(name, value)| match (TextField::parse(&name), value) {
            (Some(field), Value::String(text)) => Ok((field, text)),
            _ => Err(Fault::damaged(format!("the field {name:?} of a contact"))),
        });
    Ok(ContactFields {
        phone_number,
        texts: texts.collect::<Result<_, _>>()?,
        tags: stored.tags,
        consent: stored.consent,
        dnd: stored.dnd,
        custom: stored.custom,
    })
}

/// The number behind the `+`: at most 15 digits.
pub fn phone_column(phone_number: &PhoneNumber) -> i64 {
    phone_number.as_str()[1..].parse().expect("at most 15 digits")
}

/// Of a contact whose list is known, its columns being `id, phone_number, fields, source,
/// created_at, updated_at`.
pub fn read_contact(
    row: &Row<'_>,
    account_id: AccountId,
    powerlist_id: PowerlistId,
) -> Result<Contact, Fault> {
    let phone_number: i64 = row.get(1)?;
    let phone_number = PhoneNumber::from_e164(&format!("+{phone_number}"))
        .map_err(Fault::unreadable("phone number"))?;
    Ok(Contact {
        id: ContactId::from_raw(id_of(row.get(0)?)),
        account_id,
        powerlist_id,
        fields: read_fields(phone_number, text(row, 2)?)?,
        source: read_source(text(row, 3)?)?,
        created_at: Timestamp::from_millis(row.get(4)?),
        updated_at: Timestamp::from_millis(row.get(5)?),
    })
}

fn read_source(text: &str) -> Result<ContactSource, Fault> {
    ContactSource::parse(text)
        .ok_or_else(|| Fault::damaged(format!("the source {text:?} of a contact")))
}

/// A contact as it lies in the note of an event.
#[derive(Debug, Serialize, Deserialize)]
struct NotedContact {
    id: u64,
    powerlist_id: u64,
    phone_number: String,
    /// What the column `fields` holds.
    fields: String,
    source: String,
    created_at: i64,
    updated_at: i64,
}

pub fn noted_text(contact: &Contact) -> String {
    let noted = NotedContact {
        id: contact.id.as_raw(),
        powerlist_id: contact.powerlist_id.as_raw(),
        phone_number: contact.fields.phone_number.as_str().to_owned(),
        fields: fields_text(&contact.fields),
        source: contact.source.as_str().to_owned(),
        created_at: contact.created_at.as_millis(),
        updated_at: contact.updated_at.as_millis(),
    };
    serde_json::to_string(&noted).expect("JSON always serialises")
}

fn read_noted(account_id: AccountId, text: &str) -> Result<Contact, Fault> {
    let noted: NotedContact = serde_json::from_str(text)
        .map_err(|error| Fault::damaged(format!("a contact of an event: {error}")))?;
    let phone_number = PhoneNumber::from_e164(&noted.phone_number)
        .map_err(Fault::unreadable("phone number of an event"))?;
    Ok(Contact {
        id: ContactId::from_raw(noted.id),
        account_id,
        powerlist_id: PowerlistId::from_raw(noted.powerlist_id),
        fields: read_fields(phone_number, &noted.fields)?,
        source: read_source(&noted.source)?,
        created_at: Timestamp::from_millis(noted.created_at),
        updated_at: Timestamp::from_millis(noted.updated_at),
    })
}

/// How a change is called in the note of its event, and the contact it tells of; `None` for what
/// raises none.
pub fn noted_edit(edited: &Edited) -> Option<(&'static str, &Contact)> {
    match edited {
        Edited::Created(contact) => Some(("created", contact)),
        Edited::Updated(contact) => Some(("updated", contact)),
        Edited::Deleted(contact) => Some(("deleted", contact)),
        Edited::Unchanged(_)
        | Edited::Missing
        | Edited::NoSuchList
        | Edited::Several(_)
        | Edited::NumberTaken
        | Edited::Refused(_) => None,
    }
}

/// Its columns being `id, account_id, edited, contact, reason, at, hops`.
pub fn read_event(row: &Row<'_>) -> Result<ContactEvent, Fault> {
    let account_id = AccountId::from_raw(id_of(row.get(1)?));
    let contact = read_noted(account_id, text(row, 3)?)?;
    let edited = match text(row, 2)? {
        "created" => Edited::Created(contact),
        "updated" => Edited::Updated(contact),
        "deleted" => Edited::Deleted(contact),
        other => return Err(Fault::damaged(format!("an event of a contact that was {other:?}"))),
    };
    let reason = row.get::<_, Option<String>>(4)?.map(|reason| {
        DeleteReason::parse(&reason)
            .ok_or_else(|| Fault::damaged(format!("the reason {reason:?} of a deletion")))
    });
    Ok(ContactEvent {
        note: id_of(row.get(0)?),
        account_id,
        edited,
        reason: reason.transpose()?,
        at: Timestamp::from_millis(row.get(5)?),
        hops: row.get(6)?,
    })
}
