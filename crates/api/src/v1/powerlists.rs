//! Powerlists: the named calling lists that contacts are on.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use posthaste_core::audit::AuditAction;
use posthaste_core::contact::{NewPowerlist, Powerlist};
use posthaste_core::error::{Complaints, Invalid};
use posthaste_core::id::{AccountId, PowerlistId};
use posthaste_core::limits::{
    DESCRIPTION_CHARS_MAX, POWERLIST_NAME_CHARS_MAX, POWERLISTS_PER_ACCOUNT_MAX,
};
use posthaste_core::phone::Country;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::List;
use super::webhooks::PageQuery;
use crate::audit::{Changed, Record};
use crate::auth::{Caller, Read, Write};
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Json as JsonBody, Parameters, Segment, given};
use crate::state::AppState;

/// A powerlist.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Powerlist)]
pub struct PowerlistJson {
    #[schema(example = "pl_06a2b3c4d5e6f")]
    id: String,
    /// Unique in its account.
    name: String,
    description: String,
    /// Where a phone number is dialled from that says no country: ISO 3166-1 alpha-2.
    #[schema(example = "US")]
    default_country: String,
    /// How many are on it.
    contacts: u64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<&Powerlist> for PowerlistJson {
    fn from(list: &Powerlist) -> PowerlistJson {
        PowerlistJson {
            id: list.id.to_string(),
            name: list.name.clone(),
            description: list.description.clone(),
            default_country: list.default_country.as_str().to_owned(),
            contacts: list.contacts,
            created_at: list.created_at.to_string(),
            updated_at: list.updated_at.to_string(),
        }
    }
}

/// A powerlist to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a name")]
#[schema(as = NewPowerlist)]
pub struct NewPowerlistBody {
    #[schema(min_length = 1, max_length = 100, example = "Spring campaign")]
    name: String,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2000)]
    description: Option<String>,
    /// `US`, if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, pattern = "^[A-Za-z]{2}$", example = "US")]
    default_country: Option<String>,
}

/// What is to be different about a powerlist.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schema(as = PowerlistSettings)]
pub struct PowerlistBody {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, min_length = 1, max_length = 100)]
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, max_length = 2000)]
    description: Option<String>,
    /// Numbers that are there already stay as they are.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, pattern = "^[A-Za-z]{2}$")]
    default_country: Option<String>,
}

/// The settings that are given, checked.
struct Given {
    name: Option<String>,
    description: Option<String>,
    default_country: Option<Country>,
}

impl PowerlistBody {
    fn parse(self) -> Result<Given, Invalid> {
        let mut wrong = Complaints::default();
        let name = self.name.map(|name| parse_name(&name)).transpose();
        let name = wrong.check("/name", name).flatten();
        let long = |text: &String| text.chars().count() > DESCRIPTION_CHARS_MAX;
        if self.description.as_ref().is_some_and(long) {
            wrong.add("/description", format!("has more than {DESCRIPTION_CHARS_MAX} characters"));
        }
        let country = self.default_country.map(|text| Country::parse(&text)).transpose();
        let default_country = wrong.check("/default_country", country).flatten();
        wrong.finish()?;
        Ok(Given { name, description: self.description, default_country })
    }
}

fn parse_name(text: &str) -> Result<String, Invalid> {
    let name = text.trim();
    let fits = (1..=POWERLIST_NAME_CHARS_MAX).contains(&name.chars().count());
    if !fits || name.chars().any(char::is_control) {
        let message = format!(
            "must have 1 to {POWERLIST_NAME_CHARS_MAX} characters, none of them control ones"
        );
        return Err(Invalid::at("", message));
    }
    Ok(name.to_owned())
}

/// The list, if the account has it.
pub async fn find(
    state: &AppState,
    account: AccountId,
    id: &Segment,
) -> Result<Powerlist, ApiError> {
    let id: PowerlistId = id.id("powerlist")?;
    let found = state.store.powerlist(account, id).await?;
    found.ok_or_else(not_found)
}

pub fn not_found() -> ApiError {
    ApiError::not_found("powerlist")
}

/// List powerlists
#[utoipa::path(get, path = "/v1/powerlists", operation_id = "listPowerlists", tag = "Contacts",
    security(("api_key" = ["read"])), params(PageQuery),
    responses((status = 200, body = List<PowerlistJson>)))]
pub async fn list(
    caller: Caller<Read>,
    State(state): State<AppState>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<List<PowerlistJson>>, ApiError> {
    let found = state.store.list_powerlists(caller.account, query.parse()?).await?;
    Ok(Json(found.map(|list| PowerlistJson::from(&list)).into()))
}

/// Make a powerlist
#[utoipa::path(post, path = "/v1/powerlists", operation_id = "createPowerlist", tag = "Contacts",
    security(("api_key" = ["write"])), request_body = NewPowerlistBody,
    responses((status = 201, body = PowerlistJson), (status = 409, description = "taken or limit_reached",
            body = Problem, content_type = "application/problem+json")))]
