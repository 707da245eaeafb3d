//! The trait behind which all storage lies.
//!
//! Names are the bare names of direct children of the root; `/` never occurs in them. `NAME.part` is the
//! literal name of an unpublished local file: it is listed, opened, looked at and deleted by that name, and
//! written, continued, published and discarded by its final name.
//!
//! To whoever adds a store: it is finished when it passes `conformance::run`.

use std::{fmt, io};

use crate::{Entry, Result, Unfinished};

/// A place that holds the files of a backup set. Shared as `Arc<dyn Store>`; its methods block.
///
/// Every method that takes a name fails with [`InvalidName`](crate::ErrorKind::InvalidName) when it cannot be
/// one ([`name::check`](crate::name::check)), and with [`Unsupported`](crate::ErrorKind::Unsupported) where
/// [`capabilities`](Self::capabilities) says so. Failures of access, space and transport have the kinds that
/// [`ErrorKind`](crate::ErrorKind) lists; "Errors" below names what is special.
pub trait Store: fmt::Debug + Send + Sync {
    /// What this store can do; the same for its whole life.
    fn capabilities(&self) -> Capabilities;

    /// Path, URL or stream name of the root, for messages. Without secrets.
    fn location(&self) -> &str;

    /// The one name that a single-file target or a stream is read or written by; `None` for a directory.
    fn single_name(&self) -> Option<&str>;

    /// Finds out, without leaving anything behind, whether files could be created here.
    ///
    /// A local directory that does not exist counts as writable when it could be created.
    ///
    /// # Errors
    ///
    /// `PermissionDenied`, `ReadOnly`, `NotADirectory`, or what the store says.
    fn check_writable(&self) -> Result<()>;

    /// Bytes that still fit, for a forecast; `None` where nobody knows.
    ///
    /// # Errors
    ///
    /// When the store could not be asked.
    fn available_bytes(&self) -> Result<Option<u64>>;

    /// The direct children of the root in lexicographic order of their names' bytes.
    ///
    /// Published files and local `.part` files alike; a single-file target lists itself and its `.part`, a
    /// stream itself. An entry that disappears meanwhile is left out.
    ///
    /// # Errors
    ///
    /// `NotFound` when the root does not exist, where roots are more than prefixes.
    fn list(&self) -> Result<Vec<Entry>>;

    /// Kind and size of one entry.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    fn stat(&self, name: &str) -> Result<Entry>;

    /// Opens a file for reading from byte `offset` on to its end; `offset` may equal its size.
    ///
    /// # Errors
    ///
    /// `NotFound`; `NotAFile`; `WrongSize` when the file is shorter than `offset`; `Unsupported` for another
    /// offset than 0 in a stream.
    fn open(&self, name: &str, offset: u64) -> Result<Box<dyn Download>>;

    /// Makes files readable that are in an archive, and waits for that; the others are left alone. On disk
    /// there is nothing to do.
    ///
    /// # Errors
    ///
    /// `Archived` when the store was not told to bring objects back, `TimedOut` when they did not come in
    /// time; `NotFound`.
    fn make_readable(&self, _names: &[&str]) -> Result<()> {
        Ok(())
    }

    /// Begins a file, and drops whatever an unfinished upload of that name left.
    ///
    /// Missing directories are created with their parents. A FIFO blocks until its reader is there.
    ///
    /// # Errors
    ///
    /// As listed for the trait.
    fn create(&self, name: &str) -> Result<Box<dyn Upload>>;

    /// Puts a small file (lock, manifest) under a name that must be free: of all who try, exactly one wins,
    /// and no reader ever sees part of the content. Durable on return.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`.
    fn create_new(&self, name: &str, content: &[u8]) -> Result<()>;

    /// Puts a small file (state), over the one that is there, if any. Readers see the old content or the new
    /// one, whole. Durable on return.
    ///
    /// # Errors
    ///
    /// As listed for the trait.
    fn put(&self, name: &str, content: &[u8]) -> Result<()>;

    /// Puts a small file over one whose content is `expected`: of all who try to take over or refresh the
    /// same lock, exactly one wins. Otherwise like [`put`](Self::put).
    ///
    /// # Errors
    ///
    /// `NotFound`; `Changed` when the content is another one.
    fn replace(&self, name: &str, expected: &[u8], content: &[u8]) -> Result<()>;

    /// Cuts an unpublished file back to `length` bytes and continues it there.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no unpublished file of that name (a published one has to be
    /// [withdrawn](Self::withdraw) first); `WrongSize` when it is shorter than `length`.
    fn reopen(&self, name: &str, length: u64) -> Result<Box<dyn Upload>>;

    /// Gives files that were [finished unpublished](Upload::finish_unpublished) their final names, over
    /// files that have these names now. Durable on return, not in between: where the order of names matters
    /// (manifest last), call twice. May be repeated after a crash: what has only its final name stays.
    ///
    /// # Errors
    ///
    /// `NotFound` when a name is neither unpublished nor published.
    fn publish(&self, names: &[&str]) -> Result<()>;

