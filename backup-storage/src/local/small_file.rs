//! Lock, state and manifest: small files that appear whole or not at all.

use std::{
    fs::{self, File, OpenOptions},
    hash::{BuildHasher, RandomState},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::{LocalDir, disk};
use crate::{Error, ErrorKind, Operation, Result, name};

pub(super) fn create_new(store: &LocalDir, name: &str, content: &[u8]) -> Result<()> {
    name::check_final(name)?;
    place(store, name, content, Operation::Create, disk::rename_new)
}

pub(super) fn put(store: &LocalDir, name: &str, content: &[u8]) -> Result<()> {
    name::check_final(name)?;
    let rename = |from: &Path, to: &Path| fs::rename(from, to);
    place(store, name, content, Operation::Replace, rename)
}

/// Everybody who replaces holds the kernel's lock of the old file while comparing and renaming. The lock is
/// worth something only while the file still has the name.
pub(super) fn replace(store: &LocalDir, name: &str, expected: &[u8], content: &[u8]) -> Result<()> {
    name::check_final(name)?;
    let path = store.path(name);
    let failed = |error| Error::at(Operation::Replace, &path)(error);
    // Opened for writing because NFS grants exclusive locks only then.
    let mut options = OpenOptions::new();
    let old = options.read(true).write(true).open(&path).map_err(failed)?;
    old.lock().map_err(failed)?;
    if !has_name(&old, &path).map_err(failed)? || !holds(&old, expected).map_err(failed)? {
        let shown = path.display().to_string();
        return Err(Error::new(ErrorKind::Changed, Operation::Replace, shown));
    }
    put(store, name, content)
}

/// Writes and syncs the content under a temporary name, and renames it.
fn place(
    store: &LocalDir,
    name: &str,
    content: &[u8],
    operation: Operation,
    rename: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> Result<()> {
    let (temporary, last) = (temporary_path(store, name), store.path(name));
    let placed = write_synced(store, &temporary, content)
        .and_then(|()| rename(&temporary, &last).map_err(Error::at(operation, &last)));
    if placed.is_err() {
        // The first error is the one to report; a left-over `.part` is harmless and found by `unfinished`.
        let _ = fs::remove_file(&temporary);
    }
    placed?;
    store.sync_root()
}

fn write_synced(store: &LocalDir, path: &Path, content: &[u8]) -> Result<()> {
    let mut options = OpenOptions::new();
    options.create_new(true);
    let mut file = disk::open_in_new_directory(path, &mut options, store.options)?;
    file.write_all(content)
        .map_err(Error::at(Operation::Write, path))?;
    file.sync_all().map_err(Error::at(Operation::Sync, path))
}

/// `NAME.<random>.part`: two runs that want the same name must not write the same temporary file. A process
/// id would not do, it is 1 in every container.
fn temporary_path(store: &LocalDir, name: &str) -> PathBuf {
    let random = RandomState::new().hash_one(name);
    store.part_path(&format!("{name}.{random:016x}"))
}

fn has_name(file: &File, path: &Path) -> io::Result<bool> {
    Ok(disk::is_same_file(&file.metadata()?, &fs::metadata(path)?))
}

fn holds(file: &File, expected: &[u8]) -> io::Result<bool> {
    let mut found = Vec::with_capacity(expected.len());
    let limit = (expected.len() as u64).saturating_add(1);
    file.take(limit).read_to_end(&mut found)?;
    Ok(found == expected)
}
