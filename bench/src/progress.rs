//! The one line on standard error that says what is going on: rewritten in place on a terminal,
//! and in a log one line for each run, and one every ten seconds while a run is long.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use tokio::time::Instant;

const LOG_EVERY: Duration = Duration::from_secs(10);

pub struct Progress {
    is_terminal: bool,
    run: String,
    /// When a line last went to the log.
    logged: Instant,
}

impl Progress {
    pub fn new() -> Progress {
        Progress { is_terminal: stderr().is_terminal(), run: String::new(), logged: Instant::now() }
    }

    pub fn begin(&mut self, run: String) {
        self.run = run;
        if !self.is_terminal {
            self.logged = Instant::now();
            eprintln!("{}", self.run);
        }
    }

    pub fn show(&mut self, doing: &str) {
        if self.is_terminal {
            eprint!("\r\x1b[K{}: {doing}", self.run);
            // Progress that cannot be shown is no reason to stop.
            let _ = stderr().flush();
        } else if self.logged.elapsed() >= LOG_EVERY {
            self.logged = Instant::now();
            eprintln!("{}: {doing}", self.run);
        }
    }

    pub fn end(&mut self) {
        if self.is_terminal {
            eprint!("\r\x1b[K");
        }
    }
}
