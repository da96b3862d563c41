//! `posthaste webhook`: the rows of Setup > Webhooks, from the command line.

use std::time::Duration;

use clap::{Args, Subcommand};
use posthaste_core::id::WebhookId;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{Context, delivery, input, watch};
use crate::cli::parse_duration;
use crate::client::Query;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Column, Format, line, text_at};

const COLUMNS: &[Column] = &[
    ("#", "/number"),
    ("ID", "/id"),
    ("TITLE", "/title"),
    ("STATUS", "/status"),
    ("EVENTS", "/events"),
    ("HITS", "/hits"),
    ("LAST HIT", "/last_hit_at"),
    ("URL", "/url"),
];
const FIELDS: &[Column] = &[
    ("Number", "/number"),
    ("Id", "/id"),
    ("Title", "/title"),
    ("Description", "/description"),
    ("Direction", "/direction"),
    ("URL", "/url"),
    ("Events", "/events"),
    ("Powerlist", "/powerlist_id"),
    ("Headers", "/headers"),
    ("Signature", "/signature_format"),
    ("Timeout ms", "/timeout_ms"),
    ("Retries s", "/retry_delays_s"),
    ("In flight", "/max_in_flight"),
    ("Rate limit", "/rate_limit"),
    ("Status", "/status"),
    ("Disabled", "/disabled_reason"),
    ("Hits", "/hits"),
    ("Last hit", "/last_hit_at"),
    ("Created", "/created_at"),
    ("Updated", "/updated_at"),
    ("Secret", "/secret"),
];
const ENDPOINTS: &[Column] = &[
    ("METHOD", "/method"),
    ("URL", "/url"),
    ("HITS", "/health/hits"),
    ("LAST HIT", "/health/last_hit_at"),
    ("SUCCESS", "/health/success_rate"),
    ("AVG MS", "/health/average_ms"),
    ("P95 MS", "/health/p95_ms"),
    ("PENDING", "/health/pending"),
    ("LAST ERROR", "/health/last_error/message"),
];
/// Webhooks that are looked through for a number.
const LOOKED_THROUGH_MAX: usize = 1_000_000;

#[derive(Debug, Args)]
pub struct WebhookArgs {
    #[command(subcommand)]
    verb: WebhookVerb,
}

#[derive(Debug, Subcommand)]
enum WebhookVerb {
    /// List webhooks, newest first
    #[command(
        visible_alias = "list",
        before_help = "Examples:\n  posthaste webhook ls\n  posthaste webhook ls -o id"
    )]
    Ls {
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: usize,
    },
    /// Add a webhook; prints it with its secret
    #[command(before_help = "Examples:\n  posthaste webhook add CRM --url \
                             https://crm.example/hook --event call.ended\n  posthaste webhook add \
                             'All of it' --url https://log.example/in --event '*'")]
    Add {
        /// What people call it
        title: String,
        #[command(flatten)]
        settings: Box<WebhookSettings>,
    },
    /// Show a webhook
    #[command(
        before_help = "Examples:\n  posthaste webhook show '#3'\n  posthaste webhook show 3 \
                             -o json"
    )]
    Show { webhook: String },
    /// Change a webhook; what is not named stays
    #[command(before_help = "Examples:\n  posthaste webhook edit 3 --event call.ended,sms.*\n  \
                             posthaste webhook edit 3 --title 'New CRM' --timeout-ms 5000")]
    Edit {
        webhook: String,
        /// What people call it
        #[arg(long)]
        title: Option<String>,
        #[command(flatten)]
        settings: Box<WebhookSettings>,
    },
    /// Delete a webhook; its deliveries stay in the log
    #[command(before_help = "Examples:\n  posthaste webhook rm 3\n  posthaste webhook rm 3 --yes")]
    Rm {
        webhook: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Hold deliveries back; they queue
    #[command(before_help = "Examples:\n  posthaste webhook pause 3\n  posthaste webhook pause \
                             '#3' -o json")]
    Pause { webhook: String },
    /// Deliver again, what has queued first
    #[command(before_help = "Examples:\n  posthaste webhook resume 3\n  posthaste webhook resume \
                             '#3' -o json")]
    Resume { webhook: String },
    /// Make a new secret; the old one signs as well until the overlap ends
    #[command(before_help = "Examples:\n  posthaste webhook rotate-secret 3\n  posthaste webhook \
                             rotate-secret 3 --overlap 1h")]
    RotateSecret {
        webhook: String,
        /// How long both secrets sign
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_duration)]
        overlap: Duration,
    },
    /// Print the secret
    #[command(before_help = "Examples:\n  posthaste webhook secret 3\n  posthaste verify \
                             --secret \"$(posthaste webhook secret 3 -o id)\" < body.json")]
    Secret { webhook: String },
    /// Send a sample now and say how it went
    #[command(before_help = "Examples:\n  posthaste webhook test 3\n  posthaste webhook test 3 \
                             call.ended -d '{\"call_id\":\"c_1\"}'")]
    Test {
        webhook: String,
        /// Event type of the sample [default: one the webhook wants]
        event: Option<String>,
        /// Data instead of the sample's: JSON, @file or - for stdin
        #[arg(short, long)]
        data: Option<String>,
    },
    /// Show a webhook's URLs and their health
    #[command(before_help = "Examples:\n  posthaste webhook endpoints 3\n  posthaste webhook \
                             endpoints 3 -o json")]
    Endpoints { webhook: String },
}

