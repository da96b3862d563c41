//! The server, put together from top to bottom: intake, store, directory, engine, API, listener;
//! and taken apart again in an order in which nothing that was accepted gets lost.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use posthaste_api::raiser::raise_contact_events;
use posthaste_api::{Api, AppState, Inbox, run_imports};
use posthaste_core::directory::Directory;
use posthaste_core::limits::{AUDIT_KEPT, BATCH_BODY_BYTES_MAX};
use posthaste_core::session::Token;
use posthaste_core::store::{Store, StoreError};
use posthaste_core::time::{Clock, Entropy, Timestamp};
use posthaste_dispatch::http_transport::HttpTransport;
use posthaste_dispatch::resolver::SystemResolver;
use posthaste_dispatch::tls::TrustRoots;
use posthaste_dispatch::{Bounds, Deps, Engine, Intake};
use posthaste_store::SqliteStore;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::first_start::{self, ReadyKey};
use crate::listen;
use crate::open_files;
use crate::system::{OsEntropy, SystemClock};

/// There is one node until there is a store that several can share.
const NODE: u16 = 0;
/// How often the store is asked to drop what is too old. It drops whole days, so mostly nothing.
const EXPIRE_EVERY: Duration = Duration::from_hours(1);
/// Rows dropped in one transaction: some milliseconds, for which others wait.
const SWEEP_ROWS: usize = 1_000;
/// What callers get to finish their requests in once the engine has stopped. Whoever does not read
/// its answer, such as a stream's last words, would take for ever, so this is where it ends.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    /// The key to show to whoever started it.
    pub key: Option<ReadyKey>,
    /// The token of a one-time link for them, if there is one to show.
    pub link: Option<Token>,
    stop: watch::Sender<bool>,
    supervisor: JoinHandle<anyhow::Result<()>>,
}

impl Server {
    /// Returns when requests are being answered.
    pub async fn start(config: &Config) -> anyhow::Result<Server> {
        open_files::raise();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(OsEntropy);
        let egress = config.egress_policy()?;
        let trust = TrustRoots::system(config.ca_file.as_deref())?;
        // Before the store is touched: a second server on the same port should fail right here.
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|error| anyhow!(cannot_listen(config.listen, &error)))?;
        let address = listener.local_addr().context("the listener has no address")?;

        if config.data.is_file() {
            bail!("the data folder {} is a file", config.data.display());
        }
        let intake = Intake::new();
        let sink = Arc::new(intake.sender());
        let store: Arc<dyn Store> = Arc::new(
            SqliteStore::open(&config.data, NODE, sink, clock.now())
                .with_context(|| format!("cannot open the store in {}", config.data.display()))?,
        );
        let key = first_start::ready_key(clock.now(), &*store, &*entropy, config).await?;
        let link = first_start::sign_in_link(clock.now(), &*store, &*entropy, config).await?;
        let webhooks = store.all_webhooks().await.context("the webhooks cannot be read")?;
        let directory = Arc::new(Directory::new(webhooks));

        let resolver = Arc::new(SystemResolver::new().context("no names can be looked up")?);
        let transport = Arc::new(HttpTransport::new(resolver, egress.clone(), &trust));
        let (stop, stopped) = watch::channel(false);
        let deps = Deps {
            store: store.clone(),
            directory: directory.clone(),
            transport,
            clock: clock.clone(),
            entropy: entropy.clone(),
            bounds: Bounds::default(),
        };
        let (engine, run_engine) = Engine::start(deps, intake, until(stopped.clone()))
            .await
            .context("the engine cannot take up what is outstanding")?;
        let engine_task = tokio::spawn(run_engine);

        let state = AppState::load(posthaste_api::Parts {
            store: store.clone(),
            engine: Arc::new(engine),
            directory,
            clock: clock.clone(),
            entropy,
            egress,
            settings: api_settings(config)?,
            inbox: config.dev.then(Inbox::default),
        })
        .await
        .context("the API cannot read its keys and accounts")?;
        let api = Api::new(state.clone());
        let answer_one = move |remote, request| {
            let api = api.clone();
            async move { api.answer(remote, request).await }
        };
        let parts = Running {
            engine: engine_task,
            api: tokio::spawn(listen::answer(listener, answer_one, until(stopped.clone()))),
            raising: tokio::spawn(raise_contact_events(state.clone(), until(stopped.clone()))),
            checking: tokio::spawn(keep_checking(state.clone())),
            expiring: tokio::spawn(expire(store, clock, config.retention(), stopped.clone())),
            importing: tokio::spawn(run_imports(state.clone(), until(stopped.clone()))),
            state,
        };
        let supervisor = tokio::spawn(supervise(parts, stop.clone(), stopped));
        Ok(Server { address, key, link, stop, supervisor })
    }

    /// Where a program on this machine reaches the server.
    pub fn url(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(ip, self.address.port()))
    }

    /// Waits for the server to end by itself, which is always a failure, or for `signal`; then
    /// stops it.
    pub async fn run_until(mut self, signal: impl Future<Output = ()>) -> anyhow::Result<()> {
        tokio::select! {
            ended = &mut self.supervisor => ended.context("the supervisor panicked")?,
            () = signal => self.stop().await,
        }
    }

    /// Stops accepting, finishes what is in flight, records it.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        self.supervisor.await.context("the supervisor panicked")?
    }
}

