//! Fingerprints of records: 128 bits that say whether two records hold the same.
//!
//! They are sums, so neither the order of records nor that of bins matters, and parts that were
//! made in different places are put together by addition ([`PartitionTable`]). Where a record
//! comes from does not matter either: the wire ([`convert::wire_to_fingerprint`]) and every way
//! of writing ASB ([`convert::asb_to_fingerprint`]) give the same number. They protect against
//! accidents and defects, not against forgery: XXH3 is no cryptographic hash, sums even less.
//!
//! # Definition
//!
//! This is a format for ever (`files-and-state.md` §5.2; `docs/manifest.md` repeats it for people
//! without Rust, `tests/data/fingerprints.json` holds vectors). Numbers are little-endian.
//!
//! ```text
//! bin         = XXH3-128( u32 length of the name | name | u8 particle type | value )
//! S           = sum of all bins, modulo 2^128
//! fingerprint = XXH3-128( digest, 20 bytes | u32 length of the set | set | key | u128 S )
//! partition   = sum of the fingerprints of its records, modulo 2^128
//! ```
//!
//! XXH3-128 has seed 0; its result is the number `high64 × 2^64 + low64`, written as 32
//! hexadecimal digits. No set has length 0. No key is the one byte 0; a key is its particle type
//! and its value. Generation, void time and namespace are left out. Values:
//!
//! | Particle type | Bytes |
//! | --- | --- |
//! | 0 null | none |
//! | 1 integer | 8 |
//! | 2 double | 8, IEEE 754; every NaN is `7ff8000000000000` |
//! | 3 string, 4 and 7 to 12 blobs, 18 HLL, 19 map, 20 list | as the server sends them |
//! | 17 boolean | 1: 0 or 1 |
//! | 23 GeoJSON | the JSON text, without the cells that each server computes anew |
//!
//! [`convert::wire_to_fingerprint`]: crate::convert::wire_to_fingerprint
//! [`convert::asb_to_fingerprint`]: crate::convert::asb_to_fingerprint

mod partitions;

pub use self::partitions::{PartitionSum, PartitionTable};
use aerospike_wire::particle::ParticleType;
use asb_format::{Base64Text, Data, Key, Value};
use std::{fmt, str::FromStr};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// A fingerprint, or a sum of some. Shown and parsed as 32 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Fingerprint(
    /// The number.
    pub u128,
);

impl Fingerprint {
    /// The sum modulo 2^128.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The text is not made of 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint has 32 hexadecimal digits")]
pub struct NotAFingerprint;

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(NotAFingerprint);
        }
        u128::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| NotAFingerprint)
    }
}

/// Values up to this size are put behind their name and hashed at one go, which is quicker than
/// the streaming state; longer ones are not copied.
const WHOLE_BYTES: usize = 2 << 10;

/// Base64 is decoded in pieces of this many characters; a multiple of four.
const PIECE_CHARS: usize = 16 << 10;

/// The one NaN.
const NAN: u64 = 0x7ff8_0000_0000_0000;

/// Takes fingerprints of records, one after another, without allocating for each.
#[derive(Default)]
pub struct Fingerprinter {
    buffer: Vec<u8>,
    /// S of the record that is being read.
    bins: u128,
}

impl fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fingerprinter").finish_non_exhaustive()
    }
}

impl Fingerprinter {
    /// A new one; it needs 16 KiB at most.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a record.
    #[inline]
    pub(crate) const fn start(&mut self) {
        self.bins = 0;
    }

    /// Adds a bin of the record. `name` appends its plain name.
    #[inline]
    pub(crate) fn bin(&mut self, name: impl FnOnce(&mut Vec<u8>), value: &Value<'_>) {
        self.buffer.clear();
        self.prefixed(name);
        let bin = match value {
            Value::Nil => self.number(ParticleType::Null, []),
            Value::Bool(value) => self.number(ParticleType::Bool, [u8::from(*value)]),
            Value::Integer(value) => self.number(ParticleType::Integer, value.to_le_bytes()),
            Value::Double(value) => self.number(ParticleType::Double, double(*value)),
            Value::String(data) => self.data(ParticleType::String as u8, data),
            Value::GeoJson(text) => self.data(ParticleType::GeoJson as u8, &Data::Raw(text)),
            Value::Blob(kind, data) => self.data(kind.particle_type(), data),
        };
        self.bins = self.bins.wrapping_add(bin);
    }

