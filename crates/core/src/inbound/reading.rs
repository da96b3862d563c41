//! Reads what a request says, in whatever form it was sent, into values with a path each:
//! `contact.phones.0.value`. What they mean is for `mapping` to say.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use url::form_urlencoded;

use super::multipart;
use crate::canonical::canonicalise;
use crate::error::{Invalid, escape_pointer};
use crate::limits::{DEPTH_MAX, INBOUND_NODES_MAX, INBOUND_PATH_BYTES_MAX, INBOUND_VALUES_MAX};

/// One value of a request, and where it stands there.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// Names and positions, with full stops between them.
    pub path: String,
    /// The same as an RFC 6901 pointer, with the names exactly as they were sent.
    pub pointer: String,
    /// A text, a number, true, false, null, or a list of those.
    pub value: Value,
}

impl Sent {
    /// Whether it says nothing: a field of a form that was left empty, most often.
    pub fn is_blank(&self) -> bool {
        is_blank(&self.value)
    }

    /// As somebody wrote it.
    pub fn text(&self) -> String {
        text_of(&self.value)
    }
}

pub fn is_blank(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(|item| item.is_null() || is_blank(item)),
        Value::Object(members) => members.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// What came in, as far as it says something.
#[derive(Debug, Clone, Copy)]
pub struct Body<'a> {
    pub content_type: Option<&'a str>,
    /// Behind the `?`.
    pub query: &'a str,
    pub bytes: &'a [u8],
}

/// The values of a request, in the order sent: the query's first, so that the body's, which come
/// later, count where both name the same.
pub fn read(body: Body<'_>) -> Result<Vec<Sent>, Invalid> {
    let mut values = Values::default();
    values.form(body.query.as_bytes())?;
    if body.bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(values.sent);
    }
    match Form::of(body)? {
        Form::Json => values.document(body.bytes)?,
        Form::UrlEncoded => values.form(body.bytes)?,
        Form::Multipart { boundary } => {
            for part in multipart::fields(body.bytes, boundary)? {
                let text = String::from_utf8(part.text.to_vec()).map_err(|_| {
                    Invalid::at(short(pointer_to(&part.name)), "is not UTF-8: send it as UTF-8")
                })?;
                values.named(&part.name, text)?;
            }
        }
    }
    Ok(values.sent)
}

/// How a body is written.
enum Form<'a> {
    Json,
    UrlEncoded,
    Multipart { boundary: &'a str },
}

