//! A small HTTP client for everything of ours that is not a delivery: the command line and the
//! load generator. It shares the dialer, the bounds and the words for failures with the
//! transport, and like it never follows redirects.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use posthaste_core::attempt::UnreachableReason;
use posthaste_core::egress::EgressPolicy;
use posthaste_core::header_lines::HeaderLines;
use posthaste_core::target_url::TargetUrl;

use crate::dialer::Dialer;
use crate::http_transport::{Call, CallHeaders, Connections, OnStale};
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
