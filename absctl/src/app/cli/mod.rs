//! The command line as it was typed: flags, their types and limits, and their help.
//!
//! One file for each group of flags. Nothing is resolved here: combinations are judged, and
//! configurations made, in [`settings`](super::settings).

pub(crate) mod agent;
mod astools;
mod automation;
mod azure;
pub(crate) mod cloud;
mod comfort;
mod connection;
mod convert;
pub(crate) mod envelope;
mod estimate;
mod gcp;
mod general;
mod given;
mod limits;
mod logging;
mod mode;
mod number;
mod patience;
mod policy;
mod records;
pub(crate) mod refusal;
mod resume;
mod s3;
mod selection;
mod shard;
mod switches;
mod target;
mod tls;
mod tuning;
mod writing;
mod written;
mod xdr;

pub(crate) use self::{
    automation::Automation,
    connection::{Auth, Connection, Port, Seed},
    convert::{ConvertArgs, InputEnvelope},
    given::Given,
    logging::Logging,
    mode::FileKinds,
    patience::{Info, Scans},
    policy::Conflict,
    records::Records,
    selection::Selection,
    tls::Tls,
    written::Written,
    xdr::{ListenerFlags, XdrArgs},
};

use self::{
    agent::Agent,
    astools::Astools,
    automation::Rehearsal,
    cloud::{Cloud, CloudRead, CloudWrite},
    envelope::{Envelope, Level, Window},
    estimate::Estimate,
    limits::Limits,
    mode::Mode,
    policy::{Chosen, Policy},
    resume::{RestoreState, Resume},
    shard::Part,
    target::{Source, Target},
    tuning::Tuning,
    writing::Writing,
};
use super::{
    config::{self, Below},
    error::Error,
    legacy::Personality,
};
use backup_core::cluster::net_tls::secret::Secret;
use clap::{
    Args, CommandFactory, FromArgMatches, Parser, Subcommand, builder::ValueParser,
    error::ErrorKind,
};
use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

/// Backup and restore of Aerospike namespaces.
#[derive(Debug, Parser)]
#[command(
    name = "absctl",
    version,
    propagate_version = true,
    args = general::args(),
    arg_required_else_help = true,
    args_override_self = true,
    disable_help_flag = true,
    disable_help_subcommand = true,
    disable_version_flag = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Back up a namespace to a directory, a file or standard output
    #[command(arg_required_else_help = true, args_conflicts_with_subcommands = true)]
    Backup(Box<BackupArgs>),
    /// Restore a namespace from a directory, a file or standard input
    #[command(arg_required_else_help = true)]
    Restore(Box<RestoreArgs>),
    /// Convert a backup by XDR (*.asbx) into one that every tool can restore (*.asb)
    #[command(arg_required_else_help = true)]
    Convert(Box<ConvertArgs>),
    /// Look at settings: where they come from, and whether a file is sound
    #[command(subcommand, arg_required_else_help = true)]
    Config(Config),
    /// Print completions for a shell, to be read by its start-up file
    Completions {
        /// The shell
        shell: clap_complete::Shell,
        /// What is typed: absctl, asbackup or asrestore
        #[arg(value_parser = ["absctl", "asbackup", "asrestore"], hide_possible_values = true)]
        command: Option<String>,
    },
    /// Print a manual page
    #[command(hide = true)]
    Man {
        /// The command that it is about, or asbackup or asrestore; the program itself without
        command: Option<String>,
    },
}

/// What is to be looked at.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print all settings that a command would have, and where each comes from
    Show {
        /// The command line without the name of the program, such as: backup --config FILE
        #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
        line: Vec<OsString>,
    },
    /// Check files: sections, keys, types and limits. FILE.conf is an astools.conf
    Check {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print a file with all keys, their defaults and what they mean
    Example,
}

