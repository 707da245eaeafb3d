//! What to back up by XDR, and where to.

use super::super::{BackupConfig, BackupTarget, Wrap};
use backup_cluster::{client::ConnectOptions, net_tls::server::ServerSettings};
use backup_storage::Store;
use backup_xdr::{
    choreography::InfoRetry,
    commands::{DcName, Rewind},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Where the cluster ships to (`xdr-protocol.md` §2).
#[derive(Debug, Clone)]
pub struct Listener {
    /// Name or address under which the nodes reach this host; it is what the port is opened on, too
    /// (default `127.0.0.1`).
    pub address: String,
    /// Port; 0 lets the system choose (default 8080).
    pub port: u16,
    /// Open the port on all addresses of the host.
    pub bind_all: bool,
    /// Connections at a time (default 4096).
    pub max_connections: usize,
    /// Time that a message may take to arrive; an idle connection ends after it (default 1 s).
    pub read_timeout: Duration,
    /// Time that acknowledgements may take to be sent (default 1 s).
    pub write_timeout: Duration,
    /// Acknowledgements of a connection that may wait (default 256).
    pub ack_queue: usize,
    /// Messages of all connections that may wait for the files (default 256).
    pub results_queue: usize,
    /// Our certificate, and the authorities of the nodes; `None` = in the clear. The nodes are told
    /// to verify it by [`Self::address`].
    pub tls: Option<ServerSettings>,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            address: "127.0.0.1".to_owned(),
            port: 8080,
            bind_all: false,
            max_connections: 4096,
            read_timeout: Duration::from_secs(1),
            write_timeout: Duration::from_secs(1),
            ack_queue: 256,
            results_queue: 256,
            tls: None,
        }
    }
}

/// A backup by XDR. Fields with a default are set by [`XdrConfig::new`].
#[derive(Debug, Clone)]
pub struct XdrConfig {
    /// How to reach the cluster.
    pub connect: ConnectOptions,
    /// Namespace to back up.
    pub namespace: String,
    /// The directory, local or in a bucket, with files `<worker>_<ns>_<n>.asbx` and `metadata_<ns>_<n>.asb`.
    pub target: Arc<dyn Store>,
    /// Compression and encryption of the files.
    pub wrap: Wrap,
    /// Replace the backup in the target, once the new one is complete.
    pub remove_files: bool,
    /// Write a manifest beside the data (default true).
    pub manifest: bool,
    /// Texts that are kept in the manifest, by key.
    pub annotations: BTreeMap<String, String>,
    /// Read back what is about to be written: the messages, and what compression and encryption
    /// have made of them (default false).
    pub verify_writes: bool,
    /// Size at which a data file is closed and the next one begun, in bytes on the storage; 0 =
    /// never (default 250 MiB).
    pub file_limit: u64,
    /// Sequences of files, and writers; `None` = as many as there are cores, at most 8.
    pub parallel_write: Option<usize>,
    /// The data centre that is made on the nodes for this (default `dc`).
    pub dc: DcName,
    /// How far back the cluster begins (default all).
    pub rewind: Rewind,
    /// Records per second of each node, a multiple of 100; 0 (default) = what servers do by
    /// themselves.
    pub max_throughput: u32,
    /// Whether writes that came through XDR themselves are shipped, too.
    pub forward: bool,
    /// Where the cluster ships to.
    pub listener: Listener,
    /// Time between two looks at the nodes (default 1 s).
    pub polling: Duration,
    /// Time until the figures of a node are believed (default 3 s).
    pub settle: Duration,
    /// Time in which the first record has to arrive (default 30 s).
    pub start_timeout: Duration,
    /// How often an info command is given.
    pub retry: InfoRetry,
}

impl XdrConfig {
    /// A backup of all of `namespace` over the data centre `dc`.
    #[must_use]
    pub fn new(namespace: &str, target: Arc<dyn Store>, dc: DcName) -> Self {
        Self {
            connect: ConnectOptions::default(),
            namespace: namespace.to_owned(),
            target,
            wrap: Wrap::default(),
            remove_files: false,
            manifest: true,
            annotations: BTreeMap::new(),
            verify_writes: false,
            file_limit: 250 << 20,
            parallel_write: None,
            dc,
            rewind: Rewind::All,
            max_throughput: 0,
            forward: false,
            listener: Listener::default(),
            polling: Duration::from_secs(1),
            settle: Duration::from_secs(3),
            start_timeout: Duration::from_secs(30),
            retry: InfoRetry::default(),
        }
    }

    /// What it has in common with any other backup.
    pub(super) fn common(&self) -> BackupConfig {
        let target = BackupTarget::Directory(Arc::clone(&self.target));
        let mut config = BackupConfig::new(&self.namespace, target);
        config.connect = self.connect.clone();
        config.wrap = self.wrap.clone();
        config.remove_files = self.remove_files;
        config.manifest = self.manifest;
        config.annotations = self.annotations.clone();
        config.verify_writes = self.verify_writes;
        config.file_limit = self.file_limit;
        config.parallel = self.parallel_write;
        config
    }
}
