//! Outcomes of rows: each final at once, or tried again.

use crate::support::*;
use aerospike_wire::{
    batch::{BatchBuilder, WriteHead},
    digest::Digest,
    field::code,
    result_code::ResultCode,
};
use asnode::{
    Cluster,
    faults::{On, Reaction, Rows, Rule},
};
use backup_cluster::batch_write::{BatchWriter, Brakes, RowOutcome, WriteOptions, Written};
use tokio_util::sync::CancellationToken;

pub(crate) fn batch(rows: u8) -> BatchBuilder {
    let mut batch = BatchBuilder::with_capacity(1024);
    let head = WriteHead {
        info2: 0,
        info3: 0,
        generation: 0,
        record_ttl: u32::MAX,
    };
    for row in 0..rows {
        batch.start_write(&Digest::for_key(b"s", 4, &[row]), &head);
        batch.field(code::NAMESPACE, NAMESPACE.as_bytes());
        batch.field(code::SET, b"s");
        batch.write(4, b"b", &[row; 100]);
        batch.finish_row();
    }
    batch
}

async fn write(cluster: &Cluster, change: impl FnOnce(&mut WriteOptions)) -> Written {
    let mut options = WriteOptions {
        retry: RETRY,
        ..WriteOptions::new(NAMESPACE)
    };
    change(&mut options);
    let writer = BatchWriter::new(view(cluster).await, options)
        .await
        .unwrap();
    let node = writer.map().nodes()[0].clone();
    writer
        .write(&node, batch(50), Brakes::one(&CancellationToken::new()))
        .await
}

