//! What is needed of the product's HTTP API beside posting events: a call, and the few that every
//! scenario makes. One connection for each call that is under way, kept open between calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use posthaste_core::target_url::TargetUrl;
use posthaste_dispatch::client::HttpClient;
use posthaste_dispatch::resolver::StaticResolver;
use posthaste_dispatch::tls::TrustRoots;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::progress::Progress;
use crate::server::Server;

/// For stores that belong to this program.
pub const API_KEY: &str = "phk_bench00000000000000000000000000";
/// Longer than any start that one would wait for, one under valgrind included.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// Between two looks whether a server is ready: it is part of what is measured.
const READY_POLL: Duration = Duration::from_millis(2);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(10);
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Webhooks created at the same time.
const CREATORS: usize = 16;

pub struct Api {
    client: HttpClient,
    address: SocketAddr,
}

impl Api {
    pub fn new(address: SocketAddr) -> anyhow::Result<Api> {
        let resolver = Arc::new(StaticResolver::default());
        let trust = TrustRoots::system(None)?;
        let client = HttpClient::new(resolver, HttpClient::any_target(), &trust);
        Ok(Api { client, address })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let url = TargetUrl::parse(&format!("http://{}{path}", self.address))?;
        let mut headers = HeaderMap::new();
        let key = HeaderValue::try_from(format!("Bearer {API_KEY}"))?;
        headers.insert(AUTHORIZATION, key);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (status, _, answer) = self
            .client
            .request(method, &url, headers, body.into(), CALL_TIMEOUT, ANSWER_BYTES_MAX)
            .await?;
        Ok((status, answer))
    }

    /// A call that has to succeed.
    async fn expect(&self, method: Method, path: &str, body: String) -> anyhow::Result<Bytes> {
        let (status, answer) = self.call(method.clone(), path, body).await?;
        let text = String::from_utf8_lossy(&answer);
        ensure!(status.is_success(), "{method} {path} was answered with {status}: {text}");
        Ok(answer)
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Bytes> {
        self.expect(Method::GET, path, String::new()).await
    }

    pub async fn get_json(&self, path: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.get(path).await?)?)
    }

    /// Returns as soon as the server says that it is ready.
    pub async fn wait_until_ready(&self, server: &mut Server) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            // Refused connections are what a server answers that has not come up yet.
            let answer = self.call(Method::GET, "/readyz", String::new());
            if let Ok(Ok((StatusCode::OK, _))) = timeout(START_TIMEOUT, answer).await {
                return Ok(());
            }
            server.check()?;
            if Instant::now() > deadline {
                bail!("the server does not get ready:\n{}", server.log_tail());
            }
            sleep(READY_POLL).await;
        }
    }

    /// What was created.
    pub async fn create(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.expect(Method::POST, path, body.to_string()).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Posts a CSV file, however long that takes.
    pub async fn upload(&self, path: &str, file: Bytes) -> anyhow::Result<Value> {
        let url = TargetUrl::parse(&format!("http://{}{path}", self.address))?;
        let mut headers = HeaderMap::new();
        let key = HeaderValue::try_from(format!("Bearer {API_KEY}"))?;
        headers.insert(AUTHORIZATION, key);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv"));
        let (status, _, answer) = self
            .client
            .request(Method::POST, &url, headers, file, UPLOAD_TIMEOUT, ANSWER_BYTES_MAX)
            .await?;
        let text = String::from_utf8_lossy(&answer);
        ensure!(status.is_success(), "POST {path} was answered with {status}: {text}");
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Answers its id.
    pub async fn create_webhook(&self, webhook: &Value) -> anyhow::Result<String> {
        let answer = self.expect(Method::POST, "/v1/webhooks", webhook.to_string()).await?;
        let created: Value = serde_json::from_slice(&answer)?;
        Ok(created["id"].as_str().context("a webhook has an id")?.to_owned())
    }

    pub async fn delete_webhook(&self, id: &str) -> anyhow::Result<()> {
        let path = format!("/v1/webhooks/{id}");
        self.expect(Method::DELETE, &path, String::new()).await.map(drop)
    }

    /// Creates `count` webhooks, several at a time; the `n`th is `webhook(n)`.
    pub async fn create_webhooks(
        self: &Arc<Api>,
        count: usize,
        webhook: impl Fn(usize) -> Value + Clone + Send + Sync + 'static,
        progress: &mut Progress,
    ) -> anyhow::Result<()> {
        let next = Arc::new(AtomicUsize::new(0));
        let mut creators = JoinSet::new();
        for _ in 0..CREATORS {
            let (api, next, webhook) = (self.clone(), next.clone(), webhook.clone());
            creators.spawn(async move {
                loop {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    if position >= count {
                        return anyhow::Ok(());
                    }
                    api.create_webhook(&webhook(position)).await?;
                }
            });
        }
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        while !creators.is_empty() {
            tokio::select! {
                Some(ended) = creators.join_next() => ended??,
                _ = ticks.tick() => {
                    let begun = next.load(Ordering::Relaxed).min(count);
                    progress.show(&format!("{begun} of {count} webhooks created"));
                }
            }
        }
        Ok(())
    }
}

/// A webhook as the API wants it.
pub fn webhook(url: &str, event_type: &str) -> Value {
    json!({
        "title": "Receiver",
        "direction": "outbound",
        "url": url,
        "events": [event_type],
    })
}
