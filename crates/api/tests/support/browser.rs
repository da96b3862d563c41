//! A browser of a test: it keeps the session's cookie, and says where its requests come from.

use axum::body::Body;
use axum::http::{Request, header};
use posthaste_core::session::{Link, Token};
use serde_json::{Value, json};

use super::{Answer, TestServer};

pub const HOST: &str = "posthaste.test";
const ORIGIN: &str = "https://posthaste.test";
pub const PASSWORD: &str = "correct horse battery";

#[derive(Debug, Clone, Default)]
pub struct Browser {
    /// `posthaste_session=…`, while there is one.
    pub cookie: Option<String>,
}

impl Browser {
    /// On a page of the server. Keeps the cookie it is given.
    pub async fn call(
        &mut self,
        server: &TestServer,
        method: &str,
        path: &str,
        body: Value,
    ) -> Answer {
        let headers = [("origin", ORIGIN)];
        let answer = self.call_with(server, method, path, body, &headers).await;
        if let Some(cookie) = answer.headers.get(header::SET_COOKIE) {
            let text = cookie.to_str().expect("visible").split(';').next().expect("a pair");
            self.cookie = (!text.ends_with('=')).then(|| text.to_owned());
        }
        answer
    }

    pub async fn get(&mut self, server: &TestServer, path: &str) -> Answer {
        self.call(server, "GET", path, Value::Null).await
    }

    /// With headers of the test's choice; keeps nothing.
    pub async fn call_with(
        &self,
        server: &TestServer,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let request = if body.is_null() {
            request.body(Body::empty())
        } else {
            request.header("content-type", "application/json").body(Body::from(body.to_string()))
        };
        server.send(request.expect("a request")).await
    }

    pub async fn sign_in(&mut self, server: &TestServer, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        self.call(server, "POST", "/v1/session", body).await
    }

    pub async fn follow(&mut self, server: &TestServer, url_path: &str) -> Answer {
        let body = json!({ "token": token_of(url_path) });
        self.call(server, "POST", "/v1/session/link", body).await
    }

    pub async fn set_password(&mut self, server: &TestServer, password: &str) -> Answer {
        let body = json!({ "password": password });
        self.call(server, "POST", "/v1/session/password", body).await
    }
}

pub fn token_of(url_path: &str) -> &str {
    url_path.split_once("#link=").expect("a link").1
}

/// The link that a new server prints.
pub async fn first_link(server: &TestServer) -> String {
    let token = Token::generate(&*server.state.entropy);
    let link = Link::first(server.state.now(), &token);
    assert!(server.store.put_link(link).await.expect("stored"));
    token.link_path()
}

/// The first owner, signed in, with [`PASSWORD`].
pub async fn owner(server: &TestServer) -> Browser {
    let mut browser = Browser::default();
    let link = first_link(server).await;
    browser.follow(server, &link).await.expect(201);
    browser.set_password(server, PASSWORD).await.expect(204);
    browser
}

/// Invites somebody as `key` and signs them in, with [`PASSWORD`]. Answers the user's id too.
pub async fn invited(server: &TestServer, key: &str, email: &str, role: &str) -> (Browser, String) {
    let body = json!({ "email": email, "name": email, "role": role });
    let invited = server.call("POST", "/v1/users", key, body).await.expect(201);
    let link = invited.json["link"]["url_path"].as_str().expect("a path").to_owned();
    let mut browser = Browser::default();
    browser.follow(server, &link).await.expect(201);
    browser.set_password(server, PASSWORD).await.expect(204);
    (browser, invited.id())
}
