//! The live stream: updates of deliveries as they are recorded, as server-sent events. What is
//! kept, skipped and resumed is decided in `core::stream`; here it is written down, and ended
//! when it has to.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use posthaste_core::delivery::{Delivery, DeliveryStatus};
use posthaste_core::engine::{Subscribed, Updates};
use posthaste_core::error::{Complaints, Invalid};
use posthaste_core::event_type::EventPattern;
use posthaste_core::id::{AccountId, WebhookId};
use posthaste_core::limits::STREAM_MAX_PER_S_MAX;
use posthaste_core::store::StoreError;
use posthaste_core::stream::{NoPlace, Piece, Reset, Subscribe, UpdateFilter, UpdateId};
use serde::{Deserialize, Serialize};
use tokio::time::{Interval, MissedTickBehavior, interval};
use utoipa::{IntoParams, ToSchema};

use super::deliveries::{DeliveryJson, parse_status};
use super::names::DeliveryStatusName;
use crate::auth::{Caller, Read};
use crate::error::{ApiError, Code, Problem};
use crate::extract::Parameters;
use crate::state::AppState;

/// A line at least this often, so that nothing on the way takes the connection for dead, and who
/// may not read any more (the key was deleted) is found out. Also how late that is.
const STILL_HERE_EVERY: Duration = Duration::from_secs(15);
/// What a client that was cut off waits before it comes back.
const RETRY_MS: u32 = 2_000;
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// nginx would otherwise hold lines back until it has a buffer full of them.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// To this webhook.
    #[param(pattern = "^wh_[0-9a-z]{13}$")]
    webhook_id: Option<String>,
    /// Of this event type, or of all below one: `call.ended`, `call.*`.
    #[param(min_length = 1, max_length = 100)]
    event: Option<String>,
    /// Of the delivery, as recorded: never `delivering`.
    #[param(value_type = Option<DeliveryStatusName>, inline)]
    status: Option<String>,
    /// No more updates than these in a second, 1 to 10,000; the others are counted in `skipped`.
    /// All if left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10_000)]
    max_per_s: Option<String>,
    /// As the header `last-event-id`, for clients that cannot set headers. The header wins.
    #[param(max_length = 100)]
    last_event_id: Option<String>,
}

/// Data of the event `skipped`: updates that were not sent, because more came than `max_per_s` or
/// than were read in time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamSkipped)]
pub struct SkippedJson {
    /// Who reads too slowly with a filter is also counted what that would have left out.
    count: u64,
}

/// Data of the event `reset`: there is no going on from `last-event-id`. What follows comes from
/// now on; load anew what you show.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamReset)]
pub struct ResetJson {
    /// `too_old`: what followed is not kept any more. `unknown`: the id is none of this server's,
    /// or the server was started anew, or nobody listened for a while.
    #[schema(value_type = ResetReasonName)]
    reason: &'static str,
}

/// Why a stream cannot go on where it was.
#[derive(ToSchema)]
#[schema(as = StreamResetReason)]
#[expect(dead_code, reason = "only describes")]
pub enum ResetReasonName {
    #[schema(rename = "too_old")]
    TooOld,
    #[schema(rename = "unknown")]
    Unknown,
}

impl StreamQuery {
    fn parse(self, account_id: AccountId, last_id: Option<String>) -> Result<Subscribe, Invalid> {
        let mut wrong = Complaints::default();
        let mut filter = UpdateFilter::everything_of(account_id);
        if let Some(text) = self.webhook_id {
            filter.webhook_id = wrong.check("/webhook_id", WebhookId::parse(&text));
        }
        if let Some(text) = self.event {
            filter.event = wrong.check("/event", EventPattern::parse(&text));
        }
        if let Some(text) = self.status {
            filter.status = wrong.check("/status", parse_recorded_status(&text));
        }
        let max_per_s = self.max_per_s.map(|text| parse_max_per_s(&text));
        let max_per_s = max_per_s.and_then(|parsed| wrong.check("/max_per_s", parsed));
        wrong.finish()?;
        Ok(Subscribe { filter, max_per_s, last_id: last_id.or(self.last_event_id) })
    }
}

fn parse_recorded_status(text: &str) -> Result<DeliveryStatus, Invalid> {
    match parse_status(text)? {
        DeliveryStatus::Delivering => {
            Err(Invalid::at("", "delivering is never recorded, so it never comes here"))
        }
        recorded => Ok(recorded),
    }
}

fn parse_max_per_s(text: &str) -> Result<u32, Invalid> {
    let max_per_s = text.parse().ok().filter(|count| (1..=STREAM_MAX_PER_S_MAX).contains(count));
    max_per_s.ok_or_else(|| {
        Invalid::at("", format!("must be a number from 1 to {STREAM_MAX_PER_S_MAX}"))
    })
}

impl From<NoPlace> for ApiError {
    fn from(no_place: NoPlace) -> ApiError {
        let code = match no_place {
            NoPlace::ServerFull { .. } | NoPlace::AccountFull { .. } => Code::TooManyStreams,
            NoPlace::Stopped => Code::ShuttingDown,
        };
        ApiError::new(code, no_place.to_string())
    }
}

