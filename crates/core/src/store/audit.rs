//! The audit log: appended to, read newest first, and dropped when it is old.

use async_trait::async_trait;

use super::StoreError;
use crate::audit::{AuditAction, AuditEntry, NewAuditEntry};
use crate::id::AccountId;
use crate::page::{Page, PageRequest};
use crate::time::Timestamp;

/// Which entries to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those of this account …
    pub account: AccountId,
    /// … and with this also those about the platform.
    pub platform: bool,
    /// The id of a user or key, or `system`.
    pub actor: Option<String>,
    pub action: Option<AuditAction>,
    /// The id of what was acted on.
    pub target: Option<String>,
    /// Written at or after.
    pub since: Option<Timestamp>,
    /// Written before.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// Everything that concerns an account, and with `platform` the platform.
    pub fn of(account: AccountId, platform: bool) -> AuditFilter {
        AuditFilter {
            account,
            platform,
            actor: None,
            action: None,
            target: None,
            since: None,
            until: None,
        }
    }

    /// Whether the entry is one of those, as far as its time does not decide.
    pub fn wants(&self, entry: &NewAuditEntry) -> bool {
        let in_reach = match entry.account_id {
            Some(account) => account == self.account,
            None => self.platform,
        };
        let actor = entry.actor.id.as_deref().unwrap_or(entry.actor.kind.as_str());
        in_reach
            && self.actor.as_deref().is_none_or(|wanted| wanted == actor)
            && self.action.is_none_or(|wanted| wanted == entry.action)
            && self.target.as_deref().is_none_or(|wanted| {
                entry.target.as_ref().is_some_and(|target| target.id == wanted)
            })
    }
}

#[async_trait]
pub trait AuditStore: Send + Sync + 'static {
    /// Appends an entry, dated `now`.
    async fn append_audit(&self, now: Timestamp, entry: NewAuditEntry) -> Result<(), StoreError>;

    /// In the order they were written, newest first; looks at a bounded number of entries.
    async fn list_audit(
        &self,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError>;

    /// Drops the entries written before that time.
    async fn drop_audit_before(&self, before: Timestamp) -> Result<(), StoreError>;
}
