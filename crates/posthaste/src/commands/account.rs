//! `posthaste account`: the customers of the platform.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use crate::client::Query;
use crate::exit::{Exit, Outcome};
use crate::output::{Column, text_at};

const COLUMNS: &[Column] = &[("ID", "/id"), ("NAME", "/name"), ("CREATED", "/created_at")];
const FIELDS: &[Column] =
    &[("Id", "/id"), ("Name", "/name"), ("Validate", "/validate"), ("Created", "/created_at")];

#[derive(Debug, Args)]
pub struct AccountArgs {
    #[command(subcommand)]
    verb: AccountVerb,
}

#[derive(Debug, Subcommand)]
enum AccountVerb {
    /// List accounts
    #[command(
        visible_alias = "list",
        before_help = "Examples:\n  posthaste account ls\n  posthaste account ls -o id"
    )]
    Ls {
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: usize,
    },
    /// Add an account
    #[command(before_help = "Examples:\n  posthaste account add acme\n  posthaste account add \
                             'Acme Inc.' -o id")]
    Add { name: String },
    /// Change the account that is acted for (see --account)
    #[command(before_help = "Examples:\n  posthaste account set --validate reject\n  posthaste \
                             account set --validate warn --account acme")]
    Set {
        /// What to do about data that does not match its schema: off, warn (accept, count and show)
        /// or reject
        #[arg(long, value_name = "off|warn|reject", value_parser = ["off", "warn", "reject"])]
        validate: String,
    },
}

pub async fn run(arguments: &AccountArgs, context: &Context) -> Outcome {
    match &arguments.verb {
        AccountVerb::Ls { limit } => {
            let accounts = context.client.list("/v1/accounts", &Query::default(), *limit).await?;
            context.output.list(&accounts, COLUMNS);
        }
        AccountVerb::Add { name } => {
            let account = context.client.post("/v1/accounts", &json!({ "name": name })).await?;
            context.output.one(&account, FIELDS);
        }
        AccountVerb::Set { validate } => {
            let own = context.client.get("/v1/session").await?;
            let path = format!("/v1/accounts/{}", text_at(&own, "/account/id"));
            let account = context.client.patch(&path, &json!({ "validate": validate })).await?;
            context.output.one(&account, FIELDS);
        }
    }
    Ok(Exit::Ok)
}
