//! Files of the established tools put exactly that into a namespace which a raw scan of the
//! server found (`records.jsonl`), and damaged ones stop where they are damaged.
//!
//! The wrapped and the damaged files are those of `backup-envelope` and `asb-format`; the file
//! `ORIGIN.md` beside them tells where they come from.

use crate::{golden::moment, support::*};
use asnode::Cluster;
use backup_core::{
    envelope::{Compression, EnvRule, Key, KeyBytes, KeySize},
    error::{Error, ErrorClass},
    restore::{Clock, RestoreConfig},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Test data of another crate.
fn of_crate(name: &str, path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.join(name).join("tests/data").join(path)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// A value with its type. Cells of GeoJSON are for the server to compute, and NaN is one value.
fn particle(particle: u8, value: Vec<u8>) -> (u8, Vec<u8>) {
    match (particle, &value[..]) {
        (2, bytes) if f64::from_be_bytes(bytes.try_into().unwrap()).is_nan() => {
            (2, b"NaN".to_vec())
        }
        (23, [_, high, low, rest @ ..]) => {
            let cells = usize::from(u16::from_be_bytes([*high, *low]));
            (23, rest[cells * 8..].to_vec())
        }
        _ => (particle, value),
    }
}

type Found = (
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Vec<(Vec<u8>, (u8, Vec<u8>))>,
);

/// All records that the server had.
fn truth() -> BTreeMap<Vec<u8>, Found> {
    let text = fs::read_to_string(data("records.jsonl")).unwrap();
    let number = |value: &Value| u8::try_from(value["particle"].as_u64().unwrap()).unwrap();
    let record = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        let key = &record["key"];
        let key = (!key.is_null()).then(|| [vec![number(key)], hex(&key["value_hex"])].concat());
        let bins = record["bins"].as_array().unwrap().iter();
        let mut bins: Vec<_> = bins
            .map(|bin| {
                (
                    hex(&bin["name_hex"]),
                    particle(number(bin), hex(&bin["value_hex"])),
                )
            })
            .collect();
        bins.sort();
        let set = record["set"].as_str().map(|set| set.as_bytes().to_vec());
        (hex(&record["digest"]), (set, key, bins))
    };
    text.lines().map(record).collect()
}

fn found(cluster: &Cluster) -> BTreeMap<Vec<u8>, Found> {
    let mut all = BTreeMap::new();
    cluster.for_each(NAMESPACE, |record| {
        let bins = record.bins.into_iter();
        let mut bins: Vec<_> = bins
            .map(|bin| (bin.name, particle(bin.particle, bin.value)))
            .collect();
        bins.sort();
        all.insert(record.digest.0.to_vec(), (record.set, record.key, bins));
    });
    all
}

/// A restore at a moment when nothing in the file has expired.
fn config(file: &Path, into: &Cluster) -> RestoreConfig {
    into.clock().set_ms(u64::from(moment()) * 1000);
    let mut config = restore_config(into, file);
    config.clock = Clock::Fixed(moment());
    config.parallel = Some(4);
    config
}

async fn check(file: &Path, key: Option<Key>) {
    let cluster = cluster(1);
    let mut config = config(file, &cluster);
    config.unwrap.key = key;
    let counts = restore_ok(config).await;
    assert_eq!(counts.inserted, 358, "{}", file.display());
    let (found, truth) = (found(&cluster), truth());
    for (digest, expected) in &truth {
        assert_eq!(
            found.get(digest),
            Some(expected),
            "{} {digest:02x?}",
            file.display()
        );
    }
    assert_eq!(found.len(), truth.len(), "{}", file.display());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_files_hold_what_the_server_had() {
    for name in ["plain.asb", "compact.asb", "parallel-dir"] {
        for tool in ["c", "go"] {
            check(&data("golden").join(tool).join(name), None).await;
        }
    }
    for name in ["go/plain-dir", "go/limit-dir"] {
        check(&data("golden").join(name), None).await;
    }
}

/// The key of a wrapped file, by its name and tool.
fn key_of(name: &str, tool: &str) -> Option<Key> {
    let keys = json(&of_crate("backup-envelope", "keys.json"));
    let body = keys["pem_body_base64"].as_str().unwrap();
    let size = match name {
        _ if name.contains("aes128") => KeySize::Aes128,
        _ if name.contains("aes256") => KeySize::Aes256,
        _ => return None,
    };
    let rule = if tool == "c" {
        EnvRule::Raw
    } else {
        EnvRule::Key
    };
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let bytes = match name.contains("keyenv") {
        true => KeyBytes::environment(body, rule),
        false => KeyBytes::pem_file(pem.as_bytes()),
    };
    Some(bytes.unwrap().key(size))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrapped_files_hold_what_the_server_had() {
    let mut count = 0;
    for tool in ["c", "go"] {
        let place = of_crate("backup-envelope", "asb").join(tool);
        for name in names(&place) {
            // One of the files is a part of a directory.
            if name != "zstd-frames.asb" {
                check(&place.join(&name), key_of(&name, tool)).await;
                count += 1;
            }
        }
    }
    assert_eq!(count, 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_stops_where_it_is_damaged_and_what_came_before_is_written() {
    let place = of_crate("asb-format", "damaged");
    let cases = json(&place.join("index.json"));
    let mut count = 0;
    for case in cases["cases"].as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let cluster = cluster(1);
        let mut config = config(&place.join(name), &cluster);
        if name == "zstd-read-as-plain.asb" {
            config.unwrap.compression = Compression::Plain; // else it is read for what it is
        }
        let outcome = run_restore(config).await;
        let counts = outcome.stats.snapshot();
        assert!(counts.is_balanced(), "{name}: {counts:?}");
        let records = match &outcome.result {
            Ok(()) => &case["records"],
            Err(_) => &case["complete_records_before"],
        };
        assert_eq!(outcome.result.is_ok(), case["expect"] == "ok", "{name}");
        let written = counts.inserted + counts.not_sent + counts.skipped;
        assert_eq!(Some(written), records.as_u64(), "{name}: {counts:?}");
        assert_eq!(cluster.count(NAMESPACE), counts.inserted, "{name}");
        let Err(error) = outcome.result else { continue };
        assert!(
            matches!(error.class(), ErrorClass::Damage | ErrorClass::Access),
            "{name}: {error}"
        );
        if let Error::Damaged { source, .. } = &error {
            let offsets =
                case["offset_min"].as_u64().unwrap()..=case["offset_max"].as_u64().unwrap();
            let position = source.position();
            assert!(offsets.contains(&position.offset), "{name}: {source}");
            assert_eq!(
                Some(position.line),
                case["line"].as_u64(),
                "{name}: {source}"
            );
            count += 1;
        }
    }
    assert!(count >= 40, "{count}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_envelope_ends_the_restore() {
    let place = of_crate("backup-envelope", "damaged");
    let cases = json(&place.join("index.json"));
    for case in cases.as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let cluster = cluster(1);
        let mut config = config(&place.join(name), &cluster);
        config.unwrap.compression = match name {
            "plain-read-as-zstd.asb" => Compression::Zstd,
            "zstd-read-as-plain.asb" => Compression::Plain,
            _ => Compression::Detect,
        };
        config.unwrap.key = key_of(&name[..6], "c");
        let outcome = run_restore(config).await;
        let counts = outcome.stats.snapshot();
        assert!(counts.is_balanced(), "{name}: {counts:?}");
        let is_ok = case["expect"] == "ok";
        assert_eq!(
            outcome.result.is_ok(),
            is_ok,
            "{name}: {:?}",
            outcome.result
        );
        assert_eq!(cluster.count(NAMESPACE), counts.inserted, "{name}");
        let Err(error) = outcome.result else {
            assert!(counts.inserted > 0, "{name}");
            continue;
        };
        let expected = match case["stage"].as_str() {
            Some("header after decryption" | "decrypt") => ErrorClass::Access,
            _ => ErrorClass::Damage,
        };
        // An encrypted file without content is no damage that a key could explain.
        if name != "aes128-empty-content.asb" {
            assert_eq!(error.class(), expected, "{name}: {}", chain(&error));
        }
        if expected == ErrorClass::Access {
            assert_eq!(counts.records_read, 0, "{name}");
        }
    }
}
