//! What people do to webhooks and deliveries while deliveries are under way, through the API of
//! the real binary: retry, cancel, pause, disable, delete, change, rotate; and whether the numbers
//! shown afterwards are those of what was sent.

use std::collections::{BTreeMap, BTreeSet};

use posthaste_core::canonical::canonicalise;
use posthaste_core::secret::Secret;
use posthaste_core::time::Timestamp;
use posthaste_core::verify::{SignatureName, Verdict, Verifier};
use serde_json::{Value, json};

use crate::scripted::{Answer, Arrived, Scripted};
use crate::server::Server;

/// Retries so soon that a test need not wait, and so late that it never sees them.
const SOON_S: u64 = 1;
const LATE_S: u64 = 3_600;

impl Server {
    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call("GET", path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn post(&self, path: &str, expected: u16) -> Value {
        let (status, answer) = self.call("POST", path, Value::Null).await;
        assert_eq!(status, expected, "{path}: {answer}");
        answer
    }

    async fn change(&self, webhook: &str, settings: Value) -> Value {
        let path = format!("/v1/webhooks/{webhook}");
        let (status, answer) = self.call("PATCH", &path, settings).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Publishes; answers the deliveries' ids, newest webhook first.
    async fn publish(&self, data: Value) -> Vec<String> {
        let event = json!({ "event": "call.ended", "data": data });
        let (status, receipt) = self.call("POST", "/v1/events", event).await;
        assert_eq!(status, 202, "{receipt}");
        let id = receipt["id"].as_str().expect("an id");
        let deliveries = self.get(&format!("/v1/events/{id}/deliveries")).await;
        let deliveries = deliveries["data"].as_array().expect("a list");
        assert_eq!(receipt["deliveries"], deliveries.len());
        deliveries.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
    }

    async fn publish_one(&self, data: Value) -> String {
        let mut deliveries = self.publish(data).await;
        assert_eq!(deliveries.len(), 1, "this account has one webhook that wants it");
        deliveries.remove(0)
    }

    async fn publish_batch(&self, events: Vec<Value>) {
        let (status, answer) =
            self.call("POST", "/v1/events/batch", json!({ "events": events })).await;
        assert_eq!(status, 202, "{answer}");
    }

    /// Asks again until the answer is as wanted: what the engine learns from a receiver shows up
    /// in the API a moment later, and nothing else says when.
    async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let asking = async {
            loop {
                last = self.get(path).await;
                if wanted(&last) {
                    return;
                }
            }
        };
        let in_time = tokio::time::timeout(crate::PATIENCE, asking).await.is_ok();
        assert!(in_time, "{path} stays {last:#}");
        last
    }

    async fn until_status(&self, delivery: &str, status: &str) -> Value {
        self.until(&format!("/v1/deliveries/{delivery}"), |shown| shown["status"] == status).await
    }

    /// Every page of a list, and how many there were.
    async fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}{cursor}")).await;
            items.extend(page["data"].as_array().expect("a list").iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else { return items };
            cursor = format!("&cursor={next}");
        }
    }
}

/// `number trigger outcome` of each attempt.
fn attempts(delivery: &Value) -> Vec<String> {
    let attempts = delivery["attempts"].as_array().expect("a list").iter();
    let text = |attempt: &Value, name: &str| attempt[name].as_str().expect("a text").to_owned();
    attempts
        .map(|one| format!("{} {} {}", one["number"], text(one, "trigger"), text(one, "outcome")))
        .collect()
}

fn numbers(arrived: &[Arrived]) -> BTreeSet<u64> {
    arrived.iter().map(Arrived::number).collect()
}

#[tokio::test]
async fn what_is_on_the_wire_is_delivering_and_a_cancel_does_not_call_it_back() {
    let server = Server::start();
    let receiver = Scripted::start(Answer::Hold).await;
    let (webhook, _) = server.webhook("Slow", &receiver.url, Value::Null).await;
    let delivery = server.publish_one(json!({})).await;
    receiver.wait_for(1).await;

    let shown = server.get(&format!("/v1/deliveries/{delivery}")).await;
    assert_eq!((&shown["status"], &shown["attempt_count"]), (&json!("delivering"), &json!(0)));
    let list = format!("/v1/deliveries?webhook_id={webhook}&status=delivering");
    server.until(&list, |list| list["data"][0]["id"] == delivery.as_str()).await;

    let cancelled = server.post(&format!("/v1/deliveries/{delivery}/cancel"), 200).await;
    assert_eq!(cancelled["status"], "cancelled");
    server.post(&format!("/v1/deliveries/{delivery}/cancel"), 409).await;
    receiver.answer(Answer::Status(200));
    let shown = server.until_status(&delivery, "delivered").await;
    assert_eq!(attempts(&shown), ["1 event succeeded"]);
}

