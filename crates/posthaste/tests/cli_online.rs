//! Every verb that talks to a server, against a real one. Through the real binary on both sides.
#![expect(clippy::unwrap_used, reason = "a failed test panics, helper functions included")]

mod support;

use serde_json::{Value, json};
use support::{KEY, Options, Ran, Server, eventually, http, posthaste, run, run_with_stdin};

fn inbox(server: &Server) -> String {
    format!("{}/inbox/receive", server.url)
}

/// A URL of this machine at which nobody listens.
const NOBODY: &str = "http://127.0.0.1:9/";

fn add_webhook(server: &Server, title: &str, url: &str, further: &[&str]) -> Value {
    let mut arguments = vec!["webhook", "add", title, "--url", url];
    arguments.extend(further);
    server.run(&arguments).expect_code(0).json()
}

/// Takes the test inbox's own webhook out of the way of what a test counts.
fn without_test_inbox(server: &Server) {
    let webhooks = server.run(&["webhook", "ls"]).expect_code(0).lines();
    for webhook in webhooks {
        let id = webhook["id"].as_str().unwrap();
        server.run(&["webhook", "rm", id, "--yes"]).expect_code(0);
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

#[test]
fn try_verifies_every_signature_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = posthaste(&["try"]);
    command.env("TMPDIR", folder.path()).current_dir(folder.path());
    let rows = Ran::of(command.output().unwrap()).expect_code(0).lines();
    assert_eq!(rows.len(), 18);
    for row in &rows {
        assert_eq!((text(row, "status"), text(row, "verdict")), ("delivered", "verified"), "{row}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn try_shows_people_a_table_and_how_to_go_on() {
    let tried = run(&["try", "-o", "table", "--color", "never"]).expect_code(0);
    let last = tried.stdout.lines().last().unwrap_or_default();
    let words: Vec<&str> = last.split_whitespace().collect();
    assert_eq!(words, ["contact.delete", "delivered", "✓", "✓", "✓", "✓"]);
    assert!(tried.stderr.contains("18 events of 18 types delivered and verified"));
    assert!(tried.stderr.contains("posthaste serve --dev"));
}

#[test]
fn a_dev_server_says_everything_that_is_needed_to_post_an_event() {
    let server = Server::dev();
    let printed = server.output.lock().unwrap().clone();
    assert!(printed.contains(KEY), "{printed}");
    assert!(printed.contains(&format!("{}/inbox", server.url)), "{printed}");
    // The command is there to be copied: so it is copied.
    let start = printed.find("  curl ").unwrap();
    // It is indented; a line of the log, which is another stream, may come in between.
    let lines = printed[start..].lines().filter(|line| line.starts_with("  "));
    let command = lines.collect::<Vec<_>>().join("\n");
    let ran = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
    let receipt: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(receipt["deliveries"], 1, "{receipt}");
    let arrived = eventually("the event is in the inbox", || {
        let inbox = server.get("/inbox/requests");
        inbox["data"].as_array().unwrap().first().cloned()
    });
    assert_eq!(arrived["verdict"]["verdict"], "verified", "{arrived}");
}

#[test]
fn a_webhook_is_added_looked_at_changed_and_deleted() {
    let server = Server::dev();
    without_test_inbox(&server);
    let further =
        ["--event", "call.ended,sms.*", "--header", "x-team: calls", "--timeout-ms", "2000"];
    let added = add_webhook(&server, "CRM", &inbox(&server), &further);
    assert!(text(&added, "secret").starts_with("whsec_"));
    assert_eq!(added["events"], json!(["call.ended", "sms.*"]));
    assert_eq!(added["headers"], json!({"x-team": "calls"}));
    let number = added["number"].to_string();
    let id = text(&added, "id");

    for name in [id, &number, &format!("#{number}")] {
        let shown = server.run(&["webhook", "show", name]).expect_code(0).json();
        assert_eq!(shown["id"], added["id"]);
    }
    let edited = server
        .run(&["webhook", "edit", &number, "--title", "New", "--rate-limit", "5/1"])
        .expect_code(0)
        .json();
    assert_eq!((text(&edited, "title"), &edited["rate_limit"]["count"]), ("New", &json!(5)));
    let paused = server.run(&["webhook", "pause", &number]).expect_code(0).json();
    assert_eq!(text(&paused, "status"), "paused");
    let resumed = server.run(&["webhook", "resume", &number]).expect_code(0).json();
    assert_eq!(text(&resumed, "status"), "enabled");

    let ids = server.run(&["webhook", "ls", "-o", "id"]).expect_code(0).stdout;
    assert_eq!(ids.trim(), id);
    let table = server.run(&["webhook", "ls", "-o", "table"]).expect_code(0).stdout;
    assert!(table.contains("TITLE") && table.contains("New"), "{table}");

    server.run(&["webhook", "edit", &number]).expect_code(2);
    server.run(&["webhook", "rm", &number]).expect_code(2);
    server.run(&["webhook", "rm", &number, "--yes"]).expect_code(0);
    server.run(&["webhook", "show", &number]).expect_code(3);
    server.run(&["webhook", "show", id]).expect_code(3);
}

#[test]
fn a_webhook_that_cannot_be_is_refused_with_its_field() {
    let server = Server::dev();
    let refused = server
        .run(&["webhook", "add", "Bad", "--url", "http://10.1.2.3/", "--event", "*"])
        .expect_code(1);
    assert!(refused.stderr.contains("/url"), "{}", refused.stderr);
    let arguments = ["webhook", "add", "Bad", "--url", "https://a.test/", "-o", "json"];
    let problem = server.run(&arguments).expect_code(1).stderr;
    let problem: Value = serde_json::from_str(problem.trim()).unwrap();
    assert_eq!(problem["errors"][0]["pointer"], "/events", "{problem}");
}

#[test]
fn secrets_are_shown_and_rotated_and_both_verify() {
    let server = Server::dev();
    let added = add_webhook(&server, "CRM", &inbox(&server), &["--event", "call.ended"]);
    let id = text(&added, "id");
    let secret = server.run(&["webhook", "secret", id, "-o", "id"]).expect_code(0).stdout;
    assert_eq!(secret.trim(), text(&added, "secret"));
    let rotated =
        server.run(&["webhook", "rotate-secret", id, "--overlap", "1h"]).expect_code(0).json();
    assert_eq!(rotated["previous"]["secret"], added["secret"]);
    assert_ne!(rotated["secret"], added["secret"]);
    let tested = server.run(&["webhook", "test", id]).expect_code(0).json();
    assert_eq!(text(&tested, "status"), "delivered");
    let requests = server.get("/inbox/requests");
    let newest = requests["data"].as_array().unwrap().last().unwrap().clone();
    let captured: String = newest["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| format!("{}: {}\n", pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
        .collect();
    let headers = server.data().join("headers.txt");
    std::fs::write(&headers, captured).unwrap();
    // What the inbox got, verified by hand: with the new secret and with the old one.
    for (current, previous, code) in [
        (text(&rotated, "secret"), Some(text(&added, "secret")), 0),
        (text(&rotated, "secret"), None, 0),
        (text(&added, "secret"), None, 1),
    ] {
        let mut command = posthaste(&["verify", "--secret", current, "--headers"]);
        command.arg(&headers);
        command.args(previous.iter().flat_map(|secret| ["--previous-secret", secret]));
        let verified = run_with_stdin(command, text(&newest, "body").as_bytes());
        let verdict = verified.expect_code(code).json();
        if code == 1 {
            assert_eq!(text(&verdict, "reason"), "sender_has_newer_secret", "{verdict}");
        }
    }
}

#[test]
fn a_test_says_how_it_went() {
    let server = Server::dev();
    let good = add_webhook(&server, "Good", &inbox(&server), &["--event", "call.ended"]);
    let bad = add_webhook(&server, "Bad", NOBODY, &["--event", "call.ended"]);
    let arguments =
        ["webhook", "test", text(&good, "id"), "call.ended", "-d", "{\"call_id\":\"c\"}"];
    let tested = server.run(&arguments).expect_code(0).json();
    assert_eq!(text(&tested, "trigger"), "test");
    let table = server.run(&["webhook", "test", text(&bad, "id"), "-o", "table"]).expect_code(5);
    assert!(table.stdout.contains("unreachable"), "{}", table.stdout);
}

#[test]
fn send_waits_for_delivery_and_tells_failure_by_its_exit_code() {
    let server = Server::dev();
    without_test_inbox(&server);
    let data = ["-d", "{\"call_id\":\"c_1\"}"];
    add_webhook(&server, "Good", &inbox(&server), &["--event", "call.ended"]);
    let once = ["--event", "call.answered", "--retry-delays-s", "0"];
    add_webhook(&server, "Bad", NOBODY, &once);
    add_webhook(&server, "Slow", NOBODY, &["--event", "call.started"]);
    let send = |event: &str, further: &[&str]| {
        let mut arguments = vec!["send", event];
        arguments.extend(data);
        arguments.extend(further);
        server.run(&arguments)
    };
    let receipt = send("call.ended", &["--wait"]).expect_code(0).json();
    assert_eq!(receipt["deliveries"], 1);
    let failed = send("call.answered", &["--wait"]).expect_code(5);
    assert!(failed.stderr.contains("failed"), "{}", failed.stderr);
    send("call.started", &["--wait", "--timeout", "1s"]).expect_code(6);
    let one = send("call.ended", &["--idempotency-key", "k1"]).expect_code(0).json();
    let other = send("call.ended", &["--idempotency-key", "k1"]).expect_code(0).json();
    assert_eq!(one["id"], other["id"]);
    let refused = server.run(&["send", "call.ended", "-d", "{\"n\":12345678901234567890}"]);
    assert!(refused.expect_code(1).stderr.contains("/data/n"));
    let piped = server.command(&["send", "call.ended", "-d", "-"]);
    run_with_stdin(piped, b"{\"call_id\":\"c_2\"}\n").expect_code(0);
}

#[test]
fn trigger_changes_the_sample_and_repeats_it() {
    let server = Server::dev();
    without_test_inbox(&server);
    let webhook = add_webhook(&server, "Good", &inbox(&server), &["--event", "call.ended"]);
    let set = ["--set", "data.call_duration=5", "--set", "call_id=mine", "--remove", "data.tags"];
    let mut arguments = vec!["trigger", "call.ended", "--count", "3", "--rate", "50/s", "--wait"];
    arguments.extend(set);
    let receipts = server.run(&arguments).expect_code(0).lines();
    assert_eq!(receipts.len(), 3);
    let event = server.get(&format!("/v1/events/{}", text(&receipts[0], "id")));
    assert_eq!(event["data"]["call_duration"], 5);
    assert_eq!(event["data"]["call_id"], "mine");
    assert!(event["data"].get("tags").is_none(), "{event}");
    let to = ["trigger", "call.ended", "--to", text(&webhook, "id")];
    let tested = server.run(&to).expect_code(0).json();
    assert_eq!(text(&tested, "trigger"), "test");
    server.run(&["trigger", "call.imagined"]).expect_code(3);
}

#[test]
fn deliveries_are_listed_looked_into_tried_again_and_cancelled() {
    let server = Server::dev();
    without_test_inbox(&server);
    let bad = add_webhook(&server, "Bad", NOBODY, &["--event", "call.ended"]);
    let good = add_webhook(&server, "Good", &inbox(&server), &["--event", "sms.sent"]);
    server.run(&["trigger", "sms.sent", "--wait"]).expect_code(0);
    server.run(&["trigger", "call.ended"]).expect_code(0);
    let retrying = eventually("the delivery is recorded", || {
        let listed = server.run(&["delivery", "ls", "--status", "retrying", "--since", "1h"]);
        listed.expect_code(0).lines().first().cloned()
    });
    assert_eq!(retrying["webhook_id"], bad["id"]);
    let id = text(&retrying, "id");

    let number = format!("#{}", good["number"]);
    let delivered = server.run(&["delivery", "ls", "--webhook", &number]).expect_code(0).json();
    assert_eq!(text(&delivered, "status"), "delivered");
    let table = server.run(&["delivery", "ls", "-o", "table"]).expect_code(0).stdout;
    assert!(table.contains("retrying") && table.contains("delivered"), "{table}");

    let shown = server.run(&["delivery", "show", id, "-o", "table"]).expect_code(0).stdout;
    assert!(shown.contains("attempt 1") && shown.contains("unreachable"), "{shown}");
    let timeline = ["delivery", "show", text(&delivered, "id"), "--timeline", "-o", "table"];
    let timeline = server.run(&timeline).expect_code(0).stdout;
    assert!(timeline.contains("in all"), "{timeline}");

    server.run(&["delivery", "retry", id]).expect_code(0);
    eventually("the manual attempt is there", || {
        let shown = server.get(&format!("/v1/deliveries/{id}"));
        (shown["attempts"].as_array().unwrap().len() == 2).then_some(())
    });
    let cancelled = server.run(&["delivery", "cancel", id]).expect_code(0).json();
    assert_eq!(text(&cancelled, "status"), "cancelled");
    server.run(&["delivery", "cancel", id]).expect_code(1);
    server.run(&["delivery", "show", "dlv_0000000000000"]).expect_code(3);
}

#[test]
fn the_curl_command_of_a_delivery_is_accepted_by_its_receiver() {
    let server = Server::dev();
    server.run(&["trigger", "call.ended", "--wait"]).expect_code(0);
    let delivery = server.run(&["delivery", "ls", "-o", "id"]).expect_code(0).stdout;
    let curl = server.run(&["delivery", "show", delivery.trim(), "--curl"]).expect_code(0).stdout;
    let ran = std::process::Command::new("sh").args(["-c", &curl]).output().unwrap();
    assert!(String::from_utf8_lossy(&ran.stdout).starts_with("HTTP/1.1 200"), "{curl}");
    let requests = server.get("/inbox/requests");
    let requests = requests["data"].as_array().unwrap();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0]["body"], requests[1]["body"]);
    assert_eq!(requests[1]["verdict"]["verdict"], "verified", "{}", requests[1]);
}

#[test]
fn numbers_and_health_count_what_was_sent() {
    let server = Server::dev();
    without_test_inbox(&server);
    let webhook = add_webhook(&server, "Good", &inbox(&server), &["--event", "call.ended"]);
    server.run(&["trigger", "call.ended", "--count", "3", "--wait"]).expect_code(0);
    let stats = server.run(&["stats", "--webhook", text(&webhook, "id"), "--last", "1h"]);
    assert_eq!(stats.expect_code(0).json()["totals"]["delivered"], 3);
    let table = server.run(&["stats", "-o", "table"]).expect_code(0).stdout;
    assert!(table.contains("P95 MS"), "{table}");
    let endpoint = server.run(&["webhook", "endpoints", text(&webhook, "id")]).expect_code(0);
    assert_eq!(endpoint.json()["health"]["hits"], 3);
}

#[test]
fn the_catalogue_is_shown() {
    let server = Server::dev();
    let names = server.run(&["event-type", "ls", "-o", "id"]).expect_code(0).stdout;
    assert!(names.lines().any(|name| name == "call.ended"), "{names}");
    let shown = server.run(&["event-type", "show", "call.ended", "-o", "table"]).expect_code(0);
    assert!(shown.stdout.contains("call_duration"), "{}", shown.stdout);
    server.run(&["event-type", "show", "call.imagined"]).expect_code(3);
}

#[test]
fn a_key_may_do_what_its_role_says_until_it_is_removed() {
    let server = Server::dev();
    let key = server.run(&["key", "add", "reader", "--role", "read"]).expect_code(0).json();
    let with_key = |arguments: &[&str]| {
        let mut command = server.command(arguments);
        Ran::of(command.env("PH_KEY", text(&key, "key")).output().unwrap())
    };
    with_key(&["webhook", "ls"]).expect_code(0);
    with_key(&["send", "call.ended"]).expect_code(4);
    let hints = server.run(&["key", "ls", "-o", "jsonl"]).expect_code(0).stdout;
    assert!(hints.contains("reader") && !hints.contains(text(&key, "key")), "{hints}");
    let platform = server.run(&["key", "ls", "--platform"]).expect_code(0).lines();
    assert!(platform.iter().all(|key| key["role"] == "platform") && !platform.is_empty());
    server.run(&["key", "rm", text(&key, "id"), "--yes"]).expect_code(0);
    with_key(&["webhook", "ls"]).expect_code(4);
}

#[test]
fn accounts_are_apart() {
    let server = Server::dev();
    let account = server.run(&["account", "add", "acme"]).expect_code(0).json();
    assert_eq!(text(&account, "name"), "acme");
    let names = server.run(&["account", "ls"]).expect_code(0).lines();
    assert_eq!(names.len(), 2);
    let theirs = server.run(&["webhook", "ls", "--account", "acme"]).expect_code(0).lines();
    assert!(theirs.is_empty(), "{theirs:?}");
    server.run(&["account", "add", "acme"]).expect_code(1);
}

#[test]
fn users_are_invited_let_in_again_and_removed() {
    let server = Server::start(Options::default());
    let invite = ["user", "invite", "Ann@Example.com", "--role", "viewer"];
    let ann = server.run(&invite).expect_code(0).json();
    assert_eq!((text(&ann, "email"), text(&ann, "name")), ("ann@example.com", "Ann"));
    let follow = |link: &Value| {
        let (base, token) = text(link, "url").split_once("/sign-in#link=").unwrap();
        assert_eq!(base, server.url);
        let body = json!({ "token": token }).to_string();
        let headers = [("content-type", "application/json")];
        let url = format!("{base}/v1/session/link");
        http("POST", &url, &headers, body.as_bytes()).unwrap()
    };
    let session = follow(&ann["link"]).expect_success().json();
    assert_eq!(session["user"]["id"], ann["id"]);
    assert_eq!(follow(&ann["link"]).status, 401, "used up");
    for name in ["ann@example.com", text(&ann, "id")] {
        let link = server.run(&["user", "link", name]).expect_code(0).json();
        follow(&link).expect_success();
    }
    server.run(&["user", "link", "nobody@example.com"]).expect_code(3);
    server.run(&["user", "invite", "ann@example.com"]).expect_code(1);
    server.run(&["user", "invite", "not an address"]).expect_code(1);
    let table = server.run(&["user", "ls", "-o", "table"]).expect_code(0).stdout;
    assert!(table.contains("EMAIL") && table.contains("ann@example.com"), "{table}");
    server.run(&["user", "rm", "ann@example.com"]).expect_code(2);
    server.run(&["user", "rm", "ann@example.com", "--yes"]).expect_code(0);
    assert!(server.run(&["user", "ls"]).expect_code(0).stdout.is_empty());
}

#[test]
fn the_doctor_finds_a_server_and_its_key() {
    let server = Server::dev();
    let findings = server.run(&["doctor", "--name", "localhost"]).expect_code(0).lines();
    let status = |name: &str| {
        let finding = findings.iter().find(|finding| finding["name"] == name);
        text(finding.unwrap_or_else(|| panic!("no {name}")), "status").to_owned()
    };
    for name in ["settings", "names", "TLS roots", "clock", "egress", "server", "key"] {
        assert_eq!(status(name), "ok", "{name}");
    }
    assert_ne!(status("disk"), "fail");
    let mut command = server.command(&["doctor", "--name", "localhost", "-o", "table"]);
    command.env("PH_KEY", "phk_not_a_key_of_this_server_at_all");
    let failed = Ran::of(command.output().unwrap()).expect_code(1);
    assert!(failed.stdout.contains("✗ fail key"), "{}", failed.stdout);
}

#[test]
fn a_key_that_was_made_is_printed_once() {
    let options = Options {
        environment: vec![("POSTHASTE_API_KEY".to_owned(), String::new())],
        ..Options::default()
    };
    let mut server = Server::start(options);
    let printed = server.output.lock().unwrap().clone();
    let key: String = {
        let start = printed.find("phk_").expect("a key was printed");
        printed[start..].split_whitespace().next().unwrap().to_owned()
    };
    let authorization = format!("Bearer {key}");
    let list = |server: &Server| {
        let url = format!("{}/v1/webhooks", server.url);
        http("GET", &url, &[("authorization", &authorization)], b"").unwrap().status
    };
    assert_eq!(list(&server), 200);
    server.stop();
    server.restart();
    assert!(!server.output.lock().unwrap().contains("phk_"));
    assert_eq!(list(&server), 200, "the key is still good");
}

#[test]
fn the_key_of_a_dev_server_is_kept_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let mut server = Server::dev();
    let path = server.data().join("dev-key");
    assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), KEY);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    server.stop();
    server.restart();
    assert!(server.output.lock().unwrap().contains(KEY), "printed at every start");
    // The port is another one; the test inbox moved along, and there is still one of it.
    let webhook = server.run(&["webhook", "ls"]).expect_code(0).json();
    assert_eq!(text(&webhook, "url"), inbox(&server));
}

