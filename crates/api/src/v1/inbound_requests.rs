//! The requests that an inbound webhook got: what came, what became of it, and doing it again after
//! a mapping was set right.

use axum::Json;
use axum::extract::State;
use posthaste_core::error::FieldError;
use posthaste_core::id::{AccountId, RequestId, WebhookId};
use posthaste_core::inbound::{InboundRequest, ReceivedRequest, VERDICTS, Verdict};
use posthaste_core::limits::HOPS_MAX;
use posthaste_core::page::PageRequest;
use posthaste_core::store::Wanted;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::List;
use super::inbound_webhooks::find;
use super::names::InboundVerdictName;
use super::webhooks::PairsJson;
use crate::auth::{Caller, Read, Write};
use crate::error::{ApiError, Problem, ProblemField};
use crate::extract::{Parameters, Segment, Segments};
use crate::receiving::wanted;
use crate::state::AppState;

/// A request to an inbound webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InboundRequest)]
pub struct RequestJson {
    #[schema(example = "req_06a2b3c4d5e6f")]
    id: String,
    webhook_id: String,
    /// `contact` or `contact.delete`: which endpoint it came to.
    event: &'static str,
    #[schema(value_type = InboundVerdictName)]
    verdict: &'static str,
    #[schema(required)]
    contact_id: Option<String>,
    #[schema(format = DateTime)]
    received_at: String,
    #[schema(required)]
    remote_address: Option<String>,
    #[schema(required)]
    content_type: Option<String>,
    /// Behind the `?`.
    query: String,
    /// Without credentials. Lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = std::collections::HashMap<String, String>, required = false)]
    headers: Option<PairsJson>,
    /// As text, whatever it was. Lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    body: Option<String>,
    /// What is wrong, each with where it was sent.
    errors: Vec<ProblemField>,
    /// Why it was not verified, or not taken.
    #[schema(required)]
    detail: Option<String>,
    /// The request that this one repeats.
    #[schema(required)]
    replay_of: Option<String>,
}

impl RequestJson {
    /// As lists have it.
    fn brief(request: &InboundRequest) -> RequestJson {
        let received = &request.received;
        let content_type = received.headers.iter().find(|(name, _)| name == "content-type");
        let (contact_id, errors, detail) = match &request.verdict {
            Verdict::Done { contact_id, .. } => (*contact_id, [].as_slice(), None),
            Verdict::Invalid(errors) => (None, errors.as_slice(), None),
            Verdict::Unverified(why) => (None, [].as_slice(), Some(why.clone())),
            Verdict::Loop => {
                let detail = format!("it went through {} webhooks before", received.hops);
                (None, [].as_slice(), Some(detail))
            }
            Verdict::KeyReused => {
                let detail = "another request came with this idempotency-key before".to_owned();
                (None, [].as_slice(), Some(detail))
            }
        };
        RequestJson {
            id: request.id.to_string(),
            webhook_id: received.webhook_id.to_string(),
            event: received.operation.event(),
            verdict: request.verdict.as_str(),
            contact_id: contact_id.map(|id| id.to_string()),
            received_at: received.received_at.to_string(),
            remote_address: received.remote_address.map(|address| address.to_string()),
            content_type: content_type.map(|(_, value)| value.clone()),
            query: received.query.clone(),
            headers: None,
            body: None,
            errors: errors_json(errors),
            detail,
            replay_of: received.replay_of.map(|id| id.to_string()),
        }
    }

    fn whole(request: &InboundRequest) -> RequestJson {
        RequestJson {
            headers: Some(PairsJson(request.received.headers.clone())),
            body: Some(String::from_utf8_lossy(&request.received.body).into_owned()),
            ..RequestJson::brief(request)
        }
    }
}

