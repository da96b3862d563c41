//! Webhooks of either direction: rows of one list, told apart by `direction`.

use posthaste_core::error::Complaints;
use posthaste_core::id::WebhookId;
use posthaste_core::inbound::InboundWebhook;
use posthaste_core::webhook::Webhook;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::inbound_webhooks::{
    CreatedInboundWebhook, InboundBody, InboundWebhookJson, NewInboundWebhookBody,
};
use super::webhooks::{CreatedWebhook, NewWebhookBody, SettingsBody, WebhookJson};
use crate::error::ApiError;
use crate::extract::parse_json;

/// Whose requests a webhook is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Outbound,
    Inbound,
}

/// Members that mean something for the other direction only.
const ONLY_OUTBOUND: [&str; 7] = [
    "url",
    "headers",
    "signature_format",
    "timeout_ms",
    "retry_delays_s",
    "max_in_flight",
    "filter",
];
const ONLY_INBOUND: [&str; 2] = ["mapping", "verification"];

impl Direction {
    /// What the body of a new webhook says. Who says nothing, or something else, means outbound,
    /// which then says what is wrong.
    pub fn of(body: &[u8]) -> Result<Direction, ApiError> {
        let members: Map<String, Value> = parse_json(body)?;
        let is_inbound = members.get("direction").is_some_and(|direction| direction == "inbound");
        Ok(if is_inbound { Direction::Inbound } else { Direction::Outbound })
    }

    /// Refuses members of the other direction, by name: that they are unknown would be no help to
    /// who knows them.
    pub fn refuse_others(self, body: &[u8]) -> Result<(), ApiError> {
        let members: Map<String, Value> = parse_json(body)?;
        let (others, whose) = match self {
            Direction::Outbound => (&ONLY_INBOUND[..], "inbound"),
            Direction::Inbound => (&ONLY_OUTBOUND[..], "outbound"),
        };
        let mut wrong = Complaints::default();
        for other in others.iter().filter(|other| members.contains_key(**other)) {
            wrong.add(format!("/{other}"), format!("only {whose} webhooks have it"));
        }
        Ok(wrong.finish()?)
    }
}

/// A webhook, whichever way it goes.
pub enum Either {
    Outbound(Webhook),
    Inbound(InboundWebhook),
}

impl Either {
    pub fn id(&self) -> WebhookId {
        match self {
            Either::Outbound(webhook) => webhook.id,
            Either::Inbound(webhook) => webhook.id,
        }
    }
}

/// A webhook; `direction` tells which kind.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = AnyWebhook)]
pub enum AnyWebhookJson {
    Outbound(Box<WebhookJson>),
    Inbound(Box<InboundWebhookJson>),
}

impl From<WebhookJson> for AnyWebhookJson {
    fn from(webhook: WebhookJson) -> AnyWebhookJson {
        AnyWebhookJson::Outbound(Box::new(webhook))
    }
}

impl From<InboundWebhookJson> for AnyWebhookJson {
    fn from(webhook: InboundWebhookJson) -> AnyWebhookJson {
        AnyWebhookJson::Inbound(Box::new(webhook))
    }
}

/// A new webhook; `direction` tells which kind.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum CreatedAnyWebhook {
    Outbound(Box<CreatedWebhook>),
    Inbound(Box<CreatedInboundWebhook>),
}

impl CreatedAnyWebhook {
    pub fn id(&self) -> &str {
        match self {
            CreatedAnyWebhook::Outbound(created) => created.id(),
            CreatedAnyWebhook::Inbound(created) => created.id(),
        }
    }
}

/// A webhook to create: outbound, unless `direction` is `inbound`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes")]
#[serde(untagged)]
#[schema(as = NewAnyWebhook)]
pub enum NewAnyWebhookBody {
    Outbound(NewWebhookBody),
    Inbound(NewInboundWebhookBody),
}

/// What is to change about a webhook, of the direction that it has.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes")]
#[serde(untagged)]
#[schema(as = AnyWebhookSettings)]
pub enum AnySettingsBody {
    Outbound(SettingsBody),
    Inbound(InboundBody),
}
