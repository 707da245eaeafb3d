//! What lies in a directory, or beside a single file: data, parts, manifests, locks, states.

use super::{Note, ReadOptions, SetError, Verdict};
use crate::{
    lock::{self, Holder},
    manifest::{Authenticity, Decoded, FileEntry, LIMIT_BYTES, Manifest, merge},
    names::{self, SetNames, Shard, SmallFile},
};
use backup_storage::{Entry, EntryKind, Error as StorageError, ErrorKind, Store, StoreExt, name};
use serde::Deserialize;
use std::{collections::BTreeMap, time::SystemTime};

/// A manifest that may speak for the set.
#[derive(Debug)]
pub(super) struct Candidate {
    /// The file that it was read from.
    pub(super) file: String,
    pub(super) manifest: Manifest,
    pub(super) authenticity: Authenticity,
    /// Whether it still has its temporary name; its files may have, too.
    pub(super) is_unpublished: bool,
}

/// Everything that counts.
#[derive(Debug)]
pub(super) struct Evidence {
    /// Sizes of regular files by name.
    sizes: BTreeMap<String, u64>,
    /// The single file, if the store is one.
    single: Option<String>,
    /// Manifests of whole sets.
    pub(super) candidates: Vec<Candidate>,
    /// Manifests of shards whose whole set is not there, and the shards that have none.
    shards: (Vec<String>, Vec<Shard>),
    /// States of ours, with the number of the first file that their run wrote.
    states: Vec<(String, u64)>,
    locks: Vec<(String, Holder)>,
    now: SystemTime,
}

impl Evidence {
    /// Looks at all of it. Manifests that cannot be used go to `problems`.
    pub(super) fn gather(
        store: &dyn Store,
        options: &ReadOptions,
        problems: &mut Vec<SetError>,
    ) -> Result<Self, StorageError> {
        let mut evidence = Self {
            sizes: sizes(store)?,
            single: store.single_name().map(str::to_owned),
            candidates: Vec::new(),
            shards: Default::default(),
            states: Vec::new(),
            locks: lock::locks(store)?,
            now: options.now,
        };
        evidence.read_states(store)?;
        if !options.ignore_manifest {
            evidence.read_manifests(store, options, problems)?;
        }
        Ok(evidence)
    }

    fn read_states(&mut self, store: &dyn Store) -> Result<(), StorageError> {
        let names: Vec<_> = self.of_kind(SmallFile::State).map(str::to_owned).collect();
        for name in names {
            let content = read(store, &name)?;
            if let Some(first) = content.as_deref().and_then(first_file) {
                self.states.push((name, first));
            }
        }
        Ok(())
    }

    fn read_manifests(
        &mut self,
        store: &dyn Store,
        options: &ReadOptions,
        problems: &mut Vec<SetError>,
    ) -> Result<(), StorageError> {
        let mut shards: Vec<Candidate> = Vec::new();
        let files: Vec<_> = self
            .sizes
            .keys()
            .filter(|file| {
                let last = name::final_of(file).unwrap_or(file);
                SmallFile::of(last) == Some(SmallFile::Manifest) && self.is_ours(last)
            })
            .cloned()
            .collect();
        for file in files {
            let is_unpublished = name::final_of(&file).is_some();
            let Some(content) = read(store, &file)? else {
                continue;
            };
            let Decoded {
                manifest,
                authenticity,
            } = match Manifest::decode(&content, options.key.as_ref()) {
                // The moment before it was renamed is the only one in which it counts.
                Err(_) if is_unpublished => continue,
                Err(source) => {
                    problems.push(SetError::Manifest { file, source });
                    continue;
                }
                Ok(decoded) => decoded,
            };
            let candidate = Candidate {
                file,
                manifest,
                authenticity,
                is_unpublished,
            };
            let is_shard = candidate.manifest.shard.is_some();
            let list = if is_shard {
                &mut shards
            } else {
                &mut self.candidates
            };
            list.push(candidate);
        }
        self.drop_replaced();
        self.add_shards(shards, problems);
        Ok(())
    }

    /// A complete set that only waits for its names stands for the one that it replaces.
    fn drop_replaced(&mut self) {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.retain(|candidate| {
            let mut files = candidate.manifest.files.iter();
            !candidate.is_unpublished || files.any(|file| self.find(file, true).is_some())
        });
        let last_name = |candidate: &Candidate| name::final_of(&candidate.file).map(str::to_owned);
        let replaced: Vec<_> = candidates.iter().filter_map(last_name).collect();
        candidates.retain(|candidate| !replaced.contains(&candidate.file));
        self.candidates = candidates;
    }

    /// All shards of a run are as good as a whole set; some are not.
    fn add_shards(&mut self, mut shards: Vec<Candidate>, problems: &mut Vec<SetError>) {
        let is_known = |run: &str| (self.candidates.iter()).any(|known| known.manifest.run == run);
        shards.retain(|shard| !shard.is_unpublished && !is_known(&shard.manifest.run));
        let mut runs: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
        for shard in shards {
            let run = shard.manifest.run.clone();
            runs.entry(run).or_default().push(shard);
        }
        for mut run in runs.into_values() {
            let found: Vec<_> = run
                .iter()
                .filter_map(|shard| shard.manifest.shard)
                .collect();
            let count = found.first().map_or(0, |shard| shard.count);
            let all = (1..=count).map(|number| Shard { number, count });
            let missing: Vec<_> = all.filter(|shard| !found.contains(shard)).collect();
            if !missing.is_empty() {
                let files = run.into_iter().map(|shard| shard.file);
                self.shards.0.extend(files);
                self.shards.1.extend(missing);
                continue;
            }
            let Some(Candidate { file, .. }) = run.first() else {
                continue;
            };
            let (file, worst) = (file.clone(), worst(&run));
            let manifests = run.drain(..).map(|shard| shard.manifest).collect();
            let manifest = match merge(manifests) {
                Ok(manifest) => manifest,
                Err(source) => {
                    let source = Box::new(source);
                    problems.push(SetError::Shards { source });
                    continue;
                }
            };
            self.candidates.push(Candidate {
                file,
                manifest,
                authenticity: worst,
                is_unpublished: false,
            });
        }
    }

