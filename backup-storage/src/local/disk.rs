//! What the standard library has no single call for: durable directories, renaming without replacement.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Access, AtFlags, CWD, RenameFlags},
    io::Errno,
};

use super::modes::{self, LocalOptions};
use crate::{Error, ErrorKind, Operation, Result};

/// Forces the entries of a directory to the device.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    use io::ErrorKind::{InvalidInput, Unsupported};
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    match synced {
        // Some network and FUSE file systems keep directories durable themselves and refuse.
        Err(error) if matches!(error.kind(), InvalidInput | Unsupported) => Ok(()),
        result => result.map_err(Error::at(Operation::Sync, path)),
    }
}

/// Opens for writing; when the directory is missing, creates it and tries again.
pub(super) fn open_in_new_directory(
    path: &Path,
    options: &mut OpenOptions,
    modes: LocalOptions,
) -> Result<File> {
    let opened = match modes.open(options, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_directories(parent(path), modes)?;
            modes.open(options, path)
        }
        result => result,
    };
    opened.map_err(Error::at(Operation::Create, path))
}

/// Creates a directory with its parents, and makes each of them durable in its own parent.
fn create_directories(path: &Path, modes: LocalOptions) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    if above != path {
        create_directories(above, modes)?;
    }
    create_directory(path, modes).map_err(Error::at(Operation::CreateDirectory, path))?;
    sync_directory(above)
}

fn create_directory(path: &Path, modes: LocalOptions) -> io::Result<()> {
    let mode = modes.directory_mode();
    match DirBuilder::new().mode(mode).create(path) {
        // Another thread or run was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => modes::set_mode(&File::open(path)?, mode),
    }
}

/// The directory that holds `path`; `.` for a bare name, `/` for itself.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// Renames, atomically, unless the new name is taken.
///
/// Where that needs a link, a kill can leave both names; [`drop_second_link`] cleans up.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // NFS and some older file systems have no such flag; a link refuses a taken name as well.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        result => Ok(result?),
    }
}

/// If both names are the same file, takes away the second one.
pub(super) fn drop_second_link(kept: &Path, dropped: &Path) -> Result<()> {
    let is_same = match (fs::metadata(kept), fs::symlink_metadata(dropped)) {
        (Ok(kept), Ok(dropped)) => is_same_file(&kept, &dropped),
        _ => false,
    };
    if !is_same {
        return Ok(());
    }
    remove_if_there(dropped, Operation::Publish)?;
    sync_directory(parent(dropped))
}

pub(super) fn is_same_file(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Deletes a file that may be gone already.
pub(super) fn remove_if_there(path: &Path, operation: Operation) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(Error::at(operation, path)),
    }
}

/// Asks the kernel whether entries could be created in `path`, or in the nearest parent that exists.
pub(super) fn check_writable(path: &Path) -> Result<()> {
    let existing = nearest_existing(path)?;
    let shown = existing.display().to_string();
    if !existing.is_dir() {
        return Err(Error::new(
            ErrorKind::NotADirectory,
            Operation::Check,
            shown,
        ));
    }
    let needed = Access::WRITE_OK | Access::EXEC_OK;
    rustix::fs::accessat(CWD, &existing, needed, AtFlags::EACCESS)
        .map_err(|errno| Error::from_io(errno.into(), Operation::Check, shown))
}

/// Bytes that an unprivileged user may still write to the file system of `path`.
pub(super) fn available_bytes(path: &Path) -> Result<u64> {
    let existing = nearest_existing(path)?;
    let space = rustix::fs::statvfs(&existing)
        .map_err(|errno| Error::at(Operation::Check, &existing)(errno.into()))?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

fn nearest_existing(path: &Path) -> Result<PathBuf> {
    let mut candidate = path;
    loop {
        match fs::metadata(candidate) {
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && parent(candidate) != candidate =>
            {
                candidate = parent(candidate);
            }
            Err(error) => return Err(Error::at(Operation::Check, candidate)(error)),
            Ok(_) => return Ok(candidate.to_owned()),
        }
    }
}
