//! The schemas of the built-in event types, as the API shows them: that they are valid, agree with
//! the samples, explain everything and mark what is personal.

mod support;

use std::collections::BTreeMap;

use jsonschema::{Draft, Validator};
use posthaste_core::catalogue;
use posthaste_core::id::{AccountId, ContactId, PowerlistId};
use posthaste_core::simulation::{Plan, Simulation};
use posthaste_core::time::Timestamp;
use serde_json::{Map, Value, json};

use support::TestServer;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
const PERSONAL: &str = "x-personal-data";
/// The contact of the samples' story. Whatever holds one of these is about that person.
const OF_THE_CONTACT: [&str; 5] =
    ["Maria", "Lopez", "maria.lopez@example.com", "+12025550187", "1600 Example Avenue"];

/// One event type of the catalogue, as the API answers it.
struct Entry {
    name: String,
    title: String,
    schema: Value,
    sample: Value,
}

async fn entries() -> Vec<Entry> {
    let server = TestServer::start().await;
    let answer = server.get("/v1/event-types").await.expect(200);
    let data = answer.json["data"].as_array().expect("a list");
    let text = |item: &Value, member: &str| item[member].as_str().expect("a text").to_owned();
    let entries: Vec<Entry> = data
        .iter()
        .map(|item| Entry {
            name: text(item, "name"),
            title: text(item, "title"),
            schema: item["schema"].clone(),
            sample: item["sample"].clone(),
        })
        .collect();
    assert_eq!(entries.len(), catalogue::builtins().len() + catalogue::operational().len());
    entries
}

fn validator(schema: &Value) -> Validator {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .build(schema)
        .expect("a schema")
}

