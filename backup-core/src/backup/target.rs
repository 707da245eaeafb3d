//! What a run does to its target: finds it fit, takes it, and at the end completes, keeps or
//! clears what it has written. Everything here may block.

use super::{
    BackupConfig,
    clocks::Clocks,
    files::FileSet,
    keeper::{Keeper, Keeping, Place},
    lock_keeper::LockKeeper,
    names::Names,
    parent::Parent,
    state::{self, State},
    summary::{self, Seen},
};
use crate::{
    error::{Error, StateProblem},
    lock::{Lock, LockRequest},
    stats::BackupStats,
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio_util::sync::CancellationToken;

/// A backup, with all that is needed to write its files.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) config: BackupConfig,
    pub(super) files: Arc<FileSet>,
    /// `None` where there is nothing to go on with: streams.
    pub(super) keeper: Option<Arc<Keeper>>,
    /// The state that it goes on from.
    pub(super) resumed: Option<State>,
    /// The backup that an incremental one goes on from.
    pub(super) parent: Option<Parent>,
    /// What was found out about the clocks of the nodes.
    pub(super) clocks: Clocks,
    pub(super) stats: Arc<BackupStats>,
}

/// The target, while a run has it.
#[derive(Debug)]
pub(super) struct Hold {
    keeping: Option<Keeping>,
    lock: Option<LockKeeper>,
}

impl Run {
    /// Finds out whether the target is fit, without touching it.
    pub(super) fn prepare(
        config: BackupConfig,
        stats: Arc<BackupStats>,
        cancel: CancellationToken,
    ) -> Result<Self, Error> {
        let violations = config.selection.check();
        if !violations.is_empty() {
            return Err(Error::Selection { violations });
        }
        let target = Arc::clone(config.target.store());
        let names = Names::new(&config.namespace, &config.prefix, None);
        let default = names.beside(target.single_name()).state();
        let can_continue = target.capabilities().resumable
            || target.capabilities().named && target.single_name().is_none();
        if !can_continue && (config.state_file.is_some() || config.resume.is_some()) {
            return Err(Error::Unsupported(
                "this target cannot be continued: a state file needs a directory, or a file on local disk",
            ));
        }
        let parent = Parent::find(&config)?;
        let run = parent.as_ref().map(|parent| parent.run.as_str());
        let arguments = state::arguments(&config, run);
        let wanted = config.resume.as_ref().or(config.state_file.as_ref());
        let place = Place::new(wanted, &target, default, config.state_options);
        let mut resumed = None;
        if config.resume.is_some() {
            let state = place.read()?;
            state::compare(&state.arguments, &arguments)?;
            let ledger = state.ledger().map_err(|problem| place.unusable(problem))?;
            resumed = Some((state, ledger));
        }
        let state = resumed.as_ref().map(|(state, _)| state.clone());
        let files = Arc::new(FileSet::new(&config, resumed, Arc::clone(&stats), cancel));
        if state.is_none() {
            files.check_target()?;
        }
        let head = match &state {
            Some(state) => state.clone().resumed(),
            None => State::begin(arguments, files.replaces()),
        };
        let keeper = can_continue.then(|| Arc::new(Keeper::new(Arc::clone(&files), place, head)));
        Ok(Self {
            config,
            files,
            keeper,
            resumed: state,
            parent,
            clocks: Clocks::default(),
            stats,
        })
    }

    /// Takes the target, and brings it to where a continuation begins. From here on, the run
    /// writes.
    pub(super) fn begin(&self, cancel: CancellationToken) -> Result<Hold, Error> {
        let lock = self.lock()?;
        let begun = self
            .check_owner(lock.as_ref())
            .and_then(|()| match &self.resumed {
                Some(state) => self.go_on(state),
                None => self.files.begin(self.keeper.as_deref()),
            });
        if let Err(error) = begun {
            if let Some(Err(left)) = lock.map(Lock::release) {
                tracing::warn!(error = %left, "the lock stays behind");
            }
            return Err(error);
        }
        Ok(Hold {
            lock: lock
                .map(|lock| LockKeeper::keep(lock, cancel))
                .transpose()?,
            keeping: self.keep_state()?,
        })
    }

    fn lock(&self) -> Result<Option<Lock>, Error> {
        let Some(keeper) = &self.keeper else {
            return Ok(None);
        };
        let request = LockRequest {
            run: keeper.head().run.clone(),
            first_file: self.files.next_number(),
            shard: None,
        };
        let store = Arc::clone(self.config.target.store());
        let name = self.files.beside().lock();
        let lock = Lock::acquire(store, &name, &request, SystemTime::now());
        lock.map(Some).map_err(Error::Lock)
    }

