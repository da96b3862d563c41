//! The audit log: who changed what, when, and from where. What two states of a thing differ in is
//! found here, and so is what of it may be written down: no secret, password or key ever is.

use std::net::IpAddr;

use serde_json::Value;

use crate::id::{AccountId, AuditId};
use crate::limits::AUDIT_TEXT_CHARS_MAX;
use crate::time::Timestamp;

// One word for what is left out, in deliveries and here.
pub use crate::sent_headers::REDACTED;

/// Of these only that they changed is written down.
const SECRET_FIELDS: [&str; 5] = ["secret", "password", "key", "headers", "token"];

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AuditAction {
            $($(#[$doc])* $name,)*
        }

        impl AuditAction {
            pub const ALL: &[AuditAction] = &[$(AuditAction::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(AuditAction::$name => $text,)*
                }
            }
        }
    };
}

actions! {
    WebhookCreated = "webhook.created",
    WebhookUpdated = "webhook.updated",
    WebhookPaused = "webhook.paused",
    WebhookResumed = "webhook.resumed",
    WebhookDeleted = "webhook.deleted",
    WebhookSecretRotated = "webhook.secret_rotated",
    WebhookSecretShown = "webhook.secret_shown",
    WebhookTokenRotated = "webhook.token_rotated",
    EventTypeCreated = "event_type.created",
    EventTypeUpdated = "event_type.updated",
    EventTypeDeleted = "event_type.deleted",
    PowerlistCreated = "powerlist.created",
    PowerlistUpdated = "powerlist.updated",
    /// With all that were on it.
    PowerlistDeleted = "powerlist.deleted",
    ContactDeleted = "contact.deleted",
    /// Somebody took a list's contacts away as a file.
    ContactsExported = "powerlist.exported",
    ImportStarted = "import.started",
    ImportCancelled = "import.cancelled",
    KeyCreated = "api_key.created",
    KeyDeleted = "api_key.deleted",
    AccountCreated = "account.created",
    AccountUpdated = "account.updated",
    UserInvited = "user.invited",
    UserUpdated = "user.updated",
    UserDeleted = "user.deleted",
    /// A new one-time link lets the user in.
    UserLinkMade = "user.link_made",
    UserPasswordSet = "user.password_set",
    SessionStarted = "session.started",
    /// A sign-in with a wrong password, or with a link that is not good (any more).
    SessionRefused = "session.refused",
    SessionEnded = "session.ended",
}

impl AuditAction {
    pub fn parse(text: &str) -> Option<AuditAction> {
        AuditAction::ALL.iter().copied().find(|action| action.as_str() == text)
    }
}

/// What kind of caller acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    User,
    Key,
    /// The server itself, or somebody who is not known.
    System,
}

impl ActorKind {
    pub const ALL: [ActorKind; 3] = [ActorKind::User, ActorKind::Key, ActorKind::System];

    pub fn as_str(self) -> &'static str {
        match self {
            ActorKind::User => "user",
            ActorKind::Key => "key",
            ActorKind::System => "system",
        }
    }

    pub fn parse(text: &str) -> Option<ActorKind> {
        ActorKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Who acted, by the name they had then: they may be gone when it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub kind: ActorKind,
    /// `None` for the system.
    pub id: Option<String>,
    pub name: String,
}

impl Actor {
    pub fn system() -> Actor {
        Actor { kind: ActorKind::System, id: None, name: "system".to_owned() }
    }
}

/// What kind of thing was acted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetKind {
    Webhook,
    EventType,
    Powerlist,
    Contact,
    Import,
    Key,
    Account,
    User,
}

impl TargetKind {
    pub const ALL: [TargetKind; 8] = [
        TargetKind::Webhook,
        TargetKind::EventType,
        TargetKind::Powerlist,
        TargetKind::Contact,
        TargetKind::Import,
        TargetKind::Key,
        TargetKind::Account,
        TargetKind::User,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            TargetKind::Webhook => "webhook",
            TargetKind::EventType => "event_type",
            TargetKind::Powerlist => "powerlist",
            TargetKind::Contact => "contact",
            TargetKind::Import => "import",
            TargetKind::Key => "api_key",
            TargetKind::Account => "account",
            TargetKind::User => "user",
        }
    }

    pub fn parse(text: &str) -> Option<TargetKind> {
        TargetKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What was acted on, by the name it had then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub kind: TargetKind,
    /// An event type's is its name.
    pub id: String,
    pub name: String,
}

/// One field, before and after; null where there was or is nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    pub field: String,
    pub before: Value,
    pub after: Value,
}

