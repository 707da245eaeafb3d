//! Which files make up the input (`files-and-state.md` §5).

use super::{RestoreSource, Unwrap, throttle::Throttle};
use crate::{
    error::Error,
    manifest::{BlockReader, FileHash, ReadOptions, SetError, SetKey, Verdict, WholeSet, judge},
};
use backup_storage::{Download, Entry, EntryKind, Store, StoreExt};
use std::{io::Read, sync::Arc, time::SystemTime};

/// How the manifest of a set is treated (`files-and-state.md` §5.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trust {
    /// Take the closed files of a set that was never finished.
    pub allow_incomplete: bool,
    /// Treat the set as one of another tool.
    pub ignore_manifest: bool,
}

/// A file to be read.
#[derive(Debug, Clone)]
pub(super) struct InputFile {
    entry: Entry,
    /// Path for messages.
    pub(super) shown: Arc<str>,
    /// What the manifest says about it.
    hash: Option<FileHash>,
}

impl InputFile {
    fn new(store: &dyn Store, entry: Entry, hash: Option<FileHash>) -> Self {
        Self {
            shown: store.location_of(&entry.name).into(),
            entry,
            hash,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.entry.name
    }

    /// Whether it holds nothing but indexes and modules, by its name.
    pub(super) fn is_metadata(&self) -> bool {
        self.name().starts_with("metadata_")
    }

    /// Whether a manifest speaks of it.
    pub(super) const fn is_listed(&self) -> bool {
        self.hash.is_some()
    }

    /// Bytes, where known.
    pub(super) const fn size(&self) -> Option<u64> {
        self.entry.size
    }
}

/// The input of a restore.
#[derive(Debug)]
pub(super) struct Input {
    source: RestoreSource,
    /// How the files are wrapped.
    pub(super) unwrap: Unwrap,
    /// The limit of what is read from the storage.
    pub(super) throttle: Option<Arc<Throttle>>,
    /// Namespaces that manifests speak of.
    namespaces: Vec<String>,
    /// Runs that manifests speak of.
    runs: Vec<String>,
    /// Files with content, those with metadata first.
    pub(super) files: Vec<InputFile>,
    /// Files of 0 bytes, as a killed backup of other tools leaves them.
    pub(super) empty: Vec<InputFile>,
}

impl Input {
    /// Lists the files, and compares them with the manifest if there is one.
    ///
    /// # Errors
    /// [`Error::InputEmpty`], [`Error::InputUnfinished`], [`Error::Set`], or what the storage
    /// says.
    pub(super) fn list(source: RestoreSource, unwrap: Unwrap, trust: Trust) -> Result<Self, Error> {
        let store = source.store();
        let options = ReadOptions {
            key: unwrap
                .key
                .as_ref()
                .map(|key| SetKey::derive(key.expose_bytes())),
            ignore_manifest: trust.ignore_manifest,
            now: SystemTime::now(),
        };
        let verdict = judge(&**store, &options).map_err(|error| match error {
            SetError::Storage(error) => Error::Storage(error),
            error => Error::Set {
                source_name: store.location().to_owned(),
                source: Box::new(error),
            },
        })?;
        let (mut namespaces, mut runs) = (Vec::new(), Vec::new());
        let files = match verdict {
            Verdict::Whole(set) => {
                let all = || set.manifests.iter();
                namespaces.extend(all().map(|(manifest, _)| manifest.namespace.clone()));
                runs.extend(all().map(|(manifest, _)| manifest.run.clone()));
                whole(&**store, &set)?
            }
            Verdict::Unfinished { found, closed, .. } if trust.allow_incomplete => {
                let entry = found.first().cloned().unwrap_or_default();
                tracing::warn!(%entry, "the backup was never completed; its closed files are taken");
                let files = closed
                    .iter()
                    .map(|name| Ok(InputFile::new(&**store, store.stat(name)?, None)));
                files.collect::<Result<_, Error>>()?
            }
            Verdict::Unfinished { found, missing, .. } => {
                return Err(Error::InputUnfinished {
                    source_name: store.location().to_owned(),
                    entry: found.first().cloned().unwrap_or_default(),
                    missing,
                });
            }
            Verdict::Foreign { notes } => {
                notes.iter().for_each(|note| tracing::warn!("{note}"));
                foreign(&source)?
            }
        };
        if files.is_empty() && namespaces.is_empty() {
            return Err(Error::InputEmpty {
                source_name: store.location().to_owned(),
            });
        }
        let is_empty = |file: &InputFile| file.size() == Some(0);
        let (empty, mut files): (Vec<_>, Vec<_>) = match &source {
            RestoreSource::Directory(_) => files.into_iter().partition(is_empty),
            RestoreSource::Single(_) => (Vec::new(), files),
        };
        files.sort_by_key(|file| !file.is_metadata());
        Ok(Self {
            source,
            unwrap,
            throttle: None,
            namespaces,
            runs,
            files,
            empty,
        })
    }

