//! The connections that are open and wait for their next request, by origin. All were opened
//! under the one policy that the process was started with, so an idle one needs no second check.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use posthaste_core::limits::IDLE_CONNECTION;
use tokio::time::Instant;

use crate::http1::Http1;
use crate::http2::Http2;

/// Idle connections kept to one host: more than a webhook's default in flight, several of which
/// may share a host. A receiver that gets more at once pays with new connections.
const IDLE_PER_HOST_MAX: usize = 256;
/// How often connections are looked for that nobody has asked for in time.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Held by whoever sends; when the last one is gone, all idle connections are closed.
#[derive(Default)]
pub(crate) struct Pool {
    /// By `TargetUrl::origin`. Customers choose them, so the map's hash is the keyed one.
    hosts: RwLock<HashMap<Box<str>, Arc<Host>>>,
    is_swept: AtomicBool,
}

/// What is open to one origin. Each has a lock of its own, held for a few instructions.
#[derive(Default)]
pub(crate) struct Host(Mutex<Open>);

#[derive(Default)]
struct Open {
    /// In the order in which they became idle. The last is taken first, so that when there are too
    /// many the same ones wait on, and grow old.
    idle: Vec<Idle>,
    shared: Option<Shared>,
}

struct Idle {
    connection: Box<Http1>,
    since: Instant,
}

/// On HTTP/2 all requests share one.
struct Shared {
    connection: Http2,
    last_used: Instant,
}

/// A connection to send on.
pub(crate) enum Lent {
    Http1(Box<Http1>),
    Http2(Http2),
}

impl Pool {
    pub(crate) fn host(&self, origin: &str) -> Arc<Host> {
        if let Some(host) = self.hosts.read().get(origin) {
            return host.clone();
        }
        self.hosts.write().entry(origin.into()).or_default().clone()
    }

    /// Keeps a connection that is good for another request.
    pub(crate) fn keep(self: &Arc<Pool>, host: &Host, connection: Box<Http1>) {
        let since = Instant::now();
        {
            let mut open = host.0.lock();
            if open.idle.len() >= IDLE_PER_HOST_MAX {
                return;
            }
            open.idle.push(Idle { connection, since });
        }
        self.sweep_from_now_on();
    }

    /// Lets others use a connection too, unless they have one already.
    pub(crate) fn share(self: &Arc<Pool>, host: &Host, connection: &Http2) {
        let last_used = Instant::now();
        {
            let shared = &mut host.0.lock().shared;
            if shared.as_ref().is_some_and(|shared| !shared.connection.is_closed()) {
                return;
            }
            *shared = Some(Shared { connection: connection.clone(), last_used });
        }
        self.sweep_from_now_on();
    }

    fn sweep_from_now_on(self: &Arc<Pool>) {
        if !self.is_swept.load(Ordering::Relaxed) && !self.is_swept.swap(true, Ordering::Relaxed) {
            let sweeper = Sweeper(Arc::downgrade(self));
            // Nobody waits for this task: it ends when the pool is gone.
            tokio::spawn(async move {
                let mut beat = tokio::time::interval(SWEEP_EVERY);
                loop {
                    beat.tick().await;
                    let Some(pool) = sweeper.0.upgrade() else { return };
                    pool.close_old(Instant::now());
                }
            });
        }
    }

    fn close_old(&self, now: Instant) {
        let is_old = |since: Instant| now.duration_since(since) >= IDLE_CONNECTION;
        self.hosts.write().retain(|_, host| {
            let mut open = host.0.lock();
            open.idle.retain(|idle| !is_old(idle.since));
            let is_done =
                |shared: &mut Shared| is_old(shared.last_used) && shared.connection.is_unused();
            open.shared.take_if(is_done);
            // Whoever has asked for the host is about to open a connection, or uses one.
            !open.idle.is_empty() || open.shared.is_some() || Arc::strong_count(host) > 1
        });
    }
}

/// Should its runtime end before the pool does, then the next one gets a sweeper again.
struct Sweeper(Weak<Pool>);

impl Drop for Sweeper {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.is_swept.store(false, Ordering::Relaxed);
        }
    }
}

impl Host {
    /// A connection that has been used before, and as far as can be known is still open.
    pub(crate) fn borrow(&self, now: Instant) -> Option<Lent> {
        let mut open = self.0.lock();
        open.shared.take_if(|shared| shared.connection.is_closed());
        if let Some(shared) = &mut open.shared {
            shared.last_used = now;
            return Some(Lent::Http2(shared.connection.clone()));
        }
        while let Some(Idle { mut connection, since }) = open.idle.pop() {
            if now.duration_since(since) >= IDLE_CONNECTION {
                // And so are all before it.
                open.idle.clear();
                return None;
            }
            if connection.is_usable() {
                return Some(Lent::Http1(connection));
            }
        }
        None
    }

    /// The connection refuses requests, or is gone: others must not meet it.
    pub(crate) fn forget(&self, connection: &Http2) {
        self.0.lock().shared.take_if(|shared| shared.connection.is_same(connection));
    }
}
