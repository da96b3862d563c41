//! Calls, from the first ring to what follows from them.

use serde_json::{Map, Value, json};

use super::agents::Channel;
use super::contacts::{Appointment, Change, Lead, Removal, Source};
use super::messages::{Kind, Message};
use super::people::{Contact, company_number, spoken};
use super::script::{
    AFTER_A_CALL, Follows, GREETINGS, INBOUND_TALKS, Speaker, TALKS, TRANSFERRED, Talk,
};
use super::{Scene, SimulatedEvent, Simulation, Step, decimal, dollars, later};
use crate::time::Timestamp;

const RECORDING_KEPT_MS: u64 = 30 * 86_400_000;
/// What a minute costs, in thousandths of a dollar.
const MINUTE_COSTS: u64 = 28;
/// Calls that are put through although nothing in them asks for it, if they last long enough.
const PUT_THROUGH_PERCENT: usize = 8;
const PUT_THROUGH_FROM_S: u64 = 60;

/// A call under way.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub scene: Scene,
    number: u64,
    direction: Direction,
    started: Timestamp,
    course: Course,
    /// Once it is answered.
    answered: Option<Timestamp>,
    /// From the answer to the end; from the first ring, if nobody answers.
    lasts_ms: u64,
    /// It is put through to somebody, so long after the answer.
    put_through: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Inbound,
    Outbound,
}

#[derive(Debug, Clone, Copy)]
enum Course {
    /// A person answers.
    Talk(&'static Talk),
    Voicemail,
    NoAnswer,
    Busy,
    Failed,
    Canceled,
}

impl Course {
    fn call_status(self) -> &'static str {
        match self {
            Course::Talk(_) => "completed",
            Course::Voicemail => "voicemail",
            Course::NoAnswer => "no_answer",
            Course::Busy => "busy",
            Course::Failed => "failed",
            Course::Canceled => "canceled",
        }
    }

    fn ended_reason(self) -> &'static str {
        match self {
            Course::Talk(talk) => talk.ended_reason,
            Course::Voicemail => "voicemail_reached",
            Course::NoAnswer => "dial_no_answer",
            Course::Busy => "dial_busy",
            Course::Failed => "dial_failed",
            Course::Canceled => "canceled",
        }
    }
}

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }
}

/// Which of them a call takes, in a hundred.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Talk,
    Voicemail,
    NoAnswer,
    Busy,
    Failed,
    Canceled,
}

const OUTBOUND_FATES: [(usize, Fate); 6] = [
    (43, Fate::Talk),
    (24, Fate::Voicemail),
    (21, Fate::NoAnswer),
    (6, Fate::Busy),
    (3, Fate::Failed),
    (3, Fate::Canceled),
];

impl Simulation {
    /// Of a campaign. If all of them have called their last contact, somebody calls in.
    pub(super) fn outbound_call(&mut self, now: Timestamp) -> SimulatedEvent {
        let Some(scene) = self.next_contact(now, Channel::Voice) else {
            return self.inbound_call(now);
        };
        let attempt = self.chance.weighted(&[(70, 1), (20, 2), (10, 3)]);
        let course = match self.chance.weighted(&OUTBOUND_FATES) {
            Fate::Talk => Course::Talk(self.chance.weighted(&TALKS)),
            Fate::Voicemail => Course::Voicemail,
            Fate::NoAnswer => Course::NoAnswer,
            Fate::Busy => Course::Busy,
            Fate::Failed => Course::Failed,
            Fate::Canceled => Course::Canceled,
        };
        self.call_started(now, scene, Direction::Outbound, attempt, course)
    }

    pub(super) fn inbound_call(&mut self, now: Timestamp) -> SimulatedEvent {
        let person = self.company.anybody(now, &mut self.chance);
        let scene = Scene { person, agent: self.agent_online(Channel::Voice), campaign: None };
        let gives_up = self.chance.percent(12);
        let talk = self.chance.weighted(&INBOUND_TALKS);
        let course = if gives_up { Course::Canceled } else { Course::Talk(talk) };
        self.call_started(now, scene, Direction::Inbound, 1, course)
    }

