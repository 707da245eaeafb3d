//! The entries of a directory, in order.

use std::{
    ffi::OsString,
    fs::{self, DirEntry, Metadata},
    io,
    path::Path,
};

use super::LocalDir;
use crate::{Entry, EntryKind, Error, ErrorKind, Operation, Result, Store, Unfinished, name};

pub(super) fn list(root: &Path) -> Result<Vec<Entry>> {
    let children = fs::read_dir(root).map_err(Error::at(Operation::List, root))?;
    let mut entries = Vec::new();
    for child in children {
        let child = child.map_err(Error::at(Operation::List, root))?;
        entries.extend(child_entry(&child)?);
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// `None` when the child has gone meanwhile, as temporary names do.
fn child_entry(child: &DirEntry) -> Result<Option<Entry>> {
    let path = child.path();
    let metadata = match fs::metadata(&path) {
        // A dangling link, or gone.
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::symlink_metadata(&path),
        result => result,
    };
    match metadata {
        Ok(metadata) => Ok(Some(named(child.file_name(), &metadata))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::at(Operation::List, &path)(error)),
    }
}

fn named(name: OsString, metadata: &Metadata) -> Entry {
    match name.into_string() {
        Ok(name) => entry(name, metadata),
        Err(foreign) => Entry {
            name: foreign.to_string_lossy().into_owned(),
            kind: EntryKind::Other,
            size: None,
        },
    }
}

pub(super) fn entry(name: String, metadata: &Metadata) -> Entry {
    let kind = if metadata.is_file() {
        EntryKind::File
    } else if metadata.is_dir() {
        EntryKind::Directory
    } else {
        EntryKind::Other
    };
    let size = metadata.is_file().then_some(metadata.len());
    Entry { name, kind, size }
}

pub(super) fn unfinished(store: &LocalDir) -> Result<Vec<Unfinished>> {
    let entries = match store.list() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        result => result?,
    };
    let mut found: Vec<_> = entries.iter().filter_map(part).collect();
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn part(entry: &Entry) -> Option<Unfinished> {
    let name = name::final_of(&entry.name).filter(|_| entry.is_part())?;
    Some(Unfinished {
        name: name.to_owned(),
        bytes: entry.size,
    })
}
