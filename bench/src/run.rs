//! One run: receivers and a target come up, clients post, a stretch in the middle is measured,
//! and then everything that was accepted gets its time to arrive.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use posthaste_core::limits::TIMEOUT_MS_DEFAULT;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::ledger::{Interval, Ledger};
use crate::load::Clients;
use crate::progress::Progress;
use crate::receiver::{Behaviour, Entry, Position, Receiver};
use crate::server::Usage;
use crate::settings::Settings;
use crate::target::{self, Running, Subscription, TargetKind};

const TICK: Duration = Duration::from_millis(50);
/// How long accepted events may take to arrive after the last was posted. Longer than the first
/// pause of the retry schedule with its jitter, so that a retry is not taken for a loss.
pub const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(40);

#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    pub target: TargetKind,
    /// Receivers that behave; only their deliveries count.
    pub receivers: usize,
    pub uncounted: Option<Uncounted>,
    /// What the product starts on, instead of an empty folder.
    pub data: Option<&'a Path>,
}

/// Receivers that the same events go to, bad ones mostly. Nothing waits for them.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Uncounted {
    pub count: usize,
    pub behaviour: Behaviour,
    /// The request timeout of their webhooks.
    pub timeout_ms: u32,
}

/// What came out of a run. Times in milliseconds or, where it says so, microseconds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Measurement {
    pub deliveries: u64,
    pub deliveries_per_s: f64,
    pub accept_p50_ms: f64,
    pub accept_p99_ms: f64,
    pub end_to_end_p50_ms: f64,
    pub end_to_end_p95_ms: f64,
    pub end_to_end_p99_ms: f64,
    /// User and system time of the server's process per delivery.
    pub server_cpu_us: Option<f64>,
    /// The same of this process: clients and receivers.
    pub harness_cpu_us: f64,
    pub server_memory_max_mib: Option<f64>,
    /// What the server's files take after it has stopped, per accepted event.
    pub stored_bytes_per_event: Option<f64>,
    /// What it sent to the disk meanwhile, per accepted event.
    pub written_bytes_per_event: Option<f64>,
    pub accepted: u64,
    pub refused: u64,
    pub lost: u64,
    pub duplicates: u64,
    /// Arrivals of what nobody posted, or under another `webhook-id` than before.
    pub strangers: u64,
}

/// The counters at one moment.
#[derive(Clone, Copy)]
struct Mark {
    at_us: u32,
    delivered: u64,
    server: Usage,
    harness: Usage,
}

pub async fn run(
    plan: Plan<'_>,
    settings: &Settings,
    progress: &mut Progress,
) -> anyhow::Result<Measurement> {
    // The window is in deliveries, so that a fan-out does not make everything wait longer.
    let window_events = (settings.window / plan.receivers).max(settings.batch);
    let ledger = Arc::new(Ledger::new(plan.receivers, window_events));
    let receivers = start_receivers(plan, settings, &ledger)?;
    let subscriptions: Vec<Subscription> = receivers
        .iter()
        .enumerate()
        .map(|(position, receiver)| {
            let others = plan.uncounted.filter(|_| position >= plan.receivers);
            Subscription {
                receiver,
                timeout_ms: others.map_or(TIMEOUT_MS_DEFAULT, |others| others.timeout_ms),
            }
        })
        .collect();
    progress.show("starting");
    let mut running = target::start(plan.target, settings, &subscriptions, plan.data).await?;
    let mut clients =
        Clients::start(settings.connections, &running.addresses, &running.template, &ledger)
            .await?;

    watch(settings.warm_up, "warming up", &ledger, &mut running, &mut clients, progress).await?;
    let from = Mark::now(&ledger, &mut running);
    watch(settings.measured, "measuring", &ledger, &mut running, &mut clients, progress).await?;
    let until = Mark::now(&ledger, &mut running);

    progress.show("waiting for the last deliveries");
    ledger.stop();
    clients.finish().await?;
    let deadline = Instant::now() + ARRIVAL_TIMEOUT;
    while !ledger.is_complete() && Instant::now() < deadline {
        sleep(TICK).await;
    }
    let last = Mark::now(&ledger, &mut running);
    let has_server = running.server().is_some();
    // The receivers still listen: what a server sends twice while it stops is seen.
    let stored_bytes = running.stop().await?;
    let mut measurement = measure(from, until, &ledger);
    if has_server {
        let server_cpu_us = (until.server.cpu_us - from.server.cpu_us) as f64;
        measurement.server_cpu_us = Some(server_cpu_us / measurement.deliveries.max(1) as f64);
        let memory_max_mib = last.server.memory_max_bytes as f64 / f64::from(1 << 20);
        measurement.server_memory_max_mib = Some(memory_max_mib);
    }
    if plan.target == TargetKind::Product && plan.data.is_none() {
        let events = measurement.accepted.max(1) as f64;
        measurement.stored_bytes_per_event = Some(stored_bytes as f64 / events);
        measurement.written_bytes_per_event = Some(last.server.written_bytes as f64 / events);
    }
    Ok(measurement)
}

