//! What fingerprints of records and hashes of files cost, with data of the shape `bench`.
//!
//! `Throughput::Bytes` counts bytes of text in all benches, so that the rates can be compared
//! with those of `asb_format`.

use aerospike_wire::{
    field::{self, code},
    message::{Found, MessageHeader, split},
    op,
    scan::{self, ScanItem, ScanRecord},
};
use asb_format::{Decoder, Encoder, Item, Step, Version};
use asnode::{
    RawRecord,
    generate::{Shape, records},
};
use backup_core::{
    convert::{asb_to_fingerprint, wire_to_asb, wire_to_fingerprint},
    fingerprint::{Fingerprinter, PartitionTable},
    manifest::BlockHasher,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const RECORDS: u64 = 2000;

fn message(record: &RawRecord) -> Vec<u8> {
    let mut out = Vec::new();
    let header = MessageHeader {
        generation: 1,
        n_fields: 4,
        n_ops: 7,
        ..MessageHeader::default()
    };
    header.encode(&mut out);
    field::put(&mut out, code::NAMESPACE, b"test");
    field::put(&mut out, code::DIGEST, &record.digest.0);
    let set = record.set.as_deref().unwrap_or_default();
    field::put(&mut out, code::SET, set);
    let key = record.key.as_deref().unwrap_or_default();
    field::put(&mut out, code::KEY, key);
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

/// Calls `visit` for every record.
fn walk(messages: &[Vec<u8>], mut visit: impl FnMut(&ScanRecord<'_>)) {
    for bytes in messages {
        let Ok(Found::Message { message, .. }) = split(bytes, bytes.len()) else {
            unreachable!("no message")
        };
        if let Ok(ScanItem::Record(record)) = scan::item(message) {
            visit(&record);
        }
    }
}

/// Calls `visit` for every record of a file.
fn decode(mut text: &[u8], mut visit: impl FnMut(&asb_format::Record<'_>)) {
    let mut decoder = Decoder::new();
    while let Ok(Step::Complete { consumed, item }) = decoder.decode(text, true) {
        if let Item::Record(record) = &item {
            visit(record);
        }
        text = &text[consumed..];
    }
}

fn bench(c: &mut Criterion) {
    let mut sample: Vec<_> = records(Shape::Bench, RECORDS, 1, 0).collect();
    sample.sort_by_key(|record| record.digest.partition()); // as a scan does
    let messages: Vec<_> = sample.iter().map(message).collect();
    let encoder = Encoder::new();
    let mut text = Vec::new();
    encoder.header(&mut text, Version::V3_1);
    walk(&messages, |record| {
        let _ = wire_to_asb::encode(&encoder, record, &mut text);
    });
    let mut group = c.benchmark_group("fingerprint");
    group.throughput(Throughput::Bytes(text.len() as u64));

    let mut by = Fingerprinter::new();
    group.bench_function("wire", |b| {
        b.iter(|| {
            let mut sums = PartitionTable::new();
            walk(black_box(&messages), |record| {
                if let Ok(found) = wire_to_fingerprint::fingerprint(&mut by, record) {
                    sums.add(record.digest.partition(), found);
                }
            });
            sums.total()
        });
    });
    let mut out = Vec::with_capacity(text.len());
    group.bench_function("encode-without", |b| {
        b.iter(|| {
            out.clear();
            walk(black_box(&messages), |record| {
                let _ = wire_to_asb::encode(&encoder, record, &mut out);
            });
            out.len()
        });
    });
    group.bench_function("encode-with", |b| {
        b.iter(|| {
            out.clear();
            let mut sum = 0_u128;
            walk(black_box(&messages), |record| {
                let found =
                    wire_to_asb::encode_with_fingerprint(&encoder, record, &mut out, &mut by);
                sum = sum.wrapping_add(found.map_or(0, |found| found.0));
            });
            sum
        });
    });
    group.bench_function("text", |b| {
        b.iter(|| {
            let mut sum = 0_u128;
            decode(black_box(&text), |record| {
                sum = sum.wrapping_add(asb_to_fingerprint::fingerprint(&mut by, record).0);
            });
            sum
        });
    });
    group.finish();
}

/// As the writers do it: chunks of half a mebibyte.
fn hash(c: &mut Criterion) {
    let chunk: Vec<u8> = (0..=250_u8).cycle().take(512 << 10).collect();
    const CHUNKS: u64 = 20;
    let mut group = c.benchmark_group("blake3");
    group.throughput(Throughput::Bytes(CHUNKS * chunk.len() as u64));
    group.bench_function("blocks", |b| {
        b.iter(|| {
            let mut hasher = BlockHasher::new();
            (0..CHUNKS).for_each(|_| hasher.update(black_box(&chunk)));
            hasher.finish()
        });
    });
    group.finish();
}

criterion_group!(benches, bench, hash);
criterion_main!(benches);
