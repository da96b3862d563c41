//! Being signed in: the tokens of sessions and of one-time links, how long each is good for, and
//! whether a request that comes with a browser's cookie was made by a page of ours.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::id::UserId;
use crate::limits::{
    INVITATION_LIFETIME, LINK_LIFETIME, PASSWORD_BY_LINK_WITHIN, SESSION_IDLE, SESSION_LONGEST,
    SESSION_RENEW_EVERY,
};
use crate::time::{Entropy, Timestamp};
use crate::user::User;

/// The page that takes a link. The token stands behind `#`, which browsers neither send nor pass
/// on as referrer: it cannot end up in a log.
const LINK_PATH: &str = "/sign-in#link=";
const TOKEN_BYTES: usize = 32;
const TOKEN_CHARS: usize = 43;

/// Whoever has it is somebody: the token of a session, or of a link. 256 random bits as base64url.
/// Only its hash is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

impl Token {
    pub fn generate(entropy: &dyn Entropy) -> Token {
        let mut bytes = Zeroizing::new([0_u8; TOKEN_BYTES]);
        entropy.fill(bytes.as_mut());
        Token(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
    }

    pub fn parse(text: &str) -> Option<Token> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_token = text.len() == TOKEN_CHARS && text.bytes().all(allowed);
        is_token.then(|| Token(Zeroizing::new(text.to_owned())))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Path and fragment of the link with this token.
    pub fn link_path(&self) -> String {
        format!("{LINK_PATH}{}", self.expose())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

/// What is stored of a token. It needs no slow hash: a token cannot be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignedInBy {
    Password,
    Link,
}

impl SignedInBy {
    pub const ALL: [SignedInBy; 2] = [SignedInBy::Password, SignedInBy::Link];

    pub fn as_str(self) -> &'static str {
        match self {
            SignedInBy::Password => "password",
            SignedInBy::Link => "link",
        }
    }

    pub fn parse(text: &str) -> Option<SignedInBy> {
        SignedInBy::ALL.into_iter().find(|by| by.as_str() == text)
    }
}

/// Somebody is signed in, in one browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub hash: TokenHash,
    pub user_id: UserId,
    pub by: SignedInBy,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A session that begins, whoever's it will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    pub hash: TokenHash,
    pub by: SignedInBy,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl NewSession {
    pub fn begin(now: Timestamp, token: &Token, by: SignedInBy) -> NewSession {
        let expires_at = now.saturating_add(SESSION_IDLE);
        NewSession { hash: token.hash(), by, created_at: now, expires_at }
    }

    pub fn of(self, user_id: UserId) -> Session {
        let NewSession { hash, by, created_at, expires_at } = self;
        Session { hash, user_id, by, created_at, expires_at }
    }
}

impl Session {
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// Until when it lives, now that it was used; `None` if that need not be written down.
    pub fn renewed(&self, now: Timestamp) -> Option<Timestamp> {
        let last = self.created_at.saturating_add(SESSION_LONGEST);
        let expires_at = now.saturating_add(SESSION_IDLE).min(last);
        let worth_it = self.expires_at.saturating_add(SESSION_RENEW_EVERY) <= expires_at
            // The last stretch is shorter than that.
            || (expires_at == last && self.expires_at < last);
        worth_it.then_some(expires_at)
    }

    /// Whether a new password takes the one before. Whoever comes by a link may have forgotten it;
    /// but a browser left open must not be enough to take an account over.
    pub fn asks_current_password(&self, now: Timestamp, user: &User) -> bool {
        let came_by_link = self.by == SignedInBy::Link
            && now < self.created_at.saturating_add(PASSWORD_BY_LINK_WITHIN);
        user.password.is_some() && !came_by_link
    }
}

/// Whom a one-time link lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkFor {
    /// A user that is made when the link is used, on a platform that has no owner.
    FirstOwner,
    User(UserId),
}

/// A one-time link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub hash: TokenHash,
    pub whom: LinkFor,
    pub expires_at: Timestamp,
}

impl Link {
    /// For the person at the terminal.
    pub fn first(now: Timestamp, token: &Token) -> Link {
        let expires_at = now.saturating_add(LINK_LIFETIME);
        Link { hash: token.hash(), whom: LinkFor::FirstOwner, expires_at }
    }

    /// A user who was never here is invited, and gets more time.
    pub fn to_user(now: Timestamp, token: &Token, user: &User) -> Link {
        let lifetime = match user.last_sign_in_at {
            None => INVITATION_LIFETIME,
            Some(_) => LINK_LIFETIME,
        };
        let expires_at = now.saturating_add(lifetime);
        Link { hash: token.hash(), whom: LinkFor::User(user.id), expires_at }
    }
}

/// What a browser says about where a request comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Provenance<'h> {
    /// The header `host`: the name by which the server was called.
    pub host: Option<&'h str>,
    pub origin: Option<&'h str>,
    pub sec_fetch_site: Option<&'h str>,
}

impl Provenance<'_> {
    /// Whether a page of this server made the request. `sec-fetch-site` is the browser's own word
    /// about it, which pages cannot write; older browsers only name the origin. Its scheme is not
    /// compared: behind a proxy that speaks TLS we hear plain HTTP.
    pub fn is_own(&self) -> bool {
        match (self.sec_fetch_site, self.origin, self.host) {
            (Some(site), _, _) => site == "same-origin",
            (None, Some(origin), Some(host)) => names_host(origin, host),
            (None, _, _) => false,
        }
    }

    /// Whether it can be told that another site's page made it. Where nothing is said, no browser
    /// made it.
    pub fn is_foreign(&self) -> bool {
        (self.sec_fetch_site.is_some() || self.origin.is_some()) && !self.is_own()
    }
}

