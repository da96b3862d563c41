//! What the handlers share: the store and the engine behind their contracts, and the small tables
//! that are read for every request and therefore kept in memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use posthaste_core::account::{Account, ApiKey, KeyHash, Role, Validate};
use posthaste_core::directory::Directory;
use posthaste_core::egress::EgressPolicy;
use posthaste_core::engine::DeliveryEngine;
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, KeyId, WebhookId};
use posthaste_core::id_map::IdMap;
use posthaste_core::limits::{BATCH_BODY_BYTES_MAX, BODY_BYTES_MAX, PAGE_LIMIT_MAX};
use posthaste_core::page::PageRequest;
use posthaste_core::remote::TrustedProxies;
use posthaste_core::sign_in::Throttle;
use posthaste_core::store::{Store, StoreError};
use posthaste_core::time::{Clock, Entropy, Timestamp};
use tokio::sync::{Notify, watch};

use crate::audit::{self, Changed};
use crate::auth::By;
use crate::checks::Checks;
use crate::error::ApiError;
use crate::import_runner::Imports;
use crate::inbound_hooks::InboundHooks;
use crate::inbox::Inbox;
use crate::metrics::Metrics;
use crate::passwords::Passwords;

/// What the operator chose, as far as the API keeps to it or tells it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Of every request but a batch, and of each event in a batch.
    pub body_bytes_max: usize,
    pub batch_body_bytes_max: usize,
    /// Lets `/metrics` be read without a key. Off, because even numbers tell about customers.
    pub metrics_open: bool,
    /// Only told: what follows is kept to elsewhere.
    pub dev: bool,
    pub public_url: Option<String>,
    pub retention_days: u32,
    pub egress_allow: Vec<String>,
    /// Whose `x-forwarded-for` is believed.
    pub trusted_proxies: TrustedProxies,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            body_bytes_max: BODY_BYTES_MAX,
            batch_body_bytes_max: BATCH_BODY_BYTES_MAX,
            metrics_open: false,
            dev: false,
            public_url: None,
            retention_days: 30,
            egress_allow: Vec::new(),
            trusted_proxies: TrustedProxies::default(),
        }
    }
}

/// What the binary hands over.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub engine: Arc<dyn DeliveryEngine>,
    /// The one the engine reads too.
    pub directory: Arc<Directory>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub egress: EgressPolicy,
    pub settings: Settings,
    /// For development only: it has no authentication.
    pub inbox: Option<Inbox>,
}

/// Cheap to clone: one per request.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

impl Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

pub struct Shared {
    pub store: Arc<dyn Store>,
    pub engine: Arc<dyn DeliveryEngine>,
    pub directory: Arc<Directory>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub egress: EgressPolicy,
    pub settings: Settings,
    pub keys: KeyRing,
    pub accounts: Accounts,
    pub event_types: CustomNames,
    pub inbound: InboundHooks,
    /// Told after each change of contacts, for whoever raises their events.
    pub contacts_changed: Notify,
    pub checks: Checks,
    pub passwords: Passwords,
    pub sign_ins: Mutex<Throttle>,
    pub metrics: Metrics,
    pub inbox: Option<Inbox>,
    pub imports: Imports,
    pub started_at: Timestamp,
    /// False from the moment a shutdown begins.
    ready: watch::Sender<bool>,
    changes: tokio::sync::Mutex<()>,
}

impl AppState {
    /// Reads keys, accounts, inbound webhooks and the names of custom event types. Make the first platform key
    /// before this: a key that comes into the store later by another way is not known.
    pub async fn load(parts: Parts) -> Result<AppState, StoreError> {
        let keys = KeyRing::new(parts.store.all_keys().await?);
        let accounts = Accounts::default();
        let event_types = CustomNames::default();
        let mut page = PageRequest { limit: PAGE_LIMIT_MAX, cursor: None };
        loop {
            let found = parts.store.list_accounts(page).await?;
            for account in found.items {
                for custom in parts.store.custom_event_types(account.id).await? {
                    event_types.add(account.id, custom.name);
                }
                accounts.add(account);
            }
            page.cursor = found.next;
            if page.cursor.is_none() {
                break;
            }
        }
        let inbound = InboundHooks::new(parts.store.all_inbound_webhooks().await?);
        let started_at = parts.clock.now();
        Ok(AppState(Arc::new(Shared {
            store: parts.store,
            engine: parts.engine,
            directory: parts.directory,
            clock: parts.clock,
            entropy: parts.entropy,
            egress: parts.egress,
            settings: parts.settings,
            keys,
            accounts,
            event_types,
            inbound,
            contacts_changed: Notify::new(),
            checks: Checks::default(),
            passwords: Passwords::default(),
            sign_ins: Mutex::default(),
            metrics: Metrics::default(),
            inbox: parts.inbox,
            imports: Imports::default(),
            started_at,
            ready: watch::Sender::new(true),
            changes: tokio::sync::Mutex::new(()),
        })))
    }

