//! The request headers of an attempt, packed. Every delivery stores a dozen of them, most of which
//! are digests and ids written out in text: as text they take 640 bytes of a row, packed 130.
//!
//! A header is a name and a value; each starts with one byte that says what it is. Nothing is
//! guessed on the way back: a value is packed only if unpacking gives the same bytes, and anything
//! else is kept as it is. The codes are stored, so new ones go to the end.

use std::str::FromStr as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use posthaste_core::id::EventId;

use super::fault::Fault;

/// What is stored in place of a value that is none of ours to keep.
pub const REDACTED: &str = "[redacted]";

/// Names by code; 0 is for all others.
const NAMES: [&str; 11] = [
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
];

const LITERAL: u8 = 0;
/// 64 hex digits.
const HEX: u8 = 1;
/// `sha256=` and 64 hex digits.
const SHA256_HEX: u8 = 2;
/// `sha256=` and the digest of the value before.
const SHA256_SAME: u8 = 3;
/// `v1,` and the base64 of 32 bytes.
const V1: u8 = 4;
/// A number without leading zeros.
const NUMBER: u8 = 5;
const EVENT_ID: u8 = 6;
const JSON: u8 = 7;

const JSON_TEXT: &str = "application/json";

pub fn pack(headers: &HeaderMap) -> Vec<u8> {
    let mut packed = Vec::with_capacity(160);
    let mut last_digest = None;
    for (name, value) in headers {
        match NAMES.iter().position(|known| *known == name.as_str()) {
            Some(code) => packed.push(u8::try_from(code + 1).expect("a few names")),
            None => {
                packed.push(LITERAL);
                push_bytes(&mut packed, name.as_str().as_bytes());
            }
        }
        let value = if value.is_sensitive() { REDACTED.as_bytes() } else { value.as_bytes() };
        let text = std::str::from_utf8(value).unwrap_or_default();
        if pack_value(&mut packed, text, &mut last_digest).is_none() {
            packed.push(LITERAL);
            push_bytes(&mut packed, value);
        }
    }
    packed
}

/// `None` and nothing written if the value has none of the known shapes.
fn pack_value(packed: &mut Vec<u8>, text: &str, last: &mut Option<[u8; 32]>) -> Option<()> {
    if text == JSON_TEXT {
        packed.push(JSON);
    } else if let Some(digest) = hex_digest(text) {
        packed.push(HEX);
        packed.extend(digest);
        *last = Some(digest);
    } else if let Some(digest) = text.strip_prefix("sha256=").and_then(hex_digest) {
        if *last == Some(digest) {
            packed.push(SHA256_SAME);
        } else {
            packed.push(SHA256_HEX);
            packed.extend(digest);
            *last = Some(digest);
        }
    } else if let Some(digest) = text.strip_prefix("v1,").and_then(base64_digest) {
        packed.push(V1);
        packed.extend(digest);
    } else if let Some(number) = number(text) {
        packed.push(NUMBER);
        packed.extend(number.to_le_bytes());
    } else {
        let id = EventId::parse(text).ok()?;
        packed.push(EVENT_ID);
        packed.extend(id.as_raw().to_le_bytes());
    }
    Some(())
}

fn hex_digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    hex::decode_to_slice(text, &mut digest).ok()?;
    // Upper-case digits would come back in lower case.
    text.bytes().all(|byte| !byte.is_ascii_uppercase()).then_some(digest)
}

fn base64_digest(text: &str) -> Option<[u8; 32]> {
    let digest: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
    (STANDARD.encode(digest) == text).then_some(digest)
}

fn number(text: &str) -> Option<u64> {
    let number = u64::from_str(text).ok()?;
    let is_plain = text == "0" || !text.starts_with(['0', '+']);
    is_plain.then_some(number)
}

fn push_bytes(packed: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a header is small");
    packed.extend(length.to_le_bytes());
    packed.extend(bytes);
}

