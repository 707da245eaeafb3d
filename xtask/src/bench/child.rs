//! One child process, its wall time, CPU time and peak memory.
//!
//! The figures come from `wait4`, so they are those of exactly this child and what it waited
//! for, at the kernel's own resolution.

use std::fmt;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::{ResourceUsage, Wait4};

use crate::failure::Failure;

/// What a process used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// From start to exit.
    pub(crate) wall: Duration,
    /// CPU time in the program.
    pub(crate) user: Duration,
    /// CPU time in the kernel for it.
    pub(crate) system: Duration,
    /// Largest resident set, in bytes.
    pub(crate) peak_bytes: u64,
}

impl Usage {
    /// From what `wait4` says and a clock of our own.
    pub(crate) fn new(wall: Duration, resources: ResourceUsage) -> Self {
        Self {
            wall,
            user: resources.utime,
            system: resources.stime,
            peak_bytes: resources.maxrss,
        }
    }

    /// User and system together.
    pub(crate) fn cpu(&self) -> Duration {
        self.user + self.system
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} s wall, {:.2} s CPU",
            self.wall.as_secs_f64(),
            self.cpu().as_secs_f64()
        )
    }
}

/// Runs a command to its end, with its output in `log`.
///
/// # Errors
///
/// When it cannot be started, or does not end with exit code 0; the text then holds its output.
pub(crate) fn run_measured(mut command: Command, log: &Path) -> Result<Usage, Failure> {
    let line = format!("{command:?}");
    log_to(&mut command, log)?;
    let begin = Instant::now();
    let result = command
        .stdin(Stdio::null())
        .spawn()
        .and_then(Wait4::wait4)
        .map_err(|cause| Failure::new(format!("cannot run {line}: {cause}")))?;
    let usage = Usage::new(begin.elapsed(), result.rusage);
    if result.status.success() {
        return Ok(usage);
    }
    Err(Failure::new(format!(
        "{line} ended with {}\n{}",
        result.status,
        fs::read_to_string(log).unwrap_or_default()
    )))
}

/// Sends both outputs of a command to a file: a pipe would need a reader, a terminal costs time.
pub(crate) fn log_to(command: &mut Command, log: &Path) -> Result<(), Failure> {
    let failure = |cause| Failure::file("create", log, &cause);
    let file = File::create(log).map_err(failure)?;
    command
        .stdout(file.try_clone().map_err(failure)?)
        .stderr(file);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::run_measured;

    /// A log file of its own for each test.
    fn log(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("xtask-child-{name}-{}", std::process::id()))
    }

    #[test]
    fn measures_this_child_alone() {
        let log = log("busy");
        let mut busy = Command::new("sh");
        busy.args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"]);
        let busy = run_measured(busy, &log).unwrap();
        let idle = run_measured(Command::new("true"), &log).unwrap();
        assert!(busy.cpu() > Duration::from_millis(10), "{busy:?}");
        assert!(idle.cpu() < busy.cpu(), "{idle:?} {busy:?}");
        assert!(idle.peak_bytes > 100_000, "{idle:?}");
        std::fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_failure_shows_the_output() {
        let log = log("failing");
        let mut command = Command::new("sh");
        command.args(["-c", "echo why >&2; exit 3"]);
        let failure = run_measured(command, &log).unwrap_err().to_string();
        assert!(failure.contains("exit status: 3"), "{failure}");
        assert!(failure.ends_with("\nwhy\n"), "{failure}");
        std::fs::remove_file(log).unwrap();
    }
}
