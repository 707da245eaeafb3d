//! From a decoded ASB record to a row of a batch write.
//!
//! The hot path of a restore: values are decoded straight into the frame.

use crate::restore::WritePolicy;
use aerospike_wire::{
    batch::BatchBuilder,
    digest::Digest,
    field::code,
    particle::{GEOJSON_NO_CELLS, ParticleType},
};
use asb_format::{Bin, BlobKind, Data, Key, Record, Value};

/// TTL on the wire for a record that never expires.
pub const NEVER: u32 = u32::MAX;

/// How records become rows. By default all bins are merged into what exists if the backup's
/// generation is greater than the stored one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowStyle {
    /// What happens to records that exist.
    pub policy: WritePolicy,
    /// Namespace to write to; `None` = that of the record.
    pub namespace: Option<Vec<u8>>,
    /// Only these bins; empty = all.
    pub bins: Vec<Vec<u8>>,
}

impl RowStyle {
    fn has(&self, bin: &Bin<'_>) -> bool {
        self.bins.is_empty() || self.bins.iter().any(|name| bin.name == **name)
    }
}

/// Whether a record has anything to write: a write without values is impossible.
#[must_use]
pub fn has_values(record: &Record<'_>, style: &RowStyle) -> bool {
    let mut bins = record.bins();
    bins.any(|bin| !matches!(bin.value, Value::Nil) && style.has(&bin))
}

/// Appends `record` to `batch`. `ttl` is in seconds from now, or [`NEVER`].
pub fn add_row(batch: &mut BatchBuilder, record: &Record<'_>, ttl: u32, style: &RowStyle) {
    let head = style.policy.head(record.generation, ttl);
    batch.start_write(&Digest(record.digest), &head);
    match &style.namespace {
        Some(namespace) => batch.field(code::NAMESPACE, namespace),
        None => batch.field_with(code::NAMESPACE, |out| record.namespace.unescape_into(out)),
    }
    if let Some(set) = &record.set {
        batch.field_with(code::SET, |out| set.unescape_into(out));
    }
    if let Some(key) = &record.key {
        batch.field_with(code::KEY, |out| put_key(out, key));
    }
    for bin in record.bins() {
        let is_nil = matches!(bin.value, Value::Nil);
        if !style.has(&bin) || is_nil && !style.policy.writes_nil() {
            continue;
        }
        let name = |out: &mut Vec<u8>| bin.name.unescape_into(out);
        batch.write_parts(particle(&bin.value) as u8, name, |out| {
            put_value(out, &bin.value)
        });
    }
    batch.finish_row();
}

fn put_key(out: &mut Vec<u8>, key: &Key<'_>) {
    match key {
        Key::Integer(value) => {
            out.push(ParticleType::Integer as u8);
            out.extend_from_slice(&value.to_be_bytes());
        }
        Key::Double(value) => {
            out.push(ParticleType::Double as u8);
            out.extend_from_slice(&value.to_be_bytes());
        }
        Key::String(data) => {
            out.push(ParticleType::String as u8);
            data.decode_into(out);
        }
        Key::Blob(data) => {
            out.push(ParticleType::Blob as u8);
            data.decode_into(out);
        }
    }
}

#[inline]
const fn particle(value: &Value<'_>) -> ParticleType {
    match value {
        Value::Nil => ParticleType::Null,
        Value::Bool(_) => ParticleType::Bool,
        Value::Integer(_) => ParticleType::Integer,
        Value::Double(_) => ParticleType::Double,
        Value::String(_) => ParticleType::String,
        Value::GeoJson(_) => ParticleType::GeoJson,
        Value::Blob(kind, _) => match kind {
            BlobKind::Blob => ParticleType::Blob,
            BlobKind::Java => ParticleType::Java,
            BlobKind::CSharp => ParticleType::CSharp,
            BlobKind::Python => ParticleType::Python,
            BlobKind::Ruby => ParticleType::Ruby,
            BlobKind::Php => ParticleType::Php,
            BlobKind::Erlang => ParticleType::Erlang,
            BlobKind::Hll => ParticleType::Hll,
            BlobKind::Map => ParticleType::Map,
            BlobKind::List => ParticleType::List,
        },
    }
}

#[inline]
fn put_value(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Nil => {}
        Value::Bool(value) => out.push(u8::from(*value)),
        Value::Integer(value) => out.extend_from_slice(&value.to_be_bytes()),
        Value::Double(value) => out.extend_from_slice(&value.to_be_bytes()),
        Value::GeoJson(text) => {
            out.extend_from_slice(&GEOJSON_NO_CELLS);
            out.extend_from_slice(text);
        }
        Value::Blob(BlobKind::List, data) => put_list(out, data),
        Value::String(data) | Value::Blob(_, data) => data.decode_into(out),
    }
}

/// Flag bit of a list that asks for a stored index.
const PERSIST_INDEX: u8 = 0x10;

/// Appends a list and clears its persist-index flag. No scan returns it, but a file made by hand
/// may hold it, and a list with that flag alone brings a server down (`wire-protocol.md` §5.2).
fn put_list(out: &mut Vec<u8>, data: &Data<'_>) {
    let start = out.len();
    data.decode_into(out);
    let list = out.get_mut(start..).unwrap_or_default();
    let ([0x90..=0x9f, elements @ ..]
    | [0xdc, _, _, elements @ ..]
    | [0xdd, _, _, _, _, elements @ ..]) = list
    else {
        return;
    };
    if let [0xc7, 0x00, list_flags, ..] = elements {
        *list_flags &= !PERSIST_INDEX;
    }
}
