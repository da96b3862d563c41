//! Webhooks: their settings, their status, and samples sent to them. What is said here of both
//! directions is the outbound one's own; `inbound_webhooks` has the other, `any_webhook` both.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use posthaste_core::account::Action;
use posthaste_core::attempt::Trigger;
use posthaste_core::audit::{AuditAction, REDACTED};
use posthaste_core::canonical::canonicalise_object;
use posthaste_core::catalogue;
use posthaste_core::error::Complaints;
use posthaste_core::event::NewEvent;
use posthaste_core::event_type::{EventPattern, EventType};
use posthaste_core::id::{AccountId, WebhookId};
use posthaste_core::inbound::own_url::is_inbound_url;
use posthaste_core::page::{Page, PageRequest};
use posthaste_core::rights::Rights;
use posthaste_core::secret::{Secret, Secrets};
use posthaste_core::store::{Accept, Accepted};
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::{
    Hits, NewWebhook, SettingsDraft, Webhook, WebhookSettings, WebhookStatus,
};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::any_webhook::{
    AnySettingsBody, AnyWebhookJson, CreatedAnyWebhook, Direction, Either, NewAnyWebhookBody,
};
use super::deliveries::{DeliveryDetail, show_delivery};
use super::event_body::unknown_type;
use super::inbound_webhooks::{self, InboundWebhookJson, check_list, wrong_direction};
use super::names::{OutboundName, SignatureFormatName, WebhookStatusName};
use super::{List, text_of};
use crate::audit::{Changed, Record};
use crate::auth::{Caller, Read, Write};
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Object, OptionalJson, Parameters, RawJson, Segment, given, parse_json};
use crate::state::AppState;

/// How long beyond the webhook's own timeout a test may take until it has its turn and is
/// recorded.
const TEST_GRACE: Duration = Duration::from_secs(5);

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookJson {
    #[schema(example = "wh_06a2b3c4d5e6f")]
    id: String,
    /// 1, 2, 3 … in each account, never used again.
    number: u32,
    title: String,
    /// Always `outbound`: events are posted to `url`.
    #[schema(value_type = OutboundName)]
    direction: &'static str,
    url: String,
    events: Vec<String>,
    #[schema(required)]
    powerlist_id: Option<String>,
    description: String,
    /// Sent with every request. Values are shown only to keys that may change them.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    headers: PairsJson,
    /// How `x-webhook-signature` is spelled.
    #[schema(value_type = SignatureFormatName)]
    signature_format: &'static str,
    timeout_ms: u32,
    retry_delays_s: Vec<u32>,
    max_in_flight: u32,
    #[schema(required)]
    rate_limit: Option<RateLimitJson>,
    /// Always null: filters are not supported by this version.
    #[schema(required, value_type = Option<Object>)]
    filter: Option<()>,
    /// `enabled`, `paused` (queues, sends nothing) or `disabled` (gets no events).
    #[schema(value_type = WebhookStatusName)]
    status: &'static str,
    #[schema(required)]
    disabled_reason: Option<String>,
    /// Attempts made; tests are not counted.
    hits: u64,
    #[schema(required, format = DateTime)]
    last_hit_at: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// A new webhook, with the secret that signs what it gets.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedWebhook {
    #[serde(flatten)]
    webhook: WebhookJson,
    #[schema(example = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")]
    secret: String,
}

impl CreatedWebhook {
    pub fn id(&self) -> &str {
        &self.webhook.id
    }
}

/// At most `count` requests in any `per_s` seconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with count and per_s")]
#[schema(as = RateLimit)]
pub struct RateLimitJson {
    pub count: u64,
    pub per_s: u64,
}

/// An object of texts (header names and values, fields and paths) in the order given. A map that
/// keeps what was said twice, so that it can be complained about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PairsJson(pub Vec<(String, String)>);

