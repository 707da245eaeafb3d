//! `kill -9` at any instant: what is left can be continued, and the union of the files holds
//! every record once (promise 3 of ARCHITECTURE.md).

use crate::{
    envelope::write_key,
    signals::start,
    support::{Run, assert_equal, backup, empty, filled, hosts, names, restore},
};
use asnode::{
    Cluster,
    faults::{On, Reaction, Rule},
};
use std::{
    ffi::OsStr,
    fs,
    ops::ControlFlow,
    path::Path,
    time::{Duration, Instant},
};
use tempfile::tempdir;

const RECORDS: u64 = 9000;

/// Kills in all, spread over the life of a backup.
const KILLS: u64 = 50;

/// Flags that bring rotation and durable points about many times in a short run.
const FLAGS: [&str; 6] = [
    "-F1",
    "-w3",
    "--state-file-dst=run.state",
    "--durable-interval=20",
    "--output-file-prefix=set-",
    "--client-timeout=20000",
];

/// Records that the state says are durable; `None` without a state.
pub(crate) fn durable_records(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path.join("run.state")).ok()?;
    let state: serde_json::Value = serde_json::from_str(&text).expect("the state is whole");
    let files = state["files"].as_array().expect("files");
    Some(
        files
            .iter()
            .map(|file| file["records"].as_u64().expect("records"))
            .sum(),
    )
}

/// 1, or more on a disk that takes longer than usual to make something durable.
pub(crate) fn slowness(path: &Path) -> u32 {
    const SYNCS: u32 = 4;
    let file = fs::File::create(path.join("sync")).expect("file");
    let begun = Instant::now();
    for number in 0..SYNCS {
        file.set_len(number.into()).expect("length");
        file.sync_all().expect("sync");
    }
    let millis = u32::try_from((begun.elapsed() / SYNCS).as_millis()).expect("a moment");
    1 + millis / 10
}

/// From when on the life of a backup is measured.
#[derive(Clone, Copy, PartialEq)]
enum Since {
    Start,
    /// Something is durable: how long that takes depends on the disk.
    FirstState,
}

/// Starts a backup and kills it after `delay`, unless it has ended.
fn killed(
    cluster: &Cluster,
    path: &Path,
    flags: &[&str],
    since: Since,
    delay: Duration,
) -> ControlFlow<()> {
    let hosts = hosts(cluster);
    let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"backup", &hosts, &"-ntest", &"-d", &path];
    args.extend(flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
    let mut child = start(&args);
    let is_early = || since == Since::FirstState && durable_records(path).is_none_or(|n| n == 0);
    let mut end = None;
    while end.is_none_or(|end| Instant::now() < end) {
        if child.try_wait().expect("child").is_some() {
            return ControlFlow::Break(());
        }
        if end.is_none() && !is_early() {
            end = Some(Instant::now() + delay);
        }
        std::thread::sleep(Duration::from_millis(1)); // the instant of the kill is the point
    }
    child.kill().expect("kill");
    child.wait().expect("child");
    ControlFlow::Continue(())
}

fn finish(cluster: &Cluster, path: &Path, flags: &[&str]) -> Run {
    let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"-d", &path];
    args.extend(flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
    backup(cluster, &args).succeeds()
}

