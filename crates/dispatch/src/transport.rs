//! What the engine needs of the network: one request out, one answer or a reason back. The engine
//! is tested with a transport of its own; the real one is in `http_transport`.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use posthaste_core::attempt::{Timings, UnreachableReason};
use posthaste_core::custom_headers::CustomHeaders;
use posthaste_core::header_lines::HeaderLines;
use posthaste_core::sent_headers::SentHeaders;
use posthaste_core::target_url::TargetUrl;

/// A `POST`, complete with its signature. `host` and `content-length` are added on the way.
#[derive(Debug, Clone, Copy)]
pub struct AttemptRequest<'r> {
    pub url: &'r TargetUrl,
    /// All headers, those of the webhook's own redacted.
    pub headers: &'r SentHeaders,
    /// What to send in the place of the redacted ones.
    pub custom_headers: &'r CustomHeaders,
    pub body: &'r Bytes,
    /// Covers everything, from the name lookup to the last byte of the answer.
    pub timeout: Duration,
}

/// What the receiver said, as far as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// At most `RESPONSE_HEADERS_MAX`; bytes that are not UTF-8 have become `U+FFFD`.
    pub headers: HeaderLines,
    /// At most `RESPONSE_BODY_BYTES_MAX`, never decompressed.
    pub body: Vec<u8>,
    /// The body went on beyond what is kept.
    pub truncated: bool,
}

/// Why there is no answer. Each message is one sentence for the owner of the webhook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("{message}")]
    TimedOut { message: String },
    #[error("{message}")]
    Unreachable { reason: UnreachableReason, message: String },
    /// The egress policy forbids the target. Says nothing about what is there.
    #[error("{message}")]
    Blocked { message: String },
    /// This machine ran out of files, ports or memory: nobody's attempt, to be tried again soon.
    #[error("{message}")]
    OurFault { message: String },
}

/// How sending went, in either case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub result: Result<Answer, SendError>,
    /// `dns_ms`, `connect_ms` and `tls_ms` are told by the request that opened the connection.
    pub timings: Timings,
    /// Who was spoken to, where it came to that.
    pub remote_address: Option<SocketAddr>,
}

#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Returns within the request's timeout. Dropping the future ends the request.
    async fn send(&self, request: AttemptRequest<'_>) -> Sent;
}
