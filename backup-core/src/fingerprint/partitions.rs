//! What was read of each partition: how many records, and the sum of their fingerprints.

use super::Fingerprint;
use aerospike_wire::digest::PartitionId;

/// What was read of one partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PartitionSum {
    /// Number of records.
    pub records: u64,
    /// Sum of their fingerprints.
    pub fingerprint: Fingerprint,
}

impl PartitionSum {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            records: self.records.saturating_add(other.records),
            fingerprint: self.fingerprint.plus(other.fingerprint),
        }
    }
}

/// Sums of those partitions that were read, in order of their numbers.
///
/// A partition without records is in the table once somebody says that it was
/// [read](Self::mark_read). Memory grows with the partitions in it, 48 bytes each, so every
/// worker, even every chunk, can have a table of its own.
#[derive(Debug, Clone, Default)]
pub struct PartitionTable {
    entries: Vec<(PartitionId, PartitionSum)>,
    /// Where the last record went: records of a partition come in a row.
    last: usize,
}

/// Equal if they hold the same partitions with the same sums.
impl PartialEq for PartitionTable {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Eq for PartitionTable {}

impl PartitionTable {
    /// A table without partitions.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
            last: 0,
        }
    }

    /// Adds a record.
    #[inline]
    pub fn add(&mut self, partition: PartitionId, fingerprint: Fingerprint) {
        let record = PartitionSum {
            records: 1,
            fingerprint,
        };
        self.add_sum(partition, record);
    }

    /// Adds some records of one partition.
    #[inline]
    pub fn add_sum(&mut self, partition: PartitionId, sum: PartitionSum) {
        let entry = self.entry(partition);
        *entry = entry.plus(sum);
    }

    /// Says that a partition was read to its end, whether it holds records or not.
    pub fn mark_read(&mut self, partition: PartitionId) {
        self.entry(partition);
    }

    /// Takes a partition out, to read it again.
    pub fn remove(&mut self, partition: PartitionId) -> Option<PartitionSum> {
        let at = self.find(partition).ok()?;
        Some(self.entries.remove(at).1)
    }

    /// Adds everything in `other`.
    pub fn merge(&mut self, other: &Self) {
        for (partition, sum) in &other.entries {
            self.add_sum(*partition, *sum);
        }
    }

    /// Takes all partitions out and keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// The sum of one partition; `None` when it was not read.
    #[must_use]
    pub fn sum(&self, partition: PartitionId) -> Option<PartitionSum> {
        let at = self.find(partition).ok()?;
        self.entries.get(at).map(|(_, sum)| *sum)
    }

    /// All partitions of the table in order of their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (PartitionId, PartitionSum)> + '_ {
        self.entries.iter().copied()
    }

    /// Number of partitions in the table.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no partition is in the table.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All partitions together.
    #[must_use]
    pub fn total(&self) -> PartitionSum {
        let sums = self.entries.iter().map(|(_, sum)| *sum);
        sums.fold(PartitionSum::default(), PartitionSum::plus)
    }

    /// The partitions that two tables disagree about, those that only one of them has included,
    /// in order of their numbers.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<PartitionId> {
        let mut all: Vec<_> = self.entries.iter().chain(&other.entries).collect();
        all.sort_unstable_by_key(|(partition, _)| *partition);
        let mut found: Vec<_> = all
            .into_iter()
            .map(|(partition, _)| *partition)
            .filter(|partition| self.sum(*partition) != other.sum(*partition))
            .collect();
        found.dedup();
        found
    }

    fn find(&self, partition: PartitionId) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&partition, |(id, _)| *id)
    }

    #[inline]
    fn entry(&mut self, partition: PartitionId) -> &mut PartitionSum {
        let hit = self.entries.get(self.last);
        if hit.is_none_or(|(id, _)| *id != partition) {
            self.last = self.find(partition).unwrap_or_else(|at| {
                self.entries
                    .insert(at, (partition, PartitionSum::default()));
                at
            });
        }
        #[expect(clippy::indexing_slicing, reason = "found or inserted just now")]
        &mut self.entries[self.last].1
    }
}
