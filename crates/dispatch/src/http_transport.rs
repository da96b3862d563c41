//! HTTP on the dialer's connections: pooled, bounded, within one deadline, and with every way it
//! can go wrong told apart. [`HttpTransport`] is what the engine sends with; `client` shares the
//! connections below it.
//!
//! Receivers are strangers. Nothing of an answer is read beyond its bounds, nothing of it is
//! acted upon (no redirects, no decompression, no cookies), and no receiver can hold a request
//! beyond its deadline.

use std::error::Error;
use std::future::Future;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{
    CaptureConnection, Connected, Connection as Describe, capture_connection,
};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use posthaste_core::attempt::{Timings, UnreachableReason};
use posthaste_core::egress::EgressPolicy;
use posthaste_core::limits::{
    IDLE_CONNECTION, RESPONSE_BODY_BYTES_MAX, RESPONSE_HEAD_BYTES_MAX, RESPONSE_HEADERS_MAX,
};
use tokio::time::{Instant, timeout};

use crate::dialer::{Connection, ConnectionFacts, DialFailure, Dialer, Origin, millis_since};
use crate::resolver::Resolve;
use crate::tls::{self, TrustRoots};
use crate::transport::{Answer, AttemptRequest, SendError, Sent, Transport};

/// hyper-util's pool is one mutex over all hosts. Splitting by host keeps busy receivers out of
/// each other's way, and all connections to one receiver together.
const POOLS: usize = 8;
/// Idle connections kept to one host: more than a webhook's default in flight, several of which
/// may share a host. A receiver that gets more at once pays with new connections.
const IDLE_PER_HOST_MAX: usize = 256;
/// On HTTP/2 all requests to a host share one connection. If the way there breaks silently, each
/// of them would run into its deadline until TCP gives up, a quarter of an hour later; with pings
/// the connection is given up within the default request timeout.
const PING_EVERY: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends attempts over HTTP/1.1 and, where a receiver offers it over TLS, HTTP/2.
pub struct HttpTransport {
    connections: Connections,
}

impl HttpTransport {
    pub fn new(
        resolver: Arc<dyn Resolve>,
        policy: EgressPolicy,
        trust: &TrustRoots,
    ) -> HttpTransport {
        HttpTransport { connections: Connections::new(Dialer::new(resolver, policy, trust)) }
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: AttemptRequest) -> Sent {
        let call = Call {
            method: Method::POST,
            uri: request.url.uri().clone(),
            headers: request.headers,
            body: request.body,
            body_bytes_max: RESPONSE_BODY_BYTES_MAX,
            on_stale: OnStale::SendAgain,
        };
        let (result, progress) = self.connections.call_within(request.timeout, call).await;
        let (timings, facts) = (progress.timings(), progress.facts);
        Sent {
            result: result.map(answer),
            timings,
            remote_address: facts.map(|facts| facts.remote_address),
        }
    }
}

fn answer(reply: Reply) -> Answer {
    let headers = reply
        .headers
        .iter()
        // HTTP/2 bounds the bytes of a head, not the number of its lines.
        .take(RESPONSE_HEADERS_MAX)
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    Answer { status: reply.status.as_u16(), headers, body: reply.body, truncated: reply.truncated }
}

/// One request, with its bounds.
#[derive(Clone)]
pub(crate) struct Call {
    pub method: Method,
    /// Of a `TargetUrl`, so that its host is spelled as the policy will see it.
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub body_bytes_max: usize,
    pub on_stale: OnStale,
}

/// What to do when a pooled connection turns out to have been closed by the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnStale {
    SendAgain,
    Fail,
}

/// An answer, read as far as its call wanted.
pub(crate) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub truncated: bool,
}

/// How far a call has come. Outlives the call when its deadline strikes, to tell what it was
/// waiting for.
pub(crate) struct Progress {
    started: Instant,
    /// Knows the connection as soon as there is one.
    capture: Option<CaptureConnection>,
    facts: Option<Arc<ConnectionFacts>>,
    /// The steps of opening a connection, if this call is the one to tell them.
    opening: Option<Timings>,
    first_byte_ms: Option<u32>,
}

type Pool = Client<Connector, Full<Bytes>>;

/// The connections to everywhere. They were all opened under the one policy that the process
/// was started with, so an idle one needs no second check.
pub(crate) struct Connections {
    pools: [Pool; POOLS],
    /// Keeps nothing, so whatever is sent here gets a connection of its own.
    unpooled: Pool,
}

/// Why one try of a call failed, and whether it may have met a closed connection.
struct TryFailure {
    error: SendError,
    is_stale: bool,
}