#[tokio::test]
async fn a_manual_retry_works_in_every_status_and_leaves_the_schedule_alone() {
    let server = Server::start();
    let receiver = Scripted::start(Answer::Hold).await;
    let more = json!({ "retry_delays_s": [0, LATE_S] });
    let (webhook, _) = server.webhook("Any", &receiver.url, more).await;

    // Delivering, and without a row.
    let delivery = server.publish_one(json!({})).await;
    let (show, retry) =
        (format!("/v1/deliveries/{delivery}"), format!("/v1/deliveries/{delivery}/retry"));
    receiver.wait_for(1).await;
    server.post(&retry, 202).await;
    let arrived = receiver.wait_for(2).await;
    assert_eq!(arrived[0].bytes, arrived[1].bytes, "the same body on every attempt");
    let sent: Vec<&str> = arrived.iter().map(|one| one.header("x-webhook-attempt")).collect();
    assert_eq!(sent, ["1", "2"]);

    // Retrying.
    receiver.answer(Answer::Status(500));
    let shown = server.until(&show, |shown| shown["attempt_count"] == 2).await;
    assert_eq!(shown["status"], "retrying");
    let due = shown["next_attempt_at"].clone();
    server.post(&retry, 202).await;
    let shown = server.until(&show, |shown| shown["attempt_count"] == 3).await;
    assert_eq!((&shown["status"], &shown["next_attempt_at"]), (&json!("retrying"), &due));

    // Failed, delivered, cancelled.
    server.change(&webhook, json!({ "retry_delays_s": [0] })).await;
    let failed = server.publish_one(json!({})).await;
    server.until_status(&failed, "failed").await;
    receiver.answer(Answer::Status(200));
    server.post(&format!("/v1/deliveries/{failed}/retry"), 202).await;
    let shown = server.until_status(&failed, "delivered").await;
    assert_eq!(attempts(&shown), ["1 event rejected", "2 manual succeeded"]);

    receiver.answer(Answer::Status(500));
    server.post(&format!("/v1/deliveries/{failed}/retry"), 202).await;
    let path = format!("/v1/deliveries/{failed}");
    let shown = server.until(&path, |shown| shown["attempt_count"] == 3).await;
    assert_eq!(shown["status"], "delivered", "once delivered, always delivered");

    server.post(&format!("/v1/deliveries/{delivery}/cancel"), 200).await;
    receiver.answer(Answer::Status(200));
    server.post(&retry, 202).await;
    server.until_status(&delivery, "delivered").await;
}

#[tokio::test]
async fn a_paused_webhook_queues_all_but_what_is_on_the_wire() {
    let server = Server::start();
    let receiver = Scripted::start(Answer::Hold).await;
    let (webhook, _) = server.webhook("Paused", &receiver.url, Value::Null).await;
    let first = server.publish_one(json!({ "number": 1 })).await;
    receiver.wait_for(1).await;
    server.post(&format!("/v1/webhooks/{webhook}/pause"), 200).await;
    let second = server.publish_one(json!({ "number": 2 })).await;
    receiver.answer(Answer::Status(200));
    server.until_status(&first, "delivered").await;
    // The wish is kept too, and not granted while it is paused.
    server.post(&format!("/v1/deliveries/{first}/retry"), 202).await;
    let problem = server.post(&format!("/v1/webhooks/{webhook}/test"), 409).await;
    assert_eq!(problem["code"], "webhook_paused");
    let health = server.get(&format!("/v1/webhooks/{webhook}/endpoints")).await;
    assert_eq!(health["data"][0]["health"]["hits"], 1);
    assert_eq!(receiver.arrived().len(), 1);

    server.post(&format!("/v1/webhooks/{webhook}/resume"), 200).await;
    server.until_status(&second, "delivered").await;
    let path = format!("/v1/deliveries/{first}");
    server.until(&path, |shown| shown["attempt_count"] == 2).await;
    assert_eq!(receiver.arrived().len(), 3);
}

