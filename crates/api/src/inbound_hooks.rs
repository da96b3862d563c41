//! The inbound webhooks, in memory: every request to one is looked up by the token in its URL, and
//! paced, before anything else is done about it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use posthaste_core::id::{AccountId, PowerlistId, WebhookId};
use posthaste_core::id_map::IdMap;
use posthaste_core::inbound::InboundWebhook;
use posthaste_core::rate_limit::Pacer;
use posthaste_core::session::{Token, TokenHash};
use posthaste_core::time::Timestamp;

/// All of them, of every account.
#[derive(Debug, Default)]
pub struct InboundHooks {
    tables: RwLock<Tables>,
    pacers: Mutex<IdMap<WebhookId, Pacer>>,
}

#[derive(Debug, Default)]
struct Tables {
    by_id: IdMap<WebhookId, Arc<InboundWebhook>>,
    /// By the hash, so that no look-up's delay tells how much of a guess was right.
    by_token: HashMap<TokenHash, WebhookId>,
}

impl InboundHooks {
    pub fn new(webhooks: Vec<InboundWebhook>) -> InboundHooks {
        let mut tables = Tables::default();
        for webhook in webhooks {
            tables.add(webhook);
        }
        InboundHooks { tables: RwLock::new(tables), pacers: Mutex::default() }
    }

    /// The one of that account.
    pub fn of(&self, account: AccountId, id: WebhookId) -> Option<Arc<InboundWebhook>> {
        let found = self.tables.read().by_id.get(&id).cloned();
        found.filter(|webhook| webhook.account_id == account)
    }

    pub fn count(&self, account: AccountId) -> usize {
        let tables = self.tables.read();
        tables.by_id.values().filter(|webhook| webhook.account_id == account).count()
    }

    /// Those that put contacts on that list.
    pub fn of_powerlist(&self, account: AccountId, list: PowerlistId) -> Vec<Arc<InboundWebhook>> {
        let tables = self.tables.read();
        let is_of = |webhook: &&Arc<InboundWebhook>| {
            webhook.account_id == account && webhook.settings.powerlist_id == list
        };
        tables.by_id.values().filter(is_of).cloned().collect()
    }

    /// The one whose URL has that token in it, current or on its way out.
    pub fn by_token(&self, now: Timestamp, token: &str) -> Option<Arc<InboundWebhook>> {
        let hash = Token::parse(token)?.hash();
        let tables = self.tables.read();
        let webhook = tables.by_id.get(tables.by_token.get(&hash)?)?;
        let is_live = webhook.tokens.current.hash() == hash
            || webhook.tokens.previous.as_ref().is_some_and(|(_, expires_at)| now < *expires_at);
        is_live.then(|| webhook.clone())
    }

    pub fn put(&self, webhook: InboundWebhook) {
        let mut tables = self.tables.write();
        tables.forget_tokens(webhook.id);
        tables.add(webhook);
    }

    pub fn remove(&self, id: WebhookId) {
        let mut tables = self.tables.write();
        tables.forget_tokens(id);
        tables.by_id.remove(&id);
        self.pacers.lock().remove(&id);
    }

    /// Counts a request, or says when the next may come.
    pub fn pace(&self, now: Timestamp, webhook: &InboundWebhook) -> Result<(), Timestamp> {
        let limit = webhook.settings.rate_limit;
        let mut pacers = self.pacers.lock();
        let pacer = pacers.entry(webhook.id).or_insert_with(|| Pacer::new(limit));
        if pacer.limit() != limit {
            pacer.set_limit(limit);
        }
        pacer.try_take(now)
    }
}

impl Tables {
    fn add(&mut self, webhook: InboundWebhook) {
        let previous = webhook.tokens.previous.as_ref().map(|(token, _)| token);
        for token in std::iter::once(&webhook.tokens.current).chain(previous) {
            self.by_token.insert(token.hash(), webhook.id);
        }
        self.by_id.insert(webhook.id, Arc::new(webhook));
    }

    fn forget_tokens(&mut self, id: WebhookId) {
        self.by_token.retain(|_, of| *of != id);
    }
}
