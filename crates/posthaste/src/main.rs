//! The program `posthaste`: parses its arguments, runs what they ask for, exits with a code that
//! says how it went. Everything else stands in the library beside this file.

use std::process::ExitCode;

/// Every delivery allocates its body and headers and frees them on another thread; mimalloc does
/// that without the system allocator's locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    posthaste::run(posthaste::cli::parse()).into()
}
