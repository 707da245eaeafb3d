//! What the cluster was asked to do. Tests read these instead of guessing.

use crate::ports::Door;
use std::sync::atomic::{AtomicU64, Ordering};

/// Live counters of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections: AtomicU64,
    pub(crate) tls_connections: AtomicU64,
    pub(crate) alternate_connections: AtomicU64,
    pub(crate) info_commands: AtomicU64,
    pub(crate) scans: AtomicU64,
    pub(crate) scan_records: AtomicU64,
    pub(crate) scan_bytes: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) batch_rows: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) deletes: AtomicU64,
}

/// Totals since the cluster started, over all nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CounterValues {
    /// Accepted connections.
    pub connections: u64,
    /// Those of them on ports that speak TLS, alternate ones included.
    pub tls_connections: u64,
    /// Those of them on alternate ports, with or without TLS.
    pub alternate_connections: u64,
    /// Info commands (not messages: one message may hold several).
    pub info_commands: u64,
    /// Accepted scan requests.
    pub scans: u64,
    /// Records sent by scans.
    pub scan_records: u64,
    /// Bytes sent by scans, frame headers included.
    pub scan_bytes: u64,
    /// Batch requests.
    pub batches: u64,
    /// Rows of batch requests.
    pub batch_rows: u64,
    /// Single-record reads and batch rows that read.
    pub reads: u64,
    /// Single-record writes and batch rows that write, refused ones included.
    pub writes: u64,
    /// Single-record deletes and batch rows that delete, refused ones included.
    pub deletes: u64,
}

impl Counters {
    /// Counts a connection on this port.
    pub(crate) fn connected(&self, door: Door) {
        Self::bump(&self.connections);
        if door.has_tls() {
            Self::bump(&self.tls_connections);
        }
        if door.is_alternate() {
            Self::bump(&self.alternate_connections);
        }
    }

    pub(crate) fn bump(counter: &AtomicU64) {
        Self::add(counter, 1);
    }

    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn values(&self) -> CounterValues {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CounterValues {
            connections: load(&self.connections),
            tls_connections: load(&self.tls_connections),
            alternate_connections: load(&self.alternate_connections),
            info_commands: load(&self.info_commands),
            scans: load(&self.scans),
            scan_records: load(&self.scan_records),
            scan_bytes: load(&self.scan_bytes),
            batches: load(&self.batches),
            batch_rows: load(&self.batch_rows),
            reads: load(&self.reads),
            writes: load(&self.writes),
            deletes: load(&self.deletes),
        }
    }
}
