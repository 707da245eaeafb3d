//! Which records a backup takes (`behaviour.md` §2.5 to §3, `cli.md` §6).
//!
//! A [`Selection`] is what was asked for. [`Selection::check`] finds everything that is wrong
//! with it without a cluster; what only the cluster knows (nodes, racks, whether it takes the
//! filter) is resolved after connecting, and before the target is touched.
//!
//! *Not here:* the texts of users, but for the list of partitions, which has a grammar of its
//! own; times come as nanoseconds, expressions as bytes.

mod arguments;
mod count;
mod filter;
mod partitions;
mod plan;
mod violation;

pub use partitions::{PartitionFilter, PartitionList, PartitionListError};
pub use violation::{Field, Violation};

pub(super) use count::expected_records;
pub(super) use plan::{Begun, Plan};

use aerospike_wire::digest::Digest;

/// The part of a namespace that is backed up. The default is all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names of sets; empty = all. At most 63 bytes each.
    pub sets: Vec<String>,
    /// Names of bins; empty = all. At most 15 bytes each. A record that has none of them is left
    /// out by the server.
    pub bins: Vec<String>,
    /// Metadata of records only. The selection of bins is without effect then.
    pub no_bins: bool,
    /// Only records that never expire.
    pub no_ttl_only: bool,
    /// Only records last updated then or later, in nanoseconds since 1970 UTC. The server keeps
    /// milliseconds.
    pub modified_after: Option<i64>,
    /// Only records last updated before then, in nanoseconds since 1970 UTC.
    pub modified_before: Option<i64>,
    /// Only records for which this expression in msgpack is true; empty = all.
    pub filter_expression: Vec<u8>,
    /// The most records; 0 = all. Exact: as many if so many are selected, never more. Which of
    /// them is left open.
    pub max_records: u64,
    /// Where to look.
    pub scope: Scope,
    /// Ids of racks to read from where they hold a copy, the best first; empty = read from the
    /// masters. Not together with [`Scope::Nodes`] or [`Scope::Racks`].
    pub prefer_racks: Vec<u32>,
}

/// The partitions of a selection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    #[default]
    All,
    /// Those of a list.
    Partitions(PartitionList),
    /// What follows this digest in its partition, and all partitions after that one.
    AfterDigest(Digest),
    /// Those whose master is one of these nodes at the start: ids, or `address:port`.
    Nodes(Vec<String>),
    /// Those whose master is in one of these racks at the start. Enterprise edition only.
    Racks(Vec<u32>),
}

impl Selection {
    /// Whether records may be left out that are in the sets and partitions asked for.
    pub(super) const fn has_filter(&self) -> bool {
        self.no_ttl_only
            || self.modified_after.is_some()
            || self.modified_before.is_some()
            || !self.filter_expression.is_empty()
    }

    /// Whether an index on this set belongs to the selection: one without a set covers all.
    pub(super) fn covers_index_of(&self, set: Option<&[u8]>) -> bool {
        let is_listed = |set: &[u8]| self.sets.iter().any(|name| name.as_bytes() == set);
        self.sets.is_empty() || set.is_none_or(is_listed)
    }
}
