//! Who calls, for which account, and whether the call's rights allow it. A handler names what it
//! does in the type of its first argument, and then cannot run for anybody who may not.
//!
//! A program sends an API key, which is looked up in memory. A browser sends the cookie of a
//! session, which is looked up in the store: one that was ended is refused everywhere at once.

use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use posthaste_core::account::{Action, DEFAULT_ACCOUNT, KeyHash};
use posthaste_core::id::{AccountId, KeyId, UserId};
use posthaste_core::rights::Rights;
use posthaste_core::session::{Provenance, Session};
use posthaste_core::user::User;

use crate::cookie;
use crate::error::{ApiError, Code};
use crate::state::{AppState, Grant, Settings};

/// The header in which somebody who may act in every account names one.
pub const ACCOUNT_HEADER: HeaderName = HeaderName::from_static("posthaste-account");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A caller who may do `A`.
#[derive(Debug, Clone, Copy)]
pub struct Caller<A> {
    pub account: AccountId,
    pub rights: Rights,
    pub by: By,
    action: PhantomData<A>,
}

/// Who does something, and from where: what the audit log wants to know.
#[derive(Debug, Clone, Copy)]
pub struct By {
    pub who: Who,
    pub remote: IpAddr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Key(KeyId),
    User(UserId),
    /// Somebody who did not say, or could not prove, who they are.
    Nobody,
}

/// Where a request comes from. The front door puts it beside every request that goes to the
/// router.
#[derive(Debug, Clone, Copy)]
pub struct Remote(pub IpAddr);

impl Remote {
    /// Behind proxies that the operator trusts it is whoever they name.
    pub fn of(peer: IpAddr, headers: &HeaderMap, settings: &Settings) -> Remote {
        let forwarded = headers.get_all(FORWARDED_FOR).iter().rev();
        // What is no text is no address either, and ends the search.
        let texts = forwarded.map(|value| value.to_str().unwrap_or_default());
        let entries = texts.flat_map(|text| text.rsplit(','));
        Remote(settings.trusted_proxies.client(peer, entries))
    }
}

/// What a handler does, as a type.
pub trait Permission: Send + Sync {
    const ACTION: Action;
}

macro_rules! permissions {
    ($($name:ident),*) => {$(
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl Permission for $name {
            const ACTION: Action = Action::$name;
        }
    )*};
}

permissions!(Publish, Read, Write, Manage, Administer, Myself);

impl<A: Permission> FromRequestParts<AppState> for Caller<A> {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Caller<A>, ApiError> {
        Caller::of(&parts.method, &parts.headers, remote_of(parts), state).await
    }
}

impl<A: Permission> Caller<A> {
    /// Who sends these headers, if they may do `A`.
    pub async fn of(
        method: &Method,
        headers: &HeaderMap,
        remote: IpAddr,
        state: &AppState,
    ) -> Result<Caller<A>, ApiError> {
        let claim = Claim::of(method, headers, state).await?;
        Caller::with(&claim, headers, remote, state).await
    }

    async fn with(
        claim: &Claim,
        headers: &HeaderMap,
        remote: IpAddr,
        state: &AppState,
    ) -> Result<Caller<A>, ApiError> {
        if !claim.rights.may(A::ACTION) {
            let role = claim.rights.as_str();
            let who = if matches!(claim.rights, Rights::Key(_)) { "a key" } else { "a user" };
            return Err(ApiError::new(
                Code::Forbidden,
                format!("{who} with the role {role} may not do this"),
            ));
        }
        let account = account_of(claim, headers, state).await?;
        let by = By { who: claim.who, remote };
        Ok(Caller { account, rights: claim.rights, by, action: PhantomData })
    }

    /// Whether the caller may do something else as well.
    pub fn may(&self, action: Action) -> bool {
        self.rights.may(action)
    }
}

/// A user with a session. For what a key cannot do.
pub struct SignedIn {
    pub user: User,
    pub session: Session,
    pub by: By,
}

impl FromRequestParts<AppState> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<SignedIn, ApiError> {
        if let Some(sent) = authorization(&parts.headers)? {
            grant_of(sent, state)?;
            return Err(ApiError::new(Code::Forbidden, "only a user who signed in may do this"));
        }
        let (session, user) = session_of(&parts.method, &parts.headers, state).await?;
        let by = By { who: Who::User(user.id), remote: remote_of(parts) };
        Ok(SignedIn { user, session, by })
    }
}

/// Whoever it is, with the session if it is a person's.
pub struct Known {
    pub caller: Caller<Myself>,
    pub signed_in: Option<Box<(Session, User)>>,
}

impl FromRequestParts<AppState> for Known {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Known, ApiError> {
        let claim = Claim::of(&parts.method, &parts.headers, state).await?;
        let caller = Caller::with(&claim, &parts.headers, remote_of(parts), state).await?;
        Ok(Known { caller, signed_in: claim.signed_in })
    }
}

/// Somebody who is about to sign in. No page but our own may make a browser do so: it would be
/// somebody else's account that its user then works in.
pub struct Newcomer {
    pub remote: IpAddr,
}

impl Newcomer {
    pub fn by(&self) -> By {
        By { who: Who::Nobody, remote: self.remote }
    }
}

impl FromRequestParts<AppState> for Newcomer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Newcomer, ApiError> {
        if provenance(&parts.headers)?.is_foreign() {
            return Err(cross_origin());
        }
        Ok(Newcomer { remote: remote_of(parts) })
    }
}

fn remote_of(parts: &Parts) -> IpAddr {
    let remote = parts.extensions.get::<Remote>();
    remote.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Remote(address)| *address)
}

