//! Format versions and the rule for choosing one.

use core::fmt;

use crate::index::IndexDef;

/// Version of the format as the header states it. Source: asb-text.md §2.
///
/// The order is that of the numbers, so "not above 3.1" is `version <= Version::V3_1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Very old C tools: names hold no escapes. Read only; no current tool writes it.
    V3_0,
    /// What both established tools write.
    V3_1,
    /// Adds expression indexes (`* e`).
    V3_2,
    /// Draft: adds set indexes (§6.4).
    V3_3,
}

impl Version {
    /// The three bytes in the header: `3.0` … `3.3`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V3_0 => "3.0",
            Self::V3_1 => "3.1",
            Self::V3_2 => "3.2",
            Self::V3_3 => "3.3",
        }
    }

    /// The lowest version that covers a file with these indexes: 3.3 with a set index, else 3.2
    /// with an expression index, else 3.1. Source: asb-text.md §2.
    ///
    /// ```
    /// use asb_format::Version;
    /// assert_eq!(Version::required_for([]), Version::V3_1);
    /// ```
    pub fn required_for<'i, 'a: 'i>(indexes: impl IntoIterator<Item = &'i IndexDef<'a>>) -> Self {
        indexes
            .into_iter()
            .map(IndexDef::required_version)
            .max()
            .unwrap_or(Self::V3_1)
    }

    pub(crate) fn from_digits(digits: [u8; 3]) -> Option<Self> {
        match &digits {
            b"3.0" => Some(Self::V3_0),
            b"3.1" => Some(Self::V3_1),
            b"3.2" => Some(Self::V3_2),
            b"3.3" => Some(Self::V3_3),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
