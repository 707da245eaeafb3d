//! The part of a set that one of several processes restores (`cli.md` §18).

use super::{RestoreConfig, RestoreSource, input::Input};
use crate::{
    backup::{ShardViolation, ShardedRun},
    error::Error,
    names::Shard,
};

/// What speaks against restoring in parts.
pub(super) fn check(config: &RestoreConfig) -> Result<(), Error> {
    let impossible = config.shard.filter(|shard| !shard.is_possible());
    let no_shard =
        impossible.map(|Shard { number, count }| ShardViolation::NoShard { number, count });
    let is_single = matches!(config.source, RestoreSource::Single(_));
    let no_directory = (is_single && config.shard.is_some()).then_some(ShardViolation::NoDirectory);
    let id = config.run.clone().filter(|id| !ShardedRun::is_run_id(id));
    let no_id = id.map(|id| ShardViolation::RunId { id });
    let violations: Vec<_> = [no_shard, no_directory, no_id]
        .into_iter()
        .flatten()
        .collect();
    if violations.is_empty() {
        return Ok(());
    }
    Err(Error::Sharding { violations })
}

impl Input {
    /// Keeps the files of one shard: every n-th in order of their names, and as the first shard
    /// all that hold nothing but indexes and modules.
    pub(super) fn keep_share(&mut self, shard: Shard) {
        self.files.sort_by(|a, b| a.name().cmp(b.name()));
        let mut index = 0_usize;
        self.files.retain(|file| {
            if file.is_metadata() {
                return shard.is_first();
            }
            let is_taken = shard.takes(index);
            index = index.saturating_add(1);
            is_taken
        });
        self.files.sort_by_key(|file| !file.is_metadata());
    }
}
