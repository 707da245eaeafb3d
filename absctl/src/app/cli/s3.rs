//! A bucket of Amazon S3, or of what speaks its language (`cli.md` §11.1, §18).

use backup_core::cluster::net_tls::secret::Secret;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use tracing::level_filters::LevelFilter;

/// Flags of both commands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Amazon S3")]
pub(crate) struct S3 {
    /// Bucket; the directory is the prefix of the keys then, a file the key. The same as a path
    /// s3://BUCKET/KEY
    #[arg(long, value_name = "NAME")]
    pub(crate) s3_bucket_name: Option<String>,

    /// Region; without, that of the profile or the environment
    #[arg(long, value_name = "REGION")]
    pub(crate) s3_region: Option<String>,

    /// Profile of the AWS configuration files
    #[arg(long, value_name = "NAME")]
    pub(crate) s3_profile: Option<String>,

    /// Access key; without, credentials are looked for as AWS does: environment, profile, SSO, roles,
    /// instance metadata
    #[arg(long, value_name = "ID")]
    pub(crate) s3_access_key_id: Option<String>,

    /// The secret of the access key
    #[arg(long, value_name = "SECRET")]
    pub(crate) s3_secret_access_key: Option<Secret>,

    /// The session token that belongs to the access key
    #[arg(long, value_name = "TOKEN")]
    pub(crate) s3_session_token: Option<Secret>,

    /// Address of a compatible store
    #[arg(long, value_name = "URL")]
    pub(crate) s3_endpoint_override: Option<String>,

    /// Put the bucket in front of the host instead of into the path
    #[arg(long)]
    pub(crate) s3_virtual_host: bool,

    /// File of authorities to trust instead of the system's, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) s3_ca_file: Option<PathBuf>,

    /// How often a request is tried in all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) s3_retry_max_attempts: u32,

    /// Longest pause between two attempts in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 90_000)]
    pub(crate) s3_retry_max_backoff: u64,

    /// Connections at a time; 0 = any number
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) s3_max_conns_per_host: usize,

    /// Time for a whole request in milliseconds; 0 = any
    #[arg(long, value_name = "MS", default_value_t = 600_000)]
    pub(crate) s3_request_timeout: u64,

    /// Time for a connection in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 30_000,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) s3_connect_timeout: u64,

    /// What is logged about storage: off, fatal, error, warn, info, debug, or trace for every request;
    /// without, what is logged of everything else
    #[arg(long, value_name = "LEVEL", ignore_case = true)]
    pub(crate) s3_log_level: Option<StorageLogLevel>,

    /// As asbackup has it, and without effect: proxies are always taken from the environment
    #[arg(long)]
    pub(crate) s3_allow_system_proxy: bool,
}

/// How much is told about storage, in the words of `asbackup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StorageLogLevel {
    Off,
    // What cannot be survived ends the run with an error, so nothing is left to log. No doc
    // comment: it would stretch the help of all flags.
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl StorageLogLevel {
    /// The events that it lets through.
    pub(crate) const fn filter(self) -> LevelFilter {
        match self {
            Self::Off | Self::Fatal => LevelFilter::OFF,
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// Flags of a backup.
#[derive(Debug, Args)]
#[command(next_help_heading = "Amazon S3")]
pub(crate) struct S3Write {
    /// Storage class of the data files, such as STANDARD_IA or GLACIER
    #[arg(long, value_name = "CLASS")]
    pub(crate) s3_storage_class: Option<String>,

    /// Size of the parts that large files are sent in, in MiB, at least 5; without, 8 and more where
    /// the file limit needs it
    #[arg(long, value_name = "MIB")]
    pub(crate) s3_chunk_size: Option<u64>,

    /// The least size of such parts in MiB where they are chosen automatically
    #[arg(long, value_name = "MIB")]
    pub(crate) s3_min_part_size: Option<u64>,

    /// Parts of one file under way at a time; with 0 the writer waits for each. Every one takes memory
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) s3_upload_concurrency: usize,

    /// Parts under way at a time, all files together
    #[arg(long, value_name = "N", value_parser = super::number::at_least_one)]
    pub(crate) s3_max_async_uploads: Option<usize>,

    /// Send a CRC-64/NVME with each part, for the store to check
    #[arg(long)]
    pub(crate) s3_calculate_checksum: bool,

    /// Encryption by the store: AES256 or aws:kms
    #[arg(long, value_name = "ALGORITHM", value_parser = ["AES256", "aws:kms"])]
    pub(crate) s3_sse: Option<String>,

    /// The key of KMS, for --s3-sse aws:kms
    #[arg(long, value_name = "KEY")]
    pub(crate) s3_sse_kms_key_id: Option<String>,
}

/// Flags of a restore.
#[derive(Debug, Args)]
#[command(next_help_heading = "Amazon S3")]
pub(crate) struct S3Read {
    /// Bring archived objects back at this speed, and wait for them: Standard, Bulk or Expedited
    #[arg(long, value_name = "TIER", ignore_case = true,
        value_parser = ["Standard", "Bulk", "Expedited"])]
    pub(crate) s3_tier: Option<String>,

    /// Time between two looks at objects that come from an archive, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 60_000,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) s3_restore_poll_duration: u64,

    /// Requests that read at a time, all files together
    #[arg(long, value_name = "N", value_parser = super::number::at_least_one)]
    pub(crate) s3_max_async_downloads: Option<usize>,

    /// Pause before a download that broke off is continued, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) s3_retry_read_backoff: u64,

    /// What each such pause is longer than the one before
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0, value_parser = super::number::factor)]
    pub(crate) s3_retry_read_multiplier: f64,

    /// How often a download is tried without progress; 0 = never again
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) s3_retry_read_max_attempts: u32,
}

impl S3 {
    /// Whether a flag speaks of this provider.
    pub(crate) fn is_configured(&self) -> bool {
        let given = [
            &self.s3_bucket_name,
            &self.s3_region,
            &self.s3_profile,
            &self.s3_access_key_id,
            &self.s3_endpoint_override,
        ];
        given.iter().any(|given| given.is_some()) || self.s3_secret_access_key.is_some()
    }
}
