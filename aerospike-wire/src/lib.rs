//! The Aerospike client protocol as a codec: bytes in, borrowed views out, and back.
//!
//! Source: `wire-protocol.md`, `wire-scan.md`, `wire-write.md`, `info-protocol.md`,
//! `auth-tls.md`, `xdr-protocol.md`.
//! Everything is big-endian unless a docstring says otherwise.
//!
//! - [`frame`]: the 8-byte header in front of everything.
//! - [`message`], [`field`], [`op`], [`particle`]: the data message and its parts.
//! - [`stream`]: an incremental walk over replies that may still be arriving.
//! - [`scan`], [`batch`], [`single`]: the requests and replies that a backup or restore needs.
//! - [`admin`]: login and its answers, both sides.
//! - [`expression`]: the filters that a backup composes.
//! - [`info`], [`partition`]: the text protocol and the partition bitmaps it carries.
//! - [`digest`], [`result_code`]: identities and outcomes.
//! - [`xdr`]: what a cluster ships by XDR, and what it is answered.
//! - [`reply`]: the server's side of the same messages, for the embedded node.
//!
//! Nothing here opens a socket, reads a clock, draws a random number or retries: those belong
//! to the crates above. Views are checked once, when they are made; iterating them cannot fail.
//! A declared length is compared with the bytes present before anything is sliced, and nothing
//! is ever reserved on the word of a peer.
//!
//! # Example
//!
//! ```
//! use aerospike_wire::{digest::Digest, scan::ScanRequest, stream::{MessageStream, Step}};
//!
//! let request = ScanRequest { partitions: &[492], ..ScanRequest::new(b"test", 7) };
//! let mut bytes = Vec::new();
//! request.encode(&mut bytes);
//!
//! // A request walks like a reply does.
//! let mut stream = MessageStream::new();
//! let Step::Message { message, consumed } = stream.next(&bytes)? else { unreachable!() };
//! assert_eq!(consumed, bytes.len());
//! assert_eq!(message.fields().next().map(|f| f.data), Some(&b"test"[..]));
//! assert_eq!(Digest::for_key(b"demo", 3, b"key1").partition().index(), 492);
//! # Ok::<(), aerospike_wire::error::Error>(())
//! ```
#![no_std]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

extern crate alloc;

pub mod admin;
pub mod batch;
pub mod digest;
pub mod error;
pub mod expression;
pub mod field;
pub mod frame;
pub mod info;
pub mod message;
pub mod op;
pub mod particle;
pub mod partition;
mod reader;
pub mod reply;
pub mod result_code;
pub mod scan;
pub mod single;
pub mod stream;
pub mod xdr;
