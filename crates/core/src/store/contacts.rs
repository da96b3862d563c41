//! Powerlists, their contacts, and what brings contacts in: inbound webhooks with the requests they
//! got, and imports.
//!
//! **Events.** A change of a contact is to raise an event, and the event log is another file than
//! the contacts'. So a change writes down, in its own transaction, which event it is to raise;
//! whoever runs the server accepts that event under an idempotency key made of the note's id, and
//! takes the note away afterwards. A crash in between repeats an accept that changes nothing.

use async_trait::async_trait;
use bytes::Bytes;

use super::StoreError;
use crate::contact::{Contact, ContactEdit, ContactSource, Edited, NewPowerlist, Powerlist};
use crate::event::Idempotency;
use crate::id::{AccountId, ContactId, JobId, PowerlistId, RequestId, WebhookId};
use crate::import::{ImportJob, ImportProgress, ImportSettings, JobState, SkippedRow};
use crate::inbound::{InboundRequest, InboundWebhook, NewInboundWebhook, ReceivedRequest, Verdict};
use crate::page::{Page, PageRequest};
use crate::time::Timestamp;

/// Which contacts of a list to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactFilter {
    /// Words that each begin a word of the name, e-mail address, city or tags, or digits that the
    /// phone number has in it. As a person types them: nothing in it has a meaning of its own.
    pub search: Option<String>,
    pub tag: Option<String>,
}

/// Where changes come from: what they say of themselves in the events they raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    pub source: ContactSource,
    /// Whether each change raises an event.
    pub raise_events: bool,
    /// Through how many webhooks it came already.
    pub hops: u8,
}

/// An event that a change of a contact is to raise.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactEvent {
    /// Of this note: rises with each change.
    pub note: u64,
    pub account_id: AccountId,
    /// [`Edited::Created`], [`Edited::Updated`] or [`Edited::Deleted`] say all there is to say.
    pub edited: Edited,
    pub reason: Option<crate::contact::DeleteReason>,
    pub at: Timestamp,
    pub hops: u8,
}

#[async_trait]
pub trait ContactStore: Send + Sync + 'static {
    /// [`StoreError::Taken`] if the account has a list of that name.
    async fn create_powerlist(
        &self,
        now: Timestamp,
        powerlist: NewPowerlist,
    ) -> Result<Powerlist, StoreError>;

    /// Replaces name, description, country and `updated_at`; everything else stays. `false` if
    /// there is no such list (any more). [`StoreError::Taken`] as above.
    async fn update_powerlist(&self, powerlist: &Powerlist) -> Result<bool, StoreError>;

    /// Deletes a list with all that are on it: none of them is to be found any more, and no event
    /// is raised for them. Imports into it are cancelled. Whether there was such a list. Takes no
    /// longer for a million contacts than for one; their rows go later ([`ContactStore::sweep`]).
    async fn delete_powerlist(
        &self,
        account: AccountId,
        id: PowerlistId,
    ) -> Result<bool, StoreError>;

    async fn powerlist(
        &self,
        account: AccountId,
        id: PowerlistId,
    ) -> Result<Option<Powerlist>, StoreError>;

    async fn count_powerlists(&self, account: AccountId) -> Result<usize, StoreError>;

    async fn list_powerlists(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Powerlist>, StoreError>;

    async fn contact(
        &self,
        account: AccountId,
        id: ContactId,
    ) -> Result<Option<Contact>, StoreError>;

    /// Of a list that is there; none of one that is not.
    async fn list_contacts(
        &self,
        account: AccountId,
        powerlist: PowerlistId,
        filter: &ContactFilter,
        page: PageRequest,
    ) -> Result<Page<Contact>, StoreError>;

    /// Makes these changes, one after the other in one transaction, and notes the events that they
    /// are to raise. What cannot be done is said of the one change and leaves the others alone.
    async fn edit_contacts(
        &self,
        now: Timestamp,
        account: AccountId,
        edits: Vec<ContactEdit>,
        origin: Origin,
    ) -> Result<Vec<Edited>, StoreError>;

    /// The oldest events that are to be raised, in the order of the changes; fewer than the limit
    /// where they are large, but none only if there are none.
    async fn contact_events(&self, limit: usize) -> Result<Vec<ContactEvent>, StoreError>;

    /// Takes the notes up to that one away: their events are accepted.
    async fn contact_events_raised(&self, up_to: u64) -> Result<(), StoreError>;

    /// Deletes up to `rows` rows that nobody can find any more: of deleted lists, requests older
    /// than `requests_before`, requests beyond those kept. Whether there may be more.
    async fn sweep(&self, requests_before: Timestamp, rows: usize) -> Result<bool, StoreError>;
}

