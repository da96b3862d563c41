//! Hashes and compares passwords with argon2id: slow and hungry on purpose, so on blocking
//! threads, a few at a time, and with a bound on how many wait.

use std::sync::Arc;

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use posthaste_core::limits::{PASSWORDS_HASHED_MAX, PASSWORDS_WAITING_MAX};
use posthaste_core::time::Entropy;
use posthaste_core::user::{Password, PasswordHash};
use tokio::sync::Semaphore;

use crate::error::{ApiError, Code};

/// What OWASP's cheat sheet advises at the least: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

/// The hash of nobody's password, with the parameters above. A sign-in for an address that is not
/// known is compared with it, and takes as long as any other.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdCEhIQ$\
                       Tm9ib2R5IGhhcyB0aGlzIGhhc2guIFJlYWxseSwgbm8";

#[derive(Debug)]
pub struct Passwords {
    waiting: Arc<Semaphore>,
    hashing: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Passwords {
        Passwords {
            waiting: Arc::new(Semaphore::new(PASSWORDS_WAITING_MAX)),
            hashing: Arc::new(Semaphore::new(PASSWORDS_HASHED_MAX)),
        }
    }
}

impl Passwords {
    pub async fn hash(
        &self,
        password: Password,
        entropy: &dyn Entropy,
    ) -> Result<PasswordHash, ApiError> {
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt);
        self.run(move || {
            let hash = argon2().hash_password_with_salt(password.expose().as_bytes(), &salt);
            PasswordHash::new(hash.expect("the parameters and the salt are right").to_string())
        })
        .await
    }

    /// Whether it is that one. Takes as long when there is none to compare it with.
    pub async fn is_right(
        &self,
        password: Password,
        hash: Option<PasswordHash>,
    ) -> Result<bool, ApiError> {
        self.run(move || {
            let known = hash.as_ref().map_or(NOBODYS, PasswordHash::expose);
            let is_same = argon2().verify_password(password.expose().as_bytes(), known).is_ok();
            is_same && hash.is_some()
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return Err(ApiError::new(Code::Overloaded, "too many sign in at this moment"));
        };
        // Moves into the work: a caller who hangs up does not make room while it goes on.
        let place = self.hashing.clone().acquire_owned().await.expect("never closed");
        let working = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        working.await.map_err(|_| ApiError::internal())
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn typed(text: &str) -> Password {
        Password::typed(text.to_owned()).expect("short")
    }

    #[tokio::test]
    async fn the_right_password_is_known_and_no_other() {
        let passwords = Passwords::default();
        let hash = passwords.hash(typed("correct horse"), &Fixed).await.expect("room");
        for (text, expected) in [("correct horse", true), ("correct horsf", false), ("", false)] {
            let right = passwords.is_right(typed(text), Some(hash.clone())).await.expect("room");
            assert_eq!(right, expected, "{text:?}");
            assert!(!passwords.is_right(typed(text), None).await.expect("room"));
        }
        let junk = PasswordHash::new("junk".to_owned());
        assert!(!passwords.is_right(typed("junk"), Some(junk)).await.expect("room"));
    }

    /// The work of a comparison is what the parameters in the hash say.
    #[tokio::test]
    async fn nobodys_password_takes_the_same_work() {
        let hash = Passwords::default().hash(typed("correct horse"), &Fixed).await.expect("room");
        let parts = |text: &str| -> (String, Vec<usize>) {
            let mut parts: Vec<&str> = text.split('$').collect();
            let tail = parts.split_off(4);
            (parts.join("$"), tail.into_iter().map(str::len).collect())
        };
        assert_eq!(parts(hash.expose()), parts(NOBODYS));
        assert!(argon2().verify_password(b"x", NOBODYS).is_err());
        let parsed: Result<argon2::PasswordHash, _> = NOBODYS.parse();
        assert!(parsed.is_ok(), "it is compared, not refused unread");
    }

    #[tokio::test]
    async fn more_than_may_wait_are_refused() {
        let passwords = Passwords::default();
        let held = passwords.waiting.clone().acquire_many_owned(PASSWORDS_WAITING_MAX as u32);
        let held = held.await.expect("never closed");
        let refused = passwords.is_right(typed("x"), None).await.expect_err("no room");
        assert_eq!(refused.code, Code::Overloaded);
        drop(held);
        assert!(passwords.is_right(typed("x"), None).await.is_ok());
    }
}
