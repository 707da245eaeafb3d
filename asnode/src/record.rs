//! A record as it is stored: one boxed slice that *is* the message of a scan reply
//! (`wire-scan.md` §3), so that a scan copies it and does nothing else, followed by eight bytes
//! of last-update time.
//!
//! ```text
//! header 22 | NAMESPACE | DIGEST | [SET] | [KEY] | one op per bin | lut u64 BE
//! ```

use aerospike_wire::{
    field,
    message::{self, HEADER_SIZE, Message},
    op,
};
use std::borrow::Cow;

/// Digest bytes, the key of everything.
pub(crate) type DigestBytes = [u8; 20];

const LUT_SIZE: usize = 8;
const FIELD_HEAD: usize = 5;

/// A bin on its way into a record.
#[derive(Debug, Clone)]
pub(crate) struct Bin<'a> {
    pub(crate) name: Cow<'a, [u8]>,
    pub(crate) particle: u8,
    pub(crate) value: Cow<'a, [u8]>,
}

/// All parts of a record that is about to be stored.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) namespace: &'a [u8],
    pub(crate) digest: DigestBytes,
    /// Empty = null set.
    pub(crate) set: &'a [u8],
    /// Particle type byte and value.
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) generation: u16,
    pub(crate) void_time: u32,
    pub(crate) lut_ms: u64,
    pub(crate) bins: &'a [Bin<'a>],
}

impl Draft<'_> {
    /// Size that the server would store, before rounding (`expressions.md` §4).
    pub(crate) fn stored_size(&self) -> u64 {
        let bins = self
            .bins
            .iter()
            .map(|b| bin_size(&b.name, b.particle, &b.value))
            .sum();
        sum_size(
            self.void_time,
            self.set.len(),
            self.key.map(<[u8]>::len),
            self.bins.len(),
            bins,
        )
    }

    /// The stored form.
    pub(crate) fn build(&self) -> StoredRecord {
        let optional = |len: usize| if len == 0 { 0 } else { FIELD_HEAD + len };
        let bins: usize = self
            .bins
            .iter()
            .map(|b| 8 + b.name.len() + b.value.len())
            .sum();
        let key = self.key.unwrap_or_default();
        let total = HEADER_SIZE
            + 2 * FIELD_HEAD
            + self.namespace.len()
            + self.digest.len()
            + optional(self.set.len())
            + optional(key.len())
            + bins
            + LUT_SIZE;
        let mut out = Vec::with_capacity(total);
        self.put_header(&mut out);
        field::put(&mut out, field::code::NAMESPACE, self.namespace);
        field::put(&mut out, field::code::DIGEST, &self.digest);
        if !self.set.is_empty() {
            field::put(&mut out, field::code::SET, self.set);
        }
        if !key.is_empty() {
            field::put(&mut out, field::code::KEY, key);
        }
        for bin in self.bins {
            op::put(
                &mut out,
                op::code::READ,
                bin.particle,
                &bin.name,
                &bin.value,
            );
        }
        out.extend_from_slice(&self.lut_ms.to_be_bytes());
        StoredRecord(out.into_boxed_slice())
    }

    fn put_header(&self, out: &mut Vec<u8>) {
        let has_key = self.key.is_some_and(|key| !key.is_empty());
        let n_fields = 2 + u16::from(!self.set.is_empty()) + u16::from(has_key);
        let n_ops = u16::try_from(self.bins.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&[22, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&u32::from(self.generation).to_be_bytes());
        out.extend_from_slice(&self.void_time.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&n_fields.to_be_bytes());
        out.extend_from_slice(&n_ops.to_be_bytes());
    }
}

fn sum_size(void_time: u32, set: usize, key: Option<usize>, n_bins: usize, bins: u64) -> u64 {
    let flex = |n: usize| match n {
        0..128 => 1,
        128..16_384 => 2,
        _ => 3,
    };
    35 + if void_time == 0 { 0 } else { 4 }
        + if set == 0 { 0 } else { 1 + set as u64 }
        + key.map_or(0, |k| flex(k) + k as u64)
        + flex(n_bins)
        + bins
        + 4
}

fn bin_size(name: &[u8], particle: u8, value: &[u8]) -> u64 {
    let value = match (particle, value) {
        (1, &[b0, b1, b2, b3, b4, b5, b6, b7]) => {
            let number = u64::from_be_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
            match number {
                0..=0xff => 3,
                0x100..=0xffff => 4,
                0x1_0000..=0xffff_ffff => 6,
                _ => 10,
            }
        }
        (2, _) => 9,
        (17, _) => 2,
        _ => 5 + value.len() as u64,
    };
    1 + name.len() as u64 + value
}

