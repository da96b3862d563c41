//! What an ordinary receiver sees, and how connections are kept and let go.

use http::{HeaderMap, Method};
use posthaste_core::attempt::{Timings, UnreachableReason};
use posthaste_core::limits::IDLE_CONNECTION;
use posthaste_dispatch::client::HttpClient;
use posthaste_dispatch::tls::TrustRoots;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

use crate::receiver::{
    AMPLE, OK_EMPTY, Receiver, SHORT, assert_unreachable, message_of, names, policy, request_to,
    send, status_of, transport, url,
};

#[tokio::test]
async fn the_request_arrives_as_it_was_made_and_the_answer_comes_back_whole() {
    let (seen, mut requests) = mpsc::unbounded_channel();
    let receiver = Receiver::start(move |mut peer| {
        let seen = seen.clone();
        async move {
            seen.send(peer.request().await.unwrap()).unwrap();
            peer.write(b"HTTP/1.1 202 Fine\r\nX-Note: a\xffb\r\ncontent-length: 5\r\n\r\nhello")
                .await;
            peer.until_closed().await;
        }
    })
    .await;

    let sent = send(&transport(), receiver.url()).await;

    let answer = sent.result.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (202, b"hello".as_slice()));
    assert!(!answer.truncated);
    assert_eq!(answer.headers.get("x-note"), Some("a\u{fffd}b"));
    assert_eq!(sent.remote_address, Some(receiver.address));
    let Timings { dns_ms, connect_ms, tls_ms, first_byte_ms } = sent.timings;
    assert_eq!((dns_ms, tls_ms), (None, None), "an address needs no lookup, http no TLS");
    assert!(connect_ms.is_some() && first_byte_ms.is_some());

    let request = requests.recv().await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<&str> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /hook?a=b HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: {}", receiver.address);
    assert_eq!(
        lines,
        [
            "content-length: 22",
            "content-type: application/json",
            &host,
            "user-agent: Posthaste/test",
        ]
    );
    assert_eq!(body, r#"{"event":"call.ended"}"#);
}

#[tokio::test]
async fn requests_share_a_connection_and_the_first_one_tells_how_it_was_opened() {
    let receiver = Receiver::start(|mut peer| async move { peer.answer_all(OK_EMPTY).await }).await;
    let by_name = url(&format!("http://receiver.test:{}/", receiver.address.port()));
    // Plain http to a name is for names that lie in the allowed network.
    let transport = transport();
    for number in 0..20 {
        let sent = send(&transport, by_name.clone()).await;
        assert_eq!(status_of(&sent), 200);
        assert_eq!(sent.timings.dns_ms.is_some(), number == 0, "request {number}");
        assert_eq!(sent.timings.connect_ms.is_some(), number == 0, "request {number}");
        assert_eq!(sent.remote_address, Some(receiver.address));
    }
    assert_eq!((receiver.connections(), receiver.requests()), (1, 20));
}