/// `https://posthaste.example` and `posthaste.example:443` name the same host.
fn names_host(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let without_port = |authority: &str| {
        authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase()
    };
    !authority.is_empty() && without_port(authority) == without_port(host)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::user::{NewUser, PasswordHash};

    const HOUR: Duration = Duration::from_hours(1);
    const DAY: Duration = Duration::from_hours(24);

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    fn at(after: Duration) -> Timestamp {
        Timestamp::from_millis(1_736_951_425_000).saturating_add(after)
    }

    fn user() -> User {
        let NewUser { account_id, email, name, role } = NewUser::first_owner();
        User {
            id: UserId::from_raw(1),
            account_id,
            email,
            name,
            role,
            password: Some(PasswordHash::new(String::new())),
            created_at: at(Duration::ZERO),
            last_sign_in_at: None,
        }
    }

    fn session(by: SignedInBy) -> Session {
        NewSession::begin(at(Duration::ZERO), &Token::generate(&Fixed(1)), by)
            .of(UserId::from_raw(1))
    }

    #[test]
    fn a_token_survives_its_text_and_junk_is_refused() {
        let token = Token::generate(&Fixed(0xfb));
        assert_eq!(Token::parse(token.expose()).expect("a token").hash(), token.hash());
        assert_eq!(format!("{token:?}"), "Token(redacted)");
        assert_eq!(token.link_path(), format!("/sign-in#link={}", token.expose()));
        for junk in ["", "x", &"a".repeat(42), &"a".repeat(44), &"=".repeat(43), &"é".repeat(22)] {
            assert!(Token::parse(junk).is_none(), "{junk:?}");
        }
    }

    #[test]
    fn a_session_lives_while_it_is_used_and_never_longer_than_a_month() {
        let mut session = session(SignedInBy::Password);
        assert!(session.is_live(at(7 * DAY - Duration::from_millis(1))));
        assert!(!session.is_live(at(7 * DAY)));
        assert_eq!(session.renewed(at(HOUR - Duration::from_millis(1))), None);
        assert_eq!(session.renewed(at(HOUR)), Some(at(7 * DAY + HOUR)));
        for day in 1..29 {
            let Some(expires_at) = session.renewed(at(day * DAY)) else { continue };
            session.expires_at = expires_at;
        }
        assert_eq!(session.expires_at, at(30 * DAY));
        assert_eq!(session.renewed(at(30 * DAY - HOUR)), None);
    }

    #[test]
    fn who_came_by_a_link_may_set_a_password_for_an_hour() {
        let check = |by: SignedInBy, user: &User, after: Duration, expected: bool| {
            let asks = session(by).asks_current_password(at(after), user);
            assert_eq!(asks, expected, "{by:?} after {after:?}");
        };
        let known = user();
        let new = User { password: None, ..user() };
        check(SignedInBy::Password, &known, Duration::ZERO, true);
        check(SignedInBy::Link, &known, HOUR - Duration::from_millis(1), false);
        check(SignedInBy::Link, &known, HOUR, true);
        check(SignedInBy::Link, &new, 2 * HOUR, false);
    }

    #[test]
    fn an_invited_user_gets_a_week() {
        let token = Token::generate(&Fixed(1));
        let invited = user();
        let known = User { last_sign_in_at: Some(at(HOUR)), ..user() };
        assert_eq!(Link::to_user(at(DAY), &token, &invited).expires_at, at(8 * DAY));
        assert_eq!(Link::to_user(at(DAY), &token, &known).expires_at, at(2 * DAY));
        assert_eq!(Link::first(at(DAY), &token).expires_at, at(2 * DAY));
    }

    #[test]
    fn only_a_page_of_our_own_changes_something() {
        let check = |host: &str, origin: &str, site: &str, own: bool, foreign: bool| {
            let given = |text| Some(text).filter(|text: &&str| !text.is_empty());
            let from = Provenance {
                host: given(host),
                origin: given(origin),
                sec_fetch_site: given(site),
            };
            assert_eq!((from.is_own(), from.is_foreign()), (own, foreign), "{from:?}");
        };
        let host = "ph.example:8080";
        check(host, "http://ph.example:8080", "", true, false);
        check(host, "https://PH.example:8080", "", true, false);
        check("ph.example", "https://ph.example", "", true, false);
        check("ph.example:443", "https://ph.example", "", true, false);
        check("ph.example", "http://ph.example:80", "", true, false);
        check("[::1]:8080", "http://[::1]:8080", "", true, false);
        check(host, "", "same-origin", true, false);
        check(host, "https://behind.proxy", "same-origin", true, false);
        check(host, "", "", false, false);
        for origin in [
            "http://evil.example",
            "http://ph.example:8081",
            "http://ph.example",
            "http://ph.example:8080.evil.example",
            "http://evil.example/ph.example:8080",
            "null",
            "ph.example:8080",
            "file://ph.example:8080",
            "http://",
            "http://x@ph.example:8080",
        ] {
            check(host, origin, "", false, true);
        }
        for site in ["cross-site", "same-site", "none", "junk"] {
            check(host, "http://ph.example:8080", site, false, true);
        }
        check("", "http://ph.example:8080", "", false, true);
    }
}
