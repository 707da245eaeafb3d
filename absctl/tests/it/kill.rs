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
fn durable_records(path: &Path) -> Option<u64> {
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

/// Starts a backup and kills it after `delay`, unless it has ended.
fn killed(cluster: &Cluster, path: &Path, flags: &[&str], delay: Duration) -> ControlFlow<()> {
    let hosts = hosts(cluster);
    let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"backup", &hosts, &"-ntest", &"-d", &path];
    args.extend(flags.iter().map(|flag| flag as &dyn AsRef<OsStr>));
    let mut child = start(&args);
    let end = Instant::now() + delay;
    while Instant::now() < end {
        if child.try_wait().expect("child").is_some() {
            return ControlFlow::Break(());
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
    // Slow enough that the kills spread over it.
    let slow = Reaction::Trickle {
        bytes_per_second: 2_000_000,
    };
    source.faults().add(Rule::new(On::Scan, slow));
    let place = tempdir().expect("directory");
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
        let share = |random: &mut fastrand::Rng| life.mul_f64(0.25 + 0.7 * random.f64());
        let mut delay = share(&mut random);
        while killed(&source, &path, flags, delay).is_break() {
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
                let _ended = killed(&source, &path, &rest, share(&mut random));
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
        assert!(
            left.iter()
                .all(|name| name.ends_with(".asb") || name == "set-test.manifest.json"),
            "kill {kill}: {left:?}"
        );
        let target = empty(1);
        let mut args: Vec<&dyn AsRef<OsStr>> = vec![&"-d", &path];
        args.extend(secret.iter().map(|flag| flag as &dyn AsRef<OsStr>));
        let run = restore(&target, &args).succeeds();
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

fn absent(error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}
