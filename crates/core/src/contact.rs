//! Contacts and the powerlists they are on: what is known of a person, and how that changes.
//!
//! A contact is known by its phone number, once in each list. Whatever brings contacts in (a CRM's
//! webhook, a file, the API) becomes a [`ContactPatch`]; [`ContactPatch::apply`] says what it comes
//! to, so that the same request twice changes nothing the second time.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::{Complaints, Invalid};
use crate::id::{AccountId, ContactId, PowerlistId};
use crate::limits::{
    CONTACT_TEXT_CHARS_MAX, CUSTOM_FIELD_BYTES_MAX, CUSTOM_FIELD_NAME_CHARS_MAX, CUSTOM_FIELDS_MAX,
    TAG_CHARS_MAX, TAGS_MAX,
};
use crate::phone::{Country, PhoneNumber};
use crate::time::Timestamp;

/// A named calling list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Powerlist {
    pub id: PowerlistId,
    pub account_id: AccountId,
    /// Unique in its account.
    pub name: String,
    pub description: String,
    /// Where a phone number is dialled from that says no country.
    pub default_country: Country,
    /// How many are on it.
    pub contacts: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A powerlist as it is asked for; the store gives it its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPowerlist {
    pub account_id: AccountId,
    pub name: String,
    pub description: String,
    pub default_country: Country,
}

/// A person on a powerlist.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    pub id: ContactId,
    pub account_id: AccountId,
    pub powerlist_id: PowerlistId,
    pub fields: ContactFields,
    /// What made it.
    pub source: ContactSource,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What is known of a contact.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactFields {
    /// What a contact is known by, once in each list.
    pub phone_number: PhoneNumber,
    /// Never empty texts: what is not known is not here.
    pub texts: BTreeMap<TextField, String>,
    /// In the order given, each once.
    pub tags: Vec<String>,
    /// Whether the contact agreed to be called and written to; `None`: nobody asked.
    pub consent: Option<bool>,
    /// Do not disturb.
    pub dnd: Option<bool>,
    /// Fields of the customer's own, in the order in which they first came.
    pub custom: Map<String, Value>,
}

/// The fields of a contact that are simply text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextField {
    Email,
    FirstName,
    LastName,
    Address,
    City,
    Country,
    State,
    PostalCode,
    Timezone,
    Disposition,
}

impl TextField {
    pub const ALL: [TextField; 10] = [
        TextField::Email,
        TextField::FirstName,
        TextField::LastName,
        TextField::Address,
        TextField::City,
        TextField::Country,
        TextField::State,
        TextField::PostalCode,
        TextField::Timezone,
        TextField::Disposition,
    ];

    /// Its name everywhere: in JSON, in forms, in the head of a CSV file, in columns.
    pub fn as_str(self) -> &'static str {
        match self {
            TextField::Email => "email",
            TextField::FirstName => "first_name",
            TextField::LastName => "last_name",
            TextField::Address => "address",
            TextField::City => "city",
            TextField::Country => "country",
            TextField::State => "state",
            TextField::PostalCode => "postal_code",
            TextField::Timezone => "timezone",
            TextField::Disposition => "disposition",
        }
    }

    pub fn parse(name: &str) -> Option<TextField> {
        TextField::ALL.into_iter().find(|field| field.as_str() == name)
    }

    /// The text as it is kept; `None` for a blank one, which says nothing.
    pub fn check(self, text: &str) -> Result<Option<String>, Invalid> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if text.chars().count() > CONTACT_TEXT_CHARS_MAX {
            let message = format!("must have at most {CONTACT_TEXT_CHARS_MAX} characters");
            return Err(Invalid::at("", message));
        }
        // An address may come in several lines; what a terminal would obey may not come at all.
        if text.chars().any(|char| char.is_control() && !char.is_whitespace()) {
            return Err(Invalid::at("", "must not contain control characters"));
        }
        if self == TextField::Email && !looks_like_email(text) {
            return Err(Invalid::at("", format!("{text:?} is not an e-mail address")));
        }
        Ok(Some(text.to_owned()))
    }
}

/// Something, one `@`, something, and no blanks: all that can be said without sending a message.
fn looks_like_email(text: &str) -> bool {
    let Some((name, domain)) = text.rsplit_once('@') else { return false };
    !name.is_empty() && !domain.is_empty() && !text.contains(char::is_whitespace)
}

/// What made a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContactSource {
    /// The API or the dashboard.
    Api,
    /// A CSV file.
    Import,
    /// An inbound webhook.
    Webhook,
}

impl ContactSource {
    pub const ALL: [ContactSource; 3] =
        [ContactSource::Api, ContactSource::Import, ContactSource::Webhook];

