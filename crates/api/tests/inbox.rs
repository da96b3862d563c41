//! The test inbox of development servers.

mod support;

use std::time::Duration;

use axum::body::Body;
use posthaste_core::envelope::Envelope;
use posthaste_core::id::EventId;
use posthaste_core::secret::SigningKey;
use posthaste_core::time::Timestamp;
use serde_json::{Value, json};

use support::{START, TestServer};

async fn call(server: &TestServer, method: &str, path: &str, body: Value) -> support::Answer {
    server.call(method, path, "", body).await
}

#[tokio::test]
async fn what_arrives_is_kept_and_verified() {
    let server = TestServer::start_with_inbox().await;
    let id = server.webhook(&["*"]).await;
    let webhook = server.state.directory.get(id.parse().expect("an id")).expect("known");
    let envelope = Envelope {
        event: "call.ended",
        timestamp: Timestamp::parse(START).expect("a time"),
        webhook_id: webhook.id,
        data: "{}",
        event_id: EventId::from_raw(7),
    };
    let key = SigningKey::new(&webhook.secrets.current);
    let body = envelope.signed(&key).body;
    let send = async |signature: String| {
        let request = server
            .request("POST", "/inbox/receive/crm", "")
            .header("x-webhook-event", "call.ended")
            .header("x-webhook-signature", signature)
            .body(Body::from(body.clone()));
        server.send(request.expect("a request")).await.expect(200);
    };
    send(hex_of(&key.sign_body(&body))).await;
    send("0".repeat(64)).await;
    call(&server, "POST", "/inbox/receive", json!({"a": 1})).await.expect(200);

    let kept = call(&server, "GET", "/inbox/requests", Value::Null).await.expect(200).json;
    let requests = kept["data"].as_array().expect("a list");
    assert_eq!(requests.len(), 3);
    assert_eq!(
        (&requests[0]["number"], &requests[0]["name"], &requests[0]["at"]),
        (&json!(1), &json!("crm"), &json!(START))
    );
    assert_eq!(requests[0]["body"], String::from_utf8_lossy(&body).as_ref());
    assert_eq!(requests[0]["verdict"]["verdict"], "verified", "{}", requests[0]["verdict"]);
    assert_eq!(requests[1]["verdict"]["verdict"], "failed");
    assert_eq!((&requests[2]["name"], &requests[2]["verdict"]), (&json!("default"), &Value::Null));

    let later = call(&server, "GET", "/inbox/requests?since=2", Value::Null).await.json;
    assert_eq!(
        (later["data"].as_array().map(Vec::len), &later["next_since"]),
        (Some(1), &json!(3))
    );
    call(&server, "DELETE", "/inbox/requests", Value::Null).await.expect(204);
    let empty = call(&server, "GET", "/inbox/requests?since=3", Value::Null).await.json;
    assert_eq!(empty, json!({"data": [], "next_since": 3, "more": false}));
}

/// A browser on this machine sends its session wherever on this server a page makes it post to, and
/// what is kept here is shown to everybody.
#[tokio::test]
async fn nobodys_session_is_kept() {
    let server = TestServer::start_with_inbox().await;
    let request = server
        .request("POST", "/inbox/receive", "")
        .header("cookie", "theme=dark; posthaste_session=token")
        .header("x-kept", "as it came")
        .body(Body::from("{}"));
    server.send(request.expect("a request")).await.expect(200);
    let kept = call(&server, "GET", "/inbox/requests", Value::Null).await.expect(200).json;
    let headers = json!([["cookie", "[redacted]"], ["x-kept", "as it came"]]);
    assert_eq!(kept["data"][0]["headers"], headers);
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(start_paused = true)]
async fn it_answers_what_it_was_told() {
    let server = TestServer::start_with_inbox().await;
    let status = async |path: &str| {
        let request = server.request("POST", path, "").body(Body::from("x"));
        server.send(request.expect("a request")).await.status.as_u16()
    };
    assert_eq!(status("/inbox/receive/a").await, 200);
    assert_eq!(status("/inbox/receive/a?status=503").await, 503);
    let set = json!({"status": 500, "times": 2});
    call(&server, "PUT", "/inbox/answer/a", set).await.expect(204);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(status("/inbox/receive/a").await);
    }
    assert_eq!(seen, [500, 500, 200]);
    call(&server, "PUT", "/inbox/answer/b", json!({"delay_ms": 2000})).await.expect(204);
    let started = tokio::time::Instant::now();
    assert_eq!(status("/inbox/receive/b").await, 200);
    assert!(started.elapsed() >= Duration::from_secs(2));

    for (path, at) in [
        ("/inbox/receive?status=99", "/status"),
        ("/inbox/receive?status=x", "/status"),
        ("/inbox/receive?delay_ms=60001", "/delay_ms"),
        ("/inbox/receive?stauts=500", "/stauts"),
        ("/inbox/receive/a%20b", "/name"),
    ] {
        let answer = call(&server, "POST", path, json!({})).await.expect_problem(422, "invalid");
        assert_eq!(answer.pointers(), [at]);
    }
    for body in [json!({"status": 1000}), json!({"times": 0}), json!({"delay_ms": -1})] {
        call(&server, "PUT", "/inbox/answer/a", body).await.expect_problem(422, "invalid");
    }
    call(&server, "PUT", "/inbox/answer/a", json!({"status": 99999}))
        .await
        .expect_problem(422, "invalid");
}

