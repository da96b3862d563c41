//! Accounts and API keys: few, small, read at start and kept in memory by their user.

use async_trait::async_trait;

use super::StoreError;
use crate::account::{Account, ApiKey, NewApiKey, Validate};
use crate::id::{AccountId, KeyId};
use crate::page::{Page, PageRequest};
use crate::time::Timestamp;

#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    /// Adds an account. [`StoreError::Taken`] if the name is in use.
    ///
    /// A new store has one account, `default`, made when it is first opened.
    async fn create_account(&self, now: Timestamp, name: &str) -> Result<Account, StoreError>;

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;

    async fn account_named(&self, name: &str) -> Result<Option<Account>, StoreError>;

    /// Changes what is done about data that does not match its schema, and answers the account as it
    /// is then; `None` if there is no such account. A new account has [`Validate::Warn`].
    async fn set_validate(
        &self,
        id: AccountId,
        validate: Validate,
    ) -> Result<Option<Account>, StoreError>;

    async fn list_accounts(&self, page: PageRequest) -> Result<Page<Account>, StoreError>;

    /// Adds a key. [`StoreError::Taken`] if its hash is known already.
    async fn create_key(&self, now: Timestamp, key: NewApiKey) -> Result<ApiKey, StoreError>;

    /// Every key of every account, in no order: what authentication keeps in memory.
    async fn all_keys(&self) -> Result<Vec<ApiKey>, StoreError>;

    /// The keys of one account, or with `None` those of the platform.
    async fn list_keys(
        &self,
        account: Option<AccountId>,
        page: PageRequest,
    ) -> Result<Page<ApiKey>, StoreError>;

    /// Whether there was such a key in that account (with `None`: of the platform).
    async fn delete_key(&self, account: Option<AccountId>, id: KeyId) -> Result<bool, StoreError>;
}
