//! What runs unattended tells to others: metrics, and commands at the end (`cli.md` §18).

use clap::Args;
use std::path::PathBuf;

/// Flags of metrics and hooks.
#[derive(Debug, Args)]
#[command(next_help_heading = "Automation")]
pub(crate) struct Automation {
    /// Write metrics for Prometheus to this file, such as one for the textfile collector: when the
    /// job begins, while it runs, and when it ends, however it does
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics_file: Option<PathBuf>,

    /// Serve the same metrics at http://ADDRESS/metrics while the job runs: HOST:PORT, an IPv6
    /// address in brackets; with port 0 the log says which one it is
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) metrics_listen: Option<String>,

    /// Run this in a shell after a job that succeeded: the report as JSON on standard input, status
    /// and codes in ABSCTL_JOB_ variables. If it fails, the exit code is 1
    #[arg(long, value_name = "COMMAND")]
    pub(crate) on_success: Option<String>,

    /// The same after a job that failed or was interrupted; the exit code stays that of the job
    #[arg(long, value_name = "COMMAND")]
    pub(crate) on_failure: Option<String>,
}

/// What is done with a command apart from itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "General")]
pub(crate) struct Rehearsal {
    /// Check everything and say what would be done, with an estimate of size and time; write
    /// nothing, neither to the target nor to the cluster
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `host:port`, the host in brackets if it is an IPv6 address.
fn address(typed: &str) -> Result<String, String> {
    let wrong = || "HOST:PORT or [IPv6]:PORT is needed".to_owned();
    let (host, port) = typed.rsplit_once(':').ok_or_else(wrong)?;
    let is_bare_ipv6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
    let is_port = port.parse::<u16>().is_ok();
    match !host.is_empty() && !is_bare_ipv6 && is_port {
        true => Ok(typed.to_owned()),
        false => Err(wrong()),
    }
}
