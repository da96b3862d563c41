//! `posthaste openapi`: the API's description, without a server.

use crate::exit::{Exit, Outcome};
use crate::output::line;

pub fn run() -> Outcome {
    line(&posthaste_api::openapi_document().to_pretty_json().expect("the document can be written"));
    Ok(Exit::Ok)
}
