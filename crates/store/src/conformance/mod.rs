//! The conformance suite: cases that hold a store to the prose of `posthaste_core::store`, one
//! named test per case and store. A case knows nothing of the store but its traits; what differs
//! between stores is how a fresh one is made and how it is opened again, which a [`Fixture`] says.
//!
//! A bug found in one store is fixed by adding a case here.

mod accounts;
mod contention;
mod deliveries;
mod events;
pub mod fixtures;
mod stats;
mod webhooks;

pub use fixtures::{Collected, Fixture};

/// Emits a test for every case. `$fresh` is an expression that gives a new [`Fixture`].
///
/// ```ignore
/// mod sqlite { posthaste_store::store_suite!(SqliteFixture::fresh()); }
/// ```
#[macro_export]
macro_rules! store_suite {
    ($fresh:expr) => {
        $crate::store_suite!(@all $fresh;
CASES
        );
    };
    (@all $fresh:expr; $($group:ident { $($case:ident),* $(,)? })*) => {
        $(
            mod $group {
                #[allow(unused_imports)]
                use super::*;
                $(
                    #[tokio::test]
                    async fn $case() {
                        let mut fixture = $fresh;
                        $crate::conformance::cases::$group::$case(&mut fixture).await;
                    }
                )*
            }
        )*
    };
}
