//! Kills a process that takes contacts in as fast as it can, again and again at points it does not
//! choose: requests to an inbound webhook, and an import. What is found afterwards is held against
//! what had been acknowledged, and its parts against each other: a contact, the request it came
//! with, its hit and the note of its event are there together or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use posthaste_core::contact::{ContactEdit, ContactPatch, NewPowerlist, OnExisting};
use posthaste_core::event::Event;
use posthaste_core::id::{AccountId, ContactId, PowerlistId, RequestId, WebhookId};
use posthaste_core::import::{ImportJob, ImportProgress, ImportSettings, JobState};
use posthaste_core::inbound::{
    InboundOperation, InboundSettings, Mapping, NewInboundWebhook, ReceivedRequest, Verdict,
};
use posthaste_core::page::PageRequest;
use posthaste_core::phone::{Country, PhoneNumber};
use posthaste_core::rate_limit::RateLimit;
use posthaste_core::session::Token;
use posthaste_core::store::{
    AcceptedSink, ContactFilter, ContactStore, ImportStore, InboundStore, Wanted, WebhookStore,
};
use posthaste_core::time::Timestamp;
use posthaste_store::SqliteStore;
use tempfile::TempDir;

const ROUNDS: u64 = 12;
/// Tells the child which folder is its.
const FOLDER: &str = "POSTHASTE_CONTACTS_CRASH_TEST_FOLDER";
const ACCOUNT: AccountId = AccountId::from_raw(1);
const BATCH: u64 = 20;

fn now() -> Timestamp {
    Timestamp::from_millis(1_736_951_425_123)
}

struct Nobody;

impl AcceptedSink for Nobody {
    fn accepted(&self, _: Vec<Arc<Event>>) {}
}

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder, 0, Arc::new(Nobody), now()).expect("open")
}

// The child.

/// Does nothing unless the parent started it.
#[test]
fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(child(Path::new(&folder)));
}

/// Says on standard output what was acknowledged, a line each, right after it was.
fn acknowledged(kind: char, id: u64) {
    // One write, so that no line is torn between two threads.
    let line = format!("{kind} {id}\n").into_bytes();
    std::io::stdout().write_all(&line).expect("the parent reads");
}

async fn child(folder: &Path) {
    let store = Arc::new(open(folder));
    let webhooks = store.all_inbound_webhooks().await.expect("webhooks");
    let (webhook, list) = (webhooks[0].id, webhooks[0].settings.powerlist_id);
    let job = match store.next_import().await.expect("import") {
        Some(job) => job,
        None => new_import(&store, list).await,
    };
    for sender in 0..4_u64 {
        let store = store.clone();
        // Never joined: the process is killed.
        tokio::spawn(async move {
            // Some come again, and then change nothing.
            for number in (sender..).step_by(3) {
                let wanted = Wanted::Edit(upsert(list, number));
                let request = store.receive(received(webhook), wanted, None).await;
                acknowledged('R', request.expect("receive").id.as_raw());
            }
        });
    }
    import_for_ever(&store, list, job).await;
}

async fn new_import(store: &SqliteStore, powerlist_id: PowerlistId) -> ImportJob {
    let mut upload = store.begin_upload().await.expect("upload");
    upload.write(Bytes::from_static(b"phone\n")).await.expect("write");
    let settings = ImportSettings {
        powerlist_id,
        file_name: "leads.csv".to_owned(),
        columns: Vec::new(),
        delimiter: b',',
        on_existing: OnExisting::Update,
        tags: Vec::new(),
        only_with_consent: false,
        raise_events: true,
    };
    let job = store.create_import(now(), ACCOUNT, settings, upload).await.expect("import");
    let running = store.set_import_state(now(), job.id, JobState::Running, None).await;
    assert!(running.expect("state"));
    job
}

/// Goes on where it was: each row is a contact that no other row is.
async fn import_for_ever(store: &SqliteStore, list: PowerlistId, mut job: ImportJob) {
    loop {
        let first = 500_000 + job.progress.rows_done;
        let edits = (first..first + BATCH).map(|number| upsert(list, number)).collect();
        let progress = ImportProgress { rows_done: job.progress.rows_done + BATCH, ..job.progress };
        let advanced = store.advance_import(now(), job.id, progress, edits, Vec::new()).await;
        job = advanced.expect("advance").expect("nobody ends it");
        acknowledged('I', job.progress.rows_done);
    }
}

fn upsert(powerlist_id: PowerlistId, number: u64) -> ContactEdit {
    ContactEdit::Upsert {
        powerlist_id,
        phone_number: PhoneNumber::from_e164(&format!("+1202{number:07}")).expect("E.164"),
        patch: ContactPatch::default(),
        on_existing: OnExisting::Update,
    }
}

fn received(webhook_id: WebhookId) -> ReceivedRequest {
    ReceivedRequest {
        account_id: ACCOUNT,
        webhook_id,
        operation: InboundOperation::Contact,
        received_at: now(),
        remote_address: None,
        headers: Vec::new(),
        query: String::new(),
        body: Bytes::from_static(b"{}"),
        replay_of: None,
        hops: 0,
    }
}

// The parent.

/// What children acknowledged before they were killed.
#[derive(Default)]
struct Acknowledged {
    requests: BTreeSet<RequestId>,
    rows: u64,
}

