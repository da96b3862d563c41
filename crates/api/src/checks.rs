//! Whether published data matches the schema of its event type: what an account's `validate` asks
//! for. With `reject` before the event is taken; with `warn` some time after, because looking at
//! data costs about as much as taking it, and nobody waits for the result.
//!
//! What is to be looked at waits in a short queue, which is emptied a few times a second and by
//! whoever wants to see the counts. What finds the queue full is not looked at, only counted: so
//! the length of the queue is also the bound of what `warn` can cost, however much is published.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use posthaste_core::catalogue;
use posthaste_core::error::FieldError;
use posthaste_core::event_type::EventType;
use posthaste_core::id::AccountId;
use posthaste_core::id_map::IdMap;
use posthaste_core::store::StoreError;
use posthaste_core::time::Timestamp;
use tokio::sync::Notify;

use crate::error::{ApiError, Code};
use crate::schema::Schema;
use crate::state::AppState;
use crate::v1::event_body::ParsedEvent;

/// How often the queue is emptied, at most.
const EMPTIED_EVERY: Duration = Duration::from_millis(100);
/// Of one account, so that a busy one does not keep the others from being looked at.
const WAITING_OF_ACCOUNT_MAX: usize = 50;
const WAITING_MAX: usize = 500;
const WAITING_BYTES_MAX: usize = 4 << 20;
/// Compiled ones. The catalogue has two dozen, and they are made when they are first needed.
const SCHEMAS_KEPT_MAX: usize = 128;
/// What takes longer than some milliseconds is checked where nobody else waits.
const COST_INLINE_MAX: usize = 10_000_000;

/// What was found so far, since the process started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    pub checked: u64,
    pub invalid: u64,
    pub last: Option<Fault>,
}

/// What was wrong with the last one that did not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub error: String,
    pub at: Timestamp,
}

#[derive(Debug, Default)]
pub struct Checks {
    schemas: Mutex<Schemas>,
    waiting: Mutex<Waiting>,
    arrived: Notify,
    /// Held while the queue is emptied: whoever reads the counts then waits for what was in it.
    emptying: tokio::sync::Mutex<()>,
    findings: Mutex<IdMap<AccountId, HashMap<EventType, Findings>>>,
    pub checked: AtomicU64,
    pub invalid: AtomicU64,
    pub unchecked: AtomicU64,
}

/// Events that are about to be accepted, as far as somebody will look at them.
#[derive(Debug, Default)]
pub struct Selection {
    checks: Vec<Check>,
    left_out: usize,
}

/// An event to be looked at.
#[derive(Debug)]
struct Check {
    event_type: EventType,
    data: Arc<str>,
    at: Timestamp,
}

#[derive(Debug, Default)]
struct Waiting {
    checks: VecDeque<(AccountId, Check)>,
    bytes: usize,
    by_account: IdMap<AccountId, usize>,
}

impl Waiting {
    fn room(&self, account: AccountId) -> usize {
        if self.bytes >= WAITING_BYTES_MAX || self.checks.len() >= WAITING_MAX {
            return 0;
        }
        let of_account = self.by_account.get(&account).copied().unwrap_or_default();
        WAITING_OF_ACCOUNT_MAX.saturating_sub(of_account)
    }

    fn next(&mut self) -> Option<(AccountId, Check)> {
        let (account, check) = self.checks.pop_front()?;
        self.bytes -= check.data.len();
        if let Some(left) = self.by_account.get_mut(&account) {
            *left -= 1;
            if *left == 0 {
                self.by_account.remove(&account);
            }
        }
        Some((account, check))
    }
}

impl Checks {
    /// As many of these events as there is room for, to be handed back once they are accepted. Who
    /// asks at the same moment may go a little beyond the bounds, by one request each.
    pub fn select(&self, now: Timestamp, account: AccountId, events: &[ParsedEvent]) -> Selection {
        let room = self.waiting.lock().room(account).min(events.len());
        let check = |event: &ParsedEvent| Check {
            event_type: event.event_type.clone(),
            data: event.data.clone(),
            at: now,
        };
        let checks = events[..room].iter().map(check).collect();
        Selection { checks, left_out: events.len() - room }
    }

    /// Has them looked at soon.
    pub fn add(&self, account: AccountId, selection: Selection) {
        let Selection { checks, left_out } = selection;
        if left_out > 0 {
            self.unchecked.fetch_add(left_out as u64, Ordering::Relaxed);
        }
        if checks.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock();
        let was_empty = waiting.checks.is_empty();
        *waiting.by_account.entry(account).or_default() += checks.len();
        for check in checks {
            waiting.bytes += check.data.len();
            waiting.checks.push_back((account, check));
        }
        drop(waiting);
        // Only the first one wakes whoever empties it: that costs more than all of the above.
        if was_empty {
            self.arrived.notify_one();
        }
    }

    pub fn of(&self, account: AccountId, event_type: &str) -> Findings {
        let findings = self.findings.lock();
        findings.get(&account).and_then(|of| of.get(event_type)).cloned().unwrap_or_default()
    }

    /// An event type became another, or is gone: its schema holds no more.
    pub fn forget_schema(&self, account: AccountId, event_type: &EventType) {
        let mut schemas = self.schemas.lock();
        schemas.generation += 1;
        schemas.kept.retain(|(key, _)| *key != (Some(account), event_type.clone()));
    }

    /// An event type is gone, and what was found with it.
    pub fn forget(&self, account: AccountId, event_type: &EventType) {
        self.forget_schema(account, event_type);
        if let Some(of) = self.findings.lock().get_mut(&account) {
            of.remove(event_type);
        }
    }

