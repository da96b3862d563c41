//! The receiver in Rust that the dashboard shows, built as it is shown: web/tests/snippets.test.mjs
//! runs it.

#![expect(
    clippy::disallowed_methods,
    reason = "whoever copies it has neither our clock nor our settings"
)]

include!("../../../web/src/pages/code/snippets/rust.rs");