    /// Whether it is a backup of `expected`, as far as manifests say.
    pub(super) fn check_namespace(&self, expected: &str) -> Result<(), Error> {
        match self.namespaces.iter().find(|found| *found != expected) {
            None => Ok(()),
            Some(found) => Err(Error::OtherSource {
                source_name: self.source.store().location().to_owned(),
                found: found.clone(),
                expected: expected.to_owned(),
            }),
        }
    }

    /// Whether it was made by run `expected`, which only manifests can say.
    pub(super) fn check_run(&self, expected: &str) -> Result<(), Error> {
        let is_proved = !self.runs.is_empty() && self.runs.iter().all(|run| run == expected);
        is_proved
            .then_some(())
            .ok_or_else(|| Error::SourceOfOtherRun {
                source_name: self.source.store().location().to_owned(),
                found: self.runs.iter().find(|run| *run != expected).cloned(),
                expected: expected.to_owned(),
            })
    }

    /// Bytes of all files; 0 when a size is not known.
    pub(super) fn total_bytes(&self) -> u64 {
        self.files
            .iter()
            .map(InputFile::size)
            .sum::<Option<u64>>()
            .unwrap_or_default()
    }

    /// Opens a file. One that has gone or shrunk since it was listed is an error; with a
    /// manifest, every block is checked before any of it is handed out.
    pub(super) fn open(&self, file: &InputFile) -> Result<Box<dyn Read + Send>, Error> {
        let mut download: Box<dyn Download> = self.source.store().open_entry(&file.entry)?;
        if let Some(throttle) = &self.throttle {
            download = throttle.slow(download);
        }
        Ok(match &file.hash {
            Some(hash) => Box::new(BlockReader::new(download, hash.clone())),
            None => Box::new(download),
        })
    }
}

/// The files of a set with a manifest.
fn whole(store: &dyn Store, set: &WholeSet) -> Result<Vec<InputFile>, Error> {
    set.notes.iter().for_each(|note| tracing::warn!("{note}"));
    let files = set.files.iter().map(|file| {
        let entry = store.stat(&file.stored)?;
        let hash = set.entry(file).map(crate::manifest::FileEntry::hash);
        Ok(InputFile::new(store, entry, hash))
    });
    files.collect()
}

/// The files of a set that nothing is known about.
fn foreign(source: &RestoreSource) -> Result<Vec<InputFile>, Error> {
    let store = source.store();
    if let RestoreSource::Directory(_) = source {
        let entries = store.list()?.into_iter();
        let files = entries.filter(|entry| {
            let is_backup = entry.name.len() > ".asb".len() && entry.name.ends_with(".asb");
            entry.kind == EntryKind::File && is_backup
        });
        return Ok(files
            .map(|entry| InputFile::new(&**store, entry, None))
            .collect());
    }
    let name = store.single_name().unwrap_or_default().to_owned();
    let entry = if store.capabilities().named {
        store.stat(&name)?
    } else {
        let (kind, size) = (EntryKind::Other, None);
        Entry { name, kind, size }
    };
    let shown = store.location().into();
    Ok(vec![InputFile {
        entry,
        shown,
        hash: None,
    }])
}
