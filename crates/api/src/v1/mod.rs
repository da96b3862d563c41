//! `/v1`: one file per resource, each with its JSON, its rules of reading and its handlers.

mod accounts;
mod any_webhook;
mod api_keys;
mod audit_log;
mod contact_body;
mod contacts;
mod deliveries;
mod endpoints;
pub mod event_body;
mod event_text;
mod event_types;
pub mod event_types_export;
pub mod events;
mod export;
pub mod imports;
mod inbound_preview;
mod inbound_requests;
mod inbound_token;
pub mod inbound_webhooks;
mod inbox;
pub mod jobs;
mod names;
pub mod powerlists;
mod secrets;
mod server;
mod session;
mod stats;
pub mod stream;
mod users;
pub mod webhooks;

use posthaste_core::page::{Cursor, Page};
use posthaste_core::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(events::publish, events::list))
        .routes(routes!(events::publish_batch))
        .routes(routes!(events::show))
        .routes(routes!(deliveries::list_of_event))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::show, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::pause))
        .routes(routes!(webhooks::resume))
        .routes(routes!(webhooks::test))
        .routes(routes!(endpoints::show))
        .routes(routes!(secrets::show))
        .routes(routes!(secrets::rotate))
        .routes(routes!(inbound_token::rotate_token))
        .routes(routes!(inbound_requests::list))
        .routes(routes!(inbound_requests::show))
        .routes(routes!(inbound_requests::replay))
        .routes(routes!(inbound_preview::preview))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::show))
        .routes(routes!(deliveries::retry))
        .routes(routes!(deliveries::cancel))
        .routes(routes!(stream::stream))
        .routes(routes!(stats::show))
        .routes(routes!(event_types::list, event_types::create))
        .routes(routes!(event_types::show, event_types::put, event_types::delete))
        .routes(routes!(powerlists::list, powerlists::create))
        .routes(routes!(powerlists::show, powerlists::change, powerlists::delete))
        .routes(routes!(contacts::list, contacts::upsert))
        .routes(routes!(contacts::show, contacts::change, contacts::delete))
        .routes(routes!(export::export))
        .routes(routes!(imports::preview))
        .routes(routes!(imports::create))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::show))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::skipped))
        .routes(routes!(jobs::skipped_csv))
        .routes(routes!(event_types_export::openapi))
        .routes(routes!(event_types_export::typescript))
        .routes(routes!(session::show, session::sign_in, session::sign_out))
        .routes(routes!(session::sign_in_by_link))
        .routes(routes!(session::set_password))
        .routes(routes!(users::list, users::invite))
        .routes(routes!(users::show, users::change, users::delete))
        .routes(routes!(users::make_link))
        .routes(routes!(audit_log::list))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::delete))
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::show, accounts::change))
        .routes(routes!(inbox::list, inbox::clear))
        .routes(routes!(inbox::show_answer, inbox::set_answer))
        .routes(routes!(server::show))
}

/// One page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    data: Vec<T>,
    /// Send it as `cursor` for the next page; null on the last one. A page can be short, even
    /// empty, and still have a next one.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl<T> From<Page<T>> for List<T> {
    fn from(page: Page<T>) -> List<T> {
        List { data: page.items, next_cursor: page.next.map(Cursor::encode) }
    }
}

fn text_of(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}
