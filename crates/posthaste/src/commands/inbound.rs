//! `posthaste inbound`: inbound webhooks, and what was posted to them, from the command line.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::webhook::{id_of, rate_limit};
use super::{Context, input};
use crate::client::{Query, encode};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::Column;

const COLUMNS: &[Column] = &[
    ("#", "/number"),
    ("ID", "/id"),
    ("TITLE", "/title"),
    ("STATUS", "/status"),
    ("POWERLIST", "/powerlist_id"),
    ("EVENTS", "/events"),
    ("HITS", "/hits"),
    ("LAST HIT", "/last_hit_at"),
];
const FIELDS: &[Column] = &[
    ("Number", "/number"),
    ("Id", "/id"),
    ("Title", "/title"),
    ("Description", "/description"),
    ("Powerlist", "/powerlist_id"),
    ("Mapping", "/mapping"),
    ("Verification", "/verification/scheme"),
    ("Rate limit", "/rate_limit"),
    ("Status", "/status"),
    ("Hits", "/hits"),
    ("Last hit", "/last_hit_at"),
    ("Old URLs until", "/previous_token_expires_at"),
    ("Created", "/created_at"),
    ("Updated", "/updated_at"),
    ("Secret", "/secret"),
];
const ENDPOINTS: &[Column] =
    &[("EVENT", "/event"), ("METHOD", "/method"), ("URL", "/url"), ("FIELDS", "/fields")];
const REQUESTS: &[Column] = &[
    ("ID", "/id"),
    ("RECEIVED", "/received_at"),
    ("EVENT", "/event"),
    ("VERDICT", "/verdict"),
    ("CONTACT", "/contact_id"),
    ("FROM", "/remote_address"),
    ("DETAIL", "/detail"),
];
const REQUEST: &[Column] = &[
    ("Id", "/id"),
    ("Received", "/received_at"),
    ("Event", "/event"),
    ("Verdict", "/verdict"),
    ("Contact", "/contact_id"),
    ("Detail", "/detail"),
    ("Errors", "/errors"),
    ("From", "/remote_address"),
    ("Content type", "/content_type"),
    ("Query", "/query"),
    ("Body", "/body"),
    ("Replay of", "/replay_of"),
];
const RECEIPT: &[Column] = &[("Contact", "/data/contact_id"), ("Operation", "/data/operation")];
/// What a test posts unless it is told otherwise: nobody's number.
const SAMPLE: &str = r#"{"phone_number":"+12025550187","first_name":"Maria","last_name":"Lopez","email":"maria.lopez@example.com","tags":["test"]}"#;

#[derive(Debug, Args)]
pub struct InboundArgs {
    #[command(subcommand)]
    verb: InboundVerb,
}

#[derive(Debug, Subcommand)]
enum InboundVerb {
    /// List inbound webhooks, newest first
    #[command(
        visible_alias = "list",
        before_help = "Examples:\n  posthaste inbound ls\n  posthaste inbound ls -o json"
    )]
    Ls {
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: usize,
    },
    /// Add an inbound webhook; prints its URLs
    #[command(before_help = "Examples:\n  posthaste inbound add CRM --powerlist pl_…\n  \
                             posthaste inbound add Forms --powerlist pl_… --event contact --map \
                             phone_number=contact.phone")]
    Add {
        /// What people call it
        title: String,
        /// The list that contacts come to
        #[arg(long, value_name = "ID")]
        powerlist: String,
        /// Which URLs it has
        #[arg(long = "event", value_name = "EVENT", value_delimiter = ',',
              default_values = ["contact", "contact.delete"])]
        events: Vec<String>,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
        /// Where in a request a field is, repeatable
        #[arg(long = "map", value_name = "FIELD=PATH")]
        mapping: Vec<String>,
        /// How requests are signed: posthaste, standard_webhooks, github, stripe or twilio
        #[arg(long, value_name = "SCHEME")]
        verify: Option<String>,
        /// The sender's secret: text, @file or - for stdin; made here if left out where it can be
        #[arg(long, value_name = "SECRET", requires = "verify")]
        secret: Option<String>,
        /// At most this many requests per second: COUNT or COUNT/SECONDS
        #[arg(long, value_name = "RATE")]
        rate_limit: Option<String>,
    },
    /// Show an inbound webhook and its URLs
    #[command(before_help = "Examples:\n  posthaste inbound show 3\n  posthaste inbound show \
                             '#3' -o json")]
    Show { webhook: String },
    /// Post a sample contact to its URL, as a CRM would, and show the answer
    #[command(before_help = "Examples:\n  posthaste inbound test 3\n  posthaste inbound test 3 \
                             -d '{\"phone\":\"+12025550188\"}'")]
    Test {
        webhook: String,
        /// The URL of this event
        #[arg(long, value_name = "EVENT", default_value = "contact")]
        event: String,
        /// JSON instead of the sample: text, @file or - for stdin
        #[arg(short, long)]
        data: Option<String>,
    },
    /// List the requests that came, newest first; or show one
    #[command(before_help = "Examples:\n  posthaste inbound requests 3 --verdict invalid\n  \
                             posthaste inbound requests 3 req_…")]
    Requests {
        webhook: String,
        /// Show this one as a whole
        request: Option<String>,
        /// Only those that came to this: created, updated, none, invalid, unverified …
        #[arg(long)]
        verdict: Option<String>,
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: usize,
    },
    /// Do a request again, with the settings of now
    #[command(before_help = "Examples:\n  posthaste inbound replay 3 req_…\n  posthaste inbound \
                             replay 3 req_… -o json")]
    Replay { webhook: String, request: String },
}

