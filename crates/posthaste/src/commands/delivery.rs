//! `posthaste delivery`: the log of deliveries, one delivery in depth, trying again, cancelling.

use clap::{Args, Subcommand};
use posthaste_core::attempt::Trigger;
use posthaste_core::canonical::canonicalise_object;
use posthaste_core::envelope::Envelope;
use posthaste_core::error::Invalid;
use posthaste_core::id::{EventId, WebhookId};
use posthaste_core::secret::{Secret, Secrets, SigningKey, SigningKeys};
use posthaste_core::signature::{AttemptHeaders, Occasion, SignatureFormat};
use posthaste_core::time::Timestamp;
use serde_json::{Value, json};

use super::{Context, input, webhook};
use crate::client::{Query, encode};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Column, Output, Tone, line, text_at};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("EVENT", "/event"),
    ("STATUS", "/status"),
    ("CODE", "/last_attempt/status_code"),
    ("ATTEMPTS", "/attempt_count"),
    ("WEBHOOK", "/webhook_id"),
    ("CREATED", "/created_at"),
    ("ERROR", "/last_attempt/error"),
];
const FIELDS: &[Column] = &[
    ("Id", "/id"),
    ("Event", "/event"),
    ("Event id", "/event_id"),
    ("Webhook", "/webhook_id"),
    ("Status", "/status"),
    ("Trigger", "/trigger"),
    ("Attempts", "/attempt_count"),
    ("Next attempt", "/next_attempt_at"),
    ("Created", "/created_at"),
    ("Ended", "/ended_at"),
];

#[derive(Debug, Args)]
pub struct DeliveryArgs {
    #[command(subcommand)]
    verb: DeliveryVerb,
}

