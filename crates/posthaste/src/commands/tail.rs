//! `posthaste tail`: deliveries as they change, for as long as one wants to watch. A connection that
//! is lost is opened again, and goes on where it was.

use std::time::Duration;

use clap::Args;
use posthaste_dispatch::client::OpenAnswer;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::{Context, webhook};
use crate::client::Query;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{WideColumn, text_at};
use crate::server_sent::{Event, Reader};

/// The server says something every 15 seconds: after three times that, the connection is dead.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// Before a lost connection is opened again, and again.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

const COLUMNS: &[WideColumn] = &[
    ("CREATED", "/created_at", 20),
    ("STATUS", "/status", 9),
    ("CODE", "/last_attempt/status_code", 4),
    ("MS", "/last_attempt/duration_ms", 5),
    ("TRIES", "/attempt_count", 5),
    ("EVENT", "/event", 18),
    ("ID", "/id", 17),
    ("WEBHOOK", "/webhook_id", 16),
    ("ERROR", "/last_attempt/error", 0),
];

#[derive(Debug, Args)]
pub struct TailArgs {
    /// Only to this webhook: its id or number
    #[arg(long)]
    webhook: Option<String>,
    /// Only of this event type, or of all below one: call.*
    #[arg(long)]
    event: Option<String>,
    /// pending, retrying, delivered, failed or cancelled
    #[arg(long)]
    status: Option<String>,
}

pub async fn run(arguments: &TailArgs, context: &Context) -> Outcome {
    let stopped = tokio::signal::ctrl_c();
    tokio::select! {
        stopped = stopped => match stopped {
            Ok(()) => Ok(Exit::Ok),
            Err(error) => Err(Failure::failed(format!("Ctrl-C cannot be listened to: {error}"))),
        },
        ended = follow(arguments, context) => ended,
    }
}

/// Ends only when whoever reads the output has left, or the server will not have us.
async fn follow(arguments: &TailArgs, context: &Context) -> Outcome {
    let webhook = match &arguments.webhook {
        Some(webhook) => Some(webhook::id_of(context, webhook).await?),
        None => None,
    };
    let query = Query::default()
        .with("webhook_id", webhook)
        .with("event", arguments.event.as_ref())
        .with("status", arguments.status.as_ref());
    let mut reader = Reader::default();
    let mut open = connect(context, &query, &reader).await?;
    context.output.say("watching; Ctrl-C ends it");
    if context.output.row_titles(COLUMNS).is_err() {
        return Ok(Exit::Ok);
    }
    loop {
        let why = match watch(context, &mut open, &mut reader).await {
            Watched::ReaderLeft => return Ok(Exit::Ok),
            Watched::Lost(why) => why,
        };
        context.output.say(&format!("the connection was lost ({why}); going on when it is back"));
        reader.cut();
        open = reconnect(context, &query, &reader).await?;
        context.output.say("connected again");
    }
}

async fn connect(context: &Context, query: &Query, reader: &Reader) -> Result<OpenAnswer, Failure> {
    context.client.open("/v1/stream", query, reader.last_id()).await
}

/// A server that is being restarted is back in a moment. One that refuses us will go on doing so.
async fn reconnect(
    context: &Context,
    query: &Query,
    reader: &Reader,
) -> Result<OpenAnswer, Failure> {
    let longest = PAUSES.len() - 1;
    for pause in (0..).map(|tried: usize| PAUSES[tried.min(longest)]) {
        sleep(pause).await;
        match connect(context, query, reader).await {
            Ok(open) => return Ok(open),
            Err(refused) if refused.is_final() => return Err(refused),
            Err(_) => {}
        }
    }
    unreachable!("the pauses have no end")
}

/// How watching came to an end.
enum Watched {
    Lost(String),
    /// Of our own output: `| head`.
    ReaderLeft,
}

async fn watch(context: &Context, open: &mut OpenAnswer, reader: &mut Reader) -> Watched {
    loop {
        let bytes = match timeout(SILENCE_MAX, open.next()).await {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => return Watched::Lost("the server ended it".to_owned()),
            Ok(Err(error)) => return Watched::Lost(error.to_string()),
            Err(_) => return Watched::Lost("nothing was heard any more".to_owned()),
        };
        let events = match reader.take(&bytes) {
            Ok(events) => events,
            Err(error) => return Watched::Lost(error.to_string()),
        };
        for event in events {
            if show(context, &event).is_err() {
                return Watched::ReaderLeft;
            }
        }
    }
}

fn show(context: &Context, event: &Event) -> std::io::Result<()> {
    let output = &context.output;
    // Whatever else a newer server sends is passed over.
    let Ok(data) = serde_json::from_str::<Value>(&event.data) else { return Ok(()) };
    match event.name.as_str() {
        "delivery" => return output.row(&data, COLUMNS),
        "skipped" => output.say(&format!("{} more were not shown", text_at(&data, "/count"))),
        "reset" => output.say("what happened in between was missed: the server was started anew, or too much happened"),
        _ => {}
    }
    Ok(())
}