impl Serialize for PairsJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for PairsJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PairsJson, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = PairsJson;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of names and texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PairsJson, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(PairsJson(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// Settings of a webhook. Creating one needs `title`, `url` and `events`; all else has a default.
/// In a change, what is left out stays as it is, and null takes away what can be null.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a webhook's settings")]
#[schema(as = WebhookSettings)]
pub struct SettingsBody {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    title: Option<String>,
    /// `outbound`, also if left out; it cannot be changed.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<OutboundName>, nullable = false)]
    direction: Option<String>,
    /// https; plain http and addresses that are not public only where the operator allows them.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "https://example.com/hooks")]
    url: Option<String>,
    /// Event types, branches (`call.*`) or `*`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, min_items = 1, max_items = 100)]
    events: Option<Vec<String>>,
    /// Only events of this list; null for all of the account's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    powerlist_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2000)]
    description: Option<String>,
    /// Sent with every request; a change replaces all of them.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>, nullable = false)]
    headers: Option<PairsJson>,
    /// How `x-webhook-signature` is spelled.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<SignatureFormatName>, nullable = false)]
    signature_format: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, minimum = 1000, maximum = 30000)]
    timeout_ms: Option<u64>,
    /// The delay before each attempt, in seconds.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, min_items = 1, max_items = 20)]
    retry_delays_s: Option<Vec<u64>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, minimum = 1, maximum = 1000)]
    max_in_flight: Option<u64>,
    /// null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<RateLimitJson>)]
    rate_limit: Option<Option<Object<RateLimitJson>>>,
    /// Only null: filters are not supported by this version.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    filter: Option<serde::de::IgnoredAny>,
}

/// A new webhook: settings, three of which it cannot do without.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes; what is required is checked by core")]
#[schema(as = NewWebhook)]
pub struct NewWebhookBody {
    #[serde(flatten)]
    settings: SettingsBody,
    #[schema(min_length = 1, max_length = 200)]
    title: String,
    #[schema(example = "https://example.com/hooks")]
    url: String,
    #[schema(min_items = 1, max_items = 100)]
    events: Vec<String>,
}

impl SettingsBody {
    /// What `core` checks, and the complaints about what it does not know of.
    fn into_draft(self, wrong: &mut Complaints) -> SettingsDraft {
        if let Some(direction) = self.direction
            && direction != "outbound"
        {
            wrong.add("/direction", "must be \"outbound\" or \"inbound\"");
        }
        if self.filter.is_some() {
            wrong.add("/filter", "filters are not supported by this version");
        }
        SettingsDraft {
            title: self.title,
            description: self.description,
            url: self.url,
            events: self.events,
            powerlist_id: self.powerlist_id,
            headers: self.headers.map(|headers| headers.0),
            signature_format: self.signature_format,
            timeout_ms: self.timeout_ms,
            retry_delays_s: self.retry_delays_s,
            max_in_flight: self.max_in_flight,
            rate_limit: self
                .rate_limit
                .map(|limit| limit.map(|Object(limit)| (limit.count, limit.per_s))),
        }
    }
}

impl WebhookJson {
    pub fn of(webhook: &Webhook, hits: Hits, rights: Rights) -> WebhookJson {
        let settings = &webhook.settings;
        let may_write = rights.may(Action::Write);
        let shown = |value: &str| if may_write { value } else { REDACTED }.to_owned();
        let headers = settings.headers.iter_text();
        let delays = (1..=settings.retry_schedule.attempts_max())
            .filter_map(|number| settings.retry_schedule.delay_before(number));
        let disabled_reason = match &webhook.status {
            WebhookStatus::Disabled { reason } => Some(reason.clone()),
            WebhookStatus::Enabled | WebhookStatus::Paused => None,
        };
        WebhookJson {
            id: webhook.id.to_string(),
            number: webhook.number,
            title: settings.title.clone(),
            direction: "outbound",
            url: settings.url.to_string(),
            events: settings.events.iter().map(ToString::to_string).collect(),
            powerlist_id: settings.powerlist_id.map(|id| id.to_string()),
            description: settings.description.clone(),
            headers: PairsJson(
                headers.map(|(name, value)| (name.to_owned(), shown(value))).collect(),
            ),
            signature_format: settings.signature_format.as_str(),
            timeout_ms: settings.timeout_ms,
            retry_delays_s: delays
                .map(|delay| u32::try_from(delay.as_secs()).unwrap_or(u32::MAX))
                .collect(),
            max_in_flight: settings.max_in_flight,
            rate_limit: settings.rate_limit.map(|limit| RateLimitJson {
                count: u64::from(limit.count()),
                per_s: u64::from(limit.per_s()),
            }),
            filter: None,
            status: webhook.status.as_str(),
            disabled_reason,
            hits: hits.count,
            last_hit_at: text_of(hits.last_at),
            created_at: webhook.created_at.to_string(),
            updated_at: webhook.updated_at.to_string(),
        }
    }
}

