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
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
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
    /// Whether the set is indexed by configuration.
    pub(crate) enable_index: bool,
    /// Records from which on no more are created; 0 = no limit.
    pub(crate) stop_writes_count: u64,
}

/// What is left of a record that was deleted durably (Enterprise).
#[derive(Debug, Clone)]
pub(crate) struct Tombstone {
    pub(crate) set: Vec<u8>,
    pub(crate) lut_ms: u64,
}

/// Tombstones by digest.
pub(crate) type Graves = BTreeMap<DigestBytes, Tombstone>;

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
    graves: RwLock<Graves>,
    /// Their number, which is 0 as a rule.
    n_graves: AtomicUsize,
    /// When expired records were removed last, seconds since the CL epoch …
    swept_s: AtomicU32,
    /// … and how many of them so far.
    n_expired: AtomicU64,
}

impl Namespace {
    pub(crate) fn new(config: NamespaceConfig, build: Build, now_s: u32) -> Self {
        Self {
            name: config.name.clone(),
            build,
            config: RwLock::new(config),
            sets: RwLock::default(),
            truncate_lut_ms: AtomicU64::new(0),
            partitions: (0..PARTITIONS).map(|_| RwLock::default()).collect(),
            graves: RwLock::default(),
            n_graves: AtomicUsize::new(0),
            swept_s: AtomicU32::new(now_s),
            n_expired: AtomicU64::new(0),
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

    /// Tombstones, shared.
    pub(crate) fn graves(&self) -> RwLockReadGuard<'_, Graves> {
        read(&self.graves)
    }

    /// Leaves a tombstone for a record that is gone.
    pub(crate) fn bury(&self, digest: DigestBytes, tombstone: Tombstone) {
        let mut graves = write(&self.graves);
        graves.insert(digest, tombstone);
        self.n_graves.store(graves.len(), Ordering::Release);
    }

    /// Forgets the tombstone of a record that is written again.
    pub(crate) fn unbury(&self, digest: &DigestBytes) {
        if self.n_graves.load(Ordering::Acquire) > 0 {
            let mut graves = write(&self.graves);
            graves.remove(digest);
            self.n_graves.store(graves.len(), Ordering::Release);
        }
    }

    /// Removes expired records if it is time for that: every `nsup-period` by the clock of the
    /// cluster. To be called before anything is counted; that they are hidden does not depend on
    /// it.
    pub(crate) fn sweep(&self, now_s: u32) {
        let period = self.config().nsup_period_s;
        let last = self.swept_s.load(Ordering::Relaxed);
        if now_s < last {
            self.swept_s.store(now_s, Ordering::Relaxed); // the clock went back
        } else if period > 0 && now_s - last >= period {
            self.swept_s.store(now_s, Ordering::Relaxed);
            for p in 0..PARTITIONS {
                let mut records = self.records_mut(p);
                let before = records.len();
                records.retain(|_, record| !record.is_expired(now_s));
                let removed = (before - records.len()) as u64;
                self.n_expired.fetch_add(removed, Ordering::Relaxed);
            }
        }
    }

    /// Records that [`sweep`](Self::sweep) has removed.
    pub(crate) fn n_expired(&self) -> u64 {
        self.n_expired.load(Ordering::Relaxed)
    }

    /// Whether no more records of a set may be created (`stop-writes-count`).
    pub(crate) fn is_full(&self, set: &[u8]) -> bool {
        let limit = read(&self.sets)
            .get(set)
            .map_or(0, |info| info.stop_writes_count);
        let of_set = |p| {
            let records = self.records(p);
            records.values().filter(|r| r.set() == set).count() as u64
        };
        limit > 0 && (0..PARTITIONS).map(of_set).sum::<u64>() >= limit
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
        write(&self.graves).retain(|_, tombstone| {
            tombstone.lut_ms > lut_ms || set.is_some_and(|set| tombstone.set != set)
        });
        for p in 0..PARTITIONS {
            self.records_mut(p).retain(|_, record| {
                record.lut_ms() > lut_ms || set.is_some_and(|set| record.set() != set)
            });
        }
    }
}
