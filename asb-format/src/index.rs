//! Secondary indexes, as read and as written.

use crate::base64::Base64Text;
use crate::name::Name;
use crate::version::Version;

/// What of a bin's value is indexed. Source: asb-text.md §6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexKind {
    /// `N`: the value itself.
    Bin,
    /// `L`: the elements of a list.
    List,
    /// `K`: the keys of a map.
    MapKeys,
    /// `V`: the values of a map.
    MapValues,
    /// `S`: all records of a set, no bin at all (draft 3.3, §6.4).
    Set,
}

impl IndexKind {
    /// The letter in the file.
    #[must_use]
    pub const fn letter(self) -> u8 {
        match self {
            Self::Bin => b'N',
            Self::List => b'L',
            Self::MapKeys => b'K',
            Self::MapValues => b'V',
            Self::Set => b'S',
        }
    }

    pub(crate) const fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'N' => Some(Self::Bin),
            b'L' => Some(Self::List),
            b'K' => Some(Self::MapKeys),
            b'V' => Some(Self::MapValues),
            b'S' => Some(Self::Set),
            _ => None,
        }
    }
}

/// Type of the indexed values. Source: asb-text.md §6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexData {
    /// `N`
    Numeric,
    /// `S`
    String,
    /// `G`
    Geo2dSphere,
    /// `B`
    Blob,
    /// `E`: none, because it is a set index (§6.4).
    Set,
}

impl IndexData {
    /// The letter in the file.
    #[must_use]
    pub const fn letter(self) -> u8 {
        match self {
            Self::Numeric => b'N',
            Self::String => b'S',
            Self::Geo2dSphere => b'G',
            Self::Blob => b'B',
            Self::Set => b'E',
        }
    }

    pub(crate) const fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'N' => Some(Self::Numeric),
            b'S' => Some(Self::String),
            b'G' => Some(Self::Geo2dSphere),
            b'B' => Some(Self::Blob),
            b'E' => Some(Self::Set),
            _ => None,
        }
    }
}

/// A secondary index as read from `* i` or `* e`. Source: asb-text.md §6.1, §6.2, §6.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index<'a> {
    /// Namespace of the index.
    pub namespace: Name<'a>,
    /// Set, or `None` if the index covers the whole namespace. Always there for a set index.
    pub set: Option<Name<'a>>,
    /// `set` is `None` because the file says `null` (in any case), which the C tool writes for
    /// "no set" (§6.1). A set really named so cannot be told apart.
    pub set_was_null: bool,
    /// Name of the index.
    pub name: Name<'a>,
    /// What is indexed.
    pub kind: IndexKind,
    /// Bin, or `None` for a set index and for an expression index (whose line says `null`).
    pub bin: Option<Name<'a>>,
    /// Type of the indexed values.
    pub data: IndexData,
    /// Base64 of the msgpack CDT context of a `* i` line.
    pub context: Option<Base64Text<'a>>,
    /// Whether the line is `* e`.
    pub is_expression: bool,
    /// Base64 of the msgpack expression of a `* e` line; `None` there only in damaged files.
    pub expression: Option<Base64Text<'a>>,
}

impl Index<'_> {
    /// Whether this looks like an expression index whose expression the C tool dropped: a plain
    /// index on a bin `null` without context (§6.2).
    #[must_use]
    pub fn is_suspected_expression(&self) -> bool {
        self.context.is_none() && self.bin.is_some_and(|bin| bin == *b"null")
    }

    /// The lowest version that has this kind of index.
    #[must_use]
    pub fn required_version(&self) -> Version {
        required_version(self.kind, self.is_expression)
    }
}

/// A secondary index to be written. Names are plain, they are escaped on the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexDef<'a> {
    /// Namespace of the index.
    pub namespace: &'a [u8],
    /// Set, `None` for the whole namespace. `null` in any case is written as none, as servers
    /// mean it (§6.1), except for a set index.
    pub set: Option<&'a [u8]>,
    /// Name of the index.
    pub name: &'a [u8],
    /// What is indexed.
    pub kind: IndexKind,
    /// Bin; not used for expression and set indexes.
    pub bin: &'a [u8],
    /// Type of the indexed values; not used for set indexes.
    pub data: IndexData,
    /// CDT context, as the server gives it.
    pub context: Option<Base64Text<'a>>,
    /// Expression, as the server gives it; makes the line a `* e`.
    pub expression: Option<Base64Text<'a>>,
}

impl IndexDef<'_> {
    /// The lowest version that has this kind of index.
    #[must_use]
    pub fn required_version(&self) -> Version {
        required_version(self.kind, self.expression.is_some())
    }
}

fn required_version(kind: IndexKind, is_expression: bool) -> Version {
    match (kind, is_expression) {
        (IndexKind::Set, _) => Version::V3_3,
        (_, true) => Version::V3_2,
        (_, false) => Version::V3_1,
    }
}

/// Whether a set name means "no set" (§6.1).
pub(crate) fn is_null(set: &[u8]) -> bool {
    set.eq_ignore_ascii_case(b"null")
}
