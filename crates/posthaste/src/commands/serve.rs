//! `posthaste serve`: starts the server, tells the person at the terminal what there is, and
//! waits for a signal.

use std::time::Duration;

use anyhow::Context as _;
use posthaste_core::catalogue;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::delivery::quoted;
use crate::allocator;
use crate::cli::ServeArgs;
use crate::client::{Access, ApiClient, Query};
use crate::config::{Config, Settings};
use crate::exit::{Exit, Failure, Outcome};
use crate::first_start::ReadyKey;
use crate::output::{Output, Tone, line};
use crate::serve::Server;
use crate::telemetry;

pub const TEST_INBOX: &str = "Test inbox";
/// Where `--dev` shows what it received itself.
pub const INBOX_PATH: &str = "/inbox";
/// Where it receives it.
pub const RECEIVE_PATH: &str = "/inbox/receive";
const OWN_CALLS_TIMEOUT: Duration = Duration::from_secs(10);
const HANGING_DISK: Duration = Duration::from_secs(3);
/// Two signals within this time are one wish: whoever signals a process and its group (`timeout`,
/// some supervisors) sends two.
const ONE_WISH: Duration = Duration::from_millis(500);

pub fn run(arguments: ServeArgs, output: &Output) -> Outcome {
    let file = Settings::from_file(arguments.config.as_deref());
    let config = file
        .and_then(|file| arguments.settings.over(file).complete())
        .map_err(|error| Failure::usage(format!("{error:#}")))?;
    let filter = config.log_filter().map_err(|error| Failure::usage(format!("{error:#}")))?;
    telemetry::start(filter, config.log_format);
    let runtime = runtime()?;
    let served = runtime.block_on(serve(&config, output));
    // By now everything is recorded. A disk that hangs must not keep a failed server alive.
    runtime.shutdown_timeout(HANGING_DISK);
    served?;
    Ok(Exit::Ok)
}

pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no runtime: {error}")))
}

async fn serve(config: &Config, output: &Output) -> Result<(), Failure> {
    // Before anything else: a signal that comes while starting must not be lost.
    let stop = stop_signal().context("signals cannot be listened to")?;
    let server = Server::start(config).await?;
    if config.dev {
        if !server.address.ip().is_loopback() {
            tracing::warn!("--dev on an address others can reach: its test inbox asks for no key");
        }
        ensure_test_inbox(&server).await?;
    }
    greet(config, &server, output);
    tracing::info!(address = %server.address, "ready");
    allocator::give_back();
    server.run_until(stop).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Resolves at the first SIGTERM or SIGINT. The second ends the process at once: who asks twice
/// does not want to wait for what is in flight.
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let first = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = first, "stopping; once more stops at once");
        // Not joined: it ends with the process, which is what it is there for.
        tokio::spawn(async move {
            tokio::time::sleep(ONE_WISH).await;
            // New listeners, which have not heard what came in between.
            let (Ok(mut terminate), Ok(mut interrupt)) =
                (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
            else {
                return;
            };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::warn!("stopped at once; what was in flight will be sent again");
            std::process::exit(1);
        });
    })
}

/// The client of a server in this very process.
pub fn own_client(server: &Server) -> Result<ApiClient, Failure> {
    let key = server.key.as_ref().map(|key| key.text().expose().to_owned());
    let url = server.url();
    ApiClient::new(Access { url, key, account: None, timeout: OWN_CALLS_TIMEOUT })
}

/// A webhook for everything, at this server's own inbox. The port may have changed since the
/// last start.
async fn ensure_test_inbox(server: &Server) -> Result<(), Failure> {
    let client = own_client(server)?;
    let url = format!("{}{RECEIVE_PATH}", server.url());
    let webhooks = client.list("/v1/webhooks", &Query::default(), usize::MAX).await?;
    match webhooks.iter().find(|webhook| webhook["title"] == TEST_INBOX) {
        Some(webhook) if webhook["url"] == url.as_str() => {}
        Some(webhook) => {
            let id = webhook["id"].as_str().unwrap_or_default();
            client.patch(&format!("/v1/webhooks/{id}"), &json!({ "url": url })).await?;
        }
        None => {
            create_inbox_webhook(&client, TEST_INBOX, &url).await?;
        }
    }
    Ok(())
}

pub async fn create_inbox_webhook(
    client: &ApiClient,
    title: &str,
    url: &str,
) -> Result<Value, Failure> {
    let body = json!({
        "title": title,
        "direction": "outbound",
        "url": url,
        "events": ["*"],
        "description": "Receives at this server's own test inbox.",
    });
    client.post("/v1/webhooks", &body).await
}

fn greet(config: &Config, server: &Server, output: &Output) {
    let url = server.url();
    let item = |name: &str, text: &str| {
        line(&format!("  {} {text}", output.paint(Tone::Faint, &format!("{name:<10}"))));
    };
    line(&format!("Posthaste {}", env!("CARGO_PKG_VERSION")));
    item("Server", &url);
    item("API docs", &format!("{url}/docs"));
    item("Data", &config.data.display().to_string());
    if config.dev {
        item("Inbox", &format!("{url}{INBOX_PATH}"));
    }
    if let Some(token) = &server.link {
        let base = config.public_url.as_ref().unwrap_or(&url);
        item("Sign in", &format!("{base}{}  (once, within a day)", token.link_path()));
    }
    match &server.key {
        Some(ReadyKey::Made(key)) => box_around(&[
            "The first API key of this server. Keep it: it is not shown again.",
            "",
            key.expose(),
        ]),
        Some(ReadyKey::Kept(key)) => item("Key", key.expose()),
        None => {}
    }
    if let (true, Some(key)) = (config.dev, &server.key) {
        line("");
        line("Post an event and see it arrive in the inbox:");
        line(&post_event_curl(&url, key.text().expose()));
    }
    line("");
    // Scripts and tests wait for this line.
    line(&format!("listening on {url}"));
}

/// The exact command, to be copied.
fn post_event_curl(url: &str, key: &str) -> String {
    let event = catalogue::builtin("sms.received").expect("in the catalogue");
    let body = format!("{{\"event\":\"{}\",\"data\":{}}}", event.name, event.sample);
    format!(
        "  curl {url}/v1/events -H 'authorization: Bearer {key}' \\\n    -H 'content-type: \
         application/json' \\\n    -d {}",
        quoted(&body)
    )
}

fn box_around(lines: &[&str]) {
    let width = lines.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    let edge = "─".repeat(width + 2);
    line(&format!("┌{edge}┐"));
    for text in lines {
        line(&format!("│ {text:<width$} │"));
    }
    line(&format!("└{edge}┘"));
}
