//! Switches: on by themselves, and on or off with an attached truth value (`cli.md` §1.2); and what all
//! other flags have in common.

use clap::{Arg, ArgAction, Command, builder::ValueParser};

/// Lets every switch of every subcommand accept `=true` and `=false` as well, and every other flag
/// refuse negative numbers in its own name.
pub(super) fn with_truth(command: Command) -> Command {
    command
        .mut_subcommands(|subcommand| with_truth(subcommand.mut_args(|arg| numeric(switch(arg)))))
}

/// Lets every flag that must have a value take a negative number for it: what is wrong with that is
/// to be said of the flag, not of an unknown flag `-1`.
fn numeric(arg: Arg) -> Arg {
    let has_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let is_optional = arg
        .get_num_args()
        .is_some_and(|range| range.min_values() == 0);
    arg.allow_negative_numbers(has_value && !is_optional)
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
