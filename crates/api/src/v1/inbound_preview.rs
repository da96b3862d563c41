//! What a mapping would make of a request: of the last real one, of one that was kept, or of a body
//! that somebody pasted. Nothing is changed.

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use posthaste_core::contact::{ContactEdit, ContactFields, TextField};
use posthaste_core::error::{FieldError, Invalid};
use posthaste_core::id::RequestId;
use posthaste_core::inbound::meaning::Meaning;
use posthaste_core::inbound::reading::Sent;
use posthaste_core::inbound::{InboundOperation, InboundWebhook, ReceivedRequest};
use posthaste_core::page::PageRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::inbound_requests::{errors_json, find_request};
use super::inbound_webhooks::{find, with_mapping};
use super::webhooks::PairsJson;
use crate::auth::{Caller, Read};
use crate::error::{ApiError, Problem, ProblemField};
use crate::extract::{OptionalJson, Segment, given};
use crate::receiving::{understand, values_of};
use crate::state::AppState;

/// Of a value that is shown to choose from.
const SAMPLE_CHARS_MAX: usize = 200;

/// What to look at. Everything can be left out: then it is the last request that really came.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schema(as = NewPreview)]
pub struct PreviewBody {
    /// In place of the webhook's own.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>, nullable = false)]
    mapping: Option<PairsJson>,
    /// `contact` or `contact.delete`; the request's own endpoint, or the webhook's first, if left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    event: Option<String>,
    /// A request that was kept.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    request_id: Option<String>,
    /// Of `body`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "application/x-www-form-urlencoded")]
    content_type: Option<String>,
    /// In place of a request that came.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    body: Option<String>,
    /// Behind the `?`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    query: Option<String>,
}

/// What a request would come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    /// The request that was looked at; null for a body that was sent along, or if none came yet.
    #[schema(required)]
    request_id: Option<String>,
    /// Every field that such a request can have.
    fields: Vec<PreviewField>,
    custom_fields: Vec<PreviewCustom>,
    /// Everything that the request says, to choose from.
    values: Vec<PreviewValue>,
    errors: Vec<ProblemField>,
    /// The contact that would be made, if there is none with that number yet.
    #[schema(required)]
    contact: Option<Map<String, Value>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewField {
    #[schema(example = "phone_number")]
    field: &'static str,
    /// Where in the request it is; null if it is not there.
    #[schema(required)]
    path: Option<String>,
    /// As it was sent.
    #[schema(required)]
    from: Option<String>,
    /// As it would be kept.
    #[schema(required)]
    value: Option<Value>,
    #[schema(required)]
    error: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewCustom {
    name: String,
    path: String,
    value: Value,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewValue {
    path: String,
    sample: String,
}

/// Preview a mapping
#[utoipa::path(post, path = "/v1/webhooks/{id}/preview", operation_id = "previewMapping", tag = "Inbound",
    security(("api_key" = ["read"])), params(("id" = String, Path, description = "`wh_…`")),
    request_body = Option<PreviewBody>, responses((status = 200, body = Preview),
        (status = 409, description = "wrong_direction", body = Problem, content_type = "application/problem+json")))]
pub async fn preview(
    caller: Caller<Read>,
    State(state): State<AppState>,
    id: Segment,
    OptionalJson(body): OptionalJson<PreviewBody>,
) -> Result<Json<Preview>, ApiError> {
    let webhook = find(&state, caller.account, &id).await?;
    let named = body.event.as_deref().map(|event| {
        let unknown = || ApiError::invalid("/event", "must be contact or contact.delete");
        InboundOperation::of_event(event).ok_or_else(unknown)
    });
    let named = named.transpose()?;
    let settings = match body.mapping {
        Some(mapping) => with_mapping(&webhook.settings, &mapping)?,
        None => webhook.settings.clone(),
    };
    let looked_at = if body.body.is_some() || body.query.is_some() || body.content_type.is_some() {
        Some((None, pasted(&webhook, body.content_type, body.body, body.query)))
    } else if let Some(request) = body.request_id {
        let request = Segment(request);
        let request = find_request(&state, caller.account, webhook.id, &request).await?;
        Some((Some(request.id), request.received))
    } else {
        last_real(&state, &webhook).await?
    };
    let Some((request_id, received)) = looked_at else { return Ok(Json(Preview::of_nothing())) };
    let operation = named.unwrap_or(received.operation);
    let request_id = request_id.map(|id| id.to_string());
    let values = match values_of(&received) {
        Ok(values) => values,
        Err(invalid) => return Ok(Json(Preview::unread(request_id, &[], &invalid))),
    };
    let meant = understand(&state, caller.account, &settings, operation, &values).await?;
    Ok(Json(match meant {
        Ok(meaning) => Preview::of(request_id, &values, meaning),
        Err(invalid) => Preview::unread(request_id, &values, &invalid),
    }))
}

