//! `posthaste trigger`: posts the catalogue's samples, changed to taste and as often as wanted.

use std::time::Duration;

use clap::Args;
use posthaste_core::catalogue::{self, BuiltinEventType};
use serde_json::{Map, Value, json};

use super::{Context, delivery, progress, send, watch, webhook};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Column, Output};

const COLUMNS: &[Column] = &[("EVENT", "/name"), ("GROUP", "/group"), ("WHEN", "/triggered")];
const COUNT_MAX: u64 = 1_000_000;

#[derive(Debug, Args)]
pub struct TriggerArgs {
    /// Event type, such as call.ended
    #[arg(required_unless_present = "list")]
    event: Option<String>,
    /// List the event types that have samples
    #[arg(long)]
    pub list: bool,
    /// Change the sample: data.call_duration=5; the value is JSON, else text. Repeatable
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Take a member out of the sample: data.tags. Repeatable
    #[arg(long, value_name = "PATH")]
    remove: Vec<String>,
    /// Send it so many times
    #[arg(long, value_name = "COUNT", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=COUNT_MAX))]
    count: u64,
    /// At most so many a second, as in 5/s
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    rate: Option<f64>,
    /// Only to this webhook, marked as a test
    #[arg(long, value_name = "WEBHOOK")]
    to: Option<String>,
    /// Wait until it is delivered everywhere; exit 5 if a delivery failed, 6 after --timeout
    #[arg(long, conflicts_with = "to")]
    wait: bool,
}

/// Needs no server: the samples are built in.
pub fn list(output: &Output) -> Outcome {
    let rows: Vec<Value> = catalogue::builtins().iter().map(row).collect();
    output.list(&rows, COLUMNS);
    Ok(Exit::Ok)
}

fn row(event_type: &BuiltinEventType) -> Value {
    let sample: Value = serde_json::from_str(event_type.sample).expect("samples are JSON");
    json!({
        "name": event_type.name,
        "group": event_type.group.title(),
        "triggered": event_type.triggered,
        "sample": sample,
    })
}

