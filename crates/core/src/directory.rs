//! Which webhooks there are and which of them an event goes to: the fan-out, answered from memory
//! because it is asked for every event.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use crate::event_type::{EventPattern, EventType};
use crate::id::{AccountId, PowerlistId, WebhookId};
use crate::webhook::{SharedWebhook, Webhook, WebhookStatus};

/// An index over all webhooks. By account, pattern and powerlist, so that 100,000 webhooks that
/// want other events cost an event nothing.
#[derive(Debug, Default)]
pub struct WebhookIndex {
    by_id: BTreeMap<WebhookId, SharedWebhook>,
    by_account: BTreeMap<AccountId, Subscriptions>,
    /// How many each account has, disabled ones too.
    counts: BTreeMap<AccountId, usize>,
}

/// Which webhooks of one account want what. A disabled one wants nothing.
#[derive(Debug, Default)]
struct Subscriptions {
    all: Subscribers,
    below: BTreeMap<EventType, Subscribers>,
    exact: BTreeMap<EventType, Subscribers>,
}

/// The webhooks with one pattern, in the order of their ids: without a powerlist, and by list.
#[derive(Debug, Default)]
struct Subscribers {
    of_no_list: Vec<WebhookId>,
    by_list: BTreeMap<PowerlistId, Vec<WebhookId>>,
}

impl WebhookIndex {
    pub fn get(&self, id: WebhookId) -> Option<&SharedWebhook> {
        self.by_id.get(&id)
    }

    /// Adds a webhook, or replaces the one with its id.
    pub fn put(&mut self, webhook: Webhook) -> SharedWebhook {
        let webhook = Arc::new(webhook);
        let old = self.by_id.insert(webhook.id, webhook.clone());
        if old.is_none() {
            *self.counts.entry(webhook.account_id).or_default() += 1;
        }
        // Most changes are of something else, and an index of 100,000 takes a while to change.
        if !old.as_ref().is_some_and(|old| wants_the_same(old, &webhook)) {
            if let Some(old) = old {
                self.unsubscribe(&old);
            }
            self.subscribe(&webhook);
        }
        webhook
    }

    pub fn remove(&mut self, id: WebhookId) -> Option<SharedWebhook> {
        let webhook = self.by_id.remove(&id)?;
        self.unsubscribe(&webhook);
        if let Some(count) = self.counts.get_mut(&webhook.account_id) {
            *count -= 1;
        }
        Some(webhook)
    }

    /// How many webhooks the account has.
    pub fn count(&self, account: AccountId) -> usize {
        self.counts.get(&account).copied().unwrap_or(0)
    }

    fn subscribe(&mut self, webhook: &Webhook) {
        if !wants_any(webhook) {
            return;
        }
        let subscriptions = self.by_account.entry(webhook.account_id).or_default();
        for pattern in &webhook.settings.events {
            let subscribers = match pattern {
                EventPattern::All => &mut subscriptions.all,
                EventPattern::Below(branch) => {
                    subscriptions.below.entry(branch.clone()).or_default()
                }
                EventPattern::Exact(name) => subscriptions.exact.entry(name.clone()).or_default(),
            };
            subscribers.add(webhook);
        }
    }

    fn unsubscribe(&mut self, webhook: &Webhook) {
        let Some(subscriptions) = self.by_account.get_mut(&webhook.account_id) else { return };
        for pattern in &webhook.settings.events {
            match pattern {
                EventPattern::All => {
                    subscriptions.all.remove(webhook);
                }
                EventPattern::Below(branch) => {
                    remove_from(&mut subscriptions.below, branch, webhook);
                }
                EventPattern::Exact(name) => {
                    remove_from(&mut subscriptions.exact, name, webhook);
                }
            }
        }
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
        let mut targets = Vec::new();
        let mut lists = 0;
        let Some(subscriptions) = self.by_account.get(&account) else { return targets };
        for subscribers in subscriptions.to(event_type) {
            for list in subscribers.to(powerlist) {
                targets.extend_from_slice(list);
                lists += usize::from(!list.is_empty());
            }
        }
        // A webhook that asked for `call.ended` and `call.*` matched twice.
        if lists > 1 {
            targets.sort_unstable();
            targets.dedup();
        }
        targets
    }
}

