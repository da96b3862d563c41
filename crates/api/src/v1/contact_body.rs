//! Contacts as JSON: how one is shown, and what is read of one that is sent.

use posthaste_core::contact::{
    Contact, ContactFields, ContactPatch, TextField, check_custom, check_tags,
};
use posthaste_core::error::{Complaints, Invalid, escape_pointer};
use posthaste_core::phone::{Country, PhoneNumber};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::names::ContactSourceName;

/// What is known of a contact.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContactFields)]
pub struct FieldsJson {
    /// E.164.
    #[schema(example = "+12025550187")]
    phone_number: String,
    #[schema(required)]
    email: Option<String>,
    #[schema(required)]
    first_name: Option<String>,
    #[schema(required)]
    last_name: Option<String>,
    #[schema(required)]
    address: Option<String>,
    #[schema(required)]
    city: Option<String>,
    #[schema(required)]
    country: Option<String>,
    #[schema(required)]
    state: Option<String>,
    #[schema(required)]
    postal_code: Option<String>,
    #[schema(required)]
    timezone: Option<String>,
    #[schema(required)]
    disposition: Option<String>,
    tags: Vec<String>,
    /// Whether the contact agreed to be called and written to; null: nobody asked.
    #[schema(required)]
    consent: Option<bool>,
    /// Do not disturb.
    #[schema(required)]
    dnd: Option<bool>,
    /// Fields of your own.
    #[schema(value_type = Object)]
    custom_fields: Map<String, Value>,
}

impl From<ContactFields> for FieldsJson {
    fn from(mut fields: ContactFields) -> FieldsJson {
        let mut text = |field: TextField| fields.texts.remove(&field);
        FieldsJson {
            email: text(TextField::Email),
            first_name: text(TextField::FirstName),
            last_name: text(TextField::LastName),
            address: text(TextField::Address),
            city: text(TextField::City),
            country: text(TextField::Country),
            state: text(TextField::State),
            postal_code: text(TextField::PostalCode),
            timezone: text(TextField::Timezone),
            disposition: text(TextField::Disposition),
            phone_number: fields.phone_number.to_string(),
            tags: fields.tags,
            consent: fields.consent,
            dnd: fields.dnd,
            custom_fields: fields.custom,
        }
    }
}

/// A person on a powerlist.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Contact)]
pub struct ContactJson {
    #[schema(example = "ct_06a2b3c4d5e6f")]
    id: String,
    powerlist_id: String,
    #[serde(flatten)]
    fields: FieldsJson,
    /// What made it.
    #[schema(value_type = ContactSourceName)]
    source: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<Contact> for ContactJson {
    fn from(contact: Contact) -> ContactJson {
        ContactJson {
            id: contact.id.to_string(),
            powerlist_id: contact.powerlist_id.to_string(),
            fields: contact.fields.into(),
            source: contact.source.as_str(),
            created_at: contact.created_at.to_string(),
            updated_at: contact.updated_at.to_string(),
        }
    }
}

/// What is said of a contact. What is left out stays as it is; null takes away, and so does a blank
/// text.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a contact's fields")]
#[schema(as = ContactSettings)]
pub struct ContactBody {
    /// As people write it; without a country's code it is one of the list's country.
    #[serde(default, deserialize_with = "super::super::extract::given")]
    #[schema(nullable = false, example = "(202) 555-0187")]
    phone_number: Option<String>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 500)]
    email: Said<String>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 500)]
    first_name: Said<String>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 500)]
    last_name: Said<String>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 500)]
    address: Said<String>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 500)]
    city: Said<String>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 500)]
    country: Said<String>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 500)]
    state: Said<String>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 500)]
    postal_code: Said<String>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 500)]
    timezone: Said<String>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 500)]
    disposition: Said<String>,
    /// Replaces all of them.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    tags: Said<Vec<String>>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<bool>)]
    consent: Said<bool>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<bool>)]
    dnd: Said<bool>,
    /// Those that are named change; null takes one away.
    #[serde(default, deserialize_with = "super::super::extract::given")]
    #[schema(value_type = Option<Object>, nullable = false)]
    custom_fields: Option<Map<String, Value>>,
}

/// `None`: nothing; an inner `None`: that it is not known.
type Said<T> = Option<Option<T>>;

fn said<'de, T, D>(deserializer: D) -> Result<Said<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

impl ContactBody {
    pub fn parse(self, default_country: Country) -> Result<ContactPatch, Invalid> {
        let mut wrong = Complaints::default();
        let mut patch = ContactPatch::default();
        if let Some(text) = self.phone_number {
            let parsed = PhoneNumber::parse(&text, default_country);
            patch.phone_number = wrong.check("/phone_number", parsed);
        }
        let texts = [
            (TextField::Email, self.email),
            (TextField::FirstName, self.first_name),
            (TextField::LastName, self.last_name),
            (TextField::Address, self.address),
            (TextField::City, self.city),
            (TextField::Country, self.country),
            (TextField::State, self.state),
            (TextField::PostalCode, self.postal_code),
            (TextField::Timezone, self.timezone),
            (TextField::Disposition, self.disposition),
        ];
        for (field, text) in texts {
            let Some(text) = text else { continue };
            let checked = field.check(&text.unwrap_or_default());
            if let Some(checked) = wrong.check(&format!("/{}", field.as_str()), checked) {
                patch.texts.insert(field, checked);
            }
        }
        if let Some(tags) = self.tags {
            patch.tags = wrong.check("/tags", check_tags(tags.unwrap_or_default()));
        }
        patch.consent = self.consent;
        patch.dnd = self.dnd;
        for (name, value) in self.custom_fields.unwrap_or_default() {
            let pointer = format!("/custom_fields/{}", escape_pointer(&name));
            wrong.check(&pointer, check_custom(&name, &value));
            patch.custom.insert(name, value);
        }
        wrong.finish()?;
        Ok(patch)
    }
}
