//! Every mistake that receivers make with signatures, made on purpose, and what the verifier
//! says about it; and that whatever we sign verifies, unless one byte of it is changed.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use posthaste_core::envelope::Envelope;
use posthaste_core::id::{EventId, WebhookId};
use posthaste_core::secret::{Secret, Secrets, SigningKeys};
use posthaste_core::signature::{AttemptHeaders, Occasion, SignatureFormat, spell_standard};
use posthaste_core::time::Timestamp;
use posthaste_core::verify::{Reason, Report, SignatureName, Verdict, Verifier};
use proptest::prelude::*;
use sha2::Sha256;

const CURRENT: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PREVIOUS: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const STRANGER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const NOW: Timestamp = Timestamp::EPOCH;
const DATA: &str = r#"{"call_id":"c_1","note":"Zoë"}"#;

use SignatureName::{
    InBody, WebhookSignature, XWebhookSignature, XWebhookSignature256, XWebhookSignaturePrevious,
};

fn secret(text: &str) -> Secret {
    Secret::parse(text).expect("a secret")
}

/// Good enough for the bodies here; the real one is `canonical`'s.
fn canonicalise(text: &[u8]) -> Option<String> {
    serde_json::from_slice::<serde_json::Value>(text).ok().map(|value| value.to_string())
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let start = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    start.chain_update(text).finalize().into_bytes().into()
}

fn base64(bytes: &[u8; 32]) -> String {
    spell_standard(bytes).replacen("v1,", "", 1)
}

fn decoded(secret: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(&secret[6..]).expect("base64")
}

/// A request as it arrives, and what its receiver knows.
#[derive(Clone)]
struct Arrived {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    secret: Secret,
    previous: Option<Secret>,
    format: Option<SignatureFormat>,
    now: Timestamp,
}

impl Arrived {
    /// What we send, at [`NOW`], when `secrets` are current and, if two, previous.
    fn sent_with(secrets: &[&str], format: SignatureFormat, data: &str) -> Arrived {
        let mut live = Secrets::new(secret(secrets.last().expect("at least one")));
        if let [current, _] = secrets {
            live.rotate(NOW, secret(current), Duration::from_secs(60));
        }
        let keys = SigningKeys::new(&live);
        let event_id = EventId::from_raw(7 << 22);
        let signed = Envelope {
            event: "call.ended",
            timestamp: NOW,
            webhook_id: WebhookId::from_raw(3 << 22),
            data,
            event_id,
        }
        .signed(&keys.current);
        let attempt = AttemptHeaders {
            event: "call.ended",
            event_id,
            attempt: 1,
            occasion: Occasion::Event,
            hops: 0,
            signature_format: format,
        };
        let headers = attempt
            .signed(NOW, &signed, &keys)
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_text()))
            .collect();
        Arrived {
            headers,
            body: signed.body.to_vec(),
            secret: live.current,
            previous: None,
            format: None,
            now: NOW,
        }
    }

    fn sent() -> Arrived {
        Arrived::sent_with(&[CURRENT], SignatureFormat::Hex, DATA)
    }

    fn sent_during_rotation() -> Arrived {
        Arrived::sent_with(&[CURRENT, PREVIOUS], SignatureFormat::Hex, DATA)
    }

    fn get(&self, name: SignatureName) -> &str {
        let mut found = self.headers.iter().filter(|(key, _)| key == name.as_str());
        &found.next().expect("the header").1
    }

    fn without(mut self, name: &str) -> Arrived {
        self.headers.retain(|(key, _)| key != name);
        self
    }

    fn with(self, name: SignatureName, value: impl Into<String>) -> Arrived {
        let mut arrived = self.without(name.as_str());
        arrived.headers.push((name.as_str().to_owned(), value.into()));
        arrived
    }

    fn with_body(mut self, body: impl Into<Vec<u8>>) -> Arrived {
        self.body = body.into();
        self
    }

    fn knowing(mut self, current: &str, previous: Option<&str>) -> Arrived {
        self.secret = secret(current);
        self.previous = previous.map(secret);
        self
    }

    fn expecting(mut self, format: SignatureFormat) -> Arrived {
        self.format = Some(format);
        self
    }

    fn at(mut self, seconds: i64) -> Arrived {
        self.now = Timestamp::from_millis(seconds * 1000);
        self
    }

    /// `{id}.{timestamp}.{body}`.
    fn standard_text(&self) -> Vec<u8> {
        let value = |name| {
            let mut found = self.headers.iter().filter(|(key, _)| key == name);
            found.next().expect("the header").1.as_bytes()
        };
        let (id, timestamp) = (value("webhook-id"), value("webhook-timestamp"));
        [id, timestamp, &self.body].join(&b"."[..])
    }

    fn verify(&self) -> Report {
        let verifier = Verifier {
            previous: self.previous.as_ref(),
            format: self.format,
            ..Verifier::new(&self.secret, &canonicalise)
        };
        verifier.verify(self.now, &self.headers, &self.body)
    }
}

