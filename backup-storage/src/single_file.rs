//! A path as the target: a regular file, or what is open or special (`files-and-state.md` §1.3).

use std::{fs, path::Path, sync::Arc};

use crate::{
    Entry, Error, ErrorKind, LocalDir, LocalOptions, Operation, Result, Single, Store, Stream,
    local, name,
};

/// The store for one path: what exists and is no regular file is a [`Stream`], everything else a
/// [`LocalFile`]. `-` is no path, see [`Stream::stdin`] and [`Stream::stdout`].
///
/// # Errors
///
/// `NotAFile` for a directory; `InvalidName` when the last part of the path is no name or not UTF-8.
pub fn single_file(path: &Path, options: LocalOptions) -> Result<Arc<dyn Store>> {
    if names_open_file(path) {
        return Ok(Arc::new(Stream::special(path)));
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            let shown = path.display().to_string();
            Err(Error::new(ErrorKind::NotAFile, Operation::Open, shown))
        }
        Ok(metadata) if !metadata.is_file() => Ok(Arc::new(Stream::special(path))),
        _ => Ok(Arc::new(LocalFile::new(path, options)?)),
    }
}

/// `/dev/stdout` and its kin stand for what is open already, which may be a regular file that must be
/// written in place.
fn names_open_file(path: &Path) -> bool {
    let exact = ["/dev/stdin", "/dev/stdout", "/dev/stderr"];
    let below = ["/dev/fd", "/proc/self/fd"];
    exact.iter().any(|known| path == Path::new(known))
        || (below.iter()).any(|known| path.parent() == Some(Path::new(known)))
}

/// One regular file, and what is named after it. A listing shows `FILE` and `FILE.part`.
pub type LocalFile = Single<LocalDir>;

impl LocalFile {
    /// The file at `path`, whether it exists or not.
    ///
    /// # Errors
    ///
    /// `InvalidName` when the last part of the path is no name or not UTF-8.
    pub fn new(path: &Path, options: LocalOptions) -> Result<Self> {
        let shown = path.display().to_string();
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.filter(|name| name::check(name).is_ok() && !shown.ends_with('/'));
        let invalid = || Error::new(ErrorKind::InvalidName, Operation::Name, shown.as_str());
        let name = name.ok_or_else(invalid)?.to_owned();
        let directory = LocalDir::with_options(local::parent(path), options);
        Ok(Self::of(directory, name, shown, list))
    }
}

fn list(directory: &LocalDir, name: &str) -> Result<Vec<Entry>> {
    let mut entries = directory.list()?;
    let part = name::part_of(name);
    entries.retain(|entry| entry.name == name || entry.name == part);
    Ok(entries)
}
