//! Imports, and the files they come from.

use std::collections::BTreeSet;

use bytes::Bytes;
use posthaste_core::contact::{ContactEdit, OnExisting, Powerlist, TextField};
use posthaste_core::id::JobId;
use posthaste_core::import::{ImportJob, ImportProgress, ImportSettings, JobState, SkippedRow};
use posthaste_core::limits::IMPORT_SKIPS_KEPT_MAX;
use posthaste_core::page::PageRequest;
use posthaste_core::store::Store;

use super::contacts::{new_list, patch, upsert};
use super::fixtures::{DAY, Fixture, SECOND, account, at, now};

fn settings(list: &Powerlist) -> ImportSettings {
    ImportSettings {
        powerlist_id: list.id,
        file_name: "leads \"ä\".csv".to_owned(),
        columns: vec![Some("phone_number".to_owned()), None, Some("custom_fields.x,y".to_owned())],
        delimiter: b';',
        on_existing: OnExisting::Update,
        tags: vec!["spring".to_owned()],
        only_with_consent: true,
        raise_events: true,
    }
}

async fn new_import(store: &dyn Store, list: &Powerlist, file: &'static str) -> ImportJob {
    let mut upload = store.begin_upload().await.expect("upload");
    for part in file.as_bytes().chunks(7) {
        upload.write(Bytes::from_static(part)).await.expect("write");
    }
    assert_eq!(upload.bytes(), file.len() as u64);
    store.create_import(now(), list.account_id, settings(list), upload).await.expect("import")
}

async fn file_of(store: &dyn Store, id: JobId) -> Vec<u8> {
    let mut file = Vec::new();
    loop {
        let bytes = store.read_import(id, file.len() as u64, 5).await.expect("read");
        assert!(bytes.len() <= 5);
        if bytes.is_empty() {
            return file;
        }
        file.extend(bytes);
    }
}

fn after_a_row(job: &ImportJob) -> ImportProgress {
    ImportProgress { rows_done: job.progress.rows_done + 1, ..job.progress }
}

fn skip(line: u64) -> SkippedRow {
    SkippedRow { line, reason: "is not a \"number\"".to_owned(), text: "ä,b".to_owned() }
}

pub async fn an_import_comes_back_with_its_file(f: &mut dyn Fixture) {
    const FILE: &str = "phone;name\n+12025550001;Maria\n";
    let list = new_list(&*f.store(), account(1), "Leads").await;
    let made = new_import(&*f.store(), &list, FILE).await;
    assert_eq!((made.state, made.file_bytes), (JobState::Waiting, FILE.len() as u64));
    assert_eq!((made.account_id, &made.settings), (account(1), &settings(&list)));
    assert_eq!((made.created_at, made.started_at, made.ended_at), (now(), None, None));
    f.reopen().await;
    let store = f.store();
    assert_eq!(store.import(account(1), made.id).await.expect("import"), Some(made.clone()));
    assert_eq!(store.next_import().await.expect("import"), Some(made.clone()));
    assert_eq!(file_of(&*store, made.id).await, FILE.as_bytes());
    assert_eq!(store.import(account(2), made.id).await.expect("import"), None);
    let elsewhere = store.list_imports(account(2), None, PageRequest::default()).await;
    assert!(elsewhere.expect("imports").items.is_empty());
}

pub async fn imports_come_newest_first_and_wait_oldest_first(f: &mut dyn Fixture) {
    let store = f.store();
    let list = new_list(&*store, account(1), "Leads").await;
    let other = new_list(&*store, account(1), "Others").await;
    let mut jobs = Vec::new();
    for list in [&other, &list, &other] {
        jobs.push(new_import(&*store, list, "phone\n").await);
    }
    let listed = async |list: Option<&Powerlist>| {
        let list = list.map(|list| list.id);
        let mut page = PageRequest { limit: 1, cursor: None };
        let mut ids = Vec::new();
        loop {
            let found = store.list_imports(account(1), list, page).await.expect("imports");
            ids.extend(found.items.into_iter().map(|job| job.id));
            page.cursor = found.next;
            if page.cursor.is_none() {
                return ids;
            }
        }
    };
    assert_eq!(listed(None).await, [jobs[2].id, jobs[1].id, jobs[0].id]);
    assert_eq!(listed(Some(&list)).await, [jobs[1].id]);
    for job in &jobs {
        assert_eq!(store.next_import().await.expect("import").expect("one waits").id, job.id);
        let done = store.set_import_state(now(), job.id, JobState::Done, None).await;
        assert!(done.expect("state"));
    }
    assert_eq!(store.next_import().await.expect("import"), None);
}

