//! Clusters that fail at the worst moment: every record once, or an error. Never a short backup
//! that looks like a whole one.

use crate::support::*;
use asnode::{
    Cluster, NodeLoss,
    faults::{Garbage, On, Reaction, Rows, Rule},
};
use backup_core::{
    backup::StateFile,
    error::{Error, ErrorClass},
};
use std::time::Duration;

const RECORDS: u32 = 6000;

/// Backs up a cluster of three under a fault, and restores the files into a sound cluster.
async fn survives(rule: impl FnOnce(&Cluster) -> Rule, fires: u64) {
    let source = cluster(3);
    fill(&source, RECORDS);
    let expected = content(&source);
    let rule = source.faults().add(rule(&source));
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    let counts = backup_ok(backup_config(&source, to_directory(&path))).await;
    assert!(
        source.faults().fired(rule) >= fires,
        "the fault did not happen"
    );
    assert_eq!(counts.records_read, u64::from(RECORDS), "each record once");
    let copy = cluster(1);
    let restored = restore_ok(restore_config(&copy, &path)).await;
    assert_eq!(
        (restored.records_read, restored.inserted),
        (RECORDS.into(), RECORDS.into())
    );
    assert_eq!(content(&copy), expected);
}

/// Backs up a cluster under a fault that does not end: an error, and a state beside what
/// is left, if anything is; then it can be continued once the fault is over, up to the whole.
async fn fails(nodes: usize, rule: Rule) -> Error {
    let source = cluster_with_copies(nodes, 1);
    fill(&source, RECORDS);
    let rule = source.faults().add(rule);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    let outcome = run_backup(backup_config(&source, to_directory(&path))).await;
    assert!(source.faults().fired(rule) > 0, "the fault did not happen");
    let left = names(&path);
    let is_marked = left.contains(&"test.asb.state".to_owned());
    assert!(left.is_empty() || is_marked, "{left:?}");
    if !left.is_empty() {
        source.faults().clear();
        (0..nodes).for_each(|node| source.restart_node(node).unwrap());
        let mut config = backup_config(&source, to_directory(&path));
        config.resume = Some(StateFile::Beside("test.asb.state".to_owned()));
        assert_eq!(backup_ok(config).await.records_read, u64::from(RECORDS));
    }
    outcome.result.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_during_the_scan_is_replaced() {
    let rule = Rule::new(On::Scan, Reaction::KillNode(NodeLoss::Takeover)).node(1);
    survives(|_| rule.after_total_records(300).times(1), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_in_the_middle_of_a_frame_are_resumed() {
    survives(
        |_| {
            Rule::new(On::Scan, Reaction::Drop)
                .after_bytes(20_000)
                .times(12)
        },
        5,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_between_records_are_resumed() {
    survives(
        |_| {
            Rule::new(On::Scan, Reaction::Drop)
                .after_records(200)
                .times(12)
        },
        5,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_moves_during_the_scan_is_read_once() {
    let reaction = |cluster: &Cluster| {
        let owner = cluster.owners(NAMESPACE, 4000)[0];
        Reaction::MovePartition {
            partition: 4000,
            to: (owner + 1) % 3,
        }
    };
    survives(
        |cluster| {
            Rule::new(On::Scan, reaction(cluster))
                .after_records(20)
                .times(1)
        },
        1,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_is_unavailable_for_a_while_is_waited_for() {
    let rule = Rule::new(On::Scan, Reaction::PartitionUnavailable).partition(77);
    survives(|_| rule.times(2), 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_scans_at_a_time_is_waited_for() {
    survives(|_| Rule::new(On::Scan, Reaction::Result(22)).times(3), 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_takes_its_partitions_along_ends_the_backup() {
    let rule = Rule::new(On::Scan, Reaction::KillNode(NodeLoss::DataUnavailable)).node(2);
    let error = fails(3, rule.after_total_records(300).times(1)).await;
    assert_eq!(error.class(), ErrorClass::Unreachable, "{}", chain(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_is_never_served_is_named() {
    let rule = Rule::new(On::Scan, Reaction::PartitionUnavailable).partition(77);
    let error = fails(1, rule).await;
    assert!(error.to_string().contains("partition 77"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aborted_scan_ends_the_backup() {
    let error = fails(1, Rule::new(On::Scan, Reaction::Result(15))).await;
    assert!(error.to_string().contains("aborted"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_ends_the_backup_with_one_clear_error() {
    use Garbage::{CutMessage, FieldPastEnd, HugeLength, WrongVersion, ZeroOp};
    for garbage in [HugeLength, WrongVersion, CutMessage, FieldPastEnd, ZeroOp] {
        let error = fails(1, Rule::new(On::Scan, Reaction::Garbage(garbage))).await;
        assert!(
            error.to_string().contains("malformed reply"),
            "{garbage:?}: {error}"
        );
    }
}

/// Restores a sound backup into a cluster of two under a fault.
async fn restore_under(
    rule: Rule,
) -> (
    Cluster,
    backup_core::handle::Outcome<backup_core::stats::RestoreStats>,
) {
    let (source, copy) = (cluster(1), cluster(2));
    fill(&source, RECORDS);
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("set");
    backup_ok(backup_config(&source, to_directory(&path))).await;
    let rule = copy.faults().add(rule);
    let outcome = run_restore(restore_config(&copy, &path)).await;
    assert!(copy.faults().fired(rule) > 0, "the fault did not happen");
    let counts = outcome.stats.snapshot();
    assert!(counts.is_balanced(), "{counts:?}");
    if outcome.result.is_ok() {
        assert_same(&source, &copy);
        assert_eq!(counts.records_read, u64::from(RECORDS));
    }
    (copy, outcome)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_refused_for_a_moment_are_sent_again() {
    for code in [8, 9, 11, 14, 18, 83] {
        let rule = Rule::new(On::BatchRow, Reaction::Result(code)).rows(Rows::Percent(5));
        let (_, outcome) = restore_under(rule.times(400)).await;
        outcome.result.unwrap();
        assert!(outcome.stats.snapshot().retries > 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_whose_answer_is_lost_are_sent_again() {
    let (_, outcome) = restore_under(Rule::new(On::Batch, Reaction::ApplyThenDrop).times(3)).await;
    outcome.result.unwrap();
    let counts = outcome.stats.snapshot();
    assert_eq!(counts.inserted + counts.fresher, u64::from(RECORDS));
    assert!(
        counts.fresher > 0,
        "records that were applied before the answer was lost"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_during_the_restore_is_replaced() {
    let rule = Rule::new(On::Batch, Reaction::KillNode(NodeLoss::Takeover)).node(1);
    restore_under(rule.skip(2).times(1)).await.1.result.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_record_ends_the_restore_and_is_named() {
    let rule = Rule::new(On::BatchRow, Reaction::Result(13))
        .rows(Rows::At(3))
        .times(1);
    let (_, outcome) = restore_under(rule).await;
    let error = outcome.result.unwrap_err();
    let Error::RecordRefused {
        code, file, offset, ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(code.0, 13);
    assert!(file.ends_with(".asb") && *offset > 0, "{error}");
    assert_eq!(outcome.stats.snapshot().failed, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_are_switched_off_become_single_writes() {
    let (copy, outcome) = restore_under(Rule::new(On::Batch, Reaction::Result(150))).await;
    outcome.result.unwrap();
    assert!(copy.counters().writes >= u64::from(RECORDS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_answers_to_batches_end_in_doubt() {
    let rule = Rule::new(On::Batch, Reaction::Garbage(Garbage::HugeLength));
    let (_, outcome) = restore_under(rule).await;
    let error = outcome.result.unwrap_err();
    assert!(error.to_string().contains("malformed reply"), "{error}");
    assert!(outcome.stats.snapshot().in_doubt > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_node_is_no_failure() {
    let rule = Rule::new(On::Batch, Reaction::Delay(Duration::from_millis(100))).times(4);
    restore_under(rule).await.1.result.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_are_never_answered_are_sent_again_after_the_time_out() {
    let (source, copy) = (cluster(1), cluster(2));
    fill(&source, RECORDS);
    let temporary = tempfile::tempdir().unwrap();
    backup_ok(backup_config(&source, to_directory(temporary.path()))).await;
    for (socket_ms, total_ms) in [(300, 0), (0, 300)] {
        let silent = Rule::new(On::Batch, Reaction::Delay(Duration::from_secs(5)));
        let silent = copy.faults().add(silent.times(3));
        let mut config = restore_config(&copy, temporary.path());
        config.socket_timeout = Duration::from_millis(socket_ms);
        config.total_timeout = Duration::from_millis(total_ms);
        config.retry.attempts = 60; // on a busy machine answers may be late as well
        let counts = restore_ok(config).await;
        assert_eq!(copy.faults().fired(silent), 3);
        assert!(counts.in_doubt > 0 && counts.retries > 0, "{counts:?}");
        let there = counts.inserted + counts.fresher;
        assert_eq!((there, counts.failed), (RECORDS.into(), 0));
        assert_same(&source, &copy);
    }
}
