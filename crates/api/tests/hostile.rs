//! Input made to break things: whatever it is, the answer is the caller's mistake and never ours,
//! and a problem document.

mod support;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use support::{Answer, TestServer};

/// Percent-encoded, as they can stand in a path or query.
const IDS: [&str; 22] = [
    "x",
    "%00",
    "%ff%fe",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "'%20OR%201=1--",
    "%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    "%F0%9F%92%A9",
    "%E2%80%AE",
    "wh_",
    "wh_zzzzzzzzzzzzz",
    "wh_7zzzzzzzzzzzz",
    "wh_ffffffffffffffffffffffff",
    "WH_0000000000000",
    "evt_0000000000000",
    "evt_7zzzzzzzzzzzz",
    "dlv_7zzzzzzzzzzzz",
    "acct_7zzzzzzzzzzzz",
    "-1",
    "0",
    "9223372036854775808",
    "%0d%0aset-cookie:%20a=b",
];

fn bodies() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> = [
        "", " ", "0", "null", "true", "\"x\"", "[]", "{}", "{", "}", "[[[[", "{\"a\":", "{\"a\":1,}",
        "{'a':1}", "{\"\\u0000\":1}", "{\"a\":\"\\ud800\"}", "{\"a\":1e999}", "{\"a\":-0}", "NaN",
        "{\"__proto__\":{}}", "{\"event\":\"call.ended\",\"data\":{\"__proto__\":{\"a\":1}}}",
        "{\"event\":\"\\u0000\",\"data\":{}}", "{\"event\":\"call.ended\",\"data\":{\"\":\"\"}}",
        "{\"event\":{\"a\":1},\"data\":\"x\"}", "{\"events\":[null,1,\"x\",[],{}]}",
        "{\"events\":[[[[[[[[]]]]]]]]}", "{\"title\":{},\"url\":[],\"events\":{}}",
        "{\"title\":\"\\u202e\",\"url\":\"https://\\u0000/\",\"events\":[\"\\ud83d\"]}",
        "{\"title\":\"a\",\"url\":\"https://example.com\",\"events\":[\"*\"],\"timeout_ms\":1e3}",
        "{\"title\":\"a\",\"url\":\"https://example.com\",\"events\":[\"*\"],\"max_in_flight\":99999999999999999999}",
        "{\"title\":\"a\",\"url\":\"https://example.com\",\"events\":[\"*\"],\"retry_delays_s\":[18446744073709551615]}",
        "{\"name\":\"\\u0000\",\"role\":\"platform\"}", "{\"name\":\"\\ud800\",\"role\":\"read\"}",
        "{\"overlap_s\":18446744073709551615}", "{\"overlap_s\":1e400}",
        "{\"name\":\"a.b\",\"schema\":{\"a\":{\"a\":1,\"a\":2}}}",
        "\u{feff}{}", "{} {}", "{}\u{0}", "//x\n{}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    bodies.push(b"\xff\xfe{\x00}\x00".to_vec());
    bodies.push(b"{\"a\":\"\xc3\x28\"}".to_vec());
    bodies.push(b"\x1f\x8b\x08\x00\x00".to_vec());
    bodies.push(vec![b'['; 200_000]);
    bodies.push("{\"a\":".repeat(40_000).into_bytes());
    bodies.push(format!("{{\"{}\":1}}", "k".repeat(200_000)).into_bytes());
    bodies.push(
        format!("{{\"event\":\"call.ended\",\"data\":{{{}}}}}", "\"a\":1,".repeat(10_000))
            .into_bytes(),
    );
    bodies.push(format!("{{\"a\":{}}}", "9".repeat(200_000)).into_bytes());
    bodies.push(vec![b' '; 300_000]);
    bodies
}

#[track_caller]
fn check(answer: &Answer, what: &str) {
    assert!(!answer.status.is_server_error(), "{what}: {} {}", answer.status, answer.text);
    if answer.status.is_client_error() {
        assert!(answer.header("content-type").starts_with("application/problem+json"), "{what}");
        assert!(!answer.code().is_empty() && answer.json["request_id"].is_string(), "{what}");
    }
    for leaked in ["panicked", "src/", ".rs:", "rusqlite", "SELECT", "struct "] {
        assert!(!answer.text.contains(leaked), "{what}: {}", answer.text);
    }
}

/// Method, path and whether it takes a body.
fn operations() -> Vec<(String, String, bool)> {
    let document = serde_json::to_value(posthaste_api::openapi_document()).expect("JSON");
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let has_body = operation.get("requestBody").is_some();
            operations.push((method.to_uppercase(), path.clone(), has_body));
        }
    }
    operations
}

