//! Names of files: which are possible, which are backup files, which are unfinished.
//!
//! Source: `files-and-state.md` §4 and §11.

use crate::{Error, ErrorKind, Operation, Result};

/// What follows the final name while a file is not published.
pub const PART_SUFFIX: &str = ".part";

/// Longer than four bytes and ending in `.asb`, or longer than five and ending in `.asbx`.
#[must_use]
pub fn is_backup_file(name: &str) -> bool {
    [".asb", ".asbx"]
        .iter()
        .any(|suffix| name.len() > suffix.len() && name.ends_with(suffix))
}

/// The name of a file while it is not published: `NAME.part`.
#[must_use]
pub fn part_of(name: &str) -> String {
    format!("{name}{PART_SUFFIX}")
}

/// The final name of an unpublished file; `None` when `name` is no `NAME.part`.
#[must_use]
pub fn final_of(name: &str) -> Option<&str> {
    name.strip_suffix(PART_SUFFIX)
        .filter(|name| !name.is_empty())
}

/// Checks a name that something is to be read or deleted by.
///
/// # Errors
///
/// [`ErrorKind::InvalidName`] when it is empty, `.` or `..`, or holds `/` or NUL.
pub fn check(name: &str) -> Result<()> {
    let possible = !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
    possible.then_some(()).ok_or_else(|| invalid(name))
}

/// Checks the final name of something that is to be written.
///
/// # Errors
///
/// [`ErrorKind::InvalidName`] like [`check`], and when the name ends in `.part`.
pub fn check_final(name: &str) -> Result<()> {
    check(name)?;
    let is_final = !name.ends_with(PART_SUFFIX);
    is_final.then_some(()).ok_or_else(|| invalid(name))
}

fn invalid(name: &str) -> Error {
    let shown = format!("{name:?}");
    Error::new(ErrorKind::InvalidName, Operation::Name, shown)
}
