//! Webhooks and custom event types: configuration, changed by people, read from memory.

use async_trait::async_trait;

use super::StoreError;
use crate::event_type::{CustomEventType, EventType};
use crate::id::{AccountId, WebhookId};
use crate::page::{Page, PageRequest};
use crate::time::Timestamp;
use crate::webhook::{Hits, NewWebhook, Webhook};

#[async_trait]
pub trait WebhookStore: Send + Sync + 'static {
    /// Adds a webhook under the account's next number. A number is never used again, not even
    /// after its webhook was deleted.
    async fn create_webhook(
        &self,
        now: Timestamp,
        webhook: NewWebhook,
    ) -> Result<Webhook, StoreError>;

    /// Replaces settings, secrets, status and `updated_at` of the webhook with that id; id,
    /// account, number and `created_at` stay. `false` if there is none (any more).
    async fn update_webhook(&self, webhook: &Webhook) -> Result<bool, StoreError>;

    /// Whether there was such a webhook. Its deliveries stay in the log.
    async fn delete_webhook(&self, account: AccountId, id: WebhookId) -> Result<bool, StoreError>;

    async fn webhook(
        &self,
        account: AccountId,
        id: WebhookId,
    ) -> Result<Option<Webhook>, StoreError>;

    async fn list_webhooks(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<Webhook>, StoreError>;

    /// Every webhook of every account, in no order: what the directory starts from.
    async fn all_webhooks(&self) -> Result<Vec<Webhook>, StoreError>;

    /// Hits of each of these webhooks, in the order asked for. Tests are not hits. Counted in the
    /// transactions that record the attempts, and kept when the attempts' log expires.
    async fn hits(&self, webhooks: &[WebhookId]) -> Result<Vec<Hits>, StoreError>;
}

#[async_trait]
pub trait EventTypeStore: Send + Sync + 'static {
    /// Adds a custom event type to an account, or replaces the one with its name.
    async fn put_event_type(
        &self,
        account: AccountId,
        event_type: CustomEventType,
    ) -> Result<(), StoreError>;

    /// An account's custom event types, by name.
    async fn custom_event_types(
        &self,
        account: AccountId,
    ) -> Result<Vec<CustomEventType>, StoreError>;

    /// Whether there was such a custom event type.
    async fn delete_event_type(
        &self,
        account: AccountId,
        name: &EventType,
    ) -> Result<bool, StoreError>;
}
