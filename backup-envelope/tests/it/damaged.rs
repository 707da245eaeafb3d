//! Damaged files are refused where they are damaged, whatever the established tools do.

use backup_envelope::{Compression, Decoder, Error, ErrorKind, KeySize, MismatchKind};

use crate::golden::key;
use crate::tools::{data, decode, decode_with, json, reading};

fn read(file: &str, compression: Compression) -> Result<Vec<u8>, Error> {
    let key = file.starts_with("aes128").then(|| key(KeySize::Aes128));
    decode(reading(compression, key), &data(&format!("damaged/{file}")))
}

#[test]
fn frames() {
    let mut count = 0;
    for case in json("damaged/index.json").as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let told = match file {
            "zstd-read-as-plain.asb" => Compression::Plain,
            _ => Compression::Zstd,
        };
        if case["stage"] != "decompress" {
            continue;
        }
        let error = read(file, told).unwrap_err();
        let most = case["compressed_offset_max"].as_u64().unwrap();
        let least = case["compressed_offset_min"].as_u64().unwrap_or(0);
        assert!((least..=most).contains(&error.offset()), "{file}: {error}");
        count += 1;
    }
    assert_eq!(count, 6);
}

#[test]
fn kinds_of_damage() {
    let kind = |file| read(file, Compression::Zstd).unwrap_err().kind().clone();
    assert_eq!(kind("zstd-bad-checksum.asb"), ErrorKind::Checksum);
    assert_eq!(kind("zstd-garbage-after.asb"), ErrorKind::TrailingBytes);
    for file in ["zstd-truncated.asb", "zstd-truncated-before-checksum.asb"] {
        let expected = "a ZSTD frame";
        assert_eq!(kind(file), ErrorKind::UnexpectedEnd { expected }, "{file}");
    }
    assert_eq!(
        kind("aes128-short-header.asb"),
        ErrorKind::ShortHeader { found: 15 }
    );
}

#[test]
fn a_bad_checksum_comes_after_all_text() {
    let file = data("damaged/zstd-bad-checksum.asb");
    let decoder = Decoder::new(reading(Compression::Detect, None));
    // With room for all of it the library does not even give the text out.
    let (text, end) = decode_with(decoder, &[&file], 64);
    assert!(text == read("zstd-good.asb", Compression::Zstd).unwrap());
    assert_eq!(*end.unwrap_err().kind(), ErrorKind::Checksum);
}

#[test]
fn controls_are_read() {
    let good = read("zstd-good.asb", Compression::Detect).unwrap();
    assert_eq!(good.len(), 1660);
    for file in ["zstd-frames-good.asb", "aes128-good.asb"] {
        assert_eq!(read(file, Compression::Detect).unwrap(), good, "{file}");
    }
    // A bit that is flipped in an encrypted file goes through: there is no authentication.
    let flipped = read("aes128-flipped-bit.asb", Compression::Detect).unwrap();
    let differences = good.iter().zip(&flipped).filter(|(a, b)| a != b).count();
    assert_eq!(differences, 1);
}

#[test]
fn keys_that_do_not_fit() {
    for file in ["aes128-wrong-key.asb", "aes128-read-as-256.asb"] {
        let error = read(file, Compression::Detect).unwrap_err();
        let ErrorKind::Mismatch(mismatch) = error.kind() else {
            panic!("{error}");
        };
        assert_eq!(mismatch.kind(), MismatchKind::WrongKey, "{file}");
        assert!(mismatch.is_about_the_key());
    }
}

#[test]
fn an_encrypted_file_without_content_is_empty() {
    let file = data("damaged/aes128-empty-content.asb");
    let decoder = Decoder::new(reading(Compression::Detect, Some(key(KeySize::Aes128))));
    let (text, end) = decode_with(decoder, &[&file], 64);
    assert_eq!((text.len(), end), (0, Ok(false)));
}

#[test]
fn flags_that_do_not_fit() {
    let kind = |file, told| match read(file, told).unwrap_err().kind() {
        ErrorKind::Mismatch(mismatch) => mismatch.kind(),
        other => panic!("{other}"),
    };
    assert_eq!(
        kind("plain-read-as-zstd.asb", Compression::Zstd),
        MismatchKind::NotCompressed
    );
    assert_eq!(
        kind("zstd-read-as-plain.asb", Compression::Plain),
        MismatchKind::Compressed
    );
}
