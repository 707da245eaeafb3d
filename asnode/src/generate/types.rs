//! Everything that a backup must not change, in one small namespace.

use super::bench::text;
use crate::{
    Collection, Index, IndexSource, IndexType, RawRecord, Udf,
    cdt::{normalise_list, normalise_map},
    msgpack::{put_int, put_list, put_map, put_str, put_tagged},
};
use fastrand::Rng;

const NONE: &str = "";
const TYPES: &str = "types";

const INTEGER: u8 = 1;
const DOUBLE: u8 = 2;
const STRING: u8 = 3;
const BLOB: u8 = 4;
const BOOL: u8 = 17;
const HLL: u8 = 18;
const MAP: u8 = 19;
const LIST: u8 = 20;
const GEOJSON: u8 = 23;

/// One record for each thing worth keeping.
pub(super) fn specials(now_s: u32) -> Vec<RawRecord> {
    let mut all = values();
    all.extend(names());
    all.extend(keys());
    all.extend(times(now_s));
    all
}

/// A record of the set `types` with the key stored.
fn typed(name: &str) -> RawRecord {
    keyed(TYPES, STRING, name.as_bytes())
}

fn keyed(set: &str, kind: u8, value: &[u8]) -> RawRecord {
    let mut record = RawRecord::for_key(set, kind, value);
    record.key = Some([&[kind], value].concat());
    record
}

fn values() -> Vec<RawRecord> {
    let numbered = |record: RawRecord, kind: u8, values: &[&[u8]]| {
        values
            .iter()
            .enumerate()
            .fold(record, |record, (i, value)| {
                record.bin(format!("b{i}").as_bytes(), kind, value)
            })
    };
    let integers = [0, 1, -1, 127, 128, -128, 65_536, i64::MAX, i64::MIN].map(i64::to_be_bytes);
    let integers: Vec<&[u8]> = integers.iter().map(<[u8; 8]>::as_slice).collect();
    let doubles = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        0.1,
        1e21,
        5e-324,
        f64::MAX,
        f64::MIN,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ]
    .map(f64::to_be_bytes);
    let doubles: Vec<&[u8]> = doubles.iter().map(<[u8; 8]>::as_slice).collect();
    let all_bytes: Vec<u8> = (0..=255).collect();
    let long = vec![b'x'; 4000];
    let bytes: [&[u8]; 7] = [
        b"",
        b"text",
        "żółw 🦀".as_bytes(),
        b"\xff\xfe\x80",
        b"a\0b",
        b"\n- S x 1 y\n",
        &long,
    ];
    let lists = lists();
    let maps = maps();
    let geo: [&[u8]; 3] = [
        b"\0\0\0{\"type\":\"Point\",\"coordinates\":[21.01,52.23]}",
        b"\0\0\0{\"type\":\"Polygon\",\"coordinates\":[[[0,0],[1,0],[1,1],[0,0]]]}",
        b"\0\0\0{\"type\":\"AeroCircle\",\"coordinates\":[[10,20],500]}",
    ];
    let hlls = [hll(4, 0), hll(8, 0), hll(6, 12)];
    let mut languages = typed("languages");
    for kind in 7..=12 {
        languages = languages.bin(&[b'l', b'0' + kind % 10], kind, b"serialised \0\xff");
    }
    vec![
        numbered(typed("integers"), INTEGER, &integers).bin(b"n", INTEGER, &[0; 8]),
        numbered(typed("doubles"), DOUBLE, &doubles),
        numbered(typed("strings"), STRING, &bytes),
        numbered(typed("blobs"), BLOB, &bytes).bin(b"all", BLOB, &all_bytes),
        typed("bools").bin(b"t", BOOL, &[1]).bin(b"f", BOOL, &[0]),
        numbered(typed("hlls"), HLL, &hlls.each_ref().map(Vec::as_slice)),
        numbered(
            typed("lists"),
            LIST,
            &lists.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        ),
        numbered(
            typed("maps"),
            MAP,
            &maps.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        ),
        numbered(typed("geo"), GEOJSON, &geo),
        languages,
    ]
}