pub fn unpack(packed: &[u8]) -> Result<HeaderMap, Fault> {
    let mut rest = Rest(packed);
    let mut headers = HeaderMap::new();
    let mut last_digest = None;
    while !rest.0.is_empty() {
        let (name, value) = unpack_one(&mut rest, &mut last_digest)
            .ok_or_else(|| Fault::damaged("the request headers of an attempt"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn unpack_one(
    rest: &mut Rest<'_>,
    last: &mut Option<[u8; 32]>,
) -> Option<(HeaderName, HeaderValue)> {
    let name = match rest.byte()? {
        LITERAL => HeaderName::from_bytes(rest.bytes()?).ok()?,
        code => HeaderName::from_static(NAMES.get(usize::from(code) - 1)?),
    };
    let text = match rest.byte()? {
        LITERAL => return Some((name, HeaderValue::from_bytes(rest.bytes()?).ok()?)),
        HEX => hex::encode(last.insert(rest.array()?)),
        SHA256_HEX => format!("sha256={}", hex::encode(last.insert(rest.array()?))),
        SHA256_SAME => format!("sha256={}", hex::encode((*last)?)),
        V1 => format!("v1,{}", STANDARD.encode(rest.array::<32>()?)),
        NUMBER => u64::from_le_bytes(rest.array()?).to_string(),
        EVENT_ID => EventId::from_raw(u64::from_le_bytes(rest.array()?)).to_string(),
        JSON => JSON_TEXT.to_owned(),
        _ => return None,
    };
    Some((name, HeaderValue::from_str(&text).ok()?))
}

/// What is still to be read.
struct Rest<'p>(&'p [u8]);

impl<'p> Rest<'p> {
    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn bytes(&mut self) -> Option<&'p [u8]> {
        let length = usize::try_from(u32::from_le_bytes(self.array()?)).ok()?;
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "5f0c24b1a0d1f7f6a9cf1a53d6d1ed0f9a1e7c9b0a8d3c6e5f4b2a1908776655";

    fn sent() -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut add = |name: &'static str, value: &str| {
            headers.append(name, HeaderValue::from_str(value).expect("visible"));
        };
        add("content-type", "application/json");
        add("user-agent", "Posthaste/0.1.0");
        add("x-webhook-signature", DIGEST);
        add("x-webhook-signature-256", &format!("sha256={DIGEST}"));
        add("webhook-id", "evt_06ymjjtdc0000");
        add("webhook-timestamp", "1736951425");
        add("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        add("x-webhook-event", "call.ended");
        add("x-webhook-attempt", "1");
        headers
    }

    #[test]
    fn what_every_delivery_sends_becomes_a_fifth() {
        let headers = sent();
        let packed = pack(&headers);
        assert_eq!(unpack(&packed).expect("own form"), headers);
        assert!(packed.len() <= 150, "{} bytes", packed.len());
    }

    #[test]
    fn what_looks_like_a_known_shape_and_is_not_comes_back_unchanged() {
        let upper = DIGEST.to_ascii_uppercase();
        let two = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,abc";
        let odd =
            ["007", "+7", "", "-1", "v1,", "sha256=", &upper, two, "evt_", "18446744073709551616"];
        for value in odd {
            let mut headers = HeaderMap::new();
            headers.insert("x-webhook-signature", HeaderValue::from_str(value).expect("visible"));
            assert_eq!(unpack(&pack(&headers)).expect("own form"), headers, "{value:?}");
        }
    }

    #[test]
    fn a_sensitive_value_is_not_stored() {
        let mut headers = HeaderMap::new();
        let mut secret = HeaderValue::from_static("Bearer abc");
        secret.set_sensitive(true);
        headers.insert("authorization", secret);
        let back = unpack(&pack(&headers)).expect("own form");
        assert_eq!(back["authorization"], REDACTED);
    }

    proptest! {
        #[test]
        fn any_headers_come_back(
            values in proptest::collection::vec(("[a-z-]{1,20}", "[ -~]{0,80}"), 0..20)
        ) {
            let mut headers = HeaderMap::new();
            for (name, value) in values {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("letters");
                headers.append(name, HeaderValue::from_str(&value).expect("visible"));
            }
            prop_assert_eq!(unpack(&pack(&headers)).expect("own form"), headers);
        }

        #[test]
        fn junk_is_damage_and_never_a_panic(junk: Vec<u8>) {
            let _ = unpack(&junk);
        }
    }
}
