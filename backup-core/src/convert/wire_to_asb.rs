//! From a record of a scan reply to its ASB text.
//!
//! The hot path of a backup: the record is borrowed from the socket's buffer, and its values go
//! into the chunk byte for byte or through base64, never through a value type of ours.

use super::wire_to_fingerprint;
use crate::{
    error::{Error, Unrepresentable},
    fingerprint::{Fingerprint, Fingerprinter},
};
use aerospike_wire::{
    digest::Digest,
    op::Op,
    particle::{ParticleType, geojson_text},
    scan::ScanRecord,
};
use asb_format::{BlobKind, Encoder, KeyRef, RecordHead, ValueRef};

/// Appends the text of `record` to `out`.
///
/// # Errors
/// [`Error::Unrepresentable`] for what ASB cannot hold; `out` is left as it was.
pub fn encode(encoder: &Encoder, record: &ScanRecord<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    encode_parts(encoder, record, out, |_, _| ()).map(|_| ())
}

/// Appends the text of `record` to `out`, and takes its fingerprint in the same pass.
///
/// # Errors
/// [`Error::Unrepresentable`] for what ASB cannot hold; `out` is left as it was.
pub fn encode_with_fingerprint(
    encoder: &Encoder,
    record: &ScanRecord<'_>,
    out: &mut Vec<u8>,
    by: &mut Fingerprinter,
) -> Result<Fingerprint, Error> {
    by.start();
    let key = encode_parts(encoder, record, out, |name, value| {
        wire_to_fingerprint::add_bin(by, name, value);
    })?;
    Ok(wire_to_fingerprint::finish(by, record, key))
}

/// Shows each bin to `seen` and returns the key.
#[inline]
fn encode_parts<'a>(
    encoder: &Encoder,
    record: &ScanRecord<'a>,
    out: &mut Vec<u8>,
    seen: impl FnMut(&[u8], ValueRef<'a>),
) -> Result<Option<KeyRef<'a>>, Error> {
    let start = out.len();
    try_encode(encoder, record, out, seen).map_err(|reason| {
        out.truncate(start);
        Error::Unrepresentable {
            digest: record.digest,
            reason,
        }
    })
}

#[inline]
fn try_encode<'a>(
    encoder: &Encoder,
    record: &ScanRecord<'a>,
    out: &mut Vec<u8>,
    mut seen: impl FnMut(&[u8], ValueRef<'a>),
) -> Result<Option<KeyRef<'a>>, Unrepresentable> {
    let Digest(digest) = &record.digest;
    let key = record.key.map(key).transpose()?;
    encoder.record(
        out,
        &RecordHead {
            key,
            namespace: record.namespace,
            digest,
            set: record.set,
            generation: record.generation,
            void_time: record.void_time,
            bin_count: record.bin_count,
        },
    );
    for bin in record.bins() {
        let value = value(&bin)?;
        encoder.bin(out, bin.name, value);
        seen(bin.name, value);
    }
    Ok(key)
}

/// A KEY field: particle type and value.
pub(crate) fn key(field: &[u8]) -> Result<KeyRef<'_>, Unrepresentable> {
    let (particle, bytes) = field
        .split_first()
        .map_or((0, field), |(first, rest)| (*first, rest));
    let key = match ParticleType::from_code(particle) {
        Ok(ParticleType::Integer) => bytes
            .try_into()
            .ok()
            .map(|b| KeyRef::Integer(i64::from_be_bytes(b))),
        Ok(ParticleType::Double) => bytes
            .try_into()
            .ok()
            .map(|b| KeyRef::Double(f64::from_be_bytes(b))),
        Ok(ParticleType::String) => Some(KeyRef::String(bytes)),
        Ok(ParticleType::Blob) => Some(KeyRef::Blob(bytes)),
        _ => None,
    };
    key.ok_or(Unrepresentable::Key { particle })
}

#[inline]
pub(super) fn value<'a>(bin: &Op<'a>) -> Result<ValueRef<'a>, Unrepresentable> {
    let bytes = bin.value;
    let Ok(particle) = ParticleType::from_code(bin.particle) else {
        return Err(unknown_type(bin));
    };
    let value = match particle {
        ParticleType::Null => Some(ValueRef::Nil),
        ParticleType::Integer => bytes
            .try_into()
            .ok()
            .map(|b| ValueRef::Integer(i64::from_be_bytes(b))),
        ParticleType::Double => bytes
            .try_into()
            .ok()
            .map(|b| ValueRef::Double(f64::from_be_bytes(b))),
        ParticleType::Bool => match bytes {
            [0] => Some(ValueRef::Bool(false)),
            [1] => Some(ValueRef::Bool(true)),
            _ => None,
        },
        ParticleType::String => Some(ValueRef::String(bytes)),
        ParticleType::GeoJson => geojson_text(bytes).ok().map(ValueRef::GeoJson),
        ParticleType::Blob
        | ParticleType::Java
        | ParticleType::CSharp
        | ParticleType::Python
        | ParticleType::Ruby
        | ParticleType::Php
        | ParticleType::Erlang
        | ParticleType::Hll
        | ParticleType::Map
        | ParticleType::List => {
            BlobKind::from_particle_type(bin.particle).map(|kind| ValueRef::Blob(kind, bytes))
        }
        ParticleType::Vector => return Err(unknown_type(bin)),
    };
    value.ok_or_else(|| Unrepresentable::BinValue {
        bin: name(bin),
        particle: bin.particle,
    })
}

#[cold]
fn unknown_type(bin: &Op<'_>) -> Unrepresentable {
    Unrepresentable::BinType {
        bin: name(bin),
        particle: bin.particle,
    }
}

fn name(bin: &Op<'_>) -> String {
    String::from_utf8_lossy(bin.name).into_owned()
}
