//! The files of a run: how they are opened, written, made durable, completed and published
//! (`files-and-state.md` §1, §4, §7.2, §11).

use super::{
    BackupConfig, BackupTarget,
    journal::Journal,
    keeper::{Keeper, Place},
    ledger::Ledger,
    names::Names,
    state::{FileState, State, WrittenGlobals},
    wrap::{self, Wrap},
};
use crate::{
    error::Error,
    limits::Limiter,
    lock,
    manifest::BlockHasher,
    names::SetNames,
    stats::{BackupStats, millis},
};
use asb_format::{Encoder, Version};
use backup_envelope::{Encoder as EnvelopeEncoder, HEADER_BYTES};
use backup_storage::{Durability, Entry, ErrorKind, Store, StoreExt, Upload};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::{io::Read, time::SystemTime};
use tokio_util::sync::CancellationToken;

/// All files of a backup. Shared by the threads that write them.
#[derive(Debug)]
pub(super) struct FileSet {
    target: BackupTarget,
    names: Names,
    wrap: Wrap,
    namespace: String,
    remove_files: bool,
    remove_early: bool,
    /// Files keep their `.part` until all are complete, because an old set is still there.
    is_deferred: AtomicBool,
    /// One counter over all files, in order of creation.
    created: AtomicU64,
    /// Names of the files that this process has begun.
    begun: Mutex<Vec<String>>,
    /// Names of those that have their final names.
    published: Mutex<Vec<String>>,
    journal: Journal,
    /// Hashes are wanted, for a manifest.
    is_hashed: bool,
    bandwidth: Option<Limiter>,
    /// Ends waiting for the limit.
    cancel: CancellationToken,
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
    encoder: EnvelopeEncoder,
    /// `None` where no manifest is written.
    hasher: Option<BlockHasher>,
    /// Stored bytes on their way to the upload.
    stored: Vec<u8>,
    number: u64,
    name: String,
    plain_bytes: u64,
    records: u64,
    /// Indexes and modules are in it.
    globals: Option<WrittenGlobals>,
}

impl FileSet {
    /// The files of a new run, or of one that goes on after `resumed`.
    pub(super) fn new(
        config: &BackupConfig,
        resumed: Option<(State, Ledger)>,
        stats: Arc<BackupStats>,
        cancel: CancellationToken,
    ) -> Self {
        let created = resumed
            .as_ref()
            .map_or(0, |(state, _)| state.next_number.saturating_sub(1));
        Self {
            target: config.target.clone(),
            names: Names::new(&config.namespace, &config.prefix, None),
            wrap: config.wrap.clone(),
            namespace: config.namespace.clone(),
            remove_files: resumed
                .as_ref()
                .map_or(config.remove_files, |(state, _)| state.replaces),
            remove_early: config.remove_files && config.remove_early,
            is_deferred: AtomicBool::new(false),
            created: AtomicU64::new(created),
            begun: Mutex::default(),
            published: Mutex::default(),
            journal: resumed.map_or_else(Journal::default, |(state, ledger)| {
                Journal::resume(&state, ledger)
            }),
            is_hashed: config.manifest,
            bandwidth: Limiter::new(config.bytes_per_second),
            cancel,
            stats,
        }
    }

    /// The names of lock, state and manifest.
    pub(super) fn beside(&self) -> SetNames {
        self.names.beside(self.store().single_name())
    }

    /// Whether an old set goes once the new one is complete; a continuation must know it.
    pub(super) fn replaces(&self) -> bool {
        let can_wait = self.store().capabilities().deferred_publish;
        self.remove_files && (self.is_deferred.load(Ordering::Relaxed) || !can_wait)
    }

    /// The number of the first file that this run, or this continuation, will begin.
    pub(super) fn next_number(&self) -> u64 {
        self.created.load(Ordering::Relaxed).saturating_add(1)
    }

    pub(super) const fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(super) fn store(&self) -> &dyn Store {
        &**self.target.store()
    }

