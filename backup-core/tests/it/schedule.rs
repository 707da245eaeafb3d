//! Random schedules of faults during a restore: nothing is lost, nothing is written with another
//! value, and the result says what happened.

use crate::support::*;
use asnode::{
    Cluster, NodeLoss,
    faults::{On, Reaction, Rows, Rule},
};
use backup_cluster::retry::RetryPolicy;
use std::time::Duration;

const RECORDS: u32 = 900;

/// A fault that ends some day, of batches or of single writes.
fn passing(rng: &mut fastrand::Rng, cluster: &Cluster, single_writes: bool) -> Rule {
    let (on_row, on_batch) = events(single_writes);
    let row = |code| Rule::new(on_row, Reaction::Result(code));
    let batch = |reaction| Rule::new(on_batch, reaction);
    let few = rng.u64(1..4);
    let rule = match rng.u8(0..13) {
        0 => row([8, 9, 11, 14, 18, 32, 83][rng.usize(0..7)])
            .rows(Rows::Percent(rng.u8(1..40)))
            .times(rng.u64(1..200)),
        1 => batch(Reaction::ApplyThenDrop).times(few),
        2 => batch(Reaction::Drop).times(few),
        3 => batch(Reaction::Reset).times(few),
        4 => {
            let after_bytes = rng.u64(1..2000);
            batch(Reaction::CutReply { after_bytes }).times(few)
        }
        5 => Rule::new(On::Connect, Reaction::Drop).skip(6).times(few),
        6 => batch(Reaction::KillNode(NodeLoss::Takeover))
            .node(1)
            .times(1),
        7 => batch(Reaction::RetireNode).node(2).times(1),
        8 => {
            let partition = rng.u16(0..4096);
            let to = (cluster.owners(NAMESPACE, partition)[0] + 1) % 3;
            batch(Reaction::MovePartition { partition, to }).times(1)
        }
        9 => batch(Reaction::Delay(Duration::from_millis(rng.u64(1..50)))).times(few),
        10 => batch(Reaction::Result([9, 152][rng.usize(0..2)])).times(few),
        11 => batch(Reaction::HalfFrame).times(1),
        _ => Rule::new(On::Info, Reaction::Drop)
            .command("replicas")
            .skip(6)
            .times(few),
    };
    if rng.bool() {
        rule.skip(rng.u64(0..3))
    } else {
        rule
    }
}

/// What happens to a row, and to what is sent at a time.
const fn events(single_writes: bool) -> (On, On) {
    match single_writes {
        true => (On::Write, On::Write),
        false => (On::BatchRow, On::Batch),
    }
}

async fn run(seed: u64, single_writes: bool, source: &Cluster, path: &std::path::Path) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let copy = cluster(3);
    for _ in 0..rng.u8(2..6) {
        copy.faults().add(passing(&mut rng, &copy, single_writes));
    }
    let is_fatal = rng.u8(0..4) == 0;
    if is_fatal {
        let refuse = Rule::new(events(single_writes).0, Reaction::Result(4));
        copy.faults().add(refuse.rows(Rows::Percent(1)));
    }
    let mut config = restore_config(&copy, path);
    config.single_writes = single_writes;
    config.batch_rows = rng.usize(1..200);
    config.batches_in_flight = rng.usize(1..9);
    config.socket_timeout = Duration::from_secs(2);
    config.retry = RetryPolicy {
        attempts: 60,
        ..RETRY
    };
    let outcome = run_restore(config).await;
    let counts = outcome.stats.snapshot();
    assert!(counts.is_balanced(), "seed {seed}: {counts:?}");
    let (expected, found) = (content(source), content(&copy));
    for (digest, record) in &found {
        assert_eq!(Some(record), expected.get(digest), "seed {seed}");
    }
    match outcome.result {
        Ok(()) => {
            assert!(!is_fatal, "seed {seed}");
            assert_eq!(found.len(), expected.len(), "seed {seed}: {counts:?}");
            let total = counts.inserted + counts.fresher;
            assert_eq!(total, u64::from(RECORDS), "seed {seed}: {counts:?}");
            // Only a write without an answer can meet itself.
            assert!(counts.fresher <= counts.in_doubt, "seed {seed}: {counts:?}");
        }
        Err(error) => {
            assert!(is_fatal, "seed {seed}: {}", chain(&error));
            assert!(counts.failed > 0, "seed {seed}: {counts:?}");
            // What is there and was not counted was left without an answer.
            let known = counts.inserted;
            let there = found.len() as u64;
            assert!(known <= there, "seed {seed}: {counts:?}, {there} there");
            assert!(
                there <= known + counts.in_doubt,
                "seed {seed}: {counts:?}, {there} there"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_schedules() {
    let source = cluster(1);
    fill(&source, RECORDS);
    let temporary = tempfile::tempdir().unwrap();
    backup_ok(backup_config(&source, to_directory(temporary.path()))).await;
    for seed in 0..30 {
        run(seed, false, &source, temporary.path()).await;
    }
    for seed in 30..40 {
        run(seed, true, &source, temporary.path()).await;
    }
}
