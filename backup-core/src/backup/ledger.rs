//! How far each partition has come: the positions that a continued backup starts from.

use crate::fingerprint::Fingerprint;
use aerospike_wire::digest::{Digest, PartitionId};
use backup_cluster::scan::PartitionCursor;
use std::collections::BTreeMap;

/// Records of one partition that stand one after the other in a chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// The last of them: a scan goes down, so it says how far the partition has come.
    pub(super) last: Digest,
    /// How many they are.
    pub(super) records: u64,
    /// The sum of their fingerprints.
    pub(super) fingerprint: Fingerprint,
}

/// How far one partition has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// The last record; `None` before the first.
    pub(crate) last: Option<Digest>,
    /// Whether it was the last one there is.
    pub(crate) done: bool,
    /// Records so far.
    pub(crate) records: u64,
    /// The wrapping sum of their fingerprints.
    pub(crate) fingerprint: Fingerprint,
}

/// Positions by partition. Partitions that have not come anywhere are not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ledger(BTreeMap<u16, Position>);

impl Ledger {
    /// Moves the partition of `span` on.
    pub(super) fn advance(&mut self, span: &Span) {
        let position = self.0.entry(span.last.partition().get()).or_default();
        position.last = Some(span.last);
        position.records = position.records.saturating_add(span.records);
        position.fingerprint = position.fingerprint.plus(span.fingerprint);
    }

    /// Every record of `partition` has come.
    pub(super) fn finish(&mut self, partition: PartitionId) {
        self.0.entry(partition.get()).or_default().done = true;
    }

    /// Takes over everything from `newer`, and leaves it empty.
    pub(super) fn absorb(&mut self, newer: &mut Self) {
        for (partition, newer) in std::mem::take(&mut newer.0) {
            let position = self.0.entry(partition).or_default();
            position.last = newer.last.or(position.last);
            position.done |= newer.done;
            position.records = position.records.saturating_add(newer.records);
            position.fingerprint = position.fingerprint.plus(newer.fingerprint);
        }
    }

    /// Sets the position of a partition, as a state file has it.
    pub(crate) fn insert(&mut self, partition: PartitionId, position: Position) {
        self.0.insert(partition.get(), position);
    }

    /// The positions in the order of the partitions.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, &Position)> {
        self.0
            .iter()
            .map(|(partition, position)| (*partition, position))
    }

    /// Whether nothing has come anywhere.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where to go on with the partition of `cursor`; `None` when there is nothing left of it.
    pub(super) fn resume(&self, cursor: PartitionCursor) -> Option<PartitionCursor> {
        match self.0.get(&cursor.partition()) {
            Some(position) if position.done => None,
            Some(Position {
                last: Some(last), ..
            }) => Some(PartitionCursor::after(*last)),
            _ => Some(cursor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(low: u8, rest: u8) -> Digest {
        let mut bytes = [rest; 20];
        (bytes[0], bytes[1]) = (low, 0);
        Digest(bytes)
    }

    fn span(last: Digest, records: u64, fingerprint: u128) -> Span {
        Span {
            last,
            records,
            fingerprint: Fingerprint(fingerprint),
        }
    }

    #[test]
    fn a_position_is_where_the_last_span_ended() {
        let mut ledger = Ledger::default();
        ledger.advance(&span(digest(5, 9), 2, u128::MAX));
        ledger.advance(&span(digest(5, 3), 1, 2));
        let expected = Position {
            last: Some(digest(5, 3)),
            done: false,
            records: 3,
            fingerprint: Fingerprint(1),
        };
        assert_eq!(ledger.iter().collect::<Vec<_>>(), [(5, &expected)]);
        let start = PartitionCursor::start(PartitionId::new(5).unwrap());
        assert_eq!(
            ledger.resume(start).unwrap().last_digest(),
            Some(digest(5, 3))
        );
    }

    #[test]
    fn what_is_newer_wins_and_adds_up() {
        let (mut durable, mut pending) = (Ledger::default(), Ledger::default());
        durable.advance(&span(digest(5, 9), 2, 10));
        pending.advance(&span(digest(5, 3), 1, 5));
        pending.finish(PartitionId::new(6).unwrap());
        durable.absorb(&mut pending);
        assert!(pending.is_empty());
        let fifth = durable.iter().next().unwrap().1;
        assert_eq!(
            (fifth.last, fifth.records, fifth.fingerprint.0),
            (Some(digest(5, 3)), 3, 15)
        );
        let sixth = PartitionCursor::start(PartitionId::new(6).unwrap());
        assert!(durable.resume(sixth).is_none(), "nothing is left of it");
        let seventh = PartitionCursor::start(PartitionId::new(7).unwrap());
        assert_eq!(durable.resume(seventh), Some(seventh));
        // A partition may end without another record after the durable point.
        pending.finish(PartitionId::new(5).unwrap());
        durable.absorb(&mut pending);
        let fifth = durable.iter().next().unwrap().1;
        assert_eq!((fifth.last, fifth.done), (Some(digest(5, 3)), true));
    }
}
