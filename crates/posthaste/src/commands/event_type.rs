//! `posthaste event-type`: the catalogue, as the server has it for this account.

use clap::{Args, Subcommand};

use super::Context;
use crate::client::{Query, encode};
use crate::exit::{Exit, Outcome};
use crate::output::{Column, Tone, line};

const COLUMNS: &[Column] =
    &[("NAME", "/name"), ("GROUP", "/group"), ("TITLE", "/title"), ("WHEN", "/triggered")];
const FIELDS: &[Column] = &[
    ("Name", "/name"),
    ("Title", "/title"),
    ("Group", "/group"),
    ("When", "/triggered"),
    ("About", "/description"),
    ("Use cases", "/use_cases"),
    ("Deprecated", "/deprecated"),
];

#[derive(Debug, Args)]
pub struct EventTypeArgs {
    #[command(subcommand)]
    verb: EventTypeVerb,
}

#[derive(Debug, Subcommand)]
enum EventTypeVerb {
    /// List event types
    #[command(
        visible_alias = "list",
        before_help = "Examples:\n  posthaste event-type ls\n  posthaste event-type ls -o id"
    )]
    Ls {
        #[arg(long, value_name = "COUNT", default_value_t = 200)]
        limit: usize,
    },
    /// Show one event type with its sample
    #[command(before_help = "Examples:\n  posthaste event-type show call.ended\n  posthaste \
                             event-type show call.ended -o json")]
    Show { name: String },
}

pub async fn run(arguments: &EventTypeArgs, context: &Context) -> Outcome {
    match &arguments.verb {
        EventTypeVerb::Ls { limit } => {
            let found = context.client.list("/v1/event-types", &Query::default(), *limit).await?;
            context.output.list(&found, COLUMNS);
        }
        EventTypeVerb::Show { name } => {
            let path = format!("/v1/event-types/{}", encode(name));
            let event_type = context.client.get(&path).await?;
            context.output.one(&event_type, FIELDS);
            if context.output.is_for_people() && !event_type["sample"].is_null() {
                line(&context.output.paint(Tone::Faint, "Sample"));
                let sample = serde_json::to_string_pretty(&event_type["sample"]);
                line(&sample.expect("a JSON value can be written"));
            }
        }
    }
    Ok(Exit::Ok)
}
