//! `posthaste powerlist`: calling lists, and their contacts as files.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Context, import};
use crate::client::{Query, encode};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Column, text_at};

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("CONTACTS", "/contacts"),
    ("COUNTRY", "/default_country"),
    ("CREATED", "/created_at"),
];
const FIELDS: &[Column] = &[
    ("Id", "/id"),
    ("Name", "/name"),
    ("Description", "/description"),
    ("Country", "/default_country"),
    ("Contacts", "/contacts"),
    ("Created", "/created_at"),
    ("Updated", "/updated_at"),
];

#[derive(Debug, Args)]
pub struct PowerlistArgs {
    #[command(subcommand)]
    verb: PowerlistVerb,
}

#[derive(Debug, Subcommand)]
enum PowerlistVerb {
    /// List powerlists, newest first
    #[command(
        visible_alias = "list",
        before_help = "Examples:\n  posthaste powerlist ls\n  posthaste powerlist ls -o id"
    )]
    Ls {
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: usize,
    },
    /// Make a powerlist
    #[command(before_help = "Examples:\n  posthaste powerlist add 'Spring campaign'\n  posthaste \
                             powerlist add Berlin --country DE")]
    Add {
        name: String,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
        /// Where numbers are dialled from that say no country [default: US]
        #[arg(long, value_name = "CODE")]
        country: Option<String>,
    },
    /// Show a powerlist, by its name or id
    #[command(before_help = "Examples:\n  posthaste powerlist show Berlin\n  posthaste powerlist \
                             show pl_0123456789abc -o json")]
    Show { list: String },
    /// Give a powerlist another name
    #[command(before_help = "Examples:\n  posthaste powerlist rename Berlin Hamburg\n  posthaste \
                             powerlist rename pl_0123456789abc Hamburg")]
    Rename { list: String, name: String },
    /// Delete a powerlist with everybody on it
    #[command(
        before_help = "Examples:\n  posthaste powerlist rm Berlin\n  posthaste powerlist rm \
                             Berlin --yes"
    )]
    Rm {
        list: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Import a CSV file of contacts; Ctrl-C cancels
    #[command(before_help = "Examples:\n  posthaste powerlist import Berlin leads.csv\n  \
                             posthaste powerlist import Berlin leads.csv --map \
                             'Cell=phone_number' --yes --skipped skipped.csv")]
    Import(Box<import::ImportArgs>),
    /// Write the contacts of a powerlist as CSV
    #[command(before_help = "Examples:\n  posthaste powerlist export Berlin > berlin.csv\n  \
                             posthaste powerlist export Berlin --to berlin.csv")]
    Export {
        list: String,
        /// Instead of stdout
        #[arg(long, value_name = "FILE")]
        to: Option<String>,
    },
}

pub async fn run(arguments: PowerlistArgs, context: &Context) -> Outcome {
    match arguments.verb {
        PowerlistVerb::Ls { limit } => {
            let lists = context.client.list("/v1/powerlists", &Query::default(), limit).await?;
            context.output.list(&lists, COLUMNS);
        }
        PowerlistVerb::Add { name, description, country } => {
            let mut body = json!({ "name": name });
            for (member, text) in [("description", description), ("default_country", country)] {
                if let Some(text) = text {
                    body[member] = Value::from(text);
                }
            }
            let list = context.client.post("/v1/powerlists", &body).await?;
            context.output.one(&list, FIELDS);
        }
        PowerlistVerb::Show { list } => {
            context.output.one(&find(context, &list).await?, FIELDS);
        }
        PowerlistVerb::Rename { list, name } => {
            let path = path_of(&find(context, &list).await?);
            let list = context.client.patch(&path, &json!({ "name": name })).await?;
            context.output.one(&list, FIELDS);
        }
        PowerlistVerb::Rm { list, yes } => {
            let list = find(context, &list).await?;
            let (name, contacts) = (text_at(&list, "/name"), text_at(&list, "/contacts"));
            let question = format!("Delete the powerlist «{name}» with {contacts} contacts?");
            context.confirm(&question, yes)?;
            context.client.delete(&path_of(&list)).await?;
            context.output.say(&format!("deleted «{name}»"));
        }
        PowerlistVerb::Import(arguments) => return import::run(&arguments, context).await,
        PowerlistVerb::Export { list, to } => {
            let list = find(context, &list).await?;
            let path = format!("{}/contacts.csv", path_of(&list));
            save(context, &path, to.as_deref()).await?;
        }
    }
    Ok(Exit::Ok)
}

/// The list with that id or name.
pub async fn find(context: &Context, list: &str) -> Result<Value, Failure> {
    if list.starts_with("pl_") {
        return context.client.get(&format!("/v1/powerlists/{}", encode(list))).await;
    }
    let lists = context.client.list("/v1/powerlists", &Query::default(), usize::MAX).await?;
    let found = lists.into_iter().find(|found| found["name"] == list);
    found.ok_or_else(|| Failure::new(Exit::NotFound, format!("there is no powerlist {list:?}")))
}

pub fn path_of(list: &Value) -> String {
    format!("/v1/powerlists/{}", list["id"].as_str().unwrap_or_default())
}

/// Writes what the server sends to a file or to stdout, as it comes.
pub async fn save(context: &Context, path: &str, to: Option<&str>) -> Result<(), Failure> {
    let mut answer = context.client.download(path).await?;
    let failed =
        |error: std::io::Error| Failure::failed(format!("the file cannot be written: {error}"));
    let mut out: Box<dyn Write> = match to {
        Some(file) => Box::new(std::fs::File::create(file).map_err(failed)?),
        None => Box::new(std::io::stdout()),
    };
    loop {
        let piece = answer.next().await;
        let broken = |error| Failure::failed(format!("the file broke off: {error}"));
        let Some(piece) = piece.map_err(broken)? else { break };
        match out.write_all(&piece) {
            // Whoever read it has had enough (`| head`).
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.map_err(failed)?,
        }
    }
    out.flush().map_err(failed)
}
