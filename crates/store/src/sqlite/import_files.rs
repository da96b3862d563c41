//! The files of imports, in a folder of their own. A file belongs to an import when it has the
//! import's name; what is still called an upload when the store is opened belongs to nobody.

use std::any::Any;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use posthaste_core::id::JobId;
use posthaste_core::store::{StoreError, Upload};

use super::fault::Fault;
use super::partitions::disk_bytes;
use super::unfinished;

#[derive(Debug)]
pub struct ImportFiles {
    dir: PathBuf,
    /// Uploads of this process so far.
    uploads: AtomicU64,
}

impl ImportFiles {
    /// Opens the folder, and deletes every file that is of no import that is `open`.
    pub fn open(dir: PathBuf, open: &[JobId]) -> Result<ImportFiles, Fault> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        let names: HashSet<String> = open.iter().map(|id| name_of(*id)).collect();
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let is_known = entry.file_name().to_str().is_some_and(|name| names.contains(name));
            if !is_known {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(ImportFiles { dir, uploads: AtomicU64::new(0) })
    }

    pub fn begin(&self) -> Result<FileUpload, Fault> {
        let number = self.uploads.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("upload-{number}"));
        // Phone numbers lie here: nobody else's business.
        let file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(FileUpload { file: Arc::new(file), path: Some(path), bytes: 0 })
    }

    /// Makes what was uploaded the file of an import, on disk for good. How many bytes it has.
    pub fn keep(&self, mut upload: FileUpload, id: JobId) -> Result<u64, Fault> {
        upload.file.sync_all()?;
        if let Some(path) = upload.path.take() {
            fs::rename(path, self.dir.join(name_of(id)))?;
        }
        // A name is on disk only once its directory is.
        File::open(&self.dir)?.sync_all()?;
        Ok(upload.bytes)
    }

    /// Up to `bytes_max` from there on; `None` if there is no such file.
    pub fn read(&self, id: JobId, from: u64, bytes_max: usize) -> Result<Option<Bytes>, Fault> {
        let file = match File::open(self.dir.join(name_of(id))) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let rest = file.metadata()?.len().saturating_sub(from);
        let mut bytes = vec![0; usize::try_from(rest).unwrap_or(bytes_max).min(bytes_max)];
        file.read_exact_at(&mut bytes, from)?;
        Ok(Some(bytes.into()))
    }

    pub fn delete(&self, id: JobId) -> Result<(), Fault> {
        match fs::remove_file(self.dir.join(name_of(id))) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// What the files take up.
    pub fn disk_bytes(&self) -> Result<u64, Fault> {
        disk_bytes(&self.dir)
    }
}

fn name_of(id: JobId) -> String {
    format!("{id}.csv")
}

/// A file on its way in, deleted when dropped.
#[derive(Debug)]
pub struct FileUpload {
    file: Arc<File>,
    /// `None` once it is an import's.
    path: Option<PathBuf>,
    bytes: u64,
}

#[async_trait]
impl Upload for FileUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        let (file, length) = (self.file.clone(), bytes.len() as u64);
        let written = tokio::task::spawn_blocking(move || (&*file).write_all(&bytes)).await;
        match written {
            // A failed write of a file that nobody relies on yet says nothing about the rest.
            Ok(result) => result.map_err(|error| StoreError::from(Fault::from(error)))?,
            Err(panic) => return Err(unfinished(&panic)),
        }
        self.bytes += length;
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

impl Drop for FileUpload {
    fn drop(&mut self) {
        if let Some(path) = self.path.take() {
            // One that cannot be deleted goes when the store is opened again.
            let _ = fs::remove_file(path);
        }
    }
}