    pub(super) const fn is_directory(&self) -> bool {
        matches!(self.target, BackupTarget::Directory(_))
    }

    /// Whether files can be made durable half-way, and continued there.
    pub(super) fn is_resumable(&self) -> bool {
        self.store().capabilities().resumable
    }

    /// Whether the target can take a backup, without touching anything.
    pub(super) fn check_target(&self) -> Result<(), Error> {
        let store = self.store();
        if self.is_directory() {
            backup_storage::name::check(&self.names.file(Role::Metadata, 1))?;
        }
        store.check_writable()?;
        if !store.capabilities().named {
            return Ok(());
        }
        self.check_unlocked()?;
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

    /// Whether nobody is writing there now.
    fn check_unlocked(&self) -> Result<(), Error> {
        let now = SystemTime::now();
        let live = match lock::live_locks(self.store(), now) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            live => live?,
        };
        match live.into_iter().next() {
            None => Ok(()),
            Some((name, holder)) => {
                let file = self.store().location_of(&name);
                Err(Error::Lock(lock::held(file, holder, now)))
            }
        }
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
        let Some(entry) = store.offending_entry(|_| false)? else {
            return Ok(());
        };
        let beside = self.beside();
        let ours = |entry: &Entry| match backup_storage::name::final_of(&entry.name) {
            Some(name) => self.names.owns(name),
            None => entry.name == beside.state() || entry.name == beside.lock(),
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

    /// Takes away what could be mistaken for a state of this run, before anything is written.
    pub(super) fn begin(&self, keeper: Option<&Keeper>) -> Result<(), Error> {
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

    /// Brings the target to what the state says: files that it does not know go, those that
    /// were renamed after it was written get their `.part` back, and those that it calls
    /// complete have to be there.
    pub(super) fn restore_state(&self, state: &Place) -> Result<(), Error> {
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
    fn is_ours(&self, name: &str) -> bool {
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

    /// Begins a file and writes its header and meta lines.
    pub(super) fn open(&self, role: Role, version: Version) -> Result<OpenFile, Error> {
        let number = self.created.fetch_add(1, Ordering::Relaxed) + 1;
        let name = match self.store().single_name() {
            Some(name) => name.to_owned(),
            None => self.names.file(role, number),
        };
        let upload = self.store().create(&name)?;
        lock(&self.begun).push(name.clone());
        let mut file = OpenFile {
            upload,
            encoder: self.wrap.encoder(&name)?,
            hasher: self.is_hashed.then(BlockHasher::new),
            stored: Vec::new(),
            number,
            name,
            plain_bytes: 0,
            records: 0,
            globals: None,
        };
        let (encoder, mut head) = (Encoder::new(), Vec::with_capacity(64));
        encoder.header(&mut head, version);
        encoder.namespace_meta(&mut head, self.namespace.as_bytes());
        if number == 1 {
            encoder.first_file(&mut head);
        }
        self.write(&mut file, &head, 0)?;
        Ok(file)
    }

    /// Goes on with a file where it is durable.
    pub(super) fn reopen(&self, state: &FileState) -> Result<OpenFile, Error> {
        let encoder = self
            .wrap
            .resume(&state.name, state.bytes, self.header(state)?)?;
        let upload = self.store().reopen(&state.name, state.bytes)?;
        lock(&self.begun).push(state.name.clone());
        Ok(OpenFile {
            upload,
            encoder,
            hasher: self.is_hashed.then(|| self.rehash(state)).transpose()?,
            stored: Vec::new(),
            number: state.number,
            name: state.name.clone(),
            plain_bytes: state.plain_bytes,
            records: state.records,
            globals: None,
        })
    }

    /// Appends indexes and modules.
    pub(super) fn write_globals(
        &self,
        file: &mut OpenFile,
        text: &[u8],
        counts: WrittenGlobals,
    ) -> Result<(), Error> {
        self.write(file, text, 0)?;
        file.globals = Some(counts);
        Ok(())
    }

    /// Appends text with so many records.
    pub(super) fn write(
        &self,
        file: &mut OpenFile,
        text: &[u8],
        records: u64,
    ) -> Result<(), Error> {
        file.plain_bytes = file.plain_bytes.saturating_add(text.len() as u64);
        file.records = file.records.saturating_add(records);
        if file.encoder.is_plain() {
            return self.store_bytes(file, text);
        }
        self.wrapped(file, |encoder, stored| encoder.write(text, stored))
    }

    /// Lets the envelope put out bytes, and stores them.
    fn wrapped(
        &self,
        file: &mut OpenFile,
        encode: impl FnOnce(&mut EnvelopeEncoder, &mut Vec<u8>) -> Result<(), backup_envelope::Error>,
    ) -> Result<(), Error> {
        let mut stored = std::mem::take(&mut file.stored);
        stored.clear();
        encode(&mut file.encoder, &mut stored)
            .map_err(|source| wrap::failed(&file.name, source))?;
        self.store_bytes(file, &stored)?;
        file.stored = stored;
        Ok(())
    }

    fn store_bytes(&self, file: &mut OpenFile, bytes: &[u8]) -> Result<(), Error> {
        if let Some(limit) = &self.bandwidth {
            let waited = limit.wait_blocking(bytes.len() as u64, &self.cancel);
            self.stats.throttled_ms.add(millis(waited));
        }
        if let Some(hasher) = &mut file.hasher {
            hasher.update(bytes);
        }
        file.upload.write_all(bytes)?;
        self.stats.bytes_written.add(bytes.len() as u64);
        Ok(())
    }

    /// The hasher of a file that is continued: complete blocks are known by the state, and the
    /// durable part of the last one is read again.
    fn rehash(&self, state: &FileState) -> Result<BlockHasher, Error> {
        let resumed = BlockHasher::resume(state.blocks.clone(), state.bytes);
        let (mut hasher, offset) = resumed
            .ok_or_else(|| Error::Internal(format!("the state lacks hashes of {}", state.name)))?;
        let part = backup_storage::name::part_of(&state.name);
        let mut tail = Vec::new();
        let rest = state.bytes.saturating_sub(offset);
        let read = self
            .store()
            .open(&part, offset)?
            .take(rest)
            .read_to_end(&mut tail);
        read.map_err(backup_storage::Error::from_read)?;
        hasher.update(&tail);
        Ok(hasher)
    }

    /// The first bytes of a file, of which an encrypted one needs the header.
    fn header(&self, state: &FileState) -> Result<[u8; HEADER_BYTES], Error> {
        let mut header = [0; HEADER_BYTES];
        if self.wrap.key.is_some() {
            let part = backup_storage::name::part_of(&state.name);
            let mut start = self.store().open(&part, 0)?;
            start
                .read_exact(&mut header)
                .map_err(backup_storage::Error::from_read)?;
        }
        Ok(header)
    }

    /// Makes durable what is written, where that is possible before the end of the file.
    pub(super) fn durable_point(
        &self,
        file: &mut OpenFile,
        pending: &mut Ledger,
    ) -> Result<(), Error> {
        self.wrapped(file, EnvelopeEncoder::end_frame)?;
        if let Durability::Bytes(bytes) = file.upload.durable_point()? {
            let state = file.state(bytes, false);
            self.journal.commit(state, file.globals.clone(), pending);
        }
        Ok(())
    }

    /// Completes a file: whole and durable. It gets its name now, unless an old set has to stay
    /// whole until all of the new one is.
    pub(super) fn finish(&self, mut file: OpenFile, pending: &mut Ledger) -> Result<(), Error> {
        self.wrapped(&mut file, EnvelopeEncoder::end_frame)?; // there is text: the header
        let mut state = file.state(file.upload.bytes(), true);
        if let Some(hasher) = file.hasher {
            let hash = hasher.finish();
            (state.blocks, state.hash) = (hash.blocks, Some(hash.whole));
        }
        let globals = file.globals;
        if self.is_deferred.load(Ordering::Relaxed) {
            file.upload.finish_unpublished()?;
        } else {
            file.upload.finish()?;
            lock(&self.published).push(file.name);
        }
        self.stats.files_written.add(1);
        self.journal.commit(state, globals, pending);
        Ok(())
    }

    /// Gives all files their names, and writes the manifest. An old set goes only now that the
    /// new one is durable: with a finished manifest it is complete under any of its names.
    pub(super) fn publish(&self, manifest: Option<(&str, &[u8])>) -> Result<(), Error> {
        let store = self.store();
        let is_deferred = self.is_deferred.load(Ordering::Relaxed);
        if let Some((name, content)) = manifest.filter(|_| is_deferred) {
            let mut upload = store.create(name)?;
            upload.write_all(content)?;
            upload.finish_unpublished()?;
        }
        let complete = self.journal.files();
        let names: Vec<&str> = complete.iter().map(|file| file.name.as_str()).collect();
        if self.remove_files && self.is_directory() {
            let manifest = manifest.map(|(name, _)| name);
            self.remove_old_set(&names, manifest)?;
        }
        if is_deferred && !names.is_empty() {
            store.publish(&names)?; // a single file replaces the old one in one step
        }
        match manifest {
            Some((name, _)) if is_deferred => Ok(store.publish(&[name])?),
            Some((name, content)) => Ok(store.put(name, content)?),
            None => Ok(()),
        }
    }

    fn remove_old_set(&self, new: &[&str], manifest: Option<&str>) -> Result<(), Error> {
        let store = self.store();
        let kept: Vec<&str> = new.iter().copied().chain(manifest).collect();
        for old in store.unfinished()? {
            let is_old = backup_storage::name::is_backup_file(&old.name) || self.is_ours(&old.name);
            if is_old && !kept.contains(&old.name.as_str()) {
                store.discard(&old.name)?;
            }
        }
        // Names that both sets have are taken over when the new files are published.
        let published = self.published()?;
        let old = published.iter().map(String::as_str);
        let old: Vec<&str> = old.filter(|name| !new.contains(name)).collect();
        Ok(store.delete(&old)?)
    }

    /// Names of the backup files in the target.
    fn published(&self) -> Result<Vec<String>, Error> {
        match self.store().list() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            entries => {
                let files = entries?.into_iter().filter(Entry::is_backup_file);
                Ok(files.map(|entry| entry.name).collect())
            }
        }
    }

    /// Removes everything that this run has begun or completed; it is called after a failure.
    pub(super) fn discard(&self) {
        let store = self.store();
        if !store.capabilities().named {
            return;
        }
        let begun = lock(&self.begun).clone();
        let parts = begun.iter().map(|name| (name, store.discard(name)));
        let published = lock(&self.published).clone();
        let whole = published.iter().map(|name| (name, store.delete(&[name])));
        for (name, removed) in parts.chain(whole) {
            if let Err(error) = removed {
                tracing::warn!(%name, %error, "a file of the failed backup stays behind");
            }
        }
    }
}

impl OpenFile {
    /// Bytes on the storage.
    pub(super) fn bytes(&self) -> u64 {
        self.upload.bytes()
    }

    fn state(&self, bytes: u64, closed: bool) -> FileState {
        FileState {
            number: self.number,
            name: self.name.clone(),
            closed,
            bytes,
            plain_bytes: self.plain_bytes,
            records: self.records,
            blocks: self
                .hasher
                .as_ref()
                .map_or_else(Vec::new, |hasher| hasher.full_blocks().to_vec()),
            hash: None,
        }
    }
}

fn lock(names: &Mutex<Vec<String>>) -> std::sync::MutexGuard<'_, Vec<String>> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}