pub(crate) const OK: RowOutcome = RowOutcome::Answered(ResultCode::OK);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_for_other_nodes_are_passed_on() {
    let cluster = cluster(3);
    let written = write(&cluster, |_| {}).await;
    assert_eq!(written.outcomes, [OK; 50]);
    assert_eq!((cluster.count(NAMESPACE), written.retries), (50, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_rows_without_a_final_answer_are_sent_again() {
    let cluster = cluster(2);
    let refuse = |row, code| Rule::new(On::BatchRow, Reaction::Result(code)).rows(Rows::At(row));
    cluster.faults().add(refuse(7, 13).times(1));
    cluster.faults().add(refuse(9, 18).times(1));
    let written = write(&cluster, |_| {}).await;
    let mut expected = [OK; 50];
    expected[7] = RowOutcome::Answered(ResultCode::RECORD_TOO_BIG);
    assert_eq!(written.outcomes, expected);
    assert_eq!(written.retries, 1);
    assert_eq!(cluster.counters().batch_rows, 51, "one row went twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_never_taken_keeps_the_last_answer() {
    let cluster = cluster(1);
    cluster
        .faults()
        .add(Rule::new(On::BatchRow, Reaction::Result(8)).rows(Rows::All));
    let written = write(&cluster, |_| {}).await;
    assert_eq!(
        written.outcomes,
        [RowOutcome::NotApplied(Some(ResultCode::OUT_OF_SPACE)); 50]
    );
    assert_eq!(written.retries, RETRY.attempts - 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_never_comes_leaves_rows_in_doubt() {
    for single_writes in [false, true] {
        let cluster = cluster(1);
        let on = if single_writes { On::Write } else { On::Batch };
        cluster.faults().add(Rule::new(on, Reaction::ApplyThenDrop));
        let written = write(&cluster, |options| options.single_writes = single_writes).await;
        assert!(written.outcomes.contains(&RowOutcome::InDoubt));
        assert!(!written.outcomes.contains(&OK), "{:?}", written.outcomes);
        assert!(written.failure.is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_writes_keep_their_order() {
    let cluster = cluster(2);
    cluster
        .faults()
        .add(Rule::new(On::Write, Reaction::Result(13)).skip(4).times(1));
    let written = write(&cluster, |options| options.single_writes = true).await;
    let mut expected = [OK; 50];
    expected[4] = RowOutcome::Answered(ResultCode::RECORD_TOO_BIG);
    assert_eq!(written.outcomes, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_large_a_batch_for_the_server_goes_as_single_writes() {
    let cluster = Cluster::builder()
        .namespace(asnode::NamespaceConfig::new(NAMESPACE))
        .batch_max_requests(10)
        .start()
        .unwrap();
    let written = write(&cluster, |_| {}).await;
    assert_eq!(written.outcomes, [OK; 50]);
    assert_eq!(cluster.counters().writes, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_write_does_not_wait_for_a_node_that_hangs() {
    let cluster = cluster(1);
    let rule = cluster
        .faults()
        .add(Rule::new(On::Batch, Reaction::Silence));
    let options = WriteOptions {
        retry: RETRY,
        ..WriteOptions::new(NAMESPACE)
    };
    let writer = BatchWriter::new(view(&cluster).await, options)
        .await
        .unwrap();
    let (node, cancel) = (writer.map().nodes()[0].clone(), CancellationToken::new());
    let stop = cancel.clone();
    let started = std::time::Instant::now();
    let (written, ()) = tokio::join!(
        writer.write(&node, batch(50), Brakes::one(&cancel)),
        async {
            while cluster.faults().fired(rule) == 0 {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        }
    );
    assert_eq!(written.outcomes, [RowOutcome::InDoubt; 50]);
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_refused_as_a_whole_is_judged_row_by_row() {
    let cluster = cluster(1);
    let refuse = |on, code| Rule::new(on, Reaction::Result(code)).times(1);
    cluster.faults().add(refuse(On::Batch, 4));
    cluster.faults().add(refuse(On::Write, 13).skip(8));
    let written = write(&cluster, |_| {}).await;
    let mut expected = [OK; 50];
    expected[8] = RowOutcome::Answered(ResultCode::RECORD_TOO_BIG);
    assert_eq!(written.outcomes, expected);
    assert!(written.single_writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubts_are_counted_per_attempt() {
    let cluster = cluster(1);
    let lose = Rule::new(On::Batch, Reaction::ApplyThenDrop);
    cluster.faults().add(lose.times(2));
    let written = write(&cluster, |_| {}).await;
    assert_eq!(written.outcomes, [OK; 50]);
    assert_eq!((written.retries, written.in_doubt), (2, 100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_run_finishes_its_attempt_and_begins_no_other() {
    let cluster = cluster(1);
    let later = Rule::new(On::BatchRow, Reaction::Result(18)).rows(Rows::At(3));
    cluster.faults().add(later);
    let options = WriteOptions {
        retry: RETRY,
        ..WriteOptions::new(NAMESPACE)
    };
    let writer = BatchWriter::new(view(&cluster).await, options)
        .await
        .unwrap();
    let node = writer.map().nodes()[0].clone();
    let (stop, cancel) = (CancellationToken::new(), CancellationToken::new());
    stop.cancel();
    let brakes = Brakes {
        stop: &stop,
        cancel: &cancel,
    };
    let written = writer.write(&node, batch(50), brakes).await;
    let mut expected = [OK; 50];
    expected[3] = RowOutcome::NotApplied(Some(ResultCode::DEVICE_OVERLOAD));
    assert_eq!((written.outcomes, written.retries), (expected.to_vec(), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_has_a_limit_of_its_own() {
    let cluster = cluster(1);
    // Each row comes in time, but all of them take too long.
    let slow = Reaction::Trickle {
        bytes_per_second: 200,
    };
    let rule = cluster.faults().add(Rule::new(On::Batch, slow).times(1));
    let written = write(&cluster, |options| {
        options.total_timeout = std::time::Duration::from_millis(500);
    })
    .await;
    assert_eq!(cluster.faults().fired(rule), 1);
    assert_eq!(written.outcomes, [OK; 50]);
    assert!(written.in_doubt > 0 && written.retries > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_opened_ahead() {
    let cluster = cluster(2);
    let writer = BatchWriter::new(view(&cluster).await, WriteOptions::new(NAMESPACE))
        .await
        .unwrap();
    let before = cluster.counters().connections;
    writer.warm_up(3).await;
    let ahead = cluster.counters().connections;
    assert!(ahead >= before + 6, "{before} {ahead}");
    for node in writer.map().nodes() {
        let cancel = CancellationToken::new();
        let written = writer.write(node, batch(50), Brakes::one(&cancel)).await;
        assert_eq!(written.outcomes, [OK; 50]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sick_node_is_spared() {
    // Twenty batches for a node that drops everything: without the breaker each would knock in
    // each of its attempts.
    let cluster = cluster(1);
    let rule = cluster.faults().add(Rule::new(On::Batch, Reaction::Drop));
    let options = WriteOptions {
        retry: RETRY,
        ..WriteOptions::new(NAMESPACE)
    };
    let writer = BatchWriter::new(view(&cluster).await, options)
        .await
        .unwrap();
    let writer = std::sync::Arc::new(writer);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let writer = std::sync::Arc::clone(&writer);
        running.spawn(async move {
            let (node, cancel) = (writer.map().nodes()[0].clone(), CancellationToken::new());
            writer.write(&node, batch(5), Brakes::one(&cancel)).await
        });
    }
    while let Some(written) = running.join_next().await {
        let written = written.unwrap();
        assert!(!written.outcomes.contains(&OK));
        assert!(written.failure.is_some());
    }
    let knocks = cluster.faults().fired(rule);
    assert!(knocks < u64::from(20 * RETRY.attempts), "{knocks}");
    cluster.faults().clear();
    let (node, cancel) = (writer.map().nodes()[0].clone(), CancellationToken::new());
    let written = writer.write(&node, batch(5), Brakes::one(&cancel)).await;
    assert_eq!(written.outcomes, [OK; 5]);
}
