//! The audit log, read. It is written by the one way that changes go
//! ([`AppState::change`](crate::state::AppState::change)).

use axum::Json;
use axum::extract::State;
use posthaste_core::account::Action;
use posthaste_core::audit::{AuditAction, AuditEntry, FieldChange};
use posthaste_core::error::{Complaints, Invalid};
use posthaste_core::page::PageRequest;
use posthaste_core::store::AuditFilter;
use posthaste_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::List;
use super::names::{ActorTypeName, AuditActionName, TargetTypeName};
use crate::auth::{Caller, Manage};
use crate::error::ApiError;
use crate::extract::Parameters;
use crate::state::AppState;

/// Something that was changed, or done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditEntryJson {
    #[schema(example = "aud_06a2b3c4d5e6f")]
    id: String,
    #[schema(format = DateTime)]
    at: String,
    actor: ActorJson,
    #[schema(value_type = AuditActionName)]
    action: &'static str,
    /// null where it was about nothing that is known, such as a sign-in with a strange address.
    #[schema(required)]
    target: Option<TargetJson>,
    /// Of secrets, passwords, keys and header values only that they changed.
    changes: Vec<FieldChangeJson>,
    /// Where the request came from.
    #[schema(required, example = "203.0.113.7")]
    remote_address: Option<String>,
}

/// Who did it, by the name they had then.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Actor)]
pub struct ActorJson {
    #[schema(value_type = ActorTypeName)]
    r#type: &'static str,
    /// null for the system.
    #[schema(required)]
    id: Option<String>,
    name: String,
}

/// What it was done to, by the name it had then.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Target)]
pub struct TargetJson {
    #[schema(value_type = TargetTypeName)]
    r#type: &'static str,
    /// An event type's is its name.
    id: String,
    name: String,
}

/// A field, before and after; null where there was or is nothing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldChange)]
pub struct FieldChangeJson {
    field: String,
    #[schema(required, value_type = Value)]
    before: Value,
    #[schema(required, value_type = Value)]
    after: Value,
}

impl From<AuditEntry> for AuditEntryJson {
    fn from(AuditEntry { id, at, entry }: AuditEntry) -> AuditEntryJson {
        let change =
            |FieldChange { field, before, after }| FieldChangeJson { field, before, after };
        AuditEntryJson {
            id: id.to_string(),
            at: at.to_string(),
            actor: ActorJson {
                r#type: entry.actor.kind.as_str(),
                id: entry.actor.id,
                name: entry.actor.name,
            },
            action: entry.action.as_str(),
            target: entry.target.map(|target| TargetJson {
                r#type: target.kind.as_str(),
                id: target.id,
                name: target.name,
            }),
            changes: entry.changes.into_iter().map(change).collect(),
            remote_address: entry.remote_address.map(|address| address.to_string()),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// The id of a user or an API key, or `system`.
    actor: Option<String>,
    #[param(value_type = Option<AuditActionName>)]
    action: Option<String>,
    /// The id of what it was done to; the name of an event type.
    target: Option<String>,
    /// At or after.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Before.
    #[param(format = DateTime)]
    until: Option<String>,
    /// 1 to 200; 50 if left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl AuditQuery {
    fn filter(self, caller: &Caller<Manage>) -> Result<AuditFilter, Invalid> {
        let mut wrong = Complaints::default();
        let mut time = |at: &str, text: Option<String>| {
            text.and_then(|text| wrong.check(at, Timestamp::parse(&text)))
        };
        let (since, until) = (time("/since", self.since), time("/until", self.until));
        let action = self.action.and_then(|text| {
            let known = AuditAction::parse(&text)
                .ok_or_else(|| Invalid::at("", format!("{text:?} is no action that is logged")));
            wrong.check("/action", known)
        });
        wrong.finish()?;
        let everything = AuditFilter::of(caller.account, caller.may(Action::Administer));
        let (actor, target) = (self.actor, self.target);
        Ok(AuditFilter { actor, action, target, since, until, ..everything })
    }
}

/// List what was changed
///
/// In the account, newest first; for platform keys and owners of the platform also what concerns
/// the platform. Kept for 400 days.
#[utoipa::path(get, path = "/v1/audit-log", operation_id = "listAuditLog", tag = "Sessions and users",
    security(("api_key" = ["manage"])), params(AuditQuery),
    responses((status = 200, body = List<AuditEntryJson>)))]
pub async fn list(
    caller: Caller<Manage>,
    State(state): State<AppState>,
    Parameters(query): Parameters<AuditQuery>,
) -> Result<Json<List<AuditEntryJson>>, ApiError> {
    let page = PageRequest::parse(query.limit.as_deref(), query.cursor.as_deref())?;
    let filter = query.filter(&caller)?;
    let found = state.store.list_audit(&filter, page).await?;
    Ok(Json(found.map(AuditEntryJson::from).into()))
}
