//! `posthaste key`: API keys. A key's text is shown once, when it is made.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use crate::client::{Query, encode};
use crate::exit::{Exit, Outcome};
use crate::output::{Column, Format};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("ROLE", "/role"),
    ("KEY", "/hint"),
    ("CREATED", "/created_at"),
];
const MADE: &[Column] = &[("Id", "/id"), ("Name", "/name"), ("Role", "/role"), ("Key", "/key")];

#[derive(Debug, Args)]
pub struct KeyArgs {
    #[command(subcommand)]
    verb: KeyVerb,
}

#[derive(Debug, Subcommand)]
enum KeyVerb {
    /// List an account's keys, without their texts
    #[command(
        visible_alias = "list",
        before_help = "Examples:\n  posthaste key ls --account acme\n  posthaste key ls --platform"
    )]
    Ls {
        /// The platform's keys instead
        #[arg(long)]
        platform: bool,
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: usize,
    },
    /// Make a key and print it, this once
    #[command(before_help = "Examples:\n  posthaste key add crm-sync --role publish\n  posthaste \
                             key add grafana --role read -o json")]
    Add {
        name: String,
        /// What it may do: platform, account, publish or read
        #[arg(long, default_value = "account")]
        role: String,
    },
    /// Remove a key; whoever uses it is refused from then on
    #[command(before_help = "Examples:\n  posthaste key rm key_0123456789abc\n  posthaste key rm \
                             key_0123456789abc --yes")]
    Rm {
        id: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

pub async fn run(arguments: KeyArgs, context: &Context) -> Outcome {
    match arguments.verb {
        KeyVerb::Ls { platform, limit } => {
            let query = Query::default().with("role", platform.then_some("platform"));
            let keys = context.client.list("/v1/api-keys", &query, limit).await?;
            context.output.list(&keys, COLUMNS);
        }
        KeyVerb::Add { name, role } => {
            let body = json!({ "name": name, "role": role });
            let key = context.client.post("/v1/api-keys", &body).await?;
            context.output.one(&key, MADE);
            if context.output.format == Format::Table {
                context.output.say("Keep the key: it is not shown again.");
            }
        }
        KeyVerb::Rm { id, yes } => {
            context.confirm(&format!("Remove the key {id}?"), yes)?;
            context.client.delete(&format!("/v1/api-keys/{}", encode(&id))).await?;
            context.output.say(&format!("removed {id}"));
        }
    }
    Ok(Exit::Ok)
}
