//! Fills a store with the deliveries of weeks, through the store's own contract: events accepted
//! minute by minute as if it were then, and outcomes recorded as the engine records them. Each is
//! a copy of an attempt that a server has really made, so what is stored is what it would store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use parking_lot::Mutex;
use posthaste_core::attempt::{Attempt, Outcome, Trigger};
use posthaste_core::delivery::{Delivery, DeliveryState, LastAttempt, Progress as Used};
use posthaste_core::event::{Event, NewEvent};
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, DeliveryId, EventId, WebhookId};
use posthaste_core::store::{
    Accept, AcceptedSink, AccountStore, DeliveryRecord, DeliveryStore, EventStore, RecordBatch,
};
use posthaste_core::time::{Clock, Timestamp};
use posthaste_store::SqliteStore;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::api::{API_KEY, webhook};
use crate::ledger::Ledger;
use crate::load::Clients;
use crate::prepared::DATA;
use crate::progress::Progress;
use crate::receiver::{Behaviour, Entry, Position, Receiver};
use crate::relay::SystemClock;
use crate::settings::Settings;
use crate::target::{Product, disk_bytes};
use crate::workload::{self, EVENT_TYPE, Events, RequestTemplate};

/// The node that a server is, unless told otherwise.
pub const NODE: u16 = 0;
pub const DAY: Duration = Duration::from_hours(24);
/// Deliveries of a day: below, some of what is asked for might not be there.
pub const AT_LEAST: usize = 2_000;
const MINUTES_PER_DAY: usize = 24 * 60;
/// Webhooks that one event goes to. One of them, the busy one, gets every event.
const FAN_OUT: usize = 20;
/// Events recorded in one transaction.
const EVENTS_PER_BATCH: usize = 1_000;
/// What was posted how often, in a hundred. Each type has 19 webhooks of its own. [`EVENT_TYPE`] is
/// none of them: what is posted later shall not go to these webhooks as well.
pub const TYPES: [(&str, usize); 5] = [
    ("call.answered", 40),
    ("call.started", 30),
    ("sms.received", 20),
    ("agent.status_changed", 9),
    ("campaign.completed", 1),
];
/// What the quiet webhook gets, on the first day only; and what nobody ever posts.
const QUIET_TYPE: &str = "lead.generated";
const SILENT_TYPE: &str = "appointment.scheduled";
const QUIET_EVENTS: usize = 10;
/// Nobody listens there; nothing is sent there either.
const NOWHERE: &str = "http://127.0.0.1:9/hook";
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// Of so many deliveries one is delivered by its second attempt, fails, or fails with a 404.
const RETRIED_ONE_IN: usize = 101;
const FAILED_ONE_IN: usize = 199;
const RARE_ONE_IN: usize = 100_003;
pub const RARE_STATUS: u16 = 404;

/// What is in the store, as the questions to it must know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Contents {
    pub deliveries: usize,
    pub days: usize,
    pub from_ms: i64,
    pub until_ms: i64,
    /// Gets every event.
    pub busy: String,
    /// Gets one event type.
    pub ordinary: String,
    /// Has got a few, weeks ago.
    pub quiet: String,
    /// Has never got any.
    pub silent: String,
    /// In the middle.
    pub event_id: String,
    pub bytes: u64,
    pub storing_s: f64,
}

/// What the store hands over.
#[derive(Debug, Default)]
pub struct Collected(Mutex<Vec<Arc<Event>>>);

impl AcceptedSink for Collected {
    fn accepted(&self, mut events: Vec<Arc<Event>>) {
        self.0.lock().append(&mut events);
    }
}

struct Webhooks {
    busy: WebhookId,
    /// By event type, in the order of [`TYPES`].
    by_type: Vec<(EventType, Vec<WebhookId>)>,
    quiet: WebhookId,
    silent: WebhookId,
}

