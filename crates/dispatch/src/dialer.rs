//! The only file that opens sockets to elsewhere. Every outgoing connection of the process,
//! whatever it is for, is made by a [`Dialer`], so there is one place where the egress policy
//! can be forgotten, and it is not.
//!
//! A dial resolves once, puts every address before the policy, and then connects to those very
//! addresses: a name that changes its answer in between (DNS rebinding) changes nothing. TLS is
//! still by name. Proxies from the environment are ignored: behind one, the addresses checked
//! here would not be the ones dialled.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use posthaste_core::attempt::{Timings, UnreachableReason};
use posthaste_core::egress::{Blocked, EgressPolicy};
use posthaste_core::limits::{CONNECT_TIMEOUT, DNS_ADDRESSES_MAX};
use posthaste_core::target_url::TargetUrl;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::resolver::{Resolve, ResolveError, is_exhaustion};
use crate::tls::{self, TrustRoots};
use crate::transport::SendError;

/// The least an address gets before the next one is tried (RFC 8305 advises 250 ms).
const ADDRESS_TIMEOUT_MIN: Duration = Duration::from_millis(250);

/// Read from one connection before others get their turn. Tokio would have it go on 128 times as
/// long, and what a flood of tiny frames becomes in memory is only let go by whoever waits for
/// the answer, who needs a turn for that.
const BYTES_AT_A_TIME: usize = 64 * 1024;

/// Opens connections to where the policy lets it.
pub struct Dialer {
    resolver: Arc<dyn Resolve>,
    policy: EgressPolicy,
    tls: TlsConnector,
}

/// The part of a URL that a connection belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// A name or an address, the latter without brackets.
    host: String,
    port: u16,
    is_https: bool,
}

/// Why there is no connection. Displays as a sentence for the owner of the webhook.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error(transparent)]
    Blocked(#[from] Blocked),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("{address} refused the connection")]
    Refused { address: SocketAddr },
    #[error("no connection to {address}: {source}")]
    Connect { address: SocketAddr, source: io::Error },
    #[error("this machine could not open a connection: {source}")]
    Exhausted { source: io::Error },
    #[error("no connection to {host} within {} s: {stage}", CONNECT_TIMEOUT.as_secs())]
    TimedOut { host: String, stage: &'static str },
    #[error("{message}")]
    Tls { message: String },
}

/// A dial that failed, with where its time went.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct DialFailure {
    pub error: DialError,
    pub timings: Timings,
}

/// What is known about a connection for as long as it lives.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionFacts {
    pub remote_address: SocketAddr,
    /// Of its opening: the first byte is each request's own.
    pub timings: Timings,
    pub is_h2: bool,
}

/// An open connection, in the clear or in TLS.
pub struct Connection {
    stream: Stream,
    facts: ConnectionFacts,
    bytes_since_pause: usize,
}

enum Stream {
    Plain(TcpStream),
    /// A kilobyte of state, which not every connection has.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Origin {
    /// `TargetUrl` spells its host as the policy will see it.
    pub fn of(url: &TargetUrl) -> Origin {
        Origin { host: url.host_text().to_owned(), port: url.port(), is_https: url.is_https() }
    }
}

impl Dialer {
    pub fn new(resolver: Arc<dyn Resolve>, policy: EgressPolicy, trust: &TrustRoots) -> Dialer {
        Dialer { resolver, policy, tls: TlsConnector::from(trust.client_config()) }
    }

    /// Ready to carry HTTP within `CONNECT_TIMEOUT`, or not at all.
    pub async fn dial(&self, origin: &Origin) -> Result<Connection, DialFailure> {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        let mut timings = Timings::default();
        match self.open(origin, deadline, &mut timings).await {
            Ok(connection) => Ok(connection),
            Err(error) => Err(DialFailure { error, timings }),
        }
    }

