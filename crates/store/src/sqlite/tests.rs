//! The conformance suite on SQLite, and what is SQLite's own: its files, its lock, its failures.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use posthaste_core::store::Store;
use tempfile::TempDir;

use super::SqliteStore;
use crate::conformance::fixtures::now;
use crate::conformance::{Collected, Fixture};

/// A store in a folder that goes with it.
pub struct SqliteFixture {
    store: Option<Arc<SqliteStore>>,
    sink: Arc<Collected>,
    dir: TempDir,
}

impl SqliteFixture {
    pub fn fresh() -> SqliteFixture {
        let dir = TempDir::new().expect("a folder");
        let mut fixture = SqliteFixture { store: None, sink: Arc::default(), dir };
        fixture.open();
        fixture
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn open(&mut self) {
        let store = SqliteStore::open(&self.folder(), 0, self.sink.clone(), now());
        self.store = Some(Arc::new(store.expect("open")));
    }
}

#[async_trait]
impl Fixture for SqliteFixture {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone().expect("open")
    }

    fn sink(&self) -> Arc<Collected> {
        self.sink.clone()
    }

    async fn reopen(&mut self) {
        let store = self.store.take().expect("open");
        assert_eq!(Arc::strong_count(&store), 1, "a case still holds the store");
        drop(store);
        self.open();
    }
}

crate::store_suite!(SqliteFixture::fresh());

mod model {
    use proptest::prelude::*;

    use super::SqliteFixture;
    use crate::conformance::model::{End, Operation, run};

    fn operation() -> impl Strategy<Value = Operation> {
        let end = prop_oneof![Just(End::Delivered), Just(End::Retrying), Just(End::Failed)];
        let events = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 1..4);
        let key = prop::option::of((0..2_u8, 0..2_u8));
        prop_oneof![
            4 => (any::<u8>(), events, key)
                .prop_map(|(account, events, key)| Operation::Accept { account, events, key }),
            6 => (any::<usize>(), end)
                .prop_map(|(delivery, end)| Operation::Attempt { delivery, end }),
            2 => any::<usize>().prop_map(|delivery| Operation::Park { delivery }),
            1 => any::<usize>().prop_map(|delivery| Operation::Cancel { delivery }),
            2 => any::<usize>().prop_map(|delivery| Operation::AskManually { delivery }),
            3 => any::<bool>().prop_map(|with_low_water| Operation::Write { with_low_water }),
            1 => Just(Operation::WriteAgain),
            2 => (1..2_000_u16).prop_map(|minutes| Operation::Wait { minutes }),
            1 => (0..3_u8).prop_map(|days_kept| Operation::Expire { days_kept }),
            1 => Just(Operation::Reopen),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
        #[test]
        fn behaves_like_its_model(operations in prop::collection::vec(operation(), 1..60)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
            runtime.block_on(async {
                run(&mut SqliteFixture::fresh(), operations).await;
            });
        }
    }
}

mod files {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use parking_lot::Mutex;
    use posthaste_core::event::Event;
    use posthaste_core::page::PageRequest;
    use posthaste_core::store::{Accepted, AcceptedSink, EventFilter, StoreError};
    use tempfile::TempDir;

    use super::{Fixture, SqliteFixture, SqliteStore};
    use crate::conformance::Collected;
    use crate::conformance::fixtures::{
        DAY, accept_of, accept_one, account, at, delivered, new_event, now, record, webhook,
        with_key,
    };
    use crate::log::tests::{Failing, FailingMedium};

    #[tokio::test]
    async fn a_second_process_is_refused_and_told_why() {
        let fixture = SqliteFixture::fresh();
        let sink = Arc::new(Collected::default());
        let second = SqliteStore::open(&fixture.folder(), 0, sink, now());
        let error = second.err().expect("refused");
        assert!(error.to_string().contains("another process is using"), "{error}");
    }

