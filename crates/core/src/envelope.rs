//! The body that a receiver gets: its exact bytes, and the signature inside it. The bytes are a
//! fixed point of `JSON.stringify(JSON.parse(…))` as long as `data` is one, which `canonical`
//! sees to when the event is accepted.

use bytes::Bytes;
use hmac::Mac;

use crate::digits::{HEX_LEN, hex};
use crate::id::{EventId, WebhookId};
use crate::secret::{Digest, SigningKey};
use crate::time::Timestamp;

const EVENT: &str = r#"{"event":""#;
const TIMESTAMP: &str = r#"","timestamp":""#;
const WEBHOOK_ID: &str = r#"","webhook_id":""#;
const DATA: &str = r#"","data":"#;
const METADATA: &str = r#","metadata":{"version":"1.0","event_id":""#;
/// Closes the text of `event_id`. The two bodies, with and without a signature, part behind it.
const METADATA_END: &str = r#"""#;
/// What follows when there is no signature.
pub(crate) const END: &str = "}}";
pub(crate) const SIGNATURE: &str = r#","signature":""#;
pub(crate) const SIGNATURE_END: &str = r#""}}"#;
pub(crate) const SHA256_PREFIX: &str = "sha256=";

const TIMESTAMP_LEN: usize = "2025-01-15T14:30:25.123Z".len();
const ID_DIGITS: usize = 13;
const HEAD_LEN: usize = EVENT.len()
    + TIMESTAMP.len()
    + TIMESTAMP_LEN
    + WEBHOOK_ID.len()
    + WebhookId::PREFIX.len()
    + ID_DIGITS
    + DATA.len()
    + METADATA.len()
    + EventId::PREFIX.len()
    + ID_DIGITS
    + METADATA_END.len();
const SIGNATURE_LEN: usize = SIGNATURE.len() + SHA256_PREFIX.len() + HEX_LEN + SIGNATURE_END.len();

/// Everything that stands in a body, apart from the signature.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    pub event: &'a str,
    /// When the event happened: not now, and the same on every attempt.
    pub timestamp: Timestamp,
    pub webhook_id: WebhookId,
    /// A JSON object in canonical form.
    pub data: &'a str,
    pub event_id: EventId,
}

/// A body that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBody {
    pub body: Bytes,
    /// Of the whole body, under the current secret's text: what `x-webhook-signature` says. It is
    /// made together with the signature inside, so that the headers need not read the body again.
    pub body_hmac: Digest,
}

impl Envelope<'_> {
    /// The body with `metadata.signature`, which signs the body without that member.
    ///
    /// Both that text and the whole body start with the same bytes, all of `data` among them.
    /// These are hashed once; then the HMAC's state is copied and either ending added to one copy.
    pub fn signed(&self, key: &SigningKey) -> SignedBody {
        let mut body = self.up_to_signature(SIGNATURE_LEN);
        let shared_len = body.len();
        let shared = key.start_body().chain_update(&body);

        let inner: Digest = shared.clone().chain_update(END).finalize().into_bytes().into();
        body.extend_from_slice(SIGNATURE.as_bytes());
        body.extend_from_slice(SHA256_PREFIX.as_bytes());
        body.extend_from_slice(&hex(&inner));
        body.extend_from_slice(SIGNATURE_END.as_bytes());
        debug_assert_eq!(body.len(), body.capacity(), "Bytes would copy a body with room left");

        let whole = shared.chain_update(&body[shared_len..]);
        SignedBody { body: Bytes::from(body), body_hmac: whole.finalize().into_bytes().into() }
    }

    /// The body without `metadata.signature`: exactly the text that member signs.
    pub fn unsigned(&self) -> String {
        let mut body = self.up_to_signature(END.len());
        body.extend_from_slice(END.as_bytes());
        String::from_utf8(body).expect("made of texts")
    }

    /// The start that both bodies have in common, with room for `rest` more bytes.
    fn up_to_signature(&self, rest: usize) -> Vec<u8> {
        debug_assert!(
            self.event.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)),
            "{:?} would need escaping",
            self.event
        );
        debug_assert!(self.data.starts_with('{') && self.data.ends_with('}'), "data is an object");
        let head_len = HEAD_LEN + self.event.len() + self.data.len();
        let mut body = Vec::with_capacity(head_len + rest);
        body.extend_from_slice(EVENT.as_bytes());
        body.extend_from_slice(self.event.as_bytes());
        body.extend_from_slice(TIMESTAMP.as_bytes());
        body.extend_from_slice(&self.timestamp.to_text());
        body.extend_from_slice(WEBHOOK_ID.as_bytes());
        body.extend_from_slice(&self.webhook_id.to_text());
        body.extend_from_slice(DATA.as_bytes());
        body.extend_from_slice(self.data.as_bytes());
        body.extend_from_slice(METADATA.as_bytes());
        body.extend_from_slice(&self.event_id.to_text());
        body.extend_from_slice(METADATA_END.as_bytes());
        debug_assert_eq!(body.len(), head_len, "a part is longer than its constant says");
        body
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::secret::Secret;

    fn envelope(data: &str) -> Envelope<'_> {
        Envelope {
            event: "call.ended",
            timestamp: Timestamp::parse("2025-01-15T14:30:25.123Z").expect("a time"),
            webhook_id: WebhookId::parse("wh_00f3w5g400001").expect("an id"),
            data,
            event_id: EventId::parse("evt_00f3w5g400200").expect("an id"),
        }
    }

    fn key() -> SigningKey {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        SigningKey::new(&secret)
    }

    #[test]
    fn the_body_is_what_the_contract_shows() {
        assert_eq!(
            envelope(r#"{"call_id":"c_1","duration":42}"#).unsigned(),
            concat!(
                r#"{"event":"call.ended","timestamp":"2025-01-15T14:30:25.123Z","#,
                r#""webhook_id":"wh_00f3w5g400001","data":{"call_id":"c_1","duration":42},"#,
                r#""metadata":{"version":"1.0","event_id":"evt_00f3w5g400200"}}"#,
            )
        );
    }

    #[test]
    fn a_body_takes_one_allocation_of_just_its_size() {
        for data in ["{}", r#"{"a":"é"}"#] {
            let text = envelope(data).unsigned();
            assert_eq!(text.len(), text.capacity());
            let start = envelope(data).up_to_signature(SIGNATURE_LEN);
            assert_eq!(start.capacity(), envelope(data).signed(&key()).body.len());
        }
    }

    #[test]
    fn the_digest_beside_the_body_is_of_the_whole_body() {
        let signed = envelope(r#"{"a":1}"#).signed(&key());
        assert_eq!(signed.body_hmac, key().sign_body(&signed.body));
    }

    #[test]
    fn deleting_the_member_and_stringifying_gives_the_signed_text() {
        let envelope = envelope(r#"{"name":"Zoë \"Z\"","signature":"mine","tags":[1,2.5]}"#);
        let signed = envelope.signed(&key());
        let mut value: Value = serde_json::from_slice(&signed.body).expect("JSON");
        let metadata = value["metadata"].as_object_mut().expect("an object");
        let signature = metadata.shift_remove("signature").expect("the member");
        let text = value.to_string();
        assert_eq!(text, envelope.unsigned());
        let expected = format!("sha256={}", hex::encode(key().sign_body(text.as_bytes())));
        assert_eq!(signature, Value::from(expected));
    }
}
