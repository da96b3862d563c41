//! What is signed, byte by byte, against values that were computed with Python's hmac and with
//! openssl, and against the example in the Standard Webhooks documentation.

use std::time::Duration;

use posthaste_core::envelope::{Envelope, SignedBody};
use posthaste_core::id::{EventId, WebhookId};
use posthaste_core::secret::{Secret, Secrets, SigningKey, SigningKeys};
use posthaste_core::signature::{
    AttemptHeaders, Occasion, SignatureFormat, USER_AGENT_TEXT, spell_standard,
};
use posthaste_core::time::Timestamp;

const CURRENT: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PREVIOUS: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const NOW_MS: i64 = 1_736_951_431_999;

const BODY: &str = concat!(
    r#"{"event":"call.ended","timestamp":"2025-01-15T14:30:25.123Z","#,
    r#""webhook_id":"wh_00f3w5g400001","#,
    r#""data":{"call_id":"c_1","duration":42,"note":"Zoë \"Z\""},"#,
    r#""metadata":{"version":"1.0","event_id":"evt_00f3w5g400200","#,
    r#""signature":"sha256=bd27511171ff2595f72e00fdf791d1306241a9be0508d6d2559389a8338efd54"}}"#,
);
const BODY_HEX: &str = "a4cdb394ac4a10f38937e3085ceb1c4d24b2761e7f44e9f9b41b0e812fefdb01";
const BODY_HEX_PREVIOUS: &str = "a1506ef68dcf537e51700f015ba06bde11b6e8b5fd188f0d268c2d2355620b63";
const STANDARD: &str = "v1,QQSQgUf0de7OJmOtWclCR01SC5wkX0HUlHX5D84DmtA=";
const STANDARD_PREVIOUS: &str = "v1,KTV2XmKJMFuudCPnrbehSt8RNvdqBVybmGGA0OFoW9w=";

fn secret(text: &str) -> Secret {
    Secret::parse(text).expect("a secret")
}

fn signed_body() -> SignedBody {
    Envelope {
        event: "call.ended",
        timestamp: Timestamp::parse("2025-01-15T14:30:25.123Z").expect("a time"),
        webhook_id: WebhookId::parse("wh_00f3w5g400001").expect("an id"),
        data: r#"{"call_id":"c_1","duration":42,"note":"Zoë \"Z\""}"#,
        event_id: EventId::parse("evt_00f3w5g400200").expect("an id"),
    }
    .signed(&SigningKey::new(&secret(CURRENT)))
}

/// Secrets that were rotated a minute before the attempt.
fn rotated(overlap: Duration) -> SigningKeys {
    let mut secrets = Secrets::new(secret(PREVIOUS));
    secrets.rotate(Timestamp::from_millis(NOW_MS - 60_000), secret(CURRENT), overlap);
    SigningKeys::new(&secrets)
}

fn check(
    format: SignatureFormat,
    occasion: Occasion,
    keys: &SigningKeys,
    expected: &[(&str, &str)],
) {
    let attempt = AttemptHeaders {
        event: "call.ended",
        event_id: EventId::parse("evt_00f3w5g400200").expect("an id"),
        attempt: 3,
        occasion,
        hops: 2,
        signature_format: format,
    };
    let headers = attempt.signed(Timestamp::from_millis(NOW_MS), &signed_body(), keys);
    let listed: Vec<(&str, String)> =
        headers.iter().map(|(name, value)| (name, value.to_text())).collect();
    let expected: Vec<_> =
        expected.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
    assert_eq!(listed, expected);
}

#[test]
fn the_example_of_the_standard_webhooks_documentation_verifies() {
    let digest = SigningKey::new(&secret(CURRENT)).sign_standard(
        b"msg_p5jXN8AQM9LWM0D4loKWxJek",
        b"1614265330",
        br#"{"test": 2432232314}"#,
    );
    assert_eq!(spell_standard(&digest), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn the_body_and_its_inner_signature_are_the_vectors() {
    let signed = signed_body();
    assert_eq!(std::str::from_utf8(&signed.body).expect("text"), BODY);
    assert_eq!(hex::encode(signed.body_hmac), BODY_HEX);
}

#[test]
fn an_attempt_carries_the_headers_of_the_contract() {
    let keys = SigningKeys::new(&Secrets::new(secret(CURRENT)));
    let prefixed = format!("sha256={BODY_HEX}");
    check(
        SignatureFormat::Hex,
        Occasion::Event,
        &keys,
        &[
            ("content-type", "application/json"),
            ("user-agent", USER_AGENT_TEXT),
            ("x-webhook-signature", BODY_HEX),
            ("x-webhook-signature-256", &prefixed),
            ("webhook-id", "evt_00f3w5g400200"),
            ("webhook-timestamp", "1736951431"),
            ("webhook-signature", STANDARD),
            ("x-webhook-event", "call.ended"),
            ("x-webhook-attempt", "3"),
        ],
    );
    assert!(USER_AGENT_TEXT.starts_with("Posthaste/"), "{USER_AGENT_TEXT}");
}

#[test]
fn events_of_contacts_say_through_how_many_webhooks_they_came() {
    let keys = SigningKeys::new(&Secrets::new(secret(CURRENT)));
    let hops = |event| {
        let attempt = AttemptHeaders {
            event,
            event_id: EventId::parse("evt_00f3w5g400200").expect("an id"),
            attempt: 1,
            occasion: Occasion::Event,
            hops: 2,
            signature_format: SignatureFormat::Hex,
        };
        attempt.signed(Timestamp::from_millis(NOW_MS), &signed_body(), &keys).get("x-webhook-hops")
    };
    assert_eq!(hops("contact").as_deref(), Some("3"));
    assert_eq!(hops("contact.delete").as_deref(), Some("3"));
    assert_eq!(hops("contact.created"), None);
    assert_eq!(hops("call.ended"), None);
}

#[test]
fn a_rotation_adds_the_old_secrets_signatures_in_the_same_format() {
    let list = format!("{STANDARD} {STANDARD_PREVIOUS}");
    let (new, old) = (format!("sha256={BODY_HEX}"), format!("sha256={BODY_HEX_PREVIOUS}"));
    check(
        SignatureFormat::Sha256Prefix,
        Occasion::Test,
        &rotated(Duration::from_secs(61)),
        &[
            ("content-type", "application/json"),
            ("user-agent", USER_AGENT_TEXT),
            ("x-webhook-signature", &new),
            ("x-webhook-signature-256", &new),
            ("x-webhook-signature-previous", &old),
            ("webhook-id", "evt_00f3w5g400200"),
            ("webhook-timestamp", "1736951431"),
            ("webhook-signature", &list),
            ("x-webhook-event", "call.ended"),
            ("x-webhook-attempt", "3"),
            ("x-webhook-test", "true"),
        ],
    );
}

#[test]
fn the_old_secret_signs_no_more_once_the_overlap_has_ended() {
    let prefixed = format!("sha256={BODY_HEX}");
    check(
        SignatureFormat::Hex,
        Occasion::Test,
        &rotated(Duration::from_secs(60)),
        &[
            ("content-type", "application/json"),
            ("user-agent", USER_AGENT_TEXT),
            ("x-webhook-signature", BODY_HEX),
            ("x-webhook-signature-256", &prefixed),
            ("webhook-id", "evt_00f3w5g400200"),
            ("webhook-timestamp", "1736951431"),
            ("webhook-signature", STANDARD),
            ("x-webhook-event", "call.ended"),
            ("x-webhook-attempt", "3"),
            ("x-webhook-test", "true"),
        ],
    );
}
