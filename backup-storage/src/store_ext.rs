//! Conveniences on top of [`Store`], so that stores cannot disagree about them.

use std::io::Read;

use crate::{Download, Entry, Error, ErrorKind, Operation, Result, Store};

/// What can be said with the methods of [`Store`] alone; every store has it.
pub trait StoreExt: Store {
    /// The first entry that is in the way of a new backup set: the first one that is not `allowed`.
    ///
    /// A target that does not exist is empty. A stream never has anything in the way.
    ///
    /// # Errors
    ///
    /// When the target could not be listed.
    fn offending_entry(&self, mut allowed: impl FnMut(&Entry) -> bool) -> Result<Option<Entry>> {
        if !self.capabilities().named {
            return Ok(None);
        }
        match self.list() {
            Ok(entries) => Ok(entries.into_iter().find(|entry| !allowed(entry))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens a listed file from its beginning.
    ///
    /// # Errors
    ///
    /// `NotFound` when it has gone since, `WrongSize` when it has another size now, else as [`Store::open`].
    fn open_entry(&self, entry: &Entry) -> Result<Box<dyn Download>> {
        let download = self.open(&entry.name, 0)?;
        match (entry.size, download.size()) {
            (Some(expected), Some(found)) if expected != found => {
                let kind = ErrorKind::WrongSize { expected, found };
                Err(Error::new(
                    kind,
                    Operation::Open,
                    self.location_of(&entry.name),
                ))
            }
            _ => Ok(download),
        }
    }

    /// The whole of a small file (lock, state, manifest).
    ///
    /// # Errors
    ///
    /// `WrongSize` when it has more than `limit_bytes`; else as [`Store::open`] and reading.
    fn read_small(&self, name: &str, limit_bytes: u64) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        let mut limited = self.open(name, 0)?.take(limit_bytes.saturating_add(1));
        limited
            .read_to_end(&mut content)
            .map_err(Error::from_read)?;
        let found = content.len() as u64;
        if found > limit_bytes {
            let kind = ErrorKind::WrongSize {
                expected: limit_bytes,
                found,
            };
            return Err(Error::new(kind, Operation::Read, self.location_of(name)));
        }
        Ok(content)
    }

    /// Whether a name is taken, by whatever kind of entry.
    ///
    /// # Errors
    ///
    /// As [`Store::stat`], but for `NotFound`.
    fn exists(&self, name: &str) -> Result<bool> {
        match self.stat(name) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Path or URL of a file in this store, for messages.
    #[must_use]
    fn location_of(&self, name: &str) -> String {
        let root = self.location();
        match self.single_name() {
            Some(single) => match name.strip_prefix(single) {
                Some(rest) => format!("{root}{rest}"),
                None => name.to_owned(),
            },
            None => format!("{}/{name}", root.trim_end_matches('/')),
        }
    }
}

impl<S: Store + ?Sized> StoreExt for S {}
