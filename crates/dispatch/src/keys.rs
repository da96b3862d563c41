//! Keyed HMAC states, made once per webhook instead of once per delivery.

use std::sync::Arc;

use posthaste_core::id::WebhookId;
use posthaste_core::id_map::IdMap;
use posthaste_core::secret::SigningKeys;
use posthaste_core::webhook::SharedWebhook;

/// About a kilobyte each; when there are more, the cache starts afresh.
const KEYS_MAX: usize = 16_384;

#[derive(Default)]
pub struct KeyCache(IdMap<WebhookId, (SharedWebhook, Arc<SigningKeys>)>);

impl KeyCache {
    /// The keys of this version of the webhook: a changed webhook is another allocation, so a
    /// rotated secret can never be missed.
    pub fn of(&mut self, webhook: &SharedWebhook) -> Arc<SigningKeys> {
        if let Some((version, keys)) = self.0.get(&webhook.id)
            && Arc::ptr_eq(version, webhook)
        {
            return keys.clone();
        }
        if self.0.len() >= KEYS_MAX {
            self.0.clear();
        }
        let keys = Arc::new(SigningKeys::new(&webhook.secrets));
        self.0.insert(webhook.id, (webhook.clone(), keys.clone()));
        keys
    }
}
