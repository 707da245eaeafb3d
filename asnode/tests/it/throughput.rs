//! The node must never be the bottleneck. Figures with:
//! `cargo test --release -p asnode --test it throughput -- --nocapture`; in other builds the data
//! is small and only the results are checked.

use crate::client::{Client, Request, all_partitions, batch, scan_request};
use asnode::{
    Cluster,
    generate::{Shape, load},
};
use std::{io::Read, io::Write, net::TcpStream, time::Instant};

const RECORDS: u64 = if cfg!(debug_assertions) {
    20_000
} else {
    1_000_000
};

#[test]
fn scan() {
    let cluster = Cluster::builder().start().unwrap();
    let started = Instant::now();
    load(&cluster, "test", Shape::Bench, RECORDS, 1);
    println!("seeded {RECORDS} records in {:.2?}", started.elapsed());
    for round in 0..2 {
        let mut stream = TcpStream::connect(cluster.addresses()[0]).unwrap();
        stream
            .write_all(&scan_request(&all_partitions(), |_| {}))
            .unwrap();
        let started = Instant::now();
        let cpu = own_cpu();
        let bytes = drain(&mut stream);
        let (wall, cpu) = (started.elapsed(), own_cpu() - cpu);
        let gigabytes = bytes as f64 / 1e9;
        println!(
            "scan {round}: {:.0} MB, {:.2} GB/s wall, {:.2} GB per CPU second (node and client)",
            gigabytes * 1e3,
            gigabytes / wall.as_secs_f64(),
            gigabytes / cpu,
        );
        assert!(bytes > RECORDS * 350, "{bytes} bytes");
    }
    assert_eq!(cluster.counters().scan_records, 2 * RECORDS);
}

/// Reads frames until the one that holds the last message alone; looks at nothing else.
fn drain(stream: &mut TcpStream) -> u64 {
    let mut total = 0;
    let mut buffer = vec![0; 4 << 20];
    let mut tail = Vec::new();
    loop {
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "closed early");
        total += n as u64;
        tail.extend_from_slice(&buffer[n.saturating_sub(30)..n]);
        tail.drain(..tail.len().saturating_sub(30));
        if tail[..] == [&[2, 3, 0, 0, 0, 0, 0, 22, 22, 0, 0, 1][..], &[0; 18]].concat()[..] {
            return total;
        }
    }
}

#[test]
fn batch_writes() {
    const ROWS: u32 = 1000;
    let cluster = Cluster::builder().start().unwrap();
    let batches: Vec<_> = (0..RECORDS / 1000 / 5)
        .map(|b| {
            let row = |i: u32| {
                let put = Request::put("bench", &format!("key-{b}-{i}")).int("int", 1);
                let put = put.op(2, 3, "str", &[b'x'; 20]).op(2, 4, "blob", &[7; 96]);
                put.with(|h| (h.info2, h.generation, h.record_ttl) = (9, 1, u32::MAX))
                    .row(i)
            };
            batch(5, &(0..ROWS).map(row).collect::<Vec<_>>())
        })
        .collect();
    let mut client = Client::connect(&cluster);
    let (started, cpu) = (Instant::now(), own_cpu());
    for request in &batches {
        client.send(request);
        while client.frame().unwrap().len() != 30 {}
    }
    let rows = (batches.len() * 1000) as f64;
    println!(
        "batch writes: {:.0} rows/s wall on one connection, {:.0} rows per CPU second",
        rows / started.elapsed().as_secs_f64(),
        rows / (own_cpu() - cpu),
    );
    assert_eq!(cluster.count("test"), batches.len() as u64 * 1000);
}

/// CPU seconds of this process so far; 0 where the system does not say.
fn own_cpu() -> f64 {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return 0.0;
    };
    let fields: Vec<_> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}
