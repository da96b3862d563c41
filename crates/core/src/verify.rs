//! Verifies what a receiver got, offline, and says why where it does not verify. The test inbox
//! and `posthaste verify` ask it; it is the place to look up what receivers get wrong.
//!
//! A reason is never guessed from the looks of a value alone: wherever a mistake can be undone,
//! it is undone, and named only if the signature verifies then.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::digits::HEX_LEN;
use crate::envelope::{END, SHA256_PREFIX, SIGNATURE, SIGNATURE_END};
use crate::secret::{Digest, SECRET_PREFIX, Secret, keyed};
use crate::signature::{SignatureFormat, V1_PREFIX};
use crate::time::Timestamp;

/// How far `webhook-timestamp` may lie from the receiver's clock, either way: what every
/// official Standard Webhooks library allows.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// Where a signature can stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureName {
    XWebhookSignature,
    XWebhookSignature256,
    WebhookSignature,
    XWebhookSignaturePrevious,
    InBody,
}

impl SignatureName {
    pub fn as_str(self) -> &'static str {
        match self {
            SignatureName::XWebhookSignature => "x-webhook-signature",
            SignatureName::XWebhookSignature256 => "x-webhook-signature-256",
            SignatureName::WebhookSignature => "webhook-signature",
            SignatureName::XWebhookSignaturePrevious => "x-webhook-signature-previous",
            SignatureName::InBody => "metadata.signature",
        }
    }
}

/// What was found out about one signature, or about all of them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Verified,
    Failed(Reason),
    Absent,
    /// Only for `x-webhook-signature-previous`, when the previous secret was not given.
    Unchecked,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Verified => "verified",
            Verdict::Failed(_) => "failed",
            Verdict::Absent => "absent",
            Verdict::Unchecked => "unchecked",
        }
    }
}

/// Why a signature does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No header that was received carries a signature.
    NoSignature,
    MissingHeader(&'static str),
    UnexpectedPrefix,
    MissingPrefix,
    Truncated,
    NotHex,
    NotV1Base64,
    HexExpected,
    Base64Expected,
    WrongHeader(SignatureName),
    OldSecret,
    /// Only for `x-webhook-signature-previous`: it was made with the current secret.
    CurrentSecret,
    /// The sender has rotated, and what was given here is the secret from before.
    SenderHasNewerSecret,
    KeyDecoded,
    KeyNotDecoded,
    KeyWithoutPrefix,
    BodyReserialised,
    BodyReordered,
    TrailingNewline,
    BodyWithoutIdAndTimestamp,
    TimestampUnreadable,
    TimestampTooOld {
        by_s: u64,
    },
    TimestampInFuture {
        by_s: u64,
    },
    Unknown,
}

impl Reason {
    /// Stable, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Reason::NoSignature => "no_signature",
            Reason::MissingHeader(_) => "missing_header",
            Reason::UnexpectedPrefix => "unexpected_prefix",
            Reason::MissingPrefix => "missing_prefix",
            Reason::Truncated => "truncated",
            Reason::NotHex => "not_hex",
            Reason::NotV1Base64 => "not_v1_base64",
            Reason::HexExpected => "hex_expected",
            Reason::Base64Expected => "base64_expected",
            Reason::WrongHeader(_) => "wrong_header",
            Reason::OldSecret => "old_secret",
            Reason::CurrentSecret => "current_secret",
            Reason::SenderHasNewerSecret => "sender_has_newer_secret",
            Reason::KeyDecoded => "key_decoded",
            Reason::KeyNotDecoded => "key_not_decoded",
            Reason::KeyWithoutPrefix => "key_without_prefix",
            Reason::BodyReserialised => "body_reserialised",
            Reason::BodyReordered => "body_reordered",
            Reason::TrailingNewline => "trailing_newline",
            Reason::BodyWithoutIdAndTimestamp => "body_without_id_and_timestamp",
            Reason::TimestampUnreadable => "timestamp_unreadable",
            Reason::TimestampTooOld { .. } => "timestamp_too_old",
            Reason::TimestampInFuture { .. } => "timestamp_in_future",
            Reason::Unknown => "unknown",
        }
    }
}

