//! JSON Schemas that published data is held to: reading one, and saying what is wrong with data in
//! words that repeat nothing of the data, because they are shown and kept.
//!
//! Whoever has an account can write a schema, so nothing in one may cost without bound: it fetches
//! nothing, its patterns take linear time, and it cannot refer to itself, by which a few lines could
//! make work that doubles with every level of the data.

use std::collections::HashMap;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, PatternOptions, ValidationError, Validator};
use posthaste_core::error::{FieldError, Invalid, escape_pointer};
use posthaste_core::json_schema::{Part, local, parts};
use serde_json::Value;

/// Of one schema, with everything it refers to put in its place.
const WEIGHT_MAX: usize = 2_000;
/// How deep schemas lie in each other, references followed.
const DEPTH_MAX: usize = 100;
const PATTERNS_MAX: usize = 50;
/// Of the program that a pattern becomes, and of what it remembers while it runs.
const PATTERN_BYTES_MAX: usize = 100 * 1024;
/// What is said of one event's data: who made one mistake often knows after a few.
const FAULTS_MAX: usize = 20;
/// Of what a schema asks for, where it is quoted.
const QUOTED_CHARS_MAX: usize = 120;

/// A schema, ready to check data with.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    weight: usize,
}

impl Schema {
    /// Reads a schema. Complaints point into it.
    pub fn compile(text: &str) -> Result<Schema, Invalid> {
        let schema: Value = serde_json::from_str(text)
            .map_err(|error| Invalid::at("", format!("is not JSON: {error}")))?;
        let weight = weigh(&schema)?;
        let pattern =
            PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
        let validator = jsonschema::options()
            .offline()
            .should_validate_formats(true)
            .with_pattern_options(pattern)
            .build(&schema)
            .map_err(|error| fault_of_schema(&error))?;
        Ok(Schema { validator, weight })
    }

    /// What is wrong with data in canonical form; nothing if nothing is. Pointers are into `data`.
    pub fn faults(&self, data: &str) -> Vec<FieldError> {
        let data: Value = serde_json::from_str(data).expect("what was accepted is JSON");
        if self.validator.is_valid(&data) {
            return Vec::new();
        }
        let errors = self.validator.iter_errors(&data).take(FAULTS_MAX);
        errors.map(|error| fault_of_data(&error)).collect()
    }

    /// About how much work it is to check so many bytes: in millions, milliseconds.
    pub fn cost(&self, bytes: usize) -> usize {
        self.weight.saturating_mul(bytes)
    }
}

/// Whether a schema may be used: what `PUT /v1/event-types/{name}` says to it. Complaints point into
/// it.
pub fn check(text: &str) -> Result<(), Invalid> {
    Schema::compile(text).map(drop)
}

fn fault_of_schema(error: &ValidationError<'_>) -> Invalid {
    let mut message = error.to_string();
    if let ValidationErrorKind::Referencing(error) = error.kind() {
        message = format!("refers to what is not in it: {error}");
    } else if error.kind().keyword() == "pattern" || error.to_string().contains("regex") {
        message = "has a pattern that is not a regular expression, needs look-around or \
                   back-references, or is too large"
            .to_owned();
    }
    Invalid::at(error.instance_path().as_str(), format!("is no valid JSON Schema: {message}"))
}

/// How many schemas are in it, each as often as it is referred to; or why it may not be used.
fn weigh(schema: &Value) -> Result<usize, Invalid> {
    let mut scales = Scales { root: schema, weights: HashMap::new(), patterns: 0 };
    let weight = scales.weigh(schema, "", 0)?;
    if weight > WEIGHT_MAX {
        let message = format!("is too large: at most {WEIGHT_MAX} schemas, references followed");
        return Err(Invalid::at("", message));
    }
    Ok(weight)
}

struct Scales<'s> {
    root: &'s Value,
    /// By the place in memory, which is one schema's; `None` while it is being weighed.
    weights: HashMap<*const Value, Option<usize>>,
    patterns: usize,
}