/// An outbound webhook must not post to an inbound one of ours.
fn refuse_own_url(
    state: &AppState,
    headers: &HeaderMap,
    settings: &WebhookSettings,
) -> Result<(), ApiError> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own: Vec<&str> = state.settings.public_url.as_deref().into_iter().chain(host).collect();
    if is_inbound_url(&settings.url, &own) {
        let message = "is an inbound webhook of this server: what came in would come in again";
        return Err(ApiError::invalid("/url", message));
    }
    Ok(())
}

/// The outbound webhook of that account, or the answer that there is none.
pub async fn find(state: &AppState, account: AccountId, id: &Segment) -> Result<Webhook, ApiError> {
    let id: WebhookId = id.id("webhook")?;
    if state.inbound.of(account, id).is_some() {
        return Err(wrong_direction("this is done with outbound webhooks: it is an inbound one"));
    }
    let webhook = state.store.webhook(account, id).await?;
    webhook.ok_or_else(|| ApiError::not_found("webhook"))
}

async fn with_hits<A>(
    state: &AppState,
    caller: Caller<A>,
    webhook: &Webhook,
) -> Result<Json<AnyWebhookJson>, ApiError> {
    let hits = state.store.hits(&[webhook.id]).await?.first().copied().unwrap_or_default();
    Ok(Json(WebhookJson::of(webhook, hits, caller.rights).into()))
}

/// Reads a webhook, changes it, and writes it to the store, the directory and the engine.
pub async fn update<F>(
    state: &AppState,
    caller: Caller<Write>,
    id: Segment,
    action: AuditAction,
    edit: F,
) -> Result<Webhook, ApiError>
where
    F: FnOnce(Timestamp, &mut Webhook) -> Result<(), ApiError> + Send + 'static,
{
    let shared = state.clone();
    state
        .change(caller.by, async move {
            let mut webhook = find(&shared, caller.account, &id).await?;
            let before = webhook.clone();
            let now = shared.now();
            edit(now, &mut webhook)?;
            if webhook == before {
                return Ok(Changed::nothing(webhook));
            }
            if let Some(list) = webhook.settings.powerlist_id
                && before.settings.powerlist_id != Some(list)
            {
                check_list(&shared, caller.account, list).await?;
            }
            webhook.updated_at = now;
            if !shared.store.update_webhook(&webhook).await? {
                return Err(ApiError::not_found("webhook"));
            }
            shared.directory.put(webhook.clone());
            shared.tell_engine(webhook.id).await;
            let record = Record::changed(action, &before, &webhook);
            Ok(Changed::and(webhook, record))
        })
        .await
}

/// Create a webhook
///
/// `direction` says which kind: events go out to an outbound one, contacts come in through an
/// inbound one. The answer shows its secret.
#[utoipa::path(post, path = "/v1/webhooks", operation_id = "createWebhook", tag = "Webhooks", security(("api_key" = ["write"])),
    request_body = NewAnyWebhookBody, responses((status = 201, body = CreatedAnyWebhook),
        (status = 409, description = "limit_reached", body = Problem, content_type = "application/problem+json")))]
pub async fn create(
    caller: Caller<Write>,
    State(state): State<AppState>,
    headers: HeaderMap,
    RawJson(body): RawJson,
) -> Result<impl IntoResponse, ApiError> {
    let direction = Direction::of(&body)?;
    direction.refuse_others(&body)?;
    let created = match direction {
        Direction::Outbound => {
            let created = create_outbound(&state, caller, &headers, parse_json(&body)?).await?;
            CreatedAnyWebhook::Outbound(Box::new(created))
        }
        Direction::Inbound => {
            let created = inbound_webhooks::create(&state, caller, parse_json(&body)?).await?;
            CreatedAnyWebhook::Inbound(Box::new(created))
        }
    };
    let location = format!("/v1/webhooks/{}", created.id());
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(created)))
}

