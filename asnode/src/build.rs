//! Server versions, what changed with them, and editions.
//!
//! A cluster of an older build behaves as that server did, as far as clients can tell
//! (`info-protocol.md`, `wire-*.md`). Whatever differs asks here: a constant names the change and
//! is compared with the cluster's build.

use std::{fmt, str::FromStr};

/// A server version: four numbers, in order. The default is before all servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Build([u16; 4]);

/// The newest build that is emulated, and the default.
pub const DEFAULT_BUILD: Build = Build([8, 1, 2, 0]);

impl Build {
    /// One of each generation that tools have to work with, oldest first: 5.7, 6.4, 7.2, 8.1 and
    /// 8.1.2.
    pub const GENERATIONS: [Self; 5] = [
        Self([5, 7, 0, 31]),
        Self([6, 4, 0, 35]),
        Self([7, 2, 0, 15]),
        Self([8, 1, 0, 3]),
        DEFAULT_BUILD,
    ];

    /// Batches that write, partition queries and one machinery for scans and queries. Before,
    /// a scan reports each partition that it finished, and jobs are shown by `scan-show`.
    pub(crate) const BATCH_ANY: Self = Self([6, 0, 0, 0]);
    /// Contexts of indexes, and `b64=true`.
    pub(crate) const INDEX_CONTEXT: Self = Self([6, 1, 0, 0]);
    /// Blob indexes, records' sizes in expressions.
    pub(crate) const BLOB_INDEX: Self = Self([7, 0, 0, 0]);
    /// Transactions, with a switch against them.
    pub(crate) const TRANSACTIONS: Self = Self([8, 0, 0, 0]);
    /// Index commands with `namespace=`, `bin=` and `type=`, indexes on expressions, errors of one
    /// form, user agents, `query-show:id=`.
    pub(crate) const NEW_INDEX_COMMANDS: Self = Self([8, 1, 0, 0]);
    /// Indexes on sets, lists in expressions.
    pub(crate) const SET_INDEX: Self = DEFAULT_BUILD;

    /// Version `a.b.c.d`.
    #[must_use]
    pub const fn new(a: u16, b: u16, c: u16, d: u16) -> Self {
        Self([a, b, c, d])
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "{a}.{b}.{c}.{d}")
    }
}

/// A text that is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version has two to four numbers with dots between them, such as 8.1.2.0")]
pub struct BadBuild;

impl FromStr for Build {
    type Err = BadBuild;

    /// Reads `a.b[.c[.d]]`; what is missing is 0.
    fn from_str(text: &str) -> Result<Self, BadBuild> {
        let parts: Vec<&str> = text.split('.').collect();
        if !(2..=4).contains(&parts.len()) {
            return Err(BadBuild);
        }
        let mut numbers = [0; 4];
        for (number, part) in numbers.iter_mut().zip(parts) {
            *number = part.parse().map_err(|_| BadBuild)?;
        }
        Ok(Self(numbers))
    }
}

/// The edition of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Edition {
    /// Without racks, compression and durable deletes.
    #[default]
    Community,
    /// With them.
    Enterprise,
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Community => "Aerospike Community Edition",
            Self::Enterprise => "Aerospike Enterprise Edition",
        })
    }
}