/// What is said about one signature.
#[track_caller]
fn check(arrived: &Arrived, name: SignatureName, expected: Verdict) {
    let report = arrived.verify();
    assert_eq!(report.verdict_of(name), expected, "{report:#?}");
}

/// What is said about one signature that fails, and about the request as a whole.
#[track_caller]
fn check_failed(arrived: &Arrived, name: SignatureName, expected: Reason) {
    check(arrived, name, Verdict::Failed(expected));
    assert_eq!(arrived.verify().verdict, Verdict::Failed(expected));
}

#[track_caller]
fn check_verified(arrived: &Arrived) {
    let report = arrived.verify();
    assert!(report.is_verified(), "{report:#?}");
}

#[test]
fn what_was_sent_verifies() {
    let report = Arrived::sent().verify();
    assert!(report.is_verified());
    for name in [XWebhookSignature, XWebhookSignature256, WebhookSignature, InBody] {
        assert_eq!(report.verdict_of(name), Verdict::Verified, "{name:?}");
    }
    assert_eq!(report.verdict_of(XWebhookSignaturePrevious), Verdict::Absent);
}

#[test]
fn both_formats_and_upper_case_verify_where_none_is_expected() {
    let prefixed = Arrived::sent_with(&[CURRENT], SignatureFormat::Sha256Prefix, DATA);
    check_verified(&prefixed);
    check_verified(&prefixed.expecting(SignatureFormat::Sha256Prefix));
    check_verified(&Arrived::sent().expecting(SignatureFormat::Hex));
    let sent = Arrived::sent();
    let upper = sent.get(XWebhookSignature).to_uppercase();
    check_verified(&sent.with(XWebhookSignature, upper));
}

#[test]
fn header_names_are_found_in_any_case() {
    let mut sent = Arrived::sent();
    for (name, _) in &mut sent.headers {
        *name = name.to_uppercase();
    }
    check(&sent, XWebhookSignature, Verdict::Verified);
    check(&sent, WebhookSignature, Verdict::Verified);
}

#[test]
fn a_prefix_where_bare_hex_is_expected_and_the_other_way_round() {
    let prefixed = Arrived::sent_with(&[CURRENT], SignatureFormat::Sha256Prefix, DATA);
    let arrived = prefixed.expecting(SignatureFormat::Hex);
    check_failed(&arrived, XWebhookSignature, Reason::UnexpectedPrefix);
    check(&arrived, XWebhookSignature256, Verdict::Verified);
    assert!(Reason::UnexpectedPrefix.to_string().contains("strip sha256="));

    let bare = Arrived::sent().expecting(SignatureFormat::Sha256Prefix);
    check_failed(&bare, XWebhookSignature, Reason::MissingPrefix);
    let sent = Arrived::sent();
    let bare = sent.get(XWebhookSignature).to_owned();
    check_failed(
        &sent.with(XWebhookSignature256, bare),
        XWebhookSignature256,
        Reason::MissingPrefix,
    );
}

