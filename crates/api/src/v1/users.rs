//! Users: who may sign in. Inviting one makes a link that lets them in once.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use posthaste_core::account::Action;
use posthaste_core::audit::AuditAction;
use posthaste_core::id::{AccountId, UserId};
use posthaste_core::limits::USERS_PER_ACCOUNT_MAX;
use posthaste_core::rights::Reach;
use posthaste_core::session::{Link, Token};
use posthaste_core::store::UserChange;
use posthaste_core::user::{User, UserDraft};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::names::UserRoleName;
use super::webhooks::PageQuery;
use super::{List, text_of};
use crate::audit::{Changed, Record};
use crate::auth::{Caller, Manage, Myself, Who};
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Json as JsonBody, Parameters, Segment, given};
use crate::state::AppState;

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserJson {
    #[schema(example = "usr_06a2b3c4d5e6f")]
    id: String,
    #[schema(example = "ann@example.com")]
    email: String,
    name: String,
    #[schema(value_type = UserRoleName)]
    role: &'static str,
    /// null: may act in every account.
    #[schema(required)]
    account_id: Option<String>,
    has_password: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    last_sign_in_at: Option<String>,
}

impl From<&User> for UserJson {
    fn from(user: &User) -> UserJson {
        UserJson {
            id: user.id.to_string(),
            email: user.email.as_str().to_owned(),
            name: user.name.clone(),
            role: user.role.as_str(),
            account_id: user.account_id.map(|id| id.to_string()),
            has_password: user.password.is_some(),
            created_at: user.created_at.to_string(),
            last_sign_in_at: text_of(user.last_sign_in_at),
        }
    }
}

/// A link that lets one user in, once.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignInLink {
    /// To be put behind the address of the server. Shown once.
    #[schema(example = "/sign-in#link=0123456789abcdefghijABCDEFGHIJ0123456789abc")]
    url_path: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// A new user, with the link that lets them in.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitedUser {
    #[serde(flatten)]
    user: UserJson,
    link: SignInLink,
}

/// A user to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with email, name and role")]
#[schema(as = NewUser)]
pub struct NewUserBody {
    /// Not in use yet, in whatever account.
    #[schema(example = "ann@example.com", max_length = 254)]
    email: String,
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(value_type = UserRoleName)]
    role: String,
    /// The account to act in; null or left out: as many as the caller may. Whoever belongs to one
    /// account can only invite into that one.
    account_id: Option<String>,
}

/// What is to be different about a user.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schema(as = UserSettings)]
pub struct UserBody {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "ann@example.com", max_length = 254)]
    email: Option<String>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, min_length = 1, max_length = 100)]
    name: Option<String>,
    /// Ends the user's sessions.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, value_type = Option<UserRoleName>)]
    role: Option<String>,
}

/// Whose users the caller has a say in: those of one account, or with `None` all.
fn within<A>(caller: &Caller<A>) -> Option<AccountId> {
    match caller.rights.reach() {
        Reach::All => None,
        Reach::One => Some(caller.account),
    }
}

/// The user, if it is one the caller has a say in; else the answer that there is none.
async fn find<A>(state: &AppState, caller: &Caller<A>, id: UserId) -> Result<User, ApiError> {
    let user = state.store.user(id).await?;
    let within = within(caller);
    let user = user.filter(|user| within.is_none() || user.account_id == within);
    user.ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::not_found("user")
}

fn done(change: UserChange) -> Result<(), ApiError> {
    match change {
        UserChange::Done => Ok(()),
        UserChange::Missing => Err(not_found()),
        UserChange::LastOwner => {
            Err(ApiError::new(Code::LastOwner, "make somebody else an owner first"))
        }
    }
}

/// Invite a user
///
/// The answer has a link that lets them in once, within a week. Nothing is sent to them: hand the
/// link over yourself.
#[utoipa::path(post, path = "/v1/users", operation_id = "inviteUser", tag = "Sessions and users",
    security(("api_key" = ["manage"])), request_body = NewUserBody,
    responses((status = 201, body = InvitedUser), (status = 409, description = "taken or limit_reached", body = Problem,
            content_type = "application/problem+json")))]
pub async fn invite(
    caller: Caller<Manage>,
    State(state): State<AppState>,
    JsonBody(body): JsonBody<NewUserBody>,
) -> Result<impl IntoResponse, ApiError> {
    let account = account_for(&state, &caller, body.account_id.as_deref()).await?;
    let draft = UserDraft { email: Some(body.email), name: Some(body.name), role: Some(body.role) };
    let new = draft.create(account)?;
    let token = Token::generate(&*state.entropy);
    let link_path = token.link_path();
    let shared = state.clone();
    let (user, link) = state
        .change(caller.by, async move {
            let now = shared.now();
            if shared.store.count_users(account).await? >= USERS_PER_ACCOUNT_MAX {
                return Err(ApiError::limit_reached("users", USERS_PER_ACCOUNT_MAX));
            }
            let user = shared.store.create_user(now, new).await?;
            let link = Link::to_user(now, &token, &user);
            shared.store.put_link(link.clone()).await?;
            let record = Record::made(AuditAction::UserInvited, &user);
            Ok(Changed::and((user, link), record))
        })
        .await?;
    let location = format!("/v1/users/{}", user.id);
    let link = SignInLink { url_path: link_path, expires_at: link.expires_at.to_string() };
    let invited = InvitedUser { user: (&user).into(), link };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(invited)))
}