/// The cause and what to do about it, for people.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::MissingHeader(name) => {
                return write!(f, "the header {name} is missing, and it is part of what is signed");
            }
            Reason::WrongHeader(name) => {
                return write!(
                    f,
                    "this is the value of {}: compare each with its own",
                    name.as_str()
                );
            }
            Reason::TimestampTooOld { by_s } => {
                return write!(
                    f,
                    "webhook-timestamp is {by_s} s in the past: the request is old or repeated, or \
                     this clock is fast"
                );
            }
            Reason::TimestampInFuture { by_s } => {
                return write!(
                    f,
                    "webhook-timestamp is {by_s} s in the future: this clock is slow"
                );
            }
            reason => reason.plain_text(),
        })
    }
}

impl Reason {
    /// The sentences that name nothing of the request; `Display` writes the others itself.
    fn plain_text(self) -> &'static str {
        match self {
            Reason::NoSignature => "no signature header was received: does a proxy drop headers?",
            Reason::UnexpectedPrefix => {
                "it verifies without sha256= in front: your verifier must strip sha256= before it \
                 compares the hex"
            }
            Reason::MissingPrefix => "it verifies, but sha256= is missing in front of the hex",
            Reason::Truncated => "it is cut off: SHA-256 is 64 digits of hex, or 44 of base64",
            Reason::NotHex => "it is not 64 digits of hex",
            Reason::NotV1Base64 => "it is not a list of v1,<base64>, separated by spaces",
            Reason::HexExpected => "it is right, but spelled in base64 where hex belongs",
            Reason::Base64Expected => "it is right, but spelled in hex where base64 belongs",
            Reason::OldSecret => "it was made with the previous secret: the signer has not rotated",
            Reason::CurrentSecret => "it was made with the current secret, not the previous one",
            Reason::SenderHasNewerSecret => {
                "the sender has rotated: your secret is the previous one, which works only until \
                 the overlap ends; take over the new one"
            }
            Reason::KeyDecoded => {
                "the key was the decoded base64: for x-webhook-* it is the whole secret as text"
            }
            Reason::KeyNotDecoded => {
                "the key was the secret as text: for webhook-signature, decode the base64 behind \
                 whsec_"
            }
            Reason::KeyWithoutPrefix => "the key was the secret's text with whsec_ taken away",
            Reason::BodyReserialised => {
                "the body was changed by parsing and re-serialising (whitespace, number or escape \
                 spelling): verify the raw bytes, before any JSON parser"
            }
            Reason::BodyReordered => {
                "metadata.signature is not the last member any more: the body was parsed and \
                 written in another order or layout"
            }
            Reason::TrailingNewline => "a line break was added at the end of the body",
            Reason::BodyWithoutIdAndTimestamp => {
                "only the body was signed: sign webhook-id, webhook-timestamp and the body, joined \
                 by full stops"
            }
            Reason::TimestampUnreadable => "webhook-timestamp is not a number of unix seconds",
            Reason::MissingHeader(_)
            | Reason::WrongHeader(_)
            | Reason::TimestampTooOld { .. }
            | Reason::TimestampInFuture { .. }
            | Reason::Unknown => "another secret, or the body is not the one that was signed",
        }
    }
}

/// What is known about one signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    pub name: SignatureName,
    pub verdict: Verdict,
}

impl Finding {
    fn is_verified_header(&self) -> bool {
        self.name != SignatureName::InBody && self.verdict == Verdict::Verified
    }
}

/// The verdict of each signature that can be there, and the one they amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    pub verdict: Verdict,
    pub findings: [Finding; 5],
}

impl Report {
    /// Verified means: at least one header verifies, and nothing that is there fails. The
    /// signature inside the body is not enough: receivers look for headers, and it has no
    /// timestamp that would keep a request from being repeated. The reason of a failure is the
    /// first that says more than that something is wrong.
    fn from_findings(findings: [Finding; 5]) -> Report {
        let reasons = || {
            findings.iter().filter_map(|finding| match finding.verdict {
                Verdict::Failed(reason) => Some(reason),
                Verdict::Verified | Verdict::Absent | Verdict::Unchecked => None,
            })
        };
        let telling = reasons().find(|&reason| reason != Reason::Unknown);
        let verdict = match telling.or_else(|| reasons().next()) {
            Some(reason) => Verdict::Failed(reason),
            None if findings.iter().any(Finding::is_verified_header) => Verdict::Verified,
            None => Verdict::Failed(Reason::NoSignature),
        };
        Report { verdict, findings }
    }

