//! Clusters that break while they are read or written: all of it, or an error.

use crate::{
    signals::start,
    support::{Run, assert_equal, backup, continues, empty, filled, hosts, restore, wait_for},
};
use asnode::{
    NodeLoss,
    faults::{Garbage, On, Reaction, Rows, Rule},
};
use std::path::Path;
use tempfile::tempdir;

#[test]
fn a_node_dies_in_the_middle_of_a_scan_and_others_take_over() {
    for (node, after) in [(0, 1), (1, 700), (2, 2500)] {
        let (source, target) = (filled(3, 9000), empty(1));
        let place = tempdir().expect("directory");
        let dies = Rule::new(On::Scan, Reaction::KillNode(NodeLoss::Takeover)).node(node);
        let fault = source
            .faults()
            .add(dies.after_total_records(after).times(1));
        let run = backup(&source, &[&"-d", &place.path()]).survives();
        assert_eq!(source.faults().fired(fault), 1);
        assert_eq!(
            run.reported("Records Read"),
            source.count("test"),
            "each record once"
        );
        let run = restore(&target, &[&"-d", &place.path()]).succeeds();
        assert_eq!(
            run.reported("Inserted Records"),
            source.count("test"),
            "each record once"
        );
        assert_equal(&source, &target);
    }
}

#[test]
fn a_node_dies_in_the_middle_of_a_scan_and_its_data_is_gone() {
    let source = filled(3, 9000);
    let place = tempdir().expect("directory");
    let path = place.path().join("backup");
    let dies = Rule::new(On::Scan, Reaction::KillNode(NodeLoss::DataUnavailable)).node(1);
    source.faults().add(dies.after_total_records(700).times(1));
    let run = backup(&source, &[&"-d", &path]);
    assert_eq!(run.code, Some(14), "{run:?}");
    let run = run.fails(14, "partitions of namespace test could not be read");
    assert!(
        run.value("Result").expect("result").starts_with("failed, "),
        "{run:?}"
    );
    source.faults().clear();
    source.restart_node(1).expect("node");
    continues(&source, &path);
}

#[test]
fn connections_break_in_the_middle_of_scans() {
    let (source, target) = (filled(2, 5000), empty(1));
    let place = tempdir().expect("directory");
    let path = place.path().join("all.asb");
    let breaks = Rule::new(On::Scan, Reaction::Drop).after_bytes(100_000);
    source.faults().add(breaks.times(5));
    let run = backup(&source, &[&"-o", &path]).survives();
    assert!(run.reported("Retries") > 0, "{run:?}");
    restore(&target, &[&"-i", &path]).succeeds();
    assert_equal(&source, &target);
}

#[test]
fn a_node_sends_garbage() {
    let all = [
        Garbage::HugeLength,
        Garbage::WrongVersion,
        Garbage::CutMessage,
        Garbage::FieldPastEnd,
        Garbage::ZeroOp,
    ];
    for garbage in all {
        let source = filled(1, 2000);
        let place = tempdir().expect("directory");
        let path = place.path().join("backup");
        let rule = Rule::new(On::Scan, Reaction::Garbage(garbage));
        source.faults().add(rule.after_total_records(1000));
        backup(&source, &[&"-d", &path]).fails(1, "malformed reply to scan");
        source.faults().clear();
        continues(&source, &path);
    }
}

#[test]
fn rows_are_refused() {
    let (source, target) = (filled(1, 500), empty(1));
    let place = tempdir().expect("directory");
    backup(&source, &[&"-d", &place.path()]).succeeds();
    let refuses = Rule::new(On::BatchRow, Reaction::Result(22)).rows(Rows::Percent(1));
    target.faults().add(refuses);
    let run = restore(&target, &[&"-d", &place.path()]).fails(1, "was refused");
    assert!(run.reported("Failed Records") > 0, "{run:?}");
    let outcomes = ["Inserted Records", "Failed Records", "Not Sent"];
    let counted = run.sum(&outcomes);
    assert_eq!(counted, run.reported("Records Read"), "{run:?}");
}

#[test]
fn access_is_refused() {
    let (source, target) = (filled(1, 500), empty(1));
    let place = tempdir().expect("directory");
    backup(&source, &[&"-d", &place.path()]).succeeds();
    target
        .faults()
        .add(Rule::new(On::BatchRow, Reaction::Result(81)));
    restore(&target, &[&"-d", &place.path()]).fails(12, "was refused");
}

#[test]
fn a_node_is_restarted_in_the_middle_of_a_backup() {
    let (source, target) = (filled(3, 9000), empty(1));
    let place = tempdir().expect("directory");
    let dies = Rule::new(On::Scan, Reaction::KillNode(NodeLoss::DataUnavailable)).node(1);
    source.faults().add(dies.after_total_records(700).times(1));
    let flags = ["--max-retries=60", "-w2"];
    let path = place.path().join("backup");
    let child = start(&[
        &"backup",
        &hosts(&source),
        &"-ntest",
        &"-d",
        &path,
        &flags[0],
        &flags[1],
    ]);
    wait_for("the end of a node", || source.seeds().len() == 2);
    wait_for("a free port", || source.restart_node(1).is_ok());
    let run = Run::from(child.wait_with_output().expect("output")).survives();
    assert_eq!(run.reported("Records Read"), source.count("test"));
    let run = restore(&target, &[&"-d", &path]).succeeds();
    let inserted = run.reported("Inserted Records");
    assert_eq!(inserted, source.count("test"), "each record once");
    assert_equal(&source, &target);
}

/// As on a full disk, but with a limit for each file that needs no privilege; beyond it the system
/// says that the file is too large.
#[test]
fn there_is_no_room_for_a_file() {
    let source = filled(1, 9000);
    let place = tempdir().expect("directory");
    let path = place.path().join("backup");
    let limited = |flags: &[&str]| {
        // The signal would end the program before it hears of the failure. 512 or 1024 bytes each.
        let script = "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\"";
        let mut sh = assert_cmd::Command::new("sh");
        sh.args(["-c", script, env!("CARGO_BIN_EXE_absctl")]);
        sh.args(["backup", &hosts(&source), "-ntest", "-w1", "-F0", "-d"])
            .arg(&path);
        Run::of(sh.args(flags))
    };
    let keeps = ["--state-file-dst=test.asb.state", "--durable-interval=1"];
    let run = limited(&keeps).fails(1, "cannot write");
    assert!(run.stderr.contains(".asb.part"), "the path: {run:?}");
    continues(&source, &path);
}

#[test]
fn a_device_is_full() {
    let source = filled(1, 900);
    let device = Path::new("/dev/full");
    backup(&source, &[&"-o", &device]).fails(1, "cannot write /dev/full: no space is left");
    for buffer in ["--std-buffer=0", "--std-buffer=8"] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open(device)
            .expect("device");
        let child = std::process::Command::new(env!("CARGO_BIN_EXE_absctl"))
            .args(["backup", &hosts(&source), "-ntest", "-o-", buffer])
            .stdout(full)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("child");
        let run = Run::from(child.wait_with_output().expect("output"));
        run.fails(1, "cannot write stdout: no space is left");
    }
}
