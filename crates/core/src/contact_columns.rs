//! What the columns of a file of contacts hold: suggested from its heading, checked as somebody
//! chose it, and applied to its rows.

use std::collections::HashMap;

use serde_json::Value;

use crate::contact::{ContactPatch, check_custom};
use crate::contact_fields::{CUSTOM_PREFIX, ContactField};
use crate::contact_sheet::{MADE_COLUMNS, unguarded};
use crate::csv::Row;
use crate::error::{Complaints, Invalid};
use crate::import::{ImportSettings, SkippedRow};
use crate::limits::{CUSTOM_FIELDS_MAX, IMPORT_COLUMNS_MAX};
use crate::phone::PhoneNumber;

/// Of what a skipped row says.
const SKIPPED_TEXT_CHARS_MAX: usize = 200;

/// For each column of a file, in order, what it holds; `None`: it is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns(Vec<Option<ContactField>>);

impl Columns {
    /// What the heading says: our own names, what others usually call them, and what is neither as
    /// a field of the customer's own. Of two columns that could hold the same, the one that is
    /// called more like it does, then the first; the other becomes a field of its own.
    pub fn suggest(heading: Row<'_>) -> Columns {
        let names: Vec<&str> = heading.cells().map(unguarded).collect();
        let mut holders: HashMap<ContactField, (usize, usize)> = HashMap::new();
        for (column, name) in names.iter().enumerate() {
            if let Some((field, place)) = ContactField::spelled(name) {
                let holder = holders.entry(field).or_insert((place, column));
                *holder = (*holder).min((place, column));
            }
        }
        let mut customs = 0;
        let mut fields = Vec::with_capacity(names.len());
        for (column, name) in names.iter().enumerate() {
            if let Some((field, place)) = ContactField::spelled(name)
                && holders.get(&field) == Some(&(place, column))
            {
                fields.push(Some(field));
                continue;
            }
            let own = name.strip_prefix(CUSTOM_PREFIX).unwrap_or_else(|| name.trim());
            let known = names[..column].iter().any(|before| before.trim() == name.trim());
            let fits = check_custom(own, &Value::Null).is_ok() && customs < CUSTOM_FIELDS_MAX;
            let taken = fits && !known && !MADE_COLUMNS.contains(name);
            customs += usize::from(taken);
            fields.push(taken.then(|| ContactField::Custom(own.to_owned())));
        }
        Columns(fields)
    }

    /// As somebody chose them. Complaints point at the column, `/3`.
    pub fn parse(names: &[Option<String>]) -> Result<Columns, Invalid> {
        let mut wrong = Complaints::default();
        if names.len() > IMPORT_COLUMNS_MAX {
            let message = format!("there may be at most {IMPORT_COLUMNS_MAX} columns");
            return Err(Invalid::at("", message));
        }
        let mut fields: Vec<Option<ContactField>> = Vec::new();
        for (column, name) in names.iter().enumerate() {
            let pointer = format!("/{column}");
            let field = name.as_deref().map(ContactField::parse).transpose();
            let field = wrong.check(&pointer, field).flatten();
            if field.is_some()
                && let Some(before) = fields.iter().position(|before| *before == field)
            {
                let name = name.as_deref().unwrap_or_default();
                wrong.add(&pointer, format!("column {} holds {name} already", before + 1));
            }
            fields.push(field);
        }
        if !fields.contains(&Some(ContactField::PhoneNumber)) {
            wrong.add("", "one column must hold phone_number");
        }
        let custom = |field: &&Option<ContactField>| matches!(field, Some(ContactField::Custom(_)));
        if fields.iter().filter(custom).count() > CUSTOM_FIELDS_MAX {
            wrong.add("", format!("at most {CUSTOM_FIELDS_MAX} columns can be custom fields"));
        }
        wrong.finish()?;
        Ok(Columns(fields))
    }

    /// Where [`Columns::parse`] complains: what is a field all the same.
    pub fn as_far_as_known(names: &[Option<String>]) -> Columns {
        let known = |name: &Option<String>| ContactField::parse(name.as_deref()?).ok();
        Columns(names.iter().map(known).collect())
    }

    pub fn names(&self) -> Vec<Option<String>> {
        self.0.iter().map(|field| field.as_ref().map(ToString::to_string)).collect()
    }

    /// What is wrong with them for a file with that heading.
    pub fn fit(&self, heading: Row<'_>) -> Result<(), Invalid> {
        if heading.len() == self.0.len() {
            return Ok(());
        }
        let (file, chosen) = (heading.len(), self.0.len());
        Err(Invalid::at(
            "",
            format!("the file has {file} columns, and fields for {chosen} of them were given"),
        ))
    }

