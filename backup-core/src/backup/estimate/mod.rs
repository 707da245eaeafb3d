//! The size of a backup before it is made (`files-and-state.md` §9).
//!
//! ```text
//! plan ─► count of the selected records ─► records of random partitions ─► figures
//! ```
//!
//! The records go the way of the backup, through its filter, its encoder and its compression, and
//! are forgotten then. *Not here:* reports for users; the target, which is not touched.

mod config;
mod count;
mod figures;
mod forecast;
mod pack;
mod sample;
mod stats;
mod subject;

pub use config::EstimateConfig;
pub use figures::Estimate;
pub use stats::{EstimateCounts, EstimateStats};

pub(super) use forecast::Forecast;

use super::{BackupConfig, globals, run::or_cancelled, selection::Plan};
use crate::{error::Error, handle::off_runtime, stats::BackupStats};
use backup_cluster::{
    client::AerospikeView, metadata::Metadata, scan::PartitionCursor, view::ClusterView,
};
use std::sync::Arc;
use subject::Subject;
use tokio_util::sync::CancellationToken;

pub(super) async fn run(
    config: EstimateConfig,
    stats: Arc<EstimateStats>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let backup = &config.backup;
    let violations = backup.selection.check();
    if !violations.is_empty() {
        return Err(Error::Selection { violations });
    }
    let view = or_cancelled(&cancel, AerospikeView::connect(&backup.connect)).await?;
    or_cancelled(
        &cancel,
        Metadata::new(&view).check_namespace(&backup.namespace),
    )
    .await?;
    let plan = or_cancelled(&cancel, Plan::resolve(&view, backup, None, &cancel)).await?;
    let bytes = or_cancelled(&cancel, metadata_bytes(&view, &config)).await?;
    let selected = plan.selected().to_vec();
    let working = of_plan(&view, &config, &plan, selected, bytes, &stats, &cancel);
    let estimate = or_cancelled(&cancel, working).await?;
    let _ = stats.result.set(estimate); // nobody else sets it
    Ok(())
}

/// What a backup by `plan` writes of `selected`, and for indexes and modules so many bytes.
pub(super) async fn of_plan(
    view: &dyn ClusterView,
    config: &EstimateConfig,
    plan: &Plan,
    selected: Vec<PartitionCursor>,
    metadata_bytes: u64,
    stats: &EstimateStats,
    cancel: &CancellationToken,
) -> Result<Estimate, Error> {
    let mut subject = Subject::new(view, &config.backup, plan, selected, stats, cancel);
    subject.count_objects = config.count_objects;
    if let Some(seed) = config.seed {
        subject.random = fastrand::Rng::with_seed(seed);
    }
    subject.estimate(config.wanted(), metadata_bytes).await
}

/// Stored bytes of indexes and modules.
async fn metadata_bytes(view: &dyn ClusterView, config: &EstimateConfig) -> Result<u64, Error> {
    let globals = globals::fetch(view, &config.backup, &BackupStats::default()).await?;
    packed_bytes(&config.backup, globals.text).await
}

/// Stored bytes of this text of indexes and modules.
pub(super) async fn packed_bytes(backup: &BackupConfig, text: Vec<u8>) -> Result<u64, Error> {
    let backup = backup.clone();
    off_runtime(move || pack::stored_bytes(&backup, &text)).await
}
