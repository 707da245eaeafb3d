//! What can be wrong with a file, and where.

use core::fmt;

/// Error of the decoder or encoder: what was wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    position: Position,
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind, position: Position) -> Self {
        Self { kind, position }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Where it is wrong. For the encoder it counts from the start of the token.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind, self.position)
    }
}

impl core::error::Error for Error {}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Byte offset from the start of the (decrypted, decompressed) file: of the value that cannot
    /// be right, or of the end of a file that ends too early.
    pub offset: u64,
    /// Index, from 0, of the token in work; `None` in the header.
    pub token: Option<u64>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}", self.offset)?;
        match self.token {
            Some(token) => write!(f, ", token {token}"),
            None => Ok(()),
        }
    }
}

/// What is wrong with the input. Source: asbx-binary.md §1, "We" lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input ends inside the header or inside a token.
    #[error("unexpected end of file inside {inside}")]
    UnexpectedEnd {
        /// The part that is not complete.
        inside: &'static str,
    },
    /// The first byte is not that of a version this crate can read.
    #[error("not an ASBX file of version 1: the first byte is {found}")]
    Version {
        /// The first byte.
        found: u8,
    },
    /// The header has no namespace.
    #[error("the namespace in the header is empty")]
    EmptyNamespace,
    /// A payload that is too short for a message, or longer than anybody may send.
    #[error("payload of {found} bytes, allowed are 30 to 134217728")]
    PayloadLength {
        /// Its length as the token states it.
        found: u64,
    },
    /// The length in the token is not that in the header of the message.
    #[error("payload of {token} bytes holds a message of {message} bytes")]
    LengthsDiffer {
        /// Length of the payload as the token states it.
        token: u64,
        /// Length as the message states it, its own header included.
        message: u64,
    },
    /// The message is of another protocol version than 2.
    #[error("message of protocol version {found}, expected 2")]
    ProtocolVersion {
        /// First byte of the payload.
        found: u8,
    },
    /// The message is not of type 3.
    #[error("message of type {found}, expected 3")]
    MessageType {
        /// Second byte of the payload.
        found: u8,
    },
    /// A field of the message has no size, or runs past its end.
    #[error("a field of {found} bytes does not fit into the message")]
    FieldSize {
        /// Its declared size.
        found: u32,
    },
    /// The message has no digest field of 20 bytes.
    #[error("the message has no digest")]
    NoDigest,
    /// The digest of the token is not that of its message.
    #[error("the digest of the token is not that of its message")]
    DigestsDiffer,
}
