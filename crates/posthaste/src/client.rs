//! Calls a Posthaste server's API. Uses dispatch's client, so that even the command line opens
//! connections through the process's one dialer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use http::{Method, StatusCode};
use posthaste_core::limits::PAGE_LIMIT_MAX;
use posthaste_core::target_url::TargetUrl;
use posthaste_dispatch::client::{HttpClient, OpenAnswer};
use posthaste_dispatch::resolver::SystemResolver;
use posthaste_dispatch::tls::TrustRoots;
use posthaste_dispatch::transport::SendError;
use serde_json::Value;

use crate::exit::{Exit, Failure};

/// The longest answer taken: a page of 200 deliveries, or the API's description, is far below.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Of a refusal of a stream: more is no problem document.
const PROBLEM_BYTES_MAX: usize = 64 * 1024;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const ACCOUNT: HeaderName = HeaderName::from_static("posthaste-account");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Which server is called, and as whom.
#[derive(Debug, Clone)]
pub struct Access {
    /// Without a slash at its end.
    pub url: String,
    pub key: Option<String>,
    /// For platform keys: the account to act for.
    pub account: Option<String>,
    pub timeout: Duration,
}

pub struct ApiClient {
    http: HttpClient,
    access: Access,
}

/// The query of a list: names and values, in order.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(&'static str, String)>);

impl Query {
    pub fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Query {
        if let Some(value) = value {
            self.0.push((name, value.to_string()));
        }
        self
    }

    fn on(&self, path: &str) -> String {
        let pairs: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
    }
}

impl ApiClient {
    pub fn new(access: Access) -> Result<ApiClient, Failure> {
        let resolver = SystemResolver::new()
            .map_err(|error| Failure::failed(format!("no names can be looked up: {error}")))?;
        let trust = TrustRoots::system(None)
            .map_err(|error| Failure::failed(format!("no TLS roots: {error}")))?;
        let http = HttpClient::new(Arc::new(resolver), HttpClient::any_target(), &trust);
        Ok(ApiClient { http, access })
    }

