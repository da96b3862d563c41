//! Agents: they come online, get busy, go offline; some are new, some are set up anew, and now and
//! then one is better or worse than it should be.

use serde_json::{Value, json};

use super::chance::{Chance, mix};
use super::people::{VOICES, agent_name, company_number};
use super::{SimulatedEvent, Simulation, decimal};
use crate::time::Timestamp;

/// In the morning more of them come online than go, until so many of a hundred are.
pub const ALL_ONLINE_PERCENT: usize = 60;
/// New agents come until there are so many times as many as at the beginning.
pub const GROWTH_MAX: usize = 2;
const LANGUAGES: [&str; 5] = ["en-US", "en-GB", "es-US", "en-AU", "fr-CA"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    Voice,
    Sms,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Offline,
    Online,
    /// It has as many calls or conversations as it can take, and begins no more.
    Busy,
}

#[derive(Debug)]
pub struct Agent {
    pub id: String,
    pub name: String,
    pub channel: Channel,
    pub status: Status,
    pub phone_number: String,
    pub number_label: &'static str,
    voice: &'static str,
    language: &'static str,
    silence_s: u64,
    version: u64,
}

impl Channel {
    /// As agents say it.
    fn agent_type(self) -> &'static str {
        match self {
            Channel::Voice => "voice",
            Channel::Sms => "sms",
        }
    }
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Status::Offline => "offline",
            Status::Online => "online",
            Status::Busy => "busy",
        }
    }
}

impl Agent {
    /// One in four writes messages, the others make calls.
    pub fn new(seed: u64, position: usize) -> Agent {
        let mut chance = Chance::of(seed, &[4, position as u64]);
        let (phone_number, number_label) = company_number(position);
        Agent {
            id: format!("agent_{:016x}", mix(seed ^ mix(position as u64))),
            name: agent_name(position),
            channel: if position % 4 == 3 { Channel::Sms } else { Channel::Voice },
            status: Status::Offline,
            phone_number,
            number_label,
            voice: chance.pick(&VOICES),
            language: chance.pick(&LANGUAGES),
            silence_s: 10,
            version: chance.between(1, 9),
        }
    }
}

impl Simulation {
    /// One that takes calls or conversations right now. There is one: the last never goes.
    pub(super) fn agent_online(&mut self, channel: Channel) -> usize {
        let agents = &self.company.agents;
        let offset = self.chance.below(agents.len());
        let mut round = (0..agents.len()).map(|step| (offset + step) % agents.len());
        let is_free = |agent: &Agent| agent.channel == channel && agent.status == Status::Online;
        round.find(|agent| is_free(&agents[*agent])).expect("one is always left online")
    }

    pub(super) fn agent_comes_online(
        &mut self,
        now: Timestamp,
        channel: Channel,
    ) -> SimulatedEvent {
        let agents = &self.company.agents;
        let offset = self.chance.below(agents.len());
        let mut round = (0..agents.len()).map(|step| (offset + step) % agents.len());
        let waits = |agent: &Agent| agent.channel == channel && agent.status == Status::Offline;
        let agent = round.find(|agent| waits(&agents[*agent])).expect("not all are online");
        self.turn(now, agent, Status::Online, "schedule")
    }

    pub(super) fn agent_status_changed(&mut self, now: Timestamp) -> SimulatedEvent {
        let agent = self.chance.below(self.company.agents.len());
        let (status, reason) = match self.company.agents[agent].status {
            Status::Offline => (Status::Online, "schedule"),
            Status::Busy => (Status::Online, "capacity_free"),
            // The last one that takes calls stays, and is busy with them.
            Status::Online if self.is_last_online(agent) => return self.agent_updated(now, agent),
            Status::Online => self.chance.weighted(&[
                (70, (Status::Busy, "capacity_reached")),
                (25, (Status::Offline, "schedule")),
                (5, (Status::Offline, "maintenance")),
            ]),
        };
        self.turn(now, agent, status, reason)
    }

    fn is_last_online(&self, agent: usize) -> bool {
        let channel = self.company.agents[agent].channel;
        let mut others = self.company.agents.iter().enumerate();
        !others.any(|(other, is)| {
            other != agent && is.channel == channel && is.status == Status::Online
        })
    }