/// Lists of every order flag: unordered, ordered, empty, nested, with every element type.
fn lists() -> Vec<Vec<u8>> {
    let mut nested = Vec::new();
    put_list(&mut nested, 3);
    nested.extend_from_slice(&[0x93, 0xc7, 0, 1, 1, 2]); // ordered inside unordered
    nested.extend_from_slice(&[0x82, 0xc7, 0, 1, 0xc0, 1, 2]); // key-ordered map
    nested.extend_from_slice(&[0x91, 0x91, 0x90]);
    let mut long = Vec::new();
    put_list(&mut long, 100);
    (0..100).rev().for_each(|i| put_int(&mut long, i * 1000));
    let mut elements = Vec::new();
    put_list(&mut elements, 13);
    elements.extend_from_slice(&[0xc0, 0xc2, 0xc3, 0x05, 0xe0]);
    put_tagged(&mut elements, 0xcf, &u64::MAX.to_be_bytes());
    put_int(&mut elements, i64::MIN);
    put_tagged(&mut elements, 0xca, &1.5f32.to_be_bytes());
    put_tagged(&mut elements, 0xcb, &0.1f64.to_be_bytes());
    put_str(&mut elements, b"\x03text\xff");
    put_str(&mut elements, b"\x04\0\x01");
    put_str(
        &mut elements,
        b"\x17{\"type\":\"Point\",\"coordinates\":[1,2]}",
    );
    put_str(&mut elements, b"");
    vec![
        vec![0x90],
        vec![0x93, 3, 1, 2],
        vec![0x91, 0xc7, 0, 1],
        vec![0x94, 0xc7, 0, 1, 1, 2, 2],
        nested,
        long,
        elements,
    ]
}

/// Maps of every order flag: unordered, key-ordered, key-value-ordered, empty, nested.
fn maps() -> Vec<Vec<u8>> {
    let mut strings = Vec::new();
    put_map(&mut strings, 40);
    for i in 10..50 {
        put_str(&mut strings, format!("\x03key{i}").as_bytes());
        put_int(&mut strings, i);
    }
    let mut keys = Vec::new();
    put_map(&mut keys, 5);
    for key in [-5, 0, 300] {
        put_int(&mut keys, key);
        put_int(&mut keys, key);
    }
    for key in [&b"\x03\xff\xfe"[..], b"\x04\0blob"] {
        put_str(&mut keys, key);
        keys.extend_from_slice(&[0x92, 0xc0, 0x80]);
    }
    vec![
        vec![0x80],
        vec![0x82, 1, 2, 3, 4],
        vec![0x81, 0xc7, 0, 1, 0xc0],
        vec![0x83, 0xc7, 0, 1, 0xc0, 1, 0x0a, 2, 0x0b],
        vec![0x83, 0xc7, 0, 3, 0xc0, 1, 0x0b, 2, 0x0a],
        vec![0x81, 1, 0x82, 0xc7, 0, 3, 0xc0, 5, 0x92, 0xc7, 0, 1, 7],
        strings,
        keys,
    ]
}

fn hll(index_bits: u8, minhash_bits: u8) -> Vec<u8> {
    let registers = ((6 + usize::from(minhash_bits)) << index_bits).div_ceil(8);
    let mut out = vec![0, index_bits, minhash_bits];
    out.resize(11 + registers, 0);
    out
}

