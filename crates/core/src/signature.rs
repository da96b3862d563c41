//! The headers of an attempt, as the receiver's contract lists them: what is posted, and three
//! signatures of it. Headers that the customer adds are not this file's affair.

use crate::digits::Decimal;
use crate::envelope::{SHA256_PREFIX, SignedBody};
use crate::error::Invalid;
use crate::id::EventId;
use crate::inbound::InboundOperation;
use crate::secret::{Digest, SigningKey, SigningKeys};
use crate::sent_headers::{OwnHeader, SentHeaders, SentValue};
use crate::time::Timestamp;

/// How we name ourselves to receivers.
pub const USER_AGENT_TEXT: &str = concat!("Posthaste/", env!("CARGO_PKG_VERSION"));
/// The version of Standard Webhooks' symmetric signatures.
pub(crate) const V1_PREFIX: &str = "v1,";

/// How a webhook wants `x-webhook-signature` spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignatureFormat {
    /// Bare hex: what a verifier needs that decodes the value as it is.
    #[default]
    Hex,
    /// `sha256=` before the hex.
    Sha256Prefix,
}

impl SignatureFormat {
    pub fn as_str(self) -> &'static str {
        match self {
            SignatureFormat::Hex => "hex",
            SignatureFormat::Sha256Prefix => SHA256_PREFIX,
        }
    }

    pub fn parse(text: &str) -> Result<SignatureFormat, Invalid> {
        match text {
            "hex" => Ok(SignatureFormat::Hex),
            SHA256_PREFIX => Ok(SignatureFormat::Sha256Prefix),
            _ => Err(Invalid::at("", format!("{text:?} is neither \"hex\" nor \"sha256=\""))),
        }
    }

    /// The header's value for a digest.
    pub fn spell(self, digest: &Digest) -> String {
        self.value(digest).to_text()
    }

    fn value(self, digest: &Digest) -> SentValue<'_> {
        match self {
            SignatureFormat::Hex => SentValue::Hex(digest),
            SignatureFormat::Sha256Prefix => SentValue::Sha256Hex(digest),
        }
    }
}

/// Standard Webhooks' spelling of one signature: `v1,` and base64.
pub fn spell_standard(digest: &Digest) -> String {
    SentValue::Standard(digest).to_text()
}

/// Whether an attempt delivers something that happened, or a sample on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    Event,
    Test,
}

/// What the headers say about one attempt, apart from its time and signatures.
#[derive(Debug, Clone, Copy)]
pub struct AttemptHeaders<'a> {
    pub event: &'a str,
    pub event_id: EventId,
    /// 1 for the first attempt of a delivery.
    pub attempt: u32,
    pub occasion: Occasion,
    /// Those of the event ([`Event::hops`](crate::event::Event::hops)).
    pub hops: u8,
    pub signature_format: SignatureFormat,
}

impl AttemptHeaders<'_> {
    /// All headers of the contract, for an attempt made `now`. `signed` must come from the current
    /// key of `keys`: its digest is used as it is, so the body is read once more for Standard
    /// Webhooks, and twice more for the previous secret while a rotation lasts.
    pub fn signed(&self, now: Timestamp, signed: &SignedBody, keys: &SigningKeys) -> SentHeaders {
        let unix_seconds = now.as_unix_seconds().cast_unsigned();
        let (id, timestamp) = (self.event_id.to_text(), Decimal::of(unix_seconds));
        let sign = |key: &SigningKey| key.sign_standard(&id, timestamp.as_bytes(), &signed.body);
        let previous = keys.previous_at(now);
        let mut headers = SentHeaders::with_usual_room();
        headers.push(OwnHeader::ContentType, SentValue::Json);
        headers.push(OwnHeader::UserAgent, SentValue::Text(USER_AGENT_TEXT));

        headers.push(OwnHeader::Signature, self.signature_format.value(&signed.body_hmac));
        headers.push_sha256_again(OwnHeader::Signature256);
        if let Some(previous) = previous {
            let old = previous.sign_body(&signed.body);
            headers.push(OwnHeader::SignaturePrevious, self.signature_format.value(&old));
        }

        headers.push(OwnHeader::WebhookId, SentValue::EventId(self.event_id));
        headers.push(OwnHeader::WebhookTimestamp, SentValue::Number(unix_seconds));
        let current = sign(&keys.current);
        match previous {
            None => headers.push(OwnHeader::WebhookSignature, SentValue::Standard(&current)),
            Some(previous) => {
                let both =
                    format!("{} {}", spell_standard(&current), spell_standard(&sign(previous)));
                headers.push(OwnHeader::WebhookSignature, SentValue::Text(&both));
            }
        }

        headers.push(OwnHeader::Event, SentValue::Text(self.event));
        headers.push(OwnHeader::Attempt, SentValue::Number(u64::from(self.attempt)));
        if self.occasion == Occasion::Test {
            headers.push(OwnHeader::Test, SentValue::Text("true"));
        }
        // Whoever passes a contact on to an inbound webhook passes this on with it, so that a circle
        // of webhooks ends. Other events make no contacts.
        if InboundOperation::ALL.iter().any(|operation| operation.event() == self.event) {
            let hops = u64::from(self.hops) + 1;
            headers.push(OwnHeader::Hops, SentValue::Number(hops));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_reads_back_what_it_is_called() {
        for format in [SignatureFormat::Hex, SignatureFormat::Sha256Prefix] {
            assert_eq!(SignatureFormat::parse(format.as_str()).expect("own name"), format);
        }
        for text in ["", "HEX", "sha256", "base64"] {
            assert!(SignatureFormat::parse(text).is_err(), "{text}");
        }
    }
}
