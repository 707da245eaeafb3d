//! Keeps the state file of a running restore up to date, on a thread of its own, and holds the
//! lock beside it: of two restores that name the same state, one is refused.

use super::{
    RestoreConfig, StateOptions,
    input::Input,
    progress::{FileProgress, Progress, Tally},
    state::{self, State},
};
use crate::{
    error::{Error, StateProblem},
    lock::{self, Lock, LockRequest, keeper::LockKeeper},
    state::{LIMIT_BYTES, compare},
    stats::{RestoreStats, millis},
};
use backup_storage::{LocalDir, Store, StoreExt};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime},
};
use tokio_util::sync::CancellationToken;

/// What is behind the name of a state in that of its lock. Not `.lock`: in the directory of a
/// backup that would be a backup's.
const LOCK: &str = ".in-use";

/// What speaks against a state, as far as nothing has to be looked at for that.
pub(super) fn check(config: &RestoreConfig) -> Result<(), Error> {
    if config.state.is_none() {
        return Ok(());
    }
    let why = if config.source.is_stream() {
        "a stream can be read only once"
    } else if config.rejects.is_some() {
        "the records of a reject file would be in it twice after a continuation"
    } else {
        return Ok(());
    };
    Err(Error::NoState { why })
}

/// A place for the state file.
#[derive(Debug)]
struct Place {
    store: LocalDir,
    name: String,
}

impl Place {
    fn new(file: &Path) -> Self {
        let name = file.file_name().unwrap_or_default();
        Self {
            store: LocalDir::new(file.parent().unwrap_or_else(|| "".as_ref())),
            name: name.to_string_lossy().into_owned(),
        }
    }

    fn shown(&self) -> String {
        self.store.location_of(&self.name)
    }

    /// Takes the lock beside the file.
    fn lock(&self, run: &str) -> Result<Lock, Error> {
        let request = LockRequest {
            run: run.to_owned(),
            first_file: 0,
            shard: None,
        };
        let store = Arc::new(self.store.clone());
        let name = format!("{}{LOCK}", self.name);
        let lock = Lock::acquire(store, &name, &request, SystemTime::now());
        lock.map_err(|source| Error::StateInUse {
            file: self.shown(),
            source,
        })
    }

    fn read(&self) -> Result<State, Error> {
        let content = self.store.read_small(&self.name, LIMIT_BYTES)?;
        State::decode(&content).map_err(|problem| self.unusable(problem))
    }

    fn unusable(&self, problem: StateProblem) -> Error {
        Error::State {
            file: self.shown(),
            problem,
        }
    }
}

/// The state of a run, and where it is kept.
#[derive(Debug)]
pub(super) struct Keeper {
    place: Place,
    interval: Duration,
    /// What does not change while the restore runs.
    head: Mutex<State>,
    progress: Arc<Progress>,
    stats: Arc<RestoreStats>,
    clock: Instant,
    lock: Mutex<Option<LockKeeper>>,
}

