//! A webhook's secret: showing it, and rotating it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use posthaste_core::audit::AuditAction;
use posthaste_core::inbound::InboundWebhook;
use posthaste_core::limits::SECRET_OVERLAP_MAX;
use posthaste_core::secret::{Secret, Secrets};
use posthaste_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::inbound_webhooks;
use super::webhooks::{find, update};
use crate::audit::{Changed, Record};
use crate::auth::{Caller, Write};
use crate::error::{ApiError, Code};
use crate::extract::{OptionalJson, Segment, given};
use crate::state::AppState;

pub const OVERLAP_S_DEFAULT: u64 = 86_400;

/// The secrets that sign what a webhook gets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Secrets)]
pub struct SecretsJson {
    #[schema(example = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX")]
    secret: String,
    /// The one from before the last rotation, while it still signs too.
    #[schema(required)]
    previous: Option<PreviousSecretJson>,
}

/// A secret that is on its way out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviousSecret)]
pub struct PreviousSecretJson {
    secret: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

impl SecretsJson {
    fn of(now: Timestamp, secrets: &Secrets) -> SecretsJson {
        let live = secrets.previous.as_ref().filter(|previous| now < previous.expires_at);
        SecretsJson {
            secret: secrets.current.expose().to_owned(),
            previous: live.map(|previous| PreviousSecretJson {
                secret: previous.secret.expose().to_owned(),
                expires_at: previous.expires_at.to_string(),
            }),
        }
    }
}

/// How to rotate.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schema(as = Rotation)]
pub struct RotationBody {
    /// How long the old secret goes on signing beside the new one, in seconds; a day, if left
    /// out. 0 ends it at once.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, maximum = 604_800)]
    pub overlap_s: Option<u64>,
}

/// Show a webhook's secret
///
/// Of an outbound webhook, what signs its requests; of an inbound one, what they are verified with.
/// That it was shown, and to whom, goes into the audit log.
#[utoipa::path(get, path = "/v1/webhooks/{id}/secret", operation_id = "showSecret", tag = "Webhooks",
    security(("api_key" = ["write"])), params(("id" = String, Path, description = "`wh_…`")),
    responses((status = 200, body = SecretsJson)))]
pub async fn show(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<SecretsJson>, ApiError> {
    let shared = state.clone();
    if let Some(webhook) = inbound_webhooks::of(&state, caller.account, &id) {
        return show_inbound(&state, caller, webhook).await.map(Json);
    }
    // Nothing is changed; but who has seen a secret is worth as much as who changed one.
    let webhook = state
        .change(caller.by, async move {
            let webhook = find(&shared, caller.account, &id).await?;
            let record = Record::about(AuditAction::WebhookSecretShown, &webhook);
            Ok(Changed::and(webhook, record))
        })
        .await?;
    Ok(Json(SecretsJson::of(state.now(), &webhook.secrets)))
}

/// The secret that an inbound webhook's requests are verified with.
async fn show_inbound(
    state: &AppState,
    caller: Caller<Write>,
    webhook: Arc<InboundWebhook>,
) -> Result<SecretsJson, ApiError> {
    let Some(verification) = webhook.settings.verification.clone() else {
        return Err(ApiError::new(
            Code::NotFound,
            "the webhook verifies nothing, so has no secret",
        ));
    };
    let record = Record::about(AuditAction::WebhookSecretShown, &*webhook);
    state.change(caller.by, async move { Ok(Changed::and((), record)) }).await?;
    Ok(SecretsJson { secret: verification.secret.expose().to_owned(), previous: None })
}

/// Rotate a webhook's secret
///
/// Both secrets sign until the overlap is over. A rotation within an overlap ends that overlap.
#[utoipa::path(post, path = "/v1/webhooks/{id}/rotate-secret", operation_id = "rotateSecret", tag = "Webhooks",
    security(("api_key" = ["write"])), params(("id" = String, Path, description = "`wh_…`")),
    request_body = Option<RotationBody>, responses((status = 200, body = SecretsJson)))]
pub async fn rotate(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
    OptionalJson(body): OptionalJson<RotationBody>,
) -> Result<Json<SecretsJson>, ApiError> {
    let overlap = Duration::from_secs(body.overlap_s.unwrap_or(OVERLAP_S_DEFAULT));
    if overlap > SECRET_OVERLAP_MAX {
        let message = format!("must be at most {} (a week)", SECRET_OVERLAP_MAX.as_secs());
        return Err(ApiError::invalid("/overlap_s", message));
    }
    let secret = Secret::generate(&*state.entropy);
    let rotated = AuditAction::WebhookSecretRotated;
    let webhook = update(&state, caller, id, rotated, move |now, webhook| {
        webhook.secrets.rotate(now, secret, overlap);
        Ok(())
    })
    .await?;
    Ok(Json(SecretsJson::of(state.now(), &webhook.secrets)))
}
