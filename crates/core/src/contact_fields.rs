//! The fields of a contact by name: how each is called here, how others call it, and how its value
//! is read from a text. The spellings are those of inbound webhooks too: one table.

use std::fmt;

use crate::contact::{ContactPatch, TextField, check_custom, check_tags};
use crate::error::Invalid;
use crate::inbound::fields::{Field, squashed};

/// Before the name of a field of the customer's own.
pub const CUSTOM_PREFIX: &str = "custom_fields.";

/// Something that may be said of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ContactField {
    PhoneNumber,
    Text(TextField),
    /// First and last name in one text, which many CRMs send; kept as the two.
    FullName,
    Tags,
    Consent,
    Dnd,
    Custom(String),
}

/// The fields that have a name of their own.
const NAMED: [(ContactField, Field); 15] = [
    (ContactField::PhoneNumber, Field::PhoneNumber),
    (ContactField::Text(TextField::Email), Field::Text(TextField::Email)),
    (ContactField::Text(TextField::FirstName), Field::Text(TextField::FirstName)),
    (ContactField::Text(TextField::LastName), Field::Text(TextField::LastName)),
    (ContactField::FullName, Field::FullName),
    (ContactField::Text(TextField::Address), Field::Text(TextField::Address)),
    (ContactField::Text(TextField::City), Field::Text(TextField::City)),
    (ContactField::Text(TextField::Country), Field::Text(TextField::Country)),
    (ContactField::Text(TextField::State), Field::Text(TextField::State)),
    (ContactField::Text(TextField::PostalCode), Field::Text(TextField::PostalCode)),
    (ContactField::Text(TextField::Timezone), Field::Text(TextField::Timezone)),
    (ContactField::Text(TextField::Disposition), Field::Text(TextField::Disposition)),
    (ContactField::Tags, Field::Tags),
    (ContactField::Consent, Field::Consent),
    (ContactField::Dnd, Field::Dnd),
];

impl ContactField {
    /// By the name that it has here, such as `phone_number` or `custom_fields.budget`.
    pub fn parse(name: &str) -> Result<ContactField, Invalid> {
        if let Some(custom) = name.strip_prefix(CUSTOM_PREFIX) {
            check_custom(custom, &serde_json::Value::Null)?;
            return Ok(ContactField::Custom(custom.to_owned()));
        }
        let named = NAMED.into_iter().find(|(_, field)| field.as_str() == name);
        let unknown = || format!("there is no field {name:?}; your own are {CUSTOM_PREFIX}…");
        named.map(|(field, _)| field).ok_or_else(|| Invalid::at("", unknown()))
    }

    /// By what somebody else may call it: capitals, blanks and punctuation do not matter. With the
    /// place that the spelling has among the field's own: the lower, the more it is meant.
    pub fn spelled(name: &str) -> Option<(ContactField, usize)> {
        let name = squashed(name);
        NAMED.into_iter().find_map(|(field, known)| {
            let place = known.spellings().iter().position(|spelling| *spelling == name)?;
            Some((field, place))
        })
    }

    /// Adds to a patch what a text says of this field; a blank one says nothing. The phone number,
    /// which needs a country to be read, is left to the caller.
    pub fn put_text(&self, patch: &mut ContactPatch, text: &str) -> Result<(), Invalid> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(());
        }
        match self {
            ContactField::PhoneNumber => {}
            ContactField::Text(field) => {
                if let Some(text) = field.check(text)? {
                    patch.texts.insert(*field, Some(text));
                }
            }
            ContactField::FullName => {
                let (first, last) = split_name(text);
                for (field, part) in [(TextField::FirstName, first), (TextField::LastName, last)] {
                    if let Some(part) = field.check(part)? {
                        patch.texts.entry(field).or_insert(Some(part));
                    }
                }
            }
            ContactField::Tags => patch.more_tags.extend(read_tags(text)?),
            ContactField::Consent => patch.consent = Some(Some(read_yes_or_no(text)?)),
            ContactField::Dnd => patch.dnd = Some(Some(read_yes_or_no(text)?)),
            ContactField::Custom(name) => {
                check_custom(name, &text.into())?;
                patch.custom_texts.push((name.clone(), text.to_owned()));
            }
        }
        Ok(())
    }
}

impl fmt::Display for ContactField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let ContactField::Custom(name) = self {
            return write!(f, "{CUSTOM_PREFIX}{name}");
        }
        let named = NAMED.iter().find(|(field, _)| field == self);
        f.write_str(named.map_or("", |(_, field)| field.as_str()))
    }
}