#[tokio::test]
async fn gone_disables_the_webhook_says_why_and_resume_brings_it_back() {
    let server = Server::start();
    let receiver = Scripted::start(Answer::Status(410)).await;
    let (webhook, _) = server.webhook("Gone", &receiver.url, Value::Null).await;
    let path = format!("/v1/webhooks/{webhook}");
    let refused = server.publish_one(json!({})).await;
    let shown = server.until(&path, |shown| shown["status"] == "disabled").await;
    assert!(shown["disabled_reason"].as_str().is_some_and(|why| why.contains("410")), "{shown}");
    server.until_status(&refused, "failed").await;

    assert_eq!(server.publish(json!({})).await, [""; 0], "a disabled webhook gets no events");
    for call in
        [format!("/v1/deliveries/{refused}/retry"), format!("{path}/test"), format!("{path}/pause")]
    {
        assert_eq!(server.post(&call, 409).await["code"], "webhook_disabled", "{call}");
    }
    receiver.answer(Answer::Status(200));
    let resumed = server.post(&format!("{path}/resume"), 200).await;
    assert_eq!(
        (&resumed["status"], &resumed["disabled_reason"]),
        (&json!("enabled"), &json!(null))
    );
    let delivery = server.publish_one(json!({})).await;
    server.until_status(&delivery, "delivered").await;
    server.post(&format!("/v1/deliveries/{refused}/retry"), 202).await;
    server.until_status(&refused, "delivered").await;
}

#[tokio::test]
async fn deleting_a_webhook_cancels_its_backlog() {
    const EVENTS: usize = 200;
    let server = Server::start();
    let receiver = Scripted::start(Answer::Hold).await;
    let more = json!({ "max_in_flight": 1 });
    let (webhook, _) = server.webhook("Backlog", &receiver.url, more).await;
    let event = |number| json!({ "event": "call.ended", "data": { "number": number } });
    server.publish_batch((0..EVENTS).map(event).collect()).await;
    receiver.wait_for(1).await;
    let path = format!("/v1/webhooks/{webhook}");
    let (status, _) = server.call("DELETE", &path, Value::Null).await;
    assert_eq!(status, 204);
    let (status, _) = server.call("GET", &path, Value::Null).await;
    assert_eq!(status, 404);
    receiver.answer(Answer::Status(200));

    let list = format!("/v1/deliveries?webhook_id={webhook}&limit=200&status=cancelled");
    let ended = |list: &Value| list["data"].as_array().map(Vec::len) == Some(EVENTS - 1);
    let cancelled = server.until(&list, ended).await;
    let delivery = cancelled["data"][0]["id"].as_str().expect("an id");
    let problem = server.post(&format!("/v1/deliveries/{delivery}/retry"), 409).await;
    assert_eq!(problem["code"], "webhook_gone");
    let problem = server.post(&format!("/v1/deliveries/{delivery}/cancel"), 409).await;
    assert_eq!(problem["code"], "already_ended");
    assert_eq!(receiver.arrived().len(), 1, "nothing more was sent");
}

#[tokio::test]
async fn a_changed_address_gets_the_next_attempt() {
    let server = Server::start();
    let (old, new) =
        (Scripted::start(Answer::Status(500)).await, Scripted::start(Answer::Status(200)).await);
    let more = json!({ "retry_delays_s": [0, SOON_S] });
    let (webhook, _) = server.webhook("Moved", &old.url, more).await;
    let delivery = server.publish_one(json!({})).await;
    old.wait_for(1).await;
    server.change(&webhook, json!({ "url": new.url })).await;
    let shown = server.until_status(&delivery, "delivered").await;
    assert_eq!(attempts(&shown), ["1 event rejected", "2 retry succeeded"]);
    assert_eq!((old.arrived().len(), new.arrived().len()), (1, 1));
    assert_eq!(old.arrived()[0].bytes, new.arrived()[0].bytes);
}

