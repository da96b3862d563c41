//! Where the parts of a JSON Schema lie: what everybody who walks one needs to know. Whether data
//! matches one is not decided here.

use serde_json::Value;

use crate::error::escape_pointer;

/// Keywords whose value is a schema, by what it holds for.
const SCHEMAS: [&str; 12] = [
    "items",
    "additionalItems",
    "contains",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "not",
    "if",
    "then",
    "else",
    "contentSchema",
];
/// Keywords whose value is a list of schemas. `items` is one too in older drafts.
const LISTS: [&str; 5] = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
/// Keywords whose value names schemas.
const MAPS: [&str; 4] = ["properties", "patternProperties", "dependentSchemas", "dependencies"];
/// Keywords whose value names schemas that hold only where something refers to them.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// A schema right inside another.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'s> {
    /// From the outer schema: `/properties/email`.
    pub path: String,
    pub schema: &'s Value,
    /// Holds only where something refers to it.
    pub is_definition: bool,
}

/// The schemas right inside a schema; examples and other values are none.
pub fn parts(schema: &Value) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let Some(members) = schema.as_object() else { return found };
    let mut add = |path: String, schema, is_definition| {
        found.push(Part { path, schema, is_definition });
    };
    for (name, value) in members {
        let keyword = name.as_str();
        match value {
            Value::Object(_) | Value::Bool(_) if SCHEMAS.contains(&keyword) => {
                add(format!("/{name}"), value, false);
            }
            Value::Array(schemas) if LISTS.contains(&keyword) => {
                for (position, schema) in schemas.iter().enumerate() {
                    add(format!("/{name}/{position}"), schema, false);
                }
            }
            Value::Object(schemas) if MAPS.contains(&keyword) || DEFINITIONS.contains(&keyword) => {
                for (inner, schema) in schemas {
                    let path = format!("/{name}/{}", escape_pointer(inner));
                    add(path, schema, DEFINITIONS.contains(&keyword));
                }
            }
            _ => {}
        }
    }
    found
}

/// What the fragment of a reference names in the text it stands in: a JSON pointer, percent-encoded
/// or not, or an `$anchor`.
pub fn local<'s>(root: &'s Value, fragment: &str) -> Option<&'s Value> {
    if fragment.is_empty() || fragment.starts_with('/') {
        return root.pointer(fragment).or_else(|| root.pointer(&decoded(fragment)?));
    }
    let mut left = vec![root];
    while let Some(schema) = left.pop() {
        if schema.get("$anchor").and_then(Value::as_str) == Some(fragment) {
            return Some(schema);
        }
        left.extend(parts(schema).into_iter().map(|part| part.schema));
    }
    None
}

/// Calls `change` with each reference in a schema, however deep. What only looks like one, in an
/// example, is none.
pub fn change_references(schema: &mut Value, change: &mut impl FnMut(&str) -> String) {
    change_in(schema, false, change);
}

/// `names_schemas`: the members are named by whoever wrote the schema, and are schemas.
fn change_in(value: &mut Value, names_schemas: bool, change: &mut impl FnMut(&str) -> String) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let keyword = if names_schemas { "" } else { name.as_str() };
                match (keyword, &*member) {
                    ("const" | "enum" | "examples" | "example" | "default", _) => {}
                    ("$ref", Value::String(reference)) => *member = change(reference).into(),
                    _ => {
                        let names = MAPS.contains(&keyword) || DEFINITIONS.contains(&keyword);
                        change_in(member, names, change);
                    }
                }
            }
        }
        Value::Array(parts) => {
            for part in parts {
                change_in(part, false, change);
            }
        }
        _ => {}
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut left = text.bytes();
    while let Some(byte) = left.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [left.next()?, left.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_parts_are_schemas_and_nothing_that_only_looks_like_one() {
        let schema = json!({
            "properties": {"a/b": {"type": "string"}, "enum": true},
            "items": [{}], "prefixItems": [{}, false], "not": {}, "$defs": {"x": {}},
            "default": {"properties": {}}, "examples": [{"not": {}}], "enum": [{}], "const": {},
        });
        let found: Vec<(String, bool)> =
            parts(&schema).into_iter().map(|part| (part.path, part.is_definition)).collect();
        let expected = [
            ("/properties/a~1b", false),
            ("/properties/enum", false),
            ("/items/0", false),
            ("/prefixItems/0", false),
            ("/prefixItems/1", false),
            ("/not", false),
            ("/$defs/x", true),
        ];
        assert_eq!(found, expected.map(|(path, is)| (path.to_owned(), is)));
        assert!(parts(&json!(true)).is_empty());
    }

    #[test]
    fn references_are_changed_wherever_they_hold() {
        let mut schema = json!({
            "$ref": "#/a", "properties": {"$ref": {"$ref": "#"}, "default": {"$ref": "#/b"}},
            "items": [{"$ref": "#/c"}], "examples": [{"$ref": "#/d"}], "const": {"$ref": "#/e"},
        });
        change_references(&mut schema, &mut |reference| format!("x{reference}"));
        let expected = json!({
            "$ref": "x#/a", "properties": {"$ref": {"$ref": "x#"}, "default": {"$ref": "x#/b"}},
            "items": [{"$ref": "x#/c"}], "examples": [{"$ref": "#/d"}], "const": {"$ref": "#/e"},
        });
        assert_eq!(schema, expected);
    }

    #[test]
    fn a_fragment_is_a_pointer_or_an_anchor() {
        let root = json!({"$defs": {"a b": {"type": "null"}, "c": {"items": {"$anchor": "here"}}}});
        let check = |fragment: &str, expected: Option<&Value>| {
            assert_eq!(local(&root, fragment), expected, "{fragment}");
        };
        check("", Some(&root));
        check("/$defs/a b", Some(&root["$defs"]["a b"]));
        check("/$defs/a%20b", Some(&root["$defs"]["a b"]));
        check("here", Some(&root["$defs"]["c"]["items"]));
        check("/$defs/d", None);
        check("/%zz", None);
        check("there", None);
    }
}