/// A stored record. Its bytes were made by [`Draft::build`], so accessors do not fail; they
/// answer with empty values rather than panic if that should ever be wrong.
#[derive(Debug)]
pub(crate) struct StoredRecord(Box<[u8]>);

impl StoredRecord {
    /// The message of a scan reply.
    #[inline]
    pub(crate) fn message(&self) -> &[u8] {
        let len = self.0.len().saturating_sub(LUT_SIZE);
        self.0.get(..len).unwrap_or_default()
    }

    pub(crate) fn generation(&self) -> u16 {
        self.u16_at(8)
    }

    pub(crate) fn void_time(&self) -> u32 {
        u32::from_be_bytes(self.array_at(10))
    }

    pub(crate) fn n_bins(&self) -> u16 {
        self.u16_at(20)
    }

    /// Last-update time, milliseconds since the CL epoch.
    pub(crate) fn lut_ms(&self) -> u64 {
        u64::from_be_bytes(self.array_at(self.0.len().saturating_sub(LUT_SIZE)))
    }

    /// Whether the record is invisible at `now_s` (seconds since the CL epoch).
    pub(crate) fn is_expired(&self, now_s: u32) -> bool {
        let void_time = self.void_time();
        void_time != 0 && void_time < now_s
    }

    /// Set name, empty for the null set.
    pub(crate) fn set(&self) -> &[u8] {
        if self.u16_at(18) < 3 {
            return &[]; // the operations follow, and READ has the code of SET
        }
        match self.field_at(self.after_digest()) {
            Some((field::code::SET, data)) => data,
            _ => &[],
        }
    }

    /// Stored key: type byte and value.
    pub(crate) fn key(&self) -> Option<&[u8]> {
        let (fields, _) = self.split_fields();
        let mut at = self.after_digest();
        while at < HEADER_SIZE + fields.len() {
            let (kind, data) = self.field_at(at)?;
            if kind == field::code::KEY {
                return Some(data);
            }
            at += FIELD_HEAD + data.len();
        }
        None
    }

    /// Bytes of the fields, and bytes of the bins.
    pub(crate) fn split_fields(&self) -> (&[u8], &[u8]) {
        let mut at = HEADER_SIZE;
        for _ in 0..self.u16_at(18) {
            let Some((_, data)) = self.field_at(at) else {
                break;
            };
            at += FIELD_HEAD + data.len();
        }
        let message = self.message();
        let fields = message.get(HEADER_SIZE..at).unwrap_or_default();
        (fields, message.get(at..).unwrap_or_default())
    }

    /// The bins in order of creation.
    pub(crate) fn bins(&self) -> impl Iterator<Item = op::Op<'_>> {
        self.as_message().into_iter().flat_map(|m| m.ops())
    }

    /// Size that the server would store, rounded up to a multiple of 16.
    pub(crate) fn stored_size(&self) -> u64 {
        let bins = self
            .bins()
            .map(|b| bin_size(b.name, b.particle, b.value))
            .sum();
        let key = self.key().map(<[u8]>::len);
        let n_bins = usize::from(self.n_bins());
        sum_size(self.void_time(), self.set().len(), key, n_bins, bins).next_multiple_of(16)
    }

    fn as_message(&self) -> Option<Message<'_>> {
        match message::split(self.message(), self.message().len()) {
            Ok(message::Found::Message { message, .. }) => Some(message),
            _ => None,
        }
    }

    /// Offset of the field behind NAMESPACE and DIGEST.
    fn after_digest(&self) -> usize {
        let namespace = u32::from_be_bytes(self.array_at(HEADER_SIZE));
        HEADER_SIZE + 4 + usize::try_from(namespace).unwrap_or(0) + FIELD_HEAD + 20
    }

    fn field_at(&self, at: usize) -> Option<(u8, &[u8])> {
        let size = usize::try_from(u32::from_be_bytes(self.array_at(at))).ok()?;
        let (kind, data) = self.0.get(at + 4..)?.get(..size)?.split_first()?;
        Some((*kind, data))
    }

    fn u16_at(&self, at: usize) -> u16 {
        u16::from_be_bytes(self.array_at(at))
    }

    fn array_at<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0
            .get(at..)
            .and_then(<[u8]>::first_chunk::<N>)
            .copied()
            .unwrap_or([0; N])
    }
}
