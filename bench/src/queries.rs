//! The questions that people ask of a long history, through the API, one at a time: every filter
//! of the list of deliveries by itself and in sensible pairs, statistics, and what else a page of
//! the dashboard needs.

use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use anyhow::Context;
use posthaste_core::time::Timestamp;

use crate::api::Api;
use crate::history::milliseconds;
use crate::history_filling::{Contents, DAY, RARE_STATUS, TYPES};
use crate::progress::Progress;
use crate::report::median;

/// How often each is asked.
const REPEATS: usize = 11;
/// A list is followed no further: a filter that finds nothing looks at everything.
const PAGES_MAX: usize = 2_000;
/// A status code that no receiver has ever answered.
const UNKNOWN_STATUS: u16 = 418;

#[derive(Debug, Clone, Serialize)]
pub struct Answered {
    pub question: String,
    pub p50_ms: f64,
    pub max_ms: f64,
    /// What came back, in short.
    pub answer: String,
}

/// Every filter, each on the first page and on one in the middle of the history.
pub async fn lists(
    api: &Api,
    contents: &Contents,
    progress: &mut Progress,
) -> anyhow::Result<Vec<Answered>> {
    let middle = Timestamp::from_millis(i64::midpoint(contents.from_ms, contents.until_ms));
    let page = api.get_json(&format!("/v1/deliveries?limit=1&until={middle}")).await?;
    let cursor = page["next_cursor"].as_str().context("there is more before the middle")?;
    let mut answered = Vec::new();
    for filter in filters(contents, middle) {
        for (where_, cursor) in [("first page", None), ("in the middle", Some(cursor))] {
            let name = if filter.name.is_empty() { "all" } else { &filter.name };
            let question = format!("deliveries, {name}, {where_}");
            progress.show(&question);
            let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let path = format!("/v1/deliveries?limit=50{}{cursor}", filter.query);
            answered.push(ask(api, question, &path).await?);
        }
    }
    Ok(answered)
}

struct Filter {
    name: String,
    query: String,
}

fn filters(contents: &Contents, middle: Timestamp) -> Vec<Filter> {
    let Contents { busy, ordinary, quiet, silent, event_id, .. } = contents;
    let (since, until) = (middle.saturating_sub(DAY), middle);
    let webhooks = [
        ("busy webhook", busy),
        ("ordinary webhook", ordinary),
        ("quiet webhook", quiet),
        ("silent webhook", silent),
    ]
    .map(|(name, id)| (name.to_owned(), format!("&webhook_id={id}")));
    let event = |name: &str| (format!("event={name}"), format!("&event={name}"));
    let status = |name: &str| (format!("status={name}"), format!("&status={name}"));
    let code = |code: u16| (format!("status_code={code}"), format!("&status_code={code}"));
    let time = [
        ("since the middle".to_owned(), format!("&since={middle}")),
        ("until the middle".to_owned(), format!("&until={until}")),
        ("one day".to_owned(), format!("&since={since}&until={until}")),
    ];
    let one_event = ("event_id".to_owned(), format!("&event_id={event_id}"));
    let [busy, ordinary, quiet, _] = webhooks.clone();
    let failed = status("failed");
    let mut single = vec![(String::new(), String::new()), one_event.clone()];
    single.extend(webhooks);
    single.extend([TYPES[0].0, "campaign.completed", "lead.generated", "sms.failed"].map(event));
    single.extend(["delivered", "failed", "retrying", "pending", "cancelled"].map(status));
    single.extend([200, 500, RARE_STATUS, UNKNOWN_STATUS].map(code));
    single.extend(time.clone());
    let pairs = [
        (&busy, failed.clone()),
        (&ordinary, failed.clone()),
        (&quiet, failed.clone()),
        (&ordinary, status("delivered")),
        (&ordinary, status("cancelled")),
        (&busy, code(500)),
        (&ordinary, code(RARE_STATUS)),
        (&busy, code(UNKNOWN_STATUS)),
        (&busy, event("campaign.completed")),
        (&ordinary, time[2].clone()),
        (&failed, event("campaign.completed")),
        (&failed, code(RARE_STATUS)),
        (&failed, time[2].clone()),
        (&time[2], code(500)),
        (&time[2], event("campaign.completed")),
        (&one_event, failed.clone()),
    ];
    let pairs = pairs.into_iter().map(|((name, query), (other_name, other_query))| {
        (format!("{name} and {other_name}"), format!("{query}{other_query}"))
    });
    single.into_iter().chain(pairs).map(|(name, query)| Filter { name, query }).collect()
}