/// Which account a new user belongs to. Another account answers like one that does not exist.
async fn account_for(
    state: &AppState,
    caller: &Caller<Manage>,
    wanted: Option<&str>,
) -> Result<Option<AccountId>, ApiError> {
    let within = within(caller);
    let Some(text) = wanted else { return Ok(within) };
    let no_such = || ApiError::invalid("/account_id", "there is no account with this id");
    let id = AccountId::parse(text).map_err(|_| no_such())?;
    let is_allowed = within.is_none_or(|own| own == id);
    if !is_allowed || state.store.account(id).await?.is_none() {
        return Err(no_such());
    }
    Ok(Some(id))
}

/// List users
///
/// Those of the account; for platform keys and owners of the platform, all there are.
#[utoipa::path(get, path = "/v1/users", operation_id = "listUsers", tag = "Sessions and users",
    security(("api_key" = ["manage"])), params(PageQuery),
    responses((status = 200, body = List<UserJson>)))]
pub async fn list(
    caller: Caller<Manage>,
    State(state): State<AppState>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<List<UserJson>>, ApiError> {
    let found = state.store.list_users(within(&caller), query.parse()?).await?;
    Ok(Json(found.map(|user| UserJson::from(&user)).into()))
}

/// Show a user
#[utoipa::path(get, path = "/v1/users/{id}", operation_id = "showUser", tag = "Sessions and users",
    security(("api_key" = ["manage"])), params(("id" = String, Path, description = "`usr_…`")),
    responses((status = 200, body = UserJson)))]
pub async fn show(
    caller: Caller<Manage>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<UserJson>, ApiError> {
    let user = find(&state, &caller, id.id("user")?).await?;
    Ok(Json((&user).into()))
}

/// Change a user
///
/// Everybody may change their own name and e-mail address. A new role ends the user's sessions.
#[utoipa::path(patch, path = "/v1/users/{id}", operation_id = "changeUser", tag = "Sessions and users",
    security(("api_key" = ["manage"])), params(("id" = String, Path, description = "`usr_…`")),
    request_body = UserBody,
    responses((status = 200, body = UserJson), (status = 409, description = "last_owner or taken", body = Problem,
            content_type = "application/problem+json")))]
pub async fn change(
    caller: Caller<Myself>,
    State(state): State<AppState>,
    id: Segment,
    JsonBody(body): JsonBody<UserBody>,
) -> Result<Json<UserJson>, ApiError> {
    let id: Result<UserId, ApiError> = id.id("user");
    if !caller.may(Action::Manage) {
        // Before it is looked for: it says nothing about whether there is such a user.
        let is_self = id.as_ref().is_ok_and(|id| caller.by.who == Who::User(*id));
        if !is_self || body.role.is_some() {
            let detail = "only one's own name and e-mail address can be changed without the right \
                          to manage users";
            return Err(ApiError::new(Code::Forbidden, detail));
        }
    }
    let id = id?;
    let draft = UserDraft { email: body.email, name: body.name, role: body.role };
    let shared = state.clone();
    let user = state
        .change(caller.by, async move {
            let before = find(&shared, &caller, id).await?;
            let user = draft.change(&before)?;
            if user == before {
                return Ok(Changed::nothing(user));
            }
            done(shared.store.update_user(&user).await?)?;
            let record = Record::changed(AuditAction::UserUpdated, &before, &user);
            Ok(Changed::and(user, record))
        })
        .await?;
    Ok(Json((&user).into()))
}

/// Delete a user
///
/// Their sessions end at once.
#[utoipa::path(delete, path = "/v1/users/{id}", operation_id = "deleteUser", tag = "Sessions and users",
    security(("api_key" = ["manage"])), params(("id" = String, Path, description = "`usr_…`")),
    responses((status = 204, description = "Deleted"), (status = 409, description = "last_owner", body = Problem,
            content_type = "application/problem+json")))]
pub async fn delete(
    caller: Caller<Manage>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<StatusCode, ApiError> {
    let id: UserId = id.id("user")?;
    let shared = state.clone();
    state
        .change(caller.by, async move {
            let user = find(&shared, &caller, id).await?;
            done(shared.store.delete_user(id).await?)?;
            let record = Record::deleted(AuditAction::UserDeleted, &user);
            Ok(Changed::and(StatusCode::NO_CONTENT, record))
        })
        .await
}

/// Make a sign-in link for a user
///
/// For somebody who has lost the password, or the invitation. Good once, for a day (a week for who
/// was never here); an earlier link of the user is not good any more.
#[utoipa::path(post, path = "/v1/users/{id}/link", operation_id = "makeSignInLink", tag = "Sessions and users",
    security(("api_key" = ["manage"])), params(("id" = String, Path, description = "`usr_…`")),
    responses((status = 201, body = SignInLink)))]
pub async fn make_link(
    caller: Caller<Manage>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<(StatusCode, Json<SignInLink>), ApiError> {
    let id: UserId = id.id("user")?;
    let token = Token::generate(&*state.entropy);
    let url_path = token.link_path();
    let shared = state.clone();
    let link = state
        .change(caller.by, async move {
            let user = find(&shared, &caller, id).await?;
            let link = Link::to_user(shared.now(), &token, &user);
            if !shared.store.put_link(link.clone()).await? {
                return Err(not_found());
            }
            Ok(Changed::and(link, Record::about(AuditAction::UserLinkMade, &user)))
        })
        .await?;
    let link = SignInLink { url_path, expires_at: link.expires_at.to_string() };
    Ok((StatusCode::CREATED, Json(link)))
}