    /// Runs a change of configuration: in the store first, then in the memory that mirrors it,
    /// then in the audit log. What is to be written there is part of what a change answers.
    ///
    /// One at a time, because two changes could otherwise reach the memory in another order than
    /// the store, and would stay wrong there. In a task of its own, because a caller who hangs up
    /// between the two must not leave them different. Changes are rare and short, so one lock for
    /// all of them (held across awaits for exactly this reason) costs nothing.
    pub async fn change<T, F>(&self, by: By, change: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: Future<Output = Result<Changed<T>, ApiError>> + Send + 'static,
    {
        let state = self.clone();
        let task = tokio::spawn(async move {
            let _one_at_a_time = state.changes.lock().await;
            let sender = audit::actor(&state, by.who).await?;
            let Changed { value, record } = change.await?;
            if let Some(record) = record {
                audit::write(&state, sender, by.remote, record).await?;
            }
            Ok(value)
        });
        match task.await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(ApiError::internal()),
        }
    }

    /// Tells the engine of a change that is already stored. An engine that has stopped reads it
    /// from the store when it starts again.
    pub async fn tell_engine(&self, webhook: WebhookId) {
        if self.engine.webhook_changed(webhook).await.is_err() {
            tracing::debug!(webhook.id = %webhook, "the engine has stopped");
        }
    }
}

impl Shared {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The binary says so when it begins to shut down: `/readyz` then tells load balancers to stop
    /// sending before the listener closes, and answers that would not end by themselves end.
    pub fn close(&self) {
        self.ready.send_replace(false);
    }

    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Resolves when a shutdown has begun.
    pub async fn closing(&self) {
        // The sender is right here, so it cannot be gone.
        let _ = self.ready.subscribe().wait_for(|ready| !ready).await;
    }
}

/// Every API key, by its hash: authentication asks it for every request.
#[derive(Debug, Default)]
pub struct KeyRing(RwLock<HashMap<KeyHash, ApiKey, BuildHasherDefault<FirstBytes>>>);

/// What an API key is good for.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    pub id: KeyId,
    pub role: Role,
    /// `None` for a platform key.
    pub account_id: Option<AccountId>,
}

impl KeyRing {
    pub fn new(keys: Vec<ApiKey>) -> KeyRing {
        KeyRing(RwLock::new(keys.into_iter().map(|key| (key.hash, key)).collect()))
    }

    pub fn get(&self, hash: &KeyHash) -> Option<Grant> {
        let keys = self.0.read();
        let grant = |key: &ApiKey| Grant { id: key.id, role: key.role, account_id: key.account_id };
        keys.get(hash).map(grant)
    }

    pub fn find(&self, id: KeyId) -> Option<ApiKey> {
        self.0.read().values().find(|key| key.id == id).cloned()
    }

    /// How many there are of the account, or with `None` of the platform.
    pub fn count(&self, account: Option<AccountId>) -> usize {
        self.0.read().values().filter(|key| key.account_id == account).count()
    }

    pub fn add(&self, key: ApiKey) {
        self.0.write().insert(key.hash, key);
    }

    pub fn remove(&self, id: KeyId) {
        self.0.write().retain(|_, key| key.id != id);
    }
}

/// Hashes what is a SHA-256 already: its first bytes are as good as any. Nobody can choose them,
/// so nobody can make look-ups slow.
#[derive(Debug, Default)]
pub struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length that stands before the bytes, and is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The accounts, for whoever names one.
#[derive(Debug, Default)]
pub struct Accounts(RwLock<AccountsByBoth>);

#[derive(Debug, Default)]
struct AccountsByBoth {
    by_id: IdMap<AccountId, Validate>,
    by_name: BTreeMap<String, AccountId>,
}

impl Accounts {
    pub fn add(&self, account: Account) {
        let mut accounts = self.0.write();
        accounts.by_id.insert(account.id, account.validate);
        accounts.by_name.insert(account.name, account.id);
    }

    /// Asked for every event.
    pub fn validate(&self, id: AccountId) -> Validate {
        self.0.read().by_id.get(&id).copied().unwrap_or_default()
    }

    /// By id or by name.
    pub fn find(&self, id_or_name: &str) -> Option<AccountId> {
        let accounts = self.0.read();
        if id_or_name.starts_with(AccountId::PREFIX)
            && let Ok(id) = AccountId::parse(id_or_name)
            && accounts.by_id.contains_key(&id)
        {
            return Some(id);
        }
        accounts.by_name.get(id_or_name).copied()
    }
}

/// The names of the event types that accounts added themselves: asked for every event.
#[derive(Debug, Default)]
pub struct CustomNames(RwLock<HashMap<AccountId, BTreeSet<EventType>>>);

impl CustomNames {
    pub fn add(&self, account: AccountId, name: EventType) {
        self.0.write().entry(account).or_default().insert(name);
    }

    pub fn remove(&self, account: AccountId, name: &EventType) {
        if let Some(names) = self.0.write().get_mut(&account) {
            names.remove(name);
        }
    }

    pub fn contains(&self, account: AccountId, name: &EventType) -> bool {
        self.0.read().get(&account).is_some_and(|names| names.contains(name))
    }

    pub fn of(&self, account: AccountId) -> Vec<EventType> {
        self.0.read().get(&account).map(|names| names.iter().cloned().collect()).unwrap_or_default()
    }
}
