//! What a name of the test inbox answers: always the same, or one of several by weight, which is
//! how receivers are that work most of the time.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use posthaste_core::time::Entropy;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::extract::given;

const DELAY_MS_MAX: u64 = 60_000;
const RETRY_AFTER_S_MAX: u64 = 86_400;
/// Different answers of one name.
const CHOICES_MAX: usize = 20;
const WEIGHT_MAX: u32 = 1_000;

/// One answer to one request.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    pub status: StatusCode,
    pub delay: Duration,
    pub retry_after_s: Option<u64>,
}

impl Default for Reply {
    fn default() -> Reply {
        Reply { status: StatusCode::OK, delay: Duration::ZERO, retry_after_s: None }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What a name answers from now on, or for a number of times.
#[derive(Debug, Clone)]
pub struct Answer {
    /// With their weights; at least one, of a weight of at least 1.
    choices: Vec<(u32, Reply)>,
    /// `None`: until told otherwise.
    pub times_left: Option<u64>,
}

impl Default for Answer {
    fn default() -> Answer {
        Answer { choices: vec![(1, Reply::default())], times_left: None }
    }
}

impl Answer {
    pub fn next(&self, entropy: &dyn Entropy) -> Reply {
        if let [(_, only)] = self.choices.as_slice() {
            return *only;
        }
        let mut bytes = [0; 4];
        entropy.fill(&mut bytes);
        let total: u32 = self.choices.iter().map(|(weight, _)| weight).sum();
        // The total is small beside 2³², so no choice is favoured by what does not divide evenly.
        let mut place = u32::from_ne_bytes(bytes) % total;
        for (weight, reply) in &self.choices {
            if place < *weight {
                return *reply;
            }
            place -= weight;
        }
        unreachable!("the place is below the sum of the weights")
    }

    pub fn as_json(&self) -> AnswerJson {
        let (_, first) = self.choices[0];
        let choices = if self.choices.len() > 1 { self.choices.as_slice() } else { &[] };
        AnswerJson {
            status: first.status.as_u16(),
            delay_ms: millis(first.delay),
            times: self.times_left,
            retry_after_s: first.retry_after_s,
            choices: choices
                .iter()
                .map(|(weight, reply)| Choice {
                    status: Some(reply.status.as_u16()),
                    delay_ms: Some(millis(reply.delay)),
                    retry_after_s: reply.retry_after_s,
                    weight: Some(*weight),
                })
                .collect(),
        }
    }
}

fn millis(delay: Duration) -> u64 {
    u64::try_from(delay.as_millis()).expect("at most a minute")
}

/// What the next request under a name gets, unless its URL says otherwise.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InboxAnswer)]
pub struct AnswerJson {
    /// Of the first choice, if there are several.
    status: u16,
    delay_ms: u64,
    /// For so many more requests; null: until it is set again.
    #[schema(required)]
    times: Option<u64>,
    #[schema(required)]
    retry_after_s: Option<u64>,
    /// Empty, if it is always the same answer.
    choices: Vec<Choice>,
}

/// One of the answers that a name gives.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with status, delay_ms and weight")]
#[schema(as = InboxChoice)]
pub struct Choice {
    /// 200 to 599; 200 if left out.
    #[serde(default, deserialize_with = "given")]
    status: Option<u16>,
    /// At most 60,000; 0 if left out.
    #[serde(default, deserialize_with = "given")]
    delay_ms: Option<u64>,
    /// What the answer's `retry-after` says; no such header if left out.
    #[serde(default)]
    retry_after_s: Option<u64>,
    /// 1 to 1,000: how often, compared with the others; 1 if left out.
    #[serde(default, deserialize_with = "given")]
    weight: Option<u32>,
}

/// What a name answers from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with status and delay_ms")]
#[schema(as = SetInboxAnswer)]
pub struct SetAnswer {
    /// 200 to 599; 200 if left out.
    #[serde(default, deserialize_with = "given")]
    status: Option<u16>,
    /// At most 60,000; 0 if left out.
    #[serde(default, deserialize_with = "given")]
    delay_ms: Option<u64>,
    /// For so many requests; until it is set again, if left out.
    #[serde(default)]
    times: Option<u64>,
    /// What the answer's `retry-after` says; no such header if left out.
    #[serde(default)]
    retry_after_s: Option<u64>,
    /// One of these for each request, by chance, instead of always the same.
    #[serde(default)]
    choices: Option<Vec<Choice>>,
}

impl SetAnswer {
    pub fn parse(&self) -> Result<Answer, ApiError> {
        if self.times == Some(0) {
            return Err(ApiError::invalid("/times", "must be at least 1"));
        }
        let choices = match &self.choices {
            None => {
                vec![(1, parse_reply("", self.status, self.delay_ms, self.retry_after_s)?)]
            }
            Some(_) if self.has_one_answer() => {
                let message = "stands in place of status, delay_ms and retry_after_s";
                return Err(ApiError::invalid("/choices", message));
            }
            Some(choices) => parse_choices(choices)?,
        };
        Ok(Answer { choices, times_left: self.times })
    }

    fn has_one_answer(&self) -> bool {
        self.status.is_some() || self.delay_ms.is_some() || self.retry_after_s.is_some()
    }
}

fn parse_choices(choices: &[Choice]) -> Result<Vec<(u32, Reply)>, ApiError> {
    if !(1..=CHOICES_MAX).contains(&choices.len()) {
        let message = format!("must be 1 to {CHOICES_MAX} answers");
        return Err(ApiError::invalid("/choices", message));
    }
    let mut parsed = Vec::with_capacity(choices.len());
    for (position, choice) in choices.iter().enumerate() {
        let at = format!("/choices/{position}");
        let weight = choice.weight.unwrap_or(1);
        if !(1..=WEIGHT_MAX).contains(&weight) {
            let message = format!("must be a number from 1 to {WEIGHT_MAX}");
            return Err(ApiError::invalid(format!("{at}/weight"), message));
        }
        let reply = parse_reply(&at, choice.status, choice.delay_ms, choice.retry_after_s)?;
        parsed.push((weight, reply));
    }
    Ok(parsed)
}

fn parse_reply(
    at: &str,
    status: Option<u16>,
    delay_ms: Option<u64>,
    retry_after_s: Option<u64>,
) -> Result<Reply, ApiError> {
    if retry_after_s.is_some_and(|seconds| seconds > RETRY_AFTER_S_MAX) {
        let message = format!("must be a number from 0 to {RETRY_AFTER_S_MAX}");
        return Err(ApiError::invalid(format!("{at}/retry_after_s"), message));
    }
    Ok(Reply {
        status: parse_status(&format!("{at}/status"), Some(status.unwrap_or(200)))?,
        delay: parse_delay(&format!("{at}/delay_ms"), Some(delay_ms.unwrap_or(0)))?,
        retry_after_s,
    })
}

pub fn parse_status(pointer: &str, status: Option<u16>) -> Result<StatusCode, ApiError> {
    let status = status.filter(|status| (200..=599).contains(status));
    status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or_else(|| ApiError::invalid(pointer, "must be a number from 200 to 599"))
}

pub fn parse_delay(pointer: &str, delay_ms: Option<u64>) -> Result<Duration, ApiError> {
    let delay_ms = delay_ms.filter(|delay_ms| *delay_ms <= DELAY_MS_MAX);
    delay_ms.map(Duration::from_millis).ok_or_else(|| {
        ApiError::invalid(pointer, format!("must be a number from 0 to {DELAY_MS_MAX}"))
    })
}
