//! The token in an inbound webhook's URLs, and its rotation.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use posthaste_core::audit::AuditAction;
use posthaste_core::limits::SECRET_OVERLAP_MAX;
use posthaste_core::session::Token;

use super::inbound_webhooks::{InboundWebhookJson, find, shown, update};
use super::secrets::{OVERLAP_S_DEFAULT, RotationBody};
use crate::auth::{Caller, Write};
use crate::error::{ApiError, Problem};
use crate::extract::{OptionalJson, Segment};
use crate::state::AppState;

/// Rotate an inbound webhook's token
///
/// Its URLs have a new token; those with the old one work until the overlap is over. A rotation
/// within an overlap ends that overlap.
#[utoipa::path(post, path = "/v1/webhooks/{id}/rotate-token", operation_id = "rotateToken", tag = "Webhooks",
    security(("api_key" = ["write"])), params(("id" = String, Path, description = "`wh_…`")),
    request_body = Option<RotationBody>, responses((status = 200, body = InboundWebhookJson),
        (status = 409, description = "wrong_direction", body = Problem, content_type = "application/problem+json")))]
pub async fn rotate_token(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
    OptionalJson(body): OptionalJson<RotationBody>,
) -> Result<Json<InboundWebhookJson>, ApiError> {
    let overlap = Duration::from_secs(body.overlap_s.unwrap_or(OVERLAP_S_DEFAULT));
    if overlap > SECRET_OVERLAP_MAX {
        let message = format!("must be at most {} (a week)", SECRET_OVERLAP_MAX.as_secs());
        return Err(ApiError::invalid("/overlap_s", message));
    }
    let id = find(&state, caller.account, &id).await?.id;
    let token = Token::generate(&*state.entropy);
    let rotated = AuditAction::WebhookTokenRotated;
    let webhook = update(&state, caller, id, rotated, move |now, webhook| {
        let old = std::mem::replace(&mut webhook.tokens.current, token);
        let expires_at = now.saturating_add(overlap);
        webhook.tokens.previous = (expires_at > now).then_some((old, expires_at));
        Ok(())
    })
    .await?;
    shown(&state, caller, &webhook).await.map(Json)
}
