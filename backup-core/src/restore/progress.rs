//! How far a restore has come: the intervals of each file's text whose records all have a final
//! outcome, and these outcomes (`files-and-state.md` §7.2).
//!
//! ```text
//! decoder ── begins an interval ──► its rows go into batches, one for each node
//! batch has its answers ── tells each of its intervals
//! last one has told, and the decoder is through ──► the interval is finished
//! ```
//!
//! Nothing is said of an interval before it is finished, and never is one place taken for all
//! before it: decoders and batches overtake each other. The outcomes enter the totals together
//! with the interval, so a continuation neither loses nor repeats one. An interval with a record
//! that was refused or not answered never finishes, nor does one with a definition: those are
//! few, cost nothing to look at again, and may wait for the end of the run.

use super::state::FileState;
use crate::error::StateProblem;
use asb_format::Checkpoint;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// Numbers of records of finished intervals by their outcomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) records_read: u64,
    pub(super) expired: u64,
    pub(super) skipped: u64,
    pub(super) ignored: u64,
    pub(super) fresher: u64,
    pub(super) existed: u64,
    pub(super) inserted: u64,
    /// Bytes of text.
    pub(super) bytes_read: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.records_read += other.records_read;
        self.expired += other.expired;
        self.skipped += other.skipped;
        self.ignored += other.ignored;
        self.fresher += other.fresher;
        self.existed += other.existed;
        self.inserted += other.inserted;
        self.bytes_read += other.bytes_read;
    }

    /// Whether every record has one outcome.
    pub(super) const fn is_balanced(&self) -> bool {
        let outcomes = self
            .expired
            .saturating_add(self.skipped)
            .saturating_add(self.ignored)
            .saturating_add(self.fresher)
            .saturating_add(self.existed)
            .saturating_add(self.inserted);
        outcomes == self.records_read
    }
}

/// The progress of a run.
#[derive(Debug)]
pub(super) struct Progress {
    done: Mutex<Done>,
    /// Definitions that an earlier run has dealt with, and whether it left them out.
    earlier_globals: BTreeMap<String, bool>,
}

#[derive(Debug, Default)]
struct Done {
    files: Vec<FileProgress>,
    totals: Tally,
    globals: BTreeMap<String, bool>,
    /// Something was finished since the last picture.
    is_changed: bool,
}

/// What is finished of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FileProgress {
    /// Intervals by where they begin; no two of them touch. The end is a place to begin at.
    intervals: BTreeMap<u64, Checkpoint>,
    /// Bytes of its text, once somebody has seen the end.
    end: Option<u64>,
}

impl FileProgress {
    /// What a state says.
    ///
    /// # Errors
    /// [`StateProblem::Value`] when intervals overlap or are none.
    pub(super) fn of(state: &FileState) -> Result<Self, StateProblem> {
        const WRONG: StateProblem = StateProblem::Value {
            what: "finished interval",
        };
        let (mut intervals, mut last) = (BTreeMap::new(), None);
        for (start, end) in &state.done {
            let end: Checkpoint = end.parse().map_err(|_| WRONG)?;
            let offset = end.position().offset;
            let is_apart = last.is_none_or(|last| last < *start);
            if !is_apart || offset <= *start || state.end.is_some_and(|limit| limit < offset) {
                return Err(WRONG);
            }
            last = Some(offset);
            intervals.insert(*start, end);
        }
        let end = state.end;
        Ok(Self { intervals, end })
    }

    /// The same for a state.
    fn to_state(&self) -> (Vec<(u64, String)>, Option<u64>) {
        let interval = |(start, end): (&u64, &Checkpoint)| (*start, end.to_string());
        (self.intervals.iter().map(interval).collect(), self.end)
    }

    /// Adds an interval, and joins it with those that it touches.
    fn add(&mut self, mut start: u64, mut end: Checkpoint) {
        if let Some(next) = self.intervals.remove(&end.position().offset) {
            end = next;
        }
        let before = self.intervals.range(..start).next_back();
        if let Some((first, last)) = before
            && last.position().offset == start
        {
            start = *first;
        }
        self.intervals.insert(start, end);
    }

    fn is_complete(&self) -> bool {
        let Some(end) = self.end else {
            return false;
        };
        let first = self.intervals.first_key_value();
        first.is_some_and(|(start, last)| *start == 0 && last.position().offset == end)
    }
}

/// What a reader has to pass over.
#[derive(Debug, Default)]
pub(super) struct Finished {
    intervals: VecDeque<(u64, Checkpoint)>,
    end: Option<u64>,
}

impl Finished {
    /// Where the next interval begins.
    pub(super) fn next_start(&self) -> Option<u64> {
        self.intervals.front().map(|(start, _)| *start)
    }

    /// Takes the next interval: the place of its end.
    pub(super) fn take(&mut self) -> Option<Checkpoint> {
        self.intervals.pop_front().map(|(_, end)| end)
    }

    /// Whether there is nothing behind this byte of the text.
    pub(super) fn is_end(&self, offset: u64) -> bool {
        self.end == Some(offset)
    }
}

