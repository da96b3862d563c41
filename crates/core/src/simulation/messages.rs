//! Conversations by message: an offer, a word after a call or a confirmation goes out, arrives or
//! does not, is replied to or not. Who replies STOP is never written to again.

use serde_json::{Value, json};

use super::agents::Channel;
use super::chance::mix;
use super::contacts::{Change, Lead, Removal, Source};
use super::people::{Contact, spoken};
use super::script::{CARRIERS, CONFIRMATION_REPLIES, OFFERS, REPLIES, Reply, SMS_ERRORS, encoding};
use super::{Scene, SimulatedEvent, Simulation, Step, decimal, later};
use crate::time::Timestamp;

const FAILING_PERCENT: usize = 6;
/// A message that may arrive if it is sent again is sent again so often.
const RESENT_MAX: u8 = 1;
/// What a part of a message costs, in ten-thousandths of a dollar.
const PART_COSTS: u64 = 79;

/// A message that goes out.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    kind: Kind,
    text: &'static str,
    /// What `{day}` in the text stands for.
    day: &'static str,
    resent: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Offer,
    AfterCall,
    Confirmation,
    /// To what they wrote. Nothing more comes after it.
    Answer,
}

impl Kind {
    fn replies_percent(self) -> usize {
        match self {
            Kind::Offer => 30,
            Kind::AfterCall => 45,
            Kind::Confirmation => 75,
            Kind::Answer => 0,
        }
    }
}

impl Message {
    pub fn new(kind: Kind, text: &'static str) -> Message {
        Message { kind, text, day: "", resent: 0 }
    }

    pub fn on_day(self, day: &'static str) -> Message {
        Message { day, ..self }
    }
}

/// A message that comes in.
#[derive(Debug, Clone, Copy)]
pub struct Incoming {
    number: u64,
    /// The message that it replies to, and when that arrived.
    replies_to: u64,
    replied_at: Timestamp,
    reply: &'static Reply,
}

impl Simulation {
    /// The first message to the next contact of a campaign. If all of those have written to their
    /// last contact, an inbound call takes its place.
    pub(super) fn campaign_message(&mut self, now: Timestamp) -> SimulatedEvent {
        let Some(scene) = self.next_contact(now, Channel::Sms) else {
            return self.inbound_call(now);
        };
        let offer = Message::new(Kind::Offer, self.chance.pick(&OFFERS));
        // Held like any step, so that what follows from it comes before the campaign's end.
        let number = scene.campaign.expect("a contact of a campaign");
        self.company.campaigns.hold(number);
        let event = self.message_written(now, scene, offer);
        self.step_is_over(now, number);
        event
    }

    pub(super) fn message_sent(
        &mut self,
        at: Timestamp,
        scene: Scene,
        message: Message,
    ) -> Option<SimulatedEvent> {
        let may_be = self.company.is_reachable(scene.person);
        may_be.then(|| self.message_written(at, scene, message))
    }

    /// At the moment at which it has arrived, or it is clear that it will not.
    fn message_written(&mut self, at: Timestamp, scene: Scene, message: Message) -> SimulatedEvent {
        let number = self.company.numbers.next();
        let fails = self.chance.percent(FAILING_PERCENT);
        let took_ms =
            if fails { self.chance.between(1_000, 9_000) } else { self.chance.between(350, 3_000) };
        let begun = scene.campaign.map(|number| self.company.campaigns.started(number));
        let sent = at.saturating_sub(std::time::Duration::from_millis(took_ms));
        let sent = begun.map_or(sent, |begun| sent.max(begun));
        let mut data = self.message_data(scene, number, message);
        let parts = data["segments"].as_u64().expect("written just now");
        if fails {
            let error = self.chance.weighted(&SMS_ERRORS);
            let status = if error.retryable { "undelivered" } else { "failed" };
            data["status"] = json!(status);
            data["error"] = json!({
                "code": error.code,
                "message": error.message,
                "provider_code": error.provider_code,
            });
            data["retryable"] = json!(error.retryable);
            if let Some(number) = scene.campaign
                && message.kind == Kind::Offer
                && message.resent == 0
            {
                self.company.campaigns.tally(number).failed += 1;
            }
            if error.retryable && message.resent < RESENT_MAX {
                let again = Message { resent: message.resent + 1, ..message };
                let later = later(at, self.chance.between(20_000, 60_000));
                self.plan(later, Step::MessageSent(scene, again));
            }
        } else {
            data["status"] = json!("delivered");
            data["carrier"] = json!(self.chance.pick(&CARRIERS));
            let amount = format!("0.{:04}", parts * PART_COSTS);
            data["cost"] = json!({ "amount": amount, "currency": "USD" });
            if self.chance.percent(message.kind.replies_percent()) {
                self.plan_reply(at, scene, number, message.kind);
            }
        }
        self.add_scene(&mut data, scene);
        data["sent_at"] = json!(sent.to_string());
        let (event, ended) =
            if fails { ("sms.failed", "failed_at") } else { ("sms.sent", "delivered_at") };
        data[ended] = json!(at.to_string());
        self.event(at, event, Some(scene.person.list), data)
    }