/// Odd names of bins and sets.
fn names() -> Vec<RawRecord> {
    let bins: [&[u8]; 9] = [
        b"with space",
        b"back\\slash",
        b"line\nfeed",
        "żółć".as_bytes(),
        b"fifteen_bytes_x",
        b"#",
        b"a,b;c:d=e",
        b"-",
        b"\xff\xfe",
    ];
    let sets: [&str; 7] = [
        "a set",
        "set\\back",
        "seŧ",
        "set,comma",
        "a\nb",
        "s",
        &"s".repeat(63),
    ];
    let one = 1i64.to_be_bytes();
    let of_bin = |(i, name): (usize, &&[u8])| {
        keyed("binnames", STRING, format!("bin{i}").as_bytes()).bin(name, INTEGER, &one)
    };
    let mut all: Vec<_> = bins.iter().enumerate().map(of_bin).collect();
    let together = |record: RawRecord, name: &&[u8]| record.bin(name, STRING, name);
    all.push(
        bins.iter()
            .fold(keyed("binnames", STRING, b"all"), together),
    );
    all.extend(
        sets.iter()
            .map(|set| keyed(set, STRING, b"in odd set").bin(b"v", INTEGER, &one)),
    );
    all.push(RawRecord::for_key(NONE, STRING, b"no set, no key").bin(b"v", INTEGER, &one));
    all
}

/// Every type of user key that a backup can hold, and records without.
fn keys() -> Vec<RawRecord> {
    let mut found: Vec<(u8, Vec<u8>)> = [0, 1, -1, i64::MAX, i64::MIN]
        .iter()
        .map(|key: &i64| (INTEGER, key.to_be_bytes().to_vec()))
        .collect();
    found.extend([0.5f64, -1e300].map(|key| (DOUBLE, key.to_be_bytes().to_vec())));
    let texts: [&[u8]; 6] = [
        b"",
        b"plain",
        b"two\nlines",
        "klucz ż".as_bytes(),
        b"\xff\xfe",
        b"sp ace\\",
    ];
    found.extend(texts.map(|key| (STRING, key.to_vec())));
    found.extend(texts.map(|key| (BLOB, key.to_vec())));
    let stored = |(kind, key): (u8, Vec<u8>)| {
        [keyed("keys", kind, &key), keyed(NONE, kind, &key)]
            .map(|record| record.bin(b"v", STRING, b"by key"))
    };
    let mut all: Vec<_> = found.into_iter().flat_map(stored).collect();
    all.extend((0..8i64).map(|i| {
        RawRecord::for_key("nokeys", INTEGER, &i.to_be_bytes()).bin(b"v", INTEGER, &i.to_be_bytes())
    }));
    all
}

/// Expiries and generations.
fn times(now_s: u32) -> Vec<RawRecord> {
    let void_times = [
        0,
        now_s.saturating_add(3600),
        now_s.saturating_add(86_400 * 365),
        now_s.saturating_add(86_400 * 3000),
    ];
    let generations = [1, 2, 300, u16::MAX];
    let pairs = void_times.into_iter().zip(generations);
    pairs
        .map(|(void_time, generation)| {
            let mut record = keyed("ttl", INTEGER, &i64::from(generation).to_be_bytes());
            record.void_time = void_time;
            record.generation = generation;
            record.bin(b"v", STRING, b"expires, or not")
        })
        .collect()
}

/// A record with one to five bins of random types.
pub(super) fn random(i: u64, rng: &mut Rng, now_s: u32) -> RawRecord {
    let sets = [NONE, "s1", "s2", "s3"];
    let set = sets[rng.usize(0..sets.len())];
    let key = format!("r{i}");
    let mut record = RawRecord::for_key(set, STRING, key.as_bytes());
    if rng.bool() {
        record.key = Some([b"\x03", key.as_bytes()].concat());
    }
    record.generation = rng.u16(1..10);
    if rng.u8(0..4) == 0 {
        record.void_time = now_s.saturating_add(rng.u32(86_400..300_000_000));
    }
    for b in 0..rng.usize(1..6) {
        let (kind, value) = random_value(rng);
        record = record.bin(format!("b{b}").as_bytes(), kind, &value);
    }
    record
}