    fn found(
        &self,
        account: AccountId,
        event_type: &EventType,
        at: Timestamp,
        faults: &[FieldError],
    ) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        let mut findings = self.findings.lock();
        let findings = findings.entry(account).or_default().entry(event_type.clone()).or_default();
        findings.checked += 1;
        let Some(first) = faults.first() else { return };
        self.invalid.fetch_add(1, Ordering::Relaxed);
        findings.invalid += 1;
        findings.last = Some(Fault { error: in_a_line(first, faults.len() - 1), at });
    }
}

/// `/call_duration must be a number (and 2 more)`
fn in_a_line(first: &FieldError, more: usize) -> String {
    let place = if first.pointer.is_empty() { "data" } else { &first.pointer };
    let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    format!("{place} {}{more}", first.message)
}

/// Compiled schemas, the one that was needed last at the end. `None`: there is none, or none that
/// can be used.
#[derive(Debug, Default)]
struct Schemas {
    kept: VecDeque<(SchemaKey, Option<Arc<Schema>>)>,
    /// How often one was forgotten.
    generation: u64,
}

/// The account is `None` for what is built in.
type SchemaKey = (Option<AccountId>, EventType);

impl AppState {
    /// Empties the queue whenever something is in it, until the server closes.
    pub async fn keep_checking(&self) {
        let checking = async {
            loop {
                // Who comes while others are looked at wakes nobody.
                if self.checks.waiting.lock().checks.is_empty() {
                    self.checks.arrived.notified().await;
                }
                tokio::time::sleep(EMPTIED_EVERY).await;
                self.check_waiting().await;
            }
        };
        tokio::select! {
            () = self.closing() => {}
            () = checking => {}
        }
    }

    /// Looks at everything that waits now. What was published before is counted afterwards.
    ///
    /// Taken out one by one: a caller who hangs up leaves the rest where it is.
    pub async fn check_waiting(&self) {
        let _one_at_a_time = self.checks.emptying.lock().await;
        let count = self.checks.waiting.lock().checks.len();
        for _ in 0..count {
            let next = self.checks.waiting.lock().next();
            let Some((account, Check { event_type, data, at })) = next else { return };
            match self.schema_of(account, &event_type).await {
                Ok(Some(schema)) => {
                    let faults = faults_of(schema, data).await;
                    self.checks.found(account, &event_type, at, &faults);
                }
                Ok(None) => {}
                Err(error) => {
                    self.checks.unchecked.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%error, "data is not checked: its schema cannot be read");
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// What `reject` does before events are taken. Each has its place in the request.
    pub async fn refuse_invalid(
        &self,
        now: Timestamp,
        account: AccountId,
        events: &[ParsedEvent],
        place: impl Fn(usize) -> String,
    ) -> Result<(), ApiError> {
        let mut errors = Vec::new();
        for (position, event) in events.iter().enumerate() {
            let Some(schema) = self.schema_of(account, &event.event_type).await? else { continue };
            let faults = faults_of(schema, event.data.clone()).await;
            self.checks.found(account, &event.event_type, now, &faults);
            let place = place(position);
            errors.extend(faults.into_iter().map(|fault| fault.under(&place)));
            // A batch of a thousand must not keep a thread from everybody else.
            tokio::task::yield_now().await;
        }
        if errors.is_empty() {
            return Ok(());
        }
        let detail = match errors.as_slice() {
            [only] => only.to_string(),
            errors => format!("{} things do not match, see errors", errors.len()),
        };
        Err(ApiError { errors, ..ApiError::new(Code::DataDoesNotMatchSchema, detail) })
    }

    async fn schema_of(
        &self,
        account: AccountId,
        event_type: &EventType,
    ) -> Result<Option<Arc<Schema>>, StoreError> {
        let builtin = catalogue::builtin(event_type.as_str());
        let key = (builtin.is_none().then_some(account), event_type.clone());
        let generation = {
            let mut schemas = self.checks.schemas.lock();
            if let Some(at) = schemas.kept.iter().rposition(|(kept, _)| *kept == key) {
                let found = schemas.kept.remove(at).expect("it was just found");
                let schema = found.1.clone();
                schemas.kept.push_back(found);
                return Ok(schema);
            }
            schemas.generation
        };
        let text = match builtin {
            Some(builtin) => Some(builtin.schema.to_owned()),
            None => {
                let custom = self.store.custom_event_types(account).await?;
                let found = custom.into_iter().find(|custom| custom.name == *event_type);
                found.and_then(|custom| custom.schema)
            }
        };
        // One that was stored before there were bounds may not be usable now; it checks nothing.
        let schema = text.and_then(|text| Schema::compile(&text).ok()).map(Arc::new);
        let mut schemas = self.checks.schemas.lock();
        // Whoever changed it meanwhile has another one, which is read the next time.
        if schemas.generation == generation {
            schemas.kept.push_back((key, schema.clone()));
            if schemas.kept.len() > SCHEMAS_KEPT_MAX {
                schemas.kept.pop_front();
            }
        }
        Ok(schema)
    }
}

async fn faults_of(schema: Arc<Schema>, data: Arc<str>) -> Vec<FieldError> {
    if schema.cost(data.len()) <= COST_INLINE_MAX {
        return schema.faults(&data);
    }
    // Joined right here.
    let checking = tokio::task::spawn_blocking(move || schema.faults(&data));
    checking.await.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Vec::new(),
    })
}
