//! Reads event types out of what somebody has already: a JSON Schema, or the `webhooks` or schemas
//! of an OpenAPI document. Where the texts come from, and what is done with what was found, is for
//! others.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::error::escape_pointer;
use crate::event_type::EventType;
use crate::json_schema::change_references;

/// References that lead to nothing but another reference.
const STEPS_MAX: usize = 20;
const METHODS: [&str; 5] = ["post", "put", "patch", "get", "delete"];

/// What was found for one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Of the event type; as it was written, if that is no name of one.
    pub name: String,
    /// What was found, or why it cannot be used.
    pub event_type: Result<ImportedEventType, String>,
}

/// An event type, as far as its source tells of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImportedEventType {
    pub description: Option<String>,
    /// Stands by itself: whatever it refers to is in it.
    pub schema: Option<Value>,
    pub sample: Option<Value>,
    pub deprecated: bool,
}

impl Found {
    fn new(name: &str, event_type: Result<ImportedEventType, String>) -> Found {
        match EventType::parse(name) {
            Ok(_) => Found { name: name.to_owned(), event_type },
            Err(invalid) => Found { name: name.to_owned(), event_type: Err(invalid.to_string()) },
        }
    }
}

/// Whether this is an OpenAPI document rather than a JSON Schema.
pub fn is_openapi(document: &Value) -> bool {
    document.get("openapi").or(document.get("swagger")).is_some()
}

/// From a JSON Schema of `data`. The name is what `x-event-type` says, or the title if that is one
/// with a dot in it, or the name of the file.
pub fn from_schema(file_stem: &str, schema: &Value) -> Found {
    let title = text(schema, "title");
    let title = title.filter(|title| title.contains('.') && EventType::parse(title).is_ok());
    let stem = file_stem.strip_suffix(".schema").unwrap_or(file_stem);
    let name = text(schema, "x-event-type").or(title).unwrap_or(stem);
    if !schema.is_object() {
        return Found::new(name, Err("is no JSON Schema: it must be an object".to_owned()));
    }
    let event_type = ImportedEventType {
        description: text(schema, "description").map(str::to_owned),
        sample: first_example(schema),
        deprecated: schema.get("deprecated") == Some(&Value::Bool(true)),
        schema: Some(schema.clone()),
    };
    Found::new(name, Ok(event_type))
}

/// From an OpenAPI document: one for each of its `webhooks`; or, with a prefix, for each of its
/// schemas whose name begins with that. Where a body is an envelope as ours, with `event` and
/// `data`, its data is what counts.
pub fn from_openapi(document: &Value, prefix: Option<&str>) -> Result<Vec<Found>, String> {
    let version = text(document, "openapi").unwrap_or_default();
    if !version.starts_with("3.1") && !version.starts_with("3.2") {
        return Err(format!(
            "OpenAPI 3.1 is needed, whose schemas are JSON Schemas; this is {}",
            if version.is_empty() { "another" } else { version }
        ));
    }
    match prefix {
        None => from_webhooks(document),
        Some(prefix) => from_components(document, prefix),
    }
}

fn from_webhooks(document: &Value) -> Result<Vec<Found>, String> {
    let webhooks = document.get("webhooks").and_then(Value::as_object);
    let Some(webhooks) = webhooks.filter(|webhooks| !webhooks.is_empty()) else {
        return Err("the document has no webhooks; --prefix chooses among its schemas".to_owned());
    };
    let found = webhooks.iter().map(|(key, item)| {
        let item = resolved(document, item).unwrap_or(item);
        let operation = METHODS.iter().find_map(|method| item.get(method)).unwrap_or(&Value::Null);
        let named = text(operation, "x-event-type").or(text(item, "x-event-type"));
        Found::new(named.unwrap_or(key), of_operation(document, operation))
    });
    Ok(found.collect())
}