fn random_value(rng: &mut Rng) -> (u8, Vec<u8>) {
    let len = rng.usize(0..40);
    match rng.u8(0..7) {
        0 => (INTEGER, rng.i64(..).to_be_bytes().to_vec()),
        1 => (DOUBLE, (rng.f64() * 1e6).to_be_bytes().to_vec()),
        2 => (STRING, text(rng, len).into_bytes()),
        3 => (BLOB, (0..len).map(|_| rng.u8(..)).collect()),
        4 => (BOOL, vec![u8::from(rng.bool())]),
        5 => {
            let mut list = Vec::new();
            put_list(&mut list, len);
            (0..len).for_each(|_| random_element(rng, &mut list));
            (LIST, stored(normalise_list(&list), 0x90))
        }
        _ => {
            let mut map = Vec::new();
            let pairs = i64::try_from(len).unwrap_or(0);
            put_map(&mut map, len);
            for key in 0..pairs {
                put_int(&mut map, key);
                random_element(rng, &mut map);
            }
            (MAP, stored(normalise_map(&map), 0x80))
        }
    }
}

/// Generated containers are proper ones; an empty one stands in where that should be wrong.
fn stored<E>(value: Result<std::borrow::Cow<'_, [u8]>, E>, empty: u8) -> Vec<u8> {
    value.map_or_else(|_| vec![empty], std::borrow::Cow::into_owned)
}

fn random_element(rng: &mut Rng, out: &mut Vec<u8>) {
    match rng.u8(0..4) {
        0 => put_int(out, rng.i64(..)),
        1 => put_tagged(out, 0xcb, &rng.f64().to_be_bytes()),
        2 => put_str(out, format!("\x03{}", text(rng, 5)).as_bytes()),
        _ => out.push(0xc0),
    }
}

/// Indexes of every kind.
pub(super) fn indexes(namespace: &str) -> Vec<Index> {
    use Collection::{Default as Whole, List, MapKeys, MapValues};
    use IndexType::{Blob, Geo2dSphere, Numeric, String as Text};
    // Context: map key "nest". Expression: bin m of type map, compared with unknown.
    const CONTEXT: &str = "lCKlA25lc3QQAA==";
    const EXPRESSION: &str = "kxSTUQKhbpNRAqFt";
    let bin = |bin: &str| IndexSource::Bin {
        bin: bin.to_owned(),
        context: None,
    };
    let deep = |bin: &str| IndexSource::Bin {
        bin: bin.to_owned(),
        context: Some(CONTEXT.to_owned()),
    };
    let expression = || IndexSource::Expression(EXPRESSION.to_owned());
    let set = Some(TYPES);
    [
        ("ix_num", set, bin("n"), Numeric, Whole),
        ("ix_str", set, bin("b1"), Text, Whole),
        ("ix_geo", set, bin("b0"), Geo2dSphere, Whole),
        ("ix_blob", set, bin("all"), Blob, Whole),
        ("ix_noset", None, bin("v"), Numeric, Whole),
        ("ix_lst", set, bin("b1"), Numeric, List),
        ("ix_mk", set, bin("b6"), Text, MapKeys),
        ("ix_mv", set, bin("b3"), Numeric, MapValues),
        ("ix_ctx", set, deep("n"), Numeric, Whole),
        ("ix_ctxl", set, deep("n"), Text, List),
        ("ix_exp", set, expression(), Numeric, Whole),
        ("ix_expns", None, expression(), Numeric, Whole),
        ("ix odd", Some("a set"), bin("with space"), Numeric, Whole),
    ]
    .into_iter()
    .map(|(name, set, source, value_type, collection)| Index {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        set: set.map(str::to_owned),
        source,
        value_type,
        collection,
    })
    .collect()
}

/// Two modules, one of them with UTF-8 and without LF at its end.
pub(super) fn udfs() -> Vec<Udf> {
    let udf = |name: &str, content: &str| Udf {
        name: name.to_owned(),
        content: content.into(),
    };
    vec![
        udf(
            "alpha.lua",
            "-- alpha\nfunction alpha(rec)\n  return rec[\"v\"]\nend\n",
        ),
        udf(
            "beta_mod.lua",
            "local M = {}\n-- unicode: żółć\nfunction M.f(r, a)\n  return a\nend\nreturn M",
        ),
    ]
}
