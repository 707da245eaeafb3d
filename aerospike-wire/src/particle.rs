//! Particle types: what the bytes of a value mean (`wire-protocol.md` §4).

use crate::error::{Error, ErrorKind};

/// The value types that servers store. Values are opaque here: maps, lists and HLL sketches are
/// carried as the server's own bytes, never decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum ParticleType {
    /// No value; deletes a bin in writes.
    Null = 0,
    /// i64, 8 bytes.
    Integer = 1,
    /// IEEE 754 binary64, 8 bytes.
    Double = 2,
    /// Bytes, not necessarily UTF-8.
    String = 3,
    /// Bytes.
    Blob = 4,
    /// Bytes of an obsolete Java client.
    Java = 7,
    /// Bytes of an obsolete C# client.
    CSharp = 8,
    /// Bytes of an obsolete Python client.
    Python = 9,
    /// Bytes of an obsolete Ruby client.
    Ruby = 10,
    /// Bytes of an obsolete PHP client.
    Php = 11,
    /// Bytes of an obsolete Erlang client.
    Erlang = 12,
    /// Opaque bytes.
    Vector = 16,
    /// One byte, 0 or 1.
    Bool = 17,
    /// HyperLogLog sketch.
    Hll = 18,
    /// msgpack map in the server's form.
    Map = 19,
    /// msgpack list in the server's form.
    List = 20,
    /// Cell header and JSON text, see [`geojson_text`].
    GeoJson = 23,
}

impl ParticleType {
    /// The type for a wire byte.
    ///
    /// # Errors
    /// A number that no supported server stores.
    pub const fn from_code(code: u8) -> Result<Self, Error> {
        Ok(match code {
            0 => Self::Null,
            1 => Self::Integer,
            2 => Self::Double,
            3 => Self::String,
            4 => Self::Blob,
            7 => Self::Java,
            8 => Self::CSharp,
            9 => Self::Python,
            10 => Self::Ruby,
            11 => Self::Php,
            12 => Self::Erlang,
            16 => Self::Vector,
            17 => Self::Bool,
            18 => Self::Hll,
            19 => Self::Map,
            20 => Self::List,
            23 => Self::GeoJson,
            found => return Err(Error::new(ErrorKind::Particle { found }, 0)),
        })
    }
}

/// The JSON text of a GeoJSON value: it follows `u8 flags | u16 n | n × u64 cell id`, which the
/// server computes anew on every write (`wire-protocol.md` §4.1).
///
/// # Errors
/// The cell header runs past the end of the value.
pub fn geojson_text(value: &[u8]) -> Result<&[u8], Error> {
    let cut = |needed: usize| {
        let present = value.len() as u64;
        Error::new(
            ErrorKind::Truncated {
                what: "GeoJSON cells",
                needed: needed as u64,
                present,
            },
            0,
        )
    };
    let Some([_flags, high, low]) = value.first_chunk::<3>() else {
        return Err(cut(3));
    };
    let cells = usize::from(u16::from_be_bytes([*high, *low])).saturating_mul(8);
    let head = cells.saturating_add(3);
    value.get(head..).ok_or_else(|| cut(head))
}

/// Cell header of a GeoJSON value as clients write it: no flags, no cells.
pub const GEOJSON_NO_CELLS: [u8; 3] = [0; 3];
