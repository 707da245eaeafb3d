//! What a cluster holds, read and written without the wire.

use super::Cluster;
use crate::{
    catalogue::{Index, Udf},
    direct::RawRecord,
    namespace::PARTITIONS,
    record::Draft,
    xdr::Change,
};
use aerospike_wire::digest::Digest;
use std::time::Instant;

impl Cluster {
    /// Digests of the records that were deleted durably and not written again, in order.
    #[must_use]
    pub fn tombstones(&self, namespace: &str) -> Vec<Digest> {
        let found = self.state.namespace(namespace.as_bytes());
        found.map_or_else(Vec::new, |(_, ns)| {
            ns.graves().keys().map(|digest| Digest(*digest)).collect()
        })
    }

    /// Stores a record as it is, generation and times included, in place of any other with its
    /// digest. Values are not checked or normalised. `false`: there is no such namespace.
    pub fn put(&self, namespace: &str, record: &RawRecord) -> bool {
        let Some((_, ns)) = self.state.namespace(namespace.as_bytes()) else {
            return false;
        };
        let set = record.set.as_deref().unwrap_or_default();
        if ns.ensure_set(set).is_err() {
            return false;
        }
        let bins = record.wire_bins();
        let draft = Draft {
            set,
            key: record.key.as_deref(),
            generation: record.generation,
            void_time: record.void_time,
            lut_ms: record.last_update_ms,
            bins: &bins,
        };
        let stored = draft.build();
        let mut records = ns.records_mut(record.digest.partition().index());
        records.insert(record.digest.0, stored);
        let state = &self.state;
        let change = Change::Written;
        state
            .xdr
            .changed(state, ns, &record.digest.0, change, false);
        true
    }

    /// The last-update time that a record with this digest would get if it were written now:
    /// milliseconds since 2010-01-01 UTC by the clock of the master of its partition.
    #[must_use]
    pub fn write_ms(&self, namespace: &str, digest: &Digest) -> u64 {
        let found = self.state.namespace(namespace.as_bytes());
        found.map_or(0, |(_, ns)| {
            self.state.write_ms(ns, digest.partition().index())
        })
    }

    /// The record with this digest, expired or not.
    #[must_use]
    pub fn get(&self, namespace: &str, digest: &Digest) -> Option<RawRecord> {
        let (_, ns) = self.state.namespace(namespace.as_bytes())?;
        let records = ns.records(digest.partition().index());
        records
            .get(&digest.0)
            .map(|record| RawRecord::of(*digest, record))
    }

    /// Removes a record; says whether it was there.
    pub fn delete(&self, namespace: &str, digest: &Digest) -> bool {
        self.state
            .namespace(namespace.as_bytes())
            .is_some_and(|(_, ns)| {
                let mut records = ns.records_mut(digest.partition().index());
                let removed = records.remove(&digest.0);
                if let Some(record) = &removed {
                    let durable = false;
                    let change = Change::Deleted { record, durable };
                    let state = &self.state;
                    state.xdr.changed(state, ns, &digest.0, change, false);
                }
                removed.is_some()
            })
    }

    /// Calls `visit` for every record of a namespace, partition by partition, digests
    /// descending, expired ones included.
    pub fn for_each(&self, namespace: &str, mut visit: impl FnMut(RawRecord)) {
        let Some((_, ns)) = self.state.namespace(namespace.as_bytes()) else {
            return;
        };
        for p in 0..PARTITIONS {
            for (digest, record) in ns.records(p).iter().rev() {
                visit(RawRecord::of(Digest(*digest), record));
            }
        }
    }

    /// All records of a namespace, sorted by digest.
    #[must_use]
    pub fn records(&self, namespace: &str) -> Vec<RawRecord> {
        let mut all = Vec::new();
        self.for_each(namespace, |record| all.push(record));
        all.sort_by_key(|record| record.digest);
        all
    }

    /// Number of records of a namespace, expired ones included.
    #[must_use]
    pub fn count(&self, namespace: &str) -> u64 {
        self.state
            .namespace(namespace.as_bytes())
            .map_or(0, |(_, ns)| ns.count())
    }

    /// All secondary indexes in order of creation.
    #[must_use]
    pub fn indexes(&self) -> Vec<Index> {
        self.state.catalogue.indexes()
    }

    /// Defines a secondary index, built at once; the same definition under another name renames it. `false`:
    /// the name is taken, the namespace has 256 indexes, or the cluster's version has no such
    /// index.
    pub fn create_index(&self, index: Index) -> bool {
        index.since() <= self.state.build
            && self
                .state
                .catalogue
                .create_index(index, Some(Instant::now()))
                .is_ok()
    }

    /// All UDF modules, sorted by name.
    #[must_use]
    pub fn udfs(&self) -> Vec<Udf> {
        self.state.catalogue.udfs()
    }

    /// Registers a UDF module in place of one with the same name.
    pub fn put_udf(&self, udf: Udf) {
        self.state.catalogue.put_udf(udf);
    }
}