impl<'s> Scales<'s> {
    fn weigh(&mut self, schema: &'s Value, at: &str, depth: usize) -> Result<usize, Invalid> {
        match self.weights.get(&std::ptr::from_ref(schema)) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => {
                let message = "refers to itself; such a schema cannot be checked in bounded time";
                return Err(Invalid::at(at, message));
            }
            None => {}
        }
        if depth > DEPTH_MAX {
            let message = format!("lies too deep: at most {DEPTH_MAX}, references followed");
            return Err(Invalid::at(at, message));
        }
        self.weights.insert(std::ptr::from_ref(schema), None);
        let mut weight = 1_usize;
        for name in ["$dynamicRef", "$recursiveRef"] {
            if schema.get(name).is_some() {
                return Err(Invalid::at(format!("{at}/{name}"), "is not supported; use $ref"));
            }
        }
        // Each changes what a reference below it means; `id` is what `$id` was called in draft 4.
        for name in ["$id", "id", "$schema"] {
            let is_there = schema.get(name).is_some_and(Value::is_string);
            if !at.is_empty() && is_there {
                return Err(Invalid::at(format!("{at}/{name}"), "may stand at the top only"));
            }
        }
        weight = weight.saturating_add(listed(schema));
        self.count_patterns(schema, at)?;
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.find(reference).map_err(|why| Invalid::at(format!("{at}/$ref"), why));
            weight =
                weight.saturating_add(self.weigh(target?, &format!("{at}/$ref"), depth + 1)?);
        }
        for Part { path, schema: part, is_definition } in parts(schema) {
            let of_part = self.weigh(part, &format!("{at}{path}"), depth + 1)?;
            if !is_definition {
                weight = weight.saturating_add(of_part);
            }
        }
        self.weights.insert(std::ptr::from_ref(schema), Some(weight));
        Ok(weight)
    }

    fn count_patterns(&mut self, schema: &Value, at: &str) -> Result<(), Invalid> {
        let by_pattern = schema.get("patternProperties").and_then(Value::as_object);
        self.patterns += usize::from(schema.get("pattern").is_some());
        self.patterns += by_pattern.map_or(0, serde_json::Map::len);
        if self.patterns > PATTERNS_MAX {
            return Err(Invalid::at(at, format!("has more than {PATTERNS_MAX} patterns")));
        }
        Ok(())
    }

    /// The schema that a reference names, which must be in the same text.
    fn find(&self, reference: &str) -> Result<&'s Value, String> {
        let Some(fragment) = reference.strip_prefix('#') else {
            return Err(format!(
                "{reference:?} lies outside of this schema, and nothing is fetched; put it under \
                 $defs and refer to it as #/$defs/name"
            ));
        };
        let found = local(self.root, fragment);
        found.ok_or_else(|| format!("{reference:?} is not in this schema"))
    }
}

/// How much there is in its lists, each entry of which may have to be looked at.
fn listed(schema: &Value) -> usize {
    let lists = ["enum", "required"].into_iter().filter_map(|name| schema.get(name)?.as_array());
    let by_name = ["dependentRequired", "dependencies"].into_iter();
    let of_names = by_name
        .filter_map(|name| schema.get(name)?.as_object())
        .flat_map(|of| of.values().map(|names| 1 + names.as_array().map_or(0, Vec::len)));
    lists.map(Vec::len).chain(of_names).fold(0, usize::saturating_add)
}

fn fault_of_data(error: &ValidationError<'_>) -> FieldError {
    let mut pointer = error.instance_path().as_str().to_owned();
    let message = match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            pointer = format!("{pointer}/{}", escape_pointer(name));
            "is missing".to_owned()
        }
        ValidationErrorKind::Type { kind } => format!("must be {}", types(kind)),
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            let options: Vec<String> = options.iter().map(ToString::to_string).collect();
            format!("must be one of {}", quoted(&options.join(", ")))
        }
        ValidationErrorKind::Constant { expected_value } => {
            format!("must be {}", quoted(&expected_value.to_string()))
        }
        ValidationErrorKind::Minimum { limit } => format!("must be at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("must be at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        ValidationErrorKind::MinLength { limit } => {
            format!("must have at least {limit} characters")
        }
        ValidationErrorKind::MaxLength { limit } => format!("must have at most {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("must have at least {limit} entries"),
        ValidationErrorKind::MaxItems { limit } => format!("must have at most {limit} entries"),
        ValidationErrorKind::Format { format } => format!("must be written as {format}"),
        ValidationErrorKind::Pattern { pattern } => format!("must match {}", quoted(pattern)),
        ValidationErrorKind::AdditionalProperties { .. } => {
            "has members that the schema does not allow".to_owned()
        }
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => {
            "matches none of what the schema allows".to_owned()
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            "matches more than one of what the schema allows".to_owned()
        }
        ValidationErrorKind::FalseSchema => "may not be there".to_owned(),
        other => format!("does not match {:?} of the schema", other.keyword()),
    };
    FieldError { pointer, message }
}