fn api_settings(config: &Config) -> anyhow::Result<posthaste_api::Settings> {
    Ok(posthaste_api::Settings {
        body_bytes_max: config.body_bytes_max,
        batch_body_bytes_max: config.body_bytes_max.max(BATCH_BODY_BYTES_MAX),
        metrics_open: config.metrics_open,
        dev: config.dev,
        public_url: config.public_url.clone(),
        retention_days: config.retention_days,
        egress_allow: config.egress_allow.clone(),
        trusted_proxies: config.trusted_proxies()?,
    })
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            "cannot listen on {address}: another program does; --listen names another address, \
             port 0 takes a free port"
        ),
        _ => format!("cannot listen on {address}: {error}"),
    }
}

/// The tasks of a running server.
struct Running {
    engine: JoinHandle<Result<(), StoreError>>,
    api: JoinHandle<()>,
    raising: JoinHandle<()>,
    checking: JoinHandle<()>,
    expiring: JoinHandle<()>,
    importing: JoinHandle<()>,
    state: AppState,
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it whoever could say stop.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn keep_checking(state: AppState) {
    state.keep_checking().await;
}

async fn expire(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    retention: Duration,
    stopped: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(EXPIRE_EVERY);
    let stopped = until(stopped);
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => return,
            _ = ticks.tick() => {}
        }
        let now = clock.now();
        match store.expire(now.saturating_sub(retention)).await {
            Ok(0) => {}
            Ok(days) => tracing::info!(days, "dropped what is older than the retention"),
            Err(error) => tracing::error!(%error, "what is too old cannot be dropped"),
        }
        let sessions = store.drop_expired_sessions(now).await;
        let audit = store.drop_audit_before(now.saturating_sub(AUDIT_KEPT)).await;
        if let Err(error) = sessions.and(audit) {
            tracing::error!(%error, "sessions and audit entries that are over cannot be dropped");
        }
        if let Err(error) = sweep(&*store, now.saturating_sub(retention)).await {
            tracing::error!(%error, "rows that nobody can find any more cannot be dropped");
        }
    }
}

/// Drops what is left of deleted lists and of old requests to inbound webhooks, piece by piece, so
/// that whoever has something to write in between need not wait for all of it.
async fn sweep(store: &dyn Store, requests_before: Timestamp) -> Result<(), StoreError> {
    while store.sweep(requests_before, SWEEP_ROWS).await? {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Waits until the server is told to stop or a part of it ends by itself, then brings down the
/// rest. The engine gets `SHUTDOWN_GRACE` (it counts itself) to finish and record; the API answers
/// meanwhile, and a moment longer.
async fn supervise(
    mut running: Running,
    stop: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut engine_ended = None;
    let mut api_ended = None;
    tokio::select! {
        () = until(stopped) => {}
        ended = &mut running.engine => engine_ended = Some(ended),
        ended = &mut running.api => api_ended = Some(ended),
    }
    // Not "which branch came first": the parts watch for the stop as well, and may end before this
    // task hears of it.
    let was_asked = *stop.borrow();
    running.state.close();
    stop.send_replace(true);
    let engine_ended = match engine_ended {
        Some(ended) => ended,
        None => running.engine.await,
    };
    if api_ended.is_none() && tokio::time::timeout(LAST_ANSWERS, &mut running.api).await.is_err() {
        running.api.abort();
    }
    running.raising.await.context("the task that raises contact events panicked")?;
    running.checking.await.context("the task that checks data panicked")?;
    running.expiring.await.context("the task that drops old days panicked")?;
    running.importing.await.context("the task that runs imports panicked")?;
    engine_ended.context("the engine panicked")?.context("the store failed")?;
    if was_asked { Ok(()) } else { Err(anyhow!("a part of the server ended by itself")) }
}