    pub fn is_verified(&self) -> bool {
        self.verdict == Verdict::Verified
    }

    pub fn verdict_of(&self, name: SignatureName) -> Verdict {
        self.findings
            .iter()
            .find(|finding| finding.name == name)
            .map_or(Verdict::Absent, |finding| finding.verdict)
    }

    /// The form in which the API and the command line show it.
    pub fn summary(&self) -> Summary {
        Summary {
            verdict: VerdictSummary::of(self.verdict),
            signatures: self
                .findings
                .iter()
                .map(|finding| SignatureSummary {
                    name: finding.name.as_str(),
                    verdict: VerdictSummary::of(finding.verdict),
                })
                .collect(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    #[serde(flatten)]
    pub verdict: VerdictSummary,
    pub signatures: Vec<SignatureSummary>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureSummary {
    pub name: &'static str,
    #[serde(flatten)]
    pub verdict: VerdictSummary,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerdictSummary {
    /// `verified`, `failed`, `absent` or `unchecked`.
    pub verdict: &'static str,
    /// A reason's stable code, if it failed.
    pub reason: Option<&'static str>,
    pub message: String,
}

impl VerdictSummary {
    fn of(verdict: Verdict) -> VerdictSummary {
        let (reason, message) = match verdict {
            Verdict::Verified => (None, "verified".to_owned()),
            Verdict::Absent => (None, "not received".to_owned()),
            Verdict::Unchecked => {
                (None, "not checked: the previous secret was not given".to_owned())
            }
            Verdict::Failed(reason) => (Some(reason.code()), reason.to_string()),
        };
        VerdictSummary { verdict: verdict.as_str(), reason, message }
    }
}

/// Verifies requests that should have been signed with one webhook's secrets.
#[derive(Clone, Copy)]
pub struct Verifier<'a> {
    pub secret: &'a Secret,
    pub previous: Option<&'a Secret>,
    /// How `x-webhook-signature` should be spelled; `None` takes either spelling.
    pub format: Option<SignatureFormat>,
    pub tolerance: Duration,
    /// Brings a JSON text to the form in which we send it, to tell a body that was parsed and
    /// written again from one that says something else.
    pub canonicalise: &'a dyn Fn(&[u8]) -> Option<String>,
}

impl<'a> Verifier<'a> {
    pub fn new(
        secret: &'a Secret,
        canonicalise: &'a dyn Fn(&[u8]) -> Option<String>,
    ) -> Verifier<'a> {
        Verifier { secret, previous: None, format: None, tolerance: TOLERANCE, canonicalise }
    }

    /// `headers` are names and values; names in any case, other headers are passed over.
    pub fn verify<N: AsRef<str>, V: AsRef<str>>(
        &self,
        now: Timestamp,
        headers: &[(N, V)],
        body: &[u8],
    ) -> Report {
        let header = |wanted: &str| {
            let mut found =
                headers.iter().filter(|(name, _)| name.as_ref().eq_ignore_ascii_case(wanted));
            found.next().map(|(_, value)| value.as_ref().trim())
        };
        Request {
            verifier: self,
            now,
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            variants: self.variants(body),
        }
        .report(header)
    }

    /// The body as it came, and as it was before something that often happens to bodies.
    fn variants(&self, body: &[u8]) -> Vec<Variant> {
        let mut variants = vec![Variant { body: body.to_vec(), mistake: None }];
        let shorter = body.strip_suffix(b"\n").map(|rest| rest.strip_suffix(b"\r").unwrap_or(rest));
        if let Some(shorter) = shorter {
            variants
                .push(Variant { body: shorter.to_vec(), mistake: Some(Reason::TrailingNewline) });
        }
        if let Some(canonical) = (self.canonicalise)(body) {
            let mistake = Some(Reason::BodyReserialised);
            variants.push(Variant { body: canonical.into_bytes(), mistake });
        }
        variants
    }
}

/// A body that may have been signed, and what went wrong if it is not the one received.
struct Variant {
    body: Vec<u8>,
    mistake: Option<Reason>,
}

/// A key that may have been used, and what went wrong if it is not the right one.
struct Key {
    bytes: Zeroizing<Vec<u8>>,
    mistake: Option<Reason>,
}

/// A text that may have been signed, in parts.
struct Content<'a> {
    parts: Vec<&'a [u8]>,
    mistake: Option<Reason>,
}

/// One request while it is being verified.
struct Request<'a> {
    verifier: &'a Verifier<'a>,
    now: Timestamp,
    id: Option<&'a str>,
    timestamp: Option<&'a str>,
    variants: Vec<Variant>,
}

impl Request<'_> {
    fn report<'a>(&self, header: impl Fn(&str) -> Option<&'a str>) -> Report {
        let findings = [
            SignatureName::XWebhookSignature,
            SignatureName::XWebhookSignature256,
            SignatureName::WebhookSignature,
            SignatureName::XWebhookSignaturePrevious,
            SignatureName::InBody,
        ]
        .map(|name| {
            let verdict = match name {
                SignatureName::InBody => self.in_body(),
                SignatureName::WebhookSignature => {
                    header(name.as_str()).map_or(Verdict::Absent, |value| self.standard(value))
                }
                _ => header(name.as_str()).map_or(Verdict::Absent, |value| self.hex(name, value)),
            };
            Finding { name, verdict }
        });
        Report::from_findings(self.explain_rotation(findings))
    }

    /// Without a previous secret to compare with, a receiver that missed a rotation looks like
    /// one with a wrong secret, but for the header that its secret still verifies.
    fn explain_rotation(&self, mut findings: [Finding; 5]) -> [Finding; 5] {
        let verified =
            Finding { name: SignatureName::XWebhookSignaturePrevious, verdict: Verdict::Verified };
        if self.verifier.previous.is_none() && findings.contains(&verified) {
            for finding in &mut findings {
                if finding.verdict == Verdict::Failed(Reason::Unknown) {
                    finding.verdict = Verdict::Failed(Reason::SenderHasNewerSecret);
                }
            }
        }
        findings
    }

    /// One of the three `x-webhook-*` headers.
    fn hex(&self, name: SignatureName, value: &str) -> Verdict {
        let mut contents = self.bodies();
        let unsigned = split_signature(&self.variants[0].body).map(|(unsigned, _)| unsigned);
        if let Some(unsigned) = &unsigned {
            let mistake = Some(Reason::WrongHeader(SignatureName::InBody));
            contents.push(Content { parts: vec![unsigned], mistake });
        }
        let format = match name {
            SignatureName::XWebhookSignature256 => Some(SignatureFormat::Sha256Prefix),
            _ => self.verifier.format,
        };
        let verdict = self.hex_of(value, format, &self.text_keys(name), &contents);
        let cannot_tell = name == SignatureName::XWebhookSignaturePrevious
            && self.verifier.previous.is_none()
            && verdict == Verdict::Failed(Reason::Unknown);
        if cannot_tell { Verdict::Unchecked } else { verdict }
    }

    /// `metadata.signature`, which signs the body as it is once that member has been deleted and
    /// the rest stringified. So writing the body again is no mistake here, unless it moves members.
    fn in_body(&self) -> Verdict {
        let Some(value) = signature_in(&self.variants[0].body) else { return Verdict::Absent };
        let unsigned: Vec<Vec<u8>> = self
            .variants
            .iter()
            .filter_map(|variant| split_signature(&variant.body))
            .map(|(unsigned, _)| unsigned)
            .collect();
        if unsigned.is_empty() {
            return Verdict::Failed(Reason::BodyReordered);
        }
        let contents: Vec<Content<'_>> = unsigned
            .iter()
            .map(|text| Content { parts: vec![text.as_slice()], mistake: None })
            .collect();
        let keys = self.text_keys(SignatureName::InBody);
        self.hex_of(&value, Some(SignatureFormat::Sha256Prefix), &keys, &contents)
    }

    fn hex_of(
        &self,
        value: &str,
        format: Option<SignatureFormat>,
        keys: &[Key],
        contents: &[Content<'_>],
    ) -> Verdict {
        let bare = value.strip_prefix(SHA256_PREFIX);
        let hex = bare.unwrap_or(value);
        let Some(digest) = digest_from_hex(hex) else {
            return Verdict::Failed(self.not_hex(hex, keys, contents));
        };
        let spelling = match (format, bare) {
            (Some(SignatureFormat::Hex), Some(_)) => Some(Reason::UnexpectedPrefix),
            (Some(SignatureFormat::Sha256Prefix), None) => Some(Reason::MissingPrefix),
            _ => None,
        };
        match made_with(&digest, keys, contents) {
            Some(mistake) => mistake.or(spelling).map_or(Verdict::Verified, Verdict::Failed),
            None if made_with(&digest, &self.decoded_keys(), &self.standard_texts()).is_some() => {
                Verdict::Failed(Reason::WrongHeader(SignatureName::WebhookSignature))
            }
            None => Verdict::Failed(Reason::Unknown),
        }
    }

    /// What a value is that should have been hex and is not.
    fn not_hex(&self, value: &str, keys: &[Key], contents: &[Content<'_>]) -> Reason {
        let belongs_in_standard = value.split(' ').filter_map(v1_digest).any(|digest| {
            made_with(&digest, &self.decoded_keys(), &self.standard_texts()).is_some()
        });
        if belongs_in_standard {
            return Reason::WrongHeader(SignatureName::WebhookSignature);
        }
        let from_base64 = digest_from_base64(value);
        if from_base64.is_some_and(|digest| made_with(&digest, keys, contents).is_some()) {
            return Reason::HexExpected;
        }
        let all_hex = value.bytes().all(|byte| byte.is_ascii_hexdigit());
        if all_hex && value.len() < HEX_LEN { Reason::Truncated } else { Reason::NotHex }
    }

    /// `webhook-signature`: one good signature in the list will do, then the clock decides.
    fn standard(&self, value: &str) -> Verdict {
        let mut reasons = Vec::new();
        for token in value.split_ascii_whitespace() {
            match self.standard_token(token) {
                Some(reason) => reasons.push(reason),
                None => return self.clock(),
            }
        }
        let telling = reasons.iter().find(|&&reason| reason != Reason::Unknown);
        let reason = telling.or(reasons.first()).copied().unwrap_or(Reason::NotV1Base64);
        Verdict::Failed(reason)
    }

    /// What is wrong with one signature of the list.
    fn standard_token(&self, token: &str) -> Option<Reason> {
        let Some(base64) = token.strip_prefix(V1_PREFIX) else {
            return Some(self.not_v1(token));
        };
        if self.id.is_none() {
            return Some(Reason::MissingHeader("webhook-id"));
        }
        if self.timestamp.is_none() {
            return Some(Reason::MissingHeader("webhook-timestamp"));
        }
        let (keys, texts) = (self.decoded_keys(), self.standard_texts());
        if let Some(digest) = digest_from_base64(base64) {
            return made_with(&digest, &keys, &texts).unwrap_or(Some(Reason::Unknown));
        }
        let from_hex = digest_from_hex(base64);
        if from_hex.is_some_and(|digest| made_with(&digest, &keys, &texts).is_some()) {
            return Some(Reason::Base64Expected);
        }
        let whole_base64 = STANDARD.encode([0; size_of::<Digest>()]).len();
        let in_alphabet =
            base64.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        let cut_off = in_alphabet && base64.len() < whole_base64;
        Some(if cut_off { Reason::Truncated } else { Reason::NotV1Base64 })
    }

    /// What a signature of the list is that does not begin with `v1,`.
    fn not_v1(&self, token: &str) -> Reason {
        let name = SignatureName::XWebhookSignature;
        let digest = digest_from_hex(token.strip_prefix(SHA256_PREFIX).unwrap_or(token));
        let keys = self.text_keys(name);
        match digest.and_then(|digest| made_with(&digest, &keys, &self.bodies())) {
            Some(_) => Reason::WrongHeader(name),
            None => Reason::NotV1Base64,
        }
    }

    /// Only asked about a timestamp that the signature has vouched for.
    fn clock(&self) -> Verdict {
        let text = self.timestamp.unwrap_or_default();
        let Ok(timestamp) = text.parse::<i64>() else {
            return Verdict::Failed(Reason::TimestampUnreadable);
        };
        let now = self.now.as_unix_seconds();
        let by_s = now.abs_diff(timestamp);
        if by_s <= self.verifier.tolerance.as_secs() {
            Verdict::Verified
        } else if timestamp < now {
            Verdict::Failed(Reason::TimestampTooOld { by_s })
        } else {
            Verdict::Failed(Reason::TimestampInFuture { by_s })
        }
    }

    /// Keys that an `x-webhook-*` signature may have been made with, the right one first.
    fn text_keys(&self, name: SignatureName) -> Vec<Key> {
        let (current, previous) = (self.verifier.secret, self.verifier.previous);
        let (secret, other) = match (name, previous) {
            (SignatureName::XWebhookSignaturePrevious, Some(previous)) => {
                (previous, Some((current, Reason::CurrentSecret)))
            }
            _ => (current, previous.map(|previous| (previous, Reason::OldSecret))),
        };
        let text = |secret: &Secret| Zeroizing::new(secret.expose().as_bytes().to_vec());
        let mut keys = vec![Key { bytes: text(secret), mistake: None }];
        if let Some((other, mistake)) = other {
            keys.push(Key { bytes: text(other), mistake: Some(mistake) });
        }
        keys.push(Key { bytes: secret.decoded(), mistake: Some(Reason::KeyDecoded) });
        keys.push(key_without_prefix(secret));
        keys
    }

    /// Keys that `webhook-signature` may have been made with, the right one first.
    fn decoded_keys(&self) -> Vec<Key> {
        let secret = self.verifier.secret;
        let text = Zeroizing::new(secret.expose().as_bytes().to_vec());
        let mut keys = vec![Key { bytes: secret.decoded(), mistake: None }];
        if let Some(previous) = self.verifier.previous {
            keys.push(Key { bytes: previous.decoded(), mistake: Some(Reason::OldSecret) });
        }
        keys.push(Key { bytes: text, mistake: Some(Reason::KeyNotDecoded) });
        keys.push(key_without_prefix(secret));
        keys
    }

    fn bodies(&self) -> Vec<Content<'_>> {
        self.variants
            .iter()
            .map(|variant| Content { parts: vec![&variant.body], mistake: variant.mistake })
            .collect()
    }

    /// What Standard Webhooks may have signed; nothing if the headers for it are missing.
    fn standard_texts(&self) -> Vec<Content<'_>> {
        let (Some(id), Some(timestamp)) = (self.id, self.timestamp) else { return Vec::new() };
        let mut contents = self.bodies();
        for content in &mut contents {
            let head: [&[u8]; 4] = [id.as_bytes(), b".", timestamp.as_bytes(), b"."];
            content.parts.splice(..0, head);
        }
        let body = &self.variants[0].body;
        let mistake = Some(Reason::BodyWithoutIdAndTimestamp);
        contents.push(Content { parts: vec![body], mistake });
        contents
    }
}