    /// Takes the final name from a published file again: it is unpublished afterwards, and can be continued.
    /// May be repeated after a crash.
    ///
    /// # Errors
    ///
    /// `NotFound`; `AlreadyExists` when there is an unpublished file of that name as well.
    fn withdraw(&self, name: &str) -> Result<()>;

    /// The files that are not published: `.part` files, or open multi-part uploads. In order of names; none
    /// where the root does not exist.
    ///
    /// # Errors
    ///
    /// As listed for the trait.
    fn unfinished(&self) -> Result<Vec<Unfinished>>;

    /// Removes what an unfinished upload of this final name left. It is no error when there is nothing.
    ///
    /// # Errors
    ///
    /// As listed for the trait.
    fn discard(&self, name: &str) -> Result<()>;

    /// Deletes files by their literal names, in this order, and then makes that durable. It is no error when
    /// one is not there.
    ///
    /// # Errors
    ///
    /// The first that occurs; names after it are not deleted. `NotAFile` for a directory.
    fn delete(&self, names: &[&str]) -> Result<()>;

    /// For good: what this store waits for ends now, and what is asked of it from now on fails unless it is
    /// answered soon. So whoever was interrupted can still keep a state and clean up, in a few seconds
    /// altogether. Disks are waited for as ever.
    ///
    /// Files that are being written or read fail with [`Interrupted`](crate::ErrorKind::Interrupted).
    fn interrupt(&self) {}
}

/// What a kind of store can do. What is `false` fails with
/// [`Unsupported`](crate::ErrorKind::Unsupported).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Files have names: stat, open at an offset, create-only, put, replace, delete, discard. False for
    /// streams, which can only be read or written once from beginning to end.
    pub named: bool,
    /// [`Store::reopen`] works, and [`Upload::durable_point`] makes something durable: local disk only.
    pub resumable: bool,
    /// A finished file can stay unpublished: [`Upload::finish_unpublished`], [`Store::publish`],
    /// [`Store::withdraw`]. Local disk only; object stores cannot rename.
    pub deferred_publish: bool,
}

impl Capabilities {
    /// Local disk: everything.
    pub const LOCAL: Self = Self {
        named: true,
        resumable: true,
        deferred_publish: true,
    };
    /// Object stores: whole objects by name.
    pub const OBJECTS: Self = Self {
        named: true,
        resumable: false,
        deferred_publish: false,
    };
    /// Pipes and devices: one sequential pass.
    pub const STREAM: Self = Self {
        named: false,
        resumable: false,
        deferred_publish: false,
    };
}

/// An open file, read from the offset it was opened at.
///
/// What was opened is pinned: if the file shrinks, grows or is replaced while it is read, reading fails
/// instead of delivering a mixture. Errors of `Read` carry an [`Error`](crate::Error); take it out with
/// [`Error::from_read`](crate::Error::from_read).
pub trait Download: io::Read + fmt::Debug + Send {
    /// Bytes of the whole file, from 0 and not from the offset; `None` for a stream.
    fn size(&self) -> Option<u64>;
}

/// A file being written.
///
/// Dropping it never publishes: what was written stays for [`Store::reopen`] or [`Store::discard`]. After a
/// failed write or sync every further call but [`abort`](Self::abort) fails with the same kind, because
/// nobody knows then what reached the device.
pub trait Upload: fmt::Debug + Send {
    /// Appends all of `data`. Not buffered: give it chunks of about 1 MiB.
    ///
    /// # Errors
    ///
    /// `DiskFull`; `Closed` when nobody reads the pipe any more.
    fn write_all(&mut self, data: &[u8]) -> Result<()>;

    /// Bytes from the start of the file, those before a reopening included.
    fn bytes(&self) -> u64;

    /// Makes everything written so far durable where that is possible before the end.
    ///
    /// # Errors
    ///
    /// When it could not be forced to the device.
    fn durable_point(&mut self) -> Result<Durability>;

    /// Completes the file: durable, then published under its final name, then that made durable too.
    ///
    /// Local disk never replaces a published file here; object stores do (create-only and multi-part exclude
    /// each other there), so look first.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`: the file is whole and durable then, and stays unpublished.
    fn finish(self: Box<Self>) -> Result<Stored>;

    /// Completes the file, makes it and its name durable, and leaves it unpublished for
    /// [`Store::publish`].
    ///
    /// # Errors
    ///
    /// `Unsupported` where [`Capabilities::deferred_publish`] is false.
    fn finish_unpublished(self: Box<Self>) -> Result<Stored>;

    /// Gives up and removes what was written. In a stream nothing can be taken back; it is closed.
    ///
    /// # Errors
    ///
    /// When it could not be removed.
    fn abort(self: Box<Self>) -> Result<()>;
}

/// How much of an upload a crash cannot take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// The first so many bytes of the file; a state file may refer to them now.
    Bytes(u64),
    /// Nothing before [`Upload::finish`], then everything: objects.
    OnFinish,
    /// Nobody can tell: pipes and devices.
    Never,
}

/// A completed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// Its size.
    pub bytes: u64,
}

impl Stored {
    /// A completed file of so many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self { bytes }
    }
}
