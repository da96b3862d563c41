//! The request headers of an attempt, packed: made once from the values themselves, spelled from
//! there onto the wire, stored as they are, and spelled again when somebody looks at them. Every
//! delivery has a dozen of them, most of which are digests and ids written out in text: as text
//! they take 640 bytes of a row, packed 130.
//!
//! A header is a name and a value; each starts with one byte that says what it is. The codes are
//! stored, so new ones go to the end.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::digits::{self, Decimal};
use crate::envelope::SHA256_PREFIX;
use crate::id::EventId;
use crate::secret::Digest;
use crate::signature::V1_PREFIX;
use crate::varint::Reader;

/// What is kept in place of a value that is none of ours to keep.
pub const REDACTED: &str = "[redacted]";

/// What all headers of an ordinary attempt take.
const USUAL_BYTES: usize = 160;

/// A name of the contract, by the code that stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum OwnHeader {
    ContentType = 1,
    UserAgent,
    Signature,
    Signature256,
    SignaturePrevious,
    WebhookId,
    WebhookTimestamp,
    WebhookSignature,
    Event,
    Attempt,
    Test,
    Hops,
}

/// Names by code; 0 is for all others.
const NAMES: [&str; 12] = [
    "content-type",
    "user-agent",
    "x-webhook-signature",
    "x-webhook-signature-256",
    "x-webhook-signature-previous",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "x-webhook-event",
    "x-webhook-attempt",
    "x-webhook-test",
    "x-webhook-hops",
];

const LITERAL: u8 = 0;
/// 64 hex digits.
const HEX: u8 = 1;
/// `sha256=` and 64 hex digits.
const SHA256_HEX: u8 = 2;
/// `sha256=` and the digest of the last value that was hex.
const SHA256_AGAIN: u8 = 3;
/// `v1,` and the base64 of 32 bytes.
const STANDARD: u8 = 4;
const NUMBER: u8 = 5;
const EVENT_ID: u8 = 6;
const JSON: u8 = 7;
const IS_REDACTED: u8 = 8;

