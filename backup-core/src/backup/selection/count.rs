//! How many records to expect, for progress only (`behaviour.md` §2.4).

use super::{Scope, Selection};
use aerospike_wire::digest::PARTITIONS;
use backup_cluster::{error::Error, metadata::Metadata};

/// An estimate from the cluster's own counters. `None` where they say nothing: nobody counts
/// what a filter lets through, and what lies behind a digest.
pub(in crate::backup) async fn expected_records(
    metadata: Metadata<'_>,
    namespace: &str,
    selection: &Selection,
    partitions: usize,
) -> Result<Option<u64>, Error> {
    let is_unknown = selection.has_filter() || matches!(selection.scope, Scope::AfterDigest(_));
    if is_unknown {
        return Ok(None);
    }
    let all = if selection.sets.is_empty() {
        metadata.record_count(namespace).await?
    } else {
        let sets: Vec<_> = selection
            .sets
            .iter()
            .map(|set| set.clone().into_bytes())
            .collect();
        metadata.record_count_of_sets(namespace, &sets).await?
    };
    let expected = share(all, partitions);
    Ok(Some(match selection.max_records {
        0 => expected,
        most => expected.min(most),
    }))
}

/// As many as fall into `partitions` of all.
fn share(records: u64, partitions: usize) -> u64 {
    let scaled = u128::from(records).saturating_mul(partitions as u128) / u128::from(PARTITIONS);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}
