//! Records and bins. Source: asb-text.md §7.

use alloc::vec::Vec;

use crate::base64::{encode_digest, encode_into, encoded_len};
use crate::encode::{Encoder, push_name};
use crate::float;
use crate::value::{KeyRef, ValueRef};

/// All of a record but its bins; plain bytes, escaped on the way out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecordHead<'a> {
    /// User key, if the server has it.
    pub key: Option<KeyRef<'a>>,
    /// Namespace.
    pub namespace: &'a [u8],
    /// RIPEMD-160 digest of set and key.
    pub digest: &'a [u8; 20],
    /// Set, if the record is in one.
    pub set: Option<&'a [u8]>,
    /// The server's generation.
    pub generation: u16,
    /// Seconds since 2010-01-01T00:00:00Z; 0 = never expires.
    pub void_time: u32,
    /// Number of calls of [`Encoder::bin`] that follow.
    pub bin_count: u16,
}

/// Room for the lines of a head without key and names.
const HEAD_MAX: usize = 128;

/// Room for a bin line without its name and data.
const LINE_MAX: usize = 48;

impl Encoder {
    /// Appends the head of a record; its bins must follow.
    pub fn record(&self, out: &mut Vec<u8>, head: &RecordHead<'_>) {
        let set = head.set.unwrap_or_default();
        out.reserve(HEAD_MAX + 2 * (head.namespace.len() + set.len()));
        if let Some(key) = head.key {
            push_key(out, key);
        }
        out.extend_from_slice(b"+ n ");
        push_name(out, head.namespace);
        let mut line = *b"\n+ d ............................\n";
        line[5..33].copy_from_slice(&encode_digest(head.digest));
        out.extend_from_slice(&line);
        if head.set.is_some() {
            out.extend_from_slice(b"+ s ");
            push_name(out, set);
            out.push(b'\n');
        }
        out.extend_from_slice(b"+ g ");
        push_number(out, head.generation);
        out.extend_from_slice(b"\n+ t ");
        push_number(out, head.void_time);
        out.extend_from_slice(b"\n+ b ");
        push_number(out, head.bin_count);
        out.push(b'\n');
    }

    /// Appends one bin.
    pub fn bin(&self, out: &mut Vec<u8>, name: &[u8], value: ValueRef<'_>) {
        out.reserve(LINE_MAX + 2 * name.len());
        match value {
            ValueRef::Nil => {
                push_start(out, b"- N ", name);
                out.push(b'\n');
            }
            ValueRef::Bool(value) => {
                push_start(out, b"- Z ", name);
                out.extend_from_slice(if value { b" T\n" } else { b" F\n" });
            }
            ValueRef::Integer(value) => {
                push_start(out, b"- I ", name);
                out.push(b' ');
                push_number(out, value);
                out.push(b'\n');
            }
            ValueRef::Double(value) => {
                push_start(out, b"- D ", name);
                out.push(b' ');
                float::encode(value, out);
                out.push(b'\n');
            }
            ValueRef::String(data) => {
                push_start(out, b"- S ", name);
                push_raw(out, data);
            }
            ValueRef::GeoJson(data) => {
                push_start(out, b"- G ", name);
                push_raw(out, data);
            }
            ValueRef::Blob(kind, data) if self.compact => {
                push_start(out, &[b'-', b' ', kind.letter(), b'!', b' '], name);
                push_raw(out, data);
            }
            ValueRef::Blob(kind, data) => {
                push_start(out, &[b'-', b' ', kind.letter(), b' '], name);
                push_base64(out, data);
            }
        }
    }
}

fn push_key(out: &mut Vec<u8>, key: KeyRef<'_>) {
    match key {
        KeyRef::Integer(value) => {
            out.extend_from_slice(b"+ k I ");
            push_number(out, value);
            out.push(b'\n');
        }
        KeyRef::Double(value) => {
            out.extend_from_slice(b"+ k D ");
            float::encode_key(value, out);
            out.push(b'\n');
        }
        KeyRef::String(data) => {
            out.extend_from_slice(b"+ k S");
            push_raw(out, data);
        }
        KeyRef::Blob(data) => {
            out.extend_from_slice(b"+ k B");
            push_base64(out, data);
        }
    }
}

#[inline]
fn push_start<const N: usize>(out: &mut Vec<u8>, start: &[u8; N], name: &[u8]) {
    out.extend_from_slice(start);
    push_name(out, name);
}

#[inline]
fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// ` <size> <data>\n`
#[inline]
fn push_raw(out: &mut Vec<u8>, data: &[u8]) {
    out.reserve(data.len() + LINE_MAX);
    push_size(out, data.len());
    out.extend_from_slice(data);
    out.push(b'\n');
}

/// ` <size> <text>\n`
#[inline]
fn push_base64(out: &mut Vec<u8>, data: &[u8]) {
    let len = encoded_len(data.len());
    out.reserve(len + LINE_MAX);
    push_size(out, len);
    encode_into(data, out);
    out.push(b'\n');
}

#[inline]
fn push_size(out: &mut Vec<u8>, size: usize) {
    out.push(b' ');
    push_number(out, size);
    out.push(b' ');
}
