//! Signing in and out, and who one is. A session is a cookie here and a row in the store.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use posthaste_core::account::DEFAULT_ACCOUNT;
use posthaste_core::audit::AuditAction;
use posthaste_core::id::AccountId;
use posthaste_core::rights::{Reach, Rights};
use posthaste_core::session::{NewSession, Session, SignedInBy, Token};
use posthaste_core::sign_in::Refusal;
use posthaste_core::time::Timestamp;
use posthaste_core::user::{Email, NewUser, Password, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::names::{AccountsAllowedName, AnyRoleName};
use super::text_of;
use super::users::UserJson;
use crate::audit::{Changed, Record};
use crate::auth::{By, Known, Newcomer, SignedIn, session_over};
use crate::cookie;
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Json as JsonBody, given};
use crate::state::AppState;

/// Who is signed in, and what they may do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionJson {
    /// null for an API key.
    #[schema(required)]
    user: Option<UserJson>,
    /// Of the user, or of the API key.
    #[schema(value_type = AnyRoleName)]
    role: &'static str,
    /// The account that calls are about: the only one, or the one named by the header
    /// `posthaste-account`, or `default`.
    account: SessionAccount,
    /// `all`: the header `posthaste-account` may name any account.
    #[schema(value_type = AccountsAllowedName)]
    accounts_allowed: &'static str,
    /// The user has no password yet, and only a link lets them in again.
    needs_password: bool,
    /// A new password takes the current one: the user has one, and did not come by a link within
    /// the last hour.
    asks_current_password: bool,
    /// When the session ends if it is not used; null for an API key.
    #[schema(required, format = DateTime)]
    expires_at: Option<String>,
}

/// An account, as far as a session needs it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionAccount {
    #[schema(example = "acct_06a2b3c4d5e6f")]
    id: String,
    name: String,
}

/// An e-mail address and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with email and password")]
pub struct Credentials {
    email: String,
    #[schema(format = Password)]
    password: String,
}

/// The token of a one-time link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with the member token")]
pub struct LinkToken {
    /// What stands behind `#link=` in the link.
    #[schema(format = Password)]
    token: String,
}

/// A password to be set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with the member password")]
pub struct NewPassword {
    #[schema(format = Password, min_length = 10, max_length = 1000)]
    password: String,
    /// Needed if the session says `asks_current_password`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, format = Password)]
    current_password: Option<String>,
}

impl SessionJson {
    async fn of_user(
        now: Timestamp,
        state: &AppState,
        account: AccountId,
        user: &User,
        session: &Session,
    ) -> Result<SessionJson, ApiError> {
        let of_rights = SessionJson::of_rights(state, account, user.rights()).await?;
        Ok(SessionJson {
            user: Some(user.into()),
            needs_password: user.password.is_none(),
            asks_current_password: session.asks_current_password(now, user),
            expires_at: text_of(Some(session.expires_at)),
            ..of_rights
        })
    }

    async fn of_rights(
        state: &AppState,
        account: AccountId,
        rights: Rights,
    ) -> Result<SessionJson, ApiError> {
        let account = state.store.account(account).await?.ok_or_else(ApiError::internal)?;
        Ok(SessionJson {
            user: None,
            role: rights.as_str(),
            account: SessionAccount { id: account.id.to_string(), name: account.name },
            accounts_allowed: match rights.reach() {
                Reach::All => "all",
                Reach::One => "one",
            },
            needs_password: false,
            asks_current_password: false,
            expires_at: None,
        })
    }
}

type SetCookie = [(header::HeaderName, HeaderValue); 1];

/// Sign in with a password
///
/// Sets the cookie `posthaste_session`. The answer is the same whether the address is not known or
/// the password is wrong. Ten tries within 15 minutes for one e-mail address, and 60 from one
/// remote address, then `too_many_attempts`.
#[utoipa::path(post, path = "/v1/session", operation_id = "signIn", tag = "Sessions and users",
    security(()), request_body = Credentials,
    responses((status = 201, body = SessionJson),
        (status = 401, description = "wrong_credentials", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "cross_origin", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "too_many_attempts", body = Problem, content_type = "application/problem+json")))]
