//! Whether a request comes from who shares a secret with us, in the five ways in which senders show
//! it. Every comparison takes the same time, however much of a guess is right.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::alphabet::{STANDARD as STANDARD_ALPHABET, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::{SharedSecret, Verification, VerificationScheme};
use crate::error::Invalid;
use crate::secret::{Digest, SECRET_PREFIX, Secret, keyed};
use crate::time::Timestamp;
use crate::verify::{self, SignatureName, TOLERANCE, Verifier};

/// Of a secret; every provider's is much shorter.
const SECRET_CHARS_MAX: usize = 500;
/// Shorter ones can be guessed by who has one signature.
const SECRET_CHARS_MIN: usize = 8;
/// Signatures looked at in one header: a rotation has two.
const SIGNATURES_MAX: usize = 16;

/// Base64 with or without padding, which providers do not agree on.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD_ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const LENIENT_URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a signature covers.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    /// What the sender may have called our URL, query included: behind a proxy it is not known.
    pub urls: &'a [String],
    pub body: &'a [u8],
}

impl SharedSecret {
    /// Checks that it can be a secret of that scheme. No message repeats it.
    pub fn parse(scheme: VerificationScheme, text: &str) -> Result<SharedSecret, Invalid> {
        let text = text.trim();
        let chars = text.chars().count();
        if !(SECRET_CHARS_MIN..=SECRET_CHARS_MAX).contains(&chars) {
            let message =
                format!("a secret has {SECRET_CHARS_MIN} to {SECRET_CHARS_MAX} characters");
            return Err(Invalid::at("", message));
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid::at("", "must not contain control characters"));
        }
        if scheme == VerificationScheme::StandardWebhooks && standard_key(text).is_none() {
            let message = "must be whsec_ and base64, as Standard Webhooks has it";
            return Err(Invalid::at("", message));
        }
        Ok(SharedSecret::new(text.to_owned()))
    }
}

/// Why a request is not verified, for whoever set the verification up.
type Fault = String;

impl Verification {
    /// `Err` says why not.
    pub fn check(&self, now: Timestamp, request: SignedRequest<'_>) -> Result<(), Fault> {
        let secret = self.secret.expose();
        match self.scheme {
            VerificationScheme::Posthaste => posthaste(now, secret, request),
            VerificationScheme::StandardWebhooks => standard(now, secret, request),
            VerificationScheme::Github => github(secret, request),
            VerificationScheme::Stripe => stripe(now, secret, request),
            VerificationScheme::Twilio => twilio(secret, request),
        }
    }
}

impl<'a> SignedRequest<'a> {
    fn header(&self, wanted: &str) -> Option<&'a str> {
        let found = self.headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.trim())
    }

    fn required(&self, name: &str) -> Result<&'a str, Fault> {
        self.header(name).ok_or_else(|| format!("the header {name} is missing"))
    }
}

/// As we sign ourselves: the whole secret as text is the key, the body is what is signed.
fn posthaste(now: Timestamp, secret: &str, request: SignedRequest<'_>) -> Result<(), Fault> {
    let plain = [SignatureName::XWebhookSignature, SignatureName::XWebhookSignature256]
        .into_iter()
        .filter_map(|name| request.header(name.as_str()).map(|value| (name, value)));
    let mut fault = None;
    for (name, value) in plain {
        let expected = hmac_sha256(secret.as_bytes(), &[request.body]);
        if is_hex_of(&expected, value.strip_prefix("sha256=").unwrap_or(value)) {
            return Ok(());
        }
        fault.get_or_insert((name, value));
    }
    match fault {
        None => Err("neither x-webhook-signature nor x-webhook-signature-256 is there".to_owned()),
        Some((name, _)) => {
            Err(diagnosis(now, secret, name, request).unwrap_or_else(|| wrong(name.as_str())))
        }
    }
}

