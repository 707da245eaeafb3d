//! The Secret Agent (`cli.md` §10.1).

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Flags of the Secret Agent.
#[derive(Debug, Args)]
#[command(next_help_heading = "Secret Agent")]
pub(crate) struct Agent {
    /// How the agent is reached
    #[arg(long, value_name = "TYPE", default_value = "TCP", ignore_case = true)]
    pub(crate) sa_connection_type: Transport,

    /// Host of the agent, or the path of its socket. Hosts, port, user, password, TLS and
    /// encryption key may then be given as secrets:RESOURCE:KEY
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) sa_address: Option<String>,

    /// Port of the agent, for TCP; 0 = none, which is not allowed there
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) sa_port: u16,

    /// Time limit for one secret, in milliseconds
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) sa_timeout: u32,

    /// Certificate authorities of the agent, beside those of the system. This flag and the three
    /// below switch TLS on
    #[arg(long, value_name = "FILE")]
    pub(crate) sa_ca_file: Option<PathBuf>,

    /// Name in the agent's certificate; without it, its host
    #[arg(long, value_name = "NAME")]
    pub(crate) sa_tls_name: Option<String>,

    /// Certificate to show to the agent
    #[arg(long, value_name = "FILE")]
    pub(crate) sa_cert_file: Option<PathBuf>,

    /// Its private key
    #[arg(long, value_name = "FILE")]
    pub(crate) sa_key_file: Option<PathBuf>,

    /// The agent gives its secrets in base64
    #[arg(long)]
    pub(crate) sa_is_base64: bool,
}

/// How the agent is reached: by host and port, or by the path of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Transport {
    Tcp,
    Unix,
}
