//! What files look like, and the sentences that say so.

use backup_envelope::{Compression, HEAD_BYTES, KeySize, Look};

use crate::golden::key;
use crate::tools::{data, decode, hex, reading, some_key};

fn look(head: &[u8]) -> Look {
    Look::of(&head[..head.len().min(HEAD_BYTES)], "")
}

#[test]
fn kinds_of_files() {
    let cases: [(&[u8], Look); 16] = [
        (b"", Look::Empty),
        (b"Version 3.1\n", Look::Asb { version: *b"3.1" }),
        (b"Version 3", Look::Asb { version: *b"3\0\0" }),
        (b"\x28\xb5\x2f\xfd", Look::Zstd),
        (b"\x5a\x2a\x4d\x18\0\0\0\0", Look::Zstd),
        (b"{\"format\":\"absctl-manifest\"}", Look::Manifest),
        (b"{\n \"format\": \"absctl-state\"}", Look::State),
        (b"{}", Look::Json),
        (b"\x62\xff\x83\x03\x01", Look::GoState),
        (b"\x1f\x8b\x08\0", Look::Archive),
        (b"PK\x03\x04", Look::Archive),
        (b"-----BEGIN PRIVATE KEY-----", Look::Pem),
        (b"Versian 3.1\n", Look::Text),
        ("größer".as_bytes(), Look::Text),
        (b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", Look::Binary),
        (b"\x7fELF", Look::Binary),
    ];
    for (head, expected) in cases {
        assert_eq!(look(head), expected, "{}", head.escape_ascii());
    }
    assert_eq!(Look::of(b"{}", "test.lock"), Look::Lock);
    assert_eq!(Look::of(b"{}", "test.manifest.json"), Look::Manifest);
}

#[test]
fn golden_files() {
    for file in ["asb/c/aes128", "asb/go/aes256", "asb/go/zstd-aes256"] {
        let file = data(&format!("{file}.asb"));
        for bytes in [16, 32, 64, 512] {
            assert_eq!(look(&file[..bytes]), Look::Random, "{bytes}");
        }
    }
    assert_eq!(look(&data("asbx/zstd/0_test_1.asbx")), Look::Zstd);
    let mut xdr = vec![1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0];
    xdr.extend(b"test");
    xdr.resize(44, 0);
    assert_eq!(look(&xdr), Look::Asbx);
}

/// What a run would say about a file.
fn sentence(file: &[u8], compression: Compression, with_key: bool) -> String {
    let key = with_key.then(|| key(KeySize::Aes128));
    let error = decode(reading(compression, key), file).unwrap_err();
    error.kind().to_string()
}

#[test]
fn sentences() {
    let plain = b"Version 3.1\n".as_slice();
    let zstd = data("asb/c/zstd.asb");
    let aes = data("asb/c/aes128.asb");
    let aes_zstd = data("asb/go/compact-zstd-aes128.asb");
    let cases = [
        (
            sentence(plain, Compression::Zstd, false),
            "the content is backup text (ASB 3.1) and is not compressed, but ZSTD was asked for",
        ),
        (
            sentence(&aes, Compression::Zstd, true),
            "the content is backup text (ASB 3.1) and is not compressed, but ZSTD was asked for",
        ),
        (
            sentence(&zstd, Compression::Plain, false),
            "the content is compressed with ZSTD, but no compression was asked for",
        ),
        (
            sentence(&aes_zstd, Compression::Plain, true),
            "the content is compressed with ZSTD, but no compression was asked for",
        ),
        (
            sentence(&zstd, Compression::Detect, true),
            "the file is compressed with ZSTD and is not encrypted, but a key was given",
        ),
        (
            sentence(&[plain, plain].concat(), Compression::Plain, true),
            "the file is backup text (ASB 3.1) and is not encrypted, but a key was given",
        ),
        (
            sentence(&aes, Compression::Detect, false),
            "the file is encrypted, or not a backup",
        ),
        (
            sentence(&data("asb/go/aes256.asb"), Compression::Detect, true),
            "wrong key, wrong AES size, or not encrypted: the key gives no backup",
        ),
        (
            sentence(&data("keys.json"), Compression::Detect, true),
            "wrong key, wrong AES size, or not encrypted: the key gives no backup; \
             as it is, the file is JSON, not a backup",
        ),
        (
            sentence(&data("keys.json"), Compression::Detect, false),
            "the file is JSON, not a backup",
        ),
        (
            sentence(&hex("62ff83030101"), Compression::Detect, false),
            "the file is a state file of the Go tool, which cannot be read",
        ),
        (
            sentence(b"Ver", Compression::Detect, false),
            "unexpected end of file, inside the first bytes of a backup",
        ),
        (
            sentence(b"Version 3.1", Compression::Detect, true),
            "encrypted file of 11 bytes, its header alone has 16",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn a_wrong_key_never_passes_for_an_xdr_file() {
    // One in 256 keys gives a content that begins with the byte of an ASBX header.
    let mut file = data("asb/c/aes128.asb");
    for byte in 0..=255 {
        file[16] = byte;
        let error = decode(reading(Compression::Detect, Some(some_key())), &file).unwrap_err();
        assert!(
            error.to_string().starts_with("wrong key"),
            "{byte}: {error}"
        );
    }
}
