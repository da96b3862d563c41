//! The people who sign in: who they are, what their role is called, and what makes an e-mail
//! address or a password good enough. What a role may do is `rights`' matter.

use std::fmt;

use zeroize::Zeroizing;

use crate::account::parse_name;
use crate::error::{Complaints, Invalid};
use crate::id::{AccountId, UserId};
use crate::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};
use crate::rights::{Reach, Rights};
use crate::time::Timestamp;

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// `None`: may act in every account.
    pub account_id: Option<AccountId>,
    /// Unique on the whole server: it is what people sign in with.
    pub email: Email,
    pub name: String,
    pub role: UserRole,
    /// `None` until one was set: then only a link lets this user in.
    pub password: Option<PasswordHash>,
    pub created_at: Timestamp,
    pub last_sign_in_at: Option<Timestamp>,
}

impl User {
    pub fn rights(&self) -> Rights {
        let reach = if self.account_id.is_none() { Reach::All } else { Reach::One };
        Rights::User(self.role, reach)
    }
}

/// A user as one is asked for; the store gives it its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    pub account_id: Option<AccountId>,
    pub email: Email,
    pub name: String,
    pub role: UserRole,
}

impl NewUser {
    /// Whoever uses the first link of a new server.
    pub fn first_owner() -> NewUser {
        NewUser {
            account_id: None,
            email: Email::parse("owner@localhost").expect("an address"),
            name: "Owner".to_owned(),
            role: UserRole::Owner,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserRole {
    /// Everything.
    Owner,
    /// Reads, publishes and changes, but has no say in who else may.
    Editor,
    /// Looks only, and sees no secret.
    Viewer,
}

impl UserRole {
    pub const ALL: [UserRole; 3] = [UserRole::Owner, UserRole::Editor, UserRole::Viewer];

    pub fn as_str(self) -> &'static str {
        match self {
            UserRole::Owner => "owner",
            UserRole::Editor => "editor",
            UserRole::Viewer => "viewer",
        }
    }

    pub fn parse(text: &str) -> Result<UserRole, Invalid> {
        let found = UserRole::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| Invalid::at("", "must be owner, editor or viewer"))
    }
}

/// What is wished to be different about a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserDraft {
    pub email: Option<String>,
    pub name: Option<String>,
    pub role: Option<String>,
}

impl UserDraft {
    /// A new user of that account, or of the platform.
    pub fn create(&self, account_id: Option<AccountId>) -> Result<NewUser, Invalid> {
        let mut wrong = Complaints::default();
        let required =
            |text: &Option<String>| text.clone().ok_or_else(|| Invalid::at("", "is required"));
        let email = wrong.check("/email", required(&self.email).and_then(|t| Email::parse(&t)));
        let name = wrong.check("/name", required(&self.name).and_then(|t| parse_name(&t)));
        let role = wrong.check("/role", required(&self.role).and_then(|t| UserRole::parse(&t)));
        wrong.finish()?;
        let checked = "complaints would have been returned";
        Ok(NewUser {
            account_id,
            email: email.expect(checked),
            name: name.expect(checked),
            role: role.expect(checked),
        })
    }

    /// The user with these changes.
    pub fn change(&self, user: &User) -> Result<User, Invalid> {
        let mut wrong = Complaints::default();
        let mut changed = user.clone();
        if let Some(text) = &self.email
            && let Some(email) = wrong.check("/email", Email::parse(text))
        {
            changed.email = email;
        }
        if let Some(text) = &self.name
            && let Some(name) = wrong.check("/name", parse_name(text))
        {
            changed.name = name;
        }
        if let Some(text) = &self.role
            && let Some(role) = wrong.check("/role", UserRole::parse(text))
        {
            changed.role = role;
        }
        wrong.finish()?;
        Ok(changed)
    }
}

/// An e-mail address in small letters. Never written to the log.
///
/// Checked for what makes it one address that mail can be sent to, not for all that RFC 5321
/// allows: quoted local parts and addresses in brackets are typing errors in practice. Small
/// letters, because nobody expects `Ann@` and `ann@` to be two people.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

const EMAIL_BYTES_MAX: usize = 254;
const EMAIL_LOCAL_BYTES_MAX: usize = 64;
const DOMAIN_LABEL_BYTES_MAX: usize = 63;