fn of_operation(document: &Value, operation: &Value) -> Result<ImportedEventType, String> {
    let mut event_type = ImportedEventType {
        description: text(operation, "description")
            .or(text(operation, "summary"))
            .map(str::to_owned),
        deprecated: operation.get("deprecated") == Some(&Value::Bool(true)),
        ..ImportedEventType::default()
    };
    let Some(body) = operation.get("requestBody") else { return Ok(event_type) };
    let content = resolved(document, body)?.get("content").and_then(Value::as_object);
    let is_json = |kind: &str| kind.starts_with("application/json") || kind.contains("+json");
    let content = content.and_then(|all| all.iter().find(|(kind, _)| is_json(kind)));
    let Some((_, content)) = content else { return Err("has no body in JSON".to_owned()) };
    let example = content.get("example").or_else(|| {
        let (_, first) = content.get("examples")?.as_object()?.iter().next()?;
        first.get("value")
    });
    if let Some(schema) = content.get("schema") {
        event_type.schema = Some(bundled(document, schema)?);
    }
    let sample = example.or(content.get("schema").and_then(|schema| schema.get("example")));
    event_type.sample = sample.filter(|sample| sample.is_object()).cloned();
    Ok(without_envelope(document, content.get("schema"), event_type)?.with_own_example())
}

fn from_components(document: &Value, prefix: &str) -> Result<Vec<Found>, String> {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    let chosen: Vec<Found> = schemas
        .into_iter()
        .flatten()
        .filter_map(|(key, schema)| {
            let rest = key.strip_prefix(prefix)?;
            let name = text(schema, "x-event-type").map_or_else(|| dotted(rest), str::to_owned);
            let event_type = || {
                let event_type = ImportedEventType {
                    description: text(schema, "description").map(str::to_owned),
                    deprecated: schema.get("deprecated") == Some(&Value::Bool(true)),
                    schema: Some(bundled(document, schema)?),
                    sample: first_example(schema),
                };
                Ok(without_envelope(document, Some(schema), event_type)?.with_own_example())
            };
            Some(Found::new(&name, event_type()))
        })
        .collect();
    if chosen.is_empty() {
        return Err(format!("no schema of the document has a name that begins with {prefix:?}"));
    }
    Ok(chosen)
}

/// `DealWon` as a name of an event type: `deal.won`. What is one already stays.
fn dotted(code: &str) -> String {
    let code = code.trim_start_matches(['.', '_', '-']);
    if EventType::parse(code).is_ok() {
        return code.to_owned();
    }
    let mut name = String::new();
    for letter in code.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() && !name.ends_with('.') {
            name.push('.');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// The data of a body that has `event` and `data` as ours have.
fn without_envelope(
    document: &Value,
    body: Option<&Value>,
    event_type: ImportedEventType,
) -> Result<ImportedEventType, String> {
    let Some(body) = body else { return Ok(event_type) };
    let properties = resolved(document, body)?.get("properties");
    let member = |name: &str| properties.and_then(|properties| properties.get(name));
    let (Some(_), Some(data)) = (member("event"), member("data")) else { return Ok(event_type) };
    let sample = event_type.sample.as_ref().and_then(|sample| sample.get("data"));
    Ok(ImportedEventType {
        schema: Some(bundled(document, data)?),
        sample: sample.filter(|sample| sample.is_object()).cloned(),
        ..event_type
    })
}

impl ImportedEventType {
    fn with_own_example(self) -> ImportedEventType {
        let sample = self.sample.or_else(|| self.schema.as_ref().and_then(first_example));
        ImportedEventType { sample, ..self }
    }
}

/// What a reference leads to, or the value itself if it is none.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> Result<&'d Value, String> {
    let mut value = value;
    for _ in 0..STEPS_MAX {
        let is_bare = value.as_object().is_some_and(|members| members.len() == 1);
        let Some(reference) = text(value, "$ref").filter(|_| is_bare) else { return Ok(value) };
        value = target(document, reference)?;
    }
    Err("refers to itself".to_owned())
}

fn target<'d>(document: &'d Value, reference: &str) -> Result<&'d Value, String> {
    let pointer = reference.strip_prefix('#').filter(|pointer| pointer.starts_with('/'));
    let pointer = pointer.ok_or_else(|| format!("refers to {reference}, outside the document"))?;
    document
        .pointer(pointer)
        .ok_or_else(|| format!("refers to {reference}, which is not in the document"))
}

/// The schema with everything that it refers to under its own `$defs`.
fn bundled(document: &Value, schema: &Value) -> Result<Value, String> {
    let mut schema = resolved(document, schema)?.clone();
    let mut bundle = Bundle::default();
    bundle.take_in(&mut schema);
    // Whatever of these is needed is referred to by its place in the document, so it is copied.
    if let Some(members) = schema.as_object_mut() {
        members.shift_remove("$defs");
    }
    let mut definitions = Map::new();
    while let Some((reference, name)) = bundle.left.pop() {
        let mut definition = target(document, &reference)?.clone();
        bundle.take_in(&mut definition);
        definitions.insert(name, definition);
    }
    if !definitions.is_empty()
        && let Some(members) = schema.as_object_mut()
    {
        members.insert("$defs".to_owned(), definitions.into());
    }
    Ok(schema)
}

