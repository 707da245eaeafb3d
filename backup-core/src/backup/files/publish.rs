//! The moment at which a new set takes the place of an old one (`files-and-state.md` §4).

use super::FileSet;
use crate::{backup::keeper::Keeper, error::Error};
use backup_storage::{ErrorKind, StoreExt};
use std::sync::atomic::Ordering;

impl FileSet {
    /// Takes away what could be mistaken for a state of this run, before anything is written.
    pub(in crate::backup) fn begin(&self, keeper: Option<&Keeper>) -> Result<(), Error> {
        if let Some(keeper) = keeper.filter(|_| self.remove_files) {
            keeper.remove()?;
        }
        if self.remove_early {
            self.remove_old_set(&[], None)?;
            let name = self.beside().manifest();
            let single = self.store().single_name().map(str::to_owned);
            let old: Vec<&str> = single
                .iter()
                .map(String::as_str)
                .chain([name.as_str()])
                .collect();
            self.store().delete(&old)?;
            self.is_deferred.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Gives all files their names, and writes the manifest. An old set goes only now that the
    /// new one is durable: with a finished manifest it is complete under any of its names.
    pub(in crate::backup) fn publish(&self, manifest: Option<(&str, &[u8])>) -> Result<(), Error> {
        let store = self.store();
        let is_deferred = self.is_deferred.load(Ordering::Relaxed);
        if let Some((name, content)) = manifest.filter(|_| is_deferred) {
            let mut upload = store.create(name)?;
            upload.write_all(content)?;
            upload.finish_unpublished()?;
        }
        let complete = self.journal.files();
        let names: Vec<&str> = complete.iter().map(|file| file.name.as_str()).collect();
        let can_wait = store.capabilities().deferred_publish;
        if let Some((name, content)) = manifest.filter(|_| !can_wait) {
            store.put(name, content)?; // objects have their names already; the old ones go after it
        }
        if self.remove_files && self.is_directory() {
            let manifest = manifest.map(|(name, _)| name);
            self.remove_old_set(&names, manifest)?;
        }
        if is_deferred && !names.is_empty() {
            store.publish(&names)?; // a single file replaces the old one in one step
        }
        match manifest {
            Some((name, _)) if is_deferred => Ok(store.publish(&[name])?),
            Some((name, content)) if can_wait => Ok(store.put(name, content)?),
            _ => Ok(()),
        }
    }

    /// Names of what would be removed or replaced, if an old set is to go. Nothing is touched.
    pub(in crate::backup) fn to_be_removed(&self) -> Result<Vec<String>, Error> {
        let (store, beside) = (self.store(), self.beside());
        if !self.remove_files || !store.capabilities().named {
            return Ok(Vec::new());
        }
        let unfinished = store.unfinished()?.into_iter();
        let mut names: Vec<String> = unfinished
            .filter(|old| self.is_old_part(&old.name))
            .map(|old| backup_storage::name::part_of(&old.name))
            .collect();
        let single = store.single_name().map(str::to_owned);
        for name in single
            .into_iter()
            .chain([beside.manifest(), beside.state()])
        {
            names.extend(store.exists(&name)?.then_some(name));
        }
        if self.is_directory() {
            names.extend(self.published()?);
            names.extend(self.small_of_shards()?);
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn is_old_part(&self, name: &str) -> bool {
        backup_storage::name::is_backup_file(name) || self.is_ours(name)
    }

    fn remove_old_set(&self, new: &[&str], manifest: Option<&str>) -> Result<(), Error> {
        let store = self.store();
        let kept: Vec<&str> = new.iter().copied().chain(manifest).collect();
        for old in store.unfinished()? {
            if self.is_old_part(&old.name) && !kept.contains(&old.name.as_str()) {
                store.discard(&old.name)?;
            }
        }
        // Names that both sets have are taken over when the new files are published.
        let published = self.published()?;
        let old = published.iter().map(String::as_str);
        let old: Vec<&str> = old.filter(|name| !new.contains(name)).collect();
        store.delete(&old)?;
        self.remove_small_of_shards()
    }

    /// What shards have left beside an old set that they made.
    fn remove_small_of_shards(&self) -> Result<(), Error> {
        let small = self.small_of_shards()?;
        let small: Vec<&str> = small.iter().map(String::as_str).collect();
        Ok(self.store().delete(&small)?)
    }

    fn small_of_shards(&self) -> Result<Vec<String>, Error> {
        let beside = self.beside();
        let entries = match self.store().list() {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            entries => entries?,
        };
        let names = entries.into_iter().map(|entry| entry.name);
        Ok(names
            .filter(|name| beside.shard_of(name).is_some())
            .collect())
    }
}
