//! What is backed up or restored (`cli.md` §6).

use clap::Args;

/// Flags of the selection.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct Selection {
    /// Namespace to back up, or to restore into; in a restore SOURCE,DEST for another one
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,

    /// Leave out the records
    #[arg(short = 'R', long)]
    pub(crate) no_records: bool,

    /// Leave out the secondary indexes
    #[arg(short = 'I', long)]
    pub(crate) no_indexes: bool,

    /// Leave out the UDF modules
    #[arg(long)]
    pub(crate) no_udfs: bool,
}
