//! `posthaste demo`: a server with everything that happens to one, to look at. Receivers of every
//! temper (at the server's own test inbox, but for the dead one), and life-like traffic for them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use posthaste_core::simulation::{Plan, Simulation};
use posthaste_core::time::{Clock, Timestamp};
use serde_json::{Value, json};

use super::feed::{Fed, Until, feed};
use super::serve::{INBOX_PATH, RECEIVE_PATH, own_client, runtime, stop_signal};
use super::simulate::{Line, new_seed, parse_bounded_rate};
use crate::client::{ApiClient, Query};
use crate::config::{Config, DEFAULT_LISTEN, Settings};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, Tone, line, text_at};
use crate::serve::Server;
use crate::system::SystemClock;
use crate::telemetry;

/// A minute or two of life, posted at once, so that there is something to see from the start.
const HEAD_START_EVENTS: u64 = 1_500;
const HEAD_START_RATE: f64 = 1_000.0;
/// At which nobody listens: it is the port of a service that no machine has had for decades.
const DEAD_URL: &str = "http://127.0.0.1:9/hooks/dialer";
/// Before the slowest answer of the flaky receiver.
const FLAKY_TIMEOUT_MS: u64 = 2_000;

/// Delays in milliseconds and how often.
const SLOW: &[(u64, u64)] = &[
    (120, 20),
    (180, 25),
    (260, 25),
    (380, 20),
    (550, 15),
    (800, 10),
    (1_200, 6),
    (1_900, 3),
    (3_000, 1),
];
/// What the flaky receiver answers is no fault of the server, although the server answers it.
const LOG_LEVEL: &str = "warn,posthaste_api::layers=error";

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Folder that holds everything; a second start goes on with it
    #[arg(long, value_name = "DIR", default_value = "./demo-data")]
    data: PathBuf,
    /// Address and port for the API and the dashboard; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_LISTEN)]
    listen: SocketAddr,
    /// Events per second, as in 15/s or 300/min
    #[arg(long, value_name = "RATE", default_value = "15/s", value_parser = parse_bounded_rate)]
    rate: f64,
    /// Whose events they are [default: another company's each time]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// A webhook of the demonstration.
struct Receiver {
    title: &'static str,
    /// Its name at the test inbox; none for the one that is not there.
    name: Option<&'static str>,
    temper: &'static str,
    events: &'static [&'static str],
    /// What the inbox answers for it.
    answer: Value,
    /// Settings beyond title, URL and event types.
    settings: Value,
    paused: bool,
}

fn receivers() -> Vec<Receiver> {
    let usual = |title, name, temper, events, answer| Receiver {
        title,
        name: Some(name),
        temper,
        events,
        answer,
        settings: json!({}),
        paused: false,
    };
    vec![
        usual(
            "CRM Integration",
            "crm",
            "good: answers 200 at once",
            &["call.ended", "contact", "contact.delete", "lead.generated", "appointment.scheduled"],
            json!({ "choices": spread(&[(20, 4), (35, 4), (60, 2)]) }),
        ),
        usual(
            "Analytics Sync",
            "analytics",
            "slow: takes 0.1 to 3 seconds",
            &["*"],
            json!({ "choices": spread(SLOW) }),
        ),
        Receiver {
            settings: json!({
                "timeout_ms": FLAKY_TIMEOUT_MS,
                "retry_delays_s": [0, 5, 15, 45, 120],
            }),
            ..usual(
                "Billing",
                "billing",
                "flaky: 500, 503, 429 and timeouts now and then",
                &["call.ended", "sms.sent", "sms.failed"],
                flaky(),
            )
        },
        Receiver {
            name: None,
            settings: json!({ "retry_delays_s": [0, 10, 30, 90] }),
            ..usual(
                "Old dialer",
                "",
                "dead: nobody listens, so deliveries fail",
                &["campaign.*", "agent.performance"],
                json!({}),
            )
        },
        Receiver {
            paused: true,
            ..usual(
                "Data warehouse",
                "warehouse",
                "paused: its deliveries wait until you resume it",
                &["campaign.*", "lead.generated", "appointment.scheduled"],
                json!({ "status": 200 }),
            )
        },
        usual(
            "Retired automation",
            "retired",
            "gone: answers 410, which disables it",
            &["agent.status_changed"],
            json!({ "status": 410 }),
        ),
    ]
}

