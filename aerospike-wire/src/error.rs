//! What can be wrong with bytes that claim to be protocol.

use core::fmt;

/// Malformed bytes from a peer: what was found, and where in the slice that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: usize,
}

/// Kinds of malformed input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A frame header does not start with protocol version 2.
    #[error("protocol version {found}, expected 2")]
    Version {
        /// First byte of the header.
        found: u8,
    },
    /// A frame of a type that has no place here.
    #[error("frame type {found} is not expected here")]
    FrameType {
        /// Second byte of the header.
        found: u8,
    },
    /// A frame length over the limit that both sides keep.
    #[error("frame length {found} is over the limit of {limit} bytes")]
    FrameTooLarge {
        /// Declared length of the body.
        found: u64,
        /// Largest accepted length.
        limit: u64,
    },
    /// Something declares more bytes than the body around it holds.
    #[error("{what} needs {needed} bytes, but only {present} are left")]
    Truncated {
        /// The structure being read.
        what: &'static str,
        /// Bytes it declares.
        needed: u64,
        /// Bytes that are there.
        present: u64,
    },
    /// A length that cannot be right whatever follows.
    #[error("{what} has the impossible size {found}")]
    Size {
        /// The structure being read.
        what: &'static str,
        /// Declared size.
        found: u64,
    },
    /// A required field is missing from a message.
    #[error("the message has no {what} field")]
    MissingField {
        /// Name of the field.
        what: &'static str,
    },
    /// A message is about another namespace than the one that was asked for.
    #[error("the message is about another namespace")]
    OtherNamespace,
    /// A particle type that no supported server stores.
    #[error("unknown particle type {found}")]
    Particle {
        /// The type byte.
        found: u8,
    },
    /// Text that does not follow the grammar of its command.
    #[error("{what} does not follow its grammar")]
    Text {
        /// The reply being parsed.
        what: &'static str,
    },
}

impl Error {
    /// An error of `kind` at byte `offset` of the slice that was being read.
    #[must_use]
    pub const fn new(kind: ErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Where, counted from the start of the slice that was given to the decoder.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The same error seen from a slice that starts `base` bytes earlier.
    #[must_use]
    pub const fn shifted(mut self, base: usize) -> Self {
        self.offset = self.offset.saturating_add(base);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {})", self.kind, self.offset)
    }
}

impl core::error::Error for Error {}
