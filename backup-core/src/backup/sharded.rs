//! One backup by several processes (`cli.md` §18, `files-and-state.md` §5.2): which part a process
//! makes, and what cannot be asked for together with it.
//!
//! Processes know of each other only by the files in the directory; see
//! [`siblings`](super::siblings).

use super::{BackupConfig, BackupTarget, Shard, StateFile};
use crate::error::Error;
use backup_storage::StoreExt;

/// Longest id of a run.
const LONGEST_ID: usize = 64;

/// The part of a run that one process makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardedRun {
    /// Which part of how many.
    pub shard: Shard,
    /// Id of the run, the same for all shards: 1 to 64 of letters, digits, `.`, `_` and `-`.
    pub run: String,
}

/// Why a backup cannot be made by several processes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShardViolation {
    /// There is no such part.
    #[error("shard {number} of {count}: 1 <= i <= n <= {} must hold", Shard::MOST)]
    NoShard {
        /// Its number.
        number: u16,
        /// How many there are.
        count: u16,
    },
    /// The id cannot be part of what it is for.
    #[error("{id:?} is no id of a run: it has 1 to {LONGEST_ID} of A-Z a-z 0-9 . _ -")]
    RunId {
        /// The id.
        id: String,
    },
    /// Several processes cannot write one file.
    #[error("shards need a directory")]
    NoDirectory,
    /// Nobody knows which of them would have to remove the old backup, and when.
    #[error("shards cannot replace an old backup; clear the directory first")]
    Replaces,
    /// Without manifests, nobody knows whether all shards have finished.
    #[error("shards need the manifest")]
    NoManifest,
    /// Each shard would stop after so many, and nobody knows how many the others find.
    #[error("shards cannot share a limit of records")]
    MaxRecords,
    /// The others could not see whose files those are.
    #[error("the state of a shard stands beside the data and is called {name}")]
    StateFile {
        /// Its name.
        name: String,
    },
}

impl ShardedRun {
    /// Whether `id` can be the id of a run.
    #[must_use]
    pub fn is_run_id(id: &str) -> bool {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(is_allowed)
    }

    /// Everything that speaks against making `config` in parts; `state` is the name of the state.
    pub(super) fn check(&self, config: &BackupConfig, state: &str) -> Result<(), Error> {
        let Shard { number, count } = self.shard;
        let id = self.run.clone();
        let name = state.to_owned();
        let is_elsewhere = |file: &StateFile| match file {
            StateFile::Beside(name) => name != state,
            StateFile::Local(path) => {
                let target = config.target.store();
                path.to_string_lossy() != target.location_of(state)
            }
        };
        let states = [&config.state_file, &config.resume];
        let is_single = matches!(config.target, BackupTarget::Single(_));
        let all = [
            (!self.shard.is_possible()).then_some(ShardViolation::NoShard { number, count }),
            (!Self::is_run_id(&id)).then_some(ShardViolation::RunId { id }),
            is_single.then_some(ShardViolation::NoDirectory),
            config.remove_files.then_some(ShardViolation::Replaces),
            (!config.manifest).then_some(ShardViolation::NoManifest),
            (config.selection.max_records > 0).then_some(ShardViolation::MaxRecords),
            (states.into_iter().flatten())
                .any(is_elsewhere)
                .then_some(ShardViolation::StateFile { name }),
        ];
        let violations: Vec<_> = all.into_iter().flatten().collect();
        if violations.is_empty() {
            return Ok(());
        }
        Err(Error::Sharding { violations })
    }
}
