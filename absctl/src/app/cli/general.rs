//! Help and version. `-h` is the host, as in all Aerospike tools.

use clap::{Arg, ArgAction};

const HEADING: &str = "General";

/// Behind the flags of the same heading.
const LAST: usize = 1000;

/// The flags that every command has.
pub(super) fn args() -> [Arg; 2] {
    let flag = |name, short, order, action, help| {
        Arg::new(name)
            .long(name)
            .short(short)
            .action(action)
            .help(help)
            .global(true)
            .display_order(order)
            .help_heading(HEADING)
    };
    [
        flag("help", 'Z', LAST, ArgAction::Help, "Print help"),
        flag(
            "version",
            'V',
            LAST + 1,
            ArgAction::Version,
            "Print the version",
        ),
    ]
}

/// The version line. A release build names commit and time in two variables of its environment.
pub(super) fn version() -> String {
    let commit = option_env!("ABSCTL_BUILD_COMMIT").unwrap_or("unknown");
    let time = option_env!("ABSCTL_BUILD_TIME").unwrap_or("unknown");
    format!("version: {} ({commit}) {time}\n", env!("CARGO_PKG_VERSION"))
}
