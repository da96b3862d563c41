//! Imports: a CSV file on its way into a powerlist, as a job that can be watched, cancelled, and
//! goes on where it was after a crash.

use crate::contact::{Edited, OnExisting};
use crate::id::{AccountId, JobId, PowerlistId};
use crate::time::Timestamp;

/// What an import does with which column, and with what is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSettings {
    pub powerlist_id: PowerlistId,
    /// As the file was called; only shown.
    pub file_name: String,
    /// For each column, in order, the field that it holds: a field of a contact,
    /// `custom_fields.` and a name, or `None` for a column that is left out.
    pub columns: Vec<Option<String>>,
    pub delimiter: u8,
    pub on_existing: OnExisting,
    /// Put on every contact of the file.
    pub tags: Vec<String>,
    /// Skip rows of contacts that did not agree to be called.
    pub only_with_consent: bool,
    /// Whether each change raises a `contact` event.
    pub raise_events: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Its turn has not come.
    Waiting,
    /// The file is read through before anything is changed.
    Checking,
    Running,
    Done,
    /// The file cannot be imported; nothing was.
    Failed,
    /// By somebody; what was imported until then stays.
    Cancelled,
}

impl JobState {
    pub const ALL: [JobState; 6] = [
        JobState::Waiting,
        JobState::Checking,
        JobState::Running,
        JobState::Done,
        JobState::Failed,
        JobState::Cancelled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Waiting => "waiting",
            JobState::Checking => "checking",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }

    pub fn parse(text: &str) -> Option<JobState> {
        JobState::ALL.into_iter().find(|state| state.as_str() == text)
    }

    pub fn is_over(self) -> bool {
        matches!(self, JobState::Done | JobState::Failed | JobState::Cancelled)
    }
}

/// How far an import is. Moves in the transaction that changes the contacts it counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportProgress {
    /// Of the file, heading not counted; known once it has been read through.
    pub rows: Option<u64>,
    /// Bytes of the file that are done with: where to go on.
    pub bytes_done: u64,
    pub rows_done: u64,
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub skipped: u64,
}

impl ImportProgress {
    /// Counts what became of one row. Why it was skipped, if it was.
    pub fn count(&mut self, edited: &Edited) -> Option<String> {
        let why = match edited {
            Edited::Created(_) => {
                self.created += 1;
                return None;
            }
            Edited::Updated(_) | Edited::Deleted(_) => {
                self.updated += 1;
                return None;
            }
            Edited::Unchanged(_) => {
                self.unchanged += 1;
                return None;
            }
            Edited::Missing => "there is no such contact".to_owned(),
            Edited::NoSuchList => "there is no such powerlist".to_owned(),
            Edited::Several(several) => format!("{several} contacts have that e-mail address"),
            Edited::NumberTaken => "another contact has that phone number".to_owned(),
            Edited::Refused(invalid) => invalid.to_string(),
        };
        self.skipped += 1;
        Some(why)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportJob {
    pub id: JobId,
    pub account_id: AccountId,
    pub settings: ImportSettings,
    pub file_bytes: u64,
    pub state: JobState,
    /// Why it failed.
    pub error: Option<String>,
    pub progress: ImportProgress,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// A row that was not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedRow {
    /// Its line in the file, the heading being 1; 0 where only the store could tell that it cannot
    /// be imported, which knows of no lines.
    pub line: u64,
    pub reason: String,
    /// What it says in the columns that the reason is about; cut off where it is long.
    pub text: String,
}
