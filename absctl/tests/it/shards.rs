//! `--shard`: seven processes, started and killed in any order, make the backup of one.

use crate::{
    signals::{end_of, start},
    support::{
        Run, absctl, assert_equal, backup, command, empty, filled, hosts, names, restore, wait_for,
    },
};
use asnode::{
    Cluster,
    faults::{On, Reaction, Rule},
};
use std::{
    ffi::OsStr,
    fs,
    path::Path,
    process::Child,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};
use tempfile::tempdir;

const SHARDS: u16 = 7;
const RECORDS: u64 = 4000;

/// Slow enough that a kill comes in the middle.
const SLOW: Reaction = Reaction::Trickle {
    bytes_per_second: 1_000_000,
};

/// Starts a shard, always with the same arguments, as a Kubernetes pod would be.
fn start_shard(cluster: &Cluster, path: &Path, number: u16) -> Child {
    let (hosts, shard) = (hosts(cluster), format!("--shard={number}/{SHARDS}"));
    start(&[
        &"backup",
        &hosts,
        &"-ntest",
        &"-d",
        &path,
        &shard,
        &"--run-id=nightly-1",
        &"-F1",
        &"-w2",
        &"--durable-interval=20",
    ])
}

/// Moments in the life of a shard, as what has appeared in the directory shows them.
const MOMENTS: [fn(u16, &str) -> bool; 4] = [
    |shard, name| name == format!("test.shard{shard}of7.lock"),
    |shard, name| name == format!("test.asb.shard{shard}of7.state"),
    |shard, name| name.starts_with(&format!("shard{shard}of7_")),
    |shard, name| name == format!("test.shard{shard}of7.manifest.json"),
];

/// Kills a process when its moment has come; it may have ended before.
fn kill_at(mut child: Child, path: &Path, moment: impl Fn(&str) -> bool) -> bool {
    let has_come = || names(path).iter().any(|name| moment(name));
    while !has_come() && child.try_wait().expect("child").is_none() {
        thread::sleep(Duration::from_millis(1)); // a file cannot be awaited
    }
    let is_running = child.try_wait().expect("child").is_none();
    let _ended = child.kill();
    child.wait().expect("child");
    is_running
}

/// Runs a shard to its end, and kills it on the way as often as there are moments.
fn run_shard(cluster: &Cluster, path: &Path, number: u16, moments: &[usize]) -> u32 {
    let mut kills = 0;
    for moment in moments {
        let child = start_shard(cluster, path, number);
        let is_moment = |name: &str| MOMENTS[*moment](number, name);
        kills += u32::from(kill_at(child, path, is_moment));
    }
    let run = end_of(start_shard(cluster, path, number)).survives();
    assert!(
        run.stderr
            .contains(&format!("{number} of 7, run nightly-1")),
        "{run:?}"
    );
    kills
}

fn manifest(path: &Path, name: &str) -> serde_json::Value {
    let content = fs::read(path.join(name)).expect("manifest");
    serde_json::from_slice(&content).expect("JSON")
}

#[test]
fn seven_processes_started_and_killed_in_any_order_make_one_backup() {
    let source = filled(2, RECORDS);
    let place = tempdir().expect("directory");
    let one = place.path().join("one");
    backup(&source, &[&"-d", &one]).succeeds();
    source.faults().add(Rule::new(On::Scan, SLOW));
    let seed = 11;
    let mut random = fastrand::Rng::with_seed(seed);
    let kills = AtomicU32::new(0);
    for round in 0..4 {
        let path = place.path().join(format!("round-{round}"));
        let mut order: Vec<u16> = (1..=SHARDS).collect();
        random.shuffle(&mut order);
        thread::scope(|scope| {
            for number in order {
                let times = random.usize(0..3);
                let moments: Vec<_> = (0..times).map(|_| random.usize(0..4)).collect();
                let (source, path, kills) = (&source, &path, &kills);
                scope.spawn(move || {
                    let number_of = run_shard(source, path, number, &moments);
                    kills.fetch_add(number_of, Ordering::Relaxed);
                });
            }
        });
        assert_is_backup(&source, &one, &path);
        fs::remove_dir_all(&path).expect("removed");
    }
    let kills = kills.into_inner();
    assert!(kills >= 8, "{kills} processes were killed (seed {seed})");
}

