//! The codec crates are pure: no I/O, no clock, no randomness, no runtime.
//!
//! `#![no_std]` keeps the standard library out of the crate itself; the walk over its
//! dependency tree keeps it from coming back through a friend.

use crate::command::ChildCommand;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Crates that must be `#![no_std]` once they exist.
const NO_STD: [&str; 3] = ["aerospike-wire", "asb-format", "asbx-format"];

/// Crates that must have a pure tree once they exist; zstd keeps the last one from `no_std`.
const PURE: [&str; 4] = [
    "aerospike-wire",
    "asb-format",
    "asbx-format",
    "backup-envelope",
];

/// Packages that do I/O, read a clock, make random numbers or run tasks.
const IMPURE: [&str; 20] = [
    "async-std",
    "chrono",
    "crossbeam-channel",
    "fastrand",
    "flume",
    "getrandom",
    "hyper",
    "jiff",
    "mio",
    "nix",
    "object_store",
    "rand",
    "reqwest",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "time",
    "tokio",
    "tracing",
];

/// Checks the pure crates that exist.
///
/// # Errors
///
/// When one is not `no_std`, or its normal tree holds a package of the list.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let mut findings = Vec::new();
    for member in workspace.members() {
        if NO_STD.contains(&member.name) {
            let source = workspace.read(member.folder.join("src/lib.rs"))?;
            if !source.lines().any(|line| line.trim() == "#![no_std]") {
                findings.push(format!("{}/src/lib.rs lacks #![no_std]", member.name));
            }
        }
        if PURE.contains(&member.name) {
            let tree = normal_tree(workspace, member.name)?;
            findings.extend(impure_packages(member.name, &tree));
        }
    }
    Failure::unless_empty("purity:", &findings)
}

/// The packages below `name` over normal edges, on every platform, one per line.
fn normal_tree(workspace: &Workspace, name: &str) -> Result<String, Failure> {
    let line = format!(
        "cargo tree --locked -p {name} -e normal --all-features --target all --prefix none"
    );
    ChildCommand::new(&line).output(workspace.root())
}

/// Findings for one tree.
fn impure_packages(name: &str, tree: &str) -> Vec<String> {
    IMPURE
        .iter()
        .filter(|package| {
            tree.lines()
                .any(|line| line.split(' ').next() == Some(**package))
        })
        .map(|package| format!("{name} reaches {package}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::impure_packages;

    #[test]
    fn names_whole_packages_only() {
        let tree = "asb-format v0.1.0 (path)\ntime-core v1.0.0\ntokio v1.54.1 (*)\n";
        assert_eq!(
            impure_packages("asb-format", tree),
            ["asb-format reaches tokio"]
        );
    }
}
