//! `posthaste sign`: the signature headers of a body, offline, for testing a receiver.

use clap::Args;
use posthaste_core::id::EventId;
use posthaste_core::secret::{Secret, SigningKey};
use posthaste_core::signature::{SignatureFormat, spell_standard};
use posthaste_core::time::{Clock, Timestamp};
use serde_json::{Map, Value};

use super::input;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Output, line};
use crate::system::SystemClock;

#[derive(Debug, Args)]
pub struct SignArgs {
    /// The webhook's secret
    #[arg(long, value_name = "whsec_…", env = "PH_SECRET", hide_env_values = true)]
    secret: String,
    /// The body: a file [default: stdin]
    #[arg(long, value_name = "FILE")]
    body: Option<String>,
    /// webhook-id [default: one made of the time]
    #[arg(long)]
    id: Option<String>,
    /// webhook-timestamp in unix seconds [default: now]
    #[arg(long, value_name = "SECONDS")]
    timestamp: Option<u64>,
    /// How x-webhook-signature is spelled: hex or sha256=
    #[arg(long, value_name = "FORMAT", default_value = "hex")]
    format: String,
}

pub fn run(arguments: &SignArgs, output: &Output) -> Outcome {
    let secret = secret(&arguments.secret, "--secret")?;
    let format = SignatureFormat::parse(&arguments.format)
        .map_err(|invalid| Failure::usage(format!("--format {invalid}")))?;
    let body = body(arguments.body.as_deref())?;
    let now = SystemClock.now();
    let id = match &arguments.id {
        Some(id) if id.is_empty() || id.contains('.') => {
            return Err(Failure::usage("--id must not be empty and have no full stop"));
        }
        Some(id) => id.clone(),
        None => EventId::from_raw(posthaste_core::id::first_of_millisecond(now)).to_string(),
    };
    let timestamp =
        arguments.timestamp.map_or_else(|| unix_seconds(now), |given| given.to_string());
    let headers = headers(&SigningKey::new(&secret), format, &id, &timestamp, &body);
    if output.is_for_people() {
        headers.iter().for_each(|(name, value)| line(&format!("{name}: {value}")));
    } else {
        let members = headers.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        output.one(&Value::Object(members.collect::<Map<_, _>>()), &[]);
    }
    Ok(Exit::Ok)
}

fn headers(
    key: &SigningKey,
    format: SignatureFormat,
    id: &str,
    timestamp: &str,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let digest = key.sign_body(body);
    vec![
        ("x-webhook-signature", format.spell(&digest)),
        ("x-webhook-signature-256", SignatureFormat::Sha256Prefix.spell(&digest)),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_owned()),
        (
            "webhook-signature",
            spell_standard(&key.sign_standard(id.as_bytes(), timestamp.as_bytes(), body)),
        ),
    ]
}

fn unix_seconds(now: Timestamp) -> String {
    now.as_unix_seconds().to_string()
}

/// Exactly the bytes that were given: a line break at the end is part of what is signed.
pub fn body(path: Option<&str>) -> Result<Vec<u8>, Failure> {
    path.map_or_else(input::stdin, input::file)
}

pub fn secret(text: &str, flag: &str) -> Result<Secret, Failure> {
    Secret::parse(text.trim()).map_err(|invalid| Failure::usage(format!("{flag}: {invalid}")))
}
