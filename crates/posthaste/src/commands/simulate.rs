//! `posthaste simulate`: posts the life-like traffic of `core::simulation` at a rate, or prints it.

use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use posthaste_core::id::PowerlistId;
use posthaste_core::simulation::{Plan, Simulation};
use posthaste_core::time::{Clock, Entropy, Timestamp};
use serde_json::Value;

use super::feed::{Fed, Until, Watch, body_of, feed};
use super::trigger::parse_rate;
use super::{Context, input, serve};
use crate::cli::parse_duration;
use crate::client::Query;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Column, Output, text_at, try_line};
use crate::system::{OsEntropy, SystemClock};

const SUMMARY: &[Column] = &[
    ("Events", "/events"),
    ("Deliveries", "/deliveries"),
    ("Seconds", "/duration_s"),
    ("Per second", "/rate_per_s"),
    ("Refused requests", "/refused_requests"),
    ("Seed", "/seed"),
];
/// What is far beyond any server that this could be pointed at.
const RATE_MAX: f64 = 1_000_000.0;
/// An event in a quarter of an hour: nobody waits for less.
const RATE_MIN: f64 = 0.001;
const SPEED_MAX: u32 = 100_000;
/// More lists than a company has that anybody would look at.
const POWERLISTS_MAX: usize = 20;

#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Events per second, as in 20/s or 300/min
    #[arg(long, value_name = "RATE", default_value = "20/s", value_parser = parse_bounded_rate)]
    rate: f64,
    /// The same seed and --start give the same events [default: another one each time]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// End after this time, such as 10m [default: at Ctrl-C]
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    time: Option<Duration>,
    /// End after so many events
    #[arg(long, value_name = "COUNT", conflicts_with = "time",
          value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// How many times as fast as in life the company's time passes; it ends now, so it began that
    /// much longer ago. Needs --for or --count
    #[arg(long, value_name = "FACTOR", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(SPEED_MAX)))]
    speed: u32,
    /// The time of the first event: 1h ago, or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// A powerlist that the contacts are on. Repeatable [default: those of the server, or made-up
    /// ones]
    #[arg(long, value_name = "ID", value_parser = parse_powerlist)]
    powerlist: Vec<PowerlistId>,
    /// Print the events as JSON lines instead, as fast as they are read; needs no server
    #[arg(long)]
    pub dry_run: bool,
}

impl SimulateArgs {
    fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(new_seed)
    }

    fn plan(
        &self,
        now: Timestamp,
        seed: u64,
        powerlists: Vec<PowerlistId>,
    ) -> Result<Plan, Failure> {
        let lasts = match (self.time, self.count) {
            (Some(time), _) => Some(time),
            (None, Some(count)) => {
                let lasts = Duration::try_from_secs_f64(count as f64 / self.rate);
                Some(lasts.unwrap_or(Duration::MAX))
            }
            (None, None) => None,
        };
        let start = match (&self.start, self.speed, lasts) {
            (Some(start), _, _) => input::moment(now, start)?,
            (None, 1, _) => now,
            (None, speed, Some(lasts)) => now.saturating_sub(lasts.saturating_mul(speed - 1)),
            (None, _, None) => {
                let message = "--speed needs to know when it ends: say --for, --count or --start";
                return Err(Failure::usage(message));
            }
        };
        Ok(Plan { seed, start, rate: self.rate / f64::from(self.speed), powerlists })
    }

    fn count_by_time(&self) -> Option<u64> {
        self.count.or(self.time.map(|time| (time.as_secs_f64() * self.rate) as u64))
    }
}

pub fn parse_bounded_rate(text: &str) -> Result<f64, String> {
    let rate = parse_rate(text)?;
    if (RATE_MIN..=RATE_MAX).contains(&rate) {
        return Ok(rate);
    }
    Err(format!("{text:?} is not from {RATE_MIN} to {RATE_MAX} a second"))
}

fn parse_powerlist(text: &str) -> Result<PowerlistId, String> {
    PowerlistId::parse(text).map_err(|invalid| invalid.to_string())
}

/// One that can be typed again.
pub fn new_seed() -> u64 {
    let mut bytes = [0_u8; 4];
    OsEntropy.fill(&mut bytes);
    u64::from(u32::from_ne_bytes(bytes))
}

/// Each line is the body of a publication.
pub fn dry_run(arguments: &SimulateArgs) -> Outcome {
    let now = SystemClock.now();
    let plan = arguments.plan(now, arguments.seed(), arguments.powerlist.clone())?;
    let count = arguments.count_by_time().unwrap_or(u64::MAX);
    for (_, event) in (0..count).zip(Simulation::new(&plan)) {
        // Whoever has read enough (`| head`) leaves.
        if try_line(body_of(&event)).is_err() {
            break;
        }
    }
    Ok(Exit::Ok)
}

