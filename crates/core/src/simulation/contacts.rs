//! What becomes of contacts: they are created, changed and deleted, become leads, and get
//! appointments.

use serde_json::{Value, json};

use super::agents::Channel;
use super::messages::{Kind, Message};
use super::people::{Contact, Person};
use super::script::{CONFIRMATION, Talk};
use super::{Scene, SimulatedEvent, Simulation, Step, later};
use crate::time::Timestamp;

const DAY_MS: i64 = 86_400_000;
/// Appointments are in the company's afternoon: so many half hours after midnight, UTC.
const FIRST_HALF_HOUR: u64 = 28;
const LAST_HALF_HOUR: u64 = 42;
const WEEKDAYS: [&str; 7] =
    ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// What makes somebody a lead.
#[derive(Debug, Clone, Copy)]
pub struct Lead {
    pub source: Source,
    pub score: u64,
    pub disposition: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// By its number.
    Call(u64),
    Sms,
    Webhook,
}

/// Agreed on in a call, by its number.
#[derive(Debug, Clone, Copy)]
pub struct Appointment {
    pub call: u64,
}

#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// What a call brought.
    Disposition(&'static Talk),
    OptOut,
}

#[derive(Debug, Clone, Copy)]
pub struct Removal {
    pub reason: &'static str,
}

impl Simulation {
    pub(super) fn contact_created(&mut self, now: Timestamp) -> SimulatedEvent {
        let list = self.chance.below(self.company.lists.len());
        let source = self.chance.weighted(&[(5, "import"), (3, "webhook"), (2, "api")]);
        let Some(member) = self.company.lists[list].join(now) else {
            // The list is full: somebody on it has moved instead.
            let person = self.company.anybody(now, &mut self.chance);
            return self.contact_event(now, person, "updated", json!({ "source": source }));
        };
        let person = self.company.person(list, member);
        self.contact_event(now, person, "created", json!({ "source": source }))
    }

    /// `None` if the contact is gone.
    pub(super) fn contact_updated(
        &mut self,
        at: Timestamp,
        scene: Scene,
        change: Change,
    ) -> Option<SimulatedEvent> {
        if self.company.is_deleted(scene.person) {
            return None;
        }
        let known = match change {
            Change::Disposition(talk) => json!({
                "tags": talk.tags,
                "disposition": talk.disposition,
                "custom_fields": { "next_action": talk.next_action },
            }),
            Change::OptOut => json!({ "tags": ["opted-out"], "consent": false, "dnd": true }),
        };
        Some(self.contact_event(at, scene.person, "updated", known))
    }

    /// `known` is what differs from how a contact usually is.
    fn contact_event(
        &self,
        at: Timestamp,
        person: Person,
        operation: &str,
        known: Value,
    ) -> SimulatedEvent {
        let contact = Contact::of(self.company.seed, person);
        let mut data = json!({
            "contact_id": contact.id.to_string(),
            "operation": operation,
            "powerlist_id": self.company.lists[person.list].id.to_string(),
            "phone_number": contact.phone_number,
            "email": contact.email,
            "first_name": contact.first_name,
            "last_name": contact.last_name,
            "address": contact.address,
            "city": contact.city,
            "country": "US",
            "state": contact.state,
            "postal_code": contact.postal_code,
            "timezone": contact.timezone,
            "tags": [],
            "consent": true,
            "dnd": false,
            "disposition": null,
            "source": "api",
            "ghl_contact_id": null,
            "custom_fields": {},
            "created_at": contact.joined.to_string(),
            "updated_at": at.to_string(),
        });
        if let Value::Object(known) = known {
            for (name, value) in known {
                data[name] = value;
            }
        }
        self.event(at, "contact", Some(person.list), data)
    }

    /// `None` if it is gone already.
    pub(super) fn contact_deleted(
        &mut self,
        at: Timestamp,
        scene: Scene,
        removal: Removal,
    ) -> Option<SimulatedEvent> {
        if self.company.is_deleted(scene.person) {
            return None;
        }
        self.company.delete(scene.person);
        let contact = Contact::of(self.company.seed, scene.person);
        let data = json!({
            "contact_id": contact.id.to_string(),
            "powerlist_id": self.company.lists[scene.person.list].id.to_string(),
            "phone_number": contact.phone_number,
            "email": contact.email,
            "first_name": contact.first_name,
            "last_name": contact.last_name,
            "reason": removal.reason,
            "deleted_at": at.to_string(),
        });
        Some(self.event(at, "contact.delete", Some(scene.person.list), data))
    }