    /// The contact that a row tells of. Cells that are missing at its end are blank; blank ones say
    /// nothing.
    pub fn read(
        &self,
        row: Row<'_>,
        rules: &RowRules<'_>,
    ) -> Result<(PhoneNumber, ContactPatch), SkippedRow> {
        let skip = |reason: String, text: String| SkippedRow {
            line: row.line,
            reason,
            text: text.chars().take(SKIPPED_TEXT_CHARS_MAX).collect(),
        };
        let said = |cells: &mut dyn Iterator<Item = &str>| {
            cells.filter(|cell| !cell.trim().is_empty()).collect::<Vec<_>>().join(", ")
        };
        if row.cells().skip(self.0.len()).any(|cell| !cell.trim().is_empty()) {
            let reason = format!("has {} cells, but the heading has {}", row.len(), self.0.len());
            return Err(skip(reason, said(&mut row.cells().skip(self.0.len()))));
        }
        let mut patch = ContactPatch { more_tags: rules.tags.to_vec(), ..ContactPatch::default() };
        let mut number = None;
        let mut reasons: Vec<String> = Vec::new();
        let mut texts: Vec<&str> = Vec::new();
        for (column, field) in self.0.iter().enumerate() {
            let Some(field) = field else { continue };
            let cell = unguarded(row.cell(column).trim());
            let read = match field {
                _ if cell.is_empty() => Ok(()),
                ContactField::PhoneNumber => {
                    read_number(cell, rules).map(|read| number = Some(read))
                }
                field => field.put_text(&mut patch, cell),
            };
            if let Err(invalid) = read {
                let errors = invalid.errors.iter();
                reasons.extend(errors.map(|error| format!("{field}: {}", error.message)));
                texts.push(cell);
            }
        }
        if !reasons.is_empty() {
            return Err(skip(reasons.join("; "), texts.join(", ")));
        }
        let Some(number) = number else {
            return Err(skip("has no phone number".to_owned(), said(&mut row.cells())));
        };
        if rules.only_with_consent && patch.consent != Some(Some(true)) {
            return Err(skip("has no consent".to_owned(), number.to_string()));
        }
        Ok((number, patch))
    }
}

/// What an import asks of each row.
#[derive(Clone, Copy)]
pub struct RowRules<'r> {
    /// Put on every contact.
    pub tags: &'r [String],
    pub only_with_consent: bool,
    /// Reads a number as it is dialled in the list's country.
    pub number: &'r dyn Fn(&str) -> Result<PhoneNumber, Invalid>,
}

impl<'r> RowRules<'r> {
    pub fn new(
        settings: &'r ImportSettings,
        number: &'r dyn Fn(&str) -> Result<PhoneNumber, Invalid>,
    ) -> RowRules<'r> {
        RowRules { tags: &settings.tags, only_with_consent: settings.only_with_consent, number }
    }
}

