//! The embedded cluster as a load generator: it must never be what a measurement of the tool is
//! limited by. The yardstick is the loopback itself: as many bytes from a thread that does nothing
//! but send them.

use aerospike_wire::{
    batch::{BatchBuilder, WriteHead},
    digest::Digest,
    field::code,
    scan::ScanRequest,
};
use asnode::{
    Cluster,
    generate::{self, Shape},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::{
    hint::black_box,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
};

const RECORDS: u64 = 100_000;
const ROWS: u32 = 1000;

/// Bytes that are read at a time.
const READ: usize = 1 << 20;

/// The frame that ends every reply: one message with LAST and result 0.
fn last_frame() -> [u8; 30] {
    let mut frame = [0; 30];
    frame[..12].copy_from_slice(&[2, 3, 0, 0, 0, 0, 0, 22, 22, 0, 0, 1]);
    frame
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a port of this process");
    stream.set_nodelay(true).expect("an open socket");
    stream
}

/// Reads up to the last frame and looks at nothing else; the number of bytes.
fn drain(stream: &mut TcpStream, buffer: &mut [u8]) -> u64 {
    let end = last_frame();
    let mut tail = Vec::new();
    let mut total = 0;
    loop {
        let n = stream.read(buffer).expect("an open socket");
        assert!(n > 0, "closed early");
        total += n as u64;
        tail.extend_from_slice(&buffer[n.saturating_sub(end.len())..n]);
        tail.drain(..tail.len().saturating_sub(end.len()));
        if tail == end {
            return total;
        }
    }
}

/// A port that answers every byte with `reply`.
fn sender(reply: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the bench connects");
        while stream.read_exact(&mut [0]).is_ok() {
            if stream.write_all(&reply).is_err() {
                return;
            }
        }
    });
    address
}

fn scan(c: &mut Criterion) {
    let cluster = Cluster::builder().start().expect("free ports");
    generate::load(&cluster, "test", Shape::Bench, RECORDS, 1);
    let partitions: Vec<u16> = (0..4096).collect();
    let request = |id| {
        let mut out = Vec::new();
        let mut request = ScanRequest::new(b"test", id);
        request.partitions = &partitions;
        request.encode(&mut out);
        out
    };
    let mut buffer = vec![0; READ];
    let mut node = connect(cluster.addresses()[0]);
    node.write_all(&request(1)).expect("an open socket");
    let bytes = drain(&mut node, &mut buffer);

    let mut reply = vec![0x55; usize::try_from(bytes).expect("fits into memory") - 30];
    reply.extend(last_frame());
    let mut plain = connect(sender(reply));

    let mut group = c.benchmark_group("node");
    group.sample_size(20).throughput(Throughput::Bytes(bytes));
    group.bench_function("loopback", |b| {
        b.iter(|| {
            plain.write_all(&[1]).expect("an open socket");
            black_box(drain(&mut plain, &mut buffer))
        });
    });
    let mut id = 1;
    group.bench_function("scan", |b| {
        b.iter(|| {
            id += 1;
            node.write_all(&request(id)).expect("an open socket");
            black_box(drain(&mut node, &mut buffer))
        });
    });
    group.finish();
}

/// A batch of updates, about 240 bytes each.
fn updates() -> BatchBuilder {
    let mut batch = BatchBuilder::with_capacity(1 << 18);
    let head = WriteHead {
        info2: 0,
        info3: 0,
        generation: 0,
        record_ttl: u32::MAX,
    };
    for row in 0..ROWS {
        let value = u64::from(row).to_be_bytes();
        batch.start_write(&Digest::for_key(b"bench", 1, &value), &head);
        batch.field(code::NAMESPACE, b"test");
        batch.field(code::SET, b"bench");
        batch.write(1, b"integer", &value);
        batch.write(3, b"string", b"a string of some twenty bytes");
        batch.write(4, b"blob", &[0x5a; 96]);
        batch.finish_row();
    }
    batch
}

fn batch_write(c: &mut Criterion) {
    let cluster = Cluster::builder().start().expect("free ports");
    let mut batch = updates();
    let request = batch.finish(1000);
    let mut node = connect(cluster.addresses()[0]);
    let mut buffer = vec![0; READ];
    let mut group = c.benchmark_group("node");
    group.throughput(Throughput::Bytes(request.len() as u64));
    group.bench_function("batch_write", |b| {
        b.iter(|| {
            node.write_all(request).expect("an open socket");
            black_box(drain(&mut node, &mut buffer))
        });
    });
    group.finish();
    assert_eq!(cluster.count("test"), u64::from(ROWS));
}

criterion_group!(benches, scan, batch_write);
criterion_main!(benches);
