//! Encoders and wrappers that corrupt what they are given, in the places of the real ones.

use super::*;
use crate::{
    backup::{
        BackupConfig, BackupTarget, Wrap,
        files::{FileSet, Role, head},
        write_stage::Task,
    },
    convert::wire_to_asb,
    error::Error,
    stats::BackupStats,
};
use aerospike_wire::{
    field::{self, code},
    frame::{self, FrameType},
    message::MessageHeader,
    op,
    scan::{self, ScanItem, ScanRecord},
    stream::{MessageStream, Step as Message},
};
use asnode::generate::{Shape, records};
use backup_envelope::{Key, KeyBytes, KeySize, Level};
use backup_storage::LocalDir;
use std::{collections::VecDeque, path::Path, sync::Arc};
use tokio_util::sync::CancellationToken;

/// The reply to a scan with records of every type.
fn reply(count: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let at = frame::begin(&mut out, FrameType::Message);
    for record in records(Shape::Types, count, 3, 500_000_000) {
        let header = MessageHeader {
            generation: u32::from(record.generation),
            record_ttl: record.void_time,
            n_fields: 2 + u16::from(record.key.is_some()) + u16::from(record.set.is_some()),
            n_ops: u16::try_from(record.bins.len()).unwrap(),
            ..MessageHeader::default()
        };
        header.encode(&mut out);
        field::put(&mut out, code::NAMESPACE, b"test");
        field::put(&mut out, code::DIGEST, &record.digest.0);
        let set = record.set.iter().map(|set| (code::SET, set));
        let key = record.key.iter().map(|key| (code::KEY, key));
        for (code, bytes) in set.chain(key) {
            field::put(&mut out, code, bytes);
        }
        for bin in &record.bins {
            let (particle, name, value) = (bin.particle, &bin.name, &bin.value);
            op::put(&mut out, op::code::READ, particle, name, value);
        }
    }
    frame::finish(&mut out, at);
    out
}