impl Email {
    pub fn parse(text: &str) -> Result<Email, Invalid> {
        let text = text.trim();
        let wrong = || Invalid::at("", "must be an e-mail address, such as ann@example.com");
        if text.len() > EMAIL_BYTES_MAX {
            return Err(Invalid::at("", format!("must have at most {EMAIL_BYTES_MAX} characters")));
        }
        if !text.is_ascii() {
            return Err(Invalid::at("", "must be an e-mail address in ASCII letters"));
        }
        let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
        let is_local =
            |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
        let local_is_right = (1..=EMAIL_LOCAL_BYTES_MAX).contains(&local.len())
            && local.bytes().all(is_local)
            && local.split('.').all(|part| !part.is_empty());
        if !local_is_right || !domain.split('.').all(is_domain_label) {
            return Err(wrong());
        }
        Ok(Email(text.to_ascii_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_domain_label(label: &str) -> bool {
    (1..=DOMAIN_LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(redacted)")
    }
}

/// A password somebody typed. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// A password to be set. Long is all it has to be: rules about its letters make people choose
    /// worse ones. The e-mail address is the first thing that is tried.
    pub fn choose(text: String, email: &Email) -> Result<Password, Invalid> {
        let password = Password::typed(text)?;
        if password.0.chars().count() < PASSWORD_CHARS_MIN {
            let message = format!("must have at least {PASSWORD_CHARS_MIN} characters");
            return Err(Invalid::at("", message));
        }
        let first = password.0.chars().next();
        if password.0.eq_ignore_ascii_case(email.as_str())
            || password.0.chars().all(|letter| Some(letter) == first)
        {
            return Err(Invalid::at("", "is too easy to guess"));
        }
        Ok(password)
    }

    /// A password to be compared with the one that was set.
    pub fn typed(text: String) -> Result<Password, Invalid> {
        let text = Zeroizing::new(text);
        if text.len() > PASSWORD_BYTES_MAX {
            return Err(Invalid::at("", format!("must have at most {PASSWORD_BYTES_MAX} bytes")));
        }
        Ok(Password(text))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

/// What is stored of a password: algorithm, parameters, salt and hash in the PHC text form. How
/// it is made and compared is for the edge to do; it takes time and memory on purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    pub fn new(phc: String) -> PasswordHash {
        PasswordHash(phc)
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_in_small_letters_and_junk_is_refused() {
        let check = |text: &str, expected: Option<&str>| {
            let parsed = Email::parse(text).ok();
            assert_eq!(parsed.as_ref().map(Email::as_str), expected, "{text:?}");
        };
        check("ann@example.com", Some("ann@example.com"));
        check("  Ann.Lee+hooks@Mail.Example.COM ", Some("ann.lee+hooks@mail.example.com"));
        check("owner@localhost", Some("owner@localhost"));
        check("o'neil@xn--mller-kva.example", Some("o'neil@xn--mller-kva.example"));
        for junk in [
            "",
            "@",
            "ann",
            "ann@",
            "@example.com",
            "a b@example.com",
            "ann@exa mple.com",
            "ann@@example.com",
            "ann@b@example.com",
            ".ann@example.com",
            "ann.@example.com",
            "a..b@example.com",
            "ann@example..com",
            "ann@-example.com",
            "ann@example-.com",
            "ann@example.com.",
            "ann@[127.0.0.1]",
            "\"ann\"@example.com",
            "ann@example.com\r\nbcc: x",
            "ann\u{0}@example.com",
            "müller@example.com",
            "ann@exämple.com",
            "ann@example,com",
            "<ann@example.com>",
            "ann@example_com",
        ] {
            check(junk, None);
        }
        check(&format!("{}@example.com", "a".repeat(65)), None);
        check(&format!("ann@{}.com", "a".repeat(64)), None);
        check(&format!("ann@{}com", "a.".repeat(150)), None);
    }

    #[test]
    fn a_password_is_long_and_not_the_address() {
        let email = Email::parse("longname@example.com").expect("an address");
        let check = |text: &str, expected: bool| {
            assert_eq!(Password::choose(text.to_owned(), &email).is_ok(), expected, "{text:?}");
        };
        check("correct horse", true);
        check("ünïcödé wörds", true);
        check("ten chars!", true);
        check("nine char", false);
        check("", false);
        check("aaaaaaaaaaaaaaaa", false);
        check("LongName@example.com", false);
        check(&"ab".repeat(500), true);
        check(&"ab".repeat(501), false);
    }

    #[test]
    fn nothing_secret_is_printed() {
        let email = Email::parse("ann@example.com").expect("an address");
        let password = Password::typed("hunter2".to_owned()).expect("short");
        let hash = PasswordHash::new("$argon2id$…".to_owned());
        let printed = format!("{email:?} {password:?} {hash:?}");
        assert_eq!(printed, "Email(redacted) Password(redacted) PasswordHash(redacted)");
    }

    #[test]
    fn what_is_wrong_with_a_user_is_pointed_at() {
        let pointers = |draft: UserDraft| -> Vec<String> {
            let invalid = draft.create(None).expect_err("wrong");
            invalid.errors.into_iter().map(|error| error.pointer).collect()
        };
        assert_eq!(pointers(UserDraft::default()), ["/email", "/name", "/role"]);
        let text = |text: &str| Some(text.to_owned());
        let draft = UserDraft { email: text("ann"), name: text(" "), role: text("admin") };
        assert_eq!(pointers(draft), ["/email", "/name", "/role"]);
        let draft =
            UserDraft { email: text("ann@example.com"), name: text(" Ann "), role: text("viewer") };
        let user = draft.create(None).expect("right");
        assert_eq!((user.name.as_str(), user.role), ("Ann", UserRole::Viewer));
    }
}
