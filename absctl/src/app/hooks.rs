//! Commands that are run after a job: `--on-success` and `--on-failure` (goal U15 of
//! `trust-and-ux.md`; `docs/automation.md`).
//!
//! A hook gets the report on standard input and what scripts ask for in its environment. What it
//! prints goes to standard error: standard output belongs to data. A signal is passed on to it, a
//! second one kills it.

use super::{
    cli::{Automation, Command},
    error::Error,
    exit::Exit,
    output,
    signals::{self, Signals},
    watch,
};
use std::{
    io,
    os::fd::AsFd as _,
    process::{ExitStatus, Stdio},
};
use tokio::{io::AsyncWriteExt as _, process};

/// What the variables of a hook begin with.
pub(crate) const PREFIX: &str = "ABSCTL_JOB_";

/// The variable that says that we run in a hook ourselves.
const STATUS: &str = "ABSCTL_JOB_STATUS";

/// How a job ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    /// Stable name of the failure; empty after a success.
    pub(crate) code: &'static str,
    /// The failure in words.
    pub(crate) reason: String,
}

impl Ended {
    /// `ok`, `failed` or `interrupted`.
    pub(crate) const fn status(&self) -> &'static str {
        match self.exit {
            Exit::Success => "ok",
            Exit::Interrupted => "interrupted",
            _ => "failed",
        }
    }
}

/// The hooks of a command.
#[derive(Debug)]
pub(crate) struct Hooks {
    command: &'static str,
    /// A hook has started this process.
    is_inside: bool,
    on_success: Option<String>,
    on_failure: Option<String>,
}

impl Hooks {
    /// Those of `command`; a dry run has none.
    pub(crate) fn of(command: &Command) -> Option<Self> {
        let (name, flags) = command.job()?;
        let Automation {
            on_success,
            on_failure,
            ..
        } = flags;
        if on_success.is_none() && on_failure.is_none() {
            return None;
        }
        Some(Self {
            command: name,
            is_inside: std::env::var_os(STATUS).is_some(),
            on_success: on_success.clone(),
            on_failure: on_failure.clone(),
        })
    }

    /// Runs the hook for how the job ended, unless this process was started by a hook itself: where
    /// a variable or a file names the hook, that would not end.
    ///
    /// # Errors
    /// The hook of a success failed: not everything that was asked for was done. Where the job has
    /// failed, that of the hook is only logged.
    pub(crate) fn run(&self, ended: &Ended) -> Result<(), Error> {
        let (flag, line) = match ended.exit {
            Exit::Success => ("--on-success", &self.on_success),
            _ => ("--on-failure", &self.on_failure),
        };
        let Some(line) = line else { return Ok(()) };
        if self.is_inside {
            tracing::info!("this runs in a hook, and runs none itself");
            return Ok(());
        }
        if signals::count() > 1 {
            tracing::info!("no hook is run after a second signal");
            return Ok(());
        }
        let run = self.execute(line, ended);
        let how = match run {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        if ended.exit == Exit::Success {
            return Err(Error::Hook { flag, how });
        }
        tracing::warn!("the command of {flag} failed: {how}");
        Ok(())
    }

    fn execute(&self, line: &str, ended: &Ended) -> io::Result<ExitStatus> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build()?;
        runtime.block_on(async {
            let mut child = self.command(line, ended)?.spawn()?;
            let input = output::summary(ended);
            let stdin = child.stdin.take();
            let feed = async move {
                if let Some(mut stdin) = stdin {
                    // A hook that does not want to know closes the pipe.
                    let _ = stdin.write_all(input.as_bytes()).await;
                }
            };
            let (status, ()) = tokio::join!(wait(child), feed);
            status
        })
    }

    fn command(&self, line: &str, ended: &Ended) -> io::Result<process::Command> {
        let stderr = io::stderr().as_fd().try_clone_to_owned()?;
        let mut command = process::Command::new("/bin/sh");
        command
            .args(["-c", line])
            .stdin(Stdio::piped())
            .stdout(Stdio::from(stderr))
            .env_remove("ABSCTL_ON_SUCCESS")
            .env_remove("ABSCTL_ON_FAILURE")
            .env(STATUS, ended.status())
            .env("ABSCTL_JOB_COMMAND", self.command)
            .env("ABSCTL_JOB_EXIT", (ended.exit as u8).to_string())
            .env("ABSCTL_JOB_CODE", ended.code)
            .env("ABSCTL_JOB_RUN", watch::run_id().unwrap_or_default());
        Ok(command)
    }
}

/// Waits for the hook, and passes signals on.
async fn wait(mut child: process::Child) -> io::Result<ExitStatus> {
    let Ok(mut signals) = Signals::listen() else {
        return child.wait().await;
    };
    tokio::select! {
        status = child.wait() => return status,
        name = signals.next() => {
            tracing::info!("{name}: passed on to the hook; once more kills it");
            pass_on(&child, name);
        }
    }
    tokio::select! {
        status = child.wait() => return status,
        _ = signals.next() => child.start_kill()?,
    }
    child.wait().await
}

fn pass_on(child: &process::Child, name: &str) {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = match name {
        "SIGINT" => Signal::INT,
        _ => Signal::TERM,
    };
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // It may have ended meanwhile; as nobody has waited for it, its number is still its own.
        let _ = kill_process(pid, signal);
    }
}
