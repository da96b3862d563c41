//! Where an answer ends, on real connections: each must be read whole however it is cut into
//! packets, and nothing of it may reach the next one. What is read and what refused is tested
//! without sockets, in `http1/answer/tests.rs`.

use std::sync::Arc;

use http::{HeaderMap, Method};
use posthaste_core::custom_headers::CustomHeaders;
use posthaste_core::sent_headers::SentValue;
use posthaste_dispatch::client::HttpClient;
use posthaste_dispatch::tls::TrustRoots;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::receiver::{
    AMPLE, OK_EMPTY, Receiver, names, policy, request_to, send, status_of, transport, verdict_of,
};

const CHUNKED: &str = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n\
    HTTP/1.1 201 Made\r\nX-Note: a\r\ntransfer-encoding: chunked\r\n\r\n\
    5;ext=\"1\"\r\nhello\r\n6\r\n world\r\n0\r\nexpires: never\r\n\r\n";

/// Small writes are sent at once instead of being gathered.
async fn at_once(stream: TcpStream) -> Option<TcpStream> {
    stream.set_nodelay(true).unwrap();
    Some(stream)
}

#[tokio::test]
async fn an_answer_cut_at_any_byte_is_the_same_answer_and_its_connection_lives() {
    let receiver = Receiver::start_wrapped(at_once, |mut peer| async move {
        for cut in 0..CHUNKED.len() {
            if peer.request().await.is_none() {
                return;
            }
            let (before, after) = CHUNKED.as_bytes().split_at(cut);
            peer.write(before).await;
            // The client reads what has come before it gets more.
            tokio::task::yield_now().await;
            peer.write(after).await;
        }
    })
    .await;
    let transport = transport();
    for cut in 0..CHUNKED.len() {
        let answer = send(&transport, receiver.url()).await.result.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (201, b"hello world".as_slice()));
        assert_eq!(answer.headers.get("x-note"), Some("a"), "cut at {cut}");
        assert!(!answer.truncated);
    }
    assert_eq!((receiver.connections(), receiver.requests()), (1, CHUNKED.len()));
}

async fn check_connections(answer: &'static str, status: u16, expected: usize) {
    let receiver = Receiver::start_wrapped(at_once, move |mut peer| async move {
        peer.answer_all(answer.as_bytes()).await;
    })
    .await;
    let transport = transport();
    for _ in 0..3 {
        assert_eq!(status_of(&send(&transport, receiver.url()).await), status, "{answer:?}");
    }
    assert_eq!((receiver.connections(), receiver.requests()), (expected, 3), "{answer:?}");
}

#[tokio::test]
async fn a_connection_is_used_again_only_where_nothing_is_in_doubt() {
    check_connections("HTTP/1.1 204 No Content\r\n\r\n", 204, 1).await;
    check_connections("HTTP/1.1 304 Not\r\ncontent-length: 9\r\n\r\n", 304, 1).await;
    let keep = "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok";
    check_connections(keep, 200, 1).await;
    check_connections("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, 3).await;
    let close = "HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 2\r\n\r\nok";
    check_connections(close, 200, 3).await;
    let both =
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    check_connections(both, 200, 3).await;
    let twice = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok";
    check_connections(twice, 200, 3).await;
    check_connections("HTTP/1.1 200 OK\ncontent-length: 2\n\nok", 200, 3).await;
    let more = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 500 Smuggled\r\n\r\n";
    check_connections(more, 200, 3).await;
    check_connections("HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", 101, 3).await;
}

/// Answers one request on each connection, does as `after` says, and then tells.
async fn answers_once(after: &'static [u8]) -> (Receiver, mpsc::UnboundedReceiver<()>) {
    let (done, over) = mpsc::unbounded_channel();
    let receiver = Receiver::start_wrapped(at_once, move |mut peer| {
        let done = done.clone();
        async move {
            peer.request().await;
            peer.write(OK_EMPTY).await;
            if after.is_empty() {
                drop(peer);
                done.send(()).unwrap();
            } else {
                peer.write(after).await;
                done.send(()).unwrap();
                peer.until_closed().await;
            }
        }
    })
    .await;
    (receiver, over)
}

/// With a client that sends nothing twice, so that only looking first can help.
#[tokio::test]
async fn an_idle_connection_that_was_closed_or_spoke_up_is_not_used() {
    for after in [b"".as_slice(), b"HTTP/1.1 408 Too Slow\r\n\r\n", b"\r\n"] {
        let (receiver, mut over) = answers_once(after).await;
        let trust = TrustRoots::only([]).unwrap();
        let client = HttpClient::new(Arc::new(names()), policy(), &trust);
        let url = receiver.url();
        for number in 1..=3 {
            let (headers, body) = (HeaderMap::new(), bytes::Bytes::new());
            let answer = client.request(Method::POST, &url, headers, body, AMPLE, 1024).await;
            assert_eq!(answer.unwrap().0, 200, "request {number} after {after:?}");
            over.recv().await.unwrap();
            // On loopback it is there by now; the runtime has yet to hear of it.
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
        }
        assert_eq!((receiver.connections(), receiver.requests()), (3, 3));
    }
}

#[tokio::test]
async fn a_body_larger_than_the_sockets_buffers_arrives_whole() {
    const LENGTH: usize = 16 << 20;
    let receiver = Receiver::start(|peer| async move {
        let mut stream = peer.into_stream();
        let mut piece = vec![0; 1 << 16];
        let mut letters = 0;
        while letters < LENGTH {
            let read = stream.read(&mut piece).await.unwrap();
            letters += piece[..read].iter().filter(|&&byte| byte == b'~').count();
        }
        stream.write_all(OK_EMPTY).await.unwrap();
    })
    .await;
    let mut request = request_to(receiver.url(), AMPLE);
    request.body = vec![b'~'; LENGTH].into();
    assert_eq!(verdict_of(&request.send(&transport()).await), "200");
}

#[tokio::test]
async fn a_webhooks_own_headers_are_sent_as_they_are() {
    let (seen, mut requests) = mpsc::unbounded_channel();
    let receiver = Receiver::start(move |mut peer| {
        let seen = seen.clone();
        async move {
            seen.send(peer.request().await.unwrap()).unwrap();
            peer.write(OK_EMPTY).await;
        }
    })
    .await;
    let mut request = request_to(receiver.url(), AMPLE);
    request.headers.push_named("authorization", SentValue::Redacted);
    let own = [("Authorization".to_owned(), "Bearer abc".to_owned())];
    request.custom_headers = CustomHeaders::parse(own).unwrap();
    assert_eq!(status_of(&request.send(&transport()).await), 200);
    let request = requests.recv().await.unwrap();
    assert!(request.contains("\r\nauthorization: Bearer abc\r\n"), "{request}");
    assert_eq!(request.matches("authorization").count(), 1);
    assert!(!request.contains("[redacted]"));
}