/// Inbound webhooks. They share the outbound ones' numbers and the sequence of their ids.
#[async_trait]
pub trait InboundStore: Send + Sync + 'static {
    async fn create_inbound_webhook(
        &self,
        now: Timestamp,
        webhook: NewInboundWebhook,
    ) -> Result<InboundWebhook, StoreError>;

    /// Replaces settings, tokens, status and `updated_at`. `false` if there is none (any more).
    async fn update_inbound_webhook(&self, webhook: &InboundWebhook) -> Result<bool, StoreError>;

    /// Whether there was such a webhook. Its requests go with the next sweeps.
    async fn delete_inbound_webhook(
        &self,
        account: AccountId,
        id: WebhookId,
    ) -> Result<bool, StoreError>;

    async fn list_inbound_webhooks(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<InboundWebhook>, StoreError>;

    /// Every inbound webhook of every account, in no order.
    async fn all_inbound_webhooks(&self) -> Result<Vec<InboundWebhook>, StoreError>;

    /// Keeps a request, makes the change that it asks for (none if its verdict is known already),
    /// counts the hit unless it is a replay, and notes the event, all in one transaction.
    ///
    /// With an idempotency key, the first request to that webhook wins, and its verdict is repeated
    /// for 24 h: nothing else is done then, but the request is kept and counted. Another request
    /// under the same key gets [`Verdict::KeyReused`]. A request that is refused has no use of its
    /// key: it may be anybody's.
    async fn receive(
        &self,
        request: ReceivedRequest,
        wants: Wanted,
        idempotency: Option<Idempotency>,
    ) -> Result<InboundRequest, StoreError>;

    async fn inbound_request(
        &self,
        account: AccountId,
        id: RequestId,
    ) -> Result<Option<InboundRequest>, StoreError>;

    /// Of one inbound webhook, or with a verdict only those ([`Verdict::as_str`]). Pages are short
    /// where bodies are large.
    async fn list_inbound_requests(
        &self,
        account: AccountId,
        webhook: WebhookId,
        verdict: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<InboundRequest>, StoreError>;
}

/// What a request to an inbound webhook comes to.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one for each request, on its way to the store")]
pub enum Wanted {
    Edit(ContactEdit),
    /// Nothing is to be changed.
    Refused(Verdict),
}

/// Imports. The file lies with the store until it has been imported.
#[async_trait]
pub trait ImportStore: Send + Sync + 'static {
    /// Begins to take a file in. What is not finished before the process ends is forgotten.
    async fn begin_upload(&self) -> Result<Box<dyn Upload>, StoreError>;

    /// Keeps an import with its file: it survives a crash from now on.
    async fn create_import(
        &self,
        now: Timestamp,
        account: AccountId,
        settings: ImportSettings,
        upload: Box<dyn Upload>,
    ) -> Result<ImportJob, StoreError>;

    async fn import(&self, account: AccountId, id: JobId) -> Result<Option<ImportJob>, StoreError>;

    async fn list_imports(
        &self,
        account: AccountId,
        powerlist: Option<PowerlistId>,
        page: PageRequest,
    ) -> Result<Page<ImportJob>, StoreError>;

    /// The oldest import that is not over, whosever it is.
    async fn next_import(&self) -> Result<Option<ImportJob>, StoreError>;

    /// Up to `bytes_max` of its file from there on; none at its end.
    async fn read_import(
        &self,
        id: JobId,
        from: u64,
        bytes_max: usize,
    ) -> Result<Bytes, StoreError>;

    /// Moves an import on, in the transaction that makes these changes. What became of each is
    /// counted beside what was before (see [`ImportProgress`]); `progress` says how far the file is
    /// and counts all that was skipped before the store saw it. `None`, and nothing is changed, if
    /// it is over (cancelled) by now, or if these rows are done already: whoever asked for them
    /// before may have been stopped while it waited.
    async fn advance_import(
        &self,
        now: Timestamp,
        id: JobId,
        progress: ImportProgress,
        edits: Vec<ContactEdit>,
        skipped: Vec<SkippedRow>,
    ) -> Result<Option<ImportJob>, StoreError>;

    /// Changes the state, and drops the file of one that is over. `false`, and nothing is changed,
    /// if it is over already.
    async fn set_import_state(
        &self,
        now: Timestamp,
        id: JobId,
        state: JobState,
        error: Option<String>,
    ) -> Result<bool, StoreError>;

    /// The rows that were not imported, in the order of the file, at most
    /// `IMPORT_SKIPS_KEPT_MAX` of them.
    async fn skipped_rows(&self, id: JobId) -> Result<Vec<SkippedRow>, StoreError>;
}

/// A file on its way in. Dropped before it is made an import, it is gone.
#[async_trait]
pub trait Upload: Send {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError>;

    /// Bytes so far.
    fn bytes(&self) -> u64;

    /// For the store that made it, which knows what it is.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send>;
}
