//! What lies round the bytes of a backup file: compression, encryption, and how to tell.
//!
//! The envelope is described in `envelope.md`; «§» in this crate's documentation means a section
//! of that document. Written are format bytes, then ZSTD, then AES-CTR; read the other way round.
//!
//! * [`Encoder`] appends stored bytes to a buffer. It can end a frame, so that the file may be cut
//!   there, and [`Encoder::resume`] goes on at such a cut.
//! * [`Decoder`] takes stored bytes in any pieces and never writes more than the room it is given.
//!   It finds out whether a file is compressed; what it is told is checked.
//! * [`FrameScanner`] finds the frames of a compressed file without decompressing it, and
//!   [`Decoder::part`] reads one of them, so that several threads can share a file.
//! * [`Verifier`] reads what an encoder gives and compares it with the text.
//! * [`KeyBytes`] makes an encryption [`Key`] of what a file, a variable or an agent holds.
//! * [`Look`] says what a file looks like.
//!
//! Deliberately not here: files, the environment, agents, random numbers (an [`Iv`] is passed in)
//! and the backup formats inside.
//!
//! ```
//! use backup_envelope::{
//!     Decoder, DecoderOptions, Encoder, EncoderOptions, Iv, KeyBytes, KeySize, Level,
//! };
//!
//! let key = || KeyBytes::raw(b"any bytes").map(|bytes| bytes.key(KeySize::Aes256));
//! let mut file = Vec::new();
//! let mut encoder = Encoder::new(EncoderOptions {
//!     compression: Some(Level::DEFAULT),
//!     encryption: Some((key()?, Iv::new([7; 16]))),
//! })?;
//! encoder.write(b"Version 3.1\n", &mut file)?;
//! encoder.finish(&mut file)?;
//!
//! let mut text = Vec::with_capacity(4096);
//! let mut decoder = Decoder::new(DecoderOptions { key: Some(key()?), ..Default::default() });
//! let progress = decoder.read(&file, &mut text)?;
//! assert_eq!(progress.consumed, file.len());
//! decoder.finish()?;
//! assert_eq!(text, b"Version 3.1\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod aes_ctr;
mod decode;
mod detect;
mod encode;
mod error;
mod key;
mod verify;
mod zstd;

pub use crate::aes_ctr::{AesCtr, HEADER_BYTES, Iv};
pub use crate::decode::{Compression, Decoder, DecoderOptions, PartOptions, Progress, Wants};
pub use crate::detect::{Content, HEAD_BYTES, Look, Mismatch, MismatchKind};
pub use crate::encode::{Encoder, EncoderOptions};
pub use crate::error::{Error, ErrorKind, KeyError};
pub use crate::key::{EnvRule, Key, KeyBytes, KeySize};
pub use crate::verify::Verifier;
pub use crate::zstd::encode::{FRAME_TEXT_BYTES, Level};
pub use crate::zstd::scan::{Frame, FrameScanner, SCAN_BYTES};
pub use crate::zstd::window::WindowLog;
