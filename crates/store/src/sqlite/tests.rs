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
