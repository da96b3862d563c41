//! What goes wrong inside the store, and what of it a caller is told. One place decides which
//! errors mean that the disk can no longer be trusted.

use std::sync::OnceLock;

use posthaste_core::error::Invalid;
use posthaste_core::store::StoreError;
use rusqlite::ErrorCode;

use crate::migrate::MigrateError;

/// Anything that can stop an operation inside this crate.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{path}: {source}")]
    Migrate { path: String, source: MigrateError },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault {
    pub fn damaged(what: impl Into<String>) -> Fault {
        Fault::Store(StoreError::Damaged { what: what.into() })
    }

    /// A stored `what` that its own parser refuses.
    pub fn unreadable(what: &str) -> impl FnOnce(Invalid) -> Fault {
        move |invalid| Fault::damaged(format!("{what}: {invalid}"))
    }

    /// Whether nobody knows any more what is on disk: a failed sync is never tried again, because
    /// the kernel may have dropped the pages and would report success.
    fn distrusts_disk(&self) -> bool {
        match self {
            Fault::Sql(error) => matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::SystemIoFailure
                        | ErrorCode::DatabaseCorrupt
                        | ErrorCode::NotADatabase
                )
            ),
            Fault::Io(error) => error.kind() != std::io::ErrorKind::StorageFull,
            Fault::Migrate { .. } | Fault::Store(_) => false,
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> StoreError {
        let unavailable = |reason: String| StoreError::Unavailable { reason };
        match fault {
            Fault::Store(error) => error,
            Fault::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => StoreError::Full,
            Fault::Io(error) => unavailable(error.to_string()),
            Fault::Migrate { path, source } => unavailable(format!("{path}: {source}")),
            Fault::Sql(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => StoreError::Full,
                // Somebody holds a lock for longer than the busy timeout: a shell, a copy.
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Overloaded,
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    StoreError::Damaged { what: error.to_string() }
                }
                Some(_) => unavailable(error.to_string()),
                // Not from SQLite but from reading a column: it does not hold what it should.
                None => StoreError::Damaged { what: error.to_string() },
            },
        }
    }
}

/// Remembers that a write failed in a way after which nothing may be acknowledged.
#[derive(Debug, Default)]
pub struct DiskTrust(OnceLock<String>);

impl DiskTrust {
    /// To be asked before every write.
    pub fn check(&self) -> Result<(), StoreError> {
        match self.0.get() {
            None => Ok(()),
            Some(reason) => Err(StoreError::Unavailable { reason: reason.clone() }),
        }
    }

    /// What a failed write is to its caller.
    pub fn judge(&self, fault: Fault) -> StoreError {
        if !fault.distrusts_disk() {
            return fault.into();
        }
        let reason = self.0.get_or_init(|| {
            tracing::error!(error = %fault, "the disk failed; nothing is written any more");
            fault.to_string()
        });
        StoreError::Unavailable { reason: reason.clone() }
    }
}

/// `StoreError` cannot be cloned; those who shared a commit each need to be told.
pub fn same(error: &StoreError) -> StoreError {
    match error {
        StoreError::Taken { what } => StoreError::Taken { what },
        StoreError::Overloaded => StoreError::Overloaded,
        StoreError::Full => StoreError::Full,
        StoreError::Unavailable { reason } => StoreError::Unavailable { reason: reason.clone() },
        StoreError::Damaged { what } => StoreError::Damaged { what: what.clone() },
    }
}
