//! The catalogue as OpenAPI and as TypeScript.

mod support;

use posthaste_core::catalogue;
use serde_json::{Value, json};

use support::TestServer;

/// Of the account's own: with references inside, and with no schema at all.
async fn server() -> TestServer {
    let server = TestServer::start().await;
    let schema = json!({"$id": "https://example.com/deal", "type": "object",
        "required": ["amount"], "$defs": {"money": {"type": "number", "minimum": 0}},
        "properties": {"amount": {"$ref": "#/$defs/money"}}});
    let won = json!({"name": "deal.won", "description": "A deal was won.", "schema": schema,
        "sample": {"amount": 12.5}});
    server.post("/v1/event-types", won).await.expect(201);
    let lost = json!({"name": "deal.lost", "deprecated": true});
    server.post("/v1/event-types", lost).await.expect(201);
    server
}

/// What is wrong with a value, by a schema of the document.
fn faults(document: &Value, schema: &str, value: &Value) -> Vec<String> {
    let mut root = document.clone();
    root["$ref"] = schema.into();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&root)
        .expect("references that lead somewhere");
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

#[tokio::test]
async fn each_event_type_is_a_webhook_whose_example_matches() {
    let server = server().await;
    let answer = server.get("/v1/event-types.openapi.json").await.expect(200);
    let document = answer.json;
    assert_eq!(document["openapi"], "3.1.0");
    let webhooks = document["webhooks"].as_object().expect("webhooks");
    assert_eq!(webhooks.len(), catalogue::builtins().len() + catalogue::operational().len() + 2);
    for (name, item) in webhooks {
        let operation = &item["post"];
        let content = &operation["requestBody"]["content"]["application/json"];
        let schema = content["schema"]["$ref"].as_str().expect("a reference");
        if name != "deal.lost" {
            assert_eq!(content["example"]["event"], name.as_str());
            assert_eq!(faults(&document, schema, &content["example"]), [""; 0], "{name}");
        }
        let mut other = content["example"].clone();
        other["event"] = "another.one".into();
        assert!(!faults(&document, schema, &other).is_empty(), "{name} is told by its event");
        for header in operation["parameters"].as_array().expect("headers") {
            let pointer = header["$ref"].as_str().expect("a reference").trim_start_matches('#');
            assert_eq!(document.pointer(pointer).expect("described")["in"], "header");
        }
    }
    let won = "#/components/schemas/DealWonData";
    assert_eq!(faults(&document, won, &json!({"amount": 1})), [""; 0]);
    assert!(!faults(&document, won, &json!({"amount": -1})).is_empty(), "its references hold");
    assert_eq!(document["webhooks"]["deal.lost"]["post"]["deprecated"], true);
    let other = server.call("GET", "/v1/event-types.openapi.json", &server.keys.other, Value::Null);
    assert!(!other.await.expect(200).text.contains("deal.won"));
}

#[tokio::test]
async fn the_api_s_own_document_has_the_built_in_ones() {
    let document = posthaste_api::openapi_document();
    let webhooks = document["webhooks"].as_object().expect("webhooks");
    let expected: Vec<&str> =
        catalogue::builtins().iter().chain(catalogue::operational()).map(|one| one.name).collect();
    assert_eq!(webhooks.keys().map(String::as_str).collect::<Vec<_>>(), expected);
    let data = &document["components"]["schemas"]["CallEndedData"]["properties"];
    assert_eq!(data["caller_number"]["x-personal-data"], true);
    let names = document["components"]["parameters"].as_object().expect("headers").values();
    let names: Vec<&str> = names.filter_map(|header| header["name"].as_str()).collect();
    for name in ["x-webhook-signature", "webhook-id", "webhook-timestamp", "webhook-signature"] {
        assert!(names.contains(&name), "{name}");
    }
}

/// That it compiles is checked with the compiler, in the dashboard's tests.
#[tokio::test]
async fn each_event_type_is_a_typescript_type() {
    let server = server().await;
    let answer = server.get("/v1/event-types.d.ts").await.expect(200);
    assert!(answer.header("content-disposition").contains("events.d.ts"));
    for part in [
        "export interface CallEndedData {\n",
        "  call_id: string;\n",
        "  call_status?: \"completed\" | \"no_answer\"",
        "export type ContactDeleteEvent = Envelope<\"contact.delete\", ContactDeleteData>;\n",
        "export interface DealWonData {\n  amount: number;\n}\n",
        "/** @deprecated */\nexport type DealLostData = Record<string, unknown>;\n",
        "  | DeliveryFailedEvent\n  | DealLostEvent\n  | DealWonEvent;\n",
    ] {
        assert!(answer.text.contains(part), "{part}\nin\n{}", answer.text);
    }
    let other = server.call("GET", "/v1/event-types.d.ts", &server.keys.other, Value::Null).await;
    assert!(!other.text.contains("DealWon"));
}
