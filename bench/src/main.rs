//! `posthaste-bench`: posts events, receives deliveries, and says how many of them a server can
//! do, how long they take, what they cost, and whether all of them came. docs/PERFORMANCE.md says
//! what exactly is measured.

mod isolation;
mod ledger;
mod load;
mod progress;
mod receiver;
mod relay;
mod report;
mod run;
mod server;
mod settings;
mod target;
mod wire;
mod workload;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use isolation::Fault;
use progress::Progress;
use relay::RelayArgs;
use report::{Machine, Report, TargetReport, is_broken};
use run::Plan;
use settings::{Settings, SettingsArgs};
use target::TargetKind;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures what Posthaste can deliver on this machine
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything below, on all targets
    All,
    /// How many deliveries a second, and at what cost, side by side with what is possible
    Deliveries {
        #[arg(long, value_enum, value_delimiter = ',', default_values_t = TARGETS)]
        targets: Vec<TargetKind>,
    },
    /// What one bad receiver of twenty does to the others
    Isolation {
        #[arg(long, value_enum, default_value_t = TargetKind::Product)]
        target: TargetKind,
        #[arg(long, value_enum, default_value_t = Fault::Hangs)]
        fault: Fault,
    },
    /// Be the relay that the product is compared with
    Relay(RelayArgs),
}

const TARGETS: [TargetKind; 3] = [TargetKind::Null, TargetKind::Relay, TargetKind::Product];

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
    let mut report =
        Report { machine: Machine::here(), settings, targets: Vec::new(), isolation: None };
    match arguments.command {
        Command::Relay(args) => {
            relay::run(&args, report.settings.in_flight).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Deliveries { targets } => report.measure_deliveries(&targets).await?,
        Command::Isolation { target, fault } => report.measure_isolation(target, fault).await?,
        Command::All => {
            report.measure_deliveries(&TARGETS).await?;
            report.measure_isolation(TargetKind::Product, Fault::Hangs).await?;
        }
    }
    if let Some(path) = &arguments.settings.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(report.verdict())
}

impl Report {
    async fn measure_deliveries(&mut self, targets: &[TargetKind]) -> anyhow::Result<()> {
        target::check(targets, &self.settings)?;
        let mut rounds = vec![Vec::new(); targets.len()];
        let mut progress = Progress::new();
        for round in 1..=self.settings.rounds {
            // Every target once a round, so that a change of the machine's mood meets all.
            let mut turns: Vec<_> = targets.iter().zip(&mut rounds).collect();
            if round % 2 == 0 {
                turns.reverse();
            }
            for (&target, rounds) in turns {
                progress.begin(format!("round {round}, {}", target.as_str()));
                let plan = self.settings.plan_for(target);
                rounds.push(run::run(plan, &self.settings, &mut progress).await?);
            }
        }
        progress.end();
        for (&target, rounds) in targets.iter().zip(rounds) {
            self.targets.push(TargetReport::new(target, rounds));
        }
        println!("{}\n{}", self.heading(), self.table());
        Ok(())
    }

    async fn measure_isolation(&mut self, target: TargetKind, fault: Fault) -> anyhow::Result<()> {
        let mut progress = Progress::new();
        let report = isolation::measure(target, fault, &self.settings, &mut progress).await?;
        println!("{}", report.table());
        self.isolation = Some(report);
        Ok(())
    }

    /// Speed is for people to judge, on their machines; a loss is wrong on any.
    fn verdict(&self) -> ExitCode {
        let is_broken = self.targets.iter().any(|target| is_broken(&target.rounds))
            || self.isolation.as_ref().is_some_and(isolation::IsolationReport::is_broken);
        if is_broken {
            eprintln!("deliveries were lost, or came that nobody posted");
            return ExitCode::FAILURE;
        }
        ExitCode::SUCCESS
    }
}

impl Settings {
    fn plan_for(&self, target: TargetKind) -> Plan {
        // Without a server between, an event arrives where it was posted to and nowhere else.
        let receivers = if target == TargetKind::Null { 1 } else { self.webhooks };
        Plan { target, receivers, faulty: None }
    }
}