#[derive(Debug, Subcommand)]
enum DeliveryVerb {
    /// List deliveries, newest first
    #[command(
        visible_alias = "list",
        before_help = "Examples:\n  posthaste delivery ls --status failed --since 1h\n  \
                             posthaste delivery ls --webhook '#3' --code 503"
    )]
    Ls(ListArgs),
    /// Show a delivery and its attempts
    #[command(before_help = "Examples:\n  posthaste delivery show dlv_0123456789abc\n  posthaste \
                             delivery show dlv_0123456789abc --curl")]
    Show {
        id: String,
        /// Print a curl command that sends what an attempt would send now, freshly signed
        #[arg(long)]
        curl: bool,
        /// Print where the time of each attempt went
        #[arg(long, conflicts_with = "curl")]
        timeline: bool,
    },
    /// Try deliveries again, now, without disturbing their schedules
    #[command(
        before_help = "Examples:\n  posthaste delivery retry dlv_0123456789abc\n  posthaste \
                             delivery retry dlv_0123456789abc dlv_0123456789abd"
    )]
    Retry {
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Give deliveries up
    #[command(before_help = "Examples:\n  posthaste delivery cancel dlv_0123456789abc\n  \
                             posthaste delivery cancel dlv_0123456789abc --yes")]
    Cancel {
        #[arg(required = true)]
        ids: Vec<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only to this webhook: its id or number
    #[arg(long)]
    webhook: Option<String>,
    /// Only of this event
    #[arg(long, value_name = "ID")]
    event_id: Option<String>,
    /// Only of this event type
    #[arg(long)]
    event: Option<String>,
    /// pending, delivering, retrying, delivered, failed or cancelled
    #[arg(long)]
    status: Option<String>,
    /// Status code of the newest attempt
    #[arg(long, value_name = "CODE")]
    code: Option<u16>,
    /// Accepted since: 1h, 7d, or 2025-01-15T14:30:25Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Accepted before
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
}

pub async fn run(arguments: DeliveryArgs, context: &Context) -> Outcome {
    match arguments.verb {
        DeliveryVerb::Ls(filter) => list(&filter, context).await?,
        DeliveryVerb::Show { id, curl, timeline } => {
            let delivery = context.client.get(&path_of(&id)).await?;
            if curl {
                line(&curl_of(context, &delivery).await?);
            } else if timeline && context.output.is_for_people() {
                show_timeline(&context.output, &delivery);
            } else {
                show(&context.output, &delivery);
            }
        }
        DeliveryVerb::Retry { ids } => each(context, &ids, "retry").await?,
        DeliveryVerb::Cancel { ids, yes } => {
            context.confirm(&format!("Cancel {} deliveries?", ids.len()), yes || ids.len() == 1)?;
            each(context, &ids, "cancel").await?;
        }
    }
    Ok(Exit::Ok)
}

async fn list(filter: &ListArgs, context: &Context) -> Result<(), Failure> {
    let webhook = match &filter.webhook {
        Some(webhook) => Some(webhook::id_of(context, webhook).await?),
        None => None,
    };
    let now = context.now();
    let query = Query::default()
        .with("webhook_id", webhook)
        .with("event_id", filter.event_id.as_ref())
        .with("event", filter.event.as_ref())
        .with("status", filter.status.as_ref())
        .with("status_code", filter.code)
        .with("since", input::moment_text(now, filter.since.as_deref())?)
        .with("until", input::moment_text(now, filter.until.as_deref())?);
    let deliveries = context.client.list("/v1/deliveries", &query, filter.limit).await?;
    context.output.list(&deliveries, COLUMNS);
    Ok(())
}

async fn each(context: &Context, ids: &[String], verb: &str) -> Result<(), Failure> {
    for id in ids {
        let path = format!("{}/{verb}", path_of(id));
        let delivery = context.client.post(&path, &json!({})).await?;
        context.output.one(&delivery, FIELDS);
    }
    Ok(())
}

fn path_of(id: &str) -> String {
    format!("/v1/deliveries/{}", encode(id))
}

fn attempts(delivery: &Value) -> &[Value] {
    delivery["attempts"].as_array().map_or(&[], Vec::as_slice)
}

/// What the newest attempt complained about; empty if there was none, or it did not.
pub fn last_error(delivery: &Value) -> String {
    text_at(delivery, "/last_attempt/error")
}

fn show(output: &Output, delivery: &Value) {
    output.one(delivery, FIELDS);
    if !output.is_for_people() {
        return;
    }
    for attempt in attempts(delivery) {
        line("");
        line(&attempt_line(output, attempt));
        let body = text_at(attempt, "/response_body");
        if !body.is_empty() {
            line(&output.paint(Tone::Faint, &body));
        }
    }
}

fn attempt_line(output: &Output, attempt: &Value) -> String {
    let outcome = output.status(&text_at(attempt, "/outcome"));
    let code = text_at(attempt, "/status_code");
    let error = text_at(attempt, "/error");
    let number = text_at(attempt, "/number");
    let (at, took) = (text_at(attempt, "/started_at"), text_at(attempt, "/duration_ms"));
    format!("attempt {number}  {at}  {outcome} {code}  {took} ms  {error}").trim_end().to_owned()
}

/// One line: a delivery right after its first attempt.
pub fn show_attempted(output: &Output, delivery: &Value) {
    if !output.is_for_people() {
        output.one(delivery, FIELDS);
        return;
    }
    let id = text_at(delivery, "/id");
    let status = output.status(&text_at(delivery, "/status"));
    let newest = attempts(delivery).last();
    let tried = newest.map(|attempt| attempt_line(output, attempt)).unwrap_or_default();
    line(format!("{id}  {status}  {tried}").trim_end());
}

/// The attempts below each other, each with the parts of its time as a bar.
fn show_timeline(output: &Output, delivery: &Value) {
    const WIDTH: u64 = 40;
    output.one(delivery, FIELDS);
    let longest = attempts(delivery).iter().filter_map(|attempt| attempt["duration_ms"].as_u64());
    let longest = longest.max().unwrap_or(0).max(1);
    for attempt in attempts(delivery) {
        line("");
        line(&attempt_line(output, attempt));
        let whole = attempt["duration_ms"].as_u64().unwrap_or(0);
        let mut parts: Vec<(&str, u64)> = Vec::new();
        for (name, title) in
            [("dns", "look-up"), ("connect", "connect"), ("tls", "TLS"), ("first_byte", "answer")]
        {
            let timing = &attempt["timings"][name];
            parts.extend(timing.as_u64().map(|ms| (title, ms)));
        }
        parts.push(("in all", whole));
        for (title, ms) in parts {
            let filled = usize::try_from(ms * WIDTH / longest).unwrap_or(0).max(1);
            line(&format!("  {title:<8} {:>6} ms {}", ms, "▇".repeat(filled)));
        }
    }
}

/// A curl command with the same URL and body, and headers as an attempt made now would have: those
/// of an old attempt would be refused for their age.
async fn curl_of(context: &Context, delivery: &Value) -> Result<String, Failure> {
    let webhook_path = format!("/v1/webhooks/{}", encode(&text_at(delivery, "/webhook_id")));
    let webhook = context.client.get(&webhook_path).await?;
    let secrets = context.client.get(&format!("{webhook_path}/secret")).await?;
    let event_path = format!("/v1/events/{}", encode(&text_at(delivery, "/event_id")));
    let event = context.client.get(&event_path).await?;
    let (headers, body) = request(context.now(), &webhook, &secrets, &event, delivery)
        .map_err(|invalid| Failure::failed(format!("the server's answer is odd: {invalid}")))?;
    Ok(curl_command(&text_at(&webhook, "/url"), &headers, &body))
}

/// The request of an attempt made `now`, put together by the same code that the server uses.
fn request(
    now: Timestamp,
    webhook: &Value,
    secrets: &Value,
    event: &Value,
    delivery: &Value,
) -> Result<(Vec<(String, String)>, String), Invalid> {
    let key = Secret::parse(&text_at(secrets, "/secret"))?;
    let name = text_at(event, "/event");
    let event_id = EventId::parse(&text_at(event, "/id"))?;
    // The canonical form again: parsing the answer may have spelled numbers in another way.
    let data = event["data"].to_string();
    let signed = Envelope {
        event: &name,
        timestamp: Timestamp::parse(&text_at(event, "/timestamp"))?,
        webhook_id: WebhookId::parse(&text_at(webhook, "/id"))?,
        data: &canonicalise_object(data.as_bytes())?,
        event_id,
    }
    .signed(&SigningKey::new(&key));
    let is_test = text_at(event, "/trigger") == Trigger::Test.as_str();
    let count = delivery["attempt_count"].as_u64().and_then(|count| u32::try_from(count).ok());
    let headers = AttemptHeaders {
        event: &name,
        event_id,
        attempt: count.unwrap_or(0) + 1,
        occasion: if is_test { Occasion::Test } else { Occasion::Event },
        hops: 0,
        signature_format: SignatureFormat::parse(&text_at(webhook, "/signature_format"))?,
    }
    .signed(now, &signed, &SigningKeys::new(&Secrets::new(key)));
    let mut pairs: Vec<(String, String)> =
        headers.iter().map(|(name, value)| (name.to_owned(), value.to_text())).collect();
    for (name, value) in webhook["headers"].as_object().into_iter().flatten() {
        pairs.push((name.clone(), value.as_str().unwrap_or_default().to_owned()));
    }
    Ok((pairs, String::from_utf8_lossy(&signed.body).into_owned()))
}

fn curl_command(url: &str, headers: &[(String, String)], body: &str) -> String {
    let mut command = format!("curl -i {}", quoted(url));
    for (name, value) in headers {
        command.push_str(&format!(" \\\n  -H {}", quoted(&format!("{name}: {value}"))));
    }
    command.push_str(&format!(" \\\n  --data-binary {}", quoted(body)));
    command
}

/// For a POSIX shell.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curl_command_survives_the_shell() {
        let headers = [("x-webhook-event".to_owned(), "call.ended".to_owned())];
        assert_eq!(
            curl_command("https://a.test/in", &headers, "{\"name\":\"O'Hara\"}"),
            "curl -i 'https://a.test/in' \\\n  -H 'x-webhook-event: call.ended' \\\n  \
             --data-binary '{\"name\":\"O'\\''Hara\"}'"
        );
    }

    #[test]
    fn the_request_for_curl_verifies() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let now = Timestamp::parse("2025-01-15T14:30:25Z").unwrap();
        let webhook = json!({
            "id": "wh_00f3w5g400001", "signature_format": "hex", "headers": {"x-team": "calls"},
        });
        let event = json!({
            "id": "evt_00f3w5g400200", "event": "call.ended", "trigger": "event",
            "timestamp": "2025-01-15T14:30:20.123Z", "data": {"n": 1e21, "2": 0, "1": 0},
        });
        let delivery = json!({"attempt_count": 2});
        let (headers, body) =
            request(now, &webhook, &json!({"secret": secret}), &event, &delivery).unwrap();
        assert!(body.contains(r#""data":{"1":0,"2":0,"n":1e+21}"#), "{body}");
        assert!(headers.contains(&("x-webhook-attempt".to_owned(), "3".to_owned())));
        assert!(headers.contains(&("x-team".to_owned(), "calls".to_owned())));
        let secret = Secret::parse(secret).unwrap();
        let verifier = posthaste_core::verify::Verifier::new(&secret, &|_| None);
        assert!(verifier.verify(now, &headers, body.as_bytes()).is_verified());
    }
}