/// Flags of `absctl backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// Whether it is a backup by `asbackup`.
    #[arg(skip)]
    pub(crate) is_old: bool,
    #[command(flatten)]
    pub(crate) logging: Logging,
    #[command(flatten)]
    astools: Astools,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) agent: Agent,
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) written: Written,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
    #[command(flatten)]
    pub(crate) cloud_write: CloudWrite,
    #[command(flatten)]
    pub(crate) estimate: Estimate,
    #[command(flatten)]
    pub(crate) resume: Resume,
    #[command(flatten)]
    pub(crate) envelope: Envelope,
    #[command(flatten)]
    pub(crate) level: Level,
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) records: Records,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) part: Part,
    #[command(flatten)]
    pub(crate) scans: Scans,
    #[command(flatten)]
    pub(crate) automation: Automation,
    #[command(flatten)]
    pub(crate) rehearsal: Rehearsal,
    #[command(subcommand)]
    pub(crate) way: Option<BackupWay>,
}

/// Other ways to back up than by scans.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupWay {
    /// Back up a namespace as it changes, by letting the cluster ship it (XDR, Enterprise Edition)
    #[command(arg_required_else_help = true)]
    Xdr(Box<XdrArgs>),
}

/// Flags of `absctl restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// Whether it is a restore by `asrestore`.
    #[arg(skip)]
    pub(crate) is_old: bool,
    #[command(flatten)]
    pub(crate) logging: Logging,
    #[command(flatten)]
    astools: Astools,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) agent: Agent,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) state: RestoreState,
    #[command(flatten)]
    pub(crate) mode: Mode,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
    #[command(flatten)]
    pub(crate) cloud_read: CloudRead,
    #[command(flatten)]
    pub(crate) envelope: Envelope,
    #[command(flatten)]
    pub(crate) level: Level,
    #[command(flatten)]
    pub(crate) window: Window,
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    #[command(flatten)]
    pub(crate) policy: Policy,
    #[command(flatten)]
    pub(crate) writing: Writing,
    #[command(flatten)]
    pub(crate) tuning: Tuning,
    #[command(flatten)]
    pub(crate) part: Part,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) automation: Automation,
    #[command(flatten)]
    pub(crate) rehearsal: Rehearsal,
}

impl Command {
    /// The name of the job, and what is to be told of it to others; of dry runs and of commands that
    /// only print, nothing.
    pub(crate) fn job(&self) -> Option<(&'static str, &Automation)> {
        match self {
            Self::Backup(args) => match &args.way {
                Some(BackupWay::Xdr(xdr)) => Some(("backup-xdr", &xdr.automation)),
                None if args.rehearsal.dry_run => None,
                None if args.estimate.estimate => Some(("estimate", &args.automation)),
                None if args.target.remove_artifacts => Some(("removal", &args.automation)),
                None => Some(("backup", &args.automation)),
            },
            Self::Restore(args) if args.rehearsal.dry_run => None,
            Self::Restore(args) if args.source.validate => Some(("validation", &args.automation)),
            Self::Restore(args) => Some(("restore", &args.automation)),
            Self::Convert(_) | Self::Config(_) | Self::Completions { .. } | Self::Man { .. } => {
                None
            }
        }
    }

    /// The namespace that it is about, without the one that it is restored into.
    pub(crate) fn namespace(&self) -> Option<&str> {
        let typed = match self {
            Self::Backup(args) => match &args.way {
                Some(BackupWay::Xdr(xdr)) => xdr.target.namespace.as_deref(),
                None => args.selection.namespace.as_deref(),
            },
            Self::Restore(args) => args.selection.namespace.as_deref(),
            Self::Convert(_) | Self::Config(_) | Self::Completions { .. } | Self::Man { .. } => {
                None
            }
        };
        typed?.split(',').next()
    }
}

/// What a command line asks for.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// Help, version or the like, to be printed.
    Text(String),
    /// Work.
    Command(Box<Work>),
}

/// A command, and what there is to say of its settings.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) command: Command,
    /// All settings with their origins.
    pub(crate) settings: Vec<config::Shown>,
    /// Where values come from, for errors; empty where everything was typed.
    pub(crate) origins: BTreeMap<String, String>,
    pub(crate) warnings: Vec<String>,
    /// The old tool that the program was called as.
    pub(crate) old: Option<Personality>,
}

