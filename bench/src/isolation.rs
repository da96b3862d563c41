//! What bad receivers do to the others: the same load on the same webhooks, once with receivers all
//! of which are good, and once with some that are not. Those some are counted in neither.

use clap::ValueEnum;
use serde::Serialize;
use std::time::Duration;

use crate::progress::Progress;
use crate::receiver::Behaviour;
use crate::report::{is_broken, median_of, new_table};
use crate::run::{self, Measurement, Plan, Uncounted};
use crate::settings::Settings;
use crate::summary::{Row, Unit, Wish};
use crate::target::{TargetKind, check};

/// Good and bad together; every event goes to all of them.
const RECEIVERS: usize = 100;
/// What the bad ones' webhooks wait for an answer: short, so that a run of a few seconds sees how
/// the server takes it.
const BAD_TIMEOUT_MS: u32 = 1_000;
const SLOW: Duration = Duration::from_millis(500);
const SCENARIO: &str = "isolation";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// Takes requests and never answers
    Hangs,
    /// Answers 500 at once
    Fails,
    /// Answers after half a second
    Slow,
}

/// What to compare: so many bad receivers of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Case {
    pub bad: usize,
    pub fault: Fault,
}

/// By how many bad ones there are, so that those with as many can share a comparison.
pub const CASES: [Case; 5] = [
    Case { bad: 1, fault: Fault::Hangs },
    Case { bad: 10, fault: Fault::Hangs },
    Case { bad: 10, fault: Fault::Fails },
    Case { bad: 10, fault: Fault::Slow },
    Case { bad: 50, fault: Fault::Hangs },
];

#[derive(Debug, clap::Args)]
pub struct IsolationArgs {
    #[arg(long, value_enum, default_value_t = TargetKind::Product)]
    target: TargetKind,
    /// How many of 100 receivers are bad; without it, all that `all` measures
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..100))]
    bad: Option<u16>,
    /// What the bad ones do
    #[arg(long, value_enum, default_value_t = Fault::Hangs)]
    fault: Fault,
}

/// Only the good receivers are counted.
#[derive(Debug, Serialize)]
pub struct IsolationReport {
    pub target: TargetKind,
    pub bad_timeout_ms: u32,
    pub comparisons: Vec<Comparison>,
}

#[derive(Debug, Serialize)]
pub struct Comparison {
    pub case: Case,
    pub without: Measurement,
    pub with: Measurement,
    pub rounds_without: Vec<Measurement>,
    pub rounds_with: Vec<Measurement>,
}

impl IsolationArgs {
    pub fn target_and_cases(&self) -> (TargetKind, Vec<Case>) {
        let fault = self.fault;
        let cases = match self.bad {
            Some(bad) => vec![Case { bad: usize::from(bad), fault }],
            None => CASES.to_vec(),
        };
        (self.target, cases)
    }
}

pub async fn measure(
    target: TargetKind,
    cases: &[Case],
    settings: &Settings,
    progress: &mut Progress,
) -> anyhow::Result<IsolationReport> {
    check(&[target], settings)?;
    let mut comparisons = Vec::new();
    for group in cases.chunk_by(|one, next| one.bad == next.bad) {
        comparisons.append(&mut compare(target, group, settings, progress).await?);
    }
    progress.end();
    Ok(IsolationReport { target, bad_timeout_ms: BAD_TIMEOUT_MS, comparisons })
}

