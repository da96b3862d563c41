//! Under construction.

pub mod client;
pub mod dialer;
pub mod http_transport;
pub mod resolver;
pub mod tls;
pub mod transport;
