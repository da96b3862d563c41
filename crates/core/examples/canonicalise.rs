//! Prints the canonical form of the JSON on standard input, or says why there is none.
//!
//! With a number it does the work so many times and prints nothing, for a clock around it:
//! `time target/release/examples/canonicalise 1000 < document.json`.

use std::io::{Read, Write};
use std::process::ExitCode;

use posthaste_core::canonical::canonicalise;

fn main() -> std::io::Result<ExitCode> {
    let times = std::env::args().nth(1).and_then(|times| times.parse::<u32>().ok());
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text)?;
    for _ in 1..times.unwrap_or(1) {
        std::hint::black_box(canonicalise(std::hint::black_box(&text)).is_ok());
    }
    match canonicalise(&text) {
        Ok(canonical) if times.is_none() => std::io::stdout().write_all(canonical.as_bytes())?,
        Ok(_) => {}
        Err(invalid) => {
            eprintln!("{invalid}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
