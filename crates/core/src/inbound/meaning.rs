//! What the values of a request say about a contact, and what is wrong with them. All of it is said
//! at once, each with the place where it was sent.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::InboundOperation;
use super::fields::{Field, OF_CONTACT, OF_DELETE};
use super::mapping::Assigned;
use super::reading::{Sent, is_blank, text_of};
use crate::contact::{
    ContactEdit, ContactKey, ContactPatch, DeleteReason, OnExisting, TextField, check_tags,
};
use crate::error::{FieldError, Invalid};
use crate::id::{ContactId, PowerlistId};
use crate::phone::{Country, PhoneNumber};

/// What was made of one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Meaning {
    /// Every field that such a request can have, in order.
    pub fields: Vec<FieldMeaning>,
    pub custom: Vec<CustomMeaning>,
    /// Everything that is wrong; then there is no edit.
    pub errors: Vec<FieldError>,
    pub edit: Option<ContactEdit>,
}

/// One field, as far as the request has it.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldMeaning {
    pub field: Field,
    pub path: Option<String>,
    /// As it was sent.
    pub from: Option<String>,
    /// As it would be kept; `None` if nothing is said, or something that is wrong.
    pub value: Option<Value>,
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CustomMeaning {
    pub name: String,
    pub path: String,
    pub value: Value,
}

/// The list that the request names, if it names one.
pub fn named_list(assigned: &Assigned<'_>) -> Result<Option<PowerlistId>, Invalid> {
    match single(assigned.of(Field::PowerlistId)) {
        None | Some((_, Value::Null)) => Ok(None),
        Some((sent, value)) => match PowerlistId::parse(text_of(value).trim()) {
            Ok(id) => Ok(Some(id)),
            Err(invalid) => Err(invalid.under(&sent.pointer)),
        },
    }
}

/// What the request wants on the list `powerlist`, whose numbers are dialled from
/// `default_country`.
pub fn meaning(
    assigned: &Assigned<'_>,
    powerlist: PowerlistId,
    default_country: Country,
) -> Meaning {
    let reader = Reader { assigned, default_country, fields: Vec::new(), errors: Vec::new() };
    match assigned.operation {
        InboundOperation::Contact => reader.contact(powerlist),
        InboundOperation::ContactDelete => reader.deletion(powerlist),
    }
}

/// What a field says.
enum Says<T> {
    Nothing,
    /// It is to be taken away.
    Null,
    Value(T),
}

impl<T> Says<T> {
    fn value(self) -> Option<T> {
        match self {
            Says::Value(value) => Some(value),
            Says::Nothing | Says::Null => None,
        }
    }

    /// As a patch has it.
    fn change(self) -> Option<Option<T>> {
        match self {
            Says::Nothing => None,
            Says::Null => Some(None),
            Says::Value(value) => Some(Some(value)),
        }
    }
}

struct Reader<'a> {
    assigned: &'a Assigned<'a>,
    default_country: Country,
    fields: Vec<FieldMeaning>,
    errors: Vec<FieldError>,
}

