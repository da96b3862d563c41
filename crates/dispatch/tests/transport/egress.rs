//! Where the transport refuses to go. Passing means that nobody who listens at a forbidden
//! address was ever connected to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use posthaste_core::egress::EgressPolicy;
use posthaste_core::limits::DNS_ADDRESSES_MAX;
use posthaste_core::target_url::TargetUrl;
use posthaste_dispatch::http_transport::HttpTransport;
use posthaste_dispatch::resolver::{Resolve, ResolveError, StaticResolver};
use posthaste_dispatch::tls::TrustRoots;
use posthaste_dispatch::transport::Sent;
use tokio::net::{TcpListener, TcpStream};

use crate::receiver::{
    ALLOWED, OK_EMPTY, Receiver, message_of, policy, send, status_of, url, verdict_of,
};

const FORBIDDEN: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Listens where nobody may call.
struct Canary {
    listener: TcpListener,
}

impl Canary {
    async fn at(address: SocketAddr) -> Option<Canary> {
        Some(Canary { listener: TcpListener::bind(address).await.ok()? })
    }

    async fn start() -> Canary {
        Canary::at((FORBIDDEN, 0).into()).await.unwrap()
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// Connections are accepted in the order they came, so if the test's own is the first, there
    /// was no other.
    async fn assert_untouched(&self) {
        #[expect(clippy::disallowed_methods, reason = "the test's own marker, not a request")]
        let marker = TcpStream::connect((FORBIDDEN, self.port())).await.unwrap();
        let (_, first) = self.listener.accept().await.unwrap();
        assert_eq!(first, marker.local_addr().unwrap(), "somebody called the canary");
    }
}

fn transport_for(resolver: impl Resolve, policy: EgressPolicy) -> HttpTransport {
    HttpTransport::new(Arc::new(resolver), policy, &TrustRoots::only([]).unwrap())
}

fn resolving_to(addresses: &[IpAddr]) -> StaticResolver {
    StaticResolver::new([("receiver.test", addresses.to_vec())])
}

async fn send_by_name(addresses: &[IpAddr], port: u16) -> Sent {
    let transport = transport_for(resolving_to(addresses), policy());
    // With https only the check of the addresses stands in the way; plain http has one more.
    send(&transport, url(&format!("https://receiver.test:{port}/"))).await
}

#[tokio::test]
async fn no_spelling_of_a_forbidden_address_is_dialled() {
    let canary = Canary::start().await;
    let transport = transport_for(StaticResolver::default(), policy());
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "１２７.０.０.１",
        "%31%32%37.0.0.1",
        "0.0.0.0",
        "0",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:0.0.0.0]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ] {
        for scheme in ["http", "https"] {
            // What no URL can hold cannot be sent to either.
            let text = format!("{scheme}://{host}:{}/", canary.port());
            let Ok(target) = TargetUrl::parse(&text) else { panic!("{text} is not even a URL") };
            let sent = send(&transport, target).await;
            assert_eq!(verdict_of(&sent), "blocked", "{text}: {:?}", sent.result);
            assert_eq!((sent.remote_address, sent.timings.connect_ms), (None, None));
        }
    }
    canary.assert_untouched().await;
}

#[tokio::test]
async fn one_forbidden_address_spoils_the_whole_answer() {
    let canary = Canary::start().await;
    for addresses in [vec![FORBIDDEN], vec![ALLOWED, FORBIDDEN], vec![FORBIDDEN, ALLOWED]] {
        let sent = send_by_name(&addresses, canary.port()).await;
        assert_eq!(verdict_of(&sent), "blocked", "{addresses:?}: {:?}", sent.result);
        assert!(sent.timings.dns_ms.is_some());
    }
    canary.assert_untouched().await;
}

#[tokio::test]
async fn a_refusal_does_not_tell_whether_anything_listens() {
    let canary = Canary::start().await;
    let closed = {
        let gone = Canary::start().await;
        gone.port()
    };
    let (heard, silent) =
        (send_by_name(&[FORBIDDEN], canary.port()).await, send_by_name(&[FORBIDDEN], closed).await);
    assert_eq!(heard.result, silent.result);
    assert_eq!(
        message_of(&heard),
        "receiver.test resolves to an address that is not public; the operator can allow the \
         name or the address with --egress-allow"
    );
    canary.assert_untouched().await;
}