#[derive(Debug, Args)]
struct WebhookSettings {
    /// Where events are posted to. (The server to talk to is PH_URL here, or --url before the verb)
    #[arg(long)]
    url: Option<String>,
    /// Event types, by comma or repeated: call.ended, sms.*, *
    #[arg(long = "event", value_name = "EVENT", value_delimiter = ',')]
    events: Vec<String>,
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// Only events of this powerlist; empty for all
    #[arg(long, value_name = "ID")]
    powerlist: Option<String>,
    /// Header to send along, repeatable
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// How x-webhook-signature is spelled: hex or sha256=
    #[arg(long, value_name = "FORMAT")]
    signature_format: Option<String>,
    /// Deadline of an attempt, 1000 to 30000
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u64>,
    /// Delays before each attempt, in seconds, by comma
    #[arg(long, value_name = "SECONDS", value_delimiter = ',')]
    retry_delays_s: Vec<u64>,
    /// Requests at a time
    #[arg(long, value_name = "COUNT")]
    max_in_flight: Option<u64>,
    /// At most this many requests per second: COUNT or COUNT/SECONDS; none for no limit
    #[arg(long, value_name = "RATE")]
    rate_limit: Option<String>,
}

impl WebhookSettings {
    /// The members that were named, as the API takes them.
    fn members(&self) -> Result<Map<String, Value>, Failure> {
        let mut members = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        };
        put("url", self.url.as_ref().map(|url| json!(url)));
        put("events", (!self.events.is_empty()).then(|| json!(self.events)));
        put("description", self.description.as_ref().map(|text| json!(text)));
        let powerlist = self.powerlist.as_ref();
        put(
            "powerlist_id",
            powerlist.map(|id| if id.is_empty() { Value::Null } else { json!(id) }),
        );
        put("headers", headers(&self.headers)?);
        put("signature_format", self.signature_format.as_ref().map(|text| json!(text)));
        put("timeout_ms", self.timeout_ms.map(|ms| json!(ms)));
        put(
            "retry_delays_s",
            (!self.retry_delays_s.is_empty()).then(|| json!(self.retry_delays_s)),
        );
        put("max_in_flight", self.max_in_flight.map(|count| json!(count)));
        put("rate_limit", self.rate_limit.as_deref().map(rate_limit).transpose()?);
        Ok(members)
    }
}

fn headers(lines: &[String]) -> Result<Option<Value>, Failure> {
    let mut headers = Map::new();
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| Failure::usage(format!("--header {line:?} is not 'name: value'")))?;
        headers.insert(name.trim().to_owned(), json!(value.trim()));
    }
    Ok((!headers.is_empty()).then_some(Value::Object(headers)))
}

