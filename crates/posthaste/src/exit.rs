//! How a command ends: the exit codes scripts rely on, and failures with what a person needs to
//! hear.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// The exit codes of the command line. Documented in `posthaste --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Ok = 0,
    Failed = 1,
    Usage = 2,
    NotFound = 3,
    NotAllowed = 4,
    DeliveryFailed = 5,
    TimedOut = 6,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> std::process::ExitCode {
        std::process::ExitCode::from(exit as u8)
    }
}

/// Why a command could not do what it was asked to.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
    /// The server's own words, where it said any (RFC 9457).
    pub problem: Option<Value>,
    /// When it may be tried again, where the server said so.
    pub retry_after: Option<Duration>,
}

pub type Outcome = Result<Exit, Failure>;

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), problem: None, retry_after: None }
    }

    pub fn failed(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Failed, message)
    }

    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }

    /// From what a server answered.
    pub fn of_problem(status: u16, problem: Value) -> Failure {
        let exit = match status {
            404 => Exit::NotFound,
            401 | 403 => Exit::NotAllowed,
            408 | 504 => Exit::TimedOut,
            _ => Exit::Failed,
        };
        let message = sentence(status, &problem);
        Failure { exit, message, problem: Some(problem), retry_after: None }
    }

    /// Asking again would bring the same answer: the server understood, and will not. What was no
    /// answer, or a 503, may be another one soon.
    pub fn is_final(&self) -> bool {
        let status = self.problem.as_ref().and_then(|problem| problem["status"].as_u64());
        status.is_some_and(|status| (400..500).contains(&status))
    }

    /// What to write to stderr when the output is JSON: the server's problem, or one of our own
    /// in the same shape.
    pub fn as_json(&self) -> Value {
        self.problem.clone().unwrap_or_else(
            || serde_json::json!({ "title": self.message, "code": "cli", "exit": self.exit as u8 }),
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::failed(format!("{error:#}"))
    }
}

/// One readable sentence: what it is, and each field that is wrong with its pointer.
fn sentence(status: u16, problem: &Value) -> String {
    let text = |name: &str| problem[name].as_str().filter(|text| !text.is_empty());
    let fields = problem["errors"].as_array().into_iter().flatten().map(|error| {
        let message = error["message"].as_str().unwrap_or_default();
        match error["pointer"].as_str().unwrap_or_default() {
            "" => message.to_owned(),
            pointer => format!("{pointer}: {message}"),
        }
    });
    let fields = fields.collect::<Vec<String>>().join("; ");
    // The detail repeats the only complaint, or counts several: then they say more.
    let detail = if fields.is_empty() { text("detail") } else { Some(fields.as_str()) };
    match (text("title"), detail) {
        (Some(title), Some(detail)) => format!("{title}: {detail}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => format!("the server answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(status: u16, problem: Value, exit: Exit, message: &str) {
        let failure = Failure::of_problem(status, problem);
        assert_eq!((failure.exit, failure.message.as_str()), (exit, message));
    }

    #[test]
    fn a_problem_becomes_one_sentence_and_an_exit_code() {
        check(404, json!({"title": "not found"}), Exit::NotFound, "not found");
        check(
            422,
            json!({"title": "not valid", "errors": [
                {"pointer": "/url", "message": "is required"},
                {"pointer": "", "message": "too long"},
            ]}),
            Exit::Failed,
            "not valid: /url: is required; too long",
        );
        check(
            422,
            json!({"title": "not valid", "detail": "/url: must be https", "errors": [
                {"pointer": "/url", "message": "must be https"},
            ]}),
            Exit::Failed,
            "not valid: /url: must be https",
        );
        check(
            403,
            json!({"title": "not allowed", "detail": "the key may only publish"}),
            Exit::NotAllowed,
            "not allowed: the key may only publish",
        );
        check(502, json!("<html>"), Exit::Failed, "the server answered 502");
    }
}