/// Asserts that the shards in `path` hold what the backup of one process in `one` holds.
fn assert_is_backup(source: &Cluster, one: &Path, path: &Path) {
    let (whole, single) = (
        manifest(path, "test.manifest.json"),
        manifest(one, "test.manifest.json"),
    );
    assert_eq!(whole["status"], "complete");
    assert_eq!(whole["run"], "nightly-1");
    for same in ["partitions", "indexes", "udfs", "left-out"] {
        assert_eq!(whole[same], single[same], "{same}");
    }
    let known = |name: &String| name.ends_with(".asb") || name.ends_with(".manifest.json");
    let left = names(path);
    // A kill after all was done leaves the lock, which has died with its process.
    let is_lock = |name: &String| name.ends_with(".lock");
    assert!(
        left.iter().all(|name| known(name) || is_lock(name)),
        "{left:?}"
    );
    absctl(&[&"restore", &"--validate", &"-d", &path, &"-ntest"]).survives();
    let target = empty(1);
    let run = restore(&target, &[&"-d", &path, &"--run-id=nightly-1"]).survives();
    assert_eq!(run.reported("Records Read"), source.count("test"));
    assert_eq!(run.reported("Inserted Records"), source.count("test"));
    assert_equal(source, &target);
}

/// The arguments of a shard of three.
fn shard(cluster: &Cluster, path: &Path, number: u16, run: &str) -> Run {
    let (shard, run) = (format!("--shard={number}/3"), format!("--run-id={run}"));
    backup(cluster, &[&"-d", &path, &shard, &run])
}

#[test]
fn shards_of_one_run_have_the_directory_for_themselves() {
    let source = filled(1, 600);
    let place = tempdir().expect("directory");
    let path = place.path().join("set");
    shard(&source, &path, 3, "a").succeeds();
    shard(&source, &path, 1, "b")
        .fails(1, "which is not of run b but of run a")
        .at_once();
    backup(&source, &[&"-d", &path]).fails(1, "is not empty");
    shard(&source, &path, 1, "a").succeeds();
    let target = empty(1);
    restore(&target, &[&"-d", &path])
        .fails(10, "of 3 shards these have not finished: 2")
        .at_once();
    assert_eq!(target.count("test"), 0);
    restore(&target, &[&"-d", &path, &"--allow-incomplete"]).survives();
    assert!(target.count("test") < source.count("test"));
    let run = shard(&source, &path, 2, "a").succeeds();
    assert!(run.stderr.contains("all 3 shards are complete"), "{run:?}");
    let again = shard(&source, &path, 2, "a").succeeds();
    assert!(again.stderr.contains("is complete already"), "{again:?}");
    assert_eq!(again.reported("Records Read"), run.reported("Records Read"));
    let target = empty(1);
    restore(&target, &[&"-d", &path, &"--run-id=b"]).fails(1, "of run b but of run a");
    let (mut inserted, mut modules) = (0, 0);
    for number in 1..=2 {
        let shard = format!("--shard={number}/2");
        let run = restore(&target, &[&"-d", &path, &shard]).succeeds();
        assert_eq!(run.value("Shard"), Some(&*format!("{number} of 2")));
        inserted += run.reported("Inserted Records");
        modules += run.reported("UDFs Read");
    }
    assert_eq!((inserted, modules), (source.count("test"), 2));
    assert_equal(&source, &target);
    let mut clear = command(&[&"backup", &"-d", &path, &"--remove-artifacts"]);
    Run::of(&mut clear).succeeds();
    assert!(names(&path).is_empty(), "{:?}", names(&path));
}

#[test]
fn two_processes_cannot_be_the_same_shard() {
    let source = filled(1, 600);
    let rule = source.faults().add(Rule::new(On::Scan, Reaction::Silence));
    let place = tempdir().expect("directory");
    let path = place.path().join("set");
    let mut first = start_shard(&source, &path, 3);
    wait_for("the scan", || source.faults().fired(rule) > 0);
    let second = end_of(start_shard(&source, &path, 3));
    second.fails(11, "shard 3 of 7").at_once();
    first.kill().expect("kill");
    first.wait().expect("child");
    source.faults().clear();
    // It goes on by itself; who wants to may say so.
    let part: [&dyn AsRef<OsStr>; 4] = [&"-d", &path, &"--shard=3/7", &"--run-id=nightly-1"];
    let with = |state: &&str| backup(&source, &[&part[..], &[&"--continue", state]].concat());
    with(&"mine.state").fails(1, "is called test.asb.shard3of7.state");
    let run = with(&"test.asb.shard3of7.state").survives();
    assert_eq!(run.reported("Resumes"), 1);
    assert!(run.reported("Records Read") > 0);
    assert!(path.join("test.shard3of7.manifest.json").exists());
}
