//! What can go wrong in a store: a kind to act on, and the operation and place to show.
//!
//! The cause from the operating system is behind [`source`](std::error::Error::source), never in the text.

use std::{io, path::Path};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed operation of a store.
///
/// Shown as `cannot <operation> <place>: <kind>`.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {location}: {kind}")]
pub struct Error {
    kind: ErrorKind,
    operation: Operation,
    location: String,
    source: Option<io::Error>,
}

/// What a caller can tell apart and act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The name is taken, and the operation does not replace.
    #[error("it exists already")]
    AlreadyExists,
    /// It is in an archive of the provider, and has to be brought back first.
    #[error("it is in an archive and cannot be read now")]
    Archived,
    /// The content is not what the caller saw before: somebody else wrote it.
    #[error("its content was changed by somebody else")]
    Changed,
    /// The other end of the pipe is closed.
    #[error("the reader at the other end has gone")]
    Closed,
    /// What is stored is not what was sent.
    #[error("it was damaged on its way")]
    Damaged,
    /// The device is full, or the quota is used up.
    #[error("no space is left")]
    DiskFull,
    /// Whoever asked was [interrupted](crate::Store::interrupt).
    #[error("it was interrupted")]
    Interrupted,
    /// The name cannot be the name of a file in this store ([`name::check`](crate::name::check)).
    #[error("it cannot be the name of a file here")]
    InvalidName,
    /// The bucket or container is not there.
    #[error("there is no such bucket")]
    NoBucket,
    /// A part of the path that has to be a directory is none.
    #[error("a directory is expected there, something else was found")]
    NotADirectory,
    /// A directory or a special file is where a regular file is expected.
    #[error("a regular file is expected there, something else was found")]
    NotAFile,
    /// Nothing has this name (any more).
    #[error("it does not exist")]
    NotFound,
    /// Any other failure; the cause tells more.
    #[error("input/output error")]
    Other,
    /// The file system or the store refuses access.
    #[error("permission denied")]
    PermissionDenied,
    /// The file system is mounted read-only.
    #[error("the file system is read-only")]
    ReadOnly,
    /// The settings of the store cannot be right; the cause tells why.
    #[error("the settings are wrong")]
    Settings,
    /// The store did not answer in time.
    #[error("time-out")]
    TimedOut,
    /// More than an object of this store can have.
    #[error("it is too large for this store")]
    TooLarge,
    /// The store could not be reached, or asked to be left alone for a while.
    #[error("the storage is not available now")]
    Unavailable,
    /// The store has no such operation ([`Capabilities`](crate::Capabilities)).
    #[error("not supported for this kind of target")]
    Unsupported,
    /// The file has another size than it was expected or listed with.
    #[error("{found} bytes found, {expected} expected")]
    WrongSize {
        /// Bytes that were listed, recorded or asked for.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
}

/// What was tried; its text follows "cannot".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Operation {
    /// Remove an unfinished upload.
    #[error("discard")]
    Abort,
    /// Look whether the target can be written, and how much room it has.
    #[error("write to")]
    Check,
    /// Begin a file, or put a small one.
    #[error("create")]
    Create,
    /// Create a directory.
    #[error("create the directory")]
    CreateDirectory,
    /// Delete files.
    #[error("delete")]
    Delete,
    /// List the entries.
    #[error("list")]
    List,
    /// Take a text as the name of a file.
    #[error("use")]
    Name,
    /// Open for reading.
    #[error("open")]
    Open,
    /// Give a file its final name, or take it away.
    #[error("rename")]
    Publish,
    /// Read.
    #[error("read")]
    Read,
    /// Continue an unfinished file.
    #[error("continue")]
    Reopen,
    /// Replace a small file.
    #[error("replace")]
    Replace,
    /// Ask for size and kind.
    #[error("look at")]
    Stat,
    /// Force data or a directory to the device.
    #[error("sync")]
    Sync,
    /// Bring objects back from an archive.
    #[error("make readable")]
    Thaw,
    /// Write.
    #[error("write")]
    Write,
}

impl Error {
    /// An error without a cause. `location` is a path or URL without secrets.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: Operation, location: impl Into<String>) -> Self {
        Self {
            kind,
            operation,
            location: location.into(),
            source: None,
        }
    }

    /// An error with the kind that fits `source`, which becomes its cause.
    #[must_use]
    pub fn from_io(source: io::Error, operation: Operation, location: impl Into<String>) -> Self {
        let kind = ErrorKind::of(source.kind());
        Self {
            source: Some(source),
            ..Self::new(kind, operation, location)
        }
    }

    /// An error of a known kind with a cause of its own.
    pub(crate) fn caused(
        kind: ErrorKind,
        operation: Operation,
        location: impl Into<String>,
        cause: io::Error,
    ) -> Self {
        Self {
            source: Some(cause),
            ..Self::new(kind, operation, location)
        }
    }

    /// The error of a [`Download`](crate::Download), whose `Read` methods have to wrap it in an [`io::Error`].
    ///
    /// An error from elsewhere becomes a read error of an unnamed place.
    #[must_use]
    pub fn from_read(error: io::Error) -> Self {
        error
            .downcast()
            .unwrap_or_else(|other| Self::from_io(other, Operation::Read, "the file"))
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was tried.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Path or URL that it happened to.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Whether the same call may succeed when it is repeated a little later.
    ///
    /// Never true for local disk: a failed `fsync` must not be repeated, because the kernel may have dropped
    /// the data already.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, ErrorKind::TimedOut | ErrorKind::Unavailable)
    }

    /// For `map_err`: an operation on `path` failed.
    pub(crate) fn at(operation: Operation, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::from_io(source, operation, path.display().to_string())
    }
}

impl ErrorKind {
    fn of(kind: io::ErrorKind) -> Self {
        use io::ErrorKind as Io;
        match kind {
            Io::AlreadyExists => Self::AlreadyExists,
            Io::BrokenPipe => Self::Closed,
            Io::InvalidFilename => Self::InvalidName,
            Io::IsADirectory => Self::NotAFile,
            Io::NotADirectory => Self::NotADirectory,
            Io::NotFound => Self::NotFound,
            Io::PermissionDenied => Self::PermissionDenied,
            Io::QuotaExceeded | Io::StorageFull => Self::DiskFull,
            Io::ReadOnlyFilesystem => Self::ReadOnly,
            Io::Unsupported => Self::Unsupported,
            _ => Self::Other,
        }
    }
}

impl From<Error> for io::Error {
    /// Keeps the operating system's kind, so that `Interrupted` still means "call again".
    fn from(error: Error) -> Self {
        let kind = error
            .source
            .as_ref()
            .map_or(io::ErrorKind::Other, Self::kind);
        Self::new(kind, error)
    }
}
