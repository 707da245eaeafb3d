//! How many records are selected.

use super::{figures::Count, subject::Subject};
use crate::{
    backup::{
        run::or_cancelled,
        scan_stage::is_data,
        selection::{Scope, Selection, expected_records},
    },
    error::Error,
};
use aerospike_wire::{digest::PARTITIONS, scan::ScanRecord};
use backup_cluster::{
    metadata::Metadata,
    scan::{PartitionCursor, RecordSink, ScanError, ScanOptions, scan},
};
use std::convert::Infallible;

/// Fewer partitions than that say little about how much their counts differ.
const FEWEST: usize = 64;

/// A count, and what it took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) count: Count,
    /// Partitions of which a scan can be afforded.
    pub(super) partitions: usize,
}

impl Subject<'_> {
    /// Counts the records: by the counters of the cluster where these count just what is
    /// selected, otherwise by a look at the metadata of all records in enough partitions.
    pub(super) async fn count(&mut self) -> Result<Counted, Error> {
        let all = self.selected.len();
        if self.config.no_records || all == 0 {
            return Ok(Counted {
                count: Count::known(0),
                partitions: all,
            });
        }
        if self.has_counters() {
            return Ok(Counted {
                count: Count::known(self.objects(&self.config.selection).await?),
                partitions: all,
            });
        }
        self.count_by_scan().await
    }

    /// Counts what a scan finds.
    pub(super) async fn count_by_scan(&mut self) -> Result<Counted, Error> {
        let all = self.selected.len();
        let objects = self.objects(&Selection::default()).await?;
        let mut cursors = self.shuffled();
        cursors.truncate(enough(objects, self.count_objects));
        Ok(Counted {
            count: Count::scaled(&self.count_in(&mut cursors).await?, all),
            partitions: cursors.len(),
        })
    }

    /// Whether the cluster's counters tell the number of records: nobody counts what a filter
    /// lets through, what has certain bins, or what is in a partition.
    fn has_counters(&self) -> bool {
        let Selection { bins, no_bins, .. } = &self.config.selection;
        let is_whole = self.selected.len() == usize::from(PARTITIONS)
            && self.selected.iter().all(|c| c.last_digest().is_none());
        let is_of_bins = !bins.is_empty() && !no_bins;
        is_whole && !is_of_bins && !self.config.selection.has_filter()
    }

    /// Records in the sets of a selection, by the counters of the cluster.
    async fn objects(&self, selection: &Selection) -> Result<u64, Error> {
        let selection = Selection {
            sets: selection.sets.clone(),
            scope: Scope::All,
            ..Selection::default()
        };
        let metadata = Metadata::new(self.view);
        let namespace = &self.config.namespace;
        let counting = expected_records(metadata, namespace, &selection, usize::from(PARTITIONS));
        Ok(or_cancelled(self.cancel, counting).await?.unwrap_or(0))
    }

    /// The number of selected records in each of these partitions.
    async fn count_in(&self, cursors: &mut [PartitionCursor]) -> Result<Vec<u64>, Error> {
        let partitions: Vec<_> = cursors.iter().map(PartitionCursor::partition).collect();
        let selection = &self.config.selection;
        let options = ScanOptions {
            // Without its bins, a record does not show whether it has any of those selected.
            no_bins: selection.no_bins || selection.bins.is_empty(),
            ..self.options.clone()
        };
        let mut tally = Tally {
            counts: vec![0; usize::from(PARTITIONS)],
            subject: self,
            fresh: 0,
        };
        let scanned = scan(self.view, &options, cursors, &mut tally, self.cancel).await;
        tally.note();
        match scanned {
            Ok(done) => self.stats.retries.add(u64::from(done.retries)),
            Err(ScanError::Cluster(error)) => return Err(error.into()),
            Err(ScanError::Sink(never)) => match never {},
        }
        let count = |partition| tally.counts.get(usize::from(partition)).copied();
        Ok(partitions.into_iter().filter_map(count).collect())
    }
}

/// The number of partitions in which about `wanted` of so many objects lie.
fn enough(objects: u64, wanted: u64) -> usize {
    let partitions = u128::from(wanted).saturating_mul(u128::from(PARTITIONS));
    let enough = partitions.div_ceil(u128::from(objects.max(1)));
    usize::try_from(enough).unwrap_or(usize::MAX).max(FEWEST)
}

/// Counts records by partition.
struct Tally<'a> {
    counts: Vec<u64>,
    subject: &'a Subject<'a>,
    /// Records that the statistics do not know of.
    fresh: u64,
}

impl Tally<'_> {
    /// Brings the statistics up to date.
    fn note(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
        self.subject.stats.records_counted.add(fresh);
    }
}

impl RecordSink for Tally<'_> {
    type Error = Infallible;

    #[inline]
    fn wants(&self, record: &ScanRecord<'_>) -> bool {
        is_data(record)
    }

    #[inline]
    fn record(&mut self, record: &ScanRecord<'_>) -> Result<(), Infallible> {
        if let Some(count) = self.counts.get_mut(record.digest.partition().index()) {
            *count += 1;
        }
        self.fresh += 1;
        Ok(())
    }

    async fn ready(&mut self) -> Result<(), Infallible> {
        self.note();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_objects_are_enough() {
        let check = |objects, expected| assert_eq!(enough(objects, 1_000_000), expected);
        assert!(enough(0, 1_000_000) > 4096);
        assert!(enough(999_999, 1_000_000) >= 4096);
        check(1_000_000, 4096);
        check(10_000_000, 410);
        check(1_000_000_000, 64);
        check(u64::MAX, 64);
    }
}