/// Thirty days (or as many as there are), of the account and of webhooks.
pub async fn stats(
    api: &Api,
    contents: &Contents,
    progress: &mut Progress,
) -> anyhow::Result<Vec<Answered>> {
    let from = Timestamp::from_millis(contents.from_ms);
    let to = Timestamp::from_millis(contents.until_ms);
    let days = contents.days;
    let mut answered = Vec::new();
    for (what, webhook) in [
        ("account", String::new()),
        ("busy webhook", format!("&webhook_id={}", contents.busy)),
        ("ordinary webhook", format!("&webhook_id={}", contents.ordinary)),
        ("silent webhook", format!("&webhook_id={}", contents.silent)),
    ] {
        for (step, seconds) in
            [("as charts do", None), ("by the hour", Some(3_600)), ("by the day", Some(86_400))]
        {
            let question = format!("statistics, {what}, {days} days {step}");
            progress.show(&question);
            let step = seconds.map(|seconds| format!("&step={seconds}")).unwrap_or_default();
            let path = format!("/v1/stats?from={from}&to={to}{step}{webhook}");
            answered.push(ask(api, question, &path).await?);
        }
    }
    Ok(answered)
}

/// What else the pages need that show a history.
pub async fn others(
    api: &Api,
    contents: &Contents,
    progress: &mut Progress,
) -> anyhow::Result<Vec<Answered>> {
    let event = &contents.event_id;
    let mut answered = Vec::new();
    let deliveries = api.get_json(&format!("/v1/events/{event}/deliveries")).await?;
    let delivery = deliveries["data"][0]["id"].as_str().context("an event has deliveries")?;
    for (question, path) in [
        ("events", "/v1/events?limit=50".to_owned()),
        ("events of a rare type", "/v1/events?limit=50&event=campaign.completed".to_owned()),
        ("events of no type", "/v1/events?limit=50&event=sms.failed".to_owned()),
        ("one event's deliveries", format!("/v1/events/{event}/deliveries")),
        ("one delivery", format!("/v1/deliveries/{delivery}")),
        ("webhooks", "/v1/webhooks?limit=50".to_owned()),
        ("endpoints of the busy webhook", format!("/v1/webhooks/{}/endpoints", contents.busy)),
        ("endpoints of the quiet webhook", format!("/v1/webhooks/{}/endpoints", contents.quiet)),
        ("endpoints of the silent webhook", format!("/v1/webhooks/{}/endpoints", contents.silent)),
    ] {
        progress.show(question);
        answered.push(ask(api, question.to_owned(), &path).await?);
    }
    Ok(answered)
}

/// A list that finds nothing, followed to its end: as a person does who wants to be sure.
pub async fn to_the_end(api: &Api, progress: &mut Progress) -> anyhow::Result<Answered> {
    let question = format!("deliveries, status_code={UNKNOWN_STATUS}, to the end");
    progress.show(&question);
    let mut cursor = String::new();
    let mut times_ms = Vec::new();
    let mut is_end = false;
    while !is_end && times_ms.len() < PAGES_MAX {
        let path = format!("/v1/deliveries?limit=200&status_code={UNKNOWN_STATUS}{cursor}");
        let started = Instant::now();
        let page = api.get_json(&path).await?;
        times_ms.push(milliseconds(started.elapsed()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => is_end = true,
        }
    }
    let total_ms = times_ms.iter().sum();
    let answer = format!("{} calls{}", times_ms.len(), if is_end { "" } else { ", not the end" });
    Ok(Answered { question, p50_ms: total_ms, max_ms: total_ms, answer })
}

async fn ask(api: &Api, question: String, path: &str) -> anyhow::Result<Answered> {
    let mut times_ms = Vec::with_capacity(REPEATS);
    let mut answer = Value::Null;
    for _ in 0..REPEATS {
        let started = Instant::now();
        let bytes = api.get(path).await?;
        times_ms.push(milliseconds(started.elapsed()));
        answer = serde_json::from_slice(&bytes)?;
    }
    let max_ms = times_ms.iter().copied().fold(0.0, f64::max);
    Ok(Answered { question, p50_ms: median(times_ms), max_ms, answer: in_short(&answer) })
}

fn in_short(answer: &Value) -> String {
    if let Some(items) = answer["data"].as_array() {
        let more = if answer["next_cursor"].is_string() { ", more" } else { "" };
        return format!("{}{more}", items.len());
    }
    answer["buckets"].as_array().map_or("one".to_owned(), |all| format!("{} buckets", all.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_told_in_short() {
        let check = |answer: Value, expected| assert_eq!(in_short(&answer), expected);
        check(json!({"data": [1, 2], "next_cursor": null}), "2");
        check(json!({"data": [], "next_cursor": "x"}), "0, more");
        check(json!({"buckets": [1]}), "1 buckets");
        check(json!({"id": "dlv_"}), "one");
    }

    #[test]
    fn no_filter_is_asked_for_twice() {
        let contents = Contents {
            deliveries: 1,
            days: 1,
            from_ms: 0,
            until_ms: 0,
            busy: "b".to_owned(),
            ordinary: "o".to_owned(),
            quiet: "q".to_owned(),
            silent: "s".to_owned(),
            event_id: "e".to_owned(),
            bytes: 0,
            storing_s: 0.0,
        };
        let filters = filters(&contents, Timestamp::EPOCH);
        let mut queries: Vec<_> = filters.iter().map(|filter| &filter.query).collect();
        queries.sort_unstable();
        let count = queries.len();
        queries.dedup();
        assert_eq!(queries.len(), count);
    }
}
