//! `posthaste doctor`: looks at everything a server needs of this machine, and at the server, and
//! says what to do about what is wrong.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use posthaste_core::time::{Clock, Timestamp};
use posthaste_dispatch::resolver::{Resolve, SystemResolver};
use posthaste_dispatch::tls::TrustRoots;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::client::{Access, ApiClient};
use crate::config::{Config, Settings};
use crate::exit::{Exit, Failure, Outcome};
use crate::open_files;
use crate::output::{Output, Tone, line};
use crate::system::SystemClock;

/// Looked up unless told otherwise: a name that is kept for such purposes.
const NAME: &str = "example.com";
const DNS_PATIENCE: Duration = Duration::from_secs(5);
/// Commits that are timed.
const SYNCS: u32 = 10;
/// A commit that takes longer holds up whoever posts events.
const SLOW_SYNC_MS: f64 = 20.0;
/// No clock that is right says less.
const BUILT_AFTER: &str = "2025-11-01T00:00:00Z";

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Settings file [default: ./posthaste.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "POSTHASTE_CONFIG")]
    config: Option<PathBuf>,
    /// Name to look up
    #[arg(long, value_name = "HOST", default_value = NAME)]
    name: String,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warn,
    Fail,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "fail",
        }
    }
}

/// What was found out about one thing.
struct Finding {
    name: &'static str,
    state: State,
    found: String,
    /// What to do about it; empty if nothing needs doing.
    advice: String,
}

impl Finding {
    fn ok(name: &'static str, found: impl Into<String>) -> Finding {
        Finding { name, state: State::Ok, found: found.into(), advice: String::new() }
    }

    fn warn(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { name, state: State::Warn, found: found.into(), advice: advice.into() }
    }

    fn fail(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Finding {
        Finding { name, state: State::Fail, found: found.into(), advice: advice.into() }
    }

    fn as_json(&self) -> Value {
        json!({
            "name": self.name,
            "status": self.state.as_str(),
            "found": self.found,
            "advice": self.advice,
        })
    }
}

pub async fn run(arguments: &DoctorArgs, access: Access, output: &Output) -> Outcome {
    let mut findings = Vec::new();
    let settings = Settings::from_file(arguments.config.as_deref())
        .and_then(|file| arguments.settings.clone().over(file).complete());
    let config = match settings {
        Ok(config) => {
            findings.push(Finding::ok("settings", "complete and right"));
            config
        }
        Err(error) => {
            let advice = "compare with posthaste.example.toml; the rest is looked at with defaults";
            findings.push(Finding::fail("settings", format!("{error:#}"), advice));
            Config::default()
        }
    };
    findings.push(names(&arguments.name).await);
    findings.push(trust(&config));
    findings.push(clock(SystemClock.now()));
    findings.push(disk(&config.data));
    findings.push(files());
    findings.push(egress(&config));
    findings.extend(server(access).await);

    let worst_is_fail = findings.iter().any(|finding| finding.state == State::Fail);
    if output.is_for_people() {
        findings.iter().for_each(|finding| show(output, finding));
    } else {
        let values: Vec<Value> = findings.iter().map(Finding::as_json).collect();
        output.list(&values, &[]);
    }
    Ok(if worst_is_fail { Exit::Failed } else { Exit::Ok })
}

fn show(output: &Output, finding: &Finding) {
    let (mark, tone) = match finding.state {
        State::Ok => ("✓ ok  ", Tone::Good),
        State::Warn => ("! warn", Tone::Waiting),
        State::Fail => ("✗ fail", Tone::Bad),
    };
    line(&format!("{} {:<10} {}", output.paint(tone, mark), finding.name, finding.found));
    if !finding.advice.is_empty() {
        line(&format!("       {:<10} {}", "", output.paint(Tone::Faint, &finding.advice)));
    }
}

async fn names(name: &str) -> Finding {
    let advice = "webhooks can only be reached by address; see /etc/resolv.conf";
    let resolver = match SystemResolver::new() {
        Ok(resolver) => resolver,
        Err(error) => return Finding::fail("names", error.to_string(), advice),
    };
    let started = Instant::now();
    match tokio::time::timeout(DNS_PATIENCE, resolver.resolve(name)).await {
        Ok(Ok(addresses)) => {
            let took_ms = started.elapsed().as_millis();
            Finding::ok("names", format!("{name} is {} ({took_ms} ms)", addresses[0]))
        }
        Ok(Err(error)) => Finding::warn("names", error.to_string(), advice),
        Err(_) => Finding::warn("names", format!("no answer about {name} in 5 s"), advice),
    }
}

fn trust(config: &Config) -> Finding {
    match TrustRoots::system(config.ca_file.as_deref()) {
        Ok(_) => match &config.ca_file {
            None => Finding::ok("TLS roots", "the built-in ones and this machine's"),
            Some(file) => Finding::ok("TLS roots", format!("also those of {}", file.display())),
        },
        Err(error) => Finding::fail("TLS roots", error.to_string(), "put ca_file right"),
    }
}

fn clock(now: Timestamp) -> Finding {
    let lowest = Timestamp::parse(BUILT_AFTER).expect("a time");
    if now < lowest {
        let advice = "set the clock (NTP): receivers refuse signatures older than five minutes";
        return Finding::fail("clock", format!("it is not {now}"), advice);
    }
    Finding::ok("clock", now.to_string())
}

/// Writes and syncs as the store does, in the folder it would use.
fn disk(data: &Path) -> Finding {
    let advice = "give the server a folder it may write to (--data)";
    // A folder that is not there yet will be made in the nearest one that is.
    let folder = data.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    match sync_ms(folder) {
        Err(error) => Finding::fail("disk", format!("{}: {error}", folder.display()), advice),
        Ok(ms) if ms > SLOW_SYNC_MS => Finding::warn(
            "disk",
            format!("{}: {ms:.1} ms per commit", folder.display()),
            "a commit waits for this: use a local SSD, not a network folder",
        ),
        Ok(ms) => Finding::ok("disk", format!("{}: {ms:.1} ms per commit", folder.display())),
    }
}

fn sync_ms(folder: &Path) -> std::io::Result<f64> {
    let path = folder.join(format!(".posthaste-doctor-{}", std::process::id()));
    let result = timed_syncs(&path);
    let removed = std::fs::remove_file(&path);
    let took = result?;
    removed?;
    Ok(took.as_secs_f64() * 1_000.0 / f64::from(SYNCS))
}

fn timed_syncs(path: &Path) -> std::io::Result<Duration> {
    let mut file = File::create_new(path)?;
    let started = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
    }
    Ok(started.elapsed())
}

