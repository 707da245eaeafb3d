//! Compression and encryption (`cli.md` §10).

use clap::{Args, ValueEnum};

/// Flags of the envelope that both commands have.
#[derive(Debug, Args)]
#[command(next_help_heading = "Compression and encryption")]
pub(crate) struct Envelope {
    /// How the files are compressed. A restore finds out by itself, and checks what is given
    #[arg(short = 'z', long, value_name = "MODE", ignore_case = true)]
    pub(crate) compress: Option<Compress>,

    /// How the files are encrypted
    #[arg(short = 'y', long, value_name = "MODE", ignore_case = true)]
    pub(crate) encrypt: Option<Encrypt>,

    /// PEM file with a private key, of which the encryption key is made
    #[arg(long, value_name = "FILE")]
    pub(crate) encryption_key_file: Option<std::path::PathBuf>,

    /// Environment variable that holds such a key, as PEM or in base64
    #[arg(long, value_name = "NAME")]
    pub(crate) encryption_key_env: Option<String>,

    /// Secret of the Secret Agent that is such a key: secrets:RESOURCE:KEY
    #[arg(long, value_name = "SECRET")]
    pub(crate) encryption_key_secret: Option<String>,

    /// Take the bytes of the variable as they are, as asbackup does, not as an RSA key
    #[arg(long)]
    pub(crate) encryption_key_raw: bool,
}

/// Flags of the compression of a backup. A restore takes them as well, as the reference tool does.
#[derive(Debug, Args)]
#[command(next_help_heading = "Compression and encryption")]
pub(crate) struct Level {
    /// Level of the compression: -7 (fast) to 22 (small); 0 = 3. A restore has no use for it
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(i32).range(-7..=22)
    )]
    pub(crate) compression_level: Option<i32>,
}

/// Flags of the envelope that only a restore has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Compression and encryption")]
pub(crate) struct Window {
    /// Largest window of a compressed file that is accepted, as a power of two in bytes
    #[arg(
        long,
        value_name = "N",
        default_value_t = 27,
        value_parser = clap::value_parser!(u32).range(10..=31)
    )]
    pub(crate) zstd_window_log: u32,
}

/// Modes of compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Compress {
    None,
    Zstd,
}

/// Modes of encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Encrypt {
    None,
    Aes128,
    Aes256,
}
