//! What single flags do, seen on files and on nodes: those that no other module is about.
//! `flag_table.rs` says which test shows which flag.

use crate::{
    kill::durable_records,
    signals::{end_of, send, start},
    support::{NAMESPACE, Run, backup, data_names, empty, filled, heavy, hosts, restore, wait_for},
};
use asnode::{
    Cluster, Edition, NamespaceConfig, RawRecord,
    faults::{On, Reaction, Rule},
};
use rustix::process::Signal;
use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{Read as _, Seek as _},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};
use tempfile::tempdir;

/// Longer than a test.
const FOREVER: &str = "--total-timeout=600000";

fn with(path: &Path, flags: &[&str], run: impl FnOnce(&[&dyn AsRef<OsStr>]) -> Run) -> Run {
    let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"-d", &path];
    args.extend(flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
    run(&args)
}

fn backup_to(cluster: &Cluster, path: &Path, flags: &[&str]) -> Run {
    with(path, flags, |args| backup(cluster, args))
}

fn restore_from(cluster: &Cluster, path: &Path, flags: &[&str]) -> Run {
    with(path, flags, |args| restore(cluster, args))
}

#[test]
fn names_of_files() {
    let (source, place) = (filled(1, 50), tempdir().expect("directory"));
    backup_to(&source, place.path(), &["-q", "set_", "-I", "--no-udfs"]).succeeds();
    let names = data_names(place.path());
    assert!(!names.is_empty());
    assert!(
        names.iter().all(|name| name.starts_with("set_")),
        "{names:?}"
    );
}

/// Text for more than one chunk has come, and no more comes: what is in the buffer stays there.
#[test]
fn standard_output_is_collected_in_the_buffer() {
    let source = heavy(220, 8192);
    let written = |buffer: &str| {
        source.faults().clear();
        let hangs = Rule::new(On::Scan, Reaction::Silence).after_records(200);
        let fault = source.faults().add(hangs);
        let mut child = start(&[
            &"backup",
            &hosts(&source),
            &"-ntest",
            &"-o-",
            &"-w1",
            &buffer,
        ]);
        let (count, mut stdout) = (Arc::new(AtomicUsize::new(0)), child.stdout.take());
        let counted = Arc::clone(&count);
        let reader = thread::spawn(move || {
            let (mut stdout, mut piece) = (stdout.take().expect("pipe"), [0; 4096]);
            while let Ok(read @ 1..) = stdout.read(&mut piece) {
                counted.fetch_add(read, Ordering::Relaxed);
            }
        });
        wait_for("a hanging scan", || source.faults().fired(fault) > 0);
        if buffer.ends_with("=0") {
            wait_for("text", || count.load(Ordering::Relaxed) > 0);
        }
        send(&child, Signal::KILL);
        end_of(child);
        reader.join().expect("reader");
        count.load(Ordering::Relaxed)
    };
    assert!(written("--std-buffer=0") > 0);
    assert_eq!(written("--std-buffer=8"), 0);
}

/// Who reads from a file through a large buffer reads far beyond what is restored.
#[test]
fn standard_input_is_read_ahead() {
    const LENGTH: u64 = 12 << 20;
    let (source, place) = (heavy(96, 128 << 10), tempdir().expect("directory"));
    let path = place.path().join("one.asb");
    backup(&source, &[&"-o", &path, &"--compact"]).succeeds();
    let read = |buffer: &str| {
        let target = empty(1);
        let hangs = target.faults().add(Rule::new(On::Batch, Reaction::Silence));
        let mut file = File::open(&path).expect("file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_absctl"));
        child.args(["restore", &hosts(&target), "-ntest", "-i-", "-w1", buffer]);
        child.args([FOREVER, "--socket-timeout=0", "--max-async-batches=1"]);
        child.args(["--batch-size=1"]);
        let shared = file.try_clone().expect("file");
        let child = child.stdin(Stdio::from(shared)).stderr(Stdio::piped());
        let child = child.spawn().expect("child");
        wait_for("a batch", || target.faults().fired(hangs) > 0);
        let offset = file.stream_position().expect("offset");
        send(&child, Signal::KILL);
        end_of(child);
        offset
    };
    assert!(read("--std-buffer=0") < LENGTH);
    assert!(read("--std-buffer=64") >= LENGTH);
}

#[test]
fn durable_points_come_with_the_page_size() {
    let (source, place) = (heavy(220, 8192), tempdir().expect("directory"));
    let hangs = Rule::new(On::Scan, Reaction::Silence).after_records(200);
    source.faults().add(hangs);
    let child = start(&[
        &"backup",
        &hosts(&source),
        &"-ntest",
        &"-w1",
        &"-d",
        &place.path(),
        &"--state-file-dst=run.state",
        &"--durable-interval=600000",
        &"--scan-page-size=1",
    ]);
    let durable = || durable_records(place.path()).unwrap_or_default();
    wait_for("a durable point", || durable() > 0);
    send(&child, Signal::KILL);
    end_of(child);
}

