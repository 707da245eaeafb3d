//! `absctl convert`: what XDR has shipped, as text.

use super::{
    Agent, Logging, Tuning,
    envelope::{Encrypt, Envelope, Level, Window},
    target::file_mode,
};
use clap::Args;
use std::path::PathBuf;

/// Flags of `absctl convert`.
#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    pub(crate) logging: Logging,
    #[command(flatten)]
    pub(crate) agent: Agent,
    #[command(flatten)]
    pub(crate) source: ConvertSource,
    #[command(flatten)]
    pub(crate) input: InputEnvelope,
    #[command(flatten)]
    pub(crate) window: Window,
    #[command(flatten)]
    pub(crate) target: ConvertTarget,
    #[command(flatten)]
    pub(crate) envelope: Envelope,
    #[command(flatten)]
    pub(crate) level: Level,
    #[command(flatten)]
    pub(crate) tuning: Tuning,

    /// Memory for the digests of messages in MiB, 28 bytes for each message. Files with more
    /// messages are read several times
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 256,
        help_heading = "Speed",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) index_memory: u32,
}

/// What is converted.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub(crate) struct ConvertSource {
    /// Directory to read from: all its *.asbx files, and the indexes and UDF modules beside them
    #[arg(short, long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,

    /// Read one *.asbx file instead
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input_file: Option<PathBuf>,

    /// Namespace that every record has to be of; without this flag it is that of the first file
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,

    /// Time from which times to live count, such as 2026-11-21_14:30:00Z; without this flag it is
    /// the end of the backup, which its manifest tells
    #[arg(long, value_name = "TIME")]
    pub(crate) shipped_at: Option<String>,

    /// Take the closed files of a backup that was never completed
    #[arg(long)]
    pub(crate) allow_incomplete: bool,

    /// Do not compare the files with the manifest of the backup
    #[arg(long)]
    pub(crate) ignore_manifest: bool,
}

/// How the files are encrypted that are read; compression is found out.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub(crate) struct InputEnvelope {
    /// How the files that are read are encrypted
    #[arg(long, value_name = "MODE", ignore_case = true)]
    pub(crate) input_encrypt: Option<Encrypt>,

    /// PEM file with their private key
    #[arg(long, value_name = "FILE")]
    pub(crate) input_encryption_key_file: Option<PathBuf>,

    /// Environment variable that holds such a key, as PEM or in base64
    #[arg(long, value_name = "NAME")]
    pub(crate) input_encryption_key_env: Option<String>,

    /// Secret of the Secret Agent that is such a key: secrets:RESOURCE:KEY
    #[arg(long, value_name = "SECRET")]
    pub(crate) input_encryption_key_secret: Option<String>,

    /// Take the bytes of the variable as they are, not as an RSA key
    #[arg(long)]
    pub(crate) input_encryption_key_raw: bool,
}

/// Where the text goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct ConvertTarget {
    /// Directory to write to; it is created on demand and must be empty
    #[arg(long, value_name = "DIR")]
    pub(crate) output_directory: Option<PathBuf>,

    /// Write everything to one file instead; "-" is standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output_file: Option<PathBuf>,

    /// Replace an old backup in the target, as soon as the new one is complete
    #[arg(short, long)]
    pub(crate) remove_files: bool,

    /// Close a data file of a directory at this size in MiB and begin the next one; 0 = never
    #[arg(short = 'F', long, value_name = "MIB", default_value_t = 250)]
    pub(crate) file_limit: u64,

    /// Write no manifest
    #[arg(long)]
    pub(crate) no_manifest: bool,

    /// Permission bits of the files that are created, in octal; 0600 without
    #[arg(long, value_name = "OCTAL", value_parser = file_mode)]
    pub(crate) file_mode: Option<u32>,

    /// Write blobs, maps, lists and sketches raw instead of in base64
    #[arg(short = 'C', long)]
    pub(crate) compact: bool,
}
