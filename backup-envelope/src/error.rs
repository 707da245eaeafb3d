//! What can be wrong with a stored file or with a key, and where.

use std::fmt;

use crate::detect::Mismatch;

/// Error of the encoder, the decoder and the frame scanner: what was wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    offset: u64,
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind, offset: u64) -> Self {
        Self { kind, offset }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Where: offset in the stored bytes, from the start of the file, that was reached.
    ///
    /// For bytes that are no frame it is where the frame should have begun.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {})", self.kind, self.offset)
    }
}

impl std::error::Error for Error {}

/// What is wrong with a stored file. Source: §1 to §4.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The content is not what was expected, or not a backup at all.
    #[error("{0}")]
    Mismatch(Mismatch),
    /// The input ends where it may not.
    #[error("unexpected end of file, inside {expected}")]
    UnexpectedEnd {
        /// What is incomplete.
        expected: &'static str,
    },
    /// A file that is to be decrypted has not even the header.
    #[error("encrypted file of {found} bytes, its header alone has 16")]
    ShortHeader {
        /// The bytes that are there.
        found: u64,
    },
    /// Bytes after the last ZSTD frame that do not begin another one.
    #[error("bytes after the last ZSTD frame that are no frame")]
    TrailingBytes,
    /// A frame that would need more memory than allowed.
    #[error("ZSTD frame with a window larger than 2^{limit_log} bytes")]
    WindowTooLarge {
        /// Binary logarithm of the limit.
        limit_log: u32,
    },
    /// A frame that needs a dictionary; backup tools write none.
    #[error("ZSTD frame that needs a dictionary")]
    Dictionary,
    /// The checksum of a frame is wrong.
    #[error("wrong checksum of a ZSTD frame")]
    Checksum,
    /// A frame that cannot be decoded.
    #[error("damaged ZSTD frame: {detail}")]
    Damaged {
        /// What the library calls it.
        detail: &'static str,
    },
    /// No memory for the state of the compressor or decompressor.
    #[error("out of memory for ZSTD")]
    OutOfMemory,
    /// The compressor refused its work.
    #[error("ZSTD failed: {detail}")]
    Library {
        /// What the library calls it.
        detail: &'static str,
    },
    /// Stored bytes that give another text than the one that was stored.
    #[error("the text differs from what was stored, from its byte {text_offset} on")]
    Differs {
        /// The first byte that differs or is missing, since the verifier began.
        text_offset: u64,
    },
    /// Misuse: an encrypted file cannot be resumed inside its header.
    #[error("cannot resume at {stored_len} bytes, inside the header")]
    BadResume {
        /// The length that was given.
        stored_len: u64,
    },
    /// Misuse: the decoder was asked for the end while it still held bytes.
    #[error("the end was asked for before everything was read")]
    NotDrained,
}

/// Why no encryption key could be made. No variant holds any of the key. Source: §5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Nothing, or only white space.
    #[error("the key is empty")]
    Empty,
    /// Text that is no base64.
    #[error("the key is not base64")]
    Base64,
    /// PEM armour that cannot be read.
    #[error("the key is not a readable PEM text")]
    Pem,
    /// A PEM text without a private key.
    #[error("the PEM text holds no private key")]
    NoPrivateKey,
    /// A private key that is itself encrypted.
    #[error("the private key is protected by a password, which is not supported")]
    Protected,
    /// Bytes that are no private key in PKCS#8, PKCS#1 or SEC1 form.
    #[error("the private key cannot be decoded")]
    Der,
    /// A key whose bytes for hashing are not defined.
    #[error("private keys of this algorithm are not supported")]
    Algorithm,
    /// The tools that write such files add the public half, which cannot be computed here.
    #[error("the EC private key lacks its public part")]
    NoPublicPart,
    /// DER from a variable or an agent that is not an RSA key.
    #[error("the decoded key is not an RSA key; it may be meant to be hashed as it is")]
    NotRsa,
}
