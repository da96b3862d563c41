//! Webhooks: the rows of Setup > Webhooks, and what makes their settings valid.

use std::sync::Arc;

use crate::custom_headers::CustomHeaders;
use crate::egress::EgressPolicy;
use crate::error::{Complaints, Invalid};
use crate::event_type::{EventPattern, parse_patterns};
use crate::id::{AccountId, PowerlistId, WebhookId};
use crate::limits::{
    DESCRIPTION_CHARS_MAX, MAX_IN_FLIGHT_DEFAULT, MAX_IN_FLIGHT_MAX, TIMEOUT_MS_DEFAULT,
    TIMEOUT_MS_MAX, TIMEOUT_MS_MIN, TITLE_CHARS_MAX,
};
use crate::rate_limit::RateLimit;
use crate::retry::RetrySchedule;
use crate::secret::Secrets;
use crate::signature::SignatureFormat;
use crate::target_url::TargetUrl;
use crate::time::Timestamp;

/// What an account chooses about an outbound webhook. Every value is valid by construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    pub title: String,
    pub description: String,
    pub url: TargetUrl,
    pub events: Vec<EventPattern>,
    /// With a list, only that list's events; without one, all of the account's.
    pub powerlist_id: Option<PowerlistId>,
    pub headers: CustomHeaders,
    pub signature_format: SignatureFormat,
    /// From the first packet to the last byte of the answer.
    pub timeout_ms: u32,
    pub retry_schedule: RetrySchedule,
    pub max_in_flight: u32,
    pub rate_limit: Option<RateLimit>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookStatus {
    Enabled,
    /// Queues, sends nothing.
    Paused,
    /// Gets no events; what was waiting has failed.
    Disabled {
        reason: String,
    },
}

impl WebhookStatus {
    pub fn as_str(&self) -> &'static str {
        match self {
            WebhookStatus::Enabled => "enabled",
            WebhookStatus::Paused => "paused",
            WebhookStatus::Disabled { .. } => "disabled",
        }
    }
}

/// An outbound webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    pub account_id: AccountId,
    /// The `#` column: 1, 2, 3 … per account, never used again.
    pub number: u32,
    pub settings: WebhookSettings,
    pub secrets: Secrets,
    pub status: WebhookStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A webhook as it is asked for; the store gives it its id and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    pub account_id: AccountId,
    pub settings: WebhookSettings,
    pub secrets: Secrets,
}

/// How often a webhook was called. Counted in the transactions that hold the attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hits {
    pub count: u64,
    pub last_at: Option<Timestamp>,
}

/// Settings as a person wrote them: nothing checked. `None` leaves a setting as it is (or at its
/// default, in a new webhook); the inner `None` of two takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsDraft {
    pub title: Option<String>,
    pub description: Option<String>,
    pub url: Option<String>,
    pub events: Option<Vec<String>>,
    pub powerlist_id: Option<Option<String>>,
    pub headers: Option<Vec<(String, String)>>,
    pub signature_format: Option<String>,
    pub timeout_ms: Option<u64>,
    pub retry_delays_s: Option<Vec<u64>>,
    pub max_in_flight: Option<u64>,
    /// `count` per `per_s`.
    pub rate_limit: Option<Option<(u64, u64)>>,
}

impl SettingsDraft {
    /// The settings of a new webhook. Tells everything that is wrong at once.
    pub fn create(self, policy: &EgressPolicy) -> Result<WebhookSettings, Invalid> {
        self.over(None, policy)
    }

    /// Changed settings of a webhook that has `settings`.
    pub fn change(
        self,
        settings: &WebhookSettings,
        policy: &EgressPolicy,
    ) -> Result<WebhookSettings, Invalid> {
        self.over(Some(settings), policy)
    }

