//! How a reader has to treat what it finds: the second table of `files-and-state.md` §5.2.
//!
//! Names and sizes are compared here, before anything is read or written; the content is checked
//! while it is read ([`BlockReader`](super::BlockReader)).

mod evidence;

use self::evidence::{Candidate, Evidence};
use super::{Authenticity, FileEntry, Manifest, ManifestError, SetKey, Status};
use crate::{lock::Holder, names::Shard};
use backup_storage::Store;
use std::{collections::BTreeSet, time::SystemTime};

/// How to look at a set.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Of the encryption key, if one was given: manifests must have been written with it.
    pub key: Option<SetKey>,
    /// Treat the set as one of another tool (`--ignore-manifest`).
    pub ignore_manifest: bool,
    /// The time, to which locks are compared.
    pub now: SystemTime,
}

/// What a reader found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that a manifest lists is there, and nothing else.
    Whole(WholeSet),
    /// A run has not finished, or is still writing: refused, unless its closed files are wanted
    /// (`--allow-incomplete`).
    Unfinished {
        /// The files that show it; never empty.
        found: Vec<String>,
        /// Data files that have their final names.
        closed: Vec<String>,
        /// The run that is still writing, if one is.
        holder: Option<Box<Holder>>,
        /// Shards that have not finished, as far as others have.
        missing: Vec<Shard>,
    },
    /// No manifest of ours speaks for it; whether it is complete cannot be proved.
    Foreign {
        /// What the user should know.
        notes: Vec<Note>,
    },
}

/// One complete set, or several in one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeSet {
    /// What each manifest says, and whether its author had the key.
    pub manifests: Vec<(Manifest, Authenticity)>,
    /// All data files, in order of their final names.
    pub files: Vec<SetFile>,
    /// What the user should know.
    pub notes: Vec<Note>,
}

/// A data file of a whole set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetFile {
    /// The name under which it can be opened now: its final one, or that with `.part`.
    pub stored: String,
    manifest: usize,
    file: usize,
}

impl WholeSet {
    /// What the manifest says about a file of this set.
    #[must_use]
    pub fn entry(&self, file: &SetFile) -> Option<&FileEntry> {
        let (manifest, _) = self.manifests.get(file.manifest)?;
        manifest.files.get(file.file)
    }
}

/// Something that is no reason to refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Note {
    /// Another tool replaced the files.
    #[error("{manifest} does not speak of the files that are there now; it is ignored")]
    Stale {
        /// The manifest.
        manifest: String,
    },
    /// A later run has not finished; the old set is whole.
    #[error("{file} was left by a run that did not finish; it is ignored")]
    LeftOver {
        /// The file.
        file: String,
    },
    /// A run ended without removing its lock.
    #[error("{file} was left by {holder}; it is ignored")]
    EndedLock {
        /// The lock.
        file: String,
        /// Whose it was.
        holder: Box<Holder>,
    },
    /// The set is complete, but its files do not all have their final names.
    #[error("the set is complete, but was not renamed to the end")]
    Unpublished,
    /// The set does not hold everything that was selected.
    #[error("{manifest} says that only a part of the records was backed up")]
    Partial {
        /// The manifest.
        manifest: String,
    },
}

/// Why a set is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// A listed file is not there.
    #[error("{file} is missing: {manifest} lists it")]
    Missing {
        /// The file.
        file: String,
        /// The manifest.
        manifest: String,
    },
    /// A listed file has another size.
    #[error("{file} has {found} bytes, {expected} were backed up")]
    Resized {
        /// The file.
        file: String,
        /// Bytes by the manifest.
        expected: u64,
        /// Bytes that it has.
        found: u64,
    },
    /// A data file that no manifest lists, beside some that one lists.
    #[error("{file} does not belong to the set: no manifest lists it")]
    Unlisted {
        /// The file.
        file: String,
    },
    /// Two manifests claim a file.
    #[error("two manifests list {file}")]
    Twice {
        /// The file.
        file: String,
    },
    /// A manifest cannot be used.
    #[error("{file} cannot be used")]
    Manifest {
        /// The manifest.
        file: String,
        /// Why.
        source: ManifestError,
    },
    /// The manifests of shards do not belong together.
    #[error("the manifests of the shards do not belong together")]
    Shards {
        /// Why.
        source: Box<super::MergeError>,
    },
    /// A file that begins as another one should.
    #[error("{file} was exchanged: it begins as {holds} was backed up")]
    Exchanged {
        /// The file.
        file: String,
        /// The listed file whose beginning it has.
        holds: String,
    },
    /// Something about the storage.
    #[error(transparent)]
    Storage(#[from] backup_storage::Error),
}

impl SetError {
    /// The file that it is about, by its name.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Missing { file, .. }
            | Self::Resized { file, .. }
            | Self::Unlisted { file }
            | Self::Twice { file }
            | Self::Exchanged { file, .. }
            | Self::Manifest { file, .. } => Some(file),
            Self::Shards { .. } | Self::Storage(_) => None,
        }
    }

    /// Whether the encryption key is another one, or given in vain.
    #[must_use]
    pub const fn is_about_the_key(&self) -> bool {
        matches!(self, Self::Manifest { source, .. } if source.is_about_the_key())
    }

    /// Whether something is missing, which has an exit code of its own.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

