//! The OpenAPI document in the repository is the one this code makes.

use std::path::Path;

/// `UPDATE_OPENAPI=1` writes it instead.
#[test]
fn the_document_in_the_repository_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.json");
    let made = posthaste_api::openapi_document();
    let mut made = serde_json::to_string_pretty(&made).expect("a value can be written");
    made.push('\n');
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &made).expect("the repository can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "openapi.json is not up to date: run this test with UPDATE_OPENAPI=1");
}
