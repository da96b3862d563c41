//! The catalogue as TypeScript: a type for each event's `data`, and the union of all bodies that a
//! webhook can receive, told apart by `event`. What a type cannot say (lengths, patterns, formats)
//! stays in the schema.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Map, Value};

use crate::json_schema::local;

/// Deeper than this a schema's part is `unknown`; references that go round end here too.
const DEPTH_MAX: usize = 24;
const HEAD: &str = "\
// What Posthaste sends to webhooks, one type an event. Made from the catalogue: do not edit.
//
//   const event = JSON.parse(body) as WebhookEvent; // after its signature was verified
//   switch (event.event) {
//     case \"call.ended\":
//       event.data.call_duration;
//   }

/** The body of a delivery. */
export interface Envelope<Name extends string, Data> {
  /** The event type. */
  event: Name;
  /** When it happened: RFC 3339 in UTC, with milliseconds. */
  timestamp: string;
  /** The webhook it is sent to. */
  webhook_id: string;
  data: Data;
  metadata: {
    version: \"1.0\";
    /** The same on every attempt, as the header `webhook-id`: by this, repetitions are known. */
    event_id: string;
    /** `sha256=` and 64 hexadecimal digits, of the body without this member. */
    signature: string;
  };
}
";

/// An event type, as far as its TypeScript depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Described<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub deprecated: bool,
    pub schema: Option<&'a Value>,
}

/// What these event types are called in code: `CallEnded` for `call.ended`. No two are called the
/// same, and none like a type that every file has.
pub fn code_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken = BTreeSet::from(["Webhook".to_owned()]);
    let mut found = Vec::new();
    for name in names {
        let mut code = String::new();
        for part in name.split(['.', '_', '-']).filter(|part| !part.is_empty()) {
            code.push_str(&part[..1].to_ascii_uppercase());
            code.push_str(&part[1..]);
        }
        if !code.starts_with(|first: char| first.is_ascii_alphabetic()) {
            code.insert(0, 'E');
        }
        let mut unique = code.clone();
        let mut number = 2;
        while !taken.insert(unique.clone()) {
            unique = format!("{code}{number}");
            number += 1;
        }
        found.push(unique);
    }
    found
}

/// A file of declarations.
pub fn declarations(event_types: &[Described<'_>]) -> String {
    let codes = code_names(event_types.iter().map(|event_type| event_type.name));
    let mut file = HEAD.to_owned();
    let mut union = String::new();
    for (event_type, code) in event_types.iter().zip(&codes) {
        let Described { name, description, deprecated, schema } = *event_type;
        let mut words = vec![description.to_owned()];
        if deprecated {
            words.push("@deprecated".to_owned());
        }
        file.push('\n');
        comment(&mut file, "", &words);
        let root = schema.unwrap_or(&Value::Null);
        let written = Writer { root }.written(root, 0, 0);
        let declared = match written.strip_prefix('{') {
            Some(_) if is_plain(root) => format!("export interface {code}Data {written}"),
            _ => format!("export type {code}Data = {written};"),
        };
        let quoted = Value::from(name);
        write!(file, "{declared}\nexport type {code}Event = Envelope<{quoted}, {code}Data>;\n")
            .expect("a String takes all");
        write!(union, "\n  | {code}Event").expect("a String takes all");
    }
    if union.is_empty() {
        union.push_str(" never");
    }
    write!(
        file,
        "\n/** Whatever a webhook can receive. */\nexport type WebhookEvent ={union};\n\n\
         export type EventName = WebhookEvent[\"event\"];\n\n\
         /** The data of one event type: `EventData<\"call.ended\">`. */\n\
         export type EventData<Name extends EventName> = Extract<WebhookEvent, {{ event: Name }}>[\"data\"];\n"
    )
    .expect("a String takes all");
    file
}

/// An object with named members and nothing else to be combined with.
fn is_plain(schema: &Value) -> bool {
    let combined = ["$ref", "allOf", "anyOf", "oneOf", "enum", "const"];
    members(schema, "properties").is_some_and(|properties| !properties.is_empty())
        && combined.iter().all(|keyword| schema.get(keyword).is_none())
        && schema.get("type").is_none_or(|kind| kind == "object")
}

fn members<'s>(schema: &'s Value, keyword: &str) -> Option<&'s Map<String, Value>> {
    schema.get(keyword).and_then(Value::as_object)
}

