//! Limits of speed (`cli.md` §8).

use clap::Args;

/// Flags of the limits.
#[derive(Debug, Args)]
#[command(next_help_heading = "Speed")]
pub(crate) struct Limits {
    /// At most so many records a second, all workers together; 0 = no limit
    #[arg(short = 'L', long, value_name = "N", default_value_t = 0)]
    pub(crate) records_per_second: u64,

    /// At most so many MiB a second to or from the storage, all workers together; 0 = no limit
    #[arg(
        short = 'N',
        long,
        visible_alias = "nice",
        value_name = "MIB",
        default_value_t = 0
    )]
    pub(crate) bandwidth: u64,
}
