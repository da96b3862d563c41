//! Ten million deliveries in the store: what lists, statistics, accepting and delivering cost then,
//! and dropping a day of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use posthaste_core::store::DeliveryStore;
use posthaste_core::time::Timestamp;
use posthaste_store::SqliteStore;
use serde::Serialize;
use tokio::time::Instant;

use crate::history_filling::{self, Collected, Contents, DAY, NODE};
use crate::prepared::{copy, prepare};
use crate::progress::Progress;
use crate::queries::{self, Answered};
use crate::report::{is_broken, median_of, new_table};
use crate::run::{self, Measurement, Plan};
use crate::settings::Settings;
use crate::summary::{Row, Unit, Wish};
use crate::target::{Product, TargetKind, check, new_folder};

const SCENARIO: &str = "history";
const DAYS: u16 = 30;
const LIST_MS_MAX: f64 = 50.0;
const STATS_MS_MAX: f64 = 100.0;

#[derive(Debug, Clone, Default, clap::Args)]
pub struct HistoryArgs {
    /// Deliveries stored [default: 10000000]
    #[arg(long)]
    deliveries: Option<usize>,
    /// Days that they are spread over, up to today [default: 30]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=90))]
    days: Option<u16>,
    /// Store them anew, even if a folder with them is kept
    #[arg(long)]
    fresh: bool,
    /// Only the lists and statistics
    #[arg(long)]
    queries_only: bool,
}

#[derive(Debug, Serialize)]
pub struct HistoryReport {
    pub contents: Contents,
    /// They were stored by an earlier call.
    pub is_kept: bool,
    pub ready_s: f64,
    pub memory_when_ready_bytes: u64,
    pub memory_after_queries_bytes: u64,
    pub lists: Vec<Answered>,
    pub stats: Vec<Answered>,
    pub others: Vec<Answered>,
    /// A list that finds nothing, followed to its end.
    pub to_the_end: Answered,
    pub load: Option<Load>,
    /// Dropping the oldest day.
    pub expire_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
pub struct Load {
    pub empty: Measurement,
    pub full: Measurement,
    pub rounds_empty: Vec<Measurement>,
    pub rounds_full: Vec<Measurement>,
}

pub async fn measure(
    args: &HistoryArgs,
    settings: &Settings,
    progress: &mut Progress,
) -> anyhow::Result<HistoryReport> {
    check(&[TargetKind::Product], settings)?;
    let deliveries = settings.size(args.deliveries, 10_000_000, 200_000);
    let days = usize::from(args.days.unwrap_or(DAYS));
    ensure!(deliveries >= history_filling::AT_LEAST * days, "--deliveries is too few");
    progress.begin(format!("history, storing {deliveries} deliveries of {days} days"));
    let name = format!("history-{deliveries}-{days}");
    let fill = async |folder: &Path| {
        history_filling::fill(deliveries, days, settings, folder, progress).await
    };
    let prepared = prepare(settings, &name, "", args.fresh, fill).await?;
    let contents = prepared.notes;

    progress.begin(format!("history, questions to {deliveries} deliveries"));
    let mut product = Product::start(settings, &prepared.data).await?;
    let ready_s = product.ready_after.as_secs_f64();
    let memory_when_ready_bytes = product.server.usage().memory_bytes;
    let lists = queries::lists(&product.api, &contents, progress).await?;
    let stats = queries::stats(&product.api, &contents, progress).await?;
    let others = queries::others(&product.api, &contents, progress).await?;
    let to_the_end = queries::to_the_end(&product.api, progress).await?;
    let memory_after_queries_bytes = product.server.usage().memory_bytes;
    product.server.check()?;
    product.stop().await?;

    let (mut load, mut expire_ms) = (None, None);
    if !args.queries_only {
        progress.begin("history, copying".to_owned());
        let folder = new_folder(settings)?;
        let data = folder.path().join("copy");
        copy(&prepared.data, &data)?;
        load = Some(load_with(&data, settings, progress).await?);
        expire_ms = Some(drop_a_day(&data, &contents).await?);
    }
    progress.end();
    Ok(HistoryReport {
        contents,
        is_kept: prepared.is_kept,
        ready_s,
        memory_when_ready_bytes,
        memory_after_queries_bytes,
        lists,
        stats,
        others,
        to_the_end,
        load,
        expire_ms,
    })
}

/// The usual load on the folder, and on an empty one.
async fn load_with(
    data: &Path,
    settings: &Settings,
    progress: &mut Progress,
) -> anyhow::Result<Load> {
    let (mut rounds_empty, mut rounds_full) = (Vec::new(), Vec::new());
    for round in 1..=settings.rounds {
        let mut turns = [(None, &mut rounds_empty), (Some(data), &mut rounds_full)];
        if round % 2 == 0 {
            turns.reverse();
        }
        for (data, rounds) in turns {
            let what = if data.is_some() { "full" } else { "empty" };
            progress.begin(format!("history, round {round}, {what} store"));
            let plan = Plan { target: TargetKind::Product, receivers: 1, uncounted: None, data };
            rounds.push(run::run(plan, settings, progress).await?);
        }
    }
    Ok(Load {
        empty: median_of(&rounds_empty),
        full: median_of(&rounds_full),
        rounds_empty,
        rounds_full,
    })
}

/// By the store alone: the server does it once an hour.
async fn drop_a_day(data: &Path, contents: &Contents) -> anyhow::Result<f64> {
    let now = Timestamp::from_millis(contents.until_ms);
    let sink = Arc::new(Collected::default());
    let store = SqliteStore::open(data, NODE, sink, now).context("opening the store")?;
    let second_day = Timestamp::from_millis(contents.from_ms).saturating_add(DAY);
    let started = Instant::now();
    let days = store.expire(second_day).await?;
    let took = started.elapsed();
    ensure!(days == 1 || contents.days == 1, "{days} days were dropped instead of one");
    Ok(milliseconds(took))
}

pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn slowest(answered: &[Answered], figure: fn(&Answered) -> f64) -> Option<&Answered> {
    answered.iter().max_by(|one, other| figure(one).total_cmp(&figure(other)))
}

impl HistoryReport {
    pub fn is_broken(&self) -> bool {
        self.load
            .as_ref()
            .is_some_and(|load| is_broken(&load.rounds_empty) || is_broken(&load.rounds_full))
    }

