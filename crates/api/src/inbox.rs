//! The test inbox of `--dev`: a receiver inside the server that tells what arrived and verifies
//! its signatures, so that a first webhook needs no program of one's own. The dashboard shows it.
//!
//! It has no authentication and keeps everything in memory. Only a server that listens on
//! loopback, for one developer, may have it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use parking_lot::Mutex;
use posthaste_core::canonical::canonicalise;
use posthaste_core::id::WebhookId;
use posthaste_core::limits::BODY_BYTES_MAX;
use posthaste_core::time::Timestamp;
use posthaste_core::verify::{Summary, Verifier};
use serde::{Deserialize, Serialize};

use crate::error::{ApiError, Code};
use crate::extract::{Json, Parameters, Segment, given, read_bytes};
use crate::state::AppState;

/// What is kept; the oldest make room.
const REQUESTS_MAX: usize = 500;
/// One answer of `/inbox/requests`.
const PAGE_MAX: usize = 100;
const DELAY_MS_MAX: u64 = 60_000;
/// Names that were given an answer.
const ANSWERS_MAX: usize = 1_000;
const NAME_CHARS_MAX: usize = 100;
/// What `/inbox/receive` is called.
const UNNAMED: &str = "default";

/// The memory of the inbox. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Inbox(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    last_number: u64,
    requests: VecDeque<Arc<Received>>,
    answers: HashMap<String, Answer>,
}

/// One request that arrived.
#[derive(Debug, Serialize)]
struct Received {
    /// 1, 2, 3 …: what `since` compares with.
    number: u64,
    at: String,
    name: String,
    headers: Vec<(String, String)>,
    body: String,
    answered: u16,
    /// Null if the body names no webhook of this server.
    verdict: Option<Summary>,
}

/// What a name answers from now on, or for a number of times.
#[derive(Debug, Clone, Copy)]
struct Answer {
    status: StatusCode,
    delay: Duration,
    /// `None`: until told otherwise.
    times_left: Option<u64>,
}

impl Inbox {
    /// What the next request under `name` gets.
    fn next_answer(&self, name: &str) -> Option<Answer> {
        let mut kept = self.0.lock();
        let answer = kept.answers.get_mut(name)?;
        let now = *answer;
        if let Some(left) = &mut answer.times_left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                kept.answers.remove(name);
            }
        }
        Some(now)
    }

    fn keep(&self, received: impl FnOnce(u64) -> Received) {
        let mut kept = self.0.lock();
        kept.last_number += 1;
        let received = Arc::new(received(kept.last_number));
        if kept.requests.len() == REQUESTS_MAX {
            kept.requests.pop_front();
        }
        kept.requests.push_back(received);
    }
}

pub fn router() -> Router<AppState> {
    Router::new()
        .route("/inbox/receive", post(receive))
        .route("/inbox/receive/{name}", post(receive))
        .route("/inbox/answer/{name}", put(set_answer))
        .route("/inbox/requests", get(list).delete(clear))
}

