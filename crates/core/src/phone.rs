//! Phone numbers, in the one form that contacts are known by: E.164. Which countries there are and
//! how long their numbers can be, a library knows; what people write around the digits is read here.

use std::cmp::Ordering;
use std::fmt;

use phonenumber::metadata::{DATABASE, Descriptor};
use phonenumber::{Metadata, Type, country};

use crate::error::Invalid;

/// Longer than any number with all that may stand around it.
const TEXT_CHARS_MAX: usize = 100;
const DIGITS_MIN: usize = 5;
const DIGITS_MAX: usize = 15;
/// The longest country code, in digits.
const COUNTRY_CODE_DIGITS_MAX: usize = 3;

/// A phone number in E.164: `+`, country code and national number, 5 to 15 digits in all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Takes a number that is in this form already, such as one that was stored.
    pub fn from_e164(text: &str) -> Result<PhoneNumber, Invalid> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let fits = (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) && !digits.starts_with('0');
        if fits && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(PhoneNumber(text.to_owned()))
        } else {
            Err(Invalid::at("", format!("{text:?} is not a phone number in E.164")))
        }
    }

    /// Reads a number as people write it: with brackets, blanks, dots, dashes or slashes, in full
    /// width, behind `tel:`, international with `+` or `00`, or as it is dialled within
    /// `default_country`. An extension is left out, because E.164 has no place for one: two people
    /// behind one switchboard are one contact, as the dialler cannot reach them apart.
    ///
    /// Every number that is possible is taken, whether or not somebody has it today: plans of
    /// numbers change faster than the library's tables. A text once normalised stays as it is.
    pub fn parse(text: &str, default_country: Country) -> Result<PhoneNumber, Invalid> {
        let written = Written::read(text)?;
        let digits = if written.is_international {
            written.digits
        } else {
            dialled_within(default_country, &written.digits)?
        };
        checked(&digits)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The digits of a text, without what stands around them.
struct Written {
    digits: String,
    /// They begin with a country code.
    is_international: bool,
}

impl Written {
    fn read(text: &str) -> Result<Written, Invalid> {
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(wrong(&format!("has more than {TEXT_CHARS_MAX} characters")));
        }
        let text: String = text.chars().filter_map(plain).collect();
        let text = text.trim().to_ascii_lowercase();
        let text = text.strip_prefix("tel:").unwrap_or(&text);
        let (number, context) = without_parameters(text)?;
        let number = without_extension(number);
        let mut digits = String::with_capacity(DIGITS_MAX);
        let mut has_plus = false;
        for char in number.chars() {
            match char {
                '0'..='9' => digits.push(char),
                '+' if digits.is_empty() && !has_plus => has_plus = true,
                ' ' | '-' | '.' | '(' | ')' | '[' | ']' | '/' => {}
                char if char.is_alphabetic() => return Err(wrong("has letters in it")),
                char => return Err(wrong(&format!("has {char:?} in it"))),
            }
        }
        if digits.is_empty() {
            return Err(wrong("has no digits"));
        }
        if let Some(context) = context {
            digits.insert_str(0, &context);
            has_plus = true;
        }
        if !has_plus && let Some(international) = digits.strip_prefix("00") {
            return Ok(Written { digits: international.to_owned(), is_international: true });
        }
        Ok(Written { digits, is_international: has_plus })
    }
}

/// The ASCII character that stands for this one in a phone number; none for marks that show
/// nothing, which come along when a number is copied from an address book.
fn plain(char: char) -> Option<char> {
    let digit = |first: u32| char::from_digit(u32::from(char) - first, 10);
    match char {
        '\u{ff10}'..='\u{ff19}' => digit(0xff10),
        '\u{660}'..='\u{669}' => digit(0x660),
        '\u{6f0}'..='\u{6f9}' => digit(0x6f0),
        '\u{ff0b}' => Some('+'),
        '\u{ff08}' => Some('('),
        '\u{ff09}' => Some(')'),
        '\u{ff0e}' | '\u{b7}' | '\u{2024}' => Some('.'),
        '\u{ff0f}' => Some('/'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' | '\u{30fc}' => Some('-'),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => {
            None
        }
        '\u{feff}' => None,
        char if char.is_whitespace() => Some(' '),
        char => Some(char),
    }
}

/// What stands before the parameters of a `tel:` address, and the country code that
/// `phone-context` gives a number without one.
fn without_parameters(text: &str) -> Result<(&str, Option<String>), Invalid> {
    let mut parts = text.split(';');
    let number = parts.next().unwrap_or_default();
    let mut context = None;
    for parameter in parts {
        if let Some(prefix) = parameter.trim().strip_prefix("phone-context=+")
            && !number.trim_start().starts_with('+')
        {
            let digits: String = prefix.chars().filter(|char| *char != '-').collect();
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(wrong("has a phone-context that is no country code"));
            }
            context = Some(digits);
        }
    }
    Ok((number, context))
}

