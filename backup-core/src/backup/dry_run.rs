//! What a backup would do, found out without writing anything: `--dry-run` (goal U4 of
//! `trust-and-ux.md`).
//!
//! Everything that a run finds out before it touches its target is found out by the same code:
//! [`Run::look`](super::target::Run::look), and what follows from the cluster. Then records are
//! sampled as for an estimate. Only the lock cannot be taken, so that one that is held is looked
//! for instead. *Not here:* texts for people.

use super::{
    EstimateConfig,
    estimate::{Estimate, EstimateStats, of_plan, packed_bytes},
    globals,
    run::{or_cancelled, plan},
    state::{self, WrittenGlobals},
    target::{Looked, Run},
};
use crate::{
    error::Error,
    handle::off_runtime,
    lock, partitions,
    planned::{self, PlannedNode},
    stats::{BackupCounts, BackupStats},
};
use aerospike_wire::digest::PartitionId;
use backup_cluster::{client::AerospikeView, scan::PartitionCursor, view::ClusterView};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
    time::{Duration, Instant, SystemTime},
};
use tokio_util::sync::CancellationToken;

/// Progress of a dry run, and at last what it found.
#[derive(Debug, Default)]
pub struct BackupDryRunStats {
    /// Progress of the estimate.
    pub estimate: Arc<EstimateStats>,
    found: OnceLock<BackupDryRun>,
}

impl BackupDryRunStats {
    /// What the backup would do, once it is known.
    #[must_use]
    pub fn found(&self) -> Option<&BackupDryRun> {
        self.found.get()
    }
}

/// What a backup would do with its target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Beginning {
    /// It begins a set where there is none.
    #[default]
    Anew,
    /// It replaces an old set, once the new one is complete.
    Replaces,
    /// It removes an old set first.
    RemovesFirst,
    /// It goes on with an interrupted run.
    Continues,
    /// Nothing: the shard is complete already.
    Nothing,
}

/// What a backup would do.
#[derive(Debug, Clone, Default)]
pub struct BackupDryRun {
    /// Directory, file or bucket.
    pub target: String,
    /// What would happen there.
    pub beginning: Beginning,
    /// Nodes of the cluster.
    pub nodes: Vec<PlannedNode>,
    /// Partitions that would be read, as `first-count` or the digest after which one begins.
    pub partitions: Vec<String>,
    /// How many they are.
    pub partition_count: usize,
    /// Scans at a time.
    pub workers: usize,
    /// What selects, by the names of options with their values.
    pub selection: BTreeMap<String, String>,
    /// Of the counters, what is known before the scans: the window of an incremental backup, and
    /// what earlier runs of a continued one have done.
    pub counts: BackupCounts,
    /// Names of the secondary indexes that would be written.
    pub indexes: Vec<String>,
    /// Names of those that no file can hold, or that were not selected.
    pub indexes_left_out: Vec<String>,
    /// Names of the UDF modules that would be written.
    pub udfs: Vec<String>,
    /// Names of the files that would be removed or replaced.
    pub removed: Vec<String>,
    /// Names of the files that would be written; `<n>` stands for numbers.
    pub written: Vec<String>,
    /// Size of what would be written; `None` where nothing is left to do.
    pub estimate: Option<Estimate>,
    /// Bytes that are free on the target, where that is known.
    pub free_bytes: Option<u64>,
    /// About how long that would take: at the pace of the sample, and not faster than the limits.
    pub duration: Option<Duration>,
}

pub(super) async fn run(
    config: EstimateConfig,
    stats: Arc<BackupDryRunStats>,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let (backup, counts) = (config.backup.clone(), Arc::new(BackupStats::default()));
    let token = cancel.clone();
    let looked = off_runtime(move || {
        let looked = Run::look(backup, counts, token)?;
        if let Looked::Fit(run) = &looked {
            run.check_free()?;
        }
        Ok(looked)
    });
    let mut run = match or_cancelled(&cancel, looked).await? {
        Looked::Fit(run) => *run,
        Looked::Complete { .. } => {
            let _ = stats.found.set(nothing_left(&config)); // nobody else sets it
            return Ok(());
        }
    };
    let view = or_cancelled(&cancel, AerospikeView::connect(&run.config.connect)).await?;
    let view: Arc<dyn ClusterView> = Arc::new(view);
    let plan = plan(&mut run, &view, &cancel).await?;
    let config = EstimateConfig {
        backup: run.config.clone(), // with the window of an incremental backup
        ..config
    };
    let run = Arc::new(run);
    let (globals, bytes) = or_cancelled(&cancel, run.globals_left(&*view)).await?;
    let left = run.left_of(plan.selected());
    let mut found = or_cancelled(&cancel, found(&run, &*view, &left, globals)).await?;
    let begun = Instant::now();
    let progress = &stats.estimate;
    let estimating = of_plan(&*view, &config, &plan, left, bytes, progress, &cancel);
    let estimate = or_cancelled(&cancel, estimating).await?;
    found.duration = Some(duration(&config, found.workers, &estimate, begun.elapsed()));
    found.estimate = Some(estimate);
    let _ = stats.found.set(found); // nobody else sets it
    Ok(())
}

