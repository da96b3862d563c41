//! The engine: one task that owns every unfinished delivery and decides what happens next, and a
//! task per request on the wire.
//!
//! All state is owned by the one task; everything else talks to it by message. It never waits for
//! the disk or the network. Its loop: take what was accepted, what came back and what was asked
//! for; start whatever the lanes allow; sleep until something is due.
//!
//! What it holds for a delivery is a [`Ticket`], without the body. Bodies of fresh events stay
//! in memory up to a bound and are read back from the store otherwise. What has no room among
//! `TICKETS_MAX` waits on disk only (see [`tickets`](crate::tickets) and [`spill`](crate::spill)).

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use posthaste_core::attempt::{Attempt, Trigger};
use posthaste_core::delivery::{
    Consequence, Delivery, DeliveryState, LastAttempt, Progress, after_attempt,
};
use posthaste_core::directory::Directory;
use posthaste_core::engine::{Cancellation, EngineLoad, EngineStopped};
use posthaste_core::event::Event;
use posthaste_core::id::{AccountId, DeliveryId, EventId, WebhookId};
use posthaste_core::lanes::{LaneSettings, Lanes, Ready};
use posthaste_core::limits::{IN_FLIGHT_MAX, PARK_AFTER, SHUTDOWN_GRACE, TICKETS_MAX};
use posthaste_core::retry::{Jitter, RetrySchedule};
use posthaste_core::store::{DeliveryRecord, Outstanding, Recovered, Store};
use posthaste_core::time::{Clock, Entropy, Timestamp};
use posthaste_core::webhook::{SharedWebhook, Webhook, WebhookStatus};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::admission::Admission;
use crate::bodies::Bodies;
use crate::keys::KeyCache;
use crate::planned::PlannedAttempt;
use crate::recorder::RecorderHandle;
use crate::spill::Spill;
use crate::tickets::{Ticket, Tickets};
use crate::transport::Transport;

/// However the wall clock jumps, look again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// After a fault of ours (the event cannot be read, a panic) a delivery waits this long.
const FAULT_PAUSE: Duration = Duration::from_secs(1);
/// While the recorder has no room, look again after this long.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(50);
/// How often the low-water mark is written down where nothing else is: what nobody wants makes no
/// rows, and would all be read back at the next start.
const LOW_WATER_EVERY: Duration = Duration::from_secs(10);
/// Messages taken at a time, so that starting work never waits behind a long queue.
const TAKE_MAX: usize = 256;

/// What the engine works with.
#[derive(Clone)]
pub struct Deps {
    pub store: Arc<dyn Store>,
    pub directory: Arc<Directory>,
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub bounds: Bounds,
}

/// How much the engine may hold. Smaller only in tests, where a million deliveries take too long.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub tickets: usize,
    pub in_flight: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { tickets: TICKETS_MAX, in_flight: IN_FLIGHT_MAX }
    }
}

/// What may be asked of the engine from outside.
pub enum Request {
    Wish { account: AccountId, delivery: DeliveryId, wish: Wish },
    Attempted(DeliveryId, oneshot::Sender<()>),
    IsDelivering(Vec<DeliveryId>, oneshot::Sender<Vec<bool>>),
    WebhookChanged(WebhookId),
}

/// What somebody wants of one delivery.
pub enum Wish {
    Retry(oneshot::Sender<()>),
    Cancel(oneshot::Sender<Cancellation>),
}

/// What the engine's own tasks bring back.
pub enum Report {
    /// An attempt ended.
    Finished {
        delivery: DeliveryId,
        manual: bool,
        attempt: Box<Attempt>,
        retry_after: Option<Duration>,
    },
    /// A fault of ours kept an attempt from being made. Uses up nothing.
    Fault { delivery: DeliveryId, manual: bool, reason: String },
    /// The event is not in the store any more: retention dropped it while the delivery waited.
    Expired { delivery: DeliveryId },
    /// Deliveries that waited on disk; `None` if the store could not say.
    Loaded(Option<Vec<Outstanding>>),
    /// What the store says of a delivery that somebody asked about and memory did not know.
    Reloaded { id: DeliveryId, delivery: Option<Box<Delivery>> },
    /// The engine itself disabled this webhook.
    Disabled(WebhookId),
}