fn read_number(cell: &str, rules: &RowRules<'_>) -> Result<PhoneNumber, Invalid> {
    let rounded = cell.to_ascii_uppercase().split_once("E+").is_some_and(|(number, exponent)| {
        let digits =
            |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b','));
        !number.is_empty() && digits(number) && digits(exponent)
    });
    if rounded {
        let message = format!(
            "{cell:?} is a number that a spreadsheet has rounded: make the column text, fill it \
             again and save the file again"
        );
        return Err(Invalid::at("", message));
    }
    (rules.number)(cell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::TextField;
    use crate::csv::{CsvReader, Place};

    fn with_row<T>(line: &str, look: impl FnOnce(Row<'_>) -> T) -> T {
        let mut reader = CsvReader::new(b',', Place::START);
        let line = format!("{line}\n");
        let row = reader.next(&mut line.as_bytes()).expect("CSV").expect("a row");
        look(row)
    }

    fn check_suggested(heading: &str, expected: &[Option<&str>]) {
        let columns = with_row(heading, Columns::suggest);
        let names = columns.names();
        let names: Vec<Option<&str>> = names.iter().map(Option::as_deref).collect();
        assert_eq!(names, expected, "{heading}");
    }

    #[test]
    fn a_heading_says_what_its_columns_hold() {
        check_suggested(
            "First Name,Last Name,Phone,E-mail,Zip,Budget",
            &[
                Some("first_name"),
                Some("last_name"),
                Some("phone_number"),
                Some("email"),
                Some("postal_code"),
                Some("custom_fields.Budget"),
            ],
        );
        check_suggested(
            "Mobile Number,phone_number,Phone,Phone",
            &[
                Some("custom_fields.Mobile Number"),
                Some("phone_number"),
                Some("custom_fields.Phone"),
                None,
            ],
        );
        check_suggested(
            "phone_number,id,created_at,custom_fields.email,,Note,Note,'=SUM",
            &[
                Some("phone_number"),
                None,
                None,
                Some("custom_fields.email"),
                None,
                Some("custom_fields.Note"),
                None,
                Some("custom_fields.=SUM"),
            ],
        );
    }

    fn chosen(names: &[Option<&str>]) -> Result<Columns, Invalid> {
        let names: Vec<Option<String>> = names.iter().map(|name| name.map(str::to_owned)).collect();
        Columns::parse(&names)
    }

    #[test]
    fn columns_that_are_chosen_hold_a_phone_number_and_nothing_twice() {
        let check = |names: &[Option<&str>], expected: &[&str]| {
            let errors = chosen(names).expect_err("wrong").errors;
            let pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
            assert_eq!(pointers, expected, "{names:?}");
        };
        check(&[], &[""]);
        check(&[Some("email")], &[""]);
        check(&[Some("phone_number"), None, Some("phone_number")], &["/2"]);
        check(&[Some("phone_number"), Some("custom_fields.a"), Some("custom_fields.a")], &["/2"]);
        check(&[Some("phone_number"), Some("Budget"), Some("custom_fields.")], &["/1", "/2"]);
        assert!(chosen(&[None, Some("phone_number"), None]).is_ok());
        let columns = chosen(&[None, Some("phone_number")]).expect("columns");
        assert!(with_row("a,b", |row| columns.fit(row)).is_ok());
        assert!(with_row("a,b,c", |row| columns.fit(row)).is_err());
    }

    fn read(
        line: &str,
        only_with_consent: bool,
    ) -> Result<(PhoneNumber, ContactPatch), SkippedRow> {
        let names = ["phone_number", "email", "consent", "tags", "custom_fields.Budget"];
        let columns = chosen(&names.map(Some)).expect("columns");
        let tags = ["import".to_owned()];
        let number = |text: &str| PhoneNumber::from_e164(text);
        let rules = RowRules { tags: &tags, only_with_consent, number: &number };
        with_row(line, |row| columns.read(row, &rules))
    }

    #[test]
    fn a_row_tells_of_a_contact() {
        let (number, patch) =
            read(" '+12025550187 ,ada@example.com,yes,lead; hot,'-5", true).expect("good");
        assert_eq!(number.as_str(), "+12025550187");
        let email = (TextField::Email, Some("ada@example.com".to_owned()));
        let expected = ContactPatch {
            texts: [email].into(),
            more_tags: ["import", "lead", "hot"].map(str::to_owned).to_vec(),
            consent: Some(Some(true)),
            custom_texts: vec![("Budget".to_owned(), "-5".to_owned())],
            ..ContactPatch::default()
        };
        assert_eq!(patch, expected);
        let (_, patch) = read("+12025550187", false).expect("short rows are filled up");
        let tags = vec!["import".to_owned()];
        assert_eq!(patch, ContactPatch { more_tags: tags, ..ContactPatch::default() });
        assert!(read("+12025550187,,,,,,, ", false).is_ok(), "blanks behind the heading's columns");
    }

    #[test]
    fn a_row_that_cannot_be_taken_says_why() {
        let check = |line: &str, reason: &str, text: &str| {
            let skipped = read(line, true).expect_err("skipped");
            assert!(skipped.reason.contains(reason), "{line}: {}", skipped.reason);
            assert_eq!((skipped.line, skipped.text.as_str()), (1, text), "{line}");
        };
        check(",ada@example.com,yes", "no phone number", "ada@example.com, yes");
        check("12,,yes", "phone_number: \"12\" is not a phone number", "12");
        check("1.2025550187E+10,,yes", "a spreadsheet has rounded", "1.2025550187E+10");
        check("+12025550187,ada,yes", "email: \"ada\" is not an e-mail", "ada");
        check("12,ada,yes", "; email", "12, ada");
        check("+12025550187,,perhaps", "consent: \"perhaps\" is neither", "perhaps");
        check("+12025550187,,no", "no consent", "+12025550187");
        check("+12025550187,,", "no consent", "+12025550187");
        check("+12025550187,,yes,,,more", "6 cells, but the heading has 5", "more");
        let long = read(&format!("{},,yes", "1".repeat(1_000)), true).expect_err("skipped");
        assert_eq!(long.text.chars().count(), SKIPPED_TEXT_CHARS_MAX);
    }
}
