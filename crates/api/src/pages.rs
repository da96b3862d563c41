//! The API's description: the OpenAPI document, and pages to read it in. All of it is in the binary,
//! so it works without the internet.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use serde_json::Value;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::layers;
use crate::state::AppState;

/// Swagger UI writes style attributes, and shows icons as data URLs. Scripts come from us only.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

pub fn router(document: Value) -> Router<AppState> {
    let json = serde_json::to_string_pretty(&document).expect("a value can be written");
    drop(document);
    let json = Bytes::from(json);
    let openapi = move || async move { ([(header::CONTENT_TYPE, "application/json")], json) };
    let docs = SwaggerUi::new("/docs").config(Config::from("/openapi.json"));
    let docs = Router::from(docs).layer(middleware::from_fn(allow_swagger_ui));
    Router::new().route("/openapi.json", get(openapi)).merge(docs)
}

async fn allow_swagger_ui(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status() == StatusCode::NOT_FOUND {
        return layers::no_such_route().await.into_response();
    }
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, DOCS_POLICY);
    response
}