/// What a scan makes of a reply; `encode` stands for the encoder.
fn chunk(
    reply: &[u8],
    mut encode: impl FnMut(&ScanRecord<'_>, &mut Vec<u8>, &mut Fingerprinter) -> Fingerprint,
) -> Chunk {
    let (mut chunk, mut by) = (Chunk::default(), Fingerprinter::new());
    let (mut stream, mut rest) = (MessageStream::new(), reply);
    while let Ok(Message::Message { message, consumed }) = stream.next(rest) {
        if let Ok(ScanItem::Record(record)) = scan::item(message) {
            let fingerprint = encode(&record, &mut chunk.text, &mut by);
            chunk.count(&record, fingerprint);
        }
        rest = &rest[consumed..];
    }
    chunk
}

fn rightly(record: &ScanRecord<'_>, out: &mut Vec<u8>, by: &mut Fingerprinter) -> Fingerprint {
    wire_to_asb::encode_with_fingerprint(&Encoder::new(), record, out, by).unwrap()
}

fn check(chunk: &Chunk) -> Result<u64, Flaw> {
    TextCheck::new("test", 1).check(chunk)
}

#[test]
fn what_is_right_passes() {
    let chunk = chunk(&reply(300), rightly);
    assert_eq!(check(&chunk).unwrap(), chunk.records);
    assert!(chunk.records >= 300 && chunk.spans.len() > 1);
}

/// Whatever bit of the text is wrong: it cannot be decoded, or it is another record. Only the last
/// digit of base64 has bits that mean nothing, and a double may be written in several ways.
#[test]
fn a_flipped_bit_anywhere_in_the_text_is_noticed() {
    let mut chunk = chunk(&reply(40), rightly);
    for at in 0..chunk.text.len() {
        let is_padded = chunk.text.get(at + 1) == Some(&b'=');
        let before = &chunk.text[..at];
        let line = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        let is_double = [&b"- D "[..], b"+ k D "]
            .iter()
            .any(|tag| before[line..].starts_with(tag));
        let bit = 1 << (at % 8);
        chunk.text[at] ^= bit;
        let is_noticed = check(&chunk).is_err();
        let shown = chunk.text[at.saturating_sub(60)..].escape_ascii();
        assert!(
            is_noticed || is_padded || is_double,
            "byte {at}: {shown:.400}"
        );
        chunk.text[at] ^= bit;
    }
    assert!(check(&chunk).is_ok());
}

/// Encoders that write sound text, of another record than the one they were given.
#[test]
fn records_that_are_lost_doubled_or_altered_are_noticed() {
    let reply = reply(60);
    let with =
        |encode: fn(u64, &ScanRecord<'_>, &mut Vec<u8>, &mut Fingerprinter) -> Fingerprint| {
            let mut number = 0;
            check(&chunk(&reply, |record, out, by| {
                number += 1;
                encode(number, record, out, by)
            }))
        };
    let lost = with(|number, record, out, by| {
        let before = out.len();
        let fingerprint = rightly(record, out, by);
        if number == 50 {
            out.truncate(before);
        }
        fingerprint
    });
    assert!(lost.is_err());
    let doubled = with(|number, record, out, by| {
        if number == 50 {
            rightly(record, out, by);
        }
        rightly(record, out, by)
    });
    assert!(doubled.is_err());
    let younger = with(|number, record, out, by| {
        let mut other = *record;
        other.generation ^= u16::from(number == 50);
        rightly(&other, out, by)
    });
    assert_eq!(younger.unwrap_err().problem, WriteProblem::Lives);
    let everlasting = with(|number, record, out, by| {
        let mut other = *record;
        other.void_time ^= u32::from(number == 60);
        rightly(&other, out, by)
    });
    assert_eq!(everlasting.unwrap_err().problem, WriteProblem::Lives);
}

#[test]
fn without_compression_the_first_and_every_so_many_are_read() {
    let (good, mut bad) = (chunk(&reply(5), rightly), chunk(&reply(5), rightly));
    bad.text[0] = b'?';
    let mut check = TextCheck::new("test", ONE_OF);
    for number in 0..ONE_OF * 2 {
        let is_read = number % ONE_OF == 0;
        assert_eq!(check.check(&good).unwrap() > 0, is_read, "{number}");
    }
    assert!(check.check(&bad).is_err());
}

fn key() -> Key {
    KeyBytes::raw(b"key").unwrap().key(KeySize::Aes128)
}

fn wraps() -> [Wrap; 4] {
    let wrap = |compression, key| Wrap { compression, key };
    let level = Some(Level::DEFAULT);
    [
        wrap(None, None),
        wrap(level, None),
        wrap(None, Some(key())),
        wrap(level, Some(key())),
    ]
}

fn files(place: &Path, wrap: Wrap) -> FileSet {
    let target = BackupTarget::Directory(Arc::new(LocalDir::new(place)));
    let mut config = BackupConfig::new("test", target);
    (config.wrap, config.verify_writes) = (wrap, true);
    FileSet::new(
        &config,
        None,
        Arc::new(BackupStats::default()),
        CancellationToken::new(),
    )
}

/// A wrapper that flips a bit of what it puts out.
#[test]
fn a_wrapper_that_corrupts_is_noticed_before_its_bytes_are_stored() {
    for wrap in wraps().into_iter().skip(1) {
        let place = tempfile::tempdir().unwrap();
        let files = files(place.path(), wrap);
        let mut file = files.open(Role::Data(0), Version::V3_1).unwrap();
        let text = chunk(&reply(2000), rightly).text;
        files.write(&mut file, &text, 2000).unwrap();
        let stored = file.bytes();
        let wrong = files.wrapped(&mut file, &text, |encoder, text, stored| {
            encoder.write(text, stored)?;
            encoder.end_frame(stored)?;
            let middle = stored.len() / 2;
            stored[middle] ^= 1;
            Ok(())
        });
        let Err(Error::WriteCheck {
            file: name,
            offset,
            source,
        }) = wrong
        else {
            panic!("{wrong:?}");
        };
        assert!(name.ends_with("0_test_1.asb"), "{name}");
        let head = head("test", Version::V3_1, true).len() + text.len();
        // What the compressor had held back of the first text may come first.
        let offset = usize::try_from(offset).unwrap();
        assert!(offset > head - (256 << 10) && offset < head + text.len());
        assert!(matches!(source, WriteProblem::Stored { .. }), "{source:?}");
        assert_eq!(file.bytes(), stored, "nothing of it was stored");
    }
}

/// A scan whose text was corrupted on its way to the writer.
#[test]
fn a_writer_ends_with_the_place_of_a_corrupted_chunk() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for wrap in wraps() {
        let place = tempfile::tempdir().unwrap();
        let files = Arc::new(files(place.path(), wrap));
        let task = Task {
            files: Arc::clone(&files),
            worker: 0,
            version: Version::V3_1,
            first: None,
            file_limit: 0,
            scans: 1,
            unfinished: VecDeque::new(),
            durable_interval: None,
            durable_records: 0,
        };
        let mut bad = chunk(&reply(100), rightly);
        let middle = bad.text.len() / 2;
        bad.text[middle] ^= 1;
        let (input, writer) = task.start().unwrap();
        let ended = runtime.block_on(async {
            let _ = input.pass_on(bad).await;
            let _ = input.finish().await;
            writer.join().await
        });
        let Err(Error::WriteCheck { file, offset, .. }) = ended else {
            panic!("{ended:?}");
        };
        assert!(file.ends_with("0_test_1.asb"), "{file}");
        let head = head("test", Version::V3_1, true).len();
        assert!(
            (head as u64..=(head + middle) as u64).contains(&offset),
            "{offset}"
        );
    }
}
