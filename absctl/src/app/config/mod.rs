//! Settings from other places than the command line: `ABSCTL_*` variables and a YAML file, or
//! that of the old tools (`cli.md` §12, §13). A flag that was typed wins over the variable, that over the file, and the file
//! over the default.
//!
//! What is found becomes flags behind the ones that were typed, so that clap alone knows types,
//! limits and defaults. [`keys`] has the rule that joins the names.

mod example;
mod file;
mod keys;
mod layers;
mod old;
mod show;
mod yaml;

#[cfg(test)]
pub(crate) use self::keys::is_switch;
pub(crate) use self::{
    example::example,
    keys::variable,
    layers::{Below, Found, Layers, Origin, Stop, of as layers},
    show::{Shown, settings},
};

use super::error::Error;
use clap::Command;
use std::path::{Path, PathBuf};

/// Looks at configuration files, those of the old tools too: unknown keys, types, values. Says what
/// they hold.
pub(crate) fn check(root: &Command, files: &[PathBuf]) -> Result<String, Error> {
    let (mut text, mut flaws) = (String::new(), Vec::new());
    for path in files {
        let checked = match old::is_one(path) {
            true => old::check(root, path),
            false => check_yaml(root, path),
        };
        match checked {
            Ok(line) => text += &line,
            Err(more) => flaws.extend(more),
        }
    }
    if flaws.is_empty() {
        return Ok(text);
    }
    Err(Error::usage(flaws.join("; ")))
}

fn check_yaml(root: &Command, path: &Path) -> Result<String, Vec<String>> {
    let settings = file::read(path, &keys::all(root))?;
    let flaws = layers::flaws_of_file(root, path, &settings);
    if !flaws.is_empty() {
        return Err(flaws);
    }
    let count = |command| {
        let own = settings
            .iter()
            .filter(|setting| setting.key.command == command);
        own.count()
    };
    let [backup, restore, convert] = keys::COMMANDS.map(count);
    let path = path.display();
    Ok(format!(
        "{path}: fine; settings for backup: {backup}, for restore: {restore}, for convert: {convert}\n"
    ))
}

/// The name that is most like `name`, if any is like it at all.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LIKE: f64 = 0.8;
    let scored = names.map(|other| (strsim::jaro_winkler(name, other), other));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(score, _)| *score > LIKE)
        .map(|(_, name)| name)
}
