//! A store against a model of it: random operations, done to both, and everything that can be
//! read compared. Finds the combinations that nobody thought of writing a case for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use posthaste_core::attempt::{Attempt, Outcome};
use posthaste_core::delivery::{Delivery, DeliveryState};
use posthaste_core::event::{Event, EventReceipt};
use posthaste_core::id::{AccountId, DeliveryId, EventId, WebhookId};
use posthaste_core::limits::IDEMPOTENCY_WINDOW;
use posthaste_core::page::PageRequest;
use posthaste_core::stats::Rollup;
use posthaste_core::store::{
    Accepted, DeliveryFilter, DeliveryRecord, EventFilter, Outstanding, RecordBatch, StatsQuery,
    Store,
};
use posthaste_core::time::Timestamp;
use posthaste_core::webhook::Hits;

use super::Fixture;
use super::fixtures::{
    DAY, MINUTE, accept_of, account, after, at, attempt, delivery_of, new_event, now, webhook,
    with_key,
};

const ACCOUNTS: u64 = 2;
const WEBHOOKS: u64 = 3;

/// One thing to do. Numbers choose among what there is, modulo how much there is.
#[derive(Debug, Clone)]
pub enum Operation {
    /// The targets of each event; with a key and a body, or without.
    Accept {
        account: u8,
        events: Vec<Vec<u8>>,
        key: Option<(u8, u8)>,
    },
    /// An attempt of an unfinished delivery.
    Attempt {
        delivery: usize,
        end: End,
    },
    /// A row without an attempt, for one that has none.
    Park {
        delivery: usize,
    },
    Cancel {
        delivery: usize,
    },
    /// A manual attempt becomes due; the next attempt is it.
    AskManually {
        delivery: usize,
    },
    /// What was gathered since is written as one batch.
    Write {
        with_low_water: bool,
    },
    /// The last batch is written again.
    WriteAgain,
    Wait {
        minutes: u16,
    },
    Expire {
        days_kept: u8,
    },
    Reopen,
}

/// How an attempt ends, and its delivery with it.
#[derive(Debug, Clone, Copy)]
pub enum End {
    Delivered,
    Retrying,
    Failed,
}

/// A delivery as the engine would have it in memory.
#[derive(Debug, Clone)]
struct Ticket {
    delivery: Delivery,
    has_row: bool,
    manual_due: bool,
}

#[derive(Debug, Clone)]
struct Row {
    delivery: Delivery,
    attempts: Vec<Attempt>,
    manual_due: bool,
}

#[derive(Debug, Clone)]
struct Remembered {
    request: u8,
    receipts: Vec<EventReceipt>,
    until: Timestamp,
}

/// What a store should hold.
#[derive(Debug)]
struct Model {
    now: Timestamp,
    events: BTreeMap<EventId, Arc<Event>>,
    keys: BTreeMap<(AccountId, u8), Remembered>,
    rows: BTreeMap<DeliveryId, Row>,
    hits: BTreeMap<WebhookId, Hits>,
    /// By the day of the event, then by minute, account and webhook.
    rollups: BTreeMap<(i64, i64, AccountId, WebhookId), Rollup>,
    low_water: u64,
    tickets: BTreeMap<DeliveryId, Ticket>,
    gathered: Vec<DeliveryRecord>,
    last_batch: Option<Arc<RecordBatch>>,
}

/// Does all of it, comparing after every write and at the end.
pub async fn run(fixture: &mut dyn Fixture, operations: Vec<Operation>) {
    let mut model = Model {
        now: now(),
        events: BTreeMap::new(),
        keys: BTreeMap::new(),
        rows: BTreeMap::new(),
        hits: BTreeMap::new(),
        rollups: BTreeMap::new(),
        low_water: 0,
        tickets: BTreeMap::new(),
        gathered: Vec::new(),
        last_batch: None,
    };
    for operation in operations {
        model.perform(fixture, operation).await;
    }
    model.write(&*fixture.store(), true).await;
    fixture.reopen().await;
    model.compare(&*fixture.store()).await;
}

