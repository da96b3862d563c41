//! The command line as it is typed: verbs, flags, their help. What a verb does stands in
//! `commands`, one file each.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::commands::{
    account, api_key, contact, delivery, demo, doctor, event_type, inbound, powerlist, send, sign,
    simulate, stats, tail, trigger, try_it, user, verify, webhook,
};
use crate::config::Settings;
use crate::output::{ColorChoice, Format};

pub const DEFAULT_URL: &str = "http://127.0.0.1:8080";

const AFTER_HELP: &str = "\
Exit codes:
  0 done   1 failed   2 wrong usage   3 not found   4 not allowed   5 a delivery failed   6 timed out

Without --key, the key that `posthaste serve --dev` keeps in ./posthaste-data/dev-key is used, if
the server is the one at the default URL.";

#[derive(Debug, Parser)]
#[command(
    name = "posthaste",
    version,
    about = "Sends webhooks: the server, its client and its tools in one program",
    before_help = "Examples:\n  posthaste try\n  posthaste serve --dev",
    after_help = AFTER_HELP,
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The server to talk to [default: http://127.0.0.1:8080]
    #[arg(long, value_name = "URL", env = "PH_URL", help_heading = "Everywhere")]
    pub url: Option<String>,

    /// API key
    #[arg(
        long,
        value_name = "KEY",
        env = "PH_KEY",
        hide_env_values = true,
        global = true,
        help_heading = "Everywhere"
    )]
    pub key: Option<String>,

    /// Account to act for, by name; for platform keys [default: default]
    #[arg(
        long,
        value_name = "NAME",
        env = "PH_ACCOUNT",
        global = true,
        help_heading = "Everywhere"
    )]
    pub account: Option<String>,

    /// How to print results [default: table on a terminal, jsonl in a pipe]
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        global = true,
        help_heading = "Everywhere"
    )]
    pub output: Option<Format>,

    /// Print results and errors only
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    pub quiet: bool,

    /// Colours; NO_COLOR is obeyed
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        global = true,
        help_heading = "Everywhere",
        hide_possible_values = true
    )]
    pub color: ColorChoice,

    #[arg(long, env = "NO_COLOR", hide = true, global = true)]
    pub no_color: Option<String>,

    /// Longest wait for an answer, such as 30s or 2m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_duration,
          global = true, help_heading = "Everywhere")]
    pub timeout: Duration,

    /// Never ask: what would need an answer fails instead
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub no_input: bool,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the server
    #[command(before_help = "Examples:\n  posthaste serve --dev\n  posthaste serve --listen \
                             0.0.0.0:8080 --data /var/lib/posthaste")]
    Serve(ServeArgs),

    /// See it work: a server, a webhook, an event of every type, the verdict on every signature
    #[command(before_help = "Examples:\n  posthaste try\n  posthaste try -o json")]
    Try(try_it::TryArgs),

    /// See it live: a server, receivers that are good, slow, flaky and dead, and life-like traffic
    #[command(before_help = "Examples:\n  posthaste demo\n  posthaste demo --rate 50/s --data \
                             /tmp/posthaste-demo")]
    Demo(demo::DemoArgs),

    /// Webhooks: list, add, change, pause, test
    #[command(
        visible_alias = "webhooks",
        before_help = "Examples:\n  posthaste webhook ls\n  posthaste webhook add CRM --url \
                             https://crm.example/hook --event call.ended"
    )]
    Webhook(webhook::WebhookArgs),

    /// Inbound webhooks: list, add, test, the requests that came
    #[command(
        before_help = "Examples:\n  posthaste inbound add CRM --powerlist pl_…\n  posthaste \
                             inbound requests 3 --verdict invalid"
    )]
    Inbound(inbound::InboundArgs),

    /// Post an event
    #[command(
        before_help = "Examples:\n  posthaste send call.ended -d '{\"call_id\":\"c_1\"}'\n  \
                             posthaste send call.ended -d @event.json --wait"
    )]
    Send(send::SendArgs),

    /// Post a sample event, changed to taste
    #[command(before_help = "Examples:\n  posthaste trigger call.ended --set \
                             data.call_duration=5\n  posthaste trigger --list")]
    Trigger(trigger::TriggerArgs),

    /// Post the traffic of a company that calls and texts people, made up but life-like
    #[command(before_help = "Examples:\n  posthaste simulate --rate 20/s --for 10m\n  posthaste \
                             simulate --dry-run --seed 7 --count 100")]
    Simulate(simulate::SimulateArgs),

    /// Deliveries: list, look into, try again, cancel
    #[command(
        visible_alias = "deliveries",
        before_help = "Examples:\n  posthaste delivery ls --status failed --since 1h\n  \
                             posthaste delivery show dlv_0123456789abc --timeline"
    )]
    Delivery(delivery::DeliveryArgs),

    /// Watch deliveries live, until Ctrl-C
    #[command(before_help = "Examples:\n  posthaste tail\n  posthaste tail --webhook '#3' \
                             --status failed -o jsonl")]
    Tail(tail::TailArgs),

    /// Numbers over time: events, attempts, failures, response times
    #[command(before_help = "Examples:\n  posthaste stats\n  posthaste stats --webhook '#3' \
                             --last 24h")]
    Stats(stats::StatsArgs),

    /// The catalogue of event types
    #[command(
        visible_alias = "event-types",
        before_help = "Examples:\n  posthaste event-type ls\n  posthaste event-type show \
                             call.ended"
    )]
    EventType(event_type::EventTypeArgs),

    /// Powerlists: list, add, import, export
    #[command(
        visible_alias = "powerlists",
        before_help = "Examples:\n  posthaste powerlist ls\n  posthaste powerlist import Berlin \
                             leads.csv"
    )]
    Powerlist(powerlist::PowerlistArgs),

    /// Contacts: list, show, add, remove
    #[command(
        visible_alias = "contacts",
        before_help = "Examples:\n  posthaste contact ls Berlin\n  posthaste contact add Berlin \
                             '030 123456'"
    )]
    Contact(contact::ContactArgs),

    /// API keys: list, add, remove
    #[command(
        visible_alias = "keys",
        before_help = "Examples:\n  posthaste key ls\n  posthaste key add crm-sync --role \
                             publish"
    )]
    Key(api_key::KeyArgs),

    /// Accounts: list, add
    #[command(
        visible_alias = "accounts",
        before_help = "Examples:\n  posthaste account ls\n  posthaste account add acme"
    )]
    Account(account::AccountArgs),

    /// Users: list, invite, let in again, remove
    #[command(
        visible_alias = "users",
        before_help = "Examples:\n  posthaste user ls\n  posthaste user link owner@localhost"
    )]
    User(user::UserArgs),

    /// Sign a body, offline: prints every signature header
    #[command(before_help = "Examples:\n  posthaste sign --secret \
                             whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw < body.json\n  posthaste sign \
                             --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw --id \
                             evt_00f3w5g400200 < body.json")]
    Sign(sign::SignArgs),

    /// Verify what a receiver got, offline, and say why it does not verify
    #[command(before_help = "Examples:\n  posthaste verify --secret \
                             whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw --headers headers.txt < \
                             body.json\n  posthaste verify --secret \
                             whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw -H 'x-webhook-signature: \
                             6d2f' < body.json")]
    Verify(verify::VerifyArgs),

    /// Check this machine and the server: names, TLS, clock, disk, limits, key
    #[command(before_help = "Examples:\n  posthaste doctor\n  posthaste doctor --data \
                             /var/lib/posthaste -o json")]
    Doctor(doctor::DoctorArgs),

    /// Print completions for a shell
    #[command(before_help = "Examples:\n  posthaste completions bash > \
                             /etc/bash_completion.d/posthaste\n  posthaste completions zsh > \
                             ~/.zfunc/_posthaste")]
    Completions { shell: Shell },

    /// Print the API's description (OpenAPI 3.1)
    #[command(
        before_help = "Examples:\n  posthaste openapi > openapi.json\n  posthaste openapi | \
                             jq .info.version"
    )]
    Openapi,
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Settings file [default: ./posthaste.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "POSTHASTE_CONFIG")]
    pub config: Option<PathBuf>,

    #[command(flatten)]
    pub settings: Settings,
}