async fn create_outbound(
    state: &AppState,
    caller: Caller<Write>,
    headers: &HeaderMap,
    body: SettingsBody,
) -> Result<CreatedWebhook, ApiError> {
    let mut wrong = Complaints::default();
    let settings = body.into_draft(&mut wrong).create(&state.egress);
    let settings = wrong.check("", settings);
    wrong.finish()?;
    let settings = settings.expect("complaints would have been returned");
    refuse_own_url(state, headers, &settings)?;
    let secrets = Secrets::new(Secret::generate(&*state.entropy));
    let new = NewWebhook { account_id: caller.account, settings, secrets };
    let shared = state.clone();
    let webhook = state
        .change(caller.by, async move {
            inbound_webhooks::refuse_too_many(&shared, new.account_id)?;
            if let Some(list) = new.settings.powerlist_id {
                check_list(&shared, new.account_id, list).await?;
            }
            let webhook = shared.store.create_webhook(shared.now(), new).await?;
            shared.directory.put(webhook.clone());
            shared.tell_engine(webhook.id).await;
            let record = Record::made(AuditAction::WebhookCreated, &webhook);
            Ok(Changed::and(webhook, record))
        })
        .await?;
    let secret = webhook.secrets.current.expose().to_owned();
    let webhook = WebhookJson::of(&webhook, Hits::default(), caller.rights);
    Ok(CreatedWebhook { webhook, secret })
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// 1 to 200; 50 if left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl PageQuery {
    pub fn parse(&self) -> Result<PageRequest, ApiError> {
        Ok(PageRequest::parse(self.limit.as_deref(), self.cursor.as_deref())?)
    }
}

/// List webhooks
///
/// Outbound and inbound ones.
#[utoipa::path(get, path = "/v1/webhooks", operation_id = "listWebhooks", tag = "Webhooks", security(("api_key" = ["read"])),
    params(PageQuery), responses((status = 200, body = List<AnyWebhookJson>)))]
pub async fn list(
    caller: Caller<Read>,
    State(state): State<AppState>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<List<AnyWebhookJson>>, ApiError> {
    let page = query.parse()?;
    let outbound = state.store.list_webhooks(caller.account, page).await?.map(Either::Outbound);
    let inbound =
        state.store.list_inbound_webhooks(caller.account, page).await?.map(Either::Inbound);
    let found = Page::merged(page.limit, outbound, inbound, |webhook| webhook.id().as_raw());
    let ids: Vec<WebhookId> = found.items.iter().map(Either::id).collect();
    let mut hits = state.store.hits(&ids).await?.into_iter();
    let page = found.map(|webhook| {
        let hits = hits.next().unwrap_or_default();
        match webhook {
            Either::Outbound(webhook) => {
                AnyWebhookJson::from(WebhookJson::of(&webhook, hits, caller.rights))
            }
            Either::Inbound(webhook) => {
                InboundWebhookJson::of(&state, &webhook, hits, caller.rights).into()
            }
        }
    });
    Ok(Json(page.into()))
}

/// Show a webhook
#[utoipa::path(get, path = "/v1/webhooks/{id}", operation_id = "showWebhook", tag = "Webhooks",
    security(("api_key" = ["read"])), params(("id" = String, Path, description = "`wh_…`")),
    responses((status = 200, body = AnyWebhookJson)))]
pub async fn show(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<AnyWebhookJson>, ApiError> {
    if let Some(webhook) = inbound_webhooks::of(&state, caller.account, &id) {
        let shown = inbound_webhooks::shown(&state, caller, &webhook).await?;
        return Ok(Json(shown.into()));
    }
    let webhook = find(&state, caller.account, &id).await?;
    with_hits(&state, caller, &webhook).await
}

/// Change a webhook
///
/// What is left out stays as it is. Deliveries that exist already go on with the new settings.
#[utoipa::path(patch, path = "/v1/webhooks/{id}", operation_id = "changeWebhook", tag = "Webhooks",
    security(("api_key" = ["write"])), params(("id" = String, Path, description = "`wh_…`")),
    request_body = AnySettingsBody, responses((status = 200, body = AnyWebhookJson)))]
