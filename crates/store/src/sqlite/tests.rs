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

    use posthaste_core::event::Event;
    use posthaste_core::store::{AcceptedSink, StoreError};
    use tempfile::TempDir;

    use super::{Fixture, SqliteFixture, SqliteStore};
    use crate::conformance::Collected;
    use crate::conformance::fixtures::{
        DAY, accept_of, accept_one, account, at, delivered, new_event, now, record, webhook,
    };

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

    #[tokio::test]
    async fn a_full_disk_refuses_and_works_again_once_there_is_room() {
        let fixture = SqliteFixture::fresh();
        let store = fixture.store();
        accept_one(&*store, now(), account(1), new_event(&[])).await;
        let pages = |max: i64| {
            let sqlite = fixture.store.as_ref().expect("open");
            sqlite.shared.accepting.lock().set_page_count_max(max);
        };
        let mut large = new_event(&[]);
        large.data = format!(r#"{{"text":"{}"}}"#, "x".repeat(200_000)).into();
        pages(8);
        let refused = store.accept(now(), accept_of(account(1), vec![large.clone()])).await;
        assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
        pages(1_000_000);
        store.accept(now(), accept_of(account(1), vec![large])).await.expect("room again");
        assert_eq!(fixture.sink().events().len(), 2);
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
