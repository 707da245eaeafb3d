//! Workspace automation in Rust, so that a laptop and the CI machine run the same code.
//!
//! `cargo xtask ci` is the gate, `cargo xtask bench` the end-to-end benchmark report, and
//! `cargo xtask pages` writes manual pages and completions.
//! The repository rules under [`rules`] are plain functions: a gate step calls them, and so does
//! an ordinary `#[test]`, so `cargo test --workspace` finds a broken rule too.
//! Nothing that is shipped depends on this crate.

#![expect(
    clippy::print_stdout,
    reason = "talking to the terminal is what this binary is for"
)]

mod bench;
mod ci;
mod command;
mod failure;
mod pages;
mod rules;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Workspace automation.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Task {
    /// Run the gate: format, rules, clippy, docs, tests, bench build.
    Ci(ci::Options),
    /// Measure backup and restore end to end and print the report.
    Bench(bench::Options),
    /// Write manual pages and completions of absctl, for a package.
    Pages(pages::Options),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one task.
fn run(task: &Task) -> Result<(), Failure> {
    match task {
        Task::Ci(options) => ci::run(options),
        Task::Bench(options) => bench::run(options),
        Task::Pages(options) => pages::run(options),
    }
}
