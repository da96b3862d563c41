//! `posthaste-bench`: posts events, receives deliveries, and says how many of them a server can
//! do, how long they take, what they cost, and whether all of them came; and how it fares with
//! much of everything. docs/PERFORMANCE.md says what exactly is measured.

mod api;
mod callgrind;
mod configured;
mod deliveries;
mod fan_out;
mod history;
mod history_filling;
mod idle;
mod imports;
mod instructions;
mod isolation;
mod ledger;
mod load;
mod prepared;
mod progress;
mod queries;
mod receiver;
mod relay;
mod report;
mod run;
mod server;
mod settings;
mod start_up;
mod summary;
mod target;
mod wire;
mod workload;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::Instant;

use configured::ConfiguredArgs;
use fan_out::FanOutArgs;
use history::HistoryArgs;
use imports::ImportsArgs;
use instructions::InstructionsArgs;
use isolation::IsolationArgs;
use progress::Progress;
use relay::RelayArgs;
use report::Report;
use settings::{Settings, SettingsArgs};
use start_up::StartUpArgs;
use target::TargetKind;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures what Posthaste can deliver on this machine
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    settings: SettingsArgs,
    /// [default: all]
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything below, in one table
    All,
    /// How many deliveries a second, and at what cost, side by side with what is possible
    Deliveries {
        #[arg(long, value_enum, value_delimiter = ',', default_values_t = TARGETS)]
        targets: Vec<TargetKind>,
    },
    /// What 1, 10 and 50 bad receivers of 100 do to the others
    Isolation(IsolationArgs),
    /// A start with a million deliveries to do
    StartUp(StartUpArgs),
    /// One event that ten thousand webhooks want
    FanOut(FanOutArgs),
    /// A hundred thousand webhooks, of which one is wanted
    Configured(ConfiguredArgs),
    /// Ten million deliveries in the store
    History(HistoryArgs),
    /// A file of a million contacts
    Imports(ImportsArgs),
    /// A server with nothing to do
    Idle,
    /// Instructions for a delivery, counted by valgrind
    Instructions(InstructionsArgs),
    /// Be the relay that the product is compared with
    Relay(RelayArgs),
}

const TARGETS: [TargetKind; 3] = [TargetKind::Null, TargetKind::Relay, TargetKind::Product];
/// How long runs are of which there are many.
const SHORT_S: f64 = 2.0;

#[tokio::main]
async fn main() -> ExitCode {
    match measure(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let settings = arguments.settings.check()?;
    raise_open_files();
    let started = Instant::now();
    let mut report = Report::new(settings);
    let progress = &mut Progress::new();
    match arguments.command.unwrap_or(Command::All) {
        Command::Relay(args) => {
            relay::run(&args, report.settings.in_flight).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::All => measure_all(&mut report, progress).await,
        one => measure_one(one, &mut report, progress).await?,
    }
    report.summarise();
    report.seconds = started.elapsed().as_secs_f64();
    println!("{}\n{}", report.heading(), report.table());
    println!("took {:.0} s", report.seconds);
    if let Some(path) = &arguments.settings.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(verdict(&report))
}

/// A scenario by itself, with its details.
async fn measure_one(
    command: Command,
    report: &mut Report,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    let settings = &report.settings;
    match command {
        Command::Deliveries { targets } => {
            let found = deliveries::measure(&targets, settings, progress).await?;
            println!("{}\n{}", found.heading(), found.table());
            report.deliveries.push(found);
        }
        Command::Isolation(args) => {
            let (target, cases) = args.target_and_cases();
            let found = isolation::measure(target, &cases, settings, progress).await?;
            println!("{}", found.table());
            report.isolation = Some(found);
        }
        Command::History(args) => {
            let found = history::measure(&args, settings, progress).await?;
            println!("{}", found.table());
            report.history = Some(found);
        }
        Command::StartUp(args) => {
            report.start_up = Some(start_up::measure(&args, settings, progress).await?);
        }
        Command::FanOut(args) => {
            report.fan_out = Some(fan_out::measure(&args, settings, progress).await?);
        }
        Command::Configured(args) => {
            report.configured = Some(configured::measure(&args, settings, progress).await?);
        }
        Command::Imports(args) => {
            report.imports = Some(imports::measure(&args, settings, progress).await?);
        }
        Command::Idle => report.idle = Some(idle::measure(settings, progress).await?),
        Command::Instructions(args) => {
            let found = instructions::measure(&args, settings, progress).await?;
            anyhow::ensure!(found.is_some(), "valgrind is not installed: {VALGRIND_PACKAGE}");
            report.instructions = found;
        }
        Command::All | Command::Relay(_) => {}
    }
    Ok(())
}

const VALGRIND_PACKAGE: &str = "apt-get install valgrind";

/// Rates as medians of the rounds; the many runs of the variants are shorter ones. A scenario that
/// cannot be measured does not keep the others from it.
async fn measure_all(report: &mut Report, progress: &mut Progress) {
    let settings = &report.settings;
    let failures = &mut report.failures;
    let short = settings.shorter(SHORT_S);
    let wide = Settings { webhooks: 20, ..short.clone() };
    let batch = Settings { batch: 100, ..short.clone() };
    for (targets, settings) in
        [(&TARGETS[..], settings), (&TARGETS[1..], &wide), (&TARGETS[1..], &batch)]
    {
        let found = deliveries::measure(targets, settings, progress).await;
        report.deliveries.extend(kept(failures, found));
    }
    let product = TargetKind::Product;
    let found = isolation::measure(product, &isolation::CASES, &short, progress).await;
    report.isolation = kept(failures, found);
    let found = start_up::measure(&StartUpArgs::default(), settings, progress).await;
    report.start_up = kept(failures, found);
    let found = fan_out::measure(&FanOutArgs::default(), settings, progress).await;
    report.fan_out = kept(failures, found);
    let found = configured::measure(&ConfiguredArgs::default(), &short, progress).await;
    report.configured = kept(failures, found);
    let found = history::measure(&HistoryArgs::default(), &short, progress).await;
    report.history = kept(failures, found);
    let found = imports::measure(&ImportsArgs::default(), settings, progress).await;
    report.imports = kept(failures, found);
    report.idle = kept(failures, idle::measure(settings, progress).await);
    let found = instructions::measure(&InstructionsArgs::default(), settings, progress).await;
    report.instructions = match kept(failures, found) {
        Some(None) => {
            eprintln!("instructions: not counted, valgrind is missing ({VALGRIND_PACKAGE})");
            None
        }
        found => found.flatten(),
    };
}

fn kept<T>(failures: &mut Vec<String>, found: anyhow::Result<T>) -> Option<T> {
    found
        .inspect_err(|error| {
            eprintln!("\nerror: {error:#}");
            failures.push(format!("{error:#}"));
        })
        .ok()
}

/// Thousands of receivers are thousands of sockets.
fn raise_open_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    if setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        eprintln!("the limit on open files cannot be raised");
    }
}

/// Speed is for people to judge, on their machines; a loss is wrong on any, and so is a limit that
/// was asked for.
fn verdict(report: &Report) -> ExitCode {
    for failure in &report.failures {
        eprintln!("not measured: {failure}");
    }
    if !report.failures.is_empty() {
        return ExitCode::FAILURE;
    }
    if report.is_broken() {
        eprintln!("deliveries were lost, or came that nobody posted");
        return ExitCode::FAILURE;
    }
    if report.instructions.is_some_and(|found| found.is_over()) {
        eprintln!("a delivery takes more instructions than it may");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
