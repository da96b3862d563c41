//! Signing in and out: links, passwords, cookies, and who is kept out.

mod support;

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures_util::future::join_all;
use posthaste_api::Settings;
use posthaste_core::limits::{LINK_LIFETIME, SESSION_IDLE, SESSION_LONGEST};
use posthaste_core::remote::TrustedProxies;
use serde_json::{Value, json};

use support::browser::{Browser, PASSWORD, first_link, invited, owner, token_of};
use support::{START, TestServer};

const HOUR: Duration = Duration::from_hours(1);
const OWNER: &str = "owner@localhost";

#[tokio::test]
async fn the_first_link_makes_an_owner_who_sets_a_password_and_comes_back_with_it() {
    let server = TestServer::start().await;
    let mut browser = Browser::default();
    let link = first_link(&server).await;
    let session = browser.follow(&server, &link).await.expect(201);
    let id = session.json["user"]["id"].clone();
    let user = json!({"id": id, "email": OWNER, "name": "Owner", "role": "owner",
        "account_id": null, "has_password": false, "created_at": START, "last_sign_in_at": START});
    assert_eq!(
        session.json,
        json!({"user": user, "role": "owner",
            "account": {"id": server.account.to_string(), "name": "default"},
            "accounts_allowed": "all", "needs_password": true, "asks_current_password": false,
            "expires_at": "2026-11-30T12:00:00.000Z"})
    );
    let cookie = session.header("set-cookie");
    let expected = "; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000";
    assert!(cookie.starts_with("posthaste_session=") && cookie.ends_with(expected), "{cookie}");
    assert_eq!(browser.get(&server, "/v1/session").await.expect(200).json, session.json);

    browser.set_password(&server, PASSWORD).await.expect(204);
    let session = browser.get(&server, "/v1/session").await.expect(200);
    assert_eq!(session.json["needs_password"], false);
    assert_eq!(session.json["asks_current_password"], true);
    browser.call(&server, "DELETE", "/v1/session", Value::Null).await.expect(204);
    assert_eq!(browser.cookie, None);

    server.advance(HOUR);
    let session = browser.sign_in(&server, "Owner@LOCALHOST", PASSWORD).await.expect(201);
    assert_eq!(session.json["user"]["last_sign_in_at"], "2026-11-23T13:00:00.000Z");
    browser.get(&server, "/v1/webhooks").await.expect(200);
}

#[tokio::test]
async fn a_link_is_good_once_and_not_for_ever() {
    let server = TestServer::start().await;
    let old = first_link(&server).await;
    let link = first_link(&server).await;
    let refused = Browser::default().follow(&server, &old).await;
    refused.expect_problem(401, "invalid_link");
    Browser::default().follow(&server, &link).await.expect(201);
    Browser::default().follow(&server, &link).await.expect_problem(401, "invalid_link");
    // A second first owner is nobody's wish.
    let link = first_link(&server).await;
    Browser::default().follow(&server, &link).await.expect_problem(401, "invalid_link");

    let late = TestServer::start().await;
    let link = first_link(&late).await;
    late.advance(LINK_LIFETIME);
    Browser::default().follow(&late, &link).await.expect_problem(401, "invalid_link");
    for junk in ["", "x", &"a".repeat(43), "' OR 1=1 --", "\u{0}", &"a".repeat(100_000)] {
        let answer = Browser::default().follow(&late, &format!("#link={junk}")).await;
        assert_eq!(answer.expect_problem(401, "invalid_link").header("set-cookie"), "");
    }
}

