//! Inbound webhooks: their settings, and the URLs that contacts are posted to. They are rows of the
//! same list as the outbound ones, so `webhooks` has the routes and asks here for what comes in.

use std::sync::Arc;

use posthaste_core::account::Action;
use posthaste_core::audit::AuditAction;
use posthaste_core::error::Complaints;
use posthaste_core::id::{AccountId, PowerlistId, WebhookId};
use posthaste_core::inbound::fields::{Field, OF_CONTACT, OF_DELETE};
use posthaste_core::inbound::own_url::IN;
use posthaste_core::inbound::settings::{InboundDraft, VerificationDraft};
use posthaste_core::inbound::{
    InboundOperation, InboundSettings, InboundWebhook, NewInboundWebhook,
};
use posthaste_core::limits::WEBHOOKS_PER_ACCOUNT_MAX;
use posthaste_core::rights::Rights;
use posthaste_core::session::Token;
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::{Hits, WebhookStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::names::{InboundName, VerificationSchemeName, WebhookStatusName};
use super::text_of;
use super::webhooks::{PairsJson, RateLimitJson};
use crate::audit::{Changed, Record};
use crate::auth::{Caller, Write};
use crate::error::{ApiError, Code};
use crate::extract::{Object, Segment, given};
use crate::state::AppState;

/// An inbound webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InboundWebhook)]
pub struct InboundWebhookJson {
    #[schema(example = "wh_06a2b3c4d5e6f")]
    id: String,
    /// 1, 2, 3 … in each account, never used again; outbound ones are counted along.
    number: u32,
    title: String,
    /// Always `inbound`: others post contacts to its endpoints.
    #[schema(value_type = InboundName)]
    direction: &'static str,
    description: String,
    /// The list that its contacts come to.
    powerlist_id: String,
    /// `contact`, `contact.delete` or both: which endpoints there are.
    events: Vec<&'static str>,
    endpoints: Vec<InboundEndpoint>,
    /// Until when URLs with the token from before the last rotation work too.
    #[schema(required, format = DateTime)]
    previous_token_expires_at: Option<String>,
    /// Where in a request a field is, if not under its own name or a usual spelling of it.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    mapping: PairsJson,
    #[schema(required)]
    verification: Option<VerificationJson>,
    rate_limit: RateLimitJson,
    /// `enabled` or `paused` (answers 503).
    #[schema(value_type = WebhookStatusName)]
    status: &'static str,
    /// Always null: nothing disables an inbound webhook.
    #[schema(required)]
    disabled_reason: Option<String>,
    /// Requests received; replays are not counted.
    hits: u64,
    #[schema(required, format = DateTime)]
    last_hit_at: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// One URL of an inbound webhook.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InboundEndpoint {
    /// What it does with what is posted there.
    #[schema(example = "contact")]
    pub event: &'static str,
    /// Always `POST`.
    pub method: &'static str,
    /// The token in it is shown only to who may change the webhook.
    #[schema(example = "/in/…/contact")]
    pub path: String,
    /// The same with this server's address, if the operator has told it.
    #[schema(required)]
    pub url: Option<String>,
    /// The fields that it knows; others become custom fields.
    pub fields: Vec<&'static str>,
}

/// How requests show who they come from.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Verification)]
pub struct VerificationJson {
    #[schema(value_type = VerificationSchemeName)]
    scheme: &'static str,
}

/// A new inbound webhook, with the secret that was made for it, if one was.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedInboundWebhook {
    #[serde(flatten)]
    webhook: InboundWebhookJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")]
    secret: Option<String>,
}

/// Settings of an inbound webhook. Creating one needs `title`, `powerlist_id` and `events`. In a
/// change, what is left out stays as it is, and null takes away what can be null.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with an inbound webhook's settings")]
#[schema(as = InboundWebhookSettings)]
pub struct InboundBody {
    /// `inbound`; it cannot be changed.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<InboundName>, nullable = false)]
    direction: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    title: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2000)]
    description: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "pl_06a2b3c4d5e6f")]
    powerlist_id: Option<String>,
    /// `contact`, `contact.delete` or both.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, min_items = 1, max_items = 2)]
    events: Option<Vec<String>>,
    /// Names of fields and paths in requests, `"phone_number": "contact.phones.0.value"`; a change
    /// replaces all of them.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>, nullable = false)]
    mapping: Option<PairsJson>,
    /// null for none: then the token in the URL is all that a sender has to know.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<VerificationBody>)]
    verification: Option<Option<Object<VerificationBody>>>,
    /// null for the default of 50 a second.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<RateLimitJson>)]
    rate_limit: Option<Option<Object<RateLimitJson>>>,
}

