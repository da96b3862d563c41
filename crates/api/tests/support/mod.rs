//! A server without a socket: the real API on a real SQLite store, and an engine with a
//! script ([`engine::TestEngine`]).

#![expect(dead_code, reason = "each test file uses another part of it")]

pub mod browser;
pub mod engine;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header, request};
use http_body_util::BodyExt;
use posthaste_api::{Api, AppState, Dashboard, Inbox, Parts, Settings};
use posthaste_core::account::{KeyText, NewApiKey, Role};
use posthaste_core::contact::NewPowerlist;
use posthaste_core::directory::Directory;
use posthaste_core::egress::EgressPolicy;
use posthaste_core::id::AccountId;
use posthaste_core::page::PageRequest;
use posthaste_core::phone::Country;
use posthaste_core::store::{EventFilter, Store};
use posthaste_core::time::{Clock, Entropy, Timestamp};
use posthaste_store::SqliteStore;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::engine::TestEngine;

/// The time at which every test begins.
pub const START: &str = "2026-11-23T12:00:00.000Z";

/// Where requests come from, unless a test says otherwise.
pub const REMOTE: &str = "192.0.2.7";

pub struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Different bytes each time, the same in every run.
#[derive(Default)]
pub struct TestEntropy(AtomicU64);

impl Entropy for TestEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
    }
}

/// The keys that every test has.
#[derive(Debug, Clone)]
pub struct Keys {
    pub platform: String,
    pub account: String,
    pub publish: String,
    pub read: String,
    /// Of another account, which may do everything in it.
    pub other: String,
    pub other_read: String,
}

pub struct TestServer {
    pub api: Api,
    pub state: AppState,
    pub engine: Arc<TestEngine>,
    pub store: Arc<dyn Store>,
    pub account: AccountId,
    pub other_account: AccountId,
    pub keys: Keys,
    pub settings: Settings,
    clock: Arc<TestClock>,
    _folder: TempDir,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    /// Null if it is not JSON.
    pub json: Value,
}

impl Answer {
    /// The `code` of a problem; nothing for any other answer.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.json["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Answer {
        assert_eq!((self.status.as_u16(), self.code()), (status, code), "{}", self.text);
        assert!(self.header("content-type").starts_with("application/problem+json"));
        assert_eq!(self.json["status"], status);
        self
    }

    #[track_caller]
    pub fn id(&self) -> String {
        self.json["id"].as_str().expect("an answer with an id").to_owned()
    }
}

impl TestServer {
    pub async fn start() -> TestServer {
        TestServer::start_with(Settings::default(), None).await
    }

    pub async fn start_with_inbox() -> TestServer {
        TestServer::start_with(Settings::default(), Some(Inbox::default())).await
    }

    pub async fn start_with(settings: Settings, inbox: Option<Inbox>) -> TestServer {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let now = Timestamp::parse(START).expect("a time");
        let clock = Arc::new(TestClock(AtomicI64::new(now.as_millis())));
        let engine = Arc::new(TestEngine::default());
        engine.set_now(now);
        let store = SqliteStore::open(folder.path(), 1, engine.clone(), now).expect("a new store");
        let store: Arc<dyn Store> = Arc::new(store);
        engine.use_store(store.clone());
        let account = store.account_named("default").await.expect("readable").expect("made").id;
        let other_account = store.create_account(now, "other").await.expect("a new name").id;
        let entropy = TestEntropy::default();
        let key = async |role: Role, account: Option<AccountId>| {
            let text = KeyText::generate(&entropy);
            let new = NewApiKey::new(&text, role, account, role.as_str().to_owned());
            store.create_key(now, new).await.expect("a new key");
            text.expose().to_owned()
        };
        let keys = Keys {
            platform: key(Role::Platform, None).await,
            account: key(Role::Account, Some(account)).await,
            publish: key(Role::Publish, Some(account)).await,
            read: key(Role::Read, Some(account)).await,
            other: key(Role::Account, Some(other_account)).await,
            other_read: key(Role::Read, Some(other_account)).await,
        };
        let state = AppState::load(Parts {
            store: store.clone(),
            engine: engine.clone(),
            directory: Arc::new(Directory::default()),
            clock: clock.clone(),
            entropy: Arc::new(entropy),
            egress: EgressPolicy::public_only(),
            settings: settings.clone(),
            inbox,
        })
        .await
        .expect("a store that can be read");
        TestServer {
            api: Api::new(state.clone()),
            state,
            engine,
            store,
            account,
            other_account,
            keys,
            settings,
            clock,
            _folder: folder,
        }
    }