impl Connections {
    pub(crate) fn new(dialer: Dialer) -> Connections {
        let connector = Connector { dialer: Arc::new(dialer) };
        let pools = std::array::from_fn(|_| build_pool(connector.clone(), IDLE_PER_HOST_MAX));
        Connections { pools, unpooled: build_pool(connector, 0) }
    }

    /// The only way to make a call: there is none without a deadline.
    pub(crate) async fn call_within(
        &self,
        deadline: Duration,
        call: Call,
    ) -> (Result<Reply, SendError>, Progress) {
        let mut progress = Progress::new();
        let result = match timeout(deadline, self.call(call, &mut progress)).await {
            Ok(result) => result,
            Err(_) => Err(progress.timed_out(deadline)),
        };
        (result, progress)
    }

    async fn call(&self, call: Call, progress: &mut Progress) -> Result<Reply, SendError> {
        let pool = self.pool_of(&call.uri);
        if call.on_stale == OnStale::Fail {
            return try_once(pool, call, progress).await.map_err(|failure| failure.error);
        }
        let spare = call.clone();
        let failure = match try_once(pool, call, progress).await {
            Ok(reply) => return Ok(reply),
            Err(failure) => failure,
        };
        if !failure.is_stale {
            return Err(failure.error);
        }
        // Receivers close idle connections (Node after 5 s), and a request that is written at
        // that moment is answered by a reset. Nobody did anything wrong, and without this it
        // would cost the customer one of five attempts and half a minute. RFC 9110, 9.2.2 would
        // rather not have a POST sent again, since it may have been read after all; but delivery
        // is at least once, under the same `webhook-id`, and receivers have to know that one.
        // Once, and on a connection that nobody can have closed for being idle.
        try_once(&self.unpooled, spare, progress).await.map_err(|failure| failure.error)
    }

    fn pool_of(&self, uri: &Uri) -> &Pool {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(uri.host());
        &self.pools[hash as usize % POOLS]
    }
}

fn build_pool(connector: Connector, idle_per_host_max: usize) -> Pool {
    let head_bytes_max = u32::try_from(RESPONSE_HEAD_BYTES_MAX).expect("64 KiB");
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_CONNECTION)
        .pool_max_idle_per_host(idle_per_host_max)
        .timer(TokioTimer::new())
        // The number of header lines is bounded to 100 by hyper itself, which is what we want
        // (`RESPONSE_HEADERS_MAX`); saying so would cost an allocation for each answer.
        .http1_max_buf_size(RESPONSE_HEAD_BYTES_MAX)
        .http2_max_header_list_size(head_bytes_max)
        .http2_keep_alive_interval(PING_EVERY)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .build(connector)
}

const _: () = assert!(RESPONSE_HEADERS_MAX == 100, "hyper's own bound, see build_pool");

async fn try_once(pool: &Pool, call: Call, progress: &mut Progress) -> Result<Reply, TryFailure> {
    let mut request = Request::new(Full::new(call.body));
    *request.method_mut() = call.method;
    *request.uri_mut() = call.uri;
    *request.headers_mut() = call.headers;
    progress.capture = Some(capture_connection(&mut request));
    let mut response = match pool.request(request).await {
        Ok(response) => response,
        Err(error) => return Err(progress.failed(&error)),
    };
    progress.first_byte_ms = Some(millis_since(progress.started));
    let facts = response.extensions_mut().remove::<Arc<ConnectionFacts>>();
    let is_h2 = facts.as_ref().is_some_and(|facts| facts.is_h2);
    if let Some(facts) = &facts {
        facts.note_head();
    }
    progress.note_connection(facts);
    let reply = read_reply(response, call.body_bytes_max)
        .await
        .map_err(|error| TryFailure { error: classify(&error), is_stale: false })?;
    if reply.truncated && !is_h2 {
        // What is left of the body may never end. HTTP/2 drops just the one stream by itself.
        progress.poison_connection();
    }
    Ok(reply)
}

/// Stops at `body_bytes_max`, whatever the answer announced: a length can be a lie, and a
/// compressed body is kept as it came.
async fn read_reply(
    response: Response<Incoming>,
    body_bytes_max: usize,
) -> Result<Reply, hyper::Error> {
    let (head, mut incoming) = response.into_parts();
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
    debug_assert!(body.len() <= body_bytes_max);
    Ok(Reply { status: head.status, headers: head.headers, body, truncated })
}

impl Progress {
    fn new() -> Progress {
        Progress {
            started: Instant::now(),
            capture: None,
            facts: None,
            opening: None,
            first_byte_ms: None,
        }
    }

