//! What is the same for all clouds: connections, repetitions, sizes (`cli.md` §11, `storage.md` §2.6).

use std::{path::PathBuf, time::Duration};

use super::{part_size::PartSize, retry::Retry};

/// How objects are read and written. [`Default`] has the values of the command line's defaults.
#[derive(Clone, Debug)]
pub struct ObjectOptions {
    /// How connections are made.
    pub connection: Connection,
    /// Requests that fail. `None` = the provider's usual policy.
    pub retry: Option<Retry>,
    /// Downloads that break off.
    pub read_retry: Retry,
    /// Size of the parts that large files are sent in.
    pub part_size: PartSize,
    /// Parts of one file under way at a time; with 0 the writer waits for each (default 1). A file takes
    /// part size × (this, at least 1, + 1) bytes of memory.
    pub uploads_per_file: usize,
    /// Parts under way at a time, all files together; `None` = no limit.
    pub uploads: Option<usize>,
    /// Bytes that one request reads (default 8 MiB).
    pub range_bytes: u64,
    /// Such requests under way at a time for one file (default 1, at least 1). A file takes
    /// `range_bytes` × (this + 1) bytes of memory.
    pub ranges_per_file: usize,
    /// Requests that read, all files together; `None` = no limit.
    pub downloads: Option<usize>,
    /// What to do about archived objects; `None` = they are an error.
    pub thaw: Option<Thaw>,
}

impl Default for ObjectOptions {
    fn default() -> Self {
        Self {
            connection: Connection::default(),
            retry: None,
            read_retry: Retry::READ,
            part_size: PartSize::default(),
            uploads_per_file: 1,
            uploads: None,
            range_bytes: 8 << 20,
            ranges_per_file: 1,
            downloads: None,
            thaw: None,
        }
    }
}

impl ObjectOptions {
    /// Bytes of memory that a file takes while it is written, with parts of their first size.
    #[must_use]
    pub fn memory_per_upload(&self) -> u64 {
        let parts = (self.uploads_per_file.max(1) as u64).saturating_add(1);
        self.part_size.bytes(0).saturating_mul(parts)
    }

    /// Bytes of memory that a file takes while it is read.
    #[must_use]
    pub fn memory_per_download(&self) -> u64 {
        let ranges = (self.ranges_per_file.max(1) as u64).saturating_add(1);
        self.range_bytes.saturating_mul(ranges)
    }
}

/// How connections are made. Proxies are taken from the environment (`HTTPS_PROXY`, `HTTP_PROXY`,
/// `NO_PROXY`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Time for a connection with its TLS handshake (default 30 s).
    pub connect_timeout: Duration,
    /// Time for a whole request, body included (default 10 min); `None` = any.
    pub request_timeout: Option<Duration>,
    /// Connections at a time; `None` = any number.
    pub most: Option<usize>,
    /// A file of authorities to trust instead of the system's, in PEM.
    pub ca_file: Option<PathBuf>,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(30),
            request_timeout: Some(Duration::from_secs(600)),
            most: None,
            ca_file: None,
        }
    }
}

/// How archived objects are made readable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thaw {
    /// S3: `Standard`, `Bulk` or `Expedited`. Azure: the tier to move to, `Hot`, `Cool` or `Cold`.
    pub tier: String,
    /// Time between two looks at the objects that are not there yet.
    pub poll: Duration,
    /// Time for all objects together.
    pub deadline: Duration,
}
