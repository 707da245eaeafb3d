//! The layers of settings of one run, put together.

use super::{
    file::{self, Setting},
    keys, old,
};
use crate::app::{cli::refusal, error::Error};
use clap::{Arg, ArgMatches, Command, parser::ValueSource};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    CommandLine,
    Variable(String),
    File {
        file: PathBuf,
        line: usize,
        key: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::CommandLine => f.write_str("command line"),
            Self::Variable(name) => f.write_str(name),
            Self::File { file, line, key } => write!(f, "{}:{line} ({key})", file.display()),
        }
    }
}

/// The settings of a run, with their origins.
#[derive(Debug)]
pub(crate) struct Layers {
    /// What clap made of all layers.
    pub(crate) matches: ArgMatches,
    /// Where the flags of the command have their values from.
    pub(super) origins: BTreeMap<String, Origin>,
    /// The command that will run, with its flags.
    pub(super) command: Command,
    /// What the user should know and what stops nobody.
    pub(crate) warnings: Vec<String>,
}

/// Why there are no settings.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Help or version was asked for, or what was typed makes no sense.
    Clap(clap::Error),
    /// Another layer makes no sense.
    Layer(Error),
}

impl From<clap::Error> for Stop {
    fn from(error: clap::Error) -> Self {
        Self::Clap(error)
    }
}

/// A value that was not typed.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    flag: String,
    token: OsString,
    pub(crate) origin: Origin,
}

/// What is below the command line and the environment.
#[derive(Debug)]
pub(crate) enum Below {
    /// What the files say that the command line names.
    Files,
    /// This; the first one counts.
    These(Vec<Found>),
}

/// Puts the layers of a command line together.
pub(crate) fn of(root: &Command, args: &[OsString], below: Below) -> Result<Layers, Stop> {
    let root = if args.len() == 2 && has_variables(root, args) {
        &root
            .clone()
            .mut_subcommands(|command| command.arg_required_else_help(false))
    } else {
        root
    };
    let typed = root.clone().try_get_matches_from(args)?;
    let (names, own) = chosen(&typed);
    let command = leaf(root, &names);
    let is_layered = |name: &String| keys::COMMANDS.contains(&name.as_str());
    if !names.first().is_some_and(is_layered) {
        return Ok(Layers {
            matches: typed,
            origins: BTreeMap::new(),
            command,
            warnings: Vec::new(),
        });
    }
    let (below, mut warnings) = match below {
        Below::These(found) => (found, Vec::new()),
        Below::Files => files(root, &names, own).map_err(Stop::Layer)?,
    };
    let found = untyped(&command, own, &below);
    let tokens = found.iter().map(|one| one.token.clone());
    let all: Vec<OsString> = args.iter().cloned().chain(tokens).collect();
    let matches = root.clone().try_get_matches_from(&all);
    let matches = matches.map_err(|error| Stop::Layer(culprits(root, &names, &found, &error)))?;
    warnings.extend(unknown_variables(root, &all));
    let typed = settings(&command).filter(|flag| is_typed(flag, own));
    let typed = typed.filter_map(Arg::get_long);
    let typed = typed.map(|long| (long.to_owned(), Origin::CommandLine));
    let found = found.into_iter().map(|one| (one.flag, one.origin));
    Ok(Layers {
        matches,
        origins: typed.chain(found).collect(),
        warnings,
        command,
    })
}

fn is_typed(flag: &Arg, matches: &ArgMatches) -> bool {
    matches.value_source(flag.get_id().as_str()) == Some(ValueSource::CommandLine)
}

/// The values of the flags that were not typed, from the environment or else from below.
fn untyped(command: &Command, own: &ArgMatches, below: &[Found]) -> Vec<Found> {
    let flags = settings(command).filter(|flag| !is_typed(flag, own));
    let value = |long| {
        let found = || below.iter().find(|found| found.flag == long).cloned();
        of_variable(long).or_else(found)
    };
    flags.filter_map(Arg::get_long).filter_map(value).collect()
}