impl Model {
    async fn perform(&mut self, fixture: &mut dyn Fixture, operation: Operation) {
        match operation {
            Operation::Accept { account: number, events, key } => {
                let account = account(u64::from(number) % ACCOUNTS);
                self.accept(&*fixture.store(), account, events, key).await;
            }
            Operation::Attempt { delivery, end } => self.attempt(delivery, end),
            Operation::Park { delivery } => {
                self.gather(delivery, |ticket| !ticket.has_row, |_| {});
            }
            Operation::Cancel { delivery } => {
                let at = self.now;
                self.gather(delivery, is_unfinished, |ticket| {
                    ticket.delivery.state = DeliveryState::Cancelled { at };
                    ticket.manual_due = false;
                });
            }
            Operation::AskManually { delivery } => {
                self.gather(delivery, |_| true, |ticket| ticket.manual_due = true);
            }
            Operation::Write { with_low_water } => {
                self.write(&*fixture.store(), with_low_water).await;
                self.compare(&*fixture.store()).await;
            }
            Operation::WriteAgain => {
                if let Some(batch) = self.last_batch.clone() {
                    fixture.store().record(batch).await.expect("record");
                    self.compare(&*fixture.store()).await;
                }
            }
            Operation::Wait { minutes } => {
                self.now = self.now.saturating_add(u32::from(minutes) * MINUTE);
            }
            Operation::Expire { days_kept } => {
                self.write(&*fixture.store(), true).await;
                let before = self.now.saturating_sub(u32::from(days_kept) * DAY);
                fixture.store().expire(before).await.expect("expire");
                self.expire(before);
                self.compare(&*fixture.store()).await;
            }
            Operation::Reopen => {
                fixture.reopen().await;
                self.compare(&*fixture.store()).await;
            }
        }
    }

