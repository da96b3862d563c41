//! Raises the events of changed contacts. A change leaves a note in the transaction that makes it;
//! here each note becomes an accepted event, and is taken away after that. Whatever happens in
//! between, the event is accepted once: under an idempotency key made of the note.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::try_join_all;
use posthaste_core::attempt::Trigger;
use posthaste_core::event::{Idempotency, NewEvent};
use posthaste_core::id::PowerlistId;
use posthaste_core::limits::FAN_OUT_MAX;
use posthaste_core::store::{Accept, Accepted, ContactEvent, StoreError};
use sha2::{Digest, Sha256};

use crate::error::ApiError;
use crate::state::AppState;

/// Events accepted at a time: they share a commit.
const BATCH: usize = 500;
/// How long after a fault it is tried again.
const AFTER_FAULT: Duration = Duration::from_secs(1);
/// In case that nobody said so: notes are looked for at least this often.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Raises events until `stop`: what lies there from before the start first, then after each change.
pub async fn raise_contact_events(state: AppState, stop: impl Future<Output = ()>) {
    let mut stop = pin!(stop);
    let mut was_well = true;
    loop {
        // Before looking: what comes after the look is heard of.
        let changed = state.contacts_changed.notified();
        let wait = tokio::select! {
            () = &mut stop => return,
            raised = raise_all(&state) => match raised {
                Ok(()) => {
                    was_well = true;
                    LOOK_EVERY
                }
                Err(error) => {
                    // Once, not every second.
                    if std::mem::take(&mut was_well) {
                        tracing::error!(error.code = error.code.as_str(), "contact events wait: they cannot be raised");
                    }
                    AFTER_FAULT
                }
            },
        };
        let after_fault = tokio::time::sleep(wait);
        tokio::select! {
            () = &mut stop => return,
            () = after_fault => {}
            () = changed, if was_well => {}
        }
    }
}

async fn raise_all(state: &AppState) -> Result<(), ApiError> {
    loop {
        let notes = state.store.contact_events(BATCH).await?;
        let Some(last) = notes.last().map(|note| note.note) else { return Ok(()) };
        raise(state, &notes).await?;
        state.store.contact_events_raised(last).await?;
    }
}

/// Accepts the events of these notes, in their order.
pub async fn raise(state: &AppState, notes: &[ContactEvent]) -> Result<(), ApiError> {
    state.engine.admit().await?;
    let mut names: HashMap<PowerlistId, Option<String>> = HashMap::new();
    let mut accepts = Vec::with_capacity(notes.len());
    for note in notes {
        let name = list_name(state, note, &mut names).await?;
        accepts.extend(accept_of(state, note, name.as_deref()));
    }
    let now = state.now();
    // Polled in order, and a store takes what comes together in the order in which it came.
    let accepted =
        try_join_all(accepts.into_iter().map(|accept| state.store.accept(now, accept))).await?;
    for accepted in accepted {
        match accepted {
            Accepted::New(receipts) => {
                let metrics = &state.metrics;
                let deliveries: usize = receipts.iter().map(|receipt| receipt.deliveries).sum();
                metrics.events_accepted.fetch_add(receipts.len() as u64, Ordering::Relaxed);
                metrics.deliveries_promised.fetch_add(deliveries as u64, Ordering::Relaxed);
            }
            // Raised before, by a process that did not come to take the note away.
            Accepted::Repeated(_) => {}
            Accepted::KeyReused => {
                tracing::error!("the event of a contact was not raised: its key is another's");
            }
        }
    }
    Ok(())
}

async fn list_name(
    state: &AppState,
    note: &ContactEvent,
    names: &mut HashMap<PowerlistId, Option<String>>,
) -> Result<Option<String>, StoreError> {
    let Some(list) = note.powerlist_id() else { return Ok(None) };
    if let Some(known) = names.get(&list) {
        return Ok(known.clone());
    }
    let name = state.store.powerlist(note.account_id, list).await?.map(|list| list.name);
    names.insert(list, name.clone());
    Ok(name)
}

/// `None` where nothing can be raised: then it never could be, and the others must not wait for it.
fn accept_of(state: &AppState, note: &ContactEvent, list_name: Option<&str>) -> Option<Accept> {
    let raised = match note.raise(list_name) {
        Ok(raised) => raised?,
        Err(invalid) => {
            tracing::error!(note = note.note, error = %invalid, "a contact cannot be told of");
            return None;
        }
    };
    let list = Some(raised.powerlist_id);
    let targets = state.directory.targets(note.account_id, &raised.event_type, list);
    if targets.len() > FAN_OUT_MAX {
        tracing::error!(note = note.note, targets = targets.len(), "too many want to be told");
        return None;
    }
    let event = NewEvent {
        event_type: raised.event_type,
        timestamp: note.at,
        powerlist_id: list,
        data: raised.data,
        trigger: Trigger::Event,
        hops: note.hops,
        targets,
    };
    let idempotency = Some(key_of(note));
    Some(Accept { account_id: note.account_id, events: vec![event], idempotency })
}

/// Of the note alone: by the time it is tried again, the list may have another name.
fn key_of(note: &ContactEvent) -> Idempotency {
    let hash: [u8; 32] = Sha256::new()
        .chain_update(b"contact-event\0")
        .chain_update(note.note.to_be_bytes())
        .finalize()
        .into();
    Idempotency { key_hash: hash, request_hash: hash }
}