#[tokio::test]
async fn a_receiver_that_closes_after_each_answer_gets_a_connection_each() {
    let receiver = Receiver::start(|mut peer| async move {
        peer.request().await;
        peer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let transport = transport();
    for _ in 0..5 {
        let sent = send(&transport, receiver.url()).await;
        assert_eq!(status_of(&sent), 200);
        assert!(sent.timings.connect_ms.is_some());
    }
    assert_eq!((receiver.connections(), receiver.requests()), (5, 5));
}

/// Answers the first request of every connection, and closes on the next without a word.
async fn closes_on_reuse() -> Receiver {
    Receiver::start(|mut peer| async move {
        peer.request().await;
        peer.write(OK_EMPTY).await;
        peer.request().await;
    })
    .await
}

#[tokio::test]
async fn a_request_that_met_a_closed_connection_is_sent_once_more_on_a_new_one() {
    let receiver = closes_on_reuse().await;
    let transport = transport();
    assert_eq!(status_of(&send(&transport, receiver.url()).await), 200);
    let sent = send(&transport, receiver.url()).await;
    assert_eq!(status_of(&sent), 200);
    assert!(sent.timings.connect_ms.is_some(), "the new connection's timings");
    assert_eq!((receiver.connections(), receiver.requests()), (2, 3));
}

#[tokio::test]
async fn nothing_is_sent_again_after_a_byte_of_the_answer() {
    let receiver = Receiver::start(|mut peer| async move {
        peer.request().await;
        peer.write(OK_EMPTY).await;
        peer.request().await;
        peer.write(b"HTTP/1.1 2").await;
    })
    .await;
    let transport = transport();
    assert_eq!(status_of(&send(&transport, receiver.url()).await), 200);
    let sent = send(&transport, receiver.url()).await;
    assert_unreachable(&sent, UnreachableReason::Closed);
    assert_eq!((receiver.connections(), receiver.requests()), (1, 2));
}

#[tokio::test]
async fn nothing_is_sent_again_on_a_connection_of_its_own() {
    let receiver = Receiver::start(|mut peer| async move {
        peer.request().await;
    })
    .await;
    let sent = send(&transport(), receiver.url()).await;
    assert_unreachable(&sent, UnreachableReason::Closed);
    assert!(message_of(&sent).contains("closed the connection"), "{}", message_of(&sent));
    assert_eq!(sent.remote_address, Some(receiver.address));
    assert_eq!((receiver.connections(), receiver.requests()), (1, 1));
}

#[tokio::test]
async fn sending_again_stays_within_the_one_deadline() {
    let receiver = Receiver::start(|mut peer| async move {
        peer.request().await;
        if peer.index == 0 {
            peer.write(OK_EMPTY).await;
            peer.request().await;
        } else {
            peer.until_closed().await;
        }
    })
    .await;
    let transport = transport();
    assert_eq!(status_of(&send(&transport, receiver.url()).await), 200);
    let sent = request_to(receiver.url(), SHORT).send(&transport).await;
    assert_eq!(message_of(&sent), "no answer within 300ms");
    receiver.until_closed(1).await;
    assert_eq!((receiver.connections(), receiver.requests()), (2, 3));
}

#[tokio::test]
async fn an_idle_connection_is_closed_before_the_receiver_would() {
    let receiver = Receiver::start(|mut peer| async move { peer.answer_all(OK_EMPTY).await }).await;
    let transport = transport();
    assert_eq!(status_of(&send(&transport, receiver.url()).await), 200);
    tokio::time::pause();
    // Twice: the pool looks at its idle connections only that often.
    tokio::time::advance(IDLE_CONNECTION).await;
    tokio::time::advance(IDLE_CONNECTION + Duration::from_millis(1)).await;
    receiver.until_closed(1).await;
    tokio::time::resume();
    assert_eq!(status_of(&send(&transport, receiver.url()).await), 200);
    assert_eq!(receiver.connections(), 2);
}

/// Larger than all that may come before a head, so that a bound which forgot to stop counting
/// would show.
#[tokio::test]
async fn the_client_reads_many_large_documents_on_one_connection() {
    const LENGTH: usize = 1 << 20;
    let receiver = Receiver::start(|mut peer| async move {
        let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n");
        answer.push_str(&"a".repeat(LENGTH));
        peer.answer_all(answer.as_bytes()).await;
    })
    .await;
    let (client, url) = (client(), receiver.url());
    for _ in 0..5 {
        let (headers, body) = (HeaderMap::new(), bytes::Bytes::new());
        let answer = client.request(Method::GET, &url, headers, body, AMPLE, LENGTH).await;
        assert_eq!(answer.unwrap().2.len(), LENGTH);
    }
    assert_eq!((receiver.connections(), receiver.requests()), (1, 5));
}

fn client() -> HttpClient {
    HttpClient::new(Arc::new(names()), policy(), &TrustRoots::only([]).unwrap())
}

#[tokio::test]
async fn the_client_gets_whole_documents_or_none() {
    let receiver = Receiver::start(|mut peer| async move {
        peer.answer_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789").await;
    })
    .await;
    let (client, url) = (client(), receiver.url());
    let get = |limit| {
        client.request(Method::GET, &url, HeaderMap::new(), bytes::Bytes::new(), AMPLE, limit)
    };
    let (status, headers, body) = get(10).await.unwrap();
    assert_eq!((status.as_u16(), &headers["content-length"]), (200, &"10".parse().unwrap()));
    assert_eq!(body.as_ref(), b"0123456789");
    assert_eq!(get(9).await.unwrap_err().to_string(), "the answer is longer than 9 bytes");
}

#[tokio::test]
async fn the_client_never_sends_twice() {
    let receiver = closes_on_reuse().await;
    let (client, url) = (client(), receiver.url());
    let post = || {
        let body = bytes::Bytes::from_static(b"{}");
        client.request(Method::POST, &url, HeaderMap::new(), body, AMPLE, 1024)
    };
    assert!(post().await.is_ok());
    assert!(post().await.is_err());
    assert_eq!((receiver.connections(), receiver.requests()), (1, 2));
}