    fn call_started(
        &mut self,
        now: Timestamp,
        scene: Scene,
        direction: Direction,
        attempt: u64,
        course: Course,
    ) -> SimulatedEvent {
        let chance = &mut self.chance;
        let (ring_ms, lasts_ms) = match course {
            Course::Talk(talk) => {
                let (shortest, longest) = talk.seconds;
                // Odd milliseconds: what lasted 180 s lasted between 180 and 181.
                let lasts_ms = chance.skewed(shortest, longest) * 1_000 + chance.between(0, 999);
                (chance.between(2_500, 19_000), lasts_ms)
            }
            Course::Voicemail => (chance.between(15_000, 25_000), chance.between(6_000, 34_000)),
            Course::NoAnswer => (0, chance.between(22_000, 35_000)),
            Course::Busy => (0, chance.between(900, 4_000)),
            Course::Failed => (0, chance.between(150, 2_500)),
            Course::Canceled => (0, chance.between(2_000, 14_000)),
        };
        let put_through = match course {
            Course::Talk(talk) => {
                let by_itself =
                    lasts_ms >= PUT_THROUGH_FROM_S * 1_000 && chance.percent(PUT_THROUGH_PERCENT);
                let wants = talk.ended_reason == TRANSFERRED || by_itself;
                wants.then(|| lasts_ms * chance.between(45, 85) / 100)
            }
            _ => None,
        };
        let call = Call {
            scene,
            number: self.company.numbers.next(),
            direction,
            started: now,
            course,
            answered: None,
            lasts_ms,
            put_through,
        };
        match course {
            Course::Talk(_) | Course::Voicemail => {
                self.plan(later(now, ring_ms), Step::CallAnswered(call));
            }
            _ => self.plan(later(now, lasts_ms), Step::CallEnded(call)),
        }
        let status = match direction {
            Direction::Inbound => "ringing",
            Direction::Outbound => "initiated",
        };
        let mut data = self.call_data(&call, status);
        let is_outbound = direction == Direction::Outbound;
        let label = self.company.agents[scene.agent].number_label;
        data.insert("from_number_label".to_owned(), json!(is_outbound.then_some(label)));
        let local_presence = is_outbound.then_some(self.chance.percent(60));
        data.insert("local_presence".to_owned(), json!(local_presence));
        data.insert("attempt_number".to_owned(), json!(is_outbound.then_some(attempt)));
        data.insert("started_at".to_owned(), json!(now.to_string()));
        self.call_event(now, "call.started", &call, data)
    }

    pub(super) fn call_answered(&mut self, at: Timestamp, mut call: Call) -> SimulatedEvent {
        call.answered = Some(at);
        match call.put_through {
            Some(after_ms) => self.plan(later(at, after_ms), Step::CallTransferred(call)),
            None => self.plan(later(at, call.lasts_ms), Step::CallEnded(call)),
        }
        let answered_by = match call.course {
            Course::Voicemail => "machine",
            _ => self.chance.weighted(&[(95, "human"), (5, "unknown")]),
        };
        let mut data = self.call_data(&call, "in_progress");
        data.insert("answered_by".to_owned(), json!(answered_by));
        let ring_ms = at.since(call.started).as_millis() as u64;
        data.insert("ring_duration".to_owned(), decimal(ring_ms / 100, 10));
        data.insert("user_id".to_owned(), Value::Null);
        data.insert("started_at".to_owned(), json!(call.started.to_string()));
        data.insert("answered_at".to_owned(), json!(at.to_string()));
        self.call_event(at, "call.answered", &call, data)
    }

    pub(super) fn call_transferred(&mut self, at: Timestamp, call: Call) -> SimulatedEvent {
        let ends = later(call.answered.expect("put through after the answer"), call.lasts_ms);
        self.plan(ends, Step::CallEnded(call));
        let line = self.chance.below(200);
        let transferred_to = match self.chance.below(3) {
            0 => json!({ "type": "user", "value": self.user() }),
            1 => json!({ "type": "extension", "value": (100 + line).to_string() }),
            _ => json!({ "type": "number", "value": company_number(line).0 }),
        };
        let number = self.company.numbers.next();
        let agent = &self.company.agents[call.scene.agent].id;
        let contact = Contact::of(self.company.seed, call.scene.person);
        let data = json!({
            "call_id": self.call_id(call.number),
            "agent_id": agent,
            "transfer_id": self.company.numbers.id("transfer", number),
            "transfer_type": self.chance.weighted(&[(3, "warm"), (1, "cold")]),
            "transfer_status": "bridged",
            "transferred_from": agent,
            "transferred_to": transferred_to,
            "reason": self.chance.pick(&["caller_asked_for_sales", "caller_asked_for_billing", "caller_asked_for_a_person"]),
            "campaign_id": self.campaign_id(call.scene),
            "powerlist_id": self.company.lists[call.scene.person.list].id.to_string(),
            "contact_id": contact.id.to_string(),
            "transferred_at": at.to_string(),
        });
        self.event(at, "call.transferred", Some(call.scene.person.list), data)
    }