impl Subscriptions {
    /// Those with a pattern that matches. There are as many such patterns as the name has
    /// segments, and one: they are looked up, instead of trying all patterns there are.
    fn to(&self, event_type: &EventType) -> impl Iterator<Item = &Subscribers> {
        let name = event_type.as_str();
        let dots = name.match_indices('.').take_while(|_| !self.below.is_empty());
        let below = dots.filter_map(|(at, _)| self.below.get(&name[..at]));
        [&self.all].into_iter().chain(self.exact.get(event_type)).chain(below)
    }
}

impl Subscribers {
    fn to(&self, powerlist: Option<PowerlistId>) -> impl Iterator<Item = &[WebhookId]> {
        let of_list = powerlist.and_then(|list| self.by_list.get(&list));
        [&self.of_no_list].into_iter().chain(of_list).map(Vec::as_slice)
    }

    fn add(&mut self, webhook: &Webhook) {
        let ids = match webhook.settings.powerlist_id {
            None => &mut self.of_no_list,
            Some(list) => self.by_list.entry(list).or_default(),
        };
        if let Err(place) = ids.binary_search(&webhook.id) {
            ids.insert(place, webhook.id);
        }
    }

    /// Whether none is left.
    fn remove(&mut self, webhook: &Webhook) -> bool {
        let remove = |ids: &mut Vec<WebhookId>| {
            if let Ok(place) = ids.binary_search(&webhook.id) {
                ids.remove(place);
            }
            ids.is_empty()
        };
        match webhook.settings.powerlist_id {
            None => {
                remove(&mut self.of_no_list);
            }
            Some(list) => {
                if self.by_list.get_mut(&list).is_some_and(remove) {
                    self.by_list.remove(&list);
                }
            }
        }
        self.of_no_list.is_empty() && self.by_list.is_empty()
    }
}

fn remove_from(
    subscribers: &mut BTreeMap<EventType, Subscribers>,
    name: &EventType,
    webhook: &Webhook,
) {
    if subscribers.get_mut(name).is_some_and(|those| those.remove(webhook)) {
        subscribers.remove(name);
    }
}

fn wants_any(webhook: &Webhook) -> bool {
    !matches!(webhook.status, WebhookStatus::Disabled { .. })
}