#[tokio::test]
async fn it_answers_one_of_several_by_weight() {
    let server = TestServer::start_with_inbox().await;
    let choices = json!([
        { "weight": 3 },
        { "status": 429, "retry_after_s": 7, "weight": 1 },
    ]);
    call(&server, "PUT", "/inbox/answer/a", json!({ "choices": choices })).await.expect(204);
    let mut deferred = 0;
    for _ in 0..400 {
        let request = server.request("POST", "/inbox/receive/a", "").body(Body::from("x"));
        let answer = server.send(request.expect("a request")).await;
        let retry_after = answer.headers.get("retry-after").map(|value| value.as_bytes().to_vec());
        if answer.status == 429 {
            deferred += 1;
            assert_eq!(retry_after.as_deref(), Some(&b"7"[..]));
        } else {
            assert_eq!((answer.status.as_u16(), retry_after), (200, None));
        }
    }
    // A hundred, give or take more than four standard deviations.
    assert!((60..140).contains(&deferred), "{deferred} of 400");
    let set = server.get("/v1/inbox/answer/a").await.expect(200).json;
    let expected = json!([
        { "status": 200, "delay_ms": 0, "retry_after_s": null, "weight": 3 },
        { "status": 429, "delay_ms": 0, "retry_after_s": 7, "weight": 1 },
    ]);
    assert_eq!(set["choices"], expected);

    for (body, at) in [
        (json!({ "choices": [] }), "/choices"),
        (json!({ "choices": [{}], "status": 200 }), "/choices"),
        (json!({ "choices": [{}, { "weight": 0 }] }), "/choices/1/weight"),
        (json!({ "choices": [{ "status": 99 }] }), "/choices/0/status"),
        (json!({ "choices": [{ "delay_ms": 60_001 }] }), "/choices/0/delay_ms"),
        (json!({ "retry_after_s": 86_401 }), "/retry_after_s"),
    ] {
        let answer = call(&server, "PUT", "/inbox/answer/a", body).await;
        assert_eq!(answer.expect_problem(422, "invalid").pointers(), [at]);
    }
}

#[tokio::test]
async fn it_keeps_the_last_500() {
    let server = TestServer::start_with_inbox().await;
    for _ in 0..510 {
        call(&server, "POST", "/inbox/receive", json!({})).await.expect(200);
    }
    let mut since = 0;
    let mut numbers = Vec::new();
    loop {
        let page =
            call(&server, "GET", &format!("/inbox/requests?since={since}"), Value::Null).await.json;
        numbers.extend(
            page["data"].as_array().expect("a list").iter().filter_map(|r| r["number"].as_u64()),
        );
        since = page["next_since"].as_u64().expect("a number");
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(numbers, (11..=510).collect::<Vec<u64>>());
}

#[tokio::test]
async fn without_dev_there_is_none() {
    let server = TestServer::start().await;
    for (method, path) in
        [("GET", "/inbox"), ("POST", "/inbox/receive"), ("GET", "/inbox/requests")]
    {
        call(&server, method, path, Value::Null).await.expect_problem(404, "not_found");
    }
}

#[tokio::test]
async fn who_has_a_key_finds_it_below_v1() {
    let server = TestServer::start_with_inbox().await;
    call(&server, "POST", "/inbox/receive/crm", json!({"n": 1})).await.expect(200);
    let listed = server.get("/v1/inbox/requests").await.expect(200).json;
    assert_eq!(listed, call(&server, "GET", "/inbox/requests", Value::Null).await.json);
    assert_eq!(listed["data"][0]["name"], "crm");
    assert_eq!(server.get("/v1/inbox/requests?since=1").await.json["data"], json!([]));
    let nothing_set =
        json!({"status": 200, "delay_ms": 0, "times": null, "retry_after_s": null, "choices": []});
    assert_eq!(server.get("/v1/inbox/answer/crm").await.json, nothing_set);
    let set = json!({"status": 503, "times": 2});
    let put = |body: Value| server.call("PUT", "/v1/inbox/answer/crm", &server.keys.account, body);
    put(set).await.expect(204);
    call(&server, "POST", "/inbox/receive/crm", json!({})).await.expect(503);
    let left =
        json!({"status": 503, "delay_ms": 0, "times": 1, "retry_after_s": null, "choices": []});
    assert_eq!(server.get("/v1/inbox/answer/crm").await.json, left);
    let refused = put(json!({"status": 99})).await.expect_problem(422, "invalid");
    assert_eq!(refused.pointers(), ["/status"]);
    let clear = server.call("DELETE", "/v1/inbox/requests", &server.keys.account, Value::Null);
    clear.await.expect(204);
    assert_eq!(server.get("/v1/inbox/requests").await.json["data"], json!([]));
}

#[tokio::test]
async fn below_v1_it_is_missed_by_its_own_code() {
    let server = TestServer::start().await;
    for path in ["/v1/inbox/requests", "/v1/inbox/answer/crm"] {
        server.get(path).await.expect_problem(404, "no_inbox");
    }
}