/// A new inbound webhook: settings, four of which it cannot do without.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes; what is required is checked by core")]
#[schema(as = NewInboundWebhook)]
pub struct NewInboundWebhookBody {
    #[serde(flatten)]
    settings: InboundBody,
    #[schema(value_type = InboundName)]
    direction: String,
    #[schema(min_length = 1, max_length = 200)]
    title: String,
    #[schema(example = "pl_06a2b3c4d5e6f")]
    powerlist_id: String,
    #[schema(min_items = 1, max_items = 2)]
    events: Vec<String>,
}

/// How requests are to show who they come from.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with scheme and secret")]
#[schema(as = NewVerification)]
pub struct VerificationBody {
    #[schema(value_type = VerificationSchemeName)]
    scheme: String,
    /// The sender's. Left out, one is made for `posthaste` and `standard_webhooks`, and the one that
    /// is there stays in a change.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, min_length = 8, max_length = 500)]
    secret: Option<String>,
}

impl CreatedInboundWebhook {
    pub fn id(&self) -> &str {
        &self.webhook.id
    }
}

impl InboundBody {
    fn into_draft(self, wrong: &mut Complaints) -> InboundDraft {
        if let Some(direction) = self.direction
            && direction != "inbound"
        {
            wrong.add("/direction", "the direction of a webhook cannot be changed");
        }
        InboundDraft {
            title: self.title,
            description: self.description,
            powerlist_id: self.powerlist_id,
            events: self.events,
            mapping: self.mapping.map(|mapping| mapping.0),
            verification: self.verification.map(|verification| {
                verification.map(|Object(VerificationBody { scheme, secret })| VerificationDraft {
                    scheme,
                    secret,
                })
            }),
            rate_limit: self
                .rate_limit
                .map(|limit| limit.map(|Object(limit)| (limit.count, limit.per_s))),
        }
    }

    fn brings_secret(&self) -> bool {
        matches!(&self.verification, Some(Some(Object(VerificationBody { secret: Some(_), .. }))))
    }
}

impl InboundWebhookJson {
    pub fn of(
        state: &AppState,
        webhook: &InboundWebhook,
        hits: Hits,
        rights: Rights,
    ) -> InboundWebhookJson {
        let public_url = state.settings.public_url.as_deref();
        InboundWebhookJson::shown(state.now(), webhook, hits, rights, public_url)
    }

    /// For the audit log: what somebody who may see everything sees, whatever the server is called.
    pub fn settings_of(webhook: &InboundWebhook, rights: Rights) -> InboundWebhookJson {
        InboundWebhookJson::shown(webhook.updated_at, webhook, Hits::default(), rights, None)
    }

    fn shown(
        now: Timestamp,
        webhook: &InboundWebhook,
        hits: Hits,
        rights: Rights,
        public_url: Option<&str>,
    ) -> InboundWebhookJson {
        let settings = &webhook.settings;
        let previous = webhook.tokens.previous.as_ref();
        let expires_at = previous.map(|(_, expires_at)| *expires_at).filter(|at| now < *at);
        let mapping = settings.mapping.0.iter();
        let limit = settings.rate_limit;
        InboundWebhookJson {
            id: webhook.id.to_string(),
            number: webhook.number,
            title: settings.title.clone(),
            direction: "inbound",
            description: settings.description.clone(),
            powerlist_id: settings.powerlist_id.to_string(),
            events: settings.operations.iter().map(|operation| operation.event()).collect(),
            endpoints: endpoints(webhook, rights, public_url),
            previous_token_expires_at: text_of(expires_at),
            mapping: PairsJson(mapping.map(|(name, path)| (name.clone(), path.clone())).collect()),
            verification: settings
                .verification
                .as_ref()
                .map(|verification| VerificationJson { scheme: verification.scheme.as_str() }),
            rate_limit: RateLimitJson {
                count: u64::from(limit.count()),
                per_s: u64::from(limit.per_s()),
            },
            status: webhook.status.as_str(),
            disabled_reason: None,
            hits: hits.count,
            last_hit_at: text_of(hits.last_at),
            created_at: webhook.created_at.to_string(),
            updated_at: webhook.updated_at.to_string(),
        }
    }
}

