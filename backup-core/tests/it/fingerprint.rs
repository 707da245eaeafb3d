//! Fingerprints against vectors of another implementation, against golden files, and what they
//! must and must not notice.

use crate::support::{NAMESPACE, data};
use aerospike_wire::{
    digest::{Digest, PartitionId},
    field::{self, code},
    message::{Found, MessageHeader, split},
    op,
    scan::{self, ScanItem, ScanRecord},
};
use asb_format::{Decoder, Encoder, Item, Step, Version};
use asnode::{
    RawBin, RawRecord,
    generate::{Shape, records},
};
use backup_core::{
    convert::{asb_to_fingerprint, wire_to_asb, wire_to_fingerprint},
    fingerprint::{Fingerprint, Fingerprinter, PartitionSum, PartitionTable},
};
use serde_json::Value;
use std::fs;

/// The message of a scan reply that holds `record`.
fn message(record: &RawRecord) -> Vec<u8> {
    let mut out = Vec::new();
    let header = MessageHeader {
        generation: u32::from(record.generation),
        record_ttl: record.void_time,
        n_fields: 2 + u16::from(record.key.is_some()) + u16::from(record.set.is_some()),
        n_ops: u16::try_from(record.bins.len()).unwrap(),
        ..MessageHeader::default()
    };
    header.encode(&mut out);
    field::put(&mut out, code::NAMESPACE, NAMESPACE.as_bytes());
    field::put(&mut out, code::DIGEST, &record.digest.0);
    if let Some(set) = &record.set {
        field::put(&mut out, code::SET, set);
    }
    if let Some(key) = &record.key {
        field::put(&mut out, code::KEY, key);
    }
    for bin in &record.bins {
        op::put(
            &mut out,
            op::code::READ,
            bin.particle,
            &bin.name,
            &bin.value,
        );
    }
    out
}

fn with_scanned<T>(record: &RawRecord, look: impl FnOnce(&ScanRecord<'_>) -> T) -> T {
    look(&scanned(&message(record)))
}

fn scanned(bytes: &[u8]) -> ScanRecord<'_> {
    let Ok(Found::Message { message, .. }) = split(bytes, bytes.len()) else {
        panic!("no message")
    };
    let Ok(ScanItem::Record(record)) = scan::item(message) else {
        panic!("no record")
    };
    record
}

/// The fingerprints of a file's records, with their digests.
fn of_text(text: &[u8]) -> Vec<(Digest, Fingerprint)> {
    let (mut decoder, mut by, mut rest) = (Decoder::new(), Fingerprinter::new(), text);
    let mut found = Vec::new();
    while let Step::Complete { consumed, item } = decoder.decode(rest, true).unwrap() {
        if let Item::Record(record) = item {
            let fingerprint = asb_to_fingerprint::fingerprint(&mut by, &record);
            found.push((Digest(record.digest), fingerprint));
        }
        rest = &rest[consumed..];
    }
    found
}