    async fn open(
        &self,
        origin: &Origin,
        deadline: Instant,
        timings: &mut Timings,
    ) -> Result<Connection, DialError> {
        let addresses = self.checked_addresses(origin, deadline, timings).await?;
        let connecting = connect_first(&addresses, &origin.host, deadline);
        let (stream, remote_address) = timed(&mut timings.connect_ms, connecting).await?;
        if !origin.is_https {
            let facts = ConnectionFacts { remote_address, timings: *timings, is_h2: false };
            return Ok(Connection::new(Stream::Plain(stream), facts));
        }
        let securing = self.secure(stream, &origin.host, deadline);
        let stream = timed(&mut timings.tls_ms, securing).await?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2".as_slice());
        let facts = ConnectionFacts { remote_address, timings: *timings, is_h2 };
        Ok(Connection::new(Stream::Tls(Box::new(stream)), facts))
    }

    /// The addresses that may be dialled, none of which anybody has spoken to yet: a forbidden
    /// target is refused alike whether or not something listens there.
    async fn checked_addresses(
        &self,
        origin: &Origin,
        deadline: Instant,
        timings: &mut Timings,
    ) -> Result<Vec<SocketAddr>, DialError> {
        let host = origin.host.as_str();
        let mut addresses = if let Ok(address) = host.parse::<IpAddr>() {
            vec![address]
        } else {
            let resolving = async {
                match timeout_at(deadline, self.resolver.resolve(host)).await {
                    Ok(answer) => answer,
                    Err(_) => Err(ResolveError::TimedOut { host: host.to_owned() }),
                }
            };
            timed(&mut timings.dns_ms, resolving).await?
        };
        addresses.truncate(DNS_ADDRESSES_MAX);
        if addresses.is_empty() {
            return Err(ResolveError::NotFound { host: host.to_owned() }.into());
        }
        self.policy.check_addresses(host, origin.port, &addresses)?;
        if !origin.is_https && !self.policy.allows_plain_http(host, &addresses) {
            return Err(Blocked::PlainHttp { host: host.to_owned() }.into());
        }
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, origin.port)).collect())
    }

    async fn secure(
        &self,
        stream: TcpStream,
        host: &str,
        deadline: Instant,
    ) -> Result<TlsStream<TcpStream>, DialError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| DialError::Tls { message: format!("{host} cannot be a name in TLS") })?;
        match timeout_at(deadline, self.tls.connect(name, stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(DialError::Tls { message: explain_handshake(host, &error) }),
            Err(_) => Err(DialError::TimedOut {
                host: host.to_owned(),
                stage: "the TLS handshake did not finish",
            }),
        }
    }
}

/// Happy eyeballs, but in turn: each address gets its share of the time left, so that one dead
/// address costs some of the time and not all of it. Dialling several at once would be quicker by
/// a fraction of a second, on the first request of a connection only, and would show receivers
/// connections that nothing comes on.
async fn connect_first(
    addresses: &[SocketAddr],
    host: &str,
    deadline: Instant,
) -> Result<(TcpStream, SocketAddr), DialError> {
    let timed_out =
        || DialError::TimedOut { host: host.to_owned(), stage: "nothing answered there" };
    let mut failure = timed_out();
    for (index, &address) in addresses.iter().enumerate() {
        let now = Instant::now();
        if now >= deadline {
            break;
        }
        let turns_left =
            u32::try_from(addresses.len() - index).expect("DNS_ADDRESSES_MAX is small");
        let share = ((deadline - now) / turns_left).max(ADDRESS_TIMEOUT_MIN);
        failure = match timeout_at(deadline.min(now + share), connect(address)).await {
            Ok(Ok(stream)) => return Ok((stream, address)),
            Ok(Err(error)) => explain_connect(address, error),
            Err(_) => timed_out(),
        };
    }
    Err(failure)
}

#[expect(clippy::disallowed_methods, reason = "the one place that dials, after the policy's check")]
async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // A request is written in one piece; waiting for more to send with it only adds delay.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Notes how long `step` took, whether or not it went well.
async fn timed<T, E>(
    noted: &mut Option<u32>,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let started = Instant::now();
    let result = step.await;
    *noted = Some(millis_since(started));
    result
}

pub(crate) fn millis_since(started: Instant) -> u32 {
    u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX)
}