/// Who somebody has shown to be.
struct Claim {
    who: Who,
    rights: Rights,
    /// `None`: every account.
    account_id: Option<AccountId>,
    /// A person's; a key has none.
    signed_in: Option<Box<(Session, User)>>,
}

impl Claim {
    /// Whoever sends an authorization header is judged by that alone: a program that runs in a
    /// browser is not taken for the person before it.
    async fn of(method: &Method, headers: &HeaderMap, state: &AppState) -> Result<Claim, ApiError> {
        if let Some(sent) = authorization(headers)? {
            let Grant { id, role, account_id } = grant_of(sent, state)?;
            let (who, rights) = (Who::Key(id), Rights::Key(role));
            return Ok(Claim { who, rights, account_id, signed_in: None });
        }
        // Boxed, because the future of the calls that take events would have to be as large.
        let (session, user) = Box::pin(session_of(method, headers, state)).await?;
        Ok(Claim {
            who: Who::User(user.id),
            rights: user.rights(),
            account_id: user.account_id,
            signed_in: Some(Box::new((session, user))),
        })
    }
}

fn unauthorized(detail: &str) -> ApiError {
    ApiError::new(Code::Unauthorized, detail)
}

fn authorization(headers: &HeaderMap) -> Result<Option<&HeaderValue>, ApiError> {
    only(headers, &header::AUTHORIZATION)
        .map_err(|MoreThanOne| unauthorized("more than one authorization header was sent"))
}

/// What the key in an authorization header is good for.
///
/// SHA-256 every time, though a table of the keys seen lately, as they came, would be quicker: then
/// keys would lie about in memory, and the time that a comparison takes would tell of them. What a
/// processor needs for the hash of one key is a fifth of a microsecond.
fn grant_of(authorization: &HeaderValue, state: &AppState) -> Result<Grant, ApiError> {
    let text = authorization.to_str().map_err(|_| missing())?;
    let (scheme, key) = text.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    let hash = KeyHash::of(key.trim());
    state.keys.get(&hash).ok_or_else(|| unauthorized("this API key is not known, or was deleted"))
}

fn missing() -> ApiError {
    unauthorized("send your API key as: authorization: Bearer phk_…, or sign in")
}

/// The session that the cookie names. A request that changes something must come from a page of
/// our own: browsers send cookies whoever made the page.
async fn session_of(
    method: &Method,
    headers: &HeaderMap,
    state: &AppState,
) -> Result<(Session, User), ApiError> {
    let token = cookie::session_token(headers).ok_or_else(missing)?;
    if !method.is_safe() && !provenance(headers)?.is_own() {
        return Err(cross_origin());
    }
    let now = state.now();
    let found = state.store.session(now, token.hash()).await?;
    let (session, user) = found.ok_or_else(session_over)?;
    if let Some(expires_at) = session.renewed(now) {
        state.store.renew_session(session.hash, expires_at).await?;
        return Ok((Session { expires_at, ..session }, user));
    }
    Ok((session, user))
}

pub fn session_over() -> ApiError {
    unauthorized("the session is over; sign in again")
}

fn cross_origin() -> ApiError {
    ApiError::new(Code::CrossOrigin, "only a page of this server may do this for you")
}

fn provenance(headers: &HeaderMap) -> Result<Provenance<'_>, ApiError> {
    let text = |name: &HeaderName| match only(headers, name) {
        Ok(value) => value.map(|value| value.to_str().map_err(|_| cross_origin())).transpose(),
        Err(MoreThanOne) => Err(cross_origin()),
    };
    Ok(Provenance {
        host: text(&header::HOST)?,
        origin: text(&header::ORIGIN)?,
        sec_fetch_site: text(&SEC_FETCH_SITE)?,
    })
}

struct MoreThanOne;

/// The value of a header that may be there once.
fn only<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'h HeaderValue>, MoreThanOne> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() { Err(MoreThanOne) } else { Ok(value) }
}

/// The account that the call is about: the caller's own, or the one named by who may act in all.
async fn account_of(
    claim: &Claim,
    headers: &HeaderMap,
    state: &AppState,
) -> Result<AccountId, ApiError> {
    let named = match only(headers, &ACCOUNT_HEADER) {
        Ok(None) => None,
        Ok(Some(value)) => Some(value.to_str().map_err(|_| unknown_account())?),
        Err(MoreThanOne) => return Err(unknown_account()),
    };
    match (claim.account_id, named) {
        (None, named) => {
            let named = named.unwrap_or(DEFAULT_ACCOUNT);
            find_account(named, state).await?.ok_or_else(unknown_account)
        }
        (Some(own), None) => Ok(own),
        // Whoever belongs to one account hears the same of every other one, existing or not.
        (Some(own), Some(named)) => {
            let is_own = state.accounts.find(named) == Some(own);
            is_own.then_some(own).ok_or_else(|| {
                let who = if matches!(claim.rights, Rights::Key(_)) { "key" } else { "user" };
                ApiError::new(Code::Forbidden, format!("this {who} belongs to another account"))
            })
        }
    }
}

/// Memory first; then the store, where another node may have put it.
async fn find_account(id_or_name: &str, state: &AppState) -> Result<Option<AccountId>, ApiError> {
    if let Some(account) = state.accounts.find(id_or_name) {
        return Ok(Some(account));
    }
    let found = match AccountId::parse(id_or_name) {
        Ok(id) => state.store.account(id).await?,
        Err(_) => state.store.account_named(id_or_name).await?,
    };
    Ok(found.map(|account| {
        let id = account.id;
        state.accounts.add(account);
        id
    }))
}

fn unknown_account() -> ApiError {
    ApiError::new(Code::UnknownAccount, format!("{ACCOUNT_HEADER} does not name an account"))
}
