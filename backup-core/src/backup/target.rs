//! What a run does to its target: finds it fit, takes it, and at the end completes, keeps or
//! clears what it has written. Everything here may block.

use super::{
    BackupConfig,
    clocks::Clocks,
    files::FileSet,
    keeper::{Keeper, Keeping, Place},
    names::Names,
    parent::Parent,
    siblings::Siblings,
    state::{self, State},
    summary::{self, Seen},
};
use crate::{
    error::{Error, StateProblem},
    lock::{self, Lock, LockRequest, keeper::LockKeeper},
    manifest::{Manifest, check_annotations},
    stats::BackupStats,
};
use backup_storage::Store;
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
    /// `None` where nothing can be put beside the data: streams.
    pub(super) keeper: Option<Arc<Keeper>>,
    /// The other processes that make the same backup.
    siblings: Option<Siblings>,
    /// The state that it goes on from.
    pub(super) resumed: Option<State>,
    /// The backup that an incremental one goes on from.
    pub(super) parent: Option<Parent>,
    /// What was found out about the clocks of the nodes.
    pub(super) clocks: Clocks,
    pub(super) stats: Arc<BackupStats>,
}

/// What there is to do with a target.
#[derive(Debug)]
pub(super) enum Looked {
    /// A run.
    Fit(Box<Run>),
    /// Nothing: the shard was complete already.
    Complete {
        siblings: Siblings,
        done: Box<Manifest>,
    },
}

/// The target, while a run has it.
#[derive(Debug)]
pub(super) struct Hold {
    keeping: Option<Keeping>,
    lock: Option<LockKeeper>,
}

impl Run {
    /// Finds out whether the target is fit, without touching it, unless it is a shard that was
    /// complete already: then its own process may have left something to do, and there is no run.
    pub(super) fn prepare(
        config: BackupConfig,
        stats: Arc<BackupStats>,
        cancel: CancellationToken,
    ) -> Result<Option<Self>, Error> {
        let key = config.wrap.set_key();
        match Self::look(config, Arc::clone(&stats), cancel)? {
            Looked::Fit(run) => Ok(Some(*run)),
            Looked::Complete { siblings, done } => {
                siblings.settle(&done, key.as_ref(), &stats)?;
                Ok(None)
            }
        }
    }

    /// Finds out whether the target is fit, without touching it.
    pub(super) fn look(
        config: BackupConfig,
        stats: Arc<BackupStats>,
        cancel: CancellationToken,
    ) -> Result<Looked, Error> {
        let target = Arc::clone(config.target.store());
        let names =
            Names::new(&config.namespace, &config.prefix, config.shard()).in_layout(config.layout);
        let default = names.beside(target.single_name()).state();
        check(&config, &default)?;
        let own = config.sharded.as_ref();
        let siblings = own.map(|own| Siblings::new(&target, &names, own));
        let parent = Parent::find(&config)?;
        let earlier = parent.as_ref().map(|parent| parent.run.as_str());
        let arguments = state::arguments(&config, earlier);
        let wanted = config.resume.as_ref().or(config.state_file.as_ref());
        let wanted = wanted.or(config.state_place.as_ref());
        let place = Place::new(wanted, &target, default, config.state_options);
        let mut goes_on = config.resume.is_some();
        if let Some(siblings) = siblings.as_ref() {
            siblings.check(&cancel)?;
            goes_on |= place.is_there()?;
        }
        let key = config.wrap.set_key();
        let complete = siblings
            .as_ref()
            .map(|siblings| siblings.finished(key.as_ref()));
        if let (Some(siblings), Some(done)) = (&siblings, complete.transpose()?.flatten()) {
            crate::state::compare(&state::repeated(&done), &state::shared(&arguments))?;
            let (siblings, done) = (siblings.clone(), Box::new(done));
            return Ok(Looked::Complete { siblings, done });
        }
        let resumed = goes_on.then(|| place.resume(&arguments)).transpose()?;
        let state = resumed.as_ref().map(|(state, _)| state.clone());
        let files = Arc::new(FileSet::new(&config, resumed, Arc::clone(&stats), cancel));
        if state.is_none() {
            match &siblings {
                Some(_) => files.check_place()?,
                None => files.check_target()?,
            }
        }
        let own = config.sharded.as_ref().map(|own| own.run.clone());
        let run = own.unwrap_or_else(lock::new_run_id);
        let head = match &state {
            Some(state) => state.clone().resumed(),
            None => State::begin(run, arguments, files.replaces()),
        };
        let _ = stats.run.set(head.run.clone()); // nobody else sets it
        let has_names = target.capabilities().named;
        let keeper = has_names.then(|| Arc::new(Keeper::new(Arc::clone(&files), place, head)));
        Ok(Looked::Fit(Box::new(Self {
            config,
            files,
            keeper,
            siblings,
            resumed: state,
            parent,
            clocks: Clocks::default(),
            stats,
        })))
    }

