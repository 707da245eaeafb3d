//! Memory of the stand-alone program: ten million small records have to fit into 2 GiB.
//!
//! The normal run takes few records and computes. For the real thing, about ten seconds in a
//! release build on two processors:
//! `ASNODE_SCALE_RECORDS=10000000 cargo test --release -p asnode --test it scale -- --nocapture`.

use crate::client::Client;
use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Instant,
};

/// 2 GiB for ten million records.
const LIMIT_BYTES_PER_RECORD: u64 = (2 << 30) / 10_000_000;

#[test]
fn ten_million_small_records_fit_into_two_gib() {
    let records = std::env::var("ASNODE_SCALE_RECORDS").map_or(200_000, |n| n.parse().unwrap());
    let empty = Node::start(0);
    let Some(base) = empty.resident_bytes() else {
        return eprintln!("skipped: there is no /proc to read memory sizes from");
    };
    let started = Instant::now();
    let full = Node::start(records);
    let seeding = started.elapsed();
    let used = full.resident_bytes().unwrap() - base;
    let per_record = used / records;
    println!(
        "{records} small records, ready in {seeding:.2?}: {:.3} GiB, {per_record} bytes each",
        used as f64 / f64::from(1 << 30),
    );
    assert!(per_record < LIMIT_BYTES_PER_RECORD, "{per_record}");
    let objects = Client::to(full.address.parse().unwrap()).info("namespace/test");
    assert!(
        objects.contains(&format!(";objects={records};")),
        "{objects}"
    );
}

/// The program with records of the shape `small`. It ends when this is dropped.
struct Node {
    child: Child,
    address: String,
}

impl Node {
    /// Returns when the records are there.
    fn start(records: u64) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_asnode"))
            .args(["--shape", "small", "--until-stdin-closes", "--records"])
            .arg(records.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut address).unwrap();
        let address = address.trim_end().to_owned();
        Self { child, address }
    }

    /// `None`: the system does not say.
    fn resident_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib << 10)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}
