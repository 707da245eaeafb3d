//! Which files make up the input (`files-and-state.md` §5).

use super::{
    RestoreSource, Unwrap,
    chain::{self, Link, Member},
    content::PLAIN,
    state::FileState,
    throttle::Throttle,
};
use crate::{
    error::Error,
    lock::Holder,
    manifest::{
        BLOCK_BYTES, BlockError, BlockReader, FileEntry, FileHash, Inspection, Note, ReadOptions,
        SetError, SetKey, Verdict, WholeSet, check_block, inspect,
    },
    names::Shard,
    stats::SourceSet,
};
use backup_envelope::{Decoder, HEAD_BYTES};
use backup_storage::{Download, Entry, EntryKind, Store, StoreExt};
use std::{collections::BTreeSet, io::Read, sync::Arc, time::SystemTime};

/// How the manifest of a set is treated (`files-and-state.md` §5.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trust {
    /// Take the closed files of a set that was never finished.
    pub allow_incomplete: bool,
    /// Treat the set as one of another tool.
    pub ignore_manifest: bool,
}

/// A file to be read.
#[derive(Debug, Clone)]
pub(super) struct InputFile {
    store: Arc<dyn Store>,
    entry: Entry,
    /// Path for messages.
    pub(super) shown: Arc<str>,
    /// What the manifest says about it.
    hash: Option<FileHash>,
    /// Records in it, by the manifest.
    records: Option<u64>,
    /// BLAKE3 of its first block, if that was asked for.
    first_block: Option<String>,
    /// Which one of the source's places it lies in, from 0.
    place: usize,
}

impl InputFile {
    fn new(store: &Arc<dyn Store>, entry: Entry, hash: Option<FileHash>) -> Self {
        Self {
            store: Arc::clone(store),
            shown: store.location_of(&entry.name).into(),
            entry,
            hash,
            records: None,
            first_block: None,
            place: 0,
        }
    }

    /// Records in it, if the manifest says so.
    pub(super) const fn records(&self) -> Option<u64> {
        self.records
    }

    pub(super) fn name(&self) -> &str {
        &self.entry.name
    }

    /// Whether it holds nothing but indexes and modules, by its name.
    pub(super) fn is_metadata(&self) -> bool {
        self.name().starts_with("metadata_")
    }

    /// Whether a manifest speaks of it.
    pub(super) const fn is_listed(&self) -> bool {
        self.hash.is_some()
    }

    /// Whether it is no ASBX file.
    fn is_text(&self) -> bool {
        let name = &self.entry.name;
        let name = backup_storage::name::final_of(name).unwrap_or(name);
        !asbx_format::FileName::is_asbx(name)
    }

    /// Bytes, where known.
    pub(super) const fn size(&self) -> Option<u64> {
        self.entry.size
    }

    /// The first block if it `is_wanted` or its hash is known, else as much as tells what the file
    /// is. Nothing of what can be read only once.
    fn beginning(&self, is_wanted: bool) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        if self.entry.kind == EntryKind::File {
            let limit = match &self.hash {
                Some(_) => BLOCK_BYTES,
                None if is_wanted => BLOCK_BYTES,
                None => HEAD_BYTES as u64,
            };
            let len = self.entry.size.unwrap_or(limit).min(limit);
            bytes.reserve_exact(usize::try_from(len).unwrap_or_default().saturating_add(1));
            let download = self.store.open_entry(&self.entry)?;
            let read = download.take(limit).read_to_end(&mut bytes);
            read.map_err(|error| Error::Storage(backup_storage::Error::from_read(error)))?;
        }
        Ok(bytes)
    }

    /// Whether `block` is the first one, as far as anybody knows.
    fn begins_with(&self, block: &[u8]) -> Option<bool> {
        let hash = self.hash.as_ref().filter(|hash| hash.bytes > 0)?;
        Some(check_block(hash, 0, block).is_ok())
    }
}

/// Something about the input that is no matter of a single file that can be read.
#[derive(Debug)]
pub(super) struct Problem {
    /// The file or directory.
    pub(super) shown: String,
    /// What is wrong.
    pub(super) error: Error,
}

