//! `posthaste send`: posts one event of yours, and waits for its deliveries if asked to.

use clap::Args;
use serde_json::{Value, json};

use super::{Context, input, watch};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::Column;

pub const RECEIPT: &[Column] = &[
    ("Event", "/event"),
    ("Id", "/id"),
    ("Timestamp", "/timestamp"),
    ("Deliveries", "/deliveries"),
];

#[derive(Debug, Args)]
pub struct SendArgs {
    /// Event type, such as call.ended
    event: String,
    /// The event's data: JSON, @file or - for stdin
    #[arg(short, long, default_value = "{}")]
    data: String,
    /// The event's own time [default: now]
    #[arg(long, value_name = "TIME")]
    timestamp: Option<String>,
    /// Powerlist the event belongs to
    #[arg(long, value_name = "ID")]
    powerlist: Option<String>,
    /// The same key gets the same answer for 24 h and raises no second event
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Wait until it is delivered everywhere; exit 5 if a delivery failed, 6 after --timeout
    #[arg(long)]
    wait: bool,
}

pub async fn run(arguments: &SendArgs, context: &Context) -> Outcome {
    let data = input::json(&arguments.data)?;
    let timestamp = arguments.timestamp.as_deref();
    let timestamp = input::moment_text(context.now(), timestamp)?;
    let body = event_body(
        &arguments.event,
        data.get(),
        timestamp.as_deref(),
        arguments.powerlist.as_deref(),
    );
    let key = arguments.idempotency_key.as_deref();
    let receipt = context.client.post_text("/v1/events", body, key).await?;
    context.output.one(&receipt, RECEIPT);
    if !arguments.wait {
        return Ok(Exit::Ok);
    }
    watch::until_delivered(context, &[watched(&receipt)?]).await
}

/// `data` is JSON already, and is left as it is.
pub fn event_body(
    event: &str,
    data: &str,
    timestamp: Option<&str>,
    powerlist: Option<&str>,
) -> String {
    let mut body = format!("{{\"event\":{},\"data\":{data}", json!(event));
    for (name, value) in [("timestamp", timestamp), ("powerlist_id", powerlist)] {
        if let Some(value) = value {
            body.push_str(&format!(",\"{name}\":{}", json!(value)));
        }
    }
    body.push('}');
    body
}

/// The id of an accepted event and the number of its deliveries.
pub fn watched(receipt: &Value) -> Result<(String, u64), Failure> {
    let id = receipt["id"].as_str();
    match (id, receipt["deliveries"].as_u64()) {
        (Some(id), Some(deliveries)) => Ok((id.to_owned(), deliveries)),
        _ => Err(Failure::failed(format!("the server's answer is not understood: {receipt}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_reaches_the_server_as_it_was_typed() {
        assert_eq!(
            event_body("call.ended", "{\"n\": 1.0e2}", None, Some("pl_1")),
            r#"{"event":"call.ended","data":{"n": 1.0e2},"powerlist_id":"pl_1"}"#
        );
    }
}
