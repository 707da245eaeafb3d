//! From a decoded ASB record to a row of a batch write.
//!
//! The hot path of a restore: values are decoded straight into the frame.

use aerospike_wire::{
    batch::{BatchBuilder, WriteHead},
    digest::Digest,
    field::code,
    message::flags,
    op::MAX_BIN_NAME,
    particle::{GEOJSON_NO_CELLS, ParticleType},
};
use asb_format::{BlobKind, Data, Key, Name, Record, Value};

/// TTL on the wire for a record that never expires.
pub const NEVER: u32 = u32::MAX;

/// Whether a record has anything to write: a write without values is impossible.
#[must_use]
pub fn has_values(record: &Record<'_>) -> bool {
    record.bins().any(|bin| !matches!(bin.value, Value::Nil))
}

/// Appends `record` to `batch`: written if the backup's generation is greater than the stored
/// one, merged into what exists (`wire-write.md` §4, default mode). `ttl` is in seconds from
/// now, or [`NEVER`].
pub fn add_row(batch: &mut BatchBuilder, record: &Record<'_>, ttl: u32) {
    let head = WriteHead {
        info2: flags::GENERATION_GT,
        info3: 0,
        generation: record.generation,
        record_ttl: ttl,
    };
    batch.start_write(&Digest(record.digest), &head);
    batch.field_with(code::NAMESPACE, |out| record.namespace.unescape_into(out));
    if let Some(set) = &record.set {
        batch.field_with(code::SET, |out| set.unescape_into(out));
    }
    if let Some(key) = &record.key {
        batch.field_with(code::KEY, |out| put_key(out, key));
    }
    for bin in record.bins() {
        let mut buffer = [0; MAX_BIN_NAME];
        add_bin(batch, plain_name(&bin.name, &mut buffer), &bin.value);
    }
    batch.finish_row();
}

/// The name without escapes; the decoder has checked that it fits.
fn plain_name<'n>(name: &Name<'n>, buffer: &'n mut [u8; MAX_BIN_NAME]) -> &'n [u8] {
    if !name.is_escaped() {
        return name.as_raw();
    }
    let plain = name.to_cow();
    let len = plain.len().min(MAX_BIN_NAME);
    let (slot, from) = (&mut buffer[..len], &plain[..len]);
    slot.copy_from_slice(from);
    slot
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
fn add_bin(batch: &mut BatchBuilder, name: &[u8], value: &Value<'_>) {
    match value {
        Value::Nil => batch.write(ParticleType::Null as u8, name, &[]),
        Value::Bool(value) => batch.write(ParticleType::Bool as u8, name, &[u8::from(*value)]),
        Value::Integer(value) => {
            batch.write(ParticleType::Integer as u8, name, &value.to_be_bytes());
        }
        Value::Double(value) => {
            batch.write(ParticleType::Double as u8, name, &value.to_be_bytes());
        }
        Value::String(data) => add_data(batch, ParticleType::String as u8, name, data),
        Value::GeoJson(text) => batch.write_with(ParticleType::GeoJson as u8, name, |out| {
            out.extend_from_slice(&GEOJSON_NO_CELLS);
            out.extend_from_slice(text);
        }),
        Value::Blob(BlobKind::List, data) => {
            batch.write_with(BlobKind::List.particle_type(), name, |out| {
                put_list(out, data)
            });
        }
        Value::Blob(kind, data) => add_data(batch, kind.particle_type(), name, data),
    }
}

#[inline]
fn add_data(batch: &mut BatchBuilder, particle: u8, name: &[u8], data: &Data<'_>) {
    batch.write_with(particle, name, |out| data.decode_into(out));
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
