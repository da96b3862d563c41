//! The only real clock and the only real source of chance. Everything else gets them as arguments.

use std::cell::RefCell;

use posthaste_core::time::{Clock, Entropy, Timestamp};
use zeroize::Zeroize as _;

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
        let now = std::time::SystemTime::now();
        // A clock before 1970 is a broken clock; 1970 is as good as any other answer to it.
        let since_epoch = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::EPOCH.saturating_add(since_epoch)
    }
}

/// The operating system's random bytes. Taken a kilobyte at a time: every request wants a few for
/// its id and every retry for its jitter, and a call of the kernel for each is 1 % of a delivery.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

const POOL_BYTES: usize = 1024;

/// Random bytes that nobody has seen yet.
struct Pool {
    bytes: [u8; POOL_BYTES],
    left: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL_BYTES], left: 0 }) };
}

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        POOL.with_borrow_mut(|pool| {
            for chunk in bytes.chunks_mut(POOL_BYTES) {
                if pool.left < chunk.len() {
                    fill_from_system(&mut pool.bytes);
                    pool.left = POOL_BYTES;
                }
                let taken = &mut pool.bytes[pool.left - chunk.len()..pool.left];
                chunk.copy_from_slice(taken);
                // They may become a secret: no copy stays behind, and none is given out twice.
                taken.zeroize();
                pool.left -= chunk.len();
            }
        });
    }
}

fn fill_from_system(bytes: &mut [u8]) {
    #[expect(clippy::disallowed_methods, reason = "the one place that takes random bytes")]
    // Without chance there are no keys, secrets or tokens: nothing safe is left to do.
    getrandom::fill(bytes).expect("the operating system gives random bytes");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_past_this_programs_birth_and_chance_is_not_constant() {
        assert!(SystemClock.now() > Timestamp::parse("2025-01-01T00:00:00Z").unwrap());
        let (mut one, mut other) = ([0; 16], [0; 16]);
        OsEntropy.fill(&mut one);
        OsEntropy.fill(&mut other);
        assert_ne!(one, other);
    }

    #[test]
    fn no_random_byte_is_given_out_twice_or_left_out() {
        // 24 bytes that come again anywhere in 24 kB would be no chance.
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1_000 {
            let mut bytes = [0; 24];
            OsEntropy.fill(&mut bytes);
            assert!(seen.insert(bytes));
        }
        let mut more_than_a_pool = [0; 3 * POOL_BYTES + 7];
        OsEntropy.fill(&mut more_than_a_pool);
        let longest_run = more_than_a_pool.chunk_by(|_, next| *next == 0).map(<[u8]>::len).max();
        assert!(longest_run < Some(8), "{longest_run:?} bytes were not filled");
    }
}