pub async fn an_import_moves_on_with_its_contacts(f: &mut dyn Fixture) {
    let list = new_list(&*f.store(), account(1), "Leads").await;
    let job = new_import(&*f.store(), &list, "phone\n1\n2\n").await;
    let state = f.store().set_import_state(at(SECOND), job.id, JobState::Checking, None).await;
    assert!(state.expect("state"));
    let state = f.store().set_import_state(at(DAY), job.id, JobState::Running, None).await;
    assert!(state.expect("state"));
    let named = patch(&[(TextField::FirstName, "Maria")]);
    let mut tags = patch(&[]);
    tags.more_tags = (0..200).map(|tag| tag.to_string()).collect();
    let edits = vec![
        upsert(&list, 1, patch(&[])),
        upsert(&list, 2, patch(&[])),
        upsert(&list, 1, named.clone()),
        upsert(&list, 1, named),
        upsert(&list, 3, tags),
    ];
    let progress =
        ImportProgress { rows: Some(9), bytes_done: 8, rows_done: 7, skipped: 2, ..job.progress };
    let skipped = vec![skip(4), skip(5)];
    let advanced =
        f.store().advance_import(at(DAY), job.id, progress, edits, skipped).await.expect("advance");
    let advanced = advanced.expect("it is not over");
    let expected = ImportProgress { created: 2, updated: 1, unchanged: 1, skipped: 3, ..progress };
    assert_eq!(advanced.progress, expected);
    assert_eq!(advanced.started_at, Some(at(SECOND)));
    f.reopen().await;
    let store = f.store();
    let found = store.next_import().await.expect("import");
    assert_eq!(found.as_ref(), Some(&advanced), "it goes on where it was");
    let progress = ImportProgress { bytes_done: 10, rows_done: 8, ..advanced.progress };
    let edits = vec![upsert(&list, 4, patch(&[]))];
    let advanced = store.advance_import(at(DAY), job.id, progress, edits, vec![]).await;
    let advanced = advanced.expect("advance").expect("it is not over");
    assert_eq!(advanced.progress, ImportProgress { created: 3, ..progress });
    // As by a runner that was stopped, and whose last call came through all the same.
    let again = vec![upsert(&list, 4, patch(&[])), upsert(&list, 5, patch(&[]))];
    let repeated = store.advance_import(at(DAY), job.id, progress, again, vec![skip(6)]).await;
    assert_eq!(repeated.expect("advance"), None);
    let found = store.import(account(1), job.id).await.expect("import");
    assert_eq!(found, Some(advanced), "rows that were done are not done again");
    let list = store.powerlist(account(1), list.id).await.expect("list").expect("it is there");
    assert_eq!(list.contacts, 3);
    let skips = store.skipped_rows(job.id).await.expect("skipped");
    assert_eq!(skips[..2], [skip(4), skip(5)]);
    assert!(skips.len() == 3 && skips[2].line == 0, "of which only the store could tell");
    let events = store.contact_events(100).await.expect("events");
    assert_eq!(events.len(), 4);
    assert!(events.iter().all(|event| event.at == at(DAY) && event.hops == 0));
}

pub async fn an_import_that_is_over_stays_as_it_is(f: &mut dyn Fixture) {
    let list = new_list(&*f.store(), account(1), "Leads").await;
    for (state, error) in [
        (JobState::Done, None),
        (JobState::Failed, Some("line 3: a quote is never closed".to_owned())),
        (JobState::Cancelled, None),
    ] {
        let job = new_import(&*f.store(), &list, "phone\n1\n").await;
        let set = f.store().set_import_state(at(DAY), job.id, state, error.clone()).await;
        assert!(set.expect("state"));
        let store = f.store();
        let edits: Vec<ContactEdit> = vec![upsert(&list, 1, patch(&[]))];
        let advanced =
            store.advance_import(at(DAY), job.id, after_a_row(&job), edits, vec![skip(1)]).await;
        assert_eq!(advanced.expect("advance"), None);
        let again = store.set_import_state(at(2 * DAY), job.id, JobState::Running, None).await;
        assert!(!again.expect("state"));
        drop(store);
        f.reopen().await;
        let store = f.store();
        let found = store.import(account(1), job.id).await.expect("import").expect("it is kept");
        assert_eq!((found.state, &found.error, found.ended_at), (state, &error, Some(at(DAY))));
        assert_eq!(found.progress, ImportProgress::default());
        assert!(store.skipped_rows(job.id).await.expect("skipped").is_empty());
        assert!(file_of(&*store, job.id).await.is_empty(), "its file is gone");
    }
    let list = f.store().powerlist(account(1), list.id).await.expect("list").expect("it is there");
    assert_eq!(list.contacts, 0);
    assert_eq!(f.store().next_import().await.expect("import"), None);
}

