//! What happens to every request and every answer, whatever the route: the id, the line in the log
//! and the headers that [`crate::front`] gives them, and what the router adds around its handlers.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use posthaste_core::time::Entropy;

use crate::error::{ApiError, Code};
use crate::front::caught;
use crate::metrics::Took;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_BYTES_MAX: usize = 64;
const REQUEST_ID_RANDOM_BYTES: usize = 12;

/// For answers that are not pages: a browser that is made to show one runs nothing in it.
const NOTHING: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");

/// What one request is called in its answer and in the log. Visible ASCII.
#[derive(Debug)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The caller's own, if it is harmless to repeat and to log; else a new one.
    pub fn of(headers: &HeaderMap, entropy: &dyn Entropy) -> RequestId {
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        let is_harmless = |given: &&HeaderValue| {
            (1..=REQUEST_ID_BYTES_MAX).contains(&given.len())
                && given.as_bytes().iter().all(allowed)
        };
        if let Some(given) = headers.get(&REQUEST_ID).filter(is_harmless) {
            return RequestId(given.clone());
        }
        let mut random = [0_u8; REQUEST_ID_RANDOM_BYTES];
        entropy.fill(&mut random);
        let mut digits = [0_u8; 2 * REQUEST_ID_RANDOM_BYTES];
        hex::encode_to_slice(random, &mut digits).expect("two digits for each byte");
        RequestId(HeaderValue::from_bytes(&digits).expect("digits are visible"))
    }

    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("only visible ASCII was taken")
    }
}

pub fn log_answer(method: &Method, route: &str, status: StatusCode, id: &RequestId, took: Took) {
    if status.is_server_error() {
        tracing::warn!(
            %method, route, status = status.as_u16(), request_id = id.as_str(),
            duration_ms = took.as_millis(), "answered"
        );
    } else {
        tracing::debug!(
            %method, route, status = status.as_u16(), request_id = id.as_str(),
            duration_ms = took.as_millis(), "answered"
        );
    }
}

pub fn finish_headers(headers: &mut HeaderMap, request_id: RequestId) {
    headers.insert(REQUEST_ID, request_id.0);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Around every handler of the router: tells the front door which route it was, also of a panic.
pub async fn around_handler(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = caught(next.run(request)).await.unwrap_or_else(ApiError::into_response);
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

pub async fn no_such_route() -> ApiError {
    ApiError::new(Code::NotFound, "there is nothing at this address; see /docs")
}

pub async fn no_such_method() -> ApiError {
    ApiError::new(Code::MethodNotAllowed, "the header allow lists the methods this address takes")
}
