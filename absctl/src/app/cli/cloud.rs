//! The clouds together: what a backup and what a restore can be told about them (`cli.md` §11).

use super::{
    azure::{Azure, AzureRead, AzureWrite},
    gcp::{Gcp, GcpRead, GcpWrite},
    s3::{S3, S3Read, S3Write},
};
use clap::Args;

/// Flags of both commands.
#[derive(Debug, Args)]
pub(crate) struct Cloud {
    #[command(flatten)]
    pub(crate) s3: S3,
    #[command(flatten)]
    pub(crate) gcp: Gcp,
    #[command(flatten)]
    pub(crate) azure: Azure,
}

/// Flags of a backup.
#[derive(Debug, Args)]
pub(crate) struct CloudWrite {
    #[command(flatten)]
    pub(crate) s3: S3Write,
    #[command(flatten)]
    pub(crate) gcp: GcpWrite,
    #[command(flatten)]
    pub(crate) azure: AzureWrite,
}

/// Flags of a restore.
#[derive(Debug, Args)]
pub(crate) struct CloudRead {
    #[command(flatten)]
    pub(crate) s3: S3Read,
    #[command(flatten)]
    pub(crate) gcp: GcpRead,
    #[command(flatten)]
    pub(crate) azure: AzureRead,

    /// Time for all archived objects together to come back, in hours
    #[arg(long, value_name = "HOURS", default_value_t = 48, help_heading = "Source",
        value_parser = clap::value_parser!(u64).range(1..=8760))]
    pub(crate) storage_restore_timeout: u64,
}
