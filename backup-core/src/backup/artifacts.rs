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
    if !store.capabilities().named {
        return Err(Error::Unsupported(
            "a stream holds nothing that could be removed",
        ));
    }
    lock::check_free(&**store, SystemTime::now()).map_err(Error::Lock)?;
    let mut removed = Vec::new();
    for part in store.unfinished()? {
        if is_artifact(&**store, &part.name) || is_left_over(&part.name) {
            store.discard(&part.name)?;
            removed.push(name::part_of(&part.name));
        }
    }
    let found = match store.single_name() {
        // Its listing shows the file alone.
        Some(file) => {
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
            found
        }
        None => {
            let entries = match store.list() {
                Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
                entries => entries?,
            };
            let files = entries.into_iter();
            let files = files.filter(|entry| entry.kind == backup_storage::EntryKind::File);
            let names = files.map(|entry| entry.name);
            names.filter(|name| is_artifact(&**store, name)).collect()
        }
    };
    store.delete(&found.iter().map(String::as_str).collect::<Vec<_>>())?;
    removed.extend(found);
    Ok(removed)
}

fn is_artifact(store: &dyn Store, file: &str) -> bool {
    name::is_backup_file(file) || SmallFile::of(file).is_some() || store.single_name() == Some(file)
}

/// What a kill leaves of a small file that was about to be written: `NAME.<random>.part`.
fn is_left_over(file: &str) -> bool {
    let stem = file.rsplit_once('.').map(|(stem, _)| stem);
    stem.is_some_and(|stem| SmallFile::of(stem).is_some())
}
