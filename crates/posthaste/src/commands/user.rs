//! `posthaste user`: the people who sign in. An API key is enough to let somebody in again who has
//! lost the password, or the first link.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use crate::client::{Query, encode};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Column, Format};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("EMAIL", "/email"),
    ("NAME", "/name"),
    ("ROLE", "/role"),
    ("ACCOUNT", "/account_id"),
    ("LAST SIGN-IN", "/last_sign_in_at"),
];
const INVITED: &[Column] = &[
    ("Id", "/id"),
    ("Email", "/email"),
    ("Role", "/role"),
    ("Link", "/link/url"),
    ("Until", "/link/expires_at"),
];
const LINK: &[Column] = &[("Link", "/url"), ("Until", "/expires_at")];

#[derive(Debug, Args)]
pub struct UserArgs {
    #[command(subcommand)]
    verb: UserVerb,
}

#[derive(Debug, Subcommand)]
enum UserVerb {
    /// List users
    #[command(
        visible_alias = "list",
        before_help = "Examples:\n  posthaste user ls\n  posthaste user ls -o json"
    )]
    Ls {
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: usize,
    },
    /// Invite somebody and print the link that lets them in, once
    #[command(
        before_help = "Examples:\n  posthaste user invite ann@example.com\n  posthaste user \
                             invite ann@example.com --name 'Ann Lee' --role viewer"
    )]
    Invite {
        email: String,
        /// What people call them [default: what stands before the @]
        #[arg(long)]
        name: Option<String>,
        /// What they may do: owner, editor or viewer
        #[arg(long, default_value = "editor")]
        role: String,
        /// Only in this account (acct_…) [default: as many as the key may act in]
        #[arg(long, value_name = "ACCOUNT")]
        only: Option<String>,
    },
    /// Print a new link that lets a user in, once: for who has lost the password
    #[command(before_help = "Examples:\n  posthaste user link owner@localhost\n  posthaste user \
                             link usr_0123456789abc")]
    Link {
        /// Id or e-mail address
        user: String,
    },
    /// Remove a user; their sessions end at once
    #[command(before_help = "Examples:\n  posthaste user rm ann@example.com\n  posthaste user rm \
                             usr_0123456789abc --yes")]
    Rm {
        /// Id or e-mail address
        user: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

pub async fn run(arguments: UserArgs, context: &Context) -> Outcome {
    match arguments.verb {
        UserVerb::Ls { limit } => {
            let users = context.client.list("/v1/users", &Query::default(), limit).await?;
            context.output.list(&users, COLUMNS);
        }
        UserVerb::Invite { email, name, role, only } => {
            let before_at = email.split('@').next().unwrap_or_default();
            let name = name.unwrap_or_else(|| before_at.to_owned());
            let body = json!({ "email": email, "name": name, "role": role, "account_id": only });
            let mut user = context.client.post("/v1/users", &body).await?;
            user["link"] = whole(context, &user["link"]);
            context.output.one(&user, INVITED);
            hand_over(context);
        }
        UserVerb::Link { user } => {
            let path = format!("/v1/users/{}/link", encode(&id_of(context, &user).await?));
            let link = context.client.post(&path, &json!({})).await?;
            context.output.one(&whole(context, &link), LINK);
            hand_over(context);
        }
        UserVerb::Rm { user, yes } => {
            let id = id_of(context, &user).await?;
            context.confirm(&format!("Remove the user {user}?"), yes)?;
            context.client.delete(&format!("/v1/users/{}", encode(&id))).await?;
            context.output.say(&format!("removed {id}"));
        }
    }
    Ok(Exit::Ok)
}

/// The link as it can be followed, at the address by which this command reaches the server.
fn whole(context: &Context, link: &Value) -> Value {
    let path = link["url_path"].as_str().unwrap_or_default();
    let url = format!("{}{path}", context.client.access().url);
    json!({ "url": url, "expires_at": link["expires_at"] })
}

fn hand_over(context: &Context) {
    if context.output.format == Format::Table {
        context.output.say("Hand the link over: it is not sent to anybody, and works once.");
    }
}

/// Ids are taken as they are; an e-mail address is looked up.
async fn id_of(context: &Context, user: &str) -> Result<String, Failure> {
    if !user.contains('@') {
        return Ok(user.to_owned());
    }
    let users = context.client.list("/v1/users", &Query::default(), usize::MAX).await?;
    let wanted = user.to_ascii_lowercase();
    let found = users.iter().find(|found| found["email"] == wanted.as_str());
    let id = found.and_then(|found| found["id"].as_str());
    id.map(str::to_owned)
        .ok_or_else(|| Failure::new(Exit::NotFound, format!("there is no user {user}")))
}