    pub(super) fn call_ended(&mut self, at: Timestamp, call: Call) -> SimulatedEvent {
        let duration_s = call.answered.map_or(0, |answered| at.since(answered).as_secs());
        self.count_call(&call, duration_s);
        let mut data = self.call_data(&call, call.course.call_status());
        // Where the seed's own example has it.
        data.shift_remove("call_status");
        data.shift_remove("call_direction");
        let (campaign, list, contact) = (
            data.shift_remove("campaign_id"),
            data.shift_remove("powerlist_id"),
            data.shift_remove("contact_id"),
        );
        data.insert("call_duration".to_owned(), json!(duration_s));
        data.insert("call_status".to_owned(), json!(call.course.call_status()));
        data.insert("call_direction".to_owned(), json!(call.direction.as_str()));
        data.append(&mut self.analysis(&call, duration_s));
        data.insert("campaign_id".to_owned(), json!(campaign));
        data.insert("powerlist_id".to_owned(), json!(list));
        data.insert("contact_id".to_owned(), json!(contact));
        let is_recorded = call.answered.is_some();
        let expires = is_recorded.then(|| later(at, RECORDING_KEPT_MS).to_string());
        data.insert("recording_expires_at".to_owned(), json!(expires));
        data.insert("started_at".to_owned(), json!(call.started.to_string()));
        let answered = call.answered.map(|answered| answered.to_string());
        data.insert("answered_at".to_owned(), json!(answered));
        data.insert("ended_at".to_owned(), json!(at.to_string()));
        let cost = is_recorded.then(|| dollars(duration_s.div_ceil(6) * MINUTE_COSTS / 10));
        data.insert("cost".to_owned(), json!(cost));
        self.follow_up(at, &call);
        self.call_event(at, "call.ended", &call, data)
    }

    /// What is known of a call after it has ended, in the order of the seed's example.
    fn analysis(&mut self, call: &Call, duration_s: u64) -> Map<String, Value> {
        let contact = Contact::of(self.company.seed, call.scene.person);
        let agent = spoken(&self.company.agents[call.scene.agent].name).to_owned();
        let words =
            |text: &str| text.replace("{agent}", &agent).replace("{name}", contact.first_name);
        let talk = match call.course {
            Course::Talk(talk) => Some(talk),
            _ => None,
        };
        let is_voicemail = matches!(call.course, Course::Voicemail);
        // The analysis takes a while longer for some; their receivers get nulls.
        let is_ready = !self.chance.percent(5);
        let recording = call
            .answered
            .is_some()
            .then(|| format!("https://recordings.example.com/{}.mp3", self.call_id(call.number)));
        let transcription = match talk {
            Some(talk) => {
                let turns = talk.turns.iter().map(|(_, text)| words(text));
                Some(turns.collect::<Vec<_>>().join(" "))
            }
            None => is_voicemail.then(|| words(self.chance.pick(&GREETINGS))),
        };
        let turns = talk.map(|talk| turns(talk, duration_s, words));
        let sentiment = talk.map(|talk| talk.sentiment).or(is_voicemail.then_some("unknown"));
        let disposition = talk.map(|talk| talk.disposition).or(is_voicemail.then_some("voicemail"));
        let custom_fields = match talk {
            Some(talk) => {
                let (lowest, highest) = talk.lead_score;
                let score = self.chance.between(lowest, highest);
                json!({ "lead_score": score, "next_action": talk.next_action })
            }
            None => json!({}),
        };
        let reason =
            if call.put_through.is_some() { TRANSFERRED } else { call.course.ended_reason() };
        let data = json!({
            "recording_url": recording,
            "transcription": transcription.filter(|_| is_ready),
            "sentiment": sentiment.filter(|_| is_ready),
            "disposition": disposition,
            "tags": talk.map_or(&[][..], |talk| talk.tags),
            "custom_fields": custom_fields,
            "ended_reason": reason,
            "summary": talk.map(|talk| words(talk.summary)).filter(|_| is_ready),
            "transcript_turns": turns.filter(|_| is_ready),
            "analysis_status": if is_ready { "ready" } else { "pending" },
        });
        match data {
            Value::Object(members) => members,
            _ => unreachable!("an object was written"),
        }
    }

