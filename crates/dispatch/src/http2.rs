//! HTTP/2, which receivers offer over TLS: hyper's, on one connection for all requests to a host.
//! Its frames of several requests come mixed, so it has a task of its own.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use posthaste_core::header_lines::HeaderLines;
use posthaste_core::limits::{RESPONSE_HEAD_BYTES_MAX, RESPONSE_HEADERS_MAX};

use crate::dialer::{Connection, ConnectionFacts};
use crate::transport::Answer;

/// If the way to the receiver breaks silently, all requests on the connection would run into
/// their deadlines until TCP gives up, a quarter of an hour later; with pings the connection is
/// given up within the default request timeout.
const PING_EVERY: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection's handle. It is closed when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Http2 {
    sender: SendRequest<Full<Bytes>>,
    facts: Arc<ConnectionFacts>,
}

impl Http2 {
    pub(crate) async fn open(connection: Connection) -> Result<Http2, hyper::Error> {
        let facts = Arc::new(connection.facts());
        let head_bytes_max = u32::try_from(RESPONSE_HEAD_BYTES_MAX).expect("64 KiB");
        let (sender, driver) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(head_bytes_max)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            .handshake(TokioIo::new(connection))
            .await?;
        // Nobody waits for this task: it ends with the last handle, or with the connection, whose
        // failure each of its requests hears of.
        tokio::spawn(driver);
        Ok(Http2 { sender, facts })
    }

    pub(crate) fn facts(&self) -> ConnectionFacts {
        *self.facts
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether both are handles of one connection.
    pub(crate) fn is_same(&self, other: &Http2) -> bool {
        Arc::ptr_eq(&self.facts, &other.facts)
    }

    /// Whether this is the only handle, and so no request is under way.
    pub(crate) fn is_unused(&self) -> bool {
        Arc::strong_count(&self.facts) == 1
    }

    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }
}

/// Stops at `body_bytes_max`, whatever the answer announced. The stream is reset by that, and the
/// connection lives on.
pub(crate) async fn read_answer(
    response: Response<Incoming>,
    body_bytes_max: usize,
) -> Result<Answer, hyper::Error> {
    let (head, mut incoming) = response.into_parts();
    let mut headers = HeaderLines::default();
    // HTTP/2 bounds the bytes of a head, not the number of its lines.
    for (name, value) in head.headers.iter().take(RESPONSE_HEADERS_MAX) {
        headers.push(name.as_str(), value.as_bytes());
    }
    let mut body = Vec::new();
    let mut truncated = false;
    while let Some(frame) = incoming.frame().await {
        // Trailers are read to find the end, and not kept.
        let Ok(piece) = frame?.into_data() else { continue };
        let room = body_bytes_max - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            truncated = true;
            break;
        }
    }
    Ok(Answer { status: head.status.as_u16(), headers, body, truncated })
}

/// The other side says which requests it has not looked at.
pub(crate) fn was_not_taken_up(error: &hyper::Error) -> bool {
    match find::<h2::Error>(error) {
        Some(error) => {
            error.is_remote()
                && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
        }
        // The connection went away under all its requests.
        None => true,
    }
}

/// The first error of type `E` in the chain of causes.
pub(crate) fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}
