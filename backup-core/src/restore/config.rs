//! What to restore, and where to.

use super::{IndexConflict, Rejects, Trust, Unwrap, WritePolicy};
use crate::names::Shard;
use backup_cluster::{batch_write::WriteOptions, client::ConnectOptions, retry::RetryPolicy};
use backup_storage::Store;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Where a backup lies.
#[derive(Debug, Clone)]
pub enum RestoreSource {
    /// All `*.asb` files of a directory.
    Directory(Arc<dyn Store>),
    /// Several directories, each of which has to hold a backup. Where some of them go on from
    /// others, by their manifests, all have to be one chain, which is restored in order of time.
    Directories(Vec<Arc<dyn Store>>),
    /// One file, or a stream.
    Single(Arc<dyn Store>),
}

impl RestoreSource {
    /// The stores behind it.
    #[must_use]
    pub fn stores(&self) -> &[Arc<dyn Store>] {
        match self {
            Self::Directory(store) | Self::Single(store) => std::slice::from_ref(store),
            Self::Directories(stores) => stores,
        }
    }

    /// Whether it can only be read once, from beginning to end.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        let mut stores = self.stores().iter();
        stores.any(|store| !store.capabilities().named)
    }

    pub(super) const fn is_directory(&self) -> bool {
        !matches!(self, Self::Single(_))
    }
}

/// Where "now" comes from, when the rest of a record's life is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// Always this moment, in seconds since 2010-01-01 UTC. For tests.
    Fixed(u32),
}

/// 2010-01-01T00:00:00Z, in seconds since 1970.
const EPOCH: u64 = 1_262_304_000;

impl Clock {
    /// Seconds since 2010-01-01 UTC.
    #[must_use]
    pub fn now(self) -> u32 {
        match self {
            Self::Fixed(now) => now,
            Self::System => {
                let since_1970 = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                u32::try_from(since_1970.as_secs().saturating_sub(EPOCH)).unwrap_or(u32::MAX)
            }
        }
    }
}

/// The state file of a restore (`files-and-state.md` §7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateOptions {
    /// A file on local disk.
    pub file: PathBuf,
    /// Go on from what is in it. Otherwise there must be no such file.
    pub resume: bool,
    /// How often it is written, if there is something new (default 5 s).
    pub interval: Duration,
}

impl StateOptions {
    /// A new state, written every 5 s.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            resume: false,
            interval: Duration::from_secs(5),
        }
    }
}

/// A restore. Fields with a default are set by [`RestoreConfig::new`].
#[derive(Debug, Clone)]
pub struct RestoreConfig {
    /// How to reach the cluster.
    pub connect: ConnectOptions,
    /// Namespace of the backup, and namespace to restore into.
    pub namespace: String,
    /// Another namespace to restore into; `None` = the same.
    pub destination: Option<String>,
    /// Where from.
    pub source: RestoreSource,
    /// How the files are wrapped.
    pub unwrap: Unwrap,
    /// How the manifest is treated.
    pub trust: Trust,
    /// The part of the files that this process restores; `None` = all. Files are dealt out one by
    /// one in order of their names; those of metadata go to the first shard.
    pub shard: Option<Shard>,
    /// Restore only the set of this run.
    pub run: Option<String>,
    /// Decoders, which share a file when there are fewer files; `None` = one for each core.
    pub parallel: Option<usize>,
    /// Create indexes and register modules after the last record instead of before the first.
    pub apply_metadata_last: bool,
    /// Leave out the records.
    pub no_records: bool,
    /// Leave out the secondary indexes.
    pub no_indexes: bool,
    /// Leave out the UDF modules.
    pub no_udfs: bool,
    /// Only records of these sets, and indexes of these sets or without one; empty = all.
    pub sets: Vec<String>,
    /// Only these bins; a record that has none of them is left out. Empty = all.
    pub bins: Vec<String>,
    /// What happens to records that exist.
    pub policy: WritePolicy,
    /// Seconds that records which expire live longer (default 0).
    pub extra_ttl: u32,
    /// Count records that the server refuses for what they are, and go on.
    pub ignore_record_errors: bool,
    /// Where such records are kept; only with `ignore_record_errors`.
    pub rejects: Option<Rejects>,
    /// Where and how often it is kept how far the restore has come; `None` = not at all.
    pub state: Option<StateOptions>,
    /// What happens to indexes and modules that exist with another definition.
    pub index_conflict: IndexConflict,
    /// Most records a second, all workers together; 0 = no limit.
    pub records_per_second: u64,
    /// Most bytes a second read from the storage, all workers together; 0 = no limit.
    pub bytes_per_second: u64,
    /// Connections opened to each node before the first write (default 0: as they are needed).
    pub warm_up: usize,
    /// Rows at which a batch is full (default 512).
    pub batch_rows: usize,
    /// Bytes at which a batch is full (default 256 KiB). A larger record takes one alone.
    pub batch_bytes: usize,
    /// Batches in flight (default 8).
    pub batches_in_flight: usize,
    /// Write records one by one even where the servers know batch writes.
    pub single_writes: bool,
    /// Attempts and pauses for records without a final answer.
    pub retry: RetryPolicy,
    /// How long a node may be silent in an attempt; zero = `total_timeout` (default 10 s).
    pub socket_timeout: Duration,
    /// Limit of an attempt at a batch, answers included; zero = none (default 10 s).
    pub total_timeout: Duration,
    /// Where "now" comes from.
    pub clock: Clock,
}

