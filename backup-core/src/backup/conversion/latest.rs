//! Which messages of a sequence are the last of their records, with a bounded amount of memory.
//!
//! Messages are numbered in their order. For so many partitions as fit, all digests are gathered
//! with their numbers and sorted; of equal digests the highest number is the last. What is kept of
//! that is one bit for each message. Another round reads the sequence again for the next
//! partitions.

use aerospike_wire::digest::{DIGEST_SIZE, Digest, PARTITIONS, PartitionId};
use std::ops::RangeInclusive;

/// Bytes of a digest with the number of its message behind it, in the order of their comparison.
pub(super) const ENTRY_BYTES: usize = DIGEST_SIZE + 8;

/// The partitions of a round.
pub(super) type Round = RangeInclusive<u16>;

/// All partitions at once.
pub(super) const ALL: Round = 0..=PARTITIONS - 1;

/// Messages of each partition.
#[derive(Debug, Clone)]
pub(super) struct Counts(Vec<u64>);

impl Default for Counts {
    fn default() -> Self {
        Self(vec![0; usize::from(PARTITIONS)])
    }
}

impl Counts {
    /// Counts a message.
    pub(super) fn add(&mut self, partition: PartitionId) {
        if let Some(count) = self.0.get_mut(partition.index()) {
            *count += 1;
        }
    }

    /// The partitions that have messages.
    pub(super) fn present(&self) -> impl Iterator<Item = u16> {
        let numbered = (0..).zip(&self.0);
        numbered.filter_map(|(partition, count)| (*count > 0).then_some(partition))
    }

    /// Messages of a round.
    pub(super) fn of(&self, round: &Round) -> u64 {
        let (first, last) = (usize::from(*round.start()), usize::from(*round.end()));
        self.0.get(first..=last).unwrap_or_default().iter().sum()
    }

    /// Rounds of at most `limit` messages, in ascending order; a partition with more is one of its
    /// own.
    pub(super) fn rounds(&self, limit: u64) -> Vec<Round> {
        let mut rounds: Vec<Round> = Vec::new();
        let mut messages = 0_u64;
        for (partition, count) in (0..).zip(&self.0).filter(|(_, count)| **count > 0) {
            messages = messages.saturating_add(*count);
            match rounds.last_mut() {
                Some(round) if messages <= limit => *round = *round.start()..=partition,
                _ => {
                    messages = *count;
                    rounds.push(partition..=partition);
                }
            }
        }
        rounds
    }
}

/// Digests in the order of their messages.
#[derive(Debug, Default)]
pub(super) struct Gathered(Vec<[u8; ENTRY_BYTES]>);

impl Gathered {
    /// With room for so many messages.
    pub(super) fn with_room(messages: u64) -> Self {
        Self(Vec::with_capacity(
            usize::try_from(messages).unwrap_or_default(),
        ))
    }

    /// The digest of the next message.
    pub(super) fn add(&mut self, Digest(digest): &Digest) {
        let mut entry = [0; ENTRY_BYTES];
        let number = self.len().to_be_bytes();
        let bytes = digest.iter().chain(&number);
        entry
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        self.0.push(entry);
    }

    /// Messages so far.
    pub(super) const fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Which of them are the last of their records.
    pub(super) fn latest(mut self) -> Latest {
        let mut latest = Latest(vec![0; self.0.len().div_ceil(64)]);
        self.0.sort_unstable();
        let mut entries = self.0.iter().peekable();
        while let Some(entry) = entries.next() {
            let is_last = entries
                .peek()
                .is_none_or(|next| digest(next) != digest(entry));
            if is_last {
                latest.set(number(entry));
            }
        }
        latest
    }
}

fn digest(entry: &[u8; ENTRY_BYTES]) -> &[u8] {
    entry.get(..DIGEST_SIZE).unwrap_or_default()
}

fn number(entry: &[u8; ENTRY_BYTES]) -> u64 {
    let number = entry.last_chunk().copied().unwrap_or_default();
    u64::from_be_bytes(number)
}

/// The messages that are the last of their records, by their numbers.
#[derive(Debug)]
pub(super) struct Latest(Vec<u64>);

impl Latest {
    fn set(&mut self, number: u64) {
        if let Some(word) = self.0.get_mut(word_of(number)) {
            *word |= 1 << (number % 64);
        }
    }

    /// Whether it is one of them.
    pub(super) fn contains(&self, number: u64) -> bool {
        let word = self.0.get(word_of(number)).copied().unwrap_or_default();
        word >> (number % 64) & 1 == 1
    }
}

fn word_of(number: u64) -> usize {
    usize::try_from(number / 64).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_partition(partition: u16, rest: u8) -> Digest {
        let mut bytes = [rest; DIGEST_SIZE];
        [bytes[0], bytes[1]] = partition.to_le_bytes();
        Digest(bytes)
    }

    #[test]
    fn the_last_of_equal_digests_counts() {
        let mut gathered = Gathered::with_room(4);
        let digests = (0..1000_u16).map(|n| of_partition(n % 7, u8::try_from(n % 3).unwrap()));
        let digests: Vec<_> = digests.collect();
        digests.iter().for_each(|digest| gathered.add(digest));
        let latest = gathered.latest();
        for (number, digest) in digests.iter().enumerate() {
            let is_last = !digests[number + 1..].contains(digest);
            assert_eq!(latest.contains(number as u64), is_last, "{number}");
        }
        assert!(!latest.contains(1000) && !latest.contains(u64::MAX));
        assert!(!Gathered::default().latest().contains(0));
    }

    #[test]
    fn rounds_hold_no_more_than_they_may() {
        let mut counts = Counts::default();
        for (partition, messages) in [(0, 3), (5, 3), (6, 4), (7, 20), (4095, 1)] {
            let digest = of_partition(partition, 1);
            (0..messages).for_each(|_| counts.add(digest.partition()));
        }
        let check =
            |limit, expected: &[Round]| assert_eq!(counts.rounds(limit), expected, "{limit}");
        check(10, &[0..=6, 7..=7, 4095..=4095]);
        check(6, &[0..=5, 6..=6, 7..=7, 4095..=4095]);
        check(1, &[0..=0, 5..=5, 6..=6, 7..=7, 4095..=4095]);
        check(1000, &[0..=4095]);
        assert!(Counts::default().rounds(10).is_empty());
        assert_eq!((counts.of(&ALL), counts.of(&(5..=6))), (31, 7));
        assert_eq!(counts.present().collect::<Vec<_>>(), [0, 5, 6, 7, 4095]);
    }
}