/// A delivery on its way into memory, and who waits for it.
struct Reload {
    account: AccountId,
    wishes: Vec<Wish>,
    /// It came into memory by another way and ended since: what is being read is out of date.
    is_stale: bool,
}

/// An event some of whose deliveries may need rows. Holds no body: at full rate a second's worth
/// of bodies is tens of megabytes.
struct ToPark {
    at: Timestamp,
    event_id: EventId,
    deliveries: usize,
}

pub struct Dispatcher {
    deps: Deps,
    recorder: RecorderHandle,
    admission: Arc<Admission>,
    reports: mpsc::UnboundedSender<Report>,
    tickets: Tickets,
    lanes: Lanes,
    /// What goes into its lane when: what the schedule wants later, and what met a fault of ours.
    /// Entries that have become stale are skipped.
    timers: BTreeSet<(Timestamp, Ready)>,
    bodies: Bodies,
    keys: KeyCache,
    /// Events with deliveries that have no row yet, and how many: the low-water mark lies below
    /// the first of them.
    unrecorded: BTreeMap<EventId, u32>,
    newest_event: Option<EventId>,
    /// The mark that the recorder was told last, and when to compare again.
    low_water_told: Option<EventId>,
    low_water_look: Timestamp,
    /// Accepted events in order of acceptance, to be looked at after `PARK_AFTER`.
    to_park: VecDeque<ToPark>,
    watchers: HashMap<DeliveryId, Vec<oneshot::Sender<()>>>,
    spill: Spill,
    /// Deliveries that memory does not know, being looked up because of a wish.
    reloads: HashMap<DeliveryId, Reload>,
    load: Arc<LoadCell>,
    /// Everything the engine has going. Goes with it: an engine that is dropped leaves no request
    /// behind that would still use the store.
    tasks: JoinSet<()>,
}

/// The engine's load, readable without asking the engine.
#[derive(Debug, Default)]
pub struct LoadCell {
    outstanding: std::sync::atomic::AtomicUsize,
    in_flight: std::sync::atomic::AtomicUsize,
}

impl LoadCell {
    pub fn read(&self, admission: &Admission) -> EngineLoad {
        use std::sync::atomic::Ordering::Relaxed;
        EngineLoad {
            outstanding: self.outstanding.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            unrecorded: admission.unrecorded(),
        }
    }
}

/// The channels the engine listens on.
pub struct Inbox {
    pub accepted: mpsc::UnboundedReceiver<Vec<Arc<Event>>>,
    pub requests: mpsc::Receiver<Request>,
    pub reports: mpsc::UnboundedReceiver<Report>,
}

impl Dispatcher {
    pub fn new(
        deps: Deps,
        recorder: RecorderHandle,
        admission: Arc<Admission>,
        reports: mpsc::UnboundedSender<Report>,
        load: Arc<LoadCell>,
    ) -> Dispatcher {
        Dispatcher {
            recorder,
            admission,
            reports,
            tickets: Tickets::new(deps.bounds.tickets),
            lanes: Lanes::new(deps.bounds.in_flight),
            timers: BTreeSet::new(),
            bodies: Bodies::default(),
            keys: KeyCache::default(),
            unrecorded: BTreeMap::new(),
            newest_event: None,
            low_water_told: None,
            low_water_look: Timestamp::EPOCH,
            to_park: VecDeque::new(),
            watchers: HashMap::new(),
            spill: Spill::default(),
            reloads: HashMap::new(),
            load,
            tasks: JoinSet::new(),
            deps,
        }
    }

    /// Takes up what an earlier process left behind. Deliveries without a row come back from
    /// their events; the others from what is outstanding.
    pub fn take_up(&mut self, recovered: Recovered) {
        let now = self.deps.clock.now();
        let recorded: BTreeSet<DeliveryId> = recovered.recorded.into_iter().collect();
        if recovered.more
            && let Some(last) = recovered.outstanding.last()
        {
            self.spill.unread_above(last.delivery.id);
        }
        for event in recovered.events {
            self.take_event(now, &event, &recorded);
        }
        for outstanding in recovered.outstanding {
            let (id, webhook_id) = (outstanding.delivery.id, outstanding.delivery.webhook_id);
            if self.fits(webhook_id) {
                self.take_outstanding(now, outstanding);
            } else {
                self.spill.spilled(webhook_id, id);
            }
        }
    }

