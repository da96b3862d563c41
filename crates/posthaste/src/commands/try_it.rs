//! `posthaste try`: a whole server for a few seconds, in a folder of its own, that sends an event
//! of every type to its own inbox and shows the verdict on every signature.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use posthaste_core::catalogue;
use posthaste_core::time::Entropy;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::serve::{INBOX_PATH, RECEIVE_PATH, create_inbox_webhook, own_client, runtime};
use super::verify::tick;
use super::{progress, send};
use crate::client::ApiClient;
use crate::config::Settings;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, Tone, line};
use crate::serve::Server;
use crate::system::OsEntropy;
use crate::telemetry;

/// The whole of it takes less than a second where nothing is wrong.
const PATIENCE: Duration = Duration::from_secs(8);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The signatures that every delivery has, under titles that leave room for all of them.
const SIGNATURES: [(&str, &str); 4] = [
    ("HEX", "x-webhook-signature"),
    ("SHA256=", "x-webhook-signature-256"),
    ("STANDARD", "webhook-signature"),
    ("BODY", "metadata.signature"),
];

#[derive(Debug, Args)]
pub struct TryArgs {
    /// Log what the server does while it runs
    #[arg(short, long)]
    verbose: bool,
}

/// A folder that is gone when this is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let mut bytes = [0_u8; 8];
        OsEntropy.fill(&mut bytes);
        let name = format!("posthaste-try-{:016x}", u64::from_ne_bytes(bytes));
        Folder(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn run(arguments: &TryArgs, output: &Output) -> Outcome {
    let folder = Folder::new();
    let level = if arguments.verbose { "info" } else { "error" };
    let settings = Settings {
        listen: Some("127.0.0.1:0".parse().expect("an address")),
        data: Some(folder.0.clone()),
        dev: Some(true),
        log_level: Some(level.to_owned()),
        ..Settings::default()
    };
    let config = settings.complete()?;
    telemetry::start(config.log_filter()?, config.log_format);
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let server = Server::start(&config).await?;
        output.say(&format!("a server on {}, its data in {}", server.url(), folder.0.display()));
        let outcome = try_all(&server, output).await;
        server.stop().await?;
        outcome
    });
    // The store's last threads first, then their folder.
    drop(runtime);
    outcome
}

async fn try_all(server: &Server, output: &Output) -> Outcome {
    let client = own_client(server)?;
    let started = Instant::now();
    let url = format!("{}{RECEIVE_PATH}", server.url());
    let webhook = create_inbox_webhook(&client, "Try", &url).await?;
    output.say(&format!("a webhook for every event, to {}", webhook["url"].as_str().unwrap_or("")));
    let mut posted = Vec::new();
    let bar = progress::bar(output, catalogue::builtins().len() as u64, "posting");
    for event_type in catalogue::builtins() {
        let body = send::event_body(event_type.name, event_type.sample, None, None);
        let receipt = client.post_text("/v1/events", body, None).await?;
        posted.push((event_type.name, send::watched(&receipt)?.0));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let received = received(&client, &posted).await?;
    let took_ms = started.elapsed().as_millis();
    let verified = received.iter().filter(|row| row["verdict"] == "verified").count();
    show(output, &received);
    if verified < posted.len() {
        let message = format!("{verified} of {} events arrived and verified", posted.len());
        return Err(Failure::failed(message));
    }
    output.say(&format!(
        "\n{verified} events of {verified} types delivered and verified in {took_ms} ms.\n\nGo on \
         with:\n  posthaste serve --dev\n  posthaste trigger call.ended --wait\n  posthaste webhook \
         add CRM --url https://crm.example/hook --event 'call.*'"
    ));
    Ok(Exit::Ok)
}

/// What the inbox says of each event, in the order they were posted. An event that did not
/// arrive in time is there as well, and says so.
async fn received(client: &ApiClient, posted: &[(&str, String)]) -> Result<Vec<Value>, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let inbox = client.get(&format!("{INBOX_PATH}/requests")).await?;
        let requests = inbox["data"].as_array().cloned().unwrap_or_default();
        let rows: Vec<Value> = posted.iter().map(|(event, id)| row(event, id, &requests)).collect();
        let all_there = rows.iter().all(|row| !row["verdict"].is_null());
        if all_there || Instant::now() > deadline {
            return Ok(rows);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether an event was delivered, and what the inbox made of its signatures.
fn row(event: &str, id: &str, requests: &[Value]) -> Value {
    let is_its = |request: &&Value| {
        let mut headers = request["headers"].as_array().into_iter().flatten();
        headers.any(|header| header[0] == "webhook-id" && header[1] == id)
    };
    let request = requests.iter().find(is_its);
    let verdict = request.map_or(&Value::Null, |request| &request["verdict"]);
    json!({
        "event": event,
        "id": id,
        "status": if request.is_some() { "delivered" } else { "missing" },
        "verdict": verdict["verdict"],
        "message": verdict["message"],
        "signatures": verdict["signatures"],
    })
}

fn show(output: &Output, rows: &[Value]) {
    if !output.is_for_people() {
        output.list(rows, &[]);
        return;
    }
    let table = rows
        .iter()
        .map(|row| {
            let event = row["event"].as_str().unwrap_or_default().to_owned();
            let status = row["status"].as_str().unwrap_or_default().to_owned();
            let marks = SIGNATURES.iter().map(|(_, name)| mark(row, name));
            [event, status].into_iter().chain(marks).collect()
        })
        .collect();
    let titles: Vec<&str> = SIGNATURES.iter().map(|(title, _)| *title).collect();
    output.table(&[&["EVENT", "STATUS"], titles.as_slice()].concat(), table);
    output.say("");
    for (title, name) in SIGNATURES {
        output.say(&format!("{title:<8} is {name}"));
    }
    for row in rows.iter().filter(|row| row["verdict"] == "failed") {
        let message = row["message"].as_str().unwrap_or_default();
        let event = row["event"].as_str().unwrap_or_default();
        line(&output.paint(Tone::Bad, &format!("✗ {event}: {message}")));
    }
}

/// What the inbox made of one signature of an event.
fn mark(row: &Value, name: &str) -> String {
    let mut signatures = row["signatures"].as_array().into_iter().flatten();
    tick(signatures.find(|found| found["name"] == name).unwrap_or(&Value::Null)).0.to_owned()
}
