//! Reads the body of a published event: the path every event takes, so it is read once, and only
//! `data` is looked at as a whole.

use std::borrow::Cow;
use std::sync::Arc;

use posthaste_core::canonical::canonicalise_object;
use posthaste_core::catalogue::{self, EventGroup};
use posthaste_core::error::{Complaints, Invalid};
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, PowerlistId};
use posthaste_core::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::error::{ApiError, Code};
use crate::extract::given;
use crate::state::{AppState, CustomNames};

/// An event to publish.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an event, which is an object")]
#[schema(as = NewEvent)]
pub struct EventBody<'a> {
    /// The event type, built-in or added by the account.
    #[schema(example = "call.ended", min_length = 1, max_length = 100)]
    event: String,
    /// An object, at most 64 levels deep. Kept in a canonical form that survives a receiver's
    /// `JSON.stringify(JSON.parse(body))`; what that form cannot keep is refused.
    #[serde(borrow)]
    #[schema(value_type = Object)]
    data: &'a RawValue,
    /// When it happened, RFC 3339; now, if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    timestamp: Option<String>,
    /// Limits it to webhooks of that list, and of no list. May also stand inside `data`.
    #[serde(default)]
    #[schema(example = "pl_06a2b3c4d5e6f")]
    powerlist_id: Option<String>,
}

/// What is written in an event, whichever way it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct WrittenEvent<'a> {
    pub event: Cow<'a, str>,
    /// In canonical form, or why it has none.
    pub data: Result<Cow<'a, str>, Invalid>,
    pub timestamp: Option<Cow<'a, str>>,
    pub powerlist_id: Option<Cow<'a, str>>,
}

impl<'a> From<EventBody<'a>> for WrittenEvent<'a> {
    fn from(body: EventBody<'a>) -> WrittenEvent<'a> {
        WrittenEvent {
            event: body.event.into(),
            data: canonicalise_object(body.data.get().as_bytes()),
            timestamp: body.timestamp.map(Cow::from),
            powerlist_id: body.powerlist_id.map(Cow::from),
        }
    }
}

/// A published event that is all right.
#[derive(Debug)]
pub struct ParsedEvent {
    pub event_type: EventType,
    pub timestamp: Timestamp,
    pub powerlist_id: Option<PowerlistId>,
    pub data: Arc<str>,
}

/// Why an event is refused: the code says "unknown event type" only if that is all.
#[derive(Debug, Default)]
pub struct Refusal {
    complaints: Complaints,
    unknown_types: usize,
    others: usize,
}

impl Refusal {
    pub fn finish(self) -> Result<(), ApiError> {
        let only_unknown = self.others == 0 && self.unknown_types > 0;
        self.complaints.finish().map_err(|invalid| {
            let mut error = ApiError::from(invalid);
            if only_unknown {
                error.code = Code::UnknownEventType;
            }
            error
        })
    }

    /// Of the member of the event at `pointer`.
    fn check<T>(&mut self, pointer: &str, member: &str, result: Result<T, Invalid>) -> Option<T> {
        if result.is_ok() {
            return result.ok();
        }
        self.others += 1;
        self.complaints.check(&format!("{pointer}/{member}"), result)
    }
}

impl WrittenEvent<'_> {
    /// Adds to `refusal` what is wrong, under `pointer`; answers `None` then.
    pub fn parse(
        self,
        now: Timestamp,
        state: &AppState,
        account: AccountId,
        pointer: &str,
        refusal: &mut Refusal,
    ) -> Option<ParsedEvent> {
        let event_type = refusal.check(pointer, "event", EventType::parse(&self.event));
        if let Some(event_type) = &event_type
            && let Some(why) = fault_of_type(event_type, account, &state.event_types)
        {
            refusal.unknown_types += 1;
            refusal.complaints.add(format!("{pointer}/event"), why);
        }
        let timestamp = self.timestamp.map_or(Ok(now), |text| Timestamp::parse(&text));
        let timestamp = refusal.check(pointer, "timestamp", timestamp);
        let beside = self.powerlist_id.map(|text| PowerlistId::parse(&text)).transpose();
        let beside = refusal.check(pointer, "powerlist_id", beside);
        let data = refusal.check(pointer, "data", self.data)?;
        let powerlist_id = beside?.or_else(|| powerlist_inside(&data));
        Some(ParsedEvent {
            event_type: event_type?,
            timestamp: timestamp?,
            powerlist_id,
            data: Arc::from(&*data),
        })
    }
}

