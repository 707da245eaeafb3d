//! Who else may read what is created.

use std::{
    fs::{File, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// How a [`LocalDir`](super::LocalDir) creates files and directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalOptions {
    /// Permission bits of created files, whatever the umask says; default 0600. Only the lowest nine count.
    /// Directories get the same and, where these can be read, the x bit: 0700 by default.
    pub file_mode: u32,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self { file_mode: 0o600 }
    }
}

impl LocalOptions {
    /// Sets the permission bits of created files.
    #[must_use]
    pub fn file_mode(mut self, mode: u32) -> Self {
        self.file_mode = mode & 0o777;
        self
    }

    pub(super) fn directory_mode(self) -> u32 {
        let mode = self.file_mode & 0o777;
        mode | ((mode & 0o444) >> 2)
    }

    /// Opens for writing, and creates with our mode; `options` says what is to be created.
    pub(super) fn open(self, options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        let file = options.write(true).mode(self.file_mode).open(path)?;
        set_mode(&file, self.file_mode)?;
        Ok(file)
    }
}

/// Sets what the umask took away. A file system that has no modes (FAT, some network mounts) refuses;
/// that is no reason to refuse the backup.
pub(super) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    if file.metadata()?.permissions().mode() & 0o777 == mode & 0o777 {
        return Ok(());
    }
    match file.set_permissions(Permissions::from_mode(mode & 0o777)) {
        Err(error) if has_no_modes(&error) => Ok(()),
        result => result,
    }
}

fn has_no_modes(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported)
}
