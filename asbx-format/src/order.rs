//! Which writer a record goes to, and in which order files are to be read (§3.1, §3.2).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::name::FileName;

/// Partitions of a namespace.
const PARTITIONS: u16 = 4096;

/// The writer, from 0, that gets the records of a partition, so that all versions of a record are
/// in one sequence of files. `writers`: how many there are; 0 counts as 1.
#[must_use]
pub fn writer_of(partition: u16, writers: u16) -> u16 {
    let writers = writers.max(1);
    let share = PARTITIONS.checked_div(writers).unwrap_or(1).max(1);
    let writer = partition.checked_div(share).unwrap_or(0);
    writer.min(writers.saturating_sub(1))
}

/// Files that must be restored one after the other, in this order. Sequences do not depend on each
/// other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence<T> {
    /// The worker that wrote them.
    pub worker: u32,
    /// The files by ascending number.
    pub files: Vec<(u64, T)>,
}

/// Sorts the files of one directory into sequences, by ascending worker. What a file is to the
/// caller comes along with its name.
pub fn sequences<'a, T>(files: impl IntoIterator<Item = (FileName<'a>, T)>) -> Vec<Sequence<T>> {
    let mut by_worker = BTreeMap::<u32, Vec<(u64, T)>>::new();
    for (name, file) in files {
        let group = by_worker.entry(name.worker).or_default();
        group.push((name.number, file));
    }
    let sorted = |(worker, mut files): (u32, Vec<(u64, T)>)| {
        files.sort_by_key(|(number, _)| *number);
        Sequence { worker, files }
    };
    by_worker.into_iter().map(sorted).collect()
}

/// Something about the numbers of a directory that deserves a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Irregularity {
    /// Two files have this number.
    Twice(u64),
    /// These numbers are missing between two that are there, the first and the last of them.
    Gap(u64, u64),
}

impl Irregularity {
    /// What is irregular about the numbers of all files of a directory, in any order. One counter
    /// serves all workers and begins with 1.
    #[must_use]
    pub fn find(numbers: impl IntoIterator<Item = u64>) -> Vec<Self> {
        let mut numbers: Vec<_> = numbers.into_iter().collect();
        numbers.sort_unstable();
        let mut found = Vec::new();
        let mut before = None;
        for number in numbers {
            let expected = before.map_or(1, |before: u64| before.saturating_add(1));
            if before == Some(number) {
                found.push(Self::Twice(number));
            } else if number > expected {
                found.push(Self::Gap(expected, number.saturating_sub(1)));
            }
            before = Some(number);
        }
        found.dedup();
        found
    }
}
