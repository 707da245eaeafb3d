//! Which records are restored, and what happens to those that exist (`cli.md` §6, §9, §18).

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What happens to an index or module that exists with another definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Conflict {
    /// It is replaced, with a warning; one that only has another name is left alone.
    Replace,
    /// It is left alone, with a warning.
    Keep,
    /// It ends the restore.
    Fail,
}

/// Flags of the selection of a restore.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct Chosen {
    /// Only records of these sets, and indexes of these sets or without one. A name with a comma
    /// stands in quotes; nothing is trimmed
    #[arg(short, long, visible_alias = "set", value_name = "SET,...")]
    pub(crate) set_list: Option<String>,

    /// Only these bins; records that have none of them are skipped
    #[arg(short = 'B', long, value_name = "BIN,...")]
    pub(crate) bin_list: Option<String>,
}

/// Flags of the policies of a restore.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct Policy {
    /// Leave records alone that exist
    #[arg(short, long)]
    pub(crate) unique: bool,

    /// Replace records that exist as a whole, instead of merging bins into them
    #[arg(short, long)]
    pub(crate) replace: bool,

    /// Also write over records whose generation is not smaller than that of the backup
    #[arg(short = 'g', long)]
    pub(crate) no_generation: bool,

    /// Let records that expire live so many seconds longer
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) extra_ttl: u32,

    /// Count records that the server refuses for what they are (too big, another key, forbidden
    /// and the like), and go on
    #[arg(long)]
    pub(crate) ignore_record_error: bool,

    /// With --ignore-record-error: write refused records to this file, a backup that any tool can
    /// restore, and the reasons to FILE.jsonl
    #[arg(long, value_name = "FILE")]
    pub(crate) reject_file: Option<PathBuf>,

    /// What happens to an index or UDF module that exists with another definition: replace, keep
    /// or fail
    #[arg(
        long,
        value_name = "WHAT",
        ignore_case = true,
        default_value = "replace",
        hide_possible_values = true
    )]
    pub(crate) index_conflict: Conflict,
}