pub fn rate_limit(text: &str) -> Result<Value, Failure> {
    if text == "none" {
        return Ok(Value::Null);
    }
    let (count, per_s) = text.split_once('/').unwrap_or((text, "1"));
    let per_s = per_s.trim_end_matches('s');
    let number = |text: &str| text.parse::<u64>().ok();
    let per_s = if per_s.is_empty() { Some(1) } else { number(per_s) };
    match (number(count), per_s) {
        (Some(count), Some(per_s)) => Ok(json!({ "count": count, "per_s": per_s })),
        _ => Err(Failure::usage(format!("--rate-limit {text:?} is not COUNT/SECONDS, as in 10/1"))),
    }
}

pub async fn run(arguments: WebhookArgs, context: &Context) -> Outcome {
    match arguments.verb {
        WebhookVerb::Ls { limit } => {
            let webhooks = context.client.list("/v1/webhooks", &Query::default(), limit).await?;
            context.output.list(&webhooks, COLUMNS);
        }
        WebhookVerb::Add { title, settings } => add(title, &settings, context).await?,
        WebhookVerb::Show { webhook } => {
            let webhook = context.client.get(&path_of(context, &webhook).await?).await?;
            context.output.one(&webhook, FIELDS);
        }
        WebhookVerb::Edit { webhook, title, settings } => {
            let mut members = settings.members()?;
            if let Some(title) = title {
                members.insert("title".to_owned(), json!(title));
            }
            if members.is_empty() {
                return Err(Failure::usage("nothing to change was named; see --help"));
            }
            let path = path_of(context, &webhook).await?;
            let webhook = context.client.patch(&path, &Value::Object(members)).await?;
            context.output.one(&webhook, FIELDS);
        }
        WebhookVerb::Rm { webhook, yes } => {
            let path = path_of(context, &webhook).await?;
            let title = text_at(&context.client.get(&path).await?, "/title");
            context.confirm(&format!("Delete the webhook «{title}»?"), yes)?;
            context.client.delete(&path).await?;
            context.output.say(&format!("deleted «{title}»"));
        }
        WebhookVerb::Pause { webhook } => act(context, &webhook, "pause", &json!({})).await?,
        WebhookVerb::Resume { webhook } => act(context, &webhook, "resume", &json!({})).await?,
        WebhookVerb::RotateSecret { webhook, overlap } => {
            let path = path_of(context, &webhook).await?;
            let body = json!({ "overlap_s": overlap.as_secs() });
            let answer = context.client.post(&format!("{path}/rotate-secret"), &body).await?;
            show_secret(context, &answer);
        }
        WebhookVerb::Secret { webhook } => {
            let path = path_of(context, &webhook).await?;
            let answer = context.client.get(&format!("{path}/secret")).await?;
            show_secret(context, &answer);
        }
        WebhookVerb::Test { webhook, event, data } => {
            return test(context, &webhook, event.as_deref(), data.as_deref()).await;
        }
        WebhookVerb::Endpoints { webhook } => {
            let path = path_of(context, &webhook).await?;
            let answer = context.client.get(&format!("{path}/endpoints")).await?;
            let endpoints = answer["data"].as_array().cloned().unwrap_or_default();
            context.output.list(&endpoints, ENDPOINTS);
        }
    }
    Ok(Exit::Ok)
}

async fn add(title: String, settings: &WebhookSettings, context: &Context) -> Result<(), Failure> {
    let mut members = Map::new();
    members.insert("title".to_owned(), json!(title));
    members.insert("direction".to_owned(), json!("outbound"));
    members.extend(settings.members()?);
    let webhook = context.client.post("/v1/webhooks", &Value::Object(members)).await?;
    context.output.one(&webhook, FIELDS);
    if context.output.is_for_people() {
        context
            .output
            .say("Receivers verify with the secret; `posthaste webhook secret` shows it again.");
    }
    Ok(())
}

async fn act(context: &Context, webhook: &str, verb: &str, body: &Value) -> Result<(), Failure> {
    let path = path_of(context, webhook).await?;
    let webhook = context.client.post(&format!("{path}/{verb}"), body).await?;
    context.output.one(&webhook, FIELDS);
    Ok(())
}

