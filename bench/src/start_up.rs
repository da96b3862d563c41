//! A server that starts with a million deliveries to do: how soon it is ready, how soon it
//! delivers, what memory that takes, and how fast it works them off.
//!
//! They come about as in life. The receivers take requests and do not answer, events go on being
//! accepted, and then the power is cut. When the server starts again, the receivers answer.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use posthaste_core::limits::TIMEOUT_MS_MAX;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::api::{API_KEY, webhook};
use crate::ledger::{Interval, Ledger};
use crate::load::Clients;
use crate::progress::Progress;
use crate::receiver::{Behaviour, Entry, Position, Receiver};
use crate::run::{self, ARRIVAL_TIMEOUT, Plan};
use crate::settings::Settings;
use crate::summary::{Row, Unit, Wish};
use crate::target::{Product, TargetKind, check, new_folder};
use crate::workload::{EVENT_TYPE, Events, RequestTemplate};

const WEBHOOKS: usize = 20;
const BATCH: usize = 100;
const SCENARIO: &str = "start-up";
/// A drain without an arrival for so long is over, with or without loss: longer than the first
/// pause of the retry schedule.
const STILL: Duration = ARRIVAL_TIMEOUT;
const TICK: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Default, clap::Args)]
pub struct StartUpArgs {
    /// Deliveries that are pending when the server starts [default: 1000000]
    #[arg(long)]
    pending: Option<usize>,
}

#[derive(Debug, Clone, Serialize)]
pub struct StartUpReport {
    pub pending: usize,
    /// How long it took to have them accepted.
    pub accepting_s: f64,
    /// From starting the program to `/readyz`.
    pub ready_s: f64,
    /// From starting the program to the first delivery.
    pub first_delivery_s: f64,
    pub memory_when_ready_bytes: u64,
    pub memory_max_when_ready_bytes: u64,
    pub memory_max_bytes: u64,
    /// Until 99 in 100 had arrived: a few are on a later place of their schedule.
    pub drain_per_s: f64,
    pub last_delivery_s: f64,
    /// The same server and receivers under the usual load.
    pub usual_per_s: f64,
    pub server_cpu_us: f64,
    pub lost: u64,
    pub duplicates: u64,
    pub strangers: u64,
}

pub async fn measure(
    args: &StartUpArgs,
    settings: &Settings,
    progress: &mut Progress,
) -> anyhow::Result<StartUpReport> {
    check(&[TargetKind::Product], settings)?;
    let pending = settings.size(args.pending, 1_000_000, 100_000);
    let events = pending / WEBHOOKS / BATCH * BATCH;
    ensure!(events > 0, "--pending is at least {}", WEBHOOKS * BATCH);
    progress.begin("start-up, the usual load".to_owned());
    let shorter = settings.shorter(3.0);
    let plan =
        Plan { target: TargetKind::Product, receivers: WEBHOOKS, uncounted: None, data: None };
    let usual = run::run(plan, &shorter, progress).await?;

    progress.begin(format!("start-up, {} pending deliveries", events * WEBHOOKS));
    let folder = new_folder(settings)?;
    let data = folder.path().join("data");
    // Nothing waits for the window; a client has room to find that there are no more events.
    let ledger = Arc::new(Ledger::with_events(WEBHOOKS, events + BATCH, events));
    let (addresses, accepting) = accept(settings, &data, &ledger, progress).await?;

    let mut receivers = Vec::new();
    for (position, &address) in addresses.iter().enumerate() {
        let entry = Entry { ledger: ledger.clone(), position: Position::At(position) };
        let behaviour = Behaviour::Answers(Duration::ZERO);
        receivers.push(Receiver::start_at(address, behaviour, Some(entry))?);
    }
    progress.show("starting");
    let started_us = ledger.now_us();
    let mut product = Product::start(settings, &data).await?;
    let when_ready = product.server.usage();
    let ready_s = product.ready_after.as_secs_f64();
    drain(&ledger, &mut product, progress).await?;
    let usage = product.server.usage();
    product.stop().await?;

    let findings = ledger.findings(Interval { from_us: 0, until_us: u32::MAX });
    let mut arrivals_s: Vec<f64> = ledger.arrivals_us().into_iter().map(f64::from).collect();
    arrivals_s.sort_by(f64::total_cmp);
    arrivals_s.iter_mut().for_each(|at| *at = (*at - f64::from(started_us)) / 1e6);
    let first_delivery_s = arrivals_s.first().copied().unwrap_or_default();
    let most = arrivals_s.len() * 99 / 100;
    let most_s = arrivals_s.get(most).copied().unwrap_or_default();
    progress.end();
    Ok(StartUpReport {
        pending: events * WEBHOOKS,
        accepting_s: accepting.as_secs_f64(),
        ready_s,
        first_delivery_s,
        memory_when_ready_bytes: when_ready.memory_bytes,
        memory_max_when_ready_bytes: when_ready.memory_max_bytes,
        memory_max_bytes: usage.memory_max_bytes,
        drain_per_s: most as f64 / (most_s - first_delivery_s).max(f64::MIN_POSITIVE),
        last_delivery_s: arrivals_s.last().copied().unwrap_or_default(),
        usual_per_s: usual.deliveries_per_s,
        server_cpu_us: usage.cpu_us as f64 / arrivals_s.len().max(1) as f64,
        lost: findings.lost,
        duplicates: findings.duplicates,
        strangers: findings.strangers,
    })
}

