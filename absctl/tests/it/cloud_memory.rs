//! What a backup to a bucket takes of memory: 40 MiB, and for each writer the part that it fills and those
//! that are under way (`storage.md` §8).

use crate::support::{LIMIT, NAMESPACE, empty, hosts};
use asnode::generate;
use backup_storage::testing::{BUCKET, ObjectServer};
use std::{
    fs,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const MIB: u64 = 1 << 20;
const PART: u64 = 5 * MIB;
/// What a build without optimisation takes more, by its size and its stacks.
const SLACK: u64 = 24 * MIB;

/// Largest resident set so far, in bytes. Not by `wait4`: that begins with the size of the parent.
fn peak(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

/// Runs it to its end; the peak is looked at all the time, because it is gone with the process.
fn peak_of(command: &mut Command) -> u64 {
    let mut child = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("absctl");
    let (mut highest, deadline) = (0, Instant::now() + LIMIT);
    loop {
        highest = peak(&child).map_or(highest, |found| found.max(highest));
        if let Some(status) = child.try_wait().expect("a child") {
            assert!(status.success(), "{status}");
            return highest;
        }
        assert!(Instant::now() < deadline, "the backup takes too long");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn memory_follows_the_formula() {
    let (server, source) = (ObjectServer::s3(), empty(1));
    generate::load(&source, NAMESPACE, generate::Shape::Bench, 120_000, 7);
    let (id, secret) = ObjectServer::keys();
    for (writers, in_flight) in [(1, 1), (2, 1), (1, 3), (16, 1)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_absctl"));
        command
            .args(["backup", "-n", NAMESPACE, &hosts(&source)])
            .args([
                "-r",
                "-d",
                "set",
                &format!("--parallel={writers}"),
                "--s3-chunk-size=5",
                &format!("--s3-upload-concurrency={in_flight}"),
                &format!("--s3-bucket-name={BUCKET}"),
                &format!("--s3-endpoint-override={}", server.url()),
                &format!("--s3-access-key-id={id}"),
                &format!("--s3-secret-access-key={secret}"),
            ]);
        let peak = peak_of(&mut command);
        let formula = 40 * MIB + writers * (in_flight + 1) * PART;
        println!(
            "{writers} writers: {} MiB of {} MiB",
            peak / MIB,
            formula / MIB
        );
        assert!(peak > 10 * MIB, "{peak} is no peak");
        assert!(
            peak <= formula + SLACK,
            "{writers} writers: {} MiB",
            peak / MIB
        );
    }
}