    /// Beside a single file only what is named after it counts.
    fn is_ours(&self, small_file: &str) -> bool {
        let single = self.single.as_deref();
        single.is_none_or(|file| SetNames::single(file).manifest() == small_file)
    }

    fn of_kind(&self, kind: SmallFile) -> impl Iterator<Item = &str> {
        let single = self.single.as_deref().map(SetNames::single);
        self.sizes.keys().map(String::as_str).filter(move |name| {
            SmallFile::of(name) == Some(kind)
                || (kind == SmallFile::State
                    && single.as_ref().is_some_and(|names| names.state() == *name))
        })
    }

    /// The lock of a run that may still be writing. One that only could not remove its lock does
    /// not: its manifest is there.
    pub(super) fn live_lock(&self) -> Option<&(String, Holder)> {
        let is_done = |holder: &Holder| {
            (self.candidates.iter()).any(|known| known.manifest.run == holder.run)
        };
        (self.locks.iter()).find(|(_, holder)| holder.is_live(self.now) && !is_done(holder))
    }

    pub(super) fn ended_locks(&self) -> impl Iterator<Item = Note> {
        self.locks.iter().map(|(file, holder)| Note::EndedLock {
            file: file.clone(),
            holder: Box::new(holder.clone()),
        })
    }

    /// The name under which a listed file is there with its size.
    pub(super) fn find(&self, entry: &FileEntry, is_unpublished: bool) -> Option<String> {
        let part = is_unpublished.then(|| name::part_of(&entry.name));
        let mut names = part.into_iter().chain([entry.name.clone()]);
        names.find(|name| self.sizes.get(name) == Some(&entry.bytes))
    }

    pub(super) fn size(&self, name: &str) -> Option<u64> {
        self.sizes.get(name).copied()
    }

    /// Published data files.
    pub(super) fn data(&self) -> impl Iterator<Item = &str> {
        let names = self.sizes.keys().map(String::as_str);
        names.filter(|name| match &self.single {
            Some(single) => name == single,
            None => name::is_backup_file(name),
        })
    }

    /// Unpublished data files.
    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        let names = self.sizes.keys().map(String::as_str);
        names.filter(|name| match (&self.single, name::final_of(name)) {
            (Some(single), Some(last)) => last == single,
            (None, Some(last)) => name::is_backup_file(last),
            (_, None) => false,
        })
    }

    /// Whether a data file may come from a run that was about to replace the set: its number is
    /// not below the first one of that run.
    pub(super) fn is_left_over(&self, file: &str) -> bool {
        let locks = self.locks.iter().map(|(_, holder)| holder.first_file);
        let first = self
            .states
            .iter()
            .map(|(_, first)| *first)
            .chain(locks)
            .min();
        let number = names::file_number(file);
        first.is_some_and(|first| number.is_some_and(|number| number >= first))
    }

    /// What shows that a run was here and did not finish.
    pub(super) fn signs_of_a_run(&self) -> Vec<String> {
        let mut found: Vec<_> = self.parts().map(str::to_owned).collect();
        found.extend(self.states.iter().map(|(name, _)| name.clone()));
        found.extend(self.locks.iter().map(|(name, _)| name.clone()));
        found.extend(self.shards.0.iter().cloned());
        found
    }

    pub(super) fn unfinished(&self, found: Vec<String>, holder: Option<Box<Holder>>) -> Verdict {
        Verdict::Unfinished {
            found,
            closed: self.data().map(str::to_owned).collect(),
            holder,
            missing: self.shards.1.clone(),
        }
    }
}

/// A set is proved only if all of it is.
fn worst(shards: &[Candidate]) -> Authenticity {
    let rank = |authenticity: &Authenticity| match authenticity {
        Authenticity::NoCode => 0,
        Authenticity::NotChecked => 1,
        Authenticity::Proved => 2,
    };
    let all = shards.iter().map(|shard| shard.authenticity);
    all.min_by_key(rank).unwrap_or(Authenticity::NoCode)
}

/// Regular files in the directory, or the single file and what is named after it.
fn sizes(store: &dyn Store) -> Result<BTreeMap<String, u64>, StorageError> {
    let mut entries = store.list()?;
    if let Some(file) = store.single_name() {
        let names = SetNames::single(file);
        for name in [
            names.state(),
            names.manifest(),
            name::part_of(&names.manifest()),
        ] {
            match store.stat(&name) {
                Ok(entry) => entries.push(entry),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    let files = entries
        .into_iter()
        .filter(|entry| entry.kind == EntryKind::File);
    let size = |entry: Entry| Some((entry.name, entry.size?));
    Ok(files.filter_map(size).collect())
}

/// `None` when it has gone since it was listed.
fn read(store: &dyn Store, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
    match store.read_small(name, LIMIT_BYTES) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The number of the first file of a run, from a state of ours; `None` for those of other tools.
fn first_file(content: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct State {
        format: String,
        #[serde(default = "all")]
        next_number: u64,
        #[serde(default)]
        files: Vec<File>,
    }
    #[derive(Deserialize)]
    struct File {
        number: u64,
    }
    const fn all() -> u64 {
        1
    }
    let state: State = serde_json::from_slice(content).ok()?;
    let first = state.files.iter().map(|file| file.number).min();
    (state.format == "absctl-state").then(|| first.unwrap_or(state.next_number))
}