#[tokio::test]
async fn no_id_in_a_path_breaks_anything() {
    let server = TestServer::start().await;
    for (method, path, _) in operations().iter().filter(|(_, path, _)| path.contains('{')) {
        // Event types may have nearly any name.
        let is_named = path.contains("{name}");
        for id in IDS {
            let path = path.replace("{id}", id).replace("{name}", id);
            let body = if method == "GET" { Value::Null } else { json!({}) };
            let answer = server.call(method, &path, &server.keys.platform, body).await;
            check(&answer, &format!("{method} {path}"));
            assert!(!answer.status.is_success() || is_named, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn no_body_breaks_anything_or_leaves_anything_behind() {
    let server = TestServer::start().await;
    let webhook = server.webhook(&["*"]).await;
    let list = server.powerlist(server.account, "Prospects").await;
    let inbound = json!({"direction": "inbound", "title": "In", "powerlist_id": list,
        "events": ["contact", "contact.delete"], "rate_limit": {"count": 1_000_000, "per_s": 1}});
    let inbound = server.post("/v1/webhooks", inbound).await.expect(201);
    let inbound_path = inbound.json["endpoints"][0]["path"].as_str().expect("a path");
    let token = inbound_path.trim_start_matches("/in/").trim_end_matches("/contact");
    for (method, path, _) in operations().iter().filter(|(.., has_body)| *has_body) {
        let id = if path.ends_with("/preview") { inbound.id() } else { webhook.clone() };
        let path = path.replace("{id}", &id).replace("{name}", "a.b").replace("{token}", token);
        for body in bodies() {
            let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            let request = server
                .request(method, &path, &server.keys.platform)
                .header("content-type", "application/json")
                .body(Body::from(body));
            let answer = server.send(request.expect("a request")).await;
            check(&answer, &format!("{method} {path} with {start}"));
        }
    }
    let stored = server.store.list_webhooks(server.account, Default::default()).await;
    assert_eq!(stored.expect("readable").items.len(), 1);
}

#[tokio::test]
async fn no_query_breaks_anything() {
    let server = TestServer::start().await;
    let names = [
        "limit",
        "cursor",
        "since",
        "until",
        "status",
        "status_code",
        "webhook_id",
        "event_id",
        "event",
        "from",
        "to",
        "step",
        "role",
        "%00",
        "a[b]",
        "",
    ];
    for (method, path, _) in operations().iter().filter(|(method, ..)| method == "GET") {
        let path = path.replace("{id}", "wh_0000000000000").replace("{name}", "a.b");
        for name in names {
            for value in IDS {
                let path = format!("{path}?{name}={value}");
                let answer = server.call(method, &path, &server.keys.platform, Value::Null).await;
                check(&answer, &path);
            }
        }
        for query in ["?", "?&&&", "?=", "?%", "?limit", "?limit=1;cursor=2", "?a=%zz"] {
            let path = format!("{path}{query}");
            let answer = server.call(method, &path, &server.keys.platform, Value::Null).await;
            check(&answer, &path);
        }
    }
}

#[tokio::test]
async fn no_header_breaks_anything() {
    let server = TestServer::start().await;
    let long = "x".repeat(20_000);
    for name in [
        "authorization",
        "posthaste-account",
        "idempotency-key",
        "content-type",
        "x-request-id",
        "content-length",
        "content-encoding",
        "accept",
        "origin",
        "expect",
        "transfer-encoding",
    ] {
        for value in [&b""[..], b"\xff\xfe", b"x", b"-1", b"*/*;q=", b"a, b, c", long.as_bytes()] {
            let request = Request::builder()
                .method("POST")
                .uri("/v1/events")
                .header("authorization", format!("Bearer {}", server.keys.platform))
                .header("content-type", "application/json")
                .header(name, value)
                .body(Body::from(r#"{"event":"call.ended","data":{}}"#));
            let answer = server.send(request.expect("a request")).await;
            check(&answer, &format!("{name}: {}", String::from_utf8_lossy(value)));
        }
    }
}

#[tokio::test]
async fn text_that_means_something_to_a_browser_or_a_database_comes_back_as_it_was() {
    let server = TestServer::start().await;
    for text in [
        "<script>alert(1)</script>",
        "\"'; DROP TABLE webhooks; --",
        "{{7*7}}",
        "${jndi:ldap://x}",
        "\u{202e}gnp.exe",
        "a\u{301}",
        "💩",
        "%s%n",
        "../../x",
        "=cmd|' /C calc'!A0",
    ] {
        let body = json!({"title": text, "description": text, "url": "https://example.com/?q=%27",
            "events": ["*"]});
        let created = server.post("/v1/webhooks", body).await.expect(201);
        let shown = server.get(&format!("/v1/webhooks/{}", created.id())).await.expect(200);
        assert_eq!(
            (&shown.json["title"], &shown.json["description"]),
            (&json!(text), &json!(text))
        );
        assert_eq!(shown.header("content-type"), "application/json");
        assert_eq!(shown.header("x-content-type-options"), "nosniff");
        let event = server.event("call.ended", json!({"note": text})).await;
        let shown = server.get(&format!("/v1/events/{event}")).await;
        assert_eq!(shown.json["data"]["note"], text);
    }
}
