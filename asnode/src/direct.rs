//! Records as tests see them, without the wire.

use crate::record::{Bin, StoredRecord};
use aerospike_wire::digest::Digest;
use std::borrow::Cow;

/// A bin: name, particle type and the particle's bytes as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RawBin {
    /// Name, at most 15 bytes.
    pub name: Vec<u8>,
    /// Particle type number.
    pub particle: u8,
    /// Value bytes.
    pub value: Vec<u8>,
}

/// A record with everything that is stored about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// Its identity.
    pub digest: Digest,
    /// Set name; `None` = null set.
    pub set: Option<Vec<u8>>,
    /// Particle type byte and value of the user key, if it is stored.
    pub key: Option<Vec<u8>>,
    /// 1 to 65535.
    pub generation: u16,
    /// Seconds since 2010-01-01 UTC at which it expires; 0 = never.
    pub void_time: u32,
    /// Milliseconds since 2010-01-01 UTC.
    pub last_update_ms: u64,
    /// Bins in order of creation.
    pub bins: Vec<RawBin>,
}

impl RawRecord {
    /// A record with generation 1 that never expires, without key and bins.
    #[must_use]
    pub const fn new(digest: Digest) -> Self {
        Self {
            digest,
            set: None,
            key: None,
            generation: 1,
            void_time: 0,
            last_update_ms: 0,
            bins: Vec::new(),
        }
    }

    /// A record whose digest is made from set and key, as clients do; the key is not stored.
    #[must_use]
    pub fn for_key(set: &str, particle: u8, key: &[u8]) -> Self {
        Self {
            set: (!set.is_empty()).then(|| set.as_bytes().to_vec()),
            ..Self::new(Digest::for_key(set.as_bytes(), particle, key))
        }
    }

    /// Adds a bin.
    #[must_use]
    pub fn bin(mut self, name: &[u8], particle: u8, value: &[u8]) -> Self {
        self.bins.push(RawBin {
            name: name.to_vec(),
            particle,
            value: value.to_vec(),
        });
        self
    }

    pub(crate) fn of(digest: Digest, record: &StoredRecord) -> Self {
        let set = record.set();
        let raw = |bin: aerospike_wire::op::Op<'_>| RawBin {
            name: bin.name.to_vec(),
            particle: bin.particle,
            value: bin.value.to_vec(),
        };
        Self {
            digest,
            set: (!set.is_empty()).then(|| set.to_vec()),
            key: record.key().map(<[u8]>::to_vec),
            generation: record.generation(),
            void_time: record.void_time(),
            last_update_ms: record.lut_ms(),
            bins: record.bins().map(raw).collect(),
        }
    }

    pub(crate) fn wire_bins(&self) -> Vec<Bin<'_>> {
        let mut bins = Vec::with_capacity(self.bins.len());
        for bin in &self.bins {
            bins.push(Bin {
                name: Cow::Borrowed(&bin.name),
                particle: bin.particle,
                value: Cow::Borrowed(&bin.value),
            });
        }
        bins
    }
}
