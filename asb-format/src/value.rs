//! Keys and bin values, as read and as written.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::base64::Base64Text;

/// Payload of a sized value: as it is or in base64.
#[derive(Debug, Clone, Copy)]
pub enum Data<'a> {
    /// The bytes themselves.
    Raw(&'a [u8]),
    /// Text that stands for the bytes.
    Base64(Base64Text<'a>),
}

impl<'a> Data<'a> {
    /// Number of plain bytes.
    #[must_use]
    pub fn decoded_len(&self) -> usize {
        match self {
            Self::Raw(bytes) => bytes.len(),
            Self::Base64(text) => text.decoded_len(),
        }
    }

    /// Appends the plain bytes to `out`.
    pub fn decode_into(&self, out: &mut Vec<u8>) {
        match self {
            Self::Raw(bytes) => out.extend_from_slice(bytes),
            Self::Base64(text) => text.decode_into(out),
        }
    }

    /// Puts the plain bytes at the front of `out` and returns that part, or `None` if `out` is
    /// shorter than [`decoded_len`](Self::decoded_len).
    pub fn decode_to_slice<'o>(&self, out: &'o mut [u8]) -> Option<&'o mut [u8]> {
        match self {
            Self::Raw(bytes) => {
                let out = out.get_mut(..bytes.len())?;
                out.copy_from_slice(bytes);
                Some(out)
            }
            Self::Base64(text) => text.decode_to_slice(out),
        }
    }

    /// The plain bytes, borrowed if they stand in the file.
    #[must_use]
    pub fn to_cow(&self) -> Cow<'a, [u8]> {
        match self {
            Self::Raw(bytes) => Cow::Borrowed(bytes),
            Self::Base64(text) => {
                let mut out = Vec::new();
                text.decode_into(&mut out);
                Cow::Owned(out)
            }
        }
    }
}

/// Equal if the plain bytes are.
impl PartialEq for Data<'_> {
    fn eq(&self, other: &Data<'_>) -> bool {
        match (self, other) {
            (Self::Raw(a), Data::Raw(b)) => a == b,
            _ => self.decoded_len() == other.decoded_len() && self.to_cow() == other.to_cow(),
        }
    }
}

impl Eq for Data<'_> {}

/// Kinds of byte payload that are written alike. Source: asb-text.md §7.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlobKind {
    /// `B`, particle type 4.
    Blob,
    /// `J`, particle type 7.
    Java,
    /// `C`, particle type 8.
    CSharp,
    /// `P`, particle type 9.
    Python,
    /// `R`, particle type 10.
    Ruby,
    /// `H`, particle type 11.
    Php,
    /// `E`, particle type 12.
    Erlang,
    /// `Y`, particle type 18, HyperLogLog.
    Hll,
    /// `M`, particle type 19: the server's own msgpack, byte for byte.
    Map,
    /// `L`, particle type 20: likewise.
    List,
}

impl BlobKind {
    /// The letter in the file.
    #[must_use]
    pub const fn letter(self) -> u8 {
        match self {
            Self::Blob => b'B',
            Self::Java => b'J',
            Self::CSharp => b'C',
            Self::Python => b'P',
            Self::Ruby => b'R',
            Self::Php => b'H',
            Self::Erlang => b'E',
            Self::Hll => b'Y',
            Self::Map => b'M',
            Self::List => b'L',
        }
    }

    #[inline]
    pub(crate) const fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'B' => Some(Self::Blob),
            b'J' => Some(Self::Java),
            b'C' => Some(Self::CSharp),
            b'P' => Some(Self::Python),
            b'R' => Some(Self::Ruby),
            b'H' => Some(Self::Php),
            b'E' => Some(Self::Erlang),
            b'Y' => Some(Self::Hll),
            b'M' => Some(Self::Map),
            b'L' => Some(Self::List),
            _ => None,
        }
    }

    /// The server's particle type.
    #[must_use]
    pub const fn particle_type(self) -> u8 {
        match self {
            Self::Blob => 4,
            Self::Java => 7,
            Self::CSharp => 8,
            Self::Python => 9,
            Self::Ruby => 10,
            Self::Php => 11,
            Self::Erlang => 12,
            Self::Hll => 18,
            Self::Map => 19,
            Self::List => 20,
        }
    }

    /// The kind of a particle type, if it is one of these.
    #[must_use]
    pub const fn from_particle_type(particle_type: u8) -> Option<Self> {
        match particle_type {
            4 => Some(Self::Blob),
            7 => Some(Self::Java),
            8 => Some(Self::CSharp),
            9 => Some(Self::Python),
            10 => Some(Self::Ruby),
            11 => Some(Self::Php),
            12 => Some(Self::Erlang),
            18 => Some(Self::Hll),
            19 => Some(Self::Map),
            20 => Some(Self::List),
            _ => None,
        }
    }
}

/// Value of a decoded bin. Source: asb-text.md §7.2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// `N`, particle type 0.
    Nil,
    /// `Z`, particle type 17.
    Bool(bool),
    /// `I`, particle type 1.
    Integer(i64),
    /// `D`, particle type 2. The payload and sign of a NaN are not kept by the format.
    Double(f64),
    /// `S` or `X`, particle type 3; need not be UTF-8.
    String(Data<'a>),
    /// `G`, particle type 23: the JSON text only, without the server's cell header.
    GeoJson(&'a [u8]),
    /// All other kinds.
    Blob(BlobKind, Data<'a>),
}

/// Decoded user key. Source: asb-text.md §7.1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Key<'a> {
    /// `I`
    Integer(i64),
    /// `D`
    Double(f64),
    /// `S` or `X`
    String(Data<'a>),
    /// `B`
    Blob(Data<'a>),
}

/// Bin value to be written: raw particle bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'a> {
    /// Particle type 0.
    Nil,
    /// Particle type 17.
    Bool(bool),
    /// Particle type 1.
    Integer(i64),
    /// Particle type 2.
    Double(f64),
    /// Particle type 3.
    String(&'a [u8]),
    /// Particle type 23: the JSON text without the server's cell header.
    GeoJson(&'a [u8]),
    /// All other types.
    Blob(BlobKind, &'a [u8]),
}

/// User key to be written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KeyRef<'a> {
    /// Particle type 1.
    Integer(i64),
    /// Particle type 2.
    Double(f64),
    /// Particle type 3.
    String(&'a [u8]),
    /// Particle type 4.
    Blob(&'a [u8]),
}
