//! Who owns which partition: the bitmaps of `replicas` replies (`info-protocol.md` §4).
//!
//! `<ns>:<regime>,<columns>,<b64>,<b64>…;<ns>:…`; a bitmap is 512 bytes, partition p is bit
//! `0x80 >> (p & 7)` of byte `p >> 3`. Column 0 is the master, further ones are replicas.

use crate::{
    digest::{PARTITIONS, PartitionId},
    error::{Error, ErrorKind},
    info,
};
use alloc::{boxed::Box, string::String, vec::Vec};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Size of a bitmap in bytes.
pub const BITMAP_SIZE: usize = PARTITIONS as usize / 8;

/// A set of partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionBitmap(Box<[u8; BITMAP_SIZE]>);

impl PartitionBitmap {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self(Box::new([0; BITMAP_SIZE]))
    }

    /// Whether `partition` is in the set.
    #[must_use]
    pub fn contains(&self, partition: PartitionId) -> bool {
        let (byte, mask) = Self::place(partition);
        self.0.get(byte).is_some_and(|bits| bits & mask != 0)
    }

    /// Adds `partition`.
    pub fn insert(&mut self, partition: PartitionId) {
        let (byte, mask) = Self::place(partition);
        if let Some(bits) = self.0.get_mut(byte) {
            *bits |= mask;
        }
    }

    /// The set in base64, 684 characters.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0.as_slice())
    }

    fn place(partition: PartitionId) -> (usize, u8) {
        (partition.index() >> 3, 0x80 >> (partition.get() & 7))
    }

    fn from_base64(text: &[u8]) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        Box::<[u8; BITMAP_SIZE]>::try_from(bytes.into_boxed_slice())
            .ok()
            .map(Self)
    }
}

impl Default for PartitionBitmap {
    fn default() -> Self {
        Self::new()
    }
}

/// What one node says about one namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// Grows with each change of the cluster in strong-consistency namespaces, else 0. The
    /// higher regime wins where two nodes claim a partition.
    pub regime: u32,
    /// Column 0: partitions this node masters; column r: those it holds as r-th replica.
    pub columns: Vec<PartitionBitmap>,
}

/// Finds `namespace` in a `replicas` reply.
///
/// # Errors
/// Text that does not follow the grammar. A namespace that is not listed is `Ok(None)`.
pub fn ownership(reply: &[u8], namespace: &[u8]) -> Result<Option<Ownership>, Error> {
    let bad = || Error::new(ErrorKind::Text { what: "replicas" }, 0);
    for entry in info::items(reply, b';') {
        let (name, rest) = info::split_once(entry, b':').ok_or_else(bad)?;
        if name == namespace {
            return parse_entry(rest).ok_or_else(bad).map(Some);
        }
    }
    Ok(None)
}

fn parse_entry(entry: &[u8]) -> Option<Ownership> {
    let mut parts = entry.split(|byte| *byte == b',');
    let regime = info::number(parts.next()?)?;
    let count: usize = info::number(parts.next()?)?;
    let columns = parts
        .map(PartitionBitmap::from_base64)
        .collect::<Option<Vec<_>>>()?;
    (columns.len() == count && count > 0).then_some(Ownership { regime, columns })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn bitmaps_follow_the_bit_order_of_the_server() {
        let id = PartitionId::new(492).unwrap();
        let mut bitmap = PartitionBitmap::new();
        bitmap.insert(id);
        assert_eq!(bitmap.0[61], 0x08);
        let reply = format!("bar:0,1,{0};test:7,2,{0},{0}", bitmap.to_base64());
        let found = ownership(reply.as_bytes(), b"test").unwrap().unwrap();
        assert_eq!((found.regime, found.columns.len()), (7, 2));
        assert!(found.columns[1].contains(id));
        assert!(!found.columns[1].contains(PartitionId::new(493).unwrap()));
        assert_eq!(ownership(reply.as_bytes(), b"nope"), Ok(None));
    }

    #[test]
    fn malformed_replies_are_refused() {
        for reply in [
            "test",
            "test:0,1",
            "test:0,1,AAAA",
            "test:x,1,",
            "test:0,2,AAAA",
        ] {
            assert!(ownership(reply.as_bytes(), b"test").is_err(), "{reply}");
        }
    }
}
