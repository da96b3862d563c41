//! The catalogue in forms that code is made from: OpenAPI and TypeScript, the account's own event
//! types included.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use posthaste_core::catalogue::{self, BuiltinEventType};
use posthaste_core::event_type::CustomEventType;
use posthaste_core::typescript;
use serde_json::Value;

use crate::auth::{Caller, Read};
use crate::error::ApiError;
use crate::event_document::{self, Described};
use crate::state::AppState;

/// What is built in, as the documents describe it.
pub fn described_builtins() -> Vec<Described<'static>> {
    catalogue::builtins().iter().chain(catalogue::operational()).map(of_builtin).collect()
}

fn of_builtin(builtin: &'static BuiltinEventType) -> Described<'static> {
    let BuiltinEventType { name, title, triggered, description, schema, sample, .. } = *builtin;
    Described {
        name,
        title,
        description: format!("{triggered}. {description}"),
        deprecated: false,
        schema: json(schema),
        sample: json(sample),
    }
}

fn of_custom(custom: &CustomEventType) -> Described<'_> {
    Described {
        name: custom.name.as_str(),
        title: custom.name.as_str(),
        description: custom.description.clone(),
        deprecated: custom.deprecated,
        schema: custom.schema.as_deref().and_then(json),
        sample: custom.sample.as_deref().and_then(json),
    }
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// Export event types as OpenAPI
///
/// An OpenAPI 3.1 document with a webhook for each event type: the headers and the whole body that
/// a receiver gets. The account's own event types are in it.
#[utoipa::path(get, path = "/v1/event-types.openapi.json", operation_id = "exportEventTypesAsOpenapi",
    tag = "Event types", security(("api_key" = ["read"])),
    responses((status = 200, body = Object, description = "An OpenAPI document")))]
pub async fn openapi(
    caller: Caller<Read>,
    State(state): State<AppState>,
) -> Result<impl IntoResponse, ApiError> {
    let custom = state.store.custom_event_types(caller.account).await?;
    let mut described = described_builtins();
    described.extend(custom.iter().map(of_custom));
    let file = [(header::CONTENT_DISPOSITION, r#"attachment; filename="events.openapi.json""#)];
    Ok((file, Json(event_document::document(described))))
}

/// Export event types as TypeScript
///
/// Declarations of each event's data and of the bodies that a receiver gets, told apart by `event`.
/// The account's own event types are in it.
#[utoipa::path(get, path = "/v1/event-types.d.ts", operation_id = "exportEventTypesAsTypescript",
    tag = "Event types", security(("api_key" = ["read"])),
    responses((status = 200, body = String, content_type = "text/plain", description = "TypeScript")))]
pub async fn typescript(
    caller: Caller<Read>,
    State(state): State<AppState>,
) -> Result<impl IntoResponse, ApiError> {
    let custom = state.store.custom_event_types(caller.account).await?;
    let mut described = described_builtins();
    described.extend(custom.iter().map(of_custom));
    let declared: Vec<typescript::Described<'_>> = described
        .iter()
        .map(|event_type| typescript::Described {
            name: event_type.name,
            description: &event_type.description,
            deprecated: event_type.deprecated,
            schema: event_type.schema.as_ref(),
        })
        .collect();
    let head = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_DISPOSITION, r#"attachment; filename="events.d.ts""#),
    ];
    Ok((head, typescript::declarations(&declared)))
}