fn inbox_of(state: &AppState) -> Result<&Inbox, ApiError> {
    state.inbox.as_ref().ok_or_else(|| ApiError::new(Code::NotFound, "there is no inbox"))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiveQuery {
    status: Option<String>,
    delay_ms: Option<String>,
}

async fn receive(
    State(state): State<AppState>,
    Segment(name): Segment,
    Parameters(query): Parameters<ReceiveQuery>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    let inbox = inbox_of(&state)?;
    let name = if name.is_empty() { UNNAMED.to_owned() } else { name };
    check_name(&name)?;
    let status = query.status.map(|text| parse_status(text.parse().ok())).transpose()?;
    let delay = query.delay_ms.map(|text| parse_delay(text.parse().ok())).transpose()?;
    let body = read_bytes(&headers, request.into_body(), BODY_BYTES_MAX).await?;
    let now = state.now();
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let verdict = verdict_of(&state, now, &headers, &body);
    let answer = inbox.next_answer(&name).unwrap_or(Answer {
        status: status.unwrap_or(StatusCode::OK),
        delay: delay.unwrap_or_default(),
        times_left: None,
    });
    inbox.keep(|number| Received {
        number,
        at: now.to_string(),
        name,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        answered: answer.status.as_u16(),
        verdict,
    });
    tokio::time::sleep(answer.delay).await;
    Ok(answer.status.into_response())
}

/// Verified with the secrets of the webhook that the body says it is from.
fn verdict_of(
    state: &AppState,
    now: Timestamp,
    headers: &[(String, String)],
    body: &[u8],
) -> Option<Summary> {
    #[derive(Deserialize)]
    struct Sender {
        webhook_id: String,
    }
    let sender: Sender = serde_json::from_slice(body).ok()?;
    let webhook = state.directory.get(WebhookId::parse(&sender.webhook_id).ok()?)?;
    let canonical = |text: &[u8]| canonicalise(text).ok().map(std::borrow::Cow::into_owned);
    let verifier = Verifier {
        previous: webhook.secrets.previous_at(now),
        format: Some(webhook.settings.signature_format),
        ..Verifier::new(&webhook.secrets.current, &canonical)
    };
    Some(verifier.verify(now, headers, body).summary())
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.len() <= NAME_CHARS_MAX && name.bytes().all(allowed) {
        return Ok(());
    }
    let message = format!("a name has at most {NAME_CHARS_MAX} letters, digits, -, _ and .");
    Err(ApiError::invalid("/name", message))
}

fn parse_status(status: Option<u16>) -> Result<StatusCode, ApiError> {
    let status = status.filter(|status| (200..=599).contains(status));
    status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or_else(|| ApiError::invalid("/status", "must be a number from 200 to 599"))
}

fn parse_delay(delay_ms: Option<u64>) -> Result<Duration, ApiError> {
    let delay_ms = delay_ms.filter(|delay_ms| *delay_ms <= DELAY_MS_MAX);
    delay_ms.map(Duration::from_millis).ok_or_else(|| {
        ApiError::invalid("/delay_ms", format!("must be a number from 0 to {DELAY_MS_MAX}"))
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with status and delay_ms")]
struct AnswerBody {
    #[serde(default, deserialize_with = "given")]
    status: Option<u16>,
    #[serde(default, deserialize_with = "given")]
    delay_ms: Option<u64>,
    /// For so many requests; until it is set again, if left out.
    #[serde(default)]
    times: Option<u64>,
}

async fn set_answer(
    State(state): State<AppState>,
    Segment(name): Segment,
    Json(body): Json<AnswerBody>,
) -> Result<StatusCode, ApiError> {
    check_name(&name)?;
    if body.times == Some(0) {
        return Err(ApiError::invalid("/times", "must be at least 1"));
    }
    let answer = Answer {
        status: parse_status(Some(body.status.unwrap_or(200)))?,
        delay: parse_delay(Some(body.delay_ms.unwrap_or(0)))?,
        times_left: body.times,
    };
    let mut kept = inbox_of(&state)?.0.lock();
    if kept.answers.len() >= ANSWERS_MAX && !kept.answers.contains_key(&name) {
        return Err(ApiError::invalid("/name", "too many names have an answer already"));
    }
    kept.answers.insert(name, answer);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    since: Option<String>,
}

#[derive(Debug, Serialize)]
struct Requests {
    /// Oldest first.
    data: Vec<Arc<Received>>,
    /// Send it as `since` for what comes after.
    next_since: u64,
    /// There are more than fitted into this answer.
    more: bool,
}

async fn list(
    State(state): State<AppState>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<axum::Json<Requests>, ApiError> {
    let since = match query.since {
        None => 0,
        Some(text) => {
            text.parse::<u64>().map_err(|_| ApiError::invalid("/since", "must be a number"))?
        }
    };
    let kept = inbox_of(&state)?.0.lock();
    let mut newer = kept.requests.iter().filter(|received| received.number > since);
    let data: Vec<Arc<Received>> = newer.by_ref().take(PAGE_MAX).cloned().collect();
    let more = newer.next().is_some();
    let next_since = data.last().map_or(since.min(kept.last_number), |last| last.number);
    Ok(axum::Json(Requests { data, next_since, more }))
}

async fn clear(State(state): State<AppState>) -> Result<StatusCode, ApiError> {
    inbox_of(&state)?.0.lock().requests.clear();
    Ok(StatusCode::NO_CONTENT)
}
