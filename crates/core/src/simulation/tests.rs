//! The stories hold together: what holds for every event and every story of a few thousand events,
//! whatever the seed and the rate.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::canonical::canonicalise;
use crate::catalogue;

fn plan(seed: u64, rate: f64) -> Plan {
    let start = Timestamp::parse("2025-01-15T14:00:00Z").expect("a time");
    Plan { seed, start, rate, powerlists: Vec::new() }
}

fn events(seed: u64, rate: f64, count: usize) -> Vec<SimulatedEvent> {
    Simulation::new(&plan(seed, rate)).take(count).collect()
}

fn text<'a>(data: &'a Value, name: &str) -> &'a str {
    data[name].as_str().unwrap_or_else(|| panic!("no {name} in {data}"))
}

fn time(data: &Value, name: &str) -> Timestamp {
    Timestamp::parse(text(data, name)).expect("a time")
}

/// What has been seen of the company so far, by who it happened to.
#[derive(Default)]
struct Seen {
    agents: BTreeMap<String, String>,
    calls: BTreeMap<String, CallSeen>,
    campaigns: BTreeMap<String, CampaignSeen>,
    ended_campaigns: BTreeSet<String>,
    ids: BTreeSet<String>,
    delivered: BTreeMap<String, (Timestamp, String)>,
    received: BTreeSet<String>,
    opted_out: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

#[derive(Default)]
struct CallSeen {
    outbound_campaign: Option<String>,
    started: Timestamp,
    answered: Option<Timestamp>,
    transferred: bool,
    ended: bool,
}

#[derive(Default)]
struct CampaignSeen {
    list: String,
    /// As its `stats` has them, except what is nested.
    stats: BTreeMap<&'static str, u64>,
    dispositions: BTreeMap<String, u64>,
}

impl CampaignSeen {
    fn add(&mut self, name: &'static str, count: u64) {
        *self.stats.entry(name).or_default() += count;
    }
}

impl Seen {
    fn see(&mut self, event: &SimulatedEvent) {
        let data = &event.data;
        if let Some(campaign) = data["campaign_id"].as_str()
            && event.event != "campaign.started"
        {
            let known = self.campaigns.get(campaign);
            let known = known.unwrap_or_else(|| panic!("{campaign} is not under way: {event:?}"));
            assert_eq!(known.list, text(data, "powerlist_id"), "another list: {event:?}");
        }
        match event.event.split('.').next() {
            Some("agent") => self.see_agent(event),
            Some("campaign") => self.see_campaign(event),
            Some("call") => self.see_call(event),
            Some("sms") => self.see_message(event),
            Some("contact") => self.see_contact(event),
            _ => self.see_success(event),
        }
    }

    fn new_id(&mut self, data: &Value, name: &str) {
        assert!(self.ids.insert(text(data, name).to_owned()), "{name} came twice: {data}");
    }

    fn see_agent(&mut self, event: &SimulatedEvent) {
        let data = &event.data;
        let id = text(data, "agent_id").to_owned();
        match event.event {
            "agent.created" => {
                let status = text(data, "status").to_owned();
                assert_eq!(self.agents.insert(id, status), None, "created twice: {data}");
            }
            "agent.status_changed" => {
                let (status, previous) = (text(data, "status"), text(data, "previous_status"));
                assert_ne!(status, previous, "no change: {data}");
                // Who was there before the simulation began was offline.
                let known = self.agents.insert(id, status.to_owned());
                assert_eq!(known.as_deref().unwrap_or("offline"), previous, "{data}");
            }
            _ => {}
        }
    }

    fn see_campaign(&mut self, event: &SimulatedEvent) {
        let data = &event.data;
        let id = text(data, "campaign_id").to_owned();
        if event.event == "campaign.started" {
            let list = text(data, "powerlist_id").to_owned();
            let mut seen = CampaignSeen { list, ..CampaignSeen::default() };
            seen.add("total_contacts", data["total_contacts"].as_u64().expect("a number"));
            assert!(self.campaigns.insert(id, seen).is_none(), "started twice: {data}");
            return;
        }
        let seen = self.campaigns.remove(&id).expect("looked at before");
        for (name, counted) in data["stats"].as_object().expect("an object") {
            if name == "dispositions" {
                let counted: BTreeMap<String, u64> =
                    serde_json::from_value(counted.clone()).expect("numbers");
                assert_eq!(counted, seen.dispositions, "{data}");
            } else {
                let expected = seen.stats.get(name.as_str()).copied().unwrap_or(0);
                assert_eq!(counted, &json!(expected), "{name}: {data}");
            }
        }
        assert!(data["stats"]["dialed"].as_u64() <= data["stats"]["total_contacts"].as_u64());
        self.ended_campaigns.insert(id);
    }