/// Some 30 % of the answers help nobody.
fn flaky() -> Value {
    json!({ "choices": [
        { "status": 200, "delay_ms": 40, "weight": 45 },
        { "status": 204, "delay_ms": 90, "weight": 27 },
        { "status": 500, "delay_ms": 30, "weight": 14 },
        { "status": 503, "delay_ms": 10, "weight": 6 },
        { "status": 429, "delay_ms": 5, "weight": 2, "retry_after_s": 3 },
        { "status": 200, "delay_ms": 2 * FLAKY_TIMEOUT_MS, "weight": 6 },
    ] })
}

/// Answers of 200 with these delays and weights.
fn spread(delays: &[(u64, u64)]) -> Value {
    let choice =
        |(delay_ms, weight): &(u64, u64)| json!({ "delay_ms": delay_ms, "weight": weight });
    delays.iter().map(choice).collect()
}

pub fn run(arguments: &DemoArgs, output: &Output) -> Outcome {
    let settings = Settings {
        listen: Some(arguments.listen),
        data: Some(arguments.data.clone()),
        dev: Some(true),
        log_level: Some(LOG_LEVEL.to_owned()),
        ..Settings::default()
    };
    let config = settings.complete()?;
    telemetry::start(config.log_filter()?, config.log_format);
    runtime()?.block_on(demonstrate(arguments, &config, output))
}

async fn demonstrate(arguments: &DemoArgs, config: &Config, output: &Output) -> Outcome {
    let stop = stop_signal()
        .map_err(|error| Failure::failed(format!("signals cannot be listened to: {error}")))?;
    let server = Server::start(config).await?;
    let client = own_client(&server)?;
    let url = server.url();
    let link = server.link.as_ref().map(|token| format!("{url}{}", token.link_path()));
    let seed = arguments.seed.unwrap_or_else(new_seed);
    let mut fed = Ok(Fed::default());
    let feeding = async {
        fed = match set_up(&client, &url).await {
            Ok(()) => {
                greet(output, &url, link.as_deref(), arguments, seed);
                let mut shown = Line::new(output, None);
                let fed = feed_all(&client, arguments.rate, seed, stop, &mut shown).await;
                shown.end();
                fed
            }
            Err(failure) => Err(failure),
        };
    };
    server.run_until(feeding).await?;
    let fed = fed?;
    output.say(&format!("stopped after {} events; {}", fed.events, again(arguments)));
    Ok(Exit::Ok)
}

/// The head start, then what comes from minute to minute, until the stop.
async fn feed_all(
    client: &ApiClient,
    rate: f64,
    seed: u64,
    stop: impl Future<Output = ()>,
    shown: &mut Line<'_>,
) -> Result<Fed, Failure> {
    let start = head_start(SystemClock.now(), rate);
    let mut simulation = Simulation::new(&Plan { seed, start, rate, powerlists: Vec::new() });
    tokio::pin!(stop);
    let until = Until { count: Some(HEAD_START_EVENTS), time: None };
    let first = feed(client, &mut simulation, HEAD_START_RATE, until, &mut stop, shown).await?;
    if first.was_stopped {
        return Ok(first);
    }
    let fed = feed(client, &mut simulation, rate, Until::default(), stop, shown).await?;
    Ok(Fed { events: first.events + fed.events, ..fed })
}

