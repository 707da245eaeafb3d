//! Keeps the state file of a running backup up to date, on a thread of its own: writers only say
//! that something has changed, and many changes become one write.

use super::{StateFile, files::FileSet, ledger::Ledger, state::State};
use crate::{
    error::{Error, StateProblem},
    state,
};
use backup_storage::{LocalDir, LocalOptions, Store, StoreExt};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Making the state may take this share of the time at most: that of a very large backup is large.
const SHARE: u32 = 10;

/// Yet it is never older than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A place for the state file.
#[derive(Debug, Clone)]
pub(super) struct Place {
    store: Arc<dyn Store>,
    name: String,
}

impl Place {
    /// Where `wanted` is, or the default name beside the data of `target`. What is created
    /// elsewhere on local disk is created as `options` say.
    pub(super) fn new(
        wanted: Option<&StateFile>,
        target: &Arc<dyn Store>,
        default: String,
        options: LocalOptions,
    ) -> Self {
        let local =
            |path: &Path| -> Arc<dyn Store> { Arc::new(LocalDir::with_options(path, options)) };
        let (store, name) = match wanted {
            None => (Arc::clone(target), default),
            Some(StateFile::Beside(name)) => (Arc::clone(target), name.clone()),
            Some(StateFile::Local(path)) if path.is_dir() => {
                let name = default.rsplit('/').next().unwrap_or_default().to_owned();
                (local(path), name)
            }
            Some(StateFile::Local(path)) => {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let parent = path.parent().unwrap_or_else(|| "".as_ref());
                (local(parent), name)
            }
        };
        Self { store, name }
    }

    /// Path or URL, for messages and for `--continue`.
    pub(super) fn shown(&self) -> String {
        self.store.location_of(&self.name)
    }

    /// What to give to `--continue`: a name beside the data of `target`, or a path.
    pub(super) fn to_continue(&self, target: &dyn Store) -> String {
        if self.store.location() == target.location() {
            self.name.clone()
        } else {
            self.shown()
        }
    }

    /// Whether an unfinished file is what a kill leaves of a state that was about to be written.
    pub(super) fn is_left_over(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.name);
        rest.is_some_and(|rest| rest.starts_with('.'))
    }

    /// The error for content that does not fit.
    pub(super) fn unusable(&self, problem: StateProblem) -> Error {
        Error::State {
            file: self.shown(),
            problem,
        }
    }

    pub(super) fn is_there(&self) -> Result<bool, Error> {
        Ok(self.store.exists(&self.name)?)
    }

    pub(super) fn read(&self) -> Result<State, Error> {
        let content = self.store.read_small(&self.name, state::LIMIT_BYTES)?;
        State::decode(&content).map_err(|problem| self.unusable(problem))
    }

    /// The state of the run to be continued, which was to be told the same as this one.
    pub(super) fn resume(
        &self,
        arguments: &BTreeMap<String, String>,
    ) -> Result<(State, Ledger), Error> {
        let state = self.read()?;
        state::compare(&state.arguments, arguments)?;
        let ledger = state.ledger().map_err(|problem| self.unusable(problem))?;
        Ok((state, ledger))
    }

    fn write(&self, content: &[u8]) -> Result<(), Error> {
        Ok(self.store.put(&self.name, content)?)
    }

    fn remove(&self) -> Result<(), Error> {
        Ok(self.store.delete(&[&self.name])?)
    }
}

/// The state of a run, and where it is kept.
#[derive(Debug)]
pub(super) struct Keeper {
    files: Arc<FileSet>,
    place: Place,
    /// What does not change while the backup runs.
    head: Mutex<State>,
    clock: Instant,
}

impl Keeper {
    pub(super) fn new(files: Arc<FileSet>, place: Place, head: State) -> Self {
        Self {
            files,
            place,
            head: Mutex::new(head),
            clock: Instant::now(),
        }
    }

    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// The part of the state that does not change while the backup runs.
    pub(super) fn head(&self) -> MutexGuard<'_, State> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the state after each change, until the guard is dropped.
    pub(super) fn keep(self: &Arc<Self>) -> Result<Keeping, Error> {
        let (sender, changes) = flume::bounded(1);
        let (stop, stopped) = flume::bounded(0);
        let keeper = Arc::clone(self);
        let thread = thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || keeper.work(&changes, &stopped))
            .map_err(|error| Error::Internal(format!("cannot start a thread: {error}")))?;
        self.files.journal().listen(Some(sender));
        Ok(Keeping {
            keeper: Arc::clone(self),
            thread: Some(thread),
            stop: Some(stop),
        })
    }

    fn work(&self, changes: &flume::Receiver<()>, stopped: &flume::Receiver<()>) {
        while changes.recv().is_ok() {
            let begun = Instant::now();
            let content = self.encode();
            let made = begun.elapsed();
            if let Err(error) = content.and_then(|content| self.place.write(&content)) {
                let file = self.place.shown();
                tracing::warn!(%file, %error, "the state could not be written, will try again");
            }
            // A slow disk is left to the data for as long as the state has had it.
            let pause = made.saturating_mul(SHARE).max(begun.elapsed());
            let pause = pause.min(LONGEST_PAUSE);
            if stopped.recv_timeout(pause) == Err(flume::RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// Writes what is durable now.
    pub(super) fn write(&self) -> Result<(), Error> {
        self.place.write(&self.encode()?)
    }

    fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut state = self.head().clone();
        let elapsed = u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX);
        state.elapsed_ms = state.elapsed_ms.saturating_add(elapsed);
        self.files.journal().picture(&mut state);
        state.encode()
    }

    /// Whether a state of this run, or of the one before, is there.
    pub(super) fn is_written(&self) -> bool {
        let found = self.place.read();
        found.is_ok_and(|state| state.run == self.head().run)
    }

    /// There is nothing to continue.
    pub(super) fn remove(&self) -> Result<(), Error> {
        self.place.remove()
    }
}

/// While it lives, the state is kept.
#[derive(Debug)]
pub(super) struct Keeping {
    keeper: Arc<Keeper>,
    thread: Option<thread::JoinHandle<()>>,
    stop: Option<flume::Sender<()>>,
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.keeper.files.journal().listen(None);
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it does not panic, and has nothing to tell
        }
    }
}