#[test]
fn a_server_that_is_told_to_stop_ends_well_and_one_that_cannot_start_says_why() {
    let mut server = Server::dev();
    let data = server.data();
    let mut second = posthaste(&["serve", "--listen", "127.0.0.1:0", "--data"]);
    let refused = Ran::of(second.arg(&data).output().unwrap()).expect_code(1);
    assert!(refused.stderr.contains("another process"), "{}", refused.stderr);
    let listen = server.url.strip_prefix("http://").unwrap().to_owned();
    let taken = run(&["serve", "--listen", &listen, "--data", "/not/used"]).expect_code(1);
    assert!(taken.stderr.contains("cannot listen on"), "{}", taken.stderr);
    server.stop();
    assert!(server.output.lock().unwrap().contains("stopped"));
}

#[test]
fn an_inbound_webhook_is_added_tried_looked_into_and_replayed() {
    let server = Server::dev();
    let list = server.post("/v1/powerlists", &json!({ "name": "Prospects" }));
    let list = text(&list, "id").to_owned();
    let added = server
        .run(&["inbound", "add", "CRM", "--powerlist", &list, "--map", "custom_fields.score=s"])
        .expect_code(0)
        .json();
    assert_eq!(added["mapping"], json!({ "custom_fields.score": "s" }));
    let number = format!("#{}", added["number"]);
    let listed = server.run(&["inbound", "ls"]).expect_code(0).json();
    assert_eq!(listed["id"], added["id"]);

    let tested = server.run(&["inbound", "test", &number]).expect_code(0).json();
    assert_eq!(tested["data"]["operation"], "created");
    let shown = server.run(&["inbound", "show", &number, "-o", "table"]).expect_code(0).stdout;
    let path = added["endpoints"][1]["path"].as_str().unwrap();
    assert!(shown.contains(&format!("{}{path}", server.url)), "{shown}");
    server.run(&["inbound", "test", &number, "-d", r#"{"phone":"1"}"#]).expect_code(1);

    let requests = server.run(&["inbound", "requests", &number]).expect_code(0).lines();
    let verdicts: Vec<&str> = requests.iter().map(|request| text(request, "verdict")).collect();
    assert_eq!(verdicts, ["invalid", "created"]);
    let failed = text(&requests[0], "id");
    let whole = server.run(&["inbound", "requests", &number, failed]).expect_code(0).json();
    assert_eq!(whole["body"], r#"{"phone":"1"}"#);
    let replayed = server.run(&["inbound", "replay", &number, failed]).expect_code(0).json();
    assert_eq!((text(&replayed, "verdict"), text(&replayed, "replay_of")), ("invalid", failed));
}