/// The input of a restore.
#[derive(Debug)]
pub(super) struct Input {
    /// How the files are wrapped.
    pub(super) unwrap: Unwrap,
    /// The limit of what is read from the storage.
    pub(super) throttle: Option<Arc<Throttle>>,
    /// What the manifests speak of.
    members: Vec<Member>,
    /// The same for users.
    pub(super) sources: Vec<SourceSet>,
    /// The sets in order of time, where they go on from each other.
    links: Vec<Link>,
    /// Files with content, those with metadata first.
    pub(super) files: Vec<InputFile>,
    /// Files of 0 bytes, as a killed backup of other tools leaves them.
    pub(super) empty: Vec<InputFile>,
    /// Directories and files without a manifest.
    unproved: Vec<String>,
    problems: Vec<Problem>,
}

impl Input {
    /// Lists the files, and compares them with the manifests if there are some. All directories
    /// are looked at before anything else happens.
    ///
    /// # Errors
    /// [`Error::InputEmpty`], [`Error::InputUnfinished`], [`Error::Set`], or what the storage
    /// says: the first problem of all.
    pub(super) fn list(source: RestoreSource, unwrap: Unwrap, trust: Trust) -> Result<Self, Error> {
        let mut input = Self::look(&source, unwrap, trust)?;
        let first = std::mem::take(&mut input.problems).into_iter().next();
        first.map_or(Ok(input), |problem| Err(problem.error))
    }

    /// The same for a validation: what speaks against the set is a finding beside those of the
    /// files, and no reason not to look at them.
    ///
    /// # Errors
    /// What the storage says.
    pub(super) fn inspect(
        source: RestoreSource,
        unwrap: Unwrap,
        trust: Trust,
    ) -> Result<(Self, Vec<Problem>), Error> {
        let mut input = Self::look(&source, unwrap, trust)?;
        let problems = std::mem::take(&mut input.problems);
        Ok((input, problems))
    }

    fn look(source: &RestoreSource, unwrap: Unwrap, trust: Trust) -> Result<Self, Error> {
        let options = ReadOptions {
            key: unwrap
                .key
                .as_ref()
                .map(|key| SetKey::derive(key.expose_bytes())),
            ignore_manifest: trust.ignore_manifest,
            now: SystemTime::now(),
        };
        let mut input = Self {
            unwrap,
            throttle: None,
            members: Vec::new(),
            sources: Vec::new(),
            links: Vec::new(),
            files: Vec::new(),
            empty: Vec::new(),
            unproved: Vec::new(),
            problems: Vec::new(),
        };
        for (place, store) in source.stores().iter().enumerate() {
            input.add(source, (place, store), &options, trust)?;
        }
        let places: Vec<_> = source
            .stores()
            .iter()
            .map(|store| store.location())
            .collect();
        // Where a manifest cannot be used, nobody can say what is linked to what.
        if let [_, _, ..] = places[..]
            && input.problems.is_empty()
        {
            let (links, problems) = chain::of(&input.members, &places);
            input.links = links;
            input.problems.extend(problems);
        }
        input.files.sort_by_key(|file| !file.is_metadata());
        Ok(input)
    }

