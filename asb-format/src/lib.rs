//! Aerospike backup text (ASB), versions 3.0 to 3.3: encoder and incremental decoder.
//!
//! The format is described in `asb-text.md`; «§» in this crate's documentation means a section
//! of that document. A file is a byte stream of lines whose sized values may hold any byte, so
//! everything here works on `&[u8]`.
//!
//! * [`Decoder`] turns bytes into [`Item`]s. It checks everything once, copies nothing and keeps
//!   only positions, so a [`Record`] is a view of the input.
//! * [`Checkpoint::skim`] finds where records end without decoding them, so that several decoders
//!   can share a file.
//! * [`Encoder`] appends lines to a `Vec<u8>`.
//!
//! Deliberately not here: reading and writing files, compression and encryption (crate
//! `backup-storage` and its callers), choosing what to back up, and the msgpack inside lists and
//! maps, which is copied byte for byte.
//!
//! # Decoding
//!
//! ```
//! use asb_format::{Decoder, Item, Step, Value};
//!
//! let file = b"Version 3.1\n# namespace shop\n+ n shop\n\
//!     + d RNfvtsfls/oY29bYkXW6Gx/fyrk=\n+ g 3\n+ t 0\n+ b 1\n- I total 1999\n";
//! let mut decoder = Decoder::new();
//! let mut rest: &[u8] = file;
//! let mut sum = 0;
//! loop {
//!     match decoder.decode(rest, true)? {
//!         Step::Complete { consumed, item } => {
//!             if let Item::Record(record) = item {
//!                 for bin in record.bins().filter(|bin| bin.name == *b"total") {
//!                     let Value::Integer(total) = bin.value else { continue };
//!                     sum += total;
//!                 }
//!             }
//!             rest = &rest[consumed..];
//!         }
//!         // Only when more input may follow: read on until `needed` bytes are there.
//!         Step::Incomplete { needed } => unreachable!("{needed}"),
//!         Step::End => break,
//!     }
//! }
//! assert_eq!(sum, 1999);
//! # Ok::<(), asb_format::Error>(())
//! ```
//!
//! # Encoding
//!
//! ```
//! use asb_format::{BlobKind, Encoder, RecordHead, ValueRef, Version};
//!
//! let encoder = Encoder::new();
//! let mut out = Vec::new();
//! encoder.header(&mut out, Version::V3_1);
//! encoder.record(&mut out, &RecordHead {
//!     key: None,
//!     namespace: b"shop",
//!     digest: &[0; 20],
//!     set: Some(b"orders"),
//!     generation: 3,
//!     void_time: 0,
//!     bin_count: 2,
//! });
//! encoder.bin(&mut out, b"unit price", ValueRef::Double(0.25));
//! encoder.bin(&mut out, b"sig", ValueRef::Blob(BlobKind::Blob, &[0xde, 0xad]));
//! assert!(out.ends_with(b"- D unit\\ price 0.25\n- B sig 4 3q0=\n"));
//! ```
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod base64;
mod decode;
mod encode;
mod error;
mod float;
mod index;
mod name;
mod record;
mod udf;
mod value;
mod version;

pub use crate::base64::Base64Text;
pub use crate::decode::{BadCheckpoint, Checkpoint, Decoder, Item, Next, Options, Skimmed, Step};
pub use crate::encode::{Encoder, RecordHead};
pub use crate::error::{Error, ErrorKind, Position};
pub use crate::index::{Index, IndexData, IndexDef, IndexKind};
pub use crate::name::{Name, NameField};
pub use crate::record::{Bin, Bins, Record};
pub use crate::udf::{Udf, UdfLanguage};
pub use crate::value::{BlobKind, Data, Key, KeyRef, Value, ValueRef};
pub use crate::version::Version;