    pub fn as_str(self) -> &'static str {
        match self {
            ContactSource::Api => "api",
            ContactSource::Import => "import",
            ContactSource::Webhook => "webhook",
        }
    }

    pub fn parse(text: &str) -> Option<ContactSource> {
        ContactSource::ALL.into_iter().find(|source| source.as_str() == text)
    }
}

/// Why a contact was deleted: the words of the event type `contact.delete`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeleteReason {
    User,
    Disposition,
    Api,
    Gdpr,
    OptOut,
}

impl DeleteReason {
    pub const ALL: [DeleteReason; 5] = [
        DeleteReason::User,
        DeleteReason::Disposition,
        DeleteReason::Api,
        DeleteReason::Gdpr,
        DeleteReason::OptOut,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            DeleteReason::User => "user",
            DeleteReason::Disposition => "disposition",
            DeleteReason::Api => "api",
            DeleteReason::Gdpr => "gdpr",
            DeleteReason::OptOut => "opt_out",
        }
    }

    pub fn parse(text: &str) -> Option<DeleteReason> {
        DeleteReason::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// What is to change about a contact. What is not in it stays as it is; an inner `None` takes away.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ContactPatch {
    pub phone_number: Option<PhoneNumber>,
    pub texts: BTreeMap<TextField, Option<String>>,
    /// Replaces all of them.
    pub tags: Option<Vec<String>>,
    /// Beside those that are there.
    pub more_tags: Vec<String>,
    pub consent: Option<Option<bool>>,
    pub dnd: Option<Option<bool>>,
    pub custom: Map<String, Value>,
}

impl ContactPatch {
    /// Changes what is to be changed. Whether that is anything.
    ///
    /// An error where the contact would get more tags or custom fields than one may have; then
    /// `fields` is in no state to be kept.
    pub fn apply(&self, fields: &mut ContactFields) -> Result<bool, Invalid> {
        let before = fields.clone();
        if let Some(phone_number) = &self.phone_number {
            fields.phone_number = phone_number.clone();
        }
        for (field, text) in &self.texts {
            match text {
                Some(text) => drop(fields.texts.insert(*field, text.clone())),
                None => drop(fields.texts.remove(field)),
            }
        }
        if let Some(tags) = &self.tags {
            fields.tags.clone_from(tags);
        }
        for tag in &self.more_tags {
            if !fields.tags.contains(tag) {
                fields.tags.push(tag.clone());
            }
        }
        if let Some(consent) = self.consent {
            fields.consent = consent;
        }
        if let Some(dnd) = self.dnd {
            fields.dnd = dnd;
        }
        for (name, value) in &self.custom {
            match value {
                Value::Null => drop(fields.custom.shift_remove(name)),
                value => drop(fields.custom.insert(name.clone(), value.clone())),
            }
        }
        let mut wrong = Complaints::default();
        if fields.tags.len() > TAGS_MAX {
            wrong.add("/tags", format!("a contact has at most {TAGS_MAX} tags"));
        }
        if fields.custom.len() > CUSTOM_FIELDS_MAX {
            let message = format!("a contact has at most {CUSTOM_FIELDS_MAX} custom fields");
            wrong.add("/custom_fields", message);
        }
        wrong.finish()?;
        Ok(*fields != before)
    }

    /// The fields of a contact that is new.
    pub fn create(&self, phone_number: PhoneNumber) -> Result<ContactFields, Invalid> {
        let mut fields = ContactFields {
            phone_number,
            texts: BTreeMap::new(),
            tags: Vec::new(),
            consent: None,
            dnd: None,
            custom: Map::new(),
        };
        self.apply(&mut fields)?;
        Ok(fields)
    }
}

/// Tags as they are kept: without blanks around them, each once.
pub fn check_tags<T: AsRef<str>>(
    tags: impl IntoIterator<Item = T>,
) -> Result<Vec<String>, Invalid> {
    let mut checked: Vec<String> = Vec::new();
    for tag in tags {
        let tag = tag.as_ref().trim();
        if tag.is_empty() || checked.iter().any(|known| known == tag) {
            continue;
        }
        if tag.chars().count() > TAG_CHARS_MAX || tag.chars().any(char::is_control) {
            let message = format!("a tag is text of 1 to {TAG_CHARS_MAX} characters");
            return Err(Invalid::at("", message));
        }
        checked.push(tag.to_owned());
    }
    if checked.len() > TAGS_MAX {
        return Err(Invalid::at("", format!("there may be at most {TAGS_MAX} tags")));
    }
    Ok(checked)
}

/// What a custom field may be: any JSON, but of a size.
pub fn check_custom(name: &str, value: &Value) -> Result<(), Invalid> {
    if name.is_empty()
        || name.chars().count() > CUSTOM_FIELD_NAME_CHARS_MAX
        || name.chars().any(char::is_control)
    {
        let message = format!(
            "a custom field's name is text of 1 to {CUSTOM_FIELD_NAME_CHARS_MAX} characters"
        );
        return Err(Invalid::at("", message));
    }
    if value.to_string().len() > CUSTOM_FIELD_BYTES_MAX {
        let message = format!("a custom field has at most {CUSTOM_FIELD_BYTES_MAX} bytes of JSON");
        return Err(Invalid::at("", message));
    }
    Ok(())
}

