//! `/in/{token}/…`: what others post contacts to. Nobody signs in here: the token in the URL is
//! what a sender has to know, and a signature where the webhook asks for one.
//!
//! What a request wants is decided by `core::inbound`; here it is read, kept and answered.

use std::borrow::Cow;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use posthaste_core::error::{FieldError, Invalid};
use posthaste_core::id::AccountId;
use posthaste_core::inbound::fields::Field;
use posthaste_core::inbound::mapping::Assigned;
use posthaste_core::inbound::meaning::{Meaning, meaning, named_list};
use posthaste_core::inbound::reading::{Body, Sent, read};
use posthaste_core::inbound::verification::SignedRequest;
use posthaste_core::inbound::{
    Done, InboundOperation, InboundRequest, InboundSettings, InboundWebhook, ReceivedRequest,
    Verdict,
};
use posthaste_core::limits::{HOPS_MAX, INBOUND_ERRORS_MAX};
use posthaste_core::store::Wanted;
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::WebhookStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Remote;
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Segment, read_bytes};
use crate::state::AppState;
use crate::v1::events::{idempotency, idempotency_key};

const HOPS: HeaderName = HeaderName::from_static("x-webhook-hops");
/// Credentials of the sender's own, which it need not have sent; they are not kept.
const NOT_KEPT: [HeaderName; 3] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];
/// When somebody may have resumed the webhook.
const PAUSED_RETRY_AFTER_S: u64 = 60;

/// What came of a request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContactReceipt)]
pub struct Taken {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    data: TakenData,
}

/// The contact, and what was done about it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContactReceiptData)]
pub struct TakenData {
    /// Null if there was nothing to delete.
    #[schema(required, example = "ct_06a2b3c4d5e6f")]
    contact_id: Option<String>,
    /// `created`, `updated`, `deleted`, or `none`: everything was so already.
    #[schema(example = "created")]
    operation: &'static str,
}

/// The fields of a contact, as a form or JSON has them. Other names become custom fields.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes")]
#[schema(as = InboundContact)]
pub struct ContactForm {
    /// In any spelling; without a country code, a number of the powerlist's own country.
    #[schema(example = "+1 (202) 555-0187")]
    phone_number: String,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    address: Option<String>,
    city: Option<String>,
    country: Option<String>,
    state: Option<String>,
    postal_code: Option<String>,
    timezone: Option<String>,
    disposition: Option<String>,
    /// A list, or text with commas.
    tags: Option<Vec<String>>,
    consent: Option<bool>,
    dnd: Option<bool>,
    /// Another list of the same account; also spelled `powelist_id`.
    powerlist_id: Option<String>,
}

/// Which contact to delete: by its id, its phone number or its e-mail address.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes")]
#[schema(as = InboundContactDelete)]
pub struct DeleteForm {
    contact_id: Option<String>,
    phone_number: Option<String>,
    email: Option<String>,
    /// `user`, `disposition`, `api` (if left out), `gdpr` or `opt_out`.
    reason: Option<String>,
    powerlist_id: Option<String>,
}

/// Post a contact
///
/// To the URL of an inbound webhook, which has a token in it and needs no key. Fields may come as
/// JSON, as a form, or behind the `?`. The contact with that phone number on the list is made or
/// changed; the same request twice changes nothing the second time. PUT does the same.
#[utoipa::path(post, path = "/in/{token}/contact", operation_id = "receiveContact", tag = "Inbound", security(()),
    params(("token" = String, Path, description = "The webhook's."),
        ("idempotency-key" = Option<String>, Header, description = "The same key and request get the same answer for 24 hours.")),
    request_body(content((ContactForm = "application/json"), (ContactForm = "application/x-www-form-urlencoded"), (ContactForm = "multipart/form-data"))),
    responses((status = 200, body = Taken),
        (status = 401, description = "unverified: it is not signed as the webhook asks for", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "idempotency_key_reused", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "rate_limited", body = Problem, content_type = "application/problem+json"),
        (status = 508, description = "loop_detected: it went through too many webhooks", body = Problem, content_type = "application/problem+json")))]
pub async fn contact(
    State(state): State<AppState>,
    token: Segment,
    request: Request,
) -> Result<Response, ApiError> {
    take(&state, InboundOperation::Contact, &token, request).await
}

