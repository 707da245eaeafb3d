//! Decoded records: views of the input.
//!
//! The decoder keeps only positions and numbers for each bin, in a vector that it reuses. This
//! module turns them into values when somebody looks.

use core::fmt;
use core::iter::FusedIterator;

use crate::base64::Base64Text;
use crate::name::Name;
use crate::value::{BlobKind, Data, Key, Value};

/// A decoded record. Source: asb-text.md §7.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// User key, if the file has it.
    pub key: Option<Key<'a>>,
    /// Namespace.
    pub namespace: Name<'a>,
    /// RIPEMD-160 digest of set and key.
    pub digest: [u8; 20],
    /// Set, if the record is in one.
    pub set: Option<Name<'a>>,
    /// The server's generation.
    pub generation: u16,
    /// Seconds since 2010-01-01T00:00:00Z; 0 = never expires.
    pub void_time: u32,
    pub(crate) raw: &'a [u8],
    pub(crate) bins: &'a [BinSpan],
}

impl<'a> Record<'a> {
    /// Number of bins.
    #[must_use]
    pub const fn bin_count(&self) -> usize {
        self.bins.len()
    }

    /// The bins in the order of the file.
    #[must_use]
    pub fn bins(&self) -> Bins<'a> {
        Bins {
            raw: self.raw,
            spans: self.bins.iter(),
        }
    }

    /// The whole text of the record, from its first line to the LF of its last.
    ///
    /// It can be copied into any file of version 3.1 or later, unless it came from a 3.0 file,
    /// whose names are not escaped.
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("key", &self.key)
            .field("namespace", &self.namespace)
            .field("digest", &self.digest)
            .field("set", &self.set)
            .field("generation", &self.generation)
            .field("void_time", &self.void_time)
            .field("bins", &self.bins())
            .finish()
    }
}

/// Equal if everything but the spelling is: escapes, base64 or raw, leading zeros.
impl PartialEq for Record<'_> {
    fn eq(&self, other: &Record<'_>) -> bool {
        self.key == other.key
            && self.namespace == other.namespace
            && self.digest == other.digest
            && self.set == other.set
            && self.generation == other.generation
            && self.void_time == other.void_time
            && self.bins().eq(other.bins())
    }
}

/// One bin of a decoded record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin<'a> {
    /// Name of the bin.
    pub name: Name<'a>,
    /// Value of the bin.
    pub value: Value<'a>,
}

/// Iterator over the bins of a record, in the order of the file.
#[derive(Clone)]
pub struct Bins<'a> {
    raw: &'a [u8],
    spans: core::slice::Iter<'a, BinSpan>,
}

impl<'a> Iterator for Bins<'a> {
    type Item = Bin<'a>;

    #[inline]
    fn next(&mut self) -> Option<Bin<'a>> {
        let span = self.spans.next()?;
        Some(Bin {
            name: span.name.of(self.raw),
            value: span.value.of(self.raw),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl ExactSizeIterator for Bins<'_> {}
impl FusedIterator for Bins<'_> {}

impl fmt::Debug for Bins<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// Where a bin stands, counted from the start of its record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BinSpan {
    pub(crate) name: NameSpan,
    pub(crate) value: ValueSpan,
}

/// Where a name stands. No name is as long as 2^16 (`NameField::limit`).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NameSpan {
    pub(crate) start: usize,
    pub(crate) len: u16,
    pub(crate) escaped: bool,
}

impl NameSpan {
    #[inline]
    pub(crate) fn of<'a>(self, raw: &'a [u8]) -> Name<'a> {
        Name::from_raw(slice(raw, self.start, usize::from(self.len)), self.escaped)
    }
}

/// Where sized data stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DataSpan {
    pub(crate) start: usize,
    pub(crate) len: u32,
    pub(crate) is_base64: bool,
}

impl DataSpan {
    #[inline]
    pub(crate) fn bytes(self, raw: &[u8]) -> &[u8] {
        slice(
            raw,
            self.start,
            usize::try_from(self.len).unwrap_or(usize::MAX),
        )
    }

    #[inline]
    fn of<'a>(self, raw: &'a [u8]) -> Data<'a> {
        let bytes = self.bytes(raw);
        if self.is_base64 {
            Data::Base64(Base64Text::checked(bytes))
        } else {
            Data::Raw(bytes)
        }
    }
}

/// A value, or where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ValueSpan {
    Nil,
    Bool(bool),
    Integer(i64),
    Double(f64),
    String(DataSpan),
    GeoJson(DataSpan),
    Blob(BlobKind, DataSpan),
}

impl ValueSpan {
    #[inline]
    fn of<'a>(self, raw: &'a [u8]) -> Value<'a> {
        match self {
            Self::Nil => Value::Nil,
            Self::Bool(value) => Value::Bool(value),
            Self::Integer(value) => Value::Integer(value),
            Self::Double(value) => Value::Double(value),
            Self::String(span) => Value::String(span.of(raw)),
            Self::GeoJson(span) => Value::GeoJson(span.bytes(raw)),
            Self::Blob(kind, span) => Value::Blob(kind, span.of(raw)),
        }
    }
}

/// A key, or where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeySpan {
    Integer(i64),
    Double(f64),
    String(DataSpan),
    Blob(DataSpan),
}

impl KeySpan {
    pub(crate) fn of<'a>(self, raw: &'a [u8]) -> Key<'a> {
        match self {
            Self::Integer(value) => Key::Integer(value),
            Self::Double(value) => Key::Double(value),
            Self::String(span) => Key::String(span.of(raw)),
            Self::Blob(span) => Key::Blob(span.of(raw)),
        }
    }
}

/// The part of `raw`; spans come from the decoder and always lie inside.
#[inline]
fn slice(raw: &[u8], start: usize, len: usize) -> &[u8] {
    raw.get(start..)
        .and_then(|rest| rest.get(..len))
        .unwrap_or_default()
}
