//! The program: parse, resolve, run, report.
//!
//! ```text
//! cli ── what was typed ──► settings ── core configurations ──► command ── outcome ──► exit
//! ```
//!
//! [`cli`] only records the command line, so that `--help` works whatever else is broken.
//! [`settings`] is the one place where it becomes configurations of `backup-core`, [`command`]
//! runs a job under signals and progress, and [`output`] is the only module that prints.
//! [`legacy`] is the program as `asbackup` and `asrestore`: it makes a command line of ours.
//!
//! This is a module and not a library on purpose: nobody is to build on it, and the demo takes
//! it in by its path to run the program's own code.

mod access;
mod announce;
mod cli;
mod code;
mod command;
mod config;
mod drive;
mod error;
mod exit;
mod hooks;
mod legacy;
mod metrics;
mod output;
mod settings;
mod signals;
mod value;
mod watch;

pub(crate) use self::exit::Exit;

use self::{
    cli::Parsed,
    error::Error,
    hooks::{Ended, Hooks},
};
use std::ffi::OsString;

/// Runs the program with these arguments, the first of which is its own name.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some((personality, args)) = legacy::called(&args) {
        return legacy::run(personality, args);
    }
    match cli::parse(args.iter().cloned()) {
        Ok(Parsed::Text(text)) => conclude(output::result(&text)).exit,
        Ok(Parsed::Command(work)) => {
            let hooks = Hooks::of(&work.command);
            let ended = conclude(command::run(*work));
            match hooks.map(|hooks| hooks.run(&ended)) {
                Some(Err(error)) => conclude(Err(error)).exit,
                _ => ended.exit,
            }
        }
        Err(error) => {
            output::guess_form(&args);
            conclude(Err(error)).exit
        }
    }
}

/// Prints why the program fails, if it does.
fn conclude(result: Result<(), Error>) -> Ended {
    match result {
        Ok(()) => Ended {
            exit: Exit::Success,
            code: "",
            reason: String::new(),
        },
        Err(error) => Ended {
            exit: error.exit(),
            code: error.code(),
            reason: output::failure(&error),
        },
    }
}
