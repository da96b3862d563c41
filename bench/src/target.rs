//! What a run is aimed at: the receiver itself, the relay, or the product. Each comes up ready to
//! take events for the given webhooks, and is taken down again.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::ValueEnum;
use serde::Serialize;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::api::{API_KEY, Api, webhook};
use crate::receiver::Receiver;
use crate::server::Server;
use crate::settings::Settings;
use crate::workload::{EVENT_TYPE, Events, RequestTemplate};

/// Where receivers are. All of 127.0.0.0/8 is this machine, so that each may have an address.
const LOOPBACK: &str = "127.0.0.0/8";
/// Long, so that a folder prepared days ago is still whole.
const RETENTION_DAYS: &str = "3650";

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
    server: Option<Server>,
    /// Of the product, with the webhooks that were created for this run.
    product: Option<(Product, Vec<String>)>,
    /// Goes when dropped.
    folder: TempDir,
}

/// `posthaste serve` on some folder.
pub struct Product {
    pub server: Server,
    pub api: Arc<Api>,
    pub address: SocketAddr,
    /// From starting the program to `/readyz` answering 200.
    pub ready_after: Duration,
    data: PathBuf,
}

impl Product {
    /// Keeps its files in `data`, which may hold those of a server before it.
    pub async fn start(settings: &Settings, data: &Path) -> anyhow::Result<Product> {
        Product::start_as(Command::new(&settings.posthaste), data).await
    }

    /// `command` runs the program, given further arguments.
    pub async fn start_as(mut command: Command, data: &Path) -> anyhow::Result<Product> {
        let folder = data.parent().context("a data folder lies in a folder")?;
        let address = free_address()?;
        command.args(["serve", "--listen", &address.to_string()]);
        command.args(["--egress-allow", LOOPBACK, "--retention-days", RETENTION_DAYS]);
        command.arg("--data").arg(data);
        command.env("POSTHASTE_API_KEY", API_KEY).current_dir(folder);
        let started = Instant::now();
        let mut server = Server::start(&mut command, folder.join("server.log"))?;
        let api = Arc::new(Api::new(address)?);
        api.wait_until_ready(&mut server).await?;
        let ready_after = started.elapsed();
        Ok(Product { server, api, address, ready_after, data: data.to_owned() })
    }

    /// As an operator would. Answers what its files take on the disk.
    pub async fn stop(self) -> anyhow::Result<u64> {
        self.server.stop().await?;
        disk_bytes(&self.data)
    }
}

/// A new folder in the scratch folder, which goes when dropped.
pub fn new_folder(settings: &Settings) -> anyhow::Result<TempDir> {
    tempfile::Builder::new()
        .prefix("posthaste-bench-")
        .tempdir_in(&settings.scratch)
        .with_context(|| format!("making a folder in {}", settings.scratch.display()))
}

/// `data`: what the product starts on, instead of an empty folder. It is left with what the run
/// adds, except its webhooks.
pub async fn start(
    kind: TargetKind,
    settings: &Settings,
    subscriptions: &[Subscription<'_>],
    data: Option<&Path>,
) -> anyhow::Result<Running> {
    let folder = new_folder(settings)?;
    let template = |path, events| RequestTemplate::new(path, API_KEY, EVENT_TYPE, events);
    if kind == TargetKind::Null {
        let addresses = subscriptions.iter().map(|one| one.receiver.address).collect();
        let template = template("/hook", Events::One)?;
        return Ok(Running { addresses, template, server: None, product: None, folder });
    }
    let (address, server, product) = if kind == TargetKind::Product {
        let empty = folder.path().join("data");
        let product = Product::start(settings, data.unwrap_or(&empty)).await?;
        let ids = subscribe(&product.api, settings, subscriptions).await?;
        (product.address, None, Some((product, ids)))
    } else {
        let address = free_address()?;
        let mut command = relay_command(settings, address, subscriptions)?;
        let mut server = Server::start(&mut command, folder.path().join("server.log"))?;
        Api::new(address)?.wait_until_ready(&mut server).await?;
        (address, Some(server), None)
    };
    let template = match settings.batch {
        1 => template("/v1/events", Events::One)?,
        count => template("/v1/events/batch", Events::Batch(count))?,
    };
    Ok(Running { addresses: vec![address], template, server, product, folder })
}

async fn subscribe(
    api: &Api,
    settings: &Settings,
    subscriptions: &[Subscription<'_>],
) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::with_capacity(subscriptions.len());
    for subscription in subscriptions {
        let mut webhook = webhook(&subscription.receiver.url(), EVENT_TYPE);
        webhook["timeout_ms"] = subscription.timeout_ms.into();
        webhook["max_in_flight"] = settings.in_flight.into();
        ids.push(api.create_webhook(&webhook).await?);
    }
    Ok(ids)
}

impl Running {
    pub fn server(&mut self) -> Option<&mut Server> {
        self.server.as_mut().or(self.product.as_mut().map(|(product, _)| &mut product.server))
    }

    /// Takes the target down. Answers the size of what it stored, if it stores.
    pub async fn stop(self) -> anyhow::Result<u64> {
        let Running { server, product, folder, .. } = self;
        if let Some(server) = server {
            server.stop().await?;
        }
        let Some((product, webhooks)) = product else { return Ok(0) };
        let has_own_folder = product.data.starts_with(folder.path());
        if !has_own_folder {
            for id in &webhooks {
                product.api.delete_webhook(id).await?;
            }
        }
        product.stop().await
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

/// Free a moment ago; if another process takes it first, the server says so and the run ends.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// What a folder's files take on the disk, which is not what they say their length is.
pub fn disk_bytes(folder: &Path) -> anyhow::Result<u64> {
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