fn start_receivers(
    plan: Plan<'_>,
    settings: &Settings,
    ledger: &Arc<Ledger>,
) -> anyhow::Result<Vec<Receiver>> {
    let mut receivers = Vec::new();
    for position in 0..plan.receivers {
        let entry = Entry { ledger: ledger.clone(), position: Position::At(position) };
        let behaviour = Behaviour::Answers(settings.receiver_delay);
        receivers.push(Receiver::start(behaviour, Some(entry))?);
    }
    for _ in 0..plan.uncounted.map_or(0, |others| others.count) {
        let behaviour = plan.uncounted.map_or(Behaviour::Hangs, |others| others.behaviour);
        receivers.push(Receiver::start(behaviour, None)?);
    }
    Ok(receivers)
}

/// Lets the load run for `duration`, or until the ledger is full.
async fn watch(
    duration: Duration,
    what: &str,
    ledger: &Ledger,
    running: &mut Running,
    clients: &mut Clients,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    let end = Instant::now() + duration;
    while Instant::now() < end && !ledger.is_stopped() {
        sleep(TICK.min(end - Instant::now())).await;
        if let Some(server) = running.server() {
            server.check()?;
        }
        clients.check()?;
        progress.show(&format!("{what}, {} delivered", ledger.delivered()));
    }
    Ok(())
}

impl Mark {
    fn now(ledger: &Ledger, running: &mut Running) -> Mark {
        Mark {
            at_us: ledger.now_us(),
            delivered: ledger.delivered(),
            server: running.server().map(|server| server.usage()).unwrap_or_default(),
            harness: Usage::of_this_process(),
        }
    }
}

fn measure(from: Mark, until: Mark, ledger: &Ledger) -> Measurement {
    let interval = Interval { from_us: from.at_us, until_us: until.at_us };
    let mut findings = ledger.findings(interval);
    findings.accept_us.sort_unstable();
    findings.end_to_end_us.sort_unstable();
    let deliveries = until.delivered - from.delivered;
    let seconds = f64::from(until.at_us - from.at_us) / 1e6;
    let harness_cpu_us = (until.harness.cpu_us - from.harness.cpu_us) as f64;
    Measurement {
        deliveries,
        deliveries_per_s: deliveries as f64 / seconds,
        accept_p50_ms: percentile_ms(&findings.accept_us, 50),
        accept_p99_ms: percentile_ms(&findings.accept_us, 99),
        end_to_end_p50_ms: percentile_ms(&findings.end_to_end_us, 50),
        end_to_end_p95_ms: percentile_ms(&findings.end_to_end_us, 95),
        end_to_end_p99_ms: percentile_ms(&findings.end_to_end_us, 99),
        harness_cpu_us: harness_cpu_us / deliveries.max(1) as f64,
        accepted: findings.accepted,
        refused: findings.refused,
        lost: findings.lost,
        duplicates: findings.duplicates,
        strangers: findings.strangers,
        ..Measurement::default()
    }
}

/// The nearest-rank percentile of sorted microseconds; zero of none.
pub fn percentile_ms(sorted_us: &[u32], percent: usize) -> f64 {
    let rank = (sorted_us.len() * percent).div_ceil(100).max(1);
    sorted_us.get(rank - 1).map_or(0.0, |&us| f64::from(us) / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sorted_us: &[u32], percent: usize, expected_ms: f64) {
        assert!((percentile_ms(sorted_us, percent) - expected_ms).abs() < 1e-9);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let hundred: Vec<u32> = (1..=100).map(|ms| ms * 1_000).collect();
        check(&hundred, 50, 50.0);
        check(&hundred, 99, 99.0);
        check(&[1_000, 9_000], 50, 1.0);
        check(&[1_000, 9_000], 99, 9.0);
        check(&[7_000], 50, 7.0);
        check(&[], 99, 0.0);
    }
}
