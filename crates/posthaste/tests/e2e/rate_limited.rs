//! The receiver of the seed document limits its callers: 1,000 requests in 15 minutes. Here the
//! window is two seconds and the ratio stays.

use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::server::Server;

const WINDOW_MS: usize = 2_000;
const PER_WINDOW: usize = 1_000;
const WINDOWS: usize = 5;

#[tokio::test]
async fn five_windows_worth_at_once_all_arrive_and_none_fails() {
    let server = Server::start();
    let receiver = Receiver::node(
        "rate-limited-express.js",
        &[("WINDOW_MS", &WINDOW_MS.to_string()), ("MAX", &PER_WINDOW.to_string())],
    );
    let webhook = server.webhook_for(&receiver, "Limited").await;
    let total = WINDOWS * PER_WINDOW;
    for batch in 0..total / 1_000 {
        let events: Vec<Value> = (0..1_000)
            .map(|number| {
                json!({ "event": "call.ended", "data": { "number": batch * 1_000 + number } })
            })
            .collect();
        let (status, answer) =
            server.call("POST", "/v1/events/batch", json!({ "events": events })).await;
        assert_eq!(status, 202, "{answer}");
    }
    let report = receiver.wait_for(total).await;
    assert_eq!(report["ids_seen_unique"], total, "{report:#}");
    assert!(report["limited"].as_u64() > Some(0), "the limit was met: {report:#}");

    let path = format!("/v1/deliveries?webhook_id={webhook}&status=failed");
    let (status, failed) = server.call("GET", &path, Value::Null).await;
    assert_eq!((status, failed["data"].as_array().map(Vec::len)), (200, Some(0)), "{failed}");
}