/// A value, as what it is rather than as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentValue<'a> {
    Text(&'a str),
    Hex(&'a Digest),
    /// `sha256=` before the hex.
    Sha256Hex(&'a Digest),
    /// Standard Webhooks' spelling of one signature: `v1,` and base64.
    Standard(&'a Digest),
    Number(u64),
    EventId(EventId),
    /// `application/json`.
    Json,
    /// A customer's own header: its value is known to the webhook only.
    Redacted,
}

/// The headers of one attempt, in their order on the wire.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SentHeaders(Vec<u8>);

/// What was to be read back as headers is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request headers are damaged")]
pub struct DamagedHeaders;

impl SentHeaders {
    pub(crate) fn with_usual_room() -> SentHeaders {
        SentHeaders(Vec::with_capacity(USUAL_BYTES))
    }

    /// Reads back what [`SentHeaders::as_packed`] gave.
    pub fn from_packed(packed: Vec<u8>) -> Result<SentHeaders, DamagedHeaders> {
        let mut rest = Reader(&packed);
        let mut last = None;
        while !rest.0.is_empty() {
            read_one(&mut rest, &mut last).ok_or(DamagedHeaders)?;
        }
        Ok(SentHeaders(packed))
    }

    pub fn as_packed(&self) -> &[u8] {
        &self.0
    }

    pub fn push(&mut self, header: OwnHeader, value: SentValue<'_>) {
        self.0.push(header as u8);
        self.push_value(value);
    }

    /// `sha256=` and the digest that the last hex value had, which takes no room twice.
    pub(crate) fn push_sha256_again(&mut self, header: OwnHeader) {
        self.0.extend([header as u8, SHA256_AGAIN]);
        debug_assert!(SentHeaders::from_packed(self.0.clone()).is_ok(), "there was no digest");
    }

    /// A header of somebody else's choosing, or of any name.
    pub fn push_named(&mut self, name: &str, value: SentValue<'_>) {
        match NAMES.iter().position(|known| *known == name) {
            Some(position) => self.0.push(u8::try_from(position + 1).expect("a few names")),
            None => {
                self.0.push(LITERAL);
                self.push_text(name);
            }
        }
        self.push_value(value);
    }

    fn push_value(&mut self, value: SentValue<'_>) {
        let mut push_coded = |code: u8, bytes: &[u8]| {
            self.0.push(code);
            self.0.extend_from_slice(bytes);
        };
        match value {
            SentValue::Text(text) => {
                self.0.push(LITERAL);
                self.push_text(text);
            }
            SentValue::Hex(digest) => push_coded(HEX, digest),
            SentValue::Sha256Hex(digest) => push_coded(SHA256_HEX, digest),
            SentValue::Standard(digest) => push_coded(STANDARD, digest),
            SentValue::Number(number) => push_coded(NUMBER, &number.to_le_bytes()),
            SentValue::EventId(id) => push_coded(EVENT_ID, &id.as_raw().to_le_bytes()),
            SentValue::Json => self.0.push(JSON),
            SentValue::Redacted => self.0.push(IS_REDACTED),
        }
    }

    fn push_text(&mut self, text: &str) {
        let length = u32::try_from(text.len()).expect("a header is small");
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, SentValue<'_>)> {
        let mut rest = Reader(&self.0);
        let mut last = None;
        std::iter::from_fn(move || {
            let is_over = rest.0.is_empty();
            (!is_over).then(|| read_one(&mut rest, &mut last).expect("checked when it was made"))
        })
    }

    /// The text of the first value of a name.
    pub fn get(&self, name: &str) -> Option<String> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_text())
    }

    /// For HTTP/2, whose library wants them so.
    pub fn to_map(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in self.iter() {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("was a header's name");
            let value = HeaderValue::try_from(value.to_text()).expect("was a header's value");
            headers.append(name, value);
        }
        headers
    }
}

impl SentValue<'_> {
    /// Writes the value as it stands on the wire.
    pub fn spell(self, line: &mut Vec<u8>) {
        match self {
            SentValue::Text(text) => line.extend_from_slice(text.as_bytes()),
            SentValue::Hex(digest) => line.extend_from_slice(&digits::hex(digest)),
            SentValue::Sha256Hex(digest) => {
                line.extend_from_slice(SHA256_PREFIX.as_bytes());
                line.extend_from_slice(&digits::hex(digest));
            }
            SentValue::Standard(digest) => {
                line.extend_from_slice(V1_PREFIX.as_bytes());
                line.extend_from_slice(&digits::base64(digest));
            }
            SentValue::Number(number) => line.extend_from_slice(Decimal::of(number).as_bytes()),
            SentValue::EventId(id) => line.extend_from_slice(&id.to_text()),
            SentValue::Json => line.extend_from_slice(b"application/json"),
            SentValue::Redacted => line.extend_from_slice(REDACTED.as_bytes()),
        }
    }

    pub fn to_text(self) -> String {
        let mut line = Vec::new();
        self.spell(&mut line);
        String::from_utf8(line).expect("made of texts and digits")
    }
}

impl fmt::Debug for SentHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// `None` if this is no header. `last` is the last digest that was hex.
fn read_one<'p>(
    rest: &mut Reader<'p>,
    last: &mut Option<&'p Digest>,
) -> Option<(&'p str, SentValue<'p>)> {
    let name = match rest.byte()? {
        LITERAL => read_text(rest)?,
        code => NAMES.get(usize::from(code) - 1)?,
    };
    let value = match rest.byte()? {
        LITERAL => SentValue::Text(read_text(rest)?),
        HEX => SentValue::Hex(last.insert(rest.array_ref()?)),
        SHA256_HEX => SentValue::Sha256Hex(last.insert(rest.array_ref()?)),
        SHA256_AGAIN => SentValue::Sha256Hex((*last)?),
        STANDARD => SentValue::Standard(rest.array_ref()?),
        NUMBER => SentValue::Number(rest.u64()?),
        EVENT_ID => SentValue::EventId(EventId::from_raw(rest.u64()?)),
        JSON => SentValue::Json,
        IS_REDACTED => SentValue::Redacted,
        _ => return None,
    };
    Some((name, value))
}

