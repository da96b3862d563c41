//! Powerlists over the API: who may do what with them, and what they refuse.

mod support;

use posthaste_core::contact::NewPowerlist;
use posthaste_core::limits::POWERLISTS_PER_ACCOUNT_MAX;
use posthaste_core::phone::Country;
use posthaste_core::time::Timestamp;
use serde_json::{Value, json};
use support::TestServer;

async fn list(server: &TestServer, name: &str) -> String {
    server.post("/v1/powerlists", json!({ "name": name })).await.expect(201).id()
}

#[tokio::test]
async fn a_list_is_made_shown_renamed_and_deleted() {
    let server = TestServer::start().await;
    let body = json!({"name": " Spring ", "description": "Leads", "default_country": "de"});
    let made = server.post("/v1/powerlists", body).await.expect(201);
    let path = made.header("location").to_owned();
    assert_eq!(path, format!("/v1/powerlists/{}", made.id()));
    assert_eq!(made.json["name"], "Spring");
    assert_eq!(made.json["default_country"], "DE");
    assert_eq!(made.json["contacts"], 0);
    assert_eq!(server.get(&path).await.expect(200).json, made.json);

    let body = json!({"name": "Summer"});
    let changed = server.call("PATCH", &path, &server.keys.account, body).await.expect(200);
    assert_eq!(changed.json["name"], "Summer");
    assert_eq!(changed.json["description"], "Leads");
    let all = server.get("/v1/powerlists").await.expect(200);
    assert_eq!(all.json["data"], json!([changed.json]));

    server.call("DELETE", &path, &server.keys.account, Value::Null).await.expect(204);
    server.get(&path).await.expect_problem(404, "not_found");
    server.call("DELETE", &path, &server.keys.account, Value::Null).await.expect(404);

    let log = server.call("GET", "/v1/audit-log", &server.keys.account, Value::Null).await;
    let log = log.expect(200);
    let actions: Vec<&str> = log.json["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["powerlist.deleted", "powerlist.updated", "powerlist.created"]);
}

#[tokio::test]
async fn an_account_has_so_many_lists_and_no_more() {
    let server = TestServer::start().await;
    for number in 0..POWERLISTS_PER_ACCOUNT_MAX {
        let new = NewPowerlist {
            account_id: server.account,
            name: number.to_string(),
            description: String::new(),
            default_country: Country::US,
        };
        server.store.create_powerlist(Timestamp::EPOCH, new).await.expect("a new list");
    }
    let one_more = server.post("/v1/powerlists", json!({"name": "Spring"})).await;
    one_more.expect_problem(409, "limit_reached");
}

#[tokio::test]
async fn what_is_wrong_is_pointed_at() {
    let server = TestServer::start().await;
    list(&server, "Spring").await;
    server.post("/v1/powerlists", json!({"name": "Spring"})).await.expect_problem(409, "taken");
    let check = async |body: Value, pointers: &[&str]| {
        let answer = server.post("/v1/powerlists", body.clone()).await;
        assert_eq!(answer.expect_problem(422, "invalid").pointers(), pointers, "{body}");
    };
    check(json!({"name": " "}), &["/name"]).await;
    check(json!({"name": "x".repeat(101)}), &["/name"]).await;
    check(json!({}), &["/name"]).await;
    check(json!({"name": "a\u{7}", "default_country": "USA"}), &["/name", "/default_country"])
        .await;
    check(json!({"name": "a", "owner": "b"}), &["/owner"]).await;
}

#[tokio::test]
async fn a_list_that_a_webhook_is_about_stays() {
    let server = TestServer::start().await;
    let id = list(&server, "Spring").await;
    let webhook = server.webhook(&["contact"]).await;
    let body = json!({ "powerlist_id": id });
    let webhook = format!("/v1/webhooks/{webhook}");
    server.call("PATCH", &webhook, &server.keys.account, body).await.expect(200);
    let path = format!("/v1/powerlists/{id}");
    let refused = server.call("DELETE", &path, &server.keys.account, Value::Null).await;
    let refused = refused.expect_problem(409, "in_use");
    assert!(refused.json["detail"].as_str().unwrap().contains("\"A hook\""), "{}", refused.text);
    server.get(&path).await.expect(200);
    server.call("DELETE", &webhook, &server.keys.account, Value::Null).await.expect(204);
    server.call("DELETE", &path, &server.keys.account, Value::Null).await.expect(204);
}

#[tokio::test]
async fn who_may_not_is_refused_and_others_see_nothing() {
    let server = TestServer::start().await;
    let id = list(&server, "Spring").await;
    let path = format!("/v1/powerlists/{id}");
    for (method, path, body) in [
        ("POST", "/v1/powerlists", json!({"name": "a"})),
        ("PATCH", &*path, json!({"name": "a"})),
        ("DELETE", &*path, Value::Null),
    ] {
        let answer = server.call(method, path, &server.keys.read, body.clone()).await;
        answer.expect_problem(403, "forbidden");
        if path != "/v1/powerlists" {
            let answer = server.call(method, path, &server.keys.other, body).await;
            answer.expect_problem(404, "not_found");
        }
    }
    server.call("GET", &path, &server.keys.read, Value::Null).await.expect(200);
    server.call("GET", &path, &server.keys.publish, Value::Null).await.expect(403);
    server.call("GET", &path, &server.keys.other, Value::Null).await.expect(404);
    let lists = server.call("GET", "/v1/powerlists", &server.keys.other, Value::Null).await;
    assert_eq!(lists.expect(200).json["data"], json!([]));
    server
        .call("POST", "/v1/powerlists", &server.keys.other, json!({"name": "Spring"}))
        .await
        .expect(201);
}