fn files() -> Finding {
    match open_files::raise() {
        None => Finding::ok("open files", "unlimited"),
        Some(limit) if limit >= open_files::WANTED => {
            Finding::ok("open files", format!("up to {limit}"))
        }
        Some(limit) => Finding::warn(
            "open files",
            format!("up to {limit}, a busy server uses {}", open_files::WANTED),
            "raise it: ulimit -Hn, or LimitNOFILE= in the unit",
        ),
    }
}

fn egress(config: &Config) -> Finding {
    let allowed = &config.egress_allow;
    let dev = if config.dev { ", and this machine (dev)" } else { "" };
    if allowed.is_empty() {
        return Finding::ok("egress", format!("public addresses over https{dev}"));
    }
    let everything = allowed.iter().any(|entry| entry.ends_with("/0"));
    let found = format!("public addresses over https, and {}{dev}", allowed.join(", "));
    if everything {
        let advice = "customers' webhooks can reach your inner network: name networks instead";
        return Finding::warn("egress", found, advice);
    }
    Finding::ok("egress", found)
}

async fn server(access: Access) -> Vec<Finding> {
    let url = access.url.clone();
    let has_key = access.key.is_some();
    let client = match ApiClient::new(access) {
        Ok(client) => client,
        Err(failure) => return vec![Finding::fail("server", failure.message, "")],
    };
    if let Err(failure) = client.get("/healthz").await {
        return vec![Finding::warn("server", failure.message, "")];
    }
    let mut findings = vec![match client.get("/readyz").await {
        Ok(_) => Finding::ok("server", format!("{url} is ready")),
        Err(failure) => Finding::fail("server", failure.message, "see the server's log"),
    }];
    findings.push(key(&client, has_key).await);
    findings
}

async fn key(client: &ApiClient, has_key: bool) -> Finding {
    if !has_key {
        return Finding::warn("key", "none was given", "give one with --key or PH_KEY");
    }
    match client.get("/v1/webhooks?limit=1").await {
        Ok(_) => Finding::ok("key", "the server knows it"),
        // A key that may only publish is a good key.
        Err(Failure { problem: Some(problem), .. }) if problem["code"] == "forbidden" => {
            Finding::ok("key", "the server knows it; it may not read")
        }
        Err(failure) => Finding::fail("key", failure.message, "make another: posthaste key add"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_from_before_the_program_is_wrong() {
        assert_eq!(clock(Timestamp::EPOCH).state, State::Fail);
        assert_eq!(clock(SystemClock.now()).state, State::Ok);
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_judged_by_its_parent() {
        let folder = tempfile::tempdir().unwrap();
        let finding = disk(&folder.path().join("not/there/yet"));
        assert_ne!(finding.state, State::Fail, "{}", finding.found);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn an_open_door_is_pointed_at() {
        let check = |allow: &[&str], expected: State| {
            let egress_allow = allow.iter().map(|entry| (*entry).to_owned()).collect();
            let config = Config { egress_allow, ..Config::default() };
            assert_eq!(egress(&config).state, expected, "{allow:?}");
        };
        check(&[], State::Ok);
        check(&["10.1.0.0/16"], State::Ok);
        check(&["0.0.0.0/0"], State::Warn);
    }
}
