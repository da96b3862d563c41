//! A hundred thousand webhooks, nearly all of which want other events: what they cost those who
//! post, against ten.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use posthaste_core::catalogue::builtins;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::api::webhook;
use crate::prepared::{DATA, copy, prepare};
use crate::progress::Progress;
use crate::report::{is_broken, median_of};
use crate::run::{self, Measurement, Plan};
use crate::settings::Settings;
use crate::summary::{Row, Unit, Wish};
use crate::target::{Product, TargetKind, check};
use crate::workload::EVENT_TYPE;

const FEW: usize = 10;
/// Files there are never on a disk.
const MEMORY: &str = "/dev/shm";
const SCENARIO: &str = "configured";
/// Nobody listens there; nothing is ever sent there either.
const NOWHERE: &str = "http://127.0.0.1:9/hook";

#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConfiguredArgs {
    /// Webhooks that are configured [default: 100000]
    #[arg(long)]
    configured: Option<usize>,
    /// Create them anew, even if a folder with them is kept
    #[arg(long)]
    fresh: bool,
}

#[derive(Debug, Serialize)]
pub struct ConfiguredReport {
    pub webhooks: usize,
    pub creating_s: f64,
    /// They were created by an earlier call.
    pub is_kept: bool,
    /// With all of them: until ready, and the memory then.
    pub ready_s: f64,
    pub memory_when_ready_bytes: u64,
    pub few: Measurement,
    pub many: Measurement,
    pub rounds_few: Vec<Measurement>,
    pub rounds_many: Vec<Measurement>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Notes {
    creating_s: f64,
}

pub async fn measure(
    args: &ConfiguredArgs,
    settings: &Settings,
    progress: &mut Progress,
) -> anyhow::Result<ConfiguredReport> {
    check(&[TargetKind::Product], settings)?;
    let webhooks = settings.size(args.configured, 100_000, 10_000);
    ensure!(webhooks > FEW, "--configured is more than {FEW}");
    let mut prepared = Vec::new();
    for count in [FEW, webhooks] {
        progress.begin(format!("configured, {count} webhooks"));
        let name = format!("configured-{count}");
        let fill = async |folder: &Path| create(count - 1, settings, folder, progress).await;
        prepared.push(prepare(settings, &name, "", args.fresh, fill).await?);
    }
    let (few, many) = (&prepared[0], &prepared[1]);

    let mut product = Product::start(settings, &many.data).await?;
    let ready_s = product.ready_after.as_secs_f64();
    let memory_when_ready_bytes = product.server.usage().memory_bytes;
    product.server.check()?;
    product.stop().await?;

    let (mut rounds_few, mut rounds_many) = (Vec::new(), Vec::new());
    for round in 1..=settings.rounds {
        let mut turns = [(FEW, few, &mut rounds_few), (webhooks, many, &mut rounds_many)];
        if round % 2 == 0 {
            turns.reverse();
        }
        for (count, prepared, rounds) in turns {
            progress.begin(format!("configured, round {round}, {count} webhooks"));
            let data = Some(prepared.data.as_path());
            let plan = Plan { target: TargetKind::Product, receivers: 1, uncounted: None, data };
            rounds.push(run::run(plan, settings, progress).await?);
        }
    }
    progress.end();
    Ok(ConfiguredReport {
        webhooks,
        creating_s: many.notes.creating_s,
        is_kept: many.is_kept,
        ready_s,
        memory_when_ready_bytes,
        few: median_of(&rounds_few),
        many: median_of(&rounds_many),
        rounds_few,
        rounds_many,
    })
}

/// In memory, where there is room for it: each webhook is a sync of its own, and on a disk a hundred
/// thousand of them take minutes.
async fn create(
    count: usize,
    settings: &Settings,
    folder: &Path,
    progress: &mut Progress,
) -> anyhow::Result<Notes> {
    let data = folder.join(DATA);
    if let Ok(in_memory) = tempfile::tempdir_in(MEMORY) {
        let made = in_memory.path().join(DATA);
        if let Ok(notes) = create_in(count, settings, &made, progress).await {
            copy(&made, &data)?;
            return Ok(notes);
        }
    }
    create_in(count, settings, &data, progress).await
}

/// Webhooks for every event type but the one that is posted.
async fn create_in(
    count: usize,
    settings: &Settings,
    data: &Path,
    progress: &mut Progress,
) -> anyhow::Result<Notes> {
    let product = Product::start(settings, data).await?;
    let others = || builtins().iter().filter(|builtin| builtin.name != EVENT_TYPE);
    let types = others().count();
    let started = Instant::now();
    let other = move |position: usize| {
        let wanted = others().nth(position % types).expect("a rest is less");
        webhook(NOWHERE, wanted.name)
    };
    product.api.create_webhooks(count, other, progress).await?;
    let creating_s = started.elapsed().max(Duration::from_millis(1)).as_secs_f64();
    product.stop().await?;
    Ok(Notes { creating_s })
}

impl ConfiguredReport {
    pub fn is_broken(&self) -> bool {
        is_broken(&self.rounds_few) || is_broken(&self.rounds_many)
    }

    pub fn rows(&self) -> Vec<Row> {
        let row = |figure: &str, value, unit| Row::new(SCENARIO, figure, value, unit);
        let ratio = |figure: fn(&Measurement) -> f64| {
            figure(&self.many) / figure(&self.few).max(f64::MIN_POSITIVE)
        };
        let created = self.webhooks as f64 / self.creating_s;
        let of_ten = format!("{} webhooks, of the rate with {FEW}", self.webhooks);
        vec![
            row("webhooks created, in memory if there is room", created, Unit::PerSecond),
            row("until ready", self.ready_s, Unit::Seconds),
            row("memory when ready", self.memory_when_ready_bytes as f64, Unit::Megabytes),
            row(&of_ten, ratio(|one| one.deliveries_per_s), Unit::Percent)
                .wanted(Wish::AtLeast(0.9)),
            row("accepting, p50 of that with few", ratio(|one| one.accept_p50_ms), Unit::Times)
                .wanted(Wish::AtMost(1.1)),
            row("accepting, p99 of that with few", ratio(|one| one.accept_p99_ms), Unit::Times)
                .wanted(Wish::AtMost(1.1)),
        ]
    }
}
