//! A description of the machine and the sources, kept with the numbers.

use std::fs;
use std::path::Path;
use std::thread::available_parallelism;

use crate::command::ChildCommand;

/// Where and from what the figures were measured.
#[derive(Debug)]
pub(crate) struct Machine {
    /// Model name of the first processor.
    pub(crate) processor: String,
    /// Processors this process may use.
    pub(crate) cores: usize,
    /// Memory as the kernel states it.
    pub(crate) memory: String,
    /// Kernel release.
    pub(crate) kernel: String,
    /// `rustc --version`.
    pub(crate) compiler: String,
    /// Commit of the work tree, with `-dirty` when it has changes.
    pub(crate) commit: String,
}

impl Machine {
    /// Collects what there is; what is not readable is `unknown`.
    pub(crate) fn describe(root: &Path) -> Self {
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            cores: available_parallelism().map_or(0, usize::from),
            memory: field("/proc/meminfo", "MemTotal"),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |text| text.trim().to_owned()),
            compiler: first_line("rustc --version", root),
            commit: first_line("git describe --always --dirty", root),
        }
    }
}

/// The value of the first `name : value` line of a file.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map_or_else(unknown, |(_, value)| value.trim().to_owned())
}

/// First line that a command prints.
fn first_line(line: &str, root: &Path) -> String {
    ChildCommand::new(line)
        .output(root)
        .ok()
        .and_then(|text| text.lines().next().map(str::to_owned))
        .unwrap_or_else(unknown)
}

/// Stands for a fact that could not be read.
fn unknown() -> String {
    "unknown".to_owned()
}