pub async fn fill(
    deliveries: usize,
    days: usize,
    settings: &Settings,
    folder: &Path,
    progress: &mut Progress,
) -> anyhow::Result<Contents> {
    let model = real_attempt(settings, &folder.join("model")).await?;
    let data = folder.join(DATA);
    let webhooks = create_webhooks(settings, &data).await?;
    // Before now, so that what is posted later gets higher ids.
    let until = SystemClock.now().saturating_sub(Duration::from_mins(1));
    let from = start_of_day(until.day() + 1 - i64::try_from(days)?);
    let started = Instant::now();
    let sink = Arc::new(Collected::default());
    let store = Arc::new(SqliteStore::open(&data, NODE, sink.clone(), from)?);
    let account = store.account_named("default").await?.context("the default account")?;
    let mut filling = Filling {
        store: store.clone(),
        sink,
        account: account.id,
        data: workload::data()?.into(),
        model,
        recording: None,
        recorded: 0,
        middle: None,
        aim: deliveries,
    };
    for day in 0..days {
        let share = |day: usize| deliveries / FAN_OUT * day / days;
        let first = start_of_day(from.day() + i64::try_from(day)?);
        let last = until.min(first.saturating_add(DAY));
        let events = share(day + 1) - share(day);
        filling.day(&webhooks, day, events, first, last, progress).await?;
    }
    filling.wait_for_recording().await?;
    let middle = filling.middle.context("there is an event in the middle")?;
    let recorded = filling.recorded;
    drop((filling, store));
    let storing_s = started.elapsed().as_secs_f64();
    settle(settings, &data).await?;
    Ok(Contents {
        deliveries: recorded,
        days,
        from_ms: from.as_millis(),
        until_ms: until.as_millis(),
        busy: webhooks.busy.to_string(),
        ordinary: webhooks.by_type[0].1[1].to_string(),
        quiet: webhooks.quiet.to_string(),
        silent: webhooks.silent.to_string(),
        event_id: middle.to_string(),
        bytes: disk_bytes(&data)?,
        storing_s,
    })
}

fn start_of_day(day: i64) -> Timestamp {
    Timestamp::from_millis(day * i64::try_from(DAY.as_millis()).expect("a day is short"))
}

/// One start and stop of the server, after which the files are as it leaves them.
async fn settle(settings: &Settings, data: &Path) -> anyhow::Result<()> {
    Product::start(settings, data).await?.stop().await.map(drop)
}

/// Makes one delivery with a real server, and answers its attempt.
async fn real_attempt(settings: &Settings, folder: &Path) -> anyhow::Result<Attempt> {
    std::fs::create_dir(folder)?;
    let data = folder.join(DATA);
    let product = Product::start(settings, &data).await?;
    let ledger = Arc::new(Ledger::with_events(1, 1, 1));
    let entry = Entry { ledger: ledger.clone(), position: Position::At(0) };
    let receiver = Receiver::start(Behaviour::Answers(Duration::ZERO), Some(entry))?;
    product.api.create_webhook(&webhook(&receiver.url(), EVENT_TYPE)).await?;
    let template = RequestTemplate::new("/v1/events", API_KEY, EVENT_TYPE, Events::One)?;
    // Ends when the event has arrived, because only then it finds that there is no other.
    Clients::start(1, &[product.address], &template, &ledger).await?.finish().await?;
    let list = loop {
        let list = product.api.get_json("/v1/deliveries?status=delivered").await?;
        if list["data"][0]["id"].is_string() {
            break list;
        }
        sleep(Duration::from_millis(20)).await;
    };
    product.stop().await?;
    let id = DeliveryId::parse(list["data"][0]["id"].as_str().unwrap_or_default())?;
    let sink = Arc::new(Collected::default());
    let store = SqliteStore::open(&data, NODE, sink, SystemClock.now())?;
    let account = store.account_named("default").await?.context("the default account")?;
    let (_, mut attempts) = store.delivery(account.id, id).await?.context("it was listed")?;
    drop(store);
    std::fs::remove_dir_all(folder)?;
    attempts.pop().context("it was delivered")
}

