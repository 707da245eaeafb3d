//! The configuration file of the old tools (`cli.md` §13).

use clap::Args;
use std::path::PathBuf;

/// Flags of that file. They are read before there are settings.
#[derive(Debug, Args)]
#[command(next_help_heading = "General")]
pub(crate) struct Astools {
    /// Read settings from this astools.conf (TOML) of asbackup and asrestore, after
    /// /etc/aerospike/astools.conf and ~/.aerospike/astools.conf
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,

    /// Read this astools.conf alone
    #[arg(long, value_name = "FILE")]
    only_config_file: Option<PathBuf>,

    /// Read no astools.conf, which is the default here
    #[arg(long)]
    no_config_file: bool,

    /// Take the tables of astools.conf whose names end in _NAME
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
}
