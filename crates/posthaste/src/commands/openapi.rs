//! `posthaste openapi`: the API's description, without a server.

use crate::exit::{Exit, Outcome};
use crate::output::line;

pub fn run() -> Outcome {
    line(
        &serde_json::to_string_pretty(&posthaste_api::openapi_document())
            .expect("a value can be written"),
    );
    Ok(Exit::Ok)
}