    /// In place of the one in the binary.
    pub fn with_dashboard(self, dashboard: Dashboard) -> TestServer {
        TestServer { api: Api::with_dashboard(self.state.clone(), dashboard), ..self }
    }

    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).expect("a short time");
        let now = self.clock.0.fetch_add(millis, Ordering::Relaxed) + millis;
        self.engine.set_now(Timestamp::from_millis(now));
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        self.send_from(REMOTE, request).await
    }

    pub async fn send_from(&self, remote: &str, request: Request<Body>) -> Answer {
        let remote = remote.parse().expect("an address");
        let response = self.api.answer(remote, request).await;
        let (parts, mut body) = response.into_parts();
        // What begins like this does not end: its first words do.
        let is_stream =
            parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let bytes = if is_stream {
            let first = body.frame().await.expect("a greeting").expect("in memory");
            first.into_data().expect("words")
        } else {
            body.collect().await.expect("a body in memory").to_bytes()
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, text, json }
    }

    pub fn request(&self, method: &str, path: &str, key: &str) -> request::Builder {
        let request = Request::builder().method(method).uri(path);
        if key.is_empty() {
            return request;
        }
        request.header(header::AUTHORIZATION, format!("Bearer {key}"))
    }

    /// With a JSON body, unless it is null.
    pub async fn call(&self, method: &str, path: &str, key: &str, body: Value) -> Answer {
        let request = self.request(method, path, key);
        let request = if body.is_null() {
            request.body(Body::empty())
        } else {
            request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string()))
        };
        self.send(request.expect("a request")).await
    }

    /// As the account's own key.
    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &self.keys.account, Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &self.keys.account, body).await
    }

    /// A body that need not be JSON.
    pub async fn post_text(&self, path: &str, body: impl Into<Body>) -> Answer {
        let request = self
            .request("POST", path, &self.keys.account)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.into());
        self.send(request.expect("a request")).await
    }

    /// A webhook that wants these event types; answers its id.
    pub async fn webhook(&self, events: &[&str]) -> String {
        self.webhook_of(&self.keys.account, events).await
    }

    pub async fn webhook_of(&self, key: &str, events: &[&str]) -> String {
        let body = json!({"title": "A hook", "url": "https://example.com/hook", "events": events});
        self.call("POST", "/v1/webhooks", key, body).await.expect(201).id()
    }

    /// Publishes an event with that data; answers its id.
    pub async fn event(&self, event: &str, data: Value) -> String {
        let body = json!({"event": event, "data": data});
        self.post("/v1/events", body).await.expect(202).id()
    }

    /// A powerlist of that account, whose numbers are American; answers its id.
    pub async fn powerlist(&self, account: AccountId, name: &str) -> String {
        let new = NewPowerlist {
            account_id: account,
            name: name.to_owned(),
            description: String::new(),
            default_country: Country::US,
        };
        let now = Timestamp::parse(START).expect("a time");
        self.store.create_powerlist(now, new).await.expect("a new name").id.to_string()
    }

    /// How many events of the account are stored.
    pub async fn stored(&self) -> usize {
        let page = PageRequest { limit: 200, cursor: None };
        let found = self.store.list_events(self.account, &EventFilter::default(), page).await;
        found.expect("readable").items.len()
    }
}

/// As Twilio signs.
pub fn hmac_sha1_base64(key: &str, text: &str) -> String {
    use base64::Engine;
    use hmac::{Hmac, KeyInit, Mac};
    let mut hmac = Hmac::<sha1::Sha1>::new_from_slice(key.as_bytes()).expect("any length");
    hmac.update(text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(hmac.finalize().into_bytes())
}