impl RestoreConfig {
    /// A restore of everything in `source` into `namespace`.
    #[must_use]
    pub fn new(namespace: &str, source: RestoreSource) -> Self {
        Self {
            connect: ConnectOptions::default(),
            namespace: namespace.to_owned(),
            source,
            unwrap: Unwrap::default(),
            trust: Trust::default(),
            shard: None,
            run: None,
            parallel: None,
            apply_metadata_last: false,
            no_records: false,
            no_indexes: false,
            no_udfs: false,
            destination: None,
            sets: Vec::new(),
            bins: Vec::new(),
            policy: WritePolicy::default(),
            extra_ttl: 0,
            ignore_record_errors: false,
            rejects: None,
            state: None,
            index_conflict: IndexConflict::default(),
            records_per_second: 0,
            bytes_per_second: 0,
            warm_up: 0,
            batch_rows: 512,
            batch_bytes: 256 << 10,
            batches_in_flight: 8,
            single_writes: false,
            retry: RetryPolicy::WRITE,
            socket_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(10),
            clock: Clock::System,
        }
    }

    pub(crate) fn write_options(&self) -> WriteOptions {
        let mut options = WriteOptions::new(self.target_namespace());
        let given = |limit: &Duration| !limit.is_zero();
        let total = Some(self.total_timeout).filter(given);
        let silence = Some(self.socket_timeout).filter(given).or(total);
        let shorter = [total, silence].into_iter().flatten().min();
        options.single_writes = self.single_writes;
        // The server's time-out is to be heard, not overtaken.
        options.server_timeout = shorter.map_or(NO_LIMIT, |limit| limit - limit / 10);
        options.socket.io_timeout = silence.unwrap_or_default();
        options.total_timeout = total.unwrap_or_default();
        options.socket.idle_timeout = self.connect.idle_timeout;
        options.retry = self.retry;
        options
    }

    /// The namespace to restore into.
    #[must_use]
    pub fn target_namespace(&self) -> &str {
        self.destination.as_deref().unwrap_or(&self.namespace)
    }

    /// Rows at which a batch is full. With a rate it is a twentieth of a second's worth, so that
    /// the rate holds for every second.
    pub(crate) fn rows_limit(&self) -> usize {
        let slice = match self.records_per_second {
            0 => usize::MAX,
            rate => usize::try_from(rate / SLICES).unwrap_or(usize::MAX),
        };
        self.batch_rows.min(slice).max(1)
    }
}

/// For a server that is not to give up by itself: some weeks.
const NO_LIMIT: Duration = Duration::from_millis(i32::MAX as u64);

/// Batches into which the records of a second are divided at least.
const SLICES: u64 = 20;

/// Text below which a decoder of its own is not worth a thread.
const SHARE_BYTES: u64 = 1 << 20;

/// How many decoders to start for so many files of so many bytes; 0 bytes = nobody knows.
pub(super) fn decoders(parallel: Option<usize>, files: usize, bytes: u64) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let shares = match bytes {
        0 => usize::MAX,
        bytes => usize::try_from(bytes / SHARE_BYTES).unwrap_or(usize::MAX),
    };
    match parallel.filter(|n| *n > 0) {
        Some(asked) => asked,
        None => cores().min(files.max(shares).max(1)),
    }
}
