//! Published data and the schema of its event type: what `off`, `warn` and `reject` do about it.

mod support;

use std::time::Duration;

use serde_json::{Value, json};

use support::{Answer, START, TestServer};

async fn choose(server: &TestServer, validate: &str) {
    let path = format!("/v1/accounts/{}", server.account);
    let body = json!({ "validate": validate });
    let answer = server.call("PATCH", &path, &server.keys.account, body).await.expect(200);
    assert_eq!(answer.json["validate"], validate);
}

async fn publish(server: &TestServer, event: &str, data: Value) -> Answer {
    server.post("/v1/events", json!({"event": event, "data": data})).await
}

async fn shown(server: &TestServer, event: &str) -> Value {
    server.get(&format!("/v1/event-types/{event}")).await.expect(200).json
}

/// `checked` and `invalid`.
async fn counts(server: &TestServer, event: &str) -> [u64; 2] {
    let shown = shown(server, event).await;
    ["checked_events", "invalid_events"].map(|name| shown[name].as_u64().expect("a number"))
}

fn wrong() -> Value {
    json!({"call_id": "call_1", "call_duration": "180", "caller_number": "+12025550187"})
}

#[tokio::test]
async fn by_default_what_does_not_match_is_accepted_counted_and_shown() {
    let server = TestServer::start().await;
    assert_eq!(shown(&server, "call.ended").await["last_invalid"], Value::Null);
    publish(&server, "call.ended", json!({"call_id": "call_1", "call_duration": 180}))
        .await
        .expect(202);
    assert_eq!(counts(&server, "call.ended").await, [1, 0]);
    publish(&server, "call.ended", json!({})).await.expect(202);
    server.advance(Duration::from_secs(1));
    publish(&server, "call.ended", wrong()).await.expect(202);
    assert_eq!(server.stored().await, 3);
    let found = shown(&server, "call.ended").await;
    assert_eq!((&found["checked_events"], &found["invalid_events"]), (&json!(3), &json!(2)));
    let last =
        json!({"error": "/call_duration must be a number", "at": "2026-11-23T12:00:01.000Z"});
    assert_eq!(found["last_invalid"], last);
    assert_eq!(found["counted_since"], START);
    let all = server.get("/v1/event-types").await.expect(200);
    let listed = all.json["data"].as_array().expect("a list");
    let of_call = listed.iter().find(|item| item["name"] == "call.ended").expect("built in");
    assert_eq!(of_call["last_invalid"], last);
    assert!(listed.iter().filter(|item| item["invalid_events"] != 0).count() == 1);
    let other =
        server.call("GET", "/v1/event-types/call.ended", &server.keys.other, Value::Null).await;
    assert_eq!(other.json["invalid_events"], 0, "another account's are its own");
    let metrics =
        server.call("GET", "/metrics", &server.keys.platform, Value::Null).await.expect(200);
    for line in ["checked_total 3", "invalid_total 2", "unchecked_total 0"] {
        assert!(metrics.text.contains(&format!("posthaste_events_{line}\n")), "{}", metrics.text);
    }
}

#[tokio::test]
async fn with_off_nobody_looks() {
    let server = TestServer::start().await;
    choose(&server, "off").await;
    publish(&server, "call.ended", wrong()).await.expect(202);
    assert_eq!(counts(&server, "call.ended").await, [0, 0]);
}

#[tokio::test]
async fn with_reject_what_does_not_match_is_refused_and_pointed_at() {
    let server = TestServer::start().await;
    choose(&server, "reject").await;
    let answer = publish(&server, "call.ended", wrong()).await;
    let answer = answer.expect_problem(422, "data_does_not_match_schema");
    assert_eq!(answer.pointers(), ["/data/call_duration"]);
    assert_eq!(answer.json["errors"][0]["message"], "must be a number");
    assert!(!answer.text.contains("180"), "nothing of the data: {}", answer.text);
    let missing = publish(&server, "call.ended", json!({})).await;
    let missing = missing.expect_problem(422, "data_does_not_match_schema");
    assert_eq!(missing.pointers(), ["/data/call_id"]);
    assert_eq!(server.stored().await, 0);
    publish(&server, "call.ended", json!({"call_id": "call_1"})).await.expect(202);
    assert_eq!(counts(&server, "call.ended").await, [3, 2]);

    let good = json!({"event": "call.ended", "data": {"call_id": "call_2"}});
    let bad = json!({"event": "call.ended", "data": wrong()});
    let batch = server.post("/v1/events/batch", json!({"events": [good, bad, good]})).await;
    let batch = batch.expect_problem(422, "data_does_not_match_schema");
    assert_eq!(batch.pointers(), ["/events/1/data/call_duration"]);
    assert_eq!(server.stored().await, 1, "all or nothing");
    server.post("/v1/events/batch", json!({"events": [good, good]})).await.expect(202);
    // What is no event at all is told so first.
    let answer = publish(&server, "call.endet", wrong()).await;
    answer.expect_problem(422, "unknown_event_type");
    let other = json!({"event": "call.ended", "data": wrong()});
    server.call("POST", "/v1/events", &server.keys.other, other).await.expect(202);
}