    /// The fingerprint of the record whose bins were added. `set` appends the plain name of the
    /// set, or nothing.
    #[inline]
    pub(crate) fn finish(
        &mut self,
        digest: &[u8; 20],
        set: impl FnOnce(&mut Vec<u8>),
        key: Option<&Key<'_>>,
    ) -> Fingerprint {
        self.buffer.clear();
        self.buffer.extend_from_slice(digest);
        self.prefixed(set);
        match key {
            None => self.buffer.push(ParticleType::Null as u8),
            Some(Key::Integer(value)) => self.key(ParticleType::Integer, &value.to_le_bytes()),
            Some(Key::Double(value)) => self.key(ParticleType::Double, &double(*value)),
            Some(Key::String(data)) => self.key_data(ParticleType::String, data),
            Some(Key::Blob(data)) => self.key_data(ParticleType::Blob, data),
        }
        self.buffer.extend_from_slice(&self.bins.to_le_bytes());
        Fingerprint(xxh3_128(&self.buffer))
    }

    /// Appends a name behind its length.
    #[inline]
    fn prefixed(&mut self, name: impl FnOnce(&mut Vec<u8>)) {
        let at = self.buffer.len();
        self.buffer.extend_from_slice(&[0; 4]);
        let start = self.buffer.len();
        name(&mut self.buffer);
        let len = u32::try_from(self.buffer.len().saturating_sub(start)).unwrap_or(u32::MAX);
        if let Some(slot) = self.buffer.get_mut(at..start) {
            slot.copy_from_slice(&len.to_le_bytes());
        }
    }

    #[inline]
    fn number<const N: usize>(&mut self, particle: ParticleType, bytes: [u8; N]) -> u128 {
        self.buffer.push(particle as u8);
        self.buffer.extend_from_slice(&bytes);
        xxh3_128(&self.buffer)
    }

    #[inline]
    fn data(&mut self, particle: u8, data: &Data<'_>) -> u128 {
        self.buffer.push(particle);
        match data {
            Data::Raw(bytes) if bytes.len() <= WHOLE_BYTES => {
                self.buffer.extend_from_slice(bytes);
                xxh3_128(&self.buffer)
            }
            Data::Base64(text) if text.as_text().len() <= WHOLE_BYTES => {
                text.decode_into(&mut self.buffer);
                xxh3_128(&self.buffer)
            }
            data => self.long(data),
        }
    }

    /// The hash of the buffer and a long value.
    #[inline(never)]
    fn long(&mut self, data: &Data<'_>) -> u128 {
        let mut hash = Xxh3::new();
        hash.update(&self.buffer);
        match data {
            Data::Raw(bytes) => hash.update(bytes),
            Data::Base64(text) => {
                for piece in text.as_text().chunks(PIECE_CHARS) {
                    self.buffer.clear();
                    // Every fourth character is a seam of base64, so no piece is refused.
                    if let Some(piece) = Base64Text::new(piece) {
                        piece.decode_into(&mut self.buffer);
                    }
                    hash.update(&self.buffer);
                }
            }
        }
        hash.digest128()
    }

    #[inline]
    fn key(&mut self, particle: ParticleType, bytes: &[u8]) {
        self.buffer.push(particle as u8);
        self.buffer.extend_from_slice(bytes);
    }

    /// Keys are at most some kilobytes, so they are always copied.
    #[inline]
    fn key_data(&mut self, particle: ParticleType, data: &Data<'_>) {
        self.buffer.push(particle as u8);
        data.decode_into(&mut self.buffer);
    }
}

#[inline]
const fn double(value: f64) -> [u8; 8] {
    let bits = if value.is_nan() { NAN } else { value.to_bits() };
    bits.to_le_bytes()
}