/// Post a contact to be deleted
///
/// To the URL of an inbound webhook. A contact that is not there (any more) is a success too.
#[utoipa::path(post, path = "/in/{token}/contact-delete", operation_id = "receiveContactDelete", tag = "Inbound", security(()),
    params(("token" = String, Path, description = "The webhook's."),
        ("idempotency-key" = Option<String>, Header, description = "The same key and request get the same answer for 24 hours.")),
    request_body(content((DeleteForm = "application/json"), (DeleteForm = "application/x-www-form-urlencoded"), (DeleteForm = "multipart/form-data"))),
    responses((status = 200, body = Taken),
        (status = 401, description = "unverified: it is not signed as the webhook asks for", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "idempotency_key_reused", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "rate_limited", body = Problem, content_type = "application/problem+json"),
        (status = 508, description = "loop_detected: it went through too many webhooks", body = Problem, content_type = "application/problem+json")))]
pub async fn contact_delete(
    State(state): State<AppState>,
    token: Segment,
    request: Request,
) -> Result<Response, ApiError> {
    take(&state, InboundOperation::ContactDelete, &token, request).await
}

async fn take(
    state: &AppState,
    operation: InboundOperation,
    token: &Segment,
    request: Request,
) -> Result<Response, ApiError> {
    let now = state.now();
    let webhook = state
        .inbound
        .by_token(now, &token.0)
        .filter(|webhook| webhook.settings.operations.contains(&operation))
        .ok_or_else(|| ApiError::new(Code::NotFound, "there is no such inbound webhook"))?;
    may_come(now, state, &webhook)?;
    let (head, body) = request.into_parts();
    let body = read_bytes(&head.headers, body, state.settings.body_bytes_max).await?;
    let key = idempotency_key(&head.headers)?;
    let query = head.uri.query().unwrap_or_default();
    // Of the endpoint, not of the path: a rotated token is the same webhook.
    let key = key.map(|key| idempotency(&key, operation.segment(), &with_query(query, &body)));
    let received = ReceivedRequest {
        account_id: webhook.account_id,
        webhook_id: webhook.id,
        operation,
        received_at: now,
        remote_address: head.extensions.get::<Remote>().map(|Remote(address)| *address),
        headers: kept(&head.headers),
        query: query.to_owned(),
        body,
        replay_of: None,
        hops: hops(&head.headers),
    };
    let urls = urls(state, &head.headers, &head.uri);
    let wanted = match unwanted(now, &webhook, &received, &urls) {
        Some(verdict) => Wanted::Refused(verdict),
        None => wanted(state, &webhook, &received).await?,
    };
    let request = state.store.receive(received, wanted, key).await?;
    state.metrics.count_inbound(request.verdict.as_str());
    state.contacts_changed.notify_one();
    answer(&request)
}

/// What is decided before the body is read: a sender that is too fast costs nothing more than this.
fn may_come(now: Timestamp, state: &AppState, webhook: &InboundWebhook) -> Result<(), ApiError> {
    if webhook.status != WebhookStatus::Enabled {
        let error = ApiError::new(Code::InboundPaused, "the webhook is paused; try again later");
        return Err(ApiError { retry_after_s: Some(PAUSED_RETRY_AFTER_S), ..error });
    }
    state.inbound.pace(now, webhook).map_err(|next| {
        state.metrics.count_inbound(Code::RateLimited.as_str());
        let limit = webhook.settings.rate_limit;
        let detail = format!("at most {} requests in {} s", limit.count(), limit.per_s());
        let error = ApiError::new(Code::RateLimited, detail);
        // Rounded up: who comes at that moment must not be too early.
        ApiError { retry_after_s: Some(next.since(now).as_secs() + 1), ..error }
    })
}

/// Why a request is not even read, if it is not.
fn unwanted(
    now: Timestamp,
    webhook: &InboundWebhook,
    received: &ReceivedRequest,
    urls: &[String],
) -> Option<Verdict> {
    if let Some(verification) = &webhook.settings.verification {
        if !received.query.is_empty() && !verification.scheme.signs_query() {
            let why = "fields behind the ? are not signed: send them in the body";
            return Some(Verdict::Unverified(why.to_owned()));
        }
        let signed = SignedRequest { headers: &received.headers, urls, body: &received.body };
        if let Err(why) = verification.check(now, signed) {
            return Some(Verdict::Unverified(why));
        }
    }
    (received.hops > HOPS_MAX).then_some(Verdict::Loop)
}

