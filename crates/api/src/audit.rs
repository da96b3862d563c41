//! What a change of configuration says of itself, so that [`AppState::change`] can write it to the
//! audit log: every change goes through there, and none can be made without saying what it was.
//!
//! [`AppState::change`]: crate::state::AppState::change

use std::fmt::Display;
use std::net::IpAddr;

use posthaste_core::account::{Account, ApiKey, Role};
use posthaste_core::audit::{
    Actor, ActorKind, AuditAction, FieldChange, NewAuditEntry, Target, TargetKind, changes,
};
use posthaste_core::contact::{Contact, Powerlist};
use posthaste_core::event_type::CustomEventType;
use posthaste_core::id::{AccountId, UserId};
use posthaste_core::import::ImportJob;
use posthaste_core::inbound::InboundWebhook;
use posthaste_core::rights::Rights;
use posthaste_core::user::{PasswordHash, User};
use posthaste_core::webhook::{Hits, Webhook};
use serde_json::{Value, json};

use crate::auth::Who;
use crate::error::ApiError;
use crate::state::AppState;
use crate::v1::imports::on_existing_word;
use crate::v1::inbound_webhooks::InboundWebhookJson;
use crate::v1::webhooks::WebhookJson;

/// What a change came to, and what is to be written down about it.
pub struct Changed<T> {
    pub value: T,
    pub record: Option<Record>,
}

/// What is written down, but for who did it and when.
#[derive(Debug, Clone)]
pub struct Record {
    action: AuditAction,
    account_id: Option<AccountId>,
    target: Option<Target>,
    changes: Vec<FieldChange>,
    /// Other than whoever sent the request.
    actor: Option<Actor>,
}

/// A thing whose changes are written down.
pub trait Audited {
    /// Whose it is; `None`: the platform's.
    fn account_id(&self) -> Option<AccountId>;

    fn target(&self) -> Target;

    /// Its settings, as an object. Secrets may be in it: `core::audit` knows what not to keep.
    fn settings(&self) -> Value;
}

impl<T> Changed<T> {
    /// Nothing had to be changed.
    pub fn nothing(value: T) -> Changed<T> {
        Changed { value, record: None }
    }

    pub fn and(value: T, record: Record) -> Changed<T> {
        Changed { value, record: Some(record) }
    }
}

impl Record {
    pub fn made(action: AuditAction, thing: &impl Audited) -> Record {
        Record { changes: changes(&Value::Null, &thing.settings()), ..Record::about(action, thing) }
    }

    pub fn changed<A: Audited>(action: AuditAction, before: &A, after: &A) -> Record {
        let changes = changes(&before.settings(), &after.settings());
        Record { changes, ..Record::about(action, after) }
    }

    pub fn deleted(action: AuditAction, thing: &impl Audited) -> Record {
        Record { changes: changes(&thing.settings(), &Value::Null), ..Record::about(action, thing) }
    }

    /// Something was done about a thing that did not change it.
    pub fn about(action: AuditAction, thing: &impl Audited) -> Record {
        Record {
            action,
            account_id: thing.account_id(),
            target: Some(thing.target()),
            changes: Vec::new(),
            actor: None,
        }
    }

    /// Done by that user, who was nobody yet when the request came in.
    pub fn by(self, user: &User) -> Record {
        Record { actor: Some(actor_of(user.id, user.name.clone())), ..self }
    }

    /// Shown in that account's log too, not to the platform alone.
    pub fn shown_in(self, account_id: AccountId) -> Record {
        Record { account_id: Some(account_id), ..self }
    }

    /// With how many others like it were not written down before it.
    pub fn after(self, left_out: u64) -> Record {
        Record { changes: changes(&Value::Null, &json!({ "left_out": left_out })), ..self }
    }

    /// Something happened that is about nothing we know.
    pub fn of(action: AuditAction) -> Record {
        Record { action, account_id: None, target: None, changes: Vec::new(), actor: None }
    }
}

/// Writes it down. Who sent the request is asked for before the change: it may be what is deleted.
pub async fn write(
    state: &AppState,
    sender: Actor,
    remote: IpAddr,
    record: Record,
) -> Result<(), ApiError> {
    let Record { action, account_id, target, changes, actor } = record;
    let actor = actor.unwrap_or(sender);
    let remote_address = Some(remote).filter(|address| !address.is_unspecified());
    let entry = NewAuditEntry { account_id, actor, action, target, changes, remote_address };
    Ok(state.store.append_audit(state.now(), entry).await?)
}

/// Who it is, by the name they have now.
pub async fn actor(state: &AppState, who: Who) -> Result<Actor, ApiError> {
    Ok(match who {
        Who::Nobody => Actor::system(),
        Who::Key(id) => Actor {
            kind: ActorKind::Key,
            id: Some(id.to_string()),
            name: state.keys.find(id).map(|key| key.name).unwrap_or_default(),
        },
        Who::User(id) => {
            let user = state.store.user(id).await?;
            actor_of(id, user.map(|user| user.name).unwrap_or_default())
        }
    })
}

