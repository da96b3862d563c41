//! What holds for every answer, and what an operator's tools ask.

mod support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use posthaste_api::Settings;
use posthaste_api::error::Code;
use serde_json::{Value, json};

use support::TestServer;

#[tokio::test]
async fn a_problem_has_all_its_parts() {
    let server = TestServer::start().await;
    let answer = server.get("/v1/webhooks/nope").await;
    assert_eq!(
        answer.json,
        json!({
            "type": "urn:posthaste:problem:not_found", "title": "There is no such thing",
            "status": 404, "code": "not_found", "detail": "there is no webhook with this id",
            "request_id": answer.header("x-request-id"),
        })
    );
    assert_eq!(answer.header("content-type"), "application/problem+json; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_problem_stays_short_whatever_was_sent() {
    let server = TestServer::start().await;
    let bad = json!({"event": "call.ended", "data": {}, "timestamp": "x".repeat(4_000)});
    let answer = server.post("/v1/events/batch", json!({"events": vec![bad; 1_000]})).await;
    let answer = answer.expect_problem(422, "invalid");
    assert_eq!(answer.pointers().len(), 100);
    assert!(answer.text.len() < 100_000, "{}", answer.text.len());
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems_too() {
    let server = TestServer::start().await;
    for path in [
        "/v1",
        "/v1/",
        "/v2/events",
        "/v1/events/",
        "/v1/webhooks//secret",
        "/x",
        "/v1/..",
        "/inbox",
        "/docs/nothing",
        "/docs/..%2fetc",
    ] {
        server.get(path).await.expect_problem(404, "not_found");
    }
    let answer = server.call("DELETE", "/v1/events", &server.keys.account, Value::Null).await;
    let answer = answer.expect_problem(405, "method_not_allowed");
    let mut allowed: Vec<&str> = answer.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    let answer = server.call("BREW", "/v1/webhooks", &server.keys.account, Value::Null).await;
    answer.expect_problem(405, "method_not_allowed");
}

#[tokio::test]
async fn a_request_keeps_its_id_if_it_has_a_harmless_one() {
    let server = TestServer::start().await;
    let check = async |given: &[u8], kept: bool| {
        let request = server.request("GET", "/healthz", "").header("x-request-id", given);
        let answer = server.send(request.body(Body::empty()).expect("a request")).await;
        let id = answer.header("x-request-id");
        assert_eq!(id.as_bytes() == given, kept, "{id}");
        assert!(!id.is_empty() && id.len() <= 64);
    };
    check(b"trace-1.a_B", true).await;
    check(b"", false).await;
    check(b"a b", false).await;
    check(b"<script>", false).await;
    check(&[b'x'; 65], false).await;
    check(b"\xff", false).await;
}

#[tokio::test]
async fn a_panic_ends_one_request_and_tells_nothing() {
    let server = TestServer::start().await;
    server.engine.panics.store(true, Ordering::Relaxed);
    let body = json!({"event": "call.ended", "data": {}});
    let answer = server.post("/v1/events", body.clone()).await.expect_problem(500, "internal");
    assert!(!answer.text.contains("canary"), "{}", answer.text);
    server.engine.panics.store(false, Ordering::Relaxed);
    server.post("/v1/events", body).await.expect(202);
}

#[tokio::test]
async fn liveness_and_readiness_need_no_key() {
    let server = TestServer::start().await;
    let alive = server.call("GET", "/healthz", "", Value::Null).await.expect(200);
    assert_eq!(alive.json["status"], "ok");
    let ready = server.call("GET", "/readyz", "", Value::Null).await.expect(200);
    let engine = json!({"outstanding": 0, "in_flight": 0, "unrecorded": 0});
    assert_eq!(ready.json, json!({"status": "ready", "engine": engine}));
    server.state.close();
    server.call("GET", "/healthz", "", Value::Null).await.expect(200);
    let answer = server.call("GET", "/readyz", "", Value::Null).await;
    answer.expect_problem(503, "not_ready");
}

#[tokio::test]
async fn metrics_count_without_naming_anybody() {
    let server = TestServer::start().await;
    let id = server.webhook(&["*"]).await;
    server.event("call.ended", json!({})).await;
    server.get(&format!("/v1/webhooks/{id}")).await.expect(200);
    server.get("/v1/nowhere").await.expect(404);
    let page = server.call("GET", "/metrics", &server.keys.platform, Value::Null).await.expect(200);
    assert_eq!(page.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let has =
        |line: &str| assert!(page.text.lines().any(|l| l == line), "{line} in\n{}", page.text);
    has(r#"posthaste_http_requests_total{method="POST",route="/v1/events",status="202"} 1"#);
    has(r#"posthaste_http_requests_total{method="GET",route="/v1/webhooks/{id}",status="200"} 1"#);
    has(r#"posthaste_http_requests_total{method="GET",route="none",status="404"} 1"#);
    has("posthaste_events_accepted_total 1");
    has("posthaste_deliveries_promised_total 1");
    has("posthaste_deliveries_outstanding 1");
    assert!(!page.text.contains(&id));

    let open = Settings { metrics_open: true, ..Settings::default() };
    let open = TestServer::start_with(open, None).await;
    open.call("GET", "/metrics", "", Value::Null).await.expect(200);
}

#[tokio::test]
async fn pages_run_nothing_that_is_not_ours() {
    let server = TestServer::start_with_inbox().await;
    for path in ["/", "/docs/", "/inbox/requests", "/openapi.json", "/healthz"] {
        let answer = server.call("GET", path, "", Value::Null).await.expect(200);
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe-eval"), "{path}: {policy}");
        let inline_styles = policy.contains("'unsafe-inline'");
        assert_eq!(inline_styles, ["/", "/docs/"].contains(&path), "{path}: {policy}");
        assert!(!policy.contains("script-src 'self' 'unsafe-inline'"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        if answer.header("content-type").starts_with("text/html") {
            for outside in ["http://", "https://", "<script>", "onclick", "style="] {
                assert!(!answer.text.contains(outside), "{path} has {outside}");
            }
        }
    }
    let document = server.call("GET", "/openapi.json", "", Value::Null).await.json;
    assert_eq!(document["openapi"], "3.1.0");
    let docs = server.call("GET", "/docs", "", Value::Null).await;
    assert_eq!((docs.status.as_u16(), docs.header("location")), (303, "/docs/"));
    let script =
        server.call("GET", "/docs/swagger-initializer.js", "", Value::Null).await.expect(200);
    assert!(script.text.contains("/openapi.json"), "{}", script.text);
}

#[test]
fn every_operation_has_a_name_of_its_own_and_a_summary() {
    let document = serde_json::to_value(posthaste_api::openapi_document()).expect("JSON");
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let name = operation["operationId"].as_str().expect("a name").to_owned();
            assert!(names.insert(name), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(operation["security"].is_array(), "{method} {path}");
        }
    }
}

#[test]
fn the_documentation_lists_every_code_with_its_status() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/API-DESIGN.md");
    let text = std::fs::read_to_string(path).expect("docs/API-DESIGN.md");
    for code in Code::ALL {
        let row = format!("| `{}` | {} |", code.as_str(), code.status().as_u16());
        assert!(text.contains(&row), "{row} is missing");
    }
    let rows = text.lines().filter(|line| line.starts_with("| `") && line.contains("` | ")).filter(
        |line| line.split('|').nth(2).is_some_and(|status| status.trim().parse::<u16>().is_ok()),
    );
    assert_eq!(rows.count(), Code::ALL.len(), "a code that is no more");
}

#[tokio::test]
async fn the_server_says_how_it_is_set_up_and_to_its_platform_everything() {
    let settings = Settings {
        public_url: Some("https://hooks.example.com".to_owned()),
        egress_allow: vec!["10.1.0.0/16".to_owned()],
        ..Settings::default()
    };
    let server = TestServer::start_with(settings, None).await;
    server.advance(Duration::from_secs(90));
    let platform = &server.keys.platform;
    let facts = server.call("GET", "/v1/server", platform, Value::Null).await.expect(200).json;
    let disk_bytes = facts["store"]["disk_bytes"].as_u64().expect("a number");
    assert!(disk_bytes > 0);
    let whole = json!({
        "version": env!("CARGO_PKG_VERSION"), "dev": false, "inbox": false,
        "public_url": "https://hooks.example.com", "uptime_s": 90, "started_at": support::START,
        "retention_days": 30, "egress_allow": ["10.1.0.0/16"], "egress_dev": false,
        "body_bytes_max": 262_144, "retry_delays_s": [0, 30, 120, 480, 1_920],
        "timeout_ms": {"default": 15_000, "min": 1_000, "max": 30_000},
        "store": {"kind": "embedded", "pending": 0, "disk_bytes": disk_bytes},
    });
    assert_eq!(facts, whole);
    let facts = server.call("GET", "/v1/server", &server.keys.read, Value::Null).await.json;
    assert_eq!((&facts["egress_allow"], &facts["store"]), (&Value::Null, &Value::Null));
    assert_eq!(facts["retention_days"], 30);
}
