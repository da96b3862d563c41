//! Publishing events and looking them up.

mod support;

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use serde_json::{Value, json};

use support::{START, TestServer};

#[tokio::test]
async fn an_accepted_event_is_stored_with_its_deliveries() {
    let server = TestServer::start().await;
    server.webhook(&["call.ended"]).await;
    server.webhook(&["call.*", "call.ended"]).await;
    server.webhook(&["sms.*"]).await;

    let body = json!({"event": "call.ended", "data": {"b": 1.50, "a": "é"}});
    let answer = server.call("POST", "/v1/events", &server.keys.publish, body).await.expect(202);
    let id = answer.id();
    assert_eq!(
        answer.json,
        json!({"id": id, "event": "call.ended", "timestamp": START, "deliveries": 2})
    );
    let shown = server.get(&format!("/v1/events/{id}")).await.expect(200);
    assert_eq!(
        shown.json,
        json!({
            "id": id, "event": "call.ended", "timestamp": START, "accepted_at": START,
            "trigger": "event", "powerlist_id": null, "deliveries": 2,
            "data": {"b": 1.5, "a": "é"},
        })
    );
}

#[tokio::test]
async fn data_is_kept_in_the_form_that_survives_javascript() {
    let server = TestServer::start().await;
    let body = r#"{ "data" : {"x": 1.10, "2": "\u00e9", "1": 1E5}, "event": "call.ended" }"#;
    let id = server.post_text("/v1/events", body).await.expect(202).id();
    let shown = server.get(&format!("/v1/events/{id}")).await;
    assert!(shown.text.contains(r#""data":{"1":100000,"2":"é","x":1.1}"#), "{}", shown.text);
}

/// Nothing refused may leave anything behind, so every case ends by counting.
async fn check(server: &TestServer, body: impl Into<Body>, status: u16, code: &str, at: &[&str]) {
    let answer = server.post_text("/v1/events", body).await.expect_problem(status, code);
    assert_eq!(answer.pointers(), at, "{}", answer.text);
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn what_is_wrong_with_an_event_is_pointed_at_and_nothing_is_stored() {
    let server = TestServer::start().await;
    let check = async |body: &str, status: u16, code: &str, at: &[&str]| {
        check(&server, body.to_owned(), status, code, at).await;
    };
    check("", 400, "invalid_json", &[]).await;
    check("{", 400, "invalid_json", &[]).await;
    check("{} x", 422, "invalid", &["/event"]).await;
    check(r#"{"event":"call.ended","data":{}} x"#, 400, "invalid_json", &[]).await;
    check("\u{feff}{}", 400, "invalid_json", &[]).await;
    check(r#"{"event":"call.ended","data":{"a":}}"#, 400, "invalid_json", &[]).await;
    check(r#"{"event":"call.ended","data":{"a":1,}}"#, 400, "invalid_json", &[]).await;
    check(r#"{"event":"call.ended","data":{"a":NaN}}"#, 400, "invalid_json", &[]).await;
    check("[]", 422, "invalid", &[""]).await;
    check("null", 422, "invalid", &[""]).await;
    check(r#"["call.ended",{}]"#, 422, "invalid", &[""]).await;
    check("[", 400, "invalid_json", &[]).await;
    check("{}", 422, "invalid", &["/event"]).await;
    check(r#"{"event":"call.ended"}"#, 422, "invalid", &["/data"]).await;
    check(r#"{"event":7,"data":{}}"#, 422, "invalid", &["/event"]).await;
    check(r#"{"event":"call.ended","data":[]}"#, 422, "invalid", &["/data"]).await;
    check(r#"{"event":"call.ended","data":null}"#, 422, "invalid", &["/data"]).await;
    check(r#"{"event":"call.ended","data":{},"id":1}"#, 422, "invalid", &["/id"]).await;
    check(r#"{"event":"call.ended","data":{},"a/b~c":1}"#, 422, "invalid", &["/a~1b~0c"]).await;
    let twice = r#"{"event":"call.ended","data":{},"data":{}}"#;
    check(twice, 422, "invalid", &["/data"]).await;

    let data = async |data: &str, at: &str| {
        let body = format!(r#"{{"event":"call.ended","data":{data}}}"#);
        check(&body, 422, "invalid", &[at]).await;
    };
    data(r#"{"a":[1,12345678901234567890]}"#, "/data/a/1").await;
    data(r#"{"a":1e400}"#, "/data/a").await;
    data(r#"{"a":1,"a":2}"#, "/data/a").await;
    data(r#"{"x/y":{"b":9007199254740993}}"#, "/data/x~1y/b").await;

    let event = async |name: &str, code: &str| {
        let body = json!({"event": name, "data": {}}).to_string();
        check(&body, 422, code, &["/event"]).await;
    };
    event("", "invalid").await;
    event("Call.Ended", "invalid").await;
    event("call..ended", "invalid").await;
    event("call.*", "invalid").await;
    event("call.ended\r\nx: y", "invalid").await;
    event(&"x".repeat(101), "invalid").await;
    event("call.end", "unknown_event_type").await;
    event("invoice.paid", "unknown_event_type").await;
    event("webhook.failing", "unknown_event_type").await;

    let timestamp = async |text: Value| {
        let body = json!({"event": "call.ended", "data": {}, "timestamp": text}).to_string();
        check(&body, 422, "invalid", &["/timestamp"]).await;
    };
    timestamp(json!("yesterday")).await;
    timestamp(json!("2025-01-15")).await;
    timestamp(json!("2025-02-30T00:00:00Z")).await;
    timestamp(json!(1_736_951_425)).await;
    timestamp(json!(null)).await;

    let list = json!({"event": "call.ended", "data": {}, "powerlist_id": "list 1"}).to_string();
    check(&list, 422, "invalid", &["/powerlist_id"]).await;
    let all = json!({"event": "Nope", "data": [], "timestamp": "x", "powerlist_id": ""});
    let at = ["/event", "/timestamp", "/powerlist_id", "/data"];
    check(&all.to_string(), 422, "invalid", &at).await;
}

#[tokio::test]
async fn bodies_that_are_too_deep_too_large_or_not_text_are_refused() {
    let server = TestServer::start().await;
    let deep = format!(r#"{{"event":"call.ended","data":{{"a":{}}}}}"#, "[".repeat(100_000));
    check(&server, deep, 400, "invalid_json", &[]).await;
    let nested = format!("{}{}", "[".repeat(70), "]".repeat(70));
    let deep = format!(r#"{{"event":"call.ended","data":{{"a":{nested}}}}}"#);
    let answer = server.post_text("/v1/events", deep).await.expect_problem(422, "invalid");
    assert!(answer.pointers()[0].starts_with("/data/a/0/0"), "{}", answer.text);
    let not_text = b"{\"event\":\"call.ended\",\"data\":{\"a\":\"\xff\"}}".to_vec();
    check(&server, not_text, 400, "invalid_json", &[]).await;

    let max = server.settings.body_bytes_max;
    let frame = r#"{"event":"call.ended","data":{"a":""}}"#;
    let of_size = |size: usize| {
        format!(r#"{{"event":"call.ended","data":{{"a":"{}"}}}}"#, "x".repeat(size - frame.len()))
    };
    check(&server, of_size(max + 1), 413, "body_too_large", &[]).await;
    // Announced, so that nothing of it needs to be read.
    let request = server
        .request("POST", "/v1/events", &server.keys.account)
        .header("content-type", "application/json")
        .header("content-length", "104857600")
        .body(Body::empty());
    let answer = server.send(request.expect("a request")).await;
    answer.expect_problem(413, "body_too_large");
    server.post_text("/v1/events", of_size(max)).await.expect(202);
}

/// 64 KiB at a time; counts what is still to come.
struct Long(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl http_body::Body for Long {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        let left = self.0.load(Ordering::Relaxed);
        let Some(less) = left.checked_sub(1) else { return Poll::Ready(None) };
        self.0.store(less, Ordering::Relaxed);
        Poll::Ready(Some(Ok(http_body::Frame::data(Bytes::from_static(&[b' '; 65_536])))))
    }
}

#[tokio::test]
async fn whoever_is_still_sending_too_much_gets_to_read_the_answer() {
    let server = TestServer::start().await;
    let check = async |frames: usize, headers: &[(&str, &str)], expected_left: usize| {
        let left = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(frames));
        let mut request = server
            .request("POST", "/v1/events", &server.keys.account)
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::new(Long(left.clone()))).expect("a request");
        server.send(request).await.expect_problem(413, "body_too_large");
        assert_eq!(left.load(Ordering::Relaxed), expected_left, "{frames} with {headers:?}");
    };
    check(20, &[], 0).await;
    check(20, &[("content-length", "1310720")], 0).await;
    // Somebody who asks first is told before sending anything.
    check(20, &[("content-length", "1310720"), ("expect", "100-continue")], 20).await;
    // Not for ever: 16 MiB, and the frame that is more.
    check(1_000, &[("content-length", "65536000")], 1_000 - 257).await;
}

/// A body that never comes to its end.
struct Endless;

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = TestServer::start().await;
    check(&server, Body::new(Endless), 408, "body_too_slow", &[]).await;
}

#[tokio::test]
async fn only_json_that_says_so_is_read() {
    let server = TestServer::start().await;
    let body = json!({"event": "call.ended", "data": {}}).to_string();
    let check = async |content_type: &str, encoding: &str, expected: u16| {
        let mut request = server.request("POST", "/v1/events", &server.keys.account);
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        if !encoding.is_empty() {
            request = request.header("content-encoding", encoding);
        }
        let request = request.body(Body::from(body.clone())).expect("a request");
        let answer = server.send(request).await.expect(expected);
        if expected == 415 {
            answer.expect_problem(415, "unsupported_media_type");
        }
    };
    check("application/json", "", 202).await;
    check("Application/JSON; charset=utf-8", "", 202).await;
    check("application/cloudevents+json", "", 202).await;
    check("application/json", "identity", 202).await;
    check("", "", 415).await;
    check("text/plain", "", 415).await;
    check("text/json", "", 415).await;
    check("application/x-www-form-urlencoded", "", 415).await;
    check("application/json", "gzip", 415).await;
}

#[tokio::test]
async fn a_timestamp_is_kept_to_the_millisecond_in_utc() {
    let server = TestServer::start().await;
    let body =
        json!({"event": "call.ended", "data": {}, "timestamp": "2025-01-15T16:30:25.1239+02:00"});
    let answer = server.post("/v1/events", body).await.expect(202);
    assert_eq!(answer.json["timestamp"], "2025-01-15T14:30:25.123Z");
}

#[tokio::test]
async fn a_powerlist_beside_or_inside_the_data_chooses_the_webhooks() {
    let server = TestServer::start().await;
    let list = server.powerlist(server.account, "Ours").await;
    let body = json!({"title": "Of a list", "url": "https://example.com/", "events": ["*"],
        "powerlist_id": list});
    server.post("/v1/webhooks", body).await.expect(201);
    server.webhook(&["*"]).await;
    let check = async |body: Value, deliveries: u64, kept: Value| {
        let answer = server.post("/v1/events", body).await.expect(202);
        assert_eq!(answer.json["deliveries"], deliveries, "{}", answer.text);
        let shown = server.get(&format!("/v1/events/{}", answer.id())).await;
        assert_eq!(shown.json["powerlist_id"], kept);
    };
    check(json!({"event": "contact", "data": {}}), 1, Value::Null).await;
    check(json!({"event": "contact", "data": {}, "powerlist_id": null}), 1, Value::Null).await;
    check(json!({"event": "contact", "data": {}, "powerlist_id": list}), 2, json!(list)).await;
    check(json!({"event": "contact", "data": {"powerlist_id": list}}), 2, json!(list)).await;
    check(json!({"event": "contact", "data": {"powelist_id": list}}), 2, json!(list)).await;
    check(json!({"event": "contact", "data": {"powerlist_id": "MjcxNT14"}}), 1, Value::Null).await;
    let other = "pl_0000000000043";
    let both = json!({"event": "contact", "data": {"powerlist_id": list}, "powerlist_id": other});
    check(both, 1, json!(other)).await;
}

#[tokio::test]
async fn an_event_type_of_ones_own_can_be_published_and_nobody_elses() {
    let server = TestServer::start().await;
    server.post("/v1/event-types", json!({"name": "deal.won"})).await.expect(201);
    let body = json!({"event": "deal.won", "data": {}});
    server.post("/v1/events", body.clone()).await.expect(202);
    let other = server.call("POST", "/v1/events", &server.keys.other, body.clone()).await;
    other.expect_problem(422, "unknown_event_type");
    server.call("DELETE", "/v1/event-types/deal.won", &server.keys.account, Value::Null).await;
    server.post("/v1/events", body).await.expect_problem(422, "unknown_event_type");
}

#[tokio::test]
async fn a_batch_is_stored_as_a_whole_or_not_at_all() {
    let server = TestServer::start().await;
    server.webhook(&["call.*"]).await;
    let good = json!({"event": "call.ended", "data": {"n": 1}});
    let answer = server.post("/v1/events/batch", json!({"events": [good, good]})).await.expect(202);
    let receipts = answer.json["events"].as_array().expect("a list");
    assert_eq!(receipts.len(), 2);
    assert!(receipts[0]["id"].as_str() < receipts[1]["id"].as_str(), "in order");
    assert_eq!(receipts[0]["deliveries"], 1);
    assert_eq!(server.stored().await, 2);

    let check = async |body: Value, status: u16, code: &str, at: &[&str]| {
        let answer = server.post("/v1/events/batch", body).await.expect_problem(status, code);
        assert_eq!(answer.pointers(), at, "{}", answer.text);
        assert_eq!(server.stored().await, 2);
    };
    check(json!({"events": []}), 422, "invalid", &["/events"]).await;
    check(json!({"events": {}}), 422, "invalid", &["/events"]).await;
    check(json!({}), 422, "invalid", &["/events"]).await;
    check(json!([good]), 422, "invalid", &[""]).await;
    check(json!({"events": [good], "more": 1}), 422, "invalid", &["/more"]).await;
    check(json!({"events": vec![good.clone(); 1001]}), 422, "invalid", &["/events"]).await;
    check(json!({"events": [good, 7]}), 422, "invalid", &["/events/1"]).await;
    check(json!({"events": [["call.ended", {}]]}), 422, "invalid", &["/events/0"]).await;
    let answer = server.post("/v1/events/batch", json!({"events": [good, null]})).await;
    assert_eq!(answer.json["detail"], "/events/1: must be an object");
    check(json!({"events": [good, {"event": "call.ended"}]}), 422, "invalid", &["/events/1/data"])
        .await;
    let bad = json!({"event": "call.ended", "data": {"a": [true, 12_345_678_901_234_567_890_u64]}});
    check(json!({"events": [good, good, good, bad]}), 422, "invalid", &["/events/3/data/a/1"])
        .await;
    let unknown = json!({"event": "call.endde", "data": {}});
    let two = json!({"events": [unknown, good, unknown]});
    check(two, 422, "unknown_event_type", &["/events/0/event", "/events/2/event"]).await;
    let mixed = json!({"events": [unknown, bad]});
    check(mixed, 422, "invalid", &["/events/0/event", "/events/1/data/a/1"]).await;
    let large = json!({"event": "call.ended", "data": {"a": "x".repeat(300_000)}});
    check(json!({"events": [large]}), 413, "body_too_large", &[]).await;
}

#[tokio::test]
async fn the_same_idempotency_key_gets_the_same_answer() {
    let server = TestServer::start().await;
    let send = async |path: &str, key: &str, body: Value| {
        let request = server
            .request("POST", path, &server.keys.publish)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(Body::from(body.to_string()));
        server.send(request.expect("a request")).await
    };
    let body = json!({"event": "call.ended", "data": {}});
    let first = send("/v1/events", "order-1", body.clone()).await.expect(202);
    assert_eq!(first.header("idempotent-replayed"), "");
    server.advance(Duration::from_secs(60));
    let second = send("/v1/events", "order-1", body.clone()).await.expect(202);
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(second.text, first.text);
    assert_eq!(server.stored().await, 1);

    let other = json!({"event": "call.ended", "data": {"a": 1}});
    send("/v1/events", "order-1", other.clone())
        .await
        .expect_problem(409, "idempotency_key_reused");
    let batch = json!({"events": [body]});
    let elsewhere = send("/v1/events/batch", "order-1", batch.clone()).await;
    elsewhere.expect_problem(409, "idempotency_key_reused");
    let first = send("/v1/events/batch", "order-2", batch.clone()).await.expect(202);
    let second = send("/v1/events/batch", "order-2", batch).await.expect(202);
    assert_eq!(first.text, second.text);
    assert_eq!(server.stored().await, 2);

    for key in ["", " ", "two words", "é", &"k".repeat(256)] {
        send("/v1/events", key, other.clone()).await.expect_problem(422, "invalid");
    }
    assert_eq!(server.stored().await, 2);
    send("/v1/events", &"k".repeat(255), other).await.expect(202);
}

#[tokio::test]
async fn a_stopped_engine_takes_no_events() {
    let server = TestServer::start().await;
    server.engine.stopped.store(true, Ordering::Relaxed);
    let body = json!({"event": "call.ended", "data": {}});
    let answer = server.post("/v1/events", body).await.expect_problem(503, "shutting_down");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn events_are_listed_newest_first_a_page_at_a_time() {
    let server = TestServer::start().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let name = if n % 2 == 0 { "call.ended" } else { "sms.sent" };
        ids.insert(0, server.event(name, json!({"n": n})).await);
        server.advance(Duration::from_secs(1));
    }
    let check = async |query: &str, expected: &[&String]| {
        let answer = server.get(&format!("/v1/events{query}")).await.expect(200);
        let found: Vec<&str> = answer.json["data"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|e| e["id"].as_str())
            .collect();
        assert_eq!(found, expected, "{query}");
        answer.json["next_cursor"].as_str().map(str::to_owned)
    };
    assert_eq!(check("", &ids.iter().collect::<Vec<_>>()).await, None);
    let cursor = check("?limit=2", &[&ids[0], &ids[1]]).await.expect("more");
    let cursor =
        check(&format!("?limit=2&cursor={cursor}"), &[&ids[2], &ids[3]]).await.expect("more");
    check(&format!("?limit=2&cursor={cursor}"), &[&ids[4]]).await;
    check("?event=sms.sent", &[&ids[1], &ids[3]]).await;
    check("?since=2026-11-23T12:00:03Z", &[&ids[0], &ids[1]]).await;
    check("?until=2026-11-23T12:00:01Z", &[&ids[4]]).await;
    let listed = server.get("/v1/events?limit=1").await;
    assert_eq!(listed.json["data"][0].get("data"), None, "lists leave the data out");
}
