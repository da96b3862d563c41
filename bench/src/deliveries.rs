//! How many deliveries a second, and at what cost, side by side with what is possible on the
//! machine.

use comfy_table::Table;
use serde::Serialize;

use crate::progress::Progress;
use crate::report::{is_broken, median_of, new_table};
use crate::run::{self, Measurement, Plan};
use crate::settings::Settings;
use crate::summary::{Row, Unit, Wish};
use crate::target::{TargetKind, check};

const SCENARIO: &str = "deliveries";

#[derive(Debug, Serialize)]
pub struct DeliveriesReport {
    pub settings: Settings,
    pub targets: Vec<TargetReport>,
}

#[derive(Debug, Serialize)]
pub struct TargetReport {
    pub target: TargetKind,
    pub median: Measurement,
    pub rounds: Vec<Measurement>,
}

pub async fn measure(
    targets: &[TargetKind],
    settings: &Settings,
    progress: &mut Progress,
) -> anyhow::Result<DeliveriesReport> {
    check(targets, settings)?;
    let mut rounds = vec![Vec::new(); targets.len()];
    for round in 1..=settings.rounds {
        // Every target once a round, so that a change of the machine's mood meets all.
        let mut turns: Vec<_> = targets.iter().zip(&mut rounds).collect();
        if round % 2 == 0 {
            turns.reverse();
        }
        for (&target, rounds) in turns {
            progress.begin(format!("deliveries, round {round}, {}", target.as_str()));
            rounds.push(run::run(plan_for(target, settings), settings, progress).await?);
        }
    }
    progress.end();
    let report = |(&target, rounds): (&TargetKind, Vec<Measurement>)| TargetReport {
        target,
        median: median_of(&rounds),
        rounds,
    };
    let targets = targets.iter().zip(rounds).map(report).collect();
    Ok(DeliveriesReport { settings: settings.clone(), targets })
}

fn plan_for(target: TargetKind, settings: &Settings) -> Plan<'static> {
    // Without a server between, an event arrives where it was posted to and nowhere else.
    let receivers = if target == TargetKind::Null { 1 } else { settings.webhooks };
    Plan { target, receivers, uncounted: None, data: None }
}

impl DeliveriesReport {
    pub fn is_broken(&self) -> bool {
        self.targets.iter().any(|target| is_broken(&target.rounds))
    }

    fn median(&self, target: TargetKind) -> Option<&Measurement> {
        self.targets.iter().find(|one| one.target == target).map(|one| &one.median)
    }

    pub fn rows(&self) -> Vec<Row> {
        let Settings { webhooks, batch, .. } = &self.settings;
        let what = match (webhooks, batch) {
            (1, 1) => String::new(),
            (webhooks, 1) => format!(", {webhooks} webhooks"),
            (1, batch) => format!(", {batch} events a request"),
            (webhooks, batch) => format!(", {webhooks} webhooks, {batch} events a request"),
        };
        let row =
            |figure: &str, value, unit| Row::new(SCENARIO, format!("{figure}{what}"), value, unit);
        let Some(product) = self.median(TargetKind::Product) else { return Vec::new() };
        let mut rows = vec![row("product", product.deliveries_per_s, Unit::PerSecond)];
        if let Some(relay) = self.median(TargetKind::Relay) {
            let share = product.deliveries_per_s / relay.deliveries_per_s;
            rows.push(row("of the relay", share, Unit::Percent));
        }
        let lost = (product.lost + product.strangers) as f64;
        rows.extend([
            row(
                "processor for a delivery",
                product.server_cpu_us.unwrap_or(0.0),
                Unit::Microseconds,
            )
            .wanted(Wish::AtMost(45.0)),
            row("accepting, p99", product.accept_p99_ms, Unit::Milliseconds),
            row("end to end, p50", product.end_to_end_p50_ms, Unit::Milliseconds),
            row("end to end, p99", product.end_to_end_p99_ms, Unit::Milliseconds),
            row(
                "most memory",
                product.server_memory_max_mib.unwrap_or(0.0) * f64::from(1 << 20),
                Unit::Megabytes,
            ),
            row("on disk for an event", product.stored_bytes_per_event.unwrap_or(0.0), Unit::Bytes),
            row("lost", lost, Unit::Count).wanted(Wish::AtMost(0.0)),
        ]);
        rows
    }

    /// What the runs were.
    pub fn heading(&self) -> String {
        let Settings { connections, window, batch, webhooks, in_flight, rounds, measured, .. } =
            &self.settings;
        format!(
            "{rounds} rounds of {:.1} s; {connections} connections, {batch} events a request, \
             {webhooks} webhooks, window of {window} deliveries, {in_flight} in flight per webhook",
            measured.as_secs_f64()
        )
    }

    pub fn table(&self) -> Table {
        let mut table = new_table(&[
            "target",
            "deliveries/s\n(range)",
            "of relay",
            "accept ms\np50 / p99",
            "end to end ms\np50 / p95 / p99",
            "server\nCPU us",
            "harness\nCPU us",
            "server\nMiB",
            "stored / written\nB per event",
            "lost",
            "twice",
            "refused",
        ]);
        let relay = self.targets.iter().find(|report| report.target == TargetKind::Relay);
        let relay_per_s = relay.map(|report| report.median.deliveries_per_s);
        for TargetReport { target, median, rounds } in &self.targets {
            let rate = median.deliveries_per_s;
            let disk = match (median.stored_bytes_per_event, median.written_bytes_per_event) {
                (Some(stored), Some(written)) => format!("{stored:.0} / {written:.0}"),
                _ => "-".to_owned(),
            };
            table.add_row([
                target.as_str().to_owned(),
                format!("{rate:.0}\n({})", range(rounds, |round| round.deliveries_per_s)),
                relay_per_s.map_or("-".to_owned(), |relay| format!("{:.0} %", rate / relay * 1e2)),
                format!("{:.2} / {:.2}", median.accept_p50_ms, median.accept_p99_ms),
                format!(
                    "{:.2} / {:.2} / {:.2}",
                    median.end_to_end_p50_ms, median.end_to_end_p95_ms, median.end_to_end_p99_ms
                ),
                known(median.server_cpu_us),
                format!("{:.1}", median.harness_cpu_us),
                known(median.server_memory_max_mib),
                disk,
                (median.lost + median.strangers).to_string(),
                median.duplicates.to_string(),
                median.refused.to_string(),
            ]);
        }
        table
    }
}

fn range(rounds: &[Measurement], figure: fn(&Measurement) -> f64) -> String {
    let lowest = rounds.iter().map(figure).fold(f64::INFINITY, f64::min);
    let highest = rounds.iter().map(figure).fold(0.0, f64::max);
    format!("{lowest:.0}-{highest:.0}")
}

fn known(figure: Option<f64>) -> String {
    figure.map_or("-".to_owned(), |figure| format!("{figure:.1}"))
}