impl Keeper {
    /// Takes the state file, and goes on from what is in it if that is asked for. The counters of
    /// the earlier runs enter `stats`. `cancel` ends the run if somebody takes the lock away.
    /// Blocks.
    ///
    /// # Errors
    /// [`Error::StateExists`], [`Error::StateInUse`]; in a continuation [`Error::State`],
    /// [`Error::ContinueDiffers`], [`Error::InputChanged`].
    pub(super) fn open(
        options: &StateOptions,
        config: &RestoreConfig,
        input: &Input,
        stats: &Arc<RestoreStats>,
        cancel: &CancellationToken,
    ) -> Result<Arc<Self>, Error> {
        let place = Place::new(&options.file);
        let lock = place.lock(&lock::new_run_id())?;
        let opened = Self::begin(&place, options, config, input);
        let (head, progress) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let _ = lock.release(); // the error says more
                return Err(error);
            }
        };
        add_earlier(&head, stats);
        for (number, file) in input.files.iter().enumerate() {
            if progress.is_complete(number) {
                stats.bytes_fetched.add(file.size().unwrap_or_default());
            }
        }
        Ok(Arc::new(Self {
            place,
            interval: options.interval,
            head: Mutex::new(head),
            progress,
            stats: Arc::clone(stats),
            clock: Instant::now(),
            lock: Mutex::new(Some(LockKeeper::keep(lock, cancel.clone())?)),
        }))
    }

    /// Whether a state could be kept, or gone on from, without touching anything. That another
    /// restore uses it is not looked for: only taking the lock tells.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn look(
        options: &StateOptions,
        config: &RestoreConfig,
        input: &Input,
    ) -> Result<(), Error> {
        Self::begin(&Place::new(&options.file), options, config, input).map(|_| ())
    }

    fn begin(
        place: &Place,
        options: &StateOptions,
        config: &RestoreConfig,
        input: &Input,
    ) -> Result<(State, Arc<Progress>), Error> {
        let (arguments, files) = (state::arguments(config, input), input.states());
        if !options.resume {
            if place.store.exists(&place.name)? {
                let file = place.shown();
                return Err(Error::StateExists { file });
            }
            let nothing = vec![FileProgress::default(); files.len()];
            let progress = Progress::new(nothing, Tally::default(), BTreeMap::new());
            return Ok((State::begin(lock::new_run_id(), arguments, files), progress));
        }
        let mut first = place.read()?;
        compare(&first.arguments, &arguments)?;
        state::compare_files(&first.files, &files)?;
        let order: BTreeMap<_, _> = files
            .iter()
            .enumerate()
            .map(|(at, f)| (&f.name, at))
            .collect();
        first
            .files
            .sort_by_key(|file| order.get(&file.name).copied());
        let progress = first.files.iter().map(FileProgress::of);
        let progress: Result<Vec<_>, _> = progress.collect();
        let progress = progress.map_err(|problem| place.unusable(problem))?;
        let progress = Progress::new(progress, first.counters, first.globals.clone());
        first.resumes = first.resumes.saturating_add(1);
        Ok((first, progress))
    }

    /// Where it is noted what is finished.
    pub(super) const fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Writes the state from time to time, until the guard is dropped.
    pub(super) fn keep(self: &Arc<Self>) -> Result<Keeping, Error> {
        let (stop, stopped) = flume::bounded(0);
        let keeper = Arc::clone(self);
        let thread = thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || keeper.work(&stopped))
            .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
        Ok(Keeping {
            thread: Some(thread),
            stop: Some(stop),
        })
    }

    fn work(&self, stopped: &flume::Receiver<()>) {
        let mut pause = self.interval;
        while stopped.recv_timeout(pause) == Err(flume::RecvTimeoutError::Timeout) {
            if !self.progress.is_changed() || !self.progress.is_worth_keeping() {
                continue;
            }
            let begun = Instant::now();
            if let Err(error) = self.write() {
                let file = self.place.shown();
                tracing::warn!(%file, %error, "the state could not be written, will try again");
            }
            // A slow disk is left to others for as long as the state has had it.
            pause = self.interval.max(begun.elapsed());
        }
    }

    /// Writes what is finished now.
    fn write(&self) -> Result<(), Error> {
        let mut state = self.head().clone();
        state.elapsed_ms = state
            .elapsed_ms
            .saturating_add(millis(self.clock.elapsed()));
        (state.counters, state.globals) = self.progress.picture(&mut state.files);
        let counts = self.stats.snapshot();
        state.efforts = [counts.retries, counts.in_doubt, counts.throttled_ms];
        Ok(self.place.store.put(&self.place.name, &state.encode()?)?)
    }

    /// Ends the keeping: after a success there is nothing to continue; otherwise what is finished
    /// is written, and said how to go on. Blocks.
    ///
    /// # Errors
    /// What the disk says; the lock was lost.
    pub(super) fn close(&self, is_done: bool) -> Result<(), Error> {
        let closed = self.settle(is_done);
        let lock = self
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let released = lock.map_or(Ok(()), LockKeeper::release);
        let released = released.map_err(|error| match error {
            Error::Lock(source) => Error::StateInUse {
                file: self.place.shown(),
                source,
            },
            error => error,
        });
        released.and(closed)
    }

    fn settle(&self, is_done: bool) -> Result<(), Error> {
        let Place { store, name } = &self.place;
        if is_done {
            return match store.exists(name)? {
                true => Ok(store.delete(&[name])?),
                false => Ok(()),
            };
        }
        if self.progress.is_worth_keeping() {
            self.write()?;
            let file = self.place.shown();
            tracing::info!("what was restored so far is kept: go on with --continue {file}");
        }
        Ok(())
    }

    fn head(&self) -> std::sync::MutexGuard<'_, State> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts what earlier runs have done.
fn add_earlier(state: &State, stats: &RestoreStats) {
    let Tally {
        records_read,
        expired,
        skipped,
        ignored,
        fresher,
        existed,
        inserted,
        bytes_read,
    } = state.counters;
    let [retries, in_doubt, throttled_ms] = state.efforts;
    stats.records_read.add(records_read);
    stats.expired.add(expired);
    stats.skipped.add(skipped);
    stats.ignored.add(ignored);
    stats.fresher.add(fresher);
    stats.existed.add(existed);
    stats.inserted.add(inserted);
    stats.bytes_read.add(bytes_read);
    stats.retries.add(retries);
    stats.in_doubt.add(in_doubt);
    stats.throttled_ms.add(throttled_ms);
    stats.resumes.add(state.resumes);
    stats.earlier_ms.add(state.elapsed_ms);
}

/// While it lives, the state is kept.
#[derive(Debug)]
pub(super) struct Keeping {
    thread: Option<thread::JoinHandle<()>>,
    stop: Option<flume::Sender<()>>,
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it does not panic, and has nothing to tell
        }
    }
}
