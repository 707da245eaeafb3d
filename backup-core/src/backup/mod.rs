//! Backup: partition ranges are scanned, records become text while they are still in the
//! socket's buffer, and chunks of text go to one thread for each open file.
//!
//! ```text
//! plan ── ranges ──► scan stage ── chunks ──► write stage ── files ──► publish
//! ```

mod artifacts;
mod clocks;
mod config;
pub mod conversion;
mod estimate;
mod files;
mod globals;
mod journal;
mod keeper;
mod ledger;
mod memory;
mod names;
mod pace;
mod parent;
mod run;
mod scan_stage;
mod selection;
mod sharded;
mod siblings;
mod state;
mod summary;
mod target;
mod window;
mod wrap;
mod write_stage;
pub mod xdr;

pub use crate::names::Shard;
pub use artifacts::remove_artifacts;
pub use config::{BackupConfig, BackupTarget, StateFile};
pub use estimate::{Estimate, EstimateConfig, EstimateCounts, EstimateStats};
pub use names::Layout;
pub use parent::ParentProblem;
pub use selection::{
    Field, PartitionFilter, PartitionList, PartitionListError, Scope, Selection, Violation,
};
pub use sharded::{ShardViolation, ShardedRun};
pub use wrap::Wrap;

use crate::{handle::Job, stats::BackupStats};
use std::sync::Arc;

/// A running backup.
pub type BackupJob = Job<BackupStats>;

/// A running estimate.
pub type EstimateJob = Job<EstimateStats>;

/// Starts to estimate the size of a backup on the current tokio runtime
/// (`files-and-state.md` §9). The target is not touched; [`EstimateStats::estimate`] has the
/// result when the job has ended well.
#[must_use]
pub fn estimate(config: EstimateConfig) -> EstimateJob {
    Job::spawn(Arc::default(), [], |stats, cancel| {
        estimate::run(config, stats, cancel)
    })
}

/// Starts a backup on the current tokio runtime.
///
/// Nothing is written before the selection and the target were found fit, the cluster has
/// answered and the namespace, the nodes and the racks were found. Files appear under their final names when all of them are complete; a
/// job that fails or is cancelled leaves nothing of its own.
#[must_use]
pub fn start(config: BackupConfig) -> BackupJob {
    let parent = config.incremental_from.clone();
    let stores = [Arc::clone(config.target.store())]
        .into_iter()
        .chain(parent);
    Job::spawn(Arc::default(), stores, |stats, cancel| {
        run::run(config, stats, cancel)
    })
}