    pub fn rows(&self) -> Vec<Row> {
        let row = |figure: &str, value, unit| Row::new(SCENARIO, figure, value, unit);
        let Contents { deliveries, bytes, days, .. } = &self.contents;
        let count = *deliveries as f64;
        let mut rows = vec![
            row(&format!("deliveries stored, of {days} days"), count, Unit::Count),
            row("storing them", count / self.contents.storing_s, Unit::PerSecond),
            row("on disk for each", *bytes as f64 / count, Unit::Bytes),
            row("until ready", self.ready_s, Unit::Seconds),
        ];
        rows.extend(slowest_rows("list", &self.lists, LIST_MS_MAX));
        rows.extend(slowest_rows("statistics", &self.stats, STATS_MS_MAX));
        rows.extend(slowest_rows("other pages", &self.others, LIST_MS_MAX));
        let to_the_end = format!("{} ({})", self.to_the_end.question, self.to_the_end.answer);
        rows.push(row(&to_the_end, self.to_the_end.max_ms / 1e3, Unit::Seconds));
        if let Some(load) = &self.load {
            let rate = load.full.deliveries_per_s / load.empty.deliveries_per_s.max(1e-9);
            rows.push(
                row("accepting and delivering, of the rate with none", rate, Unit::Percent)
                    .wanted(Wish::AtLeast(0.9)),
            );
        }
        if let Some(expire_ms) = self.expire_ms {
            rows.push(row("dropping a day", expire_ms, Unit::Milliseconds));
        }
        rows
    }

    /// Every question.
    pub fn table(&self) -> comfy_table::Table {
        let mut table = new_table(&["question", "p50 ms", "max ms", "answered"]);
        for answered in
            self.lists.iter().chain(&self.stats).chain(&self.others).chain([&self.to_the_end])
        {
            table.add_row([
                answered.question.clone(),
                format!("{:.2}", answered.p50_ms),
                format!("{:.2}", answered.max_ms),
                answered.answer.clone(),
            ]);
        }
        table
    }
}

/// The slowest of many by its median, and the slowest answer of all.
fn slowest_rows(what: &str, answered: &[Answered], limit_ms: f64) -> Vec<Row> {
    let count = answered.len();
    let over = answered.iter().filter(|one| one.p50_ms >= limit_ms).count();
    let mut rows = Vec::new();
    if let Some(one) = slowest(answered, |one| one.p50_ms) {
        let figure = format!("{what}, slowest p50 of {count} ({over} over): {}", one.question);
        rows.push(
            Row::new(SCENARIO, figure, one.p50_ms, Unit::Milliseconds)
                .wanted(Wish::Under(limit_ms)),
        );
    }
    if let Some(one) = slowest(answered, |one| one.max_ms) {
        let figure = format!("{what}, slowest answer: {}", one.question);
        rows.push(Row::new(SCENARIO, figure, one.max_ms, Unit::Milliseconds));
    }
    rows
}
