//! Numbers over time.

mod support;

use std::time::Duration;

use serde_json::{Value, json};

use support::TestServer;

#[tokio::test]
async fn statistics_count_what_the_log_shows() {
    let server = TestServer::start().await;
    let good = server.webhook(&["call.ended"]).await;
    let bad = server.webhook(&["call.ended"]).await;
    server.engine.answer(&bad, 503);
    for _ in 0..3 {
        server.event("call.ended", json!({})).await;
    }
    server.engine.try_all().await;
    server.advance(Duration::from_secs(60));

    let query = "from=2026-11-23T11:59:00Z&to=2026-11-23T12:01:00Z&step=60";
    let all = server.get(&format!("/v1/stats?{query}")).await.expect(200).json;
    assert_eq!(all["step"], 60);
    let buckets = all["buckets"].as_array().expect("a list");
    assert_eq!(buckets.len(), 2);
    assert_eq!(
        (&buckets[0]["at"], &buckets[0]["attempts"]),
        (&json!("2026-11-23T11:59:00.000Z"), &json!(0))
    );
    assert_eq!(buckets[0]["average_ms"], Value::Null);
    let totals = &all["totals"];
    let mut second = buckets[1].clone();
    second.as_object_mut().expect("an object").remove("at");
    assert_eq!(second, *totals, "only one bucket has anything");
    assert_eq!(
        (&totals["attempts"], &totals["delivered"], &totals["failed"]),
        (&json!(6), &json!(3), &json!(0))
    );
    assert_eq!(
        totals["by_status_class"],
        json!({"1xx": 0, "2xx": 3, "3xx": 0, "4xx": 0, "5xx": 3})
    );
    assert_eq!(totals["by_error"]["timeout"], 0);
    assert_eq!((&totals["average_ms"], &totals["max_ms"]), (&json!(42), &json!(42)));
    assert_eq!(totals["peak_per_second"], 6);

    let one = server.get(&format!("/v1/stats?{query}&webhook_id={good}")).await.expect(200).json;
    assert_eq!((&one["webhook_id"], &one["totals"]["attempts"]), (&json!(good), &json!(3)));
    let other = server
        .call(
            "GET",
            &format!("/v1/stats?{query}&webhook_id={good}"),
            &server.keys.other,
            Value::Null,
        )
        .await;
    assert_eq!(other.expect(200).json["totals"]["attempts"], 0);
}

#[tokio::test]
async fn a_span_that_makes_no_sense_is_pointed_at() {
    let server = TestServer::start().await;
    let check = async |query: &str, at: &str| {
        let answer = server.get(&format!("/v1/stats?{query}")).await.expect_problem(422, "invalid");
        assert_eq!(answer.pointers(), [at], "{query}");
    };
    check("step=0", "/step").await;
    check("step=59", "/step").await;
    check("step=90", "/step").await;
    check("step=-60", "/step").await;
    check("step=99999999999999999999", "/step").await;
    check("step=60&from=2026-01-01T00:00:00Z", "/step").await;
    check("from=2026-11-24T00:00:00Z", "/from").await;
    check("from=2026-11-23T00:00:00Z&to=2026-11-23T00:00:00Z", "/from").await;
    check("to=tomorrow", "/to").await;
    check("webhook_id=1", "/webhook_id").await;
    check("form=2026-11-24T00:00:00Z", "/form").await;
    let widest = server.get("/v1/stats?from=1970-01-01T00:00:00Z&to=9999-01-01T00:00:00Z").await;
    assert!(
        widest.json["buckets"].as_array().is_some_and(|buckets| buckets.len() <= 121),
        "{}",
        widest.status
    );
}