/// The URLs of an inbound webhook.
pub fn endpoints(
    webhook: &InboundWebhook,
    rights: Rights,
    public_url: Option<&str>,
) -> Vec<InboundEndpoint> {
    let may_write = rights.may(Action::Write);
    let token = if may_write { webhook.tokens.current.expose() } else { "…" };
    let endpoint = |operation: &InboundOperation| {
        let path = format!("{IN}{token}/{}", operation.segment());
        InboundEndpoint {
            event: operation.event(),
            method: "POST",
            url: public_url.map(|url| format!("{}{path}", url.trim_end_matches('/'))),
            path,
            fields: fields_of(*operation),
        }
    };
    webhook.settings.operations.iter().map(endpoint).collect()
}

fn fields_of(operation: InboundOperation) -> Vec<&'static str> {
    let fields: &[Field] = match operation {
        InboundOperation::Contact => &OF_CONTACT,
        InboundOperation::ContactDelete => &OF_DELETE,
    };
    fields.iter().map(|field| field.as_str()).collect()
}

/// The inbound webhook of that account with that id, if it is one.
pub fn of(state: &AppState, account: AccountId, id: &Segment) -> Option<Arc<InboundWebhook>> {
    let id = id.id::<WebhookId>("webhook").ok()?;
    state.inbound.of(account, id)
}

/// The same for what only inbound ones have.
pub async fn find(
    state: &AppState,
    account: AccountId,
    id: &Segment,
) -> Result<Arc<InboundWebhook>, ApiError> {
    if let Some(webhook) = of(state, account, id) {
        return Ok(webhook);
    }
    // Not there at all, or an outbound one.
    super::webhooks::find(state, account, id).await?;
    Err(wrong_direction("this is done with inbound webhooks: others are outbound"))
}

pub fn wrong_direction(detail: &str) -> ApiError {
    ApiError::new(Code::WrongDirection, detail)
}

pub async fn shown<A>(
    state: &AppState,
    caller: Caller<A>,
    webhook: &InboundWebhook,
) -> Result<InboundWebhookJson, ApiError> {
    let hits = state.store.hits(&[webhook.id]).await?.first().copied().unwrap_or_default();
    Ok(InboundWebhookJson::of(state, webhook, hits, caller.rights))
}

pub async fn create(
    state: &AppState,
    caller: Caller<Write>,
    body: InboundBody,
) -> Result<CreatedInboundWebhook, ApiError> {
    let brings_secret = body.brings_secret();
    let mut wrong = Complaints::default();
    let settings = body.into_draft(&mut wrong).create(&*state.entropy);
    let settings = wrong.check("", settings);
    wrong.finish()?;
    let settings = settings.expect("complaints would have been returned");
    let token = Token::generate(&*state.entropy);
    let new = NewInboundWebhook { account_id: caller.account, settings, token };
    let shared = state.clone();
    let webhook = state
        .change(caller.by, async move {
            refuse_too_many(&shared, caller.account)?;
            check_list(&shared, caller.account, new.settings.powerlist_id).await?;
            let webhook = shared.store.create_inbound_webhook(shared.now(), new).await?;
            shared.inbound.put(webhook.clone());
            let record = Record::made(AuditAction::WebhookCreated, &webhook);
            Ok(Changed::and(webhook, record))
        })
        .await?;
    let secret = webhook.settings.verification.as_ref().filter(|_| !brings_secret);
    let secret = secret.map(|verification| verification.secret.expose().to_owned());
    let webhook = InboundWebhookJson::of(state, &webhook, Hits::default(), caller.rights);
    Ok(CreatedInboundWebhook { webhook, secret })
}

