//! A webhook's secret, its rotation, and the keys made from it. One secret signs two ways: as the
//! text that the customer sees (the `x-webhook-*` headers) and as the bytes that its base64 stands
//! for (Standard Webhooks). What is signed with them is for `envelope` and `signature` to say.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::Invalid;
use crate::time::{Entropy, Timestamp};

/// What every secret starts with, so that one is recognised wherever it leaks to.
pub const SECRET_PREFIX: &str = "whsec_";
/// 24 bytes are 32 characters of base64 without padding, which some verifiers refuse and others
/// demand.
const GENERATED_BYTES: usize = 24;
const KEY_BYTES_MIN: usize = 24;
const KEY_BYTES_MAX: usize = 64;
/// What [`KEY_BYTES_MAX`] bytes take in padded base64.
const BASE64_LEN_MAX: usize = 88;
/// What the decoder asks for as room: it reckons in whole groups of four characters.
const DECODE_ROOM: usize = BASE64_LEN_MAX / 4 * 3;

/// The output of HMAC-SHA256.
pub type Digest = [u8; 32];

/// `whsec_` and the standard base64 of the key. Never printed by `Debug`, wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A new secret of 24 random bytes.
    pub fn generate(entropy: &dyn Entropy) -> Secret {
        let mut key = Zeroizing::new([0_u8; GENERATED_BYTES]);
        entropy.fill(key.as_mut());
        // Room for all of it at once: a string that grows leaves copies of itself behind.
        let mut text = String::with_capacity(SECRET_PREFIX.len() + BASE64_LEN_MAX);
        text.push_str(SECRET_PREFIX);
        STANDARD.encode_string(key.as_ref(), &mut text);
        Secret(Zeroizing::new(text))
    }

    /// Reads a secret that a customer brings along: `whsec_` and the base64 of 24 to 64 bytes.
    /// Standard alphabet, with padding where it is due: base64url breaks the JavaScript
    /// verifiers, missing padding those for Go and Rust. No message repeats the text.
    pub fn parse(text: &str) -> Result<Secret, Invalid> {
        let wrong = |why: &str| Invalid::at("", why);
        let base64 =
            text.strip_prefix(SECRET_PREFIX).ok_or_else(|| wrong("a secret starts with whsec_"))?;
        let too_long = || wrong("a secret is the base64 of at most 64 bytes");
        if base64.len() > BASE64_LEN_MAX {
            return Err(too_long());
        }
        let mut key = Zeroizing::new([0_u8; DECODE_ROOM]);
        let length = STANDARD.decode_slice(base64, key.as_mut()).map_err(|_| {
            wrong(
                "a secret is base64 after whsec_: letters, digits, + and /, filled up with = to a \
                 multiple of four characters",
            )
        })?;
        if length < KEY_BYTES_MIN {
            return Err(wrong("a secret is the base64 of at least 24 bytes"));
        }
        if length > KEY_BYTES_MAX {
            return Err(too_long());
        }
        Ok(Secret(Zeroizing::new(text.to_owned())))
    }

    /// The whole text, for the one answer that shows it and for the store.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The bytes that the base64 stands for: the key of Standard Webhooks.
    pub(crate) fn decoded(&self) -> Zeroizing<Vec<u8>> {
        let base64 = &self.0[SECRET_PREFIX.len()..];
        // Room for all of it at once, as above.
        let mut key = Zeroizing::new(Vec::with_capacity(DECODE_ROOM));
        STANDARD.decode_vec(base64, &mut key).expect("checked when the secret was made");
        key
    }
}

/// In constant time, so that no answer's delay tells how much of a guess was right.
impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(whsec_<redacted>)")
    }
}

/// The live secrets of one webhook: one, or two while it is being rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    pub current: Secret,
    pub previous: Option<PreviousSecret>,
}

/// The secret from before the last rotation, which also signs until `expires_at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    pub secret: Secret,
    pub expires_at: Timestamp,
}

impl Secrets {
    pub fn new(current: Secret) -> Secrets {
        Secrets { current, previous: None }
    }

