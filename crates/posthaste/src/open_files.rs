//! The limit on open files. Many systems start programs with room for 1,024 although they would
//! allow far more; every delivery in flight is a socket, and there can be thousands.

use posthaste_core::limits::IN_FLIGHT_MAX;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a busy server uses: deliveries in flight, as many callers, files of the store.
pub const WANTED: u64 = 2 * IN_FLIGHT_MAX as u64 + 1_024;

/// Raises the limit as far as it may be raised without privileges. Gives what it then is; `None`
/// means unlimited.
pub fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised =
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    if let Err(error) = raised {
        tracing::debug!(%error, "the limit on open files cannot be raised");
    }
    let limit = getrlimit(Resource::Nofile).current;
    if limit.is_some_and(|files| files < WANTED) {
        tracing::warn!(
            files = limit,
            wanted = WANTED,
            "few files may be open: under load, deliveries will wait for sockets (ulimit -Hn)"
        );
    }
    limit
}