/// When the company began, so that it has arrived at now when its head start is posted.
fn head_start(now: Timestamp, rate: f64) -> Timestamp {
    let lasted = HEAD_START_EVENTS as f64 / rate;
    now.saturating_sub(std::time::Duration::from_secs_f64(lasted))
}

/// Webhooks that are there already keep what was made of them; only the port may have changed.
async fn set_up(client: &ApiClient, url: &str) -> Result<(), Failure> {
    let webhooks = client.list("/v1/webhooks", &Query::default(), usize::MAX).await?;
    for receiver in receivers() {
        let target = match receiver.name {
            Some(name) => {
                client.put(&format!("/v1/inbox/answer/{name}"), &receiver.answer).await?;
                format!("{url}{RECEIVE_PATH}/{name}")
            }
            None => DEAD_URL.to_owned(),
        };
        match webhooks.iter().find(|webhook| webhook["title"] == receiver.title) {
            Some(webhook) if webhook["url"] == target.as_str() => {}
            Some(webhook) => {
                let path = format!("/v1/webhooks/{}", text_at(webhook, "/id"));
                client.patch(&path, &json!({ "url": target })).await?;
            }
            None => create(client, &receiver, &target).await?,
        }
    }
    Ok(())
}

async fn create(client: &ApiClient, receiver: &Receiver, target: &str) -> Result<(), Failure> {
    let mut body = json!({
        "title": receiver.title,
        "direction": "outbound",
        "url": target,
        "events": receiver.events,
        "description": format!("A receiver of the demonstration, {}.", receiver.temper),
    });
    if let Value::Object(settings) = receiver.settings.clone() {
        body.as_object_mut().expect("written just now").extend(settings);
    }
    let webhook = client.post("/v1/webhooks", &body).await?;
    if receiver.paused {
        let path = format!("/v1/webhooks/{}/pause", text_at(&webhook, "/id"));
        client.post(&path, &json!({})).await?;
    }
    Ok(())
}

fn greet(output: &Output, url: &str, link: Option<&str>, arguments: &DemoArgs, seed: u64) {
    let item = |name: &str, text: &str| {
        line(&format!("  {} {text}", output.paint(Tone::Faint, &format!("{name:<18}"))));
    };
    line("A company that calls and texts people, and the receivers of its events:");
    for receiver in receivers() {
        item(receiver.title, receiver.temper);
    }
    line("");
    line("What to look at:");
    item("Webhooks", &format!("{url}/setup/webhooks  (View Endpoints: how each receiver does)"));
    item("Deliveries", &format!("{url}/deliveries  (Live; open one that is retrying)"));
    item("Charts", &format!("{url}/metrics  (failures, response times, retries)"));
    item("Inbox", &format!("{url}{INBOX_PATH}  (what arrives, and that every signature verifies)"));
    line("");
    item("Traffic", &format!("{} events/s, seed {seed}", arguments.rate));
    item("Data", &arguments.data.display().to_string());
    if let Some(link) = link {
        item("Sign in", &format!("{link}  (once, within a day)"));
    }
    line("");
    // Scripts and tests wait for this line.
    line(&format!("listening on {url}"));
    output.say("Ctrl-C ends it");
}

fn again(arguments: &DemoArgs) -> String {
    let folder = arguments.data.display();
    format!("{folder} is kept, and the next start goes on with it")
}

#[cfg(test)]
mod tests {
    use posthaste_core::event_type::EventPattern;

    use super::*;

    #[test]
    fn the_company_arrives_at_now_with_its_head_start() {
        let now = Timestamp::parse("2025-01-15T14:30:00Z").expect("a time");
        assert_eq!(head_start(now, 15.0).to_string(), "2025-01-15T14:28:20.000Z");
    }

    #[test]
    fn every_receiver_wants_event_types_that_there_are() {
        for receiver in receivers() {
            for pattern in receiver.events {
                assert!(EventPattern::parse(pattern).is_ok(), "{}: {pattern}", receiver.title);
            }
        }
    }
}
