//! Measures what contacts cost on this machine: importing a million into one list in batches of
//! 1,000 with their words, then listing and searching them, changing them one at a time, and
//! receiving requests.
//!
//! `cargo run --release -p posthaste-store --example contacts_cost [FOLDER] [CONTACTS]`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use posthaste_core::contact::{
    ContactEdit, ContactKey, ContactPatch, ContactSource, DeleteReason, NewPowerlist, OnExisting,
    TextField,
};
use posthaste_core::event::Event;
use posthaste_core::id::{AccountId, PowerlistId, WebhookId};
use posthaste_core::import::{ImportProgress, ImportSettings, JobState};
use posthaste_core::inbound::{InboundOperation, ReceivedRequest};
use posthaste_core::page::PageRequest;
use posthaste_core::phone::{Country, PhoneNumber};
use posthaste_core::store::{
    AcceptedSink, ContactFilter, ContactStore, ImportStore, InboundStore, Origin, Wanted,
};
use posthaste_core::time::Timestamp;
use posthaste_store::SqliteStore;
use serde_json::json;
use tokio::time::Instant;

const ACCOUNT: AccountId = AccountId::from_raw(1);
const BATCH: u64 = 1_000;
const EDITS: u64 = 500;

struct Nobody;

impl AcceptedSink for Nobody {
    fn accepted(&self, _: Vec<Arc<Event>>) {}
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args.next().map_or_else(|| "contacts-cost".into(), PathBuf::from);
    let contacts = args.next().map_or(1_000_000, |count| count.parse().expect("a number"));
    let _ = std::fs::remove_dir_all(&folder);
    let now = Timestamp::from_millis(1_736_951_425_123);
    let store = SqliteStore::open(&folder, 0, Arc::new(Nobody), now).expect("open");
    let list = NewPowerlist {
        account_id: ACCOUNT,
        name: "Leads".to_owned(),
        description: String::new(),
        default_country: Country::US,
    };
    let list = store.create_powerlist(now, list).await.expect("powerlist").id;
    import(&store, now, list, contacts, "new contacts").await;
    let size = std::fs::metadata(folder.join("contacts.db")).expect("it is there").len();
    println!("contacts.db: {} bytes for each", size / contacts);
    import(&store, now, list, contacts.min(100_000), "known contacts").await;
    for (search, tag) in [
        (None, None),
        (Some("a"), None),
        (Some("mar"), None),
        (Some("maria lopez"), None),
        (Some("m zz"), None),
        (Some("l12345"), None),
        (Some("l999999"), None),
        (Some("x"), None),
        (Some("example nobody"), None),
        (Some("555"), None),
        (Some("5550187"), None),
        (Some("0000187"), None),
        (Some("187 maria"), None),
        (Some("7"), None),
        (None, Some("rare")),
        (None, Some("lead")),
        (Some("bonn"), Some("rare")),
    ] {
        list_pages(&store, list, search, tag).await;
    }
    edit_one_by_one(&store, now, list).await;
    receive(&store, now, list).await;
}

fn report(what: &str, count: u64, took: Duration) {
    let per_s = count as f64 / took.as_secs_f64();
    println!("{what}: {count} in {:.1} s, {per_s:.0} per s", took.as_secs_f64());
}

/// Numbers that come in no order.
fn number(contact: u64) -> PhoneNumber {
    let scattered = contact.wrapping_mul(7_368_787) % 10_000_000;
    PhoneNumber::from_e164(&format!("+1{}{scattered:07}", 202 + contact % 50)).expect("E.164")
}

fn upsert(list: PowerlistId, contact: u64) -> ContactEdit {
    const FIRST_NAMES: [&str; 8] =
        ["Maria", "Ann", "José", "Liu", "Mark", "Zoë", "Abraham", "Olga"];
    const CITIES: [&str; 5] = ["Bonn", "New York", "Washington", "Lagos", "São Paulo"];
    let pick = |from: &[&str], by: u64| {
        let position = usize::try_from(contact / by).expect("small") % from.len();
        from[position].to_owned()
    };
    let first_name = pick(&FIRST_NAMES, 1);
    // A million different ones, as far as words go.
    let last_name = format!("L{contact} {}", pick(&["Lopez", "Smith", "Chen"], 7));
    let email = format!("{}.l{contact}@example{}.com", first_name.to_lowercase(), contact % 97);
    let tag = if contact.is_multiple_of(50_000) { "rare" } else { "lead" };
    ContactEdit::Upsert {
        powerlist_id: list,
        phone_number: number(contact),
        patch: ContactPatch {
            texts: [
                (TextField::FirstName, Some(first_name)),
                (TextField::LastName, Some(last_name)),
                (TextField::Email, Some(email)),
                (TextField::City, Some(pick(&CITIES, 3))),
                (TextField::PostalCode, Some(format!("{:05}", contact % 100_000))),
            ]
            .into(),
            tags: Some(vec![tag.to_owned()]),
            consent: Some(Some(true)),
            custom: json!({ "lead_score": contact % 100, "campaign": "spring" })
                .as_object()
                .expect("an object")
                .clone(),
            ..ContactPatch::default()
        },
        on_existing: OnExisting::Update,
    }
}

