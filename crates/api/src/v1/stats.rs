//! Numbers over time.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use posthaste_core::error::{Complaints, Invalid};
use posthaste_core::id::{AccountId, WebhookId};
use posthaste_core::limits::STATS_BUCKETS_MAX;
use posthaste_core::stats::Rollup;
use posthaste_core::store::StatsQuery;
use posthaste_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::{Caller, Read};
use crate::error::ApiError;
use crate::extract::Parameters;
use crate::state::AppState;

const DEFAULT_SPAN: Duration = Duration::from_hours(24);
/// What a chart can show: a step that was not asked for is the shortest with at most so many.
const DEFAULT_BUCKETS_MAX: u64 = 120;
const STEPS_S: [u64; 8] = [60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400];

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatisticsQuery {
    /// Of this webhook; of all, if left out.
    #[param(pattern = "^wh_[0-9a-z]{13}$")]
    webhook_id: Option<String>,
    /// RFC 3339, cut down to the minute, or to the hour if `step` is whole hours; 24 hours before
    /// `to`, if left out.
    #[param(format = DateTime)]
    from: Option<String>,
    /// RFC 3339; now, if left out.
    #[param(format = DateTime)]
    to: Option<String>,
    /// Seconds in a bucket: a multiple of 60, and no more than 2,000 buckets. Chosen to suit a
    /// chart, if left out.
    #[param(value_type = Option<u64>, minimum = 60)]
    step: Option<String>,
}

/// What happened, bucket by bucket and in all.
#[derive(Debug, Serialize, ToSchema)]
pub struct Statistics {
    #[schema(required)]
    webhook_id: Option<String>,
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: String,
    /// Seconds.
    step: u64,
    /// Oldest first, empty ones included.
    buckets: Vec<Bucket>,
    totals: Numbers,
}

/// One step of time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bucket {
    /// When it starts.
    #[schema(format = DateTime)]
    at: String,
    #[serde(flatten)]
    numbers: Numbers,
}

/// What is counted. Times are null where nothing was sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Numbers {
    /// Events accepted, once for each webhook they go to.
    events: u64,
    attempts: u64,
    /// Deliveries that ended so.
    delivered: u64,
    /// Deliveries that ended so.
    failed: u64,
    /// Attempts other than the first.
    retries: u64,
    /// Answers by `1xx` to `5xx`.
    by_status_class: BTreeMap<String, u64>,
    /// Attempts without a usable answer, by kind of error.
    by_error: BTreeMap<&'static str, u64>,
    #[schema(required)]
    average_ms: Option<u32>,
    #[schema(required)]
    p50_ms: Option<u32>,
    #[schema(required)]
    p95_ms: Option<u32>,
    #[schema(required)]
    p99_ms: Option<u32>,
    #[schema(required)]
    max_ms: Option<u32>,
    /// The most attempts that started within one second.
    peak_per_second: u64,
}

impl From<&Rollup> for Numbers {
    fn from(rollup: &Rollup) -> Numbers {
        let classes = (1..).zip(rollup.by_status_class());
        let durations = rollup.durations();
        Numbers {
            events: rollup.events,
            attempts: rollup.attempts,
            delivered: rollup.delivered,
            failed: rollup.failed,
            retries: rollup.retries,
            by_status_class: classes.map(|(n, count)| (format!("{n}xx"), count)).collect(),
            by_error: rollup.by_error().map(|(class, count)| (class.as_str(), count)).collect(),
            average_ms: durations.mean_ms(),
            p50_ms: durations.quantile(0.5),
            p95_ms: durations.quantile(0.95),
            p99_ms: durations.quantile(0.99),
            max_ms: durations.max_ms(),
            peak_per_second: rollup.peak_per_second(),
        }
    }
}

