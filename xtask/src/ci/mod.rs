//! The gate: one list of steps for laptops and for the CI machine.
//!
//! Cheap steps come first. The run stops at the first failure and says how to repeat just that
//! step. Output of the steps is passed through untouched, so `cargo test` prints its usual lines.

mod clients;
mod step;

use std::time::{Duration, Instant};

use clap::Args;

use self::step::{Action, Step, StepName};
use crate::failure::Failure;
use crate::workspace::Workspace;

pub(crate) use self::step::TEST_COMMAND;

/// Options of `cargo xtask ci`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run this step only; may be given several times.
    #[arg(long, value_name = "STEP")]
    only: Vec<StepName>,
}

/// Runs the chosen steps in the order of the list.
///
/// # Errors
///
/// At the first step that fails; the text ends with the command that repeats it.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    let mut times = Vec::new();
    for step in step::all(&workspace) {
        if options.only.is_empty() || options.only.contains(&step.name) {
            let time = run_step(&workspace, &step)?;
            times.push((step.title, time));
        }
    }
    print_summary(&times);
    Ok(())
}

/// Runs one step between its headline and its time.
fn run_step(workspace: &Workspace, step: &Step) -> Result<Duration, Failure> {
    println!("\n==> {}\n    {}", step.title, step.repeat());
    let begin = Instant::now();
    let outcome = match &step.action {
        Action::Rule(rule) => rule(workspace),
        Action::Child(command) => command.run(workspace.root()),
    };
    let time = begin.elapsed();
    if let Err(failure) = outcome {
        return Err(Failure::new(format!(
            "step `{}` failed after {:.1} s\n{failure}\nrepeat it with:\n    {}",
            step.title,
            time.as_secs_f64(),
            step.repeat()
        )));
    }
    println!("<== {} passed in {:.1} s", step.title, time.as_secs_f64());
    Ok(time)
}

/// All steps with their times, slow ones easy to see.
fn print_summary(times: &[(String, Duration)]) {
    println!("\nall steps passed");
    for (title, time) in times {
        println!("  {:>7.1} s  {title}", time.as_secs_f64());
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    println!("  {:>7.1} s  in all", total.as_secs_f64());
}
