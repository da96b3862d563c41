//! Webhooks: settings, status, secrets, samples and endpoints.

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use posthaste_core::id::WebhookId;
use posthaste_core::limits::WEBHOOKS_PER_ACCOUNT_MAX;
use posthaste_core::webhook::Webhook;
use serde_json::{Value, json};

use support::{START, TestServer};

fn minimal() -> Value {
    json!({"title": "CRM", "url": "https://example.com/hook?k=1", "events": ["call.ended", "sms.*"]})
}

/// What the contract says a webhook looks like.
fn expected(id: &str, number: u32) -> Value {
    json!({
        "id": id, "number": number, "title": "CRM", "direction": "outbound",
        "url": "https://example.com/hook?k=1", "events": ["call.ended", "sms.*"],
        "powerlist_id": null, "description": "", "headers": {}, "signature_format": "hex",
        "timeout_ms": 15000, "retry_delays_s": [0, 30, 120, 480, 1920], "max_in_flight": 64,
        "rate_limit": null, "filter": null, "status": "enabled", "disabled_reason": null,
        "hits": 0, "last_hit_at": null, "created_at": START, "updated_at": START,
    })
}

#[tokio::test]
async fn a_new_webhook_has_the_defaults_and_shows_its_secret_once() {
    let server = TestServer::start().await;
    let created = server.post("/v1/webhooks", minimal()).await.expect(201);
    let id = created.id();
    assert_eq!(created.header("location"), format!("/v1/webhooks/{id}"));
    let mut webhook = created.json.clone();
    let secret = webhook.as_object_mut().expect("an object").remove("secret").expect("a secret");
    assert!(secret.as_str().expect("text").starts_with("whsec_"));
    assert_eq!(webhook, expected(&id, 1));
    assert_eq!(server.get(&format!("/v1/webhooks/{id}")).await.expect(200).json, expected(&id, 1));
    let listed = server.get("/v1/webhooks").await.expect(200);
    assert_eq!(listed.json, json!({"data": [expected(&id, 1)], "next_cursor": null}));
    assert_eq!(server.engine.told_of(), [id]);
}

#[tokio::test]
async fn every_setting_can_be_given_and_taken_away_again() {
    let server = TestServer::start().await;
    let mut body = minimal();
    let list = server.powerlist(server.account, "Ours").await;
    let settings = json!({
        "direction": "outbound", "powerlist_id": list, "description": "all of it",
        "headers": {"X-Zone": "eu", "authorization": "Basic abc"}, "signature_format": "sha256=",
        "timeout_ms": 2000, "retry_delays_s": [0, 5], "max_in_flight": 3,
        "rate_limit": {"count": 100, "per_s": 60}, "filter": null,
    });
    body.as_object_mut()
        .expect("an object")
        .extend(settings.as_object().expect("an object").clone());
    let id = server.post("/v1/webhooks", body).await.expect(201).id();
    let path = format!("/v1/webhooks/{id}");
    let shown = server.get(&path).await.json;
    assert_eq!(shown["headers"], json!({"x-zone": "eu", "authorization": "Basic abc"}));
    assert_eq!(shown["rate_limit"], json!({"count": 100, "per_s": 60}));
    assert_eq!(shown["retry_delays_s"], json!([0, 5]));

    server.advance(Duration::from_secs(5));
    let patch = json!({"powerlist_id": null, "rate_limit": null, "headers": {}, "title": "New"});
    let changed = server.call("PATCH", &path, &server.keys.account, patch).await.expect(200).json;
    assert_eq!(changed["title"], "New");
    assert_eq!(changed["powerlist_id"], Value::Null);
    assert_eq!(changed["rate_limit"], Value::Null);
    assert_eq!(changed["headers"], json!({}));
    assert_eq!(changed["timeout_ms"], 2000, "what is left out stays");
    assert_eq!(changed["updated_at"], "2026-11-23T12:00:05.000Z");
    assert_eq!(server.get(&path).await.json, changed);

    server.advance(Duration::from_secs(5));
    let same = server.call("PATCH", &path, &server.keys.account, json!({})).await.expect(200).json;
    assert_eq!(same, changed, "no change is no update");
}

