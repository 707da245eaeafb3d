//! From a record of a scan reply to its fingerprint, for comparisons with a living namespace.
//!
//! A backup takes both text and fingerprint in one pass:
//! [`wire_to_asb::encode_with_fingerprint`].

use super::wire_to_asb;
use crate::{
    error::{Error, Unrepresentable},
    fingerprint::{Fingerprint, Fingerprinter},
};
use aerospike_wire::{digest::Digest, scan::ScanRecord};
use asb_format::{Data, Key, KeyRef, Value, ValueRef};

/// The fingerprint of `record`; that of its text in a backup.
///
/// # Errors
/// [`Error::Unrepresentable`] for what ASB cannot hold.
pub fn fingerprint(by: &mut Fingerprinter, record: &ScanRecord<'_>) -> Result<Fingerprint, Error> {
    parts(by, record).map_err(|reason| Error::Unrepresentable {
        digest: record.digest,
        reason,
    })
}

fn parts(by: &mut Fingerprinter, record: &ScanRecord<'_>) -> Result<Fingerprint, Unrepresentable> {
    by.start();
    for bin in record.bins() {
        add_bin(by, bin.name, wire_to_asb::value(&bin)?);
    }
    let key = record.key.map(wire_to_asb::key).transpose()?;
    Ok(finish(by, record, key))
}

#[inline]
pub(super) fn add_bin(by: &mut Fingerprinter, name: &[u8], value: ValueRef<'_>) {
    let value = match value {
        ValueRef::Nil => Value::Nil,
        ValueRef::Bool(value) => Value::Bool(value),
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Double(value) => Value::Double(value),
        ValueRef::String(bytes) => Value::String(Data::Raw(bytes)),
        ValueRef::GeoJson(text) => Value::GeoJson(text),
        ValueRef::Blob(kind, bytes) => Value::Blob(kind, Data::Raw(bytes)),
    };
    by.bin(|out| out.extend_from_slice(name), &value);
}

#[inline]
pub(super) fn finish(
    by: &mut Fingerprinter,
    record: &ScanRecord<'_>,
    key: Option<KeyRef<'_>>,
) -> Fingerprint {
    let key = key.map(|key| match key {
        KeyRef::Integer(value) => Key::Integer(value),
        KeyRef::Double(value) => Key::Double(value),
        KeyRef::String(bytes) => Key::String(Data::Raw(bytes)),
        KeyRef::Blob(bytes) => Key::Blob(Data::Raw(bytes)),
    });
    let Digest(digest) = &record.digest;
    let set = |out: &mut Vec<u8>| out.extend_from_slice(record.set.unwrap_or_default());
    by.finish(digest, set, key.as_ref())
}
