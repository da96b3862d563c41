//! One event that ten thousand webhooks want: how long until the last of them has it, what the
//! events of others have to wait meanwhile, and what memory it takes.
//!
//! Every webhook has an address of its own (all of 127.0.0.0/8 is this machine), so every delivery
//! needs a connection of its own, as with ten thousand customers.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::api::{API_KEY, webhook};
use crate::ledger::{Interval, Ledger};
use crate::load::Clients;
use crate::progress::Progress;
use crate::receiver::{Behaviour, Entry, Position, Receiver};
use crate::report::median;
use crate::run::{ARRIVAL_TIMEOUT, percentile_ms};
use crate::settings::Settings;
use crate::summary::{Row, Unit, Wish};
use crate::target::{Product, TargetKind, check, new_folder};
use crate::workload::{EVENT_TYPE, Events, RequestTemplate};

/// What the many want; the other webhook wants [`EVENT_TYPE`].
const WIDE_EVENT_TYPE: &str = "campaign.completed";
/// Clients that post the other events, one at a time each.
const OTHER_CLIENTS: usize = 4;
const ALONE: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(5);
const SCENARIO: &str = "fan-out";

#[derive(Debug, Clone, Default, clap::Args)]
pub struct FanOutArgs {
    /// Webhooks that want the event [default: 10000]
    #[arg(long)]
    receivers: Option<usize>,
}

#[derive(Debug, Clone, Serialize)]
pub struct FanOutReport {
    pub receivers: usize,
    pub creating_s: f64,
    pub accept_ms: f64,
    /// From posting the event to its arrival at the last receiver.
    pub last_delivery_s: f64,
    /// In the first, all connections have to be made; later ones use those that are still open.
    pub rounds_s: Vec<f64>,
    pub other_alone_p50_ms: f64,
    pub other_alone_p99_ms: f64,
    pub other_meanwhile_p50_ms: f64,
    pub other_meanwhile_max_ms: f64,
    /// Before the event.
    pub memory_before_bytes: u64,
    pub memory_max_bytes: u64,
    pub lost: u64,
    pub duplicates: u64,
    pub strangers: u64,
}

/// A ledger, its receiver, and how events get into it.
struct Stream {
    ledger: Arc<Ledger>,
    receiver: Receiver,
    template: RequestTemplate,
}

impl Stream {
    fn wide(receivers: usize, rounds: usize) -> anyhow::Result<Stream> {
        // One event after the other has arrived everywhere.
        let ledger = Arc::new(Ledger::with_events(receivers, 1, rounds));
        let entry = Entry { ledger: ledger.clone(), position: Position::InPath };
        let everywhere = (Ipv4Addr::UNSPECIFIED, 0).into();
        let answers = Behaviour::Answers(Duration::ZERO);
        let receiver = Receiver::start_at(everywhere, answers, Some(entry))?;
        let template = RequestTemplate::new("/v1/events", API_KEY, WIDE_EVENT_TYPE, Events::One)?;
        Ok(Stream { ledger, receiver, template })
    }

    fn other() -> anyhow::Result<Stream> {
        let ledger = Arc::new(Ledger::new(1, OTHER_CLIENTS));
        let entry = Entry { ledger: ledger.clone(), position: Position::At(0) };
        let receiver = Receiver::start(Behaviour::Answers(Duration::ZERO), Some(entry))?;
        let template = RequestTemplate::new("/v1/events", API_KEY, EVENT_TYPE, Events::One)?;
        Ok(Stream { ledger, receiver, template })
    }

    async fn post(&self, clients: usize, product: &Product) -> anyhow::Result<Clients> {
        Clients::start(clients, &[product.address], &self.template, &self.ledger).await
    }
}

pub async fn measure(
    args: &FanOutArgs,
    settings: &Settings,
    progress: &mut Progress,
) -> anyhow::Result<FanOutReport> {
    check(&[TargetKind::Product], settings)?;
    let receivers = settings.size(args.receivers, 10_000, 1_000);
    ensure!((1..=100_000).contains(&receivers), "--receivers goes from 1 to 100000");
    progress.begin(format!("fan-out, {receivers} webhooks"));
    let folder = new_folder(settings)?;
    let mut product = Product::start(settings, &folder.path().join("data")).await?;
    // In this order: the other one's clock is the one ahead.
    let other = Stream::other()?;
    let wide = Stream::wide(receivers, settings.rounds)?;

    let started = Instant::now();
    let port = wide.receiver.address.port();
    let webhook_at = move |position| webhook(&url_of(position, port), WIDE_EVENT_TYPE);
    product.api.create_webhooks(receivers, webhook_at, progress).await?;
    let creating_s = started.elapsed().as_secs_f64();
    product.api.create_webhook(&webhook(&other.receiver.url(), EVENT_TYPE)).await?;

    progress.show("the other events alone");
    let mut other_clients = other.post(OTHER_CLIENTS, &product).await?;
    let alone_from_us = other.ledger.now_us();
    sleep(ALONE).await;
    let alone = Interval { from_us: alone_from_us, until_us: other.ledger.now_us() };
    let memory_before_bytes = product.server.usage().memory_bytes;

    let mut wide_clients = wide.post(1, &product).await?;
    let ahead_us = other.ledger.now_us() - wide.ledger.now_us();
    let deadline = Instant::now() + ARRIVAL_TIMEOUT;
    // The client posts an event for each round, and finds that there are no more.
    while !wide.ledger.is_stopped() && Instant::now() < deadline {
        sleep(TICK).await;
        product.server.check()?;
        other_clients.check()?;
        wide_clients.check()?;
        progress.show(&format!("{} delivered", wide.ledger.delivered()));
    }
    let memory_max_bytes = product.server.usage().memory_max_bytes;
    wide.ledger.stop();
    wide_clients.finish().await?;
    other.ledger.stop();
    other_clients.finish().await?;
    while !other.ledger.is_complete() && Instant::now() < deadline {
        sleep(TICK).await;
    }
    product.stop().await?;
    progress.end();
    let report = FanOutReport {
        receivers,
        creating_s,
        memory_before_bytes,
        memory_max_bytes,
        ..found(&wide.ledger, &other.ledger, ahead_us, alone)
    };
    Ok(report)
}

