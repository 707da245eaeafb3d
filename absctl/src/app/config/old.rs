//! `astools.conf`, the file of `asbackup` and `asrestore`, read by `absctl` where its command line
//! names it (`cli.md` §13): a file in `/etc` must not change what a script does that knows nothing
//! of it.

use super::layers::{self, Found};
use crate::app::{
    error::Error,
    legacy::{self, Personality, Places},
};
use clap::{ArgMatches, Command};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Flags and warnings.
type Files = Result<(Vec<Found>, Vec<String>), Error>;

/// What the files say; `None` = none are asked for. `yaml` is the other configuration file.
pub(super) fn found(names: &[String], own: &ArgMatches, yaml: Option<&Path>) -> Option<Files> {
    let personality = Personality::of_command(names.first()?)?;
    let places = places(own);
    let read = || {
        let found = legacy::from_files(personality, &places);
        Some(found.map_err(|flaws| Error::usage(flaws.join("; "))))
    };
    if places.none && (places.file.is_some() || places.only.is_some()) {
        return read(); // it says what is wrong
    }
    let wanted = places.file.is_some() || places.only.is_some() || places.instance.is_some();
    if places.none || !wanted {
        return None;
    }
    if let Some(yaml) = yaml {
        return Some(Err(Error::usage(format!(
            "--config {} is YAML, --config-file, --only-config-file and --instance are about \
             astools.conf: one kind of file is possible",
            yaml.display()
        ))));
    }
    read()
}

/// Whether a file is one of the old tools, by its name.
pub(super) fn is_one(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("conf" | "toml"))
}

/// Looks at such a file, and what it includes: what it holds for each tool, or what is wrong.
pub(super) fn check(root: &Command, path: &Path) -> Result<String, Vec<String>> {
    let shown = path.display();
    if let Err(error) = fs::metadata(path) {
        return Err(vec![format!("cannot read {shown}: {error}")]);
    }
    let (mut counts, mut flaws) = (Vec::new(), Vec::<String>::new());
    for personality in [Personality::Backup, Personality::Restore] {
        let places = Places {
            only: Some(path.to_owned()),
            ..Places::default()
        };
        let wrong = match legacy::from_files(personality, &places) {
            Err(wrong) => wrong,
            Ok((found, warnings)) => {
                counts.push(format!("{}: {}", personality.name(), found.len()));
                let command = [personality.command().to_owned()];
                let (_, wrong) = layers::wrong_ones(root, &command, &found);
                [warnings, wrong].concat()
            }
        };
        // What is for both tools is wrong for both.
        let wrong = wrong.into_iter().filter(|flaw| !flaws.contains(flaw));
        let wrong: Vec<String> = wrong.collect();
        flaws.extend(wrong);
    }
    if flaws.is_empty() {
        return Ok(format!(
            "{shown}: fine; settings for {}\n",
            counts.join(", for ")
        ));
    }
    Err(flaws)
}

fn places(own: &ArgMatches) -> Places {
    let path = |id| own.try_get_one::<PathBuf>(id).ok().flatten().cloned();
    let instance = own.try_get_one::<String>("instance").ok().flatten();
    let none = own.try_get_one::<bool>("no_config_file").ok().flatten();
    Places {
        file: path("config_file"),
        only: path("only_config_file"),
        none: none.copied().unwrap_or_default(),
        instance: instance.cloned(),
    }
}