/// An entry of the audit log as it is written; the store gives it its id.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAuditEntry {
    /// `None`: about the whole platform.
    pub account_id: Option<AccountId>,
    pub actor: Actor,
    pub action: AuditAction,
    pub target: Option<Target>,
    pub changes: Vec<FieldChange>,
    pub remote_address: Option<IpAddr>,
}

/// An entry of the audit log. Never changed.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    pub id: AuditId,
    pub at: Timestamp,
    pub entry: NewAuditEntry,
}

/// What differs between two states of a thing, each an object of its fields, or null where it does
/// not exist. What is empty and what is not there are the same.
pub fn changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut fields: Vec<&String> = Vec::new();
    for field in [before, after].into_iter().filter_map(Value::as_object).flat_map(|o| o.keys()) {
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    let value = |state: &Value, field: &str| {
        state.get(field).filter(|value| !is_empty(value)).cloned().unwrap_or_default()
    };
    let mut changes = Vec::new();
    for field in fields {
        let (before, after) = (value(before, field), value(after, field));
        if before != after {
            let shown = |value| shown(field, value);
            changes.push(FieldChange {
                field: field.clone(),
                before: shown(before),
                after: shown(after),
            });
        }
    }
    changes
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What may be written down of a value.
fn shown(field: &str, value: Value) -> Value {
    match value {
        Value::Null => Value::Null,
        _ if SECRET_FIELDS.contains(&field) => Value::from(REDACTED),
        Value::String(text) => Value::from(cut(&text)),
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            if text.len() <= AUDIT_TEXT_CHARS_MAX { value } else { Value::from(cut(&text)) }
        }
        Value::Bool(_) | Value::Number(_) => value,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(AUDIT_TEXT_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(before: &Value, after: &Value, expected: &[(&str, Value, Value)]) {
        let found = changes(before, after);
        let found: Vec<(&str, Value, Value)> = found
            .iter()
            .map(|change| (change.field.as_str(), change.before.clone(), change.after.clone()))
            .collect();
        assert_eq!(found, expected, "{before} → {after}");
    }

    #[test]
    fn only_what_differs_is_a_change() {
        check(&json!({"a": 1, "b": "x"}), &json!({"a": 1, "b": "x"}), &[]);
        check(
            &json!({"title": "CRM", "timeout_ms": 15_000, "events": ["*"]}),
            &json!({"title": "CRM 2", "timeout_ms": 15_000, "events": ["call.*", "sms.sent"]}),
            &[
                ("title", json!("CRM"), json!("CRM 2")),
                ("events", json!(["*"]), json!(["call.*", "sms.sent"])),
            ],
        );
        check(&json!({"a": null, "b": ""}), &json!({"c": [], "d": {}}), &[]);
        check(
            &json!({"deprecated": false}),
            &json!({"deprecated": true}),
            &[("deprecated", json!(false), json!(true))],
        );
    }

    #[test]
    fn what_is_made_has_no_before_and_what_is_deleted_no_after() {
        let thing = json!({"title": "CRM", "description": ""});
        check(&Value::Null, &thing, &[("title", Value::Null, json!("CRM"))]);
        check(&thing, &Value::Null, &[("title", json!("CRM"), Value::Null)]);
    }

    #[test]
    fn of_secrets_only_that_they_changed_is_written_down() {
        let redacted = json!(REDACTED);
        for field in SECRET_FIELDS {
            let (one, two) = (json!({field: "s3cret-1"}), json!({field: {"x-token": "s3cret-2"}}));
            check(&one, &one, &[]);
            check(&one, &two, &[(field, redacted.clone(), redacted.clone())]);
            check(&Value::Null, &one, &[(field, Value::Null, redacted.clone())]);
        }
    }

    #[test]
    fn long_values_are_cut() {
        let long = "é".repeat(AUDIT_TEXT_CHARS_MAX + 1);
        let found = changes(&json!({"a": long}), &json!({"a": [long]}));
        for value in [&found[0].before, &found[0].after] {
            let text = value.as_str().expect("a text");
            assert_eq!(text.chars().count(), AUDIT_TEXT_CHARS_MAX + 1);
            assert!(text.ends_with('…'));
        }
    }

    #[test]
    fn every_word_is_read_back() {
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::parse(action.as_str()), Some(*action));
        }
        for kind in ActorKind::ALL {
            assert_eq!(ActorKind::parse(kind.as_str()), Some(kind));
        }
        for kind in TargetKind::ALL {
            assert_eq!(TargetKind::parse(kind.as_str()), Some(kind));
        }
    }
}
