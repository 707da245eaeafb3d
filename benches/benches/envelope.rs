//! The envelope in both directions over the same backup text: none, AES, ZSTD, both.
//!
//! Text goes in as chunks of 512 KiB, as the writer thread gets it. `Throughput::Bytes` counts text.

use std::hint::black_box;

use asb_format::{Encoder as TextEncoder, KeyRef, RecordHead, ValueRef, Version};
use backup_envelope::{
    Decoder, DecoderOptions, Encoder, EncoderOptions, Iv, Key, KeyBytes, KeySize, Level,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastrand::Rng;

const TEXT_BYTES: usize = 16 << 20;
const CHUNK_BYTES: usize = 512 << 10;

/// Records with a digest, a number, a name and a list of words: about as compressible as real ones.
fn text() -> Vec<u8> {
    let mut rng = Rng::with_seed(20_100_101);
    let encoder = TextEncoder::new();
    let mut out = Vec::with_capacity(TEXT_BYTES + 4096);
    encoder.header(&mut out, Version::V3_1);
    while out.len() < TEXT_BYTES {
        let mut digest = [0; 20];
        rng.fill(&mut digest);
        let key = format!("user-{:08}", rng.u32(..100_000_000));
        encoder.record(
            &mut out,
            &RecordHead {
                key: Some(KeyRef::String(key.as_bytes())),
                namespace: b"test",
                digest: &digest,
                set: Some(b"users"),
                generation: rng.u16(1..50),
                void_time: rng.u32(500_000_000..600_000_000),
                bin_count: 4,
            },
        );
        let words: Vec<_> = (0..24).map(|_| WORDS[rng.usize(..WORDS.len())]).collect();
        let name: String = (0..rng.usize(8..24)).map(|_| rng.alphanumeric()).collect();
        encoder.bin(&mut out, b"id", ValueRef::Integer(rng.i64(..)));
        encoder.bin(&mut out, b"score", ValueRef::Double(rng.f64() * 1000.0));
        encoder.bin(&mut out, b"name", ValueRef::String(name.as_bytes()));
        encoder.bin(
            &mut out,
            b"text",
            ValueRef::String(words.join(" ").as_bytes()),
        );
    }
    out
}

const WORDS: [&str; 16] = [
    "backup",
    "restore",
    "record",
    "cluster",
    "node",
    "partition",
    "digest",
    "bin",
    "set",
    "index",
    "module",
    "frame",
    "block",
    "level",
    "window",
    "stream",
];

fn key() -> Option<Key> {
    let bytes = KeyBytes::raw(b"bench").ok()?;
    Some(bytes.key(KeySize::Aes256))
}

fn options(level: Option<i32>, encrypted: bool) -> EncoderOptions {
    EncoderOptions {
        compression: level.and_then(Level::new),
        encryption: key()
            .filter(|_| encrypted)
            .map(|key| (key, Iv::new([9; 16]))),
    }
}

/// Encodes all chunks into a buffer that is emptied as if its bytes were stored.
fn encode(text: &[u8], options: EncoderOptions, out: &mut Vec<u8>) -> Option<u64> {
    let mut encoder = Encoder::new(options).ok()?;
    for chunk in text.chunks(CHUNK_BYTES) {
        out.clear();
        encoder.write(chunk, out).ok()?;
        black_box(out.len());
    }
    out.clear();
    encoder.finish(out).ok()
}

/// The whole file.
fn file(text: &[u8], options: EncoderOptions) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(options).ok()?;
    encoder.write(text, &mut out).ok()?;
    encoder.finish(&mut out).ok()?;
    Some(out)
}

/// Decodes chunks of stored bytes into a buffer of the same size.
fn decode(file: &[u8], encrypted: bool, out: &mut Vec<u8>) -> Option<bool> {
    let mut decoder = Decoder::new(DecoderOptions {
        key: key().filter(|_| encrypted),
        ..DecoderOptions::default()
    });
    for mut chunk in file.chunks(CHUNK_BYTES) {
        loop {
            out.clear();
            let progress = decoder.read(chunk, out).ok()?;
            black_box(out.len());
            chunk = chunk.get(progress.consumed..)?;
            if progress.wants == backup_envelope::Wants::Input {
                break;
            }
        }
    }
    decoder.finish().ok()
}

fn bench(c: &mut Criterion) {
    let text = text();
    let mut group = c.benchmark_group("envelope");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.sample_size(10);
    for (name, level, encrypted) in [
        ("raw", None, false),
        ("aes256", None, true),
        ("zstd3", Some(3), false),
        ("zstd3-aes256", Some(3), true),
    ] {
        let mut out = Vec::with_capacity(2 * CHUNK_BYTES);
        group.bench_function(format!("encode/{name}"), |b| {
            b.iter(|| encode(&text, options(level, encrypted), &mut out));
        });
        let Some(file) = file(&text, options(level, encrypted)) else {
            unreachable!("the same options have just worked");
        };
        let mut out = Vec::with_capacity(CHUNK_BYTES);
        group.bench_function(format!("decode/{name}"), |b| {
            b.iter(|| decode(&file, encrypted, &mut out));
        });
    }
    group.bench_function("yardstick/zstd-3", |b| {
        let mut compressor = zstd::bulk::Compressor::new(3).ok();
        b.iter(|| {
            compressor
                .as_mut()
                .map(|zstd| zstd.compress(&text).map(|file| file.len()))
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