/// What a request that is let in asks for.
pub async fn wanted(
    state: &AppState,
    webhook: &InboundWebhook,
    received: &ReceivedRequest,
) -> Result<Wanted, ApiError> {
    let settings = &webhook.settings;
    let values = match values_of(received) {
        Ok(values) => values,
        Err(invalid) => return Ok(refused(invalid.errors)),
    };
    let meant =
        understand(state, webhook.account_id, settings, received.operation, &values).await?;
    Ok(match meant.map(|meaning| (meaning.edit, meaning.errors)) {
        Ok((Some(edit), _)) => Wanted::Edit(edit),
        Ok((None, errors)) => refused(errors),
        Err(invalid) => refused(invalid.errors),
    })
}

/// What is wrong is kept with the request, so there is an end to it.
fn refused(mut errors: Vec<FieldError>) -> Wanted {
    errors.truncate(INBOUND_ERRORS_MAX);
    Wanted::Refused(Verdict::Invalid(errors))
}

/// The values of a request that was kept, or is about to be.
pub fn values_of(received: &ReceivedRequest) -> Result<Vec<Sent>, Invalid> {
    let header = |wanted: &str| {
        let found = received.headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    };
    if header("content-encoding").is_some_and(|encoding| encoding != "identity") {
        let message = "a compressed body is not taken: leave content-encoding away";
        return Err(Invalid::at("", message));
    }
    let content_type = header("content-type");
    read(Body { content_type, query: &received.query, bytes: &received.body })
}

/// What values mean under these settings. The inner error: the list they name is none.
pub async fn understand(
    state: &AppState,
    account: AccountId,
    settings: &InboundSettings,
    operation: InboundOperation,
    values: &[Sent],
) -> Result<Result<Meaning, Invalid>, ApiError> {
    let assigned = Assigned::new(operation, values, &settings.mapping);
    let named = match named_list(&assigned) {
        Ok(named) => named,
        Err(invalid) => return Ok(Err(invalid)),
    };
    let id = named.unwrap_or(settings.powerlist_id);
    let Some(list) = state.store.powerlist(account, id).await? else {
        let pointer = assigned.pointer(Field::PowerlistId);
        return Ok(Err(Invalid::at(pointer, "there is no such powerlist")));
    };
    Ok(Ok(meaning(&assigned, id, list.default_country)))
}

/// The answer that a verdict is, to whoever sent the request.
fn answer(request: &InboundRequest) -> Result<Response, ApiError> {
    match &request.verdict {
        Verdict::Done { operation, contact_id } => {
            let contact_id = contact_id.map(|id| id.to_string());
            let data = TakenData { contact_id, operation: Done::as_str(*operation) };
            Ok(Json(Taken { status: "success", data }).into_response())
        }
        Verdict::Invalid(errors) => Err(invalid(errors)),
        // Why is in the log of the webhook; to a stranger it would say how to try again.
        Verdict::Unverified(_) => {
            Err(ApiError::new(Code::Unverified, "the request is not signed as it should be"))
        }
        Verdict::Loop => {
            let detail = format!("the contact went through more than {HOPS_MAX} webhooks");
            Err(ApiError::new(Code::LoopDetected, detail))
        }
        Verdict::KeyReused => Err(ApiError::new(
            Code::IdempotencyKeyReused,
            "another request was made with this idempotency-key in the last 24 hours; nothing was \
             changed now",
        )),
    }
}

fn invalid(errors: &[FieldError]) -> ApiError {
    Invalid { errors: errors.to_vec() }.into()
}

/// What of the headers is kept, in the order sent.
fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .filter(|(name, _)| !NOT_KEPT.contains(name))
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

/// How often what this tells of went through a webhook before.
fn hops(headers: &HeaderMap) -> u8 {
    let text = headers.get(HOPS).and_then(|value| value.to_str().ok());
    let hops = text.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
    u8::try_from(hops).unwrap_or(u8::MAX)
}

fn with_query<'b>(query: &str, body: &'b Bytes) -> Cow<'b, [u8]> {
    if query.is_empty() {
        return Cow::Borrowed(body);
    }
    Cow::Owned([query.as_bytes(), b"\0", body].concat())
}

/// What the sender may have called this URL: behind a proxy, only it knows.
fn urls(state: &AppState, headers: &HeaderMap, uri: &Uri) -> Vec<String> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut urls = Vec::new();
    if let Some(public) = &state.settings.public_url {
        urls.push(format!("{}{path}", public.trim_end_matches('/')));
    }
    if let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) {
        urls.extend(["https", "http"].map(|scheme| format!("{scheme}://{host}{path}")));
    }
    urls
}
