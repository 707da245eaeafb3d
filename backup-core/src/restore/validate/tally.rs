//! What several decoders found in one file, put in order: what counts is what stands before the
//! first error in the file, whoever is first to find one.

use crate::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Numbers of items.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) records: u64,
    pub(super) indexes: u64,
    pub(super) udfs: u64,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.records += other.records;
        self.indexes += other.indexes;
        self.udfs += other.udfs;
    }
}

/// The results of one file.
#[derive(Debug, Default)]
pub(super) struct Tally {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Stretches of text without an error, in order. Those that touch are one, so there are about
    /// as many as decoders.
    sound: Vec<Stretch>,
    /// The first error so far: where its stretch begins, what stands before it there.
    error: Option<(u64, Counts, Error)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    start: u64,
    end: u64,
    counts: Counts,
}

impl Tally {
    /// Adds a stretch of text, in bytes from the start of the file, without an error.
    pub(super) fn add(&self, start: u64, end: u64, counts: Counts) {
        let mut state = self.state();
        let sound = &mut state.sound;
        let at = sound.partition_point(|stretch| stretch.end <= start);
        sound.insert(at, Stretch { start, end, counts });
        sound.dedup_by(|next, before| {
            let is_one = before.end == next.start;
            if is_one {
                before.end = next.end;
                before.counts.add(next.counts);
            }
            is_one
        });
    }

    /// Notes the error that ended a stretch, with what stands before it there.
    pub(super) fn fail(&self, start: u64, counts: Counts, error: Error) {
        let mut state = self.state();
        if state
            .error
            .as_ref()
            .is_none_or(|(first, ..)| start < *first)
        {
            state.error = Some((start, counts, error));
        }
    }

    /// What was found before the first error, and that error.
    pub(super) fn take(&self) -> (Counts, Option<Error>) {
        let state = std::mem::take(&mut *self.state());
        let (limit, mut counts, error) = match state.error {
            Some((start, counts, error)) => (start, counts, Some(error)),
            None => (u64::MAX, Counts::default(), None),
        };
        let before = state.sound.iter().filter(|stretch| stretch.start < limit);
        before.for_each(|stretch| counts.add(stretch.counts));
        (counts, error)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
