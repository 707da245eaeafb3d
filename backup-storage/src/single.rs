//! One file of a directory as the target: `-o FILE`, `-i FILE` (`files-and-state.md` §1.3).
//!
//! It lies in a directory like any other file; what differs is that its neighbours are none of our business.
#![deny(clippy::missing_trait_methods)]

use crate::{
    Capabilities, Download, Entry, Error, ErrorKind, Operation, Result, Store, Unfinished, Upload,
};

/// One file, and what is named after it: `FILE.part`, `FILE.lock`, `FILE.state` and the like.
///
/// Only the names `FILE` and `FILE.…` can be used. See [`LocalFile`](crate::LocalFile) and
/// [`ObjectFile`](crate::object::ObjectFile).
#[derive(Clone, Debug)]
pub struct Single<D> {
    directory: D,
    name: String,
    shown: String,
    list: fn(&D, &str) -> Result<Vec<Entry>>,
}

impl<D> Single<D> {
    /// The file `name` of `directory`, called `shown` in messages. `list` finds out what shows of a file of
    /// this name.
    pub(crate) const fn of(
        directory: D,
        name: String,
        shown: String,
        list: fn(&D, &str) -> Result<Vec<Entry>>,
    ) -> Self {
        Self {
            directory,
            name,
            shown,
            list,
        }
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

impl<D: Store> Store for Single<D> {
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
        (self.list)(&self.directory, &self.name)
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

    fn interrupt(&self) {
        self.directory.interrupt();
    }
}
