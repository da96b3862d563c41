//! Phone numbers, in the one form that contacts are known by: E.164.

use std::fmt;

use crate::error::Invalid;

/// A phone number in E.164: `+`, country code and national number, 5 to 15 digits in all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Takes a number that is in this form already, such as one that was stored.
    pub fn from_e164(text: &str) -> Result<PhoneNumber, Invalid> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let fits = (5..=15).contains(&digits.len()) && !digits.starts_with('0');
        if fits && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(PhoneNumber(text.to_owned()))
        } else {
            Err(Invalid::at("", format!("{text:?} is not a phone number in E.164")))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A country, as ISO 3166-1 alpha-2 writes it: `US`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country([u8; 2]);

impl Country {
    pub const US: Country = Country(*b"US");

    pub fn parse(text: &str) -> Result<Country, Invalid> {
        match text.trim().to_ascii_uppercase().as_bytes() {
            [first @ b'A'..=b'Z', second @ b'A'..=b'Z'] => Ok(Country([*first, *second])),
            _ => Err(Invalid::at("", format!("{text:?} is not a country's two letters, like US"))),
        }
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two ASCII letters")
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
