//! Contacts in, through the real binary: posted as a form by real HTTP, stored, told of to who wants
//! to know, not lost by kill -9, and not sent round for ever.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use posthaste_core::secret::Secret;
use posthaste_core::time::Timestamp;
use posthaste_core::verify::Verifier;
use serde_json::{Value, json};

use crate::scripted::{Answer, Arrived, Scripted};
use crate::server::{Server, bearer};

const FORM: &str = "application/x-www-form-urlencoded";
const KILLS: usize = 5;
const PRODUCERS: usize = 4;

/// Sends as a key that names an account.
async fn call(server: &Server, account: &str, method: &str, path: &str, body: Value) -> Value {
    let url = format!("{}{path}", server.base());
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let authorization = bearer();
    let headers = [("authorization", authorization.as_str()), ("posthaste-account", account)];
    let (status, answer) = server.http.send(method, &url, &headers, text).await;
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
    answer
}

/// A list, and the inbound webhook that fills it; answers both.
async fn inbound(server: &Server, account: &str, mapping: Value) -> (String, Value) {
    let list = json!({ "name": "Prospects" });
    let list = call(server, account, "POST", "/v1/powerlists", list).await;
    let list = list["id"].as_str().expect("an id").to_owned();
    let hook = json!({
        "direction": "inbound",
        "title": "CRM",
        "powerlist_id": list,
        "events": ["contact", "contact.delete"],
        "mapping": mapping,
        "rate_limit": { "count": 1_000_000, "per_s": 1 },
    });
    let hook = call(server, account, "POST", "/v1/webhooks", hook).await;
    (list, hook)
}

fn path(hook: &Value, endpoint: usize) -> &str {
    hook["endpoints"][endpoint]["path"].as_str().expect("a path")
}

async fn outbound(server: &Server, account: &str, url: &str, list: &str) -> Value {
    let hook = json!({
        "title": "Out",
        "url": url,
        "events": ["contact", "contact.delete"],
        "powerlist_id": list,
        "retry_delays_s": [0],
    });
    call(server, account, "POST", "/v1/webhooks", hook).await
}

#[track_caller]
fn verify(arrived: &Arrived, secret: &str) {
    let secret = Secret::parse(secret).expect("ours");
    let headers: Vec<(String, String)> = arrived
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().expect("ASCII").to_owned()))
        .collect();
    let as_it_is = |_: &[u8]| None;
    let signed_at = arrived.header("webhook-timestamp").parse::<i64>().expect("seconds");
    let now = Timestamp::from_millis(signed_at * 1_000);
    let report = Verifier::new(&secret, &as_it_is).verify(now, &headers, &arrived.bytes);
    assert!(report.is_verified(), "{report:?}");
}

#[tokio::test]
async fn a_posted_form_is_a_contact_and_an_event_that_verifies() {
    let server = Server::start();
    let receiver = Scripted::start(Answer::Status(200)).await;
    let (list, hook) = inbound(&server, "default", json!({})).await;
    let out = outbound(&server, "default", &receiver.url, &list).await;
    let post = async |endpoint: usize, form: &str| {
        let url = format!("{}{}", server.base(), path(&hook, endpoint));
        let (status, answer) =
            server.http.send("POST", &url, &[("content-type", FORM)], form.to_owned()).await;
        assert_eq!(status, 200, "{answer}");
        answer["data"].clone()
    };
    let form = "phone_number=%28202%29+555-0187&first_name=Maria&wayan_cf=42";
    let made = post(0, form).await;
    assert_eq!(made["operation"], "created");
    assert_eq!(post(0, form).await["operation"], "none", "which tells nobody anything");
    assert_eq!(post(1, "phone=2025550187").await["operation"], "deleted");

    let arrived = receiver.wait_for(2).await;
    let [told, gone] = arrived.as_slice() else { panic!("{} requests", arrived.len()) };
    let (told, gone) = if told.body["event"] == "contact" { (told, gone) } else { (gone, told) };
    assert_eq!(told.body["event"], "contact");
    assert_eq!(told.body["data"]["contact_id"], made["contact_id"]);
    assert_eq!(told.body["data"]["operation"], "created");
    assert_eq!(told.body["data"]["phone_number"], "+12025550187");
    assert_eq!(told.body["data"]["powerlist_name"], "Prospects");
    assert_eq!(told.body["data"]["custom_fields"], json!({ "wayan_cf": "42" }));
    assert_eq!(gone.body["event"], "contact.delete");
    for arrived in [told, gone] {
        assert_eq!(arrived.header("x-webhook-hops"), "1");
        verify(arrived, out["secret"].as_str().expect("a secret"));
    }
    let id = hook["id"].as_str().expect("an id");
    let shown = call(&server, "default", "GET", &format!("/v1/webhooks/{id}"), Value::Null).await;
    assert_eq!(shown["hits"], 3);
}

