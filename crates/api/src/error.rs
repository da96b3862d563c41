//! The one place where anything that goes wrong becomes an HTTP answer: a status, a stable code
//! and an RFC 9457 problem document. Handlers say what is wrong; the outermost layer writes it.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use posthaste_core::engine::EngineStopped;
use posthaste_core::error::{FieldError, Invalid};
use posthaste_core::store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

/// How long a caller who met a full queue should stay away, or one who met a full disk or a full
/// house.
const RETRY_AFTER_S: u64 = 1;
const RETRY_AFTER_FULL_S: u64 = 30;

/// Of one problem: a batch can have thousands of mistakes, and nobody reads them all.
const ERRORS_MAX: usize = 100;
/// Of each text in a problem: messages quote what was sent, which may be a whole body.
const TEXT_CHARS_MAX: usize = 500;

/// What went wrong, as far as a program would act differently. Codes are promises: they are never
/// renamed, and never mean something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    InvalidJson,
    Unauthorized,
    WrongCredentials,
    InvalidLink,
    Unverified,
    Forbidden,
    CrossOrigin,
    NotFound,
    NoInbox,
    UnknownAccount,
    MethodNotAllowed,
    Taken,
    InUse,
    TooManyImports,
    LastOwner,
    LimitReached,
    BuiltIn,
    IdempotencyKeyReused,
    AlreadyEnded,
    WebhookGone,
    WebhookDisabled,
    WebhookPaused,
    WrongDirection,
    BodyTooSlow,
    BodyTooLarge,
    UnsupportedMediaType,
    Invalid,
    UnknownEventType,
    DataDoesNotMatchSchema,
    TooManyAttempts,
    RateLimited,
    Internal,
    Overloaded,
    TooManyStreams,
    StorageFull,
    StoreUnavailable,
    ShuttingDown,
    NotReady,
    InboundPaused,
    LoopDetected,
}

impl Code {
    pub const ALL: [Code; 40] = [
        Code::InvalidJson,
        Code::Unauthorized,
        Code::WrongCredentials,
        Code::InvalidLink,
        Code::Unverified,
        Code::Forbidden,
        Code::CrossOrigin,
        Code::NotFound,
        Code::NoInbox,
        Code::UnknownAccount,
        Code::MethodNotAllowed,
        Code::Taken,
        Code::InUse,
        Code::TooManyImports,
        Code::LastOwner,
        Code::LimitReached,
        Code::BuiltIn,
        Code::IdempotencyKeyReused,
        Code::AlreadyEnded,
        Code::WebhookGone,
        Code::WebhookDisabled,
        Code::WebhookPaused,
        Code::WrongDirection,
        Code::BodyTooSlow,
        Code::BodyTooLarge,
        Code::UnsupportedMediaType,
        Code::Invalid,
        Code::UnknownEventType,
        Code::DataDoesNotMatchSchema,
        Code::TooManyAttempts,
        Code::RateLimited,
        Code::Internal,
        Code::Overloaded,
        Code::TooManyStreams,
        Code::StorageFull,
        Code::StoreUnavailable,
        Code::ShuttingDown,
        Code::NotReady,
        Code::InboundPaused,
        Code::LoopDetected,
    ];