pub async fn sign_in(
    newcomer: Newcomer,
    State(state): State<AppState>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<Credentials>,
) -> Result<impl IntoResponse, ApiError> {
    let now = state.now();
    let email = Email::parse(&body.email).ok();
    let tried = state.sign_ins.lock().try_sign_in(now, email.as_ref(), newcomer.remote);
    tried.map_err(|too_many| ApiError::too_many_attempts(too_many.until.since(now)))?;
    let user = match &email {
        Some(email) => state.store.user_by_email(email).await?,
        None => None,
    };
    let known = user.as_ref().and_then(|user| user.password.clone());
    let is_right = match Password::typed(body.password) {
        Ok(typed) => state.passwords.is_right(typed, known).await?,
        Err(_) => false,
    };
    let Some(user) = user.filter(|_| is_right) else {
        write_refusal(now, &state, newcomer.by(), email).await?;
        return Err(wrong(Code::WrongCredentials));
    };
    state.sign_ins.lock().succeeded(&user.email);
    let token = Token::generate(&*state.entropy);
    let session = NewSession::begin(now, &token, SignedInBy::Password);
    let left = cookie::session_token(&headers);
    let shared = state.clone();
    let user = state
        .change(newcomer.by(), async move {
            // The password may have been changed while it was compared.
            let known = shared.store.user(user.id).await?;
            let known = known.filter(|known| known.password == user.password);
            let user = known.ok_or_else(|| wrong(Code::WrongCredentials))?;
            leave(&shared, left).await?;
            if !shared.store.start_session(user.id, session.clone()).await? {
                return Err(wrong(Code::WrongCredentials));
            }
            let record = Record::about(AuditAction::SessionStarted, &user).by(&user);
            let user = User { last_sign_in_at: Some(session.created_at), ..user };
            Ok(Changed::and((user, session), record))
        })
        .await?;
    welcome(now, &state, &headers, &token, user).await
}

/// Sign in with a one-time link
///
/// Uses the link up. The one that a new server prints makes its first owner.
#[utoipa::path(post, path = "/v1/session/link", operation_id = "signInByLink", tag = "Sessions and users",
    security(()), request_body = LinkToken,
    responses((status = 201, body = SessionJson),
        (status = 401, description = "invalid_link", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "cross_origin", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "too_many_attempts", body = Problem, content_type = "application/problem+json")))]
pub async fn sign_in_by_link(
    newcomer: Newcomer,
    State(state): State<AppState>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<LinkToken>,
) -> Result<impl IntoResponse, ApiError> {
    let now = state.now();
    let tried = state.sign_ins.lock().try_sign_in(now, None, newcomer.remote);
    tried.map_err(|too_many| ApiError::too_many_attempts(too_many.until.since(now)))?;
    let Some(link) = Token::parse(&body.token) else {
        write_refusal(now, &state, newcomer.by(), None).await?;
        return Err(wrong(Code::InvalidLink));
    };
    let token = Token::generate(&*state.entropy);
    let session = NewSession::begin(now, &token, SignedInBy::Link);
    let left = cookie::session_token(&headers);
    let shared = state.clone();
    let signed_in = state
        .change(newcomer.by(), async move {
            let first_owner = NewUser::first_owner();
            let begun = session.clone();
            let user = shared.store.redeem_link(now, link.hash(), first_owner, begun).await?;
            let Some(user) = user else { return Ok(Changed::nothing(None)) };
            leave(&shared, left).await?;
            let record = Record::about(AuditAction::SessionStarted, &user).by(&user);
            Ok(Changed::and(Some((user, session)), record))
        })
        .await?;
    let Some(signed_in) = signed_in else {
        write_refusal(now, &state, newcomer.by(), None).await?;
        return Err(wrong(Code::InvalidLink));
    };
    welcome(now, &state, &headers, &token, signed_in).await
}

/// The session that a browser had before ends with a new one, so that none is left behind.
async fn leave(state: &AppState, left: Option<Token>) -> Result<(), ApiError> {
    if let Some(token) = left {
        state.store.end_session(token.hash()).await?;
    }
    Ok(())
}

async fn welcome(
    now: Timestamp,
    state: &AppState,
    headers: &HeaderMap,
    token: &Token,
    (user, session): (User, NewSession),
) -> Result<(StatusCode, SetCookie, Json<SessionJson>), ApiError> {
    let account = match user.account_id {
        Some(own) => own,
        None => state.accounts.find(DEFAULT_ACCOUNT).ok_or_else(ApiError::internal)?,
    };
    let session = session.of(user.id);
    let answer = SessionJson::of_user(now, state, account, &user, &session).await?;
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie::set(headers, token))], Json(answer)))
}

/// Writes a sign-in down that failed, unless too many did. Not the address, unless it is a user's:
/// people type passwords there.
async fn write_refusal(
    now: Timestamp,
    state: &AppState,
    by: By,
    email: Option<Email>,
) -> Result<(), ApiError> {
    let refusal = state.sign_ins.lock().refused(now);
    let Refusal::Written { left_out } = refusal else { return Ok(()) };
    let shared = state.clone();
    state
        .change(by, async move {
            let user = match email {
                Some(email) => shared.store.user_by_email(&email).await?,
                None => None,
            };
            let record = match &user {
                Some(user) => Record::about(AuditAction::SessionRefused, user),
                None => Record::of(AuditAction::SessionRefused),
            };
            let record = if left_out > 0 { record.after(left_out) } else { record };
            Ok(Changed::and((), record))
        })
        .await
}

