//! Measures what one attempt costs, over a connection to a receiver on loopback that is open
//! already: everything from the `Job` to the attempt as it will be recorded, in a task of its own
//! as the engine makes it. Signing an event of about 1 KiB is part of it.
//!
//! `cargo run --release -p posthaste-dispatch --example attempt_cost [ATTEMPTS]`, and to count
//! instructions the same under `valgrind --tool=callgrind --separate-threads=yes`, where the first
//! thread is all but the receiver.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use posthaste_core::attempt::{Outcome, Trigger};
use posthaste_core::egress::EgressPolicy;
use posthaste_core::event::Event;
use posthaste_core::event_type::EventType;
use posthaste_core::id::{AccountId, EventId, WebhookId};
use posthaste_core::secret::{Secret, Secrets, SigningKeys};
use posthaste_core::time::{Clock, Entropy, Timestamp};
use posthaste_core::webhook::{SettingsDraft, SharedWebhook, Webhook, WebhookStatus};
use posthaste_dispatch::http_transport::HttpTransport;
use posthaste_dispatch::resolver::StaticResolver;
use posthaste_dispatch::tls::TrustRoots;
use posthaste_dispatch::{Job, deliver};
use tokio::time::Instant;

/// The clock stands still: what is measured is not what asking for the time costs.
const NOW: Timestamp = Timestamp::EPOCH;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
    Date: Wed, 15 Jan 2025 14:30:25 GMT\r\nConnection: keep-alive\r\nContent-Length: 17\r\n\r\n\
    {\"received\":true}";

struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        NOW
    }
}

impl Entropy for Standing {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn main() {
    let count = std::env::args().nth(1).map_or(20_000, |count| count.parse().expect("a number"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer_all(stream.expect("accepted"));
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(measure(count, address));
}

/// Takes whatever comes in one piece for one request, which on loopback it is.
fn answer_all(mut stream: TcpStream) {
    let mut piece = [0; 16 * 1024];
    while matches!(stream.read(&mut piece), Ok(read) if read > 0) {
        stream.write_all(ANSWER).expect("taken");
    }
}

async fn measure(count: usize, address: SocketAddr) {
    let policy = EgressPolicy::allowing(["127.0.0.1"]).expect("an address");
    let trust = TrustRoots::only([]).expect("nobody");
    let resolver = Arc::new(StaticResolver::default());
    let transport = Arc::new(HttpTransport::new(resolver, policy.clone(), &trust));
    let webhook = webhook(address, &policy);
    let keys = Arc::new(SigningKeys::new(&webhook.secrets));
    let event = Arc::new(event());
    let (started, cpu) = (Instant::now(), cpu_time());
    for number in 0..count {
        let job = Job {
            event: event.clone(),
            webhook: webhook.clone(),
            keys: keys.clone(),
            number: 1,
            trigger: Trigger::Event,
        };
        let transport = transport.clone();
        let attempt = async move { deliver(transport.as_ref(), &Standing, &job).await };
        if number == 0 {
            println!("{} bytes of future", size_of_val(&attempt));
        }
        let (attempt, _) = tokio::spawn(attempt).await.expect("no panic").expect("made");
        assert_eq!(attempt.outcome, Outcome::Succeeded, "{:?}", attempt.error);
    }
    let (took, cpu) = (started.elapsed(), cpu_time() - cpu);
    println!(
        "{:.1} µs each, {:.1} µs of CPU with the receiver's",
        took.as_secs_f64() * 1e6 / count as f64,
        cpu.as_secs_f64() * 1e6 / count as f64
    );
}

fn webhook(address: SocketAddr, policy: &EgressPolicy) -> SharedWebhook {
    let draft = SettingsDraft {
        title: Some("measured".to_owned()),
        url: Some(format!("http://{address}/hook")),
        events: Some(vec!["*".to_owned()]),
        ..SettingsDraft::default()
    };
    Arc::new(Webhook {
        id: WebhookId::from_raw(1 << 40),
        account_id: AccountId::from_raw(1),
        number: 1,
        settings: draft.create(policy).expect("valid"),
        secrets: Secrets::new(Secret::generate(&Standing)),
        status: WebhookStatus::Enabled,
        created_at: NOW,
        updated_at: NOW,
    })
}

fn event() -> Event {
    let data = format!(r#"{{"call_id":"call_1","transcript":"{}"}}"#, "x".repeat(800));
    Event {
        id: EventId::from_raw(1 << 41),
        account_id: AccountId::from_raw(1),
        event_type: EventType::parse("call.ended").expect("valid"),
        timestamp: NOW,
        powerlist_id: None,
        data: data.into(),
        trigger: Trigger::Event,
        hops: 0,
        targets: [WebhookId::from_raw(1 << 40)].into(),
    }
}

/// User and system time of this process so far, from the kernel's ticks of 10 ms.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("linux");
    let fields: Vec<_> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("ticks")).sum();
    Duration::from_millis(10 * ticks)
}