    pub fn as_str(self) -> &'static str {
        self.facts().1
    }

    pub fn status(self) -> StatusCode {
        self.facts().0
    }

    /// What the code means: the same in every answer that has it.
    pub fn title(self) -> &'static str {
        self.facts().2
    }

    #[expect(clippy::too_many_lines, reason = "a table with a line for each code")]
    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as Status;
        match self {
            Code::InvalidJson => (Status::BAD_REQUEST, "invalid_json", "The body is not JSON"),
            Code::Unauthorized => {
                (Status::UNAUTHORIZED, "unauthorized", "A valid API key or session is needed")
            }
            Code::WrongCredentials => (
                Status::UNAUTHORIZED,
                "wrong_credentials",
                "The e-mail address or the password is wrong",
            ),
            Code::InvalidLink => {
                (Status::UNAUTHORIZED, "invalid_link", "The sign-in link is not good (any more)")
            }
            Code::Unverified => {
                (Status::UNAUTHORIZED, "unverified", "The request does not show who it comes from")
            }
            Code::Forbidden => (Status::FORBIDDEN, "forbidden", "The caller may not do that"),
            Code::CrossOrigin => {
                (Status::FORBIDDEN, "cross_origin", "The request comes from another site's page")
            }
            Code::NotFound => (Status::NOT_FOUND, "not_found", "There is no such thing"),
            Code::NoInbox => (Status::NOT_FOUND, "no_inbox", "This server has no test inbox"),
            Code::UnknownAccount => {
                (Status::NOT_FOUND, "unknown_account", "There is no such account")
            }
            Code::MethodNotAllowed => (
                Status::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "This address does not take this method",
            ),
            Code::Taken => (Status::CONFLICT, "taken", "It exists already"),
            Code::InUse => (Status::CONFLICT, "in_use", "Something else needs it"),
            Code::TooManyImports => {
                (Status::CONFLICT, "too_many_imports", "Too many imports wait already")
            }
            Code::LastOwner => {
                (Status::CONFLICT, "last_owner", "Nobody else could manage users and keys")
            }
            Code::LimitReached => {
                (Status::CONFLICT, "limit_reached", "There are as many as there may be")
            }
            Code::BuiltIn => {
                (Status::CONFLICT, "built_in", "Built-in event types cannot be changed")
            }
            Code::IdempotencyKeyReused => (
                Status::CONFLICT,
                "idempotency_key_reused",
                "The idempotency key was used with another request",
            ),
            Code::AlreadyEnded => (Status::CONFLICT, "already_ended", "It has ended already"),
            Code::WebhookGone => (Status::CONFLICT, "webhook_gone", "The webhook was deleted"),
            Code::WebhookDisabled => {
                (Status::CONFLICT, "webhook_disabled", "The webhook is disabled")
            }
            Code::WebhookPaused => (Status::CONFLICT, "webhook_paused", "The webhook is paused"),
            Code::WrongDirection => {
                (Status::CONFLICT, "wrong_direction", "The webhook goes the other way")
            }
            Code::BodyTooSlow => {
                (Status::REQUEST_TIMEOUT, "body_too_slow", "The body did not arrive in time")
            }
            Code::BodyTooLarge => {
                (Status::PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large")
            }
            Code::UnsupportedMediaType => (
                Status::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body must be sent as another media type",
            ),
            Code::Invalid => {
                (Status::UNPROCESSABLE_ENTITY, "invalid", "Something in the request is not valid")
            }
            Code::UnknownEventType => {
                (Status::UNPROCESSABLE_ENTITY, "unknown_event_type", "There is no such event type")
            }
            Code::DataDoesNotMatchSchema => (
                Status::UNPROCESSABLE_ENTITY,
                "data_does_not_match_schema",
                "The data does not match the schema of its event type",
            ),
            Code::TooManyAttempts => {
                (Status::TOO_MANY_REQUESTS, "too_many_attempts", "Too many sign-ins were tried")
            }
            Code::RateLimited => {
                (Status::TOO_MANY_REQUESTS, "rate_limited", "Too many requests came")
            }
            Code::Internal => {
                (Status::INTERNAL_SERVER_ERROR, "internal", "Something is wrong on our side")
            }
            Code::Overloaded => {
                (Status::SERVICE_UNAVAILABLE, "overloaded", "Too much waits to be stored")
            }
            Code::TooManyStreams => {
                (Status::SERVICE_UNAVAILABLE, "too_many_streams", "Too many live streams are open")
            }
            Code::StorageFull => {
                (Status::SERVICE_UNAVAILABLE, "storage_full", "The server's disk is full")
            }
            Code::StoreUnavailable => (
                Status::SERVICE_UNAVAILABLE,
                "store_unavailable",
                "The server's store cannot be used",
            ),
            Code::ShuttingDown => {
                (Status::SERVICE_UNAVAILABLE, "shutting_down", "The server is shutting down")
            }
            Code::NotReady => (Status::SERVICE_UNAVAILABLE, "not_ready", "The server is not ready"),
            Code::InboundPaused => {
                (Status::SERVICE_UNAVAILABLE, "inbound_paused", "The webhook takes nothing for now")
            }
            Code::LoopDetected => {
                (Status::LOOP_DETECTED, "loop_detected", "What is told came from here")
            }
        }
    }
}

/// An answer that is not a success.
#[derive(Debug, Clone)]
pub struct ApiError {
    pub code: Code,
    /// A sentence about this one case, for a person.
    pub detail: String,
    pub errors: Vec<FieldError>,
    /// Where it is not always the same.
    pub retry_after_s: Option<u64>,
}

impl ApiError {
    pub fn new(code: Code, detail: impl Into<String>) -> ApiError {
        ApiError { code, detail: detail.into(), errors: Vec::new(), retry_after_s: None }
    }

