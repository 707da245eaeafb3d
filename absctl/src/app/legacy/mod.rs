//! The program under its old names: called as `asbackup` or `asrestore` it takes the options of
//! these tools, with their defaults and the forms of their files, lines and exit codes (`cli.md`
//! §20, `docs/legacy.md`).
//!
//! ```text
//! getopt ──┐
//! astools ─┴─ values ──► translate ──► a command line of absctl ──► the same way as that
//! ```
//!
//! [`table`] says for each old option what it is with us, and nothing here knows what a flag of
//! ours does. What cannot be said by flags hangs on [`Personality`].

mod astools;
mod getopt;
mod help;
mod row;
mod table;
mod translate;
mod values;
mod words;

pub(crate) use self::{astools::Places, help::command as help_command, words::in_old_words};

use self::{
    getopt::Typed,
    values::{Values, last_of_each},
};
use super::{
    Exit,
    cli::{self, Parsed},
    command,
    config::Found,
    error::Error,
    output::{self, LogSettings},
};
use std::{ffi::OsString, path::Path};

/// Which of the old tools the program is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Personality {
    /// `asbackup`.
    Backup,
    /// `asrestore`.
    Restore,
}

impl Personality {
    /// The tool of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let both = [Self::Backup, Self::Restore];
        both.into_iter().find(|one| one.name() == name)
    }

    /// The name of the tool.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Backup => "asbackup",
            Self::Restore => "asrestore",
        }
    }

    /// Our command.
    pub(crate) const fn command(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
        }
    }

    /// The tool that does what our command does.
    pub(crate) fn of_command(command: &str) -> Option<Self> {
        let both = [Self::Backup, Self::Restore];
        both.into_iter().find(|one| one.command() == command)
    }
}

/// The old tool that the program was called as, and its arguments: by the name of the file, or as
/// `absctl asbackup`.
pub(crate) fn called(args: &[OsString]) -> Option<(Personality, &[OsString])> {
    let (program, rest) = args.split_first()?;
    let name = Path::new(program).file_name()?.to_str()?;
    if let Some(personality) = Personality::named(name) {
        return Some((personality, rest));
    }
    let (first, rest) = rest.split_first()?;
    Some((Personality::named(first.to_str()?)?, rest))
}

/// Runs the program as an old tool. Every failure has exit code 1 (`cli.md` §1.1).
pub(crate) fn run(personality: Personality, args: &[OsString]) -> Exit {
    let settings = LogSettings {
        old: Some(personality),
        ..LogSettings::default()
    };
    let result = match parse(personality, args) {
        Ok(Parsed::Text(text)) => output::result(&text),
        Ok(Parsed::Command(work)) => command::run(*work),
        Err(error) => output::start_log(settings).and(Err(error)),
    };
    match result {
        Ok(()) => Exit::Success,
        Err(error) => {
            output::failure(&error);
            Exit::Failure
        }
    }
}

fn parse(personality: Personality, args: &[OsString]) -> Result<Parsed, Error> {
    let Typed { given, warnings } = getopt::parse(personality, args)?;
    let typed = last_of_each(given);
    let values = Values(&typed);
    if values.is_on("help") {
        return Ok(Parsed::Text(help::text(personality)));
    }
    if values.is_on("version") {
        return Ok(Parsed::Text(help::version(personality)));
    }
    let found = astools::read(personality, &places(&values));
    let found = found.map_err(|flaws| Error::usage(flaws.join("; ")))?;
    let all = last_of_each(found.given.into_iter().chain(typed).collect());
    check_together(&Values(&all))?;
    let all = translate::with_presets(personality, all);
    let translated = translate::translate(&all)?;
    let line = ["absctl", personality.command()].map(OsString::from);
    let line: Vec<OsString> = line.into_iter().chain(translated.typed).collect();
    let mut parsed = cli::parse_old(personality, &line, translated.below)?;
    if let Parsed::Command(work) = &mut parsed {
        for more in [warnings, found.warnings, translated.warnings] {
            work.warnings.extend(more);
        }
    }
    Ok(parsed)
}

fn places(values: &Values<'_>) -> Places {
    let path = |long| values.of(long).map(Into::into);
    let instance = values.of("instance");
    Places {
        file: path("config-file"),
        only: path("only-config-file"),
        none: values.is_on("no-config-file"),
        instance: instance.map(|name| name.to_string_lossy().into_owned()),
    }
}

/// What excludes each other in the old tools only.
fn check_together(values: &Values<'_>) -> Result<(), Error> {
    if values.is_on("unique") && values.is_on("no-generation") {
        return Err(Error::usage(
            "--unique (-u) and --no-generation (-g) exclude each other",
        ));
    }
    Ok(())
}

/// What `astools.conf` says for a command of ours: flags with their places, and warnings. `Err` is
/// everything that is wrong with it.
pub(crate) fn from_files(
    personality: Personality,
    places: &Places,
) -> Result<(Vec<Found>, Vec<String>), Vec<String>> {
    let found = astools::read(personality, places)?;
    let translated = translate::translate(&found.given);
    let translated = translated.map_err(|error| vec![error.to_string()])?;
    let warnings = [found.warnings, translated.warnings].concat();
    Ok((translated.below, warnings))
}
