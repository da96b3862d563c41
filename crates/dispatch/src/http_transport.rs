//! HTTP on the dialer's connections: pooled, bounded, within one deadline, and with every way it
//! can go wrong told apart. [`HttpTransport`] is what the engine sends with; `client` shares the
//! connections below it.
//!
//! Receivers are strangers. Nothing of an answer is read beyond its bounds, nothing of it is
//! acted upon (no redirects, no decompression, no cookies), and no receiver can hold a request
//! beyond its deadline.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use posthaste_core::attempt::{Timings, UnreachableReason};
use posthaste_core::custom_headers::CustomHeaders;
use posthaste_core::digits::Decimal;
use posthaste_core::egress::EgressPolicy;
use posthaste_core::limits::RESPONSE_BODY_BYTES_MAX;
use posthaste_core::sent_headers::{SentHeaders, SentValue};
use posthaste_core::target_url::TargetUrl;
use tokio::time::{Instant, timeout};

use crate::dialer::{Connection, ConnectionFacts, Dialer, Origin, millis_since};
use crate::http1::{AnswerReader, BodyExpected, ExchangeError, Http1};
use crate::http2::{self, Http2, find};
use crate::pool::{Host, Lent, Pool};
use crate::resolver::Resolve;
use crate::tls::{self, TrustRoots};
use crate::transport::{Answer, AttemptRequest, SendError, Sent, Transport};

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
    async fn send(&self, request: AttemptRequest<'_>) -> Sent {
        let call = Call {
            method: Method::POST,
            url: request.url,
            headers: CallHeaders::Attempt { sent: request.headers, custom: request.custom_headers },
            body: request.body,
            body_bytes_max: RESPONSE_BODY_BYTES_MAX,
            on_stale: OnStale::SendAgain,
        };
        let (result, progress) = self.connections.call_within(request.timeout, call).await;
        Sent { result, timings: progress.timings(), remote_address: progress.remote_address }
    }
}

/// One request, with its bounds.
pub(crate) struct Call<'c> {
    pub method: Method,
    pub url: &'c TargetUrl,
    pub headers: CallHeaders<'c>,
    pub body: &'c Bytes,
    pub body_bytes_max: usize,
    pub on_stale: OnStale,
}

/// Without `host` and `content-length`.
pub(crate) enum CallHeaders<'c> {
    /// The values of `custom` stand redacted in `sent`.
    Attempt {
        sent: &'c SentHeaders,
        custom: &'c CustomHeaders,
    },
    Map(&'c HeaderMap),
}

/// What to do when a pooled connection turns out to have been closed by the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnStale {
    SendAgain,
    Fail,
}

/// How far a call has come. Outlives the call when its deadline strikes, to tell what it was
/// waiting for.
pub(crate) struct Progress {
    started: Instant,
    remote_address: Option<SocketAddr>,
    /// The steps of opening a connection, if this call is the one to tell them.
    opening: Option<Timings>,
    first_byte_ms: Option<u32>,
}

/// The connections to everywhere.
pub(crate) struct Connections {
    dialer: Dialer,
    pool: Arc<Pool>,
}

/// Why one try of a call failed, and whether it may have met a closed connection.
struct TryFailure {
    error: SendError,
    is_stale: bool,
}

/// Whether a connection has carried a request before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    First,
    Later,
}

impl Connections {
    pub(crate) fn new(dialer: Dialer) -> Connections {
        Connections { dialer, pool: Arc::default() }
    }

    /// The only way to make a call: there is none without a deadline.
    pub(crate) async fn call_within(
        &self,
        deadline: Duration,
        call: Call<'_>,
    ) -> (Result<Answer, SendError>, Progress) {
        let mut progress = Progress::new();
        let result = match timeout(deadline, self.call(&call, &mut progress)).await {
            Ok(result) => result,
            Err(_) => Err(progress.timed_out(deadline)),
        };
        (result, progress)
    }

