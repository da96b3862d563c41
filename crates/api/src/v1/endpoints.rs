//! What View Endpoints shows: the URLs of a webhook and how they are doing.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use posthaste_core::inbound::InboundWebhook;
use posthaste_core::rights::Rights;
use posthaste_core::stats::Rollup;
use posthaste_core::store::Health;
use serde::Serialize;
use utoipa::ToSchema;

use super::webhooks::find;
use super::{inbound_webhooks, text_of};
use crate::auth::{Caller, Read};
use crate::error::ApiError;
use crate::extract::Segment;
use crate::state::AppState;

/// What success rate and response times are taken over.
const RECENT: Duration = Duration::from_hours(24);

/// The endpoints of a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct Endpoints {
    data: Vec<Endpoint>,
}

/// One URL of a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct Endpoint {
    /// Null for an inbound one as long as the operator has not told this server's address.
    #[schema(required)]
    url: Option<String>,
    /// Of an inbound one: what stands behind the server's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    path: Option<String>,
    /// Always `POST`.
    method: &'static str,
    events: Vec<String>,
    /// Of an inbound one: the fields that it knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    fields: Option<Vec<&'static str>>,
    health: EndpointHealth,
}

/// How an endpoint is doing. Rates and times are those of the last 24 hours.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointHealth {
    hits: u64,
    #[schema(required, format = DateTime)]
    last_hit_at: Option<String>,
    /// 0 to 1: the share of attempts that were answered with a 2xx; null without attempts.
    #[schema(required)]
    success_rate: Option<f64>,
    #[schema(required)]
    average_ms: Option<u32>,
    #[schema(required)]
    p95_ms: Option<u32>,
    #[schema(required)]
    last_error: Option<LastError>,
    /// Deliveries that have not ended.
    pending: u64,
}

/// The newest attempt that did not succeed.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastError {
    #[schema(format = DateTime)]
    at: String,
    message: String,
}

impl From<Health> for EndpointHealth {
    fn from(health: Health) -> EndpointHealth {
        EndpointHealth {
            hits: health.hits.count,
            last_hit_at: text_of(health.hits.last_at),
            success_rate: success_rate(&health.recent),
            average_ms: health.recent.durations().mean_ms(),
            p95_ms: health.recent.durations().quantile(0.95),
            last_error: health
                .last_error
                .map(|(at, message)| LastError { at: at.to_string(), message }),
            pending: health.pending,
        }
    }
}

fn success_rate(recent: &Rollup) -> Option<f64> {
    let [_, succeeded, ..] = recent.by_status_class();
    (recent.attempts > 0).then(|| succeeded as f64 / recent.attempts as f64)
}

/// View a webhook's endpoints
#[utoipa::path(get, path = "/v1/webhooks/{id}/endpoints", operation_id = "showEndpoints", tag = "Webhooks",
    security(("api_key" = ["read"])), params(("id" = String, Path, description = "`wh_…`")),
    responses((status = 200, body = Endpoints)))]
pub async fn show(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<Endpoints>, ApiError> {
    if let Some(webhook) = inbound_webhooks::of(&state, caller.account, &id) {
        return Ok(Json(inbound(&state, &webhook, caller.rights).await?));
    }
    let webhook = find(&state, caller.account, &id).await?;
    let since = state.now().saturating_sub(RECENT);
    let health = state.store.health(webhook.id, since).await?;
    let endpoint = Endpoint {
        url: Some(webhook.settings.url.to_string()),
        path: None,
        method: "POST",
        events: webhook.settings.events.iter().map(ToString::to_string).collect(),
        fields: None,
        health: health.into(),
    };
    Ok(Json(Endpoints { data: vec![endpoint] }))
}

/// Hits are counted for the webhook as a whole; nothing is sent, so there is nothing else to tell.
async fn inbound(
    state: &AppState,
    webhook: &InboundWebhook,
    rights: Rights,
) -> Result<Endpoints, ApiError> {
    let hits = state.store.hits(&[webhook.id]).await?.first().copied().unwrap_or_default();
    let public_url = state.settings.public_url.as_deref();
    let endpoints = inbound_webhooks::endpoints(webhook, rights, public_url).into_iter();
    let data = endpoints.map(|endpoint| Endpoint {
        url: endpoint.url,
        path: Some(endpoint.path),
        method: endpoint.method,
        events: vec![endpoint.event.to_owned()],
        fields: Some(endpoint.fields),
        health: EndpointHealth {
            hits: hits.count,
            last_hit_at: text_of(hits.last_at),
            success_rate: None,
            average_ms: None,
            p95_ms: None,
            last_error: None,
            pending: 0,
        },
    });
    Ok(Endpoints { data: data.collect() })
}
