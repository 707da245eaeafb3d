//! The files of a run: how they are opened, written, made durable, completed and published
//! (`files-and-state.md` §1, §4, §7.2, §11).

mod check;
mod publish;
mod reading_back;

use self::reading_back::Proof;
use super::{
    BackupConfig, BackupTarget,
    journal::Journal,
    ledger::Ledger,
    names::{Layout, Names},
    pace::Pace,
    state::{FileState, State, WrittenGlobals},
    wrap::{self, Wrap},
};
use crate::{error::Error, manifest::BlockHasher, names::SetNames, stats::BackupStats};
use asb_format::{Encoder, Version};
use backup_envelope::{Encoder as EnvelopeEncoder, HEADER_BYTES};
use backup_storage::{Durability, Store, Upload};
use std::{
    io::Read,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio_util::sync::CancellationToken;

/// Text that is compressed or encrypted at a time, in bytes.
const PIECE_BYTES: usize = 512 << 10;

/// All files of a backup. Shared by the threads that write them.
#[derive(Debug)]
pub(super) struct FileSet {
    target: BackupTarget,
    names: Names,
    layout: Layout,
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
    /// What is written is read back first.
    verifies: bool,
    stats: Arc<BackupStats>,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Indexes and modules of a directory.
    Metadata,
    /// Records of a worker; everything, in a single file.
    Data(usize),
    /// What XDR has shipped, of a worker.
    Xdr(usize),
}

/// What a file begins with: header and meta lines.
pub(super) fn head(namespace: &str, version: Version, is_first: bool) -> Vec<u8> {
    let (encoder, mut head) = (Encoder::new(), Vec::with_capacity(64));
    encoder.header(&mut head, version);
    encoder.namespace_meta(&mut head, namespace.as_bytes());
    if is_first {
        encoder.first_file(&mut head);
    }
    head
}

/// A file that is being written.
#[derive(Debug)]
pub(super) struct OpenFile {
    upload: Box<dyn Upload>,
    encoder: EnvelopeEncoder,
    /// Reads back what the encoder gives, if that is wanted and not the text itself.
    proof: Option<Proof>,
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
            target: match Pace::of(config, &stats, cancel) {
                Some(pace) => pace.limit(&config.target),
                None => config.target.clone(),
            },
            names: Names::new(&config.namespace, &config.prefix, config.shard())
                .in_layout(config.layout),
            layout: config.layout,
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
            verifies: config.verify_writes,
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

    /// Whether this process writes what belongs to no partition.
    pub(super) fn has_globals(&self) -> bool {
        self.names.is_first()
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

    /// Whether indexes and modules have a file of their own.
    pub(super) fn has_metadata_file(&self) -> bool {
        self.is_directory() && self.layout == Layout::Go
    }

    /// Whether files can be made durable half-way, and continued there.
    pub(super) fn is_resumable(&self) -> bool {
        self.store().capabilities().resumable
    }

    /// Names of data files as `workers` begin them, `<n>` in the place of numbers, and before them
    /// that of the file of indexes and modules.
    pub(super) fn data_names(&self, workers: usize, has_metadata: bool) -> Vec<String> {
        if let Some(single) = self.store().single_name() {
            return vec![single.to_owned()];
        }
        if !self.is_directory() {
            return Vec::new(); // a stream
        }
        let metadata = has_metadata.then_some(Role::Metadata);
        let roles = metadata.into_iter().chain((0..workers).map(Role::Data));
        let numbered = |role| {
            let name = self.names.file(role, 1);
            name.strip_suffix("1.asb")
                .map_or_else(|| name.clone(), |stem| format!("{stem}<n>.asb"))
        };
        let mut names: Vec<_> = roles.map(numbered).collect();
        names.dedup(); // with a prefix, all workers have the same
        names
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
            proof: self.proof(),
            hasher: self.is_hashed.then(BlockHasher::new),
            stored: Vec::new(),
            number,
            name,
            plain_bytes: 0,
            records: 0,
            globals: None,
        };
        let is_first = number == 1 && self.names.is_first();
        let head = match role {
            Role::Xdr(_) => self.asbx_head(number)?,
            Role::Metadata | Role::Data(_) => head(&self.namespace, version, is_first),
        };
        self.write(&mut file, &head, 0)?;
        Ok(file)
    }

    /// Header of what XDR ships.
    fn asbx_head(&self, number: u64) -> Result<Vec<u8>, Error> {
        let header = asbx_format::Header::new(number, self.namespace.as_bytes());
        let header = header.ok_or_else(|| {
            Error::Internal(format!(
                "no file can hold the namespace {:?}",
                self.namespace
            ))
        })?;
        let mut head = Vec::with_capacity(asbx_format::HEADER_SIZE);
        header.encode(&mut head);
        Ok(head)
    }

    /// Goes on with a file where it is durable.
    pub(super) fn reopen(&self, state: &FileState) -> Result<OpenFile, Error> {
        let header = self.header(state)?;
        let encoder = self.wrap.resume(&state.name, state.bytes, header)?;
        let upload = self.store().reopen(&state.name, state.bytes)?;
        lock(&self.begun).push(state.name.clone());
        Ok(OpenFile {
            upload,
            encoder,
            proof: self.proof_from(state, header)?,
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
        if self.verifies {
            self.check_globals(file, text, &counts)?;
        }
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
        // In pieces, so that what comes out is never as large as a large record.
        let mut rest = text;
        while let Some((piece, more)) = rest.split_at_checked(PIECE_BYTES) {
            self.wrapped(file, piece, EnvelopeEncoder::write_part)?;
            rest = more;
        }
        self.wrapped(file, rest, EnvelopeEncoder::write)
    }

    /// Ends a frame: all text so far is in the stored bytes.
    fn end_frame(&self, file: &mut OpenFile) -> Result<(), Error> {
        self.wrapped(file, &[], |encoder, _, stored| encoder.end_frame(stored))?;
        let proof = file.proof.as_ref();
        let ended = proof.map_or(Ok(()), Proof::check_end);
        ended.map_err(|(offset, source)| self.unreadable(file, offset, source))
    }

    /// Lets the envelope put out bytes for `text`, and stores them.
    pub(super) fn wrapped(
        &self,
        file: &mut OpenFile,
        text: &[u8],
        encode: impl FnOnce(
            &mut EnvelopeEncoder,
            &[u8],
            &mut Vec<u8>,
        ) -> Result<(), backup_envelope::Error>,
    ) -> Result<(), Error> {
        let mut stored = std::mem::take(&mut file.stored);
        stored.clear();
        let compress = &self.stats.load.compress;
        let encoded = compress.time(|| encode(&mut file.encoder, text, &mut stored));
        encoded.map_err(|source| wrap::failed(&file.name, source))?;
        if let Some(proof) = &mut file.proof
            && let Err((offset, source)) = compress.time(|| proof.check(text, &stored))
        {
            return Err(self.unreadable(file, offset, source));
        }
        self.store_bytes(file, &stored)?;
        file.stored = stored;
        Ok(())
    }

    fn store_bytes(&self, file: &mut OpenFile, bytes: &[u8]) -> Result<(), Error> {
        let OpenFile { hasher, upload, .. } = file;
        self.stats.load.write.time(|| {
            if let Some(hasher) = hasher {
                hasher.update(bytes);
            }
            upload.write_all(bytes)
        })?;
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
        self.end_frame(file)?;
        let upload = &mut file.upload;
        let durable = self.stats.load.write.time(|| upload.durable_point())?;
        if let Durability::Bytes(bytes) = durable {
            let state = file.state(bytes, false);
            self.journal.commit(state, file.globals.clone(), pending);
        }
        Ok(())
    }

    /// Completes a file: whole and durable. It gets its name now, unless an old set has to stay
    /// whole until all of the new one is.
    pub(super) fn finish(&self, mut file: OpenFile, pending: &mut Ledger) -> Result<(), Error> {
        self.end_frame(&mut file)?; // there is text: the header
        let mut state = file.state(file.upload.bytes(), true);
        if let Some(hasher) = file.hasher {
            let hash = hasher.finish();
            (state.blocks, state.hash) = (hash.blocks, Some(hash.whole));
        }
        let globals = file.globals;
        let (upload, write) = (file.upload, &self.stats.load.write);
        if self.is_deferred.load(Ordering::Relaxed) {
            write.time(|| upload.finish_unpublished())?;
        } else {
            write.time(|| upload.finish())?;
            lock(&self.published).push(file.name);
        }
        self.stats.files_written.add(1);
        self.journal.commit(state, globals, pending);
        Ok(())
    }

    /// Removes everything that this run has begun or completed; it is called after a failure.
    pub(super) fn discard(&self) {
        let store = self.store();
        if !store.capabilities().named {
            return;
        }
        self.discard_unfinished();
        for name in lock(&self.published).clone() {
            warn_of(&name, store.delete(&[&name]));
        }
    }

    /// Removes what this run has begun and not completed.
    pub(super) fn discard_unfinished(&self) {
        let published = lock(&self.published).clone();
        for name in lock(&self.begun).clone() {
            // Local disk forgets a published file's part by itself; a bucket would have to be asked.
            if !published.contains(&name) {
                warn_of(&name, self.store().discard(&name));
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

fn warn_of(name: &str, removed: Result<(), backup_storage::Error>) {
    if let Err(error) = removed {
        tracing::warn!(%name, %error, "a file of the failed backup stays behind");
    }
}

fn lock(names: &Mutex<Vec<String>>) -> std::sync::MutexGuard<'_, Vec<String>> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}
