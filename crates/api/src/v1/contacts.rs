//! The contacts of a powerlist: looked for, added, changed and deleted one by one.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use posthaste_core::audit::AuditAction;
use posthaste_core::contact::{
    Contact, ContactEdit, ContactKey, ContactSource, DeleteReason, Edited, OnExisting,
};
use posthaste_core::error::{Complaints, Invalid};
use posthaste_core::id::{AccountId, ContactId};
use posthaste_core::limits::TAG_CHARS_MAX;
use posthaste_core::page::PageRequest;
use posthaste_core::store::{ContactFilter, Origin};
use serde::Deserialize;
use utoipa::IntoParams;

use super::List;
use super::contact_body::{ContactBody, ContactJson};
use super::powerlists;
use crate::audit::{Changed, Record};
use crate::auth::{Caller, Read, Who, Write};
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Json as JsonBody, Parameters, Segment};
use crate::state::AppState;

const SEARCH_CHARS_MAX: usize = 200;
/// What the API and the dashboard change.
const ORIGIN: Origin = Origin { source: ContactSource::Api, raise_events: true, hops: 0 };

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ContactsQuery {
    /// Beginnings of words of the name, e-mail address, city or tags, or digits of the number.
    #[param(max_length = 200)]
    q: Option<String>,
    /// With this tag.
    #[param(min_length = 1, max_length = 100)]
    tag: Option<String>,
    /// 1 to 200; 50 if left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    #[param(min_length = 1)]
    cursor: Option<String>,
}

impl ContactsQuery {
    fn parse(self) -> Result<(ContactFilter, PageRequest), Invalid> {
        let mut wrong = Complaints::default();
        let search = self.q.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        for (pointer, text, chars_max) in
            [("/q", &search, SEARCH_CHARS_MAX), ("/tag", &self.tag, TAG_CHARS_MAX)]
        {
            if text.as_ref().is_some_and(|text| text.chars().count() > chars_max) {
                wrong.add(pointer, format!("has more than {chars_max} characters"));
            }
        }
        let page = PageRequest::parse(self.limit.as_deref(), self.cursor.as_deref());
        let page = wrong.check("", page);
        wrong.finish()?;
        let filter = ContactFilter { search, tag: self.tag };
        Ok((filter, page.expect("complaints would have been returned")))
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeleteQuery {
    /// What the event says: `user`, `api`, `disposition`, `gdpr` or `opt_out`. Left out: `user` for
    /// somebody who signed in, `api` for a key.
    reason: Option<String>,
}

fn not_found() -> ApiError {
    ApiError::not_found("contact")
}

async fn find(state: &AppState, account: AccountId, id: &Segment) -> Result<Contact, ApiError> {
    let id: ContactId = id.id("contact")?;
    state.store.contact(account, id).await?.ok_or_else(not_found)
}

/// Makes one change.
async fn edit(state: &AppState, account: AccountId, edit: ContactEdit) -> Result<Edited, ApiError> {
    let edited = state.store.edit_contacts(state.now(), account, vec![edit], ORIGIN).await?;
    state.contacts_changed.notify_one();
    edited.into_iter().next().ok_or_else(ApiError::internal)
}

/// The contact after a change that leaves one.
async fn after(state: &AppState, account: AccountId, edited: Edited) -> Result<Contact, ApiError> {
    match edited {
        Edited::Created(contact) | Edited::Updated(contact) => Ok(contact),
        Edited::Unchanged(id) => state.store.contact(account, id).await?.ok_or_else(not_found),
        Edited::Missing => Err(not_found()),
        Edited::NoSuchList => Err(powerlists::not_found()),
        Edited::NumberTaken => {
            let detail = "another contact of the list has that phone number";
            Err(ApiError::new(Code::Taken, detail))
        }
        Edited::Refused(invalid) => Err(invalid.into()),
        Edited::Deleted(_) | Edited::Several(_) => Err(ApiError::internal()),
    }
}

/// List contacts
#[utoipa::path(get, path = "/v1/powerlists/{id}/contacts", operation_id = "listContacts",
    tag = "Contacts", security(("api_key" = ["read"])),
    params(("id" = String, Path, description = "`pl_…`"), ContactsQuery),
    responses((status = 200, body = List<ContactJson>)))]
pub async fn list(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
    Parameters(query): Parameters<ContactsQuery>,
) -> Result<Json<List<ContactJson>>, ApiError> {
    let (filter, page) = query.parse()?;
    let list = powerlists::find(&state, caller.account, &id).await?;
    let found = state.store.list_contacts(caller.account, list.id, &filter, page).await?;
    Ok(Json(found.map(ContactJson::from).into()))
}

