//! What is read, what is refused, and after what a connection is used again.

use posthaste_core::limits::{RESPONSE_HEAD_BYTES_MAX, RESPONSE_HEADERS_MAX};
use proptest::prelude::*;

use super::*;

const BODY_BYTES_MAX: usize = 64;

/// How reading ended, in one line: status, header lines, body, and what of the connection.
fn read(pieces: &[&[u8]], closes: bool) -> String {
    read_expecting(BodyExpected::Yes, pieces, closes)
}

/// Gives the reader what a connection would: what it leaves comes again with the next piece.
fn read_expecting(expected: BodyExpected, pieces: &[&[u8]], closes: bool) -> String {
    let mut reader = AnswerReader::new(expected, BODY_BYTES_MAX);
    let mut buffer = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        match reader.take(&buffer) {
            Ok(taken) => drop(buffer.drain(..taken)),
            Err(error) => return format!("refused: {error}"),
        }
    }
    let is_complete = reader.is_complete() || (closes && reader.end_of_input());
    if !is_complete {
        return "incomplete".to_owned();
    }
    let fate = match (reader.may_reuse(), buffer.is_empty()) {
        (true, true) => "reuse",
        (true, false) => "close: more came",
        (false, _) => "close",
    };
    let Answer { status, headers, body, truncated } = reader.into_answer();
    let lines = headers.iter().count();
    let cut = if truncated { " (cut)" } else { "" };
    format!("{status}, {lines} lines, {:?}{cut}, {fate}", String::from_utf8_lossy(&body))
}

fn check(answer: &str, expected: &str) {
    let answer = answer.as_bytes();
    assert_eq!(read(&[answer], true), expected, "{}", String::from_utf8_lossy(answer));
    let bytes: Vec<&[u8]> = answer.chunks(1).collect();
    let came = format!("byte by byte: {}", String::from_utf8_lossy(answer));
    // Byte by byte nothing is read beyond the answer in one go; what follows it is left all the
    // same.
    assert_eq!(read(&bytes, true), expected, "{came}");
}

fn check_refused(answer: &str, part: &str) {
    let said = read(&[answer.as_bytes()], true);
    assert!(said.starts_with("refused") && said.contains(part), "{answer:?}: {said}");
}

