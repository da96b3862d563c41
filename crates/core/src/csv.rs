//! CSV, read from pieces of any size and written. A row is in memory at a time and has a bound, so
//! a file may be as large as it likes; each row knows its line, for whoever has to find it, and
//! where it ends, so that reading can go on there another day.
//!
//! What is a file's fault as a whole is a [`CsvError`]. What cells mean is not known here.

use crate::limits::{IMPORT_COLUMNS_MAX, IMPORT_ROW_BYTES_MAX};

const BOM: &[u8] = b"\xef\xbb\xbf";
/// What may stand between cells. The first is taken where nothing speaks for another.
pub const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Rows that are looked at to find out which delimiter a file has.
const GUESS_ROWS: usize = 20;

/// Why a file cannot be read. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CsvError {
    #[error("the file is empty")]
    Empty,
    #[error("the file has a heading and no row")]
    OnlyHeading,
    #[error("the file is UTF-16: save it as \"CSV UTF-8\"")]
    Utf16,
    #[error(
        "line {line} is not UTF-8: save the file as \"CSV UTF-8\" (what Excel calls just \"CSV\" \
         is Windows-1252)"
    )]
    NotUtf8 { line: u64 },
    #[error("line {line} has a zero byte: this is no text file, or not one in UTF-8")]
    Zero { line: u64 },
    #[error("a quote that opens in line {line} is never closed")]
    OpenQuote { line: u64 },
    #[error("line {line} has more than {IMPORT_ROW_BYTES_MAX} bytes")]
    LongRow { line: u64 },
    #[error("line {line} has more than {IMPORT_COLUMNS_MAX} columns")]
    TooManyColumns { line: u64 },
}

/// How far in a file one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub bytes: u64,
    /// In which the next byte stands.
    pub line: u64,
    /// A line feed now would be the other half of a line end that is counted.
    after_return: bool,
}

impl Place {
    pub const START: Place = Place { bytes: 0, line: 1, after_return: false };

    /// Goes on behind these bytes.
    pub fn pass(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        for byte in bytes {
            if *byte == b'\r' || (*byte == b'\n' && !self.after_return) {
                self.line += 1;
            }
            self.after_return = *byte == b'\r';
        }
    }
}

/// A row; where all cells are blank there is none.
#[derive(Debug, Clone, Copy)]
pub struct Row<'r> {
    /// In which it begins.
    pub line: u64,
    /// Bytes of the file up to its end.
    pub end: u64,
    text: &'r str,
    ends: &'r [usize],
}

impl<'r> Row<'r> {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// `""` behind the last one: rows are often short.
    pub fn cell(&self, column: usize) -> &'r str {
        let Some(end) = self.ends.get(column) else { return "" };
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..*end]
    }

    pub fn cells(self) -> impl Iterator<Item = &'r str> {
        (0..self.len()).map(move |column| self.cell(column))
    }
}

/// Takes a file apart, piece by piece.
#[derive(Debug)]
pub struct CsvReader {
    parser: csv_core::Reader,
    place: Place,
    /// How many bytes of a byte order mark the file began with, until that is decided.
    bom: Option<usize>,
    row_line: u64,
    row_start: u64,
    text: Vec<u8>,
    text_len: usize,
    ends: Vec<usize>,
    ends_len: usize,
}

impl CsvReader {
    /// Begins at `place`, which is the file's start or the end of a row.
    pub fn new(delimiter: u8, place: Place) -> CsvReader {
        let mut parser = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        // It would take away a byte order mark at the start of the first piece, and only there. An
        // empty line makes it think that it has begun.
        parser.read_record(b"\n", &mut [0], &mut [0]);
        CsvReader {
            parser,
            place,
            bom: (place.bytes == 0).then_some(0),
            row_line: place.line,
            row_start: place.bytes,
            text: vec![0; 1024],
            text_len: 0,
            ends: vec![0; IMPORT_COLUMNS_MAX + 1],
            ends_len: 0,
        }
    }

