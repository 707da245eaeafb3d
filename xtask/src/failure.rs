//! The one error of this crate: a sentence for the person at the terminal.
//!
//! Automation has no caller that could act on an error kind, so there are no kinds.

use std::fmt;
use std::io;
use std::path::Path;

/// Why a task stopped.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    /// A failure with its full text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A failure of a file operation; `verb` is what was tried, such as `read`.
    pub(crate) fn file(verb: &str, path: &Path, cause: &io::Error) -> Self {
        Self(format!("cannot {verb} {}: {cause}", path.display()))
    }

    /// Turns a list of findings into a result: no findings, no failure.
    ///
    /// # Errors
    ///
    /// When `findings` is not empty; each finding is a line of the text.
    pub(crate) fn unless_empty(headline: &str, findings: &[String]) -> Result<(), Self> {
        if findings.is_empty() {
            return Ok(());
        }
        Err(Self(format!("{headline}\n  {}", findings.join("\n  "))))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}
