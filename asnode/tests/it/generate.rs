//! Generated data: its size, its variety, and that it is the same every time.

use asnode::{
    Cluster, RawRecord,
    generate::{Shape, load, records, types_len},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::collections::{BTreeMap, BTreeSet};

const NOW: u32 = 532_000_000;

/// Length of a record of the bench shape as ASB text.
fn asb_len(record: &RawRecord) -> usize {
    let base64 = |bytes: &[u8]| STANDARD.encode(bytes).len();
    let set = str::from_utf8(record.set.as_deref().unwrap()).unwrap();
    let key = &record.key.as_deref().unwrap()[1..];
    let mut text = format!(
        "+ k S {} {}\n+ n test\n+ d {}\n+ s {set}\n+ g {}\n+ t {}\n+ b {}\n",
        key.len(),
        str::from_utf8(key).unwrap(),
        STANDARD.encode(record.digest.0),
        record.generation,
        record.void_time,
        record.bins.len(),
    );
    for bin in &record.bins {
        let name = str::from_utf8(&bin.name).unwrap();
        let eight = || <[u8; 8]>::try_from(&bin.value[..]).unwrap();
        text += &match bin.particle {
            1 => format!("- I {name} {}\n", i64::from_be_bytes(eight())),
            2 => format!("- D {name} {}\n", f64::from_be_bytes(eight())),
            3 => format!(
                "- S {name} {} {}\n",
                bin.value.len(),
                String::from_utf8_lossy(&bin.value)
            ),
            17 => format!("- Z {name} T\n"),
            kind => {
                let len = base64(&bin.value);
                let letter = match kind {
                    19 => 'M',
                    20 => 'L',
                    _ => 'B',
                };
                format!("- {letter} {name} {len} {}\n", "x".repeat(len))
            }
        };
    }
    text.len()
}

#[test]
fn a_bench_record_is_about_520_bytes_of_text() {
    let lengths: Vec<_> = records(Shape::Bench, 2000, 1, NOW)
        .map(|r| asb_len(&r))
        .collect();
    let mean = lengths.iter().sum::<usize>() / lengths.len();
    assert!((515..=530).contains(&mean), "{mean}");
}

#[test]
fn the_seed_decides() {
    for shape in [Shape::Bench, Shape::Small, Shape::Types] {
        let make = |seed| records(shape, 300, seed, NOW).collect::<Vec<_>>();
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }
    assert!("nope".parse::<Shape>().is_err());
}

#[test]
fn the_types_shape_has_everything() {
    let cluster = Cluster::builder().start().unwrap();
    let stored = load(&cluster, "test", Shape::Types, 300, 1);
    assert!(
        stored >= 300 && types_len() < 300,
        "{stored} {}",
        types_len()
    );
    let all = cluster.records("test");
    assert_eq!(all.len() as u64, stored, "no digest twice");
    let bins = all.iter().flat_map(|record| &record.bins);
    let mut by_type: BTreeMap<u8, Vec<&[u8]>> = BTreeMap::new();
    for bin in bins.clone() {
        by_type.entry(bin.particle).or_default().push(&bin.value);
    }
    let types: Vec<_> = by_type.keys().copied().collect();
    assert_eq!(types, [1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 17, 18, 19, 20, 23]);
    let flags = |kind: u8, flags: u8| {
        by_type[&kind]
            .iter()
            .any(|value| value[1..].starts_with(&[0xc7, 0, flags]))
    };
    assert!(flags(20, 1) && flags(19, 1) && flags(19, 3));
    assert!(
        by_type[&3]
            .iter()
            .any(|value| str::from_utf8(value).is_err())
    );
    assert!(
        by_type[&2]
            .iter()
            .any(|value| *value == f64::NAN.to_be_bytes())
    );
    let names: BTreeSet<_> = bins.map(|bin| bin.name.as_slice()).collect();
    for name in [
        &b"with space"[..],
        b"back\\slash",
        b"line\nfeed",
        b"fifteen_bytes_x",
        b"\xff\xfe",
    ] {
        assert!(names.contains(name), "{name:x?}");
    }
    assert!(names.iter().all(|name| (1..=15).contains(&name.len())));
    let sets: BTreeSet<_> = all
        .iter()
        .filter_map(|record| record.set.as_deref())
        .collect();
    assert!(sets.contains(&b"set\\back"[..]) && sets.iter().any(|set| set.len() == 63));
    let keys: BTreeSet<_> = all
        .iter()
        .filter_map(|r| r.key.as_deref())
        .map(|key| key[0])
        .collect();
    assert_eq!(keys.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(
        all.iter()
            .any(|record| record.key.is_none() && record.set.is_none())
    );
    assert!(all.iter().any(|record| record.void_time > 0));
    assert_eq!(cluster.udfs().len(), 2);
    assert_eq!(cluster.indexes().len(), 13);
}

/// What a restore writes back is what a backup read: nothing here is changed by a write.
#[test]
fn generated_values_are_in_stored_form() {
    use crate::client::{Client, Request};
    let cluster = Cluster::builder().start().unwrap();
    let mut client = Client::connect(&cluster);
    for record in records(Shape::Types, 400, 3, NOW) {
        let mut put = Request::put("", "");
        put.fields.truncate(1);
        put = put
            .field(4, &record.digest.0)
            .field(1, record.set.as_deref().unwrap_or_default());
        for bin in &record.bins {
            put.ops
                .push((2, bin.particle, bin.name.clone(), bin.value.clone()));
        }
        assert_eq!(client.call(&put.bytes()).result(), 0, "{record:?}");
        assert_eq!(
            cluster.get("test", &record.digest).unwrap().bins,
            record.bins
        );
    }
}