/// Accepts as many events as the ledger has places, for receivers that do not answer, and ends the
/// server as a power cut would. Answers where the receivers were.
async fn accept(
    settings: &Settings,
    data: &Path,
    ledger: &Arc<Ledger>,
    progress: &mut Progress,
) -> anyhow::Result<(Vec<SocketAddr>, Duration)> {
    let mut product = Product::start(settings, data).await?;
    let mut receivers = Vec::new();
    for _ in 0..WEBHOOKS {
        let receiver = Receiver::start(Behaviour::Hangs, None)?;
        let mut webhook = webhook(&receiver.url(), EVENT_TYPE);
        // So that no attempt ends meanwhile.
        webhook["timeout_ms"] = TIMEOUT_MS_MAX.into();
        product.api.create_webhook(&webhook).await?;
        receivers.push(receiver);
    }
    let path = "/v1/events/batch";
    let template = RequestTemplate::new(path, API_KEY, EVENT_TYPE, Events::Batch(BATCH))?;
    let started = Instant::now();
    let mut clients =
        Clients::start(settings.connections, &[product.address], &template, ledger).await?;
    while !ledger.is_stopped() {
        sleep(TICK).await;
        product.server.check()?;
        clients.check()?;
        progress.show(&format!("{} events accepted", ledger.posted()));
    }
    clients.finish().await?;
    let accepting = started.elapsed();
    product.server.kill()?;
    let mut addresses = Vec::new();
    for receiver in receivers {
        addresses.push(receiver.address);
        receiver.end().await;
    }
    Ok((addresses, accepting))
}

/// Until everything has arrived, or nothing does any more.
async fn drain(
    ledger: &Ledger,
    product: &mut Product,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    let (mut delivered, mut moved) = (0, Instant::now());
    while !ledger.is_complete() && moved.elapsed() < STILL {
        sleep(TICK).await;
        product.server.check()?;
        if ledger.delivered() > delivered {
            (delivered, moved) = (ledger.delivered(), Instant::now());
        }
        progress.show(&format!("{delivered} delivered"));
    }
    Ok(())
}

impl StartUpReport {
    pub fn is_broken(&self) -> bool {
        self.lost > 0 || self.strangers > 0
    }

    pub fn rows(&self) -> Vec<Row> {
        let row = |figure: &str, value, unit| Row::new(SCENARIO, figure, value, unit);
        let first_s = (self.first_delivery_s - self.ready_s).max(0.0);
        let memory = self.memory_max_when_ready_bytes as f64;
        let share = self.drain_per_s / self.usual_per_s.max(f64::MIN_POSITIVE);
        vec![
            row("deliveries pending at the start", self.pending as f64, Unit::Count),
            row("until ready", self.ready_s, Unit::Seconds).wanted(Wish::Under(3.0)),
            row("from ready to the first delivery", first_s, Unit::Seconds)
                .wanted(Wish::Under(1.0)),
            row("most memory until ready", memory, Unit::Megabytes).wanted(Wish::Under(300e6)),
            row(
                "most memory until all were delivered",
                self.memory_max_bytes as f64,
                Unit::Megabytes,
            ),
            row("working off", self.drain_per_s, Unit::PerSecond),
            row("working off, of the usual rate", share, Unit::Percent),
            row("lost", self.lost as f64, Unit::Count).wanted(Wish::AtMost(0.0)),
            row("came twice", self.duplicates as f64, Unit::Count),
        ]
    }
}