/// Cases with as many bad receivers, each against the same runs in which those are good as well.
async fn compare(
    target: TargetKind,
    cases: &[Case],
    settings: &Settings,
    progress: &mut Progress,
) -> anyhow::Result<Vec<Comparison>> {
    let Some(Case { bad, .. }) = cases.first().copied() else { return Ok(Vec::new()) };
    let receivers = RECEIVERS - bad;
    let mut turns: Vec<(Option<Case>, Vec<Measurement>)> = vec![(None, Vec::new())];
    turns.extend(cases.iter().map(|&case| (Some(case), Vec::new())));
    for round in 1..=settings.rounds {
        for (case, rounds) in &mut turns {
            let what = case.map_or("all good".to_owned(), Case::text);
            progress.begin(format!("isolation, round {round}, {receivers} and {bad}: {what}"));
            let uncounted = case.map_or(all_good(bad), Case::receivers);
            let plan = Plan { target, receivers, uncounted: Some(uncounted), data: None };
            rounds.push(run::run(plan, settings, progress).await?);
        }
        // So that a change of the machine's mood meets all.
        turns.reverse();
    }
    let without = turns.iter().position(|(case, _)| case.is_none()).expect("it was put in");
    let (_, rounds_without) = turns.remove(without);
    let mut comparisons: Vec<Comparison> = turns
        .into_iter()
        .filter_map(|(case, rounds_with)| {
            Some(Comparison {
                case: case?,
                without: median_of(&rounds_without),
                with: median_of(&rounds_with),
                rounds_without: rounds_without.clone(),
                rounds_with,
            })
        })
        .collect();
    comparisons.sort_by_key(|comparison| cases.iter().position(|&case| case == comparison.case));
    Ok(comparisons)
}

/// The same number as there are bad ones, behaving.
fn all_good(count: usize) -> Uncounted {
    let behaviour = Behaviour::Answers(Duration::ZERO);
    Uncounted { count, behaviour, timeout_ms: BAD_TIMEOUT_MS }
}

impl Case {
    fn receivers(self) -> Uncounted {
        let behaviour = match self.fault {
            Fault::Hangs => Behaviour::Hangs,
            Fault::Fails => Behaviour::Fails,
            Fault::Slow => Behaviour::Answers(SLOW),
        };
        Uncounted { count: self.bad, behaviour, timeout_ms: BAD_TIMEOUT_MS }
    }

    fn text(self) -> String {
        let what = match self.fault {
            Fault::Hangs => format!("never answer (timeout {BAD_TIMEOUT_MS} ms)"),
            Fault::Fails => "answer 500".to_owned(),
            Fault::Slow => format!("answer after {} ms", SLOW.as_millis()),
        };
        format!("{} of {RECEIVERS} {what}", self.bad)
    }
}

impl Comparison {
    fn ratio(&self, figure: fn(&Measurement) -> f64) -> f64 {
        figure(&self.with) / figure(&self.without).max(f64::MIN_POSITIVE)
    }
}

impl IsolationReport {
    pub fn is_broken(&self) -> bool {
        self.comparisons
            .iter()
            .any(|one| is_broken(&one.rounds_without) || is_broken(&one.rounds_with))
    }

    pub fn rows(&self) -> Vec<Row> {
        let rows_of = |one: &Comparison| {
            let rate = one.ratio(|figures| figures.deliveries_per_s);
            let p99 = one.ratio(|figures| figures.end_to_end_p99_ms);
            let case = one.case.text();
            [
                Row::new(SCENARIO, format!("{case}: the others' rate"), rate, Unit::Percent)
                    .wanted(Wish::AtLeast(0.9)),
                Row::new(SCENARIO, format!("{case}: the others' p99"), p99, Unit::Times)
                    .wanted(Wish::AtMost(1.2)),
            ]
        };
        self.comparisons.iter().flat_map(rows_of).collect()
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
        for one in &self.comparisons {
            let good = RECEIVERS - one.case.bad;
            for (name, figures) in [
                (format!("{good} of {RECEIVERS} good"), &one.without),
                (one.case.text(), &one.with),
            ] {
                table.add_row([
                    name,
                    format!("{:.0}", figures.deliveries_per_s),
                    format!("{:.2} / {:.2}", figures.end_to_end_p50_ms, figures.end_to_end_p99_ms),
                    figures.server_cpu_us.map_or("-".to_owned(), |cpu_us| format!("{cpu_us:.1}")),
                    (figures.lost + figures.strangers).to_string(),
                    figures.duplicates.to_string(),
                ]);
            }
        }
        table
    }
}
