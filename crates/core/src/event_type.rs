//! Names of event types, and the patterns by which a webhook chooses among them. Which types
//! there are is the catalogue's business; here is only how they may be written.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Complaints, Invalid};
use crate::limits::{EVENT_PATTERNS_MAX, EVENT_TYPE_CHARS_MAX, EVENT_TYPE_SEGMENTS_MAX};
use crate::time::Timestamp;

/// The name of an event type, such as `call.ended` or `contact`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(Arc<str>);

impl EventType {
    /// Reads a name: lower-case letters, digits, `_` and `-` in segments separated by dots.
    pub fn parse(text: &str) -> Result<EventType, Invalid> {
        if is_name(text) {
            return Ok(EventType(text.into()));
        }
        let fault = fault_of_name(text).expect("whatever is no name has a fault");
        Err(Invalid::at("", fault))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventType {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<EventType, Invalid> {
        EventType::parse(text)
    }
}

/// Lets a map that is keyed by event type be asked with a plain string.
impl Borrow<str> for EventType {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Which event types a webhook wants. Sorts as: all, then whole branches, then single types.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventPattern {
    /// `*`: every event type.
    All,
    /// `call.*`: every deeper name, `call.ended` and `call.a.b`, but not `call` itself.
    Below(EventType),
    /// `call.ended`: that event type only.
    Exact(EventType),
}

impl EventPattern {
    /// Reads an event type, a branch such as `call.*`, or `*`.
    pub fn parse(text: &str) -> Result<EventPattern, Invalid> {
        if text == "*" {
            return Ok(EventPattern::All);
        }
        let Some(branch) = text.strip_suffix(".*") else {
            if text.contains('*') {
                return Err(misplaced_star(text));
            }
            return EventType::parse(text).map(EventPattern::Exact);
        };
        if branch.contains('*') {
            return Err(misplaced_star(text));
        }
        // A name below a branch of full depth or length cannot be written, so such a pattern
        // would silently match nothing.
        let too_deep = branch.split('.').count() >= EVENT_TYPE_SEGMENTS_MAX;
        let too_long = branch.len() + ".x".len() > EVENT_TYPE_CHARS_MAX;
        if too_deep || too_long {
            return Err(Invalid::at("", "no event type can stand below this, it is too long"));
        }
        EventType::parse(branch).map(EventPattern::Below)
    }

    pub fn matches(&self, event: &EventType) -> bool {
        match self {
            EventPattern::All => true,
            EventPattern::Exact(wanted) => wanted == event,
            EventPattern::Below(branch) => event
                .as_str()
                .strip_prefix(branch.as_str())
                .is_some_and(|deeper| deeper.starts_with('.')),
        }
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventPattern::All => f.write_str("*"),
            EventPattern::Below(branch) => write!(f, "{branch}.*"),
            EventPattern::Exact(event) => fmt::Display::fmt(event, f),
        }
    }
}

impl fmt::Debug for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EventPattern {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<EventPattern, Invalid> {
        EventPattern::parse(text)
    }
}

/// Reads the `events` of a webhook: at least one pattern, at most [`EVENT_PATTERNS_MAX`]. Keeps
/// the order given and drops what was said before. Complaints point into the list: `/0`, `/1` ….
pub fn parse_patterns<T: AsRef<str>>(list: &[T]) -> Result<Vec<EventPattern>, Invalid> {
    if list.is_empty() {
        return Err(Invalid::at("", "choose at least one event, such as call.ended, or * for all"));
    }
    if list.len() > EVENT_PATTERNS_MAX {
        let count = list.len();
        let why = format!("{count} events are too many, at most {EVENT_PATTERNS_MAX}; try call.*");
        return Err(Invalid::at("", why));
    }
    let mut complaints = Complaints::default();
    let mut patterns: Vec<EventPattern> = Vec::with_capacity(list.len());
    for (position, text) in list.iter().enumerate() {
        let parsed = EventPattern::parse(text.as_ref());
        let Some(pattern) = complaints.check(&format!("/{position}"), parsed) else { continue };
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    complaints.finish()?;
    Ok(patterns)
}

fn misplaced_star(text: &str) -> Invalid {
    let start: String = text.chars().take(EVENT_TYPE_CHARS_MAX).collect();
    Invalid::at("", format!("{start:?}: a * stands alone or after the last dot, as in call.*"))
}

/// Every event is asked this, so it takes one pass. [`fault_of_name`] knows why not.
fn is_name(text: &str) -> bool {
    let mut segments = 1;
    let mut last = b'.';
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => {}
            b'.' if last != b'.' => segments += 1,
            _ => return false,
        }
        last = byte;
    }
    last != b'.' && segments <= EVENT_TYPE_SEGMENTS_MAX && text.len() <= EVENT_TYPE_CHARS_MAX
}

/// What is wrong with `text` as a name. The first fault that explains the most comes first: who
/// writes `Call.Ended` wants to hear about the capitals, not about a character that is not allowed.
fn fault_of_name(text: &str) -> Option<String> {
    let example = "such as call.ended";
    if text.is_empty() {
        return Some(format!("an event type is missing, {example}"));
    }
    if text.len() > EVENT_TYPE_CHARS_MAX {
        return Some(format!(
            "an event type has at most {EVENT_TYPE_CHARS_MAX} characters, {example}"
        ));
    }
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some(format!("{text:?}: event types are written in lower case, {example}"));
    }
    let allowed = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '_' | '-' | '.');
    if let Some(letter) = text.chars().find(|&letter| !allowed(letter)) {
        return Some(format!(
            "{text:?}: {letter:?} is not allowed, an event type has only a-z, 0-9, _, - and dots \
             between them, {example}"
        ));
    }
    if text.split('.').any(str::is_empty) {
        return Some(format!(
            "{text:?}: there is nothing before, between or after dots, {example}"
        ));
    }
    if text.split('.').count() > EVENT_TYPE_SEGMENTS_MAX {
        return Some(format!(
            "{text:?}: an event type has at most {EVENT_TYPE_SEGMENTS_MAX} parts, {example}"
        ));
    }
    None
}

