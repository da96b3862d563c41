//! `posthaste event-type import`: reads files, compares them with what the server has, and stores
//! what is new or different. Everything is judged before anything is stored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use posthaste_api::check_schema;
use posthaste_core::canonical::canonicalise_object;
use posthaste_core::event_type_import::{Found, from_openapi, from_schema, is_openapi, settings};
use serde_json::{Value, json};

use crate::client::{Query, encode};
use crate::commands::{Context, input};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::Column;

const COLUMNS: &[Column] = &[("NAME", "/name"), ("RESULT", "/result"), ("WHY", "/why")];
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// A folder of JSON Schemas, one of them, or an OpenAPI document
    path: PathBuf,
    /// Take the component schemas of an OpenAPI document whose names begin with this
    #[arg(long)]
    prefix: Option<String>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// What is to be done about one name.
struct Step {
    name: String,
    verdict: Verdict,
}

enum Verdict {
    Add(Value),
    Change(Value),
    Unchanged,
    BuiltIn,
    Refused(String),
}

pub async fn run(arguments: &ImportArgs, context: &Context) -> Outcome {
    let found = read(arguments)?;
    let listed = context.client.list("/v1/event-types", &Query::default(), usize::MAX).await?;
    let mut steps = plan(found, &listed);
    let refused = steps.iter().any(|step| matches!(step.verdict, Verdict::Refused(_)));
    let rows: Vec<Value> =
        steps.iter().map(|step| row(step, arguments.dry_run || refused)).collect();
    if refused || arguments.dry_run {
        context.output.list(&rows, COLUMNS);
    }
    if refused {
        return Err(Failure::failed("nothing was stored, because of what is refused above"));
    }
    if arguments.dry_run {
        return Ok(Exit::Ok);
    }
    steps.retain(|step| matches!(step.verdict, Verdict::Add(_) | Verdict::Change(_)));
    let count = steps.len();
    for (done, Step { name, verdict }) in steps.into_iter().enumerate() {
        let (Verdict::Add(body) | Verdict::Change(body)) = verdict else { continue };
        let path = format!("/v1/event-types/{}", encode(&name));
        if let Err(mut failure) = context.client.put(&path, &body).await {
            failure.message = format!(
                "{name} could not be stored, {done} of {count} were; run it again to go on: {}",
                failure.message
            );
            return Err(failure);
        }
    }
    context.output.list(&rows, COLUMNS);
    Ok(Exit::Ok)
}

fn read(arguments: &ImportArgs) -> Result<Vec<Found>, Failure> {
    let path = &arguments.path;
    if !path.is_dir() {
        let document = document(path)?;
        if is_openapi(&document) {
            let found = from_openapi(&document, arguments.prefix.as_deref());
            return found.map_err(|why| Failure::usage(format!("{}: {why}", path.display())));
        }
        return Ok(vec![from_schema(&stem(path), &document)]);
    }
    let unreadable = |error| Failure::usage(format!("{} cannot be read: {error}", path.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let ending = file.extension().and_then(|ending| ending.to_str());
        if ending.is_some_and(|ending| ENDINGS.contains(&ending)) && file.is_file() {
            files.push(file);
        }
    }
    if files.is_empty() {
        let why = format!("{} has no .json, .yaml or .yml file", path.display());
        return Err(Failure::usage(why));
    }
    files.sort();
    files.iter().map(|file| Ok(from_schema(&stem(file), &document(file)?))).collect()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// JSON is YAML, but not to every parser in every corner: what is called JSON is read as JSON.
fn document(path: &Path) -> Result<Value, Failure> {
    let shown = path.display();
    let text = String::from_utf8(input::file(&path.to_string_lossy())?)
        .map_err(|_| Failure::usage(format!("{shown} is not UTF-8")))?;
    if path.extension().is_some_and(|ending| ending == "json") {
        let read = serde_json::from_str(&text);
        return read.map_err(|error| Failure::usage(format!("{shown} is not JSON: {error}")));
    }
    let read = serde_saphyr::from_str(&text);
    read.map_err(|error| Failure::usage(format!("{shown} is neither JSON nor YAML: {error}")))
}

fn plan(found: Vec<Found>, listed: &[Value]) -> Vec<Step> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for found in &found {
        *seen.entry(found.name.clone()).or_default() += 1;
    }
    let judged = found.into_iter().map(|Found { name, event_type }| {
        let existing = listed.iter().find(|event_type| event_type["name"] == name.as_str());
        let verdict = match event_type {
            Ok(_) if existing.is_some_and(|existing| existing["built_in"] == true) => {
                Verdict::BuiltIn
            }
            Ok(_) if seen[&name] > 1 => Verdict::Refused("is there more than once".to_owned()),
            Ok(imported) => match usable(settings(&imported, existing)) {
                Err(why) => Verdict::Refused(why),
                Ok(body) => match existing {
                    None => Verdict::Add(body),
                    Some(existing) if is_so(existing, &body) => Verdict::Unchanged,
                    Some(_) => Verdict::Change(body),
                },
            },
            Err(why) => Verdict::Refused(why),
        };
        Step { name, verdict }
    });
    judged.collect()
}

/// As the server would store it, or why it would not.
fn usable(mut body: Value) -> Result<Value, String> {
    for member in ["schema", "sample"] {
        if body[member].is_null() {
            continue;
        }
        let text = body[member].to_string();
        let canonical = canonicalise_object(text.as_bytes())
            .map_err(|invalid| format!("{member}: {invalid}"))?;
        if member == "schema" {
            check_schema(&canonical).map_err(|invalid| format!("schema: {invalid}"))?;
        }
        body[member] = serde_json::from_str(&canonical).expect("canonical JSON is JSON");
    }
    Ok(body)
}

fn is_so(existing: &Value, body: &Value) -> bool {
    body.as_object().into_iter().flatten().all(|(member, value)| existing[member] == *value)
}

fn row(step: &Step, only_told: bool) -> Value {
    let (done, would_be) = match &step.verdict {
        Verdict::Add(_) => ("added", "would be added"),
        Verdict::Change(_) => ("changed", "would be changed"),
        Verdict::Unchanged => ("unchanged", "unchanged"),
        Verdict::BuiltIn => ("skipped", "skipped"),
        Verdict::Refused(_) => ("refused", "refused"),
    };
    let why = match &step.verdict {
        Verdict::Refused(why) => why.as_str(),
        Verdict::BuiltIn => "is built in",
        _ => "",
    };
    json!({ "name": step.name, "result": if only_told { would_be } else { done }, "why": why })
}
