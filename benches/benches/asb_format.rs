//! Backup text: encode, decode, skim, decode with every value turned into plain bytes.
//!
//! Records of about 520 bytes of text, as in the throughput targets: seven bins of all common
//! types, set, key and digest. `Throughput::Bytes` counts text in all benches.

use std::hint::black_box;

use asb_format::{
    BlobKind, Data, Decoder, Encoder, Item, KeyRef, RecordHead, Step, Value, ValueRef, Version,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fastrand::Rng;

const RECORDS: usize = 2000;

struct Sample {
    digest: [u8; 20],
    key: String,
    generation: u16,
    void_time: u32,
    integer: i64,
    double: f64,
    text: String,
    flag: bool,
    blob: Vec<u8>,
    list: Vec<u8>,
    map: Vec<u8>,
}

impl Sample {
    fn new(rng: &mut Rng) -> Self {
        let mut digest = [0; 20];
        rng.fill(&mut digest);
        let mut blob = vec![0; 96];
        rng.fill(&mut blob);
        Self {
            digest,
            key: format!("user-{:08}", rng.u32(..100_000_000)),
            generation: rng.u16(1..50),
            void_time: rng.u32(500_000_000..600_000_000),
            integer: rng.i64(-1_000_000..1_000_000_000_000),
            double: rng.f64() * 10_f64.powi(rng.i32(-3..9)),
            text: (0..rng.usize(12..28)).map(|_| rng.alphanumeric()).collect(),
            flag: rng.bool(),
            blob,
            list: list(rng),
            map: map(rng),
        }
    }

    fn encode(&self, encoder: Encoder, out: &mut Vec<u8>) {
        encoder.record(
            out,
            &RecordHead {
                key: Some(KeyRef::String(self.key.as_bytes())),
                namespace: b"test",
                digest: &self.digest,
                set: Some(b"users"),
                generation: self.generation,
                void_time: self.void_time,
                bin_count: 7,
            },
        );
        encoder.bin(out, b"id", ValueRef::Integer(self.integer));
        encoder.bin(out, b"name", ValueRef::String(self.text.as_bytes()));
        encoder.bin(out, b"score", ValueRef::Double(self.double));
        encoder.bin(out, b"active", ValueRef::Bool(self.flag));
        encoder.bin(out, b"avatar", ValueRef::Blob(BlobKind::Blob, &self.blob));
        encoder.bin(out, b"history", ValueRef::Blob(BlobKind::List, &self.list));
        encoder.bin(out, b"attributes", ValueRef::Blob(BlobKind::Map, &self.map));
    }
}

/// Msgpack of ten integers.
fn list(rng: &mut Rng) -> Vec<u8> {
    let mut out = vec![0x9a];
    for _ in 0..10 {
        out.push(0xd2);
        out.extend(rng.i32(..).to_be_bytes());
    }
    out
}

/// Msgpack of eight pairs of a short string and an integer.
fn map(rng: &mut Rng) -> Vec<u8> {
    let mut out = vec![0x88];
    for key in 0..8 {
        out.extend([0xa3, 0x03, b'k', b'0' + key, 0xce]);
        out.extend(rng.u32(..).to_be_bytes());
    }
    out
}

fn samples() -> Vec<Sample> {
    let mut rng = Rng::with_seed(20_100_101);
    (0..RECORDS).map(|_| Sample::new(&mut rng)).collect()
}

fn text(samples: &[Sample], encoder: Encoder) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.header(&mut out, Version::V3_1);
    for sample in samples {
        sample.encode(encoder, &mut out);
    }
    out
}

/// Calls `visit` for every item of a file.
fn decode(mut input: &[u8], mut visit: impl FnMut(Item<'_>)) {
    let mut decoder = Decoder::new();
    loop {
        match decoder.decode(input, true) {
            Ok(Step::Complete { consumed, item }) => {
                visit(item);
                input = &input[consumed..];
            }
            Ok(Step::End) => return,
            other => unreachable!("{other:?}"),
        }
    }
}

fn decode_values(input: &[u8], scratch: &mut Vec<u8>) {
    decode(input, |item| {
        let Item::Record(record) = item else { return };
        for bin in record.bins() {
            match bin.value {
                Value::String(data) | Value::Blob(_, data) => into_scratch(data, scratch),
                value => {
                    black_box(value);
                }
            }
        }
    });
}

fn into_scratch(data: Data<'_>, scratch: &mut Vec<u8>) {
    scratch.clear();
    data.decode_into(scratch);
    black_box(scratch.as_slice());
}

fn bench(c: &mut Criterion) {
    let samples = samples();
    for (name, encoder) in [("asb", Encoder::new()), ("asb-compact", Encoder::compact())] {
        let text = text(&samples, encoder);
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("encode", |b| {
            let mut out = Vec::with_capacity(text.len() + 4096);
            b.iter(|| {
                out.clear();
                for sample in &samples {
                    sample.encode(encoder, &mut out);
                }
                black_box(out.len())
            });
        });
        group.bench_function("decode", |b| {
            b.iter(|| {
                let mut bins = 0;
                decode(&text, |item| {
                    if let Item::Record(record) = item {
                        bins += record.bin_count();
                    }
                });
                black_box(bins)
            });
        });
        group.bench_function("skim", |b| {
            let mut decoder = Decoder::new();
            let mut header = 0;
            if let Ok(Step::Complete { consumed, .. }) = decoder.decode(&text, true) {
                header = consumed;
            }
            b.iter(|| {
                decoder
                    .checkpoint()
                    .skim(black_box(&text[header..]))
                    .records
            });
        });
        group.bench_function("decode-values", |b| {
            let mut scratch = Vec::new();
            b.iter(|| decode_values(&text, &mut scratch));
        });
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