#[tokio::test]
async fn a_test_of_a_slow_receiver_answers_when_its_time_is_up() {
    let server = Server::start();
    let receiver = Scripted::start(Answer::Hold).await;
    let more = json!({ "timeout_ms": 1_000 });
    let (webhook, _) = server.webhook("Slow", &receiver.url, more).await;
    let tested = server.post(&format!("/v1/webhooks/{webhook}/test"), 200).await;
    assert_eq!((&tested["status"], &tested["trigger"]), (&json!("failed"), &json!("test")));
    assert_eq!(attempts(&tested), ["1 test timed_out"]);
    let arrived = receiver.arrived();
    assert_eq!(arrived[0].header("x-webhook-test"), "true");
    let shown = server.get(&format!("/v1/webhooks/{webhook}")).await;
    assert_eq!(shown["hits"], 0, "tests are not hits");
}

#[tokio::test]
async fn while_a_rotation_lasts_both_secrets_sign() {
    let server = Server::start();
    let receiver = Scripted::start(Answer::Hold).await;
    let (webhook, old) = server.webhook("Rotating", &receiver.url, Value::Null).await;
    let delivery = server.publish_one(json!({})).await;
    receiver.wait_for(1).await;

    let rotate = format!("/v1/webhooks/{webhook}/rotate-secret");
    let rotated = server.post(&rotate, 200).await;
    let new = rotated["secret"].as_str().expect("a secret").to_owned();
    assert_eq!(rotated["previous"]["secret"], old.as_str());
    receiver.answer(Answer::Status(200));
    server.post(&format!("/v1/deliveries/{delivery}/retry"), 202).await;
    let arrived = receiver.wait_for(2).await;
    verify(&arrived[0], &old, None);
    verify(&arrived[1], &new, Some(&old));
    verify(&arrived[1], &old, None);
    assert_eq!(arrived[1].header("webhook-signature").split(' ').count(), 2);

    let (status, rotated) = server.call("POST", &rotate, json!({ "overlap_s": 0 })).await;
    assert_eq!((status, &rotated["previous"]), (200, &Value::Null));
    server.post(&format!("/v1/deliveries/{delivery}/retry"), 202).await;
    let last = receiver.wait_for(3).await.remove(2);
    verify(&last, rotated["secret"].as_str().expect("a secret"), None);
    assert_eq!(last.header("x-webhook-signature-previous"), "");
    assert_eq!(last.header("webhook-signature").split(' ').count(), 1);
}

/// As a receiver would that knows `secret`: in the headers of Standard Webhooks any live secret
/// will do; the others are of the newest alone.
fn verify(arrived: &Arrived, secret: &str, previous: Option<&str>) {
    let since_1970 = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    let now = Timestamp::EPOCH.saturating_add(since_1970);
    let parse = |text: &str| Secret::parse(text).expect("a secret");
    let (secret, previous) = (parse(secret), previous.map(parse));
    let canonical = |text: &[u8]| canonicalise(text).ok().map(std::borrow::Cow::into_owned);
    let verifier = Verifier { previous: previous.as_ref(), ..Verifier::new(&secret, &canonical) };
    let headers: Vec<(&str, &str)> = arrived
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII")))
        .collect();
    let report = verifier.verify(now, &headers, &arrived.bytes);
    let verdict = report.verdict_of(SignatureName::WebhookSignature);
    assert_eq!(verdict, Verdict::Verified, "{report:?}");
    if previous.is_some() {
        assert!(report.is_verified(), "{report:?}");
    }
}

#[tokio::test]
async fn a_list_limits_what_a_webhook_gets() {
    let server = Server::start();
    let theirs = "pl_06a2b3c4d5e6g";
    let list = server.call("POST", "/v1/powerlists", json!({ "name": "Ours" })).await.1;
    let ours = list["id"].as_str().expect("an id");
    let limited = Scripted::start(Answer::Status(200)).await;
    let everything = Scripted::start(Answer::Status(200)).await;
    let more = json!({ "powerlist_id": ours });
    server.webhook("Limited", &limited.url, more).await;
    server.webhook("Everything", &everything.url, Value::Null).await;
    let lists = [
        (json!({ "powerlist_id": ours }), json!({}), 2),
        (json!({}), json!({ "powerlist_id": ours }), 2),
        (json!({}), json!({ "powelist_id": ours }), 2),
        (json!({ "powerlist_id": theirs }), json!({ "powerlist_id": ours }), 1),
        (json!({ "powerlist_id": theirs }), json!({}), 1),
        (json!({}), json!({ "contact": { "powerlist_id": ours } }), 1),
        (json!({}), json!({ "powerlist_id": "somebody else's list" }), 1),
        (json!({}), json!({}), 1),
    ];
    for (number, (beside, inside, expected)) in lists.iter().enumerate() {
        let mut event = json!({ "event": "call.ended", "data": inside });
        event["data"]["number"] = json!(number);
        let members = event.as_object_mut().expect("an object");
        members.extend(beside.as_object().expect("an object").clone());
        let (status, receipt) = server.call("POST", "/v1/events", event.clone()).await;
        assert_eq!((status, &receipt["deliveries"]), (202, &json!(expected)), "{event}");
    }
    everything.wait_for(lists.len()).await;
    assert_eq!(numbers(&limited.wait_for(3).await), BTreeSet::from([0, 1, 2]));
}

