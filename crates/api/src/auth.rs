//! Who calls, for which account, and whether the call's role may do it. A handler names what it
//! does in the type of its first argument, and then cannot run for anybody who may not.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use posthaste_core::account::{Action, DEFAULT_ACCOUNT, KeyHash, Role};
use posthaste_core::id::AccountId;

use crate::error::{ApiError, Code};
use crate::state::{AppState, Grant};

/// The header in which a platform key names an account.
pub const ACCOUNT_HEADER: HeaderName = HeaderName::from_static("posthaste-account");

/// A caller who may do `A`.
#[derive(Debug, Clone, Copy)]
pub struct Caller<A> {
    pub account: AccountId,
    pub role: Role,
    action: PhantomData<A>,
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

permissions!(Publish, Read, Write, Administer);

impl<A: Permission> FromRequestParts<AppState> for Caller<A> {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Caller<A>, ApiError> {
        Caller::of(&parts.headers, state).await
    }
}

impl<A: Permission> Caller<A> {
    /// Who sends these headers, if they may do `A`.
    pub async fn of(headers: &HeaderMap, state: &AppState) -> Result<Caller<A>, ApiError> {
        let key = authenticate(headers, state)?;
        if !key.role.may(A::ACTION) {
            let role = key.role.as_str();
            return Err(ApiError::new(
                Code::Forbidden,
                format!("a key with the role {role} may not do this"),
            ));
        }
        let account = account_of(&key, headers, state).await?;
        Ok(Caller { account, role: key.role, action: PhantomData })
    }
}

/// SHA-256 every time, though a table of the keys seen lately, as they came, would be quicker: then
/// keys would lie about in memory, and the time that a comparison takes would tell of them. What a
/// processor needs for the hash of one key is a fifth of a microsecond.
fn authenticate(headers: &HeaderMap, state: &AppState) -> Result<Grant, ApiError> {
    let refused = |detail: &str| ApiError::new(Code::Unauthorized, detail);
    let missing = || refused("send your API key as: authorization: Bearer phk_…");
    let value = only(headers, &header::AUTHORIZATION)
        .map_err(|MoreThanOne| refused("more than one authorization header was sent"))?
        .ok_or_else(missing)?;
    let text = value.to_str().map_err(|_| missing())?;
    let (scheme, key) = text.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    let hash = KeyHash::of(key.trim());
    state.keys.get(&hash).ok_or_else(|| refused("this API key is not known, or was deleted"))
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

/// The account that the call is about: the key's own, or the one that a platform key names.
async fn account_of(
    key: &Grant,
    headers: &HeaderMap,
    state: &AppState,
) -> Result<AccountId, ApiError> {
    let named = match only(headers, &ACCOUNT_HEADER) {
        Ok(None) => None,
        Ok(Some(value)) => Some(value.to_str().map_err(|_| unknown_account())?),
        Err(MoreThanOne) => return Err(unknown_account()),
    };
    match (key.account_id, named) {
        (None, named) => {
            let named = named.unwrap_or(DEFAULT_ACCOUNT);
            find_account(named, state).await?.ok_or_else(unknown_account)
        }
        (Some(own), None) => Ok(own),
        // A key of one account hears the same of every other one, existing or not.
        (Some(own), Some(named)) => {
            let is_own = state.accounts.find(named) == Some(own);
            is_own.then_some(own).ok_or_else(|| {
                ApiError::new(Code::Forbidden, "this key belongs to another account")
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