async fn import(store: &SqliteStore, now: Timestamp, list: PowerlistId, contacts: u64, what: &str) {
    let settings = ImportSettings {
        powerlist_id: list,
        file_name: "leads.csv".to_owned(),
        columns: Vec::new(),
        delimiter: b',',
        on_existing: OnExisting::Update,
        tags: Vec::new(),
        only_with_consent: false,
        raise_events: false,
    };
    let upload = store.begin_upload().await.expect("upload");
    let mut job = store.create_import(now, ACCOUNT, settings, upload).await.expect("import");
    let (mut took, mut longest) = (Duration::ZERO, Duration::ZERO);
    for batch in 0..contacts / BATCH {
        let edits = (0..BATCH).map(|row| upsert(list, batch * BATCH + row)).collect();
        let progress = ImportProgress { rows_done: (batch + 1) * BATCH, ..job.progress };
        // Making the rows is not the store's work.
        let start = Instant::now();
        let advanced = store.advance_import(now, job.id, progress, edits, Vec::new()).await;
        let of_batch = start.elapsed();
        (took, longest) = (took + of_batch, longest.max(of_batch));
        job = advanced.expect("advance").expect("nobody cancelled it");
    }
    report(what, contacts, took);
    println!("  the longest batch took {longest:?}; {:?}", job.progress);
    store.set_import_state(now, job.id, JobState::Done, None).await.expect("done");
}

/// The first page, and one from the middle.
async fn list_pages(
    store: &SqliteStore,
    list: PowerlistId,
    search: Option<&str>,
    tag: Option<&str>,
) {
    let filter = ContactFilter { search: search.map(str::to_owned), tag: tag.map(str::to_owned) };
    let mut page = PageRequest::default();
    let mut told = Vec::new();
    for _ in 0..3 {
        let start = Instant::now();
        let found = store.list_contacts(ACCOUNT, list, &filter, page).await.expect("contacts");
        told.push(format!("{} in {:.1?}", found.items.len(), start.elapsed()));
        page.cursor = found.next;
        if page.cursor.is_none() {
            break;
        }
    }
    println!("pages of {search:?} {tag:?}: {}", told.join(", "));
}

async fn edit_one_by_one(store: &SqliteStore, now: Timestamp, list: PowerlistId) {
    let origin = Origin { source: ContactSource::Api, raise_events: true, hops: 0 };
    let start = Instant::now();
    for contact in 0..EDITS {
        let wanted = vec![upsert(list, 20_000_000 + contact)];
        store.edit_contacts(now, ACCOUNT, wanted, origin).await.expect("edit");
    }
    report("made one by one", EDITS, start.elapsed());
    let start = Instant::now();
    for contact in 0..EDITS {
        let contact = ContactKey::Phone(list, number(20_000_000 + contact));
        let wanted = vec![ContactEdit::Delete { contact, reason: DeleteReason::Api }];
        store.edit_contacts(now, ACCOUNT, wanted, origin).await.expect("edit");
    }
    report("deleted one by one", EDITS, start.elapsed());
}

async fn receive(store: &SqliteStore, now: Timestamp, list: PowerlistId) {
    let start = Instant::now();
    for contact in 0..EDITS {
        let request = ReceivedRequest {
            account_id: ACCOUNT,
            webhook_id: WebhookId::from_raw(7),
            operation: InboundOperation::Contact,
            received_at: now,
            remote_address: None,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            query: String::new(),
            body: vec![b'x'; 500].into(),
            replay_of: None,
            hops: 0,
        };
        let wanted = Wanted::Edit(upsert(list, 30_000_000 + contact));
        store.receive(request, wanted, None).await.expect("receive");
    }
    report("received one by one", EDITS, start.elapsed());
}