struct Writer<'s> {
    root: &'s Value,
}

impl<'s> Writer<'s> {
    /// The type of a schema; `indent` is that of the line it begins in.
    fn written(&self, schema: &'s Value, indent: usize, depth: usize) -> String {
        if depth > DEPTH_MAX {
            return "unknown".to_owned();
        }
        match schema {
            Value::Bool(false) => return "never".to_owned(),
            Value::Null => return "Record<string, unknown>".to_owned(),
            Value::Object(_) => {}
            _ => return "unknown".to_owned(),
        }
        if let Some(value) = schema.get("const") {
            return literal(value);
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return either(values.iter().map(literal).collect());
        }
        let mut all = Vec::new();
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|at| local(self.root, at));
            let of_target = target.map(|target| self.written(target, indent, depth + 1));
            all.push(of_target.unwrap_or_else(|| "unknown".to_owned()));
        }
        if let Some(own) = self.own(schema, indent, depth) {
            all.push(own);
        }
        let parts = |keyword: &str| schema.get(keyword).and_then(Value::as_array);
        for part in parts("allOf").into_iter().flatten() {
            all.push(self.written(part, indent, depth + 1));
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(choices) = parts(keyword) {
                let choices = choices.iter().map(|part| self.written(part, indent, depth + 1));
                all.push(either(choices.collect()));
            }
        }
        both(all)
    }

    /// Of `type` and what belongs to it; none if the schema says nothing of that.
    fn own(&self, schema: &'s Value, indent: usize, depth: usize) -> Option<String> {
        let kinds: Vec<&str> = match schema.get("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ if schema.get("properties").is_some() => vec!["object"],
            _ if schema.get("items").or(schema.get("prefixItems")).is_some() => vec!["array"],
            _ => return None,
        };
        let of_kind = |kind: &str| match kind {
            "string" => "string".to_owned(),
            "number" | "integer" => "number".to_owned(),
            "boolean" => "boolean".to_owned(),
            "null" => "null".to_owned(),
            "array" => self.array(schema, indent, depth),
            "object" => self.object(schema, indent, depth),
            _ => "unknown".to_owned(),
        };
        Some(either(kinds.into_iter().map(of_kind).collect()))
    }

    fn array(&self, schema: &'s Value, indent: usize, depth: usize) -> String {
        let rest = match schema.get("items") {
            Some(items) => self.written(items, indent, depth + 1),
            None => "unknown".to_owned(),
        };
        let Some(first) = schema.get("prefixItems").and_then(Value::as_array) else {
            return format!("Array<{rest}>");
        };
        // Those that are named may be missing at the end, unless the schema asks for so many.
        let required = schema.get("minItems").and_then(Value::as_u64).unwrap_or_default();
        let mut places: Vec<String> = Vec::new();
        for (position, part) in first.iter().enumerate() {
            let part = self.written(part, indent, depth + 1);
            let is_required = (position as u64) < required;
            places.push(if is_required { part } else { format!("({part})?") });
        }
        if schema.get("items") != Some(&Value::Bool(false)) {
            places.push(format!("...Array<{rest}>"));
        }
        format!("[{}]", places.join(", "))
    }

    fn object(&self, schema: &'s Value, indent: usize, depth: usize) -> String {
        let rest = match schema.get("additionalProperties") {
            Some(rest @ Value::Object(_)) => self.written(rest, indent, depth + 1),
            _ => "unknown".to_owned(),
        };
        let properties = members(schema, "properties").filter(|named| !named.is_empty());
        let Some(properties) = properties else { return format!("Record<string, {rest}>") };
        let required = schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|names| names.iter().any(|n| n == name));
        let space = "  ".repeat(indent + 1);
        let mut text = "{\n".to_owned();
        for (name, part) in properties {
            comment(&mut text, &space, &words_about(part));
            let mark = if is_required(name) { "" } else { "?" };
            let written = self.written(part, indent + 1, depth + 1);
            writeln!(text, "{space}{}{mark}: {written};", member_name(name))
                .expect("a String takes all");
        }
        write!(text, "{}}}", "  ".repeat(indent)).expect("a String takes all");
        text
    }
}