async fn create_webhooks(settings: &Settings, data: &Path) -> anyhow::Result<Webhooks> {
    let product = Product::start(settings, data).await?;
    let api = &product.api;
    let types: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
    let mut everything = webhook(NOWHERE, types[0]);
    everything["events"] = json!(types);
    let create = async |webhook: &Value| -> anyhow::Result<WebhookId> {
        Ok(WebhookId::parse(&api.create_webhook(webhook).await?)?)
    };
    let busy = create(&everything).await?;
    let mut by_type = Vec::new();
    for name in types {
        let mut targets = vec![busy];
        for _ in 1..FAN_OUT {
            targets.push(create(&webhook(NOWHERE, name)).await?);
        }
        by_type.push((EventType::parse(name)?, targets));
    }
    let quiet = create(&webhook(NOWHERE, QUIET_TYPE)).await?;
    let silent = create(&webhook(NOWHERE, SILENT_TYPE)).await?;
    product.stop().await?;
    Ok(Webhooks { busy, by_type, quiet, silent })
}

struct Filling {
    store: Arc<SqliteStore>,
    sink: Arc<Collected>,
    account: AccountId,
    data: Arc<str>,
    model: Attempt,
    /// While a batch is written, the next is accepted.
    recording: Option<JoinHandle<anyhow::Result<()>>>,
    recorded: usize,
    middle: Option<EventId>,
    aim: usize,
}

impl Filling {
    /// The events of one day, spread over its minutes.
    async fn day(
        &mut self,
        webhooks: &Webhooks,
        day: usize,
        events: usize,
        first: Timestamp,
        last: Timestamp,
        progress: &mut Progress,
    ) -> anyhow::Result<()> {
        let minutes = usize::try_from(last.since(first).as_secs() / 60)?.clamp(1, MINUTES_PER_DAY);
        let mut accepts = Vec::new();
        let mut waiting = 0;
        for minute in 0..minutes {
            let at = first.saturating_add(Duration::from_mins(minute as u64));
            let share = |minute: usize| events * minute / minutes;
            let mut new: Vec<NewEvent> = (share(minute)..share(minute + 1))
                .map(|number| self.event(webhooks, number, at))
                .collect();
            if day == 0 && minute == 0 {
                new.extend(self.quiet_events(webhooks, at)?);
            }
            waiting += new.len();
            let accept = Accept { account_id: self.account, events: new, idempotency: None };
            accepts.push((at, accept));
            if waiting >= EVENTS_PER_BATCH || minute + 1 == minutes {
                self.batch(std::mem::take(&mut accepts)).await?;
                waiting = 0;
                progress.show(&format!("{} of {} stored", self.recorded, self.aim));
            }
        }
        Ok(())
    }

    fn event(&self, webhooks: &Webhooks, number: usize, at: Timestamp) -> NewEvent {
        // 37 and 100 have no divisor in common, so a hundred events hit every place.
        let place = number * 37 % 100;
        let mut below = 0;
        let chosen = TYPES.iter().position(|(_, share)| {
            below += share;
            place < below
        });
        let (event_type, targets) = &webhooks.by_type[chosen.expect("the shares make a hundred")];
        NewEvent {
            event_type: event_type.clone(),
            timestamp: at,
            powerlist_id: None,
            data: self.data.clone(),
            trigger: Trigger::Event,
            hops: 0,
            targets: targets.clone(),
        }
    }

    fn quiet_events(&self, webhooks: &Webhooks, at: Timestamp) -> anyhow::Result<Vec<NewEvent>> {
        let event = NewEvent {
            event_type: EventType::parse(QUIET_TYPE)?,
            targets: vec![webhooks.quiet],
            ..self.event(webhooks, 0, at)
        };
        Ok(vec![event; QUIET_EVENTS])
    }

