//! What happens to every request and every answer, whatever the route: an id, a count, a line in
//! the log, the headers that keep a browser from doing harm, and problems written out.

use std::any::Any;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::error::{ApiError, Code};
use crate::state::AppState;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_BYTES_MAX: usize = 64;

/// For answers that are not pages: a browser that is made to show one runs nothing in it.
const NOTHING: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");

/// Around everything else. Panics have become problems by the time an answer gets here.
pub async fn outermost(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let request_id = request_id_of(&request, &state);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);

    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let kept = std::mem::take(response.headers_mut());
        response = error.render(&request_id);
        for (name, value) in &kept {
            // `allow` comes from the router, which knows the methods; a length is the old body's.
            if name == header::ALLOW {
                response.headers_mut().insert(name, value.clone());
            }
        }
    }
    let status = response.status();
    let took = started.elapsed();
    state.metrics.count_request(&method, route, status, took);
    let duration_ms = took.as_millis();
    if status.is_server_error() {
        tracing::warn!(%method, route, status = status.as_u16(), request_id, duration_ms, "answered");
    } else {
        tracing::debug!(%method, route, status = status.as_u16(), request_id, duration_ms, "answered");
    }
    finish_headers(&mut response, &request_id);
    response
}

fn finish_headers(response: &mut Response, request_id: &str) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The caller's own, if it is harmless to repeat and to log; else a new one.
fn request_id_of(request: &Request<Body>, state: &AppState) -> String {
    let harmless = |text: &&str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (1..=REQUEST_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
    };
    let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    if let Some(given) = given.filter(harmless) {
        return given.to_owned();
    }
    let mut bytes = [0_u8; 12];
    state.entropy.fill(&mut bytes);
    hex::encode(bytes)
}

/// A panic in a handler ends that request only.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
pub fn answer_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&'static str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = what, "a handler panicked");
    ApiError::internal().into_response()
}

pub async fn no_such_route() -> ApiError {
    ApiError::new(Code::NotFound, "there is nothing at this address; see /docs")
}

pub async fn no_such_method() -> ApiError {
    ApiError::new(Code::MethodNotAllowed, "the header allow lists the methods this address takes")
}
