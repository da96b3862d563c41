//! What each verb does. This file picks the verb and gives it what it works with.

pub mod account;
pub mod api_key;
pub mod contact;
pub mod delivery;
pub mod demo;
pub mod doctor;
pub mod event_type;
pub mod import;
pub mod inbound;
pub mod powerlist;
pub mod send;
pub mod sign;
pub mod simulate;
pub mod stats;
pub mod tail;
pub mod trigger;
pub mod try_it;
pub mod user;
pub mod verify;
pub mod webhook;

mod feed;
mod input;
mod openapi;
mod progress;
mod serve;
mod watch;

use std::io::{BufRead, IsTerminal};
use std::path::Path;
use std::time::Duration;

use posthaste_core::time::{Clock, Timestamp};

use crate::cli::{self, Cli, DEFAULT_URL, Global, Verb};
use crate::client::{Access, ApiClient};
use crate::config::DEFAULT_DATA;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, error_line, line};
use crate::system::SystemClock;

/// What the verbs that talk to a server work with.
pub struct Context {
    pub client: ApiClient,
    pub output: Output,
    pub no_input: bool,
}

impl Context {
    fn new(global: &Global, output: Output) -> Result<Context, Failure> {
        Ok(Context { client: ApiClient::new(access(global))?, output, no_input: global.no_input })
    }

    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// How long waiting for something to happen may take.
    pub fn patience(&self) -> Duration {
        self.client.access().timeout
    }

    /// Asks before something is lost. Without a person to ask, `--yes` must have said it.
    pub fn confirm(&self, question: &str, yes: bool) -> Result<(), Failure> {
        if yes {
            return Ok(());
        }
        if self.no_input || !std::io::stdin().is_terminal() {
            return Err(Failure::usage(format!("{question} Say --yes to do it without asking")));
        }
        error_line(&format!("{question} [y/N]"));
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        let agreed = matches!(answer.trim(), "y" | "Y" | "yes");
        if read.is_ok() && agreed { Ok(()) } else { Err(Failure::failed("nothing was done")) }
    }
}

/// Which server, and as whom. A server that was started with `--dev` in this folder keeps a key
/// in a file, so that trying things out needs no copying of keys.
pub fn access(global: &Global) -> Access {
    let url = global.url.as_deref().unwrap_or(DEFAULT_URL).trim_end_matches('/').to_owned();
    let key = global.key.clone().or_else(|| {
        let path = Path::new(DEFAULT_DATA).join(crate::first_start::DEV_KEY_FILE);
        let text = std::fs::read_to_string(path).ok().filter(|_| url == DEFAULT_URL)?;
        Some(text.trim().to_owned())
    });
    Access { url, key, account: global.account.clone(), timeout: global.timeout }
}

pub fn run(cli: Cli, output: Output) -> Outcome {
    let global = cli.global;
    match cli.verb {
        Verb::Serve(arguments) => serve::run(arguments, &output),
        Verb::Try(arguments) => try_it::run(&arguments, &output),
        Verb::Demo(arguments) => demo::run(&arguments, &output),
        Verb::Sign(arguments) => sign::run(&arguments, &output),
        Verb::Verify(arguments) => verify::run(&arguments, &output),
        Verb::Openapi => openapi::run(),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut cli::command(), "posthaste", &mut script);
            // Not right onto stdout: clap panics when the reader has left (`| head`).
            let script = String::from_utf8_lossy(&script);
            line(script.trim_end());
            Ok(Exit::Ok)
        }
        Verb::Trigger(arguments) if arguments.list => trigger::list(&output),
        Verb::Simulate(arguments) if arguments.dry_run => simulate::dry_run(&arguments),
        online => online_runtime()?.block_on(run_online(online, &global, output)),
    }
}

async fn run_online(verb: Verb, global: &Global, output: Output) -> Outcome {
    if let Verb::Doctor(arguments) = verb {
        return doctor::run(&arguments, access(global), &output).await;
    }
    let context = Context::new(global, output)?;
    match verb {
        Verb::Webhook(arguments) => webhook::run(arguments, &context).await,
        Verb::Inbound(arguments) => inbound::run(arguments, &context).await,
        Verb::Send(arguments) => send::run(&arguments, &context).await,
        Verb::Trigger(arguments) => trigger::run(&arguments, &context).await,
        Verb::Simulate(arguments) => simulate::run(&arguments, &context).await,
        Verb::Delivery(arguments) => delivery::run(arguments, &context).await,
        Verb::Tail(arguments) => tail::run(&arguments, &context).await,
        Verb::Stats(arguments) => stats::run(&arguments, &context).await,
        Verb::EventType(arguments) => event_type::run(&arguments, &context).await,
        Verb::Powerlist(arguments) => powerlist::run(arguments, &context).await,
        Verb::Contact(arguments) => contact::run(arguments, &context).await,
        Verb::Key(arguments) => api_key::run(arguments, &context).await,
        Verb::Account(arguments) => account::run(&arguments, &context).await,
        Verb::User(arguments) => user::run(arguments, &context).await,
        Verb::Serve(_)
        | Verb::Try(_)
        | Verb::Demo(_)
        | Verb::Sign(_)
        | Verb::Verify(_)
        | Verb::Doctor(_)
        | Verb::Completions { .. }
        | Verb::Openapi => unreachable!("these were run before"),
    }
}

/// One thread is plenty for a client.
fn online_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no runtime: {error}")))
}
