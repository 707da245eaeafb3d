//! Which files make up the input (`files-and-state.md` §5).

use super::{RestoreSource, Unwrap};
use crate::error::Error;
use backup_storage::{Download, Entry, EntryKind, StoreExt};
use std::sync::Arc;

/// A file to be read.
#[derive(Debug, Clone)]
pub(super) struct InputFile {
    entry: Entry,
    /// Path for messages.
    pub(super) shown: Arc<str>,
}

impl InputFile {
    /// Bytes, where known.
    pub(super) const fn size(&self) -> Option<u64> {
        self.entry.size
    }
}

/// The input of a restore.
#[derive(Debug)]
pub(super) struct Input {
    source: RestoreSource,
    /// How the files are wrapped.
    pub(super) unwrap: Unwrap,
    /// Files with content, those with metadata first.
    pub(super) files: Vec<InputFile>,
    /// Files of 0 bytes, as a killed backup of other tools leaves them.
    pub(super) empty: Vec<InputFile>,
}

impl Input {
    /// Lists the files.
    ///
    /// # Errors
    /// [`Error::InputEmpty`], [`Error::InputUnfinished`], or what the storage says.
    pub(super) fn list(source: RestoreSource, unwrap: Unwrap) -> Result<Self, Error> {
        match &source {
            RestoreSource::Single(_) => Self::single(source, unwrap),
            RestoreSource::Directory(_) => Self::directory(source, unwrap),
        }
    }

    fn single(source: RestoreSource, unwrap: Unwrap) -> Result<Self, Error> {
        let store = source.store();
        let name = store.single_name().unwrap_or_default().to_owned();
        let entry = if store.capabilities().named {
            store.stat(&name)?
        } else {
            let (kind, size) = (EntryKind::Other, None);
            Entry { name, kind, size }
        };
        let shown = store.location().into();
        let files = vec![InputFile { entry, shown }];
        Ok(Self {
            source,
            unwrap,
            files,
            empty: Vec::new(),
        })
    }

    fn directory(source: RestoreSource, unwrap: Unwrap) -> Result<Self, Error> {
        let store = source.store();
        let mut files = Vec::new();
        let mut unfinished = None;
        for entry in store
            .list()?
            .into_iter()
            .filter(|entry| entry.kind == EntryKind::File)
        {
            if entry.is_part() {
                unfinished.get_or_insert(entry.name);
            } else if entry.name.len() > ".asb".len() && entry.name.ends_with(".asb") {
                let shown = store.location_of(&entry.name).into();
                files.push(InputFile { entry, shown });
            }
        }
        let source_name = || store.location().to_owned();
        if let Some(entry) = unfinished {
            return Err(Error::InputUnfinished {
                source_name: source_name(),
                entry,
            });
        }
        if files.is_empty() {
            return Err(Error::InputEmpty {
                source_name: source_name(),
            });
        }
        let (empty, mut files): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| file.size() == Some(0));
        files.sort_by_key(|file| !file.entry.name.starts_with("metadata_"));
        Ok(Self {
            source,
            unwrap,
            files,
            empty,
        })
    }

    /// Bytes of all files; 0 when a size is not known.
    pub(super) fn total_bytes(&self) -> u64 {
        self.files
            .iter()
            .map(InputFile::size)
            .sum::<Option<u64>>()
            .unwrap_or_default()
    }

    /// Opens a file. One that has gone or shrunk since it was listed is an error.
    pub(super) fn open(&self, file: &InputFile) -> Result<Box<dyn Download>, Error> {
        Ok(self.source.store().open_entry(&file.entry)?)
    }
}