fn read_text<'p>(rest: &mut Reader<'p>) -> Option<&'p str> {
    let length = usize::try_from(rest.u32()?).ok()?;
    std::str::from_utf8(rest.take(length)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: Digest = [0xa5; 32];

    fn check(value: SentValue<'_>, text: &str) {
        let mut headers = SentHeaders::default();
        headers.push(OwnHeader::Event, value);
        headers.push_named("x-own", value);
        let back = SentHeaders::from_packed(headers.as_packed().to_vec()).expect("own form");
        let expected = [("x-webhook-event", value), ("x-own", value)];
        assert_eq!(back.iter().collect::<Vec<_>>(), expected);
        assert_eq!(value.to_text(), text);
        assert_eq!(back.to_map()["x-own"], text);
    }

    #[test]
    fn every_kind_of_value_comes_back_and_has_its_text() {
        let hex = "a5".repeat(32);
        check(SentValue::Text("call.ended"), "call.ended");
        check(SentValue::Text(""), "");
        check(SentValue::Hex(&DIGEST), &hex);
        check(SentValue::Sha256Hex(&DIGEST), &format!("sha256={hex}"));
        let base64 = "paWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaU=";
        check(SentValue::Standard(&DIGEST), &format!("v1,{base64}"));
        check(SentValue::Number(0), "0");
        check(SentValue::Number(u64::MAX), "18446744073709551615");
        let id = EventId::parse("evt_06ymjjtdc0000").expect("an id");
        check(SentValue::EventId(id), "evt_06ymjjtdc0000");
        check(SentValue::Json, "application/json");
        check(SentValue::Redacted, REDACTED);
    }

    #[test]
    fn every_own_header_has_the_name_of_its_code() {
        assert_eq!(OwnHeader::Hops as usize, NAMES.len());
        let mut headers = SentHeaders::default();
        headers.push(OwnHeader::ContentType, SentValue::Json);
        headers.push(OwnHeader::Test, SentValue::Text("true"));
        assert_eq!(headers.get("content-type").as_deref(), Some("application/json"));
        assert_eq!(headers.get("x-webhook-test").as_deref(), Some("true"));
        let mut named = SentHeaders::default();
        named.push_named("content-type", SentValue::Json);
        named.push_named("x-webhook-test", SentValue::Text("true"));
        assert_eq!(named, headers);
    }

    #[test]
    fn a_digest_in_both_spellings_takes_room_once() {
        let mut headers = SentHeaders::default();
        headers.push(OwnHeader::Signature, SentValue::Hex(&DIGEST));
        headers.push_sha256_again(OwnHeader::Signature256);
        assert_eq!(headers.as_packed().len(), 2 + size_of::<Digest>() + 2);
        let values: Vec<_> = headers.iter().map(|(_, value)| value).collect();
        assert_eq!(values, [SentValue::Hex(&DIGEST), SentValue::Sha256Hex(&DIGEST)]);
    }

    proptest! {
        #[test]
        fn any_headers_come_back(
            values in proptest::collection::vec(("[a-z-]{1,20}", "[ -~]{0,80}"), 0..20)
        ) {
            let mut headers = SentHeaders::default();
            for (name, value) in &values {
                headers.push_named(name, SentValue::Text(value));
            }
            let back = SentHeaders::from_packed(headers.as_packed().to_vec()).expect("own form");
            let texts: Vec<_> =
                back.iter().map(|(name, value)| (name.to_owned(), value.to_text())).collect();
            prop_assert_eq!(texts, values);
        }

        #[test]
        fn junk_is_damage_and_never_a_panic(junk: Vec<u8>) {
            if let Ok(headers) = SentHeaders::from_packed(junk) {
                for (_, value) in headers.iter() {
                    value.to_text();
                }
            }
        }
    }
}
