//! From the runs to what a person reads: medians over the rounds, one table, and the same with
//! all details as JSON.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::isolation::IsolationReport;
use crate::run::Measurement;
use crate::settings::Settings;
use crate::target::TargetKind;

/// Everything one call of the program found out.
#[derive(Debug, Serialize)]
pub struct Report {
    pub machine: Machine,
    pub settings: Settings,
    pub targets: Vec<TargetReport>,
    pub isolation: Option<IsolationReport>,
}

/// Figures mean nothing without this.
#[derive(Debug, Serialize)]
pub struct Machine {
    pub cores: usize,
    pub processor: String,
    pub kernel: String,
}

#[derive(Debug, Serialize)]
pub struct TargetReport {
    pub target: TargetKind,
    pub median: Measurement,
    pub rounds: Vec<Measurement>,
}

impl Machine {
    pub fn here() -> Machine {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let model = processors.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.unwrap_or_default().trim_start_matches(['\t', ' ', ':']);
        Machine {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            processor: model.to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

impl TargetReport {
    pub fn new(target: TargetKind, rounds: Vec<Measurement>) -> TargetReport {
        TargetReport { target, median: median_of(&rounds), rounds }
    }
}

/// Whether a promise was broken: something lost, or something that nobody posted.
pub fn is_broken(rounds: &[Measurement]) -> bool {
    rounds.iter().any(|round| round.lost > 0 || round.strangers > 0)
}

/// The median of each figure by itself. What must not happen is summed up instead, and memory is
/// the most that any round took.
pub fn median_of(rounds: &[Measurement]) -> Measurement {
    let sum = |count: fn(&Measurement) -> u64| rounds.iter().map(count).sum();
    let middle = |figure: fn(&Measurement) -> f64| median(rounds.iter().map(figure).collect());
    let middle_if = |figure: fn(&Measurement) -> Option<f64>| {
        let known: Vec<f64> = rounds.iter().filter_map(figure).collect();
        (!known.is_empty()).then(|| median(known))
    };
    let memory = rounds.iter().filter_map(|round| round.server_memory_max_mib);
    Measurement {
        deliveries: sum(|round| round.deliveries),
        deliveries_per_s: middle(|round| round.deliveries_per_s),
        accept_p50_ms: middle(|round| round.accept_p50_ms),
        accept_p99_ms: middle(|round| round.accept_p99_ms),
        end_to_end_p50_ms: middle(|round| round.end_to_end_p50_ms),
        end_to_end_p95_ms: middle(|round| round.end_to_end_p95_ms),
        end_to_end_p99_ms: middle(|round| round.end_to_end_p99_ms),
        server_cpu_us: middle_if(|round| round.server_cpu_us),
        harness_cpu_us: middle(|round| round.harness_cpu_us),
        server_memory_max_mib: memory.max_by(f64::total_cmp),
        stored_bytes_per_event: middle_if(|round| round.stored_bytes_per_event),
        written_bytes_per_event: middle_if(|round| round.written_bytes_per_event),
        accepted: sum(|round| round.accepted),
        refused: sum(|round| round.refused),
        lost: sum(|round| round.lost),
        duplicates: sum(|round| round.duplicates),
        strangers: sum(|round| round.strangers),
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    match figures.len() {
        0 => 0.0,
        count if count % 2 == 1 => figures[count / 2],
        count => f64::midpoint(figures[count / 2 - 1], figures[count / 2]),
    }
}

impl Report {
    pub fn heading(&self) -> String {
        let Settings { connections, window, batch, webhooks, in_flight, rounds, measured, .. } =
            &self.settings;
        let Machine { cores, processor, kernel } = &self.machine;
        format!(
            "{cores} cores, {processor}, Linux {kernel}; {rounds} rounds of {:.1} s\n\
             {connections} connections, {batch} events a request, {webhooks} webhooks, window of \
             {window} deliveries, {in_flight} in flight per webhook",
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

pub fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn range(rounds: &[Measurement], figure: fn(&Measurement) -> f64) -> String {
    let lowest = rounds.iter().map(figure).fold(f64::INFINITY, f64::min);
    let highest = rounds.iter().map(figure).fold(0.0, f64::max);
    format!("{lowest:.0}-{highest:.0}")
}

fn known(figure: Option<f64>) -> String {
    figure.map_or("-".to_owned(), |figure| format!("{figure:.1}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_the_rounds_is_shown_and_every_loss() {
        let rounds = [(30.0, 0), (10.0, 2), (20.0, 1)].map(|(deliveries_per_s, lost)| {
            let server_memory_max_mib = Some(deliveries_per_s);
            Measurement { deliveries_per_s, lost, server_memory_max_mib, ..Measurement::default() }
        });
        let median = median_of(&rounds);
        assert_eq!(median.lost, 3);
        assert_eq!(median.server_memory_max_mib, Some(30.0));
        assert!((median.deliveries_per_s - 20.0).abs() < 1e-9);
        assert_eq!(median.server_cpu_us, None);
        assert!(is_broken(&rounds) && !is_broken(&rounds[..1]));
    }
}
