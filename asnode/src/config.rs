//! What can be configured about a namespace or a node, when the cluster is built and later by
//! `set-config`.

use crate::build::Build;

/// Configuration of a namespace. The defaults are those of a server with the expirer running
/// (`nsup-period 120`), so that records with a TTL are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceConfig {
    /// Name, at most 31 bytes.
    pub name: String,
    /// Copies of each partition, at least 1; the number of living nodes is the upper limit in
    /// effect. Default 1.
    pub replication_factor: usize,
    /// TTL in seconds of records written with TTL 0; 0 (the default) = they never expire.
    pub default_ttl_s: u32,
    /// Seconds between expiry runs. The node hides expired records at once in any case; with 0
    /// and without [`allow_ttl_without_nsup`](Self::allow_ttl_without_nsup) a write that would
    /// get a TTL is refused with result 22. Default 120.
    pub nsup_period_s: u32,
    /// Accept TTLs although the expirer is off. Default false.
    pub allow_ttl_without_nsup: bool,
    /// Largest stored record in bytes, by the sum of `expressions.md` §4; larger ones are refused
    /// with result 13. Default 1 MiB.
    pub max_record_size: u32,
    /// Refuse all writes but deletes with result 8. Default false.
    pub stop_writes: bool,
    /// Refuse writes that carry the XDR bit with result 22. Default false.
    pub reject_xdr_writes: bool,
    /// Refuse writes that do not carry the XDR bit with result 22. Default false.
    pub reject_non_xdr_writes: bool,
    /// Refuse writes without a set name with result 4. Default false.
    pub disallow_null_setname: bool,
    /// Accept writes that shorten the life of a record; without, they keep its void-time.
    /// Default true.
    pub apply_ttl_reductions: bool,
    /// Refuse writes of transactions with result 22 (Enterprise). Default false.
    pub disable_mrt_writes: bool,
    /// Rack of each node, by index; nodes that are not listed are on rack 0 (Enterprise). Default
    /// none.
    pub rack_ids: Vec<u32>,
}

impl NamespaceConfig {
    /// The default configuration under `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            replication_factor: 1,
            default_ttl_s: 0,
            nsup_period_s: 120,
            allow_ttl_without_nsup: false,
            max_record_size: 1 << 20,
            stop_writes: false,
            reject_xdr_writes: false,
            reject_non_xdr_writes: false,
            disallow_null_setname: false,
            apply_ttl_reductions: true,
            disable_mrt_writes: false,
            rack_ids: Vec::new(),
        }
    }

    /// The rack of a node.
    pub(crate) fn rack_of(&self, node: usize) -> u32 {
        self.rack_ids.get(node).copied().unwrap_or(0)
    }

    /// Whether a record may be given a TTL.
    pub(crate) const fn allows_ttl(&self) -> bool {
        self.nsup_period_s > 0 || self.allow_ttl_without_nsup
    }
}

/// Configuration of the service, the same on all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServiceConfig {
    /// 0 = batches are refused with 150.
    pub(crate) batch_index_threads: u32,
    /// Rows of a batch; 0 = no limit.
    pub(crate) batch_max_requests: u32,
    /// Scans that a node runs at a time.
    pub(crate) query_threads_limit: usize,
    /// Finished scans that a node remembers.
    pub(crate) query_max_done: usize,
    /// Connections that a node has at a time.
    pub(crate) proto_fd_max: usize,
    /// Idle time after which a connection is closed; 0 = never.
    pub(crate) proto_fd_idle_ms: u32,
}

impl ServiceConfig {
    /// The defaults of a version.
    pub(crate) fn of(build: Build) -> Self {
        let is_old = build < Build::NEW_INDEX_COMMANDS;
        Self {
            batch_index_threads: 2,
            batch_max_requests: if is_old { 5000 } else { 0 },
            query_threads_limit: 128,
            query_max_done: 100,
            proto_fd_max: 15_000,
            proto_fd_idle_ms: if is_old { 60_000 } else { 0 },
        }
    }
}