pub async fn an_import_ends_with_its_powerlist(f: &mut dyn Fixture) {
    let store = f.store();
    let list = new_list(&*store, account(1), "Leads").await;
    let other = new_list(&*store, account(1), "Others").await;
    let job = new_import(&*store, &list, "phone\n1\n").await;
    let stays = new_import(&*store, &other, "phone\n1\n").await;
    assert!(store.delete_powerlist(account(1), list.id).await.expect("delete"));
    let edits = vec![upsert(&list, 1, patch(&[]))];
    let advanced = store.advance_import(now(), job.id, after_a_row(&job), edits, vec![]).await;
    assert_eq!(advanced.expect("advance"), None);
    let found = store.import(account(1), job.id).await.expect("import").expect("it is kept");
    assert_eq!(found.state, JobState::Cancelled);
    assert!(found.error.is_some());
    assert_eq!(store.next_import().await.expect("import"), Some(stays.clone()));
    assert!(!file_of(&*store, stays.id).await.is_empty());
}

pub async fn so_many_skipped_rows_are_kept(f: &mut dyn Fixture) {
    let store = f.store();
    let list = new_list(&*store, account(1), "Leads").await;
    let mut job = new_import(&*store, &list, "phone\n1\n").await;
    let kept = IMPORT_SKIPS_KEPT_MAX as u64;
    for first in [0, kept - 10, kept + 100] {
        let skipped: Vec<SkippedRow> = (first..kept + first).map(skip).collect();
        let skipped_so_far = job.progress.skipped + kept;
        let progress = ImportProgress { skipped: skipped_so_far, ..after_a_row(&job) };
        let advanced = store.advance_import(now(), job.id, progress, vec![], skipped).await;
        job = advanced.expect("advance").expect("it is not over");
    }
    assert_eq!(job.progress.skipped, 3 * kept, "all are counted");
    let lines = store.skipped_rows(job.id).await.expect("skipped");
    assert_eq!(lines.len() as u64, kept);
    assert!(lines.iter().map(|row| row.line).eq(0..kept), "the first ones");
}

pub async fn what_is_not_taken_in_leaves_nothing(f: &mut dyn Fixture) {
    let list = new_list(&*f.store(), account(1), "Leads").await;
    let job = new_import(&*f.store(), &list, "phone\n1\n").await;
    let before = f.store().disk_bytes().await.expect("disk bytes");
    let mut upload = f.store().begin_upload().await.expect("upload");
    upload.write(vec![b'x'; 1_000_000].into()).await.expect("write");
    let during = f.store().disk_bytes().await.expect("disk bytes");
    assert!(during >= before.map(|before| before + 1_000_000), "{before:?} {during:?}");
    drop(upload);
    assert!(f.store().disk_bytes().await.expect("disk bytes") < during);
    // As a process leaves one that is killed.
    let mut upload = f.store().begin_upload().await.expect("upload");
    upload.write(vec![b'x'; 1_000_000].into()).await.expect("write");
    std::mem::forget(upload);
    f.reopen().await;
    assert!(f.store().disk_bytes().await.expect("disk bytes") < during);
    assert_eq!(file_of(&*f.store(), job.id).await, b"phone\n1\n");
}

pub async fn two_imports_at_once_share_a_list(f: &mut dyn Fixture) {
    let store = f.store();
    let list = new_list(&*store, account(1), "Leads").await;
    let mut running = tokio::task::JoinSet::new();
    for import in 0..4 {
        let job = new_import(&*store, &list, "phone\n1\n").await;
        let (store, list) = (store.clone(), list.clone());
        running.spawn(async move {
            let edits =
                (0..100).map(|last| upsert(&list, import * 50 + last, patch(&[]))).collect();
            let advanced =
                store.advance_import(now(), job.id, after_a_row(&job), edits, vec![]).await;
            advanced.expect("advance").expect("it is not over").progress
        });
    }
    let done = running.join_all().await;
    let created: u64 = done.iter().map(|progress| progress.created).sum();
    let unchanged: u64 = done.iter().map(|progress| progress.unchanged).sum();
    assert_eq!((created, unchanged), (250, 150));
    let counted = store.powerlist(account(1), list.id).await.expect("list").expect("it is there");
    assert_eq!(counted.contacts, 250);
    let mut ids = BTreeSet::new();
    for event in store.contact_events(1_000).await.expect("events") {
        assert!(ids.insert(event.note));
    }
    assert_eq!(ids.len(), 250);
}
