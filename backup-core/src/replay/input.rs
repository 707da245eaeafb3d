//! Which files there are, and which follow which.

use super::file::OpenFile;
use crate::{
    error::Error,
    manifest::{FileHash, Manifest, ReadOptions, SetError, SetKey, Verdict, judge},
    restore::{Trust, Unwrap, throttle::Throttle},
    stats::SourceSet,
};
use asbx_format::{FileName, Irregularity, sequences};
use backup_storage::{Entry, Store, StoreExt};
use std::{sync::Arc, time::SystemTime};

/// A file to be read.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(super) stored: Stored,
    /// Path for messages.
    pub(crate) shown: Arc<str>,
    /// Number in its name.
    pub(super) number: u64,
    /// Namespace in its name.
    pub(crate) namespace: String,
}

impl File {
    /// Bytes on the storage, where known.
    pub(crate) const fn bytes(&self) -> Option<u64> {
        self.stored.0.size
    }
}

/// Files that follow each other.
pub(super) type Files = Vec<File>;

/// A stored file, and what the manifest says about it.
pub(crate) type Stored = (Entry, Option<FileHash>);

/// The input.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) unwrap: Unwrap,
    /// The limit of what is read from the storage.
    pub(super) throttle: Option<Arc<Throttle>>,
    pub(crate) sequences: Vec<Files>,
    /// The files of the same set that are no ASBX.
    pub(crate) beside: Vec<Stored>,
    /// What is known about all of it.
    pub(crate) proof: Proof,
    /// What manifests say of it, for users.
    pub(crate) sources: Vec<SourceSet>,
}

/// What speaks for the files being all of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Its manifest.
    Manifest(Box<Manifest>),
    /// Nothing: another tool wrote it, or there are several sets.
    Unknown,
    /// It is known that they are not.
    Unfinished,
}

impl Input {
    /// Lists the files of one directory, and compares them with the manifest if there is one. There
    /// may be none.
    ///
    /// # Errors
    /// [`Error::InputUnfinished`], [`Error::Set`], [`Error::AsbxName`], or what the storage says.
    pub(crate) fn list(
        store: &Arc<dyn Store>,
        unwrap: &Unwrap,
        trust: Trust,
        namespace: Option<&str>,
    ) -> Result<Self, Error> {
        let mut sources = Vec::new();
        let (all, proof) = find(store, unwrap, trust, namespace, &mut sources)?;
        if store.capabilities().named {
            let names: Vec<&str> = all.iter().map(|(entry, _)| entry.name.as_str()).collect();
            store.make_readable(&names)?;
        }
        let is_shipped = |(entry, _): &Stored| FileName::is_asbx(final_name(entry));
        let (shipped, beside): (Vec<Stored>, Vec<Stored>) = all.into_iter().partition(is_shipped);
        let mut files = Vec::new();
        for (entry, hash) in shipped {
            files.extend(file(&**store, entry, hash)?);
        }
        // A manifest knows better: where names are never used twice, the first number is a later one.
        if !matches!(proof, Proof::Manifest(_)) {
            warn_of_numbers(&files, beside.iter().filter_map(number_of_text));
        }
        let named = files.into_iter().map(|(worker, file)| {
            let name = FileName {
                worker,
                namespace: "",
                number: file.number,
            };
            (name, file)
        });
        let sequences = sequences(named).into_iter().map(|sequence| {
            let files = sequence.files.into_iter();
            files.map(|(_, file)| file).collect()
        });
        Ok(Self {
            store: Arc::clone(store),
            unwrap: unwrap.clone(),
            throttle: None,
            sequences: sequences.collect(),
            beside,
            proof,
            sources,
        })
    }

    /// Bytes of all files; 0 when a size is not known.
    pub(crate) fn total_bytes(&self) -> u64 {
        let files = self.sequences.iter().flatten();
        let sizes = files.map(File::bytes);
        sizes.sum::<Option<u64>>().unwrap_or_default()
    }

    /// Looks at the headers of all files, before anything is written.
    pub(crate) fn check_headers(&self, namespace: &str) -> Result<(), Error> {
        for file in self.sequences.iter().flatten() {
            OpenFile::open(self, file, namespace)?;
        }
        Ok(())
    }
}

