//! The headers that the owner of a webhook has us add to every request. They are parsed on save,
//! so that no attempt can fail over them, and may neither change what the message is nor speak
//! in our name.

use std::fmt;

use http::{HeaderName, HeaderValue};

use crate::error::{Complaints, Invalid, escape_pointer};
use crate::limits::{
    CUSTOM_HEADER_NAME_BYTES_MAX, CUSTOM_HEADER_VALUE_BYTES_MAX, CUSTOM_HEADERS_MAX,
};

/// Names that are ours or the connection's. `cookie` is not among them: a fixed one is a
/// credential like another, and we never keep what a receiver sets.
const RESERVED_NAMES: [&str; 11] = [
    "accept-encoding",
    "connection",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// `content-*` describes the body, `proxy-*` speaks to another machine, and by `webhook-*` and
/// `x-webhook-*` receivers know that a request is ours.
const RESERVED_PREFIXES: [&str; 4] = ["content-", "proxy-", "webhook-", "x-webhook-"];

/// Headers in the order given, each name once and in lower case. Values may be secrets: they are
/// marked sensitive (HTTP/2 then keeps them out of its compression tables) and never printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct CustomHeaders(Vec<(HeaderName, HeaderValue)>);

impl CustomHeaders {
    /// Complaints point at `/<name>`, and never repeat a value.
    pub fn parse(
        headers: impl IntoIterator<Item = (String, String)>,
    ) -> Result<CustomHeaders, Invalid> {
        let mut parsed: Vec<(HeaderName, HeaderValue)> = Vec::new();
        let mut complaints = Complaints::default();
        for (position, (name_text, value_text)) in headers.into_iter().enumerate() {
            if position == CUSTOM_HEADERS_MAX {
                complaints.add("", format!("has more than {CUSTOM_HEADERS_MAX} headers"));
                break;
            }
            let pointer = format!("/{}", escape_pointer(&name_text));
            let name = complaints.check(&pointer, parse_name(&name_text));
            let value = complaints.check(&pointer, parse_value(&value_text));
            let (Some(name), Some(value)) = (name, value) else { continue };
            if parsed.iter().any(|(earlier, _)| *earlier == name) {
                complaints.add(pointer, "is given twice: header names do not tell case apart");
                continue;
            }
            parsed.push((name, value));
        }
        complaints.finish()?;
        Ok(CustomHeaders(parsed))
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Names and values as text, which [`CustomHeaders::parse`] reads back: the stored form.
    pub fn iter_text(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| {
            (name.as_str(), value.to_str().expect("parse takes visible ASCII only"))
        })
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for CustomHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, _)| (name.as_str(), "…"))).finish()
    }
}

fn parse_name(text: &str) -> Result<HeaderName, Invalid> {
    let refused = |message: String| Err(Invalid::at("", message));
    if text.len() > CUSTOM_HEADER_NAME_BYTES_MAX {
        return refused(format!("has a name longer than {CUSTOM_HEADER_NAME_BYTES_MAX} bytes"));
    }
    // Lower-cases what it takes.
    let Ok(name) = HeaderName::from_bytes(text.as_bytes()) else {
        return refused("is not a header name: use letters, digits and hyphens".to_owned());
    };
    let reserved = RESERVED_NAMES.contains(&name.as_str())
        || RESERVED_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix));
    if reserved {
        return refused("is a header that only the platform may set".to_owned());
    }
    Ok(name)
}

