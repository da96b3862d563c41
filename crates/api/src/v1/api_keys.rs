//! API keys: made, listed and deleted. Their text is shown once, when they are made.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use posthaste_core::account::{Action, ApiKey, KeyText, NewApiKey, Role, parse_name};
use posthaste_core::audit::AuditAction;
use posthaste_core::error::{Complaints, Invalid};
use posthaste_core::id::{AccountId, KeyId};
use posthaste_core::limits::API_KEYS_PER_ACCOUNT_MAX;
use posthaste_core::page::PageRequest;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::List;
use super::names::RoleName;
use crate::audit::{Changed, Record};
use crate::auth::{Caller, Manage};
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Json as JsonBody, Parameters, Segment};
use crate::state::AppState;

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with name and role")]
#[schema(as = NewApiKey)]
pub struct NewKeyBody {
    /// What people call it.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Only a platform key can make one for the `platform`.
    #[schema(value_type = RoleName)]
    role: String,
}

/// An API key, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct KeyJson {
    #[schema(example = "key_06a2b3c4d5e6f")]
    id: String,
    name: String,
    #[schema(value_type = RoleName)]
    role: &'static str,
    /// null for a platform key.
    #[schema(required)]
    account_id: Option<String>,
    /// Its first characters.
    #[schema(example = "phk_AbCd")]
    hint: String,
    #[schema(format = DateTime)]
    created_at: String,
}

/// A new API key, with the text that is never shown again.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedKey {
    #[serde(flatten)]
    api_key: KeyJson,
    /// Keep it: only its hash is stored.
    #[schema(example = "phk_0123456789abcdefghijABCDEFGHIJ0123456789abc")]
    key: String,
}

impl From<&ApiKey> for KeyJson {
    fn from(key: &ApiKey) -> KeyJson {
        KeyJson {
            id: key.id.to_string(),
            name: key.name.clone(),
            role: key.role.as_str(),
            account_id: key.account_id.map(|id| id.to_string()),
            hint: key.hint.clone(),
            created_at: key.created_at.to_string(),
        }
    }
}

/// Make an API key
///
/// For the caller's account, or for the whole platform. Works at once.
#[utoipa::path(post, path = "/v1/api-keys", operation_id = "createApiKey", tag = "Keys and accounts",
    security(("api_key" = ["manage"])), request_body = NewKeyBody,
    responses((status = 201, body = CreatedKey), (status = 409, description = "limit_reached", body = Problem,
            content_type = "application/problem+json")))]
pub async fn create(
    caller: Caller<Manage>,
    State(state): State<AppState>,
    JsonBody(body): JsonBody<NewKeyBody>,
) -> Result<(StatusCode, Json<CreatedKey>), ApiError> {
    let mut wrong = Complaints::default();
    let name = wrong.check("/name", parse_name(&body.name));
    let role = Role::parse(&body.role)
        .ok_or_else(|| Invalid::at("", "must be platform, account, publish or read"));
    let role = wrong.check("/role", role);
    wrong.finish()?;
    let checked = "complaints would have been returned";
    let (name, role) = (name.expect(checked), role.expect(checked));
    let account = account_for(caller, role)?;
    let text = KeyText::generate(&*state.entropy);
    let new = NewApiKey::new(&text, role, account, name);
    let shared = state.clone();
    let api_key = state
        .change(caller.by, async move {
            if shared.keys.count(account) >= API_KEYS_PER_ACCOUNT_MAX {
                return Err(ApiError::limit_reached("API keys", API_KEYS_PER_ACCOUNT_MAX));
            }
            let key = shared.store.create_key(shared.now(), new).await?;
            shared.keys.add(key.clone());
            let record = Record::made(AuditAction::KeyCreated, &key);
            Ok(Changed::and(key, record))
        })
        .await?;
    let created = CreatedKey { api_key: (&api_key).into(), key: text.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Whose key it becomes. One of the platform is only for those who may administer it.
fn account_for(caller: Caller<Manage>, role: Role) -> Result<Option<AccountId>, ApiError> {
    match role {
        Role::Platform if caller.may(Action::Administer) => Ok(None),
        Role::Platform => Err(ApiError::new(
            Code::Forbidden,
            "only a platform key or an owner of the platform may do this",
        )),
        Role::Account | Role::Publish | Role::Read => Ok(Some(caller.account)),
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct KeyListQuery {
    /// `platform` lists the platform's keys (for platform keys only), everything else being the
    /// account's.
    role: Option<String>,
    /// 1 to 200; 50 if left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

/// List API keys
///
/// Those of the account; with `role=platform` those of the platform.
#[utoipa::path(get, path = "/v1/api-keys", operation_id = "listApiKeys", tag = "Keys and accounts",
    security(("api_key" = ["manage"])), params(KeyListQuery),
    responses((status = 200, body = List<KeyJson>)))]
pub async fn list(
    caller: Caller<Manage>,
    State(state): State<AppState>,
    Parameters(query): Parameters<KeyListQuery>,
) -> Result<Json<List<KeyJson>>, ApiError> {
    let page = PageRequest::parse(query.limit.as_deref(), query.cursor.as_deref())?;
    let account = match query.role.as_deref() {
        None => Some(caller.account),
        Some("platform") => account_for(caller, Role::Platform)?,
        Some(_) => return Err(ApiError::invalid("/role", "must be platform, or left out")),
    };
    let found = state.store.list_keys(account, page).await?;
    Ok(Json(found.map(|key| KeyJson::from(&key)).into()))
}

/// Delete an API key
///
/// Works at once.
#[utoipa::path(delete, path = "/v1/api-keys/{id}", operation_id = "deleteApiKey", tag = "Keys and accounts",
    security(("api_key" = ["manage"])), params(("id" = String, Path, description = "`key_…`")),
    responses((status = 204, description = "Deleted")))]
pub async fn delete(
    caller: Caller<Manage>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<StatusCode, ApiError> {
    let id: KeyId = id.id("API key")?;
    let shared = state.clone();
    state
        .change(caller.by, async move {
            let not_found = || ApiError::not_found("API key");
            let key = shared.keys.find(id).ok_or_else(not_found)?;
            let is_in_reach = match key.account_id {
                Some(account) => account == caller.account,
                None => caller.may(Action::Administer),
            };
            if !is_in_reach || !shared.store.delete_key(key.account_id, id).await? {
                return Err(not_found());
            }
            shared.keys.remove(id);
            let record = Record::deleted(AuditAction::KeyDeleted, &key);
            Ok(Changed::and(StatusCode::NO_CONTENT, record))
        })
        .await
}