    #[tokio::test]
    async fn the_folder_is_its_owners_only() {
        let fixture = SqliteFixture::fresh();
        let mode = fs::metadata(fixture.folder()).expect("a folder").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    /// A fixture that accepted one event, and how its log's disk fails from now on.
    async fn on_a_failing_disk() -> (SqliteFixture, Arc<Mutex<Failing>>) {
        let fixture = SqliteFixture::fresh();
        accept_one(&*fixture.store(), now(), account(1), new_event(&[])).await;
        let failing = Arc::new(Mutex::new(Failing::Nothing));
        {
            let sqlite = fixture.store.as_ref().expect("open");
            let mut accepting = sqlite.shared.accepting.lock();
            let writer = accepting.log_writer();
            let medium = FailingMedium { medium: writer.file(), failing: failing.clone() };
            writer.set_medium(Box::new(medium));
        }
        (fixture, failing)
    }

    #[tokio::test]
    async fn a_full_disk_refuses_and_works_again_once_there_is_room() {
        let (mut fixture, failing) = on_a_failing_disk().await;
        let mut large = new_event(&[]);
        large.data = format!(r#"{{"text":"{}"}}"#, "x".repeat(400_000)).into();
        let request = with_key(accept_of(account(1), vec![large]), 1, 1);
        *failing.lock() = Failing::Full { size: 300_000 };
        let refused = fixture.store().accept(now(), request.clone()).await;
        assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
        *failing.lock() = Failing::Nothing;
        let accepted = fixture.store().accept(now(), request.clone()).await.expect("room again");
        assert!(matches!(accepted, Accepted::New(_)), "nothing was remembered: {accepted:?}");
        assert_eq!(fixture.sink().events().len(), 2);
        fixture.reopen().await;
        let again = fixture.store().accept(now(), request).await.expect("accept");
        assert!(matches!(again, Accepted::Repeated(_)), "{again:?}");
        let listed = fixture.store().list_events(account(1), &EventFilter::default(), page()).await;
        assert_eq!(listed.expect("list").items.len(), 2);
    }

    #[tokio::test]
    async fn after_a_failed_sync_nothing_is_accepted_any_more() {
        let (fixture, failing) = on_a_failing_disk().await;
        *failing.lock() = Failing::Sync(std::io::ErrorKind::Other);
        for _ in 0..2 {
            let accept = accept_of(account(1), vec![new_event(&[])]);
            let refused = fixture.store().accept(now(), accept).await;
            assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
            // The kernel would call the next sync a success.
            *failing.lock() = Failing::Nothing;
        }
        assert_eq!(fixture.sink().events().len(), 1);
    }

    fn page() -> PageRequest {
        PageRequest::default()
    }

    #[tokio::test]
    async fn after_the_disk_failed_nothing_is_written_any_more() {
        let fixture = SqliteFixture::fresh();
        let store = fixture.store();
        let event = accept_one(&*store, now(), account(1), new_event(&[webhook(1)])).await;
        let sqlite = fixture.store.as_ref().expect("open");
        let failed_sync = rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC),
            None,
        );
        sqlite.shared.trust.judge(failed_sync.into());
        let accepted = store.accept(now(), accept_of(account(1), vec![new_event(&[])])).await;
        assert!(matches!(accepted, Err(StoreError::Unavailable { .. })), "{accepted:?}");
        let batch = posthaste_core::store::RecordBatch {
            records: vec![delivered(&event, 0, now())],
            low_water: None,
        };
        let recorded = store.record(Arc::new(batch)).await;
        assert!(matches!(recorded, Err(StoreError::Unavailable { .. })), "{recorded:?}");
        let named = store.create_account(now(), "late").await;
        assert!(matches!(named, Err(StoreError::Unavailable { .. })), "{named:?}");
        assert!(store.event(account(1), event.id).await.expect("reads go on").is_some());
    }

    /// Panics once.
    #[derive(Default)]
    struct Broken(AtomicBool);

    impl AcceptedSink for Broken {
        fn accepted(&self, _: Vec<Arc<Event>>) {
            assert!(self.0.swap(true, Ordering::Relaxed), "the first time");
        }
    }

    #[tokio::test]
    async fn a_panic_in_a_commit_answers_whoever_waits_and_the_next_goes_on() {
        let dir = TempDir::new().expect("a folder");
        let sink = Arc::new(Broken::default());
        let store = SqliteStore::open(dir.path(), 0, sink, now()).expect("open");
        let accept = || accept_of(account(1), vec![new_event(&[])]);
        use posthaste_core::store::EventStore;
        let first = store.accept(now(), accept()).await;
        assert!(matches!(first, Err(StoreError::Unavailable { .. })), "{first:?}");
        store.accept(now(), accept()).await.expect("the next");
    }

    #[tokio::test]
    async fn a_crash_between_folding_and_deleting_counts_no_hit_twice() {
        let mut fixture = SqliteFixture::fresh();
        let event =
            accept_one(&*fixture.store(), now(), account(1), new_event(&[webhook(1)])).await;
        record(&*fixture.store(), vec![delivered(&event, 0, now())]).await;
        fixture.reopen().await;
        // The files as they are before the day is dropped, put back after it was.
        let before = TempDir::new().expect("a folder");
        for entry in fs::read_dir(fixture.folder()).expect("a folder") {
            let entry = entry.expect("an entry");
            if entry.path().is_dir() {
                continue;
            }
            fs::copy(entry.path(), before.path().join(entry.file_name())).expect("copy");
        }
        fixture.store().expire(at(DAY)).await.expect("expire");
        let sqlite = fixture.store.take().expect("open");
        drop(sqlite);
        for entry in fs::read_dir(before.path()).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name();
            if name.to_string_lossy().contains("2025") {
                fs::copy(entry.path(), fixture.folder().join(name)).expect("copy");
            }
        }
        fixture.open();
        let hits = fixture.store().hits(&[webhook(1)]).await.expect("hits");
        assert_eq!(hits[0].count, 1);
        let found = fixture.store().event(account(1), event.id).await.expect("event");
        assert_eq!(found, None);
        let names = fs::read_dir(fixture.folder()).expect("a folder");
        let left = names.filter(|entry| {
            entry.as_ref().expect("an entry").file_name().to_string_lossy().contains("2025")
        });
        assert_eq!(left.count(), 0);
    }

    #[tokio::test]
    async fn an_index_serves_every_walk() {
        let fixture = SqliteFixture::fresh();
        let event =
            accept_one(&*fixture.store(), now(), account(1), new_event(&[webhook(1)])).await;
        record(&*fixture.store(), vec![delivered(&event, 0, now())]).await;
        let sqlite = fixture.store.as_ref().expect("open");
        let plans = super::super::deliveries::explain_walks(&sqlite.shared);
        for (walk, plan) in plans {
            assert!(plan.contains("SEARCH"), "{walk}: {plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{walk} sorts: {plan}");
        }
    }
}