#[test]
fn levels_of_compression() {
    let (source, place) = (filled(1, 2000), tempdir().expect("directory"));
    let size = |level: &str| {
        let (path, flag) = (
            place.path().join(level),
            format!("--compression-level={level}"),
        );
        let run = backup_to(&source, &path, &["-z", "ZSTD", "-w1", &flag]).succeeds();
        // The flag is taken there too, and means nothing.
        restore_from(&empty(1), &path, &["--validate", &flag]).succeeds();
        run.reported("Bytes Written")
    };
    assert!(size("19") < size("-7"));
}

#[test]
fn windows_of_compression() {
    let (source, place) = (heavy(100, 8192), tempdir().expect("directory"));
    backup_to(&source, place.path(), &["-zZSTD", "-w1"]).succeeds();
    let with = |log: &str| {
        let flag = format!("--zstd-window-log={log}");
        restore_from(&empty(1), place.path(), &["--validate", &flag])
    };
    with("27").succeeds();
    let refused = with("10");
    assert_eq!(refused.code, Some(13), "{refused:?}");
    assert!(refused.stderr.contains("window"), "{refused:?}");
}

#[test]
fn no_bins() {
    let (source, place) = (filled(1, 200), tempdir().expect("directory"));
    backup_to(&source, place.path(), &["-x"]).succeeds();
    let run = restore_from(&empty(1), place.path(), &[]).survives();
    assert_eq!(run.reported("Skipped Records"), source.count(NAMESPACE));
}

/// Records whose names are in bin "name"; every second one expires.
fn people() -> Cluster {
    const SECONDS_TO_2010: u64 = 1_262_304_000;
    const YEAR: u64 = 365 * 24 * 3600;
    let now = UNIX_EPOCH.elapsed().expect("time").as_secs();
    let expires = u32::try_from(now - SECONDS_TO_2010 + YEAR).expect("time");
    let cluster = empty(1);
    for (number, name) in ["ann", "bob", "cid", "dan"].iter().enumerate() {
        let mut record = RawRecord::for_key("people", 3, name.as_bytes());
        record.void_time = if number % 2 == 0 { 0 } else { expires };
        assert!(cluster.put(NAMESPACE, &record.bin(b"name", 3, name.as_bytes())));
    }
    cluster
}

#[test]
fn records_that_never_expire() {
    let (source, place) = (people(), tempdir().expect("directory"));
    let run = backup_to(&source, place.path(), &["--no-ttl-only"]).succeeds();
    assert_eq!(run.reported("Records Read"), 2);
}

#[test]
fn filter_expressions() {
    let (source, place) = (people(), tempdir().expect("directory"));
    // The bin "name" is equal to "bob".
    let run = backup_to(&source, place.path(), &["-f", "kwGTUQOkbmFtZaQDYm9i"]).succeeds();
    assert_eq!(run.reported("Records Read"), 1);
}

#[test]
fn records_live_longer() {
    let (source, place, target) = (people(), tempdir().expect("directory"), empty(1));
    backup_to(&source, place.path(), &[]).succeeds();
    restore_from(&target, place.path(), &["--extra-ttl=100000"]).succeeds();
    let ends = |cluster: &Cluster| -> Vec<u32> {
        let records = cluster.records(NAMESPACE);
        records.iter().map(|record| record.void_time).collect()
    };
    for (before, after) in ends(&source).into_iter().zip(ends(&target)) {
        // The server counts from the moment at which a record comes.
        let longer = after.saturating_sub(before);
        let expected = if before == 0 { 0..=0 } else { 99_000..=101_000 };
        assert!(expected.contains(&longer), "{before} and {after}");
    }
}

#[test]
fn preferred_racks_are_read_from() {
    let namespace = NamespaceConfig {
        replication_factor: 2,
        rack_ids: vec![1, 2],
        ..NamespaceConfig::new(NAMESPACE)
    };
    let builder = Cluster::builder().edition(Edition::Enterprise).nodes(2);
    let cluster = builder.namespace(namespace).start().expect("cluster");
    asnode::generate::load(&cluster, NAMESPACE, asnode::generate::Shape::Types, 300, 7);
    let scans_of = |node| {
        let nothing = Reaction::Delay(Duration::ZERO);
        cluster
            .faults()
            .add(Rule::new(On::Scan, nothing).node(node))
    };
    let (first, second) = (scans_of(0), scans_of(1));
    let place = tempdir().expect("directory");
    let flags = ["--prefer-racks", "2", "--forecast-samples=0"];
    let run = backup_to(&cluster, place.path(), &flags).succeeds();
    assert_eq!(run.reported("Records Read"), cluster.count(NAMESPACE));
    let fired = |rule| cluster.faults().fired(rule);
    assert_eq!(fired(first), 0, "nothing comes from the other rack");
    assert!(fired(second) > 0);
}

/// Threads of a process whose names begin so.
#[cfg(target_os = "linux")]
fn threads(process: u32, start: &str) -> usize {
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else {
        return 0;
    };
    let name =
        |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    let names = tasks.flatten().map(name);
    names.filter(|name| name.starts_with(start)).count()
}

