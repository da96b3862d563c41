//! What View Endpoints shows: the URLs of a webhook and how they are doing.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use posthaste_core::stats::Rollup;
use posthaste_core::store::Health;
use serde::Serialize;
use utoipa::ToSchema;

use super::text_of;
use super::webhooks::find;
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
    url: String,
    /// Always `POST`.
    method: &'static str,
    events: Vec<String>,
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
    let webhook = find(&state, caller.account, &id).await?;
    let since = state.now().saturating_sub(RECENT);
    let health = state.store.health(webhook.id, since).await?;
    let endpoint = Endpoint {
        url: webhook.settings.url.to_string(),
        method: "POST",
        events: webhook.settings.events.iter().map(ToString::to_string).collect(),
        health: health.into(),
    };
    Ok(Json(Endpoints { data: vec![endpoint] }))
}
