//! `posthaste stats`: what happened over time, as numbers per bucket and in sum.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::{Context, webhook};
use crate::cli::parse_duration;
use crate::client::Query;
use crate::exit::{Exit, Outcome};
use crate::output::{Tone, line, text_at};

/// Buckets that are shown unless a step is given.
const BUCKETS: u32 = 24;
const COLUMNS: &[(&str, &str)] = &[
    ("FROM", "/at"),
    ("EVENTS", "/events"),
    ("ATTEMPTS", "/attempts"),
    ("DELIVERED", "/delivered"),
    ("FAILED", "/failed"),
    ("RETRIES", "/retries"),
    ("AVG MS", "/average_ms"),
    ("P95 MS", "/p95_ms"),
    ("P99 MS", "/p99_ms"),
    ("PEAK/S", "/peak_per_second"),
];

#[derive(Debug, Args)]
pub struct StatsArgs {
    /// Only this webhook: its id or number
    #[arg(long)]
    webhook: Option<String>,
    /// How far to look back
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_duration)]
    last: Duration,
    /// Width of a bucket [default: a 24th of the time]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    step: Option<Duration>,
}

pub async fn run(arguments: &StatsArgs, context: &Context) -> Outcome {
    let webhook = match &arguments.webhook {
        Some(webhook) => Some(webhook::id_of(context, webhook).await?),
        None => None,
    };
    let now = context.now();
    // Buckets are whole minutes.
    let step_s = arguments.step.unwrap_or(arguments.last / BUCKETS).as_secs();
    let step_s = step_s.div_ceil(60).max(1) * 60;
    let query = Query::default()
        .with("webhook_id", webhook)
        .with("from", Some(now.saturating_sub(arguments.last)))
        .with("to", Some(now))
        .with("step", Some(step_s));
    let stats = context.client.get_with("/v1/stats", &query).await?;
    if !context.output.is_for_people() {
        context.output.one(&stats, &[]);
        return Ok(Exit::Ok);
    }
    let buckets = stats["buckets"].as_array().cloned().unwrap_or_default();
    for (title, at) in &COLUMNS[1..] {
        let spark = sparkline(&buckets, at);
        let total = text_at(&stats["totals"], at);
        let total = if total.is_empty() { "–" } else { &total };
        let title = context.output.paint(Tone::Faint, &format!("{title:<10}"));
        line(&format!("{title} {total:>8}  {spark}"));
    }
    line("");
    let busy: Vec<Value> =
        buckets.into_iter().filter(|bucket| number(bucket, "/attempts") > 0.0).collect();
    context.output.list(&busy, COLUMNS);
    Ok(Exit::Ok)
}

/// One block per bucket, as high as its value, and the highest value as a number.
fn sparkline(buckets: &[Value], at: &str) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<f64> = buckets.iter().map(|bucket| number(bucket, at)).collect();
    let highest = values.iter().copied().fold(0.0, f64::max);
    let blocks: String = values
        .iter()
        .map(|value| {
            if highest <= 0.0 {
                return ' ';
            }
            let height = (value / highest * 7.0).round();
            if *value <= 0.0 { ' ' } else { BLOCKS[height.clamp(0.0, 7.0) as usize] }
        })
        .collect();
    let highest_at = buckets.iter().max_by(|a, b| number(a, at).total_cmp(&number(b, at)));
    let text = highest_at.map(|bucket| text_at(bucket, at)).unwrap_or_default();
    format!("{blocks}  max {}", if text.is_empty() { "–" } else { &text })
}

fn number(bucket: &Value, at: &str) -> f64 {
    bucket.pointer(at).and_then(Value::as_f64).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sparkline_is_as_high_as_its_values() {
        let buckets = [json!({"n": 0}), json!({"n": 1}), json!({"n": 7}), json!({"n": null})];
        assert_eq!(sparkline(&buckets, "/n"), " ▂█   max 7");
        assert_eq!(sparkline(&[], "/n"), "  max –");
    }
}
