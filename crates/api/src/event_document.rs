//! What receivers get, as OpenAPI `webhooks`: one for each event type, with the whole body and the
//! headers that every delivery has.

use posthaste_core::json_schema::change_references;
use posthaste_core::typescript::code_names;
use serde_json::{Map, Value, json};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// An event type, as far as the document tells of it.
pub struct Described<'a> {
    pub name: &'a str,
    pub title: &'a str,
    /// When it occurs, and what else there is to know.
    pub description: String,
    pub deprecated: bool,
    pub schema: Option<Value>,
    pub sample: Option<Value>,
}

/// A document of nothing but these event types.
pub fn document(event_types: Vec<Described<'_>>) -> Value {
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Posthaste events",
            "description": "What Posthaste sends to webhooks. Verify the signature of a body \
                            before you trust it.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "jsonSchemaDialect": DRAFT,
    });
    add(&mut document, event_types);
    document
}

/// Adds these event types to a document: to its `webhooks`, and to the schemas and parameters of
/// its `components`.
pub fn add(document: &mut Value, event_types: Vec<Described<'_>>) {
    let codes = code_names(event_types.iter().map(|event_type| event_type.name));
    let mut webhooks = Map::new();
    let mut schemas = Map::new();
    for (event_type, code) in event_types.into_iter().zip(codes) {
        webhooks.insert(event_type.name.to_owned(), webhook(&event_type, &code));
        schemas.insert(format!("{code}Event"), envelope(event_type.name, &code));
        schemas.insert(format!("{code}Data"), data(event_type, &code));
    }
    schemas.insert("EventMetadata".to_owned(), metadata());
    document["webhooks"] = webhooks.into();
    for (kind, added) in [("schemas", schemas), ("parameters", parameters())] {
        let components = document["components"][kind].take();
        let mut all = match components {
            Value::Object(all) => all,
            _ => Map::new(),
        };
        all.extend(added);
        document["components"][kind] = all.into();
    }
}

fn webhook(event_type: &Described<'_>, code: &str) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{code}Event") });
    let mut content = json!({ "schema": schema });
    if let Some(sample) = &event_type.sample {
        content["example"] = example(event_type.name, sample);
    }
    let headers =
        HEADERS.map(|(key, ..)| json!({ "$ref": format!("#/components/parameters/{key}") }));
    let answer = |description: &str| json!({ "description": description });
    let mut operation = json!({
        "operationId": format!("on{code}"),
        "summary": event_type.title,
        "description": event_type.description,
        "parameters": headers,
        "requestBody": { "required": true, "content": { "application/json": content } },
        "responses": {
            "2XX": answer("Delivered."),
            "410": answer("The webhook is disabled and gets nothing more."),
            "429": answer("Tried again when `retry-after` says, and the webhook is slowed down."),
            "default": answer("Tried again on the webhook's retry schedule."),
        },
    });
    if event_type.deprecated {
        operation["deprecated"] = true.into();
    }
    json!({ "post": operation })
}

fn envelope(name: &str, code: &str) -> Value {
    let title = format!("{name}, as it is delivered");
    json!({
        "title": title,
        "type": "object",
        "required": ["event", "timestamp", "webhook_id", "data", "metadata"],
        "properties": {
            "event": { "description": "The event type.", "const": name },
            "timestamp": {
                "description": "When it happened: RFC 3339 in UTC, with milliseconds.",
                "type": "string",
                "format": "date-time",
            },
            "webhook_id": { "description": "The webhook it is sent to.", "type": "string" },
            "data": { "$ref": format!("#/components/schemas/{code}Data") },
            "metadata": { "$ref": "#/components/schemas/EventMetadata" },
        },
    })
}

/// The schema, made to hold where it stands now.
fn data(event_type: Described<'_>, code: &str) -> Value {
    let Some(mut schema) = event_type.schema else {
        return json!({ "title": event_type.title, "type": "object" });
    };
    let here = format!("#/components/schemas/{code}Data");
    change_references(&mut schema, &mut |reference| match reference.strip_prefix('#') {
        Some(path) if path.is_empty() || path.starts_with('/') => format!("{here}{path}"),
        _ => reference.to_owned(),
    });
    if let Some(members) = schema.as_object_mut() {
        // With an id of its own, the references would not be looked for in the document.
        members.shift_remove("$id");
        if members.get("$schema").is_some_and(|draft| draft == DRAFT) {
            members.shift_remove("$schema");
        }
    }
    schema
}

fn metadata() -> Value {
    json!({
        "type": "object",
        "required": ["version", "event_id", "signature"],
        "properties": {
            "version": { "description": "Of this form.", "const": "1.0" },
            "event_id": {
                "description": "The same on every attempt, as `webhook-id`: by this, repetitions \
                                are known.",
                "type": "string",
            },
            "signature": {
                "description": "`sha256=` and the HMAC-SHA256 of the body without this member, \
                                under the webhook's secret.",
                "type": "string",
                "pattern": "^sha256=[0-9a-f]{64}$",
            },
        },
    })
}

fn example(name: &str, sample: &Value) -> Value {
    json!({
        "event": name,
        "timestamp": "2025-01-15T14:30:25.123Z",
        "webhook_id": "wh_0036djwvc0000",
        "data": sample,
        "metadata": {
            "version": "1.0",
            "event_id": "evt_004pdfceg0000",
            "signature": format!("sha256={}", "0".repeat(64)),
        },
    })
}

/// The headers of a delivery: what the document calls them, what they are called, whether every
/// delivery has them, and what they say.
const HEADERS: [(&str, &str, bool, &str); 9] = [
    ("WebhookEvent", "x-webhook-event", true, "The event type."),
    ("WebhookAttempt", "x-webhook-attempt", true, "1 at first, then 2, 3 and so on."),
    ("WebhookTest", "x-webhook-test", false, "`true`, on test events only."),
    (
        "WebhookSignature",
        "x-webhook-signature",
        true,
        "The HMAC-SHA256 of the body under the webhook's secret, in hexadecimal digits; with \
         `sha256=` before them where the webhook asks for it.",
    ),
    ("WebhookSignature256", "x-webhook-signature-256", true, "The same, always with `sha256=`."),
    (
        "WebhookSignaturePrevious",
        "x-webhook-signature-previous",
        false,
        "While a secret is being rotated: under the one before.",
    ),
    (
        "StandardWebhookId",
        "webhook-id",
        true,
        "The event's id (Standard Webhooks): the same on every attempt.",
    ),
    (
        "StandardWebhookTimestamp",
        "webhook-timestamp",
        true,
        "When this attempt was made, in seconds since 1970.",
    ),
    (
        "StandardWebhookSignature",
        "webhook-signature",
        true,
        "`v1,` and the signature in base64, for each secret that is live (Standard Webhooks).",
    ),
];

fn parameters() -> Map<String, Value> {
    let described = HEADERS.map(|(key, name, is_required, description)| {
        let parameter = json!({
            "name": name,
            "in": "header",
            "required": is_required,
            "description": description,
            "schema": { "type": "string" },
        });
        (key.to_owned(), parameter)
    });
    described.into_iter().collect()
}