    /// Takes the target, and brings it to where a continuation begins. From here on, the run
    /// writes.
    pub(super) fn begin(&self, cancel: CancellationToken) -> Result<Hold, Error> {
        let lock = self.lock()?;
        let begun = self
            .check_owner(lock.as_ref())
            .and_then(|()| match &self.resumed {
                Some(state) => self.go_on(state),
                None => self.files.begin(self.continuable()),
            })
            .and_then(|()| self.begin_shard());
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
            shard: self.config.shard(),
        };
        let store = Arc::clone(self.config.target.store());
        let name = self.files.beside().lock();
        let lock = Lock::acquire(store, &name, &request, SystemTime::now());
        lock.map(Some).map_err(Error::Lock)
    }

    /// Nobody else may write there under another lock, and a continuation must find what its own
    /// run has left: another one may have written there since, and was killed in its turn.
    fn check_owner(&self, lock: Option<&Lock>) -> Result<(), Error> {
        let (Some(lock), Some(keeper)) = (lock, &self.keeper) else {
            return Ok(());
        };
        lock.check_alone(SystemTime::now()).map_err(Error::Lock)?;
        if let Some(siblings) = &self.siblings {
            return siblings.check_own(lock, keeper.place(), self.resumed.as_ref());
        }
        let Some(state) = &self.resumed else {
            return Ok(());
        };
        match lock.replaced() {
            Some(holder) if holder.run != state.run => {
                Err(keeper.place().unusable(StateProblem::OtherRun {
                    run: holder.run.clone(),
                }))
            }
            _ => Ok(()),
        }
    }

    /// A shard always has a state, from before its first file on: by that it finds its place
    /// again when it is started anew.
    fn begin_shard(&self) -> Result<(), Error> {
        let (Some(keeper), Some(_), None) = (&self.keeper, &self.siblings, &self.resumed) else {
            return Ok(());
        };
        self.files.restore_state(keeper.place())?; // of an attempt that did not get that far
        keeper.write()
    }

    /// Keeps the state from now on, if that was asked for.
    fn keep_state(&self) -> Result<Option<Keeping>, Error> {
        let keeper = self.keeper.as_ref().filter(|_| self.keeps_state());
        keeper.map(Keeper::keep).transpose()
    }

    pub(super) const fn keeps_state(&self) -> bool {
        self.config.state_file.is_some()
            || self.config.resume.is_some()
            || self.config.sharded.is_some()
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
        let ended = ended.and_then(|()| match &self.siblings {
            Some(siblings) => siblings.publish_whole(self.config.wrap.set_key().as_ref()),
            None => Ok(()),
        });
        // A lock that was lost is why the run was stopped.
        match hold.lock.map_or(Ok(()), LockKeeper::release) {
            Err(error) if ended.is_ok() && error.is_denied() => {
                tracing::warn!(%error, "the lock stays behind; it ends by itself");
                ended
            }
            Err(error) if matches!(ended, Ok(()) | Err(Error::Cancelled)) => Err(error),
            _ => ended,
        }
    }

    /// Ends a run that cannot be continued, and gives the target back: it is complete, or nothing
    /// of it stays.
    pub(super) fn conclude(
        &self,
        result: Result<(), Error>,
        seen: Seen,
        hold: Hold,
    ) -> Result<(), Error> {
        drop(hold.keeping);
        let ended = result.and_then(|()| self.complete(seen));
        if ended.is_err() {
            self.files.discard();
        }
        match (ended, hold.lock.map_or(Ok(()), LockKeeper::release)) {
            (Ok(()), released) => released,
            (Err(error), Ok(())) => Err(error),
            (Err(error), Err(left)) => {
                tracing::warn!(error = %left, "the lock was lost, or stays behind");
                Err(error)
            }
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
        match self.continuable().map(Keeper::remove) {
            // The set is complete all the same.
            Some(Err(error)) if error.is_denied() => {
                tracing::warn!(%error, "the state file stays behind");
                Ok(())
            }
            Some(removed) => removed,
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
        let keeper = self.continuable();
        if !keeper.is_some_and(|keeper| self.is_kept(keeper)) {
            self.files.discard();
            if let Some(Err(error)) = keeper.map(Keeper::remove) {
                tracing::warn!(%error, "the state file stays behind");
            }
        } else if !self.files.is_resumable() {
            self.files.discard_unfinished();
        }
    }

    /// Writes the state, if a continuation can use it; whether one is there. It comes before anything else
    /// because time may be short.
    fn is_kept(&self, keeper: &Keeper) -> bool {
        if self.resumed.is_none() && !self.files.journal().is_worth_keeping() {
            return false;
        }
        match keeper.write() {
            Ok(()) => {
                let state = keeper.place().to_continue(self.files.store());
                match self.siblings {
                    None => tracing::warn!("the backup can be continued with --continue {state}"),
                    Some(_) => tracing::warn!("the shard goes on when it is started again"),
                }
                true
            }
            Err(error) => {
                tracing::warn!(%error, "the state of the backup could not be written");
                keeper.is_written() // an earlier one is still true
            }
        }
    }

    /// The keeper, where a state would be of use.
    fn continuable(&self) -> Option<&Keeper> {
        self.keeper
            .as_deref()
            .filter(|_| can_continue(self.files.store()))
    }
}

/// Whether what is asked for makes sense; `state` is the usual name of its state.
fn check(config: &BackupConfig, state: &str) -> Result<(), Error> {
    let violations = config.selection.check();
    if !violations.is_empty() {
        return Err(Error::Selection { violations });
    }
    if let Some(sharded) = &config.sharded {
        sharded.check(config, state)?;
    }
    check_annotations(&config.annotations).map_err(|source| Error::Annotations { source })?;
    let has_manifest = config.manifest && config.target.store().capabilities().named;
    if !config.annotations.is_empty() && !has_manifest {
        return Err(Error::Unsupported(
            "annotations are kept in the manifest, and this backup writes none",
        ));
    }
    let needs_state = config.state_file.is_some() || config.resume.is_some();
    if needs_state && !can_continue(&**config.target.store()) {
        return Err(Error::Unsupported(
            "this target cannot be continued: a state file needs a directory, or a file on local disk",
        ));
    }
    Ok(())
}

fn can_continue(target: &dyn Store) -> bool {
    let can = target.capabilities();
    can.resumable || can.named && target.single_name().is_none()
}
