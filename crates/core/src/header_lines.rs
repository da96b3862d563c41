//! The headers of an answer, as they are kept: one text with a line for each, which the transport
//! writes once and nobody takes apart until somebody looks at it. Smaller and three times quicker
//! than JSON, and readable at the shell.

/// `name: value` lines, each ended by a line feed, in the order they came in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeaderLines(String);

impl HeaderLines {
    pub fn with_capacity(bytes: usize) -> HeaderLines {
        HeaderLines(String::with_capacity(bytes))
    }

    /// From what [`HeaderLines::as_str`] gave.
    pub fn from_stored(lines: String) -> HeaderLines {
        HeaderLines(lines)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Names are kept in lower case; bytes that are not UTF-8 become `U+FFFD`.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        let start = self.0.len();
        self.0.push_str(name);
        self.0[start..].make_ascii_lowercase();
        self.0.push_str(": ");
        match std::str::from_utf8(value) {
            Ok(value) if !has_line_break(value) => self.0.push_str(value),
            // HTTP allows no line break in a header; should one come through, it must not make a
            // new line.
            _ => self.0.push_str(&String::from_utf8_lossy(value).replace(['\n', '\r'], " ")),
        }
        self.0.push('\n');
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        // Not `lines()`, which would also eat a carriage return.
        self.0.split_terminator('\n').filter_map(|line| line.split_once(": "))
    }

    /// The first value of a name, which is given in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

fn has_line_break(value: &str) -> bool {
    // Without an early end, so that the compiler makes SIMD of it.
    value.bytes().fold(false, |found, byte| found | (byte == b'\n') | (byte == b'\r'))
}

impl<'h> FromIterator<(&'h str, &'h str)> for HeaderLines {
    fn from_iter<T: IntoIterator<Item = (&'h str, &'h str)>>(headers: T) -> HeaderLines {
        let mut lines = HeaderLines::default();
        for (name, value) in headers {
            lines.push(name, value.as_bytes());
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &[u8], expected: (&str, &str)) {
        let mut lines = HeaderLines::default();
        lines.push(name, value);
        lines.push("next", b"1");
        assert_eq!(lines.iter().collect::<Vec<_>>(), [expected, ("next", "1")]);
        let again = HeaderLines::from_stored(lines.as_str().to_owned());
        assert_eq!(again.get(expected.0), Some(expected.1));
    }

    #[test]
    fn what_was_pushed_comes_back() {
        check("server", b"test: 1", ("server", "test: 1"));
        check("X-Empty", b"", ("x-empty", ""));
        check("x", b"a\xffb", ("x", "a\u{fffd}b"));
        check("x", "Zoë".as_bytes(), ("x", "Zoë"));
    }

    #[test]
    fn a_line_break_cannot_forge_a_header() {
        check("a", b"b\nset-cookie: c", ("a", "b set-cookie: c"));
        check("a", b"b\r\nc\r", ("a", "b  c "));
    }
}