/// Takes away `x 12`, `ext. 12`, `extension 12`, `#12` and the like at the end.
fn without_extension(number: &str) -> &str {
    let number = number.trim_end();
    let before = number.trim_end_matches(|char: char| char.is_ascii_digit());
    if before.len() == number.len() || number.len() - before.len() > 7 {
        return number;
    }
    let before = before.trim_end_matches([' ', '.', ':', '=']);
    for mark in ["extension", "extn", "ext", "x", "#"] {
        if let Some(rest) = before.strip_suffix(mark)
            && rest.contains(|char: char| char.is_ascii_digit())
        {
            return rest.trim_end_matches([' ', ',', '.', '-']);
        }
    }
    number
}

/// The digits of the number in E.164 that is dialled so in that country.
///
/// The library has a function for this, which takes a prefix away twice where the number behind it
/// begins with the same digit (`8 800 …` in Russia). So it gives the tables, and the rules are here.
fn dialled_within(country: Country, digits: &str) -> Result<String, Invalid> {
    let region = DATABASE
        .by_id(country.as_str())
        .ok_or_else(|| wrong(&format!("begins with no country code, and {country:?} has none")))?;
    let abroad = region.international_prefix().and_then(|prefix| prefix.find(digits));
    if let Some(prefix) = abroad.filter(|prefix| prefix.start() == 0)
        && checked(&digits[prefix.end()..]).is_ok()
    {
        return Ok(digits[prefix.end()..].to_owned());
    }
    let national = without_national_prefix(region, digits);
    // Whole, only without the `+`.
    let code = region.country_code().to_string();
    if let Some(behind) = digits.strip_prefix(&code)
        && !is_assigned(region, &national)
        && (is_assigned(region, behind) || length_of(&national, &[region]) != Length::Possible)
        && length_of(behind, &[region]) == Length::Possible
    {
        return Ok(digits.to_owned());
    }
    Ok(code + &national)
}

/// Without what is dialled first within a country, and is no part of the number.
fn without_national_prefix(region: &Metadata, digits: &str) -> String {
    let without = match region.national_prefix_for_parsing() {
        None => {
            let prefix = region.national_prefix().unwrap_or_default();
            digits.strip_prefix(prefix).map(str::to_owned)
        }
        Some(prefix) => prefix.captures(digits).and_then(|found| {
            let whole = found.get(0).filter(|whole| whole.start() == 0)?;
            // A rule rewrites a number in which all that it speaks of is there.
            let is_complete = found.len() > 1 && found.get(found.len() - 1).is_some();
            match region.national_prefix_transform_rule().filter(|_| is_complete) {
                Some(rule) => Some(prefix.replace(digits, rule).into_owned()),
                None => Some(digits[whole.end()..].to_owned()),
            }
        }),
    };
    let Some(without) = without else { return digits.to_owned() };
    let loses = is_assigned(region, digits) && !is_assigned(region, &without);
    let is_possible = length_of(&without, &[region]) == Length::Possible;
    if loses || !is_possible { digits.to_owned() } else { without }
}

/// The kinds of number that can be dialled from anywhere: no universal access numbers, of which
/// Canada has some of 7 digits.
const KINDS: [Type; 9] = [
    Type::FixedLine,
    Type::Mobile,
    Type::TollFree,
    Type::PremiumRate,
    Type::SharedCost,
    Type::PersonalNumber,
    Type::Voip,
    Type::Pager,
    Type::Voicemail,
];

fn kinds_of(region: &Metadata) -> impl Iterator<Item = &Descriptor> {
    KINDS.into_iter().filter_map(|kind| region.descriptors().get(kind))
}

/// Whether there are such numbers today: only to tell between two ways of reading one.
fn is_assigned(region: &Metadata, national: &str) -> bool {
    kinds_of(region).any(|kind| kind.is_match(national))
}

/// A number whose country there is, and that is as long as numbers there can be.
fn checked(digits: &str) -> Result<PhoneNumber, Invalid> {
    let Some((code, regions)) = country_of(digits) else {
        return Err(wrong("begins with no country code that there is"));
    };
    let mut national = &digits[code.len()..];
    // `+44 (0)20` or `+44 020`: the zero is dialled within the country only. Where one belongs to the number, as
    // in Italy, no zero is put in front to dial it there.
    while let Some(without) = national.strip_prefix('0')
        && regions.iter().any(|region| region.national_prefix() == Some("0"))
        && length_of(without, &regions) == Length::Possible
    {
        national = without;
    }
    match length_of(national, &regions) {
        Length::Possible => {}
        Length::TooShort => return Err(wrong(&format!("is too short for a number of +{code}"))),
        Length::TooLong => return Err(wrong(&format!("is too long for a number of +{code}"))),
        Length::Between => {
            return Err(wrong(&format!(
                "is of a length that numbers of +{code} do not have: {} digits behind it",
                national.len()
            )));
        }
    }
    let text = format!("+{code}{national}");
    match text.len() - 1 {
        DIGITS_MIN..=DIGITS_MAX => Ok(PhoneNumber(text)),
        0..DIGITS_MIN => Err(wrong("is too short")),
        _ => Err(wrong(&format!("is too long: there are at most {DIGITS_MAX} digits"))),
    }
}

