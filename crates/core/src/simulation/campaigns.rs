//! Campaigns: each goes through a powerlist from one end to the other, calling or texting whoever
//! may be, and is completed when the last of its calls and conversations is over. What it then
//! says of itself has been counted.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::agents::Channel;
use super::company::Company;
use super::script::{CAMPAIGN_TOPICS, MONTHS};
use super::{Scene, SimulatedEvent, Simulation, Step, later};
use crate::time::Timestamp;

/// Campaigns that call or text at a time.
const RUNNING_CALLS: usize = 3;
const RUNNING_MESSAGES: usize = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CampaignNumber(u64);

#[derive(Debug, Default)]
pub struct Campaigns(BTreeMap<CampaignNumber, Campaign>);

/// One that is under way.
#[derive(Debug)]
struct Campaign {
    id: String,
    name: String,
    channel: Channel,
    list: usize,
    agent: usize,
    started: Timestamp,
    total_contacts: usize,
    /// The list as it was then: who joins later is not called, nor who was imported anew.
    members: usize,
    import: u64,
    /// Where on the list it is; `None` once it calls nobody any more.
    next_member: Option<usize>,
    /// It is stopped after so many, whoever is left.
    stop_after: usize,
    /// Steps of its stories that are to come.
    to_come: usize,
    tally: Tally,
}

/// What a campaign has brought.
#[derive(Debug, Default)]
pub struct Tally {
    pub dialed: usize,
    pub connected: usize,
    pub voicemail: usize,
    pub no_answer: usize,
    pub failed: usize,
    pub leads: usize,
    pub appointments: usize,
    pub talk_seconds: u64,
    pub dispositions: BTreeMap<&'static str, usize>,
}

impl Campaigns {
    pub fn id(&self, number: CampaignNumber) -> &str {
        &self.0[&number].id
    }

    pub fn started(&self, number: CampaignNumber) -> Timestamp {
        self.0[&number].started
    }

    pub fn is_by_message(&self, number: CampaignNumber) -> bool {
        self.0[&number].channel == Channel::Sms
    }

    pub fn hold(&mut self, number: CampaignNumber) {
        self.0.get_mut(&number).expect("held as long as it has steps").to_come += 1;
    }

    pub fn tally(&mut self, number: CampaignNumber) -> &mut Tally {
        &mut self.0.get_mut(&number).expect("held as long as it has steps").tally
    }

    fn running(&self, channel: Channel) -> impl Iterator<Item = CampaignNumber> {
        let running = self.0.iter().filter(move |(_, campaign)| {
            campaign.channel == channel && campaign.next_member.is_some()
        });
        running.map(|(number, _)| *number)
    }
}

impl Company {
    /// The channel of which too few campaigns are under way.
    pub fn wants_campaign(&self) -> Option<Channel> {
        // Each runs over a list of its own, as far as there are lists.
        let most = |wanted: usize| wanted.min(self.lists.len());
        let wants = |channel, wanted| self.campaigns.running(channel).count() < most(wanted);
        [(Channel::Voice, RUNNING_CALLS), (Channel::Sms, RUNNING_MESSAGES)]
            .into_iter()
            .find(|(channel, wanted)| wants(*channel, *wanted))
            .map(|(channel, _)| channel)
    }
}

impl Simulation {
    pub(super) fn campaign_started(&mut self, now: Timestamp, channel: Channel) -> SimulatedEvent {
        let list = self.list_for_campaign();
        let members = &mut self.company.lists[list];
        if members.reachable() * 2 < members.len() {
            members.import_anew(now);
        }
        let total_contacts = members.reachable();
        let stop_after = if self.chance.percent(12) {
            total_contacts / 2 + 1 + self.chance.below(total_contacts / 2)
        } else {
            usize::MAX
        };
        let agent = self.agent_online(channel);
        let started_by = self.user();
        let number = self.company.numbers.next();
        let id = self.company.numbers.id("camp", number);
        self.company.lists[list].last_campaign = number;
        let month = month_of(now);
        let topic = self.chance.pick(&CAMPAIGN_TOPICS);
        let campaign = Campaign {
            id,
            name: format!("{month} {topic}"),
            channel,
            list,
            agent,
            started: now,
            total_contacts,
            members: self.company.lists[list].len(),
            import: self.company.lists[list].import(),
            next_member: Some(0),
            stop_after,
            to_come: 0,
            tally: Tally::default(),
        };
        let data = json!({
            "campaign_id": campaign.id,
            "name": campaign.name,
            "channel": campaign.channel.campaign_channel(),
            "powerlist_id": self.company.lists[list].id.to_string(),
            "agent_id": self.company.agents[agent].id,
            "total_contacts": total_contacts,
            "schedule": {
                "timezone": "America/New_York",
                "start": "08:00",
                "end": "20:00",
                "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
            },
            "started_by": started_by,
            "started_at": now.to_string(),
        });
        self.company.campaigns.0.insert(CampaignNumber(number), campaign);
        self.event(now, "campaign.started", Some(list), data)
    }

