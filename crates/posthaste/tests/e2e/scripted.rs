//! A receiver inside the test: it keeps every request, and answers, or holds its answer back, as
//! the test tells it. Nothing here waits for time to pass.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How every request is answered that is there, or comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Status(u16),
    /// With the status that `data.answer` names, else 200.
    AsTold,
    /// Not before another answer is chosen.
    Hold,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub headers: HeaderMap,
    pub body: Value,
    pub bytes: Bytes,
}

impl Arrived {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// `data.number`: what the test called this event.
    pub fn number(&self) -> u64 {
        self.body["data"]["number"].as_u64().expect("the test numbers its events")
    }
}

#[derive(Clone)]
struct Shared {
    arrived: Arc<Mutex<Vec<Arrived>>>,
    count: watch::Sender<usize>,
    answer: watch::Receiver<Answer>,
}

pub struct Scripted {
    pub url: String,
    shared: Shared,
    answer: watch::Sender<Answer>,
}

impl Scripted {
    pub async fn start(answer: Answer) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
        let (answer, answers) = watch::channel(answer);
        let count = watch::Sender::new(0);
        let shared = Shared { arrived: Arc::default(), count, answer: answers };
        let router = Router::new().fallback(receive).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Scripted { url, shared, answer }
    }

    pub fn answer(&self, answer: Answer) {
        self.answer.send_replace(answer);
    }

    /// All requests so far, as soon as there are `count`.
    pub async fn wait_for(&self, count: usize) -> Vec<Arrived> {
        let mut counts = self.shared.count.subscribe();
        let waited = tokio::time::timeout(crate::PATIENCE, counts.wait_for(|now| *now >= count));
        match waited.await {
            Ok(arrived) => drop(arrived.expect("this holds the sender")),
            Err(_) => panic!("{} of {count} requests arrived", self.arrived().len()),
        }
        self.arrived()
    }

    pub fn arrived(&self) -> Vec<Arrived> {
        self.shared.arrived.lock().clone()
    }
}

async fn receive(State(mut shared): State<Shared>, headers: HeaderMap, bytes: Bytes) -> StatusCode {
    let body: Value = serde_json::from_slice(&bytes).expect("deliveries are JSON");
    let told = body["data"]["answer"].as_u64().and_then(|status| u16::try_from(status).ok());
    let count = {
        let mut arrived = shared.arrived.lock();
        arrived.push(Arrived { headers, body, bytes });
        arrived.len()
    };
    shared.count.send_modify(|most| *most = count.max(*most));
    let status = match shared.answer.wait_for(|answer| *answer != Answer::Hold).await.as_deref() {
        Ok(Answer::Status(status)) => *status,
        Ok(_) => told.unwrap_or(200),
        // The test is over.
        Err(_) => 503,
    };
    StatusCode::from_u16(status).expect("the test names a status")
}
