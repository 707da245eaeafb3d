//! Whether two clusters hold the same. The tests of the program use this file as well.

use asnode::{Cluster, Index, RawRecord};
use std::fmt::Debug;

/// What was compared, and what differs.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) records: usize,
    pub(crate) indexes: usize,
    pub(crate) udfs: usize,
    pub(crate) differences: Vec<String>,
}

impl Comparison {
    /// Compares a namespace and the UDF modules of two clusters. Not compared: generations and
    /// last-update times, which no client can set.
    pub(crate) fn of(source: &Cluster, target: &Cluster, namespace: &str) -> Self {
        let mut comparison = Self::default();
        comparison.records = comparison.compare(
            &source.records(namespace),
            &target.records(namespace),
            |record| record.digest,
            equal_records,
        );
        comparison.indexes = comparison.compare(
            &indexes(source, namespace),
            &indexes(target, namespace),
            |index| index.name.clone(),
            Index::eq,
        );
        comparison.udfs = comparison.compare(
            &source.udfs(),
            &target.udfs(),
            |udf| udf.name.clone(),
            PartialEq::eq,
        );
        comparison
    }

    /// Whether nothing differs.
    pub(crate) fn is_equal(&self) -> bool {
        self.differences.is_empty()
    }

    /// Compares two lists that are sorted by `key`.
    fn compare<T: Debug, K: Ord + Debug>(
        &mut self,
        source: &[T],
        target: &[T],
        key: impl Fn(&T) -> K,
        equal: impl Fn(&T, &T) -> bool,
    ) -> usize {
        let find = |list: &[T], item: &T| list.binary_search_by_key(&key(item), &key).ok();
        for item in source {
            match find(target, item).and_then(|at| target.get(at)) {
                None => self.differences.push(format!("{:?} is missing", key(item))),
                Some(other) if equal(item, other) => {}
                Some(other) => self.differences.push(format!("{item:?} became {other:?}")),
            }
        }
        for item in target.iter().filter(|item| find(source, item).is_none()) {
            self.differences.push(format!("{:?} is new", key(item)));
        }
        source.len()
    }
}

fn indexes(cluster: &Cluster, namespace: &str) -> Vec<Index> {
    let mut indexes = cluster.indexes();
    indexes.retain(|index| index.namespace == namespace);
    indexes.sort_by(|a, b| a.name.cmp(&b.name));
    indexes
}

/// Equal but for what a restore cannot bring back: a record's time to live is counted in whole
/// seconds from the moment of the restore.
fn equal_records(a: &RawRecord, b: &RawRecord) -> bool {
    let void_times = match (a.void_time, b.void_time) {
        (0, 0) => true,
        (0, _) | (_, 0) => false,
        (a, b) => a.abs_diff(b) <= 1,
    };
    void_times && a.set == b.set && a.key == b.key && a.bins == b.bins
}
