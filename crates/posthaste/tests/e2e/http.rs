//! A plain HTTP client for tests, on the product's own dialer: the only one in the process.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use posthaste_core::target_url::TargetUrl;
use posthaste_dispatch::client::HttpClient;
use posthaste_dispatch::resolver::SystemResolver;
use posthaste_dispatch::tls::TrustRoots;
use posthaste_dispatch::transport::SendError;
use serde_json::Value;

/// As long as a test may wait for one answer: `wait_for` of a receiver is one.
const TIMEOUT: Duration = Duration::from_secs(120);
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

#[derive(Clone)]
pub struct Http(Arc<HttpClient>);

impl Http {
    pub fn new() -> Http {
        let resolver = Arc::new(SystemResolver::new().expect("a resolver"));
        let trust = TrustRoots::only([]).expect("none is wrong among none");
        Http(Arc::new(HttpClient::new(resolver, HttpClient::any_target(), &trust)))
    }

    pub async fn try_send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<(u16, Value), SendError> {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let url = TargetUrl::parse(url).expect("a URL");
        let mut map = HeaderMap::new();
        map.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            map.insert(name, HeaderValue::from_str(value).expect("a header value"));
        }
        let (status, _, body) =
            self.0.request(method, &url, map, body.into(), TIMEOUT, ANSWER_BYTES_MAX).await?;
        let json = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()))
        };
        Ok((status.as_u16(), json))
    }

    pub async fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> (u16, Value) {
        let answer = self.try_send(method, url, headers, body).await;
        answer.unwrap_or_else(|error| panic!("{url}: {error}"))
    }
}
