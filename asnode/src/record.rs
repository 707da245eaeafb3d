//! A record as it is stored: one boxed slice, whose greater part is what a scan sends
//! (`wire-scan.md` §3) byte for byte. What partition and place say about it already, namespace
//! and digest, is not in it: with millions of small records that would be a third of the memory.
//!
//! ```text
//! generation u16 | void-time u32 | lut u64 | n_fields u16 | n_ops u16 | [SET] | [KEY] | bins
//! ```
//!
//! Numbers are big-endian; `n_fields` and `n_ops` are those of the message of a scan reply, in
//! which NAMESPACE and DIGEST precede the other fields. Fields and bins are as on the wire.

use aerospike_wire::{digest::DIGEST_SIZE, field, message::HEADER_SIZE, op};
use std::borrow::Cow;

/// Digest bytes, the key of everything.
pub(crate) type DigestBytes = [u8; DIGEST_SIZE];

/// Offsets of the numbers, and of what follows them.
const VOID_TIME: usize = 2;
const LUT: usize = 6;
const COUNTS: usize = 14;
const N_BINS: usize = 16;
const FIELDS: usize = 18;

/// Size and type of a field.
const FIELD_HEAD: usize = 5;

/// Size, codes and length of the name of a bin.
const BIN_HEAD: usize = 8;

