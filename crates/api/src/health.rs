//! What an operator's tools ask: is the process alive, may it get requests, what has it counted.

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use posthaste_core::page::PageRequest;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::{Administer, Caller};
use crate::dashboard::{Dashboard, asks_for_a_page};
use crate::error::{ApiError, Code};
use crate::state::AppState;

/// A store that has not answered within this is no store to send requests to.
const STORE_CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Liveness.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alive {
    #[schema(example = "ok")]
    status: &'static str,
    version: &'static str,
}

/// Readiness, with what the engine has to do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    #[schema(example = "ready")]
    status: &'static str,
    engine: Load,
}

/// The delivery engine's memory.
#[derive(Debug, Serialize, ToSchema)]
pub struct Load {
    /// Deliveries in memory that have not ended.
    outstanding: usize,
    /// Requests on the wire.
    in_flight: usize,
    /// Accepted deliveries without a row yet.
    unrecorded: usize,
}

/// Is the process alive?
#[utoipa::path(get, path = "/healthz", tag = "Operation", security(()),
    responses((status = 200, body = Alive)))]
pub async fn healthz() -> Json<Alive> {
    Json(Alive { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// May it get requests?
///
/// 503 while the store does not answer, and from the moment a shutdown begins.
#[utoipa::path(get, path = "/readyz", tag = "Operation", security(()),
    responses((status = 200, body = Ready)))]
pub async fn readyz(State(state): State<AppState>) -> Result<Json<Ready>, ApiError> {
    let not_ready = |detail: &str| ApiError::new(Code::NotReady, detail);
    if !state.is_ready() {
        return Err(not_ready("the server is shutting down"));
    }
    let check = state.store.list_accounts(PageRequest { limit: 1, cursor: None });
    match tokio::time::timeout(STORE_CHECK_TIMEOUT, check).await {
        Ok(Ok(_)) => {}
        Ok(Err(_)) => return Err(not_ready("the store cannot be used")),
        Err(_) => return Err(not_ready("the store does not answer")),
    }
    let load = state.engine.load();
    let engine = Load {
        outstanding: load.outstanding,
        in_flight: load.in_flight,
        unrecorded: load.unrecorded,
    };
    Ok(Json(Ready { status: "ready", engine }))
}

/// Counters and gauges in Prometheus' text format.
///
/// Needs a platform key, unless the operator opened it (`metrics_open`).
#[utoipa::path(get, path = "/metrics", tag = "Operation",
    security(("api_key" = ["administer"])),
    responses((status = 200, body = String, content_type = "text/plain; version=0.0.4")))]
pub async fn metrics(
    State(state): State<AppState>,
    Extension(dashboard): Extension<Dashboard>,
    mut parts: Parts,
) -> Result<Response, ApiError> {
    // The dashboard has a page of this name, and its address may be opened or loaded again. With a
    // key it is a program that asks, whatever it takes: Java's standard client names HTML too.
    let has_key = parts.headers.contains_key(header::AUTHORIZATION);
    if !has_key && asks_for_a_page(&parts.headers) {
        return Ok(dashboard.page(&parts.headers));
    }
    if !state.settings.metrics_open {
        use axum::extract::FromRequestParts;
        Caller::<Administer>::from_request_parts(&mut parts, &state).await?;
    }
    let page = state.metrics.render(state.engine.load(), &state.checks);
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, page).into_response())
}