fn actor_of(id: UserId, name: String) -> Actor {
    Actor { kind: ActorKind::User, id: Some(id.to_string()), name }
}

fn target(kind: TargetKind, id: &dyn Display, name: &str) -> Target {
    Target { kind, id: id.to_string(), name: name.to_owned() }
}

impl Audited for Webhook {
    fn account_id(&self) -> Option<AccountId> {
        Some(self.account_id)
    }

    fn target(&self) -> Target {
        target(TargetKind::Webhook, &self.id, &self.settings.title)
    }

    /// As the API shows it, without what nobody sets.
    fn settings(&self) -> Value {
        let shown = WebhookJson::of(self, Hits::default(), Rights::Key(Role::Platform));
        let mut settings = serde_json::to_value(shown).expect("a webhook is JSON");
        let members = settings.as_object_mut().expect("an object");
        for counted in ["id", "number", "hits", "last_hit_at", "created_at", "updated_at"] {
            members.remove(counted);
        }
        members.insert("secret".to_owned(), json!(self.secrets.current.expose()));
        settings
    }
}

impl Audited for InboundWebhook {
    fn account_id(&self) -> Option<AccountId> {
        Some(self.account_id)
    }

    fn target(&self) -> Target {
        target(TargetKind::Webhook, &self.id, &self.settings.title)
    }

    fn settings(&self) -> Value {
        // Without the endpoints, which show the token.
        let shown = InboundWebhookJson::settings_of(self, Rights::Key(Role::Read));
        let mut settings = serde_json::to_value(shown).expect("a webhook is JSON");
        let members = settings.as_object_mut().expect("an object");
        for counted in
            ["id", "number", "endpoints", "hits", "last_hit_at", "created_at", "updated_at"]
        {
            members.remove(counted);
        }
        let secret = self.settings.verification.as_ref().map(|known| known.secret.expose());
        members.insert("secret".to_owned(), json!(secret));
        members.insert("token".to_owned(), json!(self.tokens.current.expose()));
        settings
    }
}

/// An event type, and the account that added it.
pub struct OwnEventType<'e>(pub AccountId, pub &'e CustomEventType);

impl Audited for OwnEventType<'_> {
    fn account_id(&self) -> Option<AccountId> {
        Some(self.0)
    }

    fn target(&self) -> Target {
        target(TargetKind::EventType, &self.1.name, self.1.name.as_str())
    }

    fn settings(&self) -> Value {
        let event_type = self.1;
        json!({
            "group": event_type.group,
            "description": event_type.description,
            "use_cases": event_type.use_cases,
            "schema": event_type.schema,
            "sample": event_type.sample,
            "deprecated": event_type.deprecated,
        })
    }
}

impl Audited for Powerlist {
    fn account_id(&self) -> Option<AccountId> {
        Some(self.account_id)
    }

    fn target(&self) -> Target {
        target(TargetKind::Powerlist, &self.id, &self.name)
    }

    fn settings(&self) -> Value {
        json!({
            "name": self.name,
            "description": self.description,
            "default_country": self.default_country.as_str(),
        })
    }
}

/// Nothing but its id: a person has a right to be forgotten, and the audit log does not forget.
impl Audited for Contact {
    fn account_id(&self) -> Option<AccountId> {
        Some(self.account_id)
    }

    fn target(&self) -> Target {
        target(TargetKind::Contact, &self.id, &self.id.to_string())
    }

    fn settings(&self) -> Value {
        Value::Null
    }
}

impl Audited for ImportJob {
    fn account_id(&self) -> Option<AccountId> {
        Some(self.account_id)
    }

    fn target(&self) -> Target {
        target(TargetKind::Import, &self.id, &self.settings.file_name)
    }

    fn settings(&self) -> Value {
        json!({
            "powerlist_id": self.settings.powerlist_id.to_string(),
            "file_bytes": self.file_bytes,
            "on_existing": on_existing_word(self.settings.on_existing),
            "tags": self.settings.tags,
            "only_with_consent": self.settings.only_with_consent,
            "raise_events": self.settings.raise_events,
        })
    }
}

impl Audited for ApiKey {
    fn account_id(&self) -> Option<AccountId> {
        self.account_id
    }

    fn target(&self) -> Target {
        target(TargetKind::Key, &self.id, &self.name)
    }

    fn settings(&self) -> Value {
        json!({ "name": self.name, "role": self.role.as_str(), "hint": self.hint })
    }
}

impl Audited for Account {
    fn account_id(&self) -> Option<AccountId> {
        None
    }

    fn target(&self) -> Target {
        target(TargetKind::Account, &self.id, &self.name)
    }

    fn settings(&self) -> Value {
        json!({ "name": self.name, "validate": self.validate.as_str() })
    }
}

impl Audited for User {
    fn account_id(&self) -> Option<AccountId> {
        self.account_id
    }

    fn target(&self) -> Target {
        target(TargetKind::User, &self.id, &self.name)
    }

    fn settings(&self) -> Value {
        json!({
            "email": self.email.as_str(),
            "name": self.name,
            "role": self.role.as_str(),
            "password": self.password.as_ref().map(PasswordHash::expose),
        })
    }
}
