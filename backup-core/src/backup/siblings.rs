//! The other shards of a run, as far as their files tell (`files-and-state.md` §5.2).
//!
//! A shard may write into a directory if everything there is of its own run. Names say which shard
//! a file is of; its lock, state or manifest says which run. A shard creates its lock before all
//! else, and gives it up last, after its state is written or its manifest is there: so whoever
//! looks at them in this order finds the run of every data file that is still there.

use super::{ShardedRun, keeper::Place, names::Names, state::State};
use crate::{
    error::Error,
    lock::{self, Lock, LockError, LockRequest},
    manifest::{self, Manifest, MergeError, SetError, SetKey, WholeManifest, publish_whole},
    names::{SetNames, Shard, shard_of_data},
    stats::BackupStats,
};
use backup_storage::{Entry, EntryKind, ErrorKind, Store, StoreExt, name};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::SystemTime,
};
use tokio_util::sync::CancellationToken;

/// How often at most the directory is looked at, while it changes.
const LOOKS: u32 = 10;

/// One shard's view of the directory that all share.
#[derive(Debug, Clone)]
pub(super) struct Siblings {
    store: Arc<dyn Store>,
    names: Names,
    beside: SetNames,
    own: ShardedRun,
}

/// What an entry of the directory belongs to.
enum Owner {
    /// The manifest of the whole set.
    Whole,
    /// A small file that is being put; it has no content that counts.
    Nobody,
    /// A shard of as many as ours.
    Shard(Shard),
}

impl Siblings {
    pub(super) fn new(store: &Arc<dyn Store>, names: &Names, own: &ShardedRun) -> Self {
        Self {
            store: Arc::clone(store),
            names: names.clone(),
            beside: names.beside(None),
            own: own.clone(),
        }
    }

    /// Whether this shard may write: nobody else makes it, and everything there is of this run.
    /// Where an earlier process of this shard may be gone with its machine, that is waited for.
    pub(super) fn check(&self, cancel: &CancellationToken) -> Result<(), Error> {
        let store = &*self.store;
        lock::wait_for_own(store, &self.beside.lock(), &self.own.run, || {
            cancel.is_cancelled()
        })
        .map_err(Error::Lock)?;
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        lock::check_free_but_for(store, &self.own.run, SystemTime::now()).map_err(Error::Lock)?;
        self.check_files()
    }

    /// Whether all files are of this run. What is in the way must be so twice: a shard may end
    /// while we look.
    pub(super) fn check_files(&self) -> Result<(), Error> {
        let mut before = None;
        for left in (0..LOOKS).rev() {
            match self.look()? {
                None => return Ok(()),
                Some((entry, found)) if left == 0 || before.as_ref() == Some(&entry) => {
                    return Err(Error::OtherRun {
                        target: self.store.location().to_owned(),
                        entry,
                        found,
                        expected: self.own.run.clone(),
                    });
                }
                Some((entry, _)) => before = Some(entry),
            }
        }
        Ok(())
    }