    /// Runs until `shutdown` resolves; then starts nothing more, waits for what is on the wire
    /// (not longer than `SHUTDOWN_GRACE`) and returns.
    pub async fn run(mut self, mut inbox: Inbox, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        let mut accepted: Vec<Vec<Arc<Event>>> = Vec::new();
        let mut reports = Vec::new();
        loop {
            let now = self.deps.clock.now();
            self.fire_timers(now);
            self.park_overdue(now);
            if now >= self.low_water_look {
                self.low_water_look = now.saturating_add(LOW_WATER_EVERY);
                self.tell_low_water();
            }
            self.start_what_may(now);
            self.load_more(now);
            self.publish_load();
            // A task that panicked has sent its report all the same (`PlannedAttempt`).
            while self.tasks.try_join_next().is_some() {}
            let wait = self.until_next(now);
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                // Rare and watched by people, so they do not wait behind a flood.
                request = inbox.requests.recv() => match request {
                    Some(request) => {
                        // Whoever asks may ask about an event whose answer they just got: take
                        // first what was accepted before they asked.
                        self.take_accepted(&mut inbox.accepted, usize::MAX);
                        self.take_request(self.deps.clock.now(), request);
                    }
                    None => break,
                },
                count = inbox.reports.recv_many(&mut reports, TAKE_MAX) => {
                    assert!(count > 0, "the engine holds a sender of its own");
                    let now = self.deps.clock.now();
                    reports.drain(..).for_each(|report| self.take_report(now, report));
                    // While there is a backlog reports never end, and what is accepted would wait
                    // for all of it: in memory, bodies and all, and not counted by admission yet.
                    self.take_accepted(&mut inbox.accepted, TAKE_MAX);
                }
                count = inbox.accepted.recv_many(&mut accepted, TAKE_MAX) => {
                    if count == 0 { break }
                    let now = self.deps.clock.now();
                    accepted.drain(..).for_each(|events| self.take_events(now, &events));
                }
                () = tokio::time::sleep(wait) => {}
            }
        }
        self.finish(inbox.reports).await;
    }

    async fn finish(mut self, mut reports: mpsc::UnboundedReceiver<Report>) {
        let finished = async {
            while self.lanes.in_flight() > 0 {
                let Some(report) = reports.recv().await else { break };
                self.take_report(self.deps.clock.now(), report);
            }
        };
        if tokio::time::timeout(SHUTDOWN_GRACE, finished).await.is_err() {
            // They are still owed: the next start sends them again, under the same webhook-id.
            tracing::warn!(in_flight = self.lanes.in_flight(), "requests cut off by shutdown");
        }
        self.tell_low_water();
    }

    // What comes in.

    fn take_accepted(
        &mut self,
        accepted: &mut mpsc::UnboundedReceiver<Vec<Arc<Event>>>,
        at_most: usize,
    ) {
        for _ in 0..at_most {
            let Ok(events) = accepted.try_recv() else { return };
            self.take_events(self.deps.clock.now(), &events);
        }
    }

    fn take_events(&mut self, now: Timestamp, events: &[Arc<Event>]) {
        for event in events {
            self.take_event(now, event, &BTreeSet::new());
        }
    }

    fn take_event(&mut self, now: Timestamp, event: &Arc<Event>, recorded: &BTreeSet<DeliveryId>) {
        self.newest_event = self.newest_event.max(Some(event.id));
        let is_ours = |position: usize| !recorded.contains(&event.id.delivery(position));
        let positions = (0..event.targets.len()).filter(|&position| is_ours(position));
        let without_row = positions.clone().count();
        if without_row == 0 {
            return;
        }
        let has_body = self.bodies.keep(event, without_row);
        for position in positions.clone() {
            let ticket = Ticket {
                event_id: event.id,
                account_id: event.account_id,
                webhook_id: event.targets[position],
                event_type: event.event_type.clone(),
                trigger: event.trigger,
                state: DeliveryState::Pending { due: now },
                progress: Progress::default(),
                recorded: false,
                has_body,
                in_flight: 0,
                last_number: 0,
                manual_due: false,
            };
            self.tickets.insert(event.id.delivery(position), ticket);
        }
        self.admission.accepted(without_row);
        self.unrecorded.insert(event.id, u32::try_from(without_row).expect("fan-out is bounded"));
        self.to_park.push_back(ToPark {
            at: now.saturating_add(PARK_AFTER),
            event_id: event.id,
            deliveries: event.targets.len(),
        });
        for position in positions {
            let (id, webhook_id) = (event.id.delivery(position), event.targets[position]);
            // Whoever sends a test waits for its answer, not for the backlog on disk.
            if event.trigger == Trigger::Test || self.fits(webhook_id) {
                self.enqueue(now, id, false);
            } else {
                self.spill_ticket(id);
            }
        }
    }

    /// Whether memory may hold one more of this webhook's.
    fn fits(&self, webhook_id: WebhookId) -> bool {
        self.tickets.has_room(webhook_id) && !self.spill.is_behind(webhook_id)
    }

    /// Beyond what memory may hold: give it its row at once and forget it until there is room.
    fn spill_ticket(&mut self, id: DeliveryId) {
        self.record(id, None);
        self.release_body(id);
        let ticket = self.tickets.remove(id).expect("recorded just now");
        self.spill.spilled(ticket.webhook_id, id);
    }

    fn take_outstanding(&mut self, now: Timestamp, outstanding: Outstanding) {
        let Outstanding { delivery, manual_due } = outstanding;
        let id = delivery.id;
        if self.tickets.contains(id) {
            return;
        }
        let due = delivery.state.due();
        self.tickets.insert(id, Ticket::of(delivery, manual_due));
        if manual_due {
            self.enqueue(now, id, true);
        }
        if let Some(due) = due {
            self.timers.insert((due, Ready { delivery: id, manual: false }));
        }
    }

    fn take_report(&mut self, now: Timestamp, report: Report) {
        match report {
            Report::Finished { delivery, manual, attempt, retry_after } => {
                self.attempt_ended(delivery, manual, *attempt, retry_after);
            }
            Report::Fault { delivery, manual, reason } => {
                self.attempt_not_made(now, delivery, manual, &reason);
            }
            Report::Expired { delivery } => self.expired(now, delivery),
            Report::Reloaded { id, delivery } => self.take_reloaded(now, id, delivery),
            Report::Disabled(webhook_id) => self.webhook_changed(now, webhook_id),
            Report::Loaded(Some(outstanding)) => self.take_loaded(now, outstanding),
            Report::Loaded(None) => self.spill.load_failed(now),
        }
    }

    fn take_loaded(&mut self, now: Timestamp, loaded: Vec<Outstanding>) {
        let mut load = self.spill.loaded();
        let last = loaded.last().map(|last| last.delivery.id);
        let is_end = loaded.len() < Spill::LOAD_MAX;
        for outstanding in loaded {
            let (id, webhook_id) = (outstanding.delivery.id, outstanding.delivery.webhook_id);
            let has_room = self.tickets.has_room(webhook_id);
            if self.spill.wants(&mut load, webhook_id, id, has_room) {
                self.take_outstanding(now, outstanding);
            }
        }
        self.spill.walked(&load, last, is_end);
    }

    fn take_request(&mut self, now: Timestamp, request: Request) {
        match request {
            Request::Wish { account, delivery, wish } => {
                self.take_wish(now, account, delivery, wish);
            }
            Request::Attempted(id, done) => match self.tickets.get(id) {
                Some(ticket) if ticket.progress.attempts == 0 && ticket.state.due().is_some() => {
                    self.watchers.entry(id).or_default().push(done);
                }
                _ => self.answer_when_recorded(done, ()),
            },
            Request::IsDelivering(ids, done) => {
                let on_wire = |id: &DeliveryId| {
                    self.tickets.get(*id).is_some_and(|ticket| ticket.in_flight > 0)
                };
                let _ = done.send(ids.iter().map(on_wire).collect());
            }
            Request::WebhookChanged(id) => self.webhook_changed(now, id),
        }
    }

    // What goes out.

    /// Puts a due delivery into its webhook's lane, or ends it if there is no such lane to be.
    fn enqueue(&mut self, now: Timestamp, id: DeliveryId, manual: bool) {
        let Some(ticket) = self.tickets.get(id) else { return };
        let webhook_id = ticket.webhook_id;
        if !self.lanes.has_lane(webhook_id) {
            match self.usable(now, webhook_id) {
                Ok(webhook) => self.lanes.configure(webhook_id, lane_settings(&webhook)),
                Err(end) => return self.end(id, end),
            }
        }
        self.lanes.push(webhook_id, Ready { delivery: id, manual });
    }

    /// The webhook, if anything may still go to it; else how its deliveries end.
    fn usable(
        &self,
        now: Timestamp,
        webhook_id: WebhookId,
    ) -> Result<SharedWebhook, DeliveryState> {
        match self.deps.directory.get(webhook_id) {
            None => Err(DeliveryState::Cancelled { at: now }),
            Some(webhook) => match webhook.status {
                WebhookStatus::Disabled { .. } => Err(DeliveryState::Failed { at: now }),
                WebhookStatus::Enabled | WebhookStatus::Paused => Ok(webhook),
            },
        }
    }

    fn fire_timers(&mut self, now: Timestamp) {
        while let Some(&(due, Ready { delivery, manual })) = self.timers.first() {
            if due > now {
                return;
            }
            self.timers.pop_first();
            let is_due = self.tickets.get(delivery).is_some_and(|ticket| match manual {
                true => ticket.manual_due,
                false => ticket.state.due() == Some(due),
            });
            if is_due {
                self.enqueue(now, delivery, manual);
            }
        }
    }

    fn start_what_may(&mut self, now: Timestamp) {
        while self.recorder.has_room() {
            let tickets = &self.tickets;
            let is_wanted = |ready: Ready| {
                tickets.get(ready.delivery).is_some_and(|ticket| ticket.wants(ready.manual))
            };
            let Some((webhook_id, ready)) = self.lanes.next(now, is_wanted) else { return };
            if !self.start(now, webhook_id, ready) {
                self.lanes.finished(webhook_id, None, None);
            }
        }
    }

    /// Starts an attempt. `false` if its webhook is gone, and with it the delivery.
    fn start(&mut self, now: Timestamp, webhook_id: WebhookId, ready: Ready) -> bool {
        let id = ready.delivery;
        // Looked at here and not only when the lane is opened: a lane outlives its webhook while
        // requests are in flight, and what was accepted before the webhook went may come after it.
        let webhook = match self.usable(now, webhook_id) {
            Ok(webhook) => webhook,
            Err(end) => {
                self.end(id, end);
                return false;
            }
        };
        let ticket = self.tickets.get_mut(id).expect("only what is wanted comes out of a lane");
        let trigger = match (ready.manual, ticket.progress.attempts) {
            (true, _) => Trigger::Manual,
            (false, 0) => ticket.trigger,
            (false, _) => Trigger::Retry,
        };
        let number = ticket.start_attempt();
        let attempt = PlannedAttempt {
            delivery: id,
            manual: ready.manual,
            event_id: ticket.event_id,
            body: self.bodies.get(ticket.event_id),
            keys: self.keys.of(&webhook),
            webhook,
            number,
            trigger,
        };
        self.tasks.spawn(attempt.make(self.deps.clone(), self.reports.clone()));
        true
    }

    // What came of it.

    fn attempt_ended(
        &mut self,
        id: DeliveryId,
        manual: bool,
        attempt: Attempt,
        retry_after: Option<Duration>,
    ) {
        let ticket = self.tickets.get_mut(id).expect("a delivery on the wire keeps its ticket");
        ticket.in_flight -= 1;
        if manual {
            ticket.manual_due = false;
        }
        let webhook_id = ticket.webhook_id;
        let webhook = self.deps.directory.get(webhook_id);
        let default_schedule = RetrySchedule::default();
        let schedule =
            webhook.as_ref().map_or(&default_schedule, |webhook| &webhook.settings.retry_schedule);
        let jitter = Jitter::from_random(random_u64(self.deps.entropy.as_ref()));
        let Consequence { state, progress, pace_until, gone } =
            after_attempt(ticket.state, ticket.progress, &attempt, retry_after, schedule, jitter);
        // A manual attempt leaves the timer where it is; the schedule's own has used it up, even if
        // it is due again at the same millisecond.
        let rescheduled = state.due().filter(|_| !manual);
        ticket.state = state;
        ticket.progress = progress;

        self.lanes.finished(webhook_id, Some(attempt.outcome), pace_until);
        self.record(id, Some(attempt));
        // It comes back much later, if at all, and is read back then: else the bodies of what cannot
        // be delivered would fill the bound, and everybody else's be read from disk.
        self.release_body(id);
        if let Some(due) = rescheduled {
            self.timers.insert((due, Ready { delivery: id, manual: false }));
        }
        self.drop_if_done(id);
        if gone && webhook.is_some() {
            self.disable(webhook_id);
        }
        for watcher in self.watchers.remove(&id).unwrap_or_default() {
            self.answer_when_recorded(watcher, ());
        }
    }

    /// Nobody's attempt: it is made a little later. A manual one leaves the schedule alone.
    fn attempt_not_made(&mut self, now: Timestamp, id: DeliveryId, manual: bool, reason: &str) {
        let ticket = self.tickets.get_mut(id).expect("a delivery on the wire keeps its ticket");
        tracing::error!(delivery.id = %id, webhook.id = %ticket.webhook_id, reason,
            "attempt not made by a fault of ours; it will be");
        ticket.in_flight -= 1;
        let again = now.saturating_add(FAULT_PAUSE);
        ticket.state = match ticket.state {
            DeliveryState::Pending { .. } if !manual => DeliveryState::Pending { due: again },
            DeliveryState::Retrying { .. } if !manual => DeliveryState::Retrying { due: again },
            as_it_was => as_it_was,
        };
        let is_wanted = ticket.wants(manual);
        let webhook_id = ticket.webhook_id;
        self.lanes.finished(webhook_id, None, None);
        if is_wanted {
            self.timers.insert((again, Ready { delivery: id, manual }));
        }
        self.drop_if_done(id);
    }

    /// There is nothing left to send, and no log to write it to: the delivery's row went with its
    /// event.
    fn expired(&mut self, now: Timestamp, id: DeliveryId) {
        let ticket = self.tickets.get_mut(id).expect("a delivery on the wire keeps its ticket");
        tracing::warn!(delivery.id = %id, webhook.id = %ticket.webhook_id,
            "not delivered: its event expired while it waited");
        ticket.in_flight -= 1;
        let webhook_id = ticket.webhook_id;
        self.lanes.finished(webhook_id, None, None);
        self.end(id, DeliveryState::Cancelled { at: now });
    }

    /// Ends a delivery without an attempt.
    fn end(&mut self, id: DeliveryId, state: DeliveryState) {
        let Some(ticket) = self.tickets.get_mut(id) else { return };
        if ticket.state.due().is_some() {
            ticket.state = state;
        }
        ticket.manual_due = false;
        self.record(id, None);
        self.drop_if_done(id);
        for watcher in self.watchers.remove(&id).unwrap_or_default() {
            self.answer_when_recorded(watcher, ());
        }
    }

    fn drop_if_done(&mut self, id: DeliveryId) {
        if !self.tickets.get(id).is_some_and(Ticket::is_done) {
            return;
        }
        self.release_body(id);
        self.tickets.remove(id);
        self.spill.ended(id);
        if let Some(reload) = self.reloads.get_mut(&id) {
            reload.is_stale = true;
        }
    }

    /// Bodies in memory are for what is sent soon.
    fn release_body(&mut self, id: DeliveryId) {
        let Some(ticket) = self.tickets.get_mut(id) else { return };
        if std::mem::take(&mut ticket.has_body) {
            self.bodies.release(ticket.event_id);
        }
    }

    /// Hands the delivery as it now stands to the recorder.
    fn record(&mut self, id: DeliveryId, attempt: Option<Attempt>) {
        let ticket = self.tickets.get_mut(id).expect("only what has a ticket is recorded");
        let first = !ticket.recorded;
        ticket.recorded = true;
        let record = DeliveryRecord {
            delivery: Delivery {
                id,
                event_id: ticket.event_id,
                account_id: ticket.account_id,
                webhook_id: ticket.webhook_id,
                event_type: ticket.event_type.clone(),
                trigger: ticket.trigger,
                state: ticket.state,
                progress: ticket.progress,
                last: attempt.as_ref().map(LastAttempt::from),
            },
            attempt,
            manual_due: ticket.manual_due,
            first,
        };
        if first {
            self.count_row(record.delivery.event_id);
        }
        self.low_water_told = self.low_water();
        self.recorder.record(record, self.low_water_told);
    }

    fn tell_low_water(&mut self) {
        let mark = self.low_water();
        if let Some(mark) = mark.filter(|_| mark > self.low_water_told) {
            self.low_water_told = Some(mark);
            self.recorder.low_water(mark);
        }
    }

    fn count_row(&mut self, event_id: EventId) {
        if let Some(without_row) = self.unrecorded.get_mut(&event_id) {
            *without_row -= 1;
            if *without_row == 0 {
                self.unrecorded.remove(&event_id);
            }
        }
    }

    /// The mark that holds once everything handed to the recorder so far is written.
    fn low_water(&self) -> Option<EventId> {
        match self.unrecorded.first_key_value() {
            Some((first, _)) => Some(EventId::from_raw(first.as_raw() - 1)),
            None => self.newest_event,
        }
    }

    /// Gives rows to what has waited `PARK_AFTER` without an outcome.
    fn park_overdue(&mut self, now: Timestamp) {
        while let Some(&ToPark { at, event_id, deliveries }) = self.to_park.front() {
            if at > now {
                return;
            }
            self.to_park.pop_front();
            if !self.unrecorded.contains_key(&event_id) {
                continue;
            }
            for position in 0..deliveries {
                let id = event_id.delivery(position);
                let Some(ticket) = self.tickets.get(id).filter(|ticket| !ticket.recorded) else {
                    continue;
                };
                if self.lanes.is_held(ticket.webhook_id) {
                    self.release_body(id);
                }
                self.record(id, None);
            }
        }
    }

    // What people ask for.

    fn take_wish(&mut self, now: Timestamp, account: AccountId, id: DeliveryId, wish: Wish) {
        if self.tickets.contains(id) {
            self.grant(now, id, wish);
        } else if let Some(reload) = self.reloads.get_mut(&id) {
            reload.wishes.push(wish);
        } else {
            self.reload(id, Reload { account, wishes: vec![wish], is_stale: false });
        }
    }

    /// Looks up a delivery that memory does not know. What the asker saw may be out of date: it
    /// may have ended since, and not even be recorded yet. So everything is written first.
    fn reload(&mut self, id: DeliveryId, reload: Reload) {
        let (deps, recorder, reports) =
            (self.deps.clone(), self.recorder.clone(), self.reports.clone());
        let account = reload.account;
        self.reloads.insert(id, reload);
        self.tasks.spawn(async move {
            if recorder.flush().await.is_err() {
                return;
            }
            let delivery = match deps.store.delivery(account, id).await {
                Ok(found) => found.map(|(delivery, _)| Box::new(delivery)),
                Err(error) => {
                    tracing::error!(delivery.id = %id, %error, "delivery not read");
                    None
                }
            };
            let _ = reports.send(Report::Reloaded { id, delivery });
        });
    }

    fn take_reloaded(&mut self, now: Timestamp, id: DeliveryId, delivery: Option<Box<Delivery>>) {
        let Some(reload) = self.reloads.remove(&id) else { return };
        if reload.is_stale {
            return self.reload(id, Reload { is_stale: false, ..reload });
        }
        // Gone since it was asked about: the wishes' senders drop, which the askers see.
        let Some(delivery) = delivery else { return };
        self.take_outstanding(now, Outstanding { delivery: *delivery, manual_due: false });
        for wish in reload.wishes {
            self.take_wish(now, reload.account, id, wish);
        }
    }

    fn grant(&mut self, now: Timestamp, id: DeliveryId, wish: Wish) {
        match wish {
            Wish::Retry(done) => self.retry(now, id, done),
            Wish::Cancel(done) => self.cancel(now, id, done),
        }
    }

    fn retry(&mut self, now: Timestamp, id: DeliveryId, done: oneshot::Sender<()>) {
        let ticket = self.tickets.get_mut(id).expect("granted for tickets only");
        if !ticket.manual_due {
            ticket.manual_due = true;
            self.record(id, None);
            self.enqueue(now, id, true);
        }
        self.answer_when_recorded(done, ());
    }

    fn cancel(&mut self, now: Timestamp, id: DeliveryId, done: oneshot::Sender<Cancellation>) {
        let ticket = self.tickets.get_mut(id).expect("granted for tickets only");
        if ticket.state.due().is_none() {
            self.drop_if_done(id);
            // Its end may still be on its way to disk, where the asker looks next.
            return self.answer_when_recorded(done, Cancellation::AlreadyEnded);
        }
        self.end(id, DeliveryState::Cancelled { at: now });
        self.answer_when_recorded(done, Cancellation::Cancelled);
    }

    fn webhook_changed(&mut self, now: Timestamp, webhook_id: WebhookId) {
        let state = match self.usable(now, webhook_id) {
            Err(end) => end,
            Ok(webhook) => {
                if self.lanes.has_lane(webhook_id) {
                    self.lanes.configure(webhook_id, lane_settings(&webhook));
                }
                return;
            }
        };
        self.lanes.drain(webhook_id);
        for id in self.tickets.of_webhook(webhook_id) {
            self.end(id, state);
        }
    }

    /// 410: the receiver does not want this webhook any more.
    fn disable(&mut self, webhook_id: WebhookId) {
        let (deps, reports) = (self.deps.clone(), self.reports.clone());
        self.tasks.spawn(async move {
            while let Some(webhook) = deps.directory.get(webhook_id) {
                if matches!(webhook.status, WebhookStatus::Disabled { .. }) {
                    return;
                }
                let reason = "the receiver answered 410 Gone".to_owned();
                let disabled = Webhook {
                    status: WebhookStatus::Disabled { reason },
                    updated_at: deps.clock.now(),
                    ..Webhook::clone(&webhook)
                };
                match deps.store.update_webhook(&disabled).await {
                    // Changed by somebody while it was being stored: disable that version, so that
                    // neither a change is lost nor a deleted webhook comes back.
                    Ok(true) if !deps.directory.replace(&webhook, disabled) => {}
                    Ok(true) => {
                        let _ = reports.send(Report::Disabled(webhook_id));
                        return;
                    }
                    Ok(false) => return,
                    Err(error) => {
                        tracing::error!(webhook.id = %webhook_id, %error, "webhook not disabled");
                        return;
                    }
                }
            }
        });
    }

    fn answer_when_recorded<T: Send + 'static>(&mut self, done: oneshot::Sender<T>, answer: T) {
        let recorder = self.recorder.clone();
        self.tasks.spawn(async move {
            if recorder.flush().await.is_ok() {
                let _ = done.send(answer);
            }
        });
    }

    // Housekeeping.

    fn load_more(&mut self, now: Timestamp) {
        let has_room = |webhook| self.tickets.has_plenty_of_room(webhook);
        let Some(after) = self.spill.begin_load(now, has_room) else { return };
        let (deps, recorder, reports) =
            (self.deps.clone(), self.recorder.clone(), self.reports.clone());
        self.tasks.spawn(async move {
            let loaded = async {
                recorder.flush().await.map_err(|_| EngineStopped.to_string())?;
                let loaded = deps.store.outstanding_after(after, Spill::LOAD_MAX).await;
                loaded.map_err(|error| error.to_string())
            };
            let loaded = loaded.await.inspect_err(|reason| {
                tracing::error!(reason, "waiting deliveries could not be loaded");
            });
            let _ = reports.send(Report::Loaded(loaded.ok()));
        });
    }

    fn until_next(&self, now: Timestamp) -> Duration {
        let timer = self.timers.first().map(|(at, _)| *at);
        let park = self.to_park.front().map(|event| event.at);
        let waits = [timer, park, self.lanes.wake_at(), self.spill.look_at()];
        let next = waits.into_iter().flatten().min();
        let at_most = if self.recorder.has_room() { LOOK_AGAIN } else { LOOK_FOR_ROOM };
        next.map_or(at_most, |at| at.since(now).min(at_most))
    }

    fn publish_load(&self) {
        use std::sync::atomic::Ordering::Relaxed;
        self.load.outstanding.store(self.tickets.len(), Relaxed);
        self.load.in_flight.store(self.lanes.in_flight(), Relaxed);
    }
}

fn lane_settings(webhook: &Webhook) -> LaneSettings {
    LaneSettings {
        max_in_flight: webhook.settings.max_in_flight,
        rate_limit: webhook.settings.rate_limit,
        paused: webhook.status == WebhookStatus::Paused,
    }
}

fn random_u64(entropy: &dyn Entropy) -> u64 {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
