//! `absctl backup xdr` (`cli.md` §14, §18).

use super::{
    Agent, Automation, Connection, Envelope, Level, Logging, Written,
    cloud::{Cloud, CloudWrite},
};
use backup_core::xdr::{DcName, Rewind};
use clap::Args;
use std::path::PathBuf;

/// Flags of `absctl backup xdr`.
#[derive(Debug, Args)]
pub(crate) struct XdrArgs {
    #[command(flatten)]
    pub(crate) logging: Logging,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) agent: Agent,
    #[command(flatten)]
    pub(crate) target: XdrTarget,
    #[command(flatten)]
    pub(crate) cloud: Cloud,
    #[command(flatten)]
    pub(crate) cloud_write: CloudWrite,
    #[command(flatten)]
    pub(crate) written: Written,
    #[command(flatten)]
    pub(crate) envelope: Envelope,
    #[command(flatten)]
    pub(crate) level: Level,
    #[command(flatten)]
    pub(crate) shipping: Shipping,
    #[command(flatten)]
    pub(crate) listener: ListenerFlags,
    #[command(flatten)]
    pub(crate) watch: Watch,
    #[command(flatten)]
    pub(crate) clean_up: CleanUpFlags,
    #[command(flatten)]
    pub(crate) automation: Automation,
}

/// Where the backup goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct XdrTarget {
    /// Namespace to back up
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,

    /// Directory to write to; it is created on demand and must be empty. With flags of a bucket, or
    /// as s3://BUCKET/KEY, it is there
    #[arg(short, long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,

    /// Replace an old backup in the target, as soon as the new one is complete
    #[arg(short, long)]
    pub(crate) remove_files: bool,

    /// Close a data file at this size in MiB and begin the next one; 0 = never
    #[arg(short = 'F', long, value_name = "MIB", default_value_t = 250)]
    pub(crate) file_limit: u64,

    /// Write no manifest: the list of files and hashes by which a restore knows that a backup is
    /// whole
    #[arg(long)]
    pub(crate) no_manifest: bool,

    /// Sequences of files that are written at a time: 1 to 1024; 0 = automatic
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        value_parser = clap::value_parser!(u16).range(0..=1024)
    )]
    pub(crate) parallel_write: u16,
}

/// What the cluster ships.
#[derive(Debug, Args)]
#[command(next_help_heading = "Shipping")]
pub(crate) struct Shipping {
    /// Name of the data centre that is made on the nodes for the time of the backup: 1 to 31
    /// letters, digits, _ - $
    #[arg(long, value_name = "NAME", default_value = "dc", value_parser = dc_name)]
    pub(crate) dc: DcName,

    /// How far back to begin: "all", or the changes of so many seconds
    #[arg(long, value_name = "all|SECONDS", default_value = "all", value_parser = rewind)]
    pub(crate) rewind: Rewind,

    /// Records a second that each node ships, a multiple of 100; 0 = what servers do by themselves
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = throughput)]
    pub(crate) max_throughput: u32,

    /// Ship writes that came through XDR themselves, too
    #[arg(long)]
    pub(crate) forward: bool,
}

/// Where the cluster ships to.
#[derive(Debug, Args)]
#[command(next_help_heading = "Listener")]
pub(crate) struct ListenerFlags {
    /// Name or address under which the nodes reach this host; the port is opened on it
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) local_address: String,

    /// Port that the nodes connect to; 0 = the system chooses
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub(crate) local_port: u16,

    /// Open the port on all addresses of this host
    #[arg(long)]
    pub(crate) local_bind_all: bool,

    /// Most connections at a time
    #[arg(
        long,
        value_name = "N",
        default_value_t = 4096,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) max_connections: u32,

    /// Time that a message may take to arrive, in milliseconds; idle connections end after it
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 1000,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) read_timeout: u32,

    /// Time that acknowledgements may take to be sent, in milliseconds
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 1000,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) write_timeout: u32,

    /// Acknowledgements of a connection that may wait
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) ack_queue_size: u32,

    /// Messages of all connections that may wait for the files
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) results_queue_size: u32,

    /// Speak TLS with the nodes: PEM file with our certificate. They verify it by --local-address
    #[arg(long, value_name = "FILE")]
    pub(crate) xdr_tls_certfile: Option<PathBuf>,

    /// PEM file with its private key
    #[arg(long, value_name = "FILE")]
    pub(crate) xdr_tls_keyfile: Option<PathBuf>,

    /// PEM file with the authorities of the nodes: they have to show a certificate, too
    #[arg(long, value_name = "FILE")]
    pub(crate) xdr_tls_cafile: Option<PathBuf>,
}

/// How the nodes are watched.
#[derive(Debug, Args)]
#[command(next_help_heading = "Time-outs and retries")]
pub(crate) struct Watch {
    /// Time between two looks at the nodes, in milliseconds
    #[arg(
        long,
        visible_alias = "info-poling-period",
        value_name = "MS",
        default_value_t = 1000,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) info_polling_period: u32,

    /// Time in which the first record has to arrive, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 30_000)]
    pub(crate) start_timeout: u32,
}

/// What a run that was killed has left.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cleaning up after a run that was killed")]
pub(crate) struct CleanUpFlags {
    /// Delete the data centre on all nodes, and stop. No directory is needed
    #[arg(long)]
    pub(crate) stop_xdr: bool,

    /// Permit transactions on the namespace again, and stop. No directory is needed
    #[arg(long)]
    pub(crate) unblock_mrt: bool,
}

impl CleanUpFlags {
    /// Whether there is nothing to be backed up.
    pub(crate) const fn is_wanted(&self) -> bool {
        self.stop_xdr || self.unblock_mrt
    }
}

fn dc_name(typed: &str) -> Result<DcName, &'static str> {
    DcName::new(typed).ok_or("1 to 31 letters, digits, _ - $")
}

fn rewind(typed: &str) -> Result<Rewind, &'static str> {
    match (typed, typed.parse()) {
        ("all", _) => Ok(Rewind::All),
        (_, Ok(seconds)) if seconds > 0 => Ok(Rewind::Seconds(seconds)),
        _ => Err("\"all\", or a number of seconds"),
    }
}

fn throughput(typed: &str) -> Result<u32, &'static str> {
    let rate = typed.parse().ok();
    let fits = rate.filter(|rate: &u32| rate.is_multiple_of(100));
    fits.ok_or("a multiple of 100")
}
