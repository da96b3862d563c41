//! Receivers that mean harm or are broken. Each ends within the deadline, under the right name,
//! and with its connection closed.

use std::future::Future;
use std::io::Write;
use std::time::Duration;

use posthaste_core::limits::RESPONSE_BODY_BYTES_MAX;
use posthaste_dispatch::transport::Sent;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::receiver::{
    AMPLE, OK_EMPTY, Peer, Receiver, SHORT, message_of, request_to, send, status_of, transport,
    verdict_of,
};

/// How late a deadline may be on a busy machine.
const SLACK: Duration = Duration::from_millis(700);

/// Sends one request to a receiver that follows `script` after reading it.
async fn attempt<F, Fut>(expected: &str, script: F) -> (Sent, Receiver)
where
    F: Fn(Peer) -> Fut + Send + Sync + Copy + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let receiver = Receiver::start(move |mut peer| async move {
        peer.request().await;
        script(peer).await;
    })
    .await;
    let deadline = if expected == "timed_out" { SHORT } else { AMPLE };
    let started = Instant::now();
    let sent = request_to(receiver.url(), deadline).send(&transport()).await;
    assert_eq!(verdict_of(&sent), expected, "{:?}", sent.result);
    assert!(started.elapsed() < deadline + SLACK, "took {:?}", started.elapsed());
    assert_eq!(sent.remote_address, Some(receiver.address));
    assert!(sent.timings.connect_ms.is_some(), "told even when there is no answer");
    (sent, receiver)
}

async fn check<F, Fut>(expected: &str, script: F) -> Sent
where
    F: Fn(Peer) -> Fut + Send + Sync + Copy + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    attempt(expected, script).await.0
}

/// For scripts that end when the client has closed, and that it must close.
async fn check_closed<F, Fut>(expected: &str, script: F) -> Sent
where
    F: Fn(Peer) -> Fut + Send + Sync + Copy + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (sent, receiver) = attempt(expected, script).await;
    receiver.until_closed(1).await;
    sent
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_left_at_the_deadline() {
    let sent = check_closed("timed_out", |mut peer| async move { peer.until_closed().await }).await;
    assert_eq!(message_of(&sent), "no answer within 300ms");
    assert_eq!(sent.timings.first_byte_ms, None);
}

#[tokio::test]
async fn a_head_that_drips_is_left_at_the_deadline() {
    let sent = check("timed_out", |mut peer| async move {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        peer.write(b"HTTP/1.1 200 OK\r\nx: ").await;
        while peer.write(b"a").await {
            beat.tick().await;
        }
    })
    .await;
    assert_eq!(message_of(&sent), "no answer within 300ms");
}

#[tokio::test]
async fn a_body_that_drips_is_left_at_the_deadline() {
    let sent = check("timed_out", |mut peer| async move {
        let mut beat = tokio::time::interval(Duration::from_millis(20));
        peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await;
        while peer.write(b"a").await {
            beat.tick().await;
        }
    })
    .await;
    assert_eq!(message_of(&sent), "the answer was not complete within 300ms");
    assert!(sent.timings.first_byte_ms.is_some());
}

#[tokio::test]
async fn a_body_that_stops_short_of_its_length_is_left_at_the_deadline() {
    check("timed_out", |mut peer| async move {
        peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc").await;
        peer.until_closed().await;
    })
    .await;
}

#[tokio::test]
async fn of_an_endless_body_only_the_beginning_is_read() {
    let sent = check_closed("200 truncated", |mut peer| async move {
        peer.write(b"HTTP/1.1 200 OK\r\n\r\n").await;
        peer.write_until_refused(&[b'a'; 8192]).await;
    })
    .await;
    assert_eq!(sent.result.unwrap().body.len(), RESPONSE_BODY_BYTES_MAX);
}

#[tokio::test]
async fn of_endless_chunks_only_the_beginning_is_read() {
    check_closed("200 truncated", |mut peer| async move {
        peer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        peer.write_until_refused(b"4;x=y\r\naaaa\r\n").await;
    })
    .await;
}

#[tokio::test]
async fn a_huge_length_is_not_believed() {
    let sent = check_closed("200 truncated", |mut peer| async move {
        peer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n").await;
        peer.write_until_refused(&[b'a'; 8192]).await;
    })
    .await;
    assert_eq!(sent.result.unwrap().body.len(), RESPONSE_BODY_BYTES_MAX);
}

#[tokio::test]
async fn a_flood_of_chunk_extensions_is_refused() {
    check_closed("protocol", |mut peer| async move {
        peer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4;").await;
        peer.write_until_refused(&[b'x'; 8192]).await;
    })
    .await;
}

#[tokio::test]
async fn a_body_at_the_limit_is_whole_and_one_byte_more_is_not() {
    for (length, verdict) in
        [(RESPONSE_BODY_BYTES_MAX, "200"), (RESPONSE_BODY_BYTES_MAX + 1, "200 truncated")]
    {
        let receiver = Receiver::start(move |mut peer| async move {
            let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
            answer.push_str(&"a".repeat(length));
            peer.answer_all(answer.as_bytes()).await;
        })
        .await;
        let transport = transport();
        for _ in 0..2 {
            assert_eq!(verdict_of(&send(&transport, receiver.url()).await), verdict);
        }
        // Even where hyper has all of the body at hand, it is not read on to save a connection.
        let connections = if length > RESPONSE_BODY_BYTES_MAX { 2 } else { 1 };
        assert_eq!(receiver.connections(), connections, "{length}");
    }
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    check_closed("protocol", |mut peer| async move {
        let lines: String = (0..10_000).map(|number| format!("x-{number}: y\r\n")).collect();
        peer.write(format!("HTTP/1.1 200 OK\r\n{lines}\r\n").as_bytes()).await;
        peer.until_closed().await;
    })
    .await;
}

