//! TLS: whom the transport believes, how it says so when it does not, and HTTP/2 inside.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::future::join_all;
use h2::server::SendResponse;
use http::{Response, StatusCode};
use posthaste_core::limits::RESPONSE_BODY_BYTES_MAX;
use posthaste_dispatch::tls::TrustRoots;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::receiver::{
    OK_EMPTY, Peer, Receiver, SHORT, message_of, request_to, send, status_of, transport_with, url,
    verdict_of,
};

/// A certificate authority of the test's own.
struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Two of one name would be taken for each other, and their signatures for forged.
    fn named(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    fn trust(&self) -> TrustRoots {
        TrustRoots::only([self.certificate.der().clone()]).unwrap()
    }

    fn sign(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.der().clone(), key }
    }
}

/// What a receiver presents itself with.
struct Identity {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    fn self_signed(params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Identity { certificate, key }
    }

    fn acceptor(&self, protocols: &[&[u8]]) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn params_for(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

fn accepting(
    acceptor: TlsAcceptor,
) -> impl Fn(TcpStream) -> futures_util::future::BoxFuture<'static, Option<TlsStream<TcpStream>>> {
    move |stream| {
        let acceptor = acceptor.clone();
        Box::pin(async move { acceptor.accept(stream).await.ok() })
    }
}

async fn http1_receiver(identity: &Identity) -> Receiver {
    let wrap = accepting(identity.acceptor(&[b"http/1.1"]));
    Receiver::start_wrapped(wrap, |mut peer| async move { peer.answer_all(OK_EMPTY).await }).await
}

fn https(host: &str, receiver: &Receiver) -> posthaste_core::target_url::TargetUrl {
    url(&format!("https://{host}:{}/hook", receiver.address.port()))
}

#[tokio::test]
async fn a_certificate_from_a_trusted_authority_is_believed() {
    let authority = Authority::named("the test");
    let receiver = http1_receiver(&authority.sign(&params_for("receiver.test"))).await;
    let transport = transport_with(&authority.trust());
    for number in 0..3 {
        let sent = send(&transport, https("receiver.test", &receiver)).await;
        assert_eq!(status_of(&sent), 200);
        let opening = [sent.timings.dns_ms, sent.timings.connect_ms, sent.timings.tls_ms];
        assert!(opening.iter().all(|step| step.is_some() == (number == 0)), "{opening:?}");
    }
    assert_eq!((receiver.connections(), receiver.requests()), (1, 3));
}

#[tokio::test]
async fn a_certificate_can_be_for_an_address() {
    let authority = Authority::named("the test");
    let receiver = http1_receiver(&authority.sign(&params_for("127.0.0.9"))).await;
    let sent = send(&transport_with(&authority.trust()), https("127.0.0.9", &receiver)).await;
    assert_eq!(status_of(&sent), 200);
}

async fn check_refused(
    transport: &posthaste_dispatch::http_transport::HttpTransport,
    identity: &Identity,
    expected: &str,
) {
    let receiver = http1_receiver(identity).await;
    let sent = send(transport, https("receiver.test", &receiver)).await;
    assert_eq!(verdict_of(&sent), "tls", "{expected}: {:?}", sent.result);
    assert!(message_of(&sent).contains(expected), "{}", message_of(&sent));
    assert!(sent.timings.tls_ms.is_some());
    assert_eq!(receiver.requests(), 0);
}

#[tokio::test]
async fn each_thing_wrong_with_a_certificate_has_its_own_sentence() {
    let authority = Authority::named("the test");
    let transport = transport_with(&authority.trust());

    let mut expired = params_for("receiver.test");
    (expired.not_before, expired.not_after) =
        (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    let refused = authority.sign(&expired);
    check_refused(&transport, &refused, "the certificate of receiver.test has expired").await;

    let mut early = params_for("receiver.test");
    (early.not_before, early.not_after) = (date_time_ymd(4000, 1, 1), date_time_ymd(4001, 1, 1));
    check_refused(&transport, &authority.sign(&early), "not valid yet").await;

    let other = authority.sign(&params_for("other.test"));
    check_refused(&transport, &other, "for another name (").await;

    let self_signed = Identity::self_signed(&params_for("receiver.test"));
    check_refused(&transport, &self_signed, "is self-signed").await;
    let mut own_authority = params_for("receiver.test");
    own_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let self_signed = Identity::self_signed(&own_authority);
    check_refused(&transport, &self_signed, "is self-signed").await;

    let stranger = Authority::named("a stranger").sign(&params_for("receiver.test"));
    check_refused(&transport, &stranger, "authority that is not trusted here").await;
}

#[tokio::test]
async fn a_receiver_without_tls_is_told_so() {
    let receiver = Receiver::start(|mut peer| async move {
        peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        peer.until_closed().await;
    })
    .await;
    let transport = transport_with(&Authority::named("the test").trust());
    let sent = send(&transport, https("receiver.test", &receiver)).await;
    assert_eq!(verdict_of(&sent), "tls");
    assert_eq!(message_of(&sent), "receiver.test does not speak TLS on this port");
}

#[tokio::test]
async fn a_handshake_that_is_cut_off_is_told_so() {
    let receiver = Receiver::start(|_peer| async {}).await;
    let transport = transport_with(&Authority::named("the test").trust());
    let sent = send(&transport, https("receiver.test", &receiver)).await;
    assert_eq!(verdict_of(&sent), "tls");
}

#[tokio::test]
async fn a_handshake_that_stalls_ends_at_the_deadline() {
    let receiver = Receiver::start(|mut peer| async move { peer.until_closed().await }).await;
    let transport = transport_with(&Authority::named("the test").trust());
    let sent = request_to(https("receiver.test", &receiver), SHORT).send(&transport).await;
    assert_eq!(verdict_of(&sent), "timed_out");
    assert_eq!(message_of(&sent), "no connection within 300ms");
    receiver.until_closed(1).await;
}

#[tokio::test]
async fn connecting_has_five_seconds_of_a_longer_deadline() {
    let receiver = Receiver::start(|mut peer| async move { peer.until_closed().await }).await;
    let transport = transport_with(&Authority::named("the test").trust());
    let target = https("receiver.test", &receiver);
    let request = request_to(target, std::time::Duration::from_secs(15));
    let sending = request.send(&transport);
    tokio::time::pause();
    let sent = sending.await;
    assert_eq!(verdict_of(&sent), "timed_out");
    assert!(message_of(&sent).starts_with("no connection to receiver.test within 5 s"));
}

#[test]
fn a_ca_file_adds_to_the_roots_and_a_wrong_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let good = write("good.pem", &Authority::named("the test").certificate.pem());
    assert!(TrustRoots::system(Some(&good)).is_ok());
    assert!(TrustRoots::system(None).is_ok());
    let check = |path: &Path, expected: &str| {
        let message = TrustRoots::system(Some(path)).unwrap_err().to_string();
        assert!(
            message.contains(expected) && message.contains(path.to_str().unwrap()),
            "{message}"
        );
    };
    check(&write("empty.pem", "nothing here\n"), "holds no certificate");
    check(&folder.path().join("absent.pem"), "cannot be read");
}

#[derive(Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    HangUp,
}

