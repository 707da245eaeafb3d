//! What can be configured about a namespace, when the cluster is built and later by `set-config`.

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
        }
    }

    /// Whether a record may be given a TTL.
    pub(crate) const fn allows_ttl(&self) -> bool {
        self.nsup_period_s > 0 || self.allow_ttl_without_nsup
    }
}
