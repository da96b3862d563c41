//! Which value of a request is which field of a contact: by the webhook's own mapping, by the
//! field's own name, or by the other spellings that senders have for it. What is left over becomes
//! custom fields. What the values then say is read in `meaning`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fields::{Field, OF_CONTACT, OF_DELETE, is_custom, is_wrapper, squashed};
use super::reading::Sent;
use super::{InboundOperation, Mapping};
use crate::contact::check_custom;
use crate::error::{Complaints, FieldError, Invalid, escape_pointer};
use crate::limits::{CONTACT_TEXT_CHARS_MAX, CUSTOM_FIELDS_MAX, MAPPING_FIELDS_MAX};

/// What stands before the name of a custom field, here as in the columns of a CSV file.
pub const CUSTOM_PREFIX: &str = "custom_fields.";
/// Where an event of ours has the custom fields of its contact.
const CUSTOM_OF_EVENT: &str = "data.custom_fields.";
/// Of a path in a mapping.
const PATH_CHARS_MAX: usize = CONTACT_TEXT_CHARS_MAX;

impl Mapping {
    /// From names of fields and paths in requests. Complaints point to the name.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Mapping, Invalid> {
        let mut wrong = Complaints::default();
        let mut mapping = BTreeMap::new();
        for (name, path) in pairs {
            let pointer = format!("/{}", escape_pointer(name));
            match name.strip_prefix(CUSTOM_PREFIX) {
                Some(custom) => drop(wrong.check(&pointer, check_custom(custom, &Value::Null))),
                None if Field::parse(name).is_some() => {}
                None => {
                    let message = format!("is no field of a contact; write {CUSTOM_PREFIX}{name}");
                    wrong.add(&pointer, message);
                }
            }
            let path = super::reading::form_path(path);
            if path.is_empty() || path.chars().count() > PATH_CHARS_MAX {
                let message = format!("must be a path of 1 to {PATH_CHARS_MAX} characters");
                wrong.add(&pointer, message);
            }
            if mapping.insert(name.to_owned(), path).is_some() {
                wrong.add(&pointer, "is given twice");
            }
        }
        if mapping.len() > MAPPING_FIELDS_MAX {
            wrong.add("", format!("there may be at most {MAPPING_FIELDS_MAX} fields"));
        }
        wrong.finish()?;
        Ok(Mapping(mapping))
    }
}

/// The values of a request, given to the fields that they are.
#[derive(Debug)]
pub struct Assigned<'v> {
    pub operation: InboundOperation,
    given: BTreeMap<Field, Vec<Cow<'v, Sent>>>,
    /// Where the mapping looks for a field that the request does not have there.
    absent: BTreeMap<Field, String>,
    custom: Vec<Custom>,
}

/// What is to become a custom field.
#[derive(Debug, Clone, PartialEq)]
pub struct Custom {
    pub name: String,
    pub path: String,
    pub pointer: String,
    pub value: Value,
    /// Not sent as a field of its own, but found somewhere inside: left out where it is too much.
    is_by_catch: bool,
}

