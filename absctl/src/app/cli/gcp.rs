//! A bucket of Google Cloud Storage (`cli.md` §11.2, §18).

use clap::Args;
use std::path::PathBuf;

/// Flags of both commands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Google Cloud Storage")]
pub(crate) struct Gcp {
    /// Bucket; the directory is the prefix of the names then, a file the name
    #[arg(long, value_name = "NAME")]
    pub(crate) gcp_bucket_name: Option<String>,

    /// Key file of a service account (JSON); without, application default credentials
    #[arg(long, value_name = "FILE")]
    pub(crate) gcp_key_path: Option<PathBuf>,

    /// Another address, entered without credentials
    #[arg(long, value_name = "URL")]
    pub(crate) gcp_endpoint_override: Option<String>,

    /// How often a request is tried in all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) gcp_retry_max_attempts: u32,

    /// First pause between two attempts in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 60_000)]
    pub(crate) gcp_retry_init_backoff: u64,

    /// Longest pause in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 90_000)]
    pub(crate) gcp_retry_max_backoff: u64,

    /// What each pause is longer than the one before
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0, value_parser = super::number::factor)]
    pub(crate) gcp_retry_backoff_multiplier: f64,

    /// Connections at a time; 0 = any number
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) gcp_max_conns_per_host: usize,

    /// Time for a whole request in milliseconds; 0 = any
    #[arg(long, value_name = "MS", default_value_t = 600_000)]
    pub(crate) gcp_request_timeout: u64,
}

/// Flags of a backup.
#[derive(Debug, Args)]
#[command(next_help_heading = "Google Cloud Storage")]
pub(crate) struct GcpWrite {
    /// Storage class of the data files, such as NEARLINE
    #[arg(long, value_name = "CLASS")]
    pub(crate) gcp_storage_class: Option<String>,

    /// Size of the parts that large files are sent in, in MiB; without, 8 and more where the file
    /// limit needs it
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) gcp_chunk_size: Option<u64>,

    /// Compare the CRC-32C of small files too; that of files in parts is always compared
    #[arg(long)]
    pub(crate) gcp_calculate_checksum: bool,
}

/// Flags of a restore.
#[derive(Debug, Args)]
#[command(next_help_heading = "Google Cloud Storage")]
pub(crate) struct GcpRead {
    /// Pause before a download that broke off is continued, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) gcp_retry_read_backoff: u64,

    /// What each such pause is longer than the one before
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0, value_parser = super::number::factor)]
    pub(crate) gcp_retry_read_multiplier: f64,

    /// How often a download is tried without progress; 0 = never again
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) gcp_retry_read_max_attempts: u32,
}

impl Gcp {
    /// Whether a flag speaks of this provider.
    pub(crate) fn is_configured(&self) -> bool {
        let given = [&self.gcp_bucket_name, &self.gcp_endpoint_override];
        given.iter().any(|given| given.is_some()) || self.gcp_key_path.is_some()
    }
}
