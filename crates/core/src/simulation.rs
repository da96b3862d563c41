//! Life-like traffic of a company that calls and texts people: agents that come online, get busy
//! and go offline, campaigns over powerlists, calls with all their endings, conversations by
//! message, leads, appointments, contacts. For demonstrations, load tests and receivers under
//! development; `posthaste simulate` posts it.
//!
//! A [`Simulation`] is an endless iterator. The same [`Plan`] gives the same events, to the byte.
//! What happens at the virtual moment `start + n / rate` is the event that is due by then, if one
//! is: the next one of a call, a conversation or a campaign under way. If none is, something new
//! begins. So there are always exactly `rate` events a second, and as many stories at a time as
//! that takes: the company is as large as its traffic, and each call takes the time calls take.
//!
//! One file for each kind of story ([`agents`], [`campaigns`], [`calls`], [`messages`],
//! [`contacts`]); [`people`] is who there is, [`script`] what they say, [`company`] what is kept.

mod agents;
mod calls;
mod campaigns;
mod chance;
mod company;
mod contacts;
mod messages;
mod people;
mod script;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde_json::{Number, Value, json};

use crate::id::PowerlistId;
use crate::time::Timestamp;

use agents::{ALL_ONLINE_PERCENT, Channel};
use calls::Call;
use campaigns::CampaignNumber;
use chance::Chance;
use company::Company;
use contacts::{Appointment, Change, Lead, Removal};
use messages::{Incoming, Message};
use people::Person;

/// What a simulation is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub seed: u64,
    /// The moment of the first event.
    pub start: Timestamp,
    /// Events per second of the company's life; more than 0.
    pub rate: f64,
    /// The lists that contacts are on. If there are none, some are made up.
    pub powerlists: Vec<PowerlistId>,
}

/// One event, as it would be published.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedEvent {
    pub at: Timestamp,
    pub event: &'static str,
    pub data: Value,
    pub powerlist_id: Option<PowerlistId>,
}

/// An endless company.
#[derive(Debug)]
pub struct Simulation {
    start: Timestamp,
    rate: f64,
    given: u64,
    chance: Chance,
    company: Company,
    /// What is to come, soonest first. As long as stories are under way: a few minutes' events.
    due: BinaryHeap<Reverse<Due>>,
    planned: u64,
}

/// Who a story is about.
#[derive(Debug, Clone, Copy)]
struct Scene {
    person: Person,
    agent: usize,
    /// If it belongs to one, the campaign does not end before it.
    campaign: Option<CampaignNumber>,
}

/// What happens next in a story.
#[derive(Debug, Clone, Copy)]
enum Step {
    CallAnswered(Call),
    CallTransferred(Call),
    CallEnded(Call),
    MessageSent(Scene, Message),
    MessageReceived(Scene, Incoming),
    MessageReplied(Scene, Incoming),
    LeadGenerated(Scene, Lead),
    AppointmentScheduled(Scene, Appointment),
    ContactUpdated(Scene, Change),
    ContactDeleted(Scene, Removal),
    CampaignCompleted(CampaignNumber),
}

#[derive(Debug)]
struct Due {
    at: Timestamp,
    /// Of steps of one moment, the one that was planned first.
    number: u64,
    step: Step,
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// What begins when nothing is due.
#[derive(Debug, Clone, Copy)]
enum Beginning {
    OutboundCall,
    InboundCall,
    Message,
    AgentStatus,
    AgentChange,
    AgentPerformance,
    NewContact,
    NewLead,
}

/// With how often each is what begins, in a hundred. Calls and messages bring several events each.
const BEGINNINGS: [(usize, Beginning); 8] = [
    (49, Beginning::OutboundCall),
    (7, Beginning::InboundCall),
    (16, Beginning::Message),
    (14, Beginning::AgentStatus),
    (2, Beginning::AgentChange),
    (3, Beginning::AgentPerformance),
    (7, Beginning::NewContact),
    (2, Beginning::NewLead),
];

impl Iterator for Simulation {
    type Item = SimulatedEvent;

    /// Never `None`.
    fn next(&mut self) -> Option<SimulatedEvent> {
        let now = self.moment(self.given);
        self.given += 1;
        loop {
            let event = match self.due.peek() {
                Some(Reverse(Due { at, step, .. })) if *at <= now => {
                    let (at, step) = (*at, *step);
                    self.due.pop();
                    self.play(at, step)
                }
                _ => Some(self.begin(now)),
            };
            if event.is_some() {
                return event;
            }
        }
    }
}

impl Simulation {
    pub fn new(plan: &Plan) -> Simulation {
        assert!(plan.rate > 0.0, "a rate of {} brings no events", plan.rate);
        Simulation {
            start: plan.start,
            rate: plan.rate,
            given: 0,
            chance: Chance::new(plan.seed),
            company: Company::new(plan),
            due: BinaryHeap::new(),
            planned: 0,
        }
    }

