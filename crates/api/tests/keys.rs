//! API keys, accounts, and who a key acts for.

mod support;

use axum::body::Body;
use axum::http::Request;
use posthaste_core::account::{ApiKey, KeyHash};
use posthaste_core::id::KeyId;
use posthaste_core::limits::API_KEYS_PER_ACCOUNT_MAX;
use serde_json::{Value, json};

use support::{START, TestServer};

#[tokio::test]
async fn a_key_is_shown_once_works_at_once_and_ends_at_once() {
    let server = TestServer::start().await;
    let body = json!({"name": "CI", "role": "publish"});
    let created = server.post("/v1/api-keys", body).await.expect(201);
    let key = created.json["key"].as_str().expect("the text").to_owned();
    let id = created.id();
    let shown = json!({"id": id, "name": "CI", "role": "publish",
        "account_id": server.account.to_string(), "hint": &key[..8], "created_at": START});
    let mut with_key = shown.clone();
    with_key["key"] = json!(key);
    assert_eq!(created.json, with_key);

    let listed = server.get("/v1/api-keys").await.expect(200);
    assert_eq!(listed.json["data"][0], shown);
    assert!(!listed.text.contains(&key));

    let event = json!({"event": "call.ended", "data": {}});
    server.call("POST", "/v1/events", &key, event.clone()).await.expect(202);
    let path = format!("/v1/api-keys/{id}");
    server.call("DELETE", &path, &server.keys.account, Value::Null).await.expect(204);
    let refused = server.call("POST", "/v1/events", &key, event).await;
    assert_eq!(refused.expect_problem(401, "unauthorized").header("www-authenticate"), "Bearer");
    let again = server.call("DELETE", &path, &server.keys.account, Value::Null).await;
    again.expect_problem(404, "not_found");
}

