//! Accounts: the platform's customers. Platform keys add and list them; an account sees and changes
//! its own.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use posthaste_core::account::{Account, Action, Validate, parse_name};
use posthaste_core::audit::AuditAction;
use posthaste_core::error::Invalid;
use posthaste_core::id::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::List;
use super::names::ValidateName;
use super::webhooks::PageQuery;
use crate::audit::{Changed, Record};
use crate::auth::{Administer, Caller, Manage, Permission, Read};
use crate::error::{ApiError, Problem};
use crate::extract::{Json as JsonBody, Parameters, Segment, given};
use crate::state::AppState;

/// An account to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with the member name")]
#[schema(as = NewAccount)]
pub struct NewAccountBody {
    /// Not in use yet; also what the header `posthaste-account` may say.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountJson {
    #[schema(example = "acct_06a2b3c4d5e6f")]
    id: String,
    name: String,
    #[schema(value_type = ValidateName)]
    validate: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<&Account> for AccountJson {
    fn from(account: &Account) -> AccountJson {
        AccountJson {
            id: account.id.to_string(),
            name: account.name.clone(),
            validate: account.validate.as_str(),
            created_at: account.created_at.to_string(),
        }
    }
}

/// What is to change of an account. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with what is to change")]
#[schema(as = AccountChanges)]
pub struct AccountChanges {
    /// What is done about published data that does not match the schema of its event type.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, value_type = Option<ValidateName>)]
    validate: Option<String>,
}

/// Add an account
#[utoipa::path(post, path = "/v1/accounts", operation_id = "createAccount", tag = "Keys and accounts",
    security(("api_key" = ["administer"])), request_body = NewAccountBody,
    responses((status = 201, body = AccountJson), (status = 409, description = "taken", body = Problem,
            content_type = "application/problem+json")))]
pub async fn create(
    caller: Caller<Administer>,
    State(state): State<AppState>,
    JsonBody(body): JsonBody<NewAccountBody>,
) -> Result<impl IntoResponse, ApiError> {
    let name = parse_name(&body.name).map_err(|invalid| invalid.under("/name"))?;
    let shared = state.clone();
    let account = state
        .change(caller.by, async move {
            let account = shared.store.create_account(shared.now(), &name).await?;
            shared.accounts.add(account.clone());
            let record = Record::made(AuditAction::AccountCreated, &account);
            Ok(Changed::and(account, record))
        })
        .await?;
    let location = format!("/v1/accounts/{}", account.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(AccountJson::from(&account))))
}

/// List accounts
#[utoipa::path(get, path = "/v1/accounts", operation_id = "listAccounts", tag = "Keys and accounts",
    security(("api_key" = ["administer"])), params(PageQuery),
    responses((status = 200, body = List<AccountJson>)))]
pub async fn list(
    _: Caller<Administer>,
    State(state): State<AppState>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<List<AccountJson>>, ApiError> {
    let found = state.store.list_accounts(query.parse()?).await?;
    Ok(Json(found.map(|account| AccountJson::from(&account)).into()))
}

/// Show an account
///
/// One's own, or with a platform key any.
#[utoipa::path(get, path = "/v1/accounts/{id}", operation_id = "showAccount", tag = "Keys and accounts",
    security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "`acct_…`")),
    responses((status = 200, body = AccountJson)))]
pub async fn show(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<AccountJson>, ApiError> {
    let id = within_reach(&caller, &id)?;
    let account = state.store.account(id).await?;
    let account = account.ok_or_else(|| ApiError::not_found("account"))?;
    Ok(Json(AccountJson::from(&account)))
}

/// Change an account
///
/// One's own, or with a platform key any. It holds for events that are published from then on.
#[utoipa::path(patch, path = "/v1/accounts/{id}", operation_id = "changeAccount", tag = "Keys and accounts",
    security(("api_key" = ["manage"])),
    params(("id" = String, Path, description = "`acct_…`")), request_body = AccountChanges,
    responses((status = 200, body = AccountJson)))]
pub async fn change(
    caller: Caller<Manage>,
    State(state): State<AppState>,
    id: Segment,
    JsonBody(body): JsonBody<AccountChanges>,
) -> Result<Json<AccountJson>, ApiError> {
    let id = within_reach(&caller, &id)?;
    let validate = body.validate.map(|text| parse_validate(&text)).transpose()?;
    let shared = state.clone();
    let account = state
        .change(caller.by, async move {
            let found = shared.store.account(id).await?;
            let before = found.ok_or_else(|| ApiError::not_found("account"))?;
            let Some(validate) = validate.filter(|validate| *validate != before.validate) else {
                return Ok(Changed::nothing(before));
            };
            let after = shared.store.set_validate(id, validate).await?;
            let after = after.ok_or_else(|| ApiError::not_found("account"))?;
            shared.accounts.add(after.clone());
            let record = Record::changed(AuditAction::AccountUpdated, &before, &after);
            Ok(Changed::and(after, record.shown_in(id)))
        })
        .await?;
    Ok(Json(AccountJson::from(&account)))
}

/// Another account is to whoever belongs to one like an account that does not exist.
fn within_reach<A: Permission>(caller: &Caller<A>, id: &Segment) -> Result<AccountId, ApiError> {
    let id: AccountId = id.id("account")?;
    if id != caller.account && !caller.may(Action::Administer) {
        return Err(ApiError::not_found("account"));
    }
    Ok(id)
}

fn parse_validate(text: &str) -> Result<Validate, Invalid> {
    Validate::parse(text).ok_or_else(|| Invalid::at("/validate", "must be off, warn or reject"))
}