#[test]
fn a_killed_backup_is_continued_without_loss_or_repetition() {
    let source = filled(2, RECORDS);
    let place = tempdir().expect("directory");
    // Slow enough that the kills spread over it, and that states fit in.
    let slow = Reaction::Trickle {
        bytes_per_second: 2_000_000 / slowness(place.path()),
    };
    source.faults().add(Rule::new(On::Scan, slow));
    let key = write_key(place.path());
    let plain = FLAGS.to_vec();
    let wrapped = [&FLAGS[..], &["-zZSTD", "--encrypt=AES256", &key]].concat();
    let begun = Instant::now();
    finish(&source, &place.path().join("whole"), &wrapped);
    let life = begun.elapsed();
    let seed = 7;
    let mut random = fastrand::Rng::with_seed(seed);
    let mut between = 0;
    for kill in 0..KILLS {
        let path = place.path().join(format!("kill-{kill}"));
        let (flags, secret): (_, &[&str]) = if kill % 2 == 0 {
            (&plain, &[])
        } else {
            (&wrapped, &["--encrypt=AES256", &key])
        };
        // One in eight at any time, the others once there is something to go on from.
        let (since, most) = match kill % 8 {
            7 => (Since::Start, 0.95),
            _ => (Since::FirstState, 0.7),
        };
        let mut delay = life.mul_f64(most * random.f64());
        while killed(&source, &path, flags, since, delay).is_break() {
            // It was quicker than the first one: again, and earlier.
            fs::remove_dir_all(&path).expect("removed");
            delay = delay.mul_f64(0.7);
        }
        let mut rest = flags.clone();
        if let Some(durable) = durable_records(&path) {
            between += u64::from(durable > 0 && durable < source.count("test"));
            rest.retain(|flag| !flag.starts_with("--state-file-dst"));
            rest.push("--continue=run.state");
            // Now and then the continuation is killed, too.
            if kill % 4 == 0 {
                let delay = life.mul_f64(0.9 * random.f64());
                let _ended = killed(&source, &path, &rest, Since::Start, delay);
            }
            rest.retain(|_| path.join("run.state").exists());
        } else {
            fs::remove_dir_all(&path)
                .or_else(absent)
                .expect("nothing to continue");
        }
        if !rest.is_empty() {
            finish(&source, &path, &rest);
        }
        let left = names(&path);
        // A kill after all was done leaves the lock, which has died with its process.
        let of_set = ["set-test.manifest.json", "set-test.lock"];
        let is_ours = |name: &String| name.ends_with(".asb") || of_set.contains(&name.as_str());
        assert!(left.iter().all(is_ours), "kill {kill}: {left:?}");
        let target = empty(1);
        let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"-d", &path];
        args.extend(secret.iter().map(|flag| flag as &dyn AsRef<OsStr>));
        let run = restore(&target, &args).survives();
        assert_eq!(
            run.reported("Records Read"),
            source.count("test"),
            "kill {kill}"
        );
        assert_eq!(
            run.reported("Inserted Records"),
            source.count("test"),
            "kill {kill}"
        );
        assert_equal(&source, &target);
        fs::remove_dir_all(&path).expect("removed");
    }
    assert!(
        between * 10 >= KILLS * 8,
        "{between} of {KILLS} went on from the middle (seed {seed})"
    );
}

#[test]
fn a_killed_replacement_leaves_one_whole_set_at_any_time() {
    let (old, new) = (filled(1, 400), filled(2, 4000));
    let (few, many) = (old.count("test"), new.count("test"));
    let place = tempdir().expect("directory");
    let flags = [
        "-r",
        "-w3",
        "-F1",
        "--state-file-dst=run.state",
        "--durable-interval=10",
    ];
    let mut found = [0; 2];
    for kill in 0..24 {
        let path = place.path().join(format!("kill-{kill}"));
        finish(&old, &path, &["-w2"]);
        // Half of them die where names change: as soon as the new manifest is there.
        let moment = ["0_test_1.asb.part", "test.manifest.json.part"][kill % 2];
        kill_when(&new, &path, &flags, &path.join(moment));
        let target = empty(1);
        let run = restore(&target, &[&"-d", &path]).survives();
        let count = run.reported("Inserted Records");
        assert!(
            count == few || count == many,
            "kill {kill}: {count} {:?}",
            names(&path)
        );
        assert_equal(if count == few { &old } else { &new }, &target);
        found[usize::from(count == many)] += 1;
        if path.join("run.state").exists() {
            finish(&new, &path, &["-w2", "-F1", "--continue=run.state"]);
        } else {
            finish(&new, &path, &flags);
        }
        let left = names(&path);
        let is_ours = |name: &String| name.ends_with(".asb") || name == "test.manifest.json";
        assert!(left.iter().all(is_ours), "kill {kill}: {left:?}");
        let target = empty(1);
        restore(&target, &[&"-d", &path]).succeeds();
        assert_equal(&new, &target);
        fs::remove_dir_all(&path).expect("removed");
    }
    assert!(
        found.into_iter().all(|count| count > 0),
        "old and new sets: {found:?}"
    );
}

/// Starts a backup and kills it as soon as `file` is there, or has been.
fn kill_when(cluster: &Cluster, path: &Path, flags: &[&str], file: &Path) {
    let hosts = hosts(cluster);
    let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"backup", &hosts, &"-ntest", &"-d", &path];
    args.extend(flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
    let mut child = start(&args);
    while !file.exists() && child.try_wait().expect("child").is_none() {
        std::thread::yield_now(); // a file cannot be awaited
    }
    let _ended = child.kill();
    child.wait().expect("child");
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}