impl Progress {
    /// Goes on from what earlier runs have finished; nothing of it in a first run.
    pub(super) fn new(
        files: Vec<FileProgress>,
        totals: Tally,
        globals: BTreeMap<String, bool>,
    ) -> Arc<Self> {
        let done = Done {
            files,
            totals,
            globals: globals.clone(),
            is_changed: false,
        };
        Arc::new(Self {
            done: Mutex::new(done),
            earlier_globals: globals,
        })
    }

    /// Begins an interval of a file's text.
    pub(super) fn begin(self: &Arc<Self>, file: usize, start: u64) -> Arc<Interval> {
        Arc::new(Interval {
            progress: Arc::clone(self),
            file,
            start,
            end: OnceLock::new(),
            holds: AtomicUsize::new(1),
            is_spoiled: AtomicBool::new(false),
            tally: Mutex::default(),
        })
    }

    /// A file's text ends here.
    pub(super) fn ends(&self, file: usize, offset: u64) {
        let mut done = self.done();
        if let Some(file) = done.files.get_mut(file) {
            file.end = Some(offset);
        }
        done.is_changed = true;
    }

    /// What is finished of a file.
    pub(super) fn finished(&self, file: usize) -> Finished {
        let done = self.done();
        let file = done.files.get(file).cloned().unwrap_or_default();
        Finished {
            intervals: file.intervals.into_iter().collect(),
            end: file.end,
        }
    }

    /// Whether nothing is left of a file.
    pub(super) fn is_complete(&self, file: usize) -> bool {
        self.done()
            .files
            .get(file)
            .is_some_and(FileProgress::is_complete)
    }

    /// Whether an earlier run has dealt with this definition, and left it out.
    pub(super) fn earlier_global(&self, id: &str) -> Option<bool> {
        self.earlier_globals.get(id).copied()
    }

    /// A definition was dealt with.
    pub(super) fn global_done(&self, id: String, is_left_out: bool) {
        let mut done = self.done();
        done.globals.insert(id, is_left_out);
        done.is_changed = true;
    }

    /// Whether a continuation would have less to do than this run had.
    pub(super) fn is_worth_keeping(&self) -> bool {
        let done = self.done();
        done.files.iter().any(|file| !file.intervals.is_empty())
    }

    /// Whether something was finished since the last [picture](Self::picture).
    pub(super) fn is_changed(&self) -> bool {
        self.done().is_changed
    }

    /// What is finished at this moment: the intervals with the ends of files, their outcomes, and
    /// the definitions.
    pub(super) fn picture(&self, files: &mut [FileState]) -> (Tally, BTreeMap<String, bool>) {
        let mut done = self.done();
        for (state, file) in files.iter_mut().zip(&done.files) {
            (state.done, state.end) = file.to_state();
        }
        done.is_changed = false;
        (done.totals, done.globals.clone())
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stretch of a file's text whose records are on their ways.
#[derive(Debug)]
pub(super) struct Interval {
    progress: Arc<Progress>,
    file: usize,
    start: u64,
    end: OnceLock<Checkpoint>,
    /// The decoder, and the batches that hold rows of it.
    holds: AtomicUsize,
    /// It never finishes.
    is_spoiled: AtomicBool,
    tally: Mutex<Tally>,
}

impl Interval {
    /// A batch has taken a row of it, its first one.
    pub(super) fn hold(&self) {
        self.holds.fetch_add(1, Ordering::Relaxed);
    }

    /// It has to be looked at again by a continuation.
    pub(super) fn spoil(&self) {
        self.is_spoiled.store(true, Ordering::Relaxed);
    }

    /// The decoder is through with it.
    pub(super) fn end(&self, place: Checkpoint, tally: &Tally) {
        let _ = self.end.set(place); // it is the only one
        self.settle(tally);
    }

    /// Counts what became of the rows of a batch, or of those that never came into one.
    pub(super) fn settle(&self, tally: &Tally) {
        self.tally
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(tally);
        if self.holds.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.finish();
        }
    }

    fn finish(&self) {
        let Some(end) = self.end.get().copied() else {
            return;
        };
        let bytes = end.position().offset.saturating_sub(self.start);
        if bytes == 0 || self.is_spoiled.load(Ordering::Relaxed) {
            return;
        }
        let mut tally = *self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.bytes_read = bytes;
        let mut done = self.progress.done();
        done.totals.add(&tally);
        if let Some(file) = done.files.get_mut(self.file) {
            file.add(self.start, end);
        }
        done.is_changed = true;
    }
}

/// Rows of one interval that follow each other in a batch.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) interval: Arc<Interval>,
    pub(super) rows: usize,
}

/// Notes that the next row of a batch is of `interval`.
pub(super) fn add_row(parts: &mut Vec<Part>, interval: &Arc<Interval>) {
    if let Some(part) = parts.last_mut()
        && Arc::ptr_eq(&part.interval, interval)
    {
        part.rows += 1;
        return;
    }
    interval.hold();
    parts.push(Part {
        interval: Arc::clone(interval),
        rows: 1,
    });
}

#[cfg(test)]
mod tests;
