//! Every encrypted or compressed file of the established tools opens, and holds what its plain
//! sibling holds.

use std::collections::BTreeSet;
use std::path::Path;

use asb_format::{Item, Step};
use backup_envelope::{Compression, EnvRule, FrameScanner, Key, KeyBytes, KeySize};
use sha2::{Digest, Sha256};

use crate::tools::{data, decode, hex, json, reading};

/// The key of all golden files, by the rule of the key file and by those of a variable.
pub(crate) fn key(size: KeySize) -> Key {
    let keys = json("keys.json");
    let (label, body) = (
        &keys["pem_label"],
        keys["pem_body_base64"].as_str().unwrap(),
    );
    let label = label.as_str().unwrap();
    let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    KeyBytes::pem_file(pem.as_bytes()).unwrap().key(size)
}

fn env_key(rule: EnvRule) -> Key {
    let keys = json("keys.json");
    let body = keys["pem_body_base64"].as_str().unwrap();
    let bytes = KeyBytes::environment(body, rule).unwrap();
    bytes.key(KeySize::Aes256)
}

/// A plain file of the crate of the text format.
pub(crate) fn plain(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../asb-format/tests/data");
    std::fs::read(root.join(name)).unwrap()
}

/// The records of a backup text, as what lies between their bins. The order of records is by
/// chance, and with the Go tool that of bins.
fn records(mut text: &[u8]) -> BTreeSet<Vec<String>> {
    let mut decoder = asb_format::Decoder::new();
    let mut records = BTreeSet::new();
    loop {
        match decoder.decode(text, true).unwrap() {
            Step::Complete { consumed, item } => {
                if let Item::Record(record) = item {
                    records.insert(parts(record.raw()));
                }
                text = &text[consumed..];
            }
            Step::End => return records,
            Step::Incomplete { .. } => panic!("incomplete at the end"),
        }
    }
}

/// The lines of a record, sorted; a raw value with such a line in it is cut like all others.
fn parts(record: &[u8]) -> Vec<String> {
    let text = record.escape_ascii().to_string();
    let lines = text.strip_suffix("\\n").unwrap_or(&text).split("\\n- ");
    let mut parts: Vec<_> = lines.map(str::to_owned).collect();
    parts.sort();
    parts
}

#[test]
fn texts_open_to_their_plain_siblings() {
    let (aes128, aes256) = (Some(key(KeySize::Aes128)), Some(key(KeySize::Aes256)));
    let (go_env, c_env) = (Some(env_key(EnvRule::Key)), Some(env_key(EnvRule::Raw)));
    let files = [
        ("c/aes128", aes128.clone(), "c/plain"),
        ("c/aes256-keyenv", c_env, "c/plain"),
        ("c/zstd", None, "c/plain"),
        ("c/zstd19", None, "c/plain"),
        ("c/zstd-aes256", aes256.clone(), "c/plain"),
        ("c/zstd-frames", None, "c/plain"),
        ("go/aes128", aes128.clone(), "go/plain"),
        ("go/aes256", aes256.clone(), "go/plain"),
        ("go/aes256-keyenv", go_env, "go/plain"),
        ("go/zstd", None, "go/plain"),
        ("go/zstd-aes256", aes256, "go/plain"),
        ("go/compact-zstd-aes128", aes128, "go/compact"),
    ];
    for (name, key, sibling) in files {
        let file = data(&format!("asb/{name}.asb"));
        let expected = records(&plain(&format!("{sibling}.asb")));
        assert_eq!(expected.len(), 358);
        let text = decode(reading(Compression::Detect, key.clone()), &file);
        let found = records(&text.unwrap());
        assert!(found == expected, "{name}");
        let told = match name.contains("zstd") {
            true => Compression::Zstd,
            false => Compression::Plain,
        };
        decode(reading(told, key), &file).unwrap();
    }
}

#[test]
fn xdr_files_open_to_their_content() {
    let index = json("asbx/index.json");
    let mut count = 0;
    for (folder, key) in [
        ("aes128", Some(key(KeySize::Aes128))),
        ("zstd", None),
        ("zstd-aes256", Some(key(KeySize::Aes256))),
    ] {
        for file in index[folder].as_array().unwrap() {
            let name = file["file"].as_str().unwrap();
            let stored = data(&format!("asbx/{folder}/{name}"));
            let text = decode(reading(Compression::Detect, key.clone()), &stored).unwrap();
            assert_eq!(text.len() as u64, file["decoded_size"].as_u64().unwrap());
            let sha = hex(file["decoded_sha256"].as_str().unwrap());
            assert_eq!(Sha256::digest(&text).as_slice(), sha, "{folder}/{name}");
            count += 1;
        }
    }
    assert_eq!(count, 5);
}

#[test]
fn plain_metadata_of_a_compressed_xdr_set_is_detected() {
    let file = data("asbx/zstd/metadata_test_1.asb");
    let text = decode(reading(Compression::Detect, None), &file).unwrap();
    assert_eq!(text, file);
    decode(reading(Compression::Zstd, None), &file).unwrap_err();
}

#[test]
fn the_file_of_five_frames_has_five() {
    let file = data("asb/c/zstd-frames.asb");
    let mut scanner = FrameScanner::new();
    let mut frames = Vec::new();
    while scanner.position() < file.len() as u64 {
        frames.extend(
            scanner
                .advance(&file[scanner.position() as usize..])
                .unwrap(),
        );
    }
    scanner.finish(file.len() as u64).unwrap();
    assert_eq!(frames.len(), 5);
}