#[test]
fn a_body_that_was_parsed_and_written_again() {
    let sent = Arrived::sent();
    let value: serde_json::Value = serde_json::from_slice(&sent.body).expect("JSON");
    let indented = serde_json::to_string_pretty(&value).expect("JSON");
    let escaped = String::from_utf8(sent.body.clone()).expect("text").replace('ë', "\\u00eb");
    for body in [indented, escaped] {
        let arrived = sent.clone().with_body(body);
        check_failed(&arrived, XWebhookSignature, Reason::BodyReserialised);
        check_failed(&arrived, XWebhookSignature256, Reason::BodyReserialised);
        check_failed(&arrived, WebhookSignature, Reason::BodyReserialised);
        // Deleting and stringifying is how this one is verified in the first place.
        check(&arrived, InBody, Verdict::Verified);
    }
}

#[test]
fn a_body_whose_members_were_put_in_another_order() {
    let sent = Arrived::sent();
    let mut value: serde_json::Value = serde_json::from_slice(&sent.body).expect("JSON");
    let data = value.as_object_mut().expect("an object").shift_remove("data").expect("data");
    value["data"] = data;
    let arrived = sent.with_body(value.to_string());
    check_failed(&arrived, InBody, Reason::BodyReordered);
    check(&arrived, XWebhookSignature, Verdict::Failed(Reason::Unknown));
}

#[test]
fn a_line_break_at_the_end_of_the_body() {
    for end in ["\n", "\r\n"] {
        let sent = Arrived::sent();
        let body = [&sent.body, end.as_bytes()].concat();
        let arrived = sent.with_body(body);
        check_failed(&arrived, XWebhookSignature, Reason::TrailingNewline);
        check_failed(&arrived, WebhookSignature, Reason::TrailingNewline);
        check(&arrived, InBody, Verdict::Verified);
    }
}

#[test]
fn the_old_secret() {
    let arrived = Arrived::sent_with(&[PREVIOUS], SignatureFormat::Hex, DATA)
        .knowing(CURRENT, Some(PREVIOUS));
    for name in [XWebhookSignature, XWebhookSignature256, WebhookSignature, InBody] {
        check_failed(&arrived, name, Reason::OldSecret);
    }
}

#[test]
fn a_rotation_verifies_with_both_secrets_and_with_the_new_one_alone() {
    let sent = Arrived::sent_during_rotation();
    let both = sent.clone().knowing(CURRENT, Some(PREVIOUS));
    check_verified(&both);
    check(&both, XWebhookSignaturePrevious, Verdict::Verified);
    check_verified(&sent);
    check(&sent, XWebhookSignaturePrevious, Verdict::Unchecked);
}

#[test]
fn a_receiver_that_missed_the_rotation() {
    let arrived = Arrived::sent_during_rotation().knowing(PREVIOUS, None);
    check_failed(&arrived, XWebhookSignature, Reason::SenderHasNewerSecret);
    check(&arrived, InBody, Verdict::Failed(Reason::SenderHasNewerSecret));
    check(&arrived, WebhookSignature, Verdict::Verified);
    check(&arrived, XWebhookSignaturePrevious, Verdict::Verified);
}

#[test]
fn the_new_secret_where_the_old_one_belongs() {
    let sent = Arrived::sent_during_rotation();
    let new = sent.get(XWebhookSignature).to_owned();
    let arrived = sent.with(XWebhookSignaturePrevious, new).knowing(CURRENT, Some(PREVIOUS));
    check_failed(&arrived, XWebhookSignaturePrevious, Reason::CurrentSecret);
}

#[test]
fn the_wrong_key_made_of_the_right_secret() {
    let sent = Arrived::sent();
    let hex_with = |key: &[u8]| hex::encode(hmac(key, &sent.body));
    let list_with = |key: &[u8]| spell_standard(&hmac(key, &sent.standard_text()));
    let check_hex = |key: &[u8], expected| {
        let arrived = sent.clone().with(XWebhookSignature, hex_with(key));
        check_failed(&arrived, XWebhookSignature, expected);
    };
    let check_list = |key: &[u8], expected| {
        let arrived = sent.clone().with(WebhookSignature, list_with(key));
        check_failed(&arrived, WebhookSignature, expected);
    };
    check_hex(&decoded(CURRENT), Reason::KeyDecoded);
    check_hex(&CURRENT.as_bytes()[6..], Reason::KeyWithoutPrefix);
    check_list(CURRENT.as_bytes(), Reason::KeyNotDecoded);
    check_list(&CURRENT.as_bytes()[6..], Reason::KeyWithoutPrefix);
}

