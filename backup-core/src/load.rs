//! How busy the stages of a job are: what is busy all the time is what holds the job up.
//!
//! Clocks are read once for what a socket gives, a piece of text or a batch, never for a record.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// What a job is at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Looking at cluster, target and input; nothing is written yet.
    #[default]
    Preparing,
    /// Secondary indexes and UDF modules.
    Metadata,
    /// Records.
    Records,
    /// All records have come; files are completed, or the last indexes made.
    Finishing,
}

impl Phase {
    /// Its name in logs, one word in small letters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Metadata => "metadata",
            Self::Records => "records",
            Self::Finishing => "finishing",
        }
    }
}

/// How busy a stage has been since the job began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageLoad {
    /// Its name in logs, one word in small letters.
    pub name: &'static str,
    /// Workers that it has; 0 while it has not begun, or if the job has no such stage.
    pub workers: u64,
    /// Time that its workers were busy, added up.
    pub busy: Duration,
}

impl StageLoad {
    /// Percent of the time `elapsed` since `before` that its workers were busy on average, at most
    /// 100; `None` where there is nobody to be busy.
    #[must_use]
    pub fn percent_since(&self, before: &Self, elapsed: Duration) -> Option<u8> {
        let busy = self.busy.saturating_sub(before.busy).as_nanos();
        let whole = elapsed.as_nanos().saturating_mul(self.workers.into());
        let percent = busy.saturating_mul(100).checked_div(whole)?;
        Some(u8::try_from(percent.min(100)).unwrap_or(100))
    }
}

/// Number of stages of each job.
pub const STAGES: usize = 4;

/// The load of a backup, while it runs.
#[derive(Debug, Default)]
pub(crate) struct BackupLoad {
    pub(crate) phase: PhaseCell,
    /// Waiting for what the cluster sends.
    pub(crate) read: Stage,
    /// From what was sent to text.
    pub(crate) encode: Stage,
    /// Compression and encryption.
    pub(crate) compress: Stage,
    /// Hashing, and bringing files to the storage.
    pub(crate) write: Stage,
}

/// The load of a restore or validation, while it runs.
#[derive(Debug, Default)]
pub(crate) struct RestoreLoad {
    pub(crate) phase: PhaseCell,
    /// Waiting for what the storage gives.
    pub(crate) read: Stage,
    /// Decryption and decompression.
    pub(crate) unwrap: Stage,
    /// From text to batches.
    pub(crate) decode: Stage,
    /// Batches on their way, and their answers.
    pub(crate) write: Stage,
}

impl BackupLoad {
    /// The records begin: so many scans and writers may be busy from now on.
    pub(crate) fn begin(&self, scans: usize, writers: usize) {
        self.phase.set(Phase::Records);
        self.read.set_workers(scans);
        self.encode.set_workers(scans);
        self.compress.set_workers(writers);
        self.write.set_workers(writers);
    }

    pub(crate) fn stages(&self) -> [StageLoad; STAGES] {
        [
            self.read.load("read"),
            self.encode.load("encode"),
            self.compress.load("compress"),
            self.write.load("write"),
        ]
    }
}

impl RestoreLoad {
    /// The records begin: so many decoders may be busy from now on, each file read by one of them
    /// at a time.
    pub(crate) fn begin(&self, decoders: usize, files: usize) {
        self.phase.set(Phase::Records);
        self.read.set_workers(decoders.min(files));
        self.unwrap.set_workers(decoders.min(files));
        self.decode.set_workers(decoders);
    }

    pub(crate) fn stages(&self) -> [StageLoad; STAGES] {
        [
            self.read.load("read"),
            self.unwrap.load("decompress"),
            self.decode.load("decode"),
            self.write.load("write"),
        ]
    }
}

/// The phase of a running job.
#[derive(Debug, Default)]
pub(crate) struct PhaseCell(AtomicU8);

impl PhaseCell {
    pub(crate) fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Phase {
        match self.0.load(Ordering::Relaxed) {
            1 => Phase::Metadata,
            2 => Phase::Records,
            3 => Phase::Finishing,
            _ => Phase::Preparing,
        }
    }
}

/// A stage of a running job. What its workers are at counts while they are at it, too: one that
/// waits for a silent node is busy with that.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    workers: AtomicU64,
    clock: Mutex<Clock>,
}