pub async fn create(
    caller: Caller<Write>,
    State(state): State<AppState>,
    JsonBody(body): JsonBody<NewPowerlistBody>,
) -> Result<impl IntoResponse, ApiError> {
    let body = PowerlistBody {
        name: Some(body.name),
        description: body.description,
        default_country: body.default_country,
    };
    let given = body.parse()?;
    let new = NewPowerlist {
        account_id: caller.account,
        name: given.name.expect("it was given, and what is wrong was answered"),
        description: given.description.unwrap_or_default(),
        default_country: given.default_country.unwrap_or(Country::US),
    };
    let shared = state.clone();
    let list = state
        .change(caller.by, async move {
            if shared.store.count_powerlists(new.account_id).await? >= POWERLISTS_PER_ACCOUNT_MAX {
                return Err(ApiError::limit_reached("powerlists", POWERLISTS_PER_ACCOUNT_MAX));
            }
            let list = shared.store.create_powerlist(shared.now(), new).await?;
            let record = Record::made(AuditAction::PowerlistCreated, &list);
            Ok(Changed::and(list, record))
        })
        .await?;
    let location = format!("/v1/powerlists/{}", list.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(PowerlistJson::from(&list))))
}

/// Show a powerlist
#[utoipa::path(get, path = "/v1/powerlists/{id}", operation_id = "showPowerlist", tag = "Contacts",
    security(("api_key" = ["read"])), params(("id" = String, Path, description = "`pl_…`")),
    responses((status = 200, body = PowerlistJson)))]
pub async fn show(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<PowerlistJson>, ApiError> {
    Ok(Json((&find(&state, caller.account, &id).await?).into()))
}

/// Change a powerlist
///
/// What is left out stays as it is.
#[utoipa::path(patch, path = "/v1/powerlists/{id}", operation_id = "changePowerlist",
    tag = "Contacts", security(("api_key" = ["write"])),
    params(("id" = String, Path, description = "`pl_…`")), request_body = PowerlistBody,
    responses((status = 200, body = PowerlistJson), (status = 409, description = "taken",
            body = Problem, content_type = "application/problem+json")))]
pub async fn change(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
    JsonBody(body): JsonBody<PowerlistBody>,
) -> Result<Json<PowerlistJson>, ApiError> {
    let given = body.parse()?;
    let shared = state.clone();
    let list = state
        .change(caller.by, async move {
            let before = find(&shared, caller.account, &id).await?;
            let mut list = before.clone();
            list.name = given.name.unwrap_or(list.name);
            list.description = given.description.unwrap_or(list.description);
            list.default_country = given.default_country.unwrap_or(list.default_country);
            if list == before {
                return Ok(Changed::nothing(list));
            }
            list.updated_at = shared.now();
            if !shared.store.update_powerlist(&list).await? {
                return Err(not_found());
            }
            let record = Record::changed(AuditAction::PowerlistUpdated, &before, &list);
            Ok(Changed::and(list, record))
        })
        .await?;
    Ok(Json((&list).into()))
}

/// Delete a powerlist
///
/// With everybody who is on it; no event tells of them. Not while a webhook is about it.
#[utoipa::path(delete, path = "/v1/powerlists/{id}", operation_id = "deletePowerlist",
    tag = "Contacts", security(("api_key" = ["write"])),
    params(("id" = String, Path, description = "`pl_…`")),
    responses((status = 204, description = "Deleted"), (status = 409, description = "in_use",
            body = Problem, content_type = "application/problem+json")))]
pub async fn delete(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<StatusCode, ApiError> {
    let shared = state.clone();
    state
        .change(caller.by, async move {
            let list = find(&shared, caller.account, &id).await?;
            let users = shared.directory.of_powerlist(caller.account, list.id);
            let fillers = shared.inbound.of_powerlist(caller.account, list.id);
            let titles = users
                .iter()
                .map(|webhook| &webhook.settings.title)
                .chain(fillers.iter().map(|webhook| &webhook.settings.title))
                .map(|title| format!("{title:?}"));
            refuse_used(&titles.collect::<Vec<String>>())?;
            if !shared.store.delete_powerlist(caller.account, list.id).await? {
                return Err(not_found());
            }
            let record = Record::deleted(AuditAction::PowerlistDeleted, &list);
            Ok(Changed::and(StatusCode::NO_CONTENT, record))
        })
        .await
}

fn refuse_used(webhooks: &[String]) -> Result<(), ApiError> {
    if webhooks.is_empty() {
        return Ok(());
    }
    let detail = format!("change or delete these webhooks first: {}", webhooks.join(", "));
    Err(ApiError::new(Code::InUse, detail))
}
