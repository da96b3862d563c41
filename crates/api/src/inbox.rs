//! The test inbox of `--dev`: a receiver inside the server that tells what arrived and verifies
//! its signatures, so that a first webhook needs no program of one's own. The dashboard shows it.
//!
//! It has no authentication and keeps everything in memory. Only a server that listens on
//! loopback, for one developer, may have it.

mod answer;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use parking_lot::Mutex;
use posthaste_core::audit::REDACTED;
use posthaste_core::canonical::canonicalise;
use posthaste_core::id::WebhookId;
use posthaste_core::limits::BODY_BYTES_MAX;
use posthaste_core::time::{Entropy, Timestamp};
use posthaste_core::verify::{Summary, Verifier};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, Code};
use crate::extract::{Json, Parameters, Segment, read_bytes};
use crate::state::AppState;

use answer::{Answer, Reply, parse_delay, parse_status};
pub use answer::{AnswerJson, SetAnswer};

/// What is kept; the oldest make room.
const REQUESTS_MAX: usize = 500;
/// One answer of `/inbox/requests`.
const PAGE_MAX: usize = 100;
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
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InboxRequest)]
pub struct Received {
    /// 1, 2, 3 …: what `since` compares with.
    number: u64,
    #[schema(format = DateTime)]
    at: String,
    /// What stood behind `/inbox/receive/`.
    name: String,
    /// Pairs of name and value, in the order they came; not what a cookie says.
    #[schema(value_type = Vec<Vec<String>>)]
    headers: Vec<(String, String)>,
    body: String,
    answered: u16,
    /// Null if the body names no webhook of this server.
    #[schema(required, value_type = Option<VerdictSchema>)]
    verdict: Option<Summary>,
}

/// Whether a request's signatures verify. Only describes what [`Summary`] is written as.
#[derive(ToSchema)]
#[schema(as = Verdict)]
#[expect(dead_code, reason = "only describes")]
pub struct VerdictSchema {
    /// `verified`, `failed`, `absent` or `unchecked`.
    verdict: String,
    /// A stable code, if it failed.
    #[schema(required)]
    reason: Option<String>,
    message: String,
    signatures: Vec<SignatureVerdictSchema>,
}

/// Whether one signature verifies.
#[derive(ToSchema)]
#[schema(as = SignatureVerdict)]
#[expect(dead_code, reason = "only describes")]
pub struct SignatureVerdictSchema {
    name: String,
    /// `verified`, `failed`, `absent` or `unchecked`.
    verdict: String,
    #[schema(required)]
    reason: Option<String>,
    message: String,
}

impl Inbox {
    /// What the next request under `name` gets.
    fn next_reply(&self, name: &str, entropy: &dyn Entropy) -> Option<Reply> {
        let mut kept = self.0.lock();
        let answer = kept.answers.get_mut(name)?;
        let now = answer.next(entropy);
        if let Some(left) = &mut answer.times_left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                kept.answers.remove(name);
            }
        }
        Some(now)
    }

    /// What arrived after number `since`.
    pub fn requests(&self, since: u64) -> Requests {
        let kept = self.0.lock();
        let mut newer = kept.requests.iter().filter(|received| received.number > since);
        let data: Vec<Arc<Received>> = newer.by_ref().take(PAGE_MAX).cloned().collect();
        let more = newer.next().is_some();
        let next_since = data.last().map_or(since.min(kept.last_number), |last| last.number);
        Requests { data, next_since, more }
    }

    pub fn clear(&self) {
        self.0.lock().requests.clear();
    }

    pub fn answer(&self, name: &str) -> Result<AnswerJson, ApiError> {
        check_name(name)?;
        Ok(self.0.lock().answers.get(name).cloned().unwrap_or_default().as_json())
    }

    pub fn set_answer(&self, name: String, answer: &SetAnswer) -> Result<(), ApiError> {
        check_name(&name)?;
        let answer = answer.parse()?;
        let mut kept = self.0.lock();
        if kept.answers.len() >= ANSWERS_MAX && !kept.answers.contains_key(&name) {
            return Err(ApiError::invalid("/name", "too many names have an answer already"));
        }
        kept.answers.insert(name, answer);
        Ok(())
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

pub fn inbox_of(state: &AppState) -> Result<&Inbox, ApiError> {
    let detail = "only a server that was started with --dev has one";
    state.inbox.as_ref().ok_or_else(|| ApiError::new(Code::NoInbox, detail))
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
    let status = query.status.map(|text| parse_status("/status", text.parse().ok())).transpose()?;
    let delay =
        query.delay_ms.map(|text| parse_delay("/delay_ms", text.parse().ok())).transpose()?;
    let body = read_bytes(&headers, request.into_body(), BODY_BYTES_MAX).await?;
    let now = state.now();
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| {
            // A browser on this machine may have sent its session along; everybody reads this.
            let shown =
                if *name == header::COOKIE { REDACTED.as_bytes() } else { value.as_bytes() };
            (name.to_string(), String::from_utf8_lossy(shown).into_owned())
        })
        .collect();
    let verdict = verdict_of(&state, now, &headers, &body);
    let reply = inbox.next_reply(&name, &*state.entropy).unwrap_or(Reply {
        status: status.unwrap_or(StatusCode::OK),
        delay: delay.unwrap_or_default(),
        retry_after_s: None,
    });
    inbox.keep(|number| Received {
        number,
        at: now.to_string(),
        name,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        answered: reply.status.as_u16(),
        verdict,
    });
    tokio::time::sleep(reply.delay).await;
    Ok(reply.into_response())
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

async fn set_answer(
    State(state): State<AppState>,
    Segment(name): Segment,
    Json(answer): Json<SetAnswer>,
) -> Result<StatusCode, ApiError> {
    inbox_of(&state)?.set_answer(name, &answer)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Only what came after this number.
    #[param(value_type = Option<u64>)]
    since: Option<String>,
}

impl ListQuery {
    pub fn parse(self) -> Result<u64, ApiError> {
        let wrong = || ApiError::invalid("/since", "must be a number");
        self.since.map_or(Ok(0), |text| text.parse().map_err(|_| wrong()))
    }
}

/// What arrived.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InboxRequests)]
pub struct Requests {
    /// Oldest first.
    #[schema(value_type = Vec<Received>)]
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
    Ok(axum::Json(inbox_of(&state)?.requests(query.parse()?)))
}

async fn clear(State(state): State<AppState>) -> Result<StatusCode, ApiError> {
    inbox_of(&state)?.clear();
    Ok(StatusCode::NO_CONTENT)
}
