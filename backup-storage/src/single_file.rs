//! One file as the target: `-o FILE`, `-i FILE` (`files-and-state.md` §1.3).
//!
//! It lies in a directory like any other file; what differs is that its neighbours are none of our business.
#![deny(clippy::missing_trait_methods)]

use std::{fs, path::Path, sync::Arc};

use crate::{
    Capabilities, Download, Entry, Error, ErrorKind, LocalDir, LocalOptions, Operation, Result,
    Store, Stream, Unfinished, Upload, local, name,
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

/// One regular file, and what is named after it: `FILE.part`, `FILE.lock`, `FILE.state` and the like.
///
/// Only the names `FILE` and `FILE.…` can be used; a listing shows `FILE` and `FILE.part`.
#[derive(Clone, Debug)]
pub struct LocalFile {
    directory: LocalDir,
    name: String,
    shown: String,
}

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
        Ok(Self {
            name: name.ok_or_else(invalid)?.to_owned(),
            directory: LocalDir::with_options(local::parent(path), options),
            shown,
        })
    }

    fn check(&self, name: &str) -> Result<()> {
        let rest = name.strip_prefix(&self.name);
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
            return Ok(());
        }
        let shown = format!("{name:?}");
        Err(Error::new(ErrorKind::InvalidName, Operation::Name, shown))
    }

    fn check_all(&self, names: &[&str]) -> Result<()> {
        names.iter().try_for_each(|name| self.check(name))
    }
}

impl Store for LocalFile {
    fn capabilities(&self) -> Capabilities {
        self.directory.capabilities()
    }

    fn location(&self) -> &str {
        &self.shown
    }

    fn single_name(&self) -> Option<&str> {
        Some(&self.name)
    }

    fn check_writable(&self) -> Result<()> {
        self.directory.check_writable()
    }

    fn available_bytes(&self) -> Result<Option<u64>> {
        self.directory.available_bytes()
    }

    fn list(&self) -> Result<Vec<Entry>> {
        let mut entries = self.directory.list()?;
        let part = name::part_of(&self.name);
        entries.retain(|entry| entry.name == self.name || entry.name == part);
        Ok(entries)
    }

    fn stat(&self, name: &str) -> Result<Entry> {
        self.check(name)?;
        self.directory.stat(name)
    }

    fn open(&self, name: &str, offset: u64) -> Result<Box<dyn Download>> {
        self.check(name)?;
        self.directory.open(name, offset)
    }

    fn make_readable(&self, names: &[&str]) -> Result<()> {
        self.check_all(names)?;
        self.directory.make_readable(names)
    }

    fn create(&self, name: &str) -> Result<Box<dyn Upload>> {
        self.check(name)?;
        self.directory.create(name)
    }

    fn create_new(&self, name: &str, content: &[u8]) -> Result<()> {
        self.check(name)?;
        self.directory.create_new(name, content)
    }

    fn put(&self, name: &str, content: &[u8]) -> Result<()> {
        self.check(name)?;
        self.directory.put(name, content)
    }

    fn replace(&self, name: &str, expected: &[u8], content: &[u8]) -> Result<()> {
        self.check(name)?;
        self.directory.replace(name, expected, content)
    }

    fn reopen(&self, name: &str, length: u64) -> Result<Box<dyn Upload>> {
        self.check(name)?;
        self.directory.reopen(name, length)
    }

    fn publish(&self, names: &[&str]) -> Result<()> {
        self.check_all(names)?;
        self.directory.publish(names)
    }

    fn withdraw(&self, name: &str) -> Result<()> {
        self.check(name)?;
        self.directory.withdraw(name)
    }

    fn unfinished(&self) -> Result<Vec<Unfinished>> {
        let mut found = self.directory.unfinished()?;
        found.retain(|unfinished| self.check(&unfinished.name).is_ok());
        Ok(found)
    }

    fn discard(&self, name: &str) -> Result<()> {
        self.check(name)?;
        self.directory.discard(name)
    }

    fn delete(&self, names: &[&str]) -> Result<()> {
        self.check_all(names)?;
        self.directory.delete(names)
    }
}
