//! The shape that speed is measured with (`architecture.md`, «Speed»).

use crate::{
    RawRecord,
    msgpack::{put_int, put_list, put_map, put_str, put_tagged},
};
use fastrand::Rng;

const SET: &str = "bench";

/// Record number `i`.
pub(super) fn record(i: u64, rng: &mut Rng) -> RawRecord {
    let key = format!("key-{i:08}");
    let mut blob = [0; 96];
    rng.fill(&mut blob);
    let mut record = RawRecord::for_key(SET, 3, key.as_bytes())
        .bin(b"int", 1, &rng.i64(0..1_000_000_000).to_be_bytes())
        .bin(b"str", 3, text(rng, 20).as_bytes())
        .bin(b"dbl", 2, &rng.f64().to_be_bytes())
        .bin(b"bool", 17, &[u8::from(rng.bool())])
        .bin(b"blob", 4, &blob)
        .bin(b"list", 20, &list(rng))
        .bin(b"map", 19, &map(rng));
    record.key = Some([b"\x03", key.as_bytes()].concat());
    record
}

pub(super) fn text(rng: &mut Rng, len: usize) -> String {
    (0..len).map(|_| rng.alphanumeric()).collect()
}

fn list(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    put_list(&mut out, 10);
    (0..10).for_each(|_| put_int(&mut out, rng.i64(0..1_000_000)));
    out
}

/// Key-ordered, with string keys and integer values.
fn map(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    put_map(&mut out, 9);
    put_tagged(&mut out, 0xc7, &[0, 1, 0xc0]);
    for i in 0..8 {
        put_str(&mut out, &[3, b'k', b'0' + i]);
        put_int(&mut out, rng.i64(0..1_000_000));
    }
    out
}
