//! The engine: one task that owns every unfinished delivery and decides what happens next, and a
//! task per request on the wire.
//!
//! All state is owned by the one task; everything else talks to it by message. It never waits for
//! the disk or the network. Its loop: take what was accepted, what came back and what was asked
//! for; start whatever the lanes allow; sleep until something is due. That loop is here; what is
//! done about each thing lies in the modules below.
//!
//! What it holds for a delivery is a [`Ticket`], without the body. Bodies of fresh events stay
//! in memory up to a bound and are read back from the store otherwise. What has no room among
//! `TICKETS_MAX` waits on disk only (see [`tickets`](crate::tickets) and [`spill`](crate::spill)).

mod attempts;
mod backlog;
mod recording;
mod webhooks;
mod wishes;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use posthaste_core::attempt::Trigger;
use posthaste_core::delivery::{DeliveryState, Progress};
use posthaste_core::directory::Directory;
use posthaste_core::event::Event;
use posthaste_core::id::DeliveryId;
use posthaste_core::id_map::IdMap;
use posthaste_core::lanes::{Lanes, Ready};
use posthaste_core::limits::{IN_FLIGHT_MAX, SHUTDOWN_GRACE, TICKETS_MAX};
use posthaste_core::store::{Outstanding, Recovered, Store};
use posthaste_core::time::{Clock, Entropy, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use self::webhooks::lane_settings;
use self::wishes::Reload;
use crate::admission::Admission;
use crate::bodies::Bodies;
use crate::keys::KeyCache;
use crate::load::LoadCell;
use crate::messages::{Inbox, Report, Request};
use crate::recorder::RecorderHandle;
use crate::spill::Spill;
use crate::tickets::{Ticket, Tickets};
use crate::transport::Transport;
use crate::unrecorded::Unrecorded;

/// However the wall clock jumps, look again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
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

/// How much the engine may hold and do at once. Smaller only in tests, where so many deliveries
/// take too long.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub tickets: usize,
    pub in_flight: usize,
    /// Deliveries of a webhook that is gone, ended in one step.
    pub ends_at_a_time: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { tickets: TICKETS_MAX, in_flight: IN_FLIGHT_MAX, ends_at_a_time: 1_000 }
    }
}

/// The engine's whole state.
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
    /// Deliveries of webhooks that are gone, to be ended a few at a time: there can be as many as
    /// there are tickets, and everybody else's would wait for them.
    doomed: VecDeque<(DeliveryId, DeliveryState)>,
    bodies: Bodies,
    keys: KeyCache,
    unrecorded: Unrecorded,
    /// When to see whether the low-water mark has risen.
    low_water_look: Timestamp,
    watchers: IdMap<DeliveryId, Vec<oneshot::Sender<()>>>,
    spill: Spill,
    /// Deliveries that memory does not know, being looked up because of a wish.
    reloads: IdMap<DeliveryId, Reload>,
    load: Arc<LoadCell>,
    /// Everything the engine has going. Goes with it: an engine that is dropped leaves no request
    /// behind that would still use the store.
    tasks: JoinSet<()>,
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
            doomed: VecDeque::new(),
            bodies: Bodies::default(),
            keys: KeyCache::default(),
            unrecorded: Unrecorded::default(),
            low_water_look: Timestamp::EPOCH,
            watchers: IdMap::default(),
            spill: Spill::default(),
            reloads: IdMap::default(),
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
            self.end_doomed();
            if now >= self.low_water_look {
                self.low_water_look = now.saturating_add(LOW_WATER_EVERY);
                self.tell_low_water();
            }
            self.start_what_may(now);
            self.load_more(now);
            self.load.publish(self.tickets.len(), self.lanes.in_flight());
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
        self.unrecorded.taken(event.id);
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
                doomed: false,
            };
            self.tickets.insert(event.id.delivery(position), ticket);
        }
        self.admission.accepted(without_row);
        let count = |deliveries: usize| u32::try_from(deliveries).expect("fan-out is bounded");
        self.unrecorded.add(now, event.id, count(event.targets.len()), count(without_row));
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
                self.attempt_ended(delivery, manual, attempt, retry_after);
            }
            Report::Fault { delivery, manual, reason } => {
                self.attempt_not_made(now, delivery, manual, &reason);
            }
            Report::Expired { delivery } => self.expired(now, delivery),
            Report::Reloaded { id, delivery } => self.take_reloaded(now, id, delivery),
            Report::Disabled(webhook_id) => self.webhook_changed(now, webhook_id),
            Report::Loaded(Some(backlog)) => self.take_loaded(now, backlog),
            Report::Loaded(None) => self.spill.load_failed(now),
        }
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

    /// Ends a delivery without an attempt.
    fn end(&mut self, id: DeliveryId, state: DeliveryState) {
        let Some(ticket) = self.tickets.get_mut(id) else { return };
        ticket.doomed = false;
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

    /// Ends some of what is doomed, as far as the recorder has room.
    fn end_doomed(&mut self) {
        for _ in 0..self.deps.bounds.ends_at_a_time {
            if !self.recorder.has_room() {
                return;
            }
            let Some((id, state)) = self.doomed.pop_front() else { return };
            // It may have ended meanwhile, and even have come back because somebody wants it.
            if self.tickets.get(id).is_some_and(|ticket| ticket.doomed) {
                self.end(id, state);
            }
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

    fn until_next(&self, now: Timestamp) -> Duration {
        let timer = self.timers.first().map(|(at, _)| *at);
        let parking = self.unrecorded.overdue_at();
        let waits = [timer, parking, self.lanes.wake_at(), self.spill.look_at()];
        let next = waits.into_iter().flatten().min();
        let at_most = match (self.recorder.has_room(), self.doomed.is_empty()) {
            (true, true) => LOOK_AGAIN,
            (true, false) => Duration::ZERO,
            (false, _) => LOOK_FOR_ROOM,
        };
        next.map_or(at_most, |at| at.since(now).min(at_most))
    }
}
