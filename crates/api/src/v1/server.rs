//! What the server is and how it is set up, for pages that have to say so.

use axum::Json;
use axum::extract::State;
use posthaste_core::account::Action;
use posthaste_core::limits::{TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX, TIMEOUT_MS_MIN};
use posthaste_core::retry::RetrySchedule;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::{Caller, Read};
use crate::error::ApiError;
use crate::state::AppState;

#[derive(Debug, Serialize, ToSchema)]
pub struct ServerFacts {
    version: &'static str,
    /// It was started with `--dev`.
    dev: bool,
    /// It has a test inbox.
    inbox: bool,
    /// Where people reach it, if its operator said so.
    #[schema(required, example = "https://hooks.example.com")]
    public_url: Option<String>,
    uptime_s: u64,
    #[schema(format = DateTime)]
    started_at: String,
    /// Events and deliveries are dropped after so many days.
    retention_days: u32,
    /// Networks and hosts that webhooks may call although they are not public. Null for keys that
    /// may not administer.
    #[schema(required)]
    egress_allow: Option<Vec<String>>,
    /// Webhooks may call this machine.
    egress_dev: bool,
    /// The largest body of a request.
    body_bytes_max: usize,
    /// The delays before each attempt, where a webhook has none of its own.
    retry_delays_s: Vec<u32>,
    timeout_ms: TimeoutBounds,
    /// Null for keys that may not administer: it tells of all accounts.
    #[schema(required)]
    store: Option<StoreFacts>,
}

/// What a webhook's `timeout_ms` may be.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimeoutBounds {
    default: u32,
    min: u32,
    max: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct StoreFacts {
    /// `embedded`: files of this server's own.
    kind: &'static str,
    /// Deliveries in memory that have not ended.
    pending: usize,
    /// Null if it cannot be told.
    #[schema(required)]
    disk_bytes: Option<u64>,
}

/// Facts about this server
#[utoipa::path(get, path = "/v1/server", operation_id = "showServer", tag = "Operation",
    security(("api_key" = ["read"])), responses((status = 200, body = ServerFacts)))]
pub async fn show(
    caller: Caller<Read>,
    State(state): State<AppState>,
) -> Result<Json<ServerFacts>, ApiError> {
    let settings = &state.settings;
    // How the whole is set up and filled is no business of a single customer.
    let may_see_all = caller.may(Action::Administer);
    let store = if may_see_all {
        let pending = state.engine.load().outstanding;
        let disk_bytes = state.store.disk_bytes().await?;
        Some(StoreFacts { kind: "embedded", pending, disk_bytes })
    } else {
        None
    };
    Ok(Json(ServerFacts {
        version: env!("CARGO_PKG_VERSION"),
        dev: settings.dev,
        inbox: state.inbox.is_some(),
        public_url: settings.public_url.clone(),
        uptime_s: state.now().since(state.started_at).as_secs(),
        started_at: state.started_at.to_string(),
        retention_days: settings.retention_days,
        egress_allow: may_see_all.then(|| settings.egress_allow.clone()),
        egress_dev: settings.dev,
        body_bytes_max: settings.body_bytes_max,
        retry_delays_s: RetrySchedule::default().delays_s().to_vec(),
        timeout_ms: TimeoutBounds {
            default: TIMEOUT_MS_DEFAULT,
            min: TIMEOUT_MS_MIN,
            max: TIMEOUT_MS_MAX,
        },
        store,
    }))
}
