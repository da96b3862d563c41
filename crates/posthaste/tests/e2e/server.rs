//! The real binary as the end-to-end tests call it: many calls at a time, over kept connections.

use serde_json::{Value, json};

use crate::http::Http;
use crate::receiver::Receiver;
use crate::support::{self, KEY, Options};

pub struct Server {
    process: support::Server,
    pub http: Http,
}

impl Server {
    /// On an empty folder, allowed to deliver to this machine.
    pub fn start() -> Server {
        Server::start_with(&["127.0.0.1"])
    }

    /// Allowed to deliver there.
    pub fn start_with(egress_allow: &[&str]) -> Server {
        let arguments = egress_allow
            .iter()
            .flat_map(|allowed| ["--egress-allow".to_owned(), (*allowed).to_owned()])
            .collect();
        let process = support::Server::start(Options { arguments, ..Options::default() });
        Server { process, http: Http::new() }
    }

    /// kill -9, at once, and a new process on the same folder.
    pub fn kill_and_restart(mut self) -> Server {
        self.process.restart();
        self
    }

    /// kill -9, while others still talk to it.
    pub fn kill(&self) {
        self.process.signal("KILL");
    }

    pub fn base(&self) -> &str {
        &self.process.url
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let url = format!("{}{path}", self.base());
        self.http.send(method, &url, &[("authorization", &bearer())], body).await
    }

    /// Posts a body as it stands, which need not be JSON that `Value` can hold.
    pub async fn post_raw(&self, path: &str, body: String) -> (u16, Value) {
        let url = format!("{}{path}", self.base());
        self.http.send("POST", &url, &[("authorization", &bearer())], body).await
    }

    /// A webhook for everything at `url`; answers its id and secret.
    pub async fn webhook(&self, title: &str, url: &str, more: Value) -> (String, String) {
        let mut body = json!({ "title": title, "url": url, "events": ["*"] });
        let members = body.as_object_mut().expect("an object");
        members.extend(more.as_object().cloned().unwrap_or_default());
        let (status, webhook) = self.call("POST", "/v1/webhooks", body).await;
        assert_eq!(status, 201, "{webhook}");
        let text = |name: &str| webhook[name].as_str().expect("a string").to_owned();
        (text("id"), text("secret"))
    }

    /// A webhook for a receiver that learns its secret.
    pub async fn webhook_for(&self, receiver: &Receiver, title: &str) -> String {
        let (id, secret) = self.webhook(title, &receiver.url(), Value::Null).await;
        receiver.learn_secret(&id, &secret).await;
        id
    }
}

pub fn bearer() -> String {
    format!("Bearer {KEY}")
}