/// The country code that the digits begin with, and who shares it. No code begins another.
fn country_of(digits: &str) -> Option<(&str, Vec<&'static Metadata>)> {
    (1..=COUNTRY_CODE_DIGITS_MAX).find_map(|length| {
        let code = digits.get(..length)?;
        let regions = DATABASE.by_code(&code.parse::<u16>().ok()?)?;
        (!code.starts_with('0') && !regions.is_empty()).then_some((code, regions))
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Length {
    Possible,
    TooShort,
    TooLong,
    /// Others are shorter and others longer.
    Between,
}

/// By the kinds of number, because the library leaves the lengths of all of them together empty.
fn length_of(national: &str, regions: &[&Metadata]) -> Length {
    let lengths = regions
        .iter()
        .flat_map(|region| kinds_of(region))
        .flat_map(|kind| kind.possible_length().iter().map(|length| usize::from(*length)));
    let length = national.len();
    let (mut shorter, mut longer) = (false, false);
    for possible in lengths {
        match possible.cmp(&length) {
            Ordering::Equal => return Length::Possible,
            Ordering::Less => shorter = true,
            Ordering::Greater => longer = true,
        }
    }
    match (shorter, longer) {
        (true, true) => Length::Between,
        (true, false) => Length::TooLong,
        (false, _) => Length::TooShort,
    }
}

/// Never with the text itself: it may be a name or a message that came in the wrong field.
fn wrong(why: &str) -> Invalid {
    Invalid::at("", format!("is not a phone number: it {why}"))
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

    /// The two letters of a country that has telephones.
    pub fn parse(text: &str) -> Result<Country, Invalid> {
        let letters = text.trim().to_ascii_uppercase();
        match letters.as_bytes() {
            [first @ b'A'..=b'Z', second @ b'A'..=b'Z']
                if letters.parse::<country::Id>().is_ok() =>
            {
                Ok(Country([*first, *second]))
            }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse_in(country: &str, text: &str) -> Result<String, String> {
        let country = Country::parse(country).expect("a country");
        PhoneNumber::parse(text, country)
            .map(|number| number.to_string())
            .map_err(|invalid| invalid.to_string())
    }

    fn check(country: &str, text: &str, expected: &str) {
        assert_eq!(parse_in(country, text).as_deref(), Ok(expected), "{text:?} in {country}");
    }

    fn refused(country: &str, text: &str, expected: &str) {
        let message = parse_in(country, text).expect_err(text);
        assert!(message.contains(expected), "{text:?}: {message}");
        assert!(!text.contains(char::is_alphanumeric) || !message.contains(text), "{message}");
    }

    #[test]
    fn takes_what_people_write() {
        for text in [
            "+12025550187",
            "+1 (202) 555-0187",
            "(202) 555-0187",
            "202.555.0187",
            "202-555-0187",
            "2025550187",
            "1 202 555 0187",
            "12025550187",
            "+1.202.555.0187",
            "0012025550187",
            "00 1 202 555 0187",
            "01112025550187",
            "011 1 202 555 0187",
            "tel:+1-202-555-0187",
            "TEL:+12025550187",
            "tel:2025550187;phone-context=+1",
            "tel:+1-202-555-0187;ext=3",
            "+1 202 555 0187 x12",
            "(202) 555-0187 ext. 12",
            "(202) 555-0187, extension 12",
            "202-555-0187#12",
            "  202\u{a0}555\u{2011}0187 ",
            "\u{202a}+1 202\u{2013}555\u{2013}0187\u{202c}",
            "\u{ff0b}\u{ff11}\u{ff12}\u{ff10}\u{ff12}\u{ff15}\u{ff15}\u{ff15}\u{ff10}\u{ff11}\u{ff18}\u{ff17}",
            "[202] 555/0187",
        ] {
            check("US", text, "+12025550187");
        }
    }

    #[test]
    fn the_list_s_country_says_what_a_national_number_means() {
        check("GB", "020 7946 0958", "+442079460958");
        check("GB", "(0)20 7946 0958", "+442079460958");
        check("US", "+44 20 7946 0958", "+442079460958");
        check("US", "+44 (0)20 7946 0958", "+442079460958");
        check("US", "+44 020 7946 0958", "+442079460958");
        check("US", "0044 20 7946 0958", "+442079460958");
        check("US", "011 44 20 7946 0958", "+442079460958");
        check("DE", "030/901820", "+4930901820");
        check("US", "+49 (0)30 901820", "+4930901820");
        check("DE", "0151 23456789", "+4915123456789");
        check("CH", "044 668 18 00", "+41446681800");
        // There the zero belongs to the number.
        check("IT", "06 6982", "+39066982");
        check("US", "+39 06 6982", "+39066982");
        check("RU", "8 800 555 35 35", "+78005553535");
        check("US", "+7 800 555 35 35", "+78005553535");
        check("IN", "098765 43210", "+919876543210");
        check("AU", "0491 570 156", "+61491570156");
        check("JP", "03-1234-5678", "+81312345678");
        check("BR", "(11) 96123-4567", "+5511961234567");
        check("MX", "55 1234 5678", "+525512345678");
        check("CA", "+1 604 555 0123", "+16045550123");
        // Nobody's, but possible.
        check("US", "+1 999 555 0187", "+19995550187");
        check("US", "+800 1234 5678", "+80012345678");
    }

    #[test]
    fn refuses_what_is_none_and_says_why() {
        refused("US", "", "no digits");
        refused("US", "+", "no digits");
        refused("US", " - ", "no digits");
        refused("US", "Maria Lopez", "letters");
        refused("US", "1-800-FLOWERS", "letters");
        refused("US", "none", "letters");
        refused("US", "+1 202 555 0187, +1 202 555 0188", "','");
        refused("US", "202+5550187", "'+'");
        refused("US", "++12025550187", "'+'");
        refused("US", "maria@example.com", "letters");
        refused("US", "555-0187", "too short for a number of +1");
        refused("US", "+1202555018", "too short for a number of +1");
        refused("US", "+120255501877", "too long for a number of +1");
        refused("US", "911", "too short");
        refused("US", "7", "");
        refused("US", "+999 1234 5678", "no country code");
        refused("US", "+0 202 555 0187", "no country code");
        refused("US", "+49 1234567890123456", "too long");
        refused("US", &"1".repeat(50), "too long");
        refused("US", &"1".repeat(5_000), "more than 100 characters");
        refused("US", "tel:5550187;phone-context=+a", "phone-context");
        refused("US", "1.2025550187e10", "letters");
        refused("US", "²0²5550187", "'²'");
    }

    #[test]
    fn a_country_is_one_that_has_telephones() {
        assert_eq!(
            Country::parse(" de ").map(|country| country.as_str().to_owned()),
            Ok("DE".to_owned())
        );
        for text in ["", "D", "DEU", "49", "XX", "ÄÖ"] {
            assert!(Country::parse(text).is_err(), "{text}");
        }
    }

    /// Numbers that are possible, from a few plans.
    fn possible() -> impl Strategy<Value = String> {
        prop_oneof![
            "[2-9][0-9]{9}".prop_map(|national| format!("+1{national}")),
            "[1-9][0-9]{9}".prop_map(|national| format!("+44{national}")),
            "[1-9][0-9]{5,10}".prop_map(|national| format!("+49{national}")),
            "0[1-9][0-9]{6,8}".prop_map(|national| format!("+39{national}")),
            "[89][0-9]{9}".prop_map(|national| format!("+7{national}")),
        ]
    }

    proptest! {
        #[test]
        fn any_formatting_of_a_number_is_that_number(
            number in possible(),
            marks in prop::collection::vec(prop::sample::select(vec!["", "", " ", "-", ".", ") ", " (", "\u{a0}"]), 16),
            prefix in prop::sample::select(vec!["+", "00", "tel:+", " +", "\u{ff0b}"]),
            extension in prop::sample::select(vec!["", " x1", " ext. 123", ";ext=4", "#77"]),
        ) {
            let mut text = prefix.to_owned();
            for (digit, mark) in number[1..].chars().zip(&marks) {
                text.push(digit);
                text.push_str(mark);
            }
            text.push_str(extension);
            prop_assert_eq!(parse_in("FR", &text), Ok(number), "{}", text);
        }

        #[test]
        fn normalising_twice_is_normalising_once(text in prop_oneof!["[0-9+() .-]{5,20}", "00?[0-9]{6,14}"], country in prop::sample::select(vec!["US", "DE", "IT", "GB", "BR", "HU", "BY"])) {
            if let Ok(once) = parse_in(country, &text) {
                prop_assert_eq!(PhoneNumber::from_e164(&once).map(|number| number.to_string()), Ok(once.clone()));
                prop_assert_eq!(parse_in("FR", &once), Ok(once.clone()), "{}", text);
                prop_assert_eq!(parse_in(country, &once), Ok(once), "{}", text);
            }
        }

        #[test]
        fn nothing_makes_it_panic(text: String) {
            let _ = parse_in("US", &text);
        }
    }
}
