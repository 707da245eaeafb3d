//! What can be wrong with a file, and where.

use core::ascii::escape_default;
use core::fmt;

use crate::name::NameField;

/// Error of the decoder: what was wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
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

    /// Where it is wrong.
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
    /// Byte offset from the start of the file: of the first byte that cannot stand there, or the
    /// start of the value that is out of range.
    pub offset: u64,
    /// Line in which the format's own line begins, from 1, counted by LF bytes, those in raw
    /// data included.
    pub line: u64,
    /// Index, from 0, of the record in work; `None` outside of records.
    pub record: Option<u64>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}, line {}", self.offset, self.line)?;
        match self.record {
            Some(record) => write!(f, ", record {record}"),
            None => Ok(()),
        }
    }
}

/// What is wrong with the input. Source: asb-text.md, "We" lines, §14.3 and appendix A.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input ends where it may not.
    #[error("unexpected end of input, expected {expected}")]
    UnexpectedEnd {
        /// What should have come.
        expected: &'static str,
    },
    /// A byte that cannot stand at its place.
    #[error("expected {expected}, found '{}'", escape_default(*.found))]
    Unexpected {
        /// What should have come.
        expected: &'static str,
        /// What came.
        found: u8,
    },
    /// The file does not begin with `Version d.d` and LF.
    #[error("not a backup text file: the first line must be \"Version\" and a number")]
    BadHeader,
    /// The header names a version that this crate cannot read.
    #[error("unsupported format version {}, known are 3.0 to 3.3", .found.escape_ascii())]
    UnsupportedVersion {
        /// The version in the header.
        found: [u8; 3],
    },
    /// A `#` line that is neither `# namespace` nor `# first-file`.
    #[error("unknown meta line")]
    UnknownMeta,
    /// A `#` line after the first `*` or `+` line.
    #[error("meta line after the first global or record")]
    MisplacedMeta,
    /// A `*` line that is neither `i`, `e` nor `u`.
    #[error("unknown global line '{}'", escape_default(*.found))]
    UnknownGlobal {
        /// The letter.
        found: u8,
    },
    /// A key whose type letter is unknown.
    #[error("unknown key type '{}'", escape_default(*.found))]
    UnknownKeyType {
        /// The letter.
        found: u8,
    },
    /// A bin whose type letter is unknown.
    #[error("unknown bin type '{}'", escape_default(*.found))]
    UnknownBinType {
        /// The letter.
        found: u8,
    },
    /// A bin of the old type `U`.
    #[error("large data types (bin type 'U') are not supported")]
    LargeDataType,
    /// A `!` after a type that has no raw form; see [`Options`](crate::Options).
    #[error("'!' has no meaning after type '{}'", escape_default(*.letter))]
    RedundantBang {
        /// The type letter.
        letter: u8,
    },
    /// A name without any byte.
    #[error("empty {field}")]
    EmptyName {
        /// Which name.
        field: NameField,
    },
    /// A name that no server would take.
    #[error("{field} is longer than {limit} bytes")]
    NameTooLong {
        /// Which name.
        field: NameField,
        /// The most plain bytes that it may have.
        limit: usize,
    },
    /// A number, context or expression beyond any reason.
    #[error("field is longer than {limit} bytes")]
    TokenTooLong {
        /// The most bytes that it may have in the file.
        limit: usize,
    },
    /// A field that must be a decimal number is not.
    #[error("expected a number, found '{}'", escape_default(*.found))]
    BadNumber {
        /// The first byte that is not a digit.
        found: u8,
    },
    /// A number outside of its field's range.
    #[error("number out of range, the limit is {limit}")]
    NumberOutOfRange {
        /// The limit that was passed: the highest, or for a negative number the lowest value.
        limit: i128,
    },
    /// A double that cannot be read.
    #[error("not a floating point number")]
    BadFloat,
    /// A double with too large an exponent.
    #[error("floating point number out of range")]
    FloatOutOfRange,
    /// A boolean that is neither `T` nor `F`.
    #[error("expected boolean 'T' or 'F', found '{}'", escape_default(*.found))]
    BadBoolean {
        /// What came.
        found: u8,
    },
    /// A base64 size that is not a multiple of four.
    #[error("base64 of {found} characters, must be a multiple of 4")]
    Base64Length {
        /// The number of characters.
        found: u64,
    },
    /// A byte that base64 does not have at this place.
    #[error("bad base64 character '{}'", escape_default(*.found))]
    BadBase64 {
        /// What came.
        found: u8,
    },
    /// A digest that does not have the 28 characters of 20 bytes.
    #[error("digest must be 28 characters of base64 that stand for 20 bytes")]
    BadDigest,
    /// An index on other than one path.
    #[error("index on {found} paths, only 1 is supported")]
    IndexPaths {
        /// The number of paths.
        found: u64,
    },
    /// An index kind that is unknown.
    #[error("unknown index type '{}'", escape_default(*.found))]
    UnknownIndexKind {
        /// The letter.
        found: u8,
    },
    /// A type of indexed values that is unknown.
    #[error("unknown bin type '{}' of an index", escape_default(*.found))]
    UnknownIndexData {
        /// The letter.
        found: u8,
    },
    /// A set index needs index type `S`, an empty bin name, bin type `E` and a set, and no other
    /// index may have any of the first three.
    #[error("set index must have a set, type 'S', no bin, bin type 'E' and no context")]
    BadSetIndex,
    /// A UDF module that is not Lua.
    #[error("unknown UDF language '{}'", escape_default(*.found))]
    UnknownUdfLanguage {
        /// The letter.
        found: u8,
    },
    /// Two bins of one record have the same name.
    #[error("bin occurs twice in one record")]
    DuplicateBin,
}