pub async fn change(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
    headers: HeaderMap,
    RawJson(body): RawJson,
) -> Result<Json<AnyWebhookJson>, ApiError> {
    if let Some(webhook) = inbound_webhooks::of(&state, caller.account, &id) {
        Direction::Inbound.refuse_others(&body)?;
        let body = parse_json(&body)?;
        let changed = inbound_webhooks::change(&state, caller, webhook.id, body).await?;
        return Ok(Json(changed.into()));
    }
    Direction::Outbound.refuse_others(&body)?;
    let body: SettingsBody = parse_json(&body)?;
    let shared = state.clone();
    let webhook = update(&state, caller, id, AuditAction::WebhookUpdated, move |_, webhook| {
        let mut wrong = Complaints::default();
        let settings = body.into_draft(&mut wrong).change(&webhook.settings, &shared.egress);
        let settings = wrong.check("", settings);
        wrong.finish()?;
        let settings = settings.expect("complaints would have been returned");
        if settings.url != webhook.settings.url {
            refuse_own_url(&shared, &headers, &settings)?;
        }
        webhook.settings = settings;
        Ok(())
    })
    .await?;
    with_hits(&state, caller, &webhook).await
}

/// Delete a webhook
///
/// What was waiting for it is not sent any more; its deliveries stay in the log.
#[utoipa::path(delete, path = "/v1/webhooks/{id}", operation_id = "deleteWebhook", tag = "Webhooks",
    security(("api_key" = ["write"])), params(("id" = String, Path, description = "`wh_…`")),
    responses((status = 204, description = "Deleted")))]
pub async fn delete(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<StatusCode, ApiError> {
    if let Some(webhook) = inbound_webhooks::of(&state, caller.account, &id) {
        inbound_webhooks::delete(&state, caller, webhook.id).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    let shared = state.clone();
    state
        .change(caller.by, async move {
            let webhook = find(&shared, caller.account, &id).await?;
            if !shared.store.delete_webhook(caller.account, webhook.id).await? {
                return Err(ApiError::not_found("webhook"));
            }
            shared.directory.remove(webhook.id);
            shared.tell_engine(webhook.id).await;
            let record = Record::deleted(AuditAction::WebhookDeleted, &webhook);
            Ok(Changed::and(StatusCode::NO_CONTENT, record))
        })
        .await
}

/// Pause a webhook
///
/// An outbound one goes on getting events, which queue until it is resumed; an inbound one answers 503.
#[utoipa::path(post, path = "/v1/webhooks/{id}/pause", operation_id = "pauseWebhook", tag = "Webhooks",
    security(("api_key" = ["write"])), params(("id" = String, Path, description = "`wh_…`")),
    responses((status = 200, body = AnyWebhookJson), (status = 409, description = "webhook_disabled", body = Problem,
            content_type = "application/problem+json")))]
pub async fn pause(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<AnyWebhookJson>, ApiError> {
    if let Some(webhook) = inbound_webhooks::of(&state, caller.account, &id) {
        let status = WebhookStatus::Paused;
        let changed = inbound_webhooks::set_status(&state, caller, webhook.id, status).await?;
        return Ok(Json(changed.into()));
    }
    let webhook = update(&state, caller, id, AuditAction::WebhookPaused, |_, webhook| {
        if let WebhookStatus::Disabled { .. } = webhook.status {
            return Err(disabled());
        }
        webhook.status = WebhookStatus::Paused;
        Ok(())
    })
    .await?;
    with_hits(&state, caller, &webhook).await
}

/// Resume a webhook
///
/// Also enables one again that was disabled.
#[utoipa::path(post, path = "/v1/webhooks/{id}/resume", operation_id = "resumeWebhook", tag = "Webhooks",
    security(("api_key" = ["write"])), params(("id" = String, Path, description = "`wh_…`")),
    responses((status = 200, body = AnyWebhookJson)))]
pub async fn resume(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<AnyWebhookJson>, ApiError> {
    if let Some(webhook) = inbound_webhooks::of(&state, caller.account, &id) {
        let status = WebhookStatus::Enabled;
        let changed = inbound_webhooks::set_status(&state, caller, webhook.id, status).await?;
        return Ok(Json(changed.into()));
    }
    let webhook = update(&state, caller, id, AuditAction::WebhookResumed, |_, webhook| {
        webhook.status = WebhookStatus::Enabled;
        Ok(())
    })
    .await?;
    with_hits(&state, caller, &webhook).await
}

pub fn disabled() -> ApiError {
    ApiError::new(Code::WebhookDisabled, "resume the webhook first: it is disabled")
}

/// A sample to send. Everything can be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schema(as = NewTest)]
pub struct TestBody {
    /// The webhook's first event type, if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    event: Option<String>,
    /// The event type's sample, if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>, nullable = false)]
    data: Option<Box<RawValue>>,
}

/// Send a sample now
///
/// Answers once it has been tried, or when that takes more than 5 s longer than the webhook's own
/// timeout. A test is tried once, is no hit, and carries the header `x-webhook-test: true`.
#[utoipa::path(post, path = "/v1/webhooks/{id}/test", operation_id = "testWebhook", tag = "Webhooks",
    security(("api_key" = ["write"])), params(("id" = String, Path, description = "`wh_…`")),
    request_body = Option<TestBody>,
    responses((status = 200, body = DeliveryDetail), (status = 409, description = "webhook_disabled, webhook_paused or wrong_direction", body = Problem,
            content_type = "application/problem+json")))]