    /// A continuation must find what its own run has left: another one may have written there
    /// since, and was killed in its turn.
    fn check_owner(&self, lock: Option<&Lock>) -> Result<(), Error> {
        let (Some(state), Some(keeper)) = (&self.resumed, &self.keeper) else {
            return Ok(());
        };
        match lock.and_then(Lock::replaced) {
            Some(holder) if holder.run != state.run => {
                Err(keeper.place().unusable(StateProblem::OtherRun {
                    run: holder.run.clone(),
                }))
            }
            _ => Ok(()),
        }
    }

    /// Keeps the state from now on, if that was asked for.
    fn keep_state(&self) -> Result<Option<Keeping>, Error> {
        let keeper = self.keeper.as_ref().filter(|_| self.keeps_state());
        keeper.map(Keeper::keep).transpose()
    }

    const fn keeps_state(&self) -> bool {
        self.config.state_file.is_some() || self.config.resume.is_some()
    }

    /// Time between durable points, while a state is kept.
    pub(super) fn durable_interval(&self) -> Option<Duration> {
        let is_useful = self.keeps_state() && self.files.is_resumable();
        is_useful.then_some(self.config.durable_interval)
    }

    /// Brings target and counters to where the state is.
    fn go_on(&self, state: &State) -> Result<(), Error> {
        if let Some(keeper) = &self.keeper {
            self.files.restore_state(keeper.place())?;
        }
        let stats = &self.stats;
        stats.resumes.add(u64::from(state.resumes) + 1);
        stats.earlier_ms.add(state.elapsed_ms);
        stats.indexes_read.add(state.globals.indexes.len() as u64);
        stats
            .indexes_skipped
            .add(state.globals.left_out.len() as u64);
        stats.udfs_read.add(state.globals.udfs.len() as u64);
        for file in &state.files {
            stats.records_read.add(file.records);
            stats.bytes_written.add(file.bytes);
            stats.files_written.add(u64::from(file.closed));
        }
        Ok(())
    }

    /// Ends the run as it went, and gives the target back.
    pub(super) fn end(
        &self,
        result: Result<(), Error>,
        seen: Seen,
        hold: Hold,
    ) -> Result<(), Error> {
        drop(hold.keeping);
        let ended = result.and_then(|()| self.complete(seen));
        if ended.is_err() {
            self.keep_or_discard();
        }
        // A lock that was lost is why the run was stopped.
        match hold.lock.map_or(Ok(()), LockKeeper::release) {
            Err(error) if matches!(ended, Ok(()) | Err(Error::Cancelled)) => Err(error),
            _ => ended,
        }
    }

    /// Everything is in complete files.
    fn complete(&self, seen: Seen) -> Result<(), Error> {
        if let Some(keeper) = self.keeper.as_ref().filter(|_| self.keeps_state()) {
            keeper.write()?; // names change now: the state must say that all files are complete
        }
        let manifest = match &self.keeper {
            Some(keeper) if self.config.manifest => Some(self.manifest(keeper, seen)?),
            _ => None,
        };
        let name = self.files.beside().manifest();
        let manifest = manifest
            .as_ref()
            .map(|content| (name.as_str(), content.as_slice()));
        self.files.publish(manifest)?;
        match &self.keeper {
            Some(keeper) => keeper.remove(),
            None => Ok(()),
        }
    }

    fn manifest(&self, keeper: &Keeper, seen: Seen) -> Result<Vec<u8>, Error> {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let end_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let head = keeper.head().clone();
        let journal = self.files.journal();
        let mut manifest = summary::manifest(&self.config, &head, seen, journal, end_ns);
        manifest.parent = self.parent.as_ref().map(|parent| parent.run.clone());
        manifest
            .encode(self.config.wrap.set_key().as_ref())
            .map_err(|error| Error::Internal(error.to_string()))
    }

    /// Keeps what a continuation can use; removes everything where that is nothing.
    fn keep_or_discard(&self) {
        let Some(keeper) = &self.keeper else {
            return self.files.discard();
        };
        if self.resumed.is_some() || self.files.journal().is_worth_keeping() {
            match keeper.write() {
                Ok(()) => {
                    let state = keeper.place().to_continue(self.files.store());
                    tracing::warn!("the backup can be continued with --continue {state}");
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "the state of the backup could not be written");
                }
            }
            if keeper.is_written() {
                return; // an earlier one is there, and still true
            }
        }
        self.files.discard();
        if let Err(error) = keeper.remove() {
            tracing::warn!(%error, "the state file stays behind");
        }
    }
}