/// One change of one contact, as whoever wants it names the contact.
#[derive(Debug, Clone, PartialEq)]
pub enum ContactEdit {
    /// Makes the contact with that number on the list, or changes it.
    Upsert {
        powerlist_id: PowerlistId,
        phone_number: PhoneNumber,
        patch: ContactPatch,
        on_existing: OnExisting,
    },
    /// Changes a contact that must be there.
    Change { id: ContactId, patch: ContactPatch },
    /// Deletes a contact, if it is there.
    Delete { contact: ContactKey, reason: DeleteReason },
}

/// What an upsert does with a contact that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExisting {
    Update,
    /// Leaves it as it is.
    Skip,
}

/// How a contact is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactKey {
    /// On whatever list of the account, or only on that one.
    Id(ContactId, Option<PowerlistId>),
    Phone(PowerlistId, PhoneNumber),
    /// Several can have the same address: then nothing is done.
    Email(PowerlistId, String),
}

/// What became of a [`ContactEdit`].
#[derive(Debug, Clone, PartialEq)]
pub enum Edited {
    Created(Contact),
    Updated(Contact),
    /// As it was before it was deleted.
    Deleted(Contact),
    /// It is already as it was to become.
    Unchanged(ContactId),
    /// There is no such contact (any more).
    Missing,
    /// There is no such list (any more).
    NoSuchList,
    /// Several have that e-mail address; none was deleted.
    Several(u64),
    /// Another contact of the list has that phone number.
    NumberTaken,
    /// The contact would become more than one may be.
    Refused(Invalid),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::from_e164(text).expect("E.164")
    }

    fn patch() -> ContactPatch {
        ContactPatch {
            texts: [(TextField::City, Some("Bonn".to_owned())), (TextField::State, None)].into(),
            tags: Some(vec!["new".to_owned()]),
            consent: Some(Some(true)),
            custom: json!({ "lead_score": 85 }).as_object().expect("an object").clone(),
            ..ContactPatch::default()
        }
    }

    #[test]
    fn a_patch_changes_what_it_names_and_the_second_time_nothing() {
        let mut fields = patch().create(number("+12025550187")).expect("few fields");
        fields.texts.insert(TextField::State, "NRW".to_owned());
        fields.texts.insert(TextField::Email, "m@example.com".to_owned());
        assert_eq!(patch().apply(&mut fields), Ok(true), "the state goes");
        assert_eq!(patch().apply(&mut fields), Ok(false));
        assert_eq!(fields.texts[&TextField::Email], "m@example.com");
        assert_eq!(fields.texts.get(&TextField::State), None);
        let away = ContactPatch {
            custom: json!({ "lead_score": null }).as_object().expect("an object").clone(),
            more_tags: vec!["new".to_owned(), "called".to_owned()],
            consent: Some(None),
            ..ContactPatch::default()
        };
        assert_eq!(away.apply(&mut fields), Ok(true));
        assert!(fields.custom.is_empty());
        assert_eq!(fields.tags, ["new", "called"]);
        assert_eq!(fields.consent, None);
    }

    #[test]
    fn there_are_bounds_to_a_contact() {
        let many = ContactPatch {
            custom: (0..=CUSTOM_FIELDS_MAX).map(|n| (format!("f{n}"), json!(n))).collect(),
            ..ContactPatch::default()
        };
        assert!(many.create(number("+12025550187")).is_err());
        assert!(check_tags((0..=TAGS_MAX).map(|n| n.to_string())).is_err());
        assert!(check_tags(["x".repeat(TAG_CHARS_MAX + 1)]).is_err());
        assert!(check_custom("f", &json!("x".repeat(CUSTOM_FIELD_BYTES_MAX))).is_err());
        assert!(check_custom("", &json!(1)).is_err());
    }

    #[test]
    fn texts_are_trimmed_and_checked() {
        let check = |field: TextField, text: &str| field.check(text);
        assert_eq!(check(TextField::City, "  Bonn "), Ok(Some("Bonn".to_owned())));
        assert_eq!(check(TextField::City, " \t"), Ok(None));
        assert!(check(TextField::City, "a\u{7}b").is_err());
        assert!(check(TextField::City, &"x".repeat(CONTACT_TEXT_CHARS_MAX + 1)).is_err());
        for wrong in ["m", "@example.com", "m@", "m m@example.com"] {
            assert!(check(TextField::Email, wrong).is_err(), "{wrong}");
        }
        assert_eq!(check_tags([" a", "a", "", "b "]), Ok(vec!["a".to_owned(), "b".to_owned()]));
    }
}