impl Acknowledged {
    fn read(&mut self, line: &str) {
        // The test harness of the child prints lines of its own.
        let parsed = line.split_once(' ').and_then(|(kind, id)| Some((kind, id.parse().ok()?)));
        match parsed {
            Some(("R", id)) => {
                assert!(self.requests.insert(RequestId::from_raw(id)), "no id comes twice");
            }
            Some(("I", rows)) => self.rows = self.rows.max(rows),
            _ => {}
        }
    }
}

#[test]
fn a_contact_its_request_its_hit_and_its_event_survive_a_kill_together() {
    let dir = TempDir::new().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let webhook = runtime.block_on(set_up(dir.path()));
    let mut acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        run_and_kill(dir.path(), round, &mut acknowledged);
        runtime.block_on(check(dir.path(), webhook, &acknowledged));
    }
    assert!(acknowledged.requests.len() > 500 && acknowledged.rows > 500);
}

async fn set_up(folder: &Path) -> WebhookId {
    let store = open(folder);
    let list = NewPowerlist {
        account_id: ACCOUNT,
        name: "Leads".to_owned(),
        description: String::new(),
        default_country: Country::US,
    };
    let list = store.create_powerlist(now(), list).await.expect("powerlist");
    let webhook = NewInboundWebhook {
        account_id: ACCOUNT,
        settings: InboundSettings {
            title: "CRM".to_owned(),
            description: String::new(),
            powerlist_id: list.id,
            operations: vec![InboundOperation::Contact],
            mapping: Mapping::default(),
            verification: None,
            rate_limit: RateLimit::new(50, 1).expect("a rate"),
        },
        token: Token::parse(&"a".repeat(43)).expect("43 letters"),
    };
    store.create_inbound_webhook(now(), webhook).await.expect("webhook").id
}

/// Kills the child after a number of lines that differs from round to round, then takes in what
/// it had said before it died.
fn run_and_kill(folder: &Path, round: u64, acknowledged: &mut Acknowledged) {
    let own = std::env::current_exe().expect("this test");
    let mut child = Command::new(own)
        .args(["--exact", "the_process_that_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let lines_wanted = 20 + round.wrapping_mul(6_364_136_223_846_793_005) % 300;
    for line in lines.by_ref().take(usize::try_from(lines_wanted).expect("small")) {
        acknowledged.read(&line.expect("text"));
    }
    child.kill().expect("it is ours");
    child.wait().expect("it ends");
    for line in lines {
        acknowledged.read(&line.expect("text"));
    }
}

async fn check(folder: &Path, webhook: WebhookId, acknowledged: &Acknowledged) {
    let store = open(folder);
    let requests = all_requests(&store, webhook).await;
    for id in &acknowledged.requests {
        assert!(requests.contains_key(id), "{id} was acknowledged");
    }
    // The hits are those of the requests.
    let hits = store.hits(&[webhook]).await.expect("hits")[0];
    assert_eq!(hits.count, requests.len() as u64);

    // A contact is there exactly if a request made it or the import did, and each has one note.
    let made: BTreeSet<ContactId> = requests
        .values()
        .filter(|verdict| verdict.as_str() == "created")
        .filter_map(|verdict| match verdict {
            Verdict::Done { contact_id, .. } => *contact_id,
            _ => None,
        })
        .collect();
    let webhooks = store.all_inbound_webhooks().await.expect("webhooks");
    let list = webhooks[0].settings.powerlist_id;
    let contacts = all_contacts(&store, list).await;
    let job = store.next_import().await.expect("import");
    let progress = job.map(|job| job.progress).unwrap_or_default();
    assert!(progress.rows_done >= acknowledged.rows, "{progress:?}");
    assert_eq!(progress.created, progress.rows_done, "each row is a contact of its own");
    assert_eq!(contacts.len() as u64, made.len() as u64 + progress.created);
    assert!(made.is_subset(&contacts));
    let counted = store.powerlist(ACCOUNT, list).await.expect("powerlist").expect("it is there");
    assert_eq!(counted.contacts, contacts.len() as u64);
    let events = store.contact_events(1_000_000).await.expect("events");
    assert_eq!(events.len(), contacts.len());

    // What can be listed can be found: the words are in the same transaction.
    let filter = ContactFilter { search: Some("1202".to_owned()), tag: None };
    let newest = store.list_contacts(ACCOUNT, list, &filter, PageRequest::default()).await;
    assert!(newest.expect("contacts").items.iter().all(|contact| contacts.contains(&contact.id)));
}

async fn all_requests(store: &SqliteStore, webhook: WebhookId) -> BTreeMap<RequestId, Verdict> {
    let mut page = PageRequest { limit: 200, cursor: None };
    let mut requests = BTreeMap::new();
    loop {
        let listed = store.list_inbound_requests(ACCOUNT, webhook, None, page).await;
        let listed = listed.expect("requests");
        requests.extend(listed.items.into_iter().map(|request| (request.id, request.verdict)));
        page.cursor = listed.next;
        if page.cursor.is_none() {
            return requests;
        }
    }
}

async fn all_contacts(store: &SqliteStore, list: PowerlistId) -> BTreeSet<ContactId> {
    let mut page = PageRequest { limit: 200, cursor: None };
    let mut contacts = BTreeSet::new();
    loop {
        let filter = ContactFilter::default();
        let listed = store.list_contacts(ACCOUNT, list, &filter, page).await.expect("contacts");
        contacts.extend(listed.items.into_iter().map(|contact| contact.id));
        page.cursor = listed.next;
        if page.cursor.is_none() {
            return contacts;
        }
    }
}
