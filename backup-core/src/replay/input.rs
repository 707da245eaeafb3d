//! Which files there are, and which follow which.

use crate::{
    error::Error,
    manifest::{FileHash, ReadOptions, SetError, SetKey, Verdict, judge},
    restore::{Trust, Unwrap},
};
use asbx_format::{FileName, Irregularity, sequences};
use backup_storage::{Entry, Store, StoreExt};
use std::{sync::Arc, time::SystemTime};

/// A file to be read.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) entry: Entry,
    /// Path for messages.
    pub(super) shown: Arc<str>,
    /// What the manifest says about it.
    pub(super) hash: Option<FileHash>,
    /// Number in its name.
    pub(super) number: u64,
    /// Namespace in its name.
    pub(super) namespace: String,
}

/// Files that follow each other.
pub(super) type Files = Vec<File>;

/// The input.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) store: Arc<dyn Store>,
    pub(super) unwrap: Unwrap,
    pub(super) sequences: Vec<Files>,
}

impl Input {
    /// Lists the files of one directory, and compares them with the manifest if there is one. There
    /// may be none.
    ///
    /// # Errors
    /// [`Error::InputUnfinished`], [`Error::Set`], [`Error::AsbxName`], or what the storage says.
    pub(super) fn list(
        store: &Arc<dyn Store>,
        unwrap: &Unwrap,
        trust: Trust,
        namespace: Option<&str>,
    ) -> Result<Self, Error> {
        let (entries, numbers) = find(store, unwrap, trust, namespace)?;
        let mut files = Vec::new();
        for (entry, hash) in entries {
            files.extend(file(&**store, entry, hash)?);
        }
        warn_of_numbers(&files, numbers);
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
            sequences: sequences.collect(),
        })
    }

    /// Bytes of all files; 0 when a size is not known.
    pub(super) fn total_bytes(&self) -> u64 {
        let files = self.sequences.iter().flatten();
        let sizes = files.map(|file| file.entry.size);
        sizes.sum::<Option<u64>>().unwrap_or_default()
    }
}

type Found = Vec<(Entry, Option<FileHash>)>;

/// The ASBX files, and the numbers of the other files of the set.
fn find(
    store: &Arc<dyn Store>,
    unwrap: &Unwrap,
    trust: Trust,
    namespace: Option<&str>,
) -> Result<(Found, Vec<u64>), Error> {
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
    let unfinished = |found: &[String], holder, missing| Error::InputUnfinished {
        source_name: store.location().to_owned(),
        entry: found.first().cloned().unwrap_or_default(),
        holder,
        missing,
    };
    let stat = |name: &String| Ok((store.stat(name)?, None));
    let all: Found = match verdict {
        Verdict::Whole(set) => {
            set.notes.iter().for_each(|note| tracing::warn!("{note}"));
            unwrap.check_key(&**store, &set)?;
            for (manifest, _) in &set.manifests {
                let found = &manifest.namespace;
                if let Some(expected) = namespace.filter(|expected| expected != found) {
                    return Err(Error::OtherSource {
                        source_name: store.location().to_owned(),
                        found: found.clone(),
                        expected: expected.to_owned(),
                    });
                }
            }
            let hash = |file| set.entry(file).map(|entry| entry.hash());
            let files = set.files.iter();
            files
                .map(|file| Ok((store.stat(&file.stored)?, hash(file))))
                .collect::<Result<_, Error>>()?
        }
        Verdict::Unfinished { closed, .. } if trust.allow_incomplete => {
            closed.iter().map(stat).collect::<Result<_, Error>>()?
        }
        Verdict::Unfinished {
            found,
            holder,
            missing,
            ..
        } => return Err(unfinished(&found, holder, missing)),
        Verdict::Foreign { notes } => {
            notes.iter().for_each(|note| tracing::warn!("{note}"));
            match store.single_name() {
                Some(name) => vec![stat(&name.to_owned())?],
                None => {
                    let entries = store.list()?.into_iter().filter(Entry::is_backup_file);
                    entries.map(|entry| (entry, None)).collect()
                }
            }
        }
    };
    let is_shipped = |(entry, _): &(Entry, _)| FileName::is_asbx(final_name(entry));
    let (shipped, others): (Found, Found) = all.into_iter().partition(is_shipped);
    let number = |(entry, _): &(Entry, _)| {
        let name = final_name(entry).strip_suffix(".asb")?;
        name.rsplit_once('_')?.1.parse().ok()
    };
    Ok((shipped, others.iter().filter_map(number).collect()))
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
        hash,
        number: name.number,
        namespace: name.namespace.to_owned(),
        entry: entry.clone(),
    };
    Ok(Some((name.worker, file)))
}

/// Numbers that are missing or there twice need not mean anything, but the user should know. One
/// counter of ours serves the metadata files, too.
fn warn_of_numbers(files: &[(u32, File)], others: Vec<u64>) {
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
