//! Memory of a backup: the peak of the program's process, by the formula of ARCHITECTURE.md ("Memory").

use crate::support::{LIMIT, NAMESPACE, empty, hosts};
use asnode::{Cluster, RawRecord};
use std::{
    ffi::OsStr,
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::tempdir;

const MIB: u64 = 1 << 20;

/// Program, runtime, cluster view, and what the allocator keeps. The binary of a debug build has
/// several times the size of a release, and what of it was used counts as memory.
const BASE: u64 = if cfg!(debug_assertions) { 48 } else { 14 } * MIB;

/// Read buffers and chunks of all workers.
const PIECES: u64 = 18 * MIB;

/// Stack, hash and buffers of a writer.
const WRITER: u64 = MIB / 4;

/// Window, tables and output of a compressor at level 3.
const COMPRESSOR: u64 = 4 * MIB;

/// Room for records that are larger than a read buffer.
const LARGE: u64 = 48 * MIB;

/// `count` records with a blob of so many bytes that no compressor can do anything with.
fn cluster_of(count: u32, length: usize) -> Cluster {
    let cluster = empty(1);
    let mut random = fastrand::Rng::with_seed(7);
    let mut blob = vec![0; length];
    for number in 0..count {
        random.fill(&mut blob);
        let record = RawRecord::for_key("blobs", 1, &number.to_be_bytes()).bin(b"b", 4, &blob);
        assert!(cluster.put(NAMESPACE, &record));
    }
    cluster
}

/// The largest resident set that a process has had, in bytes. Not `ru_maxrss`: that begins with the memory
/// of this process, which holds the cluster. `None` when it has ended.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib = line.trim().strip_suffix("kB")?.trim();
    Some(kib.parse::<u64>().expect("a number") << 10)
}

/// Backs a cluster up and returns the peak. It only grows, so all but the last moment is in it.
#[track_caller]
fn peak_of_backup(cluster: &Cluster, args: &[&str]) -> u64 {
    let temporary = tempdir().expect("directory");
    let set = temporary.path().join("set");
    let hosts = hosts(cluster);
    let common: [&dyn AsRef<OsStr>; 6] = [&"backup", &hosts, &"-n", &NAMESPACE, &"-d", &set];
    let mut child = Command::new(env!("CARGO_BIN_EXE_absctl"))
        .args(common.iter().map(AsRef::as_ref))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("child");
    let deadline = Instant::now() + LIMIT;
    let mut highest = 0;
    let status = loop {
        if let Some(status) = child.try_wait().expect("child") {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().expect("kill");
        }
        highest = highest.max(peak(child.id()).unwrap_or_default());
        std::thread::sleep(Duration::from_millis(1));
    };
    assert!(status.success(), "{args:?}: {status}");
    highest
}

/// Compares a peak with what it may be.
#[track_caller]
fn assert_within(peak: u64, limit: u64, what: &str) {
    assert!(peak > 4 * MIB, "{what}: the peak was not seen");
    assert!(
        peak <= limit,
        "{what}: {} of {} MiB",
        peak / MIB,
        limit / MIB
    );
}

#[test]
fn a_backup_takes_the_memory_that_it_may() {
    // Twice what the buffers of all workers hold, in pieces that fit into them.
    let cluster = cluster_of(8000, 5000);
    let writers = |count: u64| format!("-w{count}");
    for count in [1, 2, 16] {
        let plain = BASE + PIECES + count * WRITER;
        // A slow target fills every queue.
        let found = peak_of_backup(&cluster, &[&writers(count), "-N20"]);
        assert_within(found, plain, &format!("{count} writers"));
        let found = peak_of_backup(&cluster, &[&writers(count), "--compress=ZSTD"]);
        let limit = plain + count * COMPRESSOR;
        assert_within(found, limit, &format!("{count} writers, compressed"));
    }
}

#[test]
fn large_records_take_turns() {
    let cluster = cluster_of(24, (8 << 20) - 100);
    for count in [1, 2, 16] {
        let limit = BASE + PIECES + LARGE + count * WRITER;
        let writers = format!("-w{count}");
        let found = peak_of_backup(&cluster, &[&writers]);
        assert_within(found, limit, &format!("{count} writers, 8 MiB"));
        let found = peak_of_backup(&cluster, &[&writers, "--compress=ZSTD"]);
        let limit = limit + count * COMPRESSOR;
        assert_within(found, limit, &format!("{count} writers, 8 MiB, compressed"));
    }
}