/// The id of the `--url` that every verb takes that talks to a server, unless it has one of its
/// own.
const SERVER_URL: &str = "server_url";

/// The whole command line, as completions and tests see it.
///
/// `--url` names the server behind every verb, but `webhook add --url` is the webhook's own (there
/// the server stands before the verb, or in `PH_URL`). clap's global flags cannot step aside for
/// a verb, so this one is handed down by hand.
pub fn command() -> clap::Command {
    without_empty_variables(Cli::command().mut_subcommands(with_server_url))
}

/// An empty variable is how a compose file says that there is none.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let command = command.mut_subcommands(without_empty_variables);
    command.mut_args(|argument| {
        let value = argument.get_env().and_then(std::env::var_os);
        if value.is_some_and(|value| value.is_empty()) { argument.env(None) } else { argument }
    })
}

/// These talk to no server, or start it.
const WITHOUT_SERVER: [&str; 7] =
    ["serve", "try", "demo", "sign", "verify", "completions", "openapi"];

fn with_server_url(command: clap::Command) -> clap::Command {
    let has_own = command.get_arguments().any(|argument| argument.get_long() == Some("url"));
    let command = command.mut_subcommands(with_server_url);
    let talks_to_none = WITHOUT_SERVER.contains(&command.get_name());
    if has_own || talks_to_none || command.has_subcommands() {
        return command;
    }
    command.arg(
        clap::Arg::new(SERVER_URL)
            .long("url")
            .value_name("URL")
            .help("The server to talk to [env: PH_URL] [default: http://127.0.0.1:8080]")
            .help_heading("Everywhere"),
    )
}

