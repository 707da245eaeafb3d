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
mod dry_run;
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
mod verify;
mod window;
mod wrap;
mod write_stage;
pub mod xdr;

pub use crate::names::Shard;
pub use crate::planned::PlannedNode;
pub use artifacts::{artifacts, remove_artifacts};
pub use config::{BackupConfig, BackupTarget, StateFile};
pub use dry_run::{BackupDryRun, BackupDryRunStats, Beginning};
pub use estimate::{Estimate, EstimateConfig, EstimateCounts, EstimateStats};
pub use names::Layout;
pub use parent::ParentProblem;
pub use selection::{
    Field, PartitionFilter, PartitionList, PartitionListError, Scope, Selection, Violation,
};
pub use sharded::{ShardViolation, ShardedRun};
pub use verify::WriteProblem;
pub use wrap::Wrap;

use crate::{handle::Job, stats::BackupStats};
use backup_storage::Store;
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

/// A running dry run of a backup.
pub type BackupDryRunJob = Job<BackupDryRunStats>;

/// Starts to find out what a backup would do, on the current tokio runtime. Everything is checked
/// that [`start`] checks before it writes, and nothing is written; records are sampled for an
/// estimate. [`BackupDryRunStats::found`] has the result when the job has ended well.
#[must_use]
pub fn dry_run(config: EstimateConfig) -> BackupDryRunJob {
    let stores = stores_of(&config.backup);
    Job::spawn(Arc::default(), stores, |stats, cancel| {
        dry_run::run(config, stats, cancel)
    })
}

/// Starts a backup on the current tokio runtime.
///
/// Nothing is written before the selection and the target were found fit, the cluster has
/// answered and the namespace, the nodes and the racks were found. Files appear under their final names when all of them are complete; a
/// job that fails or is cancelled leaves nothing of its own.
#[must_use]
pub fn start(config: BackupConfig) -> BackupJob {
    let stores = stores_of(&config);
    Job::spawn(Arc::default(), stores, |stats, cancel| {
        run::run(config, stats, cancel)
    })
}

/// The stores that a backup waits for.
fn stores_of(config: &BackupConfig) -> Vec<Arc<dyn Store>> {
    let target = [Arc::clone(config.target.store())];
    let parent = config.incremental_from.clone();
    target.into_iter().chain(parent).collect()
}
