//! Files of the established tools hold exactly what a raw scan of the server found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use asb_format::{BlobKind, Encoder};
use serde_json::Value;

use crate::replay::{Owned, OwnedRecord, OwnedValue, decode, decode_split};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

/// The files of a backup: one, or those of a directory.
pub(crate) fn files(name: &str) -> Vec<Vec<u8>> {
    let path = data(name);
    if !path.is_dir() {
        return vec![
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        ];
    }
    let entries = std::fs::read_dir(&path).unwrap();
    entries
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect()
}

fn items(name: &str) -> Vec<Owned> {
    let decode = |file: Vec<u8>| {
        let outcome = decode(&file);
        assert_eq!(outcome.error, None, "{name}");
        assert_eq!(outcome.position.offset, file.len() as u64, "{name}");
        let lines = file.iter().filter(|&&byte| byte == b'\n').count() as u64;
        assert_eq!(outcome.position.line, lines + 1, "{name}");
        outcome.items
    };
    files(name).into_iter().flat_map(decode).collect()
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// A value from its particle.
fn particle(particle: &Value, bytes: Vec<u8>) -> OwnedValue {
    let number = || <[u8; 8]>::try_from(bytes.as_slice()).unwrap();
    match particle.as_u64().unwrap() {
        0 => OwnedValue::Nil,
        1 => OwnedValue::Integer(i64::from_be_bytes(number())),
        2 => OwnedValue::double(f64::from_be_bytes(number())),
        3 => OwnedValue::String(bytes),
        17 => OwnedValue::Bool(bytes == [1]),
        23 => OwnedValue::GeoJson(bytes),
        other => OwnedValue::Blob(BlobKind::from_particle_type(other as u8).unwrap(), bytes),
    }
}

fn bin(bin: &Value) -> (Vec<u8>, OwnedValue) {
    let bytes = match bin["json"].as_str() {
        Some(json) => json.as_bytes().to_vec(),
        None => hex(&bin["value_hex"]),
    };
    (hex(&bin["name_hex"]), particle(&bin["particle"], bytes))
}

/// All records that the server has.
fn truth() -> Vec<OwnedRecord> {
    let text = std::fs::read_to_string(data("records.jsonl")).unwrap();
    let record = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        let key = &record["key"];
        OwnedRecord {
            key: (!key.is_null()).then(|| particle(&key["particle"], hex(&key["value_hex"]))),
            namespace: record["namespace"].as_str().unwrap().as_bytes().to_vec(),
            digest: hex(&record["digest"]).try_into().unwrap(),
            set: record["set"].as_str().map(|set| set.as_bytes().to_vec()),
            generation: record["generation"].as_u64().unwrap() as u16,
            void_time: record["void_time"].as_u64().unwrap() as u32,
            bins: record["bins"].as_array().unwrap().iter().map(bin).collect(),
        }
    };
    text.lines().map(record).collect()
}

fn by_digest(
    records: impl IntoIterator<Item = OwnedRecord>,
    sort_bins: bool,
) -> BTreeMap<[u8; 20], OwnedRecord> {
    let mut map = BTreeMap::new();
    for mut record in records {
        if sort_bins {
            record.bins.sort_by(|a, b| a.0.cmp(&b.0));
        }
        let before = map.insert(record.digest, record);
        assert_eq!(before, None, "record occurs twice");
    }
    map
}

/// Checks the backup `name`: `count` records that `select` chooses from the truth, and so many
/// indexes, expression indexes among them, and modules.
fn check(
    name: &str,
    count: usize,
    globals: (usize, usize, usize),
    select: impl Fn(OwnedRecord) -> Option<OwnedRecord>,
) {
    // Go writes bins in random order.
    let is_go = name.starts_with("go/");
    let items = items(name);
    let indexes = items
        .iter()
        .filter(|item| matches!(item, Owned::Index(_)))
        .count();
    let expressions = items
        .iter()
        .filter(|item| matches!(item, Owned::Index(i) if i.expression.is_some()))
        .count();
    let modules = items
        .iter()
        .filter(|item| matches!(item, Owned::Udf(..)))
        .count();
    assert_eq!((indexes, expressions, modules), globals, "{name}");

    let found = by_digest(
        items.into_iter().filter_map(|item| match item {
            Owned::Record(record) => Some(record),
            _ => None,
        }),
        is_go,
    );
    let expected = by_digest(truth().into_iter().filter_map(select), is_go);
    assert_eq!(found.len(), count, "{name}");
    for (digest, expected) in &expected {
        assert_eq!(found.get(digest), Some(expected), "{name}");
    }
    assert_eq!(found.len(), expected.len(), "{name}");
}

fn without_bins(mut record: OwnedRecord) -> Option<OwnedRecord> {
    record.bins.clear();
    Some(record)
}

fn of_set_types(record: OwnedRecord) -> Option<OwnedRecord> {
    (record.set.as_deref() == Some(b"types")).then_some(record)
}

