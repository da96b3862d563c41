//! The live stream: who sees what, how it goes on and how it ends.

mod support;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, request};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use posthaste_api::AnswerBody;
use serde_json::{Value, json};

use support::TestServer;
use support::browser::{Browser, owner};
use support::engine::{RING_MAX, SUBSCRIBERS_MAX, SUBSCRIBERS_PER_ACCOUNT_MAX};

/// An open stream.
struct Stream(Response<AnswerBody>);

/// A message of it: `(event, sequence, data)`.
type Message = (String, u64, Value);

impl Stream {
    async fn open(server: &TestServer, path: &str, key: &str, last_id: Option<&str>) -> Stream {
        let mut request = server.request("GET", path, key);
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        Stream::of(server, request, last_id).await
    }

    /// As a user who signed in.
    async fn of_user(server: &TestServer, browser: &Browser) -> Stream {
        let cookie = browser.cookie.as_deref().expect("signed in");
        let request = server.request("GET", "/v1/stream", "").header("cookie", cookie);
        Stream::of(server, request, None).await
    }

    async fn of(server: &TestServer, request: request::Builder, last_id: Option<&str>) -> Stream {
        let answer = server
            .api
            .answer([192, 0, 2, 7].into(), request.body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let mut stream = Stream(answer);
        if last_id.is_none() {
            let greeting = stream.text().await.expect("a greeting");
            assert!(greeting.starts_with(": ") && greeting.contains("\nid: "), "{greeting}");
        }
        stream
    }

    async fn of_account(server: &TestServer) -> Stream {
        Stream::open(server, "/v1/stream", &server.keys.read, None).await
    }

    /// What is written next; `None` once it has ended.
    async fn text(&mut self) -> Option<String> {
        let frame = self.0.body_mut().frame().await?.expect("never an error");
        let bytes = frame.into_data().expect("no trailers");
        Some(String::from_utf8(bytes.to_vec()).expect("UTF-8"))
    }

    /// The messages that are there without waiting.
    fn ready(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(Some(text)) = self.text().now_or_never() {
            messages.extend(text.split_terminator("\n\n").filter_map(message));
        }
        messages
    }
}

/// `None` for a comment.
fn message(text: &str) -> Option<Message> {
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let sequence = id_in(text).rsplit_once('-').expect("an id").1.parse().expect("a number");
    let data = serde_json::from_str(field("data")?).expect("JSON");
    Some((field("event").expect("a name").to_owned(), sequence, data))
}

/// The last id in a text.
fn id_in(text: &str) -> String {
    let mut ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
    ids.next_back().expect("an id").to_owned()
}

fn numbers(messages: &[Message]) -> Vec<u64> {
    assert!(messages.iter().all(|(event, _, _)| event == "delivery"), "{messages:?}");
    messages.iter().map(|(_, sequence, _)| *sequence).collect()
}

async fn deliver(server: &TestServer, event: &str, count: usize) {
    for _ in 0..count {
        server.event(event, json!({})).await;
        server.engine.try_all().await;
    }
}

#[tokio::test]
async fn it_shows_deliveries_as_the_list_does() {
    let server = TestServer::start().await;
    let webhook = server.webhook(&["*"]).await;
    server.engine.answer(&webhook, 503);
    let mut stream = Stream::of_account(&server).await;
    assert_eq!(stream.ready(), []);
    deliver(&server, "call.ended", 1).await;
    let messages = stream.ready();
    assert_eq!(numbers(&messages), [1]);
    let listed = server.get("/v1/deliveries").await.json["data"][0].clone();
    assert_eq!(listed["status"], "retrying");
    assert_eq!(messages[0].2, listed);
    // What changes a delivery without trying it leaves its newest attempt as it was.
    let path = format!("/v1/deliveries/{}/cancel", listed["id"].as_str().expect("an id"));
    let cancelled = server.post(&path, json!({})).await.expect(200).json;
    let messages = stream.ready();
    assert_eq!(numbers(&messages), [2]);
    assert_eq!(messages[0].2, cancelled);
    assert_eq!(cancelled["last_attempt"]["status_code"], 503);
}

#[tokio::test]
async fn an_account_sees_its_own_deliveries_only() {
    let server = TestServer::start().await;
    server.webhook(&["*"]).await;
    server.webhook_of(&server.keys.other, &["*"]).await;
    let mut mine = Stream::of_account(&server).await;
    let mut others = Stream::open(&server, "/v1/stream", &server.keys.other_read, None).await;
    let body = json!({"event": "call.ended", "data": {}});
    server.call("POST", "/v1/events", &server.keys.other, body).await.expect(202);
    server.engine.try_all().await;
    assert_eq!(mine.ready(), []);
    assert_eq!(numbers(&others.ready()), [1]);
}

#[tokio::test]
async fn filters_choose_among_them() {
    let server = TestServer::start().await;
    let [calls, failing] = [server.webhook(&["call.*"]).await, server.webhook(&["*"]).await];
    server.engine.answer(&failing, 500);
    let check = async |query: &str, expected: &[&str]| {
        let path = format!("/v1/stream?{query}");
        let mut stream = Stream::open(&server, &path, &server.keys.read, None).await;
        deliver(&server, "call.ended", 1).await;
        deliver(&server, "sms.sent", 1).await;
        let shown: Vec<String> = stream
            .ready()
            .iter()
            .map(|(_, _, delivery)| {
                let text = |name: &str| delivery[name].as_str().expect("a text").to_owned();
                let to = if text("webhook_id") == calls { "calls" } else { "failing" };
                format!("{} {to} {}", text("event"), text("status"))
            })
            .collect();
        assert_eq!(shown, expected, "{query}");
    };
    let all =
        ["call.ended calls delivered", "call.ended failing retrying", "sms.sent failing retrying"];
    check("", &all).await;
    check(&format!("webhook_id={calls}"), &all[..1]).await;
    check("event=call.*", &all[..2]).await;
    check("event=sms.sent", &all[2..]).await;
    check("status=retrying&event=call.ended", &all[1..2]).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_question_is_pointed_at() {
    let server = TestServer::start().await;
    let query = "webhook_id=wh_1&event=Call&status=delivering&max_per_s=0";
    let answer = server.get(&format!("/v1/stream?{query}")).await.expect_problem(422, "invalid");
    assert_eq!(answer.pointers(), ["/webhook_id", "/event", "/status", "/max_per_s"]);
    let answer = server.get("/v1/stream?statsu=failed").await.expect_problem(422, "invalid");
    assert_eq!(answer.pointers(), ["/statsu"]);
}

#[tokio::test]
async fn whoever_was_cut_off_goes_on_where_it_was() {
    let server = TestServer::start().await;
    server.webhook(&["*"]).await;
    let mut stream = Stream::of_account(&server).await;
    deliver(&server, "call.ended", 3).await;
    let id = id_in(&stream.text().await.expect("an update"));
    assert!(id.ends_with("-3") || id.ends_with("-1"), "{id}");
    let first = id.replace("-3", "-1");
    drop(stream);
    deliver(&server, "call.ended", 2).await;
    let resumed = async |path: &str, header: Option<&str>| {
        let mut stream = Stream::open(&server, path, &server.keys.read, header).await;
        numbers(&stream.ready())
    };
    assert_eq!(resumed("/v1/stream", Some(&first)).await, [2, 3, 4, 5]);
    let path = format!("/v1/stream?last_event_id={first}");
    assert_eq!(resumed(&path, None).await, [2, 3, 4, 5]);
    // A browser comes back with its first address and a newer header.
    let newer = first.replace("-1", "-4");
    assert_eq!(resumed(&path, Some(&newer)).await, [5]);
    let check = async |last_id: &str, reason: &str| {
        let mut stream =
            Stream::open(&server, "/v1/stream", &server.keys.read, Some(last_id)).await;
        let messages = stream.ready();
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert_eq!((messages[0].0.as_str(), &messages[0].2["reason"]), ("reset", &json!(reason)));
    };
    check("0123456789abcdef-3", "unknown").await;
    deliver(&server, "call.ended", RING_MAX).await;
    check(&first, "too_old").await;
}

#[tokio::test]
async fn a_slow_reader_loses_updates_and_hears_how_many() {
    let server = TestServer::start().await;
    server.webhook(&["*"]).await;
    let mut stream = Stream::of_account(&server).await;
    deliver(&server, "call.ended", RING_MAX + 7).await;
    let messages = stream.ready();
    let (event, sequence, data) = &messages[0];
    assert_eq!((event.as_str(), *sequence, data), ("skipped", 7, &json!({"count": 7})));
    let expected: Vec<u64> = (8..=RING_MAX as u64 + 7).collect();
    assert_eq!(numbers(&messages[1..]), expected);
    let page = server.call("GET", "/metrics", &server.keys.platform, Value::Null).await.text;
    let check = |line: &str| assert!(page.lines().any(|l| l == line), "{line} in\n{page}");
    check("posthaste_stream_subscribers 1");
    check(&format!("posthaste_stream_updates_sent_total {RING_MAX}"));
    check("posthaste_stream_updates_skipped_total 7");
}

#[tokio::test]
async fn there_are_only_so_many_at_a_time() {
    let server = TestServer::start().await;
    let mut open = Vec::new();
    for _ in 0..SUBSCRIBERS_PER_ACCOUNT_MAX {
        open.push(Stream::of_account(&server).await);
    }
    let refused = server.get("/v1/stream").await.expect_problem(503, "too_many_streams");
    assert_eq!(refused.header("retry-after"), "30");
    for _ in SUBSCRIBERS_PER_ACCOUNT_MAX..SUBSCRIBERS_MAX {
        open.push(Stream::open(&server, "/v1/stream", &server.keys.other, None).await);
    }
    let refused = server.call("GET", "/v1/stream", &server.keys.other, Value::Null).await;
    refused.expect_problem(503, "too_many_streams");
    open.remove(0);
    Stream::of_account(&server).await;
}

#[tokio::test(start_paused = true)]
async fn it_says_now_and_then_that_it_is_still_there() {
    let server = TestServer::start().await;
    server.webhook(&["*"]).await;
    let path = "/v1/stream?status=failed";
    let mut stream = Stream::open(&server, path, &server.keys.read, None).await;
    deliver(&server, "call.ended", 2).await;
    for _ in 0..3 {
        let before = tokio::time::Instant::now();
        let text = stream.text().await.expect("a comment");
        assert!(text.starts_with(": still here\n"), "{text}");
        // Its id counts, though nothing was shown.
        assert!(id_in(&text).ends_with("-2"), "{text}");
        assert_eq!(before.elapsed().as_secs(), 15);
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_key_is_deleted() {
    let server = TestServer::start().await;
    let new = json!({"name": "watcher", "role": "read"});
    let made = server.post("/v1/api-keys", new).await.expect(201).json;
    let key = made["key"].as_str().expect("shown once");
    let mut stream = Stream::open(&server, "/v1/stream", key, None).await;
    assert!(stream.text().await.is_some());
    let path = format!("/v1/api-keys/{}", made["id"].as_str().expect("an id"));
    server.call("DELETE", &path, &server.keys.account, Value::Null).await.expect(204);
    let deleted = tokio::time::Instant::now();
    assert_eq!(stream.text().await, None);
    assert!(deleted.elapsed() <= Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_user_signs_out() {
    let server = TestServer::start().await;
    let mut browser = owner(&server).await;
    let mut stream = Stream::of_user(&server, &browser).await;
    assert!(stream.text().await.expect("a comment").starts_with(": "));
    browser.call(&server, "DELETE", "/v1/session", Value::Null).await.expect(204);
    let signed_out = tokio::time::Instant::now();
    assert_eq!(stream.text().await, None);
    assert!(signed_out.elapsed() <= Duration::from_secs(15));
}

#[tokio::test]
async fn it_ends_at_once_when_the_server_shuts_down() {
    let server = TestServer::start().await;
    server.webhook(&["*"]).await;
    let mut stream = Stream::of_account(&server).await;
    deliver(&server, "call.ended", 1).await;
    server.state.close();
    assert_eq!(stream.text().now_or_never(), Some(None));
    server.engine.stopped.store(true, std::sync::atomic::Ordering::Relaxed);
    server.get("/v1/stream").await.expect_problem(503, "shutting_down");
}
