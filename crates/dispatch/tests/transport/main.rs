//! The transport against real sockets: what it sends, what it takes from hostile receivers, where
//! it refuses to go. No test waits for time to pass; those about deadlines have short ones.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod egress;
mod framing;
mod hostile;
mod pooling;
mod receiver;
mod tls;
