//! The receivers of `tests/receivers`, run as their users run them: a Node or Python process each.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;

use crate::http::Http;

pub struct Receiver {
    /// Ends with its standard input, so it cannot outlive the test.
    _stdin: ChildStdin,
    child: Child,
    base: String,
    http: Http,
}

impl Receiver {
    pub fn node(script: &str, env: &[(&str, &str)]) -> Receiver {
        Receiver::start(Command::new("node"), script, env)
    }

    pub fn python(script: &str) -> Receiver {
        Receiver::start(Command::new(root().join(".venv/bin/python")), script, &[])
    }

    fn start(mut command: Command, script: &str, env: &[(&str, &str)]) -> Receiver {
        let mut child = command
            .arg(root().join("tests/receivers").join(script))
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{script} does not start ({error}): make test sets up"));
        let stdin = child.stdin.take().expect("piped");
        let mut ready = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        stdout.read_line(&mut ready).expect("it says where it listens");
        let ready: Value = serde_json::from_str(&ready).expect("one JSON line");
        let base = format!("http://127.0.0.1:{}", ready["port"]);
        Receiver { _stdin: stdin, child, base, http: Http::new() }
    }

    /// Where deliveries go: the address in the webhook guide.
    pub fn url(&self) -> String {
        format!("{}/webhook/ai-sync", self.base)
    }

    pub async fn learn_secret(&self, webhook: &str, secret: &str) {
        let body = serde_json::json!({ "secrets": { webhook: secret } });
        let url = format!("{}/__control", self.base);
        let (status, _) = self.http.send("POST", &url, &[], body.to_string()).await;
        assert_eq!(status, 200);
    }

    /// Its counts, once it has verified `unique` different deliveries.
    pub async fn wait_for(&self, unique: usize) -> Value {
        let url = format!("{}/__wait?unique={unique}", self.base);
        let (status, report) = self.http.send("GET", &url, &[], String::new()).await;
        assert_eq!(status, 200);
        report
    }

    pub async fn report(&self) -> Value {
        let url = format!("{}/__report", self.base);
        self.http.send("GET", &url, &[], String::new()).await.1
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