fn wrong(code: Code) -> ApiError {
    let detail = match code {
        Code::InvalidLink => "it was used, or is too old; ask for a new one",
        _ => "check both, or ask for a sign-in link",
    };
    ApiError::new(code, detail)
}

/// Show who one is
///
/// Also answers an API key, which has no user.
#[utoipa::path(get, path = "/v1/session", operation_id = "showSession", tag = "Sessions and users",
    security(("api_key" = ["myself"])), responses((status = 200, body = SessionJson)))]
pub async fn show(
    Known { caller, signed_in }: Known,
    State(state): State<AppState>,
) -> Result<Json<SessionJson>, ApiError> {
    let answer = match signed_in.as_deref() {
        Some((session, user)) => {
            SessionJson::of_user(state.now(), &state, caller.account, user, session).await?
        }
        None => SessionJson::of_rights(&state, caller.account, caller.rights).await?,
    };
    Ok(Json(answer))
}

/// Sign out
///
/// The session ends on the server; its cookie is good for nothing any more.
#[utoipa::path(delete, path = "/v1/session", operation_id = "signOut", tag = "Sessions and users",
    security(("session" = ["myself"])), responses((status = 204, description = "Signed out")))]
pub async fn sign_out(
    signed_in: SignedIn,
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<(StatusCode, SetCookie), ApiError> {
    let SignedIn { user, session, by } = signed_in;
    let shared = state.clone();
    state
        .change(by, async move {
            shared.store.end_session(session.hash).await?;
            Ok(Changed::and((), Record::about(AuditAction::SessionEnded, &user)))
        })
        .await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::clear(&headers))]))
}

/// Set one's password
///
/// All other sessions of the user end, and this one goes on under a new cookie.
#[utoipa::path(post, path = "/v1/session/password", operation_id = "setPassword", tag = "Sessions and users",
    security(("session" = ["myself"])), request_body = NewPassword,
    responses((status = 204, description = "Set"),
        (status = 401, description = "wrong_credentials: the current password is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "too_many_attempts", body = Problem, content_type = "application/problem+json")))]
pub async fn set_password(
    signed_in: SignedIn,
    State(state): State<AppState>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<NewPassword>,
) -> Result<(StatusCode, SetCookie), ApiError> {
    let SignedIn { user, session, by } = signed_in;
    let now = state.now();
    let chosen = Password::choose(body.password, &user.email);
    let chosen = chosen.map_err(|invalid| invalid.under("/password"))?;
    if session.asks_current_password(now, &user) {
        let current = body.current_password;
        let current =
            current.ok_or_else(|| ApiError::invalid("/current_password", "is required"))?;
        check_current(now, &state, by, &user, current).await?;
    }
    let hash = state.passwords.hash(chosen, &*state.entropy).await?;
    let token = Token::generate(&*state.entropy);
    let begun = NewSession::begin(now, &token, SignedInBy::Password);
    let shared = state.clone();
    state
        .change(by, async move {
            // The session may have ended while the password was hashed: it must not come back.
            let found = shared.store.session(now, session.hash).await?;
            let (_, before) = found.ok_or_else(session_over)?;
            let user = User { password: Some(hash.clone()), ..before.clone() };
            if !shared.store.set_password(user.id, hash, begun).await? {
                return Err(session_over());
            }
            Ok(Changed::and((), Record::changed(AuditAction::UserPasswordSet, &before, &user)))
        })
        .await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::set(&headers, &token))]))
}

/// As hard to guess here as when signing in: a browser left open is no place to find it out.
async fn check_current(
    now: Timestamp,
    state: &AppState,
    by: By,
    user: &User,
    current: String,
) -> Result<(), ApiError> {
    let tried = state.sign_ins.lock().try_sign_in(now, Some(&user.email), by.remote);
    tried.map_err(|too_many| ApiError::too_many_attempts(too_many.until.since(now)))?;
    let typed = Password::typed(current).map_err(|invalid| invalid.under("/current_password"))?;
    if !state.passwords.is_right(typed, user.password.clone()).await? {
        write_refusal(now, state, by, Some(user.email.clone())).await?;
        return Err(ApiError::new(Code::WrongCredentials, "the current password is wrong"));
    }
    state.sign_ins.lock().succeeded(&user.email);
    Ok(())
}
