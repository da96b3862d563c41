//! The audit log: every change is in it, no secret is, and only those who may manage read it.

mod support;

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use support::browser::{Browser, PASSWORD, first_link, invited, owner};
use support::{REMOTE, TestServer};

async fn log(server: &TestServer, query: &str) -> Vec<Value> {
    let path = format!("/v1/audit-log?limit=200{query}");
    let answer = server.call("GET", &path, &server.keys.platform, Value::Null).await.expect(200);
    answer.json["data"].as_array().expect("a list").clone()
}

async fn actions(server: &TestServer, query: &str) -> Vec<String> {
    let entries = log(server, query).await;
    entries.iter().map(|entry| entry["action"].as_str().expect("a word").to_owned()).collect()
}

#[tokio::test]
async fn an_entry_says_who_changed_what_from_where() {
    let server = TestServer::start().await;
    let id = server.webhook(&["call.ended"]).await;
    server.advance(Duration::from_secs(1));
    let path = format!("/v1/webhooks/{id}");
    let change = json!({"title": "B hook", "headers": {"x-token": "s3cret"}, "timeout_ms": 15_000});
    server.call("PATCH", &path, &server.keys.account, change.clone()).await.expect(200);
    // What changes nothing is no change.
    server.call("PATCH", &path, &server.keys.account, change).await.expect(200);
    let entries = log(&server, &format!("&target={id}")).await;
    assert_eq!(entries.len(), 2);
    let key = server.get("/v1/api-keys").await.json["data"]
        .as_array()
        .and_then(|keys| keys.iter().find(|key| key["role"] == "account").cloned())
        .expect("the key");
    assert_eq!(
        entries[0],
        json!({"id": entries[0]["id"], "at": "2026-11-23T12:00:01.000Z",
            "actor": {"type": "key", "id": key["id"], "name": "account"},
            "action": "webhook.updated",
            "target": {"type": "webhook", "id": id, "name": "B hook"},
            "changes": [{"field": "title", "before": "A hook", "after": "B hook"},
                {"field": "headers", "before": null, "after": "[redacted]"}],
            "remote_address": REMOTE})
    );
    let created = entries[1]["changes"].as_array().expect("a list");
    assert!(created.contains(&json!({"field": "title", "before": null, "after": "A hook"})));
    assert!(created.contains(&json!({"field": "secret", "before": null, "after": "[redacted]"})));
}

