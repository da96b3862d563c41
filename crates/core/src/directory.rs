//! Which webhooks there are and which of them an event goes to: the fan-out, answered from memory
//! because it is asked for every event.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use crate::event_type::{EventPattern, EventType};
use crate::id::{AccountId, PowerlistId, WebhookId};
use crate::webhook::{SharedWebhook, Webhook, WebhookStatus};

/// An index over all webhooks. By pattern, so that 100,000 webhooks that want other events cost
/// an event nothing.
#[derive(Debug, Default)]
pub struct WebhookIndex {
    by_id: BTreeMap<WebhookId, SharedWebhook>,
    by_pattern: BTreeMap<AccountId, BTreeMap<EventPattern, Vec<SharedWebhook>>>,
}

impl WebhookIndex {
    pub fn get(&self, id: WebhookId) -> Option<&SharedWebhook> {
        self.by_id.get(&id)
    }

    /// Adds a webhook, or replaces the one with its id.
    pub fn put(&mut self, webhook: Webhook) -> SharedWebhook {
        self.remove(webhook.id);
        let webhook = Arc::new(webhook);
        self.by_id.insert(webhook.id, webhook.clone());
        let patterns = self.by_pattern.entry(webhook.account_id).or_default();
        for pattern in &webhook.settings.events {
            patterns.entry(pattern.clone()).or_default().push(webhook.clone());
        }
        webhook
    }

    pub fn remove(&mut self, id: WebhookId) -> Option<SharedWebhook> {
        let webhook = self.by_id.remove(&id)?;
        let patterns = self.by_pattern.get_mut(&webhook.account_id)?;
        for pattern in &webhook.settings.events {
            if let Some(subscribed) = patterns.get_mut(pattern) {
                subscribed.retain(|other| other.id != id);
                if subscribed.is_empty() {
                    patterns.remove(pattern);
                }
            }
        }
        Some(webhook)
    }

    /// The webhooks that an event of `account` goes to, in the order of their ids, each once.
    ///
    /// A paused webhook still gets its events (they queue); a disabled one gets none. A webhook
    /// with a powerlist gets only that list's events.
    pub fn targets(
        &self,
        account: AccountId,
        event_type: &EventType,
        powerlist: Option<PowerlistId>,
    ) -> Vec<WebhookId> {
        let Some(patterns) = self.by_pattern.get(&account) else { return Vec::new() };
        let mut targets: Vec<WebhookId> = EventPattern::all_matching(event_type)
            .filter_map(|pattern| patterns.get(&pattern))
            .flatten()
            .filter(|webhook| wants(webhook, powerlist))
            .map(|webhook| webhook.id)
            .collect();
        // A webhook that asked for `call.ended` and `call.*` matched twice.
        targets.sort_unstable();
        targets.dedup();
        targets
    }
}

fn wants(webhook: &Webhook, powerlist: Option<PowerlistId>) -> bool {
    let enabled = !matches!(webhook.status, WebhookStatus::Disabled { .. });
    let in_scope = match webhook.settings.powerlist_id {
        None => true,
        Some(list) => powerlist == Some(list),
    };
    enabled && in_scope
}

/// The one [`WebhookIndex`] of a process, shared by the API (which changes it after the store
/// has committed a change) and the engine (which reads it for every attempt). Held only for the
/// length of a look-up, never across an await.
#[derive(Debug, Default)]
pub struct Directory(RwLock<WebhookIndex>);

impl Directory {
    pub fn new(webhooks: Vec<Webhook>) -> Directory {
        let mut index = WebhookIndex::default();
        for webhook in webhooks {
            index.put(webhook);
        }
        Directory(RwLock::new(index))
    }

    pub fn get(&self, id: WebhookId) -> Option<SharedWebhook> {
        self.read(|index| index.get(id).cloned())
    }

    pub fn put(&self, webhook: Webhook) -> SharedWebhook {
        self.0.write().expect("no holder panics").put(webhook)
    }

    /// Puts a new version in the place of exactly `current`. `false` if that is not the current one
    /// any more: somebody else changed or deleted it.
    pub fn replace(&self, current: &SharedWebhook, new: Webhook) -> bool {
        let mut index = self.0.write().expect("no holder panics");
        let is_current = index.get(current.id).is_some_and(|other| Arc::ptr_eq(other, current));
        if is_current {
            index.put(new);
        }
        is_current
    }

    pub fn remove(&self, id: WebhookId) -> Option<SharedWebhook> {
        self.0.write().expect("no holder panics").remove(id)
    }

    pub fn targets(
        &self,
        account: AccountId,
        event_type: &EventType,
        powerlist: Option<PowerlistId>,
    ) -> Vec<WebhookId> {
        self.read(|index| index.targets(account, event_type, powerlist))
    }

    fn read<T>(&self, look: impl FnOnce(&WebhookIndex) -> T) -> T {
        look(&self.0.read().expect("no holder panics"))
    }
}