    /// Adds what lies in `store`.
    fn add(
        &mut self,
        source: &RestoreSource,
        (place, store): (usize, &Arc<dyn Store>),
        options: &ReadOptions,
        trust: Trust,
    ) -> Result<(), Error> {
        let before = self.problems.len();
        let Inspection { verdict, problems } = inspect(&**store, options)?;
        let is_whole = matches!(verdict, Verdict::Whole(_));
        for error in problems {
            let file = error.file().map(|file| store.location_of(file));
            self.problems.push(Problem {
                shown: file.unwrap_or_else(|| store.location().to_owned()),
                error: set_error(store, error),
            });
        }
        let files = match verdict {
            Verdict::Whole(set) => {
                let manifests = set.manifests.iter().map(|(manifest, _)| manifest);
                for manifest in manifests {
                    let shown = store.location();
                    self.members.push(Member::new(place, shown, manifest));
                    self.sources.push(SourceSet::new(shown, manifest));
                }
                let problem = |error| Problem {
                    shown: store.location().to_owned(),
                    error,
                };
                let refused = self.unwrap.check_key(&**store, &set);
                self.problems.extend(refused.err().map(problem));
                whole(source, store, &set)?
            }
            Verdict::Unfinished {
                found,
                closed,
                holder,
                missing,
            } => {
                let entry = found.into_iter().next().unwrap_or_default();
                self.unfinished(store, entry, (holder, missing), trust);
                let entries = closed
                    .iter()
                    .map(|name| Ok(InputFile::new(store, store.stat(name)?, None)));
                entries.collect::<Result<_, Error>>()?
            }
            Verdict::Foreign { notes } => {
                notes.iter().for_each(|note| tracing::warn!("{note}"));
                self.unproved.push(store.location().to_owned());
                foreign(source, store)?
            }
        };
        // Those that XDR has shipped are restored in another way.
        let mut files: Vec<_> = files.into_iter().filter(InputFile::is_text).collect();
        if files.is_empty() && !is_whole && self.problems.len() == before {
            self.problems.push(Problem {
                shown: store.location().to_owned(),
                error: Error::InputEmpty {
                    source_name: store.location().to_owned(),
                },
            });
        }
        files.iter_mut().for_each(|file| file.place = place);
        let is_empty = |file: &InputFile| source.is_directory() && file.size() == Some(0);
        let (empty, files): (Vec<_>, Vec<_>) = files.into_iter().partition(is_empty);
        if store.capabilities().named {
            let all: Vec<&str> = files.iter().map(InputFile::name).collect();
            store.make_readable(&all)?;
        }
        self.empty.extend(empty);
        self.files.extend(files);
        Ok(())
    }

    fn unfinished(
        &mut self,
        store: &Arc<dyn Store>,
        entry: String,
        (holder, missing): (Option<Box<Holder>>, Vec<Shard>),
        trust: Trust,
    ) {
        if trust.allow_incomplete {
            tracing::warn!(%entry, "the backup was never completed; its closed files are taken");
            self.unproved.push(store.location().to_owned());
            return;
        }
        self.problems.push(Problem {
            shown: store.location_of(&entry),
            error: Error::InputUnfinished {
                source_name: store.location().to_owned(),
                entry,
                holder,
                missing,
            },
        });
    }

    /// Says what the user should know about an input that is taken.
    pub(super) fn tell(&self) {
        for place in &self.unproved {
            tracing::info!("{place} has no manifest: nothing proves that it is complete");
        }
    }

    /// Whether it is a backup of `expected`, as far as manifests say.
    pub(super) fn check_namespace(&self, expected: &str) -> Result<(), Error> {
        let mut all = self.members.iter();
        match all.find(|member| member.namespace != expected) {
            None => Ok(()),
            Some(member) => Err(Error::OtherSource {
                source_name: member.shown.clone(),
                found: member.namespace.clone(),
                expected: expected.to_owned(),
            }),
        }
    }

    /// Looks at the beginning of each file before the first write: whether it is the one that its
    /// manifest means, so that files that were exchanged for others of the same size are found,
    /// and whether compression and encryption are as they should be. With `is_to_be_known`, a hash
    /// of each beginning is kept.
    ///
    /// # Errors
    /// [`Error::Set`] with [`SetError::Exchanged`], [`Error::Altered`], [`Error::Envelope`], or what the storage says.
    pub(super) fn check_beginnings(&mut self, is_to_be_known: bool) -> Result<(), Error> {
        let mut blocks = Vec::with_capacity(self.files.len());
        for file in &self.files {
            let bytes = file.beginning(is_to_be_known)?;
            self.check_beginning(file, &bytes)?;
            blocks.push(is_to_be_known.then(|| blake3::hash(&bytes).to_hex().to_string()));
        }
        for (file, block) in self.files.iter_mut().zip(blocks) {
            file.first_block = block;
        }
        Ok(())
    }

