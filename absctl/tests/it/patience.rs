//! Time-outs, retries and buffers: each flag against a cluster on which it shows.

use crate::support::{
    NAMESPACE, Run, absctl, backup, continues, data_names, empty, filled, hosts, restore,
};
use asnode::{
    Cluster, NamespaceConfig, RawRecord,
    faults::{On, Reaction, Rule},
};
use std::{
    ffi::OsStr,
    path::Path,
    time::{Duration, Instant},
};
use tempfile::tempdir;

fn run(cluster: &Cluster, path: &Path, args: &[&str]) -> Run {
    let mut all: Vec<&dyn AsRef<OsStr>> = vec![&"-d", &path];
    all.extend(args.iter().map(|arg| arg as &dyn AsRef<OsStr>));
    backup(cluster, &all)
}

#[test]
fn a_silent_scan_is_resumed_after_the_socket_timeout() {
    // Zero stands for the total time-out.
    for limit in [
        &["--socket-timeout=400"][..],
        &["--socket-timeout=0", "--total-timeout=100000"],
    ] {
        let source = filled(1, 2000);
        let place = tempdir().expect("directory");
        let silent = Rule::new(On::Scan, Reaction::Silence).after_records(500);
        let fault = source.faults().add(silent.times(1));
        if limit.len() > 1 {
            source.faults().clear(); // nobody wants to wait that long
        }
        let run = run(&source, place.path(), &[limit, &["-w1"]].concat()).survives();
        assert_eq!(run.reported("Records Read"), source.count(NAMESPACE));
        assert_eq!(run.sum(&["Retries"]), source.faults().fired(fault));
    }
}

#[test]
fn a_scan_has_to_be_over_within_the_total_timeout() {
    let source = filled(1, 2000);
    let place = tempdir().expect("directory");
    let path = place.path().join("backup");
    let silent = Rule::new(On::Scan, Reaction::Silence).after_records(500);
    source.faults().add(silent);
    run(&source, &path, &["-w1", "--total-timeout=700"]).fails(1, "was not finished within 700 ms");
    source.faults().clear();
    continues(&source, &path);
}

#[test]
fn retries_of_scans_are_counted_and_spaced() {
    let source = filled(1, 500);
    let denied = Rule::new(On::Scan, Reaction::PartitionUnavailable).partition(77);
    source.faults().add(denied);
    let check = |args: &[&str], rounds: &str, at_least: Duration| {
        let place = tempdir().expect("directory");
        let begun = Instant::now();
        let path = place.path().join("backup");
        run(&source, &path, args).fails(14, &format!("after {rounds} rounds without progress"));
        assert!(begun.elapsed() >= at_least, "{:?}", begun.elapsed());
    };
    check(&["--max-retries=0"], "1", Duration::ZERO);
    check(
        &["--max-retries=3", "--sleep-between-retries=0"],
        "4",
        Duration::ZERO,
    );
    // With jitter: 0.9 × (600 + 900) ms.
    check(
        &["--max-retries=2", "--retry-delay=600"],
        "3",
        Duration::from_millis(1350),
    );
}

#[test]
fn info_commands_are_sent_again() {
    let source = filled(1, 100);
    let check = |reaction: Reaction, args: &[&str], at_least: Duration| {
        source.faults().clear();
        let breaks = Rule::new(On::Info, reaction).command("udf-list");
        let fault = source.faults().add(breaks.times(2));
        let place = tempdir().expect("directory");
        let begun = Instant::now();
        let run = run(&source, &place.path().join("backup"), args);
        assert!(begun.elapsed() >= at_least, "{:?}", begun.elapsed());
        (run, source.faults().fired(fault))
    };
    let refuses = Reaction::InfoValue("ERROR:11:not now");
    let at_once = "--info-retry-interval=0";
    let (run, fired) = check(refuses, &[at_once], Duration::ZERO);
    run.succeeds();
    assert_eq!(fired, 2);
    for few in ["--info-max-retries=2", "--info-max-retries=1"] {
        let (run, fired) = check(refuses, &[at_once, few], Duration::ZERO);
        run.fails(1, "udf-list refused");
        assert!(few.ends_with(&fired.to_string()), "{few}: {fired}");
    }
    // With jitter: 0.9 × (200 + 600) ms.
    let grows = ["--info-retry-interval=200", "--info-retry-multiplier=3"];
    check(refuses, &grows, Duration::from_millis(720))
        .0
        .succeeds();
    check(Reaction::Drop, &[at_once], Duration::ZERO)
        .0
        .succeeds();
    check(Reaction::Silence, &[at_once, "-T400"], Duration::ZERO)
        .0
        .succeeds();
}

#[test]
fn a_restore_sends_info_commands_again() {
    let (source, target) = (filled(1, 100), empty(1));
    let place = tempdir().expect("directory");
    run(&source, place.path(), &[]).succeeds();
    let silent = Rule::new(On::Info, Reaction::Silence).command("sindex-create");
    let fault = target.faults().add(silent.times(1));
    let flags: [&dyn AsRef<OsStr>; 4] = [
        &"-d",
        &place.path(),
        &"--info-timeout=500",
        &"--info-retry-interval=0",
    ];
    restore(&target, &flags).succeeds();
    assert_eq!(target.faults().fired(fault), 1);
    assert_eq!(target.indexes().len(), source.indexes().len());
}

