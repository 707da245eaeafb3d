//! What to back up, and where to.

use super::{Layout, Selection, Shard, ShardedRun};
use asb_format::Version;
use backup_cluster::{
    client::ConnectOptions,
    connection::SocketOptions,
    retry::RetryPolicy,
    scan::{ScanOptions, Silence},
};
use backup_storage::{LocalOptions, Store};

use super::wrap::Wrap;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

/// Where a backup goes.
#[derive(Debug, Clone)]
pub enum BackupTarget {
    /// Many files in a directory: `<worker>_<ns>_<n>.asb`, and `metadata_<ns>_<n>.asb`.
    Directory(Arc<dyn Store>),
    /// One file, or a stream.
    Single(Arc<dyn Store>),
}

impl BackupTarget {
    /// The store behind it.
    #[must_use]
    pub const fn store(&self) -> &Arc<dyn Store> {
        match self {
            Self::Directory(store) | Self::Single(store) => store,
        }
    }
}

/// Where the state of a backup is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateFile {
    /// Beside the data, under this name.
    Beside(String),
    /// In a file on local disk.
    Local(PathBuf),
}

/// A backup. Fields with a default are set by [`BackupConfig::new`].
#[derive(Debug, Clone)]
pub struct BackupConfig {
    /// How to reach the cluster.
    pub connect: ConnectOptions,
    /// Namespace to back up.
    pub namespace: String,
    /// Where to.
    pub target: BackupTarget,
    /// Scans at a time, and files in a directory; `None` = as many as there are cores, at
    /// most 8. More than there are partitions to read are lowered.
    pub parallel: Option<usize>,
    /// Which records.
    pub selection: Selection,
    /// The part of a run that this process makes; `None` = all of it. The state is always kept
    /// then, and found again.
    pub sharded: Option<ShardedRun>,
    /// The earlier backup that this one goes on from: only records that were updated since it
    /// began are taken, and [`Selection::modified_after`] must be left alone. A directory or a
    /// single file with a complete manifest, of the same namespace and selection; its files are
    /// not read. If it is encrypted, by the key of [`Self::wrap`].
    pub incremental_from: Option<Arc<dyn Store>>,
    /// Leave out the records.
    pub no_records: bool,
    /// Leave out the secondary indexes.
    pub no_indexes: bool,
    /// Leave out the UDF modules.
    pub no_udfs: bool,
    /// Write blobs, maps, lists and sketches raw instead of in base64.
    pub compact: bool,
    /// The highest version of the format that may be written, 3.1 to 3.3 (default 3.3). Indexes
    /// that need more are left out (`asb-text.md` §6.4).
    pub asb_version_max: Version,
    /// Compression and encryption of the files.
    pub wrap: Wrap,
    /// With [`Self::remove_files`]: remove the old backup as soon as all checks are passed and
    /// the cluster has answered, for targets that cannot hold both.
    pub remove_early: bool,
    /// Replace the backup in the target, once the new one is complete.
    pub remove_files: bool,
    /// What the names of data files begin with instead of the worker's number.
    pub prefix: String,
    /// How the files of a directory are called and divided (default [`Layout::Go`]).
    pub layout: Layout,
    /// Write a manifest beside the data (default true).
    pub manifest: bool,
    /// Texts that are kept in the manifest, by key; [`check_annotations`] says what they may be.
    ///
    /// [`check_annotations`]: crate::manifest::check_annotations
    pub annotations: BTreeMap<String, String>,
    /// Read back what is about to be written, before it goes to the storage; a failure ends the
    /// backup with [`Error::WriteCheck`](crate::error::Error::WriteCheck). What is compressed or
    /// encrypted is read back in full; text is decoded in full with compression, else one chunk of
    /// 32 (default false).
    pub verify_writes: bool,
    /// Keep the state of the backup there all the time, so that it can be continued whatever
    /// happens. `None` = write one when the backup is interrupted or fails.
    pub state_file: Option<StateFile>,
    /// Where that state is written, when it is; `None` = beside the data.
    pub state_place: Option<StateFile>,
    /// How a [`StateFile::Local`] is created.
    pub state_options: LocalOptions,
    /// Go on with the backup whose state this is.
    pub resume: Option<StateFile>,
    /// Time between two points to which an interrupted backup can be cut back, with
    /// [`Self::state_file`] and on storage that has such points (default 5 s).
    pub durable_interval: Duration,
    /// Records of a writer after which the same is done, if that comes earlier; 0 = any number.
    pub durable_records: u64,
    /// Records read a second, by all workers together; 0 = no limit.
    pub records_per_second: u64,
    /// Bytes written to the storage a second, by all workers together; 0 = no limit.
    pub bytes_per_second: u64,
    /// Size at which a data file in a directory is closed and the next one begun, in bytes on
    /// the storage; 0 = never (default 250 MiB). Overshot by up to a chunk of about 1 MiB.
    pub file_limit: u64,
    /// Records of the estimate that is made beside a backup to local disk, to warn when the disk
    /// is too small for it; 0 = none (default 1000).
    pub forecast_samples: u64,
    /// Rounds of a scan without progress and the pauses between them.
    pub retry: RetryPolicy,
    /// How long a node waits for us to read, and we for it to send, before the scan is broken off
    /// and resumed; zero = [`Self::total_timeout`]. `None` (default) = silence of a node is no
    /// failure, and it waits 10 s for us: for ever where we are slow on purpose or by nature, with
    /// a limit or a target that is no local disk.
    pub socket_timeout: Option<Duration>,
    /// Time for the whole scan of a worker, retries included; zero (default) = any.
    pub total_timeout: Duration,
    /// Text of a worker at which it is handed over to be written, in bytes. A worker has up to four
    /// such pieces; each of them grows by what one read of the socket brings. `None` (default) =
    /// 512 KiB with up to two workers, and with more so much that all of them take the same memory.
    pub chunk_bytes: Option<usize>,
    /// Memory for records that are larger than a read buffer, in bytes, for all workers together
    /// (default 48 MiB). A record takes two and a half times its size; one that is too large for
    /// that takes all of it, and what it needs.
    pub large_record_bytes: usize,
    /// Data sockets. With more than two workers, read buffers are smaller.
    pub socket: SocketOptions,
}

