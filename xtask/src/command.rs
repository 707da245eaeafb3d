//! A child command that can print itself as a line to paste into a shell.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// A command with its arguments and extra environment, not yet started.
///
/// Children run without standard input: a step that waits for a key would hang the gate.
#[derive(Clone, Debug)]
pub(crate) struct ChildCommand {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(&'static str, &'static str)>,
}

impl ChildCommand {
    /// Splits `line` at blanks; no quoting.
    pub(crate) fn new(line: &str) -> Self {
        let mut words = line.split_whitespace().map(str::to_owned);
        Self {
            program: words.next().unwrap_or_default(),
            arguments: words.collect(),
            environment: Vec::new(),
        }
    }

    /// Adds one environment variable.
    pub(crate) fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    /// Runs in `directory` with output passed through.
    ///
    /// # Errors
    ///
    /// When the command cannot be started or does not end with exit code 0.
    pub(crate) fn run(&self, directory: &Path) -> Result<(), Failure> {
        let status = self
            .prepared(directory)
            .status()
            .map_err(|cause| Failure::new(format!("cannot start `{self}`: {cause}")))?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(format!("`{self}` ended with {status}")))
    }

    /// Runs in `directory` and hands back standard output; standard error is passed through.
    ///
    /// # Errors
    ///
    /// When the command cannot be started, does not end with exit code 0, or prints no UTF-8.
    pub(crate) fn output(&self, directory: &Path) -> Result<String, Failure> {
        let output = self
            .prepared(directory)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|cause| Failure::new(format!("cannot start `{self}`: {cause}")))?;
        if !output.status.success() {
            return Err(Failure::new(format!(
                "`{self}` ended with {}",
                output.status
            )));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| Failure::new(format!("`{self}` printed bytes that are no UTF-8")))
    }

    /// The standard library's command, ready to start.
    fn prepared(&self, directory: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(directory)
            .stdin(Stdio::null());
        for name in inherited_from_cargo_run() {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().copied());
        command
    }
}

impl fmt::Display for ChildCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            let quote = if value.contains(' ') { "'" } else { "" };
            write!(f, "{name}={quote}{value}{quote} ")?;
        }
        f.write_str(&self.program)?;
        for argument in &self.arguments {
            write!(f, " {argument}")?;
        }
        Ok(())
    }
}

/// Variables that `cargo run` sets for us and that an inner cargo must not see.
///
/// Build scripts (ring's for one) ask to be run again when these change, so leaving them in
/// would rebuild half of the tree each time the gate and a plain `cargo test` take turns.
fn inherited_from_cargo_run() -> impl Iterator<Item = String> {
    std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
}

#[cfg(test)]
mod tests {
    use super::ChildCommand;

    #[test]
    fn prints_as_a_shell_line() {
        let command = ChildCommand::new("cargo  doc --no-deps").env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            command.to_string(),
            "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps"
        );
    }

    #[test]
    fn reports_the_command_that_failed() {
        let failure = ChildCommand::new("false").run(".".as_ref()).unwrap_err();
        assert!(failure.to_string().starts_with("`false` ended with"));
    }
}
