//! The HTTP API: requests in, calls to the store and the engine, answers out. [`router`] is the
//! table of contents; [`Api`] stands in front of it.
//!
//! Nothing is decided here that `core` could decide: handlers parse, ask and write down. What they
//! share is in [`state`]; how errors are answered, only in [`error`].

#![expect(unused_qualifications, reason = "what utoipa writes for `params(…)` has them")]

mod audit;
pub mod auth;
mod checks;
mod cookie;
pub mod dashboard;
pub mod error;
mod event_document;
mod extract;
mod front;
mod health;
mod import_runner;
pub mod inbound_hooks;
pub mod inbox;
mod layers;
mod metrics;
mod openapi;
mod pages;
mod passwords;
pub mod raiser;
mod receiving;
mod schema;
pub mod state;
mod v1;

use axum::routing::put;
use axum::{Extension, Router, middleware};
use serde_json::Value;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use crate::dashboard::Dashboard;
pub use crate::front::{AnswerBody, Api};
pub use crate::import_runner::run_imports;
pub use crate::inbox::Inbox;
pub use crate::schema::check as check_schema;
pub use crate::state::{AppState, Parts, Settings};

/// The routes of everything the server answers. Those that take events are here too, for who asks
/// which methods their addresses know and for the document; [`Api`] answers them itself.
fn router(state: AppState, dashboard: Dashboard) -> Router {
    let (api, document) = described().split_for_parts();
    let mut router = api.merge(pages::router(complete(document)));
    if state.inbox.is_some() {
        router = router.merge(inbox::router());
    }
    router
        .fallback(dashboard::file_or_page)
        .method_not_allowed_fallback(layers::no_such_method)
        .layer(Extension(dashboard))
        .layer(middleware::from_fn(layers::around_handler))
        .with_state(state)
}

/// The OpenAPI document of all that is promised. The repository's `openapi.json` is this.
pub fn openapi_document() -> Value {
    complete(described().into_openapi())
}

fn complete(mut document: utoipa::openapi::OpenApi) -> Value {
    openapi::complete(&mut document);
    let mut document = serde_json::to_value(document).expect("texts and numbers only");
    event_document::add(&mut document, v1::event_types_export::described_builtins());
    document
}

/// The routes that the OpenAPI document describes. What is not here (the dashboard, the test inbox)
/// is not promised.
fn described() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::Head::openapi())
        .merge(v1::router())
        .routes(routes!(receiving::contact))
        .routes(routes!(receiving::contact_delete))
        // Some senders know no other method that carries a body.
        .route("/in/{token}/contact", put(receiving::contact))
        .route("/in/{token}/contact-delete", put(receiving::contact_delete))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}