/// The time of all workers of a stage together.
#[derive(Debug, Default)]
struct Clock {
    /// Until `at`.
    busy: Duration,
    /// Workers that are busy since then.
    running: u32,
    at: Option<Instant>,
}

impl Clock {
    /// Counts the time until now.
    fn advance(&mut self) {
        let now = Instant::now();
        let since = self.at.replace(now).unwrap_or(now);
        let passed = now.saturating_duration_since(since);
        self.busy = self
            .busy
            .saturating_add(passed.saturating_mul(self.running));
    }
}

/// A worker that is busy until this is dropped.
#[derive(Debug)]
pub(crate) struct Busy<'a>(&'a Stage);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// A worker that has stopped work until this is dropped.
#[derive(Debug)]
pub(crate) struct Pause<'a>(&'a Stage);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.enter();
    }
}

impl Stage {
    pub(crate) fn set_workers(&self, workers: usize) {
        self.workers.store(workers as u64, Ordering::Relaxed);
    }

    /// A worker begins.
    pub(crate) fn enter(&self) {
        let mut clock = self.clock();
        clock.advance();
        clock.running = clock.running.saturating_add(1);
    }

    /// A worker stops.
    pub(crate) fn leave(&self) {
        let mut clock = self.clock();
        clock.advance();
        clock.running = clock.running.saturating_sub(1);
    }

    /// A worker is busy as long as the result lives.
    pub(crate) fn busy(&self) -> Busy<'_> {
        self.enter();
        Busy(self)
    }

    /// A worker that is busy is not, as long as the result lives.
    pub(crate) fn pause(&self) -> Pause<'_> {
        self.leave();
        Pause(self)
    }

    /// Does work that counts as this stage's.
    pub(crate) fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let _busy = self.busy();
        work()
    }

    /// Some of the time was the work of another stage.
    pub(crate) fn hand_over(&self, part: Duration, to: &Self) {
        let mut own = self.clock();
        own.busy = own.busy.saturating_sub(part);
        drop(own);
        let mut other = to.clock();
        other.busy = other.busy.saturating_add(part);
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self, name: &'static str) -> StageLoad {
        let mut clock = self.clock();
        clock.advance();
        StageLoad {
            name,
            workers: self.workers.load(Ordering::Relaxed),
            busy: clock.busy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_of_the_time_of_all_workers() {
        let second = Duration::from_secs(1);
        let load = |workers, millis| StageLoad {
            name: "read",
            workers,
            busy: Duration::from_millis(millis),
        };
        let before = load(2, 500);
        assert_eq!(load(2, 1500).percent_since(&before, second), Some(50));
        assert_eq!(load(2, 9500).percent_since(&before, second), Some(100));
        assert_eq!(load(2, 500).percent_since(&before, second), Some(0));
        assert_eq!(load(0, 500).percent_since(&before, second), None);
        assert_eq!(load(2, 500).percent_since(&before, Duration::ZERO), None);
    }

    #[test]
    fn who_is_at_work_counts_before_it_is_done() {
        let stage = Stage::default();
        let busy = stage.busy();
        let begun = stage.load("read").busy;
        std::thread::sleep(Duration::from_millis(5));
        let waiting = stage.load("read").busy;
        assert!(waiting >= begun + Duration::from_millis(5), "{waiting:?}");
        let pause = stage.pause();
        let (one, other) = (stage.load("read").busy, stage.load("read").busy);
        assert_eq!(one, other, "nobody is busy");
        drop(pause);
        drop(busy);
        let (one, other) = (stage.load("read").busy, stage.load("read").busy);
        assert_eq!(one, other, "nobody is busy any more");
        let unwrap = Stage::default();
        stage.hand_over(Duration::from_millis(2), &unwrap);
        assert_eq!(unwrap.load("unwrap").busy, Duration::from_millis(2));
        assert_eq!(stage.load("read").busy, one - Duration::from_millis(2));
    }

    #[test]
    fn phases_are_kept() {
        let cell = PhaseCell::default();
        for phase in [
            Phase::Preparing,
            Phase::Metadata,
            Phase::Records,
            Phase::Finishing,
        ] {
            cell.set(phase);
            assert_eq!(cell.get(), phase);
        }
    }
}