fn standard(now: Timestamp, secret: &str, request: SignedRequest<'_>) -> Result<(), Fault> {
    let id = request.required("webhook-id")?;
    let timestamp = request.required("webhook-timestamp")?;
    let signatures = request.required("webhook-signature")?;
    let key = standard_key(secret).ok_or("the secret is no base64")?;
    let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", request.body];
    let expected = hmac_sha256(&key, &parts);
    let is_right = signatures
        .split(' ')
        .take(SIGNATURES_MAX)
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .any(|signature| is_base64_of(&expected, signature));
    if !is_right {
        let name = SignatureName::WebhookSignature;
        return Err(diagnosis(now, secret, name, request).unwrap_or_else(|| wrong(name.as_str())));
    }
    fresh(now, timestamp, "webhook-timestamp")
}

fn github(secret: &str, request: SignedRequest<'_>) -> Result<(), Fault> {
    const NAME: &str = "x-hub-signature-256";
    let value = match request.header(NAME) {
        Some(value) => value,
        None if request.header("x-hub-signature").is_some() => {
            return Err(format!("only x-hub-signature is there, which is SHA-1: send {NAME}"));
        }
        None => return Err(format!("the header {NAME} is missing")),
    };
    let digits = value.strip_prefix("sha256=").ok_or("x-hub-signature-256 lacks sha256=")?;
    let expected = hmac_sha256(secret.as_bytes(), &[request.body]);
    if is_hex_of(&expected, digits) { Ok(()) } else { Err(wrong(NAME)) }
}

/// `t=1492774577,v1=…,v1=…`, over the time, a full stop and the body.
fn stripe(now: Timestamp, secret: &str, request: SignedRequest<'_>) -> Result<(), Fault> {
    const NAME: &str = "stripe-signature";
    let value = request.required(NAME)?;
    let parts = || value.split(',').filter_map(|part| part.trim().split_once('='));
    let timestamp = parts()
        .find_map(|(name, value)| (name == "t").then_some(value))
        .ok_or("stripe-signature has no t=")?;
    let expected = hmac_sha256(secret.as_bytes(), &[timestamp.as_bytes(), b".", request.body]);
    let mut signatures = parts()
        .filter_map(|(name, value)| (name == "v1").then_some(value))
        .take(SIGNATURES_MAX)
        .peekable();
    if signatures.peek().is_none() {
        return Err("stripe-signature has no v1=".to_owned());
    }
    if !signatures.any(|signature| is_hex_of(&expected, signature)) {
        return Err(wrong(NAME));
    }
    fresh(now, timestamp, "the time in stripe-signature")
}

/// Base64 of HMAC-SHA1 over the URL and the form's fields, sorted by name. Any other body is
/// covered by its hash in the URL's query.
fn twilio(secret: &str, request: SignedRequest<'_>) -> Result<(), Fault> {
    const NAME: &str = "x-twilio-signature";
    let value = request.required(NAME)?;
    let content_type = request.header("content-type").unwrap_or_default();
    let is_form = content_type.starts_with("application/x-www-form-urlencoded");
    // Of a name sent twice, each value counts once.
    let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    if is_form {
        for (name, text) in form_urlencoded::parse(request.body) {
            fields.entry(name.into_owned()).or_default().insert(text.into_owned());
        }
    }
    let mut told = Err("none of the URLs that this webhook may be called by was signed".to_owned());
    for url in request.urls {
        let mut hmac =
            Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
        hmac.update(url.as_bytes());
        for (name, texts) in &fields {
            for text in texts {
                hmac.update(name.as_bytes());
                hmac.update(text.as_bytes());
            }
        }
        if is_base64_of(&hmac.finalize().into_bytes(), value) {
            told = covers_body(url, is_form, request.body);
            break;
        }
    }
    told.map_err(|why: String| format!("{NAME} does not verify: {why}"))
}