impl StatisticsQuery {
    fn parse(&self, now: Timestamp, account_id: AccountId) -> Result<StatsQuery, Invalid> {
        let mut wrong = Complaints::default();
        let webhook_id = self.webhook_id.as_deref().map(WebhookId::parse).transpose();
        let webhook_id = wrong.check("/webhook_id", webhook_id).flatten();
        let to = wrong.check("/to", self.to.as_deref().map_or(Ok(now), Timestamp::parse));
        let given_from = self.from.as_deref().map(Timestamp::parse).transpose();
        let given_from = wrong.check("/from", given_from).flatten();
        let given_step = self.step.as_deref().map(parse_step).transpose();
        let given_step = wrong.check("/step", given_step).flatten();
        wrong.finish()?;

        let to = to.expect("complaints would have been returned");
        let from = given_from.unwrap_or_else(|| to.saturating_sub(DEFAULT_SPAN));
        if from >= to {
            return Err(Invalid::at("/from", "must lie before to"));
        }
        let step_s = given_step.unwrap_or_else(|| default_step(from, to));
        // A start that was not asked for lies where buckets of that length begin every day, and one
        // that was, where hours begin, if it is hours that are shown: these are quick to read.
        let given_unit_s = if step_s.is_multiple_of(3_600) { 3_600 } else { 60 };
        let unit_s = if given_from.is_some() { given_unit_s } else { step_s };
        let from = floor(from, unit_s);
        let buckets = to.since(from).as_secs().div_ceil(step_s);
        if buckets > STATS_BUCKETS_MAX as u64 {
            let message = format!(
                "this makes {buckets} buckets, at most {STATS_BUCKETS_MAX}: take longer ones"
            );
            return Err(Invalid::at("/step", message));
        }
        Ok(StatsQuery { account_id, webhook_id, from, to, step: Duration::from_secs(step_s) })
    }
}

fn parse_step(text: &str) -> Result<u64, Invalid> {
    let step = text.parse().ok().filter(|step| *step >= 60 && step % 60 == 0);
    step.filter(|step| *step <= 366 * 86_400)
        .ok_or_else(|| Invalid::at("", "must be a multiple of 60 seconds, at most a year"))
}

fn default_step(from: Timestamp, to: Timestamp) -> u64 {
    let span_s = to.since(from).as_secs();
    let fits = |step: &u64| span_s.div_ceil(*step) <= DEFAULT_BUCKETS_MAX;
    STEPS_S.into_iter().find(fits).unwrap_or_else(|| {
        // Whole days, as many as it takes.
        span_s.div_ceil(DEFAULT_BUCKETS_MAX).next_multiple_of(86_400)
    })
}

fn floor(time: Timestamp, unit_s: u64) -> Timestamp {
    let unit_ms = i64::try_from(unit_s * 1_000).unwrap_or(i64::MAX);
    Timestamp::from_millis(time.as_millis() - time.as_millis().rem_euclid(unit_ms))
}

/// Show statistics
///
/// Counted in the same transactions that record the attempts, so they agree with the log.
#[utoipa::path(get, path = "/v1/stats", operation_id = "showStatistics", tag = "Statistics", security(("api_key" = ["read"])),
    params(StatisticsQuery), responses((status = 200, body = Statistics)))]
pub async fn show(
    caller: Caller<Read>,
    State(state): State<AppState>,
    Parameters(query): Parameters<StatisticsQuery>,
) -> Result<Json<Statistics>, ApiError> {
    let query = query.parse(state.now(), caller.account)?;
    let series = state.store.stats(query).await?;
    let total: Rollup = series.buckets.iter().map(|(_, rollup)| rollup).sum();
    let bucket =
        |(at, rollup): &(Timestamp, Rollup)| Bucket { at: at.to_string(), numbers: rollup.into() };
    Ok(Json(Statistics {
        webhook_id: query.webhook_id.map(|id| id.to_string()),
        from: query.from.to_string(),
        to: query.to.to_string(),
        step: query.step.as_secs(),
        buckets: series.buckets.iter().map(bucket).collect(),
        totals: (&total).into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_gets_a_step_that_suits_a_chart() {
        let check = |hours: u64, expected_s: u64| {
            let to = Timestamp::EPOCH.saturating_add(Duration::from_hours(hours));
            assert_eq!(default_step(Timestamp::EPOCH, to), expected_s, "{hours} h");
        };
        check(1, 60);
        check(2, 60);
        check(3, 300);
        check(24, 900);
        check(24 * 7, 10_800);
        check(24 * 30, 21_600);
        check(24 * 365, 4 * 86_400);
    }

    #[test]
    fn the_default_is_the_last_24_hours() {
        let now = Timestamp::parse("2025-01-15T14:37:25.123Z").expect("a time");
        let query = StatisticsQuery { webhook_id: None, from: None, to: None, step: None };
        let query = query.parse(now, AccountId::from_raw(1)).expect("nothing to complain about");
        assert_eq!(query.from.to_string(), "2025-01-14T14:30:00.000Z");
        assert_eq!((query.to, query.step.as_secs()), (now, 900));
    }
}