    fn count_call(&mut self, call: &Call, duration_s: u64) {
        let Some(number) = call.scene.campaign else { return };
        let tally = self.company.campaigns.tally(number);
        match call.course {
            Course::Talk(talk) => {
                tally.connected += 1;
                tally.talk_seconds += duration_s;
                *tally.dispositions.entry(talk.disposition).or_default() += 1;
            }
            Course::Voicemail => tally.voicemail += 1,
            Course::NoAnswer | Course::Busy => tally.no_answer += 1,
            Course::Failed | Course::Canceled => tally.failed += 1,
        }
    }

    /// What a call leads to.
    fn follow_up(&mut self, at: Timestamp, call: &Call) {
        let Course::Talk(talk) = call.course else { return };
        let scene = call.scene;
        let (lowest, highest) = talk.lead_score;
        let lead = Lead {
            source: Source::Call(call.number),
            score: self.chance.between(lowest, highest),
            disposition: talk.disposition,
        };
        let soon = later(at, self.chance.between(300, 1_500));
        let then = later(at, self.chance.between(2_000, 6_000));
        if talk.follows == Follows::Removal {
            let removal = Removal { reason: "disposition" };
            return self.plan(soon, Step::ContactDeleted(scene, removal));
        }
        self.plan(soon, Step::ContactUpdated(scene, Change::Disposition(talk)));
        match talk.follows {
            Follows::Lead => self.plan(then, Step::LeadGenerated(scene, lead)),
            Follows::Appointment => {
                self.plan(then, Step::LeadGenerated(scene, lead));
                let booked = later(then, self.chance.between(500, 3_000));
                let appointment = Appointment { call: call.number };
                self.plan(booked, Step::AppointmentScheduled(scene, appointment));
            }
            Follows::Message => {
                let written = later(at, self.chance.between(5_000, 40_000));
                let text = self.chance.pick(&AFTER_A_CALL);
                self.plan(written, Step::MessageSent(scene, Message::new(Kind::AfterCall, text)));
            }
            Follows::Nothing | Follows::Removal => {}
        }
    }

    /// The members that every event of a call has.
    fn call_data(&self, call: &Call, status: &str) -> Map<String, Value> {
        let contact = Contact::of(self.company.seed, call.scene.person);
        let agent = &self.company.agents[call.scene.agent];
        let (caller, called) = match call.direction {
            Direction::Inbound => (contact.phone_number, agent.phone_number.clone()),
            Direction::Outbound => (agent.phone_number.clone(), contact.phone_number),
        };
        let data = json!({
            "call_id": self.call_id(call.number),
            "agent_id": agent.id,
            "caller_number": caller,
            "called_number": called,
            "call_direction": call.direction.as_str(),
            "call_status": status,
            "campaign_id": self.campaign_id(call.scene),
            "powerlist_id": self.company.lists[call.scene.person.list].id.to_string(),
            "contact_id": contact.id.to_string(),
        });
        match data {
            Value::Object(members) => members,
            _ => unreachable!("an object was written"),
        }
    }

    fn call_event(
        &self,
        at: Timestamp,
        event: &'static str,
        call: &Call,
        data: Map<String, Value>,
    ) -> SimulatedEvent {
        self.event(at, event, Some(call.scene.person.list), Value::Object(data))
    }

    pub(super) fn call_id(&self, number: u64) -> String {
        self.company.numbers.id("call", number)
    }

    pub(super) fn campaign_id(&self, scene: Scene) -> Option<String> {
        scene.campaign.map(|number| self.company.campaigns.id(number).to_owned())
    }
}

/// Who said what, spread over the call.
fn turns(talk: &Talk, duration_s: u64, words: impl Fn(&str) -> String) -> Value {
    let each = duration_s * 10 / talk.turns.len() as u64;
    let turns = talk.turns.iter().zip(0_u64..).map(|((speaker, text), position)| {
        let start = position * each + 2;
        json!({
            "role": match speaker {
                Speaker::Agent => "agent",
                Speaker::User => "user",
            },
            "text": words(text),
            "start": decimal(start, 10),
            "end": decimal(start + each * 7 / 10, 10),
        })
    });
    turns.collect()
}
