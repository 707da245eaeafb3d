//! Removing a backup and nothing else: `--remove-artifacts` (`files-and-state.md` §4).

use super::BackupTarget;
use crate::{error::Error, lock, names::SmallFile};
use backup_storage::{ErrorKind, Store, StoreExt, name};
use std::time::SystemTime;

/// Deletes the backup files in `target` and what stands beside them, finished or not. A
/// directory stays, and so does everything else in it. Returns the names of what went.
///
/// # Errors
/// [`Error::Lock`] when a run is writing there, [`Error::Unsupported`] for streams, or what the
/// storage says. It is no error when there is nothing.
pub fn remove_artifacts(target: &BackupTarget) -> Result<Vec<String>, Error> {
    let store = target.store();
    let Artifacts { parts, files } = Artifacts::find(&**store)?;
    for part in &parts {
        store.discard(part)?;
    }
    store.delete(&files.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(Artifacts { parts, files }.into_names())
}

/// The names of what [`remove_artifacts`] would delete.
///
/// # Errors
/// As [`remove_artifacts`].
pub fn artifacts(target: &BackupTarget) -> Result<Vec<String>, Error> {
    Artifacts::find(&**target.store()).map(Artifacts::into_names)
}

/// What belongs to a backup.
struct Artifacts {
    /// Final names of unfinished files.
    parts: Vec<String>,
    files: Vec<String>,
}

impl Artifacts {
    fn find(store: &dyn Store) -> Result<Self, Error> {
        if !store.capabilities().named {
            return Err(Error::Unsupported(
                "a stream holds nothing that could be removed",
            ));
        }
        lock::check_free(store, SystemTime::now()).map_err(Error::Lock)?;
        let parts = store.unfinished()?.into_iter().map(|part| part.name);
        let is_old = |name: &String| is_artifact(store, name) || is_left_over(name);
        let parts = parts.filter(is_old).collect();
        let files = match store.single_name() {
            Some(file) => beside_file(store, file)?,
            None => in_directory(store)?,
        };
        Ok(Self { parts, files })
    }

    fn into_names(self) -> Vec<String> {
        let parts = self.parts.iter().map(|part| name::part_of(part));
        parts.chain(self.files).collect()
    }
}

/// A listing of a single file shows that alone.
fn beside_file(store: &dyn Store, file: &str) -> Result<Vec<String>, Error> {
    let beside = crate::names::SetNames::single(file);
    let names = [
        file.to_owned(),
        beside.lock(),
        beside.manifest(),
        beside.state(),
    ];
    let mut found = Vec::new();
    for name in names {
        if store.exists(&name)? {
            found.push(name);
        }
    }
    Ok(found)
}

fn in_directory(store: &dyn Store) -> Result<Vec<String>, Error> {
    let entries = match store.list() {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        entries => entries?,
    };
    let files = entries.into_iter();
    let files = files.filter(|entry| entry.kind == backup_storage::EntryKind::File);
    let names = files.map(|entry| entry.name);
    Ok(names.filter(|name| is_artifact(store, name)).collect())
}

fn is_artifact(store: &dyn Store, file: &str) -> bool {
    name::is_backup_file(file) || SmallFile::of(file).is_some() || store.single_name() == Some(file)
}

/// What a kill leaves of a small file that was about to be written: `NAME.<random>.part`.
fn is_left_over(file: &str) -> bool {
    let stem = file.rsplit_once('.').map(|(stem, _)| stem);
    stem.is_some_and(|stem| SmallFile::of(stem).is_some())
}