/// A JavaScript or Ruby verifier that takes `whsec_` away and forgets to decode the rest.
fn key_without_prefix(secret: &Secret) -> Key {
    let bytes = secret.expose().as_bytes()[SECRET_PREFIX.len()..].to_vec();
    Key { bytes: Zeroizing::new(bytes), mistake: Some(Reason::KeyWithoutPrefix) }
}

/// Whether some key and content give `digest`, and if so with what mistake. A wrong key is named
/// before a wrong content.
fn made_with(digest: &Digest, keys: &[Key], contents: &[Content<'_>]) -> Option<Option<Reason>> {
    for key in keys {
        let start = keyed(&key.bytes);
        for content in contents {
            let mut hmac = start.clone();
            for part in &content.parts {
                hmac.update(part);
            }
            let expected: Digest = hmac.finalize().into_bytes().into();
            if bool::from(expected.ct_eq(digest)) {
                return Some(key.mistake.or(content.mistake));
            }
        }
    }
    None
}

fn digest_from_hex(text: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    hex::decode_to_slice(text, &mut digest).ok().map(|()| digest)
}

fn digest_from_base64(text: &str) -> Option<Digest> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn v1_digest(token: &str) -> Option<Digest> {
    digest_from_base64(token.strip_prefix(V1_PREFIX)?)
}

/// The text of `metadata.signature`, wherever in `metadata` it stands and however it is spelled.
fn signature_in(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        signature: String,
    }
    let body: Body = serde_json::from_slice(body).ok()?;
    Some(body.metadata.signature)
}

/// Takes `metadata.signature` out of a body in which it is the last member of the last member:
/// the body without it, and its value.
fn split_signature(body: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let rest = body.strip_suffix(SIGNATURE_END.as_bytes())?;
    let start = rest.windows(SIGNATURE.len()).rposition(|window| window == SIGNATURE.as_bytes())?;
    let value = &rest[start + SIGNATURE.len()..];
    // A quotation mark would mean that the member found is not the one that ends the body.
    let is_last = !value.contains(&b'"');
    is_last.then(|| ([&rest[..start], END.as_bytes()].concat(), value))
}