fn parse_value(text: &str) -> Result<HeaderValue, Invalid> {
    let refused = |message: String| Err(Invalid::at("", message));
    // Blanks around a value are not part of it (RFC 9110, 5.5); a receiver would not see them.
    let text = text.trim_matches([' ', '\t']);
    if text.len() > CUSTOM_HEADER_VALUE_BYTES_MAX {
        return refused(format!("has a value longer than {CUSTOM_HEADER_VALUE_BYTES_MAX} bytes"));
    }
    // Stricter than the crate, which lets other bytes through: receivers do not agree on whether
    // they are Latin-1 or UTF-8.
    let visible = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte);
    let Some(mut value) =
        text.bytes().all(visible).then(|| HeaderValue::from_str(text).ok()).flatten()
    else {
        let why = "has a value with line breaks, control characters or characters beyond ASCII";
        return refused(why.to_owned());
    };
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(headers: &[(&str, &str)]) -> Result<CustomHeaders, Invalid> {
        CustomHeaders::parse(headers.iter().map(|&(name, value)| (name.into(), value.into())))
    }

    fn check(name: &str, value: &str, expected: (&str, &str)) {
        let parsed = parse(&[(name, value)]).unwrap_or_else(|error| panic!("{name:?}: {error}"));
        assert_eq!(parsed.iter_text().collect::<Vec<_>>(), [expected]);
    }

    fn check_refused(name: &str, value: &str, part: &str) {
        let error = parse(&[(name, value)]).expect_err(&format!("{name:?}: {value:?}"));
        assert!(error.to_string().contains(part), "{name:?}: {value:?}: {error}");
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        assert!(error.errors.iter().all(|error| error.pointer == pointer), "{error:?}");
    }

    #[test]
    fn ordinary_headers_are_kept_in_their_order() {
        check("Authorization", "Bearer abc", ("authorization", "Bearer abc"));
        check("X-API-Key", " k \t", ("x-api-key", "k"));
        check("x-empty", "", ("x-empty", ""));
        check("x-tab", "a\tb", ("x-tab", "a\tb"));
        check("Cookie", "a=b; c=d", ("cookie", "a=b; c=d"));
        check("accept", "*/*", ("accept", "*/*"));
        check("x_underscore", "~!@#$%^&*()\"'<>\\", ("x_underscore", "~!@#$%^&*()\"'<>\\"));
        check("hostname", "not host", ("hostname", "not host"));
        check("contents", "not content-", ("contents", "not content-"));
        let both = parse(&[("z", "1"), ("A", "2")]).unwrap();
        assert_eq!(both.iter_text().collect::<Vec<_>>(), [("z", "1"), ("a", "2")]);
        assert_eq!((both.len(), both.is_empty()), (2, false));
        assert_eq!(parse(&[]).unwrap(), CustomHeaders::default());
    }

    #[test]
    fn headers_of_the_message_and_of_ours_are_refused() {
        for name in [
            "host",
            "Host",
            "HOST",
            "content-type",
            "Content-Length",
            "content-encoding",
            "content-anything",
            "transfer-encoding",
            "Connection",
            "te",
            "trailer",
            "upgrade",
            "expect",
            "keep-alive",
            "proxy-authorization",
            "Proxy-Connection",
            "user-agent",
            "webhook-id",
            "Webhook-Signature",
            "webhook-anything",
            "x-webhook-signature",
            "X-Webhook-Signature-256",
            "x-webhook-event",
            "accept-encoding",
            "http2-settings",
        ] {
            check_refused(name, "x", "only the platform");
        }
    }

    #[test]
    fn nothing_in_a_name_can_end_its_line() {
        for name in [
            "",
            " ",
            "x y",
            " x",
            "x ",
            "x:",
            ":path",
            "x\r",
            "x\n",
            "x\r\nhost: evil",
            "x\0",
            "x\ty",
            "x\u{7f}",
            "é",
            "x\u{2028}",
            "ｈost",
            "x/y",
            "x~/y\n",
            "x(y)",
            "x\"y\"",
            "x,y",
            "x;y",
            "x=y",
            "x@y",
            "[x]",
            "{x}",
            "\u{feff}x",
        ] {
            check_refused(name, "v", "not a header name");
        }
        check_refused(&"x".repeat(CUSTOM_HEADER_NAME_BYTES_MAX + 1), "v", "longer than 128 bytes");
        check(&"x".repeat(CUSTOM_HEADER_NAME_BYTES_MAX), "v", (&"x".repeat(128), "v"));
    }

    #[test]
    fn nothing_in_a_value_can_end_its_line() {
        for value in [
            "\r",
            "\n",
            "\r\n",
            "a\r\nx: y",
            "a\nx: y",
            "a\rx: y",
            "a\r\n folded",
            "a\r\n\tfolded",
            "a\n folded",
            "a\r\n\r\n{}",
            "trailing\n",
            "\nleading",
            "\0",
            "a\0b",
            "a\u{b}b",
            "a\u{c}b",
            "a\u{1b}[31m",
            "a\u{7f}",
            "a\u{80}",
            "a\u{85}b",
            "a\u{a0}b",
            "é",
            "a\u{2028}b",
            "a\u{2029}b",
            "嘊嘍x: y",
            "\u{feff}a",
            "🙂",
        ] {
            check_refused("x", value, "line breaks");
        }
        let longest = "v".repeat(CUSTOM_HEADER_VALUE_BYTES_MAX);
        check("x", &longest, ("x", &longest));
        check_refused("x", &format!("{longest}v"), "longer than 4096 bytes");
    }

    #[test]
    fn every_complaint_is_made_at_once_and_points_at_its_header() {
        let error = parse(&[("host", "a\nb"), ("ok", "1"), ("a/b~c", "1"), ("X", "1"), ("x", "2")])
            .unwrap_err();
        let pointers: Vec<_> = error.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/host", "/host", "/a~1b~0c", "/x"]);
        assert!(error.to_string().contains("given twice"));
    }

    #[test]
    fn there_are_at_most_32_and_the_rest_is_not_even_read() {
        let many = |count: usize| (0..count).map(|n| (format!("x-{n}"), "v".to_owned()));
        assert_eq!(CustomHeaders::parse(many(32)).unwrap().len(), 32);
        let error = CustomHeaders::parse(many(usize::MAX)).unwrap_err();
        assert_eq!(error, Invalid::at("", "has more than 32 headers"));
    }

    #[test]
    fn values_never_show_in_debug_or_errors() {
        let headers = parse(&[("authorization", "Bearer hunter2")]).unwrap();
        assert_eq!(format!("{headers:?}"), r#"{"authorization": "…"}"#);
        let (_, value) = headers.iter().next().unwrap();
        assert!(value.is_sensitive());
        assert!(!format!("{value:?}").contains("hunter2"));
        let error = parse(&[("host", "hunter2\n")]).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_one_clean_line_and_reads_back_the_same(
            name in "\\PC{0,12}|[a-zA-Z0-9-]{1,12}", value in any::<String>(),
        ) {
            if let Ok(headers) = parse(&[(&name, &value)]) {
                for (name, value) in headers.iter_text() {
                    prop_assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':'));
                    prop_assert!(value.bytes().all(|byte| byte == b'\t' || (32..127).contains(&byte)));
                }
                let again: Vec<_> = headers.iter_text().collect();
                prop_assert_eq!(parse(&again).expect("was accepted once"), headers);
            }
        }
    }
}