fn words_about(schema: &Value) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(schema.get("description").and_then(Value::as_str).map(str::to_owned));
    if schema.get("x-personal-data") == Some(&Value::Bool(true)) {
        words.push("Personal data.".to_owned());
    }
    if schema.get("deprecated") == Some(&Value::Bool(true)) {
        words.push("@deprecated".to_owned());
    }
    words
}

/// A comment, if there is anything to say. Whatever was written into a schema stays within it.
fn comment(text: &mut String, space: &str, words: &[String]) {
    let lines = words.iter().flat_map(|words| words.lines());
    let lines: Vec<String> = lines
        .map(|line| line.trim().replace("*/", "*\\/"))
        .filter(|line| !line.is_empty())
        .collect();
    match lines.as_slice() {
        [] => {}
        [line] => writeln!(text, "{space}/** {line} */").expect("a String takes all"),
        lines => {
            let lines: String = lines.iter().map(|line| format!("{space} * {line}\n")).collect();
            writeln!(text, "{space}/**\n{lines}{space} */").expect("a String takes all");
        }
    }
}

fn member_name(name: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$');
    let is_plain = name.chars().all(is_part) && !name.starts_with(|c: char| c.is_ascii_digit());
    if is_plain && !name.is_empty() { name.to_owned() } else { Value::from(name).to_string() }
}

fn literal(value: &Value) -> String {
    match value {
        Value::Array(_) => "Array<unknown>".to_owned(),
        Value::Object(_) => "Record<string, unknown>".to_owned(),
        scalar => scalar.to_string(),
    }
}