fn types(kind: &TypeKind) -> String {
    let name = |kind: JsonType| match kind {
        JsonType::Array => "an array",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    };
    match kind {
        TypeKind::Single(kind) => name(*kind).to_owned(),
        TypeKind::Multiple(kinds) => kinds.iter().map(name).collect::<Vec<_>>().join(" or "),
    }
}

fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Value, data: &Value, expected: &[&str]) {
        let schema = Schema::compile(&schema.to_string()).expect("a schema");
        let mut found: Vec<String> =
            schema.faults(&data.to_string()).iter().map(ToString::to_string).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{data}");
    }

    #[test]
    fn what_references_mean_cannot_be_changed_below_the_top() {
        for (name, value) in [
            ("$id", "http://h/"),
            ("id", "http://h/"),
            ("$schema", "http://json-schema.org/draft-04/schema#"),
        ] {
            let schema = json!({ "$schema": "http://json-schema.org/draft-04/schema#",
                "properties": { "a": { name: value } } });
            let Err(invalid) = Schema::compile(&schema.to_string()) else {
                panic!("{schema} is refused")
            };
            assert_eq!(invalid.errors[0].pointer, format!("/properties/a/{name}"));
        }
        let field = json!({ "properties": { "id": { "type": "string" } } });
        Schema::compile(&field.to_string()).map(drop).expect("a field may be called id");
    }

    #[test]
    fn long_lists_weigh() {
        let names: Vec<String> = (0..40_000).map(|n| n.to_string()).collect();
        for schema in [
            json!({ "items": { "enum": names } }),
            json!({ "items": { "required": names } }),
            json!({ "items": { "dependentRequired": { "a": names } } }),
        ] {
            match Schema::compile(&schema.to_string()) {
                Ok(schema) => assert!(schema.cost(1) >= 40_000),
                Err(invalid) => assert!(invalid.to_string().contains("too large")),
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_data() {
        let schema = json!({
            "type": "object", "required": ["call_id", "a/b"], "additionalProperties": false,
            "properties": {
                "a/b": true, "call_id": {"type": "string", "minLength": 3, "maxLength": 8},
                "duration": {"type": "number", "minimum": 0, "maximum": 60},
                "status": {"enum": ["completed", "busy"]}, "who": {"type": ["string", "null"]},
                "number": {"pattern": r"^\+[0-9]+$"}, "at": {"format": "date-time"},
                "tags": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
                "never": false, "version": {"const": 1},
                "either": {"anyOf": [{"type": "string"}, {"type": "number"}]},
            },
        });
        let good = json!({"call_id": "call_1", "a/b": 1, "duration": 3, "status": "busy",
            "who": null, "number": "+1", "at": "2025-01-15T14:30:25Z", "tags": ["x"],
            "version": 1, "either": 1});
        check(&schema, &good, &[]);
        let with = |name: &str, value: Value| {
            let mut data = good.clone();
            data[name] = value;
            data
        };
        check(&schema, &json!({}), &["/a~1b: is missing", "/call_id: is missing"]);
        let none: Value = json!([]);
        check(&schema, &with("call_id", none), &["/call_id: must be a string"]);
        check(
            &schema,
            &with("call_id", json!("1")),
            &["/call_id: must have at least 3 characters"],
        );
        check(&schema, &with("duration", json!("180")), &["/duration: must be a number"]);
        check(&schema, &with("duration", json!(-1)), &["/duration: must be at least 0"]);
        check(&schema, &with("duration", json!(61)), &["/duration: must be at most 60"]);
        let one_of = r#"/status: must be one of "completed", "busy""#;
        check(&schema, &with("status", json!("secret")), &[one_of]);
        check(&schema, &with("who", json!(17)), &["/who: must be null or a string"]);
        check(&schema, &with("number", json!("secret")), &[r"/number: must match ^\+[0-9]+$"]);
        check(&schema, &with("at", json!("secret")), &["/at: must be written as date-time"]);
        check(
            &schema,
            &with("tags", json!(["a", 1, true])),
            &[
                "/tags/1: must be a string",
                "/tags/2: must be a string",
                "/tags: must have at most 2 entries",
            ],
        );
        check(&schema, &with("secret", json!(1)), &["has members that the schema does not allow"]);
        check(&schema, &with("never", json!(1)), &["/never: may not be there"]);
        check(&schema, &with("version", json!(2)), &["/version: must be 1"]);
        check(
            &schema,
            &with("either", json!(null)),
            &["/either: matches none of what the schema allows"],
        );
    }

    /// `at` and a word of what is said.
    fn refused(schema: &Value, at: &str, word: &str) {
        let invalid = Schema::compile(&schema.to_string()).expect_err("not to be used");
        assert_eq!(invalid.errors[0].pointer, at, "{invalid}");
        assert!(invalid.to_string().contains(word), "{invalid}");
    }

    #[test]
    fn a_schema_that_is_none_or_costs_too_much_is_refused() {
        refused(&json!({"type": "text"}), "/type", "no valid JSON Schema");
        refused(&json!({"properties": {"a": {"minimum": "1"}}}), "/properties/a/minimum", "number");
        refused(&json!({"$ref": "https://example.com/s.json"}), "/$ref", "nothing is fetched");
        refused(&json!({"$ref": "file:///etc/passwd"}), "/$ref", "nothing is fetched");
        refused(&json!({"$ref": "other.json#/a"}), "/$ref", "$defs");
        refused(&json!({"items": {"$ref": "#/$defs/a"}}), "/items/$ref", "not in this schema");
        refused(&json!({"properties": {"a": {"$ref": "#"}}}), "/properties/a/$ref", "to itself");
        refused(&json!({"$dynamicRef": "#a"}), "/$dynamicRef", "not supported");
        refused(&json!({"items": {"$id": "https://example.com/"}}), "/items/$id", "at the top");
        for pattern in ["(", "(?=a)", r"(a)\1", r"\w{4000}"] {
            refused(&json!({"pattern": pattern}), "/pattern", "pattern");
        }
        let patterns: Vec<Value> = (0..51).map(|n| json!({"pattern": n.to_string()})).collect();
        refused(&json!({"allOf": patterns}), "/allOf/50", "50 patterns");
    }

    #[test]
    fn references_that_double_with_every_level_are_refused() {
        let mut definitions = json!({"s0": {"type": "string"}});
        for level in 1..=40 {
            let below = json!({"$ref": format!("#/$defs/s{}", level - 1)});
            definitions[format!("s{level}")] = json!({"anyOf": [below, below]});
        }
        refused(&json!({"$defs": definitions, "$ref": "#/$defs/s40"}), "", "too large");
        let mut chain = json!({"s0": {"type": "string"}});
        for level in 1..=5_000 {
            chain[format!("s{level}")] = json!({"$ref": format!("#/$defs/s{}", level - 1)});
        }
        let deep = json!({"$defs": chain, "$ref": "#/$defs/s5000"});
        let invalid = Schema::compile(&deep.to_string()).expect_err("too deep");
        assert!(invalid.to_string().contains("too deep"), "{invalid}");
    }

    #[test]
    fn a_reference_within_and_an_older_draft_are_fine() {
        let schema = json!({"$defs": {"n": {"$anchor": "num", "type": "number"}},
            "properties": {"a": {"$ref": "#/$defs/n"}, "b": {"$ref": "#num"}}});
        check(
            &schema,
            &json!({"a": "1", "b": "1"}),
            &["/a: must be a number", "/b: must be a number"],
        );
        let old = json!({"$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"n": {"type": "number"}},
            "properties": {"a": {"$ref": "#/definitions/n"}}});
        check(&old, &json!({"a": "1"}), &["/a: must be a number"]);
    }
}
