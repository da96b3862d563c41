//! The event types that every account has from the start: what they are called, when they occur,
//! what they are good for, and the shape and a realistic sample of each one's `data`. Event types
//! that an account adds itself are rows of the store and are not listed here.

use std::fmt;

/// The part of the catalogue an event type is shown in. It need not be the first segment of the
/// name: `lead.generated` belongs to the campaigns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventGroup {
    Call,
    Agent,
    Campaign,
    Sms,
    Contact,
    /// What the platform says about its own webhooks and deliveries.
    Operational,
}

impl EventGroup {
    /// As headings and selection lists show it.
    pub fn title(self) -> &'static str {
        match self {
            EventGroup::Call => "Call",
            EventGroup::Agent => "Agent",
            EventGroup::Campaign => "Campaign",
            EventGroup::Sms => "SMS",
            EventGroup::Contact => "Contact",
            EventGroup::Operational => "Operational",
        }
    }
}

impl fmt::Display for EventGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// One event type that the platform brings along.
#[derive(Debug, PartialEq, Eq)]
pub struct BuiltinEventType {
    /// As it is published and subscribed to: `call.ended`.
    pub name: &'static str,
    /// As people read it: "Call Ended".
    pub title: &'static str,
    pub group: EventGroup,
    /// When it occurs: "When a call completes".
    pub triggered: &'static str,
    pub use_cases: &'static [&'static str],
    /// What its author would want to know before building on it.
    pub description: &'static str,
    /// A JSON Schema (2020-12) of `data`, written for people. It describes every field, leaves room
    /// for more, and marks with `x-personal-data` what could tell who somebody is or what they said.
    pub schema: &'static str,
    /// The `data` of an example: one line of JSON, already in the canonical form that is signed.
    /// The samples tell one story, so the ids in them fit together.
    pub sample: &'static str,
}

/// The event types that accounts publish, group by group.
pub fn builtins() -> &'static [BuiltinEventType] {
    &BUILTINS
}

/// The event types that only the platform itself raises, about webhooks and deliveries.
pub fn operational() -> &'static [BuiltinEventType] {
    &OPERATIONAL
}

/// The groups of [`builtins`], in the order they are shown. The operational ones stand apart.
pub fn groups() -> &'static [EventGroup] {
    &[
        EventGroup::Call,
        EventGroup::Agent,
        EventGroup::Campaign,
        EventGroup::Sms,
        EventGroup::Contact,
    ]
}

/// Looks a name up among [`builtins`] and [`operational`]; `group` tells which it was.
pub fn builtin(name: &str) -> Option<&'static BuiltinEventType> {
    BUILTINS.iter().chain(&OPERATIONAL).find(|event_type| event_type.name == name)
}

