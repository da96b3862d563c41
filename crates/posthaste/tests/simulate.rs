//! `posthaste simulate` and `posthaste demo`: what they post, how they end, and that they bear with
//! a server that is busy. Through the real binary on both sides.
#![expect(clippy::unwrap_used, reason = "a failed test panics, helper functions included")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use support::{Ran, Server, eventually, http, posthaste, run};

const START: &str = "2025-01-15T14:00:00Z";

fn signal(process: &Child, name: &str) {
    let kill = format!("kill -{name} {}", process.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Everything the test inbox holds.
fn received(url: &str) -> Vec<Value> {
    let mut requests = Vec::new();
    let mut since = 0;
    loop {
        let page = http("GET", &format!("{url}/inbox/requests?since={since}"), &[], b"").unwrap();
        let page = page.expect_success().json();
        requests.extend(page["data"].as_array().unwrap().iter().cloned());
        since = page["next_since"].as_u64().unwrap();
        if page["more"] == false {
            return requests;
        }
    }
}

#[test]
fn the_same_seed_and_start_print_the_same_events() {
    let print = |seed: &str| {
        let further = ["--seed", seed, "--start", START, "--count", "400"];
        run(&[&["simulate", "--dry-run"], &further[..]].concat()).expect_code(0)
    };
    let first = print("7");
    assert_eq!(first.lines().len(), 400);
    assert_eq!(first.stdout, print("7").stdout);
    assert_ne!(first.stdout, print("8").stdout);
    assert_eq!(first.lines()[0]["timestamp"], "2025-01-15T14:00:00.000Z");
}

#[test]
fn a_time_at_a_rate_is_a_number_of_events_and_the_powerlists_are_those_given() {
    let list = "pl_00zzzzzzzzzzz";
    let further = ["--for", "10s", "--rate", "30/s", "--powerlist", list];
    let lines = run(&[&["simulate", "--dry-run"], &further[..]].concat()).expect_code(0).lines();
    assert_eq!(lines.len(), 300);
    let lists: BTreeSet<&str> =
        lines.iter().filter_map(|line| line["powerlist_id"].as_str()).collect();
    assert_eq!(lists.into_iter().collect::<Vec<_>>(), [list]);
}

#[test]
fn what_makes_no_sense_is_wrong_usage() {
    for wrong in [
        &["--speed", "10", "--dry-run"][..],
        &["--count", "5", "--for", "1m"],
        &["--rate", "0"],
        &["--rate", "0.0001/s"],
        &["--powerlist", "list"],
    ] {
        run(&[&["simulate"], wrong].concat()).expect_code(2);
    }
}

#[test]
fn as_many_events_as_asked_for_are_posted_delivered_and_verified() {
    let server = Server::dev();
    let further = ["--count", "450", "--rate", "2000/s", "--seed", "3"];
    let ran = server.run(&[&["simulate"], &further[..]].concat()).expect_code(0);
    let summary = ran.json();
    assert_eq!(
        (&summary["events"], &summary["deliveries"]),
        (&json!(450), &json!(450)),
        "{summary}"
    );
    assert_eq!((&summary["seed"], &summary["refused_requests"]), (&json!(3), &json!(0)));
    assert!(ran.stderr.contains("seed 3"), "{}", ran.stderr);
    let received = eventually("all of it arrives", || {
        Some(received(&server.url)).filter(|received| received.len() >= 450)
    });
    assert_eq!(received.len(), 450);
    let of_header = |request: &Value, name: &str| {
        let mut headers = request["headers"].as_array().unwrap().iter();
        headers.find(|header| header[0] == name).unwrap()[1].as_str().unwrap().to_owned()
    };
    let mut ids = BTreeSet::new();
    let mut types = BTreeSet::new();
    for request in &received {
        assert_eq!(request["verdict"]["verdict"], "verified", "{request}");
        ids.insert(of_header(request, "webhook-id"));
        types.insert(of_header(request, "x-webhook-event"));
    }
    assert_eq!(ids.len(), 450);
    assert!(types.len() > 5, "{types:?}");
}

#[test]
fn ctrl_c_ends_it_and_says_what_was_posted() {
    let server = Server::dev();
    let mut command = server.command(&["simulate", "--rate", "200/s"]);
    let simulate = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("events arrive", || (received(&server.url).len() > 20).then_some(()));
    signal(&simulate, "INT");
    let summary = Ran::of(simulate.wait_with_output().unwrap()).expect_code(0).json();
    let posted = summary["events"].as_u64().unwrap();
    assert!(posted > 20, "{summary}");
    let mut accepted = 0;
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/v1/events?limit=200{cursor}"));
        accepted += page["data"].as_array().unwrap().len() as u64;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(accepted, posted, "what the server has is what was said");
}

#[test]
fn a_server_that_is_not_there_is_said_at_once() {
    let ran = run(&["simulate", "--count", "5", "--url", "http://127.0.0.1:9"]).expect_code(1);
    assert!(ran.stderr.contains("cannot be reached"), "{}", ran.stderr);
}

/// A request as a server sees it.
struct Asked {
    path: String,
    idempotency_key: Option<String>,
    body: String,
}

fn read_request(connection: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut asked = Asked { path: String::new(), idempotency_key: None, body: String::new() };
    let mut length = 0;
    for number in 0.. {
        let mut line = String::new();
        if connection.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        let line = line.trim_end();
        if number == 0 {
            asked.path = line.split(' ').nth(1).unwrap().to_owned();
        } else if line.is_empty() {
            break;
        } else if let Some((name, value)) = line.split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "idempotency-key" => asked.idempotency_key = Some(value.to_owned()),
                _ => {}
            }
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).unwrap();
    asked.body = String::from_utf8(body).unwrap();
    Some(asked)
}

/// A server that is full cannot be had on demand: this one says that it is, twice.
#[test]
fn a_busy_server_is_offered_the_same_again_when_it_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut posted: Vec<Asked> = Vec::new();
        while posted.len() < 3 {
            let mut connection = BufReader::new(listener.accept().unwrap().0);
            while let Some(asked) = read_request(&mut connection) {
                let is_batch = asked.path == "/v1/events/batch";
                posted.extend(is_batch.then_some(asked));
                let (status, header, body) = match (is_batch, posted.len()) {
                    (false, _) => ("404 Not Found", "", "{\"title\":\"not found\"}"),
                    (true, 1) => (
                        "503 Service Unavailable",
                        "retry-after: 1\r\n",
                        "{\"title\":\"full\",\"status\":503}",
                    ),
                    (true, 2) => (
                        "429 Too Many Requests",
                        "retry-after: 0\r\n",
                        "{\"title\":\"slowly\",\"status\":429}",
                    ),
                    (true, _) => ("202 Accepted", "", "{\"events\":[{\"deliveries\":2}]}"),
                };
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{header}content-length: {}\r\n\r\n{body}",
                    body.len()
                );
                connection.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        }
        posted
    });
    let ran = run(&["simulate", "--count", "1", "--url", &url]).expect_code(0);
    let summary = ran.json();
    let counts = ["events", "deliveries", "refused_requests"].map(|name| summary[name].clone());
    assert_eq!(counts, [json!(1), json!(2), json!(2)], "{summary}");
    assert!(ran.stderr.contains("full; again in 1 s"), "{}", ran.stderr);
    let posted = server.join().unwrap();
    assert!(posted[0].idempotency_key.is_some());
    for again in &posted[1..] {
        assert_eq!(again.idempotency_key, posted[0].idempotency_key);
        assert_eq!(again.body, posted[0].body);
    }
}

