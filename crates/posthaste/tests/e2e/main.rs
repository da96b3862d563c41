//! The product through its real binary, against receivers as their users write them.

#[path = "../../../core/tests/support/hostile_documents.rs"]
mod hostile_documents;
mod http;
mod inbound;
mod isolation;
mod kill;
mod lifecycle;
mod rate_limited;
mod receiver;
mod scripted;
mod server;
mod sign_in;
#[path = "../support/mod.rs"]
mod support;
mod verified;
mod wire;

/// For anything a test waits for: so long that only a fault gets there.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