/// `Ada Byron King` is Ada, of the family Byron King: which of several names belongs where cannot
/// be known. `King, Ada` says it.
pub fn split_name(name: &str) -> (&str, &str) {
    if let Some((last, first)) = name.split_once(',') {
        return (first.trim(), last.trim());
    }
    match name.trim().split_once(char::is_whitespace) {
        Some((first, last)) => (first, last.trim()),
        None => (name.trim(), ""),
    }
}

/// Between tags in one text.
const TAG_SEPARATORS: [char; 3] = [',', ';', '|'];

/// Tags in one text: `lead; hot`, with commas, semicolons or bars between them, or as JSON.
pub fn read_tags(text: &str) -> Result<Vec<String>, Invalid> {
    if text.starts_with('[')
        && let Ok(tags) = serde_json::from_str::<Vec<String>>(text)
    {
        return check_tags(tags);
    }
    check_tags(text.split(TAG_SEPARATORS))
}

/// Tags in one text, as [`read_tags`] reads them.
pub fn write_tags(tags: &[String]) -> String {
    if tags.iter().any(|tag| tag.contains(TAG_SEPARATORS) || tag.starts_with('[')) {
        return serde_json::Value::from(tags).to_string();
    }
    tags.join("; ")
}

pub fn read_yes_or_no(text: &str) -> Result<bool, Invalid> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "t" | "1" | "on" | "x" => Ok(true),
        "false" | "no" | "n" | "f" | "0" | "off" => Ok(false),
        _ => Err(Invalid::at("", format!("{text:?} is neither yes nor no"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Option<&str>) {
        let found = ContactField::spelled(name).map(|(field, _)| field.to_string());
        assert_eq!(found.as_deref(), expected, "{name}");
    }

    #[test]
    fn usual_spellings_are_known() {
        check("Phone Number", Some("phone_number"));
        check("phoneNumber", Some("phone_number"));
        check("Mobile Number", Some("phone_number"));
        check("E-mail", Some("email"));
        check("First Name", Some("first_name"));
        check("FIRST_NAME", Some("first_name"));
        check("Name", Some("full_name"));
        check("ZIP", Some("postal_code"));
        check("State/Province", Some("state"));
        check("Time Zone", Some("timezone"));
        check("Budget", None);
        check("", None);
        check("Téléphone", None);
    }

    #[test]
    fn every_field_has_a_name_of_its_own() {
        for (field, known) in NAMED {
            assert_eq!(field.to_string(), known.as_str());
            assert_eq!(ContactField::parse(known.as_str()), Ok(field.clone()));
            assert_eq!(ContactField::spelled(known.as_str()), Some((field, 0)));
        }
    }

    #[test]
    fn own_fields_have_a_prefix() {
        let custom = ContactField::Custom("Lead score".to_owned());
        assert_eq!(ContactField::parse("custom_fields.Lead score"), Ok(custom));
        assert!(ContactField::parse("custom_fields.").is_err());
        assert!(ContactField::parse("Lead score").is_err());
        assert!(ContactField::parse("First Name").is_err());
    }

    #[test]
    fn names_are_split() {
        assert_eq!(split_name("Ada Byron King"), ("Ada", "Byron King"));
        assert_eq!(split_name(" Ada "), ("Ada", ""));
        assert_eq!(split_name("King, Ada"), ("Ada", "King"));
    }

    #[test]
    fn a_text_says_something_or_nothing() {
        let mut patch = ContactPatch::default();
        for (name, text) in [
            ("first_name", "Augusta"),
            ("full_name", "Ada King"),
            ("city", "  "),
            ("tags", "lead; hot,lead"),
            ("consent", "Yes"),
            ("custom_fields.Budget", " 85 "),
        ] {
            let field = ContactField::parse(name).expect("a field");
            field.put_text(&mut patch, text).expect("a value");
        }
        let texts = [
            (TextField::FirstName, Some("Augusta".to_owned())),
            (TextField::LastName, Some("King".to_owned())),
        ];
        assert_eq!(patch.texts, texts.into());
        assert_eq!(patch.more_tags, ["lead", "hot"]);
        assert_eq!(patch.consent, Some(Some(true)));
        assert_eq!(patch.custom_texts, [("Budget".to_owned(), "85".to_owned())]);
        assert!(ContactField::Dnd.put_text(&mut patch, "perhaps").is_err());
        let email = ContactField::Text(TextField::Email);
        assert!(email.put_text(&mut patch, "nobody").is_err());
    }
}