    /// What a state says of the files.
    pub(super) fn states(&self) -> Vec<FileState> {
        let state = |file: &InputFile| FileState {
            name: file.shown.to_string(),
            bytes: file.size().unwrap_or_default(),
            block: file.first_block.clone().unwrap_or_default(),
            ..FileState::default()
        };
        self.files.iter().map(state).collect()
    }

    /// The runs that the manifests speak of.
    pub(super) fn run_ids(&self) -> Vec<String> {
        self.members
            .iter()
            .map(|member| member.run.clone())
            .collect()
    }

    fn check_beginning(&self, file: &InputFile, bytes: &[u8]) -> Result<(), Error> {
        if file.begins_with(bytes) == Some(false) {
            let mut others = self.files.iter();
            let other = others.find(|other| other.begins_with(bytes) == Some(true));
            return Err(match other {
                Some(other) => {
                    let (name, holds) = (file.entry.name.clone(), other.entry.name.clone());
                    set_error(&file.store, SetError::Exchanged { file: name, holds })
                }
                None => Error::Altered {
                    file: file.shown.to_string(),
                    source: BlockError::Altered {
                        start: 0,
                        end: bytes.len() as u64,
                    },
                },
            });
        }
        let unwrap = self.unwrap_of(file);
        if unwrap.plain_metadata && bytes.starts_with(PLAIN) {
            return Ok(());
        }
        let mut decoder = Decoder::new(unwrap.decoder_options());
        match decoder.read(bytes, &mut Vec::with_capacity(1)) {
            Ok(_) => Ok(()),
            Err(source) => Err(Error::Envelope {
                file: file.shown.to_string(),
                source,
            }),
        }
    }

    /// How a file is wrapped, or may be.
    pub(super) fn unwrap_of(&self, file: &InputFile) -> Unwrap {
        Unwrap {
            plain_metadata: self.unwrap.plain_metadata && file.is_metadata(),
            ..self.unwrap.clone()
        }
    }

    /// Whether it was made by run `expected`, which only manifests can say.
    pub(super) fn check_run(&self, expected: &str) -> Result<(), Error> {
        let mut others = self.members.iter().filter(|member| member.run != expected);
        let (place, found) = match (others.next(), &self.unproved[..]) {
            (Some(other), _) => (&other.shown, Some(other.run.clone())),
            (None, [place, ..]) => (place, None),
            (None, []) => return Ok(()),
        };
        Err(Error::SourceOfOtherRun {
            source_name: place.clone(),
            found,
            expected: expected.to_owned(),
        })
    }

    /// The sets of a chain in order of time; empty where there is none.
    pub(super) fn links(&self) -> &[Link] {
        &self.links
    }

    /// The files of each set of a chain, in order of time; everything together where there is
    /// none.
    pub(super) fn into_links(mut self) -> Vec<(Option<Link>, Self)> {
        let links = std::mem::take(&mut self.links);
        if links.is_empty() {
            return vec![(None, self)];
        }
        let mut left = std::mem::take(&mut self.files);
        let links = links.into_iter().map(|link| {
            let of_link = |file: &mut InputFile| file.place == link.place;
            let input = Self {
                unwrap: self.unwrap.clone(),
                throttle: self.throttle.clone(),
                members: Vec::new(),
                sources: Vec::new(),
                links: Vec::new(),
                files: left.extract_if(.., of_link).collect(),
                empty: Vec::new(),
                unproved: Vec::new(),
                problems: Vec::new(),
            };
            (Some(link), input)
        });
        links.collect()
    }

    /// Bytes of all files; 0 when a size is not known.
    pub(super) fn total_bytes(&self) -> u64 {
        self.files
            .iter()
            .map(InputFile::size)
            .sum::<Option<u64>>()
            .unwrap_or_default()
    }

    /// Opens a file. One that has gone or shrunk since it was listed is an error; with a
    /// manifest, every block is checked before any of it is handed out.
    pub(super) fn open(&self, file: &InputFile) -> Result<Box<dyn Read + Send>, Error> {
        let mut download: Box<dyn Download> = file.store.open_entry(&file.entry)?;
        if let Some(throttle) = &self.throttle {
            download = throttle.slow(download);
        }
        Ok(match &file.hash {
            Some(hash) => Box::new(BlockReader::new(download, hash.clone())),
            None => Box::new(download),
        })
    }
}

