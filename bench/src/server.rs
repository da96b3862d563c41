//! A server under test, as a child process, and what the kernel says it has used. Ended through
//! its own handle, and in every case when that is dropped.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::{Instant, sleep};

/// `USER_HZ`, the unit of times in `/proc`: 100 on every architecture of Linux we build for.
const CLOCK_TICKS_PER_S: u64 = 100;
/// More than the product takes to finish what is in flight, even with a million deliveries or under
/// valgrind.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const LOG_TAIL_BYTES: usize = 2_000;

pub struct Server {
    child: Child,
    log: PathBuf,
}

/// Counted since the process started. Zero where there is no `/proc`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub cpu_us: u64,
    pub memory_max_bytes: u64,
    pub memory_bytes: u64,
    /// Sent to the disk, not just to the page cache.
    pub written_bytes: u64,
}

impl Usage {
    pub fn of_this_process() -> Usage {
        Usage::read("self")
    }

    fn read(process: &str) -> Usage {
        let read =
            |file| std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
        let status = read("status");
        Usage {
            cpu_us: cpu_ticks(&read("stat")) * (1_000_000 / CLOCK_TICKS_PER_S),
            memory_max_bytes: number_after(&status, "VmHWM:") * 1024,
            memory_bytes: number_after(&status, "VmRSS:") * 1024,
            // Of another user's process this would not be readable; this one is our own.
            written_bytes: number_after(&read("io"), "\nwrite_bytes:"),
        }
    }
}

impl Server {
    /// What it prints goes to `log`. Its settings come from `command` alone, not from this
    /// process's environment.
    pub fn start(command: &mut Command, log: PathBuf) -> anyhow::Result<Server> {
        for (name, _) in std::env::vars_os() {
            let is_setting = name.to_string_lossy().starts_with("POSTHASTE_");
            let is_given = command.get_envs().any(|(given, _)| given == name);
            if is_setting && !is_given {
                command.env_remove(name);
            }
        }
        let output = File::create(&log)?;
        let program = command.get_program().to_owned();
        let child = command
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {}", Path::new(&program).display()))?;
        Ok(Server { child, log })
    }

    pub fn usage(&self) -> Usage {
        Usage::read(&self.child.id().to_string())
    }

    /// An error, with the last words, if it has ended.
    pub fn check(&mut self) -> anyhow::Result<()> {
        let Some(status) = self.child.try_wait()? else { return Ok(()) };
        bail!("the server ended early, {status}:\n{}", self.log_tail())
    }

    pub fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let start = text.len().saturating_sub(LOG_TAIL_BYTES);
        text.get(start..).unwrap_or(&text).to_owned()
    }

    /// As a power cut would.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// As an operator would, with SIGTERM, so that everything is on disk afterwards.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        // The child has not been waited for, so its number cannot be another's.
        let kill = format!("kill -TERM {}", self.child.id());
        Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status()?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("the server did not stop on SIGTERM:\n{}", self.log_tail());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both do nothing to a child that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time, of `/proc/PID/stat`. The name in it may hold blanks and brackets.
fn cpu_ticks(stat: &str) -> u64 {
    const USER_TIME: usize = 11;
    let Some((_, fields)) = stat.rsplit_once(") ") else { return 0 };
    let times = fields.split_ascii_whitespace().skip(USER_TIME).take(2);
    times.filter_map(|time| time.parse::<u64>().ok()).sum()
}

fn number_after(text: &str, label: &str) -> u64 {
    let Some((_, rest)) = text.split_once(label) else { return 0 };
    let number = rest.split_ascii_whitespace().next();
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_any_name() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 200 0 0 0 150 75 0 0 20 0 3 0 100 0 0";
        assert_eq!(cpu_ticks(stat), 225);
        assert_eq!(cpu_ticks(""), 0);
    }

    #[test]
    fn labelled_numbers_are_read() {
        assert_eq!(number_after("VmPeak:\t 9 kB\nVmHWM:\t  2048 kB\n", "VmHWM:"), 2048);
        let io = "wchar: 5\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n";
        assert_eq!(number_after(io, "\nwrite_bytes:"), 4096);
        assert_eq!(number_after("", "VmHWM:"), 0);
    }
}