    /// Somebody filled in a form on the company's page.
    pub(super) fn lead_from_webhook(&mut self, now: Timestamp) -> SimulatedEvent {
        let person = self.company.anybody(now, &mut self.chance);
        let scene = Scene { person, agent: self.agent_online(Channel::Voice), campaign: None };
        let score = self.chance.between(20, 80);
        let lead = Lead { source: Source::Webhook, score, disposition: "new" };
        self.lead_generated(now, scene, lead)
    }

    pub(super) fn lead_generated(
        &mut self,
        at: Timestamp,
        scene: Scene,
        lead: Lead,
    ) -> SimulatedEvent {
        if let Some(number) = scene.campaign {
            self.company.campaigns.tally(number).leads += 1;
        }
        let number = self.company.numbers.next();
        let contact = Contact::of(self.company.seed, scene.person);
        let (source, call, notes) = match lead.source {
            Source::Call(call) => ("call", Some(self.call_id(call)), "Wants to hear more."),
            Source::Sms => ("sms", None, "Replied to a message."),
            Source::Webhook => ("webhook", None, "Filled in the form on the website."),
        };
        let size = self.chance.pick(&["1-10", "11-50", "51-200", "201-1000"]);
        let data = json!({
            "lead_id": self.company.numbers.id("lead", number),
            "contact": contact.in_short(),
            "source": source,
            "call_id": call,
            "campaign_id": self.campaign_id(scene),
            "powerlist_id": self.company.lists[scene.person.list].id.to_string(),
            "agent_id": self.company.agents[scene.agent].id,
            "score": lead.score,
            "disposition": lead.disposition,
            "notes": notes,
            "custom_fields": { "company_size": size },
            "created_at": at.to_string(),
        });
        self.event(at, "lead.generated", Some(scene.person.list), data)
    }

    pub(super) fn appointment_scheduled(
        &mut self,
        at: Timestamp,
        scene: Scene,
        appointment: Appointment,
    ) -> SimulatedEvent {
        if let Some(number) = scene.campaign {
            self.company.campaigns.tally(number).appointments += 1;
        }
        let number = self.company.numbers.next();
        let contact = Contact::of(self.company.seed, scene.person);
        let agent = &self.company.agents[scene.agent];
        let id = self.company.numbers.id("appt", number);
        let half_hour = self.chance.between(FIRST_HALF_HOUR, LAST_HALF_HOUR);
        let (start, day) = appointment_time(at, self.chance.between(1, 5) as i64, half_hour);
        let data = json!({
            "appointment_id": id,
            "contact": contact.in_short(),
            "title": format!("Product demo with {} {}", contact.first_name, contact.last_name),
            "start_time": start.to_string(),
            "end_time": later(start, 1_800_000).to_string(),
            "timezone": contact.timezone,
            "calendar": { "provider": "google", "id": "demos@example.com" },
            "location": null,
            "meeting_url": format!("https://meet.example.com/{id}"),
            "status": "confirmed",
            "booked_by": { "type": "agent", "id": agent.id },
            "call_id": self.call_id(appointment.call),
            "campaign_id": self.campaign_id(scene),
            "powerlist_id": self.company.lists[scene.person.list].id.to_string(),
            "created_at": at.to_string(),
        });
        let confirmed = later(at, self.chance.between(3_000, 20_000));
        let confirmation = Message::new(Kind::Confirmation, CONFIRMATION).on_day(day);
        self.plan(confirmed, Step::MessageSent(scene, confirmation));
        self.event(at, "appointment.scheduled", Some(scene.person.list), data)
    }
}

/// So many working days on, and what that day is called.
fn appointment_time(at: Timestamp, days: i64, half_hour: u64) -> (Timestamp, &'static str) {
    // 1970 began on a Thursday.
    let weekday = |day: i64| WEEKDAYS[day.rem_euclid(7) as usize];
    let mut day = at.day() + days;
    while matches!(weekday(day), "Saturday" | "Sunday") {
        day += 1;
    }
    (later(Timestamp::from_millis(day * DAY_MS), half_hour * 1_800_000), weekday(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_booked_for_a_weekend() {
        let check = |days: i64, expected: &str, weekday: &str| {
            // A Wednesday.
            let at = Timestamp::parse("2025-01-15T14:30:25Z").unwrap();
            let (start, name) = appointment_time(at, days, 38);
            assert_eq!((start.to_string().as_str(), name), (expected, weekday), "{days}");
        };
        check(1, "2025-01-16T19:00:00.000Z", "Thursday");
        check(3, "2025-01-20T19:00:00.000Z", "Monday");
        check(5, "2025-01-20T19:00:00.000Z", "Monday");
    }
}