/// The list that `data` itself names, in either spelling. What is not one of our ids is the
/// publisher's own business and says nothing.
fn powerlist_inside(data: &str) -> Option<PowerlistId> {
    #[derive(Deserialize)]
    struct Lists<'a> {
        #[serde(borrow)]
        powerlist_id: Option<&'a RawValue>,
        #[serde(borrow)]
        powelist_id: Option<&'a RawValue>,
    }
    // Nearly always it is not there, and then the data need not be parsed again.
    if !data.contains("list_id\"") {
        return None;
    }
    let lists: Lists<'_> = serde_json::from_str(data).ok()?;
    [lists.powerlist_id, lists.powelist_id].into_iter().flatten().find_map(|raw| {
        let text: &str = serde_json::from_str(raw.get()).ok()?;
        PowerlistId::parse(text).ok()
    })
}

/// Why nobody can publish this event type, if nobody can.
fn fault_of_type(name: &EventType, account: AccountId, custom: &CustomNames) -> Option<String> {
    match catalogue::builtin(name.as_str()) {
        Some(builtin) if builtin.group == EventGroup::Operational => {
            return Some(format!("{name} is raised by the platform only"));
        }
        Some(_) => return None,
        None if custom.contains(account, name) => return None,
        None => {}
    }
    Some(unknown_type(name, &custom.of(account)))
}

/// Says that there is no such event type, and which ones look like it.
pub fn unknown_type(name: &EventType, custom: &[EventType]) -> String {
    let known = catalogue::builtins().iter().map(|builtin| builtin.name);
    let mut near: Vec<(usize, &str)> = known
        .chain(custom.iter().map(EventType::as_str))
        .map(|known| (distance(name.as_str(), known), known))
        .filter(|(distance, _)| *distance <= 3)
        .collect();
    near.sort_unstable();
    let near: Vec<&str> = near.into_iter().take(3).map(|(_, known)| known).collect();
    if near.is_empty() {
        return format!("there is no event type {name}; add it with POST /v1/event-types");
    }
    format!("there is no event type {name}; did you mean {}?", near.join(" or "))
}

/// How many letters have to be put in, left out or exchanged (Levenshtein); dots, hyphens and
/// underscores count as the same letter. Names have at most 100 letters, all ASCII.
fn distance(a: &str, b: &str) -> usize {
    let letter = |byte: u8| if matches!(byte, b'-' | b'_') { b'.' } else { byte };
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.bytes().enumerate() {
            let exchanged = diagonal + usize::from(letter(from) != letter(to));
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_told_what_was_meant() {
        let check = |name: &str, expected: &str| {
            let name = EventType::parse(name).expect("a name");
            let message = unknown_type(&name, &[EventType::parse("deal.won").expect("a name")]);
            assert!(message.contains(expected), "{message}");
        };
        check("call.end", "did you mean call.ended");
        check("call_ended", "did you mean call.ended");
        check("deal-won", "did you mean deal.won?");
        check("invoice.paid", "POST /v1/event-types");
    }

    #[test]
    fn a_list_inside_the_data_counts_only_if_it_is_one_of_ours() {
        let list = PowerlistId::from_raw(77);
        let check = |data: String, expected: Option<PowerlistId>| {
            assert_eq!(powerlist_inside(&data), expected, "{data}");
        };
        check(format!(r#"{{"powerlist_id":"{list}"}}"#), Some(list));
        check(format!(r#"{{"a":[1],"powelist_id":"{list}"}}"#), Some(list));
        check(format!(r#"{{"powerlist_id":"MjcxNT14","powelist_id":"{list}"}}"#), Some(list));
        check(format!(r#"{{"contact":{{"powerlist_id":"{list}"}}}}"#), None);
        check(r#"{"powerlist_id":17}"#.to_owned(), None);
        check(r#"{"powerlist_id":null}"#.to_owned(), None);
        check("{}".to_owned(), None);
    }
}