pub async fn run(arguments: &SimulateArgs, context: &Context) -> Outcome {
    let stop = serve::stop_signal()
        .map_err(|error| Failure::failed(format!("signals cannot be listened to: {error}")))?;
    let seed = arguments.seed();
    let powerlists = match arguments.powerlist.as_slice() {
        [] => powerlists_of(context).await?,
        given => given.to_vec(),
    };
    let plan = arguments.plan(context.now(), seed, powerlists)?;
    let url = &context.client.access().url;
    let rate = arguments.rate;
    context.output.say(&format!("posting {rate} events/s to {url}, seed {seed}; Ctrl-C ends it"));
    let until = Until { count: arguments.count, time: arguments.time };
    let mut line = Line::new(&context.output, arguments.count_by_time());
    let mut simulation = Simulation::new(&plan);
    let fed = feed(&context.client, &mut simulation, rate, until, stop, &mut line).await;
    line.end();
    let mut summary = fed?.as_json();
    summary["seed"] = Value::from(seed);
    context.output.one(&summary, SUMMARY);
    Ok(Exit::Ok)
}

/// The server's own lists. Where it has none, or shows none to this key, they are made up.
async fn powerlists_of(context: &Context) -> Result<Vec<PowerlistId>, Failure> {
    match context.client.list("/v1/powerlists", &Query::default(), POWERLISTS_MAX).await {
        Ok(lists) => {
            let ids = lists.iter().map(|list| PowerlistId::parse(&text_at(list, "/id")));
            Ok(ids.filter_map(Result::ok).collect())
        }
        Err(failure) if matches!(failure.exit, Exit::NotFound | Exit::NotAllowed) => Ok(Vec::new()),
        Err(failure) => Err(failure),
    }
}

/// What is seen of it while it runs.
pub struct Line<'a> {
    bar: ProgressBar,
    output: &'a Output,
}

impl Line<'_> {
    pub fn new(output: &Output, count: Option<u64>) -> Line<'_> {
        let bar = if output.shows_progress() {
            let template = match count {
                Some(_) => "{bar:30} {pos}/{len} events  {msg}  {elapsed}",
                None => "{spinner} {pos} events  {msg}  {elapsed}",
            };
            let style = ProgressStyle::with_template(template).expect("the template is right");
            count.map_or_else(ProgressBar::new_spinner, ProgressBar::new).with_style(style)
        } else {
            ProgressBar::hidden()
        };
        Line { bar, output }
    }

    pub fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Line<'_> {
    fn progress(&mut self, fed: &Fed) {
        self.bar.set_position(fed.events);
        self.bar.set_message(format!("{:.1}/s  {} refused", fed.rate(), fed.refused));
    }

    fn refused(&mut self, failure: &Failure, pause: Duration) {
        let pause = pause.as_secs();
        self.bar.suspend(|| self.output.say(&format!("{failure}; again in {pause} s")));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        arguments: SimulateArgs,
    }

    fn plan(line: &str) -> Result<Plan, Failure> {
        let words = std::iter::once("simulate").chain(line.split_whitespace());
        let arguments = Command::try_parse_from(words).expect(line).arguments;
        let now = Timestamp::parse("2025-01-15T14:30:00Z").expect("a time");
        arguments.plan(now, 1, Vec::new())
    }

    #[test]
    fn what_passes_faster_began_longer_ago_and_ends_now() {
        let check = |line: &str, start: &str, rate: f64| {
            let plan = plan(line).expect(line);
            assert_eq!((plan.start.to_string().as_str(), plan.rate), (start, rate), "{line}");
        };
        check("", "2025-01-15T14:30:00.000Z", 20.0);
        check("--for 10m --rate 5/s", "2025-01-15T14:30:00.000Z", 5.0);
        check("--for 10m --speed 2", "2025-01-15T14:20:00.000Z", 10.0);
        check("--count 600 --rate 10/s --speed 61", "2025-01-15T13:30:00.000Z", 10.0 / 61.0);
        check("--speed 10 --start 1h", "2025-01-15T13:30:00.000Z", 2.0);
        let longest = format!("--count {} --rate 0.001 --speed 2", u64::MAX);
        check(&longest, "1970-01-01T00:00:00.000Z", 0.0005);
        assert_eq!(plan("--speed 10").expect_err("no end").exit, Exit::Usage);
    }
}
