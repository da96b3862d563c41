//! From the runs to what a person reads: medians over the rounds, the table of everything, and the
//! same with all details as JSON.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use crate::configured::ConfiguredReport;
use crate::deliveries::DeliveriesReport;
use crate::fan_out::FanOutReport;
use crate::history::HistoryReport;
use crate::idle::IdleReport;
use crate::imports::ImportsReport;
use crate::instructions::InstructionsReport;
use crate::isolation::IsolationReport;
use crate::prepared::git;
use crate::run::Measurement;
use crate::settings::Settings;
use crate::start_up::StartUpReport;
use crate::summary::{self, Row};

/// Everything one call of the program found out.
#[derive(Debug, Serialize)]
pub struct Report {
    pub machine: Machine,
    pub commit: Option<String>,
    pub settings: Settings,
    pub summary: Vec<Row>,
    pub deliveries: Vec<DeliveriesReport>,
    pub isolation: Option<IsolationReport>,
    pub start_up: Option<StartUpReport>,
    pub fan_out: Option<FanOutReport>,
    pub configured: Option<ConfiguredReport>,
    pub history: Option<HistoryReport>,
    pub idle: Option<IdleReport>,
    pub imports: Option<ImportsReport>,
    pub instructions: Option<InstructionsReport>,
    /// Of scenarios that could not be measured: why.
    pub failures: Vec<String>,
    pub seconds: f64,
}

/// Figures mean nothing without this.
#[derive(Debug, Serialize)]
pub struct Machine {
    pub cores: usize,
    pub processor: String,
    pub kernel: String,
}

impl Machine {
    fn here() -> Machine {
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

/// What is checked out in the working directory, and whether that is all.
fn commit() -> Option<String> {
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    let is_changed = git(&["status", "--porcelain"]).is_none_or(|changes| !changes.is_empty());
    Some(if is_changed { format!("{commit} and changes") } else { commit })
}

impl Report {
    pub fn new(settings: Settings) -> Report {
        Report {
            machine: Machine::here(),
            commit: commit(),
            settings,
            summary: Vec::new(),
            deliveries: Vec::new(),
            isolation: None,
            start_up: None,
            fan_out: None,
            configured: None,
            history: None,
            idle: None,
            imports: None,
            instructions: None,
            failures: Vec::new(),
            seconds: 0.0,
        }
    }

    pub fn heading(&self) -> String {
        let Machine { cores, processor, kernel } = &self.machine;
        let commit = self.commit.as_deref().unwrap_or("unknown");
        let size = if self.settings.is_quick { "; QUICK: a tenth of the size or less" } else { "" };
        format!("{cores} cores, {processor}, Linux {kernel}; commit {commit}{size}")
    }

    /// Gathers the rows of what was measured.
    pub fn summarise(&mut self) {
        let mut rows: Vec<Row> = self.deliveries.iter().flat_map(DeliveriesReport::rows).collect();
        rows.extend(self.isolation.iter().flat_map(IsolationReport::rows));
        rows.extend(self.start_up.iter().flat_map(StartUpReport::rows));
        rows.extend(self.fan_out.iter().flat_map(FanOutReport::rows));
        rows.extend(self.configured.iter().flat_map(ConfiguredReport::rows));
        rows.extend(self.history.iter().flat_map(HistoryReport::rows));
        rows.extend(self.imports.iter().flat_map(ImportsReport::rows));
        rows.extend(self.idle.iter().flat_map(IdleReport::rows));
        rows.extend(self.instructions.iter().flat_map(InstructionsReport::rows));
        self.summary = rows;
    }

    pub fn table(&self) -> Table {
        summary::table(&self.summary)
    }

    /// Speed is for people to judge, on their machines; a loss is wrong on any.
    pub fn is_broken(&self) -> bool {
        self.deliveries.iter().any(DeliveriesReport::is_broken)
            || self.isolation.as_ref().is_some_and(IsolationReport::is_broken)
            || self.start_up.as_ref().is_some_and(StartUpReport::is_broken)
            || self.fan_out.as_ref().is_some_and(FanOutReport::is_broken)
            || self.configured.as_ref().is_some_and(ConfiguredReport::is_broken)
            || self.history.as_ref().is_some_and(HistoryReport::is_broken)
            || self.idle.as_ref().is_some_and(IdleReport::is_broken)
            || self.imports.as_ref().is_some_and(ImportsReport::is_broken)
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

pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    match figures.len() {
        0 => 0.0,
        count if count % 2 == 1 => figures[count / 2],
        count => f64::midpoint(figures[count / 2 - 1], figures[count / 2]),
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
