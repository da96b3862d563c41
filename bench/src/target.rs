//! What a run is aimed at: the receiver itself, the relay, or the product. Each comes up ready to
//! take events for the given webhooks, and is taken down again.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use clap::ValueEnum;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use posthaste_core::target_url::TargetUrl;
use posthaste_dispatch::client::HttpClient;
use posthaste_dispatch::resolver::StaticResolver;
use posthaste_dispatch::tls::TrustRoots;
use serde::Serialize;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::receiver::Receiver;
use crate::server::Server;
use crate::settings::Settings;
use crate::workload::{EVENT_TYPE, Events, RequestTemplate};

/// For a store that lives as long as one run.
const API_KEY: &str = "phk_bench00000000000000000000000000";
const START_TIMEOUT: Duration = Duration::from_secs(30);
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// Clients post to the receiver itself: what the load generator can do
    Null,
    /// A server that does only what every delivery needs: the limit for the product
    Relay,
    /// `posthaste serve`
    Product,
}

impl TargetKind {
    pub fn as_str(self) -> &'static str {
        match self {
            TargetKind::Null => "null",
            TargetKind::Relay => "relay",
            TargetKind::Product => "product",
        }
    }
}

/// To be asked first, before minutes are spent on other targets.
pub fn check(kinds: &[TargetKind], settings: &Settings) -> anyhow::Result<()> {
    ensure!(
        !kinds.contains(&TargetKind::Product) || settings.posthaste.exists(),
        "there is no {}: build it with `cargo build --release -p posthaste`, or name another \
         with --posthaste",
        settings.posthaste.display()
    );
    Ok(())
}

/// One webhook to set up.
pub struct Subscription<'a> {
    pub receiver: &'a Receiver,
    pub timeout_ms: u32,
}

/// A target that takes events.
pub struct Running {
    pub addresses: Vec<SocketAddr>,
    pub template: RequestTemplate,
    pub server: Option<Server>,
    /// Goes when dropped.
    folder: TempDir,
}

pub async fn start(
    kind: TargetKind,
    settings: &Settings,
    subscriptions: &[Subscription<'_>],
) -> anyhow::Result<Running> {
    let folder = tempfile::Builder::new()
        .prefix("posthaste-bench-")
        .tempdir_in(&settings.scratch)
        .with_context(|| format!("making a folder in {}", settings.scratch.display()))?;
    if kind == TargetKind::Null {
        let addresses = subscriptions.iter().map(|one| one.receiver.address).collect();
        let template = RequestTemplate::new("/hook", API_KEY, Events::One)?;
        return Ok(Running { addresses, template, server: None, folder });
    }
    let address = free_address()?;
    let mut command = match kind {
        TargetKind::Product => product_command(settings, address, folder.path()),
        _ => relay_command(settings, address, subscriptions)?,
    };
    let mut server = Server::start(&mut command, folder.path().join("server.log"))?;
    let api = Api::new(address)?;
    api.wait_until_ready(&mut server).await?;
    if kind == TargetKind::Product {
        for subscription in subscriptions {
            api.create_webhook(subscription, settings.in_flight).await?;
        }
    }
    let template = match settings.batch {
        1 => RequestTemplate::new("/v1/events", API_KEY, Events::One)?,
        count => RequestTemplate::new("/v1/events/batch", API_KEY, Events::Batch(count))?,
    };
    Ok(Running { addresses: vec![address], template, server: Some(server), folder })
}

impl Running {
    /// Takes the target down. Answers the size of what it stored, if it stores.
    pub async fn stop(self) -> anyhow::Result<u64> {
        let Some(server) = self.server else { return Ok(0) };
        server.stop().await?;
        disk_bytes(&self.folder.path().join("data"))
    }
}

fn relay_command(
    settings: &Settings,
    address: SocketAddr,
    subscriptions: &[Subscription<'_>],
) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["relay", "--listen", &address.to_string()]);
    command.args(["--in-flight", &settings.in_flight.to_string()]);
    for subscription in subscriptions {
        command.args(["--target", &subscription.receiver.url()]);
    }
    Ok(command)
}

fn product_command(settings: &Settings, address: SocketAddr, folder: &Path) -> Command {
    let mut command = Command::new(&settings.posthaste);
    command.args(["serve", "--listen", &address.to_string(), "--egress-allow", "127.0.0.1/32"]);
    command.arg("--data").arg(folder.join("data"));
    command.env("POSTHASTE_API_KEY", API_KEY).current_dir(folder);
    command
}

/// Free a moment ago; if another process takes it first, the server says so and the run ends.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// What is needed of the product's API before there are events.
struct Api {
    client: HttpClient,
    address: SocketAddr,
}

impl Api {
    fn new(address: SocketAddr) -> anyhow::Result<Api> {
        let resolver = Arc::new(StaticResolver::default());
        let trust = TrustRoots::system(None)?;
        let client = HttpClient::new(resolver, HttpClient::any_target(), &trust);
        Ok(Api { client, address })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let url = TargetUrl::parse(&format!("http://{}{path}", self.address))?;
        let mut headers = HeaderMap::new();
        let key = HeaderValue::try_from(format!("Bearer {API_KEY}"))?;
        headers.insert(AUTHORIZATION, key);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (status, _, answer) = self
            .client
            .request(method, &url, headers, body.into(), CALL_TIMEOUT, ANSWER_BYTES_MAX)
            .await?;
        Ok((status, answer))
    }

    async fn wait_until_ready(&self, server: &mut Server) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            // Refused connections are what a server answers that has not come up yet.
            let answer = self.call(Method::GET, "/readyz", String::new()).await;
            if answer.is_ok_and(|(status, _)| status == StatusCode::OK) {
                return Ok(());
            }
            server.check()?;
            if Instant::now() > deadline {
                bail!("the server does not get ready:\n{}", server.log_tail());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn create_webhook(
        &self,
        subscription: &Subscription<'_>,
        in_flight: usize,
    ) -> anyhow::Result<()> {
        let webhook = json!({
            "title": "Receiver",
            "direction": "outbound",
            "url": subscription.receiver.url(),
            "events": [EVENT_TYPE],
            "timeout_ms": subscription.timeout_ms,
            "max_in_flight": in_flight,
        });
        let (status, answer) = self.call(Method::POST, "/v1/webhooks", webhook.to_string()).await?;
        let text = String::from_utf8_lossy(&answer);
        ensure!(status.is_success(), "creating a webhook was answered with {status}: {text}");
        Ok(())
    }
}

/// What a folder's files take on the disk, which is not what they say their length is.
fn disk_bytes(folder: &Path) -> anyhow::Result<u64> {
    const BLOCK_BYTES: u64 = 512;
    if !folder.exists() {
        return Ok(0);
    }
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            disk_bytes(&entry.path())?
        } else {
            metadata.blocks() * BLOCK_BYTES
        };
    }
    Ok(bytes)
}