pub async fn run(arguments: &TriggerArgs, context: &Context) -> Outcome {
    let event = arguments.event.as_deref().expect("clap asks for it unless --list");
    let data = data(arguments, sample(event)?)?.to_string();
    let bar = progress::bar(&context.output, arguments.count, event);
    let mut pace =
        arguments.rate.map(|rate| tokio::time::interval(Duration::from_secs_f64(1.0 / rate)));
    let mut receipts = Vec::new();
    let mut exit = Exit::Ok;
    for _ in 0..arguments.count {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        if let Some(to) = &arguments.to {
            let tried = webhook::send_test(context, to, Some(event), Some(&data)).await?;
            bar.suspend(|| delivery::show_attempted(&context.output, &tried));
            let how = webhook::exit_of_test(&tried);
            if how != Exit::Ok {
                exit = how;
            }
        } else {
            let body = send::event_body(event, &data, None, None);
            let receipt = context.client.post_text("/v1/events", body, None).await?;
            bar.suspend(|| context.output.one(&receipt, send::RECEIPT));
            if arguments.wait {
                receipts.push(send::watched(&receipt)?);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if arguments.wait { watch::until_delivered(context, &receipts).await } else { Ok(exit) }
}

fn sample(event: &str) -> Result<Value, Failure> {
    let Some(event_type) = catalogue::builtin(event) else {
        let message = format!("there is no sample of {event:?}; see posthaste trigger --list");
        return Err(Failure::new(Exit::NotFound, message));
    };
    Ok(serde_json::from_str(event_type.sample).expect("samples are JSON"))
}

fn data(arguments: &TriggerArgs, mut data: Value) -> Result<Value, Failure> {
    for change in &arguments.set {
        let (path, value) = change
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--set {change:?} is not path=value")))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        set(&mut data, path, value)?;
    }
    for path in &arguments.remove {
        remove(&mut data, path)?;
    }
    Ok(data)
}

/// The steps of `data.customer.name`; the `data.` in front may be left out.
fn steps(path: &str) -> Result<Vec<&str>, Failure> {
    let steps: Vec<&str> = path.strip_prefix("data.").unwrap_or(path).split('.').collect();
    if steps.iter().any(|step| step.is_empty()) {
        return Err(Failure::usage(format!("{path:?} is not a path such as data.call_duration")));
    }
    Ok(steps)
}

/// Sets a member, making the objects on the way to it. A number steps into an array.
fn set(data: &mut Value, path: &str, value: Value) -> Result<(), Failure> {
    let steps = steps(path)?;
    let (last, way) = steps.split_last().expect("a split gives at least one");
    let mut place = data;
    for step in way {
        place = match place {
            Value::Array(items) => element(items, step, path)?,
            other => members(other).entry(*step).or_insert(Value::Null),
        };
    }
    match place {
        Value::Array(items) => *element(items, last, path)? = value,
        other => {
            members(other).insert((*last).to_owned(), value);
        }
    }
    Ok(())
}

fn element<'a>(items: &'a mut [Value], step: &str, path: &str) -> Result<&'a mut Value, Failure> {
    let count = items.len();
    let found = step.parse().ok().and_then(|position: usize| items.get_mut(position));
    found.ok_or_else(|| Failure::usage(format!("{path:?}: there are {count} items, from 0 on")))
}

/// The members of an object; what is not an object becomes one.
fn members(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("made one just now")
}

fn remove(data: &mut Value, path: &str) -> Result<(), Failure> {
    let steps = steps(path)?;
    let (last, way) = steps.split_last().expect("a split gives at least one");
    let pointer: String = way.iter().map(|step| format!("/{step}")).collect();
    let removed = match data.pointer_mut(&pointer) {
        Some(Value::Object(members)) => members.shift_remove(*last).is_some(),
        _ => false,
    };
    if removed { Ok(()) } else { Err(Failure::usage(format!("the sample has no {path:?}"))) }
}

/// `5/s`, `0.5/s`, `300/min`, or a bare number per second.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    let (count, unit) = text.split_once('/').unwrap_or((text, "s"));
    let seconds = match unit {
        "s" => 1.0,
        "m" | "min" => 60.0,
        _ => return Err(format!("{text:?} is not a rate such as 5/s or 300/min")),
    };
    match count.parse::<f64>() {
        Ok(count) if count.is_finite() && count > 0.0 => Ok(count / seconds),
        _ => Err(format!("{text:?} is not a rate such as 5/s or 300/min")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_changed_where_it_was_told() {
        let check = |path: &str, value: Value, expected: Value| {
            let mut data = json!({"a": 1, "b": {"c": 2}, "list": [1, 2]});
            set(&mut data, path, value).unwrap();
            assert_eq!(data, expected, "{path}");
        };
        check("data.a", json!(5), json!({"a": 5, "b": {"c": 2}, "list": [1, 2]}));
        check("b.c", json!("x"), json!({"a": 1, "b": {"c": "x"}, "list": [1, 2]}));
        check("b.d.e", json!(1), json!({"a": 1, "b": {"c": 2, "d": {"e": 1}}, "list": [1, 2]}));
        check("list.1", json!(9), json!({"a": 1, "b": {"c": 2}, "list": [1, 9]}));
        assert!(set(&mut json!({"list": []}), "list.0", json!(1)).is_err());
        assert!(set(&mut json!({}), "data..x", json!(1)).is_err());
    }

    #[test]
    fn only_what_is_there_can_be_removed() {
        let mut data = json!({"a": 1, "b": {"c": 2}});
        remove(&mut data, "data.b.c").unwrap();
        assert_eq!(data, json!({"a": 1, "b": {}}));
        assert!(remove(&mut data, "data.b.c").is_err());
    }

    #[test]
    fn a_rate_says_how_often_a_second() {
        let check = |text: &str, expected: Option<f64>| {
            assert_eq!(parse_rate(text).ok(), expected, "{text}");
        };
        check("5/s", Some(5.0));
        check("5", Some(5.0));
        check("300/min", Some(5.0));
        check("0/s", None);
        check("5/day", None);
        check("inf", None);
    }

    #[test]
    fn every_event_type_has_a_sample_to_trigger() {
        for event_type in catalogue::builtins() {
            assert!(sample(event_type.name).unwrap().is_object(), "{}", event_type.name);
        }
        assert_eq!(sample("call.imagined").unwrap_err().exit, Exit::NotFound);
    }
}
