//! How many instructions the server executes for a delivery, counted by valgrind. Unlike times,
//! that is nearly the same on every machine and under any other load, so a build can be refused
//! for it.
//!
//! What is counted is user space, without the block function of SHA-256 (see `callgrind`). The
//! server is run twice, with few and with many events, and the difference is divided by the
//! difference: so starting and stopping do not count.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::api::{API_KEY, webhook};
use crate::callgrind::Instructions;
use crate::ledger::Ledger;
use crate::load::Clients;
use crate::progress::Progress;
use crate::receiver::{Behaviour, Entry, Position, Receiver};
use crate::settings::Settings;
use crate::summary::{Row, Unit, Wish};
use crate::target::{Product, TargetKind, check, new_folder};
use crate::workload::{EVENT_TYPE, Events, RequestTemplate};

const SCENARIO: &str = "instructions";
/// Events of the shorter run: past the first time that everything is done.
const FEW: usize = 1_000;
const TICK: Duration = Duration::from_millis(20);
/// Valgrind takes some fifty times as long.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(300);

#[derive(Debug, Clone, Default, clap::Args)]
pub struct InstructionsArgs {
    /// Events by which the longer run is longer [default: 4000]
    #[arg(long)]
    events: Option<usize>,
    /// Exit with 1 if a delivery takes more instructions than this
    #[arg(long)]
    max: Option<u64>,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct InstructionsReport {
    /// Of which the longer run has more.
    pub events: usize,
    pub per_delivery: f64,
    /// Beside that, in software.
    pub hashing_per_delivery: f64,
    /// Starting, stopping and the first events.
    pub shorter_run: u64,
    pub max: Option<u64>,
}

/// `None` where there is no valgrind.
pub async fn measure(
    args: &InstructionsArgs,
    settings: &Settings,
    progress: &mut Progress,
) -> anyhow::Result<Option<InstructionsReport>> {
    check(&[TargetKind::Product], settings)?;
    let events = settings.size(args.events, 4_000, 1_000);
    ensure!((1..=1_000_000).contains(&events), "--events goes from 1 to 1000000");
    if !has_valgrind() {
        return Ok(None);
    }
    let mut runs = Vec::new();
    for count in [FEW, FEW + events] {
        progress.begin(format!("instructions, {count} events under valgrind"));
        runs.push(count_instructions(count, settings, progress).await?);
    }
    progress.end();
    let (few, many) = (runs[0], runs[1]);
    let per_event =
        |of: fn(Instructions) -> u64| (of(many) as f64 - of(few) as f64) / events as f64;
    Ok(Some(InstructionsReport {
        events,
        per_delivery: per_event(Instructions::without_hashing),
        hashing_per_delivery: per_event(|run| run.hashing),
        shorter_run: few.without_hashing(),
        max: args.max,
    }))
}

fn has_valgrind() -> bool {
    let mut command = Command::new("valgrind");
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

async fn count_instructions(
    events: usize,
    settings: &Settings,
    progress: &mut Progress,
) -> anyhow::Result<Instructions> {
    let folder = new_folder(settings)?;
    let profile = folder.path().join("profile");
    let mut product =
        Product::start_as(under_valgrind(settings, &profile), &folder.path().join("data")).await?;
    let ledger = Arc::new(Ledger::with_events(1, settings.window, events));
    let entry = Entry { ledger: ledger.clone(), position: Position::At(0) };
    let receiver = Receiver::start(Behaviour::Answers(Duration::ZERO), Some(entry))?;
    product.api.create_webhook(&webhook(&receiver.url(), EVENT_TYPE)).await?;
    let template = RequestTemplate::new("/v1/events", API_KEY, EVENT_TYPE, Events::One)?;
    let mut clients =
        Clients::start(settings.connections, &[product.address], &template, &ledger).await?;
    let deadline = Instant::now() + ARRIVAL_TIMEOUT;
    while !ledger.is_stopped() && Instant::now() < deadline {
        sleep(TICK).await;
        product.server.check()?;
        clients.check()?;
        progress.show(&format!("{} delivered", ledger.delivered()));
    }
    clients.finish().await?;
    while !ledger.is_complete() && Instant::now() < deadline {
        sleep(TICK).await;
        product.server.check()?;
    }
    ensure!(ledger.delivered() == events as u64, "{} of {events} arrived", ledger.delivered());
    product.stop().await?;
    let text = String::from_utf8_lossy(&std::fs::read(&profile)?).into_owned();
    let instructions = Instructions::parse(&text);
    ensure!(instructions.hashing > 0, "the program has no symbols: hashing cannot be told apart");
    Ok(instructions)
}

fn under_valgrind(settings: &Settings, profile: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]);
    command.arg(format!("--callgrind-out-file={}", profile.display()));
    command.arg(&settings.posthaste);
    command
}

impl InstructionsReport {
    pub fn is_over(&self) -> bool {
        self.max.is_some_and(|max| self.per_delivery > max as f64)
    }

    pub fn rows(&self) -> Vec<Row> {
        let row = Row::new(
            SCENARIO,
            "instructions for a delivery, without hashing",
            self.per_delivery,
            Unit::Count,
        );
        vec![match self.max {
            Some(max) => row.wanted(Wish::AtMost(max as f64)),
            None => row,
        }]
    }
}
