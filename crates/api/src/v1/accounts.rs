//! Accounts: the platform's customers, for platform keys only.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use posthaste_core::account::{Account, parse_name};
use posthaste_core::audit::AuditAction;
use posthaste_core::id::AccountId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::List;
use super::webhooks::PageQuery;
use crate::audit::{Changed, Record};
use crate::auth::{Administer, Caller};
use crate::error::{ApiError, Problem};
use crate::extract::{Json as JsonBody, Parameters, Segment};
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
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<&Account> for AccountJson {
    fn from(account: &Account) -> AccountJson {
        AccountJson {
            id: account.id.to_string(),
            name: account.name.clone(),
            created_at: account.created_at.to_string(),
        }
    }
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
#[utoipa::path(get, path = "/v1/accounts/{id}", operation_id = "showAccount", tag = "Keys and accounts",
    security(("api_key" = ["administer"])),
    params(("id" = String, Path, description = "`acct_…`")),
    responses((status = 200, body = AccountJson)))]
pub async fn show(
    _: Caller<Administer>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<AccountJson>, ApiError> {
    let id: AccountId = id.id("account")?;
    let account = state.store.account(id).await?;
    let account = account.ok_or_else(|| ApiError::not_found("account"))?;
    Ok(Json(AccountJson::from(&account)))
}