#[test]
fn a_login_has_its_own_time() {
    let cluster = Cluster::builder()
        .user("u", "p", &["read"])
        .start()
        .expect("cluster");
    cluster
        .faults()
        .add(Rule::new(On::Login, Reaction::Silence));
    let flags: [&dyn AsRef<OsStr>; 7] = [
        &"backup",
        &hosts(&cluster),
        &"-ntest",
        &"-o-",
        &"-Uu",
        &"-Pp",
        &"--client-login-timeout=300",
    ];
    absctl(&flags).fails(14, "no answer to login within 300 ms");
}

#[test]
fn idle_connections_are_not_used_again() {
    let connections = |flag: &str| {
        let cluster = filled(1, 200);
        let place = tempdir().expect("directory");
        // Pauses between the commands, in which the connections are idle.
        let slow = Reaction::Delay(Duration::from_millis(100));
        cluster
            .faults()
            .add(Rule::new(On::Info, slow).command("udf-get"));
        run(&cluster, place.path(), &["-w1", flag]).succeeds();
        cluster.counters().connections
    };
    let (kept, closed) = (
        connections("--client-idle-timeout=0"),
        connections("--client-idle-timeout=1"),
    );
    assert!(closed > kept, "{closed} instead of {kept}");
}

/// A cluster whose nodes run few scans at a time, and slow ones.
fn busy(scans: usize) -> Cluster {
    let cluster = Cluster::builder()
        .nodes(2)
        .namespace(NamespaceConfig::new(NAMESPACE))
        .scan_limit(scans)
        .start()
        .expect("cluster");
    asnode::generate::load(&cluster, NAMESPACE, asnode::generate::Shape::Types, 4000, 7);
    cluster
}

#[test]
fn a_node_that_takes_few_scans_is_not_hammered() {
    const WORKERS: u64 = 64;
    let cluster = busy(3);
    let asked = cluster
        .faults()
        .add(Rule::new(On::Scan, Reaction::Delay(Duration::ZERO)));
    // Each scan takes its time once it has begun.
    let slow = Reaction::Delay(Duration::from_millis(40));
    cluster
        .faults()
        .add(Rule::new(On::Scan, slow).after_records(5));
    let place = tempdir().expect("directory");
    // Not one retry is allowed: being refused for the sake of our own scans is no failure.
    let run = run(&cluster, place.path(), &["-w64", "--max-retries=0"]).succeeds();
    assert_eq!(run.reported("Records Read"), cluster.count(NAMESPACE));
    let (asked, taken) = (cluster.faults().fired(asked), cluster.counters().scans);
    assert!(asked > taken, "nobody was refused");
    // All begin at once, each of them on one of the two nodes. After that a node is asked for more
    // only when it has room, but for a try now and then.
    let refused = asked - taken;
    assert!(
        refused < 2 * WORKERS,
        "{refused} refusals of {asked} requests"
    );
    let info = cluster.counters().info_commands;
    assert!(info < 20 * WORKERS, "{info} info commands");
}

#[test]
fn a_node_full_of_other_scans_is_asked_a_few_times() {
    let cluster = busy(0);
    let asked = cluster
        .faults()
        .add(Rule::new(On::Scan, Reaction::Delay(Duration::ZERO)));
    let place = tempdir().expect("directory");
    let flags = ["-w8", "--max-retries=2", "--sleep-between-retries=50"];
    run(&cluster, &place.path().join("backup"), &flags)
        .fails(1, "could not be read after 3 rounds");
    let asked = cluster.faults().fired(asked);
    assert!(asked <= 8 + 2 * 3, "{asked} requests");
}

#[test]
fn local_files_are_written_in_pieces_of_the_buffer() {
    let cluster = empty(1);
    for number in 0..1600i64 {
        let record = RawRecord::for_key("s", 1, &number.to_be_bytes());
        assert!(cluster.put(NAMESPACE, &record.bin(b"b", 4, &[7; 8192])));
    }
    let sizes = |flag: &str| {
        let place = tempdir().expect("directory");
        run(
            &cluster,
            place.path(),
            &["-w1", "-F1", "-I", "--no-udfs", flag],
        )
        .succeeds();
        let size = |name: &String| {
            std::fs::metadata(place.path().join(name))
                .expect("file")
                .len()
        };
        let mut sizes: Vec<_> = data_names(place.path()).iter().map(size).collect();
        sizes.sort_unstable();
        sizes.remove(0); // the last file may be of any size
        sizes
    };
    let small = sizes("--local-buffer-size=1");
    assert!(small.iter().all(|size| *size < 4 << 20), "{small:?}");
    let large = sizes("--local-buffer-size=5");
    assert!(
        !large.is_empty() && large.iter().all(|size| *size >= 5 << 20),
        "{large:?}"
    );
}

#[test]
fn standard_streams_work_with_any_buffer() {
    let source = filled(1, 500);
    for megabytes in ["0", "1", "4"] {
        let buffer = format!("--std-buffer={megabytes}");
        let text = backup(&source, &[&"-o-", &buffer]).succeeds().stdout;
        let target = empty(1);
        let mut command =
            crate::support::command(&[&"restore", &hosts(&target), &"-ntest", &"-i-", &buffer]);
        let run = Run::of(command.write_stdin(text)).succeeds();
        assert_eq!(run.reported("Inserted Records"), source.count(NAMESPACE));
    }
}
