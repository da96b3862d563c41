//! Inbound webhooks: rows of Setup > Webhooks with URLs that others post contacts to; what they are,
//! and what is kept of each request.
//!
//! The way of a request: `verification` says whether it comes from who it should, `reading` takes
//! it apart into values, `mapping` gives them to fields, `meaning` makes a change of a contact of
//! them. `settings` is what makes an inbound webhook valid.

pub mod fields;
pub mod mapping;
pub mod meaning;
mod multipart;
pub mod own_url;
pub mod reading;
pub mod settings;
pub mod verification;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::contact::Edited;
use crate::error::FieldError;
use crate::id::{AccountId, ContactId, PowerlistId, RequestId, WebhookId};
use crate::rate_limit::RateLimit;
use crate::session::Token;
use crate::time::Timestamp;
use crate::webhook::WebhookStatus;

/// What an account chooses about an inbound webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundSettings {
    pub title: String,
    pub description: String,
    /// The list that its contacts come to.
    pub powerlist_id: PowerlistId,
    /// Which of its URLs there are; never none.
    pub operations: Vec<InboundOperation>,
    pub mapping: Mapping,
    pub verification: Option<Verification>,
    /// Of all its requests together.
    pub rate_limit: RateLimit,
}

/// What a URL of an inbound webhook does with what is posted there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InboundOperation {
    /// Makes the contact, or changes it.
    Contact,
    ContactDelete,
}

impl InboundOperation {
    pub const ALL: [InboundOperation; 2] =
        [InboundOperation::Contact, InboundOperation::ContactDelete];

    /// The event type that it raises, and that chooses it in the form.
    pub fn event(self) -> &'static str {
        match self {
            InboundOperation::Contact => "contact",
            InboundOperation::ContactDelete => "contact.delete",
        }
    }

    pub fn of_event(event: &str) -> Option<InboundOperation> {
        InboundOperation::ALL.into_iter().find(|operation| operation.event() == event)
    }

    /// The end of its path, behind `/in/` and the token.
    pub fn segment(self) -> &'static str {
        match self {
            InboundOperation::Contact => "contact",
            InboundOperation::ContactDelete => "contact-delete",
        }
    }
}

/// Which name in a request holds which field: the field, as contacts call it, and the path of the
/// value (`contact.phones.0.value`). A field that is not named here is looked for under its own
/// name and its usual other spellings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping(pub BTreeMap<String, String>);

/// How a request shows that it comes from who it says it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    pub scheme: VerificationScheme,
    pub secret: SharedSecret,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VerificationScheme {
    /// `x-webhook-signature` or `x-webhook-signature-256`, as we send them.
    Posthaste,
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    StandardWebhooks,
    /// `x-hub-signature-256`.
    Github,
    /// `stripe-signature`.
    Stripe,
    /// `x-twilio-signature`, over the URL and the form's fields.
    Twilio,
}

impl VerificationScheme {
    pub const ALL: [VerificationScheme; 5] = [
        VerificationScheme::Posthaste,
        VerificationScheme::StandardWebhooks,
        VerificationScheme::Github,
        VerificationScheme::Stripe,
        VerificationScheme::Twilio,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            VerificationScheme::Posthaste => "posthaste",
            VerificationScheme::StandardWebhooks => "standard_webhooks",
            VerificationScheme::Github => "github",
            VerificationScheme::Stripe => "stripe",
            VerificationScheme::Twilio => "twilio",
        }
    }

    /// Whether what stands behind the `?` is signed too. Where it is not, anybody who saw one
    /// request could add fields to it.
    pub fn signs_query(self) -> bool {
        self == VerificationScheme::Twilio
    }

    pub fn parse(text: &str) -> Option<VerificationScheme> {
        VerificationScheme::ALL.into_iter().find(|scheme| scheme.as_str() == text)
    }
}

/// A secret that the other side made, in whatever form it has there. Never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedSecret(Zeroizing<String>);

impl SharedSecret {
    pub fn new(text: String) -> SharedSecret {
        SharedSecret(Zeroizing::new(text))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(redacted)")
    }
}

