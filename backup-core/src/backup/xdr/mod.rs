//! Backup by XDR: the cluster ships its namespace and every change to it, until all that was
//! written before a moment at the end is here (`xdr-protocol.md`).
//!
//! ```text
//! nodes ──► server ── messages ──► spread ── chunks ──► one writer per sequence of files
//!             ▲ acknowledgements ◄──┘ when they are queued
//! choreography: start, watch, block transactions, drain, take back
//! ```
//!
//! It lies beside the other backup because it fills the same set of files: target, lock, envelope,
//! manifest and publication are those of [`super`]. What is not: resuming. A run that fails leaves
//! nothing, and everything has to be shipped again.

mod config;
mod control;
mod run;
mod spread;
mod writer;

pub use self::config::{Listener, XdrConfig};
pub use backup_xdr::{
    choreography::InfoRetry,
    commands::{DcName, Rewind},
};

use crate::{error::Error, handle::Job, stats::BackupStats};
use backup_cluster::client::{AerospikeView, ConnectOptions};
use backup_xdr::cleanup::{self, Cleaned};
use std::sync::Arc;

/// A running backup by XDR.
pub type XdrJob = Job<BackupStats>;

/// Starts a backup by XDR on the current tokio runtime. Its counters are those of any backup;
/// records read are messages received, of which one record may have many.
///
/// Nothing is written, and nothing is told to the cluster, before the target was found fit and the
/// port is open. A job that fails or is cancelled leaves nothing of its own in the target, and on
/// the nodes nothing that they let it take back.
#[must_use]
pub fn start(config: XdrConfig) -> XdrJob {
    let stores = [Arc::clone(&config.target)];
    Job::spawn(Arc::default(), stores, |stats, cancel| {
        run::run(config, stats, cancel)
    })
}

/// What a run that was killed has left on the nodes, and what of it is to be taken back.
#[derive(Debug, Clone)]
pub struct CleanUp {
    /// How to reach the cluster.
    pub connect: ConnectOptions,
    /// The namespace that was backed up.
    pub namespace: String,
    /// Delete this data centre (`--stop-xdr`).
    pub dc: Option<DcName>,
    /// Permit transactions again (`--unblock-mrt`).
    pub unblock: bool,
    /// How often a command is given.
    pub retry: InfoRetry,
}

/// What a clean-up did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CleanedUp {
    /// Nodes from which the data centre was deleted.
    pub stopped: Vec<String>,
    /// Nodes that had none.
    pub untouched: Vec<String>,
    /// Nodes on which transactions are permitted.
    pub unblocked: Vec<String>,
}

/// Takes back what a killed run has left. Every node is asked, also after another one failed.
///
/// # Errors
/// The cluster cannot be reached, or the first failure on a node.
pub async fn clean_up(clean_up: &CleanUp) -> Result<CleanedUp, Error> {
    let view = AerospikeView::connect(&clean_up.connect).await?;
    let control = control::Control::new(Arc::new(view));
    let (namespace, retry) = (&clean_up.namespace, &clean_up.retry);
    let mut done = CleanedUp::default();
    let mut failures = Vec::new();
    let mut note = |cleaned: Cleaned| {
        for failure in &cleaned.failures {
            tracing::warn!(error = %failure, "a node was not cleaned up");
        }
        failures.extend(cleaned.failures);
        (cleaned.nodes, cleaned.untouched)
    };
    if let Some(dc) = &clean_up.dc {
        let cleaned = cleanup::stop_xdr(&control, dc, namespace, retry).await;
        (done.stopped, done.untouched) = note(cleaned);
    }
    if clean_up.unblock {
        let cleaned = cleanup::unblock_transactions(&control, namespace, retry).await;
        (done.unblocked, _) = note(cleaned);
    }
    match failures.into_iter().next() {
        None => Ok(done),
        Some(error) => Err(error.into()),
    }
}