    fn see_call(&mut self, event: &SimulatedEvent) {
        let data = &event.data;
        let id = text(data, "call_id").to_owned();
        if event.event == "call.started" {
            self.new_id(data, "call_id");
            let agent = self.agents.get(text(data, "agent_id")).map(String::as_str);
            assert_eq!(agent, Some("online"), "an agent without time: {data}");
            let campaign = data["campaign_id"].as_str().map(str::to_owned);
            if let Some(campaign) = &campaign {
                self.campaigns.get_mut(campaign).expect("seen").add("dialed", 1);
                let contact = text(data, "contact_id");
                assert!(!self.opted_out.contains(contact), "called after STOP: {data}");
            }
            let call =
                CallSeen { outbound_campaign: campaign, started: event.at, ..CallSeen::default() };
            self.calls.insert(id, call);
            return;
        }
        let call = self.calls.get_mut(&id).unwrap_or_else(|| panic!("not started: {event:?}"));
        assert!(!call.ended, "after its end: {event:?}");
        assert!(event.at >= call.started);
        match event.event {
            "call.answered" => {
                assert_eq!(call.answered, None, "answered twice: {data}");
                assert_eq!(time(data, "started_at"), call.started);
                call.answered = Some(event.at);
            }
            "call.transferred" => {
                assert!(call.answered.is_some() && !call.transferred, "{data}");
                call.transferred = true;
            }
            _ => {
                call.ended = true;
                let status = text(data, "call_status");
                let is_answered = matches!(status, "completed" | "voicemail");
                assert_eq!(call.answered.is_some(), is_answered, "{data}");
                let lasted = call.answered.map_or(0, |answered| event.at.since(answered).as_secs());
                assert_eq!(data["call_duration"], json!(lasted), "{data}");
                assert_eq!(data["recording_url"].is_string(), is_answered, "{data}");
                let is_transfer = text(data, "ended_reason") == "call_transfer";
                assert_eq!(call.transferred, is_transfer, "{data}");
                let last_word = data["transcript_turns"].as_array().and_then(|turns| turns.last());
                let last_word = last_word.map_or(0.0, |turn| turn["end"].as_f64().expect("a time"));
                assert!(last_word <= lasted as f64 + 1.0, "talked after the end: {data}");
                let Some(campaign) = &call.outbound_campaign else { return };
                let campaign = self.campaigns.get_mut(campaign).expect("seen");
                match status {
                    "completed" => {
                        campaign.add("connected", 1);
                        campaign.add("talk_seconds", lasted);
                        let disposition = text(data, "disposition").to_owned();
                        *campaign.dispositions.entry(disposition).or_default() += 1;
                    }
                    "voicemail" => campaign.add("voicemail", 1),
                    "no_answer" | "busy" => campaign.add("no_answer", 1),
                    _ => campaign.add("failed", 1),
                }
            }
        }
    }

    fn see_message(&mut self, event: &SimulatedEvent) {
        let data = &event.data;
        let contact = text(data, "contact_id").to_owned();
        let (message, thread) = (text(data, "message_id"), text(data, "thread_id"));
        match event.event {
            "sms.sent" | "sms.failed" => {
                self.new_id(data, "message_id");
                assert!(!self.opted_out.contains(&contact), "sent after STOP: {data}");
                assert!(!self.deleted.contains(&contact), "sent to nobody: {data}");
                assert!(time(data, "sent_at") <= event.at);
                if event.event == "sms.sent" {
                    let sent = (event.at, thread.to_owned());
                    self.delivered.insert(message.to_owned(), sent);
                }
                self.count_offer(event);
            }
            "sms.received" => {
                self.new_id(data, "message_id");
                self.received.insert(message.to_owned());
                if data["opt_out"] == true {
                    assert_eq!(text(data, "body"), "STOP");
                    self.opted_out.insert(contact);
                }
            }
            _ => {
                assert!(self.received.remove(message), "replied but not received: {data}");
                let replied_to = self.delivered.get(text(data, "in_reply_to"));
                let (delivered, of) = replied_to.expect("a message that arrived");
                assert_eq!(of, thread, "another thread: {data}");
                let latency = data["reply_latency_seconds"].as_f64().expect("seconds");
                let exact = event.at.since(*delivered).as_secs_f64();
                assert!((0.0..0.1001).contains(&(exact - latency)), "{exact}: {data}");
                if let Some(campaign) = self.message_campaign(data) {
                    campaign.add("connected", 1);
                }
            }
        }
    }

    /// A campaign that writes instead of calling.
    fn message_campaign(&mut self, data: &Value) -> Option<&mut CampaignSeen> {
        let campaign = self.campaigns.get_mut(data["campaign_id"].as_str()?)?;
        // Who calls has counted calls before a message follows from one.
        campaign.stats.contains_key("by_message").then_some(campaign)
    }

