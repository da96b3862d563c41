//! Receivers that follow a script, on loopback addresses of their own, and the transport to
//! reach them with.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use posthaste_core::attempt::UnreachableReason;
use posthaste_core::custom_headers::CustomHeaders;
use posthaste_core::egress::EgressPolicy;
use posthaste_core::sent_headers::{OwnHeader, SentHeaders, SentValue};
use posthaste_core::target_url::TargetUrl;
use posthaste_dispatch::http_transport::HttpTransport;
use posthaste_dispatch::resolver::StaticResolver;
use posthaste_dispatch::tls::TrustRoots;
use posthaste_dispatch::transport::{AttemptRequest, SendError, Sent, Transport};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The one address that the policy of these tests lets through.
pub const ALLOWED: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
/// Long enough for any answer on loopback while the machine is busy.
pub const AMPLE: Duration = Duration::from_secs(20);
/// For receivers that let it pass.
pub const SHORT: Duration = Duration::from_millis(300);

pub const OK_EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Listens until it is dropped with its test's runtime.
pub struct Receiver {
    pub address: SocketAddr,
    counts: Arc<Counts>,
}

struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
    /// Connections that the client has closed.
    closed: watch::Sender<usize>,
}

/// One accepted connection, for a script to play on.
pub struct Peer {
    /// 0 for the first one that was accepted.
    pub index: usize,
    stream: Box<dyn Stream>,
    counts: Arc<Counts>,
}

impl Receiver {
    pub async fn start<F, Fut>(script: F) -> Receiver
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Receiver::start_wrapped(|stream| async move { Some(stream) }, script).await
    }

    /// `wrap` may put TLS around what was accepted, and fail to.
    pub async fn start_wrapped<W, WFut, S, F, Fut>(wrap: W, script: F) -> Receiver
    where
        W: Fn(TcpStream) -> WFut + Send + Sync + 'static,
        WFut: Future<Output = Option<S>> + Send + 'static,
        S: Stream + 'static,
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((ALLOWED, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::new(Counts {
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            closed: watch::Sender::new(0),
        });
        let shared = Arc::clone(&counts);
        let (wrap, script) = (Arc::new(wrap), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counts = Arc::clone(&shared);
                let index = counts.connections.fetch_add(1, Ordering::SeqCst);
                let (wrap, script) = (Arc::clone(&wrap), Arc::clone(&script));
                tokio::spawn(async move {
                    if let Some(stream) = wrap(stream).await {
                        script(Peer { index, stream: Box::new(stream), counts }).await;
                    }
                });
            }
        });
        Receiver { address, counts }
    }

    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    pub fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }

    /// Returns once the client has closed `count` connections, as seen by `Peer::until_closed`.
    pub async fn until_closed(&self, count: usize) {
        let mut closed = self.counts.closed.subscribe();
        closed.wait_for(|&so_far| so_far >= count).await.unwrap();
    }

    pub fn url(&self) -> TargetUrl {
        url(&format!("http://{}/hook?a=b", self.address))
    }
}

impl Peer {
    /// The whole next request, or `None` if the client closes first.
    pub async fn request(&mut self) -> Option<String> {
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&request);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    self.counts.requests.fetch_add(1, Ordering::SeqCst);
                    return Some(text.into_owned());
                }
            }
            match self.stream.read(&mut piece).await {
                Ok(0) | Err(_) => return None,
                Ok(read) => request.extend_from_slice(&piece[..read]),
            }
        }
    }

    /// False once the client is gone.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok() && self.stream.flush().await.is_ok()
    }

    pub async fn write_until_refused(&mut self, bytes: &[u8]) {
        while self.write(bytes).await {}
        self.note_closed();
    }

    pub async fn until_closed(&mut self) {
        let mut piece = [0; 4096];
        while matches!(self.stream.read(&mut piece).await, Ok(read) if read > 0) {}
        self.note_closed();
    }

    /// Answers every request alike until the client closes.
    pub async fn answer_all(&mut self, answer: &[u8]) {
        while self.request().await.is_some() {
            self.write(answer).await;
        }
        self.note_closed();
    }

    pub fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    fn note_closed(&self) {
        self.counts.closed.send_modify(|closed| *closed += 1);
    }
}

pub fn url(text: &str) -> TargetUrl {
    TargetUrl::parse(text).unwrap()
}

/// What an attempt's task holds while its request is under way.
pub struct Request {
    pub url: TargetUrl,
    pub headers: SentHeaders,
    pub custom_headers: CustomHeaders,
    pub body: Bytes,
    pub timeout: Duration,
}

impl Request {
    pub async fn send(&self, transport: &HttpTransport) -> Sent {
        let request = AttemptRequest {
            url: &self.url,
            headers: &self.headers,
            custom_headers: &self.custom_headers,
            body: &self.body,
            timeout: self.timeout,
        };
        transport.send(request).await
    }
}

pub fn request_to(url: TargetUrl, timeout: Duration) -> Request {
    let mut headers = SentHeaders::default();
    headers.push(OwnHeader::ContentType, SentValue::Json);
    headers.push(OwnHeader::UserAgent, SentValue::Text("Posthaste/test"));
    let body = Bytes::from_static(br#"{"event":"call.ended"}"#);
    Request { url, headers, custom_headers: CustomHeaders::default(), body, timeout }
}

/// Reaches `ALLOWED`, also as `receiver.test`, and nothing else; trusts nobody's certificates.
pub fn transport() -> HttpTransport {
    transport_with(&TrustRoots::only([]).unwrap())
}

pub fn transport_with(trust: &TrustRoots) -> HttpTransport {
    HttpTransport::new(Arc::new(names()), policy(), trust)
}

pub fn names() -> StaticResolver {
    StaticResolver::new([("receiver.test", [ALLOWED])])
}

pub fn policy() -> EgressPolicy {
    EgressPolicy::allowing([ALLOWED.to_string()]).unwrap()
}

pub async fn send(transport: &HttpTransport, url: TargetUrl) -> Sent {
    request_to(url, AMPLE).send(transport).await
}

pub fn status_of(sent: &Sent) -> u16 {
    sent.result.as_ref().unwrap_or_else(|error| panic!("no answer: {error:?}")).status
}

/// One word for how sending ended: a status, or the outcome and its reason.
pub fn verdict_of(sent: &Sent) -> String {
    match &sent.result {
        Ok(answer) if answer.truncated => format!("{} truncated", answer.status),
        Ok(answer) => answer.status.to_string(),
        Err(SendError::TimedOut { .. }) => "timed_out".to_owned(),
        Err(SendError::Blocked { .. }) => "blocked".to_owned(),
        Err(SendError::OurFault { .. }) => "our_fault".to_owned(),
        Err(SendError::Unreachable { reason, .. }) => reason.as_str().to_owned(),
    }
}

pub fn message_of(sent: &Sent) -> String {
    sent.result.as_ref().expect_err("no failure").to_string()
}

pub fn assert_unreachable(sent: &Sent, reason: UnreachableReason) {
    assert_eq!(verdict_of(sent), reason.as_str(), "{:?}", sent.result);
}
