//! The catalogue of event types.

mod support;

use std::time::Duration;

use serde_json::{Value, json};

use support::{START, TestServer};

async fn call(server: &TestServer, method: &str, path: &str, body: Value) -> support::Answer {
    server.call(method, path, &server.keys.account, body).await
}

#[tokio::test]
async fn the_catalogue_has_the_built_in_types_and_then_ones_own() {
    let server = TestServer::start().await;
    server.post("/v1/event-types", json!({"name": "deal.won"})).await.expect(201);
    let answer = server.get("/v1/event-types").await.expect(200);
    let data = answer.json["data"].as_array().expect("a list");
    let names: Vec<&str> = data.iter().filter_map(|item| item["name"].as_str()).collect();
    assert_eq!((names[0], names[names.len() - 1]), ("call.started", "deal.won"));
    assert_eq!(names.len(), 18 + 4 + 1);
    for item in &data[..18] {
        assert!(item["sample"].is_object() && item["built_in"] == true, "{item}");
    }
    let other = server.call("GET", "/v1/event-types", &server.keys.other, Value::Null).await;
    assert!(!other.text.contains("deal.won"));
}

#[tokio::test]
async fn an_event_type_of_ones_own_is_kept_replaced_and_deleted() {
    let server = TestServer::start().await;
    let body = json!({"name": "deal.won", "group": "Sales", "description": "A deal was won",
        "use_cases": ["Bonus"], "schema": {"type": "object"}, "sample": {"amount": 1.50}});
    let expected = json!({"name": "deal.won", "title": "deal.won", "group": "Sales",
        "description": "A deal was won", "triggered": null, "use_cases": ["Bonus"],
        "schema": {"type": "object"}, "sample": {"amount": 1.5}, "deprecated": false,
        "built_in": false, "checked_events": 0, "invalid_events": 0, "last_invalid": null,
        "counted_since": START, "created_at": START, "updated_at": START});
    let created = server.post("/v1/event-types", body.clone()).await.expect(201);
    assert_eq!(created.json, expected);
    assert_eq!(created.header("location"), "/v1/event-types/deal.won");
    assert_eq!(server.get("/v1/event-types/deal.won").await.expect(200).json, expected);
    server.post("/v1/event-types", body).await.expect_problem(409, "taken");

    server.advance(Duration::from_secs(1));
    let replaced = call(&server, "PUT", "/v1/event-types/deal.won", json!({"deprecated": true}));
    let replaced = replaced.await.expect(200).json;
    assert_eq!((&replaced["group"], &replaced["sample"]), (&json!("Custom"), &Value::Null));
    assert_eq!((&replaced["deprecated"], &replaced["created_at"]), (&json!(true), &json!(START)));
    assert_eq!(replaced["updated_at"], "2026-11-23T12:00:01.000Z");
    call(&server, "PUT", "/v1/event-types/deal.lost", json!({})).await.expect(201);

    call(&server, "DELETE", "/v1/event-types/deal.won", Value::Null).await.expect(204);
    server.get("/v1/event-types/deal.won").await.expect_problem(404, "not_found");
    let again = call(&server, "DELETE", "/v1/event-types/deal.won", Value::Null).await;
    again.expect_problem(404, "not_found");
}

#[tokio::test]
async fn built_in_types_can_be_read_only() {
    let server = TestServer::start().await;
    for name in ["call.ended", "webhook.failing"] {
        let path = format!("/v1/event-types/{name}");
        assert_eq!(server.get(&path).await.expect(200).json["built_in"], true);
        call(&server, "PUT", &path, json!({})).await.expect_problem(409, "built_in");
        call(&server, "DELETE", &path, Value::Null).await.expect_problem(409, "built_in");
        let create = server.post("/v1/event-types", json!({"name": name})).await;
        create.expect_problem(409, "built_in");
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_event_type_is_pointed_at_and_nothing_is_stored() {
    let server = TestServer::start().await;
    let check = async |body: Value, at: &[&str]| {
        let answer = server.post("/v1/event-types", body).await.expect_problem(422, "invalid");
        assert_eq!(answer.pointers(), at, "{}", answer.text);
        let stored = server.store.custom_event_types(server.account).await.expect("readable");
        assert!(stored.is_empty());
    };
    check(json!({}), &["/name"]).await;
    check(json!({"name": "Deal.Won"}), &["/name"]).await;
    check(json!({"name": "deal.*"}), &["/name"]).await;
    check(json!({"name": "deal.won", "group": ""}), &["/group"]).await;
    check(json!({"name": "deal.won", "group": "a\nb"}), &["/group"]).await;
    check(json!({"name": "deal.won", "description": "x".repeat(2001)}), &["/description"]).await;
    check(json!({"name": "deal.won", "use_cases": ["a", ""]}), &["/use_cases/1"]).await;
    check(json!({"name": "deal.won", "use_cases": vec!["a"; 21]}), &["/use_cases"]).await;
    check(json!({"name": "deal.won", "schema": true}), &["/schema"]).await;
    let schema = |schema: Value| json!({"name": "deal.won", "schema": schema});
    check(schema(json!({"type": "text"})), &["/schema/type"]).await;
    check(schema(json!({"$ref": "https://example.com/deal.json"})), &["/schema/$ref"]).await;
    check(schema(json!({"items": {"$ref": "#"}})), &["/schema/items/$ref"]).await;
    check(
        schema(json!({"properties": {"a": {"pattern": "("}}})),
        &["/schema/properties/a/pattern"],
    )
    .await;
    check(json!({"name": "deal.won", "sample": [1]}), &["/sample"]).await;
    check(
        json!({"name": "deal.won", "sample": {"n": [9_007_199_254_740_993_u64]}}),
        &["/sample/n/0"],
    )
    .await;
    check(json!({"name": "deal.won", "deprecated": "yes"}), &["/deprecated"]).await;
    check(json!({"name": "deal.won", "built_in": true}), &["/built_in"]).await;
    let put = call(&server, "PUT", "/v1/event-types/Deal", json!({})).await;
    put.expect_problem(422, "invalid");
}