/// A demonstration under way. Killed when it is dropped.
struct Demo {
    child: Child,
    url: String,
    key: String,
}

impl Demo {
    fn start(data: &Path) -> Demo {
        let mut command =
            posthaste(&["demo", "--listen", "127.0.0.1:0", "--rate", "40/s", "--data"]);
        command.arg(data).stdout(Stdio::piped()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let mut demo = Demo { child, url: String::new(), key: String::new() };
        let mut printed = Vec::new();
        let lines = BufReader::new(demo.child.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            if let Some(url) = line.strip_prefix("listening on ") {
                demo.url = url.to_owned();
                break;
            }
            printed.push(line);
        }
        assert!(printed.iter().any(|line| line.contains("/sign-in#")), "{printed:?}");
        assert!(!demo.url.is_empty(), "it ended before it was ready: {printed:?}");
        let key = std::fs::read_to_string(data.join("dev-key")).unwrap();
        demo.key = key.trim().to_owned();
        demo
    }

    fn get(&self, path: &str) -> Value {
        let authorization = format!("Bearer {}", self.key);
        let headers = [("authorization", authorization.as_str())];
        let answer = http("GET", &format!("{}{path}", self.url), &headers, b"").unwrap();
        answer.expect_success().json()
    }

    fn webhook(&self, title: &str) -> Value {
        let webhooks = self.get("/v1/webhooks");
        let mut webhooks = webhooks["data"].as_array().unwrap().iter();
        webhooks.find(|webhook| webhook["title"] == title).unwrap().clone()
    }

    #[track_caller]
    fn stop(mut self, name: &str) {
        signal(&self.child, name);
        let status = eventually("it ends", || self.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
        let answer = http("GET", &format!("{}/healthz", self.url), &[], b"");
        assert!(answer.is_err(), "something still answers");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_demonstration_has_receivers_of_every_temper_and_can_be_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    assert_eq!(demo.get("/v1/webhooks")["data"].as_array().unwrap().len(), 6);
    assert_eq!(demo.webhook("Data warehouse")["status"], "paused");
    let delivered = |title: &str, query: &str| {
        let id = demo.webhook(title)["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/deliveries?webhook_id={id}&{query}");
        let is_there = || {
            let found = demo.get(&path);
            found["data"].as_array().unwrap().first().cloned()
        };
        eventually(&format!("{title}: {query}"), is_there)
    };
    delivered("CRM Integration", "status=delivered");
    delivered("Analytics Sync", "status=delivered");
    delivered("Billing", "status=delivered");
    delivered("Billing", "status_code=500");
    delivered("Old dialer", "status=retrying");
    eventually("a 410 disables", || {
        (demo.webhook("Retired automation")["status"] == "disabled").then_some(())
    });
    // A paused one has none: what waits for it is its backlog.
    assert_eq!(demo.webhook("Data warehouse")["hits"], 0);
    let first = demo.webhook("CRM Integration");
    demo.stop("TERM");

    let demo = Demo::start(folder.path());
    assert_eq!(demo.get("/v1/webhooks")["data"].as_array().unwrap().len(), 6);
    let again = demo.webhook("CRM Integration");
    assert_eq!(again["id"], first["id"]);
    assert!(again["url"].as_str().unwrap().starts_with(&demo.url), "{again}");
    let before = first["hits"].as_u64();
    eventually("it goes on", || {
        (demo.webhook("CRM Integration")["hits"].as_u64() > before).then_some(())
    });
    demo.stop("INT");
}
