//! From what a request met to what a caller can act on: a kind, and whether trying again can help
//! (`storage.md` §2.7, goal R10).

use std::{error::Error as StdError, fmt, io, time::Duration};

use http::StatusCode;
use object_store::client::{HttpError, HttpErrorKind};

use super::exchange::Exchange;
use crate::{Error, ErrorKind, Operation};

/// Why a request has no result: `object_store` says so, or we do.
#[derive(Debug)]
pub(super) enum Problem {
    Store(object_store::Error),
    /// The answer to a request of ours is an error; what it says is noted.
    Answered,
    Own(ErrorKind, String),
}

impl From<object_store::Error> for Problem {
    fn from(error: object_store::Error) -> Self {
        Self::Store(error)
    }
}

/// A failed operation, judged.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    cause: String,
    /// The same request may succeed later.
    pub(super) is_transient: bool,
    /// The object has no such bytes.
    pub(super) is_range_refused: bool,
    /// There is no such upload (any more): it was completed or aborted.
    pub(super) is_upload_gone: bool,
    /// The credentials have run out; others may do.
    pub(super) is_expired: bool,
    pub(super) retry_after: Option<Duration>,
}

impl Failure {
    /// One that no repetition mends.
    pub(super) fn new(kind: ErrorKind, cause: impl Into<String>) -> Self {
        Self {
            kind,
            cause: cause.into(),
            is_transient: false,
            is_range_refused: false,
            is_upload_gone: false,
            is_expired: false,
            retry_after: None,
        }
    }

    /// The connection was lost while an object was read.
    pub(super) fn lost(error: &object_store::Error) -> Self {
        let mut at: Option<&(dyn StdError + 'static)> = Some(error);
        let mut kind = ErrorKind::Unavailable;
        while let Some(cause) = at {
            let http = cause.downcast_ref::<HttpError>();
            if http.is_some_and(|http| http.kind() == HttpErrorKind::Timeout) {
                kind = ErrorKind::TimedOut;
            }
            at = cause.source();
        }
        Self::new(kind, innermost(error))
    }

    pub(super) fn judge(problem: Problem, met: &Exchange) -> Self {
        match problem {
            Problem::Own(kind, cause) => Self::new(kind, cause),
            Problem::Store(error) => Self::of_store(&error, met),
            Problem::Answered => Self::of_exchange(met)
                .unwrap_or_else(|| Self::new(ErrorKind::Other, "this is no answer")),
        }
    }

    fn of_store(error: &object_store::Error, met: &Exchange) -> Self {
        use object_store::Error as Store;
        let by_answer = Self::of_exchange(met);
        let kind = match error {
            Store::AlreadyExists { .. } if met.status == Some(StatusCode::PRECONDITION_FAILED) => {
                ErrorKind::AlreadyExists
            }
            Store::Unauthenticated { .. } | Store::PermissionDenied { .. }
                if by_answer.is_none() =>
            {
                ErrorKind::PermissionDenied
            }
            Store::InvalidPath { .. } => ErrorKind::InvalidName,
            Store::NotImplemented { .. } | Store::NotSupported { .. } => ErrorKind::Unsupported,
            _ => match by_answer {
                Some(failure) => return failure.because(error),
                None => ErrorKind::Other,
            },
        };
        Self::new(kind, innermost(error))
    }

    /// A lost connection has its reason in the error, an answer in itself.
    fn because(mut self, error: &object_store::Error) -> Self {
        if self.cause.is_empty() {
            self.cause = innermost(error);
        }
        self
    }

    /// What the last exchange says; `None` when it went well, or there was none.
    fn of_exchange(met: &Exchange) -> Option<Self> {
        if let Some(broken) = met.broken {
            let kind = match broken {
                HttpErrorKind::Timeout => ErrorKind::TimedOut,
                _ => ErrorKind::Unavailable,
            };
            let mut failure = Self::new(kind, met.message.clone().unwrap_or_default());
            failure.is_transient = !met.is_refused_by_tls;
            return Some(failure);
        }
        let status = met.status?;
        let code = met.code.as_deref().unwrap_or_default();
        let (kind, is_transient) = by_code(code).or_else(|| by_status(status))?;
        let text = match (&met.code, &met.message) {
            (Some(code), Some(message)) => format!(" ({code}: {message})"),
            (Some(code), None) => format!(" ({code})"),
            _ => String::new(),
        };
        Some(Self {
            is_transient,
            is_range_refused: status == StatusCode::RANGE_NOT_SATISFIABLE,
            is_upload_gone: matches!(code, "NoSuchUpload" | "InvalidBlockList"),
            is_expired: is_expired(code),
            retry_after: met.retry_after,
            ..Self::new(kind, format!("the server answered {status}{text}"))
        })
    }

    /// The error for callers of the store.
    pub(super) fn into_error(self, operation: Operation, location: impl Into<String>) -> Error {
        Error::caused(self.kind, operation, location, io::Error::other(self.cause))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.cause)
    }
}

fn is_expired(code: &str) -> bool {
    matches!(
        code,
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired"
    )
}

/// Codes that say more than their status, or something else.
fn by_code(code: &str) -> Option<(ErrorKind, bool)> {
    Some(match code {
        "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted" => {
            (ErrorKind::NoBucket, false)
        }
        "InvalidObjectState" | "BlobArchived" | "BlobBeingRehydrated" => {
            (ErrorKind::Archived, false)
        }
        "BadDigest" | "Md5Mismatch" | "Crc64Mismatch" | "XAmzContentChecksumMismatch" => {
            (ErrorKind::Damaged, false)
        }
        "RequestTimeout"
        | "RequestTimeTooSkewed"
        | "SlowDown"
        | "InternalError"
        | "ServiceUnavailable"
        | "ConditionalRequestConflict"
        | "OperationAborted"
        | "ServerBusy"
        | "OperationTimedOut" => (ErrorKind::Unavailable, true),
        "QuotaExceeded" => (ErrorKind::DiskFull, false),
        _ if is_expired(code) => (ErrorKind::PermissionDenied, false),
        _ => return None,
    })
}

fn by_status(status: StatusCode) -> Option<(ErrorKind, bool)> {
    Some(match status.as_u16() {
        200..=299 => return None,
        300..=399 => (ErrorKind::Settings, false),
        401 | 403 => (ErrorKind::PermissionDenied, false),
        404 => (ErrorKind::NotFound, false),
        408 | 429 => (ErrorKind::Unavailable, true),
        409 => (ErrorKind::AlreadyExists, false),
        412 => (ErrorKind::Changed, false),
        501 => (ErrorKind::Unsupported, false),
        507 => (ErrorKind::DiskFull, false),
        500..=599 => (ErrorKind::Unavailable, true),
        _ => (ErrorKind::Other, false),
    })
}

/// The innermost cause: the outer ones repeat it, with addresses around.
fn innermost(error: &dyn StdError) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
