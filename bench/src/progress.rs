//! The one line on standard error that says what is going on: rewritten in place on a terminal,
//! and in a log one line for each run.

use std::io::{IsTerminal, Write, stderr};

pub struct Progress {
    is_terminal: bool,
    run: String,
}

impl Progress {
    pub fn new() -> Progress {
        Progress { is_terminal: stderr().is_terminal(), run: String::new() }
    }

    pub fn begin(&mut self, run: String) {
        self.run = run;
        if !self.is_terminal {
            eprintln!("{}", self.run);
        }
    }

    pub fn show(&mut self, doing: &str) {
        if self.is_terminal {
            eprint!("\r\x1b[K{}: {doing}", self.run);
            // Progress that cannot be shown is no reason to stop.
            let _ = stderr().flush();
        }
    }

    pub fn end(&mut self) {
        if self.is_terminal {
            eprint!("\r\x1b[K");
        }
    }
}