/// A union, without what says the same twice.
fn either(types: Vec<String>) -> String {
    let mut distinct: Vec<String> = Vec::new();
    for one in types {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    match distinct.as_slice() {
        [] => "never".to_owned(),
        [one] => one.clone(),
        _ if distinct.iter().any(|one| one == "unknown") => "unknown".to_owned(),
        // Braces keep what an intersection holds together.
        several => {
            let several = several.iter();
            let held = several
                .map(|one| if one.contains(" & ") { format!("({one})") } else { one.clone() });
            held.collect::<Vec<_>>().join(" | ")
        }
    }
}

fn both(types: Vec<String>) -> String {
    let mut said: Vec<String> = types.into_iter().filter(|one| one != "unknown").collect();
    said.dedup();
    match said.as_slice() {
        [] => "unknown".to_owned(),
        [one] => one.clone(),
        several => several.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" & "),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn whatever_event_types_are_called_their_names_in_code_differ(
            names in proptest::collection::btree_set("[a-c1][a-b_.-]{0,4}", 1..40),
        ) {
            let codes = code_names(names.iter().map(String::as_str));
            let distinct: BTreeSet<&String> = codes.iter().collect();
            prop_assert_eq!(distinct.len(), names.len());
            for code in &codes {
                prop_assert!(code.starts_with(|c: char| c.is_ascii_uppercase()), "{}", code);
                prop_assert!(code.chars().all(|c| c.is_ascii_alphanumeric()), "{}", code);
            }
        }

        #[test]
        fn whatever_is_in_a_description_stays_in_its_comment(words in "[*/a \\n@]{0,20}") {
            let mut text = String::new();
            comment(&mut text, "", &[words]);
            let inner = text.trim().trim_start_matches("/**");
            let inner = inner.strip_suffix("*/").unwrap_or(inner);
            prop_assert!(!inner.contains("*/"), "{}", text);
        }
    }

    #[test]
    fn event_types_get_names_of_their_own() {
        let check = |names: &[&str], expected: &[&str]| {
            assert_eq!(code_names(names.iter().copied()), expected, "{names:?}");
        };
        check(
            &["call.ended", "contact", "agent.status_changed"],
            &["CallEnded", "Contact", "AgentStatusChanged"],
        );
        check(
            &["call.ended", "call_ended", "call-ended"],
            &["CallEnded", "CallEnded2", "CallEnded3"],
        );
        check(&["2fa.sent", "a..b", "webhook"], &["E2faSent", "AB", "Webhook2"]);
    }

    fn check(schema: &Value, expected: &str) {
        assert_eq!(Writer { root: schema }.written(schema, 0, 0), expected, "{schema}");
    }

    #[test]
    fn each_kind_of_schema_has_a_type() {
        check(&json!(true), "unknown");
        check(&json!(false), "never");
        check(&json!({}), "unknown");
        check(&json!({"type": "string", "minLength": 1}), "string");
        check(&json!({"type": ["integer", "number", "null"]}), "number | null");
        check(&json!({"type": "object"}), "Record<string, unknown>");
        check(
            &json!({"type": "object", "additionalProperties": {"type": "number"}}),
            "Record<string, number>",
        );
        check(&json!({"type": "array"}), "Array<unknown>");
        check(&json!({"items": {"type": ["string", "null"]}}), "Array<string | null>");
        check(
            &json!({"prefixItems": [{"type": "string"}, {"type": "number"}], "minItems": 1}),
            "[string, (number)?, ...Array<unknown>]",
        );
        check(&json!({"prefixItems": [{}], "minItems": 1, "items": false}), "[unknown]");
        check(
            &json!({"type": "string", "enum": ["a", "b\"", null, 1]}),
            r#""a" | "b\"" | null | 1"#,
        );
        check(&json!({"const": "x"}), r#""x""#);
        check(&json!({"anyOf": [{"type": "string"}, {"type": "number"}]}), "string | number");
        check(&json!({"oneOf": [{"type": "string"}, {}]}), "unknown");
        check(
            &json!({"allOf": [{"$ref": "#/$defs/a"}, {"type": "object"}],
                "$defs": {"a": {"type": "string"}}}),
            "(string) & (Record<string, unknown>)",
        );
        check(&json!({"type": "text"}), "unknown");
    }

    #[test]
    fn members_are_optional_unless_required_and_explained() {
        let schema = json!({"required": ["id"], "properties": {
            "id": {"type": "string", "description": "Its id."},
            "e-mail": {"type": "string", "x-personal-data": true, "description": "Ends */ here."},
            "inner": {"properties": {"2nd": {"type": "boolean"}}},
        }});
        let expected = r#"{
  /** Its id. */
  id: string;
  /**
   * Ends *\/ here.
   * Personal data.
   */
  "e-mail"?: string;
  inner?: {
    "2nd"?: boolean;
  };
}"#;
        check(&schema, expected);
    }

    #[test]
    fn a_reference_that_goes_round_ends_somewhere() {
        let schema = json!({"properties": {"next": {"$ref": "#"}}});
        let written = Writer { root: &schema }.written(&schema, 0, 0);
        assert!(written.contains("next?: unknown;") && written.len() < 20_000, "{written}");
        check(&json!({"$ref": "#"}), "unknown");
        check(&json!({"$ref": "https://example.com/"}), "unknown");
    }

    #[test]
    fn a_file_has_every_event_and_their_union() {
        let schema = json!({"type": "object", "properties": {"amount": {"type": "number"}}});
        let described = |name, schema, deprecated| Described {
            name,
            description: "A deal was won.",
            deprecated,
            schema,
        };
        let file = declarations(&[
            described("deal.won", Some(&schema), false),
            described("deal.lost", None, true),
        ]);
        for part in [
            "/** A deal was won. */\nexport interface DealWonData {\n  amount?: number;\n}\n",
            "export type DealWonEvent = Envelope<\"deal.won\", DealWonData>;\n",
            "/**\n * A deal was won.\n * @deprecated\n */\nexport type DealLostData = Record<string, unknown>;\n",
            "export type WebhookEvent =\n  | DealWonEvent\n  | DealLostEvent;\n",
        ] {
            assert!(file.contains(part), "{part}\nin\n{file}");
        }
        assert!(declarations(&[]).contains("WebhookEvent = never;"));
    }
}