    /// When the `count`-th event is due, from 0 on.
    fn moment(&self, count: u64) -> Timestamp {
        let millis = count as f64 / self.rate * 1_000.0;
        Timestamp::from_millis(self.start.as_millis().saturating_add(millis as i64))
    }

    fn begin(&mut self, now: Timestamp) -> SimulatedEvent {
        // In the morning agents come online, and nobody is called before one of them is there.
        for channel in [Channel::Voice, Channel::Sms] {
            let online = self.company.online_percent(channel);
            let early = online < ALL_ONLINE_PERCENT && self.chance.percent(40);
            if online == 0 || early {
                return self.agent_comes_online(now, channel);
            }
        }
        if let Some(channel) = self.company.wants_campaign() {
            return self.campaign_started(now, channel);
        }
        match self.chance.weighted(&BEGINNINGS) {
            Beginning::OutboundCall => self.outbound_call(now),
            Beginning::InboundCall => self.inbound_call(now),
            Beginning::Message => self.campaign_message(now),
            Beginning::AgentStatus => self.agent_status_changed(now),
            Beginning::AgentChange => self.agent_created_or_updated(now),
            Beginning::AgentPerformance => self.agent_performance(now),
            Beginning::NewContact => self.contact_created(now),
            Beginning::NewLead => self.lead_from_webhook(now),
        }
    }

    /// `None` if there is nothing to it any more, as with a message to somebody who wants none.
    fn play(&mut self, at: Timestamp, step: Step) -> Option<SimulatedEvent> {
        let campaign = step.campaign();
        let event = match step {
            Step::CallAnswered(call) => Some(self.call_answered(at, call)),
            Step::CallTransferred(call) => Some(self.call_transferred(at, call)),
            Step::CallEnded(call) => Some(self.call_ended(at, call)),
            Step::MessageSent(scene, message) => self.message_sent(at, scene, message),
            Step::MessageReceived(scene, incoming) => {
                Some(self.message_received(at, scene, incoming))
            }
            Step::MessageReplied(scene, incoming) => {
                Some(self.message_replied(at, scene, incoming))
            }
            Step::LeadGenerated(scene, lead) => Some(self.lead_generated(at, scene, lead)),
            Step::AppointmentScheduled(scene, appointment) => {
                Some(self.appointment_scheduled(at, scene, appointment))
            }
            Step::ContactUpdated(scene, change) => self.contact_updated(at, scene, change),
            Step::ContactDeleted(scene, removal) => self.contact_deleted(at, scene, removal),
            Step::CampaignCompleted(number) => return Some(self.campaign_completed(at, number)),
        };
        if let Some(number) = campaign {
            self.step_is_over(at, number);
        }
        event
    }

    fn plan(&mut self, at: Timestamp, step: Step) {
        if let Some(number) = step.campaign() {
            self.company.campaigns.hold(number);
        }
        self.planned += 1;
        self.due.push(Reverse(Due { at, number: self.planned, step }));
    }

    fn event(
        &self,
        at: Timestamp,
        event: &'static str,
        list: Option<usize>,
        data: Value,
    ) -> SimulatedEvent {
        let powerlist_id = list.map(|list| self.company.lists[list].id);
        SimulatedEvent { at, event, data, powerlist_id }
    }
}

impl Step {
    /// The campaign that does not end before this has happened.
    fn campaign(&self) -> Option<CampaignNumber> {
        match self {
            Step::CallAnswered(call) | Step::CallTransferred(call) | Step::CallEnded(call) => {
                call.scene.campaign
            }
            Step::MessageSent(scene, _)
            | Step::MessageReceived(scene, _)
            | Step::MessageReplied(scene, _)
            | Step::LeadGenerated(scene, _)
            | Step::AppointmentScheduled(scene, _)
            | Step::ContactUpdated(scene, _)
            | Step::ContactDeleted(scene, _) => scene.campaign,
            Step::CampaignCompleted(_) => None,
        }
    }
}

fn later(at: Timestamp, millis: u64) -> Timestamp {
    at.saturating_add(std::time::Duration::from_millis(millis))
}

/// A number of tenths or hundredths, as JavaScript would write it: 3, not 3.0.
fn decimal(parts: u64, per_unit: u64) -> Value {
    if parts.is_multiple_of(per_unit) {
        return json!(parts / per_unit);
    }
    json!(Number::from_f64(parts as f64 / per_unit as f64).expect("a quotient of whole numbers"))
}

/// `0.084`: money is text. `thousandths` of a dollar.
fn dollars(thousandths: u64) -> Value {
    let amount = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
    json!({ "amount": amount, "currency": "USD" })
}

#[cfg(test)]
mod tests;