impl<'v> Assigned<'v> {
    pub fn new(operation: InboundOperation, values: &'v [Sent], mapping: &Mapping) -> Assigned<'v> {
        let fields: &[Field] = match operation {
            InboundOperation::Contact => &OF_CONTACT,
            InboundOperation::ContactDelete => &OF_DELETE,
        };
        let mut assigned = Assigned {
            operation,
            given: BTreeMap::new(),
            absent: BTreeMap::new(),
            custom: Vec::new(),
        };
        let mut taken = BTreeSet::new();
        for (name, path) in &mapping.0 {
            let found = at(values, path);
            taken.extend(found.iter().map(|sent| sent.path.clone()));
            // An element of a list stands for the list: it is not a custom field beside.
            taken.extend(parent_list(values, path).map(|list| list.path.clone()));
            if let Some(custom) = name.strip_prefix(CUSTOM_PREFIX) {
                assigned.custom.extend(Custom::mapped(custom, &found));
            } else if let Some(field) = Field::parse(name).filter(|field| fields.contains(field)) {
                if found.is_empty() {
                    assigned.absent.insert(field, path.clone());
                }
                assigned.given.insert(field, found);
            }
        }
        let is_twilio = is_from_twilio(values);
        for field in fields {
            if mapping.0.contains_key(field.as_str()) {
                continue;
            }
            let Some(path) = by_name(*field, values, &taken, is_twilio) else { continue };
            let found = at(values, &path);
            taken.extend(found.iter().map(|sent| sent.path.clone()));
            assigned.given.insert(*field, found);
        }
        if operation == InboundOperation::Contact {
            let is_own_event = is_own_event(values);
            let rest = values
                .iter()
                .filter(|sent| !taken.contains(&sent.path))
                .filter(|sent| !is_own_event || sent.path.starts_with(CUSTOM_OF_EVENT));
            // Where the mapping fills a custom field, nothing else of that name does.
            let mapped: BTreeSet<String> =
                assigned.custom.iter().map(|custom| custom.name.clone()).collect();
            let others = customs(rest).into_iter().filter(|other| !mapped.contains(&other.name));
            assigned.custom.extend(others);
        }
        assigned
    }

    /// The values that were given to a field; several where a form repeats a name.
    pub fn of(&self, field: Field) -> &[Cow<'v, Sent>] {
        self.given.get(&field).map(Vec::as_slice).unwrap_or_default()
    }

    /// Where a complaint about a field points to: where it was sent, or should have been.
    pub fn pointer(&self, field: Field) -> String {
        if let Some(sent) = self.of(field).last() {
            return sent.pointer.clone();
        }
        let path = self.absent.get(&field).map_or(field.as_str(), String::as_str);
        format!("/{}", escape_pointer(path).replace('.', "/"))
    }

    /// The custom fields, and what cannot be one although it was sent as one.
    pub fn customs(&self) -> (Vec<&Custom>, Vec<FieldError>) {
        let mut errors = Vec::new();
        let mut kept = Vec::new();
        let (own, by_catch): (Vec<&Custom>, Vec<&Custom>) =
            self.custom.iter().partition(|custom| !custom.is_by_catch);
        for custom in own {
            match check_custom(&custom.name, &custom.value) {
                Ok(()) => kept.push(custom),
                Err(invalid) => errors.extend(invalid.under(&custom.pointer).errors),
            }
        }
        let room = CUSTOM_FIELDS_MAX.saturating_sub(kept.len());
        let fitting =
            by_catch.into_iter().filter(|custom| check_custom(&custom.name, &custom.value).is_ok());
        kept.extend(fitting.take(room));
        (kept, errors)
    }
}

/// The values at a path, below it in lists, or in a list at that position.
fn at<'v>(values: &'v [Sent], path: &str) -> Vec<Cow<'v, Sent>> {
    let found: Vec<Cow<'v, Sent>> =
        values.iter().filter(|sent| sent.path == path).map(Cow::Borrowed).collect();
    if !found.is_empty() {
        return found;
    }
    if let Some(list) = parent_list(values, path)
        && let Some((_, position)) = path.rsplit_once('.')
        && let Some(value) = list.value.get(position.parse::<usize>().unwrap_or(usize::MAX))
    {
        let pointer = format!("{}/{position}", list.pointer);
        return vec![Cow::Owned(Sent { path: path.to_owned(), pointer, value: value.clone() })];
    }
    let is_in_list = |sent: &&Sent| {
        let below = sent.path.strip_prefix(path).and_then(|rest| rest.strip_prefix('.'));
        below.is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()))
    };
    values.iter().filter(is_in_list).map(Cow::Borrowed).collect()
}

/// The list of plain values that `path` names an element of.
fn parent_list<'v>(values: &'v [Sent], path: &str) -> Option<&'v Sent> {
    let (list, position) = path.rsplit_once('.')?;
    position.parse::<usize>().ok()?;
    values.iter().find(|sent| sent.path == list && sent.value.is_array())
}

/// The path of what goes by a field's name: the likeliest spelling that says something, and of two
/// alike the one that stands less deep.
fn by_name(
    field: Field,
    values: &[Sent],
    taken: &BTreeSet<String>,
    is_twilio: bool,
) -> Option<String> {
    let spellings = field.spellings();
    let twilio = field.twilio_spelling().filter(|_| is_twilio);
    let mut best: Option<((bool, bool, usize, usize), String)> = None;
    for sent in values.iter().filter(|sent| !taken.contains(&sent.path)) {
        let Some(named) = Named::of(&sent.path, field == Field::Tags) else { continue };
        let usual = spellings.iter().position(|spelling| *spelling == named.squashed);
        let by_twilio = twilio.filter(|name| *name == sent.path).map(|_| spellings.len());
        let Some(rank) = usual.or(by_twilio) else { continue };
        // Ids inside of something are the sender's own: an event of ours names the list and the
        // contact of the account that it was raised in.
        if named.wrappers > 0 && matches!(field, Field::PowerlistId | Field::ContactId) {
            continue;
        }
        let key = (sent.is_blank(), sent.value.is_null(), rank, named.wrappers);
        if best.as_ref().is_none_or(|(known, _)| key < *known) {
            best = Some((key, named.path.to_owned()));
        }
    }
    best.map(|(_, path)| path)
}

/// A path that comes to one name, once what senders wrap it in is taken off.
struct Named<'p> {
    squashed: String,
    wrappers: usize,
    /// Without what stands behind the name: `.value`, or the positions of a list.
    path: &'p str,
}