    /// Accepts some minutes and records them.
    async fn batch(&mut self, accepts: Vec<(Timestamp, Accept)>) -> anyhow::Result<()> {
        let accepts = accepts.into_iter().filter(|(_, accept)| !accept.events.is_empty());
        // Asked for in this order, they are accepted in this order, and share commits.
        try_join_all(accepts.map(|(at, accept)| self.store.accept(at, accept))).await?;
        let events = std::mem::take(&mut *self.sink.0.lock());
        let mut records = Vec::with_capacity(events.len() * (FAN_OUT + 1));
        for event in &events {
            for position in 0..event.targets.len() {
                self.recorded += 1;
                self.record(event, position, &mut records);
            }
            if self.middle.is_none() && self.recorded >= self.aim / 2 {
                self.middle = Some(event.id);
            }
        }
        let low_water = events.last().map(|event| event.id);
        ensure!(low_water.is_some(), "the store handed nothing over");
        self.wait_for_recording().await?;
        let store = self.store.clone();
        self.recording = Some(tokio::spawn(async move {
            Ok(store.record(Arc::new(RecordBatch { records, low_water })).await?)
        }));
        Ok(())
    }

    async fn wait_for_recording(&mut self) -> anyhow::Result<()> {
        match self.recording.take() {
            Some(recording) => recording.await?,
            None => Ok(()),
        }
    }

    /// What became of one delivery: mostly it was delivered at once.
    fn record(&self, event: &Event, position: usize, records: &mut Vec<DeliveryRecord>) {
        let at = event.id.created_at();
        let first = self.attempt(1, 200, at);
        if self.recorded.is_multiple_of(RETRIED_ONE_IN) {
            let refused = self.attempt(1, 500, at);
            let due = refused.ended_at().saturating_add(RETRY_AFTER);
            let again = self.attempt(2, 200, due);
            let ended = DeliveryState::Delivered { at: again.ended_at() };
            records.push(recorded(event, position, refused, DeliveryState::Retrying { due }));
            records.push(recorded(event, position, again, ended));
            return;
        }
        let (attempt, is_failed) = if self.recorded.is_multiple_of(RARE_ONE_IN) {
            (self.attempt(1, RARE_STATUS, at), true)
        } else if self.recorded.is_multiple_of(FAILED_ONE_IN) {
            (self.attempt(1, 500, at), true)
        } else {
            (first, false)
        };
        let at = attempt.ended_at();
        let state =
            if is_failed { DeliveryState::Failed { at } } else { DeliveryState::Delivered { at } };
        records.push(recorded(event, position, attempt, state));
    }

    fn attempt(&self, number: u32, status: u16, started_at: Timestamp) -> Attempt {
        let outcome = Outcome::of_status(status, false);
        let is_success = outcome == Outcome::Succeeded;
        Attempt {
            number,
            trigger: if number == 1 { Trigger::Event } else { Trigger::Retry },
            outcome,
            status_code: Some(status),
            error: (!is_success).then(|| format!("the receiver answered {status}")),
            started_at,
            // Not all the same, so that there is something to make percentiles of.
            duration_ms: 20 + u32::try_from(self.recorded % 97).expect("a rest is small"),
            ..self.model.clone()
        }
    }
}

fn recorded(
    event: &Event,
    position: usize,
    attempt: Attempt,
    state: DeliveryState,
) -> DeliveryRecord {
    let used = Used { attempts: attempt.number, used: attempt.number, first_deferred_at: None };
    let delivery = Delivery {
        id: event.id.delivery(position),
        event_id: event.id,
        account_id: event.account_id,
        webhook_id: event.targets[position],
        event_type: event.event_type.clone(),
        trigger: event.trigger,
        state,
        progress: used,
        last: Some(LastAttempt::from(&attempt)),
    };
    let first = attempt.number == 1;
    DeliveryRecord { delivery, attempt: Some(attempt.into()), manual_due: false, first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_the_event_types_make_a_hundred() {
        assert_eq!(TYPES.iter().map(|(_, share)| share).sum::<usize>(), 100);
    }

    #[test]
    fn what_is_posted_later_goes_to_nobody_in_the_history() {
        assert!(TYPES.iter().all(|(name, _)| *name != EVENT_TYPE));
    }

    #[test]
    fn a_day_starts_at_midnight() {
        let noon = Timestamp::parse("2026-02-03T12:00:00Z").unwrap();
        assert_eq!(start_of_day(noon.day()).to_string(), "2026-02-03T00:00:00.000Z");
    }
}