    fn over(
        self,
        old: Option<&WebhookSettings>,
        policy: &EgressPolicy,
    ) -> Result<WebhookSettings, Invalid> {
        let mut wrong = Complaints::default();
        let title = self.title.map(|text| parse_title(&text));
        let title = required(&mut wrong, "/title", title, old.map(|old| &old.title));
        let url = self.url.map(|text| parse_url(&text, policy));
        let url = required(&mut wrong, "/url", url, old.map(|old| &old.url));
        let events = self.events.map(|texts| parse_patterns(&texts));
        let events = required(&mut wrong, "/events", events, old.map(|old| &old.events));
        let description = self.description.map(|text| parse_description(&text));
        let description =
            optional(&mut wrong, "/description", description, old.map(|old| &old.description));
        let powerlist_id =
            self.powerlist_id.map(|id| id.map(|text| PowerlistId::parse(&text)).transpose());
        let powerlist_id =
            optional(&mut wrong, "/powerlist_id", powerlist_id, old.map(|old| &old.powerlist_id));
        let headers = self.headers.map(CustomHeaders::parse);
        let headers = optional(&mut wrong, "/headers", headers, old.map(|old| &old.headers));
        let format = self.signature_format.map(|text| SignatureFormat::parse(&text));
        let signature_format =
            optional(&mut wrong, "/signature_format", format, old.map(|old| &old.signature_format));
        let timeout = self.timeout_ms.map(|ms| within(ms, TIMEOUT_MS_MIN, TIMEOUT_MS_MAX));
        let default_timeout = old.map_or(TIMEOUT_MS_DEFAULT, |old| old.timeout_ms);
        let timeout_ms = optional(&mut wrong, "/timeout_ms", timeout, Some(&default_timeout));
        let delays = self.retry_delays_s.map(|delays| RetrySchedule::new(&delays));
        let retry_schedule =
            optional(&mut wrong, "/retry_delays_s", delays, old.map(|old| &old.retry_schedule));
        let in_flight = self.max_in_flight.map(|count| within(count, 1, MAX_IN_FLIGHT_MAX));
        let default_in_flight = old.map_or(MAX_IN_FLIGHT_DEFAULT, |old| old.max_in_flight);
        let max_in_flight =
            optional(&mut wrong, "/max_in_flight", in_flight, Some(&default_in_flight));
        let rate_limit = self
            .rate_limit
            .map(|limit| limit.map(|(count, per_s)| RateLimit::new(count, per_s)).transpose());
        let rate_limit =
            optional(&mut wrong, "/rate_limit", rate_limit, old.map(|old| &old.rate_limit));
        wrong.finish()?;
        let checked = "complaints would have been returned";
        Ok(WebhookSettings {
            title: title.expect(checked),
            description: description.expect(checked),
            url: url.expect(checked),
            events: events.expect(checked),
            powerlist_id: powerlist_id.expect(checked),
            headers: headers.expect(checked),
            signature_format: signature_format.expect(checked),
            timeout_ms: timeout_ms.expect(checked),
            retry_schedule: retry_schedule.expect(checked),
            max_in_flight: max_in_flight.expect(checked),
            rate_limit: rate_limit.expect(checked),
        })
    }
}

/// The given value, else the old one, else a complaint. `None` only with a complaint.
pub(crate) fn required<T: Clone>(
    wrong: &mut Complaints,
    pointer: &str,
    given: Option<Result<T, Invalid>>,
    old: Option<&T>,
) -> Option<T> {
    match (given, old) {
        (Some(given), _) => wrong.check(pointer, given),
        (None, Some(old)) => Some(old.clone()),
        (None, None) => {
            wrong.add(pointer, "is required");
            None
        }
    }
}

/// The given value, else the old one, else the default. `None` only with a complaint.
pub(crate) fn optional<T: Clone + Default>(
    wrong: &mut Complaints,
    pointer: &str,
    given: Option<Result<T, Invalid>>,
    old: Option<&T>,
) -> Option<T> {
    match given {
        Some(given) => wrong.check(pointer, given),
        None => Some(old.cloned().unwrap_or_default()),
    }
}

pub(crate) fn parse_title(text: &str) -> Result<String, Invalid> {
    let title = text.trim();
    if title.is_empty() || title.chars().count() > TITLE_CHARS_MAX {
        return Err(Invalid::at("", format!("must have 1 to {TITLE_CHARS_MAX} characters")));
    }
    if title.chars().any(char::is_control) {
        return Err(Invalid::at("", "must not contain control characters"));
    }
    Ok(title.to_owned())
}

pub(crate) fn parse_description(text: &str) -> Result<String, Invalid> {
    if text.chars().count() > DESCRIPTION_CHARS_MAX {
        return Err(Invalid::at(
            "",
            format!("must have at most {DESCRIPTION_CHARS_MAX} characters"),
        ));
    }
    Ok(text.to_owned())
}

fn parse_url(text: &str, policy: &EgressPolicy) -> Result<TargetUrl, Invalid> {
    let url = TargetUrl::parse(text)?;
    policy.check_url(&url).map_err(|blocked| Invalid::at("", blocked.to_string()))?;
    Ok(url)
}

fn within(given: u64, min: u32, max: u32) -> Result<u32, Invalid> {
    u32::try_from(given)
        .ok()
        .filter(|value| (min..=max).contains(value))
        .ok_or_else(|| Invalid::at("", format!("must be a whole number from {min} to {max}")))
}

/// A webhook as everything but the store and the API's JSON sees it: shared, and replaced as a
/// whole when it changes.
pub type SharedWebhook = Arc<Webhook>;