    /// A call on a connection of its own, whose answer is read as it comes. The deadline is for its
    /// head: the body may go on for as long as both sides want.
    pub(crate) async fn open_within(
        &self,
        deadline: Duration,
        call: &Call<'_>,
    ) -> Result<Response<Incoming>, SendError> {
        let opening = async {
            let dialled = self.dialer.dial(&Origin::of(call.url)).await;
            let connection = dialled.map_err(|failure| SendError::from(&failure.error))?;
            let opened = if connection.facts().is_h2 {
                match Http2::open(connection).await {
                    Ok(mut open) => open.send(call.to_request()).await,
                    Err(error) => Err(error),
                }
            } else {
                open_on_http1(connection, call).await
            };
            opened.map_err(|error| classify(&error))
        };
        let in_time = timeout(deadline, opening).await;
        in_time.unwrap_or_else(|_| Err(Progress::new().timed_out(deadline)))
    }

    async fn call(&self, call: &Call<'_>, progress: &mut Progress) -> Result<Answer, SendError> {
        let host = self.pool.host(call.url.origin());
        if let Some(lent) = host.borrow(progress.started) {
            let tried = match lent {
                Lent::Http1(open) => self.on_http1(open, Use::Later, &host, call, progress).await,
                Lent::Http2(open) => {
                    Box::pin(on_http2(open, Use::Later, &host, call, progress)).await
                }
            };
            // Receivers close idle connections (Node after 5 s), and a request that is written at
            // that moment is answered by a reset. Nobody did anything wrong, and without this it
            // would cost the customer one of five attempts and half a minute. RFC 9110, 9.2.2
            // would rather not have a POST sent again, since it may have been read after all; but
            // delivery is at least once, under the same `webhook-id`, and receivers have to know
            // that one. Once, and on a connection that nobody can have closed for being idle.
            match tried {
                Ok(answer) => return Ok(answer),
                Err(failure) if failure.is_stale && call.on_stale == OnStale::SendAgain => {}
                Err(failure) => return Err(failure.error),
            }
        }
        // Boxed, as is HTTP/2: rare or dear anyway, and it would make every attempt's task large.
        Box::pin(self.call_on_new_connection(&host, call, progress)).await
    }