pub async fn test(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
    OptionalJson(body): OptionalJson<TestBody>,
) -> Result<Json<DeliveryDetail>, ApiError> {
    let webhook = find(&state, caller.account, &id).await?;
    match webhook.status {
        WebhookStatus::Enabled => {}
        WebhookStatus::Disabled { .. } => return Err(disabled()),
        WebhookStatus::Paused => {
            return Err(ApiError::new(Code::WebhookPaused, "resume the webhook first"));
        }
    }
    let now = state.now();
    let event = test_event(now, &state, &webhook, body).await?;
    state.engine.admit().await?;
    let accept = Accept { account_id: caller.account, events: vec![event], idempotency: None };
    let (Accepted::New(receipts) | Accepted::Repeated(receipts)) =
        state.store.accept(now, accept).await?
    else {
        return Err(ApiError::internal());
    };
    let receipt = receipts.first().ok_or_else(ApiError::internal)?;
    let delivery = receipt.id.delivery(0);
    let patience = Duration::from_millis(u64::from(webhook.settings.timeout_ms)) + TEST_GRACE;
    // Whether it was tried, the engine stopped or the time was up: the answer is what is known.
    let _tried = tokio::time::timeout(patience, state.engine.attempted(delivery)).await;
    show_delivery(&state, caller.account, delivery).await.map(Json)
}

async fn test_event(
    now: Timestamp,
    state: &AppState,
    webhook: &Webhook,
    body: TestBody,
) -> Result<NewEvent, ApiError> {
    let mut wrong = Complaints::default();
    let event_type = match &body.event {
        Some(text) => wrong.check("/event", EventType::parse(text)),
        None => Some(default_event_type(webhook)),
    };
    let data = match &body.data {
        Some(raw) => wrong
            .check("/data", canonicalise_object(raw.get().as_bytes()))
            .map(|data| Some(data.into_owned())),
        None => Some(None),
    };
    wrong.finish()?;
    let event_type = event_type.expect("complaints would have been returned");
    let data = data.expect("complaints would have been returned");
    let sample = sample_of(state, webhook.account_id, &event_type).await?;
    let data = data.or(sample).unwrap_or_else(|| "{}".to_owned());
    Ok(NewEvent {
        event_type,
        timestamp: now,
        powerlist_id: None,
        data: data.into(),
        trigger: Trigger::Test,
        hops: 0,
        targets: vec![webhook.id],
    })
}

/// The first event type that the webhook names in full; every account has `call.ended`.
fn default_event_type(webhook: &Webhook) -> EventType {
    let named = webhook.settings.events.iter().find_map(|pattern| match pattern {
        EventPattern::Exact(event_type) => Some(event_type.clone()),
        EventPattern::All | EventPattern::Below(_) => None,
    });
    named.unwrap_or_else(|| EventType::parse("call.ended").expect("a built-in name"))
}

/// The sample of an event type, if it has one; an error if there is no such type.
async fn sample_of(
    state: &AppState,
    account: AccountId,
    name: &EventType,
) -> Result<Option<String>, ApiError> {
    if let Some(builtin) = catalogue::builtin(name.as_str()) {
        return Ok(Some(builtin.sample.trim().to_owned()));
    }
    let custom = state.store.custom_event_types(account).await?;
    if let Some(found) = custom.iter().find(|custom| custom.name == *name) {
        return Ok(found.sample.clone());
    }
    let names: Vec<EventType> = custom.into_iter().map(|custom| custom.name).collect();
    let mut error = ApiError::invalid("/event", unknown_type(name, &names));
    error.code = Code::UnknownEventType;
    Err(error)
}
