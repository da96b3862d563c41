//! What a person can choose about the runs, with its bounds.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use posthaste_core::limits::{BATCH_EVENTS_MAX, MAX_IN_FLIGHT_MAX};
use serde::Serialize;

const CONNECTIONS_MAX: usize = 1_024;
const WINDOW_MAX: usize = 100_000;
const WEBHOOKS_MAX: usize = 200;
const ROUNDS_MAX: usize = 50;
const SECONDS_MAX: f64 = 120.0;
const RECEIVER_DELAY_MS_MAX: u64 = 10_000;

#[derive(Debug, Clone, clap::Args)]
pub struct SettingsArgs {
    /// Connections that post events, one event (or batch) at a time each
    #[arg(long, global = true, default_value_t = 64)]
    connections: usize,
    /// Deliveries to come of the events posted so far; at this many, posting waits
    #[arg(long, global = true, default_value_t = 1_024)]
    window: usize,
    /// Events in one request; over 1, POST /v1/events/batch is used
    #[arg(long, global = true, default_value_t = 1)]
    batch: usize,
    /// Webhooks that each event goes to, each with a receiver of its own
    #[arg(long, global = true, default_value_t = 1)]
    webhooks: usize,
    /// Requests on the wire to one webhook (its max_in_flight)
    #[arg(long, global = true, default_value_t = 64)]
    in_flight: usize,
    /// What receivers wait before they answer
    #[arg(long, global = true, default_value_t = 0)]
    receiver_delay_ms: u64,
    /// Rounds; the table shows medians
    #[arg(long, global = true, default_value_t = 3)]
    rounds: usize,
    /// How long each target is measured in a round
    #[arg(long, global = true, default_value_t = 5.0)]
    seconds: f64,
    /// Load before that, which is not measured
    #[arg(long, global = true, default_value_t = 1.0)]
    warm_up_seconds: f64,
    /// One short round, and everything large a tenth of its size or less: whether it works, not how
    /// fast
    #[arg(long, global = true)]
    quick: bool,
    /// The program to measure; by default the `posthaste` beside this one
    #[arg(long, global = true)]
    posthaste: Option<PathBuf>,
    /// Where servers keep what they store; by default beside this program, so on a real disk
    #[arg(long, global = true)]
    scratch: Option<PathBuf>,
    /// Write all figures, also those of the single rounds, to this file
    #[arg(long, global = true)]
    pub json: Option<PathBuf>,
}

/// Checked, and complete.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Settings {
    pub connections: usize,
    pub window: usize,
    pub batch: usize,
    pub webhooks: usize,
    pub in_flight: usize,
    pub receiver_delay: Duration,
    pub rounds: usize,
    pub measured: Duration,
    pub warm_up: Duration,
    pub is_quick: bool,
    #[serde(skip)]
    pub posthaste: PathBuf,
    #[serde(skip)]
    pub scratch: PathBuf,
}

impl SettingsArgs {
    pub fn check(&self) -> anyhow::Result<Settings> {
        within("connections", self.connections, CONNECTIONS_MAX)?;
        within("window", self.window, WINDOW_MAX)?;
        within("batch", self.batch, BATCH_EVENTS_MAX)?;
        within("webhooks", self.webhooks, WEBHOOKS_MAX)?;
        within("in-flight", self.in_flight, MAX_IN_FLIGHT_MAX as usize)?;
        within("rounds", self.rounds, ROUNDS_MAX)?;
        let delay_ms = self.receiver_delay_ms;
        ensure!(delay_ms <= RECEIVER_DELAY_MS_MAX, "--receiver-delay-ms is too long");
        for seconds in [self.seconds, self.warm_up_seconds] {
            ensure!((0.1..=SECONDS_MAX).contains(&seconds), "seconds go from 0.1 to {SECONDS_MAX}");
        }
        let program = std::env::current_exe()?;
        let folder = program.parent().context("a program lies in a folder")?;
        let (rounds, seconds, warm_up) = match self.quick {
            true => (1, 1.5, 0.5),
            false => (self.rounds, self.seconds, self.warm_up_seconds),
        };
        Ok(Settings {
            connections: self.connections,
            window: self.window,
            batch: self.batch,
            webhooks: self.webhooks,
            in_flight: self.in_flight,
            receiver_delay: Duration::from_millis(delay_ms),
            rounds,
            measured: Duration::from_secs_f64(seconds),
            warm_up: Duration::from_secs_f64(warm_up),
            is_quick: self.quick,
            posthaste: self.posthaste.clone().unwrap_or_else(|| folder.join("posthaste")),
            scratch: self.scratch.clone().unwrap_or_else(|| folder.to_owned()),
        })
    }
}

impl Settings {
    /// These, for a run that is one of many: as long as it is in `--quick`, but with all rounds.
    pub fn shorter(&self, seconds: f64) -> Settings {
        let measured = self.measured.min(Duration::from_secs_f64(seconds));
        Settings { measured, warm_up: self.warm_up.min(Duration::from_secs(1)), ..self.clone() }
    }

    /// How large something is: as asked for, or `full`, or with `--quick` only `quick`.
    pub fn size(&self, asked: Option<usize>, full: usize, quick: usize) -> usize {
        asked.unwrap_or(if self.is_quick { quick } else { full })
    }
}

fn within(name: &str, value: usize, max: usize) -> anyhow::Result<()> {
    ensure!((1..=max).contains(&value), "--{name} goes from 1 to {max}");
    Ok(())
}