/// Looks at the set in `store`, which is a directory, a single file or a stream.
///
/// # Errors
/// What speaks against the set; see [`SetError`]. An empty or missing directory is no matter of
/// this function: it is [`Verdict::Foreign`], or the store's own error.
pub fn judge(store: &dyn Store, options: &ReadOptions) -> Result<Verdict, SetError> {
    let Inspection { verdict, problems } = inspect(store, options)?;
    match problems.into_iter().next() {
        Some(problem) => Err(problem),
        None => Ok(verdict),
    }
}

/// A look at a set that does not end at the first thing that speaks against it.
#[derive(Debug)]
pub struct Inspection {
    /// What was found. Of a whole set, files that are missing are left out, and those of another
    /// size are there.
    pub verdict: Verdict,
    /// Everything that speaks against it, in the order of importance.
    pub problems: Vec<SetError>,
}

/// [`judge`] for those who want to know everything.
///
/// # Errors
/// Only those of the store itself.
pub fn inspect(
    store: &dyn Store,
    options: &ReadOptions,
) -> Result<Inspection, backup_storage::Error> {
    let mut problems = Vec::new();
    let verdict = look(store, options, &mut problems)?;
    Ok(Inspection { verdict, problems })
}

fn look(
    store: &dyn Store,
    options: &ReadOptions,
    problems: &mut Vec<SetError>,
) -> Result<Verdict, backup_storage::Error> {
    if !store.capabilities().named {
        return Ok(Verdict::Foreign { notes: Vec::new() });
    }
    let mut evidence = Evidence::gather(store, options, problems)?;
    if let Some((file, holder)) = evidence.live_lock() {
        let holder = Some(Box::new(holder.clone()));
        return Ok(evidence.unfinished(vec![file.clone()], holder));
    }
    if options.ignore_manifest {
        return Ok(Verdict::Foreign { notes: Vec::new() });
    }
    let mut notes = Vec::new();
    let mut set = Vec::new();
    for candidate in std::mem::take(&mut evidence.candidates) {
        match compare(&evidence, &candidate, problems) {
            Some(files) => set.push((candidate, files)),
            None => notes.push(Note::Stale {
                manifest: candidate.file,
            }),
        }
    }
    if set.is_empty() {
        let found = evidence.signs_of_a_run();
        if found.is_empty() {
            return Ok(Verdict::Foreign { notes });
        }
        return Ok(evidence.unfinished(found, None));
    }
    Ok(Verdict::Whole(whole(&evidence, set, notes, problems)))
}

/// The stored names of the files that a manifest lists, in its order, `None` for those that are
/// missing; `None` for all if it is stale.
fn compare(
    evidence: &Evidence,
    candidate: &Candidate,
    problems: &mut Vec<SetError>,
) -> Option<Vec<Option<String>>> {
    let listed = &candidate.manifest.files;
    let mut found: Vec<_> = listed
        .iter()
        .map(|entry| evidence.find(entry, candidate.is_unpublished))
        .collect();
    let is_any_there = found.iter().any(Option::is_some);
    let is_empty = listed.is_empty() && evidence.data().next().is_none();
    if !is_any_there && !is_empty {
        return None;
    }
    let (mut missing, mut resized) = (Vec::new(), Vec::new());
    for (entry, found) in listed.iter().zip(&mut found) {
        match (&found, evidence.size(&entry.name)) {
            (Some(_), _) => {}
            (None, None) => missing.push(SetError::Missing {
                file: entry.name.clone(),
                manifest: candidate.file.clone(),
            }),
            (None, Some(size)) => {
                resized.push(SetError::Resized {
                    file: entry.name.clone(),
                    expected: entry.bytes,
                    found: size,
                });
                *found = Some(entry.name.clone());
            }
        }
    }
    problems.append(&mut missing);
    problems.append(&mut resized);
    Some(found)
}

fn whole(
    evidence: &Evidence,
    set: Vec<(Candidate, Vec<Option<String>>)>,
    mut notes: Vec<Note>,
    problems: &mut Vec<SetError>,
) -> WholeSet {
    let (mut files, mut taken) = (Vec::new(), BTreeSet::new());
    for (manifest, (candidate, stored)) in set.iter().enumerate() {
        for (file, stored) in stored.iter().enumerate() {
            let Some(stored) = stored else {
                continue;
            };
            if !taken.insert(stored.as_str()) {
                let file = stored.clone();
                problems.push(SetError::Twice { file });
                continue;
            }
            files.push(SetFile {
                stored: stored.clone(),
                manifest,
                file,
            });
        }
        if candidate.is_unpublished {
            notes.push(Note::Unpublished);
        }
        if candidate.manifest.status == Status::Partial {
            let manifest = candidate.file.clone();
            notes.push(Note::Partial { manifest });
        }
    }
    files.sort_by(|a, b| a.stored.cmp(&b.stored));
    let unpublished = set.iter().any(|(candidate, _)| candidate.is_unpublished);
    for file in evidence.data().filter(|file| !taken.contains(file)) {
        // Of an old set that was being replaced, or of a new one that did not get far enough.
        if !unpublished && !evidence.is_left_over(file) {
            let file = file.to_owned();
            problems.push(SetError::Unlisted { file });
            continue;
        }
        let file = file.to_owned();
        notes.push(Note::LeftOver { file });
    }
    let parts = evidence.parts().filter(|part| !taken.contains(part));
    notes.extend(parts.map(|part| Note::LeftOver {
        file: part.to_owned(),
    }));
    notes.extend(evidence.ended_locks());
    WholeSet {
        manifests: (set.into_iter())
            .map(|(candidate, _)| (candidate.manifest, candidate.authenticity))
            .collect(),
        files,
        notes,
    }
}