pub async fn run(arguments: InboundArgs, context: &Context) -> Outcome {
    match arguments.verb {
        InboundVerb::Ls { limit } => list(context, limit).await?,
        InboundVerb::Add {
            title,
            powerlist,
            events,
            description,
            mapping,
            verify,
            secret,
            rate_limit: limit,
        } => {
            let mut body = json!({
                "direction": "inbound",
                "title": title,
                "powerlist_id": powerlist,
                "events": events,
                "mapping": mapping_of(&mapping)?,
            });
            if let Some(description) = description {
                body["description"] = json!(description);
            }
            if let Some(scheme) = verify {
                body["verification"] = json!({ "scheme": scheme });
                if let Some(secret) = secret {
                    body["verification"]["secret"] = json!(input::text(&secret)?.trim());
                }
            }
            if let Some(limit) = limit.as_deref().map(rate_limit).transpose()? {
                body["rate_limit"] = limit;
            }
            show(context, &context.client.post("/v1/webhooks", &body).await?);
        }
        InboundVerb::Show { webhook } => {
            show(context, &inbound(context, &webhook).await?);
        }
        InboundVerb::Test { webhook, event, data } => {
            return test(context, &webhook, &event, data.as_deref()).await;
        }
        InboundVerb::Requests { webhook, request: Some(request), .. } => {
            let path = request_path(context, &webhook, &request).await?;
            context.output.one(&context.client.get(&path).await?, REQUEST);
        }
        InboundVerb::Requests { webhook, request: None, verdict, limit } => {
            let path = format!("/v1/webhooks/{}/requests", id_of(context, &webhook).await?);
            let query = Query::default().with("verdict", verdict);
            let requests = context.client.list(&path, &query, limit).await?;
            context.output.list(&requests, REQUESTS);
        }
        InboundVerb::Replay { webhook, request } => {
            let path = request_path(context, &webhook, &request).await?;
            let replayed = context.client.post(&format!("{path}/replay"), &json!({})).await?;
            context.output.one(&replayed, REQUEST);
        }
    }
    Ok(Exit::Ok)
}

/// Both directions are one list; what is not inbound is passed over.
async fn list(context: &Context, limit: usize) -> Result<(), Failure> {
    let all = context.client.list("/v1/webhooks", &Query::default(), usize::MAX).await?;
    let inbound = all.into_iter().filter(|webhook| webhook["direction"] == "inbound");
    let inbound: Vec<Value> = inbound.take(limit).collect();
    context.output.list(&inbound, COLUMNS);
    Ok(())
}

async fn inbound(context: &Context, webhook: &str) -> Result<Value, Failure> {
    let id = id_of(context, webhook).await?;
    let found = context.client.get(&format!("/v1/webhooks/{id}")).await?;
    if found["direction"] == "inbound" {
        return Ok(found);
    }
    Err(Failure::usage(format!("{webhook} is an outbound webhook; see `posthaste webhook`")))
}

async fn request_path(context: &Context, webhook: &str, request: &str) -> Result<String, Failure> {
    let id = id_of(context, webhook).await?;
    Ok(format!("/v1/webhooks/{id}/requests/{}", encode(request)))
}

/// The webhook and, for people, its URLs: with the address that the server is called by here, if it
/// does not know another.
fn show(context: &Context, webhook: &Value) {
    context.output.one(webhook, FIELDS);
    if !context.output.is_for_people() {
        return;
    }
    let mut endpoints = webhook["endpoints"].as_array().cloned().unwrap_or_default();
    for endpoint in &mut endpoints {
        if endpoint["url"].is_null() {
            let path = endpoint["path"].as_str().unwrap_or_default();
            endpoint["url"] = json!(format!("{}{path}", context.client.access().url));
        }
    }
    context.output.list(&endpoints, ENDPOINTS);
}

/// Posts to the webhook's own path. It is a request as any other: it counts, and it is kept.
async fn test(context: &Context, webhook: &str, event: &str, data: Option<&str>) -> Outcome {
    let webhook = inbound(context, webhook).await?;
    let endpoints = webhook["endpoints"].as_array().map(Vec::as_slice).unwrap_or_default();
    let endpoint = endpoints.iter().find(|endpoint| endpoint["event"] == event);
    let path = endpoint.and_then(|endpoint| endpoint["path"].as_str()).ok_or_else(|| {
        Failure::usage(format!("the webhook has no URL for {event}; it has {}", webhook["events"]))
    })?;
    let body = match data {
        Some(data) => input::json(data)?.get().to_owned(),
        None => SAMPLE.to_owned(),
    };
    let receipt = context.client.post_text(path, body, None).await?;
    context.output.one(&receipt, RECEIPT);
    Ok(Exit::Ok)
}

fn mapping_of(pairs: &[String]) -> Result<Value, Failure> {
    let mut mapping = Map::new();
    for pair in pairs {
        let (field, path) = pair
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--map {pair:?} is not FIELD=PATH")))?;
        mapping.insert(field.trim().to_owned(), json!(path.trim()));
    }
    Ok(Value::Object(mapping))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_fields_and_paths() {
        let pairs = ["phone_number=contact.phone".to_owned(), " email = a=b ".to_owned()];
        let mapping = mapping_of(&pairs).unwrap();
        assert_eq!(mapping, json!({"phone_number": "contact.phone", "email": "a=b"}));
        assert!(mapping_of(&["phone".to_owned()]).is_err());
    }
}
