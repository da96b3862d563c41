//! One attempt, from its event to its outcome: build the body, sign, send, classify. Knows neither
//! the store's log nor the retry schedule.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use posthaste_core::attempt::{Attempt, Exchange, Outcome, Trigger};
use posthaste_core::envelope::Envelope;
use posthaste_core::event::Event;
use posthaste_core::header_lines::HeaderLines;
use posthaste_core::retry::{parse_retry_after, rate_limit_reset};
use posthaste_core::secret::SigningKeys;
use posthaste_core::sent_headers::{SentHeaders, SentValue};
use posthaste_core::signature::{AttemptHeaders, Occasion};
use posthaste_core::time::{Clock, Timestamp};
use posthaste_core::webhook::SharedWebhook;
use tokio::time::Instant;

use crate::transport::{Answer, AttemptRequest, SendError, Sent, Transport};

/// Everything an attempt needs.
#[derive(Debug)]
pub struct Job {
    pub event: Arc<Event>,
    pub webhook: SharedWebhook,
    pub keys: Arc<SigningKeys>,
    pub number: u32,
    pub trigger: Trigger,
}

/// An attempt that could not be made because this machine lacked something. It is nobody's
/// attempt: nothing of the retry schedule is used up.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct OurFault {
    pub reason: String,
}

/// Makes one attempt. Also answers how long the receiver asked us to wait, if it did.
pub async fn deliver(
    transport: &dyn Transport,
    clock: &dyn Clock,
    job: &Job,
) -> Result<(Attempt, Option<Duration>), OurFault> {
    let started_at = clock.now();
    let started = Instant::now();
    // Signed now and not when the event was accepted: verifiers refuse old timestamps, and a
    // secret may have been rotated while the delivery waited.
    let (headers, body) = sign(started_at, job);
    let settings = &job.webhook.settings;
    let request = AttemptRequest {
        url: &settings.url,
        headers: &headers,
        custom_headers: &settings.headers,
        body: &body,
        timeout: Duration::from_millis(u64::from(settings.timeout_ms)),
    };
    let sent = transport.send(request).await;
    let duration_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
    let ended_at = started_at.saturating_add(Duration::from_millis(u64::from(duration_ms)));

    let Sent { result, timings, remote_address } = sent;
    let (verdict, answer) = match result {
        Ok(answer) => (classify_answer(ended_at, &answer), Some(answer)),
        Err(error) => (classify_error(error)?, None),
    };
    let request_headers = remote_address.map(|_| headers).unwrap_or_default();
    let (response_headers, response_body, truncated) = match answer {
        Some(answer) => (answer.headers, answer.body, answer.truncated),
        None => (HeaderLines::default(), Vec::new(), false),
    };
    let attempt = Attempt {
        number: job.number,
        trigger: job.trigger,
        outcome: verdict.outcome,
        status_code: verdict.status_code,
        error: verdict.error,
        started_at,
        duration_ms,
        timings,
        exchange: Exchange {
            remote_address,
            request_headers,
            response_headers,
            response_body,
            truncated,
        },
    };
    Ok((attempt, verdict.retry_after))
}

/// The headers, those of the webhook's own redacted, and the body.
fn sign(now: Timestamp, job: &Job) -> (SentHeaders, Bytes) {
    let settings = &job.webhook.settings;
    let envelope = Envelope {
        event: job.event.event_type.as_str(),
        timestamp: job.event.timestamp,
        webhook_id: job.webhook.id,
        data: &job.event.data,
        event_id: job.event.id,
    };
    let signed = envelope.signed(&job.keys.current);
    let occasion =
        if job.event.trigger == Trigger::Test { Occasion::Test } else { Occasion::Event };
    let mut headers = AttemptHeaders {
        event: job.event.event_type.as_str(),
        event_id: job.event.id,
        attempt: job.number,
        occasion,
        hops: job.event.hops,
        signature_format: settings.signature_format,
    }
    .signed(now, &signed, &job.keys);
    for (name, _) in settings.headers.iter() {
        headers.push_named(name.as_str(), SentValue::Redacted);
    }
    (headers, signed.body)
}

struct Verdict {
    outcome: Outcome,
    status_code: Option<u16>,
    error: Option<String>,
    retry_after: Option<Duration>,
}

fn classify_error(error: SendError) -> Result<Verdict, OurFault> {
    let (outcome, message) = match error {
        SendError::TimedOut { message } => (Outcome::TimedOut, message),
        SendError::Unreachable { reason, message } => (Outcome::Unreachable(reason), message),
        SendError::Blocked { message } => (Outcome::Blocked, message),
        SendError::OurFault { message } => return Err(OurFault { reason: message }),
    };
    Ok(Verdict { outcome, status_code: None, error: Some(message), retry_after: None })
}

fn classify_answer(now: Timestamp, answer: &Answer) -> Verdict {
    let status_code = Some(answer.status);
    if Outcome::of_status(answer.status, false) == Outcome::Succeeded {
        let (outcome, error, retry_after) = (Outcome::Succeeded, None, None);
        return Verdict { outcome, status_code, error, retry_after };
    }
    let header = |name: &str| answer.headers.get(name);
    let told = header("retry-after").and_then(|value| parse_retry_after(value, now));
    let outcome = Outcome::of_status(answer.status, told.is_some());
    let retry_after = match outcome {
        Outcome::Deferred => told.or_else(|| rate_limit_reset(header, now)),
        Outcome::Rejected => told,
        _ => None,
    };
    let error = match outcome {
        Outcome::Deferred => format!("the receiver asked for patience ({})", answer.status),
        _ if (300..400).contains(&answer.status) => {
            format!("answered {}: redirects are not followed", answer.status)
        }
        _ => format!("answered {}", answer.status),
    };
    Verdict { outcome, status_code, error: Some(error), retry_after }
}