/// For people and for `$(…)` the secret alone; for programs what the server said.
fn show_secret(context: &Context, answer: &Value) {
    match context.output.format {
        Format::Table => context.output.one(
            answer,
            &[
                ("Secret", "/secret"),
                ("Previous", "/previous/secret"),
                ("until", "/previous/expires_at"),
            ],
        ),
        Format::Id => line(&text_at(answer, "/secret")),
        Format::Json | Format::Jsonl => context.output.one(answer, &[]),
    }
}

async fn test(
    context: &Context,
    webhook: &str,
    event: Option<&str>,
    data: Option<&str>,
) -> Outcome {
    let data = data.map(input::json).transpose()?;
    let data = data.as_deref().map(RawValue::get);
    let delivery = send_test(context, webhook, event, data).await?;
    delivery::show_attempted(&context.output, &delivery);
    Ok(exit_of_test(&delivery))
}

/// A test is tried once: delivered, failed, or (a slow receiver) not known yet.
pub fn exit_of_test(delivery: &Value) -> Exit {
    match (watch::status(delivery), delivery["attempt_count"].as_u64()) {
        ("delivered", _) => Exit::Ok,
        (_, Some(0)) => Exit::TimedOut,
        _ => Exit::DeliveryFailed,
    }
}

/// Sends one sample to one webhook. Answers with the delivery once it has been tried.
pub async fn send_test(
    context: &Context,
    webhook: &str,
    event: Option<&str>,
    data: Option<&str>,
) -> Result<Value, Failure> {
    let path = path_of(context, webhook).await?;
    let mut members = Vec::new();
    if let Some(event) = event {
        members.push(format!("\"event\":{}", json!(event)));
    }
    if let Some(data) = data {
        members.push(format!("\"data\":{data}"));
    }
    let body = format!("{{{}}}", members.join(","));
    let delivery = context.client.post_text(&format!("{path}/test"), body, None).await?;
    watch::until_tried(context, delivery).await
}

/// The path of a webhook that is named by its id or by its number, `#3` or `3`.
async fn path_of(context: &Context, webhook: &str) -> Result<String, Failure> {
    Ok(format!("/v1/webhooks/{}", id_of(context, webhook).await?))
}

pub async fn id_of(context: &Context, webhook: &str) -> Result<String, Failure> {
    if WebhookId::parse(webhook).is_ok() {
        return Ok(webhook.to_owned());
    }
    let digits = webhook.strip_prefix('#').unwrap_or(webhook);
    let number: u64 = digits.parse().map_err(|_| {
        Failure::usage(format!("{webhook:?} is neither a webhook's id (wh_…) nor its number (#3)"))
    })?;
    let webhooks =
        context.client.list("/v1/webhooks", &Query::default(), LOOKED_THROUGH_MAX).await?;
    let found = webhooks.iter().find(|webhook| webhook["number"].as_u64() == Some(number));
    match found.and_then(|webhook| webhook["id"].as_str()) {
        Some(id) => Ok(id.to_owned()),
        None => Err(Failure::new(Exit::NotFound, format!("there is no webhook #{number}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_limit_is_a_count_per_seconds() {
        let check = |text: &str, expected: Option<Value>| {
            assert_eq!(rate_limit(text).ok(), expected, "{text}");
        };
        check("10", Some(json!({"count": 10, "per_s": 1})));
        check("10/s", Some(json!({"count": 10, "per_s": 1})));
        check("100/60", Some(json!({"count": 100, "per_s": 60})));
        check("100/60s", Some(json!({"count": 100, "per_s": 60})));
        check("none", Some(Value::Null));
        check("fast", None);
        check("10/min", None);
    }

    #[test]
    fn headers_are_split_at_their_first_colon() {
        let lines = ["x-team: calls".to_owned(), "x-url:http://a.test".to_owned()];
        assert_eq!(
            headers(&lines).unwrap(),
            Some(json!({"x-team": "calls", "x-url": "http://a.test"}))
        );
        assert_eq!(headers(&[]).unwrap(), None);
        assert!(headers(&["x-team".to_owned()]).is_err());
    }
}