#[tokio::test]
async fn what_is_wrong_with_settings_is_pointed_at_and_nothing_is_stored() {
    let server = TestServer::start().await;
    let existing = server.webhook(&["*"]).await;
    let check = async |over: Value, at: &[&str]| {
        let mut body = minimal();
        body.as_object_mut()
            .expect("an object")
            .extend(over.as_object().expect("an object").clone());
        let answer = server.post("/v1/webhooks", body).await.expect_problem(422, "invalid");
        assert_eq!(answer.pointers(), at, "{}", answer.text);
        let path = format!("/v1/webhooks/{existing}");
        let answer = server.call("PATCH", &path, &server.keys.account, over).await;
        assert_eq!(answer.expect_problem(422, "invalid").pointers(), at);
        let listed = server.get("/v1/webhooks").await;
        assert_eq!(listed.json["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(listed.json["data"][0]["title"], "A hook");
    };
    check(json!({"title": ""}), &["/title"]).await;
    check(json!({"title": null}), &["/title"]).await;
    check(json!({"title": "a\u{0}b"}), &["/title"]).await;
    check(json!({"title": "x".repeat(201)}), &["/title"]).await;
    check(json!({"events": []}), &["/events"]).await;
    check(json!({"events": ["call.ended", "CALL"]}), &["/events/1"]).await;
    check(json!({"events": ["call.ended", 3]}), &["/events/1"]).await;
    check(json!({"events": ["*.ended"]}), &["/events/0"]).await;
    check(json!({"direction": "sideways"}), &["/direction"]).await;
    check(json!({"filter": {"a": 1}}), &["/filter"]).await;
    check(json!({"powerlist_id": "pl_x"}), &["/powerlist_id"]).await;
    check(json!({"headers": {"host": "x"}}), &["/headers/host"]).await;
    check(json!({"headers": {"x-a": "b\r\nc: d"}}), &["/headers/x-a"]).await;
    check(json!({"headers": {"webhook-id": "x"}}), &["/headers/webhook-id"]).await;
    check(json!({"headers": {"a b": "x"}}), &["/headers/a b"]).await;
    check(json!({"headers": {"X-A": "1", "x-a": "2"}}), &["/headers/x-a"]).await;
    check(json!({"headers": {"x-a": 1}}), &["/headers/x-a"]).await;
    check(json!({"headers": []}), &["/headers"]).await;
    check(json!({"signature_format": "base64"}), &["/signature_format"]).await;
    check(json!({"timeout_ms": 999}), &["/timeout_ms"]).await;
    check(json!({"timeout_ms": 30001}), &["/timeout_ms"]).await;
    check(json!({"timeout_ms": -1}), &["/timeout_ms"]).await;
    check(json!({"timeout_ms": 1.5}), &["/timeout_ms"]).await;
    check(json!({"retry_delays_s": []}), &["/retry_delays_s"]).await;
    check(json!({"retry_delays_s": [0, 86401]}), &["/retry_delays_s/1"]).await;
    check(json!({"max_in_flight": 0}), &["/max_in_flight"]).await;
    check(json!({"rate_limit": {"count": 0, "per_s": 1}}), &["/rate_limit/count"]).await;
    check(json!({"rate_limit": {"count": 1}}), &["/rate_limit/per_s"]).await;
    check(json!({"rate_limit": {"count": 1, "per_s": 1, "x": 1}}), &["/rate_limit/x"]).await;
    check(json!({"rate_limit": [1, 1]}), &["/rate_limit"]).await;
    check(json!({"secret": "whsec_x"}), &["/secret"]).await;
    check(json!({"status": "paused"}), &["/status"]).await;
    check(json!({"url": "x", "timeout_ms": 1, "filter": 1}), &["/filter", "/url", "/timeout_ms"])
        .await;
}

#[tokio::test]
async fn a_url_that_may_not_be_called_is_refused_on_save() {
    let server = TestServer::start().await;
    let check = async |url: &str| {
        let body = json!({"title": "CRM", "url": url, "events": ["*"]});
        let answer = server.post("/v1/webhooks", body).await.expect_problem(422, "invalid");
        assert_eq!(answer.pointers(), ["/url"], "{url}");
        assert_eq!(server.get("/v1/webhooks").await.json["data"], json!([]));
    };
    check("").await;
    check("x").await;
    check("//example.com/").await;
    check("https://").await;
    check("ftp://example.com/").await;
    check("javascript:alert(1)").await;
    check("http://example.com/").await;
    check("https://user:pw@example.com/").await;
    check("https://example.com/#part").await;
    check("https://example.com:25/").await;
    check("https://example.com:0/").await;
    check("https://localhost/").await;
    check("https://127.0.0.1/").await;
    check("https://2130706433/").await;
    check("https://0x7f.1/").await;
    check("https://10.0.0.1/").await;
    check("https://[::1]/").await;
    check("https://[::ffff:10.0.0.1]/").await;
    check("https://169.254.169.254/latest/meta-data").await;
    check(&format!("https://example.com/{}", "x".repeat(2048))).await;
}

#[tokio::test]
async fn a_webhook_that_is_deleted_is_gone_and_gets_nothing() {
    let server = TestServer::start().await;
    let id = server.webhook(&["*"]).await;
    let path = format!("/v1/webhooks/{id}");
    let answer = server.call("DELETE", &path, &server.keys.account, Value::Null).await.expect(204);
    assert_eq!(answer.text, "");
    server.get(&path).await.expect_problem(404, "not_found");
    server
        .call("DELETE", &path, &server.keys.account, Value::Null)
        .await
        .expect_problem(404, "not_found");
    let body = json!({"event": "call.ended", "data": {}});
    assert_eq!(server.post("/v1/events", body).await.json["deliveries"], 0);
    assert_eq!(server.engine.told_of(), [id.clone(), id]);
    assert_eq!(server.post("/v1/webhooks", minimal()).await.json["number"], 2, "never used again");
}

#[tokio::test]
async fn pausing_queues_and_resuming_enables_even_a_disabled_one() {
    let server = TestServer::start().await;
    let id = server.webhook(&["*"]).await;
    let status = async |what: &str, expected: &str| {
        let answer =
            server.post(&format!("/v1/webhooks/{id}/{what}"), Value::Null).await.expect(200);
        assert_eq!(answer.json["status"], expected);
    };
    let deliveries = async || {
        let body = json!({"event": "call.ended", "data": {}});
        server.post("/v1/events", body).await.expect(202).json["deliveries"].clone()
    };
    status("pause", "paused").await;
    status("pause", "paused").await;
    assert_eq!(deliveries().await, 1, "paused keeps queueing");
    status("resume", "enabled").await;

    let webhook = id.parse().expect("an id");
    let mut stored =
        server.store.webhook(server.account, webhook).await.expect("readable").expect("there");
    stored.status = posthaste_core::webhook::WebhookStatus::Disabled { reason: "410".to_owned() };
    assert!(server.store.update_webhook(&stored).await.expect("writable"));
    server.state.directory.put(stored);
    let shown = server.get(&format!("/v1/webhooks/{id}")).await.json;
    assert_eq!((&shown["status"], &shown["disabled_reason"]), (&json!("disabled"), &json!("410")));
    assert_eq!(deliveries().await, 0);
    let pause = server.post(&format!("/v1/webhooks/{id}/pause"), Value::Null).await;
    pause.expect_problem(409, "webhook_disabled");
    let test = server.post(&format!("/v1/webhooks/{id}/test"), Value::Null).await;
    test.expect_problem(409, "webhook_disabled");
    status("resume", "enabled").await;
    assert_eq!(deliveries().await, 1);
    let shown = server.get(&format!("/v1/webhooks/{id}")).await.json;
    assert_eq!(shown["disabled_reason"], Value::Null);
}

#[tokio::test]
async fn a_rotated_secret_lives_on_for_the_overlap() {
    let server = TestServer::start().await;
    let created = server.post("/v1/webhooks", minimal()).await.expect(201);
    let (id, first) = (created.id(), created.json["secret"].clone());
    let path = format!("/v1/webhooks/{id}/secret");
    let rotate = format!("/v1/webhooks/{id}/rotate-secret");
    assert_eq!(
        server.get(&path).await.expect(200).json,
        json!({"secret": first, "previous": null})
    );

    let rotated = server.post(&rotate, json!({"overlap_s": 3600})).await.expect(200).json;
    assert_ne!(rotated["secret"], first);
    let previous = json!({"secret": first, "expires_at": "2026-11-23T13:00:00.000Z"});
    assert_eq!(rotated["previous"], previous);
    assert_eq!(server.get(&path).await.json, rotated);
    server.advance(Duration::from_secs(3600));
    assert_eq!(server.get(&path).await.json["previous"], Value::Null);

    let rotated = server.post(&rotate, Value::Null).await.expect(200).json;
    assert_eq!(rotated["previous"]["expires_at"], "2026-11-24T13:00:00.000Z", "a day by default");
    let rotated = server.post(&rotate, json!({"overlap_s": 0})).await.expect(200).json;
    assert_eq!(rotated["previous"], Value::Null);
    for (body, at) in [
        (json!({"overlap_s": 604_801}), "/overlap_s"),
        (json!({"overlap_s": -1}), "/overlap_s"),
        (json!({"overlap_s": null}), "/overlap_s"),
        (json!({"secret": "x"}), "/secret"),
    ] {
        let answer = server.post(&rotate, body).await.expect_problem(422, "invalid");
        assert_eq!(answer.pointers(), [at]);
    }
}

#[tokio::test]
async fn a_test_answers_with_the_delivery_once_it_was_tried() {
    let server = TestServer::start().await;
    let id = server.webhook(&["sms.*", "call.ended", "sms.sent"]).await;
    let path = format!("/v1/webhooks/{id}/test");
    let tried = server.post(&path, Value::Null).await.expect(200).json;
    assert_eq!(tried["event"], "call.ended", "the first that is named in full");
    assert_eq!((&tried["trigger"], &tried["status"]), (&json!("test"), &json!("delivered")));
    assert_eq!(tried["attempts"][0]["status_code"], 200);
    let event =
        server.get(&format!("/v1/events/{}", tried["event_id"].as_str().expect("an id"))).await;
    assert_eq!(event.json["trigger"], "test");
    assert!(event.json["data"].get("call_id").is_some(), "the sample: {}", event.text);

    server.engine.answer(&id, 500);
    let body = json!({"event": "contact", "data": {"a": 1}});
    let failed = server.post(&path, body).await.expect(200).json;
    assert_eq!((&failed["event"], &failed["status"]), (&json!("contact"), &json!("failed")));
    let shown = server.get(&format!("/v1/webhooks/{id}")).await.json;
    assert_eq!(shown["hits"], 0, "tests are not hits");

    for (body, code, at) in [
        (json!({"event": "Nope"}), "invalid", "/event"),
        (json!({"event": "call.endet"}), "unknown_event_type", "/event"),
        (json!({"data": []}), "invalid", "/data"),
        (
            json!({"data": {"a": 1e300, "b": {"a": 9_007_199_254_740_993_u64}}}),
            "invalid",
            "/data/b/a",
        ),
        (json!({"x": 1}), "invalid", "/x"),
    ] {
        let answer = server.post(&path, body).await.expect_problem(422, code);
        assert_eq!(answer.pointers(), [at], "{}", answer.text);
    }
    server.post(&format!("/v1/webhooks/{id}/pause"), Value::Null).await.expect(200);
    server.post(&path, Value::Null).await.expect_problem(409, "webhook_paused");
}

#[tokio::test(start_paused = true)]
async fn a_test_that_is_never_tried_answers_all_the_same() {
    let server = TestServer::start().await;
    let id = server.webhook(&["*"]).await;
    server.engine.stuck.store(true, Ordering::Relaxed);
    let started = tokio::time::Instant::now();
    let shown = server.post(&format!("/v1/webhooks/{id}/test"), Value::Null).await.expect(200).json;
    assert_eq!((&shown["status"], &shown["attempts"]), (&json!("pending"), &json!([])));
    assert!(started.elapsed() >= Duration::from_secs(20), "the timeout and 5 s");
}

#[tokio::test]
async fn view_endpoints_shows_health() {
    let server = TestServer::start().await;
    let id = server.webhook(&["call.ended"]).await;
    let path = format!("/v1/webhooks/{id}/endpoints");
    let fresh = server.get(&path).await.expect(200).json;
    assert_eq!(
        fresh,
        json!({"data": [{
            "url": "https://example.com/hook", "method": "POST", "events": ["call.ended"],
            "health": {"hits": 0, "last_hit_at": null, "success_rate": null, "average_ms": null,
                "p95_ms": null, "last_error": null, "pending": 0},
        }]})
    );
    server.event("call.ended", json!({})).await;
    server.engine.try_all().await;
    server.engine.answer(&id, 500);
    server.event("call.ended", json!({})).await;
    server.engine.try_all().await;
    let health = server.get(&path).await.expect(200).json["data"][0]["health"].clone();
    assert_eq!((&health["hits"], &health["success_rate"]), (&json!(2), &json!(0.5)));
    assert_eq!((&health["average_ms"], &health["pending"]), (&json!(42), &json!(1)));
    assert_eq!(health["last_error"], json!({"at": START, "message": "answered 500"}));
    assert_eq!(server.get(&format!("/v1/webhooks/{id}")).await.json["hits"], 2);
}

#[tokio::test]
async fn who_may_only_look_sees_no_header_values() {
    let server = TestServer::start().await;
    let mut body = minimal();
    body["headers"] = json!({"x-token": "canary"});
    let id = server.post("/v1/webhooks", body).await.expect(201).id();
    for path in [format!("/v1/webhooks/{id}"), "/v1/webhooks".to_owned()] {
        let shown = server.call("GET", &path, &server.keys.read, Value::Null).await.expect(200);
        assert!(!shown.text.contains("canary"), "{}", shown.text);
        assert!(shown.text.contains("x-token"));
        assert!(server.get(&path).await.text.contains("canary"));
    }
}

#[tokio::test]
async fn changes_at_the_same_time_leave_memory_and_store_alike() {
    let server = TestServer::start().await;
    let id = server.webhook(&["*"]).await;
    let path = format!("/v1/webhooks/{id}");
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..20 {
        let request = server
            .request("PATCH", &path, &server.keys.account)
            .header("content-type", "application/json")
            .body(axum::body::Body::from(json!({"title": format!("T{n}")}).to_string()))
            .expect("a request");
        let api = server.api.clone();
        calls.spawn(async move { api.answer([192, 0, 2, 7].into(), request).await });
    }
    while let Some(answer) = calls.join_next().await {
        assert_eq!(answer.expect("no panic").status(), 200);
    }
    let stored = server.get(&path).await.json["title"].clone();
    let known = server.state.directory.get(id.parse().expect("an id")).expect("known");
    assert_eq!(stored, known.settings.title);
}

#[tokio::test]
async fn an_account_has_so_many_webhooks_and_no_more() {
    let server = TestServer::start().await;
    let made = server.post("/v1/webhooks", minimal()).await.expect(201).id();
    let id = WebhookId::parse(&made).expect("an id");
    let webhook = server.state.directory.get(id).expect("just made");
    for number in 1..WEBHOOKS_PER_ACCOUNT_MAX {
        let id = WebhookId::from_raw(number as u64);
        server.state.directory.put(Webhook { id, ..(*webhook).clone() });
    }
    server.post("/v1/webhooks", minimal()).await.expect_problem(409, "limit_reached");
    server.call("POST", "/v1/webhooks", &server.keys.other, minimal()).await.expect(201);
    let path = format!("/v1/webhooks/{made}");
    server.call("DELETE", &path, &server.keys.account, Value::Null).await.expect(204);
    server.post("/v1/webhooks", minimal()).await.expect(201);
}