    fn plan_reply(&mut self, at: Timestamp, scene: Scene, replies_to: u64, kind: Kind) {
        let reply = match kind {
            Kind::Confirmation => self.chance.weighted(&CONFIRMATION_REPLIES),
            _ => self.chance.weighted(&REPLIES),
        };
        let number = self.company.numbers.next();
        let incoming = Incoming { number, replies_to, replied_at: at, reply };
        let thinks_ms = self.chance.skewed(6_000, 240_000);
        self.plan(later(at, thinks_ms), Step::MessageReceived(scene, incoming));
    }

    pub(super) fn message_received(
        &mut self,
        at: Timestamp,
        scene: Scene,
        incoming: Incoming,
    ) -> SimulatedEvent {
        // The same message once more, as what it is in the conversation.
        self.plan(at, Step::MessageReplied(scene, incoming));
        if incoming.reply.opt_out {
            self.company.opt_out(scene.person);
        }
        let mut data = self.incoming_data(scene, incoming);
        let contact = Contact::of(self.company.seed, scene.person);
        data["contact_id"] = json!(contact.id.to_string());
        data["powerlist_id"] = json!(self.company.lists[scene.person.list].id.to_string());
        data["opt_out"] = json!(incoming.reply.opt_out);
        data["received_at"] = json!(at.to_string());
        self.event(at, "sms.received", Some(scene.person.list), data)
    }

    pub(super) fn message_replied(
        &mut self,
        at: Timestamp,
        scene: Scene,
        incoming: Incoming,
    ) -> SimulatedEvent {
        let reply = incoming.reply;
        let mut data = self.incoming_data(scene, incoming);
        data["in_reply_to"] = json!(self.company.numbers.id("msg", incoming.replies_to));
        let latency_ms = at.since(incoming.replied_at).as_millis() as u64;
        data["reply_latency_seconds"] = decimal(latency_ms / 100, 10);
        data["intent"] = json!(reply.intent);
        data["opt_out"] = json!(reply.opt_out);
        self.add_scene(&mut data, scene);
        data["received_at"] = json!(at.to_string());
        if let Some(number) = scene.campaign
            && self.company.campaigns.is_by_message(number)
        {
            self.company.campaigns.tally(number).connected += 1;
        }
        self.follow_reply(at, scene, reply);
        self.event(at, "sms.replied", Some(scene.person.list), data)
    }

    fn follow_reply(&mut self, at: Timestamp, scene: Scene, reply: &'static Reply) {
        let soon = later(at, self.chance.between(200, 1_200));
        if reply.opt_out {
            self.plan(soon, Step::ContactUpdated(scene, Change::OptOut));
            if self.chance.percent(40) {
                let then = later(soon, self.chance.between(1_000, 8_000));
                self.plan(then, Step::ContactDeleted(scene, Removal { reason: "opt_out" }));
            }
        }
        if reply.lead {
            let lead = Lead {
                source: Source::Sms,
                score: self.chance.between(60, 90),
                disposition: "interested",
            };
            self.plan(later(soon, 1_500), Step::LeadGenerated(scene, lead));
        }
        if let Some(text) = reply.answer {
            let then = later(at, self.chance.between(4_000, 25_000));
            self.plan(then, Step::MessageSent(scene, Message::new(Kind::Answer, text)));
        }
    }

    /// The members that a message which goes out begins with.
    fn message_data(&self, scene: Scene, number: u64, message: Message) -> Value {
        let contact = Contact::of(self.company.seed, scene.person);
        let agent = &self.company.agents[scene.agent];
        let body = message
            .text
            .replace("{name}", contact.first_name)
            .replace("{agent}", spoken(&agent.name))
            .replace("{day}", message.day);
        let (encoding, segments) = encoding(&body);
        json!({
            "message_id": self.company.numbers.id("msg", number),
            "thread_id": thread_id(&contact),
            "from_number": agent.phone_number,
            "to_number": contact.phone_number,
            "body": body,
            "segments": segments,
            "encoding": encoding,
            "media": [],
        })
    }

    fn incoming_data(&self, scene: Scene, incoming: Incoming) -> Value {
        let contact = Contact::of(self.company.seed, scene.person);
        json!({
            "message_id": self.company.numbers.id("msg", incoming.number),
            "thread_id": thread_id(&contact),
            "from_number": contact.phone_number,
            "to_number": self.company.agents[scene.agent].phone_number,
            "body": incoming.reply.text,
            "media": [],
        })
    }

    fn add_scene(&self, data: &mut Value, scene: Scene) {
        let contact = Contact::of(self.company.seed, scene.person);
        data["agent_id"] = json!(self.company.agents[scene.agent].id);
        data["campaign_id"] = json!(self.campaign_id(scene));
        data["powerlist_id"] = json!(self.company.lists[scene.person.list].id.to_string());
        data["contact_id"] = json!(contact.id.to_string());
    }
}

/// All that is ever written to a contact is one conversation.
fn thread_id(contact: &Contact) -> String {
    format!("thread_{:016x}", mix(contact.id.as_raw()))
}
