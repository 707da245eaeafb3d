//! Lists of partitions (`behaviour.md` §3.3).
//!
//! ```text
//! list   := filter ("," filter)*
//! filter := begin              one partition, 0 to 4095
//!         | begin "-" count    count partitions from begin on
//!         | digest             base64: the records after it, in its partition only
//! ```

use aerospike_wire::digest::{Digest, PARTITIONS, PartitionId};
use backup_cluster::scan::PartitionCursor;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::str::FromStr;

/// An entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionFilter {
    /// Consecutive partitions.
    Range {
        /// The first, 0 to 4095.
        begin: u16,
        /// How many, at least 1; the last is at most 4095.
        count: u16,
    },
    /// The records whose digests come after this one, in its partition.
    After(Digest),
}

/// Partitions, none of them twice; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionList {
    filters: Vec<PartitionFilter>,
}

/// A list that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionListError {
    /// A list without entries.
    #[error("the list is empty")]
    Empty,
    /// An entry that is none of the three forms.
    #[error(
        "{entry:?} is no partition (0 to 4095), no range (begin-count) and no digest (20 bytes in \
         base64)"
    )]
    Malformed {
        /// The entry.
        entry: String,
    },
    /// A partition that does not exist.
    #[error("there are only the partitions 0 to 4095, and {begin}-{count} goes on to {}", last(*begin, *count))]
    OutOfRange {
        /// The first partition.
        begin: u16,
        /// How many.
        count: u16,
    },
    /// A range without partitions.
    #[error("{begin}-0 is a range of no partitions: the second number is their count")]
    NoCount {
        /// The first partition.
        begin: u16,
    },
    /// A partition that several entries select.
    #[error("partition {partition} is listed twice")]
    Overlap {
        /// The partition.
        partition: u16,
    },
}

fn last(begin: u16, count: u16) -> u32 {
    u32::from(begin) + u32::from(count).saturating_sub(1)
}

impl PartitionFilter {
    /// The partition with this number.
    #[must_use]
    pub const fn one(partition: u16) -> Self {
        Self::Range {
            begin: partition,
            count: 1,
        }
    }

    fn check(self) -> Result<Self, PartitionListError> {
        match self {
            Self::Range { begin, count: 0 } => Err(PartitionListError::NoCount { begin }),
            Self::Range { begin, count } if last(begin, count) >= u32::from(PARTITIONS) => {
                Err(PartitionListError::OutOfRange { begin, count })
            }
            _ => Ok(self),
        }
    }

    /// Where to begin in each partition.
    fn cursors(self) -> impl Iterator<Item = PartitionCursor> {
        let (begin, count, after) = match self {
            Self::Range { begin, count } => (begin, count, None),
            Self::After(digest) => (0, 0, Some(PartitionCursor::after(digest))),
        };
        let range = (begin..begin.saturating_add(count)).filter_map(PartitionId::new);
        range.map(PartitionCursor::start).chain(after)
    }
}

impl PartitionList {
    /// The list of `filters`.
    ///
    /// # Errors
    /// No filters, partitions that do not exist, or one that is selected twice.
    pub fn new(filters: Vec<PartitionFilter>) -> Result<Self, PartitionListError> {
        if filters.is_empty() {
            return Err(PartitionListError::Empty);
        }
        let mut seen = [false; PARTITIONS as usize];
        for filter in &filters {
            for cursor in filter.check()?.cursors() {
                let partition = cursor.partition();
                let slot = seen.get_mut(usize::from(partition));
                if slot.is_none_or(|seen| std::mem::replace(seen, true)) {
                    return Err(PartitionListError::Overlap { partition });
                }
            }
        }
        Ok(Self { filters })
    }

    /// The entries, as they were listed.
    #[must_use]
    pub fn filters(&self) -> &[PartitionFilter] {
        &self.filters
    }

    /// Where to begin in each partition, in the order of the list.
    pub(super) fn cursors(&self) -> impl Iterator<Item = PartitionCursor> {
        self.filters.iter().flat_map(|filter| filter.cursors())
    }
}

impl FromStr for PartitionList {
    type Err = PartitionListError;

    /// Reads the grammar above; blanks around entries are allowed.
    fn from_str(text: &str) -> Result<Self, PartitionListError> {
        if text.trim().is_empty() {
            return Err(PartitionListError::Empty);
        }
        let filters = text.split(',').map(|entry| parse(entry.trim()));
        Self::new(filters.collect::<Result<_, _>>()?)
    }
}

fn parse(entry: &str) -> Result<PartitionFilter, PartitionListError> {
    let malformed = || PartitionListError::Malformed {
        entry: entry.to_owned(),
    };
    if let Some((begin, count)) = entry.split_once('-') {
        let (begin, count) = (number(begin), number(count));
        let (begin, count) = begin.zip(count).ok_or_else(malformed)?;
        return PartitionFilter::Range { begin, count }.check();
    }
    if let Some(partition) = number(entry) {
        return PartitionFilter::one(partition)
            .check()
            .map_err(|_| malformed());
    }
    digest(entry)
        .map(PartitionFilter::After)
        .ok_or_else(malformed)
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn digest(text: &str) -> Option<Digest> {
    Digest::from_slice(&STANDARD.decode(text).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "7JEZLUt/jONdXXjTS8ply6qqyWA="; // partition 492

    #[test]
    fn lists() {
        let check = |text: &str, expected: &[u16]| {
            let list: PartitionList = text.parse().expect(text);
            let found: Vec<_> = list.cursors().map(|cursor| cursor.partition()).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("0", &[0]);
        check("0, 1", &[0, 1]);
        check("4095,0-3, 7", &[4095, 0, 1, 2, 7]);
        check("4094-2", &[4094, 4095]);
        check(DIGEST, &[492]);
        check("0-4096", &(0..4096).collect::<Vec<_>>());
        let list: PartitionList = format!("3,{DIGEST}").parse().expect("list");
        let after: Vec<_> = list.cursors().map(|cursor| cursor.last_digest()).collect();
        assert_eq!(after, [None, digest(DIGEST)]);
    }

    #[test]
    fn no_lists() {
        let check = |text: &str, part: &str| {
            let refused = text.parse::<PartitionList>().expect_err(text).to_string();
            assert!(refused.contains(part), "{text}: {refused}");
        };
        check("", "empty");
        check("1,", "\"\" is no partition");
        check("4096", "\"4096\" is no partition (0 to 4095)");
        check("99999", "is no partition");
        check("0-4097", "0-4097 goes on to 4096");
        check("4090-100", "4090-100 goes on to 4189");
        check("65535-65535", "goes on to");
        check("0-0", "range of no partitions");
        check("-1", "is no partition");
        check("1-", "is no partition");
        check("+1", "is no partition");
        check("1 - 2", "is no partition");
        check("zz", "is no partition");
        check("AAAA", "no digest");
        check("1,1", "partition 1 is listed twice");
        check("0-10,5-10", "partition 5 is listed twice");
        check("0-10,5", "partition 5 is listed twice");
        check(&format!("492,{DIGEST}"), "partition 492 is listed twice");
        check(
            &format!("{DIGEST},{DIGEST}"),
            "partition 492 is listed twice",
        );
    }
}
