use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

struct Receiver {
    key: Vec<u8>,
    seen: Mutex<HashSet<String>>, // in production: a table with a unique key, or Redis
}

fn is_verified(key: &[u8], headers: &HeaderMap, body: &[u8]) -> bool {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let timestamp = header("webhook-timestamp");
    let Ok(seconds) = timestamp.parse::<u64>() else { return false };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    if now.abs_diff(seconds) > 300 {
        return false; // old or repeated
    }

    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(format!("{}.{timestamp}.", header("webhook-id")).as_bytes());
    mac.update(body);
    // While a secret is being rotated there are two signatures: one of them has to match.
    header("webhook-signature").split(' ').any(|signature| {
        let digest = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
        digest.is_some_and(|given| mac.clone().verify_slice(&given).is_ok()) // constant time
    })
}

// `Bytes` is the raw body: what is signed.
async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    if !is_verified(&receiver.key, &headers, &body) {
        return StatusCode::BAD_REQUEST;
    }

    // Deliveries come at least once; a repeated one has the same webhook-id.
    let id = headers["webhook-id"].to_str().unwrap_or_default().to_owned();
    if receiver.seen.lock().expect("no panic holds it").insert(id) {
        handle(&body);
    }
    StatusCode::NO_CONTENT // answer at once, do slow work later
}

fn handle(event: &[u8]) {
    println!("handling {}", String::from_utf8_lossy(event));
}

#[tokio::main]
async fn main() {
    let secret = std::env::var("WEBHOOK_SECRET").expect("WEBHOOK_SECRET is set");
    // The key is the base64 behind whsec_, decoded.
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64 behind whsec_");
    let receiver = Arc::new(Receiver { key, seen: Mutex::default() });

    let app = Router::new().route("/webhook", post(receive)).with_state(receiver);
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let listener =
        tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("a free port");
    println!("Listening on port {}", listener.local_addr().expect("bound").port());
    axum::serve(listener, app).await.expect("serves until it is stopped");
}