fn of_partitions(record: OwnedRecord) -> Option<OwnedRecord> {
    let partition = u16::from_le_bytes([record.digest[0], record.digest[1]]) & 0xfff;
    (partition < 100).then_some(record)
}

fn with_some_bins(mut record: OwnedRecord) -> Option<OwnedRecord> {
    record
        .bins
        .retain(|(name, _)| [&b"n"[..], b"v", b"b0"].contains(&name.as_slice()));
    (!record.bins.is_empty()).then_some(record)
}

#[test]
fn go_files() {
    let globals = (12, 2, 2);
    for name in [
        "go/plain.asb",
        "go/compact.asb",
        "go/plain-dir",
        "go/parallel-dir",
        "go/limit-dir",
    ] {
        check(name, 358, globals, Some);
    }
    check("go/nobins.asb", 358, globals, without_bins);
    check("go/set-types.asb", 10, globals, of_set_types);
    check("go/partitions-0-100.asb", 4, globals, of_partitions);
    check("go/bins.asb", 339, globals, with_some_bins);
}

#[test]
fn c_files() {
    let globals = (12, 0, 2);
    for name in ["c/plain.asb", "c/compact.asb", "c/parallel-dir"] {
        check(name, 358, globals, Some);
    }
    check("c/nobins.asb", 358, globals, without_bins);
    check("c/set-types.asb", 10, (10, 0, 2), of_set_types);
    check("c/partitions-0-100.asb", 4, globals, of_partitions);
}

#[test]
fn c_files_say_null_for_no_set_and_lose_expressions() {
    let file = &files("c/plain.asb")[0];
    let (mut null_sets, mut suspected) = (0, 0);
    let mut decoder = asb_format::Decoder::new();
    let mut rest = file.as_slice();
    while let Ok(asb_format::Step::Complete { consumed, item }) = decoder.decode(rest, true) {
        if let asb_format::Item::Index(index) = item {
            null_sets += usize::from(index.set_was_null && index.set.is_none());
            suspected += usize::from(index.is_suspected_expression());
        }
        rest = &rest[consumed..];
    }
    assert_eq!((null_sets, suspected), (2, 2));
}

/// Whether C and we write a record differently: doubles get other digits, and compact C writes
/// raw keys.
fn may_differ_from_c(record: &OwnedRecord, encoder: Encoder) -> bool {
    let mut values = record
        .key
        .iter()
        .chain(record.bins.iter().map(|bin| &bin.1));
    let has_double = values.any(|value| matches!(value, OwnedValue::Double(_)));
    has_double || encoder.compact && matches!(record.key, Some(OwnedValue::Blob(..)))
}

/// Whether Go and we write a record differently: `+Inf` and `NaN` have other spellings.
fn may_differ_from_go(record: &OwnedRecord) -> bool {
    let is_special = |value: &OwnedValue| matches!(value, OwnedValue::Double(bits) if !f64::from_bits(*bits).is_finite());
    record.bins.iter().any(|(_, value)| is_special(value))
}

#[test]
fn what_the_tools_write_is_what_we_write() {
    for (name, encoder, identical) in [
        ("c/plain.asb", Encoder::new(), 286),
        ("c/compact.asb", Encoder::compact(), 255),
        ("go/plain.asb", Encoder::new(), 357),
    ] {
        let file = &files(name)[0];
        let mut rest = file.as_slice();
        let mut decoder = asb_format::Decoder::new();
        let mut same = 0;
        while let Ok(asb_format::Step::Complete { consumed, item }) = decoder.decode(rest, true) {
            let (item, text) = (Owned::new(&item), &rest[..consumed]);
            let mut out = Vec::new();
            item.encode(encoder, &mut out);
            let may_differ = match &item {
                Owned::Record(record) if name.starts_with("c/") => {
                    may_differ_from_c(record, encoder)
                }
                Owned::Record(record) => may_differ_from_go(record),
                // C writes `null` for no set.
                Owned::Index(index) => name.starts_with("c/") && index.set.is_none(),
                _ => false,
            };
            assert!(
                out == text || may_differ,
                "{name}: {} is not {}",
                out.escape_ascii(),
                text.escape_ascii()
            );
            same += usize::from(out == text && matches!(item, Owned::Record(_)));
            rest = &rest[consumed..];
        }
        assert_eq!(same, identical, "{name}");
    }
}

#[test]
fn files_decode_alike_in_pieces_of_any_size() {
    for name in ["go/plain.asb", "c/compact.asb"] {
        let file = &files(name)[0];
        let whole = decode(file);
        for cut in [1, 7, 64, 1000, 4096] {
            let cuts = std::iter::repeat_n(cut, file.len() / cut + 1);
            assert_eq!(
                decode_split(file, Default::default(), cuts),
                whole,
                "{name} by {cut}"
            );
        }
        let as_needed = std::iter::repeat_n(0, file.len());
        assert_eq!(
            decode_split(file, Default::default(), as_needed),
            whole,
            "{name} as needed"
        );
    }
}
