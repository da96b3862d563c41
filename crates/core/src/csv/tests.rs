//! What files look like that people have, and what holds however a file comes in.

use proptest::prelude::*;

use super::*;

/// Line, end and cells.
type ReadRow = (u64, u64, Vec<String>);

/// Each row, as far as the file can be read.
fn read_in(pieces: &[&[u8]], delimiter: u8, from: Place) -> (Vec<ReadRow>, Option<CsvError>) {
    let owned = |row: Row<'_>| (row.line, row.end, row.cells().map(str::to_owned).collect());
    let mut rows = Vec::new();
    let mut reader = CsvReader::new(delimiter, from);
    for piece in pieces {
        let mut bytes = *piece;
        loop {
            match reader.next(&mut bytes) {
                Ok(Some(row)) => rows.push(owned(row)),
                Ok(None) => break,
                Err(error) => return (rows, Some(error)),
            }
        }
        assert!(bytes.is_empty(), "everything was taken");
    }
    match reader.finish() {
        Ok(row) => rows.extend(row.map(owned)),
        Err(error) => return (rows, Some(error)),
    }
    assert!(matches!(reader.finish(), Ok(None)));
    (rows, None)
}

fn check(file: impl AsRef<[u8]>, expected: &[(u64, &[&str])]) {
    let file = file.as_ref();
    let (rows, error) = read_in(&[file], b',', Place::START);
    assert_eq!(error, None, "{file:?}");
    let found: Vec<(u64, Vec<&str>)> = rows
        .iter()
        .map(|(line, _, cells)| (*line, cells.iter().map(String::as_str).collect()))
        .collect();
    let expected: Vec<(u64, Vec<&str>)> =
        expected.iter().map(|(line, cells)| (*line, cells.to_vec())).collect();
    assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(file));
}

fn check_fails(file: impl AsRef<[u8]>, rows: usize, expected: &CsvError) {
    let file = file.as_ref();
    for piece in [1, 7, 4096, file.len().max(1)] {
        let pieces: Vec<&[u8]> = file.chunks(piece).collect();
        let (read, error) = read_in(&pieces, b',', Place::START);
        assert_eq!((read.len(), error), (rows, Some(expected.clone())), "in pieces of {piece}");
    }
}

#[test]
fn rows_know_their_lines() {
    check("", &[]);
    check("a,b\n1,2\n", &[(1, &["a", "b"]), (2, &["1", "2"])]);
    check("a,b\r\n1,2", &[(1, &["a", "b"]), (2, &["1", "2"])]);
    check("a\rb\rc", &[(1, &["a"]), (2, &["b"]), (3, &["c"])]);
    check("\n\r\n\na\n\n\nb\n", &[(4, &["a"]), (7, &["b"])]);
    check("a\n\"1\n2\r\n3\",x\nb\n", &[(1, &["a"]), (2, &["1\n2\r\n3", "x"]), (5, &["b"])]);
    check("a,b\n,\n  ,\"\"\n1,\n", &[(1, &["a", "b"]), (4, &["1", ""])]);
}

