//! Help, version and manual page of an old tool: out of its table, with the words of our flags
//! where they fit.

use super::{
    Personality,
    row::{Preset, Row, Takes, To},
    table,
};
use crate::app::cli;
use clap::{Arg, ArgAction, Command};

/// The help.
pub(super) fn text(personality: Personality) -> String {
    command(personality).render_help().to_string()
}

/// Two lines, as the tools have them.
pub(super) fn version(personality: Personality) -> String {
    let title = match personality {
        Personality::Backup => "Aerospike Backup Utility",
        Personality::Restore => "Aerospike Restore Utility",
    };
    format!("{title}\nVersion {}\n", env!("CARGO_PKG_VERSION"))
}

/// The tool as a command of clap, for everything that is made of such: nothing is parsed by it.
pub(crate) fn command(personality: Personality) -> Command {
    let root = cli::root();
    let ours = root.find_subcommand(personality.command());
    let about = match personality {
        Personality::Backup => "Back up an Aerospike namespace, with the options of asbackup",
        Personality::Restore => "Restore an Aerospike namespace, with the options of asrestore",
    };
    let mut command = Command::new(personality.name())
        .about(about)
        .version(env!("CARGO_PKG_VERSION"))
        .override_usage(format!("{} [OPTIONS]", personality.name()))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .max_term_width(100);
    for group in table::groups(personality) {
        let rows = group.rows.iter().filter(|row| !row.in_file_only);
        command = command.args(rows.map(|row| arg(row, ours).help_heading(group.heading)));
    }
    command
}

fn arg(row: &Row, ours: Option<&Command>) -> Arg {
    let flag = row.flag().and_then(|flag| {
        let mut flags = ours?.get_arguments();
        flags.find(|ours| ours.get_long() == Some(flag))
    });
    let mut arg = Arg::new(row.long)
        .long(row.long)
        .visible_aliases(row.aliases.iter().copied())
        .aliases(row.deprecated.iter().copied());
    if let Some(letter) = row.short {
        arg = arg.short(letter);
    }
    arg = match row.takes {
        Takes::Nothing => arg.action(ArgAction::SetTrue),
        Takes::Optional(value) => arg.value_name(value).num_args(0..=1),
        takes => arg.value_name(takes.value().unwrap_or_default()),
    };
    match (row.help, flag.and_then(Arg::get_help)) {
        (Some(help), _) => arg = arg.help(help),
        (None, Some(help)) => arg = arg.help(help.clone()),
        (None, None) => {}
    }
    match (row.takes, row.preset) {
        (Takes::Nothing, _) | (_, Preset::By(_)) => arg,
        (_, Preset::This(value)) => arg.default_value(value),
        // What several options make has no default of one of them.
        (_, Preset::Ours) if matches!(row.to, To::Made(..)) => arg,
        (_, Preset::Ours) => arg.default_values(defaults(flag)),
    }
}

fn defaults(flag: Option<&Arg>) -> Vec<clap::builder::OsStr> {
    flag.map_or_else(Vec::new, |flag| flag.get_default_values().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::config::is_switch;
    use std::collections::BTreeSet;

    const BOTH: [Personality; 2] = [Personality::Backup, Personality::Restore];

    #[test]
    fn the_tables_are_consistent() {
        for personality in BOTH {
            command(personality).debug_assert();
            let rows: Vec<_> = table::rows(personality).collect();
            let names: Vec<_> = rows.iter().flat_map(|row| row.names()).collect();
            let distinct: BTreeSet<_> = names.iter().collect();
            assert_eq!(names.len(), distinct.len(), "{personality:?}");
        }
    }

    #[test]
    fn every_option_is_a_flag_of_ours_and_has_a_help() {
        for personality in BOTH {
            let root = cli::root();
            let ours = root
                .find_subcommand(personality.command())
                .expect("command");
            for row in table::rows(personality) {
                let own = command(personality);
                let shown = own
                    .get_arguments()
                    .find(|arg| arg.get_long() == Some(row.long));
                assert!(
                    row.in_file_only || shown.expect(row.long).get_help().is_some(),
                    "{row:?}"
                );
                let Some(flag) = row.flag() else { continue };
                let flag = ours
                    .get_arguments()
                    .find(|ours| ours.get_long() == Some(flag));
                let is_on_or_off = matches!(row.takes, Takes::Nothing);
                assert_eq!(is_on_or_off, is_switch(flag.expect(row.long)), "{row:?}");
            }
        }
    }

    #[test]
    fn letters_are_those_of_the_tools() {
        let check = |personality, values: &str, switches: &str| {
            let letters = |takes: bool| -> BTreeSet<char> {
                let rows = table::rows(personality);
                let rows = rows.filter(|row| row.takes.value().is_some() == takes);
                rows.filter_map(|row| row.short).collect()
            };
            let all = |text: &str| text.chars().filter(|c| *c != ' ').collect::<BTreeSet<_>>();
            assert_eq!(letters(true), all(values), "{personality:?}");
            assert_eq!(letters(false), all(switches), "{personality:?}");
        };
        let values = "h p A U P n s d o c F B l X D M m N a b L q w z y f";
        check(Personality::Backup, values, "S r v x C e R I u V Z");
        let values = "h p A U P n d i t m B s N T y z";
        check(Personality::Restore, values, "S v u r g R I L F w V Z");
    }
}
