//! Who calls, for which account, and whether the call's role may do it. A handler names what it
//! does in the type of its first argument, and then cannot run for anybody who may not.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use posthaste_core::account::{Action, ApiKey, DEFAULT_ACCOUNT, KeyHash, Role};
use posthaste_core::id::AccountId;

use crate::error::{ApiError, Code};
use crate::state::AppState;

/// The header in which a platform key names an account.
pub const ACCOUNT_HEADER: &str = "posthaste-account";

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
        let key = authenticate(&parts.headers, state)?;
        if !key.role.may(A::ACTION) {
            let role = key.role.as_str();
            return Err(ApiError::new(
                Code::Forbidden,
                format!("a key with the role {role} may not do this"),
            ));
        }
        let account = account_of(&key, &parts.headers, state).await?;
        Ok(Caller { account, role: key.role, action: PhantomData })
    }
}

fn authenticate(headers: &HeaderMap, state: &AppState) -> Result<Arc<ApiKey>, ApiError> {
    let refused = |detail: &str| ApiError::new(Code::Unauthorized, detail);
    let missing = || refused("send your API key as: authorization: Bearer phk_…");
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(missing)?;
    if values.next().is_some() {
        return Err(refused("more than one authorization header was sent"));
    }
    let text = value.to_str().map_err(|_| missing())?;
    let (scheme, key) = text.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    let hash = KeyHash::of(key.trim());
    state.keys.get(&hash).ok_or_else(|| refused("this API key is not known, or was deleted"))
}

/// The account that the call is about: the key's own, or the one that a platform key names.
async fn account_of(
    key: &ApiKey,
    headers: &HeaderMap,
    state: &AppState,
) -> Result<AccountId, ApiError> {
    let mut values = headers.get_all(ACCOUNT_HEADER).iter();
    let named = match (values.next(), values.next()) {
        (None, _) => None,
        (Some(value), None) => Some(value.to_str().map_err(|_| unknown_account())?),
        (Some(_), Some(_)) => return Err(unknown_account()),
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
