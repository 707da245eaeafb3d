//! What to restore, and where to.

use super::{Trust, Unwrap};
use crate::names::Shard;
use backup_cluster::{batch_write::WriteOptions, client::ConnectOptions, retry::RetryPolicy};
use backup_storage::Store;
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Where a backup lies.
#[derive(Debug, Clone)]
pub enum RestoreSource {
    /// All `*.asb` files of a directory.
    Directory(Arc<dyn Store>),
    /// Several directories, each of which has to hold a backup.
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

/// A restore. Fields with a default are set by [`RestoreConfig::new`].
#[derive(Debug, Clone)]
pub struct RestoreConfig {
    /// How to reach the cluster.
    pub connect: ConnectOptions,
    /// Namespace of the backup, and namespace to restore into.
    pub namespace: String,
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
    /// The server's limit for a batch, and ours for an answer (default 10 s).
    pub write_timeout: Duration,
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
            batch_rows: 512,
            batch_bytes: 256 << 10,
            batches_in_flight: 8,
            single_writes: false,
            retry: RetryPolicy::WRITE,
            write_timeout: Duration::from_secs(10),
            clock: Clock::System,
        }
    }

    pub(super) fn write_options(&self) -> WriteOptions {
        let mut options = WriteOptions::new(&self.namespace);
        options.single_writes = self.single_writes;
        options.server_timeout = self.write_timeout;
        // The server's time-out is to be heard, not overtaken.
        options.socket.io_timeout = self.write_timeout.saturating_add(Duration::from_secs(5));
        options.socket.idle_timeout = self.connect.idle_timeout;
        options.retry = self.retry;
        options
    }
}

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