mod keys {
    use std::fs;

    use posthaste_core::store::{Accept, Accepted, EventStore};

    use super::{Fixture, SqliteFixture, SqliteStore};
    use crate::conformance::fixtures::{
        DAY, accept_of, account, at, new_event, now, webhook, with_key,
    };
    use crate::sqlite::partitions::Day;

    fn request(key: u8) -> Accept {
        with_key(accept_of(account(1), vec![new_event(&[webhook(1)]); 2]), key, key)
    }

    async fn check_new(store: &SqliteStore, key: u8) {
        let accepted = store.accept(now(), request(key)).await.expect("accept");
        assert!(matches!(accepted, Accepted::New(_)), "{key}: {accepted:?}");
    }

    async fn check_repeated(store: &SqliteStore, key: u8) {
        let accepted = store.accept(now(), request(key)).await.expect("accept");
        assert!(matches!(accepted, Accepted::Repeated(_)), "{key}: {accepted:?}");
    }

    fn flush(store: &SqliteStore) {
        let shared = &store.shared;
        shared.keys.note_sealed(Day(now().day()));
        let through = shared.partitions.all()[0].events.last_id().expect("known");
        let flush = shared.keys.take_due(through).expect("a segment was sealed");
        shared.keys.flush(&shared.partitions, &flush).expect("flush");
        assert_eq!(shared.keys.recent_count(), 0);
    }

    #[tokio::test]
    async fn keys_are_known_before_and_after_they_are_written_and_when_their_file_is_lost() {
        let mut fixture = SqliteFixture::fresh();
        let store = fixture.store.clone().expect("open");
        check_new(&store, 1).await;
        flush(&store);
        check_new(&store, 2).await;
        for key in [1, 2] {
            check_repeated(&store, key).await;
        }
        drop(store);
        // What was not written is read from the log, and only that.
        fixture.reopen().await;
        let store = fixture.store.clone().expect("open");
        assert_eq!(store.shared.keys.recent_count(), 1);
        for key in [1, 2] {
            check_repeated(&store, key).await;
        }
        drop((store, fixture.store.take()));
        for entry in fs::read_dir(fixture.folder()).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("keys-")) {
                fs::remove_file(path).expect("remove");
            }
        }
        fixture.open();
        let store = fixture.store.clone().expect("open");
        assert_eq!(store.shared.keys.recent_count(), 2);
        for key in [1, 2] {
            check_repeated(&store, key).await;
        }
        check_new(&store, 3).await;
    }

    #[tokio::test]
    async fn keys_that_share_their_place_are_told_apart() {
        let fixture = SqliteFixture::fresh();
        let store = fixture.store.clone().expect("open");
        let mut other = request(1);
        let key_hash = &mut other.idempotency.as_mut().expect("a key").key_hash;
        key_hash[31] = 99;
        check_new(&store, 1).await;
        let accepted = store.accept(now(), other.clone()).await.expect("accept");
        assert!(matches!(accepted, Accepted::New(_)), "{accepted:?}");
        flush(&store);
        check_repeated(&store, 1).await;
        let accepted = store.accept(now(), other).await.expect("accept");
        assert!(matches!(accepted, Accepted::Repeated(_)), "{accepted:?}");
    }

    #[tokio::test]
    async fn two_bodies_under_one_key_in_one_commit_are_told() {
        let fixture = SqliteFixture::fresh();
        let store = fixture.store.clone().expect("open");
        let other = with_key(request(1), 1, 2);
        let (first, second) =
            tokio::join!(store.accept(now(), request(1)), store.accept(now(), other));
        assert!(matches!(first, Ok(Accepted::New(_))), "{first:?}");
        assert!(matches!(second, Ok(Accepted::KeyReused)), "{second:?}");
    }

    #[tokio::test]
    async fn a_day_that_is_over_has_its_keys_written_and_takes_them_with_it() {
        let fixture = SqliteFixture::fresh();
        let store = fixture.store.clone().expect("open");
        check_new(&store, 1).await;
        let later = with_key(accept_of(account(1), vec![new_event(&[])]), 2, 2);
        store.accept(at(DAY), later).await.expect("accept");
        let of_day = |day: i64| {
            let name = format!("keys-{}.db", Day(now().day() + day).digits());
            fixture.folder().join(name).exists()
        };
        assert_eq!((of_day(0), store.shared.keys.recent_count()), (true, 0));
        check_repeated(&store, 1).await;
        fixture.store().expire(at(DAY)).await.expect("expire");
        assert!(!of_day(0));
    }
}
