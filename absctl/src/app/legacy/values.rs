//! The options that were given, wherever they were: on the command line, in files, or by nobody.

use super::row::Row;
use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

/// An option with its value.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) row: &'static Row,
    /// `None` where an optional value was left out.
    pub(super) value: Option<OsString>,
    pub(super) from: From,
}

/// Where an option was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    CommandLine,
    File {
        file: PathBuf,
        line: usize,
        /// `section.key`.
        key: String,
    },
    /// It is what the tool takes by itself.
    Preset,
}

/// All options that were given, each once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a>(pub(super) &'a [Given]);

impl Values<'_> {
    /// The value of an option; an empty one for what needs none.
    pub(super) fn of(&self, long: &str) -> Option<&OsStr> {
        let given = self.0.iter().find(|given| given.row.long == long)?;
        Some(given.value.as_deref().unwrap_or_default())
    }

    /// Whether somebody has given an option.
    pub(super) fn is_given(&self, long: &str) -> bool {
        let is_it = |given: &&Given| given.row.long == long;
        let found = self.0.iter().find(is_it);
        found.is_some_and(|given| given.from != From::Preset)
    }

    /// Whether a switch is on.
    pub(super) fn is_on(&self, long: &str) -> bool {
        self.of(long).is_some_and(|value| value != "false")
    }
}

/// Leaves the last of equal options.
pub(super) fn last_of_each(all: Vec<Given>) -> Vec<Given> {
    let mut kept: Vec<Given> = Vec::new();
    for given in all {
        kept.retain(|earlier| earlier.row.long != given.row.long);
        kept.push(given);
    }
    kept
}
