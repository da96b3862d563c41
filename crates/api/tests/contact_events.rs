//! The events that changed contacts raise: their data against the catalogue's schemas, and that each
//! is raised once, whatever happens in between.

mod support;

use std::sync::Arc;
use std::time::Duration;

use jsonschema::Draft;
use posthaste_api::raiser::raise_contact_events;
use posthaste_core::canonical::canonicalise;
use posthaste_core::catalogue;
use posthaste_core::contact::ContactSource;
use posthaste_core::contact::{
    ContactEdit, ContactKey, ContactPatch, DeleteReason, OnExisting, TextField,
};
use posthaste_core::event::Event;
use posthaste_core::page::PageRequest;
use posthaste_core::phone::PhoneNumber;
use posthaste_core::store::{ContactEvent, EventFilter, Origin};
use posthaste_core::time::Timestamp;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use support::{START, TestServer};

fn number() -> PhoneNumber {
    PhoneNumber::from_e164("+12025550187").expect("E.164")
}

async fn edit(server: &TestServer, edits: Vec<ContactEdit>) {
    let origin = Origin { source: ContactSource::Webhook, raise_events: true, hops: 2 };
    let now = Timestamp::parse(START).expect("a time");
    server.store.edit_contacts(now, server.account, edits, origin).await.expect("stored");
}

fn upsert(list: &str, patch: ContactPatch) -> ContactEdit {
    ContactEdit::Upsert {
        powerlist_id: list.parse().expect("an id"),
        phone_number: number(),
        patch,
        on_existing: OnExisting::Update,
    }
}

fn patch(city: &str) -> ContactPatch {
    ContactPatch {
        texts: [(TextField::City, Some(city.to_owned()))].into(),
        custom: json!({"score": 85, "2": "index", "note": "\u{2028}"})
            .as_object()
            .expect("an object")
            .clone(),
        ..ContactPatch::default()
    }
}

fn delete(list: &str) -> ContactEdit {
    let contact = ContactKey::Phone(list.parse().expect("an id"), number());
    ContactEdit::Delete { contact, reason: DeleteReason::OptOut }
}

async fn events(server: &TestServer) -> Vec<Arc<Event>> {
    let page = PageRequest { limit: 200, cursor: None };
    let found = server.store.list_events(server.account, &EventFilter::default(), page).await;
    found.expect("readable").items
}

/// Raises all there is, and stops.
async fn raise(server: &TestServer) {
    let (stop, stopped) = oneshot::channel::<()>();
    let raiser = raise_contact_events(server.state.clone(), async {
        // Whoever drops the sender says stop as well.
        let _ = stopped.await;
    });
    let watching = async {
        while !server.store.contact_events(1).await.expect("readable").is_empty() {
            tokio::task::yield_now().await;
        }
        drop(stop);
    };
    tokio::join!(raiser, watching);
}

fn data_of(event: &ContactEvent) -> Value {
    let raised = event.raise(Some("Prospects")).expect("canonical").expect("something happened");
    assert_eq!(canonicalise(raised.data.as_bytes()).expect("JSON"), &*raised.data);
    let schema = catalogue::builtin(raised.event_type.as_str()).expect("built in").schema;
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    let data: Value = serde_json::from_str(&raised.data).expect("JSON");
    let validator = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema");
    let faults: Vec<String> = validator.iter_errors(&data).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?} in {data}");
    // Every member is one that the catalogue tells of.
    for name in data.as_object().expect("an object").keys() {
        assert!(schema["properties"].get(name).is_some(), "{name} is in no schema");
    }
    data
}

#[tokio::test]
async fn what_is_told_is_what_the_catalogue_describes() {
    let server = TestServer::start().await;
    let list = server.powerlist(server.account, "Prospects").await;
    edit(
        &server,
        vec![
            upsert(&list, patch("Bonn")),
            upsert(&list, ContactPatch::default()),
            upsert(&list, patch("Ulm")),
            delete(&list),
        ],
    )
    .await;
    let notes = server.store.contact_events(10).await.expect("readable");
    let data: Vec<Value> = notes.iter().map(data_of).collect();
    assert_eq!(data.len(), 3, "what changes nothing tells nothing");
    assert_eq!((&data[0]["operation"], &data[0]["city"]), (&json!("created"), &json!("Bonn")));
    assert_eq!((&data[1]["operation"], &data[1]["city"]), (&json!("updated"), &json!("Ulm")));
    assert_eq!(data[1]["email"], Value::Null, "all fields are there");
    assert_eq!(data[1]["source"], "webhook");
    assert_eq!(data[1]["custom_fields"]["score"], 85);
    assert_eq!(data[2]["reason"], "opt_out");
    assert_eq!(data[2]["contact_id"], data[0]["contact_id"]);
    assert_eq!(data[2]["deleted_at"], START);
}

#[tokio::test]
async fn each_change_is_raised_once_however_often_it_is_tried() {
    let server = TestServer::start().await;
    let list = server.powerlist(server.account, "Prospects").await;
    let body = json!({"title": "Out", "url": "https://example.com/", "events": ["contact"],
        "powerlist_id": list});
    server.post("/v1/webhooks", body).await.expect(201);
    edit(&server, vec![upsert(&list, patch("Bonn")), upsert(&list, patch("Ulm"))]).await;
    let notes = server.store.contact_events(10).await.expect("readable");
    raise(&server).await;
    let first = events(&server).await;
    let cities: Vec<Value> = first
        .iter()
        .map(|event| serde_json::from_str::<Value>(&event.data).expect("JSON")["city"].clone())
        .collect();
    assert_eq!(cities, ["Ulm", "Bonn"], "newest first, in the order of the changes");
    for event in &first {
        assert_eq!((event.hops, event.targets.len()), (2, 1));
        assert_eq!(event.powerlist_id.map(|id| id.to_string()), Some(list.clone()));
    }
    // As if the process had been killed after the events were accepted, before the notes were
    // taken away: the same notes once more, by then of a list with another name.
    for note in &notes {
        posthaste_api::raiser::raise(&server.state, std::slice::from_ref(note))
            .await
            .expect("stored");
    }
    assert_eq!(events(&server).await.len(), 2);
}

#[tokio::test]
async fn a_change_wakes_the_raiser_and_a_stop_ends_it() {
    let server = TestServer::start().await;
    let list = server.powerlist(server.account, "Prospects").await;
    let (stop, stopped) = oneshot::channel::<()>();
    let raiser = tokio::spawn(raise_contact_events(server.state.clone(), async {
        let _ = stopped.await;
    }));
    let body = json!({"direction": "inbound", "title": "CRM", "powerlist_id": list,
        "events": ["contact"]});
    let hook = server.post("/v1/webhooks", body).await.expect(201).json;
    let path = hook["endpoints"][0]["path"].as_str().expect("a path").to_owned();
    server.call("POST", &path, "", json!({"phone": "2025550187"})).await.expect(200);
    let raised = async {
        while events(&server).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), raised).await.expect("before it looks by itself");
    drop(stop);
    raiser.await.expect("it ends");
}