/// The commands and flags.
pub(crate) fn root() -> clap::Command {
    switches::with_truth(Cli::command())
}

/// Whether a value is not for everybody's eyes: what we hold as a secret, and whatever has such a
/// name.
pub(crate) fn is_secret(flag: &clap::Arg) -> bool {
    let hidden = ValueParser::from(clap::value_parser!(Secret)).type_id();
    let long = flag.get_long().unwrap_or_default();
    let endings = [
        "-key",
        "-key-id",
        "-token",
        "-secret",
        "-password",
        "-command",
        "on-success",
        "on-failure",
    ];
    flag.get_value_parser().type_id() == hidden || endings.iter().any(|end| long.ends_with(end))
}

/// Parses a command line, the first part of which is the program's name, and adds what the
/// environment and a configuration file say.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Parsed, Error> {
    let (root, args): (_, Vec<OsString>) = (root(), args.into_iter().collect());
    let layers = match config::layers(&root, &args, Below::Files) {
        Ok(layers) => layers,
        Err(config::Stop::Layer(error)) => return Err(error),
        Err(config::Stop::Clap(error)) => return text_or_refusal(&error),
    };
    let cli = match Cli::from_arg_matches(&layers.matches) {
        Ok(cli) => cli,
        Err(error) => return text_or_refusal(&error),
    };
    match cli.command {
        Command::Config(Config::Example) => Ok(Parsed::Text(config::example(&root))),
        Command::Config(Config::Check { files }) => config::check(&root, &files).map(Parsed::Text),
        Command::Config(Config::Show { line }) => show(&root, args.first(), line),
        Command::Completions { shell, command } => {
            let script = comfort::completions(root, shell, command.as_deref());
            Ok(Parsed::Text(script))
        }
        Command::Man { command } => comfort::man(root, command.as_deref()).map(Parsed::Text),
        command => Ok(work(command, layers, warnings_of_names(&args), None)),
    }
}

/// Parses the command line that an old tool's options have become; `below` is what its files say,
/// and what it takes by itself.
pub(crate) fn parse_old(
    personality: Personality,
    args: &[OsString],
    below: Vec<config::Found>,
) -> Result<Parsed, Error> {
    let root = root().mut_subcommands(|command| command.arg_required_else_help(false));
    let layers = match config::layers(&root, args, Below::These(below)) {
        Ok(layers) => layers,
        Err(config::Stop::Layer(error)) => return Err(error),
        Err(config::Stop::Clap(error)) => return Err(refusal::of(&error)),
    };
    let cli = Cli::from_arg_matches(&layers.matches).map_err(|error| refusal::of(&error))?;
    let mut command = cli.command;
    match &mut command {
        Command::Backup(args) => args.is_old = true,
        Command::Restore(args) => args.is_old = true,
        _ => {}
    }
    Ok(work(command, layers, Vec::new(), Some(personality)))
}

fn work(
    command: Command,
    layers: config::Layers,
    mut warnings: Vec<String>,
    old: Option<Personality>,
) -> Parsed {
    let (settings, origins) = (config::settings(&layers), layers.told_origins());
    warnings.extend(layers.warnings);
    Parsed::Command(Box::new(Work {
        command,
        settings,
        origins,
        warnings,
        old,
    }))
}

/// Warnings of names of TLS flags that are older still than `asbackup`'s.
fn warnings_of_names(args: &[OsString]) -> Vec<String> {
    let names = args
        .iter()
        .filter_map(|arg| arg.to_str()?.split('=').next());
    let is_old = |name: &&str| {
        let rest = name.strip_prefix("--tls").unwrap_or_default();
        rest.starts_with(|c: char| c.is_ascii_uppercase())
    };
    let warning =
        |name| format!("{name} is deprecated: names of flags have dashes, such as --tls-enable");
    names.filter(is_old).map(warning).collect()
}