#[test]
fn the_clock() {
    let sent = Arrived::sent().at(10_000);
    let check_sent_at = |timestamp: i64, expected| {
        let mut arrived = sent.clone().without("webhook-timestamp");
        arrived.headers.push(("webhook-timestamp".to_owned(), timestamp.to_string()));
        let list = spell_standard(&hmac(&decoded(CURRENT), &arrived.standard_text()));
        let arrived = arrived.with(WebhookSignature, list);
        check(&arrived, WebhookSignature, expected);
        check(&arrived, XWebhookSignature, Verdict::Verified);
    };
    check_sent_at(10_000, Verdict::Verified);
    check_sent_at(9_700, Verdict::Verified);
    check_sent_at(10_300, Verdict::Verified);
    check_sent_at(9_699, Verdict::Failed(Reason::TimestampTooOld { by_s: 301 }));
    check_sent_at(10_301, Verdict::Failed(Reason::TimestampInFuture { by_s: 301 }));
    check_sent_at(
        i64::MAX,
        Verdict::Failed(Reason::TimestampInFuture { by_s: i64::MAX.unsigned_abs() - 10_000 }),
    );
    check_sent_at(
        i64::MIN,
        Verdict::Failed(Reason::TimestampTooOld { by_s: i64::MIN.unsigned_abs() + 10_000 }),
    );
    let message = Reason::TimestampTooOld { by_s: 301 }.to_string();
    assert!(message.contains("301 s in the past"), "{message}");
}

#[test]
fn a_timestamp_that_is_no_number() {
    let mut arrived = Arrived::sent().without("webhook-timestamp");
    arrived.headers.push(("webhook-timestamp".to_owned(), "2025-01-15T14:30:25Z".to_owned()));
    let list = spell_standard(&hmac(&decoded(CURRENT), &arrived.standard_text()));
    let arrived = arrived.with(WebhookSignature, list);
    check_failed(&arrived, WebhookSignature, Reason::TimestampUnreadable);
}

#[test]
fn the_value_of_one_header_in_another() {
    let sent = Arrived::sent();
    let list = sent.get(WebhookSignature).to_owned();
    let check_swapped = |into: SignatureName, value: &str, belongs_in| {
        let arrived = sent.clone().with(into, value);
        check_failed(&arrived, into, Reason::WrongHeader(belongs_in));
    };
    check_swapped(XWebhookSignature, &list, WebhookSignature);
    check_swapped(XWebhookSignature256, &format!("sha256={list}"), WebhookSignature);
    check_swapped(WebhookSignature, sent.get(XWebhookSignature), XWebhookSignature);
    check_swapped(WebhookSignature, sent.get(XWebhookSignature256), XWebhookSignature);
    let hex_of_standard = hex::encode(hmac(&decoded(CURRENT), &sent.standard_text()));
    check_swapped(XWebhookSignature, &hex_of_standard, WebhookSignature);
    let body = String::from_utf8(sent.body.clone()).expect("text");
    let inner = body.rsplit('"').nth(1).expect("the last text");
    check_swapped(XWebhookSignature, inner, InBody);
}

#[test]
fn the_right_digest_in_the_wrong_spelling() {
    let sent = Arrived::sent();
    let digest = hmac(CURRENT.as_bytes(), &sent.body);
    let arrived = sent.clone().with(XWebhookSignature, base64(&digest));
    check_failed(&arrived, XWebhookSignature, Reason::HexExpected);
    let digest = hmac(&decoded(CURRENT), &sent.standard_text());
    let arrived = sent.with(WebhookSignature, format!("v1,{}", hex::encode(digest)));
    check_failed(&arrived, WebhookSignature, Reason::Base64Expected);
}