pub async fn change(
    state: &AppState,
    caller: Caller<Write>,
    id: WebhookId,
    body: InboundBody,
) -> Result<InboundWebhookJson, ApiError> {
    let entropy = state.entropy.clone();
    let webhook = update(state, caller, id, AuditAction::WebhookUpdated, move |_, webhook| {
        let mut wrong = Complaints::default();
        let settings = body.into_draft(&mut wrong).change(&webhook.settings, &*entropy);
        let settings = wrong.check("", settings);
        wrong.finish()?;
        webhook.settings = settings.expect("complaints would have been returned");
        Ok(())
    })
    .await?;
    shown(state, caller, &webhook).await
}

pub async fn set_status(
    state: &AppState,
    caller: Caller<Write>,
    id: WebhookId,
    status: WebhookStatus,
) -> Result<InboundWebhookJson, ApiError> {
    let action = match status {
        WebhookStatus::Enabled => AuditAction::WebhookResumed,
        _ => AuditAction::WebhookPaused,
    };
    let webhook = update(state, caller, id, action, move |_, webhook| {
        webhook.status = status;
        Ok(())
    })
    .await?;
    shown(state, caller, &webhook).await
}

/// Changes an inbound webhook, in the store and in the memory that mirrors it.
pub async fn update<F>(
    state: &AppState,
    caller: Caller<Write>,
    id: WebhookId,
    action: AuditAction,
    edit: F,
) -> Result<InboundWebhook, ApiError>
where
    F: FnOnce(Timestamp, &mut InboundWebhook) -> Result<(), ApiError> + Send + 'static,
{
    let shared = state.clone();
    state
        .change(caller.by, async move {
            let before = shared.inbound.of(caller.account, id);
            let before = before.ok_or_else(|| ApiError::not_found("webhook"))?;
            let mut webhook = InboundWebhook::clone(&before);
            let now = shared.now();
            edit(now, &mut webhook)?;
            if webhook == *before {
                return Ok(Changed::nothing(webhook));
            }
            if webhook.settings.powerlist_id != before.settings.powerlist_id {
                check_list(&shared, caller.account, webhook.settings.powerlist_id).await?;
            }
            webhook.updated_at = now;
            if !shared.store.update_inbound_webhook(&webhook).await? {
                return Err(ApiError::not_found("webhook"));
            }
            shared.inbound.put(webhook.clone());
            let record = Record::changed(action, &*before, &webhook);
            Ok(Changed::and(webhook, record))
        })
        .await
}

pub async fn delete(
    state: &AppState,
    caller: Caller<Write>,
    id: WebhookId,
) -> Result<(), ApiError> {
    let shared = state.clone();
    state
        .change(caller.by, async move {
            let webhook = shared.inbound.of(caller.account, id);
            let webhook = webhook.ok_or_else(|| ApiError::not_found("webhook"))?;
            if !shared.store.delete_inbound_webhook(caller.account, id).await? {
                return Err(ApiError::not_found("webhook"));
            }
            shared.inbound.remove(id);
            let record = Record::deleted(AuditAction::WebhookDeleted, &*webhook);
            Ok(Changed::and((), record))
        })
        .await
}

/// Both directions count: they are rows of one list.
pub fn refuse_too_many(state: &AppState, account: AccountId) -> Result<(), ApiError> {
    let count = state.directory.count(account) + state.inbound.count(account);
    if count < WEBHOOKS_PER_ACCOUNT_MAX {
        return Ok(());
    }
    Err(ApiError::limit_reached("webhooks", WEBHOOKS_PER_ACCOUNT_MAX))
}

/// A list that a webhook names must be one of the account's.
pub async fn check_list(
    state: &AppState,
    account: AccountId,
    list: PowerlistId,
) -> Result<(), ApiError> {
    match state.store.powerlist(account, list).await? {
        Some(_) => Ok(()),
        None => Err(ApiError::invalid("/powerlist_id", "there is no such powerlist")),
    }
}

/// The settings of a webhook with another mapping, for a preview of what that would do.
pub fn with_mapping(
    settings: &InboundSettings,
    mapping: &PairsJson,
) -> Result<InboundSettings, ApiError> {
    let pairs = mapping.0.iter().map(|(name, path)| (name.as_str(), path.as_str()));
    let mapping = posthaste_core::inbound::Mapping::parse(pairs)
        .map_err(|invalid| invalid.under("/mapping"))?;
    Ok(InboundSettings { mapping, ..settings.clone() })
}