    pub fn access(&self) -> &Access {
        &self.access
    }

    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, None, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::POST, path, Some(body.to_string()), None).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::PUT, path, Some(body.to_string()), None).await
    }

    /// An answer that is no JSON, or is wanted as it came.
    pub async fn get_text(&self, path: &str) -> Result<String, Failure> {
        let (status, _, text) = self.exchange(Method::GET, path, None, None).await?;
        if !status.is_success() {
            return Err(self.refused(status, value_of(&text)));
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::PATCH, path, Some(body.to_string()), None).await
    }

    pub async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::DELETE, path, None, None).await
    }

    /// Posts a text that is JSON already. Events go this way: their numbers must reach the server
    /// as they were typed, so that the server can judge them.
    pub async fn post_text(
        &self,
        path: &str,
        body: String,
        idempotency_key: Option<&str>,
    ) -> Result<Value, Failure> {
        self.call(Method::POST, path, Some(body), idempotency_key).await
    }

    /// Reads a list, page after page, until it ends or `limit` items are there.
    pub async fn list(
        &self,
        path: &str,
        query: &Query,
        limit: usize,
    ) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page_limit = (limit - items.len()).min(PAGE_LIMIT_MAX);
            let query = query.clone().with("limit", Some(page_limit)).with("cursor", cursor);
            let page = self.get(&query.on(path)).await?;
            items.extend(page["data"].as_array().into_iter().flatten().cloned());
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            // A page may be short and still have a cursor: the server looks at a bounded number
            // of rows for one answer.
            if cursor.is_none() || items.len() >= limit {
                items.truncate(limit);
                return Ok(items);
            }
        }
    }

    /// A GET with a query, for what is no list.
    pub async fn get_with(&self, path: &str, query: &Query) -> Result<Value, Failure> {
        self.get(&query.on(path)).await
    }

    /// Posts a file of contacts.
    pub async fn upload(
        &self,
        path: &str,
        query: &Query,
        file: Bytes,
        timeout: Duration,
    ) -> Result<Value, Failure> {
        let url = self.url_of(&query.on(path))?;
        let mut headers = self.headers("application/json", &[])?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv"));
        let sent =
            self.http.request(Method::POST, &url, headers, file, timeout, ANSWER_BYTES_MAX).await;
        let (status, _, text) = sent.map_err(|error| self.unreachable(&error))?;
        let value = value_of(&text);
        if status.is_success() { Ok(value) } else { Err(self.refused(status, value)) }
    }

    /// Opens a file that is read as it comes.
    pub async fn download(&self, path: &str) -> Result<OpenAnswer, Failure> {
        let url = self.url_of(path)?;
        self.open_with(&url, &self.headers("text/csv, application/problem+json", &[])?).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        idempotency_key: Option<&str>,
    ) -> Result<Value, Failure> {
        let (status, headers, text) = self.exchange(method, path, body, idempotency_key).await?;
        let value = value_of(&text);
        if status.is_success() {
            return Ok(value);
        }
        let retry_after = headers.get(RETRY_AFTER).and_then(|text| text.to_str().ok());
        let retry_after = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        Err(Failure { retry_after, ..self.refused(status, value) })
    }

    fn refused(&self, status: StatusCode, problem: Value) -> Failure {
        let mut failure = Failure::of_problem(status.as_u16(), problem);
        if status == StatusCode::UNAUTHORIZED && self.access.key.is_none() {
            failure.message.push_str(" (give a key with --key or PH_KEY)");
        }
        failure
    }

    /// Opens a live stream; `last_id` says where an earlier one ended.
    pub async fn open(
        &self,
        path: &str,
        query: &Query,
        last_id: Option<&str>,
    ) -> Result<OpenAnswer, Failure> {
        let url = self.url_of(&query.on(path))?;
        let headers =
            self.headers("text/event-stream", &[(LAST_EVENT_ID, last_id, "the last id")])?;
        self.open_with(&url, &headers).await
    }

    async fn open_with(&self, url: &TargetUrl, headers: &HeaderMap) -> Result<OpenAnswer, Failure> {
        let opened = self.http.open(url, headers, self.access.timeout).await;
        let mut answer = opened.map_err(|error| self.unreachable(&error))?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let mut text = Vec::new();
        while text.len() < PROBLEM_BYTES_MAX
            && let Ok(Some(bytes)) = answer.next().await
        {
            text.extend_from_slice(&bytes);
        }
        Err(self.refused(answer.status, value_of(&text)))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        idempotency_key: Option<&str>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Failure> {
        let url = self.url_of(path)?;
        let own = [(IDEMPOTENCY_KEY, idempotency_key, "--idempotency-key")];
        let mut headers = self.headers("application/json", &own)?;
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let body = Bytes::from(body.unwrap_or_default());
        let timeout = self.access.timeout;
        let sent = self.http.request(method, &url, headers, body, timeout, ANSWER_BYTES_MAX).await;
        sent.map_err(|error| self.unreachable(&error))
    }

    fn url_of(&self, path: &str) -> Result<TargetUrl, Failure> {
        TargetUrl::parse(&format!("{}{path}", self.access.url))
            .map_err(|invalid| Failure::usage(self.wrong_url(&invalid)))
    }

    /// Those of every call, and its own ones as far as they have a value. With each stands what to
    /// blame for a value that cannot be sent.
    fn headers(
        &self,
        accept: &'static str,
        own: &[(HeaderName, Option<&str>, &str)],
    ) -> Result<HeaderMap, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        let bearer = self.access.key.as_ref().map(|key| format!("Bearer {key}"));
        let common = [
            (AUTHORIZATION, bearer.as_deref(), "--key"),
            (ACCOUNT, self.access.account.as_deref(), "--account"),
        ];
        for (name, text, flag) in common.iter().chain(own) {
            let Some(text) = text else { continue };
            let value = HeaderValue::from_str(text)
                .map_err(|_| Failure::usage(format!("{flag} has characters no header may have")))?;
            headers.insert(name, value);
        }
        Ok(headers)
    }

    /// What is said of a webhook's URL does not fit: a server may well be reached by plain http.
    fn wrong_url(&self, invalid: &impl std::fmt::Display) -> String {
        let url = &self.access.url;
        if url.starts_with("http://") || url.starts_with("https://") {
            return format!("--url {url:?}: {invalid}");
        }
        format!("--url {url:?}: must start with http:// or https://")
    }

    fn unreachable(&self, error: &SendError) -> Failure {
        let url = &self.access.url;
        match error {
            SendError::TimedOut { message } => {
                Failure::new(Exit::TimedOut, format!("{url} did not answer in time: {message}"))
            }
            other => Failure::failed(format!(
                "the server at {url} cannot be reached: {other}; start one with `posthaste \
                 serve`, or name another with --url or PH_URL"
            )),
        }
    }
}

/// JSON, or the text that a proxy sent in its place.
fn value_of(text: &[u8]) -> Value {
    match serde_json::from_slice(text) {
        Ok(value) => value,
        Err(_) if text.is_empty() => Value::Null,
        Err(_) => Value::String(String::from_utf8_lossy(text).into_owned()),
    }
}

/// Percent-encodes what stands in a query or a path segment.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_what_was_given_and_nothing_else() {
        let query = Query::default().with("event", Some("call.*")).with("status", None::<&str>);
        assert_eq!(query.on("/v1/deliveries"), "/v1/deliveries?event=call.%2A");
        assert_eq!(Query::default().on("/v1/events"), "/v1/events");
        assert_eq!(encode("2025-01-15T14:30:25+02:00"), "2025-01-15T14%3A30%3A25%2B02%3A00");
    }
}