/// As if a body had been posted. It is kept nowhere.
fn pasted(
    webhook: &InboundWebhook,
    content_type: Option<String>,
    body: Option<String>,
    query: Option<String>,
) -> ReceivedRequest {
    let first = webhook.settings.operations.first();
    ReceivedRequest {
        account_id: webhook.account_id,
        webhook_id: webhook.id,
        operation: first.copied().unwrap_or(InboundOperation::Contact),
        received_at: webhook.created_at,
        remote_address: None,
        headers: content_type.map(|text| ("content-type".to_owned(), text)).into_iter().collect(),
        query: query.unwrap_or_default(),
        body: Bytes::from(body.unwrap_or_default()),
        replay_of: None,
        hops: 0,
    }
}

async fn last_real(
    state: &AppState,
    webhook: &InboundWebhook,
) -> Result<Option<(Option<RequestId>, ReceivedRequest)>, ApiError> {
    let page = PageRequest { limit: 1, cursor: None };
    let account = webhook.account_id;
    let found = state.store.list_inbound_requests(account, webhook.id, None, page).await?;
    let last = found.items.into_iter().next();
    Ok(last.map(|request| (Some(request.id), request.received)))
}

impl Preview {
    fn of_nothing() -> Preview {
        Preview {
            request_id: None,
            fields: Vec::new(),
            custom_fields: Vec::new(),
            values: Vec::new(),
            errors: Vec::new(),
            contact: None,
        }
    }

    /// Of a request that cannot be read, or does not say for which list it is.
    fn unread(request_id: Option<String>, values: &[Sent], invalid: &Invalid) -> Preview {
        Preview {
            request_id,
            values: values_json(values),
            errors: errors_json(&invalid.errors),
            ..Preview::of_nothing()
        }
    }

    fn of(request_id: Option<String>, values: &[Sent], meaning: Meaning) -> Preview {
        let mut errors: Vec<FieldError> = meaning.errors;
        let contact = match meaning.edit {
            Some(ContactEdit::Upsert { phone_number, patch, .. }) => {
                match patch.create(phone_number) {
                    Ok(fields) => Some(contact_json(&fields)),
                    Err(invalid) => {
                        errors.extend(invalid.errors);
                        None
                    }
                }
            }
            _ => None,
        };
        let fields = meaning.fields.into_iter().map(|field| PreviewField {
            field: field.field.as_str(),
            path: field.path,
            from: field.from,
            value: field.value,
            error: field.error,
        });
        let custom = meaning.custom.into_iter().map(|custom| PreviewCustom {
            name: custom.name,
            path: custom.path,
            value: custom.value,
        });
        Preview {
            request_id,
            fields: fields.collect(),
            custom_fields: custom.collect(),
            values: values_json(values),
            errors: errors_json(&errors),
            contact,
        }
    }
}

fn values_json(values: &[Sent]) -> Vec<PreviewValue> {
    let sample = |sent: &Sent| sent.text().chars().take(SAMPLE_CHARS_MAX).collect();
    let json = |sent: &Sent| PreviewValue { path: sent.path.clone(), sample: sample(sent) };
    values.iter().map(json).collect()
}

/// The members of a contact that a request can say something about.
fn contact_json(fields: &ContactFields) -> Map<String, Value> {
    let mut contact = Map::new();
    contact.insert("phone_number".to_owned(), json!(fields.phone_number.as_str()));
    for field in TextField::ALL {
        contact.insert(field.as_str().to_owned(), json!(fields.texts.get(&field)));
    }
    contact.insert("tags".to_owned(), json!(fields.tags));
    contact.insert("consent".to_owned(), json!(fields.consent));
    contact.insert("dnd".to_owned(), json!(fields.dnd));
    contact.insert("custom_fields".to_owned(), Value::Object(fields.custom.clone()));
    contact
}
