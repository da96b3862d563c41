//! `posthaste event-type`: the catalogue, as the server has it for this account.

mod import;

use clap::{Args, Subcommand, ValueEnum};

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
    ("Checked", "/checked_events"),
    ("Invalid", "/invalid_events"),
    ("Last fault", "/last_invalid/error"),
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
    /// Add or change event types from JSON Schemas or an OpenAPI document
    ///
    /// A folder holds one JSON Schema an event type, in .json, .yaml or .yml. Its name is what the
    /// schema says as x-event-type, or its title if that is a name with a dot, or the file's name.
    /// An OpenAPI 3.1 document has one for each of its webhooks, or with --prefix for each of its
    /// component schemas whose name begins with that: EventDealWon is deal.won with --prefix Event.
    ///
    /// If anything is refused, nothing is stored. What is as it should be already is left alone.
    #[command(before_help = "Examples:\n  posthaste event-type import schemas/ --dry-run\n  \
                             posthaste event-type import openapi.yaml --prefix Event")]
    Import(import::ImportArgs),
    /// Write the catalogue as code: TypeScript, or an OpenAPI document with webhooks
    #[command(before_help = "Examples:\n  posthaste event-type types --lang ts > events.d.ts\n  \
                       posthaste event-type types --lang openapi > events.openapi.json")]
    Types {
        #[arg(long, value_enum, default_value = "ts")]
        lang: Lang,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Lang {
    Ts,
    Openapi,
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
        EventTypeVerb::Import(arguments) => return import::run(arguments, context).await,
        EventTypeVerb::Types { lang } => {
            let path = match lang {
                Lang::Ts => "/v1/event-types.d.ts",
                Lang::Openapi => "/v1/event-types.openapi.json",
            };
            line(context.client.get_text(path).await?.trim_end());
        }
    }
    Ok(Exit::Ok)
}
