//! One receiver of 20 never answers; the other 19 must hardly notice. Measured against the same 19
//! alone, in the same run, so that the machine's mood cancels out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::server::Server;
use crate::wire::first_body;

const HEALTHY: usize = 19;
const EVENTS: usize = 400;
/// The first round that shows it is enough: a shared machine can only make it look worse.
const ROUNDS_MAX: usize = 6;
/// What is promised.
const SHARE_KEPT: f64 = 0.9;

/// Takes requests and answers 200; or never answers.
struct TinyReceiver {
    url: String,
    received: Arc<AtomicUsize>,
}

async fn tiny_receiver(answers: bool, total: watch::Sender<usize>) -> TinyReceiver {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
    let received = Arc::new(AtomicUsize::new(0));
    let counted = received.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answers, counted.clone(), total.clone()));
        }
    });
    TinyReceiver { url, received }
}

async fn serve(
    mut stream: TcpStream,
    answers: bool,
    received: Arc<AtomicUsize>,
    total: watch::Sender<usize>,
) {
    let mut buffer = Vec::new();
    loop {
        let Some(body) = first_body(&buffer) else {
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => continue,
            }
        };
        buffer.drain(..body.end);
        received.fetch_add(1, Ordering::Relaxed);
        if !answers {
            continue;
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        if stream.write_all(answer).await.is_err() {
            return;
        }
        total.send_modify(|count| *count += 1);
    }
}

/// Seconds until all healthy receivers have everything.
async fn round(with_dead: bool) -> f64 {
    let server = Server::start();
    let (total, mut arrived) = watch::channel(0);
    let mut receivers = Vec::new();
    for _ in 0..HEALTHY {
        receivers.push(tiny_receiver(true, total.clone()).await);
    }
    if with_dead {
        receivers.push(tiny_receiver(false, total.clone()).await);
    }
    for (number, receiver) in receivers.iter().enumerate() {
        server.webhook(&format!("Receiver {number}"), &receiver.url, Value::Null).await;
    }
    let events: Vec<Value> = (0..EVENTS)
        .map(|number| json!({ "event": "call.ended", "data": { "number": number } }))
        .collect();
    let started = Instant::now();
    let (status, answer) =
        server.call("POST", "/v1/events/batch", json!({ "events": events })).await;
    assert_eq!(status, 202, "{answer}");
    arrived.wait_for(|count| *count >= HEALTHY * EVENTS).await.expect("receivers run");
    let took = started.elapsed().as_secs_f64();
    for receiver in &receivers[..HEALTHY] {
        assert_eq!(receiver.received.load(Ordering::Relaxed), EVENTS);
    }
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_dead_receiver_of_twenty_leaves_the_others_their_throughput() {
    let mut kept = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let (alone, beside_dead) = (round(false).await, round(true).await);
        println!("alone {alone:.3} s, beside a dead one {beside_dead:.3} s");
        kept.push(alone / beside_dead);
        if kept.last() >= Some(&SHARE_KEPT) {
            return;
        }
    }
    panic!("of their throughput the others kept {kept:.2?}");
}