fn explain_connect(address: SocketAddr, source: io::Error) -> DialError {
    // Without a free local port Linux says "address not available". It says so too where there is
    // no IPv6 at all, which is no shortage.
    let has_no_port = source.kind() == io::ErrorKind::AddrNotAvailable && address.is_ipv4();
    if is_exhaustion(&source) || has_no_port {
        return DialError::Exhausted { source };
    }
    match source.kind() {
        io::ErrorKind::ConnectionRefused => DialError::Refused { address },
        _ => DialError::Connect { address, source },
    }
}

fn explain_handshake(host: &str, error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => tls::explain(host, error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            format!("{host} closed the connection during the TLS handshake")
        }
        None => format!("the TLS handshake with {host} failed: {error}"),
    }
}

impl From<&DialError> for SendError {
    fn from(error: &DialError) -> SendError {
        let message = error.to_string();
        let unreachable = |reason| SendError::Unreachable { reason, message: error.to_string() };
        match error {
            DialError::Blocked(_) => SendError::Blocked { message },
            DialError::Resolve(ResolveError::Exhausted { .. }) | DialError::Exhausted { .. } => {
                SendError::OurFault { message }
            }
            DialError::Resolve(_) => unreachable(UnreachableReason::Dns),
            DialError::Refused { .. } => unreachable(UnreachableReason::Refused),
            DialError::Connect { .. } => unreachable(UnreachableReason::Connect),
            DialError::Tls { .. } => unreachable(UnreachableReason::Tls),
            DialError::TimedOut { .. } => SendError::TimedOut { message },
        }
    }
}

impl Connection {
    fn new(stream: Stream, facts: ConnectionFacts) -> Connection {
        Connection { stream, facts, bytes_since_pause: 0 }
    }

    pub fn facts(&self) -> ConnectionFacts {
        self.facts
    }

    /// Whether there is nothing to read, not even the end. Asks the kernel only if the runtime has
    /// heard of something.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        match &mut self.stream {
            Stream::Plain(stream) => {
                let tried = stream.try_read(&mut byte);
                tried.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            }
            // What TLS has to say to itself (a session ticket) is read along the way.
            Stream::Tls(stream) => {
                let mut cx = Context::from_waker(Waker::noop());
                Pin::new(stream).poll_read(&mut cx, &mut ReadBuf::new(&mut byte)).is_pending()
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.bytes_since_pause >= BYTES_AT_A_TIME {
            self.bytes_since_pause = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let polled = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        };
        self.bytes_since_pause += buffer.filled().len() - before;
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, source: io::Error, expected: &str) {
        let said = match SendError::from(&explain_connect(address.parse().unwrap(), source)) {
            SendError::Unreachable { reason, .. } => reason.as_str(),
            SendError::OurFault { .. } => "our_fault",
            SendError::TimedOut { .. } | SendError::Blocked { .. } => "something else",
        };
        assert_eq!(said, expected, "{address}");
    }

    #[test]
    fn our_own_shortages_are_nobodys_failed_attempt() {
        const EMFILE: i32 = 24;
        check("192.0.2.1:443", io::Error::from_raw_os_error(EMFILE), "our_fault");
        check("192.0.2.1:443", io::ErrorKind::OutOfMemory.into(), "our_fault");
        check("192.0.2.1:443", io::ErrorKind::AddrNotAvailable.into(), "our_fault");
        check("[2001:db8::1]:443", io::ErrorKind::AddrNotAvailable.into(), "connect");
        check("192.0.2.1:443", io::ErrorKind::ConnectionRefused.into(), "refused");
        check("192.0.2.1:443", io::ErrorKind::NetworkUnreachable.into(), "connect");
        check("192.0.2.1:443", io::ErrorKind::HostUnreachable.into(), "connect");
    }

    #[test]
    fn an_origin_is_the_url_without_its_path() {
        let check = |url: &str, host: &str, port, is_https| {
            let expected = Origin { host: host.to_owned(), port, is_https };
            assert_eq!(Origin::of(&TargetUrl::parse(url).unwrap()), expected, "{url}");
        };
        check("https://example.com/x", "example.com", 443, true);
        check("http://example.com:8080/x", "example.com", 8080, false);
        check("http://[::1]/", "::1", 80, false);
    }
}
