//! What is asked of every node.

use super::{
    budget::Budget, cursor::PartitionCursor, gate::ScanGate, limit::RecordLimit, silence::Silence,
};
use crate::{connection::SocketOptions, error::Error, racks::Preference, retry::RetryPolicy};
use aerospike_wire::{digest::Digest, scan::ScanRequest};
use std::{sync::Arc, time::Duration};

/// What to scan, and how patiently.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// Namespace to scan.
    pub namespace: String,
    /// Only this set; `None` = all.
    pub set: Option<Vec<u8>>,
    /// Only these bins; empty = all.
    pub bins: Vec<Vec<u8>>,
    /// Metadata only.
    pub no_bins: bool,
    /// Filter expression in msgpack; empty = none.
    pub filter: Vec<u8>,
    /// The most records, shared with other scans; `None` = all.
    pub limit: Option<Arc<RecordLimit>>,
    /// Nodes to read from where they hold a copy; empty = the masters.
    pub preference: Preference,
    /// How long the node waits for us to read before it gives the scan up; zero = for ever.
    pub server_patience: Duration,
    /// What silence of a node means (default: after 10 s it is asked whether it is still there).
    pub silence: Silence,
    /// Time for the whole scan, retries included; zero (default) = any.
    pub total_timeout: Duration,
    /// Rounds without progress and the pauses between them; also refusals of a node that runs
    /// only scans of others.
    pub retry: RetryPolicy,
    /// The room for scans on the nodes, shared by all scans of a run: clones of the options share
    /// it.
    pub gate: Arc<ScanGate>,
    /// Memory for records that are larger than [`SocketOptions::read_buffer`], shared in the same
    /// way (default 48 MiB).
    pub budget: Budget,
    /// Sockets.
    pub socket: SocketOptions,
}

impl ScanOptions {
    /// A scan of all of `namespace` with default patience.
    #[must_use]
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            set: None,
            bins: Vec::new(),
            no_bins: false,
            filter: Vec::new(),
            limit: None,
            preference: Preference::default(),
            server_patience: Duration::from_secs(10),
            silence: Silence::default(),
            total_timeout: Duration::ZERO,
            retry: RetryPolicy::SCAN,
            gate: Arc::default(),
            budget: Budget::default(),
            socket: SocketOptions::default(),
        }
    }

    /// The error for a scan that is not over in time.
    pub(super) fn overdue(&self) -> Error {
        Error::Overdue {
            namespace: self.namespace.clone(),
            after: self.total_timeout,
        }
    }

    /// The most records to ask a node for, which is all that may still be delivered: so a node
    /// stops at it only when the whole run does. `None` = no limit.
    ///
    /// With a selection of bins the node also counts records that it does not send, and would
    /// stop early (`wire-scan.md` §6).
    pub(super) fn quota(&self) -> Option<u64> {
        let limit = self.limit.as_ref()?;
        (self.no_bins || self.bins.is_empty()).then(|| limit.left())
    }

    /// Appends the request for the partitions of `cursors`. Every request has an id of its own:
    /// the job of a broken connection may still run on the node.
    pub(super) fn encode(
        &self,
        cursors: &[PartitionCursor],
        quota: Option<u64>,
        out: &mut Vec<u8>,
    ) {
        let started = cursors.iter().filter_map(PartitionCursor::last_digest);
        let fresh = cursors
            .iter()
            .filter(|cursor| cursor.last_digest().is_none());
        let digests: Vec<Digest> = started.collect();
        let partitions: Vec<u16> = fresh.map(PartitionCursor::partition).collect();
        let bins: Vec<&[u8]> = self.bins.iter().map(Vec::as_slice).collect();
        let patience = u32::try_from(self.server_patience.as_millis()).unwrap_or(u32::MAX);
        let request = ScanRequest {
            set: self.set.as_deref(),
            partitions: &partitions,
            digests: &digests,
            bins: &bins,
            no_bins: self.no_bins,
            filter: &self.filter,
            max_records: quota.unwrap_or_default(),
            socket_timeout_ms: patience,
            ..ScanRequest::new(self.namespace.as_bytes(), fastrand::u64(1..))
        };
        request.encode(out);
    }
}