impl Input {
    /// Opens a file at `offset` or, with a manifest, at the beginning of the block there, so that
    /// it can be checked; and says where.
    pub(super) fn open_near(
        &self,
        file: &InputFile,
        offset: u64,
    ) -> Result<(Box<dyn Read + Send>, u64), Error> {
        let number = offset / BLOCK_BYTES;
        let start = match &file.hash {
            Some(_) => number.saturating_mul(BLOCK_BYTES),
            None => offset,
        };
        let mut download = file.store.open(file.name(), start)?;
        if let Some(throttle) = &self.throttle {
            download = throttle.slow(download);
        }
        let reader: Box<dyn Read + Send> = match &file.hash {
            Some(hash) => {
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                Box::new(BlockReader::at_block(download, hash.clone(), number))
            }
            None => Box::new(download),
        };
        Ok((reader, start))
    }
}

fn set_error(store: &Arc<dyn Store>, error: SetError) -> Error {
    match error {
        SetError::Storage(error) => Error::Storage(error),
        error => Error::Set {
            source_name: store.location().to_owned(),
            source: Box::new(error),
        },
    }
}

/// The files of a set with a manifest, and in a directory those that should not be there.
fn whole(
    source: &RestoreSource,
    store: &Arc<dyn Store>,
    set: &WholeSet,
) -> Result<Vec<InputFile>, Error> {
    set.notes.iter().for_each(|note| tracing::warn!("{note}"));
    let listed = set.files.iter().map(|file| {
        let entry = store.stat(&file.stored)?;
        // Of another size: a problem already, and its blocks say nothing more.
        let is_same = |listed: &&FileEntry| entry.size == Some(listed.bytes);
        let hash = set.entry(file).filter(is_same).map(FileEntry::hash);
        let mut listed = InputFile::new(store, entry, hash);
        listed.records = set.entry(file).map(|entry| entry.records);
        Ok(listed)
    });
    let mut files = listed.collect::<Result<Vec<_>, Error>>()?;
    if source.is_directory() {
        let taken: BTreeSet<_> = set.files.iter().map(|file| file.stored.as_str()).collect();
        let is_ignored = |name: &str| {
            let mut notes = set.notes.iter();
            notes.any(|note| matches!(note, Note::LeftOver { file } if file == name))
        };
        let others = entries(&**store)?
            .into_iter()
            .filter(|entry| !taken.contains(entry.name.as_str()) && !is_ignored(&entry.name));
        files.extend(others.map(|entry| InputFile::new(store, entry, None)));
    }
    Ok(files)
}

/// The files of a set that nothing is known about.
fn foreign(source: &RestoreSource, store: &Arc<dyn Store>) -> Result<Vec<InputFile>, Error> {
    if source.is_directory() {
        let files = entries(&**store)?.into_iter();
        return Ok(files
            .map(|entry| InputFile::new(store, entry, None))
            .collect());
    }
    let name = store.single_name().unwrap_or_default().to_owned();
    let entry = if store.capabilities().named {
        store.stat(&name)?
    } else {
        // Somebody may have said how much will come.
        let size = store.list()?.first().and_then(|entry| entry.size);
        let kind = EntryKind::Other;
        Entry { name, kind, size }
    };
    let shown = store.location().into();
    Ok(vec![InputFile {
        store: Arc::clone(store),
        entry,
        shown,
        hash: None,
        records: None,
        first_block: None,
        place: 0,
    }])
}

/// The data files directly in a directory. Nested and foreign files are none.
fn entries(store: &dyn Store) -> Result<Vec<Entry>, Error> {
    let mut entries = store.list()?;
    entries.retain(|entry| {
        let is_backup = entry.name.len() > ".asb".len() && entry.name.ends_with(".asb");
        entry.kind == EntryKind::File && is_backup
    });
    Ok(entries)
}