/// One life of the server: producers post contacts until it is killed. Adds the numbers of those
/// that were acknowledged.
async fn load_until_killed(
    server: &Server,
    url: &str,
    next: &Arc<Mutex<u64>>,
    life: Duration,
    acknowledged: &Arc<Mutex<BTreeSet<String>>>,
) {
    // The first number that a process reads makes it load the tables of numbers, which takes longer
    // than a life in a build that is not optimised.
    let warm = json!({ "phone_number": "+12025550100" }).to_string();
    assert_eq!(server.http.send("POST", url, &[], warm).await.0, 200);
    let mut producers = tokio::task::JoinSet::new();
    for _ in 0..PRODUCERS {
        let (http, url, next) = (server.http.clone(), url.to_owned(), next.clone());
        let acknowledged = acknowledged.clone();
        producers.spawn(async move {
            loop {
                let number = {
                    let mut next = next.lock();
                    *next += 1;
                    format!("+1202{:07}", 2_000_000 + *next)
                };
                let body = json!({ "phone_number": number }).to_string();
                match http.try_send("POST", &url, &[], body).await {
                    Ok((200, _)) => drop(acknowledged.lock().insert(number)),
                    Ok((status, answer)) => panic!("{status}: {answer}"),
                    // Killed.
                    Err(_) => return,
                }
            }
        });
    }
    // Not a wait for anything: it is how long there is load.
    tokio::time::sleep(life).await;
    server.kill();
    while let Some(ended) = producers.join_next().await {
        ended.expect("producers do not panic");
    }
}

/// Between the commit of a contact and the event that it raises lies another file: whatever was
/// killed in between is raised at the next start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_contact_that_was_acknowledged_is_told_of_whatever_was_killed() {
    let mut server = Server::start();
    let receiver = Scripted::start(Answer::Status(200)).await;
    let (list, hook) = inbound(&server, "default", json!({})).await;
    outbound(&server, "default", &receiver.url, &list).await;
    let (next, acknowledged) = (Arc::default(), Arc::default());
    for kill in 0..KILLS {
        let url = format!("{}{}", server.base(), path(&hook, 0));
        let life = Duration::from_millis(80 + 40 * kill as u64);
        load_until_killed(&server, &url, &next, life, &acknowledged).await;
        server = server.kill_and_restart();
    }
    let acknowledged = acknowledged.lock().clone();
    assert!(acknowledged.len() > KILLS, "there was load: {}", acknowledged.len());
    let told = |arrived: &[Arrived]| -> BTreeSet<String> {
        let numbers = arrived.iter().map(|one| one.body["data"]["phone_number"].clone());
        numbers.filter_map(|number| number.as_str().map(str::to_owned)).collect()
    };
    let mut wanted = acknowledged.len();
    loop {
        let arrived = receiver.wait_for(wanted).await;
        if acknowledged.is_subset(&told(&arrived)) {
            break;
        }
        wanted = arrived.len() + 1;
    }
    // No event twice: what came again is the same event, under its own id.
    let arrived = receiver.arrived();
    let events: BTreeSet<&str> = arrived.iter().map(|one| one.header("webhook-id")).collect();
    assert_eq!(events.len(), told(&arrived).len());
}

#[tokio::test]
async fn a_contact_that_goes_round_between_two_accounts_stops() {
    let server = Server::start_with(&["127.0.0.1", "localhost"]);
    call(&server, "default", "POST", "/v1/accounts", json!({ "name": "other" })).await;
    // The time of each event makes a difference, so that it would go on.
    let mapping = json!({ "custom_fields.told_at": "timestamp" });
    let (list_a, hook_a) = inbound(&server, "default", mapping.clone()).await;
    let (list_b, hook_b) = inbound(&server, "other", mapping).await;
    // By another name, or it would be refused when it is saved.
    let base = server.base().replace("127.0.0.1", "localhost");
    let watch = Scripted::start(Answer::Status(200)).await;
    outbound(&server, "default", &watch.url, &list_a).await;
    outbound(&server, "other", &watch.url, &list_b).await;
    outbound(&server, "default", &format!("{base}{}", path(&hook_b, 0)), &list_a).await;
    outbound(&server, "other", &format!("{base}{}", path(&hook_a, 0)), &list_b).await;

    let contact = json!({ "phone_number": "+12025550187", "timestamp": "2025-01-15T14:30:25Z" });
    let url = format!("{}{}", server.base(), path(&hook_a, 0));
    let (status, answer) = server.http.send("POST", &url, &[], contact.to_string()).await;
    assert_eq!(status, 200, "{answer}");

    let arrived = watch.wait_for(6).await;
    let hops: BTreeSet<&str> = arrived.iter().map(|one| one.header("x-webhook-hops")).collect();
    assert_eq!(hops, BTreeSet::from(["1", "2", "3", "4", "5", "6"]));
    let id = hook_a["id"].as_str().expect("an id");
    let path = format!("/v1/webhooks/{id}/requests?verdict=loop");
    let looped = async {
        loop {
            let found = call(&server, "default", "GET", &path, Value::Null).await;
            if found["data"].as_array().is_some_and(|requests| !requests.is_empty()) {
                return;
            }
        }
    };
    tokio::time::timeout(crate::PATIENCE, looped).await.expect("it is stopped and said so");
    assert_eq!(watch.arrived().len(), 6);

    let own = json!({ "title": "Own", "url": url, "events": ["*"] });
    let (status, refused) = server.call("POST", "/v1/webhooks", own).await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!("/url")), "{refused}");
}