/// What the two ledgers say. The other one is `ahead_us` ahead of the wide one.
fn found(wide: &Ledger, other: &Ledger, ahead_us: u32, alone: Interval) -> FanOutReport {
    let times: Vec<_> = (0..wide.posted()).map(|sequence| wide.times_us(sequence)).collect();
    let seconds_of =
        |(sent_us, _, last_us): &(u32, u32, u32)| f64::from(last_us.saturating_sub(*sent_us)) / 1e6;
    let rounds_s: Vec<f64> = times.iter().map(seconds_of).collect();
    let accept_ms = times.iter().map(|(sent, accepted, _)| f64::from(accepted - sent) / 1e3);
    let mut meanwhile_us = Vec::new();
    for (sent_us, _, last_us) in &times {
        let interval = Interval { from_us: sent_us + ahead_us, until_us: last_us + ahead_us };
        meanwhile_us.append(&mut other.findings(interval).end_to_end_us);
    }
    meanwhile_us.sort_unstable();
    let mut alone_us = other.findings(alone).end_to_end_us;
    alone_us.sort_unstable();
    let ledgers = [wide, other].map(|ledger| ledger.findings(alone));
    FanOutReport {
        receivers: 0,
        creating_s: 0.0,
        accept_ms: median(accept_ms.collect()),
        last_delivery_s: median(rounds_s.clone()),
        rounds_s,
        other_alone_p50_ms: percentile_ms(&alone_us, 50),
        other_alone_p99_ms: percentile_ms(&alone_us, 99),
        other_meanwhile_p50_ms: percentile_ms(&meanwhile_us, 50),
        other_meanwhile_max_ms: percentile_ms(&meanwhile_us, 100),
        memory_before_bytes: 0,
        memory_max_bytes: 0,
        lost: ledgers.iter().map(|found| found.lost).sum(),
        duplicates: ledgers.iter().map(|found| found.duplicates).sum(),
        strangers: ledgers.iter().map(|found| found.strangers).sum(),
    }
}

/// The `position`th address of this machine, beginning at 127.1.0.0.
fn url_of(position: usize, port: u16) -> String {
    let first = u32::from(Ipv4Addr::new(127, 1, 0, 0));
    let address = Ipv4Addr::from(first + u32::try_from(position).expect("webhooks are few"));
    format!("http://{address}:{port}/hook/{position}")
}

impl FanOutReport {
    pub fn is_broken(&self) -> bool {
        self.lost > 0 || self.strangers > 0
    }

    pub fn rows(&self) -> Vec<Row> {
        let row = |figure: &str, value, unit| Row::new(SCENARIO, figure, value, unit);
        let rate = self.receivers as f64 / self.creating_s.max(f64::MIN_POSITIVE);
        let last = format!("until {} webhooks had one event", self.receivers);
        let first_s = self.rounds_s.first().copied().unwrap_or_default();
        vec![
            row("webhooks created", rate, Unit::PerSecond),
            row("until it was accepted", self.accept_ms, Unit::Milliseconds),
            row(&last, first_s, Unit::Seconds).wanted(Wish::Under(10.0)),
            row("the same, median", self.last_delivery_s, Unit::Seconds),
            row("most memory", self.memory_max_bytes as f64, Unit::Megabytes)
                .wanted(Wish::Under(500e6)),
            row("other events alone, p50", self.other_alone_p50_ms, Unit::Milliseconds),
            row("other events alone, p99", self.other_alone_p99_ms, Unit::Milliseconds),
            row("other events meanwhile, p50", self.other_meanwhile_p50_ms, Unit::Milliseconds),
            row("other events meanwhile, slowest", self.other_meanwhile_max_ms, Unit::Milliseconds),
            row("lost", self.lost as f64, Unit::Count).wanted(Wish::AtMost(0.0)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_webhook_has_an_address_of_its_own() {
        assert_eq!(url_of(0, 80), "http://127.1.0.0:80/hook/0");
        assert_eq!(url_of(65_537, 80), "http://127.2.0.1:80/hook/65537");
    }
}