impl BackupConfig {
    /// A backup of all of `namespace`.
    #[must_use]
    pub fn new(namespace: &str, target: BackupTarget) -> Self {
        Self {
            connect: ConnectOptions::default(),
            namespace: namespace.to_owned(),
            target,
            parallel: None,
            selection: Selection::default(),
            sharded: None,
            incremental_from: None,
            no_records: false,
            no_indexes: false,
            no_udfs: false,
            compact: false,
            asb_version_max: Version::V3_3,
            wrap: Wrap::default(),
            remove_early: false,
            remove_files: false,
            prefix: String::new(),
            layout: Layout::Go,
            manifest: true,
            annotations: BTreeMap::new(),
            verify_writes: false,
            state_file: None,
            state_place: None,
            state_options: LocalOptions::default(),
            resume: None,
            durable_interval: Duration::from_secs(5),
            durable_records: 0,
            records_per_second: 0,
            bytes_per_second: 0,
            file_limit: 250 << 20,
            forecast_samples: 1000,
            retry: RetryPolicy::SCAN,
            socket_timeout: None,
            total_timeout: Duration::ZERO,
            chunk_bytes: None,
            large_record_bytes: 48 << 20,
            socket: SocketOptions::default(),
        }
    }

    /// Which part of the run this is.
    pub(super) fn shard(&self) -> Option<Shard> {
        self.sharded.as_ref().map(|sharded| sharded.shard)
    }

    /// Sets the time-outs of the scans.
    pub(super) fn limit_scans(&self, options: &mut ScanOptions) {
        options.total_timeout = self.total_timeout;
        match self.socket_timeout {
            None if self.is_slow() => options.server_patience = Duration::ZERO,
            None => {}
            Some(given) => {
                let limit = if given.is_zero() {
                    self.total_timeout
                } else {
                    given
                };
                options.server_patience = limit;
                options.socket.io_timeout = limit;
                if !limit.is_zero() {
                    options.silence = Silence::Fail(limit);
                }
            }
        }
    }

    /// Whether records are taken slowly, which is no reason for a node to give up: by a limit, or
    /// because the target may wait for others.
    fn is_slow(&self) -> bool {
        self.records_per_second > 0
            || self.bytes_per_second > 0
            || !self.target.store().capabilities().resumable
    }

    /// Scans at a time, if there are that many partitions.
    pub(super) fn workers(&self) -> usize {
        let automatic =
            || std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8));
        self.parallel.filter(|n| *n > 0).unwrap_or_else(automatic)
    }
}