#[tokio::test]
async fn plain_http_is_for_allowed_targets() {
    // Public, and so fine over https; no test gets as far as calling it.
    let transport = transport_for(resolving_to(&["8.8.8.8".parse().unwrap()]), policy());
    let sent = send(&transport, url("http://receiver.test/")).await;
    assert_eq!(verdict_of(&sent), "blocked");
    assert!(message_of(&sent).contains("plain http is not allowed"));
}

#[tokio::test]
async fn ports_of_other_services_are_not_dialled() {
    let transport = transport_for(resolving_to(&["8.8.8.8".parse().unwrap()]), policy());
    let sent = send(&transport, url("https://receiver.test:25/")).await;
    assert_eq!(verdict_of(&sent), "blocked");
}

/// Answers the allowed address at first, and the forbidden one from then on.
#[derive(Clone, Default)]
struct Rebinding {
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl Resolve for Rebinding {
    async fn resolve(&self, _: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let is_first = self.asked.fetch_add(1, Ordering::SeqCst) == 0;
        Ok(vec![if is_first { ALLOWED } else { FORBIDDEN }])
    }
}

#[tokio::test]
async fn what_was_checked_is_what_is_dialled() {
    let (receiver, canary) = loop {
        let receiver = Receiver::start(|mut peer| async move {
            peer.request().await;
            peer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
        })
        .await;
        // The same port at the other address, unless somebody has it.
        let canary = Canary::at((FORBIDDEN, receiver.address.port()).into()).await;
        if let Some(canary) = canary {
            break (receiver, canary);
        }
    };
    let resolver = Rebinding::default();
    let transport = transport_for(resolver.clone(), policy());
    let target = url(&format!("http://receiver.test:{}/", receiver.address.port()));

    assert_eq!(status_of(&send(&transport, target.clone()).await), 200);
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1, "one lookup for the check and the dial");
    for _ in 0..3 {
        assert_eq!(verdict_of(&send(&transport, target.clone()).await), "blocked");
    }
    assert_eq!(receiver.connections(), 1);
    canary.assert_untouched().await;
}

#[tokio::test]
async fn a_name_without_an_address_is_told_as_such() {
    let transport = transport_for(StaticResolver::default(), policy());
    let sent = send(&transport, url("https://nowhere.test/")).await;
    assert_eq!(verdict_of(&sent), "dns");
    assert_eq!(message_of(&sent), "the name nowhere.test does not exist or has no address");
    let sent = send_by_name(&[], 1).await;
    assert_eq!(verdict_of(&sent), "dns");
}

#[tokio::test]
async fn a_port_where_nobody_listens_refuses() {
    let port = {
        let gone = TcpListener::bind((ALLOWED, 0)).await.unwrap();
        gone.local_addr().unwrap().port()
    };
    let transport = transport_for(StaticResolver::default(), policy());
    let sent = send(&transport, url(&format!("http://{ALLOWED}:{port}/"))).await;
    assert_eq!(verdict_of(&sent), "refused");
    assert_eq!(message_of(&sent), format!("{ALLOWED}:{port} refused the connection"));
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses() {
    let receiver = Receiver::start(|mut peer| async move { peer.answer_all(OK_EMPTY).await }).await;
    let silent = IpAddr::from([127, 0, 0, 10]);
    let both = EgressPolicy::allowing(["127.0.0.9", "127.0.0.10"]).unwrap();
    let transport = transport_for(resolving_to(&[silent, ALLOWED]), both);
    let target = url(&format!("http://receiver.test:{}/", receiver.address.port()));
    let sent = send(&transport, target).await;
    assert_eq!(status_of(&sent), 200);
    assert_eq!(sent.remote_address, Some(receiver.address));
}

/// What an answer holds beyond the limit is neither looked at nor dialled.
struct Flood;

#[async_trait]
impl Resolve for Flood {
    async fn resolve(&self, _: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let mut addresses = vec![ALLOWED; DNS_ADDRESSES_MAX];
        addresses.extend([FORBIDDEN; 1000]);
        Ok(addresses)
    }
}

#[tokio::test]
async fn a_flood_of_addresses_is_cut_off() {
    let canary = Canary::start().await;
    let transport = transport_for(Flood, policy());
    let target = url(&format!("http://receiver.test:{}/", canary.port()));
    let sent = send(&transport, target).await;
    assert_eq!(verdict_of(&sent), "refused");
    canary.assert_untouched().await;
}