#[derive(Default)]
struct Bundle {
    /// The names under `$defs`, by the references they take the place of.
    names: BTreeMap<String, String>,
    left: Vec<(String, String)>,
}

impl Bundle {
    fn take_in(&mut self, schema: &mut Value) {
        change_references(schema, &mut |reference| {
            if let Some(name) = self.names.get(reference) {
                return format!("#/$defs/{}", escape_pointer(name));
            }
            let last = reference.rsplit('/').next().unwrap_or_default();
            let is_taken = self.names.values().any(|name| name == last);
            let name =
                if is_taken { format!("{last}_{}", self.names.len()) } else { last.to_owned() };
            let now = format!("#/$defs/{}", escape_pointer(&name));
            self.names.insert(reference.to_owned(), name.clone());
            self.left.push((reference.to_owned(), name));
            now
        });
    }
}

fn first_example(schema: &Value) -> Option<Value> {
    let examples = schema.get("examples").and_then(Value::as_array);
    let mut examples = examples.into_iter().flatten().chain(schema.get("example"));
    examples.find(|example| example.is_object()).cloned()
}

fn text<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member).and_then(Value::as_str)
}

/// What to send to have it stored: settings that the source does not tell of stay as they are.
pub fn settings(imported: &ImportedEventType, existing: Option<&Value>) -> Value {
    let kept = |member: &str, otherwise: Value| {
        existing.and_then(|existing| existing.get(member)).cloned().unwrap_or(otherwise)
    };
    json!({
        "group": kept("group", json!("Custom")),
        "description": match &imported.description {
            Some(description) => json!(description),
            None => kept("description", json!("")),
        },
        "use_cases": kept("use_cases", json!([])),
        "schema": imported.schema,
        "sample": match &imported.sample {
            Some(sample) => sample.clone(),
            None => kept("sample", Value::Null),
        },
        "deprecated": imported.deprecated || kept("deprecated", json!(false)) == json!(true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_named_by_itself_or_its_file() {
        let check = |stem: &str, schema: Value, name: &str, is_good: bool| {
            let found = from_schema(stem, &schema);
            assert_eq!(
                (found.name.as_str(), found.event_type.is_ok()),
                (name, is_good),
                "{found:?}"
            );
        };
        check("deal.won", json!({}), "deal.won", true);
        check("deal.won.schema", json!({"title": "Deal won"}), "deal.won", true);
        check("Deal", json!({"title": "deal.won"}), "deal.won", true);
        check("a", json!({"x-event-type": "deal.won", "title": "deal.lost"}), "deal.won", true);
        check("Deal Won", json!({}), "Deal Won", false);
        check("deal.won", json!([]), "deal.won", false);
        check("deal.won", json!({"x-event-type": "Deal"}), "Deal", false);
    }

    #[test]
    fn a_schema_tells_what_it_is_about() {
        let schema = json!({"description": "Won.", "deprecated": true, "examples": [1, {"a": 1}]});
        let event_type = from_schema("deal.won", &schema).event_type.expect("good");
        assert_eq!(event_type.description.as_deref(), Some("Won."));
        assert_eq!((event_type.sample, event_type.deprecated), (Some(json!({"a": 1})), true));
        assert_eq!(event_type.schema, Some(schema));
    }

    fn document() -> Value {
        json!({
            "openapi": "3.1.0",
            "webhooks": {
                "deal.won": {"post": {
                    "description": "A deal was won.",
                    "requestBody": {"$ref": "#/components/requestBodies/deal"},
                }},
                "newDeal": {"post": {"x-event-type": "deal.new", "deprecated": true,
                    "requestBody": {"content": {"application/json": {
                        "schema": {"type": "object"}, "examples": {"one": {"value": {"a": 1}}}}}}}},
                "dealLost": {"post": {}},
                "deal.form": {"post": {"requestBody": {"content": {"text/plain": {}}}}},
                "deal.bad": {"post": {"requestBody": {"content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/Gone"}}}}}},
            },
            "components": {
                "requestBodies": {"deal": {"content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/EventDealWon"},
                    "example": {"event": "deal.won", "data": {"amount": {"value": 1}}}}}}},
                "schemas": {
                    "EventDealWon": {"properties": {"event": {"const": "deal.won"},
                        "data": {"$ref": "#/components/schemas/Deal"}}},
                    "Deal": {"description": "A deal.", "$defs": {"c": {"type": "string"}},
                        "properties": {
                            "amount": {"$ref": "#/components/schemas/Money"},
                            "tax": {"$ref": "#/components/schemas/Money"},
                            "by": {"$ref": "#/components/schemas/Deal/$defs/c"},
                    }},
                    "Money": {"properties": {"value": {"type": "number"},
                        "in": {"$ref": "#/components/schemas/Currency"}}},
                    "Currency": {"type": "string"},
                },
            },
        })
    }

    #[test]
    fn webhooks_are_event_types_and_what_they_refer_to_comes_along() {
        let found = from_openapi(&document(), None).expect("webhooks");
        let names: Vec<(&str, bool)> =
            found.iter().map(|found| (found.name.as_str(), found.event_type.is_ok())).collect();
        let expected = [
            ("deal.won", true),
            ("deal.new", true),
            ("dealLost", false),
            ("deal.form", false),
            ("deal.bad", false),
        ];
        assert_eq!(names, expected);
        let won = found[0].event_type.clone().expect("good");
        assert_eq!(won.description.as_deref(), Some("A deal was won."));
        assert_eq!(won.sample, Some(json!({"amount": {"value": 1}})));
        let money = json!({"properties": {"value": {"type": "number"},
            "in": {"$ref": "#/$defs/Currency"}}});
        let schema = won.schema.expect("one");
        assert_eq!(schema["properties"]["amount"], json!({"$ref": "#/$defs/Money"}));
        assert_eq!(schema["properties"]["tax"], json!({"$ref": "#/$defs/Money"}));
        assert_eq!(schema["$defs"]["Money"], money);
        assert_eq!(schema["$defs"]["Currency"], json!({"type": "string"}));
        assert_eq!(schema["$defs"]["c"], json!({"type": "string"}));
        let new = found[1].event_type.clone().expect("good");
        assert_eq!((new.sample, new.deprecated), (Some(json!({"a": 1})), true));
        let bad = found[4].event_type.clone().expect_err("Gone is not there");
        assert_eq!(bad, "refers to #/components/schemas/Gone, which is not in the document");
    }

    #[test]
    fn schemas_are_chosen_by_how_their_names_begin() {
        let found = from_openapi(&document(), Some("Event")).expect("one");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name, "deal.won");
        let schema = found[0].event_type.clone().expect("good").schema.expect("one");
        assert_eq!(schema["description"], "A deal.");
        assert_eq!(dotted("DealStatusChanged"), "deal.status.changed");
        assert_eq!(dotted(".deal_won"), "deal_won");
    }

    #[test]
    fn what_has_no_event_types_says_why() {
        let check = |document: Value, prefix: Option<&str>, word: &str| {
            let why = from_openapi(&document, prefix).expect_err("nothing to find");
            assert!(why.contains(word), "{why}");
        };
        check(json!({"openapi": "3.0.3"}), None, "3.1 is needed");
        check(json!({"swagger": "2.0"}), None, "3.1 is needed");
        check(json!({"openapi": "3.1.0", "paths": {}}), None, "--prefix");
        check(document(), Some("Nothing"), "begins with \"Nothing\"");
        let round = json!({"openapi": "3.1.0", "components": {"schemas": {
            "Ea": {"$ref": "#/components/schemas/Ea"}}}});
        let found = from_openapi(&round, Some("E")).expect("one");
        assert_eq!(found[0].event_type, Err("refers to itself".to_owned()));
    }

    #[test]
    fn what_the_source_does_not_tell_stays() {
        let imported = ImportedEventType { schema: Some(json!({})), ..Default::default() };
        let existing = json!({"group": "Sales", "description": "d", "use_cases": ["u"],
            "schema": null, "sample": {"a": 1}, "deprecated": true, "name": "deal.won"});
        let expected = json!({"group": "Sales", "description": "d", "use_cases": ["u"],
            "schema": {}, "sample": {"a": 1}, "deprecated": true});
        assert_eq!(settings(&imported, Some(&existing)), expected);
        let new = settings(&imported, None);
        assert_eq!((&new["group"], &new["sample"]), (&json!("Custom"), &Value::Null));
    }
}
