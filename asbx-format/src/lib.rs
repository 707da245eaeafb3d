//! ASBX, the format of XDR backups: header, record framing, order of files, encoder and
//! incremental decoder.
//!
//! The format is described in `asbx-binary.md`; «§» in this crate's documentation means a section
//! of that document. A file is a header of 44 bytes and then tokens: a digest, a length, and a
//! complete protocol message, the payload. A record may come many times, the last one wins; so the
//! order of tokens and files is part of the content.
//!
//! * [`Decoder`] turns bytes into [`Item`]s: strict, bounded, without a copy.
//! * [`Header::encode`] and [`token::encode`] append to a `Vec<u8>`.
//! * [`payload`] makes the changes that a backup and a restore make to a message.
//! * [`FileName`] and [`sequences`] say which files follow which; [`writer_of`] is the rule by
//!   which a writer spreads records over them.
//!
//! Deliberately not here: reading and writing files, compression and encryption, and what is in a
//! message beyond its frame and digest.
//!
//! ```
//! use asbx_format::{Decoder, Header, Item, Step, token};
//!
//! let message = [&[2, 3, 0, 0, 0, 0, 0, 47, 22, 0x10, 1, 0x10][..], &[0; 15], &[1, 0, 0],
//!     &[0, 0, 0, 21, 4], &[7; 20]].concat();
//! let mut file = Vec::new();
//! Header::new(1, b"shop").unwrap().encode(&mut file);
//! token::encode(&mut file, &[7; 20], &message)?;
//!
//! let mut decoder = Decoder::new();
//! let Step::Complete { consumed, item: Item::Header(header) } = decoder.decode(&file, true)?
//!     else { unreachable!() };
//! assert_eq!(header.namespace(), b"shop");
//! let Step::Complete { item: Item::Token(token), .. } = decoder.decode(&file[consumed..], true)?
//!     else { unreachable!() };
//! // The mark of XDR is gone, so that a restore is an ordinary write.
//! assert_eq!((token.digest, token.payload[9]), (&[7; 20], 0));
//! # Ok::<(), asbx_format::Error>(())
//! ```
#![no_std]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;

mod decode;
mod error;
mod header;
mod name;
mod order;
pub mod payload;
pub mod token;

pub use crate::decode::{Decoder, Item, Step};
pub use crate::error::{Error, ErrorKind, Position};
pub use crate::header::{HEADER_SIZE, Header, MAX_NAMESPACE};
pub use crate::name::{BadName, FileName};
pub use crate::order::{Irregularity, Sequence, sequences, writer_of};
pub use crate::token::{MAX_PAYLOAD, MIN_PAYLOAD, Token};