#[test]
fn only_the_body_was_signed_for_standard_webhooks() {
    let sent = Arrived::sent();
    let list = spell_standard(&hmac(&decoded(CURRENT), &sent.body));
    check_failed(
        &sent.with(WebhookSignature, list),
        WebhookSignature,
        Reason::BodyWithoutIdAndTimestamp,
    );
}

#[test]
fn values_that_are_cut_off_or_no_signature_at_all() {
    let sent = Arrived::sent();
    let check_hex = |value: &str, expected| {
        check_failed(&sent.clone().with(XWebhookSignature, value), XWebhookSignature, expected);
    };
    let hex = sent.get(XWebhookSignature);
    check_hex(&hex[..63], Reason::Truncated);
    check_hex(&hex[..40], Reason::Truncated);
    check_hex("", Reason::Truncated);
    check_hex(&format!("{hex}00"), Reason::NotHex);
    check_hex("undefined", Reason::NotHex);
    check_hex("v1,AAAA", Reason::NotHex);

    let check_list = |value: &str, expected| {
        check_failed(&sent.clone().with(WebhookSignature, value), WebhookSignature, expected);
    };
    let list = sent.get(WebhookSignature);
    check_list(&list[..list.len() - 1], Reason::Truncated);
    check_list("v1,", Reason::Truncated);
    check_list("v1,!", Reason::NotV1Base64);
    check_list("v1a,AAAA", Reason::NotV1Base64);
    check_list("", Reason::NotV1Base64);
}

#[test]
fn one_good_signature_of_the_list_is_enough() {
    let sent = Arrived::sent();
    let good = sent.get(WebhookSignature).to_owned();
    let other = spell_standard(&[7; 32]);
    for list in [format!("{other} {good}"), format!("v1a,AAAA {good}"), format!("{good} rest")] {
        check_verified(&sent.clone().with(WebhookSignature, list));
    }
    check_failed(&sent.with(WebhookSignature, other), WebhookSignature, Reason::Unknown);
}