    pub(crate) fn timings(&self) -> Timings {
        Timings { first_byte_ms: self.first_byte_ms, ..self.opening.unwrap_or_default() }
    }

    /// Says whether this call is the connection's first.
    fn note_connection(&mut self, facts: Option<Arc<ConnectionFacts>>) -> bool {
        let Some(facts) = facts else { return false };
        let is_first_use = facts.is_first_use();
        self.opening = is_first_use.then_some(facts.timings);
        self.facts = Some(facts);
        is_first_use
    }

    /// What the capture knows; for calls that end without an answer, which would carry it.
    fn captured(&self) -> Option<Arc<ConnectionFacts>> {
        let capture = self.capture.as_ref()?;
        let mut extras = Extensions::new();
        capture.connection_metadata().as_ref()?.get_extras(&mut extras);
        extras.remove()
    }

    fn poison_connection(&self) {
        let Some(capture) = &self.capture else { return };
        if let Some(connected) = capture.connection_metadata().as_ref() {
            connected.poison();
        }
    }

    fn failed(&mut self, error: &ClientError) -> TryFailure {
        if let Some(failure) = find::<DialFailure>(error) {
            self.opening = Some(failure.timings);
            return TryFailure { error: SendError::from(&failure.error), is_stale: false };
        }
        let facts = self.captured();
        let is_first_use = self.note_connection(facts);
        let is_stale = !is_first_use
            && self.facts.as_ref().is_some_and(|facts| {
                if facts.is_h2 { was_not_taken_up(error) } else { facts.is_silent() }
            });
        let error = classify(error);
        let is_closed =
            matches!(error, SendError::Unreachable { reason: UnreachableReason::Closed, .. });
        TryFailure { is_stale: is_stale && is_closed, error }
    }

    fn timed_out(&mut self, deadline: Duration) -> SendError {
        if self.facts.is_none() {
            let facts = self.captured();
            self.note_connection(facts);
        }
        let message = match (&self.facts, self.first_byte_ms) {
            (None, _) => format!("no connection within {deadline:?}"),
            (Some(_), None) => format!("no answer within {deadline:?}"),
            (Some(_), Some(_)) => format!("the answer was not complete within {deadline:?}"),
        };
        SendError::TimedOut { message }
    }
}

/// On HTTP/2 the other side says which requests it has not looked at.
fn was_not_taken_up(error: &ClientError) -> bool {
    match find::<h2::Error>(error) {
        Some(error) => {
            error.is_remote()
                && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
        }
        // The connection went away under all its requests.
        None => true,
    }
}

fn classify(error: &(dyn Error + 'static)) -> SendError {
    let unreachable = |reason, message: String| SendError::Unreachable { reason, message };
    let closed = |how: &str| {
        let message =
            format!("the receiver closed the connection before its answer was complete{how}");
        unreachable(UnreachableReason::Closed, message)
    };
    if let Some(error) = find::<h2::Error>(error) {
        return if error.is_remote() {
            let reason = error.reason().unwrap_or(h2::Reason::NO_ERROR);
            closed(&format!(" (HTTP/2: {reason})"))
        } else {
            let message = format!("the answer is not HTTP/2: {error}");
            unreachable(UnreachableReason::Protocol, message)
        };
    }
    if let Some(error) = find::<io::Error>(error) {
        // What TLS finds wrong after its handshake comes wrapped: an alert, a broken record.
        return match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => unreachable(UnreachableReason::Tls, tls::explain("the receiver", error)),
            // hyper's word for chunks that are none.
            None if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
            ) =>
            {
                let message = format!("the answer is not HTTP that can be read: {error}");
                unreachable(UnreachableReason::Protocol, message)
            }
            None => closed(&format!(" ({})", error.kind())),
        };
    }
    let Some(error) = find::<hyper::Error>(error) else {
        return unreachable(UnreachableReason::Connect, format!("no connection: {error}"));
    };
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return closed("");
    }
    let message = format!("the answer is not HTTP that can be read: {error}");
    unreachable(UnreachableReason::Protocol, message)
}

/// The first error of type `E` in the chain of causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// Lets hyper's pool ask the dialer.
#[derive(Clone)]
struct Connector {
    dialer: Arc<Dialer>,
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Connection>;
    type Error = DialFailure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, DialFailure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = Arc::clone(&self.dialer);
        Box::pin(async move {
            let origin = Origin::of(&uri).expect("a TargetUrl has a host and is http or https");
            dialer.dial(&origin).await.map(TokioIo::new)
        })
    }
}

impl Describe for Connection {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(Arc::clone(self.facts()));
        if self.facts().is_h2 { connected.negotiated_h2() } else { connected }
    }
}
