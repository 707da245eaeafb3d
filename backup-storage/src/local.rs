//! A directory on local disk.
//!
//! The order that everything here keeps: write the data, sync the file, rename it, sync the directory
//! (`files-and-state.md` §4 and §11).

mod disk;
mod download;
mod listing;
mod modes;
mod small_file;
mod upload;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

pub(crate) use self::disk::parent;
pub use self::modes::LocalOptions;
use self::{download::LocalDownload, upload::LocalUpload};
use crate::{
    Capabilities, Download, Entry, Error, Operation, Result, Store, Unfinished, Upload, name,
};

/// Files in one directory of the local disk, or of a mounted one.
///
/// The directory and its parents are created when the first file is. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LocalDir {
    root: Arc<Path>,
    shown: Arc<str>,
    options: LocalOptions,
}

impl LocalDir {
    /// The directory at `path`, whether it exists or not. The empty path is the working directory.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::with_options(path, LocalOptions::default())
    }

    /// The same, with modes for what is created.
    #[must_use]
    pub fn with_options(path: impl Into<PathBuf>, options: LocalOptions) -> Self {
        let mut root = path.into();
        if root.as_os_str().is_empty() {
            root.push(".");
        }
        Self {
            shown: root.display().to_string().into(),
            root: root.into(),
            options,
        }
    }

    /// Path of a file whose name was checked.
    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn part_path(&self, name: &str) -> PathBuf {
        self.root.join(name::part_of(name))
    }

    fn sync_root(&self) -> Result<()> {
        disk::sync_directory(&self.root)
    }

    fn publish_one(&self, name: &str) -> Result<()> {
        name::check_final(name)?;
        let (part, last) = (self.part_path(name), self.path(name));
        disk::drop_second_link(&last, &part)?;
        match fs::rename(&part, &last) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && last.exists() => Ok(()),
            result => result.map_err(Error::at(Operation::Publish, &part)),
        }
    }

    fn delete_one(&self, name: &str) -> Result<()> {
        disk::remove_if_there(&self.path(name), Operation::Delete)
    }
}

impl Store for LocalDir {
    fn capabilities(&self) -> Capabilities {
        Capabilities::LOCAL
    }

    fn location(&self) -> &str {
        &self.shown
    }

    fn single_name(&self) -> Option<&str> {
        None
    }

    fn check_writable(&self) -> Result<()> {
        disk::check_writable(&self.root)
    }

    fn available_bytes(&self) -> Result<Option<u64>> {
        disk::available_bytes(&self.root).map(Some)
    }

    fn list(&self) -> Result<Vec<Entry>> {
        listing::list(&self.root)
    }

    fn stat(&self, name: &str) -> Result<Entry> {
        name::check(name)?;
        let path = self.path(name);
        let metadata = fs::metadata(&path).map_err(Error::at(Operation::Stat, &path))?;
        Ok(listing::entry(name.to_owned(), &metadata))
    }

    fn open(&self, name: &str, offset: u64) -> Result<Box<dyn Download>> {
        name::check(name)?;
        Ok(Box::new(LocalDownload::open(&self.path(name), offset)?))
    }

    fn create(&self, name: &str) -> Result<Box<dyn Upload>> {
        name::check_final(name)?;
        Ok(Box::new(LocalUpload::create(self.clone(), name)?))
    }

    fn create_new(&self, name: &str, content: &[u8]) -> Result<()> {
        small_file::create_new(self, name, content)
    }

    fn put(&self, name: &str, content: &[u8]) -> Result<()> {
        small_file::put(self, name, content)
    }

    fn replace(&self, name: &str, expected: &[u8], content: &[u8]) -> Result<()> {
        small_file::replace(self, name, expected, content)
    }

    fn reopen(&self, name: &str, length: u64) -> Result<Box<dyn Upload>> {
        name::check_final(name)?;
        Ok(Box::new(LocalUpload::reopen(self.clone(), name, length)?))
    }

    fn publish(&self, names: &[&str]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        names.iter().try_for_each(|name| self.publish_one(name))?;
        self.sync_root()
    }

    fn withdraw(&self, name: &str) -> Result<()> {
        name::check_final(name)?;
        let (last, part) = (self.path(name), self.part_path(name));
        disk::drop_second_link(&part, &last)?;
        match disk::rename_new(&last, &part) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && part.exists() => {}
            result => result.map_err(Error::at(Operation::Publish, &last))?,
        }
        self.sync_root()
    }

    fn unfinished(&self) -> Result<Vec<Unfinished>> {
        listing::unfinished(self)
    }

    fn discard(&self, name: &str) -> Result<()> {
        name::check_final(name)?;
        disk::remove_if_there(&self.part_path(name), Operation::Abort)
    }

    fn delete(&self, names: &[&str]) -> Result<()> {
        names.iter().try_for_each(|name| name::check(name))?;
        if names.is_empty() || !self.root.exists() {
            return Ok(());
        }
        names.iter().try_for_each(|name| self.delete_one(name))?;
        self.sync_root()
    }
}
