//! Files of the established tools: restored, backed up again, and compared.
//!
//! Generations restart at 1 on a server, so they are compared only between the golden file and
//! what its records say, never after a restore.

use crate::support::*;
use asb_format::{Decoder, IndexKind, Item, Key, Record, Step, Value};
use asnode::Cluster;
use backup_core::restore::Clock;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The parts of a backup that survive a restore.
#[derive(Debug, Default, PartialEq)]
struct Content {
    records: BTreeMap<[u8; 20], String>,
    indexes: BTreeSet<String>,
    udfs: BTreeSet<(Vec<u8>, Vec<u8>)>,
}

fn read(path: &Path) -> Content {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        files = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "asb"))
            .collect();
    }
    let mut content = Content::default();
    files.iter().for_each(|file| read_file(file, &mut content));
    content
}

fn read_file(path: &Path, content: &mut Content) {
    let text = fs::read(path).unwrap();
    let (mut decoder, mut rest) = (Decoder::new(), &text[..]);
    loop {
        let consumed = match decoder.decode(rest, true).unwrap() {
            Step::End => return,
            Step::Incomplete { .. } => unreachable!("the whole file is there"),
            Step::Complete { consumed, item } => {
                add(item, content);
                consumed
            }
        };
        rest = &rest[consumed..];
    }
}

fn add(item: Item<'_>, content: &mut Content) {
    match item {
        Item::Record(record) => {
            let previous = content.records.insert(record.digest, show(&record));
            assert!(previous.is_none(), "a record twice");
        }
        Item::Index(index) => {
            let set = index.set.filter(|_| !index.set_was_null);
            let expression = index.expression;
            let bin = index.bin.filter(|_| index.kind != IndexKind::Set);
            let parts = (
                index.namespace,
                set,
                index.name,
                index.kind,
                bin,
                index.data,
            );
            content
                .indexes
                .insert(format!("{parts:?} {:?} {expression:?}", index.context));
        }
        Item::Udf(udf) => {
            content
                .udfs
                .insert((udf.name.to_cow().into_owned(), udf.content.to_vec()));
        }
        Item::Header(_) | Item::Namespace(_) | Item::FirstFile => {}
    }
}

/// Key, set and bins in one form, however the file spells them. NaN is one value.
fn show(record: &Record<'_>) -> String {
    let mut bins: Vec<_> = record
        .bins()
        .map(|bin| {
            let value = match bin.value {
                Value::String(data) => format!("string {:02x?}", data.to_cow()),
                Value::Blob(kind, data) => format!("{kind:?} {:02x?}", data.to_cow()),
                Value::GeoJson(text) => format!("geo {text:02x?}"),
                Value::Double(value) if value.is_nan() => "double nan".to_owned(),
                Value::Double(value) => format!("double {:016x}", value.to_bits()),
                other => format!("{other:?}"),
            };
            (bin.name.to_cow().into_owned(), value)
        })
        .collect();
    bins.sort();
    let key = record.key.map(|key| match key {
        Key::String(data) => format!("string {:02x?}", data.to_cow()),
        Key::Blob(data) => format!("blob {:02x?}", data.to_cow()),
        other => format!("{other:?}"),
    });
    let set = record.set.map(|set| set.to_cow().into_owned());
    format!("{set:?} {key:?} {} {bins:02x?}", record.void_time)
}

/// A moment just after the golden files were made, when nothing in them had expired.
pub(crate) fn moment() -> u32 {
    let truth = fs::read_to_string(data("records.jsonl")).unwrap();
    let last_update = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["last_update_ms"].as_u64().unwrap()
    };
    let newest = truth.lines().map(last_update).max().unwrap();
    u32::try_from(newest / 1000 + 1).unwrap()
}

async fn restore(file: &Path, into: &Cluster) -> backup_core::stats::RestoreCounts {
    into.clock().set_ms(u64::from(moment()) * 1000);
    let mut config = restore_config(into, file);
    config.clock = Clock::Fixed(moment());
    restore_ok(config).await
}

/// Restores `name`, backs the namespace up again, and compares what both files say.
async fn check(name: &str, records: u64, indexes: u64, udfs: u64) {
    let file = data("golden").join(name);
    let cluster = cluster(1);
    let counts = restore(&file, &cluster).await;
    assert_eq!(
        (counts.records_read, counts.inserted),
        (records, records),
        "{name}"
    );
    assert_eq!(
        (counts.indexes_read, counts.udfs_read),
        (indexes, udfs),
        "{name}"
    );
    let temporary = tempfile::tempdir().unwrap();
    for compact in [false, true] {
        let path = temporary.path().join(format!("{compact}"));
        let mut config = backup_config(&cluster, to_directory(&path));
        config.compact = compact;
        backup_ok(config).await;
        let (expected, found) = (read(&file), read(&path));
        assert_eq!(found.indexes, expected.indexes, "{name}");
        assert_eq!(found.udfs, expected.udfs, "{name}");
        assert_same_records(name, &expected, &found);
    }
}

/// The void time is the server's sum of its clock and a TTL, so it may be seconds late.
fn assert_same_records(name: &str, expected: &Content, found: &Content) {
    assert_eq!(found.records.len(), expected.records.len(), "{name}");
    for (digest, record) in &expected.records {
        let ours = &found.records[digest];
        if ours != record {
            assert_eq!(
                without_void_time(ours),
                without_void_time(record),
                "{name} {digest:02x?}"
            );
            let late = void_time(ours).abs_diff(void_time(record));
            assert!(late <= 20 && void_time(record) > 0, "{name}: {late} s");
        }
    }
}

fn fields(record: &str) -> (usize, usize) {
    let bins = record.find(" [(").or_else(|| record.find(" []")).unwrap();
    let start = record[..bins].rfind(' ').unwrap();
    (start, bins)
}

fn void_time(record: &str) -> u32 {
    let (start, end) = fields(record);
    record[start + 1..end].parse().unwrap()
}

fn without_void_time(record: &str) -> String {
    let (start, end) = fields(record);
    format!("{}{}", &record[..start], &record[end..])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_the_go_tool() {
    for name in [
        "plain.asb",
        "compact.asb",
        "plain-dir",
        "parallel-dir",
        "limit-dir",
    ] {
        check(&format!("go/{name}"), 358, 12, 2).await;
    }
    check("go/set-types.asb", 10, 12, 2).await;
    check("go/partitions-0-100.asb", 4, 12, 2).await;
    check("go/bins.asb", 339, 12, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_the_c_tool() {
    for name in ["plain.asb", "compact.asb", "parallel-dir"] {
        check(&format!("c/{name}"), 358, 12, 2).await;
    }
    check("c/set-types.asb", 10, 10, 2).await;
    check("c/partitions-0-100.asb", 4, 12, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_without_bins_are_skipped() {
    for tool in ["go", "c"] {
        let cluster = cluster(1);
        let file: PathBuf = data("golden").join(tool).join("nobins.asb");
        let counts = restore(&file, &cluster).await;
        assert_eq!(
            (counts.records_read, counts.skipped, counts.inserted),
            (358, 358, 0)
        );
        assert_eq!(cluster.count(NAMESPACE), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_expired_is_counted_and_left_out() {
    let cluster = cluster(1);
    let mut config = restore_config(&cluster, &data("golden/c/plain.asb"));
    config.clock = Clock::Fixed(u32::MAX);
    let counts = restore_ok(config).await;
    assert_eq!((counts.expired, counts.inserted), (99, 259));
}