/// Watch deliveries live
///
/// Server-sent events that do not end: `delivery` with a `Delivery` as it stands after each
/// change, right after that is on disk; `skipped` with a `StreamSkipped`; `reset` with a
/// `StreamReset`. Every 15 seconds comes a comment. Each id can be sent back as `last-event-id` to
/// go on after it: nothing is lost then, or `reset` says so. Open the stream first and load a list
/// then, and you miss nothing.
#[utoipa::path(get, path = "/v1/stream", operation_id = "streamDeliveries", tag = "Deliveries",
    security(("api_key" = ["read"])),
    params(StreamQuery, ("last-event-id" = Option<String>, Header, max_length = 100,
        description = "The last id that was seen")),
    responses((status = 200, body = String, content_type = "text/event-stream",
            example = "event: delivery\nid: 9f86d081884c7d65-42\ndata: {\"id\":\"dlv_06a2b3c4d5e6f\", …}\n\n"),
        (status = 503, description = "too_many_streams or shutting_down", body = Problem,
            content_type = "application/problem+json")))]
pub async fn stream(
    caller: Caller<Read>,
    State(state): State<AppState>,
    Parameters(query): Parameters<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let last_id =
        headers.get(LAST_EVENT_ID).map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let subscribe = query.parse(caller.account, last_id)?;
    let Subscribed { updates, reset } = state.engine.subscribe(subscribe)?;
    let mut still_here = interval(STILL_HERE_EVERY);
    still_here.set_missed_tick_behavior(MissedTickBehavior::Delay);
    still_here.reset();
    let greeting = greeting(reset, updates.id());
    let open = Open {
        state,
        headers,
        remote: caller.by.remote,
        account: caller.account,
        updates,
        still_here,
        greeting: Some(greeting),
    };
    let pieces = unfold(open, async |mut open| {
        let text = open.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), open))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (BUFFERING, HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// A stream on its way to somebody.
struct Open {
    state: AppState,
    /// Those of its request, to ask again whether its sender may read.
    headers: HeaderMap,
    remote: IpAddr,
    account: AccountId,
    updates: Box<dyn Updates>,
    still_here: Interval,
    greeting: Option<String>,
}

impl Open {
    /// What is to be written next; `None` where the stream ends.
    ///
    /// It is asked for only once what came before is on its way, so a slow reader has one piece in
    /// memory, and is behind in the engine's ring.
    async fn next(&mut self) -> Option<String> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        tokio::select! {
            biased;
            () = self.state.closing() => None,
            _ = self.still_here.tick() => {
                let (headers, remote) = (&self.headers, self.remote);
                let may_still =
                    Caller::<Read>::of(&Method::GET, headers, remote, &self.state).await;
                let is_same = may_still.is_ok_and(|caller| caller.account == self.account);
                is_same.then(|| still_here(self.updates.id()))
            }
            piece = self.updates.next() => self.written(piece?).await,
        }
    }

    async fn written(&mut self, piece: Piece) -> Option<String> {
        let mut text = String::new();
        if let Some(skipped) = piece.skipped {
            self.state.metrics.count_skipped(skipped.count);
            write_event(&mut text, "skipped", skipped.id, &SkippedJson { count: skipped.count });
        }
        self.state.metrics.count_sent(piece.updates.len());
        for (id, mut delivery) in piece.updates {
            if let Err(error) = complete(&self.state, &mut delivery).await {
                // The client comes back, and is told as much as there is then.
                tracing::warn!(%error, delivery.id = %delivery.id, "a stream was ended");
                return None;
            }
            let status = delivery.state.status();
            write_event(&mut text, "delivery", id, &DeliveryJson::of(&delivery, status));
        }
        Some(text)
    }
}

/// Where something else than an attempt changed a delivery (it was cancelled, or is to be tried
/// again), what is recorded leaves the newest attempt as it was. That is read back here: it is
/// rare, and to keep it in the engine's memory would cost every delivery.
async fn complete(state: &AppState, delivery: &mut Delivery) -> Result<(), StoreError> {
    if delivery.last.is_none() && delivery.progress.attempts > 0 {
        let stored = state.store.delivery(delivery.account_id, delivery.id).await?;
        delivery.last = stored.and_then(|(stored, _)| stored.last);
    }
    Ok(())
}

/// Where to go on, before anything came: whoever is cut off right away has an id too.
fn greeting(reset: Option<Reset>, id: UpdateId) -> String {
    let mut text = format!(": this is the live stream\nretry: {RETRY_MS}\nid: {id}\n\n");
    if let Some(reset) = reset {
        write_event(&mut text, "reset", id, &ResetJson { reason: reset.as_str() });
    }
    text
}

/// Not an event, since it has no data, but its id counts: what was left out by a filter need not
/// be looked through again.
fn still_here(id: UpdateId) -> String {
    format!(": still here\nid: {id}\n\n")
}

/// JSON has no line break in it, so the data is one line.
fn write_event(text: &mut String, name: &str, id: UpdateId, data: &impl Serialize) {
    let data = serde_json::to_string(data).expect("texts and numbers");
    write!(text, "event: {name}\nid: {id}\ndata: {data}\n\n").expect("a String takes all");
}
