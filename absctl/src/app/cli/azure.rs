//! A container of Azure Blob Storage (`cli.md` §11.3, §18).

use backup_core::cluster::net_tls::secret::Secret;
use clap::Args;

/// Flags of both commands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Azure Blob Storage")]
pub(crate) struct Azure {
    /// Container; the directory is the prefix of the names then, a file the name
    #[arg(long, value_name = "NAME")]
    pub(crate) azure_container_name: Option<String>,

    // A secret, because its query may be a signature.
    /// Address of the account, https://NAME.blob.core.windows.net; a shared access signature may
    /// follow as its query
    #[allow(rustdoc::bare_urls, reason = "the help shows it as it stands here")]
    #[arg(long, value_name = "URL")]
    pub(crate) azure_endpoint: Option<Secret>,

    /// Name of the account, where the address does not say it
    #[arg(long, value_name = "NAME")]
    pub(crate) azure_account_name: Option<String>,

    /// Key of the account
    #[arg(long, value_name = "KEY")]
    pub(crate) azure_account_key: Option<Secret>,

    /// Directory of the application to enter as
    #[arg(long, value_name = "ID")]
    pub(crate) azure_tenant_id: Option<String>,

    /// The application
    #[arg(long, value_name = "ID")]
    pub(crate) azure_client_id: Option<String>,

    /// The secret of the application
    #[arg(long, value_name = "SECRET")]
    pub(crate) azure_client_secret: Option<Secret>,

    /// Shared access signature
    #[arg(long, value_name = "TOKEN")]
    pub(crate) azure_sas_token: Option<Secret>,

    /// Backup: the tier of the data files. Restore: bring archived blobs back to this tier, and wait
    /// for them. Hot, Cool, Cold or, for backups, Archive
    #[arg(long, value_name = "TIER", ignore_case = true,
        value_parser = ["Hot", "Cool", "Cold", "Archive"])]
    pub(crate) azure_access_tier: Option<String>,

    /// How often a request is tried in all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) azure_retry_max_attempts: u32,

    /// First pause between two attempts in milliseconds; the server may ask for another
    #[arg(long, value_name = "MS", default_value_t = 60_000)]
    pub(crate) azure_retry_delay: u64,

    /// Longest pause in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 90_000)]
    pub(crate) azure_retry_max_delay: u64,

    /// Connections at a time; 0 = any number
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) azure_max_conns_per_host: usize,

    /// Time for a whole request in milliseconds; 0 = any
    #[arg(long, value_name = "MS", default_value_t = 600_000)]
    pub(crate) azure_request_timeout: u64,
}

/// Flags of a backup.
#[derive(Debug, Args)]
#[command(next_help_heading = "Azure Blob Storage")]
pub(crate) struct AzureWrite {
    /// Size of the blocks that large files are sent in, in MiB; without, 8 and more where the file
    /// limit needs it
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) azure_block_size: Option<u64>,

    /// Blocks of one file under way at a time. Every one takes memory
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = super::number::at_least_one)]
    pub(crate) azure_upload_concurrency: usize,

    /// Send a CRC-64 with each block, for the store to check
    #[arg(long)]
    pub(crate) azure_calculate_checksum: bool,
}

/// Flags of a restore.
#[derive(Debug, Args)]
#[command(next_help_heading = "Azure Blob Storage")]
pub(crate) struct AzureRead {
    /// Time between two looks at blobs that come from the archive, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 60_000,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) azure_rehydrate_poll_duration: u64,

    /// Pause before a download that broke off is continued, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) azure_retry_read_backoff: u64,

    /// What each such pause is longer than the one before
    #[arg(long, value_name = "FACTOR", default_value_t = 2.0, value_parser = super::number::factor)]
    pub(crate) azure_retry_read_multiplier: f64,

    /// How often a download is tried without progress; 0 = never again
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) azure_retry_read_max_attempts: u32,
}

impl Azure {
    /// Whether a flag speaks of this provider.
    pub(crate) fn is_configured(&self) -> bool {
        let given = [
            &self.azure_container_name,
            &self.azure_account_name,
            &self.azure_tenant_id,
            &self.azure_client_id,
        ];
        let secret = [
            &self.azure_endpoint,
            &self.azure_account_key,
            &self.azure_client_secret,
            &self.azure_sas_token,
        ];
        given.iter().any(|given| given.is_some()) || secret.iter().any(|given| given.is_some())
    }
}