/// The fingerprint of a record by every way there is; they must agree.
fn fingerprint(record: &RawRecord) -> Fingerprint {
    let mut by = Fingerprinter::new();
    let alone = with_scanned(record, |scanned| {
        wire_to_fingerprint::fingerprint(&mut by, scanned).unwrap()
    });
    for encoder in [Encoder::new(), Encoder::compact()] {
        let mut text = Vec::new();
        encoder.header(&mut text, Version::V3_3);
        let fused = with_scanned(record, |scanned| {
            wire_to_asb::encode_with_fingerprint(&encoder, scanned, &mut text, &mut by).unwrap()
        });
        assert_eq!(fused, alone, "{record:?}");
        assert_eq!(of_text(&text), [(record.digest, alone)], "{record:?}");
    }
    alone
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn particle(value: &Value) -> u8 {
    u8::try_from(value["particle"].as_u64().unwrap()).unwrap()
}

/// A record of a vector file, or of `records.jsonl`.
fn raw(value: &Value) -> RawRecord {
    let key = &value["key"];
    let bin = |bin: &Value| RawBin {
        name: hex(&bin["name_hex"]),
        particle: particle(bin),
        value: hex(&bin["value_hex"]),
    };
    RawRecord {
        set: value["set"].as_str().map(|set| set.as_bytes().to_vec()),
        key: (!key.is_null()).then(|| [vec![particle(key)], hex(&key["value_hex"])].concat()),
        bins: value["bins"].as_array().unwrap().iter().map(bin).collect(),
        ..RawRecord::new(Digest::from_slice(&hex(&value["digest"])).unwrap())
    }
}

fn json(name: &str) -> Vec<Value> {
    serde_json::from_str(&fs::read_to_string(data(name)).unwrap()).unwrap()
}

#[test]
fn vectors_of_another_implementation_hold() {
    for vector in json("fingerprints.json") {
        let expected = vector["fingerprint"].as_str().unwrap();
        let found = fingerprint(&raw(&vector));
        assert_eq!(found.to_string(), expected, "{}", vector["name"]);
        assert_eq!(expected.parse(), Ok(found));
    }
}

fn table(found: impl IntoIterator<Item = (Digest, Fingerprint)>) -> PartitionTable {
    let mut table = PartitionTable::new();
    for (digest, fingerprint) in found {
        table.add(digest.partition(), fingerprint);
    }
    table
}

/// Partition by partition what another implementation found in `records.jsonl`.
fn truth() -> PartitionTable {
    let mut table = PartitionTable::new();
    for row in json("partitions.json") {
        let id = u16::try_from(row["id"].as_u64().unwrap()).unwrap();
        let sum = PartitionSum {
            records: row["records"].as_u64().unwrap(),
            fingerprint: row["fingerprint"].as_str().unwrap().parse().unwrap(),
        };
        table.add_sum(PartitionId::new(id).unwrap(), sum);
    }
    table
}

#[test]
fn files_of_both_tools_have_the_fingerprint_of_the_server() {
    let lines = fs::read_to_string(data("records.jsonl")).unwrap();
    let scanned = lines.lines().map(|line| {
        let record = raw(&serde_json::from_str(line).unwrap());
        (record.digest, fingerprint(&record))
    });
    assert_eq!(table(scanned), truth());
    for name in ["plain.asb", "compact.asb", "parallel-dir"] {
        for tool in ["go", "c"] {
            let path = data("golden").join(tool).join(name);
            let mut files = vec![path.clone()];
            if path.is_dir() {
                let entries = fs::read_dir(&path).unwrap();
                files = entries.map(|entry| entry.unwrap().path()).collect();
            }
            let all = files
                .iter()
                .flat_map(|file| of_text(&fs::read(file).unwrap()));
            assert_eq!(table(all), truth(), "{tool} {name}");
        }
    }
}

#[test]
fn every_type_gives_the_same_from_wire_and_text() {
    let mut all = PartitionTable::new();
    for record in records(Shape::Types, 500, 3, 500_000_000) {
        all.add(record.digest.partition(), fingerprint(&record));
    }
    assert!(all.total().records >= 500);
}

#[test]
fn order_generation_and_times_do_not_matter() {
    for record in records(Shape::Types, 200, 5, 500_000_000) {
        let mut other = record.clone();
        other.bins.reverse();
        other.generation = record.generation.wrapping_add(1).max(1);
        other.void_time += 7;
        other.last_update_ms += 7;
        assert_eq!(fingerprint(&record), fingerprint(&other));
    }
    let found: Vec<_> = records(Shape::Bench, 300, 1, 0)
        .map(|record| (record.digest, fingerprint(&record)))
        .collect();
    let backwards = table(found.iter().rev().copied());
    assert_eq!(table(found), backwards);
}

/// All that can be changed about a record without making another digest of it.
fn variants(record: &RawRecord) -> Vec<RawRecord> {
    let changed = |change: &dyn Fn(&mut RawRecord)| {
        let mut other = record.clone();
        change(&mut other);
        other
    };
    vec![
        changed(&|r| r.digest.0[19] ^= 1),
        changed(&|r| r.set = None),
        changed(&|r| r.set = Some(b"benc".to_vec())),
        changed(&|r| r.key = None),
        changed(&|r| r.key = Some(vec![3])),
        changed(&|r| r.key = Some(vec![4])),
        changed(&|r| r.key.as_mut().unwrap()[0] = 4),
        changed(&|r| r.key.as_mut().unwrap()[1] ^= 1),
        changed(&|r| r.bins[0].value[7] ^= 1),
        changed(&|r| r.bins[0].name.push(b'x')),
        changed(&|r| r.bins[1].particle = 4),
        changed(&|r| r.bins[4].particle = 18),
        changed(&|r| r.bins[1].value.push(0)),
        changed(&|r| r.bins[2].value[0] ^= 0x80),
        changed(&|r| r.bins[3].value[0] ^= 1),
        changed(&|r| {
            let (first, second) = (r.bins[4].value.clone(), r.bins[5].value.clone());
            (r.bins[4].value, r.bins[5].value) = (second, first);
        }),
        changed(&|r| {
            r.bins.pop();
        }),
        changed(&|r| {
            r.bins.push(RawBin {
                name: b"n".to_vec(),
                particle: 0,
                value: Vec::new(),
            })
        }),
        changed(&|r| {
            // The same bytes with another border between name and value.
            let byte = r.bins[1].value.remove(0);
            r.bins[1].name.push(byte);
        }),
    ]
}

#[test]
fn every_change_shows() {
    for record in records(Shape::Bench, 20, 9, 0) {
        let mut found: Vec<_> = variants(&record).iter().map(fingerprint).collect();
        found.push(fingerprint(&record));
        let total = found.len();
        found.sort_unstable_by_key(|fingerprint| fingerprint.0);
        found.dedup();
        assert_eq!(found.len(), total);
    }
}

#[test]
fn a_record_that_no_file_can_hold_has_no_fingerprint() {
    let record = RawRecord::for_key("s", 3, b"k").bin(b"b", 16, b"vector");
    let mut by = Fingerprinter::new();
    let result = with_scanned(&record, |scanned| {
        wire_to_fingerprint::fingerprint(&mut by, scanned)
    });
    assert!(result.is_err());
    let mut text = b"kept".to_vec();
    let encoded = with_scanned(&record, |scanned| {
        wire_to_asb::encode_with_fingerprint(&Encoder::new(), scanned, &mut text, &mut by)
    });
    assert!(encoded.is_err());
    assert_eq!(text, b"kept");
    let good = RawRecord::for_key("s", 3, b"k").bin(b"b", 1, &[0; 8]);
    let after = with_scanned(&good, |scanned| {
        wire_to_fingerprint::fingerprint(&mut by, scanned).unwrap()
    });
    assert_eq!(after, fingerprint(&good), "what failed leaves no trace");
}

#[test]
fn nothing_is_allocated_for_a_record() {
    let records: Vec<_> = records(Shape::Types, 200, 3, 500_000_000).collect();
    let messages: Vec<_> = records.iter().map(message).collect();
    let (mut by, mut sums) = (Fingerprinter::new(), PartitionTable::new());
    let mut pass = || {
        for bytes in &messages {
            let record = scanned(bytes);
            let found = wire_to_fingerprint::fingerprint(&mut by, &record).unwrap();
            sums.add(record.digest.partition(), found);
        }
    };
    pass();
    assert_eq!(allocation_counter::measure(pass).count_total, 0);
}

fn partition(id: u16) -> PartitionId {
    PartitionId::new(id).unwrap()
}

#[test]
fn tables_add_up() {
    let (mut left, mut right) = (PartitionTable::new(), PartitionTable::new());
    left.add(partition(7), Fingerprint(u128::MAX));
    left.add(partition(7), Fingerprint(3));
    left.add(partition(4095), Fingerprint(5));
    right.mark_read(partition(0));
    right.add(partition(7), Fingerprint(1));
    let mut both = right.clone();
    both.merge(&left);
    left.merge(&right);
    assert_eq!(both, left);
    let shown: Vec<_> = both
        .iter()
        .map(|(id, sum)| (id.get(), sum.records, sum.fingerprint.0))
        .collect();
    assert_eq!(shown, [(0, 0, 0), (7, 3, 3), (4095, 1, 5)]);
    assert_eq!(both.total().records, 4);
    assert_eq!(both.sum(partition(1)), None);
}

#[test]
fn tables_name_their_differences() {
    let mut left = PartitionTable::new();
    (0..4).for_each(|id| left.add(partition(id), Fingerprint(u128::from(id))));
    let mut right = left.clone();
    assert_eq!(left.differences(&right), []);
    right.add(partition(2), Fingerprint(0)); // one record more, the same sum
    right.mark_read(partition(9));
    assert_eq!(left.differences(&right), [partition(2), partition(9)]);
    assert_eq!(right.differences(&left), [partition(2), partition(9)]);
    right.remove(partition(9));
    right.remove(partition(2));
    right.add(partition(2), Fingerprint(2));
    assert_eq!(left.differences(&right), []);
}

#[test]
fn only_32_lower_case_digits_are_a_fingerprint() {
    let good = "00000000000000000000000000000001";
    assert_eq!(good.parse(), Ok(Fingerprint(1)));
    for bad in [
        "",
        "1",
        "+0000000000000000000000000000001",
        &good.replace('1', "A"),
        &good.replace('1', "é"),
    ] {
        assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
    }
}
