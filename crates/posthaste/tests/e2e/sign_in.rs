//! A person on a new server: the link from its output, a password, out, and in again.

use serde_json::{Value, json};

use crate::support::{Options, Response, Server, http};

const PASSWORD: &str = "correct horse battery";

/// A browser on a page of the server.
struct Browser<'s> {
    server: &'s Server,
    cookie: String,
}

impl Browser<'_> {
    fn call(&mut self, method: &str, path: &str, body: &Value) -> Response {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let url = &self.server.url;
        let mut headers = vec![("origin", url.as_str()), ("cookie", self.cookie.as_str())];
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        let answer = http(method, &format!("{url}{path}"), &headers, body.as_bytes());
        let answer = answer.expect("an answer");
        if let Some(cookie) = answer.header("set-cookie") {
            assert!(cookie.contains("; HttpOnly; SameSite=Strict; Path=/"), "{cookie}");
            self.cookie = cookie.split(';').next().expect("a pair").to_owned();
        }
        answer
    }

    #[track_caller]
    fn expect(&mut self, method: &str, path: &str, body: &Value, status: u16) -> Value {
        let answer = self.call(method, path, body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }
}

/// Of a server that makes its first key itself, as one does that people started.
fn without_key() -> Options {
    let environment = vec![("POSTHASTE_API_KEY".to_owned(), String::new())];
    Options { environment, ..Options::default() }
}

/// The link that the server printed when it started, if it did: where it leads, and its token.
fn printed_link(server: &Server) -> Option<(String, String)> {
    let output = server.output.lock().expect("no reader panicked");
    let mut links = output.split_whitespace().filter_map(|word| word.split_once("/sign-in#link="));
    let (base, token) = links.next()?;
    Some((base.to_owned(), token.to_owned()))
}

fn printed_token(server: &Server) -> Option<String> {
    let (base, token) = printed_link(server)?;
    assert_eq!(base, server.url);
    Some(token)
}

#[test]
fn the_first_person_follows_the_link_sets_a_password_and_comes_back() {
    let mut server = Server::start(without_key());
    let token = printed_token(&server).expect("a link on the first start");
    let mut browser = Browser { server: &server, cookie: String::new() };
    let session = browser.expect("POST", "/v1/session/link", &json!({ "token": token }), 201);
    assert_eq!(session["role"], "owner");
    assert_eq!(session["needs_password"], true);
    browser.expect("POST", "/v1/session/link", &json!({ "token": token }), 401);
    browser.expect("POST", "/v1/session/password", &json!({ "password": PASSWORD }), 204);
    let webhook = json!({"title": "T", "url": "https://example.com/", "events": ["*"]});
    browser.expect("POST", "/v1/webhooks", &webhook, 201);
    let signed_in = browser.cookie.clone();
    browser.expect("DELETE", "/v1/session", &Value::Null, 204);
    browser.cookie = signed_in;
    browser.expect("GET", "/v1/session", &Value::Null, 401);

    let credentials = json!({ "email": "owner@localhost", "password": PASSWORD });
    browser.expect("POST", "/v1/session", &credentials, 201);
    let log = browser.expect("GET", "/v1/audit-log", &Value::Null, 200);
    let entries = log["data"].as_array().expect("a list");
    let actions: Vec<&str> = entries.iter().filter_map(|entry| entry["action"].as_str()).collect();
    let expected = [
        "session.started",
        "session.ended",
        "webhook.created",
        "user.password_set",
        "session.refused",
        "session.started",
    ];
    assert_eq!(actions, expected);
    assert!(entries.iter().all(|entry| entry["remote_address"] == "127.0.0.1"), "{log:#}");
    for secret in [PASSWORD, "argon2", &token, "whsec_"] {
        assert!(!log.to_string().contains(secret), "{secret}");
    }

    // Sessions outlive the process; the link does not come again.
    let cookie = browser.cookie.clone();
    server.restart();
    assert_eq!(printed_token(&server), None);
    let mut browser = Browser { server: &server, cookie };
    browser.expect("GET", "/v1/session", &Value::Null, 200);
}

#[test]
fn a_dev_server_prints_a_link_at_every_start() {
    let mut server = Server::dev();
    let first = printed_token(&server).expect("a link");
    let follow = |server: &Server, token: &str, status: u16| {
        let mut browser = Browser { server, cookie: String::new() };
        browser.expect("POST", "/v1/session/link", &json!({ "token": token }), status)
    };
    let owner = follow(&server, &first, 201)["user"]["id"].clone();
    for _ in 0..2 {
        server.restart();
        let token = printed_token(&server).expect("a link");
        let session = follow(&server, &token, 201);
        assert_eq!(session["user"]["id"], owner, "the same user");
        follow(&server, &token, 401);
    }
}

#[test]
fn a_link_that_nobody_used_is_printed_anew() {
    let mut server = Server::start(without_key());
    let first = printed_token(&server).expect("a link");
    server.restart();
    let second = printed_token(&server).expect("nobody has signed in yet");
    let mut browser = Browser { server: &server, cookie: String::new() };
    browser.expect("POST", "/v1/session/link", &json!({ "token": first }), 401);
    browser.expect("POST", "/v1/session/link", &json!({ "token": second }), 201);
}

#[test]
fn the_link_leads_to_where_browsers_reach_the_server() {
    let mut options = without_key();
    options.arguments = vec!["--public-url".to_owned(), "https://hooks.example.com/".to_owned()];
    let server = Server::start(options);
    let (base, _) = printed_link(&server).expect("a link");
    assert_eq!(base, "https://hooks.example.com");
}

/// Whoever hands a key in lets people in with it; the output of such a server is often kept where
/// many can read it.
#[test]
fn a_server_that_was_given_a_key_prints_no_link_and_says_how_the_first_person_is_let_in() {
    let mut server = Server::start(Options::default());
    assert_eq!(printed_link(&server), None);
    let advice = "posthaste user invite EMAIL --role owner";
    assert!(server.output.lock().expect("no reader panicked").contains(advice));
    let invite = ["user", "invite", "ann@example.com", "--role", "owner"];
    let ann = server.run(&invite).expect_code(0).json();
    let link = ann["link"]["url"].as_str().expect("a link");
    let (_, token) = link.split_once("#link=").expect("a token");
    let mut browser = Browser { server: &server, cookie: String::new() };
    let session = browser.expect("POST", "/v1/session/link", &json!({ "token": token }), 201);
    assert_eq!(session["role"], "owner");
    server.restart();
    let output = server.output.lock().expect("no reader panicked").clone();
    assert!(!output.contains("sign-in#link=") && !output.contains(advice), "{output}");
}
