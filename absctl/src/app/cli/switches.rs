//! Switches: on by themselves, and on or off with an attached truth value (`cli.md` §1.2).

use clap::{Arg, ArgAction, Command, builder::ValueParser};

/// Lets every switch of every subcommand accept `=true` and `=false` as well.
pub(super) fn with_truth(command: Command) -> Command {
    command.mut_subcommands(|subcommand| subcommand.mut_args(switch))
}

fn switch(arg: Arg) -> Arg {
    if !matches!(arg.get_action(), ArgAction::SetTrue) {
        return arg;
    }
    arg.action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .value_parser(ValueParser::bool())
        .value_name("BOOL")
        .default_value("false")
        .default_missing_value("true")
        .hide_default_value(true)
        .hide_possible_values(true)
}
