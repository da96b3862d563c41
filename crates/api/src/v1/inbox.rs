//! The test inbox for whoever has a key: what arrived, and what it answers. Without `--dev` there
//! is none. What it keeps and how it verifies is in [`crate::inbox`].

use axum::extract::State;
use axum::http::StatusCode;

use crate::auth::{Caller, Read, Write};
use crate::error::ApiError;
use crate::extract::{Json, Parameters, Segment};
use crate::inbox::{AnswerJson, ListQuery, Requests, SetAnswer, inbox_of};
use crate::state::AppState;

/// List what arrived
///
/// Oldest first, at most 100 at a time, of the last 500. Ask again with `next_since` for what came
/// since.
#[utoipa::path(get, path = "/v1/inbox/requests", operation_id = "listInboxRequests", tag = "Test inbox",
    security(("api_key" = ["read"])), params(ListQuery),
    responses((status = 200, body = Requests)))]
pub async fn list(
    _: Caller<Read>,
    State(state): State<AppState>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<axum::Json<Requests>, ApiError> {
    Ok(axum::Json(inbox_of(&state)?.requests(query.parse()?)))
}

/// Forget what arrived
#[utoipa::path(delete, path = "/v1/inbox/requests", operation_id = "clearInbox", tag = "Test inbox",
    security(("api_key" = ["write"])), responses((status = 204)))]
pub async fn clear(
    _: Caller<Write>,
    State(state): State<AppState>,
) -> Result<StatusCode, ApiError> {
    inbox_of(&state)?.clear();
    Ok(StatusCode::NO_CONTENT)
}

/// Show what a name answers
#[utoipa::path(get, path = "/v1/inbox/answer/{name}", operation_id = "showInboxAnswer", tag = "Test inbox",
    security(("api_key" = ["read"])),
    params(("name" = String, Path, description = "What stands behind `/inbox/receive/`; `default` where nothing does")),
    responses((status = 200, body = AnswerJson)))]
pub async fn show_answer(
    _: Caller<Read>,
    State(state): State<AppState>,
    Segment(name): Segment,
) -> Result<axum::Json<AnswerJson>, ApiError> {
    inbox_of(&state)?.answer(&name).map(axum::Json)
}

/// Set what a name answers
///
/// From the next request on, whatever its URL asks for.
#[utoipa::path(put, path = "/v1/inbox/answer/{name}", operation_id = "setInboxAnswer", tag = "Test inbox",
    security(("api_key" = ["write"])),
    params(("name" = String, Path, description = "What stands behind `/inbox/receive/`; `default` where nothing does")),
    request_body = SetAnswer, responses((status = 204)))]
pub async fn set_answer(
    _: Caller<Write>,
    State(state): State<AppState>,
    Segment(name): Segment,
    Json(answer): Json<SetAnswer>,
) -> Result<StatusCode, ApiError> {
    inbox_of(&state)?.set_answer(name, &answer)?;
    Ok(StatusCode::NO_CONTENT)
}