fn wants_the_same(one: &Webhook, other: &Webhook) -> bool {
    one.account_id == other.account_id
        && one.settings.events == other.settings.events
        && one.settings.powerlist_id == other.settings.powerlist_id
        && wants_any(one) == wants_any(other)
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

    /// The webhooks of an account that are about that list and no other, disabled ones too.
    pub fn of_powerlist(&self, account: AccountId, powerlist: PowerlistId) -> Vec<SharedWebhook> {
        let is_about = |webhook: &&SharedWebhook| {
            webhook.account_id == account && webhook.settings.powerlist_id == Some(powerlist)
        };
        self.read(|index| index.by_id.values().filter(is_about).cloned().collect())
    }

    pub fn count(&self, account: AccountId) -> usize {
        self.read(|index| index.count(account))
    }

    fn read<T>(&self, look: impl FnOnce(&WebhookIndex) -> T) -> T {
        look(&self.0.read().expect("no holder panics"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::egress::EgressPolicy;
    use crate::secret::{Secret, Secrets};
    use crate::time::{Entropy, Timestamp};
    use crate::webhook::SettingsDraft;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn webhook(id: u64, patterns: &[&str], list: Option<u64>) -> Webhook {
        let draft = SettingsDraft {
            title: Some("A hook".to_owned()),
            url: Some("https://example.com/hook".to_owned()),
            events: Some(patterns.iter().map(|&pattern| pattern.to_owned()).collect()),
            ..SettingsDraft::default()
        };
        let mut settings = draft.create(&EgressPolicy::public_only()).expect("valid");
        settings.powerlist_id = list.map(PowerlistId::from_raw);
        Webhook {
            id: WebhookId::from_raw(id),
            account_id: AccountId::from_raw(1),
            number: 1,
            settings,
            secrets: Secrets::new(Secret::generate(&Zeros)),
            status: WebhookStatus::Enabled,
            created_at: Timestamp::EPOCH,
            updated_at: Timestamp::EPOCH.saturating_add(Duration::from_secs(1)),
        }
    }

    fn disabled(webhook: Webhook) -> Webhook {
        Webhook { status: WebhookStatus::Disabled { reason: "410".to_owned() }, ..webhook }
    }

    fn targets(index: &WebhookIndex, name: &str, list: Option<u64>) -> Vec<u64> {
        let name = EventType::parse(name).expect("a name");
        let list = list.map(PowerlistId::from_raw);
        let found = index.targets(AccountId::from_raw(1), &name, list);
        found.into_iter().map(WebhookId::as_raw).collect()
    }

    #[test]
    fn an_event_goes_to_whoever_asked_for_it_once_and_in_order() {
        let mut index = WebhookIndex::default();
        index.put(webhook(5, &["call.ended", "call.*", "*"], None));
        index.put(webhook(3, &["call.ended"], Some(7)));
        index.put(webhook(4, &["sms.*"], None));
        index.put(disabled(webhook(2, &["*"], None)));
        index.put(Webhook { status: WebhookStatus::Paused, ..webhook(1, &["call.ended"], None) });
        assert_eq!(targets(&index, "call.ended", None), [1, 5]);
        assert_eq!(targets(&index, "call.ended", Some(7)), [1, 3, 5]);
        assert_eq!(targets(&index, "call.ended", Some(8)), [1, 5]);
        assert_eq!(targets(&index, "call.leg.ended", None), [5]);
        assert_eq!(targets(&index, "sms.sent", None), [4, 5]);
        let other = index.targets(
            AccountId::from_raw(2),
            &EventType::parse("call.ended").expect("a name"),
            None,
        );
        assert!(other.is_empty());
    }

    #[test]
    fn a_change_counts_from_the_next_event_on() {
        let mut index = WebhookIndex::default();
        index.put(webhook(1, &["call.ended"], None));
        index.put(webhook(1, &["call.ended"], Some(7)));
        assert_eq!(targets(&index, "call.ended", None), [0_u64; 0]);
        assert_eq!(targets(&index, "call.ended", Some(7)), [1]);
        index.put(disabled(webhook(1, &["call.ended"], Some(7))));
        assert_eq!(targets(&index, "call.ended", Some(7)), [0_u64; 0]);
        index.put(webhook(1, &["call.*"], None));
        assert_eq!(targets(&index, "call.ended", None), [1]);
        index.remove(WebhookId::from_raw(1));
        assert_eq!(targets(&index, "call.ended", None), [0_u64; 0]);
        let left = index.by_account.values().next().expect("the account");
        assert!(left.below.is_empty() && left.exact.is_empty(), "{left:?}");
    }

    /// One change: a webhook is put (with patterns, a list, enabled or not) or removed.
    fn any_change() -> impl Strategy<Value = (u64, Option<Webhook>)> {
        let patterns = ["*", "a.*", "a.b.*", "a.b", "a.b.c", "a"];
        let chosen = prop::sample::subsequence(patterns.to_vec(), 1..=3);
        let list = prop::option::of(1..3_u64);
        (0..6_u64, chosen, list, 0..4_u8).prop_map(|(id, patterns, list, what)| {
            let put = webhook(id, &patterns, list);
            (
                id,
                [Some(put.clone()), Some(disabled(put.clone())), None, Some(put)][what as usize]
                    .clone(),
            )
        })
    }

    proptest! {
        #[test]
        fn the_index_finds_what_asking_every_webhook_would(
            changes in prop::collection::vec(any_change(), 0..30),
        ) {
            let mut index = WebhookIndex::default();
            let mut all: BTreeMap<u64, Webhook> = BTreeMap::new();
            for (id, change) in changes {
                match change {
                    Some(webhook) => {
                        index.put(webhook.clone());
                        all.insert(id, webhook);
                    }
                    None => {
                        index.remove(WebhookId::from_raw(id));
                        all.remove(&id);
                    }
                }
            }
            prop_assert_eq!(index.count(AccountId::from_raw(1)), all.len());
            prop_assert_eq!(index.count(AccountId::from_raw(2)), 0);
            for name in ["a", "a.b", "a.b.c", "a.c", "ab", "b"] {
                let event_type = EventType::parse(name).expect("a name");
                for list in [None, Some(1), Some(2)] {
                    let matches = |webhook: &&Webhook| {
                        let settings = &webhook.settings;
                        let in_scope = settings.powerlist_id.is_none()
                            || settings.powerlist_id == list.map(PowerlistId::from_raw);
                        let enabled = webhook.status == WebhookStatus::Enabled;
                        let patterns = &settings.events;
                        enabled && in_scope && patterns.iter().any(|pattern| pattern.matches(&event_type))
                    };
                    let expected: Vec<u64> =
                        all.values().filter(matches).map(|webhook| webhook.id.as_raw()).collect();
                    prop_assert_eq!(targets(&index, name, list), expected);
                }
            }
        }
    }
}