/// What files say: the YAML file, or those of the old tools. And warnings.
fn files(
    root: &Command,
    names: &[String],
    own: &ArgMatches,
) -> Result<(Vec<Found>, Vec<String>), Error> {
    let path = config_path(own);
    if let Some(old) = old::found(names, own, path.as_deref()) {
        return old;
    }
    let Some(path) = path else {
        return Ok((Vec::new(), Vec::new()));
    };
    let command = names.first().map(String::as_str).unwrap_or_default();
    let in_file = read(root, &path)?;
    let own = in_file
        .iter()
        .filter(|setting| setting.key.command == command);
    let found = own.map(|setting| found_in(setting, &path));
    Ok((found.collect(), Vec::new()))
}

/// The names of the chosen commands, and what was given to the last of them.
fn chosen(matches: &ArgMatches) -> (Vec<String>, &ArgMatches) {
    let (mut names, mut last) = (Vec::new(), matches);
    while let Some((name, below)) = last.subcommand() {
        names.push(name.to_owned());
        last = below;
    }
    (names, last)
}

fn leaf(root: &Command, names: &[String]) -> Command {
    let found = names
        .iter()
        .try_fold(root, |command, name| command.find_subcommand(name));
    found.unwrap_or(root).clone()
}

fn settings(command: &Command) -> impl Iterator<Item = &Arg> {
    let has_variable = |flag: &&Arg| flag.get_long().and_then(keys::variable).is_some();
    command.get_arguments().filter(has_variable)
}

/// Whether a command without flags has settings all the same.
fn has_variables(root: &Command, args: &[OsString]) -> bool {
    let name = args
        .get(1)
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let command = root
        .find_subcommand(name)
        .filter(|_| keys::COMMANDS.contains(&name));
    command.is_some_and(|command| {
        settings(command)
            .filter_map(Arg::get_long)
            .any(|long| of_variable(long).is_some())
    })
}

/// The value of a flag's variable; an empty one says nothing.
fn of_variable(long: &str) -> Option<Found> {
    let name = keys::variable(long)?;
    let value = std::env::var_os(&name).filter(|value| !value.is_empty())?;
    Some(Found::new(long, &value, Origin::Variable(name)))
}

fn found_in(setting: &Setting, path: &Path) -> Found {
    let origin = Origin::File {
        file: path.to_owned(),
        line: setting.line,
        key: setting.key.path.clone(),
    };
    Found::new(setting.key.long(), setting.text.as_ref(), origin)
}

impl Found {
    /// A flag with its value, `--flag=value`.
    pub(crate) fn made(flag: &str, token: OsString, origin: Origin) -> Self {
        Self {
            flag: flag.to_owned(),
            token,
            origin,
        }
    }

    fn new(long: &str, value: &std::ffi::OsStr, origin: Origin) -> Self {
        let mut token = OsString::from(format!("--{long}="));
        token.push(value);
        Self::made(long, token, origin)
    }
}

/// The file, if one is named: typed, or in the environment.
fn config_path(matches: &ArgMatches) -> Option<PathBuf> {
    let typed = matches
        .try_get_one::<PathBuf>("config")
        .ok()
        .flatten()
        .cloned();
    let named = || std::env::var_os("ABSCTL_CONFIG").map(PathBuf::from);
    let path = typed.or_else(named);
    path.filter(|path| !path.as_os_str().is_empty())
}

fn read(root: &Command, path: &Path) -> Result<Vec<Setting>, Error> {
    let read = file::read(path, &keys::all(root));
    read.map_err(|flaws| {
        let error = Error::usage(flaws.join("; "));
        error.with_hint("absctl config example prints a file with all keys")
    })
}

/// What is wrong with the values of a file, each tried alone.
pub(super) fn flaws_of_file(root: &Command, path: &Path, settings: &[Setting]) -> Vec<String> {
    let commands: BTreeSet<&[String]> = settings
        .iter()
        .map(|setting| &setting.key.names[..])
        .collect();
    let mut flaws: Vec<String> = Vec::new();
    for names in commands {
        let own = settings.iter().filter(|setting| setting.key.names == names);
        let found: Vec<Found> = own.map(|setting| found_in(setting, path)).collect();
        let (_, wrong) = wrong_ones(root, names, &found);
        // What is for both commands is wrong for both.
        for flaw in wrong {
            if !flaws.contains(&flaw) {
                flaws.push(flaw);
            }
        }
    }
    flaws
}