    /// The first entry that is not known to be of this run, with the run that it is of.
    fn look(&self) -> Result<Option<(String, Option<String>)>, Error> {
        let entries = match self.store.list() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            entries => entries?,
        };
        let listed: BTreeSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let mut runs = BTreeMap::new();
        for entry in &entries {
            let run = match self.owner(entry) {
                None => None,
                Some(Owner::Nobody) => continue,
                Some(Owner::Whole) => self.run_in(&self.beside.whole_manifest())?,
                Some(Owner::Shard(shard)) => match runs.get(&shard.number) {
                    Some(run) => Option::clone(run),
                    None => {
                        let run = self.run_of(shard, &listed)?;
                        runs.insert(shard.number, run.clone());
                        run
                    }
                },
            };
            if run.as_ref() != Some(&self.own.run) {
                return Ok(Some((entry.name.clone(), run)));
            }
        }
        Ok(None)
    }

    fn owner(&self, entry: &Entry) -> Option<Owner> {
        if entry.kind != EntryKind::File {
            return None;
        }
        let last = name::final_of(&entry.name);
        let name = last.unwrap_or(&entry.name);
        let is_ours = |shard: &Shard| shard.count == self.own.shard.count;
        let small = |name| self.beside.shard_of(name).filter(is_ours);
        if let Some((stem, _)) = last.and_then(|name| name.rsplit_once('.'))
            && (small(stem).is_some() || stem == self.beside.whole_manifest())
        {
            return Some(Owner::Nobody);
        }
        if entry.name == self.beside.whole_manifest() {
            return Some(Owner::Whole);
        }
        let count = self.own.shard.count;
        let of_data = || {
            let shard = shard_of_data(name).unwrap_or(Shard { number: 1, count });
            let owns = is_ours(&shard) && self.names.of_shard(shard).owns(name);
            owns.then_some(shard)
        };
        small(name).or_else(of_data).map(Owner::Shard)
    }

    /// The run that a shard's small files tell: those that were listed, else those that are there
    /// now, the manifest of the whole set among them.
    fn run_of(&self, shard: Shard, listed: &BTreeSet<&str>) -> Result<Option<String>, Error> {
        let names = self.beside.of_shard(shard);
        let [lock, state, manifest] = [names.lock(), names.state(), names.manifest()];
        let were_there = [&manifest, &lock, &state]
            .into_iter()
            .filter(|name| listed.contains(name.as_str()));
        let whole = names.whole_manifest();
        for name in were_there.chain([&lock, &state, &manifest, &whole]) {
            if let Some(run) = self.run_in(name)? {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    /// The run in a lock, state or manifest; `None` if there is none, or not of ours.
    fn run_in(&self, name: &str) -> Result<Option<String>, Error> {
        #[derive(Deserialize)]
        struct Small {
            format: String,
            run: String,
        }
        let content = match self.store.read_small(name, crate::state::LIMIT_BYTES) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            content => content?,
        };
        let small: Option<Small> = serde_json::from_slice(&content).ok();
        let ours = small.filter(|small| small.format.starts_with("absctl-"));
        Ok(ours.map(|small| small.run))
    }

    /// Whether all is still as it was when this shard began to look: another process may have
    /// held the lock since. `read` is the state from which it goes on.
    pub(super) fn check_own(
        &self,
        lock: &Lock,
        place: &Place,
        read: Option<&State>,
    ) -> Result<(), Error> {
        let of_other = lock
            .replaced()
            .is_some_and(|holder| holder.run != self.own.run);
        let now = match place.is_there()? {
            true => Some(place.read()?),
            false => None,
        };
        let is_done = self.store.exists(&self.beside.manifest())?;
        if of_other || is_done || now.as_ref() != read {
            let Shard { number, count } = self.own.shard;
            return Err(Error::ShardMoved { number, count });
        }
        self.check_files()
    }

    /// What this shard, or all of them, have written, if it is complete.
    pub(super) fn finished(&self, key: Option<&SetKey>) -> Result<Option<Manifest>, Error> {
        for file in [self.beside.manifest(), self.beside.whole_manifest()] {
            let content = match self.store.read_small(&file, manifest::LIMIT_BYTES) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                content => content?,
            };
            let decoded = Manifest::decode(&content, key).map_err(|source| Error::Set {
                source_name: self.store.location().to_owned(),
                source: Box::new(SetError::Manifest { file, source }),
            })?;
            return Ok(Some(decoded.manifest));
        }
        Ok(None)
    }

    /// Does what is left to do when a process of this shard was killed after its manifest was
    /// written, and counts what it did.
    pub(super) fn settle(
        &self,
        done: &Manifest,
        key: Option<&SetKey>,
        stats: &BackupStats,
    ) -> Result<(), Error> {
        let request = LockRequest {
            run: self.own.run.clone(),
            first_file: 1,
            shard: Some(self.own.shard),
        };
        let now = SystemTime::now();
        match Lock::acquire(Arc::clone(&self.store), &self.beside.lock(), &request, now) {
            Ok(lock) => {
                let removed = self.store.delete(&[&self.beside.state()]);
                lock.release().map_err(Error::Lock)?;
                removed?;
            }
            Err(LockError::Held { .. }) => {} // whoever has it is about to end
            Err(error) => return Err(Error::Lock(error)),
        }
        let Shard { number, count } = self.own.shard;
        let run = &self.own.run;
        tracing::info!("shard {number} of {count} of run {run} is complete already");
        stats.records_read.add(done.totals.records);
        stats.bytes_written.add(done.totals.bytes);
        stats.files_written.add(done.totals.files);
        stats.indexes_read.add(done.totals.indexes);
        stats.udfs_read.add(done.totals.udfs);
        if done.shard.is_none() {
            return Ok(()); // it is the manifest of the whole set
        }
        self.publish_whole(key)
    }

    /// Writes the manifest of the whole set, if this shard was the last one.
    pub(super) fn publish_whole(&self, key: Option<&SetKey>) -> Result<(), Error> {
        let (count, run) = (self.own.shard.count, &self.own.run);
        let published = publish_whole(&*self.store, &self.beside, count, run, key);
        match published {
            Ok(WholeManifest::Written(_)) => {
                tracing::info!("all {count} shards are complete, and so is the backup");
                Ok(())
            }
            Ok(WholeManifest::Waits(left)) => {
                let left = left.len();
                tracing::info!("{left} of {count} shards have not finished yet");
                Ok(())
            }
            Err(MergeError::Storage(error)) => Err(error.into()),
            Err(source) => Err(Error::Shards {
                target: self.store.location().to_owned(),
                source: Box::new(source),
            }),
        }
    }
}
