//! What commands read: texts from arguments, files and stdin, and points in time.

use std::io::Read;

use posthaste_core::time::Timestamp;
use serde_json::value::RawValue;

use crate::cli::parse_duration;
use crate::exit::Failure;

/// `@file`, `-` for stdin, or the text itself.
pub fn text(argument: &str) -> Result<String, Failure> {
    let bytes = match argument {
        "-" => stdin()?,
        argument => match argument.strip_prefix('@') {
            None => return Ok(argument.to_owned()),
            Some(path) => file(path)?,
        },
    };
    String::from_utf8(bytes).map_err(|_| Failure::usage(format!("{argument} is not UTF-8")))
}

pub fn file(path: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::usage(format!("{path} cannot be read: {error}")))
}

pub fn stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(format!("stdin cannot be read: {error}")))?;
    Ok(bytes)
}

/// JSON as it was typed: only looked at, never written anew, so that the server judges the same
/// numbers the caller wrote.
pub fn json(argument: &str) -> Result<Box<RawValue>, Failure> {
    let text = text(argument)?;
    serde_json::from_str(text.trim())
        .map_err(|error| Failure::usage(format!("the data is not JSON: {error}")))
}

/// A point in time: `1h` ago, or RFC 3339.
pub fn moment(now: Timestamp, text: &str) -> Result<Timestamp, Failure> {
    if let Ok(ago) = parse_duration(text) {
        return Ok(now.saturating_sub(ago));
    }
    Timestamp::parse(text).map_err(|_| {
        Failure::usage(format!("{text:?} is neither a time ago (1h) nor 2025-01-15T14:30:25Z"))
    })
}

/// An optional point in time, as the API takes it.
pub fn moment_text(now: Timestamp, text: Option<&str>) -> Result<Option<String>, Failure> {
    text.map(|text| moment(now, text).map(|moment| moment.to_string())).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_ago_or_a_date() {
        let now = Timestamp::parse("2025-01-15T14:30:25Z").unwrap();
        let check = |text: &str, expected: Option<&str>| {
            let read = moment(now, text).ok().map(|moment| moment.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        };
        check("1h", Some("2025-01-15T13:30:25.000Z"));
        check("2025-01-14T00:00:00+02:00", Some("2025-01-13T22:00:00.000Z"));
        check("yesterday", None);
    }

    #[test]
    fn json_keeps_its_spelling() {
        assert_eq!(json(" {\"n\": 1.0e2} ").unwrap().get(), "{\"n\": 1.0e2}");
        assert!(json("{\"n\":}").is_err());
    }
}
