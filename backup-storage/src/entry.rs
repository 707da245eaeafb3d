//! What a listing shows.

use crate::name;

/// A direct child of a store's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name; lossy where it is not UTF-8 ([`EntryKind::Other`] then).
    pub name: String,
    /// What it is; links are followed.
    pub kind: EntryKind,
    /// Bytes, of a regular file.
    pub size: Option<u64>,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A directory, or a common prefix of deeper objects.
    Directory,
    /// A regular file or an object.
    File,
    /// Anything else: special files, dangling links, and all names that are not UTF-8. Cannot be opened.
    Other,
}

impl Entry {
    /// A regular file whose name is that of a backup file ([`name::is_backup_file`]).
    #[must_use]
    pub fn is_backup_file(&self) -> bool {
        self.kind == EntryKind::File && name::is_backup_file(&self.name)
    }

    /// A regular file that has not been given its final name yet.
    #[must_use]
    pub fn is_part(&self) -> bool {
        self.kind == EntryKind::File && name::final_of(&self.name).is_some()
    }
}

/// A file that was begun, or even finished, and not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Its final name, without `.part`.
    pub name: String,
    /// Bytes found; not all of them need to be durable. `None` where the store does not tell.
    pub bytes: Option<u64>,
}
