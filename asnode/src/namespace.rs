//! A namespace: its configuration, its known sets, and 4096 ordered partitions of records.
//!
//! All nodes of a cluster share it; who may serve which partition is decided elsewhere
//! ([`crate::topology`]), so moving a partition copies nothing.

use crate::{
    build::Build,
    config::NamespaceConfig,
    record::{DigestBytes, StoredRecord},
    sync::{read, write},
};
use std::{
    collections::BTreeMap,
    sync::{
        RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

/// Partitions of every namespace.
pub(crate) const PARTITIONS: usize = 4096;

/// Sets that a namespace can have.
const MAX_SETS: usize = 4095;

/// Longest set name in bytes.
const MAX_SET_NAME: usize = 63;

/// The records of one partition. Scans walk it from the greatest digest down.
pub(crate) type Records = BTreeMap<DigestBytes, StoredRecord>;

/// What is known about a set besides its records.
#[derive(Debug, Clone, Default)]
pub(crate) struct SetInfo {
    /// Milliseconds since the CL epoch of the last truncate; 0 = never.
    pub(crate) truncate_lut_ms: u64,
    /// TTL of records written with TTL 0; 0 = that of the namespace.
    pub(crate) default_ttl_s: u32,
}

/// A set cannot be created: its name is too long or there are too many.
#[derive(Debug)]
pub(crate) struct SetRefused;

/// A namespace and its records.
#[derive(Debug)]
pub(crate) struct Namespace {
    name: String,
    build: Build,
    config: RwLock<NamespaceConfig>,
    sets: RwLock<BTreeMap<Vec<u8>, SetInfo>>,
    truncate_lut_ms: AtomicU64,
    partitions: Box<[RwLock<Records>]>,
}

impl Namespace {
    pub(crate) fn new(config: NamespaceConfig, build: Build) -> Self {
        Self {
            name: config.name.clone(),
            build,
            config: RwLock::new(config),
            sets: RwLock::default(),
            truncate_lut_ms: AtomicU64::new(0),
            partitions: (0..PARTITIONS).map(|_| RwLock::default()).collect(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The version whose rules hold.
    pub(crate) const fn build(&self) -> Build {
        self.build
    }

    pub(crate) fn config(&self) -> RwLockReadGuard<'_, NamespaceConfig> {
        read(&self.config)
    }

    pub(crate) fn config_mut(&self) -> RwLockWriteGuard<'_, NamespaceConfig> {
        write(&self.config)
    }

    /// Partition id of a digest: its low twelve bits, little-endian (`wire-protocol.md` §6.1).
    pub(crate) fn partition_of(digest: &DigestBytes) -> usize {
        usize::from(digest[0]) | usize::from(digest[1] & 0x0f) << 8
    }

    /// The records of partition `p`, shared.
    pub(crate) fn records(&self, p: usize) -> RwLockReadGuard<'_, Records> {
        read(&self.partitions[p % PARTITIONS])
    }

    /// The records of partition `p`, exclusive.
    pub(crate) fn records_mut(&self, p: usize) -> RwLockWriteGuard<'_, Records> {
        write(&self.partitions[p % PARTITIONS])
    }

    /// Records in all partitions, expired ones included, as the server counts them.
    pub(crate) fn count(&self) -> u64 {
        (0..PARTITIONS).map(|p| self.records(p).len() as u64).sum()
    }

    /// Makes sure that `set` is listed; the null set needs no listing.
    pub(crate) fn ensure_set(&self, set: &[u8]) -> Result<(), SetRefused> {
        if set.is_empty() || read(&self.sets).contains_key(set) {
            return Ok(());
        }
        let mut sets = write(&self.sets);
        if set.len() > MAX_SET_NAME || sets.len() >= MAX_SETS {
            return Err(SetRefused);
        }
        sets.entry(set.to_vec()).or_default();
        Ok(())
    }

    /// Every set that was ever used, with its settings.
    pub(crate) fn sets(&self) -> Vec<(Vec<u8>, SetInfo)> {
        read(&self.sets)
            .iter()
            .map(|(name, info)| (name.clone(), info.clone()))
            .collect()
    }

    /// TTL in seconds for a record of `set` written with TTL 0.
    pub(crate) fn default_ttl_s(&self, set: &[u8]) -> u32 {
        let of_set = read(&self.sets)
            .get(set)
            .map_or(0, |info| info.default_ttl_s);
        if of_set == 0 {
            self.config().default_ttl_s
        } else {
            of_set
        }
    }

    /// Changes the settings of a set, listing it if necessary.
    pub(crate) fn update_set(&self, set: &[u8], change: impl FnOnce(&mut SetInfo)) {
        change(write(&self.sets).entry(set.to_vec()).or_default());
    }

    /// Last truncate of the whole namespace, milliseconds since the CL epoch; 0 = never.
    pub(crate) fn truncate_lut_ms(&self) -> u64 {
        self.truncate_lut_ms.load(Ordering::Relaxed)
    }

    /// Removes the records of `set` (`None`: of the namespace) last updated at or before
    /// `lut_ms`. Done when this returns; the real server needs up to seconds.
    pub(crate) fn truncate(&self, set: Option<&[u8]>, lut_ms: u64) {
        match set {
            Some(set) => self.update_set(set, |info| info.truncate_lut_ms = lut_ms),
            None => self.truncate_lut_ms.store(lut_ms, Ordering::Relaxed),
        }
        for p in 0..PARTITIONS {
            self.records_mut(p).retain(|_, record| {
                record.lut_ms() > lut_ms || set.is_some_and(|set| record.set() != set)
            });
        }
    }
}
