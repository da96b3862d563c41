//! A server with nothing to do: what it takes all the same, at first and after a load.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::api::{API_KEY, webhook};
use crate::ledger::Ledger;
use crate::load::Clients;
use crate::progress::Progress;
use crate::receiver::{Behaviour, Entry, Position, Receiver};
use crate::run::ARRIVAL_TIMEOUT;
use crate::settings::Settings;
use crate::summary::{Row, Unit, Wish};
use crate::target::{Product, TargetKind, check, new_folder};
use crate::workload::{EVENT_TYPE, Events, RequestTemplate};

const SCENARIO: &str = "idle";
/// After a start or a load, before anything is measured; and for how long it then is.
const REST: Duration = Duration::from_secs(10);
const QUICK_REST: Duration = Duration::from_secs(4);
const TICK: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy, Serialize)]
pub struct IdleReport {
    pub at_first: AtRest,
    pub after_load: AtRest,
    /// Deliveries of that load.
    pub delivered: u64,
    pub memory_max_bytes: u64,
    pub is_complete: bool,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct AtRest {
    /// Of one core.
    pub cpu_share: f64,
    pub memory_bytes: u64,
}

pub async fn measure(settings: &Settings, progress: &mut Progress) -> anyhow::Result<IdleReport> {
    check(&[TargetKind::Product], settings)?;
    let rest = if settings.is_quick { QUICK_REST } else { REST };
    progress.begin("idle".to_owned());
    let folder = new_folder(settings)?;
    let mut product = Product::start(settings, &folder.path().join("data")).await?;
    let ledger = Arc::new(Ledger::new(1, settings.window));
    let entry = Entry { ledger: ledger.clone(), position: Position::At(0) };
    let receiver = Receiver::start(Behaviour::Answers(Duration::ZERO), Some(entry))?;
    product.api.create_webhook(&webhook(&receiver.url(), EVENT_TYPE)).await?;
    let at_first = at_rest(&mut product, rest, progress).await?;

    let template = RequestTemplate::new("/v1/events", API_KEY, EVENT_TYPE, Events::One)?;
    let mut clients =
        Clients::start(settings.connections, &[product.address], &template, &ledger).await?;
    let end = Instant::now() + settings.measured;
    while Instant::now() < end {
        sleep(TICK).await;
        clients.check()?;
        progress.show(&format!("{} delivered", ledger.delivered()));
    }
    ledger.stop();
    clients.finish().await?;
    let deadline = Instant::now() + ARRIVAL_TIMEOUT;
    while !ledger.is_complete() && Instant::now() < deadline {
        sleep(TICK).await;
    }
    let after_load = at_rest(&mut product, rest, progress).await?;
    let memory_max_bytes = product.server.usage().memory_max_bytes;
    product.stop().await?;
    progress.end();
    let (delivered, is_complete) = (ledger.delivered(), ledger.is_complete());
    Ok(IdleReport { at_first, after_load, delivered, memory_max_bytes, is_complete })
}

async fn at_rest(
    product: &mut Product,
    rest: Duration,
    progress: &mut Progress,
) -> anyhow::Result<AtRest> {
    progress.show("at rest");
    sleep(rest).await;
    let (before, started) = (product.server.usage(), Instant::now());
    sleep(rest).await;
    product.server.check()?;
    let after = product.server.usage();
    let cpu_us = (after.cpu_us - before.cpu_us) as f64;
    let cpu_share = cpu_us / 1e6 / started.elapsed().as_secs_f64();
    Ok(AtRest { cpu_share, memory_bytes: after.memory_bytes })
}

impl IdleReport {
    pub fn is_broken(&self) -> bool {
        !self.is_complete
    }

    pub fn rows(&self) -> Vec<Row> {
        let rows_of = |when: &str, at_rest: AtRest| {
            let (cpu, memory) = (at_rest.cpu_share, at_rest.memory_bytes as f64);
            [
                Row::new(SCENARIO, format!("processor, {when}"), cpu, Unit::Percent)
                    .wanted(Wish::Under(0.01)),
                Row::new(SCENARIO, format!("memory, {when}"), memory, Unit::Megabytes)
                    .wanted(Wish::Under(40e6)),
            ]
        };
        let after = format!("after {} deliveries", self.delivered);
        let mut rows = Vec::new();
        rows.extend(rows_of("at first", self.at_first));
        rows.extend(rows_of(&after, self.after_load));
        rows
    }
}
