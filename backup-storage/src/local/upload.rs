//! Writing a local file: `NAME.part` until it is whole and durable.

use std::{
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::PathBuf,
};

use super::{LocalDir, disk, download::wrong_size};
use crate::{Durability, Error, ErrorKind, Operation, Result, Stored, Upload};

#[derive(Debug)]
pub(super) struct LocalUpload {
    store: LocalDir,
    name: String,
    part: PathBuf,
    file: File,
    bytes: u64,
    /// The directory was synced since the file was created in it.
    is_entry_durable: bool,
    /// What failed first. The kernel reports a lost write once, and calls the next `fsync` a success.
    failed: Option<ErrorKind>,
}

impl LocalUpload {
    pub(super) fn create(store: LocalDir, name: &str) -> Result<Self> {
        let part = store.part_path(name);
        let mut options = OpenOptions::new();
        options.create(true).truncate(true);
        let file = disk::open_in_new_directory(&part, &mut options, store.options)?;
        Ok(Self {
            store,
            name: name.to_owned(),
            part,
            file,
            bytes: 0,
            is_entry_durable: false,
            failed: None,
        })
    }

    pub(super) fn reopen(store: LocalDir, name: &str, length: u64) -> Result<Self> {
        let part = store.part_path(name);
        disk::drop_second_link(&part, &store.path(name))?;
        let failed = |error| Error::at(Operation::Reopen, &part)(error);
        let mut file = OpenOptions::new().write(true).open(&part).map_err(failed)?;
        let found = file.metadata().map_err(failed)?.len();
        if found < length {
            return Err(wrong_size(Operation::Reopen, &part, length, found));
        }
        file.set_len(length).map_err(failed)?;
        file.seek(SeekFrom::Start(length)).map_err(failed)?;
        Ok(Self {
            store,
            name: name.to_owned(),
            part,
            file,
            bytes: length,
            is_entry_durable: false,
            failed: None,
        })
    }

    /// Refuses to go on after a failure.
    fn check_sound(&self, operation: Operation) -> Result<()> {
        match self.failed {
            Some(kind) => Err(Error::new(kind, operation, self.part.display().to_string())),
            None => Ok(()),
        }
    }

    /// Remembers a failure.
    fn watched<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            self.failed.get_or_insert_with(|| error.kind());
        }
        result
    }

    /// Data and size to the device; the entry in the directory is another matter.
    fn sync_file(&mut self) -> Result<()> {
        self.check_sound(Operation::Sync)?;
        let synced = self.file.sync_all();
        let synced = synced.map_err(Error::at(Operation::Sync, &self.part));
        self.watched(synced)
    }

    fn sync_entry(&mut self) -> Result<()> {
        if self.is_entry_durable {
            return Ok(());
        }
        let synced = self.store.sync_root();
        self.watched(synced)?;
        self.is_entry_durable = true;
        Ok(())
    }

    fn stored(&self) -> Stored {
        Stored::new(self.bytes)
    }
}

impl Upload for LocalUpload {
    fn write_all(&mut self, data: &[u8]) -> Result<()> {
        self.check_sound(Operation::Write)?;
        let written = self.file.write_all(data);
        let written = written.map_err(Error::at(Operation::Write, &self.part));
        self.watched(written)?;
        self.bytes = self.bytes.saturating_add(data.len() as u64);
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn durable_point(&mut self) -> Result<Durability> {
        self.sync_file()?;
        self.sync_entry()?;
        Ok(Durability::Bytes(self.bytes))
    }

    fn finish(mut self: Box<Self>) -> Result<Stored> {
        self.sync_file()?;
        let last = self.store.path(&self.name);
        disk::rename_new(&self.part, &last).map_err(Error::at(Operation::Publish, &last))?;
        self.store.sync_root()?;
        Ok(self.stored())
    }

    fn finish_unpublished(mut self: Box<Self>) -> Result<Stored> {
        self.sync_file()?;
        self.sync_entry()?;
        Ok(self.stored())
    }

    fn abort(self: Box<Self>) -> Result<()> {
        disk::remove_if_there(&self.part, Operation::Abort)
    }
}
