//! Contacts as the rows of a file that spreadsheets open, and that can be imported again: nothing
//! is changed then.

use crate::contact::{Contact, TextField, custom_text};
use crate::contact_fields::{CUSTOM_PREFIX, write_tags};
use crate::csv::write_row;

/// Columns that tell of a contact what nobody sets.
pub const MADE_COLUMNS: [&str; 5] = ["id", "powerlist_id", "source", "created_at", "updated_at"];

/// The heading, with a column for each of those custom fields.
pub fn write_heading(out: &mut String, custom: &[String]) {
    let mut cells = vec!["phone_number".to_owned()];
    cells.extend(TextField::ALL.iter().map(|field| field.as_str().to_owned()));
    cells.extend(["tags", "consent", "dnd"].map(str::to_owned));
    cells.extend(MADE_COLUMNS.map(str::to_owned));
    cells.extend(custom.iter().map(|name| format!("{CUSTOM_PREFIX}{name}")));
    write_row(out, cells);
}

/// How many columns there are beside the custom fields.
pub const FIXED_COLUMNS: usize = 1 + TextField::ALL.len() + 3 + MADE_COLUMNS.len();

pub fn write_contact(out: &mut String, contact: &Contact, custom: &[String]) {
    let fields = &contact.fields;
    let yes_or_no = |said: Option<bool>| said.map(|yes| yes.to_string()).unwrap_or_default();
    // A number begins with `+` and has nothing but digits behind it: no spreadsheet runs that.
    let mut cells = vec![fields.phone_number.to_string()];
    let texts = TextField::ALL.iter().map(|field| fields.texts.get(field));
    cells.extend(texts.map(|text| text.map(|text| guarded(text)).unwrap_or_default()));
    cells.push(guarded(&write_tags(&fields.tags)));
    cells.extend([yes_or_no(fields.consent), yes_or_no(fields.dnd)]);
    cells.extend([contact.id.to_string(), contact.powerlist_id.to_string()]);
    cells.extend([
        contact.source.as_str().to_owned(),
        contact.created_at.to_string(),
        contact.updated_at.to_string(),
    ]);
    let values = custom.iter().map(|name| fields.custom.get(name));
    cells.extend(
        values.map(|value| value.map(|value| guarded(&custom_text(value))).unwrap_or_default()),
    );
    write_row(out, cells);
}

/// With a `'` in front of what a spreadsheet would run as a formula. Also where such a `'` is
/// there already: else it would be taken for ours, and off.
pub fn guarded(text: &str) -> String {
    if runs(text) { format!("'{text}") } else { text.to_owned() }
}

/// Without the `'` that [`guarded`] puts in front.
pub fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if runs(rest) => rest,
        _ => text,
    }
}

/// What a formula begins with, also as East Asian keyboards write it.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

fn runs(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::contact::{ContactFields, ContactSource};
    use crate::contact_columns::{Columns, RowRules};
    use crate::csv::{CsvReader, Place};
    use crate::id::{AccountId, ContactId, PowerlistId};
    use crate::phone::PhoneNumber;
    use crate::time::Timestamp;

    fn contact(fields: ContactFields) -> Contact {
        Contact {
            id: ContactId::from_raw(1),
            account_id: AccountId::from_raw(1),
            powerlist_id: PowerlistId::from_raw(1),
            fields,
            source: ContactSource::Api,
            created_at: Timestamp::from_millis(0),
            updated_at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_guarded() {
        let check = |text: &str, expected: &str| {
            assert_eq!(guarded(text), expected);
            assert_eq!(unguarded(expected), text);
        };
        check("=HYPERLINK(\"http://x\")", "'=HYPERLINK(\"http://x\")");
        check("+1", "'+1");
        check("-5", "'-5");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\tx", "'\tx");
        check("'=x", "''=x");
        check("", "");
        check("a=b", "a=b");
        check("'tis", "'tis");
    }

    fn any_fields() -> impl Strategy<Value = ContactFields> {
        let text = "[a-z=+@'\"; ,é\n-]{1,8}"
            .prop_filter_map("blank", |text| TextField::City.check(&text).ok().flatten());
        let texts = prop::collection::btree_map(
            prop::sample::select(&TextField::ALL[1..]),
            text.clone(),
            0..5,
        );
        let tags = prop::collection::vec("[a-z=,;|\\[\"]{1,4}", 0..3)
            .prop_map(|tags| crate::contact::check_tags(tags).expect("few"));
        let value = prop_oneof![
            any::<i32>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            text.prop_map(Value::from),
            Just(json!({ "a": [1, "=x"] })),
        ];
        let custom = prop::collection::vec(("[a-z .=]{1,4}", value), 0..3)
            .prop_map(|custom| custom.into_iter().collect::<Map<String, Value>>());
        let said = any::<Option<bool>>();
        (texts, tags, said.clone(), said, custom).prop_map(|(texts, tags, consent, dnd, custom)| {
            ContactFields {
                phone_number: PhoneNumber::from_e164("+12025550187").expect("E.164"),
                texts,
                tags,
                consent,
                dnd,
                custom,
            }
        })
    }

    proptest! {
        #[test]
        fn what_is_exported_and_imported_changes_nothing(fields in any_fields()) {
            let custom: Vec<String> = fields.custom.keys().cloned().collect();
            let mut file = String::new();
            write_heading(&mut file, &custom);
            write_contact(&mut file, &contact(fields.clone()), &custom);
            let mut reader = CsvReader::new(b',', Place::START);
            let mut bytes = file.as_bytes();
            let heading = reader.next(&mut bytes).expect("CSV").expect("a heading");
            prop_assert_eq!(heading.len(), FIXED_COLUMNS + custom.len());
            let columns = Columns::suggest(heading);
            let row = reader.next(&mut bytes).expect("CSV").expect("a row");
            let rules = RowRules { tags: &[], only_with_consent: false, number: &PhoneNumber::from_e164 };
            let (number, patch) = columns.read(row, &rules).expect("a contact");
            prop_assert_eq!(&number, &fields.phone_number);
            let mut again = fields.clone();
            prop_assert_eq!(patch.apply(&mut again), Ok(false), "{:?} of {}", patch, file);
            // Into an empty list they are the same again, but that a number is a text in a file.
            let made = patch.create(number).expect("few fields");
            prop_assert_eq!((made.texts, made.tags, made.consent, made.dnd), (fields.texts, fields.tags, fields.consent, fields.dnd));
        }
    }
}
