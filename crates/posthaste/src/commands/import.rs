//! `posthaste powerlist import`: shows how the file is read, sends it, and watches until it is
//! imported.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use super::{Context, powerlist};
use crate::client::Query;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Column, error_line, text_at};

/// Of the file, for the preview. The server takes no more.
const START_BYTES: u64 = 256 * 1024;
/// A server far away takes its time to get a large file.
const UPLOAD_TIMEOUT: Duration = Duration::from_hours(1);
const ASK_EVERY: Duration = Duration::from_millis(250);
/// Skipped rows that are shown; `--skipped` keeps all.
const SKIPPED_SHOWN: usize = 10;

const FIELDS: &[Column] = &[
    ("Id", "/id"),
    ("State", "/state"),
    ("Error", "/error"),
    ("Rows", "/progress/rows_done"),
    ("Created", "/progress/created"),
    ("Updated", "/progress/updated"),
    ("Unchanged", "/progress/unchanged"),
    ("Skipped", "/progress/skipped"),
    ("Rows/s", "/rows_per_s"),
];

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Name or id of the powerlist
    list: String,
    /// CSV with a heading, in UTF-8
    file: String,
    /// What a column holds, repeatable: HEADING=FIELD, empty to leave it out; the others are
    /// guessed from the heading
    #[arg(long = "map", value_name = "HEADING=FIELD")]
    map: Vec<String>,
    /// What stands between cells: , ; | or tab [default: found out]
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<String>,
    /// What is done with a contact that is there: update or skip
    #[arg(long, value_name = "WHAT")]
    on_existing: Option<String>,
    /// Put on every contact, by comma or repeated
    #[arg(long = "tag", value_name = "TAG", value_delimiter = ',')]
    tags: Vec<String>,
    /// Skip whoever did not agree to be called
    #[arg(long)]
    only_with_consent: bool,
    /// Raise a contact event for each change
    #[arg(long)]
    raise_events: bool,
    /// Write the rows that were skipped to this file
    #[arg(long, value_name = "FILE")]
    skipped: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(arguments: &ImportArgs, context: &Context) -> Outcome {
    let start = start_of(&arguments.file)?;
    let list = powerlist::find(context, &arguments.list).await?;
    let path = format!("{}/imports", powerlist::path_of(&list));
    let columns = check(arguments, context, &path, start).await?;
    let name = text_at(&list, "/name");
    context
        .confirm(&format!("Import {} into «{name}» like this?", arguments.file), arguments.yes)?;

    let file = std::fs::read(&arguments.file).map_err(|error| unreadable(arguments, &error))?;
    let query = Query::default()
        .with("columns", Some(columns))
        .with(
            "file_name",
            std::path::Path::new(&arguments.file).file_name().map(|name| name.to_string_lossy()),
        )
        .with("delimiter", arguments.delimiter.as_ref())
        .with("on_existing", arguments.on_existing.as_ref())
        .with("tags", (!arguments.tags.is_empty()).then(|| arguments.tags.join(",")))
        .with("only_with_consent", arguments.only_with_consent.then_some(true))
        .with("raise_events", arguments.raise_events.then_some(true));
    let client = &context.client;
    let job = client.upload(&path, &query, Bytes::from(file), UPLOAD_TIMEOUT).await?;
    let job = watch(context, &job).await?;
    context.output.one(&job, FIELDS);
    tell_skipped(arguments, context, &job).await?;
    Ok(if job["state"] == "done" { Exit::Ok } else { Exit::Failed })
}

fn unreadable(arguments: &ImportArgs, error: &std::io::Error) -> Failure {
    Failure::usage(format!("{} cannot be read: {error}", arguments.file))
}

fn start_of(path: &str) -> Result<Bytes, Failure> {
    let mut start = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(START_BYTES).read_to_end(&mut start));
    match read {
        Ok(_) => Ok(start.into()),
        Err(error) => Err(Failure::usage(format!("{path} cannot be read: {error}"))),
    }
}

/// Shows what each column holds. The columns, as the API takes them.
async fn check(
    arguments: &ImportArgs,
    context: &Context,
    path: &str,
    start: Bytes,
) -> Result<String, Failure> {
    let path = format!("{path}/preview");
    let query = Query::default().with("delimiter", arguments.delimiter.as_ref());
    let timeout = context.patience();
    let mut seen = context.client.upload(&path, &query, start.clone(), timeout).await?;
    if !arguments.map.is_empty() {
        let columns = mapped(&arguments.map, &seen["columns"])?;
        let query = query.with("columns", Some(columns));
        seen = context.client.upload(&path, &query, start, timeout).await?;
    }
    let columns = seen["columns"].as_array().map(Vec::as_slice).unwrap_or_default();
    if context.output.is_for_people() {
        let row = |column: &Value| {
            let field = column["field"].as_str().unwrap_or("(left out)");
            let samples = column["samples"].as_array().into_iter().flatten();
            let samples: Vec<&str> = samples.filter_map(Value::as_str).collect();
            vec![text_at(column, "/name"), field.to_owned(), samples.join(", ")]
        };
        context.output.table(&["COLUMN", "FIELD", "SAMPLES"], columns.iter().map(row).collect());
    }
    let errors = seen["errors"].as_array().into_iter().flatten();
    let errors: Vec<String> = errors.map(|error| text_at(error, "/message")).collect();
    if !errors.is_empty() {
        let hint = "see --map and --delimiter";
        return Err(Failure::failed(format!("{}: {} ({hint})", arguments.file, errors.join("; "))));
    }
    let fields: Vec<&Value> = columns.iter().map(|column| &column["field"]).collect();
    Ok(json!(fields).to_string())
}