/// Serves HTTP/2 on one connection; `answer` gets each request's number on it, from 0.
async fn serve_h2(peer: Peer, answer: impl Fn(usize, usize, SendResponse<Bytes>) -> Next) {
    let index = peer.index;
    let mut connection = h2::server::handshake(peer.into_stream()).await.unwrap();
    let mut number = 0;
    while let Some(Ok((request, respond))) = connection.accept().await {
        assert_eq!(request.headers()["content-type"], "application/json");
        assert!(!request.headers().contains_key("host"), "the authority stands for it");
        if answer(index, number, respond) == Next::HangUp {
            return;
        }
        number += 1;
    }
}

fn answer_h2(mut respond: SendResponse<Bytes>, status: StatusCode) -> Next {
    let response = Response::builder().status(status).body(()).unwrap();
    respond.send_response(response, true).unwrap();
    Next::GoOn
}

async fn h2_receiver(
    authority: &Authority,
    answer: impl Fn(usize, usize, SendResponse<Bytes>) -> Next + Send + Sync + 'static,
) -> Receiver {
    let identity = authority.sign(&params_for("receiver.test"));
    let wrap = accepting(identity.acceptor(&[b"h2", b"http/1.1"]));
    let answer = Arc::new(answer);
    Receiver::start_wrapped(wrap, move |peer| {
        let answer = Arc::clone(&answer);
        async move { serve_h2(peer, move |index, number, respond| answer(index, number, respond)).await }
    })
    .await
}