    /// Makes `new` the current secret; the one before it goes on signing for `overlap`.
    /// A rotation within an overlap ends that overlap at once: two secrets are live, never three.
    /// Rotating to the secret that is current changes nothing, so a repeated call does no harm.
    pub fn rotate(&mut self, now: Timestamp, new: Secret, overlap: Duration) {
        if new == self.current {
            return;
        }
        let secret = std::mem::replace(&mut self.current, new);
        let expires_at = now.saturating_add(overlap);
        self.previous = (expires_at > now).then_some(PreviousSecret { secret, expires_at });
    }

    /// The previous secret, if it is still live.
    pub fn previous_at(&self, now: Timestamp) -> Option<&Secret> {
        self.previous
            .as_ref()
            .filter(|previous| now < previous.expires_at)
            .map(|previous| &previous.secret)
    }
}

/// Both keys of one secret, hashed in already: a clone of such a state costs a copy of some
/// 140 bytes, a new one costs two rounds of SHA-256 and the decoding.
#[derive(Clone)]
pub struct SigningKey {
    text: Hmac<Sha256>,
    decoded: Hmac<Sha256>,
}

impl SigningKey {
    pub fn new(secret: &Secret) -> SigningKey {
        SigningKey { text: keyed(secret.expose().as_bytes()), decoded: keyed(&secret.decoded()) }
    }

    /// What the `x-webhook-*` headers hold: the body, under the secret as it is displayed.
    pub fn sign_body(&self, body: &[u8]) -> Digest {
        self.start_body().chain_update(body).finalize().into_bytes().into()
    }

    /// What `webhook-signature` holds: `{id}.{timestamp}.{body}`, under the decoded secret.
    /// `timestamp` is the header's text, unix seconds.
    pub fn sign_standard(&self, id: &[u8], timestamp: &[u8], body: &[u8]) -> Digest {
        let is_clear = |part: &[u8]| !part.contains(&b'.');
        debug_assert!(is_clear(id) && is_clear(timestamp), "the content is ambiguous");
        let mut hmac = self.decoded.clone();
        for part in [id, b".", timestamp, b".", body] {
            hmac.update(part);
        }
        hmac.finalize().into_bytes().into()
    }

    /// For the envelope, which signs a text and a continuation of that text in one pass.
    pub(crate) fn start_body(&self) -> Hmac<Sha256> {
        self.text.clone()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(<redacted>)")
    }
}

/// The keys of [`Secrets`], for whoever sends often enough to keep them.
#[derive(Debug, Clone)]
pub struct SigningKeys {
    pub current: SigningKey,
    previous: Option<(SigningKey, Timestamp)>,
}

impl SigningKeys {
    pub fn new(secrets: &Secrets) -> SigningKeys {
        let previous = secrets
            .previous
            .as_ref()
            .map(|previous| (SigningKey::new(&previous.secret), previous.expires_at));
        SigningKeys { current: SigningKey::new(&secrets.current), previous }
    }

    /// The key of the previous secret, if that is still live.
    pub fn previous_at(&self, now: Timestamp) -> Option<&SigningKey> {
        self.previous.as_ref().filter(|(_, expires_at)| now < *expires_at).map(|(key, _)| key)
    }
}

