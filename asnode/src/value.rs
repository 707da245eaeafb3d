//! Particles on their way into a record: which bytes a server accepts and what it stores
//! (`wire-protocol.md` §4).

use crate::{cdt, geojson};
use aerospike_wire::{
    particle::{GEOJSON_NO_CELLS, ParticleType, geojson_text},
    result_code::ResultCode,
};
use std::borrow::Cow;

/// The stored form of a value sent with a WRITE operation.
///
/// # Errors
/// 4 for an unknown type or a scalar of the wrong size, 1 for malformed lists and maps, 160 for
/// bad GeoJSON.
pub(crate) fn stored(particle: u8, value: &[u8]) -> Result<Cow<'_, [u8]>, ResultCode> {
    let kind = ParticleType::from_code(particle).map_err(|_| ResultCode::PARAMETER)?;
    match kind {
        ParticleType::Null => Err(ResultCode::PARAMETER),
        ParticleType::Integer => stored_integer(value),
        ParticleType::Double => accept(value, value.len() == 8),
        ParticleType::Bool => accept(value, matches!(value, [0 | 1])),
        ParticleType::Hll => accept(value, is_hll(value)),
        ParticleType::List => cdt::normalise_list(value).map_err(|_| ResultCode::SERVER_ERROR),
        ParticleType::Map => cdt::normalise_map(value).map_err(|_| ResultCode::SERVER_ERROR),
        ParticleType::GeoJson => stored_geojson(value),
        _ => Ok(Cow::Borrowed(value)),
    }
}

fn accept(value: &[u8], good: bool) -> Result<Cow<'_, [u8]>, ResultCode> {
    if good {
        Ok(Cow::Borrowed(value))
    } else {
        Err(ResultCode::PARAMETER)
    }
}

/// 1, 2 and 4 bytes are zero-extended.
fn stored_integer(value: &[u8]) -> Result<Cow<'_, [u8]>, ResultCode> {
    match value.len() {
        8 => Ok(Cow::Borrowed(value)),
        len @ (1 | 2 | 4) => {
            let mut wide = vec![0; 8];
            wide[8 - len..].copy_from_slice(value);
            Ok(Cow::Owned(wide))
        }
        _ => Err(ResultCode::PARAMETER),
    }
}

/// Flags and cells of the client are ignored. A server computes cells of its own; this one
/// stores none, which all clients accept (`wire-protocol.md` §4.1).
fn stored_geojson(value: &[u8]) -> Result<Cow<'_, [u8]>, ResultCode> {
    let text = geojson_text(value).map_err(|_| ResultCode::PARAMETER)?;
    if !geojson::is_geometry(text) {
        return Err(ResultCode::GEO_INVALID);
    }
    if value.starts_with(&GEOJSON_NO_CELLS) {
        return Ok(Cow::Borrowed(value));
    }
    Ok(Cow::Owned([&GEOJSON_NO_CELLS[..], text].concat()))
}

/// `u8 flags | u8 index bits 4…16 | u8 minhash bits 0 or 4…51 | u64 cache | registers`.
fn is_hll(value: &[u8]) -> bool {
    let [_flags, index @ 4..=16, minhash @ (0 | 4..=51), rest @ ..] = value else {
        return false;
    };
    let bits = (6 + usize::from(*minhash)) << index;
    rest.len() == 8 + bits.div_ceil(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_by_type() {
        let check = |particle, value: &[u8], expected: Result<&[u8], u8>| {
            let found = stored(particle, value);
            let found = found.as_deref().map_err(|code| code.0);
            assert_eq!(found, expected, "type {particle} value {value:x?}");
        };
        check(1, &[0xff; 4], Ok(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]));
        check(1, &[7; 3], Err(4));
        check(2, &[0; 4], Err(4));
        check(3, b"", Ok(b""));
        check(3, b"\xff\x00", Ok(b"\xff\x00"));
        check(17, &[2], Err(4));
        check(17, &[1], Ok(&[1]));
        check(7, b"java", Ok(b"java"));
        for unknown in [0, 5, 6, 13, 14, 15, 21, 22, 24, 99] {
            check(unknown, &[0; 8], Err(4));
        }
        let hll = [&[0, 4, 0][..], &[0; 20]].concat();
        check(18, &hll, Ok(&hll));
        check(18, &hll[1..], Err(4));
        check(20, &[0x91], Err(1));
        let point = br#"{"type":"Point","coordinates":[1,2]}"#;
        let plain = [&[0, 0, 0][..], point].concat();
        check(23, &plain, Ok(&plain));
        let with_cell = [&[1, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9][..], point].concat();
        check(23, &with_cell, Ok(&plain));
        check(23, b"\0\0\0{\"type\":\"Point\"}", Err(160));
        check(23, b"\0\0\0nonsense", Err(160));
    }
}
