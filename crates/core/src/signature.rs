//! The headers of an attempt, as the receiver's contract lists them: what is posted, and three
//! signatures of it. Headers that the customer adds are not this file's affair.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};

use crate::envelope::{HEX_LEN, SHA256_PREFIX, SignedBody, push_hex};
use crate::error::Invalid;
use crate::id::EventId;
use crate::secret::{Digest, SigningKeys};
use crate::time::Timestamp;

pub const X_WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("x-webhook-signature");
pub const X_WEBHOOK_SIGNATURE_256: HeaderName = HeaderName::from_static("x-webhook-signature-256");
pub const X_WEBHOOK_SIGNATURE_PREVIOUS: HeaderName =
    HeaderName::from_static("x-webhook-signature-previous");
pub const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
pub const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
pub const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
pub const X_WEBHOOK_EVENT: HeaderName = HeaderName::from_static("x-webhook-event");
pub const X_WEBHOOK_ATTEMPT: HeaderName = HeaderName::from_static("x-webhook-attempt");
pub const X_WEBHOOK_TEST: HeaderName = HeaderName::from_static("x-webhook-test");

/// How we name ourselves to receivers.
pub const USER_AGENT_TEXT: &str = concat!("Posthaste/", env!("CARGO_PKG_VERSION"));
const HEADERS_MAX: usize = 11;
/// The version of Standard Webhooks' symmetric signatures.
pub(crate) const V1_PREFIX: &str = "v1,";
const DIGEST_BASE64_LEN: usize = size_of::<Digest>().div_ceil(3) * 4;

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
        let mut text = String::with_capacity(SHA256_PREFIX.len() + HEX_LEN);
        if self == SignatureFormat::Sha256Prefix {
            text.push_str(SHA256_PREFIX);
        }
        push_hex(&mut text, digest);
        text
    }
}

/// Standard Webhooks' spelling of one signature: `v1,` and base64.
pub fn spell_standard(digest: &Digest) -> String {
    let mut text = String::with_capacity(V1_PREFIX.len() + DIGEST_BASE64_LEN);
    push_standard(&mut text, digest);
    text
}

fn push_standard(text: &mut String, digest: &Digest) {
    text.push_str(V1_PREFIX);
    STANDARD.encode_string(digest, text);
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
    pub signature_format: SignatureFormat,
}

impl AttemptHeaders<'_> {
    /// All headers of the contract, for an attempt made `now`. `signed` must come from the current
    /// key of `keys`: its digest is used as it is, so the body is read once more for Standard
    /// Webhooks, and twice more for the previous secret while a rotation lasts.
    pub fn signed(&self, now: Timestamp, signed: &SignedBody, keys: &SigningKeys) -> HeaderMap {
        let id = self.event_id.to_string();
        let timestamp = now.as_unix_seconds().to_string();
        let previous = keys.previous_at(now);
        let mut headers = HeaderMap::with_capacity(HEADERS_MAX);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static(USER_AGENT_TEXT));

        let digest = &signed.body_hmac;
        headers.insert(X_WEBHOOK_SIGNATURE, value(self.signature_format.spell(digest)));
        let prefixed = SignatureFormat::Sha256Prefix.spell(digest);
        headers.insert(X_WEBHOOK_SIGNATURE_256, value(prefixed));
        if let Some(previous) = previous {
            let old = self.signature_format.spell(&previous.sign_body(&signed.body));
            headers.insert(X_WEBHOOK_SIGNATURE_PREVIOUS, value(old));
        }

        let live = 1 + usize::from(previous.is_some());
        let mut list = String::with_capacity(live * (V1_PREFIX.len() + DIGEST_BASE64_LEN + 1));
        push_standard(&mut list, &keys.current.sign_standard(&id, &timestamp, &signed.body));
        if let Some(previous) = previous {
            list.push(' ');
            push_standard(&mut list, &previous.sign_standard(&id, &timestamp, &signed.body));
        }
        headers.insert(WEBHOOK_ID, value(id));
        headers.insert(WEBHOOK_TIMESTAMP, value(timestamp));
        headers.insert(WEBHOOK_SIGNATURE, value(list));

        headers.insert(X_WEBHOOK_EVENT, value(self.event.to_owned()));
        headers.insert(X_WEBHOOK_ATTEMPT, HeaderValue::from(self.attempt));
        if self.occasion == Occasion::Test {
            headers.insert(X_WEBHOOK_TEST, HeaderValue::from_static("true"));
        }
        headers
    }
}

fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("hex, base64, numbers, ids and event types are plain ASCII")
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