/// The error that names the values that are wrong, and where they stand.
fn culprits(root: &Command, names: &[String], found: &[Found], whole: &clap::Error) -> Error {
    let (hint, wrong) = wrong_ones(root, names, found);
    if wrong.is_empty() {
        return refusal::of(whole);
    }
    let message = wrong.join("; ");
    Error::Usage { message, hint }
}

pub(super) fn wrong_ones(
    root: &Command,
    names: &[String],
    found: &[Found],
) -> (Option<String>, Vec<String>) {
    let run = |tokens: &[&OsString]| {
        let mut args = vec![OsString::from(root.get_name())];
        args.extend(names.iter().map(OsString::from));
        args.extend(tokens.iter().copied().cloned());
        root.clone().try_get_matches_from(args).err()
    };
    let all: Vec<&OsString> = found.iter().map(|one| &one.token).collect();
    if all.is_empty() || run(&all).is_none() {
        return (None, Vec::new());
    }
    let (mut hint, mut wrong) = (None, Vec::new());
    for one in found {
        if let Some(error) = run(&[&one.token]) {
            let error = refusal::of(&error);
            wrong.push(format!("{}: {error}", one.origin));
            hint = hint.or_else(|| error.hint().map(str::to_owned));
        }
    }
    (hint, wrong)
}

/// Names that begin like ours and are none, unless a value points to them.
fn unknown_variables(root: &Command, args: &[OsString]) -> Vec<String> {
    const PREFIX: &str = "ABSCTL_";
    const OURS: [&str; 2] = ["ABSCTL_PROGRESS_FPS", "ABSCTL_CONFIG"];
    /// For programs that test this one.
    const TESTS: &str = "ABSCTL_TEST_";
    let is_for_others = |name: &str| {
        [TESTS, crate::app::hooks::PREFIX]
            .iter()
            .any(|one| name.starts_with(one))
    };
    let known: BTreeSet<String> = keys::all(root)
        .iter()
        .filter_map(|key| keys::variable(key.long()))
        .chain(OURS.map(str::to_owned))
        .collect();
    let is_named = |name: &str| {
        let mut args = args.iter().filter_map(|arg| arg.to_str());
        args.any(|arg| arg.contains(name))
    };
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names
        .filter(|name| name.starts_with(PREFIX) && !is_for_others(name))
        .filter(|name| !known.contains(name) && !is_named(name))
        .map(|name| {
            let near = super::nearest(&name, known.iter().map(String::as_str));
            let hint = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
            format!("the environment variable {name} belongs to no flag and has no effect{hint}")
        })
        .collect()
}

impl Layers {
    /// Where a flag has its value from.
    pub(super) fn origin(&self, long: &str) -> &Origin {
        self.origins.get(long).unwrap_or(&Origin::Default)
    }

    /// The same failure with a hint where the flags that it names have their values from, unless all
    /// of them were typed.
    pub(crate) fn explain(origins: &BTreeMap<String, String>, error: Error) -> Error {
        let Error::Usage { message, hint } = error else {
            return error;
        };
        let words = message.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let named: BTreeSet<&str> = words.filter_map(|word| word.strip_prefix("--")).collect();
        let said = named.iter().filter_map(|flag| {
            let origin = origins.get(*flag)?;
            Some(format!("--{flag} comes from {origin}"))
        });
        let said: Vec<String> = hint.into_iter().chain(said).collect();
        let hint = (!said.is_empty()).then(|| said.join("; "));
        Error::Usage { message, hint }
    }

    /// The origins that are worth a word in an error: all, if there is one that was not typed.
    pub(crate) fn told_origins(&self) -> BTreeMap<String, String> {
        if self
            .origins
            .values()
            .all(|origin| *origin == Origin::CommandLine)
        {
            return BTreeMap::new();
        }
        let told = self.origins.iter().map(|(flag, origin)| {
            let origin = match origin {
                Origin::CommandLine => "the command line".to_owned(),
                other => other.to_string(),
            };
            (flag.clone(), origin)
        });
        told.collect()
    }
}
