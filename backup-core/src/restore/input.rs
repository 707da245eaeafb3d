//! Which files make up the input (`files-and-state.md` §5).

use super::RestoreSource;
use crate::error::Error;
use backup_storage::{Download, EntryKind, ErrorKind, StoreExt};
use std::sync::Arc;

/// A file to be read.
#[derive(Debug, Clone)]
pub(super) struct InputFile {
    /// Name in its store.
    name: String,
    /// Path for messages.
    pub(super) shown: Arc<str>,
    /// Bytes, where known.
    pub(super) size: Option<u64>,
}

/// The input of a restore.
#[derive(Debug)]
pub(super) struct Input {
    source: RestoreSource,
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
    pub(super) fn list(source: RestoreSource) -> Result<Self, Error> {
        match &source {
            RestoreSource::Single(_) => Self::single(source),
            RestoreSource::Directory(_) => Self::directory(source),
        }
    }

    fn single(source: RestoreSource) -> Result<Self, Error> {
        let store = source.store();
        let name = store.single_name().unwrap_or_default().to_owned();
        let size = if store.capabilities().named {
            store.stat(&name)?.size
        } else {
            None
        };
        let shown = store.location().into();
        let files = vec![InputFile { name, shown, size }];
        Ok(Self {
            source,
            files,
            empty: Vec::new(),
        })
    }

    fn directory(source: RestoreSource) -> Result<Self, Error> {
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
                files.push(InputFile {
                    name: entry.name,
                    shown,
                    size: entry.size,
                });
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
            files.into_iter().partition(|file| file.size == Some(0));
        files.sort_by_key(|file| !file.name.starts_with("metadata_"));
        Ok(Self {
            source,
            files,
            empty,
        })
    }

    /// Bytes of all files; 0 when a size is not known.
    pub(super) fn total_bytes(&self) -> u64 {
        self.files
            .iter()
            .map(|file| file.size)
            .sum::<Option<u64>>()
            .unwrap_or_default()
    }

    /// Opens a file. One that has gone or shrunk since it was listed is an error.
    pub(super) fn open(&self, file: &InputFile) -> Result<Box<dyn Download>, Error> {
        let download = self.source.store().open(&file.name, 0)?;
        match (file.size, download.size()) {
            (Some(expected), Some(found)) if expected != found => {
                let kind = ErrorKind::WrongSize { expected, found };
                let operation = backup_storage::Operation::Read;
                Err(backup_storage::Error::new(kind, operation, &*file.shown).into())
            }
            _ => Ok(download),
        }
    }
}