    async fn call_on_new_connection(
        &self,
        host: &Host,
        call: &Call<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, SendError> {
        let connection = match self.dialer.dial(&Origin::of(call.url)).await {
            Ok(connection) => connection,
            Err(failure) => {
                progress.opening = Some(failure.timings);
                return Err(SendError::from(&failure.error));
            }
        };
        let tried = if connection.facts().is_h2 {
            progress.note_connection(&connection.facts(), Use::First);
            let open = Http2::open(connection).await.map_err(|error| classify(&error))?;
            self.pool.share(host, &open);
            on_http2(open, Use::First, host, call, progress).await
        } else {
            let open = Box::new(Http1::new(connection));
            self.on_http1(open, Use::First, host, call, progress).await
        };
        tried.map_err(|failure| failure.error)
    }

    async fn on_http1(
        &self,
        mut open: Box<Http1>,
        this_use: Use,
        host: &Host,
        call: &Call<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, TryFailure> {
        progress.note_connection(&open.facts(), this_use);
        let body_expected =
            if call.method == Method::HEAD { BodyExpected::No } else { BodyExpected::Yes };
        let mut answer = AnswerReader::new(body_expected, call.body_bytes_max);
        let write_head = |head: &mut Vec<u8>| call.write_head(head);
        let exchange =
            open.exchange(write_head, call.body, &mut answer, || progress.note_head()).await;
        match exchange {
            Ok(()) => {
                if answer.may_reuse() && open.settle() {
                    self.pool.keep(host, open);
                }
                Ok(answer.into_answer())
            }
            Err(error) => {
                let error = classify_exchange(&error);
                let is_stale = this_use == Use::Later && open.is_silent() && is_closed(&error);
                Err(TryFailure { error, is_stale })
            }
        }
    }
}

/// hyper's: our own exchange ends with its answer.
async fn open_on_http1(
    connection: Connection,
    call: &Call<'_>,
) -> Result<Response<Incoming>, hyper::Error> {
    let mut request = call.to_request();
    let path = call.url.path_and_query().parse().expect("part of a URL");
    let host = call.url.authority().parse().expect("part of a URL");
    *request.uri_mut() = path;
    request.headers_mut().insert(http::header::HOST, host);
    let (mut sender, driver) = http1::handshake(TokioIo::new(connection)).await?;
    // Nobody waits for this task: it ends with the answer's body.
    tokio::spawn(driver);
    sender.send_request(request).await
}

async fn on_http2(
    mut open: Http2,
    this_use: Use,
    host: &Host,
    call: &Call<'_>,
    progress: &mut Progress,
) -> Result<Answer, TryFailure> {
    progress.note_connection(&open.facts(), this_use);
    let response = match open.send(call.to_request()).await {
        Ok(response) => response,
        Err(error) => {
            let was_not_taken_up = http2::was_not_taken_up(&error);
            let error = classify(&error);
            let is_stale = this_use == Use::Later && was_not_taken_up && is_closed(&error);
            if is_stale {
                host.forget(&open);
            }
            return Err(TryFailure { error, is_stale });
        }
    };
    progress.note_head();
    let answer = http2::read_answer(response, call.body_bytes_max).await;
    answer.map_err(|error| TryFailure { error: classify(&error), is_stale: false })
}

impl Call<'_> {
    /// As HTTP/1.1 sends it (RFC 9112, 3). Nothing in it can end a line: the URL and all names and
    /// values were checked when they were parsed.
    fn write_head(&self, head: &mut Vec<u8>) {
        head.extend_from_slice(self.method.as_str().as_bytes());
        head.push(b' ');
        head.extend_from_slice(self.url.path_and_query().as_bytes());
        head.extend_from_slice(b" HTTP/1.1\r\n");
        push_line(head, "host", self.url.authority().as_bytes());
        match self.headers {
            CallHeaders::Attempt { sent, custom } => {
                for (name, value) in sent.iter().filter(|(_, value)| *value != SentValue::Redacted)
                {
                    head.extend_from_slice(name.as_bytes());
                    head.extend_from_slice(b": ");
                    value.spell(head);
                    head.extend_from_slice(b"\r\n");
                }
                for (name, value) in custom.iter() {
                    push_line(head, name.as_str(), value.as_bytes());
                }
            }
            CallHeaders::Map(headers) => {
                for (name, value) in headers {
                    push_line(head, name.as_str(), value.as_bytes());
                }
            }
        }
        if self.says_length() {
            let length = Decimal::of(self.body.len() as u64);
            push_line(head, "content-length", length.as_bytes());
        }
        head.extend_from_slice(b"\r\n");
    }

    /// RFC 9110, 8.6: also for no body, where the method would let one expect it.
    fn says_length(&self) -> bool {
        !self.body.is_empty() || matches!(self.method, Method::POST | Method::PUT | Method::PATCH)
    }

    fn to_request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.uri().clone();
        *request.headers_mut() = match self.headers {
            CallHeaders::Map(headers) => headers.clone(),
            CallHeaders::Attempt { sent, custom } => {
                let mut headers = sent.to_map();
                for (name, value) in custom.iter() {
                    headers.insert(name, value.clone());
                }
                headers
            }
        };
        request
    }
}

