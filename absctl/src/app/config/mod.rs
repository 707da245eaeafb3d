//! Settings from other places than the command line: `ABSCTL_*` variables and a YAML file
//! (`cli.md` §12). A flag that was typed wins over the variable, that over the file, and the file
//! over the default.
//!
//! What is found becomes flags behind the ones that were typed, so that clap alone knows types,
//! limits and defaults. [`keys`] has the rule that joins the names.

mod example;
mod file;
mod keys;
mod layers;
mod show;
mod yaml;

pub(crate) use self::{
    example::example,
    layers::{Layers, Stop, of as layers},
    show::{Shown, settings},
};

use super::error::Error;
use clap::Command;
use std::path::PathBuf;

/// Looks at configuration files: unknown keys, types, values. Says what they hold.
pub(crate) fn check(root: &Command, files: &[PathBuf]) -> Result<String, Error> {
    let (mut text, mut flaws) = (String::new(), Vec::new());
    for path in files {
        let found = file::read(path, &keys::all(root));
        let found = found.and_then(|settings| {
            let flaws = layers::flaws_of_file(root, path, &settings);
            if flaws.is_empty() {
                Ok(settings)
            } else {
                Err(flaws)
            }
        });
        match found {
            Err(more) => flaws.extend(more),
            Ok(settings) => {
                let count = |command| {
                    settings
                        .iter()
                        .filter(|setting| setting.key.command == command)
                        .count()
                };
                let [backup, restore, convert] = keys::COMMANDS.map(count);
                text += &format!(
                    "{}: fine; settings for backup: {backup}, for restore: {restore}, for convert: {convert}\n",
                    path.display()
                );
            }
        }
    }
    if flaws.is_empty() {
        return Ok(text);
    }
    Err(Error::usage(flaws.join("; ")))
}

/// The name that is most like `name`, if any is like it at all.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LIKE: f64 = 0.8;
    let scored = names.map(|other| (strsim::jaro_winkler(name, other), other));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(score, _)| *score > LIKE)
        .map(|(_, name)| name)
}
