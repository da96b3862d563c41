//! A small HTTP client for everything of ours that is not a delivery: the command line and the
//! load generator. It shares the dialer, the bounds and the words for failures with the
//! transport, and like it never follows redirects.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use posthaste_core::attempt::UnreachableReason;
use posthaste_core::egress::EgressPolicy;
use posthaste_core::header_lines::HeaderLines;
use posthaste_core::target_url::TargetUrl;

use crate::dialer::Dialer;
use crate::http_transport::{Call, CallHeaders, Connections, OnStale, classify};
use crate::resolver::Resolve;
use crate::tls::TrustRoots;
use crate::transport::SendError;

pub struct HttpClient {
    connections: Connections,
}

impl HttpClient {
    pub fn new(resolver: Arc<dyn Resolve>, policy: EgressPolicy, trust: &TrustRoots) -> HttpClient {
        HttpClient { connections: Connections::new(Dialer::new(resolver, policy, trust)) }
    }

    /// For whoever calls only URLs that were typed in by the person at the machine. Not for a
    /// server: its URLs come from customers.
    pub fn any_target() -> EgressPolicy {
        EgressPolicy::allowing(["0.0.0.0/0", "::/0"]).expect("both are networks")
    }

    /// One request and its whole answer. An answer over `body_bytes_max` is an error, since half
    /// a document is worth nothing to the caller. A request is never sent twice.
    pub async fn request(
        &self,
        method: Method,
        url: &TargetUrl,
        headers: HeaderMap,
        body: Bytes,
        timeout: Duration,
        body_bytes_max: usize,
    ) -> Result<(StatusCode, HeaderMap, Bytes), SendError> {
        let call = Call {
            method,
            url,
            headers: CallHeaders::Map(&headers),
            body: &body,
            body_bytes_max,
            on_stale: OnStale::Fail,
        };
        let (result, _) = self.connections.call_within(timeout, call).await;
        let answer = result?;
        if answer.truncated {
            let message = format!("the answer is longer than {body_bytes_max} bytes");
            return Err(SendError::Unreachable { reason: UnreachableReason::Protocol, message });
        }
        let status = StatusCode::from_u16(answer.status).expect("checked when it was read");
        Ok((status, map_of(&answer.headers), answer.body.into()))
    }

    /// A GET whose answer is read as it comes, such as a live stream. Only its head must be there
    /// within `timeout`.
    pub async fn open(
        &self,
        url: &TargetUrl,
        headers: &HeaderMap,
        timeout: Duration,
    ) -> Result<OpenAnswer, SendError> {
        let call = Call {
            method: Method::GET,
            url,
            headers: CallHeaders::Map(headers),
            body: &Bytes::new(),
            body_bytes_max: 0,
            on_stale: OnStale::Fail,
        };
        let answer = self.connections.open_within(timeout, &call).await?;
        Ok(OpenAnswer { status: answer.status(), body: answer.into_body() })
    }
}

/// An answer whose body is on its way. Dropping it closes the connection.
pub struct OpenAnswer {
    pub status: StatusCode,
    body: Incoming,
}

impl OpenAnswer {
    /// The next bytes; `None` at the body's end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, SendError> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| classify(&error))?;
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

/// Of those that are headers: which is all of them, unless one has an odd name.
fn map_of(lines: &HeaderLines) -> HeaderMap {
    let parse = |(name, value): (&str, &str)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.iter().filter_map(parse) {
        headers.append(name, value);
    }
    headers
}