    /// Says when it may be tried again.
    pub fn too_many_attempts(wait: Duration) -> ApiError {
        // Rounded up: who comes at that moment must not be too early.
        let seconds = wait.as_secs() + 1;
        let detail = format!("wait {} min and try again", seconds.div_ceil(60));
        let error = ApiError::new(Code::TooManyAttempts, detail);
        ApiError { retry_after_s: Some(seconds), ..error }
    }

    /// One more of `what` would be too many.
    pub fn limit_reached(what: &str, max: usize) -> ApiError {
        let detail = format!("there are {max} {what} already; delete one first");
        ApiError::new(Code::LimitReached, detail)
    }

    /// Says the same whatever the id was, and whether it is missing or another account's.
    pub fn not_found(what: &str) -> ApiError {
        ApiError::new(Code::NotFound, format!("there is no {what} with this id"))
    }

    pub fn internal() -> ApiError {
        ApiError::new(Code::Internal, "the request could not be completed; it was logged")
    }

    pub fn invalid(pointer: impl Into<String>, message: impl Into<String>) -> ApiError {
        Invalid::at(pointer, message).into()
    }

    fn retry_after(&self) -> Option<u64> {
        match self.code {
            Code::Overloaded | Code::ShuttingDown | Code::NotReady => Some(RETRY_AFTER_S),
            Code::StorageFull | Code::StoreUnavailable | Code::TooManyStreams => {
                Some(RETRY_AFTER_FULL_S)
            }
            _ => self.retry_after_s,
        }
    }

    /// The whole answer. `request_id` is known only to the outermost layer.
    pub fn render(&self, request_id: &str) -> Response {
        let problem = Problem {
            r#type: format!("urn:posthaste:problem:{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            code: self.code.as_str().to_owned(),
            detail: shorten(&self.detail),
            errors: self
                .errors
                .iter()
                .take(ERRORS_MAX)
                .map(|error| ProblemField {
                    pointer: shorten(&error.pointer),
                    message: shorten(&error.message),
                })
                .collect(),
            request_id: request_id.to_owned(),
        };
        let body = serde_json::to_vec(&problem).expect("a problem has only texts and numbers");
        let mut response = (self.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json; charset=utf-8"),
        );
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// An RFC 9457 problem document.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:posthaste:problem:` and the code.
    #[schema(example = "urn:posthaste:problem:invalid")]
    pub r#type: String,
    /// What the code means.
    pub title: String,
    pub status: u16,
    /// For programs; never changes its meaning.
    #[schema(example = "invalid")]
    pub code: String,
    /// What is wrong in this case.
    pub detail: String,
    /// One for each thing that is wrong in the request, at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<ProblemField>,
    /// Also in the header `x-request-id`, and in the server's log.
    pub request_id: String,
}

/// One thing that is wrong, and where.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemField {
    /// An RFC 6901 JSON pointer into the body, or `/` and the name of a query parameter.
    #[schema(example = "/data/amount")]
    pub pointer: String,
    pub message: String,
}

/// Only the status and the error itself: the outermost layer writes the body, because it alone
/// knows the request's id.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Invalid> for ApiError {
    fn from(invalid: Invalid) -> ApiError {
        let detail = match invalid.errors.as_slice() {
            [only] => only.to_string(),
            errors => format!("{} things are not valid, see errors", errors.len()),
        };
        ApiError { code: Code::Invalid, detail, errors: invalid.errors, retry_after_s: None }
    }
}

impl From<EngineStopped> for ApiError {
    fn from(_: EngineStopped) -> ApiError {
        ApiError::new(Code::ShuttingDown, "no more work is taken on; try again in a moment")
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        match error {
            StoreError::Taken { what } => {
                ApiError::new(Code::Taken, format!("{what} is already taken"))
            }
            StoreError::Overloaded => {
                ApiError::new(Code::Overloaded, "nothing was stored; try again in a moment")
            }
            StoreError::Full => {
                ApiError::new(Code::StorageFull, "nothing was stored; try again later")
            }
            StoreError::Unavailable { reason } => {
                tracing::error!(error.reason = reason, "the store is not available");
                ApiError::new(Code::StoreUnavailable, "try again later")
            }
            StoreError::Damaged { what } => {
                tracing::error!(error.what = what, "stored data is damaged");
                ApiError::internal()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_written_once_and_is_an_error() {
        let codes: HashSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
    }
}
