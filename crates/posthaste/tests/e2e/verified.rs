//! Every delivery verifies, the way receivers verify: the seed document's own code in Express 4 and
//! 5, and the official Standard Webhooks libraries for Node and Python.

use posthaste_core::catalogue::builtins;
use serde_json::Value;

use crate::hostile_documents::Generator;
use crate::receiver::Receiver;
use crate::server::Server;

const RANDOM_PAYLOADS: usize = 2_000;
const BATCH: usize = 100;
/// `express.json()` takes no more than 100 kB.
const PAYLOAD_BYTES_MAX: usize = 60_000;

fn counts(report: &Value, names: &[&str]) -> Vec<u64> {
    names.iter().map(|name| report[name].as_u64().expect("a count")).collect()
}

#[tokio::test]
async fn every_type_and_any_payload_verifies_everywhere() {
    let server = Server::start();
    let seed_4 = Receiver::node("seed-express.js", &[("EXPRESS", "4")]);
    let seed_5 = Receiver::node("seed-express.js", &[("EXPRESS", "5")]);
    let libraries = Receiver::node("standard-webhooks.js", &[]);
    let python = Receiver::python("standard_webhooks.py");
    let receivers = [&seed_4, &seed_5, &libraries, &python];
    for (number, receiver) in receivers.iter().enumerate() {
        server.webhook_for(receiver, &format!("Receiver {number}")).await;
    }

    for event_type in builtins() {
        let body = format!(r#"{{"event":"{}","data":{}}}"#, event_type.name, event_type.sample);
        let (status, answer) = server.post_raw("/v1/events", body).await;
        assert_eq!((status, &answer["deliveries"]), (202, &Value::from(4)), "{answer}");
    }
    let mut generator = Generator::new(0x0dd5_eed5);
    let payloads: Vec<String> = std::iter::from_fn(|| Some(generator.object_document()))
        .filter(|payload| payload.len() < PAYLOAD_BYTES_MAX)
        .take(RANDOM_PAYLOADS)
        .collect();
    let names: Vec<&str> = builtins().iter().map(|event_type| event_type.name).collect();
    for (number, batch) in payloads.chunks(BATCH).enumerate() {
        let events: Vec<String> = batch
            .iter()
            .enumerate()
            .map(|(position, data)| {
                let name = names[(number + position) % names.len()];
                format!(r#"{{"event":"{name}","data":{data}}}"#)
            })
            .collect();
        let body = format!(r#"{{"events":[{}]}}"#, events.join(","));
        let (status, answer) = server.post_raw("/v1/events/batch", body).await;
        assert_eq!(status, 202, "{answer}");
    }

    let expected = names.len() + RANDOM_PAYLOADS;
    for receiver in receivers {
        let report = receiver.wait_for(expected).await;
        let total = expected as u64;
        let found = counts(&report, &["received", "verified", "failed", "duplicates"]);
        assert_eq!(found, [total, total, 0, 0], "{report:#}");
        let types = report["by_event"].as_object().expect("an object").len();
        assert_eq!(types, names.len(), "every event type arrived");
    }
    for seed in [&seed_4, &seed_5] {
        let report = seed.report().await;
        assert_eq!(report["metadata_signature"]["failed"], 0, "{report:#}");
        assert_eq!(report["metadata_signature"]["verified"], expected);
        assert_eq!(report["fixed_point"]["changed"], 0, "{report:#}");
    }
    let report = libraries.report().await;
    for library in ["standardwebhooks", "svix"] {
        assert_eq!(report["libraries"][library]["failed"], 0, "{report:#}");
    }
}
