//! The limit for the product: a server that takes the same requests, does with the product's own
//! code what has to be done for every delivery (canonical form, envelope, signatures, egress
//! policy, sending, reading the answer), and nothing that a relay could do without: no keys are
//! checked, nothing is stored, nothing is retried, no one can look at anything.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::StatusCode;
use parking_lot::Mutex;
use posthaste_core::attempt::{Outcome, Trigger};
use posthaste_core::canonical::canonicalise_object;
use posthaste_core::egress::EgressPolicy;
use posthaste_core::event::Event;
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, EventId, IdSequence, WebhookId};
use posthaste_core::secret::{Secret, Secrets, SigningKeys};
use posthaste_core::time::{Clock, Timestamp};
use posthaste_core::webhook::{SettingsDraft, SharedWebhook, Webhook, WebhookStatus};
use posthaste_dispatch::http_transport::HttpTransport;
use posthaste_dispatch::resolver::SystemResolver;
use posthaste_dispatch::tls::TrustRoots;
use posthaste_dispatch::{Job, deliver};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use crate::workload::EVENT_TYPE;

/// Deliveries in memory; beyond, an answer waits.
const OUTSTANDING_MAX: usize = 8_192;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// Failures told in the log.
const FAILURES_SHOWN_MAX: u32 = 10;

#[derive(Debug, clap::Args)]
pub struct RelayArgs {
    #[arg(long)]
    listen: SocketAddr,
    /// Where to deliver each event; several may be given
    #[arg(long = "target", required = true)]
    targets: Vec<String>,
}

struct Relay {
    transport: HttpTransport,
    webhooks: Vec<Target>,
    ids: Mutex<IdSequence>,
    /// Deliveries that may still be taken on.
    room: Arc<Semaphore>,
    failures: AtomicU32,
}

struct Target {
    webhook: SharedWebhook,
    keys: Arc<SigningKeys>,
    wire: Semaphore,
}

pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the load generator's only clock for dates")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let millis = since.map_or(0, |since| since.as_millis());
        Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }
}

#[derive(Deserialize)]
struct PostedEvent<'a> {
    event: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct PostedBatch<'a> {
    #[serde(borrow)]
    events: Vec<PostedEvent<'a>>,
}

#[derive(Serialize)]
struct Receipt {
    id: String,
    event: String,
    timestamp: String,
    deliveries: usize,
}

/// Sends with up to `in_flight` requests on the wire to each target.
/// Serves until standard input ends: so it ends with the process that started it.
pub async fn run(args: &RelayArgs, in_flight: usize) -> anyhow::Result<()> {
    let policy = EgressPolicy::public_only().with_loopback();
    let mut webhooks = Vec::with_capacity(args.targets.len());
    for (position, url) in (1..).zip(&args.targets) {
        webhooks.push(target(position, url, in_flight, &policy)?);
    }
    let trust = TrustRoots::system(None)?;
    let relay = Arc::new(Relay {
        transport: HttpTransport::new(Arc::new(SystemResolver::new()?), policy, &trust),
        webhooks,
        ids: Mutex::new(IdSequence::new(0, 0)),
        room: Arc::new(Semaphore::new(OUTSTANDING_MAX)),
        failures: AtomicU32::new(0),
    });
    let router = Router::new()
        .route("/readyz", get(|| async { "ready" }))
        .route("/v1/events", post(take_event))
        .route("/v1/events/batch", post(take_batch))
        .with_state(relay);
    let (ended, end) = oneshot::channel();
    // A thread of its own, which cannot be joined while it reads; it ends with the process.
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = ended.send(());
    });
    let listener = TcpListener::bind(args.listen).await?;
    tokio::select! {
        served = axum::serve(listener, router) => served.context("serving"),
        _ = end => Ok(()),
    }
}

fn target(
    number: u32,
    url: &str,
    in_flight: usize,
    policy: &EgressPolicy,
) -> anyhow::Result<Target> {
    let draft = SettingsDraft {
        title: Some(format!("Target {number}")),
        url: Some(url.to_owned()),
        events: Some(vec![EVENT_TYPE.to_owned()]),
        ..SettingsDraft::default()
    };
    let secrets = Secrets::new(Secret::parse(SECRET)?);
    let keys = Arc::new(SigningKeys::new(&secrets));
    let webhook = Webhook {
        id: WebhookId::from_raw(u64::from(number)),
        account_id: AccountId::from_raw(1),
        number,
        settings: draft.create(policy)?,
        secrets,
        status: WebhookStatus::Enabled,
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
    };
    Ok(Target { webhook: Arc::new(webhook), keys, wire: Semaphore::new(in_flight) })
}

async fn take_event(State(relay): State<Arc<Relay>>, body: Bytes) -> Response {
    let Ok(posted) = serde_json::from_slice::<PostedEvent>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match accept(&relay, &posted).await {
        Ok(receipt) => (StatusCode::ACCEPTED, Json(receipt)).into_response(),
        Err(status) => status.into_response(),
    }
}

async fn take_batch(State(relay): State<Arc<Relay>>, body: Bytes) -> Response {
    let Ok(batch) = serde_json::from_slice::<PostedBatch>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut receipts = Vec::with_capacity(batch.events.len());
    for posted in &batch.events {
        match accept(&relay, posted).await {
            Ok(receipt) => receipts.push(receipt),
            Err(status) => return status.into_response(),
        }
    }
    (StatusCode::ACCEPTED, Json(receipts)).into_response()
}

async fn accept(relay: &Arc<Relay>, posted: &PostedEvent<'_>) -> Result<Receipt, StatusCode> {
    let refused = |_| StatusCode::UNPROCESSABLE_ENTITY;
    let event_type = EventType::parse(posted.event).map_err(refused)?;
    let data = canonicalise_object(posted.data.get().as_bytes()).map_err(refused)?;
    let now = SystemClock.now();
    let event = Arc::new(Event {
        id: EventId::from_raw(relay.ids.lock().block(now, 1 + relay.webhooks.len())),
        account_id: AccountId::from_raw(1),
        event_type,
        timestamp: now,
        powerlist_id: None,
        data: data.into(),
        trigger: Trigger::Event,
        hops: 0,
        targets: relay.webhooks.iter().map(|target| target.webhook.id).collect(),
    });
    for position in 0..relay.webhooks.len() {
        let room = relay.room.clone().acquire_owned().await.expect("nobody closes it");
        let (relay, event) = (relay.clone(), event.clone());
        // Not joined: who counts the arrivals sees what became of it.
        tokio::spawn(async move {
            let _room = room;
            relay.send(&relay.webhooks[position], event).await;
        });
    }
    Ok(Receipt {
        id: event.id.to_string(),
        event: event.event_type.as_str().to_owned(),
        timestamp: event.timestamp.to_string(),
        deliveries: relay.webhooks.len(),
    })
}

impl Relay {
    async fn send(&self, target: &Target, event: Arc<Event>) {
        let _wire = target.wire.acquire().await.expect("nobody closes it");
        let job = Job {
            event,
            webhook: target.webhook.clone(),
            keys: target.keys.clone(),
            number: 1,
            trigger: Trigger::Event,
        };
        let failure = match deliver(&self.transport, &SystemClock, &job).await {
            Ok((attempt, _)) if attempt.outcome == Outcome::Succeeded => return,
            Ok((attempt, _)) => attempt.error.unwrap_or_default(),
            Err(fault) => fault.reason,
        };
        if self.failures.fetch_add(1, Ordering::Relaxed) < FAILURES_SHOWN_MAX {
            eprintln!("not delivered: {failure}");
        }
    }
}
