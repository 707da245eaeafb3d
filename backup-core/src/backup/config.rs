//! What to back up, and where to.

use backup_cluster::{client::ConnectOptions, connection::SocketOptions, retry::RetryPolicy};
use backup_storage::Store;
use std::sync::Arc;

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
    /// most 8. More than 4096 are lowered: a scan needs a partition.
    pub parallel: Option<usize>,
    /// Leave out the records.
    pub no_records: bool,
    /// Leave out the secondary indexes.
    pub no_indexes: bool,
    /// Leave out the UDF modules.
    pub no_udfs: bool,
    /// Write blobs, maps, lists and sketches raw instead of in base64.
    pub compact: bool,
    /// Replace the backup in the target, once the new one is complete.
    pub remove_files: bool,
    /// Size at which a data file in a directory is closed and the next one begun, in bytes on
    /// the storage; 0 = never (default 250 MiB). Overshot by up to a chunk of about 1 MiB.
    pub file_limit: u64,
    /// Rounds of a scan without progress and the pauses between them.
    pub retry: RetryPolicy,
    /// Data sockets. The read buffer also sets the size of chunks.
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
            no_records: false,
            no_indexes: false,
            no_udfs: false,
            compact: false,
            remove_files: false,
            file_limit: 250 << 20,
            retry: RetryPolicy::SCAN,
            socket: SocketOptions::default(),
        }
    }

    /// Scans at a time.
    pub(super) fn workers(&self) -> usize {
        let automatic =
            || std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8));
        let partitions = usize::from(aerospike_wire::digest::PARTITIONS);
        self.parallel
            .filter(|n| *n > 0)
            .unwrap_or_else(automatic)
            .min(partitions)
    }
}