    async fn accept(
        &mut self,
        store: &dyn Store,
        account: AccountId,
        targets: Vec<Vec<u8>>,
        key: Option<(u8, u8)>,
    ) {
        let new = targets.iter().map(|targets| {
            let targets: Vec<WebhookId> =
                targets.iter().map(|target| webhook_of(account, u64::from(*target))).collect();
            new_event(&targets)
        });
        let mut accept = accept_of(account, new.collect());
        if let Some((key, request)) = key {
            accept = with_key(accept, key, request);
        }
        let remembered = key.and_then(|(key, _)| self.keys.get(&(account, key)));
        let remembered = remembered.filter(|remembered| self.now < remembered.until).cloned();
        let accepted = store.accept(self.now, accept).await.expect("accept");
        match (accepted, remembered, key) {
            (Accepted::KeyReused, Some(remembered), Some((_, request))) => {
                assert_ne!(remembered.request, request);
            }
            (Accepted::Repeated(receipts), Some(remembered), Some((_, request))) => {
                assert_eq!((remembered.request, remembered.receipts), (request, receipts));
            }
            (Accepted::New(receipts), None, key) => {
                if let Some((key, request)) = key {
                    let until = self.now.saturating_add(IDEMPOTENCY_WINDOW);
                    let remembered = Remembered { request, receipts: receipts.clone(), until };
                    self.keys.insert((account, key), remembered);
                }
                for receipt in receipts {
                    let event = store.event(account, receipt.id).await.expect("event");
                    self.take(event.expect("accepted"));
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn take(&mut self, event: Arc<Event>) {
        let newest = self.events.last_key_value().map(|(_, event)| event.clone());
        if let Some(newest) = newest {
            let behind = newest.id.delivery(newest.targets.len());
            assert!(event.id.as_raw() >= behind.as_raw(), "ids rise, deliveries included");
        }
        for position in 0..event.targets.len() {
            let pending = DeliveryState::Pending { due: self.now };
            let delivery = delivery_of(&event, position, pending);
            let ticket = Ticket { delivery, has_row: false, manual_due: false };
            self.tickets.insert(ticket.delivery.id, ticket);
        }
        self.events.insert(event.id, event);
    }

    fn attempt(&mut self, number: usize, end: End) {
        let now = self.now;
        let chosen =
            choose(&mut self.tickets, number, |ticket| is_unfinished(ticket) || ticket.manual_due);
        let Some(ticket) = chosen else { return };
        let outcome = match end {
            End::Delivered => Outcome::Succeeded,
            End::Retrying | End::Failed => Outcome::Rejected,
        };
        let made = attempt(ticket.delivery.progress.attempts + 1, outcome, now);
        let at = made.ended_at();
        let state = match (end, ticket.delivery.state.ended_at()) {
            (End::Delivered, _) => DeliveryState::Delivered { at },
            (_, Some(_)) => ticket.delivery.state,
            (End::Retrying, None) => DeliveryState::Retrying { due: at },
            (End::Failed, None) => DeliveryState::Failed { at },
        };
        let record = after(ticket.delivery.clone(), made, state);
        let record = DeliveryRecord { first: !ticket.has_row, ..record };
        *ticket = Ticket { delivery: record.delivery.clone(), has_row: true, manual_due: false };
        self.gathered.push(record);
    }

    /// Records a change without an attempt of one of those that `is_fit`.
    fn gather(
        &mut self,
        number: usize,
        is_fit: impl Fn(&Ticket) -> bool,
        change: impl FnOnce(&mut Ticket),
    ) {
        let Some(ticket) = choose(&mut self.tickets, number, is_fit) else { return };
        change(ticket);
        let first = !ticket.has_row;
        ticket.has_row = true;
        let delivery = Delivery { last: None, ..ticket.delivery.clone() };
        let manual_due = ticket.manual_due;
        self.gathered.push(DeliveryRecord { delivery, attempt: None, manual_due, first });
    }

    async fn write(&mut self, store: &dyn Store, with_low_water: bool) {
        let records = std::mem::take(&mut self.gathered);
        for record in &records {
            self.record(record);
        }
        let low_water = with_low_water.then(|| self.mark()).flatten();
        if let Some(mark) = low_water {
            self.low_water = self.low_water.max(mark.as_raw());
        }
        let batch = Arc::new(RecordBatch { records, low_water });
        store.record(batch.clone()).await.expect("record");
        self.last_batch = Some(batch);
    }

    /// The highest mark that holds: just below the first event with a delivery without a row.
    fn mark(&self) -> Option<EventId> {
        let without_row = self.tickets.values().find(|ticket| !ticket.has_row);
        match without_row {
            Some(ticket) => Some(EventId::from_raw(ticket.delivery.event_id.as_raw() - 1)),
            None => self.events.keys().next_back().copied(),
        }
    }

    fn record(&mut self, record: &DeliveryRecord) {
        let delivery = &record.delivery;
        let before = self.rows.get(&delivery.id).map(|row| row.delivery.state.status());
        let row = self.rows.entry(delivery.id).or_insert_with(|| Row {
            delivery: delivery.clone(),
            attempts: Vec::new(),
            manual_due: false,
        });
        let last = delivery.last.clone().or(row.delivery.last.take());
        row.delivery = Delivery { last, ..delivery.clone() };
        row.manual_due = record.manual_due;
        row.attempts.extend(record.attempt.as_deref().cloned());
        let day = delivery.event_id.created_at().day();
        let key = |at: Timestamp| (day, at.minute(), delivery.account_id, delivery.webhook_id);
        if before.is_none() {
            self.rollups.entry(key(delivery.event_id.created_at())).or_default().events += 1;
        }
        if let Some(attempt) = &record.attempt {
            let rollup = self.rollups.entry(key(attempt.started_at)).or_default();
            rollup.add_attempt(&attempt.counted());
            let hits = self.hits.entry(delivery.webhook_id).or_default();
            hits.count += 1;
            hits.last_at = hits.last_at.max(Some(attempt.started_at));
        }
        if before == Some(delivery.state.status()) {
            return;
        }
        match delivery.state {
            DeliveryState::Delivered { at } => {
                self.rollups.entry(key(at)).or_default().delivered += 1;
            }
            DeliveryState::Failed { at } => self.rollups.entry(key(at)).or_default().failed += 1,
            _ => {}
        }
    }

    fn expire(&mut self, before: Timestamp) {
        let is_kept = |event: EventId| event.created_at().day() >= before.day();
        self.events.retain(|id, _| is_kept(*id));
        self.rows.retain(|_, row| is_kept(row.delivery.event_id));
        self.tickets.retain(|_, ticket| is_kept(ticket.delivery.event_id));
        self.keys.retain(|_, remembered| is_kept(remembered.receipts[0].id));
        self.rollups.retain(|(day, ..), _| *day >= before.day());
        // What was written before must not come back.
        self.last_batch = None;
    }

    async fn compare(&self, store: &dyn Store) {
        for number in 0..ACCOUNTS {
            let account = account(number);
            self.compare_lists(store, account).await;
            self.compare_stats(store, account).await;
        }
        for (id, row) in &self.rows {
            let found = store.delivery(row.delivery.account_id, *id).await.expect("delivery");
            assert_eq!(found, Some((row.delivery.clone(), row.attempts.clone())));
        }
        let of_account =
            |number| (0..WEBHOOKS).map(move |target| webhook_of(account(number), target));
        let webhooks: Vec<WebhookId> = (0..ACCOUNTS).flat_map(of_account).collect();
        let hits = store.hits(&webhooks).await.expect("hits");
        let expected: Vec<Hits> =
            webhooks.iter().map(|id| self.hits.get(id).copied().unwrap_or_default()).collect();
        assert_eq!(hits, expected);
        self.compare_recovered(store).await;
    }

    async fn compare_lists(&self, store: &dyn Store, account: AccountId) {
        let mut page = PageRequest { limit: 7, cursor: None };
        let mut events = Vec::new();
        loop {
            let found = store.list_events(account, &EventFilter::default(), page).await;
            let found = found.expect("list");
            events.extend(found.items);
            page.cursor = found.next;
            if page.cursor.is_none() {
                break;
            }
        }
        let of_account = |event: &&Arc<Event>| event.account_id == account;
        let expected: Vec<_> = self.events.values().rev().filter(of_account).cloned().collect();
        assert_eq!(events, expected);
        let mut deliveries = Vec::new();
        loop {
            let found = store.list_deliveries(account, &DeliveryFilter::default(), page).await;
            let found = found.expect("list");
            deliveries.extend(found.items);
            page.cursor = found.next;
            if page.cursor.is_none() {
                break;
            }
        }
        let rows = self.rows.values().rev().map(|row| row.delivery.clone());
        let expected: Vec<_> = rows.filter(|delivery| delivery.account_id == account).collect();
        assert_eq!(deliveries, expected);
    }

    async fn compare_stats(&self, store: &dyn Store, account: AccountId) {
        let webhooks = (0..WEBHOOKS).map(|number| Some(webhook_of(account, number)));
        for webhook_id in webhooks.chain([None]) {
            let step = 100 * DAY;
            let query =
                StatsQuery { account_id: account, webhook_id, from: now(), to: at(step), step };
            let series = store.stats(query).await.expect("stats");
            let mut minutes: BTreeMap<i64, Rollup> = BTreeMap::new();
            for ((_, minute, owner, webhook), rollup) in &self.rollups {
                if *owner == account && webhook_id.is_none_or(|wanted| wanted == *webhook) {
                    minutes.entry(*minute).or_default().merge(rollup);
                }
            }
            let mut expected = Rollup::default();
            for minute in minutes.into_values() {
                expected.merge(&minute.sealed());
            }
            assert_eq!(series.buckets, [(now(), expected)]);
        }
    }

    async fn compare_recovered(&self, store: &dyn Store) {
        let recovered = store.recover(usize::MAX).await.expect("recover");
        let above = |id: &EventId| id.as_raw() > self.low_water;
        let events: Vec<_> =
            self.events.values().filter(|event| above(&event.id)).cloned().collect();
        assert_eq!(recovered.events, events);
        let recorded: BTreeSet<DeliveryId> = recovered.recorded.into_iter().collect();
        let with_row = self.rows.values().map(|row| &row.delivery);
        let expected: BTreeSet<DeliveryId> = with_row
            .filter(|delivery| above(&delivery.event_id))
            .map(|delivery| delivery.id)
            .collect();
        assert_eq!(recorded, expected);
        let expected: Vec<Outstanding> = self
            .rows
            .values()
            .filter(|row| row.delivery.state.due().is_some() || row.manual_due)
            .map(|row| Outstanding { delivery: row.delivery.clone(), manual_due: row.manual_due })
            .collect();
        assert_eq!(recovered.outstanding, expected);
    }
}

/// A webhook has one account.
fn webhook_of(account: AccountId, number: u64) -> WebhookId {
    webhook(10 * account.as_raw() + number % WEBHOOKS)
}

fn is_unfinished(ticket: &Ticket) -> bool {
    ticket.delivery.state.due().is_some()
}

fn choose(
    tickets: &mut BTreeMap<DeliveryId, Ticket>,
    number: usize,
    is_fit: impl Fn(&Ticket) -> bool,
) -> Option<&mut Ticket> {
    let fit: Vec<&mut Ticket> = tickets.values_mut().filter(|ticket| is_fit(ticket)).collect();
    let position = number.checked_rem(fit.len())?;
    fit.into_iter().nth(position)
}