/// The settings that a command line would have.
fn show(
    root: &clap::Command,
    program: Option<&OsString>,
    line: Vec<OsString>,
) -> Result<Parsed, Error> {
    let mut root = root.clone();
    root = without_else_help(root);
    let args: Vec<OsString> = program.cloned().into_iter().chain(line).collect();
    let layers = match config::layers(&root, &args, Below::Files) {
        Ok(layers) => layers,
        Err(config::Stop::Layer(error)) => return Err(error),
        Err(config::Stop::Clap(error)) => return text_or_refusal(&error),
    };
    let settings = config::settings(&layers);
    if settings.is_empty()
        || layers
            .matches
            .subcommand_name()
            .is_none_or(|name| name == "config")
    {
        return Err(Error::usage(
            "config show: backup, restore or convert is needed, with flags or without",
        ));
    }
    layers
        .warnings
        .iter()
        .for_each(|warning| crate::app::output::note(warning));
    let width = |text: fn(&config::Shown) -> usize| settings.iter().map(text).max().unwrap_or(0);
    let (flags, values) = (
        width(|one| one.flag.len()),
        width(|one| one.value.len()).min(40),
    );
    let lines = settings.iter().map(|one| {
        format!(
            "{:flags$}  {:values$}  {}\n",
            one.flag, one.value, one.origin
        )
    });
    Ok(Parsed::Text(lines.collect()))
}

/// The same command, which is content with no flags at all; and those below it.
fn without_else_help(command: clap::Command) -> clap::Command {
    command
        .arg_required_else_help(false)
        .mut_subcommands(without_else_help)
}

fn text_or_refusal(error: &clap::Error) -> Result<Parsed, Error> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Ok(Parsed::Text(error.render().to_string()))
        }
        ErrorKind::DisplayVersion => Ok(Parsed::Text(general::version())),
        _ => Err(refusal::of(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_consistent() {
        switches::with_truth(Cli::command()).debug_assert();
    }

    #[test]
    fn every_value_has_a_name_and_every_flag_a_help_text() {
        for command in Cli::command().get_subcommands() {
            for flag in command.get_arguments() {
                assert!(flag.get_help().is_some(), "{flag}");
                let takes_value = flag
                    .get_num_args()
                    .is_some_and(|range| range.takes_values());
                assert!(!takes_value || flag.get_value_names().is_some(), "{flag}");
                // A text of its own for a value, or a second paragraph, stretches the whole help.
                let values = flag.get_possible_values();
                let is_plain = values.iter().all(|value| value.get_help().is_none());
                assert!(is_plain || flag.is_hide_possible_values_set(), "{flag}");
                assert!(flag.get_long_help().is_none(), "{flag}");
            }
        }
    }

    fn backup(args: &[&str]) -> BackupArgs {
        let args = ["absctl", "backup"].iter().chain(args).map(OsString::from);
        match parse(args) {
            Ok(Parsed::Command(work)) => match work.command {
                Command::Backup(args) => *args,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_may_be_attached() {
        for typed in [
            &["-ntest"][..],
            &["-n=test"],
            &["-n", "test"],
            &["--namespace=test"],
        ] {
            assert_eq!(
                backup(typed).selection.namespace.as_deref(),
                Some("test"),
                "{typed:?}"
            );
        }
    }

    #[test]
    fn switches_take_an_attached_truth() {
        assert!(backup(&["-R"]).selection.no_records);
        assert!(backup(&["-R=true"]).selection.no_records);
        assert!(!backup(&["--no-records=false"]).selection.no_records);
        let together = backup(&["-RIC"]);
        assert!(together.selection.no_records && together.selection.no_indexes);
        assert!(together.target.compact);
    }

    #[test]
    fn the_last_of_equal_flags_counts_but_hosts_add_up() {
        let args = backup(&[
            "-n", "a", "-n", "b", "-R", "-R=false", "-h", "x,y", "-h", "z",
        ]);
        assert_eq!(args.selection.namespace.as_deref(), Some("b"));
        assert!(!args.selection.no_records);
        let hosts: Vec<_> = args
            .connection
            .host
            .iter()
            .map(|given| match given {
                Given::Here(seed) => seed.name.as_str(),
                Given::Secret(_) => "a secret",
            })
            .collect();
        assert_eq!(hosts, ["x", "y", "z"]);
    }
}