impl<'a> Form<'a> {
    fn of(body: Body<'a>) -> Result<Form<'a>, Invalid> {
        let Some(content_type) = body.content_type.filter(|text| !text.trim().is_empty()) else {
            let looks_like_json = body.bytes.trim_ascii_start().starts_with(b"{");
            return Ok(if looks_like_json { Form::Json } else { Form::UrlEncoded });
        };
        let (media_type, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let media_type = media_type.trim().to_ascii_lowercase();
        let is_json = media_type.ends_with("/json")
            || (media_type.starts_with("application/") && media_type.ends_with("+json"));
        match media_type.as_str() {
            _ if is_json => Ok(Form::Json),
            "application/x-www-form-urlencoded" => Ok(Form::UrlEncoded),
            "multipart/form-data" => match multipart::boundary(parameters) {
                Some(boundary) => Ok(Form::Multipart { boundary }),
                None => Err(Invalid::at("", "the content-type names no boundary of the form")),
            },
            other => Err(Invalid::at(
                "",
                format!(
                    "{other:?} is not taken: send application/json, \
                     application/x-www-form-urlencoded or multipart/form-data"
                ),
            )),
        }
    }
}

#[derive(Default)]
struct Values {
    sent: Vec<Sent>,
    /// Looked at so far, whether or not they hold a value.
    nodes: usize,
}

impl Values {
    fn push(&mut self, path: String, pointer: String, value: Value) -> Result<(), Invalid> {
        if self.sent.len() == INBOUND_VALUES_MAX {
            let message = format!("a request has at most {INBOUND_VALUES_MAX} values");
            return Err(Invalid::at("", message));
        }
        self.sent.push(Sent { path, pointer, value });
        Ok(())
    }

    fn form(&mut self, bytes: &[u8]) -> Result<(), Invalid> {
        for (name, text) in form_urlencoded::parse(bytes.trim_ascii()) {
            // The library puts this mark where bytes are not UTF-8; nobody types it.
            if name.contains('\u{fffd}') || text.contains('\u{fffd}') {
                let pointer = short(pointer_to(&name));
                return Err(Invalid::at(pointer, "is not UTF-8: send it as UTF-8"));
            }
            self.named(&name, text.into_owned())?;
        }
        Ok(())
    }

    /// A field of a form; `contact[phones][0]` is how forms write `contact.phones.0`.
    fn named(&mut self, name: &str, text: String) -> Result<(), Invalid> {
        let path = form_path(name);
        if path.split('.').count() > DEPTH_MAX {
            return Err(too_deep(pointer_to(name)));
        }
        check_length(&path, &pointer_to(name))?;
        if path.is_empty() { Ok(()) } else { self.push(path, pointer_to(name), text.into()) }
    }

    fn document(&mut self, bytes: &[u8]) -> Result<(), Invalid> {
        let not_json = |why: String| Invalid::at("", format!("the body is not JSON: {why}"));
        let text = std::str::from_utf8(bytes).map_err(|error| not_json(error.to_string()))?;
        let text = text.trim_start_matches('\u{feff}');
        let raw: &RawValue =
            serde_json::from_str(text).map_err(|error| not_json(error.to_string()))?;
        match Node::read(raw)? {
            Node::Object(members) => self.object("", "", members, 1),
            // One contact in a list is still one contact.
            Node::Array(items) => match items.as_slice() {
                [only] => match Node::read(only)? {
                    Node::Object(members) => self.object("", "/0", members, 2),
                    _ => Err(Invalid::at("/0", "must be an object")),
                },
                _ => Err(Invalid::at("", "send one contact in each request, as an object")),
            },
            Node::Scalar(_) => Err(Invalid::at("", "the body must be an object")),
        }
    }

    fn object(
        &mut self,
        path: &str,
        pointer: &str,
        members: Vec<(String, &RawValue)>,
        depth: usize,
    ) -> Result<(), Invalid> {
        for (name, raw) in members {
            let pointer = format!("{pointer}{}", pointer_to(&name));
            let path = joined(path, &name);
            self.value(path, pointer, raw, depth)?;
        }
        Ok(())
    }

    fn value(
        &mut self,
        path: String,
        pointer: String,
        raw: &RawValue,
        depth: usize,
    ) -> Result<(), Invalid> {
        if depth >= DEPTH_MAX {
            return Err(too_deep(pointer));
        }
        // Before anything below copies the path.
        check_length(&path, &pointer)?;
        self.nodes += 1;
        if self.nodes > INBOUND_NODES_MAX {
            let message = format!("a request has at most {INBOUND_NODES_MAX} objects and values");
            return Err(Invalid::at("", message));
        }
        match Node::read(raw).map_err(|invalid| invalid.under(&pointer))? {
            Node::Scalar(value) => self.push(path, pointer, value),
            Node::Object(members) => self.object(&path, &pointer, members, depth + 1),
            Node::Array(items) => self.array(path, &pointer, &items, depth),
        }
    }

    /// A list of plain values is one value; what is in any other has its position in its path.
    fn array(
        &mut self,
        path: String,
        pointer: &str,
        items: &[&RawValue],
        depth: usize,
    ) -> Result<(), Invalid> {
        let is_plain = |item: &&RawValue| !item.get().starts_with(['{', '[']);
        if items.iter().all(is_plain) {
            let mut values = Vec::with_capacity(items.len());
            for item in items {
                if let Node::Scalar(value) = Node::read(item)? {
                    values.push(value);
                }
            }
            return self.push(path, pointer.to_owned(), Value::Array(values));
        }
        for (position, item) in items.iter().enumerate() {
            let pointer = format!("{pointer}/{position}");
            let path = joined(&path, &position.to_string());
            self.value(path, pointer, item, depth + 1)?;
        }
        Ok(())
    }
}

/// The path of each value has all names above it: a long one would be copied for each.
fn check_length(path: &str, pointer: &str) -> Result<(), Invalid> {
    if path.len() <= INBOUND_PATH_BYTES_MAX {
        return Ok(());
    }
    let message = format!("names have at most {INBOUND_PATH_BYTES_MAX} bytes, with those above");
    Err(Invalid::at(short(pointer.to_owned()), message))
}

/// What is told of a name that may be of any length.
fn short(mut pointer: String) -> String {
    let end = pointer.floor_char_boundary(INBOUND_PATH_BYTES_MAX);
    if end < pointer.len() {
        pointer.truncate(end);
        pointer.push('…');
    }
    pointer
}

fn too_deep(pointer: String) -> Invalid {
    Invalid::at(short(pointer), format!("nested deeper than {DEPTH_MAX} levels"))
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// `contact[phones][0][value]` is `contact.phones.0.value`, and `tags[]` is `tags` once more.
pub fn form_path(name: &str) -> String {
    let name = name.trim();
    if !name.contains('[') {
        return name.to_owned();
    }
    let names = name.split('[').map(|part| part.trim_end_matches(']'));
    names.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")
}

fn pointer_to(name: &str) -> String {
    format!("/{}", escape_pointer(name))
}

/// One level of a JSON text. Read level by level, because what is below may be a number whose
/// digits count, and a name may stand twice: neither survives `serde_json::Value`.
enum Node<'a> {
    Object(Vec<(String, &'a RawValue)>),
    Array(Vec<&'a RawValue>),
    Scalar(Value),
}

impl<'a> Node<'a> {
    fn read(raw: &'a RawValue) -> Result<Node<'a>, Invalid> {
        let text = raw.get();
        let read = match text.as_bytes().first() {
            Some(b'{' | b'[') => serde_json::from_str(text),
            Some(b'-' | b'0'..=b'9') => return Ok(Node::Scalar(number(text))),
            _ => serde_json::from_str(text).map(Node::Scalar),
        };
        read.map_err(|error| Invalid::at("", format!("cannot be read: {error}")))
    }
}

/// A number whose digits all survive a double, else its text: phone numbers and ids come so.
fn number(text: &str) -> Value {
    let kept = canonicalise(text.as_bytes()).ok().and_then(|text| serde_json::from_str(&text).ok());
    kept.unwrap_or_else(|| Value::String(text.to_owned()))
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node<'de>, D::Error> {
        struct Level;

        impl<'de> Visitor<'de> for Level {
            type Value = Node<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object or a list")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Node::Object(members))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element::<&'de RawValue>()? {
                    items.push(item);
                }
                Ok(Node::Array(items))
            }
        }

        deserializer.deserialize_any(Level)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn sent(content_type: &str, query: &str, bytes: &str) -> Vec<(String, Value)> {
        let content_type = Some(content_type).filter(|text| !text.is_empty());
        let values = read(Body { content_type, query, bytes: bytes.as_bytes() }).expect(bytes);
        values.into_iter().map(|sent| (sent.path, sent.value)).collect()
    }

    fn check(content_type: &str, query: &str, bytes: &str, expected: &[(&str, Value)]) {
        let expected: Vec<(String, Value)> =
            expected.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect();
        assert_eq!(sent(content_type, query, bytes), expected, "{bytes}");
    }

    fn refused(content_type: &str, bytes: &[u8], pointer: &str, message: &str) {
        let content_type = Some(content_type).filter(|text| !text.is_empty());
        let invalid = read(Body { content_type, query: "", bytes }).expect_err("refused");
        assert_eq!(invalid.errors[0].pointer, pointer, "{invalid}");
        assert!(invalid.errors[0].message.contains(message), "{invalid}");
    }

    const JSON: &str = "application/json; charset=utf-8";
    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn long_names_and_empty_objects_have_an_end() {
        let long = "k".repeat(100_000);
        let names: Vec<String> = (0..900).map(|name| format!("\"{name}\":1")).collect();
        let under = format!("{{\"custom\":{{\"{long}\":{{{}}}}}}}", names.join(","));
        let cut = format!("/custom/{}…", &long[..INBOUND_PATH_BYTES_MAX - "/custom/".len()]);
        refused(JSON, under.as_bytes(), &cut, "names have at most");
        let cut = format!("/{}…", &long[1..INBOUND_PATH_BYTES_MAX]);
        let listed = format!("{{\"{long}\":[{{}},{{}},{{}}]}}");
        refused(JSON, listed.as_bytes(), &cut, "names have at most");
        refused(FORM, format!("{long}=1").as_bytes(), &cut, "names have at most");
        let empty = format!("{{\"a\":[{}]}}", vec!["{}"; INBOUND_NODES_MAX].join(","));
        refused(JSON, empty.as_bytes(), "", "objects and values");
    }

    #[test]
    fn json_is_walked_down_to_its_values() {
        check(
            JSON,
            "",
            r#"{"a":"x","b":1.50,"c":null}"#,
            &[("a", json!("x")), ("b", json!(1.5)), ("c", Value::Null)],
        );
        check(
            JSON,
            "",
            r#"{"contact":{"phones":[{"value":"1"},{"value":"2"}]}}"#,
            &[("contact.phones.0.value", json!("1")), ("contact.phones.1.value", json!("2"))],
        );
        check(
            JSON,
            "",
            r#"{"tags":["a","b"],"mixed":[1,{"b":2}],"none":{},"empty":[]}"#,
            &[
                ("tags", json!(["a", "b"])),
                ("mixed.0", json!(1)),
                ("mixed.1.b", json!(2)),
                ("empty", json!([])),
            ],
        );
        check(
            JSON,
            "",
            r#"{"id":12345678901234567890,"phone":12025550187}"#,
            &[("id", json!("12345678901234567890")), ("phone", json!(12_025_550_187_u64))],
        );
        check(JSON, "", r#"{"a":1,"a":2}"#, &[("a", json!(1)), ("a", json!(2))]);
        check(JSON, "", r#"[{"a":1}]"#, &[("a", json!(1))]);
        check("application/vnd.crm+json", "", r#"{"a":1}"#, &[("a", json!(1))]);
        check("", "", r#" {"a":1}"#, &[("a", json!(1))]);
    }

    #[test]
    fn forms_and_queries_are_read_by_name() {
        check(
            FORM,
            "",
            "a=1&b=x+y&c=%C3%A9&d",
            &[("a", json!("1")), ("b", json!("x y")), ("c", json!("é")), ("d", json!(""))],
        );
        check(
            FORM,
            "",
            "tags[]=a&tags%5B%5D=b&contact[phone]=1&p[0][v]=2&=3",
            &[
                ("tags", json!("a")),
                ("tags", json!("b")),
                ("contact.phone", json!("1")),
                ("p.0.v", json!("2")),
            ],
        );
        check(
            JSON,
            "a=0&b=2",
            r#"{"a":1}"#,
            &[("a", json!("0")), ("b", json!("2")), ("a", json!(1))],
        );
        check("text/html", "a=1", "", &[("a", json!("1"))]);
        check("", "", "a=1", &[("a", json!("1"))]);
    }

    #[test]
    fn multipart_forms_give_their_text_fields() {
        let body = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n2\r\n--x\r\n\
            content-disposition: form-data; name=\"f\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nbinary\r\n\
            --x\r\nContent-Disposition: form-data; name=tags[]\r\n\r\nb\r\n--x--\r\n";
        let expected = [("a", json!("1\r\n2")), ("tags", json!("b"))];
        check("multipart/form-data; boundary=x", "", body, &expected);
        check("multipart/form-data; charset=utf-8; BOUNDARY=\"x\"", "", body, &expected);
        refused("multipart/form-data", body.as_bytes(), "", "boundary");
        refused("multipart/form-data; boundary=y", body.as_bytes(), "", "boundary");
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_a_reason() {
        refused(JSON, b"{\"a\":", "", "not JSON");
        refused(JSON, b"{\"a\":1}x", "", "not JSON");
        refused(JSON, b"\xff", "", "not JSON");
        refused(JSON, b"3", "", "must be an object");
        refused(JSON, b"[]", "", "one contact");
        refused(JSON, b"[{},{}]", "", "one contact");
        refused(JSON, b"[3]", "/0", "object");
        refused(JSON, br#"{"a":{"b":"\ud800"}}"#, "/a/b", "cannot be read");
        refused("text/xml", b"<a/>", "", "text/xml");
        refused(FORM, b"a%ff=1", "/a\u{fffd}", "UTF-8");
        refused(FORM, b"a=%ff", "/a", "UTF-8");
        let deep = format!("{}1{}", "{\"a\":".repeat(70), "}".repeat(70));
        refused(JSON, deep.as_bytes(), &"/a".repeat(64), "64 levels");
        refused(
            FORM,
            format!("a{}=1", "[b]".repeat(70)).as_bytes(),
            &format!("/a{}", "[b]".repeat(70)),
            "64 levels",
        );
        let many = "a=1&".repeat(INBOUND_VALUES_MAX + 1);
        refused(FORM, many.as_bytes(), "", "at most 1000 values");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes: Vec<u8>,
            query: String,
            content_type in prop::sample::select(vec!["", JSON, FORM, "multipart/form-data; boundary=x", "x/y"]),
        ) {
            let _ = read(Body { content_type: Some(content_type), query: &query, bytes: &bytes });
        }

        #[test]
        fn nothing_nearly_json_or_multipart_makes_it_panic(
            json in "[{}\\[\\]:,\"a1. e\\\\-]{0,60}",
            multipart in "(--x|\r\n|Content-Disposition: form-data; name=\"a|\"|; filename=|[a-z:]){0,20}",
        ) {
            let _ = read(Body { content_type: Some(JSON), query: "", bytes: json.as_bytes() });
            let content_type = Some("multipart/form-data; boundary=x");
            let _ = read(Body { content_type, query: "", bytes: multipart.as_bytes() });
        }
    }
}
