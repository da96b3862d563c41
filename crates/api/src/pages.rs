//! The pages for people, until the dashboard is there: a start page and the API's documentation.
//! All of it is in the binary, so it works without the internet.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::layers;
use crate::state::AppState;

/// Only what the page itself brings along: one style sheet.
pub const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Swagger UI writes style attributes, and shows icons as data URLs. Scripts come from us only.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

const START_PAGE: &str = include_str!("../assets/start.html");
const STYLE: &str = include_str!("../assets/style.css");
const ICON: &str = include_str!("../assets/icon.svg");
/// Put into the start page of a server that has a test inbox, in place of a comment.
const INBOX_LINK: &str = "<a href=\"/inbox\">Test inbox</a>";
const INBOX_CARD: &str = "<li class=\"card\"><h2><a href=\"/inbox\">Test inbox</a></h2>\n\
                          <p>Receives events itself, and shows what a receiver would get.</p></li>";

pub fn router(document: &utoipa::openapi::OpenApi) -> Router<AppState> {
    let json = document.to_pretty_json().expect("the document has only texts and numbers");
    let json = Bytes::from(json);
    let openapi = move || async move { ([(header::CONTENT_TYPE, "application/json")], json) };
    let docs = SwaggerUi::new("/docs").config(Config::from("/openapi.json"));
    let docs = Router::from(docs).layer(middleware::from_fn(allow_swagger_ui));
    Router::new()
        .route("/", get(start))
        .route("/style.css", get(style))
        .route("/icon.svg", get(icon))
        .route("/openapi.json", get(openapi))
        .merge(docs)
}

async fn start(State(state): State<AppState>) -> Response {
    let (link, card) = match state.inbox {
        Some(_) => (INBOX_LINK, INBOX_CARD),
        None => ("", ""),
    };
    let page = START_PAGE
        .replace("<!-- inbox link -->", link)
        .replace("<!-- inbox card -->", card)
        .replace("<!-- version -->", env!("CARGO_PKG_VERSION"));
    ([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], Html(page)).into_response()
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

async fn icon() -> Response {
    ([(header::CONTENT_TYPE, "image/svg+xml")], ICON).into_response()
}

async fn allow_swagger_ui(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status() == StatusCode::NOT_FOUND {
        return layers::no_such_route().await.into_response();
    }
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, DOCS_POLICY);
    response
}