/// A form is signed itself; for anything else the signed URL has the body's hash in it.
fn covers_body(url: &str, is_form: bool, body: &[u8]) -> Result<(), Fault> {
    if is_form || body.is_empty() {
        return Ok(());
    }
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let given = form_urlencoded::parse(query.as_bytes())
        .find_map(|(name, value)| name.eq_ignore_ascii_case("bodysha256").then_some(value));
    let given = given.ok_or("the body is no form, and the URL has no bodySHA256 that covers it")?;
    let expected: Digest = Sha256::digest(body).into();
    if is_hex_of(&expected, &given) {
        Ok(())
    } else {
        Err("the body is another than bodySHA256 in the URL says".to_owned())
    }
}

/// What was done wrong, where the mistakes that are usually made show it. Asked only of a secret in
/// our own form, and never leads to a request being taken.
fn diagnosis(
    now: Timestamp,
    secret: &str,
    name: SignatureName,
    request: SignedRequest<'_>,
) -> Option<Fault> {
    let secret = Secret::parse(secret).ok()?;
    let as_it_is = |_: &[u8]| None;
    let report = Verifier::new(&secret, &as_it_is).verify(now, request.headers, request.body);
    match report.verdict_of(name) {
        verify::Verdict::Failed(reason) => {
            Some(format!("{} does not verify: {reason}", name.as_str()))
        }
        _ => None,
    }
}

fn wrong(name: &str) -> Fault {
    format!("{name} does not verify: it was made with another secret, or of another body")
}

