//! A powerlist as a file: written page by page, so that a million contacts take no more memory than
//! a page of them.

use std::collections::HashSet;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use futures_util::stream::unfold;
use posthaste_core::audit::AuditAction;
use posthaste_core::contact::Powerlist;
use posthaste_core::contact_sheet::{FIXED_COLUMNS, write_contact, write_heading};
use posthaste_core::id::AccountId;
use posthaste_core::limits::{IMPORT_COLUMNS_MAX, PAGE_LIMIT_MAX};
use posthaste_core::page::{Cursor, PageRequest};
use posthaste_core::store::{ContactFilter, StoreError};

use super::powerlists;
use crate::audit::{Changed, Record};
use crate::auth::{Caller, Read};
use crate::error::ApiError;
use crate::extract::Segment;
use crate::state::AppState;

/// Get the contacts of a powerlist as a file
///
/// In UTF-8, with a heading, the newest contact first. What a spreadsheet would run as a formula
/// has a `'` in front, which an import takes off again.
#[utoipa::path(get, path = "/v1/powerlists/{id}/contacts.csv", operation_id = "exportContacts",
    tag = "Contacts", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "`pl_…`")),
    responses((status = 200, body = String, content_type = "text/csv")))]
pub async fn export(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<impl IntoResponse, ApiError> {
    let list = powerlists::find(&state, caller.account, &id).await?;
    let custom = custom_names(&state, caller.account, &list).await?;
    let record = Record::about(AuditAction::ContactsExported, &list);
    state.change(caller.by, async move { Ok(Changed::and((), record)) }).await?;
    let mut heading = String::new();
    write_heading(&mut heading, &custom);
    let file_name = file_name(&list.name);
    let written = Written {
        state,
        account: caller.account,
        list,
        custom,
        heading: Some(heading),
        next: Some(first_page()),
    };
    let pieces = unfold(written, async |mut written| {
        let piece = written.next().await?;
        Some((piece, written))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file_name}\"")),
    ];
    Ok((headers, Body::from_stream(pieces)))
}

fn first_page() -> PageRequest {
    PageRequest { limit: PAGE_LIMIT_MAX, cursor: None }
}

fn after(cursor: Option<Cursor>) -> Option<PageRequest> {
    cursor.map(|cursor| PageRequest { cursor: Some(cursor), ..first_page() })
}

/// Every custom field that one of the contacts has: the heading stands before all of them.
async fn custom_names(
    state: &AppState,
    account: AccountId,
    list: &Powerlist,
) -> Result<Vec<String>, ApiError> {
    let mut names: Vec<String> = Vec::new();
    let mut known: HashSet<String> = HashSet::new();
    let mut next = Some(first_page());
    while let Some(page) = next {
        let filter = ContactFilter::default();
        let found = state.store.list_contacts(account, list.id, &filter, page).await?;
        for contact in found.items {
            for name in contact.fields.custom.keys() {
                if !known.contains(name) {
                    known.insert(name.clone());
                    names.push(name.clone());
                }
            }
        }
        if names.len() > IMPORT_COLUMNS_MAX - FIXED_COLUMNS {
            let columns_max = IMPORT_COLUMNS_MAX - FIXED_COLUMNS;
            let message = format!("the contacts have more than {columns_max} custom fields");
            return Err(ApiError::invalid("", message));
        }
        next = after(found.next);
    }
    Ok(names)
}

/// A file on its way out.
struct Written {
    state: AppState,
    account: AccountId,
    list: Powerlist,
    custom: Vec<String>,
    heading: Option<String>,
    next: Option<PageRequest>,
}

impl Written {
    /// What is to be written next; `None` at the end. An error breaks the connection off, so that
    /// nobody takes what came for the whole.
    async fn next(&mut self) -> Option<Result<Bytes, StoreError>> {
        if let Some(heading) = self.heading.take() {
            return Some(Ok(heading.into()));
        }
        let filter = ContactFilter::default();
        let page = self.next.take()?;
        let found = self.state.store.list_contacts(self.account, self.list.id, &filter, page).await;
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, powerlist.id = %self.list.id, "an export broke off");
                return Some(Err(error));
            }
        };
        self.next = after(found.next);
        let mut rows = String::new();
        for contact in &found.items {
            write_contact(&mut rows, contact, &self.custom);
        }
        Some(Ok(rows.into()))
    }
}

/// The list's name without what a header or a file system would stumble over.
fn file_name(name: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() { char } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let name = name.trim_matches('-');
    format!("{}.csv", if name.is_empty() { "contacts" } else { name })
}
