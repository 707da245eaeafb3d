//! Names and their escapes.
//!
//! A decoded name stays in its escaped form until somebody wants the plain bytes: almost no name
//! holds an escape, and comparing or copying the raw slice is then all there is to do.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

/// A name as it stands in the file. Source: asb-text.md §4.
///
/// A backslash makes the next byte literal; all other bytes stand for themselves, be they UTF-8
/// or not. Equality is that of the plain bytes: `a\ b` equals `\a\ b`.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> Name<'a> {
    /// `escaped` says whether a backslash in `raw` is an escape; the raw form never ends in half
    /// of one.
    pub(crate) const fn from_raw(raw: &'a [u8], escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// Whether the raw form holds escapes and thus differs from the plain one.
    #[must_use]
    pub const fn is_escaped(&self) -> bool {
        self.escaped
    }

    /// The bytes in the file, still escaped.
    #[must_use]
    pub const fn as_raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Number of plain bytes.
    #[must_use]
    pub fn unescaped_len(&self) -> usize {
        if self.escaped {
            self.bytes().count()
        } else {
            self.raw.len()
        }
    }

    /// Appends the plain bytes to `out`.
    pub fn unescape_into(&self, out: &mut Vec<u8>) {
        if self.escaped {
            out.extend(self.bytes());
        } else {
            out.extend_from_slice(self.raw);
        }
    }

    /// The plain bytes, borrowed when nothing is escaped.
    #[must_use]
    pub fn to_cow(&self) -> Cow<'a, [u8]> {
        if self.escaped {
            Cow::Owned(self.bytes().collect())
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    pub(crate) fn bytes(&self) -> Plain<'a> {
        Plain {
            raw: self.raw.iter(),
            escaped: self.escaped,
        }
    }
}

/// Iterator over the plain bytes.
pub(crate) struct Plain<'a> {
    raw: core::slice::Iter<'a, u8>,
    escaped: bool,
}

impl Iterator for Plain<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        match self.raw.next() {
            Some(b'\\') if self.escaped => self.raw.next().copied(),
            byte => byte.copied(),
        }
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Name<'_>) -> bool {
        match (self.escaped, other.escaped) {
            (false, false) => self.raw == other.raw,
            _ => self.bytes().eq(other.bytes()),
        }
    }
}

impl Eq for Name<'_> {}

impl PartialEq<[u8]> for Name<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        if self.escaped {
            self.bytes().eq(other.iter().copied())
        } else {
            self.raw == other
        }
    }
}

impl PartialEq<&[u8]> for Name<'_> {
    fn eq(&self, other: &&[u8]) -> bool {
        *self == **other
    }
}

impl<const N: usize> PartialEq<[u8; N]> for Name<'_> {
    fn eq(&self, other: &[u8; N]) -> bool {
        *self == other[..]
    }
}

impl fmt::Debug for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name(\"{}\")", self.raw.escape_ascii())
    }
}

/// Which name an error speaks of. Source of the limits: asb-text.md §4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameField {
    /// Namespace: at most 31 bytes.
    Namespace,
    /// Set: at most 63 bytes.
    Set,
    /// Bin: at most 15 bytes.
    Bin,
    /// Secondary index: at most 255 bytes.
    Index,
    /// UDF module: at most 127 bytes.
    Udf,
}

impl NameField {
    /// The most plain bytes that a server takes.
    #[must_use]
    pub const fn limit(self) -> usize {
        match self {
            Self::Namespace => 31,
            Self::Set => 63,
            Self::Bin => 15,
            Self::Index => 255,
            Self::Udf => 127,
        }
    }
}

impl fmt::Display for NameField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Namespace => "namespace",
            Self::Set => "set name",
            Self::Bin => "bin name",
            Self::Index => "index name",
            Self::Udf => "UDF module name",
        })
    }
}