/// All files of the set. What manifests say goes to `sources`.
fn find(
    store: &Arc<dyn Store>,
    unwrap: &Unwrap,
    trust: Trust,
    namespace: Option<&str>,
    sources: &mut Vec<SourceSet>,
) -> Result<(Vec<Stored>, Proof), Error> {
    let stat = |name: &String| Ok((store.stat(name)?, None));
    match verdict(store, unwrap, trust)? {
        Verdict::Whole(set) => {
            set.notes.iter().for_each(|note| tracing::warn!("{note}"));
            unwrap.check_key(&**store, &set)?;
            let manifests = set.manifests.iter().map(|(manifest, _)| manifest);
            manifests
                .clone()
                .try_for_each(|found| check_namespace(&**store, found, namespace))?;
            let told = manifests.clone();
            sources.extend(told.map(|found| SourceSet::new(store.location(), found)));
            let hash = |file| set.entry(file).map(|entry| entry.hash());
            let files = set.files.iter();
            let files = files.map(|file| Ok((store.stat(&file.stored)?, hash(file))));
            let proof = match manifests.collect::<Vec<_>>()[..] {
                [manifest] => Proof::Manifest(Box::new(manifest.clone())),
                _ => Proof::Unknown,
            };
            Ok((files.collect::<Result<_, Error>>()?, proof))
        }
        Verdict::Unfinished { closed, .. } if trust.allow_incomplete => {
            let files = closed.iter().map(stat).collect::<Result<_, Error>>();
            Ok((files?, Proof::Unfinished))
        }
        Verdict::Unfinished {
            found,
            holder,
            missing,
            ..
        } => Err(Error::InputUnfinished {
            source_name: store.location().to_owned(),
            entry: found.first().cloned().unwrap_or_default(),
            holder,
            missing,
        }),
        Verdict::Foreign { notes } => {
            notes.iter().for_each(|note| tracing::warn!("{note}"));
            let files = match store.single_name() {
                Some(name) => vec![stat(&name.to_owned())?],
                None => {
                    let entries = store.list()?.into_iter().filter(Entry::is_backup_file);
                    entries.map(|entry| (entry, None)).collect()
                }
            };
            Ok((files, Proof::Unknown))
        }
    }
}

fn verdict(store: &Arc<dyn Store>, unwrap: &Unwrap, trust: Trust) -> Result<Verdict, Error> {
    let options = ReadOptions {
        key: unwrap
            .key
            .as_ref()
            .map(|key| SetKey::derive(key.expose_bytes())),
        ignore_manifest: trust.ignore_manifest,
        now: SystemTime::now(),
    };
    judge(&**store, &options).map_err(|error| match error {
        SetError::Storage(error) => Error::Storage(error),
        error => Error::Set {
            source_name: store.location().to_owned(),
            source: Box::new(error),
        },
    })
}

fn check_namespace(
    store: &dyn Store,
    manifest: &Manifest,
    expected: Option<&str>,
) -> Result<(), Error> {
    let found = &manifest.namespace;
    match expected.filter(|expected| expected != found) {
        None => Ok(()),
        Some(expected) => Err(Error::OtherSource {
            source_name: store.location().to_owned(),
            found: found.clone(),
            expected: expected.to_owned(),
        }),
    }
}

/// The number in the name of a file that is no ASBX.
fn number_of_text((entry, _): &Stored) -> Option<u64> {
    let name = final_name(entry).strip_suffix(".asb")?;
    name.rsplit_once('_')?.1.parse().ok()
}

/// Its name, also while it is not published.
fn final_name(entry: &Entry) -> &str {
    backup_storage::name::final_of(&entry.name).unwrap_or(&entry.name)
}

/// A file with the worker that wrote it; none, if it is empty, as a killed backup leaves it.
fn file(
    store: &dyn Store,
    entry: Entry,
    hash: Option<FileHash>,
) -> Result<Option<(u32, File)>, Error> {
    let shown = store.location_of(&entry.name);
    if entry.size == Some(0) && hash.is_none() {
        tracing::warn!(file = %shown, "file is empty and is left out");
        return Ok(None);
    }
    let own_name = final_name(&entry).rsplit('/').next().unwrap_or_default();
    let Ok(name) = FileName::parse(own_name) else {
        return Err(Error::AsbxName { file: shown });
    };
    let file = File {
        shown: shown.into(),
        number: name.number,
        namespace: name.namespace.to_owned(),
        stored: (entry.clone(), hash),
    };
    Ok(Some((name.worker, file)))
}

/// Numbers that are missing or there twice need not mean anything, but the user should know. One
/// counter of ours serves the metadata files, too.
fn warn_of_numbers(files: &[(u32, File)], others: impl Iterator<Item = u64>) {
    let own = files.iter().map(|(_, file)| file.number);
    let twice = Irregularity::find(own.clone()).into_iter();
    let twice = twice.filter(|found| matches!(found, Irregularity::Twice(_)));
    let gaps = Irregularity::find(own.chain(others)).into_iter();
    let gaps = gaps.filter(|found| matches!(found, Irregularity::Gap(..)));
    for found in twice.chain(gaps) {
        match found {
            Irregularity::Twice(number) => {
                tracing::warn!("two files have the number {number}: their order is not known");
            }
            Irregularity::Gap(first, last) => {
                tracing::warn!("files with the numbers {first} to {last} are not there");
            }
        }
    }
}