fn faults(schema: &Value, instance: &Value) -> Vec<String> {
    let validator = validator(schema);
    let errors = validator.iter_errors(instance);
    errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

/// Calls `visit` with the path and the schema of each field, however deep it stands.
fn visit_fields(path: &str, schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    for (name, field) in members(&schema["properties"]) {
        let path = format!("{path}/{name}");
        visit(&path, field);
        visit_fields(&path, field, visit);
        if let Some(items) = field.get("items") {
            let path = format!("{path}/0");
            visit(&path, items);
            visit_fields(&path, items, visit);
        }
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Calls `visit` with each value of the sample that is no object or list, and the schemas of the
/// fields it stands in, from the outermost on.
fn visit_values<'a>(
    path: &str,
    value: &'a Value,
    fields: &[&'a Value],
    visit: &mut impl FnMut(&str, &'a Value, &[&'a Value]),
) {
    let field = fields[fields.len() - 1];
    match value {
        Value::Object(values) => {
            let Some(properties) = field["properties"].as_object() else {
                // Their names are free, as those of custom fields are.
                assert!(field.get("additionalProperties").is_some(), "{path} is not described");
                return visit(path, value, fields);
            };
            for (name, value) in values {
                let path = format!("{path}/{name}");
                let property = properties.get(name);
                let property = property.unwrap_or_else(|| panic!("{path} is not described"));
                visit_values(&path, value, &[fields, &[property]].concat(), visit);
            }
        }
        Value::Array(values) => {
            for value in values {
                visit_values(path, value, &[fields, &[&field["items"]]].concat(), visit);
            }
        }
        _ => visit(path, value, fields),
    }
}

#[tokio::test]
async fn each_is_a_schema_of_2020_12_with_room_for_more() {
    for entry in entries().await {
        let schema = &entry.schema;
        let checked = jsonschema::draft202012::meta::validate(schema);
        assert!(checked.is_ok(), "{}: {checked:?}", entry.name);
        assert_eq!(schema["$schema"], DRAFT, "{}", entry.name);
        assert_eq!(schema["title"], entry.title.as_str(), "{}", entry.name);
        assert_eq!(schema["type"], "object", "{}", entry.name);
        assert_eq!(schema["additionalProperties"], true, "{}", entry.name);
        visit_fields("", schema, &mut |path, field| {
            assert_ne!(field["additionalProperties"], false, "{}: {path}", entry.name);
            // Whoever reads a schema by a program of their own needs no other text for it.
            assert!(field.get("$ref").is_none(), "{}: {path}", entry.name);
        });
        assert!(validator(schema).is_valid(&with(&entry.sample, "never_heard_of", json!(1))));
    }
}

fn with(sample: &Value, name: &str, value: Value) -> Value {
    let mut members: Map<String, Value> = sample.as_object().expect("an object").clone();
    members.insert(name.to_owned(), value);
    Value::Object(members)
}

#[tokio::test]
async fn each_sample_is_valid_and_what_is_wrong_is_not() {
    for entry in entries().await {
        let found = faults(&entry.schema, &entry.sample);
        assert!(found.is_empty(), "{}: {found:#?}", entry.name);
        for (name, field) in members(&entry.schema["properties"]) {
            let is_list = field["type"].to_string().contains("array");
            let wrong = if is_list { json!("x") } else { json!([]) };
            let sample = with(&entry.sample, name, wrong);
            assert!(!validator(&entry.schema).is_valid(&sample), "{}: {name}", entry.name);
        }
        let required = entry.schema["required"].as_array().expect("a list");
        assert!(!required.is_empty(), "{}", entry.name);
        for name in required.iter().filter_map(Value::as_str) {
            let mut sample = entry.sample.clone();
            sample.as_object_mut().and_then(|members| members.remove(name)).expect(name);
            assert!(!validator(&entry.schema).is_valid(&sample), "{}: {name}", entry.name);
        }
    }
}

#[tokio::test]
async fn each_field_of_a_sample_is_described() {
    let mut values = 0;
    for entry in entries().await {
        visit_values("", &entry.sample, &[&entry.schema], &mut |_, _, _| values += 1);
    }
    assert!(values > 200, "only {values} values were looked at");
}

#[tokio::test]
async fn each_field_says_what_it_is_and_gives_an_example() {
    for entry in entries().await {
        let said = entry.schema["description"].as_str().unwrap_or_default();
        assert!(said.ends_with('.'), "{}", entry.name);
        visit_fields("", &entry.schema, &mut |path, field| {
            let place = format!("{}: {path}", entry.name);
            let said = field["description"].as_str().unwrap_or_default();
            assert!((6..=200).contains(&said.len()) && said.ends_with('.'), "{place}: {said}");
            let examples = field["examples"].as_array().map(Vec::as_slice).unwrap_or_default();
            // The rest are examples themselves: their values are listed, or lie in their parts.
            let is_obvious = field.get("enum").is_some()
                || field.get("properties").is_some()
                || field.get("items").is_some()
                || field["type"].to_string().contains("boolean");
            assert!(!examples.is_empty() || is_obvious, "{place} has no example");
            for example in examples {
                let found = faults(field, example);
                assert!(found.is_empty(), "{place}: {found:#?}");
                let Some(text) = example.as_str() else { continue };
                match name_of(path) {
                    "account_id" => assert!(AccountId::parse(text).is_ok(), "{place}: {text}"),
                    "contact_id" => assert!(ContactId::parse(text).is_ok(), "{place}: {text}"),
                    "powerlist_id" => assert!(PowerlistId::parse(text).is_ok(), "{place}: {text}"),
                    _ => {}
                }
            }
        });
    }
}

#[tokio::test]
async fn what_tells_of_a_person_is_marked() {
    let always = [
        "address",
        "called_number",
        "caller_number",
        "city",
        "custom_fields",
        "email",
        "first_name",
        "from_number",
        "last_name",
        "notes",
        "phone_number",
        "postal_code",
        "recording_url",
        "summary",
        "to_number",
        "transcription",
    ];
    let mut marked = 0;
    for entry in entries().await {
        visit_fields("", &entry.schema, &mut |path, field| {
            assert!([&Value::Null, &json!(true)].contains(&&field[PERSONAL]), "{path}");
            if always.contains(&name_of(path)) {
                assert_eq!(field[PERSONAL], true, "{}: {path}", entry.name);
            }
        });
        visit_values("", &entry.sample, &[&entry.schema], &mut |path, value, fields| {
            let text = value.to_string();
            if OF_THE_CONTACT.iter().any(|of_the_contact| text.contains(of_the_contact)) {
                let is_marked = fields.iter().any(|field| field[PERSONAL] == true);
                assert!(is_marked, "{}: {path} has {text}", entry.name);
                marked += 1;
            }
        });
    }
    assert!(marked > 20, "only {marked} values were about the contact");
}

/// An id, a price or a contact is the same thing in whatever event it stands, so whoever knows it
/// from one event knows it from all.
#[tokio::test]
async fn what_is_the_same_is_described_the_same() {
    let same_everywhere = [
        "account_id",
        "amount",
        "call_direction",
        "caller_number",
        "called_number",
        "contact_id",
        "currency",
        "custom_fields",
        "disposition",
        "email",
        "first_name",
        "last_name",
        "powerlist_id",
        "powerlist_name",
        "tags",
        "test",
        "thread_id",
    ];
    let mut seen = BTreeMap::new();
    for entry in entries().await {
        let required = entry.schema["required"].as_array().expect("a list");
        visit_fields("", &entry.schema, &mut |path, field| {
            let name = name_of(path);
            if !same_everywhere.contains(&name) {
                return;
            }
            let mut field = field.clone();
            field.as_object_mut().and_then(|field| field.remove("examples"));
            // What an event is about cannot be null in it, as it may in others.
            let key = (name.to_owned(), required.contains(&json!(name)));
            let (first, before) =
                seen.entry(key).or_insert_with(|| (entry.name.clone(), field.clone()));
            assert_eq!(*before, field, "{name} of {first} and of {}", entry.name);
        });
    }
}

/// The document that the product was asked for in.
#[tokio::test]
async fn what_the_first_description_sent_is_valid() {
    let entries = entries().await;
    let find = |name: &str| entries.iter().find(|entry| entry.name == name).expect(name);
    let described = json!({
        "call_id": "call_987654321", "agent_id": "agent_abc123",
        "caller_number": "+1234567890", "called_number": "+0987654321",
        "call_duration": 180, "call_status": "completed", "call_direction": "outbound",
        "recording_url": "https://recordings.ai-sync.com/call_987654321.mp3",
        "transcription": "Hello, this is John calling about...", "sentiment": "positive",
        "disposition": "interested", "tags": ["qualified", "follow-up"],
        "custom_fields": {"lead_score": 85, "next_action": "schedule_demo"},
    });
    let tried = json!({"call_id": "test_call_123", "call_duration": 120, "sentiment": "positive"});
    let ended = &find("call.ended").schema;
    for sent in [&described, &tried] {
        assert_eq!(faults(ended, sent), [""; 0]);
    }
    for (name, _) in members(&described) {
        assert!(ended["properties"].get(name).is_some(), "{name}");
    }
    let of_a_form = ["phone_number", "email", "first_name", "last_name", "address", "city"];
    for name in of_a_form.iter().chain(&["country", "powerlist_id", "powelist_id"]) {
        assert!(find("contact").schema["properties"].get(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_schema_is_sent_without_white_space() {
    let server = TestServer::start().await;
    let one = server.get("/v1/event-types/call.ended").await.expect(200);
    assert!(!one.text.contains('\n') && one.text.contains(r#""schema":{"$schema":"#), "{one:?}");
}

/// Simulated traffic is what a receiver is developed with: it must be what the schemas promise.
#[tokio::test]
async fn simulated_events_are_valid_against_their_schemas() {
    let entries = entries().await;
    let validators: BTreeMap<&str, Validator> =
        entries.iter().map(|entry| (entry.name.as_str(), validator(&entry.schema))).collect();
    let start = Timestamp::parse("2025-01-15T14:00:00Z").expect("a time");
    for (seed, rate) in [(1, 15.0), (2, 0.5), (3, 400.0), (u64::MAX, 60.0)] {
        let plan = Plan { seed, start, rate, powerlists: Vec::new() };
        for event in Simulation::new(&plan).take(3_000) {
            let errors = validators[event.event].iter_errors(&event.data);
            let errors: Vec<String> =
                errors.map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{}: {errors:?}: {}", event.event, event.data);
            // A member that no schema describes is a slip of the pen.
            let schema =
                &entries.iter().find(|entry| entry.name == event.event).expect("known").schema;
            for (name, _) in members(&event.data) {
                assert!(schema["properties"].get(name).is_some(), "{}: {name}", event.event);
            }
        }
    }
}