    /// Whose contacts have been left in peace for longest, if possible by the running ones too.
    fn list_for_campaign(&self) -> usize {
        let is_in_use = |list: usize| {
            let mut campaigns = self.company.campaigns.0.values();
            campaigns.any(|campaign| campaign.list == list && campaign.next_member.is_some())
        };
        let of = |list: &usize| (is_in_use(*list), self.company.lists[*list].last_campaign);
        (0..self.company.lists.len()).min_by_key(of).expect("a company has lists")
    }

    /// The next contact of one of the running campaigns, with an agent who has time. If it is the
    /// campaign's last, it calls nobody any more.
    pub(super) fn next_contact(&mut self, now: Timestamp, channel: Channel) -> Option<Scene> {
        let running: Vec<CampaignNumber> = self.company.campaigns.running(channel).collect();
        if running.is_empty() {
            return None;
        }
        let number = self.chance.pick(&running);
        let agent = self.agent_online(channel);
        let campaign = self.company.campaigns.0.get_mut(&number).expect("running");
        let list = &self.company.lists[campaign.list];
        let from = campaign.next_member.expect("running");
        let members = if list.import() == campaign.import { campaign.members } else { 0 };
        let found = (from..members).find(|member| list.is_reachable(*member));
        campaign.tally.dialed += usize::from(found.is_some());
        let is_stopped = campaign.tally.dialed >= campaign.stop_after;
        let goes_on = |member: &usize| {
            !is_stopped && (*member..members).any(|member| list.is_reachable(member))
        };
        campaign.next_member = found.map(|member| member + 1).filter(goes_on);
        let (on, is_done) = (campaign.list, found.is_none() && campaign.to_come == 0);
        if is_done {
            // Everybody who was left is gone or has opted out meanwhile.
            self.plan(later(now, 1_000), Step::CampaignCompleted(number));
        }
        let person = self.company.person(on, found?);
        Some(Scene { person, agent, campaign: Some(number) })
    }

    /// One of its steps less to come. Who calls nobody any more and waits for nothing is done.
    pub(super) fn step_is_over(&mut self, at: Timestamp, number: CampaignNumber) {
        let campaign = self.company.campaigns.0.get_mut(&number).expect("held until now");
        campaign.to_come -= 1;
        if campaign.to_come == 0 && campaign.next_member.is_none() {
            let pause = self.chance.between(500, 3_000);
            self.plan(later(at, pause), Step::CampaignCompleted(number));
        }
    }

    pub(super) fn campaign_completed(
        &mut self,
        at: Timestamp,
        number: CampaignNumber,
    ) -> SimulatedEvent {
        let campaign = self.company.campaigns.0.remove(&number).expect("completed once");
        let tally = campaign.tally;
        let dispositions: Map<String, Value> = tally
            .dispositions
            .iter()
            .map(|(name, count)| ((*name).to_owned(), json!(count)))
            .collect();
        let was_stopped = tally.dialed >= campaign.stop_after;
        let data = json!({
            "campaign_id": campaign.id,
            "name": campaign.name,
            "channel": campaign.channel.campaign_channel(),
            "powerlist_id": self.company.lists[campaign.list].id.to_string(),
            "agent_id": self.company.agents[campaign.agent].id,
            "reason": if was_stopped { "stopped" } else { "finished" },
            "stats": {
                "total_contacts": campaign.total_contacts,
                "dialed": tally.dialed,
                "connected": tally.connected,
                "voicemail": tally.voicemail,
                "no_answer": tally.no_answer,
                "failed": tally.failed,
                "leads": tally.leads,
                "appointments": tally.appointments,
                "talk_seconds": tally.talk_seconds,
                "dispositions": dispositions,
            },
            "started_at": campaign.started.to_string(),
            "completed_at": at.to_string(),
        });
        self.event(at, "campaign.completed", Some(campaign.list), data)
    }
}

impl Channel {
    /// As campaigns say it.
    fn campaign_channel(self) -> &'static str {
        match self {
            Channel::Voice => "call",
            Channel::Sms => "sms",
        }
    }
}

fn month_of(now: Timestamp) -> &'static str {
    let text = now.to_text();
    let month = usize::from(text[5] - b'0') * 10 + usize::from(text[6] - b'0');
    MONTHS[month - 1]
}
