//! The size of a backup beforehand (`cli.md` §8).

use clap::Args;

/// Flags of the estimate.
#[derive(Debug, Args)]
#[command(next_help_heading = "Estimate")]
pub(crate) struct Estimate {
    /// Only say how large the backup would be, expected and at most; no target is given. Selection,
    /// compression, encryption and --compact count as in the backup
    #[arg(short, long)]
    pub(crate) estimate: bool,

    /// Records that an estimate or a dry run reads whole; 0 and default: 10000. When all that are selected were
    /// read, it is exact
    #[arg(long, value_name = "N")]
    pub(crate) estimate_samples: Option<u64>,

    /// Records that are read to warn of a target that is too small, beside a backup; 0 = no
    /// warning
    #[arg(long, value_name = "N")]
    pub(crate) forecast_samples: Option<u64>,
}
