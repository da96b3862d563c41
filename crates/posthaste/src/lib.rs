//! The binary: settings, wiring and the command line. The only crate that knows all others, and
//! the only one with a real clock and real chance (`system`).
//!
//! - the server: [`config`] reads the settings, [`serve`] puts the parts together, [`first_start`]
//!   makes what an empty store needs, [`telemetry`] writes the log, [`allocator`] gives back memory;
//! - the command line: [`cli`] is what may be typed, [`commands`] what it does, [`client`] talks
//!   to a server ([`server_sent`] reads its live stream), [`output`] prints, [`exit`] says how it ended.

pub mod allocator;
pub mod cli;
pub mod client;
pub mod commands;
pub mod config;
pub mod exit;
pub mod first_start;
pub mod head_timer;
pub mod listen;
pub mod open_files;
pub mod output;
pub mod serve;
pub mod server_sent;
pub mod system;
pub mod telemetry;

use cli::Cli;
use exit::Exit;
use output::{Format, Output};

/// Runs one command to its end.
pub fn run(cli: Cli) -> Exit {
    let global = &cli.global;
    let no_color = global.no_color.as_ref().is_some_and(|value| !value.is_empty());
    let output = Output::new(global.output, global.quiet, global.color, no_color);
    let as_json = matches!(global.output, Some(Format::Json | Format::Jsonl));
    match commands::run(cli, output) {
        Ok(exit) => exit,
        Err(failure) if as_json => {
            output::error_line(&failure.as_json().to_string());
            failure.exit
        }
        Err(failure) => {
            output::error_line(&format!("error: {failure}"));
            failure.exit
        }
    }
}
