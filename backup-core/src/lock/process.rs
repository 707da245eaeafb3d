//! Which process it is, so that others on the same machine can see that it is gone.
//!
//! A process number means something only within one PID namespace of one boot of one machine:
//! two containers may share the host's name and still not see each other's processes. So a
//! number is looked up only where machine, boot and namespace are the same, and it counts as the
//! same process only if it began at the same moment. Whoever cannot be looked up is not known
//! to be gone.

use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};
use serde::{Deserialize, Serialize};
use std::fs;

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ProcessId {
    /// Name of the machine.
    pub(super) host: String,
    /// Number of the process.
    pub(super) pid: u32,
    /// Boot and PID namespace in which the number is valid; empty where there is no `/proc`.
    #[serde(default)]
    pid_space: String,
    /// When it began, in ticks since the boot; 0 where there is no `/proc`.
    #[serde(default)]
    pid_start: u64,
}

impl ProcessId {
    /// This process.
    pub(super) fn own() -> Self {
        let pid = std::process::id();
        let start = stat(pid).map_or(0, |(start, _)| start);
        let uname = rustix::system::uname();
        Self {
            host: uname.nodename().to_string_lossy().into_owned(),
            pid,
            pid_space: pid_space(),
            pid_start: start,
        }
    }

    /// Whether its number means something here.
    pub(super) fn is_visible(&self) -> bool {
        let own = Self::own();
        own.host == self.host && own.pid_space == self.pid_space
    }

    /// Whether it is certain that the process has ended.
    pub(super) fn is_gone(&self) -> bool {
        if !self.is_visible() {
            return false;
        }
        match stat(self.pid) {
            Some((start, is_dead)) => is_dead || (self.pid_start != 0 && start != self.pid_start),
            // Not there, or hidden from us, as /proc may be mounted; the kernel knows.
            None => signal_says_gone(self.pid),
        }
    }
}

fn signal_says_gone(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}

/// `<boot id> pid:[<inode>]`.
fn pid_space() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let space = fs::read_link("/proc/self/ns/pid");
    match (boot, space) {
        (Ok(boot), Ok(space)) => format!("{} {}", boot.trim(), space.display()),
        _ => String::new(),
    }
}

/// Start of a process in ticks since the boot, and whether it only waits to be buried.
fn stat(pid: u32) -> Option<(u64, bool)> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in parentheses, may hold anything.
    let end = text.iter().rposition(|byte| *byte == b')')?;
    let fields = std::str::from_utf8(text.get(end..)?).ok()?;
    let mut fields = fields.split_ascii_whitespace().skip(1);
    let state = fields.next()?;
    let start = fields.nth(18)?.parse().ok()?; // field 22, behind state, which is field 3
    Some((start, matches!(state, "Z" | "X" | "x")))
}