fn fresh(now: Timestamp, unix_seconds: &str, what: &str) -> Result<(), Fault> {
    let seconds: i64 =
        unix_seconds.parse().map_err(|_| format!("{what} is not a number of unix seconds"))?;
    let signed = Timestamp::from_millis(seconds.saturating_mul(1_000));
    let (past, ahead) = (now.since(signed), signed.since(now));
    if past > TOLERANCE {
        Err(format!("{what} is {} s in the past: the request is old or repeated", past.as_secs()))
    } else if ahead > TOLERANCE {
        Err(format!("{what} is {} s in the future: a clock is wrong", ahead.as_secs()))
    } else {
        Ok(())
    }
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Digest {
    let mut hmac = keyed(key);
    for part in parts {
        hmac.update(part);
    }
    hmac.finalize().into_bytes().into()
}

/// The key of Standard Webhooks: the decoded base64.
fn standard_key(secret: &str) -> Option<Zeroizing<Vec<u8>>> {
    let base64 = secret.strip_prefix(SECRET_PREFIX).unwrap_or(secret);
    let key = LENIENT.decode(base64).or_else(|_| LENIENT_URL_SAFE.decode(base64)).ok()?;
    (!key.is_empty()).then(|| Zeroizing::new(key))
}

fn is_hex_of(expected: &[u8], digits: &str) -> bool {
    let digest = hex::decode(digits.trim()).unwrap_or_default();
    digest.ct_eq(expected).into()
}

fn is_base64_of(expected: &[u8], text: &str) -> bool {
    let digest = general_purpose::STANDARD.decode(text.trim()).unwrap_or_default();
    digest.ct_eq(expected).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(unix_seconds: i64) -> Timestamp {
        Timestamp::from_millis(unix_seconds * 1_000)
    }

    struct Case<'a> {
        scheme: VerificationScheme,
        secret: &'a str,
        headers: &'a [(&'a str, &'a str)],
        url: &'a str,
        body: &'a str,
        now: Timestamp,
    }

    impl Case<'_> {
        fn outcome(&self) -> Result<(), String> {
            let headers: Vec<(String, String)> = self
                .headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            let urls = ["https://other.example/in/x".to_owned(), self.url.to_owned()];
            let secret = SharedSecret::parse(self.scheme, self.secret).expect("a secret");
            let verification = Verification { scheme: self.scheme, secret };
            let body = self.body.as_bytes();
            verification.check(self.now, SignedRequest { headers: &headers, urls: &urls, body })
        }

        #[track_caller]
        fn verifies(&self) {
            assert_eq!(self.outcome(), Ok(()));
        }

        #[track_caller]
        fn fails(&self, why: &str) {
            let reason = self.outcome().expect_err("not verified");
            assert!(reason.contains(why), "{reason}");
            assert!(!reason.contains(self.secret), "{reason}");
        }
    }

    #[test]
    fn github_s_own_example_verifies() {
        // From GitHub's page on validating webhook deliveries.
        let case = Case {
            scheme: VerificationScheme::Github,
            secret: "It's a Secret to Everybody",
            headers: &[(
                "x-hub-signature-256",
                "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            )],
            url: "",
            body: "Hello, World!",
            now: at(0),
        };
        case.verifies();
        Case { body: "Hello, World?", ..case }.fails("another secret");
        Case { secret: "It's no Secret", ..case }.fails("another secret");
        Case { headers: &[], ..case }.fails("x-hub-signature-256 is missing");
        Case { headers: &[("x-hub-signature", "sha1=00")], ..case }.fails("which is SHA-1");
        Case { headers: &[("x-hub-signature-256", "00")], ..case }.fails("sha256=");
        Case { headers: &[("x-hub-signature-256", "sha256=")], ..case }.fails("does not verify");
    }

    #[test]
    fn twilio_s_own_example_verifies() {
        // From Twilio's page on webhooks security.
        let case = Case {
            scheme: VerificationScheme::Twilio,
            secret: "12345",
            headers: &[
                ("content-type", "application/x-www-form-urlencoded"),
                ("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            ],
            url: "https://mycompany.com/myapp.php?foo=1&bar=2",
            body: "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212",
            now: at(0),
        };
        // Its token is shorter than any that we take.
        let verification =
            Verification { scheme: case.scheme, secret: SharedSecret::new(case.secret.to_owned()) };
        let headers: Vec<(String, String)> = case
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        let urls = [case.url.to_owned()];
        let check = |body: &str, urls: &[String]| {
            verification
                .check(case.now, SignedRequest { headers: &headers, urls, body: body.as_bytes() })
        };
        assert_eq!(check(case.body, &urls), Ok(()));
        let reordered = "To=%2B18005551212&From=%2B14158675309&Digits=1234&Caller=%2B14158675309&CallSid=CA1234567890ABCDE";
        assert_eq!(check(reordered, &urls), Ok(()), "sorted before it is signed");
        assert!(check(&case.body.replace("1234&", "1235&"), &urls).is_err());
        assert!(check(case.body, &["https://mycompany.com/myapp.php".to_owned()]).is_err());
        assert!(check(case.body, &[]).is_err());
    }

    #[test]
    fn a_body_that_is_no_form_is_covered_by_its_hash_in_the_url() {
        let body = r#"{"phone":"+12025550187"}"#;
        let digest = hex::encode(Sha256::digest(body));
        let url = format!("https://ours.example/in/t/contact?bodySHA256={digest}");
        let mut hmac = Hmac::<Sha1>::new_from_slice(b"an auth token").expect("any length");
        hmac.update(url.as_bytes());
        let signature = general_purpose::STANDARD.encode(hmac.finalize().into_bytes());
        let headers = [("content-type", "application/json"), ("x-twilio-signature", &signature)];
        let case = Case {
            scheme: VerificationScheme::Twilio,
            secret: "an auth token",
            headers: &headers,
            url: &url,
            body,
            now: at(0),
        };
        case.verifies();
        Case { body: r#"{"phone":"+12025550188"}"#, ..case }.fails("bodySHA256");
        Case { url: "https://ours.example/in/t/contact", ..case }.fails("none of the URLs");
        Case { headers: &headers[..1], ..case }.fails("x-twilio-signature is missing");
    }

    #[test]
    fn stripe_s_form_is_time_and_body() {
        let body = r#"{"phone":"+12025550187"}"#;
        let secret = "whsec_test_secret";
        let mac = |seconds: &str| {
            hex::encode(hmac_sha256(secret.as_bytes(), &[format!("{seconds}.{body}").as_bytes()]))
        };
        let header = format!("t=1492774577,v0=00,v1={},v1={}", "00".repeat(32), mac("1492774577"));
        let headers = [("stripe-signature", header.as_str())];
        let case = Case {
            scheme: VerificationScheme::Stripe,
            secret,
            headers: &headers,
            url: "",
            body,
            now: at(1_492_774_577),
        };
        case.verifies();
        Case { now: at(1_492_774_577 + 300), ..case }.verifies();
        Case { now: at(1_492_774_577 + 302), ..case }.fails("302 s in the past");
        Case { now: at(1_492_774_577 - 302), ..case }.fails("in the future");
        Case { body: "{}", ..case }.fails("another secret");
        Case { headers: &[("stripe-signature", "v1=00")], ..case }.fails("no t=");
        Case { headers: &[("stripe-signature", "t=1492774577")], ..case }.fails("no v1=");
        let bad = format!("t=now,v1={}", mac("now"));
        Case { headers: &[("stripe-signature", &bad)], ..case }.fails("unix seconds");
    }

    #[test]
    fn the_example_of_standard_webhooks_verifies() {
        // From the reference implementations' own tests.
        let case = Case {
            scheme: VerificationScheme::StandardWebhooks,
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            headers: &[
                ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                ("webhook-timestamp", "1614265330"),
                (
                    "webhook-signature",
                    "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v2,AA",
                ),
            ],
            url: "",
            body: r#"{"test": 2432232314}"#,
            now: at(1_614_265_330),
        };
        case.verifies();
        Case { secret: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ..case }.verifies();
        Case { now: at(1_614_265_330 + 301), ..case }.fails("301 s in the past");
        Case { body: r#"{"test":2432232314}"#, ..case }.fails("webhook-signature");
        Case { headers: &case.headers[1..], ..case }.fails("webhook-id is missing");
        Case { headers: &case.headers[..2], ..case }.fails("webhook-signature is missing");
        let wrong = SharedSecret::parse(VerificationScheme::StandardWebhooks, "no base64 at all!");
        assert!(wrong.is_err());
    }

    #[test]
    fn our_own_form_takes_either_header_and_either_spelling() {
        let body = r#"{"event":"contact"}"#;
        let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
        let digits = hex::encode(hmac_sha256(secret.as_bytes(), &[body.as_bytes()]));
        let prefixed = format!("sha256={digits}");
        let check = |headers: &[(&str, &str)], body: &str, fault: Option<&str>| {
            let case = Case {
                scheme: VerificationScheme::Posthaste,
                secret,
                headers,
                url: "",
                body,
                now: at(0),
            };
            match fault {
                None => case.verifies(),
                Some(why) => case.fails(why),
            }
        };
        check(&[("x-webhook-signature", &digits)], body, None);
        check(&[("x-webhook-signature", &prefixed)], body, None);
        check(&[("x-webhook-signature-256", &prefixed)], body, None);
        check(&[("x-webhook-signature", "00"), ("x-webhook-signature-256", &prefixed)], body, None);
        check(&[("x-webhook-signature", &digits.to_uppercase())], body, None);
        check(&[], body, Some("neither"));
        check(&[("x-webhook-signature", &digits[..60])], body, Some("cut off"));
        check(&[("x-webhook-signature", &digits)], "{}", Some("does not verify"));
        check(&[("x-webhook-signature", &digits)], &format!("{body}\n"), Some("line break"));
        check(&[("x-webhook-signature", "")], body, Some("does not verify"));
    }

    #[test]
    fn secrets_are_checked_before_they_are_kept() {
        let check = |text: &str| SharedSecret::parse(VerificationScheme::Github, text).is_ok();
        assert!(check("12345678"));
        assert!(!check("1234567"));
        assert!(!check(&"x".repeat(501)));
        assert!(!check("a\u{0}bcdefghi"));
    }
}
