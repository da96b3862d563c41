//! What an import makes of its file: what the start of one says before anything is imported, and
//! the batches of changes that its rows come to.

use crate::contact::{ContactEdit, ContactPatch};
use crate::contact_columns::{Columns, RowRules};
use crate::csv::{CsvError, CsvReader, DELIMITERS, Place, Row, guess_delimiter};
use crate::error::{Complaints, FieldError, Invalid};
use crate::import::{ImportProgress, ImportSettings, SkippedRow};
use crate::limits::{IMPORT_BATCH_ROWS, IMPORT_PREVIEW_ROWS};
use crate::phone::PhoneNumber;

/// What somebody chose of how a file is to be read; the rest is found out.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    pub delimiter: Option<u8>,
    pub columns: Option<Vec<Option<String>>>,
}

/// What the start of a file says.
#[derive(Debug)]
pub struct FileStart {
    pub delimiter: u8,
    pub heading: Vec<String>,
    /// As far as they are fields at all, even where [`FileStart::errors`] complains of them.
    pub columns: Columns,
    pub rows: Vec<PreviewRow>,
    /// Why it cannot be imported like this.
    pub errors: Vec<FieldError>,
}

#[derive(Debug)]
pub struct PreviewRow {
    pub line: u64,
    pub cells: Vec<String>,
    pub read: Result<(PhoneNumber, ContactPatch), SkippedRow>,
}

impl FileStart {
    /// Looks at the first bytes of a file. `is_whole`: there are no more.
    pub fn look(start: &[u8], is_whole: bool, chosen: &Chosen, rules: &RowRules<'_>) -> FileStart {
        let delimiter = chosen.delimiter.unwrap_or_else(|| guess_delimiter(start));
        let mut wrong = Complaints::default();
        let chosen = chosen.columns.as_deref();
        if let Some(names) = chosen {
            wrong.check("/columns", Columns::parse(names));
        }
        let mut found = FileStart {
            delimiter,
            heading: Vec::new(),
            columns: chosen.map(Columns::as_far_as_known).unwrap_or_default(),
            rows: Vec::new(),
            errors: Vec::new(),
        };
        if let Err(error) = found.read(start, is_whole, chosen.is_some(), rules, &mut wrong) {
            wrong.add("", error.to_string());
        }
        found.errors = wrong.finish().err().map(|invalid| invalid.errors).unwrap_or_default();
        found
    }

    fn read(
        &mut self,
        start: &[u8],
        is_whole: bool,
        is_chosen: bool,
        rules: &RowRules<'_>,
        wrong: &mut Complaints,
    ) -> Result<(), CsvError> {
        let mut reader = CsvReader::new(self.delimiter, Place::START);
        let mut bytes = start;
        while self.rows.len() < IMPORT_PREVIEW_ROWS {
            let row = match reader.next(&mut bytes)? {
                None if is_whole => reader.finish()?,
                row => row,
            };
            let Some(row) = row else { break };
            if self.heading.is_empty() {
                self.heading = row.cells().map(str::to_owned).collect();
                if is_chosen {
                    wrong.check("/columns", self.columns.fit(row));
                } else {
                    self.columns = Columns::suggest(row);
                    wrong.check("/columns", Columns::parse(&self.columns.names()));
                }
            } else {
                self.rows.push(PreviewRow {
                    line: row.line,
                    cells: row.cells().map(str::to_owned).collect(),
                    read: self.columns.read(row, rules),
                });
            }
        }
        match (self.heading.is_empty(), is_whole) {
            (true, _) => Err(CsvError::Empty),
            (false, true) if self.rows.is_empty() => Err(CsvError::OnlyHeading),
            _ => Ok(()),
        }
    }
}

