//! Storage of backup files: one blocking trait, with local disk and streams behind it.
//!
//! A [`Store`] is where the files of one backup set lie: a directory ([`LocalDir`]), one file and what
//! belongs to it ([`LocalFile`]), or a stream that is only read or written from its beginning to its end
//! ([`Stream`]). Object stores fit the same trait; [`Capabilities`] says what a store cannot do.
//!
//! # Why the trait blocks
//!
//! Every open file of a backup or restore has one OS thread, which compresses, encrypts, hashes and writes.
//! It has nothing else to do while the disk is busy, and `fsync` has no useful asynchronous form, so local
//! disk stays plain `std::fs`. A cloud store holds a handle to the tokio runtime and blocks on it inside its
//! methods; never call them on a runtime's own worker thread.
//!
//! # What a crash can leave behind
//!
//! A file is written as `NAME.part`, synced, renamed to `NAME`, and then its directory is synced. So a kill
//! at any instant leaves either no `NAME` or the whole of it, and a `.part` file can be continued at the last
//! durable point. Small files (lock, state, manifest) appear with all of their content or not at all.
//!
//! ```
//! use backup_storage::{LocalDir, Store, StoreExt};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temporary = tempfile::tempdir()?;
//! # let path = temporary.path().join("backup");
//! let store = LocalDir::new(path);
//! assert!(store.offending_entry(|_| false)?.is_none());
//!
//! let mut upload = store.create("0_my_ns_1.asb")?;
//! upload.write_all(b"Version 3.1\n")?;
//! assert_eq!(upload.finish()?.bytes, 12);
//!
//! let entry = store.list()?.remove(0);
//! let text = std::io::read_to_string(store.open_entry(&entry)?)?;
//! assert_eq!(text, "Version 3.1\n");
//! # Ok(())
//! # }
//! ```
//!
//! Not here: what the files contain, which names a set uses, and how a command line names a place.

#[cfg(feature = "conformance")]
pub mod conformance;
mod entry;
mod error;
mod hooked;
mod local;
pub mod name;
pub mod object;
mod single;
mod single_file;
mod store;
mod store_ext;
mod stream;
#[cfg(feature = "testing")]
pub mod testing;

pub use entry::{Entry, EntryKind, Unfinished};
pub use error::{Error, ErrorKind, Operation, Result};
pub use hooked::{Call, Hooked, Hooks};
pub use local::{LocalDir, LocalOptions};
pub use single::Single;
pub use single_file::{LocalFile, single_file};
pub use store::{Capabilities, Download, Durability, Store, Stored, Upload};
pub use store_ext::StoreExt;
pub use stream::Stream;
