//! Server versions and what changed with them.

use std::{fmt, str::FromStr};

/// A server version: four numbers. The default is before all servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Build([u16; 4]);

impl Build {
    /// Batch writes.
    pub const BATCH_WRITES: Self = Self([6, 0, 0, 0]);
    /// Index contexts, and base64 in index lists.
    pub const INDEX_CONTEXT: Self = Self([6, 1, 0, 0]);
    /// Indexes on blobs.
    pub const BLOB_INDEX: Self = Self([7, 0, 0, 0]);
    /// `namespace=`, `bin=` and `type=` in index commands; expression indexes.
    pub const NEW_INDEX_SYNTAX: Self = Self([8, 1, 0, 0]);
    /// Indexes on sets.
    pub const SET_INDEX: Self = Self([8, 1, 2, 0]);

    /// Version `a.b.c.d`.
    #[must_use]
    pub const fn new(a: u16, b: u16, c: u16, d: u16) -> Self {
        Self([a, b, c, d])
    }
}

impl FromStr for Build {
    type Err = String;

    /// Reads `a.b.c.d`; a suffix after `-` or `_` is left out, missing numbers are 0.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut numbers = [0; 4];
        let plain = text.split(['-', '_', ' ']).next().unwrap_or_default();
        let mut parts = plain.split('.');
        for (slot, part) in numbers.iter_mut().zip(&mut parts) {
            *slot = part
                .parse()
                .map_err(|_| format!("{text:?} is no version"))?;
        }
        match parts.next() {
            None => Ok(Self(numbers)),
            Some(_) => Err(format!("{text:?} is no version")),
        }
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "{a}.{b}.{c}.{d}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let parse = |text: &str| text.parse::<Build>();
        assert_eq!(parse("8.1.2.0"), Ok(Build::new(8, 1, 2, 0)));
        assert_eq!(parse("6.4.0.10-5-g123"), Ok(Build::new(6, 4, 0, 10)));
        assert!(parse("7.2.0.1").unwrap() < Build::NEW_INDEX_SYNTAX);
        assert!(parse("").is_err() && parse("8.x").is_err() && parse("1.2.3.4.5").is_err());
    }
}