/// The delimiter as somebody names it: the character itself, or `tab`.
pub fn parse_delimiter(text: &str) -> Result<u8, Invalid> {
    let byte = match text {
        "tab" | "\\t" => b'\t',
        _ => *text.as_bytes().first().filter(|_| text.len() == 1).unwrap_or(&0),
    };
    if DELIMITERS.contains(&byte) {
        return Ok(byte);
    }
    Err(Invalid::at("", format!("{text:?} is none of , ; | and tab")))
}

/// Reads a file through before anything of it is imported.
#[derive(Debug)]
pub struct Check<'s> {
    reader: CsvReader,
    columns: &'s Columns,
    /// Where the heading ends, once it is read.
    heading_end: Option<u64>,
    rows: u64,
}

/// Why a file cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error(transparent)]
    Csv(#[from] CsvError),
    #[error(transparent)]
    Columns(#[from] Invalid),
}

impl<'s> Check<'s> {
    pub fn new(settings: &ImportSettings, columns: &'s Columns) -> Check<'s> {
        let reader = CsvReader::new(settings.delimiter, Place::START);
        Check { reader, columns, heading_end: None, rows: 0 }
    }

    pub fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Unfit> {
        while let Some(row) = self.reader.next(&mut bytes)? {
            count(&mut self.heading_end, &mut self.rows, self.columns, row)?;
        }
        Ok(())
    }

    /// At the end of the file: the progress of an import that begins behind the heading.
    pub fn finish(mut self) -> Result<ImportProgress, Unfit> {
        if let Some(row) = self.reader.finish()? {
            count(&mut self.heading_end, &mut self.rows, self.columns, row)?;
        }
        let bytes_done = self.heading_end.ok_or(CsvError::Empty)?;
        if self.rows == 0 {
            return Err(CsvError::OnlyHeading.into());
        }
        Ok(ImportProgress { rows: Some(self.rows), bytes_done, ..ImportProgress::default() })
    }
}

fn count(
    heading_end: &mut Option<u64>,
    rows: &mut u64,
    columns: &Columns,
    row: Row<'_>,
) -> Result<(), Invalid> {
    if heading_end.is_some() {
        *rows += 1;
        return Ok(());
    }
    *heading_end = Some(row.end);
    columns.fit(row)
}

/// Rows of an import that are done with in one step.
#[derive(Debug, Default)]
pub struct Batch {
    pub edits: Vec<ContactEdit>,
    pub skipped: Vec<SkippedRow>,
    rows: u64,
    end: u64,
}

impl Batch {
    /// Reads rows until the batch is full, which is the answer, or the bytes are used up.
    pub fn fill(
        &mut self,
        reader: &mut CsvReader,
        bytes: &mut &[u8],
        settings: &ImportSettings,
        columns: &Columns,
        rules: &RowRules<'_>,
    ) -> Result<bool, CsvError> {
        while (self.rows as usize) < IMPORT_BATCH_ROWS {
            let Some(row) = reader.next(bytes)? else { return Ok(false) };
            self.add(row, settings, columns, rules);
        }
        Ok(true)
    }

    pub fn add(
        &mut self,
        row: Row<'_>,
        settings: &ImportSettings,
        columns: &Columns,
        rules: &RowRules<'_>,
    ) {
        match columns.read(row, rules) {
            Ok((phone_number, patch)) => self.edits.push(ContactEdit::Upsert {
                powerlist_id: settings.powerlist_id,
                phone_number,
                patch,
                on_existing: settings.on_existing,
            }),
            Err(skipped) => self.skipped.push(skipped),
        }
        self.rows += 1;
        self.end = row.end;
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Where an import is behind these rows. What became of the changes is not counted yet.
    pub fn after(&self, before: ImportProgress) -> ImportProgress {
        ImportProgress {
            bytes_done: self.end,
            rows_done: before.rows_done + self.rows,
            skipped: before.skipped + self.skipped.len() as u64,
            ..before
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::OnExisting;
    use crate::id::PowerlistId;

    fn look(file: &[u8], columns: Option<&[Option<&str>]>) -> FileStart {
        let names = columns.map(|names| names.iter().map(|name| name.map(str::to_owned)).collect());
        let chosen = Chosen { delimiter: None, columns: names };
        let number = |text: &str| PhoneNumber::from_e164(text);
        let rules = RowRules { tags: &[], only_with_consent: false, number: &number };
        FileStart::look(file, true, &chosen, &rules)
    }

    #[test]
    fn the_start_of_a_file_says_how_it_is_read() {
        let start = look(b"Phone;Budget\n+12025550187;85\n12;\n", None);
        assert_eq!((start.delimiter, start.errors), (b';', Vec::new()));
        assert_eq!(start.heading, ["Phone", "Budget"]);
        let lines: Vec<(u64, bool)> =
            start.rows.iter().map(|row| (row.line, row.read.is_ok())).collect();
        assert_eq!(lines, [(2, true), (3, false)]);
    }

    #[test]
    fn what_cannot_be_imported_is_said_before() {
        let check = |file: &[u8], columns: Option<&[Option<&str>]>, expected: &str| {
            let errors = look(file, columns).errors;
            let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert!(text.join("; ").contains(expected), "{text:?}");
        };
        check(b"", None, "the file is empty");
        check(b"\n\n", None, "the file is empty");
        check(b"phone\n", None, "no row");
        check(b"email\na@b\n", None, "/columns: one column must hold phone_number");
        check(b"phone,x\n1,2\n", Some(&[Some("phone_number")]), "/columns: the file has 2 columns");
        check(b"phone,x\n1,2\n", Some(&[None, Some("y")]), "/columns/1: there is no field \"y\"");
        check(b"phone\n\"1\n", None, "a quote that opens in line 2");
        check(b"\xff\xfep\0\n\0", None, "UTF-16");
        check(
            b"phone,phone number\n+12025550187,\n",
            Some(&[Some("phone_number"); 2]),
            "/columns/1",
        );
    }

    #[test]
    fn a_file_is_done_in_batches_and_goes_on_anywhere() {
        let mut file = "phone\n".to_owned();
        let rows = 2 * IMPORT_BATCH_ROWS + 5;
        for row in 0..rows {
            let number = if row % 10 == 0 { "x".to_owned() } else { format!("+1202{row:07}") };
            file.push_str(&number);
            file.push('\n');
        }
        let settings = ImportSettings {
            powerlist_id: PowerlistId::from_raw(1),
            file_name: String::new(),
            columns: vec![Some("phone_number".to_owned())],
            delimiter: b',',
            on_existing: OnExisting::Update,
            tags: Vec::new(),
            only_with_consent: false,
            raise_events: false,
        };
        let columns = Columns::parse(&settings.columns).expect("columns");
        let mut check = Check::new(&settings, &columns);
        file.as_bytes().chunks(1_000).for_each(|piece| check.pass(piece).expect("CSV"));
        let mut progress = check.finish().expect("rows");
        assert_eq!((progress.rows, progress.bytes_done), (Some(rows as u64), 6));
        let number = |text: &str| PhoneNumber::from_e164(text);
        let rules = RowRules::new(&settings, &number);
        let mut edits = 0;
        loop {
            let (before, mut bytes) = file.as_bytes().split_at(progress.bytes_done as usize);
            let mut place = Place::START;
            place.pass(before);
            let mut reader = CsvReader::new(settings.delimiter, place);
            let mut batch = Batch::default();
            batch.fill(&mut reader, &mut bytes, &settings, &columns, &rules).expect("CSV");
            if batch.is_empty() {
                break;
            }
            edits += batch.edits.len();
            progress = batch.after(progress);
        }
        let skipped = rows.div_ceil(10);
        assert_eq!((edits, progress.skipped), (rows - skipped, skipped as u64));
        assert_eq!((progress.rows_done, progress.bytes_done), (rows as u64, file.len() as u64));
    }
}