#[test]
fn a_body_ends_where_its_head_says() {
    check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", r#"200, 1 lines, "ok", reuse"#);
    check("HTTP/1.1 200 OK\r\nContent-Length:0\r\n\r\n", r#"200, 1 lines, "", reuse"#);
    check("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", r#"200, 1 lines, "", reuse"#);
    check("HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n", r#"200, 1 lines, "", reuse"#);
    check(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n00A\r\n0123456789\r\n0\r\n\r\n",
        r#"200, 1 lines, "ok0123456789", reuse"#,
    );
    check("HTTP/1.1 500 No\r\n\r\nuntil the end", r#"500, 0 lines, "until the end", close"#);
    check("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nzip", r#"200, 1 lines, "zip", close"#);
    check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", "incomplete");
    check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", "incomplete");
    check("HTTP/1.1 200 OK\r\ncontent-le", "incomplete");
    check("", "incomplete");
}

#[test]
fn some_answers_have_no_body_whatever_they_say() {
    check("HTTP/1.1 204 No Content\r\n\r\n", r#"204, 0 lines, "", reuse"#);
    check("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", r#"304, 1 lines, "", reuse"#);
    check("HTTP/1.1 204 No\r\ncontent-length: 0\r\n\r\n", r#"204, 1 lines, "", reuse"#);
    // One that sends what it announces would start the next answer with it.
    check("HTTP/1.1 204 No\r\ncontent-length: 2\r\n\r\n", r#"204, 1 lines, "", close"#);
    check("HTTP/1.1 204 No\r\ntransfer-encoding: chunked\r\n\r\n", r#"204, 1 lines, "", close"#);
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n";
    let said = read_expecting(BodyExpected::No, &[head], false);
    assert_eq!(said, r#"200, 1 lines, "", reuse"#);
}

#[test]
fn interim_answers_are_passed_over_and_an_upgrade_is_the_last_word() {
    check(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 204 N\r\n\r\n",
        r#"204, 0 lines, "", reuse"#,
    );
    check("HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\nwhatever", r#"101, 1 lines, "", close"#);
    check("HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\n", "incomplete");
    let flood = "HTTP/1.1 100 Continue\r\n\r\n".repeat(RESPONSE_HEAD_BYTES_MAX / 25 + 1);
    check_refused(&flood, "head is too long");
}

#[test]
fn who_says_close_is_not_asked_again() {
    let with = |version: &str, headers: &str| {
        let answer = format!("HTTP/{version} 200 OK\r\n{headers}content-length: 0\r\n\r\n");
        let said = read(&[answer.as_bytes()], false);
        said.rsplit(", ").next().expect("a fate").to_owned()
    };
    for (version, headers, expected) in [
        ("1.1", "", "reuse"),
        ("1.1", "connection: keep-alive\r\n", "reuse"),
        ("1.1", "connection: close\r\n", "close"),
        ("1.1", "Connection: x, CLOSE\r\n", "close"),
        ("1.1", "connection: keep-alive\r\nconnection: close\r\n", "close"),
        ("1.1", "connection: closed\r\n", "reuse"),
        ("1.0", "", "close"),
        ("1.0", "connection: Keep-Alive\r\n", "reuse"),
        ("1.0", "connection: keep-alive, close\r\n", "close"),
    ] {
        assert_eq!(with(version, headers), expected, "{version} {headers:?}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_read_and_ends_the_connection() {
    let both =
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    check(both, r#"200, 2 lines, "", close"#);
    for lengths in ["2\r\ncontent-length: 2", "2, 2"] {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {lengths}\r\n\r\nok");
        let said = read(&[answer.as_bytes()], false);
        assert!(said.ends_with(r#""ok", close"#), "{said}");
    }
    check("HTTP/1.1 200 OK\ncontent-length: 2\n\nok", r#"200, 1 lines, "ok", close"#);
    check("HTTP/1.1 200 OK\r\ncontent-length: 2\n\r\nok", r#"200, 1 lines, "ok", close"#);
    for codings in ["gzip, chunked", "chunked, chunked", "chunked\r\ntransfer-encoding: chunked"] {
        let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: {codings}\r\n\r\n0\r\n\r\n");
        let said = read(&[answer.as_bytes()], false);
        assert!(said.ends_with(r#""", close"#), "{said}");
    }
    for codings in ["chunked, gzip", ""] {
        let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: {codings}\r\n\r\n0\r\n\r\n");
        let said = read(&[answer.as_bytes()], true);
        assert!(said.ends_with(r#""0\r\n\r\n", close"#), "{said}");
    }
}

#[test]
fn what_follows_an_answer_is_not_part_of_it() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ] {
        for more in ["\r\n", "HTTP/1.1 500 Smuggled\r\n\r\n", "\0"] {
            let said = read(&[format!("{answer}{more}").as_bytes()], false);
            assert_eq!(said, r#"200, 1 lines, "ok", close: more came"#);
        }
    }
}

#[test]
fn what_is_not_http_is_refused() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.9\r\n",
        "<html>",
        "\0",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n",
    ] {
        check_refused(garbage, "does not start with HTTP/1");
    }
    for (head, part) in [
        ("HTTP/1.2 200 OK", "version"),
        ("HTTP/1.1 20 OK", "status"),
        ("HTTP/1.1 2000 OK", "status"),
        ("HTTP/1.1 099 Odd", "status is none"),
        ("HTTP/1.1 200 OK\r\nno colon", "header"),
        ("HTTP/1.1 200 OK\r\n: no name", "header"),
        ("HTTP/1.1 200 OK\r\nname : x", "header"),
        ("HTTP/1.1 200 OK\r\na: b\r\n folded", "header"),
        ("HTTP/1.1 200 OK\r\na: b\rc", "header"),
        ("HTTP/1.1 200 OK\r\na: b\0", "header"),
        ("HTTP/1.1 200 OK\r\ncontent-length: -1", "length is none"),
        ("HTTP/1.1 200 OK\r\ncontent-length: +1", "length is none"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0x1", "length is none"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1 2", "length is none"),
        ("HTTP/1.1 200 OK\r\ncontent-length:", "length is none"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1,", "length is none"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616", "length is none"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1, 2", "two lengths"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2", "two lengths"),
        ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked", "HTTP/1.0"),
    ] {
        check_refused(&format!("{head}\r\n\r\n"), part);
    }
}

#[test]
fn chunks_follow_their_grammar_to_the_byte() {
    let chunked =
        |body: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}");
    for body in [
        "2\r\nok\r\n0\r\n\r\n",
        "0002\r\nok\r\n000\r\n\r\n",
        "2;a=b;c=\"d\"\r\nok\r\n0;last\r\n\r\n",
        "2 \t;a\r\nok\r\n0 \r\n\r\n",
        "1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
        "2\r\nok\r\n0\r\nexpires: never\r\nx: y\r\n\r\n",
    ] {
        check(&chunked(body), r#"200, 1 lines, "ok", reuse"#);
    }
    for body in [
        "\r\nok",
        ";a\r\nok",
        " 2\r\nok",
        "0x2\r\nok",
        "-1\r\nok",
        "g\r\n",
        "2\nok\r\n0\r\n\r\n",
        "2\rxok",
        "2;a\nok",
        "2 x\r\nok",
        "2\r\nok0\r\n\r\n",
        "2\r\nokk\r\n0\r\n\r\n",
        "2\r\nok\n0\r\n\r\n",
        "0\r\n\n",
        "0\r\nx: y\n\r\n",
        "0\r\n\rx",
        "00000000000000002\r\nok",
        "fffffffffffffffff\r\nok",
    ] {
        check_refused(&chunked(body), "a chunk");
    }
    let huge = chunked("ffffffffffffffff\r\nok");
    check(&huge, "incomplete");
    for flood in [";", "2;", "0\r\n"] {
        let extras = if flood == ";" { "2".to_owned() } else { flood.to_owned() };
        let body = format!("{extras}{}", ";".repeat(CHUNK_EXTRAS_BYTES_MAX + 1));
        check_refused(&chunked(&body), "too much");
    }
}

#[test]
fn of_a_long_body_the_beginning_is_kept_and_the_rest_not_waited_for() {
    let full = "a".repeat(BODY_BYTES_MAX);
    let whole = format!("HTTP/1.1 200 OK\r\ncontent-length: {BODY_BYTES_MAX}\r\n\r\n{full}");
    check(&whole, &format!(r#"200, 1 lines, "{full}", reuse"#));
    let cut = format!(r#"200, 1 lines, "{full}" (cut), close"#);
    for length in [u64::MAX, BODY_BYTES_MAX as u64 + 1] {
        check(&format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{full}"), &cut);
    }
    for chunk in ["ffffffffffffffff", "41"] {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked";
        check(&format!("{head}\r\n\r\n{chunk}\r\n{full}"), &cut);
    }
    let until_closed = format!("HTTP/1.1 200 OK\r\n\r\n{full}");
    check(&until_closed, &format!(r#"200, 0 lines, "{full}", close"#));
    check(&format!("{until_closed}a"), &format!(r#"200, 0 lines, "{full}" (cut), close"#));
}

#[test]
fn heads_are_bounded_in_lines_and_bytes() {
    let lines = |count: usize| {
        let lines: String = (0..count).map(|number| format!("x-{number}: y\r\n")).collect();
        format!("HTTP/1.1 204 No\r\n{lines}\r\n")
    };
    check(&lines(RESPONSE_HEADERS_MAX), r#"204, 100 lines, "", reuse"#);
    check_refused(&lines(RESPONSE_HEADERS_MAX + 1), "too many headers");
    let long = |length: usize| format!("HTTP/1.1 204 No\r\nx: {}", "y".repeat(length));
    check_refused(&long(RESPONSE_HEAD_BYTES_MAX), "head is too long");
    assert_eq!(read(&[long(RESPONSE_HEAD_BYTES_MAX / 2).as_bytes()], true), "incomplete");
}

/// Answers, whole and broken, and what may come around them.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just("HTTP/1.1 200 OK\r\n"),
        Just("HTTP/1.1 100 Continue\r\n\r\n"),
        Just("HTTP/1.0 204 No\r\n"),
        Just("content-length: 5\r\n"),
        Just("content-length: 70\r\n"),
        Just("transfer-encoding: chunked\r\n"),
        Just("connection: close\r\n"),
        Just("x-other: \u{e9}\n"),
        Just("\r\n"),
        Just("5\r\nhello\r\n"),
        Just("5;ext\r\n"),
        Just("hello"),
        Just("0\r\n"),
        Just("x: y\r\n"),
        Just("0\r\n\r\n"),
    ];
    let parts = proptest::collection::vec(part, 0..12);
    let head = prop_oneof![Just("HTTP/1.1 200 OK\r\n"), Just("")];
    (head, parts, any::<Option<(prop::sample::Index, u8)>>()).prop_map(|(head, parts, flip)| {
        let mut bytes = format!("{head}{}", parts.concat()).into_bytes();
        if let Some((index, byte)) = flip.filter(|_| !bytes.is_empty()) {
            let position = index.index(bytes.len());
            bytes[position] = byte;
        }
        bytes
    })
}

proptest! {
    #[test]
    fn it_does_not_matter_how_an_answer_is_cut(
        answer in answers(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = read(&[&answer], true);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(answer.len() + 1)).collect();
        cuts.extend([0, answer.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &answer[cut[0]..cut[1]]).collect();
        prop_assert_eq!(read(&pieces, true), whole);
        for cut in 0..answer.len() {
            let (before, after) = answer.split_at(cut);
            prop_assert_eq!(read(&[before, after], true), read(&[&answer], true), "cut at {}", cut);
        }
    }

    #[test]
    fn junk_is_refused_or_read_and_never_a_panic(
        junk: Vec<u8>, head in prop_oneof![Just(""), Just("HTTP/1.1 200 OK\r\n"),
            Just("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")],
    ) {
        read(&[head.as_bytes(), &junk], true);
    }
}
