//! Time-outs and retries (`cli.md` §7).

use super::number::factor;
use clap::Args;

/// Flags of info commands, by which the cluster is asked about everything but records.
#[derive(Debug, Args)]
#[command(next_help_heading = "Time-outs and retries")]
pub(crate) struct Info {
    /// Time limit for one info command, in milliseconds; 0 = none
    #[arg(short = 'T', long, value_name = "MS", default_value_t = 10_000)]
    pub(crate) info_timeout: u32,

    /// Pause before an info command is sent again, in milliseconds; 0 = none
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    pub(crate) info_retry_interval: u32,

    /// Growth of that pause from one attempt to the next, at least 1
    #[arg(long, value_name = "FACTOR", default_value = "1.0", value_parser = factor)]
    pub(crate) info_retry_multiplier: f64,

    /// Attempts for one info command in all; 0 and 1 = no second one
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) info_max_retries: u32,
}

/// Flags of scans.
#[derive(Debug, Args)]
#[command(next_help_heading = "Time-outs and retries")]
pub(crate) struct Scans {
    /// Break a scan off, and resume it, when a node sends nothing for so many milliseconds, and let
    /// nodes do so when we read nothing; 0 = as --total-timeout. Without this flag silence is no
    /// failure, as a filter or a slow storage may cause it, and nodes wait for 10 s; for ever with
    /// a limit of speed or a target that is no local disk
    #[arg(long, value_name = "MS")]
    pub(crate) socket_timeout: Option<u32>,

    /// Time limit for the whole scan of a worker with all retries, in milliseconds; 0 = none
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) total_timeout: u32,

    /// Times that a scan is tried again without any progress
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) max_retries: u32,

    /// Pause before a scan is tried again, in milliseconds; it grows by half each time. Without
    /// this flag it is 500 and grows to 5 s
    #[arg(long, visible_alias = "retry-delay", value_name = "MS")]
    pub(crate) sleep_between_retries: Option<u32>,
}