pub fn errors_json(errors: &[FieldError]) -> Vec<ProblemField> {
    let json = |error: &FieldError| ProblemField {
        pointer: error.pointer.clone(),
        message: error.message.clone(),
    };
    errors.iter().map(json).collect()
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RequestsQuery {
    /// Only those that came to this.
    #[param(value_type = Option<InboundVerdictName>, inline)]
    verdict: Option<String>,
    /// 1 to 200; 50 if left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// List an inbound webhook's requests
#[utoipa::path(get, path = "/v1/webhooks/{id}/requests", operation_id = "listInboundRequests", tag = "Inbound",
    security(("api_key" = ["read"])), params(("id" = String, Path, description = "`wh_…`"), RequestsQuery),
    responses((status = 200, body = List<RequestJson>),
        (status = 409, description = "wrong_direction", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
    Parameters(query): Parameters<RequestsQuery>,
) -> Result<Json<List<RequestJson>>, ApiError> {
    let page = PageRequest::parse(query.limit.as_deref(), query.cursor.as_deref())?;
    if let Some(verdict) = &query.verdict
        && !VERDICTS.contains(&verdict.as_str())
    {
        let message = format!("must be one of {}", VERDICTS.join(", "));
        return Err(ApiError::invalid("/verdict", message));
    }
    let webhook = find(&state, caller.account, &id).await?;
    let verdict = query.verdict.as_deref();
    let found =
        state.store.list_inbound_requests(caller.account, webhook.id, verdict, page).await?;
    Ok(Json(found.map(|request| RequestJson::brief(&request)).into()))
}

/// The request of that webhook, or the answer that there is none.
pub async fn find_request(
    state: &AppState,
    account: AccountId,
    webhook: WebhookId,
    id: &Segment,
) -> Result<InboundRequest, ApiError> {
    let id: RequestId = id.id("request")?;
    let found = state.store.inbound_request(account, id).await?;
    found
        .filter(|request| request.received.webhook_id == webhook)
        .ok_or_else(|| ApiError::not_found("request"))
}

/// Show a request to an inbound webhook
#[utoipa::path(get, path = "/v1/webhooks/{id}/requests/{request_id}", operation_id = "showInboundRequest", tag = "Inbound",
    security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "`wh_…`"), ("request_id" = String, Path, description = "`req_…`")),
    responses((status = 200, body = RequestJson),
        (status = 409, description = "wrong_direction", body = Problem, content_type = "application/problem+json")))]
pub async fn show(
    caller: Caller<Read>,
    State(state): State<AppState>,
    Segments(id, request): Segments,
) -> Result<Json<RequestJson>, ApiError> {
    let webhook = find(&state, caller.account, &id).await?;
    let request = find_request(&state, caller.account, webhook.id, &request).await?;
    Ok(Json(RequestJson::whole(&request)))
}

/// Do a request again
///
/// As it came, with the webhook's settings of now. It is kept beside the first one and is no hit.
/// It is not verified again: whoever may write to the account says that it is to be done.
#[utoipa::path(post, path = "/v1/webhooks/{id}/requests/{request_id}/replay", operation_id = "replayInboundRequest", tag = "Inbound",
    security(("api_key" = ["write"])),
    params(("id" = String, Path, description = "`wh_…`"), ("request_id" = String, Path, description = "`req_…`")),
    responses((status = 200, body = RequestJson),
        (status = 409, description = "wrong_direction", body = Problem, content_type = "application/problem+json")))]
pub async fn replay(
    caller: Caller<Write>,
    State(state): State<AppState>,
    Segments(id, request): Segments,
) -> Result<Json<RequestJson>, ApiError> {
    let webhook = find(&state, caller.account, &id).await?;
    let first = find_request(&state, caller.account, webhook.id, &request).await?;
    let received =
        ReceivedRequest { received_at: state.now(), replay_of: Some(first.id), ..first.received };
    let wants = if received.hops > HOPS_MAX {
        Wanted::Refused(Verdict::Loop)
    } else {
        wanted(&state, &webhook, &received).await?
    };
    let request = state.store.receive(received, wants, None).await?;
    state.contacts_changed.notify_one();
    Ok(Json(RequestJson::whole(&request)))
}