/// Another number than the cores of any machine that this is likely to run on.
#[cfg(target_os = "linux")]
#[test]
fn workers() {
    const WORKERS: usize = 11;
    let (source, target) = (filled(1, 3000), empty(1));
    let place = tempdir().expect("directory");
    let path = place.path().join("set");
    let hang = |cluster: &Cluster, on| {
        cluster.faults().add(Rule::new(on, Reaction::Silence));
    };
    let check = |child: std::process::Child, names: &str| {
        wait_for(names, || threads(child.id(), names) == WORKERS);
        send(&child, Signal::KILL);
        end_of(child);
    };
    let flag = format!("-w{WORKERS}");
    backup_to(&source, &path, &[&flag]).succeeds();
    hang(&target, On::Batch);
    let hosts_of = |cluster| hosts(cluster);
    let child = start(&[
        &"restore",
        &hosts_of(&target),
        &"-ntest",
        &"-d",
        &path,
        &format!("--threads={WORKERS}"),
        &"--batch-size=1",
        &"--max-async-batches=1",
        &FOREVER,
        &"--socket-timeout=0",
    ]);
    check(child, "decode-");
    hang(&source, On::Scan);
    let other = place.path().join("other");
    let child = start(&[&"backup", &hosts(&source), &"-ntest", &"-d", &other, &flag]);
    check(child, "write-");
}

#[test]
fn bandwidth_is_limited() {
    let (source, place) = (heavy(60, 8192), tempdir().expect("directory"));
    let waited = |run: Run| {
        let run = run.succeeds();
        let last = run.stderr.lines().last().expect("report");
        let report: serde_json::Value = serde_json::from_str(last).expect("JSON");
        report["throttled"] != "0s"
    };
    let flags: [&[&str]; 2] = [&["--log-json", "-N1"], &["--log-json"]];
    for (number, flags) in flags.into_iter().enumerate() {
        let path = place.path().join(number.to_string());
        let is_limited = number == 0;
        assert_eq!(waited(backup_to(&source, &path, flags)), is_limited);
        assert_eq!(waited(restore_from(&empty(1), &path, flags)), is_limited);
    }
}

#[test]
fn batches_on_the_way() {
    const BATCHES: u64 = 23;
    let (source, target) = (filled(1, 300), empty(1));
    let place = tempdir().expect("directory");
    backup_to(&source, place.path(), &["-I", "--no-udfs"]).succeeds();
    let hangs = target.faults().add(Rule::new(On::Batch, Reaction::Silence));
    let child = start(&[
        &"restore",
        &hosts(&target),
        &"-ntest",
        &"-d",
        &place.path(),
        &"--batch-size=2",
        &format!("--max-async-batches={BATCHES}"),
        &FOREVER,
        &"--socket-timeout=0",
    ]);
    wait_for("all batches", || target.faults().fired(hangs) >= BATCHES);
    assert_eq!(target.faults().fired(hangs), BATCHES);
    send(&child, Signal::KILL);
    end_of(child);
}

#[test]
fn connections_are_opened_before_the_first_write() {
    let (source, place) = (people(), tempdir().expect("directory"));
    backup_to(&source, place.path(), &[]).succeeds();
    let connections = |flag: &str| {
        let target = empty(1);
        restore_from(&target, place.path(), &[flag]).succeeds();
        target.counters().connections
    };
    let (cold, warm) = (connections("--warm-up=0"), connections("--warm-up=30"));
    assert!(warm >= cold + 20, "{cold} and {warm}");
}

#[test]
fn a_silent_batch_is_sent_again() {
    let (source, place) = (people(), tempdir().expect("directory"));
    backup_to(&source, place.path(), &[]).succeeds();
    for limits in [
        ["--socket-timeout=300", FOREVER],
        ["--socket-timeout=0", "--total-timeout=300"],
    ] {
        let target = empty(1);
        let silent = Rule::new(On::Batch, Reaction::Silence).times(1);
        let fault = target.faults().add(silent);
        let flags = [&limits[..], &["--retry-base-interval=0", "-w1"]].concat();
        let run = restore_from(&target, place.path(), &flags).survives();
        assert_eq!(target.faults().fired(fault), 1, "{limits:?}");
        assert!(run.reported("Retries") >= 1, "{run:?}");
        assert_eq!(target.count(NAMESPACE), source.count(NAMESPACE));
    }
}

#[test]
fn pauses_between_attempts_grow() {
    let (source, place) = (people(), tempdir().expect("directory"));
    backup_to(&source, place.path(), &[]).succeeds();
    let target = empty(1);
    let busy = Rule::new(On::Batch, Reaction::Result(18));
    target.faults().add(busy);
    let began = Instant::now();
    let flags = [
        "--retry-max-attempts=3",
        "--retry-base-interval=100",
        "--retry-multiplier=5",
        "-w1",
    ];
    restore_from(&target, place.path(), &flags).fails(1, "result 18");
    // With jitter: 0.9 × (100 + 500) ms; without growth it would be 200.
    assert!(
        began.elapsed() >= Duration::from_millis(540),
        "{:?}",
        began.elapsed()
    );
}
