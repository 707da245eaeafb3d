//! Which kind of files is restored (`cli.md` §18).

use clap::{Args, ValueEnum};

/// Flags of the kind of files.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub(crate) struct Mode {
    /// Which files are restored: "asb" text, "asbx" what XDR has shipped, "auto" what there is,
    /// text (indexes and UDF modules) first
    #[arg(long, value_name = "MODE", default_value = "auto", ignore_case = true)]
    pub(crate) mode: FileKinds,
}

/// Kinds of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FileKinds {
    Auto,
    Asb,
    Asbx,
}
