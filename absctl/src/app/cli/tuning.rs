//! Speed (`cli.md` §7).

use clap::Args;

/// Flags of the speed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Speed")]
pub(crate) struct Tuning {
    /// Scans at a time and files written, or decoders of a restore, which share large files: 1 to
    /// 1024; 0 = automatic
    #[arg(
        short = 'w',
        long,
        visible_alias = "threads",
        value_name = "N",
        default_value_t = 0,
        value_parser = clap::value_parser!(u16).range(0..=1024)
    )]
    pub(crate) parallel: u16,
}
