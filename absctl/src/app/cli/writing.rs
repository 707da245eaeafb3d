//! How records are written (`cli.md` §7, §9).

use super::number::factor;
use clap::Args;

/// Flags of the writing of records.
#[derive(Debug, Args)]
#[command(next_help_heading = "Writing")]
pub(crate) struct Writing {
    /// Write records one by one, many on the way at a time, even where the servers know batches
    #[arg(long)]
    pub(crate) disable_batch_writes: bool,

    /// Records of a batch; by default 512, or as many as fit into 256 KiB
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) batch_size: Option<u32>,

    /// Batches on the way at a time
    #[arg(
        long,
        value_name = "N",
        default_value_t = 8,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub(crate) max_async_batches: u16,

    /// Connections opened to each node before the first write; 0 = as they are needed
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) warm_up: u16,

    /// Milliseconds that a node may be silent while it has a batch; 0 = as --total-timeout
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub(crate) socket_timeout: u32,

    /// Milliseconds for an attempt at a batch, answers included; 0 = no limit
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub(crate) total_timeout: u32,

    /// Milliseconds before the second attempt at records without a final answer; 0 = none
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    pub(crate) retry_base_interval: u32,

    /// How much longer each further pause is, at least 1; no pause is longer than 30 s or the
    /// first one
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0, value_parser = factor)]
    pub(crate) retry_multiplier: f64,

    /// Attempts in all; 0 and 1 mean one
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) retry_max_attempts: u32,
}
