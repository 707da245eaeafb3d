//! What is to be estimated, and how carefully.

use super::super::{BackupConfig, BackupTarget};
use backup_storage::LocalDir;
use std::sync::Arc;

/// An estimate. Fields with a default are set by [`EstimateConfig::new`].
#[derive(Debug, Clone)]
pub struct EstimateConfig {
    /// The backup whose size is wanted. Its target is never touched; only whether it is a
    /// directory matters. State, resuming, limits of speed and `forecast_samples` mean nothing.
    pub backup: BackupConfig,
    /// Records that are read whole; 0 = the default of 10000. As partitions are read to their
    /// end there may be more, and fewer where no more are selected.
    pub samples: u64,
    /// Objects of the namespace up to which the records of all partitions are counted, where the
    /// cluster's own counters say nothing about the selection (default 1000000). Above it about
    /// as many are looked at.
    pub count_objects: u64,
    /// Seed of the order in which partitions are read; `None` (default) = another one each time.
    pub seed: Option<u64>,
}

impl EstimateConfig {
    /// Samples by default.
    pub const SAMPLES: u64 = 10_000;

    /// [`Self::count_objects`] by default.
    pub const COUNT_OBJECTS: u64 = 1_000_000;

    /// An estimate of this backup.
    #[must_use]
    pub const fn new(backup: BackupConfig) -> Self {
        Self {
            backup,
            samples: Self::SAMPLES,
            count_objects: Self::COUNT_OBJECTS,
            seed: None,
        }
    }

    /// An estimate of a backup of all of `namespace` into a directory.
    #[must_use]
    pub fn of_namespace(namespace: &str) -> Self {
        let nowhere = BackupTarget::Directory(Arc::new(LocalDir::new("")));
        Self::new(BackupConfig::new(namespace, nowhere))
    }

    /// Records to read.
    pub(super) const fn wanted(&self) -> u64 {
        match self.samples {
            0 => Self::SAMPLES,
            samples => samples,
        }
    }
}
