//! One backup or restore by several processes (`cli.md` §18).

use backup_core::backup::Shard;
use clap::Args;

/// Flags of a part of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Several machines")]
pub(crate) struct Part {
    /// Do part I of N, as one of N processes that may run anywhere and in any order: of a backup,
    /// that part of the selected partitions, into the directory of all; of a restore, every N-th
    /// file. A part that was interrupted goes on when it is started again with the same arguments
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(crate) shard: Option<Shard>,

    /// The run that the part belongs to, the same for all of them: 1 to 64 of A-Z a-z 0-9 . _ -
    /// For a restore: refuse the backup of another run
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<String>,
}

fn shard(typed: &str) -> Result<Shard, String> {
    let parse = || {
        let (number, count) = typed.split_once('/')?;
        let (number, count) = (number.parse().ok()?, count.parse().ok()?);
        let shard = Shard { number, count };
        shard.is_possible().then_some(shard)
    };
    parse().ok_or_else(|| format!("I/N with 1 <= I <= N <= {} is needed", Shard::MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_two_numbers() {
        for (typed, number, count) in [("1/1", 1, 1), ("2/7", 2, 7), ("4096/4096", 4096, 4096)] {
            assert_eq!(shard(typed), Ok(Shard { number, count }));
        }
        for typed in [
            "", "2", "2/", "/7", "0/7", "8/7", "1/4097", "2/7/9", "-1/7", "a/b",
        ] {
            assert!(shard(typed).is_err(), "{typed}");
        }
    }
}
