//! `posthaste verify`: the verdict on every signature of a request that a receiver got, offline,
//! and the reason where one does not verify.

use std::time::Duration;

use clap::Args;
use posthaste_core::canonical::canonicalise;
use posthaste_core::signature::SignatureFormat;
use posthaste_core::time::{Clock, Timestamp};
use posthaste_core::verify::{TOLERANCE, Verifier};
use serde_json::Value;

use super::{input, sign};
use crate::cli::parse_duration;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, Tone, line};
use crate::system::SystemClock;

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The webhook's secret
    #[arg(long, value_name = "whsec_…", env = "PH_SECRET", hide_env_values = true)]
    secret: String,
    /// The secret from before the last rotation
    #[arg(long, value_name = "whsec_…")]
    previous_secret: Option<String>,
    /// The body as it was received: a file [default: stdin]
    #[arg(long, value_name = "FILE")]
    body: Option<String>,
    /// A header that was received; repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// File with the headers that were received, one a line
    #[arg(long = "headers", value_name = "FILE")]
    headers_file: Option<String>,
    /// webhook-id that was received
    #[arg(long)]
    id: Option<String>,
    /// webhook-timestamp that was received
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<String>,
    /// How x-webhook-signature should be spelled: hex or sha256= [default: either]
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// How far webhook-timestamp may lie from the clock [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    tolerance: Option<Duration>,
    /// Verify as if it were then: 2025-01-15T14:30:25Z, or 1h for an hour ago
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

pub fn run(arguments: &VerifyArgs, output: &Output) -> Outcome {
    let secret = sign::secret(&arguments.secret, "--secret")?;
    let previous = arguments.previous_secret.as_deref();
    let previous = previous.map(|text| sign::secret(text, "--previous-secret")).transpose()?;
    let format = arguments.format.as_deref().map(SignatureFormat::parse).transpose();
    let format = format.map_err(|invalid| Failure::usage(format!("--format {invalid}")))?;
    let headers = received_headers(arguments)?;
    let body = sign::body(arguments.body.as_deref())?;
    let verifier = Verifier {
        previous: previous.as_ref(),
        format,
        tolerance: arguments.tolerance.unwrap_or(TOLERANCE),
        ..Verifier::new(&secret, &canonical)
    };
    let report = verifier.verify(moment(arguments.at.as_deref())?, &headers, &body);
    let summary = serde_json::to_value(report.summary()).expect("a summary is plain JSON");
    if output.is_for_people() {
        show(output, &summary);
    } else {
        output.one(&summary, &[]);
    }
    Ok(if report.is_verified() { Exit::Ok } else { Exit::Failed })
}

fn canonical(body: &[u8]) -> Option<String> {
    canonicalise(body).ok().map(std::borrow::Cow::into_owned)
}

fn moment(at: Option<&str>) -> Result<Timestamp, Failure> {
    let now = SystemClock.now();
    at.map_or(Ok(now), |text| input::moment(now, text))
}

fn received_headers(arguments: &VerifyArgs) -> Result<Vec<(String, String)>, Failure> {
    let mut headers = Vec::new();
    for line in &arguments.headers {
        let header = split(line)
            .ok_or_else(|| Failure::usage(format!("--header {line:?} is not 'name: value'")))?;
        headers.push(header);
    }
    if let Some(path) = &arguments.headers_file {
        let text = String::from_utf8_lossy(&input::file(path)?).into_owned();
        // A request line or an empty line in a captured request is no header.
        headers.extend(text.lines().filter_map(split));
    }
    let given = [("webhook-id", &arguments.id), ("webhook-timestamp", &arguments.timestamp)];
    for (name, value) in given {
        if let Some(value) = value {
            headers.push((name.to_owned(), value.clone()));
        }
    }
    Ok(headers)
}

fn split(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    let plain = !name.is_empty() && !name.contains(' ');
    plain.then(|| (name.to_owned(), value.trim().to_owned()))
}

fn show(output: &Output, summary: &Value) {
    for signature in summary["signatures"].as_array().into_iter().flatten() {
        let name = signature["name"].as_str().unwrap_or_default();
        let message = signature["message"].as_str().unwrap_or_default();
        let (tick, tone) = tick(signature);
        line(&format!("{} {name:<28} {message}", output.paint(tone, tick)));
    }
    let (_, tone) = tick(summary);
    let verdict = summary["verdict"].as_str().unwrap_or_default().to_uppercase();
    let message = summary["message"].as_str().unwrap_or_default();
    let why = if tone == Tone::Good { String::new() } else { format!(": {message}") };
    line(&format!("{}{why}", output.paint(tone, &verdict)));
}

/// The mark in front of a verdict.
pub fn tick(verdict: &Value) -> (&'static str, Tone) {
    match verdict["verdict"].as_str() {
        Some("verified") => ("✓", Tone::Good),
        Some("failed") => ("✗", Tone::Bad),
        _ => ("–", Tone::Faint),
    }
}