    fn turn(
        &mut self,
        now: Timestamp,
        agent: usize,
        status: Status,
        reason: &str,
    ) -> SimulatedEvent {
        let agent = &mut self.company.agents[agent];
        let previous = std::mem::replace(&mut agent.status, status);
        let data = json!({
            "agent_id": agent.id,
            "name": agent.name,
            "status": status.as_str(),
            "previous_status": previous.as_str(),
            "reason": reason,
            "changed_at": now.to_string(),
        });
        self.event(now, "agent.status_changed", None, data)
    }

    pub(super) fn agent_created_or_updated(&mut self, now: Timestamp) -> SimulatedEvent {
        let count = self.company.agents.len();
        if count < self.company.agents_max && self.chance.percent(35) {
            return self.agent_created(now);
        }
        let agent = self.chance.below(count);
        self.agent_updated(now, agent)
    }

    fn agent_created(&mut self, now: Timestamp) -> SimulatedEvent {
        let agent = Agent::new(self.company.seed, self.company.agents.len());
        let voice = (agent.channel == Channel::Voice).then_some(agent.voice);
        let data = json!({
            "agent_id": agent.id,
            "name": agent.name,
            "type": agent.channel.agent_type(),
            "voice_id": voice,
            "language": agent.language,
            "status": agent.status.as_str(),
            "phone_numbers": [agent.phone_number],
            "created_by": self.user(),
            "created_at": now.to_string(),
        });
        self.company.agents.push(agent);
        self.event(now, "agent.created", None, data)
    }

    fn agent_updated(&mut self, now: Timestamp, agent: usize) -> SimulatedEvent {
        let updated_by = self.user();
        let which = self.chance.below(3);
        let (language, voice) = (self.chance.pick(&LANGUAGES), self.chance.pick(&VOICES));
        let silence_s = self.chance.between(5, 30);
        let agent = &mut self.company.agents[agent];
        agent.version += 1;
        let change = |field: &str, old: Value, new: Value| json!([{ "field": field, "old": old, "new": new }]);
        let changes = match which {
            0 if agent.language != language => {
                let old = std::mem::replace(&mut agent.language, language);
                change("language", json!(old), json!(language))
            }
            1 if agent.voice != voice && agent.channel == Channel::Voice => {
                let old = std::mem::replace(&mut agent.voice, voice);
                change("voice_id", json!(old), json!(voice))
            }
            _ => {
                let old = std::mem::replace(&mut agent.silence_s, silence_s);
                change("end_call_after_silence_s", json!(old), json!(silence_s))
            }
        };
        let data = json!({
            "agent_id": agent.id,
            "name": agent.name,
            "version": agent.version,
            "changes": changes,
            "updated_by": updated_by,
            "updated_at": now.to_string(),
        });
        self.event(now, "agent.updated", None, data)
    }

    pub(super) fn agent_performance(&mut self, now: Timestamp) -> SimulatedEvent {
        let agent = self.agent_online(Channel::Voice);
        // What is measured, in parts of what it is counted in, and where its threshold lies.
        let (metric, parts, threshold, is_good_above) = self.chance.weighted(&[
            (4, ("answer_rate", 100, 25, true)),
            (2, ("avg_duration", 1, 90, true)),
            (3, ("conversion_rate", 1_000, 40, true)),
            (2, ("sentiment", 100, 60, true)),
            (1, ("error_rate", 1_000, 20, false)),
            (2, ("latency_p95", 1, 1_200, false)),
        ]);
        let is_above = self.chance.percent(40);
        let distance = threshold * self.chance.between(4, 45) / 100 + 1;
        let value = if is_above { threshold + distance } else { threshold - distance };
        let severity = if is_above == is_good_above {
            "info"
        } else {
            self.chance.weighted(&[(3, "warning"), (1, "critical")])
        };
        let hour = now.as_millis() - now.as_millis() % 3_600_000;
        let sample_size = self.chance.between(40, 400);
        let agent = &self.company.agents[agent];
        let data = json!({
            "agent_id": agent.id,
            "name": agent.name,
            "metric": metric,
            "value": decimal(value, parts),
            "threshold": decimal(threshold, parts),
            "comparison": if is_above { "above" } else { "below" },
            "severity": severity,
            "sample_size": sample_size,
            "window": {
                "from": Timestamp::from_millis(hour - 3_600_000).to_string(),
                "to": Timestamp::from_millis(hour).to_string(),
            },
            "campaign_id": null,
        });
        self.event(now, "agent.performance", None, data)
    }

    /// Somebody who works at the company.
    pub(super) fn user(&mut self) -> String {
        format!("user_{}", self.chance.between(11, 24))
    }
}
