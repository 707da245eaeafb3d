//! Which records are backed up (`cli.md` §6). Lists, times and expressions stay as they were
//! typed: what they mean is found out together, so that everything wrong is said at once.

use clap::Args;
use std::path::PathBuf;

/// Flags of the selection of records.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct Records {
    /// Only these sets. A name with a comma stands in quotes; nothing is trimmed
    #[arg(short, long, visible_alias = "set", value_name = "SET,...")]
    pub(crate) set_list: Option<String>,

    /// Only these bins; records that have none of them are left out
    #[arg(short = 'B', long, value_name = "BIN,...")]
    pub(crate) bin_list: Option<String>,

    /// Metadata of records only, no bins
    #[arg(short = 'x', long)]
    pub(crate) no_bins: bool,

    /// The most records in all; 0 = all. Exactly as many if so many are selected
    #[arg(
        short = 'M',
        long,
        value_name = "N",
        default_value_t = 0,
        value_parser = clap::value_parser!(u64)
    )]
    pub(crate) max_records: u64,

    /// Only records updated then or later: YYYY-MM-DD_HH:MM:SS, YYYY-MM-DD (midnight) or
    /// HH:MM:SS (today), in local time unless Z or +HH:MM follows
    #[arg(short = 'a', long, value_name = "TIME")]
    pub(crate) modified_after: Option<String>,

    /// Only records updated before then
    #[arg(short = 'b', long, value_name = "TIME")]
    pub(crate) modified_before: Option<String>,

    /// Only what has changed since this earlier backup of the same selection began: a directory
    /// or a file with a manifest. The time window is longer by the difference of clocks that was
    /// measured then and by 2 s, so that nothing falls between the two. Deletes are not seen
    #[arg(long, value_name = "BACKUP")]
    pub(crate) incremental_from: Option<PathBuf>,

    /// Only records that never expire
    #[arg(long)]
    pub(crate) no_ttl_only: bool,

    /// Only records for which this filter expression (base64) is true
    #[arg(short = 'f', long, value_name = "BASE64")]
    pub(crate) filter_exp: Option<String>,

    /// Only these partitions: PARTITION, BEGIN-COUNT, or a digest (base64) for the records after
    /// it in its partition
    #[arg(short = 'X', long, value_name = "FILTER,...")]
    pub(crate) partition_list: Option<String>,

    /// Only the records after this digest (base64) in its partition, and all partitions after
    /// that one
    #[arg(short = 'D', long, value_name = "DIGEST")]
    pub(crate) after_digest: Option<String>,

    /// Only the partitions whose masters are these nodes: addresses with ports, or node ids
    #[arg(short = 'l', long, value_name = "NODE,...")]
    pub(crate) node_list: Option<String>,

    /// Only the partitions whose masters are in these racks (Enterprise Edition): ids from 0 to
    /// 1000000
    #[arg(long, value_name = "ID,...")]
    pub(crate) rack_list: Option<String>,

    /// Read from these racks where they hold a copy, the first one first (Enterprise Edition)
    #[arg(long, value_name = "ID,...")]
    pub(crate) prefer_racks: Option<String>,
}