/// An event type that an account added to the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomEventType {
    pub name: EventType,
    pub group: String,
    pub description: String,
    pub use_cases: Vec<String>,
    /// A JSON Schema, as its author wrote it.
    pub schema: Option<String>,
    /// The `data` of an example, in canonical form.
    pub sample: Option<String>,
    pub deprecated: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `fault` is a word of the expected message; `None` means the name is good.
    fn check(text: &str, fault: Option<&str>) {
        match (EventType::parse(text), fault) {
            (Ok(event), None) => assert_eq!(event.as_str(), text),
            (Err(invalid), Some(word)) => {
                let message = invalid.to_string();
                assert!(message.contains(word), "{text:?}: {message}");
                assert!(message.contains("call.ended"), "no example in: {message}");
            }
            (got, _) => panic!("{text:?} gave {got:?}"),
        }
    }

    #[test]
    fn reads_names_of_event_types() {
        check("call.ended", None);
        check("contact", None);
        check("agent.status_changed", None);
        check("crm-2.deal.won", None);
        check("a.b.c.d.e.f.g.h", None);
        check(&"x".repeat(100), None);
    }

    #[test]
    fn says_what_is_wrong_with_a_name_and_shows_a_good_one() {
        check("", Some("missing"));
        check("Call.Ended", Some("lower case"));
        check("call ended", Some("' ' is not allowed"));
        check("anruf.schön", Some("'ö' is not allowed"));
        check("call.*", Some("'*' is not allowed"));
        check(".ended", Some("dots"));
        check("call.", Some("dots"));
        check("call..ended", Some("dots"));
        check("a.b.c.d.e.f.g.h.i", Some("8 parts"));
        check(&"x".repeat(101), Some("100 characters"));
    }

    fn check_match(pattern: &str, event: &str, expected: bool) {
        let parsed = EventPattern::parse(pattern).expect(pattern);
        let event = EventType::parse(event).expect(event);
        assert_eq!(parsed.matches(&event), expected, "{pattern} {event}");
        assert_eq!(parsed.to_string(), pattern);
    }

    #[test]
    fn a_branch_matches_deeper_names_only() {
        check_match("call.*", "call.ended", true);
        check_match("call.*", "call.a.b", true);
        check_match("call.a.*", "call.a.b", true);
        check_match("call.*", "call", false);
        check_match("call.*", "callback.ended", false);
        check_match("contact", "contact", true);
        check_match("contact", "contact.delete", false);
        check_match("call.ended", "call.ended2", false);
        check_match("*", "anything.at.all", true);
    }

    #[test]
    fn a_star_stands_alone_or_last() {
        for pattern in ["", "**", "*.ended", "call.*.x", "call*", "*.*", ".*", "Call.*"] {
            assert!(EventPattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_branch_too_deep_or_long_for_any_name_is_refused() {
        assert!(EventPattern::parse("a.b.c.d.e.f.g.*").is_ok());
        assert!(EventPattern::parse("a.b.c.d.e.f.g.h.*").is_err());
        assert!(EventPattern::parse(&format!("{}.*", "x".repeat(98))).is_ok());
        assert!(EventPattern::parse(&format!("{}.*", "x".repeat(99))).is_err());
    }

    #[test]
    fn a_list_keeps_its_order_and_drops_repetitions() {
        let patterns = parse_patterns(&["sms.*", "call.ended", "sms.*"]).expect("good patterns");
        let texts: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["sms.*", "call.ended"]);
    }

    #[test]
    fn a_list_names_each_bad_entry_by_its_place() {
        let invalid = parse_patterns(&["Call", "sms.*", "a..b"]).expect_err("two bad entries");
        let pointers: Vec<&str> = invalid.errors.iter().map(|e| e.pointer.as_str()).collect();
        assert_eq!(pointers, ["/0", "/2"]);
    }

    #[test]
    fn a_list_is_neither_empty_nor_endless() {
        assert!(parse_patterns::<&str>(&[]).is_err());
        assert!(parse_patterns(&vec!["*"; EVENT_PATTERNS_MAX]).is_ok());
        assert!(parse_patterns(&vec!["*"; EVENT_PATTERNS_MAX + 1]).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_as_printed_or_refused(text in "[a-zA-Zé.*_-]{0,12}") {
            if let Ok(pattern) = EventPattern::parse(&text) {
                prop_assert_eq!(pattern.to_string(), text);
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_no_name_has_a_fault(text in r"([a-z0-9_-]{0,20}\.?|[A-Zé*. ]){0,10}") {
            prop_assert_eq!(is_name(&text), fault_of_name(&text).is_none());
        }
    }
}