#[test]
fn missing_headers() {
    for name in ["webhook-id", "webhook-timestamp"] {
        let arrived = Arrived::sent().without(name);
        check_failed(&arrived, WebhookSignature, Reason::MissingHeader(name));
    }
    let mut arrived = Arrived::sent();
    arrived.headers.clear();
    // The one in the body is right, but a receiver that looks for headers finds none.
    let report = arrived.verify();
    assert_eq!(report.verdict, Verdict::Failed(Reason::NoSignature));
    assert_eq!(report.verdict_of(InBody), Verdict::Verified);
    let report = arrived.with_body(r#"{"event":"call.ended"}"#).verify();
    assert_eq!(report.verdict, Verdict::Failed(Reason::NoSignature));
    assert!(report.findings.iter().all(|finding| finding.verdict == Verdict::Absent));
}

#[test]
fn another_secret_or_another_body() {
    let arrived = Arrived::sent().knowing(STRANGER, Some(PREVIOUS));
    for name in [XWebhookSignature, XWebhookSignature256, WebhookSignature, InBody] {
        check_failed(&arrived, name, Reason::Unknown);
    }
    let sent = Arrived::sent();
    let body = String::from_utf8(sent.body.clone()).expect("text").replace("c_1", "c_2");
    let arrived = sent.with_body(body);
    for name in [XWebhookSignature, XWebhookSignature256, WebhookSignature, InBody] {
        check_failed(&arrived, name, Reason::Unknown);
    }
}

#[test]
fn the_bodies_of_other_senders_need_no_signature_inside() {
    for body in ["", "no JSON", "[1]", r#"{"metadata":"x"}"#, r#"{"a":{"b":1,"signature":"s"}}"#] {
        let arrived = Arrived::sent().with_body(body);
        let hex = hex::encode(hmac(CURRENT.as_bytes(), body.as_bytes()));
        let list = spell_standard(&hmac(&decoded(CURRENT), &arrived.standard_text()));
        let arrived = arrived
            .with(XWebhookSignature256, format!("sha256={hex}"))
            .with(XWebhookSignature, hex)
            .with(WebhookSignature, list);
        check_verified(&arrived);
        check(&arrived, InBody, Verdict::Absent);
    }
}

#[test]
fn a_summary_is_for_programs_and_for_people() {
    let mut arrived = Arrived::sent().without("x-webhook-signature-256");
    arrived.body.push(b'\n');
    let summary = serde_json::to_value(arrived.verify().summary()).expect("plain values");
    assert_eq!(summary["verdict"], "failed");
    assert_eq!(summary["reason"], "trailing_newline");
    assert_eq!(summary["message"], "a line break was added at the end of the body");
    let first = serde_json::json!({
        "name": "x-webhook-signature", "verdict": "failed", "reason": "trailing_newline",
        "message": "a line break was added at the end of the body",
    });
    assert_eq!(summary["signatures"][0], first);
    let second = serde_json::json!({
        "name": "x-webhook-signature-256", "verdict": "absent", "reason": null,
        "message": "not received",
    });
    assert_eq!(summary["signatures"][1], second);
}

/// A canonical `data` object with a text of any characters in it.
fn any_data() -> impl Strategy<Value = String> {
    (any::<String>(), any::<u32>(), any::<bool>()).prop_map(|(text, number, flag)| {
        serde_json::json!({ "text": text, "signature": number, "flag": flag }).to_string()
    })
}

proptest! {
    #[test]
    fn whatever_we_send_verifies(data in any_data(), prefixed in any::<bool>(), rotating in any::<bool>()) {
        let format = if prefixed { SignatureFormat::Sha256Prefix } else { SignatureFormat::Hex };
        let secrets: &[&str] = if rotating { &[CURRENT, PREVIOUS] } else { &[CURRENT] };
        let previous = rotating.then_some(PREVIOUS);
        let arrived = Arrived::sent_with(secrets, format, &data)
            .knowing(CURRENT, previous)
            .expecting(format);
        let report = arrived.verify();
        prop_assert!(report.is_verified(), "{:#?}", report);
    }

    #[test]
    fn any_changed_byte_of_the_body_fails_every_header(
        data in any_data(), place in any::<prop::sample::Index>(), change in 1_u8..,
    ) {
        let mut arrived = Arrived::sent_with(&[CURRENT], SignatureFormat::Hex, &data);
        let place = place.index(arrived.body.len());
        arrived.body[place] ^= change;
        let report = arrived.verify();
        for name in [XWebhookSignature, XWebhookSignature256, WebhookSignature] {
            prop_assert!(matches!(report.verdict_of(name), Verdict::Failed(_)), "{:#?}", report);
        }
        prop_assert!(!report.is_verified());
    }

    #[test]
    fn the_signature_inside_is_of_the_body_without_that_member(data in any_data()) {
        let arrived = Arrived::sent_with(&[CURRENT], SignatureFormat::Hex, &data);
        let body = String::from_utf8(arrived.body).expect("text");
        let (unsigned, value) = body.rsplit_once(r#","signature":"sha256="#).expect("the member");
        let unsigned = format!("{unsigned}}}}}");
        prop_assert_eq!(
            value.strip_suffix(r#""}}"#).expect("the end"),
            hex::encode(hmac(CURRENT.as_bytes(), unsigned.as_bytes()))
        );
        let mut value: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        value["metadata"].as_object_mut().expect("an object").shift_remove("signature");
        prop_assert_eq!(value.to_string(), unsigned);
    }

    #[test]
    fn hostile_values_never_panic(
        value in any::<String>(), other in any::<String>(), body in any::<Vec<u8>>(),
    ) {
        let mut arrived = Arrived::sent().with_body(body);
        for (position, (_, header)) in arrived.headers.iter_mut().enumerate() {
            *header = if position % 2 == 0 { value.clone() } else { other.clone() };
        }
        prop_assert!(!arrived.verify().is_verified());
    }
}