/// The suggested columns with what `--map` says instead.
fn mapped(map: &[String], columns: &Value) -> Result<String, Failure> {
    let columns = columns.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut fields: Vec<Value> = columns.iter().map(|column| column["field"].clone()).collect();
    for chosen in map {
        let (name, field) = chosen
            .rsplit_once('=')
            .ok_or_else(|| Failure::usage(format!("--map {chosen:?} is not HEADING=FIELD")))?;
        let place = columns.iter().position(|column| column["name"] == name);
        let place = place
            .ok_or_else(|| Failure::usage(format!("--map: the file has no column {name:?}")))?;
        let field = if field.is_empty() { Value::Null } else { json!(field) };
        // What was only guessed gives way.
        for other in fields.iter_mut().filter(|other| !field.is_null() && **other == field) {
            *other = Value::Null;
        }
        fields[place] = field;
    }
    Ok(Value::from(fields).to_string())
}

/// The job when it is over. Ctrl-C cancels it.
async fn watch(context: &Context, job: &Value) -> Result<Value, Failure> {
    let path = format!("/v1/jobs/{}", text_at(job, "/id"));
    let bar = bar(context);
    let mut ticks = tokio::time::interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_cancelled = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            pressed = tokio::signal::ctrl_c(), if !is_cancelled => {
                is_cancelled = pressed.is_ok();
                bar.set_message("cancelling");
                // One that has just ended cannot be cancelled: it is shown as it ended.
                let _ = context.client.post(&format!("{path}/cancel"), &json!({})).await;
            }
        }
        let job = context.client.get(&path).await?;
        if !job["ended_at"].is_null() {
            bar.finish_and_clear();
            return Ok(job);
        }
        if let Some(rows) = job["progress"]["rows"].as_u64() {
            bar.set_length(rows);
        }
        bar.set_position(job["progress"]["rows_done"].as_u64().unwrap_or_default());
        if !is_cancelled {
            bar.set_message(told(&job));
        }
    }
}

fn bar(context: &Context) -> ProgressBar {
    if !context.output.shows_progress() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("the template is right");
    ProgressBar::new(0).with_style(style)
}

/// The state, and how long it still takes.
fn told(job: &Value) -> String {
    let state = text_at(job, "/state");
    let Some(rate) = job["rows_per_s"].as_f64().filter(|rate| *rate > 0.0) else { return state };
    let count = |name: &str| job["progress"][name].as_u64().unwrap_or_default();
    let left = count("rows").saturating_sub(count("rows_done")) as f64 / rate;
    format!("{state}, {rate:.0} rows/s, {left:.0} s to go")
}

async fn tell_skipped(
    arguments: &ImportArgs,
    context: &Context,
    job: &Value,
) -> Result<(), Failure> {
    if job["progress"]["skipped"].as_u64().unwrap_or_default() == 0 {
        return Ok(());
    }
    let path = format!("/v1/jobs/{}/skipped", text_at(job, "/id"));
    if context.output.is_for_people() {
        let skipped = context.client.get(&path).await?;
        let total = skipped["total"].as_u64().unwrap_or_default();
        let rows = skipped["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        for row in rows.iter().take(SKIPPED_SHOWN) {
            let (line, reason, text) =
                (text_at(row, "/line"), text_at(row, "/reason"), text_at(row, "/text"));
            error_line(&format!("line {line}: {reason} ({text})"));
        }
        if total > SKIPPED_SHOWN as u64 && arguments.skipped.is_none() {
            error_line(&format!("… {total} rows in all; --skipped FILE keeps them"));
        }
    }
    if let Some(file) = &arguments.skipped {
        powerlist::save(context, &format!("{path}.csv"), Some(file)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mapped_by_hand_goes_before_what_is_guessed() {
        let columns = json!([
            {"name": "Phone", "field": "phone_number"},
            {"name": "Cell", "field": "custom_fields.Cell"},
            {"name": "a=b", "field": "custom_fields.a=b"},
        ]);
        let check = |map: &[&str], expected: Value| {
            let map: Vec<String> = map.iter().map(|text| (*text).to_owned()).collect();
            let columns: Value = serde_json::from_str(&mapped(&map, &columns).unwrap()).unwrap();
            assert_eq!(columns, expected);
        };
        check(&[], json!(["phone_number", "custom_fields.Cell", "custom_fields.a=b"]));
        check(&["Cell=phone_number", "a=b="], json!([null, "phone_number", null]));
        assert!(mapped(&["Nobody=email".to_owned()], &columns).is_err());
        assert!(mapped(&["Cell".to_owned()], &columns).is_err());
    }

    #[test]
    fn the_time_to_go_is_told_once_it_is_known() {
        let job = json!({"state": "running", "rows_per_s": 50.0,
            "progress": {"rows": 200, "rows_done": 100}});
        assert_eq!(told(&job), "running, 50 rows/s, 2 s to go");
        assert_eq!(told(&json!({"state": "checking", "rows_per_s": null})), "checking");
    }
}