/// An HMAC that has taken in `key` and nothing else yet.
pub(crate) fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (value, byte) in (0_u8..).zip(bytes) {
                *byte = value;
            }
        }
    }

    const TEXT: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

    fn secret_of(bytes: usize) -> String {
        format!("whsec_{}", STANDARD.encode(vec![0x5a; bytes]))
    }

    #[test]
    fn a_generated_secret_is_24_bytes_of_base64_without_padding() {
        let secret = Secret::generate(&Counting);
        assert_eq!(secret.expose(), TEXT);
        assert_eq!(*secret.decoded(), (0..24).collect::<Vec<u8>>());
        assert_eq!(Secret::parse(secret.expose()).expect("own format"), secret);
    }

    fn check(text: &str, expected: Result<(), &str>) {
        let problem = Secret::parse(text).map(drop).map_err(|invalid| invalid.to_string());
        match expected {
            Ok(()) => assert_eq!(problem, Ok(()), "{text}"),
            Err(part) => {
                let problem = problem.expect_err(text);
                assert!(problem.contains(part), "{text}: {problem}");
                let own = text.strip_prefix("whsec_").unwrap_or(text);
                assert!(own.len() < 4 || !problem.contains(own), "the message repeats {text}");
            }
        }
    }

    #[test]
    fn takes_a_customers_own_secret_if_every_verifier_can_read_it() {
        check(TEXT, Ok(()));
        check("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Ok(()));
        for bytes in [24, 25, 26, 32, 63, 64] {
            check(&secret_of(bytes), Ok(()));
        }
        check("", Err("starts with whsec_"));
        check("correct horse battery staple", Err("starts with whsec_"));
        check("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Err("starts with whsec_"));
        check(" whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Err("starts with whsec_"));
        check("whsec_", Err("at least 24 bytes"));
        check(&secret_of(23), Err("at least 24 bytes"));
        check(&secret_of(65), Err("at most 64 bytes"));
        check(&secret_of(66), Err("at most 64 bytes"));
        check(&secret_of(70_000), Err("at most 64 bytes"));
        check("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS-", Err("letters, digits, + and /"));
        check("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", Err("letters, digits, + and /"));
        check(secret_of(25).trim_end_matches('='), Err("filled up with ="));
    }

    #[test]
    fn no_debug_text_shows_a_secret() {
        let secrets = Secrets::new(Secret::generate(&Counting));
        let keys = SigningKeys::new(&secrets);
        let printed = format!("{secrets:?} {keys:?}");
        assert!(!printed.contains("AAECAw"), "{printed}");
        assert!(printed.contains("<redacted>"), "{printed}");
    }

    #[test]
    fn the_previous_secret_signs_until_the_overlap_ends_and_not_a_millisecond_longer() {
        let (old, new) = (secret(1), secret(2));
        let at = Timestamp::from_millis;
        let mut secrets = Secrets::new(old.clone());
        assert_eq!(secrets.previous_at(at(1_000)), None);
        secrets.rotate(at(1_000), new.clone(), Duration::from_secs(60));
        assert_eq!(secrets.current, new);
        assert_eq!(secrets.previous_at(at(1_000)), Some(&old));
        assert_eq!(secrets.previous_at(at(60_999)), Some(&old));
        assert_eq!(secrets.previous_at(at(61_000)), None);
        let keys = SigningKeys::new(&secrets);
        assert!(keys.previous_at(at(60_999)).is_some());
        assert!(keys.previous_at(at(61_000)).is_none());
    }

    #[test]
    fn a_second_rotation_leaves_two_secrets_live_not_three() {
        let at = Timestamp::from_millis;
        let mut secrets = Secrets::new(secret(1));
        secrets.rotate(at(0), secret(2), Duration::from_secs(60));
        secrets.rotate(at(10), secret(3), Duration::from_secs(60));
        assert_eq!(secrets.current, secret(3));
        assert_eq!(secrets.previous_at(at(11)), Some(&secret(2)));
    }

    #[test]
    fn a_rotation_without_overlap_ends_the_old_secret_at_once() {
        let mut secrets = Secrets::new(secret(1));
        secrets.rotate(Timestamp::EPOCH, secret(2), Duration::ZERO);
        assert_eq!(secrets, Secrets::new(secret(2)));
    }

    #[test]
    fn rotating_to_the_current_secret_changes_nothing() {
        let mut secrets = Secrets::new(secret(1));
        secrets.rotate(Timestamp::EPOCH, secret(2), Duration::from_secs(60));
        let before = secrets.clone();
        secrets.rotate(Timestamp::from_millis(5), secret(2), Duration::from_secs(9_000));
        assert_eq!(secrets, before);
    }

    fn secret(fill: u8) -> Secret {
        Secret::parse(&format!("whsec_{}", STANDARD.encode([fill; 24]))).expect("24 bytes")
    }
}