    fn count_offer(&mut self, event: &SimulatedEvent) {
        let body = text(&event.data, "body");
        let is_offer = body.contains("STOP") || body.contains("product demos");
        let Some(campaign) = event.data["campaign_id"].as_str().filter(|_| is_offer) else {
            return;
        };
        let thread = text(&event.data, "thread_id");
        let is_first = self.ids.insert(format!("{campaign}/{thread}"));
        let campaign = self.campaigns.get_mut(campaign).expect("seen");
        campaign.add("by_message", 1);
        if is_first {
            campaign.add("dialed", 1);
            campaign.add("failed", u64::from(event.event == "sms.failed"));
        }
    }

    fn see_contact(&mut self, event: &SimulatedEvent) {
        let data = &event.data;
        let contact = text(data, "contact_id").to_owned();
        assert!(!self.deleted.contains(&contact), "after it was deleted: {event:?}");
        if event.event == "contact.delete" {
            self.deleted.insert(contact);
            return;
        }
        assert!(time(data, "created_at") <= time(data, "updated_at"), "{data}");
        if data["operation"] == "created" {
            self.new_id(data, "contact_id");
            assert_eq!(time(data, "created_at"), event.at);
        }
    }

    fn see_success(&mut self, event: &SimulatedEvent) {
        let data = &event.data;
        if let Some(call) = data["call_id"].as_str() {
            assert!(self.calls.get(call).is_some_and(|call| call.ended), "no such call: {data}");
        }
        let name = if event.event == "lead.generated" { "leads" } else { "appointments" };
        if let Some(campaign) = data["campaign_id"].as_str() {
            self.campaigns.get_mut(campaign).expect("seen").add(name, 1);
        }
        if name == "appointments" {
            let start = time(data, "start_time");
            assert!(event.at < start && start < time(data, "end_time"), "{data}");
        }
    }
}

fn check_stories(seed: u64, rate: f64, count: usize) -> Seen {
    let mut seen = Seen::default();
    let mut last = Timestamp::EPOCH;
    for (event, number) in events(seed, rate, count).iter().zip(0_u32..) {
        seen.see(event);
        assert!(event.at >= last, "time goes back: {event:?}");
        last = event.at;
        let due = Timestamp::parse("2025-01-15T14:00:00Z").expect("a time").as_millis() as f64
            + f64::from(number) / rate * 1_000.0;
        assert!(event.at.as_millis() as f64 <= due, "ahead of its time: {event:?}");
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_story_makes_sense(seed: u64, rate in 0.5..200.0_f64) {
        check_stories(seed, rate, 4_000);
    }
}

#[test]
fn campaigns_run_to_their_ends_and_count_right() {
    let seen = check_stories(7, 20.0, 30_000);
    assert!(seen.ended_campaigns.len() > 5, "only {}", seen.ended_campaigns.len());
    assert!(seen.opted_out.len() > 5, "only {}", seen.opted_out.len());
}

#[test]
fn a_large_company_lives_as_a_small_one() {
    check_stories(1, 5_000.0, 60_000);
    check_stories(1, 0.05, 2_000);
}

#[test]
fn the_same_plan_gives_the_same_events_and_another_seed_others() {
    let first = events(42, 20.0, 3_000);
    assert_eq!(first, events(42, 20.0, 3_000));
    let other = events(43, 20.0, 3_000);
    assert_ne!(first, other);
    let calls = |events: &[SimulatedEvent]| -> BTreeSet<String> {
        events
            .iter()
            .filter_map(|event| event.data["call_id"].as_str().map(str::to_owned))
            .collect()
    };
    assert!(calls(&first).is_disjoint(&calls(&other)));
}

#[test]
fn every_type_of_the_catalogue_happens_and_soon() {
    let seen: BTreeSet<&str> = events(3, 15.0, 5_000).iter().map(|event| event.event).collect();
    let missing: Vec<&str> = catalogue::builtins()
        .iter()
        .map(|event_type| event_type.name)
        .filter(|name| !seen.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(seen.len(), catalogue::builtins().len());
}

#[test]
fn data_is_in_canonical_form_already() {
    for event in events(5, 20.0, 3_000) {
        let text = event.data.to_string();
        let canonical = canonicalise(text.as_bytes()).expect("canonical JSON");
        assert_eq!(canonical, text);
    }
}

#[test]
fn who_has_powerlists_sees_them_and_no_others() {
    let lists = [PowerlistId::from_raw(1 << 40), PowerlistId::from_raw(2 << 40)];
    let plan = Plan { powerlists: lists.to_vec(), ..plan(9, 20.0) };
    let mut seen = BTreeSet::new();
    for event in Simulation::new(&plan).take(2_000) {
        assert_eq!(
            event.powerlist_id.map(|id| id.to_string()).as_deref(),
            event.data["powerlist_id"].as_str()
        );
        seen.extend(event.powerlist_id);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), lists);
}