/// Add a contact, or change the one with that phone number
#[utoipa::path(post, path = "/v1/powerlists/{id}/contacts", operation_id = "upsertContact",
    tag = "Contacts", security(("api_key" = ["write"])),
    params(("id" = String, Path, description = "`pl_…`")), request_body = ContactBody,
    responses((status = 200, body = ContactJson, description = "It was there"),
        (status = 201, body = ContactJson, description = "It is new")))]
pub async fn upsert(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
    JsonBody(body): JsonBody<ContactBody>,
) -> Result<Response, ApiError> {
    let list = powerlists::find(&state, caller.account, &id).await?;
    let mut patch = body.parse(list.default_country)?;
    let number = patch.phone_number.take();
    let phone_number = number.ok_or_else(|| Invalid::at("/phone_number", "is required"))?;
    let powerlist_id = list.id;
    let on_existing = OnExisting::Update;
    let upsert = ContactEdit::Upsert { powerlist_id, phone_number, patch, on_existing };
    let edited = edit(&state, caller.account, upsert).await?;
    let is_new = matches!(edited, Edited::Created(_));
    let contact = after(&state, caller.account, edited).await?;
    let location = [(header::LOCATION, format!("/v1/contacts/{}", contact.id))];
    let answer = Json(ContactJson::from(contact));
    Ok(if is_new {
        (StatusCode::CREATED, location, answer).into_response()
    } else {
        answer.into_response()
    })
}

/// Show a contact
#[utoipa::path(get, path = "/v1/contacts/{id}", operation_id = "showContact", tag = "Contacts",
    security(("api_key" = ["read"])), params(("id" = String, Path, description = "`ct_…`")),
    responses((status = 200, body = ContactJson)))]
pub async fn show(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
) -> Result<Json<ContactJson>, ApiError> {
    Ok(Json(find(&state, caller.account, &id).await?.into()))
}

/// Change a contact
#[utoipa::path(patch, path = "/v1/contacts/{id}", operation_id = "changeContact", tag = "Contacts",
    security(("api_key" = ["write"])), params(("id" = String, Path, description = "`ct_…`")),
    request_body = ContactBody,
    responses((status = 200, body = ContactJson), (status = 409, description = "taken",
            body = Problem, content_type = "application/problem+json")))]
pub async fn change(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
    JsonBody(body): JsonBody<ContactBody>,
) -> Result<Json<ContactJson>, ApiError> {
    let contact = find(&state, caller.account, &id).await?;
    let list = state.store.powerlist(caller.account, contact.powerlist_id).await?;
    let patch = body.parse(list.ok_or_else(not_found)?.default_country)?;
    let edited =
        edit(&state, caller.account, ContactEdit::Change { id: contact.id, patch }).await?;
    Ok(Json(after(&state, caller.account, edited).await?.into()))
}

/// Delete a contact
#[utoipa::path(delete, path = "/v1/contacts/{id}", operation_id = "deleteContact",
    tag = "Contacts", security(("api_key" = ["write"])),
    params(("id" = String, Path, description = "`ct_…`"), DeleteQuery),
    responses((status = 204, description = "Deleted")))]
pub async fn delete(
    caller: Caller<Write>,
    State(state): State<AppState>,
    id: Segment,
    Parameters(query): Parameters<DeleteQuery>,
) -> Result<StatusCode, ApiError> {
    let id: ContactId = id.id("contact")?;
    let reason = match (query.reason.as_deref().map(DeleteReason::parse), caller.by.who) {
        (Some(Some(reason)), _) => reason,
        (Some(None), _) => {
            let words = DeleteReason::ALL.map(DeleteReason::as_str).join(", ");
            return Err(ApiError::invalid("/reason", format!("must be one of {words}")));
        }
        (None, Who::User(_)) => DeleteReason::User,
        (None, _) => DeleteReason::Api,
    };
    let shared = state.clone();
    state
        .change(caller.by, async move {
            let delete = ContactEdit::Delete { contact: ContactKey::Id(id, None), reason };
            match edit(&shared, caller.account, delete).await? {
                Edited::Deleted(contact) => {
                    let record = Record::about(AuditAction::ContactDeleted, &contact);
                    Ok(Changed::and(StatusCode::NO_CONTENT, record))
                }
                _ => Err(not_found()),
            }
        })
        .await
}
