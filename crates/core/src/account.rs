//! Accounts, and the API keys that act for them.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::error::Invalid;
use crate::id::{AccountId, KeyId};
use crate::time::{Entropy, Timestamp};

/// One customer of the platform; owns everything below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    /// Unique; a new server has one, `default`.
    pub name: String,
    pub validate: Validate,
    pub created_at: Timestamp,
}

/// What is done about published data that does not match the schema of its event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Validate {
    /// Nobody looks.
    Off,
    /// It is accepted; counted and shown afterwards.
    #[default]
    Warn,
    /// It is refused.
    Reject,
}

impl Validate {
    pub const ALL: [Validate; 3] = [Validate::Off, Validate::Warn, Validate::Reject];

    pub fn as_str(self) -> &'static str {
        match self {
            Validate::Off => "off",
            Validate::Warn => "warn",
            Validate::Reject => "reject",
        }
    }

    pub fn parse(text: &str) -> Option<Validate> {
        Validate::ALL.into_iter().find(|validate| validate.as_str() == text)
    }
}

pub const DEFAULT_ACCOUNT: &str = "default";
const NAME_CHARS_MAX: usize = 100;

/// A name for an account or a key: what a person calls it.
pub fn parse_name(text: &str) -> Result<String, Invalid> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(Invalid::at("", format!("must have 1 to {NAME_CHARS_MAX} characters")));
    }
    if name.chars().any(char::is_control) {
        return Err(Invalid::at("", "must not contain control characters"));
    }
    Ok(name.to_owned())
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Every account.
    Platform,
    /// One account, everything in it.
    Account,
    /// One account, posting events only.
    Publish,
    /// One account, looking only.
    Read,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Platform, Role::Account, Role::Publish, Role::Read];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Platform => "platform",
            Role::Account => "account",
            Role::Publish => "publish",
            Role::Read => "read",
        }
    }

    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }

    pub fn may(self, action: Action) -> bool {
        match self {
            Role::Platform => true,
            Role::Account => action != Action::Administer,
            Role::Publish => matches!(action, Action::Publish | Action::Myself),
            Role::Read => matches!(action, Action::Read | Action::Myself),
        }
    }
}

/// What a call does, as far as roles care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    Publish,
    Read,
    Write,
    /// Who else may do what: keys, users and the audit log of an account.
    Manage,
    /// Accounts, and the keys and users of the whole platform.
    Administer,
    /// Asking who one is. Everybody may.
    Myself,
}

impl Action {
    pub const ALL: [Action; 6] = [
        Action::Publish,
        Action::Read,
        Action::Write,
        Action::Manage,
        Action::Administer,
        Action::Myself,
    ];
}

/// The text of an API key: `phk_` and 43 characters of base64url, which are 256 random bits.
/// Shown once; only its SHA-256 is stored (a key this long needs no slow hash).
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(String);

impl KeyText {
    pub fn generate(entropy: &dyn Entropy) -> KeyText {
        use base64::Engine as _;
        let mut bytes = [0_u8; 32];
        entropy.fill(&mut bytes);
        let digits = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        KeyText(format!("phk_{digits}"))
    }

    /// A key made elsewhere (`POSTHASTE_API_KEY`): it must be long enough not to be guessed.
    pub fn parse(text: &str) -> Result<KeyText, Invalid> {
        let digits = text.strip_prefix("phk_").unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(24..=200).contains(&digits.len()) || !digits.bytes().all(allowed) {
            return Err(Invalid::at(
                "",
                "an API key is phk_ and 24 to 200 letters, digits, hyphens or underscores",
            ));
        }
        Ok(KeyText(text.to_owned()))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }

    /// The first characters, by which a person can tell keys apart in a list.
    pub fn hint(&self) -> String {
        self.0.chars().take("phk_".len() + 4).collect()
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(redacted)")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// Of whatever a caller presented. Looking a hash up leaks nothing useful by its timing: the
    /// caller cannot steer SHA-256 towards a stored value.
    pub fn of(presented: &str) -> KeyHash {
        KeyHash(Sha256::digest(presented.as_bytes()).into())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: KeyId,
    /// `None` for a platform key.
    pub account_id: Option<AccountId>,
    pub role: Role,
    pub name: String,
    pub hint: String,
    pub hash: KeyHash,
    pub created_at: Timestamp,
}

/// A key as it is asked for; the store gives it its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    pub account_id: Option<AccountId>,
    pub role: Role,
    pub name: String,
    pub hint: String,
    pub hash: KeyHash,
}

impl NewApiKey {
    pub fn new(
        text: &KeyText,
        role: Role,
        account_id: Option<AccountId>,
        name: String,
    ) -> NewApiKey {
        assert_eq!(
            account_id.is_none(),
            role == Role::Platform,
            "only platform keys have no account"
        );
        NewApiKey { account_id, role, name, hint: text.hint(), hash: text.hash() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_may_what_the_contract_says() {
        let check = |role: Role, expected: [bool; 6]| {
            assert_eq!(Action::ALL.map(|action| role.may(action)), expected, "{role:?}");
        };
        //                       publish read write manage administer myself
        check(Role::Platform, [true, true, true, true, true, true]);
        check(Role::Account, [true, true, true, true, false, true]);
        check(Role::Publish, [true, false, false, false, false, true]);
        check(Role::Read, [false, true, false, false, false, true]);
    }

    #[test]
    fn a_short_or_strange_key_is_refused() {
        for text in [
            "",
            "phk_",
            "phk_short",
            "sk_abcdefghijklmnopqrstuvwxyz",
            "phk_abcdefghijklmnopqrstuvwx y",
        ] {
            assert!(KeyText::parse(text).is_err(), "{text:?}");
        }
        let key = KeyText::parse("phk_abcdefghijklmnopqrstuvwxyz012345").expect("long enough");
        assert_eq!(key.hint(), "phk_abcd");
        assert_eq!(format!("{key:?}"), "KeyText(redacted)");
    }
}
