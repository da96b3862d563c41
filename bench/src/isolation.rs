//! What one bad receiver does to the others: the same load with and without it.

use clap::ValueEnum;
use serde::Serialize;

use crate::progress::Progress;
use crate::receiver::Behaviour;
use crate::report::{is_broken, median_of, new_table};
use crate::run::{self, Measurement, Plan};
use crate::settings::Settings;
use crate::target::{TargetKind, check};

const GOOD_RECEIVERS: usize = 19;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// Takes requests and never answers
    Hangs,
    /// Answers 500 at once
    Fails,
}

/// Every event goes to 19 good receivers, and in the second half of the runs to a bad one too.
/// Only the 19 are counted.
#[derive(Debug, Serialize)]
pub struct IsolationReport {
    pub target: TargetKind,
    pub fault: Fault,
    pub without: Measurement,
    pub with: Measurement,
    pub rounds_without: Vec<Measurement>,
    pub rounds_with: Vec<Measurement>,
}

pub async fn measure(
    target: TargetKind,
    fault: Fault,
    settings: &Settings,
    progress: &mut Progress,
) -> anyhow::Result<IsolationReport> {
    check(&[target], settings)?;
    let behaviour = match fault {
        Fault::Hangs => Behaviour::Hangs,
        Fault::Fails => Behaviour::Fails,
    };
    let (mut rounds_without, mut rounds_with) = (Vec::new(), Vec::new());
    for round in 1..=settings.rounds {
        let mut halves = [None, Some(behaviour)];
        if round % 2 == 0 {
            halves.reverse();
        }
        for faulty in halves {
            let which = if faulty.is_some() { "with" } else { "without" };
            progress.begin(format!("isolation, round {round}, {which} a bad receiver"));
            let plan = Plan { target, receivers: GOOD_RECEIVERS, faulty };
            let measurement = run::run(plan, settings, progress).await?;
            let rounds = if faulty.is_some() { &mut rounds_with } else { &mut rounds_without };
            rounds.push(measurement);
        }
    }
    progress.end();
    Ok(IsolationReport {
        target,
        fault,
        without: median_of(&rounds_without),
        with: median_of(&rounds_with),
        rounds_without,
        rounds_with,
    })
}

impl IsolationReport {
    pub fn is_broken(&self) -> bool {
        is_broken(&self.rounds_without) || is_broken(&self.rounds_with)
    }

    pub fn table(&self) -> comfy_table::Table {
        let mut table = new_table(&[
            "the good receivers",
            "deliveries/s",
            "end to end ms\np50 / p99",
            "server\nCPU us",
            "lost",
            "twice",
        ]);
        for (name, figures) in [("without", &self.without), ("with", &self.with)] {
            table.add_row([
                format!("{name} a bad one"),
                format!("{:.0}", figures.deliveries_per_s),
                format!("{:.2} / {:.2}", figures.end_to_end_p50_ms, figures.end_to_end_p99_ms),
                figures.server_cpu_us.map_or("-".to_owned(), |cpu_us| format!("{cpu_us:.1}")),
                (figures.lost + figures.strangers).to_string(),
                figures.duplicates.to_string(),
            ]);
        }
        let ratio = |figure: fn(&Measurement) -> f64| {
            format!("{:.2}", figure(&self.with) / figure(&self.without).max(f64::MIN_POSITIVE))
        };
        table.add_row([
            "with / without".to_owned(),
            ratio(|figures| figures.deliveries_per_s),
            format!(
                "{} / {}",
                ratio(|figures| figures.end_to_end_p50_ms),
                ratio(|figures| figures.end_to_end_p99_ms)
            ),
        ]);
        table
    }
}
