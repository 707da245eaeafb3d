//! The files of a run: their names, their order, and their publication
//! (`files-and-state.md` §1, §4, §11).

use super::BackupTarget;
use crate::{error::Error, stats::BackupStats};
use asb_format::{Encoder, Version};
use backup_storage::{Store, StoreExt, Upload, name};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// All files of a backup. Shared by the threads that write them.
#[derive(Debug)]
pub(super) struct FileSet {
    target: BackupTarget,
    namespace: String,
    remove_files: bool,
    /// One counter over all files, in order of creation.
    created: AtomicU64,
    /// Names of files that are complete and wait for publication.
    complete: Mutex<Vec<String>>,
    /// Names of all files that were begun.
    begun: Mutex<Vec<String>>,
    stats: Arc<BackupStats>,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Indexes and modules of a directory.
    Metadata,
    /// Records of a worker; everything, in a single file.
    Data(usize),
}

/// A file that is being written.
#[derive(Debug)]
pub(super) struct OpenFile {
    upload: Box<dyn Upload>,
    name: String,
}

impl FileSet {
    pub(super) fn new(
        target: BackupTarget,
        namespace: &str,
        remove_files: bool,
        stats: Arc<BackupStats>,
    ) -> Self {
        Self {
            target,
            namespace: namespace.to_owned(),
            remove_files,
            created: AtomicU64::new(0),
            complete: Mutex::default(),
            begun: Mutex::default(),
            stats,
        }
    }

    fn store(&self) -> &dyn Store {
        &**self.target.store()
    }

    /// Whether the target can take a backup, without touching anything.
    pub(super) fn check_target(&self) -> Result<(), Error> {
        let store = self.store();
        if matches!(self.target, BackupTarget::Directory(_)) {
            name::check(&self.data_name(Role::Metadata, 1))?;
        }
        store.check_writable()?;
        if self.remove_files || !store.capabilities().named {
            return Ok(());
        }
        let target = || store.location().to_owned();
        match &self.target {
            BackupTarget::Single(_) => match store.single_name().map(|name| store.exists(name)) {
                Some(Ok(true)) => Err(Error::TargetExists { target: target() }),
                Some(Err(error)) => Err(error.into()),
                _ => Ok(()),
            },
            BackupTarget::Directory(_) => match store.offending_entry(|_| false)? {
                Some(entry) => Err(Error::TargetNotEmpty {
                    target: target(),
                    entry: entry.name,
                }),
                None => Ok(()),
            },
        }
    }

    /// Begins a file and writes its header and meta lines.
    pub(super) fn open(&self, role: Role, version: Version) -> Result<OpenFile, Error> {
        let number = self.created.fetch_add(1, Ordering::Relaxed) + 1;
        let name = match self.target.store().single_name() {
            Some(name) => name.to_owned(),
            None => self.data_name(role, number),
        };
        let upload = self.store().create(&name)?;
        lock(&self.begun).push(name.clone());
        let mut file = OpenFile { upload, name };
        let (encoder, mut head) = (Encoder::new(), Vec::with_capacity(64));
        encoder.header(&mut head, version);
        encoder.namespace_meta(&mut head, self.namespace.as_bytes());
        if number == 1 {
            encoder.first_file(&mut head);
        }
        self.write(&mut file, &head)?;
        Ok(file)
    }

    pub(super) fn write(&self, file: &mut OpenFile, text: &[u8]) -> Result<(), Error> {
        file.upload.write_all(text)?;
        self.stats.bytes_written.add(text.len() as u64);
        Ok(())
    }

    /// Completes a file: whole and durable, but not published before all of them are, where the
    /// storage can do that.
    pub(super) fn finish(&self, file: OpenFile) -> Result<(), Error> {
        if self.store().capabilities().deferred_publish {
            file.upload.finish_unpublished()?;
        } else {
            file.upload.finish()?;
        }
        lock(&self.complete).push(file.name);
        self.stats.files_written.add(1);
        Ok(())
    }

    /// Gives all files their names. An old set goes only now that the new one is durable; what
    /// is cut short here leaves `.part` files, which no restore takes for a complete set.
    pub(super) fn publish(&self) -> Result<(), Error> {
        let store = self.store();
        let complete = lock(&self.complete).clone();
        let names: Vec<&str> = complete.iter().map(String::as_str).collect();
        if self.remove_files && matches!(self.target, BackupTarget::Directory(_)) {
            self.remove_old_set(&names)?;
        }
        if store.capabilities().deferred_publish && !names.is_empty() {
            store.publish(&names)?; // a single file replaces the old one in one step
        }
        Ok(())
    }

    fn remove_old_set(&self, new: &[&str]) -> Result<(), Error> {
        let store = self.store();
        for old in store.unfinished()? {
            if name::is_backup_file(&old.name) && !new.contains(&old.name.as_str()) {
                store.discard(&old.name)?;
            }
        }
        let entries = match store.list() {
            Err(error) if error.kind() == backup_storage::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        let old = entries.iter().filter(|entry| entry.is_backup_file());
        let old: Vec<&str> = old.map(|entry| entry.name.as_str()).collect();
        Ok(store.delete(&old)?)
    }

    /// Removes everything that this run has begun; it is called after a failure.
    pub(super) fn discard(&self) {
        if !self.store().capabilities().named {
            return;
        }
        for name in lock(&self.begun).iter() {
            if let Err(error) = self.store().discard(name) {
                tracing::warn!(%name, %error, "a partial file stays behind");
            }
        }
    }

    fn data_name(&self, role: Role, number: u64) -> String {
        let namespace = &self.namespace;
        match role {
            Role::Metadata => format!("metadata_{namespace}_{number}.asb"),
            Role::Data(worker) => format!("{worker}_{namespace}_{number}.asb"),
        }
    }
}

impl OpenFile {
    pub(super) fn bytes(&self) -> u64 {
        self.upload.bytes()
    }
}

fn lock(names: &Mutex<Vec<String>>) -> std::sync::MutexGuard<'_, Vec<String>> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}