#[tokio::test]
async fn changed_bounds_take_effect_at_once() {
    const EVENTS: usize = 40;
    let server = Server::start();
    let receiver = Scripted::start(Answer::Hold).await;
    let more = json!({ "max_in_flight": 2 });
    let (webhook, _) = server.webhook("Bounded", &receiver.url, more).await;
    let event = |number| json!({ "event": "call.ended", "data": { "number": number } });
    server.publish_batch((0..EVENTS).map(event).collect()).await;
    receiver.wait_for(2).await;
    let list = format!("/v1/deliveries?webhook_id={webhook}&status=delivering");
    let listed =
        |count: usize| move |list: &Value| list["data"].as_array().map(Vec::len) == Some(count);
    server.until(&list, listed(2)).await;
    server.change(&webhook, json!({ "max_in_flight": 10 })).await;
    receiver.wait_for(10).await;
    server.until(&list, listed(10)).await;
    assert_eq!(receiver.arrived().len(), 10);

    // From now on at most 5 in an hour.
    server.change(&webhook, json!({ "rate_limit": { "count": 5, "per_s": LATE_S } })).await;
    receiver.answer(Answer::Status(200));
    receiver.wait_for(15).await;
    let list = format!("/v1/deliveries?webhook_id={webhook}&status=delivered");
    server.until(&list, listed(15)).await;
    assert_eq!(receiver.arrived().len(), 15);
}

#[tokio::test]
async fn a_rate_limit_that_is_taken_away_holds_nothing_back() {
    const EVENTS: usize = 20;
    let server = Server::start();
    let receiver = Scripted::start(Answer::Status(200)).await;
    let more = json!({ "rate_limit": { "count": 5, "per_s": LATE_S } });
    let (webhook, _) = server.webhook("Limited", &receiver.url, more).await;
    let event = |number| json!({ "event": "call.ended", "data": { "number": number } });
    server.publish_batch((0..EVENTS).map(event).collect()).await;
    receiver.wait_for(5).await;
    server.change(&webhook, json!({ "rate_limit": null })).await;
    assert_eq!(numbers(&receiver.wait_for(EVENTS).await).len(), EVENTS);
}

#[tokio::test]
async fn the_numbers_shown_are_those_of_what_was_sent() {
    const EVENTS: u64 = 60;
    let server = Server::start();
    let receiver = Scripted::start(Answer::AsTold).await;
    let more = json!({ "retry_delays_s": [0, 0] });
    let (webhook, _) = server.webhook("Counted", &receiver.url, more).await;
    // A third is refused, twice each.
    let event = |number| {
        let answer = if number % 3 == 0 { 500 } else { 200 };
        json!({ "event": "call.ended", "data": { "number": number, "answer": answer } })
    };
    server.publish_batch((0..EVENTS).map(event).collect()).await;
    let tested = server.post(&format!("/v1/webhooks/{webhook}/test"), 200).await;
    assert_eq!(tested["status"], "delivered");
    let refused = EVENTS / 3;
    let hits = EVENTS + refused;

    let path = format!("/v1/webhooks/{webhook}/endpoints");
    let endpoints = server
        .until(&path, |shown| shown["data"][0]["health"]["hits"].as_u64() >= Some(hits))
        .await;
    let health = &endpoints["data"][0]["health"];
    assert_eq!((&health["hits"], &health["pending"]), (&json!(hits), &json!(0)), "{health}");
    let rate = (EVENTS - refused) as f64 / hits as f64;
    assert!((health["success_rate"].as_f64().expect("a rate") - rate).abs() < 1e-9, "{health}");
    assert!(health["last_error"]["message"].as_str().is_some_and(|text| text.contains("500")));
    let shown = server.get(&format!("/v1/webhooks/{webhook}")).await;
    assert_eq!((&shown["hits"], &shown["last_hit_at"]), (&json!(hits), &health["last_hit_at"]));
    assert_eq!(receiver.arrived().len() as u64, hits + 1, "the test is a request, but no hit");

    for path in ["/v1/stats".to_owned(), format!("/v1/stats?webhook_id={webhook}")] {
        let stats = server.get(&path).await;
        let totals = &stats["totals"];
        let counted = |name: &str| totals[name].as_u64().expect("a number");
        assert_eq!(counted("events"), EVENTS, "{totals}");
        assert_eq!((counted("attempts"), counted("retries")), (hits, refused), "{totals}");
        assert_eq!(counted("delivered"), EVENTS - refused, "{totals}");
        assert_eq!(counted("failed"), refused, "{totals}");
        assert_eq!(totals["by_status_class"]["2xx"], EVENTS - refused);
        assert_eq!(totals["by_status_class"]["5xx"], 2 * refused);
        for name in ["events", "attempts", "delivered", "failed", "retries"] {
            let buckets = stats["buckets"].as_array().expect("a list").iter();
            let sum: u64 = buckets.map(|bucket| bucket[name].as_u64().expect("a number")).sum();
            assert_eq!(sum, counted(name), "{name}");
        }
    }
}

