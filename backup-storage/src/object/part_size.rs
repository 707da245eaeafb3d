//! How large parts are (`storage.md` §2.8).

use crate::{Error, ErrorKind, Operation, Result};

/// Parts of one object that every provider takes.
pub const MOST_PARTS: u64 = 10_000;

/// Size of a part where none is given, in bytes: 8 MiB.
const USUAL_BYTES: u64 = 8 << 20;
/// Largest part of a file without a limit, in bytes: 256 MiB.
const LARGEST_BYTES: u64 = 256 << 20;
/// Parts of a file without a limit after which they become twice as large.
const STEP: u64 = 1_000;

/// Size of the parts that an object is sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartSize {
    /// Always so many bytes.
    Fixed(u64),
    /// For files that end soon after `file_limit` bytes: 8 MiB, or more where they would be too many. For
    /// files without a limit 8 MiB at first, then doubled every 1,000 parts up to 256 MiB.
    Automatic {
        /// Size at which a file is closed, in bytes; `None` = never.
        file_limit: Option<u64>,
        /// Parts are not smaller than this, in bytes.
        least: u64,
    },
}

impl Default for PartSize {
    fn default() -> Self {
        Self::Automatic {
            file_limit: None,
            least: 0,
        }
    }
}

impl PartSize {
    /// Bytes of the part that follows `sent` others.
    #[must_use]
    pub fn bytes(self, sent: u64) -> u64 {
        match self {
            Self::Fixed(bytes) => bytes.max(1),
            Self::Automatic {
                file_limit: Some(limit),
                least,
            } => {
                // A file is closed after the piece that reaches its limit; the parts leave room for that.
                let needed = limit.div_ceil(MOST_PARTS / 2);
                let needed = needed.div_ceil(1 << 20).saturating_mul(1 << 20);
                USUAL_BYTES.max(least).max(needed)
            }
            Self::Automatic {
                file_limit: None,
                least,
            } => {
                let doublings = u32::try_from(sent / STEP).unwrap_or(u32::MAX).min(5);
                (USUAL_BYTES << doublings).min(LARGEST_BYTES).max(least)
            }
        }
    }

    /// Whether files of this limit fit into parts of this size.
    ///
    /// # Errors
    ///
    /// `Settings` when there would be 10,000 parts or more.
    pub fn check(self, file_limit: u64) -> Result<()> {
        let parts = file_limit.div_ceil(self.bytes(0));
        if parts < MOST_PARTS {
            return Ok(());
        }
        let cause = format!(
            "a file of {file_limit} bytes would have {parts} parts of {} bytes, and fewer than {MOST_PARTS} \
             are allowed",
            self.bytes(0)
        );
        let cause = std::io::Error::other(cause);
        Err(Error::caused(
            ErrorKind::Settings,
            Operation::Check,
            "the part size",
            cause,
        ))
    }
}
