//! What is being estimated, once the cluster has said what the selection means.

use super::{
    EstimateStats,
    figures::{Count, Estimate, Files},
    sample::Sampled,
};
use crate::{
    backup::{BackupConfig, BackupTarget, files, run::divide, selection::Plan},
    error::Error,
};
use asb_format::Version;
use backup_cluster::{
    scan::{PartitionCursor, ScanOptions},
    view::ClusterView,
};
use backup_envelope::HEADER_BYTES;
use tokio_util::sync::CancellationToken;

/// A selection on a cluster, and how it is looked at.
pub(super) struct Subject<'a> {
    pub(super) view: &'a dyn ClusterView,
    pub(super) config: &'a BackupConfig,
    pub(super) stats: &'a EstimateStats,
    pub(super) cancel: &'a CancellationToken,
    /// The partitions in order, and where to begin in each of them.
    pub(super) selected: Vec<PartitionCursor>,
    /// How the backup scans, without its limit of records.
    pub(super) options: ScanOptions,
    /// The most records that the backup takes.
    pub(super) limit: Option<u64>,
    /// Objects up to which all partitions are counted.
    pub(super) count_objects: u64,
    pub(super) random: fastrand::Rng,
}

impl<'a> Subject<'a> {
    /// What a backup by `plan` would read of `selected`.
    pub(super) fn new(
        view: &'a dyn ClusterView,
        config: &'a BackupConfig,
        plan: &Plan,
        selected: Vec<PartitionCursor>,
        stats: &'a EstimateStats,
        cancel: &'a CancellationToken,
    ) -> Self {
        let shared = plan.options();
        Self {
            view,
            config,
            stats,
            cancel,
            selected,
            options: ScanOptions {
                limit: None,
                ..(**shared).clone()
            },
            limit: shared.limit.as_ref().map(|limit| limit.left()),
            count_objects: 0,
            random: fastrand::Rng::new(),
        }
    }

    /// The partitions in random order.
    pub(super) fn shuffled(&mut self) -> Vec<PartitionCursor> {
        let mut cursors = self.selected.clone();
        self.random.shuffle(&mut cursors);
        cursors
    }

    /// The estimate of a backup whose metadata takes so many bytes.
    pub(super) async fn estimate(
        &mut self,
        samples: u64,
        metadata_bytes: u64,
    ) -> Result<Estimate, Error> {
        let mut counted = self.count().await?;
        let mut sampled = self.sample(samples, counted).await?;
        let read = sampled.sample.sizes.count();
        let is_census = sampled.sample.is_census;
        if !is_census && counted.count.whole() < read {
            // The counters were wrong: a set's name may make the list of them unreadable.
            counted = self.count_by_scan().await?;
        }
        let count = if is_census {
            Count::known(read)
        } else {
            counted.count
        };
        // Of all that was read, the backup takes a part that nobody knows.
        sampled.sample.is_census &= self.limit.is_none_or(|limit| read <= limit);
        let files = self.files(&sampled, metadata_bytes);
        let is_compressed = self.config.wrap.compression.is_some();
        Ok(Estimate::new(
            self.capped(count),
            &sampled.sample,
            &files,
            is_compressed,
        ))
    }

    /// The count, as far as the backup takes it.
    fn capped(&self, count: Count) -> Count {
        #[expect(clippy::cast_precision_loss, reason = "a bound that may be rounded")]
        let limit = self.limit.map(|limit| limit as f64);
        limit.map_or(count, |limit| count.at_most(limit))
    }

    fn files(&self, sampled: &Sampled, metadata_bytes: u64) -> Files {
        let config = self.config;
        let is_directory = matches!(config.target, BackupTarget::Directory(_));
        let head = |is_first| files::head(&config.namespace, Version::V3_1, is_first).len() as u64;
        let header = config.wrap.key.as_ref().map_or(0, |_| HEADER_BYTES as u64);
        let known = match is_directory {
            true => self.known_files(sampled, head(true) + header),
            false => Some(1),
        };
        // The first of all files says that it is the first.
        let is_any = metadata_bytes > 0 || sampled.sample.sizes.count() > 0 || !is_directory;
        let has_own = metadata_bytes > 0 && is_directory;
        let once = if is_any { head(true) - head(false) } else { 0 };
        let own = if has_own { head(false) + header } else { 0 };
        Files {
            metadata_bytes: metadata_bytes + once + own,
            head_bytes: head(false) + header,
            known,
            writers: self.writers() as u64,
            limit: if is_directory { config.file_limit } else { 0 },
        }
    }

    /// Files that are written at a time.
    pub(super) fn writers(&self) -> usize {
        match self.config.target {
            BackupTarget::Directory(_) => self.config.workers().min(self.selected.len()),
            BackupTarget::Single(_) => 1,
        }
    }

    /// The number of data files in a directory: where all was read, one for each worker that has
    /// any records. Where a file reaches its limit, nobody knows how many there are.
    fn known_files(&self, sampled: &Sampled, head: u64) -> Option<u64> {
        if !sampled.sample.is_census {
            return None;
        }
        let limit = self.config.file_limit;
        let shares = divide(&self.selected, self.config.workers());
        let sizes = shares.iter().map(|share| sampled.bytes_in(share));
        let written: Vec<_> = sizes.filter(|bytes| *bytes > 0).collect();
        let fits = |bytes: &u64| limit == 0 || bytes.saturating_add(head) < limit;
        written.iter().all(fits).then_some(written.len() as u64)
    }
}