static BUILTINS: [BuiltinEventType; 18] = [
    BuiltinEventType {
        name: "call.started",
        title: "Call Started",
        group: EventGroup::Call,
        triggered: "When a call begins",
        use_cases: &["Call logging", "real-time monitoring"],
        description: "Raised when dialling begins, or when an incoming call arrives; match it with \
                      the later events of the same call by `call_id`.",
        schema: include_str!("catalogue/schemas/call.started.json"),
        sample: include_str!("catalogue/samples/call.started.json"),
    },
    BuiltinEventType {
        name: "call.ended",
        title: "Call Ended",
        group: EventGroup::Call,
        triggered: "When a call completes",
        use_cases: &["Call analytics", "CRM updates"],
        description: "Raised once per call whatever became of it, so look at `call_status` and \
                      `ended_reason`; while `analysis_status` is `pending`, transcription, summary \
                      and sentiment may be null.",
        schema: include_str!("catalogue/schemas/call.ended.json"),
        sample: include_str!("catalogue/samples/call.ended.json"),
    },
    BuiltinEventType {
        name: "call.answered",
        title: "Call Answered",
        group: EventGroup::Call,
        triggered: "When a call is answered",
        use_cases: &["Connection tracking", "response rates"],
        description: "Also raised when a machine picks up: `answered_by` tells a human from \
                      voicemail, and `ring_duration` is in seconds.",
        schema: include_str!("catalogue/schemas/call.answered.json"),
        sample: include_str!("catalogue/samples/call.answered.json"),
    },
    BuiltinEventType {
        name: "call.transferred",
        title: "Call Transferred",
        group: EventGroup::Call,
        triggered: "When a call is transferred",
        use_cases: &["Transfer logging", "agent routing"],
        description: "One transfer may raise it several times as `transfer_status` moves from \
                      `started` to `bridged` or `cancelled`, and then to `ended`.",
        schema: include_str!("catalogue/schemas/call.transferred.json"),
        sample: include_str!("catalogue/samples/call.transferred.json"),
    },
    BuiltinEventType {
        name: "agent.created",
        title: "Agent Created",
        group: EventGroup::Agent,
        triggered: "When a new AI agent is created",
        use_cases: &["Inventory management", "provisioning"],
        description: "A new agent starts `offline`; wait for `agent.status_changed` before sending \
                      it calls.",
        schema: include_str!("catalogue/schemas/agent.created.json"),
        sample: include_str!("catalogue/samples/agent.created.json"),
    },
    BuiltinEventType {
        name: "agent.updated",
        title: "Agent Updated",
        group: EventGroup::Agent,
        triggered: "When agent configuration changes",
        use_cases: &["Configuration sync", "audit trails"],
        description: "`changes` lists each field with its old and new value, and `version` rises by \
                      one with every change.",
        schema: include_str!("catalogue/schemas/agent.updated.json"),
        sample: include_str!("catalogue/samples/agent.updated.json"),
    },
    BuiltinEventType {
        name: "agent.status_changed",
        title: "Agent Status Changed",
        group: EventGroup::Agent,
        triggered: "When agent goes online/offline",
        use_cases: &["Availability tracking", "monitoring"],
        description: "Carries the status before and after; events can overtake each other on the \
                      way, so keep the one with the latest `changed_at`.",
        schema: include_str!("catalogue/schemas/agent.status_changed.json"),
        sample: include_str!("catalogue/samples/agent.status_changed.json"),
    },
    BuiltinEventType {
        name: "agent.performance",
        title: "Agent Performance",
        group: EventGroup::Agent,
        triggered: "Performance threshold events",
        use_cases: &["Quality monitoring", "alerts"],
        description: "Raised when a metric, measured over `window`, goes `above` or `below` its \
                      threshold; ratios lie between 0 and 1.",
        schema: include_str!("catalogue/schemas/agent.performance.json"),
        sample: include_str!("catalogue/samples/agent.performance.json"),
    },
    BuiltinEventType {
        name: "campaign.started",
        title: "Campaign Started",
        group: EventGroup::Campaign,
        triggered: "When a campaign begins",
        use_cases: &["Campaign tracking", "notifications"],
        description: "Raised at the first start, not each morning that the schedule resumes; \
                      `total_contacts` is the size of the powerlist at that moment.",
        schema: include_str!("catalogue/schemas/campaign.started.json"),
        sample: include_str!("catalogue/samples/campaign.started.json"),
    },
    BuiltinEventType {
        name: "campaign.completed",
        title: "Campaign Completed",
        group: EventGroup::Campaign,
        triggered: "When a campaign finishes",
        use_cases: &["Results processing", "reporting"],
        description: "Also raised when a campaign is stopped or expires, see `reason`; `stats` holds \
                      the final numbers.",
        schema: include_str!("catalogue/schemas/campaign.completed.json"),
        sample: include_str!("catalogue/samples/campaign.completed.json"),
    },
    BuiltinEventType {
        name: "lead.generated",
        title: "Lead Generated",
        group: EventGroup::Campaign,
        triggered: "When a new lead is created",
        use_cases: &["CRM integration", "lead routing"],
        description: "`source` says whether a call, an SMS or a webhook made the lead, and `score` \
                      runs from 0 to 100.",
        schema: include_str!("catalogue/schemas/lead.generated.json"),
        sample: include_str!("catalogue/samples/lead.generated.json"),
    },
    BuiltinEventType {
        name: "appointment.scheduled",
        title: "Appointment Scheduled",
        group: EventGroup::Campaign,
        triggered: "When an appointment is booked",
        use_cases: &["Calendar sync", "confirmations"],
        description: "Times are UTC; `timezone` is where the contact lives, and what a confirmation \
                      should be written in.",
        schema: include_str!("catalogue/schemas/appointment.scheduled.json"),
        sample: include_str!("catalogue/samples/appointment.scheduled.json"),
    },
    BuiltinEventType {
        name: "sms.sent",
        title: "SMS Sent",
        group: EventGroup::Sms,
        triggered: "When an SMS is delivered",
        use_cases: &["Delivery tracking", "billing"],
        description: "`status` is `delivered` once the carrier confirmed it and `sent` where a \
                      carrier never does; the amount in `cost` is text, so that no cent is lost.",
        schema: include_str!("catalogue/schemas/sms.sent.json"),
        sample: include_str!("catalogue/samples/sms.sent.json"),
    },
    BuiltinEventType {
        name: "sms.received",
        title: "SMS Received",
        group: EventGroup::Sms,
        triggered: "When an SMS is received",
        use_cases: &["Response handling", "conversations"],
        description: "`opt_out` is true when the message was STOP or the like; do not write to that \
                      number again.",
        schema: include_str!("catalogue/schemas/sms.received.json"),
        sample: include_str!("catalogue/samples/sms.received.json"),
    },
    BuiltinEventType {
        name: "sms.failed",
        title: "SMS Failed",
        group: EventGroup::Sms,
        triggered: "When SMS delivery fails",
        use_cases: &["Error handling", "retry logic"],
        description: "`retryable` says whether sending the same message later can help, and \
                      `provider_code` is the carrier's own code.",
        schema: include_str!("catalogue/schemas/sms.failed.json"),
        sample: include_str!("catalogue/samples/sms.failed.json"),
    },
    BuiltinEventType {
        name: "sms.replied",
        title: "SMS Replied",
        group: EventGroup::Sms,
        triggered: "When recipient replies to SMS",
        use_cases: &["Conversation tracking", "engagement"],
        description: "The same message also raises `sms.received`; this one names the message it \
                      answers in `in_reply_to`, so handle only one of the two.",
        schema: include_str!("catalogue/schemas/sms.replied.json"),
        sample: include_str!("catalogue/samples/sms.replied.json"),
    },
    BuiltinEventType {
        name: "contact",
        title: "Contact",
        group: EventGroup::Contact,
        triggered: "When a contact is created or changed",
        use_cases: &["CRM sync", "list updates"],
        description: "`operation` says whether the contact was `created` or `updated`, and the event \
                      carries all of the contact's fields, not only what changed.",
        schema: include_str!("catalogue/schemas/contact.json"),
        sample: include_str!("catalogue/samples/contact.json"),
    },
    BuiltinEventType {
        name: "contact.delete",
        title: "Contact Delete",
        group: EventGroup::Contact,
        triggered: "When a contact is deleted",
        use_cases: &["CRM sync", "list clean-up"],
        description: "Carries just enough to find the contact on your side; `reason` tells an \
                      opt-out from tidying up.",
        schema: include_str!("catalogue/schemas/contact.delete.json"),
        sample: include_str!("catalogue/samples/contact.delete.json"),
    },
];