fn push_line(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

impl Progress {
    fn new() -> Progress {
        Progress {
            started: Instant::now(),
            remote_address: None,
            opening: None,
            first_byte_ms: None,
        }
    }

    pub(crate) fn timings(&self) -> Timings {
        Timings { first_byte_ms: self.first_byte_ms, ..self.opening.unwrap_or_default() }
    }

    fn note_connection(&mut self, facts: &ConnectionFacts, this_use: Use) {
        self.opening = (this_use == Use::First).then_some(facts.timings);
        self.remote_address = Some(facts.remote_address);
    }

    fn note_head(&mut self) {
        self.first_byte_ms = Some(millis_since(self.started));
    }

    fn timed_out(&self, deadline: Duration) -> SendError {
        let message = match (self.remote_address, self.first_byte_ms) {
            (None, _) => format!("no connection within {deadline:?}"),
            (Some(_), None) => format!("no answer within {deadline:?}"),
            (Some(_), Some(_)) => format!("the answer was not complete within {deadline:?}"),
        };
        SendError::TimedOut { message }
    }
}

fn is_closed(error: &SendError) -> bool {
    matches!(error, SendError::Unreachable { reason: UnreachableReason::Closed, .. })
}

fn unreachable(reason: UnreachableReason, message: String) -> SendError {
    SendError::Unreachable { reason, message }
}

fn closed(how: &str) -> SendError {
    let message = format!("the receiver closed the connection before its answer was complete{how}");
    unreachable(UnreachableReason::Closed, message)
}

fn not_http(error: &dyn Error) -> SendError {
    let message = format!("the answer is not HTTP that can be read: {error}");
    unreachable(UnreachableReason::Protocol, message)
}

fn classify_exchange(error: &ExchangeError) -> SendError {
    match error {
        ExchangeError::Closed => closed(""),
        ExchangeError::Io(error) => classify_io(error),
        ExchangeError::NotHttp(error) => not_http(error),
    }
}

fn classify_io(error: &io::Error) -> SendError {
    // What TLS finds wrong after its handshake comes wrapped: an alert, a broken record.
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => unreachable(UnreachableReason::Tls, tls::explain("the receiver", error)),
        None => closed(&format!(" ({})", error.kind())),
    }
}

/// hyper's errors: HTTP/2, and answers that are read as they come.
pub(crate) fn classify(error: &hyper::Error) -> SendError {
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
        return classify_io(error);
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return closed("");
    }
    not_http(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_http_carry_the_same_headers() {
        let mut sent = SentHeaders::default();
        sent.push_named("content-type", SentValue::Json);
        sent.push_named("x-webhook-attempt", SentValue::Number(2));
        sent.push_named("authorization", SentValue::Redacted);
        let own = [("authorization".to_owned(), "Bearer abc".to_owned())];
        let custom = CustomHeaders::parse(own).unwrap();
        let (url, body) = (TargetUrl::parse("https://a.example:8443/x?y=z").unwrap(), "{}".into());
        let call = Call {
            method: Method::POST,
            url: &url,
            headers: CallHeaders::Attempt { sent: &sent, custom: &custom },
            body: &body,
            body_bytes_max: 0,
            on_stale: OnStale::Fail,
        };
        let mut head = b"of the request before".to_vec();
        head.clear();
        call.write_head(&mut head);
        let expected = "POST /x?y=z HTTP/1.1\r\nhost: a.example:8443\r\n\
            content-type: application/json\r\nx-webhook-attempt: 2\r\n\
            authorization: Bearer abc\r\ncontent-length: 2\r\n\r\n";
        assert_eq!(String::from_utf8(head).unwrap(), expected);

        let request = call.to_request();
        assert_eq!(request.uri(), "https://a.example:8443/x?y=z");
        let lines: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        assert_eq!(
            lines,
            [
                ("content-type", b"application/json".as_slice()),
                ("x-webhook-attempt", b"2"),
                ("authorization", b"Bearer abc"),
            ]
        );
    }

    #[test]
    fn a_length_is_said_where_a_body_is_expected() {
        let url = TargetUrl::parse("https://a.example/").unwrap();
        let check = |method: Method, body: &'static str, expected: bool| {
            let body = body.into();
            let headers = CallHeaders::Map(&HeaderMap::new());
            let on_stale = OnStale::Fail;
            let call =
                Call { method, url: &url, headers, body: &body, body_bytes_max: 0, on_stale };
            assert_eq!(call.says_length(), expected, "{} {body:?}", call.method);
        };
        check(Method::POST, "", true);
        check(Method::POST, "{}", true);
        check(Method::GET, "", false);
        check(Method::DELETE, "", false);
        check(Method::DELETE, "{}", true);
    }
}
