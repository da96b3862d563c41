//! Measures what signing one attempt costs: `cargo run --release -p posthaste-core --example
//! signing_cost`. Prints microseconds for a body of about 1 KiB, the average of many.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the real clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use posthaste_core::envelope::Envelope;
use posthaste_core::id::{EventId, WebhookId};
use posthaste_core::secret::{Secret, Secrets, SigningKeys};
use posthaste_core::signature::{AttemptHeaders, Occasion, SignatureFormat};
use posthaste_core::time::{Entropy, Timestamp};

const ROUNDS: u32 = 200_000;

/// Not random, but a secret all the same.
struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

fn main() {
    let now = Timestamp::from_millis(1_736_951_425_123);
    let data = format!(r#"{{"text":"{}"}}"#, "x".repeat(745));
    let envelope = Envelope {
        event: "call.ended",
        timestamp: now,
        webhook_id: WebhookId::from_raw(1 << 40),
        data: &data,
        event_id: EventId::from_raw(2 << 40),
    };
    let attempt = AttemptHeaders {
        event: envelope.event,
        event_id: envelope.event_id,
        attempt: 1,
        occasion: Occasion::Event,
        signature_format: SignatureFormat::Hex,
    };
    let mut secrets = Secrets::new(Secret::generate(&Fixed(1)));
    let keys = SigningKeys::new(&secrets);
    secrets.rotate(now, Secret::generate(&Fixed(2)), Duration::from_secs(86_400));
    let rotating = SigningKeys::new(&secrets);
    let signed = envelope.signed(&keys.current);

    println!("body: {} bytes", signed.body.len());
    measure("keys from a secret", || drop(black_box(SigningKeys::new(&secrets))));
    measure("body without signature", || drop(black_box(envelope.unsigned())));
    measure("body with signature and digest", || {
        drop(black_box(envelope.signed(&keys.current)));
    });
    measure("one more pass over the body", || {
        black_box(keys.current.sign_body(&signed.body));
    });
    measure("headers", || drop(black_box(attempt.signed(now, &signed, &keys))));
    measure("body and headers", || {
        let signed = envelope.signed(&keys.current);
        drop(black_box(attempt.signed(now, &signed, &keys)));
    });
    measure("body and headers while rotating", || {
        let signed = envelope.signed(&rotating.current);
        drop(black_box(attempt.signed(now, &signed, &rotating)));
    });
}

fn measure(name: &str, mut run: impl FnMut()) {
    for _ in 0..ROUNDS / 10 {
        run();
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        run();
    }
    let micros = start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS);
    println!("{name:<34} {micros:7.3} µs");
}
