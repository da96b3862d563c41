//! Users: invited, changed, deleted, and what each role may.

mod support;

use posthaste_core::account::Action;
use posthaste_core::id::AccountId;
use posthaste_core::limits::USERS_PER_ACCOUNT_MAX;
use posthaste_core::rights::{Reach, Rights};
use posthaste_core::time::Timestamp;
use posthaste_core::user::{Email, NewUser, UserRole};
use serde_json::{Value, json};

use support::browser::{Browser, PASSWORD, invited, owner};
use support::{START, TestServer};

fn ann() -> Value {
    json!({"email": "Ann@Example.com", "name": " Ann ", "role": "editor"})
}

#[tokio::test]
async fn a_user_is_invited_with_a_link_and_listed() {
    let server = TestServer::start().await;
    let mut root = owner(&server).await;
    let invited = root.call(&server, "POST", "/v1/users", ann()).await.expect(201);
    let id = invited.id();
    assert_eq!(invited.header("location"), format!("/v1/users/{id}"));
    let mut expected = json!({"id": id, "email": "ann@example.com", "name": "Ann", "role": "editor",
        "account_id": null, "has_password": false, "created_at": START, "last_sign_in_at": null});
    let path = format!("/v1/users/{id}");
    assert_eq!(root.get(&server, &path).await.expect(200).json, expected);
    let listed = root.get(&server, "/v1/users?limit=1").await.expect(200);
    assert_eq!(listed.json["data"], json!([expected]));
    assert!(listed.json["next_cursor"].is_string());
    let link = invited.json["link"].clone();
    assert_eq!(link["expires_at"], "2026-11-30T12:00:00.000Z", "a week");
    expected["link"] = link.clone();
    assert_eq!(invited.json, expected);
    assert!(!root.get(&server, "/v1/users").await.text.contains("link"), "shown once");

    let url_path = link["url_path"].as_str().expect("a path");
    let mut browser = Browser::default();
    let session = browser.follow(&server, url_path).await.expect(201);
    assert_eq!(session.json["user"]["id"], id);
    assert_eq!(session.json["needs_password"], true);
    browser.set_password(&server, PASSWORD).await.expect(204);
    browser.sign_in(&server, "ann@example.com", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn what_is_wrong_with_a_user_is_pointed_at() {
    let server = TestServer::start().await;
    let key = &server.keys.platform;
    let check = async |body: Value, at: &[&str]| {
        let answer = server.call("POST", "/v1/users", key, body).await;
        assert_eq!(answer.expect_problem(422, "invalid").pointers(), at);
    };
    check(json!({"email": "x", "name": "", "role": "boss"}), &["/email", "/name", "/role"]).await;
    check(json!({"name": "A", "role": "viewer"}), &["/email"]).await;
    check(json!({"email": 1, "name": "A", "role": "viewer"}), &["/email"]).await;
    let body = |more: (&str, &str)| {
        let mut body = ann();
        body[more.0] = json!(more.1);
        body
    };
    check(body(("password", "no way")), &["/password"]).await;
    check(body(("account_id", "acct_0000000000042")), &["/account_id"]).await;
    check(body(("account_id", "x")), &["/account_id"]).await;
    check(body(("email", "a@b.example\r\nbcc: c@d.example")), &["/email"]).await;
    server.call("POST", "/v1/users", key, ann()).await.expect(201);
    let answer = server.call("POST", "/v1/users", key, ann()).await;
    let answer = answer.expect_problem(409, "taken");
    assert!(!answer.text.contains("ann@"), "{}", answer.text);
    let other = server.call("POST", "/v1/users", &server.keys.other, ann()).await;
    other.expect_problem(409, "taken");
}

#[tokio::test]
async fn who_belongs_to_an_account_has_a_say_in_its_users_only() {
    let server = TestServer::start().await;
    let root = owner(&server).await;
    let (mut ann, ann_id) =
        invited(&server, &server.keys.account, "ann@example.com", "owner").await;
    let (_, bob_id) = invited(&server, &server.keys.other, "bob@example.com", "viewer").await;
    let session = root.clone().get(&server, "/v1/session").await.json;
    let root_id = session["user"]["id"].as_str().expect("an id").to_owned();
    let shown = ann.get(&server, &format!("/v1/users/{ann_id}")).await.expect(200);
    assert_eq!(shown.json["account_id"], server.account.to_string());
    let listed = ann.get(&server, "/v1/users").await.expect(200);
    assert_eq!(listed.json["data"], json!([shown.json]));
    for stranger in [&bob_id, &root_id, "usr_0000000000042"] {
        let path = format!("/v1/users/{stranger}");
        let link = format!("{path}/link");
        for (method, path, body) in [
            ("GET", &path, Value::Null),
            ("PATCH", &path, json!({"name": "Eve"})),
            ("DELETE", &path, Value::Null),
            ("POST", &link, Value::Null),
        ] {
            ann.call(&server, method, path, body).await.expect_problem(404, "not_found");
        }
    }
    // Nor can one invite beyond one's own account.
    let eve = |account: &str| json!({"email": "eve@example.com", "name": "E", "role": "owner", "account_id": account});
    for account in [server.other_account.to_string(), "acct_0000000000042".to_owned()] {
        let answer = ann.call(&server, "POST", "/v1/users", eve(&account)).await;
        let answer = answer.expect_problem(422, "invalid");
        assert_eq!(answer.json["detail"], "/account_id: there is no account with this id");
    }
    let own = ann.call(&server, "POST", "/v1/users", eve(&server.account.to_string())).await;
    assert_eq!(own.expect(201).json["account_id"], server.account.to_string());
    // Whoever may act everywhere sees all, and invites anywhere.
    let mut root = root;
    let listed = root.get(&server, "/v1/users").await.expect(200);
    assert_eq!(listed.json["data"].as_array().map(Vec::len), Some(4));
    root.get(&server, &format!("/v1/users/{bob_id}")).await.expect(200);
}

#[tokio::test]
async fn the_last_owner_stays_one() {
    let server = TestServer::start().await;
    let mut root = owner(&server).await;
    let id = root.get(&server, "/v1/session").await.json["user"]["id"].clone();
    let path = format!("/v1/users/{}", id.as_str().expect("an id"));
    let demote = json!({"role": "editor"});
    for key in ["", &server.keys.platform] {
        let call = async |root: &mut Browser, method: &str, body: Value| {
            if key.is_empty() {
                root.call(&server, method, &path, body).await
            } else {
                server.call(method, &path, key, body).await
            }
        };
        call(&mut root, "PATCH", demote.clone()).await.expect_problem(409, "last_owner");
        call(&mut root, "DELETE", Value::Null).await.expect_problem(409, "last_owner");
    }
    // An owner of one account is no owner of the platform.
    invited(&server, &server.keys.account, "ann@example.com", "owner").await;
    root.call(&server, "DELETE", &path, Value::Null).await.expect_problem(409, "last_owner");
    let (mut bob, bob_id) =
        invited(&server, &server.keys.platform, "bob@example.com", "owner").await;
    root.call(&server, "PATCH", &path, demote).await.expect(200);
    bob.call(&server, "DELETE", &path, Value::Null).await.expect(204);
    let own = format!("/v1/users/{bob_id}");
    bob.call(&server, "DELETE", &own, Value::Null).await.expect_problem(409, "last_owner");
}

#[tokio::test]
async fn of_two_owners_who_delete_each_other_one_is_left() {
    let server = TestServer::start().await;
    let (_, ann) = invited(&server, &server.keys.platform, "ann@example.com", "owner").await;
    let (_, bob) = invited(&server, &server.keys.platform, "bob@example.com", "owner").await;
    let delete = async |id: &str| {
        let path = format!("/v1/users/{id}");
        server.call("DELETE", &path, &server.keys.platform, Value::Null).await.status.as_u16()
    };
    let (one, other) = tokio::join!(delete(&ann), delete(&bob));
    assert_eq!(one.min(other), 204);
    assert_eq!(one.max(other), 409);
}

#[tokio::test]
async fn a_new_role_and_the_end_of_a_user_end_the_sessions() {
    let server = TestServer::start().await;
    let mut root = owner(&server).await;
    let (mut ann, id) = invited(&server, &server.keys.platform, "ann@example.com", "editor").await;
    let path = format!("/v1/users/{id}");
    root.call(&server, "PATCH", &path, json!({"name": "Ann Lee"})).await.expect(200);
    ann.get(&server, "/v1/session").await.expect(200);
    let changed = root.call(&server, "PATCH", &path, json!({"role": "viewer"})).await.expect(200);
    assert_eq!(
        (&changed.json["role"], &changed.json["name"]),
        (&json!("viewer"), &json!("Ann Lee"))
    );
    ann.get(&server, "/v1/session").await.expect_problem(401, "unauthorized");
    let session = ann.sign_in(&server, "ann@example.com", PASSWORD).await.expect(201);
    assert_eq!(session.json["role"], "viewer");

    let link = root.call(&server, "POST", &format!("{path}/link"), Value::Null).await.expect(201);
    root.call(&server, "DELETE", &path, Value::Null).await.expect(204);
    ann.get(&server, "/v1/session").await.expect_problem(401, "unauthorized");
    let again = ann.sign_in(&server, "ann@example.com", PASSWORD).await;
    again.expect_problem(401, "wrong_credentials");
    let url_path = link.json["url_path"].as_str().expect("a path");
    ann.follow(&server, url_path).await.expect_problem(401, "invalid_link");
    root.call(&server, "DELETE", &path, Value::Null).await.expect_problem(404, "not_found");
}

/// Setting a password takes its time, and starts a session: not for whoever has lost theirs by then.
#[tokio::test]
async fn a_session_that_ends_while_a_password_is_set_does_not_come_back() {
    let server = TestServer::start().await;
    let mut root = owner(&server).await;
    let (mut ann, id) = invited(&server, &server.keys.platform, "ann@example.com", "editor").await;
    let path = format!("/v1/users/{id}");
    let passwords = json!({"password": "another good password", "current_password": PASSWORD});
    let (_, changed) = tokio::join!(
        ann.call(&server, "POST", "/v1/session/password", passwords),
        root.call(&server, "PATCH", &path, json!({"role": "viewer"})),
    );
    changed.expect(200);
    ann.get(&server, "/v1/session").await.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn everybody_changes_their_own_name_and_address_and_nothing_more() {
    let server = TestServer::start().await;
    let (mut ann, id) = invited(&server, &server.keys.account, "ann@example.com", "viewer").await;
    let (_, bob) = invited(&server, &server.keys.account, "bob@example.com", "owner").await;
    let path = format!("/v1/users/{id}");
    let body = json!({"name": "Ann Lee", "email": "ann.lee@example.com"});
    let changed = ann.call(&server, "PATCH", &path, body).await.expect(200);
    assert_eq!(changed.json["email"], "ann.lee@example.com");
    ann.get(&server, "/v1/session").await.expect(200);
    let taken = ann.call(&server, "PATCH", &path, json!({"email": "bob@example.com"})).await;
    taken.expect_problem(409, "taken");
    let wrong = ann.call(&server, "PATCH", &path, json!({"email": "bob"})).await;
    assert_eq!(wrong.expect_problem(422, "invalid").pointers(), ["/email"]);
    for (id, body) in [
        (&id, json!({"role": "owner"})),
        (&id, json!({"role": "viewer"})),
        (&id, json!({"name": "A", "role": "owner"})),
        (&bob, json!({"name": "Eve"})),
        (&"usr_0000000000042".to_owned(), json!({"name": "Eve"})),
        (&"junk".to_owned(), json!({"name": "Eve"})),
    ] {
        let answer = ann.call(&server, "PATCH", &format!("/v1/users/{id}"), body.clone()).await;
        assert_eq!(answer.code(), "forbidden", "{id} {body}");
    }
    ann.call(&server, "DELETE", &path, Value::Null).await.expect_problem(403, "forbidden");
    ann.sign_in(&server, "ann.lee@example.com", PASSWORD).await.expect(201);
}

/// Every operation that the document says a key of some role may do, tried by every kind of user.
#[tokio::test]
async fn users_may_what_their_role_says_on_every_route() {
    let server = TestServer::start().await;
    let document = serde_json::to_value(posthaste_api::openapi_document()).expect("JSON");
    let key = &server.keys.account;
    for role in UserRole::ALL {
        let email = format!("{}@example.com", role.as_str());
        let (user, _) = invited(&server, key, &email, role.as_str()).await;
        let rights = Rights::User(role, Reach::One);
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let scopes = operation["security"].as_array().into_iter().flatten();
                let scope = scopes.filter_map(|s| s["session"][0].as_str()).next();
                let needed = match scope {
                    None => continue,
                    Some("publish") => Action::Publish,
                    Some("read") => Action::Read,
                    Some("write") => Action::Write,
                    Some("manage") => Action::Manage,
                    Some("administer") => Action::Administer,
                    Some("myself") => Action::Myself,
                    Some(other) => panic!("{path} needs {other}"),
                };
                if path.starts_with("/v1/session") {
                    continue;
                }
                // Nobody's id and an empty body: whoever may is told that.
                let path = path.replace("{id}", "nobody").replace("{name}", "no.such");
                let method = method.to_uppercase();
                let body = if method == "GET" { Value::Null } else { json!({}) };
                let headers = [("origin", "https://posthaste.test")];
                let answer = user.call_with(&server, &method, &path, body, &headers).await;
                let is_forbidden = answer.status.as_u16() == 403;
                assert_eq!(is_forbidden, !rights.may(needed), "{role:?} {method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_viewer_sees_no_secret() {
    let server = TestServer::start().await;
    let body = json!({"title": "T", "url": "https://example.com/", "events": ["*"],
        "headers": {"x-token": "s3cret-value"}});
    let created = server.post("/v1/webhooks", body).await.expect(201);
    let id = created.id();
    let secret = created.json["secret"].as_str().expect("a secret").to_owned();
    server.event("call.ended", json!({})).await;
    server.engine.try_all().await;
    let (mut viewer, _) = invited(&server, &server.keys.account, "v@example.com", "viewer").await;
    let (mut editor, _) = invited(&server, &server.keys.account, "e@example.com", "editor").await;
    let path = format!("/v1/webhooks/{id}/secret");
    viewer.get(&server, &path).await.expect_problem(403, "forbidden");
    assert_eq!(editor.get(&server, &path).await.expect(200).json["secret"], secret);
    for path in ["/v1/api-keys", "/v1/users", "/v1/audit-log"] {
        viewer.get(&server, path).await.expect_problem(403, "forbidden");
        editor.get(&server, path).await.expect_problem(403, "forbidden");
    }
    let deliveries = viewer.get(&server, "/v1/deliveries").await.expect(200);
    let delivery = deliveries.json["data"][0]["id"].as_str().expect("an id").to_owned();
    for path in [
        "/v1/webhooks".to_owned(),
        format!("/v1/webhooks/{id}"),
        format!("/v1/webhooks/{id}/endpoints"),
        format!("/v1/deliveries/{delivery}"),
        "/v1/session".to_owned(),
    ] {
        let answer = viewer.get(&server, &path).await.expect(200);
        for hidden in [secret.as_str(), "s3cret-value", "argon2"] {
            assert!(!answer.text.contains(hidden), "{path} shows {hidden}");
        }
    }
}

#[tokio::test]
async fn an_account_has_so_many_users_and_no_more() {
    let server = TestServer::start().await;
    let invite = async |name: &str, account: Option<AccountId>| {
        let account = account.map(|account| account.to_string());
        let body = json!({"email": format!("{name}@example.com"), "name": name, "role": "viewer",
            "account_id": account});
        server.call("POST", "/v1/users", &server.keys.platform, body).await
    };
    for number in 0..USERS_PER_ACCOUNT_MAX {
        let email = Email::parse(&format!("u{number}@example.com")).expect("an address");
        let account_id = Some(server.account);
        let new = NewUser { account_id, email, name: "U".to_owned(), role: UserRole::Viewer };
        server.store.create_user(Timestamp::EPOCH, new).await.expect("a new user");
    }
    invite("ann", Some(server.account)).await.expect_problem(409, "limit_reached");
    invite("ann", Some(server.other_account)).await.expect(201);
    invite("bob", None).await.expect(201);
}