/// An inbound webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundWebhook {
    pub id: WebhookId,
    pub account_id: AccountId,
    /// The `#` column, of the same count as the outbound ones'.
    pub number: u32,
    pub settings: InboundSettings,
    pub tokens: InboundTokens,
    pub status: WebhookStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What stands in its URLs and cannot be guessed: one, or two while it is being rotated. Kept as
/// it is, because the page has to show the URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundTokens {
    pub current: Token,
    /// Also good, until then.
    pub previous: Option<(Token, Timestamp)>,
}

/// An inbound webhook as it is asked for; the store gives it its id and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInboundWebhook {
    pub account_id: AccountId,
    pub settings: InboundSettings,
    pub token: Token,
}

/// A request to an inbound webhook, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct InboundRequest {
    pub id: RequestId,
    pub received: ReceivedRequest,
    pub verdict: Verdict,
}

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRequest {
    pub account_id: AccountId,
    pub webhook_id: WebhookId,
    pub operation: InboundOperation,
    pub received_at: Timestamp,
    pub remote_address: Option<IpAddr>,
    /// Names in lower case. Credentials are taken out before.
    pub headers: Vec<(String, String)>,
    /// Behind the `?`.
    pub query: String,
    pub body: Bytes,
    /// The request that this one repeats: then it is no hit.
    pub replay_of: Option<RequestId>,
    /// How often what it tells of went through a webhook before.
    pub hops: u8,
}

/// What a request was answered with, and why.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Done {
        operation: Done,
        /// `None` if there was nothing to delete.
        contact_id: Option<ContactId>,
    },
    /// A field is not valid, or the body cannot be read.
    Invalid(Vec<FieldError>),
    /// The signature is absent or wrong.
    Unverified(String),
    /// It went round too often.
    Loop,
    /// Another request came with the same idempotency key.
    KeyReused,
}

/// The `operation` in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Done {
    Created,
    Updated,
    Deleted,
    /// Everything was so already.
    Nothing,
}

impl Done {
    pub const ALL: [Done; 4] = [Done::Created, Done::Updated, Done::Deleted, Done::Nothing];

    pub fn as_str(self) -> &'static str {
        match self {
            Done::Created => "created",
            Done::Updated => "updated",
            Done::Deleted => "deleted",
            Done::Nothing => "none",
        }
    }
}

/// Every word that [`Verdict::as_str`] says.
pub const VERDICTS: [&str; 8] =
    ["created", "updated", "deleted", "none", "invalid", "unverified", "loop", "key_reused"];

impl Verdict {
    /// What a change came to.
    pub fn of(edited: &Edited) -> Verdict {
        let done = |operation, contact_id| Verdict::Done { operation, contact_id };
        let invalid = |pointer: &str, message: String| {
            Verdict::Invalid(vec![FieldError::new(pointer, message)])
        };
        match edited {
            Edited::Created(contact) => done(Done::Created, Some(contact.id)),
            Edited::Updated(contact) => done(Done::Updated, Some(contact.id)),
            Edited::Deleted(contact) => done(Done::Deleted, Some(contact.id)),
            Edited::Unchanged(id) => done(Done::Nothing, Some(*id)),
            Edited::Missing => done(Done::Nothing, None),
            Edited::NoSuchList => invalid("/powerlist_id", "there is no such powerlist".to_owned()),
            Edited::Several(several) => invalid(
                "/email",
                format!("{several} contacts of the powerlist have that e-mail address"),
            ),
            Edited::NumberTaken => invalid(
                "/phone_number",
                "another contact of the powerlist has that phone number".to_owned(),
            ),
            Edited::Refused(invalid) => Verdict::Invalid(invalid.errors.clone()),
        }
    }

    /// One word, for columns, filters and badges.
    pub fn as_str(&self) -> &'static str {
        match self {
            Verdict::Done { operation, .. } => operation.as_str(),
            Verdict::Invalid(_) => "invalid",
            Verdict::Unverified(_) => "unverified",
            Verdict::Loop => "loop",
            Verdict::KeyReused => "key_reused",
        }
    }
}