#[tokio::test]
async fn a_schema_of_ones_own_holds_from_the_moment_it_is_stored() {
    let server = TestServer::start().await;
    choose(&server, "reject").await;
    let put = async |schema: Value| {
        let body = json!({ "schema": schema });
        let path = "/v1/event-types/deal.won";
        server.call("PUT", path, &server.keys.account, body).await;
    };
    let amount = |kind: &str| json!({"properties": {"amount": {"type": kind}}});
    put(Value::Null).await;
    let sent = async || publish(&server, "deal.won", json!({"amount": "1.50"})).await;
    sent().await.expect(202);
    put(amount("number")).await;
    let refused = sent().await.expect_problem(422, "data_does_not_match_schema");
    assert_eq!(refused.pointers(), ["/data/amount"]);
    put(amount("string")).await;
    sent().await.expect(202);
    assert_eq!(counts(&server, "deal.won").await, [2, 1]);
    server.call("DELETE", "/v1/event-types/deal.won", &server.keys.account, Value::Null).await;
    put(amount("number")).await;
    assert_eq!(counts(&server, "deal.won").await, [0, 0], "it is another one now");
    sent().await.expect_problem(422, "data_does_not_match_schema");
}

#[tokio::test]
async fn very_many_at_once_are_accepted_and_the_rest_counted_as_not_looked_at() {
    let server = TestServer::start().await;
    let event = json!({"event": "call.ended", "data": wrong()});
    let batch = json!({"events": vec![event; 1_000]});
    server.post("/v1/events/batch", batch).await.expect(202);
    let [checked, invalid] = counts(&server, "call.ended").await;
    assert_eq!(checked, invalid);
    assert!((10..1_000).contains(&checked), "{checked}");
    let metrics = server.call("GET", "/metrics", &server.keys.platform, Value::Null).await;
    let line = format!("posthaste_events_unchecked_total {}\n", 1_000 - checked);
    assert!(metrics.text.contains(&line), "{line} in {}", metrics.text);
    // There is room again.
    publish(&server, "call.ended", wrong()).await.expect(202);
    assert_eq!(counts(&server, "call.ended").await, [checked + 1; 2]);
}

#[tokio::test]
async fn what_is_published_twice_is_looked_at_once() {
    let server = TestServer::start().await;
    for _ in 0..2 {
        let request = server
            .request("POST", "/v1/events", &server.keys.account)
            .header("content-type", "application/json")
            .header("idempotency-key", "one")
            .body(json!({"event": "call.ended", "data": wrong()}).to_string().into());
        server.send(request.expect("a request")).await.expect(202);
    }
    assert_eq!(counts(&server, "call.ended").await, [1, 1]);
}

#[tokio::test]
async fn the_choice_is_the_accounts_own_and_written_down() {
    let server = TestServer::start().await;
    let own = format!("/v1/accounts/{}", server.account);
    let others = format!("/v1/accounts/{}", server.other_account);
    let call = async |method: &str, path: &str, key: &str, body: Value| {
        server.call(method, path, key, body).await
    };
    let reject = json!({"validate": "reject"});
    let keys = &server.keys;
    assert_eq!(
        call("GET", &own, &keys.read, Value::Null).await.expect(200).json["validate"],
        "warn"
    );
    for key in [&keys.read, &keys.publish] {
        call("PATCH", &own, key, reject.clone()).await.expect_problem(403, "forbidden");
    }
    call("PATCH", &others, &keys.account, reject.clone()).await.expect_problem(404, "not_found");
    call("GET", &others, &keys.account, Value::Null).await.expect_problem(404, "not_found");
    for (body, at) in [(json!({"validate": "on"}), "/validate"), (json!({"name": "x"}), "/name")] {
        let answer = call("PATCH", &own, &keys.account, body).await.expect_problem(422, "invalid");
        assert_eq!(answer.pointers(), [at]);
    }
    call("PATCH", &own, &keys.account, reject.clone()).await.expect(200);
    // Changes nothing, so it is not written down again.
    call("PATCH", &own, &keys.account, reject.clone()).await.expect(200);
    call("PATCH", &others, &keys.platform, reject).await.expect(200);
    let stored = server.store.account(server.account).await.expect("readable").expect("there");
    assert_eq!(stored.validate.as_str(), "reject");
    let log = call("GET", "/v1/audit-log", &keys.account, Value::Null).await.expect(200);
    let entries = log.json["data"].as_array().expect("a list");
    assert_eq!(entries.len(), 1, "{}", log.text);
    assert_eq!(entries[0]["action"], "account.updated");
    let change = json!({"field": "validate", "before": "warn", "after": "reject"});
    assert_eq!(entries[0]["changes"], json!([change]));
}
