//! One object as the target: `-o KEY`, `-i KEY` with a bucket.
#![deny(clippy::missing_trait_methods)]

use std::sync::Arc;

use object_store::path::Path;

use super::{bucket::Inner, dir::ObjectDir};
use crate::{
    Capabilities, Download, Entry, Error, ErrorKind, Operation, Result, Store, Unfinished, Upload,
    name,
};

/// One object, and what is named after it: `KEY.lock`, `KEY.manifest.json` and the like. Neither its
/// neighbours nor these show in a listing.
#[derive(Clone, Debug)]
pub struct ObjectFile {
    directory: ObjectDir,
    name: String,
    shown: String,
}

impl ObjectFile {
    pub(super) fn new(bucket: Arc<Inner>, key: &str) -> Result<Self> {
        let (prefix, name) = key.rsplit_once('/').unwrap_or(("", key));
        let shown = format!("{}/{key}", bucket.shown);
        let is_plain = Path::parse(key).is_ok_and(|path| path.as_ref() == key);
        if name::check(name).is_err() || !is_plain {
            return Err(Error::new(ErrorKind::InvalidName, Operation::Name, shown));
        }
        Ok(Self {
            directory: ObjectDir::new(bucket, prefix)?,
            name: name.to_owned(),
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

impl Store for ObjectFile {
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
        match self.directory.stat(&self.name) {
            Ok(entry) => Ok(vec![entry]),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
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