impl<'p> Named<'p> {
    fn of(path: &'p str, may_be_list: bool) -> Option<Named<'p>> {
        let (wrappers, name) = unwrapped(path);
        let (name, behind) = name.split_once('.').unwrap_or((name, ""));
        let is_list = may_be_list && behind.starts_with(|char: char| char.is_ascii_digit());
        if !(behind.is_empty() || behind == "value" || is_list) {
            return None;
        }
        let end = if is_list { path.len() - behind.len() - 1 } else { path.len() };
        Some(Named { squashed: squashed(name), wrappers, path: &path[..end] })
    }
}

/// How many wrappers there are, and what is inside.
fn unwrapped(path: &str) -> (usize, &str) {
    let mut rest = path;
    let mut wrappers = 0;
    while let Some((first, inside)) = rest.split_once('.')
        && is_wrapper(&squashed(first))
    {
        rest = inside;
        wrappers += 1;
    }
    (wrappers, rest)
}

/// Whether this is an event of ours, sent on: what stands around the contact in it changes each time
/// and says nothing about the contact, so that two accounts that tell each other come to rest.
fn is_own_event(values: &[Sent]) -> bool {
    let has = |path: &str| values.iter().any(|sent| sent.path == path);
    ["event", "webhook_id", "metadata.event_id", "data.contact_id"].into_iter().all(has)
}

/// Whether this is what Twilio posts of an incoming message or call.
fn is_from_twilio(values: &[Sent]) -> bool {
    let has = |name: &str| values.iter().any(|sent| sent.path == name);
    has("AccountSid") && ["MessageSid", "SmsSid", "CallSid"].into_iter().any(has)
}

impl Custom {
    /// One that the mapping names.
    fn mapped(name: &str, found: &[Cow<'_, Sent>]) -> Option<Custom> {
        let last = found.last()?;
        let values: Vec<&Value> =
            found.iter().filter(|sent| !sent.is_blank()).map(|sent| &sent.value).collect();
        Some(Custom {
            name: name.to_owned(),
            path: last.path.clone(),
            pointer: last.pointer.clone(),
            value: one_or_list(&values)?,
            is_by_catch: false,
        })
    }
}

fn one_or_list(values: &[&Value]) -> Option<Value> {
    match values {
        [] => None,
        [only] => Some((*only).clone()),
        several => Some(Value::Array(several.iter().copied().cloned().collect())),
    }
}

/// What nobody asked for, as custom fields: each once, by its path.
fn customs<'v>(rest: impl Iterator<Item = &'v Sent>) -> Vec<Custom> {
    let mut groups: Vec<(&Sent, Vec<&Value>)> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for sent in rest.filter(|sent| !sent.is_blank()) {
        let position = *known.entry(&sent.path).or_insert_with(|| {
            groups.push((sent, Vec::new()));
            groups.len() - 1
        });
        groups[position].1.push(&sent.value);
    }
    let names = listed_names(groups.iter().map(|(sent, _)| *sent));
    let mut customs = Vec::with_capacity(groups.len());
    for (sent, values) in groups {
        let (_, inside) = unwrapped(&sent.path);
        let within = inside.split_once('.').filter(|(first, _)| is_custom(&squashed(first)));
        let (name, is_by_catch) = match (names.get(sent.path.as_str()), within) {
            (Some(None), _) => continue,
            (Some(Some(name)), _) => (name.clone(), false),
            (None, Some((_, name))) => (name.to_owned(), false),
            (None, None) => (sent.path.clone(), sent.path.contains('.')),
        };
        let Some(value) = one_or_list(&values) else { continue };
        let (path, pointer) = (sent.path.clone(), sent.pointer.clone());
        customs.push(Custom { name, path, pointer, value, is_by_catch });
    }
    customs
}

/// Custom fields sent as a list of `{"name": …, "value": …}`: the name for the path of each value,
/// and `None` for the path of what only names one.
fn listed_names<'v>(values: impl Iterator<Item = &'v Sent>) -> BTreeMap<&'v str, Option<String>> {
    let mut items: BTreeMap<&str, BTreeMap<String, &Sent>> = BTreeMap::new();
    for sent in values {
        let (wrappers, inside) = unwrapped(&sent.path);
        let parts: Vec<&str> = inside.split('.').collect();
        let [list, position, member] = parts[..] else { continue };
        let is_position = position.bytes().all(|byte| byte.is_ascii_digit());
        if is_position && is_custom(&squashed(list)) {
            debug_assert!(wrappers <= sent.path.len());
            let item = &sent.path[..sent.path.len() - member.len() - 1];
            items.entry(item).or_default().insert(squashed(member), sent);
        }
    }
    let mut names = BTreeMap::new();
    for members in items.into_values() {
        let value = ["value", "fieldvalue"].into_iter().find_map(|name| members.get(name));
        let name = ["name", "key", "fieldkey", "field", "id"]
            .into_iter()
            .find_map(|name| members.get(name));
        let (Some(value), Some(name)) = (value, name) else { continue };
        for sent in members.values() {
            names.insert(sent.path.as_str(), None);
        }
        names.insert(value.path.as_str(), Some(name.text()));
    }
    names
}
