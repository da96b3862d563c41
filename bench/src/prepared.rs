//! Data folders that take minutes to fill: made once, and kept in the scratch folder for the next
//! call of the program. They are kept by what they hold and by the code that wrote them, so a
//! changed store gets a new one; the old one is then deleted, because they are large.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::settings::Settings;

/// To be raised when what is put into the folders changes.
const FORMAT: u32 = 2;
/// What decides how stored data looks.
const SOURCES: [&str; 2] = ["crates/store", "crates/core"];
const NOTES: &str = "notes.json";
pub const DATA: &str = "data";

/// A folder with a server's data, and what has to be known of it.
#[derive(Debug)]
pub struct Prepared<N> {
    pub data: PathBuf,
    pub notes: N,
    /// It was there already.
    pub is_kept: bool,
}

/// The folder for `name` with `content` in it. `fill` makes it, in the empty folder it is given,
/// unless it is there already; `is_fresh` makes it anew.
pub async fn prepare<N: Serialize + DeserializeOwned>(
    settings: &Settings,
    name: &str,
    content: &str,
    is_fresh: bool,
    fill: impl AsyncFnOnce(&Path) -> anyhow::Result<N>,
) -> anyhow::Result<Prepared<N>> {
    let prefix = format!("posthaste-bench-{name}-");
    let key = key(content);
    let folder = settings.scratch.join(format!("{prefix}{key}"));
    if !is_fresh && let Ok(notes) = std::fs::read(folder.join(NOTES)) {
        let notes = serde_json::from_slice(&notes)?;
        return Ok(Prepared { data: folder.join(DATA), notes, is_kept: true });
    }
    for entry in std::fs::read_dir(&settings.scratch)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    std::fs::create_dir(&folder).with_context(|| format!("making {}", folder.display()))?;
    let notes = fill(&folder).await?;
    // Last: a folder without notes is one that was not finished.
    std::fs::write(folder.join(NOTES), serde_json::to_vec_pretty(&notes)?)?;
    Ok(Prepared { data: folder.join(DATA), notes, is_kept: false })
}

/// A copy that may be changed.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
            // Else what is measured next would wait for this.
            std::fs::File::open(&target)?.sync_all()?;
        }
    }
    Ok(())
}

fn key(content: &str) -> String {
    let sources: Vec<String> = SOURCES.iter().map(|path| format!("HEAD:{path}")).collect();
    let mut committed = vec!["rev-parse"];
    committed.extend(sources.iter().map(String::as_str));
    let mut changed = vec!["diff", "HEAD", "--"];
    changed.extend(SOURCES);
    let text = format!("{FORMAT} {content} {:?} {:?}", git(&committed), git(&changed));
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
    format!("{hash:016x}")
}

/// What git says in the working directory; `None` where it says nothing.
pub fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(scratch: &Path) -> Settings {
        Settings { scratch: scratch.to_owned(), ..Settings::default() }
    }

    #[tokio::test]
    async fn a_folder_is_filled_once_and_again_when_its_content_changes() {
        let scratch = tempfile::tempdir().unwrap();
        let settings = settings(scratch.path());
        let fill = async |content: &str, is_fresh| {
            let made = prepare(&settings, "test", content, is_fresh, async |folder| {
                std::fs::create_dir(folder.join(DATA))?;
                Ok(content.len())
            });
            let made = made.await.unwrap();
            assert!(made.data.is_dir());
            (made.notes, made.is_kept)
        };
        assert_eq!(fill("one", false).await, (3, false));
        assert_eq!(fill("one", false).await, (3, true));
        assert_eq!(fill("one", true).await, (3, false));
        assert_eq!(fill("three", false).await, (5, false));
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_folder_that_was_not_finished_is_not_used() {
        let scratch = tempfile::tempdir().unwrap();
        let settings = settings(scratch.path());
        let failed = prepare::<()>(&settings, "test", "", false, async |_| anyhow::bail!("full"));
        assert!(failed.await.is_err());
        let made = prepare(&settings, "test", "", false, async |_| Ok(1)).await.unwrap();
        assert_eq!((made.notes, made.is_kept), (1, false));
    }
}