/// Reads the arguments of this process; on wrong usage, help or version the process ends here.
pub fn parse() -> Cli {
    parse_from(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

pub fn parse_from<I, T>(arguments: I) -> Result<Cli, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<std::ffi::OsString> + Clone,
{
    let matches = command().try_get_matches_from(arguments)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    let mut level = &matches;
    while let Some((_, below)) = level.subcommand() {
        level = below;
    }
    if let Ok(Some(url)) = level.try_get_one::<String>(SERVER_URL) {
        cli.global.url = Some(url.clone());
    }
    Ok(cli)
}

/// `500ms`, `30s`, `5m`, `1h`, `7d`; a bare number is seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time such as 30s, 5m, 1h or 7d");
    let digits_end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    let unit_ms = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    count.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn durations_are_read_with_their_unit() {
        let check = |text: &str, expected: Option<u64>| {
            let read = parse_duration(text).ok().map(|duration| duration.as_millis());
            assert_eq!(read, expected.map(u128::from), "{text}");
        };
        check("30s", Some(30_000));
        check("30", Some(30_000));
        check("500ms", Some(500));
        check("5m", Some(300_000));
        check("7d", Some(604_800_000));
        check("soon", None);
        check("1w", None);
        check("", None);
        check("99999999999999999999d", None);
    }

    #[test]
    fn url_names_the_server_except_where_a_webhook_has_one_of_its_own() {
        let check = |line: &str, expected: Option<&str>| {
            let cli = parse_from(line.split(' ')).expect(line);
            assert_eq!(cli.global.url.as_deref(), expected, "{line}");
        };
        check("posthaste webhook ls --url http://one.test", Some("http://one.test"));
        check("posthaste --url http://one.test webhook ls", Some("http://one.test"));
        check("posthaste doctor --url http://one.test", Some("http://one.test"));
        check(
            "posthaste --url http://one.test webhook add CRM --url http://two.test --event *",
            Some("http://one.test"),
        );
    }

    #[test]
    fn who_talks_to_no_server_takes_no_url() {
        for verb in WITHOUT_SERVER {
            let line = ["posthaste", verb, "--url", "http://one.test"];
            let refused = parse_from(line).expect_err(verb).to_string();
            assert!(refused.contains("'--url'"), "{verb}: {refused}");
        }
    }

    /// Parts a line of help as a shell would, as far as our examples go.
    fn words(line: &str) -> Vec<String> {
        let line = line.split(['<', '>', '|']).next().unwrap_or_default().trim();
        let mut words = vec![String::new()];
        let mut quote = None;
        for letter in line.chars() {
            match (quote, letter) {
                (Some(open), letter) if open == letter => quote = None,
                (None, '\'' | '"') => quote = Some(letter),
                (None, ' ') => words.push(String::new()),
                (_, letter) => words.last_mut().expect("never empty").push(letter),
            }
        }
        words
    }

    fn check_examples(path: &str, command: &clap::Command) {
        let help = command.get_before_help().map(ToString::to_string).unwrap_or_default();
        let mut lines = help.lines();
        assert_eq!(lines.next(), Some("Examples:"), "{path}");
        let examples: Vec<&str> = lines.collect();
        assert_eq!(examples.len(), 2, "{path}: {help}");
        for example in examples {
            let cli = parse_from(words(example.trim()));
            assert!(cli.is_ok(), "{path}: {example}: {}", cli.expect_err("an error"));
        }
        for below in command.get_subcommands() {
            check_examples(&format!("{path} {}", below.get_name()), below);
        }
    }

    #[test]
    fn the_help_of_every_verb_begins_with_two_examples_that_parse() {
        check_examples("posthaste", &command());
    }
}
