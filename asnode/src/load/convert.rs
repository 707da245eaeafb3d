//! From what the decoder of backups gives to what the node keeps.

use super::Refusal;
use crate::{Collection, Index, IndexSource, IndexType, RawBin, RawRecord, Udf, value};
use aerospike_wire::{
    digest::Digest,
    particle::{GEOJSON_NO_CELLS, ParticleType},
};
use asb_format::{Base64Text, Bin, IndexData, IndexKind, Key, Name, Record, Value};

/// A record, updated last at `now_ms`. Nil values are left out: they are what bins become by being
/// removed.
pub(super) fn record(record: &Record<'_>, now_ms: u64) -> Result<RawRecord, Refusal> {
    let bins = record.bins().filter(|bin| bin.value != Value::Nil);
    Ok(RawRecord {
        digest: Digest(record.digest),
        set: record.set.map(|set| set.to_cow().into_owned()),
        key: record.key.as_ref().map(key),
        generation: record.generation,
        void_time: record.void_time,
        last_update_ms: now_ms,
        bins: bins.map(|b| bin(&b)).collect::<Result<_, _>>()?,
    })
}

/// Particle type byte and value.
fn key(key: &Key<'_>) -> Vec<u8> {
    let typed = |kind: ParticleType, value: &[u8]| [&[kind as u8], value].concat();
    match key {
        Key::Integer(value) => typed(ParticleType::Integer, &value.to_be_bytes()),
        Key::Double(value) => typed(ParticleType::Double, &value.to_be_bytes()),
        Key::String(data) => typed(ParticleType::String, &data.to_cow()),
        Key::Blob(data) => typed(ParticleType::Blob, &data.to_cow()),
    }
}

fn bin(bin: &Bin<'_>) -> Result<RawBin, Refusal> {
    let (particle, sent) = particle(&bin.value);
    let name = bin.name.to_cow();
    let stored = value::stored(particle, &sent).map_err(|_| Refusal::Value {
        bin: String::from_utf8_lossy(&name).into_owned(),
        particle,
    })?;
    Ok(RawBin {
        value: stored.into_owned(),
        name: name.into_owned(),
        particle,
    })
}

/// Particle type and value as a client would send it.
fn particle(value: &Value<'_>) -> (u8, Vec<u8>) {
    let (kind, bytes) = match value {
        Value::Nil => (ParticleType::Null, Vec::new()),
        Value::Bool(value) => (ParticleType::Bool, vec![u8::from(*value)]),
        Value::Integer(value) => (ParticleType::Integer, value.to_be_bytes().to_vec()),
        Value::Double(value) => (ParticleType::Double, value.to_be_bytes().to_vec()),
        Value::String(data) => (ParticleType::String, data.to_cow().into_owned()),
        Value::GeoJson(text) => (
            ParticleType::GeoJson,
            [&GEOJSON_NO_CELLS[..], text].concat(),
        ),
        Value::Blob(kind, data) => return (kind.particle_type(), data.to_cow().into_owned()),
    };
    (kind as u8, bytes)
}

/// An index of `namespace`.
pub(super) fn index(namespace: &str, index: &asb_format::Index<'_>) -> Result<Index, Refusal> {
    Ok(Index {
        namespace: namespace.to_owned(),
        name: text(&index.name)?,
        set: index.set.as_ref().map(text).transpose()?,
        source: source(index)?,
        value_type: match index.data {
            // A set index has no values.
            IndexData::Numeric | IndexData::Set => IndexType::Numeric,
            IndexData::String => IndexType::String,
            IndexData::Geo2dSphere => IndexType::Geo2dSphere,
            IndexData::Blob => IndexType::Blob,
        },
        collection: match index.kind {
            IndexKind::Bin | IndexKind::Set => Collection::Default,
            IndexKind::List => Collection::List,
            IndexKind::MapKeys => Collection::MapKeys,
            IndexKind::MapValues => Collection::MapValues,
        },
    })
}

fn source(index: &asb_format::Index<'_>) -> Result<IndexSource, Refusal> {
    if index.kind == IndexKind::Set {
        return Ok(IndexSource::Set);
    }
    if let Some(expression) = &index.expression {
        return Ok(IndexSource::Expression(base64(expression)));
    }
    Ok(IndexSource::Bin {
        bin: index
            .bin
            .as_ref()
            .map(text)
            .transpose()?
            .unwrap_or_default(),
        context: index.context.as_ref().map(base64),
    })
}

pub(super) fn udf(udf: &asb_format::Udf<'_>) -> Result<Udf, Refusal> {
    Ok(Udf {
        name: text(&udf.name)?,
        content: udf.content.to_vec(),
    })
}

fn text(name: &Name<'_>) -> Result<String, Refusal> {
    let bytes = name.to_cow().into_owned();
    String::from_utf8(bytes).map_err(|error| Refusal::Name {
        name: String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// Base64 is ASCII.
fn base64(text: &Base64Text<'_>) -> String {
    String::from_utf8_lossy(text.as_text()).into_owned()
}
