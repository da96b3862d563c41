//! The product through its real binary, against receivers as their users write them.

#[path = "../../../core/tests/support/hostile_documents.rs"]
mod hostile_documents;
mod http;
mod isolation;
mod kill;
mod rate_limited;
mod receiver;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod verified;