#[tokio::test]
async fn as_many_headers_as_are_kept_are_not_too_many() {
    let sent = check("200", |mut peer| async move {
        let lines: String = (0..99).map(|number| format!("x-{number}: y\r\n")).collect();
        peer.write(format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{lines}\r\n").as_bytes()).await;
        peer.until_closed().await;
    })
    .await;
    assert_eq!(sent.result.unwrap().headers.iter().count(), 100);
}

#[tokio::test]
async fn a_header_line_of_a_megabyte_is_refused() {
    check_closed("protocol", |mut peer| async move {
        peer.write(b"HTTP/1.1 200 OK\r\nx: ").await;
        peer.write(&[b'a'; 1 << 20]).await;
        peer.until_closed().await;
    })
    .await;
}

#[tokio::test]
async fn a_compressed_body_is_kept_as_it_came() {
    const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x04\x00\x43\xbe\xb7\xe8\x01";
    let sent = check("200", |mut peer| async move {
        let mut answer = Vec::new();
        let length = GZIP.len();
        write!(
            answer,
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n"
        )
        .unwrap();
        answer.extend_from_slice(GZIP);
        peer.write(&answer).await;
        peer.until_closed().await;
    })
    .await;
    assert_eq!(sent.result.unwrap().body, GZIP);
}

#[tokio::test]
async fn garbage_is_not_http() {
    for garbage in [
        b"\x00\x01\x02\x03\r\n\r\n".as_slice(),
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"<html>HTTP/0.9</html>\r\n\r\n",
        b"HTTP/1.1 two hundred OK\r\n\r\n",
        b"HTTP/3.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot a chunk\r\n",
    ] {
        let receiver = Receiver::start(move |mut peer| async move {
            peer.request().await;
            peer.write(garbage).await;
            peer.until_closed().await;
        })
        .await;
        let sent = send(&transport(), receiver.url()).await;
        let text = String::from_utf8_lossy(garbage);
        assert_eq!(verdict_of(&sent), "protocol", "{text:?}: {:?}", sent.result);
    }
}

#[tokio::test]
async fn a_reset_in_the_middle_is_a_closed_connection() {
    let wrap = |stream: TcpStream| async move {
        stream.set_zero_linger().unwrap();
        Some(stream)
    };
    for answer in [b"".as_slice(), b"HTTP/1.1 200 OK\r\ncontent-le", b"HTTP/1.1 200 OK\r\n\r\nabc"]
    {
        let receiver = Receiver::start_wrapped(wrap, move |mut peer| async move {
            peer.request().await;
            peer.write(answer).await;
        })
        .await;
        let sent = send(&transport(), receiver.url()).await;
        assert_eq!(verdict_of(&sent), "closed", "{:?}", sent.result);
        assert_eq!(receiver.requests(), 1);
    }
}

#[tokio::test]
async fn half_an_answer_is_none() {
    for answer in [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".as_slice(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1",
    ] {
        let receiver = Receiver::start(move |mut peer| async move {
            peer.request().await;
            peer.write(answer).await;
        })
        .await;
        let sent = send(&transport(), receiver.url()).await;
        assert_eq!(verdict_of(&sent), "closed", "{:?}", sent.result);
    }
}

#[tokio::test]
async fn redirects_are_answers() {
    for status in [301, 302, 303, 307, 308] {
        let receiver = Receiver::start(move |mut peer| async move {
            let answer = format!(
                "HTTP/1.1 {status} Moved\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
            );
            peer.answer_all(answer.as_bytes()).await;
        })
        .await;
        let sent = send(&transport(), receiver.url()).await;
        assert_eq!(status_of(&sent), status);
        assert_eq!((receiver.connections(), receiver.requests()), (1, 1));
    }
}

#[tokio::test]
async fn an_upgrade_nobody_asked_for_is_an_answer_and_the_end_of_the_connection() {
    let upgrade = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    let sent = check_closed("101", move |mut peer| async move {
        peer.write(upgrade).await;
        peer.until_closed().await;
    })
    .await;
    assert!(sent.result.unwrap().body.is_empty());
}

#[tokio::test]
async fn a_flood_of_interim_answers_is_refused() {
    check_closed("protocol", |mut peer| async move {
        peer.write_until_refused(&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(200)).await;
    })
    .await;
}

#[tokio::test]
async fn a_few_interim_answers_are_passed_over() {
    check("200", |mut peer| async move {
        peer.write(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n").await;
        peer.write(OK_EMPTY).await;
        peer.until_closed().await;
    })
    .await;
}

#[tokio::test]
async fn bytes_nobody_asked_for_end_the_connection() {
    let receiver = Receiver::start(|mut peer| async move {
        while peer.request().await.is_some() {
            peer.write(
                b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 500 Smuggled\r\n\r\n",
            )
            .await;
        }
    })
    .await;
    let transport = transport();
    for _ in 0..3 {
        assert_eq!(verdict_of(&send(&transport, receiver.url()).await), "200");
    }
    assert_eq!(receiver.requests(), 3);
}

/// Answers before it has read what it was sent, then closes with data unread, which resets.
#[tokio::test]
async fn an_early_refusal_ends_in_time_either_way() {
    let receiver = Receiver::start(|mut peer| async move {
        peer.write(b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            .await;
    })
    .await;
    let mut request = request_to(receiver.url(), AMPLE);
    request.body = vec![b'a'; 1 << 20].into();
    let sent = request.send(&transport()).await;
    let verdict = verdict_of(&sent);
    assert!(verdict == "413" || verdict == "closed", "{:?}", sent.result);
}
