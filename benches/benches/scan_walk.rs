//! Walks a scan reply as a backup does: frames, messages, records, bins.

use aerospike_wire::{
    field, frame,
    message::{MessageHeader, flags},
    op,
    scan::{self, ScanItem},
    stream::{MessageStream, Step},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const FRAME: usize = 1 << 20;
const FRAMES: usize = 8;

/// [1, 2, … 10] and {1: "value 01", … 8: "value 08"} as the server stores them.
fn list_and_map() -> (Vec<u8>, Vec<u8>) {
    let mut list = vec![0x9a];
    list.extend(1..=10);
    let mut map = vec![0x88];
    for key in 1..=8 {
        map.extend([key, 0xa9, 3]);
        map.extend_from_slice(format!("value {key:02}").as_bytes());
    }
    (list, map)
}

/// A record of seven bins as a scan returns it.
fn record(out: &mut Vec<u8>, number: u32) {
    let (list, map) = list_and_map();
    let value = u64::from(number).to_be_bytes();
    let mut digest = [0; 20];
    digest[..8].copy_from_slice(&value);
    let header = MessageHeader {
        generation: 1,
        n_fields: 3,
        n_ops: 7,
        ..MessageHeader::default()
    };
    header.encode(out);
    field::put(out, field::code::NAMESPACE, b"test");
    field::put(out, field::code::DIGEST, &digest);
    field::put(out, field::code::SET, b"demo");
    let mut bin = |particle, name: &[u8], value: &[u8]| {
        op::put(out, op::code::READ, particle, name, value);
    };
    bin(1, b"integer", &value);
    bin(3, b"string", b"a string of some twenty bytes");
    bin(2, b"double", &1.5f64.to_be_bytes());
    bin(17, b"boolean", &[1]);
    bin(4, b"blob", &[0x5a; 96]);
    bin(20, b"list", &list);
    bin(19, b"map", &map);
}

/// Frames of just over a mebibyte each, then the end of the scan.
fn reply() -> Vec<u8> {
    let mut out = Vec::new();
    let mut number = 0;
    for _ in 0..FRAMES {
        let at = frame::begin(&mut out, frame::FrameType::Message);
        while out.len() < at + FRAME {
            record(&mut out, number);
            number += 1;
        }
        frame::finish(&mut out, at);
    }
    let at = frame::begin(&mut out, frame::FrameType::Message);
    let last = MessageHeader {
        info3: flags::LAST,
        ..MessageHeader::default()
    };
    last.encode(&mut out);
    frame::finish(&mut out, at);
    out
}

/// Touches every field and bin; the sum keeps the work alive.
fn walk(mut bytes: &[u8]) -> u64 {
    let mut stream = MessageStream::new();
    let mut sum = 0;
    loop {
        let Ok(Step::Message { message, consumed }) = stream.next(bytes) else {
            return 0;
        };
        bytes = &bytes[consumed..];
        match scan::item(message) {
            Ok(ScanItem::Record(record)) => {
                sum += u64::from(record.digest.partition().get());
                for bin in record.bins() {
                    sum += u64::from(bin.particle) + (bin.name.len() + bin.value.len()) as u64;
                }
            }
            _ => return sum,
        }
    }
}

fn bench(c: &mut Criterion) {
    let bytes = reply();
    assert_ne!(walk(&bytes), 0);
    let mut group = c.benchmark_group("scan_walk");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("seven_bins", |b| b.iter(|| walk(black_box(&bytes))));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
