//! The real binary, as a user starts it, on a temporary folder.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::Http;
use crate::receiver::Receiver;

const KEY: &str = "phk_endtoendendtoendendtoendendtoend";

pub struct Server {
    folder: TempDir,
    child: Child,
    base: String,
    pub http: Http,
}

impl Server {
    pub fn start() -> Server {
        Server::start_in(tempfile::tempdir().expect("a temporary folder"))
    }

    fn start_in(folder: TempDir) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .args(["serve", "--listen", "127.0.0.1:0", "--egress-allow", "127.0.0.1"])
            .arg("--data")
            .arg(folder.path().join("data"))
            .env("POSTHASTE_API_KEY", KEY)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the binary starts");
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut lines = stdout.lines().map(|line| line.expect("text"));
        let base = lines
            .find_map(|line| {
                let at = line.find("http://127.0.0.1:")?;
                let address = &line[at..];
                let end = address.find(|c: char| c.is_whitespace()).unwrap_or(address.len());
                Some(address[..end].trim_end_matches('/').to_owned())
            })
            .expect("it says where it listens");
        // Whatever it says later must be read, or it would wait for room in the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Server { folder, child, base, http: Http::new() }
    }

    /// kill -9, at once.
    pub fn kill_and_restart(mut self) -> Server {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it has ended");
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().expect("a folder"));
        Server::start_in(folder)
    }

    pub fn kill_later(&mut self) -> impl FnOnce() + Send + 'static {
        let pid = self.child.id().to_string();
        move || {
            let status = Command::new("kill").args(["-9", &pid]).status().expect("kill runs");
            assert!(status.success());
        }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let url = format!("{}{path}", self.base);
        self.http.send(method, &url, &[("authorization", &bearer())], body).await
    }

    /// Posts a body as it stands, which need not be JSON that `Value` can hold.
    pub async fn post_raw(&self, path: &str, body: String) -> (u16, Value) {
        let url = format!("{}{path}", self.base);
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

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
