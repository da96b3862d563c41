//! The rules of Posthaste: what an event, a webhook, a delivery and an attempt are, which webhooks an
//! event goes to, what is sent, how it is signed, where it may be sent, and what happens next.
//!
//! Everything here is a pure function or a plain type. There is no clock, no chance, no socket, no
//! file and no runtime in this crate: `now` and random bytes are arguments, and what touches the
//! world (`store`, `dispatch`, `api`) implements a trait that is described here.

pub mod attempt;
pub mod custom_headers;
pub mod egress;
pub mod error;
pub mod id;
pub mod limits;
pub mod target_url;
pub mod time;