impl Reader<'_> {
    fn contact(mut self, powerlist_id: PowerlistId) -> Meaning {
        let phone_number = self.phone_number();
        let mut patch = ContactPatch::default();
        for field in TextField::ALL {
            if let Some(text) = self.text(field).change() {
                patch.texts.insert(field, text);
            }
        }
        self.names(&mut patch);
        match self.tags() {
            Says::Nothing => {}
            Says::Null => patch.tags = Some(Vec::new()),
            Says::Value(tags) => patch.tags = Some(tags),
        }
        patch.consent = self.truth(Field::Consent).change();
        patch.dnd = self.truth(Field::Dnd).change();
        let (customs, errors) = self.assigned.customs();
        self.errors.extend(errors);
        let custom: Vec<CustomMeaning> = customs
            .into_iter()
            .map(|custom| CustomMeaning {
                name: custom.name.clone(),
                path: custom.path.clone(),
                value: custom.value.clone(),
            })
            .collect();
        patch.custom = custom
            .iter()
            .map(|custom| (custom.name.clone(), custom.value.clone()))
            .collect::<Map<String, Value>>();
        self.list_field(powerlist_id);
        if phone_number.is_none() && !self.has_error(Field::PhoneNumber) {
            let pointer = self.assigned.pointer(Field::PhoneNumber);
            self.wrong(Field::PhoneNumber, FieldError::new(pointer, "is required"));
        }
        if let Some(number) = &phone_number
            && let Err(invalid) = patch.create(number.clone())
        {
            self.errors.extend(invalid.errors);
        }
        let edit = phone_number.map(|phone_number| ContactEdit::Upsert {
            powerlist_id,
            phone_number,
            patch,
            on_existing: OnExisting::Update,
        });
        self.finish(&OF_CONTACT, custom, edit)
    }

    fn deletion(mut self, list: PowerlistId) -> Meaning {
        let id = self.contact_id();
        let phone_number = self.phone_number();
        let email = self.text(TextField::Email).value();
        let reason = self.reason().unwrap_or(DeleteReason::Api);
        self.list_field(list);
        let contact = id
            .map(|id| ContactKey::Id(id, Some(list)))
            .or(phone_number.map(|number| ContactKey::Phone(list, number)))
            .or(email.map(|email| ContactKey::Email(list, email)));
        if contact.is_none() && self.errors.is_empty() {
            let pointer = self.assigned.pointer(Field::PhoneNumber);
            let message = "name the contact: contact_id, phone_number or email is required";
            self.wrong(Field::PhoneNumber, FieldError::new(pointer, message));
        }
        let edit = contact.map(|contact| ContactEdit::Delete { contact, reason });
        self.finish(&OF_DELETE, Vec::new(), edit)
    }

    /// In the order in which they are shown.
    fn finish(
        mut self,
        order: &[Field],
        custom: Vec<CustomMeaning>,
        edit: Option<ContactEdit>,
    ) -> Meaning {
        let place = |field: Field| order.iter().position(|known| *known == field);
        self.fields.sort_by_key(|meaning| place(meaning.field));
        let edit = edit.filter(|_| self.errors.is_empty());
        Meaning { fields: self.fields, custom, errors: self.errors, edit }
    }

    fn has_error(&self, field: Field) -> bool {
        self.fields.iter().any(|meaning| meaning.field == field && meaning.error.is_some())
    }

    fn wrong(&mut self, field: Field, error: FieldError) {
        if let Some(meaning) = self.fields.iter_mut().find(|meaning| meaning.field == field) {
            meaning.error = Some(error.message.clone());
        }
        self.errors.push(error);
    }

    /// Reads a field's one value, and notes what came of it.
    fn read<T>(
        &mut self,
        field: Field,
        parse: impl FnOnce(&Value) -> Result<Option<T>, Invalid>,
        shown: impl FnOnce(&T) -> Value,
    ) -> Says<T> {
        let values = self.assigned.of(field);
        let mut note = FieldMeaning { field, path: None, from: None, value: None, error: None };
        if let Some(sent) = values.last() {
            note.path = Some(sent.path.clone());
            note.from = Some(sent.text());
        }
        let (says, error) = match single(values) {
            None => (Says::Nothing, None),
            Some((sent, Value::Null)) => {
                note.path = Some(sent.path.clone());
                (Says::Null, None)
            }
            Some((sent, value)) => {
                note.path = Some(sent.path.clone());
                note.from = Some(text_of(value));
                match parse(value) {
                    Ok(None) => (Says::Nothing, None),
                    Ok(Some(read)) => {
                        note.value = Some(shown(&read));
                        (Says::Value(read), None)
                    }
                    Err(invalid) => {
                        let message = invalid.to_string();
                        (Says::Nothing, Some(FieldError::new(sent.pointer.clone(), message)))
                    }
                }
            }
        };
        self.fields.push(note);
        if let Some(error) = error {
            self.wrong(field, error);
        }
        says
    }

    fn phone_number(&mut self) -> Option<PhoneNumber> {
        let country = self.default_country;
        let parse = |value: &Value| PhoneNumber::parse(&text_of(value), country).map(Some);
        self.read(Field::PhoneNumber, parse, |number| json!(number.as_str())).value()
    }

    fn text(&mut self, field: TextField) -> Says<String> {
        let parse = |value: &Value| field.check(&text_of(value));
        self.read(Field::Text(field), parse, |text| json!(text))
    }

    /// A full name stands in for both names where neither was sent.
    fn names(&mut self, patch: &mut ContactPatch) {
        let parse = |value: &Value| TextField::FirstName.check(&text_of(value));
        let full = self.read(Field::FullName, parse, |text| json!(text)).value();
        let is_said = |field: TextField| matches!(patch.texts.get(&field), Some(Some(_)));
        if is_said(TextField::FirstName) || is_said(TextField::LastName) {
            return;
        }
        if let Some((first, last)) = full.as_deref().map(split_name) {
            for (field, text) in [(TextField::FirstName, first), (TextField::LastName, last)] {
                if !text.is_empty() {
                    patch.texts.insert(field, Some(text.to_owned()));
                }
            }
        }
    }

    fn tags(&mut self) -> Says<Vec<String>> {
        let values = self.assigned.of(Field::Tags);
        let mut written = Vec::new();
        for sent in values {
            match &sent.value {
                Value::Array(items) => {
                    let items = items.iter().filter(|item| !item.is_null());
                    written.extend(items.map(text_of));
                }
                Value::Null => {}
                value => written.extend(text_of(value).split([',', ';', '\n']).map(str::to_owned)),
            }
        }
        let is_null = !values.is_empty() && values.iter().all(|sent| sent.value.is_null());
        let note = FieldMeaning {
            field: Field::Tags,
            path: values.first().map(|sent| sent.path.clone()),
            from: (!written.is_empty()).then(|| written.join(", ")),
            value: None,
            error: None,
        };
        self.fields.push(note);
        match check_tags(&written) {
            Ok(tags) if tags.is_empty() => {
                if is_null {
                    Says::Null
                } else {
                    Says::Nothing
                }
            }
            Ok(tags) => {
                let note = self.fields.last_mut().expect("pushed above");
                note.value = Some(json!(tags));
                Says::Value(tags)
            }
            Err(invalid) => {
                let error =
                    FieldError::new(self.assigned.pointer(Field::Tags), invalid.to_string());
                self.wrong(Field::Tags, error);
                Says::Nothing
            }
        }
    }

    fn truth(&mut self, field: Field) -> Says<bool> {
        self.read(field, |value| truth_of(value).map(Some), |truth| json!(truth))
    }

    /// Ours only: a CRM sends its own id under that name, and then the number says who it is.
    fn contact_id(&mut self) -> Option<ContactId> {
        let has_other = [Field::PhoneNumber, Field::Text(TextField::Email)]
            .into_iter()
            .any(|field| single(self.assigned.of(field)).is_some());
        let parse = |value: &Value| match ContactId::parse(text_of(value).trim()) {
            Ok(id) => Ok(Some(id)),
            Err(_) if has_other => Ok(None),
            Err(invalid) => Err(invalid),
        };
        self.read(Field::ContactId, parse, |id| json!(id.to_string())).value()
    }

    fn reason(&mut self) -> Option<DeleteReason> {
        let parse = |value: &Value| {
            let text = text_of(value);
            let words = DeleteReason::ALL.map(DeleteReason::as_str);
            DeleteReason::parse(text.trim())
                .map(Some)
                .ok_or_else(|| Invalid::at("", format!("must be one of {}", words.join(", "))))
        };
        self.read(Field::Reason, parse, |reason| json!(reason.as_str())).value()
    }

    /// Only to be shown: the list was found before.
    fn list_field(&mut self, list: PowerlistId) {
        let sent = single(self.assigned.of(Field::PowerlistId)).map(|(sent, _)| sent);
        self.fields.push(FieldMeaning {
            field: Field::PowerlistId,
            path: sent.map(|sent| sent.path.clone()),
            from: sent.map(Sent::text),
            value: Some(json!(list.to_string())),
            error: None,
        });
    }
}