/// Everything that changes settings, and what it is called.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a line for each thing that can be done")]
async fn every_change_of_settings_is_written_down_and_no_secret_is() {
    let server = TestServer::start().await;
    let account = server.keys.account.clone();
    let call = async |method: &str, path: &str, body: Value| {
        let answer = server.call(method, path, &account, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
        answer
    };
    let webhook = json!({"title": "T", "url": "https://example.com/", "events": ["*"],
        "headers": {"x-token": "s3cret-header"}});
    let created = call("POST", "/v1/webhooks", webhook).await;
    let hook = format!("/v1/webhooks/{}", created.id());
    let mut secrets = vec![created.json["secret"].clone()];
    call("POST", &format!("{hook}/pause"), Value::Null).await;
    call("POST", &format!("{hook}/resume"), Value::Null).await;
    call("GET", &format!("{hook}/secret"), Value::Null).await;
    let rotated = call("POST", &format!("{hook}/rotate-secret"), Value::Null).await;
    secrets.push(rotated.json["secret"].clone());
    call("DELETE", &hook, Value::Null).await;
    call("POST", "/v1/event-types", json!({"name": "deal.won"})).await;
    call("PUT", "/v1/event-types/deal.won", json!({"description": "Won."})).await;
    call("DELETE", "/v1/event-types/deal.won", Value::Null).await;
    let key = call("POST", "/v1/api-keys", json!({"name": "CI", "role": "read"})).await;
    secrets.push(key.json["key"].clone());
    call("DELETE", &format!("/v1/api-keys/{}", key.id()), Value::Null).await;
    let ann = json!({"email": "ann@example.com", "name": "Ann", "role": "editor"});
    let ann = call("POST", "/v1/users", ann).await;
    let user = format!("/v1/users/{}", ann.id());
    let mut links = vec![ann.json["link"].clone()];
    call("PATCH", &user, json!({"name": "Ann Lee"})).await;
    links.push(call("POST", &format!("{user}/link"), Value::Null).await.json);
    let mut browser = Browser::default();
    let last = links[1]["url_path"].as_str().expect("a path").to_owned();
    browser.follow(&server, &last).await.expect(201);
    browser.set_password(&server, PASSWORD).await.expect(204);
    browser.call(&server, "DELETE", "/v1/session", Value::Null).await.expect(204);
    browser.sign_in(&server, "ann@example.com", "wrong password").await.expect(401);
    call("DELETE", &user, Value::Null).await;
    let name = json!({"name": "acme"});
    server.call("POST", "/v1/accounts", &server.keys.platform, name).await.expect(201);

    let mut found = actions(&server, "").await;
    found.reverse();
    let expected = [
        "webhook.created",
        "webhook.paused",
        "webhook.resumed",
        "webhook.secret_shown",
        "webhook.secret_rotated",
        "webhook.deleted",
        "event_type.created",
        "event_type.updated",
        "event_type.deleted",
        "api_key.created",
        "api_key.deleted",
        "user.invited",
        "user.updated",
        "user.link_made",
        "session.started",
        "user.password_set",
        "session.ended",
        "session.refused",
        "user.deleted",
        "account.created",
    ];
    assert_eq!(found, expected);
    let text = json!(log(&server, "").await).to_string();
    for link in &links {
        let token = link["url_path"].as_str().expect("a path").split_once('=').expect("one").1;
        assert!(!text.contains(token));
    }
    for secret in secrets.iter().map(|secret| secret.as_str().expect("a text")) {
        assert!(!text.contains(secret), "{secret}");
    }
    for secret in ["s3cret-header", PASSWORD, "wrong password", "argon2", "phk_0"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let rotation = log(&server, "&action=webhook.secret_rotated").await;
    let redacted = json!([{"field": "secret", "before": "[redacted]", "after": "[redacted]"}]);
    assert_eq!(rotation[0]["changes"], redacted);
}

#[tokio::test]
async fn a_change_that_failed_is_not_in_it() {
    let server = TestServer::start().await;
    let account = &server.keys.account;
    server.call("DELETE", "/v1/webhooks/wh_0000000000042", account, Value::Null).await.expect(404);
    server.post("/v1/webhooks", json!({"title": "T"})).await.expect(422);
    server.post("/v1/accounts", json!({"name": "x"})).await.expect(403);
    assert_eq!(actions(&server, "").await, [""; 0]);
}

#[tokio::test]
async fn a_sign_in_that_failed_names_its_user_and_nothing_that_was_typed() {
    let server = TestServer::start().await;
    let link = first_link(&server).await;
    let mut browser = Browser::default();
    let session = browser.follow(&server, &link).await.expect(201);
    let user = session.json["user"]["id"].clone();
    browser.sign_in(&server, "owner@localhost", "typed-password").await.expect(401);
    browser.sign_in(&server, "typed-password@example.com", "x").await.expect(401);
    browser.sign_in(&server, "typed-password", "x").await.expect(401);
    browser.follow(&server, "#link=typed-token").await.expect(401);
    let refused = log(&server, "&action=session.refused").await;
    assert_eq!(refused.len(), 4);
    let system = json!({"type": "system", "id": null, "name": "system"});
    for entry in &refused {
        assert_eq!((&entry["actor"], &entry["remote_address"]), (&system, &json!(REMOTE)));
        assert!(!entry.to_string().contains("typed"), "{entry}");
    }
    assert_eq!(refused[3]["target"]["id"], user);
    assert!(refused[..3].iter().all(|entry| entry["target"].is_null()));
    // What is refused for being too often is not written down: it would fill the disk.
    for _ in 0..100 {
        browser.follow(&server, "#link=typed-token").await;
    }
    assert!(log(&server, "&action=session.refused").await.len() <= 60);
}

/// From many addresses they would fill the disk all the same.
#[tokio::test]
async fn of_very_many_failed_sign_ins_some_are_written_and_the_rest_counted() {
    let server = TestServer::start().await;
    let body = json!({"token": "wrong"}).to_string();
    let fail = async |number: u32| {
        let from = Ipv4Addr::from_bits(Ipv4Addr::new(198, 51, 100, 0).to_bits() + number);
        let request = Request::post("/v1/session/link").header("content-type", "application/json");
        let request = request.body(Body::from(body.clone())).expect("a request");
        server.send_from(&from.to_string(), request).await.expect(401);
    };
    for number in 0..250 {
        fail(number).await;
    }
    server.advance(Duration::from_secs(901));
    fail(250).await;
    let refused = log(&server, "&action=session.refused").await;
    assert_eq!(refused[0]["changes"], json!([{"field": "left_out", "before": null, "after": 50}]));
    assert!(refused[1..].iter().all(|entry| entry["changes"] == json!([])));
}

/// A browser left open is no place to find a password out unseen.
#[tokio::test]
async fn a_wrong_current_password_is_written_down() {
    let server = TestServer::start().await;
    let mut browser = owner(&server).await;
    let body = json!({"password": "another good password", "current_password": "typed-password"});
    let answer = browser.call(&server, "POST", "/v1/session/password", body).await;
    answer.expect_problem(401, "wrong_credentials");
    let refused = log(&server, "&action=session.refused").await;
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["actor"]["id"], refused[0]["target"]["id"]);
    assert_eq!(refused[0]["actor"]["type"], "user");
    assert!(!refused[0].to_string().contains("typed"), "{}", refused[0]);
}

#[tokio::test]
async fn it_can_be_filtered_and_pages() {
    let server = TestServer::start().await;
    let mut root = owner(&server).await;
    let user = root.get(&server, "/v1/session").await.json["user"]["id"].clone();
    let user = user.as_str().expect("an id");
    server.advance(Duration::from_secs(60));
    server.webhook(&["*"]).await;
    let name = json!({"name": "deal.won"});
    root.call(&server, "POST", "/v1/event-types", name).await.expect(201);
    let check = async |query: &str, expected: &[&str]| {
        assert_eq!(actions(&server, query).await, expected, "{query}");
    };
    let all = ["event_type.created", "webhook.created", "user.password_set", "session.started"];
    check("", &all).await;
    let by_user = ["event_type.created", "user.password_set", "session.started"];
    check(&format!("&actor={user}"), &by_user).await;
    check("&target=deal.won", &all[..1]).await;
    check("&action=webhook.created", &all[1..2]).await;
    check("&since=2026-11-23T12:01:00Z", &all[..2]).await;
    check("&until=2026-11-23T12:01:00Z", &all[2..]).await;
    check("&actor=nobody", &[]).await;

    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/audit-log?limit=3{cursor}");
        let page = root.get(&server, &path).await.expect(200).json;
        paged.extend(page["data"].as_array().expect("a list").clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, log(&server, "").await);

    for (query, at) in [
        ("action=webhook.burnt", "/action"),
        ("since=yesterday", "/since"),
        ("until=1", "/until"),
        ("limit=0", "/limit"),
        ("cursor=x", "/cursor"),
        ("actors=x", "/actors"),
    ] {
        let answer = root.get(&server, &format!("/v1/audit-log?{query}")).await;
        assert_eq!(answer.expect_problem(422, "invalid").pointers(), [at], "{query}");
    }
}

#[tokio::test]
async fn an_account_sees_its_own_entries_only() {
    let server = TestServer::start().await;
    owner(&server).await;
    server.webhook(&["*"]).await;
    let theirs = server.webhook_of(&server.keys.other, &["*"]).await;
    let (mut ann, _) = invited(&server, &server.keys.other, "ann@example.com", "owner").await;
    let read = async |key: &str| {
        let answer = server.call("GET", "/v1/audit-log", key, Value::Null).await.expect(200);
        let entries = answer.json["data"].as_array().expect("a list").clone();
        entries.iter().map(|entry| entry["action"].as_str().expect("a word").to_owned()).collect()
    };
    let own: Vec<String> = read(&server.keys.account).await;
    assert_eq!(own, ["webhook.created"]);
    let other: Vec<String> = read(&server.keys.other).await;
    let expected = ["user.password_set", "session.started", "user.invited", "webhook.created"];
    assert_eq!(other, expected);
    let answer = ann.get(&server, "/v1/audit-log").await.expect(200);
    assert_eq!(answer.json["data"].as_array().map(Vec::len), Some(4));
    assert!(answer.text.contains(&theirs));
    // The platform's entries, and those of the account that is named.
    let platform: Vec<String> = read(&server.keys.platform).await;
    assert_eq!(platform, ["webhook.created", "user.password_set", "session.started"]);
    let path = format!("/v1/audit-log?target={theirs}");
    let answer = server.get(&path).await.expect(200);
    assert_eq!(answer.json["data"], json!([]));
}
