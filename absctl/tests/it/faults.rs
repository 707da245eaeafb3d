//! Clusters that break while they are read or written: all of it, or an error.

use crate::support::{assert_equal, backup, continues, empty, filled, restore};
use asnode::{
    NodeLoss,
    faults::{Garbage, On, Reaction, Rows, Rule},
};
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