static OPERATIONAL: [BuiltinEventType; 4] = [
    BuiltinEventType {
        name: "webhook.failing",
        title: "Webhook Failing",
        group: EventGroup::Operational,
        triggered: "When a webhook's attempts keep failing",
        use_cases: &["Alerts", "on-call paging"],
        description: "Deliveries are still queued and retried while a webhook is failing; `pending` \
                      is how many wait.",
        schema: include_str!("catalogue/schemas/webhook.failing.json"),
        sample: include_str!("catalogue/samples/webhook.failing.json"),
    },
    BuiltinEventType {
        name: "webhook.disabled",
        title: "Webhook Disabled",
        group: EventGroup::Operational,
        triggered: "When a webhook is switched off",
        use_cases: &["Alerts", "integration upkeep"],
        description: "Nothing is sent to a disabled webhook until somebody enables it again; \
                      `reason` is `gone` when the receiver answered 410.",
        schema: include_str!("catalogue/schemas/webhook.disabled.json"),
        sample: include_str!("catalogue/samples/webhook.disabled.json"),
    },
    BuiltinEventType {
        name: "webhook.recovered",
        title: "Webhook Recovered",
        group: EventGroup::Operational,
        triggered: "When a failing webhook succeeds again",
        use_cases: &["All-clear messages", "incident timelines"],
        description: "`failed` counts the deliveries that were given up in between; recover them \
                      from the webhook's page or through the API.",
        schema: include_str!("catalogue/schemas/webhook.recovered.json"),
        sample: include_str!("catalogue/samples/webhook.recovered.json"),
    },
    BuiltinEventType {
        name: "delivery.failed",
        title: "Delivery Failed",
        group: EventGroup::Operational,
        triggered: "When a delivery fails after its last attempt",
        use_cases: &["Dead-letter handling", "alerts"],
        description: "The event itself is kept, so the delivery can still be retried by hand or \
                      recovered in bulk.",
        schema: include_str!("catalogue/schemas/delivery.failed.json"),
        sample: include_str!("catalogue/samples/delivery.failed.json"),
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::event_type::EventType;
    use crate::id::{ContactId, DeliveryId, EventId, PowerlistId, WebhookId};
    use crate::time::Timestamp;

    fn all() -> impl Iterator<Item = &'static BuiltinEventType> {
        builtins().iter().chain(operational())
    }

    fn sample_of(event_type: &BuiltinEventType) -> Value {
        serde_json::from_str(event_type.sample).expect(event_type.name)
    }

    /// Calls `visit` with each member's name and value, however deep it stands.
    fn visit_members(value: &Value, visit: &mut impl FnMut(&str, &Value)) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    visit(name, member);
                    visit_members(member, visit);
                }
            }
            Value::Array(elements) => {
                for element in elements {
                    visit("", element);
                    visit_members(element, visit);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn the_catalogue_has_the_eighteen_in_their_groups_and_order() {
        let listed: Vec<(&str, Vec<&str>)> = groups()
            .iter()
            .map(|&group| {
                let of_group = builtins().iter().filter(|builtin| builtin.group == group);
                (group.title(), of_group.map(|builtin| builtin.name).collect())
            })
            .collect();
        let expected = [
            ("Call", vec!["call.started", "call.ended", "call.answered", "call.transferred"]),
            (
                "Agent",
                vec!["agent.created", "agent.updated", "agent.status_changed", "agent.performance"],
            ),
            (
                "Campaign",
                vec![
                    "campaign.started",
                    "campaign.completed",
                    "lead.generated",
                    "appointment.scheduled",
                ],
            ),
            ("SMS", vec!["sms.sent", "sms.received", "sms.failed", "sms.replied"]),
            ("Contact", vec!["contact", "contact.delete"]),
        ];
        assert_eq!(listed, expected);
        assert!(builtins().is_sorted_by_key(|builtin| builtin.group), "groups stand together");
        assert_eq!(builtins().len(), 18);
    }

    #[test]
    fn the_operational_ones_stand_apart() {
        let names: Vec<&str> = operational().iter().map(|builtin| builtin.name).collect();
        assert_eq!(
            names,
            ["webhook.failing", "webhook.disabled", "webhook.recovered", "delivery.failed"]
        );
        assert!(operational().iter().all(|builtin| builtin.group == EventGroup::Operational));
        assert!(!groups().contains(&EventGroup::Operational));
    }

    #[test]
    fn every_entry_is_found_by_its_own_name_and_filled_in() {
        for entry in all() {
            assert!(EventType::parse(entry.name).is_ok(), "{}", entry.name);
            assert_eq!(builtin(entry.name), Some(entry));
            assert!(!entry.title.is_empty() && !entry.triggered.is_empty(), "{}", entry.name);
            assert!(!entry.use_cases.is_empty() && entry.description.ends_with('.'));
        }
        assert_eq!(builtin("call"), None);
        assert_eq!(builtin(""), None);
    }

    #[test]
    fn samples_are_already_in_the_form_that_is_signed() {
        for entry in all() {
            let sample = sample_of(entry);
            assert!(sample.is_object(), "{}", entry.name);
            // Keeps order, so this also catches white space, escapes and duplicate members.
            let again = serde_json::to_string(&sample).expect("a value can be written");
            assert_eq!(again, entry.sample, "{}", entry.name);
            visit_members(&sample, &mut |name, value| {
                // JavaScript would move members that look like array indexes to the front.
                assert!(name.parse::<u32>().is_err(), "{}: {name}", entry.name);
                if let Value::Number(number) = value {
                    let double = number.as_f64().expect("a JSON number");
                    let in_javascript = ryu_js::Buffer::new().format(double).to_owned();
                    assert_eq!(number.to_string(), in_javascript, "{}", entry.name);
                }
            });
        }
    }

    #[test]
    fn samples_tell_one_story() {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for entry in all() {
            visit_members(&sample_of(entry), &mut |name, value| {
                let Value::String(text) = value else { return };
                match name {
                    "webhook_id" => assert!(WebhookId::parse(text).is_ok(), "{text}"),
                    "powerlist_id" => assert!(PowerlistId::parse(text).is_ok(), "{text}"),
                    "contact_id" => assert!(ContactId::parse(text).is_ok(), "{text}"),
                    "delivery_id" => assert!(DeliveryId::parse(text).is_ok(), "{text}"),
                    "event_id" => assert!(EventId::parse(text).is_ok(), "{text}"),
                    _ => {}
                }
                // Three messages occur, each with an id of its own; everything else is one thing.
                if name.ends_with("_id") && name != "message_id" {
                    let before = seen.entry(name.to_owned()).or_insert_with(|| text.clone());
                    assert_eq!(before, text, "{}: {name}", entry.name);
                }
            });
        }
        assert_eq!(seen["call_id"], "call_987654321");
        assert_eq!(seen["agent_id"], "agent_abc123");
    }

    #[test]
    fn samples_write_times_as_the_envelope_does() {
        let mut times = 0;
        for entry in all() {
            visit_members(&sample_of(entry), &mut |name, value| {
                let Some(text) = value.as_str().filter(|_| name.ends_with("_at")) else { return };
                let time = Timestamp::parse(text).expect(text);
                assert_eq!(time.to_string(), text, "{}: {name}", entry.name);
                times += 1;
            });
        }
        assert!(times > 20, "the samples hold times");
    }
}