#[tokio::test]
async fn only_a_platform_key_makes_sees_and_deletes_platform_keys() {
    let server = TestServer::start().await;
    let body = json!({"name": "Ops", "role": "platform"});
    server.post("/v1/api-keys", body.clone()).await.expect_problem(403, "forbidden");
    server.get("/v1/api-keys?role=platform").await.expect_problem(403, "forbidden");

    let platform = &server.keys.platform;
    let created = server.call("POST", "/v1/api-keys", platform, body).await.expect(201);
    assert_eq!(created.json["account_id"], Value::Null);
    let listed = server.call("GET", "/v1/api-keys?role=platform", platform, Value::Null).await;
    assert_eq!(listed.expect(200).json["data"].as_array().map(Vec::len), Some(2));

    let path = format!("/v1/api-keys/{}", created.id());
    let refused = server.call("DELETE", &path, &server.keys.account, Value::Null).await;
    refused.expect_problem(404, "not_found");
    server.call("DELETE", &path, platform, Value::Null).await.expect(204);
    let key = created.json["key"].as_str().expect("the text");
    server.call("GET", "/v1/accounts", key, Value::Null).await.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn what_is_wrong_with_a_key_or_account_is_pointed_at() {
    let server = TestServer::start().await;
    let check = async |path: &str, body: Value, at: &[&str]| {
        let answer = server.call("POST", path, &server.keys.platform, body).await;
        assert_eq!(answer.expect_problem(422, "invalid").pointers(), at);
    };
    check("/v1/api-keys", json!({"name": "x"}), &["/role"]).await;
    check("/v1/api-keys", json!({"role": "read"}), &["/name"]).await;
    check("/v1/api-keys", json!({"name": "", "role": "admin"}), &["/name", "/role"]).await;
    check("/v1/api-keys", json!({"name": "x", "role": "read", "key": "phk_x"}), &["/key"]).await;
    check("/v1/accounts", json!({"name": " "}), &["/name"]).await;
    check("/v1/accounts", json!({"name": "x".repeat(101)}), &["/name"]).await;
    check("/v1/accounts", json!({"name": "a\u{7}"}), &["/name"]).await;
    check("/v1/accounts", json!({"name": 1}), &["/name"]).await;
}

#[tokio::test]
async fn accounts_are_added_and_named_by_platform_keys() {
    let server = TestServer::start().await;
    let platform = &server.keys.platform;
    let created = server.call("POST", "/v1/accounts", platform, json!({"name": "Acme"})).await;
    let created = created.expect(201);
    let id = created.id();
    assert_eq!(
        created.json,
        json!({"id": id, "name": "Acme", "validate": "warn", "created_at": START})
    );
    let taken = server.call("POST", "/v1/accounts", platform, json!({"name": "Acme"})).await;
    taken.expect_problem(409, "taken");
    let path = format!("/v1/accounts/{id}");
    assert_eq!(server.call("GET", &path, platform, Value::Null).await.json, created.json);
    let listed = server.call("GET", "/v1/accounts?limit=1", platform, Value::Null).await;
    assert_eq!(listed.json["data"], json!([created.json]));

    let publish = async |key: &str, account: &str| {
        let mut request =
            server.request("POST", "/v1/events", key).header("content-type", "application/json");
        if !account.is_empty() {
            request = request.header("posthaste-account", account);
        }
        let body = json!({"event": "call.ended", "data": {}}).to_string();
        server.send(request.body(Body::from(body)).expect("a request")).await
    };
    let own = server.account.to_string();
    let other = server.other_account.to_string();
    publish(platform, "").await.expect(202);
    assert_eq!(server.stored().await, 1, "the default account");
    for account in ["Acme", &id, "other", &other] {
        publish(platform, account).await.expect(202);
    }
    assert_eq!(server.stored().await, 1);
    for account in ["Nobody", "acct_0000000000000", "é", "default, Acme"] {
        publish(platform, account).await.expect_problem(404, "unknown_account");
    }
    for account in ["default", &own] {
        publish(&server.keys.publish, account).await.expect(202);
    }
    for account in ["Acme", "Nobody", &id, "acct_0000000000000"] {
        let answer = publish(&server.keys.publish, account).await.expect_problem(403, "forbidden");
        assert_eq!(answer.json["detail"], "this key belongs to another account");
    }
}

#[tokio::test]
async fn what_is_not_a_key_is_refused() {
    let server = TestServer::start().await;
    let account = &server.keys.account;
    let check = async |values: &[&str], expected: u16| {
        let mut request = Request::builder().uri("/v1/webhooks");
        for value in values {
            request = request.header("authorization", *value);
        }
        let answer = server.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.status.as_u16(), expected, "{values:?}");
        if expected == 401 {
            answer.expect_problem(401, "unauthorized");
        }
    };
    check(&[&format!("Bearer {account}")], 200).await;
    check(&[&format!("bearer {account}")], 200).await;
    check(&[], 401).await;
    check(&[account], 401).await;
    check(&["Bearer"], 401).await;
    check(&["Bearer "], 401).await;
    check(&[&format!("Basic {account}")], 401).await;
    check(&[&format!("Bearer {account}x")], 401).await;
    check(&[&format!("Bearer {}", &account[..account.len() - 1])], 401).await;
    check(&["Bearer phk_' OR 1=1 --"], 401).await;
    check(&[&format!("Bearer {}", "x".repeat(10_000))], 401).await;
    check(&[&format!("Bearer {account}"), &format!("Bearer {account}")], 401).await;
}

#[tokio::test]
async fn an_account_has_so_many_keys_and_no_more() {
    let server = TestServer::start().await;
    let new = json!({"name": "CI", "role": "read"});
    let made = server.post("/v1/api-keys", new.clone()).await.expect(201).id();
    let key = server.state.keys.find(KeyId::parse(&made).expect("an id")).expect("just made");
    for number in server.state.keys.count(Some(server.account))..API_KEYS_PER_ACCOUNT_MAX {
        let mut hash = KeyHash([0; 32]);
        hash.0[..8].copy_from_slice(&(number as u64).to_le_bytes());
        let id = KeyId::from_raw(number as u64);
        server.state.keys.add(ApiKey { id, hash, ..key.clone() });
    }
    let refused = server.post("/v1/api-keys", new.clone()).await;
    refused.expect_problem(409, "limit_reached");
    let other = &server.keys.other;
    server.call("POST", "/v1/api-keys", other, new.clone()).await.expect(201);
    let of_platform = json!({"name": "ops", "role": "platform"});
    let platform = &server.keys.platform;
    server.call("POST", "/v1/api-keys", platform, of_platform).await.expect(201);
    let path = format!("/v1/api-keys/{made}");
    server.call("DELETE", &path, &server.keys.account, Value::Null).await.expect(204);
    server.post("/v1/api-keys", new).await.expect(201);
}
