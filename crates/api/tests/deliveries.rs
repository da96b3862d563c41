//! The log of deliveries, trying again and cancelling.

mod support;

use std::time::Duration;

use serde_json::{Value, json};

use support::{START, TestServer};

fn ids(answer: &Value) -> Vec<&str> {
    answer["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|item| item["id"].as_str())
        .collect()
}

/// The one delivery of a new event to a new webhook.
async fn delivery(server: &TestServer) -> (String, String) {
    let webhook = server.webhook(&["call.ended"]).await;
    let event = server.event("call.ended", json!({})).await;
    let listed = server.get(&format!("/v1/events/{event}/deliveries")).await.expect(200).json;
    (webhook, ids(&listed)[0].to_owned())
}

#[tokio::test]
async fn a_delivery_is_shown_before_it_was_tried() {
    let server = TestServer::start().await;
    let (webhook, id) = delivery(&server).await;
    let path = format!("/v1/deliveries/{id}");
    let shown = server.get(&path).await.expect(200).json;
    assert_eq!(
        shown,
        json!({
            "id": id, "event_id": shown["event_id"], "webhook_id": webhook, "event": "call.ended",
            "trigger": "event", "status": "pending", "created_at": START,
            "next_attempt_at": START, "ended_at": null, "attempt_count": 0, "last_attempt": null,
            "attempts": [],
        })
    );
    server.engine.put_on_wire(&id);
    assert_eq!(server.get(&path).await.json["status"], "delivering");
}

#[tokio::test]
async fn a_delivery_shows_its_attempts() {
    let server = TestServer::start().await;
    let (webhook, id) = delivery(&server).await;
    server.engine.answer(&webhook, 500);
    server.engine.try_all().await;
    let path = format!("/v1/deliveries/{id}");
    let shown = server.get(&path).await.expect(200);
    let attempt = json!({
        "number": 1, "trigger": "event", "outcome": "rejected", "status_code": 500,
        "error": "answered 500", "started_at": START, "duration_ms": 42,
        "timings": {"dns": null, "connect": 3, "tls": 7, "first_byte": 40},
        "remote_address": "203.0.113.7:443",
        "request_headers": [
            {"name": "x-webhook-event", "value": "call.ended"},
            {"name": "authorization", "value": shown.json["attempts"][0]["request_headers"][1]["value"]},
        ],
        "response_headers": [{"name": "server", "value": "test"}],
        "response_body": "ok \u{fffd}", "truncated": false,
    });
    assert_eq!(shown.json["attempts"], json!([attempt]));
    assert!(!shown.text.contains("canary"), "{}", shown.text);
    assert_eq!(
        (&shown.json["status"], &shown.json["attempt_count"]),
        (&json!("retrying"), &json!(1))
    );
    assert_eq!(shown.json["next_attempt_at"], "2026-11-23T12:00:30.042Z");
    assert_eq!(shown.json["last_attempt"]["status_code"], 500);
}

#[tokio::test]
async fn a_manual_retry_delivers_without_waiting_for_the_schedule() {
    let server = TestServer::start().await;
    let (webhook, id) = delivery(&server).await;
    server.engine.answer(&webhook, 500);
    server.engine.try_all().await;
    let retry = format!("/v1/deliveries/{id}/retry");
    let again = server.post(&retry, Value::Null).await.expect(202).json;
    assert_eq!((&again["status"], &again["attempt_count"]), (&json!("retrying"), &json!(2)));
    server.engine.answer(&webhook, 204);
    let again = server.post(&retry, Value::Null).await.expect(202).json;
    assert_eq!(again["status"], "delivered");
    server.post(&retry, Value::Null).await.expect(202);

    let path = format!("/v1/webhooks/{webhook}");
    server.call("DELETE", &path, &server.keys.account, Value::Null).await.expect(204);
    server.post(&retry, Value::Null).await.expect_problem(409, "webhook_gone");
}

#[tokio::test]
async fn a_delivery_that_has_ended_cannot_be_cancelled() {
    let server = TestServer::start().await;
    let (_, id) = delivery(&server).await;
    let cancel = format!("/v1/deliveries/{id}/cancel");
    let cancelled = server.post(&cancel, Value::Null).await.expect(200).json;
    assert_eq!(
        (&cancelled["status"], &cancelled["ended_at"]),
        (&json!("cancelled"), &json!(START))
    );
    server.post(&cancel, Value::Null).await.expect_problem(409, "already_ended");

    let (_, id) = delivery(&server).await;
    server.engine.try_all().await;
    let answer = server.post(&format!("/v1/deliveries/{id}/cancel"), Value::Null).await;
    let answer = answer.expect_problem(409, "already_ended");
    assert!(answer.json["detail"].as_str().expect("text").contains("delivered"));
}

#[tokio::test]
async fn an_events_deliveries_are_all_there_tried_or_not() {
    let server = TestServer::start().await;
    for _ in 0..5 {
        server.webhook(&["call.ended"]).await;
    }
    let event = server.event("call.ended", json!({})).await;
    let path = format!("/v1/events/{event}/deliveries");
    let all = server.get(&path).await.expect(200).json;
    assert_eq!(ids(&all).len(), 5);
    server.post(&format!("/v1/deliveries/{}/retry", ids(&all)[2]), Value::Null).await.expect(202);
    let again = server.get(&path).await.json;
    assert_eq!(ids(&again), ids(&all));
    let statuses: Vec<&str> = again["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|d| d["status"].as_str())
        .collect();
    assert_eq!(statuses, ["pending", "pending", "delivered", "pending", "pending"]);

    let mut paged = Vec::new();
    let mut query = "?limit=2".to_owned();
    loop {
        let page = server.get(&format!("{path}{query}")).await.expect(200).json;
        paged.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={cursor}");
    }
    assert_eq!(paged, ids(&all));
}

#[tokio::test]
async fn the_log_can_be_filtered() {
    let server = TestServer::start().await;
    let good = server.webhook(&["call.ended"]).await;
    let bad = server.webhook(&["sms.sent"]).await;
    server.engine.answer(&bad, 503);
    let call = server.event("call.ended", json!({})).await;
    server.advance(Duration::from_secs(1));
    server.event("sms.sent", json!({})).await;
    server.engine.try_all().await;
    let check = async |query: &str, expected: &[&str]| {
        let answer = server.get(&format!("/v1/deliveries{query}")).await.expect(200).json;
        let found: Vec<&str> = answer["data"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|d| d["webhook_id"].as_str())
            .collect();
        assert_eq!(found, expected, "{query}");
    };
    check("", &[&bad, &good]).await;
    check("?limit=1", &[&bad]).await;
    check(&format!("?webhook_id={good}"), &[&good]).await;
    check(&format!("?event_id={call}"), &[&good]).await;
    check("?event=sms.sent", &[&bad]).await;
    check("?status=delivered", &[&good]).await;
    check("?status=retrying", &[&bad]).await;
    check("?status=delivering", &[]).await;
    check("?status_code=503", &[&bad]).await;
    check("?status_code=200&status=retrying", &[]).await;
    check("?since=2026-11-23T12:00:01Z", &[&bad]).await;
    check("?until=2026-11-23T12:00:01Z", &[&good]).await;
    check("?webhook_id=wh_0000000000000", &[]).await;

    let listed = server.get(&format!("/v1/deliveries?webhook_id={bad}")).await.json;
    server.engine.put_on_wire(ids(&listed)[0]);
    check("?status=delivering", &[&bad]).await;
    check("?status=retrying", &[]).await;
}

#[tokio::test]
async fn a_filter_that_makes_no_sense_is_pointed_at() {
    let server = TestServer::start().await;
    let check = async |path: &str, at: &[&str]| {
        let answer = server.get(path).await.expect_problem(422, "invalid");
        assert_eq!(answer.pointers(), at, "{path}: {}", answer.text);
    };
    check("/v1/deliveries?webhook_id=x", &["/webhook_id"]).await;
    check("/v1/deliveries?webhook_id=evt_0000000000000", &["/webhook_id"]).await;
    check("/v1/deliveries?event_id=%00", &["/event_id"]).await;
    check("/v1/deliveries?event=Call", &["/event"]).await;
    check("/v1/deliveries?status=done", &["/status"]).await;
    check("/v1/deliveries?status=", &["/status"]).await;
    check("/v1/deliveries?status_code=99", &["/status_code"]).await;
    check("/v1/deliveries?since=now", &["/since"]).await;
    check("/v1/deliveries?limit=0", &["/limit"]).await;
    check("/v1/deliveries?limit=201", &["/limit"]).await;
    check("/v1/deliveries?cursor=zzz", &["/cursor"]).await;
    check("/v1/deliveries?wehbook_id=x", &["/wehbook_id"]).await;
    check("/v1/deliveries?limit=1&limit=2", &["/limit"]).await;
    check("/v1/deliveries?status=x&since=y&limit=z", &["/limit", "/status", "/since"]).await;
    check("/v1/events?until=x", &["/until"]).await;
    check("/v1/events?event=%ff", &["/event"]).await;
    check("/v1/webhooks?cursor=%2F%2F", &["/cursor"]).await;
    check("/v1/stats?step=61", &["/step"]).await;
}
