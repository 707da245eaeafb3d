//! Digests and the partitions they fall into (`wire-protocol.md` §6).

use core::fmt;
use ripemd::{Digest as _, Ripemd160};

/// Length of a digest in bytes.
pub const DIGEST_SIZE: usize = 20;

/// Number of partitions of every namespace.
pub const PARTITIONS: u16 = 4096;

/// The 20 bytes that identify a record. They are compared bytewise, which is the order in which
/// scans descend. A restore keeps the digest of the backup: servers never recompute it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(
    /// The bytes as they stand on the wire.
    pub [u8; DIGEST_SIZE],
);

impl Digest {
    /// RIPEMD-160 over set name, particle type byte and key bytes. The null set is empty.
    #[must_use]
    pub fn for_key(set: &[u8], particle: u8, key: &[u8]) -> Self {
        let hash = Ripemd160::new()
            .chain_update(set)
            .chain_update([particle])
            .chain_update(key);
        Self(hash.finalize().into())
    }

    /// The digest in `bytes`, if there are exactly 20.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Low 12 bits of the first two bytes, little-endian.
    #[must_use]
    pub const fn partition(&self) -> PartitionId {
        let [low, high, ..] = self.0;
        PartitionId(u16::from_le_bytes([low, high]) & (PARTITIONS - 1))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A partition: 0 to 4095.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionId(u16);

impl PartitionId {
    /// The partition with this number, if there is one.
    #[must_use]
    pub const fn new(id: u16) -> Option<Self> {
        if id < PARTITIONS {
            Some(Self(id))
        } else {
            None
        }
    }

    /// Its number, 0 to 4095.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Its number as an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn digests_of_the_specification() {
        let check = |set: &str, particle, key: &[u8], digest: &str, partition| {
            let found = Digest::for_key(set.as_bytes(), particle, key);
            assert_eq!(found.to_string(), digest);
            assert_eq!(found.partition().get(), partition);
        };
        check(
            "demo",
            3,
            b"key1",
            "ec91192d4b7f8ce35d5d78d34bca65cbaaaac960",
            492,
        );
        check(
            "demo",
            1,
            &1i64.to_be_bytes(),
            "b7f4b83889e2da67de683e1df6919a1eacc446c8",
            1207,
        );
        check(
            "demo",
            1,
            &(-1i64).to_be_bytes(),
            "e9d49a24c3debdc5a6d551d3e7087999a263bb97",
            1257,
        );
        check(
            "",
            1,
            &1i64.to_be_bytes(),
            "a443f05d05d962202b59abb402afae1737dbf66a",
            932,
        );
        check(
            "demo",
            4,
            &[0, 1],
            "fe6fd5e2ec9692dff85cf8b5e1bc766e5af06cdc",
            4094,
        );
        check(
            "demo",
            3,
            b"",
            "6253653507ba82c3f57c87af2f86d39033149e0c",
            866,
        );
    }
}
