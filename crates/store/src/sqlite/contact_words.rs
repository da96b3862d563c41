//! What contacts are found by: the words that one is listed under, and what a search as a person
//! types it asks of them. Pure; the table is `contacts`' matter.
//!
//! A word of the index is the number of the list, a letter for what it is, and the word itself:
//! - `w` a word of the name, e-mail address, city or a tag, in lower case;
//! - `p` three digits that follow each other in the phone number;
//! - `t` a tag as it is, `e` an e-mail address in lower case, both in hexadecimal.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use posthaste_core::contact::{ContactFields, TextField};
use posthaste_core::store::ContactFilter;

/// Words of one search that are looked for; nobody types more.
const SEARCH_WORDS_MAX: usize = 16;
/// Characters of a word in the index, and of one that is looked for.
const WORD_CHARS_MAX: usize = 40;
/// Fewer digits are in nearly every phone number, and have no index.
const PHONE_DIGITS_MIN: usize = 3;

/// The words that a contact of that list is found by, with blanks between them.
pub fn words_of(list: i64, fields: &ContactFields) -> String {
    let mut words = BTreeSet::new();
    each_text(fields, |text| words.extend(split(text)));
    let mut found_by = String::with_capacity(words.len() * 16 + 128);
    for word in &words {
        push(&mut found_by, list, 'w', word);
    }
    let digits = &fields.phone_number.as_str()[1..];
    let three: BTreeSet<&str> =
        (PHONE_DIGITS_MIN..=digits.len()).map(|end| &digits[end - PHONE_DIGITS_MIN..end]).collect();
    for digits in three {
        push(&mut found_by, list, 'p', digits);
    }
    for tag in &fields.tags {
        push(&mut found_by, list, 't', &hex::encode(tag));
    }
    if let Some(email) = fields.texts.get(&TextField::Email) {
        push(&mut found_by, list, 'e', &hex::encode(email.to_lowercase()));
    }
    found_by
}

fn push(found_by: &mut String, list: i64, kind: char, word: &str) {
    if !found_by.is_empty() {
        found_by.push(' ');
    }
    let _ = write!(found_by, "{list}{kind}{word}");
}

fn each_text<'f>(fields: &'f ContactFields, mut each: impl FnMut(&'f str)) {
    for field in [TextField::FirstName, TextField::LastName, TextField::Email, TextField::City] {
        if let Some(text) = fields.texts.get(&field) {
            each(text);
        }
    }
    for tag in &fields.tags {
        each(tag);
    }
}

/// Letters and digits that stand together, in lower case, cut off where they are long.
fn split(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word.chars().flat_map(char::to_lowercase).take(WORD_CHARS_MAX).collect())
}

/// What contacts are to be like.
#[derive(Debug)]
pub struct Search {
    words: Vec<String>,
    tag: Option<String>,
}

impl Search {
    /// `None` if every contact is wanted.
    pub fn of(filter: &ContactFilter) -> Option<Search> {
        let words = filter.search.as_deref().unwrap_or_default();
        let words: Vec<String> = split(words).take(SEARCH_WORDS_MAX).collect();
        let tag = filter.tag.clone();
        (!words.is_empty() || tag.is_some()).then_some(Search { words, tag })
    }

    pub fn wants(&self, fields: &ContactFields) -> bool {
        if self.tag.as_ref().is_some_and(|tag| !fields.tags.contains(tag)) {
            return false;
        }
        let mut known = Vec::new();
        each_text(fields, |text| known.extend(split(text)));
        let digits = fields.phone_number.as_str();
        self.words.iter().all(|word| {
            known.iter().any(|known| known.starts_with(word.as_str()))
                || (is_digits(word) && digits.contains(word.as_str()))
        })
    }

    /// Finds all that are wanted in the index, and a few more. `None` where the index is of no
    /// use.
    pub fn index_query(&self, list: i64) -> Option<String> {
        let mut asked = Vec::new();
        if let Some(tag) = &self.tag {
            asked.push(format!("\"{list}t{}\"", hex::encode(tag)));
        }
        for word in &self.words {
            let begins = format!("\"{list}w{word}\"*");
            if !is_digits(word) {
                asked.push(begins);
            } else if word.len() >= PHONE_DIGITS_MIN {
                let three = (PHONE_DIGITS_MIN..=word.len())
                    .map(|end| format!("\"{list}p{}\"", &word[end - PHONE_DIGITS_MIN..end]));
                let three = three.collect::<Vec<_>>().join(" AND ");
                asked.push(format!("({begins} OR ({three}))"));
            }
        }
        (!asked.is_empty()).then(|| asked.join(" AND "))
    }
}

/// Finds the contacts with an e-mail address in the index.
pub fn email_query(list: i64, email: &str) -> String {
    format!("\"{list}e{}\"", hex::encode(email.to_lowercase()))
}

fn is_digits(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}
