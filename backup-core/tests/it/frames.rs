//! A compressed file that several decoders share is what it is for one of them.

use crate::support::*;
use asb_format::{BlobKind, Encoder, RecordHead, ValueRef, Version};
use backup_core::{
    envelope::{self, EncoderOptions, Iv, Key, KeyBytes, KeySize},
    restore::{self, FileReport, Finding, Unwrap, ValidateConfig},
};
use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

const RECORDS: u32 = 3000;

/// About 10 MB of text that cannot be compressed.
fn text() -> Vec<u8> {
    let (encoder, mut out, mut random) =
        (Encoder::compact(), Vec::new(), fastrand::Rng::with_seed(7));
    encoder.header(&mut out, Version::V3_1);
    for number in 0..RECORDS {
        let mut digest = [0; 20];
        digest[..4].copy_from_slice(&number.to_le_bytes());
        let blob: Vec<u8> = (0..random.usize(..6600)).map(|_| random.u8(..)).collect();
        encoder.record(
            &mut out,
            &RecordHead {
                key: None,
                namespace: NAMESPACE.as_bytes(),
                digest: &digest,
                set: None,
                generation: 1,
                void_time: 0,
                bin_count: 1,
            },
        );
        encoder.bin(&mut out, b"blob", ValueRef::Blob(BlobKind::Blob, &blob));
    }
    out
}

fn key() -> Key {
    KeyBytes::raw(b"any bytes").unwrap().key(KeySize::Aes256)
}

/// The text in frames of so many bytes, which end wherever they end.
fn stored(text: &[u8], frame: usize, key: Option<Key>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = envelope::Encoder::new(EncoderOptions {
        compression: Some(envelope::Level::DEFAULT),
        encryption: key.map(|key| (key, Iv::new([3; 16]))),
    })
    .unwrap();
    for piece in text.chunks(frame) {
        encoder.write(piece, &mut out).unwrap();
        encoder.end_frame(&mut out).unwrap();
    }
    encoder.finish(&mut out).unwrap();
    out
}

async fn validate(file: &Path, key: Option<Key>, parallel: usize) -> FileReport {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let config = ValidateConfig {
        bytes_per_second: 0,
        source: from_path(file),
        unwrap: Unwrap {
            key,
            ..Unwrap::default()
        },
        trust: restore::Trust::default(),
        namespace: None,
        parallel: Some(parallel),
    };
    let sink = Arc::clone(&reports);
    let job = restore::validate(config, move |report| sink.lock().unwrap().push(report));
    let result = job.wait().await.result;
    let report = reports.lock().unwrap().pop().unwrap();
    assert_eq!(result.is_ok(), report.finding.is_none());
    report
}

fn finding(report: &FileReport) -> Option<String> {
    match &report.finding {
        Some(Finding::Error(error)) => Some(chain(error)),
        Some(Finding::Empty) => panic!("empty"),
        None => None,
    }
}

/// The library that decompresses says only to about a piece of its input where a wrong frame is.
fn assert_same_finding(found: Option<String>, expected: Option<String>) {
    let parts = |text: Option<String>| {
        let text = text?;
        let (what, place) = text.split_once("byte ").unwrap();
        let end = place.find(|c: char| !c.is_ascii_digit()).unwrap();
        Some((what.to_owned(), place[..end].parse::<u64>().unwrap()))
    };
    let (found, expected) = (parts(found), parts(expected));
    if let (Some(found), Some(expected)) = (&found, &expected) {
        assert_eq!(found.0, expected.0);
        let exact = !found.0.contains("checksum") && !found.0.contains("amaged");
        let distance = found.1.abs_diff(expected.1);
        assert!(
            distance < if exact { 1 } else { 256 << 10 },
            "{found:?} {expected:?}"
        );
    }
    assert_eq!(found.is_some(), expected.is_some());
}

/// What one decoder finds in this file, several find as well; what that is.
async fn check(content: &[u8], key: Option<Key>) -> (u64, Option<String>) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("all.asb");
    fs::write(&file, content).unwrap();
    let one = validate(&file, key.clone(), 1).await;
    let several = validate(&file, key, 4).await;
    assert_same_finding(finding(&several), finding(&one));
    if one.finding.is_none() {
        assert_eq!(several.records, one.records);
    }
    (several.records, finding(&one))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_of_any_size() {
    let text = text();
    for key in [None, Some(key())] {
        for frame in [100_000, 1_500_001, usize::MAX] {
            let content = stored(&text, frame, key.clone());
            let found = check(&content, key.clone()).await;
            assert_eq!(found, (u64::from(RECORDS), None), "frames of {frame}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_is_found_at_its_place() {
    let text = text();
    for key in [None, Some(key())] {
        let sound = stored(&text, 1_500_001, key.clone());
        let half = sound.len() / 2;
        let mut flipped = sound.clone();
        flipped[half] ^= 0x40;
        let garbage = [&sound[..], b"no frame at all"].concat();
        let mut headers = sound.clone();
        let end = headers.len();
        headers.truncate(end - 2);
        for (content, part) in [
            (&sound[..half], "unexpected end"),
            (&flipped, ""),
            (&garbage, ""),
            (&headers, "unexpected end"),
        ] {
            let (records, finding) = check(content, key.clone()).await;
            let finding = finding.unwrap();
            assert!(finding.contains(part), "{finding}");
            assert!(finding.contains("byte "), "{finding}");
            assert!(records > 1000, "{records} before {finding}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_in_the_text_ends_everything_at_its_place() {
    let mut text = text();
    let lines: Vec<_> = (0..text.len() - 8)
        .filter(|at| text[*at..].starts_with(b"\n+ g 1\n"))
        .collect();
    let at = lines[lines.len() / 2] + 5;
    text[at] = b'x';
    let content = stored(&text, 400_000, None);
    let (records, finding) = check(&content, None).await;
    assert_eq!(records, (lines.len() / 2) as u64);
    assert!(finding.unwrap().contains(&format!("byte {at}, ")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_writes_all_of_it() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("all.asb");
    fs::write(&file, stored(&text(), 700_000, Some(key()))).unwrap();
    let copy = cluster(2);
    let mut config = restore_config(&copy, &file);
    config.unwrap.key = Some(key());
    config.parallel = Some(4);
    let counts = restore_ok(config).await;
    assert_eq!(counts.inserted, u64::from(RECORDS));
    assert_eq!(counts.bytes_fetched, fs::metadata(&file).unwrap().len());
    assert_eq!(copy.count(NAMESPACE), u64::from(RECORDS));
}
