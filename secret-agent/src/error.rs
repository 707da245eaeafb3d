//! What can go wrong: with a reference, with settings, with an agent. None of it holds a value.

use std::io;
use std::time::Duration;

use crate::reference::Reference;
use crate::settings::Address;

/// A value that begins as a reference but is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// No colon after the first one.
    #[error("a secret is written secrets:<resource>:<key>; the resource is missing")]
    NoResource,
    /// Nothing after the last colon.
    #[error("a secret is written secrets:<resource>:<key>; the key is missing")]
    NoKey,
    /// More than three parts.
    #[error("a secret is written secrets:<resource>:<key>; there are more than these three parts")]
    TooManyParts,
}

/// Settings with which no agent can be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// TLS over a Unix socket, which no agent offers.
    #[error("TLS and a Unix socket exclude each other")]
    TlsOverUnix,
    /// A time-out of zero.
    #[error("the time-out for the Secret Agent must not be zero")]
    NoTime,
    /// Certificates, keys or names that cannot be used.
    #[error("TLS to the Secret Agent cannot be set up")]
    Tls {
        /// Which, and what would help.
        source: net_tls::error::Error,
    },
}

/// A secret that could not be had: which one, from whom, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot get {reference} from the Secret Agent at {address}: {kind}")]
pub struct Error {
    reference: Reference,
    address: Address,
    kind: ErrorKind,
    source: Option<io::Error>,
}

impl Error {
    pub(crate) fn new(reference: &Reference, address: &Address, failure: Failure) -> Self {
        Self {
            reference: reference.clone(),
            address: address.clone(),
            kind: failure.kind,
            source: failure.source,
        }
    }

    /// Which secret was asked for.
    #[must_use]
    pub const fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Who was asked.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Why there is no value.
    #[must_use]
    pub const fn kind(&self) -> &ErrorKind {
        &self.kind
    }
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The host has no address.
    #[error("its name cannot be resolved")]
    Resolve,
    /// Nobody answers there.
    #[error("it cannot be reached")]
    Connect,
    /// The handshake failed: no trust, or no certificate that the agent accepts.
    #[error("TLS failed")]
    Tls,
    /// The connection broke.
    #[error("the connection broke")]
    Transport,
    /// The time for one secret is over.
    #[error("no answer within {} ms", .limit.as_millis())]
    TimedOut {
        /// The time that it had.
        limit: Duration,
    },
    /// The agent has no such secret, or will not give it.
    #[error("it refused: {message}")]
    Refused {
        /// What it says, at most 200 characters, control characters escaped.
        message: String,
    },
    /// The answer ends too early.
    #[error("its answer is cut off")]
    Truncated,
    /// The answer is not that of an agent. A TLS port that is asked without TLS, or the other way
    /// round, is the likely cause.
    #[error("its answer is not that of a Secret Agent; are address and TLS settings right?")]
    NotAnAgent,
    /// The announced answer is too long.
    #[error("its answer of {found} bytes is too long, the limit is {limit}")]
    TooLong {
        /// Announced length.
        found: u32,
        /// Longest length.
        limit: u32,
    },
    /// The answer is not JSON of the known shape.
    #[error("its answer cannot be understood")]
    NotJson,
    /// The answer holds neither a value nor an error.
    #[error("its answer holds neither a value nor an error")]
    NoValue,
    /// The value should be base64 and is not.
    #[error("the value is not base64")]
    NotBase64,
    /// The value is not text in UTF-8.
    #[error("the value is not text")]
    NotText,
}

/// A kind with the cause below it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    pub(crate) source: Option<io::Error>,
}

impl From<ErrorKind> for Failure {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl Failure {
    /// A failure of the system; a time-out is one whatever was being done.
    pub(crate) fn io(kind: ErrorKind, source: io::Error, limit: Duration) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ErrorKind::TimedOut { limit },
            // Rustls gives its own errors as those of invalid data.
            io::ErrorKind::InvalidData => ErrorKind::Tls,
            _ => kind,
        };
        let source = Some(source);
        Self { kind, source }
    }
}
