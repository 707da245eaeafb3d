//! Whether a target can take the files: an empty one, one whose backup is to be replaced, or one
//! that a continuation goes on in (`files-and-state.md` §4, §7.2).

use super::{FileSet, Role};
use crate::{
    backup::{Layout, keeper::Place, state::FileState},
    error::Error,
    lock,
};
use backup_storage::{Entry, ErrorKind, StoreExt};
use std::{sync::atomic::Ordering, time::SystemTime};

impl FileSet {
    /// Whether the target can take a backup, without touching anything.
    pub(in crate::backup) fn check_target(&self) -> Result<(), Error> {
        let store = self.store();
        self.check_place()?;
        if !store.capabilities().named {
            return Ok(());
        }
        lock::check_free(store, SystemTime::now()).map_err(Error::Lock)?;
        if !self.remove_files {
            self.check_empty()?;
        }
        self.is_deferred
            .store(self.replaces_something()?, Ordering::Relaxed);
        if self.remove_files && !store.capabilities().deferred_publish {
            self.created
                .store(self.highest_number()?, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether files with these names could be written there.
    pub(in crate::backup) fn check_place(&self) -> Result<(), Error> {
        if self.is_directory() {
            backup_storage::name::check(&self.names.file(Role::Metadata, 1))?;
        }
        Ok(self.store().check_writable()?)
    }

    fn check_empty(&self) -> Result<(), Error> {
        let store = self.store();
        let target = || store.location().to_owned();
        if let Some(single) = store.single_name() {
            let part = backup_storage::name::part_of(single);
            let beside = self.beside();
            for entry in [part, beside.state(), beside.lock()] {
                if store.exists(&entry)? {
                    let target = target();
                    return Err(Error::TargetUnfinished { target, entry });
                }
            }
            return match store.exists(single)? {
                true => Err(Error::TargetExists { target: target() }),
                false => Ok(()),
            };
        }
        let beside = self.beside();
        let ours = |entry: &Entry| match backup_storage::name::final_of(&entry.name) {
            Some(name) => self.names.owns(name),
            None => entry.name == beside.state() || entry.name == beside.lock(),
        };
        let may_stay =
            |entry: &Entry| self.layout == Layout::C && !entry.is_backup_file() && !ours(entry);
        let Some(entry) = store.offending_entry(may_stay)? else {
            return Ok(());
        };
        match store.offending_entry(|entry| !ours(entry))? {
            Some(entry) => Err(Error::TargetUnfinished {
                target: target(),
                entry: entry.name,
            }),
            None => Err(Error::TargetNotEmpty {
                target: target(),
                entry: entry.name,
            }),
        }
    }

    /// Whether there is an old set that has to stay whole until the new one is.
    fn replaces_something(&self) -> Result<bool, Error> {
        let store = self.store();
        if !self.remove_files || !store.capabilities().deferred_publish {
            return Ok(false);
        }
        match store.single_name() {
            Some(name) => Ok(store.exists(name)?),
            None => Ok(store
                .offending_entry(|entry| !entry.is_backup_file())?
                .is_some()),
        }
    }

    fn highest_number(&self) -> Result<u64, Error> {
        let names = self.published()?;
        Ok(names
            .iter()
            .filter_map(|name| self.names.number(name))
            .max()
            .unwrap_or(0))
    }

    /// Brings the target to what the state says: files that it does not know go, those that
    /// were renamed after it was written get their `.part` back, and those that it calls
    /// complete have to be there.
    pub(in crate::backup) fn restore_state(&self, state: &Place) -> Result<(), Error> {
        let store = self.store();
        let known = self.journal.files();
        let is_deferred = self.remove_files && store.capabilities().deferred_publish;
        self.is_deferred.store(is_deferred, Ordering::Relaxed);
        for unknown in store.unfinished()? {
            let is_known = known.iter().any(|file| file.name == unknown.name);
            if !is_known && (self.is_ours(&unknown.name) || state.is_left_over(&unknown.name)) {
                store.discard(&unknown.name)?;
            }
        }
        if self.is_directory() && !self.remove_files {
            let published = self.published()?;
            let unknown = published.iter().filter(|name| {
                self.names.owns(name) && !known.iter().any(|file| file.name == **name)
            });
            store.delete(&unknown.map(String::as_str).collect::<Vec<_>>())?;
        }
        for file in &known {
            self.check_known(file)?;
        }
        Ok(())
    }

    /// Whether an unfinished file can be one of this run: of the set, or what a kill leaves of a
    /// small file that was about to be written.
    pub(super) fn is_ours(&self, name: &str) -> bool {
        let beside = self.beside();
        let small = [beside.lock(), beside.state(), beside.manifest()];
        let is_small = |small: &String| {
            let rest = name.strip_prefix(small.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.names.owns(name)
            || Some(name) == self.store().single_name()
            || small.iter().any(is_small)
    }

    fn check_known(&self, file: &FileState) -> Result<(), Error> {
        let store = self.store();
        let part = backup_storage::name::part_of(&file.name);
        let has_part = store.capabilities().deferred_publish && store.exists(&part)?;
        if !file.closed && !has_part && !self.is_deferred.load(Ordering::Relaxed) {
            store.withdraw(&file.name)?;
        }
        let found = store.stat(if has_part || !file.closed {
            &part
        } else {
            &file.name
        })?;
        let found = found.size.unwrap_or_default();
        let fits = if file.closed {
            found == file.bytes
        } else {
            found >= file.bytes
        };
        fits.then_some(()).ok_or_else(|| Error::Shortened {
            file: store.location_of(&file.name),
            found,
            expected: file.bytes,
        })
    }

    /// Names of the backup files in the target.
    pub(super) fn published(&self) -> Result<Vec<String>, Error> {
        match self.store().list() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            entries => {
                let files = entries?.into_iter().filter(Entry::is_backup_file);
                Ok(files.map(|entry| entry.name).collect())
            }
        }
    }
}
