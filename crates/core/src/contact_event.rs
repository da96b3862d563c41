//! The events that changes of contacts raise: their types, and their data as the catalogue
//! describes it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::canonical::canonicalise_object;
use crate::contact::{Contact, DeleteReason, Edited, TextField};
use crate::error::Invalid;
use crate::event_type::EventType;
use crate::id::PowerlistId;
use crate::store::ContactEvent;

/// An event that a change of a contact raises, as it is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaisedEvent {
    pub event_type: EventType,
    pub powerlist_id: PowerlistId,
    /// In canonical form.
    pub data: Arc<str>,
}

/// The event type of a contact that was made or changed.
pub const CONTACT: &str = "contact";
/// The event type of a contact that was deleted.
pub const CONTACT_DELETE: &str = "contact.delete";

impl ContactEvent {
    /// The list that the contact is or was on; `None` if nothing happened that is told.
    pub fn powerlist_id(&self) -> Option<PowerlistId> {
        match &self.edited {
            Edited::Created(contact) | Edited::Updated(contact) | Edited::Deleted(contact) => {
                Some(contact.powerlist_id)
            }
            _ => None,
        }
    }

    /// `None` if nothing happened that is told. `list_name` is that of the contact's list, if there
    /// is such a list still.
    pub fn raise(&self, list_name: Option<&str>) -> Result<Option<RaisedEvent>, Invalid> {
        let (contact, event_type, data) = match &self.edited {
            Edited::Created(contact) => (contact, CONTACT, changed(contact, "created", list_name)),
            Edited::Updated(contact) => (contact, CONTACT, changed(contact, "updated", list_name)),
            Edited::Deleted(contact) => (contact, CONTACT_DELETE, self.deleted(contact, list_name)),
            _ => return Ok(None),
        };
        let text = Value::Object(data).to_string();
        let data = canonicalise_object(text.as_bytes())?;
        Ok(Some(RaisedEvent {
            event_type: EventType::parse(event_type)?,
            powerlist_id: contact.powerlist_id,
            data: Arc::from(&*data),
        }))
    }

    fn deleted(&self, contact: &Contact, list_name: Option<&str>) -> Map<String, Value> {
        let text = |field| json!(contact.fields.texts.get(&field));
        let reason = self.reason.unwrap_or(DeleteReason::Api);
        let members = [
            ("contact_id", json!(contact.id.to_string())),
            ("powerlist_id", json!(contact.powerlist_id.to_string())),
            ("powerlist_name", json!(list_name)),
            ("phone_number", json!(contact.fields.phone_number.as_str())),
            ("email", text(TextField::Email)),
            ("first_name", text(TextField::FirstName)),
            ("last_name", text(TextField::LastName)),
            ("reason", json!(reason.as_str())),
            ("deleted_at", json!(self.at.to_string())),
        ];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// All fields, not only those that changed: a receiver that missed the event before has everything.
fn changed(contact: &Contact, operation: &str, list_name: Option<&str>) -> Map<String, Value> {
    let fields = &contact.fields;
    let mut data = Map::new();
    let mut put = |name: &str, value: Value| drop(data.insert(name.to_owned(), value));
    put("contact_id", json!(contact.id.to_string()));
    put("operation", json!(operation));
    put("powerlist_id", json!(contact.powerlist_id.to_string()));
    put("powerlist_name", json!(list_name));
    put("phone_number", json!(fields.phone_number.as_str()));
    for field in TextField::ALL {
        put(field.as_str(), json!(fields.texts.get(&field)));
    }
    put("tags", json!(fields.tags));
    put("consent", json!(fields.consent));
    put("dnd", json!(fields.dnd));
    put("source", json!(contact.source.as_str()));
    put("custom_fields", Value::Object(fields.custom.clone()));
    put("created_at", json!(contact.created_at.to_string()));
    put("updated_at", json!(contact.updated_at.to_string()));
    data
}