/// Fields of a message that are not stored: NAMESPACE and DIGEST.
const IMPLIED_FIELDS: u16 = 2;

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
        let mut out = Vec::with_capacity(self.built_len());
        self.put_numbers(&mut out);
        if !self.set.is_empty() {
            field::put(&mut out, field::code::SET, self.set);
        }
        if let Some(key) = self.some_key() {
            field::put(&mut out, field::code::KEY, key);
        }
        for Bin {
            name,
            particle,
            value,
        } in self.bins
        {
            op::put(&mut out, op::code::READ, *particle, name, value);
        }
        StoredRecord(out.into_boxed_slice())
    }

    /// No KEY field is empty.
    fn some_key(&self) -> Option<&[u8]> {
        self.key.filter(|key| !key.is_empty())
    }

    /// Exact, so that the box is made without a copy.
    fn built_len(&self) -> usize {
        let fields = [self.set, self.some_key().unwrap_or_default()];
        let fields = fields.into_iter().filter(|data| !data.is_empty());
        let bin = |bin: &Bin<'_>| BIN_HEAD + bin.name.len() + bin.value.len();
        FIELDS
            + fields.map(|data| FIELD_HEAD + data.len()).sum::<usize>()
            + self.bins.iter().map(bin).sum::<usize>()
    }

    fn put_numbers(&self, out: &mut Vec<u8>) {
        let n_fields =
            IMPLIED_FIELDS + u16::from(!self.set.is_empty()) + u16::from(self.some_key().is_some());
        let n_ops = u16::try_from(self.bins.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&self.generation.to_be_bytes());
        out.extend_from_slice(&self.void_time.to_be_bytes());
        out.extend_from_slice(&self.lut_ms.to_be_bytes());
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

/// What the messages of all records of a namespace begin with: the header, in which a record's
/// numbers are to be filled in, NAMESPACE, and DIGEST up to its data.
#[derive(Debug)]
pub(crate) struct Prefix(Vec<u8>);

impl Prefix {
    pub(crate) fn new(namespace: &[u8]) -> Self {
        let mut out = vec![0; HEADER_SIZE];
        out[0] = 22; // its size
        field::put(&mut out, field::code::NAMESPACE, namespace);
        field::put_head(&mut out, field::code::DIGEST, DIGEST_SIZE);
        Self(out)
    }
}

/// A stored record. Its bytes were made by [`Draft::build`], so accessors do not fail; they
/// answer with empty values rather than panic if that should ever be wrong.
#[derive(Debug)]
pub(crate) struct StoredRecord(Box<[u8]>);

impl StoredRecord {
    /// Appends the message of a scan reply.
    ///
    /// The hot path of scans: only the length in the box decides how much is copied, not the
    /// record's content, so that the processor can go on to the next record while it still waits
    /// for this one's memory. Looking at the fields here, or collecting the header in an array
    /// first, makes scans slower by a third.
    #[inline]
    pub(crate) fn put_message(&self, prefix: &Prefix, digest: &DigestBytes, out: &mut Vec<u8>) {
        let stored = self.0.get(FIELDS..).unwrap_or_default();
        out.reserve(prefix.0.len() + digest.len() + stored.len());
        self.put_implied(prefix, digest, out);
        out.extend_from_slice(stored);
    }

    /// Appends that message up to its bins, with all of them announced.
    pub(crate) fn put_head(&self, prefix: &Prefix, digest: &DigestBytes, out: &mut Vec<u8>) {
        self.put_implied(prefix, digest, out);
        out.extend_from_slice(self.split().0);
    }

    /// Appends the header, NAMESPACE and DIGEST.
    #[inline]
    fn put_implied(&self, prefix: &Prefix, digest: &DigestBytes, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&prefix.0);
        out.extend_from_slice(digest);
        if let Some(header) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
            let header: &mut [u8; HEADER_SIZE] = header;
            header[8..14].copy_from_slice(&self.array_at::<LUT>(0));
            header[18..].copy_from_slice(&self.array_at::<4>(COUNTS));
        }
    }

    pub(crate) fn generation(&self) -> u16 {
        u16::from_be_bytes(self.array_at(0))
    }

    pub(crate) fn void_time(&self) -> u32 {
        u32::from_be_bytes(self.array_at(VOID_TIME))
    }

    pub(crate) fn n_bins(&self) -> u16 {
        u16::from_be_bytes(self.array_at(N_BINS))
    }

    /// Last-update time, milliseconds since the CL epoch.
    pub(crate) fn lut_ms(&self) -> u64 {
        u64::from_be_bytes(self.array_at(LUT))
    }

    /// Whether the record is invisible at `now_s` (seconds since the CL epoch).
    pub(crate) fn is_expired(&self, now_s: u32) -> bool {
        let void_time = self.void_time();
        void_time != 0 && void_time < now_s
    }

    /// Set name, empty for the null set.
    pub(crate) fn set(&self) -> &[u8] {
        self.field(field::code::SET).unwrap_or_default()
    }

    /// Stored key: type byte and value.
    pub(crate) fn key(&self) -> Option<&[u8]> {
        self.field(field::code::KEY)
    }

    /// All bins as they are sent.
    pub(crate) fn bin_bytes(&self) -> &[u8] {
        self.split().1
    }

    /// The bins in order of creation.
    pub(crate) fn bins(&self) -> impl Iterator<Item = op::Op<'_>> {
        let mut rest = self.bin_bytes();
        std::iter::from_fn(move || {
            let (bin, behind) = split_bin(rest)?;
            rest = behind;
            Some(bin)
        })
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

    /// The stored fields, each with its type.
    fn fields(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let count = u16::from_be_bytes(self.array_at(COUNTS)).saturating_sub(IMPLIED_FIELDS);
        let mut at = FIELDS;
        (0..count).map_while(move |_| {
            let size = u32::from_be_bytes(self.array_at(at));
            let data = self.0.get(at + 4..)?.get(..usize::try_from(size).ok()?)?;
            at += 4 + data.len();
            data.split_first().map(|(kind, data)| (*kind, data))
        })
    }

    fn field(&self, kind: u8) -> Option<&[u8]> {
        let found = self.fields().find(|(found, _)| *found == kind);
        found.map(|(_, data)| data)
    }

    /// Bytes of the stored fields, and bytes of the bins.
    fn split(&self) -> (&[u8], &[u8]) {
        let fields = self.fields().map(|(_, data)| FIELD_HEAD + data.len()).sum();
        let behind = self.0.get(FIELDS..).unwrap_or_default();
        behind.split_at_checked(fields).unwrap_or_default()
    }

    fn array_at<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0
            .get(at..)
            .and_then(<[u8]>::first_chunk::<N>)
            .copied()
            .unwrap_or([0; N])
    }
}

/// The first bin, and what is behind it.
fn split_bin(bytes: &[u8]) -> Option<(op::Op<'_>, &[u8])> {
    let (&[s0, s1, s2, s3, code, particle, _, name_len], rest) =
        bytes.split_first_chunk::<BIN_HEAD>()?;
    let size = usize::try_from(u32::from_be_bytes([s0, s1, s2, s3])).ok()?;
    let (body, behind) = rest.split_at_checked((size + 4).checked_sub(BIN_HEAD)?)?;
    let (name, value) = body.split_at_checked(usize::from(name_len))?;
    let bin = op::Op {
        code,
        particle,
        name,
        value,
    };
    Some((bin, behind))
}