#[tokio::test]
async fn where_http_2_is_offered_requests_share_one_connection_at_once() {
    let authority = Authority::named("the test");
    let receiver =
        h2_receiver(&authority, |_, _, respond| answer_h2(respond, StatusCode::OK)).await;
    let transport = transport_with(&authority.trust());
    let target = https("receiver.test", &receiver);
    assert_eq!(status_of(&send(&transport, target.clone()).await), 200);
    let sends = (0..50).map(|_| send(&transport, target.clone()));
    for sent in join_all(sends).await {
        assert_eq!(status_of(&sent), 200);
        assert_eq!(sent.timings.connect_ms, None);
        assert_eq!(sent.remote_address, Some(receiver.address));
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn of_an_endless_http_2_body_only_the_beginning_is_read_and_the_connection_lives() {
    let authority = Authority::named("the test");
    let receiver = h2_receiver(&authority, |_, number, mut respond| {
        if number > 0 {
            return answer_h2(respond, StatusCode::OK);
        }
        tokio::spawn(async move {
            let mut body = respond.send_response(Response::new(()), false).unwrap();
            loop {
                body.reserve_capacity(8192);
                let room = std::future::poll_fn(|cx| body.poll_capacity(cx)).await;
                let Some(Ok(room)) = room else { return };
                if body.send_data(vec![b'a'; room].into(), false).is_err() {
                    return;
                }
            }
        });
        Next::GoOn
    })
    .await;
    let transport = transport_with(&authority.trust());
    let target = https("receiver.test", &receiver);
    let sent = send(&transport, target.clone()).await;
    assert_eq!(verdict_of(&sent), "200 truncated");
    assert_eq!(sent.result.unwrap().body.len(), RESPONSE_BODY_BYTES_MAX);
    assert_eq!(status_of(&send(&transport, target).await), 200);
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_stream_refused_on_a_used_connection_is_sent_once_more() {
    let authority = Authority::named("the test");
    let refusals = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&refusals);
    let receiver = h2_receiver(&authority, move |connection, number, mut respond| {
        if connection == 0 && number > 0 {
            counted.fetch_add(1, Ordering::SeqCst);
            respond.send_reset(h2::Reason::REFUSED_STREAM);
            return Next::GoOn;
        }
        answer_h2(respond, StatusCode::OK)
    })
    .await;
    let transport = transport_with(&authority.trust());
    let target = https("receiver.test", &receiver);
    assert_eq!(status_of(&send(&transport, target.clone()).await), 200);
    assert_eq!(status_of(&send(&transport, target).await), 200);
    assert_eq!((receiver.connections(), refusals.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn a_stream_that_was_taken_up_and_reset_is_not_sent_again() {
    let authority = Authority::named("the test");
    let resets = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&resets);
    let receiver = h2_receiver(&authority, move |_, number, mut respond| {
        if number > 0 {
            counted.fetch_add(1, Ordering::SeqCst);
            respond.send_reset(h2::Reason::INTERNAL_ERROR);
            return Next::GoOn;
        }
        answer_h2(respond, StatusCode::OK)
    })
    .await;
    let transport = transport_with(&authority.trust());
    let target = https("receiver.test", &receiver);
    assert_eq!(status_of(&send(&transport, target.clone()).await), 200);
    let sent = send(&transport, target).await;
    assert_eq!(verdict_of(&sent), "closed", "{:?}", sent.result);
    assert_eq!((receiver.connections(), resets.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn a_used_http_2_connection_that_goes_away_costs_no_attempt() {
    let authority = Authority::named("the test");
    let receiver = h2_receiver(&authority, |connection, number, respond| {
        if connection == 0 && number > 0 {
            return Next::HangUp;
        }
        answer_h2(respond, StatusCode::OK)
    })
    .await;
    let transport = transport_with(&authority.trust());
    let target = https("receiver.test", &receiver);
    assert_eq!(status_of(&send(&transport, target.clone()).await), 200);
    assert_eq!(status_of(&send(&transport, target).await), 200);
    assert_eq!(receiver.connections(), 2);
}

/// Until the first handshake is done nobody knows that one connection will do for all.
#[tokio::test]
async fn many_first_requests_at_once_all_get_their_answers() {
    let authority = Authority::named("the test");
    let receiver =
        h2_receiver(&authority, |_, _, respond| answer_h2(respond, StatusCode::OK)).await;
    let transport = transport_with(&authority.trust());
    let sends = (0..50).map(|_| send(&transport, https("receiver.test", &receiver)));
    for sent in join_all(sends).await {
        assert_eq!(status_of(&sent), 200);
    }
}