    /// The end of what has been read.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The next row that ends in `bytes`, of which it takes away what it has read. `None`: more
    /// bytes are needed.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Row<'_>>, CsvError> {
        while self.advance(bytes)? {
            if !self.is_blank() {
                return self.row().map(Some);
            }
            self.begin_row();
        }
        Ok(None)
    }

    /// The last row, if no line end stands behind it. There are no more bytes.
    pub fn finish(&mut self) -> Result<Option<Row<'_>>, CsvError> {
        self.no_bom()?;
        if self.place.bytes == self.row_start {
            return Ok(None);
        }
        if !self.can_end()? {
            return Err(CsvError::OpenQuote { line: self.row_line });
        }
        if self.is_blank() {
            self.begin_row();
            return Ok(None);
        }
        self.row().map(Some)
    }

    /// Whether a row is complete.
    fn advance(&mut self, bytes: &mut &[u8]) -> Result<bool, CsvError> {
        while let (Some(matched), Some((first, rest))) = (self.bom, bytes.split_first()) {
            if matched == 0 && matches!(first, 0xfe | 0xff) {
                return Err(CsvError::Utf16);
            }
            if *first != BOM[matched] {
                self.no_bom()?;
            } else if matched + 1 < BOM.len() {
                self.bom = Some(matched + 1);
                *bytes = rest;
            } else {
                self.bom = None;
                *bytes = rest;
                self.place.pass(BOM);
                self.begin_row();
            }
        }
        self.take(bytes)
    }

    /// What looked like a byte order mark belongs to the first row. It ends none.
    fn no_bom(&mut self) -> Result<(), CsvError> {
        let matched = self.bom.take().unwrap_or_default();
        self.take(&mut &BOM[..matched]).map(drop)
    }

    fn take(&mut self, bytes: &mut &[u8]) -> Result<bool, CsvError> {
        if self.place.bytes == self.row_start {
            // Line ends before a row belong to no row.
            let ends = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let (ends, rest) = bytes.split_at(ends);
            self.place.pass(ends);
            self.begin_row();
            *bytes = rest;
        }
        // One byte more than a row may have, so that what is said does not hang on the pieces.
        let row_bytes = (self.place.bytes - self.row_start) as usize;
        let room = (IMPORT_ROW_BYTES_MAX + 1 - row_bytes).min(bytes.len());
        let (taken, complete) = self.parse(&bytes[..room])?;
        let (row, rest) = bytes.split_at(taken);
        self.place.pass(row);
        *bytes = rest;
        if row_bytes + taken > IMPORT_ROW_BYTES_MAX {
            let line = self.row_line;
            let ends = complete || self.can_end()?;
            return Err(if ends {
                CsvError::LongRow { line }
            } else {
                CsvError::OpenQuote { line }
            });
        }
        Ok(complete)
    }

    /// How many bytes of these the parser took, and whether a row is complete.
    fn parse(&mut self, bytes: &[u8]) -> Result<(usize, bool), CsvError> {
        use csv_core::ReadRecordResult as Read;
        let mut taken = 0;
        while taken < bytes.len() {
            let (read, bytes_in, bytes_out, ends) = self.parser.read_record(
                &bytes[taken..],
                &mut self.text[self.text_len..],
                &mut self.ends[self.ends_len..],
            );
            taken += bytes_in;
            self.text_len += bytes_out;
            self.ends_len += ends;
            match read {
                Read::InputEmpty | Read::End => break,
                Read::Record => return Ok((taken, true)),
                Read::OutputEndsFull => {
                    return Err(CsvError::TooManyColumns { line: self.row_line });
                }
                // No more than a row has bytes, and that has a bound.
                Read::OutputFull => self.text.resize(2 * self.text.len(), 0),
            }
        }
        Ok((taken, false))
    }

    fn begin_row(&mut self) {
        self.row_line = self.place.line;
        self.row_start = self.place.bytes;
        self.text_len = 0;
        self.ends_len = 0;
    }

    /// Whether a line end, which is not in the file, ends the row: it does not inside of quotes.
    /// Nothing can be read afterwards.
    fn can_end(&mut self) -> Result<bool, CsvError> {
        self.parse(b"\n").map(|(_, complete)| complete)
    }

    fn is_blank(&self) -> bool {
        self.text[..self.text_len].iter().all(|byte| matches!(byte, b' ' | b'\t'))
    }

    /// The row that is complete; the next call begins another.
    fn row(&mut self) -> Result<Row<'_>, CsvError> {
        let (text_len, ends_len, line) = (self.text_len, self.ends_len, self.row_line);
        if ends_len > IMPORT_COLUMNS_MAX {
            return Err(CsvError::TooManyColumns { line });
        }
        self.begin_row();
        let bytes = &self.text[..text_len];
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let good = &bytes[..error.valid_up_to()];
            let more = good.iter().filter(|byte| **byte == b'\n').count() as u64;
            CsvError::NotUtf8 { line: line + more }
        })?;
        if bytes.contains(&0) {
            return Err(CsvError::Zero { line });
        }
        Ok(Row { line, end: self.place.bytes, text, ends: &self.ends[..ends_len] })
    }
}

/// What stands between the cells of a file that begins like that: what makes the most rows as wide
/// as the first, and more than one column.
pub fn guess_delimiter(start: &[u8]) -> u8 {
    let mut best = (DELIMITERS[0], 0, 1);
    for delimiter in DELIMITERS {
        let mut bytes = start;
        let mut reader = CsvReader::new(delimiter, Place::START);
        let (mut columns, mut alike) = (0, 0);
        for _ in 0..GUESS_ROWS {
            // The last row may be cut off; it counts only where it is the only one.
            let row = match reader.next(&mut bytes) {
                Ok(None) if columns == 0 => reader.finish(),
                read => read,
            };
            let Ok(Some(row)) = row else { break };
            if columns == 0 {
                columns = row.len();
            }
            alike += usize::from(row.len() == columns);
        }
        let (_, best_alike, best_columns) = best;
        if columns > 1 && (alike, columns) > (best_alike, best_columns) {
            best = (delimiter, alike, columns);
        }
    }
    best.0
}

/// Writes a row as RFC 4180 has it.
pub fn write_row<C: AsRef<str>>(out: &mut String, cells: impl IntoIterator<Item = C>) {
    let start = out.len();
    for (column, cell) in cells.into_iter().enumerate() {
        if column > 0 {
            out.push(',');
        }
        let cell = cell.as_ref();
        let quoted = cell.contains([',', '"', '\r', '\n']) || cell.starts_with(' ');
        if quoted || cell.ends_with(' ') {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
    if out.len() == start {
        // An empty line would be no row.
        out.push_str("\"\"");
    }
    out.push_str("\r\n");
}

#[cfg(test)]
#[path = "csv/tests.rs"]
mod tests;
