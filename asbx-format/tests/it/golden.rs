//! Every file of the established tool is read, and written again byte for byte.

use std::path::Path;

use asbx_format::{FileName, Irregularity, sequences, writer_of};
use backup_envelope::{Decoder, DecoderOptions, Key, KeyBytes, KeySize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::replay::{Outcome, check_file, decode};

/// Reads a file of `tests/data`.
pub(crate) fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn json(name: &str) -> Value {
    serde_json::from_slice(&data(name)).unwrap()
}

/// Bytes from hex digits.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| (*byte as char).to_digit(16).unwrap();
    let digits: Vec<u32> = text.as_bytes().iter().map(digit).collect();
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// The file `0_test_3.asbx` of asbx-binary.md §5.
pub(crate) fn vector() -> Vec<u8> {
    hex(concat!(
        "0100000000000000030000000074657374000000000000000000000000000000",
        "000000000000000000000000dc2e595bc2a0d8c6290c474d74e71b23e3ed846a",
        "00000000008002030000000000781600011000000000000300278d0000000000",
        "000500020000000500746573740000001504dc2e595bc2a0d8c6290c474d74e7",
        "1b23e3ed846a000000050164656d6f0000000a02010000000000000007000000",
        "090e000000746a5288000000000d0201000161000000000000002a0000000702",
        "030001736869",
    ))
}

fn key(size: KeySize) -> Key {
    let keys = json("keys.json");
    let text = |name: &str| keys[name].as_str().unwrap().to_owned();
    let (label, body) = (text("pem_label"), text("pem_body_base64"));
    let pem = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    KeyBytes::pem_file(pem.as_bytes()).unwrap().key(size)
}

fn unwrap(directory: &str, file: &[u8]) -> Vec<u8> {
    let key = match directory {
        "aes128" => Some(key(KeySize::Aes128)),
        "zstd-aes256" => Some(key(KeySize::Aes256)),
        _ => None,
    };
    let mut decoder = Decoder::new(DecoderOptions {
        key,
        ..Default::default()
    });
    let mut out = Vec::with_capacity(1 << 20);
    let progress = decoder.read(file, &mut out).unwrap();
    assert_eq!(progress.consumed, file.len());
    decoder.finish().unwrap();
    out
}

/// The partition of a digest.
fn partition(digest: &[u8; 20]) -> u16 {
    u16::from_le_bytes([digest[0], digest[1]]) & 0x0fff
}

fn check(directory: &str, file: &Value, writers: u16) -> Outcome {
    let name = file["file"].as_str().unwrap();
    let content = unwrap(directory, &data(&format!("{directory}/{name}")));
    let label = format!("{directory}/{name}");
    let hash: String = Sha256::digest(&content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hash, file["decoded_sha256"], "{label}");

    let outcome = decode(&content);
    assert_eq!(outcome.error, None, "{label}");
    let parts = FileName::parse(name).unwrap();
    let header = outcome.header.as_ref().unwrap();
    assert_eq!(header.number(), parts.number, "{label}");
    assert_eq!(header.namespace(), b"test", "{label}");
    assert_eq!(outcome.tokens.len() as u64, file["tokens"], "{label}");
    for (digest, _) in &outcome.tokens {
        let writer = writer_of(partition(digest), writers);
        assert_eq!(u32::from(writer), parts.worker, "{label}");
    }
    check_file(&content);
    let mut again = Vec::new();
    header.encode(&mut again);
    for (digest, payload) in &outcome.tokens {
        asbx_format::token::encode(&mut again, digest, payload).unwrap();
    }
    assert!(again == content, "{label}: written differently");
    outcome
}

#[test]
fn all_files_are_read_and_written_again() {
    let index = json("index.json");
    for (directory, facts) in index.as_object().unwrap() {
        let files = facts["files"].as_array().unwrap();
        let workers = files.iter().map(|file| file["worker"].as_u64().unwrap());
        let writers = u16::try_from(workers.max().unwrap() + 1).unwrap();
        let mut tokens = 0;
        for file in files {
            let outcome = check(directory, file, writers);
            tokens += outcome.tokens.len() as u64;
            if let Some(digests) = file["digests"].as_array() {
                let found = outcome.tokens.iter().map(|(digest, _)| digest.to_vec());
                let expected = digests.iter().map(|text| hex(text.as_str().unwrap()));
                assert!(found.eq(expected), "{directory}");
            }
        }
        assert_eq!(tokens, facts["tokens"], "{directory}");
    }
}

#[test]
fn files_of_a_directory_fall_into_sequences() {
    let index = json("index.json");
    let files = index["limit"]["files"].as_array().unwrap();
    let names = files.iter().map(|file| file["file"].as_str().unwrap());
    let names: Vec<_> = names.map(|name| FileName::parse(name).unwrap()).collect();
    let numbers = |sequence: asbx_format::Sequence<()>| {
        let files = sequence.files.into_iter();
        (sequence.worker, files.map(|(number, ())| number).collect())
    };
    let found: Vec<(u32, Vec<u64>)> = sequences(names.iter().map(|name| (*name, ())))
        .into_iter()
        .map(numbers)
        .collect();
    let expected = [(0, vec![1, 5, 8]), (1, vec![3, 6]), (2, vec![2, 4, 7])];
    assert_eq!(found, expected);
    let found = Irregularity::find(names.iter().map(|name| name.number));
    assert_eq!(found, []);
}

#[test]
fn the_vector_of_the_specification() {
    let outcome = decode(&vector());
    assert_eq!((outcome.error, outcome.tokens.len()), (None, 1));
    assert_eq!(outcome.header.unwrap().number(), 3);
    assert_eq!(partition(&outcome.tokens[0].0), 3804);
    // As it came from the server, with the mark of XDR.
    let mut message = outcome.tokens[0].1.clone();
    message[9] = 0x10;
    let mut file = vector()[..44].to_vec();
    asbx_format::token::encode(&mut file, &outcome.tokens[0].0, &message).unwrap();
    assert_eq!(file, vector());
}