#[tokio::test]
async fn of_two_who_use_a_link_at_the_same_time_one_gets_in() {
    let server = TestServer::start().await;
    let link = first_link(&server).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let api = server.api.clone();
        let body = json!({ "token": token_of(&link) }).to_string();
        let request = Request::post("/v1/session/link").header("content-type", "application/json");
        let request = request.body(Body::from(body)).expect("a request");
        calls.spawn(async move { api.answer([192, 0, 2, 7].into(), request).await.status() });
    }
    let mut statuses: Vec<u16> =
        calls.join_all().await.into_iter().map(|status| status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![201], vec![401; 9]].concat());
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_the_same() {
    let server = TestServer::start().await;
    owner(&server).await;
    let body = json!({"email": "new@example.com", "name": "New", "role": "viewer"});
    server.call("POST", "/v1/users", &server.keys.platform, body).await.expect(201);
    let mut answers = Vec::new();
    for (email, password) in [
        (OWNER, "wrong horse battery"),
        (OWNER, ""),
        (OWNER, &"x".repeat(2_000)),
        ("nobody@example.com", PASSWORD),
        ("new@example.com", ""),
        ("not an address", PASSWORD),
        ("' OR 1=1 --", "' OR 1=1 --"),
    ] {
        let answer = Browser::default().sign_in(&server, email, password).await;
        let answer = answer.expect_problem(401, "wrong_credentials");
        assert_eq!(answer.header("set-cookie"), "");
        let mut problem = answer.json.clone();
        problem.as_object_mut().expect("a problem").remove("request_id");
        answers.push(problem);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn signing_in_gives_a_new_token_and_ends_the_one_before() {
    let server = TestServer::start().await;
    let mut browser = owner(&server).await;
    let mut seen = vec![browser.cookie.clone()];
    for _ in 0..3 {
        browser.sign_in(&server, OWNER, PASSWORD).await.expect(201);
        assert!(!seen.contains(&browser.cookie));
        for old in &seen {
            let mut left = Browser { cookie: old.clone() };
            left.get(&server, "/v1/session").await.expect_problem(401, "unauthorized");
        }
        seen.push(browser.cookie.clone());
    }
    // A token that somebody else planted is never taken over.
    let planted = format!("posthaste_session={}", "a".repeat(43));
    let mut victim = Browser { cookie: Some(planted.clone()) };
    victim.sign_in(&server, OWNER, PASSWORD).await.expect(201);
    assert_ne!(victim.cookie, Some(planted.clone()));
    let mut attacker = Browser { cookie: Some(planted) };
    attacker.get(&server, "/v1/session").await.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let server = TestServer::start().await;
    let mut browser = owner(&server).await;
    let mut elsewhere = Browser::default();
    elsewhere.sign_in(&server, OWNER, PASSWORD).await.expect(201);
    let mut stolen = browser.clone();
    let answer = browser.call(&server, "DELETE", "/v1/session", Value::Null).await.expect(204);
    let expected = "posthaste_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0";
    assert_eq!(answer.header("set-cookie"), expected);
    stolen.get(&server, "/v1/session").await.expect_problem(401, "unauthorized");
    elsewhere.get(&server, "/v1/session").await.expect(200);
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_and_changes_the_token() {
    let server = TestServer::start().await;
    let mut browser = owner(&server).await;
    let mut elsewhere = Browser::default();
    elsewhere.sign_in(&server, OWNER, PASSWORD).await.expect(201);
    let mut before = browser.clone();
    let set = async |browser: &mut Browser, body: Value| {
        browser.call(&server, "POST", "/v1/session/password", body).await
    };
    let missing = set(&mut browser, json!({"password": "another one, longer"})).await;
    assert_eq!(missing.expect_problem(422, "invalid").pointers(), ["/current_password"]);
    let body = json!({"password": "another one, longer", "current_password": "wrong"});
    set(&mut browser, body).await.expect_problem(401, "wrong_credentials");
    for weak in ["short", "", "aaaaaaaaaaaaaaaa", &"x".repeat(1_001)] {
        let body = json!({"password": weak, "current_password": PASSWORD});
        let answer = set(&mut browser, body).await.expect_problem(422, "invalid");
        assert_eq!(answer.pointers(), ["/password"]);
        assert!(weak.is_empty() || !answer.text.contains(weak), "{}", answer.text);
    }
    elsewhere.get(&server, "/v1/session").await.expect(200);

    let body = json!({"password": "another one, longer", "current_password": PASSWORD});
    set(&mut browser, body).await.expect(204);
    assert_ne!(browser.cookie, before.cookie);
    browser.get(&server, "/v1/session").await.expect(200);
    for gone in [&mut before, &mut elsewhere] {
        gone.get(&server, "/v1/session").await.expect_problem(401, "unauthorized");
    }
    let mut again = Browser::default();
    again.sign_in(&server, OWNER, PASSWORD).await.expect_problem(401, "wrong_credentials");
    again.sign_in(&server, OWNER, "another one, longer").await.expect(201);
}

/// The password was right when it was compared, which takes its time, and is none any more.
#[tokio::test]
async fn a_password_that_is_changed_during_a_sign_in_lets_nobody_in() {
    let server = TestServer::start().await;
    owner(&server).await;
    let mut known = Browser::default();
    known.sign_in(&server, OWNER, PASSWORD).await.expect(201);
    let key = &server.keys.platform;
    let users = server.call("GET", "/v1/users", key, Value::Null).await.expect(200).json;
    let path = format!("/v1/users/{}/link", users["data"][0]["id"].as_str().expect("an id"));
    let link = server.call("POST", &path, key, Value::Null).await.expect(201).json;
    let mut by_link = Browser::default();
    by_link.follow(&server, link["url_path"].as_str().expect("a path")).await.expect(201);
    // Two passwords are hashed at a time, so most of these wait until the new one is set.
    let mut late = vec![Browser::default(); 6];
    let sign_ins = late.iter_mut().map(|browser| browser.sign_in(&server, OWNER, PASSWORD));
    let set = by_link.set_password(&server, "another good password");
    let (set, _) = tokio::join!(set, join_all(sign_ins));
    set.expect(204);
    for browser in &mut late {
        browser.get(&server, "/v1/session").await.expect_problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_link_lets_a_user_in_who_lost_the_password() {
    let server = TestServer::start().await;
    let mut browser = owner(&server).await;
    let id = browser.get(&server, "/v1/session").await.json["user"]["id"].clone();
    let path = format!("/v1/users/{}/link", id.as_str().expect("an id"));
    let key = &server.keys.platform;
    let link = server.call("POST", &path, key, Value::Null).await.expect(201);
    assert_eq!(link.json["expires_at"], "2026-11-24T12:00:00.000Z");
    let url_path = link.json["url_path"].as_str().expect("a path");
    let mut elsewhere = Browser::default();
    let session = elsewhere.follow(&server, url_path).await.expect(201);
    assert_eq!(session.json["asks_current_password"], false);
    server.advance(HOUR);
    let session = elsewhere.get(&server, "/v1/session").await;
    assert_eq!(session.json["asks_current_password"], true);
    elsewhere.set_password(&server, "a new password").await.expect_problem(422, "invalid");
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_at_last_in_any_case() {
    let server = TestServer::start().await;
    let mut browser = owner(&server).await;
    server.advance(SESSION_IDLE - Duration::from_millis(1));
    browser.get(&server, "/v1/session").await.expect(200);
    server.advance(SESSION_IDLE);
    browser.get(&server, "/v1/session").await.expect_problem(401, "unauthorized");

    browser.sign_in(&server, OWNER, PASSWORD).await.expect(201);
    let days = SESSION_LONGEST.as_secs() / 86_400;
    for day in 0..days {
        let answer = browser.get(&server, "/v1/session").await;
        assert_eq!(answer.status.as_u16(), 200, "day {day}");
        server.advance(Duration::from_hours(24));
    }
    browser.get(&server, "/v1/session").await.expect_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_key_beside_a_cookie_decides_alone() {
    let server = TestServer::start().await;
    let browser = owner(&server).await;
    let with_key = async |key: &str, path: &str| {
        let authorization = format!("Bearer {key}");
        let headers = [("authorization", authorization.as_str())];
        browser.call_with(&server, "GET", path, Value::Null, &headers).await
    };
    with_key(&server.keys.read, "/v1/users").await.expect_problem(403, "forbidden");
    with_key("phk_unknown", "/v1/webhooks").await.expect_problem(401, "unauthorized");
    let session = with_key(&server.keys.read, "/v1/session").await.expect(200);
    assert_eq!(session.json["user"], Value::Null);
    assert_eq!(session.json["role"], "read");
    assert_eq!(session.json["accounts_allowed"], "one");
    assert_eq!(session.json["expires_at"], Value::Null);
    let session = with_key(&server.keys.publish, "/v1/session").await.expect(200);
    assert_eq!(session.json["role"], "publish");
    // And a key has no session to end.
    for (method, path, body) in [
        ("DELETE", "/v1/session", Value::Null),
        ("POST", "/v1/session/password", json!({"password": PASSWORD})),
    ] {
        let answer = server.call(method, path, &server.keys.platform, body).await;
        answer.expect_problem(403, "forbidden");
    }
}

#[tokio::test]
async fn another_sites_page_changes_nothing_for_a_user() {
    let server = TestServer::start().await;
    let browser = owner(&server).await;
    let webhook = json!({"title": "T", "url": "https://example.com/", "events": ["*"]});
    let call = async |method: &str, path: &str, body: &Value, headers: &[(&str, &str)]| {
        browser.call_with(&server, method, path, body.clone(), headers).await
    };
    let foreign: [&[(&str, &str)]; 8] = [
        &[],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "https://posthaste.test.evil.example")],
        &[("origin", "https://posthaste.test"), ("origin", "https://evil.example")],
        &[("origin", "https://posthaste.test"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
    ];
    let event = json!({"event": "call.ended", "data": {}});
    let name = json!({"name": "x"});
    for headers in foreign {
        for (method, path, body) in [
            ("POST", "/v1/webhooks", &webhook),
            ("POST", "/v1/events", &event),
            ("POST", "/v1/accounts", &name),
            ("DELETE", "/v1/session", &Value::Null),
            ("POST", "/v1/session/password", &json!({"password": PASSWORD})),
        ] {
            let answer = call(method, path, body, headers).await;
            assert_eq!(answer.code(), "cross_origin", "{method} {path} {headers:?}");
            assert_eq!(answer.status.as_u16(), 403);
        }
        call("GET", "/v1/webhooks", &Value::Null, headers).await.expect(200);
    }
    let own: [&[(&str, &str)]; 4] = [
        &[("origin", "https://posthaste.test")],
        &[("origin", "http://posthaste.test:80")],
        &[("sec-fetch-site", "same-origin")],
        &[("origin", "https://behind.a.proxy"), ("sec-fetch-site", "same-origin")],
    ];
    for headers in own {
        call("POST", "/v1/webhooks", &webhook, headers).await.expect(201);
    }
    call("POST", "/v1/events", &event, own[0]).await.expect(202);
    let stored = server.get("/v1/webhooks").await.json;
    assert_eq!(stored["data"].as_array().map(Vec::len), Some(own.len()));
    // Nor does one sign anybody in, as whomever.
    let credentials = json!({"email": OWNER, "password": PASSWORD});
    for headers in foreign.into_iter().filter(|headers| !headers.is_empty()) {
        let nobody = Browser::default();
        for (path, body) in
            [("/v1/session", credentials.clone()), ("/v1/session/link", json!({"token": "x"}))]
        {
            let answer = nobody.call_with(&server, "POST", path, body, headers).await;
            answer.expect_problem(403, "cross_origin");
        }
    }
    Browser::default()
        .call_with(&server, "POST", "/v1/session", credentials, &[])
        .await
        .expect(201);
}

#[tokio::test]
async fn a_password_cannot_be_found_by_trying() {
    let server = TestServer::start().await;
    owner(&server).await;
    let sign_in = async |from: &str, email: &str, password: &str| {
        let body = json!({"email": email, "password": password}).to_string();
        let request = Request::post("/v1/session").header("content-type", "application/json");
        server.send_from(from, request.body(Body::from(body)).expect("a request")).await
    };
    for number in 0..10 {
        let from = format!("198.51.100.{number}");
        sign_in(&from, OWNER, "wrong").await.expect_problem(401, "wrong_credentials");
    }
    // Not even the right one, from wherever.
    let refused = sign_in("203.0.113.1", OWNER, PASSWORD).await;
    let refused = refused.expect_problem(429, "too_many_attempts");
    assert_eq!(refused.header("retry-after"), "901");
    assert_eq!(refused.header("set-cookie"), "");
    // Others can sign in meanwhile, and an unknown address has the same limit.
    for _ in 0..10 {
        sign_in("203.0.113.1", "nobody@example.com", "x")
            .await
            .expect_problem(401, "wrong_credentials");
    }
    sign_in("203.0.113.1", "nobody@example.com", "x")
        .await
        .expect_problem(429, "too_many_attempts");
    server.advance(Duration::from_secs(901));
    sign_in("203.0.113.1", OWNER, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn one_remote_address_tries_so_often_whoever_it_says_it_is() {
    let server = TestServer::start().await;
    let sign_in = async |from: &str, number: usize| {
        let body = json!({"token": format!("wrong {number}")}).to_string();
        let request = Request::post("/v1/session/link").header("content-type", "application/json");
        server.send_from(from, request.body(Body::from(body)).expect("a request")).await
    };
    for number in 0..60 {
        sign_in("2001:db8::1", number).await.expect_problem(401, "invalid_link");
    }
    sign_in("2001:db8::2", 60).await.expect_problem(429, "too_many_attempts");
    sign_in("2001:db8:1::2", 61).await.expect_problem(401, "invalid_link");
}

#[tokio::test]
async fn nobody_has_more_than_twenty_sessions() {
    let server = TestServer::start().await;
    let mut browsers = vec![owner(&server).await];
    for _ in 0..20 {
        server.advance(Duration::from_secs(1));
        let mut browser = Browser::default();
        browser.sign_in(&server, OWNER, PASSWORD).await.expect(201);
        browsers.push(browser);
    }
    let mut oldest = browsers.remove(0);
    oldest.get(&server, "/v1/session").await.expect_problem(401, "unauthorized");
    for mut browser in browsers {
        browser.get(&server, "/v1/session").await.expect(200);
    }
}

#[tokio::test]
async fn behind_a_proxy_with_tls_the_cookie_is_secure() {
    let server = TestServer::start().await;
    owner(&server).await;
    let body = json!({"email": OWNER, "password": PASSWORD});
    let headers = [("x-forwarded-proto", "https"), ("origin", "https://posthaste.test")];
    let answer = Browser::default().call_with(&server, "POST", "/v1/session", body, &headers).await;
    assert!(answer.expect(201).header("set-cookie").ends_with("; Secure"));
}

#[tokio::test]
async fn no_cookie_breaks_anything() {
    let server = TestServer::start().await;
    let browser = owner(&server).await;
    let good = browser.cookie.clone().expect("signed in");
    let mut junk: Vec<Vec<u8>> = [
        "",
        "=",
        ";",
        "posthaste_session",
        "posthaste_session=",
        "posthaste_session=x",
        "posthaste_session=' OR 1=1 --",
        "posthaste_session=\"quoted\"",
        "POSTHASTE_SESSION=x",
        "__Host-posthaste_session=x",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    junk.push(b"posthaste_session=\xff\xfe".to_vec());
    junk.push(format!("posthaste_session={}", "a".repeat(50_000)).into_bytes());
    junk.push(format!("{good}; {good}").into_bytes());
    junk.push(format!("{good}; posthaste_session={}", "a".repeat(43)).into_bytes());
    junk.push(good.to_uppercase().into_bytes());
    for cookie in junk {
        let request = Request::get("/v1/session").header("cookie", cookie.clone());
        let answer = server.send(request.body(Body::empty()).expect("a request")).await;
        let what = String::from_utf8_lossy(&cookie[..cookie.len().min(60)]).into_owned();
        assert_eq!(answer.code(), "unauthorized", "{what}");
    }
}

#[tokio::test]
async fn a_user_of_one_account_works_in_that_one() {
    let server = TestServer::start().await;
    let (mut ann, _) = invited(&server, &server.keys.other, "ann@example.com", "owner").await;
    let session = ann.get(&server, "/v1/session").await.expect(200);
    assert_eq!(session.json["accounts_allowed"], "one");
    let account = json!({"id": server.other_account.to_string(), "name": "other"});
    assert_eq!(session.json["account"], account);
    let webhook = server.webhook(&["*"]).await;
    let path = format!("/v1/webhooks/{webhook}");
    ann.get(&server, &path).await.expect_problem(404, "not_found");
    for name in ["default", "nowhere"] {
        let headers = [("posthaste-account", name)];
        let answer = ann.call_with(&server, "GET", "/v1/webhooks", Value::Null, &headers).await;
        answer.expect_problem(403, "forbidden");
    }
    ann.get(&server, "/v1/accounts").await.expect_problem(403, "forbidden");
    // An owner of the platform names one.
    let root = owner(&server).await;
    let headers = [("posthaste-account", "other")];
    let session = root.call_with(&server, "GET", "/v1/session", Value::Null, &headers).await;
    assert_eq!(session.json["account"], account);
    let answer = root.call_with(&server, "GET", &path, Value::Null, &headers).await;
    answer.expect_problem(404, "not_found");
}

#[tokio::test]
async fn behind_a_trusted_proxy_everybody_has_an_address_of_their_own() {
    let proxies = TrustedProxies::parse(&["10.0.0.0/8".to_owned()]).expect("a network");
    let settings = Settings { trusted_proxies: proxies, ..Settings::default() };
    let server = TestServer::start_with(settings, None).await;
    let try_link = async |peer: &str, forwarded: &[&str]| {
        let mut request =
            Request::post("/v1/session/link").header("content-type", "application/json");
        for value in forwarded {
            request = request.header("x-forwarded-for", *value);
        }
        let request = request.body(Body::from(json!({"token": "x"}).to_string()));
        server.send_from(peer, request.expect("a request")).await.status.as_u16()
    };
    for _ in 0..60 {
        assert_eq!(try_link("10.0.0.1", &["203.0.113.1"]).await, 401);
    }
    assert_eq!(try_link("10.0.0.1", &["203.0.113.1"]).await, 429);
    assert_eq!(try_link("10.0.0.1", &["1.2.3.4, 203.0.113.1"]).await, 429, "made up");
    assert_eq!(try_link("10.0.0.1", &["1.2.3.4", "203.0.113.1, 10.0.0.2"]).await, 429);
    assert_eq!(try_link("10.0.0.1", &["203.0.113.2"]).await, 401);
    // Whoever is no proxy of ours speaks for itself only.
    assert_eq!(try_link("203.0.113.1", &["203.0.113.3"]).await, 429);
    let key = &server.keys.platform;
    let log = server.call("GET", "/v1/audit-log?limit=1", key, Value::Null).await.expect(200);
    assert_eq!(log.json["data"][0]["remote_address"], "203.0.113.2");
}