/// The value that counts where there is room for one: the last of a form's repeated name that says
/// something (a hidden field in front of a checkbox), the first of a list.
fn single<'a>(values: &'a [Cow<'_, Sent>]) -> Option<(&'a Sent, &'a Value)> {
    let sent = values.iter().rev().find(|sent| !sent.is_blank())?;
    let value = match &sent.value {
        Value::Array(items) => items.iter().find(|item| !item.is_null() && !is_blank(item))?,
        value => value,
    };
    Some((sent, value))
}

/// As people and checkboxes say yes and no.
fn truth_of(value: &Value) -> Result<bool, Invalid> {
    let text = text_of(value).trim().to_lowercase();
    match text.as_str() {
        "true" | "yes" | "y" | "t" | "1" | "on" | "x" | "checked" | "ticked" | "enabled" => {
            Ok(true)
        }
        "false" | "no" | "n" | "f" | "0" | "off" | "none" | "unchecked" | "unticked"
        | "disabled" => Ok(false),
        _ => Err(Invalid::at("", "is neither yes nor no")),
    }
}

/// `Maria de la Cruz` and `de la Cruz, Maria`.
fn split_name(full: &str) -> (&str, &str) {
    if let Some((last, first)) = full.split_once(',') {
        return (first.trim(), last.trim());
    }
    let (first, last) = full.split_once(char::is_whitespace).unwrap_or((full, ""));
    (first.trim(), last.trim())
}
