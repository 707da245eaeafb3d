//! Going on after an interruption (`cli.md` §9, `files-and-state.md` §7.2).

use clap::Args;
use std::path::PathBuf;

/// Flags of the state file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Interruption")]
pub(crate) struct Resume {
    /// Keep the state of the backup in this file all the time, so that it can be continued
    /// whatever happens: a name beside the data, or with "/" a path on local disk. Without it, a
    /// state is written when the backup fails or is interrupted
    #[arg(long, value_name = "FILE")]
    pub(crate) state_file_dst: Option<String>,

    /// Go on with an interrupted backup from its state file. All other arguments must be the
    /// same, but for hosts, credentials, limits, time-outs, retries and logging
    #[arg(short = 'c', long = "continue", value_name = "FILE")]
    pub(crate) resume: Option<String>,

    /// Milliseconds after which what was written is made durable and enters the state
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 5000,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(crate) durable_interval: u64,

    /// Records per worker after which the same is done, if that comes earlier; 0 = any number
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) scan_page_size: u64,
}

/// Flags of the state file of a restore.
#[derive(Debug, Args)]
#[command(next_help_heading = "Interruption")]
pub(crate) struct RestoreState {
    /// Keep the state of the restore in this file on local disk, so that it can be continued
    /// whatever happens. It must not exist, and goes when the restore is complete
    #[arg(long, value_name = "FILE")]
    pub(crate) state_file_dst: Option<PathBuf>,

    /// Go on with an interrupted restore from its state file. The backup and all other arguments
    /// must be the same, but for hosts, credentials, limits, time-outs, retries and logging
    #[arg(long = "continue", value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,

    /// Milliseconds after which what was finished enters the state
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 5000,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(crate) durable_interval: u64,
}
