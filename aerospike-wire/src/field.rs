//! Fields of a data message (`wire-protocol.md` §3.3): `u32 size | u8 type | data`, where size
//! counts the type byte.

use crate::reader::{Reader, wire_len};
use alloc::vec::Vec;

/// Field type codes.
pub mod code {
    /// Namespace name, no terminator.
    pub const NAMESPACE: u8 = 0;
    /// Set name; left out (or empty) for the null set.
    pub const SET: u8 = 1;
    /// Particle type byte and value of the user key.
    pub const KEY: u8 = 2;
    /// 20-byte digest.
    pub const DIGEST: u8 = 4;
    /// u64 **little-endian**: transaction that the message is part of.
    pub const MRT_ID: u8 = 5;
    /// u64: id of a scan or query.
    pub const QUERY_ID: u8 = 7;
    /// u32 milliseconds that the server waits for a client that does not read; 0 = for ever.
    pub const SOCKET_TIMEOUT: u8 = 9;
    /// u32 records per second; 0 = no limit.
    pub const RECORDS_PER_SECOND: u8 = 10;
    /// u16 **little-endian** partition ids to scan from their start.
    pub const PID_ARRAY: u8 = 11;
    /// 20-byte digests after which partitions are resumed.
    pub const DIGEST_ARRAY: u8 = 12;
    /// u64: most records that the request may return.
    pub const MAX_RECORDS: u8 = 13;
    /// u64: last-update time, XDR writes only.
    pub const LAST_UPDATE: u8 = 14;
    /// i64 **little-endian**: bin values of a query resume, and in a query's replies.
    pub const BVAL_ARRAY: u8 = 15;
    /// Name of the index of a query.
    pub const INDEX_NAME: u8 = 21;
    /// Range of a query on an index (`wire-scan.md` §9).
    pub const INDEX_RANGE: u8 = 22;
    /// msgpack context of the index of a query.
    pub const INDEX_CONTEXT: u8 = 23;
    /// msgpack expression of the index of a query.
    pub const INDEX_EXPRESSION: u8 = 24;
    /// u8: 0 values, 1 list elements, 2 map keys, 3 map values.
    pub const INDEX_TYPE: u8 = 26;
    /// u8: what a UDF is called for.
    pub const UDF_OP: u8 = 33;
    /// Batch rows ([`crate::batch`]).
    pub const BATCH: u8 = 41;
    /// Same content as [`BATCH`], treated alike.
    pub const BATCH_WITH_SET: u8 = 42;
    /// Filter expression in msgpack.
    pub const FILTER_EXP: u8 = 43;
}

/// Bytes of an empty field: size and type.
pub(crate) const MIN_SIZE: usize = 5;

/// A field inside a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Type code, see [`code`]. Unknown ones occur and are to be skipped.
    pub kind: u8,
    /// Content without size and type.
    pub data: &'a [u8],
}

/// Iterator over fields whose sizes were checked when the message was made.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    reader: Reader<'a>,
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(bytes),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let size = self.reader.u32("field").ok()?;
        let kind = self.reader.u8("field").ok()?;
        let len = usize::try_from(size.checked_sub(1)?).ok()?;
        let data = self.reader.take(len, "field").ok()?;
        Some(Field { kind, data })
    }
}

/// Appends a field.
pub fn put(out: &mut Vec<u8>, kind: u8, data: &[u8]) {
    put_head(out, kind, data.len());
    out.extend_from_slice(data);
}

/// Appends size and type of a field whose `len` bytes of data the caller appends next.
pub fn put_head(out: &mut Vec<u8>, kind: u8, len: usize) {
    let [s0, s1, s2, s3] = wire_len(len.saturating_add(1)).to_be_bytes();
    out.extend_from_slice(&[s0, s1, s2, s3, kind]);
}