#[test]
fn quotes_are_read_as_spreadsheets_write_them() {
    check("\"a\"\"b\",\"c,d\"\n", &[(1, &["a\"b", "c,d"])]);
    check("5\" pipe,x\n", &[(1, &["5\" pipe", "x"])]);
    check("\"a\"b,c\n", &[(1, &["ab", "c"])]);
    check("\"a\"", &[(1, &["a"])]);
    check("a,", &[(1, &["a", ""])]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_heading() {
    check("\u{feff}a,b\n", &[(1, &["a", "b"])]);
    check("\u{feff}\"a\",b\n", &[(1, &["a", "b"])]);
    check("\u{feff}\u{feff}a\n", &[(1, &["\u{feff}a"])]);
    check("\u{feff}", &[]);
    check("\u{feee}a\n", &[(1, &["\u{feee}a"])]);
    check_fails(b"\xef\xbb", 0, &CsvError::NotUtf8 { line: 1 });
    check_fails(b"\xef", 0, &CsvError::NotUtf8 { line: 1 });
}

#[test]
fn what_cannot_be_read_is_said_with_its_line() {
    check_fails(b"\xff\xfea\0\n\0", 0, &CsvError::Utf16);
    check_fails(b"\xfe\xff\0a\0\n", 0, &CsvError::Utf16);
    check_fails(b"a\0,\0b\0\n\0", 0, &CsvError::Zero { line: 1 });
    check_fails(b"name\nJos\xe9\n", 1, &CsvError::NotUtf8 { line: 2 });
    check_fails(b"name\n\"a\n\xe9\"\n", 1, &CsvError::NotUtf8 { line: 3 });
    check_fails("a,b\n1,\"2\n3,4\n", 1, &CsvError::OpenQuote { line: 2 });
    check_fails("a,b\n1,\"", 1, &CsvError::OpenQuote { line: 2 });
    let endless = format!("a\n\"{}", "x\n".repeat(IMPORT_ROW_BYTES_MAX));
    check_fails(&endless, 1, &CsvError::OpenQuote { line: 2 });
    let wide = format!("a\n{}\n", "x".repeat(IMPORT_ROW_BYTES_MAX));
    check_fails(&wide, 1, &CsvError::LongRow { line: 2 });
    check(&wide[..wide.len() - 2], &[(1, &["a"]), (2, &[&wide[2..wide.len() - 2]])]);
    let quoted = format!("a\n\"{}\"\n", "x".repeat(IMPORT_ROW_BYTES_MAX));
    check_fails(&quoted, 1, &CsvError::OpenQuote { line: 2 });
}

#[test]
fn columns_have_a_bound() {
    let commas = |columns: usize| format!("a\n1{}", ",".repeat(columns - 1));
    let (rows, error) = read_in(&[commas(IMPORT_COLUMNS_MAX).as_bytes()], b',', Place::START);
    assert_eq!((rows[1].2.len(), error), (IMPORT_COLUMNS_MAX, None));
    for columns in [IMPORT_COLUMNS_MAX + 1, IMPORT_COLUMNS_MAX + 2, 10_000] {
        check_fails(commas(columns), 1, &CsvError::TooManyColumns { line: 2 });
        check_fails(commas(columns) + "\n", 1, &CsvError::TooManyColumns { line: 2 });
    }
}

#[test]
fn the_delimiter_is_guessed() {
    let check = |file: &str, expected: char| {
        assert_eq!(char::from(guess_delimiter(file.as_bytes())), expected, "{file:?}");
    };
    check("", ',');
    check("phone\n1\n", ',');
    check("a,b\n1,2\n", ',');
    check("a;b\n1,5;2,5\n3,5;4,5\n", ';');
    check("a\tb\n1, 2\t3\n", '\t');
    check("a|b|c", '|');
    check("name;phone\n\"King, Ada\";+1202\n\"Byron, Ann\";+1203\n", ';');
    check("first, last;phone;city\nAda;1;Rome\nAnn;2;Bonn\n", ';');
}

#[test]
fn a_cell_is_quoted_where_it_must_be() {
    let check = |cells: &[&str], expected: &str| {
        let mut out = String::new();
        write_row(&mut out, cells);
        assert_eq!(out, expected);
    };
    check(&["a", "b c", ""], "a,b c,\r\n");
    check(&["a,b", "c\"d", "e\nf", " g"], "\"a,b\",\"c\"\"d\",\"e\nf\",\" g\"\r\n");
    check(&[""], "\"\"\r\n");
}

fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "[a-z0-9]{1,5}".prop_map(String::into_bytes),
        2 => prop::sample::select(vec![&b","[..], b"\n", b"\r\n", b"\r", b"\"", b"\"\"", b" "])
            .prop_map(<[u8]>::to_vec),
        1 => prop::sample::select(vec![&b"\xef\xbb\xbf"[..], b"\xef", b"\xe9", b"\0", "é".as_bytes()])
            .prop_map(<[u8]>::to_vec),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_pieces_give_the_same_rows(file in any_file(), cuts in prop::collection::vec(0..200usize, 0..8)) {
        let whole = read_in(&[&file], b',', Place::START);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(file.len())).collect();
        cuts.extend([0, file.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &file[cut[0]..cut[1]]).collect();
        prop_assert_eq!(&read_in(&pieces, b',', Place::START), &whole);
        let bytes: Vec<&[u8]> = file.chunks(1).collect();
        prop_assert_eq!(&read_in(&bytes, b',', Place::START), &whole);
    }

    #[test]
    fn reading_goes_on_behind_any_row(file in any_file()) {
        let (rows, error) = read_in(&[&file], b',', Place::START);
        for (position, (_, end, _)) in rows.iter().enumerate() {
            let (before, after) = file.split_at(*end as usize);
            let mut place = Place::START;
            place.pass(before);
            let (rest, same_error) = read_in(&[after], b',', place);
            prop_assert_eq!(&rest[..], &rows[position + 1..]);
            prop_assert_eq!(&same_error, &error);
        }
    }

    #[test]
    fn what_was_written_is_read(rows in prop::collection::vec(prop::collection::vec("[a-z ,;\"\r\n'=é]{0,6}", 1..5), 0..6)) {
        let mut file = String::new();
        write_row(&mut file, ["heading"]);
        for row in &rows {
            write_row(&mut file, row);
        }
        let (read, error) = read_in(&[file.as_bytes()], b',', Place::START);
        prop_assert_eq!(error, None);
        let read: Vec<Vec<String>> = read.into_iter().map(|(_, _, cells)| cells).skip(1).collect();
        let blank = |row: &Vec<String>| row.iter().all(|cell| cell.trim_matches(' ').is_empty());
        let written: Vec<Vec<String>> = rows.into_iter().filter(|row| !blank(row)).collect();
        prop_assert_eq!(read, written);
    }
}