#[tokio::test]
async fn pages_of_a_filtered_log_are_complete_and_without_repetition() {
    const EVENTS: usize = 1_500;
    let server = Server::start();
    let receiver = Scripted::start(Answer::AsTold).await;
    let more = json!({ "retry_delays_s": [0], "max_in_flight": 16 });
    let (all, _) = server.webhook("All", &receiver.url, more.clone()).await;
    let mut ends_only = more;
    ends_only["events"] = json!(["call.ended"]);
    let (ends, _) = server.webhook("Ends", &receiver.url, ends_only).await;
    let event = |number: usize| {
        let name = if number.is_multiple_of(2) { "call.ended" } else { "call.started" };
        let answer = [200, 200, 404, 503][number / 2 % 4];
        json!({ "event": name, "data": { "number": number, "answer": answer } })
    };
    for batch in 0..EVENTS / 500 {
        server.publish_batch((batch * 500..(batch + 1) * 500).map(event).collect()).await;
    }
    let total = EVENTS + EVENTS / 2;
    receiver.wait_for(total).await;
    for (webhook, hits) in [(&all, EVENTS), (&ends, EVENTS / 2)] {
        server.until(&format!("/v1/webhooks/{webhook}"), |shown| shown["hits"] == hits).await;
    }

    let log = server.all("/v1/deliveries?limit=200").await;
    assert_eq!(log.len(), total);
    let ids: Vec<&str> = log.iter().map(|one| one["id"].as_str().expect("an id")).collect();
    assert!(ids.is_sorted_by(|newer, older| newer > older), "newest first, and none twice");
    let all_filter = format!("webhook_id={all}");
    let both_filter = format!("webhook_id={ends}&status=failed&status_code=503");
    type Wanted<'a> = Box<dyn Fn(&Value) -> bool + 'a>;
    let filters: BTreeMap<&str, Wanted<'_>> = BTreeMap::from([
        ("status=failed", Box::new(|one: &Value| one["status"] == "failed") as Wanted<'_>),
        ("status=pending", Box::new(|_: &Value| false)),
        ("status_code=404", Box::new(|one: &Value| one["last_attempt"]["status_code"] == 404)),
        ("event=call.started", Box::new(|one: &Value| one["event"] == "call.started")),
        (all_filter.as_str(), Box::new(|one: &Value| one["webhook_id"] == all.as_str())),
        (
            both_filter.as_str(),
            Box::new(|one: &Value| {
                one["webhook_id"] == ends.as_str()
                    && one["last_attempt"]["status_code"] == 503
                    && one["status"] == "failed"
            }),
        ),
    ]);
    for (filter, wanted) in &filters {
        let expected: Vec<&Value> = log.iter().filter(|one| wanted(one)).collect();
        for limit in [37, 200] {
            let found = server.all(&format!("/v1/deliveries?{filter}&limit={limit}")).await;
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter}, {limit} a page");
        }
    }
}