/// Everything but the estimate.
async fn found(
    run: &Arc<Run>,
    view: &dyn ClusterView,
    left: &[PartitionCursor],
    globals: WrittenGlobals,
) -> Result<BackupDryRun, Error> {
    let workers = run.config.workers().min(left.len());
    let concerned: BTreeSet<u16> = left.iter().map(PartitionCursor::partition).collect();
    let is_concerned = |id: &PartitionId| concerned.contains(&id.get());
    let nodes = planned::nodes(view, &run.config.namespace, is_concerned).await?;
    let has_globals = !(globals.indexes.is_empty() && globals.udfs.is_empty());
    let looked = Arc::clone(run);
    let on_disk = off_runtime(move || {
        let removed = looked.files.to_be_removed()?;
        let written = looked.to_be_written(workers, has_globals);
        Ok((removed, written, looked.files.store().available_bytes()?))
    });
    let (removed, written, free_bytes) = on_disk.await?;
    let left_out = globals.left_out.into_iter();
    Ok(BackupDryRun {
        target: run.files.store().location().to_owned(),
        beginning: beginning(run, &removed),
        nodes,
        partitions: partitions::list(left),
        partition_count: left.len(),
        workers,
        selection: run.selection(),
        counts: run.stats.snapshot(),
        indexes: globals.indexes.into_iter().map(|one| one.name).collect(),
        indexes_left_out: left_out.map(|one| one.name).collect(),
        udfs: globals.udfs.into_iter().map(|one| one.name).collect(),
        removed,
        written,
        estimate: None,
        free_bytes,
        duration: None,
    })
}

fn beginning(run: &Run, removed: &[String]) -> Beginning {
    match () {
        () if run.resumed.is_some() => Beginning::Continues,
        () if removed.is_empty() => Beginning::Anew,
        () if run.config.remove_early => Beginning::RemovesFirst,
        () => Beginning::Replaces,
    }
}

/// A shard that was made already.
fn nothing_left(config: &EstimateConfig) -> BackupDryRun {
    BackupDryRun {
        target: config.backup.target.store().location().to_owned(),
        beginning: Beginning::Nothing,
        ..BackupDryRun::default()
    }
}

/// How long `workers` would take for what was estimated from a sample in `took`.
#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate: counts are far below 2^53"
)]
fn duration(
    config: &EstimateConfig,
    workers: usize,
    estimate: &Estimate,
    took: Duration,
) -> Duration {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let at_a_time = workers.clamp(1, cores) as f64;
    let (records, bytes) = (estimate.records as f64, estimate.bytes as f64);
    let share = records / (estimate.samples.max(1) as f64);
    let pace = took.as_secs_f64() * share / at_a_time;
    let limited = |amount: f64, rate: u64| match rate {
        0 => 0.0,
        rate => amount / rate as f64,
    };
    let seconds = pace
        .max(limited(records, config.backup.records_per_second))
        .max(limited(bytes, config.backup.bytes_per_second));
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

impl Run {
    /// What is still to be read of these.
    fn left_of(&self, selected: &[PartitionCursor]) -> Vec<PartitionCursor> {
        if self.config.no_records {
            return Vec::new();
        }
        let ledger = self.files.journal().ledger();
        let left = selected.iter();
        left.filter_map(|cursor| ledger.resume(*cursor)).collect()
    }

    /// Indexes and modules that are for this run to write, and still to be written, with the bytes
    /// that they take.
    async fn globals_left(&self, view: &dyn ClusterView) -> Result<(WrittenGlobals, u64), Error> {
        if !self.files.has_globals() || self.files.journal().globals().is_some() {
            return Ok((WrittenGlobals::default(), 0));
        }
        let globals = globals::fetch(view, &self.config, &BackupStats::default()).await?;
        let bytes = packed_bytes(&self.config, globals.text).await?;
        Ok((globals.written, bytes))
    }

    /// What selects, and the other arguments that a continuation would have to repeat.
    fn selection(&self) -> BTreeMap<String, String> {
        let parent = self.parent.as_ref().map(|parent| parent.run.as_str());
        state::arguments(&self.config, parent)
    }

    /// Names of the files that `workers` would write.
    fn to_be_written(&self, workers: usize, has_metadata: bool) -> Vec<String> {
        let mut names = Vec::new();
        if let Some(keeper) = &self.keeper {
            names.push(self.files.beside().lock());
            names.extend(self.keeps_state().then(|| keeper.place().shown()));
        }
        names.extend(self.files.data_names(workers, has_metadata));
        if self.keeper.is_some() && self.config.manifest {
            names.push(self.files.beside().manifest());
        }
        names
    }

    /// Whether nobody writes to the target of a continuation; a new run has looked already.
    fn check_free(&self) -> Result<(), Error> {
        if self.resumed.is_none() || self.config.sharded.is_some() {
            return Ok(());
        }
        lock::check_free(self.files.store(), SystemTime::now()).map_err(Error::Lock)
    }
}
