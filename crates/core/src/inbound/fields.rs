//! The fields that an inbound webhook knows, and how others call them.

use crate::contact::TextField;

/// Something that a request can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    PhoneNumber,
    Text(TextField),
    /// First and last name in one.
    FullName,
    Tags,
    Consent,
    Dnd,
    /// The list that the contact is on, if not the webhook's own.
    PowerlistId,
    /// Of a contact to be deleted.
    ContactId,
    /// Why it is to be deleted.
    Reason,
}

/// What a `contact` request can say, in the order in which it is shown.
pub const OF_CONTACT: [Field; 16] = [
    Field::PhoneNumber,
    Field::Text(TextField::Email),
    Field::Text(TextField::FirstName),
    Field::Text(TextField::LastName),
    Field::FullName,
    Field::Text(TextField::Address),
    Field::Text(TextField::City),
    Field::Text(TextField::Country),
    Field::Text(TextField::State),
    Field::Text(TextField::PostalCode),
    Field::Text(TextField::Timezone),
    Field::Text(TextField::Disposition),
    Field::Tags,
    Field::Consent,
    Field::Dnd,
    Field::PowerlistId,
];

/// What a `contact.delete` request can say.
pub const OF_DELETE: [Field; 5] = [
    Field::ContactId,
    Field::PhoneNumber,
    Field::Text(TextField::Email),
    Field::Reason,
    Field::PowerlistId,
];

impl Field {
    pub fn as_str(self) -> &'static str {
        match self {
            Field::PhoneNumber => "phone_number",
            Field::Text(field) => field.as_str(),
            Field::FullName => "full_name",
            Field::Tags => "tags",
            Field::Consent => "consent",
            Field::Dnd => "dnd",
            Field::PowerlistId => "powerlist_id",
            Field::ContactId => "contact_id",
            Field::Reason => "reason",
        }
    }

    pub fn parse(name: &str) -> Option<Field> {
        OF_CONTACT.into_iter().chain(OF_DELETE).find(|field| field.as_str() == name)
    }

    /// Its usual spellings, the likeliest first, as [`squashed`] leaves them.
    pub fn spellings(self) -> &'static [&'static str] {
        match self {
            Field::PhoneNumber => &[
                "phonenumber",
                "phone",
                "mobilephone",
                "mobile",
                "mobilenumber",
                "cellphone",
                "cell",
                "telephone",
                "tel",
                "phone1",
                "primaryphone",
                "contactphone",
                "msisdn",
            ],
            Field::Text(TextField::Email) => {
                &["email", "emailaddress", "mail", "primaryemail", "contactemail"]
            }
            Field::Text(TextField::FirstName) => {
                &["firstname", "fname", "givenname", "forename", "first"]
            }
            Field::Text(TextField::LastName) => {
                &["lastname", "lname", "surname", "familyname", "last"]
            }
            Field::FullName => &["fullname", "name", "contactname", "yourname"],
            Field::Text(TextField::Address) => {
                &["address", "address1", "addressline1", "street", "streetaddress"]
            }
            Field::Text(TextField::City) => &["city", "town", "locality"],
            Field::Text(TextField::Country) => &["country", "countrycode"],
            Field::Text(TextField::State) => &["state", "province", "region", "stateprovince"],
            Field::Text(TextField::PostalCode) => {
                &["postalcode", "zip", "zipcode", "postcode", "postal"]
            }
            Field::Text(TextField::Timezone) => &["timezone", "tz"],
            Field::Text(TextField::Disposition) => &["disposition"],
            Field::Tags => &["tags", "tag", "taglist"],
            Field::Consent => &["consent", "optin", "hasconsent"],
            Field::Dnd => &["dnd", "donotdisturb", "donotcall", "dnc"],
            Field::PowerlistId => &["powerlistid", "powelistid"],
            Field::ContactId => &["contactid"],
            Field::Reason => &["reason", "deletereason"],
        }
    }

    /// How Twilio calls it in what it sends of an incoming message or call: names that would mean
    /// something else anywhere else.
    pub fn twilio_spelling(self) -> Option<&'static str> {
        match self {
            Field::PhoneNumber => Some("From"),
            Field::Text(TextField::City) => Some("FromCity"),
            Field::Text(TextField::State) => Some("FromState"),
            Field::Text(TextField::PostalCode) => Some("FromZip"),
            Field::Text(TextField::Country) => Some("FromCountry"),
            Field::FullName => Some("ProfileName"),
            _ => None,
        }
    }
}

/// A name without what its spellings differ in: `Phone-Number`, `phoneNumber` and `phone_number`
/// are one.
pub fn squashed(name: &str) -> String {
    name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What senders put around the contact itself.
pub fn is_wrapper(squashed: &str) -> bool {
    matches!(
        squashed,
        "contact"
            | "data"
            | "properties"
            | "person"
            | "customer"
            | "lead"
            | "payload"
            | "fields"
            | "body"
    )
}

/// What senders call the part that holds the customer's own fields.
pub fn is_custom(squashed: &str) -> bool {
    matches!(squashed, "customfields" | "customfield" | "customdata" | "custom")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_spelling_means_two_fields() {
        for fields in [&OF_CONTACT[..], &OF_DELETE] {
            let spellings: Vec<&str> =
                fields.iter().flat_map(|field| field.spellings()).copied().collect();
            let different: HashSet<&str> = spellings.iter().copied().collect();
            assert_eq!(different.len(), spellings.len());
            for field in fields {
                assert_eq!(Field::parse(field.as_str()), Some(*field));
                assert!(field.spellings().contains(&squashed(field.as_str()).as_str()));
                assert!(field.spellings().iter().all(|name| squashed(name) == *name));
            }
        }
    }
}
