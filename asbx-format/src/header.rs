//! The header: `version u8 = 1 | file number u64 | reserved u32 = 0 | namespace, 31 bytes, padded
//! with zero bytes`, all big-endian (§1.1).

use core::fmt;

use alloc::vec::Vec;

use crate::error::ErrorKind;

/// Size of the header in bytes.
pub const HEADER_SIZE: usize = 44;

/// Longest namespace in bytes, which is also what servers allow.
pub const MAX_NAMESPACE: usize = 31;

/// The one version of the format.
const VERSION: u8 = 1;

/// Where the namespace stands in the file.
pub(crate) const NAMESPACE_OFFSET: u64 = 13;

/// Header of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header {
    number: u64,
    /// Padded with zero bytes; not empty.
    namespace: [u8; MAX_NAMESPACE],
}

impl Header {
    /// A header with this file number. `None`: the namespace is empty, longer than
    /// [`MAX_NAMESPACE`], or ends in a zero byte, so that it could not be read back.
    #[must_use]
    pub fn new(number: u64, namespace: &[u8]) -> Option<Self> {
        let mut padded = [0; MAX_NAMESPACE];
        padded
            .get_mut(..namespace.len())?
            .copy_from_slice(namespace);
        let ends_well = namespace.last().is_some_and(|byte| *byte != 0);
        ends_well.then_some(Self {
            number,
            namespace: padded,
        })
    }

    /// The number of the file, the same as in its name ([`crate::FileName`]).
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The namespace without padding, 1 to 31 bytes.
    #[must_use]
    pub fn namespace(&self) -> &[u8] {
        let end = self.namespace.iter().rposition(|byte| *byte != 0);
        let len = end.map_or(0, |at| at.saturating_add(1));
        self.namespace.get(..len).unwrap_or_default()
    }

    /// Appends the 44 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.namespace);
    }

    /// The header in `bytes`; an error comes with its offset.
    pub(crate) fn decode(bytes: &[u8; HEADER_SIZE]) -> Result<Self, (ErrorKind, u64)> {
        let [
            version,
            n0,
            n1,
            n2,
            n3,
            n4,
            n5,
            n6,
            n7,
            _,
            _,
            _,
            _,
            namespace @ ..,
        ] = *bytes;
        check_version(version)?;
        let header = Self {
            number: u64::from_be_bytes([n0, n1, n2, n3, n4, n5, n6, n7]),
            namespace,
        };
        if header.namespace().is_empty() {
            return Err((ErrorKind::EmptyNamespace, NAMESPACE_OFFSET));
        }
        Ok(header)
    }
}

/// Whether a file may begin with this byte.
pub(crate) const fn check_version(found: u8) -> Result<(), (ErrorKind, u64)> {
    match found {
        VERSION => Ok(()),
        found => Err((ErrorKind::Version { found }, 0)),
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("number", &self.number)
            .field("namespace", &self.namespace().escape_ascii())
            .finish()
    }
}
