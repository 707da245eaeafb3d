//! What to convert, and where to.

use super::super::{BackupConfig, BackupTarget, Wrap};
use crate::restore::{Trust, Unwrap};
use backup_storage::Store;
use std::{sync::Arc, time::SystemTime};

/// A conversion. Fields with a default are set by [`ConvertConfig::new`].
#[derive(Debug, Clone)]
pub struct ConvertConfig {
    /// A directory with ASBX files, or one such file; no stream, as it is read more than once.
    pub source: Arc<dyn Store>,
    /// How the files of the source are wrapped.
    pub unwrap: Unwrap,
    /// How the manifest of the source is treated.
    pub trust: Trust,
    /// Namespace that all messages have to be of; `None` (default) = that of the first file.
    pub namespace: Option<String>,
    /// The moment that times to live count from. `None` (default) = the end of the backup, if its
    /// manifest tells it.
    pub shipped_at: Option<SystemTime>,
    /// Where the text goes.
    pub target: BackupTarget,
    /// Compression and encryption of the files of the target.
    pub wrap: Wrap,
    /// Replace the backup in the target, once the new one is complete.
    pub remove_files: bool,
    /// Write a manifest beside the data (default true).
    pub manifest: bool,
    /// Write blobs, maps, lists and sketches raw instead of in base64.
    pub compact: bool,
    /// Size at which a data file in a directory is closed and the next one begun, in bytes on the
    /// storage; 0 = never (default 250 MiB).
    pub file_limit: u64,
    /// Sequences of files that are read at a time; `None` = as many as there are cores, at most 8.
    pub parallel: Option<usize>,
    /// Memory for the digests of messages, in bytes, by all threads together (default 256 MiB): 28
    /// for each message. Where they do not fit, files are read several times.
    pub index_bytes: usize,
}

impl ConvertConfig {
    /// A conversion of all that is in `source`.
    #[must_use]
    pub fn new(source: Arc<dyn Store>, target: BackupTarget) -> Self {
        Self {
            source,
            unwrap: Unwrap::default(),
            trust: Trust::default(),
            namespace: None,
            shipped_at: None,
            target,
            wrap: Wrap::default(),
            remove_files: false,
            manifest: true,
            compact: false,
            file_limit: 250 << 20,
            parallel: None,
            index_bytes: 256 << 20,
        }
    }

    /// What is written: a backup like any other.
    pub(super) fn written(&self, namespace: &str) -> BackupConfig {
        let mut config = BackupConfig::new(namespace, self.target.clone());
        config.wrap = self.wrap.clone();
        config.remove_files = self.remove_files;
        config.manifest = self.manifest;
        config.compact = self.compact;
        config.file_limit = self.file_limit;
        config.parallel = self.parallel;
        config
    }
}
